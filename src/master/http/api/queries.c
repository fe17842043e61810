/* SPDX-License-Identifier: Apache-2.0 */
/* The calls of the operator API that look at one thing and are answered at once. */
#include <string.h>

#include "master/agent.h"
#include "master/framework.h"
#include "master/http/api/api.h"
#include "master/http/endpoints.h"
#include "master/http/model.h"
#include "master/http/roles.h"
#include "model/program_info.h"

#define RESPONSE(name) \
    { \
        .base = PROTOBUF_C_MESSAGE_INIT(&mesos__v1__master__response__descriptor), .has_type = true, \
        .type = MESOS__V1__MASTER__RESPONSE__TYPE__##name \
    }

/* A new message of the type whose init function is @init, in @arena. */
#define MAKE(arena, type, init) \
    ({ \
        type *made_ = arena_alloc(arena, sizeof(*made_)); \
        init(made_); \
        made_; \
    })

void api_get_health(struct api_request *request) {
    Mesos__V1__Master__Response response = RESPONSE(GET_HEALTH);
    Mesos__V1__Master__Response__GetHealth health = MESOS__V1__MASTER__RESPONSE__GET_HEALTH__INIT;

    health.healthy = true;
    response.get_health = &health;
    api_respond(request, &response);
}

void api_get_flags(struct api_request *request) {
    Mesos__V1__Master__Response response = RESPONSE(GET_FLAGS);
    Mesos__V1__Master__Response__GetFlags flags = MESOS__V1__MASTER__RESPONSE__GET_FLAGS__INIT;

    flags.flags = program_flags(&master_flag_table, request->endpoints->master->flags, request->arena, &flags.n_flags);
    response.get_flags = &flags;
    api_respond(request, &response);
}

void api_get_version(struct api_request *request) {
    Mesos__V1__Master__Response response = RESPONSE(GET_VERSION);
    Mesos__V1__Master__Response__GetVersion get_version = MESOS__V1__MASTER__RESPONSE__GET_VERSION__INIT;
    Mesos__V1__VersionInfo info = program_version();

    get_version.version_info = &info;
    response.get_version = &get_version;
    api_respond(request, &response);
}

void api_get_metrics(struct api_request *request) {
    Mesos__V1__Master__Response response = RESPONSE(GET_METRICS);
    Mesos__V1__Master__Response__GetMetrics metrics = MESOS__V1__MASTER__RESPONSE__GET_METRICS__INIT;

    metrics.metrics = program_metrics(&request->endpoints->master->registry, request->arena, &metrics.n_metrics);
    response.get_metrics = &metrics;
    api_respond(request, &response);
}

void api_get_logging_level(struct api_request *request) {
    Mesos__V1__Master__Response response = RESPONSE(GET_LOGGING_LEVEL);
    Mesos__V1__Master__Response__GetLoggingLevel level = MESOS__V1__MASTER__RESPONSE__GET_LOGGING_LEVEL__INIT;

    level.level = (uint32_t)request->endpoints->master->common.verbosity;
    response.get_logging_level = &level;
    api_respond(request, &response);
}

void api_set_logging_level(struct api_request *request) {
    const Mesos__V1__Master__Call__SetLoggingLevel *call = request->call->set_logging_level;

    common_endpoints_set_verbosity(&request->endpoints->master->common, call->level, call->duration->nanoseconds);
    api_respond_done(request);
}

void api_get_master(struct api_request *request) {
    const struct master *master = request->endpoints->master;
    Mesos__V1__Master__Response response = RESPONSE(GET_MASTER);
    Mesos__V1__Master__Response__GetMaster get_master = MESOS__V1__MASTER__RESPONSE__GET_MASTER__INIT;

    get_master.master_info = master->info;
    get_master.has_start_time = get_master.has_elected_time = true;
    get_master.start_time = model_seconds(master->start_ns);
    get_master.elected_time = model_seconds(master->leadership.elected_ns);
    response.get_master = &get_master;
    api_respond(request, &response);
}

void api_get_operations(struct api_request *request) {
    const struct master *master = request->endpoints->master;
    Mesos__V1__Master__Response response = RESPONSE(GET_OPERATIONS);
    Mesos__V1__Master__Response__GetOperations operations = MESOS__V1__MASTER__RESPONSE__GET_OPERATIONS__INIT;
    const struct operation *operation;

    operations.operations = arena_alloc(request->arena, (master->operations.count + 1) * sizeof(operation->message));
    table_for_each (&master->operations, operation)
        operations.operations[operations.n_operations++] = operation->message;
    response.get_operations = &operations;
    api_respond(request, &response);
}

/* Roles */

static bool is_basic(const char *name) {
    return strcmp(name, "cpus") == 0 || strcmp(name, "mem") == 0 || strcmp(name, "disk") == 0 ||
           strcmp(name, "gpus") == 0;
}

static void add_role_resource(Mesos__V1__Role *role, struct arena *arena, const struct quantity *quantity) {
    Mesos__V1__Resource *resource;

    if (quantity->amount == 0 || !is_basic(quantity->name))
        return;
    resource = MAKE(arena, Mesos__V1__Resource, mesos__v1__resource__init);
    resource->name = (char *)quantity->name;
    resource->type = MESOS__V1__VALUE__TYPE__SCALAR;
    resource->scalar = MAKE(arena, Mesos__V1__Value__Scalar, mesos__v1__value__scalar__init);
    resource->scalar->value = scalar_to_double(quantity->amount);
    role->resources[role->n_resources++] = resource;
}

/* [Master::ReadOnlyHandler::getRoles] */
static Mesos__V1__Role *role_to_message(const struct role_view *view, struct arena *arena) {
    Mesos__V1__Role *role = MAKE(arena, Mesos__V1__Role, mesos__v1__role__init);
    cleanup_quantities struct quantities all = QUANTITIES_INIT;

    role->name = view->name;
    role->weight = view->weight;
    role->frameworks = arena_alloc(arena, (view->framework_count + 1) * sizeof(*role->frameworks));
    for (size_t i = 0; i < view->framework_count; i++)
        role->frameworks[role->n_frameworks++] = view->frameworks[i]->info->id;
    quantities_copy(&all, &view->allocated);
    for (uint32_t i = 0; i < view->offered.count; i++)
        quantities_add(&all, view->offered.items[i].name, view->offered.items[i].amount);
    role->resources = arena_alloc(arena, (all.count + 1) * sizeof(*role->resources));
    for (uint32_t i = 0; i < all.count; i++)
        add_role_resource(role, arena, &all.items[i]);
    return role;
}

void api_get_roles(struct api_request *request) {
    Mesos__V1__Master__Response response = RESPONSE(GET_ROLES);
    Mesos__V1__Master__Response__GetRoles roles = MESOS__V1__MASTER__RESPONSE__GET_ROLES__INIT;
    struct role_views views;

    role_views_init(&views, request->endpoints->master);
    roles.roles = arena_alloc(request->arena, (views.by_name.count + 1) * sizeof(*roles.roles));
    for (size_t i = 0; i < views.by_name.count; i++)
        roles.roles[roles.n_roles++] = role_to_message(views.sorted[i], request->arena);
    response.get_roles = &roles;
    api_respond(request, &response);
    role_views_done(&views);
}

struct weight_list {
    struct arena *arena;
    Mesos__V1__Master__Response__GetWeights *message;
};

static void add_weight(void *user, const char *role, double weight) {
    struct weight_list *list = user;
    Mesos__V1__WeightInfo *info = MAKE(list->arena, Mesos__V1__WeightInfo, mesos__v1__weight_info__init);

    info->role = arena_strdup(list->arena, role);
    info->weight = weight;
    list->message->weight_infos[list->message->n_weight_infos++] = info;
}

static void count_weight(void *user, const char *role, double weight) {
    ++*(size_t *)user;
}

void api_get_weights(struct api_request *request) {
    Mesos__V1__Master__Response response = RESPONSE(GET_WEIGHTS);
    Mesos__V1__Master__Response__GetWeights weights = MESOS__V1__MASTER__RESPONSE__GET_WEIGHTS__INIT;
    size_t count = 0;

    for_each_weight(request->endpoints->master, count_weight, &count);
    weights.weight_infos = arena_alloc(request->arena, (count + 1) * sizeof(*weights.weight_infos));
    for_each_weight(request->endpoints->master, add_weight, &(struct weight_list){request->arena, &weights});
    /* Upstream leaves the part out when there are none. */
    response.get_weights = count == 0 ? NULL : &weights;
    api_respond(request, &response);
}

/* What this master has none of is shown as empty. */

void api_get_quota(struct api_request *request) {
    Mesos__V1__Master__Response response = RESPONSE(GET_QUOTA);
    Mesos__V1__Master__Response__GetQuota get_quota = MESOS__V1__MASTER__RESPONSE__GET_QUOTA__INIT;
    Mesos__V1__Quota__QuotaStatus status = MESOS__V1__QUOTA__QUOTA_STATUS__INIT;

    get_quota.status = &status;
    response.get_quota = &get_quota;
    api_respond(request, &response);
}

void api_get_maintenance_status(struct api_request *request) {
    Mesos__V1__Master__Response response = RESPONSE(GET_MAINTENANCE_STATUS);
    Mesos__V1__Master__Response__GetMaintenanceStatus get_status =
        MESOS__V1__MASTER__RESPONSE__GET_MAINTENANCE_STATUS__INIT;
    Mesos__V1__Maintenance__ClusterStatus status = MESOS__V1__MAINTENANCE__CLUSTER_STATUS__INIT;

    get_status.status = &status;
    response.get_maintenance_status = &get_status;
    api_respond(request, &response);
}

void api_get_maintenance_schedule(struct api_request *request) {
    Mesos__V1__Master__Response response = RESPONSE(GET_MAINTENANCE_SCHEDULE);
    Mesos__V1__Master__Response__GetMaintenanceSchedule get_schedule =
        MESOS__V1__MASTER__RESPONSE__GET_MAINTENANCE_SCHEDULE__INIT;
    Mesos__V1__Maintenance__Schedule schedule = MESOS__V1__MAINTENANCE__SCHEDULE__INIT;

    get_schedule.schedule = &schedule;
    response.get_maintenance_schedule = &get_schedule;
    api_respond(request, &response);
}
