/* SPDX-License-Identifier: Apache-2.0 */
#include "master/driver_messages.h"

#include <string.h>

#include "base/log.h"
#include "master/dispatch.h"
#include "master/framework.h"
#include "master/master.h"
#include "master/observer.h"
#include "master/subscribe.h"
#include "master/validation.h"
#include "mesos/internal/authentication.pb-c.h"
#include "mesos/internal/messages.pb-c.h"
#include "message/message.h"
#include "message/v0.h"

static void send_error(struct master *master, const struct pid *to, const char *text) {
    Mesos__Internal__FrameworkErrorMessage message = MESOS__INTERNAL__FRAMEWORK_ERROR_MESSAGE__INIT;

    message.message = (char *)text;
    master_send(master, to, &message.base);
}

/* Subscription. [Master::subscribe(from, …), Master::_subscribe(from, …)] */

/* The framework whose driver is at @from, or NULL. */
static struct framework *find_by_pid(const struct master *master, const struct pid *from) {
    char text[PID_BYTES];
    struct connection *connection = table_find(&master->frameworks_by_pid, pid_format(from, text));

    return connection == NULL ? NULL : container_of(connection, struct framework, connection);
}

/* The same driver again: it may have lost what we sent, also the offers. One that has failed over takes itself for a
 * new one. */
static void resume(struct framework *framework, const struct pid *from, bool force) {
    struct offer *offer;

    list_for_each (&framework->offers, offer, in_framework)
        offer_rescind(offer);
    /* The link may have broken just now. */
    env_timer_stop(&framework->connection.lost);
    process_link(&framework->master->process, from);
    framework_connected(framework);
    framework_send_subscribed(framework, !force);
}

static void connect(struct framework *framework, const struct pid *from, bool again) {
    framework_fail_over(framework);
    connection_init_pid(&framework->connection, framework->master, from, framework_on_connection_lost);
    framework_connected(framework);
    framework_send_subscribed(framework, again);
}

/* Whether the driver was the framework's until its link broke. */
static bool had(const struct framework *framework, const struct pid *from) {
    return framework != NULL && framework->lost_pid.id[0] != '\0' && pid_equal(&framework->lost_pid, from);
}

/* Whether a driver may have the known framework: it is its own, it takes it over (@force), or nobody has it since the
 * master began. A driver that was cut off, while another one took over, does not get it back by accident. */
static bool may_have(const struct framework *framework, const struct framework *connected, const struct pid *from,
                     bool force) {
    return framework == NULL || framework == connected || had(framework, from) || force ||
           framework->state == FRAMEWORK_RECOVERED;
}

static void subscribe(struct master *master, const struct pid *from,
                      const Mesos__V1__Scheduler__Call__Subscribe *subscribe, bool force) {
    struct framework *connected = find_by_pid(master, from), *framework;
    struct error cleanup_error err = ERROR_INIT;
    struct subscription subscription;
    bool is_new, is_lost;
    char pid[PID_BYTES];

    pid_format(from, pid);
    log_info("Received subscription request for the framework '%.200s' at %s", subscribe->framework_info->name, pid);
    if (subscription_prepare(master, subscribe, &subscription, &err) < 0) {
        log_info("Refusing the subscription of the framework '%.200s' at %s: %s", subscribe->framework_info->name, pid,
                 error_message(&err));
        send_error(master, from, error_message(&err));
        subscription_done(&subscription);
        return;
    }
    is_new = subscription.framework == NULL;
    if (connected != NULL && connected != subscription.framework) {
        if (subscription.info->id == NULL || subscription.info->id->value[0] == '\0') {
            log_info("Framework %s at %s is subscribed already; telling it again", connected->id, pid);
            framework_send_subscribed(connected, false);
        } else {
            log_error("Dropping the subscription of framework %s: framework %s is connected at %s",
                      subscription.info->id->value, connected->id, pid);
        }
        subscription_done(&subscription);
        return;
    }
    if (!may_have(subscription.framework, connected, from, force)) {
        log_error("Refusing the subscription of framework %s at %s: it is another driver's", subscription.framework->id,
                  pid);
        send_error(master, from, "Framework failed over");
        subscription_done(&subscription);
        return;
    }
    is_lost = had(subscription.framework, from);
    framework = subscription_apply(master, &subscription);
    framework_metrics_count_call(&framework->metrics, MESOS__V1__SCHEDULER__CALL__TYPE__SUBSCRIBE);
    subscription_done(&subscription);
    if (connected == framework)
        resume(framework, from, force);
    else
        connect(framework, from, is_lost && !force);
    if (is_new)
        observers_framework_added(master, framework);
    else
        framework_broadcast_info(framework);
}

/* Calls of the driver at @from for the framework @id; NULL, with a log line, if it is not its own. A driver whose link
 * broke only here, one way, is told each time, as it may not have heard it then. [Master::receive] */
static struct framework *sender(struct master *master, const struct pid *from, const char *id, const char *what) {
    struct framework *framework = framework_find(master, id);
    char pid[PID_BYTES];

    if (framework != NULL && connection_is_pid(&framework->connection, from))
        return framework;
    if (had(framework, from))
        send_error(master, from, "Framework disconnected");
    log_warning("Ignoring %s from %s for framework %s, which %s", what, pid_format(from, pid), id,
                framework == NULL ? "cannot be found" : "is not connected there");
    metric_increment(&master->metrics.dropped_messages);
    return NULL;
}

static void make_call(struct master *master, const struct pid *from, Mesos__V1__Scheduler__Call *call,
                      struct arena *arena) {
    struct framework *framework = sender(master, from, call->framework_id->value, call_name(call->type));
    struct error cleanup_error err = ERROR_INIT;

    if (framework == NULL)
        return;
    framework_metrics_count_call(&framework->metrics, (int)call->type);
    if (dispatch_call(framework, call, arena, &err) < 0)
        send_error(master, from, error_message(&err));
}

int on_driver_call(struct master *master, const struct pid *from, const char *body, size_t size, struct error *err) {
    struct arena arena = ARENA_INIT;
    Mesos__V1__Scheduler__Call *call;
    int result = 0;
    bool force;

    if (v0_scheduler_call_decode(body, size, &arena, &call, &force, err) < 0 || validate_call(call, err) < 0)
        result = -1;
    else if (call->type == MESOS__V1__SCHEDULER__CALL__TYPE__SUBSCRIBE)
        subscribe(master, from, call->subscribe, force);
    else if (!call_is_for_drivers(call->type))
        result = error_set(err, 0, "%s is not supported by the v0 API", call_name(call->type));
    else
        make_call(master, from, call, &arena);
    arena_done(&arena);
    return result;
}

/* The messages of old drivers, each turned into its call */

#define CALL(call_type, id) \
    Mesos__V1__Scheduler__Call call = MESOS__V1__SCHEDULER__CALL__INIT; \
    call.has_type = true; \
    call.type = MESOS__V1__SCHEDULER__CALL__TYPE__##call_type; \
    call.framework_id = id

/* The call's own part is on the stack; what handlers add to it comes from an arena. */
static void send_call(struct master *master, const struct pid *from, Mesos__V1__Scheduler__Call *call) {
    struct error cleanup_error err = ERROR_INIT;
    struct arena arena = ARENA_INIT;

    if (validate_call(call, &err) < 0)
        log_warning("Dropping a %s message of framework %s: %s", call_name(call->type), call->framework_id->value,
                    error_message(&err));
    else
        make_call(master, from, call, &arena);
    arena_done(&arena);
}

void on_driver_register(struct master *master, const struct pid *from, ProtobufCMessage *base) {
    Mesos__V1__Scheduler__Call__Subscribe call = MESOS__V1__SCHEDULER__CALL__SUBSCRIBE__INIT;

    call.framework_info = ((Mesos__Internal__RegisterFrameworkMessage *)base)->framework;
    if (call.framework_info->id != NULL && call.framework_info->id->value[0] != '\0')
        send_error(master, from, "Registering with 'id' already set");
    else
        subscribe(master, from, &call, false);
}

void on_driver_reregister(struct master *master, const struct pid *from, ProtobufCMessage *base) {
    Mesos__V1__Scheduler__Call__Subscribe call = MESOS__V1__SCHEDULER__CALL__SUBSCRIBE__INIT;
    const Mesos__Internal__ReregisterFrameworkMessage *message = (Mesos__Internal__ReregisterFrameworkMessage *)base;

    call.framework_info = message->framework;
    if (call.framework_info->id == NULL || call.framework_info->id->value[0] == '\0')
        send_error(master, from, "Re-registering without an 'id'");
    else
        subscribe(master, from, &call, message->failover);
}

void on_driver_unregister(struct master *master, const struct pid *from, ProtobufCMessage *base) {
    CALL(TEARDOWN, ((Mesos__Internal__UnregisterFrameworkMessage *)base)->framework_id);

    send_call(master, from, &call);
}

/* A driver that stops for a failover wants no more offers; its connection ends by itself. */
void on_driver_deactivate(struct master *master, const struct pid *from, ProtobufCMessage *base) {
    const Mesos__Internal__DeactivateFrameworkMessage *message = (Mesos__Internal__DeactivateFrameworkMessage *)base;
    struct framework *framework = sender(master, from, message->framework_id->value, "a deactivation");

    metric_increment(&master->metrics.messages_deactivate_framework);
    if (framework != NULL)
        framework_deactivate(framework, true);
}

void on_driver_request(struct master *master, const struct pid *from, ProtobufCMessage *base) {
    const Mesos__Internal__ResourceRequestMessage *message = (Mesos__Internal__ResourceRequestMessage *)base;
    Mesos__V1__Scheduler__Call__Request request = MESOS__V1__SCHEDULER__CALL__REQUEST__INIT;
    CALL(REQUEST, message->framework_id);

    request.n_requests = message->n_requests;
    request.requests = message->requests;
    call.request = &request;
    send_call(master, from, &call);
}

/* No tasks: the offers are declined. */
void on_driver_launch(struct master *master, const struct pid *from, ProtobufCMessage *base) {
    const Mesos__Internal__LaunchTasksMessage *message = (Mesos__Internal__LaunchTasksMessage *)base;
    Mesos__V1__Scheduler__Call__Accept accept = MESOS__V1__SCHEDULER__CALL__ACCEPT__INIT;
    Mesos__V1__Offer__Operation__Launch launch = MESOS__V1__OFFER__OPERATION__LAUNCH__INIT;
    Mesos__V1__Offer__Operation operation = MESOS__V1__OFFER__OPERATION__INIT, *operations = &operation;
    CALL(ACCEPT, message->framework_id);

    launch.n_task_infos = message->n_tasks;
    launch.task_infos = message->tasks;
    operation.has_type = true;
    operation.type = MESOS__V1__OFFER__OPERATION__TYPE__LAUNCH;
    operation.launch = &launch;
    accept.n_offer_ids = message->n_offer_ids;
    accept.offer_ids = message->offer_ids;
    accept.n_operations = 1;
    accept.operations = &operations;
    accept.filters = message->filters;
    call.accept = &accept;
    send_call(master, from, &call);
}

void on_driver_revive(struct master *master, const struct pid *from, ProtobufCMessage *base) {
    const Mesos__Internal__ReviveOffersMessage *message = (Mesos__Internal__ReviveOffersMessage *)base;
    Mesos__V1__Scheduler__Call__Revive revive = MESOS__V1__SCHEDULER__CALL__REVIVE__INIT;
    CALL(REVIVE, message->framework_id);

    revive.n_roles = message->n_roles;
    revive.roles = message->roles;
    call.revive = &revive;
    send_call(master, from, &call);
}

void on_driver_kill(struct master *master, const struct pid *from, ProtobufCMessage *base) {
    const Mesos__Internal__KillTaskMessage *message = (Mesos__Internal__KillTaskMessage *)base;
    Mesos__V1__Scheduler__Call__Kill kill = MESOS__V1__SCHEDULER__CALL__KILL__INIT;
    CALL(KILL, message->framework_id);

    kill.task_id = message->task_id;
    call.kill = &kill;
    send_call(master, from, &call);
}

void on_driver_acknowledge(struct master *master, const struct pid *from, ProtobufCMessage *base) {
    const Mesos__Internal__StatusUpdateAcknowledgementMessage *message =
        (Mesos__Internal__StatusUpdateAcknowledgementMessage *)base;
    Mesos__V1__Scheduler__Call__Acknowledge acknowledge = MESOS__V1__SCHEDULER__CALL__ACKNOWLEDGE__INIT;
    CALL(ACKNOWLEDGE, message->framework_id);

    acknowledge.agent_id = message->slave_id;
    acknowledge.task_id = message->task_id;
    acknowledge.uuid = message->uuid;
    call.acknowledge = &acknowledge;
    send_call(master, from, &call);
}

void on_driver_message(struct master *master, const struct pid *from, ProtobufCMessage *base) {
    const Mesos__Internal__FrameworkToExecutorMessage *message = (Mesos__Internal__FrameworkToExecutorMessage *)base;
    Mesos__V1__Scheduler__Call__Message out = MESOS__V1__SCHEDULER__CALL__MESSAGE__INIT;
    CALL(MESSAGE, message->framework_id);

    out.agent_id = message->slave_id;
    out.executor_id = message->executor_id;
    out.data = message->data;
    call.message = &out;
    send_call(master, from, &call);
}

void on_driver_reconcile(struct master *master, const struct pid *from, ProtobufCMessage *base) {
    const Mesos__Internal__ReconcileTasksMessage *message = (Mesos__Internal__ReconcileTasksMessage *)base;
    Mesos__V1__Scheduler__Call__Reconcile reconcile = MESOS__V1__SCHEDULER__CALL__RECONCILE__INIT;
    cleanup_free Mesos__V1__Scheduler__Call__Reconcile__Task *tasks = xcalloc(message->n_statuses + 1, sizeof(*tasks));
    cleanup_free Mesos__V1__Scheduler__Call__Reconcile__Task **pointers = xcalloc(message->n_statuses + 1,
                                                                                  sizeof(*pointers));
    CALL(RECONCILE, message->framework_id);

    for (size_t i = 0; i < message->n_statuses; i++) {
        mesos__v1__scheduler__call__reconcile__task__init(&tasks[i]);
        tasks[i].task_id = message->statuses[i]->task_id;
        tasks[i].agent_id = message->statuses[i]->agent_id;
        pointers[i] = &tasks[i];
    }
    reconcile.n_tasks = message->n_statuses;
    reconcile.tasks = pointers;
    call.reconcile = &reconcile;
    send_call(master, from, &call);
}

void on_authenticate(struct master *master, const struct pid *from, ProtobufCMessage *base) {
    Mesos__Internal__AuthenticationErrorMessage message = MESOS__INTERNAL__AUTHENTICATION_ERROR_MESSAGE__INIT;

    metric_increment(&master->metrics.messages_authenticate);
    message.error = "No authenticator loaded";
    master_send(master, from, &message.base);
}
