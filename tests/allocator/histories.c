/* SPDX-License-Identifier: Apache-2.0 */
/* Random histories of a small cluster, played to the allocator and to the reference at once: the same offers must come
 * out, and what the allocator promises must hold after every step.
 *
 *     allocator_histories [count [first seed [steps]]]
 *     allocator_histories --sabotage=<what> [count]
 *
 * prints the seed of a history that fails; `allocator_histories 1 <seed>` repeats it and, with ALLOCATOR_TRACE set,
 * tells every step and offer. With --sabotage something is broken on purpose, and what must be found is that.
 *
 * Calls may come between the slices of a round. Such a round is exact if its offers are those of a round that visits
 * the same agents in the same order, with the same calls between the same visits. Which agents these are is taken from
 * the allocator (others were of no use to anybody when the round began); that it was right about that is shown by the
 * next round without interruption, in which the reference visits all of them. */
#include "history.h"

#include <unistd.h>

#include "base/log.h"

const char *const all_roles[ROLES] = {"*", "a", "b", "a/x", "a/y", "b/z/w", "c", "a/x/u"};
const char *const agent_ids[AGENTS] = {"s0", "s1", "s2", "s3", "s4", "s5", "s6"};
const char *const framework_ids[FRAMEWORKS] = {"f0", "f1", "f2", "f3", "f4", "f5"};
const char *const quota_roles[QUOTA_ROLES] = {"a", "b", "c", "*"};

static const char *const sabotages[] = {"nothing",    "agents",       "limits", "headroom",
                                        "half-quota", "half-reserve", "order"};

uint64_t history_draw(struct history *h, uint64_t below) {
    h->random = h->random * 6364136223846793005u + 1442695040888963407u;
    return (h->random >> 33) % below;
}

bool history_chance(struct history *h, uint64_t percent) {
    return history_draw(h, 100) < percent;
}

void history_fail(struct history *h, const char *format, ...) {
    va_list arguments;

    va_start(arguments, format);
    if (h->sabotage != NOTHING)
        printf("1..1\nok 1 - it is found that, with broken %s,\n# ", sabotages[h->sabotage]);
    fflush(stdout);
    fprintf(stderr, "seed %ju, %s: ", (uintmax_t)h->seed, h->step);
    vfprintf(stderr, format, arguments);
    fprintf(stderr, "\n");
    va_end(arguments);
    fflush(stderr);
    /* Without looking for memory that is still in use. */
    _exit(h->sabotage == NOTHING);
}

/* What comes from the allocator */

static int index_of(const char *const *ids, const char *id) {
    for (int i = 0;; i++)
        if (strcmp(ids[i], id) == 0)
            return i;
}

static void on_offers(void *user, const char *framework_id, const struct allocator_offer *offers, size_t count) {
    struct history *h = user;

    for (size_t i = 0; i < count; i++) {
        struct reference_offer *offer = &h->offers[h->offer_count++];

        assert(h->offer_count < PIECES);
        history_add_piece(h, index_of(framework_ids, framework_id), index_of(agent_ids, offers[i].agent_id),
                          offers[i].resources, false);
        *offer = (struct reference_offer){xstrdup(framework_id), xstrdup(offers[i].role), xstrdup(offers[i].agent_id),
                                          RESOURCES_INIT};
        resources_assign(&offer->resources, offers[i].resources);
        invariants_note_offer(h, offers[i].role, offers[i].resources);
        h->offers_seen++;
    }
}

static void on_inverse_offers(void *user, const char *framework_id, const struct allocator_inverse_offer *offers,
                              size_t count) {
    struct history *h = user;

    for (size_t i = 0; i < count; i++)
        h->inverse[h->inverse_count++] = xasprintf("%s %s", framework_id, offers[i].agent_id);
}

static const struct allocator_callbacks callbacks = {on_offers, on_inverse_offers};

static void forget_offers(struct history *h) {
    for (size_t i = 0; i < h->offer_count; i++) {
        free(h->offers[i].framework);
        free(h->offers[i].role);
        free(h->offers[i].agent);
        resources_done(&h->offers[i].resources);
    }
    h->offer_count = 0;
}

static char *offers_text(const struct reference_offer *offers, size_t count) {
    struct buffer buffer = BUFFER_INIT;

    for (size_t i = 0; i < count; i++) {
        buffer_printf(&buffer, "\n    %s of %s gets of %s: ", offers[i].role, offers[i].framework, offers[i].agent);
        resources_format(&offers[i].resources, &buffer);
    }
    return buffer_take(&buffer, NULL);
}

static void trace(struct history *h) {
    cleanup_free char *text = NULL;

    if (!h->is_traced)
        return;
    text = offers_text(h->offers, h->offer_count);
    fprintf(stderr, "%.3f %s %s%s\n", (double)h->env.now_ns / 1e9, h->step, h->detail == NULL ? "" : h->detail, text);
    free(h->detail);
    h->detail = NULL;
}

void history_detail(struct history *h, const char *format, ...) {
    va_list arguments;

    if (!h->is_traced)
        return;
    va_start(arguments, format);
    free(h->detail);
    h->detail = xvasprintf(format, arguments);
    va_end(arguments);
}

/* The reference follows the rounds */

static const char *id_of_visit(const struct allocator *allocator, uint32_t index) {
    return index == NO_AGENT ? NULL : allocator->agents_by_index[index]->id;
}

static void begin_round(struct history *h) {
    const struct round *round = &h->allocator->round;
    const char *ids[AGENTS];
    size_t count = 0;
    bool is_whole = h->is_settling || !round->is_running;

    if (!reference_is_round_due(h->reference))
        history_fail(h, "a round that nobody has asked for");
    for (uint32_t i = 0; !is_whole && i < round->visit_count; i++)
        if (id_of_visit(h->allocator, round->visits[i]) != NULL)
            ids[count++] = id_of_visit(h->allocator, round->visits[i]);
    reference_begin_round(h->reference, is_whole ? NULL : ids, count);
    h->collected_count = 0;
}

/* Where the allocator's next visit is, or NULL if none is left in this stage. */
static const char *next_visit(const struct allocator *allocator) {
    const struct round *round = &allocator->round;
    uint32_t next = round->next;

    while (next < round->visit_count && round->visits[next] == NO_AGENT)
        next++;
    return next == round->visit_count ? NULL : id_of_visit(allocator, round->visits[next]);
}

static void take_offers(struct history *h) {
    for (size_t i = 0; i < h->offer_count; i++) {
        const struct reference_offer *offer = &h->offers[i];

        if (!reference_take_offer(h->reference, offer->framework, offer->role, offer->agent, &offer->resources)) {
            size_t count;
            struct reference_offer *others = reference_offers(h->reference, &count);

            history_fail(h, "offered%s\n  but the reference%s", offers_text(h->offers, h->offer_count),
                         offers_text(others, count));
        }
    }
}

/* Inverse offers follow agent by agent, too. */
static void follow_inverse_offers(struct history *h) {
    const struct round *round = &h->allocator->round;

    for (; round->stage >= 4 && h->collected_count < round->inverse_next; h->collected_count++)
        if (round->inverse_agents[h->collected_count] != NO_AGENT)
            reference_collect_inverse_offers(h->reference,
                                             id_of_visit(h->allocator, round->inverse_agents[h->collected_count]));
    for (size_t i = 0; i < h->inverse_count; i++) {
        if (!reference_take_inverse_offer(h->reference, h->inverse[i]))
            history_fail(h, "the inverse offer '%s' does not come from the reference", h->inverse[i]);
        free(h->inverse[i]);
    }
    h->inverse_count = 0;
}

static void end_round(struct history *h) {
    size_t count;
    struct reference_offer *left = reference_offers(h->reference, &count);

    if (count > 0)
        history_fail(h, "not offered, but by the reference:%s", offers_text(left, count));
    if (!h->was_interrupted && !reference_has_all_inverse_offers(h->reference))
        history_fail(h, "an agent has been passed over with inverse offers");
    reference_inverse_offers(h->reference, &count);
    if (count > 0)
        history_fail(h, "%zu inverse offers have not been delivered", count);
    reference_end_round(h->reference);
    reference_forget_offers(h->reference);
}

static void follow(struct history *h) {
    const struct round *round = &h->allocator->round;

    if (h->allocator->rounds_begun != h->rounds_seen)
        begin_round(h);
    reference_go_on(h->reference, round->is_running && round->stage < 3 ? round->stage : 3,
                    round->is_running && round->stage < 3 ? next_visit(h->allocator) : NULL);
    take_offers(h);
    follow_inverse_offers(h);
    if (!round->is_running)
        end_round(h);
}

/* Fire the first timer that is due by @deadline_ns. */
static bool fire(struct history *h, int64_t deadline_ns) {
    if (!test_env_step(&h->env, deadline_ns))
        return false;
    ALSO(h, reference_set_time(h->reference, h->env.now_ns));
    if (h->allocator->rounds_begun != h->rounds_seen) {
        h->is_following = true;
        h->was_interrupted = false;
    }
    if (!h->is_following)
        return true;
    ALSO(h, follow(h));
    h->rounds_seen = h->allocator->rounds_begun;
    if (!h->allocator->round.is_running) {
        h->is_following = false;
        if (!h->was_interrupted)
            invariants_check_round(h);
        invariants_forget_round(h);
        for (size_t i = 0; i < h->inverse_count; i++)
            free(h->inverse[i]);
        h->inverse_count = 0;
    }
    trace(h);
    forget_offers(h);
    return true;
}

static void run_until(struct history *h, int64_t deadline_ns) {
    h->is_settling = true;
    while (fire(h, deadline_ns))
        ;
    h->is_settling = false;
    h->env.now_ns = deadline_ns;
    ALSO(h, reference_set_time(h->reference, deadline_ns));
}

static void settle(struct history *h) {
    if (h->is_following) {
        h->was_interrupted = true;
        h->interruptions++;
    }
    if (h->can_yield && history_chance(h, 60)) {
        fire(h, h->env.now_ns);
    } else {
        run_until(h, h->env.now_ns);
        if (h->reference != NULL && reference_is_round_due(h->reference))
            history_fail(h, "there is no round, but in the reference");
    }
    invariants_check(h);
    trace(h);
}

static void advance(struct history *h) {
    int64_t until = h->env.now_ns + (int64_t)history_draw(h, 2500) * MILLISECOND;

    if (h->is_following)
        h->was_interrupted = true;
    while (h->next_interval_ns <= until) {
        /* What expires before the interval is gone at the interval. */
        run_until(h, h->next_interval_ns - 1);
        ALSO(h, reference_expire(h->reference));
        ALSO(h, reference_set_time(h->reference, h->next_interval_ns));
        ALSO(h, reference_interval(h->reference));
        run_until(h, h->next_interval_ns);
        invariants_check(h);
        h->next_interval_ns += h->options.allocation_interval_ns;
    }
    run_until(h, until);
    ALSO(h, reference_expire(h->reference));
}

/* A history */

static void step(struct history *h) {
    static const struct {
        unsigned weight;
        void (*run)(struct history *h);
    } steps[] = {
        {30, history_change_piece},      {12, advance},
        {11, history_change_agent},      {7, history_add_or_update_framework},
        {3, history_remove_framework},   {3, history_toggle_framework},
        {6, history_suppress_or_revive}, {2, history_change_whitelist},
        {5, history_change_maintenance}, {4, history_reserve},
        {5, history_change_quota},       {3, history_change_weight},
        {1, history_pause_or_resume},
    };
    unsigned sum = 0, choice;

    for (size_t i = 0; i < ARRAY_SIZE(steps); i++)
        sum += steps[i].weight;
    choice = (unsigned)history_draw(h, sum);
    for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
        if (choice < steps[i].weight) {
            h->step = "advance";
            steps[i].run(h);
            break;
        }
        choice -= steps[i].weight;
    }
    settle(h);
}

static void choose_options(struct history *h) {
    static const char *const excluded[] = {"mem", NULL};

    allocator_options_init(&h->options);
    h->options.random_seed = h->seed + 1;
    if (history_chance(h, 20))
        h->options.role_sorter = ALLOCATOR_SORTER_RANDOM;
    if (history_chance(h, 20))
        h->options.framework_sorter = ALLOCATOR_SORTER_RANDOM;
    if (history_chance(h, 20))
        h->options.fair_sharing_excluded = excluded;
    if (history_chance(h, 50))
        h->options.slice_steps = 1 + history_draw(h, 30);
    if (history_chance(h, 50))
        h->options.slice_offers = 1 + history_draw(h, 4);
    h->options.filter_gpu_resources = history_chance(h, 80);
    h->options.allocate_on_recovery = history_chance(h, 50);
    h->options.recovery_timeout_ns = 2700 * MILLISECOND;
    h->can_yield = history_chance(h, 40);
    if (h->can_yield) {
        h->options.slice_steps = 1 + history_draw(h, 12);
        h->options.slice_offers = 1 + history_draw(h, 3);
    }
}

static void done(struct history *h, struct quantities *min) {
    allocator_free(h->allocator);
    if (h->reference != NULL)
        reference_free(h->reference);
    while (h->piece_count > 0)
        history_remove_piece(h, 0);
    for (int i = 0; i < AGENTS; i++)
        if (h->has_agent[i])
            resources_done(&h->totals[i]);
    for (size_t i = 0; i < QUOTA_ROLES; i++) {
        quantities_done(&h->quotas[i].guarantees);
        quantities_done(&h->quotas[i].limits);
    }
    invariants_forget_round(h);
    forget_offers(h);
    for (size_t i = 0; i < h->inverse_count; i++)
        free(h->inverse[i]);
    for (size_t i = 0; i < h->options.min_allocatable_count; i++)
        quantities_done(&min[i]);
    free(min);
    free(h->detail);
    test_env_done(&h->env);
}

struct tally {
    size_t offers, interruptions;
};

static void play(uint64_t seed, size_t steps, enum sabotage sabotage, struct tally *tally) {
    static Mesos__V1__DomainInfo domain;
    static Mesos__V1__DomainInfo__FaultDomain fault;
    static Mesos__V1__DomainInfo__FaultDomain__RegionInfo region;
    static Mesos__V1__DomainInfo__FaultDomain__ZoneInfo zone;
    static struct history history;
    struct history *h = &history;
    struct quantities *min;
    struct reference_options reference_options;

    *h = (struct history){.seed = seed, .random = seed * 2654435761u + 12345, .step = "start", .sabotage = sabotage};
    for (size_t i = 0; i < ROLES; i++)
        h->weights[i] = 1;
    test_env_init(&h->env, seed);
    choose_options(h);
    h->is_traced = getenv("ALLOCATOR_TRACE") != NULL;
    if (allocator_parse_min_allocatable("cpus:0.01|mem:32", &min, &h->options.min_allocatable_count, NULL) < 0)
        abort();
    h->options.min_allocatable = min;
    if (history_chance(h, 50)) {
        mesos__v1__domain_info__init(&domain);
        mesos__v1__domain_info__fault_domain__init(&fault);
        mesos__v1__domain_info__fault_domain__region_info__init(&region);
        mesos__v1__domain_info__fault_domain__zone_info__init(&zone);
        region.name = (char *)"home";
        zone.name = (char *)"z1";
        fault.region = &region;
        fault.zone = &zone;
        domain.fault_domain = &fault;
        h->options.domain = &domain;
    }
    h->allocator = allocator_new(&h->options, &callbacks, h, &h->env.env);
    reference_options = (struct reference_options){&h->options, h->options.random_seed,
                                                   h->options.domain == NULL ? NULL : "home"};
    if (sabotage == NOTHING || sabotage == ORDER_OF_OFFERS)
        h->reference = reference_new(&reference_options);
    ALSO(h, reference_set_time(h->reference, h->env.now_ns));
    h->next_interval_ns = h->env.now_ns + h->options.allocation_interval_ns;
    if (history_chance(h, 20))
        history_recover_from_failover(h);
    for (size_t i = 0; i < steps; i++)
        step(h);
    tally->offers += h->offers_seen;
    tally->interruptions += h->interruptions;
    done(h, min);
}

static enum sabotage find_sabotage(const char *name) {
    for (size_t i = 0; i < ARRAY_SIZE(sabotages); i++)
        if (strcmp(name, sabotages[i]) == 0)
            return (enum sabotage)i;
    fprintf(stderr, "%s can not be broken\n", name);
    exit(2);
}

int main(int argc, char **argv) {
    enum sabotage sabotage = NOTHING;
    uint64_t count, first;
    size_t steps;
    struct tally tally = {0};

    log_set_level(LOG_WARNING);
    if (argc > 1 && strncmp(argv[1], "--sabotage=", 11) == 0) {
        sabotage = find_sabotage(argv[1] + 11);
        argc--;
        argv++;
    }
    count = argc > 1 ? strtoull(argv[1], NULL, 10) : 300;
    first = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
    steps = argc > 3 ? strtoull(argv[3], NULL, 10) : 120;
    for (uint64_t i = 0; i < count; i++)
        play(first + i, steps, sabotage, &tally);
    if (sabotage != NOTHING) {
        printf("1..1\nnot ok 1 - broken %s are not found\n", sabotages[sabotage]);
        return 1;
    }
    printf(
        "1..1\nok 1 - %ju histories of %zu steps, %zu offers, %zu calls in the middle of a round: as the reference\n",
        (uintmax_t)count, steps, tally.offers, tally.interruptions);
    return 0;
}
