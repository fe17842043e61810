/* SPDX-License-Identifier: Apache-2.0 */
#include "net/recordio.h"

#include <stdint.h>
#include <stdio.h>

/* Digits of the longest length: 2^64 has 20. */
enum { LENGTH_DIGITS = 20 };

void recordio_append(struct buffer *buffer, const void *data, size_t size) {
    char length[LENGTH_DIGITS + 2];
    int digits = snprintf(length, sizeof(length), "%zu\n", size);

    buffer_reserve(buffer, (size_t)digits + size);
    buffer_append(buffer, length, (size_t)digits);
    buffer_append(buffer, data, size);
}

void recordio_reader_init(struct recordio_reader *reader, size_t limit) {
    *reader = (struct recordio_reader){.limit = limit};
}

void recordio_reader_done(struct recordio_reader *reader) {
    if (reader == NULL)
        return;
    buffer_done(&reader->buffer);
    *reader = (struct recordio_reader){0};
}

/* Take the digits and newline of a length from the front of *@data. */
static int read_length(struct recordio_reader *reader, const char **data, size_t *size, struct error *err) {
    while (*size > 0 && !reader->in_record) {
        char c = **data;

        ++*data;
        --*size;
        if (c == '\n' && reader->buffer.size > 0) {
            reader->in_record = true;
            buffer_clear(&reader->buffer);
        } else if (c < '0' || c > '9' || reader->buffer.size == LENGTH_DIGITS) {
            reader->failed = true;
            return error_set(err, 0, "a record's length is not a number");
        } else {
            /* The digits are kept only to be counted. */
            buffer_append_char(&reader->buffer, c);
            if (reader->expected > (SIZE_MAX - 9) / 10 ||
                (reader->expected = reader->expected * 10 + (size_t)(c - '0')) > reader->limit) {
                reader->failed = true;
                return error_set(err, 0, "a record is larger than the limit of %zu bytes", reader->limit);
            }
        }
    }
    return 0;
}

int recordio_read(struct recordio_reader *reader, const void *data, size_t size,
                  bool (*on_record)(void *user, const char *record, size_t size), void *user, struct error *err) {
    const char *next = data;

    if (reader->failed)
        return error_set(err, 0, "the stream of records is broken");
    while (size > 0 || (reader->in_record && reader->expected == 0)) {
        size_t expected = reader->expected;

        if (!reader->in_record) {
            if (read_length(reader, &next, &size, err) < 0)
                return -1;
            continue;
        }
        if (reader->buffer.size == 0 && size >= expected) {
            /* The whole record is here: no need to copy it. */
            reader->in_record = false;
            reader->expected = 0;
            next += expected;
            size -= expected;
            if (!on_record(user, next - expected, expected))
                return 0;
        } else {
            size_t missing = expected - reader->buffer.size, piece = size < missing ? size : missing;

            buffer_append(&reader->buffer, next, piece);
            next += piece;
            size -= piece;
            if (reader->buffer.size == expected) {
                cleanup_buffer struct buffer record = BUFFER_INIT;

                /* Taken out first: the callback may free the reader's owner, or reset it. */
                buffer_swap(&record, &reader->buffer);
                reader->in_record = false;
                reader->expected = 0;
                if (!on_record(user, record.data, expected))
                    return 0;
            }
        }
    }
    return 0;
}

bool recordio_is_between_records(const struct recordio_reader *reader) {
    return !reader->in_record && reader->buffer.size == 0;
}
