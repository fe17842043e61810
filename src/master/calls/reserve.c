/* SPDX-License-Identifier: Apache-2.0 */
/* Operations that change what resources are: reservations, volumes, and disks of resource providers. The master holds
 * them for done at once and tells the agent. */
#include "base/log.h"
#include "master/agent.h"
#include "master/calls/accept.h"
#include "master/framework.h"
#include "master/master.h"
#include "master/validation.h"

/* Apply the operation to what remains, to the agent, and later to the allocator. Returns whether it could be done. */
static bool convert(struct acceptance *acceptance, Mesos__V1__Offer__Operation *operation) {
    struct resources cleanup_resources remaining = RESOURCES_INIT;
    struct resource_conversion *conversions;
    struct error cleanup_error err = ERROR_INIT;
    size_t count;

    if (resource_conversions_from_operation(operation, &conversions, &count, &err) < 0) {
        reject_operation(acceptance->framework, operation, error_message(&err));
        return false;
    }
    resources_copy(&remaining, &acceptance->remaining);
    if (resources_apply_operation(&remaining, operation, &err) < 0 ||
        agent_apply_operation(acceptance->agent, acceptance->framework, operation, &err) < 0) {
        reject_operation(acceptance->framework, operation, error_message(&err));
        resource_conversions_free(conversions, count);
        return false;
    }
    resources_assign(&acceptance->remaining, &remaining);
    acceptance_add_conversions(acceptance, conversions, count);
    framework_metrics_count_operation(&acceptance->framework->metrics, (int)operation->type);
    return true;
}

/* Volumes may be shared, and what is shared is counted apart. */
static void convert_volumes(struct acceptance *acceptance, Mesos__V1__Offer__Operation *operation) {
    if (!convert(acceptance, operation))
        return;
    resources_done(&acceptance->remaining_shared);
    resources_shared(&acceptance->remaining, &acceptance->remaining_shared);
}

static void reject_on_agent(struct acceptance *acceptance, const Mesos__V1__Offer__Operation *operation,
                            struct error *err) {
    cleanup_free char *message = xasprintf("%s; on agent %s", error_message(err), acceptance->agent->id);

    reject_operation(acceptance->framework, operation, message);
}

void accept_reserve(struct acceptance *acceptance, Mesos__V1__Offer__Operation *operation) {
    struct error cleanup_error err = ERROR_INIT;

    if (validate_reserve(operation->reserve, &acceptance->agent->capabilities, acceptance->framework,
                         acceptance->framework->info->principal, &err) < 0)
        reject_on_agent(acceptance, operation, &err);
    else
        convert(acceptance, operation);
}

void accept_unreserve(struct acceptance *acceptance, Mesos__V1__Offer__Operation *operation) {
    struct error cleanup_error err = ERROR_INIT;

    if (validate_unreserve(operation->unreserve, &err) < 0)
        reject_on_agent(acceptance, operation, &err);
    else
        convert(acceptance, operation);
}

void accept_create(struct acceptance *acceptance, Mesos__V1__Offer__Operation *operation) {
    struct error cleanup_error err = ERROR_INIT;

    if (validate_create(operation->create, acceptance->agent, acceptance->framework,
                        acceptance->framework->info->principal, &err) < 0)
        reject_on_agent(acceptance, operation, &err);
    else
        convert_volumes(acceptance, operation);
}

/* Other offers may hold copies of a shared volume, which must not outlive it. */
static void rescind_copies(struct agent *agent, const Mesos__V1__Offer__Operation__Destroy *destroy) {
    struct resources cleanup_resources volumes = RESOURCES_INIT;
    struct offer *offer;

    resources_from_valid_messages(destroy->volumes, destroy->n_volumes, &volumes);
    resources_unallocate(&volumes);
    list_for_each (&agent->offers, offer, in_agent) {
        struct resources cleanup_resources offered = RESOURCES_INIT;
        bool holds_one = false;

        resources_copy(&offered, &offer->resources);
        resources_unallocate(&offered);
        for (uint32_t i = 0; i < volumes.count && !holds_one; i++)
            holds_one = resources_contain_one(&offered, &volumes.items[i]);
        if (holds_one)
            offer_rescind(offer);
    }
}

void accept_destroy(struct acceptance *acceptance, Mesos__V1__Offer__Operation *operation) {
    struct error cleanup_error err = ERROR_INIT;

    if (validate_destroy(operation->destroy, acceptance->agent, &err) < 0) {
        reject_on_agent(acceptance, operation, &err);
        return;
    }
    rescind_copies(acceptance->agent, operation->destroy);
    convert_volumes(acceptance, operation);
}

/* What comes of a resize is not for later operations of the same call. */
static void resize(struct acceptance *acceptance, Mesos__V1__Offer__Operation *operation) {
    struct resource_conversion *conversions;
    struct error cleanup_error err = ERROR_INIT;
    size_t count;

    if (resource_conversions_from_operation(operation, &conversions, &count, &err) < 0) {
        reject_operation(acceptance->framework, operation, error_message(&err));
        return;
    }
    for (size_t i = 0; i < count; i++) {
        if (!resources_contain(&acceptance->remaining, &conversions[i].consumed))
            error_set(&err, 0, "The offered resources do not contain those of the operation");
    }
    if (err.message != NULL || agent_apply_operation(acceptance->agent, acceptance->framework, operation, &err) < 0) {
        reject_operation(acceptance->framework, operation, error_message(&err));
        resource_conversions_free(conversions, count);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        resources_subtract(&acceptance->remaining, &conversions[i].consumed);
        resources_add(&acceptance->resized, &conversions[i].converted);
    }
    acceptance_add_conversions(acceptance, conversions, count);
    framework_metrics_count_operation(&acceptance->framework->metrics, (int)operation->type);
}

void accept_grow_volume(struct acceptance *acceptance, Mesos__V1__Offer__Operation *operation) {
    struct error cleanup_error err = ERROR_INIT;

    if (validate_grow_volume(operation->grow_volume, &acceptance->agent->capabilities, &err) < 0)
        reject_on_agent(acceptance, operation, &err);
    else
        resize(acceptance, operation);
}

void accept_shrink_volume(struct acceptance *acceptance, Mesos__V1__Offer__Operation *operation) {
    struct error cleanup_error err = ERROR_INIT;

    if (validate_shrink_volume(operation->shrink_volume, &acceptance->agent->capabilities, &err) < 0)
        reject_on_agent(acceptance, operation, &err);
    else
        resize(acceptance, operation);
}

/* Disks are made by resource providers, of which agents that register here have none. */
static void reject_disk(struct acceptance *acceptance, Mesos__V1__Offer__Operation *operation, int is_valid,
                        struct error *err) {
    if (!acceptance->agent->capabilities.resource_provider)
        error_set(err, 0, "Not supported because the agent does not have RESOURCE_PROVIDER capability");
    else if (is_valid == 0)
        error_set(err, 0, "The resource provider is unknown");
    reject_on_agent(acceptance, operation, err);
}

void accept_create_disk(struct acceptance *acceptance, Mesos__V1__Offer__Operation *operation) {
    struct error cleanup_error err = ERROR_INIT;

    reject_disk(acceptance, operation, validate_create_disk(operation->create_disk, &err), &err);
}

void accept_destroy_disk(struct acceptance *acceptance, Mesos__V1__Offer__Operation *operation) {
    struct error cleanup_error err = ERROR_INIT;

    reject_disk(acceptance, operation, validate_destroy_disk(operation->destroy_disk, &err), &err);
}
