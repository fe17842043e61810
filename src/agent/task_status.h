/* SPDX-License-Identifier: Apache-2.0 */
/* Status updates: from an executor or made by the agent, into the task, into its stream, to the master. */
#pragma once

#include "agent/executor.h"

/* An update made by the agent. @executor_id may be NULL; @reason negative: none. */
void agent_update_task(struct agent *agent, const char *framework_id, const char *task_id, const char *executor_id,
                       enum task_state state, int reason, const char *message);

/* As agent_update_task() for a task and perhaps a framework that are not here: nothing is looked up. */
void agent_update_unknown_task(struct agent *agent, const char *framework_id, const char *task_id,
                               enum task_state state, int reason, const char *message);

/* An update from the executor @executor_id (over HTTP, or libprocess with @from). @status may be changed. */
void agent_executor_update(struct agent *agent, const char *framework_id, const char *executor_id,
                           Mesos__V1__TaskStatus *status, const struct pid *from);

/* The framework has an update. [Slave::statusUpdateAcknowledgement] */
void agent_update_acknowledged(struct agent *agent, const char *framework_id, const char *task_id,
                               const ProtobufCBinaryData *uuid);

extern const struct update_events agent_update_events;
