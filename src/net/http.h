/* SPDX-License-Identifier: Apache-2.0 */
/* What HTTP/1.1 server and client share: headers, the query string, status texts. */
#pragma once

#include "base/buffer.h"
#include "base/list.h"

struct http_header {
    const char *name, *value;
};

/* A few headers in the order they came. Text lives in the arena-like buffer of their owner. */
struct http_headers {
    struct http_header *items;
    size_t count, capacity;
};

/* The first header called @name (case does not matter), or NULL. */
const char *http_headers_find(const struct http_headers *headers, const char *name);
/* @name and @value are borrowed. */
void http_headers_add(struct http_headers *headers, const char *name, const char *value);
void http_headers_done(struct http_headers *headers);

/* "Not Found" for 404; "Unknown" for what has no text. */
const char *http_status_text(unsigned status);

/* The media type of a Content-Type or one Accept element without its parameters, compared without case. */
bool http_media_type_is(const char *value, const char *media_type);
/* Whether an Accept header (NULL: anything) allows @media_type, by Mesos's rules: q=0 excludes, wildcards match. */
bool http_accepts(const char *accept, const char *media_type);
bool http_accepts_encoding(const char *accept_encoding, const char *coding);
