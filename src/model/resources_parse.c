/* SPDX-License-Identifier: Apache-2.0 */
/* Resources from the text of a flag (Resources::parse()). */
#include "model/resources.h"

#include <string.h>

#include "base/table.h"
#include "message/json.h"
#include "model/kind.h"
#include "model/name.h"
#include "model/role.h"
#include "model/value.h"

static bool is_space(char c) {
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/* Drop white space at both ends. */
static char *trimmed(const char *text, size_t size) {
    while (size > 0 && is_space(text[size - 1]))
        size--;
    while (size > 0 && is_space(*text)) {
        text++;
        size--;
    }
    return xstrndup(text, size);
}

/* Split "name(role)" or "name". */
static int parse_name(const char *text, size_t size, const char *token, size_t token_size, const char *default_role,
                      char **ret_name, char **ret_role, struct error *err) {
    const char *open = memchr(text, '(', size), *close = memchr(text, ')', size);

    if (open == NULL) {
        *ret_name = trimmed(text, size);
        *ret_role = xstrdup(default_role);
        return 0;
    }
    if (close == NULL || close < open)
        return error_set(err, 0, "Bad value for resources, mismatched parentheses in %.*s", (int)token_size, token);
    *ret_name = trimmed(text, (size_t)(open - text));
    *ret_role = trimmed(open + 1, (size_t)(close - open - 1));
    return 0;
}

static const char *type_name(enum value_type type) {
    static const char *const names[] = {"SCALAR", "RANGES", "SET", "TEXT"};

    return names[type];
}

/* The kind of what is called @name and statically reserved to @role, unless that is "*". */
static const struct resource_kind *make_kind(char *name, char *role, enum resource_type type) {
    Mesos__V1__Resource__ReservationInfo reservation = MESOS__V1__RESOURCE__RESERVATION_INFO__INIT;
    Mesos__V1__Resource__ReservationInfo *reservations[] = {&reservation};
    Mesos__V1__Resource message = MESOS__V1__RESOURCE__INIT;

    message.name = name;
    message.type = (Mesos__V1__Value__Type)type;
    if (!role_is_default(role)) {
        reservation.has_type = true;
        reservation.type = MESOS__V1__RESOURCE__RESERVATION_INFO__TYPE__STATIC;
        reservation.role = role;
        message.reservations = reservations;
        message.n_reservations = 1;
    }
    return kind_get(&message);
}

static int add_value(const char *text, const struct value *value, bool has_duplicates, char *name, char *role,
                     struct resources *to, struct error *err) {
    struct resource resource = {.shared_count = 1};

    if (value->type == VALUE_TEXT)
        return error_set(err, 0, "Bad type for resource %s value %s type %s", name, text, type_name(value->type));
    if (name[0] == '\0')
        return error_set(err, 0, "Empty resource name");
    if (role_validate(role, err) < 0)
        return -1;
    switch (value->type) {
    case VALUE_SCALAR:
        resource.scalar = scalar_from_double(value->scalar);
        if (value->scalar != 0 && (resource.scalar <= 0 || value->scalar >= 9.2e15))
            return error_set(err, 0, "Invalid scalar resource: value <= 0");
        break;
    case VALUE_RANGES:
        resource.ranges = value->ranges;
        break;
    default:
        if (has_duplicates)
            return error_set(err, 0, "Invalid set resource: duplicated elements");
        resource.set = value->set;
        break;
    }
    resource.kind = make_kind(name, role, (enum resource_type)value->type);
    resources_add_one(to, &resource);
    kind_release(resource.kind);
    return 0;
}

/* One "name(role):value". */
static int parse_token(const char *token, size_t size, const char *default_role, struct resources *to,
                       struct error *err) {
    const char *colon = memchr(token, ':', size);
    cleanup_free char *name = NULL, *role = NULL, *text = NULL;
    cleanup_value struct value value = {0};
    bool has_duplicates;
    size_t rest;

    if (colon == NULL || colon == token || colon + 1 == token + size)
        return error_set(err, 0, "Bad value for resources, missing or extra ':' in %.*s", (int)size, token);
    rest = size - (size_t)(colon + 1 - token);
    if (memchr(colon + 1, ':', rest) != NULL)
        return error_set(err, 0, "Bad value for resources, missing or extra ':' in %.*s", (int)size, token);
    if (parse_name(token, (size_t)(colon - token), token, size, default_role, &name, &role, err) < 0)
        return -1;
    text = xstrndup(colon + 1, rest);
    if (value_parse(text, &value, &has_duplicates, err) < 0)
        return error_set(err, 0, "Failed to parse resource %s value %s error %s", name, text, error_message(err));
    return add_value(text, &value, has_duplicates, name, role, to, err);
}

static int parse_text(const char *text, const char *default_role, struct resources *to, struct error *err) {
    for (const char *token = text; *token != '\0';) {
        size_t size = strcspn(token, ";");

        if (size > 0 && parse_token(token, size, default_role, to, err) < 0)
            return -1;
        token += size + (token[size] != '\0');
    }
    return 0;
}

static int parse_json(const char *text, const char *default_role, struct resources *to, struct error *err) {
    cleanup_free char *object = xasprintf("{\"resources\":%s}", text);
    Mesos__V1__Offer__Operation__Unreserve *holder = NULL; /* any message with a member `resources` */
    ProtobufCMessage *message;
    struct arena arena;
    int status;

    arena_init(&arena);
    status = message_parse_json(&mesos__v1__offer__operation__unreserve__descriptor, object, strlen(object), MESSAGE_V1,
                                &arena, &message, err);
    if (status < 0)
        error_wrap(err, "Some JSON resources were not formatted properly");
    else
        holder = (Mesos__V1__Offer__Operation__Unreserve *)message;
    for (size_t i = 0; status == 0 && i < holder->n_resources; i++) {
        Mesos__V1__Resource *resource = holder->resources[i];

        if ((resource->role == NULL || resource->role == mesos__v1__resource__role__default_value) &&
            resource->n_reservations == 0)
            resource->role = arena_strdup(&arena, default_role);
        status = resource_validate(resource, err);
    }
    if (status == 0)
        status = resources_from_messages(holder->resources, holder->n_resources, to, err);
    arena_done(&arena);
    return status;
}

/* What can only come about later cannot be told on the command line (validateCommandLineResources()). */
static int validate_for_command_line(const struct resources *resources, struct error *err) {
    for (size_t i = 0; i < resources->count; i++) {
        const struct resource_kind *kind = resources->items[i].kind;

        if (kind->is_persistent)
            return error_set(err, 0, "Persistent volumes cannot be specified at the command line");
        if (kind->is_revocable)
            return error_set(err, 0,
                             "Revocable resources cannot be specified at the command line; do not include a "
                             "'revocable' key in the resources JSON");
        if (resource_is_dynamically_reserved(&resources->items[i]))
            return error_set(err, 0,
                             "Dynamic reservations cannot be specified at the command line; do not include a "
                             "reservation with DYNAMIC type in the resources JSON");
        for (size_t j = 0; j < i; j++)
            if (resources->items[j].kind->name == kind->name && resources->items[j].kind->type != kind->type)
                return error_set(err, 0, "Resources with the same name ('%s') but different types are not allowed",
                                 kind->name);
    }
    return 0;
}

int resources_parse(const char *text, const char *default_role, struct resources *ret, struct error *err) {
    cleanup_resources struct resources resources = RESOURCES_INIT;
    const char *start = text;
    int status;

    while (is_space(*start))
        start++;
    status = *start == '[' ? parse_json(text, default_role, &resources, err)
                           : parse_text(text, default_role, &resources, err);
    if (status < 0 || validate_for_command_line(&resources, err) < 0)
        return -1;
    resources_move(ret, &resources);
    return 0;
}
