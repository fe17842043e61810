/* SPDX-License-Identifier: Apache-2.0 */
/* Operations as schedulers of any age send them, brought into the one form that is worked with. */
#pragma once

#include "base/arena.h"
#include "base/error.h"
#include "mesos/v1/mesos.pb-c.h"

struct framework;

/* Check the resources in @operation (tasks of a LAUNCH are left to validate_task()), bring them into the newest format,
 * allocate to @role what names no role, and fill in what older schedulers leave out. What is missing of the operation
 * itself is an error, too. */
int normalize_operation(Mesos__V1__Offer__Operation *operation, const char *role, const struct framework *framework,
                        struct arena *arena, struct error *err);

/* A task's own and its executor's resources, and what else older schedulers leave out. */
int normalize_task(Mesos__V1__TaskInfo *task, const char *role, const struct framework *framework, struct arena *arena,
                   struct error *err);

/* For agents without the RESERVATION_REFINEMENT capability: the old format. */
void downgrade_task(Mesos__V1__TaskInfo *task, struct arena *arena);
void downgrade_resources(Mesos__V1__Resource **resources, size_t count, struct arena *arena);
