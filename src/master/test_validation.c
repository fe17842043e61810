/* SPDX-License-Identifier: Apache-2.0 */
/* What is refused in tasks, executors, groups and operations, and how the framework hears of it: through a real master,
 * whose rows are as those recorded of Apache Mesos. */
#include "master/test_world.h"

#define CPUS(value) "{\"name\":\"cpus\",\"type\":\"SCALAR\",\"scalar\":{\"value\":" value "}}"
#define MEM(value) "{\"name\":\"mem\",\"type\":\"SCALAR\",\"scalar\":{\"value\":" value "}}"
#define DISK(value) "{\"name\":\"disk\",\"type\":\"SCALAR\",\"scalar\":{\"value\":" value "}}"
#define RESOURCES "\"resources\":[" CPUS("0.1") "," MEM("32") "]"
#define VOLUME(more) \
    "{\"name\":\"disk\",\"type\":\"SCALAR\",\"scalar\":{\"value\":1},\"reservations\":[{\"type\":\"DYNAMIC\"," \
    "\"role\":\"r\"}]," \
    "\"disk\":{\"persistence\":{\"id\":\"v\"},\"volume\":{\"container_path\":\"p\",\"mode\":\"RW\"}}" more "}"
#define OF_ROLE(role) \
    "{\"name\":\"mem\",\"type\":\"SCALAR\",\"scalar\":{\"value\":1},\"allocation_info\":{\"role\":\"" role "\"}}"
#define USING(resources) \
    ",\"executor\":{\"executor_id\":{\"value\":\"r\"},\"command\":{},\"resources\":[" resources "]}"
#define COMMAND "\"command\":{\"value\":\"true\"}"
#define EXECUTOR "\"executor_id\":{\"value\":\"e\"},\"command\":{\"value\":\"x\"}"

/* A launch of one task with these members beside name and agent; %A in them is the agent's id. */
struct launch_case {
    const char *name, *task_id, *members;
    const char *error; /* in the TASK_ERROR; NULL: it is launched */
};

static const struct launch_case launch_cases[] = {
    {"ok", "ok", RESOURCES "," COMMAND, NULL},
    {"no resources", "t", COMMAND, "Task uses no resources"},
    {"too much cpu", "t", "\"resources\":[" CPUS("1000") "]," COMMAND, "is more than available"},
    {"cpu zero is left out", "z", "\"resources\":[" CPUS("0.00001") "," MEM("32") "]," COMMAND, "is invalid"},
    {"cpu negative", "t", "\"resources\":[" CPUS("-1") "]," COMMAND, "is invalid"},
    {"mem missing", "m", "\"resources\":[" CPUS("0.1") "]," COMMAND, NULL},
    {"unknown resource", "t",
     "\"resources\":[" CPUS("0.1") ",{\"name\":\"zzz\",\"type\":\"SCALAR\",\"scalar\":{\"value\":1}}]," COMMAND,
     "is more than available"},
    {"other role", "t",
     "\"resources\":[{\"name\":\"cpus\",\"type\":\"SCALAR\",\"scalar\":{\"value\":0.1},\"allocation_info\":{\"role\":"
     "\"other\"}}]," COMMAND,
     "is more than available"},
    {"ports reversed", "t",
     "\"resources\":[{\"name\":\"ports\",\"type\":\"RANGES\",\"ranges\":{\"range\":[{\"begin\":31010,\"end\":31001}]}}]"
     ","
     "" COMMAND,
     "is invalid"},
    {"ports not offered", "t",
     "\"resources\":[{\"name\":\"ports\",\"type\":\"RANGES\",\"ranges\":{\"range\":[{\"begin\":1,\"end\":5}]}}],"
     "" COMMAND,
     "is more than available"},
    {"half a gpu", "t", "\"resources\":[{\"name\":\"gpus\",\"type\":\"SCALAR\",\"scalar\":{\"value\":0.5}}]," COMMAND,
     "must be an unsigned integer"},
    {"command and executor", "t", RESOURCES "," COMMAND ",\"executor\":{" EXECUTOR "}", "but not both"},
    {"neither command nor executor", "t", RESOURCES, "but not both"},
    {"executor without a command", "t",
     RESOURCES ",\"executor\":{\"executor_id\":{\"value\":\"e\"},\"type\":\"CUSTOM\"}",
     "'ExecutorInfo.command' must be set"},
    {"default executor alone", "t", RESOURCES ",\"executor\":{\"executor_id\":{\"value\":\"e\"},\"type\":\"DEFAULT\"}",
     "'ExecutorInfo.type' must be 'CUSTOM'"},
    {"default executor with a command", "t", RESOURCES ",\"executor\":{" EXECUTOR ",\"type\":\"DEFAULT\"}",
     "must not be set for 'DEFAULT' executor"},
    {"executor of another framework", "t",
     RESOURCES ",\"executor\":{" EXECUTOR ",\"framework_id\":{\"value\":\"nope\"}}", "invalid FrameworkID"},
    {"executor id with a slash", "t",
     RESOURCES ",\"executor\":{\"executor_id\":{\"value\":\"a/b\"},\"command\":{\"value\":\"x\"}}",
     "contains invalid characters"},
    {"executor id empty", "t",
     RESOURCES ",\"executor\":{\"executor_id\":{\"value\":\"\"},\"command\":{\"value\":\"x\"}}", "must not be empty"},
    {"executor grace negative", "t",
     RESOURCES ",\"executor\":{" EXECUTOR ",\"shutdown_grace_period\":{\"nanoseconds\":-1}}", "must be non-negative"},
    {"executor", "x1", RESOURCES ",\"executor\":{" EXECUTOR "}", NULL},
    {"executor differs from the running one", "t",
     RESOURCES ",\"executor\":{\"executor_id\":{\"value\":\"e\"},\"command\":{\"value\":\"y\"}}", "not compatible"},
    {"the same executor again", "x2", RESOURCES ",\"executor\":{" EXECUTOR "}", NULL},
    {"task id with a slash", "a/b", RESOURCES "," COMMAND, "contains invalid characters"},
    {"task id empty", "", RESOURCES "," COMMAND, "must not be empty"},
    {"task id ..", "..", RESOURCES "," COMMAND, "is disallowed"},
    {"task id control", "a\\u0001b", RESOURCES "," COMMAND, "contains invalid characters"},
    {"task id twice", "ok", RESOURCES "," COMMAND, "Task has duplicate ID: ok"},
    {"task id with a space", "a b", RESOURCES "," COMMAND, NULL},
    {"kill policy negative", "t", RESOURCES "," COMMAND ",\"kill_policy\":{\"grace_period\":{\"nanoseconds\":-1}}",
     "'kill_policy.grace_period' must be non-negative"},
    {"completion time negative", "t", RESOURCES "," COMMAND ",\"max_completion_time\":{\"nanoseconds\":-1}",
     "`max_completion_time` must be non-negative"},
    {"health check without a type", "t", RESOURCES "," COMMAND ",\"health_check\":{\"delay_seconds\":1}",
     "HealthCheck must specify 'type'"},
    {"health check without its part", "t", RESOURCES "," COMMAND ",\"health_check\":{\"type\":\"HTTP\"}",
     "Expecting 'http' to be set"},
    {"health check without a command", "t",
     RESOURCES "," COMMAND ",\"health_check\":{\"type\":\"COMMAND\",\"command\":{}}", "must contain 'shell command'"},
    {"health check of a bad scheme", "t",
     RESOURCES "," COMMAND ",\"health_check\":{\"type\":\"HTTP\",\"http\":{\"port\":80,\"scheme\":\"ftp\"}}",
     "Unsupported HTTP health check scheme: 'ftp'"},
    {"health check of a bad path", "t",
     RESOURCES "," COMMAND ",\"health_check\":{\"type\":\"HTTP\",\"http\":{\"port\":80,\"path\":\"nope\"}}",
     "must start with '/'"},
    {"health check with a negative delay", "t",
     RESOURCES "," COMMAND ",\"health_check\":{\"type\":\"TCP\",\"tcp\":{\"port\":80},\"delay_seconds\":-1}",
     "Expecting 'delay_seconds' to be non-negative"},
    {"old health check without a type", "h", RESOURCES "," COMMAND ",\"health_check\":{\"http\":{\"port\":80}}", NULL},
    {"check without a type", "t", RESOURCES "," COMMAND ",\"check\":{}", "CheckInfo must specify 'type'"},
    {"check without its part", "t", RESOURCES "," COMMAND ",\"check\":{\"type\":\"TCP\"}", "Expecting 'tcp' to be set"},
    {"check with a negative timeout", "t",
     RESOURCES "," COMMAND ",\"check\":{\"type\":\"TCP\",\"tcp\":{\"port\":1},\"timeout_seconds\":-1}",
     "Expecting 'timeout_seconds' to be non-negative"},
    {"secret without one", "t",
     RESOURCES ",\"command\":{\"value\":\"x\",\"environment\":{\"variables\":[{\"name\":\"A\",\"type\":\"SECRET\"}]}}",
     "must have a secret set"},
    {"variable without a value", "t",
     RESOURCES ",\"command\":{\"value\":\"x\",\"environment\":{\"variables\":[{\"name\":\"A\"}]}}",
     "must have a value set"},
    {"docker without its part", "t", RESOURCES "," COMMAND ",\"container\":{\"type\":\"DOCKER\"}",
     "DockerInfo 'docker' is not set"},
    {"volume with two sources", "t",
     RESOURCES "," COMMAND ",\"container\":{\"type\":\"MESOS\",\"volumes\":[{\"container_path\":\"a\",\"mode\":\"RW\","
               "\"host_path\":\"/x\",\"source\":{\"type\":\"HOST_PATH\",\"host_path\":{\"path\":\"/x\"}}}]}",
     "Only one of them should be set"},
    {"volume without a source", "t",
     RESOURCES "," COMMAND
               ",\"container\":{\"type\":\"MESOS\",\"volumes\":[{\"container_path\":\"a\",\"mode\":\"RW\"}]}",
     "Only one of them should be set"},
    {"limit below the request", "t", RESOURCES "," COMMAND ",\"limits\":{\"cpus\":{\"value\":0.05}}",
     "The cpu limit must be greater than or equal"},
    {"limit of something else", "t", RESOURCES "," COMMAND ",\"limits\":{\"disk\":{\"value\":5}}",
     "Only cpus and mem may be included"},
    {"limits", "l", RESOURCES "," COMMAND ",\"limits\":{\"cpus\":{\"value\":1},\"mem\":{\"value\":64}}", NULL},
    {"unshared cgroups alone", "t",
     RESOURCES "," COMMAND ",\"container\":{\"type\":\"MESOS\",\"linux_info\":{\"share_cgroups\":false}}",
     "Only tasks in a task group may have 'share_cgroups'"},
    {"limit without a request", "t", "\"resources\":[" CPUS("0.1") "]," COMMAND ",\"limits\":{\"mem\":{\"value\":64}}",
     "When a memory limit is specified, a memory request must also be specified"},
    {"revocable and not", "t",
     "\"resources\":[" CPUS(
         "0.1") ",{\"name\":\"cpus\",\"type\":\"SCALAR\",\"scalar\":{\"value\":1},\"revocable\":{}}],"
                "" COMMAND,
     "Task mixes revocable and non-revocable resources: Cannot use both revocable and non-revocable 'cpus'"},
    {"revocable executor", "t",
     RESOURCES
     ",\"executor\":{\"executor_id\":{\"value\":\"r\"},\"command\":{},\"resources\":[{\"name\":\"cpus\",\"type\":"
     "\"SCALAR\",\"scalar\":{\"value\":1},\"revocable\":{}}]}",
     "The task and its executor mix revocable and non-revocable resources"},
    {"executor that mixes", "t",
     RESOURCES ",\"executor\":{\"executor_id\":{\"value\":\"r\"},\"command\":{},\"resources\":[" CPUS(
         "1") ",{\"name\":\"cpus\","
              "\"type\":\"SCALAR\",\"scalar\":{\"value\":1},\"revocable\":{}}]}",
     "Executor mixes revocable and non-revocable resources"},
    {"executor of nonsense", "t",
     RESOURCES ",\"executor\":{\"executor_id\":{\"value\":\"r\"},\"command\":{},\"resources\":[" CPUS("-1") "]}",
     "Resource 'cpus:-1' is invalid"},
    {"volume twice", "t", "\"resources\":[" VOLUME("") "," VOLUME("") "]," COMMAND,
     "Task uses duplicate persistence ID"},
    {"executor with a volume twice", "t", RESOURCES USING(VOLUME("") "," VOLUME("")),
     "Executor uses duplicate persistence ID"},
    {"executor with the volume of its task", "t", "\"resources\":[" VOLUME("") "]" USING(VOLUME("")),
     "The task and its executor use duplicate persistence ID"},
    {"executor with a shared volume", "t", RESOURCES USING(VOLUME(",\"shared\":{}")),
     "Executor resources should not contain any shared resources"},
    {"two roles", "t", "\"resources\":[" OF_ROLE("r") "," OF_ROLE("s") "]," COMMAND,
     "Invalid task resources: The resources have multiple allocation roles"},
    {"executor of two roles", "t", RESOURCES USING(OF_ROLE("r") "," OF_ROLE("s")),
     "Invalid executor resources: The resources have multiple allocation roles"},
    {"executor that shares cgroups", "t",
     RESOURCES ",\"executor\":{\"executor_id\":{\"value\":\"r\"},\"command\":{},\"container\":{\"type\":\"MESOS\","
               "\"linux_info\":{\"share_cgroups\":true}}}",
     "cannot be set to 'true' on executor containers"},
};

static void run_launch_case(struct fake_scheduler *scheduler, struct fake_agent *agent, const struct launch_case *row) {
    char *task = xasprintf("{\"name\":\"n\",\"task_id\":{\"value\":\"%s\"},\"agent_id\":{\"value\":\"%s\"},%s}",
                           row->task_id, agent->id, row->members);
    char offer[100];
    const char *event;

    fake_scheduler_take_offer(scheduler, offer);
    assert_int_equal(fake_scheduler_launch(scheduler, offer, task).status, 202);
    free(task);
    if (row->error == NULL) {
        if (records_take(&agent->records, "RunTaskMessage") == NULL)
            fail_msg("'%s' was not launched", row->name);
        return;
    }
    assert_false(records_hold(&agent->records, "RunTaskMessage"));
    event = records_take(&scheduler->records, "TASK_ERROR");
    if (event == NULL || strstr(event, row->error) == NULL)
        fail_msg("'%s' gave %s", row->name, event == NULL ? "no error" : event);
    assert_non_null(strstr(event, "REASON_TASK_INVALID"));
}

static void tasks_are_validated(void **state) {
    struct world *world = *state;
    struct fake_agent *agent = world_add_agent(world, 0);
    struct fake_scheduler *scheduler = world_subscribe(world, 0, SUBSCRIBE_PLAIN);

    for (size_t i = 0; i < ARRAY_SIZE(launch_cases); i++)
        run_launch_case(scheduler, agent, &launch_cases[i]);
}

static void a_long_task_id_is_refused(void **state) {
    struct world *world = *state;
    struct fake_agent *agent = world_add_agent(world, 0);
    struct fake_scheduler *scheduler = world_subscribe(world, 0, SUBSCRIBE_PLAIN);
    char id[258];
    struct launch_case row = {"long id", id, RESOURCES "," COMMAND, "255"};

    memset(id, 'x', sizeof(id) - 1);
    id[sizeof(id) - 1] = '\0';
    run_launch_case(scheduler, agent, &row);
}

static void a_task_for_another_agent_is_refused(void **state) {
    struct world *world = *state;
    struct fake_agent *agent = world_add_agent(world, 0);
    struct fake_scheduler *scheduler = world_subscribe(world, 0, SUBSCRIBE_PLAIN);
    char offer[100], *task = xasprintf(TASK("t"), "nope");
    const char *event;

    assert_non_null(agent);
    fake_scheduler_take_offer(scheduler, offer);
    fake_scheduler_launch(scheduler, offer, task);
    event = records_take(&scheduler->records, "TASK_ERROR");
    assert_non_null(event);
    assert_non_null(strstr(event, "Task uses invalid agent nope"));
    free(task);
}

static void the_id_of_an_unreachable_task_is_not_taken_again(void **state) {
    static const struct launch_case row = {"unreachable", "t", RESOURCES "," COMMAND,
                                           "Task reuses the ID of an unreachable task: t"};
    struct world *world = *state;
    struct fake_agent *agent = world_add_agent(world, 0);
    struct fake_scheduler *scheduler = world_subscribe(world, 0, SUBSCRIBE_AWARE);

    world_run_task(world, scheduler, agent);
    agent->is_mute = true;
    sim_run_for(world->sim, 100 * SECOND);
    assert_non_null(records_take(&scheduler->records, "TASK_UNREACHABLE"));
    while (records_take(&scheduler->records, "\"type\":\"OFFERS\"") != NULL)
        continue;
    run_launch_case(scheduler, world_add_agent(world, 1), &row);
}

/* Offers */

static void accept_wrongly(struct fake_scheduler *scheduler, const char *offers, const char *error) {
    const char *event;

    fake_scheduler_call(
        scheduler, "ACCEPT",
        "\"accept\":{\"offer_ids\":[%s],\"operations\":[{\"type\":\"LAUNCH\",\"launch\":{\"task_infos\":"
        "[{\"name\":\"n\",\"task_id\":{\"value\":\"t\"},\"agent_id\":{\"value\":\"a\"}," RESOURCES "," COMMAND
        "}]}}],\"filters\":{\"refuse_seconds\":0}}",
        offers);
    event = records_take(&scheduler->records, "REASON_INVALID_OFFERS");
    if (event == NULL || strstr(event, error) == NULL)
        fail_msg("%s gave %s", offers, event == NULL ? "no error" : event);
}

static void offers_are_validated(void **state) {
    struct world *world = *state;
    struct fake_agent *agent = world_add_agent(world, 0);
    struct fake_scheduler *scheduler = world_subscribe(world, 0, SUBSCRIBE_PLAIN), *other;
    char first[100], second[100], offers[300];

    assert_non_null(agent);
    fake_scheduler_take_offer(scheduler, first);
    accept_wrongly(scheduler, "{\"value\":\"nope\"}", "Offer nope is no longer valid");
    snprintf(offers, sizeof(offers), "{\"value\":\"%s\"},{\"value\":\"%s\"}", first, first);
    accept_wrongly(scheduler, offers, "Duplicate offer");
    fake_scheduler_take_offer(scheduler, first);
    world_add_agent(world, 1);
    fake_scheduler_take_offer(scheduler, second);
    snprintf(offers, sizeof(offers), "{\"value\":\"%s\"},{\"value\":\"%s\"}", first, second);
    accept_wrongly(scheduler, offers, "must belong to one single agent");
    fake_scheduler_take_offer(scheduler, first);
    other = world_subscribe(world, 1, SUBSCRIBE_PLAIN);
    snprintf(offers, sizeof(offers), "{\"value\":\"%s\"}", first);
    accept_wrongly(other, offers, "has invalid framework");
}

/* Task groups */

#define GROUP_EXECUTOR(id, type, resources) \
    "{\"executor_id\":{\"value\":\"" id "\"},\"type\":\"" type \
    "\",\"framework_id\":{\"value\":\"%F\"},\"resources\":[" resources "]}"
#define GROUP_TASK(id, members) \
    "{\"name\":\"n\",\"task_id\":{\"value\":\"" id "\"},\"agent_id\":{\"value\":\"%A\"}," members "}"
#define PORTS(begin, end) \
    "\"resources\":[{\"name\":\"ports\",\"type\":\"RANGES\",\"ranges\":{\"range\":[{\"begin\":" #begin \
    ",\"end\":" #end "}]}}]"
#define ENOUGH CPUS("0.1") "," MEM("32") "," DISK("10")

static const struct {
    const char *name, *executor, *tasks;
    const char *error; /* NULL: it is launched */
} group_cases[] = {
    {"ok", GROUP_EXECUTOR("g1", "DEFAULT", ENOUGH),
     GROUP_TASK("a", RESOURCES "," COMMAND) "," GROUP_TASK("b", RESOURCES "," COMMAND), NULL},
    {"the same executor again", GROUP_EXECUTOR("g1", "DEFAULT", ENOUGH), GROUP_TASK("c", RESOURCES "," COMMAND), NULL},
    {"one bad task", GROUP_EXECUTOR("g2", "DEFAULT", ENOUGH),
     GROUP_TASK("d", RESOURCES "," COMMAND) "," GROUP_TASK("e", COMMAND),
     "Task 'e' is invalid: Task uses no resources"},
    {"one id twice", GROUP_EXECUTOR("g2", "DEFAULT", ENOUGH),
     GROUP_TASK("d", RESOURCES "," COMMAND) "," GROUP_TASK("d", RESOURCES "," COMMAND), "Task has duplicate ID: d"},
    {"no disk", GROUP_EXECUTOR("g2", "DEFAULT", CPUS("0.1") "," MEM("32")), GROUP_TASK("d", RESOURCES "," COMMAND),
     "Executor 'g2' uses no disk"},
    {"little memory", GROUP_EXECUTOR("g2", "DEFAULT", CPUS("0.1") "," MEM("31") "," DISK("1")),
     GROUP_TASK("d", RESOURCES "," COMMAND), "uses less memory"},
    {"custom without a command", GROUP_EXECUTOR("g2", "CUSTOM", ENOUGH), GROUP_TASK("d", RESOURCES "," COMMAND),
     "'ExecutorInfo.command' must be set for 'CUSTOM' executor"},
    {"docker", GROUP_EXECUTOR("g2", "DEFAULT", ENOUGH),
     GROUP_TASK("d", RESOURCES "," COMMAND ",\"container\":{\"type\":\"DOCKER\",\"docker\":{\"image\":\"i\"}}"),
     "Docker ContainerInfo is not supported on the task"},
    {"too much together", GROUP_EXECUTOR("g2", "DEFAULT", ENOUGH),
     GROUP_TASK("d", "\"resources\":[" CPUS("2.5") "]," COMMAND) "," GROUP_TASK(
         "e", "\"resources\":[" CPUS("2.5") "]," COMMAND),
     "more than available"},
    {"little cpu", GROUP_EXECUTOR("g2", "DEFAULT", CPUS("0.001") "," MEM("32") "," DISK("1")),
     GROUP_TASK("d", RESOURCES "," COMMAND), "Executor 'g2' uses less CPUs"},
    {"unknown type", GROUP_EXECUTOR("g2", "UNKNOWN", ENOUGH), GROUP_TASK("d", RESOURCES "," COMMAND),
     "Unknown executor type"},
    {"another executor in a task", GROUP_EXECUTOR("g2", "DEFAULT", ENOUGH),
     GROUP_TASK("d", RESOURCES "," COMMAND ",\"executor\":{\"executor_id\":{\"value\":\"z\"},\"command\":{}}"),
     "is different from executor 'g2'"},
    {"health check in another network", GROUP_EXECUTOR("g2", "DEFAULT", ENOUGH),
     GROUP_TASK("d",
                RESOURCES "," COMMAND ",\"container\":{\"type\":\"MESOS\",\"network_infos\":[{}]},\"health_check\":{"
                          "\"type\":\"HTTP\",\"http\":{\"port\":80}}"),
     "not joining parent's network"},
    {"limits within shared cgroups", GROUP_EXECUTOR("g2", "DEFAULT", ENOUGH),
     GROUP_TASK("d", RESOURCES "," COMMAND ",\"limits\":{\"cpus\":{\"value\":1}}"),
     "Resource limits may only be set for tasks within a task group"},
    {"volume of task and executor", GROUP_EXECUTOR("g2", "DEFAULT", ENOUGH "," VOLUME("")),
     GROUP_TASK("d", "\"resources\":[" VOLUME("") "]," COMMAND),
     "The task group and its executor use duplicate persistence ID"},
    {"ports of two tasks", GROUP_EXECUTOR("g2", "DEFAULT", ENOUGH),
     GROUP_TASK("d", PORTS(31000, 31005) "," COMMAND) "," GROUP_TASK("e", PORTS(31005, 31006) "," COMMAND),
     "There are overlapping resources in the task group's task resources"},
    {"mixed cgroups", GROUP_EXECUTOR("g2", "DEFAULT", ENOUGH),
     GROUP_TASK("d",
                RESOURCES "," COMMAND ",\"container\":{\"type\":\"MESOS\",\"linux_info\":{\"share_cgroups\":false}}"
                          "") "," GROUP_TASK("e", RESOURCES "," COMMAND),
     "must be the same for all tasks"},
};

/* @text with %A and %F replaced by ids; the caller frees. */
static char *fill_in(const char *text, const char *agent_id, const char *framework_id) {
    struct buffer buffer = BUFFER_INIT;

    for (; *text != '\0'; text++) {
        if (strncmp(text, "%A", 2) == 0 || strncmp(text, "%F", 2) == 0) {
            buffer_append_string(&buffer, text[1] == 'A' ? agent_id : framework_id);
            text++;
        } else {
            buffer_append_char(&buffer, *text);
        }
    }
    return buffer_take(&buffer, NULL);
}

static void task_groups_are_launched_whole_or_not_at_all(void **state) {
    struct world *world = *state;
    struct fake_agent *agent = world_add_agent(world, 0);
    struct fake_scheduler *scheduler = world_subscribe(world, 0, SUBSCRIBE_PLAIN);
    struct framework *framework = framework_find(world->master, scheduler->framework_id);

    for (size_t i = 0; i < ARRAY_SIZE(group_cases); i++) {
        char *executor = fill_in(group_cases[i].executor, agent->id, scheduler->framework_id);
        char *tasks = fill_in(group_cases[i].tasks, agent->id, scheduler->framework_id);
        size_t before = framework->tasks.count;
        char offer[100];
        const char *event;

        fake_scheduler_take_offer(scheduler, offer);
        assert_int_equal(fake_scheduler_call(scheduler, "ACCEPT",
                                             "\"accept\":{\"offer_ids\":[{\"value\":\"%s\"}],\"operations\":[{\"type\":"
                                             "\"LAUNCH_GROUP\",\"launch_group\":{\"executor\":%s,\"task_group\":{"
                                             "\"tasks\":[%s]}}}],\"filters\":{\"refuse_seconds\":0}}",
                                             offer, executor, tasks)
                             .status,
                         202);
        free(executor);
        free(tasks);
        if (group_cases[i].error == NULL) {
            assert_non_null(records_take(&agent->records, "RunTaskGroupMessage"));
            assert_true(framework->tasks.count > before);
            continue;
        }
        event = records_take(&scheduler->records, "TASK_ERROR");
        if (event == NULL || strstr(event, group_cases[i].error) == NULL)
            fail_msg("'%s' gave %s", group_cases[i].name, event == NULL ? "no error" : event);
        assert_non_null(strstr(event, "REASON_TASK_GROUP_INVALID"));
        assert_int_equal(framework->tasks.count, before);
        assert_false(records_hold(&agent->records, "RunTaskGroupMessage"));
    }
}

/* Calls: status and text, in the order of the checks */

static const struct {
    const char *name, *content_type, *accept, *stream_id, *body;
    unsigned status;
    const char *text;
} call_cases[] = {
    {"bad JSON", "application/json", NULL, NULL, "{\"type\":", 400, "Failed to parse body into JSON"},
    {"empty body", "application/json", NULL, NULL, "", 400, "Failed to parse body into JSON"},
    {"array", "application/json", NULL, NULL, "[]", 400, "Failed to convert JSON into Call protobuf"},
    {"string", "application/json", NULL, NULL, "\"x\"", 400, "Failed to convert JSON into Call protobuf"},
    {"type is a number", "application/json", NULL, NULL, "{\"type\":1}", 400,
     "Failed to convert JSON into Call protobuf"},
    {"no type", "application/json", NULL, NULL, "{}", 400, "Expecting 'type' to be present"},
    {"unknown type", "application/json", NULL, NULL, "{\"type\":\"BOGUS\"}", 400, "Expecting 'type' to be present"},
    {"empty protobuf", "application/x-protobuf", NULL, NULL, "", 400, "Expecting 'type' to be present"},
    {"bad protobuf", "application/x-protobuf", NULL, NULL, "\xff\xff\xff", 400,
     "Failed to parse body into Call protobuf"},
    {"no content type", NULL, NULL, NULL, "{}", 400, "Expecting 'Content-Type' to be present"},
    {"other content type", "text/plain", NULL, NULL, "{}", 415, "Expecting 'Content-Type' of"},
    {"content type with a charset", "application/json; charset=utf-8", NULL, NULL, "{}", 415,
     "Expecting 'Content-Type' of"},
    {"subscribe without its part", "application/json", "text/html", NULL, "{\"type\":\"SUBSCRIBE\"}", 400,
     "Expecting 'subscribe' to be present"},
    {"subscribe without a name", "application/json", NULL, NULL,
     "{\"type\":\"SUBSCRIBE\",\"subscribe\":{\"framework_info\":{\"user\":\"u\"}}}", 400,
     "subscribe.framework_info.name"},
    {"subscribe with two ids", "application/json", NULL, NULL,
     "{\"type\":\"SUBSCRIBE\",\"framework_id\":{\"value\":\"a\"},\"subscribe\":{\"framework_info\":{\"user\":\"u\","
     "\"name\":\"n\",\"id\":{\"value\":\"b\"}}}}",
     400, "differs from 'subscribe.framework_info.id'"},
    {"subscribe with a stream id", "application/json", NULL, "x",
     "{\"type\":\"SUBSCRIBE\",\"subscribe\":{\"framework_info\":{\"user\":\"u\",\"name\":\"n\"}}}", 400,
     "Subscribe calls should not include"},
    {"subscribe that accepts neither", "application/json", "text/html", NULL,
     "{\"type\":\"SUBSCRIBE\",\"subscribe\":{\"framework_info\":{\"user\":\"u\",\"name\":\"n\"}}}", 406,
     "Expecting 'Accept' to allow"},
    {"no framework id", "application/json", NULL, NULL, "{\"type\":\"REVIVE\"}", 400,
     "Expecting 'framework_id' to be present"},
    {"accept without its part", "application/json", NULL, NULL,
     "{\"type\":\"ACCEPT\",\"framework_id\":{\"value\":\"z\"}}", 400, "Expecting 'accept' to be present"},
    {"bad uuid", "application/json", NULL, NULL,
     "{\"type\":\"ACKNOWLEDGE\",\"framework_id\":{\"value\":\"z\"},\"acknowledge\":{\"agent_id\":{\"value\":\"a\"},"
     "\"task_id\":{\"value\":\"t\"},\"uuid\":\"bm90dXVpZA==\"}}",
     400, "Not a valid UUID"},
    {"unknown framework", "application/json", NULL, NULL, "{\"type\":\"REVIVE\",\"framework_id\":{\"value\":\"z\"}}",
     400, "Framework cannot be found"},
};

static void calls_are_checked_in_order(void **state) {
    struct world *world = *state;

    for (size_t i = 0; i < ARRAY_SIZE(call_cases); i++) {
        struct http_header headers[3];
        size_t count = 0;
        struct answer answer;

        if (call_cases[i].content_type != NULL)
            headers[count++] = (struct http_header){"Content-Type", call_cases[i].content_type};
        if (call_cases[i].accept != NULL)
            headers[count++] = (struct http_header){"Accept", call_cases[i].accept};
        if (call_cases[i].stream_id != NULL)
            headers[count++] = (struct http_header){"Mesos-Stream-Id", call_cases[i].stream_id};
        answer = world_post(world, headers, count, call_cases[i].body, strlen(call_cases[i].body));
        if (answer.status != call_cases[i].status || strstr(answer.body, call_cases[i].text) == NULL)
            fail_msg("'%s' gave %u %s", call_cases[i].name, answer.status, answer.body);
    }
    assert_int_equal(world->master->frameworks.count, 0);
}

static void calls_need_the_stream_id(void **state) {
    struct world *world = *state;
    struct fake_scheduler *scheduler = world_subscribe(world, 0, SUBSCRIBE_PLAIN);
    struct http_header headers[] = {{"Content-Type", "application/json"}};
    char *body = xasprintf("{\"type\":\"REVIVE\",\"framework_id\":{\"value\":\"%s\"}}", scheduler->framework_id);
    struct answer answer = world_post(world, headers, 1, body, strlen(body));

    assert_int_equal(answer.status, 400);
    assert_string_equal(answer.body, "All non-subscribe calls should include the 'Mesos-Stream-Id' header");
    free(body);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        WORLD_TEST(tasks_are_validated),
        WORLD_TEST(a_long_task_id_is_refused),
        WORLD_TEST(a_task_for_another_agent_is_refused),
        WORLD_TEST(the_id_of_an_unreachable_task_is_not_taken_again),
        WORLD_TEST(offers_are_validated),
        WORLD_TEST(task_groups_are_launched_whole_or_not_at_all),
        WORLD_TEST(calls_are_checked_in_order),
        WORLD_TEST(calls_need_the_stream_id),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
