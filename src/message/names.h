/* SPDX-License-Identifier: Apache-2.0 */
/* What is called otherwise in v0: mesos.v1.AgentID is mesos.SlaveID, agent_id is slave_id. */
#pragma once

#include <protobuf-c/protobuf-c.h>

#include "base/buffer.h"

enum message_names { MESSAGE_V1, MESSAGE_V0 };

/* The v0 name of the field or enum value @name of the message or enum @type ("mesos.v1.Offer"); @name itself, most of
 * the time. */
const char *message_v0_member(const char *type, const char *name);

/* Append the name of a message type: "mesos.v1.AgentID" in v1, "mesos.SlaveID" in v0. */
void message_append_name(const ProtobufCMessageDescriptor *descriptor, enum message_names names, struct buffer *buffer);

/* The name of an enum value, or NULL if it has none. */
const char *message_value_name(const ProtobufCEnumDescriptor *descriptor, int value, enum message_names names);
