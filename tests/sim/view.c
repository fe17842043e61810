/* SPDX-License-Identifier: Apache-2.0 */
#include "view.h"

#include "master/agent.h"
#include "master/framework.h"
#include "master/master.h"

static struct agent *agent_at(const struct master *master, unsigned index) {
    struct agent *agent;

    if (master->agents.count == 0)
        return NULL;
    index %= (unsigned)master->agents.count;
    table_for_each (&master->agents, agent)
        if (index-- == 0)
            return agent;
    return NULL;
}

static char *complain(const struct agent *agent, const char *what, const struct resources *resources) {
    cleanup_free char *claimed = resources_text(resources), *total = resources_text(&agent->total);

    return xasprintf("agent %s: %s: %s of %s", agent->id, what, claimed, total);
}

static char *check_claims(const struct agent *agent) {
    struct quantities claimed = QUANTITIES_INIT, offered = QUANTITIES_INIT;
    char *problem = NULL;

    resources_scalar_quantities(&agent->used, &claimed);
    resources_scalar_quantities(&agent->offered, &offered);
    for (uint32_t i = 0; i < offered.count; i++)
        quantities_add(&claimed, offered.items[i].name, offered.items[i].amount);
    if (!resources_contain_quantities(&agent->total, &claimed))
        problem = complain(agent, "more is used and offered than there is", &agent->used);
    quantities_done(&claimed);
    quantities_done(&offered);
    return problem;
}

static char *check_offers(const struct agent *agent) {
    cleanup_resources struct resources sum = RESOURCES_INIT;
    struct offer *offer;

    list_for_each (&agent->offers, offer, in_agent)
        resources_add(&sum, &offer->resources);
    return resources_equal(&sum, &agent->offered) ? NULL : complain(agent, "its offers do not add up", &sum);
}

char *view_check_agent(const struct master *master, unsigned index) {
    const struct agent *agent = agent_at(master, index);
    char *problem = agent == NULL ? NULL : check_claims(agent);

    return agent == NULL || problem != NULL ? problem : check_offers(agent);
}

static char *check_used(const struct agent *agent) {
    cleanup_resources struct resources sum = RESOURCES_INIT;
    struct executor *executor;
    struct task *task;

    list_for_each (&agent->tasks, task, in_agent)
        if (task->holds_resources)
            resources_add(&sum, &task->resources);
    table_for_each (&agent->executors, executor)
        resources_add(&sum, &executor->resources);
    return resources_equal(&sum, &agent->used) ? NULL : complain(agent, "tasks and executors use something else", &sum);
}

char *view_check_all(const struct master *master) {
    struct agent *agent;

    table_for_each (&master->agents, agent) {
        char *problem = check_claims(agent);

        if (problem == NULL)
            problem = check_offers(agent);
        if (problem == NULL)
            problem = check_used(agent);
        if (problem != NULL)
            return problem;
    }
    return NULL;
}

unsigned view_agent_count(const struct master *master) {
    return (unsigned)master->agents.count;
}

void view_sabotage(struct master *master) {
    struct agent *agent = agent_at(master, 0);

    if (agent != NULL) {
        resources_add(&agent->used, &agent->total);
        resources_add(&agent->used, &agent->total);
    }
}

unsigned view_task_count(const struct master *master) {
    struct agent *agent;
    unsigned count = 0;

    table_for_each (&master->agents, agent)
        count += (unsigned)agent->task_count;
    return count;
}
