/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <string.h>

#include "base/duration.h"
#include "base/table.h"
#include "base/text.h"
#include "master/validation.h"
#include "message/message.h"
#include "model/id.h"
#include "model/role.h"

static bool has_capability(const Mesos__V1__FrameworkInfo *info, Mesos__V1__FrameworkInfo__Capability__Type type) {
    for (size_t i = 0; i < info->n_capabilities; i++) {
        if (info->capabilities[i]->type == type)
            return true;
    }
    return false;
}

static bool is_multi_role(const Mesos__V1__FrameworkInfo *info) {
    return has_capability(info, MESOS__V1__FRAMEWORK_INFO__CAPABILITY__TYPE__MULTI_ROLE);
}

/* Whether `role` was set, which has a default: protobuf-c leaves the default's own pointer where it was not. */
static bool has_role(const Mesos__V1__FrameworkInfo *info) {
    return info->role != NULL && info->role != mesos__v1__framework_info__role__default_value;
}

static int check_duplicate_roles(const Mesos__V1__FrameworkInfo *info, struct error *err) {
    struct table seen = TABLE_INIT;
    int result = 0;

    for (size_t i = 0; i < info->n_roles && result == 0; i++) {
        if (!table_add(&seen, info->roles[i], info->roles[i]))
            result = error_set(err, 0, "'FrameworkInfo.roles' contains duplicate items: { %s }", info->roles[i]);
    }
    table_done(&seen);
    return result;
}

static int check_roles(const Mesos__V1__FrameworkInfo *info, struct error *err) {
    if (!is_multi_role(info)) {
        if (info->n_roles > 0)
            return error_set(err, 0,
                             "'FrameworkInfo.roles' must not be set when the framework is not MULTI_ROLE capable");
        if (has_role(info) && role_validate(info->role, err) < 0)
            return error_wrap(err, "'FrameworkInfo.role' is not a valid role");
        return 0;
    }
    if (has_role(info))
        return error_set(err, 0, "'FrameworkInfo.role' must not be set when the framework is MULTI_ROLE capable");
    if (check_duplicate_roles(info, err) < 0)
        return -1;
    for (size_t i = 0; i < info->n_roles; i++) {
        if (role_validate(info->roles[i], err) < 0)
            return error_wrap(err, "'FrameworkInfo.roles' contains invalid role");
    }
    return 0;
}

/* [common::validation::validateOfferFilters] */
static int check_offer_filters(const Mesos__V1__FrameworkInfo *info, struct error *err) {
    for (size_t i = 0; i < info->n_offer_filters; i++) {
        const Mesos__V1__OfferFilters *filters = info->offer_filters[i]->value;
        const Mesos__V1__OfferFilters__MinAllocatableResources *minimum = filters == NULL
                                                                              ? NULL
                                                                              : filters->min_allocatable_resources;

        for (size_t j = 0; minimum != NULL && j < minimum->n_quantities; j++) {
            const Mesos__V1__OfferFilters__ResourceQuantities *set = minimum->quantities[j];

            if (set->n_quantities == 0)
                return error_set(err, 0, "Invalid min_allocatable_resources: an empty set of quantities");
            for (size_t k = 0; k < set->n_quantities; k++) {
                double value = set->quantities[k]->value == NULL ? 0 : set->quantities[k]->value->value;

                if ((fpclassify(value) != FP_NORMAL && fpclassify(value) != FP_ZERO) || value < 0)
                    return error_set(err, 0, "Invalid min_allocatable_resources: the quantity of '%s' is invalid",
                                     set->quantities[k]->key == NULL ? "" : set->quantities[k]->key);
            }
        }
    }
    return 0;
}

int validate_framework(const Mesos__V1__FrameworkInfo *info, struct error *err) {
    if (check_roles(info, err) < 0)
        return -1;
    if (info->id != NULL && info->id->value[0] != '\0' && id_validate(info->id->value, err) < 0)
        return -1;
    if (check_offer_filters(info, err) < 0)
        return -1;
    /* What a duration can hold: 292 years. */
    if (!isfinite(info->failover_timeout) || fabs(info->failover_timeout) > (double)INT64_MAX / (double)SECOND)
        return error_set(err, 0, "The framework failover_timeout (%g) is invalid", info->failover_timeout);
    return 0;
}

static bool is_same_text(const char *a, const char *b) {
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

int validate_framework_update(const Mesos__V1__FrameworkInfo *old, const Mesos__V1__FrameworkInfo *info,
                              struct error *err) {
    if (!is_same_text(old->principal, info->principal))
        return error_set(err, 0, "Changing framework's principal is not allowed.");
    if (strcmp(old->user, info->user) != 0)
        return error_set(err, 0, "Updating 'FrameworkInfo.user' is unsupported; attempted to update from '%s' to '%s'",
                         old->user, info->user);
    if (old->checkpoint != info->checkpoint)
        return error_set(err, 0,
                         "Updating 'FrameworkInfo.checkpoint' is unsupported; attempted to update from '%s' to '%s'",
                         old->checkpoint ? "true" : "false", info->checkpoint ? "true" : "false");
    return 0;
}

static bool is_role_of(const Mesos__V1__FrameworkInfo *info, const char *role) {
    if (!is_multi_role(info))
        return strcmp(info->role == NULL ? "*" : info->role, role) == 0;
    for (size_t i = 0; i < info->n_roles; i++) {
        if (strcmp(info->roles[i], role) == 0)
            return true;
    }
    return false;
}

int validate_framework_options(const Mesos__V1__FrameworkInfo *info, char *const *suppressed_roles,
                               size_t suppressed_count, const Mesos__V1__Scheduler__OfferConstraints *constraints,
                               struct error *err) {
    for (size_t i = 0; i < suppressed_count; i++) {
        if (!is_role_of(info, suppressed_roles[i]))
            return error_set(err, 0, "Suppressed roles { %s } are not contained in the set of roles",
                             suppressed_roles[i]);
    }
    for (size_t i = 0; constraints != NULL && i < constraints->n_role_constraints; i++) {
        const char *role = constraints->role_constraints[i]->key;

        if (role == NULL || !is_role_of(info, role))
            return error_set(
                err, 0,
                "Offer constraints specify `role_constraints` for a role '%s' not contained in the set of roles",
                role == NULL ? "" : role);
    }
    return 0;
}
