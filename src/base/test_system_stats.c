/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/system_stats.h"

static void this_machine_has_processors_and_memory(void **state) {
    struct system_stats stats;

    system_stats_read(&stats);
    assert_true(stats.cpus_total >= 1);
    assert_true(stats.mem_total_bytes > 1024 * 1024);
    assert_true(stats.mem_free_bytes <= stats.mem_total_bytes);
    assert_true(stats.load_1min >= 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(this_machine_has_processors_and_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
