/* SPDX-License-Identifier: Apache-2.0 */
#include "driver/driver.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <time.h>

#include "base/log.h"

/* How long join() waits at most for the last calls and updates to get out. */
#define END_TIMEOUT (5 * SECOND)
/* How long stop and abort wait for a callback that is running. It may itself wait for a lock that their caller holds.
 */
enum { CALLBACK_TIMEOUT_S = 10 };

static void on_deadline(struct env_timer *timer) {
    driver_finish(container_of(timer, struct driver, deadline));
}

static void init_condition(pthread_cond_t *condition) {
    pthread_condattr_t attributes;

    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(condition, &attributes);
    pthread_condattr_destroy(&attributes);
}

int driver_init(struct driver *driver, const struct driver_ops *ops, struct error *err) {
    *driver = (struct driver){.ops = ops, .status = MESOS_DRIVER_NOT_STARTED};
    driver->loop = loop_new(err);
    if (driver->loop == NULL)
        return error_wrap(err, "driver");
    pthread_mutex_init(&driver->lock, NULL);
    init_condition(&driver->changed);
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
    pthread_mutex_destroy(&driver->lock);
}

/* The lock is held. */
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

/* The thread takes no signals of the process that we are a guest in, nor does a broken connection kill that by SIGPIPE.
 */
static int create_thread(struct driver *driver) {
    static const int synchronous[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT};
    sigset_t blocked, before;
    int result;

    sigfillset(&blocked);
    for (size_t i = 0; i < ARRAY_SIZE(synchronous); i++)
        sigdelset(&blocked, synchronous[i]);
    pthread_sigmask(SIG_SETMASK, &blocked, &before);
    result = pthread_create(&driver->thread, NULL, run, driver);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return result;
}

enum mesos_status driver_start(struct driver *driver) {
    enum mesos_status status;

    pthread_mutex_lock(&driver->lock);
    if (driver->status == MESOS_DRIVER_NOT_STARTED) {
        if (create_thread(driver) == 0) {
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
    driver->ops->end(driver, driver->ending, driver->failover);
}

/* The lock is held. */
static void wait_for_callback(struct driver *driver) {
    struct timespec deadline;
    int result = 0;

    if (is_on_loop_thread(driver))
        return;
    clock_gettime(CLOCK_MONOTONIC, &deadline);
    deadline.tv_sec += CALLBACK_TIMEOUT_S;
    while (driver->in_callback && result == 0)
        result = pthread_cond_timedwait(&driver->changed, &driver->lock, &deadline);
    if (result != 0)
        log_warning("A callback has not returned within %d s of the driver's end; it is not waited for any longer",
                    CALLBACK_TIMEOUT_S);
}

enum mesos_status driver_stop(struct driver *driver, enum mesos_status status, bool failover) {
    enum mesos_status was;

    pthread_mutex_lock(&driver->lock);
    was = driver->status;
    if (was == MESOS_DRIVER_RUNNING) {
        driver->ending = status;
        driver->failover = failover;
        loop_post(driver->loop, end, driver);
    }
    if (was == MESOS_DRIVER_RUNNING || (was == MESOS_DRIVER_ABORTED && status == MESOS_DRIVER_STOPPED))
        driver->status = status;
    pthread_cond_broadcast(&driver->changed);
    wait_for_callback(driver);
    pthread_mutex_unlock(&driver->lock);
    return was == MESOS_DRIVER_RUNNING ? status : was;
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
    bool begins;

    pthread_mutex_lock(&driver->lock);
    begins = driver->status == MESOS_DRIVER_RUNNING;
    driver->in_callback = begins;
    pthread_mutex_unlock(&driver->lock);
    return begins;
}

void driver_end_callback(struct driver *driver) {
    pthread_mutex_lock(&driver->lock);
    driver->in_callback = false;
    pthread_cond_broadcast(&driver->changed);
    pthread_mutex_unlock(&driver->lock);
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
    if (aborts) {
        driver->status = MESOS_DRIVER_ABORTED;
        driver->in_callback = true;
    }
    pthread_mutex_unlock(&driver->lock);
    if (!aborts)
        return;
    error(driver, message);
    driver_end_callback(driver);
    driver_finish(driver);
}
