/* SPDX-License-Identifier: Apache-2.0 */
/* Dynamic reservations and persistent volumes: kept on disk, applied as the master says. */
#pragma once

#include "agent/core.h"

/* [Slave::checkpointResourcesMessage] */
void agent_on_checkpoint_resources(struct agent *agent, Mesos__V1__Resource *const *resources, size_t count);

/* Keep @wanted, which is taken over, as what is checkpointed: volumes are made and removed, the total changes, and
 * everything is written. Changes nothing if it fails. */
int agent_set_checkpointed(struct agent *agent, struct resources *wanted, struct error *err);
/* Write what is checkpointed, and the operations. */
void agent_write_resources(struct agent *agent);

/* Read back what was checkpointed and apply it to the agent's total. */
int agent_recover_resources(struct agent *agent, struct error *err);
