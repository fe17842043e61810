/* SPDX-License-Identifier: Apache-2.0 */
/* POST /api/v1. The order of the checks is that of Master::Http::api. */
#include "master/http/api/api.h"

#include "base/log.h"
#include "master/http/endpoints.h"

/* A call: what must be in it, and what does it. Without a handler it is refused, for the reason that is given. */
struct row {
    Mesos__V1__Master__Call__Type type;
    void (*handle)(struct api_request *request);
    size_t part;           /* offset of the member that must be there; 0: none */
    const char *part_name; /* as it is called in the message */
    const char *refusal;
};

#define ROW(type, handler) \
    { MESOS__V1__MASTER__CALL__TYPE__##type, handler, 0, NULL, NULL }
#define ROW_WITH(type, member, handler) \
    { MESOS__V1__MASTER__CALL__TYPE__##type, handler, offsetof(Mesos__V1__Master__Call, member), #member, NULL }
#define ROW_REFUSED(type, member, refusal) \
    { MESOS__V1__MASTER__CALL__TYPE__##type, NULL, offsetof(Mesos__V1__Master__Call, member), #member, refusal }

static const char no_reservations[] =
    "This master does not reserve resources or make volumes for operators; frameworks can, with the scheduler API.";
static const char no_weights[] = "This master takes weights from its flag --weights only.";
static const char no_quota[] = "This master has no quota.";
static const char no_maintenance[] = "This master has no maintenance schedule.";
static const char no_draining[] = "This master does not drain agents; DEACTIVATE_AGENT keeps new tasks away from one.";

static const struct row rows[] = {
    ROW(GET_HEALTH, api_get_health),
    ROW(GET_FLAGS, api_get_flags),
    ROW(GET_VERSION, api_get_version),
    ROW_WITH(GET_METRICS, get_metrics, api_get_metrics),
    ROW(GET_LOGGING_LEVEL, api_get_logging_level),
    ROW_WITH(SET_LOGGING_LEVEL, set_logging_level, api_set_logging_level),
    ROW_WITH(LIST_FILES, list_files, api_list_files),
    ROW_WITH(READ_FILE, read_file, api_read_file),
    ROW(GET_STATE, api_get_state),
    ROW(GET_AGENTS, api_get_agents),
    ROW(GET_FRAMEWORKS, api_get_frameworks),
    ROW(GET_EXECUTORS, api_get_executors),
    ROW(GET_OPERATIONS, api_get_operations),
    ROW(GET_TASKS, api_get_tasks),
    ROW(GET_ROLES, api_get_roles),
    ROW(GET_WEIGHTS, api_get_weights),
    ROW_REFUSED(UPDATE_WEIGHTS, update_weights, no_weights),
    ROW(GET_MASTER, api_get_master),
    ROW(SUBSCRIBE, api_subscribe),
    ROW_REFUSED(RESERVE_RESOURCES, reserve_resources, no_reservations),
    ROW_REFUSED(UNRESERVE_RESOURCES, unreserve_resources, no_reservations),
    ROW_REFUSED(CREATE_VOLUMES, create_volumes, no_reservations),
    ROW_REFUSED(DESTROY_VOLUMES, destroy_volumes, no_reservations),
    ROW_REFUSED(GROW_VOLUME, grow_volume, no_reservations),
    ROW_REFUSED(SHRINK_VOLUME, shrink_volume, no_reservations),
    ROW(GET_MAINTENANCE_STATUS, api_get_maintenance_status),
    ROW(GET_MAINTENANCE_SCHEDULE, api_get_maintenance_schedule),
    ROW_REFUSED(UPDATE_MAINTENANCE_SCHEDULE, update_maintenance_schedule, no_maintenance),
    ROW_REFUSED(START_MAINTENANCE, start_maintenance, no_maintenance),
    ROW_REFUSED(STOP_MAINTENANCE, stop_maintenance, no_maintenance),
    ROW_REFUSED(DRAIN_AGENT, drain_agent, no_draining),
    ROW_WITH(DEACTIVATE_AGENT, deactivate_agent, api_deactivate_agent),
    ROW_WITH(REACTIVATE_AGENT, reactivate_agent, api_reactivate_agent),
    ROW(GET_QUOTA, api_get_quota),
    ROW_REFUSED(UPDATE_QUOTA, update_quota, no_quota),
    ROW_REFUSED(SET_QUOTA, set_quota, no_quota),
    ROW_REFUSED(REMOVE_QUOTA, remove_quota, no_quota),
    ROW_WITH(TEARDOWN, teardown, api_teardown),
    ROW_WITH(MARK_AGENT_GONE, mark_agent_gone, api_mark_agent_gone),
};

static const struct row *find_row(const Mesos__V1__Master__Call *call) {
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        if (rows[i].type == call->type)
            return &rows[i];
    }
    return NULL;
}

static bool has_part(const Mesos__V1__Master__Call *call, const struct row *row) {
    return row->part == 0 || *(void *const *)(const void *)((const char *)call + row->part) != NULL;
}

void api_respond(const struct api_request *request, const Mesos__V1__Master__Response *response) {
    cleanup_buffer struct buffer body = BUFFER_INIT;

    media_append(&body, &response->base, request->format);
    http_respond_buffer(request->exchange, 200, media_type(request->format), &body);
}

void api_respond_done(const struct api_request *request) {
    http_respond(request->exchange, 200, NULL, NULL, 0);
}

static void refuse_accept(struct http_exchange *exchange) {
    http_respond_text(exchange, 406, "Expecting 'Accept' to allow '%s' or '%s'", media_type(MEDIA_PROTOBUF),
                      media_type(MEDIA_JSON));
}

static void answer(struct api_request *request, const struct row *row) {
    struct http_exchange *exchange = request->exchange;

    if (!has_part(request->call, row)) {
        http_respond_text(exchange, 400, "Failed to validate master::Call: Expecting '%s' to be present",
                          row->part_name);
        return;
    }
    if (!media_accepted(http_exchange_request(exchange), &request->format)) {
        refuse_accept(exchange);
        return;
    }
    if (row->handle == NULL) {
        http_respond_text(exchange, 501, "%s", row->refusal);
        return;
    }
    log_info("Processing call %s",
             message_enum_name(&mesos__v1__master__call__type__descriptor, (int)request->call->type));
    row->handle(request);
}

static void answer_without_row(struct api_request *request) {
    if (!request->call->has_type)
        http_respond_text(request->exchange, 400, "Failed to validate master::Call: Expecting 'type' to be present");
    else if (!media_accepted(http_exchange_request(request->exchange), &request->format))
        refuse_accept(request->exchange);
    else
        http_respond_text(request->exchange, 501, "The call UNKNOWN asks for nothing that could be done.");
}

void operator_api(struct http_exchange *exchange, void *user) {
    struct error cleanup_error err = ERROR_INIT;
    struct arena arena = ARENA_INIT;
    struct api_request request = {.endpoints = user, .exchange = exchange, .arena = &arena};
    Mesos__V1__Master__Call *call;
    unsigned status = media_read_call(http_exchange_request(exchange), &mesos__v1__master__call__descriptor, &arena,
                                      &call, &err);
    const struct row *row;

    if (status != 0) {
        http_respond_text(exchange, status, "%s", error_message(&err));
    } else {
        request.call = call;
        row = call->has_type ? find_row(call) : NULL;
        if (row == NULL)
            answer_without_row(&request);
        else
            answer(&request, row);
    }
    arena_done(&arena);
}
