/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "net/http_parser.h"

/* What the parser said, as text: "[GET /a A=b;][body:xy][end]". */
struct fixture {
    struct http_parser parser;
    struct http_head head;
    struct buffer said;
    enum http_parser_next after_head, after_body, after_end;
};

static struct http_head *on_begin(struct http_parser *parser) {
    struct fixture *f = parser->user;

    return &f->head;
}

static enum http_parser_next on_head(struct http_parser *parser) {
    struct fixture *f = parser->user;

    if (f->head.method != NULL)
        buffer_printf(&f->said, "[%s %s", f->head.method, f->head.target);
    else
        buffer_printf(&f->said, "[%u", f->head.status);
    for (size_t i = 0; i < f->head.headers.count; i++)
        buffer_printf(&f->said, " %s=%s;", f->head.headers.items[i].name, f->head.headers.items[i].value);
    buffer_append_string(&f->said, "]");
    return f->after_head;
}

static enum http_parser_next on_body(struct http_parser *parser, const char *data, size_t size) {
    struct fixture *f = parser->user;

    buffer_append(&f->said, data, size);
    return f->after_body;
}

static enum http_parser_next on_end(struct http_parser *parser) {
    struct fixture *f = parser->user;

    buffer_append_string(&f->said, f->head.keep_alive ? "[end]" : "[last]");
    return f->after_end;
}

static const struct http_parser_events events = {on_begin, on_head, on_body, on_end};

static void begin(struct fixture *f, bool response) {
    *f = (struct fixture){.after_head = HTTP_PARSER_CONTINUE};
    if (response)
        http_parser_init_response(&f->parser, &events, 1000, 10, f);
    else
        http_parser_init_request(&f->parser, &events, 1000, 10, f);
}

static void finish(struct fixture *f) {
    http_head_done(&f->head);
    buffer_done(&f->said);
}

/* Feed @text in pieces of @step bytes, each from memory of its own so that reading past its end is seen. */
static int feed(struct fixture *f, const char *text, size_t size, size_t step) {
    for (size_t at = 0; at < size;) {
        size_t piece = size - at < step ? size - at : step, used = 0;
        char *copy = xmemdup(text + at, piece);
        int result = http_parser_feed(&f->parser, copy, piece, &used, NULL);

        free(copy);
        if (result < 0)
            return -1;
        at += used;
    }
    return 0;
}

/* The same must come out however the bytes are cut. */
static void expect_said(bool response, const char *text, const char *said) {
    for (size_t step = 1; step <= strlen(text); step++) {
        struct fixture f;

        begin(&f, response);
        assert_int_equal(feed(&f, text, strlen(text), step), 0);
        assert_string_equal(buffer_text(&f.said), said);
        finish(&f);
    }
}

static void expect_refused(const char *text, unsigned status) {
    for (size_t step = 1; step <= strlen(text); step++) {
        struct fixture f;
        size_t used;

        begin(&f, false);
        if (feed(&f, text, strlen(text), step) == 0)
            fail_msg("was not refused: %s", text);
        if (f.parser.failure_status != status)
            fail_msg("refused with %u (%s) instead of %u: %s", f.parser.failure_status, f.parser.failure, status, text);
        /* And it stays refused. */
        assert_int_equal(http_parser_feed(&f.parser, "GET / HTTP/1.1\r\n\r\n", 18, &used, NULL), -1);
        finish(&f);
    }
}

static void requests_are_told_however_they_are_cut(void **state) {
    expect_said(false, "GET / HTTP/1.1\r\n\r\n", "[GET /][end]");
    expect_said(false, "\r\n\r\nGET /a?b=c HTTP/1.1\r\nHost: x\r\nAccept:  a/b \t\r\nEmpty:\r\n\r\n",
                "[GET /a?b=c Host=x; Accept=a/b; Empty=;][end]");
    expect_said(false, "POST /a HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello", "[POST /a Content-Length=5;]hello[end]");
    expect_said(false, "GET / HTTP/1.0\r\n\r\n", "[GET /][last]");
    expect_said(false, "GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", "[GET / Connection=Keep-Alive;][end]");
    expect_said(false, "GET / HTTP/1.1\r\nConnection: close\r\n\r\n", "[GET / Connection=close;][last]");
}

static void chunked_bodies_lose_extensions_and_trailers(void **state) {
    expect_said(
        false,
        "POST / HTTP/1.1\r\nTransfer-Encoding: Chunked\r\n\r\n3;x=y\r\nabc\r\n2\r\nde\r\n0\r\nT: v\r\nU: w\r\n\r\n"
        "GET /2 HTTP/1.1\r\n\r\n",
        "[POST / Transfer-Encoding=Chunked;]abcde[end][GET /2][end]");
}

static void pipelined_requests_are_told_one_by_one(void **state) {
    expect_said(
        false,
        "GET /1 HTTP/1.1\r\nA: 1\r\n\r\nPOST /2 HTTP/1.1\r\nContent-Length: 1\r\n\r\nx\r\nGET /3 HTTP/1.1\r\n\r\n",
        "[GET /1 A=1;][end][POST /2 Content-Length=1;]x[end][GET /3][end]");
}

static void other_protocols_are_not_switched_to(void **state) {
    expect_said(
        false,
        "GET / HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n"
        "POST / HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: x\r\nContent-Length: 2\r\n\r\nabGET / HTTP/1.1\r\n\r\n",
        "[GET / Connection=Upgrade; Upgrade=h2c;][end]"
        "[POST / Connection=Upgrade; Upgrade=x; Content-Length=2;]ab[end][GET /][end]");
}

static void ambiguous_lengths_are_refused(void **state) {
    expect_refused("POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx", 400);
    expect_refused("POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx", 400);
    expect_refused("POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400);
    expect_refused("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n0\r\n\r\n", 400);
    expect_refused("POST / HTTP/1.1\r\nContent-Length: +1\r\n\r\nx", 400);
    expect_refused("POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\nx", 400);
    expect_refused("POST / HTTP/1.1\r\nContent-Length: 1, 1\r\n\r\nx", 400);
    expect_refused("POST / HTTP/1.1\r\nContent-Length: 0x1\r\n\r\nx", 400);
    expect_refused("POST / HTTP/1.1\r\nContent-Length: \r\n\r\nx", 400);
    expect_refused("POST / HTTP/1.1\r\nContent-Length: 99999999999999999999999\r\n\r\nx", 400);
}

static void transfer_codings_other_than_one_chunked_are_refused(void **state) {
    expect_refused("POST / HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\n0\r\n\r\n", 501);
    expect_refused("POST / HTTP/1.1\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 501);
    expect_refused("POST / HTTP/1.1\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", 501);
    expect_refused("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n",
                   400);
    expect_refused("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400);
    expect_refused("POST / HTTP/1.1\r\nTransfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n", 400);
    expect_refused("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400);
    expect_refused("POST / HTTP/1.1\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n", 400);
    expect_refused("POST / HTTP/1.1\r\nTransfer-Encoding:\vchunked\r\n\r\n0\r\n\r\n", 400);
}

static void broken_chunks_are_refused(void **state) {
    static const char head[] = "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n";
    static const char *const bodies[] = {"0x1\r\nx\r\n",           "-1\r\nx\r\n", "\r\n",  "1\nx\n",
                                         "fffffffffffffffff\r\nx", "1\r\nxy\r\n", "g\r\n", "1 \r\nx\r\n"};

    for (size_t i = 0; i < ARRAY_SIZE(bodies); i++) {
        cleanup_free char *text = xasprintf("%s%s0\r\n\r\n", head, bodies[i]);

        expect_refused(text, 400);
    }
}

static void malformed_heads_are_refused(void **state) {
    expect_refused("GET / HTTP/1.1\nA: b\n\n", 400);
    expect_refused("GET / HTTP/1.1\r\nA: b\n\r\n", 400);
    expect_refused("GET / HTTP/1.1\r\nA: b\rB: c\r\n\r\n", 400);
    expect_refused("GET / HTTP/1.1\r\nA : b\r\n\r\n", 400);
    expect_refused("GET / HTTP/1.1\r\n A: b\r\n\r\n", 400);
    expect_refused("GET / HTTP/1.1\r\nA b\r\n\r\n", 400);
    expect_refused("GET / HTTP/1.1\r\n: b\r\n\r\n", 400);
    expect_refused("GET / HTTP/1.1\r\nA: b\r\n folded\r\n\r\n", 400);
    expect_refused("GET / HTTP/1.1\r\nA: b\r\n\tfolded\r\n\r\n", 400);
    expect_refused("GET / HTTP/1.1\r\nA: \x01\r\n\r\n", 400);
    expect_refused("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400);
    expect_refused("GET  HTTP/1.1\r\n\r\n", 400);
    expect_refused("GET foo HTTP/1.1\r\n\r\n", 400);
    expect_refused("GET /a b HTTP/1.1\r\n\r\n", 400);
    expect_refused("GET /\x01 HTTP/1.1\r\n\r\n", 400);
    expect_refused("GET /\xff HTTP/1.1\r\n\r\n", 400);
    expect_refused("get / HTTP/1.1\r\n\r\n", 400);
    expect_refused("NONSENSE / HTTP/1.1\r\n\r\n", 400);
    expect_refused("\x16\x03\x01\x02", 400);
}

static void other_versions_are_refused(void **state) {
    expect_refused("GET / HTTP/2.0\r\n\r\n", 505);
    expect_refused("GET / HTTP/0.9\r\n\r\n", 505);
    expect_refused("GET / HTTP/1.2\r\n\r\n", 505);
    expect_refused("GET /\r\n\r\n", 505);
    expect_refused("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505);
}

static void nul_in_a_header_is_refused(void **state) {
    static const char text[] = "GET / HTTP/1.1\r\nA: b\0c\r\n\r\n";
    struct fixture f;

    begin(&f, false);
    assert_int_equal(feed(&f, text, sizeof(text) - 1, 5), -1);
    assert_int_equal(f.parser.failure_status, 400);
    finish(&f);
}

/* @unit again and again after @start, until refused; far beyond any limit. */
static void expect_flood_refused(const char *start, const char *unit, unsigned status) {
    struct fixture f;
    size_t sent = 0;

    begin(&f, false);
    assert_int_equal(feed(&f, start, strlen(start), 7), 0);
    while (sent < 100000 && feed(&f, unit, strlen(unit), SIZE_MAX) == 0)
        sent += strlen(unit);
    assert_true(sent < 60000);
    assert_int_equal(f.parser.failure_status, status);
    finish(&f);
}

static void floods_end_at_the_limits(void **state) {
    expect_flood_refused("GET /", "aaaaaaaaaaaaaaaaaaaaa", 431);
    expect_flood_refused("GET / HTTP/1.1\r\n", "A: b\r\n", 431);
    expect_flood_refused("GET / HTTP/1.1\r\n", "Name: a value that is a bit longer than the name of the header\r\n",
                         431);
    expect_flood_refused("GET / HTTP/1.1\r\nA: ", "valuevaluevalue", 431);
    expect_flood_refused("GET / HTTP/1.1\r\nA:", "               ", 431);
    expect_flood_refused("GET / HTTP/1.1\r\n", "namenamename", 431);
    expect_flood_refused("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n", "Trailer: value\r\n", 431);
    expect_flood_refused("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1;x=", "aaaaaaaaaaaa", 431);
    expect_flood_refused("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", "1;aa=bb\r\nx\r\n", 431);
}

static void parsing_goes_on_after_a_pause(void **state) {
    static const char text[] = "POST /1 HTTP/1.1\r\nContent-Length: 3\r\n\r\nabcGET /2 HTTP/1.1\r\n\r\n";
    size_t size = sizeof(text) - 1, at = 0, used, pauses = 0;
    struct fixture f;

    begin(&f, false);
    f.after_head = f.after_body = f.after_end = HTTP_PARSER_PAUSE;
    for (int i = 0; i < 20; i++) {
        assert_int_equal(http_parser_feed(&f.parser, text + at, size - at, &used, NULL), 0);
        at += used;
        pauses += at < size;
    }
    assert_int_equal(at, size);
    assert_true(pauses >= 3);
    assert_string_equal(buffer_text(&f.said), "[POST /1 Content-Length=3;]abc[end][GET /2][end]");
    finish(&f);
}

static void responses_are_told_however_they_are_cut(void **state) {
    expect_said(true, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", "[200 Content-Length=2;]ok[end]");
    expect_said(true, "HTTP/1.1 204 No Content\r\n\r\nHTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n",
                "[204][end][404 Content-Length=0;][end]");
    expect_said(true,
                "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n",
                "[100][end][200 Transfer-Encoding=chunked;]x[end]");
}

static void a_response_may_end_with_its_connection(void **state) {
    struct fixture f;

    begin(&f, true);
    assert_int_equal(feed(&f, "HTTP/1.1 200 OK\r\n\r\nabc", 22, 3), 0);
    assert_true(f.head.until_end);
    assert_string_equal(buffer_text(&f.said), "[200]abc");
    assert_int_equal(http_parser_finish(&f.parser, NULL), 0);
    assert_string_equal(buffer_text(&f.said), "[200]abc[last]");
    finish(&f);
}

static void an_answer_to_head_has_no_body(void **state) {
    static const char text[] = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n";
    struct fixture f;

    begin(&f, true);
    f.after_head = HTTP_PARSER_SKIP_BODY;
    assert_int_equal(feed(&f, text, sizeof(text) - 1, 4), 0);
    assert_string_equal(buffer_text(&f.said), "[200 Content-Length=9;][end]");
    finish(&f);
}

static void an_end_within_a_message_is_an_error(void **state) {
    static const char *const texts[] = {"GET / HT", "GET / HTTP/1.1\r\nA: b\r\n",
                                        "POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\nab",
                                        "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n"};

    for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
        cleanup_error struct error err = ERROR_INIT;
        struct fixture f;

        begin(&f, false);
        assert_int_equal(feed(&f, texts[i], strlen(texts[i]), 5), 0);
        assert_int_equal(http_parser_finish(&f.parser, &err), -1);
        assert_string_equal(error_message(&err), i < 2
                                                     ? "the peer closed the connection in the head of an HTTP message"
                                                     : "the peer closed the connection in the body of an HTTP message");
        finish(&f);
    }
}

static void an_end_between_messages_is_none(void **state) {
    struct fixture f;

    begin(&f, false);
    assert_int_equal(feed(&f, "GET / HTTP/1.1\r\n\r\n", 18, 18), 0);
    assert_int_equal(http_parser_finish(&f.parser, NULL), 0);
    finish(&f);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_are_told_however_they_are_cut),
        cmocka_unit_test(chunked_bodies_lose_extensions_and_trailers),
        cmocka_unit_test(pipelined_requests_are_told_one_by_one),
        cmocka_unit_test(other_protocols_are_not_switched_to),
        cmocka_unit_test(ambiguous_lengths_are_refused),
        cmocka_unit_test(transfer_codings_other_than_one_chunked_are_refused),
        cmocka_unit_test(broken_chunks_are_refused),
        cmocka_unit_test(malformed_heads_are_refused),
        cmocka_unit_test(other_versions_are_refused),
        cmocka_unit_test(nul_in_a_header_is_refused),
        cmocka_unit_test(floods_end_at_the_limits),
        cmocka_unit_test(parsing_goes_on_after_a_pause),
        cmocka_unit_test(responses_are_told_however_they_are_cut),
        cmocka_unit_test(a_response_may_end_with_its_connection),
        cmocka_unit_test(an_answer_to_head_has_no_body),
        cmocka_unit_test(an_end_within_a_message_is_an_error),
        cmocka_unit_test(an_end_between_messages_is_none),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
