/* SPDX-License-Identifier: Apache-2.0 */
#include "base/pool.h"

#include <stdint.h>
#include <sys/mman.h>

enum { SMALLEST_BYTES = 32 << 10, HUGE_BYTES = 2 << 20 };

struct pool_object {
    struct pool_object *next; /* while it is free */
};

struct pool_chunk {
    struct pool_chunk *next;
    size_t size;
    max_align_t objects[];
};

/* HUGE_BYTES of memory on such a boundary. */
static void *map_huge(void) {
    char *memory = mmap(NULL, 2 * HUGE_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    char *aligned;

    if (memory == MAP_FAILED)
        abort();
    aligned = memory + (-(uintptr_t)memory & (HUGE_BYTES - 1));
    if (aligned > memory)
        munmap(memory, (size_t)(aligned - memory));
    munmap(aligned + HUGE_BYTES, (size_t)(memory + HUGE_BYTES - aligned));
    /* Where there are no huge pages, small ones do. */
    madvise(aligned, HUGE_BYTES, MADV_HUGEPAGE);
    return aligned;
}

static void add_chunk(struct pool *pool) {
    size_t last = pool->chunks == NULL ? SMALLEST_BYTES / 2 : pool->chunks->size;
    size_t size = last < HUGE_BYTES ? last * 2 : HUGE_BYTES;
    struct pool_chunk *chunk = pool->is_huge && size == HUGE_BYTES ? map_huge() : xmalloc(size);

    *chunk = (struct pool_chunk){.next = pool->chunks, .size = size};
    pool->chunks = chunk;
    pool->next = (char *)chunk->objects;
    pool->left = size - sizeof(*chunk);
}

void *pool_take(struct pool *pool, size_t size) {
    struct pool_object *object = pool->free;

    if (object != NULL) {
        pool->free = object->next;
        __builtin_prefetch(pool->free, 1);
        return object;
    }
    if (pool->left < size)
        add_chunk(pool);
    object = (struct pool_object *)pool->next;
    pool->left -= size;
    pool->next += size;
    return object;
}

void pool_give(struct pool *pool, void *given) {
    struct pool_object *object = given;

    object->next = pool->free;
    pool->free = object;
}

void pool_done(struct pool *pool) {
    while (pool->chunks != NULL) {
        struct pool_chunk *chunk = pool->chunks;

        pool->chunks = chunk->next;
        if (pool->is_huge && chunk->size == HUGE_BYTES)
            munmap(chunk, HUGE_BYTES);
        else
            free(chunk);
    }
    *pool = (struct pool){.is_huge = pool->is_huge};
}
