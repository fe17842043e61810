/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/http/executor_api.h"

#include <errno.h>
#include <string.h>

#include "agent/executor.h"
#include "agent/paths.h"
#include "agent/pid_executors.h"
#include "agent/task_status.h"
#include "base/log.h"
#include "base/text.h"
#include "message/media.h"
#include "model/validation.h"

static int validate_update(const Mesos__V1__Executor__Call *call, struct error *err) {
    const Mesos__V1__TaskStatus *status = call->update->status;
    const char *executor_id = call->executor_id->value, *framework_id = call->framework_id->value;

    if (!status->has_uuid)
        return error_set(err, EINVAL, "Expecting 'uuid' to be present");
    /* All zeros count as none, as upstream's UUID class has it. */
    if (status->uuid.len != UUID_BYTES || memcmp(status->uuid.data, (uint8_t[UUID_BYTES]){0}, UUID_BYTES) == 0)
        return error_set(err, EINVAL, "Not a valid UUID");
    if (status->executor_id != NULL && strcmp(status->executor_id->value, executor_id) != 0)
        return error_set(err, EINVAL, "ExecutorID in Call: %s does not match ExecutorID in TaskStatus: %s", executor_id,
                         status->executor_id->value);
    if (!status->has_source || status->source != MESOS__V1__TASK_STATUS__SOURCE__SOURCE_EXECUTOR)
        return error_set(err, EINVAL,
                         "Received Call from executor %s of framework %s with invalid source, expecting "
                         "'SOURCE_EXECUTOR'",
                         executor_id, framework_id);
    if ((int)status->state == TASK_STAGING)
        return error_set(err, EINVAL, "Received TASK_STAGING from executor %s of framework %s which is not allowed",
                         executor_id, framework_id);
    return status->check_status == NULL ? 0 : validate_check_status(status->check_status, err);
}

int executor_call_validate(const Mesos__V1__Executor__Call *call, struct error *err) {
    if (!call->has_type)
        return error_set(err, EINVAL, "Expecting 'type' to be present");
    switch (call->type) {
    case MESOS__V1__EXECUTOR__CALL__TYPE__SUBSCRIBE:
        return call->subscribe != NULL ? 0 : error_set(err, EINVAL, "Expecting 'subscribe' to be present");
    case MESOS__V1__EXECUTOR__CALL__TYPE__UPDATE:
        if (call->update == NULL)
            return error_set(err, EINVAL, "Expecting 'update' to be present");
        return validate_update(call, err);
    case MESOS__V1__EXECUTOR__CALL__TYPE__MESSAGE:
        return call->message != NULL ? 0 : error_set(err, EINVAL, "Expecting 'message' to be present");
    default:
        return 0;
    }
}

static void mark_http(const struct agent_executor *executor) {
    struct agent *agent = executor->framework->agent;
    cleanup_free char *run = agent_path_run(agent->meta_dir, agent_own_id(agent), executor->framework->id, executor->id,
                                            executor->container_id);
    cleanup_free char *path = path_join(run, "http.marker");

    if (executor->checkpoint)
        checkpoint_text(&agent->checkpoints, path, "", 0, NULL, NULL);
}

/* [Slave::subscribe] */
static void subscribe(struct agent_executor *executor, const Mesos__V1__Executor__Call__Subscribe *call,
                      struct http_exchange *exchange, enum media media) {
    struct agent_framework *framework = executor->framework;
    struct agent *agent = framework->agent;
    char text[EXECUTOR_TEXT_BYTES];

    log_info("Received Subscribe request for HTTP executor %s", agent_executor_text(executor, text));
    if (agent->state == AGENT_TERMINATING || framework->state == FRAMEWORK_TERMINATING ||
        executor->state == EXECUTOR_TERMINATING || executor->state == EXECUTOR_TERMINATED) {
        log_warning("Shutting down executor %s, which is not expected any more", agent_executor_text(executor, text));
        executor_connection_refuse_http(exchange, media);
        return;
    }
    if (executor_connection_is_open(&executor->connection))
        log_warning("Closing already existing HTTP connection from executor %s", agent_executor_text(executor, text));
    agent_executor_set_state(executor, EXECUTOR_RUNNING);
    executor_connection_open_http(&executor->connection, exchange, media);
    mark_http(executor);
    agent_executor_greet(executor);
    for (size_t i = 0; i < call->n_unacknowledged_updates; i++)
        agent_executor_update(agent, framework->id, executor->id, call->unacknowledged_updates[i]->status, NULL);
    agent_executor_drop_unknown_tasks(executor, call->unacknowledged_tasks, call->n_unacknowledged_tasks);
    agent_executor_supply(executor);
}

/* What a call other than SUBSCRIBE does. */
static void act(struct agent_executor *executor, Mesos__V1__Executor__Call *call, struct http_exchange *exchange) {
    struct agent *agent = executor->framework->agent;

    switch (call->type) {
    case MESOS__V1__EXECUTOR__CALL__TYPE__UPDATE:
        agent_executor_update(agent, call->framework_id->value, call->executor_id->value, call->update->status, NULL);
        http_respond(exchange, 202, NULL, "", 0);
        break;
    case MESOS__V1__EXECUTOR__CALL__TYPE__MESSAGE:
        agent_executor_message(agent, call->framework_id->value, call->executor_id->value, &call->message->data);
        http_respond(exchange, 202, NULL, "", 0);
        break;
    default:
        http_respond(exchange, 501, NULL, "", 0);
        break;
    }
}

static void handle_call(struct agent *agent, struct http_exchange *exchange, Mesos__V1__Executor__Call *call) {
    const struct http_request *request = http_exchange_request(exchange);
    enum media media = MEDIA_JSON;
    struct agent_framework *framework;
    struct agent_executor *executor;

    if (call->type == MESOS__V1__EXECUTOR__CALL__TYPE__HEARTBEAT) {
        http_respond(exchange, 202, NULL, "", 0);
        return;
    }
    if (call->type == MESOS__V1__EXECUTOR__CALL__TYPE__SUBSCRIBE) {
        if (!media_accepted(request, &media)) {
            http_respond_text(exchange, 406, "Expecting 'Accept' to allow '%s' or '%s'", media_type(MEDIA_PROTOBUF),
                              media_type(MEDIA_JSON));
            return;
        }
    } else if (agent->state == AGENT_RECOVERING) {
        http_respond_text(exchange, 503, "Agent has not finished recovery");
        return;
    }
    framework = agent_framework_find(agent, call->framework_id->value);
    executor = framework != NULL ? agent_executor_find(framework, call->executor_id->value) : NULL;
    if (executor == NULL)
        http_respond_text(exchange, 400, framework == NULL ? "Framework cannot be found" : "Executor cannot be found");
    else if (call->type == MESOS__V1__EXECUTOR__CALL__TYPE__SUBSCRIBE)
        subscribe(executor, call->subscribe, exchange, media);
    else if (executor->state == EXECUTOR_REGISTERING)
        http_respond_text(exchange, 403, "Executor is not subscribed");
    else
        act(executor, call, exchange);
}

void executor_api_handle(struct http_exchange *exchange, void *user) {
    struct agent *agent = user;
    cleanup_(arena_done) struct arena arena = ARENA_INIT;
    cleanup_error struct error err = ERROR_INIT;
    Mesos__V1__Executor__Call *call = NULL;
    unsigned status;

    if (!agent->takes_executors) {
        http_respond_text(exchange, 503, "Agent has not finished recovery");
        return;
    }
    status = media_read_call(http_exchange_request(exchange), &mesos__v1__executor__call__descriptor, &arena, &call,
                             &err);
    if (status != 0) {
        http_respond_text(exchange, status, "%s", error_message(&err));
        return;
    }
    if (executor_call_validate(call, &err) < 0) {
        http_respond_text(exchange, 400, "Failed to validate Executor::Call: %s", error_message(&err));
        return;
    }
    handle_call(agent, exchange, call);
}
