/* SPDX-License-Identifier: Apache-2.0 */
#include "executor/command_executor.h"
#include "executor/test_world.h"

struct fixture {
    struct world world;
    struct command_executor *executor;
    struct test_task task;
};

static char *own_environment[] = {"MESOS_SANDBOX=/sandbox", "MESOS_EXECUTOR_AUTHENTICATION_TOKEN=secret", "A=own",
                                  NULL};

static void start_executor(struct fixture *fixture, bool checkpoint) {
    struct executor_client_options client = client_options();
    client.checkpoint = checkpoint;
    const struct command_executor_options options = {
        .client = &client,
        .shutdown_grace_period_ns = 5 * SECOND,
        .environment = own_environment,
        .runner = &fixture->world.runner.base,
    };
    fixture->executor = command_executor_new(fixture->world.env, &options, on_world_done, &fixture->world, NULL);
    assert_non_null(fixture->executor);
    command_executor_start(fixture->executor);
    sim_run_for(fixture->world.sim, 5 * SECOND);
    assert_int_equal(fixture->world.subscriptions, 1);
}

static int set_up(void **state) {
    struct fixture *fixture = new0(struct fixture);
    world_init(&fixture->world);
    task_init(&fixture->task, "t1");
    *state = fixture;
    return 0;
}

static int tear_down(void **state) {
    struct fixture *fixture = *state;
    command_executor_free(fixture->executor);
    world_done(&fixture->world);
    free(fixture);
    return 0;
}

static void send_launch(struct fixture *fixture) {
    Mesos__V1__Executor__Event event = MESOS__V1__EXECUTOR__EVENT__INIT;
    Mesos__V1__Executor__Event__Launch launch = MESOS__V1__EXECUTOR__EVENT__LAUNCH__INIT;
    launch.task = &fixture->task.info;
    event.launch = &launch;
    send_event(&fixture->world, &event, MESOS__V1__EXECUTOR__EVENT__TYPE__LAUNCH);
    settle(&fixture->world);
}

/* An executor that runs its task. */
static void run_task(struct fixture *fixture) {
    start_executor(fixture, true);
    send_launch(fixture);
    assert_updates(&fixture->world, STARTING, RUNNING);
    assert_int_equal(fixture->world.runner.started, 1);
}

static void end_process(struct fixture *fixture, int status) {
    assert_non_null(fixture->world.runner.processes[0]);
    process_over(fixture->world.runner.processes[0], status);
    settle(&fixture->world);
}

static bool has_entry(struct running_process *process, const char *entry) {
    for (char **next = process->environment; *next != NULL; next++) {
        if (strcmp(*next, entry) == 0)
            return true;
    }
    return false;
}

static void task_finishes_and_executor_ends(void **state) {
    struct fixture *fixture = *state;
    run_task(fixture);
    assert_string_equal(fixture->world.runner.processes[0]->command, "sleep 1000");
    end_process(fixture, 0);
    assert_updates(&fixture->world, STARTING, RUNNING, FINISHED);
    const Mesos__V1__TaskStatus *status = last_update(&fixture->world);
    assert_string_equal(status->message, "Command exited with status 0");
    assert_int_equal(status->source, MESOS__V1__TASK_STATUS__SOURCE__SOURCE_EXECUTOR);
    assert_string_equal(status->executor_id->value, "e");
    assert_string_equal(status->agent_id->value, "S0");
    assert_false(status->has_reason);
    assert_false(status->has_healthy);
    assert_true(status->has_timestamp);
    assert_true(fixture->world.is_done);
    assert_int_equal(fixture->world.exit_code, 0);
}

static void exit_codes_and_signals_are_told(void **state) {
    struct fixture *fixture = *state;
    run_task(fixture);
    end_process(fixture, 3 << 8);
    assert_updates(&fixture->world, STARTING, RUNNING, FAILED);
    assert_string_equal(last_update(&fixture->world)->message, "Command exited with status 3");
}

static void death_by_signal_is_a_failure(void **state) {
    struct fixture *fixture = *state;
    run_task(fixture);
    end_process(fixture, SIGKILL);
    assert_updates(&fixture->world, STARTING, RUNNING, FAILED);
    assert_string_equal(last_update(&fixture->world)->message, "Command terminated with signal Killed");
}

static void command_that_can_not_be_started_fails_the_task(void **state) {
    struct fixture *fixture = *state;
    fixture->world.runner.fails = true;
    start_executor(fixture, true);
    send_launch(fixture);
    assert_updates(&fixture->world, STARTING, FAILED);
    assert_true(fixture->world.is_done);
}

static void environment_is_the_executors_and_then_the_tasks(void **state) {
    struct fixture *fixture = *state;
    Mesos__V1__Environment environment = MESOS__V1__ENVIRONMENT__INIT;
    Mesos__V1__Environment__Variable variable = MESOS__V1__ENVIRONMENT__VARIABLE__INIT, *variables[] = {&variable};
    variable.name = "A";
    variable.value = "task's";
    environment.variables = variables;
    environment.n_variables = 1;
    fixture->task.command.environment = &environment;
    run_task(fixture);
    struct running_process *process = fixture->world.runner.processes[0];
    assert_true(has_entry(process, "A=task's"));
    assert_false(has_entry(process, "A=own"));
    assert_true(has_entry(process, "MESOS_SANDBOX=/sandbox"));
    assert_true(has_entry(process, "MESOS_ALLOCATION_ROLE=web"));
    assert_false(has_entry(process, "MESOS_EXECUTOR_AUTHENTICATION_TOKEN=secret"));
}

static void killed_task_gets_sigterm_then_sigkill_after_three_seconds(void **state) {
    struct fixture *fixture = *state;
    run_task(fixture);
    send_kill(&fixture->world, "t1", -1);
    assert_int_equal(fixture->world.runner.signal_count, 1);
    assert_int_equal(fixture->world.runner.signals[0], SIGTERM);
    sim_run_for(fixture->world.sim, 3 * SECOND - 20 * MILLISECOND);
    assert_int_equal(fixture->world.runner.signal_count, 1);
    sim_run_for(fixture->world.sim, 20 * MILLISECOND);
    assert_int_equal(fixture->world.runner.signal_count, 2);
    assert_int_equal(fixture->world.runner.signals[1], SIGKILL);
    end_process(fixture, SIGKILL);
    assert_updates(&fixture->world, STARTING, RUNNING, KILLED);
    assert_string_equal(last_update(&fixture->world)->message, "Command terminated with signal Killed");
    assert_true(fixture->world.is_done);
}

static void framework_that_knows_it_is_told_of_killing(void **state) {
    struct fixture *fixture = *state;
    fixture->world.has_killing_state = true;
    run_task(fixture);
    send_kill(&fixture->world, "t1", -1);
    send_kill(&fixture->world, "t1", -1);
    end_process(fixture, 0);
    assert_updates(&fixture->world, STARTING, RUNNING, KILLING, KILLED);
}

static void kill_policy_of_the_call_comes_before_that_of_the_task(void **state) {
    struct fixture *fixture = *state;
    fixture->task.duration.nanoseconds = 20 * SECOND;
    fixture->task.kill_policy.grace_period = &fixture->task.duration;
    fixture->task.info.kill_policy = &fixture->task.kill_policy;
    run_task(fixture);
    send_kill(&fixture->world, "t1", -1);
    sim_run_for(fixture->world.sim, 10 * SECOND);
    assert_int_equal(fixture->world.runner.signal_count, 1);
    send_kill(&fixture->world, "t1", 30 * SECOND); /* does not lengthen it */
    send_kill(&fixture->world, "t1", 12 * SECOND); /* shortens it to 12 s in all */
    sim_run_for(fixture->world.sim, SECOND);
    assert_int_equal(fixture->world.runner.signal_count, 1);
    sim_run_for(fixture->world.sim, SECOND);
    assert_int_equal(fixture->world.runner.signal_count, 2);
    end_process(fixture, SIGKILL);
}

static void task_is_killed_at_its_maximum_completion_time(void **state) {
    struct fixture *fixture = *state;
    fixture->world.has_killing_state = true;
    fixture->task.duration.nanoseconds = 60 * SECOND;
    fixture->task.info.max_completion_time = &fixture->task.duration;
    run_task(fixture);
    sim_run_for(fixture->world.sim, 59 * SECOND);
    assert_int_equal(fixture->world.runner.signal_count, 0);
    sim_run_for(fixture->world.sim, SECOND);
    assert_int_equal(fixture->world.runner.signal_count, 2); /* without any grace */
    end_process(fixture, SIGKILL);
    assert_updates(&fixture->world, STARTING, RUNNING, FAILED);
    assert_int_equal(last_update(&fixture->world)->reason,
                     MESOS__V1__TASK_STATUS__REASON__REASON_MAX_COMPLETION_TIME_REACHED);
}

static void second_task_is_refused(void **state) {
    struct fixture *fixture = *state;
    run_task(fixture);
    fixture->task.id.value = "t2";
    send_launch(fixture);
    assert_updates(&fixture->world, STARTING, RUNNING, FAILED);
    assert_string_equal(last_update(&fixture->world)->task_id->value, "t2");
    assert_string_equal(last_update(&fixture->world)->message,
                        "Attempted to run multiple tasks using a \"command\" executor");
    assert_false(fixture->world.is_done);
    end_process(fixture, 0);
    assert_true(fixture->world.is_done);
}

static void shutdown_without_a_task_ends_at_once(void **state) {
    struct fixture *fixture = *state;
    start_executor(fixture, true);
    send_shutdown(&fixture->world);
    assert_true(fixture->world.is_done);
    assert_int_equal(fixture->world.exit_code, 0);
}

static void shutdown_leaves_time_to_report_the_end(void **state) {
    struct fixture *fixture = *state;
    run_task(fixture);
    send_shutdown(&fixture->world);
    assert_int_equal(fixture->world.runner.signal_count, 1);
    sim_run_for(fixture->world.sim, 3 * SECOND); /* of the 5 that the agent waits */
    assert_int_equal(fixture->world.runner.signal_count, 2);
    end_process(fixture, SIGKILL);
    assert_updates(&fixture->world, STARTING, RUNNING, KILLED);
}

static void shutdown_waits_a_second_for_the_last_acknowledgement(void **state) {
    struct fixture *fixture = *state;
    fixture->world.acknowledges = false;
    run_task(fixture);
    send_shutdown(&fixture->world);
    end_process(fixture, SIGTERM);
    sim_run_for(fixture->world.sim, SECOND / 2);
    assert_false(fixture->world.is_done);
    sim_run_for(fixture->world.sim, SECOND);
    assert_true(fixture->world.is_done);
    assert_int_equal(fixture->world.exit_code, 0);
}

static void kill_before_the_launch_ends_the_executor(void **state) {
    struct fixture *fixture = *state;
    start_executor(fixture, true);
    send_kill(&fixture->world, "t1", -1);
    assert_true(fixture->world.is_done);
    assert_int_equal(fixture->world.exit_code, EXIT_FAILURE);
}

static void task_group_ends_the_executor(void **state) {
    struct fixture *fixture = *state;
    Mesos__V1__Executor__Event event = MESOS__V1__EXECUTOR__EVENT__INIT;
    Mesos__V1__Executor__Event__LaunchGroup launch = MESOS__V1__EXECUTOR__EVENT__LAUNCH_GROUP__INIT;
    Mesos__V1__TaskGroupInfo group = MESOS__V1__TASK_GROUP_INFO__INIT;
    start_executor(fixture, true);
    launch.task_group = &group;
    event.launch_group = &launch;
    send_event(&fixture->world, &event, MESOS__V1__EXECUTOR__EVENT__TYPE__LAUNCH_GROUP);
    settle(&fixture->world);
    assert_true(fixture->world.is_done);
}

static void executor_waits_a_minute_for_the_last_acknowledgement(void **state) {
    struct fixture *fixture = *state;
    fixture->world.acknowledges = false;
    run_task(fixture);
    end_process(fixture, 0);
    sim_run_for(fixture->world.sim, 59 * SECOND);
    assert_false(fixture->world.is_done);
    sim_run_for(fixture->world.sim, 2 * SECOND);
    assert_true(fixture->world.is_done);
    assert_int_equal(fixture->world.exit_code, EXIT_FAILURE);
}

static void task_goes_on_while_the_agent_restarts(void **state) {
    struct fixture *fixture = *state;
    run_task(fixture);
    stop_agent(&fixture->world);
    sim_run_for(fixture->world.sim, MINUTE);
    assert_int_equal(fixture->world.runner.signal_count, 0);
    end_process(fixture, 0);
    assert_false(fixture->world.is_done);
    start_agent(&fixture->world);
    sim_run_for(fixture->world.sim, 10 * SECOND);
    assert_int_equal(fixture->world.subscriptions, 2);
    assert_updates(&fixture->world, STARTING, RUNNING, FINISHED);
    assert_true(fixture->world.is_done);
    assert_int_equal(fixture->world.exit_code, 0);
}

static void task_is_killed_when_an_agent_without_checkpoints_dies(void **state) {
    struct fixture *fixture = *state;
    start_executor(fixture, false);
    send_launch(fixture);
    stop_agent(&fixture->world);
    sim_run_for(fixture->world.sim, SECOND);
    assert_int_equal(fixture->world.runner.signal_count, 1);
    end_process(fixture, SIGTERM);
    assert_true(fixture->world.is_done);
    assert_int_equal(fixture->world.exit_code, EXIT_FAILURE);
}

/* Checks */

static void add_command_health_check(struct fixture *fixture, Mesos__V1__HealthCheck *check,
                                     Mesos__V1__CommandInfo *command) {
    mesos__v1__health_check__init(check);
    mesos__v1__command_info__init(command);
    command->value = "probe";
    check->has_type = true;
    check->type = MESOS__V1__HEALTH_CHECK__TYPE__COMMAND;
    check->command = command;
    check->has_delay_seconds = check->has_interval_seconds = check->has_timeout_seconds =
        check->has_grace_period_seconds = true;
    check->delay_seconds = 1;
    check->interval_seconds = 10;
    check->timeout_seconds = 5;
    check->grace_period_seconds = 0;
    fixture->task.info.health_check = check;
}

static void failing_health_checks_kill_the_task(void **state) {
    struct fixture *fixture = *state;
    Mesos__V1__HealthCheck check;
    Mesos__V1__CommandInfo command;
    add_command_health_check(fixture, &check, &command);
    run_task(fixture);
    fixture->world.runner.exits_at_once = true;
    fixture->world.runner.exit_status = 1 << 8;
    sim_run_for(fixture->world.sim, 2 * SECOND);
    assert_updates(&fixture->world, STARTING, RUNNING, RUNNING);
    assert_true(last_update(&fixture->world)->has_healthy);
    assert_false(last_update(&fixture->world)->healthy);
    assert_int_equal(last_update(&fixture->world)->reason,
                     MESOS__V1__TASK_STATUS__REASON__REASON_TASK_HEALTH_CHECK_STATUS_UPDATED);
    sim_run_for(fixture->world.sim, 10 * SECOND);
    assert_int_equal(fixture->world.runner.signal_count, 0);
    sim_run_for(fixture->world.sim, 10 * SECOND);
    assert_int_equal(fixture->world.runner.signals[0], SIGTERM); /* after three in a row */
    end_process(fixture, SIGTERM);
    assert_updates(&fixture->world, STARTING, RUNNING, RUNNING, RUNNING, RUNNING, KILLED);
    assert_true(last_update(&fixture->world)->has_healthy);
    assert_false(last_update(&fixture->world)->healthy);
}

static void health_is_told_as_it_changes(void **state) {
    struct fixture *fixture = *state;
    Mesos__V1__HealthCheck check;
    Mesos__V1__CommandInfo command;
    add_command_health_check(fixture, &check, &command);
    check.grace_period_seconds = 12;
    run_task(fixture);
    fixture->world.runner.exits_at_once = true;
    fixture->world.runner.exit_status = 1 << 8;
    sim_run_for(fixture->world.sim, 2 * SECOND); /* in the grace period */
    assert_updates(&fixture->world, STARTING, RUNNING);
    fixture->world.runner.exit_status = 0;
    sim_run_for(fixture->world.sim, 30 * SECOND);
    assert_updates(&fixture->world, STARTING, RUNNING, RUNNING);
    assert_true(last_update(&fixture->world)->healthy);
    fixture->world.runner.exit_status = 1 << 8;
    sim_run_for(fixture->world.sim, 10 * SECOND);
    assert_false(last_update(&fixture->world)->healthy);
    fixture->world.runner.exit_status = 0;
    sim_run_for(fixture->world.sim, 10 * SECOND);
    assert_updates(&fixture->world, STARTING, RUNNING, RUNNING, RUNNING, RUNNING);
    assert_true(last_update(&fixture->world)->healthy);
    end_process(fixture, 0);
}

static void check_that_takes_too_long_is_killed_and_failed(void **state) {
    struct fixture *fixture = *state;
    Mesos__V1__HealthCheck check;
    Mesos__V1__CommandInfo command;
    add_command_health_check(fixture, &check, &command);
    run_task(fixture);
    sim_run_for(fixture->world.sim, 5 * SECOND);
    assert_int_equal(fixture->world.runner.started, 2);
    assert_int_equal(fixture->world.runner.forgotten, 0);
    sim_run_for(fixture->world.sim, 2 * SECOND);
    assert_int_equal(fixture->world.runner.forgotten, 1);
    assert_updates(&fixture->world, STARTING, RUNNING, RUNNING);
    assert_false(last_update(&fixture->world)->healthy);
    end_process(fixture, 0);
}

static void checks_stop_with_the_kill(void **state) {
    struct fixture *fixture = *state;
    Mesos__V1__HealthCheck check;
    Mesos__V1__CommandInfo command;
    add_command_health_check(fixture, &check, &command);
    run_task(fixture);
    send_kill(&fixture->world, "t1", 100 * SECOND);
    sim_run_for(fixture->world.sim, 50 * SECOND);
    assert_int_equal(fixture->world.runner.started, 1);
    end_process(fixture, SIGTERM);
    assert_updates(&fixture->world, STARTING, RUNNING, KILLED);
}

static void every_update_of_a_checked_task_has_a_check_status(void **state) {
    struct fixture *fixture = *state;
    Mesos__V1__CheckInfo check = MESOS__V1__CHECK_INFO__INIT;
    Mesos__V1__CheckInfo__Tcp tcp = MESOS__V1__CHECK_INFO__TCP__INIT;
    struct listener *listener;
    const struct address address = address_tcp("127.0.0.1", 8080);
    tcp.port = 8080;
    check.has_type = true;
    check.type = MESOS__V1__CHECK_INFO__TYPE__TCP;
    check.tcp = &tcp;
    fixture->task.info.check = &check; /* 15 s delay, 10 s interval */
    run_task(fixture);
    assert_non_null(last_update(&fixture->world)->check_status->tcp);
    assert_false(last_update(&fixture->world)->check_status->tcp->has_succeeded);
    sim_run_for(fixture->world.sim, 20 * SECOND);
    assert_updates(&fixture->world, STARTING, RUNNING, RUNNING);
    assert_true(last_update(&fixture->world)->check_status->tcp->has_succeeded);
    assert_false(last_update(&fixture->world)->check_status->tcp->succeeded);
    assert_int_equal(last_update(&fixture->world)->reason,
                     MESOS__V1__TASK_STATUS__REASON__REASON_TASK_CHECK_STATUS_UPDATED);
    assert_int_equal(env_listen(fixture->world.env, &address, NULL, NULL, &listener, NULL), 0);
    listener_set_accepting(listener, false);
    sim_run_for(fixture->world.sim, 20 * SECOND);
    assert_updates(&fixture->world, STARTING, RUNNING, RUNNING, RUNNING);
    assert_true(last_update(&fixture->world)->check_status->tcp->succeeded);
    end_process(fixture, 0);
    assert_false(last_update(&fixture->world)->check_status->tcp->has_succeeded);
    listener_close(listener);
}

static unsigned web_status;

static void on_web_request(struct http_exchange *exchange, void *user) {
    if (strcmp(http_exchange_request(exchange)->path, "/start") == 0) {
        http_respond_header(exchange, "Location", "/moved");
        http_respond_text(exchange, 302, "over there");
    } else {
        assert_string_equal(http_exchange_request(exchange)->path, "/moved");
        http_respond_text(exchange, web_status, "here");
    }
}

static void http_check_tells_the_status_behind_redirects(void **state) {
    static const struct http_server_handler handler = {.on_request = on_web_request};
    struct fixture *fixture = *state;
    Mesos__V1__CheckInfo check = MESOS__V1__CHECK_INFO__INIT;
    Mesos__V1__CheckInfo__Http http = MESOS__V1__CHECK_INFO__HTTP__INIT;
    const struct address address = address_tcp("127.0.0.1", 8080);
    struct http_server *server = http_server_new(fixture->world.env, NULL, &handler, NULL);
    assert_int_equal(http_server_listen(server, &address, NULL), 0);
    web_status = 200;
    http.port = 8080;
    http.path = "/start";
    check.has_type = true;
    check.type = MESOS__V1__CHECK_INFO__TYPE__HTTP;
    check.http = &http;
    check.has_delay_seconds = true;
    check.delay_seconds = 0;
    fixture->task.info.check = &check;
    start_executor(fixture, true);
    send_launch(fixture);
    sim_run_for(fixture->world.sim, SECOND);
    assert_updates(&fixture->world, STARTING, RUNNING, RUNNING);
    assert_int_equal(last_update(&fixture->world)->check_status->http->status_code, 200);
    web_status = 503;
    sim_run_for(fixture->world.sim, 10 * SECOND);
    assert_int_equal(last_update(&fixture->world)->check_status->http->status_code, 503);
    http_server_free(server);
    sim_run_for(fixture->world.sim, 10 * SECOND);
    assert_false(last_update(&fixture->world)->check_status->http->has_status_code);
    end_process(fixture, 0);
    assert_updates(&fixture->world, STARTING, RUNNING, RUNNING, RUNNING, RUNNING, FINISHED);
}

#define with_fixture(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        with_fixture(task_finishes_and_executor_ends),
        with_fixture(exit_codes_and_signals_are_told),
        with_fixture(death_by_signal_is_a_failure),
        with_fixture(command_that_can_not_be_started_fails_the_task),
        with_fixture(environment_is_the_executors_and_then_the_tasks),
        with_fixture(killed_task_gets_sigterm_then_sigkill_after_three_seconds),
        with_fixture(framework_that_knows_it_is_told_of_killing),
        with_fixture(kill_policy_of_the_call_comes_before_that_of_the_task),
        with_fixture(task_is_killed_at_its_maximum_completion_time),
        with_fixture(second_task_is_refused),
        with_fixture(shutdown_without_a_task_ends_at_once),
        with_fixture(shutdown_leaves_time_to_report_the_end),
        with_fixture(shutdown_waits_a_second_for_the_last_acknowledgement),
        with_fixture(kill_before_the_launch_ends_the_executor),
        with_fixture(task_group_ends_the_executor),
        with_fixture(executor_waits_a_minute_for_the_last_acknowledgement),
        with_fixture(task_goes_on_while_the_agent_restarts),
        with_fixture(task_is_killed_when_an_agent_without_checkpoints_dies),
        with_fixture(failing_health_checks_kill_the_task),
        with_fixture(health_is_told_as_it_changes),
        with_fixture(check_that_takes_too_long_is_killed_and_failed),
        with_fixture(checks_stop_with_the_kill),
        with_fixture(every_update_of_a_checked_task_has_a_check_status),
        with_fixture(http_check_tells_the_status_behind_redirects),
    };
    return cmocka_run_group_tests_name("command_executor", tests, NULL, NULL);
}
