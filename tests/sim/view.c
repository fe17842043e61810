/* SPDX-License-Identifier: Apache-2.0 */
#include "view.h"

#include <string.h>

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

/* Reservations and volumes come and go; what an agent has altogether stays. */
static char *check_total(const struct agent *agent) {
    static const struct {
        const char *name;
        int64_t amount;
    } all[] = {{"cpus", VIEW_AGENT_CPUS * 1000}, {"mem", VIEW_AGENT_MEM * 1000}, {"disk", VIEW_AGENT_DISK * 1000}};

    for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
        int64_t sum = 0;

        for (uint32_t j = 0; j < agent->total.count; j++)
            if (strcmp(agent->total.items[j].kind->name, all[i].name) == 0)
                sum += agent->total.items[j].scalar;
        if (sum != all[i].amount)
            return complain(agent, "it has gained or lost resources", &agent->total);
    }
    return NULL;
}

char *view_check_claims(struct view *view, const struct master *master) {
    char *problem = NULL;
    struct agent *agent;

    if (view->claims == master->claims_version)
        return NULL;
    table_for_each (&master->agents, agent) {
        if (agent->claims_version <= view->claims)
            continue;
        if ((problem = check_claims(agent)) != NULL || (problem = check_offers(agent)) != NULL ||
            (problem = check_total(agent)) != NULL)
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

char *view_check_holdings(const struct master *master, const char *id, const char *role, int64_t reserved,
                          unsigned volumes) {
    const struct agent *agent = table_find(&master->agents, id);
    int64_t has_reserved = 0;
    unsigned has_volumes = 0;

    if (agent == NULL)
        return NULL;
    for (uint32_t i = 0; i < agent->total.count; i++) {
        const struct resource_kind *kind = agent->total.items[i].kind;

        if (kind->reservation_role == NULL || strcmp(kind->reservation_role, role) != 0)
            continue;
        has_reserved += agent->total.items[i].scalar;
        has_volumes += kind->is_persistent;
    }
    if (has_reserved == reserved && has_volumes == volumes)
        return NULL;
    return xasprintf("agent %s: %s should have reserved %lld/1000 MB there and %u volumes, but has %lld/1000 MB and %u",
                     id, role, (long long)reserved, volumes, (long long)has_reserved, has_volumes);
}

char *view_check_checkpointed(const struct master *master, const char *id, const struct resources *checkpointed) {
    const struct agent *agent = table_find(&master->agents, id);

    if (agent == NULL || resources_equal(&agent->checkpointed, checkpointed))
        return NULL;
    return complain(agent, "the master and the agent disagree about reservations", checkpointed);
}

const char *view_agent_id(const struct master *master, unsigned index) {
    struct agent *agent;

    table_for_each (&master->agents, agent)
        if (index-- == 0)
            return agent->id;
    return NULL;
}

void view_sabotage_claims(struct master *master) {
    struct agent *agent = table_first(&master->agents);

    if (agent != NULL) {
        resources_add(&agent->used, &agent->total);
        resources_add(&agent->used, &agent->total);
        agent->claims_version = ++master->claims_version;
    }
}

static void add_plain(struct resources *resources, const char *name, int64_t amount) {
    cleanup_free char *text = xasprintf("%s:%.3f", name, (double)amount / 1000);
    cleanup_resources struct resources more = RESOURCES_INIT;

    if (resources_parse(text, "*", &more, NULL) == 0)
        resources_add(resources, &more);
}

void view_sabotage_total(struct master *master) {
    struct agent *agent = table_first(&master->agents);

    if (agent != NULL)
        add_plain(&agent->total, "cpus", 1000);
}

static bool is_reserved(const struct resource *resource, const void *argument) {
    return resource->kind->reservation_role != NULL;
}

void view_sabotage_holdings(struct master *master) {
    struct agent *agent;

    table_for_each (&master->agents, agent) {
        cleanup_resources struct resources reserved = RESOURCES_INIT;
        int64_t amount;

        resources_filter(&agent->total, is_reserved, NULL, &reserved);
        amount = resources_scalar(&reserved, "disk");
        resources_subtract(&agent->total, &reserved);
        if (amount > 0)
            add_plain(&agent->total, "disk", amount);
    }
}

unsigned view_task_count(const struct master *master) {
    struct agent *agent;
    unsigned count = 0;

    table_for_each (&master->agents, agent)
        count += (unsigned)agent->task_count;
    return count;
}
