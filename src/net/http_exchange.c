/* SPDX-License-Identifier: Apache-2.0 */
#include "net/http_connection.h"

#include "net/http_target.h"

/* Exchanges and their buffers that are kept to be used again. */
enum { SPARE_EXCHANGES = 64, SPARE_BUFFER_BYTES = 64 * 1024 };

struct http_exchange *exchange_new(struct http_server *server) {
    struct http_exchange *exchange = list_first(&server->spare, struct http_exchange, member);

    if (exchange != NULL) {
        list_remove(&exchange->member);
        server->spare_count--;
    } else {
        exchange = new0(struct http_exchange);
        list_init(&exchange->member);
    }
    exchange->server = server;
    return exchange;
}

static void clear_buffer(struct buffer *buffer) {
    buffer_clear(buffer);
    if (buffer->capacity > SPARE_BUFFER_BYTES)
        buffer_done(buffer);
}

void exchange_release(struct http_exchange *exchange) {
    struct http_server *server = exchange->server;

    list_remove(&exchange->member);
    if (exchange->gunzip != NULL) {
        gunzip_done(exchange->gunzip);
        free(exchange->gunzip);
    }
    if (server == NULL || server->spare_count >= SPARE_EXCHANGES) {
        http_head_done(&exchange->head);
        arena_done(&exchange->arena);
        buffer_done(&exchange->body);
        buffer_done(&exchange->held);
        http_headers_done(&exchange->response_headers);
        free(exchange);
        return;
    }
    clear_buffer(&exchange->head.text);
    clear_buffer(&exchange->body);
    clear_buffer(&exchange->held);
    arena_reset(&exchange->arena);
    exchange->response_headers.count = 0;
    *exchange = (struct http_exchange){
        .head = exchange->head,
        .arena = exchange->arena,
        .body = exchange->body,
        .held = exchange->held,
        .response_headers = exchange->response_headers,
    };
    list_prepend(&server->spare, &exchange->member);
    server->spare_count++;
}

void exchange_detach(struct http_exchange *exchange) {
    exchange->connection = NULL;
    exchange->request.peer = arena_memdup(&exchange->arena, exchange->request.peer, sizeof(struct address));
    exchange->request.local = arena_memdup(&exchange->arena, exchange->request.local, sizeof(struct address));
}

void exchange_finish(struct http_exchange *exchange) {
    struct http_connection *connection = exchange->connection;

    if (connection == NULL) {
        exchange_release(exchange);
        return;
    }
    exchange->answered = true;
    exchange->on_closed = NULL;
    exchange->on_body = NULL;
    exchange->on_drain = NULL;
    exchange->reading_off = false;
    if (!exchange->request_done)
        exchange->keep_alive = false;
    if (connection_is_first(connection, exchange))
        connection_advance(connection);
}

const struct http_request *http_exchange_request(const struct http_exchange *exchange) {
    return &exchange->request;
}

const char *http_request_query(struct http_exchange *exchange, const char *name) {
    return http_query_find(exchange->request.query, name, &exchange->arena);
}

void http_exchange_set_user(struct http_exchange *exchange, void *user) {
    exchange->user = user;
}

void *http_exchange_user(const struct http_exchange *exchange) {
    return exchange->user;
}

void http_exchange_on_closed(struct http_exchange *exchange,
                             void (*on_closed)(struct http_exchange *exchange, void *user), void *user) {
    struct http_connection *connection = exchange->connection;

    exchange->on_closed = on_closed;
    exchange->on_closed_user = user;
    if (on_closed == NULL || exchange->answered)
        return;
    /* The peer may have gone already; that is told from the loop. */
    if (connection == NULL) {
        if (exchange->server != NULL)
            env_timer_start(&exchange->server->orphan_timer, 0);
    } else if (connection->peer_ended) {
        connection->broken = true;
        connection_wake(connection);
    }
}

void http_exchange_on_body(struct http_exchange *exchange,
                           void (*on_body)(struct http_exchange *exchange, const char *data, size_t size, void *user)) {
    exchange->on_body = on_body;
}

void http_exchange_set_reading(struct http_exchange *exchange, bool on) {
    struct http_connection *connection = exchange->connection;

    exchange->reading_off = !on;
    if (connection == NULL || connection->reading != exchange)
        return;
    if (!on)
        connection_pause(connection);
    else if (connection->paused)
        connection_wake(connection);
}

void http_exchange_abort(struct http_exchange *exchange) {
    struct http_connection *connection = exchange->connection;

    if (exchange->answered)
        return;
    exchange->on_closed = NULL;
    if (connection == NULL) {
        exchange_release(exchange);
        return;
    }
    /* Only marked: the connection may be in the middle of this exchange's request. Closing it releases the exchange. */
    exchange->answered = true;
    exchange->on_body = NULL;
    exchange->on_drain = NULL;
    connection->broken = true;
    connection_wake(connection);
}
