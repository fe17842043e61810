/* SPDX-License-Identifier: Apache-2.0 */
/* Looking at files that others may change meanwhile. What is opened is checked, not its path: between the two a link
 * may have been put in. */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"
#include "event/loop_internal.h"

struct real_file {
    struct env_open_file base;
    int fd;
};

/* "/proc/self/fd/<fd>"; the caller frees. */
static char *descriptor_path(int fd) {
    return xasprintf("/proc/self/fd/%d", fd);
}

/* The path of @fd is @root or below it. */
static bool is_below(int fd, const char *root) {
    cleanup_free char *link = descriptor_path(fd);
    char real_root[PATH_MAX], real[PATH_MAX];
    ssize_t size = readlink(link, real, sizeof(real) - 1);
    size_t root_size;

    if (size < 0 || realpath(root, real_root) == NULL)
        return false;
    real[size] = '\0';
    root_size = strlen(real_root);
    return strncmp(real, real_root, root_size) == 0 && (real[root_size] == '\0' || real[root_size] == '/');
}

static int read_status(int fd, struct env_file_status *ret) {
    const struct passwd *user;
    const struct group *group;
    struct stat info;

    if (fstat(fd, &info) < 0)
        return -1;
    *ret = (struct env_file_status){
        .mode = info.st_mode,
        .size = (uint64_t)info.st_size,
        .links = (uint64_t)info.st_nlink,
        .modified_ns = info.st_mtim.tv_sec * SECOND + info.st_mtim.tv_nsec,
    };
    snprintf(ret->user, sizeof(ret->user), "%u", info.st_uid);
    snprintf(ret->group, sizeof(ret->group), "%u", info.st_gid);
    if ((user = getpwuid(info.st_uid)) != NULL && strlen(user->pw_name) < sizeof(ret->user))
        snprintf(ret->user, sizeof(ret->user), "%s", user->pw_name);
    if ((group = getgrgid(info.st_gid)) != NULL && strlen(group->gr_name) < sizeof(ret->group))
        snprintf(ret->group, sizeof(ret->group), "%s", group->gr_name);
    return 0;
}

static int open_path(const char *path, const char *root, struct env_file_status *ret_status, int *ret_fd) {
    int fd = open(path, O_PATH | O_CLOEXEC);

    if (fd < 0)
        return errno == ENOENT || errno == ENOTDIR || errno == ELOOP || errno == ENAMETOOLONG ? ENV_FILE_ABSENT : -1;
    if (!is_below(fd, root) || read_status(fd, ret_status) < 0) {
        close(fd);
        return ENV_FILE_OUTSIDE;
    }
    *ret_fd = fd;
    return 0;
}

/* Opening a device or a pipe would do something, so that those are only looked at. */
static int reopen(int fd, const struct env_file_status *status) {
    cleanup_free char *path = descriptor_path(fd);
    int readable;

    if (!S_ISREG(status->mode) && !S_ISDIR(status->mode))
        return fd;
    readable = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    close(fd);
    return readable;
}

int loop_file_open(struct env *env, const char *root, const char *path, struct env_open_file **ret,
                   struct env_file_status *ret_status, struct error *err) {
    cleanup_free char *joined = path_join(root, path);
    struct real_file *file;
    int fd = -1, result = open_path(joined, root, ret_status, &fd);

    if (result > 0)
        return result;
    if (result == 0)
        fd = reopen(fd, ret_status);
    if (fd < 0)
        return error_errno(err, "Failed to open '%s'", joined);
    file = new0(struct real_file);
    file->fd = fd;
    file->base.path = descriptor_path(fd);
    *ret = &file->base;
    return 0;
}

int loop_open_file_read(struct env_open_file *base, int64_t offset, size_t size, struct buffer *ret,
                        struct error *err) {
    const struct real_file *file = container_of(base, struct real_file, base);
    char *data = buffer_reserve(ret, size);
    ssize_t got;

    do
        got = pread(file->fd, data, size, offset);
    while (got < 0 && errno == EINTR);
    if (got < 0)
        return error_errno(err, "Failed to read the file");
    buffer_added(ret, (size_t)got);
    return 0;
}

void loop_open_file_close(struct env_open_file *base) {
    struct real_file *file = container_of(base, struct real_file, base);

    close(file->fd);
    free(base->path);
    free(file);
}
