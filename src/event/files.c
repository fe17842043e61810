/* SPDX-License-Identifier: Apache-2.0 */
#include "event/files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/table.h"
#include "base/text.h"

enum {
    REMOVE_DEPTH = 64, /* of directories open at once; deeper ones are moved up first */
    FRESH_NAMES = 1000,
};

char *path_parent(const char *path) {
    size_t size = strlen(path);

    while (size > 1 && path[size - 1] == '/')
        size--;
    while (size > 0 && path[size - 1] != '/')
        size--;
    while (size > 1 && path[size - 1] == '/')
        size--;
    return size == 0 ? xstrdup(".") : xstrndup(path, size);
}

char *path_temporary(const char *path) {
    const char *name = path_base(path);

    return xasprintf("%.*s.%s.tmp", (int)(name - path), path, name);
}

int directory_sync(const char *path, struct error *err) {
    cleanup_close int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd < 0 && errno == ENOENT)
        return 0;
    if (fd < 0 || fsync(fd) < 0)
        return error_errno(err, "Failed to sync the directory '%s'", path);
    return 0;
}

static int write_all(int fd, const char *data, size_t size) {
    while (size > 0) {
        ssize_t written = write(fd, data, size);

        if (written < 0 && errno != EINTR)
            return -1;
        if (written > 0) {
            data += written;
            size -= (size_t)written;
        }
    }
    return 0;
}

/* Writing
 *
 * All bytes are written before anything waits for the disk, and all files are there before the first directory is
 * synced: the disk then has many things to do at once, and what files share is done once. */

static bool has_failed(const struct file_write *write) {
    return write->error.message != NULL;
}

static void open_temporary(struct file_write *write) {
    cleanup_free char *temporary = path_temporary(write->path);

    write->fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (write->fd < 0)
        error_errno(&write->error, "Failed to create '%s'", temporary);
}

static void open_to_append(struct file_write *write) {
    struct stat before;

    write->fd = open(write->path, O_WRONLY | O_APPEND | O_CLOEXEC);
    if (write->fd < 0 && errno == ENOENT) {
        write->fd = open(write->path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
        write->is_new = true;
    }
    if (write->fd < 0 || fstat(write->fd, &before) < 0)
        error_errno(&write->error, "Failed to open '%s'", write->path);
    else
        write->size_before = before.st_size;
}

static void write_failed(struct file_write *write) {
    error_errno(&write->error, write->is_append ? "Failed to append to '%s'" : "Failed to write '%s'", write->path);
    /* What follows must not come after half a record. */
    if (write->is_append && ftruncate(write->fd, write->size_before) < 0)
        error_wrap(&write->error, "A part of a record stays behind");
}

static void write_bytes(struct file_write *write) {
    write->fd = -1;
    write->is_new = !write->is_append;
    write->parent = path_parent(write->path);
    if (write->is_append)
        open_to_append(write);
    else
        open_temporary(write);
    if (has_failed(write))
        return;
    if (write_all(write->fd, write->data, write->size) < 0)
        write_failed(write);
    else if (!write->is_unsynced)
        sync_file_range(write->fd, 0, 0, SYNC_FILE_RANGE_WRITE); /* only to begin early: its failure is seen later */
}

static void sync_bytes(struct file_write *write) {
    const bool is_wanted = !write->is_unsynced || write->is_new;

    if (is_wanted && !has_failed(write) && (write->is_append ? fdatasync(write->fd) : fsync(write->fd)) < 0)
        write_failed(write);
    if (write->fd >= 0)
        close(write->fd);
}

static void take_place(struct file_write *write) {
    cleanup_free char *temporary = path_temporary(write->path);

    if (!has_failed(write) && rename(temporary, write->path) < 0)
        error_errno(&write->error, "Failed to rename '%s' to '%s'", temporary, write->path);
    if (has_failed(write))
        unlink(temporary);
}

/* Sync @path unless that was done before, in which case only its failure is passed on. */
static void sync_once(struct table *synced, const char *path, struct file_write *write) {
    struct error *result = table_find(synced, path);

    if (has_failed(write))
        return;
    if (result == NULL) {
        result = new0(struct error);
        directory_sync(path, result);
        table_add(synced, path, result);
    }
    if (result->message != NULL)
        error_set(&write->error, result->code, "%s", result->message);
}

static void sync_directories(struct file_write *const writes[], size_t count) {
    struct table synced;
    struct error *result;

    table_init(&synced);
    for (size_t i = 0; i < count; i++) {
        if (writes[i]->is_new)
            sync_once(&synced, writes[i]->parent, writes[i]);
        for (size_t j = 0; j < writes[i]->directory_count; j++)
            sync_once(&synced, writes[i]->directories[j], writes[i]);
    }
    table_for_each (&synced, result) {
        error_done(result);
        free(result);
    }
    table_done(&synced);
}

void file_write_all(struct file_write *const writes[], size_t count) {
    for (size_t i = 0; i < count; i++)
        write_bytes(writes[i]);
    for (size_t i = 0; i < count; i++)
        sync_bytes(writes[i]);
    for (size_t i = 0; i < count; i++) {
        if (!writes[i]->is_append)
            take_place(writes[i]);
    }
    sync_directories(writes, count);
    for (size_t i = 0; i < count; i++)
        free(writes[i]->parent);
}

int file_replace(const char *path, const void *data, size_t size, struct error *err) {
    struct file_write write = {.path = path, .data = data, .size = size}, *writes = &write;

    file_write_all(&writes, 1);
    if (!has_failed(&write))
        return 0;
    error_move(err, &write.error);
    return -1;
}

/* Removing trees */

struct removal {
    const char *path; /* of the whole tree, for messages */
    int top;          /* its directory */
    unsigned moved;
    struct error *err;
    bool has_failed;
};

static void removal_failed(struct removal *removal, const char *name) {
    if (!removal->has_failed)
        error_errno(removal->err, "Failed to remove '%s' in '%s'", name, removal->path);
    removal->has_failed = true;
}

/* Move the directory @name up to the top of the tree, where it is found again: however deep the tree, neither the
 * stack nor the descriptors run out. */
static bool move_up(struct removal *removal, int directory, const char *name) {
    char fresh[64];

    for (unsigned i = 0; i < FRESH_NAMES; i++) {
        snprintf(fresh, sizeof(fresh), ".removing-%u", removal->moved++);
        if (renameat2(directory, name, removal->top, fresh, RENAME_NOREPLACE) == 0)
            return true;
        if (errno != EEXIST)
            break;
    }
    removal_failed(removal, name);
    return false;
}

/* unlinkat(), also out of directories that are not writable, if they are ours. */
static bool unlink_entry(struct removal *removal, int directory, const char *name, int flags) {
    if (unlinkat(directory, name, flags) == 0 || errno == ENOENT)
        return true;
    if (errno == EACCES && fchmod(directory, 0700) == 0 && unlinkat(directory, name, flags) == 0)
        return true;
    removal_failed(removal, name);
    return false;
}

static bool remove_content(struct removal *removal, int directory, unsigned depth);

static bool remove_directory(struct removal *removal, int parent, const char *name, unsigned depth) {
    struct statx status;
    int fd;

    if (statx(parent, name, AT_SYMLINK_NOFOLLOW, STATX_TYPE, &status) == 0 &&
        (status.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0) {
        errno = EBUSY;
        removal_failed(removal, name);
        return false;
    }
    if (depth >= REMOVE_DEPTH)
        return move_up(removal, parent, name);
    fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0) {
        removal_failed(removal, name);
        return false;
    }
    return remove_content(removal, fd, depth + 1) && unlink_entry(removal, parent, name, AT_REMOVEDIR);
}

static bool is_directory(int parent, const struct dirent *entry) {
    struct stat status;

    if (entry->d_type != DT_UNKNOWN)
        return entry->d_type == DT_DIR;
    return fstatat(parent, entry->d_name, &status, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(status.st_mode);
}

/* Empty @directory, which is closed. Returns whether it is empty now. */
static bool remove_content(struct removal *removal, int directory, unsigned depth) {
    DIR *stream = fdopendir(directory);
    bool is_empty, has_progressed;

    if (stream == NULL) {
        removal_failed(removal, ".");
        close(directory);
        return false;
    }
    /* Directories were moved up, or entries were passed over while others went: look again. */
    do {
        struct dirent *entry;

        is_empty = true;
        has_progressed = false;
        rewinddir(stream);
        while ((entry = readdir(stream)) != NULL) {
            bool is_gone;

            if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
                continue;
            is_empty = false;
            is_gone = is_directory(directory, entry) ? remove_directory(removal, directory, entry->d_name, depth)
                                                     : unlink_entry(removal, directory, entry->d_name, 0);
            has_progressed = has_progressed || is_gone;
        }
    } while (!is_empty && has_progressed);
    closedir(stream);
    return is_empty;
}

int file_remove_tree(const char *path, struct error *err) {
    struct removal removal = {.path = path, .err = err};
    struct stat status;

    if (lstat(path, &status) < 0) {
        if (errno == ENOENT)
            return 0;
        return error_errno(err, "Failed to remove '%s'", path);
    }
    if (!S_ISDIR(status.st_mode)) {
        if (unlink(path) < 0 && errno != ENOENT)
            return error_errno(err, "Failed to remove '%s'", path);
        return 0;
    }
    removal.top = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (removal.top < 0)
        return error_errno(err, "Failed to open '%s'", path);
    remove_content(&removal, removal.top, 0);
    if (removal.has_failed)
        return -1;
    if (rmdir(path) < 0 && errno != ENOENT)
        return error_errno(err, "Failed to remove '%s'", path);
    return 0;
}
