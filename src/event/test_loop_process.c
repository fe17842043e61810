/* SPDX-License-Identifier: Apache-2.0 */
/* Signals, children and watched descriptors. */
#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "base/buffer.h"
#include "event/loop.h"

struct fixture {
    struct loop *loop;
    int exits, wait_status, exited_pid;
    int signals, last_signal;
    int watched_fd, reads;

    struct buffer output;
};

static int setup(void **state) {
    struct fixture *f = new0(struct fixture);

    f->loop = loop_new(NULL);
    assert_non_null(f->loop);
    *state = f;
    return 0;
}

static int teardown(void **state) {
    struct fixture *f = *state;

    loop_free(f->loop);
    buffer_done(&f->output);
    free(f);
    return 0;
}

/* Children */

static void on_exit_status(struct child *child, int wait_status, void *user) {
    struct fixture *f = user;

    f->exits++;
    f->wait_status = wait_status;
    f->exited_pid = child_pid(child);
    loop_stop(f->loop);
}

static struct child_options shell(const char *script, char *arguments[4]) {
    arguments[0] = "sh";
    arguments[1] = "-c";
    arguments[2] = (char *)script;
    arguments[3] = NULL;
    return (struct child_options){
        .file = "sh",
        .arguments = arguments,
        .stdin_fd = -1,
        .stdout_fd = -1,
        .stderr_fd = -1,
        .extra_fd = -1,
    };
}

static int run_shell(struct fixture *f, const char *script) {
    char *arguments[4];
    struct child_options options = shell(script, arguments);
    struct child *child;
    int pid;

    assert_int_equal(loop_spawn(f->loop, &options, on_exit_status, f, &child, NULL), 0);
    pid = child_pid(child);
    assert_int_equal(f->exits, 0);
    loop_run(f->loop);
    assert_int_equal(f->exits, 1);
    assert_int_equal(f->exited_pid, pid);
    return f->wait_status;
}

static void the_exit_code_of_a_child_is_told(void **state) {
    int status = run_shell(*state, "exit 7");

    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 7);
}

static void the_signal_that_ended_a_child_is_told(void **state) {
    int status = run_shell(*state, "kill -TERM $$");

    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGTERM);
}

static void a_program_that_is_not_there_is_an_error(void **state) {
    struct fixture *f = *state;
    char *arguments[] = {"none", NULL};
    const struct child_options options = {
        .file = "/nonexistent/program",
        .arguments = arguments,
        .stdin_fd = -1,
        .stdout_fd = -1,
        .stderr_fd = -1,
        .extra_fd = -1,
    };
    struct child *child = NULL;
    cleanup_error struct error err = ERROR_INIT;

    assert_int_equal(loop_spawn(f->loop, &options, on_exit_status, f, &child, &err), -1);
    assert_int_equal(err.code, ENOENT);
    assert_non_null(strstr(err.message, "/nonexistent/program"));
    assert_null(child);
    assert_int_equal(f->exits, 0);
}

static void a_program_is_found_in_the_path_of_the_child(void **state) {
    struct fixture *f = *state;
    char *arguments[] = {"sh", "-c", "exit 5", NULL}, *environment[] = {"PATH=/nonexistent::bin:/usr/bin", NULL};
    struct child_options options = {
        .file = "sh",
        .arguments = arguments,
        .environment = environment,
        .directory = "/",
        .stdin_fd = -1,
        .stdout_fd = -1,
        .stderr_fd = -1,
        .extra_fd = -1,
    };
    struct error err = ERROR_INIT;

    assert_int_equal(loop_spawn(f->loop, &options, on_exit_status, f, NULL, NULL), 0);
    loop_run(f->loop);
    assert_int_equal(WEXITSTATUS(f->wait_status), 5);
    environment[0] = "PATH=/nonexistent";
    assert_int_equal(loop_spawn(f->loop, &options, on_exit_status, f, NULL, &err), -1);
    assert_int_equal(err.code, ENOENT);
    error_done(&err);
}

static void read_all(int fd, struct buffer *ret) {
    ssize_t size;

    while ((size = read(fd, buffer_reserve(ret, 4096), 4096)) > 0)
        buffer_added(ret, (size_t)size);
}

static void a_child_gets_descriptors_environment_and_directory(void **state) {
    struct fixture *f = *state;
    char *arguments[4], *environment[] = {"WORD=hello", "PATH=/usr/bin:/bin", NULL};
    struct child_options options = shell("echo $WORD; echo error >&2; pwd >&3; cat; ls /proc/self/fd | wc -l",
                                         arguments);
    int out[2], extra[2];

    assert_int_equal(pipe2(out, O_CLOEXEC), 0);
    assert_int_equal(pipe2(extra, O_CLOEXEC), 0);
    options.stdout_fd = options.stderr_fd = out[1];
    options.extra_fd = extra[1];
    options.environment = environment;
    options.directory = "/";
    assert_int_equal(loop_spawn(f->loop, &options, on_exit_status, f, NULL, NULL), 0);
    close(out[1]);
    close(extra[1]);
    loop_run(f->loop);
    read_all(out[0], &f->output);
    /* 0 to 3, and the one ls itself has open: no descriptor of this process got through. */
    assert_string_equal(buffer_text(&f->output), "hello\nerror\n5\n");
    buffer_clear(&f->output);
    read_all(extra[0], &f->output);
    assert_string_equal(buffer_text(&f->output), "/\n");
    close(out[0]);
    close(extra[0]);
}

static void descriptors_may_be_given_crosswise(void **state) {
    struct fixture *f = *state;
    char *arguments[4];
    struct child_options options = shell("echo out; echo error >&2; echo extra >&3", arguments);
    int out[2], saved = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 10);

    assert_int_equal(pipe2(out, O_CLOEXEC), 0);
    dup2(out[1], STDERR_FILENO);
    options.stdout_fd = options.extra_fd = STDERR_FILENO;
    options.stderr_fd = out[1];
    assert_int_equal(loop_spawn(f->loop, &options, on_exit_status, f, NULL, NULL), 0);
    dup2(saved, STDERR_FILENO);
    close(out[1]);
    loop_run(f->loop);
    read_all(out[0], &f->output);
    assert_string_equal(buffer_text(&f->output), "out\nerror\nextra\n");
    close(out[0]);
    close(saved);
}

static void a_child_can_lead_a_session_of_its_own(void **state) {
    struct fixture *f = *state;
    char *arguments[4];
    struct child_options options = shell("read -r line < /proc/$$/stat; set -- $line; test \"$6\" = $$", arguments);

    options.new_session = true;
    assert_int_equal(loop_spawn(f->loop, &options, on_exit_status, f, NULL, NULL), 0);
    loop_run(f->loop);
    assert_int_equal(f->wait_status, 0);
}

static void a_child_has_no_signal_blocked_or_ignored(void **state) {
    int status;

    signal(SIGUSR1, SIG_IGN);
    status = run_shell(*state, "kill -USR1 $$; exit 3");
    signal(SIGUSR1, SIG_DFL);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGUSR1);
}

static void a_forgotten_child_is_reaped_quietly(void **state) {
    struct fixture *f = *state;
    char *arguments[4];
    struct child_options options = shell("exit 0", arguments);
    struct child *child;
    siginfo_t info;
    int pid;

    assert_int_equal(loop_spawn(f->loop, &options, on_exit_status, f, &child, NULL), 0);
    pid = child_pid(child);
    child_forget(child);
    assert_int_equal(run_shell(f, "exit 0"), 0);
    while (waitid(P_PID, pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0) /* the first may be a little later */
        assert_int_equal(run_shell((f->exits = 0, f), "exit 0"), 0);
    assert_int_equal(errno, ECHILD);
    assert_int_equal(f->exits, 1);
}

static void a_running_child_outlives_the_loop(void **state) {
    struct fixture *f = *state;
    char *arguments[4];
    struct child_options options = shell("cat", arguments);
    struct child *child;
    int in[2], pid, status;

    assert_int_equal(pipe2(in, O_CLOEXEC), 0);
    options.stdin_fd = in[0];
    assert_int_equal(loop_spawn(f->loop, &options, on_exit_status, f, &child, NULL), 0);
    pid = child_pid(child);
    loop_free(f->loop);
    f->loop = NULL;
    assert_int_equal(kill(pid, 0), 0);
    close(in[0]);
    close(in[1]);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    assert_int_equal(f->exits, 0);
}

/* Signals */

static void on_signal(int number, void *user) {
    struct fixture *f = user;

    f->signals++;
    f->last_signal = number;
    loop_stop(f->loop);
}

static void on_other_signal(int number, void *user) {
    struct fixture *f = user;

    f->signals += 100;
    loop_stop(f->loop);
}

static void signals_are_told_by_the_loop(void **state) {
    struct fixture *f = *state;

    assert_int_equal(loop_on_signal(f->loop, SIGUSR1, on_signal, f, NULL), 0);
    assert_int_equal(loop_on_signal(f->loop, SIGTERM, on_signal, f, NULL), 0);
    raise(SIGUSR1);
    assert_int_equal(f->signals, 0);
    loop_run(f->loop);
    assert_int_equal(f->last_signal, SIGUSR1);
    raise(SIGTERM);
    loop_run(f->loop);
    assert_int_equal(f->last_signal, SIGTERM);
    assert_int_equal(f->signals, 2);
}

static void a_later_callback_of_a_signal_replaces_the_first(void **state) {
    struct fixture *f = *state;

    assert_int_equal(loop_on_signal(f->loop, SIGUSR1, on_signal, f, NULL), 0);
    assert_int_equal(loop_on_signal(f->loop, SIGUSR1, on_other_signal, f, NULL), 0);
    raise(SIGUSR1);
    loop_run(f->loop);
    assert_int_equal(f->signals, 100);
    assert_int_equal(loop_on_signal(f->loop, SIGUSR1, NULL, NULL, NULL), 0);
    assert_int_equal(loop_on_signal(f->loop, SIGUSR1, NULL, NULL, NULL), 0);
}

static void a_signal_that_can_not_be_caught_is_an_error(void **state) {
    struct fixture *f = *state;
    cleanup_error struct error err = ERROR_INIT;

    assert_int_equal(loop_on_signal(f->loop, SIGKILL, on_signal, f, &err), -1);
    assert_int_equal(err.code, EINVAL);
}

/* Watches */

static void on_readable(struct watch *watch, void *user) {
    struct fixture *f = user;

    ssize_t size = read(f->watched_fd, buffer_reserve(&f->output, 16), 16);

    f->reads++;
    if (size > 0) {
        buffer_added(&f->output, (size_t)size);
    } else {
        watch_close(watch);
        loop_stop(f->loop);
    }
}

static void a_watched_descriptor_tells_of_data_and_of_its_end(void **state) {
    struct fixture *f = *state;
    struct watch *watch;
    int fds[2];

    assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
    f->watched_fd = fds[0];
    assert_int_equal(loop_watch(f->loop, fds[0], on_readable, f, &watch, NULL), 0);
    assert_int_equal(write(fds[1], "hello, watching descriptor", 26), 26);
    close(fds[1]);
    loop_run(f->loop);
    assert_string_equal(buffer_text(&f->output), "hello, watching descriptor");
    assert_int_equal(f->reads, 3); /* as long as there is something to read */
    close(fds[0]);
}

static void what_can_not_be_watched_is_an_error(void **state) {
    struct fixture *f = *state;
    struct watch *watch = NULL;
    cleanup_error struct error err = ERROR_INIT;
    cleanup_close int fd = open("/etc/passwd", O_RDONLY | O_CLOEXEC);

    assert_int_equal(loop_watch(f->loop, fd, on_readable, f, &watch, &err), -1);
    assert_int_equal(err.code, EPERM);
    assert_null(watch);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(the_exit_code_of_a_child_is_told),
        TEST(the_signal_that_ended_a_child_is_told),
        TEST(a_program_that_is_not_there_is_an_error),
        TEST(a_program_is_found_in_the_path_of_the_child),
        TEST(a_child_gets_descriptors_environment_and_directory),
        TEST(descriptors_may_be_given_crosswise),
        TEST(a_child_can_lead_a_session_of_its_own),
        TEST(a_child_has_no_signal_blocked_or_ignored),
        TEST(a_forgotten_child_is_reaped_quietly),
        TEST(a_running_child_outlives_the_loop),
        TEST(signals_are_told_by_the_loop),
        TEST(a_later_callback_of_a_signal_replaces_the_first),
        TEST(a_signal_that_can_not_be_caught_is_an_error),
        TEST(a_watched_descriptor_tells_of_data_and_of_its_end),
        TEST(what_can_not_be_watched_is_an_error),
    };

    /* What the test runner has left open is no business of the children. */
    close_range(3, ~0U, CLOSE_RANGE_CLOEXEC);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
