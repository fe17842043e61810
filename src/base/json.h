/* SPDX-License-Identifier: Apache-2.0 */
/* A streaming JSON writer: text goes straight into a buffer, no tree is built. Commas are put by the writer. */
#pragma once

#include <stdint.h>

#include "base/buffer.h"

struct json_writer {
    struct buffer *buffer; /* borrowed; appended to */
    bool needs_comma;
};

void json_init(struct json_writer *writer, struct buffer *buffer);

void json_begin_object(struct json_writer *writer);
void json_end_object(struct json_writer *writer);
void json_begin_array(struct json_writer *writer);
void json_end_array(struct json_writer *writer);

/* The name of the next value. @name must need no escapes; json_key_string() takes any. */
void json_key(struct json_writer *writer, const char *name);
void json_key_sized(struct json_writer *writer, const char *name, size_t size);
void json_key_string(struct json_writer *writer, const char *name);

/* Bytes that are not UTF-8 are written as U+FFFD, so that the text is always valid. */
void json_string(struct json_writer *writer, const char *string);
void json_string_sized(struct json_writer *writer, const char *string, size_t size);
void json_integer(struct json_writer *writer, int64_t value);
void json_unsigned(struct json_writer *writer, uint64_t value);
/* The shortest decimal that reads back as the same double; whole numbers as "3.0", as Mesos prints them.
 * Those that JSON has no form for are written as "Infinity", "-Infinity" and null. */
void json_double(struct json_writer *writer, double value);
void json_bool(struct json_writer *writer, bool value);
void json_null(struct json_writer *writer);
/* Standard base64 in quotes. */
void json_base64(struct json_writer *writer, const void *data, size_t size);
/* @text is a complete JSON value already. */
void json_raw(struct json_writer *writer, const char *text, size_t size);

/* Shorthands for an object's member. A NULL string is left out. */
void json_member_string(struct json_writer *writer, const char *name, const char *value);
void json_member_integer(struct json_writer *writer, const char *name, int64_t value);
void json_member_double(struct json_writer *writer, const char *name, double value);
void json_member_bool(struct json_writer *writer, const char *name, bool value);
