/* SPDX-License-Identifier: Apache-2.0 */
/* What the scheduler driver itself promises, line by line of the API (S1 … D14), against a scripted master. */
#include "driver/test_peer.h"

#include <dirent.h>
#include <semaphore.h>
#include <stdatomic.h>

#include "mesos/scheduler.h"

#define CALL(name) MESOS__V1__SCHEDULER__CALL__TYPE__##name
#define EVENT(name) MESOS__V1__SCHEDULER__EVENT__TYPE__##name
#define CAPABILITY(name) MESOS__V1__FRAMEWORK_INFO__CAPABILITY__TYPE__##name

struct fixture {
    struct peer master;
    struct diary diary;
    Mesos__V1__FrameworkInfo *framework;
    struct mesos_scheduler_driver *driver;
    /* What the status_update callback does besides writing. */
    bool abort_in_update, stop_in_update;
    sem_t entered, proceed;
    bool hold_update;
    atomic_int running; /* callbacks at this moment */
    atomic_bool overlap;
};

static int type_of(const ProtobufCMessage *call) {
    return (int)((const Mesos__V1__Scheduler__Call *)call)->type;
}

/* Callbacks that write what they see */

static void enter(struct fixture *f) {
    if (atomic_fetch_add(&f->running, 1) != 0)
        atomic_store(&f->overlap, true);
}

static void leave(struct fixture *f) {
    atomic_fetch_sub(&f->running, 1);
}

static void on_registered(struct mesos_scheduler_driver *driver, void *user, const Mesos__V1__FrameworkID *id,
                          const Mesos__V1__MasterInfo *master) {
    struct fixture *f = user;

    enter(f);
    diary_write(&f->diary, "registered %s with %s", id->value, master->id);
    leave(f);
}

static void on_reregistered(struct mesos_scheduler_driver *driver, void *user, const Mesos__V1__MasterInfo *master) {
    struct fixture *f = user;

    enter(f);
    diary_write(&f->diary, "reregistered with %s", master->id);
    leave(f);
}

static void on_disconnected(struct mesos_scheduler_driver *driver, void *user) {
    struct fixture *f = user;

    enter(f);
    diary_write(&f->diary, "disconnected");
    leave(f);
}

static void on_offers(struct mesos_scheduler_driver *driver, void *user, Mesos__V1__Offer *const *offers,
                      size_t count) {
    struct fixture *f = user;

    enter(f);
    for (size_t i = 0; i < count; i++)
        diary_write(&f->diary, "offer %s", offers[i]->id->value);
    leave(f);
}

static void on_rescinded(struct mesos_scheduler_driver *driver, void *user, const Mesos__V1__OfferID *id) {
    struct fixture *f = user;

    enter(f);
    diary_write(&f->diary, "rescinded %s", id->value);
    leave(f);
}

static void on_update(struct mesos_scheduler_driver *driver, void *user, const Mesos__V1__TaskStatus *status) {
    struct fixture *f = user;

    enter(f);
    if (f->hold_update) {
        sem_post(&f->entered);
        sem_wait(&f->proceed);
    }
    diary_write(&f->diary, "%s %s%s%s", status->task_id->value, mesos_task_state_name(status->state),
                status->message == NULL ? "" : " ", status->message == NULL ? "" : status->message);
    if (f->abort_in_update)
        mesos_scheduler_driver_abort(driver);
    if (f->stop_in_update)
        mesos_scheduler_driver_stop(driver, true);
    leave(f);
}

static void on_message(struct mesos_scheduler_driver *driver, void *user, const Mesos__V1__ExecutorID *executor,
                       const Mesos__V1__AgentID *agent, const void *data, size_t size) {
    struct fixture *f = user;

    diary_write(&f->diary, "message of %s on %s: %zu bytes, last %d", executor->value, agent->value, size,
                size == 0 ? -1 : ((const uint8_t *)data)[size - 1]);
}

static void on_agent_lost(struct mesos_scheduler_driver *driver, void *user, const Mesos__V1__AgentID *agent) {
    diary_write(&((struct fixture *)user)->diary, "agent lost %s", agent->value);
}

static void on_executor_lost(struct mesos_scheduler_driver *driver, void *user, const Mesos__V1__ExecutorID *executor,
                             const Mesos__V1__AgentID *agent, int status) {
    diary_write(&((struct fixture *)user)->diary, "executor lost %s on %s: %d", executor->value, agent->value, status);
}

static void on_error(struct mesos_scheduler_driver *driver, void *user, const char *message) {
    /* Any call tells the status. */
    diary_write(&((struct fixture *)user)->diary, "error %s, %s", message,
                mesos_status_name(mesos_scheduler_driver_revive_offers(driver, NULL, 0)));
}

static const struct mesos_scheduler callbacks = {.registered = on_registered,
                                                 .reregistered = on_reregistered,
                                                 .disconnected = on_disconnected,
                                                 .resource_offers = on_offers,
                                                 .offer_rescinded = on_rescinded,
                                                 .status_update = on_update,
                                                 .framework_message = on_message,
                                                 .agent_lost = on_agent_lost,
                                                 .executor_lost = on_executor_lost,
                                                 .error = on_error};

/* Fixture */

static void make_driver(struct fixture *f, const struct mesos_scheduler_driver_options *options) {
    char *error = NULL;

    f->driver = mesos_scheduler_driver_new(&callbacks, f, f->framework, f->master.host, options, &error);
    if (f->driver == NULL)
        fail_msg("%s", error);
}

static int setup(void **state) {
    struct fixture *f = calloc(1, sizeof(*f));

    peer_start(&f->master, &mesos__v1__scheduler__call__descriptor, type_of, CALL(SUBSCRIBE));
    diary_init(&f->diary);
    sem_init(&f->entered, 0, 0);
    sem_init(&f->proceed, 0, 0);
    f->framework = mesos_framework_info_new("nobody", "test");
    make_driver(f, NULL);
    *state = f;
    return 0;
}

static int teardown(void **state) {
    struct fixture *f = *state;

    mesos_scheduler_driver_free(f->driver);
    peer_done(&f->master);
    mesos_message_free(f->framework);
    diary_done(&f->diary);
    free(f);
    return 0;
}

static void replace_driver(struct fixture *f, const struct mesos_scheduler_driver_options *options) {
    mesos_scheduler_driver_free(f->driver);
    make_driver(f, options);
}

static void send_event(struct fixture *f, Mesos__V1__Scheduler__Event *event, int type) {
    event->has_type = true;
    event->type = (Mesos__V1__Scheduler__Event__Type)type;
    peer_send(&f->master, &event->base);
}

static void send_subscribed(struct fixture *f, const char *master_id) {
    Mesos__V1__Scheduler__Event event = MESOS__V1__SCHEDULER__EVENT__INIT;
    Mesos__V1__Scheduler__Event__Subscribed subscribed = MESOS__V1__SCHEDULER__EVENT__SUBSCRIBED__INIT;
    Mesos__V1__FrameworkID id = MESOS__V1__FRAMEWORK_ID__INIT;
    Mesos__V1__MasterInfo master = MESOS__V1__MASTER_INFO__INIT;

    id.value = (char *)"F";
    master.id = (char *)(uintptr_t)master_id;
    master.ip = 0x0100007f;
    master.port = 5050;
    subscribed.framework_id = &id;
    subscribed.master_info = &master;
    event.subscribed = &subscribed;
    send_event(f, &event, EVENT(SUBSCRIBED));
}

/* Start, and answer the subscription. Returns the SUBSCRIBE. */
static const Mesos__V1__Scheduler__Call *start(struct fixture *f) {
    const Mesos__V1__Scheduler__Call *call;

    assert_int_equal(mesos_scheduler_driver_start(f->driver), MESOS_DRIVER_RUNNING);
    call = peer_take(&f->master, CALL(SUBSCRIBE));
    send_subscribed(f, "M1");
    diary_expect(&f->diary, f->framework->id == NULL ? "registered F with M1" : "reregistered with M1");
    return call;
}

static void send_update(struct fixture *f, const char *task, int state, const char *uuid) {
    Mesos__V1__Scheduler__Event event = MESOS__V1__SCHEDULER__EVENT__INIT;
    Mesos__V1__Scheduler__Event__Update update = MESOS__V1__SCHEDULER__EVENT__UPDATE__INIT;
    Mesos__V1__TaskStatus status = MESOS__V1__TASK_STATUS__INIT;
    Mesos__V1__TaskID id = MESOS__V1__TASK_ID__INIT;
    Mesos__V1__AgentID agent = MESOS__V1__AGENT_ID__INIT;

    id.value = (char *)(uintptr_t)task;
    agent.value = (char *)"A";
    status.task_id = &id;
    status.agent_id = &agent;
    status.state = (Mesos__V1__TaskState)state;
    if (uuid != NULL) {
        status.has_uuid = true;
        status.uuid = (ProtobufCBinaryData){strlen(uuid), (uint8_t *)(uintptr_t)uuid};
    }
    update.status = &status;
    event.update = &update;
    send_event(f, &event, EVENT(UPDATE));
}

static void send_rescind(struct fixture *f, const char *offer) {
    Mesos__V1__Scheduler__Event event = MESOS__V1__SCHEDULER__EVENT__INIT;
    Mesos__V1__Scheduler__Event__Rescind rescind = MESOS__V1__SCHEDULER__EVENT__RESCIND__INIT;
    Mesos__V1__OfferID id = MESOS__V1__OFFER_ID__INIT;

    id.value = (char *)(uintptr_t)offer;
    rescind.offer_id = &id;
    event.rescind = &rescind;
    send_event(f, &event, EVENT(RESCIND));
}

static void send_error(struct fixture *f, const char *text) {
    Mesos__V1__Scheduler__Event event = MESOS__V1__SCHEDULER__EVENT__INIT;
    Mesos__V1__Scheduler__Event__Error error = MESOS__V1__SCHEDULER__EVENT__ERROR__INIT;

    error.message = (char *)(uintptr_t)text;
    event.error = &error;
    send_event(f, &event, EVENT(ERROR));
}

static void kill_task(struct fixture *f, const char *task) {
    Mesos__V1__TaskID id = MESOS__V1__TASK_ID__INIT;

    id.value = (char *)(uintptr_t)task;
    mesos_scheduler_driver_kill_task(f->driver, &id);
}

/* S: callbacks */

static void s1_registered_comes_once_with_the_masters_id(void **state) {
    struct fixture *f = *state;
    const Mesos__V1__Scheduler__Call *subscribe = start(f);

    assert_null(subscribe->framework_id);
    assert_string_equal(subscribe->subscribe->framework_info->name, "test");
    assert_non_null(subscribe->subscribe->framework_info->hostname);
    peer_cut(&f->master);
    diary_expect(&f->diary, "disconnected");
    subscribe = peer_take(&f->master, CALL(SUBSCRIBE));
    assert_string_equal(subscribe->framework_id->value, "F");
    assert_string_equal(subscribe->subscribe->framework_info->id->value, "F");
    send_subscribed(f, "M1");
    diary_expect(&f->diary, "reregistered with M1");
}

static void s2_a_new_master_gives_reregistered_with_its_own_info(void **state) {
    struct fixture *f = *state;

    start(f);
    peer_die(&f->master);
    diary_expect(&f->diary, "disconnected");
    peer_listen(&f->master);
    peer_take(&f->master, CALL(SUBSCRIBE));
    send_subscribed(f, "M2");
    diary_expect(&f->diary, "reregistered with M2");
}

static void s2_a_scheduler_that_fails_over_gets_reregistered(void **state) {
    struct fixture *f = *state;
    Mesos__V1__FrameworkID id = MESOS__V1__FRAMEWORK_ID__INIT;

    id.value = (char *)"F";
    f->framework->id = mesos_message_copy(&id);
    replace_driver(f, NULL);
    assert_string_equal(start(f)->framework_id->value, "F");
}

static void s6_an_update_is_acknowledged_once_the_callback_has_returned(void **state) {
    struct fixture *f = *state;
    const Mesos__V1__Scheduler__Call__Acknowledge *acknowledge;

    start(f);
    f->hold_update = true;
    send_update(f, "t", MESOS__V1__TASK_STATE__TASK_RUNNING, "0123456789abcdef");
    sem_wait(&f->entered);
    assert_int_equal(peer_count(&f->master, CALL(ACKNOWLEDGE)), 0);
    sem_post(&f->proceed);
    acknowledge = ((Mesos__V1__Scheduler__Call *)peer_take(&f->master, CALL(ACKNOWLEDGE)))->acknowledge;
    assert_string_equal(acknowledge->task_id->value, "t");
    assert_string_equal(acknowledge->agent_id->value, "A");
    assert_memory_equal(acknowledge->uuid.data, "0123456789abcdef", 16);
    diary_expect(&f->diary, "t TASK_RUNNING");
}

static void s6_updates_without_a_uuid_are_not_acknowledged(void **state) {
    struct fixture *f = *state;

    start(f);
    send_update(f, "t", MESOS__V1__TASK_STATE__TASK_LOST, NULL);
    send_update(f, "u", MESOS__V1__TASK_STATE__TASK_RUNNING, "0123456789abcdef");
    assert_string_equal(
        ((Mesos__V1__Scheduler__Call *)peer_take(&f->master, CALL(ACKNOWLEDGE)))->acknowledge->task_id->value, "u");
    assert_int_equal(peer_count(&f->master, CALL(ACKNOWLEDGE)), 1);
}

static void s6_an_abort_in_the_callback_leaves_the_update_unacknowledged(void **state) {
    struct fixture *f = *state;

    start(f);
    f->abort_in_update = true;
    send_update(f, "t", MESOS__V1__TASK_STATE__TASK_RUNNING, "0123456789abcdef");
    assert_int_equal(mesos_scheduler_driver_join(f->driver), MESOS_DRIVER_ABORTED);
    assert_int_equal(peer_count(&f->master, CALL(ACKNOWLEDGE)), 0);
}

static void s6_explicit_acknowledgements_are_the_schedulers(void **state) {
    struct fixture *f = *state;
    Mesos__V1__TaskStatus status = MESOS__V1__TASK_STATUS__INIT;
    Mesos__V1__TaskID id = MESOS__V1__TASK_ID__INIT;
    Mesos__V1__AgentID agent = MESOS__V1__AGENT_ID__INIT;

    replace_driver(f, &(struct mesos_scheduler_driver_options){.explicit_acknowledgements = true});
    start(f);
    send_update(f, "t", MESOS__V1__TASK_STATE__TASK_RUNNING, "0123456789abcdef");
    diary_expect(&f->diary, "t TASK_RUNNING");
    kill_task(f, "fence");
    peer_take(&f->master, CALL(KILL));
    assert_int_equal(peer_count(&f->master, CALL(ACKNOWLEDGE)), 0);
    id.value = (char *)"t";
    agent.value = (char *)"A";
    status.task_id = &id;
    status.agent_id = &agent;
    /* Without a uuid there is nothing to acknowledge. */
    assert_int_equal(mesos_scheduler_driver_acknowledge_status_update(f->driver, &status), MESOS_DRIVER_RUNNING);
    status.has_uuid = true;
    status.uuid = (ProtobufCBinaryData){16, (uint8_t *)"0123456789abcdef"};
    assert_int_equal(mesos_scheduler_driver_acknowledge_status_update(f->driver, &status), MESOS_DRIVER_RUNNING);
    peer_take(&f->master, CALL(ACKNOWLEDGE));
    assert_int_equal(peer_count(&f->master, CALL(ACKNOWLEDGE)), 1);
}

static void s7_messages_arrive_unchanged_even_a_mebibyte(void **state) {
    struct fixture *f = *state;
    Mesos__V1__Scheduler__Event event = MESOS__V1__SCHEDULER__EVENT__INIT;
    Mesos__V1__Scheduler__Event__Message message = MESOS__V1__SCHEDULER__EVENT__MESSAGE__INIT;
    Mesos__V1__ExecutorID executor = MESOS__V1__EXECUTOR_ID__INIT;
    Mesos__V1__AgentID agent = MESOS__V1__AGENT_ID__INIT;
    uint8_t *data = calloc(1, 1 << 20);

    start(f);
    data[(1 << 20) - 1] = 254;
    executor.value = (char *)"E";
    agent.value = (char *)"A";
    message.executor_id = &executor;
    message.agent_id = &agent;
    message.data = (ProtobufCBinaryData){1 << 20, data};
    event.message = &message;
    send_event(f, &event, EVENT(MESSAGE));
    diary_expect(&f->diary, "message of E on A: 1048576 bytes, last 254");
    free(data);
}

static void s8_disconnected_comes_once_for_each_loss(void **state) {
    struct fixture *f = *state;

    start(f);
    peer_die(&f->master);
    diary_expect(&f->diary, "disconnected");
    peer_listen(&f->master);
    /* A subscription that never stood is no connection to be lost. */
    peer_take(&f->master, CALL(SUBSCRIBE));
    peer_cut(&f->master);
    peer_take(&f->master, CALL(SUBSCRIBE));
    send_subscribed(f, "M2");
    diary_expect(&f->diary, "reregistered with M2");
}

static void s9_s10_failures_are_told_as_agents_and_executors_lost(void **state) {
    struct fixture *f = *state;
    Mesos__V1__Scheduler__Event event = MESOS__V1__SCHEDULER__EVENT__INIT;
    Mesos__V1__Scheduler__Event__Failure failure = MESOS__V1__SCHEDULER__EVENT__FAILURE__INIT;
    Mesos__V1__ExecutorID executor = MESOS__V1__EXECUTOR_ID__INIT;
    Mesos__V1__AgentID agent = MESOS__V1__AGENT_ID__INIT;

    start(f);
    executor.value = (char *)"E";
    agent.value = (char *)"A";
    failure.agent_id = &agent;
    event.failure = &failure;
    send_event(f, &event, EVENT(FAILURE));
    diary_expect(&f->diary, "agent lost A");
    failure.executor_id = &executor;
    send_event(f, &event, EVENT(FAILURE));
    diary_expect(&f->diary, "executor lost E on A: -1");
    failure.has_status = true;
    failure.status = 9;
    send_event(f, &event, EVENT(FAILURE));
    diary_expect(&f->diary, "executor lost E on A: 9");
}

static void s11_an_error_aborts_before_it_is_told(void **state) {
    struct fixture *f = *state;

    start(f);
    send_error(f, "Framework has been removed");
    diary_expect(&f->diary, "error Framework has been removed, DRIVER_ABORTED");
    assert_int_equal(mesos_scheduler_driver_join(f->driver), MESOS_DRIVER_ABORTED);
}

static void s11_a_refused_subscription_is_an_error(void **state) {
    struct fixture *f = *state;

    peer_refuse(&f->master, 403);
    assert_int_equal(mesos_scheduler_driver_run(f->driver), MESOS_DRIVER_ABORTED);
    diary_expect(&f->diary, "error 403 Forbidden: refused by the test, DRIVER_ABORTED");
}

static void *stop_driver(void *user) {
    struct fixture *f = user;

    assert_int_equal(mesos_scheduler_driver_stop(f->driver, true), MESOS_DRIVER_STOPPED);
    diary_write(&f->diary, "stop has returned");
    return NULL;
}

static void s12_stop_waits_for_the_callback_that_runs(void **state) {
    struct fixture *f = *state;
    pthread_t stopper;

    start(f);
    f->hold_update = true;
    send_update(f, "t", MESOS__V1__TASK_STATE__TASK_RUNNING, "0123456789abcdef");
    send_update(f, "t", MESOS__V1__TASK_STATE__TASK_FINISHED, "0123456789abcdeF");
    sem_wait(&f->entered);
    assert_int_equal(pthread_create(&stopper, NULL, stop_driver, f), 0);
    while (mesos_scheduler_driver_revive_offers(f->driver, NULL, 0) == MESOS_DRIVER_RUNNING)
        sched_yield();
    sem_post(&f->proceed);
    pthread_join(stopper, NULL);
    diary_expect(&f->diary, "t TASK_RUNNING");
    diary_expect(&f->diary, "stop has returned");
    assert_int_equal(mesos_scheduler_driver_join(f->driver), MESOS_DRIVER_STOPPED);
    assert_int_equal(diary_count(&f->diary), 3);
}

static void s12_stop_in_a_callback_is_the_last_callback(void **state) {
    struct fixture *f = *state;

    start(f);
    f->stop_in_update = true;
    send_update(f, "t", MESOS__V1__TASK_STATE__TASK_RUNNING, "0123456789abcdef");
    send_update(f, "t", MESOS__V1__TASK_STATE__TASK_FINISHED, "0123456789abcdeF");
    assert_int_equal(mesos_scheduler_driver_join(f->driver), MESOS_DRIVER_STOPPED);
    assert_int_equal(diary_count(&f->diary), 2);
}

/* D: calls */

static void d1_calls_before_the_start_change_nothing(void **state) {
    struct fixture *f = *state;

    assert_int_equal(mesos_scheduler_driver_revive_offers(f->driver, NULL, 0), MESOS_DRIVER_NOT_STARTED);
    assert_int_equal(mesos_scheduler_driver_launch_tasks(f->driver, NULL, 0, NULL, 0, NULL), MESOS_DRIVER_NOT_STARTED);
    assert_int_equal(mesos_scheduler_driver_stop(f->driver, false), MESOS_DRIVER_NOT_STARTED);
    assert_int_equal(mesos_scheduler_driver_abort(f->driver), MESOS_DRIVER_NOT_STARTED);
    assert_int_equal(mesos_scheduler_driver_join(f->driver), MESOS_DRIVER_NOT_STARTED);
    start(f);
    kill_task(f, "fence");
    peer_take(&f->master, CALL(KILL));
    assert_int_equal(peer_count(&f->master, CALL(REVIVE)), 0);
}

static void d1_calls_after_the_end_return_how_it_ended(void **state) {
    struct fixture *f = *state;

    start(f);
    assert_int_equal(mesos_scheduler_driver_start(f->driver), MESOS_DRIVER_RUNNING);
    assert_int_equal(mesos_scheduler_driver_stop(f->driver, true), MESOS_DRIVER_STOPPED);
    assert_int_equal(mesos_scheduler_driver_stop(f->driver, false), MESOS_DRIVER_STOPPED);
    assert_int_equal(mesos_scheduler_driver_abort(f->driver), MESOS_DRIVER_STOPPED);
    assert_int_equal(mesos_scheduler_driver_start(f->driver), MESOS_DRIVER_STOPPED);
    assert_int_equal(mesos_scheduler_driver_revive_offers(f->driver, NULL, 0), MESOS_DRIVER_STOPPED);
    assert_int_equal(mesos_scheduler_driver_run(f->driver), MESOS_DRIVER_STOPPED);
}

static void d2_masters_that_can_not_be_understood_are_refused(void **state) {
    static const char *const masters[] = {"", "zk://127.0.0.1:1", "locally:", "127.0.0.1:99999"};
    struct fixture *f = *state;

    for (size_t i = 0; i < sizeof(masters) / sizeof(masters[0]); i++) {
        char *error = NULL;

        assert_null(mesos_scheduler_driver_new(&callbacks, f, f->framework, masters[i], NULL, &error));
        assert_non_null(error);
        assert_int_not_equal(strlen(error), 0);
        free(error);
    }
}

static void d2_a_file_names_the_master(void **state) {
    struct fixture *f = *state;
    char path[] = "/tmp/test_scheduler_driver.XXXXXX", master[64];
    int fd = mkstemp(path);

    assert_int_equal(dprintf(fd, "%s\n", f->master.host), (int)strlen(f->master.host) + 1);
    close(fd);
    mesos_scheduler_driver_free(f->driver);
    snprintf(master, sizeof(master), "file://%s", path);
    f->driver = mesos_scheduler_driver_new(&callbacks, f, f->framework, master, NULL, NULL);
    assert_non_null(f->driver);
    start(f);
    unlink(path);
}

static void d3_stop_unregisters_the_framework(void **state) {
    struct fixture *f = *state;

    start(f);
    kill_task(f, "t"); /* what was asked before is not lost */
    assert_int_equal(mesos_scheduler_driver_stop(f->driver, false), MESOS_DRIVER_STOPPED);
    assert_int_equal(mesos_scheduler_driver_join(f->driver), MESOS_DRIVER_STOPPED);
    assert_int_equal(peer_count(&f->master, CALL(KILL)), 1);
    assert_int_equal(peer_count(&f->master, CALL(TEARDOWN)), 1);
}

static void d3_stop_does_not_hang_on_a_deaf_master(void **state) {
    struct fixture *f = *state;

    start(f);
    peer_set_deaf(&f->master, true);
    mesos_scheduler_driver_stop(f->driver, false);
    assert_int_equal(mesos_scheduler_driver_join(f->driver), MESOS_DRIVER_STOPPED);
}

static void d4_stop_for_a_failover_tells_the_master_nothing(void **state) {
    struct fixture *f = *state;

    start(f);
    assert_int_equal(mesos_scheduler_driver_stop(f->driver, true), MESOS_DRIVER_STOPPED);
    assert_int_equal(mesos_scheduler_driver_join(f->driver), MESOS_DRIVER_STOPPED);
    assert_int_equal(peer_count(&f->master, CALL(TEARDOWN)), 0);
}

static void d4_whoever_takes_over_does_not_overtake_the_last_calls(void **state) {
    struct fixture *f = *state;

    start(f);
    for (int i = 0; i < 20; i++)
        kill_task(f, "t");
    assert_int_equal(mesos_scheduler_driver_stop(f->driver, true), MESOS_DRIVER_STOPPED);
    assert_int_equal(peer_count(&f->master, CALL(KILL)), 20);
}

static void d5_abort_is_told_from_stop(void **state) {
    struct fixture *f = *state;

    start(f);
    assert_int_equal(mesos_scheduler_driver_abort(f->driver), MESOS_DRIVER_ABORTED);
    assert_int_equal(mesos_scheduler_driver_join(f->driver), MESOS_DRIVER_ABORTED);
    /* As in Mesos, an aborted driver can be stopped and says what it was. Its tasks stay. */
    assert_int_equal(mesos_scheduler_driver_stop(f->driver, false), MESOS_DRIVER_ABORTED);
    assert_int_equal(mesos_scheduler_driver_join(f->driver), MESOS_DRIVER_STOPPED);
    assert_int_equal(peer_count(&f->master, CALL(TEARDOWN)), 0);
    replace_driver(f, NULL);
    start(f);
}

static void *abort_driver(void *user) {
    struct fixture *f = user;

    mesos_scheduler_driver_abort(f->driver);
    return NULL;
}

static void d6_join_blocks_until_the_end(void **state) {
    struct fixture *f = *state;
    pthread_t thread;

    start(f);
    assert_int_equal(pthread_create(&thread, NULL, abort_driver, f), 0);
    assert_int_equal(mesos_scheduler_driver_join(f->driver), MESOS_DRIVER_ABORTED);
    pthread_join(thread, NULL);
}

static void d7_d13_d14_calls_carry_what_they_were_given(void **state) {
    struct fixture *f = *state;
    Mesos__V1__Request request = MESOS__V1__REQUEST__INIT, *requests[] = {&request};
    Mesos__V1__AgentID agent = MESOS__V1__AGENT_ID__INIT;
    Mesos__V1__ExecutorID executor = MESOS__V1__EXECUTOR_ID__INIT;
    Mesos__V1__TaskStatus *status = mesos_task_status_new("t", MESOS__V1__TASK_STATE__TASK_RUNNING, NULL);
    const Mesos__V1__Scheduler__Call *call;

    start(f);
    agent.value = (char *)"A";
    executor.value = (char *)"E";
    request.agent_id = &agent;
    mesos_scheduler_driver_request_resources(f->driver, requests, 1);
    call = peer_take(&f->master, CALL(REQUEST));
    assert_string_equal(call->framework_id->value, "F");
    assert_string_equal(call->request->requests[0]->agent_id->value, "A");
    mesos_scheduler_driver_send_framework_message(f->driver, &executor, &agent, "a\0b", 3);
    call = peer_take(&f->master, CALL(MESSAGE));
    assert_int_equal(call->message->data.len, 3);
    assert_memory_equal(call->message->data.data, "a\0b", 3);
    mesos_scheduler_driver_reconcile_tasks(f->driver, (const Mesos__V1__TaskStatus *const *)&status, 1);
    call = peer_take(&f->master, CALL(RECONCILE));
    assert_string_equal(call->reconcile->tasks[0]->task_id->value, "t");
    mesos_scheduler_driver_reconcile_tasks(f->driver, NULL, 0);
    call = peer_take(&f->master, CALL(RECONCILE));
    assert_int_equal(call->reconcile->n_tasks, 0);
    mesos_scheduler_driver_shutdown_executor(f->driver, &executor, &agent);
    call = peer_take(&f->master, CALL(SHUTDOWN));
    assert_string_equal(call->shutdown->executor_id->value, "E");
    mesos_message_free(status);
}

static enum mesos_status launch(struct fixture *f, const char *task_id) {
    Mesos__V1__TaskInfo *task = mesos_task_info_new(task_id, "task", "A", "true", "cpus:1;mem:32", NULL);
    Mesos__V1__OfferID first = MESOS__V1__OFFER_ID__INIT, second = MESOS__V1__OFFER_ID__INIT;
    const Mesos__V1__OfferID *offers[] = {&first, &second};
    Mesos__V1__Filters filters = MESOS__V1__FILTERS__INIT;
    enum mesos_status status;

    first.value = (char *)"O1";
    second.value = (char *)"O2";
    filters.has_refuse_seconds = true;
    filters.refuse_seconds = 7;
    status = mesos_scheduler_driver_launch_tasks(f->driver, offers, 2, (const Mesos__V1__TaskInfo *const *)&task,
                                                 task_id == NULL ? 0 : 1, &filters);
    mesos_message_free(task);
    return status;
}

static void d8_launch_accepts_all_offers_at_once(void **state) {
    struct fixture *f = *state;
    const Mesos__V1__Scheduler__Call__Accept *accept;
    Mesos__V1__OfferID offer = MESOS__V1__OFFER_ID__INIT;
    const Mesos__V1__OfferID *offers[] = {&offer};

    start(f);
    assert_int_equal(launch(f, "t"), MESOS_DRIVER_RUNNING);
    accept = ((Mesos__V1__Scheduler__Call *)peer_take(&f->master, CALL(ACCEPT)))->accept;
    assert_int_equal(accept->n_offer_ids, 2);
    assert_string_equal(accept->offer_ids[1]->value, "O2");
    assert_int_equal(accept->operations[0]->type, MESOS__V1__OFFER__OPERATION__TYPE__LAUNCH);
    assert_string_equal(accept->operations[0]->launch->task_infos[0]->task_id->value, "t");
    assert_true(accept->filters->refuse_seconds == 7);
    /* No tasks: nothing but what is left over. */
    offer.value = (char *)"O3";
    mesos_scheduler_driver_launch_tasks(f->driver, offers, 1, NULL, 0, NULL);
    accept = ((Mesos__V1__Scheduler__Call *)peer_take(&f->master, CALL(ACCEPT)))->accept;
    assert_int_equal(accept->n_operations, 0);
}

static void d8_a_launch_while_disconnected_is_lost_aloud(void **state) {
    struct fixture *f = *state;

    start(f);
    peer_die(&f->master);
    diary_expect(&f->diary, "disconnected");
    launch(f, "t");
    diary_expect(&f->diary, "t TASK_LOST Master disconnected");
    peer_listen(&f->master);
}

static void d8_a_partition_aware_framework_gets_dropped_instead(void **state) {
    struct fixture *f = *state;
    Mesos__V1__FrameworkInfo__Capability capability = MESOS__V1__FRAMEWORK_INFO__CAPABILITY__INIT;
    Mesos__V1__FrameworkInfo__Capability *capabilities[] = {&capability};
    Mesos__V1__FrameworkInfo aware = *f->framework;

    capability.has_type = true;
    capability.type = CAPABILITY(PARTITION_AWARE);
    aware.n_capabilities = 1;
    aware.capabilities = capabilities;
    mesos_message_free(f->framework);
    f->framework = mesos_framework_info_new("nobody", "test");
    mesos_scheduler_driver_free(f->driver);
    aware.name = f->framework->name;
    aware.user = f->framework->user;
    f->driver = mesos_scheduler_driver_new(&callbacks, f, &aware, f->master.host, NULL, NULL);
    start(f);
    peer_die(&f->master);
    diary_expect(&f->diary, "disconnected");
    launch(f, "t");
    diary_expect(&f->diary, "t TASK_DROPPED Master disconnected");
    peer_listen(&f->master);
}

static void d9_operations_keep_their_order(void **state) {
    struct fixture *f = *state;
    Mesos__V1__Offer__Operation reserve = MESOS__V1__OFFER__OPERATION__INIT, create = MESOS__V1__OFFER__OPERATION__INIT;
    const Mesos__V1__Offer__Operation *operations[] = {&reserve, &create};
    Mesos__V1__OfferID offer = MESOS__V1__OFFER_ID__INIT;
    const Mesos__V1__OfferID *offers[] = {&offer};
    const Mesos__V1__Scheduler__Call__Accept *accept;

    start(f);
    offer.value = (char *)"O";
    reserve.has_type = create.has_type = true;
    reserve.type = MESOS__V1__OFFER__OPERATION__TYPE__RESERVE;
    create.type = MESOS__V1__OFFER__OPERATION__TYPE__CREATE;
    mesos_scheduler_driver_accept_offers(f->driver, offers, 1, operations, 2, NULL);
    accept = ((Mesos__V1__Scheduler__Call *)peer_take(&f->master, CALL(ACCEPT)))->accept;
    assert_int_equal(accept->operations[0]->type, MESOS__V1__OFFER__OPERATION__TYPE__RESERVE);
    assert_int_equal(accept->operations[1]->type, MESOS__V1__OFFER__OPERATION__TYPE__CREATE);
}

static void d10_a_kill_while_disconnected_is_dropped(void **state) {
    struct fixture *f = *state;

    start(f);
    peer_die(&f->master);
    diary_expect(&f->diary, "disconnected");
    kill_task(f, "early");
    peer_listen(&f->master);
    peer_take(&f->master, CALL(SUBSCRIBE));
    send_subscribed(f, "M2");
    diary_expect(&f->diary, "reregistered with M2");
    kill_task(f, "late");
    assert_string_equal(((Mesos__V1__Scheduler__Call *)peer_take(&f->master, CALL(KILL)))->kill->task_id->value,
                        "late");
}

static void d11_offers_are_declined_outside_of_callbacks(void **state) {
    struct fixture *f = *state;
    Mesos__V1__OfferID offer = MESOS__V1__OFFER_ID__INIT;
    const Mesos__V1__Scheduler__Call *call;

    start(f);
    send_rescind(f, "O1");
    diary_expect(&f->diary, "rescinded O1");
    offer.value = (char *)"O2";
    mesos_scheduler_driver_decline_offer(f->driver, &offer, NULL);
    call = peer_take(&f->master, CALL(DECLINE));
    assert_string_equal(call->decline->offer_ids[0]->value, "O2");
    assert_null(call->decline->filters);
}

static void d12_suppressed_roles_outlive_the_master(void **state) {
    struct fixture *f = *state;
    const char *roles[] = {"a", "b"};
    const Mesos__V1__Scheduler__Call *call;

    replace_driver(f, &(struct mesos_scheduler_driver_options){.suppressed_roles = roles, .suppressed_role_count = 1});
    call = start(f);
    assert_int_equal(call->subscribe->n_suppressed_roles, 1);
    mesos_scheduler_driver_suppress_offers(f->driver, &roles[1], 1);
    assert_string_equal(((Mesos__V1__Scheduler__Call *)peer_take(&f->master, CALL(SUPPRESS)))->suppress->roles[0], "b");
    mesos_scheduler_driver_revive_offers(f->driver, &roles[0], 1);
    assert_string_equal(((Mesos__V1__Scheduler__Call *)peer_take(&f->master, CALL(REVIVE)))->revive->roles[0], "a");
    peer_cut(&f->master);
    diary_expect(&f->diary, "disconnected");
    call = peer_take(&f->master, CALL(SUBSCRIBE));
    assert_int_equal(call->subscribe->n_suppressed_roles, 1);
    assert_string_equal(call->subscribe->suppressed_roles[0], "b");
}

static void d12_what_changes_while_disconnected_is_told_on_connect(void **state) {
    struct fixture *f = *state;
    const char *role = "a";
    const Mesos__V1__Scheduler__Call *call;

    assert_int_equal(mesos_scheduler_driver_start(f->driver), MESOS_DRIVER_RUNNING);
    peer_take(&f->master, CALL(SUBSCRIBE));
    /* SUBSCRIBE is out, the answer is not. */
    mesos_scheduler_driver_suppress_offers(f->driver, &role, 1);
    kill_task(f, "fence");
    launch(f, "fence");
    diary_expect(&f->diary, "fence TASK_LOST Master disconnected");
    send_subscribed(f, "M1");
    diary_expect(&f->diary, "registered F with M1");
    call = peer_take(&f->master, CALL(UPDATE_FRAMEWORK));
    assert_string_equal(call->update_framework->suppressed_roles[0], "a");
    assert_string_equal(call->update_framework->framework_info->id->value, "F");
}

static void update_framework_needs_the_frameworks_id(void **state) {
    struct fixture *f = *state;
    Mesos__V1__FrameworkID id = MESOS__V1__FRAMEWORK_ID__INIT;
    Mesos__V1__FrameworkInfo changed = *f->framework;
    const Mesos__V1__Scheduler__Call *call;

    start(f);
    id.value = (char *)"F";
    changed.id = &id;
    changed.name = (char *)"renamed";
    mesos_scheduler_driver_update_framework(f->driver, &changed, NULL, 0, NULL);
    call = peer_take(&f->master, CALL(UPDATE_FRAMEWORK));
    assert_string_equal(call->update_framework->framework_info->name, "renamed");
    peer_cut(&f->master);
    diary_expect(&f->diary, "disconnected");
    call = peer_take(&f->master, CALL(SUBSCRIBE));
    assert_string_equal(call->subscribe->framework_info->name, "renamed");
    id.value = (char *)"G";
    mesos_scheduler_driver_update_framework(f->driver, &changed, NULL, 0, NULL);
    diary_expect(&f->diary, "error The FrameworkInfo of an update must have the framework's id F, DRIVER_ABORTED");
}

/* Robustness */

enum { CALLS_OF_EACH = 500 };

struct crowd {
    struct fixture *f;
    atomic_bool done;
};

static void *call_much(void *user) {
    struct crowd *crowd = user;
    const char *role = "a";

    /* No more than a peer that is short of time can read before calls time out. */
    for (unsigned i = 0; !atomic_load(&crowd->done); i++) {
        if (i >= CALLS_OF_EACH) {
            sched_yield();
            continue;
        }
        kill_task(crowd->f, "t");
        mesos_scheduler_driver_suppress_offers(crowd->f->driver, &role, 1);
        mesos_scheduler_driver_revive_offers(crowd->f->driver, NULL, 0);
        launch(crowd->f, "t");
    }
    return NULL;
}

static void calls_from_many_threads_meet_callbacks_and_the_stop(void **state) {
    struct fixture *f = *state;
    struct crowd crowd = {.f = f};
    pthread_t threads[4];

    start(f);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, call_much, &crowd), 0);
    for (size_t i = 0; i < 200; i++)
        send_update(f, "t", MESOS__V1__TASK_STATE__TASK_RUNNING, "0123456789abcdef");
    for (size_t i = 0; i < 200; i++)
        peer_take(&f->master, CALL(ACKNOWLEDGE));
    mesos_scheduler_driver_stop(f->driver, false);
    atomic_store(&crowd.done, true);
    for (size_t i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(mesos_scheduler_driver_join(f->driver), MESOS_DRIVER_STOPPED);
    assert_false(atomic_load(&f->overlap));
}

static size_t entries(const char *path) {
    DIR *directory = opendir(path);
    size_t count = 0;

    while (readdir(directory) != NULL)
        count++;
    closedir(directory);
    return count;
}

static void a_thousand_lives_leave_no_descriptor_and_no_thread(void **state) {
    struct fixture *f = *state;
    size_t descriptors, threads;

    start(f);
    mesos_scheduler_driver_free(f->driver);
    descriptors = entries("/proc/self/fd");
    threads = entries("/proc/self/task");
    for (size_t i = 0; i < 1000; i++) {
        make_driver(f, NULL);
        assert_int_equal(mesos_scheduler_driver_start(f->driver), MESOS_DRIVER_RUNNING);
        if (i % 2 == 0)
            peer_take(&f->master, CALL(SUBSCRIBE));
        peer_forget_calls(&f->master);
        mesos_scheduler_driver_free(f->driver);
    }
    f->driver = NULL;
    assert_int_equal(entries("/proc/self/task"), threads);
    /* The master closes its ends a little later. */
    while (entries("/proc/self/fd") > descriptors)
        sched_yield();
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(s1_registered_comes_once_with_the_masters_id),
        TEST(s2_a_new_master_gives_reregistered_with_its_own_info),
        TEST(s2_a_scheduler_that_fails_over_gets_reregistered),
        TEST(s6_an_update_is_acknowledged_once_the_callback_has_returned),
        TEST(s6_updates_without_a_uuid_are_not_acknowledged),
        TEST(s6_an_abort_in_the_callback_leaves_the_update_unacknowledged),
        TEST(s6_explicit_acknowledgements_are_the_schedulers),
        TEST(s7_messages_arrive_unchanged_even_a_mebibyte),
        TEST(s8_disconnected_comes_once_for_each_loss),
        TEST(s9_s10_failures_are_told_as_agents_and_executors_lost),
        TEST(s11_an_error_aborts_before_it_is_told),
        TEST(s11_a_refused_subscription_is_an_error),
        TEST(s12_stop_waits_for_the_callback_that_runs),
        TEST(s12_stop_in_a_callback_is_the_last_callback),
        TEST(d1_calls_before_the_start_change_nothing),
        TEST(d1_calls_after_the_end_return_how_it_ended),
        TEST(d2_masters_that_can_not_be_understood_are_refused),
        TEST(d2_a_file_names_the_master),
        TEST(d3_stop_unregisters_the_framework),
        TEST(d3_stop_does_not_hang_on_a_deaf_master),
        TEST(d4_stop_for_a_failover_tells_the_master_nothing),
        TEST(d4_whoever_takes_over_does_not_overtake_the_last_calls),
        TEST(d5_abort_is_told_from_stop),
        TEST(d6_join_blocks_until_the_end),
        TEST(d7_d13_d14_calls_carry_what_they_were_given),
        TEST(d8_launch_accepts_all_offers_at_once),
        TEST(d8_a_launch_while_disconnected_is_lost_aloud),
        TEST(d8_a_partition_aware_framework_gets_dropped_instead),
        TEST(d9_operations_keep_their_order),
        TEST(d10_a_kill_while_disconnected_is_dropped),
        TEST(d11_offers_are_declined_outside_of_callbacks),
        TEST(d12_suppressed_roles_outlive_the_master),
        TEST(d12_what_changes_while_disconnected_is_told_on_connect),
        TEST(update_framework_needs_the_frameworks_id),
        TEST(calls_from_many_threads_meet_callbacks_and_the_stop),
        TEST(a_thousand_lives_leave_no_descriptor_and_no_thread),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
