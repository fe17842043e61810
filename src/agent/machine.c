/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/machine.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/sysinfo.h>

static double cpus(void *user) {
    const long count = sysconf(_SC_NPROCESSORS_ONLN);

    return count > 0 ? (double)count : 1;
}

static uint64_t memory_bytes(void *user) {
    struct sysinfo info;

    return sysinfo(&info) == 0 ? (uint64_t)info.totalram * info.mem_unit : 0;
}

static uint64_t disk_bytes(void *user, const char *directory) {
    struct statvfs fs;

    return statvfs(directory, &fs) == 0 ? (uint64_t)fs.f_blocks * fs.f_frsize : 0;
}

static double disk_usage(void *user, const char *directory) {
    struct statvfs fs;

    if (statvfs(directory, &fs) < 0 || fs.f_blocks == 0)
        return -1;
    return (double)(fs.f_blocks - fs.f_bfree) / (double)fs.f_blocks;
}

static int boot_id(void *user, char **ret, struct error *err) {
    char text[64] = "";
    ssize_t size;
    cleanup_close int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);

    if (fd < 0)
        return error_errno(err, "the boot id");
    size = read(fd, text, sizeof(text) - 1);
    if (size < 0)
        return error_errno(err, "the boot id");
    text[strcspn(text, "\n")] = '\0';
    *ret = xstrdup(text);
    return 0;
}

static bool has_program(void *user, const char *path) {
    return access(path, X_OK) == 0;
}

static int give_sandbox(void *user, const char *directory, const char *name, struct error *err) {
    char text[4096];
    struct passwd entry, *found = NULL;

    if (chmod(directory, 0750) < 0)
        return error_errno(err, "changing the mode of '%s'", directory);
    if (name == NULL)
        return 0;
    if (getpwnam_r(name, &entry, text, sizeof(text), &found) != 0 || found == NULL)
        return error_set(err, ENOENT, "there is no user '%s'", name);
    if (chown(directory, found->pw_uid, found->pw_gid) < 0)
        return error_errno(err, "giving '%s' to the user '%s'", directory, name);
    return 0;
}

const struct agent_machine agent_real_machine = {
    .cpus = cpus,
    .memory_bytes = memory_bytes,
    .disk_bytes = disk_bytes,
    .disk_usage = disk_usage,
    .boot_id = boot_id,
    .has_program = has_program,
    .give_sandbox = give_sandbox,
    .system_stats = system_stats_read,
};
