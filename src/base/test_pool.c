/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/pool.h"

/* Enough for chunks of every size, and for several of the largest. */
enum { OBJECTS = 20000, BYTES = 336 };

static void check_objects(bool is_huge) {
    struct pool pool = {.is_huge = is_huge};
    unsigned char **objects = xcalloc(OBJECTS, sizeof(*objects)), *again;

    for (size_t i = 0; i < OBJECTS; i++) {
        objects[i] = pool_take(&pool, BYTES);
        assert_int_equal((uintptr_t)objects[i] % 16, 0);
        memset(objects[i], (int)(i % 251), BYTES);
    }
    for (size_t i = 0; i < OBJECTS; i++) {
        for (size_t j = 0; j < BYTES; j++)
            assert_int_equal(objects[i][j], i % 251);
    }
    pool_give(&pool, objects[7]);
    pool_give(&pool, objects[9]);
    again = pool_take(&pool, BYTES);
    assert_ptr_equal(again, objects[9]);
    again = pool_take(&pool, BYTES);
    assert_ptr_equal(again, objects[7]);
    pool_done(&pool);
    assert_null(pool.chunks);
    assert_true(pool.is_huge == is_huge);
    free(objects);
}

static void objects_are_apart_and_come_again(void **state) {
    check_objects(false);
}

static void objects_in_huge_pages_are_apart_and_come_again(void **state) {
    check_objects(true);
}

static void an_empty_pool_ends(void **state) {
    struct pool pool = {0};

    pool_done(&pool);
    pool_give(&pool, pool_take(&pool, 32));
    pool_done(&pool);
    pool_done(&pool);
    assert_null(pool.free);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(objects_are_apart_and_come_again),
        cmocka_unit_test(objects_in_huge_pages_are_apart_and_come_again),
        cmocka_unit_test(an_empty_pool_ends),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
