/* SPDX-License-Identifier: Apache-2.0 */
/* Random histories of a small cluster, played to the allocator and to the reference at once: the same offers must come
 * out, and what the allocator promises must hold after every step.
 *
 *     allocator_histories [count [first seed [steps]]]
 *
 * prints the seed of a history that fails; `allocator_histories 1 <seed>` repeats it and, with ALLOCATOR_TRACE set,
 * tells every step and offer. */
#include "reference.h"

#include <assert.h>

#include "model/role.h"

enum { FRAMEWORKS = 6, AGENTS = 7, PIECES = 512 };

static const char *const all_roles[] = {"*", "a", "b", "a/x", "a/y", "b/z/w", "c", "a/x/u"};
static const char *const agent_ids[AGENTS] = {"s0", "s1", "s2", "s3", "s4", "s5", "s6"};
static const char *const framework_ids[FRAMEWORKS] = {"f0", "f1", "f2", "f3", "f4", "f5"};

/* Something that a framework has: offered to it or in use. */
struct piece {
    int framework, agent;
    struct resources resources;
    bool is_allocated;
};

struct history {
    uint64_t random;
    struct test_env env;
    struct allocator_options options;
    struct allocator *allocator;
    struct reference *reference;
    int64_t next_interval_ns;
    bool has_framework[FRAMEWORKS], is_active[FRAMEWORKS], has_agent[AGENTS], has_maintenance[AGENTS], is_paused;
    bool is_cut[AGENTS]; /* its total has been reduced below what is used */
    bool can_yield;      /* calls may come between the slices of a round */
    struct resources totals[AGENTS];
    struct piece pieces[PIECES];
    size_t piece_count;
    struct reference_offer offers[PIECES];
    size_t offer_count;
    char *inverse[PIECES];
    size_t inverse_count;
    const char *step;
    char *detail;
    bool is_traced;
    uint64_t seed;
    size_t offers_seen;
};

/* Do the same to the reference. Where calls come between the slices of a round it has nothing to say. */
#define ALSO(h, call) \
    do { \
        if (!(h)->can_yield) \
            call; \
    } while (0)

static uint64_t draw(struct history *h, uint64_t below) {
    h->random = h->random * 6364136223846793005u + 1442695040888963407u;
    return (h->random >> 33) % below;
}

static bool chance(struct history *h, uint64_t percent) {
    return draw(h, 100) < percent;
}

__attribute__((noreturn, format(printf, 2, 3))) static void fail(struct history *h, const char *format, ...) {
    va_list arguments;

    va_start(arguments, format);
    fprintf(stderr, "seed %ju, %s: ", (uintmax_t)h->seed, h->step);
    vfprintf(stderr, format, arguments);
    fprintf(stderr, "\n");
    va_end(arguments);
    exit(1);
}

/* What comes from the allocator */

static int index_of(const char *const *ids, const char *id) {
    for (int i = 0;; i++)
        if (strcmp(ids[i], id) == 0)
            return i;
}

static void on_offers(void *user, const char *framework_id, const struct allocator_offer *offers, size_t count) {
    struct history *h = user;

    for (size_t i = 0; i < count; i++) {
        struct piece *piece = &h->pieces[h->piece_count++];
        struct reference_offer *offer = &h->offers[h->offer_count++];

        assert(h->piece_count < PIECES && h->offer_count < PIECES);
        *piece = (struct piece){index_of(framework_ids, framework_id), index_of(agent_ids, offers[i].agent_id),
                                RESOURCES_INIT, false};
        resources_assign(&piece->resources, offers[i].resources);
        *offer = (struct reference_offer){xstrdup(framework_id), xstrdup(offers[i].role), xstrdup(offers[i].agent_id),
                                          RESOURCES_INIT};
        resources_assign(&offer->resources, offers[i].resources);
        h->offers_seen++;
    }
}

static void on_inverse_offers(void *user, const char *framework_id, const struct allocator_inverse_offer *offers,
                              size_t count) {
    struct history *h = user;

    for (size_t i = 0; i < count; i++)
        h->inverse[h->inverse_count++] = xasprintf("%s %s", framework_id, offers[i].agent_id);
}

static const struct allocator_callbacks callbacks = {on_offers, on_inverse_offers};

static void forget_offers(struct history *h) {
    for (size_t i = 0; i < h->offer_count; i++) {
        free(h->offers[i].framework);
        free(h->offers[i].role);
        free(h->offers[i].agent);
        resources_done(&h->offers[i].resources);
    }
    h->offer_count = 0;
    for (size_t i = 0; i < h->inverse_count; i++)
        free(h->inverse[i]);
    h->inverse_count = 0;
    ALSO(h, reference_forget_offers(h->reference));
}

static int compare_offers(const void *a, const void *b) {
    const struct reference_offer *left = a, *right = b;
    int order = strcmp(left->framework, right->framework);

    if (order == 0)
        order = strcmp(left->role, right->role);
    return order != 0 ? order : strcmp(left->agent, right->agent);
}

static int compare_strings(const void *a, const void *b) {
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static char *offers_text(const struct reference_offer *offers, size_t count) {
    struct buffer buffer = BUFFER_INIT;

    for (size_t i = 0; i < count; i++) {
        buffer_printf(&buffer, "\n    %s of %s gets of %s: ", offers[i].role, offers[i].framework, offers[i].agent);
        resources_format(&offers[i].resources, &buffer);
    }
    return buffer_take(&buffer, NULL);
}

static void compare(struct history *h) {
    size_t count, inverse_count;
    struct reference_offer *offers = reference_offers(h->reference, &count);
    char **inverse = reference_inverse_offers(h->reference, &inverse_count);
    bool are_equal = count == h->offer_count;

    qsort(h->offers, h->offer_count, sizeof(h->offers[0]), compare_offers);
    qsort(offers, count, sizeof(offers[0]), compare_offers);
    for (size_t i = 0; i < count && are_equal; i++)
        are_equal = compare_offers(&h->offers[i], &offers[i]) == 0 &&
                    resources_equal(&h->offers[i].resources, &offers[i].resources);
    if (!are_equal)
        fail(h, "offered%s\n  but the reference%s", offers_text(h->offers, h->offer_count), offers_text(offers, count));
    qsort(h->inverse, h->inverse_count, sizeof(h->inverse[0]), compare_strings);
    qsort(inverse, inverse_count, sizeof(inverse[0]), compare_strings);
    are_equal = inverse_count == h->inverse_count;
    for (size_t i = 0; i < inverse_count && are_equal; i++)
        are_equal = strcmp(inverse[i], h->inverse[i]) == 0;
    if (!are_equal)
        fail(h, "%zu inverse offers, but %zu by the reference", h->inverse_count, inverse_count);
}

static void trace(struct history *h) {
    cleanup_free char *text = NULL;

    if (!h->is_traced)
        return;
    text = offers_text(h->offers, h->offer_count);
    fprintf(stderr, "%.3f %s %s%s\n", (double)h->env.now_ns / 1e9, h->step, h->detail == NULL ? "" : h->detail, text);
    free(h->detail);
    h->detail = NULL;
}

/* What the step is about, for the trace. */
__attribute__((format(printf, 2, 3))) static void detail(struct history *h, const char *format, ...) {
    va_list arguments;

    if (!h->is_traced)
        return;
    va_start(arguments, format);
    free(h->detail);
    h->detail = xvasprintf(format, arguments);
    va_end(arguments);
}

/* No agent has given more than it has. */
static void check_agents(struct history *h) {
    for (int i = 0; i < AGENTS; i++) {
        cleanup_resources struct resources used = RESOURCES_INIT, total = RESOURCES_INIT;

        if (!h->has_agent[i] || h->is_cut[i])
            continue;
        for (size_t j = 0; j < h->piece_count; j++) {
            struct resources part;

            if (h->pieces[j].agent != i)
                continue;
            resources_not_shared(&h->pieces[j].resources, &part);
            resources_unallocate(&part);
            resources_add(&used, &part);
            resources_done(&part);
        }
        resources_not_shared(&h->totals[i], &total);
        if (!resources_contain(&total, &used))
            fail(h, "agent %s has %s, but %s is used", agent_ids[i], resources_text(&total), resources_text(&used));
    }
}

static void settle(struct history *h) {
    if (h->can_yield) {
        if (chance(h, 50))
            test_env_settle(&h->env);
        else
            test_env_step(&h->env, h->env.now_ns);
    } else {
        test_env_settle(&h->env);
        ALSO(h, reference_settle(h->reference));
        compare(h);
    }
    check_agents(h);
    trace(h);
    forget_offers(h);
}

static void advance(struct history *h) {
    int64_t until = h->env.now_ns + (int64_t)draw(h, 2500) * MILLISECOND;

    while (h->next_interval_ns <= until) {
        /* What expires before the interval is gone at the interval. */
        test_env_run_until(&h->env, h->next_interval_ns - 1);
        ALSO(h, reference_set_time(h->reference, h->next_interval_ns - 1));
        ALSO(h, reference_expire(h->reference));
        test_env_run_until(&h->env, h->next_interval_ns);
        ALSO(h, reference_set_time(h->reference, h->next_interval_ns));
        ALSO(h, reference_interval(h->reference));
        if (!h->can_yield)
            compare(h);
        check_agents(h);
        trace(h);
        forget_offers(h);
        h->next_interval_ns += h->options.allocation_interval_ns;
    }
    test_env_run_until(&h->env, until);
    ALSO(h, reference_set_time(h->reference, until));
    ALSO(h, reference_expire(h->reference));
}

/* Frameworks */

static const Mesos__V1__Scheduler__OfferConstraints *make_constraints(struct history *h, struct arena *arena) {
    Mesos__V1__Scheduler__OfferConstraints *constraints = arena_alloc(arena, sizeof(*constraints));
    Mesos__V1__Scheduler__OfferConstraints__RoleConstraintsEntry *entry = arena_alloc(arena, sizeof(*entry));
    Mesos__V1__Scheduler__OfferConstraints__RoleConstraints *value = arena_alloc(arena, sizeof(*value));
    Mesos__V1__Scheduler__OfferConstraints__RoleConstraints__Group *group = arena_alloc(arena, sizeof(*group));
    Mesos__V1__Scheduler__AttributeConstraint *constraint = arena_alloc(arena, sizeof(*constraint));
    Mesos__V1__Scheduler__AttributeConstraint__Selector *selector = arena_alloc(arena, sizeof(*selector));
    Mesos__V1__Scheduler__AttributeConstraint__Predicate *predicate = arena_alloc(arena, sizeof(*predicate));
    Mesos__V1__Scheduler__AttributeConstraint__Predicate__TextEquals *equals = arena_alloc(arena, sizeof(*equals));
    Mesos__V1__Scheduler__AttributeConstraint__Predicate__TextNotEquals *differs = arena_alloc(arena, sizeof(*differs));

    mesos__v1__scheduler__offer_constraints__init(constraints);
    mesos__v1__scheduler__offer_constraints__role_constraints_entry__init(entry);
    mesos__v1__scheduler__offer_constraints__role_constraints__init(value);
    mesos__v1__scheduler__offer_constraints__role_constraints__group__init(group);
    mesos__v1__scheduler__attribute_constraint__init(constraint);
    mesos__v1__scheduler__attribute_constraint__selector__init(selector);
    mesos__v1__scheduler__attribute_constraint__predicate__init(predicate);
    mesos__v1__scheduler__attribute_constraint__predicate__text_equals__init(equals);
    mesos__v1__scheduler__attribute_constraint__predicate__text_not_equals__init(differs);
    constraints->n_role_constraints = 1;
    constraints->role_constraints = arena_memdup(arena, &entry, sizeof(void *));
    entry->key = (char *)all_roles[draw(h, ARRAY_SIZE(all_roles))];
    entry->value = value;
    value->n_groups = 1;
    value->groups = arena_memdup(arena, &group, sizeof(void *));
    group->n_attribute_constraints = 1;
    group->attribute_constraints = arena_memdup(arena, &constraint, sizeof(void *));
    constraint->selector = selector;
    constraint->predicate = predicate;
    selector->selector_case = MESOS__V1__SCHEDULER__ATTRIBUTE_CONSTRAINT__SELECTOR__SELECTOR_ATTRIBUTE_NAME;
    selector->attribute_name = (char *)"rack";
    equals->value = differs->value = (char *)(chance(h, 50) ? "r1" : "r2");
    if (chance(h, 50)) {
        predicate->predicate_case = MESOS__V1__SCHEDULER__ATTRIBUTE_CONSTRAINT__PREDICATE__PREDICATE_TEXT_EQUALS;
        predicate->text_equals = equals;
    } else {
        predicate->predicate_case = MESOS__V1__SCHEDULER__ATTRIBUTE_CONSTRAINT__PREDICATE__PREDICATE_TEXT_NOT_EQUALS;
        predicate->text_not_equals = differs;
    }
    return constraints;
}

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
    entry->key = (char *)all_roles[draw(h, ARRAY_SIZE(all_roles))];
    entry->value = filters;
    filters->min_allocatable_resources = min;
    if (chance(h, 80)) {
        min->n_quantities = 1;
        min->quantities = arena_memdup(arena, &quantities, sizeof(void *));
        quantities->n_quantities = 1;
        quantities->quantities = arena_memdup(arena, &quantity, sizeof(void *));
        quantity->key = (char *)"cpus";
        quantity->value = scalar;
        scalar->value = (double)draw(h, 6);
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
        if (chance(h, 25))
            roles[count++] = all_roles[i];
    if (count == 0)
        roles[count++] = all_roles[draw(h, ARRAY_SIZE(all_roles))];
    roles[count] = NULL;
    chosen[capability_count++] = MESOS__V1__FRAMEWORK_INFO__CAPABILITY__TYPE__MULTI_ROLE;
    for (size_t i = 0; i < ARRAY_SIZE(capabilities); i++)
        if (chance(h, 60))
            chosen[capability_count++] = capabilities[i];
    chosen[capability_count] = 0;
    test_framework_init(framework, framework_ids[index], roles, chosen);
    if (chance(h, 20))
        add_offer_filters(h, &framework->info, arena);
    framework->from.suppressed_roles = suppressed;
    for (size_t i = 0; i < count; i++)
        if (chance(h, 15))
            suppressed[framework->from.suppressed_count++] = roles[i];
}

static void add_or_update_framework(struct history *h) {
    const char *suppressed[ARRAY_SIZE(all_roles)];
    int index = (int)draw(h, FRAMEWORKS);
    const Mesos__V1__Scheduler__OfferConstraints *constraints = NULL;
    struct allocator_used used[AGENTS];
    struct test_framework framework;
    struct arena arena = ARENA_INIT;
    size_t used_count = 0;

    make_framework(h, index, &framework, &arena, suppressed);
    if (chance(h, 20))
        constraints = make_constraints(h, &arena);
    if (offer_constraints_new(constraints, &offer_constraints_default_limits, &framework.from.constraints, NULL) < 0)
        fail(h, "constraints are refused");
    for (int i = 0; i < AGENTS; i++)
        used[used_count++] = (struct allocator_used){agent_ids[i], NULL};
    if (h->has_framework[index]) {
        h->step = "update framework";
        allocator_update_framework(h->allocator, &framework.from);
        ALSO(h, reference_update_framework(h->reference, &framework.from, constraints));
    } else {
        h->step = "add framework";
        h->has_framework[index] = true;
        h->is_active[index] = chance(h, 90);
        allocator_add_framework(h->allocator, &framework.from, used, used_count, h->is_active[index]);
        ALSO(h, reference_add_framework(h->reference, &framework.from, h->is_active[index], constraints));
    }
    arena_done(&arena);
}

static void drop_pieces(struct history *h, int framework, int agent) {
    for (size_t i = 0; i < h->piece_count; i++)
        if (h->pieces[i].framework == framework || h->pieces[i].agent == agent) {
            resources_done(&h->pieces[i].resources);
            h->pieces[i--] = h->pieces[--h->piece_count];
        }
}

static int pick_framework(struct history *h) {
    int index = (int)draw(h, FRAMEWORKS);

    return h->has_framework[index] ? index : -1;
}

static void remove_framework(struct history *h) {
    int index = pick_framework(h);

    if (index < 0 || chance(h, 50))
        return;
    h->step = "remove framework";
    h->has_framework[index] = false;
    allocator_remove_framework(h->allocator, framework_ids[index]);
    ALSO(h, reference_remove_framework(h->reference, framework_ids[index]));
    drop_pieces(h, index, -1);
}

static void toggle_framework(struct history *h) {
    int index = pick_framework(h);

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

static void suppress_or_revive(struct history *h) {
    int index = pick_framework(h);
    const char *roles[ARRAY_SIZE(all_roles)];
    size_t count = 0;

    if (index < 0)
        return;
    for (size_t i = 0; i < ARRAY_SIZE(all_roles); i++)
        if (chance(h, 20))
            roles[count++] = all_roles[i];
    if (chance(h, 40)) {
        h->step = "suppress";
        allocator_suppress(h->allocator, framework_ids[index], roles, count);
        ALSO(h, reference_suppress(h->reference, framework_ids[index], roles, count));
    } else {
        h->step = "revive";
        allocator_revive(h->allocator, framework_ids[index], roles, count);
        ALSO(h, reference_revive(h->reference, framework_ids[index], roles, count));
    }
}

/* Agents */

static void add_disk(struct resources *to, enum disk_source source, const char *root, const char *volume,
                     bool is_shared, const char *role, double amount) {
    Mesos__V1__Resource message = MESOS__V1__RESOURCE__INIT, *messages[] = {&message};
    Mesos__V1__Value__Scalar scalar = MESOS__V1__VALUE__SCALAR__INIT;
    Mesos__V1__Resource__DiskInfo disk = MESOS__V1__RESOURCE__DISK_INFO__INIT;
    Mesos__V1__Resource__DiskInfo__Source from = MESOS__V1__RESOURCE__DISK_INFO__SOURCE__INIT;
    Mesos__V1__Resource__DiskInfo__Source__Mount mount = MESOS__V1__RESOURCE__DISK_INFO__SOURCE__MOUNT__INIT;
    Mesos__V1__Resource__DiskInfo__Source__Path path = MESOS__V1__RESOURCE__DISK_INFO__SOURCE__PATH__INIT;
    Mesos__V1__Resource__DiskInfo__Persistence persistence = MESOS__V1__RESOURCE__DISK_INFO__PERSISTENCE__INIT;
    Mesos__V1__Resource__SharedInfo shared = MESOS__V1__RESOURCE__SHARED_INFO__INIT;
    Mesos__V1__Resource__ReservationInfo reservation = MESOS__V1__RESOURCE__RESERVATION_INFO__INIT;
    Mesos__V1__Resource__ReservationInfo *reservations[] = {&reservation};
    struct resources part;
    struct error err = ERROR_INIT;

    message.name = (char *)"disk";
    message.scalar = &scalar;
    scalar.value = amount;
    message.disk = &disk;
    if (source != DISK_NONE) {
        disk.source = &from;
        from.type = (Mesos__V1__Resource__DiskInfo__Source__Type)source;
        mount.root = path.root = (char *)root;
        if (source == DISK_MOUNT)
            from.mount = &mount;
        else
            from.path = &path;
    }
    if (volume != NULL) {
        disk.persistence = &persistence;
        persistence.id = (char *)volume;
        message.shared = is_shared ? &shared : NULL;
    }
    if (role != NULL) {
        reservation.has_type = true;
        reservation.type = MESOS__V1__RESOURCE__RESERVATION_INFO__TYPE__DYNAMIC;
        reservation.role = (char *)role;
        message.reservations = reservations;
        message.n_reservations = 1;
    }
    if (resources_from_messages(messages, 1, &part, &err) < 0) {
        fprintf(stderr, "%s\n", error_message(&err));
        abort();
    }
    resources_add(to, &part);
    resources_done(&part);
}

static struct resources make_total(struct history *h) {
    cleanup_free char *text = xasprintf("cpus:%d;mem:%d;disk:%d;ports:[100-%d]", (int)draw(h, 9) + 1,
                                        ((int)draw(h, 8) + 1) * 64, (int)draw(h, 3) * 100, 100 + (int)draw(h, 20));
    struct resources total = test_resources(text), more;

    if (chance(h, 30)) {
        more = test_resources(chance(h, 50) ? "cpus(a):2;mem(a):64" : "cpus(b):1;cpus(a/x):2;ports(a):[500-505]");
        resources_add(&total, &more);
        resources_done(&more);
    }
    if (chance(h, 20)) {
        more = test_resources("cpus{REV}:3;mem{REV}:64");
        resources_add(&total, &more);
        resources_done(&more);
    }
    if (chance(h, 15)) {
        more = test_resources("gpus:2;widgets:4");
        resources_add(&total, &more);
        resources_done(&more);
    }
    if (chance(h, 15)) {
        add_disk(&total, DISK_MOUNT, "/m1", NULL, false, NULL, 150);
        add_disk(&total, DISK_MOUNT, "/m2", NULL, false, NULL, 80);
        add_disk(&total, DISK_PATH, "/p", NULL, false, NULL, 90);
    }
    if (chance(h, 20))
        add_disk(&total, DISK_NONE, NULL, "v1", true, "a", 50);
    if (chance(h, 10))
        add_disk(&total, DISK_NONE, NULL, "v2", false, "a", 30);
    return total;
}

static void fill_agent(struct history *h, int index, struct test_agent *agent, Mesos__V1__Attribute *attribute,
                       Mesos__V1__Attribute **attributes, Mesos__V1__Value__Text *text, const struct resources *total) {
    test_agent_init(agent, agent_ids[index], chance(h, 90) ? agent_ids[index] : "other", total);
    if (chance(h, 10))
        agent->from.capability_count = draw(h, 3);
    mesos__v1__attribute__init(attribute);
    mesos__v1__value__text__init(text);
    attribute->name = (char *)"rack";
    attribute->type = MESOS__V1__VALUE__TYPE__TEXT;
    attribute->text = text;
    text->value = (char *)(chance(h, 50) ? "r1" : "r2");
    attributes[0] = attribute;
    agent->info.attributes = attributes;
    agent->info.n_attributes = chance(h, 70);
}

static void add_piece(struct history *h, int framework, int agent, const struct resources *resources,
                      bool is_allocated) {
    struct piece *piece = &h->pieces[h->piece_count++];

    assert(h->piece_count < PIECES);
    *piece = (struct piece){framework, agent, RESOURCES_INIT, is_allocated};
    resources_assign(&piece->resources, resources);
}

static void add_agent(struct history *h, int index) {
    Mesos__V1__Attribute attribute, *attributes[1];
    Mesos__V1__Value__Text text;
    struct test_agent agent;
    struct allocator_used used;
    cleanup_resources struct resources part = RESOURCES_INIT;
    int framework = (int)draw(h, FRAMEWORKS);
    bool is_used = chance(h, 20);

    h->step = "add agent";
    h->has_agent[index] = true;
    h->is_cut[index] = false;
    h->has_maintenance[index] = false;
    h->totals[index] = make_total(h);
    fill_agent(h, index, &agent, &attribute, attributes, &text, &h->totals[index]);
    if (chance(h, 10)) {
        static Mesos__V1__DomainInfo domain = MESOS__V1__DOMAIN_INFO__INIT;
        static Mesos__V1__DomainInfo__FaultDomain fault = MESOS__V1__DOMAIN_INFO__FAULT_DOMAIN__INIT;
        static Mesos__V1__DomainInfo__FaultDomain__RegionInfo region =
            MESOS__V1__DOMAIN_INFO__FAULT_DOMAIN__REGION_INFO__INIT;
        static Mesos__V1__DomainInfo__FaultDomain__ZoneInfo zone =
            MESOS__V1__DOMAIN_INFO__FAULT_DOMAIN__ZONE_INFO__INIT;

        region.name = (char *)"far";
        zone.name = (char *)"zone";
        fault.region = &region;
        fault.zone = &zone;
        domain.fault_domain = &fault;
        agent.info.domain = &domain;
    }
    if (is_used) {
        part = test_resources("cpus:1;mem:32;ports:[101-103]");
        if (!resources_contain(&h->totals[index], &part))
            is_used = false;
        resources_allocate(&part, all_roles[draw(h, ARRAY_SIZE(all_roles))]);
        used = (struct allocator_used){framework_ids[framework], &part};
        if (is_used)
            add_piece(h, framework, index, &part, true);
    }
    allocator_add_agent(h->allocator, &agent.from, NULL, &used, is_used);
    ALSO(h, reference_add_agent(h->reference, &agent.from, &used, is_used));
}

static void remove_agent(struct history *h, int index) {
    h->step = "remove agent";
    h->has_agent[index] = false;
    resources_done(&h->totals[index]);
    allocator_remove_agent(h->allocator, agent_ids[index]);
    ALSO(h, reference_remove_agent(h->reference, agent_ids[index]));
    drop_pieces(h, -1, index);
}

static void update_agent(struct history *h, int index) {
    Mesos__V1__Attribute attribute, *attributes[1];
    Mesos__V1__Value__Text text;
    struct test_agent agent;
    cleanup_resources struct resources total = RESOURCES_INIT, more = RESOURCES_INIT;

    h->step = "update agent";
    resources_assign(&total, &h->totals[index]);
    if (chance(h, 30)) {
        more = test_resources(chance(h, 50) ? "cpus{REV}:2" : "cpus:2;mem:64");
        resources_add(&total, &more);
    } else if (chance(h, 30)) {
        more = test_resources(chance(h, 50) ? "cpus{REV}:1" : "cpus:2");
        resources_subtract(&total, &more);
        h->is_cut[index] = true;
    }
    fill_agent(h, index, &agent, &attribute, attributes, &text, &total);
    if (chance(h, 30))
        agent.from.capabilities = NULL;
    allocator_update_agent(h->allocator, &agent.from);
    ALSO(h, reference_update_agent(h->reference, &agent.from));
    resources_assign(&h->totals[index], &total);
}

static void change_agent(struct history *h) {
    int index = (int)draw(h, AGENTS);
    bool is_active;

    if (!h->has_agent[index]) {
        add_agent(h, index);
        return;
    }
    switch (draw(h, 8)) {
    case 0:
        remove_agent(h, index);
        break;
    case 1:
    case 2:
        is_active = chance(h, 70);
        h->step = is_active ? "activate agent" : "deactivate agent";
        if (is_active)
            allocator_activate_agent(h->allocator, agent_ids[index]);
        else
            allocator_deactivate_agent(h->allocator, agent_ids[index]);
        ALSO(h, reference_activate_agent(h->reference, agent_ids[index], is_active));
        break;
    default:
        update_agent(h, index);
        break;
    }
}

static void change_whitelist(struct history *h) {
    const char *hostnames[AGENTS];
    size_t count = 0;

    h->step = "whitelist";
    for (int i = 0; i < AGENTS; i++)
        if (chance(h, 70))
            hostnames[count++] = agent_ids[i];
    if (chance(h, 60)) {
        allocator_update_whitelist(h->allocator, NULL, 0);
        ALSO(h, reference_update_whitelist(h->reference, NULL, 0));
    } else {
        allocator_update_whitelist(h->allocator, hostnames, count);
        ALSO(h, reference_update_whitelist(h->reference, hostnames, count));
    }
}

static void change_maintenance(struct history *h) {
    Mesos__V1__Unavailability unavailability = MESOS__V1__UNAVAILABILITY__INIT;
    Mesos__V1__TimeInfo start = MESOS__V1__TIME_INFO__INIT;
    Mesos__V1__Filters filters = MESOS__V1__FILTERS__INIT;
    int agent = (int)draw(h, AGENTS), framework = pick_framework(h);

    unavailability.start = &start;
    if (!h->has_agent[agent])
        return;
    if (!h->has_maintenance[agent] || framework < 0 || chance(h, 30)) {
        h->step = "unavailability";
        h->has_maintenance[agent] = chance(h, 70);
        allocator_update_unavailability(h->allocator, agent_ids[agent],
                                        h->has_maintenance[agent] ? &unavailability : NULL);
        ALSO(h, reference_update_unavailability(h->reference, agent_ids[agent], h->has_maintenance[agent]));
        return;
    }
    h->step = "inverse offer answered";
    filters.has_refuse_seconds = true;
    filters.refuse_seconds = (double)draw(h, 4);
    allocator_update_inverse_offer(h->allocator, agent_ids[agent], framework_ids[framework], NULL, &filters);
    ALSO(h, reference_update_inverse_offer(h->reference, agent_ids[agent], framework_ids[framework],
                                           duration_from_seconds(filters.refuse_seconds)));
}

/* Resources */

static void remove_piece(struct history *h, size_t index) {
    resources_done(&h->pieces[index].resources);
    h->pieces[index] = h->pieces[--h->piece_count];
}

static void recover(struct history *h, struct piece *piece, const struct resources *resources, double refuse_seconds) {
    Mesos__V1__Filters filters = MESOS__V1__FILTERS__INIT;

    filters.has_refuse_seconds = true;
    filters.refuse_seconds = refuse_seconds;
    if (h->is_traced)
        detail(h, "%s %s for %g: %s", framework_ids[piece->framework], agent_ids[piece->agent], refuse_seconds,
               resources_text(resources));
    allocator_recover_resources(h->allocator, framework_ids[piece->framework], agent_ids[piece->agent], resources,
                                refuse_seconds < 0 ? NULL : &filters, piece->is_allocated);
    ALSO(h, reference_recover(h->reference, framework_ids[piece->framework], agent_ids[piece->agent], resources,
                              refuse_seconds < 0 ? 0 : duration_from_seconds(refuse_seconds), piece->is_allocated));
}

/* Use a part of an offer and hand back the rest. */
static void launch(struct history *h, size_t index) {
    struct piece *piece = &h->pieces[index];
    cleanup_resources struct resources used = RESOURCES_INIT, rest = RESOURCES_INIT;

    h->step = "launch";
    for (size_t i = 0; i < piece->resources.count; i++) {
        struct resource part = piece->resources.items[i];

        if (chance(h, 30))
            continue;
        if (part.kind->type == RESOURCE_SCALAR && !part.kind->is_exclusive && !part.kind->is_persistent &&
            part.scalar > 1000)
            part.scalar = part.scalar / 2000 * 1000;
        if (part.scalar != 0 || part.kind->type != RESOURCE_SCALAR)
            resources_add_one(&used, &part);
    }
    resources_assign(&rest, &piece->resources);
    resources_subtract(&rest, &used);
    if (!resources_is_empty(&rest))
        recover(h, piece, &rest, chance(h, 60) ? (double)draw(h, 8) : -1);
    if (resources_is_empty(&used)) {
        remove_piece(h, index);
        return;
    }
    resources_assign(&piece->resources, &used);
    piece->is_allocated = true;
    allocator_transition_offered_to_allocated(h->allocator, agent_ids[piece->agent], &used);
}

static Mesos__V1__Resource__ReservationInfo *make_reservation(const char *role) {
    static Mesos__V1__Resource__ReservationInfo reservation;

    mesos__v1__resource__reservation_info__init(&reservation);
    reservation.has_type = true;
    reservation.type = MESOS__V1__RESOURCE__RESERVATION_INFO__TYPE__DYNAMIC;
    reservation.role = (char *)role;
    return &reservation;
}

/* Reserve or unreserve what has been offered. */
static void convert(struct history *h, size_t index) {
    struct piece *piece = &h->pieces[index];
    const char *role = resources_allocation_role(&piece->resources);
    struct resource_conversion conversion = {.removes_volume = false};
    cleanup_resources struct resources old = RESOURCES_INIT, plain_consumed = RESOURCES_INIT,
                                       plain_converted = RESOURCES_INIT;
    int agent = piece->agent;

    if (role_is_default(role) || piece->is_allocated)
        return;
    h->step = "convert";
    for (size_t i = 0; i < piece->resources.count && resources_is_empty(&conversion.consumed); i++) {
        struct resource *resource = &piece->resources.items[i];

        if (resource->kind->is_shared || resource->kind->is_revocable || resource->kind->is_persistent)
            continue;
        resources_add_one(&conversion.consumed, resource);
        resources_add_one(&conversion.converted, resource);
        if (resource_is_dynamically_reserved(resource))
            resources_pop_reservation(&conversion.converted);
        else if (resource_is_reserved(resource) ||
                 resources_push_reservation(&conversion.converted, make_reservation(role), NULL) < 0)
            resources_clear(&conversion.consumed);
        if (resources_is_empty(&conversion.consumed))
            resources_clear(&conversion.converted);
    }
    resources_assign(&old, &piece->resources);
    if (!resources_is_empty(&conversion.consumed) && resources_convert(&piece->resources, &conversion, NULL) == 0) {
        resources_assign(&plain_consumed, &conversion.consumed);
        resources_assign(&plain_converted, &conversion.converted);
        resources_unallocate(&plain_consumed);
        resources_unallocate(&plain_converted);
        if (resources_contain(&h->totals[agent], &plain_consumed)) {
            resources_subtract(&h->totals[agent], &plain_consumed);
            resources_add(&h->totals[agent], &plain_converted);
            allocator_update_allocation(h->allocator, framework_ids[piece->framework], agent_ids[agent], &old,
                                        &conversion, 1);
            ALSO(h, reference_update_allocation(h->reference, framework_ids[piece->framework], agent_ids[agent], &old,
                                                &conversion, 1));
        } else {
            resources_assign(&piece->resources, &old);
        }
    }
    resources_done(&conversion.consumed);
    resources_done(&conversion.converted);
}

static void change_piece(struct history *h) {
    size_t index;
    struct piece *piece;

    if (h->piece_count == 0)
        return;
    index = draw(h, h->piece_count);
    piece = &h->pieces[index];
    if (!h->has_framework[piece->framework])
        return;
    if (piece->is_allocated) {
        h->step = "finish";
        recover(h, piece, &piece->resources, -1);
        remove_piece(h, index);
        return;
    }
    switch (draw(h, 5)) {
    case 0:
    case 1:
        launch(h, index);
        break;
    case 2:
        convert(h, index);
        break;
    default:
        h->step = "decline";
        recover(h, piece, &piece->resources, chance(h, 85) ? (double)draw(h, 12) : -1);
        remove_piece(h, index);
        break;
    }
}

/* An operator reserves something. */
static void reserve(struct history *h) {
    int index = (int)draw(h, AGENTS);
    const char *role = all_roles[1 + draw(h, ARRAY_SIZE(all_roles) - 1)];
    Mesos__V1__Offer__Operation operation = MESOS__V1__OFFER__OPERATION__INIT;
    const Mesos__V1__Offer__Operation *operations[] = {&operation};
    Mesos__V1__Offer__Operation__Reserve message = MESOS__V1__OFFER__OPERATION__RESERVE__INIT;
    cleanup_resources struct resources what = test_resources("cpus:1;mem:32");
    struct arena arena = ARENA_INIT;
    int status;

    if (!h->has_agent[index])
        return;
    h->step = "operator's reserve";
    resources_push_reservation(&what, make_reservation(role), NULL);
    resources_to_messages(&what, RESOURCE_FORMAT_NEW, &arena, &message.resources, &message.n_resources);
    operation.type = MESOS__V1__OFFER__OPERATION__TYPE__RESERVE;
    operation.reserve = &message;
    status = allocator_update_available(h->allocator, agent_ids[index], operations, 1, NULL);
    if (!h->can_yield && status != reference_update_available(h->reference, agent_ids[index], &operation))
        fail(h, "the reference disagrees");
    if (status == 0)
        resources_apply_operation(&h->totals[index], &operation, NULL);
    arena_done(&arena);
}

/* Roles */

static void change_quota(struct history *h) {
    static const char *const names[] = {"a", "b", "c", "*"};
    static const char *const guarantees[] = {"", "cpus:5;mem:200", "cpus:10", "disk:120;cpus:2"};
    static const char *const limits[] = {"", "cpus:8;mem:300", "mem:128", "cpus:4;disk:200", "cpus:20;mem:20000"};
    const char *role = names[draw(h, ARRAY_SIZE(names))];
    cleanup_quantities struct quantities guarantee = QUANTITIES_INIT, limit = QUANTITIES_INIT;

    h->step = "quota";
    quantities_parse(guarantees[draw(h, ARRAY_SIZE(guarantees))], &guarantee, NULL);
    limits_parse(limits[draw(h, ARRAY_SIZE(limits))], &limit, NULL);
    detail(h, "%s: %u guarantees, %u limits", role, guarantee.count, limit.count);
    allocator_update_quota(h->allocator, role, &guarantee, &limit);
    ALSO(h, reference_update_quota(h->reference, role, &guarantee, &limit));
}

static void change_weight(struct history *h) {
    const char *role = all_roles[draw(h, ARRAY_SIZE(all_roles))];
    double weight = (double)(1 + draw(h, 8)) / 2;

    h->step = "weight";
    allocator_update_weight(h->allocator, role, weight);
    ALSO(h, reference_update_weight(h->reference, role, weight));
}

static void pause_or_resume(struct history *h) {
    h->step = "pause or resume";
    h->is_paused = !h->is_paused && chance(h, 30);
    if (h->is_paused)
        allocator_pause(h->allocator);
    else
        allocator_resume(h->allocator);
    ALSO(h, reference_pause(h->reference, h->is_paused));
}

/* A history */

static void step(struct history *h) {
    static const struct {
        unsigned weight;
        void (*run)(struct history *h);
    } steps[] = {
        {30, change_piece},      {12, advance},         {10, change_agent},      {7, add_or_update_framework},
        {3, remove_framework},   {3, toggle_framework}, {6, suppress_or_revive}, {2, change_whitelist},
        {5, change_maintenance}, {4, reserve},          {5, change_quota},       {3, change_weight},
        {1, pause_or_resume},
    };
    unsigned sum = 0, choice;

    for (size_t i = 0; i < ARRAY_SIZE(steps); i++)
        sum += steps[i].weight;
    choice = (unsigned)draw(h, sum);
    for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
        if (choice < steps[i].weight) {
            h->step = "advance";
            steps[i].run(h);
            break;
        }
        choice -= steps[i].weight;
    }
    settle(h);
}

static void choose_options(struct history *h) {
    static const char *const excluded[] = {"mem", NULL};

    allocator_options_init(&h->options);
    h->options.random_seed = h->seed + 1;
    if (chance(h, 20))
        h->options.role_sorter = ALLOCATOR_SORTER_RANDOM;
    if (chance(h, 20))
        h->options.framework_sorter = ALLOCATOR_SORTER_RANDOM;
    if (chance(h, 20))
        h->options.fair_sharing_excluded = excluded;
    if (chance(h, 50))
        h->options.slice_steps = 1 + draw(h, 30);
    if (chance(h, 50))
        h->options.slice_offers = 1 + draw(h, 4);
    h->options.filter_gpu_resources = chance(h, 80);
    h->options.allocate_on_recovery = chance(h, 50);
    h->can_yield = chance(h, 15);
}

static void play(uint64_t seed, size_t steps, size_t *offers) {
    static struct history history;
    struct history *h = &history;
    struct quantities *min;
    struct reference_options reference_options;

    *h = (struct history){.seed = seed, .random = seed * 2654435761u + 12345, .step = "start"};
    test_env_init(&h->env, seed);
    choose_options(h);
    h->is_traced = getenv("ALLOCATOR_TRACE") != NULL;
    if (allocator_parse_min_allocatable("cpus:0.01|mem:32", &min, &h->options.min_allocatable_count, NULL) < 0)
        abort();
    h->options.min_allocatable = min;
    h->allocator = allocator_new(&h->options, &callbacks, h, &h->env.env);
    reference_options = (struct reference_options){&h->options, h->options.random_seed, NULL};
    h->reference = reference_new(&reference_options);
    ALSO(h, reference_set_time(h->reference, h->env.now_ns));
    h->next_interval_ns = h->env.now_ns + h->options.allocation_interval_ns;
    for (size_t i = 0; i < steps; i++)
        step(h);
    *offers += h->offers_seen;
    allocator_free(h->allocator);
    reference_free(h->reference);
    while (h->piece_count > 0)
        remove_piece(h, 0);
    for (int i = 0; i < AGENTS; i++)
        if (h->has_agent[i])
            resources_done(&h->totals[i]);
    for (size_t i = 0; i < h->options.min_allocatable_count; i++)
        quantities_done(&min[i]);
    free(min);
    test_env_done(&h->env);
}

int main(int argc, char **argv) {
    uint64_t count = argc > 1 ? strtoull(argv[1], NULL, 10) : 300, first = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
    size_t steps = argc > 3 ? strtoull(argv[3], NULL, 10) : 120, offers = 0;

    for (uint64_t i = 0; i < count; i++)
        play(first + i, steps, &offers);
    printf("1..1\nok 1 - %ju histories of %zu steps, %zu offers, the same as the reference's\n", (uintmax_t)count,
           steps, offers);
    return 0;
}
