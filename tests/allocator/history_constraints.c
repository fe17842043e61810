/* SPDX-License-Identifier: Apache-2.0 */
/* Random offer constraints. */
#include "history.h"

#define PREDICATE(name) MESOS__V1__SCHEDULER__ATTRIBUTE_CONSTRAINT__PREDICATE__PREDICATE_##name

static Mesos__V1__Scheduler__AttributeConstraint__Selector *make_selector(struct history *h, struct arena *arena) {
    Mesos__V1__Scheduler__AttributeConstraint__Selector *selector = arena_alloc(arena, sizeof(*selector));

    mesos__v1__scheduler__attribute_constraint__selector__init(selector);
    if (history_chance(h, 70)) {
        selector->selector_case = MESOS__V1__SCHEDULER__ATTRIBUTE_CONSTRAINT__SELECTOR__SELECTOR_ATTRIBUTE_NAME;
        selector->attribute_name = (char *)(history_chance(h, 80) ? "rack" : "level");
    } else {
        selector->selector_case = MESOS__V1__SCHEDULER__ATTRIBUTE_CONSTRAINT__SELECTOR__SELECTOR_PSEUDOATTRIBUTE_TYPE;
        selector->pseudoattribute_type =
            MESOS__V1__SCHEDULER__ATTRIBUTE_CONSTRAINT__SELECTOR__PSEUDOATTRIBUTE_TYPE__HOSTNAME + history_draw(h, 3);
    }
    return selector;
}

static Mesos__V1__Scheduler__AttributeConstraint__Predicate *make_predicate(struct history *h, struct arena *arena) {
    /* The last ones take more steps than backtracking is given, if there is no match. */
    static const char *const patterns[] = {
        "r[0-9]+", "r1|r3", "r", ".*", "s[0-4]", "(o|t).*", "(far|home)", "z.?", "(a|aa)*(a|aa)*(a|aa)*[bc]", "a+"};
    static const char *const texts[] = {"r1", "r2", "s1", "other", "home"};
    Mesos__V1__Scheduler__AttributeConstraint__Predicate *predicate = arena_alloc(arena, sizeof(*predicate));
    const char *pattern = patterns[history_draw(h, ARRAY_SIZE(patterns))];
    const char *text = texts[history_draw(h, ARRAY_SIZE(texts))];

    mesos__v1__scheduler__attribute_constraint__predicate__init(predicate);
    switch (history_draw(h, 6)) {
    case 0:
        predicate->predicate_case = PREDICATE(EXISTS);
        predicate->exists = arena_alloc(arena, sizeof(*predicate->exists));
        mesos__v1__scheduler__attribute_constraint__predicate__exists__init(predicate->exists);
        break;
    case 1:
        predicate->predicate_case = PREDICATE(NOT_EXISTS);
        predicate->not_exists = arena_alloc(arena, sizeof(*predicate->not_exists));
        mesos__v1__scheduler__attribute_constraint__predicate__not_exists__init(predicate->not_exists);
        break;
    case 2:
        predicate->predicate_case = PREDICATE(TEXT_EQUALS);
        predicate->text_equals = arena_alloc(arena, sizeof(*predicate->text_equals));
        mesos__v1__scheduler__attribute_constraint__predicate__text_equals__init(predicate->text_equals);
        predicate->text_equals->value = (char *)text;
        break;
    case 3:
        predicate->predicate_case = PREDICATE(TEXT_NOT_EQUALS);
        predicate->text_not_equals = arena_alloc(arena, sizeof(*predicate->text_not_equals));
        mesos__v1__scheduler__attribute_constraint__predicate__text_not_equals__init(predicate->text_not_equals);
        predicate->text_not_equals->value = (char *)text;
        break;
    case 4:
        predicate->predicate_case = PREDICATE(TEXT_MATCHES);
        predicate->text_matches = arena_alloc(arena, sizeof(*predicate->text_matches));
        mesos__v1__scheduler__attribute_constraint__predicate__text_matches__init(predicate->text_matches);
        predicate->text_matches->regex = (char *)pattern;
        break;
    default:
        predicate->predicate_case = PREDICATE(TEXT_NOT_MATCHES);
        predicate->text_not_matches = arena_alloc(arena, sizeof(*predicate->text_not_matches));
        mesos__v1__scheduler__attribute_constraint__predicate__text_not_matches__init(predicate->text_not_matches);
        predicate->text_not_matches->regex = (char *)pattern;
        break;
    }
    return predicate;
}

static Mesos__V1__Scheduler__OfferConstraints__RoleConstraints__Group *make_group(struct history *h,
                                                                                  struct arena *arena) {
    Mesos__V1__Scheduler__OfferConstraints__RoleConstraints__Group *group = arena_alloc(arena, sizeof(*group));

    mesos__v1__scheduler__offer_constraints__role_constraints__group__init(group);
    group->n_attribute_constraints = 1 + history_draw(h, 2);
    group->attribute_constraints = arena_alloc(arena, group->n_attribute_constraints * sizeof(void *));
    for (size_t i = 0; i < group->n_attribute_constraints; i++) {
        Mesos__V1__Scheduler__AttributeConstraint *constraint = arena_alloc(arena, sizeof(*constraint));

        mesos__v1__scheduler__attribute_constraint__init(constraint);
        constraint->selector = make_selector(h, arena);
        constraint->predicate = make_predicate(h, arena);
        group->attribute_constraints[i] = constraint;
    }
    return group;
}

const Mesos__V1__Scheduler__OfferConstraints *history_make_constraints(struct history *h, struct arena *arena) {
    Mesos__V1__Scheduler__OfferConstraints *constraints = arena_alloc(arena, sizeof(*constraints));
    uint64_t first = history_draw(h, ROLES);

    mesos__v1__scheduler__offer_constraints__init(constraints);
    constraints->n_role_constraints = 1 + history_draw(h, 3);
    constraints->role_constraints = arena_alloc(arena, constraints->n_role_constraints * sizeof(void *));
    for (size_t i = 0; i < constraints->n_role_constraints; i++) {
        Mesos__V1__Scheduler__OfferConstraints__RoleConstraintsEntry *entry = arena_alloc(arena, sizeof(*entry));
        Mesos__V1__Scheduler__OfferConstraints__RoleConstraints *value = arena_alloc(arena, sizeof(*value));

        mesos__v1__scheduler__offer_constraints__role_constraints_entry__init(entry);
        mesos__v1__scheduler__offer_constraints__role_constraints__init(value);
        entry->key = (char *)all_roles[(first + i) % ROLES];
        entry->value = value;
        value->n_groups = 1 + history_draw(h, 2);
        value->groups = arena_alloc(arena, value->n_groups * sizeof(void *));
        for (size_t j = 0; j < value->n_groups; j++)
            value->groups[j] = make_group(h, arena);
        constraints->role_constraints[i] = entry;
    }
    return constraints;
}
