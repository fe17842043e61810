/* SPDX-License-Identifier: Apache-2.0 */
/* Where v0 says "slave" and v1 "agent": the only names in which the two differ. */
#pragma once

#include "message/json.h"

/* The name of @field of a message in @names. */
const char *names_field(const ProtobufCMessageDescriptor *message, const ProtobufCFieldDescriptor *field,
                        enum message_names names);
/* The field called @name (@size bytes) in @names, or NULL. */
const ProtobufCFieldDescriptor *names_find_field(const ProtobufCMessageDescriptor *message, const char *name,
                                                 enum message_names names);
/* The name of an enum's value, NULL if it has none. */
const char *names_enum(const ProtobufCEnumDescriptor *descriptor, int value, enum message_names names);
/* The value called @name, or NULL. */
const ProtobufCEnumValue *names_find_enum(const ProtobufCEnumDescriptor *descriptor, const char *name,
                                          enum message_names names);
