/* SPDX-License-Identifier: Apache-2.0 */
/* How frameworks come, go and change: what touches more than the framework itself. */
#include <string.h>

#include "base/log.h"
#include "base/text.h"
#include "master/agent.h"
#include "master/framework.h"
#include "master/master.h"
#include "master/observer.h"
#include "master/status.h"
#include "mesos/internal/messages.pb-c.h"

/* Call @visit for each agent on which the framework has tasks or executors, once. */
static void for_each_agent(struct framework *framework,
                           void (*visit)(struct agent *agent, struct framework *framework)) {
    struct table agents = TABLE_INIT;
    const struct executor *executor;
    const struct task *task;
    struct agent *agent;

    table_for_each (&framework->tasks, task)
        table_add(&agents, task->agent->id, task->agent);
    list_for_each (&framework->executors, executor, in_framework)
        table_add(&agents, executor->agent->id, executor->agent);
    table_for_each (&agents, agent)
        visit(agent, framework);
    table_done(&agents);
}

/* What the framework uses by agent, for the allocator. The caller frees each and the array. */
static struct resources *collect_used(struct framework *framework, struct allocator_used **ret_used,
                                      size_t *ret_count) {
    struct table by_agent = TABLE_INIT; /* of struct resources */
    size_t most = framework->tasks.count;
    const struct executor *executor;
    const struct task *task;
    struct resources *all;
    size_t count = 0;

    list_for_each (&framework->executors, executor, in_framework)
        most++;
    all = xcalloc(most + 1, sizeof(*all));
    *ret_used = xcalloc(most + 1, sizeof(**ret_used));
#define ADD(agent_id, what) \
    do { \
        struct resources *sum = table_find(&by_agent, agent_id); \
\
        if (sum == NULL) { \
            sum = &all[count]; \
            (*ret_used)[count++] = (struct allocator_used){agent_id, sum}; \
            table_add(&by_agent, agent_id, sum); \
        } \
        resources_add(sum, what); \
    } while (0)
    table_for_each (&framework->tasks, task) {
        if (task->holds_resources)
            ADD(task->agent->id, &task->resources);
    }
    list_for_each (&framework->executors, executor, in_framework)
        ADD(executor->agent->id, &executor->resources);
#undef ADD
    table_done(&by_agent);
    *ret_count = count;
    return all;
}

void framework_add(struct framework *framework, char *const *suppressed_roles, size_t suppressed_count,
                   struct offer_constraints *constraints) {
    struct master *master = framework->master;
    struct allocator_framework description = {.info = framework->info,
                                              .suppressed_roles = (const char *const *)suppressed_roles,
                                              .suppressed_count = suppressed_count,
                                              .constraints = constraints};
    struct allocator_used *used;
    struct resources *sums;
    char text[FRAMEWORK_TEXT_BYTES];
    size_t count;

    log_info("Adding framework %s", framework_text(framework, text));
    framework_set_suppressed(framework, suppressed_roles, suppressed_count);
    table_add(&master->frameworks, framework->id, framework);
    framework_metrics_init(&framework->metrics, master->flags->publish_per_framework_metrics ? &master->registry : NULL,
                           framework->info->name, framework->id);
    operations_adopt(framework);
    sums = collect_used(framework, &used, &count);
    allocator_add_framework(master->allocator, &description, used, count, framework->is_active);
    for (size_t i = 0; i < count; i++)
        resources_done(&sums[i]);
    free(sums);
    free(used);
}

struct framework *framework_recover(struct master *master, const Mesos__V1__FrameworkInfo *info) {
    struct framework *framework = framework_new(master, info);

    framework_add(framework, NULL, 0, NULL);
    observers_framework_added(master, framework);
    return framework;
}

void framework_update(struct framework *framework, const Mesos__V1__FrameworkInfo *info, char *const *suppressed_roles,
                      size_t suppressed_count, const Mesos__V1__Scheduler__OfferConstraints *constraints_message,
                      struct offer_constraints *constraints) {
    struct allocator_framework description = {.suppressed_roles = (const char *const *)suppressed_roles,
                                              .suppressed_count = suppressed_count,
                                              .constraints = constraints};
    char text[FRAMEWORK_TEXT_BYTES];
    struct offer *offer;

    log_info("Updating framework %s", framework_text(framework, text));
    framework_set_info(framework, info);
    framework_set_offer_constraints(framework, constraints_message);
    framework_set_suppressed(framework, suppressed_roles, suppressed_count);
    description.info = framework->info;
    allocator_update_framework(framework->master->allocator, &description);
    list_for_each (&framework->offers, offer, in_framework) {
        if (!framework_has_role(framework, offer->role))
            offer_rescind(offer);
    }
}

void framework_connected(struct framework *framework) {
    struct master *master = framework->master;
    int64_t now_ns = env_wall_clock(master->env);

    framework_set_state(framework, FRAMEWORK_CONNECTED);
    framework->lost_pid.id[0] = '\0';
    if (framework->registered_ns == 0)
        framework->registered_ns = now_ns;
    framework->reregistered_ns = now_ns;
    if (!framework->is_active) {
        framework->is_active = true;
        allocator_activate_framework(master->allocator, framework->id);
    }
}

/* Take back what is offered to the framework. */
static void withdraw_offers(struct framework *framework, bool rescind) {
    struct inverse_offer *inverse;
    struct offer *offer;

    connection_begin_batch(&framework->connection);
    list_for_each (&framework->offers, offer, in_framework) {
        if (rescind)
            offer_rescind(offer);
        else
            offer_discard(offer, NULL);
    }
    list_for_each (&framework->inverse_offers, inverse, in_framework)
        inverse_offer_remove(inverse, rescind);
    connection_end_batch(&framework->connection);
}

void framework_deactivate(struct framework *framework, bool rescind) {
    char text[FRAMEWORK_TEXT_BYTES];

    if (!framework->is_active)
        return;
    log_info("Deactivating framework %s", framework_text(framework, text));
    framework->is_active = false;
    allocator_deactivate_framework(framework->master->allocator, framework->id);
    withdraw_offers(framework, rescind);
}

void framework_fail_over(struct framework *framework) {
    if (framework_is_connected(framework)) {
        framework_send_error(framework, "Framework failed over");
        connection_done(&framework->connection);
    }
    withdraw_offers(framework, false);
}

void framework_disconnected(struct framework *framework) {
    int64_t timeout_ns = duration_from_seconds(framework->info->failover_timeout);
    cleanup_free char *timeout = duration_format(timeout_ns);
    char text[FRAMEWORK_TEXT_BYTES];

    log_info("Framework %s disconnected; giving it %s to fail over", framework_text(framework, text), timeout);
    framework_deactivate(framework, false);
    if (connection_pid_text(&framework->connection)[0] != '\0')
        framework->lost_pid = framework->connection.pid;
    connection_done(&framework->connection);
    framework_set_state(framework, FRAMEWORK_DISCONNECTED);
    env_timer_start(&framework->failover, timeout_ns);
}

void framework_on_connection_lost(struct connection *connection) {
    framework_disconnected(container_of(connection, struct framework, connection));
}

static void shut_down_at(struct agent *agent, struct framework *framework) {
    Mesos__Internal__ShutdownFrameworkMessage message = MESOS__INTERNAL__SHUTDOWN_FRAMEWORK_MESSAGE__INIT;

    message.framework_id = framework->info->id;
    agent_send(agent, &message.base);
}

/* Its tasks are as good as killed: agents are told to, and nobody is left to hear of it. */
static void kill_tasks(struct framework *framework) {
    struct master *master = framework->master;
    cleanup_free char *message = xasprintf("Framework %s removed", framework->id);
    struct master_status status;
    struct task *task;

    table_for_each (&framework->tasks, task) {
        master_status_init_task(&status, master, task, TASK_KILLED,
                                MESOS__V1__TASK_STATUS__REASON__REASON_FRAMEWORK_REMOVED, message);
        task_update(master, task, &status.status, TASK_KILLED);
        task_remove(master, task, false);
    }
    table_for_each (&framework->unreachable_tasks, task) {
        table_remove(&framework->unreachable_tasks, task->id);
        master_status_init_task(&status, master, task, TASK_KILLED,
                                MESOS__V1__TASK_STATUS__REASON__REASON_FRAMEWORK_REMOVED, message);
        task_update(master, task, &status.status, TASK_KILLED);
        framework_add_completed_task(framework, task);
    }
}

static void add_to_history(struct framework *framework) {
    struct master *master = framework->master;

    table_add(&master->completed_frameworks, framework->id, framework);
    while (master->completed_frameworks.count > (size_t)master->flags->max_completed_frameworks) {
        struct framework *oldest = table_first(&master->completed_frameworks);

        table_remove(&master->completed_frameworks, oldest->id);
        framework_free(oldest);
    }
}

void framework_remove(struct framework *framework) {
    struct master *master = framework->master;
    char text[FRAMEWORK_TEXT_BYTES];
    struct operation *operation;
    struct executor *executor;

    log_info("Removing framework %s", framework_text(framework, text));
    framework_deactivate(framework, false);
    for_each_agent(framework, shut_down_at);
    kill_tasks(framework);
    list_for_each (&framework->executors, executor, in_framework)
        executor_remove(master, executor);
    list_for_each (&framework->all_operations, operation, in_framework)
        operation_orphan(operation);
    connection_done(&framework->connection);
    framework_set_state(framework, FRAMEWORK_COMPLETED);
    framework->unregistered_ns = env_wall_clock(master->env);
    table_remove(&master->frameworks, framework->id);
    allocator_remove_framework(master->allocator, framework->id);
    observers_framework_removed(master, framework);
    framework_metrics_done(&framework->metrics);
    add_to_history(framework);
}

void framework_send_info(struct framework *framework, struct agent *agent) {
    Mesos__Internal__UpdateFrameworkMessage message = MESOS__INTERNAL__UPDATE_FRAMEWORK_MESSAGE__INIT;

    message.framework_id = framework->info->id;
    message.framework_info = framework->info;
    message.pid = (char *)connection_pid_text(&framework->connection);
    agent_send(agent, &message.base);
}

static void send_info(struct agent *agent, struct framework *framework) {
    framework_send_info(framework, agent);
}

void framework_broadcast_info(struct framework *framework) {
    for_each_agent(framework, send_info);
    observers_framework_updated(framework->master, framework);
}
