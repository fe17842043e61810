/* SPDX-License-Identifier: Apache-2.0 */
/* What an agent holds, apart from view.h because master and agent both have a struct agent. */
#pragma once

struct agent;
struct resources;

/* NULL while it has none. */
const char *agent_view_id(const struct agent *agent);
/* Its reservations and volumes. */
const struct resources *agent_view_checkpointed(const struct agent *agent);
