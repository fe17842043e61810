/* SPDX-License-Identifier: Apache-2.0 */
#include "pid_executor.h"

#include <string.h>

#include "base/list.h"
#include "mesos/internal/messages.pb-c.h"
#include "message/message.h"
#include "process/process.h"

/* A task that was launched and of which no update has been acknowledged, or an update that has not been. */
struct pid_task {
    struct list member;
    Mesos__V1__TaskInfo *info;
};

struct pid_update {
    struct list member;
    Mesos__V1__TaskStatus *status;
};

struct pid_executor {
    struct env *env;
    struct router *router;
    struct process_endpoint *endpoint;
    struct process process;
    struct pid agent;
    Mesos__V1__FrameworkID framework_id;
    Mesos__V1__ExecutorID executor_id;
    Mesos__V1__AgentID agent_id;
    bool checkpoint, is_registered;
    int64_t recovery_timeout_ns;
    struct env_timer recovery; /* runs while the agent is away */
    struct list tasks, updates;
    const struct executor_client_events *events;
    void *user;
};

static void send_as(struct pid_executor *executor, const char *name, const ProtobufCMessage *message) {
    cleanup_buffer struct buffer body = BUFFER_INIT;

    message_encode(message, &body);
    process_send(&executor->process, &executor->agent, name, body.data, body.size);
}

#define SEND(executor, type, message) send_as(executor, "mesos.internal." type, &(message)->base)

/* Updates */

static void fill_update(struct pid_executor *executor, Mesos__Internal__StatusUpdate *update,
                        Mesos__V1__TaskStatus *status) {
    mesos__internal__status_update__init(update);
    update->framework_id = &executor->framework_id;
    update->executor_id = &executor->executor_id;
    update->slave_id = &executor->agent_id;
    update->status = status;
    update->timestamp = status->timestamp;
    update->has_uuid = true;
    update->uuid = status->uuid;
}

static void send_update(struct pid_executor *executor, struct pid_update *pending) {
    Mesos__Internal__StatusUpdateMessage message = MESOS__INTERNAL__STATUS_UPDATE_MESSAGE__INIT;
    Mesos__Internal__StatusUpdate update;

    fill_update(executor, &update, pending->status);
    message.update = &update;
    SEND(executor, "StatusUpdateMessage", &message);
}

void pid_executor_send_update(struct pid_executor *executor, const Mesos__V1__TaskStatus *status) {
    struct pid_update *pending = new0(struct pid_update);
    Mesos__V1__TaskStatus whole = *status;
    uint8_t uuid[UUID_BYTES];

    env_random_uuid(executor->env, uuid);
    whole.has_uuid = true;
    whole.uuid = (ProtobufCBinaryData){UUID_BYTES, uuid};
    whole.has_source = true;
    whole.source = MESOS__V1__TASK_STATUS__SOURCE__SOURCE_EXECUTOR;
    whole.has_timestamp = true;
    whole.timestamp = duration_to_seconds(env_wall_clock(executor->env));
    whole.agent_id = &executor->agent_id;
    whole.executor_id = &executor->executor_id;
    pending->status = MESSAGE_COPY(&whole);
    list_append(&executor->updates, &pending->member);
    if (executor->is_registered)
        send_update(executor, pending);
}

static void free_update(struct pid_update *pending) {
    list_remove(&pending->member);
    MESSAGE_FREE(pending->status);
    free(pending);
}

static void forget_task(struct pid_executor *executor, const char *id) {
    struct pid_task *task;

    list_for_each (&executor->tasks, task, member) {
        if (id != NULL && strcmp(task->info->task_id->value, id) != 0)
            continue;
        list_remove(&task->member);
        MESSAGE_FREE(task->info);
        free(task);
    }
}

/* Registration */

static void on_registered(struct pid_executor *executor, const ProtobufCMessage *message) {
    struct pid_update *pending;

    executor->is_registered = true;
    env_timer_stop(&executor->recovery);
    /* Some may have come up since it asked to be registered; the agent knows those that it has already. */
    list_for_each (&executor->updates, pending, member)
        send_update(executor, pending);
}

static void on_reconnect(struct pid_executor *executor, const ProtobufCMessage *base) {
    Mesos__Internal__ReregisterExecutorMessage message = MESOS__INTERNAL__REREGISTER_EXECUTOR_MESSAGE__INIT;
    cleanup_(arena_done) struct arena arena = ARENA_INIT;
    struct pid_update *pending;
    struct pid_task *task;
    size_t count = 1;

    list_for_each (&executor->tasks, task, member)
        count++;
    list_for_each (&executor->updates, pending, member)
        count++;
    message.framework_id = &executor->framework_id;
    message.executor_id = &executor->executor_id;
    message.tasks = arena_alloc(&arena, count * sizeof(*message.tasks));
    message.updates = arena_alloc(&arena, count * sizeof(*message.updates));
    list_for_each (&executor->tasks, task, member)
        message.tasks[message.n_tasks++] = task->info;
    list_for_each (&executor->updates, pending, member) {
        Mesos__Internal__StatusUpdate *update = arena_alloc(&arena, sizeof(*update));

        fill_update(executor, update, pending->status);
        message.updates[message.n_updates++] = update;
    }
    process_link(&executor->process, &executor->agent);
    SEND(executor, "ReregisterExecutorMessage", &message);
}

static void on_exited(struct process *process, const struct pid *peer) {
    struct pid_executor *executor = container_of(process, struct pid_executor, process);

    executor->is_registered = false;
    env_timer_start(&executor->recovery, executor->checkpoint ? executor->recovery_timeout_ns : 0);
}

static void on_recovery_timeout(struct env_timer *timer) {
    struct pid_executor *executor = container_of(timer, struct pid_executor, recovery);

    executor->events->on_abandoned(executor->user, "the agent has not come back");
}

/* Orders, as events */

static void tell(struct pid_executor *executor, Mesos__V1__Executor__Event *event, int type) {
    event->has_type = true;
    event->type = (Mesos__V1__Executor__Event__Type)type;
    executor->events->on_event(executor->user, event);
}

static void on_run(struct pid_executor *executor, const ProtobufCMessage *base) {
    Mesos__V1__Executor__Event event = MESOS__V1__EXECUTOR__EVENT__INIT;
    Mesos__V1__Executor__Event__Launch launch = MESOS__V1__EXECUTOR__EVENT__LAUNCH__INIT;
    struct pid_task *task = new0(struct pid_task);

    launch.task = ((const Mesos__Internal__RunTaskMessage *)base)->task;
    task->info = MESSAGE_COPY(launch.task);
    list_append(&executor->tasks, &task->member);
    event.launch = &launch;
    tell(executor, &event, MESOS__V1__EXECUTOR__EVENT__TYPE__LAUNCH);
}

static void on_kill(struct pid_executor *executor, const ProtobufCMessage *base) {
    Mesos__V1__Executor__Event event = MESOS__V1__EXECUTOR__EVENT__INIT;
    Mesos__V1__Executor__Event__Kill kill = MESOS__V1__EXECUTOR__EVENT__KILL__INIT;

    kill.task_id = ((const Mesos__Internal__KillTaskMessage *)base)->task_id;
    event.kill = &kill;
    tell(executor, &event, MESOS__V1__EXECUTOR__EVENT__TYPE__KILL);
}

static void on_acknowledged(struct pid_executor *executor, const ProtobufCMessage *base) {
    const Mesos__Internal__StatusUpdateAcknowledgementMessage *message =
        (const Mesos__Internal__StatusUpdateAcknowledgementMessage *)base;
    struct pid_update *pending;

    list_for_each (&executor->updates, pending, member)
        if (message->uuid.len == UUID_BYTES && memcmp(pending->status->uuid.data, message->uuid.data, UUID_BYTES) == 0)
            free_update(pending);
    forget_task(executor, message->task_id->value);
}

static void on_shutdown(struct pid_executor *executor, const ProtobufCMessage *base) {
    Mesos__V1__Executor__Event event = MESOS__V1__EXECUTOR__EVENT__INIT;

    tell(executor, &event, MESOS__V1__EXECUTOR__EVENT__TYPE__SHUTDOWN);
}

static const struct message_row {
    const char *name;
    const ProtobufCMessageDescriptor *descriptor;
    void (*handle)(struct pid_executor *executor, const ProtobufCMessage *message);
} rows[] = {
    {"mesos.internal.ExecutorRegisteredMessage", &mesos__internal__executor_registered_message__descriptor,
     on_registered},
    {"mesos.internal.ExecutorReregisteredMessage", &mesos__internal__executor_reregistered_message__descriptor,
     on_registered},
    {"mesos.internal.ReconnectExecutorMessage", &mesos__internal__reconnect_executor_message__descriptor, on_reconnect},
    {"mesos.internal.RunTaskMessage", &mesos__internal__run_task_message__descriptor, on_run},
    {"mesos.internal.KillTaskMessage", &mesos__internal__kill_task_message__descriptor, on_kill},
    {"mesos.internal.StatusUpdateAcknowledgementMessage",
     &mesos__internal__status_update_acknowledgement_message__descriptor, on_acknowledged},
    {"mesos.internal.ShutdownExecutorMessage", &mesos__internal__shutdown_executor_message__descriptor, on_shutdown},
};

static void on_message(struct process *process, const struct pid *from, const char *name, const char *body,
                       size_t size) {
    struct pid_executor *executor = container_of(process, struct pid_executor, process);
    cleanup_(arena_done) struct arena arena = ARENA_INIT;
    ProtobufCMessage *message;

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        if (strcmp(rows[i].name, name) == 0 &&
            message_decode(rows[i].descriptor, body, size, &arena, &message, NULL) == 0) {
            rows[i].handle(executor, message);
            return;
        }
}

static const struct process_ops process_ops = {.on_message = on_message, .on_exited = on_exited};

/* Life */

struct pid_executor *pid_executor_new(struct env *env, const struct executor_client_options *options, const char *host,
                                      const char *agent, const struct executor_client_events *events, void *user) {
    struct pid_executor *executor = new0(struct pid_executor);
    struct address address = address_tcp(host, 0);

    executor->env = env;
    mesos__v1__framework_id__init(&executor->framework_id);
    mesos__v1__executor_id__init(&executor->executor_id);
    mesos__v1__agent_id__init(&executor->agent_id);
    executor->framework_id.value = xstrdup(options->framework_id);
    executor->executor_id.value = xstrdup(options->executor_id);
    executor->agent_id.value = xstrdup(options->agent_id);
    executor->checkpoint = options->checkpoint;
    executor->recovery_timeout_ns = options->recovery_timeout_ns;
    executor->events = events;
    executor->user = user;
    list_init(&executor->tasks);
    list_init(&executor->updates);
    env_timer_init(&executor->recovery, env, on_recovery_timeout);
    executor->router = router_new();
    executor->endpoint = process_endpoint_new(env, executor->router, NULL);
    if (pid_parse(agent, &executor->agent, NULL) < 0 ||
        process_endpoint_listen(executor->endpoint, &address, NULL, NULL) < 0)
        abort();
    process_init(&executor->process, executor->endpoint, "executor(1)", &process_ops);
    return executor;
}

void pid_executor_start(struct pid_executor *executor) {
    Mesos__Internal__RegisterExecutorMessage message = MESOS__INTERNAL__REGISTER_EXECUTOR_MESSAGE__INIT;

    message.framework_id = &executor->framework_id;
    message.executor_id = &executor->executor_id;
    process_link(&executor->process, &executor->agent);
    SEND(executor, "RegisterExecutorMessage", &message);
}

void pid_executor_free(struct pid_executor *executor) {
    struct pid_update *pending;

    if (executor == NULL)
        return;
    env_timer_done(&executor->recovery);
    process_done(&executor->process);
    process_endpoint_free(executor->endpoint);
    router_free(executor->router);
    list_for_each (&executor->updates, pending, member)
        free_update(pending);
    forget_task(executor, NULL);
    free(executor->framework_id.value);
    free(executor->executor_id.value);
    free(executor->agent_id.value);
    free(executor);
}
