/* SPDX-License-Identifier: Apache-2.0 */
/* What a daemon counts, under Mesos's names ("master/tasks_running"), shown as JSON and as Prometheus text. */
#pragma once

#include <stdint.h>

#include "base/json.h"
#include "base/list.h"
#include "base/table.h"

enum metric_type {
    METRIC_COUNTER, /* only grows */
    METRIC_GAUGE,
    METRIC_TIMER, /* durations in ms: the last one, and over the window count, max, min, mean and percentiles */
};

struct metrics {
    struct table by_name; /* of struct metric */
    struct list groups;   /* of struct metric_group */
};

/* A metric that lives in its owner and is listed while it is registered. */
struct metric {
    char *name;
    enum metric_type type;
    double value;               /* counter or gauge; the last duration of a timer */
    double (*read)(void *user); /* a gauge that is worked out when asked for; NULL: `value` */
    void *user;
    struct metric_window *window; /* timers */
};

void metrics_init(struct metrics *metrics);
void metrics_done(struct metrics *metrics); /* the metrics themselves belong to their owners */

/* List @metric under the formatted name; a name that is taken already is a bug of the caller. */
void metrics_add(struct metrics *metrics, struct metric *metric, enum metric_type type, const char *format, ...)
    printf_like_(4, 5);
/* A gauge that calls @read(@user). */
void metrics_add_reader(struct metrics *metrics, struct metric *metric, double (*read)(void *user), void *user,
                        const char *format, ...) printf_like_(5, 6);
/* Unlist and release; accepts a zeroed one. */
void metrics_remove(struct metrics *metrics, struct metric *metric);

static inline void metric_increment(struct metric *metric) {
    metric->value += 1;
}

static inline void metric_add(struct metric *metric, double value) {
    metric->value += value;
}

/* A timer's new sample. The statistics are of the last hour, of at most 1,000 samples. */
void metric_record(struct metric *metric, int64_t now_ns, int64_t duration_ns);

/* A table of counters and gauges that share one struct: rows of name and offset of a struct metric. */
struct metric_row {
    const char *name;
    enum metric_type type;
    size_t offset;
    double (*read)(void *user); /* NULL: the value is set by the owner */
};
void metrics_add_rows(struct metrics *metrics, const struct metric_row *rows, size_t count, void *base, void *user);
void metrics_remove_rows(struct metrics *metrics, const struct metric_row *rows, size_t count, void *base);

/* Values of one thing among many, such as a framework, without a struct metric for each: their names are "prefix/row",
 * which are made when they are shown. */
struct metric_group_row {
    const char *name;
    enum metric_type type; /* counter or gauge */
    size_t offset;         /* of a double */
};

struct metric_group {
    struct list member;
    char *prefix;
    const struct metric_group_row *rows;
    size_t count;
    const void *values; /* what the rows' offsets are in */
};

/* List the @rows of @values; @prefix is taken over. */
void metrics_add_group(struct metrics *metrics, struct metric_group *group, char *prefix,
                       const struct metric_group_row *rows, size_t count, const void *values);
/* Accepts a zeroed one. */
void metrics_remove_group(struct metric_group *group);

/* Visit all values, sorted by the metrics' names: those of a timer are called name, name/count, name/max, … /p9999, as
 * Mesos does. Values that are not known are left out. @name is valid during the call. */
typedef void metrics_visit(void *user, const char *name, double value);
void metrics_for_each_value(const struct metrics *metrics, metrics_visit *visit, void *user);

/* One flat object, sorted by name; timers as name, name/count, name/max, … /p9999 as Mesos does. */
void metrics_write_json(const struct metrics *metrics, struct json_writer *writer);
/* Prometheus text: '/' and other characters become '_', prefixed with "mesos_"; names with odd characters carry the
 * original as the label "name". A timer is a gauge of its last value and a summary "…_summary". */
void metrics_append_prometheus(const struct metrics *metrics, struct buffer *buffer);
