/* SPDX-License-Identifier: Apache-2.0 */
/* Offers, inverse offers and requests between the allocator and frameworks. */
#include "master/test_world.h"

static void the_offers_of_a_round_come_in_one_event(void **state) {
    struct world *world = *state;
    struct fake_agent *agents[3];
    struct fake_scheduler *scheduler;
    const char *event;

    for (int i = 0; i < 3; i++)
        agents[i] = world_add_agent(world, i);
    scheduler = world_subscribe(world, 0, SUBSCRIBE_PLAIN);
    event = records_take(&scheduler->records, "\"type\":\"OFFERS\"");
    assert_non_null(event);
    for (int i = 0; i < 3; i++)
        assert_non_null(strstr(event, agents[i]->id));
    assert_false(records_hold(&scheduler->records, "\"type\":\"OFFERS\""));
}

static void schedule_maintenance(struct world *world, const struct fake_agent *agent) {
    Mesos__V1__Unavailability unavailability = MESOS__V1__UNAVAILABILITY__INIT;
    Mesos__V1__TimeInfo start = MESOS__V1__TIME_INFO__INIT;

    unavailability.start = &start;
    allocator_update_unavailability(world->master->allocator, agent->id, &unavailability);
}

static void inverse_offers_come_in_one_event_and_are_answered(void **state) {
    struct world *world = *state;
    struct fake_agent *agents[2] = {world_add_agent(world, 0), world_add_agent(world, 1)};
    struct fake_scheduler *scheduler = world_subscribe(world, 0, SUBSCRIBE_PLAIN);
    const char *event;
    char id[100], second[100];

    schedule_maintenance(world, agents[0]);
    schedule_maintenance(world, agents[1]);
    settle(world);
    event = records_take(&scheduler->records, "\"type\":\"INVERSE_OFFERS\"");
    assert_non_null(event);
    assert_non_null(strstr(event, agents[0]->id));
    assert_non_null(strstr(event, agents[1]->id));
    assert_int_equal(world->master->inverse_offers.count, 2);
    copy_after(event, "\"inverse_offers\":[{\"id\":{\"value\":\"", id, sizeof(id));
    /* While it is unanswered, and for five seconds after that, there is no other one. */
    sim_run_for(world->sim, 5 * SECOND);
    assert_false(records_hold(&scheduler->records, "\"type\":\"INVERSE_OFFERS\""));
    assert_int_equal(fake_scheduler_call(scheduler, "DECLINE_INVERSE_OFFERS",
                                         "\"decline_inverse_offers\":{\"inverse_offer_ids\":[{\"value\":\"%s\"}]}", id)
                         .status,
                     202);
    assert_int_equal(world->master->inverse_offers.count, 1);
    sim_run_for(world->sim, 4 * SECOND);
    assert_false(records_hold(&scheduler->records, "\"type\":\"INVERSE_OFFERS\""));
    sim_run_for(world->sim, 3 * SECOND);
    event = records_take(&scheduler->records, "\"type\":\"INVERSE_OFFERS\"");
    assert_non_null(event);
    copy_after(event, "\"inverse_offers\":[{\"id\":{\"value\":\"", second, sizeof(second));
    assert_int_equal(world->master->inverse_offers.count, 2);
    /* The answer to one that is gone does no harm. */
    assert_int_equal(fake_scheduler_call(scheduler, "ACCEPT_INVERSE_OFFERS",
                                         "\"accept_inverse_offers\":{\"inverse_offer_ids\":[{\"value\":\"%s\"}]}", id)
                         .status,
                     202);
    assert_int_equal(world->master->inverse_offers.count, 2);
    /* Nor does it keep the others of the call from being answered. */
    assert_int_equal(
        fake_scheduler_call(scheduler, "ACCEPT_INVERSE_OFFERS",
                            "\"accept_inverse_offers\":{\"inverse_offer_ids\":[{\"value\":\"%s\"},{\"value\":\"%s\"}]}",
                            id, second)
            .status,
        202);
    assert_int_equal(world->master->inverse_offers.count, 1);
}

static void a_request_is_taken_note_of(void **state) {
    struct world *world = *state;
    struct fake_scheduler *scheduler = world_subscribe(world, 0, SUBSCRIBE_PLAIN);

    assert_int_equal(
        fake_scheduler_call(scheduler, "REQUEST", "\"request\":{\"requests\":[{\"resources\":[]}]}").status, 202);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        WORLD_TEST(the_offers_of_a_round_come_in_one_event),
        WORLD_TEST(inverse_offers_come_in_one_event_and_are_answered),
        WORLD_TEST(a_request_is_taken_note_of),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
