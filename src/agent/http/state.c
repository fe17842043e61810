/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/http/state.h"

#include "agent/http/json.h"
#include "agent/http/usage.h"
#include "agent/launch.h"
#include "base/version.h"
#include "message/json.h"

static void write_tasks(struct json_writer *writer, const char *name, const struct list *first,
                        const struct list *second) {
    const struct list *const lists[] = {first, second};

    json_key(writer, name);
    json_begin_array(writer);
    for (size_t i = 0; i < ARRAY_SIZE(lists); i++) {
        const struct agent_task *task;

        if (lists[i] == NULL)
            continue;
        list_for_each (lists[i], task, in_stage)
            write_task(writer, task->message);
    }
    json_end_array(writer);
}

static void write_queue(struct json_writer *writer, const struct agent_executor *executor) {
    const struct delivery *delivery;
    const struct agent_task *task;

    json_key(writer, "queued_tasks");
    json_begin_array(writer);
    list_for_each (&executor->queue, delivery, member) {
        list_for_each (&delivery->tasks, task, in_stage)
            write_queued_task(writer, task->info);
    }
    json_end_array(writer);
}

static void write_executor(struct json_writer *writer, const struct agent_executor *executor) {
    const Mesos__V1__ExecutorInfo *info = executor->info;
    struct resources allocated;

    json_begin_object(writer);
    json_member_string(writer, "id", executor->id);
    json_member_string(writer, "name", info->name != NULL ? info->name : "");
    json_member_string(writer, "source", info->source != NULL ? info->source : "");
    json_member_string(writer, "container", executor->container_id);
    json_member_string(writer, "directory", executor->directory);
    json_key(writer, "resources");
    agent_executor_allocated(executor, &allocated);
    write_resources(writer, &allocated);
    resources_done(&allocated);
    if (info->n_resources > 0 && info->resources[0]->allocation_info != NULL)
        json_member_string(writer, "role", info->resources[0]->allocation_info->role);
    if (info->labels != NULL) {
        json_key(writer, "labels");
        json_begin_array(writer);
        for (size_t i = 0; i < info->labels->n_labels; i++)
            message_write_json(&info->labels->labels[i]->base, MESSAGE_V0, writer);
        json_end_array(writer);
    }
    if (info->has_type)
        json_member_string(writer, "type",
                           message_enum_name(&mesos__v1__executor_info__type__descriptor, (int)info->type));
    write_tasks(writer, "tasks", &executor->launched, NULL);
    write_queue(writer, executor);
    write_tasks(writer, "completed_tasks", &executor->completed, &executor->terminated);
    json_end_object(writer);
}

static void write_framework(struct json_writer *writer, const struct agent_framework *framework) {
    const Mesos__V1__FrameworkInfo *info = framework->info;
    const struct agent_executor *executor;

    json_begin_object(writer);
    json_member_string(writer, "id", framework->id);
    json_member_string(writer, "name", info->name);
    json_member_string(writer, "user", info->user);
    json_member_double(writer, "failover_timeout", info->failover_timeout);
    json_member_bool(writer, "checkpoint", info->checkpoint);
    json_member_string(writer, "hostname", info->hostname != NULL ? info->hostname : "");
    json_member_string(writer, "principal", info->principal);
    if (agent_framework_has_capability(info, MESOS__V1__FRAMEWORK_INFO__CAPABILITY__TYPE__MULTI_ROLE)) {
        json_key(writer, "roles");
        json_begin_array(writer);
        for (size_t i = 0; i < info->n_roles; i++)
            json_string(writer, info->roles[i]);
        json_end_array(writer);
    } else {
        json_member_string(writer, "role", info->role);
    }
    json_key(writer, "executors");
    json_begin_array(writer);
    table_for_each (&framework->executors, executor)
        write_executor(writer, executor);
    json_end_array(writer);
    json_key(writer, "completed_executors");
    json_begin_array(writer);
    list_for_each (&framework->completed_executors, executor, in_completed)
        write_executor(writer, executor);
    json_end_array(writer);
    json_end_object(writer);
}

static void write_identity(struct json_writer *writer, struct agent *agent) {
    char pid[PID_BYTES];

    version_write_members(writer);
    json_member_double(writer, "start_time", duration_to_seconds(agent->start_ns));
    json_member_string(writer, "id", agent_id(agent) != NULL ? agent_id(agent) : "");
    json_member_string(writer, "pid", pid_format(&agent->process.pid, pid));
    json_member_string(writer, "hostname", agent->info->hostname);
    json_key(writer, "capabilities");
    json_begin_array(writer);
    for (size_t i = 0; i < agent->capability_count; i++)
        json_string(writer, message_enum_name(&mesos__v1__agent_info__capability__type__descriptor,
                                              (int)agent->capabilities[i]->type));
    json_end_array(writer);
    if (agent->info->domain != NULL) {
        json_key(writer, "domain");
        message_write_json(&agent->info->domain->base, MESSAGE_V0, writer);
    }
    if (agent->drain != NULL) {
        json_key(writer, "drain_config");
        message_write_json(&agent->drain->base, MESSAGE_V0, writer);
        json_member_integer(writer, "estimated_drain_start_time_seconds", agent->drain_start_ns / SECOND);
    }
}

static void write_all_resources(struct json_writer *writer, struct agent *agent) {
    const struct agent_framework *framework;
    struct resources allocated = RESOURCES_INIT, unreserved;

    json_key(writer, "resources");
    write_resources(writer, &agent->durable_total);
    json_key(writer, "reserved_resources");
    write_reserved(writer, &agent->durable_total, false);
    resources_unreserved(&agent->durable_total, &unreserved);
    json_key(writer, "unreserved_resources");
    write_resources(writer, &unreserved);
    json_key(writer, "reserved_resources_full");
    write_reserved(writer, &agent->durable_total, true);
    json_key(writer, "unreserved_resources_full");
    write_resources_full(writer, &unreserved);
    resources_done(&unreserved);
    table_for_each (&agent->frameworks, framework) {
        struct resources part;

        agent_framework_allocated(framework, &part);
        resources_add(&allocated, &part);
        resources_done(&part);
    }
    json_key(writer, "reserved_resources_allocated");
    write_reserved(writer, &allocated, false);
    resources_unreserved(&allocated, &unreserved);
    json_key(writer, "unreserved_resources_allocated");
    write_resources(writer, &unreserved);
    resources_done(&unreserved);
    resources_done(&allocated);
}

void state_handle(struct http_exchange *exchange, void *user) {
    struct agent *agent = user;
    cleanup_buffer struct buffer body = BUFFER_INIT;
    struct json_writer writer;
    const struct agent_framework *framework;

    if (agent->state == AGENT_RECOVERING) {
        http_respond_text(exchange, 503, "Agent has not finished recovery");
        return;
    }
    json_init(&writer, &body);
    json_begin_object(&writer);
    write_identity(&writer, agent);
    write_all_resources(&writer, agent);
    json_key(&writer, "resource_providers");
    json_begin_array(&writer);
    json_end_array(&writer);
    json_key(&writer, "attributes");
    write_attributes(&writer, agent->info->attributes, agent->info->n_attributes);
    if (agent->has_master)
        json_member_string(&writer, "master_hostname", agent->master.address.host);
    json_member_string(&writer, "log_dir", agent->flags->log_dir);
    json_key(&writer, "flags");
    flags_write_json(&agent_flag_table, agent->flags, &writer);
    json_key(&writer, "frameworks");
    json_begin_array(&writer);
    table_for_each (&agent->frameworks, framework)
        write_framework(&writer, framework);
    json_end_array(&writer);
    json_key(&writer, "completed_frameworks");
    json_begin_array(&writer);
    table_for_each (&agent->completed_frameworks, framework)
        write_framework(&writer, framework);
    json_end_array(&writer);
    json_end_object(&writer);
    respond_json(exchange, &body);
}

/* /containers and /monitor/statistics */

static void write_container(struct json_writer *writer, const struct usage_entry *entry, bool with_status) {
    const struct agent_executor *executor = entry->executor;

    json_begin_object(writer);
    if (with_status)
        json_member_string(writer, "container_id", executor->container_id);
    json_member_string(writer, "executor_id", executor->id);
    json_member_string(writer, "executor_name", executor->info->name != NULL ? executor->info->name : "");
    json_member_string(writer, "framework_id", executor->framework->id);
    json_member_string(writer, "source", executor->info->source != NULL ? executor->info->source : "");
    if (entry->statistics != NULL) {
        json_key(writer, "statistics");
        message_write_json(&entry->statistics->base, MESSAGE_V0, writer);
    }
    if (with_status) {
        json_key(writer, "status");
        json_begin_object(writer);
        json_key(writer, "container_id");
        json_begin_object(writer);
        json_member_string(writer, "value", executor->container_id);
        json_end_object(writer);
        if (entry->pid > 0)
            json_member_integer(writer, "executor_pid", entry->pid);
        json_end_object(writer);
    }
    json_end_object(writer);
}

static void respond_usage(struct http_exchange *exchange, const struct usage_entry *entries, size_t count,
                          bool with_status) {
    cleanup_buffer struct buffer body = BUFFER_INIT;
    struct json_writer writer;

    json_init(&writer, &body);
    json_begin_array(&writer);
    for (size_t i = 0; i < count; i++) {
        if (entries[i].executor != NULL)
            write_container(&writer, &entries[i], with_status);
    }
    json_end_array(&writer);
    respond_json(exchange, &body);
}

static void containers_ready(struct http_exchange *exchange, const struct usage_entry *entries, size_t count) {
    respond_usage(exchange, entries, count, true);
}

static void statistics_ready(struct http_exchange *exchange, const struct usage_entry *entries, size_t count) {
    respond_usage(exchange, entries, count, false);
}

void containers_handle(struct http_exchange *exchange, void *user) {
    struct agent *agent = user;

    if (agent->state == AGENT_RECOVERING)
        http_respond_text(exchange, 503, "Agent has not finished recovery");
    else
        usage_collect(agent, exchange, USAGE_EXECUTORS, containers_ready);
}

void statistics_handle(struct http_exchange *exchange, void *user) {
    struct agent *agent = user;

    if (agent->state == AGENT_RECOVERING)
        http_respond_text(exchange, 503, "Agent has not finished recovery");
    else
        usage_collect(agent, exchange, USAGE_EXECUTORS, statistics_ready);
}
