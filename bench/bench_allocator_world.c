/* SPDX-License-Identifier: Apache-2.0 */
#include "bench_allocator.h"

#include <time.h>

double bench_now_ms(void) {
    struct timespec now;

    /* Of this process alone, so that others on the machine do not count. */
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

/* The number at the end of @id: quick, as it is part of what is measured. */
static uint32_t number_of(const char *id) {
    uint32_t number = 0, place = 1;

    for (const char *digit = id + strlen(id) - 1; *digit >= '0' && *digit <= '9'; digit--, place *= 10)
        number += place * (uint32_t)(*digit - '0');
    return number;
}

static void on_offers(void *user, const char *framework_id, const struct allocator_offer *offers, size_t count) {
    struct bench *bench = user;

    bench->callbacks++;
    if (!bench->keeps_offers)
        return;
    for (size_t i = 0; i < count; i++) {
        struct kept_offer *kept;

        if (bench->offer_count == bench->offer_capacity) {
            bench->offer_capacity = bench->offer_capacity == 0 ? 1024 : bench->offer_capacity * 2;
            bench->offers = xrealloc(bench->offers, bench->offer_capacity * sizeof(bench->offers[0]));
        }
        kept = &bench->offers[bench->offer_count++];
        kept->framework = number_of(framework_id);
        kept->agent = number_of(offers[i].agent_id);
        resources_copy(&kept->resources, offers[i].resources);
    }
}

static void on_inverse_offers(void *user, const char *framework_id, const struct allocator_inverse_offer *offers,
                              size_t count) {
    (void)user;
    (void)framework_id;
    (void)offers;
    (void)count;
}

static const struct allocator_callbacks callbacks = {on_offers, on_inverse_offers};

static char **make_ids(const char *prefix, size_t count) {
    char **ids = xcalloc(count + 1, sizeof(*ids));

    for (size_t i = 0; i < count; i++)
        ids[i] = xasprintf("b0f2c2d4-7c0e-4f3a-9a5e-0b1f3e0d6a7c-%s-%zu", prefix, i);
    return ids;
}

void bench_init(struct bench *bench, const char *name, size_t agents, size_t frameworks) {
    struct quantities *min;

    *bench = (struct bench){.name = name, .agent_count = agents, .framework_count = frameworks, .keeps_offers = true};
    test_env_init(&bench->env, 1);
    allocator_options_init(&bench->options);
    if (allocator_parse_min_allocatable("cpus:0.01|mem:32", &min, &bench->options.min_allocatable_count, NULL) < 0)
        abort();
    bench->options.min_allocatable = min;
    bench->allocator = allocator_new(&bench->options, &callbacks, bench, &bench->env.env);
    bench->agent_ids = make_ids("S", agents);
    bench->framework_ids = make_ids("F", frameworks);
}

static void free_ids(char **ids) {
    for (char **id = ids; *id != NULL; id++)
        free(*id);
    free(ids);
}

void bench_done(struct bench *bench) {
    bench_print(bench->name, bench->agent_count, bench->framework_count, "longest slice", bench->longest_slice_ms);
    bench_forget_offers(bench);
    free(bench->offers);
    allocator_free(bench->allocator);
    for (size_t i = 0; i < bench->options.min_allocatable_count; i++)
        quantities_done((struct quantities *)&bench->options.min_allocatable[i]);
    free((struct quantities *)bench->options.min_allocatable);
    free_ids(bench->agent_ids);
    free_ids(bench->framework_ids);
    test_env_done(&bench->env);
}

double bench_add_frameworks(struct bench *bench, const char *const *roles, size_t role_count, const int *capabilities) {
    double start = bench_now_ms();

    for (size_t i = 0; i < bench->framework_count; i++) {
        struct test_framework framework;

        test_framework_init(&framework, bench->framework_ids[i], (const char *[]){roles[i % role_count], NULL},
                            capabilities);
        allocator_add_framework(bench->allocator, &framework.from, NULL, 0, true);
    }
    bench_settle(bench);
    return bench_now_ms() - start;
}

/* Each agent has resources of its own, as in a master that decodes them from messages. */
static struct resources copy_apart(const struct resources *from) {
    struct resources copy = RESOURCES_INIT;

    for (size_t i = 0; from != NULL && i < from->count; i++)
        resources_add_one(&copy, &from->items[i]);
    return copy;
}

double bench_add_agents(struct bench *bench, const struct resources *total, const struct resources *used) {
    struct resources *totals = xcalloc(bench->agent_count, sizeof(*totals));
    struct resources *uses = xcalloc(bench->agent_count, sizeof(*uses));
    double start, ms;

    for (size_t i = 0; i < bench->agent_count; i++) {
        totals[i] = copy_apart(total);
        uses[i] = copy_apart(used);
    }
    start = bench_now_ms();
    for (size_t i = 0; i < bench->agent_count; i++) {
        struct test_agent agent;
        struct allocator_used use = {bench->framework_ids[i % bench->framework_count], &uses[i]};

        test_agent_init(&agent, bench->agent_ids[i], bench->agent_ids[i], &totals[i]);
        allocator_add_agent(bench->allocator, &agent.from, NULL, &use, used != NULL);
    }
    bench_settle(bench);
    ms = bench_now_ms() - start;
    for (size_t i = 0; i < bench->agent_count; i++) {
        resources_done(&totals[i]);
        resources_done(&uses[i]);
    }
    free(totals);
    free(uses);
    return ms;
}

static double run_until(struct bench *bench, int64_t deadline_ns) {
    double start = bench_now_ms(), last = start;

    while (test_env_step(&bench->env, deadline_ns)) {
        double now = bench_now_ms();

        if (now - last > bench->longest_slice_ms)
            bench->longest_slice_ms = now - last;
        last = now;
    }
    bench->env.now_ns = deadline_ns;
    return bench_now_ms() - start;
}

double bench_settle(struct bench *bench) {
    return run_until(bench, bench->env.now_ns);
}

double bench_round(struct bench *bench) {
    return run_until(bench, bench->env.now_ns + bench->options.allocation_interval_ns);
}

void bench_forget_offers(struct bench *bench) {
    for (size_t i = 0; i < bench->offer_count; i++)
        resources_done(&bench->offers[i].resources);
    bench->offer_count = 0;
}

double bench_decline(struct bench *bench, double refuse_seconds) {
    Mesos__V1__Filters filters = MESOS__V1__FILTERS__INIT;
    double start = bench_now_ms();

    filters.has_refuse_seconds = true;
    filters.refuse_seconds = refuse_seconds;
    for (size_t i = 0; i < bench->offer_count; i++) {
        const struct kept_offer *offer = &bench->offers[i];

        allocator_recover_resources(bench->allocator, bench->framework_ids[offer->framework],
                                    bench->agent_ids[offer->agent], &offer->resources,
                                    refuse_seconds < 0 ? NULL : &filters, false);
    }
    bench_forget_offers(bench);
    return bench_now_ms() - start;
}

struct resources bench_used(const char *scalars, const char *role, const char *reservation_role, size_t ranges) {
    struct buffer text = BUFFER_INIT;
    struct resources used;
    struct error err = ERROR_INIT;

    buffer_printf(&text, "%s;ports:[", scalars);
    for (size_t i = 0; i < ranges; i++)
        buffer_printf(&text, "%s%zu-%zu", i == 0 ? "" : ",", 31000 + 2 * i, i + 1 == ranges ? 32000 : 31000 + 2 * i);
    buffer_append_string(&text, "]");
    if (resources_parse(buffer_text(&text), reservation_role, &used, &err) < 0) {
        fprintf(stderr, "%s\n", error_message(&err));
        abort();
    }
    buffer_done(&text);
    resources_allocate(&used, role);
    return used;
}

void bench_print(const char *name, size_t agents, size_t frameworks, const char *what, double ms) {
    printf("%-24s %6zu agents %5zu frameworks  %-44s %10.3f ms\n", name, agents, frameworks, what, ms);
    fflush(stdout);
}
