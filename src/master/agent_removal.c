/* SPDX-License-Identifier: Apache-2.0 */
/* The end of an agent, and what its tasks and frameworks are told. */
#include <string.h>

#include "base/log.h"
#include "master/agent.h"
#include "master/framework.h"
#include "master/master.h"
#include "master/observer.h"
#include "master/status.h"
#include "message/message.h"

/* How an agent ends. */
struct ending {
    enum task_state aware_state; /* of tasks of partition-aware frameworks; others get TASK_LOST */
    Mesos__V1__TaskStatus__Reason aware_reason;
    const char *message;
    int64_t unreachable_since_ns; /* 0: it is not unreachable */
    Mesos__V1__OperationState operation_state;
};

static const struct ending gone_by_operator = {
    .aware_state = TASK_GONE_BY_OPERATOR,
    .aware_reason = MESOS__V1__TASK_STATUS__REASON__REASON_AGENT_REMOVED_BY_OPERATOR,
    .message = "Agent has been marked gone",
    .operation_state = MESOS__V1__OPERATION_STATE__OPERATION_GONE_BY_OPERATOR,
};

/* What a framework is told of a task whose agent is not there any more. Mesos says @otherwise of every task; a
 * framework that has been told, or is about to be, that a task finished must not hear that it was lost. */
static enum task_state last_word(const struct task *task, enum task_state otherwise) {
    return task_state_is_terminal(task_state(task)) ? task_state(task) : otherwise;
}

static void end_tasks(struct agent *agent, const struct ending *ending) {
    struct master *master = agent->master;
    struct task *task;

    list_for_each (&agent->tasks, task, in_agent) {
        struct framework *framework = task->framework;
        bool is_aware = framework->capabilities.partition_aware;
        bool had_ended = task_state_is_terminal(task_state(task));
        enum task_state state = last_word(task, is_aware ? ending->aware_state : TASK_LOST);
        struct master_status status;

        master_status_init_task(&status, master, task, state,
                                is_aware ? ending->aware_reason : MESOS__V1__TASK_STATUS__REASON__REASON_AGENT_REMOVED,
                                ending->message);
        if (ending->unreachable_since_ns != 0)
            master_status_set_unreachable(&status, ending->unreachable_since_ns);
        task_update(master, task, &status.status, state);
        if (framework_is_connected(framework))
            framework_send_update(framework, &status.status);
        /* What is told to have ended is not unreachable: even if the agent forgot it, it does not begin again. */
        task_remove(master, task, ending->unreachable_since_ns != 0 && !had_ended);
    }
}

/* The end of the operation, for frameworks that asked to be told. */
static void end_operations(struct agent *agent, const struct ending *ending) {
    struct operation *operation;

    list_for_each (&agent->operations, operation, in_agent) {
        Mesos__V1__OperationStatus status = MESOS__V1__OPERATION_STATUS__INIT;
        struct framework *framework = operation->framework;

        if (framework != NULL && operation->id != NULL &&
            !operation_state_is_terminal((int)operation->message->latest_status->state)) {
            status.operation_id = operation->message->info->id;
            status.state = ending->operation_state;
            status.message = (char *)ending->message;
            status.agent_id = agent->info->id;
            framework_send_operation_status(framework, &status);
        }
        master_metrics_operation_moved(agent->master, (int)operation->message->info->type, 0,
                                       (int)ending->operation_state);
        operation_remove(operation);
    }
}

static void tell_frameworks(struct master *master, const char *agent_id) {
    struct framework *framework;

    table_for_each (&master->frameworks, framework) {
        if (framework_is_connected(framework))
            framework_send_failure(framework, agent_id, NULL, 0);
    }
}

static void end(struct agent *agent, const struct ending *ending) {
    struct master *master = agent->master;
    struct executor *executor;
    struct inverse_offer *inverse;
    struct offer *offer;
    struct pid pid;

    end_tasks(agent, ending);
    table_for_each (&agent->executors, executor)
        executor_forget(executor);
    list_for_each (&agent->offers, offer, in_agent)
        offer_rescind(offer);
    list_for_each (&agent->inverse_offers, inverse, in_agent)
        inverse_offer_remove(inverse, true);
    end_operations(agent, ending);
    allocator_remove_agent(master->allocator, agent->id);
    agent_get_pid(agent, &pid);
    process_unlink(&master->process, &pid);
    table_remove(&master->agents, agent->id);
    if (table_find(&master->agents_by_pid, agent->pid_text) == agent)
        table_remove(&master->agents_by_pid, agent->pid_text);
    lost_agent_add(&master->removed_agents, agent->id, env_wall_clock(master->env), MAX_REMOVED_AGENTS);
    metric_increment(&master->metrics.slave_removals);
    tell_frameworks(master, agent->id);
    observers_agent_removed(master, agent->id);
    agent_free(agent);
}

void agent_mark_unreachable(struct agent *agent, const char *message) {
    struct master *master = agent->master;
    struct ending ending = {
        .aware_state = TASK_UNREACHABLE,
        .aware_reason = MESOS__V1__TASK_STATUS__REASON__REASON_AGENT_REMOVED,
        .message = message,
        .unreachable_since_ns = env_wall_clock(master->env),
        .operation_state = MESOS__V1__OPERATION_STATE__OPERATION_UNREACHABLE,
    };
    char text[AGENT_TEXT_BYTES];

    log_warning("Marking agent %s unreachable: %s", agent_text(agent, text), message);
    metric_increment(&master->metrics.slave_removals_reason_unhealthy);
    lost_agent_add(&master->unreachable_agents, agent->id, ending.unreachable_since_ns,
                   (size_t)master->flags->registry_max_agent_count);
    end(agent, &ending);
}

void agent_mark_gone(struct agent *agent) {
    struct master *master = agent->master;
    Mesos__Internal__ShutdownMessage shutdown = MESOS__INTERNAL__SHUTDOWN_MESSAGE__INIT;
    char text[AGENT_TEXT_BYTES];

    log_info("Marking agent %s gone", agent_text(agent, text));
    shutdown.message = (char *)gone_by_operator.message;
    agent_send(agent, &shutdown.base);
    lost_agent_add(&master->gone_agents, agent->id, env_wall_clock(master->env),
                   (size_t)master->flags->registry_max_agent_count);
    end(agent, &gone_by_operator);
}

/* The end of the tasks that were unreachable with @lost. */
static void end_unreachable_tasks(struct lost_agent *lost, const struct ending *ending, bool is_told) {
    struct task *task;

    list_for_each (&lost->tasks, task, in_agent) {
        struct framework *framework = task->framework;
        struct master *master = framework->master;
        bool is_aware = framework->capabilities.partition_aware;
        enum task_state state = is_aware ? ending->aware_state : TASK_LOST;
        struct master_status status;

        master_status_init_task(&status, master, task, state,
                                is_aware ? ending->aware_reason : MESOS__V1__TASK_STATUS__REASON__REASON_AGENT_REMOVED,
                                ending->message);
        task_update(master, task, &status.status, state);
        if (is_told && framework_is_connected(framework))
            framework_send_update(framework, &status.status);
        table_remove(&framework->unreachable_tasks, task->id);
        framework_add_completed_task(framework, task);
    }
}

void unreachable_agent_mark_gone(struct master *master, struct lost_agent *lost) {
    lost_agent_add(&master->gone_agents, lost->id, env_wall_clock(master->env),
                   (size_t)master->flags->registry_max_agent_count);
    end_unreachable_tasks(lost, &gone_by_operator, true);
    lost_agent_remove(&master->unreachable_agents, lost->id);
}

void unreachable_agent_is_back(struct master *master, struct lost_agent *lost) {
    static const struct ending gone = {
        .aware_state = TASK_GONE,
        .aware_reason = MESOS__V1__TASK_STATUS__REASON__REASON_AGENT_REREGISTERED,
        .message = "Unreachable agent re-registered without the task",
    };

    end_unreachable_tasks(lost, &gone, false);
    lost_agent_remove(&master->unreachable_agents, lost->id);
}

void agent_remove(struct agent *agent, const char *reason) {
    cleanup_free char *message = xasprintf("Agent %s removed: %s", agent->info->hostname, reason);
    struct ending ending = {
        .aware_state = TASK_LOST,
        .aware_reason = MESOS__V1__TASK_STATUS__REASON__REASON_AGENT_REMOVED,
        .message = message,
        .operation_state = MESOS__V1__OPERATION_STATE__OPERATION_GONE_BY_OPERATOR,
    };
    char text[AGENT_TEXT_BYTES];

    log_info("Removing agent %s: %s", agent_text(agent, text), reason);
    end(agent, &ending);
}

/* The framework does not checkpoint: its executors died with their agent. [Master::removeFramework(slave, framework)]
 */
static void lose_tasks(struct agent *agent) {
    struct master *master = agent->master;
    cleanup_free char *message = xasprintf("Agent %s disconnected", agent->info->hostname);
    struct executor *executor;
    struct task *task;

    list_for_each (&agent->tasks, task, in_agent) {
        struct framework *framework = task->framework;
        struct master_status status;
        enum task_state state;

        if (framework->info->checkpoint)
            continue;
        state = last_word(task, TASK_LOST);
        master_status_init_task(&status, master, task, state, MESOS__V1__TASK_STATUS__REASON__REASON_AGENT_DISCONNECTED,
                                message);
        task_update(master, task, &status.status, state);
        if (framework_is_connected(framework))
            framework_send_update(framework, &status.status);
        task_remove(master, task, false);
    }
    table_for_each (&agent->executors, executor) {
        if (!executor->framework->info->checkpoint)
            executor_remove(master, executor);
    }
}

void agent_disconnected(struct agent *agent) {
    char text[AGENT_TEXT_BYTES];

    if (!agent_is_connected(agent))
        return;
    log_info("Agent %s disconnected", agent_text(agent, text));
    agent_set_state(agent, AGENT_DISCONNECTED);
    lose_tasks(agent);
}

void agents_done(struct master *master) {
    struct executor *executor;
    struct operation *operation;
    struct inverse_offer *inverse;
    struct offer *offer;
    struct agent *agent;
    struct task *task;

    table_for_each (&master->agents, agent) {
        list_for_each (&agent->tasks, task, in_agent) {
            list_remove(&task->in_agent);
            table_remove(&task->framework->tasks, task->id);
            task_free(task);
        }
        table_for_each (&agent->executors, executor)
            executor_forget(executor);
        list_for_each (&agent->offers, offer, in_agent)
            offer_remove(offer);
        list_for_each (&agent->inverse_offers, inverse, in_agent)
            inverse_offer_remove(inverse, false);
        list_for_each (&agent->operations, operation, in_agent)
            operation_remove(operation);
        agent_free(agent);
    }
    table_clear(&master->agents);
    table_clear(&master->agents_by_pid);
}
