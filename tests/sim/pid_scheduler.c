/* SPDX-License-Identifier: Apache-2.0 */
#include "pid_scheduler.h"

#include <stdio.h>
#include <string.h>

#include "mesos/internal/messages.pb-c.h"
#include "mesos/scheduler/scheduler.pb-c.h"
#include "message/message.h"
#include "message/v0.h"
#include "process/process.h"

/* Registration is tried again so often until the master answers; drivers begin with less and slow down. */
#define RETRY_INTERVAL (3 * SECOND)

struct pid_scheduler {
    struct env *env;
    struct router *router;
    struct process_endpoint *endpoint;
    struct process process;
    struct pid master;
    Mesos__V1__FrameworkInfo *framework;
    char *framework_id; /* NULL: none yet */
    bool sends_calls, is_registered, was_registered;
    struct env_timer retry;
    const struct scheduler_client_events *events;
    void *user;
};

/* Sending */

static void send_as(struct pid_scheduler *scheduler, const char *name, const ProtobufCMessage *message) {
    cleanup_buffer struct buffer body = BUFFER_INIT;

    message_encode(message, &body);
    process_send(&scheduler->process, &scheduler->master, name, body.data, body.size);
}

#define SEND(scheduler, type, message) send_as(scheduler, "mesos.internal." type, &(message)->base)

static void send_call(struct pid_scheduler *scheduler, const Mesos__V1__Scheduler__Call *call) {
    cleanup_buffer struct buffer body = BUFFER_INIT;

    v0_scheduler_call_encode(call, &body);
    process_send(&scheduler->process, &scheduler->master, "mesos.scheduler.Call", body.data, body.size);
}

/* As drivers do: with `force` until the first time that it is registered. */
static void subscribe(struct pid_scheduler *scheduler, Mesos__V1__FrameworkInfo *info) {
    Mesos__Scheduler__Call call = MESOS__SCHEDULER__CALL__INIT;
    Mesos__Scheduler__Call__Subscribe part = MESOS__SCHEDULER__CALL__SUBSCRIBE__INIT;

    part.framework_info = info;
    part.has_force = true;
    part.force = info->id != NULL && !scheduler->was_registered;
    call.has_type = true;
    call.type = MESOS__V1__SCHEDULER__CALL__TYPE__SUBSCRIBE;
    call.subscribe = &part;
    call.framework_id = info->id;
    send_as(scheduler, "mesos.scheduler.Call", &call.base);
}

static void send_registration(struct pid_scheduler *scheduler) {
    Mesos__Internal__RegisterFrameworkMessage new = MESOS__INTERNAL__REGISTER_FRAMEWORK_MESSAGE__INIT;
    Mesos__Internal__ReregisterFrameworkMessage again = MESOS__INTERNAL__REREGISTER_FRAMEWORK_MESSAGE__INIT;
    Mesos__V1__FrameworkInfo info = *scheduler->framework;
    Mesos__V1__FrameworkID id = MESOS__V1__FRAMEWORK_ID__INIT;

    if (scheduler->framework_id != NULL) {
        id.value = scheduler->framework_id;
        info.id = &id;
    }
    new.framework = again.framework = &info;
    again.failover = !scheduler->was_registered;
    if (scheduler->sends_calls)
        subscribe(scheduler, &info);
    else if (info.id == NULL)
        SEND(scheduler, "RegisterFrameworkMessage", &new);
    else
        SEND(scheduler, "ReregisterFrameworkMessage", &again);
}

static void on_retry(struct env_timer *timer) {
    struct pid_scheduler *scheduler = container_of(timer, struct pid_scheduler, retry);

    if (scheduler->is_registered)
        return;
    process_link(&scheduler->process, &scheduler->master);
    send_registration(scheduler);
    env_timer_start(timer, RETRY_INTERVAL);
}

static void on_exited(struct process *process, const struct pid *peer) {
    struct pid_scheduler *scheduler = container_of(process, struct pid_scheduler, process);
    bool was_registered = scheduler->is_registered;

    scheduler->is_registered = false;
    env_timer_start(&scheduler->retry, SECOND);
    if (was_registered)
        scheduler->events->on_disconnected(scheduler->user);
}

/* Calls as the messages of old drivers. Each returns false if the old messages can not say it. */

static bool send_launch(struct pid_scheduler *scheduler, const Mesos__V1__Scheduler__Call *call) {
    const Mesos__V1__Scheduler__Call__Accept *accept = call->accept;
    Mesos__Internal__LaunchTasksMessage message = MESOS__INTERNAL__LAUNCH_TASKS_MESSAGE__INIT;

    if (accept->n_operations != 1 || accept->operations[0]->type != MESOS__V1__OFFER__OPERATION__TYPE__LAUNCH)
        return false;
    message.framework_id = call->framework_id;
    message.n_tasks = accept->operations[0]->launch->n_task_infos;
    message.tasks = accept->operations[0]->launch->task_infos;
    message.n_offer_ids = accept->n_offer_ids;
    message.offer_ids = accept->offer_ids;
    message.filters = accept->filters;
    SEND(scheduler, "LaunchTasksMessage", &message);
    return true;
}

static bool send_decline(struct pid_scheduler *scheduler, const Mesos__V1__Scheduler__Call *call) {
    Mesos__Internal__LaunchTasksMessage message = MESOS__INTERNAL__LAUNCH_TASKS_MESSAGE__INIT;

    message.framework_id = call->framework_id;
    message.n_offer_ids = call->decline->n_offer_ids;
    message.offer_ids = call->decline->offer_ids;
    message.filters = call->decline->filters;
    SEND(scheduler, "LaunchTasksMessage", &message);
    return true;
}

static bool send_kill(struct pid_scheduler *scheduler, const Mesos__V1__Scheduler__Call *call) {
    Mesos__Internal__KillTaskMessage message = MESOS__INTERNAL__KILL_TASK_MESSAGE__INIT;

    message.framework_id = call->framework_id;
    message.task_id = call->kill->task_id;
    SEND(scheduler, "KillTaskMessage", &message);
    return true;
}

static bool send_acknowledgement(struct pid_scheduler *scheduler, const Mesos__V1__Scheduler__Call *call) {
    Mesos__Internal__StatusUpdateAcknowledgementMessage message =
        MESOS__INTERNAL__STATUS_UPDATE_ACKNOWLEDGEMENT_MESSAGE__INIT;

    message.framework_id = call->framework_id;
    message.slave_id = call->acknowledge->agent_id;
    message.task_id = call->acknowledge->task_id;
    message.uuid = call->acknowledge->uuid;
    SEND(scheduler, "StatusUpdateAcknowledgementMessage", &message);
    return true;
}

static bool send_reconcile(struct pid_scheduler *scheduler, const Mesos__V1__Scheduler__Call *call) {
    const Mesos__V1__Scheduler__Call__Reconcile *reconcile = call->reconcile;
    Mesos__Internal__ReconcileTasksMessage message = MESOS__INTERNAL__RECONCILE_TASKS_MESSAGE__INIT;
    cleanup_(arena_done) struct arena arena = ARENA_INIT;

    message.framework_id = call->framework_id;
    message.statuses = arena_alloc(&arena, (reconcile->n_tasks + 1) * sizeof(*message.statuses));
    for (size_t i = 0; i < reconcile->n_tasks; i++) {
        Mesos__V1__TaskStatus *status = arena_alloc(&arena, sizeof(*status));

        mesos__v1__task_status__init(status);
        status->task_id = reconcile->tasks[i]->task_id;
        status->agent_id = reconcile->tasks[i]->agent_id;
        status->state = MESOS__V1__TASK_STATE__TASK_STAGING;
        message.statuses[message.n_statuses++] = status;
    }
    SEND(scheduler, "ReconcileTasksMessage", &message);
    return true;
}

static bool send_unregister(struct pid_scheduler *scheduler, const Mesos__V1__Scheduler__Call *call) {
    Mesos__Internal__UnregisterFrameworkMessage message = MESOS__INTERNAL__UNREGISTER_FRAMEWORK_MESSAGE__INIT;

    message.framework_id = call->framework_id;
    SEND(scheduler, "UnregisterFrameworkMessage", &message);
    return true;
}

static bool send_old(struct pid_scheduler *scheduler, const Mesos__V1__Scheduler__Call *call) {
    switch (call->type) {
    case MESOS__V1__SCHEDULER__CALL__TYPE__ACCEPT:
        return send_launch(scheduler, call);
    case MESOS__V1__SCHEDULER__CALL__TYPE__DECLINE:
        return send_decline(scheduler, call);
    case MESOS__V1__SCHEDULER__CALL__TYPE__KILL:
        return send_kill(scheduler, call);
    case MESOS__V1__SCHEDULER__CALL__TYPE__ACKNOWLEDGE:
        return send_acknowledgement(scheduler, call);
    case MESOS__V1__SCHEDULER__CALL__TYPE__RECONCILE:
        return send_reconcile(scheduler, call);
    case MESOS__V1__SCHEDULER__CALL__TYPE__TEARDOWN:
        return send_unregister(scheduler, call);
    default:
        return false;
    }
}

bool pid_scheduler_call(struct pid_scheduler *scheduler, Mesos__V1__Scheduler__Call *call) {
    Mesos__V1__FrameworkID id = MESOS__V1__FRAMEWORK_ID__INIT;

    if (!scheduler->is_registered)
        return false;
    id.value = scheduler->framework_id;
    call->framework_id = &id;
    call->has_type = true;
    if (scheduler->sends_calls || !send_old(scheduler, call))
        send_call(scheduler, call);
    call->framework_id = NULL;
    return true;
}

/* What comes in, as events */

static void tell(struct pid_scheduler *scheduler, Mesos__V1__Scheduler__Event *event, int type) {
    event->has_type = true;
    event->type = (Mesos__V1__Scheduler__Event__Type)type;
    scheduler->events->on_event(scheduler->user, event);
}

static void registered(struct pid_scheduler *scheduler, const Mesos__V1__FrameworkID *id) {
    Mesos__V1__Scheduler__Event event = MESOS__V1__SCHEDULER__EVENT__INIT;
    Mesos__V1__Scheduler__Event__Subscribed part = MESOS__V1__SCHEDULER__EVENT__SUBSCRIBED__INIT;

    if (scheduler->is_registered)
        return;
    string_replace(&scheduler->framework_id, id->value);
    scheduler->is_registered = scheduler->was_registered = true;
    env_timer_stop(&scheduler->retry);
    part.framework_id = (Mesos__V1__FrameworkID *)id;
    event.subscribed = &part;
    tell(scheduler, &event, MESOS__V1__SCHEDULER__EVENT__TYPE__SUBSCRIBED);
}

static void on_registered(struct pid_scheduler *scheduler, const ProtobufCMessage *base) {
    registered(scheduler, ((const Mesos__Internal__FrameworkRegisteredMessage *)base)->framework_id);
}

static void on_reregistered(struct pid_scheduler *scheduler, const ProtobufCMessage *base) {
    registered(scheduler, ((const Mesos__Internal__FrameworkReregisteredMessage *)base)->framework_id);
}

static void on_offers(struct pid_scheduler *scheduler, const ProtobufCMessage *base) {
    const Mesos__Internal__ResourceOffersMessage *message = (const Mesos__Internal__ResourceOffersMessage *)base;
    Mesos__V1__Scheduler__Event event = MESOS__V1__SCHEDULER__EVENT__INIT;
    Mesos__V1__Scheduler__Event__Offers part = MESOS__V1__SCHEDULER__EVENT__OFFERS__INIT;

    if (!scheduler->is_registered)
        return;
    part.n_offers = message->n_offers;
    part.offers = message->offers;
    event.offers = &part;
    tell(scheduler, &event, MESOS__V1__SCHEDULER__EVENT__TYPE__OFFERS);
}

static void on_update(struct pid_scheduler *scheduler, const ProtobufCMessage *base) {
    const Mesos__Internal__StatusUpdateMessage *message = (const Mesos__Internal__StatusUpdateMessage *)base;
    Mesos__V1__Scheduler__Event event = MESOS__V1__SCHEDULER__EVENT__INIT;
    Mesos__V1__Scheduler__Event__Update part = MESOS__V1__SCHEDULER__EVENT__UPDATE__INIT;
    Mesos__V1__TaskStatus status = *message->update->status;

    if (!scheduler->is_registered)
        return;
    /* As drivers do: only what somebody waits for is acknowledged. */
    status.has_uuid = message->pid != NULL && message->pid[0] != '\0' && message->update->has_uuid;
    status.uuid = message->update->uuid;
    part.status = &status;
    event.update = &part;
    tell(scheduler, &event, MESOS__V1__SCHEDULER__EVENT__TYPE__UPDATE);
}

static void on_error(struct pid_scheduler *scheduler, const ProtobufCMessage *base) {
    Mesos__V1__Scheduler__Event event = MESOS__V1__SCHEDULER__EVENT__INIT;
    Mesos__V1__Scheduler__Event__Error part = MESOS__V1__SCHEDULER__EVENT__ERROR__INIT;

    part.message = ((const Mesos__Internal__FrameworkErrorMessage *)base)->message;
    event.error = &part;
    tell(scheduler, &event, MESOS__V1__SCHEDULER__EVENT__TYPE__ERROR);
}

static const struct message_row {
    const char *name;
    const ProtobufCMessageDescriptor *descriptor;
    void (*handle)(struct pid_scheduler *scheduler, const ProtobufCMessage *message);
} rows[] = {
    {"mesos.internal.FrameworkRegisteredMessage", &mesos__internal__framework_registered_message__descriptor,
     on_registered},
    {"mesos.internal.FrameworkReregisteredMessage", &mesos__internal__framework_reregistered_message__descriptor,
     on_reregistered},
    {"mesos.internal.ResourceOffersMessage", &mesos__internal__resource_offers_message__descriptor, on_offers},
    {"mesos.internal.StatusUpdateMessage", &mesos__internal__status_update_message__descriptor, on_update},
    {"mesos.internal.FrameworkErrorMessage", &mesos__internal__framework_error_message__descriptor, on_error},
};

static void on_message(struct process *process, const struct pid *from, const char *name, const char *body,
                       size_t size) {
    struct pid_scheduler *scheduler = container_of(process, struct pid_scheduler, process);
    cleanup_(arena_done) struct arena arena = ARENA_INIT;
    ProtobufCMessage *message;

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        if (strcmp(rows[i].name, name) == 0 &&
            message_decode(rows[i].descriptor, body, size, &arena, &message, NULL) == 0)
            rows[i].handle(scheduler, message);
}

static const struct process_ops process_ops = {.on_message = on_message, .on_exited = on_exited};

/* Life */

struct pid_scheduler *pid_scheduler_new(struct env *env, const struct pid_scheduler_options *options,
                                        const struct scheduler_client_events *events, void *user) {
    struct pid_scheduler *scheduler = new0(struct pid_scheduler);
    struct address address = address_tcp(options->host, 0);

    scheduler->env = env;
    scheduler->framework = MESSAGE_COPY(options->framework);
    if (options->framework->id != NULL)
        scheduler->framework_id = xstrdup(options->framework->id->value);
    scheduler->sends_calls = options->sends_calls;
    scheduler->events = events;
    scheduler->user = user;
    scheduler->router = router_new();
    scheduler->endpoint = process_endpoint_new(env, scheduler->router, NULL);
    env_timer_init(&scheduler->retry, env, on_retry);
    snprintf(scheduler->master.id, sizeof(scheduler->master.id), "master");
    if (address_parse(options->master, &scheduler->master.address, NULL) < 0 ||
        process_endpoint_listen(scheduler->endpoint, &address, NULL, NULL) < 0)
        abort();
    process_init(&scheduler->process, scheduler->endpoint, options->id, &process_ops);
    return scheduler;
}

void pid_scheduler_start(struct pid_scheduler *scheduler) {
    env_timer_start(&scheduler->retry, 0);
}

void pid_scheduler_free(struct pid_scheduler *scheduler) {
    if (scheduler == NULL)
        return;
    env_timer_done(&scheduler->retry);
    process_done(&scheduler->process);
    process_endpoint_free(scheduler->endpoint);
    router_free(scheduler->router);
    MESSAGE_FREE(scheduler->framework);
    free(scheduler->framework_id);
    free(scheduler);
}

bool pid_scheduler_is_registered(const struct pid_scheduler *scheduler) {
    return scheduler->is_registered;
}
