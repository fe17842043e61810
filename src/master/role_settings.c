/* SPDX-License-Identifier: Apache-2.0 */
#include "master/role_settings.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"

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

void master_set_weight(struct master *master, const char *role, double weight) {
    setting_of(master, role)->weight = weight;
    allocator_update_weight(master->allocator, role, weight);
}

/* Remember it without telling the allocator. */
static void remember_quota(struct master *master, const char *role, const struct quantities *guarantees,
                           const struct quantities *limits) {
    struct role_setting *setting = setting_of(master, role);

    quantities_done(&setting->guarantees);
    quantities_done(&setting->limits);
    quantities_copy(&setting->guarantees, guarantees);
    quantities_copy(&setting->limits, limits);
}

void master_set_quota(struct master *master, const char *role, const struct quantities *guarantees,
                      const struct quantities *limits) {
    remember_quota(master, role, guarantees, limits);
    allocator_update_quota(master->allocator, role, guarantees, limits);
}

static void set_weight(void *user, const char *role, double weight) {
    master_set_weight(user, role, weight);
}

void master_recover(struct master *master, const struct master_recovered *recovered) {
    for (size_t i = 0; i < recovered->quota_count; i++)
        remember_quota(master, recovered->quotas[i].role, &recovered->quotas[i].guarantees,
                       &recovered->quotas[i].limits);
    allocator_recover(master->allocator, recovered->agent_count, recovered->quotas, recovered->quota_count);
    if (recovered->weight_count > 0 && master->flags->weights != NULL)
        log_warning("Ignoring --weights flag '%s' and recovering the weights from registry", master->flags->weights);
    for (size_t i = 0; i < recovered->weight_count; i++)
        master_set_weight(master, recovered->weights[i].role, recovered->weights[i].weight);
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
