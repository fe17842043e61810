/* SPDX-License-Identifier: Apache-2.0 */
/* Task statuses that the master makes by itself. */
#pragma once

#include "mesos/v1/mesos.pb-c.h"
#include "model/task_state.h"

struct arena;
struct master;
struct task;

/* A status with room for the messages in it. It borrows the text it is given, and cannot be moved. */
struct master_status {
    Mesos__V1__TaskStatus status;
    Mesos__V1__TaskID task_id;
    Mesos__V1__AgentID agent_id;
    Mesos__V1__ExecutorID executor_id;
    Mesos__V1__TimeInfo unreachable_time;
};

/* From SOURCE_MASTER, now, without a uuid. @agent_id may be NULL. [protobuf::createStatusUpdate] */
void master_status_init(struct master_status *ret, struct master *master, const char *task_id, const char *agent_id,
                        enum task_state state, Mesos__V1__TaskStatus__Reason reason, const char *message);
/* As above for a task that is known: its executor is named. */
void master_status_init_task(struct master_status *ret, struct master *master, const struct task *task,
                             enum task_state state, Mesos__V1__TaskStatus__Reason reason, const char *message);
void master_status_set_unreachable(struct master_status *status, int64_t since_ns);
/* Add what the last status of @task said of its health, checks and container; valid as long as @arena. */
void master_status_add_known(struct master_status *status, const struct task *task, struct arena *arena);
