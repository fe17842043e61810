/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP/1.x messages from bytes: bytes in, events out; no descriptor, no clock inside. Over llhttp in its strict mode,
 * with what that leaves open decided here: limits of the head, one "chunked" as the only transfer coding, no folded or
 * nameless headers. */
#pragma once

#include <llhttp/llhttp.h>

#include "net/http.h"

/* The head of one message. Owned by who receives it and filled by the parser; used again and again without a new
 * allocation. All text is NUL-terminated and valid until the next reset. */
struct http_head {
    struct buffer text;
    struct http_headers headers;
    const char *method, *target; /* requests */
    unsigned status;             /* responses */
    unsigned minor_version;
    uint64_t content_length; /* 0 if none was given */
    bool has_length, chunked, keep_alive;
    bool until_end; /* a response whose body ends with the connection */
};

void http_head_reset(struct http_head *head);
void http_head_done(struct http_head *head);

static inline bool http_head_has_body(const struct http_head *head) {
    return head->chunked || head->content_length > 0 || head->until_end;
}

struct http_parser;

enum http_parser_next {
    HTTP_PARSER_CONTINUE,
    HTTP_PARSER_SKIP_BODY, /* on_head only: the message has no body whatever it says (an answer to HEAD) */
    HTTP_PARSER_PAUSE,     /* return from http_parser_feed(); the next call goes on from there */
};

struct http_parser_events {
    /* A message begins: the head to fill, which must stay until the message's end. */
    struct http_head *(*on_begin)(struct http_parser *parser);
    enum http_parser_next (*on_head)(struct http_parser *parser);
    enum http_parser_next (*on_body)(struct http_parser *parser, const char *data, size_t size);
    enum http_parser_next (*on_end)(struct http_parser *parser);
};

struct http_parser {
    llhttp_t llhttp;
    const struct http_parser_events *events;
    void *user;
    struct http_head *head; /* of the message under way */
    size_t head_limit_bytes, header_limit;
    size_t used_bytes;       /* of the head or of the trailers and chunk extensions so far */
    size_t whole_bytes;      /* of the blocks that are all head */
    const char *block_end;   /* of the bytes being parsed */
    size_t name, value;      /* where the current header begins in head->text */
    unsigned failure_status; /* what to answer */
    const char *failure;     /* why */
    enum { HTTP_PARSER_BETWEEN, HTTP_PARSER_IN_HEAD, HTTP_PARSER_IN_BODY } stage;
    bool value_ended; /* the value's last piece did not reach the end of its block */
    bool failed;
};

void http_parser_init_request(struct http_parser *parser, const struct http_parser_events *events,
                              size_t head_limit_bytes, size_t header_limit, void *user);
void http_parser_init_response(struct http_parser *parser, const struct http_parser_events *events,
                               size_t head_limit_bytes, size_t header_limit, void *user);

/* Parse bytes. *@ret_used says how many were taken, which is all of them unless an event asked for a pause. A message
 * that can not be understood is an error, with parser->failure_status for the answer (400, 431, 501, 505); nothing can
 * be parsed after it. */
/* After a pause there may be something to tell without a further byte: go on with @size 0 (and @data not NULL). */
int http_parser_feed(struct http_parser *parser, const char *data, size_t size, size_t *ret_used, struct error *err);

/* The connection has ended. An error if that cuts a message short; on_end may be called. */
int http_parser_finish(struct http_parser *parser, struct error *err);
