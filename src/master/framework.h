/* SPDX-License-Identifier: Apache-2.0 */
/* A framework: who it is, how its scheduler is reached, and everything it holds in the cluster. */
#pragma once

#include "base/table.h"
#include "master/connection.h"
#include "master/framework_metrics.h"
#include "master/offer.h"
#include "master/task.h"

/*
 *     (SUBSCRIBE) --> CONNECTED <----> DISCONNECTED --(failover timeout)--> COMPLETED
 *                        ^  |                                                  ^
 *     (an agent tells) --'  '--------------------(teardown)--------------------'
 *        = RECOVERED
 *
 * RECOVERED: an agent runs its tasks, but the scheduler has not subscribed with this master yet. */
enum framework_state { FRAMEWORK_RECOVERED, FRAMEWORK_CONNECTED, FRAMEWORK_DISCONNECTED, FRAMEWORK_COMPLETED };

struct framework_capabilities {
    bool revocable_resources, task_killing_state, gpu_resources, shared_resources, partition_aware, multi_role,
        reservation_refinement, region_aware;
};

struct framework {
    char *id;
    struct master *master;
    enum framework_state state;
    bool is_active; /* gets offers; only while connected */
    struct connection connection;

    Mesos__V1__FrameworkInfo *info;
    struct arena *info_arena; /* of info; replaced with it */
    struct framework_capabilities capabilities;
    const char **roles; /* held names, sorted, without duplicates */
    size_t role_count;
    const char **suppressed_roles; /* held names, sorted: those without offers */
    size_t suppressed_count;
    Mesos__V1__Scheduler__OfferConstraints *offer_constraints; /* in info_arena, or NULL */

    /* Wall-clock times, 0 while it has not happened. */
    int64_t registered_ns, reregistered_ns, unregistered_ns;
    struct env_timer failover; /* runs while disconnected */

    struct table tasks;             /* of struct task by id: those on registered agents */
    struct table unreachable_tasks; /* of struct task by id, the oldest first */
    struct list completed_tasks;    /* of struct task, the oldest first */
    size_t completed_task_count;
    struct list offers; /* of struct offer */
    size_t offer_count;
    struct list inverse_offers; /* of struct inverse_offer */
    struct list executors;      /* of struct executor */
    struct table operations;    /* of struct operation that carry an id, by id */
    struct list all_operations; /* of struct operation */

    struct resources used;    /* by tasks and executors */
    struct resources offered; /* in outstanding offers */
    struct framework_metrics metrics;
    struct list in_completed; /* master->completed_frameworks */
};

/* A framework with a copy of @info, whose id must be set; in no table, not connected. */
struct framework *framework_new(struct master *master, const Mesos__V1__FrameworkInfo *info);
void framework_free(struct framework *framework); /* accepts NULL */

/* Replace the info and what follows from it (capabilities, roles). */
void framework_set_info(struct framework *framework, const Mesos__V1__FrameworkInfo *info);
void framework_set_offer_constraints(struct framework *framework,
                                     const Mesos__V1__Scheduler__OfferConstraints *constraints);
void framework_set_suppressed(struct framework *framework, char *const *roles, size_t count, bool is_suppressed);

static inline bool framework_is_connected(const struct framework *framework) {
    return framework->state == FRAMEWORK_CONNECTED;
}
bool framework_has_role(const struct framework *framework, const char *role);

/* The one place where the state changes. */
void framework_set_state(struct framework *framework, enum framework_state state);

/* "0001-0000 (name) at scheduler(1)@10.0.0.1:1234", for logs; valid until the next call for this buffer. */
#define FRAMEWORK_TEXT_BYTES 512
const char *framework_text(const struct framework *framework, char text[FRAMEWORK_TEXT_BYTES]);

/* Find one that has not been removed, or NULL. */
struct framework *framework_find(const struct master *master, const char *id);
bool framework_is_completed(const struct master *master, const char *id);

/* Send an event, and count it. Dropped, with a log line, while not connected. */
void framework_send(struct framework *framework, const Mesos__V1__Scheduler__Event *event);
void framework_send_error(struct framework *framework, const char *message);

/* The scheduler is to get offers, or no more; then its outstanding ones are taken back, with RESCIND if @rescind. */
void framework_activate(struct framework *framework);
void framework_deactivate(struct framework *framework, bool rescind);
/* The connection is lost: deactivate and wait for the failover timeout. [Master::_exited] */
void framework_disconnected(struct framework *framework);
/* Add a framework that the master knows from an agent only. [Master::recoverFramework] */
struct framework *framework_recover(struct master *master, const Mesos__V1__FrameworkInfo *info);
/* Put it into the master's and the allocator's tables. */
void framework_add(struct framework *framework, char *const *suppressed_roles, size_t suppressed_count,
                   const Mesos__V1__Scheduler__OfferConstraints *constraints, struct offer_constraints *compiled);
/* End it for good: its tasks are killed and it goes into the history. [Master::removeFramework] */
void framework_remove(struct framework *framework);
/* Tell the agents that run it of its new info or address. [Master::sendFrameworkUpdates] */
void framework_broadcast_info(struct framework *framework);
