/* SPDX-License-Identifier: Apache-2.0 */
/* Converts messages for test_messages.py. Reads requests until its input ends:
 *
 *     <type> <from> <to> <size>\n<size bytes>
 *
 * where the formats are "protobuf", "json" (v1 names) and "json0" (v0 names). Answers "ok <size>\n<size bytes>", or
 * "error <size>\n<message>". On the way the message is copied, and the copy must equal it. */
#include <inttypes.h>
#include <stdio.h>

#include "message/json.h"
#include "message/v0.h"

extern const ProtobufCMessageDescriptor *const catalog[];

static const ProtobufCMessageDescriptor *find_type(const char *name) {
    for (size_t i = 0; catalog[i] != NULL; i++)
        if (strcmp(catalog[i]->name, name) == 0)
            return catalog[i];
    return NULL;
}

static int read_format(const char *type, const char *format, const struct buffer *input, struct arena *arena,
                       ProtobufCMessage **ret, struct error *err) {
    const ProtobufCMessageDescriptor *descriptor = find_type(type);

    if (descriptor == NULL)
        return error_set(err, 0, "no type %s", type);
    if (strcmp(format, "protobuf") == 0)
        return message_decode(descriptor, input->data, input->size, arena, ret, err);
    if (strcmp(format, "v0call") == 0)
        return v0_scheduler_call_decode(input->data, input->size, arena, (Mesos__V1__Scheduler__Call **)(void *)ret,
                                        NULL, err);
    return message_parse_json(descriptor, input->data, input->size,
                              strcmp(format, "json0") == 0 ? MESSAGE_V0 : MESSAGE_V1, arena, ret, err);
}

static void write_format(const char *format, const ProtobufCMessage *message, struct buffer *output) {
    if (strcmp(format, "protobuf") == 0)
        message_encode(message, output);
    else if (strcmp(format, "v0call") == 0)
        v0_scheduler_call_encode((const Mesos__V1__Scheduler__Call *)message, output);
    else
        message_append_json(message, strcmp(format, "json0") == 0 ? MESSAGE_V0 : MESSAGE_V1, output);
}

static int convert(const char *type, const char *from, const char *to, const struct buffer *input,
                   struct buffer *output, struct error *err) {
    struct arena arena = ARENA_INIT;
    ProtobufCMessage *message, *on_heap;
    int result = read_format(type, from, input, &arena, &message, err);

    if (result == 0 && !message_is_initialized(message, err))
        result = error_wrap(err, "decoded, but");
    if (result == 0) {
        on_heap = message_copy(message_copy(message, &arena), NULL);
        write_format(to, on_heap, output);
        /* NaN is not equal to itself, so what it was copied to is compared by its bytes. */
        if (!message_equal(message, on_heap)) {
            struct buffer a = BUFFER_INIT, b = BUFFER_INIT;

            message_encode(message, &a);
            message_encode(on_heap, &b);
            if (a.size != b.size || memcmp(a.data, b.data, a.size) != 0)
                result = error_set(err, 0, "the copy differs");
            buffer_done(&a);
            buffer_done(&b);
        }
        if (message_size(message) != message_size(on_heap))
            result = error_set(err, 0, "the copy has another size");
        message_free(on_heap);
    }
    arena_done(&arena);
    return result;
}

int main(void) {
    char type[256], from[16], to[16];
    size_t size;

    while (scanf("%255s %15s %15s %zu", type, from, to, &size) == 4) {
        struct buffer input = BUFFER_INIT, output = BUFFER_INIT;
        struct error err = ERROR_INIT;

        if (getchar() != '\n' || fread(buffer_reserve(&input, size + 1), 1, size, stdin) != size)
            return 1;
        buffer_added(&input, size);
        if (convert(type, from, to, &input, &output, &err) == 0) {
            printf("ok %zu\n", output.size);
            fwrite(output.data, 1, output.size, stdout);
        } else {
            printf("error %zu\n%s", strlen(error_message(&err)), error_message(&err));
        }
        fflush(stdout);
        buffer_done(&input);
        buffer_done(&output);
        error_done(&err);
    }
    return 0;
}
