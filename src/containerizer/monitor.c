/* SPDX-License-Identifier: Apache-2.0 */
#include "containerizer/monitor.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/close_range.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/process_tree.h"

/* How often what refuses to die is killed again. */
#define KILL_AGAIN_LEAST_MS 20
#define KILL_AGAIN_MOST_MS 1000

struct monitor {
    struct monitor_order order;
    int socket_fd;
    int signal_fd;
    int lock_fd;
    int status_fd;
    int command_pid; /* 0 once it has been reaped */
    bool is_ending;  /* everything that is left is to be killed */
    int kill_again_ms;
};

/* Who the command is to be. */
struct identity {
    bool switches;
    uid_t uid;
    gid_t gid;
    gid_t *groups;
    int group_count;
};

static void identity_done(struct identity *identity) {
    free(identity->groups);
}

static int read_order(int fd, struct monitor_order *ret, struct error *err) {
    cleanup_buffer struct buffer bytes = BUFFER_INIT;
    for (;;) {
        char *room = buffer_reserve(&bytes, 65536);
        ssize_t size = read(fd, room, 65536);
        if (size < 0 && errno == EINTR)
            continue;
        if (size < 0)
            return error_errno(err, "reading the order");
        if (size == 0)
            break;
        buffer_added(&bytes, size);
    }
    return monitor_order_decode(bytes.data, bytes.size, ret, err);
}

/* Replace @path by one that holds @number. */
static int write_number(const char *path, int number, struct error *err) {
    cleanup_free char *temporary = xasprintf("%s.new", path);
    cleanup_close int fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    char text[16];
    int size = snprintf(text, sizeof(text), "%d", number);
    if (fd < 0 || write(fd, text, size) != size || rename(temporary, path) < 0)
        return error_errno(err, "writing '%s'", path);
    return 0;
}

static int write_runtime_number(const struct monitor *monitor, const char *name, int number, struct error *err) {
    cleanup_free char *path = xasprintf("%s/%s", monitor->order.runtime_directory, name);
    return write_number(path, number, err);
}

/* Take the lock that the agent has made. A lock file that is gone means that an agent has given this container up
 * before its monitor came to life. */
static int take_lock(struct monitor *monitor, struct error *err) {
    cleanup_free char *path = xasprintf("%s/" MONITOR_LOCK_FILE, monitor->order.runtime_directory);
    monitor->lock_fd = open(path, O_RDWR | O_CLOEXEC);
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    if (monitor->lock_fd < 0 || fcntl(monitor->lock_fd, F_SETLK, &lock) < 0)
        return error_errno(err, "locking '%s'", path);
    struct stat state;
    if (fstat(monitor->lock_fd, &state) < 0 || state.st_nlink == 0)
        return error_set(err, ENOENT, "the container was given up before it began");
    return 0;
}

static int open_status(struct monitor *monitor, struct error *err) {
    cleanup_free char *path = xasprintf("%s/" MONITOR_STATUS_FILE, monitor->order.runtime_directory);
    monitor->status_fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    return monitor->status_fd < 0 ? error_errno(err, "creating '%s'", path) : 0;
}

/* For whoever has to find what is left if the monitor is killed. */
static int link_sandbox(const struct monitor *monitor, struct error *err) {
    cleanup_free char *path = xasprintf("%s/" MONITOR_SANDBOX_LINK, monitor->order.runtime_directory);
    return symlink(monitor->order.directory, path) < 0 ? error_errno(err, "creating '%s'", path) : 0;
}

static int find_identity(const char *user, struct identity *ret, struct error *err) {
    if (user == NULL)
        return 0;
    errno = 0;
    const struct passwd *entry = getpwnam(user);
    if (entry == NULL)
        return error_set(err, errno != 0 ? errno : ENOENT, "user '%s' was not found", user);
    if (entry->pw_uid == geteuid())
        return 0;
    ret->switches = true;
    ret->uid = entry->pw_uid;
    ret->gid = entry->pw_gid;
    ret->group_count = 32;
    ret->groups = xmalloc(ret->group_count * sizeof(gid_t));
    int room = ret->group_count;
    if (getgrouplist(user, ret->gid, ret->groups, &ret->group_count) < 0) {
        if (ret->group_count <= room)
            return error_set(err, EINVAL, "the groups of user '%s' could not be read", user);
        ret->groups = xrealloc(ret->groups, ret->group_count * sizeof(gid_t));
        if (getgrouplist(user, ret->gid, ret->groups, &ret->group_count) < 0)
            return error_set(err, EINVAL, "the groups of user '%s' could not be read", user);
    }
    return 0;
}

/* In the new process, which borrows the memory of the monitor until it executes its program: copying it would cost as
 * much as starting a small program. The monitor's own state is not touched. */

static int apply_limits(const struct monitor_order *order, struct error *err) {
    for (size_t i = 0; i < order->limit_count; i++) {
        const struct monitor_limit *limit = &order->limits[i];
        if (setrlimit(limit->resource, &limit->limit) < 0)
            return error_errno(err, "setting resource limit %d", limit->resource);
    }
    return 0;
}

static int become(const struct identity *identity, struct error *err) {
    if (!identity->switches)
        return 0;
    if (setgroups(identity->group_count, identity->groups) < 0)
        return error_errno(err, "setting the supplementary groups");
    if (setresgid(identity->gid, identity->gid, identity->gid) < 0)
        return error_errno(err, "setting the group to %d", (int)identity->gid);
    if (setresuid(identity->uid, identity->uid, identity->uid) < 0)
        return error_errno(err, "setting the user to %d", (int)identity->uid);
    return 0;
}

/* Opened as the command's user, so that a link put in the sandbox leads nowhere that user could not write. A pipe
 * without a reader must not block us. */
static int open_output(const char *name, int target_fd, struct error *err) {
    cleanup_close int fd = open(name, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0644);
    struct stat state;
    if (fd < 0 || fstat(fd, &state) < 0)
        return error_errno(err, "opening '%s' in the sandbox", name);
    if (!S_ISREG(state.st_mode))
        return error_set(err, EINVAL, "'%s' in the sandbox is no file", name);
    if (fcntl(fd, F_SETFL, O_APPEND) < 0 || dup2(fd, target_fd) < 0)
        return error_errno(err, "redirecting to '%s' in the sandbox", name);
    return 0;
}

static int redirect(const struct monitor_order *order, struct error *err) {
    cleanup_close int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (null_fd < 0 || dup2(null_fd, STDIN_FILENO) < 0)
        return error_errno(err, "opening /dev/null");
    if (!order->own_output)
        return 0;
    if (open_output("stdout", STDOUT_FILENO, err) < 0)
        return -1;
    return open_output("stderr", STDERR_FILENO, err);
}

static void restore_signals(void) {
    for (int number = 1; number < NSIG; number++)
        signal(number, SIG_DFL);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

static int set_up_command(const struct monitor_order *order, const struct identity *identity, int monitor_pid,
                          struct error *err) {
    if (setsid() < 0)
        return error_errno(err, "starting a session");
    if (apply_limits(order, err) < 0)
        return -1;
    if (chdir(order->directory) < 0)
        return error_errno(err, "changing to '%s'", order->directory);
    if (become(identity, err) < 0 || redirect(order, err) < 0)
        return -1;
    /* Should the monitor be killed, nobody would be left to watch the command. */
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != monitor_pid)
        return error_set(err, ESRCH, "the monitor is gone");
    if (close_range(STDERR_FILENO + 1, ~0U, CLOSE_RANGE_CLOEXEC) < 0)
        return error_errno(err, "closing descriptors");
    restore_signals();
    return 0;
}

static void execute(const struct monitor_order *order) {
    static char *no_environment[] = {NULL};
    static char *no_arguments[] = {"", NULL};
    char *const *arguments = order->arguments != NULL ? order->arguments : no_arguments;
    environ = order->environment != NULL ? order->environment : no_environment;
    /* As Mesos does, a program in the sandbox is found before those in PATH. */
    struct stat state;
    if (strchr(order->executable, '/') == NULL && stat(order->executable, &state) == 0 && S_ISREG(state.st_mode) &&
        access(order->executable, X_OK) == 0) {
        cleanup_free char *path = xasprintf("%s/%s", order->directory, order->executable);
        execv(path, arguments);
    } else {
        execvp(order->executable, arguments);
    }
    dprintf(STDERR_FILENO, "Failed to execute '%s': %s\n", order->executable, strerror(errno));
}

_Noreturn static void run_command(const struct monitor_order *order, const struct identity *identity, int monitor_pid,
                                  int report_fd) {
    struct error err = ERROR_INIT;
    if (set_up_command(order, identity, monitor_pid, &err) < 0) {
        dprintf(report_fd, "%s", error_message(&err));
        _exit(EXIT_FAILURE);
    }
    execute(order);
    _exit(EXIT_FAILURE);
}

/* In the monitor again. */

/* Nothing is kept in variables across vfork(), which returns twice. */
__attribute__((noinline)) static pid_t fork_command(const struct monitor_order *order, const struct identity *identity,
                                                    int monitor_pid, int report_fd) {
    pid_t pid = vfork();
    if (pid == 0)
        run_command(order, identity, monitor_pid, report_fd);
    return pid;
}

/* Fork the command and wait until it executes its program or says why it can not. A program that can not be executed is
 * a command that failed, as with Mesos: its reason is in the sandbox's stderr. */
static int start_command(struct monitor *monitor, const struct identity *identity, struct error *err) {
    int pipe_fds[2];
    if (pipe2(pipe_fds, O_CLOEXEC) < 0)
        return error_errno(err, "creating a pipe");
    char **own_environment = environ;
    monitor->command_pid = fork_command(&monitor->order, identity, getpid(), pipe_fds[1]);
    environ = own_environment;
    close(pipe_fds[1]);
    cleanup_close int report_fd = pipe_fds[0];
    if (monitor->command_pid < 0) {
        monitor->command_pid = 0;
        return error_errno(err, "forking");
    }
    char reason[MONITOR_REPORT_BYTES - 8];
    ssize_t size;
    while ((size = read(report_fd, reason, sizeof(reason) - 1)) < 0 && errno == EINTR)
        ;
    if (size > 0) {
        reason[size] = '\0';
        return error_set(err, 0, "%s", reason);
    }
    return 0;
}

static int set_up(struct monitor *monitor, int order_fd, struct error *err) {
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGCHLD);
    sigaddset(&signals, SIGTERM);
    if (sigprocmask(SIG_BLOCK, &signals, NULL) < 0)
        return error_errno(err, "blocking signals");
    monitor->signal_fd = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
    if (monitor->signal_fd < 0)
        return error_errno(err, "creating a signalfd");
    signal(SIGINT, SIG_IGN);
    signal(SIGHUP, SIG_IGN);
    signal(SIGPIPE, SIG_IGN);
    if (prctl(PR_SET_CHILD_SUBREAPER, 1) < 0)
        return error_errno(err, "becoming a subreaper");
    if (read_order(order_fd, &monitor->order, err) < 0)
        return -1;
    if (take_lock(monitor, err) < 0 || open_status(monitor, err) < 0 || link_sandbox(monitor, err) < 0)
        return -1;
    if (write_runtime_number(monitor, MONITOR_PID_FILE, getpid(), err) < 0)
        return -1;
    if (monitor->order.forked_pid_path != NULL && write_number(monitor->order.forked_pid_path, getpid(), err) < 0)
        return -1;
    cleanup_(identity_done) struct identity identity = {0};
    if (find_identity(monitor->order.user, &identity, err) < 0)
        return -1;
    if (start_command(monitor, &identity, err) < 0)
        return -1;
    return write_runtime_number(monitor, MONITOR_COMMAND_FILE, monitor->command_pid, err);
}

static void report(struct monitor *monitor, const char *text) {
    send(monitor->socket_fd, text, strlen(text), MSG_NOSIGNAL);
}

static void report_start(struct monitor *monitor, const struct error *err) {
    char text[MONITOR_REPORT_BYTES];
    if (err != NULL)
        snprintf(text, sizeof(text), "error %s", error_message(err));
    else
        snprintf(text, sizeof(text), "ok %d", monitor->command_pid);
    report(monitor, text);
    if (monitor->order.checkpoint) {
        close(monitor->socket_fd);
        monitor->socket_fd = -1;
    }
}

static void end(struct monitor *monitor) {
    if (!monitor->is_ending) {
        monitor->is_ending = true;
        monitor->kill_again_ms = KILL_AGAIN_LEAST_MS;
    }
}

static void on_command_exit(struct monitor *monitor, int status) {
    monitor->command_pid = 0;
    char text[16];
    int size = snprintf(text, sizeof(text), "%d", status);
    /* There is nobody to tell of a failure: the agent then finds an empty file, an unknown status. */
    if (monitor->status_fd >= 0 && pwrite(monitor->status_fd, text, size, 0) != size)
        fprintf(stderr, "The status %s could not be written: %s\n", text, strerror(errno));
    end(monitor);
}

/* Returns false once there is nobody left. */
static bool reap(struct monitor *monitor) {
    for (;;) {
        int status;
        pid_t pid = waitpid(-1, &status, WNOHANG);
        if (pid < 0 && errno == EINTR)
            continue;
        if (pid < 0)
            return false;
        if (pid == 0)
            return true;
        if (pid == monitor->command_pid)
            on_command_exit(monitor, status);
    }
}

static void read_signals(struct monitor *monitor) {
    struct signalfd_siginfo info;
    while (read(monitor->signal_fd, &info, sizeof(info)) == sizeof(info)) {
        if (info.ssi_signo == SIGTERM)
            end(monitor);
    }
}

/* Wait for a signal, for the agent's end, and while ending for the next time to kill. */
static void wait_for_something(struct monitor *monitor) {
    struct pollfd fds[] = {
        {.fd = monitor->signal_fd, .events = POLLIN},
        {.fd = monitor->is_ending ? -1 : monitor->socket_fd, .events = POLLIN | POLLRDHUP},
    };
    int timeout_ms = -1;
    if (monitor->is_ending) {
        timeout_ms = monitor->kill_again_ms;
        monitor->kill_again_ms *= 2;
        if (monitor->kill_again_ms > KILL_AGAIN_MOST_MS)
            monitor->kill_again_ms = KILL_AGAIN_MOST_MS;
    }
    if (poll(fds, ARRAY_SIZE(fds), timeout_ms) > 0 && fds[1].revents != 0)
        end(monitor);
    read_signals(monitor);
}

/* Every descendant is a child of ours sooner or later, so that "no children" means that the container is empty. */
static void watch(struct monitor *monitor) {
    while (reap(monitor)) {
        if (monitor->is_ending)
            process_tree_signal_children(SIGKILL, NULL, NULL);
        wait_for_something(monitor);
    }
}

static void monitor_done(struct monitor *monitor) {
    int *fds[] = {&monitor->socket_fd, &monitor->signal_fd, &monitor->status_fd, &monitor->lock_fd};
    for (size_t i = 0; i < ARRAY_SIZE(fds); i++) {
        if (*fds[i] >= 0)
            close(*fds[i]);
    }
    monitor_order_done(&monitor->order);
}

int monitor_run(int order_fd, int socket_fd) {
    cleanup_(monitor_done) struct monitor monitor = {
        .socket_fd = socket_fd, .signal_fd = -1, .lock_fd = -1, .status_fd = -1};
    cleanup_error struct error err = ERROR_INIT;
    fcntl(socket_fd, F_SETFD, FD_CLOEXEC);
    int result = set_up(&monitor, order_fd, &err);
    report_start(&monitor, result < 0 ? &err : NULL);
    if (result < 0)
        end(&monitor);
    watch(&monitor);
    return result < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
