/* SPDX-License-Identifier: Apache-2.0 */
/* What is counted for each framework: master/frameworks/<name>/<id>/… */
#pragma once

#include "base/metrics.h"
#include "model/task_state.h"

/* One more than the largest number of scheduler.Call.Type, scheduler.Event.Type and Offer.Operation.Type. */
#define FRAMEWORK_CALL_TYPES 18
#define FRAMEWORK_EVENT_TYPES 12
#define FRAMEWORK_OPERATION_TYPES 15

struct framework_metrics {
    struct metric_group group; /* not listed if its prefix is NULL */
    double subscribed;
    double calls, calls_by_type[FRAMEWORK_CALL_TYPES];
    double events, events_by_type[FRAMEWORK_EVENT_TYPES];
    double offers_sent, offers_accepted, offers_declined, offers_rescinded;
    double operations, operations_by_type[FRAMEWORK_OPERATION_TYPES];
    double tasks_by_state[TASK_STATES]; /* active ones are gauges, terminal ones counters */
};

/* @registry may be NULL. @name and @id appear in the names, escaped. */
void framework_metrics_init(struct framework_metrics *metrics, struct metrics *registry, const char *name,
                            const char *id);
void framework_metrics_done(struct framework_metrics *metrics); /* accepts a zeroed one */

void framework_metrics_count_call(struct framework_metrics *metrics, int type);
void framework_metrics_count_event(struct framework_metrics *metrics, int type);
void framework_metrics_count_operation(struct framework_metrics *metrics, int type);
/* A task came to @to from @from; -1 for a new one, and for one that goes. */
void framework_metrics_task_moved(struct framework_metrics *metrics, int from, int to);
