/* SPDX-License-Identifier: Apache-2.0 */
/* Client and server over real sockets: what the simulated network can not show. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/log.h"
#include "event/loop.h"
#include "net/http_client.h"
#include "net/http_server.h"

enum { BIG_BYTES = 20 * 1000 * 1000, TIMEOUT_S = 60 };

struct fixture {
    struct loop *loop;
    struct http_server *server;
    struct http_client *client;
    struct env_timer watchdog;
    struct address address;
    struct http_exchange *held;
    size_t missing; /* calls that have not ended */
    size_t closed, streamed;
    bool stop_when_closed;
};

struct call {
    struct fixture *f;
    struct buffer got;
    unsigned status;
    bool failed;
};

static void on_closed(struct http_exchange *exchange, void *user) {
    struct fixture *f = user;

    f->closed++;
    if (f->stop_when_closed)
        loop_stop(f->loop);
}

/* Streams BIG_BYTES in pieces as they are taken. */
static void produce(struct http_exchange *exchange, void *user) {
    static const char piece[100000];
    struct fixture *f = user;

    while (f->streamed < BIG_BYTES && http_stream_pending(exchange) == 0) {
        f->streamed += sizeof(piece);
        assert_true(http_stream_write(exchange, piece, sizeof(piece)));
    }
    if (f->streamed >= BIG_BYTES)
        http_stream_end(exchange);
}

static void on_request(struct http_exchange *exchange, void *user) {
    const struct http_request *request = http_exchange_request(exchange);
    struct fixture *f = user;

    http_exchange_set_user(exchange, f);
    if (strcmp(request->path, "/echo") == 0) {
        http_respond(exchange, 200, "text/plain", request->body, request->body_size);
    } else if (strcmp(request->path, "/stream") == 0) {
        http_exchange_on_closed(exchange, on_closed, f);
        http_stream_on_drain(exchange, produce);
        http_stream_begin(exchange, 200, "text/plain");
        produce(exchange, f);
    } else if (strcmp(request->path, "/watch") == 0) {
        http_exchange_on_closed(exchange, on_closed, f);
        http_stream_begin(exchange, 200, "text/plain");
        http_stream_write(exchange, "x", 1);
        f->held = exchange;
    } else {
        http_respond_text(exchange, 404, "404 Not Found.");
    }
}

static void on_watchdog(struct env_timer *timer) {
    fail_msg("it takes too long");
}

static void begin(struct fixture *f, const char *host) {
    static const struct http_server_handler handler = {.on_request = on_request};

    *f = (struct fixture){.loop = loop_new(NULL)};
    assert_non_null(f->loop);
    f->address = host[0] == '/' ? (struct address){.family = ADDRESS_UNIX} : address_tcp(host, 0);
    if (host[0] == '/')
        snprintf(f->address.host, sizeof(f->address.host), "%s", host);
    f->server = http_server_new(loop_env(f->loop), NULL, &handler, f);
    assert_int_equal(http_server_listen(f->server, &f->address, NULL), 0);
    f->address = *http_server_address(f->server);
    f->client = http_client_new(loop_env(f->loop));
    env_timer_init(&f->watchdog, loop_env(f->loop), on_watchdog);
    env_timer_start(&f->watchdog, TIMEOUT_S * SECOND);
}

static void finish(struct fixture *f) {
    env_timer_done(&f->watchdog);
    http_client_free(f->client);
    http_server_free(f->server);
    loop_free(f->loop);
}

static void on_data(struct http_call *http_call, const char *data, size_t size, void *user) {
    struct call *call = user;

    buffer_append(&call->got, data, size);
}

static void on_done(struct http_call *http_call, const struct http_response *response, const struct error *err,
                    void *user) {
    struct call *call = user;

    call->failed = err != NULL;
    if (response != NULL) {
        call->status = response->status;
        buffer_append(&call->got, response->body, response->body_size);
    }
    if (--call->f->missing == 0)
        loop_stop(call->f->loop);
}

static const struct http_call_events collect = {.on_done = on_done}, stream = {.on_data = on_data, .on_done = on_done};

static void ask(struct fixture *f, struct call *call, const struct http_call_options *options,
                const struct http_call_events *events) {
    call->f = f;
    f->missing++;
    http_client_call(f->client, &f->address, options, events, call);
}

static void many_calls_get_their_answers(struct fixture *f) {
    static struct call calls[500];

    memset(calls, 0, sizeof(calls));
    for (size_t i = 0; i < ARRAY_SIZE(calls); i++) {
        char body[20];
        struct http_call_options options = {.method = "POST", .target = "/echo", .body = body};

        options.body_size = (size_t)snprintf(body, sizeof(body), "%zu", i);
        options.connection_key = i % 2 == 0 ? "key" : NULL;
        ask(f, &calls[i], &options, &collect);
    }
    loop_run(f->loop);
    for (size_t i = 0; i < ARRAY_SIZE(calls); i++) {
        assert_false(calls[i].failed);
        assert_int_equal(strtoul(buffer_text(&calls[i].got), NULL, 10), i);
        buffer_done(&calls[i].got);
    }
}

static void calls_over_tcp_get_their_answers(void **state) {
    struct fixture f;

    begin(&f, "127.0.0.1");
    many_calls_get_their_answers(&f);
    finish(&f);
}

static void calls_over_a_unix_socket_get_their_answers(void **state) {
    char directory[] = "/tmp/test_http_XXXXXX";
    cleanup_free char *path = NULL;
    struct fixture f;

    assert_non_null(mkdtemp(directory));
    path = xasprintf("%s/socket", directory);
    begin(&f, path);
    many_calls_get_their_answers(&f);
    finish(&f);
    unlink(path);
    assert_int_equal(rmdir(directory), 0);
}

static void large_bodies_go_both_ways(void **state) {
    cleanup_free char *body = xmalloc(BIG_BYTES);
    struct http_call_options options = {.method = "POST", .target = "/echo", .body = body, .body_size = BIG_BYTES};
    struct call call = {.f = NULL};
    struct fixture f;

    for (size_t i = 0; i < BIG_BYTES; i++)
        body[i] = (char)(i * 7 + i / 1000);
    begin(&f, "127.0.0.1");
    ask(&f, &call, &options, &collect);
    loop_run(f.loop);
    assert_int_equal(call.status, 200);
    assert_int_equal(call.got.size, BIG_BYTES);
    assert_memory_equal(call.got.data, body, BIG_BYTES);
    buffer_done(&call.got);
    finish(&f);
}

static void a_large_stream_comes_through(void **state) {
    struct http_call_options options = {.method = "GET", .target = "/stream", .own_connection = true};
    struct call call = {.f = NULL};
    struct fixture f;

    begin(&f, "127.0.0.1");
    ask(&f, &call, &options, &stream);
    loop_run(f.loop);
    assert_false(call.failed);
    assert_int_equal(call.got.size, BIG_BYTES);
    assert_int_equal(f.closed, 0);
    buffer_done(&call.got);
    finish(&f);
}

static void on_first_data(struct http_call *http_call, const char *data, size_t size, void *user) {
    http_call_cancel(http_call);
}

static void a_reader_that_leaves_is_seen(void **state) {
    static const struct http_call_events leave = {.on_data = on_first_data, .on_done = on_done};
    struct http_call_options options = {.method = "GET", .target = "/watch", .own_connection = true};
    struct call call = {.f = NULL};
    struct fixture f;

    begin(&f, "127.0.0.1");
    f.stop_when_closed = true;
    ask(&f, &call, &options, &leave);
    loop_run(f.loop);
    assert_int_equal(f.closed, 1);
    finish(&f);
}

static void nobody_there_is_a_failure(void **state) {
    struct http_call_options options = {.method = "GET", .target = "/echo"};
    struct call call = {.f = NULL};
    struct fixture f;

    begin(&f, "127.0.0.1");
    http_server_free(take_ptr(&f.server));
    ask(&f, &call, &options, &collect);
    loop_run(f.loop);
    assert_true(call.failed);
    finish(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(calls_over_tcp_get_their_answers),
        cmocka_unit_test(calls_over_a_unix_socket_get_their_answers),
        cmocka_unit_test(large_bodies_go_both_ways),
        cmocka_unit_test(a_large_stream_comes_through),
        cmocka_unit_test(a_reader_that_leaves_is_seen),
        cmocka_unit_test(nobody_there_is_a_failure),
    };

    log_set_level(LOG_ERROR);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
