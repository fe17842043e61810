/* SPDX-License-Identifier: Apache-2.0 */
/* What is left of a container whose monitor was killed. Its descendants have no common ancestor any more; they are
 * known by the session of the command, which died with the monitor, and by what an agent has put into their
 * environment. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "containerizer/monitor.h"
#include "containerizer/posix_container.h"
#include "containerizer/runtime.h"

/* Whatever forks faster than it is killed is given up after so many looks. */
#define LOOKS_MOST 100

/* Where the environment names the sandbox. */
static const char *const variables[] = {"MESOS_SANDBOX=", "MESOS_DIRECTORY="};

static bool entry_names(const char *entry, const char *sandbox) {
    for (size_t i = 0; i < ARRAY_SIZE(variables); i++) {
        size_t size = strlen(variables[i]);
        if (strncmp(entry, variables[i], size) == 0 && strcmp(entry + size, sandbox) == 0)
            return true;
    }
    return false;
}

static bool environment_names(int pid, const char *sandbox) {
    char path[32];
    snprintf(path, sizeof(path), "/proc/%d/environ", pid);
    cleanup_close int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    cleanup_buffer struct buffer environment = BUFFER_INIT;
    ssize_t size;
    while ((size = read(fd, buffer_reserve(&environment, 16384), 16384)) > 0)
        buffer_added(&environment, size);
    const char *entry = buffer_text(&environment), *end = entry + environment.size;
    for (; entry < end; entry += strlen(entry) + 1) {
        if (entry_names(entry, sandbox))
            return true;
    }
    return false;
}

static bool belongs(const struct process_info *process, int command_pid, const char *sandbox) {
    if (process->state == 'Z' || process->pid == getpid())
        return false;
    if (command_pid > 1 && (process->session == command_pid || process->group == command_pid))
        return true;
    return sandbox != NULL && environment_names(process->pid, sandbox);
}

void posix_sweep(const struct posix_container *container) {
    cleanup_(process_table_done) struct process_table table = {0};
    cleanup_free char *sandbox = runtime_read_link(container->runtime_path, MONITOR_SANDBOX_LINK);
    size_t killed = 1;
    for (int look = 0; look < LOOKS_MOST && killed > 0 && process_table_read(&table, NULL) == 0; look++) {
        killed = 0;
        for (size_t i = 0; i < table.count; i++) {
            if (!belongs(&table.items[i], container->command_pid, sandbox))
                continue;
            log_debug("Killing process %d, left of container %s", table.items[i].pid, container->id);
            kill(table.items[i].pid, SIGKILL);
            killed++;
        }
    }
}
