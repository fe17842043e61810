/* SPDX-License-Identifier: Apache-2.0 */
#include "master/operation.h"

#include <string.h>

#include "base/log.h"
#include "master/agent.h"
#include "master/framework.h"
#include "master/master.h"
#include "message/message.h"

struct operation *operation_find(const struct master *master, const void *uuid, size_t size) {
    return size == UUID_BYTES ? table_find_sized(&master->operations, uuid, size) : NULL;
}

struct operation *operation_find_by_id(const struct framework *framework, const char *id) {
    return table_find(&framework->operations, id);
}

bool operation_state_is_terminal(int state) {
    switch (state) {
    case MESOS__V1__OPERATION_STATE__OPERATION_FINISHED:
    case MESOS__V1__OPERATION_STATE__OPERATION_FAILED:
    case MESOS__V1__OPERATION_STATE__OPERATION_ERROR:
    case MESOS__V1__OPERATION_STATE__OPERATION_DROPPED:
    case MESOS__V1__OPERATION_STATE__OPERATION_GONE_BY_OPERATOR:
        return true;
    default:
        return false;
    }
}

static void append_status(Mesos__V1__Operation *message, const Mesos__V1__OperationStatus *status) {
    message->statuses = xrealloc(message->statuses, (message->n_statuses + 1) * sizeof(*message->statuses));
    message->statuses[message->n_statuses++] = (Mesos__V1__OperationStatus *)message_copy(&status->base, NULL);
}

/* To its framework; NULL: to those without one. */
static void attach(struct operation *operation, struct framework *framework) {
    operation->framework = framework;
    if (framework == NULL) {
        list_append(&operation->agent->master->orphans, &operation->in_framework);
        return;
    }
    list_append(&framework->all_operations, &operation->in_framework);
    if (operation->id != NULL)
        table_add(&framework->operations, operation->id, operation);
}

static void detach(struct operation *operation) {
    struct framework *framework = operation->framework;

    list_remove(&operation->in_framework);
    if (framework != NULL && operation->id != NULL && table_find(&framework->operations, operation->id) == operation)
        table_remove(&framework->operations, operation->id);
    operation->framework = NULL;
}

struct operation *operation_add(struct agent *agent, struct framework *framework, const Mesos__V1__Operation *message) {
    struct operation *operation = new0(struct operation);
    struct master *master = agent->master;
    Mesos__V1__Operation shallow = *message;

    /* What changes is held apart, see operation_update(). */
    shallow.n_statuses = 0;
    shallow.latest_status = NULL;
    operation->message = MESSAGE_COPY(&shallow);
    operation->message->latest_status = MESSAGE_COPY(message->latest_status);
    for (size_t i = 0; i < message->n_statuses; i++)
        append_status(operation->message, message->statuses[i]);
    memcpy(operation->uuid, message->uuid->value.data, UUID_BYTES);
    operation->agent = agent;
    table_add_sized(&master->operations, operation->uuid, UUID_BYTES, operation);
    list_append(&agent->operations, &operation->in_agent);
    if (operation->message->info->id != NULL)
        operation->id = operation->message->info->id->value;
    attach(operation, framework);
    master_metrics_operation_moved(master, (int)message->info->type, -1, (int)message->latest_status->state);
    return operation;
}

static void replace_status(Mesos__V1__OperationStatus **slot, const Mesos__V1__OperationStatus *status) {
    Mesos__V1__OperationStatus *copy = (Mesos__V1__OperationStatus *)message_copy(&status->base, NULL);

    MESSAGE_FREE(*slot);
    *slot = copy;
}

static bool has_status(const Mesos__V1__Operation *message, const Mesos__V1__OperationStatus *status) {
    for (size_t i = 0; i < message->n_statuses; i++) {
        const Mesos__V1__OperationStatus *known = message->statuses[i];

        if (known->uuid != NULL && message_equal(&known->uuid->base, &status->uuid->base))
            return true;
    }
    return false;
}

void operation_update(struct operation *operation, const Mesos__V1__OperationStatus *status,
                      const Mesos__V1__OperationStatus *latest) {
    Mesos__V1__Operation *message = operation->message;
    int from = (int)message->latest_status->state;

    if (!operation_state_is_terminal(from)) {
        master_metrics_operation_moved(operation->agent->master, (int)message->info->type, from, (int)latest->state);
        replace_status(&message->latest_status, latest);
    }
    /* A status without a uuid is not acknowledged, and there is no end to them. */
    if (status->uuid == NULL || has_status(message, status))
        return;
    append_status(message, status);
}

void operation_orphan(struct operation *operation) {
    if (operation->framework == NULL)
        return;
    detach(operation);
    attach(operation, NULL);
}

void operations_adopt(struct framework *framework) {
    struct operation *operation;

    list_for_each (&framework->master->orphans, operation, in_framework) {
        const Mesos__V1__FrameworkID *id = operation->message->framework_id;

        if (id != NULL && strcmp(id->value, framework->id) == 0) {
            detach(operation);
            attach(operation, framework);
        }
    }
}

void operation_remove(struct operation *operation) {
    struct master *master = operation->agent->master;
    int state = (int)operation->message->latest_status->state;

    if (!operation_state_is_terminal(state))
        master_metrics_operation_moved(master, (int)operation->message->info->type, state, 0);
    detach(operation);
    list_remove(&operation->in_agent);
    table_remove_sized(&master->operations, operation->uuid, UUID_BYTES);
    for (size_t i = 0; i < operation->message->n_statuses; i++)
        MESSAGE_FREE(operation->message->statuses[i]);
    free(operation->message->statuses);
    MESSAGE_FREE(operation->message->latest_status);
    MESSAGE_FREE(operation->message);
    free(operation);
}
