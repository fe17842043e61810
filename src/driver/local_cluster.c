/* SPDX-License-Identifier: Apache-2.0 */
#include "driver/local_cluster.h"

#include <dlfcn.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/memory.h"
#include "event/files.h"

/* How long the cluster may take to begin and to end. */
enum { START_TIMEOUT_MS = 30000, END_TIMEOUT_MS = 5000, CONTROLLER_FD = 3 };

struct local_cluster {
    char *work_dir; /* made for this cluster; NULL: MESOS_WORK_DIR is the user's, and stays */
    pid_t pid;
    int controller; /* our end: mesos-local tells its master's address there, and ends when it is closed */
    char master[64];
};

/* Beside the file that holds this function, or in ../bin from there. The caller frees. */
static char *find_program(void) {
    static const char *const places[] = {"mesos-local", "../bin/mesos-local", "../../bin/mesos-local"};
    const char *wanted = getenv("MESOS_LOCAL_PROGRAM"), *slash;
    Dl_info self;

    if (wanted != NULL)
        return xstrdup(wanted);
    if (dladdr((void *)(uintptr_t)find_program, &self) == 0 || (slash = strrchr(self.dli_fname, '/')) == NULL)
        return xstrdup("mesos-local");
    for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
        char *path = xasprintf("%.*s/%s", (int)(slash - self.dli_fname), self.dli_fname, places[i]);

        if (access(path, X_OK) == 0)
            return path;
        free(path);
    }
    return xstrdup("mesos-local");
}

/* Another cluster's folder would do for neither of them, and one that was left behind not for agents on other ports. */
static int make_work_dir(struct local_cluster *cluster, struct error *err) {
    const char *temporary = getenv("TMPDIR");

    if (getenv("MESOS_WORK_DIR") != NULL)
        return 0;
    cluster->work_dir = xasprintf("%s/mesos-local-XXXXXX", temporary == NULL ? "/tmp" : temporary);
    if (mkdtemp(cluster->work_dir) != NULL)
        return 0;
    error_errno(err, "%s", cluster->work_dir);
    free(take_ptr(&cluster->work_dir));
    return -1;
}

/* Nobody can be told that it is still there. */
static void remove_work_dir(struct local_cluster *cluster) {
    if (cluster->work_dir != NULL)
        file_remove_tree(cluster->work_dir, NULL);
    free(cluster->work_dir);
}

static int spawn(struct local_cluster *cluster, const char *program, int controller, struct error *err) {
    cleanup_free char *work_dir = cluster->work_dir == NULL ? NULL : xasprintf("--work_dir=%s", cluster->work_dir);
    char *arguments[] = {(char *)(uintptr_t) "mesos-local",
                         (char *)(uintptr_t) "--ip=127.0.0.1",
                         (char *)(uintptr_t) "--port=0",
                         (char *)(uintptr_t) "--controller_fd=3",
                         work_dir,
                         NULL};
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t none, all;
    int result;

    sigemptyset(&none);
    sigfillset(&all);
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, controller, CONTROLLER_FD);
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &all);
    result = posix_spawnp(&cluster->pid, program, &actions, &attributes, arguments, environ);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    return result == 0 ? 0 : error_set(err, result, "%s: %s", program, strerror(result));
}

/* A line with the address comes once the cluster is there; the end of the stream says that it could not be. */
static int await_master(struct local_cluster *cluster, struct error *err) {
    struct pollfd readable = {.fd = cluster->controller, .events = POLLIN};
    size_t size = 0;

    while (size == 0 || cluster->master[size - 1] != '\n') {
        ssize_t got;

        if (poll(&readable, 1, START_TIMEOUT_MS) != 1)
            return error_set(err, ETIMEDOUT, "mesos-local did not start in time");
        got = read(cluster->controller, cluster->master + size, sizeof(cluster->master) - size);
        if (got <= 0)
            return error_set(err, ECHILD, "mesos-local ended instead of starting; its stderr says why");
        size += (size_t)got;
        if (size == sizeof(cluster->master))
            return error_set(err, EPROTO, "mesos-local named no address");
    }
    cluster->master[size - 1] = '\0';
    return 0;
}

struct local_cluster *local_cluster_new(struct error *err) {
    struct local_cluster *cluster = new0(struct local_cluster);
    cleanup_free char *program = find_program();
    int ends[2], result;

    if (make_work_dir(cluster, err) < 0) {
        error_wrap(err, "master \"local\"");
        free(cluster);
        return NULL;
    }
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0) {
        error_errno(err, "master \"local\"");
        remove_work_dir(cluster);
        free(cluster);
        return NULL;
    }
    cluster->controller = ends[0];
    result = spawn(cluster, program, ends[1], err);
    close(ends[1]);
    if (result == 0)
        result = await_master(cluster, err);
    if (result == 0)
        return cluster;
    error_wrap(err, "master \"local\"");
    local_cluster_free(cluster);
    return NULL;
}

/* The host process may reap all children itself: then there is nothing left to wait for. */
void local_cluster_free(struct local_cluster *cluster) {
    int waited_ms = 0;

    if (cluster == NULL)
        return;
    close(cluster->controller);
    while (cluster->pid > 0 && waitpid(cluster->pid, NULL, WNOHANG) == 0) {
        if (waited_ms++ == END_TIMEOUT_MS)
            kill(cluster->pid, SIGKILL);
        usleep(1000);
    }
    remove_work_dir(cluster);
    free(cluster);
}

const char *local_cluster_master(const struct local_cluster *cluster) {
    return cluster->master;
}
