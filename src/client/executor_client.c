/* SPDX-License-Identifier: Apache-2.0 */
#include "client/executor_client.h"

#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "base/text.h"

/* Agents send a heartbeat each 30 min (DEFAULT_EXECUTOR_HEARTBEAT_INTERVAL), older ones none, so that silence is only
 * watched once one was seen; as with schedulers five may be missed. */
#define SILENCE_LIMIT (5 * 30 * MINUTE)
#define DEFAULT_RECOVERY_TIMEOUT (15 * MINUTE)
#define DEFAULT_BACKOFF_MAX (2 * SECOND)
/* After so long the updates are sent again to an agent that could not take a call. */
#define RESEND_DELAY (2 * SECOND)

/* Each half hour a call goes to the agent, as with Mesos's library (DEFAULT_HEARTBEAT_CALL_INTERVAL), and shows whether
 * there still is one at the other end. */
#define HEARTBEAT_CALL_INTERVAL (30 * MINUTE)

/* A status that the agent has not acknowledged. */
struct pending_update {
    struct list member;
    uint64_t number; /* tags its calls */
    Mesos__V1__TaskStatus *status;
    /* On the subscription in force. TOLD: with the call that began it, or by one that was answered. */
    enum { UPDATE_UNTOLD, UPDATE_SENT, UPDATE_TOLD } stage;
};

/* A launched task none of whose statuses has been acknowledged: told to a restarted agent. */
struct pending_task {
    struct list member;
    Mesos__V1__TaskInfo *task;
};

struct executor_client {
    struct env *env;
    struct http_client *http;
    const struct executor_client_events *events;
    void *user;
    struct subscription_options subscription_options;
    char *target, *agent_id, *framework_id, *executor_id, *authorization;
    bool checkpoint;
    int64_t recovery_timeout_ns, backoff_max_ns;
    struct subscription *subscription;
    struct env_timer retry, recovery, resend, heartbeat;
    struct list updates, tasks;
    size_t update_count;
    uint64_t last_number; /* of the updates; 0 tags other calls */
    bool is_subscribed, was_subscribed, is_abandoned;
    unsigned busy;
    bool is_dead;
};

static void destroy(struct executor_client *client) {
    struct pending_update *update;
    struct pending_task *task;

    list_for_each (&client->updates, update, member) {
        MESSAGE_FREE(update->status);
        free(update);
    }
    list_for_each (&client->tasks, task, member) {
        MESSAGE_FREE(task->task);
        free(task);
    }
    env_timer_done(&client->retry);
    env_timer_done(&client->recovery);
    env_timer_done(&client->resend);
    env_timer_done(&client->heartbeat);
    http_client_free(client->http);
    free(client->target);
    free(client->agent_id);
    free(client->framework_id);
    free(client->executor_id);
    free(client->authorization);
    free(client);
}

static void leave(struct executor_client *client) {
    if (--client->busy == 0 && client->is_dead)
        destroy(client);
}

static void abandon(struct executor_client *client, const char *reason) {
    if (client->is_abandoned || client->is_dead)
        return;
    client->is_abandoned = true;
    client->is_subscribed = false;
    env_timer_stop(&client->retry);
    env_timer_stop(&client->recovery);
    env_timer_stop(&client->resend);
    env_timer_stop(&client->heartbeat);
    subscription_free(take_ptr(&client->subscription));
    client->busy++;
    client->events->on_abandoned(client->user, reason);
    leave(client);
}

static void remember_task(struct executor_client *client, const Mesos__V1__TaskInfo *info) {
    struct pending_task *task = new0(struct pending_task);

    task->task = MESSAGE_COPY(info);
    list_append(&client->tasks, &task->member);
}

static bool is_pending(const struct executor_client *client,
                       const Mesos__V1__Executor__Event__Acknowledged *acknowledged) {
    const struct pending_update *update;

    list_for_each (&client->updates, update, member)
        if (update->status->uuid.len == acknowledged->uuid.len &&
            memcmp(update->status->uuid.data, acknowledged->uuid.data, acknowledged->uuid.len) == 0)
            return true;
    return false;
}

/* With what was to come before it of the same task: the agent has gone on, and would take it for news. */
static void forget_acknowledged(struct executor_client *client,
                                const Mesos__V1__Executor__Event__Acknowledged *acknowledged) {
    bool goes_on = is_pending(client, acknowledged);
    struct pending_update *update;
    struct pending_task *task;

    list_for_each (&client->updates, update, member) {
        if (!goes_on)
            break;
        if (strcmp(update->status->task_id->value, acknowledged->task_id->value) != 0)
            continue;
        goes_on = update->status->uuid.len != acknowledged->uuid.len ||
                  memcmp(update->status->uuid.data, acknowledged->uuid.data, acknowledged->uuid.len) != 0;
        list_remove(&update->member);
        MESSAGE_FREE(update->status);
        free(update);
        client->update_count--;
    }
    list_for_each (&client->tasks, task, member) {
        if (strcmp(task->task->task_id->value, acknowledged->task_id->value) == 0) {
            list_remove(&task->member);
            MESSAGE_FREE(task->task);
            free(task);
            break;
        }
    }
}

static void keep_account(struct executor_client *client, const Mesos__V1__Executor__Event *event) {
    if (event->type == MESOS__V1__EXECUTOR__EVENT__TYPE__LAUNCH)
        remember_task(client, event->launch->task);
    else if (event->type == MESOS__V1__EXECUTOR__EVENT__TYPE__LAUNCH_GROUP)
        for (size_t i = 0; i < event->launch_group->task_group->n_tasks; i++)
            remember_task(client, event->launch_group->task_group->tasks[i]);
    else if (event->type == MESOS__V1__EXECUTOR__EVENT__TYPE__ACKNOWLEDGED)
        forget_acknowledged(client, event->acknowledged);
}

static Mesos__V1__FrameworkID framework_id(const struct executor_client *client) {
    Mesos__V1__FrameworkID id = MESOS__V1__FRAMEWORK_ID__INIT;

    id.value = client->framework_id;
    return id;
}

static Mesos__V1__ExecutorID executor_id(const struct executor_client *client) {
    Mesos__V1__ExecutorID id = MESOS__V1__EXECUTOR_ID__INIT;

    id.value = client->executor_id;
    return id;
}

static void send_call(struct executor_client *client, Mesos__V1__Executor__Call *call, uint64_t tag) {
    Mesos__V1__FrameworkID framework = framework_id(client);
    Mesos__V1__ExecutorID executor = executor_id(client);

    call->framework_id = &framework;
    call->executor_id = &executor;
    call->has_type = true;
    subscription_call(client->subscription, &call->base, tag);
}

static void send_update(struct executor_client *client, struct pending_update *pending) {
    Mesos__V1__Executor__Call call = MESOS__V1__EXECUTOR__CALL__INIT;
    Mesos__V1__Executor__Call__Update update = MESOS__V1__EXECUTOR__CALL__UPDATE__INIT;

    call.type = MESOS__V1__EXECUTOR__CALL__TYPE__UPDATE;
    call.update = &update;
    update.status = pending->status;
    pending->stage = UPDATE_SENT;
    send_call(client, &call, pending->number);
}

/* Whether the agent has, or will have with one answer, all that came before @pending of its task. An update that went
 * out behind one that fails would come first. */
static bool is_turn_of(const struct executor_client *client, const struct pending_update *pending) {
    const struct pending_update *update;

    list_for_each (&client->updates, update, member) {
        if (update == pending)
            break;
        if (update->stage != UPDATE_TOLD &&
            strcmp(update->status->task_id->value, pending->status->task_id->value) == 0)
            return false;
    }
    return true;
}

/* What came up since the agent was asked for the subscription, or could not be taken. */
static void send_untold(struct executor_client *client) {
    struct pending_update *update;

    list_for_each (&client->updates, update, member)
        if (update->stage == UPDATE_UNTOLD && is_turn_of(client, update))
            send_update(client, update);
}

/* What waited for an earlier update of the task, which the agent has now. */
static void send_next(struct executor_client *client, const char *task_id) {
    struct pending_update *update;

    if (!client->is_subscribed || env_timer_is_running(&client->resend))
        return;
    list_for_each (&client->updates, update, member) {
        if (update->stage == UPDATE_TOLD || strcmp(update->status->task_id->value, task_id) != 0)
            continue;
        if (update->stage == UPDATE_UNTOLD)
            send_update(client, update);
        return;
    }
}

/* Whether what the type announces is there. */
static bool is_complete(const Mesos__V1__Executor__Event *event) {
    switch (event->type) {
    case MESOS__V1__EXECUTOR__EVENT__TYPE__SUBSCRIBED:
        return event->subscribed != NULL;
    case MESOS__V1__EXECUTOR__EVENT__TYPE__LAUNCH:
        return event->launch != NULL;
    case MESOS__V1__EXECUTOR__EVENT__TYPE__LAUNCH_GROUP:
        return event->launch_group != NULL;
    case MESOS__V1__EXECUTOR__EVENT__TYPE__KILL:
        return event->kill != NULL;
    case MESOS__V1__EXECUTOR__EVENT__TYPE__ACKNOWLEDGED:
        return event->acknowledged != NULL;
    case MESOS__V1__EXECUTOR__EVENT__TYPE__MESSAGE:
        return event->message != NULL;
    case MESOS__V1__EXECUTOR__EVENT__TYPE__ERROR:
        return event->error != NULL;
    default:
        return true;
    }
}

static void on_event(struct subscription *subscription, const ProtobufCMessage *message) {
    struct executor_client *client = subscription_user(subscription);
    const Mesos__V1__Executor__Event *event = (const Mesos__V1__Executor__Event *)message;

    if (event->type == MESOS__V1__EXECUTOR__EVENT__TYPE__HEARTBEAT) {
        subscription_set_silence_limit(subscription, SILENCE_LIMIT);
        return;
    }
    if (!is_complete(event)) {
        log_warning("Dropping an event %s of the agent: what it tells is not in it",
                    message_enum_name(&mesos__v1__executor__event__type__descriptor, (int)event->type));
        return;
    }
    if (event->type == MESOS__V1__EXECUTOR__EVENT__TYPE__SUBSCRIBED) {
        client->is_subscribed = client->was_subscribed = true;
        env_timer_stop(&client->recovery);
        env_timer_start(&client->heartbeat, HEARTBEAT_CALL_INTERVAL);
        send_untold(client);
    }
    keep_account(client, event);
    if (event->type == MESOS__V1__EXECUTOR__EVENT__TYPE__ACKNOWLEDGED)
        send_next(client, event->acknowledged->task_id->value);
    client->busy++;
    client->events->on_event(client->user, event);
    leave(client);
}

/* The longest pause is as long as an agent that has come back waits, unless the operator wants it otherwise: who pauses
 * for all of it is killed for a moment's delay, so half of it is the most here. */
static void retry_later(struct executor_client *client) {
    env_timer_start(&client->retry, env_random_pause(client->env, client->backoff_max_ns / 2));
}

static void on_lost(struct subscription *subscription, unsigned status, const struct address *redirect,
                    const struct error *err) {
    struct executor_client *client = subscription_user(subscription);
    bool was_subscribed = client->is_subscribed;

    client->is_subscribed = false;
    env_timer_stop(&client->heartbeat);
    subscription_free(take_ptr(&client->subscription));
    if (subscription_is_final(status)) {
        abandon(client, error_message(err));
        return;
    }
    if (!client->checkpoint && client->was_subscribed) {
        abandon(client, "the agent went away and checkpointing is off");
        return;
    }
    client->busy++;
    if (was_subscribed) {
        log_warning("Lost the agent: %s", error_message(err));
        env_timer_start(&client->recovery, client->recovery_timeout_ns);
        client->events->on_disconnected(client->user);
    }
    if (!client->is_dead)
        retry_later(client);
    leave(client);
}

static void on_resend(struct env_timer *timer) {
    struct executor_client *client = container_of(timer, struct executor_client, resend);

    if (client->is_subscribed)
        send_untold(client);
}

/* The update whose call has this tag; NULL if it is another call, or the agent has acknowledged the update already. */
static struct pending_update *find_sent(const struct executor_client *client, uint64_t tag) {
    struct pending_update *update;

    list_for_each (&client->updates, update, member)
        if (update->number == tag && update->stage == UPDATE_SENT)
            return update;
    return NULL;
}

/* An agent that recovers takes subscriptions, but no updates yet (Http::executor() of Mesos answers 503), and a
 * connection may break: the updates are sent again, which the agent knows by their uuids. */
static void on_call_failed(struct subscription *subscription, uint64_t tag, unsigned status, const char *message) {
    struct executor_client *client = subscription_user(subscription);
    struct pending_update *update = find_sent(client, tag);

    log_warning("A call to the agent failed: %u %s", status, message);
    if (update == NULL)
        return;
    if (subscription_is_final(status)) {
        /* It will not be taken another time either; those after it may. */
        update->stage = UPDATE_TOLD;
        send_next(client, update->status->task_id->value);
        return;
    }
    update->stage = UPDATE_UNTOLD;
    env_timer_start(&client->resend, RESEND_DELAY);
}

static void on_call_answered(struct subscription *subscription, uint64_t tag) {
    struct executor_client *client = subscription_user(subscription);
    struct pending_update *update = find_sent(client, tag);

    if (update == NULL)
        return;
    update->stage = UPDATE_TOLD;
    send_next(client, update->status->task_id->value);
}

static const struct subscription_events subscription_events = {on_event, on_lost, on_call_failed, on_call_answered};

static void on_heartbeat(struct env_timer *timer) {
    struct executor_client *client = container_of(timer, struct executor_client, heartbeat);
    Mesos__V1__Executor__Call call = MESOS__V1__EXECUTOR__CALL__INIT;

    call.type = MESOS__V1__EXECUTOR__CALL__TYPE__HEARTBEAT;
    send_call(client, &call, 0);
    env_timer_start(timer, HEARTBEAT_CALL_INTERVAL);
}

static void subscribe(struct executor_client *client) {
    Mesos__V1__Executor__Call call = MESOS__V1__EXECUTOR__CALL__INIT;
    Mesos__V1__Executor__Call__Subscribe subscribe = MESOS__V1__EXECUTOR__CALL__SUBSCRIBE__INIT;
    Mesos__V1__FrameworkID framework = framework_id(client);
    Mesos__V1__ExecutorID executor = executor_id(client);
    cleanup_(arena_done) struct arena arena = ARENA_INIT;
    struct pending_update *update;
    struct pending_task *task;

    call.framework_id = &framework;
    call.executor_id = &executor;
    call.has_type = true;
    call.type = MESOS__V1__EXECUTOR__CALL__TYPE__SUBSCRIBE;
    call.subscribe = &subscribe;
    subscribe.unacknowledged_updates = arena_alloc(&arena, client->update_count * sizeof(void *));
    list_for_each (&client->updates, update, member) {
        Mesos__V1__Executor__Call__Update *item = arena_alloc(&arena, sizeof(*item));

        mesos__v1__executor__call__update__init(item);
        item->status = update->status;
        update->stage = UPDATE_TOLD;
        subscribe.unacknowledged_updates[subscribe.n_unacknowledged_updates++] = item;
    }
    list_for_each (&client->tasks, task, member)
        subscribe.n_unacknowledged_tasks++;
    subscribe.unacknowledged_tasks = arena_alloc(&arena, subscribe.n_unacknowledged_tasks * sizeof(void *));
    subscribe.n_unacknowledged_tasks = 0;
    list_for_each (&client->tasks, task, member)
        subscribe.unacknowledged_tasks[subscribe.n_unacknowledged_tasks++] = task->task;
    client->subscription = subscription_new(client->env, client->http, &client->subscription_options, &call.base,
                                            &subscription_events, client);
}

static void on_retry(struct env_timer *timer) {
    subscribe(container_of(timer, struct executor_client, retry));
}

static void on_recovery_timeout(struct env_timer *timer) {
    abandon(container_of(timer, struct executor_client, recovery),
            "the agent did not come back within the recovery timeout");
}

char *executor_client_agent_path(const struct executor_client_options *options, const char *path) {
    const char *at = options->agent_pid == NULL ? NULL : strchr(options->agent_pid, '@');

    return at == NULL ? xstrdup(path) : xasprintf("/%.*s%s", (int)(at - options->agent_pid), options->agent_pid, path);
}

struct executor_client *executor_client_new(struct env *env, const struct executor_client_options *options,
                                            const struct executor_client_events *events, void *user,
                                            struct error *err) {
    struct executor_client *client;
    struct address agent;

    if (address_parse(options->agent, &agent, err) < 0) {
        error_wrap(err, "agent endpoint");
        return NULL;
    }
    client = new0(struct executor_client);
    client->env = env;
    client->http = http_client_new(env);
    client->events = events;
    client->user = user;
    client->agent_id = xstrdup(options->agent_id);
    client->framework_id = xstrdup(options->framework_id);
    client->executor_id = xstrdup(options->executor_id);
    if (options->authentication_token != NULL)
        client->authorization = xasprintf("Bearer %s", options->authentication_token);
    client->checkpoint = options->checkpoint;
    client->recovery_timeout_ns = options->recovery_timeout_ns > 0 ? options->recovery_timeout_ns
                                                                   : DEFAULT_RECOVERY_TIMEOUT;
    client->backoff_max_ns = options->backoff_max_ns > 0 ? options->backoff_max_ns : DEFAULT_BACKOFF_MAX;
    client->target = executor_client_agent_path(options, "/api/v1/executor");
    client->subscription_options = (struct subscription_options){
        .peer = agent,
        .target = client->target,
        .authorization = client->authorization,
        .media = options->media,
        .event_descriptor = &mesos__v1__executor__event__descriptor};
    list_init(&client->updates);
    list_init(&client->tasks);
    env_timer_init(&client->retry, env, on_retry);
    env_timer_init(&client->recovery, env, on_recovery_timeout);
    env_timer_init(&client->resend, env, on_resend);
    env_timer_init(&client->heartbeat, env, on_heartbeat);
    return client;
}

void executor_client_start(struct executor_client *client) {
    env_timer_start(&client->retry, 0);
}

void executor_client_free(struct executor_client *client) {
    if (client == NULL || client->is_dead)
        return;
    client->is_dead = true;
    client->is_subscribed = false;
    env_timer_stop(&client->retry);
    env_timer_stop(&client->recovery);
    env_timer_stop(&client->resend);
    env_timer_stop(&client->heartbeat);
    subscription_free(take_ptr(&client->subscription));
    if (client->busy == 0)
        destroy(client);
}

bool executor_client_is_subscribed(const struct executor_client *client) {
    return client->is_subscribed;
}

/* A copy of @status with everything an update needs. */
static Mesos__V1__TaskStatus *complete(struct executor_client *client, const Mesos__V1__TaskStatus *status) {
    Mesos__V1__TaskStatus whole = *status;
    Mesos__V1__AgentID agent = MESOS__V1__AGENT_ID__INIT;
    Mesos__V1__ExecutorID executor = executor_id(client);
    uint8_t uuid[UUID_BYTES];

    if (!whole.has_uuid) {
        env_random_uuid(client->env, uuid);
        whole.has_uuid = true;
        whole.uuid = (ProtobufCBinaryData){sizeof(uuid), uuid};
    }
    if (!whole.has_timestamp) {
        whole.has_timestamp = true;
        whole.timestamp = duration_to_seconds(env_wall_clock(client->env));
    }
    if (!whole.has_source) {
        whole.has_source = true;
        whole.source = MESOS__V1__TASK_STATUS__SOURCE__SOURCE_EXECUTOR;
    }
    if (whole.executor_id == NULL)
        whole.executor_id = &executor;
    if (whole.agent_id == NULL && client->agent_id != NULL) {
        agent.value = client->agent_id;
        whole.agent_id = &agent;
    }
    return MESSAGE_COPY(&whole);
}

void executor_client_send_update(struct executor_client *client, const Mesos__V1__TaskStatus *status) {
    struct pending_update *update;

    if (client->is_abandoned || client->is_dead)
        return;
    update = new0(struct pending_update);
    update->status = complete(client, status);
    update->number = ++client->last_number;
    list_append(&client->updates, &update->member);
    client->update_count++;
    /* What is to be sent again goes first. */
    if (client->is_subscribed && !env_timer_is_running(&client->resend) && is_turn_of(client, update))
        send_update(client, update);
}

size_t executor_client_unacknowledged(const struct executor_client *client) {
    return client->update_count;
}

bool executor_client_send_message(struct executor_client *client, const void *data, size_t size) {
    Mesos__V1__Executor__Call call = MESOS__V1__EXECUTOR__CALL__INIT;
    Mesos__V1__Executor__Call__Message message = MESOS__V1__EXECUTOR__CALL__MESSAGE__INIT;

    if (!client->is_subscribed)
        return false;
    call.type = MESOS__V1__EXECUTOR__CALL__TYPE__MESSAGE;
    call.message = &message;
    message.data = (ProtobufCBinaryData){size, (uint8_t *)(uintptr_t)data};
    send_call(client, &call, 0);
    return true;
}

static int environment_duration(const char *name, int64_t *ret_ns, struct error *err) {
    const char *value = getenv(name);

    if (value != NULL && duration_parse(value, ret_ns, err) < 0)
        return error_wrap(err, "environment variable %s", name);
    return 0;
}

int executor_client_options_from_environment(struct executor_client_options *ret, struct error *err) {
    static const struct {
        const char *name;
        size_t offset;
        bool is_needed;
    } variables[] = {
        {"MESOS_AGENT_ENDPOINT", offsetof(struct executor_client_options, agent), true},
        {"MESOS_FRAMEWORK_ID", offsetof(struct executor_client_options, framework_id), true},
        {"MESOS_EXECUTOR_ID", offsetof(struct executor_client_options, executor_id), true},
        {"MESOS_SLAVE_PID", offsetof(struct executor_client_options, agent_pid), false},
        {"MESOS_SLAVE_ID", offsetof(struct executor_client_options, agent_id), false},
        {"MESOS_EXECUTOR_AUTHENTICATION_TOKEN", offsetof(struct executor_client_options, authentication_token), false},
    };
    struct executor_client_options options = {.recovery_timeout_ns = DEFAULT_RECOVERY_TIMEOUT,
                                              .backoff_max_ns = DEFAULT_BACKOFF_MAX};
    const char *checkpoint = getenv("MESOS_CHECKPOINT");

    for (size_t i = 0; i < ARRAY_SIZE(variables); i++) {
        const char *value = getenv(variables[i].name);

        if (value == NULL && variables[i].is_needed)
            return error_set(err, EINVAL, "environment variable %s is missing: an executor is started by an agent",
                             variables[i].name);
        *(const char **)((char *)&options + variables[i].offset) = value;
    }
    options.checkpoint = checkpoint != NULL && strcmp(checkpoint, "1") == 0;
    if (environment_duration("MESOS_RECOVERY_TIMEOUT", &options.recovery_timeout_ns, err) < 0 ||
        environment_duration("MESOS_SUBSCRIPTION_BACKOFF_MAX", &options.backoff_max_ns, err) < 0)
        return -1;
    *ret = options;
    return 0;
}
