/* SPDX-License-Identifier: Apache-2.0 */
/* An order as bytes: records "<key>=<value>\0". */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "containerizer/monitor.h"

static void put(struct buffer *buffer, const char *key, const char *value) {
    if (value == NULL)
        return;
    buffer_append_string(buffer, key);
    buffer_append_char(buffer, '=');
    buffer_append(buffer, value, strlen(value) + 1);
}

static void put_all(struct buffer *buffer, const char *key, char *const *values) {
    for (; values != NULL && *values != NULL; values++)
        put(buffer, key, *values);
}

void monitor_order_encode(const struct monitor_order *order, struct buffer *ret) {
    put(ret, "runtime_directory", order->runtime_directory);
    put(ret, "forked_pid_path", order->forked_pid_path);
    put(ret, "directory", order->directory);
    put(ret, "user", order->user);
    put(ret, "executable", order->executable);
    put_all(ret, "argument", order->arguments);
    put_all(ret, "environment", order->environment);
    for (size_t i = 0; i < order->limit_count; i++) {
        const struct monitor_limit *limit = &order->limits[i];
        char text[80];
        snprintf(text, sizeof(text), "%d %llu %llu", limit->resource, (unsigned long long)limit->limit.rlim_cur,
                 (unsigned long long)limit->limit.rlim_max);
        put(ret, "limit", text);
    }
    put(ret, "checkpoint", order->checkpoint ? "1" : NULL);
    put(ret, "own_output", order->own_output ? "1" : NULL);
}

static void append(char ***list, char *value) {
    size_t count = 0;
    while (*list != NULL && (*list)[count] != NULL)
        count++;
    /* Grows in powers of two: at each of them the array is full. */
    if ((count & (count + 1)) == 0)
        *list = xrealloc(*list, 2 * (count + 1) * sizeof(char *));
    (*list)[count] = value;
    (*list)[count + 1] = NULL;
}

static int add_limit(struct monitor_order *order, const char *text, struct error *err) {
    int resource;
    unsigned long long soft, hard;
    if (sscanf(text, "%d %llu %llu", &resource, &soft, &hard) != 3)
        return error_set(err, EINVAL, "'%s' is no limit", text);
    order->limits = xrealloc(order->limits, (order->limit_count + 1) * sizeof(order->limits[0]));
    order->limits[order->limit_count++] = (struct monitor_limit){resource, {soft, hard}};
    return 0;
}

static int take(struct monitor_order *order, const char *key, char *value, struct error *err) {
    const struct {
        const char *key;
        const char **field;
    } texts[] = {
        {"runtime_directory", &order->runtime_directory},
        {"forked_pid_path", &order->forked_pid_path},
        {"directory", &order->directory},
        {"user", &order->user},
        {"executable", &order->executable},
    };
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
        if (strcmp(key, texts[i].key) == 0) {
            *texts[i].field = value;
            return 0;
        }
    }
    if (strcmp(key, "argument") == 0)
        append(&order->arguments, value);
    else if (strcmp(key, "environment") == 0)
        append(&order->environment, value);
    else if (strcmp(key, "limit") == 0)
        return add_limit(order, value, err);
    else if (strcmp(key, "checkpoint") == 0)
        order->checkpoint = true;
    else if (strcmp(key, "own_output") == 0)
        order->own_output = true;
    else
        return error_set(err, EINVAL, "unknown key '%s'", key);
    return 0;
}

int monitor_order_decode(const char *data, size_t size, struct monitor_order *ret, struct error *err) {
    if (size == 0 || data[size - 1] != '\0')
        return error_set(err, EINVAL, "the order is cut short");
    cleanup_(monitor_order_done) struct monitor_order order = {.memory = xmemdup(data, size)};
    char *next = order.memory, *end = next + size;
    while (next < end) {
        char *key = next;
        next += strlen(key) + 1;
        char *value = strchr(key, '=');
        if (value == NULL)
            return error_set(err, EINVAL, "'%s' has no value", key);
        *value++ = '\0';
        if (take(&order, key, value, err) < 0)
            return error_wrap(err, "reading the order");
    }
    if (order.runtime_directory == NULL || order.directory == NULL || order.executable == NULL)
        return error_set(err, EINVAL, "the order lacks the directories or the command");
    *ret = order;
    order = (struct monitor_order){0};
    return 0;
}

void monitor_order_done(struct monitor_order *order) {
    if (order->memory == NULL)
        return;
    free(order->arguments);
    free(order->environment);
    free(order->limits);
    free(order->memory);
    *order = (struct monitor_order){0};
}
