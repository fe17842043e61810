/* SPDX-License-Identifier: Apache-2.0 */
/* The flags of mesos-master: defaults as Mesos has them, and one clear reason for each refusal. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/duration.h"
#include "master/flags.h"

static void expect_refused(const char *argument, const char *reason) {
    char *arguments[] = {"mesos-master", (char *)argument, NULL};
    struct master_flags flags = {0};
    struct error err = ERROR_INIT;

    assert_int_equal(flags_parse(&master_flag_table, 2, arguments, &flags, NULL, &err), -1);
    if (strstr(error_message(&err), reason) == NULL)
        fail_msg("%s: %s", argument, error_message(&err));
    assert_null(strchr(error_message(&err), '\n'));
    error_done(&err);
    flags_done(&master_flag_table, &flags);
}

static void defaults_are_those_of_mesos(void **state) {
    char *arguments[] = {"mesos-master", NULL};
    struct master_flags flags = {0};

    assert_int_equal(flags_parse(&master_flag_table, 1, arguments, &flags, NULL, NULL), 0);
    assert_int_equal(flags.port, 5050);
    assert_int_equal(flags.allocation_interval_ns, SECOND);
    assert_int_equal(flags.agent_ping_timeout_ns, 15 * SECOND);
    assert_int_equal(flags.max_agent_ping_timeouts, 5);
    assert_int_equal(flags.agent_reregister_timeout_ns, 10 * MINUTE);
    assert_int_equal(flags.offer_timeout_ns, 0);
    assert_int_equal(flags.max_completed_frameworks, 50);
    assert_int_equal(flags.max_completed_tasks_per_framework, 1000);
    assert_int_equal(flags.max_unreachable_tasks_per_framework, 1000);
    assert_int_equal(flags.max_operator_event_stream_subscribers, 1000);
    assert_string_equal(flags.min_allocatable_resources, "cpus:0.01|mem:32");
    assert_int_equal(flags.offer_constraints_re2_max_mem_bytes, 4096);
    assert_int_equal(flags.offer_constraints_re2_max_program_size, 100);
    assert_true(flags.allocator_agent_recovery_factor == 0.8);
    assert_int_equal(flags.allocator_recovery_timeout_ns, 10 * MINUTE);
    assert_true(flags.root_submissions && flags.filter_gpu_resources && flags.publish_per_framework_metrics);
    flags_done(&master_flag_table, &flags);
}

static void wrong_values_are_refused_with_the_reason(void **state) {
    expect_refused("--port=70000", "--port: must be from 0 to 65535");
    expect_refused("--agent_ping_timeout=1ms", "must be between 1secs and 15mins");
    expect_refused("--max_agent_ping_timeouts=0", "must be at least 1");
    expect_refused("--agent_reregister_timeout=1mins", "must be at least 10mins");
    expect_refused("--role_sorter=nice", "must be 'drf' or 'random'");
    expect_refused("--allocation_interval=0secs", "must be more than 0");
    expect_refused("--allocator_agent_recovery_factor=-0.1",
                   "--allocator_agent_recovery_factor: '-0.1' must be at least 0");
    expect_refused("--allocator_agent_recovery_factor=most",
                   "--allocator_agent_recovery_factor: 'most' is not a number");
    expect_refused("--allocator_agent_recovery_factor=nan", "'nan' is not a number");
    expect_refused("--allocator_recovery_timeout=-1secs", "--allocator_recovery_timeout: '-1secs' is not a duration");
    expect_refused("--allocator_recovery_timeout=10", "'10' is not a duration");
    expect_refused("--offer_timeout=0secs", "--offer_timeout: must be more than 0");
    expect_refused("--roles=a,b/,c", "--roles: role 'b/'");
    expect_refused("--weights=a", "--weights: 'a' must be of the form 'role=weight'");
    expect_refused("--weights==2", "'=2' must be of the form");
    expect_refused("--weights=a=1,b=0", "--weights: the weight '0' of role 'b' must be a number above 0");
    expect_refused("--weights=a=1=2", "the weight '1=2' of role 'a' must be a number");
    expect_refused("--weights=-a=2", "--weights: role '-a'");
    expect_refused("--logging_level=LOUD", "must be INFO, WARNING or ERROR");
    expect_refused("--max_completed_frameworks=-1", "must not be negative");
}

static void weights_are_of_the_allowed_roles(void **state) {
    char *arguments[] = {"mesos-master", "--roles=a,b", "--weights=a=2,*=0.5", NULL};
    struct master_flags flags = {0};
    struct error err = ERROR_INIT;

    assert_int_equal(flags_parse(&master_flag_table, 3, arguments, &flags, NULL, NULL), 0);
    flags_done(&master_flag_table, &flags);
    flags = (struct master_flags){0};
    arguments[2] = "--weights=a=2,c=1";
    assert_int_equal(flags_parse(&master_flag_table, 3, arguments, &flags, NULL, &err), -1);
    assert_string_equal(error_message(&err), "--weights: 'c' must be one of --roles");
    error_done(&err);
    flags_done(&master_flag_table, &flags);
}

static void what_mesos_has_and_we_have_not_is_refused(void **state) {
    expect_refused("--zk_session_timeout=0secs", "must be between 1secs and 1days");
    expect_refused("--quorum=2", "replicated log");
    expect_refused("--registry=replicated_log", "'in_memory'");
    expect_refused("--modules=x", "not supported");
    expect_refused("--authenticate_agents", "can only be false");
    expect_refused("--allocator=org_x", "can only be 'hierarchical'");
}

static void what_says_the_default_is_taken(void **state) {
    char *arguments[] = {
        "mesos-master",          "--no-authenticate_agents", "--allocator=hierarchical",    "--authorizers=local",
        "--log_auto_initialize", "--logbufsecs=0",           "--slave_ping_timeout=20secs", NULL};
    struct master_flags flags = {0};

    assert_int_equal(flags_parse(&master_flag_table, 7, arguments, &flags, NULL, NULL), 0);
    assert_int_equal(flags.agent_ping_timeout_ns, 20 * SECOND);
    flags_done(&master_flag_table, &flags);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_are_those_of_mesos),      cmocka_unit_test(wrong_values_are_refused_with_the_reason),
        cmocka_unit_test(weights_are_of_the_allowed_roles), cmocka_unit_test(what_mesos_has_and_we_have_not_is_refused),
        cmocka_unit_test(what_says_the_default_is_taken),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
