/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/http/agent_api.h"

#include <errno.h>
#include <string.h>

#include "message/media.h"

static const char recordio_type[] = "application/recordio";

static void answer_nothing(struct api_request *request) {
    http_respond(request->exchange, 200, NULL, "", 0);
}

static void refuse_unknown(struct api_request *request) {
    http_respond_text(request->exchange, 501, "The type of the call is unknown");
}

static void refuse_streams(struct api_request *request) {
    http_respond_text(request->exchange, 501,
                      "%s is not supported by the 'posix' launcher: it has no terminals and no "
                      "streams of containers' output",
                      request->type);
}

static void refuse_providers(struct api_request *request) {
    http_respond_text(request->exchange, 501, "Resource providers are not supported");
}

struct call_row {
    Mesos__V1__Agent__Call__Type type;
    const char *part; /* the member of Call that must be there, or NULL */
    size_t part_offset;
    api_handler *handle;
};

#define ROW(name, handler) \
    { MESOS__V1__AGENT__CALL__TYPE__##name, NULL, 0, handler }
#define ROW_WITH(name, part, handler) \
    { MESOS__V1__AGENT__CALL__TYPE__##name, #part, offsetof(Mesos__V1__Agent__Call, part), handler }

static const struct call_row rows[] = {
    ROW(UNKNOWN, refuse_unknown),
    ROW(GET_HEALTH, api_get_health),
    ROW(GET_FLAGS, api_get_flags),
    ROW(GET_VERSION, api_get_version),
    ROW_WITH(GET_METRICS, get_metrics, api_get_metrics),
    ROW(GET_LOGGING_LEVEL, api_get_logging_level),
    ROW_WITH(SET_LOGGING_LEVEL, set_logging_level, api_set_logging_level),
    ROW_WITH(LIST_FILES, list_files, api_list_files),
    ROW_WITH(READ_FILE, read_file, api_read_file),
    ROW(GET_STATE, api_get_state),
    ROW(GET_CONTAINERS, api_get_containers),
    ROW(GET_FRAMEWORKS, api_get_frameworks),
    ROW(GET_EXECUTORS, api_get_executors),
    ROW(GET_OPERATIONS, api_get_operations),
    ROW(GET_TASKS, api_get_tasks),
    ROW(GET_AGENT, api_get_agent),
    ROW(GET_RESOURCE_PROVIDERS, api_get_resource_providers),
    ROW_WITH(LAUNCH_NESTED_CONTAINER, launch_nested_container, api_launch_container),
    ROW_WITH(WAIT_NESTED_CONTAINER, wait_nested_container, api_wait_container),
    ROW_WITH(KILL_NESTED_CONTAINER, kill_nested_container, api_kill_container),
    ROW_WITH(REMOVE_NESTED_CONTAINER, remove_nested_container, api_remove_container),
    ROW_WITH(LAUNCH_NESTED_CONTAINER_SESSION, launch_nested_container_session, refuse_streams),
    ROW_WITH(ATTACH_CONTAINER_INPUT, attach_container_input, refuse_streams),
    ROW_WITH(ATTACH_CONTAINER_OUTPUT, attach_container_output, refuse_streams),
    ROW_WITH(LAUNCH_CONTAINER, launch_container, api_launch_container),
    ROW_WITH(WAIT_CONTAINER, wait_container, api_wait_container),
    ROW_WITH(KILL_CONTAINER, kill_container, api_kill_container),
    ROW_WITH(REMOVE_CONTAINER, remove_container, api_remove_container),
    ROW_WITH(ADD_RESOURCE_PROVIDER_CONFIG, add_resource_provider_config, refuse_providers),
    ROW_WITH(UPDATE_RESOURCE_PROVIDER_CONFIG, update_resource_provider_config, refuse_providers),
    ROW_WITH(REMOVE_RESOURCE_PROVIDER_CONFIG, remove_resource_provider_config, refuse_providers),
    ROW_WITH(MARK_RESOURCE_PROVIDER_GONE, mark_resource_provider_gone, refuse_providers),
    ROW(PRUNE_IMAGES, answer_nothing), /* there are none */
};

static const struct call_row *find_row(const Mesos__V1__Agent__Call *call) {
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        if (rows[i].type == call->type)
            return &rows[i];
    }
    return NULL;
}

void api_respond(struct http_exchange *exchange, const Mesos__V1__Agent__Response *response) {
    cleanup_buffer struct buffer body = BUFFER_INIT;
    enum media media;

    media_accepted(http_exchange_request(exchange), &media);
    media_append(&body, &response->base, media);
    http_respond_buffer(exchange, 200, media_type(media), &body);
}

/* Whether the media types fit; if not, the answer is given. */
static bool check_types(struct http_exchange *exchange, enum media *ret) {
    const char *json_type = media_type(MEDIA_JSON), *protobuf_type = media_type(MEDIA_PROTOBUF);
    const struct http_request *request = http_exchange_request(exchange);
    const char *content_type = http_headers_find(&request->headers, "Content-Type");
    enum media accepted;

    if (content_type == NULL) {
        http_respond_text(exchange, 400, "Expecting 'Content-Type' to be present");
        return false;
    }
    *ret = strcmp(content_type, json_type) == 0 ? MEDIA_JSON : MEDIA_PROTOBUF;
    if (strcmp(content_type, recordio_type) == 0) {
        http_respond_text(exchange, 415, "Streaming 'Content-Type' %s is not supported for any call", recordio_type);
        return false;
    }
    if (*ret == MEDIA_PROTOBUF && strcmp(content_type, protobuf_type) != 0) {
        http_respond_text(exchange, 415, "Expecting 'Content-Type' of %s or %s or %s", json_type, protobuf_type,
                          recordio_type);
        return false;
    }
    if (http_headers_find(&request->headers, "Message-Content-Type") != NULL) {
        http_respond_text(exchange, 415, "Expecting 'Message-Content-Type' to be not set for non-streaming requests");
        return false;
    }
    if (!media_accepted(request, &accepted)) {
        http_respond_text(exchange, 406, "Expecting 'Accept' to allow %s or %s or %s", json_type, protobuf_type,
                          recordio_type);
        return false;
    }
    return true;
}

void agent_api_handle(struct http_exchange *exchange, void *user) {
    cleanup_(arena_done) struct arena arena = ARENA_INIT;
    cleanup_error struct error err = ERROR_INIT;
    struct api_request request = {.agent = user, .exchange = exchange, .arena = &arena};
    const struct call_row *row;
    enum media media;

    if (request.agent->state == AGENT_RECOVERING) {
        http_respond_text(exchange, 503, "Agent has not finished recovery");
        return;
    }
    if (!check_types(exchange, &media))
        return;
    if (media_decode_call(http_exchange_request(exchange), media, &mesos__v1__agent__call__descriptor, &arena,
                          &request.call, &err) < 0) {
        http_respond_text(exchange, 400, "%s", error_message(&err));
        return;
    }
    row = request.call->has_type ? find_row(request.call) : NULL;
    if (row == NULL) {
        http_respond_text(exchange, 400, "Failed to validate agent::Call: Expecting 'type' to be present");
        return;
    }
    request.type = message_enum_name(&mesos__v1__agent__call__type__descriptor, (int)row->type);
    if (row->part != NULL && *(void **)((char *)request.call + row->part_offset) == NULL) {
        http_respond_text(exchange, 400, "Failed to validate agent::Call: Expecting '%s' to be present", row->part);
        return;
    }
    row->handle(&request);
}

void resource_provider_api_handle(struct http_exchange *exchange, void *user) {
    http_respond_text(exchange, 501, "Resource providers are not supported");
}
