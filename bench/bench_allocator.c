/* SPDX-License-Identifier: Apache-2.0 */
/* The benchmarks of Mesos's own allocator tests (hierarchical_allocator_tests.cpp,
 * hierarchical_allocator_benchmarks.cpp, sorter_tests.cpp), with their names and set-ups.
 *
 *     bench_allocator                            every benchmark at its usual sizes
 *     bench_allocator DeclineOffers 10000 200    one of them at one size
 *
 * Pages that the machine has not had in use lately may cost as much as what is then done with them, above all on a
 * virtual one, whose host has to find them first: so memory is taken and given back before anything is measured. With
 * BENCH_COLD set it is not. */
#include "bench_allocator.h"

#include <malloc.h>

#define MULTI_ROLE MESOS__V1__FRAMEWORK_INFO__CAPABILITY__TYPE__MULTI_ROLE
#define REFINEMENT MESOS__V1__FRAMEWORK_INFO__CAPABILITY__TYPE__RESERVATION_REFINEMENT
#define REVOCABLE MESOS__V1__FRAMEWORK_INFO__CAPABILITY__TYPE__REVOCABLE_RESOURCES
#define SHARED MESOS__V1__FRAMEWORK_INFO__CAPABILITY__TYPE__SHARED_RESOURCES

static const char *const star[] = {"*"};
static const int usual[] = {MULTI_ROLE, REFINEMENT, 0};

static double least(double a, double b) {
    return a < b ? a : b;
}

static double most(double a, double b) {
    return a > b ? a : b;
}

static void print_memory(const struct bench *bench, const char *name) {
    struct allocator_figures figures;

    allocator_figures(bench->allocator, &figures);
    printf("%-24s %6zu agents %5zu frameworks  memory: %zu B an agent, %zu B a framework, %zu B a filter (%zu)\n", name,
           figures.agents, figures.frameworks, figures.agent_bytes / (figures.agents + !figures.agents),
           figures.framework_bytes / (figures.frameworks + !figures.frameworks),
           figures.filter_bytes / (figures.filters + !figures.filters), figures.filters);
}

/* Refuse everything for ever, round after round, until all frameworks have refused all agents. */
static void decline_all(struct bench *bench, const char *name, size_t rounds) {
    double first = 0, middle = 0, idle = 1e9, slowest = 0, declines = 0;
    size_t declined = 0;

    for (size_t i = 0; i < rounds; i++) {
        double ms;

        declined += bench->offer_count;
        declines += bench_decline(bench, 2147483647);
        ms = bench_round(bench);
        if (i == 0)
            first = ms;
        if (i == bench->framework_count / 2)
            middle = ms;
        if (i > 0 && bench->offer_count == 0)
            idle = least(idle, ms);
        slowest = most(slowest, ms);
        if (i > bench->framework_count + 2)
            break;
    }
    bench_print(name, bench->agent_count, bench->framework_count, "first round", first);
    if (middle > 0)
        bench_print(name, bench->agent_count, bench->framework_count, "round with half the refusals", middle);
    bench_print(name, bench->agent_count, bench->framework_count, "slowest round", slowest);
    if (idle < 1e9)
        bench_print(name, bench->agent_count, bench->framework_count, "round in which all is refused", idle);
    bench_print(name, bench->agent_count, bench->framework_count, "a refusal (µs, not ms)",
                declined == 0 ? 0 : declines * 1000 / (double)declined);
    print_memory(bench, name);
}

static void DeclineOffers(size_t agents, size_t frameworks) {
    cleanup_resources struct resources total = test_resources("cpus:24;mem:4096;disk:4096;ports:[31000-32000]");
    cleanup_resources struct resources used = bench_used("cpus:16;mem:2014;disk:1024", "*", "*", 16);
    struct bench bench;

    bench_init(&bench, __func__, agents, frameworks);
    bench_print(__func__, agents, frameworks, "add the frameworks", bench_add_frameworks(&bench, star, 1, usual));
    bench_print(__func__, agents, frameworks, "add the agents", bench_add_agents(&bench, &total, &used));
    decline_all(&bench, __func__, agents * frameworks > 4000000 ? 40 : 2 * frameworks + 3);
    bench_done(&bench);
}

static void add_labelled(struct resources *to, const char *key, size_t agent) {
    Mesos__V1__Resource message = MESOS__V1__RESOURCE__INIT, *messages[] = {&message};
    Mesos__V1__Value__Scalar scalar = MESOS__V1__VALUE__SCALAR__INIT;
    Mesos__V1__Resource__ReservationInfo reservation = MESOS__V1__RESOURCE__RESERVATION_INFO__INIT;
    Mesos__V1__Resource__ReservationInfo *reservations[] = {&reservation};
    Mesos__V1__Labels labels = MESOS__V1__LABELS__INIT;
    Mesos__V1__Label all[12], *pointers[12];
    char keys[12][32], values[12][32];
    struct resources part;

    for (size_t i = 0; i < 12; i++) {
        mesos__v1__label__init(&all[i]);
        snprintf(keys[i], sizeof(keys[i]), "key%zu", i);
        if (i == 11)
            snprintf(keys[i], sizeof(keys[i]), "%s", key);
        snprintf(values[i], sizeof(values[i]), "value_%zu", i == 11 ? agent : i);
        all[i].key = keys[i];
        all[i].value = values[i];
        pointers[i] = &all[i];
    }
    labels.labels = pointers;
    labels.n_labels = 12;
    message.name = (char *)"cpus";
    message.scalar = &scalar;
    scalar.value = 8;
    reservation.has_type = true;
    reservation.type = MESOS__V1__RESOURCE__RESERVATION_INFO__TYPE__DYNAMIC;
    reservation.role = (char *)"role1";
    reservation.principal = (char *)"principal1";
    reservation.labels = &labels;
    message.reservations = reservations;
    message.n_reservations = 1;
    if (resources_from_messages(messages, 1, &part, NULL) < 0)
        abort();
    resources_add(to, &part);
    resources_done(&part);
}

static void ResourceLabels(size_t agents, size_t frameworks) {
    static const char *const role[] = {"role1"};
    cleanup_resources struct resources plain = test_resources("cpus:8;mem:4096;disk:4096;ports:[31000-32000]");
    cleanup_resources struct resources used_plain = bench_used("mem:2014;disk:1024", "role1", "*", 16);
    struct resources *totals = xcalloc(agents, sizeof(*totals)), *uses = xcalloc(agents, sizeof(*uses));
    struct bench bench;
    double start;

    for (size_t i = 0; i < agents; i++) {
        struct resources reserved = RESOURCES_INIT;

        add_labelled(&reserved, "unique_key_1", i);
        add_labelled(&reserved, "unique_key_2", i);
        resources_copy(&totals[i], &plain);
        resources_add(&totals[i], &reserved);
        resources_copy(&uses[i], &used_plain);
        resources_allocate(&reserved, "role1");
        resources_add(&uses[i], &reserved);
        resources_done(&reserved);
    }
    bench_init(&bench, __func__, agents, frameworks);
    bench_print(__func__, agents, frameworks, "add the frameworks", bench_add_frameworks(&bench, role, 1, usual));
    start = bench_now_ms();
    for (size_t i = 0; i < agents; i++) {
        struct test_agent agent;
        struct allocator_used use = {bench.framework_ids[i % frameworks], &uses[i]};

        test_agent_init(&agent, bench.agent_ids[i], bench.agent_ids[i], &totals[i]);
        allocator_add_agent(bench.allocator, &agent.from, NULL, &use, 1);
    }
    bench_settle(&bench);
    bench_print(__func__, agents, frameworks, "add the agents", bench_now_ms() - start);
    decline_all(&bench, __func__, 20);
    bench_done(&bench);
    for (size_t i = 0; i < agents; i++) {
        resources_done(&totals[i]);
        resources_done(&uses[i]);
    }
    free(totals);
    free(uses);
}

static void suppress(size_t agents, size_t frameworks, const char *name, bool is_extreme) {
    cleanup_resources struct resources total = test_resources("cpus:24;mem:4096;disk:4096;ports:[31000-32000]");
    cleanup_resources struct resources used = bench_used("cpus:16;mem:1024;disk:1024", "*", "*", 16);
    size_t suppressed = 0, wanted = is_extreme ? frameworks * 99 / 100 : 0;
    double slowest = 0, all = 0;
    struct bench bench;

    bench_init(&bench, name, agents, frameworks);
    bench_add_frameworks(&bench, star, 1, usual);
    bench_print(name, agents, frameworks, "add the agents", bench_add_agents(&bench, &total, &used));
    for (size_t i = 0; i < 5; i++) {
        double ms, start;

        bench_decline(&bench, -1);
        if (!is_extreme)
            wanted += frameworks / 5;
        start = bench_now_ms();
        for (; suppressed < wanted; suppressed++)
            allocator_suppress(bench.allocator, bench.framework_ids[suppressed], NULL, 0);
        all += bench_now_ms() - start;
        ms = bench_round(&bench);
        slowest = most(slowest, ms);
    }
    bench_print(name, agents, frameworks, "slowest of 5 rounds", slowest);
    bench_print(name, agents, frameworks, "suppress (all calls together)", all);
    bench_done(&bench);
}

static void SuppressOffers(size_t agents, size_t frameworks) {
    suppress(agents, frameworks, __func__, false);
}

static void ExtremeSuppressOffers(size_t agents, size_t frameworks) {
    suppress(agents, frameworks, __func__, true);
}

static void AddAndUpdateSlave(size_t agents, size_t frameworks) {
    cleanup_resources struct resources total = test_resources("cpus:2;mem:1024;disk:4096;ports:[31000-32000]");
    cleanup_resources struct resources used = test_resources(
        "cpus:1;mem:128;disk:1024;ports:[31126-31510,31512-31623,31810-31852,31854-31964]");
    cleanup_resources struct resources more = test_resources("cpus{REV}:10"), sum = RESOURCES_INIT;
    struct bench bench;
    double start;

    resources_allocate(&used, "*");
    resources_assign(&sum, &total);
    resources_add(&sum, &more);
    bench_init(&bench, __func__, agents, frameworks);
    bench.keeps_offers = false;
    bench_add_frameworks(&bench, star, 1, (const int[]){MULTI_ROLE, REVOCABLE, 0});
    bench_print(__func__, agents, frameworks, "add the agents", bench_add_agents(&bench, &total, &used));
    start = bench_now_ms();
    for (size_t i = 0; i < agents; i++) {
        struct test_agent agent;

        test_agent_init(&agent, bench.agent_ids[i], bench.agent_ids[i], &sum);
        allocator_update_agent(bench.allocator, &agent.from);
    }
    bench_settle(&bench);
    bench_print(__func__, agents, frameworks, "update the agents", bench_now_ms() - start);
    bench_done(&bench);
}

static void PersistentVolumesOf(size_t agents, size_t frameworks, bool is_shared, const char *name) {
    static const char *const role[] = {"test"};
    struct resources *totals = xcalloc(agents, sizeof(*totals));
    cleanup_resources struct resources used = bench_used("cpus(test):16;mem(test):1024;disk(test):1024", "test", "test",
                                                         16);
    struct error err = ERROR_INIT;
    struct bench bench;
    double start, slowest = 0, sum = 0;

    for (size_t i = 0; i < agents; i++) {
        Mesos__V1__Resource message = MESOS__V1__RESOURCE__INIT, *messages[] = {&message};
        Mesos__V1__Value__Scalar scalar = MESOS__V1__VALUE__SCALAR__INIT;
        Mesos__V1__Resource__DiskInfo disk = MESOS__V1__RESOURCE__DISK_INFO__INIT;
        Mesos__V1__Resource__DiskInfo__Persistence persistence = MESOS__V1__RESOURCE__DISK_INFO__PERSISTENCE__INIT;
        Mesos__V1__Resource__SharedInfo shared = MESOS__V1__RESOURCE__SHARED_INFO__INIT;
        Mesos__V1__Volume volume = MESOS__V1__VOLUME__INIT;
        char id[32], path[32];
        struct resources part;

        if (resources_parse("cpus(test):24;mem(test):4096;disk(test):3072;ports(test):[31000-32000]", "*", &totals[i],
                            &err) < 0)
            abort();
        snprintf(id, sizeof(id), "id%zu", i);
        snprintf(path, sizeof(path), "path%zu", i);
        message.name = (char *)"disk";
        message.role = (char *)"test";
        message.scalar = &scalar;
        scalar.value = 1024;
        message.disk = &disk;
        disk.persistence = &persistence;
        persistence.id = id;
        disk.volume = &volume;
        volume.container_path = path;
        message.shared = is_shared ? &shared : NULL;
        if (resources_from_messages(messages, 1, &part, &err) < 0)
            abort();
        resources_add(&totals[i], &part);
        resources_done(&part);
    }
    bench_init(&bench, name, agents, frameworks);
    bench_add_frameworks(&bench, role, 1, (const int[]){MULTI_ROLE, REFINEMENT, SHARED, 0});
    start = bench_now_ms();
    for (size_t i = 0; i < agents; i++) {
        struct test_agent agent;
        struct allocator_used use = {bench.framework_ids[i % frameworks], &used};

        test_agent_init(&agent, bench.agent_ids[i], bench.agent_ids[i], &totals[i]);
        allocator_add_agent(bench.allocator, &agent.from, NULL, &use, 1);
    }
    bench_settle(&bench);
    bench_print(name, agents, frameworks, "add the agents", bench_now_ms() - start);
    for (size_t i = 0; i < 6; i++) {
        double ms;

        bench_decline(&bench, -1);
        ms = bench_round(&bench);
        slowest = most(slowest, ms);
        sum += ms;
    }
    bench_print(name, agents, frameworks, "slowest of 6 rounds", slowest);
    bench_print(name, agents, frameworks, "mean of 6 rounds", sum / 6);
    bench_done(&bench);
    for (size_t i = 0; i < agents; i++)
        resources_done(&totals[i]);
    free(totals);
}

static void PersistentVolumes(size_t agents, size_t frameworks) {
    PersistentVolumesOf(agents, frameworks, false, "PersistentVolumes");
    PersistentVolumesOf(agents, frameworks, true, "PersistentVolumes/shared");
}

/* 19,500 tasks of 554 frameworks on 80 agents. */
struct profile {
    const char *task;
    size_t frameworks, tasks, tasks_an_offer;
    bool has_own_role;
};

static const struct profile profiles[] = {
    {"cpus:0.07;mem:400", 4, 4000, 100, true},
    {"cpus:0.1;mem:4000", 500, 5, 1, false},
    {"cpus:1;mem:1000", 50, 20, 5, true},
};

struct launcher {
    struct resources task;
    size_t left, most_an_offer;
    bool is_suppressed;
};

static size_t launch(struct bench *bench, struct launcher *launchers) {
    size_t launched = 0;

    for (size_t i = 0; i < bench->offer_count; i++) {
        struct kept_offer *offer = &bench->offers[i];
        struct launcher *launcher = &launchers[offer->framework];
        const char *role = xstrdup(resources_allocation_role(&offer->resources));

        resources_unallocate(&offer->resources);
        for (size_t j = 0;
             j < launcher->most_an_offer && launcher->left > 0 && resources_contain(&offer->resources, &launcher->task);
             j++) {
            resources_subtract(&offer->resources, &launcher->task);
            launcher->left--;
            launched++;
        }
        resources_allocate(&offer->resources, role);
        free((char *)role);
    }
    return launched;
}

/* Who has launched everything wants no more offers. Mesos's benchmark leaves this out and then, as fair sharing has it,
 * the large frameworks wait for ever behind small ones that take nothing. */
static void suppress_done(struct bench *bench, struct launcher *launchers, size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (launchers[i].left > 0 || launchers[i].is_suppressed)
            continue;
        allocator_suppress(bench->allocator, bench->framework_ids[i], NULL, 0);
        launchers[i].is_suppressed = true;
    }
}

static void MultiFrameworkAllocations(size_t agents, size_t frameworks) {
    cleanup_resources struct resources total = test_resources("cpus:64;mem:488000");
    struct launcher launchers[554];
    size_t next = 0, left = 0, rounds = 0;
    double start, rounds_ms = 0;
    struct bench bench;

    bench_init(&bench, __func__, agents, frameworks);
    bench_add_agents(&bench, &total, NULL);
    allocator_pause(bench.allocator);
    for (size_t i = 0; i < ARRAY_SIZE(profiles); i++)
        for (size_t j = 0; j < profiles[i].frameworks; j++, next++) {
            char role[32];
            struct test_framework framework;

            snprintf(role, sizeof(role), "role%zu-%zu", i, profiles[i].has_own_role ? j : 0);
            test_framework_init(&framework, bench.framework_ids[next], (const char *[]){role, NULL}, usual);
            allocator_add_framework(bench.allocator, &framework.from, NULL, 0, true);
            launchers[next] = (struct launcher){test_resources(profiles[i].task), profiles[i].tasks,
                                                profiles[i].tasks_an_offer, false};
            left += profiles[i].tasks;
        }
    allocator_resume(bench.allocator);
    start = bench_now_ms();
    while (left > 0) {
        rounds_ms += bench_round(&bench);
        left -= launch(&bench, launchers);
        bench_decline(&bench, -1);
        suppress_done(&bench, launchers, next);
        rounds++;
    }
    bench_print(__func__, agents, frameworks, "launch of 19,500 tasks", bench_now_ms() - start);
    bench_print(__func__, agents, frameworks, "mean of a round", rounds_ms / (double)rounds);
    for (size_t i = 0; i < next; i++)
        resources_done(&launchers[i].task);
    bench_done(&bench);
}

/* Roles with guarantees and limits of @quota; one framework or more each. */
static void set_quota(struct bench *bench, char *const *roles, size_t from, size_t to, const char *quota) {
    cleanup_quantities struct quantities guarantees = QUANTITIES_INIT, limits = QUANTITIES_INIT;

    quantities_parse(quota, &guarantees, NULL);
    limits_parse(quota, &limits, NULL);
    for (size_t i = from; i < to; i++)
        allocator_update_quota(bench->allocator, roles[i], &guarantees, &limits);
}

static char **make_roles(size_t count) {
    char **roles = xcalloc(count + 1, sizeof(*roles));

    for (size_t i = 0; i < count; i++)
        roles[i] = xasprintf("quotaRole%zu", i);
    return roles;
}

static void run_quota(struct bench *bench, const char *name) {
    double ms = bench_round(bench);
    size_t offers = bench->offer_count;

    bench_print(name, bench->agent_count, bench->framework_count, "cycle that offers all", ms);
    bench_forget_offers(bench);
    ms = bench_round(bench);
    bench_print(name, bench->agent_count, bench->framework_count, "cycle after it", ms);
    ms = bench_round(bench);
    bench_print(name, bench->agent_count, bench->framework_count, "empty cycle", ms);
    printf("%-24s %zu offers\n", name, offers);
}

static void LargeAndSmallQuota(size_t agents, size_t frameworks) {
    cleanup_resources struct resources total = test_resources("cpus:2;mem:2048;disk:2048");
    size_t large = frameworks / 6;
    char **roles = make_roles(frameworks);
    struct bench bench;

    bench_init(&bench, __func__, agents, frameworks);
    bench_print(__func__, agents, frameworks, "add the agents", bench_add_agents(&bench, &total, NULL));
    allocator_pause(bench.allocator);
    bench_print(__func__, agents, frameworks, "add the frameworks",
                bench_add_frameworks(&bench, (const char *const *)roles, frameworks, usual));
    set_quota(&bench, roles, 0, frameworks - large, "cpus:1;mem:1024;disk:1024");
    set_quota(&bench, roles, frameworks - large, frameworks, "cpus:4;mem:4096;disk:4096");
    allocator_resume(bench.allocator);
    run_quota(&bench, __func__);
    bench_done(&bench);
    for (size_t i = 0; i < frameworks; i++)
        free(roles[i]);
    free(roles);
}

static void quota_or_not(size_t agents, size_t frameworks, bool has_quota, const char *name) {
    cleanup_resources struct resources total = test_resources("cpus:2;mem:2048;disk:2048");
    char **roles = make_roles(frameworks / 2);
    struct bench bench;

    bench_init(&bench, name, agents, frameworks);
    bench_add_agents(&bench, &total, NULL);
    allocator_pause(bench.allocator);
    bench_add_frameworks(&bench, (const char *const *)roles, frameworks / 2, usual);
    if (has_quota)
        set_quota(&bench, roles, 0, frameworks / 2, "cpus:4;mem:4096;disk:4096");
    allocator_resume(bench.allocator);
    run_quota(&bench, name);
    bench_done(&bench);
    for (size_t i = 0; i < frameworks / 2; i++)
        free(roles[i]);
    free(roles);
}

static void NonQuotaVsQuota(size_t agents, size_t frameworks) {
    quota_or_not(agents, frameworks, false, "NonQuotaVsQuota/none");
    quota_or_not(agents, frameworks, true, "NonQuotaVsQuota/quota");
}

/* One agent with the labelled reservations of many roles; one framework unreserves and reserves. */
static void UpdateAllocation(size_t agents, size_t frameworks) {
    struct resources total = RESOURCES_INIT, *uses = xcalloc(frameworks, sizeof(*uses));
    struct allocator_used *used = xcalloc(frameworks, sizeof(*used));
    char **roles = make_roles(frameworks);
    struct resource_conversion unreserve = {.removes_volume = false}, reserve = {.removes_volume = false};
    struct test_agent agent;
    struct bench bench;
    double start;

    bench_init(&bench, __func__, agents, frameworks);
    bench_add_frameworks(&bench, (const char *const *)roles, frameworks, usual);
    for (size_t i = 0; i < frameworks; i++) {
        Mesos__V1__Resource__ReservationInfo info = MESOS__V1__RESOURCE__RESERVATION_INFO__INIT;
        Mesos__V1__Labels labels = MESOS__V1__LABELS__INIT;
        Mesos__V1__Label label = MESOS__V1__LABEL__INIT, *pointer = &label;

        label.key = (char *)"Label";
        label.value = roles[i];
        labels.labels = &pointer;
        labels.n_labels = 1;
        info.has_type = true;
        info.type = MESOS__V1__RESOURCE__RESERVATION_INFO__TYPE__DYNAMIC;
        info.role = roles[i];
        info.labels = &labels;
        uses[i] = test_resources("cpus:100;mem:100;disk:100;ports:[2-2]");
        if (resources_push_reservation(&uses[i], &info, NULL) < 0)
            abort();
        resources_add(&total, &uses[i]);
        resources_allocate(&uses[i], roles[i]);
        used[i] = (struct allocator_used){bench.framework_ids[i], &uses[i]};
    }
    resources_copy(&unreserve.consumed, &uses[0]);
    resources_copy(&unreserve.converted, &uses[0]);
    resources_to_unreserved(&unreserve.converted);
    resources_copy(&reserve.consumed, &unreserve.converted);
    resources_copy(&reserve.converted, &unreserve.consumed);
    test_agent_init(&agent, bench.agent_ids[0], bench.agent_ids[0], &total);
    allocator_add_agent(bench.allocator, &agent.from, NULL, used, frameworks);
    bench_settle(&bench);
    start = bench_now_ms();
    for (size_t i = 0; i < 20; i++) {
        allocator_update_allocation(bench.allocator, bench.framework_ids[0], bench.agent_ids[0], &unreserve.consumed,
                                    &unreserve, 1);
        allocator_update_allocation(bench.allocator, bench.framework_ids[0], bench.agent_ids[0], &unreserve.converted,
                                    &reserve, 1);
    }
    bench_print(__func__, agents, frameworks, "one call", (bench_now_ms() - start) / 40);
    bench_done(&bench);
    resources_done(&unreserve.consumed);
    resources_done(&unreserve.converted);
    resources_done(&reserve.consumed);
    resources_done(&reserve.converted);
    resources_done(&total);
    for (size_t i = 0; i < frameworks; i++) {
        resources_done(&uses[i]);
        free(roles[i]);
    }
    free(uses);
    free(used);
    free(roles);
}

/* The roles of a tree of @height levels, each with @width children, depth first as Mesos's benchmark adds them. */
static void make_tree(char **roles, size_t *count, const char *path, size_t height, size_t width) {
    if (height == 0)
        return;
    for (size_t i = 0; i < width; i++) {
        cleanup_free char *child = path[0] == '\0' ? xasprintf("r%zu", i) : xasprintf("%s/r%zu", path, i);

        make_tree(roles, count, child, height - 1, width);
        roles[(*count)++] = xstrdup(child);
    }
}

/* One framework in each role of a tree; all agents in use, given back one by one. */
static void sort_tree(size_t agents, const char *name, size_t height, size_t width) {
    cleanup_resources struct resources total = test_resources("cpus:24;mem:4096;disk:4096;ports:[31000-32000]");
    char *roles[2048];
    size_t count = 0;
    struct bench bench;
    struct resources *uses;
    double start;

    make_tree(roles, &count, "", height, width);
    bench_init(&bench, name, agents, count);
    allocator_pause(bench.allocator);
    bench_print(name, agents, count, "add the clients",
                bench_add_frameworks(&bench, (const char *const *)roles, count, usual));
    uses = xcalloc(count, sizeof(*uses));
    for (size_t i = 0; i < count; i++)
        uses[i] = bench_used("cpus:16;mem:2014;disk:1024", roles[i], "*", 100);
    start = bench_now_ms();
    for (size_t i = 0; i < agents; i++) {
        struct test_agent agent;
        struct allocator_used use = {bench.framework_ids[i % count], &uses[i % count]};

        test_agent_init(&agent, bench.agent_ids[i], bench.agent_ids[i], &total);
        allocator_add_agent(bench.allocator, &agent.from, NULL, &use, 1);
    }
    bench_print(name, agents, count, "add agents with allocations", bench_now_ms() - start);
    start = bench_now_ms();
    for (size_t i = 0; i < agents; i++)
        allocator_recover_resources(bench.allocator, bench.framework_ids[i % count], bench.agent_ids[i],
                                    &uses[i % count], NULL, true);
    bench_print(name, agents, count, "remove the allocations", bench_now_ms() - start);
    start = bench_now_ms();
    for (size_t i = 0; i < agents; i++)
        allocator_remove_agent(bench.allocator, bench.agent_ids[i]);
    bench_print(name, agents, count, "remove the agents", bench_now_ms() - start);
    bench_done(&bench);
    for (size_t i = 0; i < count; i++) {
        resources_done(&uses[i]);
        free(roles[i]);
    }
    free(uses);
}

static void HierarchyFullSort(size_t agents, size_t frameworks) {
    (void)frameworks;
    sort_tree(agents, "HierarchyFullSort/2x32", 2, 32);
    sort_tree(agents, "HierarchyFullSort/6x3", 6, 3);
    sort_tree(agents, "HierarchyFullSort/9x2", 9, 2);
}

static void FullSort(size_t agents, size_t frameworks) {
    sort_tree(agents, "FullSort", 1, frameworks);
}

static int compare_doubles(const void *a, const void *b) {
    double left = *(const double *)a, right = *(const double *)b;

    return left < right ? -1 : left > right;
}

/* In µs; the least and the largest are what the memory allocator did once in a while. */
static double median_us(double *ms, size_t count) {
    qsort(ms, count, sizeof(*ms), compare_doubles);
    return ms[count / 2] * 1000;
}

/* Events that touch one agent, in a cluster at rest: what they cost, with the round that follows. */
static void OneAgent(size_t agents, size_t frameworks) {
    cleanup_resources struct resources total = test_resources("cpus:24;mem:4096;disk:4096;ports:[31000-32000]");
    cleanup_resources struct resources used = bench_used("cpus:16;mem:2014;disk:1024", "*", "*", 16);
    struct bench bench;
    struct test_agent agent;
    double start, decline[100], round[100], add[100], remove[100], revive[100];

    bench_init(&bench, __func__, agents, frameworks);
    bench_add_frameworks(&bench, star, 1, usual);
    bench_add_agents(&bench, &total, &used);
    bench_round(&bench);
    while (bench.offer_count > 100)
        resources_done(&bench.offers[--bench.offer_count].resources);
    for (size_t i = 0; i < 100; i++) {
        size_t count = bench.offer_count;
        struct kept_offer one = bench.offers[0];

        memmove(bench.offers, bench.offers + 1, (count - 1) * sizeof(one));
        bench.offer_count = count - 1;
        start = bench_now_ms();
        allocator_recover_resources(bench.allocator, bench.framework_ids[one.framework], bench.agent_ids[one.agent],
                                    &one.resources, NULL, false);
        decline[i] = bench_now_ms() - start;
        resources_done(&one.resources);
        round[i] = bench_round(&bench);
    }
    for (size_t i = 0; i < 100; i++) {
        start = bench_now_ms();
        allocator_remove_agent(bench.allocator, bench.agent_ids[i]);
        remove[i] = bench_now_ms() - start;
        test_agent_init(&agent, bench.agent_ids[i], bench.agent_ids[i], &total);
        start = bench_now_ms();
        allocator_add_agent(bench.allocator, &agent.from, NULL, NULL, 0);
        bench_settle(&bench);
        add[i] = bench_now_ms() - start;
    }
    for (size_t i = 0; i < 100; i++) {
        start = bench_now_ms();
        allocator_suppress(bench.allocator, bench.framework_ids[0], NULL, 0);
        allocator_revive(bench.allocator, bench.framework_ids[0], NULL, 0);
        bench_settle(&bench);
        revive[i] = bench_now_ms() - start;
    }
    bench_print(__func__, agents, frameworks, "give back (µs, not ms)", median_us(decline, 100));
    bench_print(__func__, agents, frameworks, "round after it (µs, not ms)", median_us(round, 100));
    bench_print(__func__, agents, frameworks, "remove an agent (µs, not ms)", median_us(remove, 100));
    bench_print(__func__, agents, frameworks, "add an agent and its round (µs, not ms)", median_us(add, 100));
    bench_print(__func__, agents, frameworks, "suppress, revive and its round (µs, not ms)", median_us(revive, 100));
    bench_done(&bench);
}

/* Every agent goes into maintenance, and every refusal expires, at once. */
static void MaintenanceAndExpiry(size_t agents, size_t frameworks) {
    cleanup_resources struct resources total = test_resources("cpus:24;mem:4096;disk:4096;ports:[31000-32000]");
    cleanup_resources struct resources used = bench_used("cpus:16;mem:2014;disk:1024", "*", "*", 16);
    Mesos__V1__Unavailability unavailability = MESOS__V1__UNAVAILABILITY__INIT;
    Mesos__V1__TimeInfo start = MESOS__V1__TIME_INFO__INIT;
    struct bench bench;
    double began;

    unavailability.start = &start;
    bench_init(&bench, __func__, agents, frameworks);
    bench_add_frameworks(&bench, star, 1, usual);
    bench_add_agents(&bench, &total, &used);
    for (size_t i = 0; i < 5; i++) {
        bench_decline(&bench, 1000);
        bench_round(&bench);
    }
    bench.env.now_ns += 1000 * SECOND;
    bench_print(__func__, agents, frameworks, "round after all refusals have expired", bench_round(&bench));
    began = bench_now_ms();
    for (size_t i = 0; i < agents; i++)
        allocator_update_unavailability(bench.allocator, bench.agent_ids[i], &unavailability);
    bench_print(__func__, agents, frameworks, "schedule maintenance of all", bench_now_ms() - began);
    bench_print(__func__, agents, frameworks, "round with an inverse offer for all", bench_settle(&bench));
    bench_done(&bench);
}

/* Of this process: of the heap, and of what is mapped beside it (huge pages). */
static size_t used_bytes(void) {
    FILE *file = fopen("/proc/self/statm", "r");
    struct mallinfo2 heap = mallinfo2();
    size_t pages = 0;

    if (file == NULL || fscanf(file, "%zu", &pages) != 1)
        abort();
    fclose(file);
    return pages * (size_t)sysconf(_SC_PAGESIZE) - heap.arena + heap.uordblks;
}

/* Agents that nobody uses, frameworks that want nothing, and one refusal of each agent. */
static void Memory(size_t agents, size_t frameworks) {
    cleanup_resources struct resources total = test_resources("cpus:24;mem:4096;disk:4096;ports:[31000-32000]");
    size_t before, with_frameworks, with_agents;
    struct bench bench;

    bench_init(&bench, __func__, agents, frameworks);
    before = used_bytes();
    bench_add_frameworks(&bench, star, 1, usual);
    with_frameworks = used_bytes();
    allocator_pause(bench.allocator);
    bench_add_agents(&bench, &total, NULL);
    with_agents = used_bytes();
    print_memory(&bench, __func__);
    printf("%-24s %6zu agents %5zu frameworks  of the process: %zu B an agent, %zu B a framework\n", __func__, agents,
           frameworks, (with_agents - with_frameworks) / agents, (with_frameworks - before) / frameworks);
    allocator_resume(bench.allocator);
    bench_round(&bench);
    bench_decline(&bench, 2147483647);
    print_memory(&bench, __func__);
    bench_done(&bench);
}

static const struct {
    const char *name;
    void (*run)(size_t agents, size_t frameworks);
    struct {
        size_t agents, frameworks;
    } sizes[9];
} benches[] = {
    {"DeclineOffers",
     DeclineOffers,
     {{1000, 200}, {5000, 200}, {10000, 200}, {10000, 1000}, {50000, 1}, {50000, 200}, {50000, 1000}, {10000, 6000}}},
    {"AddAndUpdateSlave", AddAndUpdateSlave, {{1000, 200}, {10000, 200}, {50000, 200}}},
    {"SuppressOffers", SuppressOffers, {{10000, 200}, {10000, 1000}, {50000, 6000}}},
    {"ExtremeSuppressOffers", ExtremeSuppressOffers, {{10000, 200}, {10000, 1000}, {50000, 6000}}},
    {"ResourceLabels", ResourceLabels, {{1000, 200}, {10000, 200}, {50000, 200}}},
    {"MultiFrameworkAllocations", MultiFrameworkAllocations, {{80, 554}}},
    {"LargeAndSmallQuota", LargeAndSmallQuota, {{30, 30}, {300, 300}, {3000, 3000}, {50000, 3000}}},
    {"NonQuotaVsQuota", NonQuotaVsQuota, {{200, 200}, {2000, 2000}}},
    {"UpdateAllocation", UpdateAllocation, {{1, 50}, {1, 100}, {1, 200}}},
    {"PersistentVolumes", PersistentVolumes, {{1000, 200}, {10000, 200}, {50000, 200}}},
    {"FullSort", FullSort, {{10000, 1000}, {50000, 1000}}},
    {"HierarchyFullSort", HierarchyFullSort, {{10000, 1000}, {50000, 1000}}},
    {"MaintenanceAndExpiry", MaintenanceAndExpiry, {{1000, 200}, {50000, 200}}},
    {"Memory", Memory, {{1000, 200}, {10000, 1000}, {50000, 1000}}},
    {"OneAgent", OneAgent, {{1000, 1000}, {10000, 1000}, {50000, 1000}}},
};

static void touch_memory(void) {
    enum { BYTES = 400 << 20, PAGE = 4096 };
    volatile char *memory;

    if (getenv("BENCH_COLD") != NULL)
        return;
    mallopt(M_MMAP_THRESHOLD, 1 << 30);
    mallopt(M_TRIM_THRESHOLD, INT32_MAX);
    memory = xmalloc(BYTES);
    for (size_t i = 0; i < BYTES; i += PAGE)
        memory[i] = 1;
    free((void *)memory);
}

int main(int argc, char **argv) {
    touch_memory();
    for (size_t i = 0; i < ARRAY_SIZE(benches); i++) {
        if (argc > 1 && strcmp(argv[1], benches[i].name) != 0)
            continue;
        if (argc > 3) {
            benches[i].run(strtoul(argv[2], NULL, 10), strtoul(argv[3], NULL, 10));
            continue;
        }
        for (size_t j = 0; j < ARRAY_SIZE(benches[i].sizes) && benches[i].sizes[j].agents > 0; j++)
            benches[i].run(benches[i].sizes[j].agents, benches[i].sizes[j].frameworks);
    }
    return 0;
}
