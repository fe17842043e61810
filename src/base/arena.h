/* SPDX-License-Identifier: Apache-2.0 */
/* Memory that is handed out piece by piece and released as a whole. A decoded message is one arena. */
#pragma once

#include "base/memory.h"

struct arena_block;

struct arena {
    struct arena_block *blocks; /* the newest first */
    char *next, *end;           /* the free part of the newest block */
    size_t size_bytes;          /* all blocks together */
};

#define ARENA_INIT ((struct arena){0})

void arena_init(struct arena *arena);
void arena_done(struct arena *arena);

/* Forget everything handed out but keep one block for use again. */
void arena_reset(struct arena *arena);

/* @size bytes aligned to 16, not zeroed. Never NULL. */
void *arena_alloc(struct arena *arena, size_t size) __attribute__((returns_nonnull));
void *arena_calloc(struct arena *arena, size_t size) __attribute__((returns_nonnull));
void *arena_memdup(struct arena *arena, const void *data, size_t size);
char *arena_strdup(struct arena *arena, const char *string); /* NULL for NULL */
char *arena_strndup(struct arena *arena, const char *string, size_t size);
char *arena_printf(struct arena *arena, const char *format, ...) printf_like_(2, 3);
