/* SPDX-License-Identifier: Apache-2.0 */
/* The simulated cluster itself: the same seed is the same run, and what is broken on purpose is found. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/log.h"
#include "world.h"

static const struct world_plan small = {
    .seed = 7, .agents = 5, .frameworks = 3, .tasks = 150, .trouble_ns = MINUTE, .deadline_ns = 3 * HOUR};

static void discard(enum log_level level, const char *line, size_t size, void *user) {
}

static struct world_result run(uint64_t seed, enum sabotage sabotage) {
    struct world_plan plan = small;
    struct world_result result;

    /* Groups are few, and one must fail. */
    if (sabotage == SABOTAGE_GROUP)
        plan.tasks *= 20;
    plan.seed = seed;
    plan.sabotage = sabotage;
    world_run(&plan, NULL, &result);
    return result;
}

static void the_same_seed_is_the_same_run(void **state) {
    struct world_result first = run(7, SABOTAGE_NONE), second = run(7, SABOTAGE_NONE);

    assert_null(first.problem);
    assert_true(first.digest == second.digest);
    assert_true(first.steps == second.steps);
}

static void another_seed_is_another_run(void **state) {
    struct world_result first = run(7, SABOTAGE_NONE), second = run(8, SABOTAGE_NONE);

    assert_null(first.problem);
    assert_null(second.problem);
    assert_true(first.digest != second.digest);
}

static void expect_found(enum sabotage sabotage, const char *what) {
    struct world_result result = run(7, sabotage);

    assert_false(result.ok);
    assert_non_null(result.problem);
    if (strstr(result.problem, what) == NULL)
        fail_msg("'%s' is not about '%s'", result.problem, what);
    free(result.problem);
}

static void claims_beyond_what_there_is_are_found(void **state) {
    expect_found(SABOTAGE_CLAIMS, "more is used and offered than there is");
}

static void resources_that_appear_are_found(void **state) {
    expect_found(SABOTAGE_TOTAL, "it has gained or lost resources");
}

static void a_lost_reservation_is_found(void **state) {
    expect_found(SABOTAGE_HOLDINGS, "should have reserved");
}

static void a_second_end_of_a_task_is_found(void **state) {
    expect_found(SABOTAGE_TASK, "two terminal states");
}

static void a_second_end_of_an_operation_is_found(void **state) {
    expect_found(SABOTAGE_OPERATION, "two terminal states");
}

static void a_group_that_does_not_end_whole_is_found(void **state) {
    expect_found(SABOTAGE_GROUP, "its group had failed long before");
}

static void wrong_health_is_found(void **state) {
    expect_found(SABOTAGE_HEALTH, "its health is not what its check finds");
}

static void trouble_happens(void **state) {
    struct world_plan plan = {
        .agents = 10, .frameworks = 4, .tasks = 2000, .trouble_ns = 3 * MINUTE, .deadline_ns = 3 * HOUR};
    struct world_result sum = {0};

    for (plan.seed = 1; plan.seed <= 4; plan.seed++) {
        struct world_result result;

        world_run(&plan, NULL, &result);

        if (result.problem != NULL)
            fail_msg("seed %u: %s", (unsigned)plan.seed, result.problem);
        sum.agent_kills += result.agent_kills;
        sum.machine_crashes += result.machine_crashes;
        sum.framework_kills += result.framework_kills;
        sum.executor_kills += result.executor_kills;
        sum.partitions += result.partitions;
        sum.groups += result.groups;
        sum.health_updates += result.health_updates;
        sum.operations += result.operations;
        sum.operation_updates += result.operation_updates;
        sum.holdings += result.holdings;
        for (size_t i = 0; i < API_COUNT; i++)
            sum.apis[i] += result.apis[i];
        sum.counts.drops += result.counts.drops;
        sum.counts.duplicates += result.counts.duplicates;
        sum.counts.cuts += result.counts.cuts;
        sum.counts.lost_writes += result.counts.lost_writes;
    }
    assert_true(sum.agent_kills > 0 && sum.machine_crashes > 0 && sum.framework_kills > 0 && sum.executor_kills > 0);
    assert_true(sum.groups > 0 && sum.health_updates > 0);
    assert_true(sum.operations > 0 && sum.operation_updates > 0 && sum.holdings > 0);
    for (size_t i = 0; i < API_COUNT; i++)
        assert_true(sum.apis[i] > 0);
    assert_true(sum.partitions > 0 && sum.counts.drops > 0 && sum.counts.duplicates > 0 && sum.counts.cuts > 0);
}

static void leaders_come_and_go(void **state) {
    struct world_plan plan = {
        .masters = 3, .agents = 10, .frameworks = 4, .tasks = 2000, .trouble_ns = 3 * MINUTE, .deadline_ns = 3 * HOUR};
    struct world_result first, again, sum = {0};

    for (plan.seed = 1; plan.seed <= 4; plan.seed++) {
        world_run(&plan, NULL, &first);
        if (first.problem != NULL)
            fail_msg("seed %u: %s", (unsigned)plan.seed, first.problem);
        sum.master_kills += first.master_kills;
        sum.master_cuts += first.master_cuts;
        sum.master_ends += first.master_ends;
        sum.leaders += first.leaders;
    }
    assert_true(sum.master_kills > 0 && sum.master_cuts > 0 && sum.master_ends > 0);
    assert_true(sum.leaders > 4 + sum.master_kills);
    plan.seed = 4;
    world_run(&plan, NULL, &again);
    assert_true(first.digest == again.digest);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_seed_is_the_same_run),
        cmocka_unit_test(another_seed_is_another_run),
        cmocka_unit_test(claims_beyond_what_there_is_are_found),
        cmocka_unit_test(resources_that_appear_are_found),
        cmocka_unit_test(a_lost_reservation_is_found),
        cmocka_unit_test(a_second_end_of_a_task_is_found),
        cmocka_unit_test(a_second_end_of_an_operation_is_found),
        cmocka_unit_test(a_group_that_does_not_end_whole_is_found),
        cmocka_unit_test(wrong_health_is_found),
        cmocka_unit_test(trouble_happens),
        cmocka_unit_test(leaders_come_and_go),
    };

    log_set_sink(discard, NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
