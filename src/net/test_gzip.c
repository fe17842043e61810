/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "net/gzip.h"

static void fill(struct buffer *buffer, size_t size) {
    uint32_t state = 1;

    for (size_t i = 0; i < size; i++) {
        state = state * 1103515245 + 12345;
        buffer_append_char(buffer, (char)('a' + (state >> 16) % 16));
    }
}

static void what_was_compressed_comes_back(void **state) {
    static const size_t sizes[] = {0, 1, 1000, 100000, 3000000};

    for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
        cleanup_buffer struct buffer plain = BUFFER_INIT, packed = BUFFER_INIT, back = BUFFER_INIT;
        struct gunzip gunzip;

        fill(&plain, sizes[i]);
        gzip_compress(plain.data, plain.size, &packed);
        assert_memory_equal(packed.data, "\x1f\x8b\x08", 3);
        gunzip_init(&gunzip);
        for (size_t at = 0; at < packed.size; at += 777) {
            size_t piece = packed.size - at < 777 ? packed.size - at : 777;

            assert_int_equal(gunzip_feed(&gunzip, packed.data + at, piece, &back, sizes[i], NULL), 0);
        }
        assert_true(gunzip.ended);
        assert_int_equal(back.size, plain.size);
        assert_true(plain.size == 0 || memcmp(back.data, plain.data, plain.size) == 0);
        gunzip_done(&gunzip);
    }
}

static void a_bomb_stops_at_the_limit(void **state) {
    cleanup_buffer struct buffer plain = BUFFER_INIT, packed = BUFFER_INIT, back = BUFFER_INIT;
    struct gunzip gunzip;

    memset(buffer_reserve(&plain, 10000000), 0, 10000000);
    buffer_added(&plain, 10000000);
    gzip_compress(plain.data, plain.size, &packed);
    assert_true(packed.size < 100000);
    gunzip_init(&gunzip);
    assert_int_equal(gunzip_feed(&gunzip, packed.data, packed.size, &back, 5000, NULL), GUNZIP_TOO_LARGE);
    assert_true(back.size < 100000);
    gunzip_done(&gunzip);
}

static void broken_data_is_an_error(void **state) {
    cleanup_buffer struct buffer packed = BUFFER_INIT, back = BUFFER_INIT;
    struct gunzip gunzip;

    gunzip_init(&gunzip);
    assert_int_equal(gunzip_feed(&gunzip, "this is not gzip", 16, &back, 1000, NULL), -1);
    gunzip_done(&gunzip);

    /* A wrong checksum, and bytes after the end. */
    gzip_compress("hello hello hello", 17, &packed);
    packed.data[packed.size - 5] ^= 1;
    gunzip_init(&gunzip);
    assert_int_equal(gunzip_feed(&gunzip, packed.data, packed.size, &back, 1000, NULL), -1);
    gunzip_done(&gunzip);
    packed.data[packed.size - 5] ^= 1;
    buffer_append_char(&packed, 'x');
    gunzip_init(&gunzip);
    assert_int_equal(gunzip_feed(&gunzip, packed.data, packed.size, &back, 1000, NULL), -1);
    gunzip_done(&gunzip);
}

static void data_that_is_cut_short_has_not_ended(void **state) {
    cleanup_buffer struct buffer packed = BUFFER_INIT, back = BUFFER_INIT;
    struct gunzip gunzip;

    gzip_compress("hello hello hello", 17, &packed);
    gunzip_init(&gunzip);
    assert_int_equal(gunzip_feed(&gunzip, packed.data, packed.size - 1, &back, 1000, NULL), 0);
    assert_false(gunzip.ended);
    gunzip_done(&gunzip);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_compressed_comes_back),
        cmocka_unit_test(a_bomb_stops_at_the_limit),
        cmocka_unit_test(broken_data_is_an_error),
        cmocka_unit_test(data_that_is_cut_short_has_not_ended),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
