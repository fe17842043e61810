/* SPDX-License-Identifier: Apache-2.0 */
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

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_of_an_agent_is_offered_at_once),
        cmocka_unit_test(the_smaller_dominant_share_is_served_first),
        cmocka_unit_test(a_refusal_holds_for_its_time),
        cmocka_unit_test(a_refusal_goes_to_the_next_framework),
        cmocka_unit_test(a_suppressed_framework_gets_nothing_until_it_revives),
        cmocka_unit_test(reserved_resources_go_to_the_role_and_below),
        cmocka_unit_test(revocable_resources_need_the_capability),
        cmocka_unit_test(quota_limits_chop_and_headroom_is_kept),
        cmocka_unit_test(agents_under_maintenance_are_asked_back),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
