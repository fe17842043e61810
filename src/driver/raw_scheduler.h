/* SPDX-License-Identifier: Apache-2.0 */
/* A scheduler that speaks the v1 API itself: it is told when a master can be talked to, sends SUBSCRIBE and every other
 * call of its own accord, and gets every event as it comes. What org.apache.mesos.v1.scheduler.V1Mesos and V0Mesos are
 * made of. */
#pragma once

#include "mesos/mesos.h"

struct raw_scheduler;

/* Called on the scheduler's own thread, one at a time, until raw_scheduler_abort() or _free(). */
struct raw_scheduler_events {
    /* A master answers: SUBSCRIBE can be sent. */
    void (*connected)(struct raw_scheduler *scheduler, void *user);
    /* It no longer does; connected comes again once one does. */
    void (*disconnected)(struct raw_scheduler *scheduler, void *user);
    /* HEARTBEAT included. A refused subscription is an ERROR event made here. */
    void (*received)(struct raw_scheduler *scheduler, void *user, const Mesos__V1__Scheduler__Event *event);
};

/* Text and messages are copied. With @framework (V0Mesos) that is what is subscribed, under the id that it was given
 * first, whatever the scheduler's SUBSCRIBE says. */
struct raw_scheduler_options {
    const char *master, *principal, *secret; /* the last two may be NULL */
    const Mesos__V1__FrameworkInfo *framework;
};

/* NULL if @options->master can not be understood, and then *@ret_error, the caller's, says why. */
struct raw_scheduler *raw_scheduler_new(const struct raw_scheduler_options *options,
                                        const struct raw_scheduler_events *events, void *user, char **ret_error);
/* Begin to call back. */
void raw_scheduler_start(struct raw_scheduler *scheduler);
/* Ends it; what was sent before gets some seconds to be answered. Not from a callback. Accepts NULL. */
void raw_scheduler_free(struct raw_scheduler *scheduler);
/* No more callbacks. From any thread. */
void raw_scheduler_abort(struct raw_scheduler *scheduler);

/* Send @call (copied), from any thread. As in Mesos, a call that does not fit the state (SUBSCRIBE while not connected
 * or twice, anything else while not subscribed) is dropped with a warning. */
void raw_scheduler_send(struct raw_scheduler *scheduler, const Mesos__V1__Scheduler__Call *call);
/* Drop the connection and begin again, as schedulers do that doubt the old one. */
void raw_scheduler_reconnect(struct raw_scheduler *scheduler);
