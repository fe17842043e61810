/* SPDX-License-Identifier: Apache-2.0 */
/* Allocation that aborts when memory is exhausted, and scope-bound clean-up. */
#pragma once

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <unistd.h>

#define cleanup_(function) __attribute__((cleanup(function)))
#define printf_like_(text, first) __attribute__((format(printf, text, first)))
#define unused_ __attribute__((unused))

/* The number of elements of an array that is in scope as an array. */
#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))

/* The struct of @type whose @member is at @pointer. */
#define container_of(pointer, type, member) ((type *)((char *)(pointer)-offsetof(type, member)))

/* Like malloc(3), calloc(3), … but never return NULL. */
void *xmalloc(size_t size) __attribute__((malloc, returns_nonnull));
void *xcalloc(size_t count, size_t size) __attribute__((malloc, returns_nonnull));
void *xrealloc(void *pointer, size_t size) __attribute__((returns_nonnull));
void *xmemdup(const void *data, size_t size) __attribute__((returns_nonnull));

/* xstrdup(NULL) is NULL, so that optional strings can be copied without a test. */
char *xstrdup(const char *string);
char *xstrndup(const char *string, size_t size) __attribute__((returns_nonnull));
char *xasprintf(const char *format, ...) printf_like_(1, 2) __attribute__((returns_nonnull));
char *xvasprintf(const char *format, va_list arguments) printf_like_(1, 0) __attribute__((returns_nonnull));

/* One zeroed object of @type. */
#define new0(type) ((type *)xcalloc(1, sizeof(type)))

/* Replace the owned string at @slot by a copy of @value (which may be NULL). */
void string_replace(char **slot, const char *value);

/* Hand over what @slot owns: returns it and leaves NULL behind. */
#define take_ptr(slot) \
    ({ \
        __typeof__(slot) slot_ = (slot); \
        __typeof__(*slot_) taken_ = *slot_; \
        *slot_ = NULL; \
        taken_; \
    })

static inline void cleanup_free_pointer(void *slot) {
    free(*(void **)slot);
}

static inline void cleanup_close_descriptor(const int *fd) {
    if (*fd >= 0)
        close(*fd);
}

#define cleanup_free cleanup_(cleanup_free_pointer)
#define cleanup_close cleanup_(cleanup_close_descriptor)
