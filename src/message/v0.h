/* SPDX-License-Identifier: Apache-2.0 */
/* The few places where the bytes of v0 and v1 differ.
 *
 *  - scheduler.Call.Subscribe has other field numbers: "mesos.scheduler.Call", as v0 drivers send it to masters.
 *  - SlaveInfo has the field checkpoint, AgentInfo has not; masters of Apache Mesos refuse agents that do not set it.
 *  - master.Call.DrainAgent.max_grace_period has another type, but v0 has no API that takes that call.
 *
 * All other v0 messages ("mesos.scheduler.Event", "mesos.executor.Call", "mesos.SlaveInfo", …) are decoded and encoded
 * as the v1 message of that name. */
#pragma once

#include "mesos/v1/scheduler/scheduler.pb-c.h"
#include "message/message.h"

/* Decode the bytes of a mesos.scheduler.Call. @ret_force, which may be NULL, is its field subscribe.force: a driver
 * that takes over from another one. */
int v0_scheduler_call_decode(const void *data, size_t size, struct arena *arena, Mesos__V1__Scheduler__Call **ret,
                             bool *ret_force, struct error *err);

/* Append @call as a mesos.scheduler.Call. */
void v0_scheduler_call_encode(const Mesos__V1__Scheduler__Call *call, struct buffer *buffer);

/* SlaveInfo.checkpoint, which is an unknown field of AgentInfo. Setting it allocates from @arena, which must live as
 * long as @info. */
bool v0_agent_info_checkpoint(const Mesos__V1__AgentInfo *info);
void v0_agent_info_set_checkpoint(Mesos__V1__AgentInfo *info, struct arena *arena);
