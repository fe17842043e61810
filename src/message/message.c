/* SPDX-License-Identifier: Apache-2.0 */
#include "message/message.h"

#include <errno.h>

#include "message/plan.h"

void message_encode(const ProtobufCMessage *message, struct buffer *buffer) {
    size_t size = protobuf_c_message_get_packed_size(message);

    protobuf_c_message_pack(message, (uint8_t *)buffer_reserve(buffer, size));
    buffer_added(buffer, size);
}

size_t message_size(const ProtobufCMessage *message) {
    return protobuf_c_message_get_packed_size(message);
}

const char *message_enum_name(const ProtobufCEnumDescriptor *descriptor, int value) {
    return message_value_name(descriptor, value, MESSAGE_V1);
}

/* Completeness */

static bool is_message_initialized(const ProtobufCMessage *message, const struct message_plan *plan,
                                   struct error *err) {
    for (unsigned i = 0; i < plan->field_count; i++) {
        const struct field_plan *field = &plan->fields[i];
        ProtobufCMessage **nested;
        size_t count;

        if (field->required_bit != 0 && !field_is_set(message, field)) {
            error_set(err, EBADMSG, "%s: required field '%s' is missing", plan->descriptor->name,
                      field->descriptor->name);
            return false;
        }
        if (field->type != PROTOBUF_C_TYPE_MESSAGE)
            continue;
        nested = field->is_repeated ? elements_of(message, field) : member_at(message, field->offset);
        count = field->is_repeated ? *count_of(message, field) : field_is_set(message, field);
        for (size_t j = 0; j < count; j++)
            if (!is_message_initialized(nested[j], field_plan_message(field), err))
                return false;
    }
    return true;
}

bool message_is_initialized(const ProtobufCMessage *message, struct error *err) {
    return is_message_initialized(message, message_plan_get(message->descriptor), err);
}

/* Copies: first the space is measured, then everything is laid into one block; what needs to be aligned goes to the
 * front of it, texts and bytes go behind. */

struct block {
    char *aligned, *text;
};

static size_t rounded_up(size_t size) {
    return (size + 7) & ~(size_t)7;
}

static void measure(const ProtobufCMessage *message, const struct message_plan *plan, size_t *aligned, size_t *text);

static void measure_value(const struct field_plan *field, const void *value, size_t *aligned, size_t *text) {
    if (field->type == PROTOBUF_C_TYPE_STRING)
        *text += strlen(*(char *const *)value) + 1;
    else if (field->type == PROTOBUF_C_TYPE_MESSAGE)
        measure(*(ProtobufCMessage *const *)value, field_plan_message(field), aligned, text);
    else if (field->type == PROTOBUF_C_TYPE_BYTES)
        *text += ((const ProtobufCBinaryData *)value)->len;
}

static bool has_deep_elements(const struct field_plan *field) {
    return field->is_pointer || field->type == PROTOBUF_C_TYPE_BYTES;
}

static void measure(const ProtobufCMessage *message, const struct message_plan *plan, size_t *aligned, size_t *text) {
    *aligned += rounded_up(plan->size);
    for (unsigned i = 0; i < plan->deep_count; i++) {
        const struct field_plan *field = plan->deep[i];
        size_t count;

        if (!field->is_repeated) {
            if (field_is_set(message, field))
                measure_value(field, member_at(message, field->offset), aligned, text);
            continue;
        }
        count = *count_of(message, field);
        *aligned += rounded_up(count * field->element_size);
        for (size_t j = 0; has_deep_elements(field) && j < count; j++)
            measure_value(field, (char *)elements_of(message, field) + j * field->element_size, aligned, text);
    }
    *aligned += rounded_up(message->n_unknown_fields * sizeof(message->unknown_fields[0]));
    for (unsigned i = 0; i < message->n_unknown_fields; i++)
        *text += message->unknown_fields[i].len;
}

static void *put(char **at, const void *data, size_t size) {
    char *place = *at;

    if (size > 0)
        memcpy(place, data, size);
    *at += size;
    return place;
}

static void *put_aligned(struct block *block, const void *data, size_t size) {
    void *place = put(&block->aligned, data, size);

    block->aligned += rounded_up(size) - size;
    return place;
}

static ProtobufCMessage *put_message(struct block *block, const ProtobufCMessage *message,
                                     const struct message_plan *plan);

/* Make the value at @value, which is a plain copy of another message's, independent of it. */
static void put_value(struct block *block, const struct field_plan *field, void *value) {
    if (field->type == PROTOBUF_C_TYPE_STRING) {
        char **string = value;

        *string = put(&block->text, *string, strlen(*string) + 1);
    } else if (field->type == PROTOBUF_C_TYPE_MESSAGE) {
        ProtobufCMessage **nested = value;

        *nested = put_message(block, *nested, field_plan_message(field));
    } else if (field->type == PROTOBUF_C_TYPE_BYTES) {
        ProtobufCBinaryData *bytes = value;

        bytes->data = bytes->len > 0 ? put(&block->text, bytes->data, bytes->len) : NULL;
    }
}

static ProtobufCMessage *put_message(struct block *block, const ProtobufCMessage *message,
                                     const struct message_plan *plan) {
    ProtobufCMessage *copy = put_aligned(block, message, plan->size);

    for (unsigned i = 0; i < plan->deep_count; i++) {
        const struct field_plan *field = plan->deep[i];
        char **elements = member_at(copy, field->offset);
        size_t count;

        if (!field->is_repeated) {
            if (field_is_set(copy, field))
                put_value(block, field, elements);
            continue;
        }
        count = *count_of(copy, field);
        *elements = count > 0 ? put_aligned(block, *elements, count * field->element_size) : NULL;
        for (size_t j = 0; has_deep_elements(field) && j < count; j++)
            put_value(block, field, *elements + j * field->element_size);
    }
    copy->unknown_fields = copy->n_unknown_fields == 0
                               ? NULL
                               : put_aligned(block, copy->unknown_fields,
                                             copy->n_unknown_fields * sizeof(copy->unknown_fields[0]));
    for (unsigned i = 0; i < copy->n_unknown_fields; i++)
        copy->unknown_fields[i].data = put(&block->text, copy->unknown_fields[i].data, copy->unknown_fields[i].len);
    return copy;
}

ProtobufCMessage *message_copy(const ProtobufCMessage *message, struct arena *arena) {
    const struct message_plan *plan = message_plan_get(message->descriptor);
    size_t aligned = 0, text = 0;
    struct block block;

    measure(message, plan, &aligned, &text);
    block.aligned = arena == NULL ? xmalloc(aligned + text) : arena_alloc(arena, aligned + text);
    block.text = block.aligned + aligned;
    return put_message(&block, message, plan);
}

void message_free(ProtobufCMessage *message) {
    free(message);
}

/* Comparison */

static bool is_message_equal(const ProtobufCMessage *a, const ProtobufCMessage *b, const struct message_plan *plan);

static bool is_value_equal(const struct field_plan *field, const void *a, const void *b) {
    switch (field->type) {
    case PROTOBUF_C_TYPE_STRING:
        return strcmp(*(char *const *)a, *(char *const *)b) == 0;
    case PROTOBUF_C_TYPE_MESSAGE:
        return is_message_equal(*(ProtobufCMessage *const *)a, *(ProtobufCMessage *const *)b,
                                field_plan_message(field));
    case PROTOBUF_C_TYPE_BYTES: {
        const ProtobufCBinaryData *x = a, *y = b;

        return x->len == y->len && (x->len == 0 || memcmp(x->data, y->data, x->len) == 0);
    }
    case PROTOBUF_C_TYPE_DOUBLE:
        return *(const double *)a == *(const double *)b;
    case PROTOBUF_C_TYPE_FLOAT:
        return *(const float *)a == *(const float *)b;
    default:
        return memcmp(a, b, field->element_size) == 0;
    }
}

static bool is_field_equal(const ProtobufCMessage *a, const ProtobufCMessage *b, const struct field_plan *field) {
    if (field->is_repeated) {
        const char *x = elements_of(a, field), *y = elements_of(b, field);
        size_t count = *count_of(a, field);

        if (count != *count_of(b, field))
            return false;
        for (size_t i = 0; i < count; i++)
            if (!is_value_equal(field, x + i * field->element_size, y + i * field->element_size))
                return false;
        return true;
    }
    if (field_is_set(a, field) != field_is_set(b, field))
        return false;
    return !field_is_set(a, field) || is_value_equal(field, member_at(a, field->offset), member_at(b, field->offset));
}

static bool are_unknown_fields_equal(const ProtobufCMessage *a, const ProtobufCMessage *b) {
    if (a->n_unknown_fields != b->n_unknown_fields)
        return false;
    for (unsigned i = 0; i < a->n_unknown_fields; i++) {
        const ProtobufCMessageUnknownField *x = &a->unknown_fields[i], *y = &b->unknown_fields[i];

        if (x->tag != y->tag || x->wire_type != y->wire_type || x->len != y->len ||
            (x->len > 0 && memcmp(x->data, y->data, x->len) != 0))
            return false;
    }
    return true;
}

static bool is_message_equal(const ProtobufCMessage *a, const ProtobufCMessage *b, const struct message_plan *plan) {
    for (unsigned i = 0; i < plan->field_count; i++)
        if (!is_field_equal(a, b, &plan->fields[i]))
            return false;
    return are_unknown_fields_equal(a, b);
}

bool message_equal(const ProtobufCMessage *a, const ProtobufCMessage *b) {
    if (a == NULL || b == NULL)
        return a == b;
    return a->descriptor == b->descriptor && is_message_equal(a, b, message_plan_get(a->descriptor));
}
