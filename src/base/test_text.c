/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/text.h"

#include <stdio.h>

static void prefixes_and_suffixes_are_told(void **state) {
    assert_true(text_starts_with("file:///x", "file://"));
    assert_true(text_starts_with("x", ""));
    assert_false(text_starts_with("fil", "file"));
    assert_true(text_ends_with("state.json", ".json"));
    assert_false(text_ends_with("json", "state.json"));
}

static void utf8_is_told_from_what_is_not(void **state) {
    static const char *const valid[] = {"",
                                        "plain ascii text",
                                        "\xC2\x80",
                                        "\xDF\xBF",
                                        "\xE0\xA0\x80",
                                        "\xED\x9F\xBF",
                                        "\xEE\x80\x80",
                                        "\xF0\x90\x80\x80",
                                        "\xF4\x8F\xBF\xBF"};
    static const char *const invalid[] = {"\x80",
                                          "\xC0\x80",
                                          "\xC1\xBF",
                                          "\xC2",
                                          "\xC2 ",
                                          "\xE0\x9F\xBF",
                                          "\xED\xA0\x80",
                                          "\xE2\x82",
                                          "\xF0\x8F\xBF\xBF",
                                          "\xF4\x90\x80\x80",
                                          "\xF5\x80\x80\x80",
                                          "\xFE",
                                          "12345678\xFF"};

    for (size_t i = 0; i < ARRAY_SIZE(valid); i++)
        assert_true(utf8_is_valid(valid[i], strlen(valid[i])));
    for (size_t i = 0; i < ARRAY_SIZE(invalid); i++)
        assert_false(utf8_is_valid(invalid[i], strlen(invalid[i])));
}

static void base64_goes_both_ways(void **state) {
    static const char *const pairs[][2] = {{"", ""},
                                           {"f", "Zg=="},
                                           {"fo", "Zm8="},
                                           {"foo", "Zm9v"},
                                           {"foob", "Zm9vYg=="},
                                           {"fooba", "Zm9vYmE="},
                                           {"foobar", "Zm9vYmFy"},
                                           {"\xFB\xFF\xFE", "+//+"}};

    for (size_t i = 0; i < ARRAY_SIZE(pairs); i++) {
        cleanup_buffer struct buffer encoded = BUFFER_INIT, decoded = BUFFER_INIT;

        base64_append(&encoded, pairs[i][0], strlen(pairs[i][0]));
        assert_string_equal(buffer_text(&encoded), pairs[i][1]);
        assert_int_equal(base64_decode(pairs[i][1], strlen(pairs[i][1]), &decoded, NULL), 0);
        assert_string_equal(buffer_text(&decoded), pairs[i][0]);
    }
}

static void broken_base64_is_refused_and_leaves_nothing(void **state) {
    static const char *const wrong[] = {"Z",        "Zg",       "Zg=",  "Zg===", "Z===", "====",    "Zm9v!mFy",
                                        "Zm9v Zm9", "Zg==Zg==", "Zh==", "Zm9=",  "Zm-_", "\n\n\n\n"};

    for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
        cleanup_buffer struct buffer decoded = BUFFER_INIT;

        buffer_append_string(&decoded, "before");
        assert_int_equal(base64_decode(wrong[i], strlen(wrong[i]), &decoded, NULL), -1);
        assert_string_equal(buffer_text(&decoded), "before");
    }
}

static void bytes_are_shown_in_hexadecimal(void **state) {
    cleanup_buffer struct buffer buffer = BUFFER_INIT;

    hex_append(&buffer, "\x00\x7F\xFF", 3);
    assert_string_equal(buffer_text(&buffer), "007fff");
}

static void percent_escapes_go_both_ways(void **state) {
    cleanup_buffer struct buffer encoded = BUFFER_INIT, decoded = BUFFER_INIT;
    const char text[] = "a b+c/\xC3\xA4-._~%";

    percent_encode(&encoded, text);
    assert_string_equal(buffer_text(&encoded), "a%20b%2Bc%2F%C3%A4-._~%25");
    assert_int_equal(percent_decode(encoded.data, encoded.size, true, &decoded, NULL), 0);
    assert_string_equal(buffer_text(&decoded), text);
}

static void plus_is_a_space_only_where_asked(void **state) {
    cleanup_buffer struct buffer buffer = BUFFER_INIT;

    assert_int_equal(percent_decode("a+b", 3, true, &buffer, NULL), 0);
    assert_int_equal(percent_decode("a+b", 3, false, &buffer, NULL), 0);
    assert_string_equal(buffer_text(&buffer), "a ba+b");
}

static void broken_escapes_and_nul_are_refused(void **state) {
    static const char *const wrong[] = {"%", "a%2", "%zz", "%2g", "%00"};

    for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
        cleanup_buffer struct buffer buffer = BUFFER_INIT;
        cleanup_error struct error err = ERROR_INIT;

        assert_int_equal(percent_decode(wrong[i], strlen(wrong[i]), true, &buffer, &err), -1);
        assert_int_equal(buffer.size, 0);
        assert_non_null(err.message);
    }
}

static void whole_numbers_are_read_within_their_range(void **state) {
    int64_t value;

    assert_int_equal(integer_parse("-9223372036854775808", INT64_MIN, INT64_MAX, &value, NULL), 0);
    assert_true(value == INT64_MIN);
    assert_int_equal(integer_parse("5050", 1, 65535, &value, NULL), 0);
    assert_int_equal(value, 5050);
    assert_int_equal(integer_parse("65536", 1, 65535, &value, NULL), -1);
    assert_int_equal(integer_parse("9223372036854775808", INT64_MIN, INT64_MAX, &value, NULL), -1);
    assert_int_equal(value, 5050);
}

static void what_is_no_whole_number_is_refused(void **state) {
    static const char *const wrong[] = {"", " 1", "1 ", "1.0", "0x10", "1e3", "-", "+-1", "abc"};

    for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
        int64_t value;

        assert_int_equal(integer_parse(wrong[i], INT64_MIN, INT64_MAX, &value, NULL), -1);
    }
}

static void decimal_numbers_are_read_and_others_refused(void **state) {
    static const char *const wrong[] = {"", "nan", "inf", "0x1p3", "1e999", "1.5x", " 1", "--1", "."};
    double value = 0;

    assert_int_equal(double_parse("-1.5e3", &value, NULL), 0);
    assert_true(value == -1500);
    for (size_t i = 0; i < ARRAY_SIZE(wrong); i++)
        assert_int_equal(double_parse(wrong[i], &value, NULL), -1);
    assert_true(value == -1500);
}

static void splitting_drops_empty_parts(void **state) {
    char **list = text_split(",a,, bc,d,", ", ");

    assert_int_equal(text_list_count(list), 3);
    assert_string_equal(list[0], "a");
    assert_string_equal(list[1], "bc");
    assert_string_equal(list[2], "d");
    text_list_free(list);
    list = text_split("", ",");
    assert_int_equal(text_list_count(list), 0);
    text_list_free(list);
    text_list_free(NULL);
    assert_int_equal(text_list_count(NULL), 0);
}

static void assert_joined(const char *a, const char *b, const char *expected) {
    cleanup_free char *joined = path_join(a, b);

    assert_string_equal(joined, expected);
}

static void paths_are_joined_with_one_slash(void **state) {
    assert_joined("a", "b", "a/b");
    assert_joined("/a/", "/b", "/a/b");
    assert_joined("/", "b", "/b");
    assert_joined("", "b", "b");
    assert_joined("a", "", "a");
    assert_joined("/", "", "/");
    assert_string_equal(path_base("/a/b"), "b");
    assert_string_equal(path_base("b"), "b");
}

static void components_of_paths_can_not_climb(void **state) {
    char name[257];

    assert_true(path_is_component("task-1.x"));
    assert_true(path_is_component("..."));
    assert_false(path_is_component(""));
    assert_false(path_is_component("."));
    assert_false(path_is_component(".."));
    assert_false(path_is_component("a/b"));
    assert_false(path_is_component("a\nb"));
    assert_false(path_is_component("a\x7F"));
    memset(name, 'n', 256);
    name[256] = '\0';
    assert_false(path_is_component(name));
    assert_true(path_is_component(name + 1));
}

static void secrets_are_compared_as_a_whole(void **state) {
    assert_true(secret_equal("abc", 3, "abc", 3));
    assert_false(secret_equal("abc", 3, "abd", 3));
    assert_false(secret_equal("abc", 3, "abcd", 4));
    assert_true(secret_equal("", 0, "", 0));
}

static void uuids_go_both_ways(void **state) {
    const char text[] = "2f92840b-4a44-495a-a669-23607519c703";
    uint8_t uuid[16];
    char printed[37];

    assert_int_equal(uuid_parse(text, uuid, NULL), 0);
    assert_int_equal(uuid[0], 0x2F);
    assert_int_equal(uuid[15], 0x03);
    uuid_format(uuid, printed);
    assert_string_equal(printed, text);
}

static void what_is_no_uuid_is_refused(void **state) {
    static const char *const wrong[] = {"",
                                        "2f92840b",
                                        "2f92840b-4a44-495a-a669-23607519c70",
                                        "2f92840b-4a44-495a-a669-23607519c7033",
                                        "2f92840b-4a44-495a-a669-23607519c70g",
                                        "2f92840b04a44-495a-a669-23607519c703",
                                        "2f92840b-4a44-495a-a66-923607519c703"};

    for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
        uint8_t uuid[16] = {42};

        assert_int_equal(uuid_parse(wrong[i], uuid, NULL), -1);
        assert_int_equal(uuid[0], 42);
    }
}

static void dates_are_printed_as_http_has_them(void **state) {
    char text[30];

    http_date_format(0, text);
    assert_string_equal(text, "Thu, 01 Jan 1970 00:00:00 GMT");
    http_date_format(1795406755, text);
    assert_string_equal(text, "Mon, 23 Nov 2026 04:05:55 GMT");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(prefixes_and_suffixes_are_told),
        cmocka_unit_test(utf8_is_told_from_what_is_not),
        cmocka_unit_test(base64_goes_both_ways),
        cmocka_unit_test(broken_base64_is_refused_and_leaves_nothing),
        cmocka_unit_test(bytes_are_shown_in_hexadecimal),
        cmocka_unit_test(percent_escapes_go_both_ways),
        cmocka_unit_test(plus_is_a_space_only_where_asked),
        cmocka_unit_test(broken_escapes_and_nul_are_refused),
        cmocka_unit_test(whole_numbers_are_read_within_their_range),
        cmocka_unit_test(what_is_no_whole_number_is_refused),
        cmocka_unit_test(decimal_numbers_are_read_and_others_refused),
        cmocka_unit_test(splitting_drops_empty_parts),
        cmocka_unit_test(paths_are_joined_with_one_slash),
        cmocka_unit_test(components_of_paths_can_not_climb),
        cmocka_unit_test(secrets_are_compared_as_a_whole),
        cmocka_unit_test(uuids_go_both_ways),
        cmocka_unit_test(what_is_no_uuid_is_refused),
        cmocka_unit_test(dates_are_printed_as_http_has_them),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
