/* SPDX-License-Identifier: Apache-2.0 */
/* Agents that register and register again.
 *
 * A message is checked, the agent is admitted to the registry, and what it runs is taken over. The registry is in
 * memory, so that admission is done at once; each stage is a function of its own named after what has happened. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "master/agent.h"
#include "master/agent_messages.h"
#include "master/framework.h"
#include "master/master.h"
#include "master/status.h"
#include "master/validation.h"
#include "message/message.h"

static void send_shutdown(struct master *master, const struct pid *to, const char *reason) {
    Mesos__Internal__ShutdownMessage message = MESOS__INTERNAL__SHUTDOWN_MESSAGE__INIT;

    message.message = (char *)reason;
    master_send(master, to, &message.base);
}

static void send_registered(struct agent *agent) {
    Mesos__Internal__MasterSlaveConnection connection = MESOS__INTERNAL__MASTER_SLAVE_CONNECTION__INIT;
    Mesos__Internal__SlaveRegisteredMessage message = MESOS__INTERNAL__SLAVE_REGISTERED_MESSAGE__INIT;

    connection.has_total_ping_timeout_seconds = true;
    connection.total_ping_timeout_seconds = agent_total_ping_timeout_seconds(agent->master);
    message.slave_id = agent->info->id;
    message.connection = &connection;
    agent_send(agent, &message.base);
}

/* Whether an agent of this version and domain is taken at all; logs why not. */
static bool is_acceptable(struct master *master, const struct pid *from, const Mesos__V1__AgentInfo *info,
                          const char *version) {
    struct error cleanup_error err = ERROR_INIT;
    char pid[PID_BYTES];

    pid_format(from, pid);
    if (validate_agent_version(version, &err) < 0)
        log_warning("Ignoring the registration of the agent at %s: %s", pid, error_message(&err));
    else if (info->domain != NULL && master->info->domain == NULL)
        log_warning("Ignoring the registration of the agent at %s: it has a domain but the master has none", pid);
    else if (info->domain == NULL && master->flags->require_agent_domain)
        log_warning(
            "Ignoring the registration of the agent at %s: it has no domain, which --require_agent_domain asks for",
            pid);
    else
        return true;
    return false;
}

/* Registration */

static void register_admitted(struct master *master, const struct pid *from,
                              const struct agent_description *description) {
    struct error cleanup_error err = ERROR_INIT;
    char text[AGENT_TEXT_BYTES], pid[PID_BYTES];
    cleanup_free char *resources = NULL;
    struct agent *agent;

    if (agent_new(master, from, description, &agent, &err) < 0) {
        log_warning("Ignoring the registration of the agent at %s: %s", pid_format(from, pid), error_message(&err));
        return;
    }
    agent->registered_ns = env_wall_clock(master->env);
    metric_increment(&master->metrics.slave_registrations);
    agent_add(agent);
    send_registered(agent);
    resources = resources_text(&agent->total);
    log_info("Registered agent %s with %s", agent_text(agent, text), resources);
}

void on_register_agent(struct master *master, const struct pid *from, ProtobufCMessage *base) {
    const Mesos__Internal__RegisterSlaveMessage *message = (Mesos__Internal__RegisterSlaveMessage *)base;
    struct agent *agent = agent_find_by_pid(master, from);
    Mesos__V1__AgentInfo info = *message->slave;
    Mesos__V1__AgentID id = MESOS__V1__AGENT_ID__INIT;
    struct error cleanup_error err = ERROR_INIT;
    struct agent_description description = {
        .info = &info,
        .version = message->version,
        .capabilities = message->agent_capabilities,
        .capability_count = message->n_agent_capabilities,
        .checkpointed = message->checkpointed_resources,
        .checkpointed_count = message->n_checkpointed_resources,
        .resource_version = message->resource_version_uuid,
    };
    char text[AGENT_TEXT_BYTES], pid[PID_BYTES];
    cleanup_free char *new_id = NULL;

    metric_increment(&master->metrics.messages_register_slave);
    pid_format(from, pid);
    if (validate_register_agent(message, &err) < 0) {
        log_warning("Dropping the registration of the agent at %s: %s", pid, error_message(&err));
        return;
    }
    if (!is_acceptable(master, from, &info, message->version))
        return;
    if (agent != NULL && agent_is_connected(agent)) {
        log_info("Agent %s is registered already; telling it again", agent_text(agent, text));
        send_registered(agent);
        return;
    }
    if (agent != NULL) {
        metric_increment(&master->metrics.slave_removals_reason_registered);
        agent_remove(agent, "a new agent registered at the same address");
    }
    new_id = xasprintf("%s-S%" PRIu64, master->id, master->next_agent++);
    id.value = new_id;
    info.id = &id;
    log_info("Registering the agent at %s (%s) with the id %s", pid, info.hostname, new_id);
    register_admitted(master, from, &description);
}

/* Registration of an agent that has an id */

static const Mesos__V1__FrameworkInfo *find_framework_info(const Mesos__Internal__ReregisterSlaveMessage *message,
                                                           const char *id) {
    for (size_t i = 0; i < message->n_frameworks; i++) {
        if (strcmp(message->frameworks[i]->id->value, id) == 0)
            return message->frameworks[i];
    }
    return NULL;
}

/* The framework that a task or executor belongs to, known from now on if it was not; NULL if it is completed. */
static struct framework *framework_of(struct master *master, const Mesos__Internal__ReregisterSlaveMessage *message,
                                      const char *id) {
    struct framework *framework = framework_find(master, id);

    if (framework != NULL || framework_is_completed(master, id))
        return framework;
    log_info("Recovering framework %s, which agent %s runs", id, message->slave->id->value);
    /* validate_reregister_agent() has seen to it that the info is there. */
    return framework_recover(master, find_framework_info(message, id));
}

/* Agents without the MULTI_ROLE capability do not say to which role resources are allocated. */
static void allocate_to_only_role(struct resources *resources, const struct framework *framework) {
    if (framework->role_count == 1 && resources_allocation_role(resources) == NULL)
        resources_allocate(resources, framework->roles[0]);
}

static void take_executors(struct agent *agent, const Mesos__Internal__ReregisterSlaveMessage *message) {
    for (size_t i = 0; i < message->n_executor_infos; i++) {
        const Mesos__V1__ExecutorInfo *info = message->executor_infos[i];
        struct framework *framework = framework_of(agent->master, message, info->framework_id->value);

        if (framework != NULL && executor_find(agent, framework->id, info->executor_id->value) == NULL)
            executor_add(agent, framework, info);
    }
}

/* The framework was told that the task is lost or unreachable, or knows it from another master: tell how it is. */
static void tell_of_task(struct task *task, bool was_unreachable) {
    struct master *master = task->framework->master;
    struct master_status status;
    struct arena arena = ARENA_INIT;

    if (!framework_is_connected(task->framework))
        return;
    master_status_init_task(&status, master, task, task_state(task),
                            MESOS__V1__TASK_STATUS__REASON__REASON_AGENT_REREGISTERED,
                            was_unreachable ? "Unreachable agent re-registered" : "Unknown agent re-registered");
    master_status_add_known(&status, task, &arena);
    framework_send_update(task->framework, &status.status);
    arena_done(&arena);
}

/* A task that has ended for its framework, which was told so, does not begin again: what is left of it is killed, and
 * its updates go no further. */
static bool has_ended(struct agent *agent, struct framework *framework, const Mesos__V1__Task *message) {
    if (framework_find_completed_task(framework, message->task_id->value) == NULL)
        return false;
    if (!task_state_is_terminal((enum task_state)message->state)) {
        log_warning("Killing task %s of framework %s on agent %s because it has ended for its framework",
                    message->task_id->value, framework->id, agent->id);
        agent_kill_task(agent, framework->id, message->task_id->value);
    }
    return true;
}

static void take_task(struct agent *agent, struct framework *framework, const Mesos__V1__Task *message) {
    struct task *task;

    if (has_ended(agent, framework, message))
        return;
    framework_forget_task(framework, message->task_id->value);
    if (table_find(&framework->tasks, message->task_id->value) != NULL) {
        /* Started again elsewhere with the same id while this agent was away. */
        log_warning("Killing task %s of framework %s on agent %s because another agent runs one with this id",
                    message->task_id->value, framework->id, agent->id);
        agent_kill_task(agent, framework->id, message->task_id->value);
        return;
    }
    task = task_new_from_message(message, framework);
    allocate_to_only_role(&task->resources, framework);
    task_attach(task, agent);
}

static void take_tasks(struct agent *agent, const Mesos__Internal__ReregisterSlaveMessage *message) {
    for (size_t i = 0; i < message->n_tasks; i++) {
        struct framework *framework = framework_of(agent->master, message, message->tasks[i]->framework_id->value);

        if (framework != NULL)
            take_task(agent, framework, message->tasks[i]);
    }
}

/* What ran on the agent before this master knew it. Of tasks that have ended here, frameworks were told what is known
 * here: the agent may have another end of them, whose update was swallowed. */
static void take_history(struct master *master, const Mesos__Internal__ReregisterSlaveMessage *message) {
    for (size_t i = 0; i < message->n_completed_frameworks; i++) {
        const Mesos__Internal__Archive__Framework *completed = message->completed_frameworks[i];
        struct framework *framework = completed->framework_info->id == NULL
                                          ? NULL
                                          : framework_find(master, completed->framework_info->id->value);

        for (size_t j = 0; framework != NULL && j < completed->n_tasks; j++) {
            if (framework_find_completed_task(framework, completed->tasks[j]->task_id->value) == NULL)
                framework_add_completed_task(framework, task_new_from_message(completed->tasks[j], framework));
        }
    }
}

/* Frameworks that the agent knows are either told about, recovered, or over. */
static void settle_frameworks(struct agent *agent, const Mesos__Internal__ReregisterSlaveMessage *message) {
    struct master *master = agent->master;

    for (size_t i = 0; i < message->n_frameworks; i++) {
        const char *id = message->frameworks[i]->id->value;
        struct framework *framework = framework_of(master, message, id);

        if (framework != NULL) {
            framework_send_info(framework, agent);
        } else {
            Mesos__Internal__ShutdownFrameworkMessage shutdown = MESOS__INTERNAL__SHUTDOWN_FRAMEWORK_MESSAGE__INIT;

            log_info("Shutting framework %s down on agent %s because it is completed", id, agent->id);
            shutdown.framework_id = message->frameworks[i]->id;
            agent_send(agent, &shutdown.base);
        }
    }
}

static void send_reregistered(struct agent *agent, Mesos__Internal__ReconcileTasksMessage **reconciliations,
                              size_t count) {
    Mesos__Internal__MasterSlaveConnection connection = MESOS__INTERNAL__MASTER_SLAVE_CONNECTION__INIT;
    Mesos__Internal__SlaveReregisteredMessage message = MESOS__INTERNAL__SLAVE_REREGISTERED_MESSAGE__INIT;

    connection.has_total_ping_timeout_seconds = true;
    connection.total_ping_timeout_seconds = agent_total_ping_timeout_seconds(agent->master);
    message.slave_id = agent->info->id;
    message.connection = &connection;
    message.n_reconciliations = count;
    message.reconciliations = reconciliations;
    agent_send(agent, &message.base);
}

static struct agent_description describe(const Mesos__Internal__ReregisterSlaveMessage *message) {
    return (struct agent_description){
        .info = message->slave,
        .version = message->version,
        .capabilities = message->agent_capabilities,
        .capability_count = message->n_agent_capabilities,
        .checkpointed = message->checkpointed_resources,
        .checkpointed_count = message->n_checkpointed_resources,
        .resource_version = message->resource_version_uuid,
    };
}

/* One that was not registered: unreachable, removed, or of an earlier master. [Master::__reregisterSlave] */
static void reregister_readmitted(struct master *master, const struct pid *from,
                                  const Mesos__Internal__ReregisterSlaveMessage *message) {
    const char *id = message->slave->id->value;
    struct lost_agent *unreachable = table_find(&master->unreachable_agents, id);
    bool was_unreachable = unreachable != NULL;
    struct agent_description description = describe(message);
    struct error cleanup_error err = ERROR_INIT;
    char text[AGENT_TEXT_BYTES];
    struct agent *agent;
    struct task *task;

    if (agent_new(master, from, &description, &agent, &err) < 0) {
        log_warning("Refusing the re-registration of agent %s: %s", id, error_message(&err));
        send_shutdown(master, from, error_message(&err));
        return;
    }
    agent->registered_ns = agent->reregistered_ns = env_wall_clock(master->env);
    metric_increment(&master->metrics.slave_reregistrations);
    lost_agent_remove(&master->removed_agents, id);
    take_executors(agent, message);
    take_tasks(agent, message);
    if (was_unreachable)
        unreachable_agent_is_back(master, unreachable);
    take_history(master, message);
    agent_add(agent);
    send_reregistered(agent, NULL, 0);
    log_info("Re-registered agent %s", agent_text(agent, text));
    list_for_each (&agent->tasks, task, in_agent)
        tell_of_task(task, was_unreachable);
    settle_frameworks(agent, message);
}

/* Whether the agent told of the task. */
static void add_keys(struct table *keys, struct arena *arena, const char *framework_id, const char *id) {
    char *key = arena_printf(arena, "%s/%s", framework_id, id);

    table_add(keys, key, key);
}

static Mesos__V1__TaskStatus *reconciliation_status(struct task *task, struct arena *arena) {
    struct master *master = task->framework->master;
    struct master_status *status = arena_alloc(arena, sizeof(*status));

    master_status_init_task(status, master, task, task_reported_state(task),
                            MESOS__V1__TASK_STATUS__REASON__REASON_RECONCILIATION, "Reconciliation request");
    status->status.executor_id = NULL;
    return &status->status;
}

/* Tasks that the agent does not know any more: it is asked, and will say that they are lost. One message for each
 * framework. */
static void reconcile_unknown_tasks(struct agent *agent, const struct table *told) {
    Mesos__Internal__ReconcileTasksMessage **messages = NULL;
    struct table by_framework = TABLE_INIT;
    struct arena arena = ARENA_INIT;
    size_t count = 0;
    struct task *task;

    list_for_each (&agent->tasks, task, in_agent) {
        struct framework *framework = task->framework;
        Mesos__Internal__ReconcileTasksMessage *message;

        if (table_find(told, arena_printf(&arena, "%s/%s", framework->id, task->id)) != NULL)
            continue;
        log_warning("Task %s of framework %s is unknown to agent %s; reconciling with the agent", task->id,
                    framework->id, agent->id);
        message = table_find(&by_framework, framework->id);
        if (message == NULL) {
            message = arena_alloc(&arena, sizeof(*message));
            mesos__internal__reconcile_tasks_message__init(message);
            message->framework_id = framework->info->id;
            message->framework = framework->info;
            message->statuses = arena_alloc(&arena, agent->task_count * sizeof(*message->statuses));
            table_add(&by_framework, framework->id, message);
            messages = xrealloc(messages, (count + 1) * sizeof(*messages));
            messages[count++] = message;
        }
        message->statuses[message->n_statuses++] = reconciliation_status(task, &arena);
    }
    send_reregistered(agent, messages, count);
    free(messages);
    table_done(&by_framework);
    arena_done(&arena);
}

/* [Master::reconcileKnownSlave] */
static void reconcile_known(struct agent *agent, const Mesos__Internal__ReregisterSlaveMessage *message) {
    struct master *master = agent->master;
    struct table tasks = TABLE_INIT, executors = TABLE_INIT;
    struct arena arena = ARENA_INIT;
    struct executor *executor;

    for (size_t i = 0; i < message->n_tasks; i++)
        add_keys(&tasks, &arena, message->tasks[i]->framework_id->value, message->tasks[i]->task_id->value);
    for (size_t i = 0; i < message->n_executor_infos; i++)
        add_keys(&executors, &arena, message->executor_infos[i]->framework_id->value,
                 message->executor_infos[i]->executor_id->value);
    reconcile_unknown_tasks(agent, &tasks);
    table_for_each (&agent->executors, executor) {
        if (table_find(&executors, executor->key) == NULL) {
            log_warning("Executor '%s' of framework %s is unknown to agent %s", executor->info->executor_id->value,
                        executor->framework->id, agent->id);
            executor_remove(master, executor);
        }
    }
    for (size_t i = 0; i < message->n_tasks; i++) {
        const Mesos__V1__Task *told = message->tasks[i];
        struct framework *framework = framework_find(master, told->framework_id->value);
        struct task *task = framework == NULL ? NULL : table_find(&framework->tasks, told->task_id->value);

        if (framework != NULL && task == NULL)
            has_ended(agent, framework, told);
        if (task != NULL && task->agent == agent && task->is_killed &&
            !task_state_is_terminal((enum task_state)told->state)) {
            log_warning("Task %s of framework %s on agent %s is to be killed, but was not; killing it again", task->id,
                        framework->id, agent->id);
            agent_kill_task(agent, framework->id, task->id);
        }
    }
    table_done(&tasks);
    table_done(&executors);
    arena_done(&arena);
}

/* A registered agent, which lost its connection or restarted. [Master::___reregisterSlave] */
static void reregister_known(struct agent *agent, const struct pid *from,
                             const Mesos__Internal__ReregisterSlaveMessage *message) {
    struct master *master = agent->master;
    struct agent_description description = describe(message);
    struct error cleanup_error err = ERROR_INIT;
    char text[AGENT_TEXT_BYTES];

    if (agent_update(agent, &description, &err) < 0) {
        log_warning("Refusing the re-registration of agent %s: %s", agent_text(agent, text), error_message(&err));
        send_shutdown(master, from, error_message(&err));
        return;
    }
    agent_set_pid(agent, from);
    agent->reregistered_ns = env_wall_clock(master->env);
    agent_update_allocator(agent);
    reconcile_known(agent, message);
    if (!agent_is_connected(agent))
        agent_set_state(agent, agent->is_deactivated ? AGENT_DEACTIVATED : AGENT_ACTIVE);
    settle_frameworks(agent, message);
    log_info("Re-registered agent %s", agent_text(agent, text));
    if (!agent->capabilities.resource_provider)
        agent_send_checkpointed(agent);
}

void on_reregister_agent(struct master *master, const struct pid *from, ProtobufCMessage *base) {
    const Mesos__Internal__ReregisterSlaveMessage *message = (Mesos__Internal__ReregisterSlaveMessage *)base;
    struct error cleanup_error err = ERROR_INIT;
    char pid[PID_BYTES], text[AGENT_TEXT_BYTES];
    struct agent *agent;
    struct pid known;

    metric_increment(&master->metrics.messages_reregister_slave);
    pid_format(from, pid);
    if (validate_reregister_agent(message, &err) < 0) {
        log_warning("Dropping the re-registration of the agent at %s: %s", pid, error_message(&err));
        return;
    }
    if (table_find(&master->gone_agents, message->slave->id->value) != NULL) {
        log_warning("Refusing the re-registration of agent %s at %s: it was marked gone", message->slave->id->value,
                    pid);
        send_shutdown(master, from, "Agent has been marked gone");
        return;
    }
    if (!is_acceptable(master, from, message->slave, message->version))
        return;
    agent = agent_find(master, message->slave->id->value);
    if (agent == NULL) {
        struct agent *other = agent_find_by_pid(master, from);

        if (other != NULL) {
            metric_increment(&master->metrics.slave_removals_reason_registered);
            agent_remove(other, "another agent registered at the same address");
        }
        reregister_readmitted(master, from, message);
        return;
    }
    agent_get_pid(agent, &known);
    if (strcmp(known.address.host, from->address.host) != 0 ||
        strcmp(agent->info->hostname, message->slave->hostname) != 0) {
        log_warning("Shutting down the agent at %s (%s), which claims to be agent %s", pid, message->slave->hostname,
                    agent_text(agent, text));
        send_shutdown(master, from, "Agent attempted to re-register with a different IP address or host name");
        return;
    }
    reregister_known(agent, from, message);
}

void on_unregister_agent(struct master *master, const struct pid *from, ProtobufCMessage *base) {
    const Mesos__Internal__UnregisterSlaveMessage *message = (Mesos__Internal__UnregisterSlaveMessage *)base;
    struct agent *agent = agent_find(master, message->slave_id->value);
    char pid[PID_BYTES];

    metric_increment(&master->metrics.messages_unregister_slave);
    if (agent == NULL || !agent_is_at(agent, from)) {
        log_warning("Ignoring that agent %s unregisters because it is not known at %s", message->slave_id->value,
                    pid_format(from, pid));
        return;
    }
    metric_increment(&master->metrics.slave_removals_reason_unregistered);
    agent_remove(agent, "the agent unregistered");
}
