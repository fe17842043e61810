/* SPDX-License-Identifier: Apache-2.0 */
/* Files on a real disk: the blocking calls that loop_file.c makes, at once or on a pool thread. */
#pragma once

#include <stdint.h>

#include "base/error.h"

/* One file to be replaced, or appended to and created if need be. */
struct file_write {
    const char *path;
    const void *data;
    size_t size;
    bool is_append;
    bool is_unsynced;         /* bytes appended to a file that is there need not be durable */
    const char **directories; /* that are to be durable as well, besides the one @path is in */
    size_t directory_count;
    struct error error; /* what went wrong with it, as does a directory of it; no message: nothing */

    int fd; /* private, as what follows */
    int64_t size_before;
    bool is_new;
    char *parent;
};

/* Do all of them, durably if not said otherwise, and sync each directory once. A replaced file has the old content or
 * the new one after a crash, and is readable by its owner only, like what upstream checkpoints (state::checkpoint). A
 * failed append leaves its file as it was. No two may have the same path. */
void file_write_all(struct file_write *const writes[], size_t count);

/* Replace one file: file_write_all() of one. */
int file_replace(const char *path, const void *data, size_t size, struct error *err);

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
