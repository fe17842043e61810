/* SPDX-License-Identifier: Apache-2.0 */
/* What the master counts, under Mesos's names (master/…). */
#pragma once

#include "base/metrics.h"
#include "model/task_state.h"

struct master;
struct resource_figure;

#define MASTER_OPERATION_KINDS 9
#define MASTER_OPERATION_STATES 10

struct master_metrics {
    struct metric uptime_secs, elected;
    struct metric slaves_connected, slaves_disconnected, slaves_active, slaves_inactive, slaves_unreachable;
    struct metric frameworks_connected, frameworks_disconnected, frameworks_active, frameworks_inactive;
    struct metric outstanding_offers;
    struct metric tasks_staging, tasks_starting, tasks_running, tasks_killing, tasks_unreachable;
    struct metric tasks_finished, tasks_failed, tasks_killed, tasks_lost, tasks_error, tasks_dropped, tasks_gone,
        tasks_gone_by_operator;
    struct metric dropped_messages, http_cache_hits;
    struct metric messages_register_framework, messages_reregister_framework, messages_unregister_framework,
        messages_deactivate_framework, messages_kill_task, messages_status_update_acknowledgement,
        messages_resource_request, messages_launch_tasks, messages_decline_offers, messages_revive_offers,
        messages_suppress_offers, messages_reconcile_operations, messages_reconcile_tasks,
        messages_framework_to_executor, messages_operation_status_update_acknowledgement;
    struct metric messages_executor_to_framework, messages_register_slave, messages_reregister_slave,
        messages_unregister_slave, messages_status_update, messages_exited_executor, messages_update_slave,
        messages_operation_status_update, messages_authenticate;
    struct metric valid_framework_to_executor_messages, invalid_framework_to_executor_messages,
        valid_executor_to_framework_messages, invalid_executor_to_framework_messages, valid_status_updates,
        invalid_status_updates, valid_status_update_acknowledgements, invalid_status_update_acknowledgements,
        valid_operation_status_updates, invalid_operation_status_updates,
        valid_operation_status_update_acknowledgements, invalid_operation_status_update_acknowledgements;
    struct metric recovery_slave_removals, slave_registrations, slave_reregistrations, slave_removals,
        slave_removals_reason_unhealthy, slave_removals_reason_unregistered, slave_removals_reason_registered;
    struct metric slave_shutdowns_scheduled, slave_shutdowns_completed, slave_shutdowns_canceled,
        slave_unreachable_scheduled, slave_unreachable_completed, slave_unreachable_canceled;
    struct metric operator_event_stream_subscribers;
    struct metric event_queue_messages, event_queue_dispatches, event_queue_http_requests;
    struct resource_figure *resource_figures; /* <resource>_total, …_used, …_percent, and of revocable ones */
    size_t resource_figure_count;
    struct metric operations[MASTER_OPERATION_KINDS][MASTER_OPERATION_STATES]; /* the first of each: all */
    struct table task_reasons; /* of struct task_reason_metric: tasks_<state>/source_<…>/reason_<…> */
    /* Tasks on registered agents by state: kept, so that the gauges need no walk over all tasks. */
    size_t tasks_by_state[TASK_STATES];
};

void master_metrics_init(struct master *master);
void master_metrics_done(struct master *master);

/* A task ended in @state, told by @source for @reason: counts tasks_<state> and its source and reason. */
void master_metrics_task_ended(struct master *master, enum task_state state, int source, bool has_reason, int reason);

/* An operation of the type @type came to @to from @from, which is -1 for a new one. */
void master_metrics_operation_moved(struct master *master, int type, int from, int to);
