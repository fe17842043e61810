/* SPDX-License-Identifier: Apache-2.0 */
/* The files that a daemon shows: /files/browse, /files/read, /files/download and /files/debug, and what the calls
 * LIST_FILES and READ_FILE ask (src/files/files.cpp).
 *
 * A path that is asked for begins with one that is shown, which stands for a real one. What is below it is found by the
 * file system, but nothing is shown that links or ".." reach outside of it. Unlike upstream, browsing leaves out what
 * could not be read for that reason, and what a download of more than a piece says of its length is that it is chunked.
 */
#pragma once

#include "event/env.h"
#include "net/router.h"

/* What is shown besides the log: sandboxes. */
struct files_ops {
    /* The real path that the beginning of @path is shown for, which the caller frees, and the rest of @path. */
    bool (*find)(void *user, const char *path, char **ret_root, const char **ret_rest);
    /* Tell @add each path that is shown and what it stands for. */
    void (*each)(void *user, void (*add)(void *to, const char *shown, const char *root), void *to);
};

struct files {
    struct env *env;
    struct router *router;
    const struct files_ops *ops;
    void *user;
    const char *log_name;
    char *log_path; /* NULL: none */
    struct list downloads;
};

/* Add the routes. @log_path is shown as @log_name ("/master/log", borrowed); NULL: there is no log file. @ops may be
 * NULL. */
void files_init(struct files *files, struct env *env, struct router *router, const char *log_name, const char *log_path,
                const struct files_ops *ops, void *user);
/* Breaks off downloads; the routes are removed. Accepts a zeroed one. */
void files_done(struct files *files);

/* An unsigned number of a call: beyond the largest offset is beyond every file. */
static inline int64_t files_offset(uint64_t value) {
    return value > INT64_MAX ? INT64_MAX : (int64_t)value;
}

/* Both return 0, or the HTTP status to answer with, and in @err what to say. */

/* Tell @add each file of the directory @path, sorted by name; of what is no directory, nothing. */
unsigned files_browse(struct files *files, const char *path,
                      void (*add)(void *user, const char *path, const struct env_file_status *status), void *user,
                      struct error *err);
/* Append to @data up to @length bytes from @offset on, but at most 64 KiB; -1: up to the end. */
unsigned files_read(struct files *files, const char *path, int64_t offset, int64_t length, struct buffer *data,
                    uint64_t *ret_size, struct error *err);
