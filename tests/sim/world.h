/* SPDX-License-Identifier: Apache-2.0 */
/* A simulated cluster: one master, agents on machines with containers, frameworks; and everything that goes wrong. */
#pragma once

#include "framework.h"

struct world_plan {
    uint64_t seed;
    unsigned agents, frameworks, tasks; /* tasks: of all frameworks together */
    int64_t trouble_ns;                 /* how long faults go on */
    int64_t deadline_ns;                /* by when everything must have ended */
    bool sabotage;                      /* break an invariant on purpose */
};

struct world_result {
    bool ok;
    char *problem; /* what was broken; the caller frees */
    uint64_t digest, steps;
    int64_t ended_ns; /* virtual time */
    unsigned agent_kills, machine_crashes, framework_kills, executor_kills, partitions;
    unsigned long updates, duplicates, reconciliations;
    unsigned launched, ended;
    struct sim_counts counts;
};

/* Run one whole life of a cluster. @trace gets each line of the trace; NULL: none. */
void world_run(const struct world_plan *plan, void (*trace)(const char *line, void *user), struct world_result *ret);
