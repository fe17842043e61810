/* SPDX-License-Identifier: Apache-2.0 */
/* The simulated cluster itself: the same seed is the same run, and what is broken on purpose is found. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/log.h"
#include "world.h"

static const struct world_plan small = {
    .seed = 7, .agents = 5, .frameworks = 3, .tasks = 150, .trouble_ns = MINUTE, .deadline_ns = 3 * HOUR};

static void discard(enum log_level level, const char *line, size_t size, void *user) {
}

static struct world_result run(uint64_t seed, bool sabotage) {
    struct world_plan plan = small;
    struct world_result result;

    plan.seed = seed;
    plan.sabotage = sabotage;
    world_run(&plan, NULL, &result);
    return result;
}

static void the_same_seed_is_the_same_run(void **state) {
    struct world_result first = run(7, false), second = run(7, false);

    assert_null(first.problem);
    assert_true(first.digest == second.digest);
    assert_true(first.steps == second.steps);
}

static void another_seed_is_another_run(void **state) {
    struct world_result first = run(7, false), second = run(8, false);

    assert_null(first.problem);
    assert_null(second.problem);
    assert_true(first.digest != second.digest);
}

static void what_is_broken_on_purpose_is_found(void **state) {
    struct world_result result = run(7, true);

    assert_false(result.ok);
    assert_non_null(result.problem);
    free(result.problem);
}

static void trouble_happens(void **state) {
    struct world_plan plan = {
        .agents = 10, .frameworks = 4, .tasks = 2000, .trouble_ns = 3 * MINUTE, .deadline_ns = 3 * HOUR};
    struct world_result sum = {0};

    for (plan.seed = 1; plan.seed <= 4; plan.seed++) {
        struct world_result result;

        world_run(&plan, NULL, &result);

        assert_null(result.problem);
        sum.agent_kills += result.agent_kills;
        sum.machine_crashes += result.machine_crashes;
        sum.framework_kills += result.framework_kills;
        sum.executor_kills += result.executor_kills;
        sum.partitions += result.partitions;
        sum.counts.drops += result.counts.drops;
        sum.counts.duplicates += result.counts.duplicates;
        sum.counts.cuts += result.counts.cuts;
        sum.counts.lost_writes += result.counts.lost_writes;
    }
    assert_true(sum.agent_kills > 0 && sum.machine_crashes > 0 && sum.framework_kills > 0 && sum.executor_kills > 0);
    assert_true(sum.partitions > 0 && sum.counts.drops > 0 && sum.counts.duplicates > 0 && sum.counts.cuts > 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_seed_is_the_same_run),
        cmocka_unit_test(another_seed_is_another_run),
        cmocka_unit_test(what_is_broken_on_purpose_is_found),
        cmocka_unit_test(trouble_happens),
    };

    log_set_sink(discard, NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
