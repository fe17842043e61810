/* SPDX-License-Identifier: Apache-2.0 */
/* Containers of an earlier agent. */
#include <errno.h>
#include <string.h>
#include <sys/syscall.h>

#include "base/log.h"
#include "base/text.h"
#include "containerizer/monitor.h"
#include "containerizer/posix_container.h"
#include "containerizer/runtime.h"
#include "mesos/internal/container.pb-c.h"

/* How it was launched: Mesos's ContainerConfig behind its size as four bytes, the lowest first. */
#define CONFIG_FILE "config"

enum { CONFIG_HEAD_BYTES = 4, LARGEST_CONFIG_BYTES = 64 * 1024 * 1024 };

void posix_config_encode(const struct container_config *config, struct buffer *ret) {
    Mesos__Internal__Slave__ContainerConfig message = MESOS__INTERNAL__SLAVE__CONTAINER_CONFIG__INIT;
    message.directory = (char *)config->directory;
    message.user = (char *)config->user;
    message.command_info = (Mesos__V1__CommandInfo *)config->command;
    message.container_info = (Mesos__V1__ContainerInfo *)config->container;
    message.resources = (Mesos__V1__Resource **)config->resources;
    message.n_resources = config->resource_count;
    const size_t size = MESSAGE_SIZE(&message);
    const char head[CONFIG_HEAD_BYTES] = {(char)size, (char)(size >> 8), (char)(size >> 16), (char)(size >> 24)};
    buffer_append(ret, head, sizeof(head));
    MESSAGE_ENCODE(&message, ret);
}

int posix_config_write(const struct posix_container *container, struct error *err) {
    return runtime_write(container->runtime_path, CONFIG_FILE, container->config.data, container->config.size, err);
}

/* The resources of a nested container, which nobody tells again (MesosContainerizerProcess::usage() of Mesos takes them
 * from there too); those of an executor come with update(). */
static void read_config(struct posix_container *container) {
    cleanup_free char *path = path_join(container->runtime_path, CONFIG_FILE);
    cleanup_(arena_done) struct arena arena = ARENA_INIT;
    cleanup_buffer struct buffer record = BUFFER_INIT;
    cleanup_error struct error err = ERROR_INIT;
    Mesos__Internal__Slave__ContainerConfig *config = NULL;
    if (!env_file_exists(container->posix->env, path))
        return;
    if (env_file_read(container->posix->env, path, LARGEST_CONFIG_BYTES, &record, &err) < 0 ||
        record.size < CONFIG_HEAD_BYTES ||
        MESSAGE_DECODE(&mesos__internal__slave__container_config__descriptor, record.data + CONFIG_HEAD_BYTES,
                       record.size - CONFIG_HEAD_BYTES, &arena, &config, &err) < 0)
        log_warning("The resources of container %s are not known: '%s' can not be read: %s", container->id, path,
                    error_message(&err));
    else
        posix_container_set_resources(container, config->resources, config->n_resources);
}

static void on_process_gone(struct watch *watch, void *user) {
    struct posix_container *container = user;
    log_info("Container %s has ended", container->id);
    posix_monitor_gone(container);
}

/* The pid of whoever watches the container, 0 if it is over. */
static int find_watcher(struct posix_container *container, int *ret_pid, struct error *err) {
    int result = runtime_lock_holder(container->runtime_path, ret_pid, err);
    if (result <= 0)
        return result;
    container->is_foreign = true;
    *ret_pid = runtime_foreign_pid(container->runtime_path);
    return 0;
}

/* Watch the monitor, if it is there; it is looked for again once we have a handle, which only then is surely its. */
static int attach(struct posix_container *container, struct error *err) {
    int pid, again;
    if (find_watcher(container, &pid, err) < 0)
        return -1;
    if (pid == 0)
        return 0;
    container->pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
    if (container->pidfd < 0 && errno == ESRCH)
        return 0;
    if (container->pidfd < 0)
        return error_errno(err, "opening process %d", pid);
    if (find_watcher(container, &again, err) < 0)
        return -1;
    if (again != pid) {
        close(container->pidfd);
        container->pidfd = -1;
        return 0;
    }
    container->monitor_pid = pid;
    if (runtime_read_number(container->runtime_path, MONITOR_COMMAND_FILE, &container->command_pid, err) < 0)
        return -1;
    return loop_watch(container->posix->loop, container->pidfd, on_process_gone, container, &container->pidfd_watch,
                      err);
}

static int recover_container(struct posix *posix, const char *id, bool is_wanted, struct error *err);

/* The containers nested in @parent (NULL: the outermost ones). */
static int recover_below(struct posix *posix, const char *runtime_path, const char *parent, bool is_wanted,
                         struct error *err) {
    cleanup_free char *path = path_join(runtime_path, "containers");
    char **names;
    if (!env_file_exists(posix->env, path))
        return 0;
    if (env_list_directory(posix->env, path, &names, err) < 0)
        return -1;
    int result = 0;
    for (size_t i = 0; names[i] != NULL && result == 0; i++) {
        cleanup_free char *id = parent != NULL ? xasprintf("%s.%s", parent, names[i]) : xstrdup(names[i]);
        if (table_find(&posix->containers, id) == NULL)
            result = recover_container(posix, id, is_wanted, err);
    }
    env_names_free(names);
    return result;
}

static int recover_container(struct posix *posix, const char *id, bool is_wanted, struct error *err) {
    char *runtime_path;
    if (runtime_container_path(posix->runtime_dir, id, &runtime_path, err) < 0)
        return -1;
    struct posix_container *container = posix_container_new(posix, id, runtime_path);
    container->state = POSIX_RUNNING;
    container->checkpoint = container->owns_runtime = true;
    container->is_unwanted = !is_wanted;
    if (attach(container, err) < 0)
        return error_wrap(err, "recovering container %s", id);
    if (is_wanted && strchr(id, '.') != NULL) {
        read_config(container);
        posix->base.events->on_recovered(posix->base.user, id);
    }
    if (recover_below(posix, runtime_path, id, is_wanted, err) < 0)
        return -1;
    if (container->monitor_pid == 0) {
        runtime_give_up(runtime_path);
        posix_monitor_gone(container);
    } else if (!is_wanted) {
        log_info("Destroying container %s, which nobody wants", id);
        posix_container_kill(container);
    } else {
        log_info("Recovered container %s at pid %d", id, container->monitor_pid);
    }
    return 0;
}

int posix_recover(struct containerizer *containerizer, char *const *ids, size_t count, struct error *err) {
    struct posix *posix = posix_from(containerizer);
    for (size_t i = 0; i < count; i++) {
        if (table_find(&posix->containers, ids[i]) == NULL && recover_container(posix, ids[i], true, err) < 0)
            return -1;
    }
    return recover_below(posix, posix->runtime_dir, NULL, false, err);
}
