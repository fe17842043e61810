/* SPDX-License-Identifier: Apache-2.0 */
#include "net/http_target.h"

#include <string.h>
#include <strings.h>

#include "base/text.h"

/* Decode into @arena. */
static int decode(const char *text, size_t size, bool plus, struct arena *arena, const char **ret, struct error *err) {
    cleanup_buffer struct buffer decoded = BUFFER_INIT;

    if (memchr(text, '%', size) == NULL && (!plus || memchr(text, '+', size) == NULL)) {
        *ret = arena_strndup(arena, text, size);
        return 0;
    }
    if (percent_decode(text, size, plus, &decoded, err) < 0)
        return -1;
    *ret = arena_strndup(arena, decoded.data == NULL ? "" : decoded.data, decoded.size);
    return 0;
}

int http_target_parse(const char *text, struct arena *arena, struct http_target *ret, struct error *err) {
    const char *path = text, *question, *end;
    struct http_target target = {.query = ""};

    if (path[0] != '/' && strcmp(path, "*") != 0) {
        const char *authority = strstr(path, "://");

        if (authority == NULL || (strncasecmp(path, "http://", 7) != 0 && strncasecmp(path, "https://", 8) != 0))
            return error_set(err, 0, "Request URL path must start with '/'");
        path = authority + 3 + strcspn(authority + 3, "/?#");
        if (path == authority + 3)
            return error_set(err, 0, "The request's target has no host");
    }
    end = path + strcspn(path, "#");
    question = memchr(path, '?', (size_t)(end - path));
    if (question != NULL) {
        cleanup_buffer struct buffer ignored = BUFFER_INIT;

        target.query = *end == '\0' ? question + 1 : arena_strndup(arena, question + 1, (size_t)(end - question - 1));
        if (strchr(target.query, '%') != NULL &&
            percent_decode(target.query, strlen(target.query), true, &ignored, err) < 0)
            return error_wrap(err, "Failed to decode the query");
        end = question;
    }
    if (end == path) {
        target.path = "/";
    } else if (memchr(path, '%', (size_t)(end - path)) == NULL && *end == '\0') {
        target.path = path;
    } else if (decode(path, (size_t)(end - path), false, arena, &target.path, err) < 0) {
        return error_wrap(err, "Failed to decode URL path");
    }
    *ret = target;
    return 0;
}

const char *http_query_find(const char *query, const char *name, struct arena *arena) {
    while (*query != '\0') {
        size_t size = strcspn(query, "&;"), name_size;
        const char *equals = memchr(query, '=', size), *decoded;

        name_size = equals == NULL ? size : (size_t)(equals - query);
        if (name_size > 0 && decode(query, name_size, true, arena, &decoded, NULL) == 0 && strcmp(decoded, name) == 0) {
            if (equals == NULL)
                return "";
            if (decode(equals + 1, size - name_size - 1, true, arena, &decoded, NULL) == 0)
                return decoded;
        }
        query += size;
        query += *query != '\0';
    }
    return NULL;
}
