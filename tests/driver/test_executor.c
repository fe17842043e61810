/* SPDX-License-Identifier: Apache-2.0 */
/* The executor driver on a simulated cluster with faults: what each callback and call promises. */
#include "scenario.h"

#define HEARD(task, state) scheduler_heard(scheduler, task, MESOS__V1__TASK_STATE__##state)
#define IS(task, state) scheduler_is(scheduler, task, MESOS__V1__TASK_STATE__##state)

static unsigned start(struct scheduler *scheduler, const char *script) {
    scheduler_start(scheduler);
    /* An agent that registers twice, because its first answer was lost, ends: not while these tests look at it. */
    AWAIT(scheduler->cluster, scheduler_has_offer(scheduler, 0) && scheduler_has_offer(scheduler, 1));
    cluster_run(scheduler->cluster, 10 * SECOND);
    return scheduler_run_custom(scheduler, "task", "custom", script);
}

static void e1_registered_brings_the_data_unchanged(struct cluster *cluster, struct scheduler *scheduler) {
    start(scheduler, "stay");
    assert_int_equal(executors[0].registered, 1);
    assert_string_equal(executors[0].data, "payload");
    assert_string_equal(executors[0].framework_name, "test");
}

static void e2_e3_a_restarted_agent_gives_disconnected_and_reregistered(struct cluster *cluster,
                                                                        struct scheduler *scheduler) {
    unsigned number = start(scheduler, "stay");

    for (unsigned i = 1; i <= 3; i++) {
        cluster_kill_agent(cluster, number);
        AWAIT(cluster, executors[0].disconnected == i);
        cluster_start_agent(cluster, number);
        AWAIT(cluster, executors[0].reregistered == i);
    }
    assert_int_equal(executors[0].registered, 1);
    assert_int_equal(executor_count, 1);
    cluster_run(cluster, MINUTE);
    assert_int_equal(HEARD("task", TASK_LOST), 0);
}

static void e4_one_executor_gets_all_its_tasks(struct cluster *cluster, struct scheduler *scheduler) {
    unsigned number = start(scheduler, "stay");
    Mesos__V1__Offer *offer = scheduler_take_offer(scheduler, number);

    scheduler_launch(scheduler, offer, make_custom("second", offer, "custom", "finish"));
    AWAIT(cluster, IS("second", TASK_FINISHED));
    assert_int_equal(executors[0].launched, 2);
    assert_int_equal(executor_count, 1);
}

static void e5_a_kill_is_the_executors_to_answer(struct cluster *cluster, struct scheduler *scheduler) {
    start(scheduler, "stay");
    scheduler_kill_task(scheduler, "task");
    AWAIT(cluster, IS("task", TASK_KILLED));
    assert_true(executors[0].killed >= 1);
    assert_int_equal(scheduler_last(scheduler, "task")->source, MESOS__V1__TASK_STATUS__SOURCE__SOURCE_EXECUTOR);
}

static void e6_x3_messages_go_both_ways(struct cluster *cluster, struct scheduler *scheduler) {
    Mesos__V1__TaskStatus *status;

    start(scheduler, "stay");
    status = scheduler_last(scheduler, "task")->whole;
    for (unsigned i = 1; i <= 3; i++) {
        mesos_scheduler_driver_send_framework_message(scheduler->driver, status->executor_id, status->agent_id, "a\0b",
                                                      3);
        AWAIT(cluster, scheduler->messages >= i);
    }
    assert_true(executors[0].messages >= 1);
    assert_memory_equal(scheduler->last_message, "a\0b", 3);
}

static void e7_a_shut_down_executor_ends(struct cluster *cluster, struct scheduler *scheduler) {
    Mesos__V1__TaskStatus *status;

    start(scheduler, "stay");
    status = scheduler_last(scheduler, "task")->whole;
    mesos_scheduler_driver_shutdown_executor(scheduler->driver, status->executor_id, status->agent_id);
    AWAIT(cluster, executors[0].shutdowns == 1);
    AWAIT(cluster, scheduler->executors_lost == 1);
    assert_int_equal(executors[0].ended, MESOS_DRIVER_STOPPED);
    AWAIT(cluster, mesos_task_state_is_terminal(scheduler_last(scheduler, "task")->state));
}

static void e8_x2_staging_aborts_before_it_is_told(struct cluster *cluster, struct scheduler *scheduler) {
    Mesos__V1__Offer *offer;

    scheduler_start(scheduler);
    offer = scheduler_take_offer(scheduler, 0);
    scheduler_launch(scheduler, offer, make_custom("task", offer, "custom", "stage"));
    AWAIT(cluster, executor_count == 1 && executors[0].errors == 1);
    assert_true(executors[0].was_aborted_when_told);
    /* E9: and its task is ended on its behalf. */
    AWAIT(cluster, scheduler_last(scheduler, "task") != NULL &&
                       mesos_task_state_is_terminal(scheduler_last(scheduler, "task")->state));
    assert_int_equal(executors[0].ended, MESOS_DRIVER_ABORTED);
}

static void e9_what_an_executor_leaves_is_ended_by_the_agent(struct cluster *cluster, struct scheduler *scheduler) {
    Mesos__V1__Offer *offer;
    unsigned number;

    scheduler_start(scheduler);
    number = scheduler_run_custom(scheduler, "stays", "custom", "stay");
    offer = scheduler_take_offer(scheduler, number);
    scheduler_launch(scheduler, offer, make_custom("exits", offer, "custom", "exit"));
    AWAIT(cluster, scheduler->executors_lost == 1);
    AWAIT(cluster, mesos_task_state_is_terminal(scheduler_last(scheduler, "stays")->state) &&
                       scheduler_last(scheduler, "exits") != NULL &&
                       mesos_task_state_is_terminal(scheduler_last(scheduler, "exits")->state));
    assert_int_equal(scheduler_last(scheduler, "stays")->source, MESOS__V1__TASK_STATUS__SOURCE__SOURCE_AGENT);
}

static void x1_every_call_returns_the_status(struct cluster *cluster, struct scheduler *scheduler) {
    struct mesos_executor_driver *driver;

    start(scheduler, "stay");
    driver = executors[0].driver;
    assert_int_equal(mesos_executor_driver_start(driver), MESOS_DRIVER_RUNNING);
    assert_int_equal(mesos_executor_driver_send_framework_message(driver, "a", 1), MESOS_DRIVER_RUNNING);
    assert_int_equal(mesos_executor_driver_abort(driver), MESOS_DRIVER_ABORTED);
    assert_int_equal(mesos_executor_driver_send_framework_message(driver, "a", 1), MESOS_DRIVER_ABORTED);
    assert_int_equal(mesos_executor_driver_stop(driver), MESOS_DRIVER_ABORTED);
    cluster_run(cluster, MINUTE);
    assert_true(mesos_task_state_is_terminal(scheduler_last(scheduler, "task")->state));
}

static void x2_an_update_is_told_again_across_a_restart_of_the_agent(struct cluster *cluster,
                                                                     struct scheduler *scheduler) {
    unsigned number = start(scheduler, "stay");
    Mesos__V1__TaskStatus *status;

    /* The executor finishes its task while there is no agent to tell. */
    cluster_kill_agent(cluster, number);
    AWAIT(cluster, executors[0].disconnected == 1);
    status = mesos_task_status_new("task", MESOS__V1__TASK_STATE__TASK_FINISHED, "while you were away");
    assert_int_equal(mesos_executor_driver_send_status_update(executors[0].driver, status), MESOS_DRIVER_RUNNING);
    mesos_message_free(status);
    cluster_run(cluster, 5 * SECOND);
    cluster_start_agent(cluster, number);
    AWAIT(cluster, IS("task", TASK_FINISHED));
    assert_string_equal(scheduler_last(scheduler, "task")->message, "while you were away");
}

static void x2_an_update_outlives_a_failover_of_the_master(struct cluster *cluster, struct scheduler *scheduler) {
    Mesos__V1__TaskStatus *status;

    start(scheduler, "stay");
    cluster_kill_master(cluster);
    status = mesos_task_status_new("task", MESOS__V1__TASK_STATE__TASK_FINISHED, NULL);
    mesos_executor_driver_send_status_update(executors[0].driver, status);
    mesos_message_free(status);
    cluster_run(cluster, 20 * SECOND);
    cluster_start_master(cluster);
    AWAIT(cluster, IS("task", TASK_FINISHED));
}

static void x2_ids_time_and_source_are_filled_in(struct cluster *cluster, struct scheduler *scheduler) {
    const Mesos__V1__TaskStatus *status;

    start(scheduler, "stay");
    status = scheduler_last(scheduler, "task")->whole;
    assert_string_equal(status->executor_id->value, "custom");
    assert_non_null(status->agent_id);
    assert_true(status->has_timestamp && status->timestamp > 0);
    assert_int_equal(status->uuid.len, 16);
    assert_int_equal(status->source, MESOS__V1__TASK_STATUS__SOURCE__SOURCE_EXECUTOR);
}

static void x4_without_checkpointing_a_lost_agent_is_the_end(struct cluster *cluster, struct scheduler *scheduler) {
    unsigned number;

    scheduler->framework->checkpoint = false;
    number = start(scheduler, "stay");
    /* The machine stays up, but nobody answers there any more. */
    sim_node_kill(cluster->places[number].machine.node);
    AWAIT(cluster, executors[0].shutdowns == 1);
    AWAIT(cluster, executors[0].ended == MESOS_DRIVER_STOPPED);
}

static void x4_an_agent_away_for_longer_than_the_recovery_timeout_is_the_end(struct cluster *cluster,
                                                                             struct scheduler *scheduler) {
    unsigned number = start(scheduler, "stay");
    int64_t gone_ns;

    cluster_kill_agent(cluster, number);
    gone_ns = sim_now(cluster->sim);
    cluster_run(cluster, 10 * MINUTE);
    assert_int_equal(executors[0].shutdowns, 0);
    AWAIT(cluster, executors[0].shutdowns == 1);
    assert_true(sim_now(cluster->sim) - gone_ns >= 15 * MINUTE - SECOND);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        SCENARIO(e1_registered_brings_the_data_unchanged),
        SCENARIO(e2_e3_a_restarted_agent_gives_disconnected_and_reregistered),
        SCENARIO(e4_one_executor_gets_all_its_tasks),
        SCENARIO(e5_a_kill_is_the_executors_to_answer),
        SCENARIO(e6_x3_messages_go_both_ways),
        SCENARIO(e7_a_shut_down_executor_ends),
        SCENARIO(e8_x2_staging_aborts_before_it_is_told),
        SCENARIO(e9_what_an_executor_leaves_is_ended_by_the_agent),
        SCENARIO(x1_every_call_returns_the_status),
        SCENARIO(x2_an_update_is_told_again_across_a_restart_of_the_agent),
        SCENARIO(x2_an_update_outlives_a_failover_of_the_master),
        SCENARIO(x2_ids_time_and_source_are_filled_in),
        SCENARIO(x4_without_checkpointing_a_lost_agent_is_the_end),
        SCENARIO(x4_an_agent_away_for_longer_than_the_recovery_timeout_is_the_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
