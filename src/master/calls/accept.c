/* SPDX-License-Identifier: Apache-2.0 */
/* ACCEPT: operations on what was offered, applied in order on what the previous ones left; the rest is declined. */
#include "master/calls/accept.h"

#include <string.h>

#include "allocator/allocator.h"
#include "base/log.h"
#include "master/agent.h"
#include "master/calls/calls.h"
#include "master/calls/normalize.h"
#include "master/framework.h"
#include "master/master.h"
#include "master/status.h"
#include "master/validation.h"
#include "model/name.h"

/* Answers */

bool operation_has_tasks(const Mesos__V1__Offer__Operation *operation) {
    return operation->type == MESOS__V1__OFFER__OPERATION__TYPE__LAUNCH ||
           operation->type == MESOS__V1__OFFER__OPERATION__TYPE__LAUNCH_GROUP;
}

void reject_task(struct framework *framework, const Mesos__V1__TaskInfo *task, enum task_state state,
                 Mesos__V1__TaskStatus__Reason reason, const char *message) {
    struct master_status status;

    master_status_init(&status, framework->master, task->task_id->value, task->agent_id->value, state, reason, message);
    master_metrics_task_ended(framework->master, state, MESOS__V1__TASK_STATUS__SOURCE__SOURCE_MASTER, true,
                              (int)reason);
    framework_send_update(framework, &status.status);
}

void reject_tasks(struct framework *framework, const Mesos__V1__Offer__Operation *operation, enum task_state state,
                  Mesos__V1__TaskStatus__Reason reason, const char *message) {
    if (operation->type == MESOS__V1__OFFER__OPERATION__TYPE__LAUNCH && operation->launch != NULL) {
        for (size_t i = 0; i < operation->launch->n_task_infos; i++)
            reject_task(framework, operation->launch->task_infos[i], state, reason, message);
    } else if (operation->type == MESOS__V1__OFFER__OPERATION__TYPE__LAUNCH_GROUP && operation->launch_group != NULL) {
        for (size_t i = 0; i < operation->launch_group->task_group->n_tasks; i++)
            reject_task(framework, operation->launch_group->task_group->tasks[i], state, reason, message);
    }
}

void reject_operation(struct framework *framework, const Mesos__V1__Offer__Operation *operation, const char *message) {
    Mesos__V1__OperationStatus status = MESOS__V1__OPERATION_STATUS__INIT;

    log_warning("Dropping an operation (type %d) of framework %s: %s", (int)operation->type, framework->id, message);
    master_metrics_operation_moved(framework->master, (int)operation->type, 0,
                                   MESOS__V1__OPERATION_STATE__OPERATION_ERROR);
    if (operation->id == NULL || !connection_is_http(&framework->connection))
        return;
    status.operation_id = operation->id;
    status.state = MESOS__V1__OPERATION_STATE__OPERATION_ERROR;
    status.message = (char *)message;
    framework_send_operation_status(framework, &status);
}

/* Operations */

static const struct {
    Mesos__V1__Offer__Operation__Type type;
    accept_operation *apply;
} operations[] = {
    {MESOS__V1__OFFER__OPERATION__TYPE__LAUNCH, accept_launch},
    {MESOS__V1__OFFER__OPERATION__TYPE__LAUNCH_GROUP, accept_launch_group},
    {MESOS__V1__OFFER__OPERATION__TYPE__RESERVE, accept_reserve},
    {MESOS__V1__OFFER__OPERATION__TYPE__UNRESERVE, accept_unreserve},
    {MESOS__V1__OFFER__OPERATION__TYPE__CREATE, accept_create},
    {MESOS__V1__OFFER__OPERATION__TYPE__DESTROY, accept_destroy},
    {MESOS__V1__OFFER__OPERATION__TYPE__GROW_VOLUME, accept_grow_volume},
    {MESOS__V1__OFFER__OPERATION__TYPE__SHRINK_VOLUME, accept_shrink_volume},
    {MESOS__V1__OFFER__OPERATION__TYPE__CREATE_DISK, accept_create_disk},
    {MESOS__V1__OFFER__OPERATION__TYPE__DESTROY_DISK, accept_destroy_disk},
};

/* The error of an operation that cannot even be looked at. */
static void reject(struct framework *framework, const Mesos__V1__Offer__Operation *operation, const char *message) {
    if (operation_has_tasks(operation)) {
        reject_tasks(framework, operation, TASK_ERROR,
                     operation->type == MESOS__V1__OFFER__OPERATION__TYPE__LAUNCH
                         ? MESOS__V1__TASK_STATUS__REASON__REASON_TASK_INVALID
                         : MESOS__V1__TASK_STATUS__REASON__REASON_TASK_GROUP_INVALID,
                     message);
    } else {
        reject_operation(framework, operation, message);
    }
}

/* Whether the feedback that the operation asks for can be had. */
static bool is_feedback_possible(struct acceptance *acceptance, const Mesos__V1__Offer__Operation *operation) {
    struct framework *framework = acceptance->framework;
    const struct agent_capabilities *agent = &acceptance->agent->capabilities;

    if (operation->id == NULL)
        return true;
    if (operation->type == MESOS__V1__OFFER__OPERATION__TYPE__LAUNCH) {
        reject(framework, operation, "The `id` field cannot be set on LAUNCH operations");
    } else if (operation->type == MESOS__V1__OFFER__OPERATION__TYPE__LAUNCH_GROUP) {
        reject(framework, operation, "The `id` field cannot be set on LAUNCH_GROUP operations");
    } else if (!connection_is_http(&framework->connection)) {
        framework_send_error(framework,
                             "The 'id' field was set in an offer operation, but operation feedback is not supported "
                             "for the SchedulerDriver API; please use the HTTP scheduler API for this feature");
    } else if (!agent->resource_provider || !agent->agent_operation_feedback) {
        reject(framework, operation,
               "Operation on agent default resources requested feedback, but the agent does not have the required "
               "AGENT_OPERATION_FEEDBACK and RESOURCE_PROVIDER capabilities");
    } else if (operation_find_by_id(framework, operation->id->value) != NULL) {
        reject(framework, operation, "Operation has duplicate ID");
    } else {
        return true;
    }
    return false;
}

static void apply(struct acceptance *acceptance, Mesos__V1__Offer__Operation *operation) {
    struct error cleanup_error err = ERROR_INIT;

    if (normalize_operation(operation, acceptance->role, acceptance->framework, acceptance->arena, &err) < 0) {
        reject(acceptance->framework, operation, error_message(&err));
        return;
    }
    if (!is_feedback_possible(acceptance, operation))
        return;
    for (size_t i = 0; i < ARRAY_SIZE(operations); i++) {
        if (operations[i].type == operation->type) {
            operations[i].apply(acceptance, operation);
            return;
        }
    }
    log_warning("Ignoring an unknown operation of framework %s", acceptance->framework->id);
}

void acceptance_add_conversions(struct acceptance *acceptance, struct resource_conversion *conversions, size_t count) {
    size_t all = acceptance->conversion_count + count;

    acceptance->conversions = xrealloc(acceptance->conversions, (all + 1) * sizeof(*acceptance->conversions));
    for (size_t i = 0; i < count; i++)
        acceptance->conversions[acceptance->conversion_count + i] = conversions[i];
    acceptance->conversion_count = all;
    free(conversions);
}

/* The call */

static void count_operations(struct master *master, const Mesos__V1__Scheduler__Call__Accept *accept) {
    for (size_t i = 0; i < accept->n_operations; i++) {
        const Mesos__V1__Offer__Operation *operation = accept->operations[i];

        if (operation->type != MESOS__V1__OFFER__OPERATION__TYPE__LAUNCH)
            continue;
        if (operation->launch != NULL && operation->launch->n_task_infos > 0)
            metric_increment(&master->metrics.messages_launch_tasks);
        else
            metric_increment(&master->metrics.messages_decline_offers);
    }
}

/* Offers that are gone, used or somebody else's: nothing is done, and everybody is told. */
static void reject_call(struct framework *framework, const Mesos__V1__Scheduler__Call__Accept *accept,
                        const char *reason) {
    enum task_state state = framework->capabilities.partition_aware ? TASK_DROPPED : TASK_LOST;
    cleanup_free char *task_message = xasprintf("Task launched with invalid offers: %s", reason);
    cleanup_free char *operation_message = xasprintf("Operation attempted with invalid offers: %s", reason);

    log_warning("ACCEPT call of framework %s used invalid offers: %s", framework->id, reason);
    for (size_t i = 0; i < accept->n_offer_ids; i++) {
        struct offer *offer = offer_find(framework->master, accept->offer_ids[i]->value);

        if (offer != NULL && offer->framework == framework)
            offer_discard(offer, NULL);
    }
    for (size_t i = 0; i < accept->n_operations; i++) {
        const Mesos__V1__Offer__Operation *operation = accept->operations[i];

        if (operation_has_tasks(operation))
            reject_tasks(framework, operation, state, MESOS__V1__TASK_STATUS__REASON__REASON_INVALID_OFFERS,
                         task_message);
        else
            reject_operation(framework, operation, operation_message);
    }
}

static void begin(struct acceptance *acceptance, struct framework *framework,
                  const Mesos__V1__Scheduler__Call__Accept *accept, struct arena *arena) {
    struct master *master = framework->master;
    struct offer *first = offer_find(master, accept->offer_ids[0]->value);

    *acceptance = (struct acceptance){.master = master,
                                      .framework = framework,
                                      .agent = first->agent,
                                      .role = name_hold(first->role),
                                      .arena = arena};
    for (size_t i = 0; i < accept->n_offer_ids; i++) {
        struct offer *offer = offer_find(master, accept->offer_ids[i]->value);

        resources_add(&acceptance->offered, &offer->resources);
        offer_remove(offer);
    }
    framework->metrics.offers_accepted += (double)accept->n_offer_ids;
    resources_copy(&acceptance->remaining, &acceptance->offered);
    resources_shared(&acceptance->offered, &acceptance->remaining_shared);
}

/* Tell the allocator what became of the offered resources.
 *
 * What operations have made of them (reservations, volumes) comes back without a filter, what was not used at all with
 * the framework's one. */
static void finish(struct acceptance *acceptance, const Mesos__V1__Filters *filters) {
    struct allocator *allocator = acceptance->master->allocator;
    const char *framework_id = acceptance->framework->id, *agent_id = acceptance->agent->id;
    struct resources converted;
    Mesos__V1__Filters defaults = MESOS__V1__FILTERS__INIT;

    if (acceptance->conversion_count > 0)
        allocator_update_allocation(allocator, framework_id, agent_id, &acceptance->offered, acceptance->conversions,
                                    acceptance->conversion_count);
    /* Upstream leaves what was resized out of the declined part and so loses what a SHRINK_VOLUME sets free. */
    resources_add(&acceptance->remaining, &acceptance->resized);
    resources_copy(&converted, &acceptance->remaining);
    resources_subtract(&converted, &acceptance->offered);
    resources_subtract(&acceptance->remaining, &converted);
    allocator_pause(allocator);
    if (!resources_is_empty(&converted))
        allocator_recover_resources(allocator, framework_id, agent_id, &converted, NULL, false);
    if (!resources_is_empty(&acceptance->remaining))
        allocator_recover_resources(allocator, framework_id, agent_id, &acceptance->remaining,
                                    filters == NULL ? &defaults : filters, false);
    if (!resources_is_empty(&acceptance->launched))
        allocator_transition_offered_to_allocated(allocator, agent_id, &acceptance->launched);
    allocator_resume(allocator);
    resources_done(&converted);
}

static void done(struct acceptance *acceptance) {
    resources_done(&acceptance->offered);
    resources_done(&acceptance->remaining);
    resources_done(&acceptance->remaining_shared);
    resources_done(&acceptance->launched);
    resources_done(&acceptance->resized);
    resource_conversions_free(acceptance->conversions, acceptance->conversion_count);
    name_release(acceptance->role);
}

int call_accept(struct framework *framework, Mesos__V1__Scheduler__Call *call, struct arena *arena, struct error *err) {
    const Mesos__V1__Scheduler__Call__Accept *accept = call->accept;
    struct error cleanup_error invalid = ERROR_INIT;
    struct acceptance acceptance;

    count_operations(framework->master, accept);
    if (accept->n_offer_ids == 0)
        error_set(&invalid, 0, "No offers specified");
    else
        validate_offers(framework->master, framework, accept->offer_ids, accept->n_offer_ids, &invalid);
    if (invalid.message != NULL) {
        reject_call(framework, accept, invalid.message);
        return 0;
    }
    begin(&acceptance, framework, accept, arena);
    log_info("Processing ACCEPT call of framework %s for %zu offers on agent %s", framework->id, accept->n_offer_ids,
             acceptance.agent->id);
    for (size_t i = 0; i < accept->n_operations; i++)
        apply(&acceptance, accept->operations[i]);
    finish(&acceptance, accept->filters);
    done(&acceptance);
    return 0;
}
