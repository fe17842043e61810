/* SPDX-License-Identifier: Apache-2.0 */
/* Structs to JSON, without anything in between. */
#include "message/json.h"
#include "message/plan.h"

struct emitter {
    struct json_writer *writer;
    enum message_names names;
};

static void write_message(const struct emitter *emitter, const ProtobufCMessage *message,
                          const struct message_plan *plan);

static void write_enum(const struct emitter *emitter, const struct enum_plan *plan, int value) {
    const struct enum_value_plan *found = enum_plan_find(plan, value);

    /* Decoders let no such value through; whoever put it there gets to see it. */
    if (found == NULL)
        json_integer(emitter->writer, value);
    else
        json_string_sized(emitter->writer, found->names[emitter->names], found->name_sizes[emitter->names]);
}

static void write_value(const struct emitter *emitter, const struct field_plan *field, const void *value) {
    struct json_writer *writer = emitter->writer;

    switch (field->type) {
    case PROTOBUF_C_TYPE_STRING:
        json_string(writer, *(char *const *)value);
        break;
    case PROTOBUF_C_TYPE_MESSAGE:
        write_message(emitter, *(ProtobufCMessage *const *)value, field_plan_message(field));
        break;
    case PROTOBUF_C_TYPE_BYTES: {
        const ProtobufCBinaryData *bytes = value;

        json_base64(writer, bytes->data, bytes->len);
        break;
    }
    case PROTOBUF_C_TYPE_ENUM:
        write_enum(emitter, field->values, *(const int *)value);
        break;
    case PROTOBUF_C_TYPE_BOOL:
        json_bool(writer, *(const protobuf_c_boolean *)value);
        break;
    case PROTOBUF_C_TYPE_DOUBLE:
        json_double(writer, *(const double *)value);
        break;
    case PROTOBUF_C_TYPE_FLOAT:
        json_double(writer, *(const float *)value);
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
    case PROTOBUF_C_TYPE_UINT32:
    case PROTOBUF_C_TYPE_FIXED32:
        json_unsigned(writer, *(const uint32_t *)value);
        break;
    default:
        json_integer(writer, *(const int32_t *)value);
    }
}

/* A field that is not set but has a default. */
static void write_default(const struct emitter *emitter, const struct field_plan *field) {
    const void *value = field->descriptor->default_value;

    if (field->type == PROTOBUF_C_TYPE_STRING)
        json_string(emitter->writer, value);
    else
        write_value(emitter, field, value);
}

static void write_key(const struct emitter *emitter, const struct field_plan *field) {
    json_key_sized(emitter->writer, field->names[emitter->names], field->name_sizes[emitter->names]);
}

static void write_array(const struct emitter *emitter, const struct field_plan *field, const void *elements,
                        size_t count) {
    json_begin_array(emitter->writer);
    for (size_t i = 0; i < count; i++)
        write_value(emitter, field, (const char *)elements + i * field->element_size);
    json_end_array(emitter->writer);
}

/* The keys of Mesos's maps are texts; those of others are written as such. */
static void write_map_key(const struct emitter *emitter, const struct field_plan *key, const ProtobufCMessage *entry) {
    const void *value = member_at(entry, key->offset);
    cleanup_buffer struct buffer text = BUFFER_INIT;
    struct json_writer writer;
    struct emitter into_text = {&writer, emitter->names};

    if (key->type == PROTOBUF_C_TYPE_STRING) {
        json_key_string(emitter->writer, *(char *const *)value == NULL ? "" : *(char *const *)value);
        return;
    }
    json_init(&writer, &text);
    write_value(&into_text, key, value);
    json_key_string(emitter->writer, buffer_text(&text));
}

static void write_map(const struct emitter *emitter, const struct message_plan *entry_plan,
                      ProtobufCMessage *const *entries, size_t count) {
    const struct field_plan *key = &entry_plan->fields[0], *value = &entry_plan->fields[1];

    json_begin_object(emitter->writer);
    for (size_t i = 0; i < count; i++) {
        write_map_key(emitter, key, entries[i]);
        if (value->is_pointer && !field_is_set(entries[i], value)) {
            /* An entry without a value has the empty one. */
            if (value->type == PROTOBUF_C_TYPE_STRING) {
                json_string(emitter->writer, "");
            } else {
                json_begin_object(emitter->writer);
                json_end_object(emitter->writer);
            }
            continue;
        }
        write_value(emitter, value, member_at(entries[i], value->offset));
    }
    json_end_object(emitter->writer);
}

static void write_repeated(const struct emitter *emitter, const struct field_plan *field,
                           const ProtobufCMessage *message) {
    size_t count = *count_of(message, field);

    if (count == 0)
        return;
    write_key(emitter, field);
    if (field->is_map)
        write_map(emitter, field_plan_message(field), elements_of(message, field), count);
    else
        write_array(emitter, field, elements_of(message, field), count);
}

static void write_message(const struct emitter *emitter, const ProtobufCMessage *message,
                          const struct message_plan *plan) {
    json_begin_object(emitter->writer);
    for (unsigned i = 0; i < plan->field_count; i++) {
        const struct field_plan *field = plan->declared[i];

        if (field->is_repeated) {
            write_repeated(emitter, field, message);
        } else if (field_is_set(message, field)) {
            write_key(emitter, field);
            write_value(emitter, field, member_at(message, field->offset));
        } else if (field->has_written_default) {
            write_key(emitter, field);
            write_default(emitter, field);
        }
    }
    json_end_object(emitter->writer);
}

void message_write_json(const ProtobufCMessage *message, enum message_names names, struct json_writer *writer) {
    struct emitter emitter = {writer, names};

    write_message(&emitter, message, message_plan_get(message->descriptor));
}

void message_append_json(const ProtobufCMessage *message, enum message_names names, struct buffer *buffer) {
    struct json_writer writer;

    json_init(&writer, buffer);
    message_write_json(message, names, &writer);
}
