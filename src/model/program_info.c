/* SPDX-License-Identifier: Apache-2.0 */
#include "model/program_info.h"

#include <string.h>

#include "base/json.h"
#include "base/version.h"
#include "message/json.h"

Mesos__V1__VersionInfo program_version(void) {
    const struct version *version = version_get();
    Mesos__V1__VersionInfo info = MESOS__V1__VERSION_INFO__INIT;

    info.version = (char *)version->number;
    info.build_date = (char *)version->build_date;
    info.has_build_time = true;
    info.build_time = version->build_time;
    info.build_user = (char *)version->build_user;
    info.git_sha = (char *)version->git_sha;
    info.git_tag = (char *)version->git_tag;
    return info;
}

struct flag_list {
    struct arena *arena;
    Mesos__V1__Flag **items;
    size_t count;
};

static void add_flag(void *user, const char *name, const char *value) {
    struct flag_list *list = user;
    Mesos__V1__Flag *flag = arena_alloc(list->arena, sizeof(*flag));

    mesos__v1__flag__init(flag);
    flag->name = arena_strdup(list->arena, name);
    flag->value = arena_strdup(list->arena, value);
    list->items[list->count++] = flag;
}

Mesos__V1__Flag **program_flags(const struct flag_table *table, const void *flags, struct arena *arena,
                                size_t *ret_count) {
    struct flag_list list = {.arena = arena};
    cleanup_buffer struct buffer text = BUFFER_INIT;
    struct json_writer writer;

    /* The values as text are known to the writer of /flags alone. */
    list.items = arena_alloc(arena, (table->count + 1) * sizeof(*list.items));
    json_init(&writer, &text);
    flags_write_json(table, flags, &writer);
    json_parse_strings(text.data, text.size, add_flag, &list, NULL);
    *ret_count = list.count;
    return list.items;
}

struct metric_list {
    struct arena *arena;
    Mesos__V1__Metric **items;
    size_t count, capacity;
};

static void add_metric(void *user, const char *name, double value) {
    struct metric_list *list = user;
    Mesos__V1__Metric *metric = arena_alloc(list->arena, sizeof(*metric));

    mesos__v1__metric__init(metric);
    metric->name = arena_strdup(list->arena, name);
    metric->has_value = true;
    metric->value = value;
    if (list->count == list->capacity) {
        list->capacity = list->capacity == 0 ? 256 : list->capacity * 2;
        list->items = xrealloc(list->items, list->capacity * sizeof(struct Mesos__V1__Metric *));
    }
    list->items[list->count++] = metric;
}

Mesos__V1__Metric **program_metrics(const struct metrics *metrics, struct arena *arena, size_t *ret_count) {
    struct metric_list list = {.arena = arena};
    Mesos__V1__Metric **items;

    metrics_for_each_value(metrics, add_metric, &list);
    items = arena_alloc(arena, (list.count + 1) * sizeof(struct Mesos__V1__Metric *));
    if (list.count > 0)
        memcpy(items, list.items, list.count * sizeof(struct Mesos__V1__Metric *));
    free(list.items);
    *ret_count = list.count;
    return items;
}
