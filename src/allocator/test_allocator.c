/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>

#include "allocator/test_world.h"

#include <cmocka.h>

#include "model/name.h"

#define MULTI_ROLE MESOS__V1__FRAMEWORK_INFO__CAPABILITY__TYPE__MULTI_ROLE
#define REVOCABLE MESOS__V1__FRAMEWORK_INFO__CAPABILITY__TYPE__REVOCABLE_RESOURCES
#define REFINEMENT MESOS__V1__FRAMEWORK_INFO__CAPABILITY__TYPE__RESERVATION_REFINEMENT
#define GPU MESOS__V1__FRAMEWORK_INFO__CAPABILITY__TYPE__GPU_RESOURCES

/* One offer as it came. */
struct seen {
    char *framework, *role, *agent;
    struct resources resources;
};

struct world {
    struct test_env env;
    struct allocator_options options;
    struct allocator *allocator;
    struct seen seen[256];
    size_t count;
    struct {
        char *framework, *agent;
    } inverse[64];
    size_t inverse_count;
};

static void on_offers(void *user, const char *framework_id, const struct allocator_offer *offers, size_t count) {
    struct world *world = user;

    for (size_t i = 0; i < count; i++) {
        struct seen *seen = &world->seen[world->count++];

        assert_true(world->count < ARRAY_SIZE(world->seen));
        seen->framework = xstrdup(framework_id);
        seen->role = xstrdup(offers[i].role);
        seen->agent = xstrdup(offers[i].agent_id);
        resources_copy(&seen->resources, offers[i].resources);
        assert_string_equal(resources_allocation_role(offers[i].resources), offers[i].role);
    }
}

static void on_inverse_offers(void *user, const char *framework_id, const struct allocator_inverse_offer *offers,
                              size_t count) {
    struct world *world = user;

    for (size_t i = 0; i < count; i++) {
        assert_true(world->inverse_count < ARRAY_SIZE(world->inverse));
        world->inverse[world->inverse_count].framework = xstrdup(framework_id);
        world->inverse[world->inverse_count++].agent = xstrdup(offers[i].agent_id);
    }
}

static const struct allocator_callbacks callbacks = {on_offers, on_inverse_offers};

static void world_forget(struct world *world) {
    for (size_t i = 0; i < world->count; i++) {
        free(world->seen[i].framework);
        free(world->seen[i].role);
        free(world->seen[i].agent);
        resources_done(&world->seen[i].resources);
    }
    world->count = 0;
    for (size_t i = 0; i < world->inverse_count; i++) {
        free(world->inverse[i].framework);
        free(world->inverse[i].agent);
    }
    world->inverse_count = 0;
}

static void world_init(struct world *world) {
    *world = (struct world){0};
    test_env_init(&world->env, 1);
    allocator_options_init(&world->options);
}

static void world_start(struct world *world) {
    world->allocator = allocator_new(&world->options, &callbacks, world, &world->env.env);
}

static void world_done(struct world *world) {
    world_forget(world);
    allocator_free(world->allocator);
    assert_null(heap_top(&world->env.env.timers));
    test_env_done(&world->env);
}

static void add_framework(struct world *world, const char *id, const char *role) {
    struct test_framework framework;

    test_framework_init(&framework, id, (const char *[]){role, NULL}, (int[]){MULTI_ROLE, REFINEMENT, 0});
    allocator_add_framework(world->allocator, &framework.from, NULL, 0, true);
}

static void add_agent(struct world *world, const char *id, const char *text) {
    cleanup_resources struct resources total = test_resources(text);
    struct test_agent agent;

    test_agent_init(&agent, id, id, &total);
    allocator_add_agent(world->allocator, &agent.from, NULL, NULL, 0);
}

/* The next offer must be this one. */
static void expect(struct world *world, size_t index, const char *framework, const char *agent, const char *text) {
    cleanup_resources struct resources wanted = test_resources(text), got = RESOURCES_INIT;

    assert_true(index < world->count);
    assert_string_equal(world->seen[index].framework, framework);
    assert_string_equal(world->seen[index].agent, agent);
    resources_assign(&got, &world->seen[index].resources);
    resources_unallocate(&got);
    if (!resources_equal(&got, &wanted)) {
        cleanup_free char *got_text = resources_text(&got);

        fail_msg("offered %s, not %s", got_text, text);
    }
}

/* Hand the offer @index back. */
static void decline(struct world *world, size_t index, double refuse_seconds) {
    Mesos__V1__Filters filters = MESOS__V1__FILTERS__INIT;
    struct seen *seen = &world->seen[index];

    filters.has_refuse_seconds = true;
    filters.refuse_seconds = refuse_seconds;
    allocator_recover_resources(world->allocator, seen->framework, seen->agent, &seen->resources, &filters, false);
}

static void all_of_an_agent_is_offered_at_once(void **state) {
    struct world world;

    (void)state;
    world_init(&world);
    world_start(&world);
    add_framework(&world, "f1", "*");
    add_agent(&world, "a1", "cpus:2;mem:1024;ports:[31000-32000]");
    assert_int_equal(world.count, 0);
    test_env_settle(&world.env);
    assert_int_equal(world.count, 1);
    expect(&world, 0, "f1", "a1", "cpus:2;mem:1024;ports:[31000-32000]");
    world_done(&world);
}

static void the_smaller_dominant_share_is_served_first(void **state) {
    struct world world;

    (void)state;
    world_init(&world);
    world_start(&world);
    add_framework(&world, "f1", "dev");
    add_agent(&world, "a1", "cpus:2;mem:1024");
    test_env_settle(&world.env);
    add_framework(&world, "f2", "prod");
    test_env_settle(&world.env);
    world_forget(&world);
    add_agent(&world, "a2", "cpus:1;mem:512");
    test_env_settle(&world.env);
    expect(&world, 0, "f2", "a2", "cpus:1;mem:512");
    add_agent(&world, "a3", "cpus:3;mem:2048");
    test_env_settle(&world.env);
    /* dev has 2 of 6 cpus, prod 1 of 6. */
    expect(&world, 1, "f2", "a3", "cpus:3;mem:2048");
    add_agent(&world, "a4", "cpus:4;mem:4096");
    test_env_settle(&world.env);
    expect(&world, 2, "f1", "a4", "cpus:4;mem:4096");
    world_done(&world);
}

static void a_refusal_holds_for_its_time(void **state) {
    struct world world;

    (void)state;
    world_init(&world);
    world_start(&world);
    add_framework(&world, "f1", "*");
    add_agent(&world, "a1", "cpus:2;mem:1024");
    test_env_settle(&world.env);
    assert_int_equal(world.count, 1);
    decline(&world, 0, 3);
    test_env_run_for(&world.env, 3 * SECOND);
    assert_int_equal(world.count, 1);
    test_env_run_for(&world.env, SECOND);
    assert_int_equal(world.count, 2);
    world_done(&world);
}

static void a_refusal_goes_to_the_next_framework(void **state) {
    struct world world;

    (void)state;
    world_init(&world);
    world_start(&world);
    add_framework(&world, "f1", "*");
    add_framework(&world, "f2", "*");
    add_agent(&world, "a1", "cpus:2;mem:1024");
    test_env_settle(&world.env);
    assert_int_equal(world.count, 1);
    expect(&world, 0, "f1", "a1", "cpus:2;mem:1024");
    decline(&world, 0, 1000);
    test_env_run_for(&world.env, SECOND);
    expect(&world, 1, "f2", "a1", "cpus:2;mem:1024");
    decline(&world, 1, 1000);
    test_env_run_for(&world.env, 10 * SECOND);
    assert_int_equal(world.count, 2);
    allocator_revive(world.allocator, "f1", NULL, 0);
    test_env_settle(&world.env);
    expect(&world, 2, "f1", "a1", "cpus:2;mem:1024");
    world_done(&world);
}

static void a_suppressed_framework_gets_nothing_until_it_revives(void **state) {
    struct world world;

    (void)state;
    world_init(&world);
    world_start(&world);
    add_framework(&world, "f1", "*");
    allocator_suppress(world.allocator, "f1", NULL, 0);
    add_agent(&world, "a1", "cpus:2;mem:1024");
    test_env_run_for(&world.env, 5 * SECOND);
    assert_int_equal(world.count, 0);
    allocator_revive(world.allocator, "f1", NULL, 0);
    test_env_settle(&world.env);
    assert_int_equal(world.count, 1);
    world_done(&world);
}

static void reserved_resources_go_to_the_role_and_below(void **state) {
    struct world world;

    (void)state;
    world_init(&world);
    world_start(&world);
    add_framework(&world, "f1", "dev");
    add_framework(&world, "f2", "prod/web");
    add_agent(&world, "a1", "cpus(prod):2;mem(prod):512;cpus:1");
    test_env_settle(&world.env);
    assert_int_equal(world.count, 2);
    expect(&world, 0, "f1", "a1", "cpus:1");
    expect(&world, 1, "f2", "a1", "cpus(prod):2;mem(prod):512");
    world_done(&world);
}

static void revocable_resources_need_the_capability(void **state) {
    struct world world;
    struct test_framework framework;

    (void)state;
    world_init(&world);
    world_start(&world);
    add_framework(&world, "f1", "*");
    add_agent(&world, "a1", "cpus{REV}:2;mem:64");
    test_env_settle(&world.env);
    expect(&world, 0, "f1", "a1", "mem:64");
    test_framework_init(&framework, "f2", (const char *[]){"*", NULL}, (int[]){MULTI_ROLE, REVOCABLE, 0});
    allocator_add_framework(world.allocator, &framework.from, NULL, 0, true);
    test_env_settle(&world.env);
    expect(&world, 1, "f2", "a1", "cpus{REV}:2");
    world_done(&world);
}

static void quota_limits_chop_and_headroom_is_kept(void **state) {
    struct quantities guarantees, limits, none = QUANTITIES_INIT;
    struct world world;

    (void)state;
    world_init(&world);
    world_start(&world);
    quantities_parse("cpus:3;mem:300", &guarantees, NULL);
    limits_parse("cpus:3;mem:300", &limits, NULL);
    allocator_update_quota(world.allocator, "prod", &guarantees, &none);
    allocator_update_quota(world.allocator, "dev", &none, &limits);
    add_framework(&world, "f1", "dev");
    add_agent(&world, "a1", "cpus:5;mem:500");
    test_env_settle(&world.env);
    assert_int_equal(world.count, 1);
    /* 3 cpus are kept for prod, which has no framework yet. */
    expect(&world, 0, "f1", "a1", "cpus:2;mem:200");
    add_framework(&world, "f2", "prod");
    test_env_settle(&world.env);
    expect(&world, 1, "f2", "a1", "cpus:3;mem:300");
    add_agent(&world, "a2", "cpus:5;mem:500");
    test_env_settle(&world.env);
    assert_int_equal(world.count, 4);
    quantities_done(&guarantees);
    quantities_done(&limits);
    world_done(&world);
}

static void agents_under_maintenance_are_asked_back(void **state) {
    Mesos__V1__Unavailability unavailability = MESOS__V1__UNAVAILABILITY__INIT;
    Mesos__V1__TimeInfo start = MESOS__V1__TIME_INFO__INIT;
    struct world world;

    (void)state;
    unavailability.start = &start;
    world_init(&world);
    world_start(&world);
    add_framework(&world, "f1", "*");
    add_agent(&world, "a1", "cpus:5;mem:500");
    test_env_settle(&world.env);
    allocator_update_unavailability(world.allocator, "a1", &unavailability);
    test_env_run_for(&world.env, 3 * SECOND);
    assert_int_equal(world.inverse_count, 1);
    assert_string_equal(world.inverse[0].agent, "a1");
    allocator_update_inverse_offer(world.allocator, "a1", "f1", NULL, NULL);
    test_env_run_for(&world.env, SECOND);
    assert_int_equal(world.inverse_count, 2);
    world_done(&world);
}

static void weights_divide_what_there_is(void **state) {
    struct world world;
    size_t heavy = 0;

    (void)state;
    world_init(&world);
    world_start(&world);
    allocator_update_weight(world.allocator, "heavy", 3);
    add_framework(&world, "f1", "heavy");
    add_framework(&world, "f2", "light");
    for (int i = 0; i < 40; i++) {
        char id[8];

        snprintf(id, sizeof(id), "a%d", i);
        add_agent(&world, id, "cpus:1;mem:64");
    }
    test_env_settle(&world.env);
    assert_int_equal(world.count, 40);
    for (size_t i = 0; i < world.count; i++)
        heavy += strcmp(world.seen[i].role, "heavy") == 0;
    assert_int_equal(heavy, 30);
    world_done(&world);
}

static void a_role_and_its_sub_roles_share_as_siblings(void **state) {
    struct world world;
    size_t own = 0, below = 0, other = 0;

    (void)state;
    world_init(&world);
    world_start(&world);
    add_framework(&world, "f1", "a");
    add_framework(&world, "f2", "a/x");
    add_framework(&world, "f3", "b");
    for (int i = 0; i < 40; i++) {
        char id[8];

        snprintf(id, sizeof(id), "a%d", i);
        add_agent(&world, id, "cpus:1;mem:64");
    }
    test_env_settle(&world.env);
    for (size_t i = 0; i < world.count; i++) {
        own += strcmp(world.seen[i].role, "a") == 0;
        below += strcmp(world.seen[i].role, "a/x") == 0;
        other += strcmp(world.seen[i].role, "b") == 0;
    }
    assert_int_equal(own, 10);
    assert_int_equal(below, 10);
    assert_int_equal(other, 20);
    world_done(&world);
}

static void gpus_and_far_regions_need_capabilities(void **state) {
    Mesos__V1__DomainInfo domain = MESOS__V1__DOMAIN_INFO__INIT;
    Mesos__V1__DomainInfo__FaultDomain fault = MESOS__V1__DOMAIN_INFO__FAULT_DOMAIN__INIT;
    Mesos__V1__DomainInfo__FaultDomain__RegionInfo region = MESOS__V1__DOMAIN_INFO__FAULT_DOMAIN__REGION_INFO__INIT;
    Mesos__V1__DomainInfo__FaultDomain__ZoneInfo zone = MESOS__V1__DOMAIN_INFO__FAULT_DOMAIN__ZONE_INFO__INIT;
    cleanup_resources struct resources total = test_resources("cpus:1;mem:64");
    struct test_framework framework;
    struct test_agent agent;
    struct world world;

    (void)state;
    fault.region = &region;
    fault.zone = &zone;
    domain.fault_domain = &fault;
    region.name = (char *)"here";
    zone.name = (char *)"z";
    world_init(&world);
    world.options.domain = &domain;
    world_start(&world);
    add_framework(&world, "f1", "*");
    add_agent(&world, "gpu", "cpus:1;mem:64;gpus:1");
    test_agent_init(&agent, "near", "near", &total);
    agent.info.domain = &domain;
    allocator_add_agent(world.allocator, &agent.from, NULL, NULL, 0);
    test_env_settle(&world.env);
    assert_int_equal(world.count, 1);
    expect(&world, 0, "f1", "near", "cpus:1;mem:64");
    region.name = (char *)"far";
    test_agent_init(&agent, "far", "far", &total);
    agent.info.domain = &domain;
    allocator_add_agent(world.allocator, &agent.from, NULL, NULL, 0);
    test_env_settle(&world.env);
    assert_int_equal(world.count, 1);
    test_framework_init(&framework, "f2", (const char *[]){"*", NULL},
                        (int[]){MULTI_ROLE, GPU, MESOS__V1__FRAMEWORK_INFO__CAPABILITY__TYPE__REGION_AWARE, 0});
    allocator_add_framework(world.allocator, &framework.from, NULL, 0, true);
    test_env_settle(&world.env);
    assert_int_equal(world.count, 3);
    world_done(&world);
}

static void only_listed_hosts_and_active_agents_are_offered(void **state) {
    struct world world;

    (void)state;
    world_init(&world);
    world_start(&world);
    allocator_update_whitelist(world.allocator, (const char *[]){"a2"}, 1);
    add_framework(&world, "f1", "*");
    add_agent(&world, "a1", "cpus:1;mem:64");
    add_agent(&world, "a2", "cpus:1;mem:64");
    allocator_deactivate_agent(world.allocator, "a2");
    test_env_run_for(&world.env, 3 * SECOND);
    assert_int_equal(world.count, 0);
    allocator_activate_agent(world.allocator, "a2");
    test_env_run_for(&world.env, SECOND);
    assert_int_equal(world.count, 1);
    expect(&world, 0, "f1", "a2", "cpus:1;mem:64");
    allocator_update_whitelist(world.allocator, NULL, 0);
    test_env_run_for(&world.env, SECOND);
    assert_int_equal(world.count, 2);
    world_done(&world);
}

static void too_little_is_not_offered(void **state) {
    struct quantities *min;
    struct world world;

    (void)state;
    world_init(&world);
    assert_int_equal(
        allocator_parse_min_allocatable("cpus:1|mem:64;disk:10", &min, &world.options.min_allocatable_count, NULL), 0);
    assert_int_equal(world.options.min_allocatable_count, 2);
    world.options.min_allocatable = min;
    world_start(&world);
    add_framework(&world, "f1", "*");
    add_agent(&world, "a1", "cpus:0.5;mem:640");
    test_env_run_for(&world.env, 2 * SECOND);
    assert_int_equal(world.count, 0);
    add_agent(&world, "a2", "mem:64;disk:10");
    test_env_run_for(&world.env, 2 * SECOND);
    assert_int_equal(world.count, 1);
    world_done(&world);
    for (size_t i = 0; i < world.options.min_allocatable_count; i++)
        quantities_done(&min[i]);
    free(min);
}

static void offers_wait_for_enough_agents_after_a_failover(void **state) {
    struct allocator_quota quota = {.role = "prod"};
    struct world world;

    (void)state;
    quantities_parse("cpus:1", &quota.guarantees, NULL);
    world_init(&world);
    world_start(&world);
    allocator_recover(world.allocator, 3, &quota, 1);
    add_framework(&world, "f1", "prod");
    add_agent(&world, "a1", "cpus:1;mem:64");
    test_env_run_for(&world.env, 10 * SECOND);
    assert_int_equal(world.count, 0);
    /* 80 % of 3 are 2. */
    add_agent(&world, "a2", "cpus:1;mem:64");
    test_env_run_for(&world.env, SECOND);
    assert_int_equal(world.count, 2);
    quantities_done(&quota.guarantees);
    world_done(&world);
}

static void offers_do_not_wait_for_ever(void **state) {
    struct allocator_quota quota = {.role = "prod"};
    struct world world;

    (void)state;
    quantities_parse("cpus:1", &quota.guarantees, NULL);
    world_init(&world);
    world_start(&world);
    allocator_recover(world.allocator, 30, &quota, 1);
    add_framework(&world, "f1", "prod");
    add_agent(&world, "a1", "cpus:1;mem:64");
    test_env_run_for(&world.env, 9 * MINUTE);
    assert_int_equal(world.count, 0);
    test_env_run_for(&world.env, 2 * MINUTE);
    assert_int_equal(world.count, 1);
    quantities_done(&quota.guarantees);
    world_done(&world);
}

static void resources_of_a_removed_framework_are_offered_again(void **state) {
    struct world world;

    (void)state;
    world_init(&world);
    world_start(&world);
    add_framework(&world, "f1", "*");
    add_agent(&world, "a1", "cpus:1;mem:64");
    test_env_settle(&world.env);
    allocator_transition_offered_to_allocated(world.allocator, "a1", &world.seen[0].resources);
    add_framework(&world, "f2", "*");
    test_env_settle(&world.env);
    assert_int_equal(world.count, 1);
    allocator_recover_resources(world.allocator, "f1", "a1", &world.seen[0].resources, NULL, true);
    allocator_remove_framework(world.allocator, "f1");
    test_env_settle(&world.env);
    assert_int_equal(world.count, 2);
    expect(&world, 1, "f2", "a1", "cpus:1;mem:64");
    world_done(&world);
}

static void what_is_used_before_its_framework_is_known_is_not_offered(void **state) {
    cleanup_resources struct resources total = test_resources("cpus:4;mem:256"),
                                       part = test_resources("cpus:3;mem:192");
    struct allocator_used used = {"f1", &part}, on = {"a1", NULL};
    struct test_framework framework;
    struct test_agent agent;
    struct world world;

    (void)state;
    world_init(&world);
    world_start(&world);
    resources_allocate(&part, "dev");
    add_framework(&world, "f2", "*");
    test_agent_init(&agent, "a1", "a1", &total);
    allocator_add_agent(world.allocator, &agent.from, NULL, &used, 1);
    test_env_settle(&world.env);
    expect(&world, 0, "f2", "a1", "cpus:1;mem:64");
    test_framework_init(&framework, "f1", (const char *[]){"dev", NULL}, (int[]){MULTI_ROLE, 0});
    allocator_add_framework(world.allocator, &framework.from, &on, 1, true);
    allocator_recover_resources(world.allocator, "f1", "a1", &part, NULL, true);
    test_env_settle(&world.env);
    assert_int_equal(world.count, 2);
    world_done(&world);
}

/* The same agents and frameworks, offered in one go or in many slices. */
static void run_sliced(size_t slice_steps, struct world *world, struct allocator_figures *figures) {
    world_init(world);
    world->options.slice_steps = slice_steps;
    world->options.slice_offers = slice_steps / 7;
    world->options.random_seed = 7;
    world_start(world);
    for (int i = 0; i < 12; i++) {
        char id[8], role[8];

        snprintf(id, sizeof(id), "f%d", i);
        snprintf(role, sizeof(role), "r%d", i % 4);
        add_framework(world, id, role);
    }
    for (int i = 0; i < 60; i++) {
        char id[8], text[32];

        snprintf(id, sizeof(id), "a%d", i);
        snprintf(text, sizeof(text), "cpus:%d;mem:%d", 1 + i % 7, 64 + i % 5);
        add_agent(world, id, text);
    }
    test_env_settle(&world->env);
    allocator_figures(world->allocator, figures);
}

static void a_round_in_slices_offers_the_same(void **state) {
    static struct world whole, sliced;
    struct allocator_figures whole_figures, sliced_figures;

    (void)state;
    run_sliced(0, &whole, &whole_figures);
    run_sliced(20, &sliced, &sliced_figures);
    assert_int_equal(whole_figures.slices, 1);
    assert_true(sliced_figures.slices > 10);
    assert_int_equal(whole.count, 60);
    assert_int_equal(sliced.count, 60);
    for (size_t i = 0; i < whole.count; i++) {
        assert_string_equal(whole.seen[i].framework, sliced.seen[i].framework);
        assert_string_equal(whole.seen[i].agent, sliced.seen[i].agent);
    }
    world_done(&whole);
    world_done(&sliced);
}

static void a_cluster_at_rest_is_not_visited(void **state) {
    struct allocator_figures before, after;
    struct world world;

    (void)state;
    world_init(&world);
    world_start(&world);
    add_framework(&world, "f1", "*");
    for (int i = 0; i < 20; i++) {
        char id[8];

        snprintf(id, sizeof(id), "a%d", i);
        add_agent(&world, id, "cpus:1;mem:64");
    }
    test_env_settle(&world.env);
    for (size_t i = 0; i < 20; i++)
        decline(&world, i, 1e6);
    test_env_run_for(&world.env, SECOND);
    allocator_figures(world.allocator, &before);
    assert_int_equal(before.filters, 20);
    test_env_run_for(&world.env, 10 * SECOND);
    allocator_figures(world.allocator, &after);
    assert_int_equal(after.rounds - before.rounds, 10);
    assert_int_equal(after.agents_visited, before.agents_visited);
    world_done(&world);
}

struct wanted_metric {
    const char *name;
    double value;
    bool is_found;
};

static void look_at_metric(void *user, const char *name, double value) {
    struct wanted_metric *wanted = user;

    if (strcmp(name, wanted->name) == 0)
        *wanted = (struct wanted_metric){name, value, true};
}

static double metric_value(const struct metrics *metrics, const char *name) {
    struct wanted_metric wanted = {.name = name};

    metrics_for_each_value(metrics, look_at_metric, &wanted);
    if (!wanted.is_found)
        fail_msg("there is no %s", name);
    return wanted.value;
}

static void figures_are_listed_under_the_names_of_mesos(void **state) {
    struct quantities guarantees, limits;
    struct metrics metrics;
    struct world world;

    (void)state;
    metrics_init(&metrics);
    quantities_parse("cpus:1", &guarantees, NULL);
    limits_parse("mem:128", &limits, NULL);
    world_init(&world);
    world.options.metrics = &metrics;
    world_start(&world);
    add_framework(&world, "f1", "dev");
    allocator_update_quota(world.allocator, "dev", &guarantees, &limits);
    add_agent(&world, "a1", "cpus:2;mem:64;disk:10");
    add_agent(&world, "a2", "cpus:2;mem:64;disk:10");
    test_env_settle(&world.env);
    assert_int_equal(world.count, 2);
    decline(&world, 1, 100);
    allocator_transition_offered_to_allocated(world.allocator, world.seen[0].agent, &world.seen[0].resources);
    allocator_suppress(world.allocator, "f1", NULL, 0);
    assert_true(metric_value(&metrics, "allocator/mesos/allocation_runs") == 1);
    assert_true(metric_value(&metrics, "allocator/mesos/allocation_run_ms") >= 0);
    assert_true(metric_value(&metrics, "allocator/mesos/allocation_run_latency_ms") >= 0);
    assert_true(metric_value(&metrics, "allocator/mesos/resources/cpus/total") == 4);
    assert_true(metric_value(&metrics, "allocator/mesos/resources/cpus/offered_or_allocated") == 2);
    assert_true(metric_value(&metrics, "allocator/mesos/offer_filters/roles/dev/active") == 1);
    assert_true(metric_value(&metrics, "allocator/mesos/roles/dev/shares/dominant") == 0.5);
    assert_true(metric_value(&metrics, "allocator/mesos/quota/roles/dev/resources/cpus/guarantee") == 1);
    assert_true(metric_value(&metrics, "allocator/mesos/quota/roles/dev/resources/mem/limit") == 128);
    assert_true(metric_value(&metrics, "allocator/mesos/quota/roles/dev/resources/cpus/offered_or_allocated") == 2);
    assert_true(metric_value(&metrics, "allocator/mesos/quota/roles/dev/resources/cpus/consumed") == 2);
    assert_true(metric_value(&metrics, "master/frameworks/test/f1/roles/dev/suppressed") == 1);
    allocator_recover_resources(world.allocator, "f1", world.seen[0].agent, &world.seen[0].resources, NULL, true);
    allocator_remove_framework(world.allocator, "f1");
    assert_true(metric_value(&metrics, "master/frameworks/test/f1/roles/dev/suppressed") == 1);
    add_framework(&world, "f1", "dev");
    assert_true(metric_value(&metrics, "master/frameworks/test/f1/roles/dev/suppressed") == 0);
    world_done(&world);
    assert_int_equal(metrics.by_name.count, 0);
    metrics_done(&metrics);
    quantities_done(&guarantees);
    quantities_done(&limits);
}

static void excluded_resources_do_not_count_in_shares(void **state) {
    static const char *const excluded[] = {"mem", NULL};
    struct metrics metrics;
    struct world world;

    (void)state;
    metrics_init(&metrics);
    world_init(&world);
    world.options.metrics = &metrics;
    world.options.fair_sharing_excluded = excluded;
    world_start(&world);
    assert_true(metric_value(&metrics, "allocator/mesos/resources/cpus/total") == 0);
    add_framework(&world, "f1", "dev");
    add_agent(&world, "a1", "cpus:1;mem:512");
    test_env_settle(&world.env);
    add_framework(&world, "f2", "dev2");
    allocator_suppress(world.allocator, "f1", NULL, 0);
    add_agent(&world, "a2", "cpus:3;mem:512");
    test_env_settle(&world.env);
    assert_true(metric_value(&metrics, "allocator/mesos/roles/dev/shares/dominant") == 0.25);
    assert_true(metric_value(&metrics, "allocator/mesos/roles/dev2/shares/dominant") == 0.75);
    world_done(&world);
    metrics_done(&metrics);
}

static void a_short_refusal_holds_for_an_interval(void **state) {
    struct world world;

    (void)state;
    world_init(&world);
    world_start(&world);
    add_framework(&world, "f1", "*");
    add_agent(&world, "a1", "cpus:5;mem:500");
    test_env_settle(&world.env);
    decline(&world, 0, 0.1);
    test_env_run_for(&world.env, SECOND);
    assert_int_equal(world.count, 1);
    test_env_run_for(&world.env, SECOND);
    assert_int_equal(world.count, 2);
    world_done(&world);
}

/* AddAgentWithUnknownFrameworkAndMaintenance. */
static void frameworks_are_asked_back_once_they_are_known(void **state) {
    cleanup_resources struct resources total = test_resources("cpus:4;mem:256"),
                                       part = test_resources("cpus:3;mem:192");
    Mesos__V1__Unavailability unavailability = MESOS__V1__UNAVAILABILITY__INIT;
    Mesos__V1__TimeInfo start = MESOS__V1__TIME_INFO__INIT;
    struct allocator_used used = {"f1", &part}, on = {"a1", NULL};
    struct test_framework framework;
    struct test_agent agent;
    struct world world;

    (void)state;
    unavailability.start = &start;
    world_init(&world);
    world_start(&world);
    resources_allocate(&part, "dev");
    test_agent_init(&agent, "a1", "a1", &total);
    allocator_add_agent(world.allocator, &agent.from, &unavailability, &used, 1);
    test_env_run_for(&world.env, 2 * SECOND);
    assert_int_equal(world.inverse_count, 0);
    test_framework_init(&framework, "f1", (const char *[]){"dev", NULL}, (int[]){MULTI_ROLE, 0});
    allocator_add_framework(world.allocator, &framework.from, &on, 1, true);
    test_env_settle(&world.env);
    assert_int_equal(world.inverse_count, 1);
    assert_string_equal(world.inverse[0].framework, "f1");
    world_done(&world);
}

/* AddResourceProvider. */
static void what_is_used_of_a_resource_provider_is_not_offered(void **state) {
    cleanup_resources struct resources more = test_resources("cpus:2;mem:64"), used_part = test_resources("cpus:1");
    struct allocator_used used[] = {{"f1", &used_part}, {"stranger", &used_part}};
    struct world world;

    (void)state;
    world_init(&world);
    world_start(&world);
    add_framework(&world, "f1", "*");
    add_agent(&world, "a1", "cpus:5;mem:500");
    test_env_settle(&world.env);
    expect(&world, 0, "f1", "a1", "cpus:5;mem:500");
    resources_allocate(&used_part, "*");
    allocator_add_resource_provider(world.allocator, "a1", &more, used, 2);
    test_env_run_for(&world.env, SECOND);
    expect(&world, 1, "f1", "a1", "cpus:1;mem:64");
    world_done(&world);
}

static void the_recovery_timeout_does_not_end_a_pause(void **state) {
    struct allocator_quota quota = {.role = "prod"};
    struct world world;

    (void)state;
    quantities_parse("cpus:1", &quota.guarantees, NULL);
    world_init(&world);
    world_start(&world);
    allocator_recover(world.allocator, 2, &quota, 1); /* 80 % of which are 1 */
    add_framework(&world, "f1", "prod");
    add_agent(&world, "a1", "cpus:1;mem:64");
    test_env_settle(&world.env);
    assert_int_equal(world.count, 1);
    allocator_pause(world.allocator);
    add_agent(&world, "a2", "cpus:1;mem:64");
    test_env_run_for(&world.env, 11 * MINUTE);
    assert_int_equal(world.count, 1);
    allocator_resume(world.allocator);
    test_env_run_for(&world.env, SECOND);
    assert_int_equal(world.count, 2);
    quantities_done(&quota.guarantees);
    world_done(&world);
}

/* UpdateAllocationRemoveResources. */
static void a_conversion_may_take_resources_away(void **state) {
    struct resource_conversion conversion = {.removes_volume = false};
    struct world world;

    (void)state;
    world_init(&world);
    world_start(&world);
    add_framework(&world, "f1", "*");
    add_agent(&world, "a1", "cpus:5;mem:500");
    test_env_settle(&world.env);
    conversion.consumed = test_resources("mem:100");
    resources_allocate(&conversion.consumed, "*");
    allocator_update_allocation(world.allocator, "f1", "a1", &world.seen[0].resources, &conversion, 1);
    resources_subtract(&world.seen[0].resources, &conversion.consumed);
    allocator_recover_resources(world.allocator, "f1", "a1", &world.seen[0].resources, NULL, false);
    test_env_run_for(&world.env, SECOND);
    expect(&world, 1, "f1", "a1", "cpus:5;mem:400");
    resources_done(&conversion.consumed);
    world_done(&world);
}

static size_t count_steps(struct world *world, int64_t duration_ns) {
    int64_t deadline_ns = world->env.now_ns + duration_ns;
    size_t steps = 0;

    while (test_env_step(&world->env, deadline_ns))
        steps++;
    world->env.now_ns = deadline_ns;
    return steps;
}

static void expiries_and_inverse_offers_come_in_slices(void **state) {
    Mesos__V1__Unavailability unavailability = MESOS__V1__UNAVAILABILITY__INIT;
    Mesos__V1__TimeInfo start = MESOS__V1__TIME_INFO__INIT;
    struct world world;

    (void)state;
    unavailability.start = &start;
    world_init(&world);
    world.options.slice_steps = 50;
    world.options.slice_offers = 4;
    world_start(&world);
    add_framework(&world, "f1", "*");
    for (int i = 0; i < 40; i++) {
        char id[8];

        snprintf(id, sizeof(id), "a%d", i);
        add_agent(&world, id, "cpus:5;mem:500");
    }
    test_env_settle(&world.env);
    assert_int_equal(world.count, 40);
    for (size_t i = 0; i < 40; i++)
        decline(&world, i, 3);
    test_env_run_for(&world.env, 2900 * MILLISECOND);
    assert_int_equal(world.count, 40);
    /* Five refusals a slice; the round is under way only when they are gone. */
    assert_true(count_steps(&world, 100 * MILLISECOND) >= 8);
    test_env_run_for(&world.env, SECOND);
    assert_int_equal(world.count, 80);
    for (int i = 0; i < 40; i++) {
        char id[8];

        snprintf(id, sizeof(id), "a%d", i);
        allocator_update_unavailability(world.allocator, id, &unavailability);
    }
    assert_true(count_steps(&world, 0) >= 10);
    assert_int_equal(world.inverse_count, 40);
    world_done(&world);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(excluded_resources_do_not_count_in_shares),
        cmocka_unit_test(a_short_refusal_holds_for_an_interval),
        cmocka_unit_test(frameworks_are_asked_back_once_they_are_known),
        cmocka_unit_test(what_is_used_of_a_resource_provider_is_not_offered),
        cmocka_unit_test(the_recovery_timeout_does_not_end_a_pause),
        cmocka_unit_test(a_conversion_may_take_resources_away),
        cmocka_unit_test(expiries_and_inverse_offers_come_in_slices),
        cmocka_unit_test(all_of_an_agent_is_offered_at_once),
        cmocka_unit_test(the_smaller_dominant_share_is_served_first),
        cmocka_unit_test(a_refusal_holds_for_its_time),
        cmocka_unit_test(a_refusal_goes_to_the_next_framework),
        cmocka_unit_test(a_suppressed_framework_gets_nothing_until_it_revives),
        cmocka_unit_test(reserved_resources_go_to_the_role_and_below),
        cmocka_unit_test(revocable_resources_need_the_capability),
        cmocka_unit_test(quota_limits_chop_and_headroom_is_kept),
        cmocka_unit_test(agents_under_maintenance_are_asked_back),
        cmocka_unit_test(weights_divide_what_there_is),
        cmocka_unit_test(a_role_and_its_sub_roles_share_as_siblings),
        cmocka_unit_test(gpus_and_far_regions_need_capabilities),
        cmocka_unit_test(only_listed_hosts_and_active_agents_are_offered),
        cmocka_unit_test(too_little_is_not_offered),
        cmocka_unit_test(offers_wait_for_enough_agents_after_a_failover),
        cmocka_unit_test(offers_do_not_wait_for_ever),
        cmocka_unit_test(resources_of_a_removed_framework_are_offered_again),
        cmocka_unit_test(what_is_used_before_its_framework_is_known_is_not_offered),
        cmocka_unit_test(a_round_in_slices_offers_the_same),
        cmocka_unit_test(a_cluster_at_rest_is_not_visited),
        cmocka_unit_test(figures_are_listed_under_the_names_of_mesos),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
