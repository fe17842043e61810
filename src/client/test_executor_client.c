/* SPDX-License-Identifier: Apache-2.0 */
#include "client/test_peer.h"

#include "client/executor_client.h"

#define EVENT(name) MESOS__V1__EXECUTOR__EVENT__TYPE__##name

struct fixture {
    struct sim *sim;
    struct peer agent;
    struct sim_node *node;
    struct executor_client *client;
    const char *token;
    size_t subscribed, disconnected, abandoned;
    int64_t disconnected_at, abandoned_at;
};

static bool is_subscribe(const ProtobufCMessage *call) {
    return ((const Mesos__V1__Executor__Call *)call)->type == MESOS__V1__EXECUTOR__CALL__TYPE__SUBSCRIBE;
}

static void on_event(void *user, const Mesos__V1__Executor__Event *event) {
    struct fixture *f = user;

    f->subscribed += event->type == EVENT(SUBSCRIBED);
}

static void on_disconnected(void *user) {
    struct fixture *f = user;

    f->disconnected++;
    f->disconnected_at = sim_now(f->sim);
}

static void on_abandoned(void *user, const char *reason) {
    struct fixture *f = user;

    f->abandoned++;
    f->abandoned_at = sim_now(f->sim);
}

static const struct executor_client_events events = {on_event, on_disconnected, on_abandoned};

static void make_client(struct fixture *f, bool checkpoint) {
    struct executor_client_options options = {.authentication_token = f->token,
                                              .agent = "10.0.0.1:5050",
                                              .agent_id = "A",
                                              .framework_id = "F",
                                              .executor_id = "E",
                                              .checkpoint = checkpoint,
                                              .recovery_timeout_ns = 15 * MINUTE};

    executor_client_free(f->client);
    f->client = executor_client_new(sim_node_env(f->node), &options, &events, f, NULL);
    assert_non_null(f->client);
    executor_client_start(f->client);
}

static int setup(void **state) {
    struct fixture *f = calloc(1, sizeof(*f));

    f->sim = sim_new(1);
    peer_init(&f->agent, f->sim, "10.0.0.1", &mesos__v1__executor__call__descriptor, is_subscribe);
    f->node = sim_node_new(f->sim, "10.0.0.2");
    make_client(f, true);
    *state = f;
    return 0;
}

static int teardown(void **state) {
    struct fixture *f = *state;

    executor_client_free(f->client);
    peer_done(&f->agent);
    sim_free(f->sim);
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
    Mesos__V1__ExecutorInfo executor = MESOS__V1__EXECUTOR_INFO__INIT;
    Mesos__V1__FrameworkInfo framework = MESOS__V1__FRAMEWORK_INFO__INIT;
    Mesos__V1__AgentInfo agent = MESOS__V1__AGENT_INFO__INIT;
    Mesos__V1__ExecutorID id = MESOS__V1__EXECUTOR_ID__INIT;

    id.value = framework.user = framework.name = agent.hostname = (char *)"x";
    executor.executor_id = &id;
    subscribed.executor_info = &executor;
    subscribed.framework_info = &framework;
    subscribed.agent_info = &agent;
    event.subscribed = &subscribed;
    send_event(f, &event, EVENT(SUBSCRIBED));
}

static void subscribe(struct fixture *f) {
    size_t before = f->subscribed;

    sim_run_for(f->sim, 5 * SECOND);
    send_subscribed(f);
    sim_run_for(f->sim, SECOND);
    assert_int_equal(f->subscribed, before + 1);
}

static void send_update(struct fixture *f, const char *task_id, int state) {
    Mesos__V1__TaskStatus status = MESOS__V1__TASK_STATUS__INIT;
    Mesos__V1__TaskID id = MESOS__V1__TASK_ID__INIT;

    id.value = (char *)task_id;
    status.task_id = &id;
    status.state = (Mesos__V1__TaskState)state;
    executor_client_send_update(f->client, &status);
}

static void update(struct fixture *f, int state) {
    send_update(f, "t", state);
    sim_run_for(f->sim, SECOND);
}

static void acknowledge_latest(struct fixture *f) {
    Mesos__V1__Executor__Event event = MESOS__V1__EXECUTOR__EVENT__INIT;
    Mesos__V1__Executor__Event__Acknowledged acknowledged = MESOS__V1__EXECUTOR__EVENT__ACKNOWLEDGED__INIT;
    const Mesos__V1__TaskStatus *status = ((Mesos__V1__Executor__Call *)f->agent.call)->update->status;

    acknowledged.task_id = status->task_id;
    acknowledged.uuid = status->uuid;
    event.acknowledged = &acknowledged;
    send_event(f, &event, EVENT(ACKNOWLEDGED));
    sim_run_for(f->sim, SECOND);
}

static void x2_a_restarted_agent_is_told_what_it_has_not_acknowledged(void **state) {
    struct fixture *f = *state;
    const Mesos__V1__Executor__Call__Subscribe *told;

    subscribe(f);
    update(f, MESOS__V1__TASK_STATE__TASK_STARTING);
    acknowledge_latest(f);
    update(f, MESOS__V1__TASK_STATE__TASK_RUNNING);
    peer_kill(&f->agent);
    sim_run_for(f->sim, MINUTE);
    assert_int_equal(f->disconnected, 1);
    update(f, MESOS__V1__TASK_STATE__TASK_FINISHED);
    assert_int_equal(executor_client_unacknowledged(f->client), 2);
    peer_listen(&f->agent);
    subscribe(f);
    told = ((Mesos__V1__Executor__Call *)f->agent.subscribe)->subscribe;
    assert_int_equal(told->n_unacknowledged_updates, 2);
    assert_int_equal(told->unacknowledged_updates[0]->status->state, MESOS__V1__TASK_STATE__TASK_RUNNING);
    assert_int_equal(told->unacknowledged_updates[1]->status->state, MESOS__V1__TASK_STATE__TASK_FINISHED);
}

static void an_update_that_comes_up_while_subscribing_follows(void **state) {
    struct fixture *f = *state;

    sim_run_for(f->sim, 5 * SECOND);
    assert_int_equal(f->agent.subscribes, 1);
    update(f, MESOS__V1__TASK_STATE__TASK_FINISHED);
    assert_null(f->agent.call);
    send_subscribed(f);
    sim_run_for(f->sim, SECOND);
    assert_non_null(f->agent.call);
    assert_int_equal(((Mesos__V1__Executor__Call *)f->agent.call)->update->status->state,
                     MESOS__V1__TASK_STATE__TASK_FINISHED);
    acknowledge_latest(f);
    assert_int_equal(executor_client_unacknowledged(f->client), 0);
}

static void an_update_that_a_recovering_agent_can_not_take_comes_again(void **state) {
    struct fixture *f = *state;

    subscribe(f);
    f->agent.call_refusal = 503;
    update(f, MESOS__V1__TASK_STATE__TASK_FINISHED);
    sim_run_for(f->sim, 10 * SECOND);
    assert_in_range(f->agent.calls, 4, 10);
    f->agent.call_refusal = 0;
    sim_run_for(f->sim, 3 * SECOND);
    acknowledge_latest(f);
    assert_int_equal(executor_client_unacknowledged(f->client), 0);
    f->agent.calls = 0;
    sim_run_for(f->sim, 10 * SECOND);
    assert_int_equal(f->agent.calls, 0);
}

static void assert_taken(const struct fixture *f, size_t index, const char *task_id, int state) {
    const Mesos__V1__TaskStatus *status = ((Mesos__V1__Executor__Call *)f->agent.taken[index])->update->status;

    assert_string_equal(status->task_id->value, task_id);
    assert_int_equal(status->state, state);
}

static void an_update_does_not_overtake_one_of_its_task_that_failed(void **state) {
    struct fixture *f = *state;

    subscribe(f);
    f->agent.call_refusal = 503;
    f->agent.call_refusals = 1;
    send_update(f, "t", MESOS__V1__TASK_STATE__TASK_RUNNING);
    send_update(f, "other", MESOS__V1__TASK_STATE__TASK_RUNNING);
    send_update(f, "t", MESOS__V1__TASK_STATE__TASK_FINISHED);
    sim_run_for(f->sim, 10 * SECOND);
    assert_int_equal(f->agent.taken_count, 3);
    assert_taken(f, 0, "other", MESOS__V1__TASK_STATE__TASK_RUNNING);
    assert_taken(f, 1, "t", MESOS__V1__TASK_STATE__TASK_RUNNING);
    assert_taken(f, 2, "t", MESOS__V1__TASK_STATE__TASK_FINISHED);
}

static void an_update_waits_for_none_of_another_task(void **state) {
    struct fixture *f = *state;

    subscribe(f);
    f->agent.mute_after = 1;
    send_update(f, "t", MESOS__V1__TASK_STATE__TASK_RUNNING);
    send_update(f, "other", MESOS__V1__TASK_STATE__TASK_RUNNING);
    update(f, MESOS__V1__TASK_STATE__TASK_FINISHED);
    assert_int_equal(f->agent.taken_count, 1);
    assert_int_equal(f->agent.calls, 3);
    assert_string_equal(((Mesos__V1__Executor__Call *)f->agent.call)->update->status->task_id->value, "t");
}

static void an_update_is_next_when_the_one_before_it_is_acknowledged(void **state) {
    struct fixture *f = *state;

    subscribe(f);
    f->agent.is_mute = true;
    update(f, MESOS__V1__TASK_STATE__TASK_RUNNING);
    send_update(f, "t", MESOS__V1__TASK_STATE__TASK_FINISHED);
    assert_int_equal(f->agent.calls, 1);
    acknowledge_latest(f);
    sim_run_for(f->sim, SECOND);
    assert_int_equal(f->agent.calls, 2);
}

static void an_update_that_will_never_be_taken_does_not_hold_up_the_next(void **state) {
    struct fixture *f = *state;

    subscribe(f);
    f->agent.call_refusal = 400;
    f->agent.call_refusals = 1;
    send_update(f, "t", MESOS__V1__TASK_STATE__TASK_RUNNING);
    update(f, MESOS__V1__TASK_STATE__TASK_FINISHED);
    assert_int_equal(f->agent.taken_count, 1);
    assert_taken(f, 0, "t", MESOS__V1__TASK_STATE__TASK_FINISHED);
}

static void an_agent_that_takes_the_subscription_and_falls_silent_is_asked_again(void **state) {
    struct fixture *f = *state;

    sim_run_for(f->sim, 55 * SECOND);
    assert_int_equal(f->agent.subscribes, 1);
    sim_run_for(f->sim, 10 * SECOND);
    assert_int_equal(f->agent.subscribes, 2);
    subscribe(f);
    sim_run_for(f->sim, 20 * MINUTE);
    assert_int_equal(f->agent.subscribes, 2);
}

static void an_agent_that_answers_no_calls_is_left(void **state) {
    struct fixture *f = *state;

    subscribe(f);
    sim_run_for(f->sim, 40 * MINUTE);
    assert_int_equal(f->agent.calls, 1);
    assert_int_equal(((Mesos__V1__Executor__Call *)f->agent.call)->type, MESOS__V1__EXECUTOR__CALL__TYPE__HEARTBEAT);
    assert_int_equal(f->disconnected, 0);
    f->agent.is_mute = true;
    sim_run_for(f->sim, 22 * MINUTE);
    assert_int_equal(f->disconnected, 1);
    assert_int_equal(f->agent.subscribes, 2);
}

static void x4_a_checkpointing_executor_waits_for_the_recovery_timeout(void **state) {
    struct fixture *f = *state;

    subscribe(f);
    peer_kill(&f->agent);
    sim_run_for(f->sim, 14 * MINUTE);
    assert_int_equal(f->abandoned, 0);
    sim_run_for(f->sim, 2 * MINUTE);
    assert_int_equal(f->abandoned, 1);
    assert_true(f->abandoned_at - f->disconnected_at == 15 * MINUTE);
}

static void x4_an_agent_that_is_back_in_time_stops_the_clock(void **state) {
    struct fixture *f = *state;

    subscribe(f);
    peer_kill(&f->agent);
    sim_run_for(f->sim, 14 * MINUTE);
    peer_listen(&f->agent);
    subscribe(f);
    sim_run_for(f->sim, 60 * MINUTE);
    assert_int_equal(f->abandoned, 0);
}

static void x4_without_checkpointing_the_end_comes_at_once(void **state) {
    struct fixture *f = *state;

    make_client(f, false);
    subscribe(f);
    peer_kill(&f->agent);
    sim_run_for(f->sim, SECOND);
    assert_int_equal(f->abandoned, 1);
    assert_int_equal(f->disconnected, 0);
}

static void assert_asked_again(struct fixture *f, unsigned refusal) {
    f->agent.refusal = refusal;
    f->agent.subscribes = 0;
    sim_run_for(f->sim, 5 * MINUTE);
    assert_int_equal(f->abandoned, 0);
    for (size_t i = 1; i < f->agent.subscribes; i++)
        assert_true(f->agent.times[i] - f->agent.times[i - 1] <= 1050 * MILLISECOND);
    /* Half a second on average: no busy loop. */
    assert_in_range(f->agent.subscribes, 400, 800);
}

static void an_agent_that_recovers_is_asked_again_in_half_the_time_it_waits(void **state) {
    assert_asked_again(*state, 503);
}

/* Apache's agent listens before it knows its paths. */
static void an_agent_that_does_not_know_the_path_yet_is_asked_again(void **state) {
    struct fixture *f = *state;

    assert_asked_again(f, 404);
    f->agent.refusal = 0;
    subscribe(f);
    f->agent.call_refusal = 404;
    f->agent.call_refusals = 1;
    update(f, MESOS__V1__TASK_STATE__TASK_RUNNING);
    sim_run_for(f->sim, 2 * SECOND);
    assert_int_equal(f->agent.taken_count, 1);
}

static void a_refusal_is_the_end(void **state) {
    struct fixture *f = *state;

    f->agent.refusal = 403;
    sim_run_for(f->sim, 10 * SECOND);
    assert_int_equal(f->abandoned, 1);
    assert_int_equal(f->agent.subscribes, 1);
}

static void an_agent_that_has_sent_heartbeats_and_falls_silent_is_left(void **state) {
    struct fixture *f = *state;
    Mesos__V1__Executor__Event heartbeat = MESOS__V1__EXECUTOR__EVENT__INIT;

    subscribe(f);
    sim_run_for(f->sim, 10 * MINUTE); /* older agents send none */
    assert_int_equal(f->disconnected, 0);
    send_event(f, &heartbeat, EVENT(HEARTBEAT));
    sim_run_for(f->sim, 149 * MINUTE);
    assert_int_equal(f->disconnected, 0);
    sim_run_for(f->sim, 2 * MINUTE);
    assert_int_equal(f->disconnected, 1);
}

static void a_token_goes_with_every_request(void **state) {
    struct fixture *f = *state;
    Mesos__V1__TaskStatus status = MESOS__V1__TASK_STATUS__INIT;
    Mesos__V1__TaskID task_id = MESOS__V1__TASK_ID__INIT;

    sim_run_for(f->sim, SECOND);
    assert_string_equal(f->agent.authorization, "");
    f->token = "secret";
    make_client(f, true);
    sim_run_for(f->sim, 2 * SECOND);
    assert_string_equal(f->agent.authorization, "Bearer secret");
    send_subscribed(f);
    sim_run_for(f->sim, SECOND);
    f->agent.authorization[0] = '\0';
    task_id.value = "t";
    status.task_id = &task_id;
    executor_client_send_update(f->client, &status);
    sim_run_for(f->sim, SECOND);
    assert_int_equal(f->agent.calls, 1);
    assert_string_equal(f->agent.authorization, "Bearer secret");
}

static void an_event_without_what_it_tells_is_dropped(void **state) {
    struct fixture *f = *state;
    Mesos__V1__Executor__Event event = MESOS__V1__EXECUTOR__EVENT__INIT;

    sim_run_for(f->sim, 5 * SECOND);
    send_event(f, &event, EVENT(SUBSCRIBED));
    send_event(f, &event, EVENT(LAUNCH));
    send_event(f, &event, EVENT(ACKNOWLEDGED));
    sim_run_for(f->sim, SECOND);
    assert_int_equal(f->subscribed, 0);
    send_subscribed(f);
    sim_run_for(f->sim, SECOND);
    assert_int_equal(f->subscribed, 1);
}

static void the_agents_api_is_below_its_id(void **state) {
    struct executor_client_options options = {.agent_pid = "slave(2)@127.0.0.1:5051"};
    char *path = executor_client_agent_path(&options, "/api/v1/executor");

    assert_string_equal(path, "/slave(2)/api/v1/executor");
    free(path);
    options.agent_pid = NULL;
    path = executor_client_agent_path(&options, "/api/v1");
    assert_string_equal(path, "/api/v1");
    free(path);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(x2_a_restarted_agent_is_told_what_it_has_not_acknowledged),
        TEST(an_update_that_comes_up_while_subscribing_follows),
        TEST(an_update_that_a_recovering_agent_can_not_take_comes_again),
        TEST(an_update_does_not_overtake_one_of_its_task_that_failed),
        TEST(an_update_waits_for_none_of_another_task),
        TEST(an_update_is_next_when_the_one_before_it_is_acknowledged),
        TEST(an_update_that_will_never_be_taken_does_not_hold_up_the_next),
        TEST(an_agent_that_takes_the_subscription_and_falls_silent_is_asked_again),
        TEST(an_agent_that_answers_no_calls_is_left),
        TEST(x4_a_checkpointing_executor_waits_for_the_recovery_timeout),
        TEST(x4_an_agent_that_is_back_in_time_stops_the_clock),
        TEST(x4_without_checkpointing_the_end_comes_at_once),
        TEST(an_event_without_what_it_tells_is_dropped),
        cmocka_unit_test(the_agents_api_is_below_its_id),
        TEST(an_agent_that_recovers_is_asked_again_in_half_the_time_it_waits),
        TEST(an_agent_that_does_not_know_the_path_yet_is_asked_again),
        TEST(a_token_goes_with_every_request),
        TEST(a_refusal_is_the_end),
        TEST(an_agent_that_has_sent_heartbeats_and_falls_silent_is_left),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
