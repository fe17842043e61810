/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/http/usage.h"

#include <string.h>

#include "agent/nested.h"

struct collection {
    struct list member;             /* agent->collections */
    struct agent *agent;            /* NULL once it has ended */
    struct http_exchange *exchange; /* NULL once it is closed */
    void (*ready)(struct http_exchange *exchange, const struct usage_entry *entries, size_t count);
    struct usage_entry *entries;
    size_t count, missing;
};

static void collection_free(struct collection *collection) {
    list_remove(&collection->member);
    for (size_t i = 0; i < collection->count; i++) {
        free(collection->entries[i].container_id);
        MESSAGE_FREE(collection->entries[i].statistics);
    }
    free(collection->entries);
    free(collection);
}

static void complete(struct agent *agent, struct usage_entry *entry) {
    entry->executor = table_find(&agent->containers, entry->container_id);
    entry->is_there = entry->executor != NULL || nested_find(agent, entry->container_id) != NULL;
    entry->pid = agent->containerizer->ops->pid(agent->containerizer, entry->container_id);
}

static void answer(struct collection *collection) {
    struct http_exchange *exchange = take_ptr(&collection->exchange);

    if (exchange != NULL && collection->agent != NULL) {
        http_exchange_on_closed(exchange, NULL, NULL);
        for (size_t i = 0; i < collection->count; i++)
            complete(collection->agent, &collection->entries[i]);
        collection->ready(exchange, collection->entries, collection->count);
    }
    collection_free(collection);
}

static void arrived(struct collection *collection) {
    if (--collection->missing == 0)
        answer(collection);
}

static void on_usage(void *user, const char *id, const Mesos__V1__ResourceStatistics *statistics,
                     const struct error *err) {
    struct collection *collection = user;

    for (size_t i = 0; i < collection->count; i++) {
        struct usage_entry *entry = &collection->entries[i];

        if (statistics != NULL && entry->statistics == NULL && strcmp(entry->container_id, id) == 0)
            entry->statistics = MESSAGE_COPY(statistics);
    }
    arrived(collection);
}

static void on_closed(struct http_exchange *exchange, void *user) {
    ((struct collection *)user)->exchange = NULL;
}

void usage_collect(struct agent *agent, struct http_exchange *exchange, unsigned kinds,
                   void (*ready)(struct http_exchange *exchange, const struct usage_entry *entries, size_t count)) {
    struct collection *collection = new0(struct collection);
    const struct agent_executor *executor;
    const struct nested_container *nested;

    collection->agent = agent;
    collection->exchange = exchange;
    collection->ready = ready;
    collection->entries = xcalloc(agent->containers.count + agent->nested.count + 1, sizeof(*collection->entries));
    list_append(&agent->collections, &collection->member);
    http_exchange_on_closed(exchange, on_closed, collection);
    table_for_each (&agent->containers, executor) {
        if ((kinds & USAGE_EXECUTORS) != 0 && executor->container == CONTAINER_LIVES)
            collection->entries[collection->count++].container_id = xstrdup(executor->container_id);
    }
    table_for_each (&agent->nested, nested) {
        const unsigned kind = strchr(nested->id, '.') != NULL ? USAGE_NESTED : USAGE_STANDALONE;

        if ((kinds & kind) != 0 && nested->state == NESTED_RUNNING)
            collection->entries[collection->count++].container_id = xstrdup(nested->id);
    }
    /* One more than asked for, so that nothing is answered before all was asked for. */
    collection->missing = collection->count + 1;
    for (size_t i = 0; i < collection->count; i++)
        agent->containerizer->ops->usage(agent->containerizer, collection->entries[i].container_id, on_usage,
                                         collection);
    arrived(collection);
}

void usage_cancel_all(struct agent *agent) {
    struct collection *collection;

    /* The containerizer still calls back, or is freed and does not; it is told nothing here. */
    list_for_each (&agent->collections, collection, member) {
        list_remove(&collection->member);
        if (collection->exchange != NULL)
            http_exchange_abort(collection->exchange);
        collection->exchange = NULL;
        collection->agent = NULL;
    }
}
