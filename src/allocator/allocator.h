/* SPDX-License-Identifier: Apache-2.0 */
/* Who is offered what: dominant-resource fairness over a tree of roles, with quota, weights and filters.
 *
 * Calls in, offers out. The allocator is told everything that happens to frameworks, agents and resources, and answers
 * with offers through callbacks, which always come from a timer of its env and never from inside a call. It knows no
 * sockets and no clock but the env's. Behaviour is that of Mesos's hierarchical allocator
 * (src/master/allocator/mesos/hierarchical.cpp); the function that each call follows is named in brackets.
 *
 * Ids are strings at this border. Everything passed in is copied; what callbacks are given is valid during the
 * callback. Ids must be known (unknown to the allocator is a bug of the caller) except where it says otherwise.
 * Resources that are offered, used, recovered or converted carry an allocation role (resources_allocate()); totals of
 * agents do not.
 *
 * The life of resources:
 *
 *     available -- round --> offered -- allocator_transition_offered_to_allocated() --> allocated
 *         ^                     |                                                          |
 *         '----- allocator_recover_resources(…, is_allocated) --------------------------- '
 */
#pragma once

#include "base/metrics.h"
#include "event/env.h"
#include "mesos/v1/allocator/allocator.pb-c.h"
#include "mesos/v1/mesos.pb-c.h"
#include "mesos/v1/scheduler/scheduler.pb-c.h"
#include "model/resources.h"

struct allocator;

enum allocator_sorter { ALLOCATOR_SORTER_DRF, ALLOCATOR_SORTER_RANDOM };

/* mesos::allocator::Options; the flag of mesos-master that fills a member is named with it. */
struct allocator_options {
    int64_t allocation_interval_ns;           /* --allocation_interval; 1 s */
    enum allocator_sorter role_sorter;        /* --role_sorter */
    enum allocator_sorter framework_sorter;   /* --framework_sorter */
    const char *const *fair_sharing_excluded; /* --fair_sharing_excluded_resource_names; NULL-terminated or NULL */
    const struct quantities *min_allocatable; /* --min_allocatable_resources: any one of these makes an offer */
    size_t min_allocatable_count;             /* 0: everything does */
    bool filter_gpu_resources;                /* --filter_gpu_resources; true */
    const Mesos__V1__DomainInfo *domain;      /* --domain of the master; NULL: none */
    int64_t recovery_timeout_ns;              /* --allocator_recovery_timeout; 10 min */
    double agent_recovery_factor;             /* --allocator_agent_recovery_factor; 0.8 */
    bool allocate_on_recovery;                /* start a round as soon as a task or executor frees resources, instead of
                                               * at the next interval; true */
    size_t slice_steps;  /* how many steps (of some 100 ns; an offer takes six) a round takes before it yields to the
                          * loop; 12,000; 0: no limit */
    size_t slice_offers; /* how many offers are delivered before it yields; 400; 0: no limit */
    size_t max_completed_frameworks; /* --max_completed_frameworks: whose metrics are kept */
    uint64_t random_seed; /* of the order in which agents are visited and of the random sorter; 0: drawn from the env */
    bool publish_per_framework_metrics; /* --publish_per_framework_metrics */
    struct metrics *metrics;            /* where allocator/… is listed; NULL: nowhere */
};

/* The defaults of the flags above, with min_allocatable of cpus:0.01 or mem:32 left to the caller
 * (allocator_parse_min…).
 */
void allocator_options_init(struct allocator_options *options);

/* Parse --min_allocatable_resources: "cpus:0.01|mem:32". The caller frees each and the array. */
int allocator_parse_min_allocatable(const char *text, struct quantities **ret, size_t *ret_count, struct error *err);

/* One resource bundle offered to a framework. */
struct allocator_offer {
    const char *role;
    const char *agent_id;
    const struct resources *resources; /* allocated to @role */
};

struct allocator_inverse_offer {
    const char *agent_id;
    const Mesos__V1__Unavailability *unavailability; /* the resources are always empty: the whole agent is meant */
};

struct allocator_callbacks {
    /* What a round offers to one framework, ordered by role; in several calls if it is more than slice_offers. What is
     * offered counts as used by the framework until the receiver hands it back with allocator_recover_resources(); a
     * receiver that cannot send it (framework gone or inactive, agent gone) must do so at once. */
    void (*on_offers)(void *user, const char *framework_id, const struct allocator_offer *offers, size_t count);
    void (*on_inverse_offers)(void *user, const char *framework_id, const struct allocator_inverse_offer *offers,
                              size_t count);
};

/* @options and the arrays it points to are copied, @callbacks is borrowed. The first round comes after the interval or
 * an event. [initialize] */
struct allocator *allocator_new(const struct allocator_options *options, const struct allocator_callbacks *callbacks,
                                void *user, struct env *env);
void allocator_free(struct allocator *allocator); /* accepts NULL */

/* After a failover: set the quotas, and if there are any, hold all offers until @expected_agents times the recovery
 * factor have been added or the recovery timeout has passed. Before any agent is added. [recover] */
struct allocator_quota {
    const char *role;
    struct quantities guarantees;
    struct quantities limits; /* a name that is missing is not limited */
};
void allocator_recover(struct allocator *allocator, size_t expected_agents, const struct allocator_quota *quotas,
                       size_t count);

/* Frameworks */

/* Offer constraints, checked and compiled. [OfferConstraintsFilter] */
struct offer_constraints;
struct offer_constraints_limits {
    size_t max_regex_bytes;   /* --offer_constraints_re2_max_mem: of each compiled regular expression; 4096 */
    int64_t max_program_size; /* --offer_constraints_re2_max_program_size: its instructions; 100 */
};
/* The defaults of the flags. */
extern const struct offer_constraints_limits offer_constraints_default_limits;
/* Check and compile @message (NULL: none, which gives NULL). What a match may take is limited, too. */
int offer_constraints_new(const Mesos__V1__Scheduler__OfferConstraints *message,
                          const struct offer_constraints_limits *limits, struct offer_constraints **ret,
                          struct error *err);
void offer_constraints_free(struct offer_constraints *constraints); /* accepts NULL */

/* What one framework uses on one agent, or an agent for one framework. */
struct allocator_used {
    const char *id; /* of the agent, or of the framework */
    const struct resources *resources;
};

struct allocator_framework {
    const Mesos__V1__FrameworkInfo *info; /* id, roles (or role), capabilities, offer_filters, name */
    const char *const *suppressed_roles;  /* a part of its roles */
    size_t suppressed_count;
    struct offer_constraints *constraints; /* taken over; NULL: none */
};

/* Add a framework; @used is what it already uses by agent (agents that are not known yet are passed over).
 * [addFramework] */
void allocator_add_framework(struct allocator *allocator, const struct allocator_framework *framework,
                             const struct allocator_used *used, size_t used_count, bool is_active);
/* Everything it used or was offered becomes available. [removeFramework] */
void allocator_remove_framework(struct allocator *allocator, const char *framework_id);
bool allocator_has_framework(const struct allocator *allocator, const char *framework_id);
void allocator_activate_framework(struct allocator *allocator, const char *framework_id);
/* It gets no offers and its filters are dropped; what it uses stays used. [deactivateFramework] */
void allocator_deactivate_framework(struct allocator *allocator, const char *framework_id);
/* New roles, capabilities, filters, constraints, suppressed roles. [updateFramework] */
void allocator_update_framework(struct allocator *allocator, const struct allocator_framework *framework);
/* No offers for these of its roles (@count 0: for all), until revived. [suppressOffers] */
void allocator_suppress(struct allocator *allocator, const char *framework_id, const char *const *roles, size_t count);
/* Offers again, and the filters of these roles are dropped. [reviveOffers] */
void allocator_revive(struct allocator *allocator, const char *framework_id, const char *const *roles, size_t count);
/* A REQUEST call; noted and counted only, as in Mesos. [requestResources] */
void allocator_request_resources(struct allocator *allocator, const char *framework_id, size_t request_count);

/* Agents */

struct allocator_agent {
    const char *id;
    const Mesos__V1__AgentInfo *info; /* hostname, attributes, domain */
    const Mesos__V1__AgentInfo__Capability *const *capabilities;
    size_t capability_count;
    const struct resources *total; /* allocator_update_agent(): NULL: unchanged */
};

/* @used is what frameworks use there; frameworks that are not known yet are kept in mind and counted once they are
 * added. @unavailability NULL: no maintenance. [addSlave] */
void allocator_add_agent(struct allocator *allocator, const struct allocator_agent *agent,
                         const Mesos__V1__Unavailability *unavailability, const struct allocator_used *used,
                         size_t used_count);
/* [removeSlave] */
void allocator_remove_agent(struct allocator *allocator, const char *agent_id);
bool allocator_has_agent(const struct allocator *allocator, const char *agent_id);
/* New info, capabilities (NULL: unchanged) or total. Changed attributes drop the filters on it. [updateSlave] */
void allocator_update_agent(struct allocator *allocator, const struct allocator_agent *agent);
/* A resource provider of the agent has come, with what is used of it. [addResourceProvider] */
void allocator_add_resource_provider(struct allocator *allocator, const char *agent_id, const struct resources *total,
                                     const struct allocator_used *used, size_t used_count);
/* A deactivated (draining, disconnected) agent is offered to nobody. [activateSlave, deactivateSlave] */
void allocator_activate_agent(struct allocator *allocator, const char *agent_id);
void allocator_deactivate_agent(struct allocator *allocator, const char *agent_id);
/* Only agents with these host names are offered; NULL: all. [updateWhitelist] */
void allocator_update_whitelist(struct allocator *allocator, const char *const *hostnames, size_t count);
/* Maintenance is scheduled, or not any more (NULL): inverse offers go to those who use the agent.
 * [updateUnavailability] */
void allocator_update_unavailability(struct allocator *allocator, const char *agent_id,
                                     const Mesos__V1__Unavailability *unavailability);

/* Resources */

/* The framework applied operations to what it was offered on an agent: @conversions with allocation roles, as the
 * master normalised them. They must apply. [updateAllocation] */
void allocator_update_allocation(struct allocator *allocator, const char *framework_id, const char *agent_id,
                                 const struct resources *offered, const struct resource_conversion *conversions,
                                 size_t count);
/* An operator changes what is available on an agent (reserve, unreserve, create, destroy). Fails, changing nothing, if
 * what is available there does not allow it. [updateAvailable] */
int allocator_update_available(struct allocator *allocator, const char *agent_id,
                               const Mesos__V1__Offer__Operation *const *operations, size_t count, struct error *err);
/* A launch: what was offered is in use now. [transitionOfferedToAllocated] */
void allocator_transition_offered_to_allocated(struct allocator *allocator, const char *agent_id,
                                               const struct resources *resources);
/* Resources come back, all allocated to one role: @is_allocated if they had been in use, else they were only offered.
 * With @filters the framework's role is not offered this or less on this agent for a while (at least one interval).
 * Nothing happens if the framework or the agent is gone. [recoverResources] */
void allocator_recover_resources(struct allocator *allocator, const char *framework_id, const char *agent_id,
                                 const struct resources *resources, const Mesos__V1__Filters *filters,
                                 bool is_allocated);

/* Inverse offers */

/* The framework answered an inverse offer (@status ACCEPT or DECLINE), or it was rescinded or timed out (NULL). Ignored
 * if none is outstanding or the agent has no maintenance. [updateInverseOffer] */
void allocator_update_inverse_offer(struct allocator *allocator, const char *agent_id, const char *framework_id,
                                    const Mesos__V1__Allocator__InverseOfferStatus *status,
                                    const Mesos__V1__Filters *filters);
/* Visit the last answers of frameworks about agents with maintenance. [getInverseOfferStatuses] */
typedef void allocator_inverse_visit(void *user, const char *agent_id,
                                     const Mesos__V1__Allocator__InverseOfferStatus *status);
void allocator_for_each_inverse_offer_status(const struct allocator *allocator, allocator_inverse_visit *visit,
                                             void *user);

/* Roles */

/* Set the quota of a top-level role; empty guarantees and limits remove it. [updateQuota] */
void allocator_update_quota(struct allocator *allocator, const char *role, const struct quantities *guarantees,
                            const struct quantities *limits);
/* [updateWeights] */
void allocator_update_weight(struct allocator *allocator, const char *role, double weight);
/* What counts against a role's quota: unreserved non-revocable allocations of it and below (offers not counted), and
 * all reservations to it and below. [Role::quotaConsumed] */
void allocator_quota_consumed(const struct allocator *allocator, const char *role, struct quantities *ret);
/* Whether the constraints of @role of the framework exclude the agent, for /allocator/offer_constraints_debug. */
bool allocator_is_agent_excluded(const struct allocator *allocator, const char *framework_id, const char *role,
                                 const char *agent_id);

/* Rounds */

/* While paused no round begins. [pause, resume] */
void allocator_pause(struct allocator *allocator);
void allocator_resume(struct allocator *allocator);
/* Ask for a round over all agents; it comes from the loop. [generateOffers] */
void allocator_allocate(struct allocator *allocator);

/* Figures for tests and benches. */
struct allocator_figures {
    uint64_t rounds, slices, agents_visited, offers;
    size_t agents, frameworks, roles, filters;
    size_t agent_bytes, framework_bytes, filter_bytes; /* held for all of each kind, allocations included */
};
void allocator_figures(const struct allocator *allocator, struct allocator_figures *ret);
