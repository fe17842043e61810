/* SPDX-License-Identifier: Apache-2.0 */
/* Frameworks, and each of them under each of its roles ("clients"). */
#include <assert.h>

#include "allocator/internal.h"
#include "base/log.h"
#include "model/name.h"

/* Clients */

struct client *allocator_client_find(const struct role *role, const char *framework_id) {
    return table_find(&role->clients, framework_id);
}

/* Nothing is known any more about what could be offered to @client. */
static void unblock_everywhere(struct allocator *allocator, struct client *client) {
    for (uint32_t i = 0; i < allocator->agent_capacity; i++)
        if (allocator->agents_by_index[i] != NULL)
            agent_unblock(allocator->agents_by_index[i], client->node.number);
    allocator_agents_mark_all_dirty(allocator);
}

/* Most frameworks have one role, or few. */
static struct client *find_client(const struct framework *framework, const struct role *role) {
    struct client *client;
    int tries = 0;

    list_for_each (&framework->clients, client, in_framework) {
        if (client->role == role)
            return client;
        if (++tries == 4)
            return allocator_client_find(role, framework->id);
    }
    return NULL;
}

struct client *allocator_client_get(struct allocator *allocator, struct framework *framework, struct role *role) {
    struct client *client = find_client(framework, role);
    cleanup_free char *path = NULL;

    if (client != NULL)
        return client;
    client = new0(struct client);
    client->framework = framework;
    client->role = role;
    allocator->client_count++;
    list_init(&client->usages);
    list_init(&client->filters);
    list_append(&framework->clients, &client->in_framework);
    path = xasprintf("%s\n%s", role->name, framework->id);
    client->node = (struct sorter_node){.name = framework->id, .weight = 1, .hash = allocator_sorter_hash(path)};
    allocator_sorter_table_add(&allocator->client_nodes, &client->node);
    table_add(&role->clients, framework->id, client);
    allocator_siblings_add(&role->frameworks, &client->node);
    allocator_role_add_to_sorter(allocator, role);
    allocator_metrics_update_share(allocator, role);
    return client;
}

static void client_forget_verdicts(struct client *client) {
    free(client->verdicts);
    client->verdicts = NULL;
    client->verdict_count = 0;
}

static void client_remove(struct allocator *allocator, struct client *client) {
    struct role *role = client->role;

    allocator_filters_remove_of_client(allocator, client);
    bitset_clear(&allocator->active_clients, client->node.number);
    for (uint32_t i = 0; i < allocator->agent_capacity; i++)
        if (allocator->agents_by_index[i] != NULL)
            agent_unblock(allocator->agents_by_index[i], client->node.number);
    allocator->client_count--;
    allocator_siblings_remove(&role->frameworks, &client->node);
    allocator_sorter_table_remove(&allocator->client_nodes, &client->node);
    table_remove(&role->clients, client->framework->id);
    allocator_role_remove_from_sorter(allocator, role);
    allocator_metrics_update_share(allocator, role);
    allocator_metrics_remove_client(allocator, client);
    list_remove(&client->in_framework);
    list_remove(&client->constrained);
    client_forget_verdicts(client);
    amounts_done(&client->node.allocated);
    free(client);
    allocator_role_try_remove(allocator, role);
}

void allocator_client_try_remove(struct allocator *allocator, struct client *client) {
    if (!client->is_subscribed && list_is_empty(&client->usages))
        client_remove(allocator, client);
}

static void client_update_active(struct allocator *allocator, struct client *client) {
    bool is_active = client->framework->is_active && client->is_subscribed && !client->is_suppressed;

    if (is_active == client->node.is_active)
        return;
    allocator_siblings_set_active(&client->role->frameworks, &client->node, is_active);
    bitset_put(&allocator->active_clients, client->node.number, is_active);
    if (is_active)
        allocator_agents_mark_all_dirty(allocator);
}

/* Frameworks */

static struct framework *find_framework(const struct allocator *allocator, const char *framework_id) {
    struct framework *framework = table_find(&allocator->frameworks, framework_id);

    assert(framework != NULL);
    return framework;
}

bool allocator_has_framework(const struct allocator *allocator, const char *framework_id) {
    return table_find(&allocator->frameworks, framework_id) != NULL;
}

/* What makes offers worth sending under one role (FrameworkInfo.offer_filters). */
struct min_allocatable {
    char *role;
    struct quantities *quantities;
    size_t count;
};

static void clear_min_allocatable(struct framework *framework) {
    struct min_allocatable *min;

    table_for_each (&framework->min_allocatable, min) {
        for (size_t i = 0; i < min->count; i++)
            quantities_done(&min->quantities[i]);
        free(min->quantities);
        free(min->role);
        free(min);
    }
    table_clear(&framework->min_allocatable);
}

static void set_min_allocatable(struct framework *framework, const Mesos__V1__FrameworkInfo *info) {
    clear_min_allocatable(framework);
    for (size_t i = 0; i < info->n_offer_filters; i++) {
        const Mesos__V1__FrameworkInfo__OfferFiltersEntry *entry = info->offer_filters[i];
        const Mesos__V1__OfferFilters__MinAllocatableResources *from;
        struct min_allocatable *min;

        if (entry->value == NULL || entry->value->min_allocatable_resources == NULL || entry->key == NULL)
            continue;
        from = entry->value->min_allocatable_resources;
        min = new0(struct min_allocatable);
        min->role = xstrdup(entry->key);
        min->count = from->n_quantities;
        min->quantities = xcalloc(from->n_quantities + 1, sizeof(min->quantities[0]));
        for (size_t j = 0; j < from->n_quantities; j++)
            for (size_t k = 0; k < from->quantities[j]->n_quantities; k++)
                quantities_add(&min->quantities[j], from->quantities[j]->quantities[k]->key,
                               scalar_from_double(from->quantities[j]->quantities[k]->value->value));
        if (!table_add(&framework->min_allocatable, min->role, min)) {
            /* Twice the same role: the first one holds. */
            for (size_t j = 0; j < min->count; j++)
                quantities_done(&min->quantities[j]);
            free(min->quantities);
            free(min->role);
            free(min);
        }
    }
}

static void set_capabilities(struct framework *framework, const Mesos__V1__FrameworkInfo *info) {
    framework->is_multi_role = framework->is_gpu_aware = framework->is_region_aware = false;
    framework->wants_shared = framework->wants_revocable = framework->knows_refinement = false;
    for (size_t i = 0; i < info->n_capabilities; i++) {
        switch (info->capabilities[i]->type) {
        case MESOS__V1__FRAMEWORK_INFO__CAPABILITY__TYPE__MULTI_ROLE:
            framework->is_multi_role = true;
            break;
        case MESOS__V1__FRAMEWORK_INFO__CAPABILITY__TYPE__GPU_RESOURCES:
            framework->is_gpu_aware = true;
            break;
        case MESOS__V1__FRAMEWORK_INFO__CAPABILITY__TYPE__REGION_AWARE:
            framework->is_region_aware = true;
            break;
        case MESOS__V1__FRAMEWORK_INFO__CAPABILITY__TYPE__SHARED_RESOURCES:
            framework->wants_shared = true;
            break;
        case MESOS__V1__FRAMEWORK_INFO__CAPABILITY__TYPE__REVOCABLE_RESOURCES:
            framework->wants_revocable = true;
            break;
        case MESOS__V1__FRAMEWORK_INFO__CAPABILITY__TYPE__RESERVATION_REFINEMENT:
            framework->knows_refinement = true;
            break;
        default:
            break;
        }
    }
}

/* What holds for a client follows from its framework's info. */
static void configure_client(struct allocator *allocator, struct client *client) {
    struct min_allocatable *min = table_find(&client->framework->min_allocatable, client->role->name);

    client->min_allocatable = min == NULL ? NULL : min->quantities;
    client->min_allocatable_count = min == NULL ? 0 : min->count;
    client->role->has_special_clients |= min != NULL;
    client->constraints = allocator_offer_constraints_find(client->framework->constraints, client->role->name);
    list_remove(&client->constrained);
    if (client->constraints != NULL)
        list_append(&allocator->constrained, &client->constrained);
    client_forget_verdicts(client);
}

/* The roles of @info: `roles` with MULTI_ROLE, else `role` (protobuf::framework::getRoles()). */
static size_t get_roles(const struct framework *framework, const Mesos__V1__FrameworkInfo *info,
                        char *const **ret_roles) {
    if (framework->is_multi_role) {
        *ret_roles = info->roles;
        return info->n_roles;
    }
    *ret_roles = (char *const *)&info->role;
    return 1;
}

static bool has_string(const char *const *strings, size_t count, const char *string) {
    for (size_t i = 0; i < count; i++)
        if (strcmp(strings[i], string) == 0)
            return true;
    return false;
}

static void set_info(struct framework *framework, const struct allocator_framework *from) {
    set_capabilities(framework, from->info);
    set_min_allocatable(framework, from->info);
    offer_constraints_free(framework->constraints);
    framework->constraints = from->constraints;
}

/* Subscribe to the roles of @from, unsubscribe from others. */
static void set_roles(struct allocator *allocator, struct framework *framework,
                      const struct allocator_framework *from) {
    char *const *roles;
    size_t count = get_roles(framework, from->info, &roles);
    struct client *client;

    for (size_t i = 0; i < count; i++) {
        client = allocator_client_get(allocator, framework, allocator_role_get(allocator, roles[i]));
        if (!client->is_subscribed) {
            client->is_subscribed = true;
            allocator_metrics_add_client(allocator, client);
        }
    }
    list_for_each (&framework->clients, client, in_framework) {
        if (client->is_subscribed && !has_string((const char *const *)roles, count, client->role->name)) {
            client->is_subscribed = client->is_suppressed = false;
            allocator_filters_remove_of_client(allocator, client);
            allocator_metrics_remove_client(allocator, client);
            client_update_active(allocator, client);
            allocator_client_try_remove(allocator, client);
        }
    }
    list_for_each (&framework->clients, client, in_framework)
        configure_client(allocator, client);
}

static void suppress(struct allocator *allocator, struct client *client) {
    client->is_suppressed = true;
    allocator_metrics_add_client(allocator, client);
    client_update_active(allocator, client);
}

static void revive(struct allocator *allocator, struct client *client) {
    allocator_filters_remove_of_client(allocator, client);
    client->is_suppressed = false;
    allocator_metrics_add_client(allocator, client);
    client_update_active(allocator, client);
}

void allocator_add_framework(struct allocator *allocator, const struct allocator_framework *from,
                             const struct allocator_used *used, size_t used_count, bool is_active) {
    struct framework *framework = new0(struct framework);
    struct agent *agent;
    struct client *client;
    bool is_new;

    framework->id = name_get(from->info->id->value);
    framework->number = allocator->frameworks_added++;
    framework->is_active = is_active;
    framework->metric_prefix = allocator_metrics_framework_prefix(from->info);
    list_init(&framework->clients);
    list_init(&framework->inverse_filters);
    list_init(&framework->inverse_offers);
    list_init(&framework->offers);
    is_new = table_add(&allocator->frameworks, framework->id, framework);
    assert(is_new);
    (void)is_new;
    allocator_metrics_framework_added(allocator, framework);
    set_info(framework, from);
    set_roles(allocator, framework, from);
    list_for_each (&framework->clients, client, in_framework) {
        client->is_suppressed = has_string(from->suppressed_roles, from->suppressed_count, client->role->name);
        allocator_metrics_add_client(allocator, client);
        client_update_active(allocator, client);
    }
    for (size_t i = 0; i < used_count; i++) {
        agent = table_find(&allocator->agents, used[i].id);
        if (agent != NULL)
            allocator_agent_adopt_unknown_usages(allocator, agent, framework);
    }
    if (is_active)
        allocator_round_request(allocator, NULL);
}

void allocator_framework_free(struct allocator *allocator, struct framework *framework) {
    struct client *client;
    struct offer *offer;

    list_for_each (&framework->offers, offer, in_framework)
        allocator_offer_free(allocator, offer);
    list_remove(&framework->with_offers);
    allocator_inverse_offers_drop(framework);
    allocator_metrics_framework_removed(allocator, framework);
    allocator_inverse_filters_remove_of_framework(allocator, framework);
    list_for_each (&framework->clients, client, in_framework) {
        struct usage *usage;

        list_for_each (&client->usages, usage, in_client)
            allocator_usage_remove(allocator, usage, true);
        client->is_subscribed = false;
        client_update_active(allocator, client);
        client_remove(allocator, client);
    }
    clear_min_allocatable(framework);
    offer_constraints_free(framework->constraints);
    free(framework->metric_prefix);
    name_release(framework->id);
    free(framework);
}

void allocator_remove_framework(struct allocator *allocator, const char *framework_id) {
    struct framework *framework = find_framework(allocator, framework_id);

    table_remove(&allocator->frameworks, framework_id);
    allocator_framework_free(allocator, framework);
}

void allocator_activate_framework(struct allocator *allocator, const char *framework_id) {
    struct framework *framework = find_framework(allocator, framework_id);
    struct client *client;

    framework->is_active = true;
    list_for_each (&framework->clients, client, in_framework)
        client_update_active(allocator, client);
    allocator_round_request(allocator, NULL);
}

void allocator_deactivate_framework(struct allocator *allocator, const char *framework_id) {
    struct framework *framework = find_framework(allocator, framework_id);
    struct client *client;

    framework->is_active = false;
    list_for_each (&framework->clients, client, in_framework) {
        client_update_active(allocator, client);
        allocator_filters_remove_of_client(allocator, client);
    }
    allocator_inverse_filters_remove_of_framework(allocator, framework);
}

void allocator_update_framework(struct allocator *allocator, const struct allocator_framework *from) {
    struct framework *framework = find_framework(allocator, from->info->id->value);
    struct client *client;

    set_info(framework, from);
    set_roles(allocator, framework, from);
    list_for_each (&framework->clients, client, in_framework) {
        bool is_suppressed = has_string(from->suppressed_roles, from->suppressed_count, client->role->name);

        if (client->is_subscribed && is_suppressed && !client->is_suppressed) {
            suppress(allocator, client);
        } else if (client->is_subscribed && !is_suppressed && client->is_suppressed) {
            revive(allocator, client);
        }
        client_update_active(allocator, client);
        unblock_everywhere(allocator, client);
    }
    /* Mesos clears these whether or not a role is revived (reviveRoles()). */
    allocator_inverse_filters_remove_of_framework(allocator, framework);
}

void allocator_suppress(struct allocator *allocator, const char *framework_id, const char *const *roles, size_t count) {
    struct framework *framework = find_framework(allocator, framework_id);
    struct client *client;

    list_for_each (&framework->clients, client, in_framework)
        if (client->is_subscribed && (count == 0 || has_string(roles, count, client->role->name)))
            suppress(allocator, client);
}

void allocator_revive(struct allocator *allocator, const char *framework_id, const char *const *roles, size_t count) {
    struct framework *framework = find_framework(allocator, framework_id);
    struct client *client;

    allocator_inverse_filters_remove_of_framework(allocator, framework);
    list_for_each (&framework->clients, client, in_framework)
        if (client->is_subscribed && (count == 0 || has_string(roles, count, client->role->name)))
            revive(allocator, client);
    allocator_round_request(allocator, NULL);
}

void allocator_request_resources(struct allocator *allocator, const char *framework_id, size_t request_count) {
    (void)allocator;
    log_info("Received resource request from framework %s (%zu requests)", framework_id, request_count);
}

bool allocator_is_agent_excluded(const struct allocator *allocator, const char *framework_id, const char *role_name,
                                 const char *agent_id) {
    const struct framework *framework = find_framework(allocator, framework_id);
    const struct agent *agent = table_find(&allocator->agents, agent_id);
    const struct constraint_groups *groups = allocator_offer_constraints_find(framework->constraints, role_name);
    size_t steps = 0;

    assert(agent != NULL);
    return groups != NULL && allocator_constraints_exclude(groups, agent, &steps);
}
