/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests and benches of the allocator share: an env of virtual time, and messages made from a few words. */
#pragma once

#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "allocator/allocator.h"
#include "event/provider.h"
#include "message/message.h"

/* An env with nothing but timers. */
struct test_env {
    struct env env;
    int64_t now_ns;
    uint64_t random;
};

static inline int64_t test_env_now(struct env *env) {
    return container_of(env, struct test_env, env)->now_ns;
}

static inline void test_env_random_bytes(struct env *env, void *bytes, size_t size) {
    struct test_env *test = container_of(env, struct test_env, env);

    for (size_t i = 0; i < size; i++) {
        test->random = test->random * 6364136223846793005u + 1442695040888963407u;
        ((unsigned char *)bytes)[i] = (unsigned char)(test->random >> 56);
    }
}

static inline void test_env_timers_changed(struct env *env) {
    (void)env;
}

static inline void test_env_init(struct test_env *test, uint64_t seed) {
    static const struct env_ops ops = {
        .now = test_env_now, .random_bytes = test_env_random_bytes, .timers_changed = test_env_timers_changed};

    *test = (struct test_env){.now_ns = SECOND, .random = seed};
    env_init(&test->env, &ops);
}

static inline void test_env_done(struct test_env *test) {
    env_done(&test->env);
}

/* Fire the first timer if it is due by @deadline_ns. */
static inline bool test_env_step(struct test_env *test, int64_t deadline_ns) {
    struct heap_member *top = heap_top(&test->env.timers);
    struct env_timer *timer;

    if (top == NULL || top->key > deadline_ns)
        return false;
    if (top->key > test->now_ns)
        test->now_ns = top->key;
    timer = container_of(top, struct env_timer, member);
    heap_remove(&test->env.timers, top);
    timer->on_fire(timer);
    return true;
}

static inline void test_env_run_until(struct test_env *test, int64_t deadline_ns) {
    while (test_env_step(test, deadline_ns))
        ;
    test->now_ns = deadline_ns;
}

/* What is due now: event-driven rounds. */
static inline void test_env_settle(struct test_env *test) {
    test_env_run_until(test, test->now_ns);
}

static inline void test_env_run_for(struct test_env *test, int64_t duration_ns) {
    test_env_run_until(test, test->now_ns + duration_ns);
}

/* Resources of text in which "{REV}" after a name makes it revocable: "cpus{REV}:2". */
static inline struct resources test_resources(const char *text) {
    struct resources all = RESOURCES_INIT;

    for (const char *token = text; *token != '\0';) {
        size_t size = strcspn(token, ";");
        cleanup_free char *one = xstrndup(token, size);
        char *mark = strstr(one, "{REV}");
        struct resources part;
        struct error err = ERROR_INIT;

        if (mark != NULL)
            memmove(mark, mark + 5, strlen(mark + 5) + 1);
        if (size > 0 && resources_parse(one, "*", &part, &err) < 0) {
            fprintf(stderr, "%s: %s\n", text, error_message(&err));
            abort();
        }
        if (size > 0 && mark != NULL) {
            Mesos__V1__Resource__RevocableInfo revocable = MESOS__V1__RESOURCE__REVOCABLE_INFO__INIT;
            Mesos__V1__Resource **messages;
            struct arena arena = ARENA_INIT;
            size_t count;

            resources_to_messages(&part, RESOURCE_FORMAT_NEW, &arena, &messages, &count);
            for (size_t i = 0; i < count; i++)
                messages[i]->revocable = &revocable;
            resources_done(&part);
            resources_from_messages(messages, count, &part, NULL);
            arena_done(&arena);
        }
        if (size > 0) {
            resources_add(&all, &part);
            resources_done(&part);
        }
        token += size + (token[size] != '\0');
    }
    return all;
}

/* A framework. Members of @from point into this. */
struct test_framework {
    Mesos__V1__FrameworkInfo info;
    Mesos__V1__FrameworkID id;
    Mesos__V1__FrameworkInfo__Capability capabilities[8], *capability_pointers[8];
    char *roles[16];
    struct allocator_framework from;
};

/* @roles ends with NULL; @capabilities with 0. */
static inline void test_framework_init(struct test_framework *framework, const char *id, const char *const *roles,
                                       const int *capabilities) {
    *framework = (struct test_framework){0};
    mesos__v1__framework_info__init(&framework->info);
    mesos__v1__framework_id__init(&framework->id);
    framework->id.value = (char *)id;
    framework->info.id = &framework->id;
    framework->info.user = (char *)"user";
    framework->info.name = (char *)"test";
    for (; roles[framework->info.n_roles] != NULL; framework->info.n_roles++)
        framework->roles[framework->info.n_roles] = (char *)roles[framework->info.n_roles];
    framework->info.roles = framework->roles;
    framework->info.capabilities = framework->capability_pointers;
    for (size_t i = 0; capabilities[i] != 0; i++) {
        mesos__v1__framework_info__capability__init(&framework->capabilities[i]);
        framework->capabilities[i].has_type = true;
        framework->capabilities[i].type = (Mesos__V1__FrameworkInfo__Capability__Type)capabilities[i];
        framework->capability_pointers[i] = &framework->capabilities[i];
        framework->info.n_capabilities++;
    }
    framework->from.info = &framework->info;
}

/* An agent with the capabilities of ours. */
struct test_agent {
    Mesos__V1__AgentInfo info;
    Mesos__V1__AgentInfo__Capability capabilities[4];
    const Mesos__V1__AgentInfo__Capability *capability_pointers[4];
    struct allocator_agent from;
};

static inline void test_agent_init(struct test_agent *agent, const char *id, const char *hostname,
                                   const struct resources *total) {
    static const int all[] = {MESOS__V1__AGENT_INFO__CAPABILITY__TYPE__MULTI_ROLE,
                              MESOS__V1__AGENT_INFO__CAPABILITY__TYPE__HIERARCHICAL_ROLE,
                              MESOS__V1__AGENT_INFO__CAPABILITY__TYPE__RESERVATION_REFINEMENT};

    *agent = (struct test_agent){0};
    mesos__v1__agent_info__init(&agent->info);
    agent->info.hostname = (char *)hostname;
    for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
        mesos__v1__agent_info__capability__init(&agent->capabilities[i]);
        agent->capabilities[i].has_type = true;
        agent->capabilities[i].type = (Mesos__V1__AgentInfo__Capability__Type)all[i];
        agent->capability_pointers[i] = &agent->capabilities[i];
    }
    agent->from = (struct allocator_agent){.id = id,
                                           .info = &agent->info,
                                           .capabilities = agent->capability_pointers,
                                           .capability_count = ARRAY_SIZE(all),
                                           .total = total};
}
