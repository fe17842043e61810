/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/duration.h"
#include "net/test_server.h"
#include "process/common_endpoints.h"

struct test_flags {
    char *work_dir;
};

static const struct flag rows[] = {
    {"work_dir", FLAG_STRING, offsetof(struct test_flags, work_dir), NULL, "Where.", NULL, 0, NULL},
};

static const struct flag_table flag_table = {
    .program = "mesos-test",
    .usage = "Usage: mesos-test [options]",
    .flags = rows,
    .count = ARRAY_SIZE(rows),
};

/* A daemon that serves the common endpoints and nothing else, and a peer that asks. */
struct fixture {
    struct sim *sim;
    struct env *server_env, *client_env;
    struct http_server *server;
    struct router *router;
    struct metrics metrics;
    struct test_flags flags;
    struct common_endpoints endpoints;
    char *answer;
};

static void on_request(struct http_exchange *exchange, void *user) {
    struct fixture *fixture = user;

    router_dispatch(fixture->router, exchange);
}

static void fixed_stats(struct system_stats *ret) {
    *ret = (struct system_stats){.load_1min = 0.5,
                                 .load_5min = 0.25,
                                 .load_15min = 1,
                                 .cpus_total = 2,
                                 .mem_total_bytes = 8192,
                                 .mem_free_bytes = 4096};
}

static int set_up(void **state) {
    static const struct http_server_handler handler = {.on_request = on_request};
    struct fixture *fixture = new0(struct fixture);
    struct address address = address_tcp("10.0.0.1", 5050);

    log_set_level(LOG_INFO);
    fixture->sim = sim_new(1);
    fixture->server_env = sim_node_env(sim_node_new(fixture->sim, "10.0.0.1"));
    fixture->client_env = sim_node_env(sim_node_new(fixture->sim, "10.0.0.2"));
    fixture->server = http_server_new(fixture->server_env, NULL, &handler, fixture);
    fixture->router = router_new();
    fixture->flags.work_dir = "/var/lib/mesos";
    metrics_init(&fixture->metrics);
    common_endpoints_init(&fixture->endpoints, fixture->router, "master", &fixture->metrics, &flag_table,
                          &fixture->flags, fixture->server_env, fixed_stats);
    *state = fixture;
    return http_server_listen(fixture->server, &address, NULL);
}

static int tear_down(void **state) {
    struct fixture *fixture = *state;

    http_server_free(fixture->server);
    common_endpoints_done(&fixture->endpoints);
    router_free(fixture->router);
    metrics_done(&fixture->metrics);
    sim_free(fixture->sim);
    log_set_level(LOG_INFO);
    free(fixture->answer);
    free(fixture);
    return 0;
}

/* The whole answer to a GET, valid until the next one. */
static const char *get(struct fixture *fixture, const char *target) {
    cleanup_free char *request = xasprintf("GET %s HTTP/1.1\r\nHost: h\r\n\r\n", target);
    struct raw raw;

    raw_connect(&raw, fixture->client_env, http_server_address(fixture->server));
    raw_send(&raw, request);
    sim_run_for(fixture->sim, MILLISECOND);
    free(fixture->answer);
    fixture->answer = buffer_take(&raw.got, NULL);
    raw_done(&raw);
    return fixture->answer;
}

static void expect(struct fixture *fixture, const char *target, unsigned status, const char *type, const char *body) {
    cleanup_free char *line = xasprintf("HTTP/1.1 %u ", status), *content = xasprintf("\r\nContent-Type: %s\r\n", type);
    const char *answer = get(fixture, target), *end = strstr(answer, "\r\n\r\n");

    assert_int_equal(strncmp(answer, line, strlen(line)), 0);
    assert_non_null(end);
    assert_non_null(strstr(answer, content));
    assert_string_equal(end + 4, body);
}

#define PLAIN "text/plain; charset=utf-8"

static void health_is_an_empty_answer_with_and_without_the_id(void **state) {
    static const char *const targets[] = {"/health", "/master/health"};

    for (size_t i = 0; i < ARRAY_SIZE(targets); i++) {
        const char *answer = get(*state, targets[i]);

        assert_int_equal(strncmp(answer, "HTTP/1.1 200 OK\r\n", 17), 0);
        assert_non_null(strstr(answer, "Content-Length: 0\r\n"));
        assert_null(strstr(answer, "Content-Type"));
    }
}

static void flags_are_shown_with_and_without_the_id(void **state) {
    const char *body = "{\"flags\":{\"help\":\"false\",\"version\":\"false\",\"work_dir\":\"/var/lib/mesos\"}}";

    expect(*state, "/flags", 200, "application/json", body);
    expect(*state, "/master/flags", 200, "application/json", body);
}

static void the_version_has_the_keys_of_upstream(void **state) {
    const char *answer = get(*state, "/version");

    assert_non_null(strstr(answer, "\r\nContent-Type: application/json\r\n"));
    assert_non_null(strstr(answer, "\r\n\r\n{\"build_date\":\""));
    assert_non_null(strstr(answer, ",\"version\":\"1.11.0\"}"));
}

static void jsonp_makes_a_script(void **state) {
    struct fixture *fixture = *state;

    expect(fixture, "/flags?jsonp=cb", 200, "text/javascript",
           "cb({\"flags\":{\"help\":\"false\",\"version\":\"false\",\"work_dir\":\"/var/lib/mesos\"}})");
    expect(fixture, "/flags?jsonp=alert(1)", 400, PLAIN, "jsonp is not the name of a function.\n");
}

static void the_snapshot_holds_all_metrics(void **state) {
    const char *body = "{\"system/cpus_total\":2.0,\"system/load_15min\":1.0,\"system/load_1min\":0.5,"
                       "\"system/load_5min\":0.25,\"system/mem_free_bytes\":4096.0,\"system/mem_total_bytes\":8192.0}";

    expect(*state, "/metrics/snapshot", 200, "application/json", body);
    expect(*state, "/metrics/snapshot?timeout=1secs", 200, "application/json", body);
}

static void a_wrong_timeout_is_refused(void **state) {
    assert_int_equal(strncmp(get(*state, "/metrics/snapshot?timeout=bogus"), "HTTP/1.1 400 ", 13), 0);
    assert_non_null(strstr(get(*state, "/metrics/snapshot?timeout=bogus"), "\r\n\r\nInvalid timeout: 'bogus' is not"));
}

static void prometheus_is_served_at_its_exact_path(void **state) {
    const char *answer = get(*state, "/metrics");

    assert_non_null(strstr(answer, "Content-Type: text/plain; version=0.0.4; charset=utf-8\r\n"));
    assert_non_null(strstr(answer, "\nmesos_system_cpus_total 2.0\n"));
    expect(*state, "/metrics/nonsense", 404, PLAIN, "404 Not Found.");
}

static void machine_load_is_served(void **state) {
    expect(*state, "/system/stats.json", 200, "application/json",
           "{\"avg_load_15min\":1.0,\"avg_load_1min\":0.5,\"avg_load_5min\":0.25,\"cpus_total\":2,"
           "\"mem_free_bytes\":4096,\"mem_total_bytes\":8192}");
}

static void verbosity_is_raised_and_set_back_in_time(void **state) {
    struct fixture *fixture = *state;

    expect(fixture, "/logging/toggle", 200, PLAIN, "0\n");
    assert_int_equal(strncmp(get(fixture, "/logging/toggle?level=2&duration=10secs"), "HTTP/1.1 200 OK\r\n", 17), 0);
    expect(fixture, "/logging/toggle", 200, PLAIN, "2\n");
    assert_true(log_is_on(LOG_DEBUG));
    sim_run_for(fixture->sim, 9 * SECOND);
    assert_true(log_is_on(LOG_DEBUG));
    sim_run_for(fixture->sim, 2 * SECOND);
    assert_false(log_is_on(LOG_DEBUG));
    expect(fixture, "/logging/toggle", 200, PLAIN, "0\n");
}

static void wrong_verbosity_is_refused(void **state) {
    static const char *const wrong[] = {"level=1",
                                        "duration=1secs",
                                        "level=-1&duration=1secs",
                                        "level=x&duration=1secs",
                                        "level=1&duration=1",
                                        "level=9999999999999999999&duration=1secs"};

    for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
        cleanup_free char *target = xasprintf("/logging/toggle?%s", wrong[i]);

        assert_int_equal(strncmp(get(*state, target), "HTTP/1.1 400 ", 13), 0);
        assert_false(log_is_on(LOG_DEBUG));
    }
}

static void help_lists_what_there_is(void **state) {
    assert_non_null(strstr(get(*state, "/help"), "\n/metrics/snapshot"));
    assert_non_null(strstr(get(*state, "/help/logging"), "/logging/toggle"));
    assert_null(strstr(get(*state, "/help/logging"), "/metrics"));
    expect(*state, "/help/nonsense", 404, PLAIN, "There is no endpoint below /nonsense.\n");
}

static void what_is_left_out_is_refused_with_a_reason(void **state) {
    assert_int_equal(strncmp(get(*state, "/profiler/start"), "HTTP/1.1 400 ", 13), 0);
    assert_int_equal(strncmp(get(*state, "/__processes__"), "HTTP/1.1 501 ", 13), 0);
}

static void done_takes_the_routes_and_metrics_away(void **state) {
    struct fixture *fixture = *state;

    common_endpoints_done(&fixture->endpoints);
    expect(fixture, "/version", 404, PLAIN, "404 Not Found.");
    expect(fixture, "/master/health", 404, PLAIN, "404 Not Found.");
    assert_int_equal(fixture->metrics.by_name.count, 0);
    common_endpoints_done(&fixture->endpoints);
    common_endpoints_done(NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(health_is_an_empty_answer_with_and_without_the_id, set_up, tear_down),
        cmocka_unit_test_setup_teardown(flags_are_shown_with_and_without_the_id, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_version_has_the_keys_of_upstream, set_up, tear_down),
        cmocka_unit_test_setup_teardown(jsonp_makes_a_script, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_snapshot_holds_all_metrics, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_wrong_timeout_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(prometheus_is_served_at_its_exact_path, set_up, tear_down),
        cmocka_unit_test_setup_teardown(machine_load_is_served, set_up, tear_down),
        cmocka_unit_test_setup_teardown(verbosity_is_raised_and_set_back_in_time, set_up, tear_down),
        cmocka_unit_test_setup_teardown(wrong_verbosity_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(help_lists_what_there_is, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_left_out_is_refused_with_a_reason, set_up, tear_down),
        cmocka_unit_test_setup_teardown(done_takes_the_routes_and_metrics_away, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
