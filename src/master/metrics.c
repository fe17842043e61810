/* SPDX-License-Identifier: Apache-2.0 */
#include "master/metrics.h"

#include <stdio.h>
#include <string.h>

#include "master/agent.h"
#include "master/framework.h"
#include "master/master.h"
#include "mesos/v1/mesos.pb-c.h"
#include "model/name.h"

/* Gauges that are worked out when somebody asks: walks over agents and frameworks are fine here, over tasks not. */

static double read_uptime(void *user) {
    struct master *master = user;

    return duration_to_seconds(env_wall_clock(master->env) - master->start_ns);
}

static double read_elected(void *user) {
    return master_is_elected(user) ? 1 : 0;
}

static double count_agents(const struct master *master, bool (*is_counted)(const struct agent *agent)) {
    const struct agent *agent;
    double count = 0;

    table_for_each (&master->agents, agent)
        count += is_counted(agent);
    return count;
}

static bool is_agent_connected(const struct agent *agent) {
    return agent_is_connected(agent);
}

static bool is_agent_active(const struct agent *agent) {
    return agent_is_active(agent);
}

static double read_agents_connected(void *user) {
    return count_agents(user, is_agent_connected);
}

static double read_agents_disconnected(void *user) {
    const struct master *master = user;

    return (double)master->agents.count - count_agents(master, is_agent_connected);
}

static double read_agents_active(void *user) {
    return count_agents(user, is_agent_active);
}

static double read_agents_inactive(void *user) {
    const struct master *master = user;

    return (double)master->agents.count - count_agents(master, is_agent_active);
}

static double read_agents_unreachable(void *user) {
    return (double)((const struct master *)user)->unreachable_agents.count;
}

static double count_frameworks(const struct master *master, bool is_connected_wanted, bool is_active_wanted) {
    const struct framework *framework;
    double count = 0;

    table_for_each (&master->frameworks, framework) {
        if (is_active_wanted ? framework->is_active : is_connected_wanted && framework_is_connected(framework))
            count++;
    }
    return count;
}

static double read_frameworks_connected(void *user) {
    return count_frameworks(user, true, false);
}

static double read_frameworks_disconnected(void *user) {
    const struct master *master = user;

    return (double)master->frameworks.count - count_frameworks(master, true, false);
}

static double read_frameworks_active(void *user) {
    return count_frameworks(user, false, true);
}

static double read_frameworks_inactive(void *user) {
    const struct master *master = user;

    return (double)master->frameworks.count - count_frameworks(master, false, true);
}

static double read_outstanding_offers(void *user) {
    return (double)((const struct master *)user)->offers.count;
}

static double count_tasks(const struct master *master, enum task_state state) {
    return (double)master->metrics.tasks_by_state[state];
}

static double read_tasks_staging(void *user) {
    return count_tasks(user, TASK_STAGING);
}

static double read_tasks_starting(void *user) {
    return count_tasks(user, TASK_STARTING);
}

static double read_tasks_running(void *user) {
    return count_tasks(user, TASK_RUNNING);
}

static double read_tasks_killing(void *user) {
    return count_tasks(user, TASK_KILLING);
}

static double read_tasks_unreachable(void *user) {
    const struct master *master = user;
    const struct framework *framework;
    double count = 0;

    table_for_each (&master->frameworks, framework)
        count += (double)framework->unreachable_tasks.count;
    return count;
}

#define COUNTER(name, field) \
    { "master/" name, METRIC_COUNTER, offsetof(struct master_metrics, field), NULL }
#define GAUGE(name, field, read) \
    { "master/" name, METRIC_GAUGE, offsetof(struct master_metrics, field), read }

static const struct metric_row rows[] = {
    GAUGE("uptime_secs", uptime_secs, read_uptime),
    GAUGE("elected", elected, read_elected),
    GAUGE("slaves_connected", slaves_connected, read_agents_connected),
    GAUGE("slaves_disconnected", slaves_disconnected, read_agents_disconnected),
    GAUGE("slaves_active", slaves_active, read_agents_active),
    GAUGE("slaves_inactive", slaves_inactive, read_agents_inactive),
    GAUGE("slaves_unreachable", slaves_unreachable, read_agents_unreachable),
    GAUGE("frameworks_connected", frameworks_connected, read_frameworks_connected),
    GAUGE("frameworks_disconnected", frameworks_disconnected, read_frameworks_disconnected),
    GAUGE("frameworks_active", frameworks_active, read_frameworks_active),
    GAUGE("frameworks_inactive", frameworks_inactive, read_frameworks_inactive),
    GAUGE("outstanding_offers", outstanding_offers, read_outstanding_offers),
    GAUGE("tasks_staging", tasks_staging, read_tasks_staging),
    GAUGE("tasks_starting", tasks_starting, read_tasks_starting),
    GAUGE("tasks_running", tasks_running, read_tasks_running),
    GAUGE("tasks_killing", tasks_killing, read_tasks_killing),
    GAUGE("tasks_unreachable", tasks_unreachable, read_tasks_unreachable),
    COUNTER("tasks_finished", tasks_finished),
    COUNTER("tasks_failed", tasks_failed),
    COUNTER("tasks_killed", tasks_killed),
    COUNTER("tasks_lost", tasks_lost),
    COUNTER("tasks_error", tasks_error),
    COUNTER("tasks_dropped", tasks_dropped),
    COUNTER("tasks_gone", tasks_gone),
    COUNTER("tasks_gone_by_operator", tasks_gone_by_operator),
    COUNTER("dropped_messages", dropped_messages),
    COUNTER("http_cache_hits", http_cache_hits),
    COUNTER("messages_register_framework", messages_register_framework),
    COUNTER("messages_reregister_framework", messages_reregister_framework),
    COUNTER("messages_unregister_framework", messages_unregister_framework),
    COUNTER("messages_deactivate_framework", messages_deactivate_framework),
    COUNTER("messages_kill_task", messages_kill_task),
    COUNTER("messages_status_update_acknowledgement", messages_status_update_acknowledgement),
    COUNTER("messages_resource_request", messages_resource_request),
    COUNTER("messages_launch_tasks", messages_launch_tasks),
    COUNTER("messages_decline_offers", messages_decline_offers),
    COUNTER("messages_revive_offers", messages_revive_offers),
    COUNTER("messages_suppress_offers", messages_suppress_offers),
    COUNTER("messages_reconcile_operations", messages_reconcile_operations),
    COUNTER("messages_reconcile_tasks", messages_reconcile_tasks),
    COUNTER("messages_framework_to_executor", messages_framework_to_executor),
    COUNTER("messages_operation_status_update_acknowledgement", messages_operation_status_update_acknowledgement),
    COUNTER("messages_executor_to_framework", messages_executor_to_framework),
    COUNTER("messages_register_slave", messages_register_slave),
    COUNTER("messages_reregister_slave", messages_reregister_slave),
    COUNTER("messages_unregister_slave", messages_unregister_slave),
    COUNTER("messages_status_update", messages_status_update),
    COUNTER("messages_exited_executor", messages_exited_executor),
    COUNTER("messages_update_slave", messages_update_slave),
    COUNTER("messages_operation_status_update", messages_operation_status_update),
    COUNTER("messages_authenticate", messages_authenticate),
    COUNTER("valid_framework_to_executor_messages", valid_framework_to_executor_messages),
    COUNTER("invalid_framework_to_executor_messages", invalid_framework_to_executor_messages),
    COUNTER("valid_executor_to_framework_messages", valid_executor_to_framework_messages),
    COUNTER("invalid_executor_to_framework_messages", invalid_executor_to_framework_messages),
    COUNTER("valid_status_updates", valid_status_updates),
    COUNTER("invalid_status_updates", invalid_status_updates),
    COUNTER("valid_status_update_acknowledgements", valid_status_update_acknowledgements),
    COUNTER("invalid_status_update_acknowledgements", invalid_status_update_acknowledgements),
    COUNTER("valid_operation_status_updates", valid_operation_status_updates),
    COUNTER("invalid_operation_status_updates", invalid_operation_status_updates),
    COUNTER("valid_operation_status_update_acknowledgements", valid_operation_status_update_acknowledgements),
    COUNTER("invalid_operation_status_update_acknowledgements", invalid_operation_status_update_acknowledgements),
    COUNTER("recovery_slave_removals", recovery_slave_removals),
    COUNTER("slave_registrations", slave_registrations),
    COUNTER("slave_reregistrations", slave_reregistrations),
    COUNTER("slave_removals", slave_removals),
    COUNTER("slave_removals/reason_unhealthy", slave_removals_reason_unhealthy),
    COUNTER("slave_removals/reason_unregistered", slave_removals_reason_unregistered),
    COUNTER("slave_removals/reason_registered", slave_removals_reason_registered),
    COUNTER("slave_shutdowns_scheduled", slave_shutdowns_scheduled),
    COUNTER("slave_shutdowns_completed", slave_shutdowns_completed),
    COUNTER("slave_shutdowns_canceled", slave_shutdowns_canceled),
    COUNTER("slave_unreachable_scheduled", slave_unreachable_scheduled),
    COUNTER("slave_unreachable_completed", slave_unreachable_completed),
    COUNTER("slave_unreachable_canceled", slave_unreachable_canceled),
    GAUGE("operator_event_stream_subscribers", operator_event_stream_subscribers, NULL),
    GAUGE("event_queue_messages", event_queue_messages, NULL),
    GAUGE("event_queue_dispatches", event_queue_dispatches, NULL),
    GAUGE("event_queue_http_requests", event_queue_http_requests, NULL),
};

/* Resources of the whole cluster, by name and kind: master/cpus_total, cpus_used, cpus_percent, and the revocable ones.
 */

static const char *const resource_names[] = {"cpus", "gpus", "mem", "disk"};

enum figure { TOTAL, USED, PERCENT };

struct resource_figure {
    const struct master *master;
    const char *name;
    enum figure figure;
    bool is_revocable;
    struct metric metric;
};

static int64_t sum_scalars(const struct resources *resources, const char *name, bool is_revocable) {
    int64_t sum = 0;

    for (uint32_t i = 0; i < resources->count; i++) {
        const struct resource *resource = &resources->items[i];

        if (resource->kind->type == RESOURCE_SCALAR && resource->kind->name == name &&
            resource->kind->is_revocable == is_revocable)
            sum += resource->scalar * (resource->kind->is_shared ? 1 : resource->shared_count);
    }
    return sum;
}

static double read_resource_figure(void *user) {
    const struct resource_figure *figure = user;
    const char *name = name_find(figure->name);
    const struct agent *agent;
    int64_t total = 0, used = 0;

    if (name == NULL)
        return 0;
    table_for_each (&figure->master->agents, agent) {
        total += sum_scalars(&agent->total, name, figure->is_revocable);
        used += sum_scalars(&agent->used, name, figure->is_revocable);
    }
    switch (figure->figure) {
    case TOTAL:
        return scalar_to_double(total);
    case USED:
        return scalar_to_double(used);
    default:
        return total == 0 ? 0 : (double)used / (double)total;
    }
}

static void add_resource_figures(struct master *master) {
    static const char *const suffixes[] = {[TOTAL] = "total", [USED] = "used", [PERCENT] = "percent"};
    const size_t count = ARRAY_SIZE(resource_names) * ARRAY_SIZE(suffixes) * 2;
    struct resource_figure *figure = xcalloc(count, sizeof(*figure));

    master->metrics.resource_figures = figure;
    master->metrics.resource_figure_count = count;
    for (size_t i = 0; i < count; i++, figure++) {
        *figure = (struct resource_figure){
            .master = master,
            .name = resource_names[i / (ARRAY_SIZE(suffixes) * 2)],
            .figure = (enum figure)(i / 2 % ARRAY_SIZE(suffixes)),
            .is_revocable = i % 2 != 0,
        };
        metrics_add_reader(&master->registry, &figure->metric, read_resource_figure, figure, "master/%s%s_%s",
                           figure->name, figure->is_revocable ? "_revocable" : "", suffixes[figure->figure]);
    }
}

/* A counter that comes to be with the first task that ends so. */
struct task_reason_metric {
    char key[16]; /* the three numbers */
    struct metric metric;
};

/* "SOURCE_MASTER" -> "source_master" */
static void append_lower(struct buffer *buffer, const char *text) {
    for (; *text != '\0'; text++)
        buffer_append_char(buffer, *text >= 'A' && *text <= 'Z' ? (char)(*text - 'A' + 'a') : *text);
}

static const char *enum_name(const ProtobufCEnumDescriptor *descriptor, int value) {
    const ProtobufCEnumValue *found = protobuf_c_enum_descriptor_get_value(descriptor, value);

    return found == NULL ? "UNKNOWN" : found->name;
}

void master_metrics_task_ended(struct master *master, enum task_state state, int source, bool has_reason, int reason) {
    struct master_metrics *metrics = &master->metrics;
    static const size_t offsets[TASK_STATES] = {
        [TASK_FINISHED] = offsetof(struct master_metrics, tasks_finished),
        [TASK_FAILED] = offsetof(struct master_metrics, tasks_failed),
        [TASK_KILLED] = offsetof(struct master_metrics, tasks_killed),
        [TASK_LOST] = offsetof(struct master_metrics, tasks_lost),
        [TASK_ERROR] = offsetof(struct master_metrics, tasks_error),
        [TASK_DROPPED] = offsetof(struct master_metrics, tasks_dropped),
        [TASK_GONE] = offsetof(struct master_metrics, tasks_gone),
        [TASK_GONE_BY_OPERATOR] = offsetof(struct master_metrics, tasks_gone_by_operator),
    };
    struct task_reason_metric *counter;
    char key[16];

    if (offsets[state] != 0)
        metric_increment((struct metric *)((char *)metrics + offsets[state]));
    if (!has_reason)
        return;
    snprintf(key, sizeof(key), "%d/%d/%d", (int)state, source, reason);
    counter = table_find(&metrics->task_reasons, key);
    if (counter == NULL) {
        struct buffer cleanup_buffer name = BUFFER_INIT;

        counter = new0(struct task_reason_metric);
        memcpy(counter->key, key, sizeof(key));
        buffer_append_string(&name, "master/");
        append_lower(&name, task_state_name(state));
        buffer_append_char(&name, '/');
        append_lower(&name, enum_name(&mesos__v1__task_status__source__descriptor, source));
        buffer_append_char(&name, '/');
        append_lower(&name, enum_name(&mesos__v1__task_status__reason__descriptor, reason));
        metrics_add(&master->registry, &counter->metric, METRIC_COUNTER, "%s", buffer_text(&name));
        table_add(&metrics->task_reasons, counter->key, counter);
    }
    metric_increment(&counter->metric);
}

/* Operations: by kind and by state. */

static const struct {
    int type;
    const char *name;
} operation_kinds[MASTER_OPERATION_KINDS] = {
    {0, NULL},
    {MESOS__V1__OFFER__OPERATION__TYPE__RESERVE, "reserve"},
    {MESOS__V1__OFFER__OPERATION__TYPE__UNRESERVE, "unreserve"},
    {MESOS__V1__OFFER__OPERATION__TYPE__CREATE, "create"},
    {MESOS__V1__OFFER__OPERATION__TYPE__DESTROY, "destroy"},
    {MESOS__V1__OFFER__OPERATION__TYPE__GROW_VOLUME, "grow_volume"},
    {MESOS__V1__OFFER__OPERATION__TYPE__SHRINK_VOLUME, "shrink_volume"},
    {MESOS__V1__OFFER__OPERATION__TYPE__CREATE_DISK, "create_disk"},
    {MESOS__V1__OFFER__OPERATION__TYPE__DESTROY_DISK, "destroy_disk"},
};

/* By number of mesos.v1.OperationState; NULL: not counted. */
static const char *const operation_states[MASTER_OPERATION_STATES] = {
    [0] = "total",   [1] = "pending",     [2] = "finished",         [3] = "failed",     [4] = "error",
    [5] = "dropped", [6] = "unreachable", [7] = "gone_by_operator", [8] = "recovering", [9] = NULL,
};

static void add_operation_metrics(struct master *master) {
    for (size_t kind = 0; kind < MASTER_OPERATION_KINDS; kind++) {
        for (size_t state = 0; state < MASTER_OPERATION_STATES; state++) {
            const char *name = operation_kinds[kind].name;
            bool is_gauge = state == MESOS__V1__OPERATION_STATE__OPERATION_PENDING ||
                            state == MESOS__V1__OPERATION_STATE__OPERATION_RECOVERING;

            if (operation_states[state] != NULL)
                metrics_add(&master->registry, &master->metrics.operations[kind][state],
                            is_gauge ? METRIC_GAUGE : METRIC_COUNTER, "master/operations%s%s/%s",
                            name == NULL ? "" : "/", name == NULL ? "" : name, operation_states[state]);
        }
    }
}

static void count_operation(struct master *master, int type, int state, double value) {
    struct metric(*metrics)[MASTER_OPERATION_STATES] = master->metrics.operations;

    metric_add(&metrics[0][state], value);
    for (size_t kind = 1; kind < MASTER_OPERATION_KINDS; kind++) {
        if (operation_kinds[kind].type == type)
            metric_add(&metrics[kind][state], value);
    }
}

void master_metrics_operation_moved(struct master *master, int type, int from, int to) {
    if (from < 0)
        count_operation(master, type, 0, 1);
    if (from == MESOS__V1__OPERATION_STATE__OPERATION_PENDING ||
        from == MESOS__V1__OPERATION_STATE__OPERATION_RECOVERING)
        count_operation(master, type, from, -1);
    if (to > 0 && to < MASTER_OPERATION_STATES)
        count_operation(master, type, to, 1);
}

void master_metrics_init(struct master *master) {
    metrics_add_rows(&master->registry, rows, ARRAY_SIZE(rows), &master->metrics, master);
    add_resource_figures(master);
    add_operation_metrics(master);
    table_init(&master->metrics.task_reasons);
}

void master_metrics_done(struct master *master) {
    struct task_reason_metric *counter;

    metrics_remove_rows(&master->registry, rows, ARRAY_SIZE(rows), &master->metrics);
    for (size_t i = 0; i < master->metrics.resource_figure_count; i++)
        metrics_remove(&master->registry, &master->metrics.resource_figures[i].metric);
    free(master->metrics.resource_figures);
    for (size_t kind = 0; kind < MASTER_OPERATION_KINDS; kind++) {
        for (size_t state = 0; state < MASTER_OPERATION_STATES; state++)
            metrics_remove(&master->registry, &master->metrics.operations[kind][state]);
    }
    table_for_each (&master->metrics.task_reasons, counter) {
        metrics_remove(&master->registry, &counter->metric);
        free(counter);
    }
    table_done(&master->metrics.task_reasons);
}
