/* SPDX-License-Identifier: Apache-2.0 */
/* An executor: a container, a connection to the process in it, and tasks. */
#pragma once

#include "agent/connection.h"
#include "agent/framework.h"

/*
 *     REGISTERING --> RUNNING --> TERMINATING --> TERMINATED --> (completed: all its updates are acknowledged)
 *          |   |         '-----------------------^
 *          |   '--(not in time)---^              |
 *          '--------(exits)----------------------'
 */
enum executor_state { EXECUTOR_REGISTERING, EXECUTOR_RUNNING, EXECUTOR_TERMINATING, EXECUTOR_TERMINATED };

/* Where its container is. */
enum container_stage {
    CONTAINER_NONE,      /* not asked for yet: checkpoints are being written */
    CONTAINER_LAUNCHING, /* the containerizer will tell */
    CONTAINER_LIVES,
    CONTAINER_GONE,
};

struct agent_executor {
    struct agent_framework *framework;
    const char *id; /* in info */
    enum executor_state state;
    enum container_stage container;
    Mesos__V1__ExecutorInfo *info; /* on the heap */
    char *container_id;
    char *directory; /* the sandbox */
    char *user;      /* NULL: the agent's own */
    bool checkpoint;
    bool is_generated; /* the agent made it for a command task */
    bool is_recovered; /* taken up from an earlier agent */
    struct executor_connection connection;
    struct env_timer deadline; /* REGISTERING: to register; TERMINATING: to be gone */
    size_t unsaved;            /* checkpoints of it and its tasks under way */
    struct list queue;         /* of struct delivery: tasks that wait */
    struct list launched;      /* of struct agent_task */
    struct list terminated;    /* of struct agent_task */
    struct list completed;     /* of struct agent_task, the oldest first; at most 200 */
    size_t queued_count, launched_count, terminated_count, completed_count;
    struct list in_completed; /* framework->completed_executors */
    /* Why the agent ended it; state is negative when it did not. */
    int pending_state, pending_reason;
    char *pending_message;
};

enum { COMPLETED_TASKS_PER_EXECUTOR = 200 };

static inline struct agent_executor *agent_executor_find(const struct agent_framework *framework, const char *id) {
    return table_find(&framework->executors, id);
}

/* A new executor with its sandbox and checkpoints begun; @info is copied. Fails if the sandbox can not be made.
 * [Framework::addExecutor] */
int agent_executor_new(struct agent_framework *framework, const Mesos__V1__ExecutorInfo *info, bool is_generated,
                       struct agent_executor **ret, struct error *err);
/* As it was left by an earlier agent. */
struct agent_executor *agent_executor_new_recovered(struct agent_framework *framework,
                                                    const Mesos__V1__ExecutorInfo *info, const char *container_id,
                                                    bool is_generated);
void agent_executor_free(struct agent_executor *executor); /* accepts NULL; it leaves every table */

/* The one place where the state changes. */
void agent_executor_set_state(struct agent_executor *executor, enum executor_state state);
const char *agent_executor_state_name(enum executor_state state);

/* "'e' of framework f", for logs. */
#define EXECUTOR_TEXT_BYTES 600
const char *agent_executor_text(const struct agent_executor *executor, char text[EXECUTOR_TEXT_BYTES]);

/* Begin the container once what it needs is written down. */
void agent_executor_begin(struct agent_executor *executor);

/* Ask it to shut down, kill it after its grace period. [Slave::_shutdownExecutor] */
void agent_executor_shutdown(struct agent_executor *executor);
/* End it at once with this as the reason of its tasks' last updates; the first reason stays. */
void agent_executor_kill(struct agent_executor *executor, enum task_state state, int reason, const char *message);
/* Its container is over. [Slave::executorTerminated] */
void agent_executor_terminated(struct agent_executor *executor, const struct container_termination *termination);
/* Move it to the framework's completed ones. [Slave::removeExecutor] */
void agent_executor_remove(struct agent_executor *executor);
/* TERMINATED and nothing of it waits for an acknowledgement: remove it. */
void agent_executor_remove_if_done(struct agent_executor *executor);

/* Whether it was ever sent a task. [Executor::everSentTask] */
bool agent_executor_was_sent_task(const struct agent_executor *executor);
/* RUNNING but without any task, as those it was made for were killed: shut it down. True if so. */
bool agent_executor_shutdown_if_useless(struct agent_executor *executor);

/* The executor is connected: tell it so (SUBSCRIBED). It is told before what it said meanwhile is acknowledged, as
 * drivers take no acknowledgements before. */
void agent_executor_greet(struct agent_executor *executor);
/* Then, once what it brought along is dealt with: send it what is queued, or end it if it has nothing to do. */
void agent_executor_supply(struct agent_executor *executor);
/* Launched tasks that the executor has never heard of (it names those it knows in @known) get a last update.
 * [Slave::subscribe, Slave::reregisterExecutor] */
void agent_executor_drop_unknown_tasks(struct agent_executor *executor, Mesos__V1__TaskInfo *const *known,
                                       size_t count);

/* What it and its tasks use; the caller releases it. */
/* Tell the containerizer of what it may use: its tasks are not those it was launched with any more. */
void agent_executor_update_container(const struct agent_executor *executor);
void agent_executor_allocated(const struct agent_executor *executor, struct resources *ret);

/* Callbacks of the containerizer for containers of executors. */
extern const struct containerizer_events agent_containerizer_events;

/* Send what is queued and written down. */
void agent_executor_deliver(struct agent_executor *executor);
