/* SPDX-License-Identifier: Apache-2.0 */
/* Executors that speak libprocess messages instead of HTTP. */
#pragma once

#include "agent/executor.h"

void pid_executor_register(struct agent *agent, const struct pid *from, const char *framework_id,
                           const char *executor_id);
void pid_executor_reregister(struct agent *agent, const struct pid *from,
                             Mesos__Internal__ReregisterExecutorMessage *message);
void pid_executor_update(struct agent *agent, const struct pid *from, Mesos__Internal__StatusUpdateMessage *message);

/* Pass on what an executor says to its framework, to the scheduler itself or by way of the master.
 * [Slave::executorMessage] */
void agent_executor_message(struct agent *agent, const char *framework_id, const char *executor_id,
                            const ProtobufCBinaryData *data);
