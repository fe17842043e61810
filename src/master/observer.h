/* SPDX-License-Identifier: Apache-2.0 */
/* Who wants to know what happens in the master as it happens: the operator API's event streams. */
#pragma once

#include "base/list.h"
#include "mesos/v1/mesos.pb-c.h"

struct agent;
struct framework;
struct master;
struct task;

/* Members may be NULL. What is passed is valid during the call; nothing may be changed from inside. */
struct master_observer_ops {
    void (*on_framework_added)(void *user, const struct framework *framework);
    void (*on_framework_updated)(void *user, const struct framework *framework);
    void (*on_framework_removed)(void *user, const struct framework *framework);
    void (*on_agent_added)(void *user, const struct agent *agent);
    void (*on_agent_removed)(void *user, const char *agent_id);
    void (*on_task_added)(void *user, const struct task *task);
    void (*on_task_updated)(void *user, const struct task *task, const Mesos__V1__TaskStatus *status);
};

struct master_observer {
    struct list member;
    const struct master_observer_ops *ops;
    void *user;
};

/* @observer is embedded in its owner; it must be removed before the master is freed. */
void master_add_observer(struct master *master, struct master_observer *observer);
void master_remove_observer(struct master_observer *observer); /* accepts a zeroed one */

void observers_framework_added(struct master *master, const struct framework *framework);
void observers_framework_updated(struct master *master, const struct framework *framework);
void observers_framework_removed(struct master *master, const struct framework *framework);
void observers_agent_added(struct master *master, const struct agent *agent);
void observers_agent_removed(struct master *master, const char *agent_id);
void observers_task_added(struct master *master, const struct task *task);
void observers_task_updated(struct master *master, const struct task *task, const Mesos__V1__TaskStatus *status);
