/* SPDX-License-Identifier: Apache-2.0 */
/* Scenarios: each is run from many seeds, in calm and in stormy weather. The variable SCENARIO_SEEDS says from how many
 * instead; a failure names its seed. */
#pragma once

#include "cluster.h"

struct scenario {
    void (*play)(struct cluster *cluster, struct scheduler *scheduler);
    uint64_t seed; /* of the one that is being played */
};

enum { SEEDS = 20 };

static inline void play_scenario(void **state) {
    const char *wanted = getenv("SCENARIO_SEEDS");
    const uint64_t seeds = wanted == NULL ? SEEDS : strtoull(wanted, NULL, 10);
    struct scenario *scenario = *state;

    for (uint64_t seed = 1; seed <= seeds; seed++) {
        struct cluster cluster;
        struct scheduler scheduler;

        scenario->seed = seed;
        cluster_init(&cluster, seed, seed % 2 == 0);
        scheduler_init(&scheduler, &cluster);
        scenario->play(&cluster, &scheduler);
        scheduler_done(&scheduler);
        cluster_done(&cluster);
        scenario->seed = 0;
    }
}

static inline int name_seed(void **state) {
    const struct scenario *scenario = *state;

    if (scenario->seed != 0)
        print_error("it failed from seed %llu\n", (unsigned long long)scenario->seed);
    return 0;
}

#define SCENARIO(name) \
    { \
#name, play_scenario, NULL, name_seed, &(struct scenario) { \
            name, 0 \
        } \
    }
