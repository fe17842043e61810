/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/log.h"

#include <fcntl.h>
#include <regex.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/buffer.h"

struct fixture {
    struct buffer lines;
    int count;
};

static void keep_line(enum log_level level, const char *line, size_t size, void *user) {
    struct fixture *fixture = user;

    buffer_append(&fixture->lines, line, size);
    fixture->count++;
}

static int64_t fixed_clock(void *user) {
    return INT64_C(1795406742790433123);
}

static int set_up(void **state) {
    struct fixture *fixture = new0(struct fixture);

    setenv("TZ", "UTC", 1);
    log_set_sink(keep_line, fixture);
    log_set_clock(fixed_clock, NULL);
    log_set_level(LOG_INFO);
    *state = fixture;
    return 0;
}

static int tear_down(void **state) {
    struct fixture *fixture = *state;

    log_set_sink(NULL, NULL);
    log_set_clock(NULL, NULL);
    log_set_file(NULL);
    buffer_done(&fixture->lines);
    free(fixture);
    return 0;
}

static void a_line_has_the_layout_of_glog(void **state) {
    struct fixture *fixture = *state;
    regex_t expected;

    log_warning("agent %s is gone", "S0");
    assert_int_equal(regcomp(&expected, "^W1123 04:05:42\\.790433 +[0-9]+ test_log\\.c:[0-9]+\\] agent S0 is gone\n$",
                             REG_EXTENDED | REG_NOSUB),
                     0);
    assert_int_equal(regexec(&expected, buffer_text(&fixture->lines), 0, NULL, 0), 0);
    regfree(&expected);
}

static void levels_below_the_one_set_are_not_even_formatted(void **state) {
    struct fixture *fixture = *state;
    int evaluated = 0;

    log_debug("%d", ++evaluated);
    assert_int_equal(fixture->count, 0);
    assert_int_equal(evaluated, 0);
    log_set_level(LOG_DEBUG);
    assert_int_equal(log_get_level(), LOG_DEBUG);
    log_debug("%d", ++evaluated);
    log_set_level(LOG_ERROR);
    log_warning("%d", ++evaluated);
    log_error("%d", ++evaluated);
    assert_int_equal(fixture->count, 2);
    assert_int_equal(evaluated, 2);
}

static void a_peers_text_can_not_begin_a_line(void **state) {
    struct fixture *fixture = *state;
    const char *text;

    log_info("name '%s'", "x\nE1123 forged\x1B[31m");
    text = buffer_text(&fixture->lines);
    assert_ptr_equal(strchr(text, '\n'), text + strlen(text) - 1);
    assert_null(strchr(text, '\x1B'));
}

static void a_long_line_is_cut(void **state) {
    struct fixture *fixture = *state;
    cleanup_free char *text = xmalloc(100001);

    memset(text, 'x', 100000);
    text[100000] = '\0';
    log_info("%s", text);
    assert_true(fixture->lines.size <= 16 * 1024);
    assert_int_equal(fixture->lines.data[fixture->lines.size - 1], '\n');
}

static void lines_are_appended_to_a_file_too(void **state) {
    struct fixture *fixture = *state;
    char path[] = "/tmp/test_log.XXXXXX", text[200] = {0};
    int file = mkstemp(path);

    assert_int_equal(log_set_file(path), 0);
    log_info("to both");
    assert_int_equal(fixture->count, 1);
    assert_true(read(file, text, sizeof(text) - 1) > 0);
    assert_non_null(strstr(text, "] to both\n"));
    close(file);
    unlink(path);
}

static void a_file_that_can_not_be_opened_is_told(void **state) {
    assert_int_equal(log_set_file("/nonexistent/directory/log"), -1);
}

/* In a child, since it replaces standard error. */
static void write_to_a_full_pipe(int pipe_end) {
    dup2(pipe_end, STDERR_FILENO);
    fcntl(STDERR_FILENO, F_SETFL, O_NONBLOCK);
    log_set_sink(NULL, NULL);
    for (int i = 0; i < 5000; i++)
        log_info("a line that nobody reads, number %d", i);
    _exit(0);
}

static void a_log_that_nobody_reads_does_not_stop_the_program(void **state) {
    int ends[2], status = -1;
    pid_t child;

    assert_int_equal(pipe(ends), 0);
    child = fork();
    if (child == 0)
        write_to_a_full_pipe(ends[1]);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    close(ends[0]);
    close(ends[1]);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_line_has_the_layout_of_glog, set_up, tear_down),
        cmocka_unit_test_setup_teardown(levels_below_the_one_set_are_not_even_formatted, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_peers_text_can_not_begin_a_line, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_long_line_is_cut, set_up, tear_down),
        cmocka_unit_test_setup_teardown(lines_are_appended_to_a_file_too, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_file_that_can_not_be_opened_is_told, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_log_that_nobody_reads_does_not_stop_the_program, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
