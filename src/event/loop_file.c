/* SPDX-License-Identifier: Apache-2.0 */
/* Files of the real env.
 *
 * Operations run on libuv's pool threads, those on one path one after the other. Making a directory or a link is done
 * at once, without waiting for the disk; the directories whose entries changed are remembered, and the next operation
 * below one of them syncs it too, so that what is durable can also be found. */
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
enum { UNSYNCED_LIMIT = 8192, READ_BYTES = 64 * 1024 };

struct unsynced_directory {
    char *path;
    uint64_t changed; /* when its entries last changed, in changes of any directory */
};

struct file_queue {
    char *path;
    struct list operations; /* of struct file_operation; the first is under way */
};

struct ancestor {
    char *path;
    uint64_t changed;
};

struct file_operation {
    struct list member;
    struct env_file_operation *operation; /* NULL once cancelled */
    struct loop *loop;
    struct file_queue *queue;
    enum file_operation_kind { FILE_REPLACE, FILE_APPEND, FILE_REMOVE_TREE } kind;
    struct buffer data;
    struct error error;
    struct ancestor *ancestors; /* directories to be synced as well */
    size_t ancestor_count;
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

/* The directories above @path that are to be synced. */
static struct ancestor *unsynced_above(struct loop *loop, const char *path, size_t *ret_count) {
    cleanup_free char *above = xstrdup(path);
    struct ancestor *ancestors = NULL;
    size_t count = 0;

    while (loop->unsynced.count > 0) {
        char *parent = path_parent(above);
        const struct unsynced_directory *directory = table_find(&loop->unsynced, parent);
        bool is_last = strcmp(parent, above) == 0;

        if (directory != NULL && !is_last) {
            ancestors = xrealloc(ancestors, (count + 1) * sizeof(ancestors[0]));
            ancestors[count++] = (struct ancestor){xstrdup(parent), directory->changed};
        }
        free(above);
        above = parent;
        if (is_last)
            break;
    }
    *ret_count = count;
    return ancestors;
}

static int sync_ancestors(const struct ancestor *ancestors, size_t count, struct error *err) {
    for (size_t i = 0; i < count; i++)
        if (directory_sync(ancestors[i].path, err) < 0)
            return -1;
    return 0;
}

/* @ancestors have been synced, if @is_synced; they are released. */
static void ancestors_done(struct loop *loop, struct ancestor *ancestors, size_t count, bool is_synced) {
    for (size_t i = 0; i < count; i++) {
        struct unsynced_directory *directory = table_find(&loop->unsynced, ancestors[i].path);

        if (is_synced && directory != NULL && directory->changed == ancestors[i].changed)
            forget_directory(loop, directory);
        free(ancestors[i].path);
    }
    free(ancestors);
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

int loop_make_directories(struct env *env, const char *path, struct error *err) {
    cleanup_free char *partial = NULL;

    if (is_directory(path))
        return 0;
    partial = xstrdup(path);
    for (char *end = partial + strspn(partial, "/"); *end != '\0'; end += strspn(end, "/")) {
        char after;

        end += strcspn(end, "/");
        after = *end;
        *end = '\0';
        if (mkdir(partial, 0755) == 0)
            parent_changed(env_loop(env), partial);
        else if (errno != EEXIST)
            return error_errno(err, "Failed to create the directory '%s'", partial);
        *end = after;
    }
    if (!is_directory(path))
        return error_set(err, ENOTDIR, "Failed to create the directory '%s': %s", path, strerror(ENOTDIR));
    return 0;
}

int loop_symlink(struct env *env, const char *target, const char *path, struct error *err) {
    cleanup_free char *temporary = path_temporary(path);

    unlink(temporary);
    if (symlink(target, temporary) < 0)
        return error_errno(err, "Failed to create the link '%s'", path);
    if (rename(temporary, path) < 0) {
        error_errno(err, "Failed to create the link '%s'", path);
        unlink(temporary);
        return -1;
    }
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
    size_t count;
    struct ancestor *ancestors = unsynced_above(loop, path, &count);
    int result = file_replace(path, data, size, err);

    if (result == 0)
        result = sync_ancestors(ancestors, count, err);
    ancestors_done(loop, ancestors, count, result == 0);
    return result;
}

int loop_file_remove(struct env *env, const char *path, struct error *err) {
    if (remove(path) < 0)
        return error_errno(err, "Failed to remove '%s'", path);
    parent_changed(env_loop(env), path);
    return 0;
}

/* Operations */

static void run_operation(void *user) {
    struct file_operation *operation = user;
    const char *path = operation->queue->path;
    int result = 0;

    switch (operation->kind) {
    case FILE_REPLACE:
        result = file_replace(path, operation->data.data, operation->data.size, &operation->error);
        break;
    case FILE_APPEND:
        result = file_append(path, operation->data.data, operation->data.size, &operation->error);
        break;
    case FILE_REMOVE_TREE:
        result = file_remove_tree(path, &operation->error);
        break;
    }
    if (result == 0)
        sync_ancestors(operation->ancestors, operation->ancestor_count, &operation->error);
}

static void on_operation_done(void *user);

static void start(struct file_operation *operation) {
    if (operation->kind != FILE_REMOVE_TREE)
        operation->ancestors = unsynced_above(operation->loop, operation->queue->path, &operation->ancestor_count);
    loop_work(operation->loop, run_operation, on_operation_done, operation);
}

static void on_operation_done(void *user) {
    struct file_operation *done = user, *next;
    struct file_queue *queue = done->queue;
    struct env_file_operation *owned = done->operation;
    struct loop *loop = done->loop;
    cleanup_error struct error err = done->error;

    ancestors_done(loop, done->ancestors, done->ancestor_count, err.message == NULL);
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
                     bool append) {
    begin(operation, append ? FILE_APPEND : FILE_REPLACE, path, data, size);
}

void loop_remove_tree(struct env_file_operation *operation, const char *path) {
    begin(operation, FILE_REMOVE_TREE, path, NULL, 0);
}

void loop_file_cancel(struct env_file_operation *operation) {
    struct file_operation *begun = operation->impl;

    begun->operation = NULL;
}

void loop_files_done(struct loop *loop) {
    struct unsynced_directory *directory;

    table_for_each (&loop->unsynced, directory)
        forget_directory(loop, directory);
    table_done(&loop->unsynced);
    table_done(&loop->file_queues);
}
