/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "message/json.h"
#include "message/json_scan.h"

enum { DEPTH_LIMIT = 2 };

static int read_member(struct json_scanner *scanner, void (*on_member)(void *, const char *, const char *),
                       void *user) {
    const char *name, *value;
    size_t name_size, value_size;

    if (json_scan_string(scanner, &name, &name_size) < 0 || json_scan_expect(scanner, ':') < 0)
        return -1;
    if (json_scan_kind(scanner) != '"')
        return error_set(scanner->err, EINVAL, "%.*s: expected a string", (int)name_size, name);
    if (json_scan_string(scanner, &value, &value_size) < 0)
        return -1;
    if (memchr(name, '\0', name_size) != NULL || memchr(value, '\0', value_size) != NULL)
        return error_set(scanner->err, EINVAL, "%.*s: NUL character", (int)name_size, name);
    on_member(user, arena_strndup(scanner->arena, name, name_size), arena_strndup(scanner->arena, value, value_size));
    return 0;
}

int json_parse_strings(const char *text, size_t size,
                       void (*on_member)(void *user, const char *name, const char *value), void *user,
                       struct error *err) {
    struct arena arena = ARENA_INIT;
    struct json_scanner scanner = {text, text, text + size, &arena, err, 0, DEPTH_LIMIT};
    int result = json_scan_expect(&scanner, '{');

    if (result == 0 && !json_scan_accept(&scanner, '}')) {
        do
            result = read_member(&scanner, on_member, user);
        while (result == 0 && json_scan_accept(&scanner, ','));
        if (result == 0)
            result = json_scan_expect(&scanner, '}');
    }
    if (result == 0)
        result = json_scan_end(&scanner);
    arena_done(&arena);
    return result;
}
