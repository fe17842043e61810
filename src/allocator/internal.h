/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of the allocator share. Not for other folders. */
#pragma once

#include "allocator/allocator.h"
#include "allocator/amounts.h"
#include "allocator/sorter.h"
#include "base/heap.h"
#include "base/list.h"
#include "base/pool.h"
#include "base/table.h"

#define NO_LIMIT (-1)
/* Of a round, unless the options say otherwise: as many as a call of the loop may wait for. */
#define ALLOCATOR_SLICE_STEPS 12000

enum { GPUS = 3 }; /* the dimension: see allocator_new() */

struct agent;
struct client;
struct framework;
struct round;

/* Roles
 *
 * The tree has every role that a framework, a reservation, a quota or a weight names, and their ancestors; the root
 * stands above. A role takes part in fair sharing ("is in the sorter") while it or a role below has frameworks. If both
 * it and a role below do, its own frameworks compete with its sub-roles as one more sibling, `own`, called ".". */
struct role {
    const char *name; /* held; "" at the root */
    const char *basename;
    struct role *parent; /* NULL at the root */
    struct role *top;    /* the ancestor (or itself) just below the root, which has the quota; NULL at the root */
    struct list child;   /* in parent->children */
    struct list children;

    double weight;
    bool has_guarantees, has_limits;
    struct amounts guarantees;
    struct amounts limits; /* shifted by one, so that 0 is no limit: see role_limit() */

    /* Of this role and everything below. */
    struct amounts consumed;         /* unreserved, non-revocable, offered or allocated */
    struct amounts reserved;         /* reservations on all agents */
    struct amounts offered_reserved; /* the part of the latter that is offered or allocated */
    struct amounts allocated;        /* as consumed, without what is only offered */

    struct sorter_node node; /* this role and below, among the children of the parent */
    struct sorter_node own;  /* its own frameworks, among its children */
    bool is_in_sorter, has_own;
    bool has_special_clients;   /* with wishes of their own for what makes an offer worthwhile */
    uint32_t clients_below;     /* frameworks of this role and below */
    struct siblings subs;       /* of node (and own) of what is below and in the sorter */
    struct siblings frameworks; /* of client.node */
    struct table clients;       /* of struct client by framework id */

    size_t filter_count;
    struct role_metrics *metrics;
    const struct sorter_totals *metrics_totals; /* what shares are shown against */
};

static inline int64_t role_limit(const struct role *role, size_t dimension) {
    return amounts_get(&role->limits, dimension) - 1;
}

/* A framework under a role: because it subscribes to it, or still has resources of it. */
struct client {
    struct sorter_node node; /* its number is its bit in the agents' sets */
    struct framework *framework;
    struct role *role;
    bool is_subscribed, is_suppressed;
    struct list in_framework;
    struct list usages;                 /* of struct usage */
    struct list filters;                /* of struct filter */
    struct quantities *min_allocatable; /* NULL: as for everybody */
    size_t min_allocatable_count;
    const struct constraint_groups *constraints; /* of the framework's; NULL: none */
    uint8_t *verdicts;                           /* of the constraints by agent, once asked for */
    size_t verdict_count;
    struct list constrained; /* in allocator->constrained, if it has constraints */
    struct metric *suppressed_metric;
};

struct framework {
    const char *id; /* held */
    char *metric_prefix;
    bool is_active;
    bool is_multi_role, is_gpu_aware, is_region_aware, wants_shared, wants_revocable, knows_refinement;
    struct list clients;
    struct offer_constraints *constraints;
    struct table min_allocatable; /* of struct min_allocatable by role */
    struct list inverse_filters;
    struct list inverse_offers;      /* of struct inverse_offer: not delivered yet */
    struct list with_inverse_offers; /* in round.with_inverse_offers */
    struct list offers;              /* of struct offer that a round has made and not delivered */
    struct list with_offers;         /* in round.frameworks */
    bool has_sorted_offers;
    uint64_t number; /* by order of addition */
};

/* Agents */

/* What a framework has of an agent under one role, offered or allocated. */
struct usage {
    struct agent *agent;
    struct client *client;
    struct list in_agent, in_client;
    struct resources resources;
};

/* The same of a framework that has not been added yet. */
struct unknown_usage {
    const char *framework_id; /* held */
    struct list in_agent;
    struct resources resources;
};

struct maintenance {
    struct agent *agent;
    struct list in_allocator; /* in allocator->maintained */
    bool is_in_round;         /* its agent is a candidate of the round under way */
    struct list offers;       /* of struct inverse_offer: not delivered yet */
    struct list filters;      /* of struct inverse_filter */
    Mesos__V1__Unavailability *unavailability;
    struct table answers;     /* of struct inverse_answer by framework id */
    struct table outstanding; /* of names: frameworks that have an inverse offer now */
};

struct agent {
    /* What a visit looks at comes first, so that it is in few cache lines. */
    uint64_t hash;  /* of the id */
    uint32_t index; /* its bit in the sets of agents */
    bool is_active, is_whitelisted, is_remote, has_gpu, is_multi_role, is_hierarchical, total_has_revocable;
    bool is_overcommitted; /* more is used than there is: available is worked out from scratch each time */
    /* About available. */
    bool has_reserved, has_revocable, has_shared, has_refined;
    bool is_described;         /* the four above are up to date */
    bool is_chiefly_quota;     /* what does not count against quota is not worth an offer of its own */
    bool is_quota_described;   /* that, and quota_dimensions, are up to date */
    uint64_t quota_dimensions; /* of what counts against quota; the last bit stands for all from there on */
    bool has_grown;            /* available may no longer be a part of basis */
    bool may_record;           /* available is all of basis */
    bool is_held_back;         /* in its last visit quota kept something back */
    struct resources available;
    struct resources basis;
    /* Two bits of each client, in words side by side: [2 * i] has those to whom nothing of `basis` can be offered, and
     * so nothing of any part of it either; [2 * i + 1] those who have filters here. */
    uint64_t *bits;
    uint32_t bit_words;                    /* pairs of words */
    uint32_t smaller_visits;               /* visits in a row at which available was a smaller part of basis */
    uint64_t quota_version, offer_version; /* of the last visit */
    uint64_t visited_round;
    char *id;
    struct list usages;
    struct list round_offers; /* of struct offer, of the round under way */

    uint64_t shared_round; /* the round offered_shared is about */
    struct resources offered_shared;
    struct list filters, unknown_usages;
    struct resources total;
    struct role_amounts *allocated; /* in use, not only offered; by role */
    size_t allocated_count;
    /* There may be several resources of one name, which share what quota leaves for them, or some that are not
     * divisible: of a part of it more may then be offered than of the whole. Of what is available now, and of anything
     * that was during the last visit. */
    bool is_lumpy, was_lumpy;
    struct maintenance *maintenance;
    char *hostname, *region, *zone;
    Mesos__V1__Attribute **attributes;
    size_t attribute_count;
    struct arena attribute_arena;
};

/* What counts against the quota of a role. */
struct role_amounts {
    const char *role; /* held */
    struct amounts amounts;
};

/* What a framework refused on an agent. */
struct refusal {
    uint32_t references;
    struct resources resources; /* without allocation role */
};

struct filter {
    struct heap_member expiry; /* key: when */
    struct list in_agent, in_client;
    struct client *client;
    struct agent *agent;
    struct filter *next; /* of the same client and agent */
    struct refusal *refusal;
};

/* The first filter of each (agent, client). */
struct filter_table {
    struct filter **slots;
    size_t count, capacity;
};

struct inverse_filter {
    struct heap_member expiry;
    struct list in_framework, in_agent;
    struct framework *framework;
    struct agent *agent;
};

/* One offer of the round under way. */
struct offer {
    struct framework *framework;
    struct client *client;
    struct agent *agent;
    struct list in_framework, in_agent;
    uint64_t number; /* by order of making */
    struct resources resources;
};

struct bitset {
    uint64_t *words;
    uint32_t count; /* of words */
};

/* A sibling whose place is brought up to date at the end of a visit. */
struct pending_update {
    struct siblings *siblings;
    struct sorter_node *node;
};

struct round {
    bool is_running;
    int stage; /* 1: guarantees; 2: everything; 3: delivery; 4: inverse offers are worked out; 5: and delivered */
    uint64_t number, seed;
    uint64_t quota_version, offer_version; /* the allocator's when it began */
    uint32_t *visits;                      /* agents in the order of the stage; NO_AGENT once removed */
    uint32_t visit_count, visit_capacity, next;
    uint64_t *keys; /* to put them in order */
    size_t key_capacity;
    bool is_for_all; /* all agents are candidates */
    uint32_t *candidates;
    uint32_t candidate_count, candidate_capacity;
    uint64_t state_version;  /* of what required and headroom are worked out from */
    struct amounts required; /* headroom that unmet guarantees need */
    struct amounts headroom; /* that there is */
    bool has_required;
    struct list frameworks; /* with offers */
    size_t offer_count;
    bool is_of_interval;
    uint32_t *inverse_agents; /* whose inverse offers are to be worked out; NO_AGENT once removed */
    uint32_t inverse_count, inverse_capacity, inverse_next;
    struct list with_inverse_offers; /* frameworks */
};

#define NO_AGENT UINT32_MAX

struct allocator {
    struct allocator_options options;
    const struct allocator_callbacks *callbacks;
    void *user;
    struct env *env;
    const char *region; /* of the master; NULL: no domain */

    /* Names of scalar resources. */
    const char **dimension_names; /* held */
    bool *is_excluded;
    size_t dimension_count, dimension_capacity;
    char **excluded_names;

    struct table frameworks, agents, roles;
    uint64_t frameworks_added;
    struct role *root;
    size_t guaranteed_roles, limited_roles;
    struct sorter_totals totals;
    struct amounts revocable_available; /* of all agents */

    struct agent **agents_by_index;
    uint32_t agent_capacity, *free_agents, free_agent_count;
    uint64_t *agent_hashes;  /* beside agents_by_index */
    struct bitset held_back; /* agents of which quota kept something back in their last visit */
    struct bitset dirty;     /* agents to be visited by the next round that has them as candidates */
    struct bitset offerable; /* agents that have something available, are active and whitelisted */
    size_t unknown_usage_count;

    struct sorter_table client_nodes, role_nodes;
    size_t client_count;
    struct bitset active_clients;
    struct list constrained; /* clients with constraints */

    struct filter_table filters;
    struct heap expiries;         /* of struct filter */
    struct heap inverse_expiries; /* of struct inverse_filter */
    int64_t next_expiry_ns;       /* what expiry_timer is set to */

    bool has_whitelist;
    struct table whitelist; /* of host names */

    /* Rounds. */
    bool is_paused;
    bool is_recovering;
    size_t expected_agents;
    struct env_timer interval_timer, round_timer, expiry_timer, recovery_timer;
    bool are_all_candidates;
    uint32_t *candidates;
    uint32_t candidate_count, candidate_capacity;
    struct bitset is_candidate;
    struct round round;
    uint64_t rounds_begun;
    uint64_t random_seed;
    uint64_t state_version; /* changes with every event that moves resources or quota */
    uint64_t quota_version; /* as state_version, and with every round after which quota may leave more than during it */
    uint64_t offer_version; /* as state_version, and with every round that offered something */
    char **old_ids;         /* of agents removed while offers are delivered, to be freed after that */
    size_t old_id_count;
    bool is_delivering;
    struct allocator_offer *sent; /* those of the call under way */
    struct resources *sent_resources;
    size_t sent_capacity;
    struct list maintained; /* of struct maintenance */
    bool is_expiring;       /* what has expired has not all been removed yet */
    int64_t expired_ns;     /* until when it is */
    struct pending_update *pending;
    size_t pending_count, pending_capacity;
    size_t steps; /* of the slice under way */
    int64_t next_interval_ns;
    bool is_deferring;        /* within a visit: changes of order wait */
    struct resource *scratch; /* see allocator_scratch_get() */
    int64_t *scratch_parts;   /* twice as many amounts */
    size_t scratch_capacity;
    struct pool agent_pool, usage_pool, offer_pool, filter_pool;
    struct allocator_metrics *metrics;
    struct allocator_figures figures;
};

/* What offers are worked out from has changed, other than by a round. */
static inline void state_changed(struct allocator *allocator) {
    allocator->state_version++;
    allocator->quota_version++;
    allocator->offer_version++;
}

/* dimension.c */
size_t allocator_dimension_get(struct allocator *allocator, const char *name);
static inline size_t dimension_of(struct allocator *allocator, const struct resource *resource) {
    const char *name = resource->kind->name;

    for (size_t i = 0; i < allocator->dimension_count; i++)
        if (allocator->dimension_names[i] == name)
            return i;
    return allocator_dimension_get(allocator, name);
}
/* Add (or with @sign -1 take off) the scalars of @resources. */
void allocator_amounts_add_resources(struct allocator *allocator, struct amounts *amounts,
                                     const struct resources *resources, int sign);
void allocator_amounts_add_quantities(struct allocator *allocator, struct amounts *amounts,
                                      const struct quantities *quantities);

/* role.c */
struct role *allocator_role_new_root(struct allocator *allocator);
struct role *allocator_role_get(struct allocator *allocator, const char *name); /* made if need be */
struct role *allocator_role_find(const struct allocator *allocator, const char *name);
/* Remove @role and its ancestors as far as nothing needs them. */
void allocator_role_try_remove(struct allocator *allocator, struct role *role);
void allocator_role_free_all(struct allocator *allocator);
/* A client has been added to @role, or removed from it: which roles take part in sharing may change. */
void allocator_role_add_to_sorter(struct allocator *allocator, struct role *role);
void allocator_role_remove_from_sorter(struct allocator *allocator, struct role *role);
void allocator_role_track_reservations(struct allocator *allocator, const struct resources *total, int sign);
void allocator_role_set_weight(struct allocator *allocator, struct role *role, double weight);
/* Whether @a is served before @b in a round. */
bool allocator_client_is_before(const struct client *a, const struct client *b);
/* Bring the order of everything @role competes in up to date. */
void allocator_role_refresh(struct allocator *allocator, struct role *role);

/* framework.c */
struct client *allocator_client_find(const struct role *role, const char *framework_id);
struct client *allocator_client_get(struct allocator *allocator, struct framework *framework, struct role *role);
/* Remove @client if it is neither subscribed nor has anything. */
void allocator_client_try_remove(struct allocator *allocator, struct client *client);
void allocator_framework_free(struct allocator *allocator, struct framework *framework);

/* agent.c */
void allocator_agent_free(struct allocator *allocator, struct agent *agent);
/* Work out `available` and what depends on it. */
void allocator_agent_recompute_available(struct allocator *allocator, struct agent *agent);
/* `available` has got more (or may have): the agent is to be visited. */
void allocator_agent_has_grown(struct allocator *allocator, struct agent *agent);
/* `available` has changed either way. */
void allocator_agent_update_offerable(struct allocator *allocator, struct agent *agent);
/* Count what is available and revocable on @agent in the cluster's sum, or take it out (@sign -1) before a change. */
void allocator_revocable_track(struct allocator *allocator, struct agent *agent, int sign);
void allocator_agent_mark_dirty(struct allocator *allocator, struct agent *agent);
void allocator_agents_mark_all_dirty(struct allocator *allocator);
/* @framework has been added: what it uses counts from now on. */
void allocator_agent_adopt_unknown_usages(struct allocator *allocator, struct agent *agent,
                                          struct framework *framework);
void allocator_agent_set_total(struct allocator *allocator, struct agent *agent, const struct resources *total);

/* usage.c */
/* @client gets @resources (allocated to its role) of @agent; the caller changes what is available. */
void allocator_usage_record(struct allocator *allocator, struct agent *agent, struct client *client,
                            const struct resources *resources);
/* The other way; false if it does not have them. */
bool allocator_usage_subtract(struct allocator *allocator, struct agent *agent, struct client *client,
                              const struct resources *resources);
void allocator_usage_remove(struct allocator *allocator, struct usage *usage, bool give_back);
/* Replace, without its counting as an allocation. */
void allocator_usage_replace(struct allocator *allocator, struct agent *agent, struct client *client,
                             const struct resources *old, const struct resources *new);
/* @resources, with allocation roles, are in use on @agent from now on, or no longer (@sign -1). */
void allocator_allocated_track(struct allocator *allocator, struct agent *agent, const struct resources *resources,
                               int sign);
/* The agent goes. */
void allocator_allocated_forget(struct allocator *allocator, struct agent *agent);
/* Bring the places of pending siblings up to date. */
void allocator_sorter_apply_pending(struct allocator *allocator);

/* filter.c */
int64_t allocator_filters_timeout_ns(const Mesos__V1__Filters *filters);
void allocator_filter_add(struct allocator *allocator, struct client *client, struct agent *agent,
                          const struct resources *refused, int64_t timeout_ns);
struct filter *allocator_filter_find(const struct allocator *allocator, const struct client *client,
                                     const struct agent *agent);
void allocator_filters_remove_of_client(struct allocator *allocator, struct client *client);
void allocator_filters_remove_of_agent(struct allocator *allocator, struct agent *agent);
void allocator_inverse_filter_add(struct allocator *allocator, struct framework *framework, struct agent *agent,
                                  int64_t timeout_ns);
bool allocator_inverse_filter_is_set(const struct framework *framework, const struct agent *agent);
void allocator_inverse_filters_remove_of_framework(struct allocator *allocator, struct framework *framework);
void allocator_inverse_filters_remove_of_agent(struct allocator *allocator, struct agent *agent);
/* Remove what has expired by now. If that is much, only a slice of it; the expiry timer then goes on with the rest, and
 * no round begins before that. */
void allocator_filters_expire(struct allocator *allocator);
/* Remove another slice of it. */
void allocator_filters_go_on_expiring(struct allocator *allocator);

/* constraints.c */
const struct constraint_groups *allocator_offer_constraints_find(const struct offer_constraints *constraints,
                                                                 const char *role);
/* @steps is increased by what it takes. */
bool allocator_constraints_exclude(const struct constraint_groups *groups, const struct agent *agent, size_t *steps);
/* As above, remembered. */
bool allocator_client_excludes(struct allocator *allocator, struct client *client, const struct agent *agent);

/* offer.c */
/* Whether quota leaves nothing of @agent to the frameworks of @role, looking at no framework in particular. */
bool allocator_quota_leaves_nothing(struct allocator *allocator, struct agent *agent, const struct role *role);
enum visit_result { OFFER_MADE, OFFER_NOT_MADE, NOTHING_FOR_ROLE };
/* Offer @client what it can have of @agent. */
enum visit_result allocator_offer_try(struct allocator *allocator, struct agent *agent, struct client *client);
void allocator_offer_free(struct allocator *allocator, struct offer *offer);
bool allocator_role_has_unsatisfied_guarantees(const struct role *top);

/* round.c */
void allocator_round_request(struct allocator *allocator, struct agent *agent); /* NULL: all agents */
/* Rounds that were asked for before a pause are due after it. */
void allocator_round_resume(struct allocator *allocator);
void allocator_round_forget_agent(struct allocator *allocator, struct agent *agent);
void allocator_round_on_timer(struct env_timer *timer);
void allocator_round_on_interval(struct env_timer *timer);
void allocator_round_on_expiry(struct env_timer *timer);
void allocator_round_done(struct allocator *allocator);

/* inverse.c */
void allocator_maintenance_set(struct allocator *allocator, struct agent *agent,
                               const Mesos__V1__Unavailability *unavailability);
void allocator_maintenance_free(struct allocator *allocator, struct agent *agent);
void allocator_inverse_offers_begin(struct allocator *allocator);
/* Work out, or deliver, a slice. Returns false if there is more. */
bool allocator_inverse_offers_collect(struct allocator *allocator);
bool allocator_inverse_offers_deliver(struct allocator *allocator);
/* Those to a framework that goes. */
void allocator_inverse_offers_drop(struct framework *framework);

/* metrics.c */
void allocator_metrics_start(struct allocator *allocator);
void allocator_metrics_stop(struct allocator *allocator);
void allocator_metrics_add_role(struct allocator *allocator, struct role *role);
void allocator_metrics_remove_role(struct allocator *allocator, struct role *role);
void allocator_metrics_update_share(struct allocator *allocator, struct role *role);
void allocator_metrics_update_quota(struct allocator *allocator, struct role *role);
void allocator_metrics_update_consumed(struct allocator *allocator, struct role *role);
/* "master/frameworks/<name>/<id>/"; the caller frees. */
char *allocator_metrics_framework_prefix(const Mesos__V1__FrameworkInfo *info);
/* List whether @client is suppressed, or bring it up to date. */
void allocator_metrics_add_client(struct allocator *allocator, struct client *client);
void allocator_metrics_remove_client(struct allocator *allocator, struct client *client);
/* What is listed of a framework stays for a while after it is gone. */
void allocator_metrics_framework_added(struct allocator *allocator, const struct framework *framework);
void allocator_metrics_framework_removed(struct allocator *allocator, const struct framework *framework);
void allocator_metrics_round_requested(struct allocator *allocator);
void allocator_metrics_round_begun(struct allocator *allocator);
void allocator_metrics_round_ended(struct allocator *allocator);

/* Bits */

static inline bool bitset_has(const struct bitset *set, uint32_t bit) {
    return bit / 64 < set->count && (set->words[bit / 64] >> (bit % 64) & 1) != 0;
}

static inline void bitset_clear(struct bitset *set, uint32_t bit) {
    if (bit / 64 < set->count)
        set->words[bit / 64] &= ~(UINT64_C(1) << (bit % 64));
}

/* Room for @count borrowed resources (and twice as many amounts in scratch_parts), until asked for again; a larger
 * @count keeps what a smaller one held. */
struct resource *allocator_scratch_get(struct allocator *allocator, size_t count);

/* A zeroed object of @type. */
#define pool_take_zeroed(pool, type) ((type *)memset(pool_take(pool, sizeof(type)), 0, sizeof(type)))

void allocator_bitset_reserve(struct bitset *set, uint32_t bits);

static inline void bitset_set(struct bitset *set, uint32_t bit) {
    if (bit / 64 >= set->count)
        allocator_bitset_reserve(set, bit + 1);
    set->words[bit / 64] |= UINT64_C(1) << (bit % 64);
}

static inline void bitset_put(struct bitset *set, uint32_t bit, bool value) {
    if (value)
        bitset_set(set, bit);
    else
        bitset_clear(set, bit);
}

/* Make room for the bits of the client with @number. */
void allocator_agent_reserve_bits(struct agent *agent, uint32_t number);
void allocator_agent_unblock_all(struct agent *agent);

/* Whether it is known that nothing can be offered to the client with @number. */
static inline bool agent_is_blocked(const struct agent *agent, uint32_t number) {
    return number / 64 < agent->bit_words && (agent->bits[number / 64 * 2] >> (number % 64) & 1) != 0;
}

static inline void agent_block(struct agent *agent, uint32_t number) {
    if (number / 64 >= agent->bit_words)
        allocator_agent_reserve_bits(agent, number);
    agent->bits[number / 64 * 2] |= UINT64_C(1) << (number % 64);
}

static inline void agent_unblock(struct agent *agent, uint32_t number) {
    if (number / 64 < agent->bit_words)
        agent->bits[number / 64 * 2] &= ~(UINT64_C(1) << (number % 64));
}

static inline bool agent_has_filter(const struct agent *agent, uint32_t number) {
    return number / 64 < agent->bit_words && (agent->bits[number / 64 * 2 + 1] >> (number % 64) & 1) != 0;
}

static inline void agent_set_filter(struct agent *agent, uint32_t number, bool has_filter) {
    if (number / 64 >= agent->bit_words)
        allocator_agent_reserve_bits(agent, number);
    if (has_filter)
        agent->bits[number / 64 * 2 + 1] |= UINT64_C(1) << (number % 64);
    else
        agent->bits[number / 64 * 2 + 1] &= ~(UINT64_C(1) << (number % 64));
}
