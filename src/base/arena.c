/* SPDX-License-Identifier: Apache-2.0 */
#include "base/arena.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

enum { ALIGNMENT = 16, LARGEST_BLOCK_BYTES = 256 * 1024 };

struct arena_block {
    struct arena_block *older;
    size_t size;
    char data[] __attribute__((aligned(ALIGNMENT)));
};

/* With its head, a first block is of a size that malloc() keeps at hand: most messages need no more. */
enum { FIRST_BLOCK_BYTES = 1024 - sizeof(struct arena_block) };

void arena_init(struct arena *arena) {
    *arena = ARENA_INIT;
}

static void free_blocks(struct arena_block *block) {
    while (block != NULL) {
        struct arena_block *older = block->older;

        free(block);
        block = older;
    }
}

void arena_done(struct arena *arena) {
    if (arena == NULL)
        return;
    free_blocks(arena->blocks);
    *arena = ARENA_INIT;
}

void arena_reset(struct arena *arena) {
    struct arena_block *block = arena->blocks;

    if (block == NULL)
        return;
    free_blocks(block->older);
    block->older = NULL;
    arena->next = block->data;
    arena->end = block->data + block->size;
    arena->size_bytes = block->size;
}

static void add_block(struct arena *arena, size_t needed) {
    size_t size = arena->size_bytes < FIRST_BLOCK_BYTES ? FIRST_BLOCK_BYTES : arena->size_bytes;
    struct arena_block *block;

    if (size > LARGEST_BLOCK_BYTES)
        size = LARGEST_BLOCK_BYTES;
    if (size < needed)
        size = needed;
    block = xmalloc(sizeof(*block) + size);
    block->older = arena->blocks;
    block->size = size;
    arena->blocks = block;
    arena->next = block->data;
    arena->end = block->data + size;
    arena->size_bytes += size;
}

void *arena_alloc(struct arena *arena, size_t size) {
    size_t rounded = (size + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1);
    char *pointer;

    if (rounded < size)
        abort();
    if ((size_t)(arena->end - arena->next) < rounded || arena->next == NULL)
        add_block(arena, rounded > 0 ? rounded : ALIGNMENT);
    pointer = arena->next;
    arena->next += rounded;
    return pointer;
}

void *arena_calloc(struct arena *arena, size_t size) {
    return memset(arena_alloc(arena, size), 0, size);
}

void *arena_memdup(struct arena *arena, const void *data, size_t size) {
    void *copy = arena_alloc(arena, size);

    if (size > 0)
        memcpy(copy, data, size);
    return copy;
}

char *arena_strndup(struct arena *arena, const char *string, size_t size) {
    size_t length = strnlen(string, size);
    char *copy = arena_alloc(arena, length + 1);

    memcpy(copy, string, length);
    copy[length] = '\0';
    return copy;
}

char *arena_strdup(struct arena *arena, const char *string) {
    return string == NULL ? NULL : arena_memdup(arena, string, strlen(string) + 1);
}

char *arena_printf(struct arena *arena, const char *format, ...) {
    size_t room = (size_t)(arena->end - arena->next);
    va_list arguments, again;
    char *text = arena->next;
    int length;

    va_start(arguments, format);
    va_copy(again, arguments);
    /* Most text fits in what is left of the block, and is then formatted once. */
    length = vsnprintf(text, room, format, arguments);
    va_end(arguments);
    if (length < 0)
        abort();
    if ((size_t)length + ALIGNMENT <= room) {
        arena_alloc(arena, (size_t)length + 1);
    } else {
        text = arena_alloc(arena, (size_t)length + 1);
        vsnprintf(text, (size_t)length + 1, format, again);
    }
    va_end(again);
    return text;
}
