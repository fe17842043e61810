/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/operations.h"

#include <string.h>

#include "agent/drain.h"
#include "agent/paths.h"
#include "agent/registration.h"
#include "agent/reservations.h"
#include "base/log.h"
#include "base/text.h"
#include "mesos/internal/agent_state.pb-c.h"

#define RETRY_LEAST (10 * SECOND)
#define RETRY_MOST (10 * MINUTE)
#define REWRITE_DELAY SECOND

struct agent_operation {
    uint8_t uuid[UUID_BYTES];
    struct agent *agent;
    Mesos__V1__Operation *message; /* with one status, the latest */
    uint64_t write;                /* the first one that holds it */
    struct env_timer retry;
    int64_t interval_ns;
};

static const char *operation_text(const struct agent_operation *operation, char text[UUID_TEXT_BYTES]) {
    uuid_format(operation->uuid, text);
    return text;
}

/* Telling the master */

static void send_status(struct agent_operation *operation) {
    Mesos__Internal__UpdateOperationStatusMessage update = MESOS__INTERNAL__UPDATE_OPERATION_STATUS_MESSAGE__INIT;
    char text[UUID_TEXT_BYTES];

    update.framework_id = operation->message->framework_id;
    update.slave_id = operation->agent->info->id;
    update.status = operation->message->latest_status;
    update.operation_uuid = operation->message->uuid;
    log_info("Forwarding the status of operation %s", operation_text(operation, text));
    agent_send_to_master(operation->agent, &update.base);
    env_timer_start(&operation->retry, operation->interval_ns);
    operation->interval_ns *= 2;
    if (operation->interval_ns > RETRY_MOST)
        operation->interval_ns = RETRY_MOST;
}

static void on_retry(struct env_timer *timer) {
    send_status(container_of(timer, struct agent_operation, retry));
}

static bool can_be_sent(const struct agent_operation *operation) {
    return operation->agent->state == AGENT_RUNNING && operation->write <= operation->agent->operation_writes_done;
}

static void send_all(struct agent *agent) {
    struct agent_operation *operation;

    table_for_each (&agent->operations, operation) {
        if (can_be_sent(operation) && !env_timer_is_running(&operation->retry))
            send_status(operation);
    }
}

/* The file */

void agent_operations_written(void *owner, const struct error *err) {
    struct agent *agent = owner;

    /* Writes of one file end in their order. */
    agent->operation_writes_ended++;
    if (err != NULL) {
        env_timer_start(&agent->operation_rewrite, REWRITE_DELAY);
        return;
    }
    agent->operation_writes_done = agent->operation_writes_ended;
    if (agent->operation_writes_done == agent->operation_writes) {
        resources_done(&agent->durable_total);
        resources_copy(&agent->durable_total, &agent->total);
    }
    send_all(agent);
}

static void on_rewrite(struct env_timer *timer) {
    agent_write_resources(container_of(timer, struct agent, operation_rewrite));
}

/* The table */

void agent_operations_init(struct agent *agent) {
    table_init(&agent->operations);
    env_timer_init(&agent->operation_rewrite, agent->env, on_rewrite);
}

static struct agent_operation *find(const struct agent *agent, const Mesos__V1__UUID *uuid) {
    return uuid != NULL && uuid->value.len == UUID_BYTES
               ? table_find_sized(&agent->operations, uuid->value.data, UUID_BYTES)
               : NULL;
}

static struct agent_operation *find_by_id(const struct agent *agent, const Mesos__V1__FrameworkID *framework_id,
                                          const Mesos__V1__OperationID *id) {
    struct agent_operation *operation;

    table_for_each (&agent->operations, operation) {
        const Mesos__V1__Operation *message = operation->message;

        if (message->info->id != NULL && strcmp(message->info->id->value, id->value) == 0 &&
            message->framework_id != NULL && strcmp(message->framework_id->value, framework_id->value) == 0)
            return operation;
    }
    return NULL;
}

static void add(struct agent *agent, const Mesos__V1__Operation *message) {
    struct agent_operation *operation = new0(struct agent_operation);

    operation->agent = agent;
    operation->message = MESSAGE_COPY(message);
    operation->interval_ns = RETRY_LEAST;
    operation->write = agent->operation_writes + 1;
    memcpy(operation->uuid, message->uuid->value.data, UUID_BYTES);
    env_timer_init(&operation->retry, agent->env, on_retry);
    table_add_sized(&agent->operations, operation->uuid, UUID_BYTES, operation);
}

static void operation_free(struct agent_operation *operation) {
    table_remove_sized(&operation->agent->operations, operation->uuid, UUID_BYTES);
    env_timer_done(&operation->retry);
    MESSAGE_FREE(operation->message);
    free(operation);
}

void agent_operations_done(struct agent *agent) {
    struct agent_operation *operation;

    table_for_each (&agent->operations, operation)
        operation_free(operation);
    table_done(&agent->operations);
    env_timer_done(&agent->operation_rewrite);
}

Mesos__V1__Operation **agent_operations_list(const struct agent *agent, struct arena *arena) {
    Mesos__V1__Operation **list = arena_alloc(arena, (agent->operations.count + 1) * sizeof(*list));
    const struct agent_operation *operation;
    size_t count = 0;

    table_for_each (&agent->operations, operation)
        list[count++] = operation->message;
    return list;
}

/* Applying */

/* Add it as finished, with a status that somebody must acknowledge. */
static void add_finished(struct agent *agent, const Mesos__V1__FrameworkID *framework_id,
                         const Mesos__V1__Offer__Operation *info, const Mesos__V1__UUID *uuid) {
    Mesos__V1__Operation operation = MESOS__V1__OPERATION__INIT;
    Mesos__V1__OperationStatus status = MESOS__V1__OPERATION_STATUS__INIT, *statuses[] = {&status};
    Mesos__V1__UUID status_uuid = MESOS__V1__UUID__INIT;
    uint8_t bytes[UUID_BYTES];

    env_random_uuid(agent->env, bytes);
    status_uuid.value = (ProtobufCBinaryData){UUID_BYTES, bytes};
    status.operation_id = info->id;
    status.state = MESOS__V1__OPERATION_STATE__OPERATION_FINISHED;
    status.uuid = &status_uuid;
    status.agent_id = agent->info->id;
    operation.framework_id = (Mesos__V1__FrameworkID *)framework_id;
    operation.agent_id = agent->info->id;
    operation.info = (Mesos__V1__Offer__Operation *)info;
    operation.uuid = (Mesos__V1__UUID *)uuid;
    operation.latest_status = &status;
    operation.n_statuses = 1;
    operation.statuses = statuses;
    add(agent, &operation);
}

static bool needs_checkpoint(const struct resource *resource, const void *argument) {
    return resource_needs_checkpoint(resource);
}

/* What is to be checkpointed after @info. */
static int convert(const struct agent *agent, const Mesos__V1__Offer__Operation *info, struct resources *ret,
                   struct error *err) {
    cleanup_resources struct resources total = RESOURCES_INIT;

    resources_copy(&total, &agent->total);
    if (resources_apply_operation_unallocated(&total, info, err) < 0)
        return -1;
    resources_filter(&total, needs_checkpoint, NULL, ret);
    return 0;
}

void agent_apply_operation(struct agent *agent, const Mesos__Internal__ApplyOperationMessage *message) {
    cleanup_error struct error err = ERROR_INIT;
    struct resources wanted;

    if (message->operation_uuid->value.len != UUID_BYTES) {
        log_warning("Dropping an operation whose uuid has %zu bytes", message->operation_uuid->value.len);
        return;
    }
    if (find(agent, message->operation_uuid) != NULL) {
        log_warning("Ignoring an operation that is here already");
        return;
    }
    if (convert(agent, message->operation_info, &wanted, &err) == 0) {
        add_finished(agent, message->framework_id, message->operation_info, message->operation_uuid);
        /* This writes the operation, too. */
        if (agent_set_checkpointed(agent, &wanted, &err) == 0)
            return;
        operation_free(find(agent, message->operation_uuid));
    }
    log_error("Dropping an operation and registering again: %s", error_message(&err));
    agent_register_again(agent);
}

/* Acknowledgements */

/* Mesos keeps the statuses of an operation in a folder of its own. */
static void remove_stream(struct agent *agent, const struct agent_operation *operation) {
    char uuid[UUID_TEXT_BYTES];
    cleanup_free char *folder = agent_path_agent(agent->meta_dir, agent_own_id(agent));
    cleanup_free char *operations = path_join(folder, "operations");
    cleanup_free char *path = path_join(operations, operation_text(operation, uuid));

    if (env_file_exists(agent->env, path))
        removals_add(&agent->removals, path);
}

void agent_operation_acknowledged(struct agent *agent,
                                  const Mesos__Internal__AcknowledgeOperationStatusMessage *message) {
    struct agent_operation *operation = find(agent, message->operation_uuid);
    char text[UUID_TEXT_BYTES];

    if (operation == NULL) {
        log_warning("Dropping the acknowledgement of a status of an unknown operation");
        return;
    }
    if (!message_equal(&operation->message->latest_status->uuid->base, &message->status_uuid->base)) {
        log_warning("Dropping the acknowledgement of another status of operation %s", operation_text(operation, text));
        return;
    }
    log_info("The status of operation %s is acknowledged", operation_text(operation, text));
    remove_stream(agent, operation);
    operation_free(operation);
    agent_write_resources(agent);
    agent_drain_check(agent);
}

/* Reconciliation */

static void send_unreliably(struct agent *agent, Mesos__V1__FrameworkID *framework_id, Mesos__V1__UUID *uuid,
                            Mesos__V1__OperationStatus *status) {
    Mesos__Internal__UpdateOperationStatusMessage update = MESOS__INTERNAL__UPDATE_OPERATION_STATUS_MESSAGE__INIT;

    update.framework_id = framework_id;
    update.slave_id = agent->info->id;
    update.operation_uuid = uuid;
    update.status = status;
    agent_send_to_master(agent, &update.base);
}

/* A framework asked: what is known goes to it once more, without a uuid, as nobody has to acknowledge it. */
static void answer_framework(struct agent *agent, Mesos__V1__FrameworkID *framework_id,
                             Mesos__Internal__ReconcileOperationsMessage__Operation *asked) {
    Mesos__V1__OperationStatus status = MESOS__V1__OPERATION_STATUS__INIT;
    const struct agent_operation *operation = find(agent, asked->operation_uuid);

    if (operation == NULL && asked->operation_id != NULL)
        operation = find_by_id(agent, framework_id, asked->operation_id);
    if (operation != NULL) {
        status = *operation->message->latest_status;
        status.uuid = NULL;
        send_unreliably(agent, framework_id, operation->message->uuid, &status);
        return;
    }
    /* The master asks only for operations of resource providers, and there are none. */
    status.operation_id = asked->operation_id;
    status.state = MESOS__V1__OPERATION_STATE__OPERATION_UNKNOWN;
    status.message = (char *)"Reconciliation: Operation is unknown";
    status.agent_id = agent->info->id;
    status.resource_provider_id = asked->resource_provider_id;
    send_unreliably(agent, framework_id, asked->operation_uuid, &status);
}

void agent_reconcile_operations(struct agent *agent, const Mesos__Internal__ReconcileOperationsMessage *message) {
    for (size_t i = 0; i < message->n_operations; i++) {
        Mesos__Internal__ReconcileOperationsMessage__Operation *asked = message->operations[i];
        Mesos__V1__OperationStatus status = MESOS__V1__OPERATION_STATUS__INIT;

        if (message->framework_id != NULL) {
            answer_framework(agent, message->framework_id, asked);
        } else if (asked->operation_uuid != NULL && find(agent, asked->operation_uuid) == NULL) {
            status.state = MESOS__V1__OPERATION_STATE__OPERATION_DROPPED;
            status.agent_id = agent->info->id;
            send_unreliably(agent, NULL, asked->operation_uuid, &status);
        }
    }
}

/* Masters that come and go */

static void send_update_agent(struct agent *agent) {
    cleanup_(arena_done) struct arena arena = ARENA_INIT;
    Mesos__Internal__UpdateSlaveMessage message = MESOS__INTERNAL__UPDATE_SLAVE_MESSAGE__INIT;
    Mesos__Internal__UpdateSlaveMessage__Operations operations =
        MESOS__INTERNAL__UPDATE_SLAVE_MESSAGE__OPERATIONS__INIT;
    Mesos__Internal__UpdateSlaveMessage__ResourceProviders providers =
        MESOS__INTERNAL__UPDATE_SLAVE_MESSAGE__RESOURCE_PROVIDERS__INIT;
    Mesos__V1__UUID version = MESOS__V1__UUID__INIT;

    message.slave_id = agent->info->id;
    message.has_update_oversubscribed_resources = true;
    message.update_oversubscribed_resources = false;
    version.value = (ProtobufCBinaryData){.data = agent->resource_version, .len = UUID_BYTES};
    message.resource_version_uuid = &version;
    message.operations = &operations;
    operations.n_operations = agent->operations.count;
    operations.operations = agent_operations_list(agent, &arena);
    message.resource_providers = &providers;
    agent_send_to_master(agent, &message.base);
}

void agent_operations_resume(struct agent *agent) {
    send_update_agent(agent);
    send_all(agent);
}

void agent_operations_pause(struct agent *agent) {
    struct agent_operation *operation;

    table_for_each (&agent->operations, operation) {
        env_timer_stop(&operation->retry);
        operation->interval_ns = RETRY_LEAST;
    }
}

/* Recovery */

/* Mesos notes an operation as pending before it applies it. [Slave::__recoverOperations] */
static int finish_pending(struct agent *agent, const Mesos__V1__Operation *message, struct error *err) {
    struct resources wanted;

    if (convert(agent, message->info, &wanted, err) < 0)
        return -1;
    add_finished(agent, message->framework_id, message->info, message->uuid);
    if (agent_set_checkpointed(agent, &wanted, err) == 0)
        return 0;
    operation_free(find(agent, message->uuid));
    return -1;
}

int agent_operations_recover(struct agent *agent, struct error *err) {
    cleanup_(arena_done) struct arena arena = ARENA_INIT;
    cleanup_free char *path = agent_path_resource_state(agent->meta_dir, false);
    const Mesos__Internal__Slave__ResourceState *state;
    ProtobufCMessage *message;

    /* Whether it can be read at all is agent_recover_resources()'s to say. */
    if (checkpoint_read_message(agent->env, path, &mesos__internal__slave__resource_state__descriptor, &arena, &message,
                                NULL) != 0)
        return 0;
    state = (const Mesos__Internal__Slave__ResourceState *)message;
    for (size_t i = 0; i < state->n_operations; i++) {
        const Mesos__V1__Operation *operation = state->operations[i];
        const Mesos__V1__OperationStatus *latest = operation->latest_status;

        if (operation->uuid->value.len != UUID_BYTES || find(agent, operation->uuid) != NULL)
            continue;
        if (latest->uuid != NULL) {
            add(agent, operation);
            find(agent, operation->uuid)->write = 0;
        } else if (latest->state == MESOS__V1__OPERATION_STATE__OPERATION_PENDING &&
                   finish_pending(agent, operation, err) < 0) {
            return error_wrap(err, "finishing an operation");
        }
    }
    return 0;
}
