/* SPDX-License-Identifier: Apache-2.0 */
#include "driver/state_future.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/duration.h"
#include "base/list.h"

struct state_client {
    struct state_store *store; /* NULL once it is closed */
    pthread_t thread;
    bool has_thread;
    pthread_mutex_t lock; /* of what follows, and of the futures */
    pthread_cond_t changed;
    bool is_closing;
    struct list pending;     /* of struct state_future */
    unsigned int references; /* by the futures and by who has not closed it */
};

struct state_future {
    struct state_client *client;
    struct list link;
    enum state_operation operation;
    struct state_variable *variable;
    struct state_result result;
    bool is_done, is_abandoned, is_given_up;
};

/* The lock is held, and released. */
static void unreference(struct state_client *client) {
    bool is_last = --client->references == 0;

    pthread_mutex_unlock(&client->lock);
    if (!is_last)
        return;
    pthread_cond_destroy(&client->changed);
    pthread_mutex_destroy(&client->lock);
    free(client);
}

static void destroy(struct state_future *future) {
    state_variable_free(future->variable);
    free(future->result.error);
    state_variable_free(future->result.variable);
    for (size_t i = 0; i < future->result.name_count; i++)
        free(future->result.names[i]);
    free(future->result.names);
    free(future);
}

static void perform(struct state_store *store, struct state_future *future) {
    cleanup_error struct error err = ERROR_INIT;
    struct state_result *result = &future->result;
    int status = -1;

    switch (future->operation) {
    case STATE_FETCH:
        status = store->ops->fetch(store, future->variable->name, &result->variable, &err);
        break;
    case STATE_STORE:
        status = store->ops->store(store, future->variable, &result->variable, &err);
        break;
    case STATE_EXPUNGE:
        status = store->ops->expunge(store, future->variable, &result->is_expunged, &err);
        break;
    case STATE_NAMES:
        status = store->ops->names(store, &result->names, &result->name_count, &err);
        break;
    }
    if (status < 0)
        result->error = xstrdup(error_message(&err));
}

/* The lock is held. One that nobody waits for any longer is gone afterwards; its client is still there. */
static void finish(struct state_future *future) {
    struct state_client *client = future->client;

    future->is_done = true;
    /* In Mesos only these two have a step left to do, which is not done for what was given up. */
    future->result.is_discarded = future->is_given_up &&
                                  (future->operation == STATE_FETCH || future->operation == STATE_STORE);
    pthread_cond_broadcast(&client->changed);
    if (future->is_abandoned) {
        destroy(future);
        client->references--;
    }
}

static void *run(void *user) {
    struct state_client *client = user;
    struct state_future *future;

    pthread_mutex_lock(&client->lock);
    while (!client->is_closing) {
        future = list_first(&client->pending, struct state_future, link);
        if (future == NULL) {
            pthread_cond_wait(&client->changed, &client->lock);
            continue;
        }
        list_remove(&future->link);
        pthread_mutex_unlock(&client->lock);
        perform(client->store, future);
        pthread_mutex_lock(&client->lock);
        finish(future);
    }
    while ((future = list_first(&client->pending, struct state_future, link)) != NULL) {
        list_remove(&future->link);
        future->result.error = xstrdup("the state is no longer there");
        finish(future);
    }
    pthread_mutex_unlock(&client->lock);
    return NULL;
}

struct state_client *state_client_new(struct state_store *store) {
    struct state_client *client = new0(struct state_client);
    pthread_condattr_t attributes;

    client->store = store;
    client->references = 1;
    list_init(&client->pending);
    pthread_mutex_init(&client->lock, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&client->changed, &attributes);
    pthread_condattr_destroy(&attributes);
    if (store->ops->interrupt != NULL && pthread_create(&client->thread, NULL, run, client) == 0)
        client->has_thread = true;
    return client;
}

void state_client_close(struct state_client *client) {
    if (client == NULL)
        return;
    pthread_mutex_lock(&client->lock);
    client->is_closing = true;
    pthread_cond_broadcast(&client->changed);
    pthread_mutex_unlock(&client->lock);
    if (client->has_thread) {
        client->store->ops->interrupt(client->store);
        pthread_join(client->thread, NULL);
    }
    client->store->ops->close(client->store);
    pthread_mutex_lock(&client->lock);
    unreference(client);
}

struct state_future *state_begin(struct state_client *client, enum state_operation operation,
                                 const struct state_variable *variable) {
    struct state_future *future = new0(struct state_future);

    future->client = client;
    future->operation = operation;
    if (variable != NULL)
        future->variable = state_variable_new(variable->name, variable->version, variable->value, variable->size);
    if (!client->has_thread)
        perform(client->store, future);
    pthread_mutex_lock(&client->lock);
    client->references++;
    if (client->has_thread)
        list_append(&client->pending, &future->link);
    else
        future->is_done = true;
    pthread_cond_broadcast(&client->changed);
    pthread_mutex_unlock(&client->lock);
    return future;
}

const struct state_result *state_future_wait(struct state_future *future, int64_t timeout_ns) {
    struct state_client *client = future->client;
    struct timespec deadline;
    int result = 0;
    bool is_done;

    clock_gettime(CLOCK_MONOTONIC, &deadline);
    if (timeout_ns > 0) {
        deadline.tv_sec += timeout_ns / SECOND + (deadline.tv_nsec + timeout_ns % SECOND) / SECOND;
        deadline.tv_nsec = (deadline.tv_nsec + timeout_ns % SECOND) % SECOND;
    }
    pthread_mutex_lock(&client->lock);
    while (!future->is_done && result == 0)
        result = timeout_ns < 0 ? pthread_cond_wait(&client->changed, &client->lock)
                                : pthread_cond_timedwait(&client->changed, &client->lock, &deadline);
    is_done = future->is_done;
    pthread_mutex_unlock(&client->lock);
    return is_done ? &future->result : NULL;
}

void state_future_discard(struct state_future *future) {
    struct state_client *client = future->client;

    pthread_mutex_lock(&client->lock);
    if (!future->is_done)
        future->is_given_up = true;
    pthread_mutex_unlock(&client->lock);
}

bool state_future_is_done(struct state_future *future) {
    struct state_client *client = future->client;
    bool is_done;

    pthread_mutex_lock(&client->lock);
    is_done = future->is_done || future->is_given_up;
    pthread_mutex_unlock(&client->lock);
    return is_done;
}

void state_future_free(struct state_future *future) {
    struct state_client *client;

    if (future == NULL)
        return;
    client = future->client;
    pthread_mutex_lock(&client->lock);
    if (!future->is_done) {
        future->is_abandoned = true;
        pthread_mutex_unlock(&client->lock);
        return;
    }
    destroy(future);
    unreference(client);
}
