/* SPDX-License-Identifier: Apache-2.0 */
/* The operator API on a real master. The shapes and statuses are those that Apache Mesos 1.11 answers with. */
#include "master/test_http.h"

#include "master/http/document.h"
#include "mesos/v1/master/master.pb-c.h"

static const char json_type[] = "application/json";
static const char protobuf_type[] = "application/x-protobuf";

static void api_start(struct page *page, struct world *world, const char *type, const char *accept, const void *body,
                      size_t size) {
    struct http_header headers[] = {{"Content-Type", type}, {"Accept", accept}};

    page_start(page, world, "POST", "/api/v1", headers, ARRAY_SIZE(headers), body, size);
}

/* Make a call with JSON and get the whole answer. */
static void api_call(struct page *page, struct world *world, const char *body) {
    api_start(page, world, json_type, json_type, body, strlen(body));
    settle(world);
    assert_true(page->is_whole);
}

static unsigned api_status(struct world *world, const char *body) {
    struct page page;
    unsigned status;

    api_call(&page, world, body);
    status = page.status;
    page_done(&page);
    return status;
}

static void assert_call_answers(struct world *world, const char *body, const char *expected) {
    struct page page;

    api_call(&page, world, body);
    assert_int_equal(page.status, 200);
    assert_string_equal(page.type, json_type);
    assert_string_equal(page_text(&page), expected);
    page_done(&page);
}

static void assert_call_shape(struct world *world, const char *body, const char *expected) {
    struct page page;

    api_call(&page, world, body);
    assert_int_equal(page.status, 200);
    assert_shape(page_text(&page), NULL, expected);
    page_done(&page);
}

static struct fake_scheduler *run_task(struct world *world) {
    struct fake_agent *agent = world_add_agent(world, 0);
    struct fake_scheduler *scheduler = world_subscribe(world, 0, SUBSCRIBE_AWARE);
    char offer[100];

    world_run_task(world, scheduler, agent);
    fake_scheduler_take_offer(scheduler, offer);
    return scheduler;
}

/* Queries */

static void small_queries_answer_as_mesos_does(void **state) {
    struct world *world = *state;
    struct page page;

    assert_call_answers(world, "{\"type\":\"GET_HEALTH\"}",
                        "{\"type\":\"GET_HEALTH\",\"get_health\":{\"healthy\":true}}");
    assert_call_answers(world, "{\"type\":\"GET_WEIGHTS\"}", "{\"type\":\"GET_WEIGHTS\"}");
    assert_call_answers(world, "{\"type\":\"GET_QUOTA\"}", "{\"type\":\"GET_QUOTA\",\"get_quota\":{\"status\":{}}}");
    assert_call_answers(world, "{\"type\":\"GET_OPERATIONS\"}", "{\"type\":\"GET_OPERATIONS\",\"get_operations\":{}}");
    assert_call_answers(world, "{\"type\":\"GET_MAINTENANCE_STATUS\"}",
                        "{\"type\":\"GET_MAINTENANCE_STATUS\",\"get_maintenance_status\":{\"status\":{}}}");
    assert_call_answers(world, "{\"type\":\"GET_MAINTENANCE_SCHEDULE\"}",
                        "{\"type\":\"GET_MAINTENANCE_SCHEDULE\",\"get_maintenance_schedule\":{\"schedule\":{}}}");
    assert_call_answers(world, "{\"type\":\"GET_LOGGING_LEVEL\"}",
                        "{\"type\":\"GET_LOGGING_LEVEL\",\"get_logging_level\":{\"level\":0}}");
    assert_call_shape(world, "{\"type\":\"GET_FLAGS\"}", "{type:s,get_flags:{flags:[{name:s,value:s}]}}");
    assert_call_shape(world, "{\"type\":\"GET_METRICS\",\"get_metrics\":{}}",
                      "{type:s,get_metrics:{metrics:[{name:s,value:f}]}}");
    assert_call_shape(world, "{\"type\":\"GET_MASTER\"}",
                      "{type:s,get_master:{master_info:{id:s,ip:i,port:i,pid:s,hostname:s,version:s,address:{"
                      "hostname:s,ip:s,port:i},capabilities:[{type:s}]},start_time:f,elected_time:f}}");
    api_call(&page, world, "{\"type\":\"GET_VERSION\"}");
    assert_non_null(
        strstr(page_text(&page), "\"get_version\":{\"version_info\":{\"version\":\"1.11.0\",\"build_date\""));
    page_done(&page);
}

static void the_logging_level_is_set_for_a_while(void **state) {
    struct world *world = *state;

    assert_int_equal(api_status(world,
                                "{\"type\":\"SET_LOGGING_LEVEL\",\"set_logging_level\":{\"level\":1,\"duration\":"
                                "{\"nanoseconds\":5000000000}}}"),
                     200);
    assert_call_answers(world, "{\"type\":\"GET_LOGGING_LEVEL\"}",
                        "{\"type\":\"GET_LOGGING_LEVEL\",\"get_logging_level\":{\"level\":1}}");
    sim_run_for(world->sim, 6 * SECOND);
    assert_call_answers(world, "{\"type\":\"GET_LOGGING_LEVEL\"}",
                        "{\"type\":\"GET_LOGGING_LEVEL\",\"get_logging_level\":{\"level\":0}}");
}

static void empty_lists_are_shown_but_for_operations(void **state) {
    struct world *world = *state;

#define NO_TASKS "\"get_tasks\":{\"tasks\":[],\"unreachable_tasks\":[],\"completed_tasks\":[]}"
#define NO_EXECUTORS "\"get_executors\":{\"executors\":[]}"
#define NO_FRAMEWORKS "\"get_frameworks\":{\"frameworks\":[],\"completed_frameworks\":[]}"
#define NO_AGENTS "\"get_agents\":{\"agents\":[],\"recovered_agents\":[]}"
    assert_call_answers(world, "{\"type\":\"GET_TASKS\"}", "{\"type\":\"GET_TASKS\"," NO_TASKS "}");
    assert_call_answers(world, "{\"type\":\"GET_EXECUTORS\"}", "{\"type\":\"GET_EXECUTORS\"," NO_EXECUTORS "}");
    assert_call_answers(world, "{\"type\":\"GET_FRAMEWORKS\"}", "{\"type\":\"GET_FRAMEWORKS\"," NO_FRAMEWORKS "}");
    assert_call_answers(world, "{\"type\":\"GET_AGENTS\"}", "{\"type\":\"GET_AGENTS\"," NO_AGENTS "}");
    assert_call_answers(world, "{\"type\":\"GET_STATE\"}",
                        "{\"type\":\"GET_STATE\",\"get_state\":{" NO_TASKS "," NO_EXECUTORS "," NO_FRAMEWORKS
                        "," NO_AGENTS "}}");
}

#define RESOURCE "{name:s,type:s,scalar:{value:f}}"
#define ALLOCATED "{name:s,type:s,scalar:{value:f},allocation_info:{role:s}}"
#define TOTAL "{name:s,type:s,scalar:{value:f},role:s}"
#define USED "{name:s,type:s,scalar:{value:f},role:s,allocation_info:{role:s}}"
#define TASKS_SHAPE \
    "get_tasks:{tasks:[{name:s,task_id:{value:s},framework_id:{value:s},agent_id:{value:s},state:s,resources:" \
    "[" ALLOCATED \
    "],statuses:[{task_id:{value:s},state:s,source:s,agent_id:{value:s},timestamp:f,uuid:s}],status_update_state:s," \
    "status_update_uuid:s}],unreachable_tasks:[],completed_tasks:[]}"
#define OFFER_SHAPE \
    "{id:{value:s},framework_id:{value:s},agent_id:{value:s},hostname:s,url:{scheme:s,address:{hostname:s,ip:s,port:" \
    "i}," \
    "path:s},resources:[" USED "],allocation_info:{role:s}}"
#define FRAMEWORKS_SHAPE \
    "get_frameworks:{frameworks:[{framework_info:{user:s,name:s,id:{value:s},failover_timeout:f,checkpoint:b,roles:[" \
    "s]," \
    "capabilities:[{type:s}]},active:b,connected:b,recovered:b,registered_time:{nanoseconds:i},reregistered_time:{" \
    "nanoseconds:i},offers:[" OFFER_SHAPE "],allocated_resources:[" USED "],offered_resources:[" USED "]," \
    "offer_constraints:{}}],completed_frameworks:[]}"
#define AGENTS_SHAPE \
    "get_agents:{agents:[{agent_info:{hostname:s,port:i,resources:[" RESOURCE \
    "],id:{value:s}},active:b,deactivated:b," \
    "version:s,pid:s,registered_time:{nanoseconds:i},total_resources:[" TOTAL "],allocated_resources:[" USED "]," \
    "offered_resources:[" USED "],capabilities:[{type:s}]}],recovered_agents:[]}"

static void lists_of_a_running_task_have_the_shape_of_mesos(void **state) {
    struct world *world = *state;

    run_task(world);
    assert_call_shape(world, "{\"type\":\"GET_TASKS\"}", "{type:s," TASKS_SHAPE "}");
    assert_call_shape(world, "{\"type\":\"GET_FRAMEWORKS\"}", "{type:s," FRAMEWORKS_SHAPE "}");
    assert_call_shape(world, "{\"type\":\"GET_AGENTS\"}", "{type:s," AGENTS_SHAPE "}");
    assert_call_shape(world, "{\"type\":\"GET_STATE\"}",
                      "{type:s,get_state:{" TASKS_SHAPE ",get_executors:{executors:[]}," FRAMEWORKS_SHAPE
                      "," AGENTS_SHAPE "}}");
    assert_call_shape(world, "{\"type\":\"GET_ROLES\"}",
                      "{type:s,get_roles:{roles:[{name:s,weight:f,frameworks:[{value:s}],resources:[" RESOURCE "]}]}}");
}

/* Make a call in protobuf and return the answer as JSON. */
static char *protobuf_call_as_json(struct world *world, Mesos__V1__Master__Call__Type type) {
    Mesos__V1__Master__Call call = MESOS__V1__MASTER__CALL__INIT;
    Mesos__V1__Master__Response *response;
    struct buffer body = BUFFER_INIT, text = BUFFER_INIT;
    struct error err = ERROR_INIT;
    struct arena arena = ARENA_INIT;
    struct page page;

    call.has_type = true;
    call.type = type;
    MESSAGE_ENCODE(&call, &body);
    api_start(&page, world, protobuf_type, protobuf_type, body.data, body.size);
    settle(world);
    assert_true(page.is_whole);
    assert_int_equal(page.status, 200);
    assert_string_equal(page.type, protobuf_type);
    if (MESSAGE_DECODE(&mesos__v1__master__response__descriptor, page.body.data, page.body.size, &arena, &response,
                       &err) < 0)
        fail_msg("%s", error_message(&err));
    MESSAGE_APPEND_JSON(response, MESSAGE_V1, &text);
    arena_done(&arena);
    buffer_done(&body);
    page_done(&page);
    return buffer_take(&text, NULL);
}

/* JSON shows lists that are empty, which messages cannot tell. */
static void remove_all(char *text, const char *part) {
    char *found;

    while ((found = strstr(text, part)) != NULL)
        memmove(found, found + strlen(part), strlen(found + strlen(part)) + 1);
}

static void protobuf_says_what_json_says(void **state) {
    static const Mesos__V1__Master__Call__Type types[] = {
        MESOS__V1__MASTER__CALL__TYPE__GET_STATE,      MESOS__V1__MASTER__CALL__TYPE__GET_TASKS,
        MESOS__V1__MASTER__CALL__TYPE__GET_FRAMEWORKS, MESOS__V1__MASTER__CALL__TYPE__GET_AGENTS,
        MESOS__V1__MASTER__CALL__TYPE__GET_EXECUTORS,  MESOS__V1__MASTER__CALL__TYPE__GET_ROLES,
        MESOS__V1__MASTER__CALL__TYPE__GET_MASTER,     MESOS__V1__MASTER__CALL__TYPE__GET_VERSION,
    };
    struct world *world = *state;

    run_task(world);
    for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
        char *call = xasprintf("{\"type\":\"%s\"}",
                               message_enum_name(&mesos__v1__master__call__type__descriptor, (int)types[i]));
        char *text = protobuf_call_as_json(world, types[i]);
        struct page page;

        api_call(&page, world, call);
        page_text(&page);
        remove_all(page.body.data, ",\"unreachable_tasks\":[],\"completed_tasks\":[]");
        remove_all(page.body.data, ",\"recovered_agents\":[]");
        remove_all(page.body.data, ",\"completed_frameworks\":[]");
        remove_all(page.body.data, "\"executors\":[]");
        assert_string_equal(page.body.data, text);
        page_done(&page);
        free(call);
        free(text);
    }
}

static void weights_of_the_flag_are_shown(void **state) {
    struct world *world = *state;

    master_free(world->master);
    world->flags.weights = xstrdup("w2=3,w1=2.5");
    world_start_master(world, NULL);
    assert_call_answers(world, "{\"type\":\"GET_WEIGHTS\"}",
                        "{\"type\":\"GET_WEIGHTS\",\"get_weights\":{\"weight_infos\":[{\"weight\":2.5,\"role\":\"w1\"},"
                        "{\"weight\":3.0,\"role\":\"w2\"}]}}");
    assert_page_holds(world, "/weights", "[{\"role\":\"w1\",\"weight\":2.5},{\"role\":\"w2\",\"weight\":3.0}]");
    assert_page_holds(world, "/roles", "{\"name\":\"w1\",\"weight\":2.5,\"quota\"");
}

/* Bad requests */

static void malformed_requests_get_the_status_of_mesos(void **state) {
    static const struct {
        const char *type, *accept, *body;
        size_t size; /* 0: that of the text */
        unsigned status;
    } cases[] = {
        {"application/json; charset=utf-8", "application/json", "{\"type\":\"GET_VERSION\"}", 0, 415},
        {"text/plain", "application/json", "{\"type\":\"GET_VERSION\"}", 0, 415},
        {"application/recordio", "application/json", "23\n{\"type\": \"GET_VERSION\"}", 0, 415},
        {"application/json", "text/html", "{\"type\":\"GET_VERSION\"}", 0, 406},
        {"application/json", "*/*", "{\"type\":\"GET_VERSION\"}", 0, 200},
        {"application/json", "application/x-protobuf", "{\"type\":\"GET_VERSION\"}", 0, 200},
        {"application/json", "application/json", "", 0, 400},
        {"application/json", "application/json", "{", 0, 400},
        {"application/json", "application/json", "[]", 0, 400},
        {"application/json", "application/json", "\"x\"", 0, 400},
        {"application/json", "application/json", "{}", 0, 400},
        {"application/json", "application/json", "{\"type\":1}", 0, 400},
        {"application/json", "application/json", "{\"type\":\"BOGUS\"}", 0, 400},
        {"application/json", "application/json", "{\"type\":\"get_version\"}", 0, 400},
        {"application/json", "application/json", "{\"type\":\"GET_VERSION\",\"zzz\":1}", 0, 200},
        {"application/json", "application/json", "{\"type\":\"UNKNOWN\"}", 0, 501},
        {"application/x-protobuf", "application/json", "\xff\xff\xff", 3, 400},
        {"application/x-protobuf", "application/json", "", 0, 400},
        {"application/x-protobuf", "application/json", "\x08\x03", 2, 200},
    };
    struct world *world = *state;

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct page page;

        api_start(&page, world, cases[i].type, cases[i].accept, cases[i].body,
                  cases[i].size == 0 ? strlen(cases[i].body) : cases[i].size);
        settle(world);
        assert_true(page.is_whole);
        if (page.status != cases[i].status)
            fail_msg("case %zu: %u %s", i, page.status, page_text(&page));
        page_done(&page);
    }
}

static void a_request_without_a_content_type_is_refused(void **state) {
    struct page page;

    page_start(&page, *state, "POST", "/master/api/v1", NULL, 0, "{\"type\":\"GET_VERSION\"}", 22);
    settle(*state);
    assert_int_equal(page.status, 400);
    assert_string_equal(page_text(&page), "Expecting 'Content-Type' to be present");
    page_done(&page);
}

static void only_post_is_allowed(void **state) {
    static const char *const methods[] = {"GET", "HEAD", "PUT", "DELETE"};

    for (size_t i = 0; i < ARRAY_SIZE(methods); i++) {
        struct page page;

        page_start(&page, *state, methods[i], "/api/v1", NULL, 0, NULL, 0);
        settle(*state);
        assert_int_equal(page.status, 405);
        assert_string_equal(page.allow, "POST");
        page_done(&page);
    }
}

static void calls_without_their_part_are_refused(void **state) {
    static const char *const types[] = {
        "GET_METRICS",       "SET_LOGGING_LEVEL", "LIST_FILES",          "READ_FILE",
        "UPDATE_WEIGHTS",    "RESERVE_RESOURCES", "UNRESERVE_RESOURCES", "CREATE_VOLUMES",
        "DESTROY_VOLUMES",   "GROW_VOLUME",       "SHRINK_VOLUME",       "UPDATE_MAINTENANCE_SCHEDULE",
        "START_MAINTENANCE", "STOP_MAINTENANCE",  "DRAIN_AGENT",         "DEACTIVATE_AGENT",
        "REACTIVATE_AGENT",  "UPDATE_QUOTA",      "SET_QUOTA",           "REMOVE_QUOTA",
        "TEARDOWN",          "MARK_AGENT_GONE"};
    struct world *world = *state;

    for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
        char *body = xasprintf("{\"type\":\"%s\"}", types[i]), *expected = xstrdup(types[i]);
        struct page page;

        for (char *c = expected; *c != '\0'; c++)
            *c = (char)tolower((unsigned char)*c);
        api_call(&page, world, body);
        assert_int_equal(page.status, 400);
        assert_non_null(strstr(page_text(&page), expected));
        page_done(&page);
        free(expected);
        free(body);
    }
}

static void calls_that_are_not_there_are_refused_in_words(void **state) {
    static const char *const bodies[] = {
        "{\"type\":\"UPDATE_WEIGHTS\",\"update_weights\":{}}",
        "{\"type\":\"UPDATE_QUOTA\",\"update_quota\":{}}",
        "{\"type\":\"START_MAINTENANCE\",\"start_maintenance\":{}}",
        "{\"type\":\"DRAIN_AGENT\",\"drain_agent\":{\"agent_id\":{\"value\":\"a\"}}}",
        "{\"type\":\"CREATE_VOLUMES\",\"create_volumes\":{\"agent_id\":{\"value\":\"a\"}}}",
    };
    struct world *world = *state;

    for (size_t i = 0; i < ARRAY_SIZE(bodies); i++) {
        struct page page;

        api_call(&page, world, bodies[i]);
        assert_int_equal(page.status, 501);
        assert_non_null(strstr(page_text(&page), "This master"));
        page_done(&page);
    }
}

static void there_are_no_files(void **state) {
    assert_int_equal(api_status(*state, "{\"type\":\"LIST_FILES\",\"list_files\":{\"path\":\"/\"}}"), 404);
    assert_int_equal(api_status(*state, "{\"type\":\"READ_FILE\",\"read_file\":{\"path\":\"/nope\",\"offset\":0}}"),
                     404);
}

/* Changes */

static void teardown_ends_a_framework(void **state) {
    struct world *world = *state;
    struct fake_scheduler *scheduler = world_subscribe(world, 0, SUBSCRIBE_PLAIN);
    char *body = xasprintf("{\"type\":\"TEARDOWN\",\"teardown\":{\"framework_id\":{\"value\":\"%s\"}}}",
                           scheduler->framework_id);

    assert_int_equal(api_status(world, "{\"type\":\"TEARDOWN\",\"teardown\":{\"framework_id\":{\"value\":\"nope\"}}}"),
                     400);
    assert_int_equal(api_status(world, body), 200);
    assert_true(framework_is_completed(world->master, scheduler->framework_id));
    assert_int_equal(api_status(world, body), 400);
    free(body);
}

static unsigned agent_call(struct world *world, const char *type, const char *part, const char *agent_id) {
    char *body = xasprintf("{\"type\":\"%s\",\"%s\":{\"agent_id\":{\"value\":\"%s\"}}}", type, part, agent_id);
    unsigned status = api_status(world, body);

    free(body);
    return status;
}

static void an_agent_is_deactivated_and_reactivated(void **state) {
    struct world *world = *state;
    struct fake_agent *agent = world_add_agent(world, 0);
    struct fake_scheduler *scheduler;
    char offer[100];

    assert_int_equal(agent_call(world, "DEACTIVATE_AGENT", "deactivate_agent", "nope"), 400);
    assert_int_equal(agent_call(world, "REACTIVATE_AGENT", "reactivate_agent", agent->id), 400);
    assert_int_equal(agent_call(world, "DEACTIVATE_AGENT", "deactivate_agent", agent->id), 200);
    assert_int_equal(agent_call(world, "DEACTIVATE_AGENT", "deactivate_agent", agent->id), 200);
    assert_page_holds(world, "/slaves", "\"active\":false,\"deactivated\":true");
    scheduler = world_subscribe(world, 0, SUBSCRIBE_PLAIN);
    sim_run_for(world->sim, 5 * SECOND);
    assert_false(records_hold(&scheduler->records, "\"type\":\"OFFERS\""));
    assert_int_equal(agent_call(world, "REACTIVATE_AGENT", "reactivate_agent", agent->id), 200);
    fake_scheduler_take_offer(scheduler, offer);
}

static void a_gone_agent_takes_its_tasks_along(void **state) {
    struct world *world = *state;
    struct fake_scheduler *scheduler = run_task(world);
    struct fake_agent *agent = &world->agents[0];

    assert_int_equal(agent_call(world, "MARK_AGENT_GONE", "mark_agent_gone", "nope"), 404);
    assert_int_equal(agent_call(world, "MARK_AGENT_GONE", "mark_agent_gone", agent->id), 200);
    assert_non_null(records_take(&scheduler->records, "TASK_GONE_BY_OPERATOR"));
    assert_non_null(records_take(&agent->records, "ShutdownMessage"));
    assert_page_holds(world, "/slaves", "{\"slaves\":[],");
    assert_int_equal(agent_call(world, "MARK_AGENT_GONE", "mark_agent_gone", agent->id), 200);
}

static void an_unreachable_agent_that_is_gone_ends_its_tasks(void **state) {
    struct world *world = *state;
    struct fake_scheduler *scheduler = run_task(world);
    struct fake_agent *agent = &world->agents[0];

    fake_agent_stop(agent);
    sim_run_for(world->sim, 11 * MINUTE);
    assert_non_null(records_take(&scheduler->records, "TASK_UNREACHABLE"));
    assert_int_equal(agent_call(world, "MARK_AGENT_GONE", "mark_agent_gone", agent->id), 200);
    assert_non_null(records_take(&scheduler->records, "TASK_GONE_BY_OPERATOR"));
    assert_page_holds(world, "/frameworks", "\"unreachable_tasks\":[],\"completed_tasks\":[{\"id\":\"t\"");
    assert_page_holds(world, "/state", "\"unreachable_slaves\":0.0");
}

/* Large answers */

static void add_history(struct world *world, const char *id, size_t count) {
    Mesos__V1__FrameworkInfo info = MESOS__V1__FRAMEWORK_INFO__INIT;
    Mesos__V1__FrameworkID framework_id = MESOS__V1__FRAMEWORK_ID__INIT;
    Mesos__V1__TaskID task_id = MESOS__V1__TASK_ID__INIT;
    Mesos__V1__AgentID agent_id = MESOS__V1__AGENT_ID__INIT;
    Mesos__V1__Task message = MESOS__V1__TASK__INIT;
    struct framework *framework;
    char text[30];

    info.user = "u";
    info.name = "history";
    info.id = &framework_id;
    framework_id.value = (char *)id;
    framework = framework_recover(world->master, &info);
    message.name =
        "a task with a name that is long enough to make it large: ..........................................";
    message.task_id = &task_id;
    message.framework_id = &framework_id;
    message.agent_id = &agent_id;
    message.state = MESOS__V1__TASK_STATE__TASK_FINISHED;
    task_id.value = text;
    agent_id.value = "a";
    world->flags.max_completed_tasks_per_framework = (int64_t)count;
    for (size_t i = 0; i < count; i++) {
        snprintf(text, sizeof(text), "t%zu", i);
        framework_add_completed_task(framework, task_new_from_message(&message, framework));
    }
}

static void slices_of_protobuf_are_merged_by_who_reads_them(void **state) {
    struct world *world = *state;
    char *state_text, *tasks_text;

    add_history(world, "f", 20000);
    state_text = protobuf_call_as_json(world, MESOS__V1__MASTER__CALL__TYPE__GET_STATE);
    tasks_text = protobuf_call_as_json(world, MESOS__V1__MASTER__CALL__TYPE__GET_TASKS);
    assert_int_equal(count_of_text(state_text, "\"get_state\":"), 1);
    assert_int_equal(count_of_text(state_text, "\"task_id\":"), 20000);
    assert_int_equal(count_of_text(state_text, "\"framework_info\":"), 1);
    assert_int_equal(count_of_text(tasks_text, "\"task_id\":"), 20000);
    assert_true(strlen(tasks_text) > 3 * DOCUMENT_SLICE_BYTES);
    free(state_text);
    free(tasks_text);
}

/* Event streams */

struct subscription {
    struct page page;
    struct recordio_reader reader;
    struct records records;
    size_t taken; /* bytes of the page given to the reader */
};

static bool on_record(void *user, const char *record, size_t size) {
    records_add(user, xstrndup(record, size));
    return true;
}

/* Read what has come. */
static struct records *subscription_read(struct subscription *subscription) {
    struct buffer *body = &subscription->page.body;

    assert_int_equal(recordio_read(&subscription->reader, body->data + subscription->taken,
                                   body->size - subscription->taken, on_record, &subscription->records, NULL),
                     0);
    subscription->taken = body->size;
    return &subscription->records;
}

static void subscribe(struct subscription *subscription, struct world *world) {
    static const char body[] = "{\"type\":\"SUBSCRIBE\"}";

    *subscription = (struct subscription){.taken = 0};
    recordio_reader_init(&subscription->reader, 1 << 26);
    api_start(&subscription->page, world, json_type, json_type, body, strlen(body));
    settle(world);
    assert_int_equal(subscription->page.status, 200);
}

static void subscription_done(struct subscription *subscription) {
    page_done(&subscription->page);
    recordio_reader_done(&subscription->reader);
    records_done(&subscription->records);
}

static void a_subscriber_gets_the_state_and_then_each_change(void **state) {
    struct world *world = *state;
    struct subscription subscription;
    struct fake_scheduler *scheduler;
    struct records *records;

    subscribe(&subscription, world);
    assert_string_equal(subscription.page.type, json_type);
    records = subscription_read(&subscription);
    assert_int_equal(records->count, 2);
    assert_shape(records->items[0], NULL,
                 "{type:s,subscribed:{get_state:{get_tasks:{tasks:[],unreachable_tasks:[],completed_tasks:[]},"
                 "get_executors:{executors:[]},get_frameworks:{frameworks:[],completed_frameworks:[]},get_agents:{"
                 "agents:[],recovered_agents:[]}},heartbeat_interval_seconds:f}}");
    assert_string_equal(records->items[1], "{\"type\":\"HEARTBEAT\"}");

    scheduler = run_task(world);
    fake_agent_update(&world->agents[0], scheduler->framework_id, "t", "TASK_FINISHED", 2);
    assert_int_equal(fake_scheduler_call(scheduler, "TEARDOWN", "").status, 202);
    records = subscription_read(&subscription);
    assert_non_null(records_take(records, "{\"type\":\"AGENT_ADDED\",\"agent_added\":{\"agent\":{\"agent_info\":"));
    assert_non_null(records_take(records, "{\"type\":\"FRAMEWORK_ADDED\",\"framework_added\":{\"framework\":{"));
    assert_non_null(records_take(records, "{\"type\":\"TASK_ADDED\",\"task_added\":{\"task\":{\"name\":\"t\""));
    assert_non_null(records_take(records, "\"state\":\"TASK_RUNNING\"}}"));
    assert_non_null(records_take(records, "\"state\":\"TASK_FINISHED\"}}"));
    assert_non_null(
        records_take(records, "{\"type\":\"FRAMEWORK_REMOVED\",\"framework_removed\":{\"framework_info\":"));
    assert_int_equal(agent_call(world, "MARK_AGENT_GONE", "mark_agent_gone", world->agents[0].id), 200);
    assert_non_null(records_take(subscription_read(&subscription), "{\"type\":\"AGENT_REMOVED\","));
    sim_run_for(world->sim, 16 * SECOND);
    assert_non_null(records_take(subscription_read(&subscription), "HEARTBEAT"));
    subscription_done(&subscription);
}

static void a_protobuf_subscriber_gets_the_same(void **state) {
    static const char body[] = "{\"type\":\"SUBSCRIBE\"}";
    struct world *world = *state;
    struct arena arena = ARENA_INIT;
    struct page page;
    Mesos__V1__Master__Event *event;
    size_t size, digits;

    run_task(world);
    api_start(&page, world, json_type, protobuf_type, body, strlen(body));
    settle(world);
    assert_string_equal(page.type, protobuf_type);
    size = strtoul(page_text(&page), NULL, 10);
    digits = strcspn(page_text(&page), "\n") + 1;
    assert_int_equal(
        MESSAGE_DECODE(&mesos__v1__master__event__descriptor, page.body.data + digits, size, &arena, &event, NULL), 0);
    assert_int_equal(event->type, MESOS__V1__MASTER__EVENT__TYPE__SUBSCRIBED);
    assert_true(event->subscribed->heartbeat_interval_seconds == 15);
    assert_int_equal(event->subscribed->get_state->get_tasks->n_tasks, 1);
    assert_int_equal(event->subscribed->get_state->get_agents->n_agents, 1);
    arena_done(&arena);
    page_done(&page);
}

static void the_oldest_subscriber_makes_room_for_the_newest(void **state) {
    struct world *world = *state;
    struct subscription subscriptions[3];

    world->flags.max_operator_event_stream_subscribers = 2;
    for (int i = 0; i < 3; i++)
        subscribe(&subscriptions[i], world);
    assert_true(subscriptions[0].page.is_whole);
    assert_false(subscriptions[1].page.is_whole);
    assert_page_holds(world, "/metrics/snapshot", "\"master/operator_event_stream_subscribers\":2.0");
    for (int i = 0; i < 3; i++)
        subscription_done(&subscriptions[i]);
    settle(world);
    assert_page_holds(world, "/metrics/snapshot", "\"master/operator_event_stream_subscribers\":0.0");
    assert_true(list_is_empty(&world->master->observers));
}

static void a_large_state_comes_in_pieces_with_the_changes_after_it(void **state) {
    static const char body[] = "{\"type\":\"SUBSCRIBE\"}";
    struct world *world = *state;
    struct subscription subscription = {.taken = 0};
    struct records *records;

    add_history(world, "f", 20000);
    recordio_reader_init(&subscription.reader, 1 << 26);
    api_start(&subscription.page, world, json_type, json_type, body, strlen(body));
    while (subscription.page.body.size == 0 && sim_step(world->sim))
        ;
    /* The state is on its way; what changes now is told after it. */
    framework_remove(framework_find(world->master, "f"));
    settle(world);
    records = subscription_read(&subscription);
    assert_int_equal(records->count, 3);
    assert_int_equal(count_of_text(records->items[0], "\"task_id\":"), 20000);
    assert_non_null(strstr(records->items[0], "\"frameworks\":[{\"framework_info\""));
    assert_non_null(strstr(records->items[1], "HEARTBEAT"));
    assert_non_null(strstr(records->items[2], "FRAMEWORK_REMOVED"));
    subscription_done(&subscription);
}

static void the_master_can_end_with_subscribers(void **state) {
    struct world *world = *state;
    struct subscription subscription;

    subscribe(&subscription, world);
    master_free(world->master);
    world->master = NULL;
    settle(world);
    assert_null(subscription.page.call);
    subscription_done(&subscription);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        WORLD_TEST(small_queries_answer_as_mesos_does),
        WORLD_TEST(the_logging_level_is_set_for_a_while),
        WORLD_TEST(empty_lists_are_shown_but_for_operations),
        WORLD_TEST(lists_of_a_running_task_have_the_shape_of_mesos),
        WORLD_TEST(protobuf_says_what_json_says),
        WORLD_TEST(weights_of_the_flag_are_shown),
        WORLD_TEST(malformed_requests_get_the_status_of_mesos),
        WORLD_TEST(a_request_without_a_content_type_is_refused),
        WORLD_TEST(only_post_is_allowed),
        WORLD_TEST(calls_without_their_part_are_refused),
        WORLD_TEST(calls_that_are_not_there_are_refused_in_words),
        WORLD_TEST(there_are_no_files),
        WORLD_TEST(teardown_ends_a_framework),
        WORLD_TEST(an_agent_is_deactivated_and_reactivated),
        WORLD_TEST(a_gone_agent_takes_its_tasks_along),
        WORLD_TEST(an_unreachable_agent_that_is_gone_ends_its_tasks),
        WORLD_TEST(slices_of_protobuf_are_merged_by_who_reads_them),
        WORLD_TEST(a_subscriber_gets_the_state_and_then_each_change),
        WORLD_TEST(a_protobuf_subscriber_gets_the_same),
        WORLD_TEST(the_oldest_subscriber_makes_room_for_the_newest),
        WORLD_TEST(a_large_state_comes_in_pieces_with_the_changes_after_it),
        WORLD_TEST(the_master_can_end_with_subscribers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
