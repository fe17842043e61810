/* SPDX-License-Identifier: Apache-2.0 */
/* Acknowledgements of status updates, of tasks and of operations. */
#include <string.h>

#include "base/log.h"
#include "base/text.h"
#include "master/agent.h"
#include "master/calls/calls.h"
#include "master/framework.h"
#include "master/master.h"

static int ignore_task(struct framework *framework, const char *task_id, const char *reason) {
    log_warning("Ignoring the acknowledgement of an update for task %s of framework %s because %s", task_id,
                framework->id, reason);
    metric_increment(&framework->master->metrics.invalid_status_update_acknowledgements);
    return 0;
}

int call_acknowledge(struct framework *framework, Mesos__V1__Scheduler__Call *call, struct arena *arena,
                     struct error *err) {
    const Mesos__V1__Scheduler__Call__Acknowledge *acknowledge = call->acknowledge;
    struct master *master = framework->master;
    struct agent *agent = agent_find(master, acknowledge->agent_id->value);
    struct task *task = table_find(&framework->tasks, acknowledge->task_id->value);
    Mesos__Internal__StatusUpdateAcknowledgementMessage message =
        MESOS__INTERNAL__STATUS_UPDATE_ACKNOWLEDGEMENT_MESSAGE__INIT;

    metric_increment(&master->metrics.messages_status_update_acknowledgement);
    if (agent == NULL)
        return ignore_task(framework, acknowledge->task_id->value, "its agent is not registered");
    if (!agent_is_connected(agent))
        return ignore_task(framework, acknowledge->task_id->value, "its agent is disconnected");
    if (task != NULL && task->agent == agent) {
        /* Maybe meant for an earlier master. The agent will send the update again. */
        if (!task->has_reported)
            return ignore_task(framework, task->id, "this master did not send the update");
        if (task_state_is_terminal(task_reported_state(task)) &&
            memcmp(task->reported_uuid, acknowledge->uuid.data, UUID_BYTES) == 0)
            task_remove(master, task, false);
    }
    message.slave_id = acknowledge->agent_id;
    message.framework_id = framework->info->id;
    message.task_id = acknowledge->task_id;
    message.uuid = acknowledge->uuid;
    agent_send(agent, &message.base);
    metric_increment(&master->metrics.valid_status_update_acknowledgements);
    return 0;
}

static int ignore_operation(struct framework *framework, const char *operation_id, const char *reason) {
    log_warning("Ignoring the acknowledgement of a status of operation '%s' of framework %s because %s", operation_id,
                framework->id, reason);
    metric_increment(&framework->master->metrics.invalid_operation_status_update_acknowledgements);
    return 0;
}

static const Mesos__V1__OperationStatus *find_status(const struct operation *operation,
                                                     const ProtobufCBinaryData *uuid) {
    for (size_t i = 0; i < operation->message->n_statuses; i++) {
        const Mesos__V1__OperationStatus *status = operation->message->statuses[i];

        if (status->uuid != NULL && status->uuid->value.len == uuid->len &&
            memcmp(status->uuid->value.data, uuid->data, uuid->len) == 0)
            return status;
    }
    return NULL;
}

int call_acknowledge_operation_status(struct framework *framework, Mesos__V1__Scheduler__Call *call,
                                      struct arena *arena, struct error *err) {
    const Mesos__V1__Scheduler__Call__AcknowledgeOperationStatus *acknowledge = call->acknowledge_operation_status;
    struct master *master = framework->master;
    const char *id = acknowledge->operation_id->value;
    struct agent *agent = agent_find(master, acknowledge->agent_id->value);
    struct operation *operation = operation_find_by_id(framework, id);
    Mesos__Internal__AcknowledgeOperationStatusMessage message =
        MESOS__INTERNAL__ACKNOWLEDGE_OPERATION_STATUS_MESSAGE__INIT;
    Mesos__V1__UUID status_uuid = MESOS__V1__UUID__INIT, operation_uuid = MESOS__V1__UUID__INIT;
    const Mesos__V1__OperationStatus *status;
    uint8_t uuid[UUID_BYTES];

    metric_increment(&master->metrics.messages_operation_status_update_acknowledgement);
    if (agent == NULL)
        return ignore_operation(framework, id, "its agent is not registered");
    if (!agent_is_connected(agent))
        return ignore_operation(framework, id, "its agent is disconnected");
    if (acknowledge->resource_provider_id != NULL && !agent->capabilities.resource_provider)
        return ignore_operation(framework, id, "the agent does not have the RESOURCE_PROVIDER capability");
    if (acknowledge->resource_provider_id == NULL && !agent->capabilities.agent_operation_feedback)
        return ignore_operation(framework, id, "the agent does not have the AGENT_OPERATION_FEEDBACK capability");
    if (operation == NULL || operation->agent != agent)
        return ignore_operation(framework, id, "the operation is unknown");
    status = find_status(operation, &acknowledge->uuid);
    if (status == NULL)
        return ignore_operation(framework, id, "the operation has no such status");
    memcpy(uuid, operation->uuid, UUID_BYTES);
    if (operation_state_is_terminal((int)status->state))
        operation_remove(operation);
    status_uuid.value = acknowledge->uuid;
    operation_uuid.value = (ProtobufCBinaryData){UUID_BYTES, uuid};
    message.status_uuid = &status_uuid;
    message.operation_uuid = &operation_uuid;
    message.resource_provider_id = acknowledge->resource_provider_id;
    agent_send(agent, &message.base);
    metric_increment(&master->metrics.valid_operation_status_update_acknowledgements);
    return 0;
}
