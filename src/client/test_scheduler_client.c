/* SPDX-License-Identifier: Apache-2.0 */
#include "client/test_peer.h"

#include "client/scheduler_client.h"

#define EVENT(name) MESOS__V1__SCHEDULER__EVENT__TYPE__##name

struct fixture {
    struct sim *sim;
    struct peer master, other;
    struct sim_node *node;
    struct scheduler_client *client;
    size_t subscribed, disconnected, refused;
    int64_t disconnected_at;
};

static bool is_subscribe(const ProtobufCMessage *call) {
    return ((const Mesos__V1__Scheduler__Call *)call)->type == MESOS__V1__SCHEDULER__CALL__TYPE__SUBSCRIBE;
}

static void on_event(void *user, const Mesos__V1__Scheduler__Event *event) {
    struct fixture *f = user;

    assert_int_not_equal(event->type, EVENT(HEARTBEAT));
    f->subscribed += event->type == EVENT(SUBSCRIBED);
}

static void on_disconnected(void *user) {
    struct fixture *f = user;

    f->disconnected++;
    f->disconnected_at = sim_now(f->sim);
}

static void on_refused(void *user, unsigned status, const char *message) {
    ((struct fixture *)user)->refused++;
}

static const struct scheduler_client_events events = {on_event, on_disconnected, on_refused, NULL};

static int setup(void **state) {
    struct fixture *f = calloc(1, sizeof(*f));
    Mesos__V1__FrameworkInfo framework = MESOS__V1__FRAMEWORK_INFO__INIT;
    struct scheduler_client_options options = {.master = "10.0.0.1:5050", .framework = &framework};

    framework.user = (char *)"nobody";
    framework.name = (char *)"test";
    f->sim = sim_new(1);
    peer_init(&f->master, f->sim, "10.0.0.1", &mesos__v1__scheduler__call__descriptor, is_subscribe);
    peer_init(&f->other, f->sim, "10.0.0.2", &mesos__v1__scheduler__call__descriptor, is_subscribe);
    f->node = sim_node_new(f->sim, "10.0.0.3");
    f->client = scheduler_client_new(sim_node_env(f->node), &options, &events, f, NULL);
    assert_non_null(f->client);
    scheduler_client_start(f->client);
    *state = f;
    return 0;
}

static int teardown(void **state) {
    struct fixture *f = *state;

    scheduler_client_free(f->client);
    peer_done(&f->master);
    peer_done(&f->other);
    sim_free(f->sim);
    free(f);
    return 0;
}

static void send_subscribed(struct peer *peer, double heartbeat_s) {
    Mesos__V1__Scheduler__Event event = MESOS__V1__SCHEDULER__EVENT__INIT;
    Mesos__V1__Scheduler__Event__Subscribed subscribed = MESOS__V1__SCHEDULER__EVENT__SUBSCRIBED__INIT;
    Mesos__V1__FrameworkID id = MESOS__V1__FRAMEWORK_ID__INIT;

    id.value = (char *)"F";
    subscribed.framework_id = &id;
    subscribed.has_heartbeat_interval_seconds = true;
    subscribed.heartbeat_interval_seconds = heartbeat_s;
    event.has_type = true;
    event.type = EVENT(SUBSCRIBED);
    event.subscribed = &subscribed;
    peer_send(peer, &event.base);
}

static void send_heartbeat(struct peer *peer) {
    Mesos__V1__Scheduler__Event event = MESOS__V1__SCHEDULER__EVENT__INIT;

    event.has_type = true;
    event.type = EVENT(HEARTBEAT);
    peer_send(peer, &event.base);
}

static void subscribe(struct fixture *f) {
    sim_run_for(f->sim, SECOND);
    send_subscribed(&f->master, 15);
    sim_run_for(f->sim, SECOND);
    assert_int_equal(f->subscribed, 1);
}

static void a_master_that_is_not_ready_is_asked_again_after_growing_random_pauses(void **state) {
    struct fixture *f = *state;
    int64_t longest_early = 0, longest = 0, shortest_late = INT64_MAX;

    f->master.refusal = 503;
    sim_run_for(f->sim, 60 * MINUTE);
    for (size_t i = 1; i < f->master.subscribes; i++) {
        int64_t pause = f->master.times[i] - f->master.times[i - 1];

        if (i <= 3 && pause > longest_early)
            longest_early = pause;
        if (pause > longest)
            longest = pause;
        if (i > 10 && pause < shortest_late)
            shortest_late = pause;
    }
    /* The first pauses are of at most 2, 4 and 8 s, later ones of any part of a minute: 30 s on average. */
    assert_true(longest_early <= 9 * SECOND);
    assert_true(longest > 30 * SECOND && longest < 61 * SECOND);
    assert_true(shortest_late < 15 * SECOND);
    assert_in_range(f->master.subscribes, 60, 240);
}

static bool is_asked_again(void *user) {
    const struct fixture *f = user;

    return f->master.subscribes == 2;
}

static void a_master_that_is_down_is_found_when_it_is_up(void **state) {
    struct fixture *f = *state;

    subscribe(f);
    peer_kill(&f->master);
    sim_run_for(f->sim, 10 * MINUTE);
    assert_int_equal(f->disconnected, 1);
    peer_listen(&f->master);
    assert_true(sim_run_until(f->sim, sim_now(f->sim) + 2 * MINUTE, is_asked_again, f));
    send_subscribed(&f->master, 15);
    sim_run_for(f->sim, SECOND);
    assert_int_equal(f->subscribed, 2);
    assert_string_equal(((Mesos__V1__Scheduler__Call *)f->master.subscribe)->framework_id->value, "F");
}

static void a_silent_master_is_left_after_five_heartbeats(void **state) {
    struct fixture *f = *state;
    int64_t last;

    subscribe(f);
    for (int i = 0; i < 100; i++) {
        send_heartbeat(&f->master);
        sim_run_for(f->sim, 60 * SECOND);
    }
    assert_int_equal(f->disconnected, 0);
    last = sim_now(f->sim) - 60 * SECOND;
    sim_run_for(f->sim, 5 * MINUTE);
    assert_int_equal(f->disconnected, 1);
    assert_in_range(f->disconnected_at - last, 75 * SECOND, 76 * SECOND);
}

static void a_master_that_takes_the_subscription_and_falls_silent_is_asked_again(void **state) {
    struct fixture *f = *state;

    sim_run_for(f->sim, 55 * SECOND);
    assert_int_equal(f->master.subscribes, 1);
    sim_run_for(f->sim, 10 * SECOND);
    assert_int_equal(f->master.subscribes, 2);
    subscribe(f);
}

static void a_master_that_answers_no_calls_is_left(void **state) {
    struct fixture *f = *state;
    Mesos__V1__Scheduler__Call call = MESOS__V1__SCHEDULER__CALL__INIT;

    subscribe(f);
    f->master.is_mute = true;
    call.type = MESOS__V1__SCHEDULER__CALL__TYPE__REVIVE;
    assert_true(scheduler_client_call(f->client, &call));
    for (int i = 0; i < 6; i++) {
        send_heartbeat(&f->master);
        sim_run_for(f->sim, 10 * SECOND);
    }
    assert_int_equal(f->disconnected, 1);
    assert_in_range(f->master.subscribes, 1, 2);
}

static void a_redirect_leads_to_the_leader(void **state) {
    struct fixture *f = *state;

    f->master.refusal = 307;
    f->master.location = "//10.0.0.2:5050/api/v1/scheduler";
    sim_run_for(f->sim, 10 * SECOND);
    assert_int_equal(f->other.subscribes, 1);
    send_subscribed(&f->other, 15);
    sim_run_for(f->sim, SECOND);
    assert_true(scheduler_client_is_subscribed(f->client));
}

static void the_one_that_redirected_is_asked_for_the_next_leader(void **state) {
    struct fixture *f = *state;

    f->master.refusal = 307;
    f->master.location = "//10.0.0.2:5050/master/api/v1/scheduler";
    sim_run_for(f->sim, 10 * SECOND);
    send_subscribed(&f->other, 15);
    sim_run_for(f->sim, SECOND);
    assert_int_equal(f->subscribed, 1);
    peer_kill(&f->other);
    f->master.refusal = 0;
    sim_run_for(f->sim, 10 * SECOND);
    assert_int_equal(f->disconnected, 1);
    send_subscribed(&f->master, 15);
    sim_run_for(f->sim, SECOND);
    assert_int_equal(f->subscribed, 2);
}

/* Apache's master listens before it knows its paths. */
static void a_master_that_does_not_know_the_path_yet_is_asked_again(void **state) {
    struct fixture *f = *state;

    f->master.refusal = 404;
    sim_run_for(f->sim, MINUTE);
    assert_true(f->master.subscribes > 1);
    assert_int_equal(f->refused, 0);
    f->master.refusal = 0;
    sim_run_for(f->sim, MINUTE);
    subscribe(f);
}

static void a_refusal_is_final(void **state) {
    struct fixture *f = *state;

    f->master.refusal = 403;
    sim_run_for(f->sim, 60 * MINUTE);
    assert_int_equal(f->refused, 1);
    assert_int_equal(f->master.subscribes, 1);
}

static void calls_need_a_subscription(void **state) {
    struct fixture *f = *state;
    Mesos__V1__Scheduler__Call call = MESOS__V1__SCHEDULER__CALL__INIT;

    call.type = MESOS__V1__SCHEDULER__CALL__TYPE__REVIVE;
    assert_false(scheduler_client_call(f->client, &call));
    subscribe(f);
    assert_true(scheduler_client_call(f->client, &call));
    assert_int_equal(scheduler_client_calls_pending(f->client), 1);
    sim_run_for(f->sim, SECOND);
    assert_int_equal(scheduler_client_calls_pending(f->client), 0);
    assert_string_equal(((Mesos__V1__Scheduler__Call *)f->master.call)->framework_id->value, "F");
}

static void a_client_that_doubts_its_connection_makes_another(void **state) {
    struct fixture *f = *state;

    subscribe(f);
    scheduler_client_reconnect(f->client);
    assert_int_equal(f->disconnected, 1);
    sim_run_for(f->sim, SECOND);
    assert_int_equal(f->master.subscribes, 2);
}

static void a_client_that_leaves_makes_no_other_subscription(void **state) {
    struct fixture *f = *state;
    Mesos__V1__Scheduler__Call call = MESOS__V1__SCHEDULER__CALL__INIT;

    subscribe(f);
    call.type = MESOS__V1__SCHEDULER__CALL__TYPE__REVIVE;
    assert_true(scheduler_client_call(f->client, &call));
    scheduler_client_leave(f->client);
    sim_run_for(f->sim, SECOND);
    assert_int_equal(scheduler_client_calls_pending(f->client), 0);
    peer_kill(&f->master);
    sim_run_for(f->sim, SECOND);
    peer_listen(&f->master);
    sim_run_for(f->sim, 10 * MINUTE);
    assert_int_equal(f->disconnected, 1);
    assert_int_equal(f->master.subscribes, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_master_that_is_not_ready_is_asked_again_after_growing_random_pauses),
        TEST(a_master_that_is_down_is_found_when_it_is_up),
        TEST(a_silent_master_is_left_after_five_heartbeats),
        TEST(a_master_that_takes_the_subscription_and_falls_silent_is_asked_again),
        TEST(a_master_that_answers_no_calls_is_left),
        TEST(a_redirect_leads_to_the_leader),
        TEST(the_one_that_redirected_is_asked_for_the_next_leader),
        TEST(a_master_that_does_not_know_the_path_yet_is_asked_again),
        TEST(a_refusal_is_final),
        TEST(calls_need_a_subscription),
        TEST(a_client_that_doubts_its_connection_makes_another),
        TEST(a_client_that_leaves_makes_no_other_subscription),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
