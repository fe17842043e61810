/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/task_status.h"

#include <string.h>

#include "agent/launch.h"
#include "agent/nested.h"
#include "agent/paths.h"
#include "base/log.h"
#include "base/text.h"

/* Everything one update may have to point to. */
struct update_parts {
    Mesos__Internal__StatusUpdate update;
    Mesos__V1__TaskStatus status;
    Mesos__V1__TaskID task_id;
    Mesos__V1__FrameworkID framework_id;
    Mesos__V1__ExecutorID executor_id;
    Mesos__V1__ContainerStatus container_status;
    Mesos__V1__ContainerID container_id;
    Mesos__V1__NetworkInfo network, *networks[1];
    Mesos__V1__NetworkInfo__IPAddress address, *addresses[1];
    uint8_t uuid[UUID_BYTES];
};

static void parts_init(struct update_parts *parts, struct agent *agent, const char *framework_id,
                       const char *executor_id) {
    parts->update = (Mesos__Internal__StatusUpdate)MESOS__INTERNAL__STATUS_UPDATE__INIT;
    mesos__v1__framework_id__init(&parts->framework_id);
    mesos__v1__executor_id__init(&parts->executor_id);
    parts->framework_id.value = (char *)framework_id;
    parts->executor_id.value = (char *)executor_id;
    parts->update.framework_id = &parts->framework_id;
    parts->update.slave_id = agent->info->id;
    if (executor_id != NULL)
        parts->update.executor_id = &parts->executor_id;
}

/* Tell where the container is, as MesosContainerizer::status() does. Parts that the executor filled in stay; if it
 * named a container, which may be nested in its own, that one is meant. */
static void add_container_status(struct update_parts *parts, struct agent *agent,
                                 const struct agent_executor *executor) {
    Mesos__V1__ContainerStatus *status = parts->update.status->container_status;
    cleanup_buffer struct buffer id = BUFFER_INIT;
    int pid;

    if (status == NULL) {
        mesos__v1__container_status__init(&parts->container_status);
        status = parts->update.status->container_status = &parts->container_status;
    }
    if (status->container_id == NULL) {
        mesos__v1__container_id__init(&parts->container_id);
        parts->container_id.value = executor->container_id;
        status->container_id = &parts->container_id;
    }
    nested_append_id(status->container_id, &id);
    pid = agent->containerizer->ops->pid(agent->containerizer, buffer_text(&id));
    if (!status->has_executor_pid && pid > 0) {
        status->has_executor_pid = true;
        status->executor_pid = (uint32_t)pid;
    }
    if (status->n_network_infos > 0)
        return;
    mesos__v1__network_info__init(&parts->network);
    mesos__v1__network_info__ipaddress__init(&parts->address);
    parts->address.ip_address = agent->process.pid.address.host;
    parts->addresses[0] = &parts->address;
    parts->network.n_ip_addresses = 1;
    parts->network.ip_addresses = parts->addresses;
    parts->networks[0] = &parts->network;
    status->n_network_infos = 1;
    status->network_infos = parts->networks;
}

static void put_in_stream(struct agent *agent, const Mesos__Internal__StatusUpdate *update,
                          const struct agent_executor *executor) {
    cleanup_free char *directory = NULL, *path = NULL;

    if (executor != NULL && executor->checkpoint) {
        directory = agent_path_task(agent->meta_dir, agent_own_id(agent), executor->framework->id, executor->id,
                                    executor->container_id, update->status->task_id->value);
        path = path_join(directory, "task.updates");
    }
    update_manager_add(&agent->updates, update, path);
}

/* While draining, tasks that are killed say why. */
static void mark_drained(struct agent *agent, const struct agent_framework *framework, Mesos__V1__TaskStatus *status) {
    if (agent->drain == NULL || ((int)status->state != TASK_KILLING && (int)status->state != TASK_KILLED))
        return;
    status->has_reason = true;
    status->reason = MESOS__V1__TASK_STATUS__REASON__REASON_AGENT_DRAINING;
    if (agent->drain->has_mark_gone && agent->drain->mark_gone &&
        agent_framework_has_capability(framework->info, MESOS__V1__FRAMEWORK_INFO__CAPABILITY__TYPE__PARTITION_AWARE))
        status->state = MESOS__V1__TASK_STATE__TASK_GONE_BY_OPERATOR;
}

/* A task that has no executor yet ends with this update. */
static void end_pending(struct agent *agent, struct agent_framework *framework, struct agent_task *task,
                        const Mesos__Internal__StatusUpdate *update) {
    struct delivery *delivery = task->delivery;

    task->delivery = NULL;
    agent_task_free(task);
    delivery_free_if_empty(delivery);
    /* The framework's streams are dropped with it, so this one is begun afterwards. */
    agent_framework_remove_if_idle(framework);
    put_in_stream(agent, update, NULL);
}

static struct agent_executor *find_executor(const struct agent_framework *framework,
                                            const Mesos__Internal__StatusUpdate *update) {
    return update->executor_id == NULL ? NULL : agent_executor_find(framework, update->executor_id->value);
}

static void acknowledge_to_executor(struct agent_executor *executor, const Mesos__Internal__StatusUpdate *update) {
    Mesos__V1__Executor__Event event = MESOS__V1__EXECUTOR__EVENT__INIT;
    Mesos__V1__Executor__Event__Acknowledged acknowledged = MESOS__V1__EXECUTOR__EVENT__ACKNOWLEDGED__INIT;

    event.has_type = true;
    event.type = MESOS__V1__EXECUTOR__EVENT__TYPE__ACKNOWLEDGED;
    event.acknowledged = &acknowledged;
    acknowledged.task_id = update->status->task_id;
    acknowledged.uuid = update->uuid;
    if (executor_connection_is_open(&executor->connection))
        executor_connection_send(&executor->connection, &event);
}

/* Whether the executor sends again what ended a task whose end is acknowledged already. */
static bool is_old_news(const struct agent_executor *executor, const Mesos__Internal__StatusUpdate *update) {
    const struct agent_task *task;

    list_for_each (&executor->completed, task, in_stage) {
        if (strcmp(task->id, update->status->task_id->value) != 0)
            continue;
        for (size_t i = 0; i < task->message->n_statuses; i++) {
            const Mesos__V1__TaskStatus *status = task->message->statuses[i];

            if (status->uuid.len == update->uuid.len &&
                memcmp(status->uuid.data, update->uuid.data, update->uuid.len) == 0)
                return true;
        }
    }
    return false;
}

/* [Slave::statusUpdate] */
static void handle(struct agent *agent, struct update_parts *parts) {
    Mesos__Internal__StatusUpdate *update = &parts->update;
    struct agent_framework *framework = agent_framework_find(agent, update->framework_id->value);
    const char *task_id = update->status->task_id->value;
    struct agent_task *task;
    cleanup_error struct error err = ERROR_INIT;

    log_info("Handling status update %s of task %s of framework %s",
             task_state_name((enum task_state)update->status->state), task_id, update->framework_id->value);
    if (framework == NULL || framework->state == FRAMEWORK_TERMINATING) {
        log_warning("Ignoring status update of task %s of framework %s, which is %s", task_id,
                    update->framework_id->value, framework == NULL ? "unknown" : "terminating");
        metric_increment(&agent->metrics.invalid_status_updates);
        return;
    }
    mark_drained(agent, framework, update->status);
    metric_increment(&agent->metrics.valid_status_updates);
    task = table_find(&framework->tasks, task_id);
    if (task != NULL && task->stage == STAGE_PENDING) {
        end_pending(agent, framework, task, update);
        return;
    }
    if (task == NULL) {
        struct agent_executor *executor = find_executor(framework, update);

        log_warning("There is no task %s of framework %s for its status update", task_id, framework->id);
        if (executor != NULL && is_old_news(executor, update))
            acknowledge_to_executor(executor, update);
        else
            put_in_stream(agent, update, NULL);
        return;
    }
    if (task->stage == STAGE_LAUNCHED &&
        !(update->status->source == MESOS__V1__TASK_STATUS__SOURCE__SOURCE_AGENT &&
          ((int)update->status->state == TASK_DROPPED || (int)update->status->state == TASK_LOST)))
        add_container_status(parts, agent, task->executor);
    if (agent_task_update(task, update->status, &err) < 0) {
        log_error("Failed to update the state of task '%s' to %s: %s", task_id,
                  task_state_name((enum task_state)update->status->state), error_message(&err));
        if (update->status->source == MESOS__V1__TASK_STATUS__SOURCE__SOURCE_EXECUTOR)
            acknowledge_to_executor(task->executor, update);
        return;
    }
    put_in_stream(agent, update, task->executor);
}

/* Fill in an update made by the agent; the texts must last as long as @parts. */
static void fill_in(struct update_parts *parts, struct agent *agent, char *task_id, enum task_state state, int reason,
                    const char *message) {
    Mesos__V1__TaskStatus *status = &parts->status;

    mesos__v1__task_status__init(status);
    mesos__v1__task_id__init(&parts->task_id);
    parts->task_id.value = task_id;
    env_random_uuid(agent->env, parts->uuid);
    status->task_id = &parts->task_id;
    status->state = (Mesos__V1__TaskState)state;
    status->message = (char *)message;
    status->has_source = true;
    status->source = MESOS__V1__TASK_STATUS__SOURCE__SOURCE_AGENT;
    status->has_reason = reason >= 0;
    status->reason = (Mesos__V1__TaskStatus__Reason)(reason >= 0 ? reason : 0);
    status->agent_id = agent->info->id;
    status->executor_id = parts->update.executor_id;
    status->has_timestamp = true;
    status->timestamp = agent_timestamp(agent);
    status->has_uuid = true;
    status->uuid = (ProtobufCBinaryData){.data = parts->uuid, .len = UUID_BYTES};
    parts->update.status = status;
    parts->update.timestamp = status->timestamp;
    parts->update.has_uuid = true;
    parts->update.uuid = status->uuid;
}

void agent_update_task(struct agent *agent, const char *framework_id, const char *task_id, const char *executor_id,
                       enum task_state state, int reason, const char *message) {
    /* The ids may be those of a task that goes away with the update. */
    cleanup_free char *framework_copy = xstrdup(framework_id), *task_copy = xstrdup(task_id),
                      *executor_copy = xstrdup(executor_id);
    struct update_parts parts;

    parts_init(&parts, agent, framework_copy, executor_copy);
    fill_in(&parts, agent, task_copy, state, reason, message);
    handle(agent, &parts);
}

void agent_update_unknown_task(struct agent *agent, const char *framework_id, const char *task_id,
                               enum task_state state, int reason, const char *message) {
    cleanup_free char *task_copy = xstrdup(task_id);
    struct update_parts parts;

    parts_init(&parts, agent, framework_id, NULL);
    fill_in(&parts, agent, task_copy, state, reason, message);
    put_in_stream(agent, &parts.update, NULL);
}

void agent_executor_update(struct agent *agent, const char *framework_id, const char *executor_id,
                           Mesos__V1__TaskStatus *status, const struct pid *from) {
    struct update_parts parts;

    parts_init(&parts, agent, framework_id, executor_id);
    if (!status->has_uuid || status->uuid.len != UUID_BYTES) {
        log_warning("Ignoring a status update of task %s of framework %s without a proper uuid", status->task_id->value,
                    framework_id);
        metric_increment(&agent->metrics.invalid_status_updates);
        return;
    }
    status->has_source = true;
    status->source = MESOS__V1__TASK_STATUS__SOURCE__SOURCE_EXECUTOR;
    status->agent_id = agent->info->id;
    if (status->executor_id != NULL && strcmp(status->executor_id->value, executor_id) != 0)
        log_warning("Executor ID mismatch in status update; overwriting received '%s' with expected '%s'",
                    status->executor_id->value, executor_id);
    status->executor_id = &parts.executor_id;
    parts.update.timestamp = status->has_timestamp ? status->timestamp : agent_timestamp(agent);
    parts.update.has_uuid = true;
    parts.update.uuid = status->uuid;
    parts.update.status = status;
    handle(agent, &parts);
}

/* The stream has it: the executor need not keep it. */
static void on_saved(void *user, const Mesos__Internal__StatusUpdate *update) {
    struct agent *agent = user;
    const struct agent_framework *framework = agent_framework_find(agent, update->framework_id->value);
    struct agent_executor *executor;

    if (framework == NULL || update->status->source != MESOS__V1__TASK_STATUS__SOURCE__SOURCE_EXECUTOR)
        return;
    executor = find_executor(framework, update);
    if (executor != NULL)
        acknowledge_to_executor(executor, update);
}

/* [Slave::forward] */
static void on_forward(void *user, const Mesos__Internal__StatusUpdate *update) {
    struct agent *agent = user;
    const struct agent_framework *framework = agent_framework_find(agent, update->framework_id->value);
    Mesos__Internal__StatusUpdateMessage message = MESOS__INTERNAL__STATUS_UPDATE_MESSAGE__INIT;
    Mesos__Internal__StatusUpdate copy = *update;
    struct agent_task *task = framework != NULL ? table_find(&framework->tasks, update->status->task_id->value) : NULL;
    char pid[PID_BYTES];

    if (agent->state != AGENT_RUNNING) {
        log_warning("Dropping a status update of task %s because the agent is %s", update->status->task_id->value,
                    agent_state_name(agent->state));
        return;
    }
    if (task != NULL) {
        agent_task_set_forwarded(task, update->status);
        copy.has_latest_state = true;
        copy.latest_state = task->message->state;
    }
    log_info("Forwarding the update %s of task %s of framework %s",
             task_state_name((enum task_state)update->status->state), update->status->task_id->value,
             update->framework_id->value);
    message.update = &copy;
    message.pid = (char *)pid_format(&agent->process.pid, pid);
    agent_send_to_master(agent, &message.base);
}

const struct update_events agent_update_events = {.on_saved = on_saved, .on_forward = on_forward};

void agent_update_acknowledged(struct agent *agent, const char *framework_id, const char *task_id,
                               const ProtobufCBinaryData *uuid) {
    cleanup_error struct error err = ERROR_INIT;
    struct agent_framework *framework;
    struct agent_executor *executor;
    struct agent_task *task;
    bool is_ended = false;

    if (update_manager_acknowledge(&agent->updates, framework_id, task_id, uuid, &is_ended, &err) < 0) {
        log_warning("Ignoring the acknowledgement of a status update of task %s of framework %s: %s", task_id,
                    framework_id, error_message(&err));
        return;
    }
    framework = agent_framework_find(agent, framework_id);
    task = framework != NULL ? table_find(&framework->tasks, task_id) : NULL;
    if (task == NULL)
        return;
    executor = task->executor;
    if (task->stage == STAGE_TERMINATED && is_ended) {
        if (executor->checkpoint)
            agent_collect_garbage(agent, agent_path_task(agent->meta_dir, agent_own_id(agent), framework->id,
                                                         executor->id, executor->container_id, task_id));
        agent_task_set_stage(task, STAGE_COMPLETED);
    }
    if (executor != NULL)
        agent_executor_remove_if_done(executor);
    agent_framework_remove_if_idle(framework);
}
