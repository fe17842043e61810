/* SPDX-License-Identifier: Apache-2.0 */
/* The inside of the loop over libuv, shared by loop*.c. */
#pragma once

#include <pthread.h>
#include <uv.h>

#include "base/list.h"
#include "base/table.h"
#include "event/loop.h"
#include "event/provider.h"

/* Something to be done on the loop before it waits for events again: output to be sent, an error to be told. */
struct deferred {
    struct list member;
    void (*run)(struct deferred *deferred);
};

enum { SPARE_BUFFERS = 32, SPARE_BUFFER_BYTES = 64 * 1024, READ_BUFFER_BYTES = 64 * 1024, RANDOM_POOL_BYTES = 256 };

struct post {
    void (*callback)(void *user);
    void *user;
};

struct loop {
    struct env env; /* first */
    uv_loop_t uv;
    uv_prepare_t before_wait;
    uv_idle_t busy; /* active while there is deferred work: the loop must not wait */
    uv_timer_t timer;
    uv_async_t posted;

    bool running, ending; /* inside loop_run(); after its last turn */
    int64_t now;          /* 0: to be read from the clock; kept during one callback */
    int64_t armed_ms;     /* what the timer is set to, in uv_now() milliseconds; INT64_MAX: it is off */
    struct list deferred;

    pthread_mutex_t posts_lock;
    struct post *posts;
    size_t post_count, post_capacity;

    struct list signals;      /* of struct signal_watch */
    struct list children;     /* of struct child */
    struct table file_queues; /* of struct file_queue, by path */
    struct table unsynced;    /* of struct unsynced_directory, by path */
    uint64_t directory_changes;
    pthread_mutex_t files_lock;       /* of the two lists, from which pool threads take */
    struct list replacing, appending; /* of struct file_operation, by in_lane: those that wait for a thread */

    struct buffer spares[SPARE_BUFFERS]; /* empty buffers with memory, for what streams write */
    size_t spare_count;
    uint8_t random_pool[RANDOM_POOL_BYTES];
    size_t random_left;
    char read_buffer[READ_BUFFER_BYTES];
};

static inline struct loop *env_loop(struct env *env) {
    return container_of(env, struct loop, env);
}

/* At the beginning of each callback: time has gone on. */
static inline void loop_enter(struct loop *loop) {
    loop->now = 0;
}

/* Have @deferred run before the loop waits; nothing happens if it is waiting for that already. */
static inline void loop_defer(struct loop *loop, struct deferred *deferred) {
    if (!list_is_linked(&deferred->member))
        list_append(&loop->deferred, &deferred->member);
}

/* @code is a negative errno value, as libuv returns them. */
int error_uv(struct error *err, int code, const char *format, ...) printf_like_(3, 4);

/* loop_stream.c */
int loop_listen(struct env *env, const struct address *address, listener_accept *on_accept, void *user,
                struct listener **ret_listener, struct error *err);
struct stream *loop_connect(struct env *env, const struct address *address, const struct stream_events *events,
                            void *user);

/* loop_file.c: the members of struct env_ops */
int loop_file_read(struct env *env, const char *path, size_t limit_bytes, struct buffer *ret, struct error *err);
bool loop_file_exists(struct env *env, const char *path);
int loop_make_directories(struct env *env, const char *path, struct error *err);
int loop_symlink(struct env *env, const char *target, const char *path, struct error *err);
int loop_read_link(struct env *env, const char *path, char **ret_target, struct error *err);
int loop_list_directory(struct env *env, const char *path, char ***ret_names, struct error *err);
int loop_file_write_now(struct env *env, const char *path, const void *data, size_t size, struct error *err);
int loop_file_remove(struct env *env, const char *path, struct error *err);
int64_t loop_file_modified(struct env *env, const char *path);
void loop_file_write(struct env_file_operation *operation, const char *path, const void *data, size_t size,
                     enum env_file_writing how);
void loop_remove_tree(struct env_file_operation *operation, const char *path);
void loop_file_cancel(struct env_file_operation *operation);
void loop_files_init(struct loop *loop);
/* Let go of what is remembered about files. */
void loop_files_done(struct loop *loop);

/* loop_open.c: likewise */
int loop_file_open(struct env *env, const char *root, const char *path, struct env_open_file **ret,
                   struct env_file_status *ret_status, struct error *err);
int loop_open_file_read(struct env_open_file *file, int64_t offset, size_t size, struct buffer *ret, struct error *err);
void loop_open_file_close(struct env_open_file *file);

/* loop_process.c: stop watching signals and children. */
void loop_processes_close(struct loop *loop);
