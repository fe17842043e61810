/* SPDX-License-Identifier: Apache-2.0 */
#include "master/agent_messages.h"

#include <string.h>

#include "base/log.h"
#include "master/agent.h"
#include "master/framework.h"
#include "master/master.h"
#include "message/message.h"

/* [MIN_WAIT_BEFORE_ORPHAN_OPERATION_ADOPTION] */
#define ORPHAN_WAIT (5 * MINUTE)

/* The registered agent that claims to send this, or NULL with a log line: nobody speaks for another agent. */
static struct agent *sender(struct master *master, const struct pid *from, const Mesos__V1__AgentID *id,
                            const char *what) {
    struct agent *agent = id == NULL ? NULL : agent_find(master, id->value);
    char pid[PID_BYTES];

    if (agent != NULL && agent_is_at(agent, from))
        return agent;
    log_warning("Ignoring %s from %s: agent %s %s", what, pid_format(from, pid), id == NULL ? "(none)" : id->value,
                agent == NULL ? "is not registered" : "is registered at another address");
    return NULL;
}

/* Status updates. [Master::statusUpdate] */

static bool is_valid_update(const Mesos__Internal__StatusUpdate *update) {
    return update->has_uuid && update->uuid.len == UUID_BYTES && task_state_is_valid((int)update->status->state) &&
           (!update->has_latest_state || task_state_is_valid((int)update->latest_state));
}

/* An update of a task that has ended for its framework: nobody waits for it, but the agent, for its acknowledgement.
 * If the task runs, its launch reached the agent after it was given up. */
static void swallow(struct agent *agent, struct framework *framework, const Mesos__Internal__StatusUpdate *update) {
    const Mesos__V1__TaskStatus *status = update->status;
    bool is_over = task_state_is_terminal((int)(update->has_latest_state ? update->latest_state : status->state));
    Mesos__Internal__StatusUpdateAcknowledgementMessage message =
        MESOS__INTERNAL__STATUS_UPDATE_ACKNOWLEDGEMENT_MESSAGE__INIT;

    log_info("Swallowing update %s of task %s of framework %s, which has ended",
             task_state_name((enum task_state)status->state), status->task_id->value, framework->id);
    message.slave_id = agent->info->id;
    message.framework_id = framework->info->id;
    message.task_id = status->task_id;
    message.uuid = status->uuid;
    agent_send(agent, &message.base);
    if (!is_over)
        agent_kill_task(agent, framework->id, status->task_id->value);
}

/* An agent that lost its memory says that a task is lost whose end it told before. The framework may have heard of that
 * end, and hears the same again; what it acknowledges is the agent's new update. */
static void keep_to_the_end_that_is_known(const struct task *task, Mesos__Internal__StatusUpdate *update) {
    Mesos__V1__TaskStatus *status = update->status;

    if (!task_state_is_terminal(task_state(task)) || !task_state_is_terminal((int)status->state) ||
        (enum task_state)status->state == task_state(task))
        return;
    log_warning("Task %s of framework %s ended as %s; taking the update %s for that", task->id, task->framework->id,
                task_state_name(task_state(task)), task_state_name((enum task_state)status->state));
    status->state = (Mesos__V1__TaskState)task_state(task);
    update->has_latest_state = false;
}

void on_status_update(struct master *master, const struct pid *from, ProtobufCMessage *base) {
    Mesos__Internal__StatusUpdate *update = ((Mesos__Internal__StatusUpdateMessage *)base)->update;
    Mesos__V1__TaskStatus *status = update->status;
    struct agent *agent = sender(master, from, update->slave_id, "a status update");
    struct framework *framework = framework_find(master, update->framework_id->value);
    struct task *task = framework == NULL ? NULL : table_find(&framework->tasks, status->task_id->value);
    bool is_valid = false;

    metric_increment(&master->metrics.messages_status_update);
    if (agent == NULL || !is_valid_update(update)) {
        if (agent != NULL)
            log_warning("Ignoring a status update from agent %s for task %s: its uuid or state is not valid", agent->id,
                        status->task_id->value);
        metric_increment(&master->metrics.invalid_status_updates);
        return;
    }
    /* What agents of Mesos fill in themselves. */
    status->has_uuid = true;
    status->uuid = update->uuid;
    if (status->agent_id == NULL)
        status->agent_id = update->slave_id;
    if (framework != NULL && task == NULL && framework_find_completed_task(framework, status->task_id->value) != NULL) {
        swallow(agent, framework, update);
        return;
    }
    if (task != NULL && task->agent == agent)
        keep_to_the_end_that_is_known(task, update);
    if (framework != NULL && framework_is_connected(framework)) {
        framework_send_update(framework, status);
        is_valid = true;
    } else {
        log_warning("Received status update %s for task %s of the %s framework %s from agent %s",
                    task_state_name((enum task_state)status->state), status->task_id->value,
                    framework == NULL ? "unknown" : "disconnected", update->framework_id->value, agent->id);
    }
    if (task == NULL || task->agent != agent) {
        log_warning("Task %s of framework %s, for which agent %s sent a status update, is unknown",
                    status->task_id->value, update->framework_id->value, agent->id);
        metric_increment(&master->metrics.invalid_status_updates);
        return;
    }
    task_update(master, task, status,
                (enum task_state)(update->has_latest_state ? update->latest_state : status->state));
    metric_increment(is_valid ? &master->metrics.valid_status_updates : &master->metrics.invalid_status_updates);
}

/* Executors */

void on_exited_executor(struct master *master, const struct pid *from, ProtobufCMessage *base) {
    const Mesos__Internal__ExitedExecutorMessage *message = (Mesos__Internal__ExitedExecutorMessage *)base;
    struct agent *agent = sender(master, from, message->slave_id, "that an executor exited");
    struct framework *framework = framework_find(master, message->framework_id->value);
    struct executor *executor;

    metric_increment(&master->metrics.messages_exited_executor);
    if (agent == NULL)
        return;
    executor = executor_find(agent, message->framework_id->value, message->executor_id->value);
    if (executor == NULL) {
        log_warning("Ignoring that the unknown executor '%s' of framework %s exited on agent %s",
                    message->executor_id->value, message->framework_id->value, agent->id);
        return;
    }
    log_info("Executor '%s' of framework %s on agent %s exited with wait status %d", message->executor_id->value,
             message->framework_id->value, agent->id, message->status);
    executor_remove(master, executor);
    if (framework != NULL && framework_is_connected(framework))
        framework_send_failure(framework, agent->id, message->executor_id->value, message->status);
}

static void drop_message(struct master *master, const Mesos__Internal__ExecutorToFrameworkMessage *message,
                         const char *reason) {
    log_warning("Dropping a message of executor '%s' for framework %s because %s", message->executor_id->value,
                message->framework_id->value, reason);
    metric_increment(&master->metrics.invalid_executor_to_framework_messages);
}

void on_executor_to_framework(struct master *master, const struct pid *from, ProtobufCMessage *base) {
    const Mesos__Internal__ExecutorToFrameworkMessage *message = (Mesos__Internal__ExecutorToFrameworkMessage *)base;
    struct framework *framework = framework_find(master, message->framework_id->value);
    Mesos__V1__Scheduler__Event__Message out = MESOS__V1__SCHEDULER__EVENT__MESSAGE__INIT;
    Mesos__V1__Scheduler__Event event = MESOS__V1__SCHEDULER__EVENT__INIT;

    metric_increment(&master->metrics.messages_executor_to_framework);
    if (agent_find(master, message->slave_id->value) == NULL) {
        drop_message(master, message, "its agent is not registered");
    } else if (framework == NULL) {
        drop_message(master, message, "the framework is unknown");
    } else if (!framework_is_connected(framework)) {
        drop_message(master, message, "the framework is disconnected");
    } else {
        event.type = MESOS__V1__SCHEDULER__EVENT__TYPE__MESSAGE;
        event.message = &out;
        out.agent_id = message->slave_id;
        out.executor_id = message->executor_id;
        out.data = message->data;
        framework_send(framework, &event);
        metric_increment(&master->metrics.valid_executor_to_framework_messages);
    }
}

/* What the agent's resources are now. [Master::updateSlave] */

static void set_oversubscribed(struct agent *agent, const Mesos__Internal__UpdateSlaveMessage *message) {
    struct resources cleanup_resources oversubscribed = RESOURCES_INIT, cleanup_resources total = RESOURCES_INIT;
    struct offer *offer;

    resources_from_valid_messages(message->oversubscribed_resources, message->n_oversubscribed_resources,
                                  &oversubscribed);
    resources_not_revocable(&agent->total, &total);
    resources_add(&total, &oversubscribed);
    if (resources_equal(&total, &agent->total))
        return;
    resources_assign(&agent->total, &total);
    agent_claims_changed(agent);
    agent_update_allocator(agent);
    list_for_each (&agent->offers, offer, in_agent) {
        struct resources cleanup_resources revocable = RESOURCES_INIT;

        resources_revocable(&offer->resources, &revocable);
        if (!resources_is_empty(&revocable))
            offer_rescind(offer);
    }
}

/* Operations that only one side knows: the agent's are taken over, it is asked about the master's. */
static void settle_operations(struct agent *agent, const Mesos__Internal__UpdateSlaveMessage *message) {
    Mesos__Internal__ReconcileOperationsMessage reconcile = MESOS__INTERNAL__RECONCILE_OPERATIONS_MESSAGE__INIT;
    struct arena arena = ARENA_INIT;
    struct table told = TABLE_INIT;
    struct operation *operation;
    size_t known = 0, count = message->operations == NULL ? 0 : message->operations->n_operations;

    for (size_t i = 0; i < count; i++) {
        Mesos__V1__Operation *given = message->operations->operations[i];

        if (given->uuid->value.len == UUID_BYTES)
            table_add_sized(&told, given->uuid->value.data, UUID_BYTES, given);
    }
    list_for_each (&agent->operations, operation, in_agent)
        known++;
    reconcile.operations = arena_alloc(&arena, (known + 1) * sizeof(*reconcile.operations));
    list_for_each (&agent->operations, operation, in_agent) {
        Mesos__Internal__ReconcileOperationsMessage__Operation *asked;

        if (table_find_sized(&told, operation->uuid, UUID_BYTES) != NULL)
            continue;
        asked = arena_alloc(&arena, sizeof(*asked));
        mesos__internal__reconcile_operations_message__operation__init(asked);
        asked->operation_uuid = operation->message->uuid;
        reconcile.operations[reconcile.n_operations++] = asked;
    }
    for (size_t i = 0; i < count; i++) {
        const Mesos__V1__Operation *given = message->operations->operations[i];

        if (given->uuid->value.len == UUID_BYTES &&
            operation_find(agent->master, given->uuid->value.data, UUID_BYTES) == NULL)
            operation_add(
                agent, given->framework_id == NULL ? NULL : framework_find(agent->master, given->framework_id->value),
                given);
    }
    if (reconcile.n_operations > 0)
        agent_send(agent, &reconcile.base);
    table_done(&told);
    arena_done(&arena);
}

void on_update_agent(struct master *master, const struct pid *from, ProtobufCMessage *base) {
    const Mesos__Internal__UpdateSlaveMessage *message = (Mesos__Internal__UpdateSlaveMessage *)base;
    struct agent *agent = sender(master, from, message->slave_id, "an update of resources");

    metric_increment(&master->metrics.messages_update_slave);
    if (agent == NULL)
        return;
    if (message->resource_providers != NULL && message->resource_providers->n_providers > 0)
        log_warning("Ignoring the resource providers of agent %s, which this master does not support", agent->id);
    if (message->resource_version_uuid != NULL) {
        MESSAGE_FREE(agent->resource_version);
        agent->resource_version = MESSAGE_COPY(message->resource_version_uuid);
    }
    /* Agents before 1.5 send this message for oversubscribed resources only and do not say so. */
    if (!message->has_update_oversubscribed_resources || message->update_oversubscribed_resources)
        set_oversubscribed(agent, message);
    settle_operations(agent, message);
}

/* [Master::updateOperationStatus] */

static void acknowledge_operation(struct operation *operation, Mesos__V1__UUID *status_uuid) {
    Mesos__Internal__AcknowledgeOperationStatusMessage message =
        MESOS__INTERNAL__ACKNOWLEDGE_OPERATION_STATUS_MESSAGE__INIT;

    message.status_uuid = status_uuid;
    message.operation_uuid = operation->message->uuid;
    agent_send(operation->agent, &message.base);
}

static void send_operation_status(struct master *master, const Mesos__V1__FrameworkID *framework_id,
                                  const Mesos__V1__OperationStatus *status) {
    struct framework *framework = framework_id == NULL ? NULL : framework_find(master, framework_id->value);

    if (framework != NULL && framework_is_connected(framework))
        framework_send_operation_status(framework, status);
}

/* Whether a framework asked to be told and may still come back: after a failover of the master, agents may be there
 * before frameworks are. */
static bool may_have_framework(const struct operation *operation) {
    const struct master *master = operation->agent->master;
    const Mesos__V1__FrameworkID *id = operation->message->framework_id;
    const int64_t since_ns = operation->agent->reregistered_ns;

    return operation->id != NULL && id != NULL && !framework_is_completed(master, id->value) && since_ns != 0 &&
           env_wall_clock(master->env) - since_ns < ORPHAN_WAIT;
}

/* The agent answers that it does not know an operation whose end it told before, perhaps just because the framework's
 * acknowledgement crossed what it told of itself. The framework hears the same end again. */
static void keep_to_the_known_end_of_operation(const struct operation *operation, Mesos__V1__OperationStatus *status) {
    Mesos__V1__OperationState known = operation->message->latest_status->state;

    if (operation_state_is_terminal((int)known) && operation_state_is_terminal((int)status->state))
        status->state = known;
}

void on_update_operation_status(struct master *master, const struct pid *from, ProtobufCMessage *base) {
    Mesos__Internal__UpdateOperationStatusMessage *message = (Mesos__Internal__UpdateOperationStatusMessage *)base;
    struct agent *agent = sender(master, from, message->slave_id, "the status of an operation");
    const Mesos__V1__OperationStatus *latest = message->latest_status == NULL ? message->status
                                                                              : message->latest_status;
    struct operation *operation = NULL;

    metric_increment(&master->metrics.messages_operation_status_update);
    if (agent == NULL) {
        metric_increment(&master->metrics.invalid_operation_status_updates);
        return;
    }
    if (message->operation_uuid != NULL)
        operation = operation_find(master, message->operation_uuid->value.data, message->operation_uuid->value.len);
    if (operation == NULL || operation->agent != agent) {
        send_operation_status(master, message->framework_id, message->status);
        metric_increment(&master->metrics.invalid_operation_status_updates);
        return;
    }
    metric_increment(&master->metrics.valid_operation_status_updates);
    message->status->operation_id = operation->message->info->id;
    keep_to_the_known_end_of_operation(operation, message->status);
    operation_update(operation, message->status, latest);
    if (operation->id != NULL && operation->framework != NULL) {
        send_operation_status(master, operation->message->framework_id, message->status);
        /* Without a uuid nobody will acknowledge the end. */
        if (message->status->uuid == NULL && operation_state_is_terminal((int)message->status->state))
            operation_remove(operation);
        return;
    }
    if (operation->framework == NULL && message->status->uuid != NULL && may_have_framework(operation))
        return;
    if (message->status->uuid != NULL)
        acknowledge_operation(operation, message->status->uuid);
    if (operation_state_is_terminal((int)message->status->state))
        operation_remove(operation);
}
