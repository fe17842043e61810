/* SPDX-License-Identifier: Apache-2.0 */
/* The world as an actor sees it: clock, random numbers, timers, streams and files.
 *
 * Two of them exist: the real one over libuv (event/loop.h) and a node of the simulated cluster (event/sim.h), whose
 * time, network and disks are driven by a seed. All functions are called on the one thread that runs the env, and every
 * callback comes from its loop, never from inside the call that began the operation. */
#pragma once

#include <stdint.h>

#include "base/buffer.h"
#include "base/duration.h"
#include "base/heap.h"
#include "event/stream.h"

struct env_ops;
struct env_timer;

/* The common head of both kinds. */
struct env {
    const struct env_ops *ops;
    struct heap timers; /* of struct env_timer, by due time */
};

/* Time and chance */

/* Nanoseconds that only grow; the start is arbitrary. Constant during one callback. */
int64_t env_now(struct env *env);
/* Nanoseconds since 1970-01-01 UTC. */
int64_t env_wall_clock(struct env *env);
void env_random_bytes(struct env *env, void *bytes, size_t size);
uint64_t env_random(struct env *env);
/* Uniform in [0, 1). */
double env_random_fraction(struct env *env);
/* A random part of @most_ns, for those who should not all come at once. */
int64_t env_random_pause(struct env *env, int64_t most_ns);
/* A version 4 UUID: 16 bytes, and as text (36 characters and a NUL). */
#define UUID_BYTES 16
#define UUID_TEXT_BYTES 37
void env_random_uuid(struct env *env, uint8_t ret_uuid[UUID_BYTES]);
const char *env_random_uuid_text(struct env *env, char text[UUID_TEXT_BYTES]);

/* Timers: embedded in their owner, fire once unless started again. */
struct env_timer {
    struct heap_member member;
    struct env *env;
    void (*on_fire)(struct env_timer *timer);
};

void env_timer_init(struct env_timer *timer, struct env *env, void (*on_fire)(struct env_timer *timer));
/* Fire after @delay_ns (at once from the loop if 0 or less); a running timer is set anew. */
void env_timer_start(struct env_timer *timer, int64_t delay_ns);
void env_timer_stop(struct env_timer *timer);
bool env_timer_is_running(const struct env_timer *timer);
/* Stop; accepts a zeroed timer. */
void env_timer_done(struct env_timer *timer);

/* Streams: see event/stream.h */

int env_listen(struct env *env, const struct address *address, listener_accept *on_accept, void *user,
               struct listener **ret_listener, struct error *err);
/* Begins to connect; names are resolved on the way. Never fails at once: failure comes as on_error. */
struct stream *env_connect(struct env *env, const struct address *address, const struct stream_events *events,
                           void *user);

/* Files
 *
 * What only reads, and directories, is done at once: it happens at start-up or on small files. What must last is an
 * operation that ends in its callback when it is on disk. A file is replaced as a whole (temporary file, sync, rename,
 * sync of the directory) or appended to; a crash leaves the old content or the new, and of an appended record perhaps a
 * part. */

enum env_file_writing { ENV_FILE_REPLACE, ENV_FILE_APPEND, ENV_FILE_APPEND_UNSYNCED };

struct env_file_operation {
    struct env *env;
    /* @err is NULL when it is done, else why not; called exactly once, unless cancelled. */
    void (*on_done)(struct env_file_operation *operation, const struct error *err);
    void *impl; /* the env's own; NULL while nothing is under way, as already in on_done */
};

int env_file_read(struct env *env, const char *path, size_t limit_bytes, struct buffer *ret, struct error *err);
bool env_file_exists(struct env *env, const char *path);
int env_make_directories(struct env *env, const char *path, struct error *err);            /* like mkdir -p */
int env_symlink(struct env *env, const char *target, const char *path, struct error *err); /* replaces an older link */
/* The target of the link @path, which the caller frees. */
int env_read_link(struct env *env, const char *path, char **ret_target, struct error *err);
/* The names in @path, sorted, without "." and ".."; the caller frees the array (NULL-terminated) with env_names_free().
 */
int env_list_directory(struct env *env, const char *path, char ***ret_names, struct error *err);
void env_names_free(char **names);
/* Replace @path durably but at once: only for start-up. */
int env_file_write_now(struct env *env, const char *path, const void *data, size_t size, struct error *err);
int env_file_remove(struct env *env, const char *path, struct error *err); /* a file, link or empty directory */
/* When @path was last changed, ns since the epoch; -1 if it is not there. */
int64_t env_file_modified(struct env *env, const char *path);

/* Files that others write, e.g. sandboxes, for those who want to look at them. */

struct env_file_status {
    uint32_t mode; /* as stat(2) has it */
    uint64_t size, links;
    int64_t modified_ns;      /* since the epoch */
    char user[33], group[33]; /* names, or numbers where there are none */
};

struct env_open_file {
    struct env *env;
    char *path; /* by which a directory can be listed: that which was opened, whatever becomes of its names */
};

enum { ENV_FILE_ABSENT = 1, ENV_FILE_OUTSIDE };

/* Open what is at @path below the directory @root ("": @root itself) for reading, following links. Returns 0,
 * ENV_FILE_ABSENT, or ENV_FILE_OUTSIDE if links or ".." lead out of @root. What is neither file nor directory has a
 * status, but can not be read. */
int env_file_open(struct env *env, const char *root, const char *path, struct env_open_file **ret,
                  struct env_file_status *ret_status, struct error *err);
/* Append up to @size bytes from @offset on; fewer at the end. At once, so that @size is to be small. */
int env_open_file_read(struct env_open_file *file, int64_t offset, size_t size, struct buffer *ret, struct error *err);
void env_open_file_close(struct env_open_file *file); /* accepts NULL */

/* The operations. @path and @data are copied. Operations on one path are done in the order they were begun. The
 * directory a file goes into must be there; when a write is done, directories and links made above it are durable too.
 */
void env_file_write(struct env_file_operation *operation, struct env *env, const char *path, const void *data,
                    size_t size, void (*on_done)(struct env_file_operation *, const struct error *));
void env_file_append(struct env_file_operation *operation, struct env *env, const char *path, const void *data,
                     size_t size, void (*on_done)(struct env_file_operation *, const struct error *));
/* For what a crash of the machine may lose: done once a later process would read it; the next operation on @path makes
 * it durable. */
void env_file_append_unsynced(struct env_file_operation *operation, struct env *env, const char *path, const void *data,
                              size_t size, void (*on_done)(struct env_file_operation *, const struct error *));
/* Remove @path and everything below it, never following links. */
void env_remove_tree(struct env_file_operation *operation, struct env *env, const char *path,
                     void (*on_done)(struct env_file_operation *, const struct error *));
/* No callback will come; the operation itself may still happen. Accepts one that is idle or zeroed. */
void env_file_operation_cancel(struct env_file_operation *operation);
bool env_file_operation_is_pending(const struct env_file_operation *operation);

/* Faults
 *
 * What the simulated network does to a one-way message, which over real TCP happens when a connection breaks and a
 * peer sends again. src/process asks before it sends; the real env always delivers. */
enum env_fate { ENV_DELIVER, ENV_DROP, ENV_DUPLICATE };
enum env_fate env_message_fate(struct env *env, const struct address *to);

/* What each env provides; the functions above call these. */
struct env_ops {
    int64_t (*now)(struct env *env);
    int64_t (*wall_clock)(struct env *env);
    void (*random_bytes)(struct env *env, void *bytes, size_t size);
    void (*timers_changed)(struct env *env); /* the earliest timer may be another one */
    int (*listen)(struct env *env, const struct address *address, listener_accept *on_accept, void *user,
                  struct listener **ret_listener, struct error *err);
    struct stream *(*connect)(struct env *env, const struct address *address, const struct stream_events *events,
                              void *user);
    int (*file_read)(struct env *env, const char *path, size_t limit_bytes, struct buffer *ret, struct error *err);
    bool (*file_exists)(struct env *env, const char *path);
    int (*make_directories)(struct env *env, const char *path, struct error *err);
    int (*symlink)(struct env *env, const char *target, const char *path, struct error *err);
    int (*read_link)(struct env *env, const char *path, char **ret_target, struct error *err);
    int (*list_directory)(struct env *env, const char *path, char ***ret_names, struct error *err);
    int (*file_write_now)(struct env *env, const char *path, const void *data, size_t size, struct error *err);
    int (*file_remove)(struct env *env, const char *path, struct error *err);
    int64_t (*file_modified)(struct env *env, const char *path);
    int (*file_open)(struct env *env, const char *root, const char *path, struct env_open_file **ret,
                     struct env_file_status *ret_status, struct error *err);
    int (*open_file_read)(struct env_open_file *file, int64_t offset, size_t size, struct buffer *ret,
                          struct error *err);
    void (*open_file_close)(struct env_open_file *file);
    void (*file_write)(struct env_file_operation *operation, const char *path, const void *data, size_t size,
                       enum env_file_writing how);
    void (*remove_tree)(struct env_file_operation *operation, const char *path);
    void (*cancel)(struct env_file_operation *operation);
    enum env_fate (*message_fate)(struct env *env, const struct address *to);
};
