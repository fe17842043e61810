/* SPDX-License-Identifier: Apache-2.0 */
/* For the tests of http/: requests to the master of a test world, and the shape of what it answers. */
#pragma once

#include <ctype.h>

#include "master/test_world.h"

/* An answer, or what of it has come. */
struct page {
    struct http_client *client;
    struct http_call *call; /* NULL once it is over */
    unsigned status;        /* 0 until the head is there */
    char type[100], location[200], allow[100], length[30];
    struct buffer body;
    bool is_whole, has_failed;
};

static inline void page_copy_header(const struct http_response *response, const char *name, char *to, size_t size) {
    const char *value = http_headers_find(&response->headers, name);

    snprintf(to, size, "%s", value == NULL ? "" : value);
}

static inline void page_on_head(struct http_call *call, const struct http_response *response, void *user) {
    struct page *page = user;

    page->status = response->status;
    page_copy_header(response, "Content-Type", page->type, sizeof(page->type));
    page_copy_header(response, "Location", page->location, sizeof(page->location));
    page_copy_header(response, "Allow", page->allow, sizeof(page->allow));
    page_copy_header(response, "Content-Length", page->length, sizeof(page->length));
}

static inline void page_on_data(struct http_call *call, const char *data, size_t size, void *user) {
    struct page *page = user;

    buffer_append(&page->body, data, size);
}

static inline void page_on_done(struct http_call *call, const struct http_response *response, const struct error *err,
                                void *user) {
    struct page *page = user;

    page->call = NULL;
    page->is_whole = err == NULL;
    page->has_failed = err != NULL;
}

/* Begin a request. The page must stay where it is until page_done(). */
static inline void page_start(struct page *page, struct world *world, const char *method, const char *target,
                              const struct http_header *headers, size_t header_count, const void *body, size_t size) {
    static const struct http_call_events events = {page_on_head, page_on_data, page_on_done};
    struct address address = world_master_address(world);

    *page = (struct page){.client = http_client_new(sim_node_env(world->scheduler_node))};
    page->call = http_client_call(page->client, &address,
                                  &(struct http_call_options){.method = method,
                                                              .target = target,
                                                              .headers = headers,
                                                              .header_count = header_count,
                                                              .body = body,
                                                              .body_size = size,
                                                              .own_connection = true},
                                  &events, page);
}

static inline void page_done(struct page *page) {
    http_client_free(page->client);
    buffer_done(&page->body);
    *page = (struct page){0};
}

static inline const char *page_text(struct page *page) {
    return buffer_text(&page->body);
}

static inline void page_get(struct page *page, struct world *world, const char *target) {
    page_start(page, world, "GET", target, NULL, 0, NULL, 0);
    settle(world);
    assert_true(page->is_whole);
}

static inline unsigned page_status(struct world *world, const char *method, const char *target, const char *body) {
    struct page page;
    unsigned status;

    page_start(&page, world, method, target, NULL, 0, body, strlen(body));
    settle(world);
    assert_true(page.is_whole);
    status = page.status;
    page_done(&page);
    return status;
}

/* The shape of valid JSON: "{id:s,port:i,weight:f,active:b,roles:[s]}", where lists show their first element only. What
 * belongs to the key in @opaque (may be NULL) is shown as "*". */

static inline const char *shape_value(const char *at, const char *opaque, struct buffer *shape);

static inline const char *shape_string_end(const char *at) {
    for (at++; *at != '"'; at++)
        at += *at == '\\';
    return at + 1;
}

static inline const char *shape_members(const char *at, const char *opaque, struct buffer *shape) {
    struct buffer hidden = BUFFER_INIT;

    buffer_append_char(shape, '{');
    for (at++; *at != '}';) {
        const char *end = shape_string_end(at);
        bool is_opaque = opaque != NULL && strlen(opaque) == (size_t)(end - at - 2) &&
                         strncmp(opaque, at + 1, strlen(opaque)) == 0;

        buffer_append(shape, at + 1, (size_t)(end - at - 2));
        buffer_append_char(shape, ':');
        if (is_opaque)
            buffer_append_char(shape, '*');
        at = shape_value(end + 1, opaque, is_opaque ? &hidden : shape);
        if (*at == ',') {
            buffer_append_char(shape, ',');
            at++;
        }
    }
    buffer_append_char(shape, '}');
    buffer_done(&hidden);
    return at + 1;
}

static inline const char *shape_elements(const char *at, const char *opaque, struct buffer *shape) {
    struct buffer hidden = BUFFER_INIT;
    bool is_first = true;

    buffer_append_char(shape, '[');
    for (at++; *at != ']'; is_first = false) {
        at = shape_value(at, opaque, is_first ? shape : &hidden);
        at += *at == ',';
    }
    buffer_append_char(shape, ']');
    buffer_done(&hidden);
    return at + 1;
}

static inline const char *shape_value(const char *at, const char *opaque, struct buffer *shape) {
    size_t size = strspn(at, "+-.0123456789eE");

    if (*at == '{')
        return shape_members(at, opaque, shape);
    if (*at == '[')
        return shape_elements(at, opaque, shape);
    if (*at == '"') {
        buffer_append_char(shape, 's');
        return shape_string_end(at);
    }
    if (size > 0 && *at != 'e' && *at != 'E') {
        buffer_append_char(shape, strcspn(at, ".eE") < size ? 'f' : 'i');
        return at + size;
    }
    if (strncmp(at, "true", 4) == 0 || strncmp(at, "false", 5) == 0) {
        buffer_append_char(shape, 'b');
        return at + (*at == 't' ? 4 : 5);
    }
    fail_msg("no JSON value: %.40s", at);
    return NULL;
}

static inline void assert_shape(const char *text, const char *opaque, const char *expected) {
    struct buffer shape = BUFFER_INIT;
    const char *end = shape_value(text, opaque, &shape);

    assert_string_equal(end, "");
    assert_string_equal(buffer_text(&shape), expected);
    buffer_done(&shape);
}

/* The first @part in @text, which ends at @end. Like strstr(3), whose sanitized form measures all of @text each time.
 */
static inline const char *find_text(const char *text, const char *end, const char *part) {
    return memmem(text, (size_t)(end - text), part, strlen(part));
}

static inline size_t count_of_text(const char *text, const char *part) {
    const char *end = text + strlen(text);
    size_t count = 0;

    for (; (text = find_text(text, end, part)) != NULL; text += strlen(part))
        count++;
    return count;
}

/* Expect @text in what @target answers. */
static inline void assert_page_holds(struct world *world, const char *target, const char *text) {
    struct page page;

    page_get(&page, world, target);
    assert_int_equal(page.status, 200);
    if (strstr(page_text(&page), text) == NULL)
        fail_msg("no %s in %s", text, page_text(&page));
    page_done(&page);
}
