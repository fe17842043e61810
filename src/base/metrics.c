/* SPDX-License-Identifier: Apache-2.0 */
#include "base/metrics.h"

#include <assert.h>
#include <ctype.h>
#include <math.h>
#include <stdio.h>

#include "base/duration.h"
#include "base/number.h"

/* As upstream's time series: when there are more samples, every second one of the older half is dropped, so that the
 * window stays covered. */
enum { WINDOW_SAMPLES = 1000 };

static const int64_t window_ns = HOUR;

struct sample {
    int64_t time_ns;
    double value;
};

/* The samples of the last hour, the oldest first. */
struct metric_window {
    struct sample *samples;
    size_t count, capacity;
    size_t thin; /* the next sample to drop while thinning out */
};

void metrics_init(struct metrics *metrics) {
    *metrics = (struct metrics){0};
    table_init(&metrics->by_name);
    list_init(&metrics->groups);
}

void metrics_done(struct metrics *metrics) {
    if (metrics != NULL)
        table_done(&metrics->by_name);
}

static void add(struct metrics *metrics, struct metric *metric, enum metric_type type, char *name) {
    *metric = (struct metric){.name = name, .type = type};
    if (type == METRIC_TIMER) {
        metric->window = new0(struct metric_window);
        metric->value = NAN;
    }
    if (!table_add(&metrics->by_name, metric->name, metric))
        assert(!"a metric of this name is listed already");
}

void metrics_add(struct metrics *metrics, struct metric *metric, enum metric_type type, const char *format, ...) {
    va_list arguments;

    va_start(arguments, format);
    add(metrics, metric, type, xvasprintf(format, arguments));
    va_end(arguments);
}

void metrics_add_reader(struct metrics *metrics, struct metric *metric, double (*read)(void *user), void *user,
                        const char *format, ...) {
    va_list arguments;

    va_start(arguments, format);
    add(metrics, metric, METRIC_GAUGE, xvasprintf(format, arguments));
    va_end(arguments);
    metric->read = read;
    metric->user = user;
}

void metrics_remove(struct metrics *metrics, struct metric *metric) {
    if (metric->name == NULL)
        return;
    table_remove(&metrics->by_name, metric->name);
    if (metric->window != NULL)
        free(metric->window->samples);
    free(metric->window);
    free(metric->name);
    *metric = (struct metric){0};
}

static struct metric *row_metric(const struct metric_row *row, void *base) {
    return (struct metric *)((char *)base + row->offset);
}

void metrics_add_rows(struct metrics *metrics, const struct metric_row *rows, size_t count, void *base, void *user) {
    for (size_t i = 0; i < count; i++) {
        struct metric *metric = row_metric(&rows[i], base);

        add(metrics, metric, rows[i].type, xstrdup(rows[i].name));
        metric->read = rows[i].read;
        metric->user = user;
    }
}

void metrics_remove_rows(struct metrics *metrics, const struct metric_row *rows, size_t count, void *base) {
    for (size_t i = 0; i < count; i++)
        metrics_remove(metrics, row_metric(&rows[i], base));
}

void metrics_add_group(struct metrics *metrics, struct metric_group *group, char *prefix,
                       const struct metric_group_row *rows, size_t count, const void *values) {
    *group = (struct metric_group){.prefix = prefix, .rows = rows, .count = count, .values = values};
    list_append(&metrics->groups, &group->member);
}

void metrics_remove_group(struct metric_group *group) {
    list_remove(&group->member);
    free(take_ptr(&group->prefix));
}

static void drop_expired(struct metric_window *window, int64_t now_ns) {
    size_t expired = 0;

    /* The newest one stays whatever its age. */
    while (expired + 1 < window->count && window->samples[expired].time_ns <= now_ns - window_ns)
        expired++;
    if (expired == 0)
        return;
    window->count -= expired;
    window->thin = window->thin > expired ? window->thin - expired : 0;
    memmove(window->samples, window->samples + expired, window->count * sizeof(*window->samples));
}

static void drop_one(struct metric_window *window) {
    if (window->thin == 0 || window->thin > window->count / 2)
        window->thin = 1;
    window->count--;
    memmove(window->samples + window->thin, window->samples + window->thin + 1,
            (window->count - window->thin) * sizeof(*window->samples));
    /* The one that moved here stays. */
    window->thin++;
}

void metric_record(struct metric *metric, int64_t now_ns, int64_t duration_ns) {
    struct metric_window *window = metric->window;

    metric->value = (double)duration_ns / (double)MILLISECOND;
    if (window->count == window->capacity) {
        window->capacity = window->capacity == 0 ? 16 : window->capacity * 2;
        window->samples = xrealloc(window->samples, window->capacity * sizeof(*window->samples));
    }
    window->samples[window->count++] = (struct sample){now_ns, metric->value};
    drop_expired(window, now_ns);
    if (window->count > WINDOW_SAMPLES)
        drop_one(window);
}

static int compare_doubles(const void *a, const void *b) {
    double left = *(const double *)a, right = *(const double *)b;

    return (left > right) - (left < right);
}

/* With linear interpolation between neighbours, as upstream. @count is at least 2. */
static double percentile(const double *sorted, size_t count, double fraction) {
    double position = fraction * (double)(count - 1);
    size_t index = (size_t)position;

    return sorted[index] + (sorted[index + 1] - sorted[index]) * (position - (double)index);
}

/* Called with each value that is shown: the metric itself (@suffix is "") and the statistics of timers. */
typedef void emit_value(void *user, const struct metric *metric, const char *suffix, double value);

static const struct {
    const char *suffix;
    double fraction;
} percentiles[] = {
    {"/p50", 0.5}, {"/p90", 0.9}, {"/p95", 0.95}, {"/p99", 0.99}, {"/p999", 0.999}, {"/p9999", 0.9999},
};

static void emit_window(const struct metric *metric, emit_value *emit, void *user) {
    const struct metric_window *window = metric->window;
    double values[WINDOW_SAMPLES];

    if (window->count < 2)
        return;
    for (size_t i = 0; i < window->count; i++)
        values[i] = window->samples[i].value;
    qsort(values, window->count, sizeof(values[0]), compare_doubles);
    emit(user, metric, "/count", (double)window->count);
    emit(user, metric, "/max", values[window->count - 1]);
    emit(user, metric, "/min", values[0]);
    for (size_t i = 0; i < ARRAY_SIZE(percentiles); i++)
        emit(user, metric, percentiles[i].suffix, percentile(values, window->count, percentiles[i].fraction));
}

static int compare_names(const void *a, const void *b) {
    return strcmp(((const struct metric *)a)->name, ((const struct metric *)b)->name);
}

static double group_value(const struct metric_group *group, const struct metric_group_row *row) {
    double value;

    memcpy(&value, (const char *)group->values + row->offset, sizeof(value));
    return value;
}

/* All metrics as they are to be shown, with those of groups last; the names of these, in @ret_names, are the caller's.
 */
static struct metric *list_all(const struct metrics *metrics, size_t *ret_count, struct buffer *ret_names) {
    size_t count = metrics->by_name.count, listed = 0, at = 0;
    const struct metric_group *group;
    const struct metric *metric;
    struct metric *all;

    list_for_each (&metrics->groups, group, member) {
        count += group->count;
        for (size_t i = 0; i < group->count; i++) {
            buffer_printf(ret_names, "%s/%s", group->prefix, group->rows[i].name);
            buffer_append_char(ret_names, '\0');
        }
    }
    all = xcalloc(count, sizeof(*all));
    table_for_each (&metrics->by_name, metric)
        all[listed++] = *metric;
    list_for_each (&metrics->groups, group, member) {
        for (size_t i = 0; i < group->count; i++, at += strlen(ret_names->data + at) + 1)
            all[listed++] = (struct metric){.name = ret_names->data + at,
                                            .type = group->rows[i].type,
                                            .value = group_value(group, &group->rows[i])};
    }
    *ret_count = count;
    return all;
}

/* A value that is not a number is one that is not known; it is left out, as upstream leaves out failed gauges. */
static void emit_all(const struct metrics *metrics, emit_value *emit, void *user) {
    cleanup_buffer struct buffer names = BUFFER_INIT;
    size_t count;
    cleanup_free struct metric *all = list_all(metrics, &count, &names);

    qsort(all, count, sizeof(*all), compare_names);
    for (size_t i = 0; i < count; i++) {
        const struct metric *metric = &all[i];
        double value = metric->read != NULL ? metric->read(metric->user) : metric->value;

        if (isfinite(value))
            emit(user, metric, "", value);
        if (metric->type == METRIC_TIMER)
            emit_window(metric, emit, user);
    }
}

struct visit {
    metrics_visit *visit;
    void *user;
};

static void emit_visit(void *user, const struct metric *metric, const char *suffix, double value) {
    const struct visit *visit = user;
    cleanup_free char *name = *suffix == '\0' ? NULL : xasprintf("%s%s", metric->name, suffix);

    visit->visit(visit->user, name == NULL ? metric->name : name, value);
}

void metrics_for_each_value(const struct metrics *metrics, metrics_visit *visit, void *user) {
    emit_all(metrics, emit_visit, &(struct visit){visit, user});
}

static void write_value(void *user, const char *name, double value) {
    json_key_string(user, name);
    json_double(user, value);
}

void metrics_write_json(const struct metrics *metrics, struct json_writer *writer) {
    json_begin_object(writer);
    metrics_for_each_value(metrics, write_value, writer);
    json_end_object(writer);
}

/* Names made of words and slashes are told apart by their Prometheus names; others (of frameworks and roles, which may
 * hold anything) might become the same one, so that they carry the original as a label. */
static bool is_plain_name(const char *name) {
    for (; *name != '\0'; name++)
        if ((unsigned char)*name >= 0x80 || (!isalnum((unsigned char)*name) && *name != '_' && *name != '/'))
            return false;
    return true;
}

static void append_prometheus_name(struct buffer *buffer, const char *name) {
    buffer_append_string(buffer, "mesos_");
    for (; *name != '\0'; name++) {
        unsigned char c = (unsigned char)*name;

        buffer_append_char(buffer, c < 0x80 && isalnum(c) ? (char)c : '_');
    }
}

static void append_label_value(struct buffer *buffer, const char *value) {
    for (; *value != '\0'; value++) {
        if (*value == '\n') {
            buffer_append_string(buffer, "\\n");
            continue;
        }
        if (*value == '"' || *value == '\\')
            buffer_append_char(buffer, '\\');
        buffer_append_char(buffer, *value);
    }
}

static void append_type(struct buffer *buffer, const char *name, const char *suffix, const char *type) {
    if (!is_plain_name(name))
        return;
    buffer_append_string(buffer, "# TYPE ");
    append_prometheus_name(buffer, name);
    buffer_printf(buffer, "%s %s\n", suffix, type);
}

/* @quantile is negative where there is none. */
static void append_line(struct buffer *buffer, const char *name, const char *suffix, double quantile, double value) {
    bool labelled = !is_plain_name(name);
    char *out;

    append_prometheus_name(buffer, name);
    buffer_append_string(buffer, suffix);
    if (labelled || quantile >= 0)
        buffer_append_char(buffer, '{');
    if (labelled) {
        buffer_append_string(buffer, "name=\"");
        append_label_value(buffer, name);
        buffer_append_string(buffer, quantile >= 0 ? "\"," : "\"");
    }
    if (quantile >= 0)
        buffer_printf(buffer, "quantile=\"%g\"", quantile);
    buffer_append_string(buffer, labelled || quantile >= 0 ? "} " : " ");
    out = buffer_reserve(buffer, NUMBER_TEXT_BYTES);
    buffer_added(buffer, (size_t)(number_put_double(out, value) - out));
    buffer_append_char(buffer, '\n');
}

/* A timer's last value is a gauge, and its statistics are a summary beside it. */
static void emit_prometheus(void *user, const struct metric *metric, const char *suffix, double value) {
    struct buffer *buffer = user;
    double quantile = strcmp(suffix, "/min") == 0 ? 0 : 1; /* and /max */

    if (*suffix == '\0') {
        append_type(buffer, metric->name, "", metric->type == METRIC_COUNTER ? "counter" : "gauge");
        append_line(buffer, metric->name, "", -1, value);
        return;
    }
    if (strcmp(suffix, "/count") == 0) {
        append_type(buffer, metric->name, "_summary", "summary");
        append_line(buffer, metric->name, "_summary_count", -1, value);
        return;
    }
    for (size_t i = 0; i < ARRAY_SIZE(percentiles); i++)
        if (strcmp(suffix, percentiles[i].suffix) == 0)
            quantile = percentiles[i].fraction;
    append_line(buffer, metric->name, "_summary", quantile, value);
}

void metrics_append_prometheus(const struct metrics *metrics, struct buffer *buffer) {
    emit_all(metrics, emit_prometheus, buffer);
}
