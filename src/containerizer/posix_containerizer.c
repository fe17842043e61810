/* SPDX-License-Identifier: Apache-2.0 */
#include "containerizer/posix_containerizer.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "base/log.h"
#include "base/text.h"
#include "containerizer/monitor.h"
#include "containerizer/posix_container.h"
#include "containerizer/runtime.h"

/* Containers and their families */

static bool is_nested(const char *id) {
    return strchr(id, '.') != NULL;
}

static bool is_nested_in(const char *id, const char *parent) {
    size_t size = strlen(parent);
    return strncmp(id, parent, size) == 0 && id[size] == '.';
}

static bool has_nested(const struct posix_container *container) {
    const struct posix_container *other;
    table_for_each (&container->posix->containers, other) {
        if (is_nested_in(other->id, container->id))
            return true;
    }
    return false;
}

static struct posix_container *find_parent(const struct posix *posix, const char *id) {
    const char *dot = strrchr(id, '.');
    return dot == NULL ? NULL : table_find_sized(&posix->containers, id, dot - id);
}

static void on_telling(struct env_timer *timer);

struct posix_container *posix_container_new(struct posix *posix, const char *id, char *runtime_path) {
    struct posix_container *container = new0(struct posix_container);
    container->posix = posix;
    container->id = xstrdup(id);
    container->runtime_path = runtime_path;
    container->pidfd = container->socket_fd = -1;
    env_timer_init(&container->telling, posix->env, on_telling);
    table_add(&posix->containers, container->id, container);
    return container;
}

/* Its turn is over, or will not come. */
static void leave_start(struct posix_container *container) {
    list_remove(&container->waiting);
    if (container->state == POSIX_STARTING)
        container->posix->starting--;
}

/* Let go of its processes' handles; the processes are not touched, but for a monitor that lives by its socket. */
static void release_processes(struct posix_container *container) {
    watch_close(take_ptr(&container->socket_watch));
    watch_close(take_ptr(&container->pidfd_watch));
    if (container->socket_fd >= 0)
        close(container->socket_fd);
    if (container->pidfd >= 0)
        close(container->pidfd);
    container->socket_fd = container->pidfd = -1;
    if (container->monitor != NULL)
        child_forget(take_ptr(&container->monitor));
    posix_fetch_free(container, false);
}

void posix_container_free(struct posix_container *container) {
    leave_start(container);
    release_processes(container);
    table_remove(&container->posix->containers, container->id);
    env_timer_done(&container->telling);
    buffer_done(&container->order);
    buffer_done(&container->config);
    error_done(&container->failure);
    free(container->runtime_path);
    free(container->id);
    free(container);
}

/* The end */

static void start_waiting(struct posix *posix);

static void read_termination(const struct posix_container *container, struct container_termination *ret) {
    *ret = (struct container_termination){.reason = -1};
    cleanup_error struct error err = ERROR_INIT;
    int result = runtime_read_number(container->runtime_path, MONITOR_STATUS_FILE, &ret->status, &err);
    ret->has_status = result == 0;
    if (result < 0)
        log_warning("Container %s: %s", container->id, error_message(&err));
}

static void remove_runtime(const char *path) {
    cleanup_error struct error err = ERROR_INIT;
    if (runtime_remove(path, &err) < 0)
        log_warning("%s", error_message(&err));
}

/* The runtime directory of a nested container stays until it is removed or its root ends, as with Mesos. */
static void clean_up_runtime(const struct posix_container *container, bool failed) {
    if (!container->owns_runtime)
        return;
    if (failed || !is_nested(container->id))
        remove_runtime(container->runtime_path);
    else
        runtime_give_up(container->runtime_path);
}

static void tell_parent(struct posix *posix, const char *id) {
    struct posix_container *parent = find_parent(posix, id);
    if (parent != NULL && parent->state == POSIX_ENDED)
        posix_container_ended(parent);
}

static void on_telling(struct env_timer *timer) {
    struct posix_container *container = container_of(timer, struct posix_container, telling);
    struct posix *posix = container->posix;
    container_launched *on_launched = container->on_launched;
    void *launched_user = container->launched_user;
    bool is_unwanted = container->is_unwanted;
    cleanup_free char *id = xstrdup(container->id);
    cleanup_error struct error failure = ERROR_INIT;
    struct container_termination termination;
    read_termination(container, &termination);
    error_move(&failure, &container->failure);
    clean_up_runtime(container, on_launched != NULL);
    posix_container_free(container);
    tell_parent(posix, id);
    if (on_launched != NULL) {
        if (failure.message == NULL)
            error_set(&failure, 0, "Container destroyed during launch");
        on_launched(launched_user, id, &failure);
    } else if (!is_unwanted) {
        posix->base.events->on_exit(posix->base.user, id, &termination);
    }
}

void posix_container_ended(struct posix_container *container) {
    leave_start(container);
    container->state = POSIX_ENDED;
    release_processes(container);
    posix_destroy_nested(container);
    if (!has_nested(container))
        env_timer_start(&container->telling, 0);
    start_waiting(container->posix);
}

void posix_container_failed(struct posix_container *container, struct error *err) {
    error_move(&container->failure, err);
    posix_container_ended(container);
}

/* The monitor */

static void read_report(struct posix_container *container) {
    char text[MONITOR_REPORT_BYTES + 1];
    ssize_t size = recv(container->socket_fd, text, sizeof(text) - 1, MSG_DONTWAIT);
    if (size < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    watch_close(take_ptr(&container->socket_watch));
    text[size > 0 ? size : 0] = '\0';
    if (sscanf(text, "ok %d", &container->command_pid) != 1) {
        if (text_starts_with(text, "error "))
            error_set(&container->failure, 0, "%s", text + strlen("error "));
        return; /* its exit follows */
    }
    leave_start(container);
    container->state = POSIX_RUNNING;
    start_waiting(container->posix);
    if (container->checkpoint) {
        close(container->socket_fd);
        container->socket_fd = -1;
    }
    if (container->is_destroyed)
        return; /* told with its end: a destroyed launch is a failed one */
    container_launched *on_launched = container->on_launched;
    container->on_launched = NULL;
    on_launched(container->launched_user, container->id, NULL);
}

static void on_report(struct watch *watch, void *user) {
    read_report(user);
}

void posix_monitor_gone(struct posix_container *container) {
    struct container_termination termination;
    read_termination(container, &termination);
    if (!termination.has_status)
        posix_sweep(container);
    if (container->on_launched != NULL && container->failure.message == NULL && !container->is_destroyed)
        error_set(&container->failure, 0, "The container's monitor ended before it had started the command");
    posix_container_ended(container);
}

static void on_monitor_exit(struct child *child, int wait_status, void *user) {
    struct posix_container *container = user;
    cleanup_free char *id = xstrdup(container->id);
    struct posix *posix = container->posix;
    container->monitor = NULL;
    if (container->state == POSIX_STARTING)
        read_report(container);
    /* Telling of the launch may have freed nothing of this: a container goes only by way of its end. */
    container = table_find(&posix->containers, id);
    if (container != NULL)
        posix_monitor_gone(container);
}

static int order_file(const struct buffer *order, struct error *err) {
    int fd = memfd_create("container-order", MFD_CLOEXEC);
    if (fd < 0)
        return error_errno(err, "creating a memory file");
    size_t done = 0;
    while (done < order->size) {
        ssize_t size = write(fd, order->data + done, order->size - done);
        if (size < 0 && errno != EINTR) {
            error_errno(err, "writing a memory file");
            close(fd);
            return -1;
        }
        done += size > 0 ? size : 0;
    }
    lseek(fd, 0, SEEK_SET);
    return fd;
}

static int spawn_monitor(struct posix_container *container, int order_fd, int socket_fd, struct error *err) {
    struct posix *posix = container->posix;
    cleanup_free char *program = path_join(posix->launcher_dir, "mesos-containerizer-monitor");
    /* Nothing of the container's environment: the monitor may have more rights than the command. */
    char *const environment[] = {"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", NULL};
    char *const arguments[] = {"mesos-containerizer-monitor", container->id, NULL};
    struct child_options options = {
        .file = program,
        .arguments = arguments,
        .environment = environment,
        .directory = "/",
        .stdin_fd = order_fd,
        .stdout_fd = container->own_output ? -1 : STDOUT_FILENO,
        .stderr_fd = container->own_output ? -1 : STDERR_FILENO,
        .extra_fd = socket_fd,
        .new_session = true,
    };
    return loop_spawn(posix->loop, &options, on_monitor_exit, container, &container->monitor, err);
}

static int start_monitor(struct posix_container *container, struct error *err) {
    if (runtime_create(container->runtime_path, err) < 0)
        return -1;
    container->owns_runtime = true;
    if (container->checkpoint && posix_config_write(container, err) < 0)
        return -1;
    cleanup_close int order_fd = order_file(&container->order, err);
    if (order_fd < 0)
        return -1;
    int sockets[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets) < 0)
        return error_errno(err, "creating a socket pair");
    container->socket_fd = sockets[0];
    cleanup_close int monitor_end = sockets[1];
    if (loop_watch(container->posix->loop, container->socket_fd, on_report, container, &container->socket_watch, err) <
        0)
        return -1;
    if (spawn_monitor(container, order_fd, monitor_end, err) < 0)
        return error_wrap(err, "starting the container's monitor");
    container->monitor_pid = child_pid(container->monitor);
    buffer_done(&container->order);
    buffer_done(&container->config);
    return 0;
}

/* Those whose turn it is. */
static void start_waiting(struct posix *posix) {
    while (posix->starting < posix->starting_most && !list_is_empty(&posix->waiting)) {
        struct posix_container *container = list_first(&posix->waiting, struct posix_container, waiting);
        struct error err = ERROR_INIT;
        list_remove(&container->waiting);
        container->state = POSIX_STARTING;
        posix->starting++;
        if (start_monitor(container, &err) < 0)
            posix_container_failed(container, &err);
    }
}

void posix_container_start(struct posix_container *container) {
    container->state = POSIX_WAITING;
    list_append(&container->posix->waiting, &container->waiting);
    start_waiting(container->posix);
}

void posix_destroy_nested(struct posix_container *container) {
    struct posix_container *other;
    table_for_each (&container->posix->containers, other) {
        if (is_nested_in(other->id, container->id))
            posix_container_kill(other);
    }
}

static int signal_monitor(struct posix_container *container, struct error *err) {
    int result = 0;
    if (container->is_foreign)
        return process_tree_signal(container->monitor_pid, SIGKILL, PROCESS_TREE_GROUPS | PROCESS_TREE_SESSIONS, NULL,
                                   err);
    if (container->monitor != NULL)
        result = kill(child_pid(container->monitor), SIGTERM);
    else if (container->pidfd >= 0)
        result = (int)syscall(SYS_pidfd_send_signal, container->pidfd, SIGTERM, NULL, 0);
    return result < 0 && errno != ESRCH ? error_errno(err, "sending a signal to its monitor") : 0;
}

static void kill_monitor(struct posix_container *container) {
    cleanup_error struct error err = ERROR_INIT;
    if (signal_monitor(container, &err) == 0)
        return;
    log_error("Failed to destroy container %s: %s", container->id, error_message(&err));
    container->posix->counts.destroy_errors++;
}

void posix_container_kill(struct posix_container *container) {
    posix_destroy_nested(container);
    if (container->is_destroyed)
        return;
    container->is_destroyed = true;
    if (container->state == POSIX_FETCHING)
        posix_fetch_kill(container);
    else if (container->state == POSIX_WAITING)
        posix_container_ended(container);
    else if (container->state != POSIX_ENDED)
        kill_monitor(container);
}

/* The interface */

struct posix_answer *posix_answer_new(struct posix *posix, const char *id, void *user,
                                      void (*on_due)(struct env_timer *timer)) {
    struct posix_answer *answer = new0(struct posix_answer);
    answer->posix = posix;
    answer->user = user;
    answer->id = xstrdup(id);
    list_append(&posix->answers, &answer->member);
    env_timer_init(&answer->timer, posix->env, on_due);
    env_timer_start(&answer->timer, 0);
    return answer;
}

void posix_answer_free(struct posix_answer *answer) {
    env_timer_done(&answer->timer);
    list_remove(&answer->member);
    error_done(&answer->err);
    free(answer->id);
    free(answer);
}

static void on_refusal(struct env_timer *timer) {
    struct posix_answer *answer = container_of(timer, struct posix_answer, timer);
    answer->on_launched(answer->user, answer->id, &answer->err);
    posix_answer_free(answer);
}

static int check_place(const struct posix *posix, const char *id, struct error *err) {
    if (table_find(&posix->containers, id) != NULL)
        return error_set(err, EEXIST, "Container '%s' already started", id);
    if (!is_nested(id))
        return 0;
    const struct posix_container *parent = find_parent(posix, id);
    if (parent == NULL)
        return error_set(err, ENOENT, "The parent of container '%s' does not exist", id);
    if (parent->state == POSIX_ENDED || parent->is_destroyed)
        return error_set(err, ESRCH, "The parent of container '%s' is being destroyed", id);
    return 0;
}

/* The folder that the monitor writes its pid into. What is in it says nothing after a crash of the machine, so that it
 * need not be durable. */
static int make_pid_folder(const struct posix *posix, const char *path, struct error *err) {
    if (path == NULL)
        return 0;
    cleanup_free char *folder = xstrdup(path);
    char *slash = strrchr(folder, '/');
    if (slash == NULL)
        return error_set(err, EINVAL, "'%s' is no absolute path", path);
    *slash = '\0';
    return mkdir(folder, 0755) == 0 || errno == EEXIST ? 0 : env_make_directories(posix->env, folder, err);
}

/* Everything that can be refused at once; on success the container is on its way. */
static int begin_launch(struct posix *posix, const struct container_config *config, container_launched *on_launched,
                        void *user, struct error *err) {
    if (check_place(posix, config->id, err) < 0)
        return -1;
    cleanup_free char *runtime_path = NULL;
    if (runtime_container_path(posix->runtime_dir, config->id, &runtime_path, err) < 0)
        return -1;
    cleanup_buffer struct buffer order = BUFFER_INIT;
    if (posix_order_build(posix, config, runtime_path, &order, err) < 0 || posix_volumes_link(posix, config, err) < 0 ||
        make_pid_folder(posix, config->forked_pid_path, err) < 0)
        return -1;
    struct posix_container *container = posix_container_new(posix, config->id, take_ptr(&runtime_path));
    container->checkpoint = config->checkpoint;
    container->own_output = config->own_output;
    buffer_swap(&container->order, &order);
    if (config->checkpoint)
        posix_config_encode(config, &container->config);
    posix_container_set_resources(container, config->resources, config->resource_count);
    container->on_launched = on_launched;
    container->launched_user = user;
    if (config->command->n_uris == 0) {
        posix_container_start(container);
    } else if (posix_fetch_start(container, config, err) < 0) {
        posix_container_free(container);
        return -1;
    }
    return 0;
}

static void posix_launch(struct containerizer *containerizer, const struct container_config *config,
                         container_launched *on_launched, void *user) {
    struct posix *posix = posix_from(containerizer);
    cleanup_error struct error err = ERROR_INIT;
    if (begin_launch(posix, config, on_launched, user, &err) < 0) {
        struct posix_answer *answer = posix_answer_new(posix, config->id, user, on_refusal);
        answer->on_launched = on_launched;
        error_move(&answer->err, &err);
    }
}

static bool posix_destroy(struct containerizer *containerizer, const char *id) {
    struct posix_container *container = table_find(&posix_from(containerizer)->containers, id);
    if (container == NULL)
        return false;
    posix_container_kill(container);
    return true;
}

static bool posix_kill(struct containerizer *containerizer, const char *id, int number) {
    const struct posix_container *container = table_find(&posix_from(containerizer)->containers, id);
    if (container == NULL || container->state != POSIX_RUNNING)
        return false;
    if (container->is_foreign) /* passed on by its launcher */
        return kill(container->monitor_pid, number) == 0;
    /* The command's pid is its own as long as its parent is the monitor. */
    struct process_info info;
    if (container->command_pid <= 1 || process_info_read(container->command_pid, &info) < 0 ||
        info.parent != container->monitor_pid)
        return true; /* it has ended already, which is about to be told */
    return kill(container->command_pid, number) == 0;
}

static int posix_pid(struct containerizer *containerizer, const char *id) {
    const struct posix_container *container = table_find(&posix_from(containerizer)->containers, id);
    if (container == NULL)
        return 0;
    /* The command may have come to speak with the agent before its monitor has told of it. */
    if (container->state == POSIX_STARTING && container->monitor != NULL)
        return process_first_child(container->monitor_pid);
    if (container->state != POSIX_RUNNING)
        return 0;
    return container->command_pid > 0 ? container->command_pid : container->monitor_pid;
}

static void posix_remove(struct containerizer *containerizer, const char *id) {
    struct posix *posix = posix_from(containerizer);
    cleanup_free char *path = NULL;
    if (is_nested(id) && table_find(&posix->containers, id) == NULL &&
        runtime_container_path(posix->runtime_dir, id, &path, NULL) == 0)
        remove_runtime(path);
}

static void posix_count(struct containerizer *containerizer, struct containerizer_counts *ret) {
    const struct posix *posix = posix_from(containerizer);
    *ret = posix->counts;
    ret->cache_total_bytes = posix->cache.limit_bytes;
    ret->cache_used_bytes = posix->cache.used_bytes;
}

static void posix_free(struct containerizer *containerizer) {
    struct posix *posix = posix_from(containerizer);
    struct posix_container *container;
    /* None of those that wait is to go on. */
    while (!list_is_empty(&posix->fetches_waiting))
        list_remove(posix->fetches_waiting.next);
    table_for_each (&posix->containers, container)
        posix_container_free(container);
    table_done(&posix->containers);
    struct posix_answer *answer;
    list_for_each (&posix->answers, answer, member)
        posix_answer_free(answer);
    process_table_done(&posix->processes);
    fetch_cache_done(&posix->cache);
    free(posix->runtime_dir);
    free(posix->launcher_dir);
    free(posix->work_dir);
    free(posix->frameworks_home);
    free(posix);
}

static const struct containerizer_ops posix_ops = {
    .recover = posix_recover,
    .launch = posix_launch,
    .destroy = posix_destroy,
    .kill = posix_kill,
    .pid = posix_pid,
    .update = posix_update,
    .usage = posix_usage,
    .remove = posix_remove,
    .count = posix_count,
    .free = posix_free,
};

struct containerizer *posix_containerizer_new(struct loop *loop, const struct posix_containerizer_options *options,
                                              struct error *err) {
    struct env *env = loop_env(loop);
    cleanup_free char *containers = path_join(options->runtime_dir, "containers");
    if (env_make_directories(env, containers, err) < 0)
        return NULL;
    struct posix *posix = new0(struct posix);
    posix->base.ops = &posix_ops;
    posix->loop = loop;
    posix->env = env;
    posix->runtime_dir = xstrdup(options->runtime_dir);
    posix->launcher_dir = xstrdup(options->launcher_dir);
    posix->work_dir = xstrdup(options->work_dir);
    posix->frameworks_home = xstrdup(options->frameworks_home);
    posix->fetcher_stall_timeout_ns = options->fetcher_stall_timeout_ns > 0 ? options->fetcher_stall_timeout_ns
                                                                            : MINUTE;
    posix->switch_user = options->switch_user;
    list_init(&posix->answers);
    list_init(&posix->waiting);
    list_init(&posix->fetches_waiting);
    fetch_cache_init(&posix->cache, env, options->fetcher_cache_dir,
                     options->work_dir != NULL ? options->work_dir : options->runtime_dir,
                     options->fetcher_cache_bytes);
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    posix->starting_most = processors > 0 ? 2 * processors : 2;
    return &posix->base;
}
