/* SPDX-License-Identifier: Apache-2.0 */
/* A framework of the campaign: it has a number of tasks to run, launches them on what it is offered, acknowledges what
 * it hears, reconciles, and holds everything it hears against the promises: each task's updates in order, one terminal
 * state.
 *
 * What it knows outlives its scheduler, as a database would: a killed scheduler comes back with the same framework id.
 */
#pragma once

#include "client/scheduler_client.h"
#include "event/sim.h"

enum planned_state {
    PLANNED,  /* not launched yet */
    LAUNCHED, /* launched; no terminal state is known */
    ENDED,    /* in a terminal state */
};

struct planned_task {
    char id[32];
    enum planned_state state;
    int64_t launched_ns;
    int last;             /* the last state heard from an executor or agent */
    int terminal;         /* the terminal state */
    bool is_running;      /* TASK_RUNNING was heard */
    uint8_t uuids[8][16]; /* of updates heard, the newest last */
    unsigned uuid_count;
    char agent_id[64];
};

struct framework_plan {
    unsigned number, tasks;
    bool checkpoint, custom_executor, partition_aware;
    enum subscription_format format;
};

struct framework {
    struct sim *sim;
    struct sim_node *node;
    struct framework_plan plan;
    char name[32], role[32];
    char *id; /* given by the master */
    struct planned_task *tasks;
    unsigned launched, ended, next;
    /* Set when everything that can come back has: what is unreachable or unknown then is lost for good. */
    bool is_settled;
    char *violation; /* the first broken promise; NULL: none */
    unsigned long updates, duplicates, reconciliations, messages;
    /* The scheduler that runs; NULL while none does. */
    struct scheduler_client *client;
    struct env_timer reconcile;
    char *master;
};

void framework_init(struct framework *framework, struct sim *sim, const struct framework_plan *plan,
                    const char *address, const char *master);
void framework_done(struct framework *framework);
void framework_start(struct framework *framework);
/* As kill -9 does. */
void framework_kill(struct framework *framework);
bool framework_has_ended(const struct framework *framework);
/* Unregister. */
void framework_stop(struct framework *framework);
