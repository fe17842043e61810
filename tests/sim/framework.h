/* SPDX-License-Identifier: Apache-2.0 */
/* A framework of the campaign: it has a number of tasks to run, alone or in groups, launches them on what it is
 * offered, makes and gives up reservations and volumes, acknowledges what it hears, reconciles, and holds everything it
 * hears against the promises: each task's updates in order, one terminal state of each task and operation, groups that
 * end as a whole, health as the task's script has it.
 *
 * What it knows outlives its scheduler, as a database would: a killed scheduler comes back with the same framework id.
 */
#pragma once

#include "client/scheduler_client.h"
#include "event/sim.h"
#include "pid_scheduler.h"

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
    unsigned group_first, group_size; /* of its group: tasks with following numbers; size 0: it is alone */
    bool has_check, is_unhealthy;     /* whether its health is checked, and what comes out */
    double ended_seconds;             /* when its executor saw it end; 0: it did not */
};

struct planned_operation {
    char id[32];
    enum planned_state state;
    int type; /* Mesos__V1__Offer__Operation__Type */
    int64_t sent_ns;
    int terminal; /* OperationState */
    char agent_id[64];
};

enum framework_api {
    API_JSON,     /* the v1 API over HTTP */
    API_PROTOBUF, /* likewise */
    API_CALLS,    /* libprocess messages of newer drivers: scheduler.Call */
    API_MESSAGES, /* those of old drivers */
    API_COUNT,
};

struct framework_plan {
    unsigned number, tasks, operations;
    enum framework_api api;
    bool checkpoint, custom_executor, partition_aware, reservation_refinement;
};

struct framework {
    struct sim *sim;
    struct sim_node *node;
    struct framework_plan plan;
    char name[32], role[32];
    char *id; /* given by the master */
    struct planned_task *tasks;
    unsigned launched, ended, next;
    struct planned_operation *operations;
    unsigned operations_ended, next_operation;
    /* Set when everything that can come back has: what is unreachable or unknown then is lost for good. */
    bool is_settled;
    /* Set a while after the last trouble: an operation that is unknown then has never arrived. */
    bool is_calm;
    char *violation; /* the first broken promise; NULL: none */
    unsigned long updates, duplicates, reconciliations, groups, health_updates, operation_updates;
    /* The scheduler that runs: one of these, by its API; NULL while none does. */
    struct scheduler_client *client;
    struct pid_scheduler *pid_scheduler;
    struct env_timer again; /* a driver has aborted and is started again */
    unsigned lives;
    int64_t born; /* when the latest of them began */
    char host[32];
    struct env_timer reconcile;
    char *master;
};

void framework_init(struct framework *framework, struct sim *sim, const struct framework_plan *plan,
                    const char *address, const char *master);
void framework_done(struct framework *framework);
void framework_start(struct framework *framework);
/* As kill -9 does. */
void framework_kill(struct framework *framework);
/* Every task, and every operation that was sent, is known to have ended. */
bool framework_has_ended(const struct framework *framework);
/* Unregister. */
void framework_stop(struct framework *framework);
bool framework_runs(const struct framework *framework);
/* Let a task that has ended end otherwise. */
void framework_sabotage_task(struct framework *framework);

/* For its parts */
void framework_call(struct framework *framework, Mesos__V1__Scheduler__Call *call, int type);
/* The first broken promise is kept. */
void framework_violate(struct framework *framework, const char *format, ...) printf_like_(2, 3);
/* Whether it hears what becomes of its operations. */
static inline bool framework_has_feedback(const struct framework *framework) {
    return framework->plan.api == API_JSON || framework->plan.api == API_PROTOBUF;
}
