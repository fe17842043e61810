/* SPDX-License-Identifier: Apache-2.0 */
/* The scheduler driver on a simulated cluster with faults: what each callback and call promises. */
#include "scenario.h"

#define HEARD(task, state) scheduler_heard(scheduler, task, MESOS__V1__TASK_STATE__##state)
#define IS(task, state) scheduler_is(scheduler, task, MESOS__V1__TASK_STATE__##state)

static void start_registered(struct scheduler *scheduler) {
    scheduler_start(scheduler);
    AWAIT(scheduler->cluster, scheduler->registered + scheduler->reregistered > 0);
}

/* Also wait until the agents have their ids: one that registers twice, because its first answer was lost, ends. */
static void start_settled(struct scheduler *scheduler) {
    start_registered(scheduler);
    AWAIT(scheduler->cluster, scheduler_has_offer(scheduler, 0) && scheduler_has_offer(scheduler, 1));
    cluster_run(scheduler->cluster, 10 * SECOND);
}

/* Another scheduler that takes over the framework of @first. */
static void init_successor(struct scheduler *next, const struct scheduler *first) {
    scheduler_init(next, first->cluster);
    snprintf(next->framework_id, sizeof(next->framework_id), "%s", first->framework_id);
}

static void set_refuse(Mesos__V1__Filters *filters, double seconds) {
    mesos__v1__filters__init(filters);
    filters->has_refuse_seconds = true;
    filters->refuse_seconds = seconds;
}

static void decline(struct scheduler *scheduler, Mesos__V1__Offer *offer, double seconds) {
    Mesos__V1__Filters filters;

    set_refuse(&filters, seconds);
    mesos_scheduler_driver_decline_offer(scheduler->driver, offer->id, &filters);
    MESSAGE_FREE(offer);
}

/* Callbacks */

static void s1_registered_comes_once_whatever_breaks(struct cluster *cluster, struct scheduler *scheduler) {
    char id[128], master[128];

    start_settled(scheduler);
    scheduler->declines = true;
    snprintf(id, sizeof(id), "%s", scheduler->framework_id);
    snprintf(master, sizeof(master), "%s", scheduler->master_id);
    cluster_lose(cluster, 0.02, 0.02);
    cluster_run(cluster, 2 * MINUTE);
    cluster_kill_master(cluster);
    cluster_run(cluster, 5 * SECOND);
    cluster_start_master(cluster);
    cluster_run(cluster, 3 * MINUTE);
    cluster_lose(cluster, 0, 0);
    AWAIT(cluster, scheduler->reregistered > 0 && strcmp(scheduler->master_id, master) != 0);
    assert_int_equal(scheduler->registered, 1);
    assert_string_equal(scheduler->framework_id, id);
    assert_int_equal(scheduler->errors, 0);
}

static void s2_a_new_master_gives_reregistered_with_its_own_info(struct cluster *cluster, struct scheduler *scheduler) {
    char master[128];

    start_settled(scheduler);
    snprintf(master, sizeof(master), "%s", scheduler->master_id);
    cluster_kill_master(cluster);
    AWAIT(cluster, scheduler->disconnected == 1);
    cluster_start_master(cluster);
    AWAIT(cluster, scheduler->reregistered == 1);
    assert_string_not_equal(scheduler->master_id, master);
    assert_int_equal(scheduler->registered, 1);
}

static void s2_a_scheduler_that_takes_over_gets_reregistered(struct cluster *cluster, struct scheduler *scheduler) {
    struct scheduler next;

    start_registered(scheduler);
    scheduler_kill(scheduler);
    init_successor(&next, scheduler);
    start_registered(&next);
    assert_int_equal(next.registered, 0);
    assert_int_equal(next.reregistered, 1);
    scheduler_done(&next);
}

/* The fixture holds every offer against what it holds already: scheduler_done() fails if something is offered twice. */
static void s3_nothing_is_offered_twice(struct cluster *cluster, struct scheduler *scheduler) {
    start_settled(scheduler);
    for (int round = 0; round < 6; round++) {
        Mesos__V1__Offer *offer = scheduler_take_offer(scheduler, AGENTS);

        cluster_lose(cluster, 0.01, 0.005);
        if (round % 3 == 0)
            decline(scheduler, offer, 0);
        else
            MESSAGE_FREE(offer);
        cluster_kill_agent(cluster, (unsigned)round % AGENTS);
        cluster_run(cluster, 3 * SECOND);
        cluster_start_agent(cluster, (unsigned)round % AGENTS);
        cluster_run(cluster, 20 * SECOND);
        cluster_lose(cluster, 0, 0);
    }
}

static void s4_s5_what_is_launched_too_late_is_lost_aloud(struct cluster *cluster, struct scheduler *scheduler) {
    Mesos__V1__Offer *offer, *again;

    start_registered(scheduler);
    offer = scheduler_take_offer(scheduler, 0);
    cluster_crash_machine(cluster, 0);
    AWAIT(cluster, scheduler->rescinded > 0);
    again = MESSAGE_COPY(offer);
    scheduler_launch(scheduler, offer, make_command("late", offer, 10, 0));
    AWAIT(cluster, IS("late", TASK_LOST));
    assert_string_not_equal(scheduler_last(scheduler, "late")->message, "");
    scheduler_launch(scheduler, again, make_command("later", again, 10, 0));
    AWAIT(cluster, IS("later", TASK_LOST));
}

static void s5_partition_aware_frameworks_get_dropped_instead(struct cluster *cluster, struct scheduler *scheduler) {
    Mesos__V1__Offer *offer, *again;

    scheduler_add_capability(scheduler, MESOS__V1__FRAMEWORK_INFO__CAPABILITY__TYPE__PARTITION_AWARE);
    start_registered(scheduler);
    offer = scheduler_take_offer(scheduler, 0);
    again = MESSAGE_COPY(offer);
    scheduler_launch(scheduler, offer, make_command("first", offer, 10, 0));
    scheduler_launch(scheduler, again, make_command("second", again, 10, 0));
    AWAIT(cluster, IS("first", TASK_FINISHED) && IS("second", TASK_DROPPED));
    assert_true(scheduler_last(scheduler, "second")->reason >= 0);
}

static void s6_updates_come_in_order_and_until_acknowledged(struct cluster *cluster, struct scheduler *scheduler) {
    size_t running = 0, finished = 0;

    start_registered(scheduler);
    scheduler_run_command(scheduler, "task", 2000, 0);
    cluster_lose(cluster, 0.4, 0);
    AWAIT(cluster, HEARD("task", TASK_FINISHED) > 0);
    for (size_t i = 0; i < scheduler->status_count; i++)
        if (scheduler->statuses[i].state == MESOS__V1__TASK_STATE__TASK_FINISHED)
            finished = finished == 0 ? i : finished;
        else
            running = i;
    assert_true(running < finished);
    /* Once it is acknowledged it comes no more. */
    cluster_lose(cluster, 0, 0);
    cluster_run(cluster, 15 * MINUTE);
    finished = HEARD("task", TASK_FINISHED);
    cluster_run(cluster, 15 * MINUTE);
    assert_int_equal(HEARD("task", TASK_FINISHED), finished);
}

static void s6_an_abort_in_the_callback_brings_the_update_again(struct cluster *cluster, struct scheduler *scheduler) {
    struct scheduler next;

    start_registered(scheduler);
    scheduler_run_command(scheduler, "task", 500, 0);
    scheduler->abort_on_state = "TASK_FINISHED";
    AWAIT(cluster, HEARD("task", TASK_FINISHED) == 1);
    cluster_run(cluster, SECOND);
    assert_int_equal(mesos_scheduler_driver_join(scheduler->driver), MESOS_DRIVER_ABORTED);
    init_successor(&next, scheduler);
    scheduler_kill(scheduler);
    start_registered(&next);
    AWAIT(cluster, scheduler_is(&next, "task", MESOS__V1__TASK_STATE__TASK_FINISHED));
    assert_true(scheduler_last(&next, "task")->has_uuid);
    scheduler_done(&next);
}

static void s6_explicit_acknowledgements_are_the_schedulers(struct cluster *cluster, struct scheduler *scheduler) {
    unsigned again;

    scheduler->options.explicit_acknowledgements = true;
    start_registered(scheduler);
    scheduler_run_custom(scheduler, "task", "custom", "finish");
    /* The next update waits for the acknowledgement of this one, which comes again. */
    AWAIT(cluster, HEARD("task", TASK_RUNNING) >= 3);
    assert_int_equal(HEARD("task", TASK_FINISHED), 0);
    again = HEARD("task", TASK_RUNNING);
    mesos_scheduler_driver_acknowledge_status_update(scheduler->driver, scheduler_last(scheduler, "task")->whole);
    AWAIT(cluster, IS("task", TASK_FINISHED));
    assert_true(HEARD("task", TASK_RUNNING) <= again + 1);
    mesos_scheduler_driver_acknowledge_status_update(scheduler->driver, scheduler_last(scheduler, "task")->whole);
}

static void s7_d13_messages_arrive_unchanged(struct cluster *cluster, struct scheduler *scheduler) {
    const size_t size = (size_t)1 << 20;
    cleanup_free char *data = xmalloc(size);
    Mesos__V1__TaskStatus *status;

    for (size_t i = 0; i < size; i++)
        data[i] = (char)(i * 31 % 256);
    start_registered(scheduler);
    scheduler_run_custom(scheduler, "task", "echo", "stay");
    status = scheduler_last(scheduler, "task")->whole;
    mesos_scheduler_driver_send_framework_message(scheduler->driver, status->executor_id, status->agent_id, data, size);
    AWAIT(cluster, scheduler->messages >= 1);
    assert_int_equal(scheduler->last_message_size, size);
    assert_memory_equal(scheduler->last_message, data, size);
    assert_true(executors[0].messages >= 1);
}

static void s8_disconnected_comes_once_for_each_loss(struct cluster *cluster, struct scheduler *scheduler) {
    start_settled(scheduler);
    for (unsigned i = 1; i <= 3; i++) {
        if (i == 2) {
            /* Cut off for so long that the stream is given up. */
            sim_partition(cluster->sim, scheduler->node, cluster->master_node);
            AWAIT(cluster, scheduler->disconnected == i);
            sim_heal_all(cluster->sim);
        } else {
            cluster_kill_master(cluster);
            AWAIT(cluster, scheduler->disconnected == i);
            cluster_run(cluster, 20 * SECOND);
            cluster_start_master(cluster);
        }
        assert_int_equal(scheduler->offer_count, 0);
        AWAIT(cluster, scheduler->reregistered == i);
        assert_int_equal(scheduler->disconnected, i);
    }
}

static void s9_a_lost_agent_is_told_and_its_tasks_are_lost(struct cluster *cluster, struct scheduler *scheduler) {
    unsigned number;

    start_registered(scheduler);
    number = scheduler_run_command(scheduler, "task", 3600000, 0);
    cluster_crash_machine(cluster, number);
    AWAIT(cluster, scheduler->agents_lost == 1 && IS("task", TASK_LOST));
}

static void s9_partition_aware_tasks_are_unreachable_and_come_back(struct cluster *cluster,
                                                                   struct scheduler *scheduler) {
    unsigned number;

    scheduler_add_capability(scheduler, MESOS__V1__FRAMEWORK_INFO__CAPABILITY__TYPE__PARTITION_AWARE);
    start_registered(scheduler);
    number = scheduler_run_command(scheduler, "task", 3600000, 0);
    sim_partition(cluster->sim, cluster->places[number].machine.node, cluster->master_node);
    AWAIT(cluster, scheduler->agents_lost == 1 && IS("task", TASK_UNREACHABLE));
    sim_heal_all(cluster->sim);
    AWAIT(cluster, IS("task", TASK_RUNNING));
}

static void s10_a_killed_executor_is_lost_with_its_status(struct cluster *cluster, struct scheduler *scheduler) {
    unsigned number;

    start_registered(scheduler);
    number = scheduler_run_custom(scheduler, "task", "custom", "stay");
    assert_true(machine_kill_executor(&cluster->places[number].machine, 0));
    AWAIT(cluster, scheduler->executors_lost == 1);
    AWAIT(cluster, mesos_task_state_is_terminal(scheduler_last(scheduler, "task")->state));
    assert_int_equal(scheduler->lost_status, 9);
    assert_int_equal(scheduler_last(scheduler, "task")->reason,
                     MESOS__V1__TASK_STATUS__REASON__REASON_EXECUTOR_TERMINATED);
    assert_int_equal(scheduler_last(scheduler, "task")->source, MESOS__V1__TASK_STATUS__SOURCE__SOURCE_AGENT);
}

static void s10_the_task_of_a_killed_command_executor_has_failed(struct cluster *cluster, struct scheduler *scheduler) {
    unsigned number;

    start_registered(scheduler);
    number = scheduler_run_command(scheduler, "task", 3600000, 0);
    assert_true(machine_kill_executor(&cluster->places[number].machine, 0));
    AWAIT(cluster, IS("task", TASK_FAILED));
}

static void s11_a_removed_framework_is_an_error(struct cluster *cluster, struct scheduler *scheduler) {
    struct scheduler next;

    start_registered(scheduler);
    init_successor(&next, scheduler);
    mesos_scheduler_driver_stop(scheduler->driver, false);
    cluster_run(cluster, 10 * SECOND);
    scheduler_start(&next);
    AWAIT(cluster, next.errors == 1);
    assert_true(next.was_aborted_when_told);
    assert_non_null(strstr(next.error, "removed"));
    assert_int_equal(next.callbacks, 1);
    scheduler_done(&next);
}

static void s12_nothing_comes_after_the_end(struct cluster *cluster, struct scheduler *scheduler) {
    unsigned told;

    start_settled(scheduler);
    scheduler_run_command(scheduler, "task", 1000, 0);
    assert_int_equal(mesos_scheduler_driver_stop(scheduler->driver, true), MESOS_DRIVER_STOPPED);
    told = scheduler->callbacks;
    cluster_kill_agent(cluster, 0);
    cluster_run(cluster, 10 * MINUTE);
    assert_int_equal(scheduler->callbacks, told);
}

static void s12_a_stop_in_a_callback_is_the_last_callback(struct cluster *cluster, struct scheduler *scheduler) {
    scheduler->stops_when_registered = true;
    start_registered(scheduler);
    cluster_run(cluster, 10 * MINUTE);
    assert_int_equal(scheduler->callbacks, 1);
    assert_int_equal(mesos_scheduler_driver_join(scheduler->driver), MESOS_DRIVER_STOPPED);
}

/* Calls */

static void d1_every_call_returns_the_status(struct cluster *cluster, struct scheduler *scheduler) {
    start_registered(scheduler);
    assert_int_equal(mesos_scheduler_driver_start(scheduler->driver), MESOS_DRIVER_RUNNING);
    assert_int_equal(mesos_scheduler_driver_revive_offers(scheduler->driver, NULL, 0), MESOS_DRIVER_RUNNING);
    assert_int_equal(mesos_scheduler_driver_stop(scheduler->driver, false), MESOS_DRIVER_STOPPED);
    assert_int_equal(mesos_scheduler_driver_abort(scheduler->driver), MESOS_DRIVER_STOPPED);
    assert_int_equal(mesos_scheduler_driver_suppress_offers(scheduler->driver, NULL, 0), MESOS_DRIVER_STOPPED);
    cluster_run(cluster, MINUTE);
    assert_int_equal(mesos_scheduler_driver_start(scheduler->driver), MESOS_DRIVER_STOPPED);
}

static void d3_stop_unregisters_and_ends_the_tasks(struct cluster *cluster, struct scheduler *scheduler) {
    start_registered(scheduler);
    scheduler_run_command(scheduler, "one", 3600000, 0);
    scheduler_run_custom(scheduler, "two", "custom", "stay");
    assert_int_equal(view_task_count(cluster->master), 2);
    mesos_scheduler_driver_stop(scheduler->driver, false);
    AWAIT(cluster, view_task_count(cluster->master) == 0);
    AWAIT(cluster, list_is_empty(&cluster->places[0].machine.containers) &&
                       list_is_empty(&cluster->places[1].machine.containers));
    assert_int_equal(executors[0].shutdowns, 1);
}

static void d4_tasks_outlive_a_stop_for_failover(struct cluster *cluster, struct scheduler *scheduler) {
    struct scheduler next;

    start_registered(scheduler);
    scheduler_run_command(scheduler, "task", 20 * 60 * 1000, 0);
    mesos_scheduler_driver_stop(scheduler->driver, true);
    cluster_run(cluster, 10 * MINUTE);
    assert_int_equal(view_task_count(cluster->master), 1);
    init_successor(&next, scheduler);
    start_registered(&next);
    scheduler_reconcile(&next, NULL);
    AWAIT(cluster, scheduler_is(&next, "task", MESOS__V1__TASK_STATE__TASK_RUNNING));
    cluster_run(cluster, 5 * MINUTE);
    AWAIT(cluster, scheduler_is(&next, "task", MESOS__V1__TASK_STATE__TASK_FINISHED));
    scheduler_done(&next);
}

static void d4_after_the_failover_timeout_all_is_torn_down(struct cluster *cluster, struct scheduler *scheduler) {
    scheduler->framework->failover_timeout = 30;
    start_registered(scheduler);
    scheduler_run_command(scheduler, "task", 3600000, 0);
    mesos_scheduler_driver_stop(scheduler->driver, true);
    cluster_run(cluster, 15 * SECOND);
    assert_int_equal(view_task_count(cluster->master), 1);
    AWAIT(cluster, view_task_count(cluster->master) == 0);
}

static void d5_abort_is_told_from_stop(struct cluster *cluster, struct scheduler *scheduler) {
    struct scheduler next;

    start_registered(scheduler);
    scheduler_run_command(scheduler, "task", 3600000, 0);
    assert_int_equal(mesos_scheduler_driver_abort(scheduler->driver), MESOS_DRIVER_ABORTED);
    cluster_run(cluster, MINUTE);
    assert_int_equal(mesos_scheduler_driver_join(scheduler->driver), MESOS_DRIVER_ABORTED);
    assert_int_equal(view_task_count(cluster->master), 1);
    /* As it says, stop() then returns that it was aborted; and a new driver takes over, in the same process. */
    assert_int_equal(mesos_scheduler_driver_stop(scheduler->driver, false), MESOS_DRIVER_ABORTED);
    init_successor(&next, scheduler);
    start_registered(&next);
    scheduler_reconcile(&next, "task");
    AWAIT(cluster, scheduler_is(&next, "task", MESOS__V1__TASK_STATE__TASK_RUNNING));
    scheduler_done(&next);
}

static void d7_requests_are_taken(struct cluster *cluster, struct scheduler *scheduler) {
    Mesos__V1__Request request = MESOS__V1__REQUEST__INIT, *requests[] = {&request};

    start_registered(scheduler);
    assert_int_equal(mesos_scheduler_driver_request_resources(scheduler->driver, requests, 1), MESOS_DRIVER_RUNNING);
    scheduler_run_command(scheduler, "task", 100, 0);
    AWAIT(cluster, IS("task", TASK_FINISHED));
    assert_int_equal(scheduler->errors, 0);
}

static void d8_offers_of_two_agents_are_not_added_up(struct cluster *cluster, struct scheduler *scheduler) {
    Mesos__V1__Offer *one, *two;
    Mesos__V1__TaskInfo *task;

    start_registered(scheduler);
    one = scheduler_take_offer(scheduler, 0);
    two = scheduler_take_offer(scheduler, 1);
    task = make_command("task", one, 10, 0);
    mesos_scheduler_driver_launch_tasks(scheduler->driver, (const Mesos__V1__OfferID *[]){one->id, two->id}, 2,
                                        (const Mesos__V1__TaskInfo *[]){task}, 1, NULL);
    AWAIT(cluster, IS("task", TASK_LOST));
    mesos_message_free(task);
    MESSAGE_FREE(one);
    MESSAGE_FREE(two);
}

static void d8_offers_of_one_agent_are_added_up(struct cluster *cluster, struct scheduler *scheduler) {
    Mesos__V1__Offer *one, *two;
    Mesos__V1__TaskInfo *task;

    start_registered(scheduler);
    /* A task leaves a part of the offer over, which comes back as one of its own; its resources come when it ends. */
    scheduler_run_command(scheduler, "first", 2000, 0);
    AWAIT(cluster, IS("first", TASK_FINISHED) && scheduler->offer_count >= AGENTS + 1);
    one = scheduler_take_offer(scheduler, 0);
    if (scheduler_has_offer(scheduler, 0)) {
        two = scheduler_take_offer(scheduler, 0);
    } else {
        MESSAGE_FREE(one);
        one = scheduler_take_offer(scheduler, 1);
        two = scheduler_take_offer(scheduler, 1);
    }
    task = mesos_task_info_new("both", "both", one->agent_id->value, "10 0", "cpus:4;mem:64", NULL);
    mesos_scheduler_driver_launch_tasks(scheduler->driver, (const Mesos__V1__OfferID *[]){one->id, two->id}, 2,
                                        (const Mesos__V1__TaskInfo *[]){task}, 1, NULL);
    AWAIT(cluster, IS("both", TASK_FINISHED));
    mesos_message_free(task);
    MESSAGE_FREE(one);
    MESSAGE_FREE(two);
}

static void d8_an_invalid_task_does_not_hurt_the_others(struct cluster *cluster, struct scheduler *scheduler) {
    Mesos__V1__Offer *offer;
    Mesos__V1__TaskInfo *good, *greedy;

    start_registered(scheduler);
    offer = scheduler_take_offer(scheduler, 0);
    good = make_command("good", offer, 10, 0);
    greedy = mesos_task_info_new("greedy", "greedy", offer->agent_id->value, "10 0", "cpus:100", NULL);
    mesos_scheduler_driver_launch_tasks(scheduler->driver, (const Mesos__V1__OfferID *[]){offer->id}, 1,
                                        (const Mesos__V1__TaskInfo *[]){greedy, good}, 2, NULL);
    AWAIT(cluster, IS("greedy", TASK_ERROR) && IS("good", TASK_FINISHED));
    assert_string_not_equal(scheduler_last(scheduler, "greedy")->message, "");
    mesos_message_free(good);
    mesos_message_free(greedy);
    MESSAGE_FREE(offer);
}

static void d8_a_launch_while_disconnected_is_lost_aloud(struct cluster *cluster, struct scheduler *scheduler) {
    Mesos__V1__Offer *offer;

    start_settled(scheduler);
    offer = scheduler_take_offer(scheduler, 0);
    cluster_kill_master(cluster);
    AWAIT(cluster, scheduler->disconnected == 1);
    scheduler_launch(scheduler, offer, make_command("task", offer, 10, 0));
    AWAIT(cluster, IS("task", TASK_LOST));
    assert_int_equal(scheduler_last(scheduler, "task")->reason,
                     MESOS__V1__TASK_STATUS__REASON__REASON_MASTER_DISCONNECTED);
}

/* An offer of machine 0 on which something is reserved, or nothing is. */
static Mesos__V1__Offer *take_offer_with(struct scheduler *scheduler, bool is_reserved) {
    for (int i = 0; i < 100; i++) {
        Mesos__V1__Offer *offer = scheduler_take_offer(scheduler, 0);
        bool has_reservation = false;

        for (size_t j = 0; j < offer->n_resources; j++)
            has_reservation |= offer->resources[j]->n_reservations > 0;
        if (has_reservation == is_reserved)
            return offer;
        decline(scheduler, offer, 0);
    }
    fail_msg("no such offer");
    return NULL;
}

static void accept_two(struct scheduler *scheduler, Mesos__V1__Offer *offer, const Mesos__V1__Offer__Operation *first,
                       const Mesos__V1__Offer__Operation *second) {
    const Mesos__V1__OfferID *offer_ids[] = {offer->id};
    const Mesos__V1__Offer__Operation *operations[] = {first, second};
    Mesos__V1__Filters at_once;

    set_refuse(&at_once, 0);
    mesos_scheduler_driver_accept_offers(scheduler->driver, offer_ids, 1, operations, second == NULL ? 1 : 2, &at_once);
    MESSAGE_FREE(offer);
}

static void d9_operations_apply_in_order(struct cluster *cluster, struct scheduler *scheduler) {
    Mesos__V1__Offer__Operation reserve = MESOS__V1__OFFER__OPERATION__INIT, launch = reserve, unreserve = reserve;
    Mesos__V1__Offer__Operation__Reserve reserves = MESOS__V1__OFFER__OPERATION__RESERVE__INIT;
    Mesos__V1__Offer__Operation__Launch launches = MESOS__V1__OFFER__OPERATION__LAUNCH__INIT;
    Mesos__V1__Offer__Operation__Unreserve unreserves = MESOS__V1__OFFER__OPERATION__UNRESERVE__INIT;
    Mesos__V1__Resource__ReservationInfo reservation = MESOS__V1__RESOURCE__RESERVATION_INFO__INIT;
    Mesos__V1__Resource__ReservationInfo *reservations[] = {&reservation};
    Mesos__V1__Offer *offer;
    Mesos__V1__TaskInfo *task;

    scheduler_set_role(scheduler, "store");
    start_registered(scheduler);
    offer = take_offer_with(scheduler, false);
    reservation.has_type = true;
    reservation.type = MESOS__V1__RESOURCE__RESERVATION_INFO__TYPE__DYNAMIC;
    reservation.role = (char *)(uintptr_t) "store";
    task = make_command("early", offer, 500, 0);
    for (size_t i = 0; i < task->n_resources; i++) {
        task->resources[i]->reservations = reservations;
        task->resources[i]->n_reservations = 1;
    }
    reserve.has_type = launch.has_type = unreserve.has_type = true;
    reserve.type = MESOS__V1__OFFER__OPERATION__TYPE__RESERVE;
    reserve.reserve = &reserves;
    launch.type = MESOS__V1__OFFER__OPERATION__TYPE__LAUNCH;
    launch.launch = &launches;
    unreserve.type = MESOS__V1__OFFER__OPERATION__TYPE__UNRESERVE;
    unreserve.unreserve = &unreserves;
    reserves.resources = unreserves.resources = task->resources;
    reserves.n_resources = unreserves.n_resources = task->n_resources;
    launches.task_infos = &task;
    launches.n_task_infos = 1;
    /* What is not reserved yet can not be used; what was reserved the moment before can. */
    accept_two(scheduler, offer, &launch, NULL);
    AWAIT(cluster, IS("early", TASK_ERROR));
    free(task->task_id->value);
    task->task_id->value = xstrdup("task");
    accept_two(scheduler, take_offer_with(scheduler, false), &reserve, &launch);
    AWAIT(cluster, IS("task", TASK_FINISHED));
    accept_two(scheduler, take_offer_with(scheduler, true), &unreserve, NULL);
    MESSAGE_FREE(take_offer_with(scheduler, false));
    for (size_t i = 0; i < task->n_resources; i++) {
        task->resources[i]->reservations = NULL;
        task->resources[i]->n_reservations = 0;
    }
    mesos_message_free(task);
}

static void d10_a_kill_ends_a_task(struct cluster *cluster, struct scheduler *scheduler) {
    start_registered(scheduler);
    scheduler_run_command(scheduler, "task", 3600000, 0);
    scheduler_kill_task(scheduler, "task");
    AWAIT(cluster, IS("task", TASK_KILLED));
}

static void d10_a_kill_right_after_the_launch_wins(struct cluster *cluster, struct scheduler *scheduler) {
    Mesos__V1__Offer *offer;

    start_registered(scheduler);
    offer = scheduler_take_offer(scheduler, 0);
    scheduler_launch(scheduler, offer, make_command("task", offer, 3600000, 0));
    scheduler_kill_task(scheduler, "task");
    AWAIT(cluster, IS("task", TASK_KILLED));
    cluster_run(cluster, MINUTE);
    assert_true(IS("task", TASK_KILLED));
}

static void d10_an_unknown_task_is_lost(struct cluster *cluster, struct scheduler *scheduler) {
    start_registered(scheduler);
    /* Once both agents are known: before, the task could be one of theirs. */
    MESSAGE_FREE(scheduler_take_offer(scheduler, 0));
    MESSAGE_FREE(scheduler_take_offer(scheduler, 1));
    scheduler_kill_task(scheduler, "nobody's");
    AWAIT(cluster, IS("nobody's", TASK_LOST));
}

static void d10_a_kill_while_disconnected_is_dropped(struct cluster *cluster, struct scheduler *scheduler) {
    start_settled(scheduler);
    scheduler_run_command(scheduler, "task", 3600000, 0);
    cluster_kill_master(cluster);
    AWAIT(cluster, scheduler->disconnected == 1);
    scheduler_kill_task(scheduler, "task");
    cluster_start_master(cluster);
    AWAIT(cluster, scheduler->reregistered == 1);
    cluster_run(cluster, MINUTE);
    scheduler_reconcile(scheduler, "task");
    cluster_run(cluster, MINUTE);
    assert_true(IS("task", TASK_RUNNING));
}

static void d11_a_declined_agent_is_not_offered_until_the_filter_ends(struct cluster *cluster,
                                                                      struct scheduler *scheduler) {
    int64_t declined_ns;

    start_registered(scheduler);
    MESSAGE_FREE(scheduler_take_offer(scheduler, 1));
    decline(scheduler, scheduler_take_offer(scheduler, 0), 120);
    declined_ns = sim_now(cluster->sim);
    AWAIT(cluster, scheduler_has_offer(scheduler, 0));
    assert_true(sim_now(cluster->sim) - declined_ns >= 119 * SECOND);
}

static void d11_without_a_filter_it_is_five_seconds(struct cluster *cluster, struct scheduler *scheduler) {
    Mesos__V1__Offer *offer;
    int64_t declined_ns, waited_ns;

    start_registered(scheduler);
    offer = scheduler_take_offer(scheduler, 0);
    mesos_scheduler_driver_decline_offer(scheduler->driver, offer->id, NULL);
    declined_ns = sim_now(cluster->sim);
    AWAIT(cluster, scheduler_has_offer(scheduler, 0));
    waited_ns = sim_now(cluster->sim) - declined_ns;
    assert_true(waited_ns >= 4 * SECOND && waited_ns < 10 * SECOND);
    MESSAGE_FREE(offer);
}

static void d12_a_revival_removes_the_filters(struct cluster *cluster, struct scheduler *scheduler) {
    int64_t declined_ns;

    start_registered(scheduler);
    decline(scheduler, scheduler_take_offer(scheduler, 0), 3600);
    declined_ns = sim_now(cluster->sim);
    cluster_run(cluster, 10 * SECOND);
    assert_false(scheduler_has_offer(scheduler, 0));
    mesos_scheduler_driver_revive_offers(scheduler->driver, NULL, 0);
    AWAIT(cluster, scheduler_has_offer(scheduler, 0));
    assert_true(sim_now(cluster->sim) - declined_ns < MINUTE);
}

static void d12_suppression_outlives_the_master(struct cluster *cluster, struct scheduler *scheduler) {
    scheduler_set_role(scheduler, "store");
    start_settled(scheduler);
    decline(scheduler, scheduler_take_offer(scheduler, 0), 0);
    decline(scheduler, scheduler_take_offer(scheduler, 1), 0);
    mesos_scheduler_driver_suppress_offers(scheduler->driver, NULL, 0);
    cluster_run(cluster, 10 * SECOND);
    cluster_kill_master(cluster);
    AWAIT(cluster, scheduler->disconnected == 1);
    cluster_start_master(cluster);
    AWAIT(cluster, scheduler->reregistered == 1);
    cluster_run(cluster, 5 * MINUTE);
    assert_int_equal(scheduler->offer_count, 0);
    mesos_scheduler_driver_revive_offers(scheduler->driver, NULL, 0);
    AWAIT(cluster, scheduler->offer_count > 0);
}

static void d14_explicit_reconciliation_tells_the_latest_state(struct cluster *cluster, struct scheduler *scheduler) {
    size_t before;

    start_registered(scheduler);
    MESSAGE_FREE(scheduler_take_offer(scheduler, 1));
    scheduler_run_command(scheduler, "task", 3600000, 0);
    before = HEARD("task", TASK_RUNNING);
    cluster_run(cluster, MINUTE);
    scheduler_reconcile(scheduler, "task");
    scheduler_reconcile(scheduler, "unknown");
    AWAIT(cluster, HEARD("task", TASK_RUNNING) > before && IS("unknown", TASK_LOST));
    assert_false(scheduler_last(scheduler, "task")->has_uuid);
    assert_int_equal(scheduler_last(scheduler, "task")->reason, MESOS__V1__TASK_STATUS__REASON__REASON_RECONCILIATION);
    assert_int_equal(scheduler_last(scheduler, "unknown")->reason,
                     MESOS__V1__TASK_STATUS__REASON__REASON_RECONCILIATION);
}

static void d14_implicit_reconciliation_tells_what_has_not_ended(struct cluster *cluster, struct scheduler *scheduler) {
    size_t running, ended;

    start_registered(scheduler);
    scheduler_run_command(scheduler, "ended", 100, 0);
    scheduler_run_command(scheduler, "runs", 3600000, 0);
    AWAIT(cluster, IS("ended", TASK_FINISHED));
    cluster_run(cluster, MINUTE);
    running = HEARD("runs", TASK_RUNNING);
    ended = HEARD("ended", TASK_FINISHED);
    scheduler_reconcile(scheduler, NULL);
    AWAIT(cluster, HEARD("runs", TASK_RUNNING) > running);
    cluster_run(cluster, MINUTE);
    assert_int_equal(HEARD("ended", TASK_FINISHED), ended);
    assert_int_equal(HEARD("ended", TASK_LOST), 0);
}

/* Before its agent has come back to a new master, a task is neither known nor lost. */
static void d14_nothing_is_said_of_agents_still_expected(struct cluster *cluster, struct scheduler *scheduler) {
    unsigned number;

    start_settled(scheduler);
    number = scheduler_run_command(scheduler, "task", 3600000, 0);
    cluster_kill_agent(cluster, number);
    cluster_run(cluster, SECOND);
    scheduler_reconcile(scheduler, "task");
    cluster_run(cluster, 5 * SECOND);
    cluster_start_agent(cluster, number);
    cluster_run(cluster, 2 * MINUTE);
    assert_int_equal(HEARD("task", TASK_LOST), 0);
    scheduler_reconcile(scheduler, "task");
    AWAIT(cluster, IS("task", TASK_RUNNING));
}

static void updating_the_framework_reaches_the_master(struct cluster *cluster, struct scheduler *scheduler) {
    const char *suppressed[] = {"*"};
    Mesos__V1__FrameworkID id = MESOS__V1__FRAMEWORK_ID__INIT;
    Mesos__V1__FrameworkInfo *framework;

    start_registered(scheduler);
    decline(scheduler, scheduler_take_offer(scheduler, 0), 0);
    decline(scheduler, scheduler_take_offer(scheduler, 1), 0);
    framework = MESSAGE_COPY(scheduler->framework);
    id.value = scheduler->framework_id;
    framework->id = &id;
    assert_int_equal(mesos_scheduler_driver_update_framework(scheduler->driver, framework, suppressed, 1, NULL),
                     MESOS_DRIVER_RUNNING);
    framework->id = NULL;
    MESSAGE_FREE(framework);
    cluster_run(cluster, 5 * SECOND);
    while (scheduler_has_offer(scheduler, AGENTS))
        decline(scheduler, scheduler_take_offer(scheduler, AGENTS), 0);
    cluster_run(cluster, 5 * MINUTE);
    assert_int_equal(scheduler->offer_count, 0);
    assert_int_equal(scheduler->errors, 0);
}

/* Nobody at the master's address but somebody who hangs up. */

enum { MOST_TRIES = 1000 };

struct doorbell {
    struct cluster *cluster;
    struct listener *listener;
    int64_t rings_ns[MOST_TRIES];
    size_t count;
};

static void on_ring(struct listener *listener, struct stream *stream, void *user) {
    struct doorbell *doorbell = user;

    assert_true(doorbell->count < MOST_TRIES);
    doorbell->rings_ns[doorbell->count++] = sim_now(doorbell->cluster->sim);
    stream_close(stream);
}

static void away_a_master_is_tried_again_less_and_less_often(struct cluster *cluster, struct scheduler *scheduler) {
    static struct doorbell doorbell;
    const struct address address = address_tcp("10.0.0.1", 5050);
    int64_t begun_ns, longest_ns = 0, even_ns;

    start_settled(scheduler);
    cluster_kill_agent(cluster, 0);
    cluster_kill_agent(cluster, 1);
    cluster_kill_master(cluster);
    doorbell = (struct doorbell){.cluster = cluster};
    assert_int_equal(
        env_listen(sim_node_env(cluster->master_node), &address, on_ring, &doorbell, &doorbell.listener, NULL), 0);
    begun_ns = sim_now(cluster->sim);
    cluster_run(cluster, 60 * MINUTE);
    assert_int_equal(scheduler->disconnected, 1);
    /* The first try comes at once, the pauses grow to a random part of a minute, and it never gives up. */
    assert_true(doorbell.count > 60 && doorbell.count < 250);
    assert_true(doorbell.rings_ns[0] - begun_ns < 5 * SECOND);
    for (size_t i = 1; i < doorbell.count; i++) {
        const int64_t pause_ns = doorbell.rings_ns[i] - doorbell.rings_ns[i - 1];

        longest_ns = pause_ns > longest_ns ? pause_ns : longest_ns;
    }
    assert_true(longest_ns > 40 * SECOND && longest_ns < 65 * SECOND);
    assert_true(sim_now(cluster->sim) - doorbell.rings_ns[doorbell.count - 1] < 65 * SECOND);
    /* No rhythm: pauses of many drivers that began together drift apart. */
    even_ns = doorbell.rings_ns[doorbell.count - 1] - doorbell.rings_ns[doorbell.count - 2];
    assert_int_not_equal(even_ns, doorbell.rings_ns[doorbell.count - 2] - doorbell.rings_ns[doorbell.count - 3]);
    listener_close(doorbell.listener);
    cluster_start_master(cluster);
    AWAIT(cluster, scheduler->reregistered == 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        SCENARIO(s1_registered_comes_once_whatever_breaks),
        SCENARIO(s2_a_new_master_gives_reregistered_with_its_own_info),
        SCENARIO(s2_a_scheduler_that_takes_over_gets_reregistered),
        SCENARIO(s3_nothing_is_offered_twice),
        SCENARIO(s4_s5_what_is_launched_too_late_is_lost_aloud),
        SCENARIO(s5_partition_aware_frameworks_get_dropped_instead),
        SCENARIO(s6_updates_come_in_order_and_until_acknowledged),
        SCENARIO(s6_an_abort_in_the_callback_brings_the_update_again),
        SCENARIO(s6_explicit_acknowledgements_are_the_schedulers),
        SCENARIO(s7_d13_messages_arrive_unchanged),
        SCENARIO(s8_disconnected_comes_once_for_each_loss),
        SCENARIO(s9_a_lost_agent_is_told_and_its_tasks_are_lost),
        SCENARIO(s9_partition_aware_tasks_are_unreachable_and_come_back),
        SCENARIO(s10_a_killed_executor_is_lost_with_its_status),
        SCENARIO(s10_the_task_of_a_killed_command_executor_has_failed),
        SCENARIO(s11_a_removed_framework_is_an_error),
        SCENARIO(s12_nothing_comes_after_the_end),
        SCENARIO(s12_a_stop_in_a_callback_is_the_last_callback),
        SCENARIO(d1_every_call_returns_the_status),
        SCENARIO(d3_stop_unregisters_and_ends_the_tasks),
        SCENARIO(d4_tasks_outlive_a_stop_for_failover),
        SCENARIO(d4_after_the_failover_timeout_all_is_torn_down),
        SCENARIO(d5_abort_is_told_from_stop),
        SCENARIO(d7_requests_are_taken),
        SCENARIO(d8_offers_of_two_agents_are_not_added_up),
        SCENARIO(d8_offers_of_one_agent_are_added_up),
        SCENARIO(d8_an_invalid_task_does_not_hurt_the_others),
        SCENARIO(d8_a_launch_while_disconnected_is_lost_aloud),
        SCENARIO(d9_operations_apply_in_order),
        SCENARIO(d10_a_kill_ends_a_task),
        SCENARIO(d10_a_kill_right_after_the_launch_wins),
        SCENARIO(d10_an_unknown_task_is_lost),
        SCENARIO(d10_a_kill_while_disconnected_is_dropped),
        SCENARIO(d11_a_declined_agent_is_not_offered_until_the_filter_ends),
        SCENARIO(d11_without_a_filter_it_is_five_seconds),
        SCENARIO(d12_a_revival_removes_the_filters),
        SCENARIO(d12_suppression_outlives_the_master),
        SCENARIO(d14_explicit_reconciliation_tells_the_latest_state),
        SCENARIO(d14_implicit_reconciliation_tells_what_has_not_ended),
        SCENARIO(d14_nothing_is_said_of_agents_still_expected),
        SCENARIO(updating_the_framework_reaches_the_master),
        SCENARIO(away_a_master_is_tried_again_less_and_less_often),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
