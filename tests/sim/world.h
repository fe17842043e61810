/* SPDX-License-Identifier: Apache-2.0 */
/* A simulated cluster: a master or several, agents on machines with containers, frameworks; and everything that goes
 * wrong. */
#pragma once

#include "framework.h"

enum { MOST_MASTERS = 3 };

struct world_plan {
    uint64_t seed;
    unsigned masters;                   /* more than one contend; at most MOST_MASTERS */
    unsigned agents, frameworks, tasks; /* tasks: of all frameworks together */
    int64_t trouble_ns;                 /* how long faults go on */
    int64_t deadline_ns;                /* by when everything must have ended */
    enum sabotage {
        SABOTAGE_NONE,
        SABOTAGE_CLAIMS,    /* the master counts something as used that is not */
        SABOTAGE_TOTAL,     /* an agent has more than it began with */
        SABOTAGE_HOLDINGS,  /* a reservation comes undone */
        SABOTAGE_TASK,      /* a task that has ended ends otherwise */
        SABOTAGE_OPERATION, /* likewise an operation */
        SABOTAGE_GROUP,     /* tasks of groups can not be killed */
        SABOTAGE_HEALTH,    /* executors say the opposite of what health checks find */
    } sabotage;             /* what to break on purpose */
};

struct world_result {
    bool ok;
    char *problem; /* what was broken; the caller frees */
    uint64_t digest, steps;
    int64_t ended_ns;                                         /* virtual time */
    unsigned master_kills, master_cuts, master_ends, leaders; /* leaders: how many have led */
    unsigned agent_kills, machine_crashes, framework_kills, executor_kills, partitions;
    unsigned long updates, duplicates, reconciliations, groups, health_updates, operation_updates;
    unsigned launched, ended, operations, holdings; /* holdings: agents whose reservations were compared */
    unsigned apis[API_COUNT];                       /* frameworks that spoke each */
    struct sim_counts counts;
};

/* Run one whole life of a cluster. @trace gets each line of the trace; NULL: none. */
void world_run(const struct world_plan *plan, void (*trace)(const char *line, void *user), struct world_result *ret);
