/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/version.h"

#include <string.h>

static void the_version_is_that_of_the_release_we_follow(void **state) {
    assert_string_equal(version_get()->number, "1.11.0");
    assert_int_equal(strlen(version_get()->build_date), strlen("2020-11-24 15:38:37"));
}

static void both_orders_have_the_members_of_upstream(void **state) {
    static const char *const names[] = {"build_date", "build_time", "build_user", "git_tag", "version"};
    cleanup_buffer struct buffer sorted = BUFFER_INIT, members = BUFFER_INIT;
    struct json_writer writer;

    json_init(&writer, &sorted);
    version_write_json(&writer);
    json_init(&writer, &members);
    json_begin_object(&writer);
    version_write_members(&writer);
    json_end_object(&writer);
    assert_int_equal(sorted.size, members.size);
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        cleanup_free char *key = xasprintf("\"%s\":", names[i]);

        assert_non_null(strstr(buffer_text(&sorted), key));
        assert_non_null(strstr(buffer_text(&members), key));
    }
    assert_int_equal(strncmp(buffer_text(&members), "{\"version\":", 11), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_version_is_that_of_the_release_we_follow),
        cmocka_unit_test(both_orders_have_the_members_of_upstream),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
