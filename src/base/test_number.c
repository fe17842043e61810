/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/number.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"

static void integers_are_printed_as_printf_does(void **state) {
    char text[NUMBER_TEXT_BYTES], expected[NUMBER_TEXT_BYTES];

    for (int shift = 0; shift < 64; shift++)
        for (int64_t delta = -2; delta <= 2; delta++) {
            uint64_t value = (UINT64_C(1) << shift) + (uint64_t)delta;

            *number_put_unsigned(text, value) = '\0';
            snprintf(expected, sizeof(expected), "%" PRIu64, value);
            assert_string_equal(text, expected);
            *number_put_integer(text, (int64_t)value) = '\0';
            snprintf(expected, sizeof(expected), "%" PRId64, (int64_t)value);
            assert_string_equal(text, expected);
        }
    for (uint64_t power = 1; power < UINT64_C(10000000000000000000); power *= 10) {
        *number_put_unsigned(text, power - 1) = '\0';
        snprintf(expected, sizeof(expected), "%" PRIu64, power - 1);
        assert_string_equal(text, expected);
    }
}

static void doubles_are_laid_out_as_upstream_does(void **state) {
    static const struct {
        double value;
        const char *text;
    } cases[] = {
        {0, "0.0"},
        {-0.0, "-0.0"},
        {3, "3.0"},
        {-2.5, "-2.5"},
        {0.1, "0.1"},
        {0.01, "0.01"},
        {64, "64.0"},
        {252899, "252899.0"},
        {12662792192, "12662792192.0"},
        {1795406742.790433, "1795406742.790433"},
        {1795406751.6292439, "1795406751.6292439"},
        {0.013209599999999998, "0.013209599999999998"},
        {0.1 + 0.2, "0.30000000000000004"},
        {4294967296.5, "4294967296.5"},
        {0.000001, "0.000001"},
        {1e-7, "1e-7"},
        {1.5e-7, "1.5e-7"},
        {123456789012345680.0, "123456789012345680.0"},
        {1e20, "100000000000000000000.0"},
        {1e21, "1e21"},
        {1.25e30, "1.25e30"},
        {5e-324, "5e-324"},
        {1.7976931348623157e308, "1.7976931348623157e308"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        char text[NUMBER_TEXT_BYTES];

        *number_put_double(text, cases[i].value) = '\0';
        assert_string_equal(text, cases[i].text);
    }
}

/* The number of significant digits in @text. */
static int count_significant(const char *text) {
    const char *first = text + strspn(text, "-0.");
    size_t end = strcspn(first, "e");
    int count = 0;

    for (size_t i = 0; i < end; i++)
        if (first[i] != '.')
            count++;
    while (end > 0 && (first[end - 1] == '0' || first[end - 1] == '.')) {
        count -= first[end - 1] == '0';
        end--;
    }
    return count;
}

static void assert_short_and_exact(double value) {
    char text[NUMBER_TEXT_BYTES], reference[64];
    int precision = 1;

    *number_put_double(text, value) = '\0';
    assert_true(strtod(text, NULL) == value);
    do
        snprintf(reference, sizeof(reference), "%.*e", precision++ - 1, value);
    while (strtod(reference, NULL) != value);
    assert_true(count_significant(text) <= precision - 1);
}

static void every_double_reads_back_from_the_shortest_text(void **state) {
    uint64_t seed = 88172645463325252;

    for (int i = 0; i < 20000; i++) {
        double value;

        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        memcpy(&value, &seed, sizeof(value));
        if (isfinite(value))
            assert_short_and_exact(value);
        assert_short_and_exact((double)(seed % 100000000) / 1000);
        assert_short_and_exact((double)(seed % UINT64_C(4000000000000000)) / 1e6);
    }
}

static void times_between_two_microseconds_have_seven_places(void **state) {
    uint64_t seed = 88172645463325252;

    for (int i = 0; i < 20000; i++) {
        char text[NUMBER_TEXT_BYTES], expected[NUMBER_TEXT_BYTES];
        double value;

        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        value = 0x1p30 + (double)(seed % UINT64_C(13510798882111488)) * 0x1p-22;
        assert_short_and_exact(value);
        *number_put_double(text, value) = '\0';
        snprintf(expected, sizeof(expected), "%.7f", value);
        if (strlen(text) == strlen(expected))
            assert_string_equal(text, expected);
    }
}

static void no_text_is_longer_than_promised(void **state) {
    char text[NUMBER_TEXT_BYTES + 1];

    assert_true(number_put_double(text, -1.7976931348623157e308) - text <= NUMBER_TEXT_BYTES);
    assert_true(number_put_double(text, -2.2250738585072014e-308) - text <= NUMBER_TEXT_BYTES);
    assert_true(number_put_double(text, -0.0000012345678901234567) - text <= NUMBER_TEXT_BYTES);
    assert_true(number_put_double(text, -123456789012345678901.0) - text <= NUMBER_TEXT_BYTES);
    assert_true(number_put_integer(text, INT64_MIN) - text <= NUMBER_TEXT_BYTES);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(integers_are_printed_as_printf_does),
        cmocka_unit_test(doubles_are_laid_out_as_upstream_does),
        cmocka_unit_test(every_double_reads_back_from_the_shortest_text),
        cmocka_unit_test(times_between_two_microseconds_have_seven_places),
        cmocka_unit_test(no_text_is_longer_than_promised),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
