/* SPDX-License-Identifier: Apache-2.0 */
/* What an agent counts, under Mesos's names (src/slave/metrics.cpp). */
#pragma once

#include "base/metrics.h"
#include "model/task_state.h"

struct agent;

struct agent_metrics {
    struct metric uptime_secs, registered;
    struct metric recovery_errors, recovery_time_secs;
    struct metric frameworks_active;
    struct metric tasks_staging, tasks_starting, tasks_running, tasks_killing;
    struct metric tasks_finished, tasks_failed, tasks_killed, tasks_lost, tasks_gone;
    struct metric executors_registering, executors_running, executors_terminating, executors_terminated,
        executors_preempted;
    struct metric valid_status_updates, invalid_status_updates;
    struct metric valid_framework_messages, invalid_framework_messages;
    struct metric executor_directory_max_allowed_age_secs;
    struct metric container_launch_errors;
    struct metric cpus_total, cpus_used, cpus_percent;
    struct metric mem_total, mem_used, mem_percent;
    struct metric disk_total, disk_used, disk_percent;
    struct metric gpus_total, gpus_used, gpus_percent;
    struct metric revocable[12];
    struct metric fetches_succeeded, fetches_failed, destroy_errors, cache_total_bytes, cache_used_bytes;
    struct metric resource_providers[3];
};

void agent_metrics_init(struct agent *agent);
void agent_metrics_done(struct agent *agent);
/* Count a task that has ended. */
void agent_metrics_count_end(struct agent *agent, enum task_state state);
