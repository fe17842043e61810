/* SPDX-License-Identifier: Apache-2.0 */
/* Who has what: the bookkeeping of what is offered and allocated, on agents, for frameworks and up the tree of roles
 * (trackAllocatedResources(), untrackAllocatedResources(), RoleTree::trackOfferedOrAllocated()). */
#include <assert.h>

#include "allocator/internal.h"
#include "model/name.h"

/* Copies of a shared resource of one agent count once in each place that sums them up: how many there are is seen in
 * the usages of the agent, which are few. */

static bool is_same_copy(const struct resource *a, const struct resource *b) {
    return a->kind->identity == b->kind->identity && a->scalar == b->scalar;
}

static int64_t copies_in(const struct usage *usage, const struct resource *resource) {
    for (size_t i = 0; i < usage->resources.count; i++)
        if (is_same_copy(&usage->resources.items[i], resource))
            return usage->resources.items[i].shared_count;
    return 0;
}

static bool is_in(const struct role *role, const struct role *top) {
    while (role != NULL && role != top)
        role = role->parent;
    return role == top;
}

/* Whether @client's copies of @resource are all that there are on @agent in @role and below it, or (@only_own) in @role
 * itself. */
static bool are_all_copies(const struct agent *agent, const struct client *client, const struct resource *resource,
                           const struct role *role, bool only_own) {
    const struct usage *usage;
    int64_t others = -(int64_t)resource->shared_count;

    list_for_each (&agent->usages, usage, in_agent)
        if (usage->client == client || (only_own ? usage->client->role == role : is_in(usage->client->role, role)))
            others += copies_in(usage, resource);
    return others == 0;
}

/* Whether these are all copies that @client has. */
static bool are_all_copies_of_client(const struct agent *agent, const struct client *client,
                                     const struct resource *resource) {
    const struct usage *usage;

    list_for_each (&agent->usages, usage, in_agent)
        if (usage->client == client)
            return copies_in(usage, resource) == resource->shared_count;
    return false;
}

static void track_in_role(struct role *role, const struct resource *resource, size_t dimension, int64_t amount) {
    amounts_add(&role->node.allocated, dimension, amount);
    if (resource_is_reserved(resource))
        amounts_add(&role->offered_reserved, dimension, amount);
    else if (!resource->kind->is_revocable)
        amounts_add(&role->consumed, dimension, amount);
}

/* What @client gets or gives back is among its usage of @agent meanwhile. */
static void track_one(struct allocator *allocator, const struct agent *agent, struct client *client,
                      const struct resource *resource, int sign) {
    size_t dimension = dimension_of(allocator, resource);
    int64_t amount = sign * resource->scalar;
    bool is_shared = resource->kind->is_shared;

    if (!is_shared || are_all_copies_of_client(agent, client, resource))
        amounts_add(&client->node.allocated, dimension, amount);
    if (!is_shared || are_all_copies(agent, client, resource, client->role, true))
        amounts_add(&client->role->own.allocated, dimension, amount);
    for (struct role *role = client->role; role != NULL; role = role->parent)
        if (!is_shared || are_all_copies(agent, client, resource, role, false))
            track_in_role(role, resource, dimension, amount);
}

/* The order among @siblings is to take notice of @node. */
static void touch(struct allocator *allocator, struct siblings *siblings, struct sorter_node *node, uint32_t times) {
    if (!allocator->is_deferring) {
        allocator_siblings_update(siblings, node, times, &allocator->totals);
        return;
    }
    node->pending_count += times;
    if (node->is_pending)
        return;
    node->is_pending = true;
    if (allocator->pending_count == allocator->pending_capacity) {
        allocator->pending_capacity = allocator->pending_capacity == 0 ? 16 : allocator->pending_capacity * 2;
        allocator->pending = xrealloc(allocator->pending, allocator->pending_capacity * sizeof(allocator->pending[0]));
    }
    allocator->pending[allocator->pending_count++] = (struct pending_update){siblings, node};
}

void allocator_sorter_apply_pending(struct allocator *allocator) {
    for (size_t i = 0; i < allocator->pending_count; i++) {
        struct sorter_node *node = allocator->pending[i].node;

        allocator_siblings_update(allocator->pending[i].siblings, node, node->pending_count, &allocator->totals);
        node->pending_count = 0;
        node->is_pending = false;
    }
    allocator->pending_count = 0;
}

static void touch_all(struct allocator *allocator, struct client *client, uint32_t times) {
    touch(allocator, &client->role->frameworks, &client->node, times);
    if (client->role->has_own)
        touch(allocator, &client->role->subs, &client->role->own, times);
    for (struct role *role = client->role; role->parent != NULL; role = role->parent)
        touch(allocator, &role->parent->subs, &role->node, times);
}

static void track(struct allocator *allocator, struct agent *agent, struct client *client,
                  const struct resources *resources, int sign, uint32_t times) {
    for (size_t i = 0; i < resources->count; i++)
        if (resources->items[i].kind->type == RESOURCE_SCALAR)
            track_one(allocator, agent, client, &resources->items[i], sign);
    touch_all(allocator, client, times);
}

/* A view of what @resources take of an agent: without allocation roles and without what is shared. Valid until the next
 * one is made. */
static struct resources unallocated_view(struct allocator *allocator, const struct resources *resources) {
    struct resource *items = allocator_scratch_get(allocator, resources->count);
    struct resources view = {items, 0, 0};

    for (size_t i = 0; i < resources->count; i++) {
        if (resources->items[i].kind->is_shared)
            continue;
        items[view.count] = resources->items[i];
        items[view.count++].allocation_role = NULL;
    }
    return view;
}

static struct usage *usage_find(struct agent *agent, struct client *client) {
    struct usage *usage;

    list_for_each (&agent->usages, usage, in_agent)
        if (usage->client == client)
            return usage;
    return NULL;
}

void allocator_usage_record(struct allocator *allocator, struct agent *agent, struct client *client,
                            const struct resources *resources) {
    struct usage *usage = usage_find(agent, client);

    if (usage == NULL) {
        usage = pool_take_zeroed(&allocator->usage_pool, struct usage);
        usage->agent = agent;
        usage->client = client;
        list_append(&agent->usages, &usage->in_agent);
        list_append(&client->usages, &usage->in_client);
    }
    if (resources_is_empty(&usage->resources))
        resources_assign(&usage->resources, resources);
    else
        resources_add(&usage->resources, resources);
    track(allocator, agent, client, resources, 1, 1);
}

static void give_to_available(struct allocator *allocator, struct agent *agent, const struct resources *resources) {
    struct resources view;

    state_changed(allocator);
    if (agent->is_overcommitted) {
        allocator_agent_recompute_available(allocator, agent);
        return;
    }
    view = unallocated_view(allocator, resources);
    allocator_revocable_track(allocator, agent, -1);
    resources_add(&agent->available, &view);
    allocator_revocable_track(allocator, agent, 1);
    allocator_agent_has_grown(allocator, agent);
}

static void usage_free(struct allocator *allocator, struct usage *usage) {
    list_remove(&usage->in_agent);
    list_remove(&usage->in_client);
    resources_done(&usage->resources);
    pool_give(&allocator->usage_pool, usage);
}

bool allocator_usage_subtract(struct allocator *allocator, struct agent *agent, struct client *client,
                              const struct resources *resources) {
    struct usage *usage = usage_find(agent, client);

    if (usage == NULL || !resources_contain(&usage->resources, resources))
        return false;
    track(allocator, agent, client, resources, -1, 0);
    resources_subtract(&usage->resources, resources);
    if (resources_is_empty(&usage->resources))
        usage_free(allocator, usage);
    give_to_available(allocator, agent, resources);
    return true;
}

void allocator_usage_remove(struct allocator *allocator, struct usage *usage, bool give_back) {
    struct agent *agent = usage->agent;
    struct resources resources;

    track(allocator, agent, usage->client, &usage->resources, -1, 0);
    resources_move(&resources, &usage->resources);
    usage_free(allocator, usage);
    if (give_back)
        give_to_available(allocator, agent, &resources);
    resources_done(&resources);
}

void allocator_usage_replace(struct allocator *allocator, struct agent *agent, struct client *client,
                             const struct resources *old, const struct resources *new) {
    struct usage *usage = usage_find(agent, client);

    assert(usage != NULL);
    state_changed(allocator);
    track(allocator, agent, client, old, -1, 0);
    resources_subtract(&usage->resources, old);
    resources_add(&usage->resources, new);
    track(allocator, agent, client, new, 1, 0);
    if (resources_is_empty(&usage->resources))
        usage_free(allocator, usage);
}

/* What is in use of @agent by @role. */
static struct role_amounts *get_allocated(struct agent *agent, const char *role) {
    for (size_t i = 0; i < agent->allocated_count; i++)
        if (agent->allocated[i].role == role)
            return &agent->allocated[i];
    agent->allocated = xrealloc(agent->allocated, (agent->allocated_count + 1) * sizeof(agent->allocated[0]));
    agent->allocated[agent->allocated_count] = (struct role_amounts){.role = name_hold(role)};
    return &agent->allocated[agent->allocated_count++];
}

static void track_allocated(struct role *role, size_t dimension, int64_t amount) {
    for (; role != NULL; role = role->parent)
        amounts_add(&role->allocated, dimension, amount);
}

static void update_metrics(struct allocator *allocator, struct role *role) {
    for (; role != NULL; role = role->parent)
        allocator_metrics_update_consumed(allocator, role);
}

void allocator_allocated_track(struct allocator *allocator, struct agent *agent, const struct resources *resources,
                               int sign) {
    struct role_amounts *allocated = NULL;
    struct role *role = NULL;

    for (size_t i = 0; i < resources->count; i++) {
        const struct resource *resource = &resources->items[i];
        size_t dimension;

        if (resource->kind->type != RESOURCE_SCALAR || resource_is_reserved(resource) || resource->kind->is_revocable ||
            resource->allocation_role == NULL)
            continue;
        dimension = dimension_of(allocator, resource);
        if (allocated == NULL || allocated->role != resource->allocation_role) {
            update_metrics(allocator, role);
            allocated = get_allocated(agent, resource->allocation_role);
            role = allocator_role_find(allocator, resource->allocation_role);
        }
        amounts_add(&allocated->amounts, dimension, sign * resource->scalar);
        track_allocated(role, dimension, sign * resource->scalar);
    }
    update_metrics(allocator, role);
}

void allocator_allocated_forget(struct allocator *allocator, struct agent *agent) {
    for (size_t i = 0; i < agent->allocated_count; i++) {
        struct role_amounts *allocated = &agent->allocated[i];
        struct role *role = allocator_role_find(allocator, allocated->role);

        for (size_t j = 0; j < amounts_count(&allocated->amounts); j++)
            if (amounts_get(&allocated->amounts, j) != 0)
                track_allocated(role, j, -amounts_get(&allocated->amounts, j));
        update_metrics(allocator, role);
        amounts_done(&allocated->amounts);
        name_release(allocated->role);
    }
    free(agent->allocated);
}
