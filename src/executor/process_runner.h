/* SPDX-License-Identifier: Apache-2.0 */
/* Whatever an executor has its commands run by: processes on this machine, nested containers of the agent, or a
 * simulation's inventions. */
#pragma once

#include "base/error.h"
#include "mesos/v1/mesos.pb-c.h"

struct process_runner;
struct running_process; /* the runner's; gone once on_exit has been called or it was forgotten */

struct process_spec {
    const Mesos__V1__CommandInfo *command; /* its environment is not looked at */
    char *const *environment;              /* "NAME=value", NULL-terminated: the whole of it */
    const char *directory;                 /* NULL: the executor's own */
    bool output_to_stderr;                 /* standard output goes to the executor's standard error */
};

struct process_events {
    /* It is over, with a wait(2) status; or @err says why it could not be run at all. From the loop, exactly once. */
    void (*on_exit)(void *user, int wait_status, const struct error *err);
};

struct process_runner_ops {
    /* Start a process, in a session of its own. NULL with @err set if that fails at once. */
    struct running_process *(*start)(struct process_runner *runner, const struct process_spec *spec,
                                     const struct process_events *events, void *user, struct error *err);
    int (*pid)(const struct running_process *process); /* 0: none on this machine */
    /* Send a signal to the process and everything that hangs on it. */
    void (*signal_tree)(struct running_process *process, int signal);
    /* Kill what is left of it and do not call on_exit. */
    void (*forget)(struct running_process *process);
};

struct process_runner {
    const struct process_runner_ops *ops;
};
