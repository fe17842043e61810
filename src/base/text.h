/* SPDX-License-Identifier: Apache-2.0 */
/* Text in its common encodings: UTF-8, base64, hexadecimal, percent-escapes, numbers; lists of words. */
#pragma once

#include <stdint.h>

#include "base/buffer.h"

bool text_starts_with(const char *text, const char *prefix);
bool text_ends_with(const char *text, const char *suffix);
bool utf8_is_valid(const char *text, size_t size);
/* The bytes of the UTF-8 sequence that @text (@size > 0 bytes) begins with; 0 if it is none: cut short, overlong, a
 * surrogate or beyond U+10FFFF. */
size_t utf8_sequence_size(const char *text, size_t size);

void base64_append(struct buffer *buffer, const void *data, size_t size);
/* Standard alphabet with padding; white space is an error. */
int base64_decode(const char *text, size_t size, struct buffer *ret, struct error *err);

void hex_append(struct buffer *buffer, const void *data, size_t size);

/* Decode %XX (and '+' as a space if @plus). A broken escape is an error that shows it; so is a NUL. */
int percent_decode(const char *text, size_t size, bool plus, struct buffer *ret, struct error *err);
/* Escape everything but letters, digits and "-._~". */
void percent_encode(struct buffer *buffer, const char *text);

/* Whole text must be a number in range. */
int integer_parse(const char *text, int64_t least, int64_t most, int64_t *ret, struct error *err);
int double_parse(const char *text, double *ret, struct error *err); /* finite */

/* Split at any character of @separators, dropping empty parts; a NULL-terminated array freed with text_list_free(). */
char **text_split(const char *text, const char *separators);
size_t text_list_count(char *const *list);
void text_list_free(char **list);

/* "a/b" from "a" and "b"; the caller frees. */
char *path_join(const char *a, const char *b);
/* The part after the last slash; points into @path. */
const char *path_base(const char *path);
/* Whether @name can be one component of a path: not empty, "." or "..", no '/' and no control characters, at most 255
 * bytes. */
bool path_is_component(const char *name);

/* Constant-time comparison for secrets. */
bool secret_equal(const void *a, size_t a_size, const void *b, size_t b_size);

/* A UUID's 16 bytes to and from "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx" (37 bytes with the NUL). */
void uuid_format(const uint8_t uuid[16], char text[37]);
int uuid_parse(const char *text, uint8_t ret_uuid[16], struct error *err);

/* "Tue, 24 Nov 2026 18:30:00 GMT", as HTTP has it; @seconds since the epoch; 30 bytes with the NUL. */
void http_date_format(int64_t seconds, char text[30]);
