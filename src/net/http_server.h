/* SPDX-License-Identifier: Apache-2.0 */
/* An HTTP/1.1 server on an env: keep-alive, pipelining, bodies streamed both ways with back pressure, limits on
 * everything.
 *
 * A request becomes an exchange. The handler is called when the whole body is there (HTTP_BODY_COLLECT) or when the
 * head is (HTTP_BODY_STREAM), and answers now or later. Answers of pipelined requests go out in the order of the
 * requests. */
#pragma once

#include "event/env.h"
#include "net/http.h"

struct http_server;
struct http_exchange;

/* A time of 0 or less is no limit. */
struct http_limits {
    size_t head_bytes;           /* request line and headers together: 431 beyond; 64 KiB */
    size_t header_count;         /* 100 */
    size_t body_bytes;           /* collected bodies: 413 beyond; 64 MiB */
    size_t connections;          /* further ones are closed at once; 10,000 */
    size_t pipelined;            /* requests of one connection that are not answered yet; reading pauses beyond; 64 */
    size_t stream_pending_bytes; /* unread bytes of a streamed response until its connection is cut; 16 MiB */
    int64_t head_timeout_ns;     /* from the first byte of a head to its end; 30 s */
    int64_t body_timeout_ns;     /* without a byte of an unfinished body; 60 s */
    int64_t idle_timeout_ns;     /* a kept connection without a request; 5 min */
    int64_t write_timeout_ns;    /* pending bytes none of which were taken by the peer; 60 s */
};

extern const struct http_limits http_default_limits;

enum http_body { HTTP_BODY_COLLECT, HTTP_BODY_STREAM };

/* A request. All text is valid as long as its exchange. */
struct http_request {
    const char *method; /* "GET" */
    const char *target; /* as sent: "/master/state?jsonp=x" */
    const char *path;   /* decoded, begins with '/' */
    const char *query;  /* still encoded, without '?'; "" if none */
    struct http_headers headers;
    const char *body; /* collected: the whole of it, NUL-terminated past the end; decoded if it came gzipped */
    size_t body_size;
    const struct address *peer, *local;
    bool keep_alive;
    unsigned minor_version; /* 1 for HTTP/1.1, 0 for HTTP/1.0 */
};

/* The decoded value of the query parameter @name ("" for a bare name), or NULL. Valid as long as the exchange. */
const char *http_request_query(struct http_exchange *exchange, const char *name);
const struct http_request *http_exchange_request(const struct http_exchange *exchange);

/* For the answering side's own use. */
void http_exchange_set_user(struct http_exchange *exchange, void *user);
void *http_exchange_user(const struct http_exchange *exchange);

/* Tell @on_closed if the peer goes away before the answer is complete (the exchange is gone once it returns), or NULL
 * to stop that. Without it answers to a closed connection are dropped quietly. An exchange stays valid until it is
 * answered completely or on_closed was called; with no on_closed set, until it is answered. */
void http_exchange_on_closed(struct http_exchange *exchange,
                             void (*on_closed)(struct http_exchange *exchange, void *user), void *user);

/* Answer in one piece. @content_type may be NULL. The exchange is gone afterwards. */
void http_respond(struct http_exchange *exchange, unsigned status, const char *content_type, const void *body,
                  size_t size);
void http_respond_text(struct http_exchange *exchange, unsigned status, const char *format, ...) printf_like_(3, 4);
/* Takes the content of @body; gzips it when the peer accepts that and it is worth it. */
void http_respond_buffer(struct http_exchange *exchange, unsigned status, const char *content_type,
                         struct buffer *body);
/* Add a header to the answer; before http_respond…() or http_stream_begin(). Copied. */
void http_respond_header(struct http_exchange *exchange, const char *name, const char *value);
/* No answer at all: the connection goes on with the next request (libprocess messages from old peers). */
void http_respond_nothing(struct http_exchange *exchange);

/* Answer piece by piece, chunked. After http_stream_begin() the exchange belongs to the answering side until
 * http_stream_end() or on_closed. http_stream_write() returns false, and the connection is cut (on_closed follows),
 * when more than the limit is unread. */
void http_stream_begin(struct http_exchange *exchange, unsigned status, const char *content_type);
bool http_stream_write(struct http_exchange *exchange, const void *data, size_t size);
size_t http_stream_pending(const struct http_exchange *exchange);
/* Tell, from the loop, when http_stream_pending() has come down to zero after a write had left it above; NULL stops. A
 * producer writes while it is zero and then waits for this. */
void http_stream_on_drain(struct http_exchange *exchange, void (*on_drain)(struct http_exchange *exchange, void *user));
void http_stream_end(struct http_exchange *exchange);
/* Break the connection. on_closed is not called. */
void http_exchange_abort(struct http_exchange *exchange);

/* The request's body piece by piece (HTTP_BODY_STREAM). @data is NULL at the end. Reading can be paused. */
void http_exchange_on_body(struct http_exchange *exchange,
                           void (*on_body)(struct http_exchange *exchange, const char *data, size_t size, void *user));
void http_exchange_set_reading(struct http_exchange *exchange, bool on);

/* What the server asks of its owner. */
struct http_server_handler {
    /* The head of a request with a body is there: how is the body to come? May also set *@body_limit for this request;
     * a streamed body has no limit unless that is done. NULL: always collect. */
    enum http_body (*on_head)(const struct http_request *head, size_t *body_limit, void *user);
    void (*on_request)(struct http_exchange *exchange, void *user);
};

/* @limits may be NULL for the defaults; copied. */
struct http_server *http_server_new(struct env *env, const struct http_limits *limits,
                                    const struct http_server_handler *handler, void *user);
/* Closes all connections (on_closed is called for open exchanges) and listeners. Accepts NULL. Not from inside of the
 * server's own callbacks. */
void http_server_free(struct http_server *server);
int http_server_listen(struct http_server *server, const struct address *address, struct error *err);
/* The address of the listener begun first. */
const struct address *http_server_address(const struct http_server *server);
/* Serve a stream that came otherwise (TLS, tests); takes it. */
void http_server_adopt(struct http_server *server, struct stream *stream);
