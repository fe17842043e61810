/* SPDX-License-Identifier: Apache-2.0 */
/* The command executor: runs the command of one task, tells the agent how it goes, and ends.
 *
 * An actor on an env; what runs the command is a process_runner, so that the simulated cluster runs the same code. */
#pragma once

#include "client/executor_client.h"
#include "executor/process_runner.h"

struct command_executor;

struct command_executor_options {
    const struct executor_client_options *client; /* copied */
    int64_t shutdown_grace_period_ns;             /* MESOS_EXECUTOR_SHUTDOWN_GRACE_PERIOD: 5 s */
    char *const *environment;                     /* the executor's own, which the task inherits; copied */
    struct process_runner *runner;
    const Mesos__V1__CommandInfo *task_command;     /* --task_command: instead of the task's; NULL: none; copied */
    const Mesos__V1__Environment *task_environment; /* --task_environment: between the two; NULL: none; copied */
};

/* @on_done: the program is to end with @exit_code. Once; the executor may be freed in it. */
struct command_executor *command_executor_new(struct env *env, const struct command_executor_options *options,
                                              void (*on_done)(void *user, int exit_code), void *user,
                                              struct error *err);
void command_executor_start(struct command_executor *executor);
/* Kills the task's processes. Accepts NULL. */
void command_executor_free(struct command_executor *executor);
