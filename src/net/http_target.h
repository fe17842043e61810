/* SPDX-License-Identifier: Apache-2.0 */
/* The target of a request: path and query from what the request line says. */
#pragma once

#include "base/arena.h"
#include "base/error.h"

struct http_target {
    const char *path;  /* decoded; begins with '/', or is "*" */
    const char *query; /* still encoded; "" if none */
};

/* Take @text apart: "/path?query", or with scheme and authority before it, which are passed over. A target that is
 * empty, does not begin with a slash, or has a broken or NUL percent-escape is an error. The results live in @arena, or
 * are part of @text. */
int http_target_parse(const char *text, struct arena *arena, struct http_target *ret, struct error *err);

/* The decoded value of the parameter @name in @query, from @arena: "" for a bare name, NULL if it is not there. */
const char *http_query_find(const char *query, const char *name, struct arena *arena);
