/* SPDX-License-Identifier: Apache-2.0 */
/* Routes by table, matched by the longest prefix of path components as libprocess does: "/master/state" serves
 * "/master/state" and "/master/state/x" unless a longer route matches. */
#pragma once

#include "net/http_server.h"

enum route_method {
    ROUTE_GET = 1,
    ROUTE_HEAD = 2,
    ROUTE_POST = 4,
    ROUTE_PUT = 8,
    ROUTE_DELETE = 16,
    ROUTE_ANY = 31,
    ROUTE_GUARDED = 32, /* beside methods: see router_set_guard() */
};

struct route {
    const char *path; /* "/state" */
    unsigned methods; /* others get 405 with Allow */
    void (*handle)(struct http_exchange *exchange, void *user);
    const char *summary; /* one line for /help */
    const char *details; /* more for /help, or NULL */
};

struct router;

struct router *router_new(void);
void router_free(struct router *router); /* accepts NULL */

/* Add @count rows of a table that outlives the router. @prefix is put before each path ("/master"; "" for none). */
void router_add(struct router *router, const char *prefix, const struct route *routes, size_t count, void *user);
void router_remove(struct router *router, const char *prefix);
/* Ask @guard before any method of a path is looked at that has a row with ROUTE_GUARDED. It returns true, or has
 * answered.
 */
void router_set_guard(struct router *router, bool (*guard)(struct http_exchange *exchange, void *user), void *user);
/* Find the route and call it; answers 404 and 405 itself. */
void router_dispatch(struct router *router, struct http_exchange *exchange);
/* Text of /help: every route, or those under one prefix. */
void router_append_help(const struct router *router, const char *prefix, struct buffer *buffer);
