/* SPDX-License-Identifier: Apache-2.0 */
/* What the two halves of the reference allocator share: its lists, and the calls into them. */
#pragma once

#include "reference.h"

enum { MOST = 64, MOST_ROLES = 128, MOST_FILTERS = 4096 };

/* What a framework (known or not) has of an agent, under one role or several. */
struct use {
    char *framework;
    struct resources resources;
};

struct agent {
    char *id, *hostname, *region, *zone;
    bool is_active, is_multi_role, is_hierarchical;
    struct resources total;
    struct use uses[MOST];
    size_t use_count;
    Mesos__V1__AgentInfo *info;
    bool has_maintenance;
    char *outstanding[MOST];
    size_t outstanding_count;
    struct resources offered_shared; /* in the round under way */
    bool is_candidate;               /* of the next round */
    bool is_in_round;                /* a candidate of the round under way whose inverse offers are not known yet */
};

/* A framework under one role. */
struct client {
    char *role;
    bool is_subscribed, is_suppressed;
    uint64_t count;
};

struct framework {
    char *id;
    bool is_active;
    Mesos__V1__FrameworkInfo *info;
    Mesos__V1__Scheduler__OfferConstraints *constraints;
    struct client clients[MOST];
    size_t client_count;
};

struct filter {
    char *framework, *role, *agent; /* role NULL: of inverse offers */
    struct resources resources;
    int64_t expires_ns;
};

/* How often a role, or "role/." for its own frameworks, has been allocated to. */
struct node {
    char *path;
    uint64_t count;
};

struct quota {
    char *role;
    struct quantities guarantees, limits;
};

struct weight {
    char *role;
    double weight;
};

struct reference {
    const struct allocator_options *options;
    uint64_t seed, rounds;
    const char *region;
    int64_t now_ns;
    struct agent *agents[MOST];
    size_t agent_count;
    struct framework *frameworks[MOST];
    size_t framework_count;
    struct filter filters[MOST_FILTERS];
    size_t filter_count;
    struct node nodes[MOST_ROLES];
    size_t node_count;
    struct quota quotas[MOST];
    size_t quota_count;
    struct weight weights[MOST];
    size_t weight_count;
    char *whitelist[MOST];
    size_t whitelist_count;
    bool has_whitelist, is_paused, wants_all;
    bool is_recovering; /* after a fail-over, until so many agents are back or time is up */
    size_t expected_agents;
    int64_t recovered_ns;
    struct agent *visits[MOST]; /* of the round under way, in the order of its stage: 1, 2, or 3 when all are done */
    size_t visit_count, next;
    int stage;
    bool has_moved; /* what offers are worked out from has changed other than by a round */
    struct reference_offer offers[MOST * MOST];
    size_t offer_count;
    char *inverse[MOST * MOST];
    size_t inverse_count;
    struct quantities required, headroom; /* of the round under way */
};

struct agent *reference_find_agent(struct reference *r, const char *id);
struct framework *reference_find_framework(struct reference *r, const char *id);
struct client *reference_find_client(struct framework *framework, const char *role);
struct use *reference_find_use(struct agent *agent, const char *framework);
struct quota *reference_find_quota(struct reference *r, const char *role);
/* Whether a framework is tracked under @role (or, with @below, under a role below it). */
bool reference_is_tracked(struct reference *r, const char *role, bool below);
/* @counts: as an allocation, in the order of the sorters. */
void reference_add_use(struct reference *r, struct agent *agent, const char *framework_id,
                       const struct resources *resources, bool counts);
bool reference_has_capability(const struct framework *framework, int type);
#define CAPABLE(framework, name) \
    reference_has_capability(framework, MESOS__V1__FRAMEWORK_INFO__CAPABILITY__TYPE__##name)
struct resources reference_available_on(struct agent *agent);
/* Whether @role of @framework does not want @agent. */
bool reference_excludes(const struct framework *framework, const char *role, const struct agent *agent);
