/* SPDX-License-Identifier: Apache-2.0 */
/* An operation on an agent's resources (RESERVE, CREATE, …) that was sent to the agent and whose end is not known, or
 * not acknowledged, yet. */
#pragma once

#include "base/arena.h"
#include "base/list.h"
#include "event/env.h"
#include "model/resources.h"

struct agent;
struct framework;
struct master;

struct operation {
    uint8_t uuid[UUID_BYTES];
    const char *id;              /* the framework's own, in message; NULL: it asked for no feedback */
    struct framework *framework; /* NULL: an operator's, or an orphan */
    struct agent *agent;
    struct list in_framework; /* framework->operations */
    struct list in_agent;     /* agent->operations */
    Mesos__V1__Operation *message;
    struct arena arena;
};
