/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/pid_executors.h"

#include <string.h>

#include "agent/paths.h"
#include "agent/task_status.h"
#include "base/log.h"
#include "base/text.h"

static void refuse(struct agent *agent, const struct pid *from, const char *framework_id, const char *executor_id,
                   const char *why) {
    Mesos__Internal__ShutdownExecutorMessage message = MESOS__INTERNAL__SHUTDOWN_EXECUTOR_MESSAGE__INIT;

    log_warning("Shutting down executor '%s' of framework %s because %s", executor_id, framework_id, why);
    agent_send_to(agent, from, &message.base);
}

/* The executor that may (re-)register in @state, or NULL: it was told to shut down. */
static struct agent_executor *find_welcome(struct agent *agent, const struct pid *from, const char *framework_id,
                                           const char *executor_id) {
    const struct agent_framework *framework = agent_framework_find(agent, framework_id);
    struct agent_executor *executor = framework != NULL ? agent_executor_find(framework, executor_id) : NULL;

    if (agent->state == AGENT_TERMINATING)
        refuse(agent, from, framework_id, executor_id, "the agent is terminating");
    else if (framework == NULL)
        refuse(agent, from, framework_id, executor_id, "the framework is unknown");
    else if (framework->state == FRAMEWORK_TERMINATING)
        refuse(agent, from, framework_id, executor_id, "the framework is terminating");
    else if (executor == NULL)
        refuse(agent, from, framework_id, executor_id, "the executor is unknown");
    else if (executor->state != EXECUTOR_REGISTERING)
        refuse(agent, from, framework_id, executor_id, "it is not expected to register");
    else
        return executor;
    return NULL;
}

static void checkpoint_pid(const struct agent_executor *executor, const struct pid *pid) {
    struct agent *agent = executor->framework->agent;
    cleanup_free char *run = agent_path_run(agent->meta_dir, agent_own_id(agent), executor->framework->id, executor->id,
                                            executor->container_id);
    cleanup_free char *path = path_join(run, "pids/libprocess.pid");
    char text[PID_BYTES];

    if (!executor->checkpoint)
        return;
    pid_format(pid, text);
    checkpoint_text(&agent->checkpoints, path, text, strlen(text), NULL, NULL);
}

void pid_executor_register(struct agent *agent, const struct pid *from, const char *framework_id,
                           const char *executor_id) {
    struct agent_executor *executor;
    char text[PID_BYTES];

    log_info("Got registration for executor '%s' of framework %s from %s", executor_id, framework_id,
             pid_format(from, text));
    if (agent->state == AGENT_RECOVERING) {
        refuse(agent, from, framework_id, executor_id, "the agent is still recovering");
        return;
    }
    executor = find_welcome(agent, from, framework_id, executor_id);
    if (executor == NULL)
        return;
    agent_executor_set_state(executor, EXECUTOR_RUNNING);
    executor_connection_open_pid(&executor->connection, from);
    checkpoint_pid(executor, from);
    agent_executor_greet(executor);
    agent_executor_supply(executor);
}

/* The status in @update, with the uuid that stands beside it. */
static Mesos__V1__TaskStatus *take_status(Mesos__Internal__StatusUpdate *update) {
    if (update->has_uuid) {
        update->status->has_uuid = true;
        update->status->uuid = update->uuid;
    }
    return update->status;
}

/* An agent that asks again and again may be answered more than once. [Slave::reregisterExecutor] */
static bool is_registered_twice(const struct agent *agent, const char *framework_id, const char *executor_id) {
    const struct agent_framework *framework = agent_framework_find(agent, framework_id);
    const struct agent_executor *executor = framework != NULL ? agent_executor_find(framework, executor_id) : NULL;

    return agent->flags->executor_reregistration_retry_interval_ns > 0 && agent->state != AGENT_TERMINATING &&
           executor != NULL && framework->state != FRAMEWORK_TERMINATING && executor->state == EXECUTOR_RUNNING;
}

void pid_executor_reregister(struct agent *agent, const struct pid *from,
                             Mesos__Internal__ReregisterExecutorMessage *message) {
    const char *framework_id = message->framework_id->value, *executor_id = message->executor_id->value;
    struct agent_executor *executor;

    log_info("Received re-registration message from executor '%s' of framework %s", executor_id, framework_id);
    if (is_registered_twice(agent, framework_id, executor_id)) {
        log_warning(
            "Ignoring re-registration message from executor '%s' of framework %s because it is already registered",
            executor_id, framework_id);
        return;
    }
    executor = find_welcome(agent, from, framework_id, executor_id);
    if (executor == NULL)
        return;
    agent_executor_set_state(executor, EXECUTOR_RUNNING);
    executor->is_recovered = true;
    executor_connection_open_pid(&executor->connection, from);
    agent_executor_greet(executor);
    for (size_t i = 0; i < message->n_updates; i++)
        agent_executor_update(agent, framework_id, executor_id, take_status(message->updates[i]), from);
    agent_executor_drop_unknown_tasks(executor, message->tasks, message->n_tasks);
    agent_executor_supply(executor);
}

void pid_executor_update(struct agent *agent, const struct pid *from, Mesos__Internal__StatusUpdateMessage *message) {
    Mesos__Internal__StatusUpdate *update = message->update;
    const char *executor_id = update->executor_id != NULL           ? update->executor_id->value
                              : update->status->executor_id != NULL ? update->status->executor_id->value
                                                                    : NULL;
    const struct agent_framework *framework = agent_framework_find(agent, update->framework_id->value);
    struct agent_executor *executor;

    if (update->slave_id == NULL || agent->info->id == NULL ||
        strcmp(update->slave_id->value, agent_own_id(agent)) != 0 || executor_id == NULL) {
        log_warning("Ignoring a status update of task %s, which is not of an executor of this agent",
                    update->status->task_id->value);
        metric_increment(&agent->metrics.invalid_status_updates);
        return;
    }
    executor = framework != NULL ? agent_executor_find(framework, executor_id) : NULL;
    if (executor != NULL && (int)update->status->state == TASK_STAGING) {
        log_error("Received TASK_STAGING from executor '%s' of framework %s, which is not allowed. Shutting down the "
                  "executor",
                  executor_id, framework->id);
        if (executor->state == EXECUTOR_REGISTERING || executor->state == EXECUTOR_RUNNING)
            agent_executor_shutdown(executor);
        return;
    }
    agent_executor_update(agent, update->framework_id->value, executor_id, take_status(update), from);
}

void agent_executor_message(struct agent *agent, const char *framework_id, const char *executor_id,
                            const ProtobufCBinaryData *data) {
    const struct agent_framework *framework = agent_framework_find(agent, framework_id);
    Mesos__Internal__ExecutorToFrameworkMessage message = MESOS__INTERNAL__EXECUTOR_TO_FRAMEWORK_MESSAGE__INIT;
    Mesos__V1__ExecutorID executor = MESOS__V1__EXECUTOR_ID__INIT;

    if (agent->state != AGENT_RUNNING || framework == NULL || framework->state == FRAMEWORK_TERMINATING) {
        log_warning("Dropping framework message from executor '%s' to framework %s", executor_id, framework_id);
        metric_increment(&agent->metrics.invalid_framework_messages);
        return;
    }
    executor.value = (char *)executor_id;
    message.slave_id = agent->info->id;
    message.framework_id = framework->info->id;
    message.executor_id = &executor;
    message.data = *data;
    if (framework->has_pid)
        agent_send_to(agent, &framework->pid, &message.base);
    else
        agent_send_to_master(agent, &message.base);
    metric_increment(&agent->metrics.valid_framework_messages);
}
