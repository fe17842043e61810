/* SPDX-License-Identifier: Apache-2.0 */
/* Client and server on a network that delays, splits and cuts, seed by seed: every call ends exactly once, and what
 * arrives is what was sent. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/log.h"
#include "net/http_client.h"
#include "net/test_server.h"

enum { SEEDS = 40, CALLS = 120, LARGEST_BODY_BYTES = 200000 };

struct call {
    struct http_call *call;
    struct buffer got;
    size_t size; /* of the body sent, or of the one asked for */
    enum { ECHO, BIG, STREAM } kind;
    unsigned done;
    bool failed, cancelled;
};

struct run {
    struct sim *sim;
    struct env *server_env, *client_env;
    struct http_server *server;
    struct http_client *client;
    struct env_timer timer; /* begins the calls, one by one */
    struct call calls[CALLS];
    size_t begun, ended, failed, streams_closed, streams_done;
};

/* A streamed answer: its size in pieces of different sizes, the next when the last one is taken. */
struct producer {
    struct run *run;
    size_t left;
};

static char letter(size_t position) {
    return (char)('a' + position % 26);
}

static void fill(struct buffer *buffer, size_t size) {
    for (size_t i = 0; i < size; i++)
        buffer_append_char(buffer, letter(size - i));
}

static void produce(struct http_exchange *exchange, void *user) {
    struct producer *producer = user;

    while (producer->left > 0 && http_stream_pending(exchange) == 0) {
        cleanup_buffer struct buffer piece = BUFFER_INIT;
        size_t size = producer->left < 30000 ? producer->left : 30000;

        for (size_t i = 0; i < size; i++)
            buffer_append_char(&piece, letter(producer->left - i));
        producer->left -= size;
        if (!http_stream_write(exchange, piece.data, piece.size))
            return;
    }
    if (producer->left == 0) {
        producer->run->streams_done++;
        free(producer);
        http_stream_end(exchange);
    }
}

static void on_stream_closed(struct http_exchange *exchange, void *user) {
    struct producer *producer = user;

    producer->run->streams_closed++;
    free(producer);
}

static void on_request(struct http_exchange *exchange, void *user) {
    const struct http_request *request = http_exchange_request(exchange);
    const char *size = http_request_query(exchange, "n");

    if (strcmp(request->path, "/echo") == 0) {
        http_respond(exchange, 200, "text/plain", request->body, request->body_size);
    } else if (strcmp(request->path, "/big") == 0) {
        struct buffer body = BUFFER_INIT;

        fill(&body, strtoul(size, NULL, 10));
        http_respond_buffer(exchange, 200, "text/plain", &body);
    } else {
        struct producer *producer = new0(struct producer);

        producer->run = user;
        producer->left = strtoul(size, NULL, 10);
        http_exchange_set_user(exchange, producer);
        http_exchange_on_closed(exchange, on_stream_closed, producer);
        http_stream_on_drain(exchange, produce);
        http_stream_begin(exchange, 200, "text/plain");
        produce(exchange, producer);
    }
}

static void on_data(struct http_call *http_call, const char *data, size_t size, void *user) {
    struct call *call = user;

    buffer_append(&call->got, data, size);
}

static void on_done(struct http_call *http_call, const struct http_response *response, const struct error *err,
                    void *user) {
    struct call *call = user;

    call->call = NULL;
    call->done++;
    call->failed = err != NULL;
    if (response != NULL && response->body != NULL)
        buffer_append(&call->got, response->body, response->body_size);
}

static void begin_call(struct run *run, struct call *call) {
    static const struct http_call_events collect = {.on_done = on_done},
                                         stream = {.on_data = on_data, .on_done = on_done};
    cleanup_buffer struct buffer body = BUFFER_INIT;
    struct http_call_options options = {.method = "POST", .timeout_ns = 5 * MINUTE};
    uint64_t random = sim_random(run->sim);
    char target[50];

    call->kind = random % 3;
    call->size = (random >> 8) % ((random >> 40) % 4 == 0 ? LARGEST_BODY_BYTES : 1000);
    snprintf(target, sizeof(target), "%s?n=%zu",
             call->kind == ECHO  ? "/echo"
             : call->kind == BIG ? "/big"
                                 : "/stream",
             call->size);
    options.target = target;
    if (call->kind == ECHO) {
        fill(&body, call->size);
        options.body = body.data;
        options.body_size = body.size;
    }
    options.own_connection = call->kind == STREAM;
    options.connection_key = (random >> 50) % 2 == 0 ? "key" : NULL;
    call->call = http_client_call(run->client, http_server_address(run->server), &options,
                                  call->kind == STREAM ? &stream : &collect, call);
}

static void on_timer(struct env_timer *timer) {
    struct run *run = container_of(timer, struct run, timer);
    struct call *old = &run->calls[sim_random(run->sim) % CALLS];

    begin_call(run, &run->calls[run->begun++]);
    if (sim_random(run->sim) % 10 == 0 && old->call != NULL) {
        http_call_cancel(take_ptr(&old->call));
        old->cancelled = true;
    }
    if (run->begun < CALLS)
        env_timer_start(&run->timer, (int64_t)(sim_random(run->sim) % 20) * MILLISECOND);
}

static void check_call(struct run *run, struct call *call) {
    if (call->done != (call->cancelled ? 0 : 1))
        fail_msg("call of kind %d, %zu bytes: %u done, cancelled %d, got %zu", call->kind, call->size, call->done,
                 call->cancelled, call->got.size);
    if (call->cancelled || call->failed) {
        run->failed += call->failed;
    } else {
        assert_int_equal(call->got.size, call->size);
        for (size_t i = 0; i < call->size; i++)
            assert_int_equal(call->got.data[i], letter(call->size - i));
        run->ended++;
    }
    buffer_done(&call->got);
}

static uint64_t run_seed(uint64_t seed, const struct sim_faults *faults, size_t *ret_ended, size_t *ret_failed) {
    static const struct http_server_handler handler = {.on_request = on_request};
    struct address address = address_tcp("10.0.0.1", 5050);
    static struct run run;
    uint64_t digest;

    run = (struct run){.sim = sim_new(seed)};
    sim_set_faults(run.sim, faults);
    run.server_env = sim_node_env(sim_node_new(run.sim, "10.0.0.1"));
    run.client_env = sim_node_env(sim_node_new(run.sim, "10.0.0.2"));
    run.server = http_server_new(run.server_env, NULL, &handler, &run);
    assert_int_equal(http_server_listen(run.server, &address, NULL), 0);
    run.client = http_client_new(run.client_env);
    env_timer_init(&run.timer, run.client_env, on_timer);
    env_timer_start(&run.timer, 0);
    sim_run_for(run.sim, HOUR);
    assert_int_equal(run.begun, CALLS);
    for (size_t i = 0; i < CALLS; i++)
        check_call(&run, &run.calls[i]);
    http_client_free(run.client);
    http_server_free(run.server);
    *ret_ended += run.ended;
    *ret_failed += run.failed;
    digest = sim_trace_digest(run.sim);
    sim_free(run.sim);
    return digest;
}

static void nothing_is_lost_where_nothing_is_cut(void **state) {
    static const struct sim_faults faults = {
        .delay_least_ns = MICROSECOND, .delay_most_ns = 30 * MILLISECOND, .split = 0.5};
    size_t ended = 0, failed = 0;

    for (uint64_t seed = 1; seed <= SEEDS; seed++)
        run_seed(seed, &faults, &ended, &failed);
    assert_int_equal(failed, 0);
    assert_true(ended > SEEDS * CALLS * 8 / 10);
}

static void every_call_ends_once_where_connections_are_cut(void **state) {
    static const struct sim_faults faults = {
        .delay_least_ns = MICROSECOND, .delay_most_ns = 30 * MILLISECOND, .split = 0.3, .cut = 0.02};
    size_t ended = 0, failed = 0;

    for (uint64_t seed = 1; seed <= SEEDS; seed++)
        run_seed(seed, &faults, &ended, &failed);
    assert_true(failed > SEEDS);
    assert_true(ended > SEEDS * CALLS / 4);
}

static void the_same_seed_gives_the_same_run(void **state) {
    static const struct sim_faults faults = {
        .delay_least_ns = MICROSECOND, .delay_most_ns = 30 * MILLISECOND, .split = 0.3, .cut = 0.02};
    size_t ended = 0, failed = 0, ended_again = 0, failed_again = 0;

    assert_true(run_seed(5, &faults, &ended, &failed) == run_seed(5, &faults, &ended_again, &failed_again));
    assert_int_equal(ended, ended_again);
    assert_int_equal(failed, failed_again);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_lost_where_nothing_is_cut),
        cmocka_unit_test(every_call_ends_once_where_connections_are_cut),
        cmocka_unit_test(the_same_seed_gives_the_same_run),
    };

    log_set_level(LOG_ERROR);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
