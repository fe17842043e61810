/* SPDX-License-Identifier: Apache-2.0 */
#include "driver/driver.h"

#include <errno.h>
#include <string.h>

/* How long join() waits at most for the last calls and updates to get out. */
#define END_TIMEOUT (5 * SECOND)

static void on_deadline(struct env_timer *timer) {
    driver_finish(container_of(timer, struct driver, deadline));
}

int driver_init(struct driver *driver, const struct driver_ops *ops, struct error *err) {
    *driver = (struct driver){.ops = ops, .status = MESOS_DRIVER_NOT_STARTED};
    driver->loop = loop_new(err);
    if (driver->loop == NULL)
        return error_wrap(err, "driver");
    pthread_mutex_init(&driver->lock, NULL);
    pthread_mutex_init(&driver->callbacks, NULL);
    pthread_cond_init(&driver->changed, NULL);
    env_timer_init(&driver->deadline, loop_env(driver->loop), on_deadline);
    return 0;
}

void driver_done(struct driver *driver) {
    bool has_thread;

    driver_stop(driver, MESOS_DRIVER_ABORTED, true);
    pthread_mutex_lock(&driver->lock);
    has_thread = driver->has_thread;
    pthread_mutex_unlock(&driver->lock);
    if (has_thread)
        pthread_join(driver->thread, NULL);
    loop_free(driver->loop);
    pthread_cond_destroy(&driver->changed);
    pthread_mutex_destroy(&driver->callbacks);
    pthread_mutex_destroy(&driver->lock);
}

static bool is_on_loop_thread(struct driver *driver) {
    return driver->has_thread && pthread_equal(driver->thread, pthread_self());
}

static void *run(void *user) {
    struct driver *driver = user;
    cleanup_error struct error err = ERROR_INIT;

    if (driver->ops->begin(driver, &err) < 0)
        driver_abort_with(driver, driver->ops->fail, error_message(&err));
    if (!driver->finished)
        loop_run(driver->loop);
    env_timer_done(&driver->deadline);
    driver->ops->release(driver);
    return NULL;
}

enum mesos_status driver_start(struct driver *driver) {
    enum mesos_status status;

    pthread_mutex_lock(&driver->lock);
    if (driver->status == MESOS_DRIVER_NOT_STARTED) {
        if (pthread_create(&driver->thread, NULL, run, driver) == 0) {
            driver->has_thread = true;
            driver->status = MESOS_DRIVER_RUNNING;
        } else {
            driver->status = MESOS_DRIVER_ABORTED;
            driver->finished = true;
        }
        pthread_cond_broadcast(&driver->changed);
    }
    status = driver->status;
    pthread_mutex_unlock(&driver->lock);
    return status;
}

static void end(void *user) {
    struct driver *driver = user;

    if (driver->finished)
        return;
    env_timer_start(&driver->deadline, END_TIMEOUT);
    driver->ops->end(driver, driver_status(driver), driver->failover);
}

enum mesos_status driver_stop(struct driver *driver, enum mesos_status status, bool failover) {
    enum mesos_status now;
    bool changes;

    pthread_mutex_lock(&driver->lock);
    changes = driver->status == MESOS_DRIVER_RUNNING;
    /* As Mesos has it, an aborted driver can still be stopped. */
    if (changes || (driver->status == MESOS_DRIVER_ABORTED && status == MESOS_DRIVER_STOPPED && driver->has_thread))
        driver->status = status;
    if (changes)
        driver->failover = failover;
    now = driver->status;
    pthread_cond_broadcast(&driver->changed);
    pthread_mutex_unlock(&driver->lock);
    if (!changes)
        return now;
    loop_post(driver->loop, end, driver);
    if (!is_on_loop_thread(driver)) {
        pthread_mutex_lock(&driver->callbacks);
        pthread_mutex_unlock(&driver->callbacks);
    }
    return now;
}

enum mesos_status driver_status(struct driver *driver) {
    enum mesos_status status;

    pthread_mutex_lock(&driver->lock);
    status = driver->status;
    pthread_mutex_unlock(&driver->lock);
    return status;
}

enum mesos_status driver_join(struct driver *driver) {
    enum mesos_status status;

    pthread_mutex_lock(&driver->lock);
    if (driver->status != MESOS_DRIVER_NOT_STARTED && !is_on_loop_thread(driver))
        while (driver->status == MESOS_DRIVER_RUNNING || !driver->finished)
            pthread_cond_wait(&driver->changed, &driver->lock);
    status = driver->status;
    pthread_mutex_unlock(&driver->lock);
    return status;
}

static void run_call(void *user) {
    struct driver_call *call = user;

    call->run(call->driver, call);
    call->free(call);
}

enum mesos_status driver_post(struct driver *driver, struct driver_call *call) {
    enum mesos_status status;

    /* The lock is held while posting: a call can not come after the end that a stop posts. */
    pthread_mutex_lock(&driver->lock);
    status = driver->status;
    call->driver = driver;
    if (status == MESOS_DRIVER_RUNNING)
        loop_post(driver->loop, run_call, call);
    pthread_mutex_unlock(&driver->lock);
    if (status != MESOS_DRIVER_RUNNING)
        call->free(call);
    return status;
}

bool driver_begin_callback(struct driver *driver) {
    pthread_mutex_lock(&driver->callbacks);
    if (driver_status(driver) == MESOS_DRIVER_RUNNING) {
        driver->in_callback = true;
        return true;
    }
    pthread_mutex_unlock(&driver->callbacks);
    return false;
}

void driver_end_callback(struct driver *driver) {
    driver->in_callback = false;
    pthread_mutex_unlock(&driver->callbacks);
}

void driver_finish(struct driver *driver) {
    pthread_mutex_lock(&driver->lock);
    driver->finished = true;
    pthread_cond_broadcast(&driver->changed);
    pthread_mutex_unlock(&driver->lock);
    loop_stop(driver->loop);
}

void driver_abort_with(struct driver *driver, void (*error)(struct driver *driver, const char *message),
                       const char *message) {
    bool aborts;

    pthread_mutex_lock(&driver->lock);
    aborts = driver->status == MESOS_DRIVER_RUNNING;
    if (aborts)
        driver->status = MESOS_DRIVER_ABORTED;
    pthread_mutex_unlock(&driver->lock);
    if (!aborts)
        return;
    pthread_mutex_lock(&driver->callbacks);
    error(driver, message);
    pthread_mutex_unlock(&driver->callbacks);
    driver_finish(driver);
}
