/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/test_cluster.h"

/* Registration */

static void registers_with_resources_and_capabilities(void **state) {
    struct cluster *cluster = cluster_new(1);
    const Mesos__Internal__RegisterSlaveMessage *message = last_received(cluster, "RegisterSlaveMessage");
    double mem = 0, disk = 0;

    assert_non_null(message);
    assert_string_equal(message->version, "1.11.0");
    assert_string_equal(message->slave->hostname, "10.0.0.2");
    assert_int_equal(message->slave->n_resources, 4);
    for (size_t i = 0; i < message->slave->n_resources; i++) {
        const Mesos__V1__Resource *resource = message->slave->resources[i];

        assert_string_equal(resource->role, "*");
        if (strcmp(resource->name, "mem") == 0)
            mem = resource->scalar->value;
        if (strcmp(resource->name, "disk") == 0)
            disk = resource->scalar->value;
    }
    assert_true(mem == 7 * 1024);
    assert_true(disk == 95 * 1024);
    assert_true(message->n_agent_capabilities >= 3);
    assert_string_equal(agent_id(cluster->agent), AGENT_ID);
    cluster_free(cluster);
}

static void tries_to_register_until_the_master_answers(void **state) {
    struct cluster *cluster = cluster_new_stopped(2);

    cluster->answers = false;
    start_agent(cluster);
    run_for(cluster, 3 * MINUTE);
    assert_false(agent_is_registered(cluster->agent));
    /* 2 s, 4 s, … 1 min at most, each times a random part: some tries, but not many. */
    assert_in_range(count_received(cluster, "RegisterSlaveMessage"), 4, 40);
    cluster->answers = true;
    await_registration(cluster);
    cluster_free(cluster);
}

static void registers_again_when_the_master_restarts(void **state) {
    struct cluster *cluster = cluster_new(3);

    master_stop(cluster);
    run_for(cluster, 5 * SECOND);
    assert_false(agent_is_registered(cluster->agent));
    master_start(cluster);
    await_registration(cluster);
    assert_int_equal(count_received(cluster, "RegisterSlaveMessage"), 1);
    assert_true(count_received(cluster, "ReregisterSlaveMessage") >= 1);
    cluster_free(cluster);
}

static void ping(struct cluster *cluster, bool is_connected) {
    Mesos__Internal__PingSlaveMessage message = MESOS__INTERNAL__PING_SLAVE_MESSAGE__INIT;

    message.connected = is_connected;
    master_send(cluster, &message.base);
}

static void registers_again_when_the_master_holds_it_for_disconnected(void **state) {
    struct cluster *cluster = cluster_new(4);

    ping(cluster, true);
    run_for(cluster, 5 * SECOND);
    assert_int_equal(count_received(cluster, "PongSlaveMessage"), 1);
    assert_int_equal(count_received(cluster, "ReregisterSlaveMessage"), 0);
    ping(cluster, false);
    run_for(cluster, 5 * SECOND);
    assert_int_equal(count_received(cluster, "PongSlaveMessage"), 2);
    assert_true(count_received(cluster, "ReregisterSlaveMessage") >= 1);
    assert_true(agent_is_registered(cluster->agent));
    cluster_free(cluster);
}

static void registers_again_when_no_pings_come(void **state) {
    struct cluster *cluster = cluster_new(5);

    run_for(cluster, 74 * SECOND);
    assert_int_equal(count_received(cluster, "ReregisterSlaveMessage"), 0);
    run_for(cluster, 4 * SECOND);
    assert_true(count_received(cluster, "ReregisterSlaveMessage") >= 1);
    cluster_free(cluster);
}

/* Tasks */

static struct fake_container *launch(struct cluster *cluster, const struct task_options *options) {
    run_task(cluster, options);
    run_for(cluster, 100 * MILLISECOND);
    assert_false(list_is_empty(&cluster->containers));
    return fake_last(cluster);
}

static void a_command_task_runs_in_a_container_of_mesos_executor(void **state) {
    struct cluster *cluster = cluster_new(10);
    const struct fake_container *container = launch(cluster, &(struct task_options){.id = "t"});
    const char *sandbox = WORK_DIR "/slaves/" AGENT_ID "/frameworks/" FRAMEWORK_ID "/executors/t/runs/";

    assert_string_equal(container->command, "/usr/libexec/mesos/mesos-executor");
    assert_string_equal(container->user, "alice");
    assert_memory_equal(container->directory, sandbox, strlen(sandbox));
    assert_string_equal(fake_variable(container, "MESOS_SANDBOX"), container->directory);
    assert_string_equal(fake_variable(container, "MESOS_DIRECTORY"), container->directory);
    assert_string_equal(fake_variable(container, "MESOS_AGENT_ENDPOINT"), "10.0.0.2:5051");
    assert_string_equal(fake_variable(container, "MESOS_SLAVE_PID"), "slave(1)@10.0.0.2:5051");
    assert_string_equal(fake_variable(container, "MESOS_EXECUTOR_SHUTDOWN_GRACE_PERIOD"), "3secs");
    assert_string_equal(fake_variable(container, "MESOS_CHECKPOINT"), "0");
    assert_string_equal(fake_variable(container, "LIBPROCESS_PORT"), "0");
    assert_null(fake_variable(container, "MESOS_RECOVERY_TIMEOUT"));
    cluster_free(cluster);
}

/* The pid is that of the container which the executor names. */
static void updates_of_nested_containers_do_not_get_the_pid_of_the_executor(void **state) {
    struct cluster *cluster = cluster_new(15);
    const struct fake_container *container = launch(cluster, &(struct task_options){.id = "t"});
    struct test_executor executor;
    Mesos__V1__TaskStatus status = MESOS__V1__TASK_STATUS__INIT;
    Mesos__V1__TaskID task_id = MESOS__V1__TASK_ID__INIT;
    Mesos__V1__ContainerStatus place = MESOS__V1__CONTAINER_STATUS__INIT;
    Mesos__V1__ContainerID id = MESOS__V1__CONTAINER_ID__INIT, parent = MESOS__V1__CONTAINER_ID__INIT;

    executor_start(&executor, cluster, container);
    run_for(cluster, SECOND);
    task_id.value = (char *)"t";
    status.task_id = &task_id;
    status.state = MESOS__V1__TASK_STATE__TASK_STARTING;
    status.container_status = &place;
    place.container_id = &parent;
    parent.value = container->id;
    executor_client_send_update(executor.client, &status);
    run_for(cluster, SECOND);
    assert_int_equal(last_status(cluster)->container_status->executor_pid, 4711);
    acknowledge_last(cluster);
    status.state = MESOS__V1__TASK_STATE__TASK_RUNNING;
    place.container_id = &id;
    id.value = (char *)"nested";
    id.parent = &parent;
    executor_client_send_update(executor.client, &status);
    run_for(cluster, SECOND);
    assert_int_equal(last_status(cluster)->state, TASK_RUNNING);
    assert_false(last_status(cluster)->container_status->has_executor_pid);
    executor_end(&executor);
    cluster_free(cluster);
}

static void updates_go_to_the_master_one_by_one_until_acknowledged(void **state) {
    struct cluster *cluster = cluster_new(11);
    struct test_executor executor;

    executor_start(&executor, cluster, launch(cluster, &(struct task_options){.id = "t"}));
    run_for(cluster, SECOND);
    assert_int_equal(executor.subscribed, 1);
    assert_int_equal(executor.launches, 1);
    assert_string_equal(executor.last_task, "t");
    executor_update(&executor, "t", TASK_RUNNING);
    executor_update(&executor, "t", TASK_FINISHED);
    run_for(cluster, SECOND);
    assert_int_equal(executor.acknowledged, 2);
    assert_int_equal(count_received(cluster, "StatusUpdateMessage"), 1);
    assert_int_equal(last_status(cluster)->state, TASK_RUNNING);
    assert_int_equal(last_status(cluster)->container_status->executor_pid, 4711);
    run_for(cluster, 10 * SECOND);
    assert_int_equal(count_received(cluster, "StatusUpdateMessage"), 2);
    {
        const Mesos__Internal__StatusUpdateMessage *message = last_received(cluster, "StatusUpdateMessage");

        /* Each sending says how far the task is by now. */
        assert_int_equal(message->update->latest_state, TASK_FINISHED);
        assert_string_equal(message->pid, "slave(1)@10.0.0.2:5051");
    }
    run_for(cluster, 18 * SECOND);
    assert_int_equal(count_received(cluster, "StatusUpdateMessage"), 2);
    run_for(cluster, 2 * SECOND);
    assert_int_equal(count_received(cluster, "StatusUpdateMessage"), 3);
    assert_int_equal(last_status(cluster)->state, TASK_RUNNING);
    acknowledge_last(cluster);
    run_for(cluster, SECOND);
    assert_int_equal(last_status(cluster)->state, TASK_FINISHED);
    acknowledge_last(cluster);
    run_for(cluster, 10 * MINUTE);
    assert_int_equal(count_received(cluster, "StatusUpdateMessage"), 4);
    executor_end(&executor);
    cluster_free(cluster);
}

static void an_acknowledgement_out_of_order_changes_nothing(void **state) {
    struct cluster *cluster = cluster_new(12);
    struct test_executor executor;

    executor_start(&executor, cluster, launch(cluster, &(struct task_options){.id = "t"}));
    run_for(cluster, SECOND);
    executor_update(&executor, "t", TASK_RUNNING);
    run_for(cluster, SECOND);
    acknowledge_last(cluster);
    acknowledge_last(cluster);
    run_for(cluster, SECOND);
    executor_update(&executor, "t", TASK_FINISHED);
    run_for(cluster, SECOND);
    assert_int_equal(count_received(cluster, "StatusUpdateMessage"), 2);
    assert_int_equal(last_status(cluster)->state, TASK_FINISHED);
    executor_end(&executor);
    cluster_free(cluster);
}

static void a_kill_before_the_executor_is_there_stops_the_launch(void **state) {
    struct cluster *cluster = cluster_new(13);

    run_task(cluster, &(struct task_options){.id = "t"});
    kill_task(cluster, "t");
    run_for(cluster, SECOND);
    assert_int_equal(last_status(cluster)->state, TASK_KILLED);
    assert_int_equal(last_status(cluster)->reason, MESOS__V1__TASK_STATUS__REASON__REASON_TASK_KILLED_DURING_LAUNCH);
    if (!list_is_empty(&cluster->containers))
        assert_true(fake_last(cluster)->is_destroyed);
    acknowledge_last(cluster);
    run_for(cluster, SECOND);
    assert_int_equal(count_received(cluster, "StatusUpdateMessage"), 1);
    cluster_free(cluster);
}

static void a_kill_reaches_the_executor(void **state) {
    struct cluster *cluster = cluster_new(14);
    struct test_executor executor;

    executor_start(&executor, cluster, launch(cluster, &(struct task_options){.id = "t"}));
    run_for(cluster, SECOND);
    kill_task(cluster, "t");
    run_for(cluster, SECOND);
    assert_int_equal(executor.kills, 1);
    assert_int_equal(count_received(cluster, "StatusUpdateMessage"), 0);
    executor_end(&executor);
    cluster_free(cluster);
}

static void a_kill_of_a_task_that_is_not_there_is_answered(void **state) {
    struct cluster *cluster = cluster_new(15);
    struct test_executor executor;

    executor_start(&executor, cluster,
                   launch(cluster, &(struct task_options){.id = "t", .executor_id = "e", .is_partition_aware = true}));
    run_for(cluster, SECOND);
    kill_task(cluster, "other");
    run_for(cluster, SECOND);
    assert_int_equal(last_status(cluster)->state, TASK_DROPPED);
    assert_string_equal(last_status(cluster)->task_id->value, "other");
    executor_end(&executor);
    cluster_free(cluster);
}

static void tasks_of_an_executor_that_exits_fail(void **state) {
    struct cluster *cluster = cluster_new(16);
    struct test_executor executor;
    struct fake_container *container = launch(cluster, &(struct task_options){.id = "t", .executor_id = "e"});
    const Mesos__Internal__ExitedExecutorMessage *exited;

    executor_start(&executor, cluster, container);
    run_for(cluster, SECOND);
    fake_exit(container, 3 << 8);
    run_for(cluster, SECOND);
    assert_int_equal(last_status(cluster)->state, TASK_FAILED);
    assert_int_equal(last_status(cluster)->source, MESOS__V1__TASK_STATUS__SOURCE__SOURCE_AGENT);
    assert_int_equal(last_status(cluster)->reason, MESOS__V1__TASK_STATUS__REASON__REASON_EXECUTOR_TERMINATED);
    exited = last_received(cluster, "ExitedExecutorMessage");
    assert_non_null(exited);
    assert_int_equal(exited->status, 3 << 8);
    assert_string_equal(exited->executor_id->value, "e");
    executor_end(&executor);
    cluster_free(cluster);
}

static void the_master_is_not_told_of_the_end_of_a_command_executor(void **state) {
    struct cluster *cluster = cluster_new(17);
    struct test_executor executor;
    struct fake_container *container = launch(cluster, &(struct task_options){.id = "t"});

    executor_start(&executor, cluster, container);
    run_for(cluster, SECOND);
    fake_exit(container, 9);
    run_for(cluster, SECOND);
    assert_int_equal(last_status(cluster)->state, TASK_FAILED);
    assert_int_equal(count_received(cluster, "ExitedExecutorMessage"), 0);
    executor_end(&executor);
    cluster_free(cluster);
}

static void an_executor_that_does_not_register_in_time_is_killed(void **state) {
    struct cluster *cluster = cluster_new(18);
    const struct fake_container *container = launch(cluster, &(struct task_options){.id = "t"});

    run_for(cluster, 29 * SECOND);
    assert_false(container->is_destroyed);
    run_for(cluster, 2 * SECOND);
    assert_true(container->is_destroyed);
    assert_int_equal(last_status(cluster)->state, TASK_FAILED);
    assert_int_equal(last_status(cluster)->reason,
                     MESOS__V1__TASK_STATUS__REASON__REASON_EXECUTOR_REGISTRATION_TIMEOUT);
    assert_string_equal(last_status(cluster)->message, "Executor did not register within 30secs");
    cluster_free(cluster);
}

static void a_container_that_can_not_be_started_fails_its_task(void **state) {
    struct cluster *cluster = cluster_new(19);

    cluster->fails_launches = true;
    launch(cluster, &(struct task_options){.id = "t"});
    run_for(cluster, SECOND);
    assert_int_equal(last_status(cluster)->state, TASK_FAILED);
    assert_int_equal(last_status(cluster)->reason, MESOS__V1__TASK_STATUS__REASON__REASON_CONTAINER_LAUNCH_FAILED);
    assert_string_equal(last_status(cluster)->message, "Failed to launch container: no such luck");
    cluster_free(cluster);
}

/* Heartbeats come so seldom that whoever watches for them must be patient. */
static void an_idle_executor_stays_subscribed(void **state) {
    struct cluster *cluster = cluster_new(42);
    struct test_executor executor;
    struct fake_container *container = launch(cluster, &(struct task_options){.id = "t", .executor_id = "e"});

    executor_start(&executor, cluster, container);
    run_for(cluster, 12 * HOUR);
    assert_int_equal(executor.subscribed, 1);
    assert_false(executor.is_abandoned);
    executor_end(&executor);
    cluster_free(cluster);
}

static void an_executor_gets_its_grace_period_to_shut_down(void **state) {
    struct cluster *cluster = cluster_new(20);
    struct test_executor executor;
    const struct fake_container *container = launch(cluster, &(struct task_options){.id = "t", .executor_id = "e"});

    executor_start(&executor, cluster, container);
    run_for(cluster, SECOND);
    shutdown_executor(cluster, "e");
    run_for(cluster, 2900 * MILLISECOND);
    assert_int_equal(executor.shutdowns, 1);
    assert_false(container->is_destroyed);
    run_for(cluster, 200 * MILLISECOND);
    assert_true(container->is_destroyed);
    assert_int_equal(last_status(cluster)->state, TASK_FAILED);
    executor_end(&executor);
    cluster_free(cluster);
}

static void a_framework_that_is_shut_down_gets_no_more_updates(void **state) {
    struct cluster *cluster = cluster_new(21);
    struct test_executor executor;
    struct fake_container *container = launch(cluster, &(struct task_options){.id = "t", .executor_id = "e"});

    executor_start(&executor, cluster, container);
    run_for(cluster, SECOND);
    shutdown_framework(cluster);
    run_for(cluster, SECOND);
    assert_int_equal(executor.shutdowns, 1);
    fake_exit(container, 0);
    run_for(cluster, MINUTE);
    assert_int_equal(count_received(cluster, "StatusUpdateMessage"), 0);
    executor_end(&executor);
    cluster_free(cluster);
}

static void a_second_task_goes_to_the_running_executor(void **state) {
    struct cluster *cluster = cluster_new(22);
    struct test_executor executor;
    struct fake_container *container = launch(cluster, &(struct task_options){.id = "t1", .executor_id = "e"});

    executor_start(&executor, cluster, container);
    run_for(cluster, SECOND);
    run_task(cluster, &(struct task_options){.id = "t2", .executor_id = "e"});
    run_for(cluster, SECOND);
    assert_ptr_equal(fake_last(cluster), container);
    assert_int_equal(executor.launches, 2);
    assert_string_equal(executor.last_task, "t2");
    assert_true(container->cpus == 1);
    executor_end(&executor);
    cluster_free(cluster);
}

static void a_task_that_came_twice_runs_once(void **state) {
    struct cluster *cluster = cluster_new(23);
    struct test_executor executor;

    executor_start(&executor, cluster, launch(cluster, &(struct task_options){.id = "t", .executor_id = "e"}));
    run_task(cluster, &(struct task_options){.id = "t", .executor_id = "e"});
    run_for(cluster, SECOND);
    assert_int_equal(executor.launches, 1);
    executor_end(&executor);
    cluster_free(cluster);
}

static void a_task_for_another_agent_is_ignored(void **state) {
    struct cluster *cluster = cluster_new(24);
    struct task_parts parts;

    task_parts_init(&parts, &(struct task_options){.id = "t"});
    parts.agent_id.value = (char *)"another";
    master_send(cluster, &parts.message.base);
    run_for(cluster, SECOND);
    assert_true(list_is_empty(&cluster->containers));
    cluster_free(cluster);
}

static void ids_that_are_no_file_names_are_refused(void **state) {
    static const char *const ids[] = {"../../etc", "a/b", "..", ""};
    struct cluster *cluster = cluster_new(25);

    for (size_t i = 0; i < ARRAY_SIZE(ids); i++)
        run_task(cluster, &(struct task_options){.id = ids[i], .executor_id = "e"});
    run_task(cluster, &(struct task_options){.id = "t", .executor_id = "../x"});
    run_for(cluster, SECOND);
    assert_true(list_is_empty(&cluster->containers));
    cluster_free(cluster);
}

static void a_task_for_an_executor_that_should_run_but_does_not_is_lost(void **state) {
    struct cluster *cluster = cluster_new(26);

    run_task(cluster, &(struct task_options){.id = "t", .executor_id = "e", .has_launch_executor = true});
    run_for(cluster, SECOND);
    assert_int_equal(last_status(cluster)->state, TASK_LOST);
    assert_int_equal(last_status(cluster)->reason, MESOS__V1__TASK_STATUS__REASON__REASON_EXECUTOR_TERMINATED);
    assert_true(list_is_empty(&cluster->containers));
    cluster_free(cluster);
}

static void messages_pass_between_framework_and_executor(void **state) {
    struct cluster *cluster = cluster_new(27);
    struct test_executor executor;
    Mesos__Internal__FrameworkToExecutorMessage message = MESOS__INTERNAL__FRAMEWORK_TO_EXECUTOR_MESSAGE__INIT;
    Mesos__V1__AgentID agent = MESOS__V1__AGENT_ID__INIT;
    Mesos__V1__FrameworkID framework_id = MESOS__V1__FRAMEWORK_ID__INIT;
    Mesos__V1__ExecutorID executor_id = MESOS__V1__EXECUTOR_ID__INIT;
    const Mesos__Internal__ExecutorToFrameworkMessage *answer;

    executor_start(&executor, cluster, launch(cluster, &(struct task_options){.id = "t", .executor_id = "e"}));
    run_for(cluster, SECOND);
    agent.value = (char *)AGENT_ID;
    framework_id.value = (char *)FRAMEWORK_ID;
    executor_id.value = (char *)"e";
    message.slave_id = &agent;
    message.framework_id = &framework_id;
    message.executor_id = &executor_id;
    message.data = (ProtobufCBinaryData){.data = (uint8_t *)"ping", .len = 4};
    master_send(cluster, &message.base);
    executor_client_send_message(executor.client, "po\0ng", 5);
    run_for(cluster, SECOND);
    assert_int_equal(executor.messages, 1);
    answer = last_received(cluster, "ExecutorToFrameworkMessage");
    assert_non_null(answer);
    assert_int_equal(answer->data.len, 5);
    assert_memory_equal(answer->data.data, "po\0ng", 5);
    executor_end(&executor);
    cluster_free(cluster);
}

static void messages_from_another_master_are_ignored(void **state) {
    struct cluster *cluster = cluster_new(28);
    struct sim_node *node = sim_node_new(cluster->sim, "10.0.0.9");
    struct router *router = router_new();
    struct process_endpoint *endpoint = process_endpoint_new(sim_node_env(node), router, NULL);
    const struct address address = address_tcp("10.0.0.9", 5050);
    struct process impostor = {0};
    struct task_parts parts;
    cleanup_buffer struct buffer body = BUFFER_INIT;
    struct pid to = {.address = cluster->agent_address};

    assert_int_equal(process_endpoint_listen(endpoint, &address, NULL, NULL), 0);
    process_init(&impostor, endpoint, "master", master_ops());
    task_parts_init(&parts, &(struct task_options){.id = "t"});
    message_encode(&parts.message.base, &body);
    snprintf(to.id, sizeof(to.id), "slave(1)");
    process_send(&impostor, &to, parts.message.base.descriptor->name, body.data, body.size);
    run_for(cluster, SECOND);
    assert_true(list_is_empty(&cluster->containers));
    process_done(&impostor);
    process_endpoint_free(endpoint);
    router_free(router);
    cluster_free(cluster);
}

static void broken_and_unknown_messages_are_dropped(void **state) {
    struct cluster *cluster = cluster_new(29);
    struct pid to = {.address = cluster->agent_address};

    snprintf(to.id, sizeof(to.id), "slave(1)");
    process_send(&cluster->master, &to, "mesos.internal.RunTaskMessage", "\xff\xff\xff", 3);
    process_send(&cluster->master, &to, "mesos.internal.KillTaskMessage", "", 0);
    process_send(&cluster->master, &to, "mesos.internal.NoSuchMessage", "", 0);
    run_for(cluster, SECOND);
    assert_true(agent_is_registered(cluster->agent));
    cluster_free(cluster);
}

/* The end */

static void a_shutdown_ends_executors_and_leaves_the_master(void **state) {
    struct cluster *cluster = cluster_new(40);
    struct test_executor executor;
    struct fake_container *container = launch(cluster, &(struct task_options){.id = "t", .executor_id = "e"});

    executor_start(&executor, cluster, container);
    run_for(cluster, SECOND);
    agent_shutdown(cluster->agent, "enough");
    run_for(cluster, SECOND);
    assert_int_equal(count_received(cluster, "UnregisterSlaveMessage"), 1);
    assert_int_equal(executor.shutdowns, 1);
    assert_false(cluster->has_ended);
    fake_exit(container, 0);
    run_for(cluster, SECOND);
    assert_true(cluster->has_ended);
    executor_end(&executor);
    cluster_free(cluster);
}

static void another_id_than_the_known_one_ends_the_agent(void **state) {
    struct cluster *cluster = cluster_new(41);
    Mesos__Internal__SlaveReregisteredMessage message = MESOS__INTERNAL__SLAVE_REREGISTERED_MESSAGE__INIT;
    Mesos__V1__AgentID id = MESOS__V1__AGENT_ID__INIT;

    id.value = (char *)"another";
    message.slave_id = &id;
    master_send(cluster, &message.base);
    run_for(cluster, SECOND);
    assert_true(cluster->has_ended);
    cluster_free(cluster);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(registers_with_resources_and_capabilities),
        cmocka_unit_test(tries_to_register_until_the_master_answers),
        cmocka_unit_test(registers_again_when_the_master_restarts),
        cmocka_unit_test(registers_again_when_the_master_holds_it_for_disconnected),
        cmocka_unit_test(registers_again_when_no_pings_come),
        cmocka_unit_test(a_command_task_runs_in_a_container_of_mesos_executor),
        cmocka_unit_test(updates_of_nested_containers_do_not_get_the_pid_of_the_executor),
        cmocka_unit_test(updates_go_to_the_master_one_by_one_until_acknowledged),
        cmocka_unit_test(an_acknowledgement_out_of_order_changes_nothing),
        cmocka_unit_test(a_kill_before_the_executor_is_there_stops_the_launch),
        cmocka_unit_test(a_kill_reaches_the_executor),
        cmocka_unit_test(an_idle_executor_stays_subscribed),
        cmocka_unit_test(a_kill_of_a_task_that_is_not_there_is_answered),
        cmocka_unit_test(tasks_of_an_executor_that_exits_fail),
        cmocka_unit_test(the_master_is_not_told_of_the_end_of_a_command_executor),
        cmocka_unit_test(an_executor_that_does_not_register_in_time_is_killed),
        cmocka_unit_test(a_container_that_can_not_be_started_fails_its_task),
        cmocka_unit_test(an_executor_gets_its_grace_period_to_shut_down),
        cmocka_unit_test(a_framework_that_is_shut_down_gets_no_more_updates),
        cmocka_unit_test(a_second_task_goes_to_the_running_executor),
        cmocka_unit_test(a_task_that_came_twice_runs_once),
        cmocka_unit_test(a_task_for_another_agent_is_ignored),
        cmocka_unit_test(ids_that_are_no_file_names_are_refused),
        cmocka_unit_test(a_task_for_an_executor_that_should_run_but_does_not_is_lost),
        cmocka_unit_test(messages_pass_between_framework_and_executor),
        cmocka_unit_test(messages_from_another_master_are_ignored),
        cmocka_unit_test(broken_and_unknown_messages_are_dropped),
        cmocka_unit_test(a_shutdown_ends_executors_and_leaves_the_master),
        cmocka_unit_test(another_id_than_the_known_one_ends_the_agent),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
