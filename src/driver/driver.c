/* SPDX-License-Identifier: Apache-2.0 */
#include "driver/driver.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <time.h>

#include "base/log.h"

/* How long stop() and join() wait at most for the last calls and updates to get out. */
#define END_TIMEOUT (5 * SECOND)
/* How long stop and abort wait for a callback that is running. It may itself wait for a lock that their caller holds.
 * Longer than END_TIMEOUT. */
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

static void take_turn(void *user);

static void on_turn(struct env_timer *timer) {
    take_turn(container_of(timer, struct driver, turn));
}

int driver_init(struct driver *driver, const struct driver_ops *ops, struct env *env, struct error *err) {
    *driver = (struct driver){.ops = ops, .env = env, .status = MESOS_DRIVER_NOT_STARTED};
    if (env == NULL) {
        driver->loop = loop_new(err);
        if (driver->loop == NULL)
            return error_wrap(err, "driver");
        driver->env = loop_env(driver->loop);
    }
    list_init(&driver->calls);
    pthread_mutex_init(&driver->lock, NULL);
    init_condition(&driver->changed);
    env_timer_init(&driver->deadline, driver->env, on_deadline);
    env_timer_init(&driver->turn, driver->env, on_turn);
    return 0;
}

static void release(struct driver *driver) {
    if (!driver->has_begun)
        return;
    driver->has_begun = false;
    env_timer_done(&driver->deadline);
    driver->ops->release(driver);
}

static void free_calls(struct driver *driver) {
    struct driver_call *call;

    list_for_each (&driver->calls, call, member) {
        list_remove(&call->member);
        call->free(call);
    }
}

void driver_done(struct driver *driver) {
    bool has_thread;

    driver_stop(driver, MESOS_DRIVER_ABORTED, true);
    pthread_mutex_lock(&driver->lock);
    has_thread = driver->has_thread;
    pthread_mutex_unlock(&driver->lock);
    if (has_thread)
        pthread_join(driver->thread, NULL);
    release(driver);
    free_calls(driver);
    env_timer_done(&driver->turn);
    loop_free(driver->loop);
    pthread_cond_destroy(&driver->changed);
    pthread_mutex_destroy(&driver->lock);
}

/* The lock is held. */
static bool is_on_loop_thread(struct driver *driver) {
    return driver->loop == NULL || (driver->has_thread && pthread_equal(driver->thread, pthread_self()));
}

static void begin(struct driver *driver) {
    cleanup_error struct error err = ERROR_INIT;

    driver->has_begun = true;
    if (driver->ops->begin(driver, &err) < 0)
        driver_abort_with(driver, driver->ops->fail, error_message(&err));
}

static void *run(void *user) {
    struct driver *driver = user;

    begin(driver);
    if (!driver->finished)
        loop_run(driver->loop);
    release(driver);
    return NULL;
}

/* Have take_turn() called on the loop's thread. */
static void wake(struct driver *driver) {
    if (driver->loop != NULL)
        loop_post(driver->loop, take_turn, driver);
    else if (!env_timer_is_running(&driver->turn))
        env_timer_start(&driver->turn, 0);
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
        if (driver->loop == NULL || create_thread(driver) == 0) {
            driver->has_thread = driver->loop != NULL;
            driver->status = MESOS_DRIVER_RUNNING;
        } else {
            driver->status = MESOS_DRIVER_ABORTED;
            driver->finished = true;
        }
        pthread_cond_broadcast(&driver->changed);
    }
    status = driver->status;
    if (driver->loop == NULL)
        wake(driver);
    pthread_mutex_unlock(&driver->lock);
    return status;
}

/* NULL if there is none. */
static struct driver_call *next_call(struct driver *driver) {
    struct driver_call *call;

    pthread_mutex_lock(&driver->lock);
    call = list_first(&driver->calls, struct driver_call, member);
    if (call != NULL)
        list_remove(&call->member);
    pthread_mutex_unlock(&driver->lock);
    return call;
}

static bool take_end(struct driver *driver) {
    bool must_end;

    pthread_mutex_lock(&driver->lock);
    must_end = driver->must_end && !driver->finished;
    driver->must_end = false;
    pthread_mutex_unlock(&driver->lock);
    return must_end;
}

static void take_simulated_turn(struct driver *driver) {
    if (driver->finished)
        release(driver);
    else if (!list_is_empty(&driver->calls) || driver->must_end)
        wake(driver);
}

/* On the loop's thread: what has been asked for from elsewhere, one thing a turn. There is a turn for each call and one
 * for the end, after which no call comes. */
static void take_turn(void *user) {
    struct driver *driver = user;
    struct driver_call *call = NULL;

    if (driver->loop == NULL && !driver->has_begun)
        begin(driver);
    else
        call = next_call(driver);
    if (call != NULL) {
        if (!driver->finished)
            call->run(driver, call);
        call->free(call);
    } else if (take_end(driver)) {
        env_timer_start(&driver->deadline, END_TIMEOUT);
        driver->ops->end(driver, driver->ending, driver->failover);
    }
    if (driver->loop == NULL)
        take_simulated_turn(driver);
}

/* Wait for the callback that runs, and after a stop also for the last calls: whoever takes over may be started next,
 * and must not overtake them. The lock is held. */
static void wait_for_end(struct driver *driver, bool with_calls) {
    struct timespec deadline;
    int result = 0;

    if (is_on_loop_thread(driver))
        return;
    clock_gettime(CLOCK_MONOTONIC, &deadline);
    deadline.tv_sec += CALLBACK_TIMEOUT_S;
    while ((driver->in_callback || (with_calls && !driver->finished)) && result == 0)
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
        driver->must_end = true;
        wake(driver);
    }
    if (was == MESOS_DRIVER_RUNNING || (was == MESOS_DRIVER_ABORTED && status == MESOS_DRIVER_STOPPED))
        driver->status = status;
    pthread_cond_broadcast(&driver->changed);
    wait_for_end(driver, was == MESOS_DRIVER_RUNNING && status == MESOS_DRIVER_STOPPED);
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

enum mesos_status driver_post(struct driver *driver, struct driver_call *call) {
    enum mesos_status status;

    pthread_mutex_lock(&driver->lock);
    status = driver->status;
    if (status == MESOS_DRIVER_RUNNING) {
        list_append(&driver->calls, &call->member);
        wake(driver);
    }
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
    if (driver->loop != NULL)
        loop_stop(driver->loop);
    else
        wake(driver);
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
