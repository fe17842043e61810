/* SPDX-License-Identifier: Apache-2.0 */
/* What one framework is offered of one agent (the inner loops of HierarchicalAllocatorProcess::__generateOffers()). */
#include <assert.h>

#include "allocator/internal.h"
#include "model/name.h"

/* An offer in the making. The resources are borrowed from the agent; amounts may be smaller than there. */
struct draft {
    struct resources items;
    bool is_all;     /* of what is available, to the last bit */
    bool is_partial; /* something is left out only because it was offered to somebody else in this round */
    bool is_shrunk;  /* quota kept something back */
    struct amounts guaranteed, additional; /* parts that count against quota */
};

static bool counts_against_quota(const struct resource *resource) {
    return resource->kind->type == RESOURCE_SCALAR && !resource_is_reserved(resource) && !resource->kind->is_revocable;
}

/* allocatable() with the wishes of everybody. */
static bool is_worth_much(const struct allocator *allocator, const struct resources *resources) {
    if (resources_is_empty(resources))
        return false;
    for (size_t i = 0; i < allocator->options.min_allocatable_count; i++)
        if (resources_contain_quantities(resources, &allocator->options.min_allocatable[i]))
            return true;
    return allocator->options.min_allocatable_count == 0;
}

/* What quota is about on @agent, and whether there is anything to offer apart from it. */
static void describe_quota(struct allocator *allocator, struct agent *agent) {
    struct resource *items = allocator_scratch_get(allocator, agent->available.count);
    struct resources others = {items, 0, 0};

    agent->quota_dimensions = 0;
    for (size_t i = 0; i < agent->available.count; i++) {
        const struct resource *resource = &agent->available.items[i];
        size_t dimension;

        if (!counts_against_quota(resource)) {
            items[others.count++] = *resource;
            continue;
        }
        dimension = dimension_of(allocator, resource);
        agent->quota_dimensions |= UINT64_C(1) << (dimension < 63 ? dimension : 63);
    }
    agent->is_chiefly_quota = !agent->has_reserved && !agent->has_shared && !is_worth_much(allocator, &others);
    agent->is_quota_described = true;
}

static void describe(struct agent *agent) {
    agent->has_reserved = agent->has_revocable = agent->has_shared = agent->has_refined = false;
    agent->is_lumpy = false;
    for (size_t i = 0; i < agent->available.count; i++) {
        const struct resource_kind *kind = agent->available.items[i].kind;

        agent->has_reserved |= kind->reservation_count > 0;
        agent->has_revocable |= kind->is_revocable;
        agent->has_shared |= kind->is_shared;
        agent->has_refined |= kind->reservation_count > 1;
        agent->is_lumpy |= kind->is_disk || kind->provider_id != NULL;
    }
    agent->was_lumpy |= agent->is_lumpy;
    agent->is_described = true;
}

static bool was_shared_in_round(const struct allocator *allocator, const struct agent *agent,
                                const struct resource *resource) {
    return agent->shared_round == allocator->round.number && resources_contain_one(&agent->offered_shared, resource);
}

/* What @role may have. */
static void draft_for_role(struct allocator *allocator, struct agent *agent, const struct role *role,
                           struct draft *draft) {
    struct resource *items;

    if (!agent->has_reserved && !agent->has_shared) {
        draft->items = agent->available;
        return;
    }
    items = allocator_scratch_get(allocator, agent->available.count);
    draft->items = (struct resources){items, 0, 0};
    for (size_t i = 0; i < agent->available.count; i++) {
        const struct resource *resource = &agent->available.items[i];

        if (resource->kind->reservation_role != role->name && !resource_is_allocatable_to(resource, role->name)) {
            draft->is_all = false;
        } else if (resource->kind->is_shared && was_shared_in_round(allocator, agent, resource)) {
            draft->is_all = false;
            draft->is_partial = true;
        } else {
            items[draft->items.count++] = *resource;
        }
    }
}

static bool understands(const struct framework *framework, const struct resource_kind *kind) {
    return !(kind->is_shared && !framework->wants_shared) && !(kind->is_revocable && !framework->wants_revocable) &&
           !(kind->reservation_count > 1 && !framework->knows_refinement);
}

/* Leave out what the framework would not understand (stripIncapableResources()). */
static void strip(struct allocator *allocator, const struct agent *agent, const struct framework *framework,
                  struct draft *draft) {
    struct resource *items;
    uint32_t count = 0;

    if (!(agent->has_shared && !framework->wants_shared) && !(agent->has_revocable && !framework->wants_revocable) &&
        !(agent->has_refined && !framework->knows_refinement))
        return;
    items = allocator_scratch_get(allocator, draft->items.count);
    for (size_t i = 0; i < draft->items.count; i++)
        if (understands(framework, draft->items.items[i].kind))
            items[count++] = draft->items.items[i];
    draft->is_all &= count == draft->items.count;
    draft->items = (struct resources){items, count, 0};
}

/* allocatable() */
static bool is_worth_offering(const struct allocator *allocator, const struct client *client,
                              const struct resources *resources) {
    if (client->min_allocatable == NULL)
        return is_worth_much(allocator, resources);
    if (resources_is_empty(resources))
        return false;
    for (size_t i = 0; i < client->min_allocatable_count; i++)
        if (resources_contain_quantities(resources, &client->min_allocatable[i]))
            return true;
    return client->min_allocatable_count == 0;
}

/* isCapableOfReceivingAgent(), and the first half of isFiltered(). */
static bool can_receive_agent(const struct allocator *allocator, const struct client *client,
                              const struct agent *agent) {
    const struct framework *framework = client->framework;

    if (allocator->options.filter_gpu_resources && !framework->is_gpu_aware && agent->has_gpu)
        return false;
    if (!framework->is_region_aware && agent->is_remote)
        return false;
    if (framework->is_multi_role && !agent->is_multi_role)
        return false;
    return agent->is_hierarchical || client->role->parent->parent == NULL;
}

static bool is_refused(const struct allocator *allocator, const struct client *client, const struct agent *agent,
                       const struct resources *resources) {
    if (!agent_has_filter(agent, client->node.number))
        return false;
    for (const struct filter *filter = allocator_filter_find(allocator, client, agent); filter != NULL;
         filter = filter->next)
        if (resources_contain(&filter->refusal->resources, resources))
            return true;
    return false;
}

/* Quota */

static int compare_kinds(const struct resource *a, const struct resource *b) {
    cleanup_buffer struct buffer left = BUFFER_INIT, right = BUFFER_INIT;
    struct resource a_one = *a, b_one = *b;

    a_one.allocation_role = b_one.allocation_role = NULL;
    a_one.scalar = b_one.scalar = 0;
    resource_format(&a_one, &left);
    resource_format(&b_one, &right);
    return strcmp(buffer_text(&left), buffer_text(&right));
}

/* Whether @a comes before @b when both want the same: by name, by how their kinds are printed, by provider. */
static bool is_before(const struct resource *a, const struct resource *b) {
    int order;

    if (a->kind->name != b->kind->name)
        return strcmp(a->kind->name, b->kind->name) < 0;
    order = compare_kinds(a, b);
    if (order != 0 || a->kind->provider_id == b->kind->provider_id || b->kind->provider_id == NULL)
        return order < 0;
    return a->kind->provider_id == NULL || strcmp(a->kind->provider_id, b->kind->provider_id) < 0;
}

/* Put what counts against quota first in @items; if some of it have one name, in a fixed order, since the first may use
 * up what there is for the next. Returns how many these are. */
static size_t arrange(struct resource *items, size_t count) {
    bool has_namesakes = false;
    size_t first = 0;

    for (size_t i = 0; i < count; i++) {
        struct resource item = items[i];

        if (!counts_against_quota(&item))
            continue;
        items[i] = items[first];
        items[first++] = item;
    }
    for (size_t i = 0; i < first; i++)
        for (size_t j = 0; j < i; j++)
            has_namesakes |= items[i].kind->name == items[j].kind->name;
    for (size_t i = 1; has_namesakes && i < first; i++) {
        struct resource item = items[i];
        size_t place = i;

        for (; place > 0 && is_before(&item, &items[place - 1]); place--)
            items[place] = items[place - 1];
        items[place] = item;
    }
    return first;
}

/* Reduce @amount of @resource to @target (shrinkResources() of one resource). */
static int64_t shrink(const struct resource *resource, int64_t amount, int64_t target) {
    struct resource part = *resource;

    if (target <= 0)
        return 0;
    part.scalar = amount;
    return resource_shrink(&part, target) ? part.scalar : 0;
}

static int64_t at_least_zero(int64_t amount) {
    return amount < 0 ? 0 : amount;
}

/* What the role's guarantees still lack. */
static int64_t unsatisfied(const struct role *top, size_t dimension) {
    int64_t guarantee = amounts_get(&top->guarantees, dimension);

    if (guarantee <= 0)
        return 0;
    return at_least_zero(guarantee - amounts_get(&top->consumed, dimension) - amounts_get(&top->reserved, dimension));
}

bool allocator_role_has_unsatisfied_guarantees(const struct role *top) {
    for (size_t i = 0; i < amounts_count(&top->guarantees); i++)
        if (unsatisfied(top, i) > 0)
            return true;
    return false;
}

/* What each of the first @count items is to be reduced to, so that of every dimension no more than @left is taken;
 * @left is reduced by it. Dimensions that @limited (may be NULL) does not limit are kept. Returns whether anything is
 * left out. */
static bool shrink_all(struct allocator *allocator, const struct resource *items, int64_t *amounts, size_t count,
                       struct amounts *left, const struct role *limited) {
    bool is_shrunk = false;

    for (size_t i = 0; i < count; i++) {
        size_t dimension = dimension_of(allocator, &items[i]);
        int64_t part;

        if (limited != NULL && role_limit(limited, dimension) == NO_LIMIT)
            continue;
        part = shrink(&items[i], amounts[i], amounts_get(left, dimension));
        amounts_add(left, dimension, -part);
        is_shrunk |= part != amounts[i];
        amounts[i] = part;
    }
    return is_shrunk;
}

/* The part of the items that serves the role's guarantees. */
static bool take_guaranteed(struct allocator *allocator, const struct role *top, const struct resource *items,
                            int64_t *guaranteed, int64_t *additional, size_t count, struct draft *draft) {
    struct amounts left = {0};
    bool is_served = false;

    for (size_t i = 0; i < amounts_count(&top->guarantees); i++)
        if (unsatisfied(top, i) > 0)
            amounts_set(&left, i, unsatisfied(top, i));
    for (size_t i = 0; i < count; i++)
        guaranteed[i] = items[i].scalar;
    shrink_all(allocator, items, guaranteed, count, &left, NULL);
    for (size_t i = 0; i < count; i++) {
        amounts_add(&draft->guaranteed, dimension_of(allocator, &items[i]), guaranteed[i]);
        additional[i] -= guaranteed[i];
        is_served |= guaranteed[i] > 0;
    }
    amounts_done(&left);
    return is_served;
}

static void apply_limits(struct allocator *allocator, const struct role *top, const struct resource *items,
                         int64_t *additional, size_t count, struct draft *draft) {
    struct amounts left = {0};

    for (size_t i = 0; i < amounts_count(&top->limits); i++)
        if (role_limit(top, i) != NO_LIMIT)
            amounts_set(&left, i,
                        at_least_zero(role_limit(top, i) - amounts_get(&top->consumed, i) -
                                      amounts_get(&top->reserved, i) - amounts_get(&draft->guaranteed, i)));
    draft->is_shrunk |= shrink_all(allocator, items, additional, count, &left, top);
    amounts_done(&left);
}

/* Hold back what guarantees of others need. */
static void apply_headroom(struct allocator *allocator, const struct resource *items, int64_t *additional, size_t count,
                           struct draft *draft) {
    const struct round *round = &allocator->round;
    struct amounts left = {0};

    for (size_t i = 0; i < allocator->dimension_count; i++)
        amounts_set(&left, i, at_least_zero(amounts_get(&round->headroom, i) - amounts_get(&round->required, i)));
    draft->is_shrunk |= shrink_all(allocator, items, additional, count, &left, NULL);
    amounts_done(&left);
}

/* Reduce the draft to what quota allows: the guarantees (in the first stage), and on top what limits and headroom
 * leave. Returns false if in the first stage no guarantee is served. */
static bool apply_quota(struct allocator *allocator, const struct role *top, struct draft *draft) {
    struct resource *items = allocator_scratch_get(allocator, draft->items.count);
    int64_t *guaranteed = allocator->scratch_parts, *additional = guaranteed + allocator->scratch_capacity;
    size_t count, kept = 0;
    bool is_served = true;

    if (draft->items.items != items)
        memcpy(items, draft->items.items, draft->items.count * sizeof(items[0]));
    draft->items.items = items;
    draft->items.capacity = 0;
    count = arrange(items, draft->items.count);
    for (size_t i = 0; i < count; i++) {
        guaranteed[i] = 0;
        additional[i] = items[i].scalar;
    }
    if (allocator->round.stage == 1)
        is_served = take_guaranteed(allocator, top, items, guaranteed, additional, count, draft);
    if (!is_served)
        return false;
    if (top->has_limits)
        apply_limits(allocator, top, items, additional, count, draft);
    if (allocator->round.has_required)
        apply_headroom(allocator, items, additional, count, draft);
    for (size_t i = 0; i < draft->items.count; i++) {
        struct resource item = items[i];

        if (i < count) {
            item.scalar = guaranteed[i] + additional[i];
            amounts_add(&draft->additional, dimension_of(allocator, &item), additional[i]);
            if (item.scalar == 0)
                continue;
        }
        items[kept++] = item;
    }
    draft->is_all &= !draft->is_shrunk;
    draft->items.count = (uint32_t)kept;
    return true;
}

/* Take @amounts off, never below zero. */
static void reduce(struct amounts *from, const struct amounts *amounts) {
    for (size_t i = 0; i < amounts_count(amounts); i++)
        if (amounts_get(amounts, i) != 0)
            amounts_set(from, i, at_least_zero(amounts_get(from, i) - amounts_get(amounts, i)));
}

static bool is_positive(const struct amounts *amounts) {
    for (size_t i = 0; i < amounts_count(amounts); i++)
        if (amounts_get(amounts, i) > 0)
            return true;
    return false;
}

/* Bring what the round has left for others up to date. */
static void charge_quota(struct allocator *allocator, const struct draft *draft) {
    struct round *round = &allocator->round;

    reduce(&round->required, &draft->guaranteed);
    reduce(&round->headroom, &draft->guaranteed);
    reduce(&round->headroom, &draft->additional);
    round->has_required = is_positive(&round->required);
}

/* Making the offer */

/* Take the draft out of what is available. */
static void take(struct allocator *allocator, struct agent *agent, const struct draft *draft,
                 struct resources *ret_taken) {
    allocator_revocable_track(allocator, agent, -1);
    if (draft->is_all) {
        resources_move(ret_taken, &agent->available);
        for (size_t i = 0; agent->has_shared && i < ret_taken->count; i++)
            if (ret_taken->items[i].kind->is_shared)
                resources_add_one(&agent->available, &ret_taken->items[i]);
    } else {
        resources_copy(ret_taken, &draft->items);
        for (size_t i = 0; i < ret_taken->count; i++)
            if (!ret_taken->items[i].kind->is_shared)
                resources_subtract_one(&agent->available, &ret_taken->items[i]);
    }
    allocator_revocable_track(allocator, agent, 1);
    allocator_agent_update_offerable(allocator, agent);
    agent->may_record = false;
}

static void remember_shared(struct allocator *allocator, struct agent *agent, const struct resources *taken) {
    if (agent->shared_round != allocator->round.number) {
        resources_clear(&agent->offered_shared);
        agent->shared_round = allocator->round.number;
    }
    for (size_t i = 0; i < taken->count; i++)
        if (taken->items[i].kind->is_shared)
            resources_add_one(&agent->offered_shared, &taken->items[i]);
}

static struct offer *get_offer(struct allocator *allocator, struct agent *agent, struct client *client) {
    struct offer *offer;

    list_for_each (&agent->round_offers, offer, in_agent)
        if (offer->client == client)
            return offer;
    offer = pool_take_zeroed(&allocator->offer_pool, struct offer);
    offer->framework = client->framework;
    offer->client = client;
    offer->agent = agent;
    list_append(&agent->round_offers, &offer->in_agent);
    list_append(&client->framework->offers, &offer->in_framework);
    if (!list_is_linked(&client->framework->with_offers))
        list_append(&allocator->round.frameworks, &client->framework->with_offers);
    offer->number = allocator->round.offer_count++;
    allocator->figures.offers++;
    return offer;
}

static void make_offer(struct allocator *allocator, struct agent *agent, struct client *client,
                       const struct draft *draft) {
    struct offer *offer = get_offer(allocator, agent, client);
    struct resources taken;

    take(allocator, agent, draft, &taken);
    if (agent->has_shared)
        remember_shared(allocator, agent, &taken);
    resources_allocate_to_name(&taken, client->role->name);
    allocator_usage_record(allocator, agent, client, &taken);
    if (resources_is_empty(&offer->resources)) {
        resources_move(&offer->resources, &taken);
    } else {
        resources_add(&offer->resources, &taken);
        resources_done(&taken);
    }
}

void allocator_offer_free(struct allocator *allocator, struct offer *offer) {
    list_remove(&offer->in_agent);
    list_remove(&offer->in_framework);
    resources_done(&offer->resources);
    pool_give(&allocator->offer_pool, offer);
}

/* Nothing of the whole basis can be offered to @client; remember it if that is what was looked at. */
static enum visit_result refuse(struct agent *agent, const struct client *client, const struct draft *draft) {
    if (agent->may_record && !draft->is_partial && !draft->is_shrunk)
        agent_block(agent, client->node.number);
    return OFFER_NOT_MADE;
}

bool allocator_quota_leaves_nothing(struct allocator *allocator, struct agent *agent, const struct role *role) {
    const struct role *top = role->top;
    const struct round *round = &allocator->round;
    uint64_t left;

    if (round->stage == 1 || role->has_special_clients || !(top->has_limits || round->has_required))
        return false;
    if (!agent->is_described)
        describe(agent);
    if (!agent->is_quota_described)
        describe_quota(allocator, agent);
    left = agent->quota_dimensions;
    if (!agent->is_chiefly_quota || left == 0 || left >> 63 != 0)
        return false;
    for (uint64_t bits = left; bits != 0; bits &= bits - 1) {
        size_t i = (size_t)__builtin_ctzll(bits);

        if ((top->has_limits && role_limit(top, i) != NO_LIMIT &&
             role_limit(top, i) <= amounts_get(&top->consumed, i) + amounts_get(&top->reserved, i)) ||
            (round->has_required && amounts_get(&round->headroom, i) <= amounts_get(&round->required, i)))
            left &= ~(UINT64_C(1) << i);
    }
    if (left != 0)
        return false;
    agent->is_held_back = true;
    return true;
}

/* Reduce the draft to what quota and the framework's wishes leave, and offer that. */
static enum visit_result finish_draft(struct allocator *allocator, struct agent *agent, struct client *client,
                                      struct draft *draft) {
    const struct role *top = client->role->top;

    if ((allocator->guaranteed_roles > 0 || top->has_limits) && !apply_quota(allocator, top, draft))
        return OFFER_NOT_MADE;
    agent->is_held_back |= draft->is_shrunk;
    if (!is_worth_offering(allocator, client, &draft->items) || is_refused(allocator, client, agent, &draft->items))
        return refuse(agent, client, draft);
    make_offer(allocator, agent, client, draft);
    if (allocator->guaranteed_roles > 0)
        charge_quota(allocator, draft);
    return OFFER_MADE;
}

enum visit_result allocator_offer_try(struct allocator *allocator, struct agent *agent, struct client *client) {
    struct draft draft = {.is_all = true};
    enum visit_result result;

    if (!agent->is_described)
        describe(agent);
    if (client->constraints != NULL && allocator_client_excludes(allocator, client, agent))
        return refuse(agent, client, &draft);
    draft_for_role(allocator, agent, client->role, &draft);
    if (draft.items.count == 0)
        return NOTHING_FOR_ROLE;
    if (!is_worth_offering(allocator, client, &draft.items) || !can_receive_agent(allocator, client, agent))
        return refuse(agent, client, &draft);
    strip(allocator, agent, client->framework, &draft);
    result = finish_draft(allocator, agent, client, &draft);
    amounts_done(&draft.guaranteed);
    amounts_done(&draft.additional);
    return result;
}
