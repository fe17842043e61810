/* SPDX-License-Identifier: Apache-2.0 */
/* Scheduler drivers over libprocess: the call of newer ones and the single messages of old ones. */
#include "master/test_world.h"
#include "message/v0.h"

/* A driver is a process that gets messages; its records are those of a fake agent. */
static struct fake_agent *add_driver(struct world *world, int index) {
    return world_add_process(world, index, "scheduler-1");
}

static void send_call(struct fake_agent *driver, const char *format, ...) {
    struct error err = ERROR_INIT;
    struct arena arena = ARENA_INIT;
    struct buffer body = BUFFER_INIT;
    Mesos__V1__Scheduler__Call *call;
    va_list arguments;
    char *text;

    va_start(arguments, format);
    text = xvasprintf(format, arguments);
    va_end(arguments);
    if (MESSAGE_PARSE_JSON(&mesos__v1__scheduler__call__descriptor, text, strlen(text), MESSAGE_V1, &arena, &call,
                           &err) < 0)
        fail_msg("%s: %s", text, error_message(&err));
    v0_scheduler_call_encode(call, &body);
    process_send(&driver->process, &driver->world->master->pid, "mesos.scheduler.Call", body.data, body.size);
    settle(driver->world);
    buffer_done(&body);
    arena_done(&arena);
    free(text);
}

static void register_driver(struct fake_agent *driver) {
    send_call(driver, "{\"type\":\"SUBSCRIBE\",\"subscribe\":{\"framework_info\":{\"user\":\"root\",\"name\":\"old\","
                      "\"checkpoint\":true,\"failover_timeout\":50}}}");
    copy_after(records_take(&driver->records, "FrameworkRegisteredMessage"), "\"framework_id\":{\"value\":\"",
               driver->id, sizeof(driver->id));
}

static const char *take_offer(struct fake_agent *driver, char id[100]) {
    const char *message = NULL;

    for (int i = 0; i < 300 && message == NULL; i++) {
        sim_run_for(driver->world->sim, 20 * MILLISECOND);
        message = records_take(&driver->records, "ResourceOffersMessage");
    }
    copy_after(message, "\"offers\":[{\"id\":{\"value\":\"", id, 100);
    return message;
}

static void a_driver_registers_gets_offers_and_runs_a_task(void **state) {
    struct world *world = *state;
    struct fake_agent *agent = world_add_agent(world, 0), *driver = add_driver(world, 1);
    char offer[100];
    const char *message;

    register_driver(driver);
    message = take_offer(driver, offer);
    assert_non_null(strstr(message, "\"pids\":[\"slave(1)@10.0.1.1:5051\"]"));
    /* Neither MULTI_ROLE nor RESERVATION_REFINEMENT: the old format. */
    assert_null(strstr(message, "allocation_info"));
    assert_non_null(strstr(message, "\"role\":\"*\""));
    send_call(driver,
              "{\"type\":\"ACCEPT\",\"framework_id\":{\"value\":\"%s\"},\"accept\":{\"offer_ids\":[{\"value\":\"%s\"}],"
              "\"operations\":[{\"type\":\"LAUNCH\",\"launch\":{\"task_infos\":[" TASK("t") "]}}]}}",
              driver->id, offer, agent->id);
    message = records_take(&agent->records, "RunTaskMessage");
    assert_non_null(message);
    assert_non_null(strstr(message, "\"pid\":\"scheduler-1@10.0.1.2:5051\""));
    fake_agent_update(agent, driver->id, "t", "TASK_RUNNING", 1);
    message = records_take(&driver->records, "StatusUpdateMessage");
    assert_non_null(message);
    assert_non_null(strstr(message, "TASK_RUNNING"));
    assert_non_null(strstr(message, "\"pid\":\"slave(1)@10.0.1.1:5051\""));
    send_call(driver,
              "{\"type\":\"ACKNOWLEDGE\",\"framework_id\":{\"value\":\"%s\"},\"acknowledge\":{\"agent_id\":{\"value\":"
              "\"%s\"},\"task_id\":{\"value\":\"t\"},\"uuid\":\"AQAAAAAAAAAAAAAAAAAAAA==\"}}",
              driver->id, agent->id);
    assert_non_null(records_take(&agent->records, "StatusUpdateAcknowledgementMessage"));
}

static void an_old_driver_does_the_same_with_single_messages(void **state) {
    struct world *world = *state;
    struct fake_agent *agent = world_add_agent(world, 0), *driver = add_driver(world, 1);
    char offer[100];

    fake_agent_send_json(driver, &mesos__internal__register_framework_message__descriptor,
                         "{\"framework\":{\"user\":\"root\",\"name\":\"older\",\"checkpoint\":true}}");
    settle(world);
    copy_after(records_take(&driver->records, "FrameworkRegisteredMessage"), "\"framework_id\":{\"value\":\"",
               driver->id, sizeof(driver->id));
    take_offer(driver, offer);
    fake_agent_send_json(driver, &mesos__internal__launch_tasks_message__descriptor,
                         "{\"framework_id\":{\"value\":\"%s\"},\"tasks\":[" TASK(
                             "t") "],\"filters\":{},\"offer_ids\":[{\"value\":\"%s\"}]}",
                         driver->id, agent->id, offer);
    settle(world);
    assert_non_null(records_take(&agent->records, "RunTaskMessage"));
    fake_agent_update(agent, driver->id, "t", "TASK_RUNNING", 1);
    assert_non_null(records_take(&driver->records, "TASK_RUNNING"));
    fake_agent_send_json(driver, &mesos__internal__status_update_acknowledgement_message__descriptor,
                         "{\"framework_id\":{\"value\":\"%s\"},\"slave_id\":{\"value\":\"%s\"},\"task_id\":{\"value\":"
                         "\"t\"},\"uuid\":\"AQAAAAAAAAAAAAAAAAAAAA==\"}",
                         driver->id, agent->id);
    fake_agent_send_json(driver, &mesos__internal__reconcile_tasks_message__descriptor,
                         "{\"framework_id\":{\"value\":\"%s\"},\"statuses\":[{\"task_id\":{\"value\":\"t\"},\"state\":"
                         "\"TASK_RUNNING\"}]}",
                         driver->id);
    settle(world);
    assert_non_null(records_take(&agent->records, "StatusUpdateAcknowledgementMessage"));
    assert_non_null(records_take(&driver->records, "REASON_RECONCILIATION"));
    fake_agent_send_json(driver, &mesos__internal__kill_task_message__descriptor,
                         "{\"framework_id\":{\"value\":\"%s\"},\"task_id\":{\"value\":\"t\"}}", driver->id);
    settle(world);
    assert_non_null(records_take(&agent->records, "KillTaskMessage"));
    fake_agent_send_json(driver, &mesos__internal__unregister_framework_message__descriptor,
                         "{\"framework_id\":{\"value\":\"%s\"}}", driver->id);
    settle(world);
    assert_non_null(records_take(&agent->records, "ShutdownFrameworkMessage"));
    assert_int_equal(world->master->frameworks.count, 0);
}

static void a_driver_that_subscribes_again_keeps_its_framework(void **state) {
    struct world *world = *state;
    struct fake_agent *driver = add_driver(world, 1);
    char id[100];

    world_add_agent(world, 0);
    register_driver(driver);
    memcpy(id, driver->id, sizeof(id));
    send_call(driver,
              "{\"type\":\"SUBSCRIBE\",\"subscribe\":{\"framework_info\":{\"user\":\"root\",\"name\":\"old\"}}}");
    assert_non_null(records_take(&driver->records, id));
    send_call(driver,
              "{\"type\":\"SUBSCRIBE\",\"framework_id\":{\"value\":\"%s\"},\"subscribe\":{\"framework_info\":{\"user\":"
              "\"root\",\"name\":\"old\",\"checkpoint\":true,\"id\":{\"value\":\"%s\"}}}}",
              id, id);
    assert_non_null(records_take(&driver->records, "FrameworkReregisteredMessage"));
    assert_int_equal(world->master->frameworks.count, 1);
}

static void reregister(struct fake_agent *driver, const char *id, bool failover) {
    fake_agent_send_json(
        driver, &mesos__internal__reregister_framework_message__descriptor,
        "{\"framework\":{\"user\":\"root\",\"name\":\"old\",\"checkpoint\":true,\"failover_timeout\":50,"
        "\"id\":{\"value\":\"%s\"}},\"failover\":%s}",
        id, failover ? "true" : "false");
    settle(driver->world);
}

static void another_driver_takes_over(void **state) {
    struct world *world = *state;
    struct fake_agent *first = add_driver(world, 1), *second = add_driver(world, 2);

    register_driver(first);
    reregister(second, first->id, false);
    assert_non_null(records_take(&second->records, "Framework failed over"));
    assert_false(records_hold(&first->records, "Framework failed over"));
    reregister(second, first->id, true);
    assert_non_null(records_take(&first->records, "Framework failed over"));
    assert_non_null(records_take(&second->records, "FrameworkRegisteredMessage"));
    /* The one that was replaced does not get it back by coming again. */
    reregister(first, first->id, false);
    assert_non_null(records_take(&first->records, "Framework failed over"));
    reregister(second, first->id, false);
    assert_non_null(records_take(&second->records, "FrameworkReregisteredMessage"));
    reregister(second, first->id, true);
    assert_non_null(records_take(&second->records, "FrameworkRegisteredMessage"));
    send_call(first, "{\"type\":\"TEARDOWN\",\"framework_id\":{\"value\":\"%s\"}}", first->id);
    assert_int_equal(world->master->frameworks.count, 1);
}

static void a_lost_driver_has_its_failover_timeout(void **state) {
    struct world *world = *state;
    struct fake_agent *driver = add_driver(world, 1);

    register_driver(driver);
    fake_agent_stop(driver);
    settle(world);
    assert_int_equal(framework_find(world->master, driver->id)->state, FRAMEWORK_DISCONNECTED);
    sim_run_for(world->sim, 51 * SECOND);
    assert_int_equal(world->master->frameworks.count, 0);
}

static void a_driver_that_does_not_know_it_is_lost_is_told(void **state) {
    struct world *world = *state;
    struct fake_agent *driver = add_driver(world, 1);
    struct framework *framework;

    register_driver(driver);
    framework = framework_find(world->master, driver->id);
    connection_set_lost(&framework->connection);
    settle(world);
    assert_int_equal(framework->state, FRAMEWORK_DISCONNECTED);
    assert_false(records_hold(&driver->records, "Framework disconnected"));
    send_call(driver, "{\"type\":\"REVIVE\",\"framework_id\":{\"value\":\"%s\"}}", driver->id);
    assert_non_null(records_take(&driver->records, "Framework disconnected"));
    /* It may also come back, being the last that had the framework. */
    reregister(driver, driver->id, false);
    assert_non_null(records_take(&driver->records, "FrameworkReregisteredMessage"));
    assert_int_equal(framework->state, FRAMEWORK_CONNECTED);
    connection_set_lost(&framework->connection);
    settle(world);
    /* Another that knows the id learns nothing. */
    send_call(add_driver(world, 2), "{\"type\":\"REVIVE\",\"framework_id\":{\"value\":\"%s\"}}", driver->id);
    assert_false(records_hold(&driver->records, "Framework disconnected"));
}

static void a_refused_driver_gets_an_error(void **state) {
    struct world *world = *state;
    struct fake_agent *driver = add_driver(world, 1);

    send_call(driver,
              "{\"type\":\"SUBSCRIBE\",\"subscribe\":{\"framework_info\":{\"user\":\"root\",\"name\":\"x\",\"role\":"
              "\"a//b\"}}}");
    assert_non_null(records_take(&driver->records, "FrameworkErrorMessage"));
    process_send(&driver->process, &world->master->pid, "mesos.scheduler.Call", "\xff\xff\xff", 3);
    settle(world);
    assert_int_equal(world->master->metrics.dropped_messages.value, 1);
    assert_int_equal(world->master->frameworks.count, 0);
}

static void a_deactivated_driver_gets_no_offers(void **state) {
    struct world *world = *state;
    struct fake_agent *driver = add_driver(world, 1);
    char offer[100];

    world_add_agent(world, 0);
    register_driver(driver);
    take_offer(driver, offer);
    fake_agent_send_json(driver, &mesos__internal__deactivate_framework_message__descriptor,
                         "{\"framework_id\":{\"value\":\"%s\"}}", driver->id);
    settle(world);
    assert_non_null(records_take(&driver->records, "RescindResourceOfferMessage"));
    sim_run_for(world->sim, 5 * SECOND);
    assert_false(records_hold(&driver->records, "ResourceOffersMessage"));
}

static void drivers_cannot_ask_for_operation_feedback(void **state) {
    struct world *world = *state;
    struct fake_agent *driver = add_driver(world, 1);
    char offer[100];

    world_add_agent(world, 0);
    register_driver(driver);
    take_offer(driver, offer);
    send_call(driver,
              "{\"type\":\"ACCEPT\",\"framework_id\":{\"value\":\"%s\"},\"accept\":{\"offer_ids\":[{\"value\":\"%s\"}],"
              "\"operations\":[{\"type\":\"RESERVE\",\"id\":{\"value\":\"o\"},\"reserve\":{}}]}}",
              driver->id, offer);
    assert_non_null(records_take(&driver->records, "operation feedback is not supported"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        WORLD_TEST(a_driver_registers_gets_offers_and_runs_a_task),
        WORLD_TEST(an_old_driver_does_the_same_with_single_messages),
        WORLD_TEST(a_driver_that_subscribes_again_keeps_its_framework),
        WORLD_TEST(another_driver_takes_over),
        WORLD_TEST(a_lost_driver_has_its_failover_timeout),
        WORLD_TEST(a_driver_that_does_not_know_it_is_lost_is_told),
        WORLD_TEST(a_refused_driver_gets_an_error),
        WORLD_TEST(a_deactivated_driver_gets_no_offers),
        WORLD_TEST(drivers_cannot_ask_for_operation_feedback),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
