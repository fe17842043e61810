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

/* The end of a task that was unreachable, with its agent. */
static void end_unreachable_task(struct framework *framework, struct task *task) {
    struct master *master = framework->master;
    bool is_aware = framework->capabilities.partition_aware;
    enum task_state state = is_aware ? TASK_GONE_BY_OPERATOR : TASK_LOST;
    struct master_status status;

    master_status_init_task(&status, master, task, state,
                            is_aware ? MESOS__V1__TASK_STATUS__REASON__REASON_AGENT_REMOVED_BY_OPERATOR
                                     : MESOS__V1__TASK_STATUS__REASON__REASON_AGENT_REMOVED,
                            "Agent has been marked gone");
    task_update(master, task, &status.status, state);
    if (framework_is_connected(framework))
        framework_send_update(framework, &status.status);
    table_remove(&framework->unreachable_tasks, task->id);
    framework_add_completed_task(framework, task);
}

static void mark_unreachable_gone(struct master *master, const char *agent_id) {
    struct framework *framework;
    struct task *task;

    table_for_each (&master->frameworks, framework) {
        table_for_each (&framework->unreachable_tasks, task) {
            if (strcmp(task->message->agent_id->value, agent_id) == 0)
                end_unreachable_task(framework, task);
        }
    }
}

/* [Master::Http::_markAgentGone, Master::markGone] */
void api_mark_agent_gone(struct api_request *request) {
    struct master *master = request->endpoints->master;
    const char *id = request->call->mark_agent_gone->agent_id->value;
    struct agent *agent = agent_find(master, id);

    if (agent != NULL) {
        agent_mark_gone(agent);
    } else if (table_find(&master->unreachable_agents, id) != NULL) {
        lost_agent_add(&master->gone_agents, id, env_wall_clock(master->env),
                       (size_t)master->flags->registry_max_agent_count);
        lost_agent_remove(&master->unreachable_agents, id);
        mark_unreachable_gone(master, id);
    } else if (table_find(&master->gone_agents, id) == NULL) {
        http_respond_text(request->exchange, 404, "Agent '%s' not found", id);
        return;
    }
    api_respond_done(request);
}
