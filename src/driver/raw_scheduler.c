/* SPDX-License-Identifier: Apache-2.0 */
#include "driver/raw_scheduler.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/text.h"
#include "client/subscription.h"
#include "driver/driver.h"
#include "election/detector.h"

#define END_POLL (5 * MILLISECOND)
#define FIRST_BACKOFF (500 * MILLISECOND)
#define LONGEST_BACKOFF (60 * SECOND)
#define PROBE_TIMEOUT (10 * SECOND)
/* As in client/scheduler_client.c. */
enum { HEARTBEATS_MISSED = 5 };

struct raw_scheduler {
    struct driver driver;
    const struct raw_scheduler_events *events;
    void *user;
    char *master, *authorization;
    Mesos__V1__FrameworkInfo *framework;
    /* The loop's thread only: */
    Mesos__V1__FrameworkID *framework_id;
    struct detector *detector;
    struct http_client *http;
    struct http_call *probe;
    struct subscription *subscription;
    struct subscription_options subscription_options;
    struct env_timer retry, end_poll;
    int64_t backoff_ns;
    struct address leader; /* as detected; the peer may be where it redirects */
    bool has_leader, is_connected, is_subscribed;
};

struct raw_call {
    struct driver_call base;
    Mesos__V1__Scheduler__Call *message; /* NULL: reconnect */
};

#define CALL_BACK(scheduler, member, ...) \
    do { \
        struct raw_scheduler *raw_ = (scheduler); \
        if (driver_begin_callback(&raw_->driver)) { \
            raw_->events->member(raw_, raw_->user, ##__VA_ARGS__); \
            driver_end_callback(&raw_->driver); \
        } \
    } while (0)

static struct raw_scheduler *of_driver(struct driver *driver) {
    return container_of(driver, struct raw_scheduler, driver);
}

static void receive_error(struct raw_scheduler *scheduler, const char *message) {
    Mesos__V1__Scheduler__Event event = MESOS__V1__SCHEDULER__EVENT__INIT;
    Mesos__V1__Scheduler__Event__Error error = MESOS__V1__SCHEDULER__EVENT__ERROR__INIT;

    error.message = (char *)(uintptr_t)message;
    event.has_type = true;
    event.type = MESOS__V1__SCHEDULER__EVENT__TYPE__ERROR;
    event.error = &error;
    CALL_BACK(scheduler, received, &event);
}

static void disconnect(struct raw_scheduler *scheduler) {
    bool was_connected = scheduler->is_connected;

    scheduler->is_connected = scheduler->is_subscribed = false;
    http_call_cancel(take_ptr(&scheduler->probe));
    subscription_free(take_ptr(&scheduler->subscription));
    if (was_connected)
        CALL_BACK(scheduler, disconnected);
}

/* A random part of a pause that doubles up to a minute. */
static void retry_later(struct raw_scheduler *scheduler) {
    if (!scheduler->has_leader)
        return;
    env_timer_start(&scheduler->retry, env_random_pause(scheduler->driver.env, scheduler->backoff_ns));
    scheduler->backoff_ns *= 2;
    if (scheduler->backoff_ns > LONGEST_BACKOFF)
        scheduler->backoff_ns = LONGEST_BACKOFF;
}

static void on_probed(struct http_call *call, const struct http_response *response, const struct error *err,
                      void *user) {
    struct raw_scheduler *scheduler = user;

    scheduler->probe = NULL;
    if (err != NULL) {
        log_info("No master at %s: %s", scheduler->subscription_options.peer.host, error_message(err));
        scheduler->subscription_options.peer = scheduler->leader;
        retry_later(scheduler);
        return;
    }
    scheduler->is_connected = true;
    CALL_BACK(scheduler, connected);
}

static const struct http_call_events probe_events = {.on_done = on_probed};

/* Any answer shows that somebody is there. */
static void probe(struct raw_scheduler *scheduler) {
    const struct http_call_options options = {
        .method = "GET", .target = "/health", .timeout_ns = PROBE_TIMEOUT, .own_connection = true};

    scheduler->probe = http_client_call(scheduler->http, &scheduler->subscription_options.peer, &options, &probe_events,
                                        scheduler);
}

static void on_retry(struct env_timer *timer) {
    struct raw_scheduler *scheduler = container_of(timer, struct raw_scheduler, retry);

    if (scheduler->probe == NULL && !scheduler->is_connected)
        probe(scheduler);
}

static void on_leader(const struct address *leader, void *user) {
    struct raw_scheduler *scheduler = user;

    scheduler->has_leader = leader != NULL;
    env_timer_stop(&scheduler->retry);
    disconnect(scheduler);
    if (leader == NULL)
        return;
    scheduler->leader = scheduler->subscription_options.peer = *leader;
    probe(scheduler);
}

static const struct detector_events detector_events = {on_leader};

static void on_event(struct subscription *subscription, const ProtobufCMessage *message) {
    struct raw_scheduler *scheduler = subscription_user(subscription);
    const Mesos__V1__Scheduler__Event *event = (const Mesos__V1__Scheduler__Event *)message;

    if (event->type == MESOS__V1__SCHEDULER__EVENT__TYPE__SUBSCRIBED && event->subscribed != NULL) {
        scheduler->is_subscribed = true;
        scheduler->backoff_ns = FIRST_BACKOFF;
        if (scheduler->framework_id == NULL)
            scheduler->framework_id = MESSAGE_COPY(event->subscribed->framework_id);
        if (event->subscribed->heartbeat_interval_seconds > 0)
            subscription_set_silence_limit(
                subscription, HEARTBEATS_MISSED * duration_from_seconds(event->subscribed->heartbeat_interval_seconds));
    }
    CALL_BACK(scheduler, received, event);
}

static void on_lost(struct subscription *subscription, unsigned status, const struct address *redirect,
                    const struct error *err) {
    struct raw_scheduler *scheduler = subscription_user(subscription);

    subscription_free(take_ptr(&scheduler->subscription));
    if (subscription_is_final(status)) {
        receive_error(scheduler, error_message(err));
        return;
    }
    log_info("No subscription with master %s: %s", scheduler->subscription_options.peer.host, error_message(err));
    scheduler->subscription_options.peer = redirect != NULL ? *redirect : scheduler->leader;
    disconnect(scheduler);
    retry_later(scheduler);
}

static void on_call_failed(struct subscription *subscription, uint64_t tag, unsigned status, const char *message) {
    log_warning("A call to the master failed: %u %s", status, message);
}

static const struct subscription_events subscription_events = {on_event, on_lost, on_call_failed};

/* Calls */

static void subscribe(struct raw_scheduler *scheduler, const Mesos__V1__Scheduler__Call *call) {
    Mesos__V1__Scheduler__Call mine = *call;
    Mesos__V1__Scheduler__Call__Subscribe body;
    Mesos__V1__FrameworkInfo framework;

    if (!scheduler->is_connected || scheduler->subscription != NULL || call->subscribe == NULL) {
        log_warning("Dropped a SUBSCRIBE: %s",
                    scheduler->is_connected ? "subscribed already" : "not connected to a master");
        return;
    }
    if (scheduler->framework != NULL) {
        framework = *scheduler->framework;
        body = *call->subscribe;
        mine.framework_id = framework.id = scheduler->framework_id;
        body.framework_info = &framework;
        mine.subscribe = &body;
    }
    scheduler->subscription = subscription_new(scheduler->driver.env, scheduler->http, &scheduler->subscription_options,
                                               &mine.base, &subscription_events, scheduler);
}

static void run_call(struct driver *driver, struct driver_call *base) {
    struct raw_scheduler *scheduler = of_driver(driver);
    const Mesos__V1__Scheduler__Call *call = container_of(base, struct raw_call, base)->message;

    if (scheduler->http == NULL)
        return;
    if (call == NULL) {
        disconnect(scheduler);
        if (scheduler->has_leader)
            env_timer_start(&scheduler->retry, 0);
    } else if (call->type == MESOS__V1__SCHEDULER__CALL__TYPE__SUBSCRIBE) {
        subscribe(scheduler, call);
    } else if (!scheduler->is_subscribed) {
        log_warning("Dropped a call of type %d: not subscribed", (int)call->type);
    } else {
        subscription_call(scheduler->subscription, &call->base, 0);
    }
}

static void free_call(struct driver_call *base) {
    struct raw_call *call = container_of(base, struct raw_call, base);

    MESSAGE_FREE(call->message);
    free(call);
}

static void post(struct raw_scheduler *scheduler, const Mesos__V1__Scheduler__Call *message) {
    struct raw_call *call = new0(struct raw_call);

    call->base.run = run_call;
    call->base.free = free_call;
    if (message != NULL)
        call->message = MESSAGE_COPY(message);
    driver_post(&scheduler->driver, &call->base);
}

void raw_scheduler_send(struct raw_scheduler *scheduler, const Mesos__V1__Scheduler__Call *call) {
    post(scheduler, call);
}

void raw_scheduler_reconnect(struct raw_scheduler *scheduler) {
    post(scheduler, NULL);
}

/* Life */

static void on_end_poll(struct env_timer *timer) {
    struct raw_scheduler *scheduler = container_of(timer, struct raw_scheduler, end_poll);

    if (scheduler->subscription == NULL || subscription_calls_pending(scheduler->subscription) == 0)
        driver_finish(&scheduler->driver);
    else
        env_timer_start(timer, END_POLL);
}

static int begin(struct driver *driver, struct error *err) {
    struct raw_scheduler *scheduler = of_driver(driver);
    struct env *env = driver->env;

    scheduler->detector = detector_new(env, scheduler->master, &detector_events, scheduler, err);
    if (scheduler->detector == NULL)
        return -1;
    scheduler->http = http_client_new(env);
    detector_start(scheduler->detector);
    return 0;
}

static void end(struct driver *driver, enum mesos_status status, bool failover) {
    struct raw_scheduler *scheduler = of_driver(driver);

    env_timer_stop(&scheduler->retry);
    env_timer_start(&scheduler->end_poll, 0);
}

static void release(struct driver *driver) {
    struct raw_scheduler *scheduler = of_driver(driver);

    env_timer_done(&scheduler->retry);
    env_timer_done(&scheduler->end_poll);
    scheduler->is_connected = false;
    detector_free(scheduler->detector);
    disconnect(scheduler);
    http_client_free(take_ptr(&scheduler->http));
}

static void fail(struct driver *driver, const char *message) {
    struct raw_scheduler *scheduler = of_driver(driver);

    log_error("The scheduler library can not begin: %s", message);
    scheduler->events->disconnected(scheduler, scheduler->user);
}

static const struct driver_ops ops = {begin, end, release, fail};

static void done(struct raw_scheduler *scheduler) {
    driver_done(&scheduler->driver);
    MESSAGE_FREE(scheduler->framework);
    MESSAGE_FREE(scheduler->framework_id);
    free(scheduler->master);
    free(scheduler->authorization);
    free(scheduler);
}

static char *basic_authorization(const char *principal, const char *secret) {
    cleanup_free char *pair = xasprintf("%s:%s", principal, secret == NULL ? "" : secret);
    struct buffer value = BUFFER_INIT;

    buffer_append_string(&value, "Basic ");
    base64_append(&value, pair, strlen(pair));
    return buffer_take(&value, NULL);
}

struct raw_scheduler *raw_scheduler_new(const struct raw_scheduler_options *options,
                                        const struct raw_scheduler_events *events, void *user, char **ret_error) {
    struct raw_scheduler *scheduler = new0(struct raw_scheduler);
    cleanup_error struct error err = ERROR_INIT;
    struct detector *detector;

    if (driver_init(&scheduler->driver, &ops, NULL, &err) < 0) {
        *ret_error = take_ptr(&err.message);
        free(scheduler);
        return NULL;
    }
    scheduler->events = events;
    scheduler->user = user;
    scheduler->master = xstrdup(options->master);
    scheduler->backoff_ns = FIRST_BACKOFF;
    if (options->principal != NULL)
        scheduler->authorization = basic_authorization(options->principal, options->secret);
    if (options->framework != NULL) {
        scheduler->framework = MESSAGE_COPY(options->framework);
        if (options->framework->id != NULL)
            scheduler->framework_id = MESSAGE_COPY(options->framework->id);
    }
    scheduler->subscription_options = (struct subscription_options){
        .target = "/api/v1/scheduler",
        .authorization = scheduler->authorization,
        .event_descriptor = &mesos__v1__scheduler__event__descriptor};
    env_timer_init(&scheduler->retry, scheduler->driver.env, on_retry);
    env_timer_init(&scheduler->end_poll, scheduler->driver.env, on_end_poll);
    detector = detector_new(scheduler->driver.env, scheduler->master, &detector_events, scheduler, &err);
    if (detector == NULL) {
        *ret_error = take_ptr(&err.message);
        done(scheduler);
        return NULL;
    }
    detector_free(detector);
    return scheduler;
}

void raw_scheduler_start(struct raw_scheduler *scheduler) {
    driver_start(&scheduler->driver);
}

void raw_scheduler_abort(struct raw_scheduler *scheduler) {
    driver_stop(&scheduler->driver, MESOS_DRIVER_ABORTED, true);
}

void raw_scheduler_free(struct raw_scheduler *scheduler) {
    if (scheduler != NULL)
        done(scheduler);
}
