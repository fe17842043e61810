/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "message/message.h"

#include <errno.h>
#include <stdio.h>

#include "mesos/internal/messages.pb-c.h"
#include "mesos/v1/mesos.pb-c.h"
#include "mesos/v1/quota/quota.pb-c.h"

struct fixture {
    struct arena arena;
    struct error err;
};

static int set_up(void **state) {
    *state = new0(struct fixture);
    return 0;
}

static int tear_down(void **state) {
    struct fixture *f = *state;

    arena_done(&f->arena);
    error_done(&f->err);
    free(f);
    return 0;
}

/* A literal with NULs in it. */
#define BYTES(literal) literal, sizeof(literal) - 1

static void *decode(struct fixture *f, const ProtobufCMessageDescriptor *descriptor, const char *data, size_t size) {
    /* Of the exact size, so that reading beyond it is seen. */
    char *copy = xmemdup(data, size > 0 ? size : 1);
    ProtobufCMessage *message = NULL;
    int result = message_decode(descriptor, copy, size, &f->arena, &message, &f->err);

    free(copy);
    if (result < 0) {
        assert_null(message);
        assert_int_equal(f->err.code, EBADMSG);
        return NULL;
    }
    return message;
}

static void assert_refused(struct fixture *f, const ProtobufCMessageDescriptor *descriptor, const char *data,
                           size_t size, const char *reason) {
    assert_null(decode(f, descriptor, data, size));
    assert_string_equal(error_message(&f->err), reason);
}

static void no_bytes_are_a_message_without_required_fields(void **state) {
    Mesos__V1__Offer__Operation *operation = decode(*state, &mesos__v1__offer__operation__descriptor, BYTES(""));

    assert_non_null(operation);
    assert_false(operation->has_type);
    assert_null(operation->id);
}

static void a_missing_required_field_is_named(void **state) {
    assert_refused(*state, &mesos__v1__task_id__descriptor, BYTES(""),
                   "mesos.v1.TaskID: required field 'value' is missing");
}

static void a_missing_required_field_is_named_with_its_path(void **state) {
    /* labels { labels { key: "a" } labels { } } */
    assert_refused(*state, &mesos__v1__labels__descriptor,
                   BYTES("\x0a\x03\x0a\x01"
                         "a"
                         "\x0a\x00"),
                   "mesos.v1.Labels: required field 'labels[1].key' is missing");
    /* task { ... } of a launch: name and task_id are there, agent_id is not. */
    assert_refused(*state, &mesos__v1__offer__operation__launch__descriptor,
                   BYTES("\x0a\x08\x0a\x01"
                         "n"
                         "\x12\x03\x0a\x01"
                         "t"),
                   "mesos.v1.Offer.Operation.Launch: required field 'task_infos[0].agent_id' is missing");
}

static void a_required_number_is_missed(void **state) {
    assert_refused(*state, &mesos__v1__value__scalar__descriptor, BYTES(""),
                   "mesos.v1.Value.Scalar: required field 'value' is missing");
}

static void truncated_bytes_are_refused_at_every_cut(void **state) {
    struct fixture *f = *state;
    static const char whole[] = "\x0a\x0b\x0a\x03key\x12\x04text";

    assert_non_null(decode(f, &mesos__v1__labels__descriptor, whole, sizeof(whole) - 1));
    for (size_t size = 1; size < sizeof(whole) - 1; size++)
        assert_null(decode(f, &mesos__v1__labels__descriptor, whole, size));
}

static void a_length_past_the_end_is_refused(void **state) {
    assert_refused(*state, &mesos__v1__task_id__descriptor,
                   BYTES("\x0a\x05"
                         "abcd"),
                   "mesos.v1.TaskID: a length goes past the end");
}

static void a_length_of_64_bits_is_refused(void **state) {
    assert_refused(*state, &mesos__v1__task_id__descriptor,
                   BYTES("\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"
                         "a"),
                   "mesos.v1.TaskID: a length goes past the end");
    assert_refused(*state, &mesos__v1__task_id__descriptor,
                   BYTES("\x0a\xff\xff\xff\xff\x0f"
                         "a"),
                   "mesos.v1.TaskID: a length goes past the end");
}

static void a_varint_without_an_end_is_refused(void **state) {
    assert_refused(*state, &mesos__v1__duration_info__descriptor,
                   BYTES("\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"),
                   "mesos.v1.DurationInfo: truncated number");
    assert_refused(*state, &mesos__v1__duration_info__descriptor, BYTES("\x08\xff"),
                   "mesos.v1.DurationInfo: truncated number");
}

static void field_numbers_that_can_not_be_are_refused(void **state) {
    assert_refused(*state, &mesos__v1__task_id__descriptor,
                   BYTES("\x02\x01"
                         "a"),
                   "mesos.v1.TaskID: malformed field number");
    assert_refused(*state, &mesos__v1__task_id__descriptor,
                   BYTES("\x8a\x80\x80\x80\x80\x00\x01"
                         "a"),
                   "mesos.v1.TaskID: malformed field number");
    assert_refused(*state, &mesos__v1__task_id__descriptor,
                   BYTES("\xfa\xff\xff\xff\xff\x01\x01"
                         "a"),
                   "mesos.v1.TaskID: malformed field number");
}

static void wire_types_that_do_not_exist_are_refused(void **state) {
    assert_refused(*state, &mesos__v1__task_id__descriptor,
                   BYTES("\x0a\x01"
                         "a"
                         "\x16"),
                   "mesos.v1.TaskID: truncated or malformed bytes");
    assert_refused(*state, &mesos__v1__task_id__descriptor,
                   BYTES("\x0a\x01"
                         "a"
                         "\x14"),
                   "mesos.v1.TaskID: truncated or malformed bytes");
}

/* A ContainerID whose parents are @depth deep. */
static void append_nested(struct buffer *buffer, unsigned depth) {
    struct buffer inner = BUFFER_INIT;

    if (depth > 0)
        append_nested(&inner, depth - 1);
    buffer_append(buffer,
                  "\x0a\x01"
                  "c",
                  3);
    if (depth > 0) {
        buffer_append_char(buffer, 0x12);
        for (size_t size = inner.size;; size >>= 7) {
            buffer_append_char(buffer, (char)(size < 0x80 ? size : (size & 0x7F) | 0x80));
            if (size < 0x80)
                break;
        }
        buffer_append(buffer, inner.data, inner.size);
    }
    buffer_done(&inner);
}

static void nesting_is_accepted_up_to_the_limit(void **state) {
    struct fixture *f = *state;
    cleanup_buffer struct buffer data = BUFFER_INIT;
    Mesos__V1__ContainerID *id;
    unsigned depth = 0;

    append_nested(&data, MESSAGE_DEPTH_LIMIT);
    id = decode(f, &mesos__v1__container_id__descriptor, data.data, data.size);
    for (assert_non_null(id); id->parent != NULL; id = id->parent)
        depth++;
    assert_int_equal(depth, MESSAGE_DEPTH_LIMIT);
    buffer_clear(&data);
    append_nested(&data, MESSAGE_DEPTH_LIMIT + 1);
    assert_null(decode(f, &mesos__v1__container_id__descriptor, data.data, data.size));
    assert_non_null(strstr(error_message(&f->err), "messages nest too deep"));
}

static void a_flood_of_nested_bytes_is_refused(void **state) {
    struct fixture *f = *state;
    enum { SIZE = 100000 };
    char *data = xmalloc(SIZE);

    /* Each level takes the rest for itself, whatever its length says. */
    memset(data, 0x12, SIZE);
    assert_null(decode(f, &mesos__v1__container_id__descriptor, data, SIZE));
    /* Groups that open and never close. */
    memset(data, 0x1B, SIZE);
    assert_null(decode(f, &mesos__v1__container_id__descriptor, data, SIZE));
    free(data);
}

static void a_string_with_a_nul_is_refused(void **state) {
    assert_refused(*state, &mesos__v1__task_id__descriptor,
                   BYTES("\x0a\x03"
                         "a\0b"),
                   "mesos.v1.TaskID: a string holds a NUL character");
}

static void strings_need_not_be_utf8(void **state) {
    Mesos__V1__TaskID *id = decode(*state, &mesos__v1__task_id__descriptor, BYTES("\x0a\x02\xff\xfe"));

    assert_non_null(id);
    assert_string_equal(id->value, "\xff\xfe");
}

static void an_enum_value_without_a_name_leaves_the_field_unset(void **state) {
    struct fixture *f = *state;
    cleanup_buffer struct buffer again = BUFFER_INIT;
    Mesos__V1__Offer__Operation *operation = decode(f, &mesos__v1__offer__operation__descriptor, BYTES("\x08\xe7\x07"));

    assert_non_null(operation);
    assert_false(operation->has_type);
    MESSAGE_ENCODE(operation, &again);
    assert_int_equal(again.size, 3);
    assert_memory_equal(again.data, "\x08\xe7\x07", 3);
}

static void a_required_enum_value_without_a_name_is_missing(void **state) {
    /* name: "cpus" type: 999 */
    assert_refused(*state, &mesos__v1__resource__descriptor,
                   BYTES("\x0a\x04"
                         "cpus"
                         "\x10\xe7\x07"),
                   "mesos.v1.Resource: required field 'type' is missing");
}

static void a_field_of_another_wire_type_is_unknown(void **state) {
    struct fixture *f = *state;
    Mesos__V1__DurationInfo *duration = decode(f, &mesos__v1__duration_info__descriptor,
                                               BYTES("\x0a\x01"
                                                     "x"
                                                     "\x08\x05"));

    assert_non_null(duration);
    assert_int_equal(duration->nanoseconds, 5);
    assert_int_equal(duration->base.n_unknown_fields, 1);
    assert_refused(f, &mesos__v1__duration_info__descriptor,
                   BYTES("\x0a\x01"
                         "x"),
                   "mesos.v1.DurationInfo: required field 'nanoseconds' is missing");
}

static void unknown_fields_come_out_again(void **state) {
    struct fixture *f = *state;
    static const char data[] = "\x0a\x01"
                               "t"
                               "\xa0\x06\x2a"
                               "\xaa\x06\x02hi"
                               "\xb3\x06\x08\x01\xb4\x06";
    cleanup_buffer struct buffer again = BUFFER_INIT;
    Mesos__V1__TaskID *id = decode(f, &mesos__v1__task_id__descriptor, BYTES(data)), *copy;

    assert_non_null(id);
    assert_int_equal(id->base.n_unknown_fields, 3);
    copy = MESSAGE_COPY(id);
    MESSAGE_ENCODE(copy, &again);
    MESSAGE_FREE(copy);
    assert_int_equal(again.size, sizeof(data) - 1);
    assert_memory_equal(again.data, data, sizeof(data) - 1);
}

static void the_last_of_repeated_numbers_counts(void **state) {
    Mesos__V1__DurationInfo *duration = decode(*state, &mesos__v1__duration_info__descriptor,
                                               BYTES("\x08\x05\x08\x07"));

    assert_non_null(duration);
    assert_int_equal(duration->nanoseconds, 7);
}

static void the_parts_of_a_message_field_are_merged(void **state) {
    /* cgroup_info { net_cls { classid: 7 } }, then cgroup_info { } */
    Mesos__V1__ContainerStatus *status = decode(*state, &mesos__v1__container_status__descriptor,
                                                BYTES("\x12\x04\x0a\x02\x08\x07"
                                                      "\x12\x00"));

    assert_non_null(status);
    assert_int_equal(status->cgroup_info->net_cls->classid, 7);
}

static void packed_and_plain_elements_are_both_read(void **state) {
    /* 1000, 1001 and one without a name packed, then 1002. */
    Mesos__V1__CapabilityInfo *info = decode(*state, &mesos__v1__capability_info__descriptor,
                                             BYTES("\x0a\x06\xe8\x07\xe9\x07\x8f\x4e"
                                                   "\x08\xea\x07"));

    assert_non_null(info);
    assert_int_equal(info->n_capabilities, 3);
    assert_int_equal(info->capabilities[0], 1000);
    assert_int_equal(info->capabilities[2], 1002);
    assert_int_equal(info->base.n_unknown_fields, 1);
}

static void of_map_entries_with_one_key_the_last_counts(void **state) {
    /* role: "r", limits: cpus 1, mem 2, cpus 3 */
    static const char data[] = "\x0a\x01r"
                               "\x1a\x11\x0a\x04"
                               "cpus"
                               "\x12\x09\x09\0\0\0\0\0\0\xf0\x3f"
                               "\x1a\x10\x0a\x03"
                               "mem"
                               "\x12\x09\x09\0\0\0\0\0\0\x00\x40"
                               "\x1a\x11\x0a\x04"
                               "cpus"
                               "\x12\x09\x09\0\0\0\0\0\0\x08\x40";
    Mesos__V1__Quota__QuotaConfig *config = decode(*state, &mesos__v1__quota__quota_config__descriptor, BYTES(data));

    assert_non_null(config);
    assert_int_equal(config->n_limits, 2);
    assert_string_equal(config->limits[0]->key, "cpus");
    assert_true(config->limits[0]->value->value == 3);
    assert_string_equal(config->limits[1]->key, "mem");
}

static void a_map_entry_has_a_key_and_a_value_always(void **state) {
    struct fixture *f = *state;
    Mesos__V1__Volume__Source__CSIVolume__StaticProvisioning *volume;

    assert_refused(f, &mesos__v1__quota__quota_config__descriptor, BYTES("\x0a\x01r\x1a\x03\x0a\x01k"),
                   "mesos.v1.quota.QuotaConfig: limits[0]: map entry without a value");
    volume = decode(f, &mesos__v1__volume__source__csivolume__static_provisioning__descriptor,
                    BYTES("\x0a\x01v\x12\x04\x1a\x02\x08\x01\x1a\x00\x1a\x00\x2a\x00"));
    assert_non_null(volume);
    assert_string_equal(volume->node_stage_secrets[0]->key, "");
    assert_non_null(volume->node_stage_secrets[0]->value);
    assert_string_equal(volume->volume_context[0]->value, "");
}

static void many_elements_are_all_read(void **state) {
    struct fixture *f = *state;
    cleanup_buffer struct buffer data = BUFFER_INIT;
    Mesos__V1__Value__Set *set;
    enum { COUNT = 1000 };

    for (int i = 0; i < COUNT; i++)
        buffer_printf(&data, "\x0a\x04%04d", i);
    set = decode(f, &mesos__v1__value__set__descriptor, data.data, data.size);
    assert_non_null(set);
    assert_int_equal(set->n_item, COUNT);
    for (int i = 0; i < COUNT; i++) {
        char expected[16];

        snprintf(expected, sizeof(expected), "%04d", i);
        assert_string_equal(set->item[i], expected);
    }
}

static void random_bytes_never_do_harm(void **state) {
    struct fixture *f = *state;
    uint64_t seed = 1;
    char data[64];

    for (int i = 0; i < 20000; i++) {
        for (size_t j = 0; j < sizeof(data); j++) {
            seed = seed * 6364136223846793005u + 1442695040888963407u;
            data[j] = (char)(seed >> 56);
        }
        decode(f, &mesos__internal__reregister_slave_message__descriptor, data, (size_t)(seed >> 32) % sizeof(data));
        arena_reset(&f->arena);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(no_bytes_are_a_message_without_required_fields, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_missing_required_field_is_named, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_missing_required_field_is_named_with_its_path, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_required_number_is_missed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(truncated_bytes_are_refused_at_every_cut, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_length_past_the_end_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_length_of_64_bits_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_varint_without_an_end_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(field_numbers_that_can_not_be_are_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(wire_types_that_do_not_exist_are_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(nesting_is_accepted_up_to_the_limit, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_flood_of_nested_bytes_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_string_with_a_nul_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(strings_need_not_be_utf8, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_enum_value_without_a_name_leaves_the_field_unset, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_required_enum_value_without_a_name_is_missing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_field_of_another_wire_type_is_unknown, set_up, tear_down),
        cmocka_unit_test_setup_teardown(unknown_fields_come_out_again, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_last_of_repeated_numbers_counts, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_parts_of_a_message_field_are_merged, set_up, tear_down),
        cmocka_unit_test_setup_teardown(packed_and_plain_elements_are_both_read, set_up, tear_down),
        cmocka_unit_test_setup_teardown(of_map_entries_with_one_key_the_last_counts, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_map_entry_has_a_key_and_a_value_always, set_up, tear_down),
        cmocka_unit_test_setup_teardown(many_elements_are_all_read, set_up, tear_down),
        cmocka_unit_test_setup_teardown(random_bytes_never_do_harm, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
