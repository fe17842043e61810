/* SPDX-License-Identifier: Apache-2.0 */
/* A custom executor for the simulated cluster: runs any number of tasks at once; how long each takes and how it ends is
 * in the task's data. */
#pragma once

#include "client/executor_client.h"

/* What a task does; travels as its data (or, for commands, as text: "<milliseconds> <exit code>"). */
struct task_script {
    uint32_t run_ms;
    uint32_t exit_code; /* 0: TASK_FINISHED, else TASK_FAILED */
    uint32_t unhealthy; /* whether its health check, if it has one, fails */
};

struct sim_executor;

struct sim_executor_options {
    const struct executor_client_options *client;
    bool uses_messages; /* libprocess messages instead of the v1 API */
    const char *host;   /* with messages: where it listens */
    const char *agent;  /* with messages: MESOS_SLAVE_PID */
    bool lies;          /* about the health of its tasks */
};

/* @on_done: it has ended by itself, after a shutdown or because its agent is gone for good. It may be freed in it. */
struct sim_executor *sim_executor_new(struct env *env, const struct sim_executor_options *options,
                                      void (*on_done)(void *user, int exit_code), void *user);
void sim_executor_free(struct sim_executor *executor); /* accepts NULL */
