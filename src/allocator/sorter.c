/* SPDX-License-Identifier: Apache-2.0 */
#include "allocator/sorter.h"

#include <assert.h>
#include <math.h>

void allocator_siblings_done(struct siblings *siblings) {
    free(siblings->order);
    free(siblings->tags);
    free(siblings->by_name);
    *siblings = (struct siblings){0};
}

static void reserve(struct siblings *siblings) {
    if (siblings->count < siblings->capacity)
        return;
    siblings->capacity = siblings->capacity == 0 ? 4 : siblings->capacity * 2;
    siblings->order = xrealloc(siblings->order, siblings->capacity * sizeof(siblings->order[0]));
    siblings->tags = xrealloc(siblings->tags, siblings->capacity * sizeof(siblings->tags[0]));
    siblings->by_name = xrealloc(siblings->by_name, siblings->capacity * sizeof(siblings->by_name[0]));
}

static uint32_t find_by_name(const struct siblings *siblings, const char *name) {
    uint32_t low = 0, high = siblings->count;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;

        if (strcmp(siblings->by_name[middle]->name, name) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

void allocator_siblings_add(struct siblings *siblings, struct sorter_node *node) {
    uint32_t position = find_by_name(siblings, node->name);

    reserve(siblings);
    memmove(&siblings->by_name[position + 1], &siblings->by_name[position],
            (siblings->count - position) * sizeof(siblings->by_name[0]));
    siblings->by_name[position] = node;
    siblings->count++;
    siblings->needs_ranks = true;
    siblings->is_dirty = true;
    if (node->is_active) {
        siblings->order[siblings->active_count] = node;
        siblings->tags[siblings->active_count++] = node->tag;
    }
}

/* Where @node is in an order that is up to date. */
static uint32_t find_place(const struct siblings *siblings, const struct sorter_node *node) {
    uint32_t low = 0, high = siblings->active_count;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;

        if (sorter_node_is_before(siblings->order[middle], node))
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static uint32_t find_in_order(const struct siblings *siblings, const struct sorter_node *node) {
    uint32_t place;

    if (!siblings->is_dirty) {
        place = find_place(siblings, node);
        assert(siblings->order[place] == node);
        return place;
    }
    for (place = 0; siblings->order[place] != node; place++)
        assert(place + 1 < siblings->active_count);
    return place;
}

static void close_gap(struct siblings *siblings, uint32_t place) {
    uint32_t rest = siblings->active_count - place - 1;

    memmove(&siblings->order[place], &siblings->order[place + 1], rest * sizeof(siblings->order[0]));
    memmove(&siblings->tags[place], &siblings->tags[place + 1], rest * sizeof(siblings->tags[0]));
    siblings->active_count--;
}

static void insert(struct siblings *siblings, struct sorter_node *node, uint32_t place) {
    uint32_t rest = siblings->active_count - place;

    memmove(&siblings->order[place + 1], &siblings->order[place], rest * sizeof(siblings->order[0]));
    memmove(&siblings->tags[place + 1], &siblings->tags[place], rest * sizeof(siblings->tags[0]));
    siblings->order[place] = node;
    siblings->tags[place] = node->tag;
    siblings->active_count++;
}

void allocator_siblings_remove(struct siblings *siblings, struct sorter_node *node) {
    uint32_t position = find_by_name(siblings, node->name);

    if (node->is_active)
        close_gap(siblings, find_in_order(siblings, node));
    assert(siblings->by_name[position] == node);
    memmove(&siblings->by_name[position], &siblings->by_name[position + 1],
            (siblings->count - position - 1) * sizeof(siblings->by_name[0]));
    siblings->count--;
    /* The ranks of the others have a gap now, which does not change their order. */
}

void allocator_siblings_set_active(struct siblings *siblings, struct sorter_node *node, bool is_active) {
    if (node->is_active == is_active)
        return;
    if (!is_active) {
        close_gap(siblings, find_in_order(siblings, node));
    } else {
        /* Its share may be of older totals, so the order is worked out anew. */
        siblings->order[siblings->active_count] = node;
        siblings->tags[siblings->active_count++] = node->tag;
        siblings->is_dirty = true;
    }
    node->is_active = is_active;
}

double allocator_sorter_share(const struct sorter_node *node, const struct sorter_totals *totals) {
    double share = 0;

    for (size_t i = 0; i < totals->dimensions; i++) {
        int64_t total = amounts_get(&totals->total, i);
        double part;

        if (total <= 0 || totals->is_excluded[i])
            continue;
        part = (double)amounts_get(&node->allocated, i) / (double)total;
        if (part > share)
            share = part;
    }
    return share / node->weight;
}

static int compare(const void *a, const void *b) {
    const struct sorter_node *left = *(struct sorter_node *const *)a, *right = *(struct sorter_node *const *)b;

    return sorter_node_is_before(left, right) ? -1 : sorter_node_is_before(right, left);
}

/* Few are out of place as a rule, so that moving these is enough; if many are, sort. */
static void sort(struct siblings *siblings) {
    uint32_t moves_left = 2 * siblings->active_count + 16;

    for (uint32_t i = 1; i < siblings->active_count; i++) {
        struct sorter_node *node = siblings->order[i];
        uint32_t place = i;

        while (place > 0 && sorter_node_is_before(node, siblings->order[place - 1])) {
            siblings->order[place] = siblings->order[place - 1];
            place--;
            if (--moves_left == 0)
                break;
        }
        siblings->order[place] = node;
        if (moves_left == 0) {
            qsort(siblings->order, siblings->active_count, sizeof(siblings->order[0]), compare);
            break;
        }
    }
    for (uint32_t i = 0; i < siblings->active_count; i++)
        siblings->tags[i] = siblings->order[i]->tag;
}

void allocator_siblings_refresh(struct siblings *siblings, const struct sorter_totals *totals) {
    if (siblings_are_fresh(siblings, totals))
        return;
    if (siblings->needs_ranks)
        for (uint32_t i = 0; i < siblings->count; i++)
            siblings->by_name[i]->rank = i;
    siblings->needs_ranks = false;
    for (uint32_t i = 0; i < siblings->active_count; i++)
        siblings->order[i]->share = allocator_sorter_share(siblings->order[i], totals);
    sort(siblings);
    siblings->is_dirty = false;
    siblings->version = totals->version;
}

void allocator_siblings_update(struct siblings *siblings, struct sorter_node *node, uint32_t times,
                               const struct sorter_totals *totals) {
    uint32_t place;
    struct sorter_node **order = siblings->order;

    if (!siblings_are_fresh(siblings, totals) || !node->is_active) {
        node->count += times;
        siblings->is_dirty |= node->is_active;
        return;
    }
    place = find_in_order(siblings, node);
    node->count += times;
    node->share = allocator_sorter_share(node, totals);
    if ((place == 0 || sorter_node_is_before(order[place - 1], node)) &&
        (place + 1 == siblings->active_count || sorter_node_is_before(node, order[place + 1])))
        return;
    close_gap(siblings, place);
    insert(siblings, node, find_place(siblings, node));
}

uint64_t allocator_sorter_hash(const char *text) {
    uint64_t hash = 0xcbf29ce484222325u;

    for (; *text != '\0'; text++)
        hash = (hash ^ (unsigned char)*text) * 0x100000001b3u;
    return sorter_mix(hash, 0);
}

double allocator_sorter_random_key(uint64_t node_hash, double weight, uint64_t visit_seed) {
    double uniform = (double)((sorter_mix(node_hash, visit_seed) >> 11) + 1) * 0x1p-53; /* in (0, 1] */

    return -log(uniform) / weight;
}
