/* SPDX-License-Identifier: Apache-2.0 */
/* Operations on an agent's own resources, from the master's message to the acknowledgement. */
#include "agent/core.h"
#include "agent/paths.h"
#include "agent/test_cluster.h"
#include "base/text.h"
#include "mesos/internal/agent_state.pb-c.h"
#include "message/json.h"

#define RESERVATIONS "\"reservations\":[{\"type\":\"DYNAMIC\",\"role\":\"r\"}],\"allocation_info\":{\"role\":\"r\"}"
#define DISK(mb) "\"name\":\"disk\",\"type\":\"SCALAR\",\"scalar\":{\"value\":" mb "}," RESERVATIONS
#define RESERVE "{\"type\":\"RESERVE\",\"id\":{\"value\":\"op-1\"},\"reserve\":{\"resources\":[{" DISK("100") "}]}}"
#define VOLUME \
    "{" DISK("100") ",\"disk\":{\"persistence\":{\"id\":\"v\"},\"volume\":{\"container_path\":\"p\",\"mode\":\"RW\"}}" \
                    "}"
#define CREATE "{\"type\":\"CREATE\",\"create\":{\"volumes\":[" VOLUME "]}}"
#define DESTROY "{\"type\":\"DESTROY\",\"destroy\":{\"volumes\":[" VOLUME "]}}"
#define UNRESERVE "{\"type\":\"UNRESERVE\",\"unreserve\":{\"resources\":[{" DISK("100") "}]}}"
/* The uuids of operations, in base64. */
#define FIRST "AAAAAAAAAAAAAAAAAAAAAA=="
#define SECOND_ONE "AQEBAQEBAQEBAQEBAQEBAQ=="
#define VOLUME_PATH WORK_DIR "/volumes/roles/r/v"

static void send_json(struct cluster *cluster, const ProtobufCMessageDescriptor *descriptor, const char *text) {
    cleanup_(arena_done) struct arena arena = ARENA_INIT;
    cleanup_error struct error err = ERROR_INIT;
    ProtobufCMessage *message;

    if (message_parse_json(descriptor, text, strlen(text), MESSAGE_V1, &arena, &message, &err) < 0)
        fail_msg("%s: %s", text, error_message(&err));
    master_send(cluster, message);
}

static void apply(struct cluster *cluster, const char *operation, const char *uuid) {
    cleanup_free char *text = xasprintf("{\"framework_id\":{\"value\":\"" FRAMEWORK_ID "\"},\"operation_info\":%s,"
                                        "\"operation_uuid\":{\"value\":\"%s\"},\"resource_version_uuid\":{\"uuid\":{"
                                        "\"value\":\"" FIRST "\"}}}",
                                        operation, uuid);

    send_json(cluster, &mesos__internal__apply_operation_message__descriptor, text);
}

static void acknowledge(struct cluster *cluster, const Mesos__Internal__UpdateOperationStatusMessage *update) {
    Mesos__Internal__AcknowledgeOperationStatusMessage message =
        MESOS__INTERNAL__ACKNOWLEDGE_OPERATION_STATUS_MESSAGE__INIT;

    message.status_uuid = update->status->uuid;
    message.operation_uuid = update->operation_uuid;
    master_send(cluster, &message.base);
    run_for(cluster, SECOND);
}

static const Mesos__Internal__UpdateOperationStatusMessage *last_update(struct cluster *cluster) {
    return last_received(cluster, "UpdateOperationStatusMessage");
}

static void expect_checkpointed(struct cluster *cluster, const char *text) {
    cleanup_free char *actual = resources_text(&cluster->agent->checkpointed);

    assert_string_equal(actual, text);
}

static void an_agent_announces_that_it_takes_operations(void **state) {
    struct cluster *cluster = cluster_new(1);
    const Mesos__Internal__RegisterSlaveMessage *message = last_received(cluster, "RegisterSlaveMessage");
    const Mesos__Internal__UpdateSlaveMessage *update;
    bool has_feedback = false, has_provider = false;

    for (size_t i = 0; i < message->n_agent_capabilities; i++) {
        has_feedback |= message->agent_capabilities[i]->type ==
                        MESOS__V1__AGENT_INFO__CAPABILITY__TYPE__AGENT_OPERATION_FEEDBACK;
        has_provider |= message->agent_capabilities[i]->type ==
                        MESOS__V1__AGENT_INFO__CAPABILITY__TYPE__RESOURCE_PROVIDER;
    }
    assert_true(has_feedback && has_provider);
    run_for(cluster, SECOND);
    update = last_received(cluster, "UpdateSlaveMessage");
    assert_non_null(update);
    assert_int_equal(update->resource_version_uuid->value.len, UUID_BYTES);
    assert_non_null(update->operations);
    assert_int_equal(update->operations->n_operations, 0);
    assert_false(update->update_oversubscribed_resources);
    cluster_free(cluster);
}

static void operations_change_what_is_there_and_are_told_of(void **state) {
    struct cluster *cluster = cluster_new(2);
    struct env *env = sim_node_env(cluster->agent_node);
    const Mesos__Internal__UpdateOperationStatusMessage *update;

    apply(cluster, RESERVE, FIRST);
    run_for(cluster, SECOND);
    expect_checkpointed(cluster, "disk(reservations: [(DYNAMIC,r)]):100");
    update = last_update(cluster);
    assert_non_null(update);
    assert_int_equal(update->status->state, MESOS__V1__OPERATION_STATE__OPERATION_FINISHED);
    assert_int_equal(update->status->uuid->value.len, UUID_BYTES);
    assert_string_equal(update->status->operation_id->value, "op-1");
    assert_string_equal(update->status->agent_id->value, AGENT_ID);
    assert_string_equal(update->slave_id->value, AGENT_ID);
    assert_string_equal(update->framework_id->value, FRAMEWORK_ID);
    acknowledge(cluster, update);
    assert_int_equal(cluster->agent->operations.count, 0);

    apply(cluster, CREATE, FIRST);
    run_for(cluster, SECOND);
    assert_true(env_file_exists(env, VOLUME_PATH));
    acknowledge(cluster, last_update(cluster));
    apply(cluster, DESTROY, FIRST);
    apply(cluster, UNRESERVE, SECOND_ONE);
    run_for(cluster, SECOND);
    assert_false(env_file_exists(env, VOLUME_PATH));
    expect_checkpointed(cluster, "{}");
    assert_int_equal(cluster->agent->operations.count, 2);
    cluster_free(cluster);
}

static void expect_shown(struct cluster *cluster, const char *text) {
    cleanup_free char *actual = resources_text(&cluster->agent->durable_total);

    assert_string_equal(actual, text);
}

static void what_is_not_written_down_is_not_shown(void **state) {
    struct cluster *cluster = cluster_new(8);
    cleanup_free char *before = resources_text(&cluster->agent->durable_total), *after = NULL;

    sim_faults(cluster->sim)->disk_least_ns = sim_faults(cluster->sim)->disk_most_ns = 5 * SECOND;
    apply(cluster, RESERVE, FIRST);
    run_for(cluster, 2 * SECOND);
    expect_checkpointed(cluster, "disk(reservations: [(DYNAMIC,r)]):100");
    expect_shown(cluster, before);
    run_for(cluster, 10 * SECOND);
    after = resources_text(&cluster->agent->total);
    assert_string_not_equal(before, after);
    expect_shown(cluster, after);
    cluster_free(cluster);
}

static void a_status_is_sent_again_until_it_is_acknowledged(void **state) {
    struct cluster *cluster = cluster_new(3);
    const Mesos__Internal__UpdateOperationStatusMessage *first, *again;

    apply(cluster, RESERVE, FIRST);
    run_for(cluster, SECOND);
    first = last_update(cluster);
    assert_int_equal(count_received(cluster, "UpdateOperationStatusMessage"), 1);
    run_for(cluster, 10 * SECOND);
    assert_int_equal(count_received(cluster, "UpdateOperationStatusMessage"), 2);
    run_for(cluster, 10 * SECOND);
    assert_int_equal(count_received(cluster, "UpdateOperationStatusMessage"), 2);
    run_for(cluster, 10 * SECOND);
    assert_int_equal(count_received(cluster, "UpdateOperationStatusMessage"), 3);
    again = last_update(cluster);
    assert_true(message_equal(&first->status->base, &again->status->base));
    acknowledge(cluster, again);
    run_for(cluster, HOUR);
    assert_int_equal(count_received(cluster, "UpdateOperationStatusMessage"), 3);
    cluster_free(cluster);
}

static void an_acknowledgement_of_something_else_changes_nothing(void **state) {
    struct cluster *cluster = cluster_new(4);
    Mesos__Internal__AcknowledgeOperationStatusMessage message =
        MESOS__INTERNAL__ACKNOWLEDGE_OPERATION_STATUS_MESSAGE__INIT;

    apply(cluster, RESERVE, FIRST);
    run_for(cluster, SECOND);
    message.status_uuid = message.operation_uuid = last_update(cluster)->operation_uuid;
    master_send(cluster, &message.base);
    run_for(cluster, SECOND);
    assert_int_equal(cluster->agent->operations.count, 1);
    message.operation_uuid = message.status_uuid = last_update(cluster)->status->uuid;
    master_send(cluster, &message.base);
    run_for(cluster, SECOND);
    assert_int_equal(cluster->agent->operations.count, 1);
    cluster_free(cluster);
}

static void an_operation_that_came_twice_is_applied_once(void **state) {
    struct cluster *cluster = cluster_new(5);

    apply(cluster, RESERVE, FIRST);
    apply(cluster, RESERVE, FIRST);
    run_for(cluster, SECOND);
    expect_checkpointed(cluster, "disk(reservations: [(DYNAMIC,r)]):100");
    assert_int_equal(count_received(cluster, "ReregisterSlaveMessage"), 0);
    cluster_free(cluster);
}

static void a_status_outlives_the_agent(void **state) {
    struct cluster *cluster = cluster_new(6);
    cleanup_(arena_done) struct arena arena = ARENA_INIT;
    const Mesos__Internal__UpdateSlaveMessage *told;
    Mesos__V1__OperationStatus *status;

    apply(cluster, RESERVE, FIRST);
    run_for(cluster, SECOND);
    status = MESSAGE_COPY_TO(last_update(cluster)->status, &arena);
    kill_agent(cluster);
    forget_received(cluster);
    start_agent(cluster);
    await_registration(cluster);
    run_for(cluster, SECOND);
    expect_checkpointed(cluster, "disk(reservations: [(DYNAMIC,r)]):100");
    told = last_received(cluster, "UpdateSlaveMessage");
    assert_int_equal(told->operations->n_operations, 1);
    assert_int_equal(told->operations->operations[0]->latest_status->state,
                     MESOS__V1__OPERATION_STATE__OPERATION_FINISHED);
    assert_true(message_equal(&last_update(cluster)->status->base, &status->base));
    acknowledge(cluster, last_update(cluster));
    kill_agent(cluster);
    forget_received(cluster);
    start_agent(cluster);
    await_registration(cluster);
    run_for(cluster, SECOND);
    assert_null(last_update(cluster));
    cluster_free(cluster);
}

/* As an agent of Mesos leaves it between noting the operation and applying it. */
static void an_operation_that_was_only_noted_is_finished(void **state) {
    struct cluster *cluster = cluster_new(7);
    struct env *env = sim_node_env(cluster->agent_node);
    cleanup_(arena_done) struct arena arena = ARENA_INIT;
    cleanup_free char *meta = agent_path_meta(WORK_DIR), *path = agent_path_resource_state(meta, false);
    const char *text = "{\"operations\":[{\"framework_id\":{\"value\":\"" FRAMEWORK_ID "\"},\"info\":" RESERVE
                       ",\"latest_status\":{\"state\":\"OPERATION_PENDING\"},\"uuid\":{\"value\":\"" FIRST "\"}}]}";
    ProtobufCMessage *message;

    kill_agent(cluster);
    assert_int_equal(message_parse_json(&mesos__internal__slave__resource_state__descriptor, text, strlen(text),
                                        MESSAGE_V1, &arena, &message, NULL),
                     0);
    assert_int_equal(env_make_directories(env, WORK_DIR "/meta/resources", NULL), 0);
    assert_int_equal(checkpoint_message_now(env, path, message, NULL), 0);
    start_agent(cluster);
    await_registration(cluster);
    run_for(cluster, SECOND);
    expect_checkpointed(cluster, "disk(reservations: [(DYNAMIC,r)]):100");
    assert_non_null(last_update(cluster));
    assert_int_equal(last_update(cluster)->status->state, MESOS__V1__OPERATION_STATE__OPERATION_FINISHED);
    cluster_free(cluster);
}

static void an_operation_that_does_not_fit_is_dropped_and_the_master_learns_why(void **state) {
    struct cluster *cluster = cluster_new(8);

    apply(cluster, UNRESERVE, FIRST);
    run_for(cluster, 3 * SECOND);
    assert_int_equal(cluster->agent->operations.count, 0);
    assert_int_equal(count_received(cluster, "ReregisterSlaveMessage"), 1);
    assert_true(agent_is_registered(cluster->agent));
    send_json(cluster, &mesos__internal__reconcile_operations_message__descriptor,
              "{\"operations\":[{\"operation_uuid\":{\"value\":\"" FIRST "\"}}]}");
    run_for(cluster, SECOND);
    assert_int_equal(last_update(cluster)->status->state, MESOS__V1__OPERATION_STATE__OPERATION_DROPPED);
    assert_null(last_update(cluster)->status->uuid);
    cluster_free(cluster);
}

static void a_framework_that_asks_is_answered(void **state) {
    struct cluster *cluster = cluster_new(9);

    apply(cluster, RESERVE, FIRST);
    run_for(cluster, SECOND);
    send_json(cluster, &mesos__internal__reconcile_operations_message__descriptor,
              "{\"framework_id\":{\"value\":\"" FRAMEWORK_ID
              "\"},\"operations\":[{\"operation_id\":{\"value\":\"op-1\"}}]}");
    run_for(cluster, SECOND);
    assert_int_equal(count_received(cluster, "UpdateOperationStatusMessage"), 2);
    assert_int_equal(last_update(cluster)->status->state, MESOS__V1__OPERATION_STATE__OPERATION_FINISHED);
    assert_null(last_update(cluster)->status->uuid);
    send_json(cluster, &mesos__internal__reconcile_operations_message__descriptor,
              "{\"framework_id\":{\"value\":\"" FRAMEWORK_ID
              "\"},\"operations\":[{\"operation_id\":{\"value\":\"op-2\"}}]}");
    run_for(cluster, SECOND);
    assert_int_equal(last_update(cluster)->status->state, MESOS__V1__OPERATION_STATE__OPERATION_UNKNOWN);
    cluster_free(cluster);
}

static void operations_hold_up_a_drain(void **state) {
    struct cluster *cluster = cluster_new(10);

    apply(cluster, RESERVE, FIRST);
    run_for(cluster, SECOND);
    send_json(cluster, &mesos__internal__drain_slave_message__descriptor, "{\"config\":{}}");
    run_for(cluster, SECOND);
    assert_non_null(cluster->agent->drain);
    acknowledge(cluster, last_update(cluster));
    assert_null(cluster->agent->drain);
    cluster_free(cluster);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_agent_announces_that_it_takes_operations),
        cmocka_unit_test(operations_change_what_is_there_and_are_told_of),
        cmocka_unit_test(what_is_not_written_down_is_not_shown),
        cmocka_unit_test(a_status_is_sent_again_until_it_is_acknowledged),
        cmocka_unit_test(an_acknowledgement_of_something_else_changes_nothing),
        cmocka_unit_test(an_operation_that_came_twice_is_applied_once),
        cmocka_unit_test(a_status_outlives_the_agent),
        cmocka_unit_test(an_operation_that_was_only_noted_is_finished),
        cmocka_unit_test(an_operation_that_does_not_fit_is_dropped_and_the_master_learns_why),
        cmocka_unit_test(a_framework_that_asks_is_answered),
        cmocka_unit_test(operations_hold_up_a_drain),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
