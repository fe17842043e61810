/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/checkpoint.h"
#include "agent/status_updates.h"
#include "agent/test_cluster.h"

#define META WORK_DIR "/meta/slaves/" AGENT_ID
#define EXECUTOR META "/frameworks/" FRAMEWORK_ID "/executors/e"

static const struct task_options checkpointed = {.id = "t", .executor_id = "e", .checkpoint = true};

static struct fake_container *launch(struct cluster *cluster, struct test_executor *executor) {
    run_task(cluster, &checkpointed);
    run_for(cluster, SECOND);
    assert_false(list_is_empty(&cluster->containers));
    executor_start(executor, cluster, fake_last(cluster));
    run_for(cluster, SECOND);
    assert_int_equal(executor->launches, 1);
    return fake_last(cluster);
}

static bool exists(struct cluster *cluster, const char *format, ...) printf_like_(2, 3);
static bool exists(struct cluster *cluster, const char *format, ...) {
    cleanup_free char *path = NULL;
    va_list arguments;

    va_start(arguments, format);
    path = xvasprintf(format, arguments);
    va_end(arguments);
    return env_file_exists(sim_node_env(cluster->agent_node), path);
}

static void the_files_are_those_of_mesos(void **state) {
    struct cluster *cluster = cluster_new(1);
    struct test_executor executor;
    const struct fake_container *container = launch(cluster, &executor);
    cleanup_(arena_done) struct arena arena = ARENA_INIT;
    cleanup_free char *task_path = xasprintf(EXECUTOR "/runs/%s/tasks/t/task.info", container->id);
    cleanup_free char *target = NULL;
    ProtobufCMessage *message;
    const Mesos__V1__Task *task;

    executor_update(&executor, "t", TASK_RUNNING);
    run_for(cluster, SECOND);
    assert_true(exists(cluster, WORK_DIR "/meta/boot_id"));
    assert_true(exists(cluster, META "/slave.info"));
    assert_true(exists(cluster, META "/frameworks/" FRAMEWORK_ID "/framework.info"));
    assert_true(exists(cluster, META "/frameworks/" FRAMEWORK_ID "/framework.pid"));
    assert_true(exists(cluster, EXECUTOR "/executor.info"));
    assert_true(exists(cluster, EXECUTOR "/executor_generated_for_command_task"));
    assert_true(exists(cluster, EXECUTOR "/runs/%s/http.marker", container->id));
    assert_true(exists(cluster, EXECUTOR "/runs/%s/tasks/t/task.updates", container->id));
    assert_int_equal(env_read_link(sim_node_env(cluster->agent_node), WORK_DIR "/meta/slaves/latest", &target, NULL),
                     0);
    assert_string_equal(target, META);
    assert_int_equal(checkpoint_read_message(sim_node_env(cluster->agent_node), task_path, &mesos__v1__task__descriptor,
                                             &arena, &message, NULL),
                     0);
    task = (const Mesos__V1__Task *)message;
    assert_string_equal(task->task_id->value, "t");
    assert_string_equal(task->framework_id->value, FRAMEWORK_ID);
    executor_end(&executor);
    cluster_free(cluster);
}

static void a_restarted_agent_takes_up_its_executor(void **state) {
    struct cluster *cluster = cluster_new(2);
    struct test_executor executor;
    const Mesos__Internal__ReregisterSlaveMessage *message;
    struct fake_container *container = launch(cluster, &executor);

    executor_update(&executor, "t", TASK_RUNNING);
    run_for(cluster, SECOND);
    acknowledge_last(cluster);
    run_for(cluster, SECOND);
    kill_agent(cluster);
    run_for(cluster, 100 * MILLISECOND);
    forget_received(cluster);
    container->cpus = 0;
    start_agent(cluster);
    await_registration(cluster);
    run_for(cluster, SECOND);
    assert_int_equal(executor.subscribed, 2);
    assert_false(container->is_destroyed);
    assert_true(container->cpus == 0.5);
    message = last_received(cluster, "ReregisterSlaveMessage");
    assert_non_null(message);
    assert_int_equal(message->n_tasks, 1);
    assert_int_equal(message->tasks[0]->state, TASK_RUNNING);
    assert_int_equal(message->n_executor_infos, 1);
    assert_int_equal(message->n_frameworks, 1);
    /* What was acknowledged is not said again. */
    assert_int_equal(count_received(cluster, "StatusUpdateMessage"), 0);
    executor_update(&executor, "t", TASK_FINISHED);
    run_for(cluster, SECOND);
    assert_int_equal(last_status(cluster)->state, TASK_FINISHED);
    assert_true(container->cpus == 0);
    executor_end(&executor);
    cluster_free(cluster);
}

static void an_update_that_was_not_acknowledged_is_sent_again(void **state) {
    struct cluster *cluster = cluster_new(3);
    struct test_executor executor;

    launch(cluster, &executor);
    executor_update(&executor, "t", TASK_RUNNING);
    run_for(cluster, SECOND);
    kill_agent(cluster);
    forget_received(cluster);
    start_agent(cluster);
    await_registration(cluster);
    run_for(cluster, SECOND);
    assert_int_equal(count_received(cluster, "StatusUpdateMessage"), 1);
    assert_int_equal(last_status(cluster)->state, TASK_RUNNING);
    executor_end(&executor);
    cluster_free(cluster);
}

static void an_executor_that_ended_meanwhile_loses_its_tasks(void **state) {
    struct cluster *cluster = cluster_new(4);
    struct test_executor executor;
    struct fake_container *container = launch(cluster, &executor);

    executor_update(&executor, "t", TASK_RUNNING);
    run_for(cluster, SECOND);
    acknowledge_last(cluster);
    run_for(cluster, SECOND);
    kill_agent(cluster);
    executor_end(&executor);
    container->has_ended = true;
    container->exit_status = 9;
    forget_received(cluster);
    start_agent(cluster);
    await_registration(cluster);
    run_for(cluster, SECOND);
    assert_int_equal(last_status(cluster)->state, TASK_FAILED);
    assert_int_equal(last_status(cluster)->reason, MESOS__V1__TASK_STATUS__REASON__REASON_EXECUTOR_TERMINATED);
    cluster_free(cluster);
}

static void an_executor_that_does_not_come_back_in_time_is_killed(void **state) {
    struct cluster *cluster = cluster_new(5);
    struct test_executor executor;
    struct fake_container *container = launch(cluster, &executor);

    executor_update(&executor, "t", TASK_RUNNING);
    run_for(cluster, SECOND);
    acknowledge_last(cluster);
    run_for(cluster, SECOND);
    kill_agent(cluster);
    executor_end(&executor);
    forget_received(cluster);
    start_agent(cluster);
    run_for(cluster, 1900 * MILLISECOND);
    assert_false(container->is_destroyed);
    assert_int_equal(count_received(cluster, "ReregisterSlaveMessage"), 0);
    await_registration(cluster);
    run_for(cluster, SECOND);
    assert_true(container->is_destroyed);
    assert_int_equal(last_status(cluster)->state, TASK_LOST);
    assert_int_equal(last_status(cluster)->reason,
                     MESOS__V1__TASK_STATUS__REASON__REASON_EXECUTOR_REREGISTRATION_TIMEOUT);
    cluster_free(cluster);
}

static void tasks_without_checkpoint_are_forgotten(void **state) {
    struct cluster *cluster = cluster_new(6);
    const Mesos__Internal__ReregisterSlaveMessage *message;

    run_task(cluster, &(struct task_options){.id = "t"});
    run_for(cluster, SECOND);
    kill_agent(cluster);
    start_agent(cluster);
    await_registration(cluster);
    message = last_received(cluster, "ReregisterSlaveMessage");
    assert_non_null(message);
    assert_int_equal(message->n_tasks, 0);
    cluster_free(cluster);
}

static void a_task_that_the_executor_never_got_is_lost(void **state) {
    struct cluster *cluster = cluster_new(7);
    struct test_executor executor;

    launch(cluster, &executor);
    /* It is there, but never saw the second task: the agent dies before that is delivered. */
    sim_partition(cluster->sim, cluster->agent_node, cluster->executor_node);
    run_task(cluster, &(struct task_options){.id = "t2", .executor_id = "e", .checkpoint = true});
    run_for(cluster, SECOND);
    kill_agent(cluster);
    sim_heal_all(cluster->sim);
    executor_end(&executor);
    forget_received(cluster);
    start_agent(cluster);
    executor_start(&executor, cluster, fake_last(cluster));
    await_registration(cluster);
    run_for(cluster, SECOND);
    assert_true(count_received(cluster, "StatusUpdateMessage") >= 1);
    assert_int_equal(last_status(cluster)->state, TASK_LOST);
    assert_int_equal(last_status(cluster)->reason, MESOS__V1__TASK_STATUS__REASON__REASON_AGENT_RESTARTED);
    executor_end(&executor);
    cluster_free(cluster);
}

/* What may have happened to the disk */

static void write_file(struct cluster *cluster, const char *path, const char *text, size_t size) {
    assert_int_equal(env_file_write_now(sim_node_env(cluster->agent_node), path, text, size, NULL), 0);
}

static void a_broken_file_is_fatal_only_if_strict(void **state) {
    struct cluster *cluster = cluster_new(8);
    struct test_executor executor;
    cleanup_error struct error err = ERROR_INIT;

    launch(cluster, &executor);
    kill_agent(cluster);
    executor_end(&executor);
    write_file(cluster, EXECUTOR "/executor.info", "\x05\0\0\0garbage", 11);
    assert_int_equal(try_agent(cluster, &err), -1);
    assert_non_null(strstr(error_message(&err), "executor.info"));
    cluster->flags.strict = false;
    start_agent(cluster);
    await_registration(cluster);
    cluster_free(cluster);
}

static void the_unfinished_end_of_the_updates_is_dropped(void **state) {
    struct cluster *cluster = cluster_new(9);
    struct test_executor executor;
    const struct fake_container *container = launch(cluster, &executor);
    cleanup_free char *path = xasprintf(EXECUTOR "/runs/%s/tasks/t/task.updates", container->id);
    cleanup_buffer struct buffer content = BUFFER_INIT;
    size_t size;

    executor_update(&executor, "t", TASK_RUNNING);
    run_for(cluster, SECOND);
    kill_agent(cluster);
    assert_int_equal(env_file_read(sim_node_env(cluster->agent_node), path, 1 << 20, &content, NULL), 0);
    size = content.size;
    buffer_append(&content, "\x50\0\0\0half of a rec", 17);
    write_file(cluster, path, content.data, content.size);
    forget_received(cluster);
    start_agent(cluster);
    await_registration(cluster);
    run_for(cluster, SECOND);
    assert_int_equal(count_received(cluster, "StatusUpdateMessage"), 1);
    acknowledge_last(cluster);
    executor_update(&executor, "t", TASK_FINISHED);
    run_for(cluster, SECOND);
    assert_int_equal(last_status(cluster)->state, TASK_FINISHED);
    /* The file reads to its end again: nothing is between the old records and the new ones. */
    {
        cleanup_(update_file_done) struct update_file file = {0};

        assert_int_equal(update_file_read(&file, sim_node_env(cluster->agent_node), path, NULL), 0);
        assert_false(file.is_damaged);
        assert_int_equal(file.count, 2);
        assert_true(file.size > size);
    }
    executor_end(&executor);
    cluster_free(cluster);
}

static void a_latest_link_into_nowhere_makes_a_new_agent(void **state) {
    struct cluster *cluster = cluster_new(10);

    kill_agent(cluster);
    forget_received(cluster);
    assert_int_equal(env_symlink(sim_node_env(cluster->agent_node), "/nowhere/x", WORK_DIR "/meta/slaves/latest", NULL),
                     0);
    start_agent(cluster);
    await_registration(cluster);
    assert_int_equal(count_received(cluster, "RegisterSlaveMessage"), 1);
    cluster_free(cluster);
}

static void other_resources_need_another_policy(void **state) {
    struct cluster *cluster = cluster_new(11);
    cleanup_error struct error err = ERROR_INIT;

    kill_agent(cluster);
    cluster->flags.resources = xstrdup("cpus:8");
    assert_int_equal(try_agent(cluster, &err), -1);
    assert_non_null(strstr(error_message(&err), "resources changed"));
    string_replace(&cluster->flags.reconfiguration_policy, "additive");
    start_agent(cluster);
    await_registration(cluster);
    assert_string_equal(agent_id(cluster->agent), AGENT_ID);
    kill_agent(cluster);
    error_done(&err);
    err = ERROR_INIT;
    string_replace(&cluster->flags.resources, "cpus:1");
    assert_int_equal(try_agent(cluster, &err), -1);
    cluster_free(cluster);
}

static void an_update_is_not_sent_before_it_is_written(void **state) {
    struct cluster *cluster = cluster_new(12);
    struct test_executor executor;

    launch(cluster, &executor);
    sim_faults(cluster->sim)->disk_least_ns = sim_faults(cluster->sim)->disk_most_ns = 5 * SECOND;
    executor_update(&executor, "t", TASK_RUNNING);
    run_for(cluster, 4 * SECOND);
    assert_int_equal(count_received(cluster, "StatusUpdateMessage"), 0);
    assert_int_equal(executor.acknowledged, 0);
    run_for(cluster, 2 * SECOND);
    assert_int_equal(count_received(cluster, "StatusUpdateMessage"), 1);
    assert_int_equal(executor.acknowledged, 1);
    executor_end(&executor);
    cluster_free(cluster);
}

static void a_disk_that_fails_delays_updates_but_loses_none(void **state) {
    struct cluster *cluster = cluster_new(13);
    struct test_executor executor;

    launch(cluster, &executor);
    sim_faults(cluster->sim)->disk_error = 1;
    executor_update(&executor, "t", TASK_RUNNING);
    executor_update(&executor, "t", TASK_FINISHED);
    run_for(cluster, 5 * SECOND);
    assert_int_equal(count_received(cluster, "StatusUpdateMessage"), 0);
    sim_faults(cluster->sim)->disk_error = 0;
    run_for(cluster, 3 * SECOND);
    assert_int_equal(last_status(cluster)->state, TASK_RUNNING);
    acknowledge_last(cluster);
    run_for(cluster, SECOND);
    assert_int_equal(last_status(cluster)->state, TASK_FINISHED);
    executor_end(&executor);
    cluster_free(cluster);
}

static void sandboxes_of_ended_frameworks_are_removed_in_time(void **state) {
    struct cluster *cluster = cluster_new(14);
    struct test_executor executor;
    struct fake_container *container = launch(cluster, &executor);

    executor_update(&executor, "t", TASK_FINISHED);
    run_for(cluster, SECOND);
    acknowledge_last(cluster);
    executor_end(&executor);
    fake_exit(container, 0);
    run_for(cluster, SECOND);
    assert_true(exists(cluster, "%s", container->directory));
    /* Half of the disk is in use: 7 days * (1 - 0.1 - 0.5). */
    run_for(cluster, 3 * DAY);
    assert_false(exists(cluster, "%s", container->directory));
    assert_false(exists(cluster, META "/frameworks/" FRAMEWORK_ID));
    cluster_free(cluster);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_files_are_those_of_mesos),
        cmocka_unit_test(a_restarted_agent_takes_up_its_executor),
        cmocka_unit_test(an_update_that_was_not_acknowledged_is_sent_again),
        cmocka_unit_test(an_executor_that_ended_meanwhile_loses_its_tasks),
        cmocka_unit_test(an_executor_that_does_not_come_back_in_time_is_killed),
        cmocka_unit_test(tasks_without_checkpoint_are_forgotten),
        cmocka_unit_test(a_task_that_the_executor_never_got_is_lost),
        cmocka_unit_test(a_broken_file_is_fatal_only_if_strict),
        cmocka_unit_test(the_unfinished_end_of_the_updates_is_dropped),
        cmocka_unit_test(a_latest_link_into_nowhere_makes_a_new_agent),
        cmocka_unit_test(other_resources_need_another_policy),
        cmocka_unit_test(an_update_is_not_sent_before_it_is_written),
        cmocka_unit_test(a_disk_that_fails_delays_updates_but_loses_none),
        cmocka_unit_test(sandboxes_of_ended_frameworks_are_removed_in_time),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
