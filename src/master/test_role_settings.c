/* SPDX-License-Identifier: Apache-2.0 */
/* Weights and quota: from flags, from what a registry remembers, and set while the master runs. */
#include "master/role_settings.h"
#include "master/test_http.h"

/* The master of @world, anew, after a failover. */
static void restart(struct world *world, const struct master_recovered *recovered) {
    struct master_options options = {.flags = &world->flags, .recovered = recovered, .http = &master_http_endpoints};
    struct error err = ERROR_INIT;

    master_free(world->master);
    world->master = NULL;
    if (master_new(sim_node_env(world->master_node), &options, &world->master, &err) < 0)
        fail_msg("%s", error_message(&err));
}

static void restart_with_quota(struct world *world, size_t agent_count) {
    struct allocator_quota quota = {.role = "r"};
    struct master_recovered recovered = {.agent_count = agent_count, .quotas = &quota, .quota_count = 1};

    quantities_parse("cpus:1", &quota.guarantees, NULL);
    limits_parse("cpus:100;gpus:0", &quota.limits, NULL);
    restart(world, &recovered);
    quantities_done(&quota.guarantees);
    quantities_done(&quota.limits);
}

static void with_recovered_quota_offers_wait_for_the_agents(void **state) {
    struct world *world = *state;
    struct fake_scheduler *scheduler;
    const struct fake_agent *agents[2];

    world->flags.allocator_agent_recovery_factor = 0.7;
    restart_with_quota(world, 3);
    scheduler = world_subscribe(world, 0, SUBSCRIBE_PLAIN);
    agents[0] = world_add_agent(world, 0);
    sim_run_for(world->sim, 9 * MINUTE);
    assert_false(records_hold(&scheduler->records, "\"type\":\"OFFERS\""));
    /* 70 % of 3 are 2. */
    agents[1] = world_add_agent(world, 1);
    assert_true(records_hold(&scheduler->records, agents[1]->id));
    /* What was added while offers were held comes with the next interval, as in Mesos. */
    sim_run_for(world->sim, SECOND);
    assert_true(records_hold(&scheduler->records, agents[0]->id));
}

static void with_recovered_quota_offers_wait_for_the_timeout_at_most(void **state) {
    struct world *world = *state;
    struct fake_scheduler *scheduler;

    world->flags.allocator_recovery_timeout_ns = 2 * MINUTE;
    restart_with_quota(world, 3);
    scheduler = world_subscribe(world, 0, SUBSCRIBE_PLAIN);
    world_add_agent(world, 0);
    sim_run_for(world->sim, 119 * SECOND);
    assert_false(records_hold(&scheduler->records, "\"type\":\"OFFERS\""));
    sim_run_for(world->sim, SECOND);
    assert_true(records_hold(&scheduler->records, "\"type\":\"OFFERS\""));
}

static void without_recovered_quota_nothing_waits(void **state) {
    struct world *world = *state;
    struct fake_scheduler *scheduler;

    restart(world, &(struct master_recovered){.agent_count = 3});
    scheduler = world_subscribe(world, 0, SUBSCRIBE_PLAIN);
    world_add_agent(world, 0);
    assert_true(records_hold(&scheduler->records, "\"type\":\"OFFERS\""));
}

static void factor_zero_does_not_wait(void **state) {
    struct world *world = *state;
    struct fake_scheduler *scheduler;

    world->flags.allocator_agent_recovery_factor = 0;
    restart_with_quota(world, 3);
    scheduler = world_subscribe(world, 0, SUBSCRIBE_PLAIN);
    world_add_agent(world, 0);
    assert_true(records_hold(&scheduler->records, "\"type\":\"OFFERS\""));
}

static void quota_is_shown_and_holds(void **state) {
    struct world *world = *state;
    struct allocator_quota quota = {.role = "r"};
    struct fake_scheduler *scheduler;

    restart_with_quota(world, 0);
    scheduler = world_subscribe(world, 0, SUBSCRIBE_PLAIN);
    assert_page_holds(world, "/roles", "\"guarantee\":{\"cpus\":1.0}");
    assert_page_holds(world, "/roles", "\"limit\":{\"cpus\":100.0,\"gpus\":0.0}");

    limits_parse("cpus:0;mem:0;disk:0;ports:0;gpus:0", &quota.limits, NULL);
    master_set_quotas(world->master, &quota, 1);
    world_add_agent(world, 0);
    sim_run_for(world->sim, 10 * SECOND);
    assert_page_holds(world, "/roles", "\"guarantee\":{},\"limit\":{\"cpus\":0.0,");
    assert_false(records_hold(&scheduler->records, "\"type\":\"OFFERS\""));

    quantities_done(&quota.limits);
    master_set_quotas(world->master, &quota, 1);
    sim_run_for(world->sim, SECOND);
    assert_page_holds(world, "/roles", "\"guarantee\":{},\"limit\":{},");
    assert_true(records_hold(&scheduler->records, "\"type\":\"OFFERS\""));
}

static void recovered_weights_win_over_the_flag(void **state) {
    struct world *world = *state;
    const struct role_weight weight = {"eng", 3};

    world->flags.weights = xstrdup("ops=2,eng=1.5");
    restart(world, &(struct master_recovered){0});
    assert_page_holds(world, "/weights", "[{\"role\":\"eng\",\"weight\":1.5},{\"role\":\"ops\",\"weight\":2.0}]");
    restart(world, &(struct master_recovered){.weights = &weight, .weight_count = 1});
    assert_page_holds(world, "/weights", "[{\"role\":\"eng\",\"weight\":3.0}]");
    master_set_weights(world->master, (const struct role_weight[]){{"eng", 4}, {"dev", 2}}, 2);
    assert_page_holds(world, "/weights", "[{\"role\":\"dev\",\"weight\":2.0},{\"role\":\"eng\",\"weight\":4.0}]");
}

/* Two agents of 4 cpus, both offered. */
static struct fake_scheduler *offer_two_agents(struct world *world) {
    struct fake_scheduler *scheduler;

    world_add_agent(world, 0);
    world_add_agent(world, 1);
    scheduler = world_subscribe(world, 0, SUBSCRIBE_PLAIN);
    assert_int_equal(world->master->offers.count, 2);
    records_clear(&scheduler->records);
    scheduler->chunks = 0;
    return scheduler;
}

static void new_weights_take_all_offers_back_together(void **state) {
    struct world *world = *state;
    struct fake_scheduler *scheduler = offer_two_agents(world);

    master_set_weights(world->master, &(struct role_weight){"nobody", 2}, 1);
    settle(world);
    assert_int_equal(scheduler->records.count, 0);
    master_set_weights(world->master, &(struct role_weight){"r", 2}, 1);
    settle(world);
    assert_non_null(records_take(&scheduler->records, "\"type\":\"RESCIND\""));
    assert_non_null(records_take(&scheduler->records, "\"type\":\"RESCIND\""));
    assert_int_equal(scheduler->chunks, 1);
    sim_run_for(world->sim, SECOND);
    assert_non_null(records_take(&scheduler->records, "\"type\":\"OFFERS\""));
}

static void new_limits_take_back_what_is_beyond(void **state) {
    struct world *world = *state;
    struct fake_scheduler *scheduler = offer_two_agents(world);
    struct allocator_quota quota = {.role = "r"};

    limits_parse("cpus:8", &quota.limits, NULL);
    master_set_quotas(world->master, &quota, 1);
    settle(world);
    assert_int_equal(scheduler->records.count, 0);
    quantities_set(&quota.limits, "cpus", 5000);
    master_set_quotas(world->master, &quota, 1);
    settle(world);
    assert_non_null(records_take(&scheduler->records, "\"type\":\"RESCIND\""));
    assert_int_equal(scheduler->records.count, 0);
    assert_int_equal(world->master->offers.count, 1);
    quantities_done(&quota.limits);
}

static void new_guarantees_take_back_what_others_were_offered(void **state) {
    struct world *world = *state;
    struct fake_scheduler *scheduler = offer_two_agents(world);
    struct allocator_quota quotas[] = {{.role = "r"}, {.role = "prod"}};

    quantities_parse("cpus:3", &quotas[0].guarantees, NULL);
    master_set_quotas(world->master, quotas, 1); /* it has more already */
    settle(world);
    assert_int_equal(scheduler->records.count, 0);
    quantities_parse("cpus:3;mem:100", &quotas[1].guarantees, NULL);
    master_set_quotas(world->master, &quotas[1], 1);
    settle(world);
    assert_non_null(records_take(&scheduler->records, "\"type\":\"RESCIND\""));
    assert_int_equal(scheduler->records.count, 0);
    assert_int_equal(world->master->offers.count, 1);
    quantities_done(&quotas[0].guarantees);
    quantities_done(&quotas[1].guarantees);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        WORLD_TEST(with_recovered_quota_offers_wait_for_the_agents),
        WORLD_TEST(with_recovered_quota_offers_wait_for_the_timeout_at_most),
        WORLD_TEST(without_recovered_quota_nothing_waits),
        WORLD_TEST(factor_zero_does_not_wait),
        WORLD_TEST(quota_is_shown_and_holds),
        WORLD_TEST(new_weights_take_all_offers_back_together),
        WORLD_TEST(new_limits_take_back_what_is_beyond),
        WORLD_TEST(new_guarantees_take_back_what_others_were_offered),
        WORLD_TEST(recovered_weights_win_over_the_flag),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
