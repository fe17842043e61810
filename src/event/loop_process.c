/* SPDX-License-Identifier: Apache-2.0 */
/* Signals, child processes and descriptors to be watched. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "base/text.h"
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

/* Children
 *
 * vfork(), not fork(): the child borrows the memory of this process until it executes its program, so that a start
 * costs the same however large the process is. The child therefore calls nothing but the kernel, and all signals are
 * blocked until it has forgotten the handlers of this process. Its end is told by a pidfd, not by SIGCHLD, which
 * belongs to the host process of libmesos. */

enum { GIVEN_FDS = 4 };

struct child {
    uv_poll_t handle;    /* of pidfd */
    struct list member;  /* in loop->children */
    child_exit *on_exit; /* NULL: nobody wants to know */
    void *user;
    int pid, pidfd;
};

/* What the child needs between vfork() and the program. */
struct start {
    const char *program;
    char *const *arguments, *const *environment;
    const char *directory;
    int fds[GIVEN_FDS]; /* for descriptor 0 to 3; -1: /dev/null, or none for 3 */
    bool new_session;
    sigset_t blocked;
    int report_fd; /* takes the errno of what the child could not do; executing the program closes it */
};

static void on_child_closed(uv_handle_t *handle) {
    free(handle->data);
}

static void child_close(struct child *child) {
    list_remove(&child->member);
    uv_close((uv_handle_t *)&child->handle, on_child_closed);
    close(child->pidfd);
}

static void on_child_end(uv_poll_t *handle, int status, int events) {
    struct child *child = handle->data;
    int wait_status = W_EXITCODE(EXIT_FAILURE, 0); /* should somebody else have waited for it */
    pid_t result;

    loop_enter(container_of(handle->loop, struct loop, uv));
    result = waitpid(child->pid, &wait_status, WNOHANG);
    if (result == 0 || (result < 0 && errno == EINTR))
        return;
    uv_poll_stop(handle);
    if (child->on_exit != NULL)
        child->on_exit(child, wait_status, child->user);
    child_close(child);
}

/* In the child, in the parent's memory. */

static bool give_descriptors(struct start *start) {
    for (int i = 0; i < GIVEN_FDS; i++) {
        /* Out of the way of those that come to lie at 0 to 3. */
        if (start->fds[i] >= 0 && start->fds[i] < GIVEN_FDS)
            start->fds[i] = fcntl(start->fds[i], F_DUPFD_CLOEXEC, GIVEN_FDS);
        else if (i <= STDERR_FILENO && start->fds[i] < 0)
            start->fds[i] = open("/dev/null", (i == STDIN_FILENO ? O_RDONLY : O_RDWR) | O_CLOEXEC);
        else
            continue;
        if (start->fds[i] < 0)
            return false;
    }
    for (int i = 0; i < GIVEN_FDS; i++) {
        if (start->fds[i] == i ? fcntl(i, F_SETFD, 0) < 0 : start->fds[i] >= 0 && dup2(start->fds[i], i) < 0)
            return false;
    }
    return true;
}

static void forget_signals(void) {
    struct sigaction action = {.sa_handler = SIG_DFL};
    sigset_t none;

    for (int number = 1; number < NSIG; number++)
        sigaction(number, &action, NULL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

_Noreturn static void run_child(struct start *start) {
    int failure;

    if ((!start->new_session || setsid() >= 0) && give_descriptors(start) &&
        (start->directory == NULL || chdir(start->directory) == 0)) {
        forget_signals();
        execvpe(start->program, start->arguments, start->environment);
    }
    failure = errno;
    if (write(start->report_fd, &failure, sizeof(failure)) < 0)
        _exit(126);
    _exit(127);
}

/* Nothing is kept in variables across vfork(), which returns twice. */
__attribute__((noinline)) static pid_t start_child(struct start *start) {
    pid_t pid = vfork();

    if (pid == 0)
        run_child(start);
    return pid;
}

/* In the parent. */

static const char *find_variable(char *const *environment, const char *name) {
    const size_t size = strlen(name);

    for (; *environment != NULL; environment++) {
        if (strncmp(*environment, name, size) == 0 && (*environment)[size] == '=')
            return *environment + size + 1;
    }
    return NULL;
}

/* The program as the child, with its PATH and directory, finds it; what is not found is told by execve(). */
static char *find_program(const struct child_options *options, char *const *environment) {
    const char *path = find_variable(environment, "PATH");

    if (strchr(options->file, '/') != NULL)
        return xstrdup(options->file);
    if (path == NULL)
        path = "/usr/local/bin:/usr/bin:/bin";
    for (;;) {
        const size_t size = strcspn(path, ":");
        cleanup_free char *entry = size == 0 ? xstrdup(".") : xstrndup(path, size);
        const bool is_relative = entry[0] != '/' && options->directory != NULL;
        cleanup_free char *candidate = xasprintf("%s%s%s/%s", is_relative ? options->directory : "",
                                                 is_relative ? "/" : "", entry, options->file);
        struct stat status;

        if (stat(candidate, &status) == 0 && S_ISREG(status.st_mode) && access(candidate, X_OK) == 0)
            return take_ptr(&candidate);
        if (path[size] == '\0')
            return xasprintf("./%s", options->file);
        path += size + 1;
    }
}

/* Start the child and wait until it executes its program; -1 with errno if it could not. */
static pid_t run_start(struct start *start) {
    cleanup_close int read_fd = -1;
    int fds[2], failure = 0;
    sigset_t all, before;
    pid_t pid;

    if (pipe2(fds, O_CLOEXEC) < 0)
        return -1;
    read_fd = fds[0];
    /* Away from 0 to 3, which are given to the child. */
    start->report_fd = fcntl(fds[1], F_DUPFD_CLOEXEC, GIVEN_FDS);
    close(fds[1]);
    if (start->report_fd < 0)
        return -1;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    pid = start_child(start);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    close(start->report_fd);
    if (pid < 0)
        return -1;
    /* vfork() has waited already, but where a tool makes it a fork(). */
    while (read(read_fd, &failure, sizeof(failure)) < 0 && errno == EINTR)
        ;
    if (failure == 0)
        return pid;
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
        ;
    errno = failure;
    return -1;
}

static pid_t start_program(const struct child_options *options) {
    char *const *environment = options->environment != NULL ? options->environment : environ;
    cleanup_free char *program = find_program(options, environment);
    struct start start = {
        .program = program,
        .arguments = options->arguments,
        .environment = environment,
        .directory = options->directory,
        .fds = {options->stdin_fd, options->stdout_fd, options->stderr_fd, options->extra_fd},
        .new_session = options->new_session,
    };

    return run_start(&start);
}

int loop_spawn(struct loop *loop, const struct child_options *options, child_exit *on_exit, void *user,
               struct child **ret_child, struct error *err) {
    const pid_t pid = start_program(options);
    struct child *child;
    int pidfd, result;

    if (pid < 0)
        return error_errno(err, "Failed to start '%s'", options->file);
    pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
    child = new0(struct child);
    result = pidfd < 0 ? -errno : uv_poll_init(&loop->uv, &child->handle, pidfd);
    if (result < 0) {
        kill(pid, SIGKILL);
        while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
            ;
        if (pidfd >= 0)
            close(pidfd);
        free(child);
        return error_uv(err, result, "Failed to watch '%s'", options->file);
    }
    child->pid = pid;
    child->pidfd = pidfd;
    child->on_exit = on_exit;
    child->user = user;
    child->handle.data = child;
    list_append(&loop->children, &child->member);
    uv_poll_start(&child->handle, UV_READABLE, on_child_end);
    if (ret_child != NULL)
        *ret_child = child;
    return 0;
}

int child_pid(const struct child *child) {
    return child->pid;
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
