/* SPDX-License-Identifier: Apache-2.0 */
/* A hash table from strings to pointers that remembers the order of insertion.
 *
 * Iteration follows that order whatever the hash seed, so that a simulated run is the same each time; the seed is
 * random in daemons, so that peers can not choose colliding ids. */
#pragma once

#include <stdint.h>

#include "base/memory.h"

struct table_entry {
    const char *key; /* borrowed from the value; NULL once removed */
    size_t key_size;
    uint64_t hash;
    void *value;
};

struct table_cursor;

struct table {
    struct table_entry *entries; /* in order of insertion, with gaps where entries were removed */
    uint32_t *slots;             /* open addressing; 1 + index into entries, 0 free */
    size_t count;                /* entries in the table */
    size_t used;                 /* entries and gaps */
    size_t capacity;             /* of entries; there are twice as many slots */
    struct table_cursor *cursors;
};

#define TABLE_INIT ((struct table){0})

/* Choose the seed of all tables. Call before the first one is filled, or not at all. */
void table_set_seed(uint64_t seed);

void table_init(struct table *table);
void table_done(struct table *table); /* does not release the values */

/* The value of @key, or NULL. */
void *table_find(const struct table *table, const char *key);
void *table_find_sized(const struct table *table, const void *key, size_t key_size);

/* Add @value, which must not be NULL, under @key, which must stay valid while it is in the table (usually it is a
 * member of the value). Returns false and changes nothing if the key is there already. */
bool table_add(struct table *table, const char *key, void *value);
bool table_add_sized(struct table *table, const void *key, size_t key_size, void *value);

/* Remove @key and return its value, or NULL if it was not there. Safe for the current entry while iterating. */
void *table_remove(struct table *table, const char *key);
void *table_remove_sized(struct table *table, const void *key, size_t key_size);

void table_clear(struct table *table);

/* The value at or after position @index, which becomes the position after it; NULL at the end. */
void *table_next(const struct table *table, size_t *index);

/* The value inserted first, or NULL. */
void *table_first(const struct table *table);

/* Visit the values in order of insertion. Any entry may be removed meanwhile; none may be added. */
#define table_for_each(table, entry) \
    for (size_t entry##_index_ = 0; ((entry) = table_next(table, &entry##_index_)) != NULL;)

/* A place in a table for a visit that goes on in later callbacks. Entries may be added (those are visited too) and
 * removed meanwhile; each entry that stays is visited once. If the table ends, so does the visit. */
struct table_cursor {
    struct table *table; /* NULL once it has ended */
    struct table_cursor *next;
    size_t index;
};

/* At the beginning of @table; the cursor must not be moved until table_cursor_done(). */
void table_cursor_init(struct table_cursor *cursor, struct table *table);
void table_cursor_done(struct table_cursor *cursor); /* accepts a zeroed one */
/* The next value, or NULL at the end. */
void *table_cursor_next(struct table_cursor *cursor);
