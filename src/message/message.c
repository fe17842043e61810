/* SPDX-License-Identifier: Apache-2.0 */
#include "message/message.h"

#include <errno.h>
#include <string.h>

/* Where a field's value and its count or presence are in a struct. */
static void *member(const ProtobufCMessage *message, unsigned offset) {
    return (char *)(uintptr_t)message + offset;
}

static size_t element_size(ProtobufCType type) {
    switch (type) {
    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_SINT64:
    case PROTOBUF_C_TYPE_SFIXED64:
    case PROTOBUF_C_TYPE_UINT64:
    case PROTOBUF_C_TYPE_FIXED64:
    case PROTOBUF_C_TYPE_DOUBLE:
        return 8;
    case PROTOBUF_C_TYPE_BOOL:
        return sizeof(protobuf_c_boolean);
    case PROTOBUF_C_TYPE_STRING:
    case PROTOBUF_C_TYPE_MESSAGE:
        return sizeof(void *);
    case PROTOBUF_C_TYPE_BYTES:
        return sizeof(ProtobufCBinaryData);
    default:
        return 4;
    }
}

static bool is_pointer(ProtobufCType type) {
    return type == PROTOBUF_C_TYPE_STRING || type == PROTOBUF_C_TYPE_MESSAGE;
}

/* The value of a pointer field that is not set: NULL, or for strings with a default the default itself. */
static bool is_unset_pointer(const ProtobufCFieldDescriptor *field, const void *value) {
    return value == NULL || value == field->default_value;
}

static bool is_in_oneof(const ProtobufCFieldDescriptor *field) {
    return (field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) != 0;
}

/* Whether a field that is not repeated is set. */
static bool is_set(const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field) {
    if (is_in_oneof(field))
        return *(uint32_t *)member(message, field->quantifier_offset) == field->id;
    if (is_pointer(field->type))
        return !is_unset_pointer(field, *(void **)member(message, field->offset));
    return field->label == PROTOBUF_C_LABEL_REQUIRED ||
           *(protobuf_c_boolean *)member(message, field->quantifier_offset);
}

/* Decoding */

/* Bytes being looked at. */
struct wire {
    const uint8_t *next, *end;
};

static bool read_varint(struct wire *wire, uint64_t *ret) {
    uint64_t value = 0;

    for (unsigned shift = 0; shift < 64 && wire->next < wire->end; shift += 7) {
        uint8_t byte = *wire->next++;

        value |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80) {
            *ret = value;
            return true;
        }
    }
    return false;
}

/* The tag and, for the length-delimited, the content of the next field; @ret_content is empty for other types. */
static bool read_field(struct wire *wire, uint64_t *ret_id, unsigned *ret_type, struct wire *ret_content) {
    uint64_t tag, value;
    size_t skip;

    if (!read_varint(wire, &tag) || tag >> 3 == 0 || tag >> 32 != 0)
        return false;
    *ret_id = tag >> 3;
    *ret_type = tag & 7;
    *ret_content = (struct wire){NULL, NULL};
    switch (*ret_type) {
    case PROTOBUF_C_WIRE_TYPE_VARINT:
        return read_varint(wire, &value);
    case PROTOBUF_C_WIRE_TYPE_64BIT:
        skip = 8;
        break;
    case PROTOBUF_C_WIRE_TYPE_32BIT:
        skip = 4;
        break;
    case PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED:
        if (!read_varint(wire, &value) || value > (uint64_t)(wire->end - wire->next))
            return false;
        *ret_content = (struct wire){wire->next, wire->next + value};
        skip = value;
        break;
    default:
        return false;
    }
    if ((size_t)(wire->end - wire->next) < skip)
        return false;
    wire->next += skip;
    return true;
}

/* Protobuf-c recurses into nested messages without a limit, so the nesting is measured first. Returns false if it is
 * deeper than @depth; malformed bytes are left for the decoder to find. */
static bool nests_within(const ProtobufCMessageDescriptor *descriptor, struct wire wire, unsigned depth) {
    struct wire content;
    uint64_t id;
    unsigned type;

    while (wire.next < wire.end && read_field(&wire, &id, &type, &content)) {
        const ProtobufCFieldDescriptor *field;

        if (type != PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED || content.next == content.end)
            continue;
        field = protobuf_c_message_descriptor_get_field(descriptor, (unsigned)id);
        if (field == NULL || field->type != PROTOBUF_C_TYPE_MESSAGE)
            continue;
        if (depth == 0 || !nests_within(field->descriptor, content, depth - 1))
            return false;
    }
    return true;
}

static bool has_field(const ProtobufCFieldDescriptor *field, struct wire wire) {
    struct wire content;
    uint64_t id;
    unsigned type;

    while (wire.next < wire.end && read_field(&wire, &id, &type, &content))
        if (id == field->id)
            return true;
    return false;
}

/* Say why bytes could not be decoded. */
static int explain(const ProtobufCMessageDescriptor *descriptor, struct wire wire, struct error *err) {
    struct wire content, rest = wire;
    uint64_t id;
    unsigned type;

    while (rest.next < rest.end) {
        const ProtobufCFieldDescriptor *field;

        if (!read_field(&rest, &id, &type, &content))
            return error_set(err, EBADMSG, "%s: truncated or malformed bytes", descriptor->name);
        field = protobuf_c_message_descriptor_get_field(descriptor, (unsigned)id);
        if (field != NULL && field->type == PROTOBUF_C_TYPE_MESSAGE && type == PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED &&
            explain(field->descriptor, content, err) < 0)
            return -1;
    }
    for (unsigned i = 0; i < descriptor->n_fields; i++)
        if (descriptor->fields[i].label == PROTOBUF_C_LABEL_REQUIRED && !has_field(&descriptor->fields[i], wire))
            return error_set(err, EBADMSG, "%s: required field '%s' is missing", descriptor->name,
                             descriptor->fields[i].name);
    return 0;
}

static void *allocate_in_arena(void *arena, size_t size) {
    return arena_alloc(arena, size);
}

static void free_in_arena(void *arena, void *pointer) {
}

int message_decode(const ProtobufCMessageDescriptor *descriptor, const void *data, size_t size, struct arena *arena,
                   ProtobufCMessage **ret, struct error *err) {
    ProtobufCAllocator allocator = {allocate_in_arena, free_in_arena, arena};
    struct wire wire = {data, (const uint8_t *)data + size};
    ProtobufCMessage *message;

    if (!nests_within(descriptor, wire, MESSAGE_DEPTH_LIMIT))
        return error_set(err, EBADMSG, "%s: messages nest deeper than %d levels", descriptor->name,
                         MESSAGE_DEPTH_LIMIT);
    message = protobuf_c_message_unpack(descriptor, &allocator, size, data);
    if (message == NULL) {
        if (explain(descriptor, wire, err) == 0)
            error_set(err, EBADMSG, "%s: malformed bytes", descriptor->name);
        return -1;
    }
    *ret = message;
    return 0;
}

void message_encode(const ProtobufCMessage *message, struct buffer *buffer) {
    size_t size = protobuf_c_message_get_packed_size(message);

    protobuf_c_message_pack(message, (uint8_t *)buffer_reserve(buffer, size));
    buffer_added(buffer, size);
}

/* Completeness */

static bool is_field_initialized(const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field,
                                 struct error *err) {
    if (field->label == PROTOBUF_C_LABEL_REQUIRED && !is_set(message, field)) {
        error_set(err, EBADMSG, "%s: required field '%s' is missing", message->descriptor->name, field->name);
        return false;
    }
    if (field->type != PROTOBUF_C_TYPE_MESSAGE)
        return true;
    if (field->label == PROTOBUF_C_LABEL_REPEATED) {
        size_t count = *(size_t *)member(message, field->quantifier_offset);
        ProtobufCMessage **items = *(ProtobufCMessage ***)member(message, field->offset);

        for (size_t i = 0; i < count; i++)
            if (!message_is_initialized(items[i], err))
                return false;
        return true;
    }
    return !is_set(message, field) || message_is_initialized(*(ProtobufCMessage **)member(message, field->offset), err);
}

bool message_is_initialized(const ProtobufCMessage *message, struct error *err) {
    for (unsigned i = 0; i < message->descriptor->n_fields; i++)
        if (!is_field_initialized(message, &message->descriptor->fields[i], err))
            return false;
    return true;
}

/* Copies */

static void *allocate(struct arena *arena, size_t size) {
    return arena == NULL ? xmalloc(size) : arena_alloc(arena, size);
}

static void *duplicate(struct arena *arena, const void *data, size_t size) {
    void *copy = allocate(arena, size);

    if (size > 0)
        memcpy(copy, data, size);
    return copy;
}

/* Make the value at @to, which is a plain copy of another message's, independent of it. */
static void copy_value(ProtobufCType type, void *value, struct arena *arena) {
    if (type == PROTOBUF_C_TYPE_STRING) {
        char **string = value;

        *string = duplicate(arena, *string, strlen(*string) + 1);
    } else if (type == PROTOBUF_C_TYPE_MESSAGE) {
        ProtobufCMessage **nested = value;

        *nested = message_copy(*nested, arena);
    } else if (type == PROTOBUF_C_TYPE_BYTES) {
        ProtobufCBinaryData *bytes = value;

        bytes->data = bytes->len > 0 ? duplicate(arena, bytes->data, bytes->len) : NULL;
    }
}

static void copy_repeated(ProtobufCMessage *copy, const ProtobufCFieldDescriptor *field, struct arena *arena) {
    size_t count = *(size_t *)member(copy, field->quantifier_offset), size = element_size(field->type);
    void **items = member(copy, field->offset);

    if (count == 0) {
        *items = NULL;
        return;
    }
    *items = duplicate(arena, *items, count * size);
    if (is_pointer(field->type) || field->type == PROTOBUF_C_TYPE_BYTES)
        for (size_t i = 0; i < count; i++)
            copy_value(field->type, (char *)*items + i * size, arena);
}

static void copy_field(ProtobufCMessage *copy, const ProtobufCFieldDescriptor *field, struct arena *arena) {
    if (field->label == PROTOBUF_C_LABEL_REPEATED)
        copy_repeated(copy, field, arena);
    else if ((is_pointer(field->type) || field->type == PROTOBUF_C_TYPE_BYTES) && is_set(copy, field))
        copy_value(field->type, member(copy, field->offset), arena);
}

ProtobufCMessage *message_copy(const ProtobufCMessage *message, struct arena *arena) {
    const ProtobufCMessageDescriptor *descriptor = message->descriptor;
    ProtobufCMessage *copy = duplicate(arena, message, descriptor->sizeof_message);

    for (unsigned i = 0; i < descriptor->n_fields; i++)
        copy_field(copy, &descriptor->fields[i], arena);
    if (copy->n_unknown_fields == 0) {
        copy->unknown_fields = NULL;
        return copy;
    }
    copy->unknown_fields = duplicate(arena, copy->unknown_fields,
                                     copy->n_unknown_fields * sizeof(copy->unknown_fields[0]));
    for (unsigned i = 0; i < copy->n_unknown_fields; i++)
        copy->unknown_fields[i].data = duplicate(arena, copy->unknown_fields[i].data, copy->unknown_fields[i].len);
    return copy;
}

void message_free(ProtobufCMessage *message) {
    if (message != NULL)
        protobuf_c_message_free_unpacked(message, NULL);
}

/* Comparison */

static bool value_equal(ProtobufCType type, const void *a, const void *b) {
    switch (type) {
    case PROTOBUF_C_TYPE_STRING:
        return strcmp(*(char *const *)a, *(char *const *)b) == 0;
    case PROTOBUF_C_TYPE_MESSAGE:
        return message_equal(*(ProtobufCMessage *const *)a, *(ProtobufCMessage *const *)b);
    case PROTOBUF_C_TYPE_BYTES: {
        const ProtobufCBinaryData *x = a, *y = b;

        return x->len == y->len && (x->len == 0 || memcmp(x->data, y->data, x->len) == 0);
    }
    case PROTOBUF_C_TYPE_DOUBLE:
        return *(const double *)a == *(const double *)b;
    case PROTOBUF_C_TYPE_FLOAT:
        return *(const float *)a == *(const float *)b;
    default:
        return memcmp(a, b, element_size(type)) == 0;
    }
}

static bool field_equal(const ProtobufCMessage *a, const ProtobufCMessage *b, const ProtobufCFieldDescriptor *field) {
    if (field->label == PROTOBUF_C_LABEL_REPEATED) {
        size_t count = *(size_t *)member(a, field->quantifier_offset), size = element_size(field->type);
        const char *x = *(char **)member(a, field->offset), *y = *(char **)member(b, field->offset);

        if (count != *(size_t *)member(b, field->quantifier_offset))
            return false;
        for (size_t i = 0; i < count; i++)
            if (!value_equal(field->type, x + i * size, y + i * size))
                return false;
        return true;
    }
    if (is_set(a, field) != is_set(b, field))
        return false;
    return !is_set(a, field) || value_equal(field->type, member(a, field->offset), member(b, field->offset));
}

static bool unknown_fields_equal(const ProtobufCMessage *a, const ProtobufCMessage *b) {
    if (a->n_unknown_fields != b->n_unknown_fields)
        return false;
    for (unsigned i = 0; i < a->n_unknown_fields; i++) {
        const ProtobufCMessageUnknownField *x = &a->unknown_fields[i], *y = &b->unknown_fields[i];

        if (x->tag != y->tag || x->wire_type != y->wire_type || x->len != y->len ||
            memcmp(x->data, y->data, x->len) != 0)
            return false;
    }
    return true;
}

bool message_equal(const ProtobufCMessage *a, const ProtobufCMessage *b) {
    if (a == NULL || b == NULL)
        return a == b;
    if (a->descriptor != b->descriptor)
        return false;
    for (unsigned i = 0; i < a->descriptor->n_fields; i++)
        if (!field_equal(a, b, &a->descriptor->fields[i]))
            return false;
    return unknown_fields_equal(a, b);
}

const char *message_enum_name(const ProtobufCEnumDescriptor *descriptor, int value) {
    const ProtobufCEnumValue *found = protobuf_c_enum_descriptor_get_value(descriptor, value);

    return found == NULL ? NULL : found->name;
}
