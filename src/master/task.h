/* SPDX-License-Identifier: Apache-2.0 */
/* A task as the master knows it: from its launch, or the re-registration of its agent, until the framework has
 * acknowledged its end; then, for a while, in the framework's history. */
#pragma once

#include "base/arena.h"
#include "base/list.h"
#include "event/env.h"
#include "model/resources.h"
#include "model/task_state.h"

struct agent;
struct framework;
struct master;

struct task {
    struct framework *framework; /* never NULL */
    struct agent *agent;         /* where it runs; NULL once it is completed or unreachable */
    struct list in_agent;        /* agent->tasks; of an unreachable one, the tasks of the lost agent */
    struct list in_history;      /* framework->completed_tasks or framework->unreachable_tasks */
    uint64_t history_number;     /* grows along framework->completed_tasks */
    const char *agent_id;        /* a held name: the task may outlive its agent */
    const char *name;            /* behind the id, as the next */
    const char *executor_id;     /* NULL: none */
    struct resources resources;  /* with their allocation role; not those of its executor */
    /* What else endpoints and events show, as its labels and its container; NULL: nothing. See task_to_message(). */
    Mesos__V1__Task *extras;
    /* The last update of each state that was seen, in order, encoded: as structs they would be the larger part of what
     * a task takes. */
    struct packed_statuses {
        char *bytes;
        uint32_t size; /* in bytes */
        uint32_t count;
    } statuses;
    uint8_t reported_uuid[UUID_BYTES]; /* of the update that the framework was sent last, if has_reported */
    uint8_t state;                     /* enum task_state: the latest one that is known of */
    uint8_t reported_state;
    bool has_reported;
    /* The agent was told to kill it, or would have been had it been connected. */
    bool is_killed;
    /* Its resources count as used on the agent and by the framework. */
    bool holds_resources;
    char id[];
};

/* The latest known state. */
static inline enum task_state task_state(const struct task *task) {
    return (enum task_state)task->state;
}

/* The state that the framework was last told in an update that it must acknowledge; the latest one if there is none. */
static inline enum task_state task_reported_state(const struct task *task) {
    return (enum task_state)(task->has_reported ? task->reported_state : task->state);
}

/* The last status that is known, in @arena, or NULL; its agent's id is shared with the task. */
Mesos__V1__TaskStatus *task_last_status(const struct task *task, struct arena *arena);
/* That of the first status; 0 if it has none. */
double task_first_timestamp(const struct task *task);
/* Call @show for each status with what endpoints show of it: state, timestamp, health, labels and container. It is
 * valid during the call. */
void task_show_statuses(const struct task *task, void (*show)(const Mesos__V1__TaskStatus *status, void *user),
                        void *user);

/* The message with its resources and statuses, in @arena; the rest is shared with the task. */
Mesos__V1__Task *task_to_message(const struct task *task, enum resource_format format, struct arena *arena);

/* A new task in TASK_STAGING, not in any table. @info must be valid. */
struct task *task_new_from_info(const Mesos__V1__TaskInfo *info, struct framework *framework);
/* A task that an agent told of when it re-registered; @message is copied. */
struct task *task_new_from_message(const Mesos__V1__Task *message, struct framework *framework);
void task_free(struct task *task); /* accepts NULL; the task must be in no table */

/* Put @task into the tables of its framework and of @agent, and count its resources as used. */
void task_attach(struct task *task, struct agent *agent);

/* Apply @status: the state moves to @latest (the status's own state unless the agent knows better), the status is kept,
 * and when the task has ended its resources are recovered at the agent, the framework and the allocator. The one place
 * where a task changes its state. [Master::updateTask] */
void task_update(struct master *master, struct task *task, const Mesos__V1__TaskStatus *status, enum task_state latest);

/* Remember that the framework was sent @status, which it must acknowledge. */
void task_set_reported(struct task *task, const Mesos__V1__TaskStatus *status);

/* Take it off its agent and out of the framework's running tasks, into the history of completed or of unreachable
 * ones. The task may be gone afterwards. [Master::removeTask] */
void task_remove(struct master *master, struct task *task, bool is_unreachable);
