/* SPDX-License-Identifier: Apache-2.0 */
#include "model/value.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "base/table.h"
#include "model/name.h"

/* Scalars */

int64_t scalar_from_double(double value) {
    double scaled = value * 1000;

    if (isnan(scaled))
        return 0;
    if (scaled >= 9.2e18)
        return INT64_MAX;
    if (scaled <= -9.2e18)
        return INT64_MIN;
    return llround(scaled);
}

double scalar_to_double(int64_t thousandths) {
    return (double)(thousandths / 1000) + (double)(thousandths % 1000) / 1000.0;
}

void scalar_format(int64_t thousandths, struct buffer *buffer) {
    buffer_printf(buffer, "%.15g", scalar_to_double(thousandths));
}

/* Ranges */

struct ranges *ranges_hold(struct ranges *ranges) {
    if (ranges != NULL)
        ranges->references++;
    return ranges;
}

void ranges_release(struct ranges *ranges) {
    if (ranges != NULL && --ranges->references == 0)
        free(ranges);
}

/* Ranges in the making: as a rule they are few, and fewer than there might have been. */
struct ranges_draft {
    struct range few[64];
    struct range *items;
    size_t count;
};

static void draft_init(struct ranges_draft *draft, size_t capacity) {
    draft->items = capacity <= ARRAY_SIZE(draft->few) ? draft->few : xcalloc(capacity, sizeof(draft->items[0]));
    draft->count = 0;
}

/* What the draft holds, NULL for nothing; the draft is done. */
static struct ranges *draft_finish(struct ranges_draft *draft) {
    struct ranges *ranges = NULL;

    if (draft->count > 0) {
        ranges = xmalloc(sizeof(*ranges) + draft->count * sizeof(ranges->items[0]));
        ranges->references = 1;
        ranges->count = (uint32_t)draft->count;
        memcpy(ranges->items, draft->items, draft->count * sizeof(ranges->items[0]));
    }
    if (draft->items != draft->few)
        free(draft->items);
    return ranges;
}

/* Append a range that begins no earlier than those before it, merging what overlaps or touches. */
static void draft_append(struct ranges_draft *draft, struct range range) {
    struct range *last = draft->count == 0 ? NULL : &draft->items[draft->count - 1];

    if (last != NULL && (range.begin <= last->end || range.begin - 1 == last->end)) {
        if (range.end > last->end)
            last->end = range.end;
    } else {
        draft->items[draft->count++] = range;
    }
}

static int compare_ranges(const void *a, const void *b) {
    const struct range *left = a, *right = b;

    return left->begin < right->begin ? -1 : left->begin > right->begin;
}

struct ranges *ranges_new(const struct range *items, size_t count) {
    struct ranges_draft draft;
    struct range *sorted;

    if (count == 0)
        return NULL;
    draft_init(&draft, count);
    sorted = xmemdup(items, count * sizeof(*items));
    for (size_t i = 1; i < count; i++)
        if (sorted[i].begin < sorted[i - 1].begin) {
            qsort(sorted, count, sizeof(*sorted), compare_ranges);
            break;
        }
    for (size_t i = 0; i < count; i++)
        draft_append(&draft, sorted[i]);
    free(sorted);
    return draft_finish(&draft);
}

struct ranges *ranges_add(const struct ranges *a, const struct ranges *b) {
    struct ranges_draft draft;
    size_t i = 0, j = 0;

    draft_init(&draft, (size_t)a->count + b->count);
    while (i < a->count || j < b->count) {
        if (j == b->count || (i < a->count && a->items[i].begin <= b->items[j].begin))
            draft_append(&draft, a->items[i++]);
        else
            draft_append(&draft, b->items[j++]);
    }
    return draft_finish(&draft);
}

struct ranges *ranges_subtract(const struct ranges *from, const struct ranges *what) {
    struct ranges_draft draft;
    size_t j = 0;

    draft_init(&draft, (size_t)from->count + what->count);
    for (size_t i = 0; i < from->count; i++) {
        struct range left = from->items[i];
        bool is_used_up = false;

        while (j < what->count && what->items[j].end < left.begin)
            j++;
        for (size_t k = j; k < what->count && what->items[k].begin <= left.end; k++) {
            const struct range *cut = &what->items[k];

            if (cut->begin > left.begin)
                draft.items[draft.count++] = (struct range){left.begin, cut->begin - 1};
            if (cut->end >= left.end) {
                is_used_up = true;
                break;
            }
            left.begin = cut->end + 1;
        }
        if (!is_used_up)
            draft.items[draft.count++] = left;
    }
    return draft_finish(&draft);
}

bool ranges_contain(const struct ranges *all, const struct ranges *part) {
    size_t i = 0;

    if (all == part)
        return true;
    for (size_t j = 0; j < part->count; j++) {
        while (i < all->count && all->items[i].end < part->items[j].begin)
            i++;
        if (i == all->count || all->items[i].begin > part->items[j].begin || all->items[i].end < part->items[j].end)
            return false;
    }
    return true;
}

bool ranges_equal(const struct ranges *a, const struct ranges *b) {
    return a == b || (a->count == b->count && memcmp(a->items, b->items, a->count * sizeof(a->items[0])) == 0);
}

int64_t ranges_amount(const struct ranges *ranges) {
    uint64_t amount = 0, most = INT64_MAX / 1000;

    for (size_t i = 0; i < ranges->count && amount < most; i++) {
        uint64_t size = ranges->items[i].end - ranges->items[i].begin;

        amount = size >= most || amount + size + 1 > most ? most : amount + size + 1;
    }
    return (int64_t)amount;
}

void ranges_format(const struct ranges *ranges, struct buffer *buffer) {
    buffer_append_char(buffer, '[');
    for (size_t i = 0; ranges != NULL && i < ranges->count; i++)
        buffer_printf(buffer, "%s%ju-%ju", i == 0 ? "" : ", ", (uintmax_t)ranges->items[i].begin,
                      (uintmax_t)ranges->items[i].end);
    buffer_append_char(buffer, ']');
}

/* Sets */

enum { SMALL_SET = 16 }; /* up to here items are found by looking at each */

struct items *items_hold(struct items *items) {
    if (items != NULL)
        items->references++;
    return items;
}

void items_release(struct items *items) {
    if (items == NULL || --items->references > 0)
        return;
    for (size_t i = 0; i < items->count; i++)
        name_release(items->items[i]);
    free(items);
}

/* Finds names in a set; a table is made for large ones. */
struct item_index {
    const char *const *items;
    size_t count;
    struct table table;
};

static void item_index_init(struct item_index *index, const char *const *items, size_t count) {
    *index = (struct item_index){items, count, TABLE_INIT};
    for (size_t i = 0; count > SMALL_SET && i < count; i++)
        table_add(&index->table, items[i], (void *)items[i]);
}

static bool item_index_has(const struct item_index *index, const char *name) {
    if (index->table.count > 0)
        return table_find(&index->table, name) != NULL;
    for (size_t i = 0; i < index->count; i++)
        if (index->items[i] == name)
            return true;
    return false;
}

static void item_index_done(struct item_index *index) {
    table_done(&index->table);
}

static struct items *items_allocate(size_t capacity) {
    struct items *items = xmalloc(sizeof(*items) + capacity * sizeof(items->items[0]));

    items->references = 1;
    items->count = 0;
    return items;
}

static struct items *items_finish(struct items *items) {
    if (items->count == 0) {
        free(items);
        return NULL;
    }
    return items;
}

struct items *items_new(const char *const *texts, size_t count, bool *ret_has_duplicates) {
    struct items *items = items_allocate(count);
    struct table seen = TABLE_INIT;
    bool has_duplicates = false;

    for (size_t i = 0; i < count; i++) {
        const char *name = name_get(texts[i]);

        if (table_add(&seen, name, (void *)name)) {
            items->items[items->count++] = name;
        } else {
            has_duplicates = true;
            name_release(name);
        }
    }
    table_done(&seen);
    if (ret_has_duplicates != NULL)
        *ret_has_duplicates = has_duplicates;
    return items_finish(items);
}

struct items *items_add(const struct items *a, const struct items *b) {
    struct items *sum = items_allocate(a->count + b->count);
    struct item_index index;

    item_index_init(&index, a->items, a->count);
    for (size_t i = 0; i < a->count; i++)
        sum->items[sum->count++] = name_hold(a->items[i]);
    for (size_t i = 0; i < b->count; i++)
        if (!item_index_has(&index, b->items[i]))
            sum->items[sum->count++] = name_hold(b->items[i]);
    item_index_done(&index);
    return items_finish(sum);
}

struct items *items_subtract(const struct items *from, const struct items *what) {
    struct items *rest = items_allocate(from->count);
    struct item_index index;

    item_index_init(&index, what->items, what->count);
    for (size_t i = 0; i < from->count; i++)
        if (!item_index_has(&index, from->items[i]))
            rest->items[rest->count++] = name_hold(from->items[i]);
    item_index_done(&index);
    return items_finish(rest);
}

bool items_contain(const struct items *all, const struct items *part) {
    struct item_index index;
    bool is_contained = part->count <= all->count;

    if (all == part)
        return true;
    item_index_init(&index, all->items, all->count);
    for (size_t i = 0; is_contained && i < part->count; i++)
        is_contained = item_index_has(&index, part->items[i]);
    item_index_done(&index);
    return is_contained;
}

void items_format(const struct items *items, struct buffer *buffer) {
    buffer_append_char(buffer, '{');
    for (size_t i = 0; items != NULL && i < items->count; i++) {
        buffer_append_string(buffer, i == 0 ? "" : ", ");
        buffer_append_string(buffer, items->items[i]);
    }
    buffer_append_char(buffer, '}');
}

/* Text */

void value_done(struct value *value) {
    if (value == NULL)
        return;
    ranges_release(value->ranges);
    items_release(value->set);
    free(value->text);
    *value = (struct value){0};
}

/* A whole unsigned number, decimal or hexadecimal. */
static bool parse_unsigned(const char *text, size_t size, uint64_t *ret) {
    unsigned base = 10;
    uint64_t value = 0;

    if (size > 2 && text[0] == '0' && (text[1] == 'x' || text[1] == 'X')) {
        base = 16;
        text += 2;
        size -= 2;
    }
    if (size == 0)
        return false;
    for (size_t i = 0; i < size; i++) {
        const char *digits = "0123456789abcdef";
        char lower = (char)(text[i] >= 'A' && text[i] <= 'F' ? text[i] + 32 : text[i]);
        const char *digit = lower == '\0' ? NULL : memchr(digits, lower, base);

        if (digit == NULL || __builtin_mul_overflow(value, base, &value) ||
            __builtin_add_overflow(value, (uint64_t)(digit - digits), &value))
            return false;
    }
    *ret = value;
    return true;
}

/* The next piece of @text between @separators, or NULL. */
static const char *next_token(const char **text, const char *separators, size_t *ret_size) {
    const char *token = *text + strspn(*text, separators);

    *ret_size = strcspn(token, separators);
    *text = token + *ret_size;
    return *ret_size == 0 ? NULL : token;
}

static int parse_ranges(const char *text, struct value *ret, struct error *err) {
    cleanup_free struct range *items = NULL;
    size_t count = 0, capacity = 0, size;
    uint64_t numbers[2];
    const char *token;
    int half = 0;

    while ((token = next_token(&text, "[]-,\n", &size)) != NULL) {
        if (!parse_unsigned(token, size, &numbers[half]))
            return error_set(err, 0, "Expecting non-negative integers in '%.*s'", (int)size, token);
        half = 1 - half;
        if (half != 0)
            continue;
        if (count == capacity) {
            capacity = capacity == 0 ? 8 : capacity * 2;
            items = xrealloc(items, capacity * sizeof(*items));
        }
        if (numbers[0] > numbers[1])
            return error_set(err, 0, "Invalid ranges resource: begin > end");
        items[count++] = (struct range){numbers[0], numbers[1]};
    }
    if (half != 0)
        return error_set(err, 0, "Expecting one or more \"ranges\"");
    ret->type = VALUE_RANGES;
    ret->ranges = ranges_new(items, count);
    return 0;
}

static void parse_set(char *text, struct value *ret, bool *ret_has_duplicates) {
    cleanup_free const char **items = NULL;
    size_t count = 0, capacity = 0, size;
    const char *rest = text, *token;

    while ((token = next_token(&rest, "{},\n", &size)) != NULL) {
        if (count == capacity) {
            capacity = capacity == 0 ? 8 : capacity * 2;
            items = xrealloc(items, capacity * sizeof(*items));
        }
        items[count++] = token;
        /* The separator after the token is no longer needed; the text is ours. */
        if (*rest != '\0')
            *(char *)rest++ = '\0';
    }
    ret->type = VALUE_SET;
    ret->set = items_new(items, count, ret_has_duplicates);
}

static bool are_brackets_matching(const char *text, char open, char close) {
    int depth = 0;

    for (; *text != '\0' && depth >= 0; text++)
        depth += *text == open ? 1 : *text == close ? -1 : 0;
    return depth == 0;
}

static int parse_number_or_text(char **text, struct value *ret, struct error *err) {
    char *end;
    double number = strtod(*text, &end);

    if (*end == '\0' && strpbrk(*text, "pP\t\n\v\f\r") == NULL) {
        if (fpclassify(number) == FP_SUBNORMAL)
            return error_set(err, 0, "Subnormal values not supported");
        if (isfinite(number) && number >= 0) {
            ret->type = VALUE_SCALAR;
            ret->scalar = number;
            return 0;
        }
    }
    ret->type = VALUE_TEXT;
    ret->text = take_ptr(text);
    return 0;
}

int value_parse(const char *text, struct value *ret, bool *ret_has_duplicates, struct error *err) {
    cleanup_free char *dense = xmalloc(strlen(text) + 1);
    size_t size = 0;
    char *bracket;

    *ret = (struct value){0};
    *ret_has_duplicates = false;
    for (const char *c = text; *c != '\0'; c++)
        if (*c != ' ')
            dense[size++] = *c;
    dense[size] = '\0';
    if (size == 0)
        return error_set(err, 0, "Expecting non-empty string");
    if (!are_brackets_matching(dense, '{', '}') || !are_brackets_matching(dense, '[', ']') ||
        !are_brackets_matching(dense, '(', ')'))
        return error_set(err, 0, "Mismatched brackets");
    bracket = strchr(dense, '[');
    if (bracket == dense)
        return parse_ranges(dense, ret, err);
    if (bracket != NULL)
        return error_set(err, 0, "Unexpected '[' found");
    bracket = strchr(dense, '{');
    if (bracket == dense) {
        parse_set(dense, ret, ret_has_duplicates);
        return 0;
    }
    if (bracket != NULL)
        return error_set(err, 0, "Unexpected '{' found");
    return parse_number_or_text(&dense, ret, err);
}
