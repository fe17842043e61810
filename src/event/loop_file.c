/* SPDX-License-Identifier: Apache-2.0 */
/* Files of the real env.
 *
 * Operations run on libuv's pool threads, those on one path one after the other. A thread that is free takes an append,
 * or else a few replacements, because syncing costs more than writing and what files share, their directories above
 * all, is then synced once. Making a directory or a link is done at once, without waiting for the disk; the directories
 * whose entries changed are remembered, and the next operation below one of them syncs it too, so that what is durable
 * can also be found. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/text.h"
#include "event/files.h"
#include "event/loop_internal.h"

/* Directories below which nothing durable is written are forgotten at last: the kernel syncs by itself after a while.
 */
enum {
    UNSYNCED_LIMIT = 8192,
    READ_BYTES = 64 * 1024,
    GROUP_MOST = 4, /* larger groups would only make the first wait for the last */
};

struct unsynced_directory {
    char *path;
    uint64_t changed; /* when its entries last changed, in changes of any directory */
};

struct file_queue {
    char *path;
    struct list operations; /* of struct file_operation; the first is under way */
};

struct file_operation {
    struct list member;                   /* in its queue */
    struct list in_lane;                  /* while it waits */
    struct env_file_operation *operation; /* NULL once cancelled */
    struct loop *loop;
    struct file_queue *queue;
    enum file_operation_kind { FILE_REPLACE, FILE_APPEND, FILE_APPEND_UNSYNCED, FILE_REMOVE_TREE } kind;
    struct buffer data;
    struct file_write write;
    uint64_t *changed; /* what the directories to be synced were at */
};

/* A turn of a pool thread. */
struct file_group {
    struct loop *loop;
    struct file_write *writes[GROUP_MOST];
    struct file_operation *operations[GROUP_MOST];
    size_t count;
};

/* Directories whose entries are not on the disk */

static void forget_directory(struct loop *loop, struct unsynced_directory *directory) {
    table_remove(&loop->unsynced, directory->path);
    free(directory->path);
    free(directory);
}

static void parent_changed(struct loop *loop, const char *path) {
    char *parent = path_parent(path);
    struct unsynced_directory *directory = table_find(&loop->unsynced, parent);

    if (directory != NULL) {
        free(parent);
    } else {
        if (loop->unsynced.count >= UNSYNCED_LIMIT)
            forget_directory(loop, table_first(&loop->unsynced));
        directory = new0(struct unsynced_directory);
        directory->path = parent;
        table_add(&loop->unsynced, directory->path, directory);
    }
    directory->changed = ++loop->directory_changes;
}

/* Find the directories above @path that are to be synced; @ret_changed says when each of them was changed. */
static const char **unsynced_above(struct loop *loop, const char *path, size_t *ret_count, uint64_t **ret_changed) {
    cleanup_free char *above = xstrdup(path);
    const char **directories = NULL;
    uint64_t *changed = NULL;
    size_t count = 0;

    while (loop->unsynced.count > 0) {
        char *parent = path_parent(above);
        const struct unsynced_directory *directory = table_find(&loop->unsynced, parent);
        bool is_last = strcmp(parent, above) == 0;

        if (directory != NULL && !is_last) {
            directories = xrealloc(directories, (count + 1) * sizeof(directories[0]));
            changed = xrealloc(changed, (count + 1) * sizeof(changed[0]));
            directories[count] = xstrdup(parent);
            changed[count++] = directory->changed;
        }
        free(above);
        above = parent;
        if (is_last)
            break;
    }
    *ret_count = count;
    *ret_changed = changed;
    return directories;
}

/* @directories have been synced, if @is_synced; they are released. */
static void directories_done(struct loop *loop, const char **directories, uint64_t *changed, size_t count,
                             bool is_synced) {
    for (size_t i = 0; i < count; i++) {
        struct unsynced_directory *directory = table_find(&loop->unsynced, directories[i]);

        if (is_synced && directory != NULL && directory->changed == changed[i])
            forget_directory(loop, directory);
        free((char *)directories[i]);
    }
    free(directories);
    free(changed);
}

/* What is done at once */

int loop_file_read(struct env *env, const char *path, size_t limit_bytes, struct buffer *ret, struct error *err) {
    cleanup_close int fd = open(path, O_RDONLY | O_CLOEXEC);
    cleanup_buffer struct buffer content = BUFFER_INIT;
    ssize_t size;

    if (fd < 0)
        return error_errno(err, "Failed to open '%s'", path);
    for (;;) {
        size = read(fd, buffer_reserve(&content, READ_BYTES), READ_BYTES);
        if (size < 0 && errno == EINTR)
            continue;
        if (size < 0)
            return error_errno(err, "Failed to read '%s'", path);
        if (size == 0)
            break;
        buffer_added(&content, (size_t)size);
        if (content.size > limit_bytes)
            return error_set(err, EFBIG, "Failed to read '%s': it is larger than %zu bytes", path, limit_bytes);
    }
    if (ret->size == 0)
        buffer_swap(ret, &content);
    else
        buffer_append(ret, content.data, content.size);
    return 0;
}

bool loop_file_exists(struct env *env, const char *path) {
    return access(path, F_OK) == 0;
}

int64_t loop_file_modified(struct env *env, const char *path) {
    struct stat status;

    if (stat(path, &status) < 0)
        return -1;
    return (int64_t)status.st_mtim.tv_sec * SECOND + status.st_mtim.tv_nsec;
}

static bool is_directory(const char *path) {
    struct stat status;

    return stat(path, &status) == 0 && S_ISDIR(status.st_mode);
}

/* From the end of @path up to the first directory that is there, and down again: mostly it is the last. */
static int make_directory(struct env *env, const char *path) {
    cleanup_free char *parent = NULL;
    int result = mkdir(path, 0755);

    if (result < 0 && errno == ENOENT) {
        parent = path_parent(path);
        if (strcmp(parent, path) == 0 || make_directory(env, parent) < 0)
            return -1;
        result = mkdir(path, 0755);
    }
    if (result == 0)
        parent_changed(env_loop(env), path);
    return result < 0 && errno != EEXIST ? -1 : 0;
}

int loop_make_directories(struct env *env, const char *path, struct error *err) {
    if (is_directory(path))
        return 0;
    if (make_directory(env, path) < 0)
        return error_errno(err, "Failed to create the directory '%s'", path);
    if (!is_directory(path))
        return error_set(err, ENOTDIR, "Failed to create the directory '%s': %s", path, strerror(ENOTDIR));
    return 0;
}

int loop_symlink(struct env *env, const char *target, const char *path, struct error *err) {
    cleanup_free char *temporary = NULL;
    int result = symlink(target, path);

    if (result < 0 && errno == EEXIST) {
        temporary = path_temporary(path);
        unlink(temporary);
        result = symlink(target, temporary);
        if (result == 0 && rename(temporary, path) < 0) {
            error_errno(err, "Failed to create the link '%s'", path);
            unlink(temporary);
            return -1;
        }
    }
    if (result < 0)
        return error_errno(err, "Failed to create the link '%s'", path);
    parent_changed(env_loop(env), path);
    return 0;
}

int loop_read_link(struct env *env, const char *path, char **ret_target, struct error *err) {
    char target[PATH_MAX];
    ssize_t size = readlink(path, target, sizeof(target));

    if (size < 0)
        return error_errno(err, "Failed to read the link '%s'", path);
    *ret_target = xstrndup(target, (size_t)size);
    return 0;
}

static int compare_names(const void *a, const void *b) {
    return strcmp(*(char *const *)a, *(char *const *)b);
}

int loop_list_directory(struct env *env, const char *path, char ***ret_names, struct error *err) {
    DIR *directory = opendir(path);
    size_t count = 0, capacity = 0;
    char **names = NULL;
    struct dirent *entry;
    int code;

    if (directory == NULL)
        return error_errno(err, "Failed to list '%s'", path);
    while (errno = 0, (entry = readdir(directory)) != NULL) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        if (count == capacity) {
            capacity = capacity == 0 ? 16 : capacity * 2;
            names = xrealloc(names, (capacity + 1) * sizeof(names[0]));
        }
        names[count++] = xstrdup(entry->d_name);
    }
    code = errno;
    closedir(directory);
    if (names == NULL)
        names = xcalloc(1, sizeof(names[0]));
    names[count] = NULL;
    if (code != 0) {
        env_names_free(names);
        return error_set(err, code, "Failed to list '%s': %s", path, strerror(code));
    }
    qsort(names, count, sizeof(names[0]), compare_names);
    *ret_names = names;
    return 0;
}

int loop_file_write_now(struct env *env, const char *path, const void *data, size_t size, struct error *err) {
    struct loop *loop = env_loop(env);
    struct file_write write = {.path = path, .data = data, .size = size}, *writes = &write;
    uint64_t *changed;
    bool is_done;

    write.directories = unsynced_above(loop, path, &write.directory_count, &changed);
    file_write_all(&writes, 1);
    is_done = write.error.message == NULL;
    directories_done(loop, write.directories, changed, write.directory_count, is_done);
    if (!is_done)
        error_move(err, &write.error);
    return is_done ? 0 : -1;
}

int loop_file_remove(struct env *env, const char *path, struct error *err) {
    if (remove(path) < 0)
        return error_errno(err, "Failed to remove '%s'", path);
    parent_changed(env_loop(env), path);
    return 0;
}

/* Operations */

static void start(struct file_operation *operation);

/* The operation has ended: the next one of its path is started, and its owner is told. */
static void finish(struct file_operation *done) {
    struct file_queue *queue = done->queue;
    struct env_file_operation *owned = done->operation;
    struct loop *loop = done->loop;
    struct file_operation *next;
    cleanup_error struct error err = done->write.error;

    directories_done(loop, done->write.directories, done->changed, done->write.directory_count, err.message == NULL);
    list_remove(&done->member);
    buffer_done(&done->data);
    free(done);
    next = list_first(&queue->operations, struct file_operation, member);
    if (next != NULL) {
        start(next);
    } else {
        table_remove(&loop->file_queues, queue->path);
        free(queue->path);
        free(queue);
    }
    if (owned == NULL)
        return;
    owned->impl = NULL;
    owned->on_done(owned, err.message != NULL ? &err : NULL);
}

static void run_removal(void *user) {
    struct file_operation *operation = user;

    file_remove_tree(operation->queue->path, &operation->write.error);
}

static void on_removed(void *user) {
    finish(user);
}

static void take(struct file_group *group, struct list *waiting, size_t most) {
    struct file_operation *operation;

    list_for_each (waiting, operation, in_lane) {
        if (group->count == most)
            return;
        list_remove(&operation->in_lane);
        group->operations[group->count] = operation;
        group->writes[group->count++] = &operation->write;
    }
}

/* There is a turn for each operation, so that some find nothing left to do. */
static void run_group(void *user) {
    struct file_group *group = user;

    pthread_mutex_lock(&group->loop->files_lock);
    take(group, &group->loop->appending, 1);
    if (group->count == 0)
        take(group, &group->loop->replacing, GROUP_MOST);
    pthread_mutex_unlock(&group->loop->files_lock);
    file_write_all(group->writes, group->count);
}

static void on_group_done(void *user) {
    struct file_group *group = user;

    for (size_t i = 0; i < group->count; i++) {
        loop_enter(group->loop);
        finish(group->operations[i]);
    }
    free(group);
}

static void start(struct file_operation *operation) {
    struct loop *loop = operation->loop;
    struct file_write *write = &operation->write;
    struct file_group *group;

    if (operation->kind == FILE_REMOVE_TREE) {
        loop_work(loop, run_removal, on_removed, operation);
        return;
    }
    write->path = operation->queue->path;
    write->data = operation->data.data;
    write->size = operation->data.size;
    write->is_append = operation->kind != FILE_REPLACE;
    write->is_unsynced = operation->kind == FILE_APPEND_UNSYNCED;
    if (!write->is_unsynced)
        write->directories = unsynced_above(loop, write->path, &write->directory_count, &operation->changed);
    pthread_mutex_lock(&loop->files_lock);
    list_append(write->is_append ? &loop->appending : &loop->replacing, &operation->in_lane);
    pthread_mutex_unlock(&loop->files_lock);
    group = new0(struct file_group);
    group->loop = loop;
    loop_work(loop, run_group, on_group_done, group);
}

static void begin(struct env_file_operation *owned, enum file_operation_kind kind, const char *path, const void *data,
                  size_t size) {
    struct loop *loop = env_loop(owned->env);
    struct file_operation *operation = new0(struct file_operation);
    struct file_queue *queue = table_find(&loop->file_queues, path);
    bool is_first = queue == NULL;

    if (queue == NULL) {
        queue = new0(struct file_queue);
        queue->path = xstrdup(path);
        list_init(&queue->operations);
        table_add(&loop->file_queues, queue->path, queue);
    }
    operation->operation = owned;
    operation->loop = loop;
    operation->queue = queue;
    operation->kind = kind;
    buffer_append(&operation->data, data, size);
    list_append(&queue->operations, &operation->member);
    owned->impl = operation;
    if (is_first)
        start(operation);
}

void loop_file_write(struct env_file_operation *operation, const char *path, const void *data, size_t size,
                     enum env_file_writing how) {
    static const enum file_operation_kind kinds[] = {
        [ENV_FILE_REPLACE] = FILE_REPLACE,
        [ENV_FILE_APPEND] = FILE_APPEND,
        [ENV_FILE_APPEND_UNSYNCED] = FILE_APPEND_UNSYNCED,
    };

    begin(operation, kinds[how], path, data, size);
}

void loop_remove_tree(struct env_file_operation *operation, const char *path) {
    begin(operation, FILE_REMOVE_TREE, path, NULL, 0);
}

void loop_file_cancel(struct env_file_operation *operation) {
    struct file_operation *begun = operation->impl;

    begun->operation = NULL;
}

void loop_files_init(struct loop *loop) {
    table_init(&loop->unsynced);
    table_init(&loop->file_queues);
    list_init(&loop->replacing);
    list_init(&loop->appending);
    pthread_mutex_init(&loop->files_lock, NULL);
}

void loop_files_done(struct loop *loop) {
    struct unsynced_directory *directory;

    table_for_each (&loop->unsynced, directory)
        forget_directory(loop, directory);
    table_done(&loop->unsynced);
    table_done(&loop->file_queues);
    pthread_mutex_destroy(&loop->files_lock);
}
