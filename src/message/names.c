/* SPDX-License-Identifier: Apache-2.0 */
#include "message/names.h"

#include <string.h>

#include "base/text.h"

/* The fields and enum values that v0 gives another name, by type. All other names are the same, even where one would
 * expect "slave": what came late to Mesos says "agent" in both. */
static const struct {
    const char *type, *v1, *v0;
} members[] = {
    {"mesos.v1.InverseOffer", "agent_id", "slave_id"},
    {"mesos.v1.Offer", "agent_id", "slave_id"},
    {"mesos.v1.Operation", "agent_id", "slave_id"},
    {"mesos.v1.OperationStatus", "agent_id", "slave_id"},
    {"mesos.v1.Request", "agent_id", "slave_id"},
    {"mesos.v1.Task", "agent_id", "slave_id"},
    {"mesos.v1.TaskInfo", "agent_id", "slave_id"},
    {"mesos.v1.TaskStatus", "agent_id", "slave_id"},
    {"mesos.v1.TaskStatus.Reason", "REASON_AGENT_DISCONNECTED", "REASON_SLAVE_DISCONNECTED"},
    {"mesos.v1.TaskStatus.Reason", "REASON_AGENT_DRAINING", "REASON_SLAVE_DRAINING"},
    {"mesos.v1.TaskStatus.Reason", "REASON_AGENT_REMOVED", "REASON_SLAVE_REMOVED"},
    {"mesos.v1.TaskStatus.Reason", "REASON_AGENT_REMOVED_BY_OPERATOR", "REASON_SLAVE_REMOVED_BY_OPERATOR"},
    {"mesos.v1.TaskStatus.Reason", "REASON_AGENT_REREGISTERED", "REASON_SLAVE_REREGISTERED"},
    {"mesos.v1.TaskStatus.Reason", "REASON_AGENT_RESTARTED", "REASON_SLAVE_RESTARTED"},
    {"mesos.v1.TaskStatus.Reason", "REASON_AGENT_UNKNOWN", "REASON_SLAVE_UNKNOWN"},
    {"mesos.v1.TaskStatus.Source", "SOURCE_AGENT", "SOURCE_SLAVE"},
    {"mesos.v1.agent.Response.GetAgent", "agent_info", "slave_info"},
    {"mesos.v1.executor.Event.Subscribed", "agent_info", "slave_info"},
    {"mesos.v1.master.Call.CreateVolumes", "agent_id", "slave_id"},
    {"mesos.v1.master.Call.DeactivateAgent", "agent_id", "slave_id"},
    {"mesos.v1.master.Call.DestroyVolumes", "agent_id", "slave_id"},
    {"mesos.v1.master.Call.DrainAgent", "agent_id", "slave_id"},
    {"mesos.v1.master.Call.GrowVolume", "agent_id", "slave_id"},
    {"mesos.v1.master.Call.MarkAgentGone", "agent_id", "slave_id"},
    {"mesos.v1.master.Call.ReactivateAgent", "agent_id", "slave_id"},
    {"mesos.v1.master.Call.ReserveResources", "agent_id", "slave_id"},
    {"mesos.v1.master.Call.ShrinkVolume", "agent_id", "slave_id"},
    {"mesos.v1.master.Call.UnreserveResources", "agent_id", "slave_id"},
    {"mesos.v1.master.Response.GetExecutors.Executor", "agent_id", "slave_id"},
    {"mesos.v1.scheduler.Call.Acknowledge", "agent_id", "slave_id"},
    {"mesos.v1.scheduler.Call.AcknowledgeOperationStatus", "agent_id", "slave_id"},
    {"mesos.v1.scheduler.Call.Kill", "agent_id", "slave_id"},
    {"mesos.v1.scheduler.Call.Message", "agent_id", "slave_id"},
    {"mesos.v1.scheduler.Call.Reconcile.Task", "agent_id", "slave_id"},
    {"mesos.v1.scheduler.Call.ReconcileOperations.Operation", "agent_id", "slave_id"},
    {"mesos.v1.scheduler.Call.Shutdown", "agent_id", "slave_id"},
    {"mesos.v1.scheduler.Event.Failure", "agent_id", "slave_id"},
    {"mesos.v1.scheduler.Event.Message", "agent_id", "slave_id"},
};

const char *message_v0_member(const char *type, const char *name) {
    for (size_t i = 0; i < ARRAY_SIZE(members); i++)
        if (strcmp(members[i].v1, name) == 0 && strcmp(members[i].type, type) == 0)
            return members[i].v0;
    return name;
}

void message_append_name(const ProtobufCMessageDescriptor *descriptor, enum message_names names,
                         struct buffer *buffer) {
    static const char v1[] = "mesos.v1.", agent[] = "Agent";
    const char *rest = descriptor->name;

    if (names == MESSAGE_V1 || !text_starts_with(rest, v1)) {
        buffer_append_string(buffer, rest);
        return;
    }
    rest += strlen(v1);
    buffer_append_string(buffer, "mesos.");
    /* Only AgentID and AgentInfo, with what is in it, had another name. */
    if (text_starts_with(rest, "AgentI")) {
        buffer_append_string(buffer, "Slave");
        rest += strlen(agent);
    }
    buffer_append_string(buffer, rest);
}

const char *message_value_name(const ProtobufCEnumDescriptor *descriptor, int value, enum message_names names) {
    const ProtobufCEnumValue *found = protobuf_c_enum_descriptor_get_value(descriptor, value);

    if (found == NULL)
        return NULL;
    return names == MESSAGE_V1 ? found->name : message_v0_member(descriptor->name, found->name);
}
