/* SPDX-License-Identifier: Apache-2.0 */
/* An HTTP/1.1 client on an env: kept connections by address, streamed responses, time limits.
 *
 * A call is owned by the caller and ends in on_done exactly once, unless it is cancelled. */
#pragma once

#include "event/env.h"
#include "net/http.h"

struct http_client;
struct http_call;

struct http_response {
    unsigned status;
    struct http_headers headers;
    const char *body; /* on_done of a call without on_data: the whole body, NUL-terminated past the end */
    size_t body_size;
};

struct http_call_events {
    /* The head of the response; may be NULL. */
    void (*on_head)(struct http_call *call, const struct http_response *response, void *user);
    /* A piece of the body; NULL: collected up to the limit. */
    void (*on_data)(struct http_call *call, const char *data, size_t size, void *user);
    /* The end: @err is NULL and @response is whole, or @err says why it failed (@response may be NULL then), ETIMEDOUT
     * that there was no answer in time. The call is gone when this returns. */
    void (*on_done)(struct http_call *call, const struct http_response *response, const struct error *err, void *user);
};

struct http_call_options {
    const char *method;                /* "POST" */
    const char *target;                /* "/api/v1/scheduler" */
    const struct http_header *headers; /* Host, Content-Length and Connection are added */
    size_t header_count;
    const void *body; /* copied */
    size_t body_size;
    int64_t timeout_ns;  /* until the response is whole, or its head for streamed ones; 0: 60 s; negative: none */
    bool own_connection; /* a connection of its own that is closed afterwards (long streams) */
    size_t body_limit;   /* collected response; 0: 64 MiB */
    const char *connection_key; /* calls with the same key (and address) go out on one connection, in order, pipelined;
                                   NULL: any */
};

struct http_client *http_client_new(struct env *env);
/* Cancels what is under way without callbacks. Accepts NULL. */
void http_client_free(struct http_client *client);

/* Begin a call; everything in @options is copied. */
struct http_call *http_client_call(struct http_client *client, const struct address *to,
                                   const struct http_call_options *options, const struct http_call_events *events,
                                   void *user);
/* No callback will come. If the call was on the wire its connection is closed, unless others share it and the answer
 * has not begun: then that is let pass. Accepts NULL. */
void http_call_cancel(struct http_call *call);
/* Hold back or go on reading a streamed response. */
void http_call_set_reading(struct http_call *call, bool on);
/* Add to a request body that is streamed: @options.body_size was SIZE_MAX ("chunked"); @data NULL ends it. */
void http_call_write(struct http_call *call, const void *data, size_t size);
size_t http_call_pending(const struct http_call *call);
