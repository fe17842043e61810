/* SPDX-License-Identifier: Apache-2.0 */
/* SUBSCRIBE: checked and applied alike for schedulers that come over HTTP and drivers that come over libprocess. */
#pragma once

#include "base/error.h"
#include "mesos/v1/scheduler/scheduler.pb-c.h"

struct framework;
struct master;
struct offer_constraints; /* allocator/allocator.h */

/* The parts of the call, and what was made of them. */
struct subscription {
    Mesos__V1__FrameworkInfo *info; /* changed where it may not differ from what is known */
    char **suppressed_roles;
    size_t suppressed_count;
    const Mesos__V1__Scheduler__OfferConstraints *constraints_message;
    struct offer_constraints *constraints; /* compiled; taken over by the framework */
    struct framework *framework;           /* the known one, or NULL for a new one */
};

/* Check and prepare; -1 when the subscription is refused with @err. [Master::subscribe up to authorization] */
int subscription_prepare(struct master *master, const Mesos__V1__Scheduler__Call__Subscribe *subscribe,
                         struct subscription *ret, struct error *err);
/* Release what subscription_prepare() made, if it was not used. */
void subscription_done(struct subscription *subscription);
/* Make the framework, or bring the known one up to date; it is not connected yet. Returns it. */
struct framework *subscription_apply(struct master *master, struct subscription *subscription);

/* Whether the info of a framework that subscribes or changes is fine with this master. [Master::validateFramework] */
int subscribe_check_info(const struct master *master, const Mesos__V1__FrameworkInfo *info, struct error *err);
