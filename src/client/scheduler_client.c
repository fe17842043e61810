/* SPDX-License-Identifier: Apache-2.0 */
#include "client/scheduler_client.h"

#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "base/text.h"

#define DEFAULT_BACKOFF (2 * SECOND)
#define LONGEST_BACKOFF (60 * SECOND)
/* A stream without five heartbeats is taken for dead, as Mesos's own scheduler library has it. */
enum { HEARTBEATS_MISSED = 5 };

struct scheduler_client {
    struct env *env;
    struct http_client *http;
    struct detector *detector;
    const struct scheduler_client_events *events;
    void *user;
    struct subscription_options subscription_options;
    char *authorization;
    Mesos__V1__FrameworkInfo *framework;
    Mesos__V1__FrameworkID *framework_id;            /* as given, or as the master gave it; NULL before that */
    Mesos__V1__Scheduler__Call__Subscribe *template; /* suppressed roles and offer constraints */
    struct subscription *subscription;
    struct address leader; /* as detected; what is subscribed to may be where it redirects */
    bool has_leader;
    struct env_timer retry;
    int64_t backoff_ns, next_backoff_ns;
    bool is_subscribed;
    bool is_over; /* refused or leaving: no subscription is made any more */
    unsigned busy;
    bool is_dead;
};

static void destroy(struct scheduler_client *client) {
    env_timer_done(&client->retry);
    detector_free(client->detector);
    http_client_free(client->http);
    MESSAGE_FREE(client->framework);
    MESSAGE_FREE(client->framework_id);
    MESSAGE_FREE(client->template);
    free(client->authorization);
    free(client);
}

static void leave(struct scheduler_client *client) {
    if (--client->busy == 0 && client->is_dead)
        destroy(client);
}

/* Close the stream; tells the user if it stood. */
static void disconnect(struct scheduler_client *client) {
    bool was_subscribed = client->is_subscribed;

    client->is_subscribed = false;
    subscription_free(take_ptr(&client->subscription));
    if (was_subscribed && !client->is_dead)
        client->events->on_disconnected(client->user);
}

/* Wait a random part of the backoff, which doubles up to a minute, so that many schedulers do not come at once. */
static void retry_later(struct scheduler_client *client) {
    if (client->is_dead || client->is_over || !client->has_leader)
        return;
    env_timer_start(&client->retry, env_random_pause(client->env, client->next_backoff_ns));
    client->next_backoff_ns *= 2;
    if (client->next_backoff_ns > LONGEST_BACKOFF)
        client->next_backoff_ns = LONGEST_BACKOFF;
}

static void subscribed(struct scheduler_client *client, const Mesos__V1__Scheduler__Event__Subscribed *event) {
    client->is_subscribed = true;
    client->next_backoff_ns = client->backoff_ns;
    if (client->framework_id == NULL)
        client->framework_id = MESSAGE_COPY(event->framework_id);
    if (event->has_heartbeat_interval_seconds && event->heartbeat_interval_seconds > 0)
        subscription_set_silence_limit(client->subscription,
                                       HEARTBEATS_MISSED * duration_from_seconds(event->heartbeat_interval_seconds));
}

static void on_event(struct subscription *subscription, const ProtobufCMessage *message) {
    struct scheduler_client *client = subscription_user(subscription);
    const Mesos__V1__Scheduler__Event *event = (const Mesos__V1__Scheduler__Event *)message;

    if (event->type == MESOS__V1__SCHEDULER__EVENT__TYPE__HEARTBEAT)
        return;
    if (event->type == MESOS__V1__SCHEDULER__EVENT__TYPE__SUBSCRIBED && event->subscribed != NULL)
        subscribed(client, event->subscribed);
    client->busy++;
    client->events->on_event(client->user, event);
    leave(client);
}

static void on_lost(struct subscription *subscription, unsigned status, const struct address *redirect,
                    const struct error *err) {
    struct scheduler_client *client = subscription_user(subscription);

    client->busy++;
    if (subscription_is_final(status) && !client->is_subscribed) {
        client->is_over = true;
        disconnect(client);
        client->events->on_refused(client->user, status, error_message(err));
    } else {
        log_info("No subscription with master %s: %s", client->subscription_options.peer.host, error_message(err));
        /* Who is redirected to is gone some day: whoever redirected knows the next one. */
        client->subscription_options.peer = redirect != NULL ? *redirect : client->leader;
        disconnect(client);
        retry_later(client);
    }
    leave(client);
}

static void on_call_failed(struct subscription *subscription, uint64_t tag, unsigned status, const char *message) {
    struct scheduler_client *client = subscription_user(subscription);

    log_warning("A call to the master failed: %u %s", status, message);
    if (client->events->on_call_failed == NULL)
        return;
    client->busy++;
    client->events->on_call_failed(client->user, status, message);
    leave(client);
}

static const struct subscription_events subscription_events = {on_event, on_lost, on_call_failed};

static void subscribe(struct scheduler_client *client) {
    Mesos__V1__Scheduler__Call call = MESOS__V1__SCHEDULER__CALL__INIT;
    Mesos__V1__Scheduler__Call__Subscribe subscribe = *client->template;
    Mesos__V1__FrameworkInfo framework = *client->framework;

    call.has_type = true;
    call.type = MESOS__V1__SCHEDULER__CALL__TYPE__SUBSCRIBE;
    call.framework_id = framework.id = client->framework_id;
    call.subscribe = &subscribe;
    subscribe.framework_info = &framework;
    client->subscription = subscription_new(client->env, client->http, &client->subscription_options, &call.base,
                                            &subscription_events, client);
}

static void on_retry(struct env_timer *timer) {
    struct scheduler_client *client = container_of(timer, struct scheduler_client, retry);

    if (client->subscription == NULL)
        subscribe(client);
}

static void on_leader(const struct address *leader, void *user) {
    struct scheduler_client *client = user;

    client->has_leader = leader != NULL;
    env_timer_stop(&client->retry);
    client->busy++;
    disconnect(client);
    if (leader != NULL && !client->is_dead && !client->is_over) {
        client->leader = client->subscription_options.peer = *leader;
        subscribe(client);
    }
    leave(client);
}

static const struct detector_events detector_events = {on_leader};

static void set_template(struct scheduler_client *client, char *const *suppressed_roles, size_t count,
                         const Mesos__V1__Scheduler__OfferConstraints *constraints) {
    Mesos__V1__Scheduler__Call__Subscribe template = MESOS__V1__SCHEDULER__CALL__SUBSCRIBE__INIT;
    Mesos__V1__Scheduler__Call__Subscribe *before = client->template;
    Mesos__V1__FrameworkInfo nobody = MESOS__V1__FRAMEWORK_INFO__INIT;

    nobody.user = nobody.name = (char *)(uintptr_t) "";
    template.framework_info = &nobody;
    template.suppressed_roles = (char **)(uintptr_t)suppressed_roles;
    template.n_suppressed_roles = count;
    template.offer_constraints = (Mesos__V1__Scheduler__OfferConstraints *)(uintptr_t)constraints;
    client->template = MESSAGE_COPY(&template);
    MESSAGE_FREE(before);
}

static char *basic_authorization(const char *principal, const char *secret) {
    cleanup_free char *pair = xasprintf("%s:%s", principal, secret == NULL ? "" : secret);
    struct buffer value = BUFFER_INIT;

    buffer_append_string(&value, "Basic ");
    base64_append(&value, pair, strlen(pair));
    return buffer_take(&value, NULL);
}

struct scheduler_client *scheduler_client_new(struct env *env, const struct scheduler_client_options *options,
                                              const struct scheduler_client_events *events, void *user,
                                              struct error *err) {
    struct scheduler_client *client = new0(struct scheduler_client);

    client->detector = detector_new(env, options->master, &detector_events, client, err);
    if (client->detector == NULL) {
        free(client);
        return NULL;
    }
    client->env = env;
    client->http = http_client_new(env);
    client->events = events;
    client->user = user;
    client->framework = MESSAGE_COPY(options->framework);
    if (options->framework->id != NULL)
        client->framework_id = MESSAGE_COPY(options->framework->id);
    set_template(client, options->suppressed_roles, options->suppressed_role_count, options->offer_constraints);
    if (options->principal != NULL)
        client->authorization = basic_authorization(options->principal, options->secret);
    client->subscription_options = (struct subscription_options){
        .target = "/api/v1/scheduler",
        .authorization = client->authorization,
        .media = options->media,
        .event_descriptor = &mesos__v1__scheduler__event__descriptor,
    };
    client->backoff_ns = options->backoff_ns > 0 ? options->backoff_ns : DEFAULT_BACKOFF;
    client->next_backoff_ns = client->backoff_ns;
    env_timer_init(&client->retry, env, on_retry);
    return client;
}

void scheduler_client_start(struct scheduler_client *client) {
    detector_start(client->detector);
}

void scheduler_client_free(struct scheduler_client *client) {
    if (client == NULL || client->is_dead)
        return;
    client->is_dead = true;
    client->is_subscribed = false;
    env_timer_stop(&client->retry);
    detector_free(take_ptr(&client->detector));
    subscription_free(take_ptr(&client->subscription));
    if (client->busy == 0)
        destroy(client);
}

bool scheduler_client_is_subscribed(const struct scheduler_client *client) {
    return client->is_subscribed;
}

const char *scheduler_client_framework_id(const struct scheduler_client *client) {
    return client->framework_id == NULL ? NULL : client->framework_id->value;
}

bool scheduler_client_call(struct scheduler_client *client, Mesos__V1__Scheduler__Call *call) {
    if (!client->is_subscribed)
        return false;
    call->framework_id = client->framework_id;
    call->has_type = true;
    subscription_call(client->subscription, &call->base, 0);
    return true;
}

size_t scheduler_client_calls_pending(const struct scheduler_client *client) {
    return client->subscription == NULL ? 0 : subscription_calls_pending(client->subscription);
}

void scheduler_client_set_framework(struct scheduler_client *client, const Mesos__V1__FrameworkInfo *framework) {
    MESSAGE_FREE(client->framework);
    client->framework = MESSAGE_COPY(framework);
}

void scheduler_client_set_suppressed_roles(struct scheduler_client *client, char *const *roles, size_t count) {
    set_template(client, roles, count, client->template->offer_constraints);
}

void scheduler_client_set_offer_constraints(struct scheduler_client *client,
                                            const Mesos__V1__Scheduler__OfferConstraints *constraints) {
    set_template(client, client->template->suppressed_roles, client->template->n_suppressed_roles, constraints);
}

void scheduler_client_leave(struct scheduler_client *client) {
    client->is_over = true;
    env_timer_stop(&client->retry);
}

void scheduler_client_reconnect(struct scheduler_client *client) {
    client->busy++;
    disconnect(client);
    if (!client->is_dead)
        env_timer_start(&client->retry, 0);
    leave(client);
}
