/* SPDX-License-Identifier: Apache-2.0 */
/* How both decoders put values into structs. Not for other folders.
 *
 * Arrays grow as elements come, always to a power of two, so that an array's capacity follows from its count. */
#pragma once

#include "message/plan.h"

#define NO_INDEX SIZE_MAX

/* The fields that lead to the one that is being read, for errors. */
struct message_path {
    unsigned depth;
    struct {
        const struct field_plan *field;
        size_t index; /* of the element; NO_INDEX if it is not about one */
    } steps[MESSAGE_DEPTH_LIMIT + 1];
};

static inline void message_path_push(struct message_path *path, const struct field_plan *field, size_t index) {
    path->steps[path->depth].field = field;
    path->steps[path->depth].index = index;
    path->depth++;
}

/* Append "offers[0].id", followed by ".<last>" if @last is not NULL. */
void message_path_append(const struct message_path *path, enum message_names names, const char *last,
                         struct buffer *buffer);

ProtobufCMessage *message_new(const struct message_plan *plan, struct arena *arena);

void *array_grow_slowly(struct arena *arena, void **slot, size_t count, size_t element_size);

enum { ARRAY_FIRST_CAPACITY = 4 };

/* The array at @slot, with room for one more than its @count elements. */
static inline void *array_grow(struct arena *arena, void **slot, size_t count, size_t element_size) {
    if (count == 0 || (count >= ARRAY_FIRST_CAPACITY && (count & (count - 1)) == 0))
        return array_grow_slowly(arena, slot, count, element_size);
    return *slot;
}

/* Where the next value of @field goes. */
static inline void *value_slot(struct arena *arena, ProtobufCMessage *message, const struct field_plan *field) {
    char *array;

    if (!field->is_repeated)
        return member_at(message, field->offset);
    array = array_grow(arena, member_at(message, field->offset), *count_of(message, field), field->element_size);
    return array + *count_of(message, field) * field->element_size;
}

/* The value is in its slot: count it, or say that it is there. @seen collects the required ones. */
static inline void mark_set(ProtobufCMessage *message, const struct field_plan *field, uint64_t *seen) {
    if (field->is_repeated)
        ++*count_of(message, field);
    else if (field->is_oneof)
        *(uint32_t *)member_at(message, field->quantifier) = field->id;
    else if (field->required_bit != 0)
        *seen |= UINT64_C(1) << (field->required_bit - 1);
    else if (!field->is_pointer && !field->is_implicit)
        *(protobuf_c_boolean *)member_at(message, field->quantifier) = true;
}

/* Give an entry of the map @field the key or the value that it lacks, the empty one. Returns false if the value is a
 * message that can not be empty. */
bool map_entry_complete(ProtobufCMessage *entry, const struct field_plan *field, struct arena *arena);

/* Of entries with the same key the last counts; it takes the place of the first. */
void map_drop_repeated_keys(ProtobufCMessage *message, const struct field_plan *field);
