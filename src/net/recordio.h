/* SPDX-License-Identifier: Apache-2.0 */
/* RecordIO: records in a stream as "<decimal length>\n<bytes>". Bytes in, records out; no descriptor inside. */
#pragma once

#include "base/buffer.h"

/* Append the frame of one record. */
void recordio_append(struct buffer *buffer, const void *data, size_t size);

struct recordio_reader {
    struct buffer buffer; /* of the unfinished record */
    size_t limit;         /* of one record's size */
    size_t expected;
    bool in_record;
    bool failed;
};

void recordio_reader_init(struct recordio_reader *reader, size_t limit);
void recordio_reader_done(struct recordio_reader *reader);

/* Take more bytes and call @on_record for each record that they complete; if it returns false, what is left is dropped
 * and 0 is returned. A length that is not a number, negative or above the limit is an error, after which nothing more
 * is taken. */
int recordio_read(struct recordio_reader *reader, const void *data, size_t size,
                  bool (*on_record)(void *user, const char *record, size_t size), void *user, struct error *err);
/* Whether the stream may end here. */
bool recordio_is_between_records(const struct recordio_reader *reader);
