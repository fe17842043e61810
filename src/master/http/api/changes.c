/* SPDX-License-Identifier: Apache-2.0 */
/* The calls of the operator API that change something. */
#include <string.h>

#include "master/agent.h"
#include "master/framework.h"
#include "master/http/api/api.h"
#include "master/http/endpoints.h"
#include "master/status.h"

void api_teardown(struct api_request *request) {
    struct framework *framework = framework_find(request->endpoints->master,
                                                 request->call->teardown->framework_id->value);

    if (framework == NULL) {
        http_respond_text(request->exchange, 400, "No framework found with specified ID");
        return;
    }
    framework_remove(framework);
    api_respond_done(request);
}

void api_deactivate_agent(struct api_request *request) {
    struct agent *agent = agent_find(request->endpoints->master, request->call->deactivate_agent->agent_id->value);

    if (agent == NULL) {
        http_respond_text(request->exchange, 400, "Unknown agent");
        return;
    }
    agent_set_deactivated(agent, true);
    api_respond_done(request);
}

void api_reactivate_agent(struct api_request *request) {
    struct agent *agent = agent_find(request->endpoints->master, request->call->reactivate_agent->agent_id->value);

    if (agent == NULL || !agent->is_deactivated) {
        http_respond_text(request->exchange, 400, "Agent is not deactivated");
        return;
    }
    agent_set_deactivated(agent, false);
    api_respond_done(request);
}

/* [Master::Http::_markAgentGone, Master::markGone] */
void api_mark_agent_gone(struct api_request *request) {
    struct master *master = request->endpoints->master;
    const char *id = request->call->mark_agent_gone->agent_id->value;
    struct agent *agent = agent_find(master, id);
    struct lost_agent *lost = table_find(&master->unreachable_agents, id);

    if (agent != NULL) {
        agent_mark_gone(agent);
    } else if (lost != NULL) {
        unreachable_agent_mark_gone(master, lost);
    } else if (table_find(&master->gone_agents, id) == NULL) {
        http_respond_text(request->exchange, 404, "Agent '%s' not found", id);
        return;
    }
    api_respond_done(request);
}
