/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/connection.h"

#include <string.h>

#include "agent/executor.h"
#include "base/log.h"
#include "net/recordio.h"

/* DEFAULT_EXECUTOR_HEARTBEAT_INTERVAL */
#define HEARTBEAT_INTERVAL (30 * MINUTE)

static void pid_send(struct executor_connection *connection, const Mesos__V1__Executor__Event *event);

static void append_event(struct buffer *buffer, const Mesos__V1__Executor__Event *event, enum media media) {
    cleanup_buffer struct buffer record = BUFFER_INIT;

    media_append(&record, &event->base, media);
    recordio_append(buffer, record.data, record.size);
}

static void on_heartbeat(struct env_timer *timer) {
    struct executor_connection *connection = container_of(timer, struct executor_connection, heartbeat);
    Mesos__V1__Executor__Event event = MESOS__V1__EXECUTOR__EVENT__INIT;

    event.has_type = true;
    event.type = MESOS__V1__EXECUTOR__EVENT__TYPE__HEARTBEAT;
    executor_connection_send(connection, &event);
    env_timer_start(timer, HEARTBEAT_INTERVAL);
}

void executor_connection_init(struct executor_connection *connection, struct agent_executor *executor) {
    *connection = (struct executor_connection){.executor = executor};
    env_timer_init(&connection->heartbeat, executor->framework->agent->env, on_heartbeat);
}

void executor_connection_done(struct executor_connection *connection) {
    if (connection->executor->framework->agent->has_ended && connection->exchange != NULL)
        /* The agent goes as if killed: nothing is said any more. */
        http_exchange_abort(connection->exchange);
    else
        executor_connection_close(connection);
    env_timer_done(&connection->heartbeat);
}

void executor_connection_send(struct executor_connection *connection, const Mesos__V1__Executor__Event *event) {
    char text[EXECUTOR_TEXT_BYTES];

    if (connection->ops == NULL && connection->has_pid)
        pid_send(connection, event); /* an executor of an earlier agent, which has not come back yet */
    else if (connection->ops == NULL)
        log_warning("Unable to send event %s to executor %s: it is not connected",
                    message_enum_name(&mesos__v1__executor__event__type__descriptor, (int)event->type),
                    agent_executor_text(connection->executor, text));
    else
        connection->ops->send(connection, event);
}

void executor_connection_close(struct executor_connection *connection) {
    if (connection->ops != NULL)
        connection->ops->close(connection);
    connection->ops = NULL;
}

/* HTTP */

static void http_send(struct executor_connection *connection, const Mesos__V1__Executor__Event *event) {
    cleanup_buffer struct buffer record = BUFFER_INIT;

    append_event(&record, event, connection->media);
    http_stream_write(connection->exchange, record.data, record.size);
}

static void http_close(struct executor_connection *connection) {
    struct http_exchange *exchange = take_ptr(&connection->exchange);

    env_timer_stop(&connection->heartbeat);
    http_exchange_on_closed(exchange, NULL, NULL);
    http_stream_end(exchange);
}

static const struct executor_connection_ops http_ops = {.send = http_send, .close = http_close};

static void on_closed(struct http_exchange *exchange, void *user) {
    struct executor_connection *connection = user;
    char text[EXECUTOR_TEXT_BYTES];

    log_info("The connection of executor %s is closed", agent_executor_text(connection->executor, text));
    env_timer_stop(&connection->heartbeat);
    connection->exchange = NULL;
    connection->ops = NULL;
}

void executor_connection_open_http(struct executor_connection *connection, struct http_exchange *exchange,
                                   enum media media) {
    executor_connection_close(connection);
    connection->ops = &http_ops;
    connection->exchange = exchange;
    connection->media = media;
    connection->has_pid = false;
    http_exchange_on_closed(exchange, on_closed, connection);
    http_stream_begin(exchange, 200, media_type(media));
    env_timer_start(&connection->heartbeat, HEARTBEAT_INTERVAL);
}

void executor_connection_refuse_http(struct http_exchange *exchange, enum media media) {
    Mesos__V1__Executor__Event event = MESOS__V1__EXECUTOR__EVENT__INIT;
    cleanup_buffer struct buffer record = BUFFER_INIT;

    event.has_type = true;
    event.type = MESOS__V1__EXECUTOR__EVENT__TYPE__SHUTDOWN;
    append_event(&record, &event, media);
    http_stream_begin(exchange, 200, media_type(media));
    http_stream_write(exchange, record.data, record.size);
    http_stream_end(exchange);
}

/* libprocess: each event has a message that says the same */

static void send_registered(struct executor_connection *connection,
                            const Mesos__V1__Executor__Event__Subscribed *event) {
    struct agent *agent = connection->executor->framework->agent;
    Mesos__Internal__ExecutorRegisteredMessage message = MESOS__INTERNAL__EXECUTOR_REGISTERED_MESSAGE__INIT;
    Mesos__Internal__ExecutorReregisteredMessage again = MESOS__INTERNAL__EXECUTOR_REREGISTERED_MESSAGE__INIT;

    if (connection->executor->is_recovered) {
        again.slave_id = event->agent_info->id;
        again.slave_info = event->agent_info;
        agent_send_to(agent, &connection->pid, &again.base);
        return;
    }
    message.executor_info = event->executor_info;
    message.framework_id = event->framework_info->id;
    message.framework_info = event->framework_info;
    message.slave_id = event->agent_info->id;
    message.slave_info = event->agent_info;
    agent_send_to(agent, &connection->pid, &message.base);
}

static void send_run_task(struct executor_connection *connection, const Mesos__V1__Executor__Event__Launch *event) {
    const struct agent_framework *framework = connection->executor->framework;
    Mesos__Internal__RunTaskMessage message = MESOS__INTERNAL__RUN_TASK_MESSAGE__INIT;
    char pid[PID_BYTES] = "@0.0.0.0:0";

    if (framework->has_pid)
        pid_format(&framework->pid, pid);
    message.framework = framework->info;
    message.task = event->task;
    message.pid = pid;
    agent_send_to(framework->agent, &connection->pid, &message.base);
}

static void send_kill_task(struct executor_connection *connection, const Mesos__V1__Executor__Event__Kill *event) {
    const struct agent_framework *framework = connection->executor->framework;
    Mesos__Internal__KillTaskMessage message = MESOS__INTERNAL__KILL_TASK_MESSAGE__INIT;

    message.framework_id = framework->info->id;
    message.task_id = event->task_id;
    message.kill_policy = event->kill_policy;
    agent_send_to(framework->agent, &connection->pid, &message.base);
}

static void send_acknowledgement(struct executor_connection *connection,
                                 const Mesos__V1__Executor__Event__Acknowledged *event) {
    const struct agent_framework *framework = connection->executor->framework;
    Mesos__Internal__StatusUpdateAcknowledgementMessage message =
        MESOS__INTERNAL__STATUS_UPDATE_ACKNOWLEDGEMENT_MESSAGE__INIT;

    message.slave_id = framework->agent->info->id;
    message.framework_id = framework->info->id;
    message.task_id = event->task_id;
    message.uuid = event->uuid;
    agent_send_to(framework->agent, &connection->pid, &message.base);
}

static void send_framework_message(struct executor_connection *connection,
                                   const Mesos__V1__Executor__Event__Message *event) {
    const struct agent_framework *framework = connection->executor->framework;
    Mesos__Internal__FrameworkToExecutorMessage message = MESOS__INTERNAL__FRAMEWORK_TO_EXECUTOR_MESSAGE__INIT;

    message.slave_id = framework->agent->info->id;
    message.framework_id = framework->info->id;
    message.executor_id = connection->executor->info->executor_id;
    message.data = event->data;
    agent_send_to(framework->agent, &connection->pid, &message.base);
}

static void pid_send(struct executor_connection *connection, const Mesos__V1__Executor__Event *event) {
    Mesos__Internal__ShutdownExecutorMessage shutdown = MESOS__INTERNAL__SHUTDOWN_EXECUTOR_MESSAGE__INIT;
    char text[EXECUTOR_TEXT_BYTES];

    switch (event->type) {
    case MESOS__V1__EXECUTOR__EVENT__TYPE__SUBSCRIBED:
        send_registered(connection, event->subscribed);
        break;
    case MESOS__V1__EXECUTOR__EVENT__TYPE__LAUNCH:
        send_run_task(connection, event->launch);
        break;
    case MESOS__V1__EXECUTOR__EVENT__TYPE__KILL:
        send_kill_task(connection, event->kill);
        break;
    case MESOS__V1__EXECUTOR__EVENT__TYPE__ACKNOWLEDGED:
        send_acknowledgement(connection, event->acknowledged);
        break;
    case MESOS__V1__EXECUTOR__EVENT__TYPE__MESSAGE:
        send_framework_message(connection, event->message);
        break;
    case MESOS__V1__EXECUTOR__EVENT__TYPE__SHUTDOWN:
        agent_send_to(connection->executor->framework->agent, &connection->pid, &shutdown.base);
        break;
    default:
        /* Task groups, errors and heartbeats have no form of old. */
        log_warning("Executor %s, which uses libprocess, can not be sent event %s",
                    agent_executor_text(connection->executor, text),
                    message_enum_name(&mesos__v1__executor__event__type__descriptor, (int)event->type));
        break;
    }
}

static void pid_close(struct executor_connection *connection) {
    process_unlink(&connection->executor->framework->agent->process, &connection->pid);
}

static const struct executor_connection_ops pid_ops = {.send = pid_send, .close = pid_close};

void executor_connection_open_pid(struct executor_connection *connection, const struct pid *pid) {
    executor_connection_close(connection);
    connection->ops = &pid_ops;
    connection->pid = *pid;
    connection->has_pid = true;
    process_link(&connection->executor->framework->agent->process, pid);
}
