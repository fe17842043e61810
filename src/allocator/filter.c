/* SPDX-License-Identifier: Apache-2.0 */
/* Refused offers: a framework's role is not offered the same or less on that agent until the filter expires
 * (RefusedOfferFilter, RefusedInverseOfferFilter in hierarchical.cpp). */
#include <assert.h>
#include <math.h>

#include "allocator/internal.h"

/* In steps of a round: its agent and its framework are somewhere else in memory. */
enum { STEPS_OF_AN_EXPIRY = 10 };

/* The table of first filters */

static uint64_t key_of(const struct client *client, const struct agent *agent) {
    return (uint64_t)agent->index << 32 | client->node.number;
}

static size_t home_of(const struct filter_table *table, uint64_t key) {
    return (size_t)sorter_mix(key, 0x51ed27) & (table->capacity - 1);
}

static void put(struct filter_table *table, struct filter *filter) {
    size_t slot = home_of(table, key_of(filter->client, filter->agent));

    while (table->slots[slot] != NULL)
        slot = (slot + 1) & (table->capacity - 1);
    table->slots[slot] = filter;
}

static struct filter **find_slot(const struct filter_table *table, const struct client *client,
                                 const struct agent *agent) {
    if (table->count == 0)
        return NULL;
    for (size_t slot = home_of(table, key_of(client, agent)); table->slots[slot] != NULL;
         slot = (slot + 1) & (table->capacity - 1))
        if (table->slots[slot]->client == client && table->slots[slot]->agent == agent)
            return &table->slots[slot];
    return NULL;
}

static void grow(struct filter_table *table) {
    struct filter **old = table->slots;
    size_t old_capacity = table->capacity;

    table->capacity = old_capacity == 0 ? 64 : old_capacity * 2;
    table->slots = xcalloc(table->capacity, sizeof(table->slots[0]));
    for (size_t i = 0; i < old_capacity; i++)
        if (old[i] != NULL)
            put(table, old[i]);
    free(old);
}

/* Empty @slot and move up those after it that belong there. */
static void close_slot(struct filter_table *table, struct filter **slot) {
    size_t mask = table->capacity - 1, hole = (size_t)(slot - table->slots);

    for (size_t i = (hole + 1) & mask; table->slots[i] != NULL; i = (i + 1) & mask) {
        size_t home = home_of(table, key_of(table->slots[i]->client, table->slots[i]->agent));

        if (((i - home) & mask) < ((i - hole) & mask))
            continue;
        table->slots[hole] = table->slots[i];
        hole = i;
    }
    table->slots[hole] = NULL;
    table->count--;
}

struct filter *allocator_filter_find(const struct allocator *allocator, const struct client *client,
                                     const struct agent *agent) {
    struct filter **slot = find_slot(&allocator->filters, client, agent);

    return slot == NULL ? NULL : *slot;
}

static void table_add_filter(struct filter_table *table, struct filter *filter) {
    struct filter **slot = find_slot(table, filter->client, filter->agent);

    if (slot != NULL) {
        filter->next = *slot;
        *slot = filter;
        return;
    }
    if ((table->count + 1) * 4 > table->capacity * 3)
        grow(table);
    put(table, filter);
    table->count++;
}

/* Returns whether it was the only one of its client and agent. */
static bool table_remove_filter(struct filter_table *table, struct filter *filter) {
    struct filter **slot = find_slot(table, filter->client, filter->agent);

    assert(slot != NULL);
    if (*slot == filter && filter->next == NULL) {
        close_slot(table, slot);
        return true;
    }
    while (*slot != filter)
        slot = &(*slot)->next;
    *slot = filter->next;
    return false;
}

/* Expiry */

static struct filter *first_filter(const struct allocator *allocator) {
    struct heap_member *top = heap_top(&allocator->expiries);

    return top == NULL ? NULL : container_of(top, struct filter, expiry);
}

static struct inverse_filter *first_inverse_filter(const struct allocator *allocator) {
    struct heap_member *top = heap_top(&allocator->inverse_expiries);

    return top == NULL ? NULL : container_of(top, struct inverse_filter, expiry);
}

static void schedule(struct allocator *allocator) {
    struct filter *filter = first_filter(allocator);
    struct inverse_filter *inverse = first_inverse_filter(allocator);
    int64_t next = INT64_MAX;

    if (filter != NULL)
        next = filter->expiry.key;
    if (inverse != NULL && inverse->expiry.key < next)
        next = inverse->expiry.key;
    if (next == INT64_MAX)
        env_timer_stop(&allocator->expiry_timer);
    else if (!env_timer_is_running(&allocator->expiry_timer) || next != allocator->next_expiry_ns)
        env_timer_start(&allocator->expiry_timer, next - env_now(allocator->env));
    allocator->next_expiry_ns = next;
}

/* Filters */

int64_t allocator_filters_timeout_ns(const Mesos__V1__Filters *filters) {
    const int64_t default_ns = 5 * SECOND;

    if (!filters->has_refuse_seconds || isnan(filters->refuse_seconds) || filters->refuse_seconds < 0)
        return default_ns;
    if (filters->refuse_seconds > 365.0 * 24 * 60 * 60)
        return 365 * DAY;
    return duration_from_seconds(filters->refuse_seconds);
}

static void refusal_release(struct refusal *refusal) {
    if (--refusal->references > 0)
        return;
    resources_done(&refusal->resources);
    free(refusal);
}

/* Whether @refused is @resources but for the allocation role, at first sight. */
static bool look_equal(const struct resources *refused, const struct resources *resources) {
    if (refused->count != resources->count)
        return false;
    for (size_t i = 0; i < refused->count; i++)
        if (refused->items[i].kind != resources->items[i].kind ||
            refused->items[i].scalar != resources->items[i].scalar)
            return false;
    return true;
}

/* One refusal serves all frameworks that refuse the same on an agent in a row. */
static struct refusal *get_refusal(struct agent *agent, const struct resources *resources) {
    struct filter *last = list_last(&agent->filters, struct filter, in_agent);
    struct refusal *refusal;

    if (last != NULL && look_equal(&last->refusal->resources, resources)) {
        last->refusal->references++;
        return last->refusal;
    }
    refusal = new0(struct refusal);
    refusal->references = 1;
    resources_copy(&refusal->resources, resources);
    resources_unallocate(&refusal->resources);
    return refusal;
}

void allocator_filter_add(struct allocator *allocator, struct client *client, struct agent *agent,
                          const struct resources *refused, int64_t timeout_ns) {
    struct filter *filter = pool_take_zeroed(&allocator->filter_pool, struct filter);

    filter->client = client;
    filter->agent = agent;
    filter->refusal = get_refusal(agent, refused);
    list_append(&agent->filters, &filter->in_agent);
    list_append(&client->filters, &filter->in_client);
    table_add_filter(&allocator->filters, filter);
    agent_set_filter(agent, client->node.number, true);
    /* Who refuses all that was there when the agent was last visited can not be offered any part of it. */
    if (look_equal(&agent->basis, refused))
        agent_block(agent, client->node.number);
    heap_add(&allocator->expiries, &filter->expiry, env_now(allocator->env) + timeout_ns);
    client->role->filter_count++;
    allocator->figures.filters++;
    schedule(allocator);
}

static void filter_remove(struct allocator *allocator, struct filter *filter) {
    agent_unblock(filter->agent, filter->client->node.number);
    allocator_agent_mark_dirty(allocator, filter->agent);
    filter->client->role->filter_count--;
    allocator->figures.filters--;
    if (table_remove_filter(&allocator->filters, filter))
        agent_set_filter(filter->agent, filter->client->node.number, false);
    heap_remove(&allocator->expiries, &filter->expiry);
    list_remove(&filter->in_agent);
    list_remove(&filter->in_client);
    refusal_release(filter->refusal);
    pool_give(&allocator->filter_pool, filter);
}

void allocator_filters_remove_of_client(struct allocator *allocator, struct client *client) {
    struct filter *filter;

    list_for_each (&client->filters, filter, in_client)
        filter_remove(allocator, filter);
}

/* Inverse offers */

void allocator_inverse_filter_add(struct allocator *allocator, struct framework *framework, struct agent *agent,
                                  int64_t timeout_ns) {
    struct inverse_filter *filter = new0(struct inverse_filter);

    filter->framework = framework;
    filter->agent = agent;
    list_append(&framework->inverse_filters, &filter->in_framework);
    list_append(&agent->maintenance->filters, &filter->in_agent);
    heap_add(&allocator->inverse_expiries, &filter->expiry, env_now(allocator->env) + timeout_ns);
    schedule(allocator);
}

bool allocator_inverse_filter_is_set(const struct framework *framework, const struct agent *agent) {
    struct inverse_filter *filter;

    list_for_each (&agent->maintenance->filters, filter, in_agent)
        if (filter->framework == framework)
            return true;
    return false;
}

static void inverse_filter_remove(struct allocator *allocator, struct inverse_filter *filter) {
    heap_remove(&allocator->inverse_expiries, &filter->expiry);
    list_remove(&filter->in_framework);
    list_remove(&filter->in_agent);
    free(filter);
}

void allocator_inverse_filters_remove_of_framework(struct allocator *allocator, struct framework *framework) {
    struct inverse_filter *filter;

    list_for_each (&framework->inverse_filters, filter, in_framework)
        inverse_filter_remove(allocator, filter);
}

void allocator_inverse_filters_remove_of_agent(struct allocator *allocator, struct agent *agent) {
    struct inverse_filter *filter;

    if (agent->maintenance == NULL)
        return;
    list_for_each (&agent->maintenance->filters, filter, in_agent)
        inverse_filter_remove(allocator, filter);
}

void allocator_filters_remove_of_agent(struct allocator *allocator, struct agent *agent) {
    struct filter *filter;

    list_for_each (&agent->filters, filter, in_agent)
        filter_remove(allocator, filter);
    allocator_inverse_filters_remove_of_agent(allocator, agent);
}

/* What has expired */

void allocator_filters_go_on_expiring(struct allocator *allocator) {
    struct filter *filter;
    struct inverse_filter *inverse;

    allocator->steps = 0;
    while ((filter = first_filter(allocator)) != NULL && filter->expiry.key <= allocator->expired_ns &&
           allocator->steps < allocator->options.slice_steps) {
        filter_remove(allocator, filter);
        allocator->steps += STEPS_OF_AN_EXPIRY;
    }
    while ((inverse = first_inverse_filter(allocator)) != NULL && inverse->expiry.key <= allocator->expired_ns &&
           allocator->steps < allocator->options.slice_steps) {
        inverse_filter_remove(allocator, inverse);
        allocator->steps += STEPS_OF_AN_EXPIRY;
    }
    allocator->is_expiring = (filter != NULL && filter->expiry.key <= allocator->expired_ns) ||
                             (inverse != NULL && inverse->expiry.key <= allocator->expired_ns);
    schedule(allocator);
}

void allocator_filters_expire(struct allocator *allocator) {
    allocator->expired_ns = env_now(allocator->env);
    allocator_filters_go_on_expiring(allocator);
}
