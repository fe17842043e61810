/* SPDX-License-Identifier: Apache-2.0 */
/* Reading. What is accepted is what stout's protobuf::parse() accepts: numbers and booleans also as strings, null as
 * unset, unknown members and (for fields that are not required) unknown enum names ignored. Stricter: infinite numbers,
 * fractions for integers and numbers out of the field's range are refused rather than bent. */
#include <errno.h>
/* json-c has a type of the name that our writer gives to a function. */
#define json_bool json_c_bool
#include <json.h>
#undef json_bool
#include <math.h>
#include <string.h>

#include "base/text.h"
#include "message/names.h"

struct parser {
    enum message_names names;
    struct arena *arena;
};

static int parse_message(struct parser *parser, const ProtobufCMessageDescriptor *descriptor, json_object *object,
                         ProtobufCMessage **ret, struct error *err);

static void *member(ProtobufCMessage *message, unsigned offset) {
    return (char *)message + offset;
}

static int wrong_type(const char *expected, json_object *value, struct error *err) {
    return error_set(err, EINVAL, "expected %s, not %s", expected,
                     value == NULL ? "null" : json_type_to_name(json_object_get_type(value)));
}

/* A finite number, written as such or as a string that holds one. */
static int parse_double(json_object *value, double *ret, struct error *err) {
    switch (json_object_get_type(value)) {
    case json_type_int:
    case json_type_double:
        *ret = json_object_get_double(value);
        break;
    case json_type_string:
        if (double_parse(json_object_get_string(value), ret, err) < 0)
            return -1;
        break;
    default:
        return wrong_type("a number", value, err);
    }
    if (!isfinite(*ret))
        return error_set(err, ERANGE, "the number is out of range");
    return 0;
}

/* An integer as its sign and magnitude, so that both 64-bit types are exact. */
static int parse_integer(json_object *value, bool *ret_is_negative, uint64_t *ret_magnitude, struct error *err) {
    double number;

    if (json_object_get_type(value) == json_type_string) {
        const char *text = json_object_get_string(value), *digits = text + (*text == '-');

        if (*digits != '\0' && strspn(digits, "0123456789") == strlen(digits)) {
            errno = 0;
            *ret_is_negative = *text == '-';
            *ret_magnitude = strtoull(digits, NULL, 10);
            return errno == ERANGE ? error_set(err, ERANGE, "'%s' is out of range", text) : 0;
        }
    } else if (json_object_get_type(value) == json_type_int) {
        int64_t integer = json_object_get_int64(value);

        *ret_is_negative = integer < 0;
        *ret_magnitude = integer < 0 ? -(uint64_t)integer : json_object_get_uint64(value);
        return 0;
    }
    if (parse_double(value, &number, err) < 0)
        return -1;
    if (number != trunc(number) || fabs(number) >= 0x1p64)
        return error_set(err, ERANGE, "expected an integer, not %.17g", number);
    *ret_is_negative = number < 0;
    *ret_magnitude = (uint64_t)fabs(number);
    return 0;
}

static int parse_signed(json_object *value, int64_t most, int64_t *ret, struct error *err) {
    uint64_t magnitude;
    bool is_negative;

    if (parse_integer(value, &is_negative, &magnitude, err) < 0)
        return -1;
    if (magnitude > (uint64_t)most + is_negative)
        return error_set(err, ERANGE, "the number is out of range");
    *ret = is_negative ? (int64_t)-magnitude : (int64_t)magnitude;
    return 0;
}

static int parse_unsigned(json_object *value, uint64_t most, uint64_t *ret, struct error *err) {
    bool is_negative;

    if (parse_integer(value, &is_negative, ret, err) < 0)
        return -1;
    if ((is_negative && *ret > 0) || *ret > most)
        return error_set(err, ERANGE, "the number is out of range");
    return 0;
}

static int parse_bool(json_object *value, protobuf_c_boolean *ret, struct error *err) {
    const char *text;

    if (json_object_get_type(value) == json_type_boolean) {
        *ret = json_object_get_boolean(value);
        return 0;
    }
    if (json_object_get_type(value) != json_type_string)
        return wrong_type("a boolean", value, err);
    text = json_object_get_string(value);
    if (strcmp(text, "true") != 0 && strcmp(text, "false") != 0)
        return error_set(err, EINVAL, "expected a boolean, not '%s'", text);
    *ret = *text == 't';
    return 0;
}

static int parse_string(struct parser *parser, json_object *value, char **ret, struct error *err) {
    const char *text;
    size_t size;

    if (json_object_get_type(value) != json_type_string)
        return wrong_type("a string", value, err);
    text = json_object_get_string(value);
    size = (size_t)json_object_get_string_len(value);
    if (memchr(text, '\0', size) != NULL)
        return error_set(err, EINVAL, "the string contains a NUL character");
    *ret = arena_strndup(parser->arena, text, size);
    return 0;
}

static int parse_bytes(struct parser *parser, json_object *value, ProtobufCBinaryData *ret, struct error *err) {
    cleanup_buffer struct buffer bytes = BUFFER_INIT;

    if (json_object_get_type(value) != json_type_string)
        return wrong_type("a base64 string", value, err);
    if (base64_decode(json_object_get_string(value), (size_t)json_object_get_string_len(value), &bytes, err) < 0)
        return -1;
    *ret = (ProtobufCBinaryData){bytes.size, arena_memdup(parser->arena, bytes.data, bytes.size)};
    return 0;
}

/* Returns 1 for an unknown name that is to be ignored. */
static int parse_enum(struct parser *parser, const ProtobufCFieldDescriptor *field, json_object *value, int *ret,
                      struct error *err) {
    const ProtobufCEnumValue *found;

    if (json_object_get_type(value) != json_type_string)
        return wrong_type("the name of an enum's value", value, err);
    found = names_find_enum(field->descriptor, json_object_get_string(value), parser->names);
    if (found == NULL)
        return field->label == PROTOBUF_C_LABEL_REQUIRED
                   ? error_set(err, EINVAL, "'%s' is no value of the enum", json_object_get_string(value))
                   : 1;
    *ret = found->value;
    return 0;
}

/* Parse @value into the member at @slot. Returns 1 if it is to be ignored. */
static int parse_value(struct parser *parser, const ProtobufCFieldDescriptor *field, json_object *value, void *slot,
                       struct error *err) {
    int64_t integer = 0;
    uint64_t number = 0;
    double real;

    switch (field->type) {
    case PROTOBUF_C_TYPE_INT32:
    case PROTOBUF_C_TYPE_SINT32:
    case PROTOBUF_C_TYPE_SFIXED32:
        if (parse_signed(value, INT32_MAX, &integer, err) < 0)
            return -1;
        *(int32_t *)slot = (int32_t)integer;
        return 0;
    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_SINT64:
    case PROTOBUF_C_TYPE_SFIXED64:
        return parse_signed(value, INT64_MAX, slot, err);
    case PROTOBUF_C_TYPE_UINT32:
    case PROTOBUF_C_TYPE_FIXED32:
        if (parse_unsigned(value, UINT32_MAX, &number, err) < 0)
            return -1;
        *(uint32_t *)slot = (uint32_t)number;
        return 0;
    case PROTOBUF_C_TYPE_UINT64:
    case PROTOBUF_C_TYPE_FIXED64:
        return parse_unsigned(value, UINT64_MAX, slot, err);
    case PROTOBUF_C_TYPE_DOUBLE:
        return parse_double(value, slot, err);
    case PROTOBUF_C_TYPE_FLOAT:
        if (parse_double(value, &real, err) < 0)
            return -1;
        *(float *)slot = (float)real;
        return 0;
    case PROTOBUF_C_TYPE_BOOL:
        return parse_bool(value, slot, err);
    case PROTOBUF_C_TYPE_STRING:
        return parse_string(parser, value, slot, err);
    case PROTOBUF_C_TYPE_BYTES:
        return parse_bytes(parser, value, slot, err);
    case PROTOBUF_C_TYPE_ENUM:
        return parse_enum(parser, field, value, slot, err);
    default:
        return parse_message(parser, field->descriptor, value, slot, err);
    }
}

static size_t element_size(ProtobufCType type) {
    /* Wide enough for every type but bytes; arrays of smaller ones are packed below. */
    switch (type) {
    case PROTOBUF_C_TYPE_BYTES:
        return sizeof(ProtobufCBinaryData);
    case PROTOBUF_C_TYPE_BOOL:
        return sizeof(protobuf_c_boolean);
    case PROTOBUF_C_TYPE_INT32:
    case PROTOBUF_C_TYPE_SINT32:
    case PROTOBUF_C_TYPE_SFIXED32:
    case PROTOBUF_C_TYPE_UINT32:
    case PROTOBUF_C_TYPE_FIXED32:
    case PROTOBUF_C_TYPE_FLOAT:
    case PROTOBUF_C_TYPE_ENUM:
        return 4;
    default:
        return 8;
    }
}

/* An object whose members become the entries of a map field. */
static int parse_map(struct parser *parser, const ProtobufCFieldDescriptor *field, json_object *value,
                     ProtobufCMessage *message, struct error *err) {
    const ProtobufCMessageDescriptor *descriptor = field->descriptor;
    ProtobufCMessage **entries = arena_alloc(parser->arena,
                                             (size_t)json_object_object_length(value) * sizeof(*entries));
    size_t count = 0;

    json_object_object_foreach(value, name, item) {
        ProtobufCMessage *entry = arena_alloc(parser->arena, descriptor->sizeof_message);
        int result;

        protobuf_c_message_init(descriptor, entry);
        *(char **)member(entry, descriptor->fields[0].offset) = arena_strdup(parser->arena, name);
        if (item == NULL)
            continue;
        result = parse_value(parser, &descriptor->fields[1], item, member(entry, descriptor->fields[1].offset), err);
        if (result < 0)
            return error_wrap(err, "%s", name);
        if (result == 0)
            entries[count++] = entry;
    }
    *(void **)member(message, field->offset) = entries;
    *(size_t *)member(message, field->quantifier_offset) = count;
    return 0;
}

static bool is_map(const ProtobufCFieldDescriptor *field) {
    const ProtobufCMessageDescriptor *descriptor = field->descriptor;

    return field->type == PROTOBUF_C_TYPE_MESSAGE && text_ends_with(descriptor->short_name, "Entry") &&
           descriptor->n_fields == 2 && strcmp(descriptor->fields[0].name, "key") == 0;
}

static int parse_repeated(struct parser *parser, const ProtobufCFieldDescriptor *field, json_object *value,
                          ProtobufCMessage *message, struct error *err) {
    bool is_array = json_object_is_type(value, json_type_array);
    size_t length = is_array ? json_object_array_length(value) : 1, size = element_size(field->type), count = 0;
    char *items;

    if (is_map(field) && json_object_is_type(value, json_type_object))
        return parse_map(parser, field, value, message, err);
    /* As in Mesos, a single value stands for a list of one. */
    items = arena_calloc(parser->arena, length * size);
    for (size_t i = 0; i < length; i++) {
        json_object *item = is_array ? json_object_array_get_idx(value, i) : value;
        int result;

        if (item == NULL)
            continue;
        result = parse_value(parser, field, item, items + count * size, err);
        if (result < 0)
            return error_wrap(err, "[%zu]", i);
        if (result == 0)
            count++;
    }
    *(void **)member(message, field->offset) = items;
    *(size_t *)member(message, field->quantifier_offset) = count;
    return 0;
}

static int parse_field(struct parser *parser, const ProtobufCFieldDescriptor *field, json_object *value,
                       ProtobufCMessage *message, struct error *err) {
    int result;

    if (field->label == PROTOBUF_C_LABEL_REPEATED)
        return parse_repeated(parser, field, value, message, err);
    result = parse_value(parser, field, value, member(message, field->offset), err);
    if (result != 0)
        return result;
    if ((field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) != 0)
        *(uint32_t *)member(message, field->quantifier_offset) = field->id;
    else if (field->label == PROTOBUF_C_LABEL_OPTIONAL && field->quantifier_offset != 0)
        *(protobuf_c_boolean *)member(message, field->quantifier_offset) = true;
    return 0;
}

/* Required members that have no flag of their own are remembered to be missing by name. */
static int check_required(const ProtobufCMessageDescriptor *descriptor, json_object *object, enum message_names names,
                          struct error *err) {
    for (unsigned i = 0; i < descriptor->n_fields; i++) {
        const ProtobufCFieldDescriptor *field = &descriptor->fields[i];
        json_object *value;

        if (field->label == PROTOBUF_C_LABEL_REQUIRED &&
            (!json_object_object_get_ex(object, names_field(descriptor, field, names), &value) || value == NULL))
            return error_set(err, EINVAL, "required field '%s' is missing", names_field(descriptor, field, names));
    }
    return 0;
}

static int parse_message(struct parser *parser, const ProtobufCMessageDescriptor *descriptor, json_object *object,
                         ProtobufCMessage **ret, struct error *err) {
    ProtobufCMessage *message;

    if (!json_object_is_type(object, json_type_object))
        return wrong_type("an object", object, err);
    message = arena_alloc(parser->arena, descriptor->sizeof_message);
    protobuf_c_message_init(descriptor, message);
    json_object_object_foreach(object, name, value) {
        const ProtobufCFieldDescriptor *field = names_find_field(descriptor, name, parser->names);

        if (field != NULL && value != NULL && parse_field(parser, field, value, message, err) < 0)
            return error_wrap(err, "%s", name);
    }
    if (check_required(descriptor, object, parser->names, err) < 0)
        return -1;
    *ret = message;
    return 0;
}

static bool is_blank(const char *text, size_t size) {
    for (size_t i = 0; i < size; i++)
        if (strchr(" \t\r\n", text[i]) == NULL || text[i] == '\0')
            return false;
    return true;
}

/* The tree of @text, or NULL. */
static json_object *parse_text(const char *text, size_t size, struct error *err) {
    json_tokener *tokener;
    json_object *tree;
    size_t end;

    if (size > INT32_MAX) {
        error_set(err, EFBIG, "JSON text of %zu bytes is too long", size);
        return NULL;
    }
    tokener = json_tokener_new_ex(MESSAGE_DEPTH_LIMIT);
    json_tokener_set_flags(tokener,
                           JSON_TOKENER_STRICT | JSON_TOKENER_ALLOW_TRAILING_CHARS | JSON_TOKENER_VALIDATE_UTF8);
    tree = json_tokener_parse_ex(tokener, text, (int)size);
    end = json_tokener_get_parse_end(tokener);
    if (json_tokener_get_error(tokener) == json_tokener_continue)
        error_set(err, EINVAL, size == 0 ? "the text is empty" : "JSON ends too early");
    else if (json_tokener_get_error(tokener) != json_tokener_success)
        error_set(err, EINVAL, "JSON is malformed at byte %zu: %s", end,
                  json_tokener_error_desc(json_tokener_get_error(tokener)));
    else if (!is_blank(text + end, size - end))
        error_set(err, EINVAL, "JSON is followed by other text at byte %zu", end);
    else if (!json_object_is_type(tree, json_type_object))
        error_set(err, EINVAL, "expected a JSON object");
    else {
        json_tokener_free(tokener);
        return tree;
    }
    json_object_put(tree);
    json_tokener_free(tokener);
    return NULL;
}

int message_parse_json(const ProtobufCMessageDescriptor *descriptor, const char *text, size_t size,
                       enum message_names names, struct arena *arena, ProtobufCMessage **ret, struct error *err) {
    struct parser parser = {names, arena};
    struct error reason = ERROR_INIT;
    json_object *tree = parse_text(text, size, &reason);
    int result = -1;

    if (tree != NULL) {
        result = parse_message(&parser, descriptor, tree, ret, &reason);
        json_object_put(tree);
    }
    if (result < 0)
        error_wrap(&reason, "%s", descriptor->name);
    error_move(err, &reason);
    return result;
}

int json_parse_strings(const char *text, size_t size,
                       void (*on_member)(void *user, const char *name, const char *value), void *user,
                       struct error *err) {
    json_object *tree = parse_text(text, size, err);
    int result = 0;

    if (tree == NULL)
        return -1;
    json_object_object_foreach(tree, name, value) {
        if (!json_object_is_type(value, json_type_string))
            result = wrong_type("a string", value, err), error_wrap(err, "%s", name);
        else
            on_member(user, name, json_object_get_string(value));
    }
    json_object_put(tree);
    return result;
}
