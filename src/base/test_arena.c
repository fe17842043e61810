/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/arena.h"

#include <string.h>

static void pieces_are_aligned_and_do_not_overlap(void **state) {
    struct arena arena = ARENA_INIT;
    unsigned char *pieces[2000];

    for (size_t i = 0; i < ARRAY_SIZE(pieces); i++) {
        pieces[i] = arena_alloc(&arena, i % 97);
        assert_int_equal((uintptr_t)pieces[i] % 16, 0);
        memset(pieces[i], (int)(i & 0xFF), i % 97);
    }
    for (size_t i = 0; i < ARRAY_SIZE(pieces); i++)
        for (size_t j = 0; j < i % 97; j++)
            assert_int_equal(pieces[i][j], i & 0xFF);
    arena_done(&arena);
}

static void large_piece_gets_a_block_of_its_own(void **state) {
    struct arena arena = ARENA_INIT;
    char *small = arena_strdup(&arena, "small");
    char *large = arena_calloc(&arena, 3 * 1024 * 1024);

    assert_int_equal(large[3 * 1024 * 1024 - 1], 0);
    large[3 * 1024 * 1024 - 1] = 1;
    assert_string_equal(small, "small");
    arena_done(&arena);
}

static void reset_keeps_one_block(void **state) {
    struct arena arena = ARENA_INIT;
    size_t size;

    for (int i = 0; i < 100; i++)
        arena_alloc(&arena, 1000);
    arena_reset(&arena);
    size = arena.size_bytes;
    assert_true(size > 0);
    arena_alloc(&arena, 100);
    assert_int_equal(arena.size_bytes, size);
    arena_done(&arena);
    assert_int_equal(arena.size_bytes, 0);
}

static void reset_of_an_unused_arena_does_nothing(void **state) {
    struct arena arena;

    arena_init(&arena);
    arena_reset(&arena);
    assert_int_equal(arena.size_bytes, 0);
    arena_done(&arena);
    arena_done(NULL);
}

static void texts_are_copied(void **state) {
    struct arena arena = ARENA_INIT;

    assert_null(arena_strdup(&arena, NULL));
    assert_string_equal(arena_strndup(&arena, "abcdef", 3), "abc");
    assert_string_equal(arena_strndup(&arena, "ab", 30), "ab");
    assert_string_equal(arena_printf(&arena, "%s-%d", "task", 7), "task-7");
    assert_memory_equal(arena_memdup(&arena, "a\0b", 3), "a\0b", 3);
    arena_done(&arena);
}

/* Whatever is left of the block. */
static void printed_texts_of_any_length_are_whole(void **state) {
    struct arena arena = ARENA_INIT;
    char *texts[300];

    for (int i = 0; i < 300; i++)
        texts[i] = arena_printf(&arena, "%0*d", i + 1, i);
    for (int i = 0; i < 300; i++) {
        char expected[301];

        snprintf(expected, sizeof(expected), "%0*d", i + 1, i);
        assert_string_equal(texts[i], expected);
    }
    arena_done(&arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pieces_are_aligned_and_do_not_overlap),
        cmocka_unit_test(large_piece_gets_a_block_of_its_own),
        cmocka_unit_test(reset_keeps_one_block),
        cmocka_unit_test(reset_of_an_unused_arena_does_nothing),
        cmocka_unit_test(texts_are_copied),
        cmocka_unit_test(printed_texts_of_any_length_are_whole),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
