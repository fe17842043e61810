/* SPDX-License-Identifier: Apache-2.0 */
#include "executor.h"

#include <string.h>

#include "pid_executor.h"

/* After a shutdown: how long the last updates are given. */
#define SHUTDOWN_GRACE SECOND
#define HEALTH_DELAY SECOND

struct sim_task {
    struct list member;
    struct sim_executor *executor;
    char *id;
    struct task_script script;
    struct env_timer end, health;
};

struct sim_executor {
    struct env *env;
    struct executor_client *client;    /* one of these two */
    struct pid_executor *pid_executor; /* with libprocess messages */
    bool lies;
    void (*on_done)(void *user, int exit_code);
    void *user;
    struct list tasks;
    struct env_timer done;
};

static void send_status(struct sim_executor *executor, const Mesos__V1__TaskStatus *status) {
    if (executor->client != NULL)
        executor_client_send_update(executor->client, status);
    else
        pid_executor_send_update(executor->pid_executor, status);
}

static void send_state(struct sim_executor *executor, const char *task_id, Mesos__V1__TaskState state) {
    Mesos__V1__TaskStatus status = MESOS__V1__TASK_STATUS__INIT;
    Mesos__V1__TaskID id = MESOS__V1__TASK_ID__INIT;

    id.value = (char *)(uintptr_t)task_id;
    status.task_id = &id;
    status.state = state;
    send_status(executor, &status);
}

static void on_health(struct env_timer *timer) {
    struct sim_task *task = container_of(timer, struct sim_task, health);
    Mesos__V1__TaskStatus status = MESOS__V1__TASK_STATUS__INIT;
    Mesos__V1__TaskID id = MESOS__V1__TASK_ID__INIT;

    id.value = task->id;
    status.task_id = &id;
    status.state = MESOS__V1__TASK_STATE__TASK_RUNNING;
    status.has_healthy = true;
    status.healthy = (task->script.unhealthy == 0) != task->executor->lies;
    status.has_reason = true;
    status.reason = MESOS__V1__TASK_STATUS__REASON__REASON_TASK_HEALTH_CHECK_STATUS_UPDATED;
    send_status(task->executor, &status);
}

static void remove_task(struct sim_task *task) {
    env_timer_done(&task->end);
    env_timer_done(&task->health);
    list_remove(&task->member);
    free(task->id);
    free(task);
}

static void on_end(struct env_timer *timer) {
    struct sim_task *task = container_of(timer, struct sim_task, end);

    send_state(task->executor, task->id,
               task->script.exit_code == 0 ? MESOS__V1__TASK_STATE__TASK_FINISHED : MESOS__V1__TASK_STATE__TASK_FAILED);
    remove_task(task);
}

static void launch(struct sim_executor *executor, const Mesos__V1__TaskInfo *info) {
    struct sim_task *task = new0(struct sim_task);

    task->executor = executor;
    task->id = xstrdup(info->task_id->value);
    if (info->has_data && info->data.len == sizeof(task->script))
        memcpy(&task->script, info->data.data, sizeof(task->script));
    list_append(&executor->tasks, &task->member);
    send_state(executor, task->id, MESOS__V1__TASK_STATE__TASK_RUNNING);
    env_timer_init(&task->end, executor->env, on_end);
    env_timer_start(&task->end, task->script.run_ms * MILLISECOND);
    env_timer_init(&task->health, executor->env, on_health);
    if (info->health_check != NULL)
        env_timer_start(&task->health, HEALTH_DELAY);
}

static void kill(struct sim_executor *executor, const char *task_id) {
    struct sim_task *task;

    list_for_each (&executor->tasks, task, member) {
        if (strcmp(task->id, task_id) != 0)
            continue;
        send_state(executor, task->id, MESOS__V1__TASK_STATE__TASK_KILLED);
        remove_task(task);
        return;
    }
}

static void shut_down(struct sim_executor *executor) {
    struct sim_task *task;

    list_for_each (&executor->tasks, task, member) {
        send_state(executor, task->id, MESOS__V1__TASK_STATE__TASK_KILLED);
        remove_task(task);
    }
    env_timer_start(&executor->done, SHUTDOWN_GRACE);
}

static void on_done(struct env_timer *timer) {
    struct sim_executor *executor = container_of(timer, struct sim_executor, done);

    executor->on_done(executor->user, 0);
}

static void on_event(void *user, const Mesos__V1__Executor__Event *event) {
    struct sim_executor *executor = user;

    switch (event->type) {
    case MESOS__V1__EXECUTOR__EVENT__TYPE__LAUNCH:
        launch(executor, event->launch->task);
        break;
    case MESOS__V1__EXECUTOR__EVENT__TYPE__LAUNCH_GROUP:
        for (size_t i = 0; i < event->launch_group->task_group->n_tasks; i++)
            launch(executor, event->launch_group->task_group->tasks[i]);
        break;
    case MESOS__V1__EXECUTOR__EVENT__TYPE__KILL:
        kill(executor, event->kill->task_id->value);
        break;
    case MESOS__V1__EXECUTOR__EVENT__TYPE__SHUTDOWN:
        shut_down(executor);
        break;
    default:
        break;
    }
}

static void on_disconnected(void *user) {
}

static void on_abandoned(void *user, const char *reason) {
    struct sim_executor *executor = user;

    env_timer_start(&executor->done, 0);
}

static const struct executor_client_events events = {on_event, on_disconnected, on_abandoned};

struct sim_executor *sim_executor_new(struct env *env, const struct sim_executor_options *options,
                                      void (*on_executor_done)(void *user, int exit_code), void *user) {
    struct sim_executor *executor = new0(struct sim_executor);

    executor->env = env;
    executor->on_done = on_executor_done;
    executor->user = user;
    list_init(&executor->tasks);
    env_timer_init(&executor->done, env, on_done);
    executor->lies = options->lies;
    if (options->uses_messages) {
        executor->pid_executor = pid_executor_new(env, options->client, options->host, options->agent, &events,
                                                  executor);
        pid_executor_start(executor->pid_executor);
    } else {
        executor->client = executor_client_new(env, options->client, &events, executor, NULL);
        executor_client_start(executor->client);
    }
    return executor;
}

void sim_executor_free(struct sim_executor *executor) {
    struct sim_task *task;

    if (executor == NULL)
        return;
    list_for_each (&executor->tasks, task, member)
        remove_task(task);
    env_timer_done(&executor->done);
    executor_client_free(executor->client);
    pid_executor_free(executor->pid_executor);
    free(executor);
}
