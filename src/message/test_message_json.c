/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "message/json.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>

#include "mesos/internal/registry.pb-c.h"
#include "mesos/v1/master/master.pb-c.h"
#include "mesos/v1/mesos.pb-c.h"
#include "mesos/v1/quota/quota.pb-c.h"
#include "mesos/v1/scheduler/scheduler.pb-c.h"

struct fixture {
    struct arena arena;
    struct buffer text;
    struct error err;
};

static int set_up(void **state) {
    *state = new0(struct fixture);
    return 0;
}

static int tear_down(void **state) {
    struct fixture *f = *state;

    arena_done(&f->arena);
    buffer_done(&f->text);
    error_done(&f->err);
    free(f);
    return 0;
}

static void *parse_sized(struct fixture *f, const ProtobufCMessageDescriptor *descriptor, const char *text,
                         size_t size) {
    /* Of the exact size, so that reading beyond it is seen. */
    char *copy = xmemdup(text, size > 0 ? size : 1);
    ProtobufCMessage *message = NULL;
    int result = message_parse_json(descriptor, copy, size, MESSAGE_V1, &f->arena, &message, &f->err);

    free(copy);
    if (result < 0)
        assert_null(message);
    return message;
}

static void *parse(struct fixture *f, const ProtobufCMessageDescriptor *descriptor, const char *text) {
    return parse_sized(f, descriptor, text, strlen(text));
}

/* Not JSON at all: EBADMSG. */
static void assert_syntax_error(struct fixture *f, const char *text, const char *reason) {
    assert_null(parse(f, &mesos__v1__scheduler__call__descriptor, text));
    assert_string_equal(error_message(&f->err), reason);
    assert_int_equal(f->err.code, EBADMSG);
}

/* JSON, but not that message: EINVAL. */
static void assert_refused(struct fixture *f, const ProtobufCMessageDescriptor *descriptor, const char *text,
                           const char *reason) {
    assert_null(parse(f, descriptor, text));
    assert_string_equal(error_message(&f->err), reason);
    assert_int_equal(f->err.code, EINVAL);
}

/* Parse and write again. */
static const char *turn(struct fixture *f, const ProtobufCMessageDescriptor *descriptor, const char *text) {
    ProtobufCMessage *message = parse(f, descriptor, text);

    if (message == NULL)
        fail_msg("%s", error_message(&f->err));
    buffer_clear(&f->text);
    message_append_json(message, MESSAGE_V1, &f->text);
    return buffer_text(&f->text);
}

#define DURATION &mesos__v1__duration_info__descriptor
#define SCALAR &mesos__v1__value__scalar__descriptor
#define CALL &mesos__v1__scheduler__call__descriptor

/* What is not JSON */

static void an_empty_or_blank_text_is_a_syntax_error(void **state) {
    assert_syntax_error(*state, "", "syntax error at line 1: expected a value at the end of the text");
    assert_syntax_error(*state, " \n\t\r\n", "syntax error at line 3: expected a value at the end of the text");
}

static void broken_syntax_is_refused_with_its_place(void **state) {
    assert_syntax_error(*state, "{\"type\":\"SUBSCRIBE\"",
                        "syntax error at line 1: expected '}' at the end of the text");
    assert_syntax_error(*state, "{\n\"type\" \"SUBSCRIBE\"}", "syntax error at line 2: expected ':' at '\"'");
    assert_syntax_error(*state, "{\"type\":}", "syntax error at line 1: expected a value at '}'");
    assert_syntax_error(*state, "{\"type\":\"SUBSCRIBE\",}", "syntax error at line 1: expected a string at '}'");
    assert_syntax_error(*state, "{} x", "syntax error at line 1: expected nothing more at 'x'");
    assert_syntax_error(*state, "{}{}", "syntax error at line 1: expected nothing more at '{'");
    assert_syntax_error(*state, "{'type':1}", "syntax error at line 1: expected a string at '''");
    assert_syntax_error(*state, "{\"x\":tru}", "syntax error at line 1: unknown word at 't'");
    assert_syntax_error(*state, "{\"x\":[1,]}", "syntax error at line 1: expected a value at ']'");
    assert_syntax_error(*state, "{\"x\":[1 2]}", "syntax error at line 1: expected ']' at '2'");
    assert_syntax_error(*state, "// {}", "syntax error at line 1: expected a value at '/'");
    assert_syntax_error(*state, "\xEF\xBB\xBF{}", "syntax error at line 1: expected a value at byte 0xEF");
}

static void broken_numbers_are_refused(void **state) {
    assert_syntax_error(*state, "{\"x\":01}", "syntax error at line 1: number with a leading zero at '0'");
    assert_syntax_error(*state, "{\"x\":-}", "syntax error at line 1: expected a digit at '}'");
    assert_syntax_error(*state, "{\"x\":1.}", "syntax error at line 1: expected a digit at '}'");
    assert_syntax_error(*state, "{\"x\":1e}", "syntax error at line 1: expected a digit at '}'");
    assert_syntax_error(*state, "{\"x\":.5}", "syntax error at line 1: expected a value at '.'");
    assert_syntax_error(*state, "{\"x\":+1}", "syntax error at line 1: expected a value at '+'");
    assert_syntax_error(*state, "{\"x\":0x10}", "syntax error at line 1: expected '}' at 'x'");
    assert_syntax_error(*state, "{\"x\":NaN}", "syntax error at line 1: expected a value at 'N'");
    assert_syntax_error(*state, "{\"x\":Infinity}", "syntax error at line 1: expected a value at 'I'");
    assert_syntax_error(*state, "{\"x\":-Infinity}", "syntax error at line 1: expected a digit at 'I'");
}

static void broken_strings_are_refused(void **state) {
    assert_syntax_error(*state, "{\"x\":\"a", "syntax error at line 1: string without an end at the end of the text");
    assert_syntax_error(*state, "{\"x\":\"a\\", "syntax error at line 1: string without an end at the end of the text");
    assert_syntax_error(*state, "{\"x\":\"a\nb\"}",
                        "syntax error at line 1: control character in a string at byte 0x0A");
    assert_syntax_error(*state, "{\"x\":\"\\x41\"}", "syntax error at line 1: unknown escape at 'x'");
    assert_syntax_error(*state, "{\"x\":\"\\u12G4\"}",
                        "syntax error at line 1: expected four hexadecimal digits at 'G'");
    assert_syntax_error(*state, "{\"x\":\"\\ud800\"}", "syntax error at line 1: half of a surrogate pair at '\"'");
    assert_syntax_error(*state, "{\"x\":\"\\ud800\\u0041\"}",
                        "syntax error at line 1: half of a surrogate pair at '\"'");
    assert_syntax_error(*state, "{\"x\":\"\\udc00\"}", "syntax error at line 1: half of a surrogate pair at '\"'");
}

static void invalid_utf8_is_refused_wherever_it_is(void **state) {
    static const char *const broken[] = {"\x80", "\xC3", "\xC0\xAF", "\xED\xA0\x80", "\xF4\x90\x80\x80", "\xFF"};

    for (size_t i = 0; i < ARRAY_SIZE(broken); i++) {
        struct fixture *f = *state;
        char text[64];

        snprintf(text, sizeof(text), "{\"framework_id\":{\"value\":\"%s\"}}", broken[i]);
        assert_null(parse(f, CALL, text));
        assert_int_equal(f->err.code, EBADMSG);
        assert_non_null(strstr(error_message(&f->err), "invalid UTF-8"));
        snprintf(text, sizeof(text), "{\"unknown\":{\"long enough %s\":1}}", broken[i]);
        assert_null(parse(f, CALL, text));
        assert_non_null(strstr(error_message(&f->err), "invalid UTF-8"));
        snprintf(text, sizeof(text), "{\"unknown\":\"\\n%s\"}", broken[i]);
        assert_null(parse(f, CALL, text));
        assert_non_null(strstr(error_message(&f->err), "invalid UTF-8"));
    }
}

static void nesting_of_100000_levels_is_refused(void **state) {
    struct fixture *f = *state;
    enum { LEVELS = 100000 };
    cleanup_buffer struct buffer text = BUFFER_INIT;

    buffer_append_string(&text, "{\"unknown\":");
    for (int i = 0; i < LEVELS; i++)
        buffer_append_char(&text, '[');
    assert_null(parse(f, CALL, buffer_text(&text)));
    assert_string_equal(error_message(&f->err), "syntax error at line 1: objects and arrays nest too deep at '['");
    buffer_clear(&text);
    for (int i = 0; i < LEVELS; i++)
        buffer_append_string(&text, "{\"parent\":");
    assert_null(parse(f, &mesos__v1__container_id__descriptor, buffer_text(&text)));
    assert_non_null(strstr(error_message(&f->err), "messages nest too deep"));
}

static void messages_nest_up_to_the_limit(void **state) {
    struct fixture *f = *state;

    for (int depth = MESSAGE_DEPTH_LIMIT; depth <= MESSAGE_DEPTH_LIMIT + 1; depth++) {
        cleanup_buffer struct buffer text = BUFFER_INIT;

        for (int i = 0; i < depth; i++)
            buffer_append_string(&text, "{\"value\":\"c\",\"parent\":");
        buffer_append_string(&text, "{\"value\":\"c\"}");
        for (int i = 0; i < depth; i++)
            buffer_append_char(&text, '}');
        assert_int_equal(parse(f, &mesos__v1__container_id__descriptor, buffer_text(&text)) != NULL,
                         depth == MESSAGE_DEPTH_LIMIT);
    }
}

/* What is JSON, but not the message */

static void other_values_than_objects_are_refused(void **state) {
    assert_refused(*state, CALL, "[]", "expected an object");
    assert_refused(*state, CALL, "\"SUBSCRIBE\"", "expected an object");
    assert_refused(*state, CALL, "17", "expected an object");
    assert_refused(*state, CALL, "null", "expected an object");
}

static void values_of_the_wrong_kind_are_refused_with_their_path(void **state) {
    assert_refused(*state, CALL, "{\"type\":17}", "type: expected the name of an enum value, found a number");
    assert_refused(*state, CALL, "{\"framework_id\":\"f\"}", "framework_id: expected an object, found a string");
    assert_refused(*state, CALL, "{\"framework_id\":{\"value\":1}}",
                   "framework_id.value: expected a string, found a number");
    assert_refused(*state, CALL, "{\"accept\":{\"offer_ids\":[{\"value\":\"a\"},{\"value\":true}]}}",
                   "accept.offer_ids[1].value: expected a string, found a boolean");
    assert_refused(*state, CALL, "{\"framework_id\":[]}", "framework_id: expected an object, found an array");
    assert_refused(*state, DURATION, "{\"nanoseconds\":\"5s\"}", "nanoseconds: expected a number, found '5s'");
    assert_refused(*state, DURATION, "{\"nanoseconds\":\"\"}", "nanoseconds: expected a number, found ''");
    assert_refused(*state, DURATION, "{\"nanoseconds\":{}}", "nanoseconds: expected a number, found an object");
    assert_refused(*state, SCALAR, "{\"value\":true}", "value: expected a number, found a boolean");
    assert_refused(*state, &mesos__v1__framework_info__descriptor, "{\"checkpoint\":1}",
                   "checkpoint: expected a boolean, found a number");
    assert_refused(*state, &mesos__v1__framework_info__descriptor, "{\"checkpoint\":\"yes\"}",
                   "checkpoint: expected a boolean, found 'yes'");
    assert_refused(*state, &mesos__v1__quota__quota_config__descriptor, "{\"limits\":[]}",
                   "limits: expected an object, found an array");
    assert_refused(*state, &mesos__v1__quota__quota_config__descriptor, "{\"limits\":{\"cpus\":3}}",
                   "limits[0]: expected an object, found a number");
}

static void missing_required_fields_are_all_named(void **state) {
    assert_refused(*state, CALL, "{\"type\":\"SUBSCRIBE\",\"subscribe\":{\"framework_info\":{}}}",
                   "required fields are missing: subscribe.framework_info.user, subscribe.framework_info.name");
    assert_refused(*state, CALL, "{\"accept\":{\"offer_ids\":[{\"value\":\"o\"},{}],\"filters\":{}},\"kill\":{}}",
                   "required fields are missing: accept.offer_ids[1].value, kill.task_id");
    assert_refused(*state, SCALAR, "{\"value\":null}", "required fields are missing: value");
    assert_refused(*state, &mesos__v1__value__set__descriptor, "{\"item\":[1]}",
                   "item[0]: expected a string, found a number");
}

static void a_flood_of_missing_fields_is_cut(void **state) {
    struct fixture *f = *state;
    cleanup_buffer struct buffer text = BUFFER_INIT;

    buffer_append_string(&text, "{\"accept\":{\"offer_ids\":[{}");
    for (int i = 0; i < 1000; i++)
        buffer_append_string(&text, ",{}");
    buffer_append_string(&text, "]}}");
    assert_null(parse(f, CALL, buffer_text(&text)));
    assert_non_null(strstr(error_message(&f->err), "accept.offer_ids[9].value and 991 more"));
}

static void numbers_out_of_range_are_refused(void **state) {
    assert_refused(*state, SCALAR, "{\"value\":-3E400}", "value: -3E400 is out of range");
    assert_refused(*state, SCALAR, "{\"value\":1e309}", "value: 1e309 is out of range");
    assert_refused(*state, SCALAR, "{\"value\":\"infinity\"}", "value: expected a number, found 'infinity'");
    assert_refused(*state, DURATION, "{\"nanoseconds\":\"Infinity\"}",
                   "nanoseconds: expected a number, found 'Infinity'");
    assert_refused(*state, SCALAR, "{\"value\":\"NaN\"}", "value: expected a number, found 'NaN'");
    assert_refused(*state, DURATION, "{\"nanoseconds\":9223372036854775808}",
                   "nanoseconds: 9223372036854775808 is out of range");
    assert_refused(*state, DURATION, "{\"nanoseconds\":-9223372036854775809}",
                   "nanoseconds: -9223372036854775809 is out of range");
    assert_refused(*state, DURATION, "{\"nanoseconds\":99999999999999999999999}",
                   "nanoseconds: 99999999999999999999999 is out of range");
    assert_refused(*state, DURATION, "{\"nanoseconds\":1e19}", "nanoseconds: 1e19 is out of range");
    assert_refused(*state, DURATION, "{\"nanoseconds\":-3E400}", "nanoseconds: -3E400 is out of range");
    assert_refused(*state, &mesos__v1__port__descriptor, "{\"number\":-1}", "number: -1 is out of range");
    assert_refused(*state, &mesos__v1__port__descriptor, "{\"number\":4294967296}",
                   "number: 4294967296 is out of range");
    assert_refused(*state, &mesos__v1__agent_info__descriptor, "{\"port\":2147483648}",
                   "port: 2147483648 is out of range");
    assert_refused(*state, &mesos__v1__value__range__descriptor, "{\"begin\":18446744073709551616}",
                   "begin: 18446744073709551616 is out of range");
}

static void bad_base64_is_refused(void **state) {
    static const char *const broken[] = {"*", "a", "abcde", "ab=c", "ab\\u0000c"};

    for (size_t i = 0; i < ARRAY_SIZE(broken); i++) {
        char text[64];

        snprintf(text, sizeof(text), "{\"data\":\"%s\"}", broken[i]);
        assert_refused(*state, &mesos__v1__task_info__descriptor, text, "data: not base64");
    }
    assert_refused(*state, &mesos__v1__task_info__descriptor, "{\"data\":1}",
                   "data: expected base64 text, found a number");
}

static void a_nul_in_a_string_is_refused(void **state) {
    assert_refused(*state, &mesos__v1__task_id__descriptor, "{\"value\":\"a\\u0000b\"}",
                   "value: the string holds a NUL character");
}

static void an_unknown_name_of_a_required_enum_is_refused(void **state) {
    assert_refused(*state, &mesos__v1__resource__descriptor, "{\"name\":\"cpus\",\"type\":\"SCALER\"}",
                   "type: there is no value 'SCALER'");
}

/* What is accepted */

static void an_unknown_name_of_another_enum_leaves_it_unset(void **state) {
    Mesos__V1__Scheduler__Call *call = parse(*state, CALL, "{\"type\":\"BOGUS\"}");
    Mesos__V1__CapabilityInfo *info;

    assert_non_null(call);
    assert_false(call->has_type);
    info = parse(*state, &mesos__v1__capability_info__descriptor, "{\"capabilities\":[\"CHOWN\",\"FLY\",\"KILL\"]}");
    assert_non_null(info);
    assert_int_equal(info->n_capabilities, 2);
    assert_int_equal(info->capabilities[1], MESOS__V1__CAPABILITY_INFO__CAPABILITY__KILL);
}

static void unknown_members_are_ignored_but_checked(void **state) {
    struct fixture *f = *state;

    assert_string_equal(
        turn(f, DURATION, "{\"x\":[{\"y\":[1,-2.5e3,\"\\n\"]},true,false,null],\"nanoseconds\":1,\"z\":{}}"),
        "{\"nanoseconds\":1}");
    assert_syntax_error(f, "{\"x\":[{\"y\":1]}", "syntax error at line 1: expected '}' at ']'");
}

static void of_members_with_one_name_the_last_counts(void **state) {
    assert_string_equal(turn(*state, DURATION, "{\"nanoseconds\":1,\"nanoseconds\":2}"), "{\"nanoseconds\":2}");
    assert_string_equal(turn(*state, CALL,
                             "{\"type\":\"KILL\",\"framework_id\":{\"value\":\"a\"},\"type\":null,"
                             "\"framework_id\":{\"value\":\"b\"}}"),
                        "{\"framework_id\":{\"value\":\"b\"}}");
    assert_string_equal(turn(*state, &mesos__v1__value__set__descriptor, "{\"item\":[\"a\",\"b\"],\"item\":[\"c\"]}"),
                        "{\"item\":[\"c\"]}");
    assert_string_equal(turn(*state, &mesos__v1__quota__quota_config__descriptor,
                             "{\"role\":\"r\",\"limits\":{\"cpus\":{\"value\":1},\"mem\":{\"value\":2},"
                             "\"cpus\":{\"value\":3}}}"),
                        "{\"role\":\"r\",\"limits\":{\"cpus\":{\"value\":3.0},\"mem\":{\"value\":2.0}}}");
    assert_refused(*state, DURATION, "{\"nanoseconds\":1,\"nanoseconds\":null}",
                   "required fields are missing: nanoseconds");
}

static void null_is_an_unset_field(void **state) {
    assert_string_equal(turn(*state, CALL, "{\"framework_id\":null,\"type\":null,\"accept\":null}"), "{}");
    assert_string_equal(turn(*state, &mesos__v1__value__set__descriptor, "{\"item\":[null,\"a\",null]}"),
                        "{\"item\":[\"a\"]}");
    assert_string_equal(turn(*state, &mesos__v1__quota__quota_config__descriptor, "{\"role\":\"r\",\"limits\":null}"),
                        "{\"role\":\"r\"}");
}

static void a_single_element_needs_no_array(void **state) {
    assert_string_equal(turn(*state, &mesos__v1__value__set__descriptor, "{\"item\":\"a\"}"), "{\"item\":[\"a\"]}");
    assert_string_equal(turn(*state, &mesos__v1__labels__descriptor, "{\"labels\":{\"key\":\"k\"}}"),
                        "{\"labels\":[{\"key\":\"k\"}]}");
}

static void numbers_and_booleans_may_be_quoted(void **state) {
    assert_string_equal(turn(*state, DURATION, "{\"nanoseconds\":\"-17\"}"), "{\"nanoseconds\":-17}");
    assert_string_equal(turn(*state, SCALAR, "{\"value\":\"1.5\"}"), "{\"value\":1.5}");
    assert_string_equal(turn(*state, &mesos__v1__command_info__descriptor, "{\"shell\":\"false\"}"),
                        "{\"shell\":false}");
}

static void integers_are_exact_to_64_bits(void **state) {
    assert_string_equal(turn(*state, DURATION, "{\"nanoseconds\":9223372036854775807}"),
                        "{\"nanoseconds\":9223372036854775807}");
    assert_string_equal(turn(*state, DURATION, "{\"nanoseconds\":-9223372036854775808}"),
                        "{\"nanoseconds\":-9223372036854775808}");
    assert_string_equal(
        turn(*state, &mesos__v1__value__range__descriptor, "{\"begin\":9007199254740993,\"end\":18446744073709551615}"),
        "{\"begin\":9007199254740993,\"end\":18446744073709551615}");
    assert_string_equal(turn(*state, DURATION, "{\"nanoseconds\":-0}"), "{\"nanoseconds\":0}");
}

static void an_integer_loses_its_fraction(void **state) {
    assert_string_equal(turn(*state, DURATION, "{\"nanoseconds\":1.5e3}"), "{\"nanoseconds\":1500}");
    assert_string_equal(turn(*state, DURATION, "{\"nanoseconds\":-1.9}"), "{\"nanoseconds\":-1}");
    assert_string_equal(turn(*state, DURATION, "{\"nanoseconds\":1e-400}"), "{\"nanoseconds\":0}");
}

static void doubles_are_read_to_the_last_bit(void **state) {
/* The compiler says what is right. */
#define CASE(number) \
    { #number, number }
    static const struct {
        const char *text;
        double value;
    } cases[] = {
        CASE(0.1),
        CASE(-0.0),
        CASE(123456789012345),
        CASE(9007199254740993.0),
        CASE(1e22),
        CASE(1e23),
        CASE(1.7976931348623157e308),
        CASE(5e-324),
        CASE(0.30000000000000004),
        CASE(3E+2),
        CASE(99999999999999999999999999999999.0),
        CASE(0.000000000000000000000000000001),
        CASE(1e00000000000000000001),
        CASE(2.22507385850720113605740979670913197593481954635164564802342610972482222202107694551652952390813508e-308),
        {"1e-400", 0.0},
        {"99999999999999999999999999999999", 1e32},
    };
#undef CASE
    struct fixture *f = *state;

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        Mesos__V1__Value__Scalar *scalar;
        char text[512];

        snprintf(text, sizeof(text), "{\"value\":%s}", cases[i].text);
        scalar = parse(f, SCALAR, text);
        assert_non_null(scalar);
        assert_memory_equal(&scalar->value, &cases[i].value, sizeof(double));
    }
}

static void base64_is_read_with_spaces_and_without_padding(void **state) {
    static const struct {
        const char *text;
        const char *bytes;
    } cases[] = {{"", ""},         {"aA==", "h"},        {"aA", "h"},       {"aGk=", "hi"},
                 {"aG\\nk", "hi"}, {" a G V 5 ", "hey"}, {"aGV5aA", "heyh"}};

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct fixture *f = *state;
        Mesos__V1__Scheduler__Event__Message *message;
        char text[128];

        snprintf(text, sizeof(text),
                 "{\"agent_id\":{\"value\":\"a\"},\"executor_id\":{\"value\":\"e\"},\"data\":\"%s\"}", cases[i].text);
        message = parse(f, &mesos__v1__scheduler__event__message__descriptor, text);
        assert_non_null(message);
        assert_int_equal(message->data.len, strlen(cases[i].bytes));
        assert_memory_equal(message->data.data, cases[i].bytes, message->data.len);
    }
}

static void escapes_are_understood_in_names_and_values(void **state) {
    Mesos__V1__TaskID *id = parse(*state, &mesos__v1__task_id__descriptor,
                                  "{\"v\\u0061lue\":\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\\u20AC\\ud83d\\ude42 plain\"}");

    assert_non_null(id);
    assert_string_equal(id->value, "\"\\/\b\f\n\r\té€🙂 plain");
}

static void a_oneof_keeps_what_was_last(void **state) {
    assert_string_equal(turn(*state, &mesos__v1__scheduler__attribute_constraint__selector__descriptor,
                             "{\"pseudoattribute_type\":\"HOSTNAME\",\"attribute_name\":\"rack\"}"),
                        "{\"attribute_name\":\"rack\"}");
    assert_string_equal(turn(*state, &mesos__v1__scheduler__attribute_constraint__predicate__descriptor,
                             "{\"text_equals\":{\"value\":\"a\"},\"exists\":{}}"),
                        "{\"exists\":{}}");
}

/* What is written */

static void defaults_are_written_unless_deprecated(void **state) {
    assert_string_equal(turn(*state, &mesos__v1__filters__descriptor, "{}"), "{\"refuse_seconds\":5.0}");
    assert_string_equal(turn(*state, &mesos__v1__command_info__descriptor, "{}"), "{\"shell\":true}");
    assert_string_equal(turn(*state, &mesos__v1__credential__descriptor, "{\"principal\":\"p\"}"),
                        "{\"principal\":\"p\"}");
    /* Resource.role has the default "*" and is deprecated. */
    assert_string_equal(turn(*state, &mesos__v1__resource__descriptor, "{\"name\":\"cpus\",\"type\":\"SCALAR\"}"),
                        "{\"name\":\"cpus\",\"type\":\"SCALAR\"}");
}

static void members_come_in_the_order_of_declaration(void **state) {
    /* TaskInfo declares its field 4, resources, before 5, executor, and 7, command, and 9, data, late. */
    assert_string_equal(
        turn(*state, &mesos__v1__task_info__descriptor,
             "{\"data\":\"aA==\",\"resources\":[{\"type\":\"SCALAR\",\"name\":\"cpus\"}],\"command\":{},"
             "\"agent_id\":{\"value\":\"a\"},\"task_id\":{\"value\":\"t\"},\"name\":\"n\"}"),
        "{\"name\":\"n\",\"task_id\":{\"value\":\"t\"},\"agent_id\":{\"value\":\"a\"},"
        "\"resources\":[{\"name\":\"cpus\",\"type\":\"SCALAR\"}],\"command\":{\"shell\":true},\"data\":\"aA==\"}");
}

static void strings_are_escaped_and_repaired(void **state) {
    struct fixture *f = *state;
    Mesos__V1__TaskID id = MESOS__V1__TASK_ID__INIT;

    id.value = (char *)"a\"b\\c\n\x01\xFF\xC3\xA9";
    MESSAGE_APPEND_JSON(&id, MESSAGE_V1, &f->text);
    assert_string_equal(buffer_text(&f->text), "{\"value\":\"a\\\"b\\\\c\\n\\u0001\xEF\xBF\xBD\xC3\xA9\"}");
}

static void infinite_numbers_are_in_quotes(void **state) {
    struct fixture *f = *state;
    Mesos__V1__Value__Scalar scalar = MESOS__V1__VALUE__SCALAR__INIT;

    scalar.value = INFINITY;
    MESSAGE_APPEND_JSON(&scalar, MESSAGE_V1, &f->text);
    scalar.value = NAN;
    MESSAGE_APPEND_JSON(&scalar, MESSAGE_V1, &f->text);
    assert_string_equal(buffer_text(&f->text), "{\"value\":\"Infinity\"}{\"value\":null}");
    assert_true(isinf(((Mesos__V1__Value__Scalar *)parse(f, SCALAR, "{\"value\":\"Infinity\"}"))->value));
    assert_true(((Mesos__V1__Value__Scalar *)parse(f, SCALAR, "{\"value\":\"-Infinity\"}"))->value < -1e308);
}

static void what_is_not_set_is_left_out(void **state) {
    struct fixture *f = *state;
    Mesos__V1__TaskStatus status = MESOS__V1__TASK_STATUS__INIT;

    status.state = MESOS__V1__TASK_STATE__TASK_RUNNING;
    MESSAGE_APPEND_JSON(&status, MESSAGE_V1, &f->text);
    assert_string_equal(buffer_text(&f->text), "{\"state\":\"TASK_RUNNING\"}");
}

static void well_known_durations_are_objects(void **state) {
    assert_string_equal(turn(*state, &mesos__v1__master__call__drain_agent__descriptor,
                             "{\"agent_id\":{\"value\":\"a\"},\"max_grace_period\":{\"seconds\":60,\"nanos\":0}}"),
                        "{\"agent_id\":{\"value\":\"a\"},\"max_grace_period\":{\"seconds\":60},\"mark_gone\":false}");
}

/* Names */

static void v0_says_slave_where_v1_says_agent(void **state) {
    struct fixture *f = *state;
    static const char v0[] = "{\"task_id\":{\"value\":\"t\"},\"state\":\"TASK_LOST\",\"source\":\"SOURCE_SLAVE\","
                             "\"reason\":\"REASON_SLAVE_REMOVED\",\"slave_id\":{\"value\":\"s\"}}";
    static const char v1[] = "{\"task_id\":{\"value\":\"t\"},\"state\":\"TASK_LOST\",\"source\":\"SOURCE_AGENT\","
                             "\"reason\":\"REASON_AGENT_REMOVED\",\"agent_id\":{\"value\":\"s\"}}";
    Mesos__V1__TaskStatus *status;

    assert_int_equal(MESSAGE_PARSE_JSON(&mesos__v1__task_status__descriptor, v0, sizeof(v0) - 1, MESSAGE_V0, &f->arena,
                                        &status, &f->err),
                     0);
    assert_string_equal(status->agent_id->value, "s");
    MESSAGE_APPEND_JSON(status, MESSAGE_V1, &f->text);
    assert_string_equal(buffer_text(&f->text), v1);
    buffer_clear(&f->text);
    MESSAGE_APPEND_JSON(status, MESSAGE_V0, &f->text);
    assert_string_equal(buffer_text(&f->text), v0);
    /* Each knows its own names only. */
    status = parse(f, &mesos__v1__task_status__descriptor, v0);
    assert_non_null(status);
    assert_null(status->agent_id);
    assert_false(status->has_reason);
}

static void errors_use_the_names_that_were_asked_for(void **state) {
    struct fixture *f = *state;
    static const char text[] = "{\"slave_id\":{}}";
    Mesos__V1__Offer *offer;

    assert_int_equal(MESSAGE_PARSE_JSON(&mesos__v1__offer__descriptor, text, sizeof(text) - 1, MESSAGE_V0, &f->arena,
                                        &offer, &f->err),
                     -1);
    assert_string_equal(error_message(&f->err),
                        "required fields are missing: slave_id.value, id, framework_id, hostname");
}

static void internal_messages_keep_their_names(void **state) {
    assert_string_equal(
        turn(*state, &mesos__internal__registry__slaves__descriptor, "{\"slaves\":[{\"info\":{\"hostname\":\"h\"}}]}"),
        "{\"slaves\":[{\"info\":{\"hostname\":\"h\",\"port\":5051},\"deactivated\":false}]}");
}

/* Objects of strings */

static void collect(void *user, const char *name, const char *value) {
    buffer_printf(user, "%s=%s;", name, value);
}

static void objects_of_strings_are_read_in_order(void **state) {
    struct fixture *f = *state;
    static const char good[] = " {\"B\":\"1\", \"A\":\"\\u0032\"} ", bad[] = "{\"A\":\"1\",\"B\":2}", cut[] = "{\"A\":";

    assert_int_equal(json_parse_strings(good, sizeof(good) - 1, collect, &f->text, &f->err), 0);
    assert_string_equal(buffer_text(&f->text), "B=1;A=2;");
    assert_int_equal(json_parse_strings(bad, sizeof(bad) - 1, collect, &f->text, &f->err), -1);
    assert_string_equal(error_message(&f->err), "B: expected a string");
    assert_int_equal(json_parse_strings(cut, sizeof(cut) - 1, collect, &f->text, &f->err), -1);
    assert_int_equal(json_parse_strings("[]", 2, collect, &f->text, &f->err), -1);
    assert_int_equal(json_parse_strings("{}", 2, collect, &f->text, &f->err), 0);
}

static void every_cut_of_a_text_is_refused(void **state) {
    struct fixture *f = *state;
    static const char whole[] =
        "{\"type\":\"ACCEPT\",\"accept\":{\"offer_ids\":[{\"value\":\"o\\n\\u00e9\"}],\"filters\":"
        "{\"refuse_seconds\":-1.5e+3}},\"x\":[true,null,\"\xC3\xA9\"]}";

    assert_non_null(parse(f, CALL, whole));
    for (size_t size = 0; size < sizeof(whole) - 1; size++) {
        assert_null(parse_sized(f, CALL, whole, size));
        assert_int_equal(f->err.code, EBADMSG);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(an_empty_or_blank_text_is_a_syntax_error, set_up, tear_down),
        cmocka_unit_test_setup_teardown(broken_syntax_is_refused_with_its_place, set_up, tear_down),
        cmocka_unit_test_setup_teardown(broken_numbers_are_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(broken_strings_are_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(invalid_utf8_is_refused_wherever_it_is, set_up, tear_down),
        cmocka_unit_test_setup_teardown(nesting_of_100000_levels_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(messages_nest_up_to_the_limit, set_up, tear_down),
        cmocka_unit_test_setup_teardown(other_values_than_objects_are_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(values_of_the_wrong_kind_are_refused_with_their_path, set_up, tear_down),
        cmocka_unit_test_setup_teardown(missing_required_fields_are_all_named, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_flood_of_missing_fields_is_cut, set_up, tear_down),
        cmocka_unit_test_setup_teardown(numbers_out_of_range_are_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(bad_base64_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_nul_in_a_string_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_unknown_name_of_a_required_enum_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_unknown_name_of_another_enum_leaves_it_unset, set_up, tear_down),
        cmocka_unit_test_setup_teardown(unknown_members_are_ignored_but_checked, set_up, tear_down),
        cmocka_unit_test_setup_teardown(of_members_with_one_name_the_last_counts, set_up, tear_down),
        cmocka_unit_test_setup_teardown(null_is_an_unset_field, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_single_element_needs_no_array, set_up, tear_down),
        cmocka_unit_test_setup_teardown(numbers_and_booleans_may_be_quoted, set_up, tear_down),
        cmocka_unit_test_setup_teardown(integers_are_exact_to_64_bits, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_integer_loses_its_fraction, set_up, tear_down),
        cmocka_unit_test_setup_teardown(doubles_are_read_to_the_last_bit, set_up, tear_down),
        cmocka_unit_test_setup_teardown(base64_is_read_with_spaces_and_without_padding, set_up, tear_down),
        cmocka_unit_test_setup_teardown(escapes_are_understood_in_names_and_values, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_oneof_keeps_what_was_last, set_up, tear_down),
        cmocka_unit_test_setup_teardown(defaults_are_written_unless_deprecated, set_up, tear_down),
        cmocka_unit_test_setup_teardown(members_come_in_the_order_of_declaration, set_up, tear_down),
        cmocka_unit_test_setup_teardown(strings_are_escaped_and_repaired, set_up, tear_down),
        cmocka_unit_test_setup_teardown(infinite_numbers_are_in_quotes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_not_set_is_left_out, set_up, tear_down),
        cmocka_unit_test_setup_teardown(well_known_durations_are_objects, set_up, tear_down),
        cmocka_unit_test_setup_teardown(v0_says_slave_where_v1_says_agent, set_up, tear_down),
        cmocka_unit_test_setup_teardown(errors_use_the_names_that_were_asked_for, set_up, tear_down),
        cmocka_unit_test_setup_teardown(internal_messages_keep_their_names, set_up, tear_down),
        cmocka_unit_test_setup_teardown(objects_of_strings_are_read_in_order, set_up, tear_down),
        cmocka_unit_test_setup_teardown(every_cut_of_a_text_is_refused, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
