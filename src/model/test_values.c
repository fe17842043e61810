/* SPDX-License-Identifier: Apache-2.0 */
/* The small values: roles, ids, names, quantities, attributes, task states. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "model/attributes.h"
#include "model/id.h"
#include "model/name.h"
#include "model/quantities.h"
#include "model/role.h"
#include "model/task_state.h"

static void roles_are_checked_as_mesos_does(void **state) {
    static const char *const good[] = {"*", "a", "a/b/c", "foo-bar", "a.b", "...", "a/b-"};
    static const char *const bad[] = {"",    "/",  "/a",   "a/",  "a//b", "a/./b", "..",
                                      "a/*", "-a", "a/-b", "a b", "a\tb", "a\x7f"};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(good); i++)
        assert_int_equal(role_validate(good[i], NULL), 0);
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
        assert_int_equal(role_validate(bad[i], NULL), -1);
}

static void role_hierarchy_goes_by_components(void **state) {
    (void)state;
    assert_true(role_is_below("a/b", "a"));
    assert_false(role_is_below("a", "a"));
    assert_false(role_is_below("ab", "a"));
    assert_true(role_is_in("a", "a"));
    assert_false(role_is_in("ab/c", "a"));
    assert_int_equal(role_parent_size("a/b/c"), 3);
    assert_int_equal(role_parent_size("a"), 0);
}

static void ids_that_can_not_be_folder_names_are_refused(void **state) {
    char longest[ID_LIMIT_BYTES + 2];

    (void)state;
    memset(longest, 'x', sizeof(longest));
    longest[ID_LIMIT_BYTES] = '\0';
    assert_int_equal(id_validate(longest, NULL), 0);
    longest[ID_LIMIT_BYTES] = 'x';
    assert_int_equal(id_validate_sized(longest, ID_LIMIT_BYTES + 1, NULL), -1);
    assert_int_equal(id_validate("task.1-a_b c", NULL), 0);
    assert_int_equal(id_validate("...", NULL), 0);
    assert_int_equal(id_validate("", NULL), -1);
    assert_int_equal(id_validate(".", NULL), -1);
    assert_int_equal(id_validate("..", NULL), -1);
    assert_int_equal(id_validate("a/b", NULL), -1);
    assert_int_equal(id_validate("a\\b", NULL), -1);
    assert_int_equal(id_validate("a\nb", NULL), -1);
    assert_int_equal(id_validate_sized("a\0b", 3, NULL), -1);
}

static void equal_names_are_one_object(void **state) {
    const char *a = name_get("some name"), *b = name_get_sized("some name and more", 9);

    (void)state;
    assert_ptr_equal(a, b);
    assert_int_equal(name_size(a), 9);
    name_release(a);
    assert_ptr_equal(name_find("some name"), b);
    name_release(b);
    assert_null(name_find("some name"));
}

static void quantities_drop_zeros_and_limits_keep_them(void **state) {
    struct quantities quantities, limits;
    cleanup_buffer struct buffer text = BUFFER_INIT;
    cleanup_error struct error err = ERROR_INIT;

    (void)state;
    assert_int_equal(quantities_parse("mem:64;cpus:0.5; cpus :1;disk:0", &quantities, &err), 0);
    quantities_format(&quantities, &text);
    assert_string_equal(buffer_text(&text), "cpus:1.5; mem:64");
    assert_int_equal(limits_parse("mem:64;disk:0", &limits, &err), 0);
    assert_int_equal(*quantities_find(&limits, "disk"), 0);
    assert_null(quantities_find(&limits, "cpus"));
    assert_true(quantities_contain(&quantities, &limits));
    quantities_done(&quantities);
    quantities_done(&limits);
    assert_int_equal(limits_parse("mem:64;mem:1", &limits, &err), -1);
    assert_int_equal(quantities_parse("ports:[1-2]", &quantities, &err), -1);
    assert_int_equal(quantities_parse("cpus", &quantities, &err), -1);
    assert_int_equal(quantities_parse("cpus:-1", &quantities, &err), -1);
}

static void scalars_are_thousandths(void **state) {
    (void)state;
    assert_int_equal(scalar_from_double(0.1 + 0.2), 300);
    assert_int_equal(scalar_from_double(0.0005), 1);
    assert_int_equal(scalar_from_double(0.00049), 0);
    assert_int_equal(scalar_from_double(1e300), INT64_MAX);
    assert_true(scalar_to_double(1234567) == 1234.567);
}

static void attributes_are_parsed_compared_and_printed(void **state) {
    struct arena arena = ARENA_INIT;
    Mesos__V1__Attribute **a, **b;
    size_t a_count, b_count;
    cleanup_buffer struct buffer text = BUFFER_INIT;
    cleanup_error struct error err = ERROR_INIT;

    (void)state;
    assert_int_equal(attributes_parse("rack:abc;level:10;keys:[3-5,1-2]\nurl:http://x", &arena, &a, &a_count, &err), 0);
    assert_int_equal(a_count, 4);
    attributes_format(a, a_count, &text);
    assert_string_equal(buffer_text(&text), "rack=abc; level=10; keys=[1-5]; url=http://x");
    assert_int_equal(attributes_parse("level:10.0;url:http://x;keys:[1-5];rack:abc", &arena, &b, &b_count, &err), 0);
    assert_true(attributes_equal(a, a_count, b, b_count));
    assert_false(attributes_equal(a, a_count, b, b_count - 1));
    assert_int_equal(attributes_parse("rack", &arena, &a, &a_count, &err), -1);
    assert_int_equal(attributes_parse(":x", &arena, &a, &a_count, &err), -1);
    assert_int_equal(attributes_parse("s:{a}", &arena, &a, &a_count, &err), -1);
    arena_done(&arena);
}

static void lost_is_what_old_frameworks_are_told(void **state) {
    (void)state;
    assert_true(task_state_is_terminal(TASK_GONE));
    assert_true(task_state_is_terminal(TASK_DROPPED));
    assert_false(task_state_is_terminal(TASK_UNREACHABLE));
    assert_false(task_state_is_terminal(TASK_UNKNOWN));
    assert_false(task_state_is_terminal(TASK_KILLING));
    assert_int_equal(task_state_for_unaware(TASK_UNREACHABLE), TASK_LOST);
    assert_int_equal(task_state_for_unaware(TASK_RUNNING), TASK_RUNNING);
    assert_int_equal(task_state_find("TASK_GONE_BY_OPERATOR"), TASK_GONE_BY_OPERATOR);
    assert_int_equal(task_state_find("TASK_WRONG"), -1);
    assert_string_equal(task_state_name((enum task_state)99), "TASK_UNKNOWN");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(roles_are_checked_as_mesos_does),
        cmocka_unit_test(role_hierarchy_goes_by_components),
        cmocka_unit_test(ids_that_can_not_be_folder_names_are_refused),
        cmocka_unit_test(equal_names_are_one_object),
        cmocka_unit_test(quantities_drop_zeros_and_limits_keep_them),
        cmocka_unit_test(scalars_are_thousandths),
        cmocka_unit_test(attributes_are_parsed_compared_and_printed),
        cmocka_unit_test(lost_is_what_old_frameworks_are_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
