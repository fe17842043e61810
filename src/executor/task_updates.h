/* SPDX-License-Identifier: Apache-2.0 */
/* The status updates of one task, each with what every update of an executor has. */
#pragma once

#include "client/executor_client.h"

struct task_updates {
    struct env *env;
    struct executor_client *client;
    const char *executor_id;
    const Mesos__V1__TaskInfo *task;
    Mesos__V1__TaskStatus *last; /* what updates of checks carry on */
    uint8_t uuid[UUID_BYTES];    /* of the last one */
};

/* What an update may say besides the state. */
struct task_news {
    Mesos__V1__TaskState state;
    int reason;          /* Mesos__V1__TaskStatus__Reason; -1: none */
    const char *message; /* or NULL */
    bool is_unhealthy;   /* ended so */
    Mesos__V1__TaskResourceLimitation *limitation;
};

/* All is borrowed and must outlive the updates. */
void task_updates_init(struct task_updates *updates, struct env *env, struct executor_client *client,
                       const char *executor_id, const Mesos__V1__TaskInfo *task);
void task_updates_done(struct task_updates *updates); /* accepts a zeroed one */

/* An update from scratch. That of a task with a check has a check status, if an empty one. */
void task_updates_send(struct task_updates *updates, const struct task_news *news);
/* The last update once more, with what a check has found; something must have been sent before. */
void task_updates_send_check(struct task_updates *updates, const Mesos__V1__CheckStatusInfo *check_status);
void task_updates_send_health(struct task_updates *updates, bool healthy);
