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
/* The interval is over: a round of all agents is due. */
void reference_interval(struct reference *reference);
bool reference_is_round_due(const struct reference *reference);
/* Begin the round that is due. If calls are to come between its slices it visits @only these agents (NULL: all that
 * there are), in its own order: those that were of no use to anybody at the beginning are not looked at again. */
void reference_begin_round(struct reference *reference, const char *const *only, size_t count);
/* Go on up to the visit of @agent (NULL: up to the end) in @stage, 1 or 2, or (3) until all visits are done. */
void reference_go_on(struct reference *reference, int stage, const char *agent);
/* Work out the inverse offers for @agent. */
void reference_collect_inverse_offers(struct reference *reference, const char *agent);
void reference_end_round(struct reference *reference);
void reference_expire(struct reference *reference);
/* The offers that rounds have made and nobody has taken. */
struct reference_offer *reference_offers(struct reference *reference, size_t *ret_count);
/* Whether such an offer was there; it is removed. */
bool reference_take_offer(struct reference *reference, const char *framework, const char *role, const char *agent,
                          const struct resources *resources);
void reference_forget_offers(struct reference *reference);
/* "framework agent" of each inverse offer that has not been taken. */
char **reference_inverse_offers(struct reference *reference, size_t *ret_count);
bool reference_take_inverse_offer(struct reference *reference, const char *text);
/* Whether all agents of the round have had theirs worked out. */
bool reference_has_all_inverse_offers(struct reference *reference);

/* After a fail-over: no offers until enough agents are back, if there is any quota. */
void reference_recover_from_failover(struct reference *reference, size_t expected_agents,
                                     const struct allocator_quota *quotas, size_t count);

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
void reference_add_resource_provider(struct reference *reference, const char *agent, const struct resources *total,
                                     const struct allocator_used *used, size_t used_count);
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
                               const Mesos__V1__Offer__Operation *const *operations, size_t count);

void reference_update_quota(struct reference *reference, const char *role, const struct quantities *guarantees,
                            const struct quantities *limits);
void reference_update_weight(struct reference *reference, const char *role, double weight);
void reference_pause(struct reference *reference, bool is_paused);
