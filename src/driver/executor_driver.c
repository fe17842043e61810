/* SPDX-License-Identifier: Apache-2.0 */
#include "mesos/executor.h"

#include <signal.h>
#include <stdlib.h>

#include "base/log.h"
#include "client/executor_client.h"
#include "driver/driver.h"
#include "driver/simulated.h"

/* How often the end looks whether the last updates have been acknowledged. */
#define END_POLL (5 * MILLISECOND)
#define DEFAULT_GRACE (5 * SECOND)

struct mesos_executor_driver {
    struct driver driver;
    const struct mesos_executor *callbacks;
    void *user;
    struct executor_client_options options;
    /* The loop's thread only: */
    struct executor_client *client;
    bool was_registered;
    bool is_shut_down; /* nothing more is called back */
    bool is_abandoned; /* nobody will acknowledge anything */
    struct env_timer end_poll, grace;
    int64_t grace_ns;
};

/* A status update or a message on its way to the loop's thread. */
struct executor_call {
    struct driver_call base;
    Mesos__V1__TaskStatus *status;
    void *data;
    size_t size;
};

#define CALL_BACK(executor, member, ...) \
    do { \
        struct mesos_executor_driver *driver_ = (executor); \
        if (driver_->callbacks->member != NULL && driver_begin_callback(&driver_->driver)) { \
            driver_->callbacks->member(driver_, driver_->user, ##__VA_ARGS__); \
            driver_end_callback(&driver_->driver); \
        } \
    } while (0)

static struct mesos_executor_driver *of_driver(struct driver *driver) {
    return container_of(driver, struct mesos_executor_driver, driver);
}

static void call_error(struct driver *driver, const char *message) {
    struct mesos_executor_driver *executor = of_driver(driver);

    if (executor->callbacks->error != NULL)
        executor->callbacks->error(executor, executor->user, message);
}

static void on_subscribed(struct mesos_executor_driver *executor, const Mesos__V1__Executor__Event__Subscribed *event) {
    if (executor->was_registered) {
        CALL_BACK(executor, reregistered, event->agent_info);
        return;
    }
    executor->was_registered = true;
    CALL_BACK(executor, registered, event->executor_info, event->framework_info, event->agent_info);
}

/* Whoever has been told to shut down and is still there after the grace period goes, and takes along the processes that
 * it has started (exec.cpp, ShutdownProcess). */
static void on_grace(struct env_timer *timer) {
    log_warning("Still here after the grace period: ending all processes of the executor's group");
    killpg(0, SIGKILL);
}

/* As Mesos's driver does: nothing comes after the shutdown callback, but the driver goes on, so that last updates can
 * be sent, until the executor stops it. One without the callback has nothing to do. */
static void shut_down(struct mesos_executor_driver *executor) {
    if (executor->is_shut_down)
        return;
    if (executor->callbacks->shutdown == NULL) {
        driver_stop(&executor->driver, MESOS_DRIVER_STOPPED, false);
        return;
    }
    CALL_BACK(executor, shutdown);
    executor->is_shut_down = true;
    /* Neither a local cluster nor a simulated world has processes of its own. */
    if (getenv("MESOS_LOCAL") == NULL && executor->driver.loop != NULL &&
        driver_status(&executor->driver) == MESOS_DRIVER_RUNNING)
        env_timer_start(&executor->grace, executor->grace_ns);
}

static void on_event(void *user, const Mesos__V1__Executor__Event *event) {
    struct mesos_executor_driver *executor = user;

    if (executor->is_shut_down)
        return;
    switch (event->type) {
    case MESOS__V1__EXECUTOR__EVENT__TYPE__SUBSCRIBED:
        on_subscribed(executor, event->subscribed);
        break;
    case MESOS__V1__EXECUTOR__EVENT__TYPE__LAUNCH:
        CALL_BACK(executor, launch_task, event->launch->task);
        break;
    case MESOS__V1__EXECUTOR__EVENT__TYPE__LAUNCH_GROUP:
        for (size_t i = 0; i < event->launch_group->task_group->n_tasks; i++)
            CALL_BACK(executor, launch_task, event->launch_group->task_group->tasks[i]);
        break;
    case MESOS__V1__EXECUTOR__EVENT__TYPE__KILL:
        CALL_BACK(executor, kill_task, event->kill->task_id);
        break;
    case MESOS__V1__EXECUTOR__EVENT__TYPE__MESSAGE:
        CALL_BACK(executor, framework_message, event->message->data.data, event->message->data.len);
        break;
    case MESOS__V1__EXECUTOR__EVENT__TYPE__SHUTDOWN:
        shut_down(executor);
        break;
    case MESOS__V1__EXECUTOR__EVENT__TYPE__ERROR:
        driver_abort_with(&executor->driver, call_error, event->error->message);
        break;
    default:
        break;
    }
}

static void on_disconnected(void *user) {
    struct mesos_executor_driver *executor = user;

    if (!executor->is_shut_down)
        CALL_BACK(executor, disconnected);
}

static void on_abandoned(void *user, const char *reason) {
    struct mesos_executor_driver *executor = user;

    log_warning("Shutting down: %s", reason);
    executor->is_abandoned = true;
    shut_down(executor);
}

static const struct executor_client_events client_events = {on_event, on_disconnected, on_abandoned};

static void on_end_poll(struct env_timer *timer) {
    struct mesos_executor_driver *executor = container_of(timer, struct mesos_executor_driver, end_poll);

    if (executor->client == NULL || executor->is_abandoned || executor_client_unacknowledged(executor->client) == 0)
        driver_finish(&executor->driver);
    else
        env_timer_start(timer, END_POLL);
}

static int begin(struct driver *driver, struct error *err) {
    struct mesos_executor_driver *executor = of_driver(driver);

    env_timer_init(&executor->end_poll, driver->env, on_end_poll);
    env_timer_init(&executor->grace, driver->env, on_grace);
    executor->client = executor_client_new(driver->env, &executor->options, &client_events, executor, err);
    if (executor->client == NULL)
        return -1;
    executor_client_start(executor->client);
    return 0;
}

static void end(struct driver *driver, enum mesos_status status, bool failover) {
    struct mesos_executor_driver *executor = of_driver(driver);

    env_timer_stop(&executor->grace);
    if (status == MESOS_DRIVER_ABORTED)
        driver_finish(driver);
    else
        env_timer_start(&executor->end_poll, 0);
}

static void release(struct driver *driver) {
    struct mesos_executor_driver *executor = of_driver(driver);

    env_timer_done(&executor->end_poll);
    env_timer_done(&executor->grace);
    executor_client_free(executor->client);
    executor->client = NULL;
}

static const struct driver_ops ops = {begin, end, release, call_error};

static int grace_period(int64_t *ret_ns, struct error *err) {
    const char *value = getenv("MESOS_EXECUTOR_SHUTDOWN_GRACE_PERIOD");

    *ret_ns = DEFAULT_GRACE;
    if (value != NULL && duration_parse(value, ret_ns, err) < 0)
        return error_wrap(err, "environment variable MESOS_EXECUTOR_SHUTDOWN_GRACE_PERIOD");
    return 0;
}

struct mesos_executor_driver *executor_driver_new_on(struct env *env, const struct executor_client_options *options,
                                                     const struct mesos_executor *callbacks, void *user,
                                                     struct error *err) {
    struct mesos_executor_driver *executor = new0(struct mesos_executor_driver);

    executor->options = *options;
    executor->callbacks = callbacks;
    executor->user = user;
    if (grace_period(&executor->grace_ns, err) < 0 || driver_init(&executor->driver, &ops, env, err) < 0) {
        free(executor);
        return NULL;
    }
    return executor;
}

struct mesos_executor_driver *mesos_executor_driver_new(const struct mesos_executor *callbacks, void *user,
                                                        char **ret_error) {
    struct mesos_executor_driver *executor = NULL;
    struct executor_client_options options;
    cleanup_error struct error err = ERROR_INIT;

    if (executor_client_options_from_environment(&options, &err) == 0)
        executor = executor_driver_new_on(NULL, &options, callbacks, user, &err);
    if (executor == NULL && ret_error != NULL)
        *ret_error = take_ptr(&err.message);
    return executor;
}

void mesos_executor_driver_free(struct mesos_executor_driver *executor) {
    if (executor == NULL)
        return;
    driver_done(&executor->driver);
    free(executor);
}

enum mesos_status mesos_executor_driver_start(struct mesos_executor_driver *executor) {
    return driver_start(&executor->driver);
}

enum mesos_status mesos_executor_driver_stop(struct mesos_executor_driver *executor) {
    return driver_stop(&executor->driver, MESOS_DRIVER_STOPPED, false);
}

enum mesos_status mesos_executor_driver_abort(struct mesos_executor_driver *executor) {
    return driver_stop(&executor->driver, MESOS_DRIVER_ABORTED, false);
}

enum mesos_status mesos_executor_driver_join(struct mesos_executor_driver *executor) {
    return driver_join(&executor->driver);
}

enum mesos_status mesos_executor_driver_run(struct mesos_executor_driver *executor) {
    enum mesos_status status = driver_start(&executor->driver);

    return status == MESOS_DRIVER_RUNNING ? driver_join(&executor->driver) : status;
}

static void free_call(struct driver_call *base) {
    struct executor_call *call = container_of(base, struct executor_call, base);

    MESSAGE_FREE(call->status);
    free(call->data);
    free(call);
}

static void run_call(struct driver *driver, struct driver_call *base) {
    struct mesos_executor_driver *executor = of_driver(driver);
    struct executor_call *call = container_of(base, struct executor_call, base);

    if (executor->client == NULL)
        return;
    if (call->status == NULL)
        executor_client_send_message(executor->client, call->data, call->size);
    else if (call->status->state == MESOS__V1__TASK_STATE__TASK_STAGING)
        driver_abort_with(driver, call_error, "TASK_STAGING is not a state that an executor can send");
    else
        executor_client_send_update(executor->client, call->status);
}

static enum mesos_status post(struct mesos_executor_driver *executor, struct executor_call *call) {
    call->base.run = run_call;
    call->base.free = free_call;
    return driver_post(&executor->driver, &call->base);
}

enum mesos_status mesos_executor_driver_send_status_update(struct mesos_executor_driver *executor,
                                                           const Mesos__V1__TaskStatus *status) {
    struct executor_call *call = new0(struct executor_call);
    Mesos__V1__TaskStatus bare = *status;

    /* These are the driver's to say, whatever the executor has left in a status that it uses again. */
    bare.has_uuid = bare.has_timestamp = bare.has_source = false;
    bare.agent_id = NULL;
    bare.executor_id = NULL;
    call->status = MESSAGE_COPY(&bare);
    return post(executor, call);
}

enum mesos_status mesos_executor_driver_send_framework_message(struct mesos_executor_driver *executor, const void *data,
                                                               size_t size) {
    struct executor_call *call = new0(struct executor_call);

    call->data = xmemdup(data, size);
    call->size = size;
    return post(executor, call);
}
