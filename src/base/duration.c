/* SPDX-License-Identifier: Apache-2.0 */
#include "base/duration.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>

struct unit {
    const char *name;
    int64_t size;
};

/* The largest first: the order in which formatting looks for one that fits. */
static const struct unit durations[] = {
    {"weeks", WEEK},  {"days", DAY},       {"hrs", HOUR},       {"mins", MINUTE},
    {"secs", SECOND}, {"ms", MILLISECOND}, {"us", MICROSECOND}, {"ns", NANOSECOND},
};

static const struct unit sizes[] = {
    {"TB", INT64_C(1) << 40}, {"GB", INT64_C(1) << 30}, {"MB", INT64_C(1) << 20}, {"KB", INT64_C(1) << 10}, {"B", 1},
};

static const struct unit *find_unit(const struct unit *units, size_t count, const char *name) {
    for (size_t i = 0; i < count; i++)
        if (strcmp(units[i].name, name) == 0)
            return &units[i];
    return NULL;
}

static int parse(const struct unit *units, size_t count, const char *what, const char *example, const char *text,
                 int64_t *ret, struct error *err) {
    const struct unit *unit;
    size_t digits = strspn(text, "+-.0123456789");
    char *end;
    double number;

    number = strtod(text, &end);
    unit = find_unit(units, count, text + digits);
    if (digits == 0 || end != text + digits || unit == NULL)
        return error_set(err, EINVAL, "'%s' is not a %s such as '%s'", text, what, example);
    number *= (double)unit->size;
    if (!(fabs(number) < 0x1p63))
        return error_set(err, ERANGE, "%s '%s' is out of range", what, text);
    *ret = (int64_t)number;
    return 0;
}

int duration_parse(const char *text, int64_t *ret_ns, struct error *err) {
    return parse(durations, ARRAY_SIZE(durations), "duration", "15secs", text, ret_ns, err);
}

char *duration_format(int64_t ns) {
    const struct unit *unit = &durations[ARRAY_SIZE(durations) - 1];
    uint64_t magnitude = ns < 0 ? -(uint64_t)ns : (uint64_t)ns;

    if (ns == 0)
        return xstrdup("0ns");
    for (size_t i = 0; i < ARRAY_SIZE(durations); i++)
        if (magnitude >= (uint64_t)durations[i].size) {
            unit = &durations[i];
            break;
        }
    if (ns % unit->size == 0)
        return xasprintf("%" PRId64 "%s", ns / unit->size, unit->name);
    return xasprintf("%.15g%s", (double)ns / (double)unit->size, unit->name);
}

int64_t duration_from_seconds(double seconds) {
    double ns = seconds * 1e9;

    if (isnan(ns))
        return 0;
    if (ns >= 0x1p63)
        return INT64_MAX;
    if (ns <= -0x1p63)
        return INT64_MIN;
    return (int64_t)ns;
}

double duration_to_seconds(int64_t ns) {
    return (double)ns / 1e9;
}

int bytes_parse(const char *text, uint64_t *ret_bytes, struct error *err) {
    int64_t bytes;

    if (parse(sizes, ARRAY_SIZE(sizes), "size", "512MB", text, &bytes, err) < 0)
        return -1;
    if (bytes < 0)
        return error_set(err, EINVAL, "size '%s' is negative", text);
    *ret_bytes = (uint64_t)bytes;
    return 0;
}

char *bytes_format(uint64_t bytes) {
    for (size_t i = 0; i < ARRAY_SIZE(sizes); i++)
        if (bytes >= (uint64_t)sizes[i].size && bytes % (uint64_t)sizes[i].size == 0)
            return xasprintf("%" PRIu64 "%s", bytes / (uint64_t)sizes[i].size, sizes[i].name);
    return xstrdup("0B");
}
