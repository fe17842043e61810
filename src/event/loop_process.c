/* SPDX-License-Identifier: Apache-2.0 */
/* Signals, child processes and descriptors to be watched. */
#include <assert.h>
#include <errno.h>
#include <sys/wait.h>

#include "event/loop_internal.h"

/* Signals */

struct signal_watch {
    uv_signal_t handle;
    struct list member; /* in loop->signals */
    int number;
    void (*callback)(int number, void *user);
    void *user;
};

static void on_signal(uv_signal_t *handle, int number) {
    struct signal_watch *watch = handle->data;

    loop_enter(container_of(handle->loop, struct loop, uv));
    watch->callback(number, watch->user);
}

static void on_signal_closed(uv_handle_t *handle) {
    free(handle->data);
}

static void signal_close(struct signal_watch *watch) {
    list_remove(&watch->member);
    uv_close((uv_handle_t *)&watch->handle, on_signal_closed);
}

static struct signal_watch *find_signal(struct loop *loop, int number) {
    struct signal_watch *watch;

    list_for_each (&loop->signals, watch, member)
        if (watch->number == number)
            return watch;
    return NULL;
}

int loop_on_signal(struct loop *loop, int number, void (*callback)(int number, void *user), void *user,
                   struct error *err) {
    struct signal_watch *watch = find_signal(loop, number);
    int result;

    if (callback == NULL) {
        if (watch != NULL)
            signal_close(watch);
        return 0;
    }
    if (watch == NULL) {
        watch = new0(struct signal_watch);
        watch->number = number;
        watch->handle.data = watch;
        uv_signal_init(&loop->uv, &watch->handle);
        list_append(&loop->signals, &watch->member);
        result = uv_signal_start(&watch->handle, on_signal, number);
        if (result < 0) {
            signal_close(watch);
            return error_uv(err, result, "Failed to wait for signal %d", number);
        }
    }
    watch->callback = callback;
    watch->user = user;
    return 0;
}

/* Children */

struct child {
    uv_process_t handle;
    struct list member;  /* in loop->children */
    child_exit *on_exit; /* NULL: nobody wants to know */
    void *user;
};

static void on_child_closed(uv_handle_t *handle) {
    free(handle->data);
}

static void child_close(struct child *child) {
    list_remove(&child->member);
    uv_close((uv_handle_t *)&child->handle, on_child_closed);
}

static void on_child_exit(uv_process_t *handle, int64_t exit_status, int signal_number) {
    struct child *child = handle->data;

    loop_enter(container_of(handle->loop, struct loop, uv));
    if (child->on_exit != NULL)
        child->on_exit(child, W_EXITCODE((int)exit_status, signal_number), child->user);
    child_close(child);
}

static uv_stdio_container_t give_fd(int fd) {
    uv_stdio_container_t container = {.flags = fd < 0 ? UV_IGNORE : UV_INHERIT_FD};

    container.data.fd = fd;
    return container;
}

int loop_spawn(struct loop *loop, const struct child_options *options, child_exit *on_exit, void *user,
               struct child **ret_child, struct error *err) {
    struct child *child = new0(struct child);
    uv_stdio_container_t descriptors[] = {
        give_fd(options->stdin_fd),
        give_fd(options->stdout_fd),
        give_fd(options->stderr_fd),
        give_fd(options->extra_fd),
    };
    /* libuv gives /dev/null for what is ignored among the first three only. */
    const uv_process_options_t uv_options = {
        .exit_cb = on_child_exit,
        .file = options->file,
        .args = (char **)options->arguments,
        .env = (char **)options->environment,
        .cwd = options->directory,
        .flags = options->new_session ? UV_PROCESS_DETACHED : 0,
        .stdio_count = options->extra_fd < 0 ? 3 : 4,
        .stdio = descriptors,
    };
    int result;

    child->on_exit = on_exit;
    child->user = user;
    child->handle.data = child;
    list_append(&loop->children, &child->member);
    result = uv_spawn(&loop->uv, &child->handle, &uv_options);
    if (result < 0) {
        child_close(child);
        return error_uv(err, result, "Failed to start '%s'", options->file);
    }
    if (ret_child != NULL)
        *ret_child = child;
    return 0;
}

int child_pid(const struct child *child) {
    return uv_process_get_pid(&child->handle);
}

void child_forget(struct child *child) {
    child->on_exit = NULL;
}

/* Descriptors */

struct watch {
    uv_poll_t handle;
    void (*on_readable)(struct watch *watch, void *user);
    void *user;
};

static void on_readable(uv_poll_t *handle, int status, int events) {
    struct watch *watch = handle->data;

    /* An error makes the descriptor readable too: whoever reads it learns what is wrong. */
    loop_enter(container_of(handle->loop, struct loop, uv));
    watch->on_readable(watch, watch->user);
}

static void on_watch_closed(uv_handle_t *handle) {
    free(handle->data);
}

int loop_watch(struct loop *loop, int fd, void (*callback)(struct watch *watch, void *user), void *user,
               struct watch **ret_watch, struct error *err) {
    struct watch *watch = new0(struct watch);
    int result = uv_poll_init(&loop->uv, &watch->handle, fd);

    if (result < 0) {
        free(watch);
        return error_uv(err, result, "Failed to watch descriptor %d", fd);
    }
    watch->handle.data = watch;
    watch->on_readable = callback;
    watch->user = user;
    result = uv_poll_start(&watch->handle, UV_READABLE, on_readable);
    if (result < 0) {
        watch_close(watch);
        return error_uv(err, result, "Failed to watch descriptor %d", fd);
    }
    *ret_watch = watch;
    return 0;
}

void watch_close(struct watch *watch) {
    if (watch != NULL)
        uv_close((uv_handle_t *)&watch->handle, on_watch_closed);
}

void loop_processes_close(struct loop *loop) {
    struct signal_watch *watch;
    struct child *child;

    list_for_each (&loop->signals, watch, member)
        signal_close(watch);
    list_for_each (&loop->children, child, member)
        child_close(child);
}
