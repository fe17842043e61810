/* SPDX-License-Identifier: Apache-2.0 */
#include "event/env.h"

#include <assert.h>

#include "base/text.h"
#include "event/provider.h"

void env_init(struct env *env, const struct env_ops *ops) {
    env->ops = ops;
    heap_init(&env->timers);
}

void env_done(struct env *env) {
    heap_done(&env->timers);
}

/* Time and chance */

int64_t env_now(struct env *env) {
    return env->ops->now(env);
}

int64_t env_wall_clock(struct env *env) {
    return env->ops->wall_clock(env);
}

void env_random_bytes(struct env *env, void *bytes, size_t size) {
    env->ops->random_bytes(env, bytes, size);
}

uint64_t env_random(struct env *env) {
    uint64_t value;

    env->ops->random_bytes(env, &value, sizeof(value));
    return value;
}

double env_random_fraction(struct env *env) {
    return (double)(env_random(env) >> 11) * 0x1p-53;
}

int64_t env_random_pause(struct env *env, int64_t most_ns) {
    return (int64_t)(env_random_fraction(env) * (double)most_ns);
}

void env_random_uuid(struct env *env, uint8_t ret_uuid[UUID_BYTES]) {
    env->ops->random_bytes(env, ret_uuid, UUID_BYTES);
    ret_uuid[6] = (ret_uuid[6] & 0x0f) | 0x40; /* version 4 */
    ret_uuid[8] = (ret_uuid[8] & 0x3f) | 0x80; /* variant of RFC 4122 */
}

const char *env_random_uuid_text(struct env *env, char text[UUID_TEXT_BYTES]) {
    uint8_t uuid[UUID_BYTES];

    env_random_uuid(env, uuid);
    uuid_format(uuid, text);
    return text;
}

/* Timers */

void env_timer_init(struct env_timer *timer, struct env *env, void (*on_fire)(struct env_timer *timer)) {
    *timer = (struct env_timer){.env = env, .on_fire = on_fire};
}

void env_timer_start(struct env_timer *timer, int64_t delay_ns) {
    struct env *env = timer->env;
    int64_t now = env_now(env), due;

    if (delay_ns < 0)
        delay_ns = 0;
    if (__builtin_add_overflow(now, delay_ns, &due))
        due = INT64_MAX;
    heap_remove(&env->timers, &timer->member);
    heap_add(&env->timers, &timer->member, due);
    if (heap_top(&env->timers) == &timer->member)
        env->ops->timers_changed(env);
}

void env_timer_stop(struct env_timer *timer) {
    /* The env may wake up for nothing once; that is cheaper than telling it of each stopped timer. */
    if (heap_contains(&timer->member))
        heap_remove(&timer->env->timers, &timer->member);
}

bool env_timer_is_running(const struct env_timer *timer) {
    return heap_contains(&timer->member);
}

void env_timer_done(struct env_timer *timer) {
    env_timer_stop(timer);
}

struct env_timer *env_take_due_timer(struct env *env, int64_t now, uint64_t added) {
    struct heap_member *top = heap_top(&env->timers);

    if (top == NULL || top->key > now || top->order >= added)
        return NULL;
    heap_remove(&env->timers, top);
    return container_of(top, struct env_timer, member);
}

/* Streams */

int env_listen(struct env *env, const struct address *address, listener_accept *on_accept, void *user,
               struct listener **ret_listener, struct error *err) {
    return env->ops->listen(env, address, on_accept, user, ret_listener, err);
}

struct stream *env_connect(struct env *env, const struct address *address, const struct stream_events *events,
                           void *user) {
    return env->ops->connect(env, address, events, user);
}

void stream_write(struct stream *stream, const void *data, size_t size) {
    struct buffer bytes = BUFFER_INIT;

    if (stream->ops->write_copy != NULL) {
        stream->ops->write_copy(stream, data, size);
        return;
    }
    buffer_append(&bytes, data, size);
    stream->ops->write(stream, &bytes);
    buffer_done(&bytes);
}

const struct address *listener_address(const struct listener *listener) {
    return &listener->address;
}

void listener_set_accepting(struct listener *listener, bool on) {
    listener->ops->set_accepting(listener, on);
}

void listener_close(struct listener *listener) {
    if (listener != NULL)
        listener->ops->close(listener);
}

/* Files */

int env_file_read(struct env *env, const char *path, size_t limit_bytes, struct buffer *ret, struct error *err) {
    return env->ops->file_read(env, path, limit_bytes, ret, err);
}

bool env_file_exists(struct env *env, const char *path) {
    return env->ops->file_exists(env, path);
}

int env_make_directories(struct env *env, const char *path, struct error *err) {
    return env->ops->make_directories(env, path, err);
}

int env_symlink(struct env *env, const char *target, const char *path, struct error *err) {
    return env->ops->symlink(env, target, path, err);
}

int env_read_link(struct env *env, const char *path, char **ret_target, struct error *err) {
    return env->ops->read_link(env, path, ret_target, err);
}

int env_list_directory(struct env *env, const char *path, char ***ret_names, struct error *err) {
    return env->ops->list_directory(env, path, ret_names, err);
}

void env_names_free(char **names) {
    text_list_free(names);
}

int env_file_write_now(struct env *env, const char *path, const void *data, size_t size, struct error *err) {
    return env->ops->file_write_now(env, path, data, size, err);
}

int env_file_remove(struct env *env, const char *path, struct error *err) {
    return env->ops->file_remove(env, path, err);
}

int env_file_open(struct env *env, const char *root, const char *path, struct env_open_file **ret,
                  struct env_file_status *ret_status, struct error *err) {
    int result = env->ops->file_open(env, root, path, ret, ret_status, err);

    if (result == 0)
        (*ret)->env = env;
    return result;
}

int env_open_file_read(struct env_open_file *file, int64_t offset, size_t size, struct buffer *ret, struct error *err) {
    return file->env->ops->open_file_read(file, offset, size, ret, err);
}

void env_open_file_close(struct env_open_file *file) {
    if (file != NULL)
        file->env->ops->open_file_close(file);
}

int64_t env_file_modified(struct env *env, const char *path) {
    return env->ops->file_modified(env, path);
}

static void begin(struct env_file_operation *operation, struct env *env,
                  void (*on_done)(struct env_file_operation *, const struct error *)) {
    *operation = (struct env_file_operation){.env = env, .on_done = on_done};
}

void env_file_write(struct env_file_operation *operation, struct env *env, const char *path, const void *data,
                    size_t size, void (*on_done)(struct env_file_operation *, const struct error *)) {
    begin(operation, env, on_done);
    env->ops->file_write(operation, path, data, size, ENV_FILE_REPLACE);
    assert(operation->impl != NULL);
}

void env_file_append(struct env_file_operation *operation, struct env *env, const char *path, const void *data,
                     size_t size, void (*on_done)(struct env_file_operation *, const struct error *)) {
    begin(operation, env, on_done);
    env->ops->file_write(operation, path, data, size, ENV_FILE_APPEND);
    assert(operation->impl != NULL);
}

void env_file_append_unsynced(struct env_file_operation *operation, struct env *env, const char *path, const void *data,
                              size_t size, void (*on_done)(struct env_file_operation *, const struct error *)) {
    begin(operation, env, on_done);
    env->ops->file_write(operation, path, data, size, ENV_FILE_APPEND_UNSYNCED);
    assert(operation->impl != NULL);
}

void env_remove_tree(struct env_file_operation *operation, struct env *env, const char *path,
                     void (*on_done)(struct env_file_operation *, const struct error *)) {
    begin(operation, env, on_done);
    env->ops->remove_tree(operation, path);
    assert(operation->impl != NULL);
}

void env_file_operation_cancel(struct env_file_operation *operation) {
    if (operation->impl != NULL)
        operation->env->ops->cancel(operation);
    operation->impl = NULL;
}

bool env_file_operation_is_pending(const struct env_file_operation *operation) {
    return operation->impl != NULL;
}

/* Faults */

enum env_fate env_message_fate(struct env *env, const struct address *to) {
    return env->ops->message_fate(env, to);
}
