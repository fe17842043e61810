/* SPDX-License-Identifier: Apache-2.0 */
#include "message/names.h"

#include <string.h>

struct name_pair {
    const char *v1, *v0;
};

static const struct name_pair fields[] = {{"agent_id", "slave_id"}, {"agent_info", "slave_info"}};

static const struct name_pair values[] = {
    {"REASON_AGENT_DISCONNECTED", "REASON_SLAVE_DISCONNECTED"},
    {"REASON_AGENT_DRAINING", "REASON_SLAVE_DRAINING"},
    {"REASON_AGENT_REMOVED", "REASON_SLAVE_REMOVED"},
    {"REASON_AGENT_REMOVED_BY_OPERATOR", "REASON_SLAVE_REMOVED_BY_OPERATOR"},
    {"REASON_AGENT_REREGISTERED", "REASON_SLAVE_REREGISTERED"},
    {"REASON_AGENT_RESTARTED", "REASON_SLAVE_RESTARTED"},
    {"REASON_AGENT_UNKNOWN", "REASON_SLAVE_UNKNOWN"},
    {"SOURCE_AGENT", "SOURCE_SLAVE"},
};

/* Messages whose v0 form says agent as well. */
static const char *const same_in_both[] = {"mesos.v1.master.Event.AgentRemoved",
                                           "mesos.v1.master.Response.GetAgents.Agent"};

static bool is_same_in_both(const ProtobufCMessageDescriptor *message) {
    for (size_t i = 0; i < ARRAY_SIZE(same_in_both); i++)
        if (strcmp(message->name, same_in_both[i]) == 0)
            return true;
    return false;
}

static const char *to_v0(const struct name_pair *pairs, size_t count, const char *name) {
    for (size_t i = 0; i < count; i++)
        if (strcmp(pairs[i].v1, name) == 0)
            return pairs[i].v0;
    return name;
}

/* NULL if @name is a name of v1 alone. */
static const char *to_v1(const struct name_pair *pairs, size_t count, const char *name) {
    for (size_t i = 0; i < count; i++) {
        if (strcmp(pairs[i].v0, name) == 0)
            return pairs[i].v1;
        if (strcmp(pairs[i].v1, name) == 0)
            return NULL;
    }
    return name;
}

const char *names_field(const ProtobufCMessageDescriptor *message, const ProtobufCFieldDescriptor *field,
                        enum message_names names) {
    if (names == MESSAGE_V1 || field->name[0] != 'a' || is_same_in_both(message))
        return field->name;
    return to_v0(fields, ARRAY_SIZE(fields), field->name);
}

const ProtobufCFieldDescriptor *names_find_field(const ProtobufCMessageDescriptor *message, const char *name,
                                                 enum message_names names) {
    if (names == MESSAGE_V0 && !is_same_in_both(message))
        name = to_v1(fields, ARRAY_SIZE(fields), name);
    return name == NULL ? NULL : protobuf_c_message_descriptor_get_field_by_name(message, name);
}

const char *names_enum(const ProtobufCEnumDescriptor *descriptor, int value, enum message_names names) {
    const char *name = message_enum_name(descriptor, value);

    return name == NULL || names == MESSAGE_V1 ? name : to_v0(values, ARRAY_SIZE(values), name);
}

const ProtobufCEnumValue *names_find_enum(const ProtobufCEnumDescriptor *descriptor, const char *name,
                                          enum message_names names) {
    if (names == MESSAGE_V0)
        name = to_v1(values, ARRAY_SIZE(values), name);
    return name == NULL ? NULL : protobuf_c_enum_descriptor_get_value_by_name(descriptor, name);
}
