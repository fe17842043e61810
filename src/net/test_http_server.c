/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/log.h"
#include "net/gzip.h"
#include "net/test_server.h"

/* The answer to @request on a connection of its own, without its Date line. The caller frees. */
static char *ask(const char *request) {
    struct server_world world;
    struct raw raw;
    char *answer, *date;

    world_init(&world, NULL);
    world_connect(&world, &raw);
    raw_send(&raw, request);
    world_settle(&world);
    answer = buffer_take(&raw.got, NULL);
    while ((date = strstr(answer, "Date: ")) != NULL)
        memmove(date, strchr(date, '\n') + 1, strlen(strchr(date, '\n')));
    raw_done(&raw);
    world_done(&world);
    return answer;
}

static void expect_answer(const char *request, const char *answer) {
    cleanup_free char *got = ask(request);

    assert_string_equal(got, answer);
}

static void expect_status(const char *request, unsigned status) {
    cleanup_free char *got = ask(request), *start = xasprintf("HTTP/1.1 %u ", status);

    if (strncmp(got, start, strlen(start)) != 0)
        fail_msg("not %u but '%.60s' for: %s", status, got, request);
}

static void answers_have_the_headers_of_upstream(void **state) {
    expect_answer("GET /show HTTP/1.1\r\nHost: h\r\n\r\n",
                  "HTTP/1.1 200 OK\r\nX-Seen: yes\r\nContent-Type: text/plain; charset=utf-8\r\n"
                  "Content-Length: 16\r\n\r\nGET /show x=none");
    expect_answer("GET /none HTTP/1.1\r\n\r\n",
                  "HTTP/1.1 404 Not Found\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: 14\r\n\r\n"
                  "404 Not Found.");
    expect_answer("POST /echo HTTP/1.1\r\nContent-Length: 0\r\n\r\n",
                  "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 0\r\n\r\n");
}

static void the_date_is_that_of_the_clock(void **state) {
    struct server_world world;
    struct raw raw;

    world_init(&world, NULL);
    world_connect(&world, &raw);
    raw_send(&raw, "GET /show HTTP/1.1\r\n\r\n");
    world_settle(&world);
    assert_non_null(strstr(raw_got(&raw), "\r\nDate: "));
    assert_non_null(strstr(raw_got(&raw), " GMT\r\n"));
    buffer_clear(&raw.got);
    sim_run_for(world.sim, 2 * SECOND);
    raw_send(&raw, "GET /show HTTP/1.1\r\n\r\n");
    world_settle(&world);
    assert_non_null(strstr(raw_got(&raw), "\r\nDate: "));
    raw_done(&raw);
    world_done(&world);
}

static void paths_and_parameters_are_decoded(void **state) {
    cleanup_free char *got = ask("GET /%73how?x=a%20b HTTP/1.1\r\n\r\n");

    assert_non_null(strstr(got, "GET /show x=a b"));
}

static void absolute_targets_are_taken_by_their_path(void **state) {
    cleanup_free char *got = ask("GET http://10.0.0.1:5050/show?x=1 HTTP/1.1\r\n\r\n");

    assert_non_null(strstr(got, "GET /show x=1"));
}

static void bad_targets_are_refused(void **state) {
    expect_status("GET /%zz/x HTTP/1.1\r\n\r\n", 400);
    expect_status("GET /master% HTTP/1.1\r\n\r\n", 400);
    expect_status("GET /a%00b HTTP/1.1\r\n\r\n", 400);
    expect_status("GET /show?x=%4 HTTP/1.1\r\n\r\n", 400);
    expect_status("GET  HTTP/1.1\r\n\r\n", 400);
    expect_status("GET show HTTP/1.1\r\n\r\n", 400);
    expect_status("GET * HTTP/1.1\r\n\r\n", 400);
    expect_status("GET http:///show HTTP/1.1\r\n\r\n", 400);
    expect_status("GET ftp://a/show HTTP/1.1\r\n\r\n", 400);
    expect_status("CONNECT a:1 HTTP/1.1\r\n\r\n", 400);
}

static void options_for_the_whole_server_are_answered(void **state) {
    cleanup_free char *got = ask("OPTIONS * HTTP/1.1\r\n\r\n");

    assert_non_null(strstr(got, "HTTP/1.1 200 OK\r\n"));
    assert_non_null(strstr(got, "Allow: GET, HEAD, POST"));
}

static void requests_that_could_be_smuggled_are_refused_and_end_the_connection(void **state) {
    static const struct {
        const char *request;
        unsigned status;
    } cases[] = {
        {"POST /echo HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
        {"POST /echo HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello", 400},
        {"POST /echo HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nhello", 400},
        {"POST /echo HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\n", 501},
        {"POST /echo HTTP/1.1\r\nTransfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n", 400},
        {"POST /echo HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
        {"POST /echo HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 400},
        {"GET /show HTTP/1.1\r\nX: a\r\n b\r\n\r\n", 400},
        {"GET /show HTTP/1.1\r\nX : a\r\n\r\n", 400},
        {"GET /show HTTP/1.1\nX: a\n\n", 400},
        {"GET /show HTTP/3.0\r\n\r\n", 505},
        {"rubbish\r\n\r\n", 400},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        cleanup_free char *text = xasprintf("%sGET /show?x=smuggled HTTP/1.1\r\n\r\n", cases[i].request);
        cleanup_free char *start = xasprintf("HTTP/1.1 %u ", cases[i].status);
        struct server_world world;
        struct raw raw;

        world_init(&world, NULL);
        world_connect(&world, &raw);
        raw_send(&raw, text);
        world_settle(&world);
        if (strncmp(raw_got(&raw), start, strlen(start)) != 0)
            fail_msg("not %u but '%.60s' for: %s", cases[i].status, raw_got(&raw), text);
        assert_null(strstr(raw_got(&raw), "smuggled"));
        assert_non_null(strstr(raw_got(&raw), "Connection: close\r\n"));
        assert_true(raw.ended);
        assert_int_equal(world.requests, 0);
        raw_done(&raw);
        world_done(&world);
    }
}

static void bodies_come_with_a_length_or_in_chunks(void **state) {
    expect_answer("POST /echo HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello",
                  "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\nhello");
    expect_answer(
        "POST /echo HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2;a=b\r\nlo\r\n0\r\nT: v\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\nhello");
}

static void an_answer_to_head_has_its_headers_only(void **state) {
    expect_answer("HEAD /show HTTP/1.1\r\n\r\nGET /none HTTP/1.1\r\n\r\n",
                  "HTTP/1.1 200 OK\r\nX-Seen: yes\r\nContent-Type: text/plain; charset=utf-8\r\n"
                  "Content-Length: 17\r\n\r\n"
                  "HTTP/1.1 404 Not Found\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: 14\r\n\r\n"
                  "404 Not Found.");
}

static void a_connection_is_kept_unless_asked_otherwise(void **state) {
    static const struct {
        const char *request;
        bool kept;
        const char *says;
    } cases[] = {
        {"GET /show HTTP/1.1\r\n\r\n", true, NULL},
        {"GET /show HTTP/1.1\r\nConnection: close\r\n\r\n", false, "Connection: close\r\n"},
        {"GET /show HTTP/1.0\r\n\r\n", false, "Connection: close\r\n"},
        {"GET /show HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", true, "Connection: keep-alive\r\n"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct server_world world;
        struct raw raw;

        world_init(&world, NULL);
        world_connect(&world, &raw);
        raw_send(&raw, cases[i].request);
        world_settle(&world);
        assert_int_equal(raw.ended, !cases[i].kept);
        if (cases[i].says != NULL)
            assert_non_null(strstr(raw_got(&raw), cases[i].says));
        else
            assert_null(strstr(raw_got(&raw), "Connection:"));
        raw_send(&raw, "GET /show HTTP/1.1\r\n\r\n");
        world_settle(&world);
        assert_int_equal(world.requests, cases[i].kept ? 2 : 1);
        raw_done(&raw);
        world_done(&world);
    }
}

static void pipelined_answers_keep_the_order_of_the_requests(void **state) {
    struct server_world world;
    struct raw raw;
    const char *got;

    world_init(&world, NULL);
    world_connect(&world, &raw);
    raw_send(&raw, "GET /hold HTTP/1.1\r\n\r\nGET /show?x=1 HTTP/1.1\r\n\r\nGET /hold HTTP/1.1\r\n\r\n"
                   "GET /big?n=100000 HTTP/1.1\r\n\r\nGET /show?x=2 HTTP/1.1\r\n\r\n");
    world_settle(&world);
    assert_int_equal(world.requests, 5);
    assert_string_equal(raw_got(&raw), "");
    http_respond_text(world.held[1], 200, "second");
    world_settle(&world);
    assert_string_equal(raw_got(&raw), "");
    http_respond_text(world.held[0], 200, "first");
    world_settle(&world);
    got = raw_got(&raw);
    assert_non_null(strstr(got, "first"));
    assert_true(strstr(got, "first") < strstr(got, "x=1"));
    assert_true(strstr(got, "x=1") < strstr(got, "second"));
    assert_true(strstr(got, "second") < strstr(got, "bbbbb"));
    assert_true(strstr(got, "bbbbb") < strstr(got, "x=2"));
    assert_null(strstr(got, "Connection: close"));
    raw_done(&raw);
    world_done(&world);
}

static void an_unanswered_request_holds_up_nothing_but_its_connection(void **state) {
    struct server_world world;
    struct raw one, two;

    world_init(&world, NULL);
    world_connect(&world, &one);
    world_connect(&world, &two);
    raw_send(&one, "GET /hold HTTP/1.1\r\n\r\nGET /show HTTP/1.1\r\n\r\n");
    raw_send(&two, "GET /show HTTP/1.1\r\n\r\n");
    world_settle(&world);
    assert_int_equal(one.got.size, 0);
    assert_true(two.got.size > 0);
    http_respond_text(world.held[0], 200, "ok");
    raw_done(&one);
    raw_done(&two);
    world_done(&world);
}

static void a_request_can_go_without_an_answer(void **state) {
    cleanup_free char *got = ask("POST /nothing HTTP/1.1\r\n\r\nGET /show?x=1 HTTP/1.1\r\n\r\n");

    assert_int_equal(strncmp(got, "HTTP/1.1 200 OK\r\nX-Seen", 23), 0);
    assert_non_null(strstr(got, "x=1"));
}

static void a_peer_that_waits_for_a_continue_gets_one(void **state) {
    struct server_world world;
    struct raw raw;

    world_init(&world, NULL);
    world_connect(&world, &raw);
    raw_send(&raw, "POST /echo HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n");
    world_settle(&world);
    assert_string_equal(raw_got(&raw), "HTTP/1.1 100 Continue\r\n\r\n");
    raw_send(&raw, "ok");
    world_settle(&world);
    assert_non_null(strstr(raw_got(&raw), "HTTP/1.1 200 OK\r\n"));
    raw_done(&raw);
    world_done(&world);
    expect_status("POST /echo HTTP/1.1\r\nExpect: a-pony\r\nContent-Length: 2\r\n\r\nok", 417);
}

static void a_continue_waits_for_the_answers_before_it(void **state) {
    struct server_world world;
    struct raw raw;

    world_init(&world, NULL);
    world_connect(&world, &raw);
    raw_send(&raw,
             "GET /hold HTTP/1.1\r\n\r\nPOST /echo HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n");
    world_settle(&world);
    assert_int_equal(raw.got.size, 0);
    http_respond_text(world.held[0], 200, "first");
    world_settle(&world);
    assert_non_null(strstr(raw_got(&raw), "firstHTTP/1.1 100 Continue\r\n\r\n"));
    raw_done(&raw);
    world_done(&world);
}

static void answers_are_compressed_for_who_accepts_that(void **state) {
    cleanup_buffer struct buffer plain = BUFFER_INIT;
    struct server_world world;
    struct gunzip gunzip;
    struct raw raw;
    char *body;

    world_init(&world, NULL);
    world_connect(&world, &raw);
    raw_send(&raw, "GET /big?n=50000 HTTP/1.1\r\nAccept-Encoding: gzip\r\n\r\n");
    world_settle(&world);
    assert_non_null(strstr(raw_got(&raw), "Content-Encoding: gzip\r\n"));
    body = strstr(raw_got(&raw), "\r\n\r\n") + 4;
    gunzip_init(&gunzip);
    assert_int_equal(gunzip_feed(&gunzip, body, raw.got.size - (size_t)(body - raw.got.data), &plain, 100000, NULL), 0);
    assert_true(gunzip.ended);
    assert_int_equal(plain.size, 50000);
    gunzip_done(&gunzip);
    buffer_clear(&raw.got);

    /* Not worth it below 1024 bytes, and not wanted. */
    raw_send(&raw, "GET /big?n=1000 HTTP/1.1\r\nAccept-Encoding: gzip\r\n\r\nGET /big?n=2000 HTTP/1.1\r\n\r\n"
                   "GET /big?n=2000 HTTP/1.1\r\nAccept-Encoding: gzip;q=0\r\n\r\n");
    world_settle(&world);
    assert_null(strstr(raw_got(&raw), "gzip"));
    raw_done(&raw);
    world_done(&world);
}

/* POST @path with @packed as a gzip body; the status. */
static unsigned post_gzip(struct server_world *world, const char *path, const struct buffer *packed) {
    unsigned status = 0;
    struct raw raw;

    world_connect(world, &raw);
    cleanup_free char *head = xasprintf("POST %s HTTP/1.1\r\nContent-Encoding: gzip\r\nContent-Length: %zu\r\n\r\n",
                                        path, packed->size);
    raw_send(&raw, head);
    stream_write(raw.stream, packed->data, packed->size);
    world_settle(world);
    if (strcmp(path, "/echo") == 0)
        assert_int_equal(sscanf(raw_got(&raw), "HTTP/1.1 %u", &status), 1);
    if (status == 200)
        assert_non_null(strstr(raw_got(&raw), "plain text"));
    raw_done(&raw);
    return status;
}

static void compressed_bodies_are_decompressed_within_the_limit(void **state) {
    cleanup_buffer struct buffer packed = BUFFER_INIT, bomb = BUFFER_INIT, zeros = BUFFER_INIT, broken = BUFFER_INIT;
    struct http_limits limits = http_default_limits;
    struct server_world world;

    limits.body_bytes = 100000;
    world_init(&world, &limits);
    gzip_compress("plain text", 10, &packed);
    assert_int_equal(post_gzip(&world, "/echo", &packed), 200);
    memset(buffer_reserve(&zeros, 1000000), 0, 1000000);
    buffer_added(&zeros, 1000000);
    gzip_compress(zeros.data, zeros.size, &bomb);
    assert_true(bomb.size < limits.body_bytes);
    assert_int_equal(post_gzip(&world, "/echo", &bomb), 413);
    buffer_append(&broken, packed.data, packed.size - 3);
    assert_int_equal(post_gzip(&world, "/echo", &broken), 400);
    buffer_clear(&broken);
    buffer_append_string(&broken, "not gzip at all");
    assert_int_equal(post_gzip(&world, "/echo", &broken), 400);

    /* Streamed ones, too. */
    post_gzip(&world, "/upload", &packed);
    assert_string_equal(buffer_text(&world.uploaded), "plain text");
    assert_int_equal(world.uploads_ended, 1);
    http_respond_text(world.held[0], 200, "ok");
    world_done(&world);
    expect_status("POST /echo HTTP/1.1\r\nContent-Encoding: br\r\nContent-Length: 1\r\n\r\nx", 415);
}

static void a_streamed_answer_goes_out_in_chunks(void **state) {
    struct server_world world;
    struct raw raw;

    world_init(&world, NULL);
    world_connect(&world, &raw);
    raw_send(&raw, "GET /stream HTTP/1.1\r\n\r\nGET /show?x=after HTTP/1.1\r\n\r\n");
    world_settle(&world);
    assert_non_null(strstr(raw_got(&raw), "Transfer-Encoding: chunked\r\nContent-Type: application/json\r\n\r\n"));
    assert_true(http_stream_write(world.held[0], "hello", 5));
    assert_true(http_stream_write(world.held[0], "", 0));
    world_settle(&world);
    assert_true(http_stream_write(world.held[0], "0123456789012345", 16));
    world_settle(&world);
    assert_non_null(strstr(raw_got(&raw), "\r\n\r\n5\r\nhello\r\n10\r\n0123456789012345\r\n"));
    assert_null(strstr(raw_got(&raw), "after"));
    http_stream_end(world.held[0]);
    world_settle(&world);
    assert_non_null(strstr(raw_got(&raw), "0123456789012345\r\n0\r\n\r\nHTTP/1.1 200 OK\r\n"));
    assert_non_null(strstr(raw_got(&raw), "x=after"));
    assert_int_equal(world.closed, 0);
    raw_done(&raw);
    world_done(&world);
}

static void a_streamed_answer_in_http_1_0_ends_with_the_connection(void **state) {
    struct server_world world;
    struct raw raw;

    world_init(&world, NULL);
    world_connect(&world, &raw);
    raw_send(&raw, "GET /stream HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    world_settle(&world);
    assert_true(http_stream_write(world.held[0], "hello", 5));
    http_stream_end(world.held[0]);
    world_settle(&world);
    assert_null(strstr(raw_got(&raw), "chunked"));
    assert_non_null(strstr(raw_got(&raw), "Connection: close\r\n\r\nhello"));
    assert_true(raw.ended);
    raw_done(&raw);
    world_done(&world);
}

static void a_lost_reader_is_told_to_who_streams(void **state) {
    struct server_world world;
    struct raw one, two;

    world_init(&world, NULL);
    world_connect(&world, &one);
    world_connect(&world, &two);
    raw_send(&one, "GET /stream HTTP/1.1\r\n\r\n");
    raw_send(&two, "GET /watch HTTP/1.1\r\n\r\n");
    world_settle(&world);
    assert_int_equal(world.held_count, 2);
    raw_done(&one);
    world_settle(&world);
    assert_int_equal(world.closed, 1);
    raw_done(&two);
    world_settle(&world);
    assert_int_equal(world.closed, 2);
    world_done(&world);
}

static void an_answer_to_a_closed_connection_is_dropped(void **state) {
    struct server_world world;
    struct raw raw;

    world_init(&world, NULL);
    world_connect(&world, &raw);
    raw_send(&raw, "GET /hold HTTP/1.1\r\n\r\nGET /hold HTTP/1.1\r\n\r\nGET /hold HTTP/1.1\r\n\r\n");
    world_settle(&world);
    raw_done(&raw);
    sim_run_for(world.sim, 10 * SECOND);
    /* Everything about the request is still there. */
    assert_string_equal(http_exchange_request(world.held[0])->path, "/hold");
    assert_string_equal(http_exchange_request(world.held[0])->peer->host, "10.0.0.2");
    http_respond_text(world.held[0], 200, "late");
    http_stream_begin(world.held[1], 200, NULL);
    assert_false(http_stream_write(world.held[1], "x", 1));
    http_stream_end(world.held[1]);
    /* Asked for late, it is still told, from the loop. */
    http_exchange_on_closed(world.held[2], world_on_closed, &world);
    assert_int_equal(world.closed, 0);
    world_settle(&world);
    assert_int_equal(world.closed, 1);
    world_done(&world);
}

static void exchanges_outlive_the_server(void **state) {
    struct server_world world;
    struct http_exchange *held;
    struct raw raw;

    world_init(&world, NULL);
    world_connect(&world, &raw);
    raw_send(&raw, "GET /watch HTTP/1.1\r\n\r\nGET /hold HTTP/1.1\r\n\r\n");
    world_settle(&world);
    held = world.held[1];
    http_server_free(take_ptr(&world.server));
    assert_int_equal(world.closed, 1);
    http_respond_text(held, 200, "too late");
    raw_done(&raw);
    world_done(&world);
}

static void a_peer_that_ends_its_side_still_gets_its_answers(void **state) {
    struct server_world world;
    struct raw raw;

    world_init(&world, NULL);
    world_connect(&world, &raw);
    raw_send(&raw, "GET /hold HTTP/1.1\r\n\r\n");
    stream_shutdown(raw.stream);
    world_settle(&world);
    assert_int_equal(world.held_count, 1);
    http_respond_text(world.held[0], 200, "answer");
    world_settle(&world);
    assert_non_null(strstr(raw_got(&raw), "answer"));
    assert_true(raw.ended);
    raw_done(&raw);
    world_done(&world);
}

static void a_request_that_is_cut_off_is_forgotten(void **state) {
    static const char *const cut[] = {"GET /sh", "POST /echo HTTP/1.1\r\nContent-Length: 9\r\n\r\nhel",
                                      "POST /echo HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel"};

    for (size_t i = 0; i < ARRAY_SIZE(cut); i++) {
        struct server_world world;
        struct raw raw;

        world_init(&world, NULL);
        world_connect(&world, &raw);
        raw_send(&raw, cut[i]);
        world_settle(&world);
        stream_shutdown(raw.stream);
        world_settle(&world);
        assert_int_equal(world.requests, 0);
        assert_true(raw.ended);
        assert_int_equal(raw.got.size, 0);
        raw_done(&raw);
        world_done(&world);
    }
}

static void a_streamed_body_comes_piece_by_piece(void **state) {
    struct server_world world;
    struct raw raw;

    world_init(&world, NULL);
    world_connect(&world, &raw);
    raw_send(&raw, "POST /upload HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n");
    world_settle(&world);
    assert_int_equal(world.held_count, 1);
    raw_send(&raw, "3\r\nabc\r\n");
    world_settle(&world);
    assert_string_equal(buffer_text(&world.uploaded), "abc");
    raw_send(&raw, "3\r\ndef\r\n0\r\n\r\n");
    world_settle(&world);
    assert_string_equal(buffer_text(&world.uploaded), "abcdef");
    assert_int_equal(world.uploads_ended, 1);
    http_respond_text(world.held[0], 200, "thanks");
    world_settle(&world);
    assert_non_null(strstr(raw_got(&raw), "thanks"));
    assert_false(raw.ended);
    raw_done(&raw);
    world_done(&world);
}

static void a_streamed_body_can_be_held_back(void **state) {
    struct server_world world;
    struct raw raw;

    world_init(&world, NULL);
    world_connect(&world, &raw);
    raw_send(&raw, "POST /upload HTTP/1.1\r\nContent-Length: 6\r\n\r\nab");
    world_settle(&world);
    http_exchange_set_reading(world.held[0], false);
    raw_send(&raw, "cdefGET /show HTTP/1.1\r\n\r\n");
    sim_run_for(world.sim, 10 * MINUTE); /* it is not the peer's fault that nothing comes */
    assert_string_equal(buffer_text(&world.uploaded), "ab");
    assert_int_equal(world.closed, 0);
    http_exchange_set_reading(world.held[0], true);
    assert_string_equal(buffer_text(&world.uploaded), "ab");
    world_settle(&world);
    assert_string_equal(buffer_text(&world.uploaded), "abcdef");
    assert_int_equal(world.uploads_ended, 1);
    assert_int_equal(world.requests, 2);
    http_respond_text(world.held[0], 200, "thanks");
    world_settle(&world);
    assert_true(strstr(raw_got(&raw), "thanks") < strstr(raw_got(&raw), "GET /show"));
    raw_done(&raw);
    world_done(&world);
}

static void an_early_answer_to_a_streamed_body_ends_the_connection(void **state) {
    struct server_world world;
    struct raw raw;

    world_init(&world, NULL);
    world_connect(&world, &raw);
    raw_send(&raw, "POST /upload HTTP/1.1\r\nContent-Length: 1000\r\n\r\nab");
    world_settle(&world);
    http_respond_text(world.held[0], 403, "no");
    world_settle(&world);
    assert_non_null(strstr(raw_got(&raw), "HTTP/1.1 403 Forbidden\r\n"));
    assert_non_null(strstr(raw_got(&raw), "Connection: close\r\n"));
    assert_true(raw.ended);
    /* What the peer still sends harms nothing. */
    raw_send(&raw, "GET /show HTTP/1.1\r\n\r\n");
    sim_run_for(world.sim, MINUTE);
    assert_int_equal(world.requests, 1);
    raw_done(&raw);
    world_done(&world);
}

static void request_and_answer_may_stream_side_by_side(void **state) {
    struct server_world world;
    struct raw raw;

    world_init(&world, NULL);
    world_connect(&world, &raw);
    raw_send(&raw, "POST /upload HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n");
    world_settle(&world);
    http_stream_begin(world.held[0], 200, "text/plain");
    http_stream_write(world.held[0], "A", 1);
    raw_send(&raw, "1\r\nb\r\n0\r\n\r\n");
    world_settle(&world);
    assert_string_equal(buffer_text(&world.uploaded), "ab");
    http_stream_write(world.held[0], "B", 1);
    http_stream_end(world.held[0]);
    raw_send(&raw, "GET /show HTTP/1.1\r\n\r\n");
    world_settle(&world);
    assert_non_null(strstr(raw_got(&raw), "1\r\nA\r\n1\r\nB\r\n0\r\n\r\nHTTP/1.1 200 OK"));
    raw_done(&raw);
    world_done(&world);
}

static void an_abort_breaks_the_connection_at_once(void **state) {
    struct server_world world;
    struct raw raw;

    world_init(&world, NULL);
    world_connect(&world, &raw);
    raw_send(&raw, "GET /watch HTTP/1.1\r\n\r\nGET /watch HTTP/1.1\r\n\r\n");
    world_settle(&world);
    http_exchange_abort(world.held[0]);
    world_settle(&world);
    assert_true(raw.ended || raw.failed);
    assert_int_equal(raw.got.size, 0);
    assert_int_equal(world.closed, 1); /* the other one's */
    raw_done(&raw);
    world_done(&world);
}

static void a_header_can_not_be_split(void **state) {
    struct server_world world;
    struct raw raw;

    world_init(&world, NULL);
    world_connect(&world, &raw);
    raw_send(&raw, "GET /hold HTTP/1.1\r\n\r\n");
    world_settle(&world);
    http_respond_header(world.held[0], "Location", "/a\r\nSet-Cookie: x");
    http_respond(world.held[0], 307, NULL, NULL, 0);
    world_settle(&world);
    assert_non_null(strstr(raw_got(&raw), "Location: /a  Set-Cookie: x\r\n"));
    raw_done(&raw);
    world_done(&world);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_have_the_headers_of_upstream),
        cmocka_unit_test(the_date_is_that_of_the_clock),
        cmocka_unit_test(paths_and_parameters_are_decoded),
        cmocka_unit_test(absolute_targets_are_taken_by_their_path),
        cmocka_unit_test(bad_targets_are_refused),
        cmocka_unit_test(options_for_the_whole_server_are_answered),
        cmocka_unit_test(requests_that_could_be_smuggled_are_refused_and_end_the_connection),
        cmocka_unit_test(bodies_come_with_a_length_or_in_chunks),
        cmocka_unit_test(an_answer_to_head_has_its_headers_only),
        cmocka_unit_test(a_connection_is_kept_unless_asked_otherwise),
        cmocka_unit_test(pipelined_answers_keep_the_order_of_the_requests),
        cmocka_unit_test(an_unanswered_request_holds_up_nothing_but_its_connection),
        cmocka_unit_test(a_request_can_go_without_an_answer),
        cmocka_unit_test(a_peer_that_waits_for_a_continue_gets_one),
        cmocka_unit_test(a_continue_waits_for_the_answers_before_it),
        cmocka_unit_test(answers_are_compressed_for_who_accepts_that),
        cmocka_unit_test(compressed_bodies_are_decompressed_within_the_limit),
        cmocka_unit_test(a_streamed_answer_goes_out_in_chunks),
        cmocka_unit_test(a_streamed_answer_in_http_1_0_ends_with_the_connection),
        cmocka_unit_test(a_lost_reader_is_told_to_who_streams),
        cmocka_unit_test(an_answer_to_a_closed_connection_is_dropped),
        cmocka_unit_test(exchanges_outlive_the_server),
        cmocka_unit_test(a_peer_that_ends_its_side_still_gets_its_answers),
        cmocka_unit_test(a_request_that_is_cut_off_is_forgotten),
        cmocka_unit_test(a_streamed_body_comes_piece_by_piece),
        cmocka_unit_test(a_streamed_body_can_be_held_back),
        cmocka_unit_test(an_early_answer_to_a_streamed_body_ends_the_connection),
        cmocka_unit_test(request_and_answer_may_stream_side_by_side),
        cmocka_unit_test(an_abort_breaks_the_connection_at_once),
        cmocka_unit_test(a_header_can_not_be_split),
    };

    log_set_level(LOG_ERROR);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
