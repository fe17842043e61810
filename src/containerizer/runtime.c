/* SPDX-License-Identifier: Apache-2.0 */
#include "containerizer/runtime.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/duration.h"
#include "base/process_tree.h"
#include "base/text.h"
#include "containerizer/monitor.h"

int runtime_container_path(const char *runtime_dir, const char *id, char **ret_path, struct error *err) {
    cleanup_buffer struct buffer path = BUFFER_INIT;
    buffer_append_string(&path, runtime_dir);
    const char *part = id;
    for (;;) {
        size_t size = strcspn(part, ".");
        cleanup_free char *name = xstrndup(part, size);
        if (!path_is_component(name))
            return error_set(err, EINVAL, "'%s' is no container id", id);
        buffer_printf(&path, "/containers/%s", name);
        if (part[size] == '\0')
            break;
        part += size + 1;
    }
    *ret_path = buffer_take(&path, NULL);
    return 0;
}

static int make_parents(const char *path, struct error *err) {
    cleanup_free char *copy = xstrdup(path);
    for (char *slash = strchr(copy + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        if (mkdir(copy, 0755) < 0 && errno != EEXIST)
            return error_errno(err, "creating '%s'", copy);
        *slash = '/';
    }
    return 0;
}

int runtime_create(const char *path, struct error *err) {
    int result = mkdir(path, 0755);
    if (result < 0 && errno == ENOENT) {
        if (make_parents(path, err) < 0)
            return -1;
        result = mkdir(path, 0755);
    }
    if (result < 0)
        return error_errno(err, "creating '%s'", path);
    cleanup_free char *lock = path_join(path, MONITOR_LOCK_FILE);
    cleanup_close int fd = open(lock, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    return fd < 0 ? error_errno(err, "creating '%s'", lock) : 0;
}

int runtime_read_number(const char *path, const char *name, int *ret, struct error *err) {
    cleanup_free char *file = path_join(path, name);
    cleanup_close int fd = open(file, O_RDONLY | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT)
        return 1;
    char text[32];
    ssize_t size = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
    if (size < 0)
        return error_errno(err, "reading '%s'", file);
    while (size > 0 && (text[size - 1] == '\n' || text[size - 1] == ' '))
        size--;
    if (size == 0)
        return 1;
    text[size] = '\0';
    int64_t number;
    if (integer_parse(text, INT32_MIN, INT32_MAX, &number, err) < 0)
        return error_wrap(err, "reading '%s'", file);
    *ret = (int)number;
    return 0;
}

int runtime_write(const char *path, const char *name, const void *data, size_t size, struct error *err) {
    cleanup_free char *file = path_join(path, name);
    cleanup_close int fd = open(file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    ssize_t result = 0;
    for (size_t done = 0; fd >= 0 && done < size && result >= 0; done += result)
        result = write(fd, (const char *)data + done, size - done);
    return fd < 0 || result < 0 ? error_errno(err, "writing '%s'", file) : 0;
}

char *runtime_read_link(const char *path, const char *name) {
    char target[PATH_MAX];
    cleanup_free char *link = path_join(path, name);
    ssize_t size = readlink(link, target, sizeof(target));
    return size > 0 ? xstrndup(target, size) : NULL;
}

int runtime_lock_holder(const char *path, int *ret_pid, struct error *err) {
    cleanup_free char *file = path_join(path, MONITOR_LOCK_FILE);
    cleanup_close int fd = open(file, O_RDWR | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT)
        return 1;
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    if (fd < 0 || fcntl(fd, F_GETLK, &lock) < 0)
        return error_errno(err, "looking at '%s'", file);
    *ret_pid = lock.l_type == F_UNLCK ? 0 : lock.l_pid;
    return 0;
}

/* When a process was started, in ns since the epoch; -1 if it is not there. */
static int64_t process_started(int pid) {
    struct process_info info;
    if (process_info_read(pid, &info) < 0 || info.state == 'Z')
        return -1;
    struct timespec boot, wall;
    clock_gettime(CLOCK_BOOTTIME, &boot);
    clock_gettime(CLOCK_REALTIME, &wall);
    int64_t since_boot = boot.tv_sec * SECOND + boot.tv_nsec;
    int64_t now = wall.tv_sec * SECOND + wall.tv_nsec;
    return now - since_boot + (int64_t)(info.start_ticks * SECOND / sysconf(_SC_CLK_TCK));
}

int runtime_foreign_pid(const char *path) {
    int pid;
    struct stat state;
    cleanup_free char *file = path_join(path, MONITOR_PID_FILE);
    if (runtime_read_number(path, MONITOR_PID_FILE, &pid, NULL) != 0 || pid <= 1 || stat(file, &state) < 0)
        return 0;
    int64_t written = state.st_mtim.tv_sec * SECOND + state.st_mtim.tv_nsec;
    int64_t started = process_started(pid);
    /* One second for the coarseness of ticks and for small steps of the clock. */
    return started >= 0 && started <= written + SECOND ? pid : 0;
}

void runtime_give_up(const char *path) {
    cleanup_free char *lock = path_join(path, MONITOR_LOCK_FILE);
    unlink(lock);
}

static int remove_entry(const char *path, const struct stat *state, int type, struct FTW *walk) {
    return remove(path);
}

int runtime_remove(const char *path, struct error *err) {
    if (nftw(path, remove_entry, 16, FTW_DEPTH | FTW_PHYS) < 0 && errno != ENOENT)
        return error_errno(err, "removing '%s'", path);
    return 0;
}
