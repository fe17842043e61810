/* SPDX-License-Identifier: Apache-2.0 */
/* A scheduler that speaks to the master with libprocess messages, as drivers of Mesos do: those of old ones
 * (RegisterFrameworkMessage, LaunchTasksMessage, …) or the scheduler.Call of newer ones. In calls and events it looks
 * like client/scheduler_client.h. */
#pragma once

#include "client/scheduler_client.h"

struct pid_scheduler;

struct pid_scheduler_options {
    const char *id;                            /* of the actor; another one for each life of a scheduler */
    const char *host;                          /* where it listens */
    const char *master;                        /* "ip:port" */
    const Mesos__V1__FrameworkInfo *framework; /* copied; with an id: a fail-over */
    bool sends_calls;                          /* scheduler.Call messages, where old drivers have their own */
};

/* @events: on_refused and on_call_failed are never called; an ERROR event says it. */
struct pid_scheduler *pid_scheduler_new(struct env *env, const struct pid_scheduler_options *options,
                                        const struct scheduler_client_events *events, void *user);
void pid_scheduler_start(struct pid_scheduler *scheduler);
void pid_scheduler_free(struct pid_scheduler *scheduler); /* accepts NULL */
bool pid_scheduler_is_registered(const struct pid_scheduler *scheduler);
/* What the old messages have no words for is sent as a scheduler.Call. False, and nothing is sent, while it is not
 * registered. */
bool pid_scheduler_call(struct pid_scheduler *scheduler, Mesos__V1__Scheduler__Call *call);
