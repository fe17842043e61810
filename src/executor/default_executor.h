/* SPDX-License-Identifier: Apache-2.0 */
/* The default executor: runs groups of tasks, each task in a container nested in the executor's own, by calls to the
 * agent. A task that fails or is killed takes the rest of its group with it. */
#pragma once

#include "client/executor_client.h"
#include "executor/process_runner.h"

struct default_executor;

struct default_executor_options {
    const struct executor_client_options *client; /* copied */
    const char *sandbox;                          /* MESOS_SANDBOX or MESOS_DIRECTORY; copied */
    const char *container_ip;                     /* for MESOS_CONTAINER_IP; copied */
    char *const *environment;                     /* the executor's own, for command checks; copied */
    struct process_runner *runner;                /* of command checks */
};

/* @on_done: the program is to end with @exit_code. Once; the executor may be freed in it. */
struct default_executor *default_executor_new(struct env *env, const struct default_executor_options *options,
                                              void (*on_done)(void *user, int exit_code), void *user,
                                              struct error *err);
void default_executor_start(struct default_executor *executor);
void default_executor_free(struct default_executor *executor); /* accepts NULL */
