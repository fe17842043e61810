/* SPDX-License-Identifier: Apache-2.0 */
#include "master/framework_metrics.h"

#include "base/text.h"

/* By number of the type; NULL: there is none with this number. */
static const char *const call_names[FRAMEWORK_CALL_TYPES] = {
    NULL,
    "subscribe",
    "teardown",
    "accept",
    "decline",
    "revive",
    "kill",
    "shutdown",
    "acknowledge",
    "reconcile",
    "message",
    "request",
    "suppress",
    "accept_inverse_offers",
    "decline_inverse_offers",
    "acknowledge_operation_status",
    "reconcile_operations",
    "update_framework",
};

static const char *const event_names[FRAMEWORK_EVENT_TYPES] = {
    NULL,
    "subscribed",
    "offers",
    "rescind",
    "update",
    "message",
    "failure",
    "error",
    "heartbeat",
    "inverse_offers",
    "rescind_inverse_offer",
    "update_operation_status",
};

static const char *const operation_names[FRAMEWORK_OPERATION_TYPES] = {
    [1] = "launch",       [2] = "reserve",      [3] = "unreserve",      [4] = "create",       [5] = "destroy",
    [6] = "launch_group", [11] = "grow_volume", [12] = "shrink_volume", [13] = "create_disk", [14] = "destroy_disk",
};

static const char *const state_names[TASK_STATES] = {
    [TASK_STARTING] = "active/task_starting",
    [TASK_RUNNING] = "active/task_running",
    [TASK_STAGING] = "active/task_staging",
    [TASK_KILLING] = "active/task_killing",
    [TASK_UNREACHABLE] = "active/task_unreachable",
    [TASK_UNKNOWN] = "active/task_unknown",
    [TASK_FINISHED] = "terminal/task_finished",
    [TASK_FAILED] = "terminal/task_failed",
    [TASK_KILLED] = "terminal/task_killed",
    [TASK_LOST] = "terminal/task_lost",
    [TASK_ERROR] = "terminal/task_error",
    [TASK_DROPPED] = "terminal/task_dropped",
    [TASK_GONE] = "terminal/task_gone",
    [TASK_GONE_BY_OPERATOR] = "terminal/task_gone_by_operator",
};

static void add_all(struct metrics *registry, struct metric *metrics, const char *const *names, size_t count,
                    const char *prefix, const char *group) {
    for (size_t i = 0; i < count; i++) {
        if (names[i] != NULL)
            metrics_add(registry, &metrics[i], METRIC_COUNTER, "%s/%s/%s", prefix, group, names[i]);
    }
}

static void remove_all(struct metrics *registry, struct metric *metrics, size_t count) {
    for (size_t i = 0; i < count; i++)
        metrics_remove(registry, &metrics[i]);
}

void framework_metrics_init(struct framework_metrics *metrics, struct metrics *registry, const char *name,
                            const char *id) {
    struct buffer cleanup_buffer escaped = BUFFER_INIT;
    cleanup_free char *prefix = NULL;

    *metrics = (struct framework_metrics){.registry = registry};
    if (registry == NULL)
        return;
    percent_encode(&escaped, name);
    prefix = xasprintf("master/frameworks/%s/%s", buffer_text(&escaped), id);
    metrics_add(registry, &metrics->subscribed, METRIC_GAUGE, "%s/subscribed", prefix);
    metrics_add(registry, &metrics->calls, METRIC_COUNTER, "%s/calls", prefix);
    add_all(registry, metrics->calls_by_type, call_names, FRAMEWORK_CALL_TYPES, prefix, "calls");
    metrics_add(registry, &metrics->events, METRIC_COUNTER, "%s/events", prefix);
    add_all(registry, metrics->events_by_type, event_names, FRAMEWORK_EVENT_TYPES, prefix, "events");
    metrics_add(registry, &metrics->offers_sent, METRIC_COUNTER, "%s/offers/sent", prefix);
    metrics_add(registry, &metrics->offers_accepted, METRIC_COUNTER, "%s/offers/accepted", prefix);
    metrics_add(registry, &metrics->offers_declined, METRIC_COUNTER, "%s/offers/declined", prefix);
    metrics_add(registry, &metrics->offers_rescinded, METRIC_COUNTER, "%s/offers/rescinded", prefix);
    metrics_add(registry, &metrics->operations, METRIC_COUNTER, "%s/operations", prefix);
    add_all(registry, metrics->operations_by_type, operation_names, FRAMEWORK_OPERATION_TYPES, prefix, "operations");
    for (int state = 0; state < TASK_STATES; state++)
        metrics_add(registry, &metrics->tasks_by_state[state],
                    task_state_is_terminal((enum task_state)state) ? METRIC_COUNTER : METRIC_GAUGE, "%s/tasks/%s",
                    prefix, state_names[state]);
}

void framework_metrics_done(struct framework_metrics *metrics) {
    struct metrics *registry = metrics->registry;

    if (registry == NULL)
        return;
    metrics_remove(registry, &metrics->subscribed);
    metrics_remove(registry, &metrics->calls);
    remove_all(registry, metrics->calls_by_type, FRAMEWORK_CALL_TYPES);
    metrics_remove(registry, &metrics->events);
    remove_all(registry, metrics->events_by_type, FRAMEWORK_EVENT_TYPES);
    metrics_remove(registry, &metrics->offers_sent);
    metrics_remove(registry, &metrics->offers_accepted);
    metrics_remove(registry, &metrics->offers_declined);
    metrics_remove(registry, &metrics->offers_rescinded);
    metrics_remove(registry, &metrics->operations);
    remove_all(registry, metrics->operations_by_type, FRAMEWORK_OPERATION_TYPES);
    remove_all(registry, metrics->tasks_by_state, TASK_STATES);
    metrics->registry = NULL;
}

void framework_metrics_count_call(struct framework_metrics *metrics, int type) {
    metric_increment(&metrics->calls);
    if (type > 0 && type < FRAMEWORK_CALL_TYPES)
        metric_increment(&metrics->calls_by_type[type]);
}

void framework_metrics_count_event(struct framework_metrics *metrics, int type) {
    metric_increment(&metrics->events);
    if (type > 0 && type < FRAMEWORK_EVENT_TYPES)
        metric_increment(&metrics->events_by_type[type]);
}

void framework_metrics_count_operation(struct framework_metrics *metrics, int type) {
    metric_increment(&metrics->operations);
    if (type > 0 && type < FRAMEWORK_OPERATION_TYPES)
        metric_increment(&metrics->operations_by_type[type]);
}

void framework_metrics_task_moved(struct framework_metrics *metrics, int from, int to) {
    if (from >= 0 && !task_state_is_terminal((enum task_state)from))
        metric_add(&metrics->tasks_by_state[from], -1);
    if (to >= 0)
        metric_increment(&metrics->tasks_by_state[to]);
}
