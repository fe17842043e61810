/* SPDX-License-Identifier: Apache-2.0 */
/* A framework that has, or is about to have, executors here. */
#pragma once

#include "agent/task.h"

/*
 *     RUNNING --> TERMINATING --> (completed: no executors are left)
 *        '------(idle)------------^
 */
enum framework_state { FRAMEWORK_RUNNING, FRAMEWORK_TERMINATING };

struct agent_framework {
    struct agent *agent;
    const char *id; /* in info */
    enum framework_state state;
    Mesos__V1__FrameworkInfo *info; /* on the heap */
    bool has_pid;
    struct pid pid;                  /* of a scheduler that uses libprocess */
    struct table executors;          /* of struct agent_executor by id */
    struct table tasks;              /* of struct agent_task by id: all but completed ones */
    struct list pending;             /* of struct delivery, in the order they came */
    struct list completed_executors; /* of struct agent_executor, the oldest first */
    size_t completed_executor_count;
};

static inline struct agent_framework *agent_framework_find(const struct agent *agent, const char *id) {
    return table_find(&agent->frameworks, id);
}

/* A new framework in the agent's table; @info is copied. @pid is "" or NULL for one that uses HTTP. A completed one of
 * the same id hands over its history. */
struct agent_framework *agent_framework_new(struct agent *agent, const Mesos__V1__FrameworkInfo *info, const char *pid);
void agent_framework_free(struct agent_framework *framework); /* accepts NULL */

/* Take over new information; @info may be NULL. */
void agent_framework_update(struct agent_framework *framework, const Mesos__V1__FrameworkInfo *info, const char *pid);
/* Write framework.info and framework.pid, if it checkpoints. */
void agent_framework_checkpoint(struct agent_framework *framework);

static inline bool agent_framework_checkpoints(const struct agent_framework *framework) {
    return framework->info->has_checkpoint && framework->info->checkpoint;
}
bool agent_framework_has_capability(const Mesos__V1__FrameworkInfo *info, int capability);
/* @state if the framework is partition-aware, else TASK_LOST. */
enum task_state agent_framework_task_state(const struct agent_framework *framework, enum task_state state);

/* Whether it has neither executors nor tasks that wait for one. */
bool agent_framework_is_idle(const struct agent_framework *framework);
/* Move it to the completed ones if it is idle; it may be freed. [Slave::removeFramework] */
void agent_framework_remove_if_idle(struct agent_framework *framework);

/* End its executors. [Slave::shutdownFramework] */
void agent_framework_shutdown(struct agent_framework *framework);

/* What its executors and tasks use; the caller releases it. */
void agent_framework_allocated(const struct agent_framework *framework, struct resources *ret);
