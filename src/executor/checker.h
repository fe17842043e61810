/* SPDX-License-Identifier: Apache-2.0 */
/* Checks and health checks of one task, by Mesos's rules: a first delay, a pause between the end of one check and the
 * start of the next, a time limit for each.
 *
 * A check tells its results as they change; one that could not be done is an empty result. A health check tells a first
 * success, each failure, and the first success after failures; failures in the grace period do not count until there
 * was a success. */
#pragma once

#include "event/env.h"
#include "executor/process_runner.h"

struct checker;

struct checker_options {
    const char *task_id;           /* for the log; copied */
    struct process_runner *runner; /* of command checks */
    char *const *environment;      /* of command checks; borrowed as long as the checker lives */
    const char *directory;         /* of command checks, likewise; NULL: the executor's own */
};

struct checker_events {
    /* A check has another result than before. Valid during the call. */
    void (*on_check)(void *user, const Mesos__V1__CheckStatusInfo *status);
    /* @kill: so many failures in a row that the task is to be killed. */
    void (*on_health)(void *user, bool healthy, bool kill);
};

/* Messages are copied; the first check starts by itself. NULL if @check is not valid. Callbacks come from the loop; in
 * them the checker may be paused but not freed. */
struct checker *checker_new(struct env *env, const Mesos__V1__CheckInfo *check, const struct checker_options *options,
                            const struct checker_events *events, void *user, struct error *err);
struct checker *checker_new_health(struct env *env, const Mesos__V1__HealthCheck *check,
                                   const struct checker_options *options, const struct checker_events *events,
                                   void *user, struct error *err);
void checker_free(struct checker *checker); /* accepts NULL */

/* Paused: what is under way is broken off, nothing is told. Resuming checks at once. Both accept NULL. */
void checker_pause(struct checker *checker);
void checker_resume(struct checker *checker);

/* The status of @check before anything was checked: its type and an empty result. Its parts live in @ret. */
struct empty_check_status {
    Mesos__V1__CheckStatusInfo status;
    Mesos__V1__CheckStatusInfo__Command command;
    Mesos__V1__CheckStatusInfo__Http http;
    Mesos__V1__CheckStatusInfo__Tcp tcp;
};
void check_status_init(struct empty_check_status *ret, Mesos__V1__CheckInfo__Type type);
