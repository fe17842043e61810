/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/log.h"
#include "net/router.h"
#include "net/test_server.h"

/* Which route answered is told by its text. */
static void answer_state(struct http_exchange *exchange, void *user) {
    http_respond_text(exchange, 200, "state of %s", (const char *)user);
}

static void answer_api(struct http_exchange *exchange, void *user) {
    http_respond_text(exchange, 200, "api of %s", (const char *)user);
}

static void answer_scheduler(struct http_exchange *exchange, void *user) {
    http_respond_text(exchange, 200, "scheduler of %s", (const char *)user);
}

static void answer_root(struct http_exchange *exchange, void *user) {
    http_respond_text(exchange, 200, "root of %s", (const char *)user);
}

static void answer_put(struct http_exchange *exchange, void *user) {
    http_respond_text(exchange, 200, "put of %s", (const char *)user);
}

static const struct route routes[] = {
    {"/state", ROUTE_ANY, answer_state, "The state.", NULL},
    {"/api/v1", ROUTE_POST, answer_api, "Calls.", "Bodies are JSON or protobuf."},
    {"/api/v1/scheduler", ROUTE_POST, answer_scheduler, NULL, NULL},
    {"/quota", ROUTE_GET | ROUTE_HEAD, answer_state, "Shows quotas.", NULL},
    {"/quota", ROUTE_PUT, answer_put, "Changes quotas.", NULL},
    {"/", ROUTE_GET, answer_root, NULL, NULL},
};

struct fixture {
    struct server_world world;
    struct router *router;
    struct http_server *server;
    struct raw raw;
};

static void on_request(struct http_exchange *exchange, void *user) {
    router_dispatch(user, exchange);
}

static void begin(struct fixture *f) {
    static const struct http_server_handler handler = {.on_request = on_request};
    struct address address = address_tcp("10.0.0.1", 6060);

    world_init(&f->world, NULL);
    f->router = router_new();
    f->server = http_server_new(f->world.server_env, NULL, &handler, f->router);
    assert_int_equal(http_server_listen(f->server, &address, NULL), 0);
    raw_connect(&f->raw, f->world.client_env, &address);
}

static void finish(struct fixture *f) {
    raw_done(&f->raw);
    http_server_free(f->server);
    router_free(f->router);
    world_done(&f->world);
}

static void expect(struct fixture *f, const char *method, const char *path, unsigned status, const char *text) {
    cleanup_free char *request = xasprintf("%s %s HTTP/1.1\r\n\r\n", method, path);
    cleanup_free char *start = xasprintf("HTTP/1.1 %u ", status);

    buffer_clear(&f->raw.got);
    raw_send(&f->raw, request);
    world_settle(&f->world);
    if (strncmp(raw_got(&f->raw), start, strlen(start)) != 0 || strstr(raw_got(&f->raw), text) == NULL)
        fail_msg("%s %s: not %u '%s' but %s", method, path, status, text, raw_got(&f->raw));
}

static void the_longest_prefix_of_components_matches(void **state) {
    struct fixture f;

    begin(&f);
    router_add(f.router, "/master", routes, ARRAY_SIZE(routes), "m");
    router_add(f.router, "", routes, ARRAY_SIZE(routes), "d");
    expect(&f, "GET", "/master/state", 200, "state of m");
    expect(&f, "GET", "/master/state/more/of/it", 200, "state of m");
    expect(&f, "GET", "/master/state/", 200, "state of m");
    expect(&f, "GET", "//master//state", 200, "state of m");
    expect(&f, "GET", "/state", 200, "state of d");
    expect(&f, "GET", "/state?x=y", 200, "state of d");
    expect(&f, "GET", "/stat%65", 200, "state of d");
    expect(&f, "POST", "/api/v1", 200, "api of d");
    expect(&f, "POST", "/api/v1/other", 200, "api of d");
    expect(&f, "POST", "/api/v1/scheduler", 200, "scheduler of d");
    expect(&f, "POST", "/master/api/v1/scheduler/x", 200, "scheduler of m");
    expect(&f, "POST", "/api/v1/schedulers", 200, "api of d");
    expect(&f, "GET", "/master", 200, "root of m");
    expect(&f, "GET", "/", 200, "root of d");
    finish(&f);
}

static void what_has_no_route_is_not_found(void **state) {
    struct fixture f;

    begin(&f);
    router_add(f.router, "", routes, ARRAY_SIZE(routes), "d");
    expect(&f, "GET", "/nonexistent", 404, "\r\n\r\n404 Not Found.");
    expect(&f, "GET", "/states", 404, "404 Not Found.");
    expect(&f, "GET", "/api", 404, "404 Not Found.");
    expect(&f, "GET", "/a/../state", 404, "404 Not Found.");
    expect(&f, "GET", "/state/%2e%2e/x", 404, "404 Not Found.");
    finish(&f);
}

static void other_methods_are_told_which_ones_there_are(void **state) {
    struct fixture f;

    begin(&f);
    router_add(f.router, "", routes, ARRAY_SIZE(routes), "d");
    expect(&f, "GET", "/api/v1", 405,
           "Allow: POST\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: 72\r\n\r\n"
           "405 Method Not Allowed. Expecting one of { 'POST' }, but received 'GET'.");
    expect(&f, "DELETE", "/quota", 405, "Allow: GET, HEAD, PUT\r\n");
    expect(&f, "DELETE", "/quota", 405, "{ 'GET', 'HEAD', 'PUT' }, but received 'DELETE'.");
    expect(&f, "PUT", "/quota", 200, "put of d");
    expect(&f, "GET", "/quota", 200, "state of d");
    /* As upstream, which has no methods in its routes. */
    expect(&f, "PATCH", "/state", 200, "state of d");
    expect(&f, "PATCH", "/quota", 405, "'PATCH'");
    finish(&f);
}

static void removed_routes_are_gone(void **state) {
    struct fixture f;

    begin(&f);
    router_add(f.router, "/slave(1)", routes, ARRAY_SIZE(routes), "s");
    router_add(f.router, "", routes, ARRAY_SIZE(routes), "d");
    expect(&f, "GET", "/slave(1)/state", 200, "state of s");
    expect(&f, "GET", "/slave%281%29/state", 200, "state of s");
    router_remove(f.router, "/slave(1)");
    expect(&f, "GET", "/slave(1)/state", 404, "");
    expect(&f, "GET", "/state", 200, "state of d");
    router_add(f.router, "/slave(1)", routes, 1, "again");
    expect(&f, "GET", "/slave(1)/state", 200, "state of again");
    finish(&f);
}

static void help_lists_the_routes(void **state) {
    cleanup_buffer struct buffer all = BUFFER_INIT, some = BUFFER_INIT;
    struct router *router = router_new();

    router_add(router, "/master", routes, ARRAY_SIZE(routes), "m");
    router_add(router, "/files", routes, 1, "f");
    router_append_help(router, "", &all);
    router_append_help(router, "/files", &some);
    assert_non_null(strstr(buffer_text(&all), "/master/api/v1 POST\n    Calls.\n    Bodies are JSON or protobuf.\n"));
    assert_string_equal(buffer_text(&some), "/files/state\n    The state.\n");
    router_free(router);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_longest_prefix_of_components_matches),
        cmocka_unit_test(what_has_no_route_is_not_found),
        cmocka_unit_test(other_methods_are_told_which_ones_there_are),
        cmocka_unit_test(removed_routes_are_gone),
        cmocka_unit_test(help_lists_the_routes),
    };

    log_set_level(LOG_ERROR);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
