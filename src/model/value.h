/* SPDX-License-Identifier: Apache-2.0 */
/* What resources and attributes are made of: scalars, ranges, sets, and their text form (src/common/values.cpp).
 *
 * Ranges and sets are immutable and counted; every function that returns one gives a reference. NULL is the empty one.
 */
#pragma once

#include "model/resources.h"

enum value_type { VALUE_SCALAR, VALUE_RANGES, VALUE_SET, VALUE_TEXT };

struct value {
    enum value_type type;
    double scalar;
    struct ranges *ranges; /* owned */
    struct items *set;     /* owned */
    char *text;            /* owned */
};

#define cleanup_value cleanup_(value_done)

/* "2.5", "[1-2, 5-9]", "{a, b}", anything else is text. Negative, infinite and NaN numbers are text too, as in Mesos. A
 * set may hold duplicates, which `has_duplicates` tells. */
int value_parse(const char *text, struct value *ret, bool *ret_has_duplicates, struct error *err);
void value_done(struct value *value);

/* Take @count ranges in any order, overlapping or not; reversed ones must have been refused before. */
struct ranges *ranges_new(const struct range *items, size_t count);
struct ranges *ranges_hold(struct ranges *ranges);
struct ranges *ranges_add(const struct ranges *a, const struct ranges *b);
struct ranges *ranges_subtract(const struct ranges *from, const struct ranges *what);
bool ranges_contain(const struct ranges *all, const struct ranges *part);
bool ranges_equal(const struct ranges *a, const struct ranges *b);
/* How many numbers are in them, at most INT64_MAX / 1000. */
int64_t ranges_amount(const struct ranges *ranges);
void ranges_format(const struct ranges *ranges, struct buffer *buffer);

/* Duplicates are dropped; @ret_has_duplicates (may be NULL) tells. */
struct items *items_new(const char *const *items, size_t count, bool *ret_has_duplicates);
struct items *items_hold(struct items *items);
void items_release(struct items *items);
struct items *items_add(const struct items *a, const struct items *b);
struct items *items_subtract(const struct items *from, const struct items *what);
bool items_contain(const struct items *all, const struct items *part);
void items_format(const struct items *items, struct buffer *buffer);

/* A double with 15 significant digits, as C++ streams print: "2", "0.1", "1.5e+15". */
void scalar_format(int64_t thousandths, struct buffer *buffer);
