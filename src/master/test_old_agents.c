/* SPDX-License-Identifier: Apache-2.0 */
/* Agents of earlier versions of Mesos, which have fewer capabilities and understand fewer messages. */
#include "master/test_world.h"

#define SUBSCRIBE_REFINED SUBSCRIBE_AS("refined", ",{\"type\":\"RESERVATION_REFINEMENT\"}]")
#define DISK "\"name\":\"disk\",\"type\":\"SCALAR\",\"scalar\":{\"value\":100}"
#define RESERVED "{" DISK ",\"reservations\":[{\"type\":\"DYNAMIC\",\"role\":\"r\"}]}"
#define RESERVE "{\"type\":\"RESERVE\",\"reserve\":{\"resources\":[" RESERVED "]}}"
#define VOLUME \
    "{" DISK ",\"reservations\":[{\"type\":\"DYNAMIC\",\"role\":\"r\"}],\"disk\":{\"persistence\":{\"id\":\"v\"}," \
    "\"volume\":{\"container_path\":\"p\",\"mode\":\"RW\"}}}"

/* What agents announced in the version that brought the last of these. */
#define CAPABILITIES_1_0 ""
#define CAPABILITIES_1_3 "{\"type\":\"MULTI_ROLE\"},{\"type\":\"HIERARCHICAL_ROLE\"}"
#define CAPABILITIES_1_4 CAPABILITIES_1_3 ",{\"type\":\"RESERVATION_REFINEMENT\"}"
#define CAPABILITIES_1_5 CAPABILITIES_1_4 ",{\"type\":\"RESOURCE_PROVIDER\"}"

static struct fake_agent *add_agent(struct world *world, const char *version, const char *capabilities) {
    struct fake_agent *agent = world_add_process(world, 0, "slave(1)");

    fake_agent_send_json(agent, &mesos__internal__register_slave_message__descriptor,
                         "{\"slave\":{\"hostname\":\"host0\",\"port\":5051," AGENT_RESOURCES
                         "},\"agent_capabilities\":[%s],\"resource_version_uuid\":{\"value\":"
                         "\"AAECAwQFBgcICQoLDA0ODw==\"},\"version\":\"%s\"}",
                         capabilities, version);
    settle(world);
    assert_non_null(records_take(&agent->records, "SlaveRegisteredMessage"));
    return agent;
}

static void accept_with(struct fake_scheduler *scheduler, const char *operations) {
    char offer[100];

    fake_scheduler_take_offer(scheduler, offer);
    assert_int_equal(fake_scheduler_call(scheduler, "ACCEPT",
                                         "\"accept\":{\"offer_ids\":[{\"value\":\"%s\"}],\"operations\":[%s],"
                                         "\"filters\":{\"refuse_seconds\":0}}",
                                         offer, operations)
                         .status,
                     202);
}

static void an_agent_that_takes_no_operations_is_told_all_it_has_to_keep(void **state) {
    struct world *world = *state;
    struct fake_agent *agent = add_agent(world, "1.4.0", CAPABILITIES_1_4);
    struct fake_scheduler *scheduler = world_subscribe(world, 0, SUBSCRIBE_REFINED);
    const char *message;

    accept_with(scheduler, RESERVE);
    message = records_take(&agent->records, "CheckpointResourcesMessage");
    assert_non_null(message);
    assert_non_null(strstr(message, "\"reservations\":[{\"type\":\"DYNAMIC\",\"role\":\"r\"}]"));
    assert_false(records_hold(&agent->records, "ApplyOperationMessage"));
    assert_int_equal(world->master->operations.count, 0);
}

static void an_agent_before_refinement_is_told_in_the_old_form(void **state) {
    struct world *world = *state;
    struct fake_agent *agent = add_agent(world, "1.3.0", CAPABILITIES_1_3);
    struct fake_scheduler *scheduler = world_subscribe(world, 0, SUBSCRIBE_REFINED);
    cleanup_free char *launch = NULL;
    const char *message;

    accept_with(scheduler, RESERVE);
    message = records_take(&agent->records, "CheckpointResourcesMessage");
    assert_non_null(message);
    assert_non_null(strstr(message, "\"role\":\"r\""));
    assert_non_null(strstr(message, "\"reservation\":{}"));
    assert_null(strstr(message, "\"reservations\""));
    launch = xasprintf("{\"type\":\"LAUNCH\",\"launch\":{\"task_infos\":[{\"name\":\"t\",\"task_id\":{\"value\":\"t\"},"
                       "\"agent_id\":{\"value\":\"%s\"},\"resources\":[{\"name\":\"cpus\",\"type\":\"SCALAR\","
                       "\"scalar\":{\"value\":1}}," RESERVED "],\"command\":{\"value\":\"true\"}}]}}",
                       agent->id);
    accept_with(scheduler, launch);
    message = records_take(&agent->records, "RunTaskMessage");
    assert_non_null(message);
    assert_non_null(strstr(message, "\"reservation\":{}"));
    assert_null(strstr(message, "\"reservations\""));
}

static void a_refined_reservation_needs_an_agent_that_knows_it(void **state) {
    struct world *world = *state;
    struct fake_agent *agent = add_agent(world, "1.3.0", CAPABILITIES_1_3);
    struct fake_scheduler *scheduler = world_subscribe(
        world, 0,
        "{\"type\":\"SUBSCRIBE\",\"subscribe\":{\"framework_info\":{\"user\":\"root\",\"name\":\"f\",\"roles\":[\"r/"
        "s\"],"
        "\"capabilities\":[{\"type\":\"MULTI_ROLE\"},{\"type\":\"RESERVATION_REFINEMENT\"}]}}}");

    accept_with(scheduler, "{\"type\":\"RESERVE\",\"reserve\":{\"resources\":[{" DISK
                           ",\"reservations\":[{\"type\":\"DYNAMIC\",\"role\":\"r\"},{\"type\":\"DYNAMIC\",\"role\":"
                           "\"r/s\"}]}]}}");
    assert_false(records_hold(&agent->records, "CheckpointResourcesMessage"));
}

static void expect_no_feedback(struct world *world, const char *capabilities) {
    struct fake_agent *agent = add_agent(world, "1.5.0", capabilities);
    struct fake_scheduler *scheduler = world_subscribe(world, 0, SUBSCRIBE_REFINED);
    const char *event;

    accept_with(scheduler,
                "{\"type\":\"RESERVE\",\"id\":{\"value\":\"op\"},\"reserve\":{\"resources\":[" RESERVED "]}}");
    event = records_take(&scheduler->records, "OPERATION_ERROR");
    assert_non_null(event);
    assert_non_null(strstr(event, "does not have the required AGENT_OPERATION_FEEDBACK"));
    assert_false(records_hold(&agent->records, "CheckpointResourcesMessage"));
    assert_false(records_hold(&agent->records, "ApplyOperationMessage"));
}

static void feedback_needs_an_agent_that_takes_operations(void **state) {
    expect_no_feedback(*state, CAPABILITIES_1_4);
}

static void feedback_needs_an_agent_that_gives_it(void **state) {
    expect_no_feedback(*state, CAPABILITIES_1_5);
}

static void an_agent_since_1_5_takes_operations_without_feedback(void **state) {
    struct world *world = *state;
    struct fake_agent *agent = add_agent(world, "1.5.0", CAPABILITIES_1_5);
    struct fake_scheduler *scheduler = world_subscribe(world, 0, SUBSCRIBE_REFINED);

    accept_with(scheduler, RESERVE);
    assert_non_null(records_take(&agent->records, "ApplyOperationMessage"));
    assert_false(records_hold(&agent->records, "CheckpointResourcesMessage"));
}

static void volumes_are_resized_only_by_agents_that_can(void **state) {
    struct world *world = *state;
    struct fake_agent *agent = add_agent(world, "1.5.0", CAPABILITIES_1_5);
    struct fake_scheduler *scheduler = world_subscribe(world, 0, SUBSCRIBE_REFINED);

    accept_with(scheduler, RESERVE ",{\"type\":\"CREATE\",\"create\":{\"volumes\":[" VOLUME "]}}");
    assert_non_null(records_take(&agent->records, "RESERVE"));
    assert_non_null(records_take(&agent->records, "CREATE"));
    accept_with(scheduler,
                "{\"type\":\"SHRINK_VOLUME\",\"shrink_volume\":{\"volume\":" VOLUME ",\"subtract\":{\"value\":10}}}");
    assert_false(records_hold(&agent->records, "SHRINK_VOLUME"));
}

static void an_agent_without_roles_is_offered_to_frameworks_of_one_role(void **state) {
    struct world *world = *state;
    struct fake_scheduler *many = world_subscribe(world, 0, SUBSCRIBE_REFINED), *one;
    char offer[100];

    add_agent(world, "1.0.0", CAPABILITIES_1_0);
    sim_run_for(world->sim, 5 * SECOND);
    assert_false(records_hold(&many->records, "\"type\":\"OFFERS\""));
    one = world_subscribe(
        world, 1,
        "{\"type\":\"SUBSCRIBE\",\"subscribe\":{\"framework_info\":{\"user\":\"root\",\"name\":\"one\","
        "\"role\":\"r\"}}}");
    assert_non_null(fake_scheduler_take_offer(one, offer));
    assert_false(records_hold(&many->records, "\"type\":\"OFFERS\""));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        WORLD_TEST(an_agent_that_takes_no_operations_is_told_all_it_has_to_keep),
        WORLD_TEST(an_agent_before_refinement_is_told_in_the_old_form),
        WORLD_TEST(a_refined_reservation_needs_an_agent_that_knows_it),
        WORLD_TEST(feedback_needs_an_agent_that_takes_operations),
        WORLD_TEST(feedback_needs_an_agent_that_gives_it),
        WORLD_TEST(an_agent_since_1_5_takes_operations_without_feedback),
        WORLD_TEST(volumes_are_resized_only_by_agents_that_can),
        WORLD_TEST(an_agent_without_roles_is_offered_to_frameworks_of_one_role),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
