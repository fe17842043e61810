/* SPDX-License-Identifier: Apache-2.0 */
/* What operations do to resources (src/common/resources_utils.cpp, ResourceConversion in resources.cpp). */
#include "model/resources.h"

#include <string.h>

#include "model/kind.h"
#include "model/name.h"

struct conversions {
    struct resource_conversion *items;
    size_t count, capacity;
};

static struct resource_conversion *add_conversion(struct conversions *conversions) {
    if (conversions->count == conversions->capacity) {
        conversions->capacity = conversions->capacity == 0 ? 2 : conversions->capacity * 2;
        conversions->items = xrealloc(conversions->items, conversions->capacity * sizeof(conversions->items[0]));
    }
    conversions->items[conversions->count] = (struct resource_conversion){0};
    return &conversions->items[conversions->count++];
}

void resource_conversions_free(struct resource_conversion *conversions, size_t count) {
    for (size_t i = 0; i < count; i++) {
        resources_done(&conversions[i].consumed);
        resources_done(&conversions[i].converted);
    }
    free(conversions);
}

/* The disk a volume is made of, unshared. */
static void strip_volumes(const struct resources *volumes, struct resources *ret) {
    struct resources stripped = RESOURCES_INIT;

    for (size_t i = 0; i < volumes->count; i++) {
        struct resource resource = volumes->items[i];

        resource.kind = kind_without_volume(resource.kind);
        resource.shared_count = 1;
        resources_add_one(&stripped, &resource);
        kind_release(resource.kind);
    }
    *ret = stripped;
}

static int from_message(Mesos__V1__Resource *message, struct resources *ret, struct error *err) {
    if (message == NULL)
        return error_set(err, 0, "Operation lacks a resource");
    return resources_from_messages(&message, 1, ret, err);
}

static int convert_reserve(const Mesos__V1__Offer__Operation__Reserve *reserve, struct conversions *conversions,
                           struct error *err) {
    struct resource_conversion *conversion = add_conversion(conversions);

    if (resources_from_messages(reserve->resources, reserve->n_resources, &conversion->converted, err) < 0)
        return -1;
    if (reserve->n_source > 0)
        return resources_from_messages(reserve->source, reserve->n_source, &conversion->consumed, err);
    for (size_t i = 0; i < conversion->converted.count; i++)
        if (!resource_is_reserved(&conversion->converted.items[i]))
            return error_set(err, 0, "RESERVE of an unreserved resource");
    resources_copy(&conversion->consumed, &conversion->converted);
    resources_pop_reservation(&conversion->consumed);
    return 0;
}

static int convert_unreserve(const Mesos__V1__Offer__Operation__Unreserve *unreserve, struct conversions *conversions,
                             struct error *err) {
    for (size_t i = 0; i < unreserve->n_resources; i++) {
        struct resource_conversion *conversion = add_conversion(conversions);

        if (from_message(unreserve->resources[i], &conversion->consumed, err) < 0)
            return -1;
        if (conversion->consumed.count > 0 && !resource_is_reserved(&conversion->consumed.items[0]))
            return error_set(err, 0, "UNRESERVE of an unreserved resource");
        resources_copy(&conversion->converted, &conversion->consumed);
        resources_pop_reservation(&conversion->converted);
    }
    return 0;
}

static int convert_volumes(Mesos__V1__Resource *const *volumes, size_t count, bool create,
                           struct conversions *conversions, struct error *err) {
    for (size_t i = 0; i < count; i++) {
        struct resource_conversion *conversion = add_conversion(conversions);
        struct resources *volume = create ? &conversion->converted : &conversion->consumed;

        if (from_message(volumes[i], volume, err) < 0)
            return -1;
        strip_volumes(volume, create ? &conversion->consumed : &conversion->converted);
        conversion->removes_volume = !create;
    }
    return 0;
}

static int64_t first_scalar(const struct resources *resources) {
    return resources->count == 1 && resources->items[0].kind->type == RESOURCE_SCALAR ? resources->items[0].scalar : -1;
}

static int convert_grow(const Mesos__V1__Offer__Operation__GrowVolume *grow, struct conversions *conversions,
                        struct error *err) {
    struct resource_conversion *conversion = add_conversion(conversions);
    cleanup_resources struct resources addition = RESOURCES_INIT;

    if (from_message(grow->volume, &conversion->converted, err) < 0 || from_message(grow->addition, &addition, err) < 0)
        return -1;
    if (first_scalar(&conversion->converted) < 0 || first_scalar(&addition) < 0)
        return error_set(err, 0, "GROW_VOLUME needs a volume and an addition");
    if (conversion->converted.items[0].kind->provider_id != NULL)
        return error_set(err, 0, "Operation not supported for resource provider");
    resources_copy(&conversion->consumed, &conversion->converted);
    resources_add(&conversion->consumed, &addition);
    resources_set_scalar(&conversion->converted, 0, conversion->converted.items[0].scalar + addition.items[0].scalar);
    return 0;
}

static int convert_shrink(const Mesos__V1__Offer__Operation__ShrinkVolume *shrink, struct conversions *conversions,
                          struct error *err) {
    struct resource_conversion *conversion = add_conversion(conversions);
    cleanup_resources struct resources freed = RESOURCES_INIT;
    int64_t amount = shrink->subtract == NULL ? 0 : scalar_from_double(shrink->subtract->value);

    if (from_message(shrink->volume, &conversion->consumed, err) < 0)
        return -1;
    if (first_scalar(&conversion->consumed) <= amount || amount <= 0)
        return error_set(err, 0, "SHRINK_VOLUME needs a volume larger than what is taken from it");
    if (conversion->consumed.items[0].kind->provider_id != NULL)
        return error_set(err, 0, "Operation not supported for resource provider");
    resources_copy(&conversion->converted, &conversion->consumed);
    resources_set_scalar(&conversion->converted, 0, conversion->converted.items[0].scalar - amount);
    strip_volumes(&conversion->consumed, &freed);
    resources_set_scalar(&freed, 0, amount);
    resources_add(&conversion->converted, &freed);
    return 0;
}

static int convert(const Mesos__V1__Offer__Operation *operation, struct conversions *conversions, struct error *err) {
    switch (operation->type) {
    case MESOS__V1__OFFER__OPERATION__TYPE__RESERVE:
        if (operation->reserve != NULL)
            return convert_reserve(operation->reserve, conversions, err);
        return error_set(err, 0, "A RESERVE offer operation must have the Offer.Operation.reserve field set.");
    case MESOS__V1__OFFER__OPERATION__TYPE__UNRESERVE:
        if (operation->unreserve != NULL)
            return convert_unreserve(operation->unreserve, conversions, err);
        return error_set(err, 0, "An UNRESERVE offer operation must have the Offer.Operation.unreserve field set.");
    case MESOS__V1__OFFER__OPERATION__TYPE__CREATE:
        if (operation->create != NULL)
            return convert_volumes(operation->create->volumes, operation->create->n_volumes, true, conversions, err);
        return error_set(err, 0, "A CREATE offer operation must have the Offer.Operation.create field set.");
    case MESOS__V1__OFFER__OPERATION__TYPE__DESTROY:
        if (operation->destroy != NULL)
            return convert_volumes(operation->destroy->volumes, operation->destroy->n_volumes, false, conversions, err);
        return error_set(err, 0, "A DESTROY offer operation must have the Offer.Operation.destroy field set.");
    case MESOS__V1__OFFER__OPERATION__TYPE__GROW_VOLUME:
        if (operation->grow_volume != NULL)
            return convert_grow(operation->grow_volume, conversions, err);
        return error_set(err, 0, "A GROW_VOLUME operation must have the Offer.Operation.grow_volume field set");
    case MESOS__V1__OFFER__OPERATION__TYPE__SHRINK_VOLUME:
        if (operation->shrink_volume != NULL)
            return convert_shrink(operation->shrink_volume, conversions, err);
        return error_set(err, 0,
                         "A SHRINK_VOLUME offer operation must have the Offer.Operation.shrink_volume field set.");
    case MESOS__V1__OFFER__OPERATION__TYPE__UNKNOWN:
        return error_set(err, 0, "Unknown operation");
    default:
        return error_set(err, 0, "Operation not supported");
    }
}

int resource_conversions_from_operation(const Mesos__V1__Offer__Operation *operation,
                                        struct resource_conversion **ret_conversions, size_t *ret_count,
                                        struct error *err) {
    struct conversions conversions = {0};

    if (convert(operation, &conversions, err) < 0) {
        resource_conversions_free(conversions.items, conversions.count);
        return -1;
    }
    *ret_conversions = conversions.items;
    *ret_count = conversions.count;
    return 0;
}

static int convert_in_place(struct resources *resources, const struct resource_conversion *conversion,
                            struct error *err) {
    if (!resources_contain(resources, &conversion->consumed)) {
        cleanup_free char *all = resources_text(resources), *consumed = resources_text(&conversion->consumed);

        return error_set(err, 0, "%s does not contain %s", all, consumed);
    }
    resources_subtract(resources, &conversion->consumed);
    resources_add(resources, &conversion->converted);
    if (conversion->removes_volume && resources_contain(resources, &conversion->consumed)) {
        cleanup_free char *volume = resources_text(&conversion->consumed);

        return error_set(err, 0, "Persistent volume %s cannot be removed due to additional shared copies", volume);
    }
    return 0;
}

int resources_convert(struct resources *resources, const struct resource_conversion *conversion, struct error *err) {
    cleanup_resources struct resources result = RESOURCES_INIT;

    resources_assign(&result, resources);
    if (convert_in_place(&result, conversion, err) < 0)
        return -1;
    resources_done(resources);
    resources_move(resources, &result);
    return 0;
}

static int apply_operation(struct resources *resources, const Mesos__V1__Offer__Operation *operation, bool is_allocated,
                           struct error *err) {
    cleanup_resources struct resources result = RESOURCES_INIT;
    struct resource_conversion *conversions;
    size_t count;
    int status = 0;

    if (resource_conversions_from_operation(operation, &conversions, &count, err) < 0)
        return error_wrap(err, "Cannot get conversions");
    resources_assign(&result, resources);
    for (size_t i = 0; i < count && status == 0; i++) {
        if (!is_allocated) {
            resources_unallocate(&conversions[i].consumed);
            resources_unallocate(&conversions[i].converted);
        }
        status = convert_in_place(&result, &conversions[i], err);
    }
    resource_conversions_free(conversions, count);
    if (status < 0)
        return -1;
    resources_done(resources);
    resources_move(resources, &result);
    return 0;
}

int resources_apply_operation(struct resources *resources, const Mesos__V1__Offer__Operation *operation,
                              struct error *err) {
    return apply_operation(resources, operation, true, err);
}

int resources_apply_operation_unallocated(struct resources *resources, const Mesos__V1__Offer__Operation *operation,
                                          struct error *err) {
    return apply_operation(resources, operation, false, err);
}

int resources_apply_checkpointed(struct resources *total, const struct resources *checkpointed, struct error *err) {
    cleanup_resources struct resources result = RESOURCES_INIT;

    resources_assign(&result, total);
    for (size_t i = 0; i < checkpointed->count; i++) {
        const struct resource *resource = &checkpointed->items[i];
        cleanup_resources struct resources plain = RESOURCES_INIT, stripped = RESOURCES_INIT;
        struct resources one = {resource, 1, 0};
        struct resource base;

        if (!resource_needs_checkpoint(resource)) {
            cleanup_free char *text = resources_text(&one);

            return error_set(err, 0, "Unexpected checkpointed resources %s", text);
        }
        if (resource->kind->is_persistent)
            strip_volumes(&one, &plain);
        else
            resources_copy(&plain, &one);
        base = plain.items[0];
        base.kind = kind_without_dynamic_reservations(base.kind);
        resources_add_one(&stripped, &base);
        kind_release(base.kind);
        if (!resources_contain(&result, &stripped)) {
            cleanup_free char *all = resources_text(&result), *part = resources_text(&stripped);

            return error_set(err, 0, "Incompatible agent resources: %s does not contain %s", all, part);
        }
        resources_subtract(&result, &stripped);
        resources_add_one(&result, resource);
    }
    resources_done(total);
    resources_move(total, &result);
    return 0;
}
