/* SPDX-License-Identifier: Apache-2.0 */
/* From RunTaskMessage to the executor: a delivery is one task or one task group on that way. */
#pragma once

#include "agent/executor.h"

/*
 *     QUEUED (others come first) --> SAVING (tasks are written down) --> (sent to the executor)
 *       |  ^
 *       v  |
 *     WAITING (directories are still being removed)
 */
struct delivery {
    struct list member;   /* framework->pending, later executor->queue */
    struct list in_queue; /* agent->deliveries while QUEUED */
    struct agent_framework *framework;
    struct agent_executor *executor;        /* NULL while it waits */
    struct list tasks;                      /* of struct agent_task; empty: all were killed */
    Mesos__V1__ExecutorInfo *executor_info; /* on the heap */
    bool is_generated;                      /* executor_info was made for a command task */
    bool is_group;
    bool has_launch_executor, launch_executor;
    bool has_resource_version;
    uint8_t resource_version[UUID_BYTES];
    size_t unsaved; /* checkpoints under way */
};

void agent_run_task(struct agent *agent, Mesos__Internal__RunTaskMessage *message, struct arena *arena);
void agent_run_task_group(struct agent *agent, Mesos__Internal__RunTaskGroupMessage *message, struct arena *arena);

/* Start the next delivery, from agent->delivering. There is one in each turn of the loop, so that the first of many
 * tasks runs while the last still waits, and nothing else has to wait for all of them. */
void agent_launch_next(struct env_timer *timer);
/* Some directory is removed: deliveries that wait for it go on. */
void agent_launch_waiting(struct agent *agent);

/* The ExecutorInfo of a task: its own, or one for mesos-executor. Parts are in @arena. [Slave::getExecutorInfo] */
Mesos__V1__ExecutorInfo *agent_executor_info(struct agent *agent, const Mesos__V1__FrameworkInfo *framework,
                                             Mesos__V1__TaskInfo *task, struct arena *arena);

size_t delivery_task_count(const struct delivery *delivery);
/* Frees it if no task is left in it. */
void delivery_free_if_empty(struct delivery *delivery);
void delivery_free(struct delivery *delivery); /* with its tasks */
