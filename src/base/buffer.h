/* SPDX-License-Identifier: Apache-2.0 */
/* A growing array of bytes with a limit; also a queue: bytes are added at the end and consumed from the front. */
#pragma once

#include <string.h>

#include "base/error.h"

struct buffer {
    char *data;      /* the first unconsumed byte; not NUL-terminated unless buffer_text() was called */
    size_t size;     /* unconsumed bytes */
    size_t capacity; /* bytes from data to the end of the allocation */
    char *start;     /* the allocation */
};

#define BUFFER_INIT ((struct buffer){0})
#define cleanup_buffer cleanup_(buffer_done)

void buffer_init(struct buffer *buffer);
void buffer_done(struct buffer *buffer);

/* Make room for @size more bytes and return where they go; buffer_added() makes them part of the buffer. */
char *buffer_reserve(struct buffer *buffer, size_t size);

static inline void buffer_added(struct buffer *buffer, size_t size) {
    buffer->size += size;
}

static inline void buffer_append(struct buffer *buffer, const void *data, size_t size) {
    if (size > 0) {
        memcpy(buffer->capacity - buffer->size >= size ? buffer->data + buffer->size : buffer_reserve(buffer, size),
               data, size);
        buffer->size += size;
    }
}

static inline void buffer_append_char(struct buffer *buffer, char c) {
    if (buffer->size == buffer->capacity)
        buffer_reserve(buffer, 1);
    buffer->data[buffer->size++] = c;
}

void buffer_append_string(struct buffer *buffer, const char *string);
void buffer_printf(struct buffer *buffer, const char *format, ...) printf_like_(2, 3);

/* Drop @size bytes (at most all) from the front. */
void buffer_consume(struct buffer *buffer, size_t size);

/* Empty the buffer and keep its memory. */
void buffer_clear(struct buffer *buffer);

/* The content as a NUL-terminated string, owned by the buffer and valid until it changes. */
const char *buffer_text(struct buffer *buffer);

/* Hand over the content as a NUL-terminated string that the caller frees; the buffer is empty afterwards. */
char *buffer_take(struct buffer *buffer, size_t *ret_size);

void buffer_swap(struct buffer *a, struct buffer *b);
