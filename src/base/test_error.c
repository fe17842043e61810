/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/error.h"

#include <errno.h>

static void a_message_is_formatted_and_the_code_kept(void **state) {
    cleanup_error struct error err = ERROR_INIT;

    assert_int_equal(error_set(&err, EINVAL, "task %d", 7), -1);
    assert_int_equal(err.code, EINVAL);
    assert_string_equal(error_message(&err), "task 7");
}

static void setting_again_replaces_the_message(void **state) {
    cleanup_error struct error err = ERROR_INIT;

    error_set(&err, EINVAL, "first");
    error_set(&err, ENOENT, "second");
    assert_int_equal(err.code, ENOENT);
    assert_string_equal(error_message(&err), "second");
}

static void errno_is_explained(void **state) {
    cleanup_error struct error err = ERROR_INIT;

    errno = ENOENT;
    assert_int_equal(error_errno(&err, "opening %s", "x"), -1);
    assert_int_equal(err.code, ENOENT);
    assert_string_equal(error_message(&err), "opening x: No such file or directory");
}

static void context_goes_before_the_message(void **state) {
    cleanup_error struct error err = ERROR_INIT;

    error_set(&err, EIO, "disk is gone");
    assert_int_equal(error_wrap(&err, "recovering executor %s", "e1"), -1);
    assert_string_equal(error_message(&err), "recovering executor e1: disk is gone");
    assert_int_equal(err.code, EIO);
}

static void a_message_may_quote_the_one_it_replaces(void **state) {
    cleanup_error struct error err = ERROR_INIT;

    error_set(&err, 0, "inner");
    error_set(&err, 0, "outer (%s)", error_message(&err));
    assert_string_equal(error_message(&err), "outer (inner)");
}

static void callers_that_do_not_care_pass_null(void **state) {
    assert_int_equal(error_set(NULL, 0, "x"), -1);
    assert_int_equal(error_errno(NULL, "x"), -1);
    assert_int_equal(error_wrap(NULL, "x"), -1);
    assert_string_equal(error_message(NULL), "unknown error");
    error_done(NULL);
}

static void an_error_can_be_handed_over(void **state) {
    struct error from = ERROR_INIT, to = ERROR_INIT;

    error_set(&to, 1, "old");
    error_set(&from, 2, "new");
    error_move(&to, &from);
    assert_string_equal(error_message(&to), "new");
    assert_int_equal(to.code, 2);
    assert_null(from.message);
    error_move(NULL, &to);
    assert_null(to.message);
    error_move(&to, NULL);
    assert_string_equal(error_message(&to), "unknown error");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_message_is_formatted_and_the_code_kept),
        cmocka_unit_test(setting_again_replaces_the_message),
        cmocka_unit_test(errno_is_explained),
        cmocka_unit_test(context_goes_before_the_message),
        cmocka_unit_test(a_message_may_quote_the_one_it_replaces),
        cmocka_unit_test(callers_that_do_not_care_pass_null),
        cmocka_unit_test(an_error_can_be_handed_over),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
