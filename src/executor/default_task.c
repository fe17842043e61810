/* SPDX-License-Identifier: Apache-2.0 */
#include "executor/default_task.h"

#include <signal.h>
#include <string.h>

#include "base/log.h"
#include "base/process_tree.h"
#include "base/text.h"
#include "message/message.h"

#define DEFAULT_KILL_GRACE_PERIOD_NS (3 * SECOND)
#define RETRY_NS SECOND

/* Calls */

struct container_name {
    Mesos__V1__ContainerID id;
};

static Mesos__V1__ContainerID *name_container(const struct default_task *task, struct container_name *name) {
    mesos__v1__container_id__init(&name->id);
    name->id.value = (char *)task->container;
    name->id.parent = task->executor->container_id;
    return &name->id;
}

static void on_killed(void *user, unsigned status, const Mesos__V1__Agent__Response *response, const char *text) {
    struct default_task *task = user;
    bool is_last = !env_timer_is_running(&task->kill_timer);
    task->launching = NULL;
    if (status == 200)
        return;
    log_warning("Failed to kill the task '%s' running in child container %s: %s", task->info->task_id->value,
                task->container, text);
    /* SIGTERM is not repeated, SIGKILL until the task is over. */
    if (is_last)
        env_timer_start(&task->kill_timer, RETRY_NS);
}

static void send_kill(struct default_task *task, int number) {
    struct container_name name;
    Mesos__V1__Agent__Call call = MESOS__V1__AGENT__CALL__INIT;
    Mesos__V1__Agent__Call__KillContainer kill = MESOS__V1__AGENT__CALL__KILL_CONTAINER__INIT;
    kill.container_id = name_container(task, &name);
    kill.has_signal = true;
    kill.signal = number;
    call.has_type = true;
    call.type = MESOS__V1__AGENT__CALL__TYPE__KILL_CONTAINER;
    call.kill_container = &kill;
    agent_call_cancel(task->launching);
    task->launching = agent_calls_send(&task->executor->calls, &call, false, on_killed, task);
}

/* The end */

/* Tell the end of the task, which is gone afterwards. */
static void end_task(struct default_task *task, struct task_news *news) {
    struct default_executor *executor = task->executor;
    news->is_unhealthy = executor->was_unhealthy;
    task_updates_send(&task->updates, news);
    log_info("Child container %s of task '%s' completed in state %s%s%s", task->container, task->info->task_id->value,
             message_enum_name(&mesos__v1__task_state__descriptor, news->state), news->message != NULL ? ": " : "",
             news->message != NULL ? news->message : "");
    default_executor_task_over(executor, task, news->state);
}

static void end_without_answer(struct default_task *task) {
    struct task_news news = {.reason = -1, .state = MESOS__V1__TASK_STATE__TASK_FAILED};
    if (task->state == TASK_IS_KILLING)
        news.state = MESOS__V1__TASK_STATE__TASK_KILLED;
    else if (task->launch_error != NULL)
        news.message = task->launch_error;
    else
        news.message = "Unable to retrieve command's termination information";
    end_task(task, &news);
}

/* What the wait status says; the caller frees the message. */
static char *judge_status(const struct default_task *task, int status, struct task_news *news) {
    cleanup_free char *how = wait_status_format(status);
    if (task->killed_by_timeout)
        news->reason = MESOS__V1__TASK_STATUS__REASON__REASON_MAX_COMPLETION_TIME_REACHED;
    else if (task->state == TASK_IS_KILLING)
        news->state = MESOS__V1__TASK_STATE__TASK_KILLED;
    else if (status == 0)
        news->state = MESOS__V1__TASK_STATE__TASK_FINISHED;
    return xasprintf("Command %s", how);
}

/* What the agent knows better wins, as with Mesos. */
static void end_by_answer(struct default_task *task, const Mesos__V1__Agent__Response__WaitContainer *answer) {
    struct task_news news = {
        .reason = -1, .state = MESOS__V1__TASK_STATE__TASK_FAILED, .limitation = answer->limitation};
    cleanup_free char *own = answer->has_exit_status ? judge_status(task, answer->exit_status, &news) : NULL;
    if (own == NULL && task->launch_error == NULL && answer->message == NULL)
        own = xstrdup("Command terminated with unknown status");
    else if (own == NULL)
        own = xstrdup(task->launch_error);
    cleanup_free char *both = own != NULL && answer->message != NULL ? xasprintf("%s: %s", own, answer->message) : NULL;
    news.message = both != NULL ? both : own != NULL ? own : answer->message;
    if (answer->has_state)
        news.state = answer->state;
    if (answer->has_reason)
        news.reason = answer->reason;
    end_task(task, &news);
}

static void on_waited(void *user, unsigned status, const Mesos__V1__Agent__Response *response, const char *text) {
    struct default_task *task = user;
    task->waiting = NULL;
    if (status == 0 || status == 503) {
        log_warning("Waiting on child container %s of task '%s' was interrupted: %s", task->container,
                    task->info->task_id->value, text);
        env_timer_start(&task->wait_timer, RETRY_NS);
    } else if (status == 404) {
        end_without_answer(task);
    } else if (status == 200 && response != NULL && response->wait_container != NULL) {
        end_by_answer(task, response->wait_container);
    } else {
        log_error("Received %u (%s) while waiting on child container %s of task '%s'", status, text, task->container,
                  task->info->task_id->value);
        default_executor_fail(task->executor);
    }
}

static void send_wait(struct default_task *task) {
    struct container_name name;
    Mesos__V1__Agent__Call call = MESOS__V1__AGENT__CALL__INIT;
    Mesos__V1__Agent__Call__WaitContainer wait = MESOS__V1__AGENT__CALL__WAIT_CONTAINER__INIT;
    wait.container_id = name_container(task, &name);
    call.has_type = true;
    call.type = MESOS__V1__AGENT__CALL__TYPE__WAIT_CONTAINER;
    call.wait_container = &wait;
    task->waiting = agent_calls_send(&task->executor->calls, &call, true, on_waited, task);
}

static void on_wait_due(struct env_timer *timer) {
    struct default_task *task = container_of(timer, struct default_task, wait_timer);
    if (task->executor->is_subscribed)
        send_wait(task);
}

void default_task_wait(struct default_task *task) {
    if (task->state == TASK_IS_LAUNCHING || task->waiting != NULL)
        return;
    env_timer_stop(&task->wait_timer);
    log_info("Waiting for child container %s of task '%s'", task->container, task->info->task_id->value);
    send_wait(task);
    if (task->state == TASK_IS_RUNNING) {
        checker_resume(task->checker);
        checker_resume(task->health_checker);
    }
}

void default_task_suspend(struct default_task *task) {
    agent_call_cancel(take_ptr(&task->waiting));
    env_timer_stop(&task->wait_timer);
    checker_pause(task->checker);
    checker_pause(task->health_checker);
}

/* Killing */

static void on_kill_due(struct env_timer *timer) {
    struct default_task *task = container_of(timer, struct default_task, kill_timer);
    log_info("Task '%s' running in child container %s did not terminate in time, sending SIGKILL to the container",
             task->info->task_id->value, task->container);
    send_kill(task, SIGKILL);
}

static void kill_task(struct default_task *task, int64_t grace_period_ns) {
    if (task->state != TASK_IS_RUNNING)
        return;
    task->state = TASK_IS_KILLING;
    env_timer_stop(&task->completion_timer);
    checker_pause(task->checker);
    checker_pause(task->health_checker);
    log_info("Killing task %s running in child container %s with SIGTERM signal", task->info->task_id->value,
             task->container);
    if (task->executor->has_killing_state && !task->killed_by_timeout)
        task_updates_send(&task->updates,
                          &(struct task_news){.state = MESOS__V1__TASK_STATE__TASK_KILLING, .reason = -1});
    send_kill(task, SIGTERM);
    env_timer_start(&task->kill_timer, grace_period_ns);
}

void default_task_kill(struct default_task *task, const Mesos__V1__KillPolicy *override) {
    const Mesos__V1__KillPolicy *policy = task->info->kill_policy;
    int64_t grace_period_ns = DEFAULT_KILL_GRACE_PERIOD_NS;
    if (override != NULL && override->grace_period != NULL)
        grace_period_ns = override->grace_period->nanoseconds;
    else if (policy != NULL && policy->grace_period != NULL)
        grace_period_ns = policy->grace_period->nanoseconds;
    kill_task(task, grace_period_ns);
}

static void on_completion_due(struct env_timer *timer) {
    struct default_task *task = container_of(timer, struct default_task, completion_timer);
    log_info("Killing task %s which exceeded its maximum completion time", task->info->task_id->value);
    task->killed_by_timeout = true;
    kill_task(task, 0);
}

/* Checks */

static void on_check(void *user, const Mesos__V1__CheckStatusInfo *status) {
    struct default_task *task = user;
    if (task->state == TASK_IS_RUNNING)
        task_updates_send_check(&task->updates, status);
}

static void on_health(void *user, bool healthy, bool kill) {
    struct default_task *task = user;
    if (task->state != TASK_IS_RUNNING)
        return;
    log_info("Task '%s' is %s", task->info->task_id->value, healthy ? "healthy" : "not healthy");
    task_updates_send_health(&task->updates, healthy);
    if (kill) {
        task->executor->was_unhealthy = true;
        default_task_kill(task, NULL);
    }
}

static const char *allocation_role(const Mesos__V1__TaskInfo *info) {
    const Mesos__V1__Resource__AllocationInfo *allocation = info->n_resources > 0 ? info->resources[0]->allocation_info
                                                                                  : NULL;
    return allocation != NULL && allocation->role != NULL ? allocation->role : "";
}

/* Command checks see what the task sees, and below it what the executor, whose children they are, found. */
static void build_check_environment(struct default_task *task) {
    environment_init(&task->environment, task->executor->environment.entries);
    environment_set(&task->environment, "MESOS_SANDBOX", task->sandbox);
    environment_set(&task->environment, "MESOS_CONTAINER_IP", task->executor->container_ip);
    environment_set(&task->environment, "MESOS_ALLOCATION_ROLE", allocation_role(task->info));
    if (task->info->command != NULL)
        environment_merge(&task->environment, task->info->command->environment);
}

static int start_checks(struct default_task *task, struct error *err) {
    static const struct checker_events events = {.on_check = on_check, .on_health = on_health};
    struct default_executor *executor = task->executor;
    build_check_environment(task);
    const struct checker_options options = {
        .task_id = task->info->task_id->value,
        .runner = executor->runner,
        .environment = task->environment.entries,
        .directory = task->sandbox,
    };
    if (task->info->check != NULL) {
        task->checker = checker_new(executor->env, task->info->check, &options, &events, task, err);
        if (task->checker == NULL)
            return error_wrap(err, "Failed to create checker");
    }
    if (task->info->health_check != NULL) {
        task->health_checker = checker_new_health(executor->env, task->info->health_check, &options, &events, task,
                                                  err);
        if (task->health_checker == NULL)
            return error_wrap(err, "Failed to create health checker");
    }
    return 0;
}

/* Launching */

/* tasks/<task id> -> containers/<container id>: the agent does not say which container is which task's. */
static void link_sandbox(const struct default_task *task) {
    struct default_executor *executor = task->executor;
    cleanup_error struct error err = ERROR_INIT;
    if (!path_is_component(task->info->task_id->value))
        return;
    cleanup_free char *directory = path_join(executor->sandbox, "tasks");
    cleanup_free char *link = path_join(directory, task->info->task_id->value);
    if (env_make_directories(executor->env, directory, &err) < 0 ||
        env_symlink(executor->env, task->sandbox, link, &err) < 0)
        log_warning("Unable to create a link to the sandbox of task '%s': %s", task->info->task_id->value,
                    error_message(&err));
}

void default_task_launched(struct default_task *task) {
    if (task->launch_error != NULL) {
        end_without_answer(task);
        return;
    }
    task->state = TASK_IS_RUNNING;
    cleanup_error struct error err = ERROR_INIT;
    if (start_checks(task, &err) < 0) {
        log_error("%s", error_message(&err));
        default_executor_fail(task->executor);
        return;
    }
    if (task->info->max_completion_time != NULL && task->info->max_completion_time->nanoseconds > 0)
        env_timer_start(&task->completion_timer, task->info->max_completion_time->nanoseconds);
    link_sandbox(task);
    task_updates_send(&task->updates, &(struct task_news){.state = MESOS__V1__TASK_STATE__TASK_RUNNING, .reason = -1});
    if (task->executor->is_subscribed)
        default_task_wait(task);
}

static void on_launch_answer(void *user, unsigned status, const Mesos__V1__Agent__Response *response,
                             const char *text) {
    struct default_task *task = user;
    struct default_executor *executor = task->executor;
    task->launching = NULL;
    if (status == 0) {
        log_error("Unable to receive a response from the agent for the LAUNCH_CONTAINER call: %s", text);
        default_executor_fail(executor);
        return;
    }
    if (status != 200) {
        log_error("Received %u (%s) while launching child container %s of task '%s'", status, text, task->container,
                  task->info->task_id->value);
        task->launch_error = xstrdup(text);
    }
    default_executor_launch_answered(executor, task->group);
}

static void add_variable(Mesos__V1__CommandInfo *command, struct arena *arena, const char *name, const char *value) {
    if (command->environment == NULL) {
        command->environment = arena_alloc(arena, sizeof(*command->environment));
        mesos__v1__environment__init(command->environment);
    }
    Mesos__V1__Environment *environment = command->environment;
    Mesos__V1__Environment__Variable *variable = arena_alloc(arena, sizeof(*variable));
    mesos__v1__environment__variable__init(variable);
    variable->name = arena_strdup(arena, name);
    variable->value = arena_strdup(arena, value);
    Mesos__V1__Environment__Variable **grown = arena_alloc(arena, (environment->n_variables + 1) *
                                                                      sizeof(environment->variables[0]));
    if (environment->n_variables > 0)
        memcpy(grown, environment->variables, environment->n_variables * sizeof(grown[0]));
    grown[environment->n_variables++] = variable;
    environment->variables = grown;
}

/* The executor's container has the disk resources of its tasks; a task sees them through its parent's sandbox. */
static void add_disk_volume(Mesos__V1__ContainerInfo *container, struct arena *arena, const Mesos__V1__Volume *from) {
    Mesos__V1__Volume *volume = arena_alloc(arena, sizeof(*volume));
    Mesos__V1__Volume__Source *source = arena_alloc(arena, sizeof(*source));
    Mesos__V1__Volume__Source__SandboxPath *path = arena_alloc(arena, sizeof(*path));
    mesos__v1__volume__init(volume);
    mesos__v1__volume__source__init(source);
    mesos__v1__volume__source__sandbox_path__init(path);
    path->has_type = true;
    path->type = MESOS__V1__VOLUME__SOURCE__SANDBOX_PATH__TYPE__PARENT;
    path->path = arena_strdup(arena, from->container_path);
    source->has_type = true;
    source->type = MESOS__V1__VOLUME__SOURCE__TYPE__SANDBOX_PATH;
    source->sandbox_path = path;
    volume->mode = from->mode;
    volume->container_path = path->path;
    volume->source = source;
    Mesos__V1__Volume **grown = arena_alloc(arena, (container->n_volumes + 1) * sizeof(grown[0]));
    if (container->n_volumes > 0)
        memcpy(grown, container->volumes, container->n_volumes * sizeof(grown[0]));
    grown[container->n_volumes++] = volume;
    container->volumes = grown;
}

static Mesos__V1__ContainerInfo *build_container(const Mesos__V1__TaskInfo *info, struct arena *arena) {
    Mesos__V1__ContainerInfo *container = info->container != NULL ? MESSAGE_COPY_TO(info->container, arena) : NULL;
    for (size_t i = 0; i < info->n_resources; i++) {
        const Mesos__V1__Resource *resource = info->resources[i];
        if (resource->disk == NULL || resource->disk->volume == NULL)
            continue;
        if (container == NULL) {
            container = arena_alloc(arena, sizeof(*container));
            mesos__v1__container_info__init(container);
            container->type = MESOS__V1__CONTAINER_INFO__TYPE__MESOS;
        }
        add_disk_volume(container, arena, resource->disk->volume);
    }
    return container;
}

static Mesos__V1__CommandInfo *build_command(const struct default_task *task, struct arena *arena) {
    Mesos__V1__CommandInfo *command;
    if (task->info->command != NULL) {
        command = MESSAGE_COPY_TO(task->info->command, arena);
    } else {
        command = arena_alloc(arena, sizeof(*command));
        mesos__v1__command_info__init(command);
    }
    add_variable(command, arena, "MESOS_CONTAINER_IP", task->executor->container_ip);
    add_variable(command, arena, "MESOS_ALLOCATION_ROLE", allocation_role(task->info));
    return command;
}

static void copy_limits(Mesos__V1__Agent__Call__LaunchContainer *launch, const Mesos__V1__TaskInfo *info,
                        struct arena *arena) {
    launch->n_limits = info->n_limits;
    launch->limits = arena_alloc(arena, (info->n_limits + 1) * sizeof(launch->limits[0]));
    for (size_t i = 0; i < info->n_limits; i++) {
        launch->limits[i] = arena_alloc(arena, sizeof(*launch->limits[i]));
        mesos__v1__agent__call__launch_container__limits_entry__init(launch->limits[i]);
        launch->limits[i]->key = info->limits[i]->key;
        launch->limits[i]->value = info->limits[i]->value;
    }
}

static void send_launch(struct default_task *task) {
    cleanup_(arena_done) struct arena arena = ARENA_INIT;
    struct container_name name;
    Mesos__V1__Agent__Call call = MESOS__V1__AGENT__CALL__INIT;
    Mesos__V1__Agent__Call__LaunchContainer launch = MESOS__V1__AGENT__CALL__LAUNCH_CONTAINER__INIT;
    launch.container_id = name_container(task, &name);
    launch.command = build_command(task, &arena);
    launch.container = build_container(task->info, &arena);
    launch.n_resources = task->info->n_resources;
    launch.resources = task->info->resources;
    copy_limits(&launch, task->info, &arena);
    call.has_type = true;
    call.type = MESOS__V1__AGENT__CALL__TYPE__LAUNCH_CONTAINER;
    call.launch_container = &launch;
    /* Fetching may take long, and nobody but the agent knows how long. */
    task->launching = agent_calls_send(&task->executor->calls, &call, true, on_launch_answer, task);
}

void default_task_launch(struct default_executor *executor, struct default_group *group,
                         const Mesos__V1__TaskInfo *info) {
    struct default_task *task = new0(struct default_task);
    task->executor = executor;
    task->group = group;
    task->info = MESSAGE_COPY(info);
    env_random_uuid_text(executor->env, task->container);
    task->sandbox = xasprintf("%s/containers/%s", executor->sandbox, task->container);
    env_timer_init(&task->wait_timer, executor->env, on_wait_due);
    env_timer_init(&task->kill_timer, executor->env, on_kill_due);
    env_timer_init(&task->completion_timer, executor->env, on_completion_due);
    task_updates_init(&task->updates, executor->env, executor->client, executor->executor_id, task->info);
    table_add(&executor->tasks, task->info->task_id->value, task);
    group->count++;
    group->launching++;
    task_updates_send(&task->updates, &(struct task_news){.state = MESOS__V1__TASK_STATE__TASK_STARTING, .reason = -1});
    send_launch(task);
}

void default_task_free(struct default_task *task) {
    table_remove(&task->executor->tasks, task->info->task_id->value);
    agent_call_cancel(task->launching);
    agent_call_cancel(task->waiting);
    env_timer_done(&task->wait_timer);
    env_timer_done(&task->kill_timer);
    env_timer_done(&task->completion_timer);
    checker_free(task->checker);
    checker_free(task->health_checker);
    environment_done(&task->environment);
    task_updates_done(&task->updates);
    MESSAGE_FREE(task->info);
    free(task->launch_error);
    free(task->sandbox);
    free(task);
}
