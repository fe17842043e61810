/* SPDX-License-Identifier: Apache-2.0 */
/* What the executor driver itself promises, line by line of the API (X1 … X4, E1 … E8), against a scripted agent. */
#include "driver/test_peer.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "mesos/executor.h"
#include "mesos/v1/executor/executor.pb-c.h"

#define CALL(name) MESOS__V1__EXECUTOR__CALL__TYPE__##name
#define EVENT(name) MESOS__V1__EXECUTOR__EVENT__TYPE__##name

struct fixture {
    struct peer agent;
    struct diary diary;
    struct mesos_executor_driver *driver;
    bool stop_in_shutdown;
};

static int type_of(const ProtobufCMessage *call) {
    return (int)((const Mesos__V1__Executor__Call *)call)->type;
}

static void on_registered(struct mesos_executor_driver *driver, void *user, const Mesos__V1__ExecutorInfo *executor,
                          const Mesos__V1__FrameworkInfo *framework, const Mesos__V1__AgentInfo *agent) {
    diary_write(&((struct fixture *)user)->diary, "registered %s %s %s %zu bytes", executor->executor_id->value,
                framework->name, agent->hostname, executor->data.len);
}

static void on_reregistered(struct mesos_executor_driver *driver, void *user, const Mesos__V1__AgentInfo *agent) {
    diary_write(&((struct fixture *)user)->diary, "reregistered %s", agent->hostname);
}

static void on_disconnected(struct mesos_executor_driver *driver, void *user) {
    diary_write(&((struct fixture *)user)->diary, "disconnected");
}

static void on_launch(struct mesos_executor_driver *driver, void *user, const Mesos__V1__TaskInfo *task) {
    diary_write(&((struct fixture *)user)->diary, "launch %s", task->task_id->value);
}

static void on_kill(struct mesos_executor_driver *driver, void *user, const Mesos__V1__TaskID *task_id) {
    diary_write(&((struct fixture *)user)->diary, "kill %s", task_id->value);
}

static void on_message(struct mesos_executor_driver *driver, void *user, const void *data, size_t size) {
    diary_write(&((struct fixture *)user)->diary, "message %zu bytes", size);
}

static void on_shutdown(struct mesos_executor_driver *driver, void *user) {
    struct fixture *f = user;

    diary_write(&f->diary, "shutdown");
    if (f->stop_in_shutdown)
        mesos_executor_driver_stop(driver);
}

static void on_error(struct mesos_executor_driver *driver, void *user, const char *message) {
    diary_write(&((struct fixture *)user)->diary, "error %s, %s", message,
                mesos_status_name(mesos_executor_driver_send_framework_message(driver, "", 0)));
}

static const struct mesos_executor callbacks = {.registered = on_registered,
                                                .reregistered = on_reregistered,
                                                .disconnected = on_disconnected,
                                                .launch_task = on_launch,
                                                .kill_task = on_kill,
                                                .framework_message = on_message,
                                                .shutdown = on_shutdown,
                                                .error = on_error};

static void make_driver(struct fixture *f) {
    char *error = NULL;

    mesos_executor_driver_free(f->driver);
    f->driver = mesos_executor_driver_new(&callbacks, f, &error);
    if (f->driver == NULL)
        fail_msg("%s", error);
}

static int setup(void **state) {
    struct fixture *f = calloc(1, sizeof(*f));

    peer_start(&f->agent, &mesos__v1__executor__call__descriptor, type_of, CALL(SUBSCRIBE));
    diary_init(&f->diary);
    setenv("MESOS_AGENT_ENDPOINT", f->agent.host, 1);
    setenv("MESOS_FRAMEWORK_ID", "F", 1);
    setenv("MESOS_EXECUTOR_ID", "E", 1);
    setenv("MESOS_SLAVE_ID", "A", 1);
    setenv("MESOS_CHECKPOINT", "1", 1);
    setenv("MESOS_LOCAL", "1", 1); /* nobody is to be killed but where a test says so */
    setenv("MESOS_RECOVERY_TIMEOUT", "15mins", 1);
    setenv("MESOS_SUBSCRIPTION_BACKOFF_MAX", "10ms", 1);
    make_driver(f);
    *state = f;
    return 0;
}

static int teardown(void **state) {
    struct fixture *f = *state;

    mesos_executor_driver_free(f->driver);
    peer_done(&f->agent);
    diary_done(&f->diary);
    free(f);
    return 0;
}

static void send_event(struct fixture *f, Mesos__V1__Executor__Event *event, int type) {
    event->has_type = true;
    event->type = (Mesos__V1__Executor__Event__Type)type;
    peer_send(&f->agent, &event->base);
}

static void send_subscribed(struct fixture *f) {
    Mesos__V1__Executor__Event event = MESOS__V1__EXECUTOR__EVENT__INIT;
    Mesos__V1__Executor__Event__Subscribed subscribed = MESOS__V1__EXECUTOR__EVENT__SUBSCRIBED__INIT;
    Mesos__V1__ExecutorInfo *executor = mesos_executor_info_new("E", "executor", "true", NULL, NULL);
    Mesos__V1__FrameworkInfo *framework = mesos_framework_info_new("nobody", "test");
    Mesos__V1__AgentInfo agent = MESOS__V1__AGENT_INFO__INIT;

    agent.hostname = (char *)"host";
    executor->has_data = true;
    executor->data = (ProtobufCBinaryData){3, (uint8_t *)"a\0b"};
    subscribed.executor_info = executor;
    subscribed.framework_info = framework;
    subscribed.agent_info = &agent;
    event.subscribed = &subscribed;
    send_event(f, &event, EVENT(SUBSCRIBED));
    executor->has_data = false;
    executor->data = (ProtobufCBinaryData){0, NULL};
    mesos_message_free(executor);
    mesos_message_free(framework);
}

static const Mesos__V1__Executor__Call *start(struct fixture *f) {
    const Mesos__V1__Executor__Call *call;

    assert_int_equal(mesos_executor_driver_start(f->driver), MESOS_DRIVER_RUNNING);
    call = peer_take(&f->agent, CALL(SUBSCRIBE));
    send_subscribed(f);
    diary_expect(&f->diary, "registered E test host 3 bytes");
    return call;
}

static void send_launch(struct fixture *f, const char *task_id) {
    Mesos__V1__Executor__Event event = MESOS__V1__EXECUTOR__EVENT__INIT;
    Mesos__V1__Executor__Event__Launch launch = MESOS__V1__EXECUTOR__EVENT__LAUNCH__INIT;
    Mesos__V1__TaskInfo *task = mesos_task_info_new(task_id, "task", "A", NULL, "cpus:1", NULL);

    launch.task = task;
    event.launch = &launch;
    send_event(f, &event, EVENT(LAUNCH));
    mesos_message_free(task);
}

static void send_plain(struct fixture *f, int type) {
    Mesos__V1__Executor__Event event = MESOS__V1__EXECUTOR__EVENT__INIT;

    send_event(f, &event, type);
}

static enum mesos_status update(struct fixture *f, const char *task_id, int state) {
    Mesos__V1__TaskStatus *status = mesos_task_status_new(task_id, (Mesos__V1__TaskState)state, NULL);
    enum mesos_status result = mesos_executor_driver_send_status_update(f->driver, status);

    mesos_message_free(status);
    return result;
}

static const Mesos__V1__TaskStatus *take_update(struct fixture *f) {
    return ((Mesos__V1__Executor__Call *)peer_take(&f->agent, CALL(UPDATE)))->update->status;
}

static void acknowledge(struct fixture *f, const Mesos__V1__TaskStatus *status) {
    Mesos__V1__Executor__Event event = MESOS__V1__EXECUTOR__EVENT__INIT;
    Mesos__V1__Executor__Event__Acknowledged acknowledged = MESOS__V1__EXECUTOR__EVENT__ACKNOWLEDGED__INIT;

    acknowledged.task_id = status->task_id;
    acknowledged.uuid = status->uuid;
    event.acknowledged = &acknowledged;
    send_event(f, &event, EVENT(ACKNOWLEDGED));
}

static void e1_registered_brings_the_data_unchanged(void **state) {
    struct fixture *f = *state;
    const Mesos__V1__Executor__Call *call = start(f);

    assert_string_equal(call->framework_id->value, "F");
    assert_string_equal(call->executor_id->value, "E");
}

static void e2_e3_a_restarted_agent_gives_disconnected_and_reregistered(void **state) {
    struct fixture *f = *state;

    start(f);
    peer_die(&f->agent);
    diary_expect(&f->diary, "disconnected");
    peer_listen(&f->agent);
    peer_take(&f->agent, CALL(SUBSCRIBE));
    send_subscribed(f);
    diary_expect(&f->diary, "reregistered host");
}

static void e4_e5_e6_tasks_kills_and_messages_come_in_order(void **state) {
    struct fixture *f = *state;
    Mesos__V1__Executor__Event kill = MESOS__V1__EXECUTOR__EVENT__INIT, message = MESOS__V1__EXECUTOR__EVENT__INIT;
    Mesos__V1__Executor__Event__Kill kill_body = MESOS__V1__EXECUTOR__EVENT__KILL__INIT;
    Mesos__V1__Executor__Event__Message message_body = MESOS__V1__EXECUTOR__EVENT__MESSAGE__INIT;
    Mesos__V1__TaskID id = MESOS__V1__TASK_ID__INIT;
    uint8_t *data = calloc(1, 1 << 20);

    start(f);
    id.value = (char *)"t";
    kill_body.task_id = &id;
    kill.kill = &kill_body;
    message_body.data = (ProtobufCBinaryData){1 << 20, data};
    message.message = &message_body;
    send_launch(f, "t");
    send_event(f, &kill, EVENT(KILL));
    send_event(f, &message, EVENT(MESSAGE));
    diary_expect(&f->diary, "launch t");
    diary_expect(&f->diary, "kill t");
    diary_expect(&f->diary, "message 1048576 bytes");
    /* Nothing was said on the executor's behalf. */
    assert_int_equal(peer_count(&f->agent, CALL(UPDATE)), 0);
    free(data);
}

static void e7_after_shutdown_nothing_comes_but_updates_still_go(void **state) {
    struct fixture *f = *state;
    const Mesos__V1__TaskStatus *status;

    start(f);
    send_plain(f, EVENT(SHUTDOWN));
    diary_expect(&f->diary, "shutdown");
    send_launch(f, "late");
    assert_int_equal(update(f, "t", MESOS__V1__TASK_STATE__TASK_KILLED), MESOS_DRIVER_RUNNING);
    status = take_update(f);
    assert_int_equal(mesos_executor_driver_stop(f->driver), MESOS_DRIVER_STOPPED);
    acknowledge(f, status);
    assert_int_equal(mesos_executor_driver_join(f->driver), MESOS_DRIVER_STOPPED);
    assert_int_equal(diary_count(&f->diary), 2);
}

/* This program again, as an executor that does not end by itself, in a process group of its own. */
static int stay(void) {
    static const struct mesos_executor stubborn = {.shutdown = on_shutdown};
    struct fixture *f = calloc(1, sizeof(*f));

    setpgid(0, 0);
    unsetenv("MESOS_LOCAL");
    setenv("MESOS_EXECUTOR_SHUTDOWN_GRACE_PERIOD", "50ms", 1);
    diary_init(&f->diary);
    mesos_executor_driver_run(mesos_executor_driver_new(&stubborn, f, NULL));
    return 0;
}

static void e7_who_stays_after_the_grace_period_is_killed(void **state) {
    struct fixture *f = *state;
    int status;
    pid_t pid = fork();

    if (pid == 0) {
        execl("/proc/self/exe", "test_executor_driver", "stay", NULL);
        _exit(127);
    }
    peer_take(&f->agent, CALL(SUBSCRIBE));
    send_subscribed(f);
    send_plain(f, EVENT(SHUTDOWN));
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGKILL);
}

static void e8_an_error_aborts_before_it_is_told(void **state) {
    struct fixture *f = *state;
    Mesos__V1__Executor__Event event = MESOS__V1__EXECUTOR__EVENT__INIT;
    Mesos__V1__Executor__Event__Error error = MESOS__V1__EXECUTOR__EVENT__ERROR__INIT;

    start(f);
    error.message = (char *)"bad";
    event.error = &error;
    send_event(f, &event, EVENT(ERROR));
    diary_expect(&f->diary, "error bad, DRIVER_ABORTED");
    assert_int_equal(mesos_executor_driver_join(f->driver), MESOS_DRIVER_ABORTED);
}

static void x1_the_environment_must_be_an_executors(void **state) {
    static const char *const needed[] = {"MESOS_AGENT_ENDPOINT", "MESOS_FRAMEWORK_ID", "MESOS_EXECUTOR_ID"};

    for (size_t i = 0; i < sizeof(needed) / sizeof(needed[0]); i++) {
        char *value = strdup(getenv(needed[i])), *error = NULL;

        unsetenv(needed[i]);
        assert_null(mesos_executor_driver_new(&callbacks, NULL, &error));
        assert_non_null(strstr(error, needed[i]));
        setenv(needed[i], value, 1);
        free(value);
        free(error);
    }
}

static void x1_calls_return_the_status(void **state) {
    struct fixture *f = *state;

    assert_int_equal(mesos_executor_driver_stop(f->driver), MESOS_DRIVER_NOT_STARTED);
    assert_int_equal(mesos_executor_driver_abort(f->driver), MESOS_DRIVER_NOT_STARTED);
    assert_int_equal(mesos_executor_driver_join(f->driver), MESOS_DRIVER_NOT_STARTED);
    assert_int_equal(update(f, "t", MESOS__V1__TASK_STATE__TASK_RUNNING), MESOS_DRIVER_NOT_STARTED);
    start(f);
    assert_int_equal(mesos_executor_driver_start(f->driver), MESOS_DRIVER_RUNNING);
    assert_int_equal(mesos_executor_driver_abort(f->driver), MESOS_DRIVER_ABORTED);
    assert_int_equal(mesos_executor_driver_join(f->driver), MESOS_DRIVER_ABORTED);
    assert_int_equal(update(f, "t", MESOS__V1__TASK_STATE__TASK_RUNNING), MESOS_DRIVER_ABORTED);
    assert_int_equal(mesos_executor_driver_stop(f->driver), MESOS_DRIVER_ABORTED);
    assert_int_equal(mesos_executor_driver_run(f->driver), MESOS_DRIVER_STOPPED);
}

static void x2_updates_are_completed_and_told_again_until_acknowledged(void **state) {
    struct fixture *f = *state;
    const Mesos__V1__Executor__Call *call;
    const Mesos__V1__TaskStatus *first;

    start(f);
    send_launch(f, "t");
    diary_expect(&f->diary, "launch t");
    update(f, "t", MESOS__V1__TASK_STATE__TASK_RUNNING);
    first = take_update(f);
    assert_int_equal(first->uuid.len, 16);
    assert_true(first->has_timestamp && first->timestamp > 1e9);
    assert_int_equal(first->source, MESOS__V1__TASK_STATUS__SOURCE__SOURCE_EXECUTOR);
    assert_string_equal(first->executor_id->value, "E");
    assert_string_equal(first->agent_id->value, "A");
    peer_cut(&f->agent);
    diary_expect(&f->diary, "disconnected");
    update(f, "t", MESOS__V1__TASK_STATE__TASK_FINISHED);
    call = peer_take(&f->agent, CALL(SUBSCRIBE));
    assert_memory_equal(call->subscribe->unacknowledged_updates[0]->status->uuid.data, first->uuid.data, 16);
    assert_string_equal(call->subscribe->unacknowledged_tasks[0]->task_id->value, "t");
}

/* As retried in full by sim in src/client/test_executor_client.c; here that what is made while away is sent. */
static void x2_what_is_updated_while_the_agent_is_away_is_told_when_it_is_back(void **state) {
    struct fixture *f = *state;
    const Mesos__V1__Executor__Call *call;

    start(f);
    peer_die(&f->agent);
    diary_expect(&f->diary, "disconnected");
    update(f, "t", MESOS__V1__TASK_STATE__TASK_FINISHED);
    peer_listen(&f->agent);
    call = peer_take(&f->agent, CALL(SUBSCRIBE));
    if (call->subscribe->n_unacknowledged_updates == 0) /* the call overtook the post */
        assert_int_equal(take_update(f)->state, MESOS__V1__TASK_STATE__TASK_FINISHED);
    else
        assert_int_equal(call->subscribe->unacknowledged_updates[0]->status->state,
                         MESOS__V1__TASK_STATE__TASK_FINISHED);
}

static void x2_a_status_used_again_gets_an_identity_of_its_own(void **state) {
    struct fixture *f = *state;
    Mesos__V1__TaskStatus *status = mesos_task_status_new("t", MESOS__V1__TASK_STATE__TASK_RUNNING, NULL);
    const Mesos__V1__TaskStatus *first, *second;

    start(f);
    mesos_executor_driver_send_status_update(f->driver, status);
    first = take_update(f);
    mesos_executor_driver_send_status_update(f->driver, first);
    second = take_update(f);
    assert_memory_not_equal(first->uuid.data, second->uuid.data, 16);
    mesos_message_free(status);
}

static void x2_staging_aborts(void **state) {
    struct fixture *f = *state;

    start(f);
    update(f, "t", MESOS__V1__TASK_STATE__TASK_STAGING);
    diary_expect(&f->diary, "error TASK_STAGING is not a state that an executor can send, DRIVER_ABORTED");
    assert_int_equal(mesos_executor_driver_join(f->driver), MESOS_DRIVER_ABORTED);
    assert_int_equal(peer_count(&f->agent, CALL(UPDATE)), 0);
}

static void x2_stop_waits_for_the_last_acknowledgement(void **state) {
    struct fixture *f = *state;

    start(f);
    update(f, "t", MESOS__V1__TASK_STATE__TASK_FINISHED);
    assert_int_equal(mesos_executor_driver_stop(f->driver), MESOS_DRIVER_STOPPED);
    acknowledge(f, take_update(f));
    assert_int_equal(mesos_executor_driver_join(f->driver), MESOS_DRIVER_STOPPED);
}

static void x3_messages_go_unchanged(void **state) {
    struct fixture *f = *state;
    const Mesos__V1__Executor__Call *call;

    start(f);
    mesos_executor_driver_send_framework_message(f->driver, "a\0b", 3);
    call = peer_take(&f->agent, CALL(MESSAGE));
    assert_int_equal(call->message->data.len, 3);
    assert_memory_equal(call->message->data.data, "a\0b", 3);
}

static void x4_without_checkpointing_a_lost_agent_is_the_end(void **state) {
    struct fixture *f = *state;

    setenv("MESOS_CHECKPOINT", "0", 1);
    f->stop_in_shutdown = true;
    make_driver(f);
    start(f);
    peer_die(&f->agent);
    diary_expect(&f->diary, "shutdown");
    assert_int_equal(mesos_executor_driver_join(f->driver), MESOS_DRIVER_STOPPED);
    peer_listen(&f->agent);
}

static void x4_an_agent_away_for_longer_than_the_recovery_timeout_is_the_end(void **state) {
    struct fixture *f = *state;

    setenv("MESOS_RECOVERY_TIMEOUT", "50ms", 1);
    f->stop_in_shutdown = true;
    make_driver(f);
    start(f);
    update(f, "t", MESOS__V1__TASK_STATE__TASK_RUNNING); /* unacknowledged: nobody is left to wait for */
    peer_die(&f->agent);
    diary_expect(&f->diary, "disconnected");
    diary_expect(&f->diary, "shutdown");
    assert_int_equal(mesos_executor_driver_join(f->driver), MESOS_DRIVER_STOPPED);
    peer_listen(&f->agent);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {
        TEST(e1_registered_brings_the_data_unchanged),
        TEST(e2_e3_a_restarted_agent_gives_disconnected_and_reregistered),
        TEST(e4_e5_e6_tasks_kills_and_messages_come_in_order),
        TEST(e7_after_shutdown_nothing_comes_but_updates_still_go),
        TEST(e7_who_stays_after_the_grace_period_is_killed),
        TEST(e8_an_error_aborts_before_it_is_told),
        TEST(x1_the_environment_must_be_an_executors),
        TEST(x1_calls_return_the_status),
        TEST(x2_updates_are_completed_and_told_again_until_acknowledged),
        TEST(x2_what_is_updated_while_the_agent_is_away_is_told_when_it_is_back),
        TEST(x2_a_status_used_again_gets_an_identity_of_its_own),
        TEST(x2_staging_aborts),
        TEST(x2_stop_waits_for_the_last_acknowledgement),
        TEST(x3_messages_go_unchanged),
        TEST(x4_without_checkpointing_a_lost_agent_is_the_end),
        TEST(x4_an_agent_away_for_longer_than_the_recovery_timeout_is_the_end),
    };

    if (argc > 1 && strcmp(argv[1], "stay") == 0)
        return stay();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
