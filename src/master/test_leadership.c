/* SPDX-License-Identifier: Apache-2.0 */
/* What a master does by what ZooKeeper says of the leadership, and what it answers while another one leads, or nobody.
 * What is answered is as recorded of Mesos 1.11 and as [Master::Http::redirect] has it. */
#include "election/zookeeper.h"
#include "master/test_http.h"

/* A ZooKeeper that says what the test tells it to. */
struct script {
    struct zookeeper_service service;
    struct zookeeper zookeeper;
    const struct zookeeper_events *events;
    void *user;
    char *path, *credentials, *offer;
    int64_t session_timeout_ns;
    unsigned candidates;
    bool is_open;
};

struct fixture {
    struct world *world;
    struct script script;
    unsigned ends;
    char reason[300];
};

static void script_contend(struct zookeeper *zookeeper, const char *data, size_t size) {
    struct script *script = container_of(zookeeper, struct script, zookeeper);

    script->candidates++;
    free(script->offer);
    script->offer = xstrndup(data, size);
}

static void script_free(struct zookeeper *zookeeper) {
    container_of(zookeeper, struct script, zookeeper)->is_open = false;
}

static struct zookeeper *script_open(struct zookeeper_service *service, struct env *env,
                                     const struct zookeeper_options *options, const struct zookeeper_events *events,
                                     void *user) {
    static const struct zookeeper_ops ops = {.contend = script_contend, .free = script_free};
    struct script *script = container_of(service, struct script, service);

    script->zookeeper.ops = &ops;
    script->events = events;
    script->user = user;
    script->path = xstrdup(options->path);
    script->credentials = xstrdup(options->credentials);
    script->session_timeout_ns = options->session_timeout_ns;
    script->is_open = true;
    return &script->zookeeper;
}

static void say(struct fixture *f, const char *json) {
    f->script.events->on_leader(f->script.user, json, json == NULL ? 0 : strlen(json));
}

/* The first master of the recording. */
static const char other[] =
    "{\"address\":{\"hostname\":\"master1.example\",\"ip\":\"10.0.0.9\",\"port\":5860},\"capabilities\":[{\"type\":"
    "\"AGENT_UPDATE\"},{\"type\":\"AGENT_DRAINING\"},{\"type\":\"QUOTA_V2\"}],\"hostname\":\"master1.example\",\"id\":"
    "\"78374afb-b540-4e51-a403-2a45ad0c8a6a\",\"ip\":150994954,\"pid\":\"master@10.0.0.9:5860\",\"port\":5860,"
    "\"version\":\"1.11.0\"}";

static void on_ended(void *user, const struct error *err) {
    struct fixture *f = user;

    f->ends++;
    snprintf(f->reason, sizeof(f->reason), "%s", error_message(err));
}

static const struct master_events master_events = {.on_ended = on_ended};

static void start(struct fixture *f, const char *zk) {
    struct master_options options = {.http = &master_http_endpoints, .events = &master_events, .user = f};
    struct error err = ERROR_INIT;

    f->world = world_prepare(1, zk);
    options.flags = &f->world->flags;
    f->script.service.open = script_open;
    sim_set_service(f->world->sim, &f->script.service);
    if (master_new(sim_node_env(f->world->master_node), &options, &f->world->master, &err) < 0)
        fail_msg("%s", error_message(&err));
}

static int set_up(void **state) {
    struct fixture *f = new0(struct fixture);

    start(f, "--zk=zk://user:secret@h:2181/mesos");
    *state = f;
    return 0;
}

static int tear_down(void **state) {
    struct fixture *f = *state;

    world_free(f->world);
    assert_false(f->script.is_open);
    free(f->script.path);
    free(f->script.credentials);
    free(f->script.offer);
    free(f);
    return 0;
}

static void expect_answer(struct fixture *f, const char *method, const char *target, unsigned status,
                          const char *location) {
    struct page page;

    page_start(&page, f->world, method, target, NULL, 0, "", 0);
    settle(f->world);
    assert_true(page.is_whole);
    if (page.status != status || strcmp(page.location, location) != 0)
        fail_msg("%s %s: %u to '%s'", method, target, page.status, page.location);
    if (status == 307)
        assert_string_equal(page.length, "0");
    if (status == 503)
        assert_string_equal(page_text(&page), "No leader elected");
    page_done(&page);
}

static void it_contends_with_what_it_is(void **state) {
    struct fixture *f = *state;
    char expected[700];

    assert_int_equal(f->script.candidates, 1);
    assert_string_equal(f->script.path, "/mesos");
    assert_string_equal(f->script.credentials, "user:secret");
    assert_int_equal(f->script.session_timeout_ns, 10 * SECOND);
    snprintf(expected, sizeof(expected),
             "{\"id\":\"%s\",\"ip\":16777226,\"port\":5050,\"pid\":\"master@10.0.0.1:5050\",\"hostname\":\"10.0.0.1\","
             "\"version\":\"1.11.0\",\"address\":{\"hostname\":\"10.0.0.1\",\"ip\":\"10.0.0.1\",\"port\":5050},"
             "\"capabilities\":[{\"type\":\"AGENT_UPDATE\"}]}",
             f->world->master->id);
    assert_string_equal(f->script.offer, expected);
}

static const struct {
    const char *method, *target, *location;
} redirected[] = {
    {"GET", "/state", "/master/state"},
    {"GET", "/master/state", "/master/state"},
    {"GET", "/state?jsonp=a%20b&x=1", "/master/state?jsonp=a%20b&x=1"},
    {"GET", "/state/below", "/master/state/below"},
    {"GET", "/state-summary", "/master/state-summary"},
    {"GET", "/slaves", "/master/slaves"},
    {"GET", "/frameworks", "/master/frameworks"},
    {"GET", "/tasks?limit=1", "/master/tasks?limit=1"},
    {"GET", "/roles", "/master/roles"},
    {"GET", "/quota", "/master/quota"},
    {"GET", "/weights", "/master/weights"},
    {"PUT", "/weights", "/master/weights"},
    {"GET", "/maintenance/schedule", "/master/maintenance/schedule"},
    {"GET", "/maintenance/status", "/master/maintenance/status"},
    {"POST", "/machine/down", "/master/machine/down"},
    {"POST", "/machine/up", "/master/machine/up"},
    {"POST", "/teardown", "/master/teardown"},
    {"POST", "/reserve", "/master/reserve"},
    {"POST", "/unreserve", "/master/unreserve"},
    {"POST", "/create-volumes", "/master/create-volumes"},
    {"POST", "/destroy-volumes", "/master/destroy-volumes"},
    {"POST", "/api/v1", "/master/api/v1"},
    {"POST", "/api/v1/scheduler", "/master/api/v1/scheduler"},
    {"POST", "/master/api/v1/scheduler", "/master/api/v1/scheduler"},
    /* Methods are the leader's business. */
    {"GET", "/api/v1", "/master/api/v1"},
    {"DELETE", "/teardown", "/master/teardown"},
    {"GET", "/redirect", ""},
    {"GET", "/master/redirect", ""},
};

static void others_requests_go_to_the_leader(void **state) {
    struct fixture *f = *state;
    char location[200];

    say(f, other);
    for (size_t i = 0; i < ARRAY_SIZE(redirected); i++) {
        snprintf(location, sizeof(location), "//master1.example:5860%s", redirected[i].location);
        expect_answer(f, redirected[i].method, redirected[i].target, 307, location);
    }
    expect_answer(f, "GET", "/redirect/again", 404, "");
    expect_answer(f, "GET", "/master/redirect/again", 404, "");
}

static void without_a_leader_there_is_no_service(void **state) {
    struct fixture *f = *state;

    for (size_t i = 0; i < ARRAY_SIZE(redirected); i++)
        expect_answer(f, redirected[i].method, redirected[i].target, 503, "");
    say(f, other);
    expect_answer(f, "GET", "/state", 307, "//master1.example:5860/master/state");
    say(f, NULL);
    expect_answer(f, "GET", "/state", 503, "");
    assert_int_equal(f->ends, 0);
}

static void a_master_says_of_itself_who_it_is(void **state) {
    static const char *const own[] = {"/health",       "/master/health",    "/version", "/flags",
                                      "/master/flags", "/metrics/snapshot", "/help"};
    struct fixture *f = *state;

    say(f, other);
    for (size_t i = 0; i < ARRAY_SIZE(own); i++)
        expect_answer(f, "GET", own[i], 200, "");
    assert_page_holds(f->world, "/flags", "\"zk_session_timeout\":\"10secs\"");
    assert_page_holds(f->world, "/metrics/snapshot", "\"master/elected\":0.0,");
}

static void the_elected_master_serves(void **state) {
    struct fixture *f = *state;
    char text[200];

    sim_run_for(f->world->sim, 7 * SECOND);
    say(f, f->script.offer);
    expect_answer(f, "GET", "/redirect", 307, "//10.0.0.1:5050");
    expect_answer(f, "GET", "/redirect/again", 404, "");
    assert_page_holds(f->world, "/metrics/snapshot", "\"master/elected\":1.0,");
    assert_page_holds(f->world, "/state", "\"leader\":\"master@10.0.0.1:5050\"");
    snprintf(text, sizeof(text), "\"leader_info\":{\"id\":\"%s\"", f->world->master->id);
    assert_page_holds(f->world, "/state", text);
    assert_page_holds(f->world, "/state", "\"start_time\":1767225600.0,\"elected_time\":1767225607.0,");
    /* ZooKeeper was away for a moment. */
    say(f, f->script.offer);
    assert_int_equal(f->ends, 0);
}

static void messages_to_others_are_dropped(void **state) {
    struct fixture *f = *state;
    struct fake_agent *agent;

    say(f, other);
    agent = world_add_process(f->world, 0, "slave(1)");
    fake_agent_send_json(agent, &mesos__internal__register_slave_message__descriptor,
                         "{\"slave\":{\"hostname\":\"h\",\"port\":5051," AGENT_RESOURCES "}," AGENT_CAPABILITIES "}");
    settle(f->world);
    assert_false(records_hold(&agent->records, "SlaveRegisteredMessage"));
    assert_page_holds(f->world, "/metrics/snapshot", "\"master/dropped_messages\":1.0,");
    assert_page_holds(f->world, "/metrics/snapshot", "\"master/messages_register_slave\":0.0,");
    say(f, f->script.offer);
    fake_agent_send_json(agent, &mesos__internal__register_slave_message__descriptor,
                         "{\"slave\":{\"hostname\":\"h\",\"port\":5051," AGENT_RESOURCES "}," AGENT_CAPABILITIES "}");
    settle(f->world);
    assert_true(records_hold(&agent->records, "SlaveRegisteredMessage"));
}

/* Reconcile the task t, and return what is said of it; NULL: nothing. @more: its agent, or "". */
static const char *reconcile(struct fake_scheduler *scheduler, const char *more) {
    records_clear(&scheduler->records);
    fake_scheduler_call(scheduler, "RECONCILE", "\"reconcile\":{\"tasks\":[{\"task_id\":{\"value\":\"t\"}%s}]}", more);
    settle(scheduler->world);
    return records_take(&scheduler->records, "\"task_id\":{\"value\":\"t\"}");
}

static void expect_unknown(struct fake_scheduler *scheduler, const char *more) {
    const char *event = reconcile(scheduler, more);

    assert_non_null(event);
    assert_non_null(strstr(event, "TASK_UNKNOWN"));
}

#define EARLIER "78374afb-b540-4e51-a403-2a45ad0c8a6a"
#define EARLIER_AGENT ",\"agent_id\":{\"value\":\"" EARLIER "-S12\"}"

static void nothing_is_said_of_what_may_come_back(void **state) {
    struct fixture *f = *state;
    struct fake_scheduler *scheduler, *fresh;
    char own_agent[100];

    say(f, f->script.offer);
    snprintf(own_agent, sizeof(own_agent), ",\"agent_id\":{\"value\":\"%s-S12\"}", f->world->master->id);
    scheduler = world_subscribe(f->world, 0,
                                "{\"type\":\"SUBSCRIBE\",\"framework_id\":{\"value\":\"" EARLIER
                                "-0000\"},\"subscribe\":{\"framework_info\":{\"user\":\"root\",\"name\":\"a\",\"id\":{"
                                "\"value\":\"" EARLIER "-0000\"},\"capabilities\":[{\"type\":\"PARTITION_AWARE\"}]}}}");
    assert_null(reconcile(scheduler, ""));
    assert_null(reconcile(scheduler, EARLIER_AGENT));
    expect_unknown(scheduler, own_agent);
    fake_scheduler_call(scheduler, "RECONCILE_OPERATIONS",
                        "\"reconcile_operations\":{\"operations\":[{\"operation_id\":{\"value\":\"o\"}" EARLIER_AGENT
                        "}]}");
    settle(f->world);
    assert_non_null(records_take(&scheduler->records, "OPERATION_RECOVERING"));
    /* What has come under this leader has nothing from before. */
    fresh = world_subscribe(f->world, 1, SUBSCRIBE_AWARE);
    expect_unknown(fresh, "");
    expect_unknown(fresh, EARLIER_AGENT);
    sim_run_for(f->world->sim, 10 * MINUTE);
    expect_unknown(scheduler, "");
    expect_unknown(scheduler, EARLIER_AGENT);
}

static void expect_end(struct fixture *f, const char *reason) {
    assert_int_equal(f->ends, 1);
    if (strstr(f->reason, reason) == NULL)
        fail_msg("%s", f->reason);
    /* It serves nobody any more, whatever comes. */
    say(f, f->script.offer);
    expect_answer(f, "GET", "/state", 503, "");
    assert_page_holds(f->world, "/metrics/snapshot", "\"master/elected\":0.0,");
    assert_int_equal(f->ends, 1);
}

static void a_leader_ends_when_another_one_leads(void **state) {
    struct fixture *f = *state;

    say(f, f->script.offer);
    say(f, other);
    expect_end(f, "another master has taken over");
}

static void a_leader_ends_when_nobody_leads(void **state) {
    struct fixture *f = *state;

    say(f, f->script.offer);
    say(f, NULL);
    expect_end(f, "leadership is lost");
}

static void a_leader_ends_with_its_session(void **state) {
    struct fixture *f = *state;

    say(f, f->script.offer);
    f->script.events->on_candidate_lost(f->script.user);
    assert_int_equal(f->script.candidates, 1);
    expect_end(f, "session or the znode");
}

static void others_contend_again(void **state) {
    struct fixture *f = *state;

    say(f, other);
    f->script.events->on_candidate_lost(f->script.user);
    assert_int_equal(f->script.candidates, 2);
    assert_int_equal(f->ends, 0);
    say(f, f->script.offer);
    expect_answer(f, "GET", "/state", 200, "");
}

static void who_can_not_contend_ends(void **state) {
    struct fixture *f = *state;
    struct error err = ERROR_INIT;

    error_set(&err, 0, "no rights");
    f->script.events->on_refused(f->script.user, &err);
    error_done(&err);
    expect_end(f, "no part can be taken in the election: no rights");
}

static void a_leader_that_can_not_be_read_is_an_end(void **state) {
    struct fixture *f = *state;

    say(f, "{\"port\":");
    expect_end(f, "what the leading master has written into ZooKeeper can not be read");
}

#define REGION(name) "\"domain\":{\"fault_domain\":{\"region\":{\"name\":\"" name "\"},\"zone\":{\"name\":\"z\"}}}"

static void masters_are_in_one_region(void **state) {
    struct fixture *f = *state;
    struct arena *arena = &f->world->master->arena;
    struct error err = ERROR_INIT;
    static const char own[] = "{\"fault_domain\":{\"region\":{\"name\":\"a\"},\"zone\":{\"name\":\"y\"}}}";

    assert_int_equal(message_parse_json(&mesos__v1__domain_info__descriptor, own, strlen(own), MESSAGE_V1, arena,
                                        (ProtobufCMessage **)(void *)&f->world->master->info->domain, &err),
                     0);
    say(f, "{\"id\":\"i\",\"ip\":1,\"port\":5050,\"hostname\":\"h\"," REGION("a") "}");
    assert_int_equal(f->ends, 0);
    say(f, "{\"id\":\"i\",\"ip\":1,\"port\":5050,\"hostname\":\"h\"," REGION("b") "}");
    expect_end(f, "is in region 'b', this one in 'a'");
}

static void expect_flag_refused(const char *flag, const char *reason) {
    struct world *world = world_prepare(1, flag);
    struct master_options options = {.flags = &world->flags};
    struct error err = ERROR_INIT;

    assert_int_equal(master_new(sim_node_env(world->master_node), &options, &world->master, &err), -1);
    if (strstr(error_message(&err), reason) == NULL)
        fail_msg("%s: %s", flag, error_message(&err));
    error_done(&err);
    world_free(world);
}

static void the_flag_names_zookeeper(void **state) {
    expect_flag_refused("--zk=", "--zk");
    expect_flag_refused("--zk=h:5050", "'h:5050' names no ZooKeeper");
    expect_flag_refused("--zk=zk://h:2181", "no path");
    expect_flag_refused("--zk=zk://h:2181/", "no path");
    expect_flag_refused("--zk=file:///nowhere", "/nowhere");
    expect_flag_refused("--zk=zk://h:2181/mesos", "no ZooKeeper in this simulated world");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(it_contends_with_what_it_is),
        TEST(others_requests_go_to_the_leader),
        TEST(without_a_leader_there_is_no_service),
        TEST(a_master_says_of_itself_who_it_is),
        TEST(the_elected_master_serves),
        TEST(messages_to_others_are_dropped),
        TEST(nothing_is_said_of_what_may_come_back),
        TEST(a_leader_ends_when_another_one_leads),
        TEST(a_leader_ends_when_nobody_leads),
        TEST(a_leader_ends_with_its_session),
        TEST(others_contend_again),
        TEST(who_can_not_contend_ends),
        TEST(a_leader_that_can_not_be_read_is_an_end),
        TEST(masters_are_in_one_region),
        cmocka_unit_test(the_flag_names_zookeeper),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
