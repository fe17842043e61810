/* SPDX-License-Identifier: Apache-2.0 */
/* The libprocess messages an agent takes: one table. */
#include <string.h>

#include "agent/drain.h"
#include "agent/kill.h"
#include "agent/launch.h"
#include "agent/operations.h"
#include "agent/pid_executors.h"
#include "agent/registration.h"
#include "agent/reservations.h"
#include "agent/task_status.h"
#include "base/log.h"

/* A message as its handler gets it. The message may be changed; it lasts as long as the arena. */
struct incoming {
    struct agent *agent;
    const struct pid *from;
    ProtobufCMessage *message;
    struct arena *arena;
};

/* What must hold before a handler is called. */
enum { FROM_MASTER = 1, WHEN_REGISTERED = 2, COUNTED = 4 /* as an invalid framework message if dropped */ };

struct message_row {
    const char *name;
    const ProtobufCMessageDescriptor *descriptor;
    void (*handle)(struct incoming *in);
    unsigned needs;
};

#define MESSAGE(type) ((Mesos__Internal__##type *)in->message)

static void on_registered(struct incoming *in) {
    agent_on_registered(in->agent, MESSAGE(SlaveRegisteredMessage));
}

static void on_reregistered(struct incoming *in) {
    agent_on_reregistered(in->agent, MESSAGE(SlaveReregisteredMessage));
}

static void on_ping(struct incoming *in) {
    agent_on_ping(in->agent, in->from, MESSAGE(PingSlaveMessage)->connected);
}

static void on_run_task(struct incoming *in) {
    agent_run_task(in->agent, MESSAGE(RunTaskMessage), in->arena);
}

static void on_run_task_group(struct incoming *in) {
    agent_run_task_group(in->agent, MESSAGE(RunTaskGroupMessage), in->arena);
}

static void on_kill_task(struct incoming *in) {
    const Mesos__Internal__KillTaskMessage *message = MESSAGE(KillTaskMessage);

    agent_kill_task(in->agent, message->framework_id->value, message->task_id->value, message->kill_policy);
}

static void on_acknowledgement(struct incoming *in) {
    const Mesos__Internal__StatusUpdateAcknowledgementMessage *message = MESSAGE(StatusUpdateAcknowledgementMessage);

    agent_update_acknowledged(in->agent, message->framework_id->value, message->task_id->value, &message->uuid);
}

static void on_shutdown_framework(struct incoming *in) {
    struct agent_framework *framework = agent_framework_find(in->agent,
                                                             MESSAGE(ShutdownFrameworkMessage)->framework_id->value);

    if (framework != NULL)
        agent_framework_shutdown(framework);
}

static void on_shutdown_executor(struct incoming *in) {
    const Mesos__Internal__ShutdownExecutorMessage *message = MESSAGE(ShutdownExecutorMessage);
    struct agent_framework *framework;
    struct agent_executor *executor;

    if (message->executor_id == NULL || message->framework_id == NULL) {
        log_warning("Ignoring the shutdown of an executor without its ids");
        return;
    }
    framework = agent_framework_find(in->agent, message->framework_id->value);
    executor = framework != NULL ? agent_executor_find(framework, message->executor_id->value) : NULL;
    log_info("Asked to shut down executor '%s' of framework %s", message->executor_id->value,
             message->framework_id->value);
    if (executor == NULL || framework->state == FRAMEWORK_TERMINATING ||
        (executor->state != EXECUTOR_REGISTERING && executor->state != EXECUTOR_RUNNING)) {
        log_warning("Ignoring the shutdown of executor '%s' of framework %s, which is %s", message->executor_id->value,
                    message->framework_id->value, executor == NULL ? "unknown" : "on its way already");
        return;
    }
    agent_executor_shutdown(executor);
}

static void on_framework_message(struct incoming *in) {
    const Mesos__Internal__FrameworkToExecutorMessage *message = MESSAGE(FrameworkToExecutorMessage);
    const struct agent_framework *framework = agent_framework_find(in->agent, message->framework_id->value);
    struct agent_executor *executor = framework != NULL ? agent_executor_find(framework, message->executor_id->value)
                                                        : NULL;
    Mesos__V1__Executor__Event event = MESOS__V1__EXECUTOR__EVENT__INIT;
    Mesos__V1__Executor__Event__Message body = MESOS__V1__EXECUTOR__EVENT__MESSAGE__INIT;

    if (executor == NULL || framework->state == FRAMEWORK_TERMINATING || executor->state != EXECUTOR_RUNNING) {
        log_warning("Dropping message from framework %s for executor '%s', which is not running",
                    message->framework_id->value, message->executor_id->value);
        metric_increment(&in->agent->metrics.invalid_framework_messages);
        return;
    }
    event.has_type = true;
    event.type = MESOS__V1__EXECUTOR__EVENT__TYPE__MESSAGE;
    event.message = &body;
    body.data = message->data;
    executor_connection_send(&executor->connection, &event);
    metric_increment(&in->agent->metrics.valid_framework_messages);
}

static void on_update_framework(struct incoming *in) {
    const Mesos__Internal__UpdateFrameworkMessage *message = MESSAGE(UpdateFrameworkMessage);
    struct agent_framework *framework = agent_framework_find(in->agent, message->framework_id->value);

    if (framework == NULL || framework->state == FRAMEWORK_TERMINATING) {
        log_info("Ignoring info update for framework %s because it is %s", message->framework_id->value,
                 framework == NULL ? "not here" : "terminating");
        return;
    }
    log_info("Updating info for framework %s", framework->id);
    agent_framework_update(framework, message->framework_info, message->pid);
    /* The scheduler may have missed updates while it was away. */
    update_manager_resume(&in->agent->updates);
}

static void on_checkpoint_resources(struct incoming *in) {
    const Mesos__Internal__CheckpointResourcesMessage *message = MESSAGE(CheckpointResourcesMessage);

    message_upgrade_resources(in->message, in->arena);
    agent_on_checkpoint_resources(in->agent, message->resources, message->n_resources);
}

static void on_apply_operation(struct incoming *in) {
    message_upgrade_resources(in->message, in->arena);
    agent_apply_operation(in->agent, MESSAGE(ApplyOperationMessage));
}

static void on_operation_acknowledgement(struct incoming *in) {
    agent_operation_acknowledged(in->agent, MESSAGE(AcknowledgeOperationStatusMessage));
}

static void on_reconcile_operations(struct incoming *in) {
    agent_reconcile_operations(in->agent, MESSAGE(ReconcileOperationsMessage));
}

static void on_drain(struct incoming *in) {
    agent_on_drain(in->agent, MESSAGE(DrainSlaveMessage)->config);
}

static void on_shutdown(struct incoming *in) {
    const char *message = MESSAGE(ShutdownMessage)->message;

    log_info("Master asked agent to shut down%s%s", message != NULL && *message != '\0' ? ": " : "",
             message != NULL ? message : "");
    agent_begin_shutdown(in->agent, false);
}

static void on_register_executor(struct incoming *in) {
    const Mesos__Internal__RegisterExecutorMessage *message = MESSAGE(RegisterExecutorMessage);

    pid_executor_register(in->agent, in->from, message->framework_id->value, message->executor_id->value);
}

static void on_reregister_executor(struct incoming *in) {
    pid_executor_reregister(in->agent, in->from, MESSAGE(ReregisterExecutorMessage));
}

static void on_status_update(struct incoming *in) {
    pid_executor_update(in->agent, in->from, MESSAGE(StatusUpdateMessage));
}

static void on_executor_message(struct incoming *in) {
    const Mesos__Internal__ExecutorToFrameworkMessage *message = MESSAGE(ExecutorToFrameworkMessage);

    agent_executor_message(in->agent, message->framework_id->value, message->executor_id->value, &message->data);
}

static const struct message_row rows[] = {
    {"mesos.internal.SlaveRegisteredMessage", &mesos__internal__slave_registered_message__descriptor, on_registered,
     FROM_MASTER},
    {"mesos.internal.SlaveReregisteredMessage", &mesos__internal__slave_reregistered_message__descriptor,
     on_reregistered, FROM_MASTER},
    {"mesos.internal.PingSlaveMessage", &mesos__internal__ping_slave_message__descriptor, on_ping, 0},
    {"mesos.internal.RunTaskMessage", &mesos__internal__run_task_message__descriptor, on_run_task, FROM_MASTER},
    {"mesos.internal.RunTaskGroupMessage", &mesos__internal__run_task_group_message__descriptor, on_run_task_group,
     FROM_MASTER},
    {"mesos.internal.KillTaskMessage", &mesos__internal__kill_task_message__descriptor, on_kill_task, FROM_MASTER},
    {"mesos.internal.StatusUpdateAcknowledgementMessage",
     &mesos__internal__status_update_acknowledgement_message__descriptor, on_acknowledgement,
     FROM_MASTER | WHEN_REGISTERED},
    {"mesos.internal.ShutdownFrameworkMessage", &mesos__internal__shutdown_framework_message__descriptor,
     on_shutdown_framework, FROM_MASTER | WHEN_REGISTERED},
    {"mesos.internal.ShutdownExecutorMessage", &mesos__internal__shutdown_executor_message__descriptor,
     on_shutdown_executor, FROM_MASTER | WHEN_REGISTERED},
    {"mesos.internal.FrameworkToExecutorMessage", &mesos__internal__framework_to_executor_message__descriptor,
     on_framework_message, WHEN_REGISTERED | COUNTED},
    {"mesos.internal.UpdateFrameworkMessage", &mesos__internal__update_framework_message__descriptor,
     on_update_framework, FROM_MASTER | WHEN_REGISTERED | COUNTED},
    {"mesos.internal.CheckpointResourcesMessage", &mesos__internal__checkpoint_resources_message__descriptor,
     on_checkpoint_resources, FROM_MASTER},
    /* One that comes while the agent is not registered is dropped, so that what it says of its resources and operations
     * when it registers is what the master believes. */
    {"mesos.internal.ApplyOperationMessage", &mesos__internal__apply_operation_message__descriptor, on_apply_operation,
     FROM_MASTER | WHEN_REGISTERED},
    {"mesos.internal.AcknowledgeOperationStatusMessage",
     &mesos__internal__acknowledge_operation_status_message__descriptor, on_operation_acknowledgement,
     FROM_MASTER | WHEN_REGISTERED},
    {"mesos.internal.ReconcileOperationsMessage", &mesos__internal__reconcile_operations_message__descriptor,
     on_reconcile_operations, FROM_MASTER | WHEN_REGISTERED},
    {"mesos.internal.DrainSlaveMessage", &mesos__internal__drain_slave_message__descriptor, on_drain,
     FROM_MASTER | WHEN_REGISTERED},
    {"mesos.internal.ShutdownMessage", &mesos__internal__shutdown_message__descriptor, on_shutdown, FROM_MASTER},
    {"mesos.internal.RegisterExecutorMessage", &mesos__internal__register_executor_message__descriptor,
     on_register_executor, 0},
    {"mesos.internal.ReregisterExecutorMessage", &mesos__internal__reregister_executor_message__descriptor,
     on_reregister_executor, 0},
    {"mesos.internal.StatusUpdateMessage", &mesos__internal__status_update_message__descriptor, on_status_update, 0},
    {"mesos.internal.ExecutorToFrameworkMessage", &mesos__internal__executor_to_framework_message__descriptor,
     on_executor_message, WHEN_REGISTERED | COUNTED},
};

static const struct message_row *find_row(const char *name) {
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        if (strcmp(rows[i].name, name) == 0)
            return &rows[i];
    }
    return NULL;
}

/* Why @row is not to be handled now; NULL if it is. */
static const char *find_obstacle(const struct agent *agent, const struct message_row *row, const struct pid *from) {
    if ((row->needs & FROM_MASTER) != 0 &&
        (!agent->has_master || !address_equal(&agent->master.address, &from->address)))
        return "it is not from the expected master";
    if ((row->needs & WHEN_REGISTERED) != 0 && agent->state != AGENT_RUNNING && agent->state != AGENT_TERMINATING)
        return "the agent is not registered";
    return NULL;
}

static void on_message(struct process *process, const struct pid *from, const char *name, const char *body,
                       size_t size) {
    struct agent *agent = container_of(process, struct agent, process);
    const struct message_row *row = find_row(name);
    cleanup_(arena_done) struct arena arena = ARENA_INIT;
    cleanup_error struct error err = ERROR_INIT;
    struct incoming in = {.agent = agent, .from = from, .arena = &arena};
    char text[PID_BYTES];
    const char *obstacle;

    if (agent->has_ended)
        return;
    if (row == NULL) {
        log_warning("Dropping message %s from %s, which an agent does not take", name, pid_format(from, text));
        return;
    }
    obstacle = find_obstacle(agent, row, from);
    if (obstacle != NULL) {
        log_warning("Ignoring message %s from %s because %s", name, pid_format(from, text), obstacle);
        if ((row->needs & COUNTED) != 0)
            metric_increment(&agent->metrics.invalid_framework_messages);
        return;
    }
    if (message_decode(row->descriptor, body, size, &arena, &in.message, &err) < 0) {
        log_warning("Dropping message %s from %s: %s", name, pid_format(from, text), error_message(&err));
        return;
    }
    row->handle(&in);
}

static void on_exited(struct process *process, const struct pid *peer) {
    struct agent *agent = container_of(process, struct agent, process);

    if (!agent->has_ended)
        agent_on_exited(agent, peer);
}

const struct process_ops agent_process_ops = {.on_message = on_message, .on_exited = on_exited};
