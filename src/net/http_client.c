/* SPDX-License-Identifier: Apache-2.0 */
#include "net/http_client.h"

#include <errno.h>
#include <stdint.h>
#include <strings.h>

#include "base/duration.h"
#include "net/http_parser.h"

enum {
    HEAD_LIMIT_BYTES = 256 * 1024,
    HEADER_LIMIT = 200,
    CONNECTIONS_PER_ADDRESS = 64, /* without a key; further calls wait */
    HAND_OVER_BYTES = 16 * 1024,  /* larger requests are handed over to the stream, smaller ones copied */
};

static const int64_t default_timeout_ns = 60 * SECOND;
static const size_t default_body_limit = 64 * 1024 * 1024;
/* Shorter than what servers wait, so that a call seldom meets a connection that is just being closed. */
static const int64_t idle_timeout_ns = 60 * SECOND;

struct http_client {
    struct env *env;
    struct list connections; /* of struct client_connection */
    struct list waiting;     /* calls for which there is no connection yet */
    struct list failing;     /* calls to be failed from the loop */
    struct env_timer timer;  /* for `failing` and `waiting` */
    unsigned busy;           /* callbacks under way: nothing they stand on is released */
    bool freed;
};

struct client_connection {
    struct http_client *client;
    struct list member;
    struct stream *stream; /* NULL once closed; the connection is released when no callback is under way in it */
    struct address address;
    char *key;
    bool own;          /* for one call only */
    struct list calls; /* on the wire, the first is being answered */
    struct http_parser parser;
    struct http_head head;
    struct buffer input;    /* what came before reading was paused */
    struct env_timer timer; /* idle, or to go on reading */
    unsigned busy;
    uint64_t answered;  /* calls so far */
    bool heard;         /* something has come since the last call was answered */
    bool informational; /* a 1xx is being read */
    bool paused;
    bool resuming;
};

struct http_call {
    struct http_client *client;
    struct client_connection *connection; /* NULL: waits or fails */
    struct list member;
    struct address address;
    char *key;
    struct http_call_events events;
    void *user;
    struct env_timer timer;
    struct buffer request; /* until it is on the wire; kept for another try if that is allowed */
    struct buffer body;
    struct http_response response;
    size_t body_limit;
    bool own_connection, is_head, can_retry;
    bool body_open; /* the request's body goes on */
    bool reading_off;
    bool abandoned; /* cancelled, but its answer still has to pass */
    bool ending;    /* on_done is being called */
};

static void start_waiting(struct http_client *client);

static void call_free(struct http_call *call) {
    list_remove(&call->member);
    env_timer_done(&call->timer);
    buffer_done(&call->request);
    buffer_done(&call->body);
    free(call->key);
    free(call);
}

/* The one place where calls end. @call is gone afterwards. */
static void call_end(struct http_call *call, const struct http_response *response, const struct error *err) {
    struct http_client *client = call->client;

    list_remove(&call->member);
    env_timer_stop(&call->timer);
    call->connection = NULL;
    call->ending = true;
    if (!call->abandoned && !client->freed && call->events.on_done != NULL)
        call->events.on_done(call, response, err, call->user);
    call_free(call);
}

static void client_enter(struct http_client *client) {
    client->busy++;
}

static void client_leave(struct http_client *client) {
    if (--client->busy == 0 && client->freed)
        free(client);
}

/* Connections */

static void connection_release(struct client_connection *connection) {
    http_head_done(&connection->head);
    buffer_done(&connection->input);
    free(connection->key);
    free(connection);
}

/* No more bytes; what was under way stays in `calls`. */
static void connection_shut(struct client_connection *connection) {
    if (connection->stream == NULL)
        return;
    stream_close(take_ptr(&connection->stream));
    env_timer_done(&connection->timer);
    list_remove(&connection->member);
}

static void connection_fail(struct client_connection *connection, const struct error *err) {
    struct http_client *client = connection->client;
    struct list calls = LIST_INIT(calls);
    struct http_call *call;
    bool was_stale = connection->answered > 0 && !connection->heard;

    connection_shut(connection);
    list_for_each (&connection->calls, call, member) {
        list_remove(&call->member);
        call->connection = NULL;
        list_append(&calls, &call->member);
    }
    client_enter(client);
    while ((call = list_first(&calls, struct http_call, member)) != NULL) {
        /* A kept connection that breaks without a byte was most likely being closed when the request met it. What
         * does no harm when done twice is tried once more. */
        if (was_stale && call->can_retry && !call->abandoned && !client->freed) {
            call->can_retry = false;
            list_remove(&call->member);
            list_append(&client->waiting, &call->member);
        } else {
            call_end(call, NULL, err);
        }
    }
    if (!client->freed)
        start_waiting(client);
    client_leave(client);
    if (connection->busy == 0)
        connection_release(connection);
}

static bool connection_is_idle(const struct client_connection *connection) {
    return list_is_empty(&connection->calls);
}

/* The answer of the first call is whole. */
static void answer_complete(struct client_connection *connection) {
    struct http_call *call = list_first(&connection->calls, struct http_call, member);
    bool reusable = connection->head.keep_alive && !connection->own && !call->body_open;

    connection->answered++;
    connection->heard = false;
    if (call->events.on_data == NULL) {
        call->response.body = buffer_text(&call->body);
        call->response.body_size = call->body.size;
    }
    list_remove(&call->member);
    /* Closed before the callback, so that calls it begins do not choose this connection. */
    if (!reusable && connection_is_idle(connection))
        connection_shut(connection);
    call_end(call, &call->response, NULL);
    if (connection->stream == NULL || connection->client->freed)
        return;
    if (!reusable) {
        struct error err = ERROR_INIT;

        error_set(&err, 0, "the server closed the connection before it answered");
        connection_fail(connection, &err);
        error_done(&err);
    } else if (connection_is_idle(connection)) {
        env_timer_start(&connection->timer, idle_timeout_ns);
        start_waiting(connection->client);
    }
}

/* The call that is being answered, or NULL if the answer's rest is of no interest. */
static struct http_call *current_call(const struct client_connection *connection) {
    return connection->stream == NULL ? NULL : list_first(&connection->calls, struct http_call, member);
}

static struct http_head *on_begin(struct http_parser *parser) {
    struct client_connection *connection = parser->user;

    return &connection->head;
}

/* Whether the callbacks have left everything as it was: @call is still the one being answered. */
static enum http_parser_next go_on(struct client_connection *connection, const struct http_call *call) {
    if (connection->client->freed || current_call(connection) != call)
        return HTTP_PARSER_PAUSE;
    if (call->reading_off && !connection->paused) {
        connection->paused = true;
        stream_set_reading(connection->stream, false);
    }
    return connection->paused ? HTTP_PARSER_PAUSE : HTTP_PARSER_CONTINUE;
}

static enum http_parser_next on_head(struct http_parser *parser) {
    struct client_connection *connection = parser->user;
    struct http_call *call = current_call(connection);
    struct http_head *head = &connection->head;
    enum http_parser_next next;

    if (call == NULL)
        return HTTP_PARSER_PAUSE;
    connection->informational = head->status < 200 && head->status != 101;
    if (connection->informational)
        return HTTP_PARSER_CONTINUE;
    call->response.status = head->status;
    call->response.headers = head->headers;
    if (call->events.on_data != NULL)
        env_timer_stop(&call->timer);
    if (call->events.on_head != NULL && !call->abandoned)
        call->events.on_head(call, &call->response, call->user);
    next = go_on(connection, call);
    if (next == HTTP_PARSER_CONTINUE && call->is_head)
        return HTTP_PARSER_SKIP_BODY;
    return next;
}

static enum http_parser_next on_body(struct http_parser *parser, const char *data, size_t size) {
    struct client_connection *connection = parser->user;
    struct http_call *call = current_call(connection);

    if (call == NULL)
        return HTTP_PARSER_PAUSE;
    if (call->abandoned)
        return HTTP_PARSER_CONTINUE;
    if (call->events.on_data != NULL) {
        call->events.on_data(call, data, size, call->user);
        return go_on(connection, call);
    }
    if (size > call->body_limit - call->body.size) {
        struct error err = ERROR_INIT;

        error_set(&err, 0, "the answer is larger than the limit of %zu bytes", call->body_limit);
        connection_fail(connection, &err);
        error_done(&err);
        return HTTP_PARSER_PAUSE;
    }
    buffer_append(&call->body, data, size);
    return HTTP_PARSER_CONTINUE;
}

static enum http_parser_next on_message_end(struct http_parser *parser) {
    struct client_connection *connection = parser->user;

    if (connection->informational) {
        connection->informational = false;
        return HTTP_PARSER_CONTINUE;
    }
    if (current_call(connection) == NULL)
        return HTTP_PARSER_PAUSE;
    answer_complete(connection);
    if (connection->client->freed || connection->stream == NULL || current_call(connection) == NULL)
        return HTTP_PARSER_PAUSE;
    return go_on(connection, current_call(connection));
}

static const struct http_parser_events parser_events = {
    .on_begin = on_begin,
    .on_head = on_head,
    .on_body = on_body,
    .on_end = on_message_end,
};

/* Around everything that may call back: the connection and the client stay until it is over. */
static void connection_enter(struct client_connection *connection) {
    client_enter(connection->client);
    connection->busy++;
}

static void connection_leave(struct client_connection *connection) {
    struct http_client *client = connection->client;

    if (--connection->busy == 0 && connection->stream == NULL)
        connection_release(connection);
    client_leave(client);
}

static void feed(struct client_connection *connection, const char *data, size_t size) {
    cleanup_error struct error err = ERROR_INIT;
    size_t used = size;

    if (http_parser_feed(&connection->parser, data, size, &used, &err) < 0) {
        if (connection->stream != NULL)
            connection_fail(connection, &err);
    } else if (connection->stream != NULL && used < size) {
        if (connection_is_idle(connection)) {
            error_set(&err, 0, "the server sent more than an answer");
            connection_fail(connection, &err);
        } else {
            buffer_append(&connection->input, data + used, size - used);
        }
    }
}

static void on_data(struct stream *stream, const char *data, size_t size) {
    struct client_connection *connection = stream->user;

    connection_enter(connection);
    connection->heard = true;
    if (connection->paused) {
        buffer_append(&connection->input, data, size);
    } else if (connection_is_idle(connection)) {
        connection_shut(connection);
    } else {
        feed(connection, data, size);
    }
    connection_leave(connection);
}

static void on_end(struct stream *stream) {
    struct client_connection *connection = stream->user;
    cleanup_error struct error err = ERROR_INIT;

    connection_enter(connection);
    if (http_parser_finish(&connection->parser, &err) == 0 && connection->stream != NULL)
        error_set(&err, 0, "the server closed the connection");
    if (connection->stream != NULL)
        connection_fail(connection, &err);
    connection_leave(connection);
}

static void on_error(struct stream *stream, const struct error *err) {
    struct client_connection *connection = stream->user;

    connection_enter(connection);
    connection_fail(connection, err);
    connection_leave(connection);
}

static const struct stream_events stream_events = {
    .on_data = on_data,
    .on_end = on_end,
    .on_error = on_error,
};

static void on_connection_timer(struct env_timer *timer) {
    struct client_connection *connection = container_of(timer, struct client_connection, timer);

    connection_enter(connection);
    if (connection->resuming) {
        const struct http_call *call = current_call(connection);
        struct buffer input = BUFFER_INIT;

        connection->resuming = false;
        if (connection->paused && call != NULL && !call->reading_off) {
            connection->paused = false;
            buffer_swap(&input, &connection->input);
            feed(connection, input.size == 0 ? "" : input.data, input.size);
            buffer_done(&input);
            if (connection->stream != NULL && !connection->paused)
                stream_set_reading(connection->stream, true);
        }
    } else if (connection_is_idle(connection)) {
        connection_shut(connection);
    }
    connection_leave(connection);
}

static struct client_connection *connection_new(struct http_client *client, const struct http_call *call) {
    struct client_connection *connection = new0(struct client_connection);

    connection->client = client;
    connection->address = call->address;
    connection->key = xstrdup(call->key);
    connection->own = call->own_connection;
    list_init(&connection->calls);
    list_append(&client->connections, &connection->member);
    http_parser_init_response(&connection->parser, &parser_events, HEAD_LIMIT_BYTES, HEADER_LIMIT, connection);
    env_timer_init(&connection->timer, client->env, on_connection_timer);
    connection->stream = env_connect(client->env, &connection->address, &stream_events, connection);
    return connection;
}

/* A connection for @call: an open one that fits, a new one, or NULL if there are enough to its address. */
static struct client_connection *choose_connection(struct http_client *client, const struct http_call *call) {
    struct client_connection *connection;
    size_t count = 0;

    if (call->own_connection)
        return connection_new(client, call);
    list_for_each (&client->connections, connection, member) {
        if (connection->own || !address_equal(&connection->address, &call->address))
            continue;
        if (call->key == NULL ? connection->key != NULL
                              : connection->key == NULL || strcmp(connection->key, call->key) != 0)
            continue;
        if (call->key != NULL || connection_is_idle(connection))
            return connection;
        count++;
    }
    return count < CONNECTIONS_PER_ADDRESS ? connection_new(client, call) : NULL;
}

static void put_on_wire(struct client_connection *connection, struct http_call *call) {
    list_remove(&call->member);
    list_append(&connection->calls, &call->member);
    call->connection = connection;
    if (!connection->resuming)
        env_timer_stop(&connection->timer);
    if (call->can_retry || call->request.size < HAND_OVER_BYTES)
        stream_write(connection->stream, call->request.data, call->request.size);
    else
        stream_write_buffer(connection->stream, &call->request);
    if (!call->can_retry)
        buffer_done(&call->request);
}

static void start_waiting(struct http_client *client) {
    struct http_call *call;

    list_for_each (&client->waiting, call, member) {
        struct client_connection *connection = choose_connection(client, call);

        if (connection != NULL)
            put_on_wire(connection, call);
    }
}

/* Calls */

static void on_call_timeout(struct env_timer *timer) {
    struct http_call *call = container_of(timer, struct http_call, timer);
    struct client_connection *connection = call->connection;
    cleanup_error struct error err = ERROR_INIT;
    char address[ADDRESS_TEXT_BYTES];

    error_set(&err, ETIMEDOUT, "no answer from %s in time", address_format(&call->address, address));
    call->can_retry = false;
    if (connection == NULL) {
        struct http_client *client = call->client;

        client_enter(client);
        call_end(call, NULL, &err);
        client_leave(client);
        return;
    }
    connection_enter(connection);
    connection_fail(connection, &err);
    connection_leave(connection);
}

static void append_value(struct buffer *buffer, const char *value) {
    size_t start = buffer->size;

    buffer_append_string(buffer, value);
    /* What comes from outside must not become a header of its own. */
    for (size_t i = start; i < buffer->size; i++) {
        if (buffer->data[i] == '\r' || buffer->data[i] == '\n')
            buffer->data[i] = ' ';
    }
}

static void build_request(struct http_call *call, const struct http_call_options *options) {
    struct buffer *request = &call->request;
    const char *method = options->method == NULL ? "GET" : options->method;
    char host[ADDRESS_TEXT_BYTES] = "localhost";
    bool is_chunked = options->body_size == SIZE_MAX;

    if (call->address.family == ADDRESS_TCP)
        address_format(&call->address, host);
    append_value(request, method);
    buffer_append_char(request, ' ');
    append_value(request, options->target);
    buffer_append_string(request, " HTTP/1.1\r\nHost: ");
    append_value(request, host);
    buffer_append_string(request, "\r\n");
    for (size_t i = 0; i < options->header_count; i++) {
        append_value(request, options->headers[i].name);
        buffer_append_string(request, ": ");
        append_value(request, options->headers[i].value);
        buffer_append_string(request, "\r\n");
    }
    if (is_chunked)
        buffer_append_string(request, "Transfer-Encoding: chunked\r\n");
    else if (options->body_size > 0 || strcmp(method, "POST") == 0 || strcmp(method, "PUT") == 0)
        buffer_printf(request, "Content-Length: %zu\r\n", options->body_size);
    buffer_append_string(request, "\r\n");
    if (!is_chunked)
        buffer_append(request, options->body, options->body_size);
    call->body_open = is_chunked;
    call->is_head = strcmp(method, "HEAD") == 0;
    call->can_retry = call->is_head || strcmp(method, "GET") == 0;
}

struct http_call *http_client_call(struct http_client *client, const struct address *to,
                                   const struct http_call_options *options, const struct http_call_events *events,
                                   void *user) {
    struct http_call *call = new0(struct http_call);

    call->client = client;
    call->address = *to;
    call->key = xstrdup(options->connection_key);
    call->own_connection = options->own_connection;
    call->events = *events;
    call->user = user;
    call->body_limit = options->body_limit == 0 ? default_body_limit : options->body_limit;
    build_request(call, options);
    env_timer_init(&call->timer, client->env, on_call_timeout);
    if (options->timeout_ns >= 0)
        env_timer_start(&call->timer, options->timeout_ns == 0 ? default_timeout_ns : options->timeout_ns);
    list_init(&call->member);
    list_append(&client->waiting, &call->member);
    start_waiting(client);
    return call;
}

void http_call_cancel(struct http_call *call) {
    struct client_connection *connection;

    if (call == NULL || call->ending)
        return;
    connection = call->connection;
    if (connection == NULL) {
        call_free(call);
        return;
    }
    /* Others may share the connection: they keep it if this one's answer can be let pass. */
    if (!call->body_open && connection->calls.next != connection->calls.previous &&
        (current_call(connection) != call || connection->parser.stage == HTTP_PARSER_BETWEEN)) {
        call->abandoned = true;
        call->can_retry = false;
        env_timer_stop(&call->timer);
        return;
    }
    call_free(call);
    connection_shut(connection);
    if (connection_is_idle(connection)) {
        if (connection->busy == 0)
            connection_release(connection);
        return;
    }
    /* The others are told from the loop. */
    list_for_each (&connection->calls, call, member) {
        list_remove(&call->member);
        call->connection = NULL;
        list_append(&connection->client->failing, &call->member);
    }
    env_timer_start(&connection->client->timer, 0);
    if (connection->busy == 0)
        connection_release(connection);
}

void http_call_set_reading(struct http_call *call, bool on) {
    struct client_connection *connection = call->connection;

    call->reading_off = !on;
    if (connection == NULL || current_call(connection) != call)
        return;
    if (!on && !connection->paused) {
        connection->paused = true;
        stream_set_reading(connection->stream, false);
    } else if (on && connection->paused && !connection->resuming) {
        connection->resuming = true;
        env_timer_start(&connection->timer, 0);
    }
}

void http_call_write(struct http_call *call, const void *data, size_t size) {
    struct buffer chunk = BUFFER_INIT, *to = call->connection == NULL ? &call->request : &chunk;

    if (!call->body_open || call->ending)
        return;
    call->can_retry = false;
    if (data == NULL) {
        call->body_open = false;
        buffer_append_string(to, "0\r\n\r\n");
    } else if (size > 0) {
        buffer_printf(to, "%zx\r\n", size);
        buffer_append(to, data, size);
        buffer_append_string(to, "\r\n");
    }
    if (call->connection != NULL && chunk.size > 0)
        stream_write_buffer(call->connection->stream, &chunk);
    buffer_done(&chunk);
}

size_t http_call_pending(const struct http_call *call) {
    return call->connection == NULL ? call->request.size : stream_pending(call->connection->stream);
}

/* The client */

static void on_client_timer(struct env_timer *timer) {
    struct http_client *client = container_of(timer, struct http_client, timer);
    cleanup_error struct error err = ERROR_INIT;
    struct http_call *call;

    error_set(&err, 0, "the connection was closed because another call on it was cancelled");
    client_enter(client);
    while (!client->freed && (call = list_first(&client->failing, struct http_call, member)) != NULL)
        call_end(call, NULL, &err);
    client_leave(client);
}

struct http_client *http_client_new(struct env *env) {
    struct http_client *client = new0(struct http_client);

    client->env = env;
    list_init(&client->connections);
    list_init(&client->waiting);
    list_init(&client->failing);
    env_timer_init(&client->timer, env, on_client_timer);
    return client;
}

static void free_calls(struct list *calls) {
    struct http_call *call;

    while ((call = list_first(calls, struct http_call, member)) != NULL)
        call_free(call);
}

void http_client_free(struct http_client *client) {
    struct client_connection *connection;

    if (client == NULL)
        return;
    client->freed = true;
    while ((connection = list_first(&client->connections, struct client_connection, member)) != NULL) {
        free_calls(&connection->calls);
        connection_shut(connection);
        if (connection->busy == 0)
            connection_release(connection);
    }
    free_calls(&client->waiting);
    free_calls(&client->failing);
    env_timer_done(&client->timer);
    if (client->busy == 0)
        free(client);
}
