/* SPDX-License-Identifier: Apache-2.0 */
/* The tables of the master's endpoints, and those that are answered in a few lines. */
#include "master/http/endpoints.h"

#include <string.h>

#include "base/log.h"
#include "master/agent.h"
#include "master/framework.h"
#include "master/http/model.h"
#include "master/http/roles.h"
#include "message/json.h"
#include "net/http_target.h"
#include "process/common_endpoints.h"

static void redirect(struct http_exchange *exchange, void *user) {
    const struct endpoints *endpoints = user;

    leadership_redirect(endpoints->master, exchange);
}

/* POST /teardown with frameworkId=<id> as its body. [Master::Http::teardown] */
static void teardown(struct http_exchange *exchange, void *user) {
    const struct endpoints *endpoints = user;
    const struct http_request *request = http_exchange_request(exchange);
    struct arena arena = ARENA_INIT;
    const char *id = request->body_size == 0 ? NULL : http_query_find(request->body, "frameworkId", &arena);
    struct framework *framework = id == NULL ? NULL : framework_find(endpoints->master, id);

    if (id == NULL) {
        http_respond_text(exchange, 400, "Missing 'frameworkId' query parameter in the request body");
    } else if (framework == NULL) {
        http_respond_text(exchange, 400, "No framework found with specified ID");
    } else {
        framework_remove(framework);
        http_respond(exchange, 200, NULL, NULL, 0);
    }
    arena_done(&arena);
}

static void write_weight(void *user, const char *role, double weight) {
    struct json_writer *json = user;

    json_begin_object(json);
    json_member_string(json, "role", role);
    json_member_double(json, "weight", weight);
    json_end_object(json);
}

static void get_weights(struct http_exchange *exchange, void *user) {
    const struct endpoints *endpoints = user;
    cleanup_buffer struct buffer body = BUFFER_INIT;
    struct json_writer json;

    json_init(&json, &body);
    json_begin_array(&json);
    for_each_weight(endpoints->master, write_weight, &json);
    json_end_array(&json);
    respond_json(exchange, &body);
}

/* Quota, the maintenance schedule and its status, of which this master has none. */
static void get_empty_object(struct http_exchange *exchange, void *user) {
    cleanup_buffer struct buffer body = BUFFER_INIT;

    buffer_append_string(&body, "{}");
    respond_json(exchange, &body);
}

/* [Master::Http, allocator/mesos/hierarchical.cpp: offerConstraintsDebug] */

static void write_excluded(struct json_writer *json, const struct framework *framework, const char *role) {
    const struct master *master = framework->master;
    const struct agent *agent;

    json_key_string(json, role);
    json_begin_array(json);
    table_for_each (&master->agents, agent) {
        if (framework->offer_constraints != NULL &&
            allocator_is_agent_excluded(master->allocator, framework->id, role, agent->id))
            json_string(json, agent->id);
    }
    json_end_array(json);
}

static void get_offer_constraints(struct http_exchange *exchange, void *user) {
    const struct endpoints *endpoints = user;
    cleanup_buffer struct buffer body = BUFFER_INIT;
    const struct framework *framework;
    struct json_writer json;

    json_init(&json, &body);
    json_begin_object(&json);
    json_key(&json, "frameworks");
    json_begin_object(&json);
    table_for_each (&endpoints->master->frameworks, framework) {
        json_key_string(&json, framework->id);
        json_begin_object(&json);
        json_key(&json, "suppressed_roles");
        json_begin_array(&json);
        for (size_t i = 0; i < framework->suppressed_count; i++)
            json_string(&json, framework->suppressed_roles[i]);
        json_end_array(&json);
        json_key(&json, "excluded_by_attribute_constraints");
        json_begin_object(&json);
        for (size_t i = 0; i < framework->role_count; i++)
            write_excluded(&json, framework, framework->roles[i]);
        json_end_object(&json);
        json_end_object(&json);
    }
    json_end_object(&json);
    json_end_object(&json);
    respond_json(exchange, &body);
}

/* What Mesos has and this master has not: refused in words. */

static void refuse_reservations(struct http_exchange *exchange, void *user) {
    http_respond_text(exchange, 501,
                      "This master does not reserve resources or make volumes for operators; frameworks can, with the "
                      "scheduler API.\n");
}

static void refuse_weights(struct http_exchange *exchange, void *user) {
    http_respond_text(exchange, 501, "This master takes weights from its flag --weights only.\n");
}

static void refuse_quota(struct http_exchange *exchange, void *user) {
    http_respond_text(exchange, 501, "This master has no quota.\n");
}

static void refuse_maintenance(struct http_exchange *exchange, void *user) {
    http_respond_text(exchange, 501, "This master has no maintenance schedule.\n");
}

static void refuse_registry(struct http_exchange *exchange, void *user) {
    http_respond_text(exchange, 501, "This master has no durable registry.\n");
}

/* Served below "/master" and at the root; what is guarded, by the leading master only. */
static const struct route master_routes[] = {
    {"/api/v1", ROUTE_GUARDED | ROUTE_POST, operator_api, "The operator API.",
     "The body is a mesos.v1.master.Call as JSON or protobuf, by its Content-Type."},
    {"/state", ROUTE_GUARDED | ROUTE_ANY, get_state, "The whole state of the cluster.", "jsonp=FUNCTION wraps it."},
    {"/state-summary", ROUTE_GUARDED | ROUTE_ANY, get_state_summary,
     "Agents and frameworks with the numbers of their tasks.", NULL},
    {"/slaves", ROUTE_GUARDED | ROUTE_ANY, get_agents, "The agents.", "slave_id=ID shows one."},
    {"/frameworks", ROUTE_GUARDED | ROUTE_ANY, get_frameworks, "The frameworks with their tasks.",
     "framework_id=ID shows one."},
    {"/tasks", ROUTE_GUARDED | ROUTE_ANY, get_tasks, "Tasks of all frameworks, the latest first.",
     "limit=N (100), offset=N (0), order=asc|des, framework_id=ID, task_id=ID."},
    {"/roles", ROUTE_GUARDED | ROUTE_ANY, get_roles, "The roles and what they hold.", NULL},
    {"/redirect", ROUTE_ANY, redirect, "Redirects to the leading master.", NULL},
    {"/teardown", ROUTE_GUARDED | ROUTE_POST, teardown, "Ends a framework and kills its tasks.",
     "The body is frameworkId=ID."},
    {"/weights", ROUTE_GUARDED | ROUTE_GET, get_weights, "The weights of roles.", NULL},
    {"/weights", ROUTE_GUARDED | ROUTE_PUT, refuse_weights, "Refused: weights come from the flag.", NULL},
    {"/quota", ROUTE_GUARDED | ROUTE_GET, get_empty_object, "The quotas of roles: none.", NULL},
    {"/quota", ROUTE_GUARDED | ROUTE_POST | ROUTE_DELETE, refuse_quota, "Refused: there is no quota.", NULL},
    {"/maintenance/schedule", ROUTE_GUARDED | ROUTE_GET, get_empty_object, "The maintenance schedule: empty.", NULL},
    {"/maintenance/schedule", ROUTE_GUARDED | ROUTE_POST, refuse_maintenance, "Refused: there is no maintenance.",
     NULL},
    {"/maintenance/status", ROUTE_GUARDED | ROUTE_GET, get_empty_object, "Machines in maintenance: none.", NULL},
    {"/machine/down", ROUTE_GUARDED | ROUTE_POST, refuse_maintenance, "Refused: there is no maintenance.", NULL},
    {"/machine/up", ROUTE_GUARDED | ROUTE_POST, refuse_maintenance, "Refused: there is no maintenance.", NULL},
    {"/reserve", ROUTE_GUARDED | ROUTE_POST, refuse_reservations, "Refused: frameworks reserve.", NULL},
    {"/unreserve", ROUTE_GUARDED | ROUTE_POST, refuse_reservations, "Refused: frameworks reserve.", NULL},
    {"/create-volumes", ROUTE_GUARDED | ROUTE_POST, refuse_reservations, "Refused: frameworks create volumes.", NULL},
    {"/destroy-volumes", ROUTE_GUARDED | ROUTE_POST, refuse_reservations, "Refused: frameworks destroy volumes.", NULL},
};

static const struct route root_routes[] = {
    {"/allocator/offer_constraints_debug", ROUTE_ANY, get_offer_constraints,
     "Agents that frameworks exclude by their offer constraints.", NULL},
    {"/registrar(1)/registry", ROUTE_ANY, refuse_registry, "Refused: there is no durable registry.", NULL},
};

static void *begin(struct master *master, struct router *router) {
    struct endpoints *endpoints = new0(struct endpoints);
    cleanup_free char *log_path = master_log_path(master->flags);

    endpoints->master = master;
    documents_init(&endpoints->documents, master->env);
    subscribers_init(&endpoints->subscribers, master);
    files_init(&endpoints->files, master->env, router, "/master/log", log_path, NULL, NULL);
    router_add(router, "/master", master_routes, ARRAY_SIZE(master_routes), endpoints);
    router_add(router, "", master_routes, ARRAY_SIZE(master_routes), endpoints);
    router_add(router, "", root_routes, ARRAY_SIZE(root_routes), endpoints);
    return endpoints;
}

static void end(void *state) {
    struct endpoints *endpoints = state;

    documents_done(&endpoints->documents);
    subscribers_done(&endpoints->subscribers);
    files_done(&endpoints->files);
    free(endpoints);
}

const struct master_http master_http_endpoints = {.begin = begin, .end = end};
