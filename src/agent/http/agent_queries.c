/* SPDX-License-Identifier: Apache-2.0 */
/* The calls of the agent API that only look. */
#include <string.h>

#include "agent/http/agent_api.h"
#include "agent/http/usage.h"
#include "agent/launch.h"
#include "agent/nested.h"
#include "agent/operations.h"
#include "base/log.h"
#include "message/json.h"
#include "model/program_info.h"

/* A new message of the type whose init function is @init, in the request's arena. */
#define MAKE(arena, type, init) \
    ({ \
        type *made_ = arena_alloc(arena, sizeof(*made_)); \
        init(made_); \
        made_; \
    })

void api_get_health(struct api_request *request) {
    Mesos__V1__Agent__Response response = API_RESPONSE(GET_HEALTH);
    Mesos__V1__Agent__Response__GetHealth health = MESOS__V1__AGENT__RESPONSE__GET_HEALTH__INIT;

    health.healthy = true;
    response.get_health = &health;
    api_respond(request->exchange, &response);
}

void api_get_flags(struct api_request *request) {
    Mesos__V1__Agent__Response response = API_RESPONSE(GET_FLAGS);
    Mesos__V1__Agent__Response__GetFlags flags = MESOS__V1__AGENT__RESPONSE__GET_FLAGS__INIT;

    flags.flags = program_flags(&agent_flag_table, request->agent->flags, request->arena, &flags.n_flags);
    response.get_flags = &flags;
    api_respond(request->exchange, &response);
}

void api_get_version(struct api_request *request) {
    Mesos__V1__Agent__Response response = API_RESPONSE(GET_VERSION);
    Mesos__V1__Agent__Response__GetVersion get_version = MESOS__V1__AGENT__RESPONSE__GET_VERSION__INIT;
    Mesos__V1__VersionInfo info = program_version();

    get_version.version_info = &info;
    response.get_version = &get_version;
    api_respond(request->exchange, &response);
}

void api_get_metrics(struct api_request *request) {
    Mesos__V1__Agent__Response response = API_RESPONSE(GET_METRICS);
    Mesos__V1__Agent__Response__GetMetrics metrics = MESOS__V1__AGENT__RESPONSE__GET_METRICS__INIT;

    metrics.metrics = program_metrics(&request->agent->registry, request->arena, &metrics.n_metrics);
    response.get_metrics = &metrics;
    api_respond(request->exchange, &response);
}

void api_get_logging_level(struct api_request *request) {
    Mesos__V1__Agent__Response response = API_RESPONSE(GET_LOGGING_LEVEL);
    Mesos__V1__Agent__Response__GetLoggingLevel level = MESOS__V1__AGENT__RESPONSE__GET_LOGGING_LEVEL__INIT;

    level.level = (uint32_t)request->agent->common.verbosity;
    response.get_logging_level = &level;
    api_respond(request->exchange, &response);
}

void api_set_logging_level(struct api_request *request) {
    const Mesos__V1__Agent__Call__SetLoggingLevel *call = request->call->set_logging_level;

    common_endpoints_set_verbosity(&request->agent->common, call->level, call->duration->nanoseconds);
    http_respond(request->exchange, 200, NULL, "", 0);
}

/* Tasks, executors, frameworks */

static size_t count_all_tasks(const struct agent_framework *framework) {
    const struct agent_executor *executor;
    size_t count = framework->tasks.count;

    table_for_each (&framework->executors, executor)
        count += executor->completed_count;
    list_for_each (&framework->completed_executors, executor, in_completed)
        count += executor->completed_count + executor->terminated_count;
    return count;
}

static void add_list(const struct list *list, Mesos__V1__Task **to, size_t *count) {
    const struct agent_task *task;

    list_for_each (list, task, in_stage)
        to[(*count)++] = task->message;
}

static void add_executor_tasks(Mesos__V1__Agent__Response__GetTasks *tasks, const struct agent_executor *executor) {
    const struct delivery *delivery;

    list_for_each (&executor->queue, delivery, member)
        add_list(&delivery->tasks, tasks->queued_tasks, &tasks->n_queued_tasks);
    add_list(&executor->launched, tasks->launched_tasks, &tasks->n_launched_tasks);
    add_list(&executor->terminated, tasks->terminated_tasks, &tasks->n_terminated_tasks);
    add_list(&executor->completed, tasks->completed_tasks, &tasks->n_completed_tasks);
}

static Mesos__V1__Agent__Response__GetTasks *get_tasks(struct api_request *request) {
    struct agent *agent = request->agent;
    const struct table *const tables[] = {&agent->frameworks, &agent->completed_frameworks};
    Mesos__V1__Agent__Response__GetTasks *tasks = MAKE(request->arena, Mesos__V1__Agent__Response__GetTasks,
                                                       mesos__v1__agent__response__get_tasks__init);
    const struct agent_framework *framework;
    size_t count = 1;

    for (size_t i = 0; i < ARRAY_SIZE(tables); i++) {
        table_for_each (tables[i], framework)
            count += count_all_tasks(framework);
    }
    tasks->pending_tasks = arena_alloc(request->arena, count * sizeof(*tasks->pending_tasks));
    tasks->queued_tasks = arena_alloc(request->arena, count * sizeof(*tasks->queued_tasks));
    tasks->launched_tasks = arena_alloc(request->arena, count * sizeof(*tasks->launched_tasks));
    tasks->terminated_tasks = arena_alloc(request->arena, count * sizeof(*tasks->terminated_tasks));
    tasks->completed_tasks = arena_alloc(request->arena, count * sizeof(*tasks->completed_tasks));
    for (size_t i = 0; i < ARRAY_SIZE(tables); i++) {
        table_for_each (tables[i], framework) {
            const struct agent_executor *executor;
            const struct delivery *delivery;

            list_for_each (&framework->pending, delivery, member)
                add_list(&delivery->tasks, tasks->pending_tasks, &tasks->n_pending_tasks);
            table_for_each (&framework->executors, executor)
                add_executor_tasks(tasks, executor);
            list_for_each (&framework->completed_executors, executor, in_completed)
                add_executor_tasks(tasks, executor);
        }
    }
    return tasks;
}

static Mesos__V1__Agent__Response__GetExecutors__Executor *make_executor(struct arena *arena,
                                                                         const struct agent_executor *executor) {
    Mesos__V1__Agent__Response__GetExecutors__Executor *message = MAKE(
        arena, Mesos__V1__Agent__Response__GetExecutors__Executor,
        mesos__v1__agent__response__get_executors__executor__init);

    message->executor_info = executor->info;
    return message;
}

static Mesos__V1__Agent__Response__GetExecutors *get_executors(struct api_request *request) {
    struct agent *agent = request->agent;
    const struct table *const tables[] = {&agent->frameworks, &agent->completed_frameworks};
    Mesos__V1__Agent__Response__GetExecutors *executors = MAKE(request->arena, Mesos__V1__Agent__Response__GetExecutors,
                                                               mesos__v1__agent__response__get_executors__init);
    const struct agent_framework *framework;
    const struct agent_executor *executor;
    size_t count = 1;

    for (size_t i = 0; i < ARRAY_SIZE(tables); i++) {
        table_for_each (tables[i], framework)
            count += framework->executors.count + framework->completed_executor_count;
    }
    executors->executors = arena_alloc(request->arena, count * sizeof(*executors->executors));
    executors->completed_executors = arena_alloc(request->arena, count * sizeof(*executors->completed_executors));
    for (size_t i = 0; i < ARRAY_SIZE(tables); i++) {
        table_for_each (tables[i], framework) {
            table_for_each (&framework->executors, executor)
                executors->executors[executors->n_executors++] = make_executor(request->arena, executor);
            list_for_each (&framework->completed_executors, executor, in_completed)
                executors->completed_executors[executors->n_completed_executors++] = make_executor(request->arena,
                                                                                                   executor);
        }
    }
    return executors;
}

static Mesos__V1__Agent__Response__GetFrameworks__Framework **
list_frameworks(struct arena *arena, const struct table *table, size_t *ret_count) {
    Mesos__V1__Agent__Response__GetFrameworks__Framework **list = arena_alloc(arena,
                                                                              (table->count + 1) * sizeof(*list));
    const struct agent_framework *framework;

    table_for_each (table, framework) {
        list[*ret_count] = MAKE(arena, Mesos__V1__Agent__Response__GetFrameworks__Framework,
                                mesos__v1__agent__response__get_frameworks__framework__init);
        list[(*ret_count)++]->framework_info = framework->info;
    }
    return list;
}

static Mesos__V1__Agent__Response__GetFrameworks *get_frameworks(struct api_request *request) {
    Mesos__V1__Agent__Response__GetFrameworks *frameworks = MAKE(
        request->arena, Mesos__V1__Agent__Response__GetFrameworks, mesos__v1__agent__response__get_frameworks__init);

    frameworks->frameworks = list_frameworks(request->arena, &request->agent->frameworks, &frameworks->n_frameworks);
    frameworks->completed_frameworks = list_frameworks(request->arena, &request->agent->completed_frameworks,
                                                       &frameworks->n_completed_frameworks);
    return frameworks;
}

/* In JSON, Mesos shows these lists even where they are empty (jsonifyGetTasks() and its like). */

static void write_list(struct json_writer *json, const char *name, const void *messages, size_t count) {
    ProtobufCMessage *const *message = messages;

    json_key(json, name);
    json_begin_array(json);
    for (size_t i = 0; i < count; i++)
        message_write_json(message[i], MESSAGE_V1, json);
    json_end_array(json);
}

static void write_tasks(struct json_writer *json, const Mesos__V1__Agent__Response__GetTasks *tasks) {
    json_key(json, "get_tasks");
    json_begin_object(json);
    write_list(json, "pending_tasks", tasks->pending_tasks, tasks->n_pending_tasks);
    write_list(json, "queued_tasks", tasks->queued_tasks, tasks->n_queued_tasks);
    write_list(json, "launched_tasks", tasks->launched_tasks, tasks->n_launched_tasks);
    write_list(json, "terminated_tasks", tasks->terminated_tasks, tasks->n_terminated_tasks);
    write_list(json, "completed_tasks", tasks->completed_tasks, tasks->n_completed_tasks);
    json_end_object(json);
}

static void write_executors(struct json_writer *json, const Mesos__V1__Agent__Response__GetExecutors *executors) {
    json_key(json, "get_executors");
    json_begin_object(json);
    write_list(json, "executors", executors->executors, executors->n_executors);
    write_list(json, "completed_executors", executors->completed_executors, executors->n_completed_executors);
    json_end_object(json);
}

static void write_frameworks(struct json_writer *json, const Mesos__V1__Agent__Response__GetFrameworks *frameworks) {
    json_key(json, "get_frameworks");
    json_begin_object(json);
    write_list(json, "frameworks", frameworks->frameworks, frameworks->n_frameworks);
    write_list(json, "completed_frameworks", frameworks->completed_frameworks, frameworks->n_completed_frameworks);
    json_end_object(json);
}

/* Answer with one of these groups, or with GET_STATE, which is all of them. */
static void respond_lists(struct api_request *request, const Mesos__V1__Agent__Response *response) {
    const struct http_request *http = http_exchange_request(request->exchange);
    cleanup_buffer struct buffer body = BUFFER_INIT;
    struct json_writer json;

    if (!http_accepts(http_headers_find(&http->headers, "Accept"), "application/json")) {
        api_respond(request->exchange, response);
        return;
    }
    json_init(&json, &body);
    json_begin_object(&json);
    json_member_string(&json, "type", request->type);
    if (response->get_state != NULL) {
        json_key(&json, "get_state");
        json_begin_object(&json);
        write_tasks(&json, response->get_state->get_tasks);
        write_executors(&json, response->get_state->get_executors);
        write_frameworks(&json, response->get_state->get_frameworks);
        json_end_object(&json);
    }
    if (response->get_tasks != NULL)
        write_tasks(&json, response->get_tasks);
    if (response->get_executors != NULL)
        write_executors(&json, response->get_executors);
    if (response->get_frameworks != NULL)
        write_frameworks(&json, response->get_frameworks);
    json_end_object(&json);
    http_respond_buffer(request->exchange, 200, "application/json", &body);
}

void api_get_tasks(struct api_request *request) {
    Mesos__V1__Agent__Response response = API_RESPONSE(GET_TASKS);

    response.get_tasks = get_tasks(request);
    respond_lists(request, &response);
}

void api_get_executors(struct api_request *request) {
    Mesos__V1__Agent__Response response = API_RESPONSE(GET_EXECUTORS);

    response.get_executors = get_executors(request);
    respond_lists(request, &response);
}

void api_get_frameworks(struct api_request *request) {
    Mesos__V1__Agent__Response response = API_RESPONSE(GET_FRAMEWORKS);

    response.get_frameworks = get_frameworks(request);
    respond_lists(request, &response);
}

void api_get_state(struct api_request *request) {
    Mesos__V1__Agent__Response response = API_RESPONSE(GET_STATE);
    Mesos__V1__Agent__Response__GetState state = MESOS__V1__AGENT__RESPONSE__GET_STATE__INIT;

    state.get_tasks = get_tasks(request);
    state.get_executors = get_executors(request);
    state.get_frameworks = get_frameworks(request);
    response.get_state = &state;
    respond_lists(request, &response);
}

void api_get_operations(struct api_request *request) {
    Mesos__V1__Agent__Response response = API_RESPONSE(GET_OPERATIONS);
    Mesos__V1__Agent__Response__GetOperations operations = MESOS__V1__AGENT__RESPONSE__GET_OPERATIONS__INIT;

    operations.n_operations = request->agent->operations.count;
    operations.operations = agent_operations_list(request->agent, request->arena);
    response.get_operations = &operations;
    api_respond(request->exchange, &response);
}

void api_get_resource_providers(struct api_request *request) {
    Mesos__V1__Agent__Response response = API_RESPONSE(GET_RESOURCE_PROVIDERS);
    Mesos__V1__Agent__Response__GetResourceProviders providers =
        MESOS__V1__AGENT__RESPONSE__GET_RESOURCE_PROVIDERS__INIT;

    response.get_resource_providers = &providers;
    api_respond(request->exchange, &response);
}

void api_get_agent(struct api_request *request) {
    const struct agent *agent = request->agent;
    Mesos__V1__Agent__Response response = API_RESPONSE(GET_AGENT);
    Mesos__V1__Agent__Response__GetAgent get_agent = MESOS__V1__AGENT__RESPONSE__GET_AGENT__INIT;
    Mesos__V1__TimeInfo start = MESOS__V1__TIME_INFO__INIT;

    get_agent.agent_info = agent->info;
    get_agent.drain_config = agent->drain;
    if (agent->drain != NULL) {
        start.nanoseconds = agent->drain_start_ns;
        get_agent.estimated_drain_start_time = &start;
    }
    response.get_agent = &get_agent;
    api_respond(request->exchange, &response);
}

/* Containers */

static Mesos__V1__ContainerID *make_container_id(struct arena *arena, const char *id) {
    Mesos__V1__ContainerID *message = MAKE(arena, Mesos__V1__ContainerID, mesos__v1__container_id__init);
    const char *dot = strrchr(id, '.');

    message->value = arena_strdup(arena, dot != NULL ? dot + 1 : id);
    if (dot != NULL)
        message->parent = make_container_id(arena, arena_strndup(arena, id, (size_t)(dot - id)));
    return message;
}

static Mesos__V1__Agent__Response__GetContainers__Container *make_container(struct arena *arena,
                                                                            const struct usage_entry *entry) {
    Mesos__V1__Agent__Response__GetContainers__Container *container = MAKE(
        arena, Mesos__V1__Agent__Response__GetContainers__Container,
        mesos__v1__agent__response__get_containers__container__init);
    Mesos__V1__ContainerStatus *status = MAKE(arena, Mesos__V1__ContainerStatus, mesos__v1__container_status__init);
    const struct agent_executor *executor = entry->executor;

    status->container_id = make_container_id(arena, entry->container_id);
    status->has_executor_pid = entry->pid > 0;
    status->executor_pid = (uint32_t)entry->pid;
    container->container_id = status->container_id;
    container->container_status = status;
    container->resource_statistics = entry->statistics;
    if (executor != NULL) {
        container->framework_id = executor->framework->info->id;
        container->executor_id = executor->info->executor_id;
        container->executor_name = executor->info->name;
    }
    return container;
}

static void containers_ready(struct http_exchange *exchange, const struct usage_entry *entries, size_t count) {
    cleanup_(arena_done) struct arena arena = ARENA_INIT;
    Mesos__V1__Agent__Response response = API_RESPONSE(GET_CONTAINERS);
    Mesos__V1__Agent__Response__GetContainers containers = MESOS__V1__AGENT__RESPONSE__GET_CONTAINERS__INIT;

    containers.containers = arena_alloc(&arena, (count + 1) * sizeof(*containers.containers));
    for (size_t i = 0; i < count; i++) {
        if (entries[i].is_there)
            containers.containers[containers.n_containers++] = make_container(&arena, &entries[i]);
    }
    response.get_containers = &containers;
    api_respond(exchange, &response);
}

void api_get_containers(struct api_request *request) {
    const Mesos__V1__Agent__Call__GetContainers *call = request->call->get_containers;
    unsigned kinds = USAGE_EXECUTORS;

    if (call != NULL && call->show_nested)
        kinds |= USAGE_NESTED;
    if (call != NULL && call->show_standalone)
        kinds |= USAGE_STANDALONE;
    usage_collect(request->agent, request->exchange, kinds, containers_ready);
}
