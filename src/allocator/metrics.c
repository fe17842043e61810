/* SPDX-License-Identifier: Apache-2.0 */
/* What the allocator counts, under Mesos's names (src/master/allocator/mesos/metrics.cpp, sorter/drf/metrics.cpp). */
#include "base/metrics.h"
#include "allocator/internal.h"
#include "base/text.h"
#include "model/name.h"

struct resource_metric {
    struct metric total, offered_or_allocated;
    struct allocator *allocator;
    const char *name;
};

/* A framework that is gone; its figures stay for a while (completedFrameworkMetrics). */
struct completed {
    struct list in_metrics;
    char *id;
    struct metric **metrics;
    size_t count;
};

struct allocator_metrics {
    struct list completed; /* the oldest first */
    size_t completed_count;
    struct metric dispatches, old_dispatches, runs, run, latency;
    struct resource_metric resources[3];
    int64_t requested_ns, begun_ns; /* -1: nothing to measure */
    struct env_timer ended;         /* the clock stands still within a callback: a round is measured in the next one */
};

/* Gauges of one resource of a role; each listed while it is not 0 (or, of quota, while it is set). */
struct role_resource_metric {
    struct metric guarantee, limit, consumed, offered_or_allocated;
    const struct role *role;
    size_t dimension;
};

struct role_metrics {
    struct metric filters, share;
    struct role_resource_metric **resources; /* by dimension */
    size_t count;
};

static struct metrics *list_of(const struct allocator *allocator) {
    return allocator->options.metrics;
}

static double read_total(void *user) {
    const struct resource_metric *metric = user;

    return scalar_to_double(
        amounts_get(&metric->allocator->totals.total, allocator_dimension_get(metric->allocator, metric->name)));
}

static double read_offered_or_allocated(void *user) {
    const struct resource_metric *metric = user;
    struct allocator *allocator = metric->allocator;
    int64_t sum = amounts_get(&allocator->root->node.allocated, allocator_dimension_get(allocator, metric->name));
    struct agent *agent;

    if (allocator->unknown_usage_count == 0)
        return scalar_to_double(sum);
    table_for_each (&allocator->agents, agent) {
        struct unknown_usage *unknown;

        list_for_each (&agent->unknown_usages, unknown, in_agent)
            sum += resources_scalar(&unknown->resources, metric->name);
    }
    return scalar_to_double(sum);
}

static void on_ended(struct env_timer *timer) {
    struct allocator_metrics *metrics = container_of(timer, struct allocator_metrics, ended);
    int64_t now = env_now(timer->env);

    metric_record(&metrics->run, now, now - metrics->begun_ns);
}

void allocator_metrics_start(struct allocator *allocator) {
    static const char *const names[] = {"cpus", "mem", "disk"};
    struct metrics *list = list_of(allocator);
    struct allocator_metrics *metrics;

    if (list == NULL)
        return;
    metrics = allocator->metrics = new0(struct allocator_metrics);
    metrics->requested_ns = metrics->begun_ns = -1;
    list_init(&metrics->completed);
    env_timer_init(&metrics->ended, allocator->env, on_ended);
    metrics_add(list, &metrics->dispatches, METRIC_GAUGE, "allocator/mesos/event_queue_dispatches");
    metrics_add(list, &metrics->old_dispatches, METRIC_GAUGE, "allocator/event_queue_dispatches");
    metrics_add(list, &metrics->runs, METRIC_COUNTER, "allocator/mesos/allocation_runs");
    metrics_add(list, &metrics->run, METRIC_TIMER, "allocator/mesos/allocation_run_ms");
    metrics_add(list, &metrics->latency, METRIC_TIMER, "allocator/mesos/allocation_run_latency_ms");
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        struct resource_metric *metric = &metrics->resources[i];

        metric->allocator = allocator;
        metric->name = names[i];
        metrics_add_reader(list, &metric->total, read_total, metric, "allocator/mesos/resources/%s/total", names[i]);
        metrics_add_reader(list, &metric->offered_or_allocated, read_offered_or_allocated, metric,
                           "allocator/mesos/resources/%s/offered_or_allocated", names[i]);
    }
}

static void completed_free(struct allocator *allocator, struct completed *completed) {
    list_remove(&completed->in_metrics);
    allocator->metrics->completed_count--;
    for (size_t i = 0; i < completed->count; i++) {
        metrics_remove(list_of(allocator), completed->metrics[i]);
        free(completed->metrics[i]);
    }
    free(completed->metrics);
    free(completed->id);
    free(completed);
}

void allocator_metrics_stop(struct allocator *allocator) {
    struct metrics *list = list_of(allocator);
    struct allocator_metrics *metrics = allocator->metrics;
    struct completed *completed;

    if (metrics == NULL)
        return;
    list_for_each (&metrics->completed, completed, in_metrics)
        completed_free(allocator, completed);
    metrics_remove(list, &metrics->dispatches);
    metrics_remove(list, &metrics->old_dispatches);
    metrics_remove(list, &metrics->runs);
    metrics_remove(list, &metrics->run);
    metrics_remove(list, &metrics->latency);
    for (size_t i = 0; i < ARRAY_SIZE(metrics->resources); i++) {
        metrics_remove(list, &metrics->resources[i].total);
        metrics_remove(list, &metrics->resources[i].offered_or_allocated);
    }
    env_timer_done(&metrics->ended);
    free(metrics);
    allocator->metrics = NULL;
}

/* Roles */

static double read_filters(void *user) {
    return (double)((const struct role *)user)->filter_count;
}

static double read_share(void *user) {
    const struct role *role = user;

    return allocator_sorter_share(role->has_own ? &role->own : &role->node, role->metrics_totals);
}

void allocator_metrics_add_role(struct allocator *allocator, struct role *role) {
    struct metrics *list = list_of(allocator);

    if (list == NULL)
        return;
    role->metrics = new0(struct role_metrics);
    role->metrics_totals = &allocator->totals;
    metrics_add_reader(list, &role->metrics->filters, read_filters, role,
                       "allocator/mesos/offer_filters/roles/%s/active", role->name);
}

static void remove_resource(struct metrics *list, struct role_resource_metric *metric) {
    if (metric == NULL)
        return;
    metrics_remove(list, &metric->guarantee);
    metrics_remove(list, &metric->limit);
    metrics_remove(list, &metric->consumed);
    metrics_remove(list, &metric->offered_or_allocated);
    free(metric);
}

void allocator_metrics_remove_role(struct allocator *allocator, struct role *role) {
    struct metrics *list = list_of(allocator);

    if (role->metrics == NULL)
        return;
    metrics_remove(list, &role->metrics->filters);
    metrics_remove(list, &role->metrics->share);
    for (size_t i = 0; i < role->metrics->count; i++)
        remove_resource(list, role->metrics->resources[i]);
    free(role->metrics->resources);
    free(role->metrics);
    role->metrics = NULL;
}

void allocator_metrics_update_share(struct allocator *allocator, struct role *role) {
    struct metrics *list = list_of(allocator);

    if (role->metrics == NULL)
        return;
    if (role->clients.count == 0)
        metrics_remove(list, &role->metrics->share);
    else if (role->metrics->share.name == NULL)
        metrics_add_reader(list, &role->metrics->share, read_share, role, "allocator/mesos/roles/%s/shares/dominant",
                           role->name);
}

static double read_guarantee(void *user) {
    const struct role_resource_metric *metric = user;

    return scalar_to_double(amounts_get(&metric->role->guarantees, metric->dimension));
}

static double read_limit(void *user) {
    const struct role_resource_metric *metric = user;

    return scalar_to_double(role_limit(metric->role, metric->dimension));
}

static int64_t consumed(const struct role *role, size_t dimension) {
    return amounts_get(&role->allocated, dimension) + amounts_get(&role->reserved, dimension);
}

static double read_consumed(void *user) {
    const struct role_resource_metric *metric = user;

    return scalar_to_double(consumed(metric->role, metric->dimension));
}

static double read_role_offered_or_allocated(void *user) {
    const struct role_resource_metric *metric = user;
    const struct role *role = metric->role;

    return scalar_to_double(
        amounts_get(role->has_own ? &role->own.allocated : &role->node.allocated, metric->dimension));
}

static struct role_resource_metric *get_resource(struct role *role, size_t dimension) {
    struct role_metrics *metrics = role->metrics;

    if (dimension >= metrics->count) {
        metrics->resources = xrealloc(metrics->resources, (dimension + 1) * sizeof(metrics->resources[0]));
        memset(metrics->resources + metrics->count, 0,
               (dimension + 1 - metrics->count) * sizeof(metrics->resources[0]));
        metrics->count = dimension + 1;
    }
    if (metrics->resources[dimension] == NULL) {
        metrics->resources[dimension] = new0(struct role_resource_metric);
        metrics->resources[dimension]->role = role;
        metrics->resources[dimension]->dimension = dimension;
    }
    return metrics->resources[dimension];
}

/* List @metric or not. */
static void put(struct allocator *allocator, struct role_resource_metric *resource, struct metric *metric,
                bool is_listed, double (*read)(void *user), const char *what) {
    struct metrics *list = list_of(allocator);

    if (!is_listed)
        metrics_remove(list, metric);
    else if (metric->name == NULL)
        metrics_add_reader(list, metric, read, resource, "allocator/mesos/quota/roles/%s/resources/%s/%s",
                           resource->role->name, allocator->dimension_names[resource->dimension], what);
}

void allocator_metrics_update_quota(struct allocator *allocator, struct role *role) {
    if (role->metrics == NULL)
        return;
    for (size_t i = 0; i < allocator->dimension_count; i++) {
        bool has_guarantee = amounts_get(&role->guarantees, i) > 0;
        bool has_limit = role->has_limits && role_limit(role, i) != NO_LIMIT;
        struct role_resource_metric *resource;

        if (!has_guarantee && !has_limit && (i >= role->metrics->count || role->metrics->resources[i] == NULL))
            continue;
        resource = get_resource(role, i);
        put(allocator, resource, &resource->guarantee, has_guarantee, read_guarantee, "guarantee");
        put(allocator, resource, &resource->limit, has_limit, read_limit, "limit");
        put(allocator, resource, &resource->offered_or_allocated, has_guarantee || has_limit,
            read_role_offered_or_allocated, "offered_or_allocated");
    }
}

void allocator_metrics_update_consumed(struct allocator *allocator, struct role *role) {
    if (role->metrics == NULL)
        return;
    for (size_t i = 0; i < allocator->dimension_count; i++) {
        bool is_listed = consumed(role, i) > 0;
        struct role_resource_metric *resource;

        if (!is_listed && (i >= role->metrics->count || role->metrics->resources[i] == NULL))
            continue;
        resource = get_resource(role, i);
        put(allocator, resource, &resource->consumed, is_listed, read_consumed, "consumed");
    }
}

/* Frameworks */

char *allocator_metrics_framework_prefix(const Mesos__V1__FrameworkInfo *info) {
    cleanup_buffer struct buffer name = BUFFER_INIT;

    percent_encode(&name, info->name == NULL ? "" : info->name);
    return xasprintf("master/frameworks/%s/%s/", buffer_text(&name), info->id->value);
}

void allocator_metrics_add_client(struct allocator *allocator, struct client *client) {
    struct metrics *list = list_of(allocator);

    if (list == NULL || !allocator->options.publish_per_framework_metrics)
        return;
    if (client->suppressed_metric == NULL) {
        client->suppressed_metric = new0(struct metric);
        metrics_add(list, client->suppressed_metric, METRIC_GAUGE, "%sroles/%s/suppressed",
                    client->framework->metric_prefix, client->role->name);
    }
    client->suppressed_metric->value = client->is_suppressed;
}

void allocator_metrics_remove_client(struct allocator *allocator, struct client *client) {
    if (client->suppressed_metric == NULL)
        return;
    metrics_remove(list_of(allocator), client->suppressed_metric);
    free(client->suppressed_metric);
    client->suppressed_metric = NULL;
}

void allocator_metrics_framework_added(struct allocator *allocator, const struct framework *framework) {
    struct completed *completed;

    if (allocator->metrics == NULL)
        return;
    list_for_each (&allocator->metrics->completed, completed, in_metrics)
        if (strcmp(completed->id, framework->id) == 0)
            completed_free(allocator, completed);
}

void allocator_metrics_framework_removed(struct allocator *allocator, const struct framework *framework) {
    struct allocator_metrics *metrics = allocator->metrics;
    struct completed *completed;
    struct client *client;

    if (metrics == NULL || !allocator->options.publish_per_framework_metrics)
        return;
    completed = new0(struct completed);
    completed->id = xstrdup(framework->id);
    list_append(&metrics->completed, &completed->in_metrics);
    metrics->completed_count++;
    list_for_each (&framework->clients, client, in_framework) {
        if (client->suppressed_metric == NULL)
            continue;
        completed->metrics = xrealloc(completed->metrics, (completed->count + 1) * sizeof(completed->metrics[0]));
        completed->metrics[completed->count++] = client->suppressed_metric;
        client->suppressed_metric = NULL;
    }
    while (metrics->completed_count > allocator->options.max_completed_frameworks)
        completed_free(allocator, list_first(&metrics->completed, struct completed, in_metrics));
}

/* Rounds */

void allocator_metrics_round_requested(struct allocator *allocator) {
    if (allocator->metrics != NULL && allocator->metrics->requested_ns < 0)
        allocator->metrics->requested_ns = env_now(allocator->env);
}

void allocator_metrics_round_begun(struct allocator *allocator) {
    struct allocator_metrics *metrics = allocator->metrics;
    int64_t now;

    if (metrics == NULL)
        return;
    now = env_now(allocator->env);
    metric_increment(&metrics->runs);
    if (metrics->requested_ns >= 0)
        metric_record(&metrics->latency, now, now - metrics->requested_ns);
    metrics->requested_ns = -1;
    metrics->begun_ns = now;
}

void allocator_metrics_round_ended(struct allocator *allocator) {
    if (allocator->metrics != NULL)
        env_timer_start(&allocator->metrics->ended, 0);
}
