/* SPDX-License-Identifier: Apache-2.0 */
/* Files on a real disk: the blocking calls that loop_file.c makes, at once or on a pool thread. */
#pragma once

#include "base/error.h"

/* Replace @path by a file with this content, durably: the old content or the new survives a crash. Readable by its
 * owner only, like what upstream checkpoints (state::checkpoint). */
int file_replace(const char *path, const void *data, size_t size, struct error *err);

/* Add to the end of @path, durably; it is created if need be. A failure leaves the file as it was. */
int file_append(const char *path, const void *data, size_t size, struct error *err);

/* Remove @path and everything below it; done if it is not there. Links are removed and not followed, what is mounted
 * below is left alone, which is an error. What can be removed is, even if something else can not be; the first failure
 * is told. */
int file_remove_tree(const char *path, struct error *err);

/* Make the entries of a directory durable. A directory that is gone needs none. */
int directory_sync(const char *path, struct error *err);

/* The directory @path is in; the caller frees. */
char *path_parent(const char *path);

/* "<directory>/.<name>.tmp": what @path is written as before it is renamed; the caller frees. */
char *path_temporary(const char *path);
