/* SPDX-License-Identifier: Apache-2.0 */
/* One task of the default executor: its nested container, its checks, its updates. */
#pragma once

#include "base/list.h"
#include "base/table.h"
#include "executor/agent_calls.h"
#include "executor/checker.h"
#include "executor/environment.h"
#include "executor/task_updates.h"

struct default_executor {
    struct env *env;
    struct process_runner *runner;
    struct executor_client *client;
    struct agent_calls calls;
    char *executor_id, *sandbox, *container_ip;
    struct environment environment;
    void (*on_done)(void *user, int exit_code);
    void *user;
    Mesos__V1__ContainerID *container_id; /* the executor's own; NULL until it is subscribed */
    struct table tasks;                   /* of struct default_task that are not over, by id */
    struct list groups;                   /* of struct default_group */
    bool has_killing_state;
    bool is_subscribed;
    bool is_shutting_down;
    bool is_done;
    bool was_unhealthy; /* some task was killed by its health check */
    struct env_timer end_timer;
    int exit_code;
};

/* Tasks that were launched together. */
struct default_group {
    struct list member;
    size_t count;     /* tasks that are not over */
    size_t launching; /* launch calls without an answer */
    bool is_killed;   /* one was lost: the others go too */
};

/* The life of a task.
 *
 *     LAUNCHING -> RUNNING -> KILLING -> over: told, forgotten
 *         |           |                   ^
 *         +-----------+-------------------+ */
enum default_task_state { TASK_IS_LAUNCHING, TASK_IS_RUNNING, TASK_IS_KILLING };

struct default_task {
    struct default_executor *executor;
    struct default_group *group;
    Mesos__V1__TaskInfo *info;
    char container[UUID_TEXT_BYTES];
    char *sandbox;
    enum default_task_state state;
    bool killed_by_timeout;
    char *launch_error;           /* the agent's answer to a launch that failed */
    struct agent_call *launching; /* or killing */
    struct agent_call *waiting;
    struct env_timer wait_timer; /* to the next try */
    struct env_timer kill_timer; /* from SIGTERM to SIGKILL */
    struct env_timer completion_timer;
    struct checker *checker, *health_checker;
    struct environment environment; /* of command checks */
    struct task_updates updates;
};

/* Begin a task: TASK_STARTING and the launch call. Nothing ends before the loop is reached again. */
void default_task_launch(struct default_executor *executor, struct default_group *group,
                         const Mesos__V1__TaskInfo *info);
void default_task_free(struct default_task *task);

/* The group's launch calls are all answered: TASK_RUNNING or TASK_FAILED. The task may be over afterwards. */
void default_task_launched(struct default_task *task);
/* Wait (again) for its end. */
void default_task_wait(struct default_task *task);
/* The agent went away: stop waiting and checking until default_task_wait(). */
void default_task_suspend(struct default_task *task);
/* Kill it with SIGTERM and after the grace period SIGKILL. Does nothing unless it is running. */
void default_task_kill(struct default_task *task, const Mesos__V1__KillPolicy *override);

/* default_executor.c */
void default_executor_launch_answered(struct default_executor *executor, struct default_group *group);
/* @task has ended in @state; it is gone afterwards. */
void default_executor_task_over(struct default_executor *executor, struct default_task *task,
                                Mesos__V1__TaskState state);
/* What can not be mended: take no group any more, and end. The agent ends what still runs, and tells of it.
 * [DefaultExecutor::_shutdown()] */
void default_executor_fail(struct default_executor *executor);
