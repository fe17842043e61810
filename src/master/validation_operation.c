/* SPDX-License-Identifier: Apache-2.0 */
/* Offers, and the operations on their resources. */
#include <string.h>

#include "base/table.h"
#include "master/agent.h"
#include "master/framework.h"
#include "master/master.h"
#include "master/validation.h"
#include "message/message.h"

/* Offers */

static int check_unique(Mesos__V1__OfferID *const *ids, size_t count, struct error *err) {
    struct table seen = TABLE_INIT;
    int result = 0;

    for (size_t i = 0; i < count && result == 0; i++) {
        if (!table_add(&seen, ids[i]->value, ids[i]))
            result = error_set(err, 0, "Duplicate offer %s in offer list", ids[i]->value);
    }
    table_done(&seen);
    return result;
}

static int wrong_framework(const char *id, const struct framework *actual, const struct framework *expected,
                           struct error *err) {
    return error_set(err, 0, "Offer %s has invalid framework %s while framework %s is expected", id, actual->id,
                     expected->id);
}

static int wrong_agent(const char *id, const struct agent *agent, const struct agent *other, struct error *err) {
    return error_set(err, 0, "Aggregated offers must belong to one single agent. Offer %s uses agent %s and agent %s",
                     id, agent->id, other->id);
}

int validate_offers(const struct master *master, const struct framework *framework,
                    Mesos__V1__OfferID *const *offer_ids, size_t count, struct error *err) {
    const struct offer *first = count == 0 ? NULL : offer_find(master, offer_ids[0]->value);

    if (check_unique(offer_ids, count, err) < 0)
        return -1;
    for (size_t i = 0; i < count; i++) {
        if (offer_find(master, offer_ids[i]->value) == NULL)
            return error_set(err, 0, "Offer %s is no longer valid", offer_ids[i]->value);
    }
    for (size_t i = 0; i < count; i++) {
        const struct offer *offer = offer_find(master, offer_ids[i]->value);

        if (offer->framework != framework)
            return wrong_framework(offer->id, offer->framework, framework, err);
    }
    for (size_t i = 0; i < count; i++) {
        const struct offer *offer = offer_find(master, offer_ids[i]->value);

        if (offer->role != first->role)
            return error_set(err, 0,
                             "Aggregated offers must be allocated to the same role. Offer %s uses role '%s' but "
                             "another is using role '%s'",
                             offer->id, offer->role, first->role);
        if (offer->agent != first->agent)
            return wrong_agent(offer->id, offer->agent, first->agent, err);
    }
    return 0;
}

int validate_inverse_offers(const struct master *master, const struct framework *framework,
                            Mesos__V1__OfferID *const *offer_ids, size_t count, struct error *err) {
    const struct inverse_offer *first = count == 0 ? NULL : inverse_offer_find(master, offer_ids[0]->value);

    if (check_unique(offer_ids, count, err) < 0)
        return -1;
    for (size_t i = 0; i < count; i++) {
        const struct inverse_offer *offer = inverse_offer_find(master, offer_ids[i]->value);

        if (offer == NULL || first == NULL)
            return error_set(err, 0, "Inverse offer %s is no longer valid", offer_ids[i]->value);
        if (offer->framework != framework)
            return wrong_framework(offer->id, offer->framework, framework, err);
        if (offer->agent != first->agent)
            return wrong_agent(offer->id, offer->agent, first->agent, err);
    }
    return 0;
}

/* Operations. Their resources are in the newest format by now. */

static const Mesos__V1__Resource__ReservationInfo *last_reservation(const Mesos__V1__Resource *resource) {
    return resource->n_reservations == 0 ? NULL : resource->reservations[resource->n_reservations - 1];
}

static bool is_dynamically_reserved(const Mesos__V1__Resource *resource) {
    const Mesos__V1__Resource__ReservationInfo *reservation = last_reservation(resource);

    return reservation != NULL && reservation->type == MESOS__V1__RESOURCE__RESERVATION_INFO__TYPE__DYNAMIC;
}

/* Whether the agent can hold a resource that is reserved like this. */
static int check_agent_can(const Mesos__V1__Resource *resource, const struct agent_capabilities *agent,
                           const char *done, struct error *err) {
    const Mesos__V1__Resource__ReservationInfo *reservation = last_reservation(resource);

    if (reservation == NULL)
        return 0;
    if (!agent->hierarchical_role && strchr(reservation->role, '/') != NULL)
        return error_set(err, 0,
                         "Resource '%s' with reservation for hierarchical role '%s' cannot be %s on an agent without "
                         "HIERARCHICAL_ROLE capability",
                         resource->name, reservation->role, done);
    if (!agent->reservation_refinement && resource->n_reservations > 1)
        return error_set(err, 0,
                         "Resource '%s' with reservation refinement cannot be %s on an agent without "
                         "RESERVATION_REFINEMENT capability",
                         resource->name, done);
    return 0;
}

static int check_reserve_principal(const Mesos__V1__Resource *resource, const char *principal, struct error *err) {
    const Mesos__V1__Resource__ReservationInfo *reservation = last_reservation(resource);

    if (principal == NULL)
        return 0;
    if (reservation->principal == NULL)
        return error_set(err, 0,
                         "A reserve operation was attempted by principal '%s', but there is a reserved resource in the "
                         "request with no principal set",
                         principal);
    if (strcmp(reservation->principal, principal) != 0)
        return error_set(err, 0,
                         "A reserve operation was attempted by principal '%s', which does not match a reserved "
                         "resource in the request with principal '%s'",
                         principal, reservation->principal);
    return 0;
}

static int check_reserve_role(const Mesos__V1__Resource *resource, const struct framework *framework,
                              struct error *err) {
    const char *role = last_reservation(resource)->role;

    if (framework == NULL) {
        if (resource->allocation_info != NULL)
            return error_set(err, 0,
                             "A reserve operation was attempted with an allocated resource, but operators can only "
                             "reserve unallocated resources");
        return 0;
    }
    if (resource->allocation_info == NULL || resource->allocation_info->role == NULL)
        return error_set(err, 0,
                         "A reserve operation was attempted on unallocated resource '%s', but frameworks can only "
                         "perform reservations on allocated resources",
                         resource->name);
    if (strcmp(resource->allocation_info->role, role) != 0)
        return error_set(err, 0,
                         "A reserve operation was attempted for a resource with role '%s', but the resource was "
                         "allocated to role '%s'",
                         role, resource->allocation_info->role);
    if (!framework_has_role(framework, role))
        return error_set(err, 0,
                         "A reserve operation was attempted for a resource with role '%s', which the framework does "
                         "not have",
                         role);
    return 0;
}

static bool has_same_reservations(const Mesos__V1__Resource *a, const Mesos__V1__Resource *b) {
    if (a->n_reservations != b->n_reservations)
        return false;
    for (size_t i = 0; i < a->n_reservations; i++) {
        if (!message_equal(&a->reservations[i]->base, &b->reservations[i]->base))
            return false;
    }
    return true;
}

static int check_reservations_alike(Mesos__V1__Resource *const *resources, size_t count, struct error *err) {
    if (count == 0)
        return error_set(err, 0, "Resource cannot be empty");
    for (size_t i = 1; i < count; i++) {
        if (!has_same_reservations(resources[0], resources[i]))
            return error_set(err, 0, "Mixed reservations are not supported");
    }
    return 0;
}

/* A change of reservations from one to another: the amounts must be the same. */
static int check_reserve_source(const Mesos__V1__Offer__Operation__Reserve *reserve, struct error *err) {
    struct resources cleanup_resources source = RESOURCES_INIT, cleanup_resources target = RESOURCES_INIT;

    if (reserve->n_source == 0)
        return 0;
    if (check_reservations_alike(reserve->source, reserve->n_source, err) < 0)
        return error_wrap(err, "Invalid source");
    if (check_reservations_alike(reserve->resources, reserve->n_resources, err) < 0)
        return error_wrap(err, "Invalid resources");
    resources_from_valid_messages(reserve->source, reserve->n_source, &source);
    resources_from_valid_messages(reserve->resources, reserve->n_resources, &target);
    resources_to_unreserved(&source);
    resources_to_unreserved(&target);
    if (!resources_equal(&source, &target))
        return error_set(err, 0, "Source and target resources should refer to identical resource quantities");
    return 0;
}

int validate_reserve(const Mesos__V1__Offer__Operation__Reserve *reserve, const struct agent_capabilities *agent,
                     const struct framework *framework, const char *principal, struct error *err) {
    if (validate_resources(reserve->resources, reserve->n_resources, err) < 0)
        return error_wrap(err, "Invalid resources");
    if (validate_resources(reserve->source, reserve->n_source, err) < 0)
        return error_wrap(err, "Invalid source");
    if (check_reserve_source(reserve, err) < 0)
        return -1;
    if (validate_one_provider(reserve->resources, reserve->n_resources, err) < 0)
        return error_wrap(err, "Invalid resources");
    for (size_t i = 0; i < reserve->n_resources; i++) {
        const Mesos__V1__Resource *resource = reserve->resources[i];

        if (!is_dynamically_reserved(resource))
            return error_set(err, 0, "Resource '%s' is not dynamically reserved", resource->name);
        if (check_agent_can(resource, agent, "reserved", err) < 0 ||
            check_reserve_principal(resource, principal, err) < 0 || check_reserve_role(resource, framework, err) < 0)
            return -1;
    }
    if (framework != NULL && validate_one_allocation_role(reserve->resources, reserve->n_resources, err) < 0)
        return error_wrap(err, "Invalid reservation resources");
    return 0;
}

int validate_unreserve(const Mesos__V1__Offer__Operation__Unreserve *unreserve, struct error *err) {
    if (validate_resources(unreserve->resources, unreserve->n_resources, err) < 0 ||
        validate_one_provider(unreserve->resources, unreserve->n_resources, err) < 0)
        return error_wrap(err, "Invalid resources");
    for (size_t i = 0; i < unreserve->n_resources; i++) {
        const Mesos__V1__Resource *resource = unreserve->resources[i];

        if (!is_dynamically_reserved(resource))
            return error_set(err, 0, "Resource '%s' is not dynamically reserved", resource->name);
        if (resource->disk != NULL && resource->disk->persistence != NULL)
            return error_set(err, 0,
                             "A dynamically reserved persistent volume '%s' cannot be unreserved directly. Please "
                             "destroy the persistent volume first then unreserve the resource",
                             resource->disk->persistence->id);
    }
    return 0;
}

static int check_volume_principal(const Mesos__V1__Resource *volume, const char *principal, struct error *err) {
    const char *given = volume->disk->persistence->principal;

    if (principal == NULL)
        return 0;
    if (given == NULL)
        return error_set(err, 0,
                         "Create volume operation attempted by principal '%s', but there is a volume in the operation "
                         "with no principal set in 'disk.persistence'",
                         principal);
    if (strcmp(given, principal) != 0)
        return error_set(err, 0,
                         "Create volume operation attempted by principal '%s', which does not match a volume in the "
                         "operation with principal '%s' set in 'disk.persistence'",
                         principal, given);
    return 0;
}

/* A persistence id is new on the agent, and used once in the operation, in its role. */
static int check_new_ids(const Mesos__V1__Offer__Operation__Create *create, const struct agent *agent,
                         struct error *err) {
    for (size_t i = 0; i < create->n_volumes; i++) {
        const char *id = create->volumes[i]->disk->persistence->id;
        const char *role = last_reservation(create->volumes[i])->role;

        for (uint32_t j = 0; j < agent->checkpointed.count; j++) {
            const struct resource_kind *kind = agent->checkpointed.items[j].kind;

            if (kind->is_persistent && strcmp(kind->persistence_id, id) == 0 &&
                strcmp(kind->reservation_role, role) == 0)
                return error_set(err, 0, "Persistence ID '%s' is not unique", id);
        }
        for (size_t j = 0; j < i; j++) {
            if (strcmp(create->volumes[j]->disk->persistence->id, id) == 0 &&
                strcmp(last_reservation(create->volumes[j])->role, role) == 0)
                return error_set(err, 0, "Persistence ID '%s' is not unique", id);
        }
    }
    return 0;
}

int validate_create(const Mesos__V1__Offer__Operation__Create *create, const struct agent *agent,
                    const struct framework *framework, const char *principal, struct error *err) {
    if (validate_resources(create->volumes, create->n_volumes, err) < 0 ||
        validate_one_provider(create->volumes, create->n_volumes, err) < 0)
        return error_wrap(err, "Invalid resources");
    if (validate_persistent_volumes(create->volumes, create->n_volumes, err) < 0)
        return error_wrap(err, "Not a persistent volume");
    if (check_new_ids(create, agent, err) < 0)
        return -1;
    for (size_t i = 0; i < create->n_volumes; i++) {
        const Mesos__V1__Resource *volume = create->volumes[i];

        if (framework != NULL && volume->shared != NULL && !framework->capabilities.shared_resources)
            return error_set(err, 0,
                             "Create volume operation for '%s' has been attempted by framework '%s' with no "
                             "SHARED_RESOURCES capability",
                             volume->disk->persistence->id, framework->id);
        if (check_agent_can(volume, &agent->capabilities, "created", err) < 0 ||
            check_volume_principal(volume, principal, err) < 0)
            return -1;
    }
    if (framework != NULL && validate_one_allocation_role(create->volumes, create->n_volumes, err) < 0)
        return error_wrap(err, "Invalid volume resources");
    return 0;
}

int validate_destroy(const Mesos__V1__Offer__Operation__Destroy *destroy, const struct agent *agent,
                     struct error *err) {
    struct resources cleanup_resources volumes = RESOURCES_INIT, cleanup_resources used = RESOURCES_INIT;

    if (validate_resources(destroy->volumes, destroy->n_volumes, err) < 0 ||
        validate_one_provider(destroy->volumes, destroy->n_volumes, err) < 0)
        return error_wrap(err, "Invalid resources");
    if (validate_persistent_volumes(destroy->volumes, destroy->n_volumes, err) < 0)
        return error_wrap(err, "Not a persistent volume");
    resources_from_valid_messages(destroy->volumes, destroy->n_volumes, &volumes);
    resources_unallocate(&volumes);
    resources_copy(&used, &agent->used);
    resources_unallocate(&used);
    for (uint32_t i = 0; i < volumes.count; i++) {
        if (volumes.items[i].kind->provider_id == NULL &&
            !resources_contain_one(&agent->checkpointed, &volumes.items[i]))
            return error_set(err, 0, "Persistent volumes not found");
        if (resources_contain_one(&used, &volumes.items[i]))
            return error_set(err, 0, "Persistent volumes in use");
    }
    return 0;
}

int validate_grow_volume(const Mesos__V1__Offer__Operation__GrowVolume *grow, const struct agent_capabilities *agent,
                         struct error *err) {
    Mesos__V1__Resource *volume = grow->volume, stripped = *volume;
    Mesos__V1__Resource__DiskInfo disk;
    struct resources cleanup_resources sum = RESOURCES_INIT;
    Mesos__V1__Resource *both[2] = {&stripped, grow->addition};

    if (resource_validate(volume, err) < 0)
        return error_wrap(err, "Invalid resource in the 'GrowVolume.volume' field");
    if (resource_validate(grow->addition, err) < 0)
        return error_wrap(err, "Invalid resource in the 'GrowVolume.addition' field");
    if (grow->addition->scalar == NULL || scalar_from_double(grow->addition->scalar->value) <= 0)
        return error_set(err, 0, "The size of 'GrowVolume.addition' field must be greater than zero");
    if (volume->provider_id != NULL)
        return error_set(err, 0, "Growing a volume from a resource provider is not supported");
    if (validate_persistent_volumes(&volume, 1, err) < 0)
        return error_wrap(err, "Invalid persistent volume in the 'GrowVolume.volume' field");
    if (volume->shared != NULL)
        return error_set(err, 0, "Growing a shared persistent volume is not supported");
    disk = *volume->disk;
    disk.persistence = NULL;
    disk.volume = NULL;
    stripped.disk = disk.source == NULL ? NULL : &disk;
    resources_from_valid_messages(both, 2, &sum);
    if (sum.count != 1)
        return error_set(err, 0, "Incompatible resources in the 'GrowVolume.volume' and 'GrowVolume.addition' fields");
    if (!agent->resize_volume)
        return error_set(err, 0, "A volume cannot be grown on an agent without RESIZE_VOLUME capability");
    return 0;
}

int validate_shrink_volume(const Mesos__V1__Offer__Operation__ShrinkVolume *shrink,
                           const struct agent_capabilities *agent, struct error *err) {
    Mesos__V1__Resource *volume = shrink->volume;
    int64_t subtract = scalar_from_double(shrink->subtract->value);

    if (resource_validate(volume, err) < 0)
        return error_wrap(err, "Invalid resource in the 'ShrinkVolume.volume' field");
    if (subtract <= 0)
        return error_set(err, 0, "Value of 'ShrinkVolume.subtract' must be greater than zero");
    if (volume->scalar == NULL || scalar_from_double(volume->scalar->value) <= subtract)
        return error_set(err, 0,
                         "Value of 'ShrinkVolume.subtract' must be smaller than the size of 'ShrinkVolume.volume'");
    if (volume->provider_id != NULL)
        return error_set(err, 0, "Shrinking a volume from a resource provider is not supported");
    if (volume->disk != NULL && volume->disk->source != NULL &&
        volume->disk->source->type == MESOS__V1__RESOURCE__DISK_INFO__SOURCE__TYPE__MOUNT)
        return error_set(err, 0, "Shrinking a volume on a MOUNT disk is not supported");
    if (validate_persistent_volumes(&volume, 1, err) < 0)
        return error_wrap(err, "Invalid persistent volume in the 'ShrinkVolume.volume' field");
    if (volume->shared != NULL)
        return error_set(err, 0, "Shrinking a shared persistent volume is not supported");
    if (!agent->resize_volume)
        return error_set(err, 0, "A volume cannot be shrunk on an agent without RESIZE_VOLUME capability");
    return 0;
}

static const Mesos__V1__Resource__DiskInfo__Source *disk_source(const Mesos__V1__Resource *resource) {
    return resource->disk == NULL ? NULL : resource->disk->source;
}

int validate_create_disk(const Mesos__V1__Offer__Operation__CreateDisk *create, struct error *err) {
    Mesos__V1__Resource *source = create->source;
    const Mesos__V1__Resource__DiskInfo__Source *disk = disk_source(source);

    if (validate_resources(&source, 1, err) < 0)
        return error_wrap(err, "Invalid resource");
    if (source->provider_id == NULL)
        return error_set(err, 0, "'source' is not managed by a resource provider");
    if (disk == NULL || disk->type != MESOS__V1__RESOURCE__DISK_INFO__SOURCE__TYPE__RAW)
        return error_set(err, 0, "'source' is not a RAW disk resource");
    if (create->target_type != MESOS__V1__RESOURCE__DISK_INFO__SOURCE__TYPE__MOUNT &&
        create->target_type != MESOS__V1__RESOURCE__DISK_INFO__SOURCE__TYPE__BLOCK)
        return error_set(err, 0, "'target_type' is neither MOUNT or BLOCK");
    if ((disk->profile != NULL) == (create->target_profile != NULL))
        return error_set(err, 0, "'target_profile' must %s when 'source' has %s profile",
                         disk->profile != NULL ? "not be set" : "be set", disk->profile != NULL ? "a" : "no");
    return 0;
}

int validate_destroy_disk(const Mesos__V1__Offer__Operation__DestroyDisk *destroy, struct error *err) {
    Mesos__V1__Resource *source = destroy->source;
    const Mesos__V1__Resource__DiskInfo__Source *disk = disk_source(source);

    if (validate_resources(&source, 1, err) < 0)
        return error_wrap(err, "Invalid resource");
    if (source->provider_id == NULL)
        return error_set(err, 0, "'source' is not managed by a resource provider");
    if (disk == NULL || (disk->type != MESOS__V1__RESOURCE__DISK_INFO__SOURCE__TYPE__MOUNT &&
                         disk->type != MESOS__V1__RESOURCE__DISK_INFO__SOURCE__TYPE__BLOCK &&
                         disk->type != MESOS__V1__RESOURCE__DISK_INFO__SOURCE__TYPE__RAW))
        return error_set(err, 0, "'source' is neither a MOUNT, BLOCK or RAW disk resource");
    if (disk->id == NULL)
        return error_set(err, 0, "'source' is not backed by a CSI volume");
    if (source->disk->persistence != NULL)
        return error_set(err, 0,
                         "A disk resource containing a persistent volume cannot be destroyed directly. Please destroy "
                         "the persistent volume first then destroy the disk resource");
    return 0;
}
