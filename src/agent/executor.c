/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/executor.h"

#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "agent/environment.h"
#include "agent/launch.h"
#include "agent/nested.h"
#include "agent/paths.h"
#include "agent/recovery.h"
#include "agent/task_status.h"
#include "base/log.h"
#include "base/text.h"

static void on_deadline(struct env_timer *timer);

static struct agent_executor *create(struct agent_framework *framework, const Mesos__V1__ExecutorInfo *info,
                                     const char *container_id, bool is_generated) {
    struct agent *agent = framework->agent;
    struct agent_executor *executor = new0(struct agent_executor);

    executor->framework = framework;
    executor->info = MESSAGE_COPY(info);
    executor->id = executor->info->executor_id->value;
    executor->container_id = xstrdup(container_id);
    executor->directory = agent_path_run(agent->work_dir, agent_own_id(agent), framework->id, executor->id,
                                         container_id);
    if (agent->flags->switch_user) {
        const char *user = info->command != NULL ? info->command->user : NULL;

        executor->user = xstrdup(user != NULL ? user : framework->info->user);
    }
    executor->checkpoint = agent_framework_checkpoints(framework);
    executor->is_generated = is_generated;
    executor->pending_state = executor->pending_reason = -1;
    executor_connection_init(&executor->connection, executor);
    env_timer_init(&executor->deadline, agent->env, on_deadline);
    list_init(&executor->queue);
    list_init(&executor->launched);
    list_init(&executor->terminated);
    list_init(&executor->completed);
    list_init(&executor->in_completed);
    return executor;
}

static void enlist(struct agent_executor *executor) {
    table_add(&executor->framework->executors, executor->id, executor);
    table_add(&executor->framework->agent->containers, executor->container_id, executor);
}

static void on_saved(void *owner, const struct error *err) {
    struct agent_executor *executor = owner;
    cleanup_free char *message = NULL;

    executor->unsaved--;
    if (err == NULL) {
        agent_executor_begin(executor);
        return;
    }
    /* Without its checkpoint a later agent would not know the executor: better not to start it. */
    message = xasprintf("Failed to checkpoint the executor: %s", error_message(err));
    agent_executor_kill(executor, TASK_FAILED, MESOS__V1__TASK_STATUS__REASON__REASON_CONTAINER_LAUNCH_FAILED, message);
}

static int checkpoint(struct agent_executor *executor, struct error *err) {
    struct agent *agent = executor->framework->agent;
    const char *framework_id = executor->framework->id, *agent_id_text = agent_own_id(agent);
    cleanup_free char *directory = agent_path_executor(agent->meta_dir, agent_id_text, framework_id, executor->id);
    cleanup_free char *run = agent_path_run(agent->meta_dir, agent_id_text, framework_id, executor->id,
                                            executor->container_id);
    cleanup_free char *pids = path_join(run, "pids");
    cleanup_free char *latest = agent_path_latest_run(agent->meta_dir, agent_id_text, framework_id, executor->id);
    cleanup_free char *info = path_join(directory, "executor.info");
    cleanup_free char *generated = path_join(directory, "executor_generated_for_command_task");

    /* The containerizer puts forked.pid there. */
    if (env_make_directories(agent->env, pids, err) < 0 || env_symlink(agent->env, run, latest, err) < 0)
        return -1;
    executor->unsaved += 2;
    checkpoint_message(&agent->checkpoints, info, &executor->info->base, on_saved, executor);
    checkpoint_text(&agent->checkpoints, generated, executor->is_generated ? "1" : "0", 1, on_saved, executor);
    return 0;
}

static int make_sandbox(struct agent_executor *executor, struct error *err) {
    struct agent *agent = executor->framework->agent;
    cleanup_free char *latest = agent_path_latest_run(agent->work_dir, agent_own_id(agent), executor->framework->id,
                                                      executor->id);

    if (env_make_directories(agent->env, executor->directory, err) < 0 ||
        agent->machine->give_sandbox(agent->machine->user, executor->directory, executor->user, err) < 0 ||
        env_symlink(agent->env, executor->directory, latest, err) < 0)
        return error_wrap(err, "Failed to create executor directory '%s'", executor->directory);
    return 0;
}

int agent_executor_new(struct agent_framework *framework, const Mesos__V1__ExecutorInfo *info, bool is_generated,
                       struct agent_executor **ret, struct error *err) {
    char container_id[UUID_TEXT_BYTES], *resources;
    struct agent_executor *executor;
    struct resources sum;

    env_random_uuid_text(framework->agent->env, container_id);
    executor = create(framework, info, container_id, is_generated);
    if (make_sandbox(executor, err) < 0 || (executor->checkpoint && checkpoint(executor, err) < 0)) {
        agent_executor_free(executor);
        return -1;
    }
    enlist(executor);
    resources_from_valid_messages(info->resources, info->n_resources, &sum);
    resources = resources_text(&sum);
    log_info("Launching executor '%s' of framework %s with resources %s in work directory '%s'", executor->id,
             framework->id, resources, executor->directory);
    free(resources);
    resources_done(&sum);
    *ret = executor;
    return 0;
}

struct agent_executor *agent_executor_new_recovered(struct agent_framework *framework,
                                                    const Mesos__V1__ExecutorInfo *info, const char *container_id,
                                                    bool is_generated) {
    struct agent_executor *executor = create(framework, info, container_id, is_generated);

    executor->is_recovered = true;
    executor->container = CONTAINER_LIVES;
    enlist(executor);
    return executor;
}

void agent_executor_free(struct agent_executor *executor) {
    struct agent *agent;
    struct delivery *delivery;
    struct agent_task *task;

    if (executor == NULL)
        return;
    agent = executor->framework->agent;
    checkpoints_forget(&agent->checkpoints, executor);
    if (table_find(&executor->framework->executors, executor->id) == executor)
        table_remove(&executor->framework->executors, executor->id);
    if (table_find(&agent->containers, executor->container_id) == executor)
        table_remove(&agent->containers, executor->container_id);
    if (list_is_linked(&executor->in_completed)) {
        list_remove(&executor->in_completed);
        executor->framework->completed_executor_count--;
    }
    list_for_each (&executor->queue, delivery, member)
        delivery_free(delivery);
    list_for_each (&executor->launched, task, in_stage)
        agent_task_free(task);
    list_for_each (&executor->terminated, task, in_stage)
        agent_task_free(task);
    list_for_each (&executor->completed, task, in_stage)
        agent_task_free(task);
    executor_connection_done(&executor->connection);
    env_timer_done(&executor->deadline);
    MESSAGE_FREE(executor->info);
    free(executor->container_id);
    free(executor->directory);
    free(executor->user);
    free(executor->pending_message);
    free(executor);
}

const char *agent_executor_state_name(enum executor_state state) {
    static const char *const names[] = {"REGISTERING", "RUNNING", "TERMINATING", "TERMINATED"};

    return names[state];
}

void agent_executor_set_state(struct agent_executor *executor, enum executor_state state) {
    static const unsigned allowed[] = {
        [EXECUTOR_REGISTERING] = 1u << EXECUTOR_RUNNING | 1u << EXECUTOR_TERMINATING | 1u << EXECUTOR_TERMINATED,
        [EXECUTOR_RUNNING] = 1u << EXECUTOR_RUNNING | 1u << EXECUTOR_TERMINATING | 1u << EXECUTOR_TERMINATED,
        [EXECUTOR_TERMINATING] = 1u << EXECUTOR_TERMINATED,
        [EXECUTOR_TERMINATED] = 0,
    };
    char text[EXECUTOR_TEXT_BYTES];

    if ((allowed[executor->state] & 1u << state) == 0) {
        log_error("Executor %s can not go from %s to %s", agent_executor_text(executor, text),
                  agent_executor_state_name(executor->state), agent_executor_state_name(state));
        abort();
    }
    log_debug("Executor %s goes from %s to %s", agent_executor_text(executor, text),
              agent_executor_state_name(executor->state), agent_executor_state_name(state));
    executor->state = state;
    env_timer_stop(&executor->deadline);
    if (state == EXECUTOR_TERMINATED) {
        executor_connection_close(&executor->connection);
        metric_increment(&executor->framework->agent->metrics.executors_terminated);
    }
}

const char *agent_executor_text(const struct agent_executor *executor, char text[EXECUTOR_TEXT_BYTES]) {
    char pid[PID_BYTES];

    if (executor->connection.has_pid)
        snprintf(text, EXECUTOR_TEXT_BYTES, "'%s' of framework %s at %s", executor->id, executor->framework->id,
                 pid_format(&executor->connection.pid, pid));
    else
        snprintf(text, EXECUTOR_TEXT_BYTES, "'%s' of framework %s%s", executor->id, executor->framework->id,
                 executor_connection_is_open(&executor->connection) ? " (via HTTP)" : "");
    return text;
}

static struct agent_executor *find_by_container(const struct agent *agent, const char *container_id) {
    return table_find(&agent->containers, container_id);
}

/* [Slave::executorLaunched] */
static void on_launched(void *user, const char *container_id, const struct error *err) {
    struct agent *agent = user;
    struct agent_executor *executor = find_by_container(agent, container_id);
    struct container_termination termination = {
        .reason = MESOS__V1__TASK_STATUS__REASON__REASON_CONTAINER_LAUNCH_FAILED};

    if (executor == NULL) {
        log_warning("Killing container %s of an executor that is gone", container_id);
        if (err == NULL)
            agent->containerizer->ops->destroy(agent->containerizer, container_id);
        return;
    }
    if (err != NULL) {
        cleanup_free char *message = xasprintf("Failed to launch container: %s", error_message(err));

        log_error("Container '%s' for executor '%s' of framework %s failed to start: %s", container_id, executor->id,
                  executor->framework->id, error_message(err));
        metric_increment(&agent->metrics.container_launch_errors);
        if (executor->pending_state < 0)
            termination.message = message;
        else
            termination.reason = -1;
        executor->container = CONTAINER_GONE;
        agent_executor_terminated(executor, &termination);
        return;
    }
    executor->container = CONTAINER_LIVES;
    agent_executor_update_container(executor);
    /* It was ended meanwhile, but for those that are given time to shut down. */
    if (executor->state == EXECUTOR_TERMINATING && !env_timer_is_running(&executor->deadline))
        agent->containerizer->ops->destroy(agent->containerizer, container_id);
}

/* What mesos-default-executor is started by. [defaultExecutorCommandInfo] */
static void default_executor_command(struct agent_executor *executor, Mesos__V1__CommandInfo *command,
                                     struct arena *arena) {
    struct agent *agent = executor->framework->agent;

    *command = (Mesos__V1__CommandInfo)MESOS__V1__COMMAND_INFO__INIT;
    environment_launcher_command(agent, "mesos-default-executor", command, arena);
    command->user = executor->user;
}

static void launch(struct agent_executor *executor) {
    cleanup_(arena_done) struct arena arena = ARENA_INIT;
    struct agent *agent = executor->framework->agent;
    cleanup_free char *run = agent_path_run(agent->meta_dir, agent_own_id(agent), executor->framework->id, executor->id,
                                            executor->container_id);
    cleanup_free char *pid_path = path_join(run, "pids/forked.pid");
    Mesos__V1__CommandInfo command;
    struct resources allocated;
    struct container_config config = {
        .id = executor->container_id,
        .directory = executor->directory,
        .user = executor->user,
        .command = executor->info->command,
        .container = executor->info->container,
        .forked_pid_path = executor->checkpoint ? pid_path : NULL,
        .checkpoint = executor->checkpoint,
        .own_output = true,
    };
    Mesos__V1__Resource **resources;

    if (executor->info->has_type && executor->info->type == MESOS__V1__EXECUTOR_INFO__TYPE__DEFAULT) {
        default_executor_command(executor, &command, &arena);
        config.command = &command;
    }
    config.environment = environment_of_executor(executor, config.command, &arena);
    agent_executor_allocated(executor, &allocated);
    resources_to_messages(&allocated, RESOURCE_FORMAT_NEW, &arena, &resources, &config.resource_count);
    config.resources = resources;
    log_info("Launching container %s for executor '%s' of framework %s", executor->container_id, executor->id,
             executor->framework->id);
    executor->container = CONTAINER_LAUNCHING;
    env_timer_start(&executor->deadline, agent->flags->executor_registration_timeout_ns);
    agent->containerizer->ops->launch(agent->containerizer, &config, on_launched, agent);
    resources_done(&allocated);
}

void agent_executor_begin(struct agent_executor *executor) {
    if (executor->unsaved > 0)
        return;
    if (executor->state == EXECUTOR_REGISTERING && executor->container == CONTAINER_NONE)
        launch(executor);
    else if (executor->state == EXECUTOR_TERMINATING && executor->container == CONTAINER_NONE)
        agent_executor_kill(executor, TASK_FAILED, -1, NULL);
}

void agent_executor_shutdown(struct agent_executor *executor) {
    struct agent *agent = executor->framework->agent;
    Mesos__V1__Executor__Event event = MESOS__V1__EXECUTOR__EVENT__INIT;
    int64_t grace_ns = agent->flags->executor_shutdown_grace_period_ns;
    char text[EXECUTOR_TEXT_BYTES];

    log_info("Shutting down executor %s", agent_executor_text(executor, text));
    agent_executor_set_state(executor, EXECUTOR_TERMINATING);
    event.has_type = true;
    event.type = MESOS__V1__EXECUTOR__EVENT__TYPE__SHUTDOWN;
    if (executor_connection_is_open(&executor->connection) || executor->connection.has_pid)
        executor_connection_send(&executor->connection, &event);
    if (executor->info->shutdown_grace_period != NULL)
        grace_ns = executor->info->shutdown_grace_period->nanoseconds;
    env_timer_start(&executor->deadline, grace_ns);
}

/* Make its container end, or find that there is none. */
static void destroy(struct agent_executor *executor) {
    struct agent *agent = executor->framework->agent;
    const struct container_termination termination = {.reason = -1};

    if (executor->container == CONTAINER_NONE || executor->container == CONTAINER_GONE ||
        !agent->containerizer->ops->destroy(agent->containerizer, executor->container_id)) {
        executor->container = CONTAINER_GONE;
        agent_executor_terminated(executor, &termination);
    }
}

void agent_executor_kill(struct agent_executor *executor, enum task_state state, int reason, const char *message) {
    if (executor->state == EXECUTOR_TERMINATED)
        return;
    if (executor->state != EXECUTOR_TERMINATING)
        agent_executor_set_state(executor, EXECUTOR_TERMINATING);
    env_timer_stop(&executor->deadline);
    if (executor->pending_state < 0 && reason >= 0) {
        executor->pending_state = (int)state;
        executor->pending_reason = reason;
        string_replace(&executor->pending_message, message);
    }
    destroy(executor);
}

static void on_deadline(struct env_timer *timer) {
    struct agent_executor *executor = container_of(timer, struct agent_executor, deadline);
    char text[EXECUTOR_TEXT_BYTES];

    if (executor->state == EXECUTOR_REGISTERING) {
        cleanup_free char *timeout = duration_format(
            executor->framework->agent->flags->executor_registration_timeout_ns);
        cleanup_free char *message = xasprintf("Executor did not register within %s", timeout);

        log_info("Terminating executor %s because it did not register within %s", agent_executor_text(executor, text),
                 timeout);
        agent_executor_kill(executor, TASK_FAILED, MESOS__V1__TASK_STATUS__REASON__REASON_EXECUTOR_REGISTRATION_TIMEOUT,
                            message);
    } else if (executor->state == EXECUTOR_TERMINATING) {
        log_info("Killing executor %s", agent_executor_text(executor, text));
        destroy(executor);
    }
}

/* The last update of a task that its executor left behind. [Slave::sendExecutorTerminatedStatusUpdate] */
static void update_abandoned(struct agent_executor *executor, const struct agent_task *task,
                             const struct container_termination *termination) {
    cleanup_free char *message = NULL;
    enum task_state state = executor->pending_state >= 0 ? (enum task_state)executor->pending_state : TASK_FAILED;
    int reason = MESOS__V1__TASK_STATUS__REASON__REASON_EXECUTOR_TERMINATED;

    if (termination->reason >= 0)
        reason = termination->reason;
    else if (executor->pending_reason >= 0)
        reason = executor->pending_reason;
    if (executor->pending_message != NULL && termination->message != NULL)
        message = xasprintf("%s; %s", executor->pending_message, termination->message);
    else if (executor->pending_message != NULL || termination->message != NULL)
        message = xstrdup(executor->pending_message != NULL ? executor->pending_message : termination->message);
    else
        message = xstrdup("Executor terminated");
    agent_update_task(executor->framework->agent, executor->framework->id, task->id, executor->id, state, reason,
                      message);
}

static void abandon_tasks(struct agent_executor *executor, const struct container_termination *termination) {
    struct agent_task *task;
    struct delivery *delivery;

    list_for_each (&executor->launched, task, in_stage)
        update_abandoned(executor, task, termination);
    while ((delivery = list_first(&executor->queue, struct delivery, member)) != NULL) {
        task = list_first(&delivery->tasks, struct agent_task, in_stage);
        update_abandoned(executor, task, termination);
        /* Nobody may have taken the update: the task must not keep the executor. */
        if (list_first(&executor->queue, struct delivery, member) == delivery &&
            list_first(&delivery->tasks, struct agent_task, in_stage) == task)
            agent_task_set_stage(task, STAGE_TERMINATED);
    }
}

static void send_exited(struct agent_executor *executor, int status) {
    Mesos__Internal__ExitedExecutorMessage message = MESOS__INTERNAL__EXITED_EXECUTOR_MESSAGE__INIT;
    struct agent *agent = executor->framework->agent;

    message.slave_id = agent->info->id;
    message.framework_id = executor->framework->info->id;
    message.executor_id = executor->info->executor_id;
    message.status = status;
    agent_send_to_master(agent, &message.base);
}

static void log_exit(const struct agent_executor *executor, const struct container_termination *termination) {
    const int status = termination->status;

    if (!termination->has_status)
        log_info("Executor '%s' of framework %s has terminated with unknown status", executor->id,
                 executor->framework->id);
    else if (WIFEXITED(status))
        log_info("Executor '%s' of framework %s exited with status %d", executor->id, executor->framework->id,
                 WEXITSTATUS(status));
    else
        log_info("Executor '%s' of framework %s terminated with signal %s", executor->id, executor->framework->id,
                 strsignal(WTERMSIG(status)));
}

void agent_executor_terminated(struct agent_executor *executor, const struct container_termination *termination) {
    struct agent_framework *framework = executor->framework;
    struct agent *agent = framework->agent;

    if (executor->state == EXECUTOR_TERMINATED)
        return;
    log_exit(executor, termination);
    executor->container = CONTAINER_GONE;
    agent_executor_set_state(executor, EXECUTOR_TERMINATED);
    checkpoints_forget(&agent->checkpoints, executor);
    executor->unsaved = 0;
    nested_parent_ended(agent, executor->container_id);
    if (framework->state != FRAMEWORK_TERMINATING)
        abandon_tasks(executor, termination);
    if (!executor->is_generated)
        send_exited(executor, termination->has_status ? termination->status : -1);
    if (agent->state == AGENT_TERMINATING || framework->state == FRAMEWORK_TERMINATING)
        agent_executor_remove(executor);
    else
        agent_executor_remove_if_done(executor);
    agent_framework_remove_if_idle(framework);
    agent_recovery_check(agent);
}

void agent_executor_remove_if_done(struct agent_executor *executor) {
    if (executor->state == EXECUTOR_TERMINATED && list_is_empty(&executor->queue) && executor->launched_count == 0 &&
        executor->terminated_count == 0)
        agent_executor_remove(executor);
}

/* Tasks that did not get a last update, as their framework is shut down, go with their executor. */
static void settle_tasks(struct agent_executor *executor) {
    struct delivery *delivery;
    struct agent_task *task;

    list_for_each (&executor->queue, delivery, member)
        delivery_free(delivery);
    list_for_each (&executor->launched, task, in_stage)
        agent_task_set_stage(task, STAGE_TERMINATED);
    list_for_each (&executor->terminated, task, in_stage)
        table_remove(&executor->framework->tasks, task->id);
}

void agent_executor_remove(struct agent_executor *executor) {
    struct agent_framework *framework = executor->framework;
    struct agent *agent = framework->agent;
    const char *id = agent_own_id(agent);
    char text[EXECUTOR_TEXT_BYTES];
    struct delivery *delivery;
    bool is_expected = false; /* another run of it is about to begin */

    log_info("Cleaning up executor %s", agent_executor_text(executor, text));
    settle_tasks(executor);
    list_for_each (&framework->pending, delivery, member)
        is_expected = is_expected || strcmp(delivery->executor_info->executor_id->value, executor->id) == 0;
    agent_collect_garbage(agent, xstrdup(executor->directory));
    if (!is_expected)
        agent_collect_garbage(agent, agent_path_executor(agent->work_dir, id, framework->id, executor->id));
    if (executor->checkpoint) {
        cleanup_free char *run = agent_path_run(agent->meta_dir, id, framework->id, executor->id,
                                                executor->container_id);
        cleanup_free char *sentinel = path_join(run, "executor.sentinel");

        checkpoint_text(&agent->checkpoints, sentinel, "", 0, NULL, NULL);
        agent_collect_garbage(agent, xstrdup(run));
        if (!is_expected)
            agent_collect_garbage(agent, agent_path_executor(agent->meta_dir, id, framework->id, executor->id));
    }
    table_remove(&framework->executors, executor->id);
    table_remove(&agent->containers, executor->container_id);
    list_append(&framework->completed_executors, &executor->in_completed);
    framework->completed_executor_count++;
    while ((int64_t)framework->completed_executor_count > agent->flags->max_completed_executors_per_framework)
        agent_executor_free(list_first(&framework->completed_executors, struct agent_executor, in_completed));
}

static bool was_told_by_executor(const struct agent_task *task) {
    for (size_t i = 0; i < task->message->n_statuses; i++) {
        const Mesos__V1__TaskStatus *status = task->message->statuses[i];

        if (status->has_source && status->source == MESOS__V1__TASK_STATUS__SOURCE__SOURCE_EXECUTOR)
            return true;
    }
    return false;
}

bool agent_executor_was_sent_task(const struct agent_executor *executor) {
    const struct agent_task *task;

    if (executor->launched_count > 0)
        return true;
    list_for_each (&executor->terminated, task, in_stage) {
        if (was_told_by_executor(task))
            return true;
    }
    list_for_each (&executor->completed, task, in_stage) {
        if (was_told_by_executor(task))
            return true;
    }
    return false;
}

bool agent_executor_shutdown_if_useless(struct agent_executor *executor) {
    char text[EXECUTOR_TEXT_BYTES];

    if (executor->state != EXECUTOR_RUNNING || !list_is_empty(&executor->queue) ||
        agent_executor_was_sent_task(executor))
        return false;
    log_warning("Shutting down executor %s because it has never been sent a task and all of its queued tasks have been "
                "killed before delivery",
                agent_executor_text(executor, text));
    agent_executor_shutdown(executor);
    return true;
}

void agent_executor_drop_unknown_tasks(struct agent_executor *executor, Mesos__V1__TaskInfo *const *known,
                                       size_t count) {
    struct agent_framework *framework = executor->framework;
    struct agent_task *task;

    list_for_each (&executor->launched, task, in_stage) {
        bool is_known = agent_task_state(task) != TASK_STAGING;

        for (size_t i = 0; i < count && !is_known; i++)
            is_known = strcmp(known[i]->task_id->value, task->id) == 0;
        if (!is_known)
            agent_update_task(framework->agent, framework->id, task->id, executor->id,
                              agent_framework_task_state(framework, TASK_DROPPED),
                              MESOS__V1__TASK_STATUS__REASON__REASON_AGENT_RESTARTED,
                              "Task launched during agent restart");
    }
}

void agent_executor_greet(struct agent_executor *executor) {
    struct agent *agent = executor->framework->agent;
    Mesos__V1__Executor__Event event = MESOS__V1__EXECUTOR__EVENT__INIT;
    Mesos__V1__Executor__Event__Subscribed subscribed = MESOS__V1__EXECUTOR__EVENT__SUBSCRIBED__INIT;
    Mesos__V1__ContainerID container_id = MESOS__V1__CONTAINER_ID__INIT;

    agent_recovery_check(agent);
    event.has_type = true;
    event.type = MESOS__V1__EXECUTOR__EVENT__TYPE__SUBSCRIBED;
    event.subscribed = &subscribed;
    subscribed.executor_info = executor->info;
    subscribed.framework_info = executor->framework->info;
    subscribed.agent_info = agent->info;
    container_id.value = executor->container_id;
    subscribed.container_id = &container_id;
    executor_connection_send(&executor->connection, &event);
}

void agent_executor_supply(struct agent_executor *executor) {
    if (!agent_executor_shutdown_if_useless(executor))
        agent_executor_deliver(executor);
}

static void send_launch(struct agent_executor *executor, const struct delivery *delivery) {
    struct agent_task *task = list_first(&delivery->tasks, struct agent_task, in_stage);
    Mesos__V1__Executor__Event event = MESOS__V1__EXECUTOR__EVENT__INIT;
    Mesos__V1__Executor__Event__Launch launch_event = MESOS__V1__EXECUTOR__EVENT__LAUNCH__INIT;

    log_info("Sending queued task '%s' to executor '%s' of framework %s", task->id, executor->id,
             executor->framework->id);
    event.has_type = true;
    event.type = MESOS__V1__EXECUTOR__EVENT__TYPE__LAUNCH;
    event.launch = &launch_event;
    launch_event.task = task->info;
    executor_connection_send(&executor->connection, &event);
}

static void send_launch_group(struct agent_executor *executor, const struct delivery *delivery) {
    Mesos__V1__Executor__Event event = MESOS__V1__EXECUTOR__EVENT__INIT;
    Mesos__V1__Executor__Event__LaunchGroup launch_group = MESOS__V1__EXECUTOR__EVENT__LAUNCH_GROUP__INIT;
    Mesos__V1__TaskGroupInfo group = MESOS__V1__TASK_GROUP_INFO__INIT;
    struct agent_task *task;

    group.tasks = xcalloc(delivery_task_count(delivery), sizeof(*group.tasks));
    list_for_each (&delivery->tasks, task, in_stage)
        group.tasks[group.n_tasks++] = task->info;
    log_info("Sending queued task group of %zu tasks to executor '%s' of framework %s", group.n_tasks, executor->id,
             executor->framework->id);
    event.has_type = true;
    event.type = MESOS__V1__EXECUTOR__EVENT__TYPE__LAUNCH_GROUP;
    event.launch_group = &launch_group;
    launch_group.task_group = &group;
    executor_connection_send(&executor->connection, &event);
    free(group.tasks);
}

void agent_executor_deliver(struct agent_executor *executor) {
    struct delivery *delivery;

    if (executor->state != EXECUTOR_RUNNING || executor->framework->state == FRAMEWORK_TERMINATING ||
        !executor_connection_is_open(&executor->connection))
        return;
    while ((delivery = list_first(&executor->queue, struct delivery, member)) != NULL && delivery->unsaved == 0) {
        size_t count = delivery_task_count(delivery);

        if (delivery->is_group)
            send_launch_group(executor, delivery);
        else
            send_launch(executor, delivery);
        /* The delivery is gone with its last task. */
        for (; count > 0; count--)
            agent_task_set_stage(list_first(&delivery->tasks, struct agent_task, in_stage), STAGE_LAUNCHED);
    }
}

static void add_messages(struct resources *to, Mesos__V1__Resource *const *messages, size_t count) {
    struct resources part;

    resources_from_valid_messages(messages, count, &part);
    resources_add(to, &part);
    resources_done(&part);
}

void agent_executor_allocated(const struct agent_executor *executor, struct resources *ret) {
    const struct agent_task *task;
    const struct delivery *delivery;

    resources_init(ret);
    add_messages(ret, executor->info->resources, executor->info->n_resources);
    list_for_each (&executor->queue, delivery, member) {
        list_for_each (&delivery->tasks, task, in_stage)
            add_messages(ret, task->message->resources, task->message->n_resources);
    }
    list_for_each (&executor->launched, task, in_stage)
        add_messages(ret, task->message->resources, task->message->n_resources);
}

void agent_executor_update_container(const struct agent_executor *executor) {
    cleanup_(arena_done) struct arena arena = ARENA_INIT;
    struct containerizer *containerizer = executor->framework->agent->containerizer;
    Mesos__V1__Resource **messages;
    struct resources allocated;
    size_t count;

    if (executor->container != CONTAINER_LIVES)
        return;
    agent_executor_allocated(executor, &allocated);
    resources_to_messages(&allocated, RESOURCE_FORMAT_NEW, &arena, &messages, &count);
    containerizer->ops->update(containerizer, executor->container_id, messages, count);
    resources_done(&allocated);
}

static void on_exit_container(void *user, const char *id, const struct container_termination *termination) {
    struct agent *agent = user;
    struct agent_executor *executor = find_by_container(agent, id);

    if (executor != NULL)
        agent_executor_terminated(executor, termination);
    else if (!nested_exited(agent, id, termination))
        log_info("Container %s, which is of no executor, has ended", id);
}

static void on_recovered_container(void *user, const char *id) {
    nested_recovered(user, id);
}

const struct containerizer_events agent_containerizer_events = {.on_recovered = on_recovered_container,
                                                                .on_exit = on_exit_container};
