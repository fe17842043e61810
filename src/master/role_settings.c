/* SPDX-License-Identifier: Apache-2.0 */
#include "master/role_settings.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "master/framework.h"
#include "master/offer.h"
#include "model/role.h"

const struct role_setting *role_setting_find(const struct master *master, const char *role) {
    return table_find(&master->role_settings, role);
}

static struct role_setting *setting_of(struct master *master, const char *role) {
    struct role_setting *setting = table_find(&master->role_settings, role);

    if (setting == NULL) {
        setting = new0(struct role_setting);
        setting->role = xstrdup(role);
        table_add(&master->role_settings, setting->role, setting);
    }
    return setting;
}

/* Changes */

static void set_weight(void *user, const char *role, double weight) {
    struct master *master = user;

    setting_of(master, role)->weight = weight;
    allocator_update_weight(master->allocator, role, weight);
}

static void remember_quota(struct master *master, const struct allocator_quota *quota) {
    struct role_setting *setting = setting_of(master, quota->role);

    quantities_done(&setting->guarantees);
    quantities_done(&setting->limits);
    quantities_copy(&setting->guarantees, &quota->guarantees);
    quantities_copy(&setting->limits, &quota->limits);
}

/* Take back offers, those to one framework together. */
static void rescind_where(struct master *master, bool (*is_wanted)(void *user, const struct offer *offer), void *user) {
    struct framework *framework;
    struct offer *offer;

    table_for_each (&master->frameworks, framework) {
        connection_begin_batch(&framework->connection);
        list_for_each (&framework->offers, offer, in_framework) {
            if (is_wanted(user, offer))
                offer_rescind(offer);
        }
        connection_end_batch(&framework->connection);
    }
}

static bool is_any(void *user, const struct offer *offer) {
    return true;
}

static bool has_frameworks(const struct master *master, const char *role) {
    const struct framework *framework;

    table_for_each (&master->frameworks, framework) {
        if (framework_has_role(framework, role))
            return true;
    }
    return false;
}

void master_set_weights(struct master *master, const struct role_weight *weights, size_t count) {
    bool matters = false;

    for (size_t i = 0; i < count; i++) {
        set_weight(master, weights[i].role, weights[i].weight);
        matters |= has_frameworks(master, weights[i].role);
    }
    if (matters)
        rescind_where(master, is_any, NULL);
}

struct enforcement {
    const struct allocator_quota *quota;
    struct quantities claimed; /* consumed or offered of the quota, and then what has been taken back of others */
};

static void count_offer(struct quantities *sum, const struct offer *offer, int sign) {
    for (size_t i = 0; i < offer->resources.count; i++) {
        const struct resource *resource = &offer->resources.items[i];

        if (resource->kind->type == RESOURCE_SCALAR)
            quantities_add(sum, resource->kind->name, sign * resource->scalar);
    }
}

static bool is_within_limits(const struct enforcement *enforcement) {
    const struct quantities *limits = &enforcement->quota->limits;

    for (size_t i = 0; i < limits->count; i++) {
        const int64_t *claimed = quantities_find(&enforcement->claimed, limits->items[i].name);

        if (claimed != NULL && *claimed > limits->items[i].amount)
            return false;
    }
    return true;
}

static bool is_beyond_limits(void *user, const struct offer *offer) {
    struct enforcement *enforcement = user;

    if (!role_is_in(offer->role, enforcement->quota->role) || is_within_limits(enforcement))
        return false;
    count_offer(&enforcement->claimed, offer, -1);
    return true;
}

static bool is_wanted_for_guarantees(void *user, const struct offer *offer) {
    struct enforcement *enforcement = user;

    if (role_is_in(offer->role, enforcement->quota->role) ||
        quantities_contain(&enforcement->claimed, &enforcement->quota->guarantees))
        return false;
    count_offer(&enforcement->claimed, offer, 1);
    return true;
}

static void enforce(struct master *master, const struct allocator_quota *quota) {
    struct enforcement enforcement = {.quota = quota};
    const struct offer *offer;

    allocator_quota_consumed(master->allocator, quota->role, &enforcement.claimed);
    table_for_each (&master->offers, offer) {
        if (role_is_in(offer->role, quota->role))
            count_offer(&enforcement.claimed, offer, 1);
    }
    rescind_where(master, is_beyond_limits, &enforcement);
    rescind_where(master, is_wanted_for_guarantees, &enforcement);
    quantities_done(&enforcement.claimed);
}

void master_set_quotas(struct master *master, const struct allocator_quota *quotas, size_t count) {
    for (size_t i = 0; i < count; i++) {
        remember_quota(master, &quotas[i]);
        allocator_update_quota(master->allocator, quotas[i].role, &quotas[i].guarantees, &quotas[i].limits);
    }
    for (size_t i = 0; i < count; i++)
        enforce(master, &quotas[i]);
}

/* After a failover */

void master_recover(struct master *master, const struct master_recovered *recovered) {
    for (size_t i = 0; i < recovered->quota_count; i++)
        remember_quota(master, &recovered->quotas[i]);
    allocator_recover(master->allocator, recovered->agent_count, recovered->quotas, recovered->quota_count);
    if (recovered->weight_count > 0 && master->flags->weights != NULL)
        log_warning("Ignoring --weights flag '%s' and recovering the weights from registry", master->flags->weights);
    for (size_t i = 0; i < recovered->weight_count; i++)
        set_weight(master, recovered->weights[i].role, recovered->weights[i].weight);
    if (recovered->weight_count == 0)
        master_flags_visit_weights(master->flags, set_weight, master, NULL);
}

void role_settings_done(struct master *master) {
    struct role_setting *setting;

    table_for_each (&master->role_settings, setting) {
        quantities_done(&setting->guarantees);
        quantities_done(&setting->limits);
        free(setting->role);
        free(setting);
    }
    table_done(&master->role_settings);
}
