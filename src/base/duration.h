/* SPDX-License-Identifier: Apache-2.0 */
/* Durations and sizes as Mesos writes them in flags: "15secs", "1.5hrs", "512MB". */
#pragma once

#include <stdint.h>

#include "base/error.h"

#define NANOSECOND INT64_C(1)
#define MICROSECOND (1000 * NANOSECOND)
#define MILLISECOND (1000 * MICROSECOND)
#define SECOND (1000 * MILLISECOND)
#define MINUTE (60 * SECOND)
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)
#define WEEK (7 * DAY)

/* Parse "<number><unit>", not negative, with the units ns, us, ms, secs, mins, hrs, days, weeks. */
int duration_parse(const char *text, int64_t *ret_ns, struct error *err);

/* The way Mesos prints a duration: in the largest unit that fits, or in the next smaller one if only that divides it
 * without rest: "15secs", "90secs", "1500ms", "1.000000001secs". The caller frees. */
char *duration_format(int64_t ns);

/* Seconds as messages and JSON carry them. Out of range and NaN are clamped. */
int64_t duration_from_seconds(double seconds);
double duration_to_seconds(int64_t ns);

/* Parse "<whole number><unit>" with the units B, KB, MB, GB, TB (powers of 1024) in either case. */
int bytes_parse(const char *text, uint64_t *ret_bytes, struct error *err);

/* As Mesos prints sizes: "512MB", "1000B". The caller frees. */
char *bytes_format(uint64_t bytes);
