/* SPDX-License-Identifier: Apache-2.0 */
/* Steps of a history that are about frameworks. */
#include "history.h"

static void add_offer_filters(struct history *h, Mesos__V1__FrameworkInfo *info, struct arena *arena) {
    Mesos__V1__FrameworkInfo__OfferFiltersEntry *entry = arena_alloc(arena, sizeof(*entry));
    Mesos__V1__OfferFilters *filters = arena_alloc(arena, sizeof(*filters));
    Mesos__V1__OfferFilters__MinAllocatableResources *min = arena_alloc(arena, sizeof(*min));
    Mesos__V1__OfferFilters__ResourceQuantities *quantities = arena_alloc(arena, sizeof(*quantities));
    Mesos__V1__OfferFilters__ResourceQuantities__QuantitiesEntry *quantity = arena_alloc(arena, sizeof(*quantity));
    Mesos__V1__Value__Scalar *scalar = arena_alloc(arena, sizeof(*scalar));

    mesos__v1__framework_info__offer_filters_entry__init(entry);
    mesos__v1__offer_filters__init(filters);
    mesos__v1__offer_filters__min_allocatable_resources__init(min);
    mesos__v1__offer_filters__resource_quantities__init(quantities);
    mesos__v1__offer_filters__resource_quantities__quantities_entry__init(quantity);
    mesos__v1__value__scalar__init(scalar);
    info->n_offer_filters = 1;
    info->offer_filters = arena_memdup(arena, &entry, sizeof(void *));
    entry->key = (char *)all_roles[history_draw(h, ARRAY_SIZE(all_roles))];
    entry->value = filters;
    filters->min_allocatable_resources = min;
    if (history_chance(h, 80)) {
        min->n_quantities = 1;
        min->quantities = arena_memdup(arena, &quantities, sizeof(void *));
        quantities->n_quantities = 1;
        quantities->quantities = arena_memdup(arena, &quantity, sizeof(void *));
        quantity->key = (char *)"cpus";
        quantity->value = scalar;
        scalar->value = (double)history_draw(h, 6);
    }
}

/* Make up a framework's info; @suppressed has room for all roles. */
static void make_framework(struct history *h, int index, struct test_framework *framework, struct arena *arena,
                           const char **suppressed) {
    static const int capabilities[] = {
        MESOS__V1__FRAMEWORK_INFO__CAPABILITY__TYPE__REVOCABLE_RESOURCES,
        MESOS__V1__FRAMEWORK_INFO__CAPABILITY__TYPE__GPU_RESOURCES,
        MESOS__V1__FRAMEWORK_INFO__CAPABILITY__TYPE__SHARED_RESOURCES,
        MESOS__V1__FRAMEWORK_INFO__CAPABILITY__TYPE__RESERVATION_REFINEMENT,
        MESOS__V1__FRAMEWORK_INFO__CAPABILITY__TYPE__REGION_AWARE,
    };
    const char *roles[ARRAY_SIZE(all_roles) + 1];
    int chosen[ARRAY_SIZE(capabilities) + 2];
    size_t count = 0, capability_count = 0;

    for (size_t i = 0; i < ARRAY_SIZE(all_roles); i++)
        if (history_chance(h, 25))
            roles[count++] = all_roles[i];
    if (count == 0)
        roles[count++] = all_roles[history_draw(h, ARRAY_SIZE(all_roles))];
    roles[count] = NULL;
    chosen[capability_count++] = MESOS__V1__FRAMEWORK_INFO__CAPABILITY__TYPE__MULTI_ROLE;
    for (size_t i = 0; i < ARRAY_SIZE(capabilities); i++)
        if (history_chance(h, 60))
            chosen[capability_count++] = capabilities[i];
    chosen[capability_count] = 0;
    test_framework_init(framework, framework_ids[index], roles, chosen);
    if (history_chance(h, 20))
        add_offer_filters(h, &framework->info, arena);
    framework->from.suppressed_roles = suppressed;
    for (size_t i = 0; i < count; i++)
        if (history_chance(h, 15))
            suppressed[framework->from.suppressed_count++] = roles[i];
}

void history_add_or_update_framework(struct history *h) {
    const char *suppressed[ARRAY_SIZE(all_roles)];
    int index = (int)history_draw(h, FRAMEWORKS);
    const Mesos__V1__Scheduler__OfferConstraints *constraints = NULL;
    struct allocator_used used[AGENTS];
    struct test_framework framework;
    struct arena arena = ARENA_INIT;
    size_t used_count = 0;

    make_framework(h, index, &framework, &arena, suppressed);
    if (history_chance(h, 20))
        constraints = history_make_constraints(h, &arena);
    if (offer_constraints_new(constraints, &offer_constraints_default_limits, &framework.from.constraints, NULL) < 0)
        history_fail(h, "constraints are refused");
    for (int i = 0; i < AGENTS; i++)
        used[used_count++] = (struct allocator_used){agent_ids[i], NULL};
    if (h->has_framework[index]) {
        h->step = "update framework";
        allocator_update_framework(h->allocator, &framework.from);
        ALSO(h, reference_update_framework(h->reference, &framework.from, constraints));
    } else {
        h->step = "add framework";
        h->has_framework[index] = true;
        h->is_active[index] = history_chance(h, 90);
        allocator_add_framework(h->allocator, &framework.from, used, used_count, h->is_active[index]);
        ALSO(h, reference_add_framework(h->reference, &framework.from, h->is_active[index], constraints));
    }
    arena_done(&arena);
}

int history_pick_framework(struct history *h) {
    int index = (int)history_draw(h, FRAMEWORKS);

    return h->has_framework[index] ? index : -1;
}

void history_remove_framework(struct history *h) {
    int index = history_pick_framework(h);

    if (index < 0 || history_chance(h, 50))
        return;
    h->step = "remove framework";
    h->has_framework[index] = false;
    allocator_remove_framework(h->allocator, framework_ids[index]);
    ALSO(h, reference_remove_framework(h->reference, framework_ids[index]));
    history_drop_pieces(h, index, -1);
}

void history_toggle_framework(struct history *h) {
    int index = history_pick_framework(h);

    if (index < 0)
        return;
    h->step = "toggle framework";
    h->is_active[index] = !h->is_active[index];
    if (h->is_active[index])
        allocator_activate_framework(h->allocator, framework_ids[index]);
    else
        allocator_deactivate_framework(h->allocator, framework_ids[index]);
    ALSO(h, reference_activate_framework(h->reference, framework_ids[index], h->is_active[index]));
}

void history_suppress_or_revive(struct history *h) {
    int index = history_pick_framework(h);
    const char *roles[ARRAY_SIZE(all_roles)];
    size_t count = 0;

    if (index < 0)
        return;
    for (size_t i = 0; i < ARRAY_SIZE(all_roles); i++)
        if (history_chance(h, 20))
            roles[count++] = all_roles[i];
    if (history_chance(h, 40)) {
        h->step = "suppress";
        allocator_suppress(h->allocator, framework_ids[index], roles, count);
        ALSO(h, reference_suppress(h->reference, framework_ids[index], roles, count));
    } else {
        h->step = "revive";
        allocator_revive(h->allocator, framework_ids[index], roles, count);
        ALSO(h, reference_revive(h->reference, framework_ids[index], roles, count));
    }
}
