/* SPDX-License-Identifier: Apache-2.0 */
#include "agent_view.h"

#include "agent/core.h"

const char *agent_view_id(const struct agent *agent) {
    return agent->info->id == NULL ? NULL : agent->info->id->value;
}

const struct resources *agent_view_checkpointed(const struct agent *agent) {
    return &agent->checkpointed;
}
