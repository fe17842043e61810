/* SPDX-License-Identifier: Apache-2.0 */
/* The checks of Resources::validate() (src/common/resources.cpp), with its words. */
#include <math.h>
#include <string.h>

#include "base/table.h"
#include "model/resources_format.h"
#include "model/role.h"
#include "model/value.h"

static bool has_role(const Mesos__V1__Resource *resource) {
    return resource->role != NULL && resource->role != mesos__v1__resource__role__default_value;
}

static int validate_scalar(const Mesos__V1__Resource *resource, struct error *err) {
    double value;

    if (resource->scalar == NULL || resource->ranges != NULL || resource->set != NULL)
        return error_set(err, 0, "Invalid scalar resource");
    value = resource->scalar->value;
    /* What does not fit into the fixed-point form turns negative in Mesos and is refused with the same words. */
    if (value != 0 && (isnan(value) || fabs(value) >= 9.2e15 || scalar_from_double(value) <= 0))
        return error_set(err, 0, "Invalid scalar resource: value <= 0");
    return 0;
}

static int compare_by_begin(const void *a, const void *b) {
    const Mesos__V1__Value__Range *left = *(Mesos__V1__Value__Range *const *)a;
    const Mesos__V1__Value__Range *right = *(Mesos__V1__Value__Range *const *)b;

    return left->begin < right->begin ? -1 : left->begin > right->begin;
}

static int validate_ranges(const Mesos__V1__Resource *resource, struct error *err) {
    cleanup_free Mesos__V1__Value__Range **sorted = NULL;
    size_t count;

    if (resource->scalar != NULL || resource->ranges == NULL || resource->set != NULL)
        return error_set(err, 0, "Invalid ranges resource");
    count = resource->ranges->n_range;
    if (count == 0)
        return 0;
    for (size_t i = 0; i < count; i++)
        if (resource->ranges->range[i]->begin > resource->ranges->range[i]->end)
            return error_set(err, 0, "Invalid ranges resource: begin > end");
    sorted = xmemdup(resource->ranges->range, count * sizeof(*sorted));
    qsort(sorted, count, sizeof(*sorted), compare_by_begin);
    for (size_t i = 1; i < count; i++)
        if (sorted[i]->begin <= sorted[i - 1]->end)
            return error_set(err, 0, "Invalid ranges resource: overlapping ranges");
    return 0;
}

static int validate_set(const Mesos__V1__Resource *resource, struct error *err) {
    struct table seen = TABLE_INIT;
    bool has_duplicates = false;

    if (resource->scalar != NULL || resource->ranges != NULL || resource->set == NULL)
        return error_set(err, 0, "Invalid set resource");
    for (size_t i = 0; i < resource->set->n_item && !has_duplicates; i++)
        has_duplicates = !table_add(&seen, resource->set->item[i], resource->set->item[i]);
    table_done(&seen);
    return has_duplicates ? error_set(err, 0, "Invalid set resource: duplicated elements") : 0;
}

static int validate_amount(const Mesos__V1__Resource *resource, struct error *err) {
    switch (resource->type) {
    case MESOS__V1__VALUE__TYPE__SCALAR:
        return validate_scalar(resource, err);
    case MESOS__V1__VALUE__TYPE__RANGES:
        return validate_ranges(resource, err);
    case MESOS__V1__VALUE__TYPE__SET:
        return validate_set(resource, err);
    case MESOS__V1__VALUE__TYPE__TEXT:
        return error_set(err, 0, "Unsupported resource type");
    default:
        return error_set(err, 0, "Invalid resource type");
    }
}

static int validate_disk(const Mesos__V1__Resource *resource, struct error *err) {
    const Mesos__V1__Resource__DiskInfo__Source *source;
    const char *name;

    if (resource->disk == NULL)
        return 0;
    if (strcmp(resource->name, "disk") != 0)
        return error_set(err, 0, "DiskInfo should not be set for %s resource", resource->name);
    source = resource->disk->source;
    if (source == NULL)
        return 0;
    switch (source->type) {
    case MESOS__V1__RESOURCE__DISK_INFO__SOURCE__TYPE__PATH:
    case MESOS__V1__RESOURCE__DISK_INFO__SOURCE__TYPE__MOUNT:
        return 0;
    case MESOS__V1__RESOURCE__DISK_INFO__SOURCE__TYPE__BLOCK:
    case MESOS__V1__RESOURCE__DISK_INFO__SOURCE__TYPE__RAW:
        name = source->type == MESOS__V1__RESOURCE__DISK_INFO__SOURCE__TYPE__RAW ? "RAW" : "BLOCK";
        if (source->mount != NULL)
            return error_set(err, 0, "Mount should not be set for %s disk source", name);
        if (source->path != NULL)
            return error_set(err, 0, "Path should not be set for %s disk source", name);
        return 0;
    default:
        return error_set(err, 0, "Unsupported 'DiskInfo.Source.Type' in 'UNKNOWN'");
    }
}

/* The format before reservations could be refined: `role` and `reservation`. */
static int validate_old_reservation(const Mesos__V1__Resource *resource, struct error *err) {
    const char *role = resource->role == NULL ? "*" : resource->role;

    if (role_validate(role, err) < 0)
        return -1;
    if (resource->reservation == NULL)
        return 0;
    if (resource->reservation->has_type)
        return error_set(err, 0,
                         "'Resource.ReservationInfo.type' must not be set for the 'Resource.reservation' field");
    if (resource->reservation->role != NULL)
        return error_set(err, 0,
                         "'Resource.ReservationInfo.role' must not be set for the 'Resource.reservation' field");
    if (role_is_default(role))
        return error_set(err, 0, "Invalid reservation: role \"*\" cannot be dynamically reserved");
    return 0;
}

static int validate_stack(const Mesos__V1__Resource *resource, struct error *err) {
    for (size_t i = 0; i < resource->n_reservations; i++) {
        const Mesos__V1__Resource__ReservationInfo *reservation = resource->reservations[i];

        if (!reservation->has_type)
            return error_set(err, 0, "Invalid reservation: 'Resource.ReservationInfo.type' field must be set.");
        if (reservation->role == NULL)
            return error_set(err, 0, "Invalid reservation: 'Resource.ReservationInfo.role' field must be set.");
        if (role_validate(reservation->role, err) < 0)
            return -1;
        if (role_is_default(reservation->role))
            return error_set(err, 0, "Invalid reservation: role \"*\" cannot be reserved");
        if (reservation->type != MESOS__V1__RESOURCE__RESERVATION_INFO__TYPE__STATIC &&
            reservation->type != MESOS__V1__RESOURCE__RESERVATION_INFO__TYPE__DYNAMIC)
            return error_set(err, 0, "Unsupported 'Resource.ReservationInfo.Type'");
    }
    for (size_t i = 1; i < resource->n_reservations; i++) {
        const char *ancestor = resource->reservations[i - 1]->role, *role = resource->reservations[i]->role;

        if (resource->reservations[i]->type == MESOS__V1__RESOURCE__RESERVATION_INFO__TYPE__STATIC)
            return error_set(err, 0, "Invalid refined reservation: A refined reservation cannot be STATIC");
        if (!role_is_below(role, ancestor))
            return error_set(err, 0, "Invalid refined reservation: role '%s' is not a refinement of '%s'", role,
                             ancestor);
    }
    return 0;
}

static bool are_strings_equal(const char *a, const char *b) {
    return strcmp(a == NULL ? "" : a, b == NULL ? "" : b) == 0;
}

static bool are_labels_equal(const Mesos__V1__Labels *a, const Mesos__V1__Labels *b) {
    size_t a_count = a == NULL ? 0 : a->n_labels, b_count = b == NULL ? 0 : b->n_labels;

    if (a_count != b_count)
        return false;
    for (size_t i = 0; i < a_count; i++) {
        bool is_found = false;

        for (size_t j = 0; j < b_count && !is_found; j++)
            is_found = strcmp(a->labels[i]->key, b->labels[j]->key) == 0 &&
                       (a->labels[i]->value == NULL) == (b->labels[j]->value == NULL) &&
                       are_strings_equal(a->labels[i]->value, b->labels[j]->value);
        if (!is_found)
            return false;
    }
    return true;
}

/* Both formats together, as endpoints print them, must say the same. */
static int validate_both_formats(const Mesos__V1__Resource *resource, struct error *err) {
    const Mesos__V1__Resource__ReservationInfo *new = resource->reservations[0], *old = resource->reservation;

    if (resource->n_reservations > 1) {
        if (has_role(resource))
            return error_set(err, 0,
                             "Invalid resource format: 'Resource.role' must not be set if there is more than one "
                             "reservation in 'Resource.reservations'");
        if (old != NULL)
            return error_set(err, 0,
                             "Invalid resource format: 'Resource.reservation' must not be set if there is more than "
                             "one reservation in 'Resource.reservations'");
        return 0;
    }
    if (has_role(resource) && strcmp(resource->role, new->role) != 0)
        return error_set(err, 0,
                         "Invalid resource format: 'Resource.role' field with '%s' does not match the role '%s' in "
                         "'Resource.reservations'",
                         resource->role, new->role);
    if (new->type == MESOS__V1__RESOURCE__RESERVATION_INFO__TYPE__STATIC)
        return old == NULL ? 0
                           : error_set(err, 0,
                                       "Invalid resource format: 'Resource.reservation' must not be set if the single "
                                       "reservation in 'Resource.reservations' is STATIC");
    if (has_role(resource) != (old != NULL))
        return error_set(err, 0,
                         "Invalid resource format: 'Resource.role' and 'Resource.reservation' must either be both set "
                         "or both not set if the single reservation in 'Resource.reservations' is DYNAMIC");
    if (old != NULL && !are_strings_equal(old->principal, new->principal))
        return error_set(err, 0,
                         "Invalid resource format: 'Resource.reservation.principal' field with '%s' does not match "
                         "the principal '%s' in 'Resource.reservations'",
                         old->principal == NULL ? "" : old->principal, new->principal == NULL ? "" : new->principal);
    if (old != NULL && !are_labels_equal(old->labels, new->labels))
        return error_set(err, 0,
                         "Invalid resource format: 'Resource.reservation.labels' field does not match the labels in "
                         "'Resource.reservations'");
    return 0;
}

int resource_validate(const Mesos__V1__Resource *resource, struct error *err) {
    if (resource->name == NULL || resource->name[0] == '\0')
        return error_set(err, 0, "Empty resource name");
    if (validate_amount(resource, err) < 0 || validate_disk(resource, err) < 0)
        return -1;
    if (resource->n_reservations == 0) {
        if (validate_old_reservation(resource, err) < 0)
            return -1;
    } else if (validate_stack(resource, err) < 0 || validate_both_formats(resource, err) < 0) {
        return -1;
    }
    if (resource->shared != NULL) {
        if (strcmp(resource->name, "disk") != 0)
            return error_set(err, 0, "Resource %s cannot be shared", resource->name);
        if (resource->disk == NULL || resource->disk->persistence == NULL)
            return error_set(err, 0, "Only persistent volumes can be shared");
    }
    return 0;
}

int resources_validate(Mesos__V1__Resource *const *resources, size_t count, struct error *err) {
    for (size_t i = 0; i < count; i++) {
        cleanup_buffer struct buffer text = BUFFER_INIT;

        if (resource_validate(resources[i], err) == 0)
            continue;
        if (err != NULL && resources[i]->name != NULL) {
            resource_message_format(resources[i], &text);
            error_wrap(err, "Resource '%s' is invalid", buffer_text(&text));
        }
        return -1;
    }
    return 0;
}
