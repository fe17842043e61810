/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

static void empty_allocations_are_no_failure(void **state) {
    void *pointers[] = {xmalloc(0), xcalloc(0, 8), xrealloc(NULL, 0), xmemdup("", 0)};

    for (size_t i = 0; i < ARRAY_SIZE(pointers); i++) {
        assert_non_null(pointers[i]);
        free(pointers[i]);
    }
}

static void strings_are_copied(void **state) {
    char *copy = xstrdup("text"), *part = xstrndup("text", 2), *whole = xstrndup("text", 99);
    char *formatted = xasprintf("%s/%d", "a", 5);

    assert_string_equal(copy, "text");
    assert_string_equal(part, "te");
    assert_string_equal(whole, "text");
    assert_string_equal(formatted, "a/5");
    assert_null(xstrdup(NULL));
    free(copy);
    free(part);
    free(whole);
    free(formatted);
}

static void a_string_can_be_replaced_by_a_part_of_itself(void **state) {
    char *slot = xstrdup("first second");

    string_replace(&slot, slot + 6);
    assert_string_equal(slot, "second");
    string_replace(&slot, NULL);
    assert_null(slot);
    string_replace(&slot, "again");
    assert_string_equal(slot, "again");
    free(slot);
}

static void taking_leaves_null(void **state) {
    char *slot = xstrdup("x"), *taken = take_ptr(&slot);

    assert_null(slot);
    assert_string_equal(taken, "x");
    free(taken);
}

static int open_and_leave_scope(void) {
    cleanup_close int file = open("/dev/null", O_RDONLY | O_CLOEXEC);

    assert_true(file >= 0);
    return file;
}

static void descriptors_are_closed_at_the_end_of_the_scope(void **state) {
    int file = open_and_leave_scope();

    assert_int_equal(fcntl(file, F_GETFD), -1);
    assert_int_equal(errno, EBADF);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(empty_allocations_are_no_failure),
        cmocka_unit_test(strings_are_copied),
        cmocka_unit_test(a_string_can_be_replaced_by_a_part_of_itself),
        cmocka_unit_test(taking_leaves_null),
        cmocka_unit_test(descriptors_are_closed_at_the_end_of_the_scope),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
