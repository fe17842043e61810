/* SPDX-License-Identifier: Apache-2.0 */
/* gzip, whole or piece by piece. */
#pragma once

#include <zlib.h>

#include "base/buffer.h"

/* Append @data compressed, at zlib's fastest level: what it costs delays every other request. */
void gzip_compress(const void *data, size_t size, struct buffer *ret);

/* A gzip stream being read. */
struct gunzip {
    z_stream zlib;
    bool open, ended;
};

void gunzip_init(struct gunzip *gunzip);
void gunzip_done(struct gunzip *gunzip); /* accepts a zeroed one */

/* Decompress @data and append the result to @ret. GUNZIP_TOO_LARGE: @ret would become larger than @limit. What follows
 * the end of the gzip stream is an error. */
enum { GUNZIP_TOO_LARGE = 1 };
int gunzip_feed(struct gunzip *gunzip, const void *data, size_t size, struct buffer *ret, size_t limit,
                struct error *err);
