/* SPDX-License-Identifier: Apache-2.0 */
/* What must hold after every step, worked out from the history alone, without the reference: no agent gives more than
 * it has; a round offers no role more than its limits, and nobody what unmet guarantees need; each request about quota,
 * weights, maintenance and reservations has been applied as a whole or not at all. */
#include "history.h"

static bool is_checked(const struct history *h, enum sabotage sabotage) {
    return h->sabotage == NOTHING || h->sabotage == sabotage;
}

/* What is used of agent @index, by frameworks that have been added or by all; without roles. */
static struct resources sum_pieces(const struct history *h, int index, bool with_unknown) {
    struct resources used = RESOURCES_INIT;

    for (size_t i = 0; i < h->piece_count; i++) {
        struct resources part;

        if (h->pieces[i].agent != index || !(with_unknown || h->has_framework[h->pieces[i].framework]))
            continue;
        resources_copy(&part, &h->pieces[i].resources);
        resources_unallocate(&part);
        resources_add(&used, &part);
        resources_done(&part);
    }
    return used;
}

static struct resources used_of(const struct history *h, int index) {
    cleanup_resources struct resources all = sum_pieces(h, index, true);
    struct resources used;

    resources_not_shared(&all, &used);
    return used;
}

/* Agents */

static void check_agent(struct history *h, int index) {
    const struct agent *agent = table_find(&h->allocator->agents, agent_ids[index]);
    cleanup_resources struct resources used = used_of(h, index), available = RESOURCES_INIT;
    bool is_enough = resources_contain(&h->totals[index], &used);

    if (!is_enough && !h->is_cut[index] && is_checked(h, AGENT_TOTALS))
        history_fail(h, "agent %s has %s, but %s is used", agent_ids[index], resources_text(&h->totals[index]),
                     resources_text(&used));
    if (h->allocator->round.is_running)
        return; /* there may be offers that have not been delivered */
    if (is_enough)
        h->is_cut[index] = false;
    if (!is_checked(h, HALF_RESERVE))
        return;
    if (!resources_equal(&agent->total, &h->totals[index]))
        history_fail(h, "agent %s has %s, but the allocator knows of %s", agent_ids[index],
                     resources_text(&h->totals[index]), resources_text(&agent->total));
    resources_assign(&available, &h->totals[index]);
    resources_subtract(&available, &used);
    if (is_enough && !resources_equal(&available, &agent->available))
        history_fail(h, "%s of agent %s is available, but %s as the allocator has it", resources_text(&available),
                     agent_ids[index], resources_text(&agent->available));
    if (h->has_maintenance[index] != (agent->maintenance != NULL))
        history_fail(h, "the maintenance of agent %s", agent_ids[index]);
}

/* Quota and weights, as they were set */

static int64_t amount_of(const struct quantities *quantities, const char *name, int64_t otherwise) {
    const int64_t *amount = quantities_find(quantities, name);

    return amount == NULL ? otherwise : *amount;
}

static void check_quota(struct history *h, size_t index) {
    static const struct role none = {.weight = 1};
    const struct role *role = allocator_role_find(h->allocator, quota_roles[index]);

    if (role == NULL)
        role = &none;
    for (size_t i = 0; i < h->allocator->dimension_count; i++) {
        const char *name = h->allocator->dimension_names[i];

        if (amounts_get(&role->guarantees, i) != amount_of(&h->quotas[index].guarantees, name, 0) ||
            role_limit(role, i) != amount_of(&h->quotas[index].limits, name, NO_LIMIT))
            history_fail(h, "the quota of %s has not been set as a whole", quota_roles[index]);
    }
}

static void check_weight(struct history *h, size_t index) {
    const struct role *role = allocator_role_find(h->allocator, all_roles[index]);

    if ((role == NULL ? 1 : role->weight) != h->weights[index])
        history_fail(h, "the weight of %s", all_roles[index]);
}

/* What rounds have offered */

static bool counts_against_quota(const struct resource *resource) {
    return resource->kind->type == RESOURCE_SCALAR && !resource_is_reserved(resource) && !resource->kind->is_revocable;
}

void invariants_note_offer(struct history *h, const char *role, const struct resources *resources) {
    struct quantities *sum = &h->offered_to_others;

    for (size_t i = 0; i < QUOTA_ROLES; i++)
        if (role_is_in(role, quota_roles[i]))
            sum = &h->offered_to[i];
    for (size_t i = 0; i < resources->count; i++)
        if (counts_against_quota(&resources->items[i]))
            quantities_add(sum, resources->items[i].kind->name, resources->items[i].scalar);
}

void invariants_forget_round(struct history *h) {
    for (size_t i = 0; i < QUOTA_ROLES; i++) {
        quantities_done(&h->offered_to[i]);
        h->offered_to[i] = QUANTITIES_INIT;
    }
    quantities_done(&h->offered_to_others);
    h->offered_to_others = QUANTITIES_INIT;
}

/* What counts against the quota of @role and everything below it. */
static int64_t consumed_by(const struct history *h, const char *role, const char *name) {
    int64_t sum = 0;

    for (size_t i = 0; i < h->piece_count; i++) {
        const struct piece *piece = &h->pieces[i];

        for (size_t j = 0; j < piece->resources.count && h->has_framework[piece->framework]; j++)
            if (counts_against_quota(&piece->resources.items[j]) && piece->resources.items[j].kind->name == name &&
                role_is_in(piece->resources.items[j].allocation_role, role))
                sum += piece->resources.items[j].scalar;
    }
    for (int i = 0; i < AGENTS; i++)
        for (size_t j = 0; h->has_agent[i] && j < h->totals[i].count; j++) {
            const struct resource *resource = &h->totals[i].items[j];

            if (resource->kind->type == RESOURCE_SCALAR && resource->kind->name == name &&
                resource_is_reserved(resource) && role_is_in(resource->kind->reservation_role, role))
                sum += resource->scalar;
        }
    return sum;
}

/* The allocator's own sum of the same is right. */
static void check_consumed(struct history *h, size_t index) {
    const struct role *role = allocator_role_find(h->allocator, quota_roles[index]);

    for (size_t i = 0; i < h->allocator->dimension_count; i++) {
        int64_t sum = role == NULL ? 0 : amounts_get(&role->consumed, i) + amounts_get(&role->reserved, i);

        if (sum != consumed_by(h, quota_roles[index], h->allocator->dimension_names[i]))
            history_fail(h, "%s consumes another amount of %s", quota_roles[index], h->allocator->dimension_names[i]);
    }
}

void invariants_check(struct history *h) {
    for (int i = 0; i < AGENTS; i++)
        if (h->has_agent[i])
            check_agent(h, i);
    for (size_t i = 0; i < QUOTA_ROLES && is_checked(h, HALF_QUOTA); i++)
        check_quota(h, i);
    for (size_t i = 0; i < ROLES && h->sabotage == NOTHING; i++)
        check_weight(h, i);
    /* While a round is under way, there may be offers that have not been delivered. */
    for (size_t i = 0; i < QUOTA_ROLES && h->sabotage == NOTHING && !h->allocator->round.is_running; i++)
        check_consumed(h, i);
}

static int64_t at_least_zero(int64_t amount) {
    return amount < 0 ? 0 : amount;
}

/* Sums of scalars called @name. */
struct sums {
    int64_t all, reserved, revocable;
};

static struct sums sum_up(const struct resources *resources, const char *name) {
    struct sums sums = {0};

    for (size_t i = 0; i < resources->count; i++) {
        const struct resource *resource = &resources->items[i];

        if (resource->kind->type != RESOURCE_SCALAR || resource->kind->name != name)
            continue;
        sums.all += resource->scalar;
        sums.reserved += resource_is_reserved(resource) ? resource->scalar : 0;
        sums.revocable += resource->kind->is_revocable ? resource->scalar : 0;
    }
    return sums;
}

/* What is free for guarantees: neither allocated nor reserved nor revocable. */
static int64_t headroom_of(const struct history *h, const char *name) {
    int64_t free_amount = 0, idle = 0, revocable = 0;

    for (int i = 0; i < AGENTS; i++) {
        cleanup_resources struct resources used = RESOURCES_INIT, taken = RESOURCES_INIT, left = RESOURCES_INIT;
        struct sums total, part;

        if (!h->has_agent[i])
            continue;
        used = sum_pieces(h, i, false);
        taken = used_of(h, i);
        resources_assign(&left, &h->totals[i]);
        resources_subtract(&left, &taken);
        total = sum_up(&h->totals[i], name);
        part = sum_up(&used, name);
        free_amount += total.all - part.all;
        idle += total.reserved - part.reserved;
        revocable += sum_up(&left, name).revocable;
    }
    return at_least_zero(at_least_zero(at_least_zero(free_amount) - at_least_zero(idle)) - revocable);
}

static void check_limit(struct history *h, size_t role, const char *name) {
    int64_t limit = amount_of(&h->quotas[role].limits, name, NO_LIMIT);
    int64_t guarantee = amount_of(&h->quotas[role].guarantees, name, 0);
    int64_t consumed = consumed_by(h, quota_roles[role], name);

    if (limit == NO_LIMIT || amount_of(&h->offered_to[role], name, 0) == 0)
        return;
    /* The master refuses limits below the guarantees; the histories do not. */
    if (consumed > limit && consumed > guarantee)
        history_fail(h, "%s has been offered %s up to %jd, over its limit of %jd", quota_roles[role], name,
                     (intmax_t)consumed, (intmax_t)limit);
}

static void check_headroom(struct history *h, const char *name) {
    bool has_cut = amount_of(&h->offered_to_others, name, 0) > 0;
    int64_t required = 0;

    for (size_t i = 0; i < QUOTA_ROLES; i++) {
        int64_t guarantee = amount_of(&h->quotas[i].guarantees, name, 0);
        int64_t consumed = consumed_by(h, quota_roles[i], name);

        required += at_least_zero(guarantee - consumed);
        has_cut |= consumed > guarantee && amount_of(&h->offered_to[i], name, 0) > 0;
    }
    if (has_cut && required > headroom_of(h, name))
        history_fail(h, "guarantees still need %jd of %s, but the round has left only %jd", (intmax_t)required, name,
                     (intmax_t)headroom_of(h, name));
}

void invariants_check_round(struct history *h) {
    for (size_t i = 0; i < h->allocator->dimension_count; i++) {
        const char *name = h->allocator->dimension_names[i];

        for (size_t j = 0; j < QUOTA_ROLES && is_checked(h, QUOTA_LIMITS); j++)
            check_limit(h, j, name);
        if (is_checked(h, QUOTA_HEADROOM))
            check_headroom(h, name);
    }
}
