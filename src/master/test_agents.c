/* SPDX-License-Identifier: Apache-2.0 */
/* Agents that come, go silent, come back and leave, and what frameworks hear of it. */
#include "master/test_world.h"

static void reregister(struct fake_agent *agent, const char *framework_id, const char *task_state, const char *extra) {
    char *frameworks = framework_id == NULL
                           ? xstrdup("")
                           : xasprintf(
                                 ",\"frameworks\":[{\"user\":\"root\",\"name\":\"aware\",\"roles\":[\"r\"],\"id\":{"
                                 "\"value\":\"%s\"},\"checkpoint\":true,\"capabilities\":[{\"type\":"
                                 "\"MULTI_ROLE\"},{\"type\":\"PARTITION_AWARE\"}]}]",
                                 framework_id);
    char *tasks = task_state == NULL
                      ? xstrdup("")
                      : xasprintf(",\"tasks\":[{\"name\":\"t\",\"task_id\":{\"value\":\"t\"},\"framework_id\":{"
                                  "\"value\":\"%s\"},\"agent_id\":{\"value\":\"%s\"},\"state\":\"%s\",\"resources\":["
                                  "{\"name\":\"cpus\",\"type\":\"SCALAR\",\"scalar\":{\"value\":0.5},"
                                  "\"allocation_info\":{\"role\":\"r\"}}]}]",
                                  framework_id, agent->id, task_state);

    fake_agent_send_json(agent, &mesos__internal__reregister_slave_message__descriptor,
                         "{\"slave\":{\"hostname\":\"host0\",\"port\":5051,\"id\":{\"value\":\"%s\"}," AGENT_RESOURCES
                         "}," AGENT_CAPABILITIES "%s%s%s}",
                         agent->id, frameworks, tasks, extra);
    settle(agent->world);
    free(frameworks);
    free(tasks);
}

static void an_agent_is_registered_with_an_id_and_pinged(void **state) {
    struct world *world = *state;
    struct fake_agent *agent = world_add_agent(world, 0);
    char *id = xasprintf("%s-S0", world->master->id);

    assert_string_equal(agent->id, id);
    assert_int_equal(agent->pings, 1);
    sim_run_for(world->sim, 46 * SECOND);
    assert_int_equal(agent->pings, 4);
    assert_non_null(agent_find(world->master, id));
    free(id);
}

static void a_repeated_registration_gets_the_same_id(void **state) {
    struct world *world = *state;
    struct fake_agent *agent = world_add_agent(world, 0);
    char *message;

    fake_agent_send_json(agent, &mesos__internal__register_slave_message__descriptor,
                         "{\"slave\":{\"hostname\":\"host0\"," AGENT_RESOURCES "}," AGENT_CAPABILITIES "}");
    settle(world);
    message = xasprintf("SlaveRegisteredMessage {\"slave_id\":{\"value\":\"%s\"}", agent->id);
    assert_non_null(records_take(&agent->records, message));
    assert_int_equal(world->master->agents.count, 1);
    free(message);
}

static void old_and_broken_agents_are_refused(void **state) {
    struct world *world = *state;
    struct fake_agent *agent = world_add_process(world, 0, "slave(1)");

    fake_agent_send_json(agent, &mesos__internal__register_slave_message__descriptor,
                         "{\"slave\":{\"hostname\":\"host0\"},\"version\":\"0.28.2\"}");
    fake_agent_send_json(agent, &mesos__internal__register_slave_message__descriptor,
                         "{\"slave\":{\"hostname\":\"host0\"},\"version\":\"\"}");
    fake_agent_send_json(agent, &mesos__internal__register_slave_message__descriptor,
                         "{\"slave\":{\"hostname\":\"host0\",\"resources\":[{\"name\":\"cpus\",\"type\":\"SCALAR\","
                         "\"scalar\":{\"value\":-1}}]},\"version\":\"1.11.0\"}");
    process_send(&agent->process, &world->master->pid, "mesos.internal.RegisterSlaveMessage", "\xff\xff", 2);
    process_send(&agent->process, &world->master->pid, "mesos.internal.NoSuchMessage", "", 0);
    settle(world);
    assert_int_equal(world->master->agents.count, 0);
    assert_int_equal(world->master->metrics.dropped_messages.value, 2);
    assert_int_equal(agent->records.count, 0);
}

static void a_silent_agent_is_unreachable_after_75_seconds(void **state) {
    struct world *world = *state;
    struct fake_agent *agent = world_add_agent(world, 0);
    struct fake_scheduler *scheduler = world_subscribe(world, 0, SUBSCRIBE_AWARE);
    const char *event;

    world_run_task(world, scheduler, agent);
    agent->is_mute = true;
    sim_run_for(world->sim, 74 * SECOND);
    assert_non_null(agent_find(world->master, agent->id));
    sim_run_for(world->sim, 17 * SECOND);
    assert_null(agent_find(world->master, agent->id));
    event = records_take(&scheduler->records, "TASK_UNREACHABLE");
    assert_non_null(event);
    assert_non_null(strstr(event, "REASON_AGENT_REMOVED"));
    assert_non_null(strstr(event, "unreachable_time"));
    assert_non_null(records_take(&scheduler->records, "\"type\":\"FAILURE\""));
    assert_int_equal(framework_find(world->master, scheduler->framework_id)->unreachable_tasks.count, 1);
    fake_scheduler_call(scheduler, "RECONCILE",
                        "\"reconcile\":{\"tasks\":[{\"task_id\":{\"value\":\"t\"},\"agent_id\":{\"value\":\"%s\"}}]}",
                        agent->id);
    assert_non_null(records_take(&scheduler->records, "TASK_UNREACHABLE"));
}

static void tasks_of_an_unaware_framework_are_lost_with_their_agent(void **state) {
    struct world *world = *state;
    struct fake_agent *agent = world_add_agent(world, 0);
    struct fake_scheduler *scheduler = world_subscribe(world, 0, SUBSCRIBE_PLAIN);

    world_run_task(world, scheduler, agent);
    agent->is_mute = true;
    sim_run_for(world->sim, 100 * SECOND);
    assert_non_null(records_take(&scheduler->records, "TASK_LOST"));
    assert_int_equal(world->master->metrics.tasks_lost.value, 1);
}

static void an_unreachable_agent_comes_back_with_its_tasks(void **state) {
    struct world *world = *state;
    struct fake_agent *agent = world_add_agent(world, 0);
    struct fake_scheduler *scheduler = world_subscribe(world, 0, SUBSCRIBE_AWARE);
    struct framework *framework = framework_find(world->master, scheduler->framework_id);
    const char *event;

    world_run_task(world, scheduler, agent);
    agent->is_mute = true;
    sim_run_for(world->sim, 100 * SECOND);
    assert_non_null(records_take(&scheduler->records, "TASK_UNREACHABLE"));
    agent->is_mute = false;
    reregister(agent, scheduler->framework_id, "TASK_RUNNING", "");
    assert_non_null(records_take(&agent->records, "SlaveReregisteredMessage"));
    assert_non_null(records_take(&agent->records, "UpdateFrameworkMessage"));
    event = records_take(&scheduler->records, "REASON_AGENT_REREGISTERED");
    assert_non_null(event);
    assert_non_null(strstr(event, "TASK_RUNNING"));
    assert_int_equal(framework->tasks.count, 1);
    assert_int_equal(framework->unreachable_tasks.count, 0);
    assert_int_equal(world->master->unreachable_agents.count, 0);
    assert_int_equal(resources_scalar(&agent_find(world->master, agent->id)->used, "cpus"), 500);
}

static void an_agent_that_forgot_how_a_task_ended_does_not_end_it_anew(void **state) {
    struct world *world = *state;
    struct fake_agent *agent = world_add_agent(world, 0);
    struct fake_scheduler *scheduler = world_subscribe(world, 0, SUBSCRIBE_AWARE);
    struct framework *framework = framework_find(world->master, scheduler->framework_id);

    world_run_task(world, scheduler, agent);
    fake_agent_update(agent, scheduler->framework_id, "t", "TASK_KILLED", 2);
    assert_non_null(records_take(&scheduler->records, "TASK_KILLED"));
    reregister(agent, scheduler->framework_id, NULL, "");
    fake_agent_update(agent, scheduler->framework_id, "t", "TASK_DROPPED", 3);
    assert_false(records_hold(&scheduler->records, "TASK_DROPPED"));
    assert_non_null(records_take(&scheduler->records, "TASK_KILLED"));
    fake_scheduler_call(scheduler, "ACKNOWLEDGE",
                        "\"acknowledge\":{\"agent_id\":{\"value\":\"%s\"},\"task_id\":{\"value\":\"t\"},"
                        "\"uuid\":\"AwAAAAAAAAAAAAAAAAAAAA==\"}",
                        agent->id);
    assert_int_equal(framework->tasks.count, 0);
    assert_int_equal(framework->completed_task_count, 1);
}

/* The launch may still be on its way while the agent is unreachable, and arrive after it is back. */
static void a_task_that_came_late_to_an_agent_that_is_back_stays_gone(void **state) {
    struct world *world = *state;
    struct fake_agent *agent = world_add_agent(world, 0);
    struct fake_scheduler *scheduler = world_subscribe(world, 0, SUBSCRIBE_AWARE);
    struct framework *framework = framework_find(world->master, scheduler->framework_id);

    world_run_task(world, scheduler, agent);
    agent->is_mute = true;
    sim_run_for(world->sim, 100 * SECOND);
    assert_non_null(records_take(&scheduler->records, "TASK_UNREACHABLE"));
    agent->is_mute = false;
    reregister(agent, scheduler->framework_id, NULL, "");
    assert_int_equal(framework->unreachable_tasks.count, 0);
    assert_int_equal(world->master->unreachable_agents.count, 0);

    fake_agent_update(agent, scheduler->framework_id, "t", "TASK_RUNNING", 7);
    assert_non_null(records_take(&agent->records, "StatusUpdateAcknowledgementMessage"));
    assert_non_null(records_take(&agent->records, "KillTaskMessage"));
    fake_agent_update(agent, scheduler->framework_id, "t", "TASK_KILLED", 8);
    assert_non_null(records_take(&agent->records, "StatusUpdateAcknowledgementMessage"));
    assert_null(records_take(&agent->records, "KillTaskMessage"));
    assert_false(records_hold(&scheduler->records, "\"type\":\"UPDATE\""));
    fake_scheduler_call(scheduler, "RECONCILE",
                        "\"reconcile\":{\"tasks\":[{\"task_id\":{\"value\":\"t\"},\"agent_id\":{\"value\":\"%s\"}}]}",
                        agent->id);
    assert_non_null(records_take(&scheduler->records, "TASK_GONE"));
}

static void another_end_in_an_agents_history_is_not_taken_over(void **state) {
    struct world *world = *state;
    struct fake_agent *agent = world_add_agent(world, 0);
    struct fake_scheduler *scheduler = world_subscribe(world, 0, SUBSCRIBE_AWARE);
    cleanup_free char *history = xasprintf(
        ",\"completed_frameworks\":[{\"framework_info\":{\"user\":\"root\",\"name\":\"aware\",\"id\":{\"value\":"
        "\"%s\"}},\"tasks\":[{\"name\":\"t\",\"task_id\":{\"value\":\"t\"},\"framework_id\":{\"value\":\"%s\"},"
        "\"agent_id\":{\"value\":\"%s\"},\"state\":\"TASK_FAILED\"},{\"name\":\"u\",\"task_id\":{\"value\":\"u\"},"
        "\"framework_id\":{\"value\":\"%s\"},\"agent_id\":{\"value\":\"%s\"},\"state\":\"TASK_FAILED\"}]}]",
        scheduler->framework_id, scheduler->framework_id, agent->id, scheduler->framework_id, agent->id);

    world_run_task(world, scheduler, agent);
    agent->is_mute = true;
    sim_run_for(world->sim, 100 * SECOND);
    agent->is_mute = false;
    reregister(agent, scheduler->framework_id, NULL, "");
    agent->is_mute = true;
    sim_run_for(world->sim, 100 * SECOND);
    agent->is_mute = false;
    reregister(agent, NULL, NULL, history);
    assert_int_equal(framework_find(world->master, scheduler->framework_id)->completed_task_count, 2);
    fake_scheduler_call(scheduler, "RECONCILE",
                        "\"reconcile\":{\"tasks\":[{\"task_id\":{\"value\":\"t\"},\"agent_id\":{\"value\":\"%s\"}}]}",
                        agent->id);
    assert_non_null(records_take(&scheduler->records, "TASK_GONE"));
    assert_false(records_hold(&scheduler->records, "TASK_FAILED"));
}

static void a_task_that_ended_before_its_agent_was_unreachable_does_not_begin_again(void **state) {
    struct world *world = *state;
    struct fake_agent *agent = world_add_agent(world, 0);
    struct fake_scheduler *scheduler = world_subscribe(world, 0, SUBSCRIBE_AWARE);
    struct framework *framework = framework_find(world->master, scheduler->framework_id);

    world_run_task(world, scheduler, agent);
    fake_agent_update(agent, scheduler->framework_id, "t", "TASK_FINISHED", 2);
    assert_non_null(records_take(&scheduler->records, "TASK_FINISHED"));
    agent->is_mute = true;
    sim_run_for(world->sim, 100 * SECOND);
    assert_false(records_hold(&scheduler->records, "TASK_UNREACHABLE"));
    assert_non_null(records_take(&scheduler->records, "TASK_FINISHED"));
    assert_int_equal(framework->unreachable_tasks.count, 0);
    assert_int_equal(framework->completed_task_count, 1);
    agent->is_mute = false;
    reregister(agent, scheduler->framework_id, "TASK_RUNNING", "");
    assert_non_null(records_take(&agent->records, "KillTaskMessage"));
    assert_false(records_hold(&scheduler->records, "\"type\":\"UPDATE\""));
    assert_int_equal(framework->tasks.count, 0);
}

static void an_unreachable_agent_outlives_the_frameworks_of_its_tasks(void **state) {
    struct world *world = *state;
    struct fake_agent *agent = world_add_agent(world, 0);
    struct fake_scheduler *scheduler = world_subscribe(world, 0, SUBSCRIBE_AWARE);
    struct framework *framework = framework_find(world->master, scheduler->framework_id);

    world_run_task(world, scheduler, agent);
    agent->is_mute = true;
    sim_run_for(world->sim, 100 * SECOND);
    assert_int_equal(framework->unreachable_tasks.count, 1);
    fake_scheduler_call(scheduler, "TEARDOWN", "\"teardown\":{}");
    assert_true(framework_is_completed(world->master, scheduler->framework_id));
    agent->is_mute = false;
    reregister(agent, NULL, NULL, "");
    assert_int_equal(world->master->unreachable_agents.count, 0);
    assert_int_equal(framework->completed_task_count, 1);
}

static void a_disconnected_agent_gets_no_offers_and_may_come_back(void **state) {
    struct world *world = *state;
    struct fake_agent *agent = world_add_agent(world, 0);
    struct fake_scheduler *scheduler = world_subscribe(world, 0, SUBSCRIBE_AWARE);
    struct framework *framework = framework_find(world->master, scheduler->framework_id);
    char offer[100];
    struct address address = address_tcp("10.0.1.1", 5051);

    world_run_task(world, scheduler, agent);
    fake_scheduler_take_offer(scheduler, offer);
    process_done(&agent->process);
    process_endpoint_free(agent->endpoint);
    settle(world);
    assert_int_equal(agent_find(world->master, agent->id)->state, AGENT_DISCONNECTED);
    assert_non_null(records_take(&scheduler->records, "\"type\":\"RESCIND\""));
    assert_int_equal(framework->tasks.count, 1);
    fake_scheduler_call(scheduler, "KILL", "\"kill\":{\"task_id\":{\"value\":\"t\"}}");

    agent->endpoint = process_endpoint_new(sim_node_env(agent->node), agent->router, NULL);
    assert_int_equal(process_endpoint_listen(agent->endpoint, &address, NULL, NULL), 0);
    process_init(&agent->process, agent->endpoint, "slave(1)", fake_agent_ops());
    reregister(agent, scheduler->framework_id, "TASK_RUNNING", "");
    assert_int_equal(agent_find(world->master, agent->id)->state, AGENT_ACTIVE);
    assert_non_null(records_take(&agent->records, "SlaveReregisteredMessage"));
    assert_non_null(records_take(&agent->records, "KillTaskMessage"));
    fake_scheduler_take_offer(scheduler, offer);
}

static void a_disconnected_agent_is_unreachable_after_the_timeout_even_if_it_answers_pings(void **state) {
    struct world *world = *state;
    struct fake_agent *agent = world_add_agent(world, 0);
    struct agent *known = agent_find(world->master, agent->id);

    agent_disconnected(known);
    sim_run_for(world->sim, 590 * SECOND);
    assert_ptr_equal(agent_find(world->master, agent->id), known);
    assert_true(agent->pings_disconnected > 10);
    sim_run_for(world->sim, 11 * SECOND);
    assert_null(agent_find(world->master, agent->id));
    assert_int_equal(world->master->unreachable_agents.count, 1);
}

static void tasks_of_a_framework_without_checkpoints_are_lost_when_the_agent_disconnects(void **state) {
    struct world *world = *state;
    struct fake_agent *agent = world_add_agent(world, 0);
    struct fake_scheduler *scheduler = world_subscribe(world, 0, SUBSCRIBE_AS("volatile", "],\"failover_timeout\":9"));
    const char *event;

    world_run_task(world, scheduler, agent);
    agent_disconnected(agent_find(world->master, agent->id));
    settle(world);
    event = records_take(&scheduler->records, "TASK_LOST");
    assert_non_null(event);
    assert_non_null(strstr(event, "REASON_AGENT_DISCONNECTED"));
    assert_int_equal(framework_find(world->master, scheduler->framework_id)->tasks.count, 0);
}

static void a_task_that_the_agent_has_forgotten_is_reconciled(void **state) {
    struct world *world = *state;
    struct fake_agent *agent = world_add_agent(world, 0);
    struct fake_scheduler *scheduler = world_subscribe(world, 0, SUBSCRIBE_AWARE);
    const char *message;

    world_run_task(world, scheduler, agent);
    reregister(agent, scheduler->framework_id, NULL, "");
    message = records_take(&agent->records, "SlaveReregisteredMessage");
    assert_non_null(message);
    assert_non_null(strstr(message, "\"reconciliations\""));
    assert_non_null(strstr(message, "\"task_id\":{\"value\":\"t\"}"));
}

static void an_agent_brings_the_frameworks_of_an_earlier_master(void **state) {
    struct world *world = *state;
    struct fake_agent *agent = world_add_process(world, 0, "slave(1)");
    struct fake_scheduler *scheduler;
    struct framework *framework;

    snprintf(agent->id, sizeof(agent->id), "old-S7");
    reregister(agent, "old-0001", "TASK_RUNNING", "");
    assert_non_null(records_take(&agent->records, "SlaveReregisteredMessage"));
    framework = framework_find(world->master, "old-0001");
    assert_non_null(framework);
    assert_int_equal(framework->state, FRAMEWORK_RECOVERED);
    assert_int_equal(framework->tasks.count, 1);
    scheduler = world_subscribe(world, 0,
                                "{\"type\":\"SUBSCRIBE\",\"framework_id\":{\"value\":\"old-0001\"},\"subscribe\":{"
                                "\"framework_info\":{\"user\":\"root\",\"name\":\"aware\",\"roles\":[\"r\"],\"id\":{"
                                "\"value\":\"old-0001\"},\"checkpoint\":true,\"capabilities\":[{\"type\":"
                                "\"MULTI_ROLE\"},{\"type\":\"PARTITION_AWARE\"}]}}}");
    assert_non_null(records_take(&scheduler->records, "\"type\":\"SUBSCRIBED\""));
    assert_ptr_equal(framework_find(world->master, "old-0001"), framework);
    fake_scheduler_call(scheduler, "RECONCILE", "\"reconcile\":{}");
    assert_non_null(records_take(&scheduler->records, "TASK_RUNNING"));
    fake_agent_update(agent, "old-0001", "t", "TASK_FINISHED", 9);
    assert_non_null(records_take(&scheduler->records, "TASK_FINISHED"));
}

static void an_agent_with_another_address_cannot_take_an_id(void **state) {
    struct world *world = *state;
    struct fake_agent *agent = world_add_agent(world, 0), *thief = world_add_process(world, 1, "slave(1)");

    snprintf(thief->id, sizeof(thief->id), "%s", agent->id);
    reregister(thief, NULL, NULL, "");
    assert_non_null(records_take(&thief->records, "ShutdownMessage"));
    assert_string_equal(agent_find(world->master, agent->id)->pid_text, "slave(1)@10.0.1.1:5051");
}

static void nobody_sends_updates_for_another_agent(void **state) {
    struct world *world = *state;
    struct fake_agent *agent = world_add_agent(world, 0), *thief = world_add_process(world, 1, "slave(1)");
    struct fake_scheduler *scheduler = world_subscribe(world, 0, SUBSCRIBE_AWARE);

    world_run_task(world, scheduler, agent);
    snprintf(thief->id, sizeof(thief->id), "%s", agent->id);
    fake_agent_update(thief, scheduler->framework_id, "t", "TASK_FAILED", 5);
    assert_false(records_hold(&scheduler->records, "TASK_FAILED"));
    assert_int_equal(world->master->metrics.invalid_status_updates.value, 1);
}

static void an_agent_that_unregisters_is_removed(void **state) {
    struct world *world = *state;
    struct fake_agent *agent = world_add_agent(world, 0);
    struct fake_scheduler *scheduler = world_subscribe(world, 0, SUBSCRIBE_AWARE);

    world_run_task(world, scheduler, agent);
    fake_agent_send_json(agent, &mesos__internal__unregister_slave_message__descriptor,
                         "{\"slave_id\":{\"value\":\"%s\"}}", agent->id);
    settle(world);
    assert_int_equal(world->master->agents.count, 0);
    assert_non_null(records_take(&scheduler->records, "TASK_LOST"));
    assert_non_null(records_take(&scheduler->records, "\"type\":\"FAILURE\""));
    assert_int_equal(world->master->metrics.slave_removals_reason_unregistered.value, 1);
}

static void an_agent_that_is_marked_gone_cannot_come_back(void **state) {
    struct world *world = *state;
    struct fake_agent *agent = world_add_agent(world, 0);
    struct fake_scheduler *scheduler = world_subscribe(world, 0, SUBSCRIBE_AWARE);

    world_run_task(world, scheduler, agent);
    agent_mark_gone(agent_find(world->master, agent->id));
    settle(world);
    assert_non_null(records_take(&scheduler->records, "TASK_GONE_BY_OPERATOR"));
    assert_non_null(records_take(&agent->records, "ShutdownMessage"));
    reregister(agent, scheduler->framework_id, "TASK_RUNNING", "");
    assert_non_null(records_take(&agent->records, "Agent has been marked gone"));
    assert_int_equal(world->master->agents.count, 0);
}

static void a_deactivated_agent_keeps_its_tasks_but_gets_no_offers(void **state) {
    struct world *world = *state;
    struct fake_agent *agent = world_add_agent(world, 0);
    struct fake_scheduler *scheduler = world_subscribe(world, 0, SUBSCRIBE_AWARE);
    struct agent *known = agent_find(world->master, agent->id);
    char offer[100];

    world_run_task(world, scheduler, agent);
    fake_scheduler_take_offer(scheduler, offer);
    agent_set_deactivated(known, true);
    settle(world);
    assert_non_null(records_take(&scheduler->records, "\"type\":\"RESCIND\""));
    sim_run_for(world->sim, 10 * SECOND);
    assert_false(records_hold(&scheduler->records, "OFFERS"));
    agent_disconnected(known);
    reregister(agent, scheduler->framework_id, "TASK_RUNNING", "");
    assert_int_equal(known->state, AGENT_DEACTIVATED);
    agent_set_deactivated(known, false);
    fake_scheduler_take_offer(scheduler, offer);
}

static void a_completed_framework_is_shut_down_on_an_agent_that_still_runs_it(void **state) {
    struct world *world = *state;
    struct fake_agent *agent = world_add_agent(world, 0);
    struct fake_scheduler *scheduler = world_subscribe(world, 0, SUBSCRIBE_AWARE);

    world_run_task(world, scheduler, agent);
    agent_disconnected(agent_find(world->master, agent->id));
    fake_scheduler_call(scheduler, "TEARDOWN", "");
    records_clear(&agent->records);
    reregister(agent, scheduler->framework_id, "TASK_RUNNING", "");
    assert_non_null(records_take(&agent->records, "ShutdownFrameworkMessage"));
}

static void an_agent_that_comes_back_with_less_has_its_offers_rescinded(void **state) {
    struct world *world = *state;
    struct fake_agent *agent = world_add_agent(world, 0);
    struct fake_scheduler *scheduler = world_subscribe(world, 0, SUBSCRIBE_AWARE);
    char offer[100];

    fake_scheduler_take_offer(scheduler, offer);
    fake_agent_send_json(
        agent, &mesos__internal__reregister_slave_message__descriptor,
        "{\"slave\":{\"hostname\":\"host0\",\"id\":{\"value\":\"%s\"},\"resources\":[{\"name\":\"cpus\","
        "\"type\":\"SCALAR\",\"scalar\":{\"value\":1}}]}," AGENT_CAPABILITIES "}",
        agent->id);
    settle(world);
    assert_non_null(records_take(&scheduler->records, "\"type\":\"RESCIND\""));
    assert_null(strstr(fake_scheduler_take_offer(scheduler, offer), "\"name\":\"mem\""));
}

static void oversubscribed_resources_are_offered_to_who_wants_them(void **state) {
    struct world *world = *state;
    struct fake_agent *agent = world_add_agent(world, 0);
    struct fake_scheduler *scheduler = world_subscribe(
        world, 0, SUBSCRIBE_AS("revocable", ",{\"type\":\"REVOCABLE_RESOURCES\"}]"));
    char offer[100];

    fake_scheduler_take_offer(scheduler, offer);
    fake_agent_send_json(
        agent, &mesos__internal__update_slave_message__descriptor,
        "{\"slave_id\":{\"value\":\"%s\"},\"update_oversubscribed_resources\":true,"
        "\"oversubscribed_resources\":[{\"name\":\"cpus\",\"type\":\"SCALAR\",\"scalar\":{\"value\":2},"
        "\"revocable\":{}}]}",
        agent->id);
    assert_non_null(strstr(fake_scheduler_take_offer(scheduler, offer), "\"revocable\":{}"));
}

static void oversubscribed_resources_are_kept_from_others(void **state) {
    struct world *world = *state;
    struct fake_agent *agent = world_add_agent(world, 0);
    struct fake_scheduler *scheduler = world_subscribe(world, 0, SUBSCRIBE_PLAIN);
    char offer[100];

    fake_scheduler_take_offer(scheduler, offer);
    fake_agent_send_json(
        agent, &mesos__internal__update_slave_message__descriptor,
        "{\"slave_id\":{\"value\":\"%s\"},\"update_oversubscribed_resources\":true,"
        "\"oversubscribed_resources\":[{\"name\":\"cpus\",\"type\":\"SCALAR\",\"scalar\":{\"value\":2},"
        "\"revocable\":{}}]}",
        agent->id);
    sim_run_for(world->sim, 5 * SECOND);
    assert_false(records_hold(&scheduler->records, "\"type\":\"OFFERS\""));
    fake_scheduler_call(scheduler, "DECLINE",
                        "\"decline\":{\"offer_ids\":[{\"value\":\"%s\"}],\"filters\":{\"refuse_seconds\":0}}", offer);
    assert_null(strstr(fake_scheduler_take_offer(scheduler, offer), "revocable"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        WORLD_TEST(an_agent_is_registered_with_an_id_and_pinged),
        WORLD_TEST(a_repeated_registration_gets_the_same_id),
        WORLD_TEST(old_and_broken_agents_are_refused),
        WORLD_TEST(a_silent_agent_is_unreachable_after_75_seconds),
        WORLD_TEST(tasks_of_an_unaware_framework_are_lost_with_their_agent),
        WORLD_TEST(an_unreachable_agent_comes_back_with_its_tasks),
        WORLD_TEST(another_end_in_an_agents_history_is_not_taken_over),
        WORLD_TEST(a_task_that_ended_before_its_agent_was_unreachable_does_not_begin_again),
        WORLD_TEST(an_unreachable_agent_outlives_the_frameworks_of_its_tasks),
        WORLD_TEST(an_agent_that_forgot_how_a_task_ended_does_not_end_it_anew),
        WORLD_TEST(a_task_that_came_late_to_an_agent_that_is_back_stays_gone),
        WORLD_TEST(a_disconnected_agent_gets_no_offers_and_may_come_back),
        WORLD_TEST(a_disconnected_agent_is_unreachable_after_the_timeout_even_if_it_answers_pings),
        WORLD_TEST(tasks_of_a_framework_without_checkpoints_are_lost_when_the_agent_disconnects),
        WORLD_TEST(a_task_that_the_agent_has_forgotten_is_reconciled),
        WORLD_TEST(an_agent_brings_the_frameworks_of_an_earlier_master),
        WORLD_TEST(an_agent_with_another_address_cannot_take_an_id),
        WORLD_TEST(nobody_sends_updates_for_another_agent),
        WORLD_TEST(an_agent_that_unregisters_is_removed),
        WORLD_TEST(an_agent_that_is_marked_gone_cannot_come_back),
        WORLD_TEST(a_deactivated_agent_keeps_its_tasks_but_gets_no_offers),
        WORLD_TEST(a_completed_framework_is_shut_down_on_an_agent_that_still_runs_it),
        WORLD_TEST(an_agent_that_comes_back_with_less_has_its_offers_rescinded),
        WORLD_TEST(oversubscribed_resources_are_offered_to_who_wants_them),
        WORLD_TEST(oversubscribed_resources_are_kept_from_others),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
