/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/buffer.h"

static void what_is_appended_comes_out_in_order(void **state) {
    cleanup_buffer struct buffer buffer = BUFFER_INIT;

    buffer_append(&buffer, "ab", 2);
    buffer_append_char(&buffer, 'c');
    buffer_append_string(&buffer, "def");
    buffer_printf(&buffer, "%03d", 7);
    buffer_append(&buffer, NULL, 0);
    assert_string_equal(buffer_text(&buffer), "abcdef007");
    assert_int_equal(buffer.size, 9);
}

static void printed_text_of_any_length_is_whole(void **state) {
    for (int i = 1; i < 400; i++) {
        cleanup_buffer struct buffer buffer = BUFFER_INIT;
        char expected[402];

        snprintf(expected, sizeof(expected), "%0*d|%0*d", i / 2 + 1, 1, i / 2 + 1, 2);
        buffer_printf(&buffer, "%0*d", i / 2 + 1, 1);
        buffer_printf(&buffer, "|%0*d", i / 2 + 1, 2);
        assert_string_equal(buffer_text(&buffer), expected);
    }
}

static void consuming_leaves_the_rest(void **state) {
    cleanup_buffer struct buffer buffer = BUFFER_INIT;

    buffer_append_string(&buffer, "0123456789");
    buffer_consume(&buffer, 4);
    assert_string_equal(buffer_text(&buffer), "456789");
    buffer_consume(&buffer, 100);
    assert_int_equal(buffer.size, 0);
    assert_string_equal(buffer_text(&buffer), "");
}

static void a_queue_does_not_grow_beyond_what_is_in_it(void **state) {
    cleanup_buffer struct buffer buffer = BUFFER_INIT;
    char block[100];
    unsigned char next_in = 0, next_out = 0;

    for (int round = 0; round < 10000; round++) {
        for (size_t i = 0; i < sizeof(block); i++)
            block[i] = (char)next_in++;
        buffer_append(&buffer, block, sizeof(block));
        while (buffer.size > 150) {
            assert_int_equal((unsigned char)buffer.data[0], next_out++);
            buffer_consume(&buffer, 1);
        }
    }
    assert_true(buffer.capacity <= 1024);
}

static void clearing_keeps_the_memory(void **state) {
    cleanup_buffer struct buffer buffer = BUFFER_INIT;
    size_t capacity;

    buffer_reserve(&buffer, 5000);
    capacity = buffer.capacity;
    buffer_append_string(&buffer, "some text");
    buffer_consume(&buffer, 2);
    buffer_clear(&buffer);
    assert_int_equal(buffer.size, 0);
    assert_int_equal(buffer.capacity, capacity);
}

static void taking_hands_over_a_string(void **state) {
    struct buffer buffer = BUFFER_INIT;
    size_t size;
    char *text;

    buffer_append_string(&buffer, "xxhello");
    buffer_consume(&buffer, 2);
    text = buffer_take(&buffer, &size);
    assert_string_equal(text, "hello");
    assert_int_equal(size, 5);
    assert_null(buffer.start);
    free(text);
    text = buffer_take(&buffer, NULL);
    assert_string_equal(text, "");
    free(text);
}

static void swapping_exchanges_the_contents(void **state) {
    cleanup_buffer struct buffer a = BUFFER_INIT, b = BUFFER_INIT;

    buffer_append_string(&a, "one");
    buffer_append_string(&b, "two");
    buffer_swap(&a, &b);
    assert_string_equal(buffer_text(&a), "two");
    assert_string_equal(buffer_text(&b), "one");
}

static void done_accepts_null_and_leaves_an_empty_buffer(void **state) {
    struct buffer buffer;

    buffer_init(&buffer);
    buffer_append_string(&buffer, "x");
    buffer_done(&buffer);
    buffer_done(&buffer);
    buffer_done(NULL);
    assert_int_equal(buffer.capacity, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_appended_comes_out_in_order),
        cmocka_unit_test(printed_text_of_any_length_is_whole),
        cmocka_unit_test(consuming_leaves_the_rest),
        cmocka_unit_test(a_queue_does_not_grow_beyond_what_is_in_it),
        cmocka_unit_test(clearing_keeps_the_memory),
        cmocka_unit_test(taking_hands_over_a_string),
        cmocka_unit_test(swapping_exchanges_the_contents),
        cmocka_unit_test(done_accepts_null_and_leaves_an_empty_buffer),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
