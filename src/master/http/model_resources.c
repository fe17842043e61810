/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "master/http/model.h"
#include "message/json.h"
#include "model/value.h"

/* What is always shown, in this order. */
static const char *const base_names[] = {"disk", "mem", "gpus", "cpus"};
enum { BASE_COUNT = ARRAY_SIZE(base_names) };

/* The index in base_names, or -1. */
static int base_index(const struct resource_kind *kind) {
    if (kind->type != RESOURCE_SCALAR || kind->is_revocable)
        return -1;
    for (int i = 0; i < BASE_COUNT; i++) {
        if (strcmp(base_names[i], kind->name) == 0)
            return i;
    }
    return -1;
}

static bool is_shown_alike(const struct resource_kind *a, const struct resource_kind *b) {
    /* Names are interned. */
    return a->name == b->name && a->is_revocable == b->is_revocable && a->type == b->type;
}

static void write_name(struct json_writer *writer, const struct resource_kind *kind) {
    cleanup_free char *name = NULL;

    if (!kind->is_revocable) {
        json_key_string(writer, kind->name);
        return;
    }
    name = xasprintf("%s_revocable", kind->name);
    json_key_string(writer, name);
}

static void write_text(struct json_writer *writer, struct buffer *text) {
    json_string_sized(writer, text->data == NULL ? "" : text->data, text->size);
}

static void write_scalar_sum(struct json_writer *writer, const struct resources *resources, uint32_t first) {
    int64_t sum = 0;

    for (uint32_t i = first; i < resources->count; i++) {
        if (is_shown_alike(resources->items[i].kind, resources->items[first].kind))
            sum += resources->items[i].scalar;
    }
    json_double(writer, scalar_to_double(sum));
}

static void write_ranges_sum(struct json_writer *writer, const struct resources *resources, uint32_t first) {
    cleanup_buffer struct buffer text = BUFFER_INIT;
    struct ranges *sum = ranges_hold(resources->items[first].ranges);

    for (uint32_t i = first + 1; i < resources->count; i++) {
        struct ranges *before = sum;

        if (!is_shown_alike(resources->items[i].kind, resources->items[first].kind))
            continue;
        sum = ranges_add(before, resources->items[i].ranges);
        ranges_release(before);
    }
    ranges_format(sum, &text);
    ranges_release(sum);
    write_text(writer, &text);
}

static void write_set_sum(struct json_writer *writer, const struct resources *resources, uint32_t first) {
    cleanup_buffer struct buffer text = BUFFER_INIT;
    struct items *sum = items_hold(resources->items[first].set);

    for (uint32_t i = first + 1; i < resources->count; i++) {
        struct items *before = sum;

        if (!is_shown_alike(resources->items[i].kind, resources->items[first].kind))
            continue;
        sum = items_add(before, resources->items[i].set);
        items_release(before);
    }
    items_format(sum, &text);
    items_release(sum);
    write_text(writer, &text);
}

/* All that is shown under the name of the item at @first, unless an earlier one has shown it. */
static void write_sum(struct json_writer *writer, const struct resources *resources, uint32_t first) {
    const struct resource_kind *kind = resources->items[first].kind;

    for (uint32_t i = 0; i < first; i++) {
        if (is_shown_alike(resources->items[i].kind, kind))
            return;
    }
    write_name(writer, kind);
    switch (kind->type) {
    case RESOURCE_SCALAR:
        write_scalar_sum(writer, resources, first);
        break;
    case RESOURCE_RANGES:
        write_ranges_sum(writer, resources, first);
        break;
    case RESOURCE_SET:
        write_set_sum(writer, resources, first);
        break;
    }
}

void model_write_resources(struct json_writer *writer, const struct resources *resources) {
    int64_t base[BASE_COUNT] = {0};
    bool has_others = false;

    for (uint32_t i = 0; i < resources->count; i++) {
        int index = base_index(resources->items[i].kind);

        if (index < 0)
            has_others = true;
        else
            base[index] += resources->items[i].scalar;
    }
    json_begin_object(writer);
    for (int i = 0; i < BASE_COUNT; i++) {
        json_key(writer, base_names[i]);
        json_double(writer, scalar_to_double(base[i]));
    }
    for (uint32_t i = 0; i < resources->count && has_others; i++) {
        if (base_index(resources->items[i].kind) < 0)
            write_sum(writer, resources, i);
    }
    json_end_object(writer);
}

void model_write_quantities(struct json_writer *writer, const struct quantities *quantities) {
    json_begin_object(writer);
    for (uint32_t i = 0; i < quantities->count; i++) {
        json_key_string(writer, quantities->items[i].name);
        json_double(writer, scalar_to_double(quantities->items[i].amount));
    }
    json_end_object(writer);
}

void model_write_full_resources(struct json_writer *writer, const struct resources *resources) {
    struct arena arena = ARENA_INIT;
    Mesos__V1__Resource **messages;
    size_t count;

    resources_to_messages(resources, RESOURCE_FORMAT_ENDPOINT, &arena, &messages, &count);
    json_begin_array(writer);
    for (size_t i = 0; i < count; i++)
        MESSAGE_WRITE_JSON(messages[i], MESSAGE_V0, writer);
    json_end_array(writer);
    arena_done(&arena);
}

void model_write_reservations(struct json_writer *writer, const struct resources *total, bool is_full) {
    json_begin_object(writer);
    for (uint32_t i = 0; i < total->count; i++) {
        const char *role = total->items[i].kind->reservation_role;
        cleanup_resources struct resources reserved = RESOURCES_INIT;
        bool is_first = role != NULL;

        /* Roles are interned. */
        for (uint32_t j = 0; j < i && is_first; j++)
            is_first = total->items[j].kind->reservation_role != role;
        if (!is_first)
            continue;
        resources_reserved(total, role, &reserved);
        json_key_string(writer, role);
        if (is_full)
            model_write_full_resources(writer, &reserved);
        else
            model_write_resources(writer, &reserved);
    }
    json_end_object(writer);
}
