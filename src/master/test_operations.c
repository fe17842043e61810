/* SPDX-License-Identifier: Apache-2.0 */
/* Reservations and volumes through ACCEPT, with and without feedback, and task groups' shared resources. */
#include "master/test_world.h"

#define RESERVED(value) \
    "{\"name\":\"disk\",\"type\":\"SCALAR\",\"scalar\":{\"value\":" value \
    "},\"reservations\":[{\"type\":\"DYNAMIC\",\"role\":\"r\"}]}"
#define VOLUME(value, id) \
    "{\"name\":\"disk\",\"type\":\"SCALAR\",\"scalar\":{\"value\":" value \
    "},\"reservations\":[{\"type\":\"DYNAMIC\",\"role\":\"r\"}],\"disk\":{\"persistence\":{\"id\":\"" id \
    "\"},\"volume\":{\"container_path\":\"data\",\"mode\":\"RW\"}}}"
#define RESERVE(value) "{\"type\":\"RESERVE\",\"reserve\":{\"resources\":[" RESERVED(value) "]}}"
#define UNRESERVE(value) "{\"type\":\"UNRESERVE\",\"unreserve\":{\"resources\":[" RESERVED(value) "]}}"
#define CREATE(value, id) "{\"type\":\"CREATE\",\"create\":{\"volumes\":[" VOLUME(value, id) "]}}"
#define DESTROY(value, id) "{\"type\":\"DESTROY\",\"destroy\":{\"volumes\":[" VOLUME(value, id) "]}}"
#define GROW(value, id, by) \
    "{\"type\":\"GROW_VOLUME\",\"grow_volume\":{\"volume\":" VOLUME(value, id) ",\"addition\":" RESERVED(by) "}}"
#define SHRINK(value, id, by) \
    "{\"type\":\"SHRINK_VOLUME\",\"shrink_volume\":{\"volume\":" VOLUME(value, id) ",\"subtract\":{\"value\":" by "}}" \
                                                                                   "}"

#define SUBSCRIBE_REFINED SUBSCRIBE_AS("refined", ",{\"type\":\"RESERVATION_REFINEMENT\"}]")

/* Accept all that is offered by then with @operations. What was used and what was declined comes back in two offers. */
static void accept_with(struct fake_scheduler *scheduler, const char *operations) {
    struct framework *framework = framework_find(scheduler->world->master, scheduler->framework_id);
    struct buffer ids = BUFFER_INIT;
    const struct offer *offer;

    sim_run_for(scheduler->world->sim, 5 * SECOND);
    list_for_each (&framework->offers, offer, in_framework)
        buffer_printf(&ids, "%s{\"value\":\"%s\"}", ids.size == 0 ? "" : ",", offer->id);
    assert_true(ids.size > 0);
    assert_int_equal(fake_scheduler_call(scheduler, "ACCEPT",
                                         "\"accept\":{\"offer_ids\":[%s],\"operations\":[%s],\"filters\":{"
                                         "\"refuse_seconds\":0}}",
                                         buffer_text(&ids), operations)
                         .status,
                     202);
    buffer_done(&ids);
}

/* The agent's disk by kind: "unreserved/reserved/volumes", in MB. */
static const char *disk_of(struct world *world, const char *agent_id, char text[60]) {
    const struct agent *agent = agent_find(world->master, agent_id);
    int64_t unreserved = 0, reserved = 0, volumes = 0;

    for (uint32_t i = 0; i < agent->total.count; i++) {
        const struct resource *resource = &agent->total.items[i];

        if (strcmp(resource->kind->name, "disk") != 0)
            continue;
        if (resource->kind->is_persistent)
            volumes += resource->scalar;
        else if (resource_is_reserved(resource))
            reserved += resource->scalar;
        else
            unreserved += resource->scalar;
    }
    snprintf(text, 60, "%d/%d/%d", (int)(unreserved / 1000), (int)(reserved / 1000), (int)(volumes / 1000));
    return text;
}

static void expect_disk(struct world *world, struct fake_agent *agent, const char *expected) {
    char text[60];

    assert_string_equal(disk_of(world, agent->id, text), expected);
}

static void reservations_and_volumes_come_and_go(void **state) {
    struct world *world = *state;
    struct fake_agent *agent = world_add_agent(world, 0);
    struct fake_scheduler *scheduler = world_subscribe(world, 0, SUBSCRIBE_REFINED);

    accept_with(scheduler, RESERVE("1000"));
    assert_non_null(records_take(&agent->records, "ApplyOperationMessage"));
    expect_disk(world, agent, "9000/1000/0");
    accept_with(scheduler, CREATE("600", "v1"));
    expect_disk(world, agent, "9000/400/600");
    accept_with(scheduler, GROW("600", "v1", "100"));
    expect_disk(world, agent, "9000/300/700");
    accept_with(scheduler, SHRINK("700", "v1", "200"));
    expect_disk(world, agent, "9000/500/500");
    sim_run_for(world->sim, 5 * SECOND);
    assert_true(records_hold(&scheduler->records, "\"persistence\":{\"id\":\"v1\"}"));
    accept_with(scheduler, DESTROY("500", "v1"));
    expect_disk(world, agent, "9000/1000/0");
    accept_with(scheduler, UNRESERVE("1000"));
    expect_disk(world, agent, "10000/0/0");
    assert_int_equal(agent_find(world->master, agent->id)->checkpointed.count, 0);
}

static void operations_of_one_call_build_on_each_other(void **state) {
    struct world *world = *state;
    struct fake_agent *agent = world_add_agent(world, 0);
    struct fake_scheduler *scheduler = world_subscribe(world, 0, SUBSCRIBE_REFINED);
    char *launch = xasprintf(
        "{\"type\":\"LAUNCH\",\"launch\":{\"task_infos\":[{\"name\":\"t\",\"task_id\":{\"value\":\"t\"},\"agent_id\":{"
        "\"value\":\"%s\"},\"resources\":[{\"name\":\"cpus\",\"type\":\"SCALAR\",\"scalar\":{\"value\":1}}," VOLUME(
            "600", "v1") "],\"command\":{\"value\":\"true\"}}]}}",
        agent->id);
    char *operations = xasprintf("%s,%s,%s", RESERVE("1000"), CREATE("600", "v1"), launch);

    accept_with(scheduler, operations);
    expect_disk(world, agent, "9000/400/600");
    assert_non_null(records_take(&agent->records, "RunTaskMessage"));
    /* In use, it cannot be destroyed. */
    accept_with(scheduler, DESTROY("600", "v1"));
    expect_disk(world, agent, "9000/400/600");
    free(operations);
    free(launch);
}

static const struct {
    const char *name, *operation;
} refused[] = {
    {"reserve too much", RESERVE("20000")},
    {"unreserve what is not reserved", UNRESERVE("10")},
    {"create on unreserved disk",
     "{\"type\":\"CREATE\",\"create\":{\"volumes\":[{\"name\":\"disk\",\"type\":\"SCALAR\",\"scalar\":{\"value\":10},"
     "\"disk\":{\"persistence\":{\"id\":\"x\"},\"volume\":{\"container_path\":\"p\",\"mode\":\"RW\"}}}]}}"},
    {"create read-only",
     "{\"type\":\"CREATE\",\"create\":{\"volumes\":[{\"name\":\"disk\",\"type\":\"SCALAR\",\"scalar\":{\"value\":10},"
     "\"reservations\":[{\"type\":\"DYNAMIC\",\"role\":\"r\"}],\"disk\":{\"persistence\":{\"id\":\"x\"},\"volume\":{"
     "\"container_path\":\"p\",\"mode\":\"RO\"}}}]}}"},
    {"create with a host path",
     "{\"type\":\"CREATE\",\"create\":{\"volumes\":[{\"name\":\"disk\",\"type\":\"SCALAR\",\"scalar\":{\"value\":10},"
     "\"reservations\":[{\"type\":\"DYNAMIC\",\"role\":\"r\"}],\"disk\":{\"persistence\":{\"id\":\"x\"},\"volume\":{"
     "\"container_path\":\"p\",\"host_path\":\"/h\",\"mode\":\"RW\"}}}]}}"},
    {"destroy an unknown volume", DESTROY("10", "nope")},
    {"reserve for another role", "{\"type\":\"RESERVE\",\"reserve\":{\"resources\":[{\"name\":\"cpus\",\"type\":"
                                 "\"SCALAR\",\"scalar\":{\"value\":1},"
                                 "\"reservations\":[{\"type\":\"DYNAMIC\",\"role\":\"other\"}]}]}}"},
    {"reserve statically", "{\"type\":\"RESERVE\",\"reserve\":{\"resources\":[{\"name\":\"cpus\",\"type\":\"SCALAR\","
                           "\"scalar\":{\"value\":1},"
                           "\"reservations\":[{\"type\":\"STATIC\",\"role\":\"r\"}]}]}}"},
    {"reserve with a wrong principal", "{\"type\":\"RESERVE\",\"reserve\":{\"resources\":[{\"name\":\"cpus\",\"type\":"
                                       "\"SCALAR\",\"scalar\":{\"value\":-1},"
                                       "\"reservations\":[{\"type\":\"DYNAMIC\",\"role\":\"r\"}]}]}}"},
    {"create a disk",
     "{\"type\":\"CREATE_DISK\",\"create_disk\":{\"source\":{\"name\":\"disk\",\"type\":\"SCALAR\",\"scalar\":{"
     "\"value\":10}},\"target_type\":\"MOUNT\"}}"},
    {"nothing to do", "{\"type\":\"RESERVE\"}"},
    {"an unknown operation", "{\"type\":\"UNKNOWN\"}"},
};

static void refused_operations_change_nothing(void **state) {
    struct world *world = *state;
    struct fake_agent *agent = world_add_agent(world, 0);
    struct fake_scheduler *scheduler = world_subscribe(world, 0, SUBSCRIBE_REFINED);

    for (size_t i = 0; i < ARRAY_SIZE(refused); i++) {
        accept_with(scheduler, refused[i].operation);
        expect_disk(world, agent, "10000/0/0");
        if (records_hold(&agent->records, "ApplyOperationMessage"))
            fail_msg("'%s' was applied", refused[i].name);
    }
}

static void a_persistence_id_is_used_once(void **state) {
    struct world *world = *state;
    struct fake_agent *agent = world_add_agent(world, 0);
    struct fake_scheduler *scheduler = world_subscribe(world, 0, SUBSCRIBE_REFINED);

    accept_with(scheduler, RESERVE("1000") "," CREATE("100", "v1"));
    accept_with(scheduler, CREATE("200", "v1"));
    expect_disk(world, agent, "9000/900/100");
}

static void an_operation_with_an_id_gets_feedback(void **state) {
    struct world *world = *state;
    struct fake_agent *agent = world_add_agent(world, 0);
    struct fake_scheduler *scheduler = world_subscribe(world, 0, SUBSCRIBE_REFINED);
    char uuid[100];
    const char *event;

    accept_with(scheduler,
                "{\"type\":\"RESERVE\",\"id\":{\"value\":\"op1\"},\"reserve\":{\"resources\":[" RESERVED("10") "]}}");
    copy_after(records_take(&agent->records, "ApplyOperationMessage"), "\"operation_uuid\":{\"value\":\"", uuid,
               sizeof(uuid));
    fake_scheduler_call(scheduler, "RECONCILE_OPERATIONS", "\"reconcile_operations\":{}");
    assert_non_null(records_take(&scheduler->records, "OPERATION_PENDING"));
    fake_agent_send_json(agent, &mesos__internal__update_operation_status_message__descriptor,
                         "{\"framework_id\":{\"value\":\"%s\"},\"slave_id\":{\"value\":\"%s\"},\"status\":{\"state\":"
                         "\"OPERATION_FINISHED\",\"uuid\":{\"value\":\"AQIDBAUGBwgJCgsMDQ4PEA==\"}},"
                         "\"operation_uuid\":{\"value\":\"%s\"}}",
                         scheduler->framework_id, agent->id, uuid);
    settle(world);
    event = records_take(&scheduler->records, "UPDATE_OPERATION_STATUS");
    assert_non_null(event);
    assert_non_null(strstr(event, "OPERATION_FINISHED"));
    assert_non_null(strstr(event, "\"operation_id\":{\"value\":\"op1\"}"));
    assert_int_equal(world->master->operations.count, 1);
    fake_scheduler_call(scheduler, "ACKNOWLEDGE_OPERATION_STATUS",
                        "\"acknowledge_operation_status\":{\"agent_id\":{\"value\":\"%s\"},\"uuid\":"
                        "\"AQIDBAUGBwgJCgsMDQ4PEA==\",\"operation_id\":{\"value\":\"op1\"}}",
                        agent->id);
    assert_non_null(records_take(&agent->records, "AcknowledgeOperationStatusMessage"));
    assert_int_equal(world->master->operations.count, 0);
}

static void a_refused_operation_with_an_id_is_told(void **state) {
    struct world *world = *state;
    struct fake_scheduler *scheduler;
    const char *event;

    world_add_agent(world, 0);
    scheduler = world_subscribe(world, 0, SUBSCRIBE_REFINED);
    accept_with(scheduler, "{\"type\":\"UNRESERVE\",\"id\":{\"value\":\"op2\"},\"unreserve\":{\"resources\":[" RESERVED(
                               "10") "]}}");
    event = records_take(&scheduler->records, "UPDATE_OPERATION_STATUS");
    assert_non_null(event);
    assert_non_null(strstr(event, "OPERATION_ERROR"));
    assert_non_null(strstr(event, "\"operation_id\":{\"value\":\"op2\"}"));
}

static void an_operation_on_an_unknown_offer_is_told(void **state) {
    struct world *world = *state;
    struct fake_scheduler *scheduler = world_subscribe(world, 0, SUBSCRIBE_REFINED);

    fake_scheduler_call(
        scheduler, "ACCEPT",
        "\"accept\":{\"offer_ids\":[{\"value\":\"nope\"}],\"operations\":[{\"type\":\"RESERVE\",\"id\":{"
        "\"value\":\"op3\"},\"reserve\":{\"resources\":[" RESERVED("10") "]}}]}");
    assert_non_null(records_take(&scheduler->records, "OPERATION_ERROR"));
}

static void an_operation_without_an_id_is_acknowledged_by_the_master(void **state) {
    struct world *world = *state;
    struct fake_agent *agent = world_add_agent(world, 0);
    struct fake_scheduler *scheduler = world_subscribe(world, 0, SUBSCRIBE_REFINED);
    char uuid[100];

    accept_with(scheduler, RESERVE("10"));
    copy_after(records_take(&agent->records, "ApplyOperationMessage"), "\"operation_uuid\":{\"value\":\"", uuid,
               sizeof(uuid));
    assert_int_equal(world->master->operations.count, 1);
    fake_agent_send_json(agent, &mesos__internal__update_operation_status_message__descriptor,
                         "{\"framework_id\":{\"value\":\"%s\"},\"slave_id\":{\"value\":\"%s\"},\"status\":{\"state\":"
                         "\"OPERATION_FINISHED\",\"uuid\":{\"value\":\"AQIDBAUGBwgJCgsMDQ4PEA==\"}},"
                         "\"operation_uuid\":{\"value\":\"%s\"}}",
                         scheduler->framework_id, agent->id, uuid);
    settle(world);
    assert_false(records_hold(&scheduler->records, "UPDATE_OPERATION_STATUS"));
    assert_non_null(records_take(&agent->records, "AcknowledgeOperationStatusMessage"));
    assert_int_equal(world->master->operations.count, 0);
}

/* Of a framework that an earlier master knew. */

#define SUBSCRIBE_OLD \
    "{\"type\":\"SUBSCRIBE\",\"framework_id\":{\"value\":\"old-0001\"},\"subscribe\":{\"framework_info\":{\"user\":" \
    "\"root\"," \
    "\"name\":\"aware\",\"roles\":[\"r\"],\"id\":{\"value\":\"old-0001\"},\"checkpoint\":true,\"capabilities\":[{" \
    "\"type\":" \
    "\"MULTI_ROLE\"}]}}}"

static void tell_of_an_operation(struct fake_agent *agent) {
    fake_agent_send_json(agent, &mesos__internal__reregister_slave_message__descriptor,
                         "{\"slave\":{\"hostname\":\"host0\",\"port\":5051,\"id\":{\"value\":\"%s\"}," AGENT_RESOURCES
                         "}," AGENT_CAPABILITIES "}",
                         agent->id);
    fake_agent_send_json(
        agent, &mesos__internal__update_slave_message__descriptor,
        "{\"slave_id\":{\"value\":\"%s\"},\"resource_version_uuid\":{\"value\":"
        "\"AQIDBAUGBwgJCgsMDQ4PEA==\"},\"operations\":{\"operations\":[{\"framework_id\":{\"value\":"
        "\"old-0001\"},\"info\":{\"type\":\"RESERVE\",\"id\":{\"value\":\"op1\"},\"reserve\":{"
        "\"resources\":[" RESERVED("10") "]}},\"latest_status\":{\"state\":\"OPERATION_FINISHED\","
                                         "\"uuid\":{\"value\":\"AQIDBAUGBwgJCgsMDQ4PEA==\"}},\"uuid\":{\"value\":"
                                         "\"AQIDBAUGBwgJCgsMDQ4PEA==\"}}]}}",
        agent->id);
    settle(agent->world);
}

static void tell_its_status(struct fake_agent *agent) {
    fake_agent_send_json(agent, &mesos__internal__update_operation_status_message__descriptor,
                         "{\"framework_id\":{\"value\":\"old-0001\"},\"slave_id\":{\"value\":\"%s\"},\"status\":{"
                         "\"state\":\"OPERATION_FINISHED\",\"uuid\":{\"value\":\"AQIDBAUGBwgJCgsMDQ4PEA==\"}},"
                         "\"operation_uuid\":{\"value\":\"AQIDBAUGBwgJCgsMDQ4PEA==\"}}",
                         agent->id);
    settle(agent->world);
}

static void an_operation_waits_for_its_framework_after_a_failover(void **state) {
    struct world *world = *state;
    struct fake_agent *agent = world_add_process(world, 0, "slave(1)");
    struct fake_scheduler *scheduler;

    snprintf(agent->id, sizeof(agent->id), "old-S7");
    tell_of_an_operation(agent);
    tell_its_status(agent);
    assert_false(records_hold(&agent->records, "AcknowledgeOperationStatusMessage"));
    scheduler = world_subscribe(world, 0, SUBSCRIBE_OLD);
    tell_its_status(agent);
    assert_non_null(records_take(&scheduler->records, "UPDATE_OPERATION_STATUS"));
    fake_scheduler_call(scheduler, "ACKNOWLEDGE_OPERATION_STATUS",
                        "\"acknowledge_operation_status\":{\"agent_id\":{\"value\":\"%s\"},\"uuid\":"
                        "\"AQIDBAUGBwgJCgsMDQ4PEA==\",\"operation_id\":{\"value\":\"op1\"}}",
                        agent->id);
    assert_non_null(records_take(&agent->records, "AcknowledgeOperationStatusMessage"));
    assert_int_equal(world->master->operations.count, 0);
}

static void an_operation_that_its_agent_forgot_does_not_end_anew(void **state) {
    struct world *world = *state;
    struct fake_agent *agent = world_add_process(world, 0, "slave(1)");
    struct fake_scheduler *scheduler;

    snprintf(agent->id, sizeof(agent->id), "old-S7");
    tell_of_an_operation(agent);
    scheduler = world_subscribe(world, 0, SUBSCRIBE_OLD);
    tell_its_status(agent);
    assert_non_null(records_take(&scheduler->records, "OPERATION_FINISHED"));
    fake_agent_send_json(agent, &mesos__internal__update_operation_status_message__descriptor,
                         "{\"slave_id\":{\"value\":\"old-S7\"},\"status\":{\"state\":\"OPERATION_DROPPED\"},"
                         "\"operation_uuid\":{\"value\":\"AQIDBAUGBwgJCgsMDQ4PEA==\"}}");
    settle(world);
    assert_false(records_hold(&scheduler->records, "OPERATION_DROPPED"));
    assert_non_null(records_take(&scheduler->records, "OPERATION_FINISHED"));
    assert_int_equal(world->master->operations.count, 0);
}

static void an_operation_whose_framework_does_not_come_is_acknowledged_by_the_master(void **state) {
    struct world *world = *state;
    struct fake_agent *agent = world_add_process(world, 0, "slave(1)");

    snprintf(agent->id, sizeof(agent->id), "old-S7");
    tell_of_an_operation(agent);
    sim_run_for(world->sim, 4 * MINUTE);
    tell_its_status(agent);
    assert_false(records_hold(&agent->records, "AcknowledgeOperationStatusMessage"));
    sim_run_for(world->sim, 1 * MINUTE);
    tell_its_status(agent);
    assert_non_null(records_take(&agent->records, "AcknowledgeOperationStatusMessage"));
    assert_int_equal(world->master->operations.count, 0);
}

static void the_allocator_agrees_after_many_operations(void **state) {
    struct world *world = *state;
    struct fake_agent *agent = world_add_agent(world, 0);
    struct fake_scheduler *scheduler = world_subscribe(world, 0, SUBSCRIBE_REFINED);
    char offer[100];
    const char *event;

    for (int i = 0; i < 5; i++) {
        accept_with(scheduler, RESERVE("100") "," CREATE("50", "a") "," CREATE("50", "b"));
        accept_with(scheduler, DESTROY("50", "b") "," DESTROY("50", "a") "," UNRESERVE("100"));
    }
    records_clear(&scheduler->records);
    fake_scheduler_call(scheduler, "REVIVE", "");
    event = fake_scheduler_take_offer(scheduler, offer);
    assert_non_null(strstr(event, "\"scalar\":{\"value\":10000.0}"));
    assert_null(strstr(event, "DYNAMIC"));
    expect_disk(world, agent, "10000/0/0");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        WORLD_TEST(reservations_and_volumes_come_and_go),
        WORLD_TEST(operations_of_one_call_build_on_each_other),
        WORLD_TEST(refused_operations_change_nothing),
        WORLD_TEST(a_persistence_id_is_used_once),
        WORLD_TEST(an_operation_with_an_id_gets_feedback),
        WORLD_TEST(a_refused_operation_with_an_id_is_told),
        WORLD_TEST(an_operation_on_an_unknown_offer_is_told),
        WORLD_TEST(an_operation_without_an_id_is_acknowledged_by_the_master),
        WORLD_TEST(an_operation_waits_for_its_framework_after_a_failover),
        WORLD_TEST(an_operation_that_its_agent_forgot_does_not_end_anew),
        WORLD_TEST(an_operation_whose_framework_does_not_come_is_acknowledged_by_the_master),
        WORLD_TEST(the_allocator_agrees_after_many_operations),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
