/* SPDX-License-Identifier: Apache-2.0 */
/* Resources to and from messages, in the old and the new way of telling reservations. */
#include "model/resources.h"

#include <string.h>

#include "model/kind.h"
#include "model/name.h"
#include "model/role.h"
#include "model/value.h"

/* An optional string with a default points to it while it is not set. */
static bool has_role(const Mesos__V1__Resource *resource) {
    return resource->role != NULL && resource->role != mesos__v1__resource__role__default_value;
}

static void clear_role(Mesos__V1__Resource *resource) {
    resource->role = mesos__v1__resource__role__default_value;
}

/* To the new format (convertResourceFormat(), POST_RESERVATION_REFINEMENT). */
void resource_message_upgrade(Mesos__V1__Resource *resource, struct arena *arena) {
    Mesos__V1__Resource__ReservationInfo *reservation;

    if (resource->n_reservations == 0 && has_role(resource) && !role_is_default(resource->role)) {
        reservation = arena_alloc(arena, sizeof(*reservation));
        mesos__v1__resource__reservation_info__init(reservation);
        reservation->has_type = true;
        reservation->type = MESOS__V1__RESOURCE__RESERVATION_INFO__TYPE__STATIC;
        if (resource->reservation != NULL) {
            reservation->type = MESOS__V1__RESOURCE__RESERVATION_INFO__TYPE__DYNAMIC;
            reservation->principal = resource->reservation->principal;
            reservation->labels = resource->reservation->labels;
        }
        reservation->role = resource->role;
        resource->reservations = arena_alloc(arena, sizeof(resource->reservations[0]));
        resource->reservations[0] = reservation;
        resource->n_reservations = 1;
    }
    clear_role(resource);
    resource->reservation = NULL;
}

void resource_message_to_endpoint(Mesos__V1__Resource *resource, struct arena *arena) {
    static char star[] = "*";
    const Mesos__V1__Resource__ReservationInfo *source;

    if (resource->n_reservations == 0) {
        resource->role = star;
        return;
    }
    if (resource->n_reservations > 1)
        return;
    source = resource->reservations[0];
    if (source->type == MESOS__V1__RESOURCE__RESERVATION_INFO__TYPE__DYNAMIC) {
        resource->reservation = arena_alloc(arena, sizeof(*resource->reservation));
        mesos__v1__resource__reservation_info__init(resource->reservation);
        resource->reservation->principal = source->principal;
        resource->reservation->labels = source->labels;
    }
    resource->role = source->role;
}

int resource_message_downgrade(Mesos__V1__Resource *resource, struct arena *arena, struct error *err) {
    if (resource->n_reservations > 1)
        return error_set(err, 0, "Cannot downgrade resources containing refined reservations");
    resource_message_to_endpoint(resource, arena);
    resource->reservations = NULL;
    resource->n_reservations = 0;
    return 0;
}

/* From messages */

static struct ranges *ranges_from_message(const Mesos__V1__Value__Ranges *message) {
    struct range local[16],
        *items = message->n_range <= ARRAY_SIZE(local) ? local : xmalloc(message->n_range * sizeof(*items));
    struct ranges *ranges;

    for (size_t i = 0; i < message->n_range; i++)
        items[i] = (struct range){message->range[i]->begin, message->range[i]->end};
    ranges = ranges_new(items, message->n_range);
    if (items != local)
        free(items);
    return ranges;
}

static void add_valid_message(struct resources *to, const Mesos__V1__Resource *message) {
    struct resource resource = {.kind = kind_get(message), .shared_count = 1};

    if (message->allocation_info != NULL && message->allocation_info->role != NULL)
        resource.allocation_role = name_get(message->allocation_info->role);
    switch (resource.kind->type) {
    case RESOURCE_SCALAR:
        resource.scalar = scalar_from_double(message->scalar->value);
        break;
    case RESOURCE_RANGES:
        resource.ranges = ranges_from_message(message->ranges);
        break;
    case RESOURCE_SET:
        resource.set = items_new((const char *const *)message->set->item, message->set->n_item, NULL);
        break;
    }
    resources_add_one(to, &resource);
    if (resource.kind->type == RESOURCE_RANGES)
        ranges_release(resource.ranges);
    else if (resource.kind->type == RESOURCE_SET)
        items_release(resource.set);
    kind_release(resource.kind);
    name_release(resource.allocation_role);
}

int resources_from_messages(Mesos__V1__Resource *const *messages, size_t count, struct resources *ret,
                            struct error *err) {
    struct resources sum = RESOURCES_INIT;

    if (resources_validate(messages, count, err) < 0)
        return -1;
    for (size_t i = 0; i < count; i++)
        add_valid_message(&sum, messages[i]);
    *ret = sum;
    return 0;
}

void resources_from_valid_messages(Mesos__V1__Resource *const *messages, size_t count, struct resources *ret) {
    struct resources sum = RESOURCES_INIT;

    for (size_t i = 0; i < count; i++)
        if (resource_validate(messages[i], NULL) == 0)
            add_valid_message(&sum, messages[i]);
    *ret = sum;
}

/* To messages */

static Mesos__V1__Value__Ranges *ranges_to_message(const struct ranges *ranges, struct arena *arena) {
    Mesos__V1__Value__Ranges *message = arena_alloc(arena, sizeof(*message));
    Mesos__V1__Value__Range *items = arena_alloc(arena, ranges->count * sizeof(*items));

    mesos__v1__value__ranges__init(message);
    message->n_range = ranges->count;
    message->range = arena_alloc(arena, ranges->count * sizeof(message->range[0]));
    for (size_t i = 0; i < ranges->count; i++) {
        mesos__v1__value__range__init(&items[i]);
        items[i].begin = ranges->items[i].begin;
        items[i].end = ranges->items[i].end;
        message->range[i] = &items[i];
    }
    return message;
}

static void amount_to_message(const struct resource *resource, Mesos__V1__Resource *message, struct arena *arena) {
    switch (resource->kind->type) {
    case RESOURCE_SCALAR:
        message->scalar = arena_alloc(arena, sizeof(*message->scalar));
        mesos__v1__value__scalar__init(message->scalar);
        message->scalar->value = scalar_to_double(resource->scalar);
        break;
    case RESOURCE_RANGES:
        message->ranges = ranges_to_message(resource->ranges, arena);
        break;
    case RESOURCE_SET:
        message->set = arena_alloc(arena, sizeof(*message->set));
        mesos__v1__value__set__init(message->set);
        message->set->n_item = resource->set->count;
        message->set->item = (char **)resource->set->items;
        break;
    }
}

static Mesos__V1__Resource *to_message(const struct resource *resource, enum resource_format format,
                                       struct arena *arena) {
    Mesos__V1__Resource *message;

    if (format == RESOURCE_FORMAT_OLD && resource->kind->reservation_count > 1)
        return NULL;
    message = arena_memdup(arena, resource->kind->message, sizeof(*message));
    if (resource->allocation_role != NULL) {
        message->allocation_info = arena_alloc(arena, sizeof(*message->allocation_info));
        mesos__v1__resource__allocation_info__init(message->allocation_info);
        message->allocation_info->role = (char *)resource->allocation_role;
    }
    amount_to_message(resource, message, arena);
    if (format == RESOURCE_FORMAT_ENDPOINT)
        resource_message_to_endpoint(message, arena);
    else if (format == RESOURCE_FORMAT_OLD)
        resource_message_downgrade(message, arena, NULL);
    return message;
}

void resources_to_messages(const struct resources *resources, enum resource_format format, struct arena *arena,
                           Mesos__V1__Resource ***ret_messages, size_t *ret_count) {
    Mesos__V1__Resource **messages = resources->count == 0 ? NULL
                                                           : arena_alloc(arena, resources->count * sizeof(messages[0]));
    size_t count = 0;

    for (size_t i = 0; i < resources->count; i++) {
        Mesos__V1__Resource *message = to_message(&resources->items[i], format, arena);

        if (message != NULL)
            messages[count++] = message;
    }
    *ret_messages = messages;
    *ret_count = count;
}
