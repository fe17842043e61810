/* SPDX-License-Identifier: Apache-2.0 */
#include "base/json.h"

#include <math.h>
#include <stdio.h>

#include "base/number.h"
#include "base/text.h"

void json_init(struct json_writer *writer, struct buffer *buffer) {
    *writer = (struct json_writer){.buffer = buffer};
}

/* Room for a comma and @size bytes of a value; the comma is written. What is put at the returned place is made part of
 * the text by finish_value(). */
static inline char *begin_value(struct json_writer *writer, size_t size) {
    struct buffer *buffer = writer->buffer;
    char *out = buffer->capacity - buffer->size > size ? buffer->data + buffer->size : buffer_reserve(buffer, size + 1);

    if (writer->needs_comma)
        *out++ = ',';
    return out;
}

static inline void finish_value(struct json_writer *writer, const char *end) {
    writer->buffer->size = (size_t)(end - writer->buffer->data);
    writer->needs_comma = true;
}

static void open_with(struct json_writer *writer, char bracket) {
    char *out = begin_value(writer, 1);

    *out++ = bracket;
    finish_value(writer, out);
    writer->needs_comma = false;
}

static void close_with(struct json_writer *writer, char bracket) {
    buffer_append_char(writer->buffer, bracket);
    writer->needs_comma = true;
}

void json_begin_object(struct json_writer *writer) {
    open_with(writer, '{');
}

void json_end_object(struct json_writer *writer) {
    close_with(writer, '}');
}

void json_begin_array(struct json_writer *writer) {
    open_with(writer, '[');
}

void json_end_array(struct json_writer *writer) {
    close_with(writer, ']');
}

void json_key_sized(struct json_writer *writer, const char *name, size_t size) {
    char *out = begin_value(writer, size + 3);

    *out++ = '"';
    memcpy(out, name, size);
    out += size;
    *out++ = '"';
    *out++ = ':';
    finish_value(writer, out);
    writer->needs_comma = false;
}

void json_key(struct json_writer *writer, const char *name) {
    json_key_sized(writer, name, strlen(name));
}

void json_key_string(struct json_writer *writer, const char *name) {
    json_string(writer, name);
    buffer_append_char(writer->buffer, ':');
    writer->needs_comma = false;
}

#define EACH_BYTE(value) (UINT64_C(0x0101010101010101) * (value))

/* Non-zero if a byte of @word is below 0x20, a quote, a backslash or beyond ASCII. */
static inline uint64_t special_bytes(uint64_t word) {
    uint64_t quote = word ^ EACH_BYTE('"'), backslash = word ^ EACH_BYTE('\\');

    return (((word - EACH_BYTE(0x20)) & ~word) | ((quote - EACH_BYTE(1)) & ~quote) |
            ((backslash - EACH_BYTE(1)) & ~backslash) | word) &
           EACH_BYTE(0x80);
}

static inline bool is_plain(unsigned char c) {
    return c >= 0x20 && c < 0x80 && c != '"' && c != '\\';
}

/* The number of bytes at @text that can be copied as they are. */
static size_t plain_bytes(const char *text, size_t size) {
    size_t i = 0;

    for (; i + 8 <= size; i += 8) {
        uint64_t word;

        memcpy(&word, text + i, 8);
        if (special_bytes(word) != 0)
            break;
    }
    while (i < size && is_plain((unsigned char)text[i]))
        i++;
    return i;
}

static void append_escape(struct buffer *buffer, unsigned char c) {
    static const char digits[] = "0123456789ABCDEF";
    char *out = buffer_reserve(buffer, 6);
    char letter = c == '"' || c == '\\' ? (char)c
                  : c == '\b'           ? 'b'
                  : c == '\f'           ? 'f'
                  : c == '\n'           ? 'n'
                  : c == '\r'           ? 'r'
                  : c == '\t'           ? 't'
                                        : 'u';

    out[0] = '\\';
    out[1] = letter;
    if (letter == 'u') {
        out[2] = out[3] = '0';
        out[4] = digits[c >> 4];
        out[5] = digits[c & 15];
    }
    buffer_added(buffer, letter == 'u' ? 6 : 2);
}

void json_string_sized(struct json_writer *writer, const char *string, size_t size) {
    struct buffer *buffer = writer->buffer;
    char *out = begin_value(writer, size + 2);

    *out++ = '"';
    finish_value(writer, out);
    while (size > 0) {
        size_t length = plain_bytes(string, size);

        buffer_append(buffer, string, length);
        string += length;
        size -= length;
        if (size == 0)
            break;
        if ((unsigned char)*string < 0x80) {
            append_escape(buffer, (unsigned char)*string);
            length = 1;
        } else {
            length = utf8_sequence_size(string, size);
            if (length > 0)
                buffer_append(buffer, string, length);
            else
                buffer_append(buffer, "\xEF\xBF\xBD", 3);
            length = length > 0 ? length : 1;
        }
        string += length;
        size -= length;
    }
    buffer_append_char(buffer, '"');
}

void json_string(struct json_writer *writer, const char *string) {
    json_string_sized(writer, string, strlen(string));
}

void json_integer(struct json_writer *writer, int64_t value) {
    char *out = begin_value(writer, NUMBER_TEXT_BYTES);

    finish_value(writer, number_put_integer(out, value));
}

void json_unsigned(struct json_writer *writer, uint64_t value) {
    char *out = begin_value(writer, NUMBER_TEXT_BYTES);

    finish_value(writer, number_put_unsigned(out, value));
}

void json_double(struct json_writer *writer, double value) {
    char *out;

    /* Mesos writes them without quotes, which is no JSON; it reads infinite ones in quotes. */
    if (isinf(value)) {
        json_string(writer, value > 0 ? "Infinity" : "-Infinity");
        return;
    }
    if (isnan(value)) {
        json_null(writer);
        return;
    }
    out = begin_value(writer, NUMBER_TEXT_BYTES);
    finish_value(writer, number_put_double(out, value));
}

void json_raw(struct json_writer *writer, const char *text, size_t size) {
    char *out = begin_value(writer, size);

    memcpy(out, text, size);
    finish_value(writer, out + size);
}

void json_bool(struct json_writer *writer, bool value) {
    json_raw(writer, value ? "true" : "false", value ? 4 : 5);
}

void json_null(struct json_writer *writer) {
    json_raw(writer, "null", 4);
}

void json_base64(struct json_writer *writer, const void *data, size_t size) {
    char *out = begin_value(writer, 2 + (size + 2) / 3 * 4);

    *out++ = '"';
    finish_value(writer, out);
    base64_append(writer->buffer, data, size);
    buffer_append_char(writer->buffer, '"');
}

void json_member_string(struct json_writer *writer, const char *name, const char *value) {
    if (value == NULL)
        return;
    json_key(writer, name);
    json_string(writer, value);
}

void json_member_integer(struct json_writer *writer, const char *name, int64_t value) {
    json_key(writer, name);
    json_integer(writer, value);
}

void json_member_double(struct json_writer *writer, const char *name, double value) {
    json_key(writer, name);
    json_double(writer, value);
}

void json_member_bool(struct json_writer *writer, const char *name, bool value) {
    json_key(writer, name);
    json_bool(writer, value);
}
