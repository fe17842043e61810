/* SPDX-License-Identifier: Apache-2.0 */
#include "executor/default_executor.h"

#include <string.h>

#include "base/log.h"
#include "executor/default_task.h"
#include "message/message.h"

/* How long the last acknowledgements are waited for. */
#define ACKNOWLEDGEMENT_TIMEOUT_NS (60 * SECOND)

/* The same after a shutdown: an agent that ends the whole framework acknowledges nothing any more. */
#define SHUTDOWN_ACKNOWLEDGEMENT_TIMEOUT_NS SECOND

/* The end */

static void on_end(struct env_timer *timer) {
    struct default_executor *executor = container_of(timer, struct default_executor, end_timer);
    executor->is_done = true;
    executor->on_done(executor->user, executor->exit_code);
}

static void end_after(struct default_executor *executor, int64_t delay_ns) {
    if (!executor->is_done)
        env_timer_start(&executor->end_timer, delay_ns);
}

/* End once the updates are acknowledged, or after some time. */
static void finish(struct default_executor *executor) {
    if (executor_client_unacknowledged(executor->client) == 0) {
        end_after(executor, 0);
        return;
    }
    log_info("Terminating after the last acknowledgement");
    end_after(executor, executor->is_shutting_down ? SHUTDOWN_ACKNOWLEDGEMENT_TIMEOUT_NS : ACKNOWLEDGEMENT_TIMEOUT_NS);
}

void default_executor_fail(struct default_executor *executor) {
    executor->is_shutting_down = true;
    finish(executor);
}

/* Groups */

static void kill_group(struct default_executor *executor, struct default_group *group) {
    struct default_task *task;
    group->is_killed = true;
    log_info("Killing the task group");
    table_for_each (&executor->tasks, task) {
        if (task->group == group)
            default_task_kill(task, NULL);
    }
}

static bool has_running(const struct default_executor *executor) {
    const struct default_task *task;
    table_for_each (&executor->tasks, task) {
        if (task->state != TASK_IS_LAUNCHING)
            return true;
    }
    return false;
}

static void leave_group(struct default_group *group) {
    if (--group->count > 0)
        return;
    list_remove(&group->member);
    free(group);
}

void default_executor_task_over(struct default_executor *executor, struct default_task *task,
                                Mesos__V1__TaskState state) {
    struct default_group *group = task->group;
    default_task_free(task);
    bool is_lost = state == MESOS__V1__TASK_STATE__TASK_FAILED || state == MESOS__V1__TASK_STATE__TASK_KILLED;
    if (is_lost && !executor->is_shutting_down && !group->is_killed)
        kill_group(executor, group);
    leave_group(group);
    if (executor->tasks.count == 0 || (executor->is_shutting_down && !has_running(executor)))
        finish(executor);
}

/* The first task of @group that has not been told of its launch. */
static struct default_task *find_launching(struct default_executor *executor, const struct default_group *group) {
    struct default_task *task;
    table_for_each (&executor->tasks, task) {
        if (task->group == group && task->state == TASK_IS_LAUNCHING)
            return task;
    }
    return NULL;
}

/* Those that run are told first, so that a failed one finds them running and kills them. */
void default_executor_launch_answered(struct default_executor *executor, struct default_group *group) {
    if (--group->launching > 0 || executor->is_shutting_down)
        return;
    struct default_task *task;
    table_for_each (&executor->tasks, task) {
        if (task->group == group && task->launch_error == NULL)
            default_task_launched(task);
    }
    group->count++; /* held while its tasks may end */
    while ((task = find_launching(executor, group)) != NULL)
        default_task_launched(task);
    leave_group(group);
}

static void launch_group(struct default_executor *executor, const Mesos__V1__TaskGroupInfo *info) {
    if (executor->is_shutting_down) {
        log_warning("Ignoring the launch group operation as the executor is shutting down");
        return;
    }
    env_timer_stop(&executor->end_timer);
    struct default_group *group = new0(struct default_group);
    list_append(&executor->groups, &group->member);
    group->count = 1; /* held until all are under way */
    for (size_t i = 0; i < info->n_tasks; i++) {
        if (table_find(&executor->tasks, info->tasks[i]->task_id->value) == NULL)
            default_task_launch(executor, group, info->tasks[i]);
        else
            log_error("Ignoring task '%s', which is running already", info->tasks[i]->task_id->value);
    }
    leave_group(group);
}

static void shut_down(struct default_executor *executor) {
    if (executor->is_shutting_down)
        return;
    log_info("Shutting down");
    executor->is_shutting_down = true;
    if (executor->tasks.count == 0 || !executor->is_subscribed) {
        finish(executor);
        return;
    }
    struct default_task *task;
    bool has_running = false;
    table_for_each (&executor->tasks, task) {
        has_running = has_running || task->state != TASK_IS_LAUNCHING;
        default_task_kill(task, NULL);
    }
    /* Launches under way have nobody to tell of them: the agent destroys what is left. */
    if (!has_running)
        finish(executor);
}

/* Events from the agent */

static void on_subscribed(struct default_executor *executor, const Mesos__V1__Executor__Event__Subscribed *event) {
    const Mesos__V1__FrameworkInfo *framework = event->framework_info;
    log_info("Subscribed executor on %s", event->agent_info->hostname);
    if (event->container_id == NULL) {
        log_error("The agent does not tell the executor's container id; it is too old for task groups");
        executor->exit_code = EXIT_FAILURE;
        end_after(executor, 0);
        return;
    }
    MESSAGE_FREE(executor->container_id);
    executor->container_id = MESSAGE_COPY(event->container_id);
    executor->is_subscribed = true;
    executor->has_killing_state = false;
    for (size_t i = 0; i < framework->n_capabilities; i++) {
        if (framework->capabilities[i]->type == MESOS__V1__FRAMEWORK_INFO__CAPABILITY__TYPE__TASK_KILLING_STATE)
            executor->has_killing_state = true;
    }
    struct default_task *task;
    table_for_each (&executor->tasks, task)
        default_task_wait(task);
}

static void on_kill(struct default_executor *executor, const Mesos__V1__Executor__Event__Kill *event) {
    const char *task_id = event->task_id->value;
    struct default_task *task = table_find(&executor->tasks, task_id);
    if (executor->is_shutting_down || task == NULL || task->state != TASK_IS_RUNNING)
        log_warning("Ignoring kill for task '%s' as it is not running", task_id);
    else
        default_task_kill(task, event->kill_policy);
}

static void on_acknowledged(struct default_executor *executor, const Mesos__V1__Executor__Event__Acknowledged *event) {
    if (executor->tasks.count == 0 && executor_client_unacknowledged(executor->client) == 0)
        end_after(executor, 0);
}

static void on_event(void *user, const Mesos__V1__Executor__Event *event) {
    struct default_executor *executor = user;
    if (executor->is_done)
        return;
    log_info("Received %s event", message_enum_name(&mesos__v1__executor__event__type__descriptor, (int)event->type));
    switch (event->type) {
    case MESOS__V1__EXECUTOR__EVENT__TYPE__SUBSCRIBED:
        on_subscribed(executor, event->subscribed);
        break;
    case MESOS__V1__EXECUTOR__EVENT__TYPE__LAUNCH:
        log_error("LAUNCH event is not supported");
        shut_down(executor);
        break;
    case MESOS__V1__EXECUTOR__EVENT__TYPE__LAUNCH_GROUP:
        launch_group(executor, event->launch_group->task_group);
        break;
    case MESOS__V1__EXECUTOR__EVENT__TYPE__KILL:
        on_kill(executor, event->kill);
        break;
    case MESOS__V1__EXECUTOR__EVENT__TYPE__ACKNOWLEDGED:
        on_acknowledged(executor, event->acknowledged);
        break;
    case MESOS__V1__EXECUTOR__EVENT__TYPE__SHUTDOWN:
        shut_down(executor);
        break;
    case MESOS__V1__EXECUTOR__EVENT__TYPE__MESSAGE:
        log_debug("Dropping a framework message: the default executor has no use for it");
        break;
    case MESOS__V1__EXECUTOR__EVENT__TYPE__ERROR:
        log_error("Error: %s", event->error->message);
        break;
    default:
        log_warning("Ignoring an event that is not known here");
    }
}

static void on_disconnected(void *user) {
    struct default_executor *executor = user;
    struct default_task *task;
    log_info("Disconnected from agent");
    executor->is_subscribed = false;
    table_for_each (&executor->tasks, task)
        default_task_suspend(task);
}

static void on_abandoned(void *user, const char *reason) {
    struct default_executor *executor = user;
    log_warning("%s", reason);
    executor->is_subscribed = false;
    executor->is_shutting_down = true;
    executor->exit_code = EXIT_FAILURE;
    end_after(executor, 0);
}

static const struct executor_client_events client_events = {
    .on_event = on_event, .on_disconnected = on_disconnected, .on_abandoned = on_abandoned};

struct default_executor *default_executor_new(struct env *env, const struct default_executor_options *options,
                                              void (*on_done)(void *user, int exit_code), void *user,
                                              struct error *err) {
    struct default_executor *executor = new0(struct default_executor);
    executor->env = env;
    executor->runner = options->runner;
    executor->on_done = on_done;
    executor->user = user;
    executor->executor_id = xstrdup(options->client->executor_id);
    executor->sandbox = xstrdup(options->sandbox);
    executor->container_ip = xstrdup(options->container_ip);
    list_init(&executor->groups);
    environment_init(&executor->environment, options->environment);
    environment_set(&executor->environment, "MESOS_EXECUTOR_AUTHENTICATION_TOKEN", NULL);
    env_timer_init(&executor->end_timer, env, on_end);
    if (agent_calls_init(&executor->calls, env, options->client, err) < 0) {
        default_executor_free(executor);
        return NULL;
    }
    executor->client = executor_client_new(env, options->client, &client_events, executor, err);
    if (executor->client == NULL) {
        default_executor_free(executor);
        return NULL;
    }
    return executor;
}

void default_executor_start(struct default_executor *executor) {
    executor_client_start(executor->client);
}

void default_executor_free(struct default_executor *executor) {
    if (executor == NULL)
        return;
    struct default_task *task;
    table_for_each (&executor->tasks, task)
        default_task_free(task);
    table_done(&executor->tasks);
    struct default_group *group;
    list_for_each (&executor->groups, group, member)
        free(group);
    agent_calls_done(&executor->calls);
    executor_client_free(executor->client);
    env_timer_done(&executor->end_timer);
    environment_done(&executor->environment);
    MESSAGE_FREE(executor->container_id);
    free(executor->executor_id);
    free(executor->sandbox);
    free(executor->container_ip);
    free(executor);
}
