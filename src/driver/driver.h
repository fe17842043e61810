/* SPDX-License-Identifier: Apache-2.0 */
/* What scheduler and executor drivers share: a thread with a loop of its own, the driver's status, and the rules by
 * which callbacks and calls from any thread meet.
 *
 * The user's threads change `status` and post calls; the loop's thread does everything else. `in_callback` is set in
 * the same breath as the status is looked at, so that stop and abort, which wait for it after changing the status,
 * return only when no callback runs and none can come.
 *
 * On an env of the simulated cluster there is neither thread nor loop: everything happens in the env's own time, and
 * join does not wait.
 */
#pragma once

#include <pthread.h>

#include "base/list.h"
#include "event/loop.h"
#include "mesos/mesos.h"

struct driver;

struct driver_ops {
    /* On the loop's thread: make the client and start it. */
    int (*begin)(struct driver *driver, struct error *err);
    /* On the loop's thread, after stop or abort: send what must be sent, then driver_finish(). */
    void (*end)(struct driver *driver, enum mesos_status status, bool failover);
    /* On the loop's thread, last: release what begin made. */
    void (*release)(struct driver *driver);
    /* The driver could not begin: the error callback, which the status already allows. */
    void (*fail)(struct driver *driver, const char *message);
};

struct driver {
    const struct driver_ops *ops;
    pthread_mutex_t lock; /* of what follows, up to the thread */
    pthread_cond_t changed;
    enum mesos_status status;
    enum mesos_status ending; /* what RUNNING ended with: stopping an aborted driver no longer tears down */
    bool has_thread, finished, failover, in_callback, must_end;
    struct list calls; /* of struct driver_call, the oldest first */
    pthread_t thread;
    struct env *env;
    struct loop *loop;         /* whose env it is; NULL: simulated */
    bool has_begun;            /* and is not released yet */
    struct env_timer deadline; /* until which what must be sent is waited for */
    struct env_timer turn;     /* simulated: what a post to the loop is otherwise */
};

/* Work for the loop's thread; embedded in what it works on. It owns itself and is freed after @run, or without that if
 * the driver ends before. */
struct driver_call {
    struct list member;
    void (*run)(struct driver *driver, struct driver_call *call);
    void (*free)(struct driver_call *call);
};

/* @env: that of a node of the simulated cluster; NULL: a thread and a loop of its own. */
int driver_init(struct driver *driver, const struct driver_ops *ops, struct env *env, struct error *err);
/* Abort if it runs, wait for the thread, release. */
void driver_done(struct driver *driver);

enum mesos_status driver_start(struct driver *driver);
/* Move from RUNNING to @status; waits for a callback that runs on another thread and, if @status is STOPPED, for the
 * last calls to be answered, as join does. As in Mesos, an aborted driver can be stopped, which returns that it was
 * aborted.
 */
enum mesos_status driver_stop(struct driver *driver, enum mesos_status status, bool failover);
enum mesos_status driver_join(struct driver *driver);
enum mesos_status driver_status(struct driver *driver);

/* Run @call on the loop's thread if the driver runs; else it is freed. Takes @call. Returns the status. */
enum mesos_status driver_post(struct driver *driver, struct driver_call *call);

/* Around each callback, on the loop's thread. If it returns false the callback must not run. */
bool driver_begin_callback(struct driver *driver);
void driver_end_callback(struct driver *driver);

/* On the loop's thread: nothing is left to be sent; the thread ends. */
void driver_finish(struct driver *driver);
/* On the loop's thread: something can not be mended. Aborts, then calls @error with @message, then finishes. */
void driver_abort_with(struct driver *driver, void (*error)(struct driver *driver, const char *message),
                       const char *message);
