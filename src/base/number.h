/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers as text, fast: what the JSON writer and the metrics print. */
#pragma once

#include <stdint.h>

/* Enough for any of these, and for a sign; no NUL is written. */
enum { NUMBER_TEXT_BYTES = 32 };

/* Each writes at @out and returns the end of what it wrote. */
char *number_put_unsigned(char *out, uint64_t value);
char *number_put_integer(char *out, int64_t value);

/* The shortest decimal that reads back as the same double, which must be finite, laid out as rapidjson (and so Mesos)
 * does: always with a point or an exponent, plain up to 21 digits before the point and 6 zeros after it ("3.0", "0.1",
 * "1e30", "1.5e-7"). */
char *number_put_double(char *out, double value);
