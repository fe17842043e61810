/* SPDX-License-Identifier: Apache-2.0 */
/* What peers may ask for: pure functions that look and say why not, and change nothing. The rules and their order are
 * those of Mesos's src/master/validation.cpp; what agents look at too is in model/validation.h. */
#pragma once

#include "mesos/internal/messages.pb-c.h"
#include "mesos/v1/scheduler/scheduler.pb-c.h"
#include "model/resources.h"
#include "model/validation.h"

struct agent;
struct agent_capabilities;
struct framework;
struct master;

/* Calls: that what the type needs is there. */
int validate_call(const Mesos__V1__Scheduler__Call *call, struct error *err);

/* Frameworks */

int validate_framework(const Mesos__V1__FrameworkInfo *info, struct error *err);
/* Whether a framework may change from @old to @info. */
int validate_framework_update(const Mesos__V1__FrameworkInfo *old, const Mesos__V1__FrameworkInfo *info,
                              struct error *err);
/* Suppressed roles and those with offer constraints must be roles of the framework. @constraints may be NULL. */
int validate_framework_options(const Mesos__V1__FrameworkInfo *info, char *const *suppressed_roles,
                               size_t suppressed_count, const Mesos__V1__Scheduler__OfferConstraints *constraints,
                               struct error *err);

/* Agents */

/* "1.11.0"; at least 1.0.0. @version may be NULL. */
int validate_agent_version(const char *version, struct error *err);
int validate_register_agent(const Mesos__Internal__RegisterSlaveMessage *message, struct error *err);
int validate_reregister_agent(const Mesos__Internal__ReregisterSlaveMessage *message, struct error *err);

/* Parts of tasks, executors and operations */

/* GPUs are whole, volumes are complete, dynamic reservations are not revocable. [validation::resource::validate] */
int validate_resources(Mesos__V1__Resource *const *resources, size_t count, struct error *err);
/* A persistence id is used once in a role. */
int validate_unique_persistence_ids(const struct resources *resources, struct error *err);
int validate_one_allocation_role(Mesos__V1__Resource *const *resources, size_t count, struct error *err);
/* A name is used as revocable or as not revocable, but not as both. */
int validate_not_mixed_revocable(const struct resources *resources, struct error *err);
int validate_persistent_volumes(Mesos__V1__Resource *const *volumes, size_t count, struct error *err);
/* All are of one resource provider, or all of the agent; none at all are refused. [validateSingleResourceProvider] */
int validate_one_provider(Mesos__V1__Resource *const *resources, size_t count, struct error *err);
/* What can be said of an executor without its framework. */
int validate_executor_info(const Mesos__V1__ExecutorInfo *executor, struct error *err);

/* Launches: @offered is what is left of the accepted offers. Resources in @task are in the newest format and allocated.
 */
int validate_task(const Mesos__V1__TaskInfo *task, const struct framework *framework, const struct agent *agent,
                  const struct resources *offered, struct error *err);
int validate_task_group(const Mesos__V1__TaskGroupInfo *group, const Mesos__V1__ExecutorInfo *executor,
                        const struct framework *framework, const struct agent *agent, const struct resources *offered,
                        struct error *err);

/* Offers: known, each once, of the framework, of one role and one agent. */
int validate_offers(const struct master *master, const struct framework *framework,
                    Mesos__V1__OfferID *const *offer_ids, size_t count, struct error *err);
int validate_inverse_offers(const struct master *master, const struct framework *framework,
                            Mesos__V1__OfferID *const *offer_ids, size_t count, struct error *err);

/* Operations: @framework is NULL for those of operators, whose @principal may be NULL. */
int validate_reserve(const Mesos__V1__Offer__Operation__Reserve *reserve, const struct agent_capabilities *agent,
                     const struct framework *framework, const char *principal, struct error *err);
int validate_unreserve(const Mesos__V1__Offer__Operation__Unreserve *unreserve, struct error *err);
int validate_create(const Mesos__V1__Offer__Operation__Create *create, const struct agent *agent,
                    const struct framework *framework, const char *principal, struct error *err);
int validate_destroy(const Mesos__V1__Offer__Operation__Destroy *destroy, const struct agent *agent, struct error *err);
int validate_grow_volume(const Mesos__V1__Offer__Operation__GrowVolume *grow, const struct agent_capabilities *agent,
                         struct error *err);
int validate_shrink_volume(const Mesos__V1__Offer__Operation__ShrinkVolume *shrink,
                           const struct agent_capabilities *agent, struct error *err);
int validate_create_disk(const Mesos__V1__Offer__Operation__CreateDisk *create, struct error *err);
int validate_destroy_disk(const Mesos__V1__Offer__Operation__DestroyDisk *destroy, struct error *err);
