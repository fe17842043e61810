/* SPDX-License-Identifier: Apache-2.0 */
/* mesos-containerizer-monitor: see containerizer/monitor.h. Started by the agent only. */
#include <fcntl.h>
#include <stdio.h>

#include "containerizer/monitor.h"

int main(void) {
    if (fcntl(MONITOR_SOCKET_FD, F_GETFD) < 0) {
        fprintf(stderr, "mesos-containerizer-monitor is started by mesos-agent and does nothing by hand\n");
        return EXIT_FAILURE;
    }
    return monitor_run(MONITOR_ORDER_FD, MONITOR_SOCKET_FD);
}
