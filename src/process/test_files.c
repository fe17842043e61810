/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/text.h"
#include "net/test_server.h"
#include "process/files.h"

enum { LARGE = 300 * 1000 };

/* A daemon that shows its log and the directory "/work/box" as "/box", and a peer that asks. */
struct fixture {
    struct sim *sim;
    struct env *server_env, *client_env;
    struct http_server *server;
    struct router *router;
    struct files files;
    struct raw raw;
};

static void on_request(struct http_exchange *exchange, void *user) {
    struct fixture *fixture = user;

    router_dispatch(fixture->router, exchange);
}

static bool find_box(void *user, const char *path, char **ret_root, const char **ret_rest) {
    if (!text_starts_with(path, "/box") || (path[4] != '\0' && path[4] != '/'))
        return false;
    *ret_root = xstrdup("/work/box");
    *ret_rest = path + 4;
    return true;
}

static void each_box(void *user, void (*add)(void *to, const char *shown, const char *root), void *to) {
    add(to, "/box", "/work/box");
}

static void write_text(struct fixture *fixture, const char *path, const char *data, size_t size) {
    assert_int_equal(env_file_write_now(fixture->server_env, path, data, size, NULL), 0);
}

static int set_up(void **state) {
    static const struct http_server_handler handler = {.on_request = on_request};
    static const struct files_ops ops = {.find = find_box, .each = each_box};
    struct fixture *fixture = new0(struct fixture);
    struct address address = address_tcp("10.0.0.1", 5050);

    fixture->sim = sim_new(1);
    fixture->server_env = sim_node_env(sim_node_new(fixture->sim, "10.0.0.1"));
    fixture->client_env = sim_node_env(sim_node_new(fixture->sim, "10.0.0.2"));
    fixture->server = http_server_new(fixture->server_env, NULL, &handler, fixture);
    fixture->router = router_new();
    assert_int_equal(env_make_directories(fixture->server_env, "/work/box/inner", NULL), 0);
    write_text(fixture, "/work/log", "a line\n", 7);
    write_text(fixture, "/work/secret", "secret", 6);
    write_text(fixture, "/work/box/stdout", "hello", 5);
    write_text(fixture, "/work/box/page.txt", "text", 4);
    assert_int_equal(env_symlink(fixture->server_env, "../secret", "/work/box/way-out", NULL), 0);
    files_init(&fixture->files, fixture->server_env, fixture->router, "/master/log", "/work/log", &ops, fixture);
    *state = fixture;
    return http_server_listen(fixture->server, &address, NULL);
}

static int tear_down(void **state) {
    struct fixture *fixture = *state;

    files_done(&fixture->files);
    raw_done(&fixture->raw);
    http_server_free(fixture->server);
    router_free(fixture->router);
    sim_free(fixture->sim);
    free(fixture);
    return 0;
}

/* The whole answer to a GET, valid until the next one. */
static const char *get(struct fixture *fixture, const char *target) {
    cleanup_free char *request = xasprintf("GET %s HTTP/1.1\r\nHost: h\r\n\r\n", target);

    raw_done(&fixture->raw);
    raw_connect(&fixture->raw, fixture->client_env, http_server_address(fixture->server));
    raw_send(&fixture->raw, request);
    sim_run_for(fixture->sim, SECOND);
    return raw_got(&fixture->raw);
}

static void expect(void **state, const char *target, unsigned status, const char *body) {
    cleanup_free char *line = xasprintf("HTTP/1.1 %u ", status);
    const char *answer = get(*state, target), *end = strstr(answer, "\r\n\r\n");

    assert_int_equal(strncmp(answer, line, strlen(line)), 0);
    assert_non_null(end);
    assert_string_equal(end + 4, body);
}

static void a_path_is_needed(void **state) {
    static const char *const targets[] = {"/files/browse", "/files/read", "/files/download",
                                          "/files/browse?path=", "/files/read?path=&offset=0"};

    for (size_t i = 0; i < ARRAY_SIZE(targets); i++)
        expect(state, targets[i], 400, "Expecting 'path=value' in query.\n");
}

static void what_is_not_shown_is_not_found(void **state) {
    static const char *const paths[] = {
        "/", "/nope", "/work/box", "/boxes", "/master/log/below", "/box/none", "/box/stdout/below"};

    for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
        cleanup_free char *browse = xasprintf("/files/browse?path=%s", paths[i]);
        cleanup_free char *read = xasprintf("/files/read?path=%s&offset=0", paths[i]);
        cleanup_free char *download = xasprintf("/files/download?path=%s", paths[i]);

        expect(state, browse, 404, "");
        expect(state, read, 404, "");
        expect(state, download, 404, "404 Not Found.");
    }
}

static void a_directory_is_listed_without_what_lies_outside(void **state) {
    const char *answer = get(*state, "/files/browse?path=/box/");

    assert_non_null(strstr(answer, "\r\nContent-Type: application/json\r\n"));
    assert_non_null(strstr(answer, "{\"gid\":\"root\",\"mode\":\"drwxr-xr-x\",\"mtime\":"));
    assert_non_null(strstr(answer, "\"path\":\"/box/inner\""));
    assert_non_null(strstr(answer, ",\"nlink\":1,\"path\":\"/box/stdout\",\"size\":5,\"uid\":\"root\"}"));
    assert_null(strstr(answer, "way-out"));
    expect(state, "/files/browse?path=/box/stdout", 200, "[]");
}

static void nothing_is_shown_outside_of_the_root(void **state) {
    static const char *const paths[] = {"/box/way-out", "/box/../secret", "/box/..", "/box/inner/../../secret",
                                        "/box/%2e%2e/secret"};

    for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
        static const char *const endpoints[] = {"browse", "read", "download"};

        for (size_t j = 0; j < ARRAY_SIZE(endpoints); j++) {
            cleanup_free char *target = xasprintf("/files/%s?path=%s&offset=0", endpoints[j], paths[i]);
            const char *answer = get(*state, target);

            assert_int_equal(strncmp(answer, "HTTP/1.1 400 ", 13), 0);
            assert_non_null(strstr(answer, "is inaccessible"));
        }
    }
}

static void a_file_is_read_from_an_offset(void **state) {
    expect(state, "/files/read?path=/box/stdout&offset=0", 200, "{\"data\":\"hello\",\"offset\":0}");
    expect(state, "/files/read?path=/box/stdout&offset=1&length=3", 200, "{\"data\":\"ell\",\"offset\":1}");
    expect(state, "/files/read?path=/box/stdout&offset=1&length=-1", 200, "{\"data\":\"ello\",\"offset\":1}");
    expect(state, "/files/read?path=file:///box/stdout&offset=99", 200, "{\"data\":\"\",\"offset\":99}");
    /* How long is it? */
    expect(state, "/files/read?path=/box/stdout", 200, "{\"data\":\"\",\"offset\":5}");
    expect(state, "/files/read?path=/box/stdout&offset=-1&length=2", 200, "{\"data\":\"\",\"offset\":5}");
    expect(state, "/files/read?path=/box/stdout&jsonp=f", 200, "f({\"data\":\"\",\"offset\":5})");
    expect(state, "/files/read?path=/master/log/&offset=2", 200, "{\"data\":\"line\\n\",\"offset\":2}");
    expect(state, "/files/read?path=/box/stdout&offset=x", 400, "Failed to parse offset: 'x' is not a number.\n");
    expect(state, "/files/read?path=/box/stdout&length=", 400, "Failed to parse length: '' is not a number.\n");
    expect(state, "/files/read?path=/box/stdout&offset=-2", 400, "Negative offset provided: -2.\n");
    expect(state, "/files/read?path=/box/stdout&length=-2", 400, "Negative length provided: -2.\n");
    expect(state, "/files/read?path=/box&offset=0", 400, "Cannot read a directory.\n");
}

static void a_small_file_is_downloaded_in_one_piece(void **state) {
    const char *answer = get(*state, "/files/download?path=/box/page.txt");

    assert_non_null(strstr(answer, "\r\nContent-Type: text/plain\r\n"));
    assert_non_null(strstr(answer, "\r\nContent-Disposition: attachment; filename=page.txt\r\n"));
    assert_non_null(strstr(answer, "\r\n\r\ntext"));
    assert_non_null(strstr(get(*state, "/files/download?path=/box/stdout"), "application/octet-stream\r\n"));
    expect(state, "/files/download?path=/box", 400, "Cannot download a directory.\n");
}

static void a_large_file_is_downloaded_whole_and_read_in_pieces(void **state) {
    struct fixture *fixture = *state;
    cleanup_free char *large = xmalloc(LARGE);
    const char *answer, *at;
    size_t got = 0, size;

    memset(large, 'x', LARGE);
    write_text(fixture, "/work/box/large", large, LARGE);
    answer = get(fixture, "/files/download?path=/box/large");
    at = strstr(answer, "\r\n\r\n") + 4;
    while ((size = strtoul(at, NULL, 16)) > 0) {
        at = strstr(at, "\r\n") + 2;
        assert_int_equal(memcmp(at, large, size), 0);
        at += size + 2;
        got += size;
    }
    assert_int_equal(got, LARGE);
    answer = get(fixture, "/files/read?path=/box/large&offset=0&length=1000000");
    assert_int_equal(strspn(strstr(answer, "\"data\":\"") + 8, "x"), 64 * 1024);
}

static void a_download_that_is_left_or_broken_off_ends(void **state) {
    struct fixture *fixture = *state;
    cleanup_free char *large = xmalloc(LARGE);

    memset(large, 'x', LARGE);
    write_text(fixture, "/work/box/large", large, LARGE);
    for (int i = 0; i < 2; i++) {
        raw_done(&fixture->raw);
        raw_connect(&fixture->raw, fixture->client_env, http_server_address(fixture->server));
        stream_set_reading(fixture->raw.stream, false);
        raw_send(&fixture->raw, "GET /files/download?path=/box/large HTTP/1.1\r\nHost: h\r\n\r\n");
        sim_run_for(fixture->sim, SECOND);
        if (i == 0) {
            raw_done(&fixture->raw);
            fixture->raw = (struct raw){.stream = NULL};
            sim_run_for(fixture->sim, SECOND);
            assert_true(list_is_empty(&fixture->files.downloads));
        }
    }
    files_done(&fixture->files);
}

static void what_is_shown_is_told(void **state) {
    expect(state, "/files/debug", 200, "{\"/master/log\":\"/work/log\",\"/box\":\"/work/box\"}");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_path_is_needed),
        TEST(what_is_not_shown_is_not_found),
        TEST(a_directory_is_listed_without_what_lies_outside),
        TEST(nothing_is_shown_outside_of_the_root),
        TEST(a_file_is_read_from_an_offset),
        TEST(a_small_file_is_downloaded_in_one_piece),
        TEST(a_large_file_is_downloaded_whole_and_read_in_pieces),
        TEST(a_download_that_is_left_or_broken_off_ends),
        TEST(what_is_shown_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
