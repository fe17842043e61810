/* SPDX-License-Identifier: Apache-2.0 */
/* What operators set for roles, weights and quota, and what a registry remembers of it over a failover. The flag
 * --weights, the registry and the operator API all come in here; the allocator is told of each change. */
#pragma once

#include "allocator/allocator.h"
#include "master/master.h"

struct role_setting {
    char *role;
    double weight; /* 0: none is set, which counts as 1 */
    struct quantities guarantees, limits;
};

struct role_weight {
    const char *role;
    double weight; /* above 0 */
};

/* What the registry remembers of the time before this master was elected. */
struct master_recovered {
    size_t agent_count; /* agents that were admitted and are neither unreachable nor gone */
    const struct allocator_quota *quotas;
    size_t quota_count;
    const struct role_weight *weights; /* if there are any, --weights is ignored */
    size_t weight_count;
};

/* Set what was recovered (all of which is copied), and --weights unless weights are among it. If there are quotas,
 * the allocator holds offers until --allocator_agent_recovery_factor of the agents are back or
 * --allocator_recovery_timeout has passed. To be called once, before the first agent registers. [Master::_recover] */
void master_recover(struct master *master, const struct master_recovered *recovered);

/* Operators change some. Offers that stand in the way are taken back: all of them if frameworks have one of the roles.
 * [Master::WeightsHandler::__updateWeights] */
void master_set_weights(struct master *master, const struct role_weight *weights, size_t count);
/* Of top-level roles; one without guarantees and limits has no quota any more. Offers are taken back from the role and
 * those below it until its limits hold, and from others until its guarantees could be met by what has been taken back.
 * [Master::QuotaHandler::_update] */
void master_set_quotas(struct master *master, const struct allocator_quota *quotas, size_t count);

/* What is set for the role, or NULL. */
const struct role_setting *role_setting_find(const struct master *master, const char *role);

void role_settings_done(struct master *master);
