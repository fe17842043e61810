/* SPDX-License-Identifier: Apache-2.0 */
/* The operator API of the master: one call, one answer, both a message as JSON or protobuf. */
#pragma once

#include "base/arena.h"
#include "mesos/v1/master/master.pb-c.h"
#include "message/media.h"
#include "net/http_server.h"

struct endpoints;

/* A call that is being answered. */
struct api_request {
    struct endpoints *endpoints;
    struct http_exchange *exchange;
    enum media format; /* of the answer */
    const Mesos__V1__Master__Call *call;
    struct arena *arena; /* lives as long as the handler runs */
};

/* Answer 200 with @response. */
void api_respond(const struct api_request *request, const Mesos__V1__Master__Response *response);
/* Answer 200 with nothing. */
void api_respond_done(const struct api_request *request);

/* The handlers: rows of the table in api.c. */

/* queries.c */
void api_get_health(struct api_request *request);
void api_get_flags(struct api_request *request);
void api_get_version(struct api_request *request);
void api_get_metrics(struct api_request *request);
void api_get_logging_level(struct api_request *request);
void api_set_logging_level(struct api_request *request);
void api_get_master(struct api_request *request);
void api_get_operations(struct api_request *request);
void api_get_roles(struct api_request *request);
void api_get_weights(struct api_request *request);
void api_get_quota(struct api_request *request);
void api_get_maintenance_status(struct api_request *request);
void api_get_maintenance_schedule(struct api_request *request);
/* files.c */
void api_list_files(struct api_request *request);
void api_read_file(struct api_request *request);
/* listing.c */
void api_get_state(struct api_request *request);
void api_get_agents(struct api_request *request);
void api_get_frameworks(struct api_request *request);
void api_get_executors(struct api_request *request);
void api_get_tasks(struct api_request *request);
/* changes.c */
void api_teardown(struct api_request *request);
void api_deactivate_agent(struct api_request *request);
void api_reactivate_agent(struct api_request *request);
void api_mark_agent_gone(struct api_request *request);
/* subscribers.c */
void api_subscribe(struct api_request *request);
