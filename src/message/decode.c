/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes to structs, in one pass. */
#include <errno.h>

#include "message/fill.h"

/* A number of 29 bits with a wire type of 3 takes so many bytes; more are no tag, even if the rest is zero. */
enum { TAG_BYTES = 5 };

enum { GROUP_START = 3, GROUP_END = 4 };

struct decoder {
    struct arena *arena;
    struct error *err;
    const ProtobufCMessageDescriptor *descriptor; /* of the whole */
    struct message_path path;
};

/* Bytes being looked at. */
struct wire {
    const uint8_t *next, *end;
};

static bool fail(struct decoder *decoder, const char *reason) {
    cleanup_buffer struct buffer path = BUFFER_INIT;

    message_path_append(&decoder->path, MESSAGE_V1, NULL, &path);
    if (path.size > 0)
        buffer_append(&path, ": ", 2);
    error_set(decoder->err, EBADMSG, "%s: %s%s", decoder->descriptor->name, buffer_text(&path), reason);
    return false;
}

static bool fail_missing(struct decoder *decoder, const struct message_plan *plan, uint64_t seen) {
    cleanup_buffer struct buffer path = BUFFER_INIT;
    const struct field_plan *field = plan->fields;

    while (field->required_bit == 0 || (seen & UINT64_C(1) << (field->required_bit - 1)) != 0)
        field++;
    message_path_append(&decoder->path, MESSAGE_V1, field->descriptor->name, &path);
    error_set(decoder->err, EBADMSG, "%s: required field '%s' is missing", decoder->descriptor->name,
              buffer_text(&path));
    return false;
}

/* Ten bytes at most, as Google's implementation has it; what does not fit into 64 bits is dropped. */
static bool read_varint_slowly(struct wire *wire, uint64_t *ret) {
    uint64_t value = 0;

    for (unsigned shift = 0; shift < 70 && wire->next < wire->end; shift += 7) {
        uint8_t byte = *wire->next++;

        value |= (uint64_t)(byte & 0x7F) << shift;
        if (byte < 0x80) {
            *ret = value;
            return true;
        }
    }
    return false;
}

static inline bool read_varint(struct wire *wire, uint64_t *ret) {
    if (wire->next < wire->end && *wire->next < 0x80) {
        *ret = *wire->next++;
        return true;
    }
    return read_varint_slowly(wire, ret);
}

static inline size_t bytes_left(const struct wire *wire) {
    return (size_t)(wire->end - wire->next);
}

/* Step over @size bytes. */
static inline bool skip(struct wire *wire, uint64_t size) {
    if (bytes_left(wire) < size)
        return false;
    wire->next += size;
    return true;
}

static inline bool read_tag(struct wire *wire, uint32_t *ret_id, unsigned *ret_type) {
    const uint8_t *start = wire->next;
    uint64_t tag;

    if (!read_varint(wire, &tag) || tag > UINT32_MAX || tag >> 3 == 0 || wire->next - start > TAG_BYTES)
        return false;
    *ret_id = (uint32_t)(tag >> 3);
    *ret_type = tag & 7;
    return true;
}

/* Step over a value of wire type @type; of a group, over its end, which must be that of @id. */
static bool skip_value(struct wire *wire, uint32_t id, unsigned type, unsigned depth) {
    uint64_t value;
    uint32_t inner;

    switch (type) {
    case PROTOBUF_C_WIRE_TYPE_VARINT:
        return read_varint(wire, &value);
    case PROTOBUF_C_WIRE_TYPE_64BIT:
        return skip(wire, 8);
    case PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED:
        return read_varint(wire, &value) && skip(wire, value);
    case PROTOBUF_C_WIRE_TYPE_32BIT:
        return skip(wire, 4);
    case GROUP_START:
        if (depth >= MESSAGE_DEPTH_LIMIT)
            return false;
        for (;;) {
            if (!read_tag(wire, &inner, &type))
                return false;
            if (type == GROUP_END)
                return inner == id;
            if (!skip_value(wire, inner, type, depth + 1))
                return false;
        }
    default:
        return false;
    }
}

static void add_unknown(struct decoder *decoder, ProtobufCMessage *message, uint32_t id, unsigned type,
                        const uint8_t *data, size_t size) {
    ProtobufCMessageUnknownField *fields = array_grow(decoder->arena, (void **)&message->unknown_fields,
                                                      message->n_unknown_fields, sizeof(*fields));
    ProtobufCMessageUnknownField *field = &fields[message->n_unknown_fields++];

    field->tag = id;
    field->wire_type = (ProtobufCWireType)type;
    field->len = size;
    field->data = arena_memdup(decoder->arena, data, size);
}

static unsigned wire_type_of(ProtobufCType type) {
    switch (type) {
    case PROTOBUF_C_TYPE_DOUBLE:
    case PROTOBUF_C_TYPE_FIXED64:
    case PROTOBUF_C_TYPE_SFIXED64:
        return PROTOBUF_C_WIRE_TYPE_64BIT;
    case PROTOBUF_C_TYPE_FLOAT:
    case PROTOBUF_C_TYPE_FIXED32:
    case PROTOBUF_C_TYPE_SFIXED32:
        return PROTOBUF_C_WIRE_TYPE_32BIT;
    case PROTOBUF_C_TYPE_STRING:
    case PROTOBUF_C_TYPE_BYTES:
    case PROTOBUF_C_TYPE_MESSAGE:
        return PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED;
    default:
        return PROTOBUF_C_WIRE_TYPE_VARINT;
    }
}

/* Read a number of the right wire type into its slot. Returns 0; 1 if it is an enum value that the enum does not have;
 * -1 if the bytes end. */
static int read_number(struct wire *wire, const struct field_plan *field, void *slot) {
    uint64_t value;

    switch (wire_type_of(field->type)) {
    case PROTOBUF_C_WIRE_TYPE_64BIT:
        if (bytes_left(wire) < 8)
            return -1;
        memcpy(slot, wire->next, 8);
        wire->next += 8;
        return 0;
    case PROTOBUF_C_WIRE_TYPE_32BIT:
        if (bytes_left(wire) < 4)
            return -1;
        memcpy(slot, wire->next, 4);
        wire->next += 4;
        return 0;
    default:
        if (!read_varint(wire, &value))
            return -1;
    }
    switch (field->type) {
    case PROTOBUF_C_TYPE_ENUM:
        if (enum_plan_find(field->values, (int)value) == NULL)
            return 1;
        *(int *)slot = (int)value;
        break;
    case PROTOBUF_C_TYPE_BOOL:
        *(protobuf_c_boolean *)slot = value != 0;
        break;
    case PROTOBUF_C_TYPE_SINT32:
        *(int32_t *)slot = (int32_t)((uint32_t)value >> 1) ^ -(int32_t)(value & 1);
        break;
    case PROTOBUF_C_TYPE_SINT64:
        *(int64_t *)slot = (int64_t)(value >> 1) ^ -(int64_t)(value & 1);
        break;
    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_UINT64:
        *(uint64_t *)slot = value;
        break;
    default:
        *(uint32_t *)slot = (uint32_t)value;
    }
    return 0;
}

static bool decode_number(struct decoder *decoder, struct wire *wire, const struct field_plan *field,
                          ProtobufCMessage *message, uint64_t *seen) {
    const uint8_t *start = wire->next;
    int result = read_number(wire, field, value_slot(decoder->arena, message, field));

    if (result < 0)
        return fail(decoder, "truncated number");
    if (result == 0)
        mark_set(message, field, seen);
    else
        add_unknown(decoder, message, field->id, PROTOBUF_C_WIRE_TYPE_VARINT, start, (size_t)(wire->next - start));
    return true;
}

static bool decode_message(struct decoder *decoder, const struct message_plan *plan, struct wire wire,
                           ProtobufCMessage *message);

static bool decode_nested(struct decoder *decoder, struct wire content, const struct field_plan *field,
                          ProtobufCMessage *message, uint64_t *seen) {
    ProtobufCMessage **slot = value_slot(decoder->arena, message, field);
    ProtobufCMessage *nested;

    if (decoder->path.depth == MESSAGE_DEPTH_LIMIT)
        return fail(decoder, "messages nest too deep");
    nested = !field->is_repeated && field_is_set(message, field)
                 ? *slot
                 : message_new(field_plan_message(field), decoder->arena);
    message_path_push(&decoder->path, field, field->is_repeated ? *count_of(message, field) : NO_INDEX);
    if (!decode_message(decoder, field_plan_message(field), content, nested))
        return false;
    if (field->is_map && !map_entry_complete(nested, field, decoder->arena))
        return fail(decoder, "map entry without a value");
    decoder->path.depth--;
    *slot = nested;
    mark_set(message, field, seen);
    return true;
}

static bool decode_packed(struct decoder *decoder, struct wire content, const struct field_plan *field,
                          ProtobufCMessage *message, uint64_t *seen) {
    while (content.next < content.end)
        if (!decode_number(decoder, &content, field, message, seen))
            return false;
    return true;
}

/* A length-delimited field that is known as @field. */
static bool decode_delimited(struct decoder *decoder, struct wire *wire, const struct field_plan *field,
                             ProtobufCMessage *message, uint64_t *seen) {
    struct wire content;
    uint64_t length;
    void *slot;

    if (!read_varint(wire, &length) || length > bytes_left(wire))
        return fail(decoder, "a length goes past the end");
    content = (struct wire){wire->next, wire->next + length};
    wire->next += length;
    switch (field->type) {
    case PROTOBUF_C_TYPE_MESSAGE:
        return decode_nested(decoder, content, field, message, seen);
    case PROTOBUF_C_TYPE_STRING: {
        char *text;

        if (memchr(content.next, '\0', length) != NULL)
            return fail(decoder, "a string holds a NUL character");
        slot = value_slot(decoder->arena, message, field);
        text = arena_alloc(decoder->arena, length + 1);
        memcpy(text, content.next, length);
        text[length] = '\0';
        *(char **)slot = text;
        break;
    }
    case PROTOBUF_C_TYPE_BYTES:
        slot = value_slot(decoder->arena, message, field);
        *(ProtobufCBinaryData *)slot = (ProtobufCBinaryData){
            length, length > 0 ? arena_memdup(decoder->arena, content.next, length) : NULL};
        break;
    default:
        return decode_packed(decoder, content, field, message, seen);
    }
    mark_set(message, field, seen);
    return true;
}

static bool decode_unknown(struct decoder *decoder, struct wire *wire, uint32_t id, unsigned type,
                           ProtobufCMessage *message) {
    const uint8_t *start = wire->next;

    if (!skip_value(wire, id, type, decoder->path.depth))
        return fail(decoder, "truncated or malformed bytes");
    add_unknown(decoder, message, id, type, start, (size_t)(wire->next - start));
    return true;
}

static bool decode_message(struct decoder *decoder, const struct message_plan *plan, struct wire wire,
                           ProtobufCMessage *message) {
    uint64_t seen = 0;

    while (wire.next < wire.end) {
        const struct field_plan *field;
        unsigned type, expected;
        uint32_t id;

        if (!read_tag(&wire, &id, &type))
            return fail(decoder, "malformed field number");
        field = message_plan_find(plan, id);
        expected = field == NULL ? 0 : wire_type_of(field->type);
        if (field != NULL && type == PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED && (type == expected || field->is_repeated)) {
            if (!decode_delimited(decoder, &wire, field, message, &seen))
                return false;
        } else if (field != NULL && type == expected) {
            if (!decode_number(decoder, &wire, field, message, &seen))
                return false;
        } else if (!decode_unknown(decoder, &wire, id, type, message)) {
            return false;
        }
    }
    if ((seen & plan->required) != plan->required)
        return fail_missing(decoder, plan, seen);
    for (unsigned i = 0; plan->has_maps && i < plan->field_count; i++)
        if (plan->fields[i].is_map)
            map_drop_repeated_keys(message, &plan->fields[i]);
    return true;
}

int message_decode(const ProtobufCMessageDescriptor *descriptor, const void *data, size_t size, struct arena *arena,
                   ProtobufCMessage **ret, struct error *err) {
    const struct message_plan *plan = message_plan_get(descriptor);
    struct decoder decoder;
    ProtobufCMessage *message;

    decoder.arena = arena;
    decoder.err = err;
    decoder.descriptor = descriptor;
    decoder.path.depth = 0;
    message = message_new(plan, arena);
    if (!decode_message(&decoder, plan, (struct wire){data, (const uint8_t *)data + size}, message))
        return -1;
    *ret = message;
    return 0;
}
