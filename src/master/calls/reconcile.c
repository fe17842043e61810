/* SPDX-License-Identifier: Apache-2.0 */
/* RECONCILE: the master tells what it knows of tasks, in updates that need no acknowledgement; and the same for
 * operations. */
#include "master/calls/reconcile.h"

#include <string.h>

#include "base/log.h"
#include "master/agent.h"
#include "master/calls/calls.h"
#include "master/framework.h"
#include "master/master.h"
#include "master/status.h"

static void send_state(const struct task *task, enum task_state state) {
    struct master_status status;
    struct arena arena = ARENA_INIT;

    master_status_init_task(&status, task->framework->master, task, state,
                            MESOS__V1__TASK_STATUS__REASON__REASON_RECONCILIATION, "Reconciliation: Latest task state");
    master_status_add_known(&status, task, &arena);
    framework_send_update(task->framework, &status.status);
    arena_done(&arena);
}

static void send_latest(const struct task *task) {
    send_state(task, task_reported_state(task));
}

void reconcile_task(struct framework *framework, const char *task_id, const char *agent_id) {
    struct master *master = framework->master;
    const struct task *task = table_find(&framework->tasks, task_id);
    const struct task *completed;
    const struct lost_agent *unreachable = NULL;
    enum task_state state = TASK_UNKNOWN;
    const char *message = "Reconciliation: Task is unknown";
    struct master_status status;

    if (task != NULL) {
        send_latest(task);
        return;
    }
    /* Mesos has forgotten it by now and says that it is gone; but the question may have crossed the answer. */
    completed = framework_find_completed_task(framework, task_id);
    if (completed != NULL) {
        send_state(completed, task_state(completed));
        return;
    }
    if (agent_id != NULL && agent_find(master, agent_id) != NULL) {
        state = TASK_GONE;
        message = "Reconciliation: Task is unknown to the agent";
    } else if (agent_id != NULL && (unreachable = table_find(&master->unreachable_agents, agent_id)) != NULL) {
        state = TASK_UNREACHABLE;
        message = "Reconciliation: Task is unreachable";
    } else if (agent_id != NULL && table_find(&master->gone_agents, agent_id) != NULL) {
        state = TASK_GONE_BY_OPERATOR;
        message = "Reconciliation: Task is gone";
    } else if (leadership_awaits(master, framework->id, agent_id)) {
        log_info("No answer about task %.100s of framework %.100s yet: its agent may come back", task_id,
                 framework->id);
        return;
    }
    if (!framework->capabilities.partition_aware)
        state = task_state_for_unaware(state);
    master_status_init(&status, master, task_id, agent_id, state, MESOS__V1__TASK_STATUS__REASON__REASON_RECONCILIATION,
                       message);
    if (unreachable != NULL)
        master_status_set_unreachable(&status, unreachable->since_ns);
    framework_send_update(framework, &status.status);
}

int call_reconcile(struct framework *framework, Mesos__V1__Scheduler__Call *call, struct arena *arena,
                   struct error *err) {
    const Mesos__V1__Scheduler__Call__Reconcile *reconcile = call->reconcile;
    const struct task *task;

    metric_increment(&framework->master->metrics.messages_reconcile_tasks);
    if (reconcile->n_tasks == 0) {
        log_info("Reconciling all tasks of framework %s", framework->id);
        table_for_each (&framework->tasks, task)
            send_latest(task);
        return 0;
    }
    log_info("Reconciling %zu tasks of framework %s", reconcile->n_tasks, framework->id);
    for (size_t i = 0; i < reconcile->n_tasks; i++)
        reconcile_task(framework, reconcile->tasks[i]->task_id->value,
                       reconcile->tasks[i]->agent_id == NULL ? NULL : reconcile->tasks[i]->agent_id->value);
    return 0;
}

/* Operations */

static void send_operation(struct framework *framework, Mesos__V1__OperationID *id, Mesos__V1__AgentID *agent_id,
                           Mesos__V1__ResourceProviderID *provider_id, Mesos__V1__OperationState state,
                           const char *message) {
    Mesos__V1__OperationStatus status = MESOS__V1__OPERATION_STATUS__INIT;

    status.operation_id = id;
    status.agent_id = agent_id;
    status.resource_provider_id = provider_id;
    status.state = state;
    status.message = (char *)message;
    framework_send_operation_status(framework, &status);
}

static void send_latest_operation(struct framework *framework, const struct operation *operation) {
    /* What the framework has not acknowledged yet is the latest it was told of. */
    const Mesos__V1__Operation *message = operation->message;
    const Mesos__V1__OperationStatus *latest = message->n_statuses == 0 ? message->latest_status
                                                                        : message->statuses[message->n_statuses - 1];
    Mesos__V1__OperationStatus status = *latest;

    status.operation_id = message->info->id;
    status.uuid = NULL;
    if (status.agent_id == NULL)
        status.agent_id = message->agent_id;
    framework_send_operation_status(framework, &status);
}

static void reconcile_operation(struct framework *framework,
                                const Mesos__V1__Scheduler__Call__ReconcileOperations__Operation *asked) {
    struct master *master = framework->master;
    const struct operation *operation = operation_find_by_id(framework, asked->operation_id->value);
    const char *agent_id = asked->agent_id == NULL ? NULL : asked->agent_id->value;
    Mesos__V1__OperationState state = MESOS__V1__OPERATION_STATE__OPERATION_UNKNOWN;
    const char *message = agent_id == NULL ? "Reconciliation: Operation is unknown and no 'agent_id' was provided"
                                           : "Reconciliation: Both operation and agent are unknown";

    if (operation != NULL) {
        send_latest_operation(framework, operation);
        return;
    }
    if (agent_id != NULL && agent_find(master, agent_id) != NULL) {
        message = "Reconciliation: Operation is unknown";
    } else if (agent_id != NULL && table_find(&master->unreachable_agents, agent_id) != NULL) {
        state = MESOS__V1__OPERATION_STATE__OPERATION_UNREACHABLE;
        message = "Reconciliation: Agent is unreachable";
    } else if (agent_id != NULL && table_find(&master->gone_agents, agent_id) != NULL) {
        state = MESOS__V1__OPERATION_STATE__OPERATION_GONE_BY_OPERATOR;
        message = "Reconciliation: Agent marked gone by operator";
    } else if (leadership_awaits(master, framework->id, agent_id)) {
        state = MESOS__V1__OPERATION_STATE__OPERATION_RECOVERING;
        message = "Reconciliation: Agent is recovered but has not re-registered";
    }
    send_operation(framework, asked->operation_id, asked->agent_id, asked->resource_provider_id, state, message);
}

int call_reconcile_operations(struct framework *framework, Mesos__V1__Scheduler__Call *call, struct arena *arena,
                              struct error *err) {
    const Mesos__V1__Scheduler__Call__ReconcileOperations *reconcile = call->reconcile_operations;
    const struct operation *operation;

    metric_increment(&framework->master->metrics.messages_reconcile_operations);
    if (reconcile->n_operations == 0) {
        table_for_each (&framework->operations, operation)
            send_latest_operation(framework, operation);
        return 0;
    }
    for (size_t i = 0; i < reconcile->n_operations; i++)
        reconcile_operation(framework, reconcile->operations[i]);
    return 0;
}
