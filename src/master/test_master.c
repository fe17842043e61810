/* SPDX-License-Identifier: Apache-2.0 */
/* The life of frameworks, agents and tasks through a real master on a simulated network. */
#include "master/test_world.h"

static void expect_status(struct answer answer, unsigned status) {
    if (answer.status != status)
        fail_msg("expected %u, got %u: %s", status, answer.status, answer.body);
}

/* Frameworks */

static void a_framework_is_subscribed_with_an_id_and_heartbeats(void **state) {
    struct world *world = *state;
    struct fake_scheduler *scheduler = world_subscribe(world, 0, SUBSCRIBE_PLAIN);
    const char *event = records_take(&scheduler->records, "\"type\":\"SUBSCRIBED\"");
    char *id = xasprintf("%s-0000", world->master->id);

    assert_int_equal(scheduler->stream_status, 200);
    assert_non_null(event);
    assert_string_equal(scheduler->framework_id, id);
    assert_non_null(strstr(event, "\"heartbeat_interval_seconds\":15.0"));
    assert_non_null(strstr(event, "\"pid\":\"master@10.0.0.1:5050\""));
    assert_non_null(strstr(event, "\"version\":\"1.11.0\""));
    assert_int_equal(scheduler->heartbeats, 1);
    sim_run_for(world->sim, 31 * SECOND);
    assert_int_equal(scheduler->heartbeats, 3);
    free(id);
}

static void a_refused_framework_gets_an_error_on_its_stream(void **state) {
    struct world *world = *state;
    struct fake_scheduler *scheduler = world_subscribe(world, 0,
                                                       "{\"type\":\"SUBSCRIBE\",\"subscribe\":{\"framework_info\":{"
                                                       "\"user\":\"u\",\"name\":\"n\",\"role\":\"a//b\"}}}");

    assert_int_equal(scheduler->stream_status, 200);
    assert_non_null(records_take(&scheduler->records, "\"type\":\"ERROR\""));
    assert_true(scheduler->is_stream_over);
    assert_int_equal(world->master->frameworks.count, 0);
}

static void a_second_subscription_ends_the_first_stream(void **state) {
    struct world *world = *state;
    struct fake_scheduler *first = world_subscribe(world, 0, SUBSCRIBE_PLAIN), *second;
    struct answer answer;

    second = world_subscribe(world, 1,
                             "{\"type\":\"SUBSCRIBE\",\"framework_id\":{\"value\":\"%s\"},\"subscribe\":{"
                             "\"framework_info\":{\"user\":\"root\",\"name\":\"plain\",\"roles\":[\"r\"],\"id\":{"
                             "\"value\":\"%s\"},\"checkpoint\":true,\"capabilities\":[{\"type\":\"MULTI_ROLE\"}]}}}",
                             first->framework_id, first->framework_id);
    assert_non_null(records_take(&second->records, "\"type\":\"SUBSCRIBED\""));
    assert_string_equal(second->framework_id, first->framework_id);
    assert_non_null(records_take(&first->records, "Framework failed over"));
    assert_true(first->is_stream_over);
    assert_int_equal(world->master->frameworks.count, 1);
    answer = fake_scheduler_call(first, "REVIVE", "");
    expect_status(answer, 400);
    assert_non_null(strstr(answer.body, "didn't match the stream ID currently"));
    expect_status(fake_scheduler_call(second, "REVIVE", ""), 202);
}

static void a_framework_that_does_not_come_back_is_removed_after_its_failover_timeout(void **state) {
    struct world *world = *state;
    struct fake_scheduler *scheduler = world_subscribe(world, 0, SUBSCRIBE_PLAIN);
    struct framework *framework = framework_find(world->master, scheduler->framework_id);

    http_call_cancel(scheduler->stream);
    settle(world);
    assert_int_equal(framework->state, FRAMEWORK_DISCONNECTED);
    expect_status(fake_scheduler_call(scheduler, "REVIVE", ""), 403);
    sim_run_for(world->sim, 99 * SECOND);
    assert_ptr_equal(framework_find(world->master, scheduler->framework_id), framework);
    sim_run_for(world->sim, 2 * SECOND);
    assert_null(framework_find(world->master, scheduler->framework_id));
    assert_true(framework_is_completed(world->master, scheduler->framework_id));
    expect_status(fake_scheduler_call(scheduler, "REVIVE", ""), 400);
}

static void a_removed_framework_cannot_subscribe_again(void **state) {
    struct world *world = *state;
    struct fake_scheduler *first = world_subscribe(world, 0, SUBSCRIBE_PLAIN), *second;

    expect_status(fake_scheduler_call(first, "TEARDOWN", ""), 202);
    assert_true(first->is_stream_over);
    second = world_subscribe(world, 1,
                             "{\"type\":\"SUBSCRIBE\",\"framework_id\":{\"value\":\"%s\"},\"subscribe\":{"
                             "\"framework_info\":{\"user\":\"root\",\"name\":\"plain\",\"id\":{\"value\":\"%s\"}}}}",
                             first->framework_id, first->framework_id);
    assert_non_null(records_take(&second->records, "Framework has been removed"));
}

static void a_framework_can_change_its_roles_without_subscribing(void **state) {
    struct world *world = *state;
    struct fake_agent *agent = world_add_agent(world, 0);
    struct fake_scheduler *scheduler = world_subscribe(world, 0, SUBSCRIBE_PLAIN);
    char offer[100];
    struct answer answer;

    assert_non_null(agent);
    fake_scheduler_take_offer(scheduler, offer);
    answer = fake_scheduler_call(scheduler, "UPDATE_FRAMEWORK",
                                 "\"update_framework\":{\"framework_info\":{\"user\":\"root\",\"name\":\"plain\","
                                 "\"roles\":[\"s\"],\"id\":{\"value\":\"%s\"},\"checkpoint\":true,\"failover_timeout\":"
                                 "100,\"capabilities\":[{\"type\":\"MULTI_ROLE\"}]}}",
                                 scheduler->framework_id);
    expect_status(answer, 200);
    assert_non_null(records_take(&scheduler->records, "\"type\":\"RESCIND\""));
    assert_non_null(strstr(fake_scheduler_take_offer(scheduler, offer), "\"role\":\"s\""));
    answer = fake_scheduler_call(scheduler, "UPDATE_FRAMEWORK",
                                 "\"update_framework\":{\"framework_info\":{\"user\":\"other\",\"name\":\"plain\","
                                 "\"id\":{\"value\":\"%s\"},\"checkpoint\":true}}",
                                 scheduler->framework_id);
    expect_status(answer, 400);
}

/* Offers */

static void an_offer_holds_what_the_agent_has(void **state) {
    struct world *world = *state;
    struct fake_agent *agent = world_add_agent(world, 0);
    struct fake_scheduler *scheduler = world_subscribe(world, 0, SUBSCRIBE_PLAIN);
    char offer[100];
    const char *event = fake_scheduler_take_offer(scheduler, offer);

    assert_non_null(strstr(event, agent->id));
    assert_non_null(strstr(event, "\"hostname\":\"host0\""));
    assert_non_null(strstr(event, "\"ip\":\"10.0.1.1\""));
    assert_non_null(strstr(event, "\"path\":\"/slave(1)\""));
    assert_non_null(strstr(event, "\"allocation_info\":{\"role\":\"r\"}"));
    assert_non_null(strstr(event, "\"scalar\":{\"value\":4096.0}"));
    sim_run_for(world->sim, 10 * SECOND);
    assert_false(records_hold(&scheduler->records, "OFFERS"));
}

static void a_declined_offer_comes_again_after_its_filter(void **state) {
    struct world *world = *state;
    struct fake_scheduler *scheduler;
    char offer[100], again[100];

    world_add_agent(world, 0);
    scheduler = world_subscribe(world, 0, SUBSCRIBE_PLAIN);
    fake_scheduler_take_offer(scheduler, offer);
    expect_status(fake_scheduler_call(scheduler, "DECLINE",
                                      "\"decline\":{\"offer_ids\":[{\"value\":\"%s\"}],\"filters\":{\"refuse_seconds\":"
                                      "30}}",
                                      offer),
                  202);
    sim_run_for(world->sim, 25 * SECOND);
    assert_false(records_hold(&scheduler->records, "OFFERS"));
    sim_run_for(world->sim, 10 * SECOND);
    fake_scheduler_take_offer(scheduler, again);
    assert_string_not_equal(offer, again);
    assert_null(offer_find(world->master, offer));
    assert_non_null(offer_find(world->master, again));
}

static void revive_drops_filters_and_suppress_stops_offers(void **state) {
    struct world *world = *state;
    struct fake_scheduler *scheduler;
    char offer[100];

    world_add_agent(world, 0);
    scheduler = world_subscribe(world, 0, SUBSCRIBE_PLAIN);
    fake_scheduler_take_offer(scheduler, offer);
    fake_scheduler_call(scheduler, "DECLINE",
                        "\"decline\":{\"offer_ids\":[{\"value\":\"%s\"}],\"filters\":{\"refuse_seconds\":1000}}",
                        offer);
    expect_status(fake_scheduler_call(scheduler, "REVIVE", ""), 202);
    fake_scheduler_take_offer(scheduler, offer);
    expect_status(fake_scheduler_call(scheduler, "SUPPRESS", ""), 202);
    fake_scheduler_call(scheduler, "DECLINE",
                        "\"decline\":{\"offer_ids\":[{\"value\":\"%s\"}],\"filters\":{\"refuse_seconds\":0}}", offer);
    sim_run_for(world->sim, 20 * SECOND);
    assert_false(records_hold(&scheduler->records, "OFFERS"));
    assert_int_equal(framework_find(world->master, scheduler->framework_id)->suppressed_count, 1);
}

static void an_unanswered_offer_is_rescinded_after_the_offer_timeout(void **state) {
    struct world *world = *state;
    struct fake_scheduler *scheduler;
    char offer[100];

    world->flags.offer_timeout_ns = 5 * SECOND;
    world_add_agent(world, 0);
    scheduler = world_subscribe(world, 0, SUBSCRIBE_PLAIN);
    fake_scheduler_take_offer(scheduler, offer);
    sim_run_for(world->sim, 6 * SECOND);
    assert_non_null(records_take(&scheduler->records, "\"type\":\"RESCIND\""));
    assert_null(offer_find(world->master, offer));
}

/* Tasks */

static void a_task_is_launched_updated_acknowledged_and_completed(void **state) {
    struct world *world = *state;
    struct fake_agent *agent = world_add_agent(world, 0);
    struct fake_scheduler *scheduler = world_subscribe(world, 0, SUBSCRIBE_PLAIN);
    struct framework *framework = framework_find(world->master, scheduler->framework_id);
    char offer[100], *task = xasprintf(TASK("t"), agent->id);
    const char *event, *message;

    fake_scheduler_take_offer(scheduler, offer);
    expect_status(fake_scheduler_launch(scheduler, offer, task), 202);
    message = records_take(&agent->records, "RunTaskMessage");
    assert_non_null(message);
    assert_non_null(strstr(message, "\"launch_executor\":true"));
    assert_non_null(strstr(message, "\"allocation_info\":{\"role\":\"r\"}"));
    assert_non_null(strstr(message, "\"resource_version_uuids\""));
    assert_non_null(strstr(message, scheduler->framework_id));
    assert_int_equal(resources_scalar(&framework->used, "cpus"), 500);

    fake_agent_update(agent, scheduler->framework_id, "t", "TASK_RUNNING", 1);
    event = records_take(&scheduler->records, "\"type\":\"UPDATE\"");
    assert_non_null(event);
    assert_non_null(strstr(event, "\"uuid\":\"AQAAAAAAAAAAAAAAAAAAAA==\""));
    expect_status(fake_scheduler_acknowledge(scheduler, agent->id, "t", 1), 202);
    assert_non_null(records_take(&agent->records, "StatusUpdateAcknowledgementMessage"));

    fake_agent_update(agent, scheduler->framework_id, "t", "TASK_FINISHED", 2);
    assert_non_null(records_take(&scheduler->records, "TASK_FINISHED"));
    /* Over, but not acknowledged: its resources are free, the task is still known. */
    assert_int_equal(resources_scalar(&framework->used, "cpus"), 0);
    assert_int_equal(framework->tasks.count, 1);
    expect_status(fake_scheduler_acknowledge(scheduler, agent->id, "t", 2), 202);
    assert_non_null(records_take(&agent->records, "StatusUpdateAcknowledgementMessage"));
    assert_int_equal(framework->tasks.count, 0);
    assert_int_equal(framework->completed_task_count, 1);
    assert_int_equal(world->master->metrics.tasks_finished.value, 1);
    free(task);
}

static void what_a_launch_leaves_is_offered_again(void **state) {
    struct world *world = *state;
    struct fake_agent *agent = world_add_agent(world, 0);
    struct fake_scheduler *scheduler = world_subscribe(world, 0, SUBSCRIBE_PLAIN);
    char offer[100], *task = xasprintf(TASK("t"), agent->id);

    fake_scheduler_take_offer(scheduler, offer);
    fake_scheduler_launch(scheduler, offer, task);
    assert_non_null(strstr(fake_scheduler_take_offer(scheduler, offer), "\"scalar\":{\"value\":3.5}"));
    free(task);
}

static void one_bad_task_does_not_hurt_the_others(void **state) {
    struct world *world = *state;
    struct fake_agent *agent = world_add_agent(world, 0);
    struct fake_scheduler *scheduler = world_subscribe(world, 0, SUBSCRIBE_PLAIN);
    char offer[100], *tasks = xasprintf(TASK("a") "," TASK("a") "," TASK("b"), agent->id, agent->id, agent->id);
    const char *event;

    fake_scheduler_take_offer(scheduler, offer);
    expect_status(fake_scheduler_launch(scheduler, offer, tasks), 202);
    event = records_take(&scheduler->records, "TASK_ERROR");
    assert_non_null(event);
    assert_non_null(strstr(event, "Task has duplicate ID: a"));
    assert_non_null(strstr(event, "REASON_TASK_INVALID"));
    assert_non_null(records_take(&agent->records, "\"task_id\":{\"value\":\"a\"}"));
    assert_non_null(records_take(&agent->records, "\"task_id\":{\"value\":\"b\"}"));
    assert_int_equal(framework_find(world->master, scheduler->framework_id)->tasks.count, 2);
    free(tasks);
}

static void a_launch_on_an_unknown_offer_is_lost_or_dropped(void **state) {
    struct world *world = *state;
    struct fake_agent *agent = world_add_agent(world, 0);
    struct fake_scheduler *plain = world_subscribe(world, 0, SUBSCRIBE_PLAIN);
    struct fake_scheduler *aware = world_subscribe(world, 1, SUBSCRIBE_AWARE);
    char *task = xasprintf(TASK("t"), agent->id);
    const char *event;

    expect_status(fake_scheduler_launch(plain, "nope", task), 202);
    event = records_take(&plain->records, "TASK_LOST");
    assert_non_null(event);
    assert_non_null(strstr(event, "REASON_INVALID_OFFERS"));
    expect_status(fake_scheduler_launch(aware, "nope", task), 202);
    assert_non_null(records_take(&aware->records, "TASK_DROPPED"));
    free(task);
}

static void another_frameworks_offer_cannot_be_used(void **state) {
    struct world *world = *state;
    struct fake_agent *agent = world_add_agent(world, 0);
    struct fake_scheduler *owner = world_subscribe(world, 0, SUBSCRIBE_PLAIN);
    struct fake_scheduler *thief;
    char offer[100], *task = xasprintf(TASK("t"), agent->id);

    fake_scheduler_take_offer(owner, offer);
    thief = world_subscribe(world, 1, SUBSCRIBE_AWARE);
    expect_status(fake_scheduler_launch(thief, offer, task), 202);
    assert_non_null(records_take(&thief->records, "TASK_DROPPED"));
    assert_non_null(offer_find(world->master, offer));
    fake_scheduler_call(thief, "DECLINE", "\"decline\":{\"offer_ids\":[{\"value\":\"%s\"}]}", offer);
    assert_non_null(offer_find(world->master, offer));
    expect_status(fake_scheduler_launch(owner, offer, task), 202);
    assert_non_null(records_take(&agent->records, "RunTaskMessage"));
    free(task);
}

static void a_task_is_killed_at_its_agent(void **state) {
    struct world *world = *state;
    struct fake_agent *agent = world_add_agent(world, 0);
    struct fake_scheduler *scheduler = world_subscribe(world, 0, SUBSCRIBE_AWARE);

    world_run_task(world, scheduler, agent);
    expect_status(fake_scheduler_call(scheduler, "KILL", "\"kill\":{\"task_id\":{\"value\":\"t\"}}"), 202);
    assert_non_null(records_take(&agent->records, "KillTaskMessage"));
    expect_status(fake_scheduler_call(scheduler, "KILL", "\"kill\":{\"task_id\":{\"value\":\"nope\"}}"), 202);
    assert_non_null(records_take(&scheduler->records, "TASK_UNKNOWN"));
}

static void reconciliation_tells_what_is_known(void **state) {
    struct world *world = *state;
    struct fake_agent *agent = world_add_agent(world, 0);
    struct fake_scheduler *scheduler = world_subscribe(world, 0, SUBSCRIBE_AWARE);
    const char *event;

    world_run_task(world, scheduler, agent);
    expect_status(fake_scheduler_call(scheduler, "RECONCILE", "\"reconcile\":{}"), 202);
    event = records_take(&scheduler->records, "REASON_RECONCILIATION");
    assert_non_null(event);
    assert_non_null(strstr(event, "TASK_RUNNING"));
    assert_null(strstr(event, "uuid"));
    fake_scheduler_call(scheduler, "RECONCILE",
                        "\"reconcile\":{\"tasks\":[{\"task_id\":{\"value\":\"t\"}},{\"task_id\":{\"value\":\"x\"},"
                        "\"agent_id\":{\"value\":\"%s\"}},{\"task_id\":{\"value\":\"y\"}}]}",
                        agent->id);
    assert_non_null(records_take(&scheduler->records, "TASK_RUNNING"));
    assert_non_null(records_take(&scheduler->records, "TASK_GONE"));
    assert_non_null(records_take(&scheduler->records, "TASK_UNKNOWN"));
}

static void teardown_kills_tasks_and_shuts_the_framework_down(void **state) {
    struct world *world = *state;
    struct fake_agent *agent = world_add_agent(world, 0);
    struct fake_scheduler *scheduler = world_subscribe(world, 0, SUBSCRIBE_PLAIN);

    world_run_task(world, scheduler, agent);
    expect_status(fake_scheduler_call(scheduler, "TEARDOWN", ""), 202);
    assert_non_null(records_take(&agent->records, "ShutdownFrameworkMessage"));
    assert_int_equal(world->master->frameworks.count, 0);
    assert_int_equal(resources_scalar(&agent_find(world->master, agent->id)->used, "cpus"), 0);
    assert_int_equal(world->master->metrics.tasks_killed.value, 1);
}

static void messages_pass_in_both_directions(void **state) {
    struct world *world = *state;
    struct fake_agent *agent = world_add_agent(world, 0);
    struct fake_scheduler *scheduler = world_subscribe(world, 0, SUBSCRIBE_PLAIN);
    const char *message, *event;

    expect_status(fake_scheduler_call(scheduler, "MESSAGE",
                                      "\"message\":{\"agent_id\":{\"value\":\"%s\"},\"executor_id\":{\"value\":\"e\"},"
                                      "\"data\":\"aGVsbG8=\"}",
                                      agent->id),
                  202);
    message = records_take(&agent->records, "FrameworkToExecutorMessage");
    assert_non_null(message);
    assert_non_null(strstr(message, "aGVsbG8="));
    fake_agent_send_json(agent, &mesos__internal__executor_to_framework_message__descriptor,
                         "{\"slave_id\":{\"value\":\"%s\"},\"framework_id\":{\"value\":\"%s\"},\"executor_id\":{"
                         "\"value\":\"e\"},\"data\":\"d29ybGQ=\"}",
                         agent->id, scheduler->framework_id);
    settle(world);
    event = records_take(&scheduler->records, "\"type\":\"MESSAGE\"");
    assert_non_null(event);
    assert_non_null(strstr(event, "d29ybGQ="));
}

static void an_executor_that_exited_is_told_and_its_resources_are_free(void **state) {
    struct world *world = *state;
    struct fake_agent *agent = world_add_agent(world, 0);
    struct fake_scheduler *scheduler = world_subscribe(world, 0, SUBSCRIBE_PLAIN);
    char offer[100];
    char *task = xasprintf(
        "{\"name\":\"t\",\"task_id\":{\"value\":\"t\"},\"agent_id\":{\"value\":\"%s\"},\"resources\":[{\"name\":"
        "\"cpus\",\"type\":\"SCALAR\",\"scalar\":{\"value\":0.5}}],\"executor\":{\"executor_id\":{\"value\":\"e\"},"
        "\"command\":{\"value\":\"x\"},\"resources\":[{\"name\":\"cpus\",\"type\":\"SCALAR\",\"scalar\":{\"value\":"
        "0.1}}]}}",
        agent->id);
    const char *event;

    fake_scheduler_take_offer(scheduler, offer);
    fake_scheduler_launch(scheduler, offer, task);
    assert_non_null(records_take(&agent->records, "RunTaskMessage"));
    assert_int_equal(resources_scalar(&agent_find(world->master, agent->id)->used, "cpus"), 600);
    fake_agent_send_json(agent, &mesos__internal__exited_executor_message__descriptor,
                         "{\"slave_id\":{\"value\":\"%s\"},\"framework_id\":{\"value\":\"%s\"},\"executor_id\":{"
                         "\"value\":\"e\"},\"status\":256}",
                         agent->id, scheduler->framework_id);
    settle(world);
    event = records_take(&scheduler->records, "\"type\":\"FAILURE\"");
    assert_non_null(event);
    assert_non_null(strstr(event, "\"status\":256"));
    assert_int_equal(resources_scalar(&agent_find(world->master, agent->id)->used, "cpus"), 500);
    free(task);
}

/* Limits */

static void a_subscriber_that_does_not_read_is_cut_and_disturbs_nobody(void **state) {
    struct world *world = *state;
    struct http_limits limits = http_default_limits;
    struct fake_scheduler *sleeper, *other;
    char offer[100];

    master_free(world->master);
    limits.stream_pending_bytes = 100000;
    world_start_master(world, &limits);
    world_add_agent(world, 0);
    sleeper = world_subscribe(world, 0, SUBSCRIBE_PLAIN);
    http_call_set_reading(sleeper->stream, false);
    /* Answers without end, each some 300 bytes. */
    for (int i = 0; i < 20000 && framework_is_connected(framework_find(world->master, sleeper->framework_id)); i += 50)
        fake_scheduler_call(sleeper, "RECONCILE",
                            "\"reconcile\":{\"tasks\":[{\"task_id\":{\"value\":\"a\"}},{\"task_id\":{\"value\":\"b\"}},"
                            "{\"task_id\":{\"value\":\"c\"}},{\"task_id\":{\"value\":\"d\"}},{\"task_id\":{\"value\":"
                            "\"e\"}}]}");
    assert_int_equal(framework_find(world->master, sleeper->framework_id)->state, FRAMEWORK_DISCONNECTED);
    other = world_subscribe(world, 1, SUBSCRIBE_AWARE);
    fake_scheduler_take_offer(other, offer);
}

static void history_is_bounded(void **state) {
    struct world *world = *state;
    struct fake_agent *agent = world_add_agent(world, 0);
    struct fake_scheduler *scheduler = world_subscribe(world, 0, SUBSCRIBE_PLAIN);
    struct framework *framework = framework_find(world->master, scheduler->framework_id);

    world->flags.max_completed_tasks_per_framework = 3;
    world->flags.max_completed_frameworks = 1;
    for (int i = 0; i < 5; i++) {
        world_run_task(world, scheduler, agent);
        fake_agent_update(agent, scheduler->framework_id, "t", "TASK_FINISHED", 10 + i);
        fake_scheduler_acknowledge(scheduler, agent->id, "t", 10 + i);
    }
    assert_int_equal(framework->completed_task_count, 3);
    fake_scheduler_call(scheduler, "TEARDOWN", "");
    scheduler = world_subscribe(world, 1, SUBSCRIBE_PLAIN);
    fake_scheduler_call(scheduler, "TEARDOWN", "");
    assert_int_equal(world->master->completed_frameworks.count, 1);
}

#define SUBSCRIBE_CONSTRAINED \
    "{\"type\":\"SUBSCRIBE\",\"subscribe\":{\"framework_info\":{\"user\":\"u\",\"name\":\"n\",\"roles\":[\"r\"]," \
    "\"capabilities\":[{\"type\":\"MULTI_ROLE\"}]},\"offer_constraints\":{\"role_constraints\":{\"r\":{\"groups\":[{" \
    "\"attribute_constraints\":[{\"selector\":{\"attribute_name\":\"rack\"},\"predicate\":{\"text_matches\":{" \
    "\"regex\":\"(a+){50}\"}}}]}]}}}}}"

static void flags_limit_regular_expressions(void **state) {
    struct world *world = *state;
    struct fake_scheduler *scheduler = world_subscribe(world, 0, SUBSCRIBE_CONSTRAINED);
    const char *event = records_take(&scheduler->records, "\"type\":\"ERROR\"");

    assert_non_null(event);
    assert_non_null(strstr(event, "Offer constraints are not valid: "));
    assert_non_null(strstr(event, "is too complex: program size of 126 is larger than maximum of 100 allowed"));
    master_free(world->master);
    world->flags.offer_constraints_re2_max_program_size = 126;
    world_start_master(world, NULL);
    scheduler = world_subscribe(world, 1, SUBSCRIBE_CONSTRAINED);
    assert_non_null(records_take(&scheduler->records, "\"type\":\"SUBSCRIBED\""));
    master_free(world->master);
    world->flags.offer_constraints_re2_max_mem_bytes = 500;
    world_start_master(world, NULL);
    scheduler = world_subscribe(world, 2, SUBSCRIBE_CONSTRAINED);
    event = records_take(&scheduler->records, "\"type\":\"ERROR\"");
    assert_non_null(event);
    assert_non_null(strstr(event, "pattern too large - compile failed"));
}

static void write_whitelist(struct world *world, const char *text) {
    assert_int_equal(env_file_write_now(sim_node_env(world->master_node), "/hosts", text, strlen(text), NULL), 0);
}

static void only_hosts_of_the_whitelist_are_offered(void **state) {
    struct world *world = *state;
    struct fake_agent *agents[2];
    struct fake_scheduler *scheduler;
    char offer[100];
    const char *event;

    master_free(world->master);
    world->flags.whitelist = xstrdup("file:///hosts");
    write_whitelist(world, "host1\nhost2\n");
    world_start_master(world, NULL);
    agents[0] = world_add_agent(world, 0);
    agents[1] = world_add_agent(world, 1);
    scheduler = world_subscribe(world, 0, SUBSCRIBE_PLAIN);
    event = fake_scheduler_take_offer(scheduler, offer);
    assert_non_null(strstr(event, agents[1]->id));
    sim_run_for(world->sim, 6 * SECOND);
    assert_false(records_hold(&scheduler->records, agents[0]->id));
    write_whitelist(world, "host0\n");
    sim_run_for(world->sim, 7 * SECOND);
    event = fake_scheduler_take_offer(scheduler, offer);
    assert_non_null(strstr(event, agents[0]->id));
    /* What can not be read changes nothing; an empty list is one without hosts. */
    assert_int_equal(env_file_remove(sim_node_env(world->master_node), "/hosts", NULL), 0);
    expect_status(fake_scheduler_call(scheduler, "DECLINE",
                                      "\"decline\":{\"offer_ids\":[{\"value\":\"%s\"}],\"filters\":{"
                                      "\"refuse_seconds\":0}}",
                                      offer),
                  202);
    sim_run_for(world->sim, 7 * SECOND);
    fake_scheduler_take_offer(scheduler, offer);
    write_whitelist(world, "");
    sim_run_for(world->sim, 6 * SECOND);
    expect_status(fake_scheduler_call(scheduler, "DECLINE",
                                      "\"decline\":{\"offer_ids\":[{\"value\":\"%s\"}],\"filters\":{"
                                      "\"refuse_seconds\":0}}",
                                      offer),
                  202);
    records_clear(&scheduler->records);
    sim_run_for(world->sim, 7 * SECOND);
    assert_false(records_hold(&scheduler->records, "OFFERS"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        WORLD_TEST(flags_limit_regular_expressions),
        WORLD_TEST(only_hosts_of_the_whitelist_are_offered),
        WORLD_TEST(a_framework_is_subscribed_with_an_id_and_heartbeats),
        WORLD_TEST(a_refused_framework_gets_an_error_on_its_stream),
        WORLD_TEST(a_second_subscription_ends_the_first_stream),
        WORLD_TEST(a_framework_that_does_not_come_back_is_removed_after_its_failover_timeout),
        WORLD_TEST(a_removed_framework_cannot_subscribe_again),
        WORLD_TEST(a_framework_can_change_its_roles_without_subscribing),
        WORLD_TEST(an_offer_holds_what_the_agent_has),
        WORLD_TEST(a_declined_offer_comes_again_after_its_filter),
        WORLD_TEST(revive_drops_filters_and_suppress_stops_offers),
        WORLD_TEST(an_unanswered_offer_is_rescinded_after_the_offer_timeout),
        WORLD_TEST(a_task_is_launched_updated_acknowledged_and_completed),
        WORLD_TEST(what_a_launch_leaves_is_offered_again),
        WORLD_TEST(one_bad_task_does_not_hurt_the_others),
        WORLD_TEST(a_launch_on_an_unknown_offer_is_lost_or_dropped),
        WORLD_TEST(another_frameworks_offer_cannot_be_used),
        WORLD_TEST(a_task_is_killed_at_its_agent),
        WORLD_TEST(reconciliation_tells_what_is_known),
        WORLD_TEST(teardown_kills_tasks_and_shuts_the_framework_down),
        WORLD_TEST(messages_pass_in_both_directions),
        WORLD_TEST(an_executor_that_exited_is_told_and_its_resources_are_free),
        WORLD_TEST(a_subscriber_that_does_not_read_is_cut_and_disturbs_nobody),
        WORLD_TEST(history_is_bounded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
