/* SPDX-License-Identifier: Apache-2.0 */
/* Offer constraints of the reference allocator: every constraint is looked at anew, and patterns are matched by the C
 * library. */
#include <assert.h>
#include <regex.h>

#include "reference_internal.h"

#define PREDICATE(name) MESOS__V1__SCHEDULER__ATTRIBUTE_CONSTRAINT__PREDICATE__PREDICATE_##name
#define PSEUDO(name) MESOS__V1__SCHEDULER__ATTRIBUTE_CONSTRAINT__SELECTOR__PSEUDOATTRIBUTE_TYPE__##name

static bool matches(const char *pattern, const char *text) {
    cleanup_free char *whole = xasprintf("^(%s)$", pattern);
    regex_t regex;
    int status = regcomp(&regex, whole, REG_EXTENDED | REG_NOSUB);
    bool is_match;

    assert(status == 0);
    (void)status;
    is_match = regexec(&regex, text, 0, NULL, 0) == 0;
    regfree(&regex);
    return is_match;
}

/* @text NULL: there is none. */
static bool holds_for(const Mesos__V1__Scheduler__AttributeConstraint__Predicate *predicate, const char *text) {
    switch (predicate->predicate_case) {
    case PREDICATE(EXISTS):
        return text != NULL;
    case PREDICATE(NOT_EXISTS):
        return text == NULL;
    case PREDICATE(TEXT_EQUALS):
        return text != NULL && strcmp(text, predicate->text_equals->value) == 0;
    case PREDICATE(TEXT_NOT_EQUALS):
        return text == NULL || strcmp(text, predicate->text_not_equals->value) != 0;
    case PREDICATE(TEXT_MATCHES):
        return text != NULL && matches(predicate->text_matches->regex, text);
    default:
        return text == NULL || !matches(predicate->text_not_matches->regex, text);
    }
}

static bool holds(const Mesos__V1__Scheduler__AttributeConstraint *constraint, const struct agent *agent) {
    const Mesos__V1__Scheduler__AttributeConstraint__Selector *selector = constraint->selector;

    if (selector->selector_case ==
        MESOS__V1__SCHEDULER__ATTRIBUTE_CONSTRAINT__SELECTOR__SELECTOR_PSEUDOATTRIBUTE_TYPE) {
        if (selector->pseudoattribute_type == PSEUDO(HOSTNAME))
            return holds_for(constraint->predicate, agent->hostname);
        return holds_for(constraint->predicate,
                         selector->pseudoattribute_type == PSEUDO(REGION) ? agent->region : agent->zone);
    }
    for (size_t i = 0; i < agent->info->n_attributes; i++) {
        const Mesos__V1__Attribute *attribute = agent->info->attributes[i];

        if (strcmp(attribute->name, selector->attribute_name) != 0)
            continue;
        if (attribute->type == MESOS__V1__VALUE__TYPE__TEXT)
            return holds_for(constraint->predicate, attribute->text->value);
        return constraint->predicate->predicate_case != PREDICATE(NOT_EXISTS);
    }
    return holds_for(constraint->predicate, NULL);
}

bool reference_excludes(const struct framework *framework, const char *role, const struct agent *agent) {
    const Mesos__V1__Scheduler__OfferConstraints *constraints = framework->constraints;

    for (size_t i = 0; constraints != NULL && i < constraints->n_role_constraints; i++) {
        const Mesos__V1__Scheduler__OfferConstraints__RoleConstraints *of_role =
            constraints->role_constraints[i]->value;

        if (strcmp(constraints->role_constraints[i]->key, role) != 0)
            continue;
        for (size_t j = 0; j < of_role->n_groups; j++) {
            bool do_all_hold = true;

            for (size_t k = 0; k < of_role->groups[j]->n_attribute_constraints; k++)
                do_all_hold &= holds(of_role->groups[j]->attribute_constraints[k], agent);
            if (do_all_hold)
                return false;
        }
        return true;
    }
    return false;
}
