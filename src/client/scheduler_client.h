/* SPDX-License-Identifier: Apache-2.0 */
/* The scheduler's side of the v1 scheduler API: it finds the leading master, subscribes, and comes back, with the same
 * framework id, when the master or the connection is lost. */
#pragma once

#include "client/subscription.h"
#include "election/detector.h"
#include "mesos/v1/scheduler/scheduler.pb-c.h"

struct scheduler_client;

struct scheduler_client_options {
    const char *master;                        /* see election/detector.h */
    const Mesos__V1__FrameworkInfo *framework; /* copied; with an id: a fail-over of that framework */
    char *const *suppressed_roles;
    size_t suppressed_role_count;
    const Mesos__V1__Scheduler__OfferConstraints *offer_constraints; /* or NULL */
    const char *principal, *secret;                                  /* HTTP basic authentication, or NULL */
    enum media media;
    int64_t backoff_ns; /* the first retry waits up to this long, the next ones longer; 0: 2 s */
};

struct scheduler_client_events {
    /* Every event but HEARTBEAT; SUBSCRIBED says that calls can be made. Valid during the call. */
    void (*on_event)(void *user, const Mesos__V1__Scheduler__Event *event);
    /* The master went away after SUBSCRIBED; tries to subscribe go on. */
    void (*on_disconnected)(void *user);
    /* The master refused the subscription for good (bad FrameworkInfo, wrong credentials, removed framework): no more
     * tries are made. */
    void (*on_refused)(void *user, unsigned status, const char *message);
    /* A call was refused, or lost with its connection; may be NULL. */
    void (*on_call_failed)(void *user, unsigned status, const char *message);
};

struct scheduler_client *scheduler_client_new(struct env *env, const struct scheduler_client_options *options,
                                              const struct scheduler_client_events *events, void *user,
                                              struct error *err);
void scheduler_client_start(struct scheduler_client *client);
/* Drops the connection: for the master, the scheduler is gone. Accepts NULL; may be called from its events. */
void scheduler_client_free(struct scheduler_client *client);

bool scheduler_client_is_subscribed(const struct scheduler_client *client);
/* The framework's id, or NULL before the first SUBSCRIBED of a new one. */
const char *scheduler_client_framework_id(const struct scheduler_client *client);

/* Send a call; the framework id is filled in. Returns false if not subscribed: the call is dropped. */
bool scheduler_client_call(struct scheduler_client *client, Mesos__V1__Scheduler__Call *call);
/* Calls that the master has not answered yet. */
size_t scheduler_client_calls_pending(const struct scheduler_client *client);

/* What the next subscriptions carry instead of the options'; all copied. @constraints may be NULL: none. */
void scheduler_client_set_framework(struct scheduler_client *client, const Mesos__V1__FrameworkInfo *framework);
void scheduler_client_set_suppressed_roles(struct scheduler_client *client, char *const *roles, size_t count);
void scheduler_client_set_offer_constraints(struct scheduler_client *client,
                                            const Mesos__V1__Scheduler__OfferConstraints *constraints);
/* Keep the subscription that there is, for calls to be answered, but make no other one once it is lost: whoever takes
 * over would lose theirs. */
void scheduler_client_leave(struct scheduler_client *client);
/* Resubscribe on a new connection, as schedulers do that doubt the old one. */
void scheduler_client_reconnect(struct scheduler_client *client);
