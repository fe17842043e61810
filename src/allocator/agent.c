/* SPDX-License-Identifier: Apache-2.0 */
/* Agents: what they have, what of it is available, whether they are to be visited. */
#include <assert.h>

#include "allocator/internal.h"
#include "message/message.h"
#include "model/attributes.h"
#include "model/name.h"

void allocator_revocable_track(struct allocator *allocator, struct agent *agent, int sign) {
    if (!agent->total_has_revocable)
        return;
    for (size_t i = 0; i < agent->available.count; i++) {
        const struct resource *resource = &agent->available.items[i];

        if (resource->kind->is_revocable && resource->kind->type == RESOURCE_SCALAR)
            amounts_add(&allocator->revocable_available, dimension_of(allocator, resource), sign * resource->scalar);
    }
}

void allocator_agent_update_offerable(struct allocator *allocator, struct agent *agent) {
    agent->is_described = agent->is_quota_described = false;
    bitset_put(&allocator->offerable, agent->index,
               agent->available.count > 0 && agent->is_active && agent->is_whitelisted);
}

void allocator_agent_mark_dirty(struct allocator *allocator, struct agent *agent) {
    bitset_set(&allocator->dirty, agent->index);
}

void allocator_agents_mark_all_dirty(struct allocator *allocator) {
    if (allocator->dirty.count > 0)
        memset(allocator->dirty.words, 0xff, allocator->dirty.count * sizeof(allocator->dirty.words[0]));
}

void allocator_agent_has_grown(struct allocator *allocator, struct agent *agent) {
    agent->has_grown = true;
    allocator_agent_update_offerable(allocator, agent);
    allocator_agent_mark_dirty(allocator, agent);
}

void allocator_agent_reserve_bits(struct agent *agent, uint32_t number) {
    uint32_t count = number / 64 + 1;

    if (count < agent->bit_words * 2)
        count = agent->bit_words * 2;
    agent->bits = xrealloc(agent->bits, 2 * count * sizeof(agent->bits[0]));
    memset(agent->bits + 2 * agent->bit_words, 0, 2 * (count - agent->bit_words) * sizeof(agent->bits[0]));
    agent->bit_words = count;
}

void allocator_agent_unblock_all(struct agent *agent) {
    for (uint32_t i = 0; i < agent->bit_words; i++)
        agent->bits[2 * i] = 0;
}

/* Take what is used out of what is available. Returns false if there was not enough. */
static bool take_used(struct resources *available, const struct resources *used) {
    bool is_enough = true;

    for (size_t i = 0; i < used->count; i++) {
        struct resource resource = used->items[i]; /* borrowed */

        if (resource.kind->is_shared)
            continue;
        resource.allocation_role = NULL;
        is_enough &= resources_contain_one(available, &resource);
        resources_subtract_one(available, &resource);
    }
    return is_enough;
}

void allocator_agent_recompute_available(struct allocator *allocator, struct agent *agent) {
    struct usage *usage;
    struct unknown_usage *unknown;

    allocator_revocable_track(allocator, agent, -1);
    resources_assign(&agent->available, &agent->total);
    agent->is_overcommitted = false;
    list_for_each (&agent->usages, usage, in_agent)
        agent->is_overcommitted |= !take_used(&agent->available, &usage->resources);
    list_for_each (&agent->unknown_usages, unknown, in_agent)
        agent->is_overcommitted |= !take_used(&agent->available, &unknown->resources);
    allocator_revocable_track(allocator, agent, 1);
    allocator_agent_has_grown(allocator, agent);
}

/* Put what depends on the total into the sums, or take it out. */
static void track_total(struct allocator *allocator, const struct resources *total, int sign) {
    allocator_role_track_reservations(allocator, total, sign);
    allocator_amounts_add_resources(allocator, &allocator->totals.total, total, sign);
    allocator->totals.version++;
    state_changed(allocator);
}

/* Whether what is added and removed can be found resource by resource. */
static bool is_plain(const struct resources *resources) {
    for (size_t i = 0; i < resources->count; i++)
        if (resources->items[i].kind->is_shared || resources->items[i].kind->is_exclusive ||
            resources->items[i].kind->is_persistent)
            return false;
    return true;
}

/* @place: where it probably is. */
static bool has_equal(const struct resources *resources, const struct resource *resource, size_t place) {
    if (place < resources->count && resource_equal(&resources->items[place], resource))
        return true;
    for (size_t i = 0; i < resources->count; i++)
        if (resource_equal(&resources->items[i], resource))
            return true;
    return false;
}

/* What @all has more than @part; both plain. As a rule most of it is equal. */
static void find_difference(const struct resources *all, const struct resources *part, struct resources *ret) {
    for (size_t i = 0; i < all->count; i++)
        if (!has_equal(part, &all->items[i], i))
            resources_add_one(ret, &all->items[i]);
    for (size_t i = 0; i < part->count && !resources_is_empty(ret); i++)
        if (!has_equal(all, &part->items[i], i))
            resources_subtract_one(ret, &part->items[i]);
}

/* Take notice of what has come and gone only, and change what is available by it without asking who uses what. Returns
 * false if that cannot be done. */
static bool adjust_total(struct allocator *allocator, struct agent *agent, const struct resources *old) {
    cleanup_resources struct resources removed = RESOURCES_INIT, added = RESOURCES_INIT;

    if (old->count == 0 || agent->is_overcommitted || !is_plain(old) || !is_plain(&agent->total))
        return false;
    find_difference(old, &agent->total, &removed);
    if (!resources_contain(&agent->available, &removed))
        return false;
    find_difference(&agent->total, old, &added);
    track_total(allocator, &added, 1);
    if (!resources_is_empty(&removed))
        track_total(allocator, &removed, -1);
    resources_subtract(&agent->available, &removed);
    resources_add(&agent->available, &added);
    allocator_agent_has_grown(allocator, agent);
    return true;
}

static void describe_total(struct allocator *allocator, struct agent *agent) {
    agent->has_gpu = agent->total_has_revocable = false;
    for (size_t i = 0; i < agent->total.count; i++) {
        const struct resource *resource = &agent->total.items[i];

        agent->has_gpu |= resource->kind->name == allocator->dimension_names[GPUS] &&
                          resource->kind->type == RESOURCE_SCALAR && resource->scalar > 0;
        agent->total_has_revocable |= resource->kind->is_revocable;
    }
}

void allocator_agent_set_total(struct allocator *allocator, struct agent *agent, const struct resources *total) {
    cleanup_resources struct resources old;

    allocator_revocable_track(allocator, agent, -1);
    resources_move(&old, &agent->total);
    resources_copy(&agent->total, total);
    describe_total(allocator, agent);
    if (adjust_total(allocator, agent, &old)) {
        allocator_revocable_track(allocator, agent, 1);
        return;
    }
    /* First the new, so that roles which remain reserved to are not removed in between. */
    track_total(allocator, &agent->total, 1);
    if (!resources_is_empty(&old))
        track_total(allocator, &old, -1);
    resources_clear(&agent->available);
    allocator_agent_recompute_available(allocator, agent);
}

/* Agent info */

static void set_domain(struct allocator *allocator, struct agent *agent, const Mesos__V1__AgentInfo *info) {
    const Mesos__V1__DomainInfo__FaultDomain *domain = info->domain == NULL ? NULL : info->domain->fault_domain;

    free(agent->region);
    free(agent->zone);
    agent->region = domain == NULL ? NULL : xstrdup(domain->region->name);
    agent->zone = domain == NULL ? NULL : xstrdup(domain->zone->name);
    agent->is_remote = agent->region != NULL &&
                       (allocator->region == NULL || strcmp(agent->region, allocator->region) != 0);
}

static void set_attributes(struct agent *agent, const Mesos__V1__AgentInfo *info) {
    arena_done(&agent->attribute_arena);
    arena_init(&agent->attribute_arena);
    agent->attribute_count = info->n_attributes;
    agent->attributes = NULL;
    if (info->n_attributes == 0)
        return;
    agent->attributes = arena_alloc(&agent->attribute_arena, info->n_attributes * sizeof(agent->attributes[0]));
    for (size_t i = 0; i < info->n_attributes; i++)
        agent->attributes[i] = MESSAGE_COPY_TO(info->attributes[i], &agent->attribute_arena);
}

static bool is_whitelisted(const struct allocator *allocator, const struct agent *agent) {
    return !allocator->has_whitelist || table_find(&allocator->whitelist, agent->hostname) != NULL;
}

static void forget_verdicts(struct allocator *allocator, const struct agent *agent) {
    struct client *client;

    list_for_each (&allocator->constrained, client, constrained)
        if (agent->index < client->verdict_count)
            client->verdicts[agent->index] = 0;
}

/* Take over host name, attributes and domain. Returns whether something changed. */
static bool set_info(struct allocator *allocator, struct agent *agent, const Mesos__V1__AgentInfo *info) {
    const Mesos__V1__DomainInfo__FaultDomain *domain = info->domain == NULL ? NULL : info->domain->fault_domain;
    bool have_attributes_changed = !attributes_equal(agent->attributes, agent->attribute_count, info->attributes,
                                                     info->n_attributes);
    const char *region = domain == NULL ? NULL : domain->region->name,
               *zone = domain == NULL ? NULL : domain->zone->name;
    bool has_changed = have_attributes_changed || agent->hostname == NULL ||
                       strcmp(agent->hostname, info->hostname) != 0 || (region == NULL) != (agent->region == NULL) ||
                       (region != NULL && (strcmp(region, agent->region) != 0 || strcmp(zone, agent->zone) != 0));

    if (!has_changed)
        return false;
    if (have_attributes_changed)
        allocator_filters_remove_of_agent(allocator, agent);
    free(agent->hostname);
    agent->hostname = xstrdup(info->hostname);
    set_attributes(agent, info);
    set_domain(allocator, agent, info);
    agent->is_whitelisted = is_whitelisted(allocator, agent);
    forget_verdicts(allocator, agent);
    return true;
}

static bool set_capabilities(struct agent *agent, const struct allocator_agent *from) {
    bool was_multi_role = agent->is_multi_role, was_hierarchical = agent->is_hierarchical;

    agent->is_multi_role = agent->is_hierarchical = false;
    for (size_t i = 0; i < from->capability_count; i++) {
        agent->is_multi_role |= from->capabilities[i]->type == MESOS__V1__AGENT_INFO__CAPABILITY__TYPE__MULTI_ROLE;
        agent->is_hierarchical |= from->capabilities[i]->type ==
                                  MESOS__V1__AGENT_INFO__CAPABILITY__TYPE__HIERARCHICAL_ROLE;
    }
    return agent->is_multi_role != was_multi_role || agent->is_hierarchical != was_hierarchical;
}

/* The set of agents by number */

static uint32_t take_index(struct allocator *allocator) {
    if (allocator->free_agent_count == 0) {
        uint32_t old = allocator->agent_capacity, new = old == 0 ? 64 : old * 2;

        allocator->agents_by_index = xrealloc(allocator->agents_by_index, new * sizeof(allocator->agents_by_index[0]));
        allocator->agent_hashes = xrealloc(allocator->agent_hashes, new * sizeof(allocator->agent_hashes[0]));
        allocator->free_agents = xrealloc(allocator->free_agents, new * sizeof(allocator->free_agents[0]));
        for (uint32_t i = 0; i < new - old; i++) {
            allocator->agents_by_index[old + i] = NULL;
            allocator->free_agents[i] = new - 1 - i;
        }
        allocator->free_agent_count = new - old;
        allocator->agent_capacity = new;
        allocator_bitset_reserve(&allocator->dirty, new);
        allocator_bitset_reserve(&allocator->offerable, new);
        allocator_bitset_reserve(&allocator->held_back, new);
        allocator_bitset_reserve(&allocator->is_candidate, new);
    }
    return allocator->free_agents[--allocator->free_agent_count];
}

static struct agent *find_agent(const struct allocator *allocator, const char *agent_id) {
    struct agent *agent = table_find(&allocator->agents, agent_id);

    assert(agent != NULL);
    return agent;
}

static struct agent *agent_new(struct allocator *allocator, const char *id) {
    struct agent *agent = pool_take_zeroed(&allocator->agent_pool, struct agent);

    agent->index = take_index(allocator);
    allocator->agents_by_index[agent->index] = agent;
    agent->id = xstrdup(id);
    agent->hash = allocator_sorter_hash(id);
    allocator->agent_hashes[agent->index] = agent->hash;
    arena_init(&agent->attribute_arena);
    list_init(&agent->usages);
    list_init(&agent->unknown_usages);
    list_init(&agent->filters);
    list_init(&agent->round_offers);
    agent->is_active = true;
    return agent;
}

static void add_usage_under(struct allocator *allocator, struct agent *agent, struct framework *framework,
                            const char *role, const struct resources *resources) {
    allocator_usage_record(allocator, agent,
                           allocator_client_get(allocator, framework, allocator_role_get(allocator, role)), resources);
}

/* A framework's part of @used: under each role it is allocated to. */
static void add_known_usage(struct allocator *allocator, struct agent *agent, struct framework *framework,
                            const struct resources *resources) {
    const char *only = resources_allocation_role(resources);

    if (only != NULL) {
        add_usage_under(allocator, agent, framework, only, resources);
        return;
    }
    for (size_t i = 0; i < resources->count; i++) {
        const char *role = resources->items[i].allocation_role;
        struct resources part;
        bool is_first = true;

        for (size_t j = 0; j < i; j++)
            is_first &= resources->items[j].allocation_role != role;
        if (!is_first || role == NULL)
            continue;
        resources_allocated_to(resources, role, &part);
        add_usage_under(allocator, agent, framework, role, &part);
        resources_done(&part);
    }
}

static void add_usage(struct allocator *allocator, struct agent *agent, const char *framework_id,
                      const struct resources *resources) {
    struct framework *framework = table_find(&allocator->frameworks, framework_id);

    if (resources_is_empty(resources))
        return;
    if (framework != NULL) {
        add_known_usage(allocator, agent, framework, resources);
        allocator_allocated_track(allocator, agent, resources, 1);
    } else {
        struct unknown_usage *unknown = new0(struct unknown_usage);

        unknown->framework_id = name_get(framework_id);
        resources_copy(&unknown->resources, resources);
        list_append(&agent->unknown_usages, &unknown->in_agent);
        allocator->unknown_usage_count++;
    }
}

static void unknown_usage_free(struct allocator *allocator, struct unknown_usage *unknown) {
    list_remove(&unknown->in_agent);
    name_release(unknown->framework_id);
    resources_done(&unknown->resources);
    free(unknown);
    allocator->unknown_usage_count--;
}

void allocator_agent_adopt_unknown_usages(struct allocator *allocator, struct agent *agent,
                                          struct framework *framework) {
    struct unknown_usage *unknown;

    list_for_each (&agent->unknown_usages, unknown, in_agent) {
        if (unknown->framework_id != framework->id)
            continue;
        add_known_usage(allocator, agent, framework, &unknown->resources);
        allocator_allocated_track(allocator, agent, &unknown->resources, 1);
        unknown_usage_free(allocator, unknown);
        state_changed(allocator);
    }
}

/* The calls */

bool allocator_has_agent(const struct allocator *allocator, const char *agent_id) {
    return table_find(&allocator->agents, agent_id) != NULL;
}

static void check_recovery(struct allocator *allocator) {
    if (!allocator->is_recovering || allocator->agents.count < allocator->expected_agents)
        return;
    allocator->is_recovering = false;
    env_timer_stop(&allocator->recovery_timer);
    allocator_resume(allocator);
}

void allocator_add_agent(struct allocator *allocator, const struct allocator_agent *from,
                         const Mesos__V1__Unavailability *unavailability, const struct allocator_used *used,
                         size_t used_count) {
    struct agent *agent = agent_new(allocator, from->id);
    bool is_new = table_add(&allocator->agents, agent->id, agent);

    assert(is_new);
    (void)is_new;
    set_info(allocator, agent, from->info);
    set_capabilities(agent, from);
    for (size_t i = 0; i < used_count; i++)
        add_usage(allocator, agent, used[i].id, used[i].resources);
    allocator_agent_set_total(allocator, agent, from->total);
    if (unavailability != NULL)
        allocator_maintenance_set(allocator, agent, unavailability);
    check_recovery(allocator);
    allocator_round_request(allocator, agent);
}

void allocator_agent_free(struct allocator *allocator, struct agent *agent) {
    struct usage *usage;
    struct unknown_usage *unknown;

    allocator_allocated_forget(allocator, agent);
    allocator_filters_remove_of_agent(allocator, agent);
    list_for_each (&agent->usages, usage, in_agent) {
        struct client *client = usage->client;

        allocator_usage_remove(allocator, usage, false);
        allocator_client_try_remove(allocator, client);
    }
    list_for_each (&agent->unknown_usages, unknown, in_agent)
        unknown_usage_free(allocator, unknown);
    allocator_revocable_track(allocator, agent, -1);
    track_total(allocator, &agent->total, -1);
    allocator_maintenance_free(allocator, agent);
    allocator->agents_by_index[agent->index] = NULL;
    allocator->free_agents[allocator->free_agent_count++] = agent->index;
    bitset_clear(&allocator->offerable, agent->index);
    bitset_clear(&allocator->is_candidate, agent->index);
    bitset_clear(&allocator->held_back, agent->index);
    forget_verdicts(allocator, agent);
    resources_done(&agent->total);
    resources_done(&agent->available);
    resources_done(&agent->basis);
    resources_done(&agent->offered_shared);
    arena_done(&agent->attribute_arena);
    if (allocator->is_delivering) {
        allocator->old_ids = xrealloc(allocator->old_ids,
                                      (allocator->old_id_count + 1) * sizeof(allocator->old_ids[0]));
        allocator->old_ids[allocator->old_id_count++] = agent->id;
    } else {
        free(agent->id);
    }
    free(agent->hostname);
    free(agent->region);
    free(agent->zone);
    free(agent->bits);
    pool_give(&allocator->agent_pool, agent);
}

void allocator_remove_agent(struct allocator *allocator, const char *agent_id) {
    struct agent *agent = find_agent(allocator, agent_id);

    allocator_round_forget_agent(allocator, agent);
    table_remove(&allocator->agents, agent_id);
    allocator_agent_free(allocator, agent);
}

void allocator_update_agent(struct allocator *allocator, const struct allocator_agent *from) {
    struct agent *agent = find_agent(allocator, from->id);
    bool has_changed = set_info(allocator, agent, from->info);

    if (from->capabilities != NULL && set_capabilities(agent, from))
        has_changed = true;
    if (has_changed) {
        allocator_agent_unblock_all(agent);
        allocator_agent_has_grown(allocator, agent);
    }
    if (from->total != NULL && !resources_equal(&agent->total, from->total)) {
        bool had_gpu = agent->has_gpu;

        allocator_agent_set_total(allocator, agent, from->total);
        if (agent->has_gpu != had_gpu)
            allocator_agent_unblock_all(agent);
        has_changed = true;
    }
    if (has_changed)
        allocator_round_request(allocator, agent);
}

void allocator_add_resource_provider(struct allocator *allocator, const char *agent_id, const struct resources *total,
                                     const struct allocator_used *used, size_t used_count) {
    struct agent *agent = find_agent(allocator, agent_id);
    cleanup_resources struct resources sum = RESOURCES_INIT;

    resources_assign(&sum, &agent->total);
    resources_add(&sum, total);
    allocator_agent_set_total(allocator, agent, &sum);
    for (size_t i = 0; i < used_count; i++) {
        struct framework *framework = table_find(&allocator->frameworks, used[i].id);

        if (framework != NULL)
            add_known_usage(allocator, agent, framework, used[i].resources);
    }
    if (used_count > 0)
        allocator_agent_recompute_available(allocator, agent);
}

void allocator_activate_agent(struct allocator *allocator, const char *agent_id) {
    struct agent *agent = find_agent(allocator, agent_id);

    agent->is_active = true;
    allocator_agent_update_offerable(allocator, agent);
    allocator_agent_mark_dirty(allocator, agent);
}

void allocator_deactivate_agent(struct allocator *allocator, const char *agent_id) {
    struct agent *agent = find_agent(allocator, agent_id);

    agent->is_active = false;
    allocator_agent_update_offerable(allocator, agent);
}

static void clear_whitelist(struct allocator *allocator) {
    char *hostname;

    table_for_each (&allocator->whitelist, hostname)
        free(hostname);
    table_clear(&allocator->whitelist);
}

void allocator_update_whitelist(struct allocator *allocator, const char *const *hostnames, size_t count) {
    struct agent *agent;

    clear_whitelist(allocator);
    allocator->has_whitelist = hostnames != NULL;
    for (size_t i = 0; i < count; i++) {
        char *hostname = xstrdup(hostnames[i]);

        if (!table_add(&allocator->whitelist, hostname, hostname))
            free(hostname);
    }
    table_for_each (&allocator->agents, agent) {
        agent->is_whitelisted = is_whitelisted(allocator, agent);
        allocator_agent_update_offerable(allocator, agent);
        allocator_agent_mark_dirty(allocator, agent);
    }
}
