/* SPDX-License-Identifier: Apache-2.0 */
#include "base/memory.h"

#include <stdio.h>
#include <string.h>

static void *check(void *pointer) {
    if (pointer == NULL) {
        static const char message[] = "out of memory\n";
        ssize_t ignored unused_ = write(STDERR_FILENO, message, sizeof(message) - 1);

        abort();
    }
    return pointer;
}

void *xmalloc(size_t size) {
    return check(malloc(size > 0 ? size : 1));
}

void *xcalloc(size_t count, size_t size) {
    return check(calloc(count > 0 ? count : 1, size > 0 ? size : 1));
}

void *xrealloc(void *pointer, size_t size) {
    return check(realloc(pointer, size > 0 ? size : 1));
}

void *xmemdup(const void *data, size_t size) {
    void *copy = xmalloc(size);

    if (size > 0)
        memcpy(copy, data, size);
    return copy;
}

char *xstrdup(const char *string) {
    return string == NULL ? NULL : xmemdup(string, strlen(string) + 1);
}

char *xstrndup(const char *string, size_t size) {
    size_t length = strnlen(string, size);
    char *copy = xmalloc(length + 1);

    memcpy(copy, string, length);
    copy[length] = '\0';
    return copy;
}

char *xvasprintf(const char *format, va_list arguments) {
    char *text;

    if (vasprintf(&text, format, arguments) < 0)
        check(NULL);
    return text;
}

char *xasprintf(const char *format, ...) {
    va_list arguments;
    char *text;

    va_start(arguments, format);
    text = xvasprintf(format, arguments);
    va_end(arguments);
    return text;
}

void string_replace(char **slot, const char *value) {
    char *copy = xstrdup(value);

    free(*slot);
    *slot = copy;
}
