/* SPDX-License-Identifier: Apache-2.0 */
/* The fetcher as a process, as an agent runs it, against an HTTP server in the test. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <archive.h>
#include <archive_entry.h>
#include <cmocka.h>
#include <fcntl.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/log.h"
#include "base/text.h"
#include "containerizer/fetcher.h"
#include "containerizer/runtime.h"
#include "event/loop.h"
#include "net/http_server.h"

#define PATIENCE_NS (60 * SECOND)

struct fixture {
    char root[64];
    char *sandbox, *log;
    struct loop *loop;
    struct http_server *server;
    struct env_timer watchdog;
    bool is_over;
    int status;
    struct buffer archive;
};

/* What the server has */

/* The exchange is the server's again. */
static void on_stalled_closed(struct http_exchange *exchange, void *user) {
}

static void on_request(struct http_exchange *exchange, void *user) {
    struct fixture *fixture = user;
    const char *path = http_exchange_request(exchange)->path;
    if (strcmp(path, "/file") == 0 || strcmp(path, "/file.sh") == 0) {
        http_respond_text(exchange, 200, "#!/bin/sh\n");
    } else if (strcmp(path, "/moved/file") == 0) {
        http_respond_header(exchange, "Location", "/file");
        http_respond_text(exchange, 302, "moved");
    } else if (strcmp(path, "/out/file") == 0) {
        http_respond_header(exchange, "Location", "file:///etc/passwd");
        http_respond_text(exchange, 302, "moved");
    } else if (strcmp(path, "/a.tar.gz") == 0) {
        http_respond(exchange, 200, "application/gzip", fixture->archive.data, fixture->archive.size);
    } else if (strcmp(path, "/stalled") == 0) {
        http_exchange_on_closed(exchange, on_stalled_closed, NULL);
        http_stream_begin(exchange, 200, "text/plain");
        http_stream_write(exchange, "x", 1);
    } else {
        http_respond_text(exchange, 404, "not here");
    }
}

static const struct http_server_handler handler = {.on_request = on_request};

static void build_archive(struct buffer *ret) {
    char bytes[65536];
    size_t size;
    struct archive *writer = archive_write_new();
    archive_write_add_filter_gzip(writer);
    archive_write_set_format_ustar(writer);
    archive_write_open_memory(writer, bytes, sizeof(bytes), &size);
    struct archive_entry *entry = archive_entry_new();
    archive_entry_set_pathname(entry, "inside/member");
    archive_entry_set_filetype(entry, AE_IFREG);
    archive_entry_set_perm(entry, 0644);
    archive_entry_set_size(entry, 4);
    archive_write_header(writer, entry);
    archive_write_data(writer, "text", 4);
    archive_entry_free(entry);
    archive_write_close(writer);
    archive_write_free(writer);
    buffer_append(ret, bytes, size);
}

static void on_watchdog(struct env_timer *timer) {
    fail_msg("the fetcher does not end");
}

static int set_up(void **state) {
    struct fixture *fixture = new0(struct fixture);
    snprintf(fixture->root, sizeof(fixture->root), "/tmp/test_fetcher.XXXXXX");
    assert_non_null(mkdtemp(fixture->root));
    assert_int_equal(chmod(fixture->root, 0755), 0);
    fixture->sandbox = path_join(fixture->root, "sandbox");
    fixture->log = path_join(fixture->root, "log");
    assert_int_equal(mkdir(fixture->sandbox, 0755), 0);
    fixture->loop = loop_new(NULL);
    assert_non_null(fixture->loop);
    const struct address any = address_tcp("127.0.0.1", 0);
    fixture->server = http_server_new(loop_env(fixture->loop), NULL, &handler, fixture);
    assert_int_equal(http_server_listen(fixture->server, &any, NULL), 0);
    env_timer_init(&fixture->watchdog, loop_env(fixture->loop), on_watchdog);
    build_archive(&fixture->archive);
    *state = fixture;
    return 0;
}

static int tear_down(void **state) {
    struct fixture *fixture = *state;
    env_timer_done(&fixture->watchdog);
    http_server_free(fixture->server);
    loop_free(fixture->loop);
    assert_int_equal(runtime_remove(fixture->root, NULL), 0);
    buffer_done(&fixture->archive);
    free(fixture->sandbox);
    free(fixture->log);
    free(fixture);
    return 0;
}

static void on_fetcher_exit(struct child *child, int wait_status, void *user) {
    struct fixture *fixture = user;
    fixture->is_over = true;
    fixture->status = wait_status;
    loop_stop(fixture->loop);
}

/* Run the fetcher with the FetcherInfo @info; returns its wait status. */
static int fetch_info(struct fixture *fixture, const char *info) {
    cleanup_free char *variable = xasprintf("MESOS_FETCHER_INFO=%s", info);
    char *const environment[] = {variable, NULL};
    char *const arguments[] = {"mesos-fetcher", NULL};
    cleanup_close int log = open(fixture->log, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    const struct child_options options = {
        .file = "/proc/self/exe",
        .arguments = arguments,
        .environment = environment,
        .stdin_fd = -1,
        .stdout_fd = log,
        .stderr_fd = log,
        .extra_fd = -1,
        .new_session = true,
    };
    struct child *child;
    fixture->is_over = false;
    assert_int_equal(loop_spawn(fixture->loop, &options, on_fetcher_exit, fixture, &child, NULL), 0);
    env_timer_start(&fixture->watchdog, PATIENCE_NS);
    while (!fixture->is_over)
        loop_run(fixture->loop);
    env_timer_stop(&fixture->watchdog);
    return fixture->status;
}

/* One item with the members @item besides its value, from the server's @path or an absolute URI. */
static int fetch(struct fixture *fixture, const char *uri, const char *item) {
    cleanup_free char *url = uri[0] == '/'
                                 ? xasprintf("http://127.0.0.1:%d%s", http_server_address(fixture->server)->port, uri)
                                 : xstrdup(uri);
    cleanup_free char *info = xasprintf("{\"sandbox_directory\":\"%s\",\"stall_timeout\":{\"nanoseconds\":2000000000},"
                                        "\"items\":[{\"action\":\"BYPASS_CACHE\",\"uri\":{\"value\":\"%s\"%s}}]}",
                                        fixture->sandbox, url, item);
    return fetch_info(fixture, info);
}

static char *read_text(const char *directory, const char *name) {
    cleanup_free char *path = path_join(directory, name);
    cleanup_close int fd = open(path, O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    char text[16384];
    ssize_t size = read(fd, text, sizeof(text));
    assert_true(size >= 0);
    return xstrndup(text, size);
}

static void assert_content(const struct fixture *fixture, const char *name, const char *expected) {
    cleanup_free char *text = read_text(fixture->sandbox, name);
    assert_string_equal(text, expected);
}

static void assert_logged(const struct fixture *fixture, const char *expected) {
    cleanup_free char *text = read_text(fixture->root, "log");
    if (strstr(text, expected) == NULL)
        fail_msg("'%s' is not in the log: %s", expected, text);
}

static bool exists(const struct fixture *fixture, const char *name) {
    cleanup_free char *path = path_join(fixture->sandbox, name);
    return access(path, F_OK) == 0;
}

static void file_is_downloaded(void **state) {
    struct fixture *fixture = *state;
    assert_int_equal(fetch(fixture, "/file", ""), 0);
    assert_content(fixture, "file", "#!/bin/sh\n");
    assert_logged(fixture, "Successfully fetched all URIs into");
}

static void redirects_are_followed_but_not_to_files(void **state) {
    struct fixture *fixture = *state;
    assert_int_equal(fetch(fixture, "/moved/file", ""), 0);
    assert_content(fixture, "file", "#!/bin/sh\n");
    assert_int_equal(fetch(fixture, "/out/file", ""), EXIT_FAILURE << 8);
    assert_logged(fixture, "Error downloading resource");
}

static void output_file_and_executable_bit_are_set(void **state) {
    struct fixture *fixture = *state;
    assert_int_equal(fetch(fixture, "/file.sh", ",\"output_file\":\"bin/run\",\"executable\":true"), 0);
    struct stat info;
    cleanup_free char *path = path_join(fixture->sandbox, "bin/run");
    assert_int_equal(stat(path, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0755);
}

static void archive_is_extracted_unless_told_otherwise(void **state) {
    struct fixture *fixture = *state;
    assert_int_equal(fetch(fixture, "/a.tar.gz", ",\"extract\":false"), 0);
    assert_false(exists(fixture, "inside/member"));
    assert_int_equal(fetch(fixture, "/a.tar.gz", ""), 0);
    assert_content(fixture, "inside/member", "text");
    assert_true(exists(fixture, "a.tar.gz"));
}

static void missing_resource_is_an_error(void **state) {
    struct fixture *fixture = *state;
    assert_int_equal(fetch(fixture, "/nothing", ""), EXIT_FAILURE << 8);
    assert_logged(fixture, "received HTTP return code 404");
}

static void transfer_that_stands_still_is_given_up(void **state) {
    struct fixture *fixture = *state;
    assert_int_equal(fetch(fixture, "/stalled", ""), EXIT_FAILURE << 8);
    assert_logged(fixture, "Error downloading resource");
}

static void schemes_of_hadoop_are_refused(void **state) {
    struct fixture *fixture = *state;
    assert_int_equal(fetch(fixture, "hdfs://host/file", ""), EXIT_FAILURE << 8);
    assert_logged(fixture, "Hadoop client, which is not supported");
}

static void link_in_the_sandbox_is_not_written_through(void **state) {
    struct fixture *fixture = *state;
    cleanup_free char *link = path_join(fixture->sandbox, "file");
    cleanup_free char *target = path_join(fixture->root, "target");
    assert_int_equal(symlink(target, link), 0);
    assert_int_equal(fetch(fixture, "/file", ""), EXIT_FAILURE << 8);
    assert_int_equal(access(target, F_OK), -1);
    cleanup_free char *folder = path_join(fixture->sandbox, "folder");
    assert_int_equal(symlink(fixture->root, folder), 0);
    assert_int_equal(fetch(fixture, "/file", ",\"output_file\":\"folder/target\""), EXIT_FAILURE << 8);
    assert_int_equal(access(target, F_OK), -1);
}

static void files_are_fetched_as_the_user(void **state) {
    struct fixture *fixture = *state;
    const struct passwd *nobody = getpwnam("nobody");
    assert_non_null(nobody);
    cleanup_free char *secret = path_join(fixture->root, "secret");
    close(open(secret, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    cleanup_free char *info = xasprintf("{\"sandbox_directory\":\"%s\",\"user\":\"nobody\",\"items\":[{\"action\":"
                                        "\"BYPASS_CACHE\",\"uri\":{\"value\":\"%s\"}}]}",
                                        fixture->sandbox, secret);
    if (geteuid() != 0) { /* only root can switch */
        assert_int_equal(fetch_info(fixture, info), EXIT_FAILURE << 8);
        assert_logged(fixture, "becoming user 'nobody': Operation not permitted");
        return;
    }
    assert_int_equal(chown(fixture->sandbox, nobody->pw_uid, nobody->pw_gid), 0);
    assert_int_equal(fetch_info(fixture, info), EXIT_FAILURE << 8);
    assert_logged(fixture, "Permission denied");
    assert_int_equal(chmod(secret, 0644), 0);
    assert_int_equal(fetch_info(fixture, info), 0);
    struct stat state_of_copy;
    cleanup_free char *copy = path_join(fixture->sandbox, "secret");
    assert_int_equal(stat(copy, &state_of_copy), 0);
    assert_int_equal(state_of_copy.st_uid, nobody->pw_uid);
}

static void cache_is_filled_once(void **state) {
    struct fixture *fixture = *state;
    static const char *const actions[] = {"DOWNLOAD_AND_CACHE", "RETRIEVE_FROM_CACHE"};
    for (size_t i = 0; i < ARRAY_SIZE(actions); i++) {
        cleanup_free char *info = xasprintf(
            "{\"sandbox_directory\":\"%s\",\"cache_directory\":\"%s/cache\",\"items\":[{\"action\":\"%s\","
            "\"cache_filename\":\"c1-file\",\"uri\":{\"value\":\"http://127.0.0.1:%d/file\",\"executable\":true}}]}",
            fixture->sandbox, fixture->root, actions[i], i == 0 ? http_server_address(fixture->server)->port : 1);
        assert_int_equal(fetch_info(fixture, info), 0);
        cleanup_free char *path = path_join(fixture->sandbox, "file");
        assert_int_equal(unlink(path), 0);
    }
    cleanup_free char *cached = path_join(fixture->root, "cache/c1-file");
    assert_int_equal(access(cached, F_OK), 0);
}

static void info_that_is_no_json_is_an_error(void **state) {
    assert_int_equal(fetch_info(*state, "{"), EXIT_FAILURE << 8);
    assert_int_equal(fetch_info(*state, "{}"), EXIT_FAILURE << 8);
}

#define with_fixture(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

static int run_all(void) {
    const struct CMUnitTest tests[] = {
        with_fixture(file_is_downloaded),
        with_fixture(redirects_are_followed_but_not_to_files),
        with_fixture(output_file_and_executable_bit_are_set),
        with_fixture(archive_is_extracted_unless_told_otherwise),
        with_fixture(missing_resource_is_an_error),
        with_fixture(transfer_that_stands_still_is_given_up),
        with_fixture(schemes_of_hadoop_are_refused),
        with_fixture(link_in_the_sandbox_is_not_written_through),
        with_fixture(files_are_fetched_as_the_user),
        with_fixture(cache_is_filled_once),
        with_fixture(info_that_is_no_json_is_an_error),
    };
    return cmocka_run_group_tests_name("fetcher", tests, NULL, NULL);
}

int main(int argc, char **argv) {
    if (strcmp(path_base(argv[0]), "mesos-fetcher") != 0)
        return run_all();
    cleanup_error struct error err = ERROR_INIT;
    if (fetcher_run(getenv("MESOS_FETCHER_INFO"), &err) == 0)
        return EXIT_SUCCESS;
    log_error("%s", error_message(&err));
    return EXIT_FAILURE;
}
