/* SPDX-License-Identifier: Apache-2.0 */
/* Load, processors and memory of this machine. */
#pragma once

#include <stdint.h>

struct system_stats {
    double load_1min, load_5min, load_15min;
    int64_t cpus_total;
    uint64_t mem_total_bytes, mem_free_bytes;
};

/* What could not be read is 0. */
void system_stats_read(struct system_stats *ret);
