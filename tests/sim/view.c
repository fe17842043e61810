/* SPDX-License-Identifier: Apache-2.0 */
#include "view.h"

#include "master/agent.h"
#include "master/framework.h"
#include "master/master.h"

static char *complain(const struct agent *agent, const char *what, const struct resources *resources) {
    cleanup_free char *claimed = resources_text(resources), *total = resources_text(&agent->total);

    return xasprintf("agent %s: %s: %s of %s", agent->id, what, claimed, total);
}

static char *check_claims(const struct agent *agent) {
    cleanup_resources struct resources claimed = RESOURCES_INIT;

    resources_copy(&claimed, &agent->used);
    resources_add(&claimed, &agent->offered);
    resources_unallocate(&claimed);
    if (resources_contain(&agent->total, &claimed))
        return NULL;
    return complain(agent, "more is used and offered than there is", &claimed);
}

static char *check_offers(const struct agent *agent) {
    cleanup_resources struct resources sum = RESOURCES_INIT;
    struct offer *offer;

    list_for_each (&agent->offers, offer, in_agent)
        resources_add(&sum, &offer->resources);
    return resources_equal(&sum, &agent->offered) ? NULL : complain(agent, "its offers do not add up", &sum);
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

char *view_check_claims(struct view *view, const struct master *master) {
    char *problem = NULL;
    struct agent *agent;

    if (view->claims == master->claims_version)
        return NULL;
    table_for_each (&master->agents, agent) {
        if (agent->claims_version <= view->claims)
            continue;
        if ((problem = check_claims(agent)) != NULL || (problem = check_offers(agent)) != NULL)
            break;
    }
    view->claims = master->claims_version;
    return problem;
}

char *view_check_used(struct view *view, const struct master *master) {
    char *problem = NULL;
    struct agent *agent;

    table_for_each (&master->agents, agent)
        if (agent->claims_version > view->used && (problem = check_used(agent)) != NULL)
            break;
    view->used = master->claims_version;
    return problem;
}

char *view_check_all(const struct master *master) {
    struct view nothing = {0};
    char *problem = view_check_claims(&nothing, master);

    return problem != NULL ? problem : view_check_used(&nothing, master);
}

void view_sabotage(struct master *master) {
    struct agent *agent = table_first(&master->agents);

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
