/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/duration.h"

#include <math.h>
#include <string.h>

static int64_t parsed(const char *text) {
    int64_t ns = -1;

    assert_int_equal(duration_parse(text, &ns, NULL), 0);
    return ns;
}

static void every_unit_is_read(void **state) {
    assert_int_equal(parsed("7ns"), 7);
    assert_int_equal(parsed("7us"), 7 * MICROSECOND);
    assert_int_equal(parsed("7ms"), 7 * MILLISECOND);
    assert_int_equal(parsed("15secs"), 15 * SECOND);
    assert_int_equal(parsed("10mins"), 10 * MINUTE);
    assert_int_equal(parsed("1.5hrs"), 90 * MINUTE);
    assert_int_equal(parsed("2days"), 2 * DAY);
    assert_int_equal(parsed("2weeks"), 2 * WEEK);
    assert_int_equal(parsed("0ns"), 0);
    assert_int_equal(parsed(".5secs"), 500 * MILLISECOND);
}

static void what_is_no_duration_is_refused_with_its_text(void **state) {
    static const char *const wrong[] = {"",          "5",       "secs",  "5 secs", "5sec", "-5secs",  "+5secs",
                                        "1.2.3secs", "1e3secs", "5Secs", "5secs ", "nan",  "infsecs", "0x1secs"};

    for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
        cleanup_error struct error err = ERROR_INIT;
        int64_t ns = 42;

        assert_int_equal(duration_parse(wrong[i], &ns, &err), -1);
        assert_int_equal(ns, 42);
        assert_non_null(strstr(error_message(&err), wrong[i]));
    }
}

static void a_duration_beyond_64_bits_is_refused(void **state) {
    int64_t ns;

    assert_int_equal(duration_parse("15250weeks", &ns, NULL), 0);
    assert_int_equal(duration_parse("15251weeks", &ns, NULL), -1);
}

static void assert_printed(int64_t ns, const char *expected) {
    char *text = duration_format(ns);

    assert_string_equal(text, expected);
    free(text);
}

/* The values are what upstream's operator<< prints. */
static void durations_are_printed_in_the_unit_upstream_takes(void **state) {
    assert_printed(0, "0ns");
    assert_printed(1, "1ns");
    assert_printed(-5, "-5ns");
    assert_printed(1500, "1500ns");
    assert_printed(2 * MICROSECOND, "2us");
    assert_printed(1500 * MICROSECOND, "1500us");
    assert_printed(MILLISECOND + 1, "1.000001ms");
    assert_printed(15 * SECOND, "15secs");
    assert_printed(1500 * MILLISECOND, "1500ms");
    assert_printed(SECOND + 1, "1.000000001secs");
    assert_printed(90 * SECOND, "90secs");
    assert_printed(MINUTE, "1mins");
    assert_printed(MINUTE + 500 * MILLISECOND, "1.00833333333333mins");
    assert_printed(10 * MINUTE, "10mins");
    assert_printed(36 * HOUR, "36hrs");
    assert_printed(DAY, "1days");
    assert_printed(10 * DAY, "10days");
    assert_printed(2 * WEEK, "2weeks");
    assert_printed(-90 * MINUTE, "-90mins");
}

static void the_smallest_duration_can_be_printed(void **state) {
    char *text = duration_format(INT64_MIN);

    assert_int_equal(text[0], '-');
    free(text);
}

static void seconds_are_clamped(void **state) {
    assert_int_equal(duration_from_seconds(1.5), 1500 * MILLISECOND);
    assert_int_equal(duration_from_seconds(-2), -2 * SECOND);
    assert_int_equal(duration_from_seconds(1e300), INT64_MAX);
    assert_int_equal(duration_from_seconds(-1e300), INT64_MIN);
    assert_int_equal(duration_from_seconds(INFINITY), INT64_MAX);
    assert_int_equal(duration_from_seconds(NAN), 0);
    assert_true(duration_to_seconds(1500 * MILLISECOND) == 1.5);
}

static void sizes_are_read_in_either_case(void **state) {
    static const struct {
        const char *text;
        uint64_t bytes;
    } cases[] = {
        {"0B", 0},
        {"1000B", 1000},
        {"4KB", 4096},
        {"512MB", 512 << 20},
        {"2gb", UINT64_C(2) << 30},
        {"3TB", UINT64_C(3) << 40},
        {"18446744073709551615B", UINT64_MAX},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        uint64_t bytes = 1;

        assert_int_equal(bytes_parse(cases[i].text, &bytes, NULL), 0);
        assert_true(bytes == cases[i].bytes);
    }
}

static void what_is_no_size_is_refused(void **state) {
    static const char *const wrong[] = {
        "", "5", "MB", "1.5MB", "-1MB", "5 MB", "5MiB", "18446744073709551616B", "99999999999TB"};

    for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
        uint64_t bytes = 42;

        assert_int_equal(bytes_parse(wrong[i], &bytes, NULL), -1);
        assert_true(bytes == 42);
    }
}

static void assert_size_printed(uint64_t bytes, const char *expected) {
    char *text = bytes_format(bytes);

    assert_string_equal(text, expected);
    free(text);
}

static void sizes_are_printed_in_the_largest_unit_that_divides_them(void **state) {
    assert_size_printed(0, "0B");
    assert_size_printed(1000, "1000B");
    assert_size_printed(1025, "1025B");
    assert_size_printed(4096, "4KB");
    assert_size_printed(512 << 20, "512MB");
    assert_size_printed(UINT64_C(1) << 40, "1TB");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_unit_is_read),
        cmocka_unit_test(what_is_no_duration_is_refused_with_its_text),
        cmocka_unit_test(a_duration_beyond_64_bits_is_refused),
        cmocka_unit_test(durations_are_printed_in_the_unit_upstream_takes),
        cmocka_unit_test(the_smallest_duration_can_be_printed),
        cmocka_unit_test(seconds_are_clamped),
        cmocka_unit_test(sizes_are_read_in_either_case),
        cmocka_unit_test(what_is_no_size_is_refused),
        cmocka_unit_test(sizes_are_printed_in_the_largest_unit_that_divides_them),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
