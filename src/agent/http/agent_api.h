/* SPDX-License-Identifier: Apache-2.0 */
/* The v1 agent API: one POST /api/v1 with a call, answered with a response (src/slave/http.cpp, Http::api). */
#pragma once

#include "agent/core.h"
#include "mesos/v1/agent/agent.pb-c.h"

/* A call while it is handled. */
struct api_request {
    struct agent *agent;
    struct http_exchange *exchange;
    Mesos__V1__Agent__Call *call;
    struct arena *arena; /* of the call; for the response too */
    const char *type;    /* "GET_HEALTH" */
};

void agent_api_handle(struct http_exchange *exchange, void *agent);
/* /api/v1/resource_provider: refused. */
void resource_provider_api_handle(struct http_exchange *exchange, void *agent);
/* Calls that wait for something get no answer any more. */
void agent_api_cancel_all(struct agent *agent);

/* What a response of this type begins as. */
#define API_RESPONSE(name) \
    { PROTOBUF_C_MESSAGE_INIT(&mesos__v1__agent__response__descriptor), true, MESOS__V1__AGENT__RESPONSE__TYPE__##name }

/* Answer with @response in the format that the peer accepts. */
void api_respond(struct http_exchange *exchange, const Mesos__V1__Agent__Response *response);

/* The handlers of the table in agent_api.c. */
typedef void api_handler(struct api_request *request);
api_handler api_get_health, api_get_flags, api_get_version, api_get_metrics, api_get_logging_level,
    api_set_logging_level, api_get_state, api_get_containers, api_get_frameworks, api_get_executors, api_get_operations,
    api_get_tasks, api_get_agent, api_get_resource_providers;
/* sandboxes.c */
api_handler api_list_files, api_read_file;
api_handler api_launch_container, api_wait_container, api_kill_container, api_remove_container;
