/* SPDX-License-Identifier: Apache-2.0 */
#include "message/fill.h"

#include "base/table.h"

void message_path_append(const struct message_path *path, enum message_names names, const char *last,
                         struct buffer *buffer) {
    for (unsigned i = 0; i < path->depth; i++) {
        const struct field_plan *field = path->steps[i].field;

        buffer_printf(buffer, "%s%s", i > 0 ? "." : "", field->names[names]);
        if (path->steps[i].index != NO_INDEX)
            buffer_printf(buffer, "[%zu]", path->steps[i].index);
    }
    if (last != NULL)
        buffer_printf(buffer, "%s%s", path->depth > 0 ? "." : "", last);
}

ProtobufCMessage *message_new(const struct message_plan *plan, struct arena *arena) {
    ProtobufCMessage *message = arena_alloc(arena, plan->size);

    plan->descriptor->message_init(message);
    return message;
}

void *array_grow_slowly(struct arena *arena, void **slot, size_t count, size_t element_size) {
    size_t capacity = count == 0 ? ARRAY_FIRST_CAPACITY : count * 2;
    void *array = arena_alloc(arena, capacity * element_size);

    if (count > 0)
        memcpy(array, *slot, count * element_size);
    *slot = array;
    return array;
}

bool map_entry_complete(ProtobufCMessage *entry, const struct field_plan *field, struct arena *arena) {
    static char empty[] = "";

    for (unsigned i = 0; i < field_plan_message(field)->field_count; i++) {
        const struct field_plan *part = &field_plan_message(field)->fields[i];

        if (!part->is_pointer || field_is_set(entry, part))
            continue;
        if (part->type == PROTOBUF_C_TYPE_STRING)
            *(char **)member_at(entry, part->offset) = empty;
        else if (field_plan_message(part)->required == 0)
            *(ProtobufCMessage **)member_at(entry, part->offset) = message_new(field_plan_message(part), arena);
        else
            return false;
    }
    return true;
}

/* What identifies an entry: the text of its key, or the number. */
static const void *entry_key(const ProtobufCMessage *entry, const struct field_plan *key, size_t *ret_size) {
    const void *slot = member_at(entry, key->offset);

    if (key->type != PROTOBUF_C_TYPE_STRING) {
        *ret_size = key->element_size;
        return slot;
    }
    *ret_size = strlen(*(char *const *)slot);
    return *(char *const *)slot;
}

void map_drop_repeated_keys(ProtobufCMessage *message, const struct field_plan *field) {
    const struct field_plan *key = &field_plan_message(field)->fields[0];
    ProtobufCMessage **entries = elements_of(message, field);
    size_t count = *count_of(message, field), kept = 0;
    struct table places = TABLE_INIT;

    if (count < 2)
        return;
    for (size_t i = 0; i < count; i++) {
        size_t size;
        const void *name = entry_key(entries[i], key, &size);
        ProtobufCMessage **place = table_find_sized(&places, name, size);

        if (place != NULL) {
            *place = entries[i];
            continue;
        }
        table_add_sized(&places, name, size, &entries[kept]);
        entries[kept++] = entries[i];
    }
    table_done(&places);
    *count_of(message, field) = kept;
}
