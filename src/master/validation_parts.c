/* SPDX-License-Identifier: Apache-2.0 */
/* The parts that tasks, executors and operations have in common. */
#include <string.h>

#include "master/validation.h"
#include "message/message.h"
#include "model/id.h"

/* Resources */

static bool is_volume(const Mesos__V1__Resource *resource) {
    return resource->disk != NULL && resource->disk->persistence != NULL;
}

static bool is_reserved(const Mesos__V1__Resource *resource) {
    return resource->n_reservations > 0;
}

static bool is_dynamically_reserved(const Mesos__V1__Resource *resource) {
    return is_reserved(resource) && resource->reservations[resource->n_reservations - 1]->type ==
                                        MESOS__V1__RESOURCE__RESERVATION_INFO__TYPE__DYNAMIC;
}

static int check_volume(const Mesos__V1__Resource *resource, struct error *err) {
    const Mesos__V1__Resource__DiskInfo *disk = resource->disk;

    if (resource->revocable != NULL)
        return error_set(err, 0, "Persistent volumes cannot be created from revocable resources");
    if (!is_reserved(resource))
        return error_set(err, 0, "Persistent volumes cannot be created from unreserved resources");
    if (disk->volume == NULL)
        return error_set(err, 0, "Expecting 'volume' to be set for persistent volume");
    if (disk->volume->host_path != NULL)
        return error_set(err, 0, "Expecting 'host_path' to be unset for persistent volume");
    if (id_validate(disk->persistence->id, err) < 0)
        return error_wrap(err, "Invalid persistence ID for persistent volume");
    return 0;
}

static int check_disk(const Mesos__V1__Resource *resource, struct error *err) {
    const Mesos__V1__Resource__DiskInfo *disk = resource->disk;

    if (disk == NULL)
        return 0;
    if (disk->persistence != NULL)
        return check_volume(resource, err);
    if (disk->volume != NULL)
        return error_set(err, 0, "Non-persistent volume not supported");
    if (disk->source == NULL)
        return error_set(err, 0, "DiskInfo is set but empty");
    return 0;
}

int validate_resources(Mesos__V1__Resource *const *resources, size_t count, struct error *err) {
    if (resources_validate(resources, count, err) < 0)
        return error_wrap(err, "Invalid resources");
    if (validate_gpus(resources, count, err) < 0)
        return error_wrap(err, "Invalid 'gpus' resource");
    for (size_t i = 0; i < count; i++) {
        if (check_disk(resources[i], err) < 0)
            return error_wrap(err, "Invalid DiskInfo");
    }
    for (size_t i = 0; i < count; i++) {
        if (is_dynamically_reserved(resources[i]) && resources[i]->revocable != NULL)
            return error_set(err, 0,
                             "Invalid ReservationInfo: Dynamically reserved resource '%s' cannot be created from "
                             "revocable resources",
                             resources[i]->name);
    }
    return 0;
}

int validate_unique_persistence_ids(const struct resources *resources, struct error *err) {
    for (uint32_t i = 0; i < resources->count; i++) {
        const struct resource_kind *kind = resources->items[i].kind;

        for (uint32_t j = 0; kind->is_persistent && j < i; j++) {
            const struct resource_kind *other = resources->items[j].kind;

            if (other->is_persistent && other->persistence_id == kind->persistence_id &&
                other->reservation_role == kind->reservation_role)
                return error_set(err, 0, "Persistence ID '%s' is not unique", kind->persistence_id);
        }
    }
    return 0;
}

int validate_one_allocation_role(Mesos__V1__Resource *const *resources, size_t count, struct error *err) {
    const char *role = NULL;

    for (size_t i = 0; i < count; i++) {
        const Mesos__V1__Resource__AllocationInfo *allocation = resources[i]->allocation_info;

        if (allocation == NULL || allocation->role == NULL)
            return error_set(err, 0, "The resources are not allocated to a role");
        if (role != NULL && strcmp(role, allocation->role) != 0)
            return error_set(err, 0,
                             "The resources have multiple allocation roles ('%s' and '%s') but only one allocation "
                             "role is allowed",
                             allocation->role, role);
        role = allocation->role;
    }
    return 0;
}

int validate_not_mixed_revocable(const struct resources *resources, struct error *err) {
    for (uint32_t i = 0; i < resources->count; i++) {
        const struct resource_kind *kind = resources->items[i].kind;

        for (uint32_t j = 0; j < i; j++) {
            const struct resource_kind *other = resources->items[j].kind;

            if (other->name == kind->name && other->is_revocable != kind->is_revocable)
                return error_set(err, 0, "Cannot use both revocable and non-revocable '%s' at the same time",
                                 kind->name);
        }
    }
    return 0;
}

int validate_persistent_volumes(Mesos__V1__Resource *const *volumes, size_t count, struct error *err) {
    for (size_t i = 0; i < count; i++) {
        const Mesos__V1__Resource__DiskInfo *disk = volumes[i]->disk;

        if (disk == NULL)
            return error_set(err, 0, "Resource '%s' does not have DiskInfo", volumes[i]->name);
        if (!is_volume(volumes[i]))
            return error_set(err, 0, "'persistence' is not set in DiskInfo");
        if (disk->volume == NULL)
            return error_set(err, 0, "Expecting 'volume' to be set for persistent volume");
        if (disk->volume->mode == MESOS__V1__VOLUME__MODE__RO)
            return error_set(err, 0, "Read-only persistent volume not supported");
    }
    return 0;
}

int validate_one_provider(Mesos__V1__Resource *const *resources, size_t count, struct error *err) {
    const char *first;

    /* None are not of one provider either, and this is the only check that refuses an operation on nothing. */
    if (count == 0)
        return error_set(err, 0, "The resources have multiple resource providers: ");
    first = resources[0]->provider_id == NULL ? NULL : resources[0]->provider_id->value;
    for (size_t i = 1; i < count; i++) {
        const char *provider = resources[i]->provider_id == NULL ? NULL : resources[i]->provider_id->value;

        if ((provider == NULL) != (first == NULL))
            return error_set(err, 0, "Some resources have a resource provider and some do not");
        if (provider != NULL && strcmp(provider, first) != 0)
            return error_set(err, 0, "The resources have multiple resource providers: %s, %s", first, provider);
    }
    return 0;
}
