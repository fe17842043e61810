/* SPDX-License-Identifier: Apache-2.0 */
/* Executors that speak libprocess messages, as drivers of Apache Mesos do. */
#include "agent/test_cluster.h"

/* The scripted executor takes messages as the scripted master does, into a cluster of its own. */
struct pid_executor {
    struct cluster inbox; /* only `received` and `master` are used */
    struct cluster *cluster;
    struct router *router;
    struct process_endpoint *endpoint;
};

static void start(struct pid_executor *executor, struct cluster *cluster) {
    const struct address address = address_tcp("10.0.0.3", 7000);

    *executor = (struct pid_executor){.cluster = cluster};
    list_init(&executor->inbox.received);
    executor->router = router_new();
    executor->endpoint = process_endpoint_new(sim_node_env(cluster->executor_node), executor->router, NULL);
    assert_int_equal(process_endpoint_listen(executor->endpoint, &address, NULL, NULL), 0);
    process_init(&executor->inbox.master, executor->endpoint, "executor(1)", master_ops());
}

static void end(struct pid_executor *executor) {
    process_done(&executor->inbox.master);
    process_endpoint_free(executor->endpoint);
    router_free(executor->router);
    forget_received(&executor->inbox);
}

static void say(struct pid_executor *executor, const ProtobufCMessage *message) {
    struct pid to = {.address = executor->cluster->agent_address};
    cleanup_buffer struct buffer body = BUFFER_INIT;

    snprintf(to.id, sizeof(to.id), "slave(1)");
    message_encode(message, &body);
    process_send(&executor->inbox.master, &to, message->descriptor->name, body.data, body.size);
}

static void say_register(struct pid_executor *executor) {
    Mesos__Internal__RegisterExecutorMessage message = MESOS__INTERNAL__REGISTER_EXECUTOR_MESSAGE__INIT;
    Mesos__V1__FrameworkID framework_id = MESOS__V1__FRAMEWORK_ID__INIT;
    Mesos__V1__ExecutorID executor_id = MESOS__V1__EXECUTOR_ID__INIT;

    framework_id.value = (char *)FRAMEWORK_ID;
    executor_id.value = (char *)"e";
    message.framework_id = &framework_id;
    message.executor_id = &executor_id;
    say(executor, &message.base);
}

/* An update as it stands in StatusUpdateMessage and ReregisterExecutorMessage. */
struct update_parts {
    Mesos__Internal__StatusUpdate update;
    Mesos__V1__TaskStatus status;
    Mesos__V1__TaskID task_id;
    Mesos__V1__FrameworkID framework_id;
    Mesos__V1__ExecutorID executor_id;
    Mesos__V1__AgentID agent_id;
    uint8_t uuid[UUID_BYTES];
};

static void fill_update(struct update_parts *parts, const char *task, enum task_state state, uint8_t number) {
    mesos__internal__status_update__init(&parts->update);
    mesos__v1__task_status__init(&parts->status);
    mesos__v1__task_id__init(&parts->task_id);
    mesos__v1__framework_id__init(&parts->framework_id);
    mesos__v1__executor_id__init(&parts->executor_id);
    mesos__v1__agent_id__init(&parts->agent_id);
    parts->task_id.value = (char *)task;
    parts->framework_id.value = (char *)FRAMEWORK_ID;
    parts->executor_id.value = (char *)"e";
    parts->agent_id.value = (char *)AGENT_ID;
    memset(parts->uuid, number, sizeof(parts->uuid));
    parts->status.task_id = &parts->task_id;
    parts->status.state = (Mesos__V1__TaskState)state;
    parts->status.agent_id = &parts->agent_id;
    parts->update.status = &parts->status;
    parts->update.framework_id = &parts->framework_id;
    parts->update.executor_id = &parts->executor_id;
    parts->update.slave_id = &parts->agent_id;
    parts->update.has_uuid = true;
    parts->update.uuid = (ProtobufCBinaryData){.data = parts->uuid, .len = UUID_BYTES};
}

static void say_update(struct pid_executor *executor, const char *task, enum task_state state, uint8_t number) {
    Mesos__Internal__StatusUpdateMessage message = MESOS__INTERNAL__STATUS_UPDATE_MESSAGE__INIT;
    struct update_parts parts;

    fill_update(&parts, task, state, number);
    message.update = &parts.update;
    say(executor, &message.base);
}

static void begin(struct pid_executor *executor, struct cluster *cluster, bool checkpoint) {
    start(executor, cluster);
    run_task(cluster,
             &(struct task_options){
                 .id = "t", .executor_id = "e", .checkpoint = checkpoint, .pid = "scheduler(1)@10.0.0.1:5050"});
    run_for(cluster, SECOND);
    say_register(executor);
    run_for(cluster, SECOND);
}

static void it_registers_and_gets_its_task(void **state) {
    struct cluster *cluster = cluster_new(1);
    struct pid_executor executor;
    const Mesos__Internal__ExecutorRegisteredMessage *registered;
    const Mesos__Internal__RunTaskMessage *run;

    begin(&executor, cluster, false);
    registered = last_received(&executor.inbox, "ExecutorRegisteredMessage");
    assert_non_null(registered);
    assert_string_equal(registered->executor_info->executor_id->value, "e");
    assert_string_equal(registered->slave_id->value, AGENT_ID);
    run = last_received(&executor.inbox, "RunTaskMessage");
    assert_non_null(run);
    assert_string_equal(run->task->task_id->value, "t");
    assert_string_equal(run->pid, "scheduler(1)@10.0.0.1:5050");
    end(&executor);
    cluster_free(cluster);
}

static void its_updates_are_forwarded_and_acknowledged(void **state) {
    struct cluster *cluster = cluster_new(2);
    struct pid_executor executor;
    const Mesos__Internal__StatusUpdateAcknowledgementMessage *acknowledgement;

    begin(&executor, cluster, false);
    say_update(&executor, "t", TASK_RUNNING, 7);
    run_for(cluster, SECOND);
    assert_int_equal(last_status(cluster)->state, TASK_RUNNING);
    assert_int_equal(last_status(cluster)->source, MESOS__V1__TASK_STATUS__SOURCE__SOURCE_EXECUTOR);
    acknowledgement = last_received(&executor.inbox, "StatusUpdateAcknowledgementMessage");
    assert_non_null(acknowledgement);
    assert_int_equal(acknowledgement->uuid.data[3], 7);
    /* The same once more: acknowledged again, forwarded once. */
    say_update(&executor, "t", TASK_RUNNING, 7);
    run_for(cluster, SECOND);
    assert_int_equal(count_received(&executor.inbox, "StatusUpdateAcknowledgementMessage"), 2);
    assert_int_equal(count_received(cluster, "StatusUpdateMessage"), 1);
    end(&executor);
    cluster_free(cluster);
}

static void it_gets_kills_and_shutdowns(void **state) {
    struct cluster *cluster = cluster_new(3);
    struct pid_executor executor;

    begin(&executor, cluster, false);
    kill_task(cluster, "t");
    run_for(cluster, SECOND);
    assert_int_equal(count_received(&executor.inbox, "KillTaskMessage"), 1);
    shutdown_executor(cluster, "e");
    run_for(cluster, SECOND);
    assert_int_equal(count_received(&executor.inbox, "ShutdownExecutorMessage"), 1);
    end(&executor);
    cluster_free(cluster);
}

static void an_executor_that_nobody_knows_is_told_to_shut_down(void **state) {
    struct cluster *cluster = cluster_new(4);
    struct pid_executor executor;

    start(&executor, cluster);
    say_register(&executor);
    run_for(cluster, SECOND);
    assert_int_equal(count_received(&executor.inbox, "ShutdownExecutorMessage"), 1);
    end(&executor);
    cluster_free(cluster);
}

static void staging_is_no_state_for_an_executor_to_tell(void **state) {
    struct cluster *cluster = cluster_new(5);
    struct pid_executor executor;

    begin(&executor, cluster, false);
    say_update(&executor, "t", TASK_STAGING, 1);
    run_for(cluster, SECOND);
    assert_int_equal(count_received(cluster, "StatusUpdateMessage"), 0);
    assert_int_equal(count_received(&executor.inbox, "ShutdownExecutorMessage"), 1);
    end(&executor);
    cluster_free(cluster);
}

/* The answer to a reconnect request: the task has run since, and the update is not acknowledged. */
static void say_reregister(struct pid_executor *executor) {
    Mesos__Internal__ReregisterExecutorMessage message = MESOS__INTERNAL__REREGISTER_EXECUTOR_MESSAGE__INIT;
    struct update_parts parts;
    Mesos__Internal__StatusUpdate *updates[] = {&parts.update};

    fill_update(&parts, "t", TASK_RUNNING, 9);
    message.executor_id = &parts.executor_id;
    message.framework_id = &parts.framework_id;
    message.n_updates = 1;
    message.updates = updates;
    say(executor, &message.base);
}

static void it_reconnects_after_a_restart_of_the_agent(void **state) {
    struct cluster *cluster = cluster_new(6);
    struct pid_executor executor;

    begin(&executor, cluster, true);
    kill_agent(cluster);
    forget_received(&executor.inbox);
    start_agent(cluster);
    run_for(cluster, SECOND);
    assert_int_equal(count_received(&executor.inbox, "ReconnectExecutorMessage"), 1);
    say_reregister(&executor);
    await_registration(cluster);
    run_for(cluster, SECOND);
    assert_int_equal(count_received(&executor.inbox, "ExecutorReregisteredMessage"), 1);
    assert_int_equal(last_status(cluster)->state, TASK_RUNNING);
    assert_int_equal(count_received(&executor.inbox, "StatusUpdateAcknowledgementMessage"), 1);
    end(&executor);
    cluster_free(cluster);
}

/* With retries of the reconnect request an answer may come twice; without, a second one is that of a stranger. */
static void it_may_answer_two_reconnect_requests(void **state) {
    static const unsigned shutdowns[] = {1, 0};

    for (unsigned retries = 0; retries < ARRAY_SIZE(shutdowns); retries++) {
        struct cluster *cluster = cluster_new(7);
        struct pid_executor executor;

        begin(&executor, cluster, true);
        kill_agent(cluster);
        forget_received(&executor.inbox);
        cluster->flags.executor_reregistration_retry_interval_ns = retries * 5 * SECOND;
        start_agent(cluster);
        run_for(cluster, SECOND);
        say_reregister(&executor);
        run_for(cluster, SECOND);
        say_reregister(&executor);
        run_for(cluster, SECOND);
        assert_int_equal(count_received(&executor.inbox, "ExecutorReregisteredMessage"), 1);
        assert_int_equal(count_received(&executor.inbox, "ShutdownExecutorMessage"), shutdowns[retries]);
        end(&executor);
        cluster_free(cluster);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_registers_and_gets_its_task),
        cmocka_unit_test(its_updates_are_forwarded_and_acknowledged),
        cmocka_unit_test(it_gets_kills_and_shutdowns),
        cmocka_unit_test(an_executor_that_nobody_knows_is_told_to_shut_down),
        cmocka_unit_test(staging_is_no_state_for_an_executor_to_tell),
        cmocka_unit_test(it_reconnects_after_a_restart_of_the_agent),
        cmocka_unit_test(it_may_answer_two_reconnect_requests),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
