/* SPDX-License-Identifier: Apache-2.0 */
#include "base/table.h"

#include <string.h>

enum { SMALLEST = 8 };

static uint64_t table_seed = 0x9e3779b97f4a7c15;

void table_set_seed(uint64_t seed) {
    table_seed = seed;
}

static uint64_t mix(uint64_t a, uint64_t b) {
    __uint128_t product = (__uint128_t)a * b;

    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/* A multiply-and-fold hash over eight bytes at a time, in the manner of wyhash; keyed by the seed. */
static uint64_t hash_bytes(const void *data, size_t size) {
    const unsigned char *bytes = data;
    uint64_t hash = table_seed ^ size, word;

    for (; size >= 8; size -= 8, bytes += 8) {
        memcpy(&word, bytes, 8);
        hash = mix(hash ^ word, 0xa0761d6478bd642f);
    }
    word = 0;
    memcpy(&word, bytes, size);
    return mix(hash ^ word, 0xe7037ed1a0b428db) ^ mix(hash, table_seed | 1);
}

void table_init(struct table *table) {
    *table = TABLE_INIT;
}

void table_done(struct table *table) {
    if (table == NULL)
        return;
    for (struct table_cursor *cursor = table->cursors; cursor != NULL; cursor = cursor->next)
        cursor->table = NULL;
    free(table->entries);
    free(table->slots);
    *table = TABLE_INIT;
}

void table_clear(struct table *table) {
    table_done(table);
}

static void put_slot(struct table *table, size_t index) {
    size_t mask = table->capacity * 2 - 1;
    size_t slot = table->entries[index].hash & mask;

    while (table->slots[slot] != 0)
        slot = (slot + 1) & mask;
    table->slots[slot] = (uint32_t)index + 1;
}

/* Where @index will be once the gaps before it are closed. */
static size_t index_without_gaps(const struct table *table, size_t index) {
    size_t kept = 0;

    for (size_t i = 0; i < index && i < table->used; i++)
        kept += table->entries[i].key != NULL;
    return kept;
}

/* Close the gaps, and make room for more if the table is more than half full. */
static void make_room(struct table *table) {
    size_t kept = 0;

    for (struct table_cursor *cursor = table->cursors; cursor != NULL; cursor = cursor->next)
        cursor->index = index_without_gaps(table, cursor->index);
    for (size_t i = 0; i < table->used; i++)
        if (table->entries[i].key != NULL)
            table->entries[kept++] = table->entries[i];
    table->used = kept;
    if (table->capacity == 0 || kept > table->capacity / 2) {
        table->capacity = table->capacity == 0 ? SMALLEST : table->capacity * 2;
        table->entries = xrealloc(table->entries, table->capacity * sizeof(*table->entries));
        free(table->slots);
        table->slots = xcalloc(table->capacity * 2, sizeof(*table->slots));
    } else {
        memset(table->slots, 0, table->capacity * 2 * sizeof(*table->slots));
    }
    for (size_t i = 0; i < kept; i++)
        put_slot(table, i);
}

static struct table_entry *find_entry(const struct table *table, const void *key, size_t key_size, uint64_t hash) {
    size_t mask = table->capacity * 2 - 1;

    if (table->count == 0)
        return NULL;
    for (size_t slot = hash & mask; table->slots[slot] != 0; slot = (slot + 1) & mask) {
        struct table_entry *entry = &table->entries[table->slots[slot] - 1];

        if (entry->key != NULL && entry->hash == hash && entry->key_size == key_size &&
            memcmp(entry->key, key, key_size) == 0)
            return entry;
    }
    return NULL;
}

void *table_find_sized(const struct table *table, const void *key, size_t key_size) {
    struct table_entry *entry = table->count == 0 ? NULL : find_entry(table, key, key_size, hash_bytes(key, key_size));

    return entry == NULL ? NULL : entry->value;
}

void *table_find(const struct table *table, const char *key) {
    return table_find_sized(table, key, strlen(key));
}

bool table_add_sized(struct table *table, const void *key, size_t key_size, void *value) {
    uint64_t hash = hash_bytes(key, key_size);

    if (find_entry(table, key, key_size, hash) != NULL)
        return false;
    if (table->used == table->capacity)
        make_room(table);
    table->entries[table->used] = (struct table_entry){key, key_size, hash, value};
    put_slot(table, table->used++);
    table->count++;
    return true;
}

bool table_add(struct table *table, const char *key, void *value) {
    return table_add_sized(table, key, strlen(key), value);
}

void *table_remove_sized(struct table *table, const void *key, size_t key_size) {
    struct table_entry *entry = table->count == 0 ? NULL : find_entry(table, key, key_size, hash_bytes(key, key_size));

    if (entry == NULL)
        return NULL;
    entry->key = NULL;
    table->count--;
    return entry->value;
}

void *table_remove(struct table *table, const char *key) {
    return table_remove_sized(table, key, strlen(key));
}

void *table_next(const struct table *table, size_t *index) {
    while (*index < table->used) {
        const struct table_entry *entry = &table->entries[(*index)++];

        if (entry->key != NULL)
            return entry->value;
    }
    return NULL;
}

void *table_first(const struct table *table) {
    size_t index = 0;

    return table_next(table, &index);
}

void table_cursor_init(struct table_cursor *cursor, struct table *table) {
    *cursor = (struct table_cursor){.table = table, .next = table->cursors};
    table->cursors = cursor;
}

void table_cursor_done(struct table_cursor *cursor) {
    if (cursor->table != NULL) {
        struct table_cursor **slot = &cursor->table->cursors;

        while (*slot != cursor)
            slot = &(*slot)->next;
        *slot = cursor->next;
    }
    *cursor = (struct table_cursor){0};
}

void *table_cursor_next(struct table_cursor *cursor) {
    return cursor->table == NULL ? NULL : table_next(cursor->table, &cursor->index);
}
