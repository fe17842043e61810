/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/recovery.h"

#include <errno.h>
#include <string.h>

#include "agent/drain.h"
#include "agent/executor.h"
#include "agent/info.h"
#include "agent/kill.h"
#include "agent/operations.h"
#include "agent/paths.h"
#include "agent/reservations.h"
#include "base/log.h"
#include "base/text.h"

/* What to do about something that can not be read back: with --strict it fails, else it is skipped. */
static int tolerate(struct agent *agent, struct error *err) {
    if (agent->flags->strict)
        return -1;
    log_warning("Skipping what can not be recovered: %s", error_message(err));
    metric_increment(&agent->metrics.recovery_errors);
    error_done(err);
    *err = ERROR_INIT;
    return 0;
}

/* The names in a directory that may be missing. */
static char **list_names(struct agent *agent, const char *path) {
    char **names = NULL;

    return env_list_directory(agent->env, path, &names, NULL) == 0 ? names : NULL;
}

static void collect(struct agent *agent, const char *framework_id, const char *executor_id, const char *container_id) {
    const char *const roots[] = {agent->work_dir, agent->meta_dir};
    const char *id = agent_own_id(agent);

    for (size_t i = 0; i < ARRAY_SIZE(roots); i++) {
        if (container_id != NULL)
            agent_collect_garbage(agent, agent_path_run(roots[i], id, framework_id, executor_id, container_id));
        else if (executor_id != NULL)
            agent_collect_garbage(agent, agent_path_executor(roots[i], id, framework_id, executor_id));
        else
            agent_collect_garbage(agent, agent_path_framework(roots[i], id, framework_id));
    }
}

/* Tasks */

static void replay_task(struct agent_task *task, const struct update_file *file) {
    struct agent_executor *executor = task->executor;

    for (size_t i = 0; i < file->count; i++) {
        const Mesos__Internal__StatusUpdate *update = file->updates[i];
        cleanup_error struct error err = ERROR_INIT;

        if (agent_task_update(task, update->status, &err) < 0) {
            log_error("Failed to update the state of the recovered task '%s': %s", task->id, error_message(&err));
            continue;
        }
        if (!task_state_is_terminal((enum task_state)update->status->state))
            continue;
        if (table_find_sized(&file->acknowledged, update->uuid.data, update->uuid.len) != NULL) {
            if (executor->checkpoint)
                agent_collect_garbage(executor->framework->agent,
                                      agent_path_task(executor->framework->agent->meta_dir,
                                                      agent_own_id(executor->framework->agent), executor->framework->id,
                                                      executor->id, executor->container_id, task->id));
            agent_task_set_stage(task, STAGE_COMPLETED);
        }
        return;
    }
}

static int recover_task(struct agent_executor *executor, const char *directory, const char *name, bool is_completed_run,
                        struct error *err) {
    struct agent *agent = executor->framework->agent;
    cleanup_(arena_done) struct arena arena = ARENA_INIT;
    cleanup_free char *task_directory = path_join(directory, name);
    cleanup_free char *info_path = path_join(task_directory, "task.info");
    cleanup_free char *updates_path = path_join(task_directory, "task.updates");
    cleanup_(update_file_done) struct update_file file = {0};
    ProtobufCMessage *message;
    struct agent_task *task;
    int result;

    result = checkpoint_read_message(agent->env, info_path, &mesos__v1__task__descriptor, &arena, &message, err);
    if (result < 0)
        return tolerate(agent, err);
    if (result == CHECKPOINT_ABSENT || table_find(&executor->framework->tasks, name) != NULL) {
        log_warning("Skipping recovery of task %s because its info cannot be recovered", name);
        return 0;
    }
    task = agent_task_new_recovered(executor, (const Mesos__V1__Task *)message);
    result = update_file_read(&file, agent->env, updates_path, err);
    if (result < 0)
        return tolerate(agent, err);
    /* A record that was not written to its end was never spoken of: it is dropped, and is no error. */
    if (file.is_damaged)
        log_warning("Dropping the unfinished end of '%s'", updates_path);
    if (!is_completed_run && file.count > 0)
        update_manager_replay(&agent->updates, executor->framework->id, task->id, &file);
    replay_task(task, &file);
    return 0;
}

/* Executors */

struct run {
    char *path;
    char *id;
    bool is_completed;
};

static int find_run(struct agent *agent, struct agent_framework *framework, const char *executor_id, struct run *ret,
                    struct error *err) {
    cleanup_free char *executor_path = agent_path_executor(agent->meta_dir, agent_own_id(agent), framework->id,
                                                           executor_id);
    cleanup_free char *runs_path = path_join(executor_path, "runs");
    cleanup_free char *latest = path_join(runs_path, "latest");
    cleanup_free char *target = NULL, *sentinel = NULL;
    char **names = list_names(agent, runs_path);

    *ret = (struct run){0};
    if (env_read_link(agent->env, latest, &target, NULL) == 0) {
        char *path = path_join(runs_path, path_base(target));

        if (env_file_exists(agent->env, path)) {
            ret->path = path;
            ret->id = xstrdup(path_base(target));
            sentinel = path_join(path, "executor.sentinel");
            ret->is_completed = env_file_exists(agent->env, sentinel);
        } else {
            free(path);
        }
    }
    for (size_t i = 0; names != NULL && names[i] != NULL; i++) {
        if (strcmp(names[i], "latest") != 0 && (ret->id == NULL || strcmp(names[i], ret->id) != 0))
            collect(agent, framework->id, executor_id, names[i]);
    }
    env_names_free(names);
    return ret->id != NULL ? 0 : CHECKPOINT_ABSENT;
}

static int read_generated(struct agent *agent, const char *executor_path, const Mesos__V1__ExecutorInfo *info,
                          bool *ret, struct error *err) {
    cleanup_free char *path = path_join(executor_path, "executor_generated_for_command_task");
    cleanup_free char *text = NULL;
    const int result = checkpoint_read_text(agent->env, path, &text, err);

    if (result < 0)
        return -1;
    if (result == CHECKPOINT_ABSENT)
        /* Agents before 1.8 did not write it. */
        *ret = info->command != NULL && info->command->value != NULL &&
               text_ends_with(info->command->value, "mesos-executor") && info->name != NULL &&
               text_starts_with(info->name, "Command Executor");
    else
        *ret = text[0] == '1';
    return 0;
}

/* How to reach it: its libprocess address, or it will come over HTTP. */
static void recover_connection(struct agent_executor *executor, const char *run_path) {
    struct agent *agent = executor->framework->agent;
    cleanup_free char *path = path_join(run_path, "pids/libprocess.pid");
    cleanup_free char *text = NULL;

    if (checkpoint_read_text(agent->env, path, &text, NULL) == 0 &&
        pid_parse(text, &executor->connection.pid, NULL) == 0)
        executor->connection.has_pid = true;
}

static void finish_completed(struct agent_executor *executor) {
    agent_executor_set_state(executor, EXECUTOR_TERMINATED);
    executor->container = CONTAINER_GONE;
    agent_executor_remove(executor);
}

static int recover_executor(struct agent_framework *framework, const char *name, struct error *err) {
    struct agent *agent = framework->agent;
    cleanup_(arena_done) struct arena arena = ARENA_INIT;
    cleanup_free char *path = agent_path_executor(agent->meta_dir, agent_own_id(agent), framework->id, name);
    cleanup_free char *info_path = path_join(path, "executor.info");
    cleanup_free char *tasks_path = NULL;
    struct run run;
    struct agent_executor *executor;
    ProtobufCMessage *message = NULL;
    bool is_generated;
    char **names;
    int result = find_run(agent, framework, name, &run, err);

    if (result == 0)
        result = checkpoint_read_message(agent->env, info_path, &mesos__v1__executor_info__descriptor, &arena, &message,
                                         err);
    if (result == 0)
        result = read_generated(agent, path, (const Mesos__V1__ExecutorInfo *)message, &is_generated, err);
    if (result < 0)
        result = tolerate(agent, err) < 0 ? -1 : CHECKPOINT_ABSENT;
    if (result != 0) {
        if (result == CHECKPOINT_ABSENT) {
            log_warning("Skipping recovery of executor '%s' of framework %s because its latest run or executor info "
                        "cannot be recovered",
                        name, framework->id);
            collect(agent, framework->id, name, NULL);
        }
        free(run.path);
        free(run.id);
        return result < 0 ? -1 : 0;
    }
    log_info("Recovering executor '%s' of framework %s", name, framework->id);
    executor = agent_executor_new_recovered(framework, (const Mesos__V1__ExecutorInfo *)message, run.id, is_generated);
    recover_connection(executor, run.path);
    tasks_path = path_join(run.path, "tasks");
    names = list_names(agent, tasks_path);
    for (size_t i = 0; names != NULL && names[i] != NULL && result == 0; i++)
        result = recover_task(executor, tasks_path, names[i], run.is_completed, err);
    env_names_free(names);
    if (result == 0 && run.is_completed)
        finish_completed(executor);
    free(run.path);
    free(run.id);
    return result;
}

/* Frameworks */

static int recover_framework(struct agent *agent, const char *name, struct error *err) {
    cleanup_(arena_done) struct arena arena = ARENA_INIT;
    cleanup_free char *directory = agent_path_framework(agent->meta_dir, agent_own_id(agent), name);
    cleanup_free char *info_path = path_join(directory, "framework.info");
    cleanup_free char *pid_path = path_join(directory, "framework.pid");
    cleanup_free char *executors_path = path_join(directory, "executors");
    cleanup_free char *pid = NULL;
    struct agent_framework *framework;
    Mesos__V1__FrameworkInfo *info;
    ProtobufCMessage *message;
    char **names;
    int result;

    result = checkpoint_read_message(agent->env, info_path, &mesos__v1__framework_info__descriptor, &arena, &message,
                                     err);
    if (result == 0)
        result = checkpoint_read_text(agent->env, pid_path, &pid, err);
    if (result < 0)
        result = tolerate(agent, err) < 0 ? -1 : CHECKPOINT_ABSENT;
    if (result == CHECKPOINT_ABSENT) {
        log_warning("Skipping recovery of framework %s because its info cannot be recovered", name);
        collect(agent, name, NULL, NULL);
        return 0;
    }
    if (result < 0)
        return -1;
    log_info("Recovering framework %s", name);
    info = (Mesos__V1__FrameworkInfo *)message;
    if (info->id == NULL) {
        info->id = arena_alloc(&arena, sizeof(*info->id));
        mesos__v1__framework_id__init(info->id);
        info->id->value = (char *)name;
    }
    framework = agent_framework_new(agent, info, pid);
    names = list_names(agent, executors_path);
    for (size_t i = 0; names != NULL && names[i] != NULL && result == 0; i++)
        result = recover_executor(framework, names[i], err);
    env_names_free(names);
    agent_framework_remove_if_idle(framework);
    return result;
}

/* The agent */

static bool is_rebooted(struct agent *agent) {
    cleanup_free char *path = agent_path_boot_id(agent->meta_dir), *then = NULL, *now = NULL;

    if (checkpoint_read_text(agent->env, path, &then, NULL) != 0 ||
        agent->machine->boot_id(agent->machine->user, &now, NULL) < 0)
        return false;
    then[strcspn(then, "\r\n ")] = '\0';
    return strcmp(then, now) != 0;
}

static int recover_drain(struct agent *agent, const char *directory, struct error *err) {
    cleanup_(arena_done) struct arena arena = ARENA_INIT;
    cleanup_free char *path = path_join(directory, "drain.config");
    ProtobufCMessage *message;
    const int result = checkpoint_read_message(agent->env, path, &mesos__v1__drain_config__descriptor, &arena, &message,
                                               err);

    if (result < 0)
        return tolerate(agent, err);
    if (result == 0) {
        agent->drain = MESSAGE_COPY((const Mesos__V1__DrainConfig *)message);
        agent->drain_start_ns = env_wall_clock(agent->env);
    }
    return 0;
}

/* Be the agent whose state is in @directory, if that fits. */
static int recover_agent(struct agent *agent, const char *directory, struct error *err) {
    cleanup_(arena_done) struct arena arena = ARENA_INIT;
    cleanup_free char *info_path = path_join(directory, "slave.info");
    cleanup_free char *frameworks_path = path_join(directory, "frameworks");
    cleanup_free char *latest = agent_path_latest_agent(agent->meta_dir);
    const Mesos__V1__AgentInfo *previous;
    ProtobufCMessage *message;
    char **names;
    int result;

    result = checkpoint_read_message(agent->env, info_path, &mesos__v1__agent_info__descriptor, &arena, &message, err);
    if (result < 0)
        return tolerate(agent, err);
    previous = (const Mesos__V1__AgentInfo *)message;
    if (result == CHECKPOINT_ABSENT || previous->id == NULL) {
        log_warning("Failed to find the agent info file '%s'", info_path);
        return 0;
    }
    if (agent_info_check_compatible(previous, agent->info, agent->flags->reconfiguration_policy,
                                    &agent->is_info_changed, err) < 0) {
        if (!is_rebooted(agent))
            return error_wrap(err,
                              "'%s' belongs to an agent that was configured in another way (see "
                              "--reconfiguration_policy; to begin as a new agent remove '%s')",
                              agent->work_dir, latest);
        log_warning("Falling back to recover as a new agent due to error: %s", error_message(err));
        error_done(err);
        *err = ERROR_INIT;
        agent->is_info_changed = false;
        return env_file_remove(agent->env, latest, err);
    }
    agent_set_id(agent, previous->id);
    if (recover_drain(agent, directory, err) < 0)
        return -1;
    names = list_names(agent, frameworks_path);
    for (size_t i = 0; names != NULL && names[i] != NULL && result == 0; i++)
        result = recover_framework(agent, names[i], err);
    env_names_free(names);
    return result;
}

static int recover_containers(struct agent *agent, struct error *err) {
    char **ids = xcalloc(agent->containers.count + 1, sizeof(*ids));
    struct agent_executor *executor;
    size_t count = 0;
    int result;

    table_for_each (&agent->containers, executor)
        ids[count++] = executor->container_id;
    result = agent->containerizer->ops->recover(agent->containerizer, ids, count, err);
    free(ids);
    if (result < 0)
        return error_wrap(err, "recovering containers");
    table_for_each (&agent->containers, executor)
        agent_executor_update_container(executor);
    return 0;
}

/* What comes after the executors had their time. */

static void collect_old_agents(struct agent *agent) {
    cleanup_free char *directory = path_join(agent->work_dir, "slaves");
    char **names = list_names(agent, directory);

    for (size_t i = 0; names != NULL && names[i] != NULL; i++) {
        cleanup_free char *meta = NULL;

        if (agent->info->id != NULL && strcmp(names[i], agent_own_id(agent)) == 0)
            continue;
        log_info("Garbage collecting old agent %s", names[i]);
        agent_collect_garbage(agent, agent_path_agent(agent->work_dir, names[i]));
        meta = agent_path_agent(agent->meta_dir, names[i]);
        if (env_file_exists(agent->env, meta))
            agent_collect_garbage(agent, take_ptr(&meta));
    }
    env_names_free(names);
}

static void finish(struct agent *agent) {
    cleanup_free char *boot_id = NULL, *path = agent_path_boot_id(agent->meta_dir);
    cleanup_error struct error err = ERROR_INIT;

    env_timer_stop(&agent->reregister_executors);
    env_timer_stop(&agent->reconnect_again);
    log_info("Finished recovery");
    if (agent->machine->boot_id(agent->machine->user, &boot_id, &err) < 0)
        log_error("Could not retrieve boot id: %s", error_message(&err));
    else
        checkpoint_text(&agent->checkpoints, path, boot_id, strlen(boot_id), NULL, NULL);
    collect_old_agents(agent);
    agent->recovery_ns = env_now(agent->env) - agent->recovery_ns;
    if (strcmp(agent->flags->recover, "cleanup") == 0) {
        agent_enter(agent, AGENT_TERMINATING);
        agent_end_if_idle(agent);
        return;
    }
    agent_enter(agent, AGENT_DISCONNECTED);
    detector_start(agent->detector);
    if (agent->drain != NULL) {
        Mesos__V1__DrainConfig *config = MESSAGE_COPY(agent->drain);

        log_info("Going on with draining");
        if (agent->frameworks.count == 0 && agent->operations.count == 0)
            agent_drain_check(agent);
        else
            agent_on_drain(agent, config);
        MESSAGE_FREE(config);
    }
}

static void on_reregister_timeout(struct env_timer *timer) {
    struct agent *agent = container_of(timer, struct agent, reregister_executors);
    cleanup_free char *timeout = duration_format(agent->flags->executor_reregistration_timeout_ns);
    cleanup_free char *message = xasprintf("Executor did not reregister within %s", timeout);
    struct agent_executor *executor;

    table_for_each (&agent->containers, executor) {
        char text[EXECUTOR_TEXT_BYTES];

        if (executor->state != EXECUTOR_REGISTERING)
            continue;
        log_info("Killing un-reregistered executor %s", agent_executor_text(executor, text));
        agent_executor_kill(executor, agent_framework_task_state(executor->framework, TASK_GONE),
                            MESOS__V1__TASK_STATUS__REASON__REASON_EXECUTOR_REREGISTRATION_TIMEOUT, message);
    }
    if (agent->state == AGENT_RECOVERING)
        finish(agent);
}

void agent_recovery_check(struct agent *agent) {
    struct agent_executor *executor;

    if (agent->state != AGENT_RECOVERING || !agent->takes_executors)
        return;
    table_for_each (&agent->containers, executor) {
        if (executor->state == EXECUTOR_REGISTERING)
            return;
    }
    /* From the loop: this may have been called from deep inside. */
    env_timer_start(&agent->reregister_executors, 0);
}

static void send_reconnect(struct agent *agent) {
    Mesos__Internal__ReconnectExecutorMessage message = MESOS__INTERNAL__RECONNECT_EXECUTOR_MESSAGE__INIT;
    struct agent_executor *executor;
    char text[EXECUTOR_TEXT_BYTES];

    message.slave_id = agent->info->id;
    table_for_each (&agent->containers, executor) {
        if (executor->state != EXECUTOR_REGISTERING || !executor->connection.has_pid)
            continue;
        log_info("Sending reconnect request to executor %s", agent_executor_text(executor, text));
        agent_send_to(agent, &executor->connection.pid, &message.base);
    }
}

static void on_reconnect_again(struct env_timer *timer) {
    struct agent *agent = container_of(timer, struct agent, reconnect_again);

    if (agent->state != AGENT_RECOVERING)
        return;
    send_reconnect(agent);
    env_timer_start(timer, agent->flags->executor_reregistration_retry_interval_ns);
}

void agent_recovery_init(struct agent *agent) {
    env_timer_init(&agent->reregister_executors, agent->env, on_reregister_timeout);
    env_timer_init(&agent->reconnect_again, agent->env, on_reconnect_again);
}

static void await_executors(struct agent *agent) {
    agent->takes_executors = true;
    if (strcmp(agent->flags->recover, "cleanup") == 0) {
        struct agent_executor *executor;

        table_for_each (&agent->containers, executor) {
            if (executor->state == EXECUTOR_REGISTERING)
                agent_executor_shutdown(executor);
        }
        env_timer_start(&agent->reregister_executors, 0);
        return;
    }
    if (agent->containers.count == 0) {
        env_timer_start(&agent->reregister_executors, 0);
        return;
    }
    log_info("Waiting for %zu executors to come back", agent->containers.count);
    send_reconnect(agent);
    if (agent->flags->executor_reregistration_retry_interval_ns > 0)
        env_timer_start(&agent->reconnect_again, agent->flags->executor_reregistration_retry_interval_ns);
    env_timer_start(&agent->reregister_executors, agent->flags->executor_reregistration_timeout_ns);
}

int agent_recover(struct agent *agent, struct error *err) {
    cleanup_free char *latest = agent_path_latest_agent(agent->meta_dir), *target = NULL, *directory = NULL;
    cleanup_free char *slaves = path_join(agent->meta_dir, "slaves");

    agent->recovery_ns = env_now(agent->env);
    log_info("Recovering state from '%s'", agent->meta_dir);
    if (agent_recover_resources(agent, err) < 0)
        return -1;
    if (env_read_link(agent->env, latest, &target, NULL) == 0) {
        directory = path_join(slaves, path_base(target));
        if (env_file_exists(agent->env, directory) && recover_agent(agent, directory, err) < 0)
            return error_wrap(err, "recovering the agent");
        /* Those of an agent with another id have ended with it. */
        if (agent->info->id != NULL && agent_operations_recover(agent, err) < 0)
            return error_wrap(err, "recovering operations");
    }
    if (recover_containers(agent, err) < 0)
        return -1;
    await_executors(agent);
    return 0;
}
