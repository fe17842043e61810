/* SPDX-License-Identifier: Apache-2.0 */
/* The endpoints of http/ on a real master. The shapes are those that Apache Mesos 1.11 answers with. */
#include "master/test_http.h"

#include "master/http/document.h"

#define RESOURCES "{disk:f,mem:f,gpus:f,cpus:f}"
#define ALL_RESOURCES "{disk:f,mem:f,gpus:f,cpus:f,ports:s}"
#define AGENT_MEMBERS \
    "id:s,hostname:s,port:i,attributes:{},pid:s,registered_time:f,resources:" ALL_RESOURCES \
    ",used_resources:" RESOURCES ",offered_resources:" ALL_RESOURCES \
    ",reserved_resources:{},unreserved_resources:" ALL_RESOURCES ",active:b,deactivated:b,version:s,capabilities:[s]"
#define FRAMEWORK_SUMMARY \
    "id:s,name:s,used_resources:" RESOURCES ",offered_resources:" ALL_RESOURCES \
    ",capabilities:[s],hostname:s,webui_url:s,active:b,connected:b,recovered:b"
#define TASK_SHAPE \
    "{id:s,name:s,framework_id:s,executor_id:s,slave_id:s,state:s,resources:" RESOURCES \
    ",role:s,statuses:[{state:s,timestamp:f}]}"
#define OFFER_SHAPE "{id:s,framework_id:s,allocation_info:{role:s},slave_id:s,resources:" ALL_RESOURCES "}"
#define FRAMEWORK_SHAPE(tasks, completed, offers) \
    "{" FRAMEWORK_SUMMARY ",user:s,failover_timeout:f,checkpoint:b,registered_time:f,unregistered_time:f," \
    "resources:" ALL_RESOURCES ",roles:[s],tasks:[" tasks "],unreachable_tasks:[],completed_tasks:[" completed \
    "],offers:[" offers "],executors:[],offer_constraints:{}}"
#define STATE_SHAPE(sha, slaves, frameworks) \
    "{version:s," sha "git_tag:s,build_date:s,build_time:f,build_user:s,start_time:f,elected_time:f,id:s,pid:s," \
    "hostname:s,capabilities:[s],activated_slaves:f,deactivated_slaves:f,unreachable_slaves:f,leader:s," \
    "leader_info:{id:s,pid:s,port:i,hostname:s},flags:*,slaves:[" slaves "],recovered_slaves:[]," \
    "frameworks:[" frameworks "],completed_frameworks:[],orphan_tasks:[],unregistered_frameworks:[]}"

/* The sha of the commit is there in builds from a repository. */
static void assert_state_shape(const char *text, const char *with_sha, const char *without_sha) {
    assert_shape(text, "flags", strstr(text, "\"git_sha\"") == NULL ? without_sha : with_sha);
}

static void assert_page_shape(struct world *world, const char *target, const char *expected) {
    struct page page;

    page_get(&page, world, target);
    assert_int_equal(page.status, 200);
    assert_string_equal(page.type, "application/json");
    assert_shape(page_text(&page), "flags", expected);
    page_done(&page);
}

/* A master with an agent on which the task t of a framework runs, and an outstanding offer of the rest. */
static struct fake_scheduler *run_task(struct world *world) {
    struct fake_agent *agent = world_add_agent(world, 0);
    struct fake_scheduler *scheduler = world_subscribe(world, 0, SUBSCRIBE_AWARE);
    char offer[100];

    world_run_task(world, scheduler, agent);
    fake_scheduler_take_offer(scheduler, offer);
    return scheduler;
}

/* Shapes */

static void an_empty_master_shows_empty_lists(void **state) {
    struct world *world = *state;
    struct page page;

    page_get(&page, world, "/state");
    assert_int_equal(page.status, 200);
    assert_string_equal(page.type, "application/json");
    assert_state_shape(page_text(&page), STATE_SHAPE("git_sha:s,", "", ""), STATE_SHAPE("", "", ""));
    page_done(&page);
    assert_page_holds(world, "/slaves", "{\"slaves\":[],\"recovered_slaves\":[]}");
    assert_page_holds(world, "/frameworks",
                      "{\"frameworks\":[],\"completed_frameworks\":[],\"unregistered_frameworks\":[]}");
    assert_page_holds(world, "/tasks", "{\"tasks\":[]}");
    assert_page_holds(world, "/roles", "{\"roles\":[]}");
    assert_page_holds(world, "/state-summary", "{\"hostname\":\"10.0.0.1\",\"slaves\":[],\"frameworks\":[]}");
}

static void the_state_of_a_running_task_has_the_shape_of_mesos(void **state) {
    struct world *world = *state;
    struct page page;

    run_task(world);
    page_get(&page, world, "/master/state");
    assert_state_shape(page_text(&page),
                       STATE_SHAPE("git_sha:s,", "{" AGENT_MEMBERS "}", FRAMEWORK_SHAPE(TASK_SHAPE, "", OFFER_SHAPE)),
                       STATE_SHAPE("", "{" AGENT_MEMBERS "}", FRAMEWORK_SHAPE(TASK_SHAPE, "", OFFER_SHAPE)));
    /* What fits into one slice comes with its length. */
    assert_string_not_equal(page.length, "");
    assert_non_null(strstr(page_text(&page), "\"resources\":{\"disk\":10000.0,\"mem\":4096.0,\"gpus\":0.0,\"cpus\":4.0,"
                                             "\"ports\":\"[31000-32000]\"}"));
    assert_non_null(
        strstr(page_text(&page), "\"used_resources\":{\"disk\":0.0,\"mem\":64.0,\"gpus\":0.0,\"cpus\":0.5}"));
    page_done(&page);
}

static void parts_of_the_state_have_the_shape_of_mesos(void **state) {
    struct world *world = *state;

    run_task(world);
    assert_page_shape(world, "/slaves",
                      "{slaves:[{" AGENT_MEMBERS
                      ",reserved_resources_full:{},unreserved_resources_full:[{name:s,type:s,scalar:{value:f},role:s}],"
                      "used_resources_full:[{name:s,type:s,scalar:{value:f},role:s,allocation_info:{role:s}}],"
                      "offered_resources_full:[{name:s,type:s,scalar:{value:f},role:s,allocation_info:{role:s}}]}],"
                      "recovered_slaves:[]}");
    assert_page_shape(world, "/frameworks",
                      "{frameworks:[" FRAMEWORK_SHAPE(TASK_SHAPE, "", OFFER_SHAPE) "],completed_frameworks:[],"
                                                                                   "unregistered_frameworks:[]}");
    assert_page_shape(world, "/tasks", "{tasks:[" TASK_SHAPE "]}");
#define COUNTS \
    "TASK_STAGING:i,TASK_STARTING:i,TASK_RUNNING:i,TASK_KILLING:i,TASK_FINISHED:i,TASK_KILLED:i,TASK_FAILED:i," \
    "TASK_LOST:i,TASK_ERROR:i,TASK_UNREACHABLE:i"
    assert_page_shape(world, "/state-summary",
                      "{hostname:s,slaves:[{" AGENT_MEMBERS "," COUNTS ",framework_ids:[s]}],frameworks:["
                      "{" FRAMEWORK_SUMMARY "," COUNTS ",slave_ids:[s]}]}");
    assert_page_shape(world, "/roles",
                      "{roles:[{name:s,weight:f,quota:{role:s,guarantee:{},limit:{},consumed:{cpus:f,mem:f}},"
                      "resources:{cpus:f,disk:f,mem:f},allocated:{cpus:f,mem:f},offered:{cpus:f,disk:f,mem:f},"
                      "reserved:{},frameworks:[s]}]}");
}

static void what_has_ended_is_shown_as_completed(void **state) {
    struct world *world = *state;
    struct fake_scheduler *scheduler = run_task(world);

    fake_agent_update(&world->agents[0], scheduler->framework_id, "t", "TASK_FINISHED", 2);
    assert_int_equal(fake_scheduler_acknowledge(scheduler, world->agents[0].id, "t", 2).status, 202);
    assert_page_holds(world, "/frameworks", "\"tasks\":[],\"unreachable_tasks\":[],\"completed_tasks\":[{\"id\":\"t\"");
    assert_page_holds(world, "/state-summary", "\"TASK_FINISHED\":1");
    assert_int_equal(fake_scheduler_call(scheduler, "TEARDOWN", "").status, 202);
    assert_page_holds(world, "/frameworks", "{\"frameworks\":[],\"completed_frameworks\":[{\"id\":");
    assert_page_holds(world, "/tasks", "{\"tasks\":[{\"id\":\"t\"");
    /* The summary is of what is there. */
    assert_page_holds(world, "/state-summary", "\"TASK_FINISHED\":0");
}

static void tasks_of_a_lost_agent_are_shown_as_unreachable(void **state) {
    struct world *world = *state;

    run_task(world);
    fake_agent_stop(&world->agents[0]);
    sim_run_for(world->sim, 11 * MINUTE);
    assert_page_holds(world, "/frameworks", "\"tasks\":[],\"unreachable_tasks\":[{\"id\":\"t\"");
    assert_page_holds(world, "/state", "\"unreachable_slaves\":1.0");
    assert_page_holds(world, "/state-summary", "\"TASK_UNREACHABLE\":1");
}

static void executors_and_reservations_are_shown(void **state) {
    struct world *world = *state;
    struct fake_agent *agent = world_add_agent(world, 0);
    struct fake_scheduler *scheduler = world_subscribe(
        world, 0, SUBSCRIBE_AS("refined", ",{\"type\":\"RESERVATION_REFINEMENT\"}],\"checkpoint\":true"));
    char offer[100];

    fake_scheduler_take_offer(scheduler, offer);
    assert_int_equal(
        fake_scheduler_call(
            scheduler, "ACCEPT",
            "\"accept\":{\"offer_ids\":[{\"value\":\"%s\"}],\"operations\":[{\"type\":\"RESERVE\",\"reserve\":{"
            "\"resources\":[{\"name\":\"disk\",\"type\":\"SCALAR\",\"scalar\":{\"value\":100},\"reservations\":[{"
            "\"type\":\"DYNAMIC\",\"role\":\"r\"}]}]}},{\"type\":\"LAUNCH\",\"launch\":{\"task_infos\":[{\"name\":"
            "\"t\",\"task_id\":{\"value\":\"t\"},\"agent_id\":{\"value\":\"%s\"},\"resources\":[{\"name\":\"cpus\","
            "\"type\":\"SCALAR\",\"scalar\":{\"value\":1}},{\"name\":\"mem\",\"type\":\"SCALAR\",\"scalar\":{"
            "\"value\":32}}],\"executor\":{\"executor_id\":{\"value\":\"e\"},\"name\":\"mine\",\"command\":{"
            "\"value\":\"./run\"},\"resources\":[{\"name\":\"cpus\",\"type\":\"SCALAR\",\"scalar\":{\"value\":0.1}},"
            "{\"name\":\"mem\",\"type\":\"SCALAR\",\"scalar\":{\"value\":32}}]}}]}}]}",
            offer, agent->id)
            .status,
        202);
    settle(world);
    assert_page_holds(world, "/frameworks",
                      "\"executors\":[{\"executor_id\":\"e\",\"name\":\"mine\",\"framework_id\":\"");
    assert_page_holds(world, "/frameworks",
                      "\"command\":{\"value\":\"./run\",\"argv\":[],\"uris\":[]},\"resources\":{"
                      "\"disk\":0.0,\"mem\":32.0,\"gpus\":0.0,\"cpus\":0.1},\"role\":\"r\",\"slave_id\":\"");
    assert_page_holds(world, "/slaves",
                      "\"reserved_resources\":{\"r\":{\"disk\":100.0,\"mem\":0.0,\"gpus\":0.0,\"cpus\":0.0}}");
    assert_page_holds(world, "/slaves",
                      "\"reserved_resources_full\":{\"r\":[{\"name\":\"disk\",\"type\":\"SCALAR\",\"scalar\":{"
                      "\"value\":100.0},\"role\":\"r\",\"reservation\":{},\"reservations\":[{\"type\":\"DYNAMIC\","
                      "\"role\":\"r\"}]}]}");
    assert_page_holds(world, "/roles",
                      "\"consumed\":{\"cpus\":1.1,\"disk\":100.0,\"mem\":64.0}},\"resources\":{\"cpus\":");
    assert_page_holds(world, "/roles", "\"reserved\":{\"disk\":100.0}");
}

/* Parameters */

static void one_agent_or_framework_can_be_asked_for(void **state) {
    struct world *world = *state;
    struct fake_agent *first = world_add_agent(world, 0), *second = world_add_agent(world, 1);
    struct fake_scheduler *scheduler = world_subscribe(world, 0, SUBSCRIBE_PLAIN);
    char *target = xasprintf("/slaves?slave_id=%s", second->id);
    struct page page;

    page_get(&page, world, target);
    assert_non_null(strstr(page_text(&page), second->id));
    assert_null(strstr(page_text(&page), first->id));
    page_done(&page);
    assert_page_holds(world, "/slaves?slave_id=nope", "{\"slaves\":[],\"recovered_slaves\":[]}");
    assert_page_holds(world, "/frameworks?framework_id=nope", "{\"frameworks\":[],");
    free(target);
    target = xasprintf("/frameworks?framework_id=%s", scheduler->framework_id);
    assert_page_holds(world, target, "{\"frameworks\":[{\"id\":");
    free(target);
}

/* A framework with a history of @count tasks called "<prefix>0", …, whose first status came at that second. */
static struct framework *add_history(struct world *world, const char *id, const char *prefix, size_t count) {
    struct arena arena = ARENA_INIT;
    struct error err = ERROR_INIT;
    Mesos__V1__FrameworkInfo info = MESOS__V1__FRAMEWORK_INFO__INIT;
    Mesos__V1__FrameworkID framework_id = MESOS__V1__FRAMEWORK_ID__INIT;
    struct framework *framework;

    info.user = "u";
    info.name = "history";
    info.id = &framework_id;
    framework_id.value = (char *)id;
    framework = framework_recover(world->master, &info);
    for (size_t i = 0; i < count; i++) {
        char *text = arena_printf(&arena,
                                  "{\"name\":\"%s%zu\",\"task_id\":{\"value\":\"%s%zu\"},\"framework_id\":{\"value\":"
                                  "\"%s\"},\"agent_id\":{\"value\":\"a\"},\"state\":\"TASK_FINISHED\",\"statuses\":[{"
                                  "\"task_id\":{\"value\":\"%s%zu\"},\"state\":\"TASK_FINISHED\",\"timestamp\":%zu}]}",
                                  prefix, i, prefix, i, id, prefix, i, i);
        Mesos__V1__Task *message;

        if (MESSAGE_PARSE_JSON(&mesos__v1__task__descriptor, text, strlen(text), MESSAGE_V1, &arena, &message, &err) <
            0)
            fail_msg("%s", error_message(&err));
        framework_add_completed_task(framework, task_new_from_message(message, framework));
    }
    arena_done(&arena);
    return framework;
}

static void assert_tasks(struct world *world, const char *target, const char *ids) {
    struct buffer found = BUFFER_INIT;
    struct page page;

    page_get(&page, world, target);
    for (const char *at = page_text(&page); (at = strstr(at, "{\"id\":\"")) != NULL;) {
        at += strlen("{\"id\":\"");
        buffer_printf(&found, "%.*s ", (int)strcspn(at, "\""), at);
    }
    assert_string_equal(buffer_text(&found), ids);
    buffer_done(&found);
    page_done(&page);
}

static void tasks_are_paged_by_the_time_of_their_first_status(void **state) {
    struct world *world = *state;

    add_history(world, "f", "t", 120);
    add_history(world, "g", "u", 3);
    assert_tasks(world, "/tasks?limit=3", "t119 t118 t117 ");
    assert_tasks(world, "/tasks?limit=4&order=asc", "t0 u0 t1 u1 ");
    assert_tasks(world, "/tasks?limit=2&offset=1&order=asc", "u0 t1 ");
    assert_tasks(world, "/tasks?framework_id=g", "u2 u1 u0 ");
    assert_tasks(world, "/tasks?task_id=t7", "t7 ");
    assert_tasks(world, "/tasks?framework_id=g&task_id=t7", "");
    assert_tasks(world, "/tasks?limit=0", "");
    assert_tasks(world, "/tasks?offset=122", "u0 ");
    assert_tasks(world, "/tasks?offset=1000000000&limit=2000000000", "");
    assert_tasks(world, "/tasks?limit=x&framework_id=g", "u2 u1 u0 ");
}

static void a_page_of_tasks_has_a_hundred(void **state) {
    struct world *world = *state;
    struct page page;

    /* More than the page twice over, so that candidates are dropped on the way. */
    add_history(world, "f", "t", 1000);
    add_history(world, "g", "u", 1000);
    page_get(&page, world, "/tasks");
    assert_int_equal(count_of_text(page_text(&page), "{\"id\":"), 100);
    assert_non_null(strstr(page_text(&page), "\"t999\""));
    assert_non_null(strstr(page_text(&page), "\"u950\""));
    assert_null(strstr(page_text(&page), "\"u949\""));
    page_done(&page);
    page_get(&page, world, "/tasks?limit=1500&order=asc");
    assert_int_equal(count_of_text(page_text(&page), "{\"id\":"), 1500);
    page_done(&page);
}

static void jsonp_wraps_the_answer_in_a_call(void **state) {
    struct world *world = *state;
    struct page page;

    page_get(&page, world, "/slaves?jsonp=cb");
    assert_int_equal(page.status, 200);
    assert_string_equal(page.type, "text/javascript");
    assert_string_equal(page_text(&page), "cb({\"slaves\":[],\"recovered_slaves\":[]})");
    page_done(&page);
    assert_int_equal(page_status(world, "GET", "/state?jsonp=alert(1)", ""), 400);
    assert_int_equal(page_status(world, "GET", "/roles?jsonp=x%7By", ""), 400);
}

/* Statuses */

static void every_endpoint_answers_with_the_status_of_mesos(void **state) {
    static const struct {
        const char *method, *target;
        unsigned status;
    } cases[] = {
        {"GET", "/state", 200},
        {"DELETE", "/state", 200},
        {"OPTIONS", "/state", 200},
        {"HEAD", "/master/state", 200},
        {"GET", "/state.json", 404},
        {"GET", "/master/tasks.json", 404},
        {"GET", "/master/roles.json", 404},
        {"GET", "/master/state-summary", 200},
        {"GET", "/master/slaves", 200},
        {"GET", "/master/frameworks", 200},
        {"GET", "/master/tasks", 200},
        {"GET", "/master/roles", 200},
        {"GET", "/master/quota", 200},
        {"GET", "/quota", 200},
        {"PUT", "/quota", 405},
        {"GET", "/weights", 200},
        {"POST", "/weights", 405},
        {"GET", "/maintenance/schedule", 200},
        {"GET", "/master/maintenance/status", 200},
        {"POST", "/maintenance/status", 405},
        {"GET", "/redirect", 307},
        {"GET", "/master/redirect", 307},
        {"GET", "/redirect/again", 404},
        {"GET", "/master/teardown", 405},
        {"GET", "/master/machine/down", 405},
        {"GET", "/master/reserve", 405},
        {"GET", "/master/create-volumes", 405},
        {"GET", "/api/v1", 405},
        {"GET", "/master/health", 200},
        {"GET", "/master", 404},
        {"GET", "/master/nonexistent", 404},
        {"GET", "/files/debug", 200},
        {"GET", "/files/browse", 400},
        {"GET", "/files/browse?path=", 400},
        {"GET", "/files/browse?path=/", 404},
        {"GET", "/files/read?path=/nope&offset=0", 404},
        {"GET", "/files/download?path=/nope", 404},
        {"GET", "/allocator/offer_constraints_debug", 200},
    };
    struct world *world = *state;

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        unsigned status = page_status(world, cases[i].method, cases[i].target, "");

        if (status != cases[i].status)
            fail_msg("%s %s: %u", cases[i].method, cases[i].target, status);
    }
}

static void what_is_not_there_is_refused_in_words(void **state) {
    static const struct {
        const char *method, *target;
    } cases[] = {
        {"PUT", "/weights"},
        {"POST", "/quota"},
        {"DELETE", "/quota/r"},
        {"POST", "/machine/down"},
        {"POST", "/machine/up"},
        {"POST", "/maintenance/schedule"},
        {"POST", "/reserve"},
        {"POST", "/unreserve"},
        {"POST", "/master/create-volumes"},
        {"POST", "/destroy-volumes"},
        {"GET", "/registrar(1)/registry"},
    };
    struct world *world = *state;

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct page page;

        page_start(&page, world, cases[i].method, cases[i].target, NULL, 0, "{}", 2);
        settle(world);
        assert_int_equal(page.status, 501);
        assert_true(page.body.size > 20);
        page_done(&page);
    }
}

static void redirect_leads_to_the_leading_master(void **state) {
    struct world *world = *state;
    struct page page;

    page_get(&page, world, "/redirect");
    assert_string_equal(page.location, "//10.0.0.1:5050");
    assert_string_equal(page.length, "0");
    page_done(&page);
}

static void teardown_ends_a_framework(void **state) {
    struct world *world = *state;
    struct fake_scheduler *scheduler = world_subscribe(world, 0, SUBSCRIBE_PLAIN);
    char *body = xasprintf("frameworkId=%s", scheduler->framework_id);

    assert_int_equal(page_status(world, "POST", "/teardown", ""), 400);
    assert_int_equal(page_status(world, "POST", "/teardown", "x=y"), 400);
    assert_int_equal(page_status(world, "POST", "/teardown", "frameworkId=nope"), 400);
    assert_int_equal(page_status(world, "POST", "/teardown", body), 200);
    assert_true(framework_is_completed(world->master, scheduler->framework_id));
    assert_int_equal(page_status(world, "POST", "/teardown", body), 400);
    free(body);
}

/* Large answers */

/* Run until @count bytes of the body are there. */
static void run_until_body(struct world *world, struct page *page, size_t count) {
    while (page->body.size < count && !page->is_whole && sim_step(world->sim))
        ;
    assert_true(page->body.size >= count);
}

static void set_history_limit(struct world *world, int64_t limit) {
    world->flags.max_completed_tasks_per_framework = limit;
}

static void other_requests_are_answered_between_slices(void **state) {
    struct world *world = *state;
    struct page page, health;

    set_history_limit(world, 20000);
    add_history(world, "f", "t", 20000);
    page_start(&page, world, "GET", "/state", NULL, 0, NULL, 0);
    run_until_body(world, &page, 1);
    assert_false(page.is_whole);
    page_start(&health, world, "GET", "/health", NULL, 0, NULL, 0);
    while (health.status == 0 && sim_step(world->sim))
        ;
    assert_int_equal(health.status, 200);
    assert_false(page.is_whole);
    settle(world);
    assert_true(page.is_whole);
    assert_true(page.body.size > 4 * DOCUMENT_SLICE_BYTES);
    assert_string_equal(page.length, "");
    assert_int_equal(count_of_text(page_text(&page), "{\"id\":\"t"), 20000);
    page_done(&page);
    page_done(&health);
}

static void changes_between_slices_leave_a_valid_answer(void **state) {
    struct world *world = *state;
    struct buffer shape = BUFFER_INIT;
    struct page page;

    set_history_limit(world, 10000);
    add_history(world, "f", "t", 10000);
    add_history(world, "g", "u", 10000);
    add_history(world, "h", "v", 10);
    page_start(&page, world, "GET", "/state", NULL, 0, NULL, 0);
    run_until_body(world, &page, 1);
    /* In the middle of f: it goes on among the completed ones, and loses its oldest tasks. */
    world->flags.max_completed_tasks_per_framework = 9000;
    framework_remove(framework_find(world->master, "f"));
    /* g is yet to come, and h is gone altogether. */
    framework_remove(framework_find(world->master, "h"));
    add_history(world, "i", "w", 10);
    settle(world);
    assert_true(page.is_whole);
    assert_string_equal(shape_value(page_text(&page), NULL, &shape), "");
    assert_int_equal(count_of_text(page_text(&page), "{\"id\":\"u"), 10000);
    assert_int_equal(count_of_text(page_text(&page), "{\"id\":\"w"), 10);
    assert_non_null(strstr(page_text(&page), "{\"id\":\"t9999\""));
    buffer_done(&shape);
    page_done(&page);
}

static void each_task_that_stays_is_shown_once_while_the_history_moves_on(void **state) {
    struct world *world = *state;
    static size_t seen[10000];
    struct framework *framework;
    const char *text, *end;
    struct page page;

    set_history_limit(world, 10000);
    framework = add_history(world, "f", "t", 10000);
    page_start(&page, world, "GET", "/frameworks", NULL, 0, NULL, 0);
    while (!page.is_whole) {
        /* Ids used before come again; the oldest tasks go. */
        size_t before = page.body.size;

        assert_true(sim_step(world->sim));
        if (page.body.size == before)
            continue;
        for (int i = 0; i < 50; i++) {
            struct task *first = list_first(&framework->completed_tasks, struct task, in_history);
            struct arena arena = ARENA_INIT;
            const Mesos__V1__Task *message = task_to_message(first, RESOURCE_FORMAT_NEW, &arena);

            framework_add_completed_task(framework, task_new_from_message(message, framework));
            arena_done(&arena);
        }
    }
    /* The copies have the ids of the oldest. */
    text = page_text(&page);
    end = text + strlen(text);
    for (const char *at = text; (at = find_text(at, end, "{\"id\":\"t")) != NULL; at++)
        seen[strtoul(at + strlen("{\"id\":\"t"), NULL, 10)]++;
    for (size_t i = 5000; i < 10000; i++)
        assert_int_equal(seen[i], 1);
    page_done(&page);
}

static void a_reader_that_goes_away_leaves_nothing_behind(void **state) {
    struct world *world = *state;
    struct page page;

    set_history_limit(world, 20000);
    add_history(world, "f", "t", 20000);
    for (int i = 0; i < 3; i++) {
        static const char *const targets[] = {"/state", "/tasks?limit=100000", "/state-summary"};

        page_start(&page, world, "GET", targets[i], NULL, 0, NULL, 0);
        if (i < 2)
            run_until_body(world, &page, 1);
        page_done(&page);
        settle(world);
    }
    assert_int_equal(page_status(world, "GET", "/health", ""), 200);
}

static void a_reader_that_stops_is_waited_for(void **state) {
    struct world *world = *state;
    struct page page;
    size_t size;

    set_history_limit(world, 60000);
    add_history(world, "f", "t", 60000);
    page_start(&page, world, "GET", "/state", NULL, 0, NULL, 0);
    run_until_body(world, &page, 1);
    http_call_set_reading(page.call, false);
    settle(world);
    size = page.body.size;
    sim_run_for(world->sim, 10 * SECOND);
    assert_int_equal(page.body.size, size);
    assert_false(page.is_whole);
    http_call_set_reading(page.call, true);
    settle(world);
    assert_true(page.is_whole);
    assert_int_equal(count_of_text(page_text(&page), "{\"id\":\"t"), 60000);
    page_done(&page);
}

static void the_master_can_end_while_answers_are_written(void **state) {
    struct world *world = *state;
    struct page page, later;

    set_history_limit(world, 20000);
    add_history(world, "f", "t", 20000);
    page_start(&page, world, "GET", "/state", NULL, 0, NULL, 0);
    page_start(&later, world, "GET", "/state-summary", NULL, 0, NULL, 0);
    run_until_body(world, &page, 1);
    master_free(world->master);
    world->master = NULL;
    settle(world);
    assert_true(page.has_failed);
    page_done(&page);
    page_done(&later);
}

static void head_of_a_large_answer_has_no_body(void **state) {
    struct world *world = *state;
    struct page page;

    set_history_limit(world, 20000);
    add_history(world, "f", "t", 20000);
    page_start(&page, world, "HEAD", "/state", NULL, 0, NULL, 0);
    settle(world);
    assert_true(page.is_whole);
    assert_int_equal(page.status, 200);
    assert_int_equal(page.body.size, 0);
    page_done(&page);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        WORLD_TEST(an_empty_master_shows_empty_lists),
        WORLD_TEST(the_state_of_a_running_task_has_the_shape_of_mesos),
        WORLD_TEST(parts_of_the_state_have_the_shape_of_mesos),
        WORLD_TEST(what_has_ended_is_shown_as_completed),
        WORLD_TEST(tasks_of_a_lost_agent_are_shown_as_unreachable),
        WORLD_TEST(executors_and_reservations_are_shown),
        WORLD_TEST(one_agent_or_framework_can_be_asked_for),
        WORLD_TEST(tasks_are_paged_by_the_time_of_their_first_status),
        WORLD_TEST(a_page_of_tasks_has_a_hundred),
        WORLD_TEST(jsonp_wraps_the_answer_in_a_call),
        WORLD_TEST(every_endpoint_answers_with_the_status_of_mesos),
        WORLD_TEST(what_is_not_there_is_refused_in_words),
        WORLD_TEST(redirect_leads_to_the_leading_master),
        WORLD_TEST(teardown_ends_a_framework),
        WORLD_TEST(other_requests_are_answered_between_slices),
        WORLD_TEST(changes_between_slices_leave_a_valid_answer),
        WORLD_TEST(each_task_that_stays_is_shown_once_while_the_history_moves_on),
        WORLD_TEST(a_reader_that_goes_away_leaves_nothing_behind),
        WORLD_TEST(a_reader_that_stops_is_waited_for),
        WORLD_TEST(the_master_can_end_while_answers_are_written),
        WORLD_TEST(head_of_a_large_answer_has_no_body),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
