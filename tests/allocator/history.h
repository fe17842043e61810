/* SPDX-License-Identifier: Apache-2.0 */
/* One random history: what the test knows of the cluster, and the steps that change it. */
#pragma once

#include <assert.h>

#include "allocator/internal.h"
#include "model/role.h"
#include "reference.h"

enum { FRAMEWORKS = 6, AGENTS = 7, PIECES = 512, ROLES = 8, QUOTA_ROLES = 4 };

extern const char *const all_roles[ROLES];
extern const char *const agent_ids[AGENTS];
extern const char *const framework_ids[FRAMEWORKS];
extern const char *const quota_roles[QUOTA_ROLES];

/* Something that a framework has: offered to it or in use. */
struct piece {
    int framework, agent;
    struct resources resources;
    bool is_allocated;
};

/* What is broken on purpose, to see that the checks find it. */
enum sabotage { NOTHING, AGENT_TOTALS, QUOTA_LIMITS, QUOTA_HEADROOM, HALF_QUOTA, HALF_RESERVE, ORDER_OF_OFFERS };

struct history {
    uint64_t random, seed;
    struct test_env env;
    struct allocator_options options;
    struct allocator *allocator;
    struct reference *reference;
    enum sabotage sabotage;
    int64_t next_interval_ns;
    bool has_framework[FRAMEWORKS], is_active[FRAMEWORKS], has_agent[AGENTS], has_maintenance[AGENTS], is_paused;
    bool is_cut[AGENTS]; /* its total has been reduced, perhaps below what is used */
    struct resources totals[AGENTS];
    struct piece pieces[PIECES];
    size_t piece_count;
    struct {
        struct quantities guarantees, limits;
    } quotas[QUOTA_ROLES];
    double weights[ROLES];

    /* What has come from the allocator since the last look. */
    struct reference_offer offers[PIECES];
    size_t offer_count;
    char *inverse[PIECES];
    size_t inverse_count;

    /* Rounds. */
    bool can_yield;   /* calls may come between the slices of a round */
    bool is_settling; /* none comes until everything that is due has been done */
    uint64_t rounds_seen;
    bool is_following;      /* a round is under way */
    bool was_interrupted;   /* calls have come between its slices */
    size_t collected_count; /* of its agents, whose inverse offers are known */
    /* What whole rounds since the last look offered of what counts against quota. */
    struct quantities offered_to[QUOTA_ROLES], offered_to_others;

    const char *step;
    char *detail;
    bool is_traced;
    size_t offers_seen, interruptions;
};

/* Do the same to the reference, which is not there when something is broken that it would stumble over. */
#define ALSO(h, call) \
    do { \
        if ((h)->reference != NULL) \
            call; \
    } while (0)

uint64_t history_draw(struct history *h, uint64_t below);
bool history_chance(struct history *h, uint64_t percent);
__attribute__((noreturn, format(printf, 2, 3))) void history_fail(struct history *h, const char *format, ...);
/* What the step is about, for the trace. */
__attribute__((format(printf, 2, 3))) void history_detail(struct history *h, const char *format, ...);

/* history_frameworks.c */
int history_pick_framework(struct history *h); /* -1: none */
void history_add_or_update_framework(struct history *h);
void history_remove_framework(struct history *h);
void history_toggle_framework(struct history *h);
void history_suppress_or_revive(struct history *h);

/* history_constraints.c */
const Mesos__V1__Scheduler__OfferConstraints *history_make_constraints(struct history *h, struct arena *arena);

/* history_agents.c */
void history_change_agent(struct history *h);
void history_change_whitelist(struct history *h);
void history_change_maintenance(struct history *h);

/* history_resources.c */
void history_add_piece(struct history *h, int framework, int agent, const struct resources *resources,
                       bool is_allocated);
void history_remove_piece(struct history *h, size_t index);
/* All of @framework and all of @agent; -1: of none. */
void history_drop_pieces(struct history *h, int framework, int agent);
void history_change_piece(struct history *h);
void history_reserve(struct history *h);

/* history_roles.c */
void history_change_quota(struct history *h);
void history_change_weight(struct history *h);
void history_pause_or_resume(struct history *h);
void history_recover_from_failover(struct history *h);

/* invariants.c */
/* What promises.md says of sums and of whole requests, worked out from the history alone. */
void invariants_check(struct history *h);
/* An offer of a round without interruption has been made. */
void invariants_note_offer(struct history *h, const char *role, const struct resources *resources);
/* Such a round is over; after which what it offered must fit the quotas. */
void invariants_check_round(struct history *h);
void invariants_forget_round(struct history *h);
