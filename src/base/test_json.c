/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/json.h"

#include <math.h>

#include "base/text.h"

struct fixture {
    struct buffer buffer;
    struct json_writer writer;
};

static int set_up(void **state) {
    struct fixture *fixture = new0(struct fixture);

    json_init(&fixture->writer, &fixture->buffer);
    *state = fixture;
    return 0;
}

static int tear_down(void **state) {
    struct fixture *fixture = *state;

    buffer_done(&fixture->buffer);
    free(fixture);
    return 0;
}

static void commas_are_put_between_members_and_elements(void **state) {
    struct fixture *fixture = *state;
    struct json_writer *writer = &fixture->writer;

    json_begin_object(writer);
    json_member_string(writer, "name", "x");
    json_member_string(writer, "left_out", NULL);
    json_key(writer, "list");
    json_begin_array(writer);
    json_begin_object(writer);
    json_end_object(writer);
    json_begin_array(writer);
    json_end_array(writer);
    json_integer(writer, -1);
    json_null(writer);
    json_end_array(writer);
    json_member_bool(writer, "yes", true);
    json_member_bool(writer, "no", false);
    json_member_integer(writer, "n", 7);
    json_member_double(writer, "cpus", 2);
    json_key_sized(writer, "sized++", 5);
    json_raw(writer, "{\"a\":1}", 7);
    json_key_string(writer, "odd\"key");
    json_unsigned(writer, UINT64_MAX);
    json_end_object(writer);
    assert_string_equal(buffer_text(&fixture->buffer),
                        "{\"name\":\"x\",\"list\":[{},[],-1,null],\"yes\":true,\"no\":false,\"n\":7,\"cpus\":2.0,"
                        "\"sized\":{\"a\":1},\"odd\\\"key\":18446744073709551615}");
}

static void assert_written(struct fixture *fixture, const char *string, size_t size, const char *expected) {
    buffer_clear(&fixture->buffer);
    json_init(&fixture->writer, &fixture->buffer);
    json_string_sized(&fixture->writer, string, size);
    assert_string_equal(buffer_text(&fixture->buffer), expected);
}

/* As rapidjson: no escape for '/', capitals in \u. */
static void escapes_are_those_of_upstream(void **state) {
    struct fixture *fixture = *state;

    assert_written(fixture, "", 0, "\"\"");
    assert_written(fixture, "a/b", 3, "\"a/b\"");
    assert_written(fixture, "\"\\\b\f\n\r\t", 7, "\"\\\"\\\\\\b\\f\\n\\r\\t\"");
    assert_written(fixture, "\0\x1B\x1F\x7F", 4, "\"\\u0000\\u001B\\u001F\x7F\"");
}

static void every_special_byte_is_found_at_every_position(void **state) {
    struct fixture *fixture = *state;

    for (int c = 0; c < 256; c++)
        for (size_t position = 0; position < 20; position++) {
            cleanup_buffer struct buffer expected = BUFFER_INIT;
            char text[20];

            memset(text, 'x', sizeof(text));
            text[position] = (char)c;
            buffer_append_char(&expected, '"');
            buffer_append(&expected, text, position);
            if (c == '"' || c == '\\')
                buffer_printf(&expected, "\\%c", c);
            else if (c < 0x20 && strchr("\b\f\n\r\t", c) != NULL && c != 0)
                buffer_printf(&expected, "\\%c", "btn?fr"[c - '\b']);
            else if (c < 0x20)
                buffer_printf(&expected, "\\u%04X", c);
            else if (c < 0x80)
                buffer_append_char(&expected, (char)c);
            else
                buffer_append_string(&expected, "\xEF\xBF\xBD");
            buffer_append(&expected, text + position + 1, sizeof(text) - position - 1);
            buffer_append_char(&expected, '"');
            assert_written(fixture, text, sizeof(text), buffer_text(&expected));
        }
}

static void valid_utf8_is_kept(void **state) {
    struct fixture *fixture = *state;
    const char text[] = "gr\xC3\xBC\xC3\x9F \xE2\x82\xAC \xF0\x9F\x98\x80";
    cleanup_free char *expected = xasprintf("\"%s\"", text);

    assert_written(fixture, text, sizeof(text) - 1, expected);
}

static void each_invalid_byte_becomes_a_replacement_character(void **state) {
    struct fixture *fixture = *state;

    assert_written(fixture, "a\xFFz", 3, "\"a\xEF\xBF\xBDz\"");
    assert_written(fixture, "\xE2\x82", 2, "\"\xEF\xBF\xBD\xEF\xBF\xBD\"");
    assert_written(fixture, "\xC0\xAF", 2, "\"\xEF\xBF\xBD\xEF\xBF\xBD\"");
}

static void numbers_without_a_json_form_are_text_or_null(void **state) {
    struct fixture *fixture = *state;

    json_begin_array(&fixture->writer);
    json_double(&fixture->writer, NAN);
    json_double(&fixture->writer, -INFINITY);
    json_double(&fixture->writer, 0.5);
    json_end_array(&fixture->writer);
    assert_string_equal(buffer_text(&fixture->buffer), "[null,\"-Infinity\",0.5]");
}

static void bytes_are_written_in_base64(void **state) {
    struct fixture *fixture = *state;

    json_begin_array(&fixture->writer);
    json_base64(&fixture->writer, "", 0);
    json_base64(&fixture->writer, "\xFF\xFE", 2);
    json_end_array(&fixture->writer);
    assert_string_equal(buffer_text(&fixture->buffer), "[\"\",\"//4=\"]");
}

static void random_bytes_always_give_valid_text(void **state) {
    struct fixture *fixture = *state;
    uint32_t seed = 1;

    for (int round = 0; round < 2000; round++) {
        char text[40];

        for (size_t i = 0; i < sizeof(text); i++) {
            seed = seed * 1664525 + 1013904223;
            text[i] = (char)(seed >> 24);
        }
        buffer_clear(&fixture->buffer);
        json_init(&fixture->writer, &fixture->buffer);
        json_string_sized(&fixture->writer, text, sizeof(text));
        assert_true(utf8_is_valid(fixture->buffer.data, fixture->buffer.size));
        for (size_t i = 0; i < fixture->buffer.size; i++)
            assert_true((unsigned char)fixture->buffer.data[i] >= 0x20);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(commas_are_put_between_members_and_elements, set_up, tear_down),
        cmocka_unit_test_setup_teardown(escapes_are_those_of_upstream, set_up, tear_down),
        cmocka_unit_test_setup_teardown(every_special_byte_is_found_at_every_position, set_up, tear_down),
        cmocka_unit_test_setup_teardown(valid_utf8_is_kept, set_up, tear_down),
        cmocka_unit_test_setup_teardown(each_invalid_byte_becomes_a_replacement_character, set_up, tear_down),
        cmocka_unit_test_setup_teardown(numbers_without_a_json_form_are_text_or_null, set_up, tear_down),
        cmocka_unit_test_setup_teardown(bytes_are_written_in_base64, set_up, tear_down),
        cmocka_unit_test_setup_teardown(random_bytes_always_give_valid_text, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
