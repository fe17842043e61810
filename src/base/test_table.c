/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/table.h"

#include <stdio.h>
#include <string.h>

struct item {
    char key[16];
    int value;
};

static struct item *make_items(size_t count) {
    struct item *items = xcalloc(count, sizeof(*items));

    for (size_t i = 0; i < count; i++) {
        snprintf(items[i].key, sizeof(items[i].key), "key-%zu", i);
        items[i].value = (int)i;
    }
    return items;
}

static void what_was_added_is_found(void **state) {
    cleanup_free struct item *items = make_items(10000);
    struct table table = TABLE_INIT;

    assert_null(table_find(&table, "key-0"));
    for (size_t i = 0; i < 10000; i++)
        assert_true(table_add(&table, items[i].key, &items[i]));
    assert_int_equal(table.count, 10000);
    for (size_t i = 0; i < 10000; i++)
        assert_ptr_equal(table_find(&table, items[i].key), &items[i]);
    assert_null(table_find(&table, "key-10000"));
    assert_null(table_find(&table, ""));
    table_done(&table);
}

static void a_key_is_there_once(void **state) {
    struct item first = {"same", 1}, second = {"same", 2};
    struct table table = TABLE_INIT;

    assert_true(table_add(&table, first.key, &first));
    assert_false(table_add(&table, second.key, &second));
    assert_ptr_equal(table_find(&table, "same"), &first);
    assert_int_equal(table.count, 1);
    table_done(&table);
}

static void removed_keys_are_gone_and_can_come_back(void **state) {
    cleanup_free struct item *items = make_items(1000);
    struct table table = TABLE_INIT;

    for (size_t i = 0; i < 1000; i++)
        table_add(&table, items[i].key, &items[i]);
    for (size_t i = 0; i < 1000; i += 2)
        assert_ptr_equal(table_remove(&table, items[i].key), &items[i]);
    for (size_t i = 0; i < 1000; i++)
        assert_true((table_find(&table, items[i].key) != NULL) == (i % 2 == 1));
    assert_null(table_remove(&table, "key-0"));
    for (size_t i = 0; i < 1000; i += 2)
        assert_true(table_add(&table, items[i].key, &items[i]));
    assert_int_equal(table.count, 1000);
    table_done(&table);
}

static void iteration_follows_insertion_whatever_the_seed(void **state) {
    for (uint64_t seed = 1; seed < 4; seed++) {
        cleanup_free struct item *items = make_items(500);
        struct table table = TABLE_INIT;
        struct item *item;
        int last = -1;

        table_set_seed(seed * UINT64_C(0x9E3779B97F4A7C15));
        for (size_t i = 0; i < 500; i++)
            table_add(&table, items[i].key, &items[i]);
        for (size_t i = 0; i < 500; i += 3)
            table_remove(&table, items[i].key);
        table_for_each (&table, item) {
            assert_true(item->value > last);
            last = item->value;
        }
        assert_int_equal(last, 499);
        assert_ptr_equal(table_first(&table), &items[1]);
        table_done(&table);
    }
}

static void any_entry_may_be_removed_while_iterating(void **state) {
    cleanup_free struct item *items = make_items(100);
    struct table table = TABLE_INIT;
    struct item *item;
    int seen = 0;

    for (size_t i = 0; i < 100; i++)
        table_add(&table, items[i].key, &items[i]);
    table_for_each (&table, item) {
        seen++;
        table_remove(&table, item->key);
        if (item->value + 1 < 100)
            table_remove(&table, items[item->value + 1].key);
    }
    assert_int_equal(seen, 50);
    assert_int_equal(table.count, 0);
    assert_null(table_first(&table));
    table_done(&table);
}

static void churn_does_not_grow_the_table(void **state) {
    cleanup_free struct item *items = make_items(16);
    struct table table = TABLE_INIT;

    for (int round = 0; round < 100000; round++) {
        struct item *item = &items[round % 16];

        if (!table_add(&table, item->key, item))
            table_remove(&table, item->key);
    }
    assert_true(table.capacity <= 64);
    table_done(&table);
}

static void keys_may_hold_any_bytes(void **state) {
    struct table table = TABLE_INIT;
    int a, b;

    assert_true(table_add_sized(&table, "x\0a", 3, &a));
    assert_true(table_add_sized(&table, "x\0b", 3, &b));
    assert_ptr_equal(table_find_sized(&table, "x\0b", 3), &b);
    assert_null(table_find(&table, "x"));
    assert_ptr_equal(table_remove_sized(&table, "x\0a", 3), &a);
    assert_int_equal(table.count, 1);
    table_done(&table);
}

static void clearing_leaves_an_empty_table_that_works(void **state) {
    struct item item = {"k", 1};
    struct table table;

    table_init(&table);
    table_add(&table, item.key, &item);
    table_clear(&table);
    assert_int_equal(table.count, 0);
    assert_null(table_find(&table, "k"));
    assert_true(table_add(&table, item.key, &item));
    assert_ptr_equal(table_find(&table, "k"), &item);
    table_done(&table);
    table_done(NULL);
}

static void a_cursor_visits_each_entry_once_whatever_comes_and_goes(void **state) {
    static struct item items[300];
    struct table table = TABLE_INIT;
    struct table_cursor cursor;
    struct item *item;
    size_t visited = 0, added = 100;

    for (size_t i = 0; i < ARRAY_SIZE(items); i++) {
        snprintf(items[i].key, sizeof(items[i].key), "%zu", i);
        items[i].value = 0;
    }
    for (size_t i = 0; i < added; i++)
        table_add(&table, items[i].key, &items[i]);
    table_cursor_init(&cursor, &table);
    while ((item = table_cursor_next(&cursor)) != NULL) {
        item->value++;
        visited++;
        /* Make gaps before the cursor, and fill the table until they are closed. */
        table_remove(&table, item->key);
        if (visited % 3 == 0 && added < ARRAY_SIZE(items)) {
            table_add(&table, items[added].key, &items[added]);
            added++;
        }
    }
    for (size_t i = 0; i < added; i++)
        assert_int_equal(items[i].value, 1);
    assert_int_equal(visited, added);
    table_cursor_done(&cursor);
    assert_null(table.cursors);
    table_done(&table);
}

static void a_cursor_ends_with_its_table(void **state) {
    struct item item = {"k", 1};
    struct table table = TABLE_INIT;
    struct table_cursor first, second, third;

    table_add(&table, item.key, &item);
    table_cursor_init(&first, &table);
    table_cursor_init(&second, &table);
    table_cursor_init(&third, &table);
    table_cursor_done(&second);
    assert_ptr_equal(table_cursor_next(&first), &item);
    table_done(&table);
    assert_null(table_cursor_next(&first));
    assert_null(table_cursor_next(&third));
    table_cursor_done(&first);
    table_cursor_done(&third);
    table_cursor_done(&third);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_added_is_found),
        cmocka_unit_test(a_key_is_there_once),
        cmocka_unit_test(removed_keys_are_gone_and_can_come_back),
        cmocka_unit_test(iteration_follows_insertion_whatever_the_seed),
        cmocka_unit_test(any_entry_may_be_removed_while_iterating),
        cmocka_unit_test(churn_does_not_grow_the_table),
        cmocka_unit_test(keys_may_hold_any_bytes),
        cmocka_unit_test(clearing_leaves_an_empty_table_that_works),
        cmocka_unit_test(a_cursor_visits_each_entry_once_whatever_comes_and_goes),
        cmocka_unit_test(a_cursor_ends_with_its_table),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
