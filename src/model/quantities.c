/* SPDX-License-Identifier: Apache-2.0 */
#include "model/quantities.h"

#include <string.h>

#include "model/name.h"
#include "model/value.h"

void quantities_done(struct quantities *quantities) {
    if (quantities == NULL)
        return;
    for (size_t i = 0; i < quantities->count; i++)
        name_release(quantities->items[i].name);
    free(quantities->items);
    *quantities = QUANTITIES_INIT;
}

void quantities_copy(struct quantities *ret, const struct quantities *from) {
    *ret = QUANTITIES_INIT;
    if (from->count == 0)
        return;
    ret->items = xmemdup(from->items, from->count * sizeof(from->items[0]));
    ret->count = ret->capacity = from->count;
    for (size_t i = 0; i < ret->count; i++)
        name_hold(ret->items[i].name);
}

/* Where @name is, or would be. */
static size_t find_position(const struct quantities *quantities, const char *name, bool *ret_is_there) {
    size_t i = 0;
    int order = 1;

    while (i < quantities->count && (order = strcmp(quantities->items[i].name, name)) < 0)
        i++;
    *ret_is_there = i < quantities->count && order == 0;
    return i;
}

static int64_t *find_or_add(struct quantities *quantities, const char *name) {
    bool is_there;
    size_t position = find_position(quantities, name, &is_there);

    if (!is_there) {
        if (quantities->count == quantities->capacity) {
            quantities->capacity = quantities->capacity == 0 ? 4 : quantities->capacity * 2;
            quantities->items = xrealloc(quantities->items, quantities->capacity * sizeof(quantities->items[0]));
        }
        memmove(&quantities->items[position + 1], &quantities->items[position],
                (quantities->count - position) * sizeof(quantities->items[0]));
        quantities->items[position] = (struct quantity){name_get(name), 0};
        quantities->count++;
    }
    return &quantities->items[position].amount;
}

void quantities_set(struct quantities *quantities, const char *name, int64_t amount) {
    *find_or_add(quantities, name) = amount;
}

void quantities_add(struct quantities *quantities, const char *name, int64_t amount) {
    int64_t *sum = find_or_add(quantities, name);

    if (__builtin_add_overflow(*sum, amount, sum))
        *sum = amount < 0 ? INT64_MIN : INT64_MAX;
}

const int64_t *quantities_find(const struct quantities *quantities, const char *name) {
    bool is_there;
    size_t position = find_position(quantities, name, &is_there);

    return is_there ? &quantities->items[position].amount : NULL;
}

bool quantities_equal(const struct quantities *a, const struct quantities *b) {
    if (a->count != b->count)
        return false;
    for (size_t i = 0; i < a->count; i++)
        if (a->items[i].name != b->items[i].name || a->items[i].amount != b->items[i].amount)
            return false;
    return true;
}

bool quantities_contain(const struct quantities *a, const struct quantities *b) {
    for (size_t i = 0; i < b->count; i++) {
        const int64_t *amount = quantities_find(a, b->items[i].name);

        if (b->items[i].amount > (amount == NULL ? 0 : *amount))
            return false;
    }
    return true;
}

void quantities_format(const struct quantities *quantities, struct buffer *buffer) {
    if (quantities->count == 0)
        buffer_append_string(buffer, "{}");
    for (size_t i = 0; i < quantities->count; i++) {
        buffer_printf(buffer, "%s%s:", i == 0 ? "" : "; ", quantities->items[i].name);
        scalar_format(quantities->items[i].amount, buffer);
    }
}

/* Drop white space at both ends of the @size bytes at @text. */
static const char *trim(const char *text, size_t *size) {
    static const char space[] = " \t\n\r";

    while (*size > 0 && strchr(space, text[*size - 1]) != NULL)
        (*size)--;
    while (*size > 0 && strchr(space, *text) != NULL) {
        text++;
        (*size)--;
    }
    return text;
}

/* Split "name:value" into a trimmed name and a scalar. */
static int parse_token(const char *token, size_t size, const char *what, char **ret_name, double *ret_value,
                       struct error *err) {
    const char *colon = memchr(token, ':', size), *name;
    size_t name_length = colon == NULL ? 0 : (size_t)(colon - token), value_size = size - name_length - 1;
    cleanup_value struct value value = {0};
    cleanup_free char *text = NULL;
    bool has_duplicates;

    if (colon == NULL || name_length == 0 || value_size == 0 || memchr(colon + 1, ':', value_size) != NULL)
        return error_set(err, 0, "Failed to parse '%.*s': missing or extra ':'", (int)size, token);
    text = xstrndup(colon + 1, value_size);
    if (value_parse(text, &value, &has_duplicates, err) < 0)
        return error_wrap(err, "Failed to parse '%s' to %s", text, what);
    if (value.type != VALUE_SCALAR)
        return error_set(err, 0, "Failed to parse '%s' to %s: only scalar values are allowed", text, what);
    name = trim(token, &name_length);
    *ret_name = xstrndup(name, name_length);
    *ret_value = value.scalar;
    return 0;
}

static int parse(const char *text, bool are_limits, struct quantities *ret, struct error *err) {
    const char *what = are_limits ? "limit" : "quantity";
    cleanup_quantities struct quantities quantities = QUANTITIES_INIT;

    for (const char *token = text; *token != '\0';) {
        cleanup_free char *name = NULL;
        size_t size = strcspn(token, ";");
        double value = 0;

        if (size > 0) {
            if (parse_token(token, size, what, &name, &value, err) < 0)
                return -1;
            if (are_limits && quantities_find(&quantities, name) != NULL)
                return error_set(err, 0, "Failed to parse '%.*s' to limit: duplicate names are not allowed", (int)size,
                                 token);
            if (are_limits || scalar_from_double(value) > 0)
                quantities_add(&quantities, name, scalar_from_double(value));
        }
        token += size + (token[size] != '\0');
    }
    *ret = quantities;
    quantities = QUANTITIES_INIT;
    return 0;
}

int quantities_parse(const char *text, struct quantities *ret, struct error *err) {
    return parse(text, false, ret, err);
}

int limits_parse(const char *text, struct quantities *ret, struct error *err) {
    return parse(text, true, ret, err);
}
