/* SPDX-License-Identifier: Apache-2.0 */
/* A priority queue through its members: the smallest (key, order of insertion) comes first. */
#pragma once

#include <stdint.h>

#include "base/memory.h"

struct heap_member {
    int64_t key;
    uint64_t order;  /* set by heap_add(): equal keys leave first in, first out */
    size_t position; /* 1 + index into members; 0 while in no heap */
};

struct heap {
    struct heap_member **members;
    size_t count, capacity;
    uint64_t added;
};

void heap_init(struct heap *heap);
void heap_done(struct heap *heap);

/* Add @member, which must be in no heap (a zeroed one is in none), under @key. */
void heap_add(struct heap *heap, struct heap_member *member, int64_t key);

/* Accepts a member that is in no heap. */
void heap_remove(struct heap *heap, struct heap_member *member);

static inline bool heap_contains(const struct heap_member *member) {
    return member->position != 0;
}

/* The smallest member, or NULL. */
static inline struct heap_member *heap_top(const struct heap *heap) {
    return heap->count == 0 ? NULL : heap->members[0];
}
