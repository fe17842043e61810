/* SPDX-License-Identifier: Apache-2.0 */
/* Messages from arbitrary bytes, the first of which chooses the type: what can be decoded can be copied, encoded and
 * decoded again, and written as JSON that is JSON. */
#include <errno.h>
#include <stdint.h>

#include "mesos/internal/messages.pb-c.h"
#include "mesos/internal/registry.pb-c.h"
#include "mesos/v1/agent/agent.pb-c.h"
#include "mesos/v1/executor/executor.pb-c.h"
#include "mesos/v1/master/master.pb-c.h"
#include "message/json.h"
#include "message/v0.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const ProtobufCMessageDescriptor *const types[] = {
    &mesos__v1__scheduler__call__descriptor,
    &mesos__v1__scheduler__event__descriptor,
    &mesos__v1__executor__call__descriptor,
    &mesos__v1__executor__event__descriptor,
    &mesos__v1__master__call__descriptor,
    &mesos__v1__master__event__descriptor,
    &mesos__v1__agent__call__descriptor,
    &mesos__v1__task_info__descriptor,
    &mesos__v1__container_id__descriptor,
    &mesos__internal__registry__descriptor,
    &mesos__internal__reregister_slave_message__descriptor,
    &mesos__internal__update_slave_message__descriptor,
};

static void require(bool condition) {
    if (!condition)
        abort();
}

static bool has_same_bytes(const ProtobufCMessage *message, const struct buffer *bytes) {
    cleanup_buffer struct buffer other = BUFFER_INIT;

    message_encode(message, &other);
    return other.size == bytes->size && (other.size == 0 || memcmp(other.data, bytes->data, other.size) == 0);
}

static void check(const ProtobufCMessage *message, struct arena *arena) {
    cleanup_buffer struct buffer bytes = BUFFER_INIT, json = BUFFER_INIT;
    cleanup_error struct error err = ERROR_INIT;
    ProtobufCMessage *copy = message_copy(message, NULL), *again;

    require(message_is_initialized(message, NULL));
    message_encode(message, &bytes);
    require(has_same_bytes(copy, &bytes));
    message_free(copy);
    require(message_decode(message->descriptor, bytes.data, bytes.size, arena, &again, NULL) == 0);
    require(has_same_bytes(again, &bytes));
    for (enum message_names names = MESSAGE_V1; names <= MESSAGE_V0; names++) {
        buffer_clear(&json);
        message_append_json(message, names, &json);
        /* It need not be the message: numbers that JSON does not have become null. */
        require(message_parse_json(message->descriptor, json.data, json.size, names, arena, &again, &err) == 0 ||
                err.code == EINVAL);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct arena arena = ARENA_INIT;
    Mesos__V1__Scheduler__Call *call;
    ProtobufCMessage *message;

    if (size == 0)
        return 0;
    if (message_decode(types[data[0] % ARRAY_SIZE(types)], data + 1, size - 1, &arena, &message, NULL) == 0)
        check(message, &arena);
    if (v0_scheduler_call_decode(data + 1, size - 1, &arena, &call, NULL, NULL) == 0)
        check(&call->base, &arena);
    arena_done(&arena);
    return 0;
}
