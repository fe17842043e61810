/* SPDX-License-Identifier: Apache-2.0 */
/* What the agent answers to calls of the executor API and the agent API: statuses and texts as a Mesos 1.11 agent gives
 * them. */
#include "agent/http/executor_api.h"
#include "agent/test_cluster.h"
#include "net/http_client.h"

struct reply {
    unsigned status;
    char body[4096];
    bool is_done;
};

static void on_done(struct http_call *call, const struct http_response *response, const struct error *err, void *user) {
    struct reply *reply = user;

    reply->is_done = true;
    if (response == NULL)
        return;
    reply->status = response->status;
    snprintf(reply->body, sizeof(reply->body), "%.*s", (int)response->body_size, response->body);
}

struct request {
    const char *method, *target, *content_type, *accept, *body;
    size_t size; /* of the body; 0: it is text */
};

static struct reply ask(struct cluster *cluster, const struct request *request) {
    static const struct http_call_events events = {.on_done = on_done};
    struct http_client *client = http_client_new(sim_node_env(cluster->executor_node));
    struct http_header headers[2];
    struct reply reply = {0};
    struct http_call_options options = {
        .method = request->method != NULL ? request->method : "POST",
        .target = request->target != NULL ? request->target : "/slave(1)/api/v1/executor",
        .headers = headers,
        .body = request->body,
        .body_size = request->size > 0       ? request->size
                     : request->body != NULL ? strlen(request->body)
                                             : 0,
    };

    if (request->content_type != NULL)
        headers[options.header_count++] = (struct http_header){"Content-Type", request->content_type};
    if (request->accept != NULL)
        headers[options.header_count++] = (struct http_header){"Accept", request->accept};
    http_client_call(client, &cluster->agent_address, &options, &events, &reply);
    run_for(cluster, SECOND);
    http_client_free(client);
    return reply;
}

#define JSON "application/json"
#define PROTOBUF "application/x-protobuf"

static struct reply ask_json(struct cluster *cluster, const char *body) {
    return ask(cluster, &(struct request){.content_type = JSON, .accept = JSON, .body = body});
}

static void expect(const struct reply *reply, unsigned status, const char *text) {
    assert_true(reply->is_done);
    if (reply->status != status || strstr(reply->body, text) == NULL)
        fail_msg("%u '%s' instead of %u '%s'", reply->status, reply->body, status, text);
}

static void wrong_media_types_and_bodies_are_refused(void **state) {
    struct cluster *cluster = cluster_new(1);
    const struct {
        struct request request;
        unsigned status;
        const char *text;
    } cases[] = {
        {{.method = "GET"}, 405, "Expecting one of { 'POST' }, but received 'GET'"},
        {{.method = "DELETE"}, 405, "DELETE"},
        {{.body = "{}"}, 400, "Expecting 'Content-Type' to be present"},
        {{.content_type = "text/plain", .body = "{}"}, 415, "Expecting 'Content-Type' of " JSON " or " PROTOBUF},
        {{.content_type = JSON "; charset=utf-8", .body = "{}"}, 415, "Expecting 'Content-Type'"},
        {{.content_type = "application/recordio", .body = "2\n{}"}, 415, "Expecting 'Content-Type'"},
        {{.content_type = JSON, .body = "{\"type\":"}, 400, "Failed to parse body into JSON"},
        {{.content_type = JSON}, 400, "Failed to parse body into JSON"},
        {{.content_type = JSON, .body = "[]"}, 400, "Failed to convert JSON into Call protobuf"},
        {{.content_type = JSON, .body = "\"x\""}, 400, "Failed to convert JSON into Call protobuf"},
        {{.content_type = JSON, .body = "{\"type\":1}"}, 400, "Failed to convert JSON into Call protobuf"},
        {{.content_type = JSON, .body = "{\"type\":\"SUBSCRIBE\"}"}, 400, "executor_id, framework_id"},
        {{.content_type = PROTOBUF, .body = "\xff\xff\xff"}, 400, "Failed to parse body into Call protobuf"},
        {{.content_type = PROTOBUF}, 400, "Failed to parse body into Call protobuf"},
        {{.target = "/api/v1/executor", .content_type = JSON, .body = "[]"}, 400, "Failed to convert JSON"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        const struct reply reply = ask(cluster, &cases[i].request);

        expect(&reply, cases[i].status, cases[i].text);
    }
    cluster_free(cluster);
}

#define IDS "\"executor_id\":{\"value\":\"e\"},\"framework_id\":{\"value\":\"" FRAMEWORK_ID "\"}"
#define UPDATE(rest) "{\"type\":\"UPDATE\"," IDS ",\"update\":{\"status\":{\"task_id\":{\"value\":\"t\"}," rest "}}}"
#define CHECKED(type) \
    UPDATE("\"state\":\"TASK_RUNNING\",\"source\":\"SOURCE_EXECUTOR\",\"check_status\":{\"type\":\"" type "\"}," UUID)
#define UUID "\"uuid\":\"TeYARP5xSxKQ5hvURUHxzA==\""

static void calls_that_make_no_sense_are_refused(void **state) {
    static const struct {
        const char *body, *text;
        unsigned status;
    } cases[] = {
        {"{\"type\":\"SUBSCRIBE\"," IDS "}", "Expecting 'subscribe' to be present", 400},
        {"{\"type\":\"MESSAGE\"," IDS "}", "Expecting 'message' to be present", 400},
        {"{\"type\":\"UPDATE\"," IDS "}", "Expecting 'update' to be present", 400},
        {"{\"type\":\"SUBSCRIBE\",\"executor_id\":{\"value\":\"e\"},\"framework_id\":{\"value\":\"f\"},\"subscribe\":{}"
         "}",
         "Framework cannot be found", 400},
        {"{\"type\":\"MESSAGE\",\"executor_id\":{\"value\":\"x\"},\"framework_id\":{\"value\":\"" FRAMEWORK_ID
         "\"},\"message\":{\"data\":\"aGk=\"}}",
         "Executor cannot be found", 400},
        {"{\"type\":\"MESSAGE\"," IDS ",\"message\":{\"data\":\"aGk=\"}}", "Executor is not subscribed", 403},
        {UPDATE("\"state\":\"TASK_RUNNING\",\"source\":\"SOURCE_EXECUTOR\""), "Expecting 'uuid' to be present", 400},
        {UPDATE("\"state\":\"TASK_RUNNING\",\"source\":\"SOURCE_EXECUTOR\",\"uuid\":\"aGk=\""), "Not a valid UUID",
         400},
        {UPDATE("\"state\":\"TASK_RUNNING\",\"source\":\"SOURCE_EXECUTOR\",\"uuid\":\"AAAAAAAAAAAAAAAAAAAAAA==\""),
         "Not a valid UUID", 400},
        {UPDATE("\"state\":\"TASK_RUNNING\",\"source\":\"SOURCE_MASTER\"," UUID),
         "with invalid source, expecting 'SOURCE_EXECUTOR'", 400},
        {UPDATE("\"state\":\"TASK_STAGING\",\"source\":\"SOURCE_EXECUTOR\"," UUID), "which is not allowed", 400},
        {UPDATE("\"state\":\"TASK_RUNNING\",\"source\":\"SOURCE_EXECUTOR\",\"executor_id\":{\"value\":\"zz\"}," UUID),
         "ExecutorID in Call: e does not match ExecutorID in TaskStatus: zz", 400},
        {UPDATE("\"state\":\"TASK_RUNNING\",\"source\":\"SOURCE_EXECUTOR\",\"check_status\":{}," UUID),
         "CheckStatusInfo must specify 'type'", 400},
        {CHECKED("COMMAND"), "Expecting 'command' to be set for COMMAND check's status", 400},
        {CHECKED("HTTP"), "Expecting 'http' to be set for HTTP check's status", 400},
        {CHECKED("TCP"), "Expecting 'tcp' to be set for TCP check's status", 400},
        {CHECKED("UNKNOWN"), "'UNKNOWN' is not a valid check's status type", 400},
    };
    struct cluster *cluster = cluster_new(2);

    run_task(cluster, &(struct task_options){.id = "t", .executor_id = "e"});
    run_for(cluster, 100 * MILLISECOND);
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        const struct reply reply = ask_json(cluster, cases[i].body);

        expect(&reply, cases[i].status, cases[i].text);
    }
    assert_int_equal(count_received(cluster, "StatusUpdateMessage"), 0);
    cluster_free(cluster);
}

static void a_subscription_needs_a_format_that_we_have(void **state) {
    struct cluster *cluster = cluster_new(3);
    const struct reply reply = ask(cluster,
                                   &(struct request){.content_type = JSON,
                                                     .accept = "text/html",
                                                     .body = "{\"type\":\"SUBSCRIBE\"," IDS ",\"subscribe\":{}}"});

    expect(&reply, 406, "Expecting 'Accept' to allow");
    cluster_free(cluster);
}

static void a_second_subscription_closes_the_first(void **state) {
    struct cluster *cluster = cluster_new(4);
    struct test_executor first, second;

    run_task(cluster, &(struct task_options){.id = "t", .executor_id = "e", .checkpoint = true});
    run_for(cluster, SECOND);
    executor_start(&first, cluster, fake_last(cluster));
    run_for(cluster, SECOND);
    executor_update(&first, "t", TASK_RUNNING);
    run_for(cluster, SECOND);
    executor_start(&second, cluster, fake_last(cluster));
    run_for(cluster, 100 * MILLISECOND);
    assert_int_equal(second.subscribed, 1);
    assert_false(executor_client_is_subscribed(first.client));
    executor_end(&first);
    kill_task(cluster, "t");
    run_for(cluster, SECOND);
    assert_int_equal(second.kills, 1);
    executor_end(&second);
    cluster_free(cluster);
}

static void an_executor_of_an_ended_framework_is_told_to_shut_down(void **state) {
    struct cluster *cluster = cluster_new(5);
    struct test_executor executor;

    run_task(cluster, &(struct task_options){.id = "t", .executor_id = "e"});
    run_for(cluster, SECOND);
    shutdown_framework(cluster);
    run_for(cluster, 100 * MILLISECOND);
    executor_start(&executor, cluster, fake_last(cluster));
    run_for(cluster, SECOND);
    assert_int_equal(executor.subscribed, 0);
    assert_true(executor.shutdowns >= 1); /* this one comes again and again */
    executor_end(&executor);
    cluster_free(cluster);
}

/* The agent API */

static struct reply ask_agent(struct cluster *cluster, const char *body) {
    return ask(cluster,
               &(struct request){.target = "/slave(1)/api/v1", .content_type = JSON, .accept = JSON, .body = body});
}

static void queries_are_answered(void **state) {
    static const struct {
        const char *body, *text;
        unsigned status;
    } cases[] = {
        {"{\"type\":\"GET_HEALTH\"}", "{\"type\":\"GET_HEALTH\",\"get_health\":{\"healthy\":true}}", 200},
        {"{\"type\":\"GET_VERSION\",\"zzz\":1}", "\"version\":\"1.11.0\"", 200},
        {"{\"type\":\"GET_AGENT\"}", "\"id\":{\"value\":\"" AGENT_ID "\"}", 200},
        {"{\"type\":\"GET_TASKS\"}", "\"launched_tasks\":[{\"name\":\"t\"", 200},
        {"{\"type\":\"GET_EXECUTORS\"}", "\"executor_id\":{\"value\":\"e\"}", 200},
        {"{\"type\":\"GET_FRAMEWORKS\"}", "\"id\":{\"value\":\"" FRAMEWORK_ID "\"}", 200},
        {"{\"type\":\"GET_CONTAINERS\"}", "\"executor_pid\":4711", 200},
        {"{\"type\":\"GET_METRICS\",\"get_metrics\":{}}", "{\"name\":\"slave/tasks_", 200},
        {"{\"type\":\"GET_METRICS\",\"get_metrics\":{}}",
         "{\"name\":\"containerizer/fetcher/task_fetches_failed\",\"value\":2", 200},
        {"{\"type\":\"GET_OPERATIONS\"}", "{\"type\":\"GET_OPERATIONS\",\"get_operations\":{}}", 200},
        {"{\"type\":\"GET_METRICS\"}", "Expecting 'get_metrics' to be present", 400},
        {"{}", "Failed to validate agent::Call: Expecting 'type' to be present", 400},
        {"{\"type\":\"BOGUS\"}", "Failed to validate agent::Call: Expecting 'type' to be present", 400},
        {"{\"type\":\"UNKNOWN\"}", "", 501},
        {"{\"type\":", "Failed to parse body into JSON", 400},
        {"[]", "xpected an object", 400},
        {"{\"type\":\"PRUNE_IMAGES\"}", "", 200},
    };
    struct cluster *cluster = cluster_new(10);
    struct test_executor executor;

    run_task(cluster, &(struct task_options){.id = "t", .executor_id = "e"});
    run_for(cluster, SECOND);
    executor_start(&executor, cluster, fake_last(cluster));
    run_for(cluster, SECOND);
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        const struct reply reply = ask_agent(cluster, cases[i].body);

        expect(&reply, cases[i].status, cases[i].text);
    }
    executor_end(&executor);
    cluster_free(cluster);
}

static void state_shows_what_runs(void **state) {
    struct cluster *cluster = cluster_new(11);
    struct reply reply;

    run_task(cluster, &(struct task_options){.id = "t", .executor_id = "e"});
    run_for(cluster, SECOND);
    reply = ask(cluster, &(struct request){.method = "GET", .target = "/slave(1)/state"});
    expect(&reply, 200, "\"id\":\"" AGENT_ID "\"");
    expect(&reply, 200, "\"pid\":\"slave(1)@10.0.0.2:5051\"");
    expect(&reply, 200, "\"unreserved_resources_full\":[{");
    reply = ask(cluster, &(struct request){.method = "GET", .target = "/state?jsonp=cb"});
    assert_memory_equal(reply.body, "cb(", 3);
    reply = ask(cluster, &(struct request){.method = "GET", .target = "/monitor/statistics"});
    expect(&reply, 200, "\"executor_id\":\"e\"");
    reply = ask(cluster, &(struct request){.method = "GET", .target = "/containers"});
    expect(&reply, 200, "\"container_id\":{\"value\":");
    reply = ask(cluster, &(struct request){.method = "POST", .target = "/state", .body = ""});
    assert_int_equal(reply.status, 405);
    cluster_free(cluster);
}

#define NESTED(type, part, rest) \
    "{\"type\":\"" type "\",\"" part "\":{\"container_id\":{\"value\":\"n\",\"parent\":{\"value\":\"%s\"}}" rest "}}"

static struct reply ask_nested(struct cluster *cluster, const char *format, const char *parent) {
    cleanup_free char *body = NULL;
    const char *hole = strstr(format, "%s");

    body = xasprintf("%.*s%s%s", (int)(hole - format), format, parent, hole + 2);
    return ask_agent(cluster, body);
}

static void a_nested_container_is_launched_waited_for_and_removed(void **state) {
    struct cluster *cluster = cluster_new(12);
    const char *launch = NESTED("LAUNCH_NESTED_CONTAINER", "launch_nested_container",
                                ",\"command\":{\"value\":\"true\"}");
    const char *wait = NESTED("WAIT_NESTED_CONTAINER", "wait_nested_container", "");
    const char *remove = NESTED("REMOVE_CONTAINER", "remove_container", "");
    const char *kill = NESTED("KILL_CONTAINER", "kill_container", ",\"signal\":15");
    struct fake_container *parent;
    struct reply reply;

    run_task(cluster, &(struct task_options){.id = "t", .executor_id = "e"});
    run_for(cluster, SECOND);
    parent = fake_last(cluster);
    reply = ask_nested(cluster, launch, "unknown");
    expect(&reply, 400, "Parent container unknown does not exist");
    reply = ask_nested(cluster, wait, parent->id);
    expect(&reply, 404, "cannot be found");
    reply = ask_nested(cluster, launch, parent->id);
    expect(&reply, 200, "");
    assert_non_null(strstr(fake_last(cluster)->directory, "/containers/n"));
    assert_string_equal(fake_variable(fake_last(cluster), "MESOS_SANDBOX"), fake_last(cluster)->directory);
    assert_null(fake_variable(fake_last(cluster), "MESOS_EXECUTOR_ID"));
    reply = ask_nested(cluster, launch, parent->id);
    assert_int_equal(reply.status, 202);
    reply = ask_nested(cluster, remove, parent->id);
    expect(&reply, 500, "has not ended");
    reply = ask_nested(cluster, kill, parent->id);
    assert_int_equal(reply.status, 200);
    assert_int_equal(fake_last(cluster)->signal, 15);
    reply = ask_nested(cluster, wait, parent->id);
    expect(&reply, 200, "{\"type\":\"WAIT_NESTED_CONTAINER\",\"wait_nested_container\":{\"exit_status\":15");
    reply = ask_nested(cluster, kill, parent->id);
    expect(&reply, 404, "cannot be found (or is already killed)");
    reply = ask_nested(cluster, remove, parent->id);
    assert_int_equal(reply.status, 200);
    reply = ask_nested(cluster, wait, parent->id);
    assert_int_equal(reply.status, 404);
    cluster_free(cluster);
}

#define CALL(type, part, rest) "{\"type\":\"" type "\",\"" part "\":{" rest "}}"
#define ALONE "\"container_id\":{\"value\":\"c\"}"
#define INNER "\"container_id\":{\"value\":\"c\",\"parent\":{\"value\":\"b\"}}"
#define DEEP "\"container_id\":{\"value\":\"c\",\"parent\":{\"value\":\"b\",\"parent\":{\"value\":\"a\"}}}"
#define STANDALONE(rest) CALL("LAUNCH_CONTAINER", "launch_container", ALONE "," rest)
#define LAUNCH_DEEP(rest) CALL("LAUNCH_CONTAINER", "launch_container", DEEP "," rest)
#define LAUNCH_INNER(rest) CALL("LAUNCH_NESTED_CONTAINER", "launch_nested_container", INNER "," rest)
#define RESOURCE(name, value, more) \
    "\"resources\":[{\"name\":\"" name "\",\"type\":\"SCALAR\",\"scalar\":{\"value\":" value "}" more "}]"
#define RESERVED ",\"reservations\":[{\"type\":\"STATIC\",\"role\":\"r\"}]"
#define VARIABLE_ONLY "\"command\":{\"environment\":{\"variables\":[{\"name\":\"A\"}]}}"
#define DOCKER_ONLY "\"container\":{\"type\":\"DOCKER\"}"
#define SHARE_CGROUPS(value) "\"container\":{\"type\":\"MESOS\",\"linux_info\":{\"share_cgroups\":" value "}}"

static void launches_of_containers_are_checked(void **state) {
    static const struct {
        const char *body, *text;
    } cases[] = {
        {"{\"type\":\"LAUNCH_CONTAINER\"}", "Expecting 'launch_container' to be present"},
        {"{\"type\":\"LAUNCH_NESTED_CONTAINER\"}", "Expecting 'launch_nested_container' to be present"},
        {STANDALONE(RESOURCE("cpus", "-1", "")), "Invalid resources: "},
        {STANDALONE(RESOURCE("gpus", "0.5", "")), "Invalid GPU resources: The 'gpus' resource must be an unsigned"},
        {STANDALONE(RESOURCE("cpus", "1", RESERVED)), "'launch_container.resources' must be unreserved"},
        {STANDALONE(RESOURCE("cpus", "1", ",\"revocable\":{}")), "'launch_container.resources' must be non-revocable"},
        {STANDALONE(VARIABLE_ONLY), "'launch_container.command' is invalid: Environment variable 'A'"},
        {STANDALONE(DOCKER_ONLY), "'launch_container.container' is invalid: DockerInfo"},
        {STANDALONE(SHARE_CGROUPS("true")), "containers without a parent cannot set 'share_cgroups' to 'true'"},
        {STANDALONE("\"limits\":{\"cpus\":{\"value\":1}}"), "'launch_container.limits' need an isolator"},
        {LAUNCH_DEEP(RESOURCE("cpus", "1", RESERVED)), "second level or greater cannot specify resources"},
        {LAUNCH_DEEP("\"limits\":{\"cpus\":{\"value\":1}}"), "second level or greater cannot specify resource limits"},
        {LAUNCH_DEEP(SHARE_CGROUPS("false")), "'launch_container' is invalid: containers nested at the second level"},
        {LAUNCH_INNER(VARIABLE_ONLY), "'launch_nested_container.command' is invalid: Environment variable 'A'"},
        {LAUNCH_INNER(DOCKER_ONLY), "'launch_nested_container.container' is invalid: DockerInfo"},
        {CALL("LAUNCH_NESTED_CONTAINER", "launch_nested_container", DEEP "," SHARE_CGROUPS("false")),
         "'launch_nested_container' is invalid: containers nested at the second level"},
        {CALL("LAUNCH_NESTED_CONTAINER", "launch_nested_container", ALONE),
         "Expecting 'launch_nested_container.container_id.parent' to be present"},
        {CALL("WAIT_NESTED_CONTAINER", "wait_nested_container", ALONE), "'wait_nested_container.container_id.parent'"},
        {CALL("KILL_NESTED_CONTAINER", "kill_nested_container", ALONE), "'kill_nested_container.container_id.parent'"},
        {CALL("REMOVE_NESTED_CONTAINER", "remove_nested_container", ALONE),
         "'remove_nested_container.container_id.parent'"},
    };
    struct cluster *cluster = cluster_new(14);

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        const struct reply reply = ask_agent(cluster, cases[i].body);

        expect(&reply, 400, cases[i].text);
    }
    cluster_free(cluster);
}

static void ids_of_containers_are_checked(void **state) {
    static const char *const ids[] = {"a b/..", "a.b", "..", "", "x y", "a\\\\b", "a\\u0001b"};
    static const struct {
        const char *type, *part;
    } calls[] = {{"LAUNCH_CONTAINER", "launch_container"},
                 {"WAIT_CONTAINER", "wait_container"},
                 {"KILL_CONTAINER", "kill_container"},
                 {"REMOVE_CONTAINER", "remove_container"}};
    struct cluster *cluster = cluster_new(13);
    char length[300];

    memset(length, 'x', 243);
    length[243] = '\0';
    for (size_t i = 0; i <= ARRAY_SIZE(ids); i++) {
        for (size_t j = 0; j < ARRAY_SIZE(calls); j++) {
            cleanup_free char *body = xasprintf("{\"type\":\"%s\",\"%s\":{\"container_id\":{\"value\":\"%s\"}}}",
                                                calls[j].type, calls[j].part, i < ARRAY_SIZE(ids) ? ids[i] : length);
            cleanup_free char *text = xasprintf("'%s.container_id' is invalid", calls[j].part);
            const struct reply reply = ask_agent(cluster, body);

            expect(&reply, 400, text);
        }
    }
    cluster_free(cluster);
}

static void ids_of_parents_are_checked(void **state) {
    struct cluster *cluster = cluster_new(15);
    struct buffer cleanup_buffer body = BUFFER_INIT;
    struct reply reply = ask_nested(cluster, NESTED("WAIT_CONTAINER", "wait_container", ""), "a.b");

    expect(&reply, 400, "'wait_container.container_id' is invalid: 'ContainerID.parent' is invalid: ");
    buffer_append_string(&body, "{\"type\":\"WAIT_CONTAINER\",\"wait_container\":{\"container_id\":{\"value\":\"c\"");
    for (int i = 0; i < 40; i++)
        buffer_append_string(&body, ",\"parent\":{\"value\":\"c\"");
    for (int i = 0; i < 43; i++)
        buffer_append_char(&body, '}');
    reply = ask_agent(cluster, buffer_text(&body));
    expect(&reply, 400, "containers are nested too deep");
    cluster_free(cluster);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wrong_media_types_and_bodies_are_refused),
        cmocka_unit_test(calls_that_make_no_sense_are_refused),
        cmocka_unit_test(a_subscription_needs_a_format_that_we_have),
        cmocka_unit_test(a_second_subscription_closes_the_first),
        cmocka_unit_test(an_executor_of_an_ended_framework_is_told_to_shut_down),
        cmocka_unit_test(queries_are_answered),
        cmocka_unit_test(state_shows_what_runs),
        cmocka_unit_test(a_nested_container_is_launched_waited_for_and_removed),
        cmocka_unit_test(launches_of_containers_are_checked),
        cmocka_unit_test(ids_of_containers_are_checked),
        cmocka_unit_test(ids_of_parents_are_checked),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
