/* SPDX-License-Identifier: Apache-2.0 */
/* What a master may ask of an agent besides running single tasks: task groups, draining, reservations and volumes. */
#include "agent/test_cluster.h"

/* Task groups */

/* A group of two tasks for the executor "pod". */
struct group_parts {
    struct task_parts first, second;
    Mesos__Internal__RunTaskGroupMessage message;
    Mesos__V1__TaskGroupInfo group;
    Mesos__V1__TaskInfo *tasks[2];
};

static void run_group(struct cluster *cluster) {
    struct group_parts parts;

    task_parts_init(&parts.first, &(struct task_options){.id = "a", .executor_id = "pod"});
    task_parts_init(&parts.second, &(struct task_options){.id = "b", .executor_id = "pod"});
    mesos__internal__run_task_group_message__init(&parts.message);
    mesos__v1__task_group_info__init(&parts.group);
    parts.tasks[0] = &parts.first.task;
    parts.tasks[1] = &parts.second.task;
    parts.group.n_tasks = 2;
    parts.group.tasks = parts.tasks;
    parts.message.framework = &parts.first.framework;
    parts.message.executor = &parts.first.executor;
    parts.message.task_group = &parts.group;
    parts.first.executor.has_type = true;
    parts.first.executor.type = MESOS__V1__EXECUTOR_INFO__TYPE__DEFAULT;
    parts.first.executor.command = NULL;
    master_send(cluster, &parts.message.base);
}

static void a_group_goes_to_the_default_executor_as_a_whole(void **state) {
    struct cluster *cluster = cluster_new(1);
    struct test_executor executor;

    run_group(cluster);
    run_for(cluster, SECOND);
    assert_string_equal(fake_last(cluster)->command, "/usr/libexec/mesos/mesos-default-executor");
    executor_start(&executor, cluster, fake_last(cluster));
    run_for(cluster, SECOND);
    assert_int_equal(executor.groups, 1);
    assert_int_equal(executor.launches, 0);
    executor_end(&executor);
    cluster_free(cluster);
}

static void killing_one_task_of_a_group_before_delivery_kills_all(void **state) {
    struct cluster *cluster = cluster_new(2);
    unsigned killed = 0;
    const struct received *received;

    run_group(cluster);
    kill_task(cluster, "b");
    run_for(cluster, SECOND);
    list_for_each (&cluster->received, received, member) {
        if (strcmp(received->name, "mesos.internal.StatusUpdateMessage") == 0)
            killed += (int)((const Mesos__Internal__StatusUpdateMessage *)received->message)->update->status->state ==
                      TASK_KILLED;
    }
    assert_int_equal(killed, 2);
    cluster_free(cluster);
}

/* Many tasks at once */

static size_t count_containers(const struct cluster *cluster) {
    const struct fake_container *container;
    size_t count = 0;

    list_for_each (&cluster->containers, container, member)
        count++;
    return count;
}

static void many_tasks_are_launched_in_order_with_other_work_between(void **state) {
    struct cluster *cluster = cluster_new(3);
    static const char *const ids[] = {"a", "b", "c", "d"};
    const struct fake_container *container;
    size_t launched = 0;

    for (size_t i = 0; i < ARRAY_SIZE(ids); i++)
        run_task(cluster, &(struct task_options){.id = ids[i]});
    kill_task(cluster, "c");
    while (count_containers(cluster) == 0)
        assert_true(sim_step(cluster->sim));
    assert_int_equal(count_containers(cluster), 1);
    run_for(cluster, SECOND);
    assert_int_equal(last_status(cluster)->state, TASK_KILLED);
    assert_string_equal(last_status(cluster)->task_id->value, "c");
    list_for_each (&cluster->containers, container, member) {
        cleanup_free char *part = xasprintf("/executors/%s/", ids[launched]);

        assert_non_null(strstr(container->directory, part));
        launched += launched == 1 ? 2 : 1;
    }
    assert_int_equal(launched, ARRAY_SIZE(ids));
    cluster_free(cluster);
}

/* Draining */

static void drain(struct cluster *cluster, bool mark_gone) {
    Mesos__Internal__DrainSlaveMessage message = MESOS__INTERNAL__DRAIN_SLAVE_MESSAGE__INIT;
    Mesos__V1__DrainConfig config = MESOS__V1__DRAIN_CONFIG__INIT;

    config.has_mark_gone = true;
    config.mark_gone = mark_gone;
    message.config = &config;
    master_send(cluster, &message.base);
}

static void draining_kills_tasks_and_says_why(void **state) {
    struct cluster *cluster = cluster_new(10);
    struct test_executor executor;
    struct env *env = sim_node_env(cluster->agent_node);
    const char *file = WORK_DIR "/meta/slaves/" AGENT_ID "/drain.config";

    run_task(cluster, &(struct task_options){.id = "t", .executor_id = "e", .is_partition_aware = true});
    run_for(cluster, SECOND);
    executor_start(&executor, cluster, fake_last(cluster));
    run_for(cluster, SECOND);
    executor_update(&executor, "t", TASK_RUNNING);
    run_for(cluster, SECOND);
    acknowledge_last(cluster);
    drain(cluster, true);
    run_for(cluster, SECOND);
    assert_int_equal(executor.kills, 1);
    assert_true(env_file_exists(env, file));
    executor_update(&executor, "t", TASK_KILLED);
    run_for(cluster, SECOND);
    assert_int_equal(last_status(cluster)->state, TASK_GONE_BY_OPERATOR);
    assert_int_equal(last_status(cluster)->reason, MESOS__V1__TASK_STATUS__REASON__REASON_AGENT_DRAINING);
    acknowledge_last(cluster);
    fake_exit(fake_last(cluster), 0);
    run_for(cluster, SECOND);
    assert_false(env_file_exists(env, file));
    executor_end(&executor);
    cluster_free(cluster);
}

static void draining_an_idle_agent_is_done_at_once(void **state) {
    struct cluster *cluster = cluster_new(11);

    drain(cluster, false);
    run_for(cluster, SECOND);
    assert_false(env_file_exists(sim_node_env(cluster->agent_node), WORK_DIR "/meta/slaves/" AGENT_ID "/drain.config"));
    cluster_free(cluster);
}

static void run_first_task(struct cluster *cluster, struct test_executor *executor) {
    run_task(cluster, &(struct task_options){.id = "t", .executor_id = "e"});
    run_for(cluster, SECOND);
    executor_start(executor, cluster, fake_last(cluster));
    run_for(cluster, SECOND);
}

/* The master sent it before it knew, for an executor that is yet to be started. */
static void run_late_task(struct cluster *cluster) {
    run_task(cluster, &(struct task_options){
                          .id = "late", .executor_id = "other", .has_launch_executor = true, .launch_executor = true});
    run_for(cluster, SECOND);
}

static void a_draining_agent_takes_no_tasks(void **state) {
    struct cluster *cluster = cluster_new(12);
    struct test_executor executor;

    run_first_task(cluster, &executor);
    drain(cluster, false);
    run_for(cluster, SECOND);
    run_late_task(cluster);
    assert_string_equal(last_status(cluster)->task_id->value, "late");
    assert_int_equal(last_status(cluster)->state, TASK_LOST);
    assert_int_equal(last_status(cluster)->reason, MESOS__V1__TASK_STATUS__REASON__REASON_AGENT_DRAINING);
    assert_int_equal(count_received(cluster, "ExitedExecutorMessage"), 1);
    assert_int_equal(count_containers(cluster), 1);
    executor_end(&executor);
    cluster_free(cluster);
}

static void a_framework_that_ends_gets_no_tasks(void **state) {
    struct cluster *cluster = cluster_new(13);
    struct test_executor executor;

    run_first_task(cluster, &executor);
    shutdown_framework(cluster);
    run_for(cluster, SECOND);
    run_late_task(cluster);
    assert_null(last_status(cluster));
    assert_int_equal(count_received(cluster, "ExitedExecutorMessage"), 1);
    assert_int_equal(count_containers(cluster), 1);
    executor_end(&executor);
    cluster_free(cluster);
}

/* Reservations and volumes */

struct volume_parts {
    Mesos__V1__Resource resource, *resources[1];
    Mesos__V1__Value__Scalar amount;
    Mesos__V1__Resource__ReservationInfo reservation, *reservations[1];
    Mesos__V1__Resource__DiskInfo disk;
    Mesos__V1__Resource__DiskInfo__Persistence persistence;
    Mesos__V1__Volume volume;
};

static void volume_init(struct volume_parts *parts) {
    mesos__v1__resource__init(&parts->resource);
    mesos__v1__value__scalar__init(&parts->amount);
    mesos__v1__resource__reservation_info__init(&parts->reservation);
    mesos__v1__resource__disk_info__init(&parts->disk);
    mesos__v1__resource__disk_info__persistence__init(&parts->persistence);
    mesos__v1__volume__init(&parts->volume);
    parts->amount.value = 100;
    parts->resource.name = (char *)"disk";
    parts->resource.type = MESOS__V1__VALUE__TYPE__SCALAR;
    parts->resource.scalar = &parts->amount;
    parts->reservation.has_type = true;
    parts->reservation.type = MESOS__V1__RESOURCE__RESERVATION_INFO__TYPE__DYNAMIC;
    parts->reservation.role = (char *)"eng/db";
    parts->reservation.principal = (char *)"alice";
    parts->reservations[0] = &parts->reservation;
    parts->resource.n_reservations = 1;
    parts->resource.reservations = parts->reservations;
    parts->persistence.id = (char *)"vol-1";
    parts->volume.mode = MESOS__V1__VOLUME__MODE__RW;
    parts->volume.container_path = (char *)"data";
    parts->disk.persistence = &parts->persistence;
    parts->disk.volume = &parts->volume;
    parts->resource.disk = &parts->disk;
    parts->resources[0] = &parts->resource;
}

static void checkpoint_resources(struct cluster *cluster, Mesos__V1__Resource **resources, size_t count) {
    Mesos__Internal__CheckpointResourcesMessage message = MESOS__INTERNAL__CHECKPOINT_RESOURCES_MESSAGE__INIT;

    message.n_resources = count;
    message.resources = resources;
    master_send(cluster, &message.base);
    run_for(cluster, SECOND);
}

#define VOLUME WORK_DIR "/volumes/roles/eng db/vol-1"

static void volumes_are_made_kept_over_restarts_and_removed(void **state) {
    struct cluster *cluster = cluster_new(20);
    struct env *env = sim_node_env(cluster->agent_node);
    struct volume_parts parts;
    const Mesos__Internal__ReregisterSlaveMessage *message;

    volume_init(&parts);
    checkpoint_resources(cluster, parts.resources, 1);
    assert_true(env_file_exists(env, VOLUME));
    kill_agent(cluster);
    start_agent(cluster);
    await_registration(cluster);
    message = last_received(cluster, "ReregisterSlaveMessage");
    assert_non_null(message);
    assert_int_equal(message->n_checkpointed_resources, 1);
    assert_string_equal(message->checkpointed_resources[0]->disk->persistence->id, "vol-1");
    /* Shrunk, it is the same volume. */
    parts.amount.value = 50;
    checkpoint_resources(cluster, parts.resources, 1);
    assert_true(env_file_exists(env, VOLUME));
    checkpoint_resources(cluster, NULL, 0);
    assert_false(env_file_exists(env, VOLUME));
    cluster_free(cluster);
}

static void more_than_the_agent_has_is_not_reserved(void **state) {
    struct cluster *cluster = cluster_new(21);
    struct volume_parts parts;

    volume_init(&parts);
    parts.amount.value = 1e9;
    checkpoint_resources(cluster, parts.resources, 1);
    assert_false(env_file_exists(sim_node_env(cluster->agent_node), VOLUME));
    assert_true(agent_is_registered(cluster->agent));
    cluster_free(cluster);
}

static void a_task_with_a_volume_that_is_not_known_is_lost(void **state) {
    struct cluster *cluster = cluster_new(22);
    struct volume_parts volume;
    struct task_parts parts;

    volume_init(&volume);
    volume.resource.allocation_info = &parts.allocation;
    task_parts_init(&parts, &(struct task_options){.id = "t", .executor_id = "e"});
    parts.task.resources = volume.resources;
    master_send(cluster, &parts.message.base);
    run_for(cluster, SECOND);
    assert_int_equal(last_status(cluster)->state, TASK_LOST);
    assert_int_equal(last_status(cluster)->reason, MESOS__V1__TASK_STATUS__REASON__REASON_RESOURCES_UNKNOWN);
    cluster_free(cluster);
}

/* Cleaning up */

static void recover_cleanup_ends_executors_and_the_agent(void **state) {
    struct cluster *cluster = cluster_new(30);
    struct test_executor executor;
    struct fake_container *container;

    run_task(cluster, &(struct task_options){.id = "t", .executor_id = "e", .checkpoint = true});
    run_for(cluster, SECOND);
    container = fake_last(cluster);
    executor_start(&executor, cluster, container);
    run_for(cluster, SECOND);
    kill_agent(cluster);
    forget_received(cluster);
    string_replace(&cluster->flags.recover, "cleanup");
    start_agent(cluster);
    run_for(cluster, 10 * SECOND);
    assert_true(executor.shutdowns >= 1);
    assert_true(container->is_destroyed);
    assert_true(cluster->has_ended);
    assert_int_equal(count_received(cluster, "ReregisterSlaveMessage"), 0);
    executor_end(&executor);
    cluster_free(cluster);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_group_goes_to_the_default_executor_as_a_whole),
        cmocka_unit_test(killing_one_task_of_a_group_before_delivery_kills_all),
        cmocka_unit_test(many_tasks_are_launched_in_order_with_other_work_between),
        cmocka_unit_test(draining_kills_tasks_and_says_why),
        cmocka_unit_test(draining_an_idle_agent_is_done_at_once),
        cmocka_unit_test(a_draining_agent_takes_no_tasks),
        cmocka_unit_test(a_framework_that_ends_gets_no_tasks),
        cmocka_unit_test(volumes_are_made_kept_over_restarts_and_removed),
        cmocka_unit_test(more_than_the_agent_has_is_not_reserved),
        cmocka_unit_test(a_task_with_a_volume_that_is_not_known_is_lost),
        cmocka_unit_test(recover_cleanup_ends_executors_and_the_agent),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
