/* SPDX-License-Identifier: Apache-2.0 */
/* A round of the reference allocator. */
#include <math.h>

#include "allocator/sorter.h"
#include "model/role.h"
#include "reference_internal.h"

/* Sums */

enum which { ALL_SCALARS, UNRESERVED_NOT_REVOCABLE, RESERVED };

static bool is_counted(const struct resource *resource, enum which which) {
    if (resource->kind->type != RESOURCE_SCALAR)
        return false;
    switch (which) {
    case ALL_SCALARS:
        return true;
    case UNRESERVED_NOT_REVOCABLE:
        return !resource_is_reserved(resource) && !resource->kind->is_revocable;
    default:
        return resource_is_reserved(resource);
    }
}

/* What frameworks (or one) have under @role: below it, too, if @with_subtree. On each agent several copies of a shared
 * resource count once. @role "" is everything. Only frameworks that have been added count. */
static struct quantities sum_used(struct reference *r, const char *role, bool with_subtree, const char *framework,
                                  enum which which) {
    struct quantities sum = QUANTITIES_INIT;

    for (size_t i = 0; i < r->agent_count; i++) {
        cleanup_resources struct resources here = RESOURCES_INIT;

        for (size_t j = 0; j < r->agents[i]->use_count; j++) {
            const struct use *use = &r->agents[i]->uses[j];

            if (reference_find_framework(r, use->framework) == NULL ||
                (framework != NULL && strcmp(use->framework, framework) != 0))
                continue;
            for (size_t k = 0; k < use->resources.count; k++) {
                struct resource resource = use->resources.items[k];
                const char *allocated = resource.allocation_role;

                if (!is_counted(&resource, which) ||
                    (role[0] != '\0' && !(with_subtree ? role_is_in(allocated, role) : strcmp(allocated, role) == 0)))
                    continue;
                resource.allocation_role = NULL;
                resources_add_one(&here, &resource);
            }
        }
        for (size_t k = 0; k < here.count; k++)
            quantities_add(&sum, here.items[k].kind->name, here.items[k].scalar);
    }
    return sum;
}

static struct quantities sum_totals(struct reference *r) {
    struct quantities sum = QUANTITIES_INIT;

    for (size_t i = 0; i < r->agent_count; i++)
        for (size_t k = 0; k < r->agents[i]->total.count; k++)
            if (r->agents[i]->total.items[k].kind->type == RESOURCE_SCALAR)
                quantities_add(&sum, r->agents[i]->total.items[k].kind->name, r->agents[i]->total.items[k].scalar);
    return sum;
}

static struct quantities sum_reservations(struct reference *r, const char *role) {
    struct quantities sum = QUANTITIES_INIT;

    for (size_t i = 0; i < r->agent_count; i++)
        for (size_t k = 0; k < r->agents[i]->total.count; k++) {
            const struct resource *resource = &r->agents[i]->total.items[k];

            if (is_counted(resource, RESERVED) &&
                (role[0] == '\0' || role_is_in(resource->kind->reservation_role, role)))
                quantities_add(&sum, resource->kind->name, resource->scalar);
        }
    return sum;
}

static void add_all(struct quantities *to, const struct quantities *what) {
    for (size_t i = 0; i < what->count; i++)
        quantities_add(to, what->items[i].name, what->items[i].amount);
}

/* Never below zero. */
static void subtract_all(struct quantities *from, const struct quantities *what) {
    for (size_t i = 0; i < what->count; i++) {
        const int64_t *amount = quantities_find(from, what->items[i].name);

        if (amount != NULL)
            quantities_set(from, what->items[i].name,
                           *amount > what->items[i].amount ? *amount - what->items[i].amount : 0);
    }
}

static bool is_zero(const struct quantities *quantities) {
    for (size_t i = 0; i < quantities->count; i++)
        if (quantities->items[i].amount != 0)
            return false;
    return true;
}

static int64_t amount_of(const struct quantities *quantities, const char *name) {
    const int64_t *amount = quantities_find(quantities, name);

    return amount == NULL ? 0 : *amount;
}

/* What counts against the quota of a top-level role. */
static struct quantities sum_consumed(struct reference *r, const char *role) {
    struct quantities sum = sum_used(r, role, true, NULL, UNRESERVED_NOT_REVOCABLE);
    cleanup_quantities struct quantities reserved = sum_reservations(r, role);

    add_all(&sum, &reserved);
    return sum;
}

struct resources reference_available_on(struct agent *agent) {
    struct resources available, shared;
    cleanup_resources struct resources used = RESOURCES_INIT;

    for (size_t i = 0; i < agent->use_count; i++) {
        struct resources part;

        resources_not_shared(&agent->uses[i].resources, &part);
        resources_unallocate(&part);
        resources_add(&used, &part);
        resources_done(&part);
    }
    resources_not_shared(&agent->total, &available);
    resources_subtract(&available, &used);
    resources_shared(&agent->total, &shared);
    resources_add(&available, &shared);
    resources_done(&shared);
    return available;
}

/* Order */

struct place {
    double share;
    uint64_t count;
    const char *name; /* among siblings */
    double key;       /* of the random sorter */
    char *path;       /* of a role; an id of a framework */
    bool is_own;
};

static double share_of(struct reference *r, const struct quantities *allocated, double weight) {
    cleanup_quantities struct quantities totals = sum_totals(r);
    double share = 0;

    for (size_t i = 0; i < totals.count; i++) {
        bool is_excluded = false;

        for (const char *const *name = r->options->fair_sharing_excluded; name != NULL && *name != NULL; name++)
            is_excluded |= strcmp(*name, totals.items[i].name) == 0;
        if (!is_excluded && totals.items[i].amount > 0)
            share = fmax(share, (double)amount_of(allocated, totals.items[i].name) / (double)totals.items[i].amount);
    }
    return share / weight;
}

static double weight_of(struct reference *r, const char *role) {
    for (size_t i = 0; i < r->weight_count; i++)
        if (strcmp(r->weights[i].role, role) == 0)
            return r->weights[i].weight;
    return 1;
}

static int compare_drf(const void *a, const void *b) {
    const struct place *left = a, *right = b;

    if (left->share != right->share)
        return left->share < right->share ? -1 : 1;
    if (left->count != right->count)
        return left->count < right->count ? -1 : 1;
    return strcmp(left->name, right->name);
}

static int compare_random(const void *a, const void *b) {
    const struct place *left = a, *right = b;

    if (left->key != right->key)
        return left->key < right->key ? -1 : 1;
    return strcmp(left->name, right->name);
}

static uint64_t visit_seed(const struct reference *r, const struct agent *agent, int stage) {
    uint64_t round = sorter_mix(r->seed, r->rounds);

    return sorter_mix(sorter_mix(round, (uint64_t)stage), allocator_sorter_hash(agent->id));
}

/* The roles below @parent ("" the root), and its own frameworks, in order. */
static size_t sort_roles(struct reference *r, const struct agent *agent, int stage, const char *parent,
                         struct place *places) {
    size_t count = 0, parent_size = strlen(parent);

    for (size_t i = 0; i < r->node_count; i++) {
        const char *path = r->nodes[i].path, *name = parent_size == 0 ? path : path + parent_size + 1;
        cleanup_free char *role = NULL;
        cleanup_quantities struct quantities allocated = QUANTITIES_INIT;
        bool is_own;

        if (parent_size > 0 && !(strncmp(path, parent, parent_size) == 0 && path[parent_size] == '/'))
            continue;
        if (strchr(name, '/') != NULL)
            continue;
        is_own = strcmp(name, ".") == 0;
        role = is_own ? xstrdup(parent) : xstrdup(path);
        allocated = sum_used(r, role, !is_own, NULL, ALL_SCALARS);
        places[count++] = (struct place){
            .share = share_of(r, &allocated, weight_of(r, path)),
            .count = r->nodes[i].count,
            .name = name,
            .key = allocator_sorter_random_key(allocator_sorter_hash(path), weight_of(r, path),
                                               visit_seed(r, agent, stage)),
            .path = take_ptr(&role),
            .is_own = is_own,
        };
    }
    qsort(places, count, sizeof(*places),
          r->options->role_sorter == ALLOCATOR_SORTER_RANDOM ? compare_random : compare_drf);
    return count;
}

/* The roles with frameworks, in the order in which they are served. */
static void list_roles(struct reference *r, const struct agent *agent, int stage, const char *parent, char **roles,
                       size_t *count) {
    struct place places[MOST_ROLES];
    size_t place_count = sort_roles(r, agent, stage, parent, places);

    for (size_t i = 0; i < place_count; i++) {
        if (places[i].is_own || !reference_is_tracked(r, places[i].path, true)) {
            roles[(*count)++] = places[i].path;
        } else {
            list_roles(r, agent, stage, places[i].path, roles, count);
            free(places[i].path);
        }
    }
}

static size_t list_frameworks(struct reference *r, const struct agent *agent, int stage, const char *role,
                              struct framework **frameworks) {
    struct place places[MOST];
    size_t count = 0;

    for (size_t i = 0; i < r->framework_count; i++) {
        struct framework *framework = r->frameworks[i];
        struct client *client = reference_find_client(framework, role);
        cleanup_quantities struct quantities allocated = QUANTITIES_INIT;
        cleanup_free char *path = xasprintf("%s\n%s", role, framework->id);

        if (client == NULL || !framework->is_active || !client->is_subscribed || client->is_suppressed)
            continue;
        allocated = sum_used(r, role, false, framework->id, ALL_SCALARS);
        places[count++] = (struct place){
            .share = share_of(r, &allocated, 1),
            .count = client->count,
            .name = framework->id,
            .key = allocator_sorter_random_key(allocator_sorter_hash(path), 1, visit_seed(r, agent, stage)),
        };
    }
    qsort(places, count, sizeof(*places),
          r->options->framework_sorter == ALLOCATOR_SORTER_RANDOM ? compare_random : compare_drf);
    for (size_t i = 0; i < count; i++)
        frameworks[i] = reference_find_framework(r, places[i].name);
    return count;
}

/* Conditions */

static const Mesos__V1__OfferFilters__MinAllocatableResources *find_min(const struct framework *framework,
                                                                        const char *role) {
    for (size_t i = 0; i < framework->info->n_offer_filters; i++)
        if (strcmp(framework->info->offer_filters[i]->key, role) == 0)
            return framework->info->offer_filters[i]->value->min_allocatable_resources;
    return NULL;
}

static bool is_allocatable(struct reference *r, const struct resources *resources, const char *role,
                           const struct framework *framework) {
    const Mesos__V1__OfferFilters__MinAllocatableResources *own = find_min(framework, role);
    bool is_enough = false;

    if (resources_is_empty(resources))
        return false;
    if (own != NULL) {
        for (size_t i = 0; i < own->n_quantities; i++) {
            cleanup_quantities struct quantities min = QUANTITIES_INIT;

            for (size_t j = 0; j < own->quantities[i]->n_quantities; j++)
                quantities_add(&min, own->quantities[i]->quantities[j]->key,
                               scalar_from_double(own->quantities[i]->quantities[j]->value->value));
            is_enough |= resources_contain_quantities(resources, &min);
        }
        return is_enough || own->n_quantities == 0;
    }
    for (size_t i = 0; i < r->options->min_allocatable_count; i++)
        is_enough |= resources_contain_quantities(resources, &r->options->min_allocatable[i]);
    return is_enough || r->options->min_allocatable_count == 0;
}

static bool can_receive(struct reference *r, const struct framework *framework, const struct agent *agent) {
    bool is_remote = agent->region != NULL && (r->region == NULL || strcmp(agent->region, r->region) != 0);

    if (r->options->filter_gpu_resources && !CAPABLE(framework, GPU_RESOURCES) &&
        resources_scalar(&agent->total, "gpus") > 0)
        return false;
    return CAPABLE(framework, REGION_AWARE) || !is_remote;
}

static bool is_filtered(struct reference *r, const struct framework *framework, const char *role,
                        const struct agent *agent, const struct resources *resources) {
    if (CAPABLE(framework, MULTI_ROLE) && !agent->is_multi_role)
        return true;
    if (role_is_hierarchical(role) && !agent->is_hierarchical)
        return true;
    for (size_t i = 0; i < r->filter_count; i++) {
        const struct filter *filter = &r->filters[i];

        if (filter->role != NULL && strcmp(filter->framework, framework->id) == 0 && strcmp(filter->role, role) == 0 &&
            strcmp(filter->agent, agent->id) == 0 && resources_contain(&filter->resources, resources))
            return true;
    }
    return false;
}

/* Quota */

static char *top_of(const char *role) {
    return xstrndup(role, strcspn(role, "/"));
}

static int compare_by_text(const void *a, const void *b) {
    const struct resource *left = a, *right = b;
    struct resource left_kind = *left, right_kind = *right; /* whatever their amounts */
    cleanup_buffer struct buffer left_text = BUFFER_INIT, right_text = BUFFER_INIT;

    if (left->kind->name != right->kind->name)
        return strcmp(left->kind->name, right->kind->name);
    left_kind.scalar = right_kind.scalar = 0;
    resource_format(&left_kind, &left_text);
    resource_format(&right_kind, &right_text);
    buffer_printf(&left_text, "\t%s", left->kind->provider_id == NULL ? "" : left->kind->provider_id);
    buffer_printf(&right_text, "\t%s", right->kind->provider_id == NULL ? "" : right->kind->provider_id);
    return strcmp(buffer_text(&left_text), buffer_text(&right_text));
}

/* Reduce @resources to @target; what @target does not name is dropped, or kept if @are_limits (shrinkResources()). */
static void shrink(struct resources *resources, const struct quantities *target, bool are_limits) {
    cleanup_quantities struct quantities left = QUANTITIES_INIT;
    struct resources kept = RESOURCES_INIT;

    cleanup_free struct resource *items = xmalloc((resources->count + 1) * sizeof(*items));

    quantities_copy(&left, target);
    if (resources->count > 0)
        memcpy(items, resources->items, resources->count * sizeof(*items));
    qsort(items, resources->count, sizeof(*items), compare_by_text);
    for (size_t i = 0; i < resources->count; i++) {
        struct resource resource = items[i];
        const int64_t *amount = quantities_find(&left, resource.kind->name);

        if (amount == NULL && !are_limits)
            continue;
        if (amount != NULL) {
            if (*amount == 0 || !resource_shrink(&resource, *amount))
                continue;
            quantities_set(&left, resource.kind->name, *amount - resource.scalar);
        }
        resources_add_one(&kept, &resource);
    }
    resources_done(resources);
    resources_move(resources, &kept);
}

/* What the guarantees of the top-level role @top still lack. */
static struct quantities unsatisfied(struct reference *r, const char *top) {
    const struct quota *quota = reference_find_quota(r, top);
    cleanup_quantities struct quantities consumed = sum_consumed(r, top);
    struct quantities lacking = QUANTITIES_INIT;

    if (quota != NULL)
        quantities_copy(&lacking, &quota->guarantees);
    subtract_all(&lacking, &consumed);
    return lacking;
}

static void work_out_headroom(struct reference *r) {
    cleanup_quantities struct quantities allocated = sum_used(r, "", true, NULL, ALL_SCALARS);
    cleanup_quantities struct quantities idle = sum_reservations(r, "");
    cleanup_quantities struct quantities offered_reserved = sum_used(r, "", true, NULL, RESERVED);

    quantities_done(&r->required);
    quantities_done(&r->headroom);
    for (size_t i = 0; i < r->quota_count; i++) {
        cleanup_quantities struct quantities lacking = unsatisfied(r, r->quotas[i].role);

        add_all(&r->required, &lacking);
    }
    r->headroom = sum_totals(r);
    subtract_all(&r->headroom, &allocated);
    subtract_all(&idle, &offered_reserved);
    subtract_all(&r->headroom, &idle);
    for (size_t i = 0; i < r->agent_count; i++) {
        cleanup_resources struct resources available = reference_available_on(r->agents[i]), revocable = RESOURCES_INIT;
        cleanup_quantities struct quantities amounts = QUANTITIES_INIT;

        resources_revocable(&available, &revocable);
        resources_scalar_quantities(&revocable, &amounts);
        subtract_all(&r->headroom, &amounts);
    }
}

static bool counts_against_quota(const struct resource *resource, const void *argument) {
    (void)argument;
    return is_counted(resource, UNRESERVED_NOT_REVOCABLE);
}

static bool is_always_offered(const struct resource *resource, const void *argument) {
    return !counts_against_quota(resource, argument);
}

/* Offers */

static bool is_understood(const struct resource *resource, const void *argument) {
    const struct framework *framework = argument;

    return (CAPABLE(framework, SHARED_RESOURCES) || !resource->kind->is_shared) &&
           (CAPABLE(framework, REVOCABLE_RESOURCES) || !resource->kind->is_revocable) &&
           (CAPABLE(framework, RESERVATION_REFINEMENT) || resource->kind->reservation_count < 2);
}

static void make_offer(struct reference *r, struct framework *framework, const char *role, struct agent *agent,
                       struct resources *resources) {
    cleanup_resources struct resources shared = RESOURCES_INIT;
    struct reference_offer *offer = NULL;

    resources_shared(resources, &shared);
    resources_add(&agent->offered_shared, &shared);
    resources_allocate(resources, role);
    reference_add_use(r, agent, framework->id, resources, true);
    for (size_t i = 0; i < r->offer_count; i++)
        if (strcmp(r->offers[i].framework, framework->id) == 0 && strcmp(r->offers[i].role, role) == 0 &&
            strcmp(r->offers[i].agent, agent->id) == 0)
            offer = &r->offers[i];
    if (offer == NULL) {
        offer = &r->offers[r->offer_count++];
        *offer = (struct reference_offer){xstrdup(framework->id), xstrdup(role), xstrdup(agent->id), RESOURCES_INIT};
    }
    resources_add(&offer->resources, resources);
}

/* What counts against quota, reduced to what the role may have. @ret_guaranteed is the part that serves guarantees. */
static void apply_quota(struct reference *r, const char *top, int stage, struct resources *scalars,
                        struct resources *ret_guaranteed) {
    const struct quota *quota = reference_find_quota(r, top);
    cleanup_quantities struct quantities consumed = sum_consumed(r, top), taken = QUANTITIES_INIT;

    *ret_guaranteed = RESOURCES_INIT;
    if (stage == 1) {
        cleanup_quantities struct quantities lacking = unsatisfied(r, top);

        resources_assign(ret_guaranteed, scalars);
        shrink(ret_guaranteed, &lacking, false);
        resources_subtract(scalars, ret_guaranteed);
    }
    if (quota != NULL && quota->limits.count > 0) {
        cleanup_quantities struct quantities left = QUANTITIES_INIT;

        quantities_copy(&left, &quota->limits);
        resources_scalar_quantities(ret_guaranteed, &taken);
        subtract_all(&left, &consumed);
        subtract_all(&left, &taken);
        shrink(scalars, &left, true);
    }
    if (!is_zero(&r->required) && !resources_is_empty(scalars)) {
        cleanup_quantities struct quantities surplus = QUANTITIES_INIT;

        quantities_copy(&surplus, &r->headroom);
        subtract_all(&surplus, &r->required);
        shrink(scalars, &surplus, false);
    }
}

/* Returns false if there is nothing for the role. */
static bool try_framework(struct reference *r, struct framework *framework, const char *role, struct agent *agent,
                          int stage) {
    cleanup_resources struct resources all = reference_available_on(agent), available = RESOURCES_INIT,
                                       scalars = RESOURCES_INIT;
    cleanup_resources struct resources to_offer = RESOURCES_INIT, guaranteed = RESOURCES_INIT,
                                       understood = RESOURCES_INIT;
    cleanup_quantities struct quantities more = QUANTITIES_INIT, guaranteed_amounts = QUANTITIES_INIT;
    cleanup_free char *top = top_of(role);

    if (reference_excludes(framework, role, agent))
        return true;
    resources_allocatable_to(&all, role, &available);
    resources_subtract(&available, &agent->offered_shared);
    if (resources_is_empty(&available))
        return false;
    if (!is_allocatable(r, &available, role, framework) || !can_receive(r, framework, agent))
        return true;
    resources_filter(&available, is_understood, framework, &understood);
    resources_filter(&understood, counts_against_quota, NULL, &scalars);
    resources_filter(&understood, is_always_offered, NULL, &to_offer);
    apply_quota(r, top, stage, &scalars, &guaranteed);
    if (stage == 1 && resources_is_empty(&guaranteed))
        return true;
    resources_add(&to_offer, &guaranteed);
    resources_add(&to_offer, &scalars);
    if (!is_allocatable(r, &to_offer, role, framework) || is_filtered(r, framework, role, agent, &to_offer))
        return true;
    make_offer(r, framework, role, agent, &to_offer);
    resources_scalar_quantities(&guaranteed, &guaranteed_amounts);
    resources_scalar_quantities(&scalars, &more);
    add_all(&more, &guaranteed_amounts);
    subtract_all(&r->required, &guaranteed_amounts);
    subtract_all(&r->headroom, &more);
    return true;
}

static void visit(struct reference *r, struct agent *agent, int stage) {
    char *roles[MOST_ROLES];
    size_t role_count = 0;

    list_roles(r, agent, stage, "", roles, &role_count);
    for (size_t i = 0; i < role_count; i++) {
        struct framework *frameworks[MOST];
        size_t count = list_frameworks(r, agent, stage, roles[i], frameworks);
        cleanup_free char *top = top_of(roles[i]);

        for (size_t j = 0; j < count; j++) {
            cleanup_resources struct resources available = reference_available_on(agent);
            cleanup_quantities struct quantities lacking = unsatisfied(r, top);

            if (resources_is_empty(&available) || (stage == 1 && is_zero(&lacking)))
                break;
            if (!try_framework(r, frameworks[j], roles[i], agent, stage))
                break;
        }
        free(roles[i]);
    }
}

/* Rounds */

static uint64_t sort_seed; /* for compare_agents() only */

static int compare_agents(const void *a, const void *b) {
    const struct agent *left = *(struct agent *const *)a, *right = *(struct agent *const *)b;
    uint64_t left_key = sorter_mix(allocator_sorter_hash(left->id), sort_seed);
    uint64_t right_key = sorter_mix(allocator_sorter_hash(right->id), sort_seed);

    return left_key < right_key ? -1 : left_key > right_key;
}

static bool is_offerable(struct reference *r, const struct agent *agent) {
    if (!agent->is_active)
        return false;
    for (size_t i = 0; i < r->whitelist_count; i++)
        if (strcmp(r->whitelist[i], agent->hostname) == 0)
            return true;
    return !r->has_whitelist;
}

static void add_inverse_offers(struct reference *r, struct agent *agent) {
    for (size_t i = 0; agent->has_maintenance && i < agent->use_count; i++) {
        const struct framework *framework = reference_find_framework(r, agent->uses[i].framework);
        bool is_blocked = framework == NULL || !framework->is_active;

        for (size_t j = 0; j < agent->outstanding_count; j++)
            is_blocked |= strcmp(agent->outstanding[j], agent->uses[i].framework) == 0;
        for (size_t j = 0; j < r->filter_count; j++)
            is_blocked |= r->filters[j].role == NULL &&
                          strcmp(r->filters[j].framework, agent->uses[i].framework) == 0 &&
                          strcmp(r->filters[j].agent, agent->id) == 0;
        if (is_blocked)
            continue;
        agent->outstanding[agent->outstanding_count++] = xstrdup(agent->uses[i].framework);
        r->inverse[r->inverse_count++] = xasprintf("%s %s", agent->uses[i].framework, agent->id);
    }
}

static void begin_stage(struct reference *r, int stage) {
    r->stage = stage;
    r->next = 0;
    sort_seed = sorter_mix(sorter_mix(r->seed, r->rounds), (uint64_t)stage);
    qsort(r->visits, r->visit_count, sizeof(r->visits[0]), compare_agents);
}

static bool has_id(const char *const *ids, size_t count, const char *id) {
    for (size_t i = 0; i < count; i++)
        if (strcmp(ids[i], id) == 0)
            return true;
    return false;
}

bool reference_is_round_due(const struct reference *r) {
    bool is_due = r->wants_all;

    for (size_t i = 0; i < r->agent_count; i++)
        is_due |= r->agents[i]->is_candidate;
    return is_due && !r->is_paused;
}

void reference_begin_round(struct reference *r, const char *const *only, size_t count) {
    r->rounds++;
    r->visit_count = 0;
    for (size_t i = 0; i < r->agent_count; i++) {
        struct agent *agent = r->agents[i];

        resources_clear(&agent->offered_shared);
        agent->is_in_round = r->wants_all || agent->is_candidate;
        agent->is_candidate = false;
        if (agent->is_in_round && (only == NULL || has_id(only, count, agent->id)))
            r->visits[r->visit_count++] = agent;
    }
    r->wants_all = false;
    work_out_headroom(r);
    r->has_moved = false;
    begin_stage(r, 1);
}

void reference_collect_inverse_offers(struct reference *r, const char *id) {
    struct agent *agent = reference_find_agent(r, id);

    if (agent->is_in_round)
        add_inverse_offers(r, agent);
    agent->is_in_round = false;
}

bool reference_has_all_inverse_offers(struct reference *r) {
    size_t count = r->inverse_count;

    for (size_t i = 0; i < r->agent_count; i++)
        reference_collect_inverse_offers(r, r->agents[i]->id);
    return r->inverse_count == count;
}

static bool is_before(const struct reference *r, int stage, const char *agent) {
    if (r->stage != stage)
        return r->stage < stage;
    return stage < 3 && r->next < r->visit_count && (agent == NULL || strcmp(r->visits[r->next]->id, agent) != 0);
}

void reference_go_on(struct reference *r, int stage, const char *agent) {
    if (r->has_moved)
        work_out_headroom(r);
    r->has_moved = false;
    while (is_before(r, stage, agent)) {
        if (r->next == r->visit_count && r->stage == 2) {
            r->stage = 3;
        } else if (r->next == r->visit_count) {
            begin_stage(r, 2);
        } else {
            r->next++;
            if (is_offerable(r, r->visits[r->next - 1]))
                visit(r, r->visits[r->next - 1], r->stage);
        }
    }
}

void reference_end_round(struct reference *r) {
    r->visit_count = 0;
    reference_expire(r);
}

void reference_interval(struct reference *r) {
    if (r->is_paused)
        reference_expire(r);
    else
        r->wants_all = true;
}
