/* SPDX-License-Identifier: Apache-2.0 */
#include "base/duration.h"
#include "master/agent.h"
#include "master/executor.h"
#include "master/framework.h"
#include "master/http/model.h"
#include "master/offer.h"
#include "master/task.h"
#include "message/json.h"
#include "model/quantities.h"

double model_seconds(int64_t wall_ns) {
    return (double)(wall_ns / MICROSECOND) / 1e6;
}

/* What protobuf takes an unset string for. */
static const char *text_or_empty(const char *text) {
    return text == NULL ? "" : text;
}

#define write_string(writer, literal, value) \
    do { \
        MODEL_KEY(writer, literal); \
        json_string(writer, text_or_empty(value)); \
    } while (0)

#define write_message(writer, literal, message) \
    do { \
        MODEL_KEY(writer, literal); \
        MESSAGE_WRITE_JSON(message, MESSAGE_V0, writer); \
    } while (0)

void model_write_labels(struct json_writer *writer, const Mesos__V1__Labels *labels) {
    json_begin_array(writer);
    for (size_t i = 0; i < labels->n_labels; i++)
        MESSAGE_WRITE_JSON(labels->labels[i], MESSAGE_V0, writer);
    json_end_array(writer);
}

static void write_network_info(struct json_writer *writer, const Mesos__V1__NetworkInfo *info) {
    json_begin_object(writer);
    if (info->n_groups > 0) {
        MODEL_KEY(writer, "groups");
        json_begin_array(writer);
        for (size_t i = 0; i < info->n_groups; i++)
            json_string(writer, info->groups[i]);
        json_end_array(writer);
    }
    if (info->labels != NULL) {
        MODEL_KEY(writer, "labels");
        model_write_labels(writer, info->labels);
    }
    if (info->n_ip_addresses > 0) {
        MODEL_KEY(writer, "ip_addresses");
        json_begin_array(writer);
        for (size_t i = 0; i < info->n_ip_addresses; i++)
            MESSAGE_WRITE_JSON(info->ip_addresses[i], MESSAGE_V0, writer);
        json_end_array(writer);
    }
    if (info->name != NULL)
        write_string(writer, "name", info->name);
    if (info->n_port_mappings > 0) {
        MODEL_KEY(writer, "port_mappings");
        json_begin_array(writer);
        for (size_t i = 0; i < info->n_port_mappings; i++)
            MESSAGE_WRITE_JSON(info->port_mappings[i], MESSAGE_V0, writer);
        json_end_array(writer);
    }
    json_end_object(writer);
}

static void write_container_status(struct json_writer *writer, const Mesos__V1__ContainerStatus *status) {
    json_begin_object(writer);
    if (status->container_id != NULL)
        write_message(writer, "container_id", status->container_id);
    if (status->n_network_infos > 0) {
        MODEL_KEY(writer, "network_infos");
        json_begin_array(writer);
        for (size_t i = 0; i < status->n_network_infos; i++)
            write_network_info(writer, status->network_infos[i]);
        json_end_array(writer);
    }
    if (status->cgroup_info != NULL)
        write_message(writer, "cgroup_info", status->cgroup_info);
    json_end_object(writer);
}

static void write_status(const Mesos__V1__TaskStatus *status, void *user) {
    struct json_writer *writer = user;

    json_begin_object(writer);
    write_string(writer, "state", task_state_name((enum task_state)status->state));
    MODEL_KEY(writer, "timestamp");
    json_double(writer, status->has_timestamp ? status->timestamp : 0);
    if (status->labels != NULL) {
        MODEL_KEY(writer, "labels");
        model_write_labels(writer, status->labels);
    }
    if (status->container_status != NULL) {
        MODEL_KEY(writer, "container_status");
        write_container_status(writer, status->container_status);
    }
    if (status->has_healthy) {
        MODEL_KEY(writer, "healthy");
        json_bool(writer, status->healthy);
    }
    json_end_object(writer);
}

static void write_limits(struct json_writer *writer, const Mesos__V1__Task *task) {
    MODEL_KEY(writer, "limits");
    json_begin_object(writer);
    for (size_t i = 0; i < task->n_limits; i++) {
        json_key_string(writer, text_or_empty(task->limits[i]->key));
        json_double(writer, task->limits[i]->value == NULL ? 0 : task->limits[i]->value->value);
    }
    json_end_object(writer);
}

/* The role that all of them are allocated to; a task or executor does not mix roles. */
static const char *role_of(const struct resources *resources) {
    return resources->count == 0 ? NULL : resources->items[0].allocation_role;
}

static void write_task_extras(struct json_writer *writer, const Mesos__V1__Task *message) {
    if (message->user != NULL)
        write_string(writer, "user", message->user);
    if (message->labels != NULL) {
        MODEL_KEY(writer, "labels");
        model_write_labels(writer, message->labels);
    }
    if (message->discovery != NULL)
        write_message(writer, "discovery", message->discovery);
    if (message->container != NULL)
        write_message(writer, "container", message->container);
    if (message->health_check != NULL)
        write_message(writer, "health_check", message->health_check);
}

void model_write_task(struct json_writer *writer, const struct task *task) {
    json_begin_object(writer);
    write_string(writer, "id", task->id);
    write_string(writer, "name", task->name);
    write_string(writer, "framework_id", task->framework->id);
    write_string(writer, "executor_id", task->executor_id == NULL ? "" : task->executor_id);
    write_string(writer, "slave_id", task->agent_id);
    write_string(writer, "state", task_state_name(task_state(task)));
    MODEL_KEY(writer, "resources");
    model_write_resources(writer, &task->resources);
    if (task->extras != NULL && task->extras->n_limits > 0)
        write_limits(writer, task->extras);
    write_string(writer, "role", role_of(&task->resources));
    MODEL_KEY(writer, "statuses");
    json_begin_array(writer);
    task_show_statuses(task, write_status, writer);
    json_end_array(writer);
    if (task->extras != NULL)
        write_task_extras(writer, task->extras);
    json_end_object(writer);
}

void model_write_offer(struct json_writer *writer, const struct offer *offer) {
    json_begin_object(writer);
    write_string(writer, "id", offer->id);
    write_string(writer, "framework_id", offer->framework->id);
    MODEL_KEY(writer, "allocation_info");
    json_begin_object(writer);
    write_string(writer, "role", offer->role);
    json_end_object(writer);
    write_string(writer, "slave_id", offer->agent->id);
    MODEL_KEY(writer, "resources");
    model_write_resources(writer, &offer->resources);
    json_end_object(writer);
}

/* An executor without a command, as the default one is, shows an empty one. */
static void write_command(struct json_writer *writer, const Mesos__V1__CommandInfo *command) {
    json_begin_object(writer);
    if (command != NULL && command->has_shell) {
        MODEL_KEY(writer, "shell");
        json_bool(writer, command->shell);
    }
    if (command != NULL && command->value != NULL)
        write_string(writer, "value", command->value);
    MODEL_KEY(writer, "argv");
    json_begin_array(writer);
    for (size_t i = 0; command != NULL && i < command->n_arguments; i++)
        json_string(writer, command->arguments[i]);
    json_end_array(writer);
    if (command != NULL && command->environment != NULL)
        write_message(writer, "environment", command->environment);
    MODEL_KEY(writer, "uris");
    json_begin_array(writer);
    for (size_t i = 0; command != NULL && i < command->n_uris; i++) {
        json_begin_object(writer);
        write_string(writer, "value", command->uris[i]->value);
        MODEL_KEY(writer, "executable");
        json_bool(writer, command->uris[i]->has_executable && command->uris[i]->executable);
        json_end_object(writer);
    }
    json_end_array(writer);
    json_end_object(writer);
}

void model_write_executor(struct json_writer *writer, const struct executor *executor) {
    const Mesos__V1__ExecutorInfo *info = executor->info;

    json_begin_object(writer);
    write_string(writer, "executor_id", info->executor_id->value);
    write_string(writer, "name", info->name);
    write_string(writer, "framework_id", executor->framework->id);
    MODEL_KEY(writer, "command");
    write_command(writer, info->command);
    MODEL_KEY(writer, "resources");
    model_write_resources(writer, &executor->resources);
    if (executor->resources.count > 0)
        write_string(writer, "role", role_of(&executor->resources));
    if (info->labels != NULL) {
        MODEL_KEY(writer, "labels");
        model_write_labels(writer, info->labels);
    }
    if (info->has_type)
        json_member_string(
            writer, "type",
            message_value_name(&mesos__v1__executor_info__type__descriptor, (int)info->type, MESSAGE_V0));
    write_string(writer, "slave_id", executor->agent->id);
    json_end_object(writer);
}
