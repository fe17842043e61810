/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/http/json.h"

#include <string.h>

#include "message/json.h"

/* The names that are always there, be they 0, in the order that upstream happens to print them. */
static const char *const usual[] = {"disk", "mem", "gpus", "cpus"};

static bool is_usual(const char *name) {
    for (size_t i = 0; i < ARRAY_SIZE(usual); i++) {
        if (strcmp(usual[i], name) == 0)
            return true;
    }
    return false;
}

static void write_ranges(struct json_writer *writer, const struct ranges *ranges) {
    cleanup_buffer struct buffer text = BUFFER_INIT;

    buffer_append_char(&text, '[');
    for (uint32_t i = 0; i < ranges->count; i++)
        buffer_printf(&text, "%s%llu-%llu", i > 0 ? ", " : "", (unsigned long long)ranges->items[i].begin,
                      (unsigned long long)ranges->items[i].end);
    buffer_append_char(&text, ']');
    json_string_sized(writer, text.data, text.size);
}

static void write_set(struct json_writer *writer, const struct items *set) {
    cleanup_buffer struct buffer text = BUFFER_INIT;

    buffer_append_char(&text, '{');
    for (uint32_t i = 0; i < set->count; i++)
        buffer_printf(&text, "%s%s", i > 0 ? ", " : "", set->items[i]);
    buffer_append_char(&text, '}');
    json_string_sized(writer, text.data, text.size);
}

static bool is_first_of_name(const struct resources *resources, uint32_t index) {
    for (uint32_t i = 0; i < index; i++) {
        if (strcmp(resources->items[i].kind->name, resources->items[index].kind->name) == 0)
            return false;
    }
    return true;
}

void write_resources(struct json_writer *writer, const struct resources *resources) {
    json_begin_object(writer);
    for (size_t i = 0; i < ARRAY_SIZE(usual); i++)
        json_member_double(writer, usual[i], scalar_to_double(resources_scalar(resources, usual[i])));
    for (uint32_t i = 0; i < resources->count; i++) {
        const struct resource *resource = &resources->items[i];

        if (is_usual(resource->kind->name) || !is_first_of_name(resources, i))
            continue;
        json_key_string(writer, resource->kind->name);
        if (resource->kind->type == RESOURCE_SCALAR) {
            json_double(writer, scalar_to_double(resources_scalar(resources, resource->kind->name)));
        } else if (resource->kind->type == RESOURCE_RANGES) {
            struct ranges *ranges = resources_ranges(resources, resource->kind->name);

            write_ranges(writer, ranges);
            ranges_release(ranges);
        } else {
            write_set(writer, resource->set);
        }
    }
    json_end_object(writer);
}

void write_resource_messages(struct json_writer *writer, Mesos__V1__Resource *const *messages, size_t count) {
    struct resources resources;

    resources_from_valid_messages(messages, count, &resources);
    write_resources(writer, &resources);
    resources_done(&resources);
}

void write_resources_full(struct json_writer *writer, const struct resources *resources) {
    cleanup_(arena_done) struct arena arena = ARENA_INIT;
    Mesos__V1__Resource **messages;
    size_t count;

    resources_to_messages(resources, RESOURCE_FORMAT_ENDPOINT, &arena, &messages, &count);
    json_begin_array(writer);
    for (size_t i = 0; i < count; i++)
        message_write_json(&messages[i]->base, MESSAGE_V0, writer);
    json_end_array(writer);
}

void write_reserved(struct json_writer *writer, const struct resources *resources, bool is_full) {
    json_begin_object(writer);
    for (uint32_t i = 0; i < resources->count; i++) {
        const char *role = resources->items[i].kind->reservation_role;
        bool is_first = role != NULL;
        struct resources part;

        for (uint32_t j = 0; j < i && is_first; j++)
            is_first = resources->items[j].kind->reservation_role != role;
        if (!is_first)
            continue;
        resources_reserved(resources, role, &part);
        json_key_string(writer, role);
        if (is_full)
            write_resources_full(writer, &part);
        else
            write_resources(writer, &part);
        resources_done(&part);
    }
    json_end_object(writer);
}

void write_attributes(struct json_writer *writer, Mesos__V1__Attribute *const *attributes, size_t count) {
    json_begin_object(writer);
    for (size_t i = 0; i < count; i++) {
        const Mesos__V1__Attribute *attribute = attributes[i];

        json_key_string(writer, attribute->name);
        if (attribute->scalar != NULL) {
            json_double(writer, attribute->scalar->value);
        } else if (attribute->ranges != NULL) {
            cleanup_buffer struct buffer text = BUFFER_INIT;

            buffer_append_char(&text, '[');
            for (size_t j = 0; j < attribute->ranges->n_range; j++)
                buffer_printf(&text, "%s%llu-%llu", j > 0 ? ", " : "",
                              (unsigned long long)attribute->ranges->range[j]->begin,
                              (unsigned long long)attribute->ranges->range[j]->end);
            buffer_append_char(&text, ']');
            json_string_sized(writer, text.data, text.size);
        } else {
            json_string(writer, attribute->text != NULL ? attribute->text->value : "");
        }
    }
    json_end_object(writer);
}

static void write_labels(struct json_writer *writer, const Mesos__V1__Labels *labels) {
    json_begin_array(writer);
    for (size_t i = 0; i < labels->n_labels; i++)
        message_write_json(&labels->labels[i]->base, MESSAGE_V0, writer);
    json_end_array(writer);
}

static void write_status(struct json_writer *writer, const Mesos__V1__TaskStatus *status) {
    json_begin_object(writer);
    json_member_string(writer, "state", task_state_name((enum task_state)status->state));
    json_member_double(writer, "timestamp", status->timestamp);
    if (status->labels != NULL) {
        json_key(writer, "labels");
        write_labels(writer, status->labels);
    }
    if (status->container_status != NULL) {
        /* Upstream leaves the pid out here. */
        Mesos__V1__ContainerStatus copy = *status->container_status;

        copy.has_executor_pid = false;
        json_key(writer, "container_status");
        message_write_json(&copy.base, MESSAGE_V0, writer);
    }
    if (status->has_healthy)
        json_member_bool(writer, "healthy", status->healthy);
    json_end_object(writer);
}

static const char *role_of(Mesos__V1__Resource *const *resources, size_t count) {
    return count > 0 && resources[0]->allocation_info != NULL && resources[0]->allocation_info->role != NULL
               ? resources[0]->allocation_info->role
               : "";
}

static void write_message(struct json_writer *writer, const char *name, const void *message) {
    if (message == NULL)
        return;
    json_key(writer, name);
    message_write_json(message, MESSAGE_V0, writer);
}

void write_task(struct json_writer *writer, const Mesos__V1__Task *task) {
    json_begin_object(writer);
    json_member_string(writer, "id", task->task_id->value);
    json_member_string(writer, "name", task->name);
    json_member_string(writer, "framework_id", task->framework_id->value);
    json_member_string(writer, "executor_id", task->executor_id != NULL ? task->executor_id->value : "");
    json_member_string(writer, "slave_id", task->agent_id->value);
    json_member_string(writer, "state", task_state_name((enum task_state)task->state));
    json_key(writer, "resources");
    write_resource_messages(writer, task->resources, task->n_resources);
    json_member_string(writer, "role", role_of(task->resources, task->n_resources));
    json_key(writer, "statuses");
    json_begin_array(writer);
    for (size_t i = 0; i < task->n_statuses; i++)
        write_status(writer, task->statuses[i]);
    json_end_array(writer);
    json_member_string(writer, "user", task->user);
    if (task->labels != NULL) {
        json_key(writer, "labels");
        write_labels(writer, task->labels);
    }
    write_message(writer, "discovery", task->discovery);
    write_message(writer, "container", task->container);
    write_message(writer, "health_check", task->health_check);
    json_end_object(writer);
}

void write_queued_task(struct json_writer *writer, const Mesos__V1__TaskInfo *task) {
    json_begin_object(writer);
    json_member_string(writer, "id", task->task_id->value);
    json_member_string(writer, "name", task->name);
    json_member_string(writer, "slave_id", task->agent_id->value);
    json_key(writer, "resources");
    write_resource_messages(writer, task->resources, task->n_resources);
    json_member_string(writer, "role", role_of(task->resources, task->n_resources));
    write_message(writer, "command", task->command);
    if (task->executor != NULL)
        json_member_string(writer, "executor_id", task->executor->executor_id->value);
    write_message(writer, "discovery", task->discovery);
    json_end_object(writer);
}
