/* SPDX-License-Identifier: Apache-2.0 */
/* The monitor: one small process for each container, between the agent and the container's command.
 *
 * It starts the command, adopts whatever the command's descendants leave behind (it is their subreaper), writes down
 * how the command ended, and kills what is left, so that when the monitor is gone the container is. It needs nothing
 * from the agent once it runs, which is what lets an agent restart under its containers.
 *
 * What it leaves in the runtime directory, in Mesos's layout (of a Mesos agent's `mesos-containerizer launch`):
 *   pid      its own pid, as Mesos has its launcher's
 *   status   empty, then the command's wait(2) status as a decimal number
 * and of its own:
 *   lock     a record lock is held on it as long as the monitor lives; the kernel names the holder, which makes a
 *            reused pid impossible to mistake
 *   command  the pid of the command, the container's first process
 *   sandbox  a link to the container's directory
 *
 * The files survive the death of any process, and are not synced: after a reboot there is nothing to be found again.
 *
 * SIGTERM to the monitor destroys the container. A container that is not checkpointed is also destroyed when the
 * agent's end of the control socket closes, that is when the agent ends in whatever way. */
#pragma once

#include <sys/resource.h>
#include <sys/types.h>

#include "base/buffer.h"

#define MONITOR_PID_FILE "pid"
#define MONITOR_STATUS_FILE "status"
#define MONITOR_LOCK_FILE "lock"
#define MONITOR_COMMAND_FILE "command"
#define MONITOR_SANDBOX_LINK "sandbox"

/* Where the program finds the order and the socket to its agent. */
#define MONITOR_ORDER_FD STDIN_FILENO
#define MONITOR_SOCKET_FD 3

struct monitor_limit {
    int resource; /* RLIMIT_NOFILE, … */
    struct rlimit limit;
};

/* What a monitor is told to do. */
struct monitor_order {
    const char *runtime_directory; /* of the container; it holds the lock file already */
    const char *forked_pid_path;   /* where else to write the monitor's pid, or NULL */
    const char *directory;         /* working directory: the sandbox */
    const char *user;              /* NULL: stay who we are */
    const char *executable;        /* looked up in the container's PATH and its directory if it has no slash */
    char **arguments;              /* argv, NULL-terminated */
    char **environment;            /* "NAME=value", NULL-terminated */
    struct monitor_limit *limits;
    size_t limit_count;
    bool checkpoint; /* goes on without the agent */
    bool own_output; /* standard output and error go to the files "stdout" and "stderr" in the directory */
    void *memory;    /* what a decoded order points into */
};

/* To and from bytes. A decoded order is released with monitor_order_done(). */
void monitor_order_encode(const struct monitor_order *order, struct buffer *ret);
int monitor_order_decode(const char *data, size_t size, struct monitor_order *ret, struct error *err);
void monitor_order_done(struct monitor_order *order);

/* What a monitor tells its agent, once, over the socket: "ok <pid of the command>" or "error <why>". */
#define MONITOR_REPORT_BYTES 1024

/* The program: carry out the order that is read from @order_fd. Returns the exit code. */
int monitor_run(int order_fd, int socket_fd);
