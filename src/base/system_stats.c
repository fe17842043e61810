/* SPDX-License-Identifier: Apache-2.0 */
#include "base/system_stats.h"

#include <stdlib.h>
#include <sys/sysinfo.h>
#include <unistd.h>

void system_stats_read(struct system_stats *ret) {
    double loads[3] = {0};
    struct sysinfo info;
    long cpus = sysconf(_SC_NPROCESSORS_ONLN);

    *ret = (struct system_stats){.cpus_total = cpus > 0 ? cpus : 0};
    if (getloadavg(loads, 3) == 3) {
        ret->load_1min = loads[0];
        ret->load_5min = loads[1];
        ret->load_15min = loads[2];
    }
    if (sysinfo(&info) == 0) {
        ret->mem_total_bytes = (uint64_t)info.totalram * info.mem_unit;
        ret->mem_free_bytes = (uint64_t)info.freeram * info.mem_unit;
    }
}
