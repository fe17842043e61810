/* SPDX-License-Identifier: Apache-2.0 */
/* The state of the reference allocator and the calls that change it. */
#include <assert.h>

#include "model/attributes.h"
#include "model/role.h"
#include "reference_internal.h"

/* Lists */

struct agent *reference_find_agent(struct reference *r, const char *id) {
    for (size_t i = 0; i < r->agent_count; i++)
        if (strcmp(r->agents[i]->id, id) == 0)
            return r->agents[i];
    return NULL;
}

struct framework *reference_find_framework(struct reference *r, const char *id) {
    for (size_t i = 0; i < r->framework_count; i++)
        if (strcmp(r->frameworks[i]->id, id) == 0)
            return r->frameworks[i];
    return NULL;
}

struct client *reference_find_client(struct framework *framework, const char *role) {
    for (size_t i = 0; i < framework->client_count; i++)
        if (strcmp(framework->clients[i].role, role) == 0)
            return &framework->clients[i];
    return NULL;
}

struct use *reference_find_use(struct agent *agent, const char *framework) {
    for (size_t i = 0; i < agent->use_count; i++)
        if (strcmp(agent->uses[i].framework, framework) == 0)
            return &agent->uses[i];
    return NULL;
}

static struct node *find_node(struct reference *r, const char *path) {
    for (size_t i = 0; i < r->node_count; i++)
        if (strcmp(r->nodes[i].path, path) == 0)
            return &r->nodes[i];
    return NULL;
}

struct quota *reference_find_quota(struct reference *r, const char *role) {
    for (size_t i = 0; i < r->quota_count; i++)
        if (strcmp(r->quotas[i].role, role) == 0)
            return &r->quotas[i];
    return NULL;
}

static void remove_filter(struct reference *r, size_t index) {
    free(r->filters[index].framework);
    free(r->filters[index].role);
    free(r->filters[index].agent);
    resources_done(&r->filters[index].resources);
    r->filters[index] = r->filters[--r->filter_count];
}

/* Remove the filters of what is given; NULL stands for any. @kind: 1 offers, 2 inverse offers, 3 both. */
static void remove_filters(struct reference *r, const char *framework, const char *role, const char *agent, int kind) {
    for (size_t i = 0; i < r->filter_count; i++) {
        const struct filter *filter = &r->filters[i];

        if ((framework == NULL || strcmp(filter->framework, framework) == 0) &&
            (role == NULL || (filter->role != NULL && strcmp(filter->role, role) == 0)) &&
            (agent == NULL || strcmp(filter->agent, agent) == 0) && (kind & (filter->role != NULL ? 1 : 2)) != 0)
            remove_filter(r, i--);
    }
}

static void add_filter(struct reference *r, const char *framework, const char *role, const char *agent,
                       const struct resources *resources, int64_t timeout_ns) {
    struct filter *filter = &r->filters[r->filter_count++];

    assert(r->filter_count < MOST_FILTERS);
    *filter = (struct filter){xstrdup(framework), xstrdup(role), xstrdup(agent), RESOURCES_INIT,
                              r->now_ns + timeout_ns};
    if (resources != NULL) {
        resources_assign(&filter->resources, resources);
        resources_unallocate(&filter->resources);
    }
}

void reference_expire(struct reference *r) {
    for (size_t i = 0; i < r->filter_count; i++)
        if (r->filters[i].expires_ns <= r->now_ns)
            remove_filter(r, i--);
}

/* The tree of roles in the sorter */

/* Whether a framework is tracked under @role (or, with @below, under a role below it). */
bool reference_is_tracked(struct reference *r, const char *role, bool below) {
    for (size_t i = 0; i < r->framework_count; i++)
        for (size_t j = 0; j < r->frameworks[i]->client_count; j++) {
            const char *other = r->frameworks[i]->clients[j].role;

            if (below ? role_is_below(other, role) : strcmp(other, role) == 0)
                return true;
        }
    return false;
}

static void add_node(struct reference *r, const char *path, uint64_t count) {
    if (find_node(r, path) != NULL)
        return;
    assert(r->node_count < MOST_ROLES);
    r->nodes[r->node_count++] = (struct node){xstrdup(path), count};
}

static bool is_node_needed(struct reference *r, const char *path) {
    size_t size = strlen(path);

    if (size > 2 && strcmp(path + size - 2, "/.") == 0) {
        cleanup_free char *role = xstrndup(path, size - 2);

        return reference_is_tracked(r, role, false) && reference_is_tracked(r, role, true);
    }
    return reference_is_tracked(r, path, false) || reference_is_tracked(r, path, true);
}

static void drop_nodes(struct reference *r) {
    for (size_t i = 0; i < r->node_count; i++)
        if (!is_node_needed(r, r->nodes[i].path)) {
            free(r->nodes[i].path);
            r->nodes[i--] = r->nodes[--r->node_count];
        }
}

/* A framework is about to be tracked under @role. */
static void grow_nodes(struct reference *r, const char *role) {
    for (size_t size = 0; size <= strlen(role); size++) {
        cleanup_free char *path = xstrndup(role, size), *own = xasprintf("%s/.", path);

        if (size == 0 || (role[size] != '/' && role[size] != '\0'))
            continue;
        /* A leaf that becomes the parent of another passes on its count to its own frameworks. */
        if (role[size] == '/' && reference_is_tracked(r, path, false) && find_node(r, own) == NULL)
            add_node(r, own, find_node(r, path)->count);
        add_node(r, path, 0);
        if (role[size] == '\0' && reference_is_tracked(r, path, true))
            add_node(r, own, 0);
    }
}

static struct client *get_client(struct reference *r, struct framework *framework, const char *role) {
    struct client *client = reference_find_client(framework, role);

    if (client != NULL)
        return client;
    if (!reference_is_tracked(r, role, false))
        grow_nodes(r, role);
    assert(framework->client_count < MOST);
    client = &framework->clients[framework->client_count++];
    *client = (struct client){.role = xstrdup(role)};
    return client;
}

static void drop_clients(struct reference *r, struct framework *framework) {
    for (size_t i = 0; i < framework->client_count; i++) {
        struct client *client = &framework->clients[i];
        bool has_something = false;

        for (size_t j = 0; j < r->agent_count; j++) {
            struct use *use = reference_find_use(r->agents[j], framework->id);

            for (size_t k = 0; use != NULL && k < use->resources.count; k++)
                has_something |= strcmp(use->resources.items[k].allocation_role, client->role) == 0;
        }
        if (client->is_subscribed || has_something)
            continue;
        remove_filters(r, framework->id, client->role, NULL, 1);
        free(client->role);
        framework->clients[i--] = framework->clients[--framework->client_count];
    }
    drop_nodes(r);
}

/* An allocation under @role counts for everything above. */
static void count_allocation(struct reference *r, struct client *client) {
    const char *role = client->role;
    cleanup_free char *own = xasprintf("%s/.", role);

    client->count++;
    for (size_t size = 1; size <= strlen(role); size++) {
        cleanup_free char *path = xstrndup(role, size);

        if (role[size] == '/' || role[size] == '\0')
            find_node(r, path)->count++;
    }
    if (find_node(r, own) != NULL)
        find_node(r, own)->count++;
}

void reference_add_use(struct reference *r, struct agent *agent, const char *framework_id,
                       const struct resources *resources, bool counts) {
    struct use *use = reference_find_use(agent, framework_id);
    struct framework *framework = reference_find_framework(r, framework_id);

    if (use == NULL) {
        assert(agent->use_count < MOST);
        use = &agent->uses[agent->use_count++];
        *use = (struct use){xstrdup(framework_id), RESOURCES_INIT};
    }
    resources_add(&use->resources, resources);
    if (framework == NULL)
        return;
    for (size_t i = 0; i < resources->count; i++) {
        bool is_first = true;

        for (size_t j = 0; j < i; j++)
            is_first &= resources->items[j].allocation_role != resources->items[i].allocation_role;
        if (!is_first)
            continue;
        if (counts)
            count_allocation(r, get_client(r, framework, resources->items[i].allocation_role));
    }
}

static void drop_empty_uses(struct agent *agent) {
    for (size_t i = 0; i < agent->use_count; i++)
        if (resources_is_empty(&agent->uses[i].resources)) {
            free(agent->uses[i].framework);
            resources_done(&agent->uses[i].resources);
            agent->uses[i--] = agent->uses[--agent->use_count];
        }
}

static void request(struct reference *r, struct agent *agent) {
    if (r->is_paused)
        return;
    if (agent == NULL)
        r->wants_all = true;
    else
        agent->is_candidate = true;
}

struct reference_offer *reference_offers(struct reference *r, size_t *ret_count) {
    *ret_count = r->offer_count;
    return r->offers;
}

static void remove_inverse_offer(struct reference *r, size_t index) {
    free(r->inverse[index]);
    r->inverse[index] = r->inverse[--r->inverse_count];
}

/* Those of what goes away, which have not been taken; NULL stands for any. */
static void remove_inverse_offers(struct reference *r, const char *framework, const char *agent) {
    for (size_t i = 0; i < r->inverse_count; i++) {
        const char *space = strchr(r->inverse[i], ' ');
        size_t size = (size_t)(space - r->inverse[i]);

        if ((framework == NULL || (strlen(framework) == size && strncmp(r->inverse[i], framework, size) == 0)) &&
            (agent == NULL || strcmp(space + 1, agent) == 0))
            remove_inverse_offer(r, i--);
    }
}

bool reference_take_inverse_offer(struct reference *r, const char *text) {
    for (size_t i = 0; i < r->inverse_count; i++)
        if (strcmp(r->inverse[i], text) == 0) {
            remove_inverse_offer(r, i);
            return true;
        }
    return false;
}

char **reference_inverse_offers(struct reference *r, size_t *ret_count) {
    *ret_count = r->inverse_count;
    return r->inverse;
}

static void remove_offer(struct reference *r, size_t index) {
    free(r->offers[index].framework);
    free(r->offers[index].role);
    free(r->offers[index].agent);
    resources_done(&r->offers[index].resources);
    r->offers[index] = r->offers[--r->offer_count];
}

/* Those of what goes away; NULL stands for any. */
static void remove_offers(struct reference *r, const char *framework, const char *agent) {
    for (size_t i = 0; i < r->offer_count; i++)
        if ((framework == NULL || strcmp(r->offers[i].framework, framework) == 0) &&
            (agent == NULL || strcmp(r->offers[i].agent, agent) == 0))
            remove_offer(r, i--);
}

bool reference_take_offer(struct reference *r, const char *framework, const char *role, const char *agent,
                          const struct resources *resources) {
    for (size_t i = 0; i < r->offer_count; i++)
        if (strcmp(r->offers[i].framework, framework) == 0 && strcmp(r->offers[i].role, role) == 0 &&
            strcmp(r->offers[i].agent, agent) == 0 && resources_equal(&r->offers[i].resources, resources)) {
            remove_offer(r, i);
            return true;
        }
    return false;
}

void reference_forget_offers(struct reference *r) {
    remove_offers(r, NULL, NULL);
    remove_inverse_offers(r, NULL, NULL);
}

/* Frameworks */

bool reference_has_capability(const struct framework *framework, int type) {
    for (size_t i = 0; i < framework->info->n_capabilities; i++)
        if ((int)framework->info->capabilities[i]->type == type)
            return true;
    return false;
}

static bool has_string(const char *const *strings, size_t count, const char *string) {
    for (size_t i = 0; i < count; i++)
        if (strcmp(strings[i], string) == 0)
            return true;
    return false;
}

static void set_framework(struct reference *r, struct framework *framework, const struct allocator_framework *from,
                          const Mesos__V1__Scheduler__OfferConstraints *constraints) {
    char *const *roles;
    size_t count;

    MESSAGE_FREE(framework->info);
    MESSAGE_FREE(framework->constraints);
    framework->info = MESSAGE_COPY(from->info);
    framework->constraints = constraints == NULL ? NULL : MESSAGE_COPY(constraints);
    roles = CAPABLE(framework, MULTI_ROLE) ? framework->info->roles : (char *const *)&framework->info->role;
    count = CAPABLE(framework, MULTI_ROLE) ? framework->info->n_roles : 1;
    for (size_t i = 0; i < count; i++)
        get_client(r, framework, roles[i])->is_subscribed = true;
    for (size_t i = 0; i < framework->client_count; i++) {
        struct client *client = &framework->clients[i];

        if (client->is_subscribed && !has_string((const char *const *)roles, count, client->role)) {
            client->is_subscribed = client->is_suppressed = false;
            remove_filters(r, framework->id, client->role, NULL, 1);
        }
    }
    drop_clients(r, framework);
}

static void set_suppressed(struct reference *r, struct framework *framework, const struct allocator_framework *from) {
    for (size_t i = 0; i < framework->client_count; i++) {
        struct client *client = &framework->clients[i];
        bool is_suppressed = has_string(from->suppressed_roles, from->suppressed_count, client->role);

        if (!client->is_subscribed)
            continue;
        if (client->is_suppressed && !is_suppressed)
            remove_filters(r, framework->id, client->role, NULL, 1);
        client->is_suppressed = is_suppressed;
    }
}

void reference_add_framework(struct reference *r, const struct allocator_framework *from, bool is_active,
                             const Mesos__V1__Scheduler__OfferConstraints *constraints) {
    struct framework *framework = new0(struct framework);

    framework->id = xstrdup(from->info->id->value);
    framework->is_active = is_active;
    r->frameworks[r->framework_count++] = framework;
    set_framework(r, framework, from, constraints);
    set_suppressed(r, framework, from);
    /* What it used before it was known counts from now on. */
    for (size_t i = 0; i < r->agent_count; i++) {
        struct use *use = reference_find_use(r->agents[i], framework->id);
        struct resources resources;

        if (use == NULL)
            continue;
        resources_move(&resources, &use->resources);
        reference_add_use(r, r->agents[i], framework->id, &resources, true);
        resources_done(&resources);
        r->has_moved = true;
    }
    if (is_active)
        request(r, NULL);
}

static void framework_free(struct framework *framework) {
    for (size_t i = 0; i < framework->client_count; i++)
        free(framework->clients[i].role);
    MESSAGE_FREE(framework->info);
    MESSAGE_FREE(framework->constraints);
    free(framework->id);
    free(framework);
}

void reference_remove_framework(struct reference *r, const char *id) {
    for (size_t i = 0; i < r->agent_count; i++) {
        struct use *use = reference_find_use(r->agents[i], id);

        if (use == NULL)
            continue;
        resources_clear(&use->resources);
        drop_empty_uses(r->agents[i]);
        r->has_moved = true;
    }
    remove_filters(r, id, NULL, NULL, 3);
    remove_offers(r, id, NULL);
    remove_inverse_offers(r, id, NULL);
    for (size_t i = 0; i < r->framework_count; i++)
        if (strcmp(r->frameworks[i]->id, id) == 0) {
            framework_free(r->frameworks[i]);
            r->frameworks[i] = r->frameworks[--r->framework_count];
            break;
        }
    drop_nodes(r);
}

void reference_activate_framework(struct reference *r, const char *id, bool is_active) {
    reference_find_framework(r, id)->is_active = is_active;
    if (is_active)
        request(r, NULL);
    else
        remove_filters(r, id, NULL, NULL, 3);
}

void reference_update_framework(struct reference *r, const struct allocator_framework *from,
                                const Mesos__V1__Scheduler__OfferConstraints *constraints) {
    struct framework *framework = reference_find_framework(r, from->info->id->value);

    set_framework(r, framework, from, constraints);
    set_suppressed(r, framework, from);
    remove_filters(r, framework->id, NULL, NULL, 2);
}

void reference_suppress(struct reference *r, const char *id, const char *const *roles, size_t count) {
    struct framework *framework = reference_find_framework(r, id);

    for (size_t i = 0; i < framework->client_count; i++)
        if (framework->clients[i].is_subscribed && (count == 0 || has_string(roles, count, framework->clients[i].role)))
            framework->clients[i].is_suppressed = true;
}

void reference_revive(struct reference *r, const char *id, const char *const *roles, size_t count) {
    struct framework *framework = reference_find_framework(r, id);

    remove_filters(r, id, NULL, NULL, 2);
    for (size_t i = 0; i < framework->client_count; i++)
        if (framework->clients[i].is_subscribed &&
            (count == 0 || has_string(roles, count, framework->clients[i].role))) {
            framework->clients[i].is_suppressed = false;
            remove_filters(r, id, framework->clients[i].role, NULL, 1);
        }
    request(r, NULL);
}

/* Agents */

static void set_agent_info(struct agent *agent, const struct allocator_agent *from) {
    const Mesos__V1__DomainInfo *domain = from->info->domain;

    MESSAGE_FREE(agent->info);
    agent->info = MESSAGE_COPY(from->info);
    free(agent->hostname);
    agent->hostname = xstrdup(from->info->hostname);
    free(agent->region);
    free(agent->zone);
    agent->region = domain == NULL ? NULL : xstrdup(domain->fault_domain->region->name);
    agent->zone = domain == NULL ? NULL : xstrdup(domain->fault_domain->zone->name);
    if (from->capabilities == NULL)
        return;
    agent->is_multi_role = agent->is_hierarchical = false;
    for (size_t i = 0; i < from->capability_count; i++) {
        agent->is_multi_role |= from->capabilities[i]->type == MESOS__V1__AGENT_INFO__CAPABILITY__TYPE__MULTI_ROLE;
        agent->is_hierarchical |= from->capabilities[i]->type ==
                                  MESOS__V1__AGENT_INFO__CAPABILITY__TYPE__HIERARCHICAL_ROLE;
    }
}

void reference_add_agent(struct reference *r, const struct allocator_agent *from, const struct allocator_used *used,
                         size_t used_count) {
    struct agent *agent = new0(struct agent);

    agent->id = xstrdup(from->id);
    agent->is_active = true;
    set_agent_info(agent, from);
    resources_copy(&agent->total, from->total);
    r->agents[r->agent_count++] = agent;
    for (size_t i = 0; i < used_count; i++)
        reference_add_use(r, agent, used[i].id, used[i].resources, true);
    r->has_moved = true;
    if (r->is_recovering && r->agent_count >= r->expected_agents)
        r->is_recovering = r->is_paused = false;
    request(r, agent);
}

void reference_add_resource_provider(struct reference *r, const char *agent_id, const struct resources *total,
                                     const struct allocator_used *used, size_t used_count) {
    struct agent *agent = reference_find_agent(r, agent_id);

    resources_add(&agent->total, total);
    r->has_moved = true;
    for (size_t i = 0; i < used_count; i++)
        if (reference_find_framework(r, used[i].id) != NULL)
            reference_add_use(r, agent, used[i].id, used[i].resources, true);
}

static void agent_free(struct agent *agent) {
    for (size_t i = 0; i < agent->use_count; i++) {
        free(agent->uses[i].framework);
        resources_done(&agent->uses[i].resources);
    }
    for (size_t i = 0; i < agent->outstanding_count; i++)
        free(agent->outstanding[i]);
    resources_done(&agent->total);
    resources_done(&agent->offered_shared);
    MESSAGE_FREE(agent->info);
    free(agent->hostname);
    free(agent->region);
    free(agent->zone);
    free(agent->id);
    free(agent);
}

static void forget_visit(struct reference *r, const struct agent *agent) {
    for (size_t i = 0; i < r->visit_count; i++) {
        if (r->visits[i] != agent)
            continue;
        memmove(&r->visits[i], &r->visits[i + 1], (r->visit_count - i - 1) * sizeof(r->visits[0]));
        r->visit_count--;
        r->next -= i < r->next;
        return;
    }
}

void reference_remove_agent(struct reference *r, const char *id) {
    remove_filters(r, NULL, NULL, id, 3);
    remove_offers(r, NULL, id);
    remove_inverse_offers(r, NULL, id);
    forget_visit(r, reference_find_agent(r, id));
    r->has_moved = true;
    for (size_t i = 0; i < r->agent_count; i++)
        if (strcmp(r->agents[i]->id, id) == 0) {
            agent_free(r->agents[i]);
            r->agents[i] = r->agents[--r->agent_count];
            break;
        }
    for (size_t i = 0; i < r->framework_count; i++)
        drop_clients(r, r->frameworks[i]);
}

void reference_update_agent(struct reference *r, const struct allocator_agent *from) {
    struct agent *agent = reference_find_agent(r, from->id);
    bool was_multi_role = agent->is_multi_role, was_hierarchical = agent->is_hierarchical, has_changed;
    const Mesos__V1__DomainInfo__FaultDomain *domain = from->info->domain == NULL ? NULL
                                                                                  : from->info->domain->fault_domain;

    has_changed = strcmp(agent->hostname, from->info->hostname) != 0 || (agent->region == NULL) != (domain == NULL) ||
                  (domain != NULL &&
                   (strcmp(agent->region, domain->region->name) != 0 || strcmp(agent->zone, domain->zone->name) != 0));
    if (!attributes_equal(agent->info->attributes, agent->info->n_attributes, from->info->attributes,
                          from->info->n_attributes)) {
        has_changed = true;
        remove_filters(r, NULL, NULL, agent->id, 3);
    }
    set_agent_info(agent, from);
    has_changed |= was_multi_role != agent->is_multi_role || was_hierarchical != agent->is_hierarchical;
    if (from->total != NULL && !resources_equal(&agent->total, from->total)) {
        resources_assign(&agent->total, from->total);
        has_changed = r->has_moved = true;
    }
    if (has_changed)
        request(r, agent);
}

void reference_activate_agent(struct reference *r, const char *id, bool is_active) {
    reference_find_agent(r, id)->is_active = is_active;
}

void reference_update_whitelist(struct reference *r, const char *const *hostnames, size_t count) {
    for (size_t i = 0; i < r->whitelist_count; i++)
        free(r->whitelist[i]);
    r->has_whitelist = hostnames != NULL;
    r->whitelist_count = count;
    for (size_t i = 0; i < count; i++)
        r->whitelist[i] = xstrdup(hostnames[i]);
}

void reference_update_unavailability(struct reference *r, const char *id, bool is_scheduled) {
    struct agent *agent = reference_find_agent(r, id);

    remove_filters(r, NULL, NULL, id, 2);
    for (size_t i = 0; i < agent->outstanding_count; i++)
        free(agent->outstanding[i]);
    agent->outstanding_count = 0;
    agent->has_maintenance = is_scheduled;
    remove_inverse_offers(r, NULL, id);
    request(r, agent);
}

void reference_update_inverse_offer(struct reference *r, const char *id, const char *framework, int64_t timeout_ns) {
    struct agent *agent = reference_find_agent(r, id);

    for (size_t i = 0; i < agent->outstanding_count; i++)
        if (strcmp(agent->outstanding[i], framework) == 0) {
            free(agent->outstanding[i]);
            agent->outstanding[i] = agent->outstanding[--agent->outstanding_count];
            break;
        }
    if (timeout_ns > 0)
        add_filter(r, framework, NULL, id, NULL, timeout_ns);
}

/* Resources */

void reference_recover(struct reference *r, const char *framework_id, const char *agent_id,
                       const struct resources *resources, int64_t timeout_ns, bool is_allocated) {
    struct framework *framework = reference_find_framework(r, framework_id);
    struct agent *agent = reference_find_agent(r, agent_id);
    const char *role = resources_allocation_role(resources);

    if (framework == NULL || agent == NULL)
        return;
    resources_subtract(&reference_find_use(agent, framework_id)->resources, resources);
    drop_empty_uses(agent);
    r->has_moved = true;
    if (timeout_ns > 0 && reference_find_client(framework, role) != NULL &&
        reference_find_client(framework, role)->is_subscribed)
        add_filter(r, framework_id, role, agent_id, resources,
                   timeout_ns > r->options->allocation_interval_ns ? timeout_ns : r->options->allocation_interval_ns);
    drop_clients(r, framework);
    if (is_allocated && r->options->allocate_on_recovery)
        request(r, agent);
}

void reference_update_allocation(struct reference *r, const char *framework, const char *agent_id,
                                 const struct resources *offered, const struct resource_conversion *conversions,
                                 size_t count) {
    struct agent *agent = reference_find_agent(r, agent_id);
    struct use *use = reference_find_use(agent, framework);
    cleanup_resources struct resources updated = RESOURCES_INIT;

    resources_assign(&updated, offered);
    for (size_t i = 0; i < count; i++) {
        struct resource_conversion plain = {.removes_volume = false};

        resources_convert(&updated, &conversions[i], NULL);
        if (resources_is_empty(&conversions[i].consumed))
            continue;
        resources_copy(&plain.consumed, &conversions[i].consumed);
        resources_copy(&plain.converted, &conversions[i].converted);
        resources_unallocate(&plain.consumed);
        resources_unallocate(&plain.converted);
        resources_convert(&agent->total, &plain, NULL);
        resources_done(&plain.consumed);
        resources_done(&plain.converted);
    }
    resources_subtract(&use->resources, offered);
    resources_add(&use->resources, &updated);
    drop_empty_uses(agent);
    r->has_moved = true;
}

int reference_update_available(struct reference *r, const char *agent_id,
                               const Mesos__V1__Offer__Operation *const *operations, size_t count) {
    struct agent *agent = reference_find_agent(r, agent_id);
    cleanup_resources struct resources available = reference_available_on(agent);

    for (size_t i = 0; i < count; i++)
        if (resources_apply_operation(&available, operations[i], NULL) < 0)
            return -1;
    for (size_t i = 0; i < count; i++)
        resources_apply_operation(&agent->total, operations[i], NULL);
    r->has_moved = true;
    return 0;
}

/* Roles */

void reference_update_quota(struct reference *r, const char *role, const struct quantities *guarantees,
                            const struct quantities *limits) {
    struct quota *quota = reference_find_quota(r, role);

    if (quota == NULL) {
        quota = &r->quotas[r->quota_count++];
        *quota = (struct quota){.role = xstrdup(role)};
    }
    quantities_done(&quota->guarantees);
    quantities_done(&quota->limits);
    quantities_copy(&quota->guarantees, guarantees);
    quantities_copy(&quota->limits, limits);
    r->has_moved = true;
}

void reference_recover_from_failover(struct reference *r, size_t expected_agents, const struct allocator_quota *quotas,
                                     size_t count) {
    for (size_t i = 0; i < count; i++)
        reference_update_quota(r, quotas[i].role, &quotas[i].guarantees, &quotas[i].limits);
    r->expected_agents = (size_t)((double)expected_agents * r->options->agent_recovery_factor);
    if (count == 0 || r->expected_agents == 0)
        return;
    r->is_recovering = r->is_paused = true;
    r->recovered_ns = r->now_ns + r->options->recovery_timeout_ns;
}

void reference_update_weight(struct reference *r, const char *role, double weight) {
    for (size_t i = 0; i < r->weight_count; i++)
        if (strcmp(r->weights[i].role, role) == 0) {
            r->weights[i].weight = weight;
            return;
        }
    r->weights[r->weight_count++] = (struct weight){xstrdup(role), weight};
}

void reference_pause(struct reference *r, bool is_paused) {
    r->is_paused = is_paused;
}

void reference_set_time(struct reference *r, int64_t now_ns) {
    r->now_ns = now_ns;
    if (r->is_recovering && now_ns >= r->recovered_ns)
        r->is_recovering = r->is_paused = false;
}

struct reference *reference_new(const struct reference_options *options) {
    struct reference *r = new0(struct reference);

    r->options = options->options;
    r->seed = options->seed;
    r->region = options->region;
    return r;
}

void reference_free(struct reference *r) {
    reference_forget_offers(r);
    reference_update_whitelist(r, NULL, 0);
    while (r->filter_count > 0)
        remove_filter(r, 0);
    for (size_t i = 0; i < r->agent_count; i++)
        agent_free(r->agents[i]);
    for (size_t i = 0; i < r->framework_count; i++)
        framework_free(r->frameworks[i]);
    for (size_t i = 0; i < r->node_count; i++)
        free(r->nodes[i].path);
    for (size_t i = 0; i < r->weight_count; i++)
        free(r->weights[i].role);
    for (size_t i = 0; i < r->quota_count; i++) {
        free(r->quotas[i].role);
        quantities_done(&r->quotas[i].guarantees);
        quantities_done(&r->quotas[i].limits);
    }
    quantities_done(&r->required);
    quantities_done(&r->headroom);
    free(r);
}
