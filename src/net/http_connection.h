/* SPDX-License-Identifier: Apache-2.0 */
/* Inside of the HTTP server: one connection and its exchanges. Used by http_server.c, http_connection.c,
 * http_exchange.c and http_response.c only. */
#pragma once

#include "base/arena.h"
#include "net/gzip.h"
#include "net/http_parser.h"
#include "net/http_server.h"

/* "Tue, 24 Nov 2026 18:30:00 GMT" as a header line. */
enum { DATE_LINE_BYTES = sizeof("Date: \r\n") - 1 + 29 };

struct http_server {
    struct env *env;
    struct http_limits limits;
    struct http_server_handler handler;
    void *user;
    struct list listeners;   /* of struct http_listener, the oldest first */
    struct list connections; /* of struct http_connection */
    size_t connection_count;
    struct list orphans; /* exchanges whose connection is gone before they were answered */
    struct list spare;   /* exchanges to use again */
    size_t spare_count;
    struct env_timer orphan_timer; /* for orphans that wait for on_closed */

    /* Answers given while the bytes of a connection are parsed are collected in `batch` and sent together; others are
     * put together in `single` and sent at once. Both are empty between events. */
    struct http_connection *feeding;
    struct buffer batch, single;

    int64_t date_second; /* of date_line */
    char date_line[DATE_LINE_BYTES + 1];
};

/*
 *            request with "close", bad request,         last answer is with
 *            peer has ended, …                          the transport
 *     OPEN ───────────────────────────────▶ DRAINING ──────────────▶ LINGERING
 *       │                                      │                         │ peer has ended, or 5 s
 *       └──────── broken, cut, time out ───────┴─────────▶ CLOSED ◀──────┘
 */
enum connection_state {
    CONNECTION_OPEN,
    CONNECTION_DRAINING, /* no further request is read; the answers under way still go out */
    /* We have ended our side. What the peer still sends is read and dropped for a while: closing at once could reset
     * the connection and take the answer away from the peer (RFC 9112 section 9.6). */
    CONNECTION_LINGERING,
    CONNECTION_CLOSED,
};

struct http_connection {
    struct http_server *server;
    struct list member;
    struct stream *stream; /* NULL once closed */
    enum connection_state state;
    struct http_parser parser;
    struct list exchanges; /* whose answers are not out yet, in the order of the requests */
    size_t exchange_count;
    struct http_exchange *reading; /* whose request is being parsed, or NULL; it is the last of the exchanges */
    struct buffer input;           /* what came before parsing was paused */
    bool paused;                   /* the stream's reading is off */
    bool peer_ended;
    bool broken; /* to be closed as soon as nothing of it is on the stack */
    bool wake;   /* there is something to do that must not be done from inside a caller's call */

    struct env_timer timer;
    int64_t timer_due;                      /* INT64_MAX while it is off */
    int64_t head_since, body_since;         /* the head's first byte; the body's latest one */
    int64_t idle_since, linger_since;       /* since when nothing is under way; since when all is sent */
    int64_t progress_since;                 /* when the peer last took bytes */
    uint64_t written_bytes, progress_bytes; /* given to the stream; taken by the peer at progress_since */
};

struct http_exchange {
    struct http_request request;
    struct http_connection *connection; /* NULL once it is gone */
    struct http_server *server;         /* NULL once it is gone */
    struct list member;
    struct http_head head;
    struct arena arena; /* the decoded path, parameters, added headers, addresses */
    struct buffer body; /* collected */
    struct buffer held; /* bytes of the answer that wait for earlier answers */
    size_t body_limit, body_bytes;
    struct gunzip *gunzip; /* of a compressed request body */
    struct http_headers response_headers;

    void *user;
    void (*on_closed)(struct http_exchange *exchange, void *user);
    void *on_closed_user;
    void (*on_body)(struct http_exchange *exchange, const char *data, size_t size, void *user);
    void (*on_drain)(struct http_exchange *exchange, void *user);

    bool streamed_body; /* HTTP_BODY_STREAM */
    bool handed;        /* on_request was called */
    bool request_done;  /* the request has come to its end */
    bool reading_off;   /* by http_exchange_set_reading() */
    bool keep_alive;    /* the connection goes on after the answer */
    bool is_head;       /* the answer has no body */
    bool begun;         /* the head of a streamed answer is out */
    bool chunked;       /* a streamed answer is chunked; otherwise it ends with the connection */
    bool owes_drain;    /* http_stream_pending() has been above 0 since on_drain last came */
    bool answered;
};

/* http_connection.c */
void connection_new(struct http_server *server, struct stream *stream);
/* Close and tell the exchanges. The connection is gone unless it is the one being fed, which sees to it itself. */
void connection_close(struct http_connection *connection);
/* The first exchange has been answered, or the peer has taken bytes: move on. @connection may be gone afterwards. */
void connection_advance(struct http_connection *connection);
/* Come back from the loop: to close if broken, or to go on reading. */
void connection_wake(struct http_connection *connection);
/* Stop reading if there is a reason to. */
void connection_pause(struct http_connection *connection);
/* Arm the timer for what is due next. */
void connection_arm(struct http_connection *connection);
bool connection_is_first(const struct http_connection *connection, const struct http_exchange *exchange);

/* Where the bytes of @exchange's answer go now, and sending them on if it is their turn. */
struct buffer *exchange_output(struct http_exchange *exchange);
void exchange_flush(struct http_exchange *exchange);
/* Send @bytes, which is taken, after what is in the output already. */
void exchange_send_buffer(struct http_exchange *exchange, struct buffer *bytes);

/* http_exchange.c */
struct http_exchange *exchange_new(struct http_server *server);
void exchange_release(struct http_exchange *exchange);
/* The connection is gone, or about to be: the exchange lives on without it. */
void exchange_detach(struct http_exchange *exchange);
/* The answer is complete. */
void exchange_finish(struct http_exchange *exchange);

/* http_response.c: the head and whole of answers as bytes. */
const char *server_date_line(struct http_server *server);
