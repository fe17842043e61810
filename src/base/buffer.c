/* SPDX-License-Identifier: Apache-2.0 */
#include "base/buffer.h"

#include <stdint.h>
#include <stdio.h>

enum { SMALLEST_BYTES = 128, LIKELY_PRINTED_BYTES = 64 };

void buffer_init(struct buffer *buffer) {
    *buffer = BUFFER_INIT;
}

void buffer_done(struct buffer *buffer) {
    if (buffer == NULL)
        return;
    free(buffer->start);
    *buffer = BUFFER_INIT;
}

char *buffer_reserve(struct buffer *buffer, size_t size) {
    size_t gap = (size_t)(buffer->data - buffer->start);
    size_t needed = buffer->size + size, whole;

    if (needed < size)
        abort();
    if (needed <= buffer->capacity && buffer->start != NULL)
        return buffer->data + buffer->size;
    /* Moving the bytes to the front is enough when at least half of the memory has been consumed; so each byte is
     * moved a constant number of times. */
    if (gap > 0 && gap >= buffer->size && needed <= buffer->capacity + gap) {
        memmove(buffer->start, buffer->data, buffer->size);
        buffer->data = buffer->start;
        buffer->capacity += gap;
        return buffer->data + buffer->size;
    }
    whole = buffer->capacity < SMALLEST_BYTES ? SMALLEST_BYTES : buffer->capacity * 2;
    if (whole < needed)
        whole = needed;
    if (gap == 0) {
        buffer->start = xrealloc(buffer->start, whole);
    } else {
        char *start = xmalloc(whole);

        memcpy(start, buffer->data, buffer->size);
        free(buffer->start);
        buffer->start = start;
    }
    buffer->data = buffer->start;
    buffer->capacity = whole;
    return buffer->data + buffer->size;
}

void buffer_append_string(struct buffer *buffer, const char *string) {
    buffer_append(buffer, string, strlen(string));
}

void buffer_printf(struct buffer *buffer, const char *format, ...) {
    va_list arguments, again;
    size_t room;
    int length;

    va_start(arguments, format);
    va_copy(again, arguments);
    /* Most text fits in what is there, and is then formatted once. */
    buffer_reserve(buffer, LIKELY_PRINTED_BYTES);
    room = buffer->capacity - buffer->size;
    length = vsnprintf(buffer->data + buffer->size, room, format, arguments);
    va_end(arguments);
    if (length < 0)
        abort();
    if ((size_t)length >= room)
        vsnprintf(buffer_reserve(buffer, (size_t)length + 1), (size_t)length + 1, format, again);
    va_end(again);
    buffer->size += (size_t)length;
}

void buffer_consume(struct buffer *buffer, size_t size) {
    if (size >= buffer->size) {
        buffer_clear(buffer);
        return;
    }
    buffer->data += size;
    buffer->size -= size;
    buffer->capacity -= size;
}

void buffer_clear(struct buffer *buffer) {
    buffer->capacity += (size_t)(buffer->data - buffer->start);
    buffer->data = buffer->start;
    buffer->size = 0;
}

const char *buffer_text(struct buffer *buffer) {
    *buffer_reserve(buffer, 1) = '\0';
    return buffer->data;
}

char *buffer_take(struct buffer *buffer, size_t *ret_size) {
    char *data;

    if (ret_size != NULL)
        *ret_size = buffer->size;
    *buffer_reserve(buffer, 1) = '\0';
    if (buffer->data != buffer->start)
        memmove(buffer->start, buffer->data, buffer->size + 1);
    data = buffer->start;
    *buffer = BUFFER_INIT;
    return data;
}

void buffer_swap(struct buffer *a, struct buffer *b) {
    struct buffer other = *a;

    *a = *b;
    *b = other;
}
