/* SPDX-License-Identifier: Apache-2.0 */
/* Taking up what an earlier agent left in the work directory (src/slave/state.cpp, Slave::recover). */
#pragma once

#include "agent/core.h"

void agent_recovery_init(struct agent *agent);
/* Read everything back and begin to wait for executors; those that do not come back in time are given up
 * [Slave::reregisterExecutorTimeout]. What can not be read is fatal if --strict. */
int agent_recover(struct agent *agent, struct error *err);
/* Some executor is back, or gone: recovery ends once none is waited for any more. */
void agent_recovery_check(struct agent *agent);
