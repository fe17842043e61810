/* SPDX-License-Identifier: Apache-2.0 */
/* What master and agent tell of themselves in their APIs, as messages. What is made lies in the given arena. */
#pragma once

#include "base/arena.h"
#include "base/flags.h"
#include "base/metrics.h"
#include "mesos/v1/mesos.pb-c.h"

/* The answer to GET_VERSION; its texts live for ever. */
Mesos__V1__VersionInfo program_version(void);
/* To GET_FLAGS: what of @flags is set, all values as text. */
Mesos__V1__Flag **program_flags(const struct flag_table *table, const void *flags, struct arena *arena,
                                size_t *ret_count);
/* To GET_METRICS: every value that /metrics/snapshot has. */
Mesos__V1__Metric **program_metrics(const struct metrics *metrics, struct arena *arena, size_t *ret_count);
