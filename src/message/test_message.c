/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "message/message.h"

#include <errno.h>

#include "mesos/v1/mesos.pb-c.h"
#include "message/names.h"
#include "message/v0.h"

/* A task with something of everything in it. */
struct fixture {
    Mesos__V1__TaskID id;
    Mesos__V1__AgentID agent;
    Mesos__V1__Label labels[2];
    Mesos__V1__Label *label_list[2];
    Mesos__V1__Labels label_holder;
    Mesos__V1__HealthCheck check;
    Mesos__V1__Value__Scalar scalar;
    Mesos__V1__TaskInfo__LimitsEntry limit;
    Mesos__V1__TaskInfo__LimitsEntry *limit_list[1];
    ProtobufCMessageUnknownField unknown;
    Mesos__V1__TaskInfo task;
};

static int set_up(void **state) {
    struct fixture *f = new0(struct fixture);

    f->id = (Mesos__V1__TaskID)MESOS__V1__TASK_ID__INIT;
    f->id.value = (char *)"task";
    f->agent = (Mesos__V1__AgentID)MESOS__V1__AGENT_ID__INIT;
    f->agent.value = (char *)"agent";
    for (size_t i = 0; i < ARRAY_SIZE(f->labels); i++) {
        f->labels[i] = (Mesos__V1__Label)MESOS__V1__LABEL__INIT;
        f->labels[i].key = (char *)(i == 0 ? "a" : "b");
        f->label_list[i] = &f->labels[i];
    }
    f->label_holder = (Mesos__V1__Labels)MESOS__V1__LABELS__INIT;
    f->label_holder.labels = f->label_list;
    f->label_holder.n_labels = ARRAY_SIZE(f->labels);
    f->check = (Mesos__V1__HealthCheck)MESOS__V1__HEALTH_CHECK__INIT;
    f->scalar = (Mesos__V1__Value__Scalar)MESOS__V1__VALUE__SCALAR__INIT;
    f->scalar.value = 0.1;
    f->limit = (Mesos__V1__TaskInfo__LimitsEntry)MESOS__V1__TASK_INFO__LIMITS_ENTRY__INIT;
    f->limit.key = (char *)"cpus";
    f->limit.value = &f->scalar;
    f->limit_list[0] = &f->limit;
    f->unknown = (ProtobufCMessageUnknownField){1000, PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED, 4, (uint8_t *)"\x03xyz"};
    f->task = (Mesos__V1__TaskInfo)MESOS__V1__TASK_INFO__INIT;
    f->task.base.unknown_fields = &f->unknown;
    f->task.base.n_unknown_fields = 1;
    f->task.name = (char *)"name";
    f->task.task_id = &f->id;
    f->task.agent_id = &f->agent;
    f->task.labels = &f->label_holder;
    f->task.health_check = &f->check;
    f->task.limits = f->limit_list;
    f->task.n_limits = 1;
    f->task.has_data = true;
    f->task.data = (ProtobufCBinaryData){3, (uint8_t *)"\0\x01\x02"};
    *state = f;
    return 0;
}

static int tear_down(void **state) {
    free(*state);
    return 0;
}

static void assert_same_bytes(const ProtobufCMessage *a, const ProtobufCMessage *b) {
    cleanup_buffer struct buffer x = BUFFER_INIT, y = BUFFER_INIT;

    message_encode(a, &x);
    message_encode(b, &y);
    assert_int_equal(x.size, y.size);
    assert_memory_equal(x.data, y.data, x.size);
    assert_int_equal(x.size, message_size(a));
}

static void a_copy_equals_its_original_and_shares_nothing(void **state) {
    struct fixture *f = *state;
    Mesos__V1__TaskInfo *copy = MESSAGE_COPY(&f->task);

    assert_true(MESSAGE_EQUAL(copy, &f->task));
    assert_same_bytes(&copy->base, &f->task.base);
    assert_ptr_not_equal(copy->name, f->task.name);
    assert_ptr_not_equal(copy->task_id, f->task.task_id);
    assert_ptr_not_equal(copy->labels->labels, f->task.labels->labels);
    assert_ptr_not_equal(copy->labels->labels[1]->key, f->labels[1].key);
    assert_ptr_not_equal(copy->limits[0]->value, f->limit.value);
    assert_ptr_not_equal(copy->data.data, f->task.data.data);
    assert_ptr_not_equal(copy->base.unknown_fields, &f->unknown);
    assert_ptr_not_equal(copy->base.unknown_fields[0].data, f->unknown.data);
    MESSAGE_FREE(copy);
}

static void a_copy_can_live_in_an_arena(void **state) {
    struct fixture *f = *state;
    struct arena arena = ARENA_INIT;
    Mesos__V1__TaskInfo *copy = MESSAGE_COPY_TO(&f->task, &arena);

    assert_true(MESSAGE_EQUAL(copy, &f->task));
    arena_done(&arena);
}

static void defaults_stay_unset_in_copies(void **state) {
    struct fixture *f = *state;
    Mesos__V1__Resource resource = MESOS__V1__RESOURCE__INIT, *copy;

    resource.name = (char *)"cpus";
    copy = MESSAGE_COPY(&resource);
    assert_ptr_equal(copy->role, resource.role);
    assert_string_equal(copy->role, "*");
    assert_true(MESSAGE_EQUAL(copy, &resource));
    MESSAGE_FREE(copy);
    assert_false(f->check.has_delay_seconds);
}

static void freeing_nothing_is_fine(void **state) {
    Mesos__V1__TaskInfo *none = NULL;

    MESSAGE_FREE(none);
    assert_null(none);
}

static void each_difference_makes_messages_unequal(void **state) {
    struct fixture *f = *state;
    Mesos__V1__TaskInfo *copy = MESSAGE_COPY(&f->task);

    copy->data.data[1] = 7;
    assert_false(MESSAGE_EQUAL(copy, &f->task));
    copy->data.data[1] = 1;
    assert_true(MESSAGE_EQUAL(copy, &f->task));
    copy->labels->n_labels = 1;
    assert_false(MESSAGE_EQUAL(copy, &f->task));
    copy->labels->n_labels = 2;
    copy->limits[0]->value->value = 0.2;
    assert_false(MESSAGE_EQUAL(copy, &f->task));
    copy->limits[0]->value->value = 0.1;
    copy->health_check = NULL;
    assert_false(MESSAGE_EQUAL(copy, &f->task));
    MESSAGE_FREE(copy);
    copy = MESSAGE_COPY(&f->task);
    copy->base.unknown_fields[0].data[1] = 'X';
    assert_false(MESSAGE_EQUAL(copy, &f->task));
    MESSAGE_FREE(copy);
}

static void the_order_of_elements_matters(void **state) {
    struct fixture *f = *state;
    Mesos__V1__TaskInfo *copy = MESSAGE_COPY(&f->task);
    Mesos__V1__Label *first = copy->labels->labels[0];

    copy->labels->labels[0] = copy->labels->labels[1];
    copy->labels->labels[1] = first;
    assert_false(MESSAGE_EQUAL(copy, &f->task));
    MESSAGE_FREE(copy);
}

static void an_unset_field_differs_from_its_default(void **state) {
    struct fixture *f = *state;
    Mesos__V1__HealthCheck other = f->check;
    Mesos__V1__Resource a = MESOS__V1__RESOURCE__INIT, b = MESOS__V1__RESOURCE__INIT;
    char star[] = "*";

    other.has_delay_seconds = true;
    assert_true(other.delay_seconds == f->check.delay_seconds);
    assert_false(MESSAGE_EQUAL(&other, &f->check));
    a.name = b.name = star;
    assert_true(MESSAGE_EQUAL(&a, &b));
    b.role = star;
    assert_false(MESSAGE_EQUAL(&a, &b));
}

static void null_equals_null_alone(void **state) {
    struct fixture *f = *state;

    assert_true(message_equal(NULL, NULL));
    assert_false(message_equal(NULL, &f->task.base));
    assert_false(message_equal(&f->task.base, NULL));
}

static void different_types_are_never_equal(void **state) {
    struct fixture *f = *state;
    Mesos__V1__OfferID offer = MESOS__V1__OFFER_ID__INIT;

    offer.value = f->id.value;
    assert_false(MESSAGE_EQUAL(&offer, &f->id));
}

static void a_message_without_its_required_fields_is_told(void **state) {
    struct fixture *f = *state;
    cleanup_error struct error err = ERROR_INIT;

    assert_true(message_is_initialized(&f->task.base, &err));
    f->labels[1].key = NULL;
    assert_false(message_is_initialized(&f->task.base, &err));
    assert_string_equal(error_message(&err), "mesos.v1.Label: required field 'key' is missing");
    f->labels[1].key = (char *)"b";
    f->task.agent_id = NULL;
    assert_false(message_is_initialized(&f->task.base, &err));
    assert_string_equal(error_message(&err), "mesos.v1.TaskInfo: required field 'agent_id' is missing");
}

static void encoding_appends(void **state) {
    struct fixture *f = *state;
    cleanup_buffer struct buffer buffer = BUFFER_INIT;

    buffer_append_string(&buffer, "before");
    MESSAGE_ENCODE(&f->id, &buffer);
    assert_string_equal(buffer_text(&buffer), "before\x0a\x04task");
}

static void enum_values_have_names(void **state) {
    assert_string_equal(message_enum_name(&mesos__v1__task_state__descriptor, MESOS__V1__TASK_STATE__TASK_LOST),
                        "TASK_LOST");
    assert_null(message_enum_name(&mesos__v1__task_state__descriptor, 99));
    assert_string_equal(message_value_name(&mesos__v1__task_status__reason__descriptor,
                                           MESOS__V1__TASK_STATUS__REASON__REASON_AGENT_REMOVED, MESSAGE_V0),
                        "REASON_SLAVE_REMOVED");
}

static void types_have_names_in_v0(void **state) {
    static const struct {
        const ProtobufCMessageDescriptor *descriptor;
        const char *v0;
    } cases[] = {
        {&mesos__v1__agent_id__descriptor, "mesos.SlaveID"},
        {&mesos__v1__agent_info__descriptor, "mesos.SlaveInfo"},
        {&mesos__v1__agent_info__capability__descriptor, "mesos.SlaveInfo.Capability"},
        {&mesos__v1__task_info__descriptor, "mesos.TaskInfo"},
        {&mesos__v1__scheduler__call__descriptor, "mesos.scheduler.Call"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        cleanup_buffer struct buffer name = BUFFER_INIT;

        message_append_name(cases[i].descriptor, MESSAGE_V0, &name);
        assert_string_equal(buffer_text(&name), cases[i].v0);
        buffer_clear(&name);
        message_append_name(cases[i].descriptor, MESSAGE_V1, &name);
        assert_string_equal(buffer_text(&name), cases[i].descriptor->name);
    }
}

/* subscribe { framework_info { user: "u" name: "n" } force: true suppressed_roles: "r" }, as v0 numbers it. */
static const char v0_subscribe[] = "\x10\x01\x1a\x0d\x0a\x06\x0a\x01u\x12\x01n\x10\x01\x1a\x01r";

static void subscriptions_of_v0_are_understood(void **state) {
    struct arena arena = ARENA_INIT;
    cleanup_error struct error err = ERROR_INIT;
    cleanup_buffer struct buffer again = BUFFER_INIT;
    Mesos__V1__Scheduler__Call *call;
    bool force = false;

    assert_int_equal(v0_scheduler_call_decode(v0_subscribe, sizeof(v0_subscribe) - 1, &arena, &call, &force, &err), 0);
    assert_true(force);
    assert_int_equal(call->type, MESOS__V1__SCHEDULER__CALL__TYPE__SUBSCRIBE);
    assert_string_equal(call->subscribe->framework_info->name, "n");
    assert_int_equal(call->subscribe->n_suppressed_roles, 1);
    assert_string_equal(call->subscribe->suppressed_roles[0], "r");
    v0_scheduler_call_encode(call, &again);
    assert_string_equal(buffer_text(&again), "\x10\x01\x1a\x0b\x0a\x06\x0a\x01u\x12\x01n\x1a\x01r");
    arena_done(&arena);
}

static void broken_calls_of_v0_are_refused(void **state) {
    struct arena arena = ARENA_INIT;
    cleanup_error struct error err = ERROR_INIT;
    Mesos__V1__Scheduler__Call *call = NULL;

    assert_int_equal(v0_scheduler_call_decode("\x1a\x00", 2, &arena, &call, NULL, &err), -1);
    assert_null(call);
    assert_string_equal(error_message(&err),
                        "mesos.scheduler.Call: required field 'subscribe.framework_info' is missing");
    arena_done(&arena);
}

static void the_checkpoint_flag_of_v0_agents_is_kept(void **state) {
    struct arena arena = ARENA_INIT;
    cleanup_error struct error err = ERROR_INIT;
    cleanup_buffer struct buffer bytes = BUFFER_INIT;
    Mesos__V1__AgentInfo info = MESOS__V1__AGENT_INFO__INIT, *again;

    info.hostname = (char *)"h";
    assert_false(v0_agent_info_checkpoint(&info));
    v0_agent_info_set_checkpoint(&info, &arena);
    assert_true(v0_agent_info_checkpoint(&info));
    MESSAGE_ENCODE(&info, &bytes);
    assert_string_equal(buffer_text(&bytes), "\x0a\x01h\x38\x01");
    assert_int_equal(MESSAGE_DECODE(&mesos__v1__agent_info__descriptor, bytes.data, bytes.size, &arena, &again, &err),
                     0);
    assert_true(v0_agent_info_checkpoint(again));
    arena_done(&arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_copy_equals_its_original_and_shares_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_copy_can_live_in_an_arena, set_up, tear_down),
        cmocka_unit_test_setup_teardown(defaults_stay_unset_in_copies, set_up, tear_down),
        cmocka_unit_test_setup_teardown(freeing_nothing_is_fine, set_up, tear_down),
        cmocka_unit_test_setup_teardown(each_difference_makes_messages_unequal, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_order_of_elements_matters, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_unset_field_differs_from_its_default, set_up, tear_down),
        cmocka_unit_test_setup_teardown(null_equals_null_alone, set_up, tear_down),
        cmocka_unit_test_setup_teardown(different_types_are_never_equal, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_message_without_its_required_fields_is_told, set_up, tear_down),
        cmocka_unit_test_setup_teardown(encoding_appends, set_up, tear_down),
        cmocka_unit_test_setup_teardown(enum_values_have_names, set_up, tear_down),
        cmocka_unit_test_setup_teardown(types_have_names_in_v0, set_up, tear_down),
        cmocka_unit_test_setup_teardown(subscriptions_of_v0_are_understood, set_up, tear_down),
        cmocka_unit_test_setup_teardown(broken_calls_of_v0_are_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_checkpoint_flag_of_v0_agents_is_kept, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
