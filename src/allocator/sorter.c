/* SPDX-License-Identifier: Apache-2.0 */
#include "allocator/sorter.h"

#include <assert.h>
#include <math.h>

void allocator_sorter_table_add(struct sorter_table *table, struct sorter_node *node) {
    if (table->free_count == 0) {
        uint32_t old = table->capacity, new = old == 0 ? 64 : old * 2;

        table->nodes = xrealloc(table->nodes, new * sizeof(table->nodes[0]));
        table->free_numbers = xrealloc(table->free_numbers, new * sizeof(table->free_numbers[0]));
        for (uint32_t i = 0; i < new - old; i++) {
            table->nodes[old + i] = NULL;
            table->free_numbers[i] = new - 1 - i;
        }
        table->free_count = new - old;
        table->capacity = new;
    }
    node->number = table->free_numbers[--table->free_count];
    table->nodes[node->number] = node;
}

void allocator_sorter_table_remove(struct sorter_table *table, struct sorter_node *node) {
    table->nodes[node->number] = NULL;
    table->free_numbers[table->free_count++] = node->number;
}

void allocator_sorter_table_done(struct sorter_table *table) {
    free(table->nodes);
    free(table->free_numbers);
    *table = (struct sorter_table){0};
}

static struct sorter_node *node_at(const struct siblings *siblings, uint32_t place) {
    return siblings->table->nodes[siblings->order[place]];
}

void allocator_siblings_done(struct siblings *siblings) {
    free(siblings->order);
    free(siblings->by_name);
    *siblings = (struct siblings){.table = siblings->table};
}

static void reserve(struct siblings *siblings) {
    if (siblings->count < siblings->capacity)
        return;
    siblings->capacity = siblings->capacity == 0 ? 4 : siblings->capacity * 2;
    siblings->order = xrealloc(siblings->order, siblings->capacity * sizeof(siblings->order[0]));
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
        siblings->order[siblings->active_count++] = node->number;
    }
}

/* Where @node is in an order that is up to date. */
static uint32_t find_place(const struct siblings *siblings, const struct sorter_node *node) {
    uint32_t low = 0, high = siblings->active_count;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;

        if (sorter_node_is_before(node_at(siblings, middle), node))
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static uint32_t find_in_order(const struct siblings *siblings, const struct sorter_node *node) {
    uint32_t place;

    if (node->hint < siblings->active_count && siblings->order[node->hint] == node->number)
        return node->hint;
    if (!siblings->is_dirty) {
        place = find_place(siblings, node);
        assert(siblings->order[place] == node->number);
        return place;
    }
    for (place = 0; siblings->order[place] != node->number; place++)
        assert(place + 1 < siblings->active_count);
    return place;
}

static void close_gap(struct siblings *siblings, uint32_t place) {
    memmove(&siblings->order[place], &siblings->order[place + 1],
            (siblings->active_count - place - 1) * sizeof(siblings->order[0]));
    siblings->active_count--;
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
        siblings->order[siblings->active_count++] = node->number;
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

static void sort_all(struct siblings *siblings) {
    struct sorter_node **nodes = xmalloc((siblings->active_count + 1) * sizeof(*nodes));

    for (uint32_t i = 0; i < siblings->active_count; i++)
        nodes[i] = node_at(siblings, i);
    qsort(nodes, siblings->active_count, sizeof(*nodes), compare);
    for (uint32_t i = 0; i < siblings->active_count; i++)
        siblings->order[i] = nodes[i]->number;
    free(nodes);
}

/* Few are out of place as a rule, so that moving these is enough; if many are, sort. */
static void sort(struct siblings *siblings) {
    uint32_t moves_left = 2 * siblings->active_count + 16;

    for (uint32_t i = 1; i < siblings->active_count; i++) {
        struct sorter_node *node = node_at(siblings, i);
        uint32_t place = i;

        while (place > 0 && sorter_node_is_before(node, node_at(siblings, place - 1)) && moves_left > 0) {
            siblings->order[place] = siblings->order[place - 1];
            place--;
            moves_left--;
        }
        siblings->order[place] = node->number;
        if (moves_left == 0) {
            sort_all(siblings);
            return;
        }
    }
}

void allocator_siblings_refresh(struct siblings *siblings, const struct sorter_totals *totals) {
    if (siblings_are_fresh(siblings, totals))
        return;
    if (siblings->needs_ranks)
        for (uint32_t i = 0; i < siblings->count; i++)
            siblings->by_name[i]->rank = i;
    siblings->needs_ranks = false;
    for (uint32_t i = 0; i < siblings->active_count; i++)
        node_at(siblings, i)->share = allocator_sorter_share(node_at(siblings, i), totals);
    sort(siblings);
    siblings->is_dirty = false;
    siblings->version = totals->version;
}

/* Move what is at @from, whose key has changed, to where it belongs now. */
static void move(struct siblings *siblings, struct sorter_node *node, uint32_t from) {
    uint32_t *order = siblings->order, low, high;

    if (from > 0 && sorter_node_is_before(node, node_at(siblings, from - 1))) {
        low = 0;
        high = from - 1;
    } else if (from + 1 < siblings->active_count && sorter_node_is_before(node_at(siblings, from + 1), node)) {
        low = from + 1;
        high = siblings->active_count - 1;
        /* Who has been served is often the last one now. */
        if (sorter_node_is_before(node_at(siblings, high), node))
            low = high + 1;
    } else {
        return;
    }
    /* In low…high are those that it may have to pass. Find the first after it. */
    for (uint32_t end = high + 1; low < end;) {
        uint32_t middle = low + (end - low) / 2;

        if (sorter_node_is_before(node_at(siblings, middle), node))
            low = middle + 1;
        else
            end = middle;
    }
    if (low <= from) {
        memmove(&order[low + 1], &order[low], (from - low) * sizeof(order[0]));
        order[low] = node->number;
    } else {
        memmove(&order[from], &order[from + 1], (low - 1 - from) * sizeof(order[0]));
        order[low - 1] = node->number;
    }
}

void allocator_siblings_update(struct siblings *siblings, struct sorter_node *node, uint32_t times,
                               const struct sorter_totals *totals) {
    uint32_t place;

    if (!siblings_are_fresh(siblings, totals) || !node->is_active) {
        node->count += times;
        siblings->is_dirty |= node->is_active;
        return;
    }
    place = find_in_order(siblings, node);
    node->count += times;
    node->share = allocator_sorter_share(node, totals);
    move(siblings, node, place);
}

uint64_t allocator_sorter_hash(const char *text) {
    size_t left = strlen(text);
    uint64_t hash = left;

    for (; left >= 8; left -= 8, text += 8) {
        uint64_t eight;

        memcpy(&eight, text, 8);
        hash = sorter_mix(eight, hash);
    }
    for (; left > 0; left--)
        hash = (hash ^ (unsigned char)*text++) * 0x100000001b3u;
    return sorter_mix(hash, 0);
}

double allocator_sorter_random_key(uint64_t node_hash, double weight, uint64_t visit_seed) {
    double uniform = (double)((sorter_mix(node_hash, visit_seed) >> 11) + 1) * 0x1p-53; /* in (0, 1] */

    return -log(uniform) / weight;
}
