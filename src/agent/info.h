/* SPDX-License-Identifier: Apache-2.0 */
/* What the agent says of itself: hostname, resources, attributes, capabilities. */
#pragma once

#include "agent/flags.h"
#include "agent/machine.h"
#include "mesos/v1/mesos.pb-c.h"

/* From flags and, where they are silent, from the machine. The caller frees with MESSAGE_FREE().
 * [Containerizer::resources, Slave::initialize] */
int agent_info_new(const struct agent_flags *flags, const struct agent_machine *machine, const char *hostname,
                   uint16_t port, Mesos__V1__AgentInfo **ret, struct error *err);

/* Whether an agent that was @previous may go on as @current under --reconfiguration_policy. *@ret_is_changed tells
 * whether they differ. (src/slave/compatibility.cpp) */
int agent_info_check_compatible(const Mesos__V1__AgentInfo *previous, const Mesos__V1__AgentInfo *current,
                                const char *policy, bool *ret_is_changed, struct error *err);

/* What this agent can do. */
extern const Mesos__V1__AgentInfo__Capability *const agent_capabilities_list[];
extern const size_t agent_capabilities_count;
