/* SPDX-License-Identifier: Apache-2.0 */
/* The whole server against arbitrary bytes on the simulated network. The first two bytes say how the rest is cut into
 * pieces and what the peer and the answering side do meanwhile. */
#include <stdint.h>

#include "base/log.h"
#include "net/test_server.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { DEAF = 1, ANSWER_MEANWHILE = 2, HALF_CLOSE = 4, LEAVE = 8, PAUSE_UPLOADS = 16, ABORT = 32, SMALL_LIMITS = 64 };

/* Answer what is held, in whatever way fits; those that were told of the end are not there any more. */
static void answer_held(struct server_world *world, unsigned flags) {
    for (size_t i = 0; i < world->held_count; i++) {
        struct http_exchange *exchange = world->held[i];
        const char *path = http_exchange_request(exchange)->path;

        if ((flags & PAUSE_UPLOADS) != 0)
            http_exchange_set_reading(exchange, true);
        if ((flags & ABORT) != 0 && i % 2 == 1) {
            http_exchange_abort(exchange);
        } else if (strcmp(path, "/stream") == 0) {
            http_stream_write(exchange, path, strlen(path));
            http_stream_end(exchange);
        } else {
            http_respond_text(exchange, 200, "answer %zu", i);
        }
    }
    world->held_count = 0;
}

/* As world_on_closed(), but the exchange is struck off the list. */
static void on_closed(struct http_exchange *exchange, void *user) {
    struct server_world *world = user;

    for (size_t i = 0; i < world->held_count; i++) {
        if (world->held[i] == exchange) {
            world->held[i] = world->held[--world->held_count];
            return;
        }
    }
    abort(); /* told twice, or after it was answered */
}

static void on_request(struct http_exchange *exchange, void *user) {
    struct server_world *world = user;
    size_t before = world->held_count;

    if (before == ARRAY_SIZE(world->held)) {
        http_respond_text(exchange, 503, "busy");
        return;
    }
    world_on_request(exchange, world);
    if (world->held_count > before)
        http_exchange_on_closed(exchange, on_closed, world);
}

static void run(const uint8_t *data, size_t size, size_t step, unsigned flags) {
    static const struct http_server_handler handler = {.on_head = world_on_head, .on_request = on_request};
    struct http_limits limits = http_default_limits;
    struct address address = address_tcp("10.0.0.1", 6060);
    struct server_world world;
    struct raw raw;

    if ((flags & SMALL_LIMITS) != 0) {
        limits.head_bytes = 200;
        limits.header_count = 4;
        limits.body_bytes = 30;
        limits.pipelined = 2;
        limits.stream_pending_bytes = 100;
    }
    world_init(&world, NULL);
    http_server_free(world.server);
    world.server = http_server_new(world.server_env, &limits, &handler, &world);
    if (http_server_listen(world.server, &address, NULL) < 0)
        abort();
    world_connect(&world, &raw);
    world_settle(&world);
    if ((flags & DEAF) != 0)
        stream_set_reading(raw.stream, false);
    for (size_t at = 0; at < size; at += step) {
        stream_write(raw.stream, data + at, size - at < step ? size - at : step);
        world_settle(&world);
        if ((flags & ANSWER_MEANWHILE) != 0)
            answer_held(&world, flags);
        for (size_t i = 0; i < world.held_count && (flags & PAUSE_UPLOADS) != 0; i++)
            http_exchange_set_reading(world.held[i], i % 2 == 0);
        if (step > SIZE_MAX - at)
            break;
    }
    if ((flags & HALF_CLOSE) != 0)
        stream_shutdown(raw.stream);
    if ((flags & LEAVE) != 0)
        raw_close(&raw);
    world_settle(&world);
    answer_held(&world, flags);
    sim_run_for(world.sim, 10 * MINUTE);
    answer_held(&world, flags);
    raw_done(&raw);
    world_done(&world);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    log_set_level(LOG_ERROR);
    if (size < 2)
        return 0;
    run(data + 2, size - 2, data[0] % 100 == 0 ? size : data[0] % 100, data[1]);
    return 0;
}
