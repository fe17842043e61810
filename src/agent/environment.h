/* SPDX-License-Identifier: Apache-2.0 */
/* What executors and other containers find in their environment (src/slave/slave.cpp, executorEnvironment()). */
#pragma once

#include "agent/executor.h"

/* "NAME=value" strings, NULL-terminated, sorted; all in @arena. The variables of @command (may be NULL) win. */
char *const *environment_of_executor(const struct agent_executor *executor, const Mesos__V1__CommandInfo *command,
                                     struct arena *arena);

/* For a nested or standalone container with the sandbox @directory: nothing of the agent's or an executor's, as
 * upstream (src/slave/http.cpp, _launchContainer) has it. */
char *const *environment_of_container(const char *directory, const Mesos__V1__CommandInfo *command,
                                      struct arena *arena);

/* Fill @command so that it starts @program of --launcher_dir; a missing one becomes a shell command that says so and
 * fails, as upstream has it. */
void environment_launcher_command(struct agent *agent, const char *program, Mesos__V1__CommandInfo *command,
                                  struct arena *arena);
