/* SPDX-License-Identifier: Apache-2.0 */
/* Dynamic reservations and persistent volumes: kept on disk, applied as the master says. */
#pragma once

#include "agent/core.h"

/* [Slave::checkpointResourcesMessage] */
void agent_on_checkpoint_resources(struct agent *agent, Mesos__V1__Resource *const *resources, size_t count);

/* Read back what was checkpointed and apply it to the agent's total. */
int agent_recover_resources(struct agent *agent, struct error *err);
