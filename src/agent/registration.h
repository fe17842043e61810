/* SPDX-License-Identifier: Apache-2.0 */
/* Joining a master, and noticing that it is gone. */
#pragma once

#include "agent/core.h"

extern const struct detector_events agent_detector_events;

void agent_registration_init(struct agent *agent);
void agent_registration_done(struct agent *agent);

/* Ask the master to take note anew of what is here. */
void agent_register_again(struct agent *agent);

/* What comes from the master. */
void agent_on_registered(struct agent *agent, const Mesos__Internal__SlaveRegisteredMessage *message);
void agent_on_reregistered(struct agent *agent, const Mesos__Internal__SlaveReregisteredMessage *message);
void agent_on_ping(struct agent *agent, const struct pid *from, bool is_connected);
void agent_on_exited(struct agent *agent, const struct pid *peer);
