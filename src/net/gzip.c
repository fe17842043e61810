/* SPDX-License-Identifier: Apache-2.0 */
#include "net/gzip.h"

#include <stdint.h>

enum { WINDOW_GZIP = 15 + 16, MEMORY_LEVEL = 8, PIECE_BYTES = 16 * 1024 };

void gzip_compress(const void *data, size_t size, struct buffer *ret) {
    z_stream zlib = {0};
    const unsigned char *next = data;
    int code;

    if (deflateInit2(&zlib, Z_BEST_SPEED, Z_DEFLATED, WINDOW_GZIP, MEMORY_LEVEL, Z_DEFAULT_STRATEGY) != Z_OK)
        abort(); /* only for lack of memory */
    do {
        size_t room = PIECE_BYTES;

        if (zlib.avail_in == 0 && size > 0) {
            zlib.next_in = (unsigned char *)(uintptr_t)next;
            zlib.avail_in = size > UINT32_MAX / 2 ? UINT32_MAX / 2 : (unsigned)size;
            next += zlib.avail_in;
            size -= zlib.avail_in;
        }
        zlib.next_out = (unsigned char *)buffer_reserve(ret, room);
        zlib.avail_out = (unsigned)room;
        code = deflate(&zlib, size == 0 ? Z_FINISH : Z_NO_FLUSH);
        buffer_added(ret, room - zlib.avail_out);
    } while (code == Z_OK);
    deflateEnd(&zlib);
    if (code != Z_STREAM_END)
        abort(); /* the arguments are ours, so this can not be */
}

void gunzip_init(struct gunzip *gunzip) {
    *gunzip = (struct gunzip){0};
    if (inflateInit2(&gunzip->zlib, WINDOW_GZIP) != Z_OK)
        abort(); /* only for lack of memory */
    gunzip->open = true;
}

void gunzip_done(struct gunzip *gunzip) {
    if (gunzip->open)
        inflateEnd(&gunzip->zlib);
    *gunzip = (struct gunzip){0};
}

int gunzip_feed(struct gunzip *gunzip, const void *data, size_t size, struct buffer *ret, size_t limit,
                struct error *err) {
    z_stream *zlib = &gunzip->zlib;

    if (size > UINT32_MAX)
        return error_set(err, 0, "a piece of gzip data of more than 4 GiB");
    zlib->next_in = (unsigned char *)(uintptr_t)data;
    zlib->avail_in = (unsigned)size;
    while (zlib->avail_in > 0 || zlib->avail_out == 0) {
        size_t room = PIECE_BYTES;
        int code;

        if (gunzip->ended) {
            if (zlib->avail_in == 0)
                return 0;
            return error_set(err, 0, "bytes after the end of the gzip data");
        }
        zlib->next_out = (unsigned char *)buffer_reserve(ret, room);
        zlib->avail_out = (unsigned)room;
        code = inflate(zlib, Z_NO_FLUSH);
        buffer_added(ret, room - zlib->avail_out);
        if (ret->size > limit)
            return GUNZIP_TOO_LARGE;
        if (code == Z_STREAM_END)
            gunzip->ended = true;
        else if (code == Z_BUF_ERROR && zlib->avail_in == 0)
            return 0;
        else if (code != Z_OK)
            return error_set(err, 0, "broken gzip data: %s", zlib->msg == NULL ? "unknown" : zlib->msg);
    }
    return 0;
}
