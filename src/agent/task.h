/* SPDX-License-Identifier: Apache-2.0 */
/* A task on its way to its executor, with it, and after its end. */
#pragma once

#include "agent/core.h"

struct agent_executor;
struct delivery;

/*
 *     PENDING --> QUEUED --> LAUNCHED --> TERMINATED --> COMPLETED
 *        |           '---------------------^
 *        '--> (gone: killed before its executor was there)
 *
 * PENDING: waits for its executor to be made. QUEUED: waits for the executor to register and for its own checkpoint.
 * LAUNCHED: the executor was told. TERMINATED: has a terminal status that is not acknowledged. COMPLETED: history.
 */
enum task_stage { STAGE_PENDING, STAGE_QUEUED, STAGE_LAUNCHED, STAGE_TERMINATED, STAGE_COMPLETED };

struct agent_task {
    const char *id; /* in message */
    struct agent_framework *framework;
    struct agent_executor *executor; /* NULL while pending */
    enum task_stage stage;
    struct list in_stage;               /* delivery->tasks, or the executor's list of the stage */
    struct delivery *delivery;          /* while pending or queued */
    Mesos__V1__TaskInfo *info;          /* while pending or queued, else NULL */
    Mesos__V1__Task *message;           /* as the master and endpoints see it */
    Mesos__V1__TaskStatus **statuses;   /* what message->statuses points to; each a copy */
    uint8_t forwarded_uuid[UUID_BYTES]; /* likewise of message->status_update_uuid */
};

/* A new pending task; @info is copied. */
struct agent_task *agent_task_new(struct agent_framework *framework, const Mesos__V1__TaskInfo *info);
/* A task as it was checkpointed; @message is copied. */
struct agent_task *agent_task_new_recovered(struct agent_executor *executor, const Mesos__V1__Task *message);
/* Takes it out of every table. Accepts NULL. */
void agent_task_free(struct agent_task *task);

/* The one place where the stage changes: keeps the lists, tables and counters. */
void agent_task_set_stage(struct agent_task *task, enum task_stage stage);

static inline enum task_state agent_task_state(const struct agent_task *task) {
    return (enum task_state)task->message->state;
}

/* Record @status: state, list of statuses, and TERMINATED if it is terminal. Fails if the task has ended already, or is
 * queued and the status is not terminal. [Executor::updateTaskState] */
int agent_task_update(struct agent_task *task, const Mesos__V1__TaskStatus *status, struct error *err);

/* Remember that the update with @status was sent towards the framework. */
void agent_task_set_forwarded(struct agent_task *task, const Mesos__V1__TaskStatus *status);

/* Build a Task from @info, sharing its parts. [protobuf::createTask] */
void agent_task_message_init(Mesos__V1__Task *ret, const Mesos__V1__TaskInfo *info, enum task_state state,
                             Mesos__V1__FrameworkID *framework_id);
