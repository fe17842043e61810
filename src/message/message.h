/* SPDX-License-Identifier: Apache-2.0 */
/* What all messages share: bytes to structs and back, copies, comparison.
 *
 * The structs are those that protoc-c generates from proto/. A decoded message is one arena; a message that lasts is a
 * copy on the heap, freed with MESSAGE_FREE(). Unknown fields survive decoding, copying and encoding. */
#pragma once

#include <protobuf-c/protobuf-c.h>

#include "base/arena.h"
#include "base/buffer.h"

/* Messages may nest so deep; beyond it decoding fails. That of Google's implementation. */
enum { MESSAGE_DEPTH_LIMIT = 100 };

/* Decode @size bytes into @arena. Fails on bytes that are no such message, on nesting beyond the limit, and on required
 * fields that are missing, which the error names ("mesos.v1.TaskInfo: required field 'task_id' is missing"). */
int message_decode(const ProtobufCMessageDescriptor *descriptor, const void *data, size_t size, struct arena *arena,
                   ProtobufCMessage **ret, struct error *err);

/* Append the encoded message. */
void message_encode(const ProtobufCMessage *message, struct buffer *buffer);

/* Whether all required fields are set, at any depth; if not, @err names the first that is not. */
bool message_is_initialized(const ProtobufCMessage *message, struct error *err);

/* A deep copy in @arena, or on the heap if it is NULL. @message must not be NULL. */
ProtobufCMessage *message_copy(const ProtobufCMessage *message, struct arena *arena);

/* Free a message that message_copy() put on the heap. Accepts NULL. */
void message_free(ProtobufCMessage *message);

/* The same type, the same fields set to the same values in the same order. An unset field differs from one that is set
 * to its default. Either may be NULL, which only equals NULL. */
bool message_equal(const ProtobufCMessage *a, const ProtobufCMessage *b);

/* The name of @value, or NULL if the enum has none. */
const char *message_enum_name(const ProtobufCEnumDescriptor *descriptor, int value);

/* The same for a pointer to any generated struct. */
#define MESSAGE_COPY(message) ((void *)message_copy(&(message)->base, NULL))
#define MESSAGE_COPY_TO(message, arena) ((void *)message_copy(&(message)->base, arena))
#define MESSAGE_FREE(message) message_free((ProtobufCMessage *)(message))
#define MESSAGE_ENCODE(message, buffer) message_encode(&(message)->base, buffer)
