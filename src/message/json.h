/* SPDX-License-Identifier: Apache-2.0 */
/* JSON to messages and back, by descriptor, in the mapping that Mesos has [stout/protobuf.hpp].
 *
 * Fields are members under their own names; enums are written by name, bytes in standard base64, 64-bit integers as
 * exact numbers, doubles with a point or an exponent, maps as objects. */
#pragma once

#include "base/json.h"
#include "message/message.h"
#include "message/names.h"

/* Objects and arrays may nest so deep in what is read. */
enum { MESSAGE_JSON_DEPTH_LIMIT = 200 };

/* Write @message as an object, its fields in the order in which the .proto declares them. Unset fields are left out,
 * but for those with an explicit default that are not deprecated: they are written with it. Repeated fields and maps
 * are left out if empty. Strings that are not UTF-8 are repaired with U+FFFD. Unknown fields are not written. */
void message_write_json(const ProtobufCMessage *message, enum message_names names, struct json_writer *writer);

/* Append @message as one line without its newline. */
void message_append_json(const ProtobufCMessage *message, enum message_names names, struct buffer *buffer);

/* Parse one object that makes up all of @text (which needs no NUL at its end). What is read, in the order of RFC 8259:
 *
 *  - Members whose name is not a field's are ignored, and so is null. Of members with the same name the last counts.
 *  - A name that an enum does not have leaves the field unset, unless it is required: as Mesos does, so that a newer
 *    peer is understood.
 *  - Numbers may be quoted, and so may booleans. A number for an integer field loses its fraction. Numbers out of the
 *    range of their field are refused; infinite ones are "Infinity" and "-Infinity", in quotes.
 *  - A repeated field may be given without an array if it has one element.
 *
 * If it fails, err->code is EBADMSG if @text is not JSON ("syntax error at line 2: …"), nested too deep or not UTF-8,
 * and EINVAL if it is JSON but no such message; the error then names the field ("task_infos[0].name: …"), or all
 * required fields that are missing (the first ten). */
int message_parse_json(const ProtobufCMessageDescriptor *descriptor, const char *text, size_t size,
                       enum message_names names, struct arena *arena, ProtobufCMessage **ret, struct error *err);

#define MESSAGE_WRITE_JSON(message, names, writer) message_write_json(&(message)->base, names, writer)
#define MESSAGE_APPEND_JSON(message, names, buffer) message_append_json(&(message)->base, names, buffer)
/* @ret points to a pointer to the struct that @descriptor describes. */
#define MESSAGE_PARSE_JSON(descriptor, text, size, names, arena, ret, err) \
    message_parse_json(descriptor, text, size, names, arena, (ProtobufCMessage **)(void *)(ret), err)

/* Parse one object whose members are all strings, and call @on_member for each, in order; the strings are valid during
 * the call. Fails as message_parse_json() does, perhaps after some calls. */
int json_parse_strings(const char *text, size_t size,
                       void (*on_member)(void *user, const char *name, const char *value), void *user,
                       struct error *err);
