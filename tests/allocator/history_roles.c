/* SPDX-License-Identifier: Apache-2.0 */
/* Steps of a history that are about roles, and pauses. */
#include "history.h"

static void make_quota(struct history *h, struct quantities *ret_guarantees, struct quantities *ret_limits) {
    static const char *const guarantees[] = {"", "cpus:5;mem:200", "cpus:10", "disk:120;cpus:2"};
    static const char *const limits[] = {"", "cpus:8;mem:300", "mem:128", "cpus:4;disk:200", "cpus:20;mem:20000"};

    quantities_parse(guarantees[history_draw(h, ARRAY_SIZE(guarantees))], ret_guarantees, NULL);
    limits_parse(limits[history_draw(h, ARRAY_SIZE(limits))], ret_limits, NULL);
}

static void note_quota(struct history *h, uint64_t role, const struct quantities *guarantees,
                       const struct quantities *limits) {
    quantities_done(&h->quotas[role].guarantees);
    quantities_done(&h->quotas[role].limits);
    quantities_copy(&h->quotas[role].guarantees, guarantees);
    quantities_copy(&h->quotas[role].limits, limits);
}

static void break_quota(struct history *h, const char *name) {
    struct role *role = allocator_role_find(h->allocator, name);

    if (role == NULL)
        return;
    if (h->sabotage == QUOTA_LIMITS) {
        h->allocator->limited_roles -= role->has_limits;
        role->has_limits = false;
    } else if (h->sabotage == QUOTA_HEADROOM) {
        h->allocator->guaranteed_roles -= role->has_guarantees;
        role->has_guarantees = false;
    }
}

void history_change_quota(struct history *h) {
    static const struct quantities none = QUANTITIES_INIT;
    uint64_t role = history_draw(h, QUOTA_ROLES);
    cleanup_quantities struct quantities guarantees = QUANTITIES_INIT, limits = QUANTITIES_INIT;

    h->step = "quota";
    make_quota(h, &guarantees, &limits);
    history_detail(h, "%s: %u guarantees, %u limits", quota_roles[role], guarantees.count, limits.count);
    allocator_update_quota(h->allocator, quota_roles[role], &guarantees, h->sabotage == HALF_QUOTA ? &none : &limits);
    ALSO(h, reference_update_quota(h->reference, quota_roles[role], &guarantees, &limits));
    break_quota(h, quota_roles[role]);
    note_quota(h, role, &guarantees, &limits);
}

void history_change_weight(struct history *h) {
    uint64_t role = history_draw(h, ROLES);
    double weight = (double)(1 + history_draw(h, 8)) / 2;

    h->step = "weight";
    h->weights[role] = weight;
    allocator_update_weight(h->allocator, all_roles[role], h->sabotage == ORDER_OF_OFFERS ? 1 : weight);
    ALSO(h, reference_update_weight(h->reference, all_roles[role], weight));
}

/* The master has failed over: it knows of quotas, and of agents that have not come back yet. */
void history_recover_from_failover(struct history *h) {
    struct allocator_quota quotas[QUOTA_ROLES];
    size_t count = history_draw(h, 3), expected_agents = history_draw(h, AGENTS + 1);

    for (size_t i = 0; i < count; i++) {
        quotas[i] = (struct allocator_quota){quota_roles[i], QUANTITIES_INIT, QUANTITIES_INIT};
        make_quota(h, &quotas[i].guarantees, &quotas[i].limits);
        note_quota(h, i, &quotas[i].guarantees, &quotas[i].limits);
    }
    allocator_recover(h->allocator, expected_agents, quotas, count);
    ALSO(h, reference_recover_from_failover(h->reference, expected_agents, quotas, count));
    for (size_t i = 0; i < count; i++) {
        quantities_done(&quotas[i].guarantees);
        quantities_done(&quotas[i].limits);
    }
}

void history_pause_or_resume(struct history *h) {
    h->step = "pause or resume";
    h->is_paused = !h->is_paused && history_chance(h, 30);
    if (h->is_paused)
        allocator_pause(h->allocator);
    else
        allocator_resume(h->allocator);
    ALSO(h, reference_pause(h->reference, h->is_paused));
}
