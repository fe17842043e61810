/* SPDX-License-Identifier: Apache-2.0 */
/* What the server does against peers that take too long, send too much or read too little. Time is virtual. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/log.h"
#include "net/test_server.h"

static void expect_start(struct raw *raw, const char *start) {
    if (strncmp(raw_got(raw), start, strlen(start)) != 0)
        fail_msg("not '%s' but '%.60s'", start, raw_got(raw));
}

static bool has_ended(const struct raw *raw) {
    return raw->ended || raw->failed;
}

static void a_large_head_gets_431(void **state) {
    struct http_limits limits = http_default_limits;
    struct server_world world;
    struct raw raw;

    limits.head_bytes = 1000;
    world_init(&world, &limits);
    world_connect(&world, &raw);
    raw_send(&raw, "GET /show HTTP/1.1\r\n");
    for (int i = 0; i < 100 && !has_ended(&raw); i++) {
        raw_send(&raw, "Name: value value value\r\n");
        world_settle(&world);
    }
    expect_start(&raw, "HTTP/1.1 431 Request Header Fields Too Large\r\n");
    assert_true(raw.ended);
    assert_int_equal(world.requests, 0);
    raw_done(&raw);
    world_done(&world);
}

static void many_headers_get_431(void **state) {
    struct server_world world;
    struct raw raw;

    world_init(&world, NULL);
    world_connect(&world, &raw);
    raw_send(&raw, "GET /show HTTP/1.1\r\n");
    for (size_t i = 0; i < http_default_limits.header_count + 1; i++)
        raw_send(&raw, "A: b\r\n");
    raw_send(&raw, "\r\n");
    world_settle(&world);
    expect_start(&raw, "HTTP/1.1 431 ");
    assert_true(raw.ended);
    raw_done(&raw);
    world_done(&world);
}

static void a_large_body_gets_413(void **state) {
    static const char *const requests[] = {
        "POST /echo HTTP/1.1\r\nContent-Length: 11\r\n\r\n",
        "POST /echo HTTP/1.1\r\nContent-Length: 11\r\nExpect: 100-continue\r\n\r\n",
        "POST /echo HTTP/1.1\r\nContent-Length: 18446744073709551615\r\n\r\n",
        "POST /echo HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n6\r\nabcdef\r\n6\r\nabcdef\r\n",
        "POST /echo HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\nabcdefghijkl",
    };

    for (size_t i = 0; i < ARRAY_SIZE(requests); i++) {
        struct http_limits limits = http_default_limits;
        struct server_world world;
        struct raw raw;

        limits.body_bytes = 10;
        world_init(&world, &limits);
        world_connect(&world, &raw);
        raw_send(&raw, requests[i]);
        world_settle(&world);
        expect_start(&raw, "HTTP/1.1 413 ");
        assert_non_null(strstr(raw_got(&raw), "Connection: close\r\n"));
        assert_true(raw.ended);
        assert_int_equal(world.requests, 0);
        raw_done(&raw);
        world_done(&world);
    }
}

static void the_largest_body_is_taken(void **state) {
    struct http_limits limits = http_default_limits;
    struct server_world world;
    struct raw raw;

    limits.body_bytes = 10;
    world_init(&world, &limits);
    world_connect(&world, &raw);
    raw_send(&raw, "POST /echo HTTP/1.1\r\nContent-Length: 10\r\n\r\n0123456789");
    world_settle(&world);
    expect_start(&raw, "HTTP/1.1 200 OK\r\n");
    raw_done(&raw);
    world_done(&world);
}

static void a_streamed_body_has_the_limit_that_was_set_for_it(void **state) {
    struct http_limits limits = http_default_limits;
    struct server_world world;
    struct raw raw;

    limits.body_bytes = 10;
    world_init(&world, &limits);
    world_connect(&world, &raw);
    raw_send(&raw, "POST /upload HTTP/1.1\r\nContent-Length: 12\r\n\r\n012345678901");
    world_settle(&world);
    assert_string_equal(buffer_text(&world.uploaded), "012345678901");
    http_respond_text(world.held[0], 200, "ok");
    world_settle(&world);
    world.body_limit = 5;
    raw_send(&raw, "POST /upload HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
    world_settle(&world);
    assert_int_equal(world.held_count, 2);
    raw_send(&raw, "3\r\ndef\r\n");
    world_settle(&world);
    assert_true(has_ended(&raw));
    assert_int_equal(world.closed, 1);
    raw_done(&raw);
    world_done(&world);
}

static void a_slow_head_gets_408(void **state) {
    struct server_world world;
    struct raw raw;

    world_init(&world, NULL);
    world_connect(&world, &raw);
    sim_run_for(world.sim, MINUTE); /* nothing has been asked yet */
    raw_send(&raw, "GET /show HTTP/1.1\r\n");
    for (int i = 0; i < 29; i++) {
        sim_run_for(world.sim, SECOND);
        raw_send(&raw, "A");
    }
    assert_false(has_ended(&raw));
    sim_run_for(world.sim, 2 * SECOND);
    expect_start(&raw, "HTTP/1.1 408 ");
    assert_true(raw.ended);
    raw_done(&raw);
    world_done(&world);
}

static void a_slow_body_gets_408(void **state) {
    struct server_world world;
    struct raw raw;

    world_init(&world, NULL);
    world_connect(&world, &raw);
    raw_send(&raw, "POST /echo HTTP/1.1\r\nContent-Length: 10\r\n\r\n");
    /* One that goes on is waited for, ... */
    for (int i = 0; i < 5; i++) {
        sim_run_for(world.sim, 50 * SECOND);
        raw_send(&raw, "x");
    }
    assert_false(has_ended(&raw));
    sim_run_for(world.sim, 58 * SECOND);
    assert_false(has_ended(&raw));
    /* ... but not for ever. */
    sim_run_for(world.sim, 3 * SECOND);
    expect_start(&raw, "HTTP/1.1 408 ");
    assert_true(raw.ended);
    assert_int_equal(world.requests, 0);
    raw_done(&raw);
    world_done(&world);
}

static void a_slow_streamed_body_ends_the_connection(void **state) {
    struct server_world world;
    struct raw raw;

    world_init(&world, NULL);
    world_connect(&world, &raw);
    raw_send(&raw, "POST /upload HTTP/1.1\r\nContent-Length: 10\r\n\r\nabc");
    sim_run_for(world.sim, 61 * SECOND);
    assert_int_equal(world.closed, 1);
    assert_true(has_ended(&raw));
    raw_done(&raw);
    world_done(&world);
}

static void an_idle_connection_is_closed(void **state) {
    struct server_world world;
    struct raw raw;

    world_init(&world, NULL);
    world_connect(&world, &raw);
    sim_run_for(world.sim, 200 * SECOND);
    raw_send(&raw, "\r\nGET /show HTTP/1.1\r\n\r\n");
    sim_run_for(world.sim, 298 * SECOND);
    assert_false(has_ended(&raw));
    raw_send(&raw, "\r\n"); /* this is no request */
    sim_run_for(world.sim, 4 * SECOND);
    assert_true(has_ended(&raw));
    raw_done(&raw);
    world_done(&world);
}

static void a_connection_that_waits_for_its_answer_is_not_idle(void **state) {
    struct server_world world;
    struct raw raw;

    world_init(&world, NULL);
    world_connect(&world, &raw);
    raw_send(&raw, "GET /hold HTTP/1.1\r\n\r\n");
    sim_run_for(world.sim, HOUR);
    assert_false(has_ended(&raw));
    http_respond_text(world.held[0], 200, "at last");
    world_settle(&world);
    assert_non_null(strstr(raw_got(&raw), "at last"));
    raw_done(&raw);
    world_done(&world);
}

static void connections_beyond_the_limit_are_closed_at_once(void **state) {
    struct http_limits limits = http_default_limits;
    struct server_world world;
    struct raw raw[3];

    limits.connections = 2;
    world_init(&world, &limits);
    for (int i = 0; i < 3; i++) {
        world_connect(&world, &raw[i]);
        raw_send(&raw[i], "GET /show HTTP/1.1\r\n\r\n");
        world_settle(&world);
    }
    assert_int_equal(world.requests, 2);
    assert_false(has_ended(&raw[1]));
    assert_true(has_ended(&raw[2]));
    assert_int_equal(raw[2].got.size, 0);
    /* There is room again once one has gone. */
    raw_done(&raw[0]);
    raw_done(&raw[2]);
    world_settle(&world);
    world_connect(&world, &raw[2]);
    raw_send(&raw[2], "GET /show HTTP/1.1\r\n\r\n");
    world_settle(&world);
    assert_int_equal(world.requests, 3);
    raw_done(&raw[1]);
    raw_done(&raw[2]);
    world_done(&world);
}

static void only_so_many_requests_wait_at_once(void **state) {
    struct http_limits limits = http_default_limits;
    struct server_world world;
    struct raw raw;

    limits.pipelined = 3;
    world_init(&world, &limits);
    world_connect(&world, &raw);
    for (int i = 0; i < 8; i++)
        raw_send(&raw, "GET /hold HTTP/1.1\r\n\r\n");
    raw_send(&raw, "GET /show?x=last HTTP/1.1\r\n\r\n");
    world_settle(&world);
    assert_int_equal(world.held_count, 3);
    for (size_t i = 0; i < 8; i++) {
        size_t before = world.held_count;

        http_respond_text(world.held[i], 200, "%zu", i);
        assert_int_equal(world.held_count, before); /* never from inside of an answer */
        world_settle(&world);
        assert_int_equal(world.held_count, before < 8 ? before + 1 : 8);
    }
    assert_non_null(strstr(raw_got(&raw), "x=last"));
    raw_done(&raw);
    world_done(&world);
}

static void requests_wait_while_answers_wait_for_an_earlier_one(void **state) {
    struct server_world world;
    struct raw raw;

    world_init(&world, NULL);
    world_connect(&world, &raw);
    raw_send(&raw, "GET /hold HTTP/1.1\r\n\r\n");
    for (int i = 0; i < 40; i++)
        raw_send(&raw, "GET /big?n=1000000 HTTP/1.1\r\n\r\n");
    world_settle(&world);
    assert_in_range(world.requests, 2, 5);
    http_respond_text(world.held[0], 200, "first");
    sim_run_for(world.sim, 10 * SECOND);
    assert_int_equal(world.requests, 41);
    raw_done(&raw);
    world_done(&world);
}

static void a_streamed_body_is_read_though_no_further_request_would_be(void **state) {
    struct http_limits limits = http_default_limits;
    struct server_world world;
    struct raw raw;

    limits.pipelined = 1;
    world_init(&world, &limits);
    world_connect(&world, &raw);
    raw_send(&raw, "POST /upload HTTP/1.1\r\nContent-Length: 3\r\n\r\n");
    world_settle(&world);
    raw_send(&raw, "a");
    world_settle(&world);
    http_exchange_set_reading(world.held[0], false);
    raw_send(&raw, "bcGET /show HTTP/1.1\r\n\r\n");
    world_settle(&world);
    http_exchange_set_reading(world.held[0], true);
    world_settle(&world);
    assert_string_equal(buffer_text(&world.uploaded), "abc");
    assert_int_equal(world.uploads_ended, 1);
    assert_int_equal(world.requests, 1);
    http_respond_text(world.held[0], 200, "ok");
    world_settle(&world);
    assert_int_equal(world.requests, 2);
    raw_done(&raw);
    world_done(&world);
}

static void requests_wait_while_answers_are_not_taken(void **state) {
    struct server_world world;
    struct raw raw;

    world_init(&world, NULL);
    world_connect(&world, &raw);
    world_settle(&world);
    stream_set_reading(raw.stream, false);
    for (int i = 0; i < 40; i++)
        raw_send(&raw, "GET /big?n=1000000 HTTP/1.1\r\n\r\n");
    world_settle(&world);
    assert_in_range(world.requests, 1, 6);
    stream_set_reading(raw.stream, true);
    sim_run_for(world.sim, 10 * SECOND);
    assert_int_equal(world.requests, 40);
    assert_in_range(raw.got.size, 40000000, 40010000);
    raw_done(&raw);
    world_done(&world);
}

static void a_reader_that_never_reads_is_cut(void **state) {
    struct http_limits limits = http_default_limits;
    struct server_world world;
    char piece[1000] = {0};
    size_t written = 0;
    struct raw raw;

    limits.stream_pending_bytes = 100000;
    world_init(&world, &limits);
    world_connect(&world, &raw);
    raw_send(&raw, "GET /stream HTTP/1.1\r\n\r\n");
    world_settle(&world);
    stream_set_reading(raw.stream, false);
    while (written < 1000000 && http_stream_write(world.held[0], piece, sizeof(piece))) {
        written += sizeof(piece);
        assert_true(http_stream_pending(world.held[0]) <= limits.stream_pending_bytes);
    }
    assert_in_range(written, 90000, 999000);
    assert_int_equal(world.closed, 0); /* it is told from the loop */
    assert_false(http_stream_write(world.held[0], piece, 1));
    world_settle(&world);
    assert_int_equal(world.closed, 1);
    raw_done(&raw);
    world_done(&world);
}

static void a_stream_that_waits_for_its_turn_has_the_same_limit(void **state) {
    struct http_limits limits = http_default_limits;
    struct server_world world;
    char piece[1000] = {0};
    struct raw raw;

    limits.stream_pending_bytes = 10000;
    world_init(&world, &limits);
    world_connect(&world, &raw);
    raw_send(&raw, "GET /hold HTTP/1.1\r\n\r\nGET /stream HTTP/1.1\r\n\r\n");
    world_settle(&world);
    for (int i = 0; i < 9; i++)
        assert_true(http_stream_write(world.held[1], piece, sizeof(piece)));
    assert_false(http_stream_write(world.held[1], piece, sizeof(piece)));
    world_settle(&world);
    assert_int_equal(world.closed, 1);
    http_respond_text(world.held[0], 200, "gone");
    raw_done(&raw);
    world_done(&world);
}

static void a_writer_is_told_when_its_bytes_are_taken(void **state) {
    struct server_world world;
    char piece[100000] = {0};
    struct raw raw;

    world_init(&world, NULL);
    world_connect(&world, &raw);
    raw_send(&raw, "GET /stream HTTP/1.1\r\n\r\n");
    world_settle(&world);
    stream_set_reading(raw.stream, false);
    for (int i = 0; i < 20; i++)
        assert_true(http_stream_write(world.held[0], piece, sizeof(piece)));
    world.drained = 0;
    world_settle(&world);
    assert_true(http_stream_pending(world.held[0]) > 0);
    assert_int_equal(world.drained, 0);
    stream_set_reading(raw.stream, true);
    sim_run_for(world.sim, 5 * SECOND);
    assert_int_equal(http_stream_pending(world.held[0]), 0);
    assert_int_equal(world.drained, 1);
    raw_done(&raw);
    world_done(&world);
}

static void bytes_that_nobody_takes_end_the_connection(void **state) {
    cleanup_free char *body = calloc(1, 5000000);
    struct server_world world;
    struct raw raw;

    world_init(&world, NULL);
    world_connect(&world, &raw);
    raw_send(&raw, "GET /hold HTTP/1.1\r\n\r\nGET /watch HTTP/1.1\r\n\r\n");
    world_settle(&world);
    stream_set_reading(raw.stream, false);
    http_respond(world.held[0], 200, "text/plain", body, 5000000);
    sim_run_for(world.sim, 50 * SECOND);
    assert_int_equal(world.closed, 0);
    sim_run_for(world.sim, 30 * SECOND);
    assert_int_equal(world.closed, 1);
    raw_done(&raw);
    world_done(&world);
}

static void an_answer_is_not_lost_when_the_connection_ends(void **state) {
    struct server_world world;
    struct raw raw;

    world_init(&world, NULL);
    world_connect(&world, &raw);
    world_settle(&world);
    stream_set_reading(raw.stream, false);
    raw_send(&raw, "GET /big?n=3000000 HTTP/1.0\r\n\r\n");
    sim_run_for(world.sim, 30 * SECOND); /* longer than what is lingered for, but the bytes are not out */
    raw_send(&raw, "more");
    stream_set_reading(raw.stream, true);
    sim_run_for(world.sim, 2 * SECOND);
    assert_in_range(raw.got.size, 3000000, 3001000);
    assert_true(raw.ended);
    raw_done(&raw);
    world_done(&world);
}

static void a_peer_that_stays_is_left_in_the_end(void **state) {
    struct http_limits limits = http_default_limits;
    struct server_world world;
    struct raw raw, other;

    limits.connections = 1;
    world_init(&world, &limits);
    world_connect(&world, &raw);
    raw_send(&raw, "GET /show HTTP/1.0\r\n\r\n");
    sim_run_for(world.sim, 10 * SECOND);
    assert_true(raw.ended);
    /* The connection is gone, though its peer never closed it. */
    world_connect(&world, &other);
    raw_send(&other, "GET /show HTTP/1.0\r\n\r\n");
    world_settle(&world);
    expect_start(&other, "HTTP/1.1 200 OK");
    raw_done(&raw);
    raw_done(&other);
    world_done(&world);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_large_head_gets_431),
        cmocka_unit_test(many_headers_get_431),
        cmocka_unit_test(a_large_body_gets_413),
        cmocka_unit_test(the_largest_body_is_taken),
        cmocka_unit_test(a_streamed_body_has_the_limit_that_was_set_for_it),
        cmocka_unit_test(a_slow_head_gets_408),
        cmocka_unit_test(a_slow_body_gets_408),
        cmocka_unit_test(a_slow_streamed_body_ends_the_connection),
        cmocka_unit_test(an_idle_connection_is_closed),
        cmocka_unit_test(a_connection_that_waits_for_its_answer_is_not_idle),
        cmocka_unit_test(connections_beyond_the_limit_are_closed_at_once),
        cmocka_unit_test(only_so_many_requests_wait_at_once),
        cmocka_unit_test(requests_wait_while_answers_wait_for_an_earlier_one),
        cmocka_unit_test(a_streamed_body_is_read_though_no_further_request_would_be),
        cmocka_unit_test(requests_wait_while_answers_are_not_taken),
        cmocka_unit_test(a_reader_that_never_reads_is_cut),
        cmocka_unit_test(a_stream_that_waits_for_its_turn_has_the_same_limit),
        cmocka_unit_test(a_writer_is_told_when_its_bytes_are_taken),
        cmocka_unit_test(bytes_that_nobody_takes_end_the_connection),
        cmocka_unit_test(an_answer_is_not_lost_when_the_connection_ends),
        cmocka_unit_test(a_peer_that_stays_is_left_in_the_end),
    };

    log_set_level(LOG_ERROR);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
