/* SPDX-License-Identifier: Apache-2.0 */
#include "model/attributes.h"

#include <string.h>

#include "model/value.h"

static Mesos__V1__Attribute *new_attribute(struct arena *arena, const char *name, size_t size) {
    Mesos__V1__Attribute *attribute = arena_alloc(arena, sizeof(*attribute));

    mesos__v1__attribute__init(attribute);
    attribute->name = arena_strndup(arena, name, size);
    return attribute;
}

static void set_ranges(Mesos__V1__Attribute *attribute, const struct ranges *ranges, struct arena *arena) {
    size_t count = ranges == NULL ? 0 : ranges->count;

    attribute->type = MESOS__V1__VALUE__TYPE__RANGES;
    attribute->ranges = arena_alloc(arena, sizeof(*attribute->ranges));
    mesos__v1__value__ranges__init(attribute->ranges);
    attribute->ranges->n_range = count;
    attribute->ranges->range = arena_alloc(arena, (count + 1) * sizeof(attribute->ranges->range[0]));
    for (size_t i = 0; i < count; i++) {
        Mesos__V1__Value__Range *range = arena_alloc(arena, sizeof(*range));

        mesos__v1__value__range__init(range);
        range->begin = ranges->items[i].begin;
        range->end = ranges->items[i].end;
        attribute->ranges->range[i] = range;
    }
}

static int parse_one(const char *token, size_t size, struct arena *arena, Mesos__V1__Attribute **ret,
                     struct error *err) {
    const char *colon = memchr(token, ':', size);
    cleanup_value struct value value = {0};
    cleanup_free char *text = NULL;
    Mesos__V1__Attribute *attribute;
    bool has_duplicates;

    if (colon == NULL || colon == token || colon + 1 == token + size)
        return error_set(err, 0, "Invalid attribute key:value pair '%.*s'", (int)size, token);
    text = xstrndup(colon + 1, size - (size_t)(colon + 1 - token));
    if (value_parse(text, &value, &has_duplicates, err) < 0)
        return error_wrap(err, "Failed to parse attribute %.*s text %s", (int)(colon - token), token, text);
    attribute = new_attribute(arena, token, (size_t)(colon - token));
    switch (value.type) {
    case VALUE_SCALAR:
        attribute->type = MESOS__V1__VALUE__TYPE__SCALAR;
        attribute->scalar = arena_alloc(arena, sizeof(*attribute->scalar));
        mesos__v1__value__scalar__init(attribute->scalar);
        attribute->scalar->value = value.scalar;
        break;
    case VALUE_RANGES:
        set_ranges(attribute, value.ranges, arena);
        break;
    case VALUE_TEXT:
        attribute->type = MESOS__V1__VALUE__TYPE__TEXT;
        attribute->text = arena_alloc(arena, sizeof(*attribute->text));
        mesos__v1__value__text__init(attribute->text);
        attribute->text->value = arena_strdup(arena, value.text);
        break;
    case VALUE_SET:
        return error_set(err, 0, "Bad type for attribute %s text %s type SET", attribute->name, text);
    }
    *ret = attribute;
    return 0;
}

int attributes_parse(const char *text, struct arena *arena, Mesos__V1__Attribute ***ret_attributes, size_t *ret_count,
                     struct error *err) {
    Mesos__V1__Attribute **attributes = arena_alloc(arena, (strlen(text) / 2 + 1) * sizeof(*attributes));
    size_t count = 0;

    for (const char *token = text; *token != '\0';) {
        size_t size = strcspn(token, ";\n");

        if (size > 0 && parse_one(token, size, arena, &attributes[count++], err) < 0)
            return -1;
        token += size + (token[size] != '\0');
    }
    *ret_attributes = attributes;
    *ret_count = count;
    return 0;
}

int attribute_validate(const Mesos__V1__Attribute *attribute, struct error *err) {
    bool is_complete;

    if (attribute->name == NULL || attribute->name[0] == '\0')
        return error_set(err, 0, "Empty attribute name");
    switch (attribute->type) {
    case MESOS__V1__VALUE__TYPE__SCALAR:
        is_complete = attribute->scalar != NULL;
        break;
    case MESOS__V1__VALUE__TYPE__RANGES:
        is_complete = attribute->ranges != NULL;
        break;
    case MESOS__V1__VALUE__TYPE__TEXT:
        is_complete = attribute->text != NULL;
        break;
    default:
        return error_set(err, 0, "Attribute '%s' has an unsupported type", attribute->name);
    }
    return is_complete ? 0 : error_set(err, 0, "Attribute '%s' has no value of its type", attribute->name);
}

/* The ranges of an attribute, sorted and merged. */
static struct ranges *get_ranges(const Mesos__V1__Attribute *attribute) {
    size_t count = attribute->ranges->n_range;
    cleanup_free struct range *items = xcalloc(count + 1, sizeof(*items));

    for (size_t i = 0; i < count; i++)
        items[i] = (struct range){attribute->ranges->range[i]->begin, attribute->ranges->range[i]->end};
    return ranges_new(items, count);
}

static bool are_ranges_equal(const Mesos__V1__Attribute *a, const Mesos__V1__Attribute *b) {
    struct ranges *left = get_ranges(a), *right = get_ranges(b);
    bool are_equal = left == NULL || right == NULL ? left == right : ranges_equal(left, right);

    ranges_release(left);
    ranges_release(right);
    return are_equal;
}

static bool are_equal(const Mesos__V1__Attribute *a, const Mesos__V1__Attribute *b) {
    if (a->type != b->type || strcmp(a->name, b->name) != 0)
        return false;
    switch (a->type) {
    case MESOS__V1__VALUE__TYPE__SCALAR:
        return a->scalar != NULL && b->scalar != NULL &&
               scalar_from_double(a->scalar->value) == scalar_from_double(b->scalar->value);
    case MESOS__V1__VALUE__TYPE__RANGES:
        return a->ranges != NULL && b->ranges != NULL && are_ranges_equal(a, b);
    case MESOS__V1__VALUE__TYPE__TEXT:
        return a->text != NULL && b->text != NULL && strcmp(a->text->value, b->text->value) == 0;
    default:
        return false;
    }
}

static bool contain_all(Mesos__V1__Attribute *const *all, size_t all_count, Mesos__V1__Attribute *const *part,
                        size_t part_count) {
    for (size_t i = 0; i < part_count; i++) {
        bool is_found = false;

        for (size_t j = 0; j < all_count && !is_found; j++)
            is_found = are_equal(all[j], part[i]);
        if (!is_found)
            return false;
    }
    return true;
}

bool attributes_equal(Mesos__V1__Attribute *const *a, size_t a_count, Mesos__V1__Attribute *const *b, size_t b_count) {
    return a_count == b_count && contain_all(a, a_count, b, b_count) && contain_all(b, b_count, a, a_count);
}

void attributes_format(Mesos__V1__Attribute *const *attributes, size_t count, struct buffer *buffer) {
    for (size_t i = 0; i < count; i++) {
        struct ranges *ranges;

        buffer_printf(buffer, "%s%s=", i == 0 ? "" : "; ", attributes[i]->name);
        switch (attributes[i]->type) {
        case MESOS__V1__VALUE__TYPE__SCALAR:
            if (attributes[i]->scalar != NULL)
                scalar_format(scalar_from_double(attributes[i]->scalar->value), buffer);
            break;
        case MESOS__V1__VALUE__TYPE__RANGES:
            ranges = attributes[i]->ranges == NULL ? NULL : get_ranges(attributes[i]);
            ranges_format(ranges, buffer);
            ranges_release(ranges);
            break;
        case MESOS__V1__VALUE__TYPE__TEXT:
            buffer_append_string(buffer, attributes[i]->text == NULL ? "" : attributes[i]->text->value);
            break;
        default:
            break;
        }
    }
}
