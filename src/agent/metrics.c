/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/metrics.h"

#include "agent/executor.h"

static double uptime(void *user) {
    struct agent *agent = user;

    return duration_to_seconds(env_wall_clock(agent->env) - agent->start_ns);
}

static double registered(void *user) {
    return ((struct agent *)user)->state == AGENT_RUNNING;
}

static double recovery_time(void *user) {
    return duration_to_seconds(((struct agent *)user)->recovery_ns);
}

static double frameworks_active(void *user) {
    return (double)((struct agent *)user)->frameworks.count;
}

static double directory_age(void *user) {
    return ((struct agent *)user)->executor_directory_max_age_seconds;
}

static double count_tasks(const struct agent *agent, enum task_state state) {
    const struct agent_framework *framework;
    double count = 0;

    table_for_each (&agent->frameworks, framework) {
        const struct agent_task *task;

        table_for_each (&framework->tasks, task)
            count += task->stage != STAGE_TERMINATED && agent_task_state(task) == state;
    }
    return count;
}

static double tasks_staging(void *user) {
    return count_tasks(user, TASK_STAGING);
}

static double tasks_starting(void *user) {
    return count_tasks(user, TASK_STARTING);
}

static double tasks_running(void *user) {
    return count_tasks(user, TASK_RUNNING);
}

static double tasks_killing(void *user) {
    return count_tasks(user, TASK_KILLING);
}

static double count_executors(const struct agent *agent, enum executor_state state) {
    const struct agent_executor *executor;
    double count = 0;

    table_for_each (&agent->containers, executor)
        count += executor->state == state;
    return count;
}

static double executors_registering(void *user) {
    return count_executors(user, EXECUTOR_REGISTERING);
}

static double executors_running(void *user) {
    return count_executors(user, EXECUTOR_RUNNING);
}

static double executors_terminating(void *user) {
    return count_executors(user, EXECUTOR_TERMINATING);
}

static double total(const struct agent *agent, const char *name) {
    return scalar_to_double(resources_scalar(&agent->total, name));
}

static double used(const struct agent *agent, const char *name) {
    const struct agent_framework *framework;
    int64_t sum = 0;

    table_for_each (&agent->frameworks, framework) {
        struct resources allocated;

        agent_framework_allocated(framework, &allocated);
        sum += resources_scalar(&allocated, name);
        resources_done(&allocated);
    }
    return scalar_to_double(sum);
}

static double percent(const struct agent *agent, const char *name) {
    const double all = total(agent, name);

    return all > 0 ? used(agent, name) / all : 0;
}

#define RESOURCE_READERS(name) \
    static double name##_total(void *user) { \
        return total(user, #name); \
    } \
    static double name##_used(void *user) { \
        return used(user, #name); \
    } \
    static double name##_percent(void *user) { \
        return percent(user, #name); \
    }

RESOURCE_READERS(cpus)
RESOURCE_READERS(mem)
RESOURCE_READERS(disk)
RESOURCE_READERS(gpus)

static struct containerizer_counts containers(const struct agent *agent) {
    struct containerizer_counts counts;

    agent->containerizer->ops->count(agent->containerizer, &counts);
    return counts;
}

#define CONTAINERS_READER(name) \
    static double name(void *user) { \
        return (double)containers(user).name; \
    }

CONTAINERS_READER(fetches_succeeded)
CONTAINERS_READER(fetches_failed)
CONTAINERS_READER(destroy_errors)
CONTAINERS_READER(cache_total_bytes)
CONTAINERS_READER(cache_used_bytes)

/* Nothing is oversubscribed, and no resource provider comes. */
static double nothing(void *user) {
    return 0;
}

#define GAUGE(name, reader) \
    { "slave/" #name, METRIC_GAUGE, offsetof(struct agent_metrics, name), reader }
#define COUNTER(name) \
    { "slave/" #name, METRIC_COUNTER, offsetof(struct agent_metrics, name), NULL }
#define REVOCABLE(name, index) \
    { \
        "slave/" name, METRIC_GAUGE, offsetof(struct agent_metrics, revocable) + (index) * sizeof(struct metric), \
            nothing \
    }

#define CONTAINERS(name, type, field) \
    { "containerizer/" name, METRIC_##type, offsetof(struct agent_metrics, field), field }
#define RESOURCE_PROVIDERS(name, type, index) \
    { \
        "resource_provider_manager/" name, METRIC_##type, \
            offsetof(struct agent_metrics, resource_providers) + (index) * sizeof(struct metric), nothing \
    }

static const struct metric_row rows[] = {
    GAUGE(uptime_secs, uptime),
    GAUGE(registered, registered),
    COUNTER(recovery_errors),
    GAUGE(recovery_time_secs, recovery_time),
    GAUGE(frameworks_active, frameworks_active),
    GAUGE(tasks_staging, tasks_staging),
    GAUGE(tasks_starting, tasks_starting),
    GAUGE(tasks_running, tasks_running),
    GAUGE(tasks_killing, tasks_killing),
    COUNTER(tasks_finished),
    COUNTER(tasks_failed),
    COUNTER(tasks_killed),
    COUNTER(tasks_lost),
    COUNTER(tasks_gone),
    GAUGE(executors_registering, executors_registering),
    GAUGE(executors_running, executors_running),
    GAUGE(executors_terminating, executors_terminating),
    COUNTER(executors_terminated),
    COUNTER(executors_preempted),
    COUNTER(valid_status_updates),
    COUNTER(invalid_status_updates),
    COUNTER(valid_framework_messages),
    COUNTER(invalid_framework_messages),
    GAUGE(executor_directory_max_allowed_age_secs, directory_age),
    COUNTER(container_launch_errors),
    GAUGE(cpus_total, cpus_total),
    GAUGE(cpus_used, cpus_used),
    GAUGE(cpus_percent, cpus_percent),
    GAUGE(mem_total, mem_total),
    GAUGE(mem_used, mem_used),
    GAUGE(mem_percent, mem_percent),
    GAUGE(disk_total, disk_total),
    GAUGE(disk_used, disk_used),
    GAUGE(disk_percent, disk_percent),
    GAUGE(gpus_total, gpus_total),
    GAUGE(gpus_used, gpus_used),
    GAUGE(gpus_percent, gpus_percent),
    REVOCABLE("cpus_revocable_total", 0),
    REVOCABLE("cpus_revocable_used", 1),
    REVOCABLE("cpus_revocable_percent", 2),
    REVOCABLE("mem_revocable_total", 3),
    REVOCABLE("mem_revocable_used", 4),
    REVOCABLE("mem_revocable_percent", 5),
    REVOCABLE("disk_revocable_total", 6),
    REVOCABLE("disk_revocable_used", 7),
    REVOCABLE("disk_revocable_percent", 8),
    REVOCABLE("gpus_revocable_total", 9),
    REVOCABLE("gpus_revocable_used", 10),
    REVOCABLE("gpus_revocable_percent", 11),
    CONTAINERS("fetcher/task_fetches_succeeded", COUNTER, fetches_succeeded),
    CONTAINERS("fetcher/task_fetches_failed", COUNTER, fetches_failed),
    CONTAINERS("fetcher/cache_size_total_bytes", GAUGE, cache_total_bytes),
    CONTAINERS("fetcher/cache_size_used_bytes", GAUGE, cache_used_bytes),
    CONTAINERS("mesos/container_destroy_errors", COUNTER, destroy_errors),
    RESOURCE_PROVIDERS("subscribed", GAUGE, 0),
    RESOURCE_PROVIDERS("events/subscribe", COUNTER, 1),
    RESOURCE_PROVIDERS("events/disconnect", COUNTER, 2),
};

void agent_metrics_init(struct agent *agent) {
    metrics_add_rows(&agent->registry, rows, ARRAY_SIZE(rows), &agent->metrics, agent);
}

void agent_metrics_done(struct agent *agent) {
    metrics_remove_rows(&agent->registry, rows, ARRAY_SIZE(rows), &agent->metrics);
}

void agent_metrics_count_end(struct agent *agent, enum task_state state) {
    struct agent_metrics *metrics = &agent->metrics;

    switch (state) {
    case TASK_FINISHED:
        metric_increment(&metrics->tasks_finished);
        break;
    case TASK_FAILED:
        metric_increment(&metrics->tasks_failed);
        break;
    case TASK_KILLED:
        metric_increment(&metrics->tasks_killed);
        break;
    case TASK_LOST:
        metric_increment(&metrics->tasks_lost);
        break;
    case TASK_GONE:
        metric_increment(&metrics->tasks_gone);
        break;
    default:
        break;
    }
}
