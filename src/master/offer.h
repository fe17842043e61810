/* SPDX-License-Identifier: Apache-2.0 */
/* An outstanding offer: resources of one agent, for one role of one framework, until they are used, declined or taken
 * back. */
#pragma once

#include "base/arena.h"
#include "base/list.h"
#include "event/env.h"
#include "mesos/v1/allocator/allocator.pb-c.h"
#include "model/resources.h"

struct agent;
struct framework;
struct master;

struct offer {
    char *id;
    struct master *master;
    struct framework *framework;
    struct agent *agent;
    const char *role; /* held name: what the resources are allocated to */
    struct resources resources;
    struct list in_framework; /* framework->offers */
    struct list in_agent;     /* agent->offers */
    struct env_timer timeout; /* --offer_timeout */
};

/* An inverse offer: the agent is going into maintenance, the framework is asked to leave it. */
struct inverse_offer {
    char *id;
    struct framework *framework;
    struct agent *agent;
    Mesos__V1__Unavailability *unavailability;
    struct list in_framework; /* framework->inverse_offers */
    struct list in_agent;     /* agent->inverse_offers */
};

/* The message for the framework, in the formats its capabilities ask for; parts are shared with the offer and its
 * agent, the rest is in @arena. */
Mesos__V1__Offer *offer_to_message(const struct offer *offer, struct arena *arena);
/* The whole of it, as endpoints and the operator API show. */
Mesos__V1__Offer *offer_to_endpoint_message(const struct offer *offer, struct arena *arena);
Mesos__V1__InverseOffer *inverse_offer_to_message(const struct inverse_offer *offer, struct arena *arena);

struct offer *offer_find(const struct master *master, const char *id);
struct inverse_offer *inverse_offer_find(const struct master *master, const char *id);

/* Forget it; its resources are in the caller's hands. [Master::_removeOffer] */
void offer_remove(struct offer *offer);
/* Forget it and hand its resources back to the allocator, with @filters (may be NULL). [Master::discardOffer] */
void offer_discard(struct offer *offer, const Mesos__V1__Filters *filters);
/* As offer_discard() without filters, and tell the framework. [Master::rescindOffer] */
void offer_rescind(struct offer *offer);
/* The same for inverse offers; the allocator is told that it is not outstanding any more. */
void inverse_offer_remove(struct inverse_offer *offer, bool rescind);
/* The framework accepted or declined it: tell the allocator and forget it. */
void inverse_offer_answer(struct inverse_offer *offer, const Mesos__V1__Allocator__InverseOfferStatus *status,
                          const Mesos__V1__Filters *filters);

/* What the allocator calls: makes offers of what it gives and sends them in one event. */
struct allocator_callbacks;
extern const struct allocator_callbacks offer_allocator_callbacks; /* their user is the master */
