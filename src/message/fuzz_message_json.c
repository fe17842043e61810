/* SPDX-License-Identifier: Apache-2.0 */
/* Messages from arbitrary text, whose first byte chooses the type and the names: what is read can be encoded and
 * decoded to the same, and once it has been written as JSON it stays as it is. */
#include <stdint.h>

#include "mesos/internal/registry.pb-c.h"
#include "mesos/v1/agent/agent.pb-c.h"
#include "mesos/v1/executor/executor.pb-c.h"
#include "mesos/v1/master/master.pb-c.h"
#include "mesos/v1/scheduler/scheduler.pb-c.h"
#include "message/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const ProtobufCMessageDescriptor *const types[] = {
    &mesos__v1__scheduler__call__descriptor, &mesos__v1__scheduler__event__descriptor,
    &mesos__v1__executor__call__descriptor,  &mesos__v1__master__call__descriptor,
    &mesos__v1__agent__call__descriptor,     &mesos__internal__registry__descriptor,
    &mesos__v1__task_info__descriptor,       &mesos__v1__volume__descriptor,
};

static void require(bool condition) {
    if (!condition)
        abort();
}

static void check(const ProtobufCMessage *message, enum message_names names, struct arena *arena) {
    cleanup_buffer struct buffer bytes = BUFFER_INIT, first = BUFFER_INIT, second = BUFFER_INIT;
    ProtobufCMessage *again;

    message_encode(message, &bytes);
    require(message_decode(message->descriptor, bytes.data, bytes.size, arena, &again, NULL) == 0);
    require(message_equal(message, again));
    message_append_json(message, names, &first);
    require(message_parse_json(message->descriptor, first.data, first.size, names, arena, &again, NULL) == 0);
    message_append_json(again, names, &second);
    require(first.size == second.size && memcmp(first.data, second.data, first.size) == 0);
}

static void on_member(void *user, const char *name, const char *value) {
    buffer_append_string(user, name);
    buffer_append_string(user, value);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    cleanup_buffer struct buffer members = BUFFER_INIT;
    struct arena arena = ARENA_INIT;
    ProtobufCMessage *message;
    enum message_names names;

    if (size == 0)
        return 0;
    names = data[0] & 1 ? MESSAGE_V0 : MESSAGE_V1;
    if (message_parse_json(types[data[0] / 2 % ARRAY_SIZE(types)], (const char *)data + 1, size - 1, names, &arena,
                           &message, NULL) == 0)
        check(message, names, &arena);
    json_parse_strings((const char *)data + 1, size - 1, on_member, &members, NULL);
    arena_done(&arena);
    return 0;
}
