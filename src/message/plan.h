/* SPDX-License-Identifier: Apache-2.0 */
/* What the walkers of this folder want to know about a message type, worked out once from its descriptor: where things
 * are, what has to be done for them, and how everything is called. Not for other folders. */
#pragma once

#include <stdatomic.h>
#include <stdint.h>
#include <string.h>

#include "message/message.h"
#include "message/names.h"

struct field_plan {
    const ProtobufCFieldDescriptor *descriptor;
    _Atomic(const struct message_plan *) message; /* of a message field; NULL: not asked for yet */
    const struct enum_plan *values;               /* of an enum field */
    uint32_t offset;                              /* of the value, or of the pointer to the elements */
    uint32_t quantifier; /* of the presence, the count or, in a oneof, the number of the field that is set */
    uint32_t id;
    uint16_t required_bit; /* 1 + its bit in the mask of required fields that were seen; 0 if it is not required */
    uint8_t type;          /* ProtobufCType */
    uint8_t element_size;
    bool is_repeated, is_oneof, is_map;
    bool is_pointer;          /* string or message */
    bool is_implicit;         /* of proto3: set if it is not zero */
    bool has_written_default; /* JSON shows the default of the unset field */
    const char *names[2];     /* by enum message_names */
    uint32_t name_sizes[2];
};

/* A hash table from names to positions, with open addressing: 1 + position, 0 is free. */
struct name_index {
    uint32_t mask;
    uint16_t *slots;
};

enum { FAST_TAGS = 64 };

struct message_plan {
    const ProtobufCMessageDescriptor *descriptor;
    size_t size; /* of the struct */
    unsigned field_count;
    struct field_plan *fields;          /* by number */
    const struct field_plan **declared; /* in the order of the .proto */
    unsigned deep_count;
    const struct field_plan **deep; /* those that point to memory of their own */
    uint64_t required;              /* the bits of all required fields */
    uint8_t by_tag[FAST_TAGS];      /* 1 + position in fields, for low numbers; 0: none */
    struct name_index by_name[2];   /* by enum message_names */
    bool has_maps;
};

struct enum_value_plan {
    int value;
    const char *names[2];
    uint32_t name_sizes[2];
};

struct enum_plan {
    const ProtobufCEnumDescriptor *descriptor;
    /* By value: for value v, 1 + position in values is at dense[v - dense_first], if 0 <= v - dense_first <
     * dense_count. */
    int dense_first;
    unsigned dense_count;
    uint16_t *dense;
    unsigned value_count;
    struct enum_value_plan *values; /* distinct, then aliases */
    struct name_index by_name[2];
};

/* The plan of a type; never NULL, never freed. May be called from any thread. */
const struct message_plan *message_plan_get(const ProtobufCMessageDescriptor *descriptor);

const struct message_plan *field_plan_message_get(const struct field_plan *field);

/* The plan of a message field's type. */
static inline const struct message_plan *field_plan_message(const struct field_plan *field) {
    const struct message_plan *plan = atomic_load_explicit(&field->message, memory_order_acquire);

    return plan != NULL ? plan : field_plan_message_get(field);
}

const struct field_plan *message_plan_find_slowly(const struct message_plan *plan, uint32_t id);

/* The field with the number @id, or NULL. */
static inline const struct field_plan *message_plan_find(const struct message_plan *plan, uint32_t id) {
    if (id < FAST_TAGS)
        return plan->by_tag[id] == 0 ? NULL : &plan->fields[plan->by_tag[id] - 1];
    return message_plan_find_slowly(plan, id);
}

/* The field called @name, or NULL. */
const struct field_plan *message_plan_find_name(const struct message_plan *plan, enum message_names names,
                                                const char *name, size_t size);

/* The value, or NULL if the enum does not have it. */
static inline const struct enum_value_plan *enum_plan_find(const struct enum_plan *plan, int value) {
    unsigned at = (unsigned)value - (unsigned)plan->dense_first;

    return at >= plan->dense_count || plan->dense[at] == 0 ? NULL : &plan->values[plan->dense[at] - 1];
}

const struct enum_value_plan *enum_plan_find_name(const struct enum_plan *plan, enum message_names names,
                                                  const char *name, size_t size);

/* Access to the members of a struct. */
static inline void *member_at(const ProtobufCMessage *message, uint32_t offset) {
    return (char *)(uintptr_t)message + offset;
}

static inline size_t *count_of(const ProtobufCMessage *message, const struct field_plan *field) {
    return member_at(message, field->quantifier);
}

static inline void *elements_of(const ProtobufCMessage *message, const struct field_plan *field) {
    return *(void **)member_at(message, field->offset);
}

bool implicit_field_is_set(const ProtobufCMessage *message, const struct field_plan *field);

/* Whether a field that is not repeated is set. */
static inline bool field_is_set(const ProtobufCMessage *message, const struct field_plan *field) {
    if (field->is_oneof)
        return *(uint32_t *)member_at(message, field->quantifier) == field->id;
    if (field->is_implicit)
        return implicit_field_is_set(message, field);
    if (field->is_pointer) {
        void *pointer = *(void **)member_at(message, field->offset);

        return pointer != NULL && pointer != field->descriptor->default_value;
    }
    return field->required_bit != 0 || *(protobuf_c_boolean *)member_at(message, field->quantifier);
}
