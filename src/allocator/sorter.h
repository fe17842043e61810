/* SPDX-License-Identifier: Apache-2.0 */
/* Siblings that compete for resources, in the order in which they are served: the roles below a role, or the frameworks
 * of a role. Internal to src/allocator.
 *
 * The order is that of DRFSorter::Node::compareDRF() (sorter/drf/sorter.hpp): the smaller weighted dominant share
 * first, then who has been allocated to less often, then by name. It is kept up to date at the cost of a binary search
 * and a move when one sibling changes; when the totals of the cluster have changed, all shares are worked out again the
 * next time the order is asked for. */
#pragma once

#include "allocator/amounts.h"

struct sorter_node {
    double share;    /* as of when the order was last brought up to date */
    uint64_t count;  /* how often it has been allocated to */
    uint32_t rank;   /* its place by name among its siblings */
    uint32_t number; /* in the table of its kind */
    uint32_t hint;   /* where it was in the order when last served */
    double weight;
    bool is_active;         /* takes part in the order */
    uint32_t pending_count; /* times allocated to since the order was last brought up to date */
    bool is_pending;        /* its place is to be brought up to date */
    const char *name;       /* held by the owner */
    uint64_t hash;          /* of the whole path, for the random sorter */
    struct amounts allocated;
};

/* What shares are measured against. */
struct sorter_totals {
    struct amounts total;
    const bool *is_excluded; /* by dimension */
    size_t dimensions;
    uint64_t version; /* changes with the total */
};

/* All nodes of a kind by number; a node's place in the order is its number only, so that moving it is cheap. */
struct sorter_table {
    struct sorter_node **nodes;
    uint32_t *free_numbers;
    uint32_t capacity, free_count;
};

struct siblings {
    const struct sorter_table *table;
    uint32_t *order; /* numbers of the active ones, the first to be served first */
    struct sorter_node **by_name;
    uint32_t active_count, count, capacity;
    uint64_t version; /* of the totals that the shares are of */
    bool is_dirty;    /* the order must be worked out anew */
    bool needs_ranks;
};

/* Give @node a number. */
void allocator_sorter_table_add(struct sorter_table *table, struct sorter_node *node);
void allocator_sorter_table_remove(struct sorter_table *table, struct sorter_node *node);
void allocator_sorter_table_done(struct sorter_table *table);

void allocator_siblings_done(struct siblings *siblings);
void allocator_siblings_add(struct siblings *siblings, struct sorter_node *node);
void allocator_siblings_remove(struct siblings *siblings, struct sorter_node *node);
void allocator_siblings_set_active(struct siblings *siblings, struct sorter_node *node, bool is_active);

/* Bring the order up to date with the totals. */
void allocator_siblings_refresh(struct siblings *siblings, const struct sorter_totals *totals);
/* What @node is allocated has changed (@times of allocating): move it to its place. */
void allocator_siblings_update(struct siblings *siblings, struct sorter_node *node, uint32_t times,
                               const struct sorter_totals *totals);

static inline bool siblings_are_fresh(const struct siblings *siblings, const struct sorter_totals *totals) {
    return !siblings->is_dirty && siblings->version == totals->version;
}

/* Whether @a is served before @b; both siblings with up-to-date shares. */
static inline bool sorter_node_is_before(const struct sorter_node *a, const struct sorter_node *b) {
    if (a->share != b->share)
        return a->share < b->share;
    if (a->count != b->count)
        return a->count < b->count;
    return a->rank < b->rank;
}

double allocator_sorter_share(const struct sorter_node *node, const struct sorter_totals *totals);

/* A well-mixed 64-bit number out of two. */
static inline uint64_t sorter_mix(uint64_t a, uint64_t b) {
    uint64_t x = a ^ (b * 0x9e3779b97f4a7c15u);

    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

uint64_t allocator_sorter_hash(const char *text);

/* The random sorter: siblings are served by ascending key, which makes each next one come with a chance in proportion
 * to its weight (as weightedShuffle() in sorter/random/utils.hpp). */
double allocator_sorter_random_key(uint64_t node_hash, double weight, uint64_t visit_seed);
