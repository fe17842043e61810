/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/process_tree.h"

/* A child that has two children of its own, one of them in another session. All wait for a signal; the child writes a
 * byte once they are there. */
static pid_t start_tree(void) {
    int pipe_fds[2];
    assert_int_equal(pipe(pipe_fds), 0);
    pid_t root = fork();
    if (root == 0) {
        setsid();
        for (int i = 0; i < 2; i++) {
            if (fork() == 0) {
                if (i == 1)
                    setsid();
                if (write(pipe_fds[1], "x", 1) != 1)
                    _exit(1);
                for (;;)
                    pause();
            }
        }
        if (write(pipe_fds[1], "x", 1) != 1)
            _exit(1);
        for (;;)
            pause();
    }
    close(pipe_fds[1]);
    char bytes;
    for (int i = 0; i < 3; i++)
        assert_int_equal(read(pipe_fds[0], &bytes, 1), 1);
    close(pipe_fds[0]);
    return root;
}

/* The children of a killed child are adopted by this process: it is their subreaper. */
static void reap_all(void) {
    while (waitpid(-1, NULL, 0) > 0 || errno == EINTR)
        ;
}

static void table_shows_this_process(void **state) {
    struct process_table table = {0};
    assert_int_equal(process_table_read(&table, NULL), 0);
    const struct process_info *self = process_table_find(&table, getpid());
    assert_non_null(self);
    assert_int_equal(self->parent, getppid());
    assert_int_equal(self->session, getsid(0));
    assert_true(self->rss_pages > 0);
    assert_true(self->threads >= 1);
    process_table_done(&table);
}

static void missing_process_is_not_found(void **state) {
    struct process_info info;
    pid_t pid = fork();
    if (pid == 0)
        _exit(0);
    waitpid(pid, NULL, 0);
    assert_int_equal(process_info_read(pid, &info), -1);
}

static void first_child_is_found(void **state) {
    int fds[2];
    char byte;
    assert_int_equal(pipe(fds), 0);
    assert_int_equal(process_first_child(getpid()), 0);
    pid_t pid = fork();
    if (pid == 0) {
        close(fds[1]);
        _exit(read(fds[0], &byte, 1) == 0 ? 0 : 1);
    }
    assert_int_equal(process_first_child(getpid()), pid);
    close(fds[0]);
    close(fds[1]);
    waitpid(pid, NULL, 0);
    assert_int_equal(process_first_child(getpid()), 0);
}

static void tree_holds_descendants_of_other_sessions(void **state) {
    pid_t root = start_tree();
    struct process_table table = {0};
    struct process_list tree = {0};
    assert_int_equal(process_table_read(&table, NULL), 0);
    process_table_tree(&table, root, PROCESS_TREE_DESCENDANTS, &tree);
    assert_int_equal(tree.count, 3);
    assert_int_equal(tree.pids[0], root);
    assert_false(process_list_has(&tree, getpid()));
    assert_int_equal(process_tree_signal(root, SIGKILL, PROCESS_TREE_DESCENDANTS, NULL, NULL), 0);
    reap_all();
    process_table_done(&table);
    process_list_done(&tree);
}

static void signal_reaches_the_whole_tree(void **state) {
    pid_t root = start_tree();
    struct process_list tree = {0};
    assert_int_equal(process_tree_signal(root, SIGTERM, PROCESS_TREE_GROUPS | PROCESS_TREE_SESSIONS, &tree, NULL), 0);
    assert_int_equal(tree.count, 3);
    int status;
    assert_int_equal(waitpid(root, &status, 0), root);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGTERM);
    reap_all();
    process_list_done(&tree);
}

static void everything_below_the_caller_is_killed(void **state) {
    start_tree();
    struct process_list tree = {0};
    assert_int_equal(process_tree_signal_children(SIGKILL, &tree, NULL), 0);
    assert_int_equal(tree.count, 3);
    reap_all();
    assert_int_equal(process_tree_signal_children(SIGKILL, &tree, NULL), 0);
    assert_int_equal(tree.count, 0);
    process_list_done(&tree);
}

static void first_process_is_never_signalled(void **state) {
    struct error err = ERROR_INIT;
    assert_int_equal(process_tree_signal(1, SIGKILL, 0, NULL, &err), -1);
    assert_int_equal(err.code, EINVAL);
    error_done(&err);
}

static void endings_are_worded_as_in_mesos(void **state) {
    cleanup_free char *status = wait_status_format(3 << 8);
    cleanup_free char *killed = wait_status_format(SIGKILL);
    assert_string_equal(status, "exited with status 3");
    assert_string_equal(killed, "terminated with signal Killed");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(table_shows_this_process),
        cmocka_unit_test(missing_process_is_not_found),
        cmocka_unit_test(first_child_is_found),
        cmocka_unit_test(tree_holds_descendants_of_other_sessions),
        cmocka_unit_test(signal_reaches_the_whole_tree),
        cmocka_unit_test(everything_below_the_caller_is_killed),
        cmocka_unit_test(first_process_is_never_signalled),
        cmocka_unit_test(endings_are_worded_as_in_mesos),
    };
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    return cmocka_run_group_tests_name("process_tree", tests, NULL, NULL);
}
