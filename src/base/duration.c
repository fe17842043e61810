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
        if (strcasecmp(units[i].name, name) == 0)
            return &units[i];
    return NULL;
}

int duration_parse(const char *text, int64_t *ret_ns, struct error *err) {
    size_t digits = strspn(text, ".0123456789");
    const struct unit *unit = find_unit(durations, ARRAY_SIZE(durations), text + digits);
    double number;
    char *end;

    number = strtod(text, &end);
    /* Upstream tells "MS" from "ms"; so do we, although sizes have no case. */
    if (digits == 0 || end != text + digits || unit == NULL || strcmp(unit->name, text + digits) != 0)
        return error_set(err, EINVAL,
                         "'%s' is not a duration such as '15secs' (units: ns, us, ms, secs, mins, hrs, days, weeks)",
                         text);
    number *= (double)unit->size;
    if (!(number < 0x1p63))
        return error_set(err, ERANGE, "duration '%s' is out of range", text);
    *ret_ns = (int64_t)number;
    return 0;
}

char *duration_format(int64_t ns) {
    /* The smallest number has no positive counterpart; upstream prints it as the largest one negated. */
    int64_t magnitude = ns == INT64_MIN ? INT64_MAX : ns < 0 ? -ns : ns;
    const char *sign = ns < 0 ? "-" : "";
    size_t i = 0;

    while (i + 1 < ARRAY_SIZE(durations) && magnitude < durations[i].size)
        i++;
    if (magnitude % durations[i].size != 0 && magnitude % durations[i + 1].size == 0)
        i++;
    if (magnitude % durations[i].size == 0)
        return xasprintf("%s%" PRId64 "%s", sign, magnitude / durations[i].size, durations[i].name);
    return xasprintf("%s%.15g%s", sign, (double)magnitude / (double)durations[i].size, durations[i].name);
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
    size_t digits = strspn(text, "0123456789");
    const struct unit *unit = find_unit(sizes, ARRAY_SIZE(sizes), text + digits);
    unsigned long long number;

    if (digits == 0 || unit == NULL)
        return error_set(err, EINVAL, "'%s' is not a size such as '512MB' (units: B, KB, MB, GB, TB)", text);
    errno = 0;
    number = strtoull(text, NULL, 10);
    if (errno == ERANGE || number > UINT64_MAX / (uint64_t)unit->size)
        return error_set(err, ERANGE, "size '%s' is out of range", text);
    *ret_bytes = number * (uint64_t)unit->size;
    return 0;
}

char *bytes_format(uint64_t bytes) {
    for (size_t i = 0; i < ARRAY_SIZE(sizes); i++)
        if (bytes >= (uint64_t)sizes[i].size && bytes % (uint64_t)sizes[i].size == 0)
            return xasprintf("%" PRIu64 "%s", bytes / (uint64_t)sizes[i].size, sizes[i].name);
    return xstrdup("0B");
}
