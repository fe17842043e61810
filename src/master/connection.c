/* SPDX-License-Identifier: Apache-2.0 */
#include "master/connection.h"

#include "base/log.h"
#include "master/agent.h"
#include "master/framework.h"
#include "master/master.h"
#include "mesos/internal/messages.pb-c.h"
#include "message/message.h"
#include "net/recordio.h"

/* The HTTP kind */

static void append_event(struct master *master, struct buffer *to, enum media media,
                         const Mesos__V1__Scheduler__Event *event) {
    buffer_clear(&master->encoded);
    media_append(&master->encoded, &event->base, media);
    recordio_append(to, master->encoded.data, master->encoded.size);
}

static bool write_event(struct master *master, struct http_exchange *exchange, enum media media,
                        const Mesos__V1__Scheduler__Event *event) {
    buffer_clear(&master->framed);
    append_event(master, &master->framed, media, event);
    return http_stream_write(exchange, master->framed.data, master->framed.size);
}

static void begin_stream(struct http_exchange *exchange, enum media media, const char *stream_id) {
    http_respond_header(exchange, "Mesos-Stream-Id", stream_id);
    http_stream_begin(exchange, 200, media_type(media));
}

/* Whoever is told of the loss may free the connection, which must not happen under a caller of connection_send(). */
void connection_set_lost(struct connection *connection) {
    env_timer_start(&connection->lost, 0);
}

static void on_lost_timer(struct env_timer *timer) {
    struct connection *connection = container_of(timer, struct connection, lost);

    connection->on_lost(connection);
}

static void on_exchange_closed(struct http_exchange *exchange, void *user) {
    struct connection *connection = user;

    connection->exchange = NULL;
    env_timer_stop(&connection->heartbeat);
    connection_set_lost(connection);
}

static void check_written(const struct connection *connection, bool is_written) {
    if (!is_written)
        log_warning("Disconnecting the scheduler on stream %s because it does not read its events",
                    connection->stream_id);
}

static void send_http(struct connection *connection, const Mesos__V1__Scheduler__Event *event) {
    if (connection->exchange == NULL)
        return;
    if (connection->is_batching)
        append_event(connection->master, &connection->batch, connection->media, event);
    else
        check_written(connection, write_event(connection->master, connection->exchange, connection->media, event));
}

void connection_begin_batch(struct connection *connection) {
    connection->is_batching = true;
}

void connection_end_batch(struct connection *connection) {
    connection->is_batching = false;
    if (connection->exchange != NULL && connection->batch.size > 0)
        check_written(connection,
                      http_stream_write(connection->exchange, connection->batch.data, connection->batch.size));
    buffer_done(&connection->batch);
}

static void close_http(struct connection *connection) {
    if (connection->exchange == NULL)
        return;
    http_exchange_on_closed(connection->exchange, NULL, NULL);
    http_stream_end(connection->exchange);
}

static const struct connection_ops http_ops = {.send = send_http, .close = close_http};

static void on_heartbeat(struct env_timer *timer) {
    struct connection *connection = container_of(timer, struct connection, heartbeat);

    connection_start_heartbeat(connection);
}

void connection_start_heartbeat(struct connection *connection) {
    Mesos__V1__Scheduler__Event event = MESOS__V1__SCHEDULER__EVENT__INIT;

    if (connection->ops != &http_ops || connection->exchange == NULL)
        return;
    event.has_type = true;
    event.type = MESOS__V1__SCHEDULER__EVENT__TYPE__HEARTBEAT;
    env_timer_start(&connection->heartbeat, HEARTBEAT_INTERVAL_NS);
    connection_send(connection, &event);
}

static void init(struct connection *connection, const struct connection_ops *ops, struct master *master,
                 void (*on_lost)(struct connection *connection)) {
    *connection = (struct connection){.ops = ops, .master = master, .on_lost = on_lost};
    env_timer_init(&connection->lost, master->env, on_lost_timer);
    env_timer_init(&connection->heartbeat, master->env, on_heartbeat);
}

void connection_init_http(struct connection *connection, struct master *master, struct http_exchange *exchange,
                          enum media media, void (*on_lost)(struct connection *connection)) {
    init(connection, &http_ops, master, on_lost);
    connection->exchange = exchange;
    connection->media = media;
    env_random_uuid_text(master->env, connection->stream_id);
    http_exchange_on_closed(exchange, on_exchange_closed, connection);
    begin_stream(exchange, media, connection->stream_id);
}

void connection_refuse_http(struct master *master, struct http_exchange *exchange, enum media media,
                            const char *message) {
    Mesos__V1__Scheduler__Event__Error error = MESOS__V1__SCHEDULER__EVENT__ERROR__INIT;
    Mesos__V1__Scheduler__Event event = MESOS__V1__SCHEDULER__EVENT__INIT;
    char stream_id[UUID_TEXT_BYTES];

    event.has_type = true;
    event.type = MESOS__V1__SCHEDULER__EVENT__TYPE__ERROR;
    error.message = (char *)message;
    event.error = &error;
    begin_stream(exchange, media, env_random_uuid_text(master->env, stream_id));
    if (write_event(master, exchange, media, &event))
        http_stream_end(exchange);
}

/* Connections are embedded in frameworks only. */
static const struct framework *framework_of(const struct connection *connection) {
    return container_of(connection, struct framework, connection);
}

/* The libprocess kind: each event has a message of its own. */

static void send_subscribed(struct connection *connection, const Mesos__V1__Scheduler__Event *event) {
    /* The two messages have the same fields. */
    if (connection->is_reregistration) {
        Mesos__Internal__FrameworkReregisteredMessage message = MESOS__INTERNAL__FRAMEWORK_REREGISTERED_MESSAGE__INIT;

        message.framework_id = event->subscribed->framework_id;
        message.master_info = event->subscribed->master_info;
        master_send(connection->master, &connection->pid, &message.base);
    } else {
        Mesos__Internal__FrameworkRegisteredMessage message = MESOS__INTERNAL__FRAMEWORK_REGISTERED_MESSAGE__INIT;

        message.framework_id = event->subscribed->framework_id;
        message.master_info = event->subscribed->master_info;
        master_send(connection->master, &connection->pid, &message.base);
    }
}

/* Drivers send messages for executors to the agent itself, hence the addresses. */
static char *agent_pid(const struct master *master, const Mesos__V1__AgentID *id) {
    struct agent *agent = id == NULL ? NULL : agent_find(master, id->value);

    return agent == NULL ? "" : agent->pid_text;
}

static void send_offers(struct connection *connection, const Mesos__V1__Scheduler__Event *event) {
    Mesos__Internal__ResourceOffersMessage message = MESOS__INTERNAL__RESOURCE_OFFERS_MESSAGE__INIT;
    const Mesos__V1__Scheduler__Event__Offers *offers = event->offers;
    cleanup_free char **pids = xcalloc(offers->n_offers, sizeof(*pids));

    for (size_t i = 0; i < offers->n_offers; i++)
        pids[i] = agent_pid(connection->master, offers->offers[i]->agent_id);
    message.n_offers = message.n_pids = offers->n_offers;
    message.offers = offers->offers;
    message.pids = pids;
    master_send(connection->master, &connection->pid, &message.base);
}

static void send_inverse_offers(struct connection *connection, const Mesos__V1__Scheduler__Event *event) {
    Mesos__Internal__InverseOffersMessage message = MESOS__INTERNAL__INVERSE_OFFERS_MESSAGE__INIT;
    const Mesos__V1__Scheduler__Event__InverseOffers *offers = event->inverse_offers;
    cleanup_free char **pids = xcalloc(offers->n_inverse_offers, sizeof(*pids));

    for (size_t i = 0; i < offers->n_inverse_offers; i++)
        pids[i] = agent_pid(connection->master, offers->inverse_offers[i]->agent_id);
    message.n_inverse_offers = message.n_pids = offers->n_inverse_offers;
    message.inverse_offers = offers->inverse_offers;
    message.pids = pids;
    master_send(connection->master, &connection->pid, &message.base);
}

static void send_rescind(struct connection *connection, const Mesos__V1__Scheduler__Event *event) {
    Mesos__Internal__RescindResourceOfferMessage message = MESOS__INTERNAL__RESCIND_RESOURCE_OFFER_MESSAGE__INIT;

    message.offer_id = event->rescind->offer_id;
    master_send(connection->master, &connection->pid, &message.base);
}

static void send_rescind_inverse(struct connection *connection, const Mesos__V1__Scheduler__Event *event) {
    Mesos__Internal__RescindInverseOfferMessage message = MESOS__INTERNAL__RESCIND_INVERSE_OFFER_MESSAGE__INIT;

    message.inverse_offer_id = event->rescind_inverse_offer->inverse_offer_id;
    master_send(connection->master, &connection->pid, &message.base);
}

static void send_update(struct connection *connection, const Mesos__V1__Scheduler__Event *event) {
    Mesos__Internal__StatusUpdateMessage message = MESOS__INTERNAL__STATUS_UPDATE_MESSAGE__INIT;
    Mesos__Internal__StatusUpdate update = MESOS__INTERNAL__STATUS_UPDATE__INIT;
    Mesos__V1__FrameworkID framework_id = MESOS__V1__FRAMEWORK_ID__INIT;
    Mesos__V1__TaskStatus *status = event->update->status;

    framework_id.value = framework_of(connection)->id;
    update.framework_id = &framework_id;
    update.executor_id = status->executor_id;
    update.slave_id = status->agent_id;
    update.status = status;
    update.timestamp = status->timestamp;
    update.has_uuid = status->has_uuid;
    update.uuid = status->uuid;
    message.update = &update;
    /* An address asks for an acknowledgement. */
    message.pid = status->has_uuid ? agent_pid(connection->master, status->agent_id) : "";
    master_send(connection->master, &connection->pid, &message.base);
}

static void send_message(struct connection *connection, const Mesos__V1__Scheduler__Event *event) {
    Mesos__Internal__ExecutorToFrameworkMessage message = MESOS__INTERNAL__EXECUTOR_TO_FRAMEWORK_MESSAGE__INIT;
    Mesos__V1__FrameworkID framework_id = MESOS__V1__FRAMEWORK_ID__INIT;

    framework_id.value = framework_of(connection)->id;
    message.slave_id = event->message->agent_id;
    message.framework_id = &framework_id;
    message.executor_id = event->message->executor_id;
    message.data = event->message->data;
    master_send(connection->master, &connection->pid, &message.base);
}

static void send_failure(struct connection *connection, const Mesos__V1__Scheduler__Event *event) {
    const Mesos__V1__Scheduler__Event__Failure *failure = event->failure;

    if (failure->executor_id == NULL) {
        Mesos__Internal__LostSlaveMessage message = MESOS__INTERNAL__LOST_SLAVE_MESSAGE__INIT;

        message.slave_id = failure->agent_id;
        master_send(connection->master, &connection->pid, &message.base);
    } else {
        Mesos__Internal__ExitedExecutorMessage message = MESOS__INTERNAL__EXITED_EXECUTOR_MESSAGE__INIT;
        Mesos__V1__FrameworkID framework_id = MESOS__V1__FRAMEWORK_ID__INIT;

        framework_id.value = framework_of(connection)->id;
        message.slave_id = failure->agent_id;
        message.framework_id = &framework_id;
        message.executor_id = failure->executor_id;
        message.status = failure->status;
        master_send(connection->master, &connection->pid, &message.base);
    }
}

static void send_error(struct connection *connection, const Mesos__V1__Scheduler__Event *event) {
    Mesos__Internal__FrameworkErrorMessage message = MESOS__INTERNAL__FRAMEWORK_ERROR_MESSAGE__INIT;

    message.message = event->error->message;
    master_send(connection->master, &connection->pid, &message.base);
}

static void send_pid(struct connection *connection, const Mesos__V1__Scheduler__Event *event) {
    static void (*const senders[])(struct connection *, const Mesos__V1__Scheduler__Event *) = {
        [MESOS__V1__SCHEDULER__EVENT__TYPE__SUBSCRIBED] = send_subscribed,
        [MESOS__V1__SCHEDULER__EVENT__TYPE__OFFERS] = send_offers,
        [MESOS__V1__SCHEDULER__EVENT__TYPE__INVERSE_OFFERS] = send_inverse_offers,
        [MESOS__V1__SCHEDULER__EVENT__TYPE__RESCIND] = send_rescind,
        [MESOS__V1__SCHEDULER__EVENT__TYPE__RESCIND_INVERSE_OFFER] = send_rescind_inverse,
        [MESOS__V1__SCHEDULER__EVENT__TYPE__UPDATE] = send_update,
        [MESOS__V1__SCHEDULER__EVENT__TYPE__MESSAGE] = send_message,
        [MESOS__V1__SCHEDULER__EVENT__TYPE__FAILURE] = send_failure,
        [MESOS__V1__SCHEDULER__EVENT__TYPE__ERROR] = send_error,
    };

    /* Drivers know no heartbeats and no operation feedback. */
    if ((size_t)event->type < ARRAY_SIZE(senders) && senders[event->type] != NULL)
        senders[event->type](connection, event);
}

static void close_pid(struct connection *connection) {
    table_remove(&connection->master->frameworks_by_pid, connection->pid_text);
    process_unlink(&connection->master->process, &connection->pid);
}

static const struct connection_ops pid_ops = {.send = send_pid, .close = close_pid};

void connection_init_pid(struct connection *connection, struct master *master, const struct pid *pid,
                         void (*on_lost)(struct connection *connection)) {
    init(connection, &pid_ops, master, on_lost);
    connection->pid = *pid;
    pid_format(pid, connection->pid_text);
    table_add(&master->frameworks_by_pid, connection->pid_text, connection);
    process_link(&master->process, pid);
}

/* Both kinds */

void connection_done(struct connection *connection) {
    if (connection->ops == NULL)
        return;
    connection->ops->close(connection);
    env_timer_done(&connection->lost);
    env_timer_done(&connection->heartbeat);
    *connection = (struct connection){0};
}

bool connection_is_http(const struct connection *connection) {
    return connection->ops == &http_ops;
}

bool connection_is_pid(const struct connection *connection, const struct pid *pid) {
    return connection->ops == &pid_ops && pid_equal(&connection->pid, pid);
}

const char *connection_pid_text(const struct connection *connection) {
    return connection->ops == &pid_ops ? connection->pid_text : "";
}

void connection_send(struct connection *connection, const Mesos__V1__Scheduler__Event *event) {
    if (connection->ops != NULL)
        connection->ops->send(connection, event);
}
