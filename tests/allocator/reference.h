/* SPDX-License-Identifier: Apache-2.0 */
/* A slow allocator that is easy to check by reading: it keeps lists, sums everything up anew whenever it needs a sum,
 * and sorts anew for every agent. The real one must make the same offers. */
#pragma once

#include "allocator/test_world.h"

struct reference;

struct reference_offer {
    char *framework, *role, *agent;
    struct resources resources;
};

struct reference_options {
    const struct allocator_options *options;
    uint64_t seed;
    const char *region; /* of the master */
};

struct reference *reference_new(const struct reference_options *options);
void reference_free(struct reference *reference);

void reference_set_time(struct reference *reference, int64_t now_ns);
/* Run the round that calls have asked for, if any. The offers are added to those that reference_offers() returns. */
void reference_settle(struct reference *reference);
/* Run the round of the interval. */
void reference_interval(struct reference *reference);
void reference_expire(struct reference *reference);
struct reference_offer *reference_offers(struct reference *reference, size_t *ret_count);
void reference_forget_offers(struct reference *reference);
/* "framework agent" of each inverse offer, sorted. */
char **reference_inverse_offers(struct reference *reference, size_t *ret_count);

void reference_add_framework(struct reference *reference, const struct allocator_framework *framework, bool is_active,
                             const Mesos__V1__Scheduler__OfferConstraints *constraints);
void reference_remove_framework(struct reference *reference, const char *id);
void reference_activate_framework(struct reference *reference, const char *id, bool is_active);
void reference_update_framework(struct reference *reference, const struct allocator_framework *framework,
                                const Mesos__V1__Scheduler__OfferConstraints *constraints);
void reference_suppress(struct reference *reference, const char *id, const char *const *roles, size_t count);
void reference_revive(struct reference *reference, const char *id, const char *const *roles, size_t count);

void reference_add_agent(struct reference *reference, const struct allocator_agent *agent,
                         const struct allocator_used *used, size_t used_count);
void reference_remove_agent(struct reference *reference, const char *id);
void reference_update_agent(struct reference *reference, const struct allocator_agent *agent);
void reference_activate_agent(struct reference *reference, const char *id, bool is_active);
void reference_update_whitelist(struct reference *reference, const char *const *hostnames, size_t count);
void reference_update_unavailability(struct reference *reference, const char *agent, bool is_scheduled);
void reference_update_inverse_offer(struct reference *reference, const char *agent, const char *framework,
                                    int64_t timeout_ns);

void reference_recover(struct reference *reference, const char *framework, const char *agent,
                       const struct resources *resources, int64_t timeout_ns, bool is_allocated);
void reference_update_allocation(struct reference *reference, const char *framework, const char *agent,
                                 const struct resources *offered, const struct resource_conversion *conversions,
                                 size_t count);
int reference_update_available(struct reference *reference, const char *agent,
                               const Mesos__V1__Offer__Operation *operation);

void reference_update_quota(struct reference *reference, const char *role, const struct quantities *guarantees,
                            const struct quantities *limits);
void reference_update_weight(struct reference *reference, const char *role, double weight);
void reference_pause(struct reference *reference, bool is_paused);
