/* SPDX-License-Identifier: Apache-2.0 */
/* Writing. The rules are those of stout's jsonify(JSON::Protobuf): set fields, and unset ones that have a default and
 * are not deprecated; no empty lists. A number that is no value of its enum is left out, as the C++ structs can not
 * hold it. */
#include "message/json.h"

#include <string.h>

#include "message/names.h"

static const void *member(const ProtobufCMessage *message, unsigned offset) {
    return (const char *)message + offset;
}

static bool is_set(const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field) {
    if ((field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) != 0)
        return *(const uint32_t *)member(message, field->quantifier_offset) == field->id;
    if (field->type == PROTOBUF_C_TYPE_STRING || field->type == PROTOBUF_C_TYPE_MESSAGE) {
        const void *value = *(void *const *)member(message, field->offset);

        return value != NULL && value != field->default_value;
    }
    return field->label == PROTOBUF_C_LABEL_REQUIRED ||
           *(const protobuf_c_boolean *)member(message, field->quantifier_offset);
}

static bool is_map_entry(const ProtobufCMessageDescriptor *descriptor) {
    size_t length = strlen(descriptor->short_name);

    return descriptor->n_fields == 2 && length > 5 && strcmp(descriptor->short_name + length - 5, "Entry") == 0 &&
           strcmp(descriptor->fields[0].name, "key") == 0 && strcmp(descriptor->fields[1].name, "value") == 0;
}

/* A scalar, string, bytes or message at @value. Enums are the caller's: they may have no name. */
static void write_value(const ProtobufCFieldDescriptor *field, const void *value, enum message_names names,
                        struct json_writer *writer) {
    switch (field->type) {
    case PROTOBUF_C_TYPE_INT32:
    case PROTOBUF_C_TYPE_SINT32:
    case PROTOBUF_C_TYPE_SFIXED32:
        json_integer(writer, *(const int32_t *)value);
        break;
    case PROTOBUF_C_TYPE_UINT32:
    case PROTOBUF_C_TYPE_FIXED32:
        json_unsigned(writer, *(const uint32_t *)value);
        break;
    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_SINT64:
    case PROTOBUF_C_TYPE_SFIXED64:
        json_integer(writer, *(const int64_t *)value);
        break;
    case PROTOBUF_C_TYPE_UINT64:
    case PROTOBUF_C_TYPE_FIXED64:
        json_unsigned(writer, *(const uint64_t *)value);
        break;
    case PROTOBUF_C_TYPE_DOUBLE:
        json_double(writer, *(const double *)value);
        break;
    case PROTOBUF_C_TYPE_FLOAT:
        json_double(writer, (double)*(const float *)value);
        break;
    case PROTOBUF_C_TYPE_BOOL:
        json_bool(writer, *(const protobuf_c_boolean *)value);
        break;
    case PROTOBUF_C_TYPE_STRING:
        json_string(writer, *(const char *const *)value);
        break;
    case PROTOBUF_C_TYPE_BYTES: {
        const ProtobufCBinaryData *bytes = value;

        json_base64(writer, bytes->data, bytes->len);
        break;
    }
    case PROTOBUF_C_TYPE_MESSAGE:
        message_write_json(*(ProtobufCMessage *const *)value, names, writer);
        break;
    default:
        json_string(writer, names_enum(field->descriptor, *(const int *)value, names));
    }
}

static bool has_name(const ProtobufCFieldDescriptor *field, const void *value) {
    return field->type != PROTOBUF_C_TYPE_ENUM || message_enum_name(field->descriptor, *(const int *)value) != NULL;
}

static size_t element_size(ProtobufCType type) {
    switch (type) {
    case PROTOBUF_C_TYPE_BOOL:
        return sizeof(protobuf_c_boolean);
    case PROTOBUF_C_TYPE_BYTES:
        return sizeof(ProtobufCBinaryData);
    case PROTOBUF_C_TYPE_INT32:
    case PROTOBUF_C_TYPE_SINT32:
    case PROTOBUF_C_TYPE_SFIXED32:
    case PROTOBUF_C_TYPE_UINT32:
    case PROTOBUF_C_TYPE_FIXED32:
    case PROTOBUF_C_TYPE_FLOAT:
    case PROTOBUF_C_TYPE_ENUM:
        return 4;
    default:
        return 8;
    }
}

static void write_map(ProtobufCMessage *const *entries, size_t count, enum message_names names,
                      struct json_writer *writer) {
    json_begin_object(writer);
    for (size_t i = 0; i < count; i++) {
        const ProtobufCFieldDescriptor *key = &entries[i]->descriptor->fields[0];
        const ProtobufCFieldDescriptor *value = &entries[i]->descriptor->fields[1];
        const char *name = *(const char *const *)member(entries[i], key->offset);

        if (!is_set(entries[i], value))
            continue;
        json_key_string(writer, name == NULL ? "" : name);
        write_value(value, member(entries[i], value->offset), names, writer);
    }
    json_end_object(writer);
}

static void write_repeated(const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field,
                           enum message_names names, struct json_writer *writer) {
    size_t count = *(const size_t *)member(message, field->quantifier_offset), size = element_size(field->type);
    const char *items = *(const char *const *)member(message, field->offset);

    if (count == 0)
        return;
    json_key(writer, names_field(message->descriptor, field, names));
    if (field->type == PROTOBUF_C_TYPE_MESSAGE && is_map_entry(field->descriptor)) {
        write_map((ProtobufCMessage *const *)(const void *)items, count, names, writer);
        return;
    }
    json_begin_array(writer);
    for (size_t i = 0; i < count; i++)
        if (has_name(field, items + i * size))
            write_value(field, items + i * size, names, writer);
    json_end_array(writer);
}

static void write_field(const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field,
                        enum message_names names, struct json_writer *writer) {
    const void *value = member(message, field->offset);

    if (field->label == PROTOBUF_C_LABEL_REPEATED) {
        write_repeated(message, field, names, writer);
        return;
    }
    if (!is_set(message, field)) {
        if (field->default_value == NULL || (field->flags & PROTOBUF_C_FIELD_FLAG_DEPRECATED) != 0)
            return;
        /* A string's default is the string; any other's is where a member would be. */
        value = field->type == PROTOBUF_C_TYPE_STRING ? &field->default_value : field->default_value;
    }
    if (!has_name(field, value))
        return;
    json_key(writer, names_field(message->descriptor, field, names));
    write_value(field, value, names, writer);
}

void message_write_json(const ProtobufCMessage *message, enum message_names names, struct json_writer *writer) {
    json_begin_object(writer);
    for (unsigned i = 0; i < message->descriptor->n_fields; i++)
        write_field(message, &message->descriptor->fields[i], names, writer);
    json_end_object(writer);
}

void message_append_json(const ProtobufCMessage *message, enum message_names names, struct buffer *buffer) {
    struct json_writer writer;

    json_init(&writer, buffer);
    message_write_json(message, names, &writer);
}
