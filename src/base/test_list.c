/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/list.h"

struct item {
    int value;
    struct list member;
};

static void members_are_visited_in_order(void **state) {
    struct list list = LIST_INIT(list);
    struct item items[3] = {{1}, {2}, {3}}, *item;
    int seen = 0;

    list_append(&list, &items[1].member);
    list_append(&list, &items[2].member);
    list_prepend(&list, &items[0].member);
    list_for_each (&list, item, member)
        assert_int_equal(item->value, ++seen);
    assert_int_equal(seen, 3);
    assert_ptr_equal(list_first(&list, struct item, member), &items[0]);
    assert_ptr_equal(list_last(&list, struct item, member), &items[2]);
}

static void the_current_member_may_be_removed(void **state) {
    struct list list = LIST_INIT(list);
    struct item *item;
    int count = 0;

    for (int i = 0; i < 10; i++) {
        item = new0(struct item);
        list_append(&list, &item->member);
    }
    list_for_each (&list, item, member) {
        list_remove(&item->member);
        free(item);
        count++;
    }
    assert_int_equal(count, 10);
    assert_true(list_is_empty(&list));
    assert_null(list_first(&list, struct item, member));
}

static void removing_an_unlinked_member_does_nothing(void **state) {
    struct list list = LIST_INIT(list);
    struct item item = {0};

    assert_false(list_is_linked(&item.member));
    list_remove(&item.member);
    assert_false(list_is_linked(&item.member));
    list_append(&list, &item.member);
    assert_true(list_is_linked(&item.member));
    list_remove(&item.member);
    list_remove(&item.member);
    assert_true(list_is_empty(&list));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(members_are_visited_in_order),
        cmocka_unit_test(the_current_member_may_be_removed),
        cmocka_unit_test(removing_an_unlinked_member_does_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
