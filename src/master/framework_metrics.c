/* SPDX-License-Identifier: Apache-2.0 */
#include "master/framework_metrics.h"

#include "base/text.h"

#define OFFSET(member) offsetof(struct framework_metrics, member)

/* Calls, events and operations by the number of their type. */
static const struct metric_group_row rows[] = {
    {"subscribed", METRIC_GAUGE, OFFSET(subscribed)},
    {"calls", METRIC_COUNTER, OFFSET(calls)},
    {"calls/subscribe", METRIC_COUNTER, OFFSET(calls_by_type[1])},
    {"calls/teardown", METRIC_COUNTER, OFFSET(calls_by_type[2])},
    {"calls/accept", METRIC_COUNTER, OFFSET(calls_by_type[3])},
    {"calls/decline", METRIC_COUNTER, OFFSET(calls_by_type[4])},
    {"calls/revive", METRIC_COUNTER, OFFSET(calls_by_type[5])},
    {"calls/kill", METRIC_COUNTER, OFFSET(calls_by_type[6])},
    {"calls/shutdown", METRIC_COUNTER, OFFSET(calls_by_type[7])},
    {"calls/acknowledge", METRIC_COUNTER, OFFSET(calls_by_type[8])},
    {"calls/reconcile", METRIC_COUNTER, OFFSET(calls_by_type[9])},
    {"calls/message", METRIC_COUNTER, OFFSET(calls_by_type[10])},
    {"calls/request", METRIC_COUNTER, OFFSET(calls_by_type[11])},
    {"calls/suppress", METRIC_COUNTER, OFFSET(calls_by_type[12])},
    {"calls/accept_inverse_offers", METRIC_COUNTER, OFFSET(calls_by_type[13])},
    {"calls/decline_inverse_offers", METRIC_COUNTER, OFFSET(calls_by_type[14])},
    {"calls/acknowledge_operation_status", METRIC_COUNTER, OFFSET(calls_by_type[15])},
    {"calls/reconcile_operations", METRIC_COUNTER, OFFSET(calls_by_type[16])},
    {"calls/update_framework", METRIC_COUNTER, OFFSET(calls_by_type[17])},
    {"events", METRIC_COUNTER, OFFSET(events)},
    {"events/subscribed", METRIC_COUNTER, OFFSET(events_by_type[1])},
    {"events/offers", METRIC_COUNTER, OFFSET(events_by_type[2])},
    {"events/rescind", METRIC_COUNTER, OFFSET(events_by_type[3])},
    {"events/update", METRIC_COUNTER, OFFSET(events_by_type[4])},
    {"events/message", METRIC_COUNTER, OFFSET(events_by_type[5])},
    {"events/failure", METRIC_COUNTER, OFFSET(events_by_type[6])},
    {"events/error", METRIC_COUNTER, OFFSET(events_by_type[7])},
    {"events/heartbeat", METRIC_COUNTER, OFFSET(events_by_type[8])},
    {"events/inverse_offers", METRIC_COUNTER, OFFSET(events_by_type[9])},
    {"events/rescind_inverse_offer", METRIC_COUNTER, OFFSET(events_by_type[10])},
    {"events/update_operation_status", METRIC_COUNTER, OFFSET(events_by_type[11])},
    {"offers/sent", METRIC_COUNTER, OFFSET(offers_sent)},
    {"offers/accepted", METRIC_COUNTER, OFFSET(offers_accepted)},
    {"offers/declined", METRIC_COUNTER, OFFSET(offers_declined)},
    {"offers/rescinded", METRIC_COUNTER, OFFSET(offers_rescinded)},
    {"operations", METRIC_COUNTER, OFFSET(operations)},
    {"operations/launch", METRIC_COUNTER, OFFSET(operations_by_type[1])},
    {"operations/reserve", METRIC_COUNTER, OFFSET(operations_by_type[2])},
    {"operations/unreserve", METRIC_COUNTER, OFFSET(operations_by_type[3])},
    {"operations/create", METRIC_COUNTER, OFFSET(operations_by_type[4])},
    {"operations/destroy", METRIC_COUNTER, OFFSET(operations_by_type[5])},
    {"operations/launch_group", METRIC_COUNTER, OFFSET(operations_by_type[6])},
    {"operations/grow_volume", METRIC_COUNTER, OFFSET(operations_by_type[11])},
    {"operations/shrink_volume", METRIC_COUNTER, OFFSET(operations_by_type[12])},
    {"operations/create_disk", METRIC_COUNTER, OFFSET(operations_by_type[13])},
    {"operations/destroy_disk", METRIC_COUNTER, OFFSET(operations_by_type[14])},
    {"tasks/active/task_starting", METRIC_GAUGE, OFFSET(tasks_by_state[TASK_STARTING])},
    {"tasks/active/task_running", METRIC_GAUGE, OFFSET(tasks_by_state[TASK_RUNNING])},
    {"tasks/active/task_staging", METRIC_GAUGE, OFFSET(tasks_by_state[TASK_STAGING])},
    {"tasks/active/task_killing", METRIC_GAUGE, OFFSET(tasks_by_state[TASK_KILLING])},
    {"tasks/active/task_unreachable", METRIC_GAUGE, OFFSET(tasks_by_state[TASK_UNREACHABLE])},
    {"tasks/active/task_unknown", METRIC_GAUGE, OFFSET(tasks_by_state[TASK_UNKNOWN])},
    {"tasks/terminal/task_finished", METRIC_COUNTER, OFFSET(tasks_by_state[TASK_FINISHED])},
    {"tasks/terminal/task_failed", METRIC_COUNTER, OFFSET(tasks_by_state[TASK_FAILED])},
    {"tasks/terminal/task_killed", METRIC_COUNTER, OFFSET(tasks_by_state[TASK_KILLED])},
    {"tasks/terminal/task_lost", METRIC_COUNTER, OFFSET(tasks_by_state[TASK_LOST])},
    {"tasks/terminal/task_error", METRIC_COUNTER, OFFSET(tasks_by_state[TASK_ERROR])},
    {"tasks/terminal/task_dropped", METRIC_COUNTER, OFFSET(tasks_by_state[TASK_DROPPED])},
    {"tasks/terminal/task_gone", METRIC_COUNTER, OFFSET(tasks_by_state[TASK_GONE])},
    {"tasks/terminal/task_gone_by_operator", METRIC_COUNTER, OFFSET(tasks_by_state[TASK_GONE_BY_OPERATOR])},
};

void framework_metrics_init(struct framework_metrics *metrics, struct metrics *registry, const char *name,
                            const char *id) {
    cleanup_buffer struct buffer escaped = BUFFER_INIT;

    *metrics = (struct framework_metrics){0};
    if (registry == NULL)
        return;
    percent_encode(&escaped, name);
    metrics_add_group(registry, &metrics->group, xasprintf("master/frameworks/%s/%s", buffer_text(&escaped), id), rows,
                      ARRAY_SIZE(rows), metrics);
}

void framework_metrics_done(struct framework_metrics *metrics) {
    metrics_remove_group(&metrics->group);
}

void framework_metrics_count_call(struct framework_metrics *metrics, int type) {
    metrics->calls++;
    if (type > 0 && type < FRAMEWORK_CALL_TYPES)
        metrics->calls_by_type[type]++;
}

void framework_metrics_count_event(struct framework_metrics *metrics, int type) {
    metrics->events++;
    if (type > 0 && type < FRAMEWORK_EVENT_TYPES)
        metrics->events_by_type[type]++;
}

void framework_metrics_count_operation(struct framework_metrics *metrics, int type) {
    metrics->operations++;
    if (type > 0 && type < FRAMEWORK_OPERATION_TYPES)
        metrics->operations_by_type[type]++;
}

void framework_metrics_task_moved(struct framework_metrics *metrics, int from, int to) {
    if (from >= 0 && !task_state_is_terminal((enum task_state)from))
        metrics->tasks_by_state[from]--;
    if (to >= 0)
        metrics->tasks_by_state[to]++;
}
