/* SPDX-License-Identifier: Apache-2.0 */
#include "net/http_connection.h"

#include <stdint.h>
#include <strings.h>

#include "base/log.h"
#include "net/http_target.h"

enum {
    /* Bytes of answers that the peer has not taken beyond which none of its further requests are read. */
    OUTPUT_HIGH_BYTES = 1024 * 1024,
    /* Answers collected from one block of requests are sent when they have become so many. */
    BATCH_BYTES = 64 * 1024,
    /* Larger buffers are handed over to the stream, smaller ones copied. */
    HAND_OVER_BYTES = 16 * 1024,
    /* A compressed body is taken in slices of so much. */
    GUNZIP_SLICE_BYTES = 1024,
};

static const int64_t linger_ns = 5 * SECOND;

static void feed(struct http_connection *connection, const char *data, size_t size);

bool connection_is_first(const struct http_connection *connection, const struct http_exchange *exchange) {
    return connection->exchanges.next == &exchange->member;
}

/* Output */

static void connection_write(struct http_connection *connection, struct buffer *bytes) {
    if (bytes->size == 0)
        return;
    if (stream_pending(connection->stream) == 0) {
        connection->progress_since = env_now(connection->server->env);
        connection->progress_bytes = connection->written_bytes;
    }
    connection->written_bytes += bytes->size;
    if (bytes->size >= HAND_OVER_BYTES) {
        stream_write_buffer(connection->stream, bytes);
    } else {
        stream_write(connection->stream, bytes->data, bytes->size);
        buffer_clear(bytes);
    }
}

static bool is_feeding(const struct http_connection *connection) {
    return connection->server->feeding == connection;
}

struct buffer *exchange_output(struct http_exchange *exchange) {
    struct http_connection *connection = exchange->connection;

    if (!connection_is_first(connection, exchange))
        return &exchange->held;
    return is_feeding(connection) ? &connection->server->batch : &connection->server->single;
}

void exchange_flush(struct http_exchange *exchange) {
    struct http_connection *connection = exchange->connection;
    struct buffer *output = exchange_output(exchange);

    if (output == &connection->server->single || (output == &connection->server->batch && output->size > BATCH_BYTES))
        connection_write(connection, output);
}

void exchange_send_buffer(struct http_exchange *exchange, struct buffer *bytes) {
    struct buffer *output = exchange_output(exchange);

    if (output == &exchange->held || bytes->size < HAND_OVER_BYTES) {
        buffer_append(output, bytes->data, bytes->size);
        buffer_clear(bytes);
        exchange_flush(exchange);
        return;
    }
    connection_write(exchange->connection, output);
    connection_write(exchange->connection, bytes);
}

/* Time */

static bool is_due(int64_t since, int64_t timeout_ns, int64_t now) {
    return timeout_ns > 0 && now - since >= timeout_ns;
}

static void due_at(int64_t *due, int64_t since, int64_t timeout_ns) {
    if (timeout_ns > 0 && since + timeout_ns < *due)
        *due = since + timeout_ns;
}

static bool awaits_body(const struct http_connection *connection) {
    return connection->parser.stage == HTTP_PARSER_IN_BODY && connection->reading != NULL && !connection->paused;
}

static int64_t next_due(const struct http_connection *connection) {
    const struct http_limits *limits = &connection->server->limits;
    int64_t due = INT64_MAX;

    if (stream_pending(connection->stream) > 0) {
        /* Whether the peer takes anything is looked at a few times within the limit. */
        int64_t step = limits->write_timeout_ns / 4 > 0 ? limits->write_timeout_ns / 4 : limits->write_timeout_ns;

        due_at(&due,
               connection->progress_since > env_now(connection->server->env) - step ? connection->progress_since
                                                                                    : env_now(connection->server->env),
               step);
        due_at(&due, connection->progress_since, limits->write_timeout_ns);
    } else if (connection->state == CONNECTION_LINGERING) {
        due_at(&due, connection->linger_since, linger_ns);
    }
    if (connection->state == CONNECTION_OPEN) {
        if (connection->parser.stage == HTTP_PARSER_IN_HEAD)
            due_at(&due, connection->head_since, limits->head_timeout_ns);
        else if (awaits_body(connection))
            due_at(&due, connection->body_since, limits->body_timeout_ns);
        else if (list_is_empty(&connection->exchanges))
            due_at(&due, connection->idle_since, limits->idle_timeout_ns);
    }
    return due;
}

/* The timer is only moved forward, or left to fire early and look again: a busy connection does not touch it. */
void connection_arm(struct http_connection *connection) {
    int64_t due = next_due(connection);

    if (due < connection->timer_due) {
        connection->timer_due = due;
        env_timer_start(&connection->timer, due - env_now(connection->server->env));
    }
}

void connection_wake(struct http_connection *connection) {
    if (connection->wake)
        return;
    connection->wake = true;
    connection->timer_due = env_now(connection->server->env);
    env_timer_start(&connection->timer, 0);
}

/* Reading */

/* Bytes of answers that the peer has not taken, or that wait for earlier answers. */
static size_t owed_bytes(const struct http_connection *connection) {
    size_t bytes = stream_pending(connection->stream);
    struct http_exchange *exchange;

    if (is_feeding(connection))
        bytes += connection->server->batch.size;
    list_for_each (&connection->exchanges, exchange, member)
        bytes += exchange->held.size;
    return bytes;
}

static bool must_pause(const struct http_connection *connection) {
    /* A request that has begun is read to its end: its answer may depend on that. */
    if (connection->reading != NULL)
        return connection->reading->reading_off;
    return connection->exchange_count >= connection->server->limits.pipelined ||
           owed_bytes(connection) > OUTPUT_HIGH_BYTES;
}

void connection_pause(struct http_connection *connection) {
    if (!connection->paused && connection->state == CONNECTION_OPEN && must_pause(connection)) {
        connection->paused = true;
        stream_set_reading(connection->stream, false);
    }
}

static void set_draining(struct http_connection *connection) {
    if (connection->state == CONNECTION_OPEN)
        connection->state = CONNECTION_DRAINING;
    buffer_done(&connection->input);
    /* Reading goes on, to see the peer's end; what comes is dropped. */
    if (connection->paused) {
        connection->paused = false;
        stream_set_reading(connection->stream, true);
    }
}

static struct http_exchange *add_exchange(struct http_connection *connection) {
    struct http_exchange *exchange = exchange_new(connection->server);

    exchange->connection = connection;
    exchange->request.peer = &connection->stream->peer;
    exchange->request.local = &connection->stream->local;
    list_append(&connection->exchanges, &exchange->member);
    connection->exchange_count++;
    return exchange;
}

/* Answer what could not be read as a request, in its turn, and read no further. */
static void refuse(struct http_connection *connection, unsigned status, const char *reason) {
    struct http_exchange *exchange = connection->reading;
    char peer[ADDRESS_TEXT_BYTES];

    log_warning("Refusing a request from %s with %u: %s", address_format(&connection->stream->peer, peer), status,
                reason);
    if (exchange != NULL && exchange->handed) {
        /* It is being answered already, and the rest of its body will never come. */
        connection->broken = true;
        return;
    }
    if (exchange == NULL)
        exchange = add_exchange(connection);
    connection->reading = NULL;
    set_draining(connection);
    exchange->keep_alive = false;
    exchange->request_done = exchange->handed = true;
    http_respond_text(exchange, status, "%s", reason);
}

static void hand_over(struct http_connection *connection, struct http_exchange *exchange) {
    exchange->handed = true;
    if (exchange->request.path[0] == '*') {
        http_respond_header(exchange, "Allow", "GET, HEAD, POST, PUT, DELETE, OPTIONS");
        http_respond(exchange, 200, NULL, NULL, 0);
        return;
    }
    connection->server->handler.on_request(exchange, connection->server->user);
}

static struct http_head *on_begin(struct http_parser *parser) {
    struct http_connection *connection = parser->user;

    connection->reading = add_exchange(connection);
    connection->head_since = env_now(connection->server->env);
    return &connection->reading->head;
}

static int read_target(struct http_exchange *exchange, struct error *err) {
    struct http_request *request = &exchange->request;
    const struct http_head *head = &exchange->head;
    struct http_target target;

    request->method = head->method;
    request->target = head->target;
    request->headers = head->headers;
    request->minor_version = head->minor_version;
    request->keep_alive = head->keep_alive;
    exchange->keep_alive = head->keep_alive;
    exchange->is_head = strcmp(head->method, "HEAD") == 0;
    if (http_target_parse(head->target, &exchange->arena, &target, err) < 0)
        return -1;
    request->path = target.path;
    request->query = target.query;
    if (target.path[0] == '*' && strcmp(head->method, "OPTIONS") != 0)
        return error_set(err, 0, "Request URL path must start with '/'");
    return 0;
}

/* The status to refuse the body's coding with, or 0. */
static unsigned choose_coding(struct http_exchange *exchange) {
    const char *coding = http_headers_find(&exchange->request.headers, "Content-Encoding");

    if (coding == NULL || strcasecmp(coding, "identity") == 0)
        return 0;
    if (strcasecmp(coding, "gzip") != 0 && strcasecmp(coding, "x-gzip") != 0)
        return 415;
    exchange->gunzip = new0(struct gunzip);
    gunzip_init(exchange->gunzip);
    return 0;
}

/* Everything about a request with a body, before its body. 0, or the status to refuse it with and *@ret_reason. */
static unsigned prepare_body(struct http_connection *connection, struct http_exchange *exchange,
                             const char **ret_reason) {
    struct http_server *server = connection->server;
    const char *expect = http_headers_find(&exchange->request.headers, "Expect");
    size_t limit = server->limits.body_bytes;

    if (server->handler.on_head != NULL &&
        server->handler.on_head(&exchange->request, &limit, server->user) == HTTP_BODY_STREAM) {
        exchange->streamed_body = true;
        if (limit == server->limits.body_bytes)
            limit = SIZE_MAX; /* that limit is for collected ones */
    }
    exchange->body_limit = limit;
    if (exchange->head.content_length > limit) {
        *ret_reason = "The body is too large";
        return 413;
    }
    if (choose_coding(exchange) != 0) {
        *ret_reason = "The body's Content-Encoding is not supported";
        return 415;
    }
    if (expect != NULL && strcasecmp(expect, "100-continue") != 0) {
        *ret_reason = "The expectation can not be met";
        return 417;
    }
    if (expect != NULL && exchange->request.minor_version > 0) {
        buffer_append_string(exchange_output(exchange), "HTTP/1.1 100 Continue\r\n\r\n");
        exchange_flush(exchange);
    }
    return 0;
}

static enum http_parser_next on_head(struct http_parser *parser) {
    struct http_connection *connection = parser->user;
    struct http_exchange *exchange = connection->reading;
    cleanup_error struct error err = ERROR_INIT;
    const char *reason;
    unsigned status;

    if (read_target(exchange, &err) < 0) {
        refuse(connection, 400, error_message(&err));
        return HTTP_PARSER_PAUSE;
    }
    if (!http_head_has_body(&exchange->head))
        return HTTP_PARSER_CONTINUE;
    connection->body_since = env_now(connection->server->env);
    status = prepare_body(connection, exchange, &reason);
    if (status != 0) {
        refuse(connection, status, reason);
        return HTTP_PARSER_PAUSE;
    }
    if (!exchange->streamed_body)
        return HTTP_PARSER_CONTINUE;
    hand_over(connection, exchange);
    if (connection->reading != exchange || connection->broken)
        return HTTP_PARSER_PAUSE;
    if (exchange->reading_off)
        connection_pause(connection);
    return connection->paused ? HTTP_PARSER_PAUSE : HTTP_PARSER_CONTINUE;
}

static unsigned take_compressed(struct http_exchange *exchange, const char *data, size_t size, struct error *err) {
    cleanup_buffer struct buffer plain = BUFFER_INIT;
    size_t left = exchange->body_limit - exchange->body_bytes;
    struct buffer *to = exchange->streamed_body ? &plain : &exchange->body;
    size_t before = to->size, room = left > SIZE_MAX - before ? SIZE_MAX : before + left;
    int result = gunzip_feed(exchange->gunzip, data, size, to, room, err);

    if (result < 0)
        return 400;
    if (result == GUNZIP_TOO_LARGE) {
        error_set(err, 0, "The body is too large");
        return 413;
    }
    exchange->body_bytes += to->size - before;
    if (plain.size > 0 && exchange->on_body != NULL)
        exchange->on_body(exchange, plain.data, plain.size, exchange->user);
    return 0;
}

/* A piece of a body, decompressed if need be, to where the exchange wants it. 0 or the status to refuse it with. */
static unsigned take_body(struct http_exchange *exchange, const char *data, size_t size, struct error *err) {
    struct http_connection *connection = exchange->connection;
    unsigned status = 0;

    if (exchange->gunzip != NULL) {
        /* In slices, so that what swells a thousandfold is never in memory as a whole when it is streamed. */
        while (size > 0 && status == 0 && connection->reading == exchange) {
            size_t slice = size < GUNZIP_SLICE_BYTES ? size : GUNZIP_SLICE_BYTES;

            status = take_compressed(exchange, data, slice, err);
            data += slice;
            size -= slice;
        }
        return status;
    }
    if (size > exchange->body_limit - exchange->body_bytes) {
        error_set(err, 0, "The body is too large");
        return 413;
    }
    exchange->body_bytes += size;
    if (!exchange->streamed_body)
        buffer_append(&exchange->body, data, size);
    else if (exchange->on_body != NULL)
        exchange->on_body(exchange, data, size, exchange->user);
    return 0;
}

static enum http_parser_next on_body(struct http_parser *parser, const char *data, size_t size) {
    struct http_connection *connection = parser->user;
    struct http_exchange *exchange = connection->reading;
    cleanup_error struct error err = ERROR_INIT;
    unsigned status;

    connection->body_since = env_now(connection->server->env);
    status = take_body(exchange, data, size, &err);
    if (status != 0) {
        refuse(connection, status, error_message(&err));
        return HTTP_PARSER_PAUSE;
    }
    if (connection->reading != exchange || connection->broken)
        return HTTP_PARSER_PAUSE;
    if (exchange->reading_off)
        connection_pause(connection);
    return connection->paused ? HTTP_PARSER_PAUSE : HTTP_PARSER_CONTINUE;
}

static enum http_parser_next on_message_end(struct http_parser *parser) {
    struct http_connection *connection = parser->user;
    struct http_exchange *exchange = connection->reading;

    if (exchange->gunzip != NULL && !exchange->gunzip->ended) {
        refuse(connection, 400, "The body's gzip data is cut short");
        return HTTP_PARSER_PAUSE;
    }
    connection->reading = NULL;
    exchange->request_done = true;
    if (!exchange->keep_alive)
        set_draining(connection);
    if (exchange->streamed_body) {
        if (exchange->on_body != NULL)
            exchange->on_body(exchange, NULL, 0, exchange->user);
    } else {
        exchange->request.body = buffer_text(&exchange->body);
        exchange->request.body_size = exchange->body.size;
        hand_over(connection, exchange);
    }
    if (connection->state != CONNECTION_OPEN || connection->broken)
        return HTTP_PARSER_PAUSE;
    connection_pause(connection);
    return connection->paused ? HTTP_PARSER_PAUSE : HTTP_PARSER_CONTINUE;
}

static const struct http_parser_events parser_events = {
    .on_begin = on_begin,
    .on_head = on_head,
    .on_body = on_body,
    .on_end = on_message_end,
};

/* The exchange that waits to be told that its streamed bytes have been taken, and can be. */
static struct http_exchange *drained_exchange(struct http_connection *connection) {
    struct http_exchange *first = list_first(&connection->exchanges, struct http_exchange, member);

    return first != NULL && !connection->broken && first->begun && !first->answered && first->owes_drain &&
                   first->on_drain != NULL && http_stream_pending(first) == 0
               ? first
               : NULL;
}

static void tell_drained(struct http_connection *connection) {
    struct http_exchange *exchange = drained_exchange(connection);

    if (exchange != NULL) {
        exchange->owes_drain = false;
        exchange->on_drain(exchange, exchange->user);
    }
}

/* The end of every event from below: close what is to be closed, or wait for what is next. */
static void settle(struct http_connection *connection) {
    if (connection->broken)
        connection_close(connection);
    else
        connection_arm(connection);
}

static void begin_linger(struct http_connection *connection) {
    connection->state = CONNECTION_LINGERING;
    connection->linger_since = env_now(connection->server->env);
    if (is_feeding(connection))
        connection_write(connection, &connection->server->batch);
    stream_shutdown(connection->stream);
    if (connection->peer_ended && stream_pending(connection->stream) == 0) {
        connection->broken = true;
        connection_wake(connection);
    }
}

void connection_advance(struct http_connection *connection) {
    struct http_exchange *first;

    while ((first = list_first(&connection->exchanges, struct http_exchange, member)) != NULL) {
        if (first->held.size > 0) {
            struct buffer held = BUFFER_INIT;

            buffer_swap(&held, &first->held);
            exchange_send_buffer(first, &held);
            buffer_swap(&held, &first->held);
            buffer_done(&held);
        }
        if (!first->answered)
            break;
        if (!first->request_done || !first->keep_alive) {
            /* Answered before the request has come to its end: what is left of it is not worth reading. */
            connection->reading = NULL;
            set_draining(connection);
        }
        list_remove(&first->member);
        connection->exchange_count--;
        exchange_release(first);
    }
    if (first == NULL) {
        connection->idle_since = env_now(connection->server->env);
        if (connection->state == CONNECTION_DRAINING)
            begin_linger(connection);
    }
    if ((connection->paused && !must_pause(connection)) || drained_exchange(connection) != NULL)
        connection_wake(connection);
    if (!is_feeding(connection))
        connection_arm(connection);
}

static void feed(struct http_connection *connection, const char *data, size_t size) {
    struct http_server *server = connection->server;
    cleanup_error struct error err = ERROR_INIT;
    size_t used = size;

    server->feeding = connection;
    if (http_parser_feed(&connection->parser, data, size, &used, &err) < 0)
        refuse(connection, connection->parser.failure_status, error_message(&err));
    else if (used < size && connection->state == CONNECTION_OPEN)
        buffer_append(&connection->input, data + used, size - used);
    connection_write(connection, &server->batch);
    server->feeding = NULL;
    connection_pause(connection);
    /* What the stream has taken at once will not be told by its on_drain. */
    if (drained_exchange(connection) != NULL)
        connection_wake(connection);
}

/* Go on with what was held back, if nothing speaks against it any more. */
static void resume(struct http_connection *connection) {
    struct buffer input = BUFFER_INIT;

    if (!connection->paused || connection->state != CONNECTION_OPEN || must_pause(connection))
        return;
    connection->paused = false;
    connection->body_since = env_now(connection->server->env);
    buffer_swap(&input, &connection->input);
    feed(connection, input.size == 0 ? "" : input.data, input.size);
    buffer_done(&input);
    if (!connection->paused)
        stream_set_reading(connection->stream, true);
}

/* The stream's events */

static void on_data(struct stream *stream, const char *data, size_t size) {
    struct http_connection *connection = stream->user;

    if (connection->state != CONNECTION_OPEN)
        return;
    if (connection->paused)
        buffer_append(&connection->input, data, size);
    else
        feed(connection, data, size);
    settle(connection);
}

/* A peer that has ended its side may still wait for its answers; but one that reads a stream, or whose answerer wants
 * to know, is taken to be gone, as libprocess does: an HTTP client that leaves looks just like this. */
static void on_end(struct stream *stream) {
    struct http_connection *connection = stream->user;
    struct http_exchange *exchange;

    connection->peer_ended = true;
    if (connection->reading != NULL)
        connection->broken = true;
    list_for_each (&connection->exchanges, exchange, member) {
        if (exchange->on_closed != NULL || exchange->begun)
            connection->broken = true;
    }
    if (!connection->broken) {
        set_draining(connection);
        if (list_is_empty(&connection->exchanges)) {
            if (connection->state == CONNECTION_DRAINING)
                begin_linger(connection);
            if (stream_pending(stream) == 0)
                connection->broken = true;
        }
    }
    settle(connection);
}

static void on_drain(struct stream *stream) {
    struct http_connection *connection = stream->user;

    connection->linger_since = env_now(connection->server->env);
    tell_drained(connection);
    if (connection->state == CONNECTION_LINGERING && connection->peer_ended && stream_pending(stream) == 0)
        connection->broken = true;
    if (!connection->broken)
        resume(connection);
    settle(connection);
}

static void on_error(struct stream *stream, const struct error *err) {
    struct http_connection *connection = stream->user;
    char peer[ADDRESS_TEXT_BYTES];

    log_debug("The connection from %s broke: %s", address_format(&stream->peer, peer), error_message(err));
    connection_close(connection);
}

static const struct stream_events stream_events = {
    .on_data = on_data,
    .on_end = on_end,
    .on_drain = on_drain,
    .on_error = on_error,
};

/* Look what has taken too long. */
static void check_limits(struct http_connection *connection) {
    const struct http_limits *limits = &connection->server->limits;
    int64_t now = env_now(connection->server->env);
    size_t pending = stream_pending(connection->stream);
    uint64_t taken = connection->written_bytes - pending;

    if (pending > 0) {
        if (taken != connection->progress_bytes) {
            connection->progress_bytes = taken;
            connection->progress_since = now;
        } else if (is_due(connection->progress_since, limits->write_timeout_ns, now)) {
            char peer[ADDRESS_TEXT_BYTES];

            log_warning("Closing the connection from %s, which takes none of the %zu bytes it is owed",
                        address_format(&connection->stream->peer, peer), pending);
            connection->broken = true;
        }
    } else if (connection->state == CONNECTION_LINGERING && is_due(connection->linger_since, linger_ns, now)) {
        connection->broken = true;
    }
    if (connection->state != CONNECTION_OPEN || connection->broken)
        return;
    if (connection->parser.stage == HTTP_PARSER_IN_HEAD) {
        if (is_due(connection->head_since, limits->head_timeout_ns, now))
            refuse(connection, 408, "The request's head took too long");
    } else if (awaits_body(connection)) {
        if (is_due(connection->body_since, limits->body_timeout_ns, now))
            refuse(connection, 408, "The request's body took too long");
    } else if (list_is_empty(&connection->exchanges)) {
        if (is_due(connection->idle_since, limits->idle_timeout_ns, now))
            connection->broken = true;
    }
}

static void on_timer(struct env_timer *timer) {
    struct http_connection *connection = container_of(timer, struct http_connection, timer);

    connection->timer_due = INT64_MAX;
    if (connection->wake) {
        connection->wake = false;
        tell_drained(connection);
        if (!connection->broken)
            resume(connection);
    }
    if (!connection->broken)
        check_limits(connection);
    settle(connection);
}

void connection_new(struct http_server *server, struct stream *stream) {
    struct http_connection *connection = new0(struct http_connection);

    connection->server = server;
    connection->stream = stream;
    connection->timer_due = INT64_MAX;
    connection->idle_since = env_now(server->env);
    list_init(&connection->exchanges);
    list_append(&server->connections, &connection->member);
    server->connection_count++;
    http_parser_init_request(&connection->parser, &parser_events, server->limits.head_bytes,
                             server->limits.header_count, connection);
    env_timer_init(&connection->timer, server->env, on_timer);
    stream->events = &stream_events;
    stream->user = connection;
    connection_arm(connection);
}

void connection_close(struct http_connection *connection) {
    struct http_server *server = connection->server;
    struct list exchanges = LIST_INIT(exchanges);
    struct http_exchange *exchange;

    connection->state = CONNECTION_CLOSED;
    list_for_each (&connection->exchanges, exchange, member) {
        list_remove(&exchange->member);
        list_append(&exchanges, &exchange->member);
        exchange_detach(exchange);
    }
    stream_close(take_ptr(&connection->stream));
    env_timer_done(&connection->timer);
    list_remove(&connection->member);
    server->connection_count--;
    buffer_done(&connection->input);
    free(connection);
    /* Told last, one by one: what they do may answer others of them. */
    while ((exchange = list_first(&exchanges, struct http_exchange, member)) != NULL) {
        list_remove(&exchange->member);
        if (!exchange->handed || exchange->answered) {
            exchange_release(exchange);
        } else if (exchange->on_closed != NULL) {
            exchange->answered = true;
            exchange->on_closed(exchange, exchange->on_closed_user);
            exchange_release(exchange);
        } else {
            list_append(&server->orphans, &exchange->member);
        }
    }
}
