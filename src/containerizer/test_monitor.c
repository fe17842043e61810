/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/text.h"
#include "containerizer/monitor.h"
#include "containerizer/runtime.h"

struct fixture {
    char root[64];
    char *sandbox, *runtime;
    struct monitor_order order;
    char *arguments[4];
    char *environment[2];
    pid_t monitor;
    int socket_fd;
    int output_fd; /* what the container writes when it has no output of its own; its end is the container's */
    char report[MONITOR_REPORT_BYTES];
};

static int set_up(void **state) {
    struct fixture *fixture = new0(struct fixture);
    snprintf(fixture->root, sizeof(fixture->root), "/tmp/test_monitor.XXXXXX");
    assert_non_null(mkdtemp(fixture->root));
    assert_int_equal(chmod(fixture->root, 0755), 0);
    fixture->sandbox = path_join(fixture->root, "sandbox");
    fixture->runtime = path_join(fixture->root, "runtime");
    assert_int_equal(mkdir(fixture->sandbox, 0755), 0);
    assert_int_equal(runtime_create(fixture->runtime, NULL), 0);
    fixture->environment[0] = "PATH=/usr/local/bin:/usr/bin:/bin";
    fixture->order = (struct monitor_order){
        .runtime_directory = fixture->runtime,
        .directory = fixture->sandbox,
        .executable = "/bin/sh",
        .arguments = fixture->arguments,
        .environment = fixture->environment,
    };
    fixture->socket_fd = fixture->output_fd = -1;
    *state = fixture;
    return 0;
}

static void close_socket(struct fixture *fixture) {
    if (fixture->socket_fd >= 0)
        close(fixture->socket_fd);
    fixture->socket_fd = -1;
}

static int tear_down(void **state) {
    struct fixture *fixture = *state;
    close_socket(fixture);
    if (fixture->monitor > 0) {
        kill(fixture->monitor, SIGTERM);
        waitpid(fixture->monitor, NULL, 0);
    }
    if (fixture->output_fd >= 0)
        close(fixture->output_fd);
    assert_int_equal(runtime_remove(fixture->root, NULL), 0);
    free(fixture->sandbox);
    free(fixture->runtime);
    free(fixture);
    return 0;
}

static void run_monitor(const struct fixture *fixture, const int *sockets, const int *output) {
    cleanup_buffer struct buffer order = BUFFER_INIT;
    monitor_order_encode(&fixture->order, &order);
    int order_fd = memfd_create("order", MFD_CLOEXEC);
    if (write(order_fd, order.data, order.size) != (ssize_t)order.size)
        _exit(99);
    lseek(order_fd, 0, SEEK_SET);
    dup2(output[1], STDOUT_FILENO);
    dup2(output[1], STDERR_FILENO);
    dup2(sockets[1], MONITOR_SOCKET_FD);
    for (int fd = MONITOR_SOCKET_FD + 1; fd < 64; fd++) {
        if (fd != order_fd)
            close(fd);
    }
    setsid();
    exit(monitor_run(order_fd, MONITOR_SOCKET_FD));
}

/* Start a monitor and take its report. */
static void start(struct fixture *fixture) {
    int sockets[2], output[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets), 0);
    assert_int_equal(pipe2(output, O_CLOEXEC), 0);
    fixture->monitor = fork();
    if (fixture->monitor == 0)
        run_monitor(fixture, sockets, output);
    close(sockets[1]);
    close(output[1]);
    fixture->socket_fd = sockets[0];
    fixture->output_fd = output[0];
    ssize_t size = recv(fixture->socket_fd, fixture->report, sizeof(fixture->report) - 1, 0);
    assert_true(size > 0);
    fixture->report[size] = '\0';
}

static void start_shell(struct fixture *fixture, char *command) {
    fixture->arguments[0] = "sh";
    fixture->arguments[1] = "-c";
    fixture->arguments[2] = command;
    start(fixture);
}

static void wait_for_monitor(struct fixture *fixture) {
    assert_int_equal(waitpid(fixture->monitor, NULL, 0), fixture->monitor);
    fixture->monitor = 0;
}

static int status_of(struct fixture *fixture) {
    int status;
    wait_for_monitor(fixture);
    assert_int_equal(runtime_read_number(fixture->runtime, MONITOR_STATUS_FILE, &status, NULL), 0);
    return status;
}

static void assert_file(const char *directory, const char *name, const char *expected) {
    cleanup_free char *path = path_join(directory, name);
    cleanup_close int fd = open(path, O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    char text[4096];
    ssize_t size = read(fd, text, sizeof(text) - 1);
    assert_true(size >= 0);
    text[size] = '\0';
    assert_string_equal(text, expected);
}

/* Nobody has the write end of the output any more: the monitor and everything below it is dead. The kernel may close
 * the descriptors of a process shortly after it has been reaped. */
static void assert_container_is_empty(struct fixture *fixture) {
    char text[4096];
    struct pollfd output = {.fd = fixture->output_fd, .events = POLLIN};
    for (;;) {
        assert_int_equal(poll(&output, 1, 0), 1);
        if (read(fixture->output_fd, text, sizeof(text)) == 0)
            return;
    }
}

static void wait_for_output(struct fixture *fixture, size_t lines) {
    char c;
    while (lines > 0) {
        assert_int_equal(read(fixture->output_fd, &c, 1), 1);
        lines -= c == '\n';
    }
}

static void order_survives_encoding(void **state) {
    char *arguments[] = {"a", "", "b=c", NULL};
    char *environment[] = {"X=1=2", "Y=", NULL};
    struct monitor_limit limit = {RLIMIT_NOFILE, {5, RLIM_INFINITY}};
    struct monitor_order order = {
        .runtime_directory = "/r",
        .directory = "/d",
        .executable = "e",
        .arguments = arguments,
        .environment = environment,
        .limits = &limit,
        .limit_count = 1,
        .checkpoint = true,
    };
    cleanup_buffer struct buffer bytes = BUFFER_INIT;
    cleanup_(monitor_order_done) struct monitor_order back = {0};
    monitor_order_encode(&order, &bytes);
    assert_int_equal(monitor_order_decode(bytes.data, bytes.size, &back, NULL), 0);
    assert_string_equal(back.runtime_directory, "/r");
    assert_string_equal(back.arguments[1], "");
    assert_string_equal(back.arguments[2], "b=c");
    assert_null(back.arguments[3]);
    assert_string_equal(back.environment[0], "X=1=2");
    assert_null(back.environment[2]);
    assert_null(back.user);
    assert_int_equal(back.limit_count, 1);
    assert_true(back.limits[0].limit.rlim_max == RLIM_INFINITY);
    assert_true(back.checkpoint);
    assert_false(back.own_output);
}

static void order_that_is_cut_short_is_refused(void **state) {
    struct monitor_order order = {.runtime_directory = "/r", .directory = "/d", .executable = "e"};
    cleanup_buffer struct buffer bytes = BUFFER_INIT;
    monitor_order_encode(&order, &bytes);
    for (size_t size = 0; size < bytes.size; size++) {
        struct monitor_order back;
        assert_int_equal(monitor_order_decode(bytes.data, size, &back, NULL), -1);
    }
}

static void exit_status_is_written_down(void **state) {
    struct fixture *fixture = *state;
    start_shell(fixture, "exit 3");
    assert_true(text_starts_with(fixture->report, "ok "));
    assert_int_equal(status_of(fixture), 3 << 8);
}

static void death_by_signal_is_written_down(void **state) {
    struct fixture *fixture = *state;
    start_shell(fixture, "kill -SEGV $$");
    assert_int_equal(WTERMSIG(status_of(fixture)), SIGSEGV);
}

static void output_is_appended_in_the_sandbox(void **state) {
    struct fixture *fixture = *state;
    fixture->order.own_output = true;
    cleanup_free char *path = path_join(fixture->sandbox, "stdout");
    cleanup_close int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    assert_int_equal(write(fd, "before\n", 7), 7);
    start_shell(fixture, "echo out; echo err >&2; pwd");
    assert_int_equal(status_of(fixture), 0);
    cleanup_free char *expected = xasprintf("before\nout\n%s\n", fixture->sandbox);
    assert_file(fixture->sandbox, "stdout", expected);
    assert_file(fixture->sandbox, "stderr", "err\n");
}

static void output_that_is_a_link_is_refused(void **state) {
    struct fixture *fixture = *state;
    fixture->order.own_output = true;
    cleanup_free char *link = path_join(fixture->sandbox, "stdout");
    cleanup_free char *target = path_join(fixture->root, "target");
    assert_int_equal(symlink(target, link), 0);
    start_shell(fixture, "echo out");
    assert_true(text_starts_with(fixture->report, "error opening 'stdout'"));
    wait_for_monitor(fixture);
    assert_int_equal(access(target, F_OK), -1);
}

static void output_that_is_a_pipe_is_refused(void **state) {
    struct fixture *fixture = *state;
    fixture->order.own_output = true;
    cleanup_free char *path = path_join(fixture->sandbox, "stdout");
    assert_int_equal(mkfifo(path, 0644), 0);
    start_shell(fixture, "echo out");
    assert_true(text_starts_with(fixture->report, "error "));
    wait_for_monitor(fixture);
}

static void command_sees_only_its_environment_and_descriptors(void **state) {
    struct fixture *fixture = *state;
    fixture->order.own_output = true;
    start_shell(fixture, "env | grep -v -e ^PWD= -e ^_= -e ^SHLVL= -e ^OLDPWD=; echo /proc/self/fd/*");
    assert_int_equal(status_of(fixture), 0);
    assert_file(fixture->sandbox, "stdout",
                "PATH=/usr/local/bin:/usr/bin:/bin\n"
                "/proc/self/fd/0 /proc/self/fd/1 /proc/self/fd/2 /proc/self/fd/3\n");
}

static void program_in_the_sandbox_is_found_first(void **state) {
    struct fixture *fixture = *state;
    fixture->order.own_output = true;
    fixture->order.executable = "env";
    fixture->arguments[0] = "env";
    cleanup_free char *path = path_join(fixture->sandbox, "env");
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0755);
    assert_int_equal(write(fd, "#!/bin/sh\necho mine\n", 20), 20);
    close(fd);
    start(fixture);
    assert_int_equal(status_of(fixture), 0);
    assert_file(fixture->sandbox, "stdout", "mine\n");
}

static void program_that_is_missing_is_a_failed_command(void **state) {
    struct fixture *fixture = *state;
    fixture->order.own_output = true;
    fixture->order.executable = "no-such-program";
    fixture->arguments[0] = "no-such-program";
    start(fixture);
    assert_true(text_starts_with(fixture->report, "ok "));
    assert_int_equal(status_of(fixture), EXIT_FAILURE << 8);
    assert_file(fixture->sandbox, "stderr", "Failed to execute 'no-such-program': No such file or directory\n");
}

static void directory_that_is_missing_is_reported(void **state) {
    struct fixture *fixture = *state;
    fixture->order.directory = "/nonexistent/sandbox";
    start_shell(fixture, "exit 0");
    assert_string_equal(fixture->report, "error changing to '/nonexistent/sandbox': No such file or directory");
    wait_for_monitor(fixture);
}

static void user_that_is_missing_is_reported(void **state) {
    struct fixture *fixture = *state;
    fixture->order.user = "no-such-user";
    start_shell(fixture, "exit 0");
    assert_string_equal(fixture->report, "error user 'no-such-user' was not found");
    wait_for_monitor(fixture);
}

static void command_runs_as_its_user(void **state) {
    struct fixture *fixture = *state;
    const struct passwd *nobody = getpwnam("nobody");
    assert_non_null(nobody);
    fixture->order.own_output = true;
    fixture->order.user = "nobody";
    if (geteuid() != 0) { /* only root can switch */
        start_shell(fixture, "exit 0");
        assert_string_equal(fixture->report, "error setting the supplementary groups: Operation not permitted");
        wait_for_monitor(fixture);
        return;
    }
    cleanup_free char *expected = xasprintf("%d %d\n", (int)nobody->pw_uid, (int)nobody->pw_gid);
    assert_int_equal(chown(fixture->sandbox, nobody->pw_uid, nobody->pw_gid), 0);
    start_shell(fixture, "echo $(id -u) $(id -G); : > mine");
    assert_int_equal(status_of(fixture), 0);
    assert_file(fixture->sandbox, "stdout", expected);
    struct stat file;
    cleanup_free char *path = path_join(fixture->sandbox, "stdout");
    assert_int_equal(stat(path, &file), 0);
    assert_int_equal(file.st_uid, nobody->pw_uid);
}

static void resource_limits_are_set(void **state) {
    struct fixture *fixture = *state;
    struct monitor_limit limit = {RLIMIT_NOFILE, {50, 60}};
    fixture->order.own_output = true;
    fixture->order.limits = &limit;
    fixture->order.limit_count = 1;
    start_shell(fixture, "ulimit -S -n; ulimit -H -n");
    assert_int_equal(status_of(fixture), 0);
    assert_file(fixture->sandbox, "stdout", "50\n60\n");
}

static void pids_are_written_down(void **state) {
    struct fixture *fixture = *state;
    cleanup_free char *forked = path_join(fixture->root, "forked.pid");
    fixture->order.forked_pid_path = forked;
    start_shell(fixture, "exec sleep 1000");
    int pid, command;
    assert_int_equal(runtime_read_number(fixture->runtime, MONITOR_PID_FILE, &pid, NULL), 0);
    assert_int_equal(pid, fixture->monitor);
    assert_int_equal(runtime_read_number(fixture->root, "forked.pid", &pid, NULL), 0);
    assert_int_equal(pid, fixture->monitor);
    assert_int_equal(runtime_read_number(fixture->runtime, MONITOR_COMMAND_FILE, &command, NULL), 0);
    assert_int_equal(sscanf(fixture->report, "ok %d", &pid), 1);
    assert_int_equal(pid, command);
    assert_int_equal(runtime_read_number(fixture->runtime, MONITOR_STATUS_FILE, &pid, NULL), 1);
}

static void lock_names_the_monitor_while_it_lives(void **state) {
    struct fixture *fixture = *state;
    int holder;
    start_shell(fixture, "exec sleep 1000");
    assert_int_equal(runtime_lock_holder(fixture->runtime, &holder, NULL), 0);
    assert_int_equal(holder, fixture->monitor);
    kill(fixture->monitor, SIGTERM);
    assert_int_equal(WTERMSIG(status_of(fixture)), SIGKILL);
    assert_int_equal(runtime_lock_holder(fixture->runtime, &holder, NULL), 0);
    assert_int_equal(holder, 0);
}

static void container_that_was_given_up_does_not_begin(void **state) {
    struct fixture *fixture = *state;
    runtime_give_up(fixture->runtime);
    start_shell(fixture, "exit 0");
    assert_true(text_starts_with(fixture->report, "error locking"));
    wait_for_monitor(fixture);
}

static void descendants_do_not_outlive_the_command(void **state) {
    struct fixture *fixture = *state;
    cleanup_free char *path = path_join(fixture->sandbox, "up");
    assert_int_equal(mkfifo(path, 0644), 0);
    start_shell(fixture, "setsid sleep 1000 & setsid sh -c 'sleep 1000 & sleep 1000 & echo > up; wait' & read x < up;"
                         "exit 5");
    assert_int_equal(status_of(fixture), 5 << 8);
    assert_container_is_empty(fixture);
}

static void destroying_kills_a_tree_that_keeps_forking(void **state) {
    struct fixture *fixture = *state;
    start_shell(fixture, "f() { if [ $1 -gt 0 ]; then f $(($1 - 1)) & setsid sh -c 'echo; exec sleep 1000' & "
                         "f $(($1 - 1)) & fi; trap '' TERM; while :; do sh -c :; done; }; f 4");
    wait_for_output(fixture, 15);
    kill(fixture->monitor, SIGTERM);
    assert_int_equal(WTERMSIG(status_of(fixture)), SIGKILL);
    assert_container_is_empty(fixture);
}

static void container_ends_with_its_agent(void **state) {
    struct fixture *fixture = *state;
    start_shell(fixture, "sleep 1000 & setsid sleep 1000 & echo; wait");
    wait_for_output(fixture, 1);
    close_socket(fixture);
    assert_int_equal(WTERMSIG(status_of(fixture)), SIGKILL);
    assert_container_is_empty(fixture);
}

static void checkpointed_container_goes_on_without_its_agent(void **state) {
    struct fixture *fixture = *state;
    fixture->order.checkpoint = true;
    cleanup_free char *path = path_join(fixture->sandbox, "go");
    assert_int_equal(mkfifo(path, 0644), 0);
    start_shell(fixture, "read x < go; exit $x");
    close_socket(fixture);
    cleanup_close int fd = open(path, O_WRONLY | O_CLOEXEC);
    assert_int_equal(write(fd, "7\n", 2), 2);
    assert_int_equal(status_of(fixture), 7 << 8);
}

static void command_dies_with_its_monitor(void **state) {
    struct fixture *fixture = *state;
    start_shell(fixture, "echo; exec sleep 1000");
    wait_for_output(fixture, 1);
    kill(fixture->monitor, SIGKILL);
    wait_for_monitor(fixture);
    char c;
    assert_int_equal(read(fixture->output_fd, &c, 1), 0);
}

#define with_fixture(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(order_survives_encoding),
        cmocka_unit_test(order_that_is_cut_short_is_refused),
        with_fixture(exit_status_is_written_down),
        with_fixture(death_by_signal_is_written_down),
        with_fixture(output_is_appended_in_the_sandbox),
        with_fixture(output_that_is_a_link_is_refused),
        with_fixture(output_that_is_a_pipe_is_refused),
        with_fixture(command_sees_only_its_environment_and_descriptors),
        with_fixture(program_in_the_sandbox_is_found_first),
        with_fixture(program_that_is_missing_is_a_failed_command),
        with_fixture(directory_that_is_missing_is_reported),
        with_fixture(user_that_is_missing_is_reported),
        with_fixture(command_runs_as_its_user),
        with_fixture(resource_limits_are_set),
        with_fixture(pids_are_written_down),
        with_fixture(lock_names_the_monitor_while_it_lives),
        with_fixture(container_that_was_given_up_does_not_begin),
        with_fixture(descendants_do_not_outlive_the_command),
        with_fixture(destroying_kills_a_tree_that_keeps_forking),
        with_fixture(container_ends_with_its_agent),
        with_fixture(checkpointed_container_goes_on_without_its_agent),
        with_fixture(command_dies_with_its_monitor),
    };
    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests_name("monitor", tests, NULL, NULL);
}
