/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/heap.h"

#include <string.h>

static void members_leave_by_key_and_equal_ones_in_order_of_insertion(void **state) {
    struct heap_member members[200];
    struct heap heap;
    int64_t last_key = -1;
    uint64_t last_order = 0;

    memset(members, 0, sizeof(members));
    heap_init(&heap);
    for (size_t i = 0; i < ARRAY_SIZE(members); i++)
        heap_add(&heap, &members[i], (int64_t)(i * 7919 % 31));
    for (size_t i = 0; i < ARRAY_SIZE(members); i++) {
        struct heap_member *top = heap_top(&heap);

        assert_non_null(top);
        assert_true(top->key > last_key || (top->key == last_key && top->order > last_order));
        last_key = top->key;
        last_order = top->order;
        heap_remove(&heap, top);
        assert_false(heap_contains(top));
    }
    assert_null(heap_top(&heap));
    heap_done(&heap);
}

static void any_member_can_be_removed(void **state) {
    struct heap_member members[101];
    struct heap heap;
    int64_t expected = 0;

    memset(members, 0, sizeof(members));
    heap_init(&heap);
    for (size_t i = 0; i < ARRAY_SIZE(members); i++)
        heap_add(&heap, &members[i], (int64_t)(i * 37 % 101));
    for (size_t i = 0; i < ARRAY_SIZE(members); i++)
        if (members[i].key % 3 != 0)
            heap_remove(&heap, &members[i]);
    while (heap_top(&heap) != NULL) {
        assert_int_equal(heap_top(&heap)->key, expected);
        heap_remove(&heap, heap_top(&heap));
        expected += 3;
    }
    assert_int_equal(expected, 102);
    heap_done(&heap);
}

static void removing_what_is_in_no_heap_does_nothing(void **state) {
    struct heap_member member = {0};
    struct heap heap;

    heap_init(&heap);
    heap_remove(&heap, &member);
    heap_add(&heap, &member, 1);
    heap_remove(&heap, &member);
    heap_remove(&heap, &member);
    assert_int_equal(heap.count, 0);
    heap_done(&heap);
    heap_done(NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(members_leave_by_key_and_equal_ones_in_order_of_insertion),
        cmocka_unit_test(any_member_can_be_removed),
        cmocka_unit_test(removing_what_is_in_no_heap_does_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
