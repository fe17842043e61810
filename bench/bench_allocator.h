/* SPDX-License-Identifier: Apache-2.0 */
/* What the benches of the allocator share: a cluster, offers that are kept, a stopwatch. */
#pragma once

#include "allocator/test_world.h"

struct kept_offer {
    uint32_t framework, agent;
    struct resources resources;
};

struct bench {
    const char *name;
    struct test_env env;
    struct allocator_options options;
    struct allocator *allocator;
    size_t agent_count, framework_count;
    char **agent_ids, **framework_ids;
    struct kept_offer *offers;
    size_t offer_count, offer_capacity;
    size_t callbacks;
    bool keeps_offers;
    double longest_slice_ms; /* for which a timer, and so a round, held the loop */
};

double bench_now_ms(void);

void bench_init(struct bench *bench, const char *name, size_t agents, size_t frameworks);
/* Prints the longest time for which a round held the loop. */
void bench_done(struct bench *bench);

/* Frameworks of @role, each with @capabilities (ends with 0); returns the time it took in ms. */
double bench_add_frameworks(struct bench *bench, const char *const *roles, size_t role_count, const int *capabilities);
/* Agents of @total, each with @used (may be NULL) by one framework, round-robin. */
double bench_add_agents(struct bench *bench, const struct resources *total, const struct resources *used);
/* Everything that is due, such as the round after events; returns the time it took in ms. */
double bench_settle(struct bench *bench);
/* One interval's round; returns the time it took in ms. */
double bench_round(struct bench *bench);
/* Hand all kept offers back: for ever if @refuse_seconds is positive, without a filter if it is negative. */
double bench_decline(struct bench *bench, double refuse_seconds);
void bench_forget_offers(struct bench *bench);

/* "cpus:24;…" with 16 fragmented ranges of the ports in use, as Mesos's benchmarks have it. */
struct resources bench_used(const char *scalars, const char *role, const char *reservation_role, size_t ranges);

/* Times of the rows of a table: the median of what was added. */
void bench_print(const char *name, size_t agents, size_t frameworks, const char *what, double ms);
