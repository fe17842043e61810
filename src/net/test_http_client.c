/* SPDX-License-Identifier: Apache-2.0 */
/* The client against our server and against peers that answer what a test tells them to. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/log.h"
#include "net/http_client.h"
#include "net/test_server.h"

/* A server that speaks raw bytes. */
struct fake_server {
    struct listener *listener;
    struct raw peers[8]; /* the connections it got */
    size_t count;
};

struct fixture {
    struct server_world world;
    struct http_client *client;
    struct fake_server fake;
    struct address fake_address;
};

/* What a call said. */
struct result {
    struct fixture *fixture;
    struct http_call *call;
    struct buffer body;
    unsigned status, heads, done;
    bool failed, free_client, cancel_on_data, pause_on_data;
    char *error;
    size_t order; /* the how-manieth it was to end */
};

static size_t ended_count;

static void on_accept(struct listener *listener, struct stream *stream, void *user) {
    struct fake_server *fake = user;
    struct raw *raw = &fake->peers[fake->count++];

    raw->stream = stream;
    stream->events = raw_events();
    stream->user = raw;
}

static void begin(struct fixture *f) {
    *f = (struct fixture){.client = NULL};
    ended_count = 0;
    world_init(&f->world, NULL);
    f->client = http_client_new(f->world.client_env);
    f->fake_address = address_tcp("10.0.0.1", 7070);
    assert_int_equal(env_listen(f->world.server_env, &f->fake_address, on_accept, &f->fake, &f->fake.listener, NULL),
                     0);
}

static void finish(struct fixture *f) {
    http_client_free(f->client);
    for (size_t i = 0; i < f->fake.count; i++)
        raw_done(&f->fake.peers[i]);
    listener_close(f->fake.listener);
    world_done(&f->world);
}

static void result_done(struct result *result) {
    buffer_done(&result->body);
    free(result->error);
}

static void on_head(struct http_call *call, const struct http_response *response, void *user) {
    struct result *result = user;

    result->heads++;
    result->status = response->status;
}

static void on_data(struct http_call *call, const char *data, size_t size, void *user) {
    struct result *result = user;

    buffer_append(&result->body, data, size);
    if (result->pause_on_data)
        http_call_set_reading(call, false);
    if (result->cancel_on_data)
        http_call_cancel(call);
}

static void on_done(struct http_call *call, const struct http_response *response, const struct error *err, void *user) {
    struct result *result = user;

    result->done++;
    result->order = ++ended_count;
    result->call = NULL;
    if (err != NULL) {
        result->failed = true;
        result->error = xstrdup(error_message(err));
    } else {
        result->status = response->status;
        if (response->body != NULL) {
            assert_int_equal(response->body[response->body_size], '\0');
            buffer_append(&result->body, response->body, response->body_size);
        }
    }
    http_call_cancel(call); /* does no harm */
    if (result->free_client)
        http_client_free(take_ptr(&result->fixture->client));
}

static const struct http_call_events collect = {.on_done = on_done};
static const struct http_call_events stream_events = {.on_head = on_head, .on_data = on_data, .on_done = on_done};

static void start(struct fixture *f, struct result *result, const struct address *to,
                  const struct http_call_options *options, const struct http_call_events *events) {
    result->fixture = f;
    result->call = http_client_call(f->client, to, options, events, result);
}

static void get(struct fixture *f, struct result *result, const char *target) {
    struct http_call_options options = {.method = "GET", .target = target};

    start(f, result, http_server_address(f->world.server), &options, &collect);
}

/* A GET or POST of the peer that answers what it is told. */
static void ask_fake(struct fixture *f, struct result *result, const char *method, const char *key) {
    struct http_call_options options = {.method = method, .target = "/x", .connection_key = key};

    start(f, result, &f->fake_address, &options, &collect);
}

static void expect_answer(struct result *result, unsigned status, const char *body) {
    if (result->failed)
        fail_msg("failed: %s", result->error);
    assert_int_equal(result->done, 1);
    assert_int_equal(result->status, status);
    assert_string_equal(buffer_text(&result->body), body);
    result_done(result);
}

static void expect_failure(struct result *result, const char *why) {
    assert_int_equal(result->done, 1);
    assert_true(result->failed);
    if (strstr(result->error, why) == NULL)
        fail_msg("not '%s' but '%s'", why, result->error);
    result_done(result);
}

static void a_call_gets_its_answer(void **state) {
    struct http_header header = {"X-Odd", "a\r\nContent-Length: 3"};
    struct http_call_options options = {
        .method = "POST", .target = "/echo", .headers = &header, .header_count = 1, .body = "hello", .body_size = 5};
    struct result one = {0}, two = {0};
    struct fixture f;

    begin(&f);
    start(&f, &one, http_server_address(f.world.server), &options, &collect);
    get(&f, &two, "/show?x=1");
    assert_int_equal(one.done, 0); /* never from inside of the call */
    world_settle(&f.world);
    expect_answer(&one, 200, "hello");
    expect_answer(&two, 200, "GET /show x=1");
    finish(&f);
}

static void the_request_is_what_was_asked(void **state) {
    struct result result = {0};
    struct fixture f;

    begin(&f);
    ask_fake(&f, &result, "POST", NULL);
    world_settle(&f.world);
    assert_string_equal(raw_got(&f.fake.peers[0]),
                        "POST /x HTTP/1.1\r\nHost: 10.0.0.1:7070\r\nContent-Length: 0\r\n\r\n");
    raw_send(&f.fake.peers[0], "HTTP/1.1 204 No Content\r\n\r\n");
    world_settle(&f.world);
    expect_answer(&result, 204, "");
    finish(&f);
}

static void an_idle_connection_is_used_again(void **state) {
    struct result one = {0}, two = {0}, three = {0};
    struct fixture f;

    begin(&f);
    ask_fake(&f, &one, "GET", NULL);
    world_settle(&f.world);
    raw_send(&f.fake.peers[0], "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    world_settle(&f.world);
    expect_answer(&one, 200, "ok");
    ask_fake(&f, &two, "GET", NULL);
    ask_fake(&f, &three, "GET", NULL);
    world_settle(&f.world);
    assert_int_equal(f.fake.count, 2);
    for (int i = 0; i < 2; i++)
        raw_send(&f.fake.peers[i], "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nyes\r\n0\r\n\r\n");
    world_settle(&f.world);
    expect_answer(&two, 200, "yes");
    expect_answer(&three, 200, "yes");
    /* And closed when nobody has used it for a while. */
    sim_run_for(f.world.sim, 61 * SECOND);
    assert_true(f.fake.peers[0].ended && f.fake.peers[1].ended);
    finish(&f);
}

static void calls_with_one_key_go_out_in_order_on_one_connection(void **state) {
    struct result results[5] = {0}, other = {0};
    struct fixture f;

    begin(&f);
    for (int i = 0; i < 5; i++)
        ask_fake(&f, &results[i], "POST", "key");
    ask_fake(&f, &other, "POST", "another");
    world_settle(&f.world);
    assert_int_equal(f.fake.count, 2);
    for (int i = 0; i < 5; i++) {
        assert_int_equal(results[i].done, 0);
        raw_send(&f.fake.peers[0], "HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n");
        world_settle(&f.world);
        assert_int_equal(results[i].order, (size_t)i + 1);
        expect_answer(&results[i], 202, "");
    }
    finish(&f);
}

static void an_answer_may_end_with_its_connection(void **state) {
    struct result result = {0};
    struct fixture f;

    begin(&f);
    ask_fake(&f, &result, "GET", NULL);
    world_settle(&f.world);
    raw_send(&f.fake.peers[0], "HTTP/1.1 200 OK\r\n\r\nall of it");
    world_settle(&f.world);
    assert_int_equal(result.done, 0);
    stream_shutdown(f.fake.peers[0].stream);
    world_settle(&f.world);
    expect_answer(&result, 200, "all of it");
    finish(&f);
}

static void an_informational_answer_is_passed_over(void **state) {
    struct result result = {0};
    struct fixture f;

    begin(&f);
    ask_fake(&f, &result, "GET", NULL);
    world_settle(&f.world);
    raw_send(&f.fake.peers[0], "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"
                               "HTTP/1.1 404 Not Found\r\nContent-Length: 1\r\n\r\nx");
    world_settle(&f.world);
    expect_answer(&result, 404, "x");
    finish(&f);
}

static void an_answer_to_head_has_no_body(void **state) {
    struct http_call_options options = {.method = "HEAD", .target = "/show"};
    struct result one = {0}, two = {0};
    struct fixture f;

    begin(&f);
    start(&f, &one, http_server_address(f.world.server), &options, &collect);
    world_settle(&f.world);
    expect_answer(&one, 200, "");
    get(&f, &two, "/show");
    world_settle(&f.world);
    expect_answer(&two, 200, "GET /show x=none");
    finish(&f);
}

static void bad_answers_fail_the_call(void **state) {
    static const struct {
        const char *answer, *why;
    } cases[] = {
        {"rubbish", "malformed"},
        {"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", "malformed"},
        {"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx", "malformed"},
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "malformed"},
        {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel", "closed the connection in the body"}, /* then closed */
        {"", "closed the connection"},
        {"HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n", "closed the connection in the body"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct result result = {0};
        struct fixture f;

        begin(&f);
        ask_fake(&f, &result, "POST", NULL);
        world_settle(&f.world);
        raw_send(&f.fake.peers[0], cases[i].answer);
        world_settle(&f.world);
        raw_close(&f.fake.peers[0]);
        world_settle(&f.world);
        expect_failure(&result, cases[i].why);
        finish(&f);
    }
}

static void an_answer_beyond_the_limit_fails_the_call(void **state) {
    struct http_call_options options = {.method = "GET", .target = "/big?n=100000", .body_limit = 99999};
    struct result small = {0}, large = {0};
    struct fixture f;

    begin(&f);
    start(&f, &large, http_server_address(f.world.server), &options, &collect);
    options.body_limit = 100000;
    start(&f, &small, http_server_address(f.world.server), &options, &collect);
    sim_run_for(f.world.sim, SECOND);
    expect_failure(&large, "larger than the limit");
    assert_int_equal(small.body.size, 100000);
    result_done(&small);
    finish(&f);
}

static void more_than_an_answer_ends_the_connection(void **state) {
    struct result one = {0}, two = {0};
    struct fixture f;

    begin(&f);
    ask_fake(&f, &one, "GET", NULL);
    world_settle(&f.world);
    raw_send(&f.fake.peers[0],
             "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil");
    world_settle(&f.world);
    expect_answer(&one, 200, "");
    assert_true(f.fake.peers[0].ended);
    ask_fake(&f, &two, "GET", NULL);
    world_settle(&f.world);
    assert_int_equal(f.fake.count, 2);
    raw_send(&f.fake.peers[1], "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ngood");
    world_settle(&f.world);
    expect_answer(&two, 200, "good");
    finish(&f);
}

static void a_call_that_takes_too_long_fails(void **state) {
    struct http_call_options options = {.method = "GET", .target = "/x", .timeout_ns = 5 * SECOND};
    struct result result = {0}, patient = {0};
    struct fixture f;

    begin(&f);
    start(&f, &result, &f.fake_address, &options, &collect);
    options.timeout_ns = -1;
    start(&f, &patient, &f.fake_address, &options, &collect);
    sim_run_for(f.world.sim, 4 * SECOND);
    assert_int_equal(result.done, 0);
    sim_run_for(f.world.sim, 2 * SECOND);
    expect_failure(&result, "no answer from 10.0.0.1:7070 in time");
    assert_true(f.fake.peers[0].ended);
    sim_run_for(f.world.sim, HOUR);
    assert_int_equal(patient.done, 0);
    finish(&f);
}

static void nobody_there_fails_the_call(void **state) {
    struct http_call_options options = {.method = "GET", .target = "/x"};
    struct address nobody = address_tcp("10.0.0.1", 1);
    struct result result = {0};
    struct fixture f;

    begin(&f);
    start(&f, &result, &nobody, &options, &collect);
    assert_int_equal(result.done, 0);
    sim_run_for(f.world.sim, 10 * MINUTE);
    expect_failure(&result, "");
    finish(&f);
}

static void a_stale_connection_is_no_failure_for_a_get(void **state) {
    struct result first = {0}, again = {0}, post = {0};
    struct fixture f;

    begin(&f);
    ask_fake(&f, &first, "GET", NULL);
    world_settle(&f.world);
    raw_send(&f.fake.peers[0], "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    world_settle(&f.world);
    expect_answer(&first, 200, "");
    /* The server closes just as the next request is on its way. */
    ask_fake(&f, &again, "GET", NULL);
    raw_close(&f.fake.peers[0]);
    world_settle(&f.world);
    assert_int_equal(f.fake.count, 2);
    raw_send(&f.fake.peers[1], "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    world_settle(&f.world);
    expect_answer(&again, 200, "");
    /* What might have been done already is not done twice. */
    ask_fake(&f, &post, "POST", NULL);
    raw_close(&f.fake.peers[1]);
    world_settle(&f.world);
    expect_failure(&post, "");
    assert_int_equal(f.fake.count, 2);
    finish(&f);
}

static void a_streamed_answer_comes_piece_by_piece(void **state) {
    struct http_call_options options = {.method = "GET", .target = "/stream", .own_connection = true};
    struct result result = {0};
    struct fixture f;

    begin(&f);
    start(&f, &result, http_server_address(f.world.server), &options, &stream_events);
    world_settle(&f.world);
    assert_int_equal(result.heads, 1);
    assert_int_equal(result.status, 200);
    sim_run_for(f.world.sim, HOUR); /* a stream may be quiet */
    assert_int_equal(result.done, 0);
    http_stream_write(f.world.held[0], "one", 3);
    world_settle(&f.world);
    assert_string_equal(buffer_text(&result.body), "one");
    http_stream_write(f.world.held[0], "two", 3);
    http_stream_end(f.world.held[0]);
    world_settle(&f.world);
    expect_answer(&result, 200, "onetwo");
    finish(&f);
}

static void a_streamed_answer_can_be_held_back(void **state) {
    struct http_call_options options = {.method = "GET", .target = "/stream", .own_connection = true};
    struct result result = {.pause_on_data = true};
    char piece[50000] = {0};
    struct fixture f;
    size_t before;

    begin(&f);
    start(&f, &result, http_server_address(f.world.server), &options, &stream_events);
    world_settle(&f.world);
    for (int i = 0; i < 100; i++)
        assert_true(http_stream_write(f.world.held[0], piece, sizeof(piece)));
    sim_run_for(f.world.sim, 10 * SECOND);
    before = result.body.size;
    assert_in_range(before, 1, 1000000);
    assert_true(http_stream_pending(f.world.held[0]) > 1000000);
    result.pause_on_data = false;
    http_call_set_reading(result.call, true);
    assert_int_equal(result.body.size, before); /* never from inside of the call */
    sim_run_for(f.world.sim, 10 * SECOND);
    assert_int_equal(result.body.size, 100 * sizeof(piece));
    assert_int_equal(http_stream_pending(f.world.held[0]), 0);
    http_stream_end(f.world.held[0]);
    world_settle(&f.world);
    assert_int_equal(result.done, 1);
    result_done(&result);
    finish(&f);
}

static void a_streamed_request_goes_out_in_chunks(void **state) {
    struct http_call_options options = {
        .method = "POST", .target = "/upload", .body_size = SIZE_MAX, .own_connection = true};
    struct result result = {0};
    struct fixture f;

    begin(&f);
    start(&f, &result, http_server_address(f.world.server), &options, &collect);
    http_call_write(result.call, "one", 3);
    world_settle(&f.world);
    assert_string_equal(buffer_text(&f.world.uploaded), "one");
    http_call_write(result.call, "two", 3);
    http_call_write(result.call, NULL, 0);
    world_settle(&f.world);
    assert_string_equal(buffer_text(&f.world.uploaded), "onetwo");
    assert_int_equal(http_call_pending(result.call), 0);
    http_respond_text(f.world.held[0], 200, "thanks");
    world_settle(&f.world);
    expect_answer(&result, 200, "thanks");
    finish(&f);
}

static void a_cancelled_call_says_nothing_and_is_seen_by_the_server(void **state) {
    struct http_call_options options = {.method = "GET", .target = "/stream", .own_connection = true};
    struct result stream = {0}, on_wire = {0}, from_inside = {.cancel_on_data = true};
    struct fixture f;

    begin(&f);
    start(&f, &stream, http_server_address(f.world.server), &options, &stream_events);
    start(&f, &from_inside, http_server_address(f.world.server), &options, &stream_events);
    get(&f, &on_wire, "/hold");
    world_settle(&f.world);
    assert_int_equal(f.world.held_count, 3);
    http_call_cancel(stream.call);
    http_call_cancel(on_wire.call);
    http_stream_write(f.world.held[1], "x", 1);
    world_settle(&f.world);
    assert_int_equal(f.world.closed, 2);
    assert_int_equal(stream.done + on_wire.done + from_inside.done, 0);
    assert_int_equal(from_inside.body.size, 1);
    http_respond_text(f.world.held[2], 200, "nobody hears");
    world_settle(&f.world);
    assert_int_equal(on_wire.done, 0);
    result_done(&from_inside);
    finish(&f);
}

static void others_on_a_connection_keep_it_when_one_is_cancelled(void **state) {
    struct result results[3] = {0};
    struct fixture f;

    begin(&f);
    for (int i = 0; i < 3; i++)
        ask_fake(&f, &results[i], "POST", "key");
    world_settle(&f.world);
    http_call_cancel(results[1].call);
    for (int i = 0; i < 3; i++)
        raw_send(&f.fake.peers[0], "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    world_settle(&f.world);
    expect_answer(&results[0], 200, "ok");
    assert_int_equal(results[1].done, 0);
    expect_answer(&results[2], 200, "ok");
    finish(&f);
}

static void others_fail_when_one_is_cancelled_half_way(void **state) {
    struct result results[2] = {0};
    struct fixture f;

    begin(&f);
    for (int i = 0; i < 2; i++)
        ask_fake(&f, &results[i], "POST", "key");
    world_settle(&f.world);
    raw_send(&f.fake.peers[0], "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\no");
    world_settle(&f.world);
    http_call_cancel(results[0].call);
    assert_int_equal(results[1].done, 0);
    world_settle(&f.world);
    expect_failure(&results[1], "another call");
    finish(&f);
}

static void calls_behind_a_last_answer_fail(void **state) {
    struct result results[2] = {0};
    struct fixture f;

    begin(&f);
    for (int i = 0; i < 2; i++)
        ask_fake(&f, &results[i], "POST", "key");
    world_settle(&f.world);
    raw_send(&f.fake.peers[0], "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok");
    world_settle(&f.world);
    expect_answer(&results[0], 200, "ok");
    expect_failure(&results[1], "closed the connection before it answered");
    finish(&f);
}

static void the_client_can_be_freed_from_a_callback(void **state) {
    struct result result = {.free_client = true}, other = {0}, waiting[70] = {0};
    struct fixture f;

    begin(&f);
    get(&f, &result, "/show");
    get(&f, &other, "/hold");
    for (size_t i = 0; i < ARRAY_SIZE(waiting); i++)
        ask_fake(&f, &waiting[i], "GET", "key");
    world_settle(&f.world);
    expect_answer(&result, 200, "GET /show x=none");
    assert_null(f.client);
    http_respond_text(f.world.held[0], 200, "nobody hears");
    sim_run_for(f.world.sim, 2 * MINUTE);
    assert_int_equal(other.done, 0);
    finish(&f);
}

static void calls_beyond_the_limit_of_connections_wait(void **state) {
    static struct result results[100];
    struct fixture f;

    begin(&f);
    memset(results, 0, sizeof(results));
    for (size_t i = 0; i < ARRAY_SIZE(results); i++)
        get(&f, &results[i], i < 10 ? "/watch" : "/show");
    world_settle(&f.world);
    for (size_t i = 10; i < ARRAY_SIZE(results); i++)
        expect_answer(&results[i], 200, "GET /show x=none");
    for (size_t i = 0; i < 10; i++)
        assert_int_equal(results[i].done, 0);
    finish(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_call_gets_its_answer),
        cmocka_unit_test(the_request_is_what_was_asked),
        cmocka_unit_test(an_idle_connection_is_used_again),
        cmocka_unit_test(calls_with_one_key_go_out_in_order_on_one_connection),
        cmocka_unit_test(an_answer_may_end_with_its_connection),
        cmocka_unit_test(an_informational_answer_is_passed_over),
        cmocka_unit_test(an_answer_to_head_has_no_body),
        cmocka_unit_test(bad_answers_fail_the_call),
        cmocka_unit_test(an_answer_beyond_the_limit_fails_the_call),
        cmocka_unit_test(more_than_an_answer_ends_the_connection),
        cmocka_unit_test(a_call_that_takes_too_long_fails),
        cmocka_unit_test(nobody_there_fails_the_call),
        cmocka_unit_test(a_stale_connection_is_no_failure_for_a_get),
        cmocka_unit_test(a_streamed_answer_comes_piece_by_piece),
        cmocka_unit_test(a_streamed_answer_can_be_held_back),
        cmocka_unit_test(a_streamed_request_goes_out_in_chunks),
        cmocka_unit_test(a_cancelled_call_says_nothing_and_is_seen_by_the_server),
        cmocka_unit_test(others_on_a_connection_keep_it_when_one_is_cancelled),
        cmocka_unit_test(others_fail_when_one_is_cancelled_half_way),
        cmocka_unit_test(calls_behind_a_last_answer_fail),
        cmocka_unit_test(the_client_can_be_freed_from_a_callback),
        cmocka_unit_test(calls_beyond_the_limit_of_connections_wait),
    };

    log_set_level(LOG_ERROR);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
