/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/flags.h"

#include <errno.h>
#include <string.h>

#include "base/duration.h"

struct test_flags {
    char *work_dir, *secret, *resources;
    bool quiet, hostname_lookup;
    int64_t port;
    double factor;
    int64_t timeout_ns, unset_ns;
    uint64_t limit_bytes;
};

static int check_port(const void *user, struct error *err) {
    const struct test_flags *flags = user;

    return flags->port > 0 ? 0 : error_set(err, EINVAL, "%d is not a port", (int)flags->port);
}

static const struct flag rows[] = {
    {"work_dir", FLAG_STRING, offsetof(struct test_flags, work_dir), NULL, "Where things are kept.", NULL,
     FLAG_REQUIRED, NULL},
    {"secret", FLAG_STRING, offsetof(struct test_flags, secret), NULL, "A secret.", NULL, FLAG_HIDDEN_VALUE, NULL},
    {"resources", FLAG_STRING, offsetof(struct test_flags, resources), NULL,
     "What this machine offers. This text is long enough that it has to be broken into more than one line of the help.",
     NULL, FLAG_FROM_FILE, NULL},
    {"quiet", FLAG_BOOL, offsetof(struct test_flags, quiet), "false", "Say nothing.", NULL, 0, NULL},
    {"hostname_lookup", FLAG_BOOL, offsetof(struct test_flags, hostname_lookup), "true", "Ask DNS.", NULL, 0, NULL},
    {"port", FLAG_INTEGER, offsetof(struct test_flags, port), "5050", "Port.", NULL, 0, check_port},
    {"factor", FLAG_DOUBLE, offsetof(struct test_flags, factor), "0.8", "Factor.", NULL, 0, NULL},
    {"agent_timeout", FLAG_DURATION, offsetof(struct test_flags, timeout_ns), "15secs", "Timeout.", "slave_timeout", 0,
     NULL},
    {"unset", FLAG_DURATION, offsetof(struct test_flags, unset_ns), NULL, "No default.", NULL, 0, NULL},
    {"limit", FLAG_BYTES, offsetof(struct test_flags, limit_bytes), "4KB", "Limit.", NULL, 0, NULL},
};

static const struct flag_refused refused[] = {{"modules", "loadable modules are left out"}, {NULL, NULL}};

static const struct flag_table table = {
    .program = "mesos-test",
    .usage = "Usage: mesos-test [options]",
    .environment_prefix = "TESTFLAG_",
    .flags = rows,
    .count = ARRAY_SIZE(rows),
    .refused = refused,
};

struct fixture {
    struct test_flags flags;
    struct error err;
    char *const *rest;
};

static int set_up(void **state) {
    static const char *const variables[] = {"TESTFLAG_WORK_DIR", "TESTFLAG_PORT",    "TESTFLAG_QUIET",
                                            "TESTFLAG_MODULES",  "TESTFLAG_UNKNOWN", "TESTFLAG_SLAVE_TIMEOUT"};

    for (size_t i = 0; i < ARRAY_SIZE(variables); i++)
        unsetenv(variables[i]);
    *state = new0(struct fixture);
    return 0;
}

static int tear_down(void **state) {
    struct fixture *fixture = *state;

    flags_done(&table, &fixture->flags);
    error_done(&fixture->err);
    free(fixture);
    return 0;
}

/* The arguments after the program's name; positional ones are allowed if @with_rest. */
static int parse(struct fixture *fixture, bool with_rest, const char *const *arguments) {
    char *all[16] = {"mesos-test"};
    static char *kept[16];
    int count = 1;

    for (; *arguments != NULL; arguments++)
        all[count++] = (char *)*arguments;
    memcpy(kept, all, sizeof(kept));
    return flags_parse(&table, count, kept, &fixture->flags, with_rest ? &fixture->rest : NULL, &fixture->err);
}

#define PARSE(fixture, ...) parse(fixture, false, (const char *const[]){__VA_ARGS__, NULL})
#define PARSE_WITH_REST(fixture, ...) parse(fixture, true, (const char *const[]){__VA_ARGS__, NULL})

static void assert_refused(struct fixture *fixture, const char *argument, const char *reason) {
    flags_done(&table, &fixture->flags);
    fixture->flags = (struct test_flags){0};
    assert_int_equal(PARSE(fixture, "--work_dir=/w", argument), -1);
    assert_string_equal(error_message(&fixture->err), reason);
}

static void values_of_every_type_are_read(void **state) {
    struct fixture *fixture = *state;

    assert_int_equal(PARSE(fixture, "--work_dir=/var/lib", "--quiet", "--no-hostname_lookup", "--port=80",
                           "--factor=1.5", "--agent_timeout=2mins", "--limit=1MB"),
                     0);
    assert_string_equal(fixture->flags.work_dir, "/var/lib");
    assert_true(fixture->flags.quiet);
    assert_false(fixture->flags.hostname_lookup);
    assert_int_equal(fixture->flags.port, 80);
    assert_true(fixture->flags.factor == 1.5);
    assert_int_equal(fixture->flags.timeout_ns, 2 * MINUTE);
    assert_int_equal(fixture->flags.limit_bytes, 1 << 20);
    assert_null(fixture->flags.secret);
}

static void what_is_not_given_has_its_default(void **state) {
    struct fixture *fixture = *state;

    assert_int_equal(PARSE(fixture, "--work_dir=/w"), 0);
    assert_false(fixture->flags.quiet);
    assert_true(fixture->flags.hostname_lookup);
    assert_int_equal(fixture->flags.port, 5050);
    assert_int_equal(fixture->flags.timeout_ns, 15 * SECOND);
    assert_int_equal(fixture->flags.unset_ns, 0);
}

static void booleans_take_a_value_too(void **state) {
    struct fixture *fixture = *state;

    assert_int_equal(PARSE(fixture, "--work_dir=/w", "--quiet=1", "--hostname_lookup=false"), 0);
    assert_true(fixture->flags.quiet);
    assert_false(fixture->flags.hostname_lookup);
}

static void names_are_taken_in_any_case_and_by_their_alias(void **state) {
    struct fixture *fixture = *state;

    assert_int_equal(PARSE(fixture, "--WORK_DIR=/W", "--slave_timeout=3secs"), 0);
    assert_string_equal(fixture->flags.work_dir, "/W");
    assert_int_equal(fixture->flags.timeout_ns, 3 * SECOND);
}

static void errors_name_the_flag_the_value_and_what_was_expected(void **state) {
    struct fixture *fixture = *state;

    assert_refused(fixture, "--nonsense=1", "unknown flag --nonsense (--help lists them)");
    assert_refused(fixture, "--prot=1", "unknown flag --prot (did you mean --port?)");
    assert_refused(fixture, "--no-nonsense", "unknown flag --nonsense (--help lists them)");
    assert_refused(fixture, "--port=x", "--port: 'x' is not a whole number");
    assert_refused(fixture, "--port=0", "--port: 0 is not a port");
    assert_refused(fixture, "--port", "--port needs a value: --port=VALUE");
    assert_refused(fixture, "--no-port", "--no-port: --port is not a boolean flag");
    assert_refused(fixture, "--quiet=maybe", "--quiet: 'maybe' is neither true nor false");
    assert_refused(fixture, "--no-quiet=true", "--no-quiet takes no value, but got 'true'");
    assert_refused(fixture, "--work_dir=/x", "--work_dir is given more than once");
    assert_refused(fixture, "--modules=x", "--modules is not supported: loadable modules are left out");
    assert_refused(fixture, "extra", "unexpected argument 'extra'");
    assert_refused(fixture, "--agent_timeout=5",
                   "--agent_timeout: '5' is not a duration such as '15secs' (units: ns, us, ms, secs, mins, hrs, days, "
                   "weeks)");
}

static void an_alias_and_its_name_are_the_same_flag(void **state) {
    struct fixture *fixture = *state;

    assert_int_equal(PARSE(fixture, "--work_dir=/w", "--agent_timeout=1secs", "--slave_timeout=2secs"), -1);
    assert_string_equal(error_message(&fixture->err), "--agent_timeout is given more than once");
}

static void a_required_flag_must_be_there(void **state) {
    struct fixture *fixture = *state;

    assert_int_equal(PARSE(fixture, "--quiet"), -1);
    assert_string_equal(error_message(&fixture->err), "--work_dir is required");
}

static void the_environment_fills_in_what_the_command_line_leaves_out(void **state) {
    struct fixture *fixture = *state;

    setenv("TESTFLAG_WORK_DIR", "/from/environment", 1);
    setenv("TESTFLAG_PORT", "1", 1);
    setenv("TESTFLAG_QUIET", "", 1);
    setenv("TESTFLAG_SLAVE_TIMEOUT", "4secs", 1);
    setenv("TESTFLAG_UNKNOWN", "is nobody's", 1);
    assert_int_equal(PARSE(fixture, "--port=2"), 0);
    assert_string_equal(fixture->flags.work_dir, "/from/environment");
    assert_int_equal(fixture->flags.port, 2);
    assert_true(fixture->flags.quiet);
    assert_int_equal(fixture->flags.timeout_ns, 4 * SECOND);
}

static void a_wrong_value_in_the_environment_is_refused(void **state) {
    struct fixture *fixture = *state;

    setenv("TESTFLAG_PORT", "many", 1);
    assert_int_equal(PARSE(fixture, "--work_dir=/w"), -1);
    assert_string_equal(error_message(&fixture->err), "environment: --port: 'many' is not a whole number");
}

static void a_refused_flag_in_the_environment_is_refused(void **state) {
    struct fixture *fixture = *state;

    setenv("TESTFLAG_MODULES", "x", 1);
    assert_int_equal(PARSE(fixture, "--work_dir=/w"), -1);
    assert_non_null(strstr(error_message(&fixture->err), "TESTFLAG_MODULES"));
}

static void what_follows_the_flags_is_left_over(void **state) {
    struct fixture *fixture = *state;

    assert_int_equal(PARSE_WITH_REST(fixture, "--work_dir=/w", "task", "--port=1"), 0);
    assert_string_equal(fixture->rest[0], "task");
    assert_string_equal(fixture->rest[1], "--port=1");
    assert_int_equal(fixture->flags.port, 5050);
}

static void two_dashes_end_the_flags(void **state) {
    struct fixture *fixture = *state;

    assert_int_equal(PARSE_WITH_REST(fixture, "--work_dir=/w", "--", "--port=1"), 0);
    assert_string_equal(fixture->rest[0], "--port=1");
    assert_int_equal(PARSE_WITH_REST(fixture, "--work_dir=/w"), 0);
    assert_null(fixture->rest[0]);
}

static void help_and_version_need_no_other_flag(void **state) {
    struct fixture *fixture = *state;

    assert_int_equal(PARSE(fixture, "--help"), FLAGS_HELP_WANTED);
    assert_int_equal(PARSE(fixture, "-h"), FLAGS_HELP_WANTED);
    assert_int_equal(PARSE(fixture, "--version"), FLAGS_VERSION_WANTED);
}

/* @ret_argument is "--<flag>=file://<path of a file with @content>". */
static void write_file(const char *flag, const char *content, char *ret_path, char **ret_argument) {
    int file = mkstemp(ret_path);

    assert_true(file >= 0);
    assert_int_equal(write(file, content, strlen(content)), (ssize_t)strlen(content));
    close(file);
    *ret_argument = xasprintf("--%s=file://%s", flag, ret_path);
}

static void a_value_can_come_from_a_file(void **state) {
    struct fixture *fixture = *state;
    char path[] = "/tmp/test_flags.XXXXXX", port_path[] = "/tmp/test_flags.XXXXXX";
    cleanup_free char *resources = NULL, *port = NULL;

    write_file("resources", "{\n  \"cpus\": 1\n}\n", path, &resources);
    write_file("port", "77\n", port_path, &port);
    assert_int_equal(PARSE(fixture, "--work_dir=file:///is/kept", resources, port), 0);
    assert_string_equal(fixture->flags.work_dir, "file:///is/kept");
    assert_string_equal(fixture->flags.resources, "{\n  \"cpus\": 1\n}");
    assert_int_equal(fixture->flags.port, 77);
    unlink(path);
    unlink(port_path);
}

static void a_file_that_is_not_there_is_told(void **state) {
    struct fixture *fixture = *state;

    assert_refused(fixture, "--resources=file:///nonexistent/x",
                   "--resources=file:///nonexistent/x: reading /nonexistent/x: No such file or directory");
}

static void values_are_shown_as_upstream_shows_them(void **state) {
    struct fixture *fixture = *state;
    cleanup_buffer struct buffer buffer = BUFFER_INIT;
    struct json_writer writer;

    assert_int_equal(PARSE(fixture, "--work_dir=/w", "--secret=xyz", "--agent_timeout=90secs"), 0);
    json_init(&writer, &buffer);
    flags_write_json(&table, &fixture->flags, &writer);
    assert_string_equal(buffer_text(&buffer),
                        "{\"agent_timeout\":\"90secs\",\"factor\":\"0.8\",\"help\":\"false\","
                        "\"hostname_lookup\":\"true\",\"limit\":\"4KB\",\"port\":\"5050\",\"quiet\":\"false\","
                        "\"version\":\"false\",\"work_dir\":\"/w\"}");
}

static void help_lists_every_flag_and_fits_the_terminal(void **state) {
    cleanup_buffer struct buffer buffer = BUFFER_INIT;
    const char *text;

    flags_append_help(&table, &buffer);
    text = buffer_text(&buffer);
    assert_ptr_equal(strstr(text, "Usage: mesos-test [options]\n\n"), text);
    assert_non_null(strstr(text, "\n  --work_dir=VALUE                Where things are kept. (required)\n"));
    assert_non_null(strstr(text, "\n  --[no-]quiet                    Say nothing. (default: false)\n"));
    assert_non_null(strstr(text, "\n  --agent_timeout=VALUE, --slave_timeout=VALUE\n"
                                 "                                  Timeout. (default: 15secs)\n"));
    assert_non_null(strstr(text, "--help"));
    assert_non_null(strstr(text, "TESTFLAG_NAME"));
    while (*text != '\0') {
        size_t length = strcspn(text, "\n");

        assert_true(length <= 100);
        assert_true(length == 0 || text[length - 1] != ' ');
        text += length + 1;
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(values_of_every_type_are_read, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_not_given_has_its_default, set_up, tear_down),
        cmocka_unit_test_setup_teardown(booleans_take_a_value_too, set_up, tear_down),
        cmocka_unit_test_setup_teardown(names_are_taken_in_any_case_and_by_their_alias, set_up, tear_down),
        cmocka_unit_test_setup_teardown(errors_name_the_flag_the_value_and_what_was_expected, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_alias_and_its_name_are_the_same_flag, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_required_flag_must_be_there, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_environment_fills_in_what_the_command_line_leaves_out, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_wrong_value_in_the_environment_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_refused_flag_in_the_environment_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_follows_the_flags_is_left_over, set_up, tear_down),
        cmocka_unit_test_setup_teardown(two_dashes_end_the_flags, set_up, tear_down),
        cmocka_unit_test_setup_teardown(help_and_version_need_no_other_flag, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_value_can_come_from_a_file, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_file_that_is_not_there_is_told, set_up, tear_down),
        cmocka_unit_test_setup_teardown(values_are_shown_as_upstream_shows_them, set_up, tear_down),
        cmocka_unit_test_setup_teardown(help_lists_every_flag_and_fits_the_terminal, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
