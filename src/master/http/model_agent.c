/* SPDX-License-Identifier: Apache-2.0 */
#include "master/agent.h"
#include "master/framework.h"
#include "master/http/model.h"
#include "message/json.h"
#include "model/value.h"

static const char *text_or_empty(const char *text) {
    return text == NULL ? "" : text;
}

void model_write_domain(struct json_writer *writer, const Mesos__V1__DomainInfo *domain) {
    MESSAGE_WRITE_JSON(domain, MESSAGE_V0, writer);
}

void model_write_master_info(struct json_writer *writer, const Mesos__V1__MasterInfo *info) {
    json_begin_object(writer);
    json_member_string(writer, "id", info->id);
    json_member_string(writer, "pid", text_or_empty(info->pid));
    json_member_integer(writer, "port", info->port);
    json_member_string(writer, "hostname", text_or_empty(info->hostname));
    if (info->domain != NULL) {
        MODEL_KEY(writer, "domain");
        model_write_domain(writer, info->domain);
    }
    json_end_object(writer);
}

static void write_ranges(struct json_writer *writer, const Mesos__V1__Value__Ranges *message) {
    cleanup_free struct range *items = xcalloc(message->n_range + 1, sizeof(*items));
    cleanup_buffer struct buffer text = BUFFER_INIT;
    struct ranges *ranges;

    for (size_t i = 0; i < message->n_range; i++)
        items[i] = (struct range){message->range[i]->begin, message->range[i]->end};
    ranges = ranges_new(items, message->n_range);
    ranges_format(ranges, &text);
    ranges_release(ranges);
    json_string(writer, buffer_text(&text));
}

static void write_set(struct json_writer *writer, const Mesos__V1__Value__Set *message) {
    cleanup_buffer struct buffer text = BUFFER_INIT;
    struct items *items = items_new((const char *const *)message->item, message->n_item, NULL);

    items_format(items, &text);
    items_release(items);
    json_string(writer, buffer_text(&text));
}

/* {"rack":"r1","n":3.0} */
static void write_attributes(struct json_writer *writer, Mesos__V1__Attribute *const *attributes, size_t count) {
    json_begin_object(writer);
    for (size_t i = 0; i < count; i++) {
        const Mesos__V1__Attribute *attribute = attributes[i];

        json_key_string(writer, attribute->name);
        if (attribute->type == MESOS__V1__VALUE__TYPE__SCALAR)
            json_double(writer, attribute->scalar == NULL ? 0 : attribute->scalar->value);
        else if (attribute->type == MESOS__V1__VALUE__TYPE__RANGES && attribute->ranges != NULL)
            write_ranges(writer, attribute->ranges);
        else if (attribute->type == MESOS__V1__VALUE__TYPE__SET && attribute->set != NULL)
            write_set(writer, attribute->set);
        else
            json_string(writer, attribute->text == NULL ? "" : attribute->text->value);
    }
    json_end_object(writer);
}

static void write_agent_capabilities(struct json_writer *writer, const struct agent *agent) {
    Mesos__V1__AgentInfo__Capability__Type types[MOST_AGENT_CAPABILITIES];
    const size_t count = agent_capability_types(agent, types);

    json_begin_array(writer);
    for (size_t i = 0; i < count; i++)
        json_string(writer, message_value_name(&mesos__v1__agent_info__capability__type__descriptor, (int)types[i],
                                               MESSAGE_V0));
    json_end_array(writer);
}

void model_write_agent_members(struct json_writer *writer, const struct agent *agent) {
    const Mesos__V1__AgentInfo *info = agent->info;
    cleanup_resources struct resources unreserved = RESOURCES_INIT;

    json_member_string(writer, "id", agent->id);
    json_member_string(writer, "hostname", text_or_empty(info->hostname));
    json_member_integer(writer, "port", info->port);
    MODEL_KEY(writer, "attributes");
    write_attributes(writer, info->attributes, info->n_attributes);
    if (info->domain != NULL) {
        MODEL_KEY(writer, "domain");
        model_write_domain(writer, info->domain);
    }
    json_member_string(writer, "pid", agent->pid_text);
    json_member_double(writer, "registered_time", model_seconds(agent->registered_ns));
    if (agent->reregistered_ns != 0)
        json_member_double(writer, "reregistered_time", model_seconds(agent->reregistered_ns));
    MODEL_KEY(writer, "resources");
    model_write_resources(writer, &agent->total);
    MODEL_KEY(writer, "used_resources");
    model_write_resources(writer, &agent->used);
    MODEL_KEY(writer, "offered_resources");
    model_write_resources(writer, &agent->offered);
    MODEL_KEY(writer, "reserved_resources");
    model_write_reservations(writer, &agent->total, false);
    MODEL_KEY(writer, "unreserved_resources");
    resources_unreserved(&agent->total, &unreserved);
    model_write_resources(writer, &unreserved);
    json_member_bool(writer, "active", agent_is_active(agent));
    json_member_bool(writer, "deactivated", agent->is_deactivated);
    json_member_string(writer, "version", text_or_empty(agent->version));
    MODEL_KEY(writer, "capabilities");
    write_agent_capabilities(writer, agent);
}

void model_write_agent_full_resources(struct json_writer *writer, const struct agent *agent) {
    cleanup_resources struct resources unreserved = RESOURCES_INIT;

    MODEL_KEY(writer, "reserved_resources_full");
    model_write_reservations(writer, &agent->total, true);
    MODEL_KEY(writer, "unreserved_resources_full");
    resources_unreserved(&agent->total, &unreserved);
    model_write_full_resources(writer, &unreserved);
    MODEL_KEY(writer, "used_resources_full");
    model_write_full_resources(writer, &agent->used);
    MODEL_KEY(writer, "offered_resources_full");
    model_write_full_resources(writer, &agent->offered);
}

static void write_framework_capabilities(struct json_writer *writer, const Mesos__V1__FrameworkInfo *info) {
    json_begin_array(writer);
    for (size_t i = 0; i < info->n_capabilities; i++) {
        const char *name = message_value_name(&mesos__v1__framework_info__capability__type__descriptor,
                                              (int)info->capabilities[i]->type, MESSAGE_V0);

        json_string(writer, name == NULL ? "UNKNOWN" : name);
    }
    json_end_array(writer);
}

void model_write_framework_summary(struct json_writer *writer, const struct framework *framework) {
    const Mesos__V1__FrameworkInfo *info = framework->info;
    const char *pid = connection_pid_text(&framework->connection);

    json_member_string(writer, "id", framework->id);
    json_member_string(writer, "name", info->name);
    if (pid[0] != '\0')
        json_member_string(writer, "pid", pid);
    MODEL_KEY(writer, "used_resources");
    model_write_resources(writer, &framework->used);
    MODEL_KEY(writer, "offered_resources");
    model_write_resources(writer, &framework->offered);
    MODEL_KEY(writer, "capabilities");
    write_framework_capabilities(writer, info);
    json_member_string(writer, "hostname", text_or_empty(info->hostname));
    json_member_string(writer, "webui_url", text_or_empty(info->webui_url));
    json_member_bool(writer, "active", framework->is_active);
    json_member_bool(writer, "connected", framework_is_connected(framework));
    json_member_bool(writer, "recovered", framework->state == FRAMEWORK_RECOVERED);
}

/* A framework with MULTI_ROLE has roles, any other has a role. */
static void write_roles(struct json_writer *writer, const struct framework *framework) {
    const Mesos__V1__FrameworkInfo *info = framework->info;

    if (!framework->capabilities.multi_role) {
        json_member_string(writer, "role", info->role == NULL ? "*" : info->role);
        return;
    }
    MODEL_KEY(writer, "roles");
    json_begin_array(writer);
    for (size_t i = 0; i < info->n_roles; i++)
        json_string(writer, info->roles[i]);
    json_end_array(writer);
}

void model_write_framework_details(struct json_writer *writer, const struct framework *framework) {
    const Mesos__V1__FrameworkInfo *info = framework->info;
    cleanup_resources struct resources all = RESOURCES_INIT;

    json_member_string(writer, "user", text_or_empty(info->user));
    json_member_double(writer, "failover_timeout", info->has_failover_timeout ? info->failover_timeout : 0);
    json_member_bool(writer, "checkpoint", info->has_checkpoint && info->checkpoint);
    json_member_double(writer, "registered_time", model_seconds(framework->registered_ns));
    json_member_double(writer, "unregistered_time", model_seconds(framework->unregistered_ns));
    json_member_string(writer, "principal", info->principal);
    MODEL_KEY(writer, "resources");
    resources_copy(&all, &framework->used);
    resources_add(&all, &framework->offered);
    model_write_resources(writer, &all);
    /* The first registration counts as a reregistration at the same time, which is not shown. */
    if (framework->reregistered_ns != 0 && framework->reregistered_ns != framework->registered_ns)
        json_member_double(writer, "reregistered_time", model_seconds(framework->reregistered_ns));
    write_roles(writer, framework);
}
