/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "election/detector.h"
#include "election/zookeeper_library.h"
#include "event/sim.h"

struct fixture {
    struct sim *sim;
    struct env *env;
    unsigned told;
    struct address leader;
};

static int set_up(void **state) {
    struct fixture *f = new0(struct fixture);

    f->sim = sim_new(1);
    f->env = sim_node_env(sim_node_new(f->sim, "10.0.0.1"));
    *state = f;
    return 0;
}

static int tear_down(void **state) {
    struct fixture *f = *state;

    sim_free(f->sim);
    free(f);
    return 0;
}

static void on_leader(const struct address *leader, void *user) {
    struct fixture *f = user;

    f->told++;
    f->leader = *leader;
}

static const struct detector_events events = {on_leader};

static void expect_leader(struct fixture *f, const char *master, const char *host, uint16_t port) {
    cleanup_error struct error err = ERROR_INIT;
    struct detector *detector = detector_new(f->env, master, &events, f, &err);

    f->told = 0;
    assert_non_null(detector);
    detector_start(detector);
    assert_int_equal(f->told, 0);
    sim_run_for(f->sim, SECOND);
    assert_int_equal(f->told, 1);
    assert_string_equal(f->leader.host, host);
    assert_int_equal(f->leader.port, port);
    detector_free(detector);
}

static void expect_refused(struct fixture *f, const char *master, const char *words) {
    cleanup_error struct error err = ERROR_INIT;

    assert_null(detector_new(f->env, master, &events, f, &err));
    assert_non_null(strstr(error_message(&err), words));
}

static void host_and_port_lead(void **state) {
    expect_leader(*state, "10.0.0.9:5050", "10.0.0.9", 5050);
}

static void host_alone_means_port_5050(void **state) {
    expect_leader(*state, "master.example.org", "master.example.org", 5050);
}

static void a_file_names_the_master(void **state) {
    struct fixture *f = *state;

    assert_int_equal(env_make_directories(f->env, "/etc", NULL), 0);
    assert_int_equal(env_file_write_now(f->env, "/etc/master", "10.0.0.7:5055\n", 14, NULL), 0);
    expect_leader(f, "file:///etc/master", "10.0.0.7", 5055);
}

static void other_forms_are_refused(void **state) {
    struct fixture *f = *state;

    expect_refused(f, "", "not of the form");
    expect_refused(f, "host:port", "not of the form");
    expect_refused(f, "host:70000", "not of the form");
    expect_refused(f, "host:0", "not of the form");
    expect_refused(f, "zk://a:2181/mesos", "simulated world");
    expect_refused(f, "zk://a:2181", "no path");
    expect_refused(f, "zk://a:2181/", "no path");
    expect_refused(f, "zk:///mesos", "no server");
    expect_refused(f, "file:///nowhere", "file:///nowhere");
    assert_int_equal(env_file_write_now(f->env, "/self", "file:///self", 12, NULL), 0);
    expect_refused(f, "file:///self", "another file");
}

static void expect_servers(const char *servers, const char *expected) {
    cleanup_free char *odd = zookeeper_odd_servers(servers);

    assert_string_equal(odd, expected);
}

static void the_library_gets_an_odd_number_of_servers(void **state) {
    expect_servers("a:1", "a:1");
    expect_servers("a:1,b:2", "a:1,b:2,a:1");
    expect_servers("a:1,b:2,c:3", "a:1,b:2,c:3");
    expect_servers("a:1,b:2,c:3,d:4", "a:1,b:2,c:3,d:4,a:1");
}

static void expect_read(const char *json, const char *host, uint16_t port) {
    cleanup_error struct error err = ERROR_INIT;
    struct address leader;

    if (detector_parse_leader(json, strlen(json), &leader, &err) < 0)
        fail_msg("%s", error_message(&err));
    assert_string_equal(leader.host, host);
    assert_int_equal(leader.port, port);
}

/* The first is what Mesos 1.11 writes. */
static void leaders_are_read_from_their_json(void **state) {
    expect_read("{\"address\":{\"hostname\":\"m1\",\"ip\":\"10.1.2.3\",\"port\":5050},"
                "\"capabilities\":[{\"type\":\"AGENT_UPDATE\"},{\"type\":\"NEWER_THAN_WE\"}],\"hostname\":\"m1\","
                "\"id\":\"a-b\",\"ip\":50462986,\"pid\":\"master@10.1.2.3:5050\",\"port\":5050,\"version\":\"1.11.0\"}",
                "10.1.2.3", 5050);
    expect_read("{\"address\":{\"hostname\":\"m1\",\"port\":80},\"id\":\"a\",\"ip\":1,\"port\":1}", "m1", 80);
    expect_read("{\"id\":\"a\",\"ip\":16777343,\"port\":5055}", "127.0.0.1", 5055);
}

static void nonsense_is_no_leader(void **state) {
    static const char *const texts[] = {"",
                                        "[]",
                                        "master@10.1.2.3:5050",
                                        "{\"id\":\"a\"}",
                                        "{\"id\":\"a\",\"ip\":0,\"port\":5055}",
                                        "{\"address\":{\"ip\":\"10.1.2.3\",\"port\":70000},\"id\":\"a\",\"ip\":0,"
                                        "\"port\":0}"};

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        cleanup_error struct error err = ERROR_INIT;
        struct address leader;

        assert_int_equal(detector_parse_leader(texts[i], strlen(texts[i]), &leader, &err), -1);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(host_and_port_lead, set_up, tear_down),
        cmocka_unit_test_setup_teardown(host_alone_means_port_5050, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_file_names_the_master, set_up, tear_down),
        cmocka_unit_test_setup_teardown(other_forms_are_refused, set_up, tear_down),
        cmocka_unit_test(the_library_gets_an_odd_number_of_servers),
        cmocka_unit_test(leaders_are_read_from_their_json),
        cmocka_unit_test(nonsense_is_no_leader),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
