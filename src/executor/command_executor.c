/* SPDX-License-Identifier: Apache-2.0 */
#include "executor/command_executor.h"

#include <signal.h>
#include <string.h>
#include <sys/wait.h>

#include "base/log.h"
#include "base/process_tree.h"
#include "base/text.h"
#include "executor/checker.h"
#include "executor/environment.h"
#include "executor/task_updates.h"
#include "message/message.h"

/* Without a kill policy a task has so long between SIGTERM and SIGKILL. */
#define DEFAULT_KILL_GRACE_PERIOD_NS (3 * SECOND)

/* What is left of the agent's patience for reporting the end of the task: Mesos's reaping interval and a second. */
#define SHUTDOWN_RESERVE_NS (2 * SECOND)

/* After so long without the acknowledgement of the terminal update the executor gives up. */
#define ACKNOWLEDGEMENT_TIMEOUT_NS (60 * SECOND)

/* The same after a shutdown: an agent that ends the whole framework acknowledges nothing any more. Upstream's executor
 * gives its last update one second to get away (src/launcher/executor.cpp, reaped()). */
#define SHUTDOWN_ACKNOWLEDGEMENT_TIMEOUT_NS SECOND

/* The life of an executor.
 *
 *     WAITING -> RUNNING -> KILLING -> ENDED -> DONE
 *        |          |                   ^        ^
 *        |          +-------------------+        |
 *        +---------------------------------------+
 *
 * WAITING for its task; RUNNING it; KILLING after SIGTERM; ENDED: its terminal update awaits acknowledgement. */
enum executor_state { EXECUTOR_WAITING, EXECUTOR_RUNNING, EXECUTOR_KILLING, EXECUTOR_ENDED, EXECUTOR_DONE };

struct command_executor {
    struct env *env;
    struct process_runner *runner;
    struct executor_client *client;
    int64_t shutdown_grace_period_ns;
    struct environment environment; /* the executor's, then the task's */
    Mesos__V1__CommandInfo *task_command;
    Mesos__V1__Environment *task_environment;
    char *executor_id;
    void (*on_done)(void *user, int exit_code);
    void *user;
    enum executor_state state;
    bool is_shut_down;
    bool is_abandoned; /* by the agent: nobody acknowledges any more */
    bool has_killing_state;
    bool killed_by_health, killed_by_timeout;
    Mesos__V1__TaskInfo *task;
    struct task_updates updates;
    struct running_process *process;
    int pid;
    struct checker *checker, *health_checker;
    struct env_timer completion_timer; /* max_completion_time */
    struct env_timer kill_timer;       /* from SIGTERM to SIGKILL */
    int64_t killed_ns, kill_due_ns;
    struct env_timer end_timer;
    int exit_code;
};

/* The end */

static void on_end(struct env_timer *timer) {
    struct command_executor *executor = container_of(timer, struct command_executor, end_timer);
    if (executor->state == EXECUTOR_ENDED && !executor->is_shut_down) {
        log_error("Did not receive ACK for the terminal status update from the agent");
        executor->exit_code = EXIT_FAILURE;
    }
    executor->state = EXECUTOR_DONE;
    executor->on_done(executor->user, executor->exit_code);
}

/* Ends from the loop: not inside an event of the client, which is freed with the executor. */
static void finish(struct command_executor *executor, int exit_code) {
    executor->state = EXECUTOR_DONE;
    executor->exit_code = exit_code;
    env_timer_start(&executor->end_timer, 0);
}

static void send_state(struct command_executor *executor, Mesos__V1__TaskState state, int reason, const char *message) {
    const struct task_news news = {
        .state = state,
        .reason = reason,
        .message = message,
        .is_unhealthy = executor->killed_by_health && executor->state == EXECUTOR_KILLING && executor->process == NULL,
    };
    task_updates_send(&executor->updates, &news);
}

/* Killing */

static void pause_checks(struct command_executor *executor) {
    checker_pause(executor->checker);
    checker_pause(executor->health_checker);
}

static void on_kill_due(struct env_timer *timer) {
    struct command_executor *executor = container_of(timer, struct command_executor, kill_timer);
    cleanup_free char *period = duration_format(executor->kill_due_ns - executor->killed_ns);
    log_info("Process %d did not terminate after %s, sending SIGKILL to process tree at %d", executor->pid, period,
             executor->pid);
    executor->runner->ops->signal_tree(executor->process, SIGKILL);
}

/* A later kill may shorten the grace period, never lengthen it: schedulers repeat their kills. */
static void hurry(struct command_executor *executor, int64_t grace_period_ns) {
    int64_t due_ns = executor->killed_ns + grace_period_ns;
    if (due_ns >= executor->kill_due_ns)
        return;
    int64_t remaining_ns = due_ns - env_now(executor->env);
    if (remaining_ns < 0)
        remaining_ns = 0;
    cleanup_free char *text = duration_format(remaining_ns);
    log_info("Rescheduling escalation to SIGKILL in %s from now", text);
    executor->kill_due_ns = due_ns;
    env_timer_start(&executor->kill_timer, remaining_ns);
}

static void kill_task(struct command_executor *executor, int64_t grace_period_ns) {
    if (grace_period_ns < 0)
        grace_period_ns = 0;
    if (executor->state == EXECUTOR_KILLING) {
        hurry(executor, grace_period_ns);
        return;
    }
    if (executor->state != EXECUTOR_RUNNING)
        return;
    executor->state = EXECUTOR_KILLING;
    env_timer_stop(&executor->completion_timer);
    pause_checks(executor);
    if (executor->has_killing_state && !executor->killed_by_timeout)
        send_state(executor, MESOS__V1__TASK_STATE__TASK_KILLING, -1, NULL);
    cleanup_free char *text = duration_format(grace_period_ns);
    log_info("Sending SIGTERM to process tree at pid %d", executor->pid);
    executor->runner->ops->signal_tree(executor->process, SIGTERM);
    log_info("Scheduling escalation to SIGKILL in %s from now", text);
    executor->killed_ns = env_now(executor->env);
    executor->kill_due_ns = executor->killed_ns + grace_period_ns;
    env_timer_start(&executor->kill_timer, grace_period_ns);
}

static void kill_by_policy(struct command_executor *executor, const Mesos__V1__KillPolicy *override) {
    const Mesos__V1__KillPolicy *policy = executor->task->kill_policy;
    int64_t grace_period_ns = DEFAULT_KILL_GRACE_PERIOD_NS;
    if (override != NULL && override->grace_period != NULL)
        grace_period_ns = override->grace_period->nanoseconds;
    else if (policy != NULL && policy->grace_period != NULL)
        grace_period_ns = policy->grace_period->nanoseconds;
    kill_task(executor, grace_period_ns);
}

static void on_completion_due(struct env_timer *timer) {
    struct command_executor *executor = container_of(timer, struct command_executor, completion_timer);
    log_info("Killing task %s which exceeded its maximum completion time", executor->task->task_id->value);
    executor->killed_by_timeout = true;
    kill_task(executor, 0);
}

static void shut_down(struct command_executor *executor) {
    log_info("Shutting down");
    executor->is_shut_down = true;
    if (executor->state == EXECUTOR_WAITING)
        finish(executor, EXIT_SUCCESS);
    else if (executor->state == EXECUTOR_ENDED)
        env_timer_start(&executor->end_timer, SHUTDOWN_ACKNOWLEDGEMENT_TIMEOUT_NS);
    else
        kill_task(executor, executor->shutdown_grace_period_ns - SHUTDOWN_RESERVE_NS);
}

/* The task */

static Mesos__V1__TaskState final_state(const struct command_executor *executor, int wait_status, int *ret_reason) {
    *ret_reason = -1;
    if (executor->killed_by_timeout) {
        *ret_reason = MESOS__V1__TASK_STATUS__REASON__REASON_MAX_COMPLETION_TIME_REACHED;
        return MESOS__V1__TASK_STATE__TASK_FAILED;
    }
    if (executor->state == EXECUTOR_KILLING)
        return MESOS__V1__TASK_STATE__TASK_KILLED;
    return wait_status == 0 ? MESOS__V1__TASK_STATE__TASK_FINISHED : MESOS__V1__TASK_STATE__TASK_FAILED;
}

/* The terminal update is on its way; the program ends once it is acknowledged. */
static void end_task(struct command_executor *executor, Mesos__V1__TaskState state, int reason, const char *message) {
    env_timer_stop(&executor->completion_timer);
    env_timer_stop(&executor->kill_timer);
    pause_checks(executor);
    send_state(executor, state, reason, message);
    executor->state = EXECUTOR_ENDED;
    if (executor->is_abandoned)
        finish(executor, EXIT_FAILURE);
    else
        env_timer_start(&executor->end_timer,
                        executor->is_shut_down ? SHUTDOWN_ACKNOWLEDGEMENT_TIMEOUT_NS : ACKNOWLEDGEMENT_TIMEOUT_NS);
}

static void on_task_exit(void *user, int wait_status, const struct error *err) {
    struct command_executor *executor = user;
    executor->process = NULL;
    if (err != NULL) {
        cleanup_free char *message = xasprintf("Failed to get exit status for Command: %s", error_message(err));
        end_task(executor, MESOS__V1__TASK_STATE__TASK_FAILED, -1, message);
        return;
    }
    cleanup_free char *how = wait_status_format(wait_status);
    cleanup_free char *message = xasprintf("Command %s", how);
    int reason;
    Mesos__V1__TaskState state = final_state(executor, wait_status, &reason);
    log_info("%s (pid: %d)", message, executor->pid);
    end_task(executor, state, reason, message);
}

static const struct process_events task_events = {.on_exit = on_task_exit};

static void on_check(void *user, const Mesos__V1__CheckStatusInfo *status) {
    struct command_executor *executor = user;
    if (executor->state == EXECUTOR_RUNNING)
        task_updates_send_check(&executor->updates, status);
}

static void on_health(void *user, bool healthy, bool kill) {
    struct command_executor *executor = user;
    if (executor->state != EXECUTOR_RUNNING)
        return;
    log_info("Received task health update, healthy: %s", healthy ? "true" : "false");
    task_updates_send_health(&executor->updates, healthy);
    if (kill) {
        executor->killed_by_health = true;
        kill_by_policy(executor, NULL);
    }
}

static const struct checker_events checker_events = {.on_check = on_check, .on_health = on_health};

/* A check that can not be made does not hinder the task, as with Mesos. */
static void start_checks(struct command_executor *executor) {
    const Mesos__V1__TaskInfo *task = executor->task;
    const struct checker_options options = {
        .task_id = task->task_id->value, .runner = executor->runner, .environment = executor->environment.entries};
    cleanup_error struct error err = ERROR_INIT;
    if (task->check != NULL) {
        executor->checker = checker_new(executor->env, task->check, &options, &checker_events, executor, &err);
        if (executor->checker == NULL)
            log_error("Failed to create checker: %s", error_message(&err));
    }
    if (task->health_check != NULL) {
        executor->health_checker = checker_new_health(executor->env, task->health_check, &options, &checker_events,
                                                      executor, &err);
        if (executor->health_checker == NULL)
            log_error("Failed to create health checker: %s", error_message(&err));
    }
}

/* Later ones win: the executor's own, --task_environment, the command's. Checks run in it without the command's own. */
static void build_environment(struct command_executor *executor, const Mesos__V1__CommandInfo *command,
                              struct environment *ret) {
    const Mesos__V1__TaskInfo *task = executor->task;
    environment_init(ret, executor->environment.entries);
    environment_merge(ret, executor->task_environment);
    environment_merge(ret, command->environment);
    const Mesos__V1__Resource__AllocationInfo *allocation = task->n_resources > 0 ? task->resources[0]->allocation_info
                                                                                  : NULL;
    environment_set(ret, "MESOS_ALLOCATION_ROLE",
                    allocation != NULL && allocation->role != NULL ? allocation->role : "");
}

static int start_process(struct command_executor *executor, struct error *err) {
    const Mesos__V1__CommandInfo *command = executor->task_command != NULL ? executor->task_command
                                                                           : executor->task->command;
    if (command == NULL || command->value == NULL)
        return error_set(err, 0, "Task '%s' has no command", executor->task->task_id->value);
    struct environment environment;
    build_environment(executor, command, &environment);
    const struct process_spec spec = {.command = command, .environment = environment.entries};
    executor->process = executor->runner->ops->start(executor->runner, &spec, &task_events, executor, err);
    environment_done(&environment);
    return executor->process != NULL ? 0 : -1;
}

static void refuse_second(struct command_executor *executor, const Mesos__V1__TaskInfo *task) {
    Mesos__V1__TaskStatus status = MESOS__V1__TASK_STATUS__INIT;
    Mesos__V1__ExecutorID executor_id = MESOS__V1__EXECUTOR_ID__INIT;
    executor_id.value = executor->executor_id;
    status.task_id = task->task_id;
    status.state = MESOS__V1__TASK_STATE__TASK_FAILED;
    status.message = "Attempted to run multiple tasks using a \"command\" executor";
    status.executor_id = &executor_id;
    status.has_source = true;
    status.source = MESOS__V1__TASK_STATUS__SOURCE__SOURCE_EXECUTOR;
    executor_client_send_update(executor->client, &status);
}

static void launch(struct command_executor *executor, const Mesos__V1__TaskInfo *task) {
    if (executor->state != EXECUTOR_WAITING) {
        refuse_second(executor, task);
        return;
    }
    executor->task = MESSAGE_COPY(task);
    task_updates_init(&executor->updates, executor->env, executor->client, executor->executor_id, executor->task);
    send_state(executor, MESOS__V1__TASK_STATE__TASK_STARTING, -1, NULL);
    log_info("Starting task %s", task->task_id->value);
    cleanup_error struct error err = ERROR_INIT;
    if (start_process(executor, &err) < 0) {
        cleanup_free char *message = xasprintf("Failed to run the command: %s", error_message(&err));
        log_error("%s", message);
        end_task(executor, MESOS__V1__TASK_STATE__TASK_FAILED, -1, message);
        return;
    }
    executor->state = EXECUTOR_RUNNING;
    executor->pid = executor->runner->ops->pid(executor->process);
    log_info("Forked command at %d", executor->pid);
    if (task->max_completion_time != NULL && task->max_completion_time->nanoseconds > 0)
        env_timer_start(&executor->completion_timer, task->max_completion_time->nanoseconds);
    start_checks(executor);
    send_state(executor, MESOS__V1__TASK_STATE__TASK_RUNNING, -1, NULL);
}

/* Events from the agent */

static void on_subscribed(struct command_executor *executor, const Mesos__V1__Executor__Event__Subscribed *event) {
    const Mesos__V1__FrameworkInfo *framework = event->framework_info;
    log_info("Subscribed executor on %s", event->agent_info->hostname);
    executor->has_killing_state = false;
    for (size_t i = 0; i < framework->n_capabilities; i++) {
        if (framework->capabilities[i]->type == MESOS__V1__FRAMEWORK_INFO__CAPABILITY__TYPE__TASK_KILLING_STATE)
            executor->has_killing_state = true;
    }
}

static void on_kill(struct command_executor *executor, const Mesos__V1__Executor__Event__Kill *event) {
    if (executor->state == EXECUTOR_WAITING) {
        /* Its launch has been lost on the way: the agent tells the rest. */
        log_error("Terminating because kill task message has been received before the task has been launched");
        finish(executor, EXIT_FAILURE);
        return;
    }
    log_info("Received kill for task %s", event->task_id->value);
    kill_by_policy(executor, event->kill_policy);
}

static void on_acknowledged(struct command_executor *executor, const Mesos__V1__Executor__Event__Acknowledged *event) {
    const ProtobufCBinaryData *uuid = &event->uuid;
    if (executor->state == EXECUTOR_ENDED && uuid->len == UUID_BYTES &&
        memcmp(uuid->data, executor->updates.uuid, UUID_BYTES) == 0)
        finish(executor, EXIT_SUCCESS);
}

static void on_event(void *user, const Mesos__V1__Executor__Event *event) {
    struct command_executor *executor = user;
    if (executor->state == EXECUTOR_DONE)
        return;
    log_info("Received %s event", message_enum_name(&mesos__v1__executor__event__type__descriptor, (int)event->type));
    switch (event->type) {
    case MESOS__V1__EXECUTOR__EVENT__TYPE__SUBSCRIBED:
        on_subscribed(executor, event->subscribed);
        break;
    case MESOS__V1__EXECUTOR__EVENT__TYPE__LAUNCH:
        launch(executor, event->launch->task);
        break;
    case MESOS__V1__EXECUTOR__EVENT__TYPE__LAUNCH_GROUP:
        log_error("LAUNCH_GROUP event is not supported");
        shut_down(executor);
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
        log_debug("Dropping a framework message: a command has no use for it");
        break;
    case MESOS__V1__EXECUTOR__EVENT__TYPE__ERROR:
        log_error("Error: %s", event->error->message);
        break;
    default:
        log_warning("Ignoring an event that is not known here");
    }
}

static void on_disconnected(void *user) {
    log_info("Disconnected from the agent");
}

static void on_abandoned(void *user, const char *reason) {
    struct command_executor *executor = user;
    log_warning("%s", reason);
    executor->is_abandoned = true;
    if (executor->state == EXECUTOR_ENDED || executor->state == EXECUTOR_WAITING)
        finish(executor, EXIT_FAILURE);
    else if (executor->state != EXECUTOR_DONE)
        shut_down(executor);
}

static const struct executor_client_events client_events = {
    .on_event = on_event, .on_disconnected = on_disconnected, .on_abandoned = on_abandoned};

struct command_executor *command_executor_new(struct env *env, const struct command_executor_options *options,
                                              void (*on_done)(void *user, int exit_code), void *user,
                                              struct error *err) {
    struct command_executor *executor = new0(struct command_executor);
    executor->env = env;
    executor->runner = options->runner;
    executor->shutdown_grace_period_ns = options->shutdown_grace_period_ns;
    executor->on_done = on_done;
    executor->user = user;
    executor->executor_id = xstrdup(options->client->executor_id);
    environment_init(&executor->environment, options->environment);
    /* It is the executor's, not the task's. */
    environment_set(&executor->environment, "MESOS_EXECUTOR_AUTHENTICATION_TOKEN", NULL);
    if (options->task_command != NULL)
        executor->task_command = MESSAGE_COPY(options->task_command);
    if (options->task_environment != NULL)
        executor->task_environment = MESSAGE_COPY(options->task_environment);
    env_timer_init(&executor->completion_timer, env, on_completion_due);
    env_timer_init(&executor->kill_timer, env, on_kill_due);
    env_timer_init(&executor->end_timer, env, on_end);
    executor->client = executor_client_new(env, options->client, &client_events, executor, err);
    if (executor->client == NULL) {
        command_executor_free(executor);
        return NULL;
    }
    return executor;
}

void command_executor_start(struct command_executor *executor) {
    executor_client_start(executor->client);
}

void command_executor_free(struct command_executor *executor) {
    if (executor == NULL)
        return;
    executor_client_free(executor->client);
    checker_free(executor->checker);
    checker_free(executor->health_checker);
    if (executor->process != NULL)
        executor->runner->ops->forget(executor->process);
    env_timer_done(&executor->completion_timer);
    env_timer_done(&executor->kill_timer);
    env_timer_done(&executor->end_timer);
    environment_done(&executor->environment);
    task_updates_done(&executor->updates);
    MESSAGE_FREE(executor->task);
    MESSAGE_FREE(executor->task_command);
    MESSAGE_FREE(executor->task_environment);
    free(executor->executor_id);
    free(executor);
}
