/* SPDX-License-Identifier: Apache-2.0 */
/* One ACCEPT call on its way: what the offers held, and what its operations leave of it. */
#pragma once

#include "base/arena.h"
#include "base/error.h"
#include "mesos/v1/scheduler/scheduler.pb-c.h"
#include "model/resources.h"
#include "model/task_state.h"

struct agent;
struct framework;
struct master;

struct acceptance {
    struct master *master;
    struct framework *framework;
    struct agent *agent;
    const char *role; /* held: what the offers were allocated to */
    struct arena *arena;

    struct resources offered;   /* all offers together */
    struct resources remaining; /* what later operations can use */
    /* Shared resources are not used up by the tasks of this call: several may use one copy. */
    struct resources remaining_shared;
    struct resources launched; /* what tasks and executors took */
    struct resources resized;  /* volumes that were resized: handed back, but not for later operations of this call */
    struct resource_conversion *conversions; /* for the allocator, in order */
    size_t conversion_count;
};

/* Take over @conversions (and release the array). */
void acceptance_add_conversions(struct acceptance *acceptance, struct resource_conversion *conversions, size_t count);

/* One operation each: its resources are valid, in the newest format and allocated. An operation that cannot be done is
 * answered to the framework and leaves everything as it was. */
typedef void accept_operation(struct acceptance *acceptance, Mesos__V1__Offer__Operation *operation);
accept_operation accept_launch, accept_launch_group, accept_reserve, accept_unreserve, accept_create, accept_destroy,
    accept_grow_volume, accept_shrink_volume, accept_create_disk, accept_destroy_disk;

/* Answers */

/* A task that is not launched gets @state (TASK_ERROR, TASK_LOST, TASK_DROPPED). */
void reject_task(struct framework *framework, const Mesos__V1__TaskInfo *task, enum task_state state,
                 Mesos__V1__TaskStatus__Reason reason, const char *message);
/* All tasks of a LAUNCH or LAUNCH_GROUP; does nothing for other operations. */
void reject_tasks(struct framework *framework, const Mesos__V1__Offer__Operation *operation, enum task_state state,
                  Mesos__V1__TaskStatus__Reason reason, const char *message);
/* An operation without tasks gets OPERATION_ERROR, if it asked for feedback. [Master::drop] */
void reject_operation(struct framework *framework, const Mesos__V1__Offer__Operation *operation, const char *message);
bool operation_has_tasks(const Mesos__V1__Offer__Operation *operation);
