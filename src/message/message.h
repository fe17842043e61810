/* SPDX-License-Identifier: Apache-2.0 */
/* What all messages share: bytes to structs and back, copies, comparison.
 *
 * The structs are those that protoc-c generates from proto/; v0, v1 and the wire between master and agent use the same
 * ones (message/v0.h has the few differences). A decoded message is one arena; a message that lasts is a copy on the
 * heap, freed with MESSAGE_FREE(). Unknown fields survive decoding, copying and encoding.
 *
 * An optional string is unset if it is NULL or the default itself, which the INIT macros put there. */
#pragma once

#include <protobuf-c/protobuf-c.h>

#include "base/arena.h"
#include "base/buffer.h"

/* Messages may nest so deep; beyond it decoding fails. That of Google's implementation. */
enum { MESSAGE_DEPTH_LIMIT = 100 };

/* Decode @size bytes into @arena. Fails on bytes that are no such message, on nesting beyond the limit, on strings that
 * hold a NUL (C strings can not), and on required fields that are missing, which the error names ("mesos.v1.TaskInfo:
 * required field 'task_id.value' is missing"); err->code is EBADMSG.
 *
 * Otherwise as Google's implementation does for proto2: strings need not be UTF-8, fields of an unexpected wire type
 * are unknown fields, and so are enum values that have no name, whose field is then unset. One rule is stricter: if a
 * message field that is not repeated occurs twice, its parts are merged, but each must have its required fields.
 * Of map entries with the same key the last one counts. */
int message_decode(const ProtobufCMessageDescriptor *descriptor, const void *data, size_t size, struct arena *arena,
                   ProtobufCMessage **ret, struct error *err);

/* Append the encoded message. */
void message_encode(const ProtobufCMessage *message, struct buffer *buffer);

/* The bytes that message_encode() will append. */
size_t message_size(const ProtobufCMessage *message);

/* Whether all required fields are set, at any depth, as far as the structs can tell: numbers and bytes always are. If
 * not, @err names the first that is not. */
bool message_is_initialized(const ProtobufCMessage *message, struct error *err);

/* A deep copy in @arena, or on the heap if that is NULL. @message must not be NULL.
 *
 * A copy is one block of memory, whatever is in it: only the whole can be freed. Numbers in it may be changed, and
 * pointers may be redirected to memory that somebody else owns. */
ProtobufCMessage *message_copy(const ProtobufCMessage *message, struct arena *arena);

/* Free what message_copy() put on the heap. Accepts NULL. */
void message_free(ProtobufCMessage *message);

/* Whether both have the same type and the same fields set to the same values, unknown fields included. The order of
 * repeated fields matters, and that of map entries. An unset field differs from one that is set to its default. Either
 * may be NULL, which only equals NULL. */
bool message_equal(const ProtobufCMessage *a, const ProtobufCMessage *b);

/* The v1 name of @value, or NULL if the enum has none. */
const char *message_enum_name(const ProtobufCEnumDescriptor *descriptor, int value);

/* The same for a pointer to any generated struct. */
#define MESSAGE_COPY(message) ((void *)message_copy(&(message)->base, NULL))
#define MESSAGE_COPY_TO(message, arena) ((void *)message_copy(&(message)->base, arena))
#define MESSAGE_FREE(message) message_free((ProtobufCMessage *)(message))
#define MESSAGE_ENCODE(message, buffer) message_encode(&(message)->base, buffer)
#define MESSAGE_SIZE(message) message_size(&(message)->base)
#define MESSAGE_EQUAL(a, b) message_equal((const ProtobufCMessage *)(a), (const ProtobufCMessage *)(b))
/* @ret points to a pointer to the struct that @descriptor describes. */
#define MESSAGE_DECODE(descriptor, data, size, arena, ret, err) \
    message_decode(descriptor, data, size, arena, (ProtobufCMessage **)(void *)(ret), err)
