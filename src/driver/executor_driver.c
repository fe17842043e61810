/* SPDX-License-Identifier: Apache-2.0 */
#include "mesos/executor.h"

#include "base/log.h"
#include "client/executor_client.h"
#include "driver/driver.h"

/* How often the end looks whether the last updates have been acknowledged. */
#define END_POLL (5 * MILLISECOND)

struct mesos_executor_driver {
    struct driver driver;
    const struct mesos_executor *callbacks;
    void *user;
    struct executor_client_options options;
    /* The loop's thread only: */
    struct executor_client *client;
    bool was_registered;
    struct env_timer end_poll;
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

static void on_shutdown(struct mesos_executor_driver *executor) {
    CALL_BACK(executor, shutdown);
    /* As Mesos's driver does: after the callback there is nothing more to say. Updates it has sent still go out. */
    driver_stop(&executor->driver, MESOS_DRIVER_STOPPED, false);
}

static void on_event(void *user, const Mesos__V1__Executor__Event *event) {
    struct mesos_executor_driver *executor = user;

    switch (event->type) {
    case MESOS__V1__EXECUTOR__EVENT__TYPE__SUBSCRIBED:
        if (event->subscribed != NULL)
            on_subscribed(executor, event->subscribed);
        break;
    case MESOS__V1__EXECUTOR__EVENT__TYPE__LAUNCH:
        if (event->launch != NULL)
            CALL_BACK(executor, launch_task, event->launch->task);
        break;
    case MESOS__V1__EXECUTOR__EVENT__TYPE__LAUNCH_GROUP:
        if (event->launch_group != NULL)
            for (size_t i = 0; i < event->launch_group->task_group->n_tasks; i++)
                CALL_BACK(executor, launch_task, event->launch_group->task_group->tasks[i]);
        break;
    case MESOS__V1__EXECUTOR__EVENT__TYPE__KILL:
        if (event->kill != NULL)
            CALL_BACK(executor, kill_task, event->kill->task_id);
        break;
    case MESOS__V1__EXECUTOR__EVENT__TYPE__MESSAGE:
        if (event->message != NULL)
            CALL_BACK(executor, framework_message, event->message->data.data, event->message->data.len);
        break;
    case MESOS__V1__EXECUTOR__EVENT__TYPE__SHUTDOWN:
        on_shutdown(executor);
        break;
    case MESOS__V1__EXECUTOR__EVENT__TYPE__ERROR:
        driver_abort_with(&executor->driver, call_error, event->error == NULL ? "" : event->error->message);
        break;
    default:
        break;
    }
}

static void on_disconnected(void *user) {
    CALL_BACK((struct mesos_executor_driver *)user, disconnected);
}

static void on_abandoned(void *user, const char *reason) {
    struct mesos_executor_driver *executor = user;

    log_warning("Shutting down: %s", reason);
    on_shutdown(executor);
    driver_finish(&executor->driver);
}

static const struct executor_client_events client_events = {on_event, on_disconnected, on_abandoned};

static void on_end_poll(struct env_timer *timer) {
    struct mesos_executor_driver *executor = container_of(timer, struct mesos_executor_driver, end_poll);

    if (executor->client == NULL || executor_client_unacknowledged(executor->client) == 0)
        driver_finish(&executor->driver);
    else
        env_timer_start(timer, END_POLL);
}

static int begin(struct driver *driver, struct error *err) {
    struct mesos_executor_driver *executor = of_driver(driver);

    env_timer_init(&executor->end_poll, loop_env(driver->loop), on_end_poll);
    executor->client = executor_client_new(loop_env(driver->loop), &executor->options, &client_events, executor, err);
    if (executor->client == NULL)
        return -1;
    executor_client_start(executor->client);
    return 0;
}

static void end(struct driver *driver, enum mesos_status status, bool failover) {
    struct mesos_executor_driver *executor = of_driver(driver);

    if (status == MESOS_DRIVER_ABORTED)
        driver_finish(driver);
    else
        env_timer_start(&executor->end_poll, 0);
}

static void release(struct driver *driver) {
    struct mesos_executor_driver *executor = of_driver(driver);

    env_timer_done(&executor->end_poll);
    executor_client_free(executor->client);
    executor->client = NULL;
}

static const struct driver_ops ops = {begin, end, release, call_error};

struct mesos_executor_driver *mesos_executor_driver_new(const struct mesos_executor *callbacks, void *user,
                                                        char **ret_error) {
    struct mesos_executor_driver *executor = new0(struct mesos_executor_driver);
    cleanup_error struct error err = ERROR_INIT;

    if (executor_client_options_from_environment(&executor->options, &err) < 0 ||
        driver_init(&executor->driver, &ops, &err) < 0) {
        free(executor);
        if (ret_error != NULL)
            *ret_error = take_ptr(&err.message);
        return NULL;
    }
    executor->callbacks = callbacks;
    executor->user = user;
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

    call->status = MESSAGE_COPY(status);
    return post(executor, call);
}

enum mesos_status mesos_executor_driver_send_framework_message(struct mesos_executor_driver *executor, const void *data,
                                                               size_t size) {
    struct executor_call *call = new0(struct executor_call);

    call->data = xmemdup(data, size);
    call->size = size;
    return post(executor, call);
}
