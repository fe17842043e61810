/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/arena.h"
#include "net/http.h"
#include "net/http_target.h"

static void headers_are_found_whatever_their_case(void **state) {
    struct http_headers headers = {0};

    http_headers_add(&headers, "Content-Type", "a");
    http_headers_add(&headers, "content-type", "b");
    assert_string_equal(http_headers_find(&headers, "CONTENT-TYPE"), "a");
    assert_null(http_headers_find(&headers, "Content"));
    http_headers_done(&headers);
}

static void media_types_are_compared_without_parameters(void **state) {
    assert_true(http_media_type_is("Application/JSON", "application/json"));
    assert_true(http_media_type_is(" application/json ; charset=utf-8", "application/json"));
    assert_false(http_media_type_is("application/jsonx", "application/json"));
    assert_false(http_media_type_is("application", "application/json"));
    assert_false(http_media_type_is("", "application/json"));
    assert_false(http_media_type_is(NULL, "application/json"));
}

static void accept_follows_the_most_specific_element(void **state) {
    static const struct {
        const char *accept;
        bool allowed;
    } cases[] = {
        {NULL, true},
        {"", false},
        {"application/json", true},
        {"text/html", false},
        {"*/*", true},
        {"application/*", true},
        {"text/*", false},
        {"text/html, application/json", true},
        {"application/json;q=0", false},
        {"application/json;q=0.0, */*", false},
        {"*/*, application/json ; q = 0", false},
        {"application/json;q=0.1", true},
        {"application/json;q=x", false},
        {"application/json;q=", false},
        {"application/json;q=0;q=0", true},
        {"application/*;q=0, */*", false},
        {" , ;, application/json", true},
        {"APPLICATION/JSON", true},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        if (http_accepts(cases[i].accept, "application/json") != cases[i].allowed)
            fail_msg("wrong for: %s", cases[i].accept);
    }
}

static void encodings_are_accepted_only_when_named(void **state) {
    assert_false(http_accepts_encoding(NULL, "gzip"));
    assert_false(http_accepts_encoding("", "gzip"));
    assert_true(http_accepts_encoding("gzip, deflate", "gzip"));
    assert_true(http_accepts_encoding("deflate,GZIP;q=0.5", "gzip"));
    assert_true(http_accepts_encoding("*", "gzip"));
    assert_false(http_accepts_encoding("gzip;q=0, *", "gzip"));
    assert_false(http_accepts_encoding("deflate", "gzip"));
}

static void statuses_have_their_texts(void **state) {
    assert_string_equal(http_status_text(200), "OK");
    assert_string_equal(http_status_text(404), "Not Found");
    assert_string_equal(http_status_text(431), "Request Header Fields Too Large");
    assert_string_equal(http_status_text(299), "Unknown");
}

static void expect_target(const char *text, const char *path, const char *query) {
    struct arena arena = ARENA_INIT;
    struct http_target target;

    assert_int_equal(http_target_parse(text, &arena, &target, NULL), 0);
    assert_string_equal(target.path, path);
    assert_string_equal(target.query, query);
    arena_done(&arena);
}

static void expect_bad_target(const char *text) {
    cleanup_error struct error err = ERROR_INIT;
    struct arena arena = ARENA_INIT;
    struct http_target target;

    if (http_target_parse(text, &arena, &target, &err) == 0)
        fail_msg("was taken: %s", text);
    assert_non_null(err.message);
    arena_done(&arena);
}

static void targets_are_taken_apart(void **state) {
    expect_target("/", "/", "");
    expect_target("/a/b", "/a/b", "");
    expect_target("/a?x=%41&y", "/a", "x=%41&y");
    expect_target("/a?", "/a", "");
    expect_target("/a%20b/%28c%29?q", "/a b/(c)", "q");
    expect_target("/a+b", "/a+b", "");
    expect_target("/a#f", "/a", "");
    expect_target("/a?b#f?x", "/a", "b");
    expect_target("http://host:5050/a?b", "/a", "b");
    expect_target("HTTP://host", "/", "");
    expect_target("http://host?x", "/", "x");
    expect_target("*", "*", "");
}

static void bad_targets_are_errors(void **state) {
    static const char *const bad[] = {"",       "a",      "a/b",     "/%zz/x",    "/master%", "/a%4",
                                      "/a%00b", "/a?b=%", "/a?%g",   "ftp://a/b", "http://",  "http:///path",
                                      "?x",     "**",     "/a?%00=b"};

    for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
        expect_bad_target(bad[i]);
}

static void parameters_are_found_and_decoded(void **state) {
    static const char query[] = "a=1&b&c=x%20y+z&=v&&d%65=%26&a=2&e=";
    struct arena arena = ARENA_INIT;

    assert_string_equal(http_query_find(query, "a", &arena), "1");
    assert_string_equal(http_query_find(query, "b", &arena), "");
    assert_string_equal(http_query_find(query, "c", &arena), "x y z");
    assert_string_equal(http_query_find(query, "de", &arena), "&");
    assert_string_equal(http_query_find(query, "e", &arena), "");
    assert_null(http_query_find(query, "f", &arena));
    assert_null(http_query_find("", "a", &arena));
    assert_string_equal(http_query_find("x=1;y=2", "y", &arena), "2");
    arena_done(&arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(headers_are_found_whatever_their_case),
        cmocka_unit_test(media_types_are_compared_without_parameters),
        cmocka_unit_test(accept_follows_the_most_specific_element),
        cmocka_unit_test(encodings_are_accepted_only_when_named),
        cmocka_unit_test(statuses_have_their_texts),
        cmocka_unit_test(targets_are_taken_apart),
        cmocka_unit_test(bad_targets_are_errors),
        cmocka_unit_test(parameters_are_found_and_decoded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
