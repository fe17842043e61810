/* SPDX-License-Identifier: Apache-2.0 */
/* JSON to structs, in one pass over the text. */
#include <errno.h>
#include <math.h>

#include "message/fill.h"
#include "message/json.h"
#include "message/json_scan.h"

enum { MISSING_SHOWN = 10 };

struct reader {
    struct json_scanner scanner;
    struct arena *arena;
    struct error *err;
    enum message_names names;
    struct message_path path;
    struct buffer missing; /* required fields that are not there, as text */
    unsigned missing_count;
};

/* What became of a value. */
enum value_result { VALUE_FAILED = -1, VALUE_READ = 0, VALUE_DROPPED = 1 };

static int fail(struct reader *reader, const char *format, ...) printf_like_(2, 3);

static int fail(struct reader *reader, const char *format, ...) {
    cleanup_buffer struct buffer path = BUFFER_INIT;
    cleanup_free char *reason = NULL;
    va_list arguments;

    va_start(arguments, format);
    reason = xvasprintf(format, arguments);
    va_end(arguments);
    message_path_append(&reader->path, reader->names, NULL, &path);
    return error_set(reader->err, EINVAL, "%s: %s", buffer_text(&path), reason);
}

static const char *kind_name(char kind) {
    switch (kind) {
    case '{':
        return "an object";
    case '[':
        return "an array";
    case '"':
        return "a string";
    case '-':
        return "a number";
    case 'n':
        return "null";
    default:
        return "a boolean";
    }
}

/* The value at hand is of the wrong kind, or none at all. */
static int fail_expected(struct reader *reader, const char *expected) {
    char kind = json_scan_kind(&reader->scanner);

    if (kind == '\0')
        return json_scan_fail(&reader->scanner, "expected a value");
    return fail(reader, "expected %s, found %s", expected, kind_name(kind));
}

static enum value_result read_string(struct reader *reader, void *slot) {
    const char *text;
    size_t size;

    if (json_scan_kind(&reader->scanner) != '"')
        return fail_expected(reader, "a string");
    if (json_scan_string(&reader->scanner, &text, &size) < 0)
        return VALUE_FAILED;
    if (memchr(text, '\0', size) != NULL)
        return fail(reader, "the string holds a NUL character");
    *(char **)slot = arena_strndup(reader->arena, text, size);
    return VALUE_READ;
}

static int base64_value(unsigned char c) {
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

static bool is_space(char c) {
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/* Decode base64 as leniently as Mesos: white space is skipped and the padding may be missing. Returns false if @text is
 * none. */
static bool decode_base64(const char *text, size_t size, uint8_t *out, size_t *ret_size) {
    size_t letters = 0, i = 0;
    uint32_t bits = 0;
    uint8_t *start = out;

    for (; i < size && text[i] != '='; i++) {
        int value = base64_value((unsigned char)text[i]);

        if (value < 0) {
            if (is_space(text[i]))
                continue;
            return false;
        }
        bits = bits << 6 | (uint32_t)value;
        if (++letters % 4 != 0)
            continue;
        *out++ = (uint8_t)(bits >> 16);
        *out++ = (uint8_t)(bits >> 8);
        *out++ = (uint8_t)bits;
    }
    for (; i < size; i++)
        if (text[i] != '=' && !is_space(text[i]))
            return false;
    if (letters % 4 == 1)
        return false;
    if (letters % 4 == 2)
        *out++ = (uint8_t)(bits >> 4);
    if (letters % 4 == 3) {
        *out++ = (uint8_t)(bits >> 10);
        *out++ = (uint8_t)(bits >> 2);
    }
    *ret_size = (size_t)(out - start);
    return true;
}

static enum value_result read_bytes(struct reader *reader, void *slot) {
    ProtobufCBinaryData bytes;
    const char *text;
    size_t size;

    if (json_scan_kind(&reader->scanner) != '"')
        return fail_expected(reader, "base64 text");
    if (json_scan_string(&reader->scanner, &text, &size) < 0)
        return VALUE_FAILED;
    bytes.data = arena_alloc(reader->arena, size / 4 * 3 + 3);
    if (!decode_base64(text, size, bytes.data, &bytes.len))
        return fail(reader, "not base64");
    *(ProtobufCBinaryData *)slot = bytes;
    return VALUE_READ;
}

static enum value_result read_enum(struct reader *reader, const struct field_plan *field, void *slot) {
    const struct enum_value_plan *value;
    const char *text;
    size_t size;

    if (json_scan_kind(&reader->scanner) != '"')
        return fail_expected(reader, "the name of an enum value");
    if (json_scan_string(&reader->scanner, &text, &size) < 0)
        return VALUE_FAILED;
    value = enum_plan_find_name(field->values, reader->names, text, size);
    if (value == NULL)
        return field->required_bit == 0 ? VALUE_DROPPED
                                        : fail(reader, "there is no value '%.*s'", (int)(size < 64 ? size : 64), text);
    *(int *)slot = value->value;
    return VALUE_READ;
}

static enum value_result read_bool(struct reader *reader, void *slot) {
    char kind = json_scan_kind(&reader->scanner);
    const char *text;
    size_t size;

    if (kind == 't' || kind == 'f') {
        if (json_scan_literal(&reader->scanner, kind == 't' ? "true" : "false") < 0)
            return VALUE_FAILED;
        *(protobuf_c_boolean *)slot = kind == 't';
        return VALUE_READ;
    }
    if (kind != '"')
        return fail_expected(reader, "a boolean");
    if (json_scan_string(&reader->scanner, &text, &size) < 0)
        return VALUE_FAILED;
    if (size == 4 && memcmp(text, "true", 4) == 0)
        *(protobuf_c_boolean *)slot = true;
    else if (size == 5 && memcmp(text, "false", 5) == 0)
        *(protobuf_c_boolean *)slot = false;
    else
        return fail(reader, "expected a boolean, found '%.*s'", (int)(size < 64 ? size : 64), text);
    return VALUE_READ;
}

/* A number, quoted or not. */
static int scan_number(struct reader *reader, struct json_number *ret) {
    char kind = json_scan_kind(&reader->scanner);
    struct json_scanner inside;
    const char *text;
    size_t size;

    if (kind == '-')
        return json_scan_number(&reader->scanner, ret);
    if (kind != '"')
        return fail_expected(reader, "a number");
    if (json_scan_string(&reader->scanner, &text, &size) < 0)
        return -1;
    inside = (struct json_scanner){.start = text, .next = text, .end = text + size};
    if (json_scan_number(&inside, ret) < 0 || json_scan_end(&inside) < 0)
        return fail(reader, "expected a number, found '%.*s'", (int)(size < 64 ? size : 64), text);
    return 0;
}

static int fail_range(struct reader *reader, const struct json_number *number) {
    return fail(reader, "%.*s is out of range", (int)(number->size < 64 ? number->size : 64), number->text);
}

/* The number without its fraction: its sign and magnitude. */
static bool to_whole(const struct json_number *number, bool *ret_is_negative, uint64_t *ret_magnitude) {
    double value;

    *ret_is_negative = number->is_negative;
    *ret_magnitude = number->magnitude;
    if (number->is_whole)
        return !number->is_too_large;
    value = trunc(fabs(json_number_to_double(number)));
    if (!(value < 0x1p64))
        return false;
    *ret_magnitude = (uint64_t)value;
    return true;
}

/* A whole number between -@most_negative and @most. */
static int read_whole(struct reader *reader, uint64_t most_negative, uint64_t most, uint64_t *ret) {
    struct json_number number;
    uint64_t magnitude;
    bool is_negative;

    if (scan_number(reader, &number) < 0)
        return -1;
    if (!to_whole(&number, &is_negative, &magnitude) || magnitude > (is_negative ? most_negative : most))
        return fail_range(reader, &number);
    *ret = is_negative ? 0 - magnitude : magnitude;
    return 0;
}

/* "Infinity" and "-Infinity", which Mesos takes in quotes: for a limit of a task that is none. What is not one of them
 * is left to be read. */
static bool read_infinity(struct reader *reader, double *ret) {
    const struct json_scanner before = reader->scanner;
    const char *text;
    size_t size;

    if (json_scan_kind(&reader->scanner) != '"' || json_scan_string(&reader->scanner, &text, &size) < 0 ||
        (!(size == 8 && memcmp(text, "Infinity", 8) == 0) && !(size == 9 && memcmp(text, "-Infinity", 9) == 0))) {
        reader->scanner = before;
        return false;
    }
    *ret = size == 8 ? INFINITY : -INFINITY;
    return true;
}

static int read_floating(struct reader *reader, double most, double *ret) {
    struct json_number number;
    double value;

    if (read_infinity(reader, ret))
        return 0;
    if (scan_number(reader, &number) < 0)
        return -1;
    value = json_number_to_double(&number);
    if (!(fabs(value) <= most))
        return fail_range(reader, &number);
    *ret = value;
    return 0;
}

static enum value_result read_number(struct reader *reader, const struct field_plan *field, void *slot) {
    uint64_t whole = 0;
    double floating = 0;
    int result;

    switch (field->type) {
    case PROTOBUF_C_TYPE_DOUBLE:
        result = read_floating(reader, 0x1.fffffffffffffp1023, &floating);
        if (result == 0)
            *(double *)slot = floating;
        return (enum value_result)result;
    case PROTOBUF_C_TYPE_FLOAT:
        result = read_floating(reader, 0x1.fffffep127, &floating);
        if (result == 0)
            *(float *)slot = (float)floating;
        return (enum value_result)result;
    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_SINT64:
    case PROTOBUF_C_TYPE_SFIXED64:
        result = read_whole(reader, UINT64_C(1) << 63, INT64_MAX, &whole);
        break;
    case PROTOBUF_C_TYPE_UINT64:
    case PROTOBUF_C_TYPE_FIXED64:
        result = read_whole(reader, 0, UINT64_MAX, &whole);
        break;
    case PROTOBUF_C_TYPE_UINT32:
    case PROTOBUF_C_TYPE_FIXED32:
        result = read_whole(reader, 0, UINT32_MAX, &whole);
        break;
    default:
        result = read_whole(reader, UINT64_C(1) << 31, INT32_MAX, &whole);
    }
    if (result < 0)
        return VALUE_FAILED;
    if (field->element_size == 8)
        *(uint64_t *)slot = whole;
    else
        *(uint32_t *)slot = (uint32_t)whole;
    return VALUE_READ;
}

static int read_message(struct reader *reader, const struct message_plan *plan, ProtobufCMessage *message);

static enum value_result read_nested(struct reader *reader, const struct field_plan *field, void *slot) {
    ProtobufCMessage *nested;

    if (json_scan_kind(&reader->scanner) != '{')
        return fail_expected(reader, "an object");
    if (reader->path.depth == MESSAGE_DEPTH_LIMIT + 1)
        return fail(reader, "messages nest too deep");
    nested = message_new(field_plan_message(field), reader->arena);
    if (read_message(reader, field_plan_message(field), nested) < 0)
        return VALUE_FAILED;
    *(ProtobufCMessage **)slot = nested;
    return VALUE_READ;
}

/* Read one value, which is not null, into @slot. */
static enum value_result read_value(struct reader *reader, const struct field_plan *field, void *slot) {
    switch (field->type) {
    case PROTOBUF_C_TYPE_STRING:
        return read_string(reader, slot);
    case PROTOBUF_C_TYPE_BYTES:
        return read_bytes(reader, slot);
    case PROTOBUF_C_TYPE_ENUM:
        return read_enum(reader, field, slot);
    case PROTOBUF_C_TYPE_BOOL:
        return read_bool(reader, slot);
    case PROTOBUF_C_TYPE_MESSAGE:
        return read_nested(reader, field, slot);
    default:
        return read_number(reader, field, slot);
    }
}

/* Read one value, or null, of a field or of an element of it. */
static int read_one(struct reader *reader, const struct field_plan *field, ProtobufCMessage *message, uint64_t *seen) {
    enum value_result result;

    if (json_scan_kind(&reader->scanner) == 'n')
        return json_scan_literal(&reader->scanner, "null");
    result = read_value(reader, field, value_slot(reader->arena, message, field));
    if (result == VALUE_READ)
        mark_set(message, field, seen);
    return result == VALUE_FAILED ? -1 : 0;
}

static int read_array(struct reader *reader, const struct field_plan *field, ProtobufCMessage *message,
                      uint64_t *seen) {
    if (json_scan_enter(&reader->scanner) < 0)
        return -1;
    json_scan_expect(&reader->scanner, '[');
    if (!json_scan_accept(&reader->scanner, ']')) {
        do {
            reader->path.steps[reader->path.depth - 1].index = *count_of(message, field);
            if (read_one(reader, field, message, seen) < 0)
                return -1;
        } while (json_scan_accept(&reader->scanner, ','));
        if (json_scan_expect(&reader->scanner, ']') < 0)
            return -1;
    }
    json_scan_leave(&reader->scanner);
    return 0;
}

/* Turn the text of a member's name into a key. Other keys than texts are numbers or booleans, which may be quoted. */
static int read_key(struct reader *reader, const struct field_plan *key, ProtobufCMessage *entry) {
    uint64_t seen = 0;

    if (json_scan_kind(&reader->scanner) != '"')
        return json_scan_fail(&reader->scanner, "expected a string");
    return read_one(reader, key, entry, &seen);
}

static int read_entry(struct reader *reader, const struct field_plan *field, ProtobufCMessage *message) {
    ProtobufCMessage *entry = message_new(field_plan_message(field), reader->arena), **slot;
    uint64_t seen = 0;

    reader->path.steps[reader->path.depth - 1].index = *count_of(message, field);
    if (read_key(reader, &field_plan_message(field)->fields[0], entry) < 0 ||
        json_scan_expect(&reader->scanner, ':') < 0 ||
        read_one(reader, &field_plan_message(field)->fields[1], entry, &seen) < 0)
        return -1;
    if (!map_entry_complete(entry, field, reader->arena))
        return fail(reader, "the value is missing");
    slot = value_slot(reader->arena, message, field);
    *slot = entry;
    mark_set(message, field, &seen);
    return 0;
}

static int read_map(struct reader *reader, const struct field_plan *field, ProtobufCMessage *message) {
    if (json_scan_kind(&reader->scanner) != '{')
        return fail_expected(reader, "an object");
    if (json_scan_enter(&reader->scanner) < 0)
        return -1;
    json_scan_expect(&reader->scanner, '{');
    if (!json_scan_accept(&reader->scanner, '}')) {
        do {
            if (read_entry(reader, field, message) < 0)
                return -1;
        } while (json_scan_accept(&reader->scanner, ','));
        if (json_scan_expect(&reader->scanner, '}') < 0)
            return -1;
        map_drop_repeated_keys(message, field);
    }
    json_scan_leave(&reader->scanner);
    return 0;
}

/* Forget what an earlier member with the same name has set. */
static void clear_field(ProtobufCMessage *message, const struct field_plan *field, uint64_t *seen) {
    if (field->is_repeated)
        *count_of(message, field) = 0;
    else if (field->is_oneof && field_is_set(message, field))
        *(uint32_t *)member_at(message, field->quantifier) = 0;
    else if (field->is_pointer && !field->is_oneof)
        *(const void **)member_at(message, field->offset) = field->descriptor->default_value;
    else if (!field->is_oneof && !field->is_implicit && field->required_bit == 0)
        *(protobuf_c_boolean *)member_at(message, field->quantifier) = false;
    if (field->required_bit != 0)
        *seen &= ~(UINT64_C(1) << (field->required_bit - 1));
}

static int read_field(struct reader *reader, const struct field_plan *field, ProtobufCMessage *message,
                      uint64_t *seen) {
    char kind = json_scan_kind(&reader->scanner);
    int result;

    clear_field(message, field, seen);
    message_path_push(&reader->path, field, NO_INDEX);
    if (field->is_map && kind != 'n')
        result = read_map(reader, field, message);
    else if (field->is_repeated && kind == '[')
        result = read_array(reader, field, message, seen);
    else
        result = read_one(reader, field, message, seen);
    reader->path.depth -= result == 0;
    return result;
}

static void note_missing(struct reader *reader, const struct message_plan *plan, uint64_t seen) {
    for (unsigned i = 0; i < plan->field_count; i++) {
        const struct field_plan *field = &plan->fields[i];

        if (field->required_bit == 0 || (seen & UINT64_C(1) << (field->required_bit - 1)) != 0)
            continue;
        if (reader->missing_count < MISSING_SHOWN) {
            buffer_append_string(&reader->missing, reader->missing_count > 0 ? ", " : "");
            message_path_append(&reader->path, reader->names, field->names[reader->names], &reader->missing);
        }
        reader->missing_count++;
    }
}

/* Read an object whose brace is next. */
static int read_message(struct reader *reader, const struct message_plan *plan, ProtobufCMessage *message) {
    uint64_t seen = 0;

    if (json_scan_enter(&reader->scanner) < 0)
        return -1;
    json_scan_expect(&reader->scanner, '{');
    if (!json_scan_accept(&reader->scanner, '}')) {
        do {
            const struct field_plan *field;
            const char *name;
            size_t size;

            if (json_scan_string(&reader->scanner, &name, &size) < 0 || json_scan_expect(&reader->scanner, ':') < 0)
                return -1;
            field = message_plan_find_name(plan, reader->names, name, size);
            if (field == NULL ? json_scan_skip(&reader->scanner) < 0 : read_field(reader, field, message, &seen) < 0)
                return -1;
        } while (json_scan_accept(&reader->scanner, ','));
        if (json_scan_expect(&reader->scanner, '}') < 0)
            return -1;
    }
    json_scan_leave(&reader->scanner);
    if ((seen & plan->required) != plan->required)
        note_missing(reader, plan, seen);
    return 0;
}

static int read_text(struct reader *reader, const struct message_plan *plan, ProtobufCMessage *message) {
    if (json_scan_kind(&reader->scanner) != '{') {
        if (json_scan_skip(&reader->scanner) < 0 || json_scan_end(&reader->scanner) < 0)
            return -1;
        return error_set(reader->err, EINVAL, "expected an object");
    }
    if (read_message(reader, plan, message) < 0 || json_scan_end(&reader->scanner) < 0)
        return -1;
    if (reader->missing_count == 0)
        return 0;
    if (reader->missing_count > MISSING_SHOWN)
        buffer_printf(&reader->missing, " and %u more", reader->missing_count - MISSING_SHOWN);
    return error_set(reader->err, EINVAL, "required fields are missing: %s", buffer_text(&reader->missing));
}

int message_parse_json(const ProtobufCMessageDescriptor *descriptor, const char *text, size_t size,
                       enum message_names names, struct arena *arena, ProtobufCMessage **ret, struct error *err) {
    const struct message_plan *plan = message_plan_get(descriptor);
    ProtobufCMessage *message = message_new(plan, arena);
    struct reader reader;
    int result;

    reader.scanner = (struct json_scanner){text, text, text + size, arena, err, 0, MESSAGE_JSON_DEPTH_LIMIT};
    reader.arena = arena;
    reader.err = err;
    reader.names = names;
    reader.path.depth = 0;
    reader.missing = BUFFER_INIT;
    reader.missing_count = 0;
    result = read_text(&reader, plan, message);
    buffer_done(&reader.missing);
    if (result < 0)
        return -1;
    *ret = message;
    return 0;
}
