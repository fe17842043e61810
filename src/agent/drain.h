/* SPDX-License-Identifier: Apache-2.0 */
/* Draining: the master asks for all tasks to be killed, so that the machine can be serviced (Slave::drain). */
#pragma once

#include "agent/core.h"

void agent_on_drain(struct agent *agent, const Mesos__V1__DrainConfig *config);
/* Draining ends once no framework and no operation is left. [Slave::updateDrainStatus] */
void agent_drain_check(struct agent *agent);
