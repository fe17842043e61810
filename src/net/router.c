/* SPDX-License-Identifier: Apache-2.0 */
#include "net/router.h"

#include <string.h>

#include "base/table.h"

/* The rows of one path. */
struct router_path {
    char *path;
    struct list rows; /* of struct router_row, in the order they were added */
};

struct router_row {
    struct list member;
    const struct route *route;
    char *prefix;
    void *user;
};

struct router {
    struct table paths; /* of struct router_path */
    bool (*guard)(struct http_exchange *exchange, void *user);
    void *guard_user;
};

static const struct {
    enum route_method method;
    const char *name;
} method_names[] = {
    {ROUTE_GET, "GET"}, {ROUTE_HEAD, "HEAD"}, {ROUTE_POST, "POST"}, {ROUTE_PUT, "PUT"}, {ROUTE_DELETE, "DELETE"},
};

struct router *router_new(void) {
    struct router *router = new0(struct router);

    table_init(&router->paths);
    return router;
}

static void remove_row(struct router_row *row) {
    list_remove(&row->member);
    free(row->prefix);
    free(row);
}

static void remove_path(struct router *router, struct router_path *path) {
    table_remove(&router->paths, path->path);
    free(path->path);
    free(path);
}

void router_free(struct router *router) {
    struct router_path *path;
    struct router_row *row;

    if (router == NULL)
        return;
    table_for_each (&router->paths, path) {
        while ((row = list_first(&path->rows, struct router_row, member)) != NULL)
            remove_row(row);
        remove_path(router, path);
    }
    table_done(&router->paths);
    free(router);
}

/* One slash before each component and none at the end: "//master/state/" becomes "/master/state". "" for the root. */
static char *normalize(const char *prefix, const char *path) {
    char *text = xasprintf("%s/%s", prefix, path), *to = text;

    for (const char *from = text; *from != '\0'; from++) {
        if (*from != '/' || (from[1] != '/' && from[1] != '\0'))
            *to++ = *from;
    }
    *to = '\0';
    return text;
}

void router_add(struct router *router, const char *prefix, const struct route *routes, size_t count, void *user) {
    for (size_t i = 0; i < count; i++) {
        char *text = normalize(prefix, routes[i].path);
        struct router_path *path = table_find(&router->paths, text);
        struct router_row *row = new0(struct router_row);

        if (path == NULL) {
            path = new0(struct router_path);
            path->path = text;
            list_init(&path->rows);
            table_add(&router->paths, path->path, path);
        } else {
            free(text);
        }
        row->route = &routes[i];
        row->prefix = xstrdup(prefix);
        row->user = user;
        list_append(&path->rows, &row->member);
    }
}

void router_remove(struct router *router, const char *prefix) {
    struct router_path *path;
    struct router_row *row;

    table_for_each (&router->paths, path) {
        list_for_each (&path->rows, row, member) {
            if (strcmp(row->prefix, prefix) == 0)
                remove_row(row);
        }
        if (list_is_empty(&path->rows))
            remove_path(router, path);
    }
}

static bool allows(const struct route *route, const char *method) {
    if ((route->methods & ROUTE_ANY) == ROUTE_ANY)
        return true;
    for (size_t i = 0; i < ARRAY_SIZE(method_names); i++) {
        if (strcmp(method_names[i].name, method) == 0)
            return (route->methods & method_names[i].method) != 0;
    }
    return false;
}

static void answer_not_allowed(struct http_exchange *exchange, const struct router_path *path) {
    cleanup_buffer struct buffer allow = BUFFER_INIT, quoted = BUFFER_INIT;
    const char *method = http_exchange_request(exchange)->method;
    struct router_row *row;
    unsigned methods = 0;

    list_for_each (&path->rows, row, member)
        methods |= row->route->methods;
    for (size_t i = 0; i < ARRAY_SIZE(method_names); i++) {
        if ((methods & method_names[i].method) != 0) {
            buffer_printf(&allow, "%s%s", allow.size > 0 ? ", " : "", method_names[i].name);
            buffer_printf(&quoted, "%s'%s'", quoted.size > 0 ? ", " : "", method_names[i].name);
        }
    }
    http_respond_header(exchange, "Allow", buffer_text(&allow));
    http_respond_text(exchange, 405, "405 Method Not Allowed. Expecting one of { %s }, but received '%s'.",
                      buffer_text(&quoted), method);
}

/* As libprocess does, whatever climbs is not served at all (upstream ProcessManager::handle()). */
static bool climbs(const char *path) {
    return strstr(path, "/..") != NULL;
}

static struct router_path *find_path(const struct router *router, const char *path) {
    size_t size = strlen(path);
    bool is_root, is_plain = strstr(path, "//") == NULL && path[size - 1] != '/';
    cleanup_free char *normal = is_plain ? NULL : normalize("", path);
    const char *text = is_plain ? path : normal;

    if (!is_plain)
        size = strlen(normal);
    is_root = size == 0;

    for (;;) {
        struct router_path *found = table_find_sized(&router->paths, text, size);

        /* The root is only itself: it does not take what nothing else serves. */
        if (found != NULL && (size > 0 || is_root))
            return found;
        if (size == 0)
            return NULL;
        while (size > 0 && text[--size] != '/')
            ;
    }
}

void router_set_guard(struct router *router, bool (*guard)(struct http_exchange *exchange, void *user), void *user) {
    router->guard = guard;
    router->guard_user = user;
}

static bool is_guarded(const struct router_path *path) {
    const struct router_row *row;

    list_for_each (&path->rows, row, member) {
        if ((row->route->methods & ROUTE_GUARDED) != 0)
            return true;
    }
    return false;
}

void router_dispatch(struct router *router, struct http_exchange *exchange) {
    const struct http_request *request = http_exchange_request(exchange);
    const struct router_path *path = climbs(request->path) ? NULL : find_path(router, request->path);
    struct router_row *row;

    if (path == NULL) {
        http_respond_text(exchange, 404, "404 Not Found.");
        return;
    }
    if (router->guard != NULL && is_guarded(path) && !router->guard(exchange, router->guard_user))
        return;
    list_for_each (&path->rows, row, member) {
        if (allows(row->route, request->method)) {
            row->route->handle(exchange, row->user);
            return;
        }
    }
    answer_not_allowed(exchange, path);
}

static bool is_below(const char *path, const char *prefix) {
    size_t size = strlen(prefix);

    return strncmp(path, prefix, size) == 0 && (path[size] == '\0' || path[size] == '/');
}

void router_append_help(const struct router *router, const char *prefix, struct buffer *buffer) {
    cleanup_free char *below = normalize("", prefix);
    struct router_path *path;
    struct router_row *row;

    table_for_each (&router->paths, path) {
        if (!is_below(path->path, below))
            continue;
        list_for_each (&path->rows, row, member) {
            buffer_append_string(buffer, path->path[0] == '\0' ? "/" : path->path);
            if ((row->route->methods & ROUTE_ANY) != ROUTE_ANY) {
                for (size_t i = 0; i < ARRAY_SIZE(method_names); i++) {
                    if ((row->route->methods & method_names[i].method) != 0)
                        buffer_printf(buffer, " %s", method_names[i].name);
                }
            }
            buffer_append_char(buffer, '\n');
            if (row->route->summary != NULL)
                buffer_printf(buffer, "    %s\n", row->route->summary);
            if (row->route->details != NULL)
                buffer_printf(buffer, "    %s\n", row->route->details);
        }
    }
}
