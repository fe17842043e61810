/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "election/detector.h"
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
    expect_refused(f, "zk://a:2181/mesos", "ZooKeeper");
    expect_refused(f, "file:///nowhere", "file:///nowhere");
    assert_int_equal(env_file_write_now(f->env, "/self", "file:///self", 12, NULL), 0);
    expect_refused(f, "file:///self", "another file");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(host_and_port_lead, set_up, tear_down),
        cmocka_unit_test_setup_teardown(host_alone_means_port_5050, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_file_names_the_master, set_up, tear_down),
        cmocka_unit_test_setup_teardown(other_forms_are_refused, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
