/* SPDX-License-Identifier: Apache-2.0 */
/* For tests: an HTTP server and peers that speak raw bytes to it, on two nodes of a simulated world. */
#pragma once

#include "event/sim.h"
#include "net/http_server.h"

/* A peer of the server: it sends what it is told, and keeps what it gets. */
struct raw {
    struct stream *stream;
    struct buffer got;
    bool ended, failed;
};

struct server_world {
    struct sim *sim;
    struct env *server_env, *client_env;
    struct http_server *server;
    struct http_exchange *held[16]; /* by "/hold", "/stream" and "/upload", in the order they came */
    size_t held_count;
    struct buffer uploaded;
    size_t requests, closed, drained, uploads_ended;
    size_t body_limit; /* for "/upload" */
};

static inline void raw_on_data(struct stream *stream, const char *data, size_t size) {
    struct raw *raw = stream->user;

    buffer_append(&raw->got, data, size);
}

static inline void raw_on_end(struct stream *stream) {
    struct raw *raw = stream->user;

    raw->ended = true;
}

static inline void raw_on_error(struct stream *stream, const struct error *err) {
    struct raw *raw = stream->user;

    raw->failed = true;
}

static inline const struct stream_events *raw_events(void) {
    static const struct stream_events events = {.on_data = raw_on_data, .on_end = raw_on_end, .on_error = raw_on_error};

    return &events;
}

static inline void raw_connect(struct raw *raw, struct env *env, const struct address *to) {
    *raw = (struct raw){.stream = NULL};
    raw->stream = env_connect(env, to, raw_events(), raw);
}

static inline void raw_send(struct raw *raw, const char *text) {
    stream_write(raw->stream, text, strlen(text));
}

static inline const char *raw_got(struct raw *raw) {
    return buffer_text(&raw->got);
}

static inline void raw_close(struct raw *raw) {
    stream_close(raw->stream);
    raw->stream = NULL;
}

static inline void raw_done(struct raw *raw) {
    raw_close(raw);
    buffer_done(&raw->got);
}

static inline void world_on_closed(struct http_exchange *exchange, void *user) {
    struct server_world *world = user;

    world->closed++;
}

static inline void world_on_body(struct http_exchange *exchange, const char *data, size_t size, void *user) {
    struct server_world *world = user;

    if (data == NULL)
        world->uploads_ended++;
    else
        buffer_append(&world->uploaded, data, size);
}

static inline void world_on_drain(struct http_exchange *exchange, void *user) {
    struct server_world *world = user;

    world->drained++;
}

static inline void world_hold(struct server_world *world, struct http_exchange *exchange) {
    if (world->held_count == ARRAY_SIZE(world->held))
        abort();
    world->held[world->held_count++] = exchange;
}

static inline enum http_body world_on_head(const struct http_request *head, size_t *body_limit, void *user) {
    struct server_world *world = user;

    if (strcmp(head->path, "/upload") != 0)
        return HTTP_BODY_COLLECT;
    if (world->body_limit != 0)
        *body_limit = world->body_limit;
    return HTTP_BODY_STREAM;
}

static inline void world_on_request(struct http_exchange *exchange, void *user) {
    const struct http_request *request = http_exchange_request(exchange);
    struct server_world *world = user;

    world->requests++;
    http_exchange_set_user(exchange, world);
    if (strcmp(request->path, "/echo") == 0) {
        http_respond(exchange, 200, "text/plain", request->body, request->body_size);
    } else if (strcmp(request->path, "/show") == 0) {
        const char *x = http_request_query(exchange, "x");

        http_respond_header(exchange, "X-Seen", "yes");
        http_respond_text(exchange, 200, "%s %s x=%s", request->method, request->path, x == NULL ? "none" : x);
    } else if (strcmp(request->path, "/big") == 0) {
        struct buffer body = BUFFER_INIT;
        const char *n = http_request_query(exchange, "n");
        size_t size = n == NULL ? 0 : strtoul(n, NULL, 10) % (10 * 1000 * 1000);

        memset(buffer_reserve(&body, size), 'b', size);
        buffer_added(&body, size);
        http_respond_buffer(exchange, 200, "text/plain", &body);
    } else if (strcmp(request->path, "/nothing") == 0) {
        http_respond_nothing(exchange);
    } else if (strcmp(request->path, "/hold") == 0) {
        world_hold(world, exchange);
    } else if (strcmp(request->path, "/watch") == 0) {
        http_exchange_on_closed(exchange, world_on_closed, world);
        world_hold(world, exchange);
    } else if (strcmp(request->path, "/stream") == 0) {
        http_exchange_on_closed(exchange, world_on_closed, world);
        http_stream_on_drain(exchange, world_on_drain);
        http_stream_begin(exchange, 200, "application/json");
        world_hold(world, exchange);
    } else if (strcmp(request->path, "/upload") == 0) {
        http_exchange_on_closed(exchange, world_on_closed, world);
        http_exchange_on_body(exchange, world_on_body);
        world_hold(world, exchange);
    } else {
        http_respond_text(exchange, 404, "404 Not Found.");
    }
}

static inline void world_init(struct server_world *world, const struct http_limits *limits) {
    static const struct http_server_handler handler = {.on_head = world_on_head, .on_request = world_on_request};
    struct address any = address_tcp("10.0.0.1", 5050);

    *world = (struct server_world){.sim = sim_new(1)};
    world->server_env = sim_node_env(sim_node_new(world->sim, "10.0.0.1"));
    world->client_env = sim_node_env(sim_node_new(world->sim, "10.0.0.2"));
    world->server = http_server_new(world->server_env, limits, &handler, world);
    if (http_server_listen(world->server, &any, NULL) < 0)
        abort();
}

static inline void world_done(struct server_world *world) {
    http_server_free(world->server);
    buffer_done(&world->uploaded);
    sim_free(world->sim);
}

static inline void world_connect(struct server_world *world, struct raw *raw) {
    raw_connect(raw, world->client_env, http_server_address(world->server));
}

/* Let happen what does happen at once. */
static inline void world_settle(struct server_world *world) {
    sim_run_for(world->sim, MILLISECOND);
}
