/* SPDX-License-Identifier: Apache-2.0 */
/* JSON to messages and back, by descriptor, in the mapping that Mesos has: fields under their own names, enums by name,
 * bytes in base64, 64-bit integers as exact numbers, maps as objects. */
#pragma once

#include "base/json.h"
#include "message/message.h"

/* Whose names: v1 says "agent_id", v0 "slave_id". */
enum message_names { MESSAGE_V1, MESSAGE_V0 };

/* Write @message as an object. Unset fields are left out. */
void message_write_json(const ProtobufCMessage *message, enum message_names names, struct json_writer *writer);

/* Append @message as one line without its newline. */
void message_append_json(const ProtobufCMessage *message, enum message_names names, struct buffer *buffer);

/* Parse one object that makes up all of @text. Unknown members are ignored. The error names what is wrong and where. */
int message_parse_json(const ProtobufCMessageDescriptor *descriptor, const char *text, size_t size,
                       enum message_names names, struct arena *arena, ProtobufCMessage **ret, struct error *err);
