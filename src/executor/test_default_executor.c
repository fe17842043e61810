/* SPDX-License-Identifier: Apache-2.0 */
#include "executor/default_executor.h"
#include "executor/test_world.h"

struct fixture {
    struct world world;
    struct default_executor *executor;
    struct test_task tasks[3];
    const char *token;
    size_t next_call; /* the first call to the agent that the test has not looked at */
};

static char *own_environment[] = {"A=own", NULL};

static int set_up(void **state) {
    static const char *const ids[] = {"t1", "t2", "t3"};
    struct fixture *fixture = new0(struct fixture);
    world_init(&fixture->world);
    for (size_t i = 0; i < ARRAY_SIZE(ids); i++)
        task_init(&fixture->tasks[i], ids[i]);
    *state = fixture;
    return 0;
}

static int tear_down(void **state) {
    struct fixture *fixture = *state;
    default_executor_free(fixture->executor);
    world_done(&fixture->world);
    free(fixture);
    return 0;
}

static void start_executor(struct fixture *fixture) {
    struct executor_client_options client = client_options();
    client.authentication_token = fixture->token;
    const struct default_executor_options options = {
        .client = &client,
        .sandbox = "/sandbox",
        .container_ip = "10.0.0.1",
        .environment = own_environment,
        .runner = &fixture->world.runner.base,
    };
    fixture->executor = default_executor_new(fixture->world.env, &options, on_world_done, &fixture->world, NULL);
    assert_non_null(fixture->executor);
    default_executor_start(fixture->executor);
    sim_run_for(fixture->world.sim, 5 * SECOND);
    assert_int_equal(fixture->world.subscriptions, 1);
}

static void send_group(struct fixture *fixture, size_t first, size_t count) {
    Mesos__V1__Executor__Event event = MESOS__V1__EXECUTOR__EVENT__INIT;
    Mesos__V1__Executor__Event__LaunchGroup launch = MESOS__V1__EXECUTOR__EVENT__LAUNCH_GROUP__INIT;
    Mesos__V1__TaskGroupInfo group = MESOS__V1__TASK_GROUP_INFO__INIT;
    Mesos__V1__TaskInfo *tasks[ARRAY_SIZE(fixture->tasks)];
    for (size_t i = 0; i < count; i++)
        tasks[i] = &fixture->tasks[first + i].info;
    group.tasks = tasks;
    group.n_tasks = count;
    launch.task_group = &group;
    event.launch_group = &launch;
    send_event(&fixture->world, &event, MESOS__V1__EXECUTOR__EVENT__TYPE__LAUNCH_GROUP);
    settle(&fixture->world);
}

/* The next call, which must be of @type. */
static struct container_call *next_call(struct fixture *fixture, Mesos__V1__Agent__Call__Type type) {
    assert_true(fixture->next_call < fixture->world.call_count);
    struct container_call *call = &fixture->world.calls[fixture->next_call++];
    assert_int_equal(call->call->type, type);
    return call;
}

static void answer(struct fixture *fixture, struct container_call *call, unsigned status, const char *text) {
    assert_non_null(call->exchange);
    http_respond_text(take_ptr(&call->exchange), status, "%s", text);
    settle(&fixture->world);
}

static void answer_ok(struct fixture *fixture, struct container_call *call) {
    assert_non_null(call->exchange);
    http_respond(take_ptr(&call->exchange), 200, NULL, NULL, 0);
    settle(&fixture->world);
}

static void answer_wait(struct fixture *fixture, struct container_call *call, int status) {
    cleanup_buffer struct buffer body = BUFFER_INIT;
    Mesos__V1__Agent__Response response = MESOS__V1__AGENT__RESPONSE__INIT;
    Mesos__V1__Agent__Response__WaitContainer wait = MESOS__V1__AGENT__RESPONSE__WAIT_CONTAINER__INIT;
    wait.has_exit_status = true;
    wait.exit_status = status;
    response.has_type = true;
    response.type = MESOS__V1__AGENT__RESPONSE__TYPE__WAIT_CONTAINER;
    response.wait_container = &wait;
    MESSAGE_ENCODE(&response, &body);
    assert_non_null(call->exchange);
    http_respond(take_ptr(&call->exchange), 200, "application/x-protobuf", body.data, body.size);
    settle(&fixture->world);
}

#define LAUNCH MESOS__V1__AGENT__CALL__TYPE__LAUNCH_CONTAINER
#define WAIT MESOS__V1__AGENT__CALL__TYPE__WAIT_CONTAINER
#define KILL MESOS__V1__AGENT__CALL__TYPE__KILL_CONTAINER

/* A group of @count tasks that run; @ret_waits: the calls that wait for them. */
static void run_group(struct fixture *fixture, size_t count, struct container_call **ret_waits) {
    struct container_call *launches[ARRAY_SIZE(fixture->tasks)];
    start_executor(fixture);
    send_group(fixture, 0, count);
    for (size_t i = 0; i < count; i++)
        launches[i] = next_call(fixture, LAUNCH);
    for (size_t i = 0; i < count; i++)
        answer_ok(fixture, launches[i]);
    for (size_t i = 0; i < count; i++)
        ret_waits[i] = next_call(fixture, WAIT);
}

static void assert_last(const struct fixture *fixture, const char *id, Mesos__V1__TaskState state,
                        const char *message) {
    assert_string_equal(last_update(&fixture->world)->task_id->value, id);
    assert_int_equal(last_update(&fixture->world)->state, state);
    if (message != NULL)
        assert_string_equal(last_update(&fixture->world)->message, message);
}

static void group_runs_and_executor_ends_with_its_last_task(void **state) {
    struct fixture *fixture = *state;
    struct container_call *waits[2];
    run_group(fixture, 2, waits);
    assert_updates(&fixture->world, STARTING, STARTING, RUNNING, RUNNING);
    answer_wait(fixture, waits[0], 0);
    assert_last(fixture, "t1", FINISHED, "Command exited with status 0");
    assert_false(fixture->world.is_done);
    answer_wait(fixture, waits[1], 0);
    assert_last(fixture, "t2", FINISHED, NULL);
    assert_true(fixture->world.is_done);
    assert_int_equal(fixture->world.exit_code, 0);
    assert_int_equal(fixture->next_call, fixture->world.call_count);
}

static const char *variable_of(const Mesos__V1__CommandInfo *command, const char *name) {
    for (size_t i = 0; command->environment != NULL && i < command->environment->n_variables; i++) {
        if (strcmp(command->environment->variables[i]->name, name) == 0)
            return command->environment->variables[i]->value;
    }
    return "";
}

static void launch_carries_what_the_task_asks_for(void **state) {
    struct fixture *fixture = *state;
    Mesos__V1__Resource__DiskInfo disk = MESOS__V1__RESOURCE__DISK_INFO__INIT;
    Mesos__V1__Volume volume = MESOS__V1__VOLUME__INIT;
    volume.container_path = "data";
    volume.mode = MESOS__V1__VOLUME__MODE__RW;
    disk.volume = &volume;
    fixture->tasks[0].resource.disk = &disk;
    start_executor(fixture);
    send_group(fixture, 0, 1);
    struct container_call *call = next_call(fixture, LAUNCH);
    const Mesos__V1__Agent__Call__LaunchContainer *launch = call->call->launch_container;
    assert_string_equal(launch->container_id->parent->value, "root");
    assert_string_equal(launch->command->value, "sleep 1000");
    assert_int_equal(launch->n_resources, 1);
    assert_string_equal(variable_of(launch->command, "MESOS_CONTAINER_IP"), "10.0.0.1");
    assert_string_equal(variable_of(launch->command, "MESOS_ALLOCATION_ROLE"), "web");
    assert_int_equal(launch->container->n_volumes, 1);
    assert_string_equal(launch->container->volumes[0]->source->sandbox_path->path, "data");
    answer_ok(fixture, call);
    char *target;
    assert_int_equal(env_read_link(fixture->world.env, "/sandbox/tasks/t1", &target, NULL), 0);
    cleanup_free char *expected = xasprintf("/sandbox/containers/%s", launch->container_id->value);
    assert_string_equal(target, expected);
    free(target);
}

static void failed_task_takes_its_group_along(void **state) {
    struct fixture *fixture = *state;
    struct container_call *waits[3];
    run_group(fixture, 3, waits);
    answer_wait(fixture, waits[1], 1 << 8);
    assert_last(fixture, "t2", FAILED, "Command exited with status 1");
    assert_int_equal(next_call(fixture, KILL)->call->kill_container->signal, SIGTERM);
    assert_int_equal(next_call(fixture, KILL)->call->kill_container->signal, SIGTERM);
    answer_wait(fixture, waits[0], SIGTERM);
    assert_last(fixture, "t1", KILLED, "Command terminated with signal Terminated");
    answer_wait(fixture, waits[2], SIGTERM);
    assert_last(fixture, "t3", KILLED, NULL);
    assert_true(fixture->world.is_done);
}

static void finished_task_leaves_its_group_alone(void **state) {
    struct fixture *fixture = *state;
    struct container_call *waits[2];
    run_group(fixture, 2, waits);
    answer_wait(fixture, waits[0], 0);
    assert_int_equal(fixture->next_call, fixture->world.call_count);
    assert_false(fixture->world.is_done);
}

static void groups_do_not_touch_each_other(void **state) {
    struct fixture *fixture = *state;
    struct container_call *waits[2];
    run_group(fixture, 2, waits);
    send_group(fixture, 2, 1);
    answer_ok(fixture, next_call(fixture, LAUNCH));
    struct container_call *other = next_call(fixture, WAIT);
    answer_wait(fixture, waits[0], 1 << 8);
    next_call(fixture, KILL);
    assert_int_equal(fixture->next_call, fixture->world.call_count); /* no kill for the third */
    answer_wait(fixture, waits[1], SIGTERM);
    assert_false(fixture->world.is_done);
    answer_wait(fixture, other, 0);
    assert_true(fixture->world.is_done);
}

static void failed_launch_fails_the_group(void **state) {
    struct fixture *fixture = *state;
    start_executor(fixture);
    send_group(fixture, 0, 2);
    struct container_call *good = next_call(fixture, LAUNCH), *bad = next_call(fixture, LAUNCH);
    answer(fixture, bad, 500, "no such image");
    assert_updates(&fixture->world, STARTING, STARTING);
    answer_ok(fixture, good);
    assert_updates(&fixture->world, STARTING, STARTING, RUNNING, FAILED);
    assert_last(fixture, "t2", FAILED, "no such image");
    struct container_call *wait = next_call(fixture, WAIT);
    next_call(fixture, KILL);
    answer_wait(fixture, wait, SIGTERM);
    assert_last(fixture, "t1", KILLED, NULL);
    assert_true(fixture->world.is_done);
}

static void kill_of_one_task_kills_its_group(void **state) {
    struct fixture *fixture = *state;
    struct container_call *waits[2];
    fixture->world.has_killing_state = true;
    run_group(fixture, 2, waits);
    send_kill(&fixture->world, "t1", 2 * SECOND);
    answer_ok(fixture, next_call(fixture, KILL));
    assert_last(fixture, "t1", KILLING, NULL);
    sim_run_for(fixture->world.sim, 2 * SECOND);
    struct container_call *escalation = next_call(fixture, KILL);
    assert_int_equal(escalation->call->kill_container->signal, SIGKILL);
    answer(fixture, escalation, 500, "try again");
    sim_run_for(fixture->world.sim, SECOND);
    escalation = next_call(fixture, KILL);
    assert_int_equal(escalation->call->kill_container->signal, SIGKILL);
    answer_ok(fixture, escalation);
    answer_wait(fixture, waits[0], SIGKILL);
    next_call(fixture, KILL);
    answer_wait(fixture, waits[1], SIGTERM);
    assert_updates(&fixture->world, STARTING, STARTING, RUNNING, RUNNING, KILLING, KILLED, KILLING, KILLED);
}

static void task_is_killed_at_its_maximum_completion_time(void **state) {
    struct fixture *fixture = *state;
    struct container_call *waits[1];
    fixture->tasks[0].duration.nanoseconds = 60 * SECOND;
    fixture->tasks[0].info.max_completion_time = &fixture->tasks[0].duration;
    run_group(fixture, 1, waits);
    sim_run_for(fixture->world.sim, 61 * SECOND);
    next_call(fixture, KILL);
    answer_wait(fixture, waits[0], SIGKILL);
    assert_last(fixture, "t1", FAILED, NULL);
    assert_int_equal(last_update(&fixture->world)->reason,
                     MESOS__V1__TASK_STATUS__REASON__REASON_MAX_COMPLETION_TIME_REACHED);
}

static void waiting_goes_on_after_a_restart_of_the_agent(void **state) {
    struct fixture *fixture = *state;
    struct container_call *waits[1];
    run_group(fixture, 1, waits);
    stop_agent(&fixture->world);
    sim_run_for(fixture->world.sim, MINUTE);
    assert_updates(&fixture->world, STARTING, RUNNING);
    start_agent(&fixture->world);
    sim_run_for(fixture->world.sim, 10 * SECOND);
    assert_int_equal(fixture->world.subscriptions, 2);
    struct container_call *wait = next_call(fixture, WAIT);
    answer(fixture, wait, 503, "recovering");
    sim_run_for(fixture->world.sim, SECOND);
    answer_wait(fixture, next_call(fixture, WAIT), 0);
    assert_updates(&fixture->world, STARTING, RUNNING, FINISHED);
    assert_true(fixture->world.is_done);
}

static void container_nobody_knows_is_a_failed_task(void **state) {
    struct fixture *fixture = *state;
    struct container_call *waits[1];
    run_group(fixture, 1, waits);
    answer(fixture, waits[0], 404, "unknown");
    assert_last(fixture, "t1", FAILED, "Unable to retrieve command's termination information");
}

static void a_launch_that_gets_no_answer_ends_the_executor(void **state) {
    struct fixture *fixture = *state;
    fixture->world.acknowledges = false;
    start_executor(fixture);
    send_group(fixture, 0, 1);
    http_exchange_abort(take_ptr(&next_call(fixture, LAUNCH)->exchange));
    settle(&fixture->world);
    send_group(fixture, 1, 1); /* it comes too late */
    sim_run_for(fixture->world.sim, 2 * SECOND);
    assert_int_equal(fixture->world.call_count, fixture->next_call);
    assert_updates(&fixture->world, STARTING);
    assert_true(fixture->world.is_done);
}

static void shutdown_kills_all(void **state) {
    struct fixture *fixture = *state;
    struct container_call *waits[2];
    run_group(fixture, 2, waits);
    send_shutdown(&fixture->world);
    next_call(fixture, KILL);
    next_call(fixture, KILL);
    answer_wait(fixture, waits[0], SIGTERM);
    answer_wait(fixture, waits[1], SIGTERM);
    assert_updates(&fixture->world, STARTING, STARTING, RUNNING, RUNNING, KILLED, KILLED);
    assert_true(fixture->world.is_done);
}

static void shutdown_without_tasks_ends_at_once(void **state) {
    struct fixture *fixture = *state;
    start_executor(fixture);
    send_shutdown(&fixture->world);
    assert_true(fixture->world.is_done);
}

static void agent_that_does_not_come_back_ends_the_executor(void **state) {
    struct fixture *fixture = *state;
    struct container_call *waits[1];
    run_group(fixture, 1, waits);
    stop_agent(&fixture->world);
    sim_run_for(fixture->world.sim, 16 * MINUTE);
    assert_true(fixture->world.is_done);
    assert_int_equal(fixture->world.exit_code, EXIT_FAILURE);
}

static void executor_waits_a_minute_for_the_last_acknowledgement(void **state) {
    struct fixture *fixture = *state;
    struct container_call *waits[1];
    fixture->world.acknowledges = false;
    run_group(fixture, 1, waits);
    answer_wait(fixture, waits[0], 0);
    sim_run_for(fixture->world.sim, 59 * SECOND);
    assert_false(fixture->world.is_done);
    sim_run_for(fixture->world.sim, 2 * SECOND);
    assert_true(fixture->world.is_done);
}

static void failing_health_check_kills_task_and_group(void **state) {
    struct fixture *fixture = *state;
    struct container_call *waits[2];
    Mesos__V1__HealthCheck check = MESOS__V1__HEALTH_CHECK__INIT;
    Mesos__V1__CommandInfo command = MESOS__V1__COMMAND_INFO__INIT;
    command.value = "probe";
    check.has_type = check.has_delay_seconds = check.has_consecutive_failures = check.has_grace_period_seconds = true;
    check.type = MESOS__V1__HEALTH_CHECK__TYPE__COMMAND;
    check.command = &command;
    check.delay_seconds = 0;
    check.grace_period_seconds = 0;
    check.consecutive_failures = 1;
    fixture->tasks[0].info.health_check = &check;
    fixture->world.runner.exits_at_once = true;
    fixture->world.runner.exit_status = 1 << 8;
    run_group(fixture, 2, waits);
    settle(&fixture->world);
    next_call(fixture, KILL);
    answer_wait(fixture, waits[0], SIGTERM);
    assert_last(fixture, "t1", KILLED, NULL);
    assert_true(last_update(&fixture->world)->has_healthy);
    assert_false(last_update(&fixture->world)->healthy);
    next_call(fixture, KILL);
    answer_wait(fixture, waits[1], SIGTERM);
    assert_updates(&fixture->world, STARTING, STARTING, RUNNING, RUNNING, RUNNING, KILLED, KILLED);
}

static void command_checks_run_in_the_tasks_sandbox(void **state) {
    struct fixture *fixture = *state;
    struct container_call *waits[1];
    Mesos__V1__CheckInfo check = MESOS__V1__CHECK_INFO__INIT;
    Mesos__V1__CheckInfo__Command command = MESOS__V1__CHECK_INFO__COMMAND__INIT;
    Mesos__V1__CommandInfo info = MESOS__V1__COMMAND_INFO__INIT;
    info.value = "probe";
    command.command = &info;
    check.has_type = check.has_delay_seconds = true;
    check.type = MESOS__V1__CHECK_INFO__TYPE__COMMAND;
    check.command = &command;
    check.delay_seconds = 0;
    fixture->tasks[0].info.check = &check;
    run_group(fixture, 1, waits);
    assert_int_equal(fixture->world.runner.started, 1);
    cleanup_free char *sandbox = xasprintf("/sandbox/containers/%s",
                                           waits[0]->call->wait_container->container_id->value);
    assert_string_equal(fixture->world.runner.processes[0]->directory, sandbox);
    process_over(fixture->world.runner.processes[0], 2 << 8);
    settle(&fixture->world);
    assert_updates(&fixture->world, STARTING, RUNNING, RUNNING);
    assert_int_equal(last_update(&fixture->world)->check_status->command->exit_code, 2);
}

#define with_fixture(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

static void a_token_goes_with_calls_about_containers(void **state) {
    struct fixture *fixture = *state;
    fixture->token = "secret";
    start_executor(fixture);
    send_group(fixture, 0, 1);
    next_call(fixture, MESOS__V1__AGENT__CALL__TYPE__LAUNCH_CONTAINER);
    assert_string_equal(fixture->world.authorization, "Bearer secret");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        with_fixture(a_token_goes_with_calls_about_containers),
        with_fixture(group_runs_and_executor_ends_with_its_last_task),
        with_fixture(launch_carries_what_the_task_asks_for),
        with_fixture(failed_task_takes_its_group_along),
        with_fixture(finished_task_leaves_its_group_alone),
        with_fixture(groups_do_not_touch_each_other),
        with_fixture(failed_launch_fails_the_group),
        with_fixture(kill_of_one_task_kills_its_group),
        with_fixture(task_is_killed_at_its_maximum_completion_time),
        with_fixture(waiting_goes_on_after_a_restart_of_the_agent),
        with_fixture(container_nobody_knows_is_a_failed_task),
        with_fixture(a_launch_that_gets_no_answer_ends_the_executor),
        with_fixture(shutdown_kills_all),
        with_fixture(shutdown_without_tasks_ends_at_once),
        with_fixture(agent_that_does_not_come_back_ends_the_executor),
        with_fixture(executor_waits_a_minute_for_the_last_acknowledgement),
        with_fixture(failing_health_check_kills_task_and_group),
        with_fixture(command_checks_run_in_the_tasks_sandbox),
    };
    return cmocka_run_group_tests_name("default_executor", tests, NULL, NULL);
}
