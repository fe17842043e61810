/* SPDX-License-Identifier: Apache-2.0 */
#include "net/http_connection.h"

#include <stdint.h>
#include <stdio.h>
#include <strings.h>

#include "base/text.h"

enum {
    /* Bodies from this size on are compressed for who accepts that, as upstream does. */
    GZIP_LEAST_BYTES = 1024,
};

#define append_literal(buffer, literal) buffer_append(buffer, literal, sizeof(literal) - 1)

const char *server_date_line(struct http_server *server) {
    int64_t second = env_wall_clock(server->env) / SECOND;

    if (second != server->date_second) {
        char date[30];

        http_date_format(second, date);
        snprintf(server->date_line, sizeof(server->date_line), "Date: %s\r\n", date);
        server->date_second = second;
    }
    return server->date_line;
}

static void append_number(struct buffer *buffer, size_t number) {
    char digits[20];
    size_t first = sizeof(digits);

    do {
        digits[--first] = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    buffer_append(buffer, digits + first, sizeof(digits) - first);
}

static void append_header(struct buffer *buffer, const char *name, const char *value) {
    buffer_append_string(buffer, name);
    append_literal(buffer, ": ");
    buffer_append_string(buffer, value);
    append_literal(buffer, "\r\n");
}

static bool status_has_body(unsigned status) {
    return status >= 200 && status != 204 && status != 304;
}

/* The head of the answer. @size is the body's, SIZE_MAX for a streamed one. */
static void append_head(struct http_exchange *exchange, struct buffer *output, unsigned status,
                        const char *content_type, size_t size) {
    if (status == 200) {
        append_literal(output, "HTTP/1.1 200 OK\r\n");
    } else {
        append_literal(output, "HTTP/1.1 ");
        append_number(output, status);
        append_literal(output, " ");
        buffer_append_string(output, http_status_text(status));
        append_literal(output, "\r\n");
    }
    buffer_append(output, server_date_line(exchange->server), DATE_LINE_BYTES);
    if (exchange->chunked)
        append_literal(output, "Transfer-Encoding: chunked\r\n");
    for (size_t i = 0; i < exchange->response_headers.count; i++)
        append_header(output, exchange->response_headers.items[i].name, exchange->response_headers.items[i].value);
    if (content_type != NULL)
        append_header(output, "Content-Type", content_type);
    if (size != SIZE_MAX && status_has_body(status)) {
        append_literal(output, "Content-Length: ");
        append_number(output, size);
        append_literal(output, "\r\n");
    }
    if (!exchange->keep_alive)
        append_literal(output, "Connection: close\r\n");
    else if (exchange->request.minor_version == 0)
        append_literal(output, "Connection: keep-alive\r\n");
    append_literal(output, "\r\n");
}

/* Whether there is still somebody to answer. Decides whether the connection can be kept. */
static bool can_answer(struct http_exchange *exchange) {
    if (exchange->connection == NULL)
        return false;
    if (!exchange->request_done)
        exchange->keep_alive = false;
    return true;
}

static bool should_gzip(const struct http_exchange *exchange, size_t size) {
    return size >= GZIP_LEAST_BYTES && http_headers_find(&exchange->response_headers, "Content-Encoding") == NULL &&
           http_accepts_encoding(http_headers_find(&exchange->request.headers, "Accept-Encoding"), "gzip");
}

void http_respond(struct http_exchange *exchange, unsigned status, const char *content_type, const void *body,
                  size_t size) {
    struct buffer *output;

    if (exchange->answered)
        return;
    if (can_answer(exchange)) {
        if (should_gzip(exchange, size)) {
            struct buffer copy = BUFFER_INIT;

            buffer_append(&copy, body, size);
            http_respond_buffer(exchange, status, content_type, &copy);
            return;
        }
        output = exchange_output(exchange);
        append_head(exchange, output, status, content_type, size);
        if (!exchange->is_head && status_has_body(status))
            buffer_append(output, body, size);
        exchange_flush(exchange);
    }
    exchange_finish(exchange);
}

void http_respond_text(struct http_exchange *exchange, unsigned status, const char *format, ...) {
    cleanup_free char *text = NULL;
    va_list arguments;

    va_start(arguments, format);
    text = xvasprintf(format, arguments);
    va_end(arguments);
    http_respond(exchange, status, "text/plain; charset=utf-8", text, strlen(text));
}

void http_respond_buffer(struct http_exchange *exchange, unsigned status, const char *content_type,
                         struct buffer *body) {
    cleanup_buffer struct buffer compressed = BUFFER_INIT, taken = BUFFER_INIT;

    buffer_swap(&taken, body);
    if (exchange->answered)
        return;
    if (can_answer(exchange)) {
        if (should_gzip(exchange, taken.size)) {
            gzip_compress(taken.data, taken.size, &compressed);
            buffer_swap(&taken, &compressed);
            http_respond_header(exchange, "Content-Encoding", "gzip");
        }
        append_head(exchange, exchange_output(exchange), status, content_type, taken.size);
        if (!exchange->is_head && status_has_body(status))
            exchange_send_buffer(exchange, &taken);
        else
            exchange_flush(exchange);
    }
    exchange_finish(exchange);
}

void http_respond_header(struct http_exchange *exchange, const char *name, const char *value) {
    char *copy = arena_strdup(&exchange->arena, value);

    /* What comes from outside must not become a header of its own. */
    for (char *c = copy; *c != '\0'; c++) {
        if (*c == '\r' || *c == '\n')
            *c = ' ';
    }
    http_headers_add(&exchange->response_headers, arena_strdup(&exchange->arena, name), copy);
}

void http_respond_nothing(struct http_exchange *exchange) {
    if (!exchange->answered)
        exchange_finish(exchange);
}

void http_stream_begin(struct http_exchange *exchange, unsigned status, const char *content_type) {
    struct http_connection *connection = exchange->connection;

    if (exchange->answered || exchange->begun)
        return;
    exchange->begun = true;
    if (connection == NULL)
        return;
    /* HTTP/1.0 has no chunks: the end of the connection ends the answer. The request may still be coming in, to go on
     * side by side with the answer; whether the connection is kept shows in the end. */
    exchange->chunked = exchange->request.minor_version > 0;
    if (!exchange->chunked)
        exchange->keep_alive = false;
    append_head(exchange, exchange_output(exchange), status, content_type, SIZE_MAX);
    exchange_flush(exchange);
    exchange->owes_drain = http_stream_pending(exchange) > 0;
    if (connection->peer_ended) {
        connection->broken = true;
        connection_wake(connection);
    }
}

size_t http_stream_pending(const struct http_exchange *exchange) {
    const struct http_connection *connection = exchange->connection;

    if (connection == NULL)
        return 0;
    if (!connection_is_first(connection, exchange))
        return exchange->held.size;
    return stream_pending(connection->stream) +
           (connection->server->feeding == connection ? connection->server->batch.size : 0);
}

bool http_stream_write(struct http_exchange *exchange, const void *data, size_t size) {
    struct http_connection *connection = exchange->connection;
    struct buffer *output;

    if (exchange->answered || connection == NULL || connection->broken)
        return false;
    if (size == 0 || exchange->is_head)
        return true;
    if (http_stream_pending(exchange) + size > connection->server->limits.stream_pending_bytes) {
        connection->broken = true;
        connection_wake(connection);
        return false;
    }
    output = exchange_output(exchange);
    if (exchange->chunked) {
        char length[20];
        int digits = snprintf(length, sizeof(length), "%zx\r\n", size);

        buffer_reserve(output, size + (size_t)digits + 2);
        buffer_append(output, length, (size_t)digits);
        buffer_append(output, data, size);
        append_literal(output, "\r\n");
    } else {
        buffer_append(output, data, size);
    }
    exchange_flush(exchange);
    if (http_stream_pending(exchange) > 0)
        exchange->owes_drain = true;
    return true;
}

void http_stream_on_drain(struct http_exchange *exchange,
                          void (*on_drain)(struct http_exchange *exchange, void *user)) {
    exchange->on_drain = on_drain;
}

void http_stream_end(struct http_exchange *exchange) {
    if (exchange->answered)
        return;
    if (exchange->connection != NULL && exchange->chunked && !exchange->is_head) {
        append_literal(exchange_output(exchange), "0\r\n\r\n");
        exchange_flush(exchange);
    }
    exchange_finish(exchange);
}
