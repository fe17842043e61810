/* SPDX-License-Identifier: Apache-2.0 */
/* Killing tasks, wherever on their way they are. */
#pragma once

#include "agent/executor.h"

/* [Slave::killTask] @policy may be NULL. */
void agent_kill_task(struct agent *agent, const char *framework_id, const char *task_id, Mesos__V1__KillPolicy *policy);
void agent_kill_task_of(struct agent_framework *framework, struct agent_task *task, Mesos__V1__KillPolicy *policy);
