/* SPDX-License-Identifier: Apache-2.0 */
/* Records from arbitrary bytes: what comes out must not depend on how they were cut, and must be what its frame said.
 */
#include <stdint.h>

#include "net/recordio.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { LIMIT_BYTES = 10000 };

static bool on_record(void *user, const char *record, size_t size) {
    struct buffer *said = user;

    if (size > LIMIT_BYTES)
        abort();
    recordio_append(said, record, size);
    return true;
}

static int read_all(const uint8_t *data, size_t size, size_t step, struct buffer *said, bool *ret_between) {
    struct recordio_reader reader;
    int result = 0;

    recordio_reader_init(&reader, LIMIT_BYTES);
    for (size_t at = 0; at < size && result == 0; at += step) {
        size_t piece = size - at < step ? size - at : step;
        char *copy = xmemdup(data + at, piece);

        result = recordio_read(&reader, copy, piece, on_record, said, NULL);
        free(copy);
        if (size - at <= step)
            break;
    }
    *ret_between = recordio_is_between_records(&reader);
    recordio_reader_done(&reader);
    return result;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct buffer whole = BUFFER_INIT, cut = BUFFER_INIT;
    bool whole_between, cut_between;

    if (size == 0)
        return 0;
    if (read_all(data + 1, size - 1, SIZE_MAX, &whole, &whole_between) !=
            read_all(data + 1, size - 1, data[0] % 16 + 1, &cut, &cut_between) ||
        whole_between != cut_between || whole.size != cut.size ||
        (whole.size > 0 && memcmp(whole.data, cut.data, cut.size) != 0))
        abort();
    buffer_done(&whole);
    buffer_done(&cut);
    return 0;
}
