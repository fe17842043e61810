/* SPDX-License-Identifier: Apache-2.0 */
#include "net/http_connection.h"

#include <limits.h>

#include "base/log.h"

const struct http_limits http_default_limits = {
    .head_bytes = 64 * 1024,
    .header_count = 100,
    .body_bytes = 64 * 1024 * 1024,
    .connections = 10000,
    .pipelined = 64,
    .stream_pending_bytes = 16 * 1024 * 1024,
    .head_timeout_ns = 30 * SECOND,
    .body_timeout_ns = 60 * SECOND,
    .idle_timeout_ns = 5 * MINUTE,
    .write_timeout_ns = 60 * SECOND,
};

struct http_listener {
    struct list member;
    struct listener *listener;
};

/* Orphans that were given an on_closed after their connection had gone. */
static void on_orphan_timer(struct env_timer *timer) {
    struct http_server *server = container_of(timer, struct http_server, orphan_timer);
    struct list told = LIST_INIT(told);
    struct http_exchange *exchange;

    list_for_each (&server->orphans, exchange, member) {
        if (exchange->on_closed != NULL) {
            list_remove(&exchange->member);
            list_append(&told, &exchange->member);
        }
    }
    while ((exchange = list_first(&told, struct http_exchange, member)) != NULL) {
        list_remove(&exchange->member);
        if (exchange->on_closed != NULL)
            exchange->on_closed(exchange, exchange->on_closed_user);
        exchange_release(exchange);
    }
}

struct http_server *http_server_new(struct env *env, const struct http_limits *limits,
                                    const struct http_server_handler *handler, void *user) {
    struct http_server *server = new0(struct http_server);

    server->env = env;
    server->limits = limits == NULL ? http_default_limits : *limits;
    server->handler = *handler;
    server->user = user;
    server->date_second = INT64_MIN;
    list_init(&server->listeners);
    list_init(&server->connections);
    list_init(&server->orphans);
    list_init(&server->spare);
    env_timer_init(&server->orphan_timer, env, on_orphan_timer);
    return server;
}

void http_server_free(struct http_server *server) {
    struct http_listener *listener;
    struct http_connection *connection;
    struct http_exchange *exchange;

    if (server == NULL)
        return;
    while ((listener = list_first(&server->listeners, struct http_listener, member)) != NULL) {
        list_remove(&listener->member);
        listener_close(listener->listener);
        free(listener);
    }
    while ((connection = list_first(&server->connections, struct http_connection, member)) != NULL)
        connection_close(connection);
    /* Those that are still to be answered belong to their answerers, who may outlive the server. */
    while ((exchange = list_first(&server->orphans, struct http_exchange, member)) != NULL) {
        list_remove(&exchange->member);
        exchange->server = NULL;
    }
    while ((exchange = list_first(&server->spare, struct http_exchange, member)) != NULL) {
        list_remove(&exchange->member);
        exchange->server = NULL;
        exchange_release(exchange);
    }
    env_timer_done(&server->orphan_timer);
    buffer_done(&server->batch);
    buffer_done(&server->single);
    free(server);
}

void http_server_adopt(struct http_server *server, struct stream *stream) {
    char text[ADDRESS_TEXT_BYTES];

    if (server->connection_count >= server->limits.connections) {
        log_warning("Closing a connection from %s: there are %zu already", address_format(&stream->peer, text),
                    server->connection_count);
        stream_close(stream);
        return;
    }
    connection_new(server, stream);
}

static void on_accept(struct listener *listener, struct stream *stream, void *user) {
    (void)listener;
    http_server_adopt(user, stream);
}

int http_server_listen(struct http_server *server, const struct address *address, struct error *err) {
    struct http_listener *listener = new0(struct http_listener);

    if (env_listen(server->env, address, on_accept, server, &listener->listener, err) < 0) {
        free(listener);
        return -1;
    }
    list_append(&server->listeners, &listener->member);
    return 0;
}

const struct address *http_server_address(const struct http_server *server) {
    struct http_listener *listener = list_first(&server->listeners, struct http_listener, member);

    return listener == NULL ? NULL : listener_address(listener->listener);
}
