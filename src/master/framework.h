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

struct offer_constraints; /* allocator/allocator.h */

struct framework_capabilities {
    bool revocable_resources, task_killing_state, gpu_resources, shared_resources, partition_aware, multi_role,
        reservation_refinement, region_aware;
};

struct framework {
    char *id;
    Mesos__V1__FrameworkID id_message; /* for the messages of its tasks, which share it */
    struct master *master;
    enum framework_state state;
    bool is_active; /* gets offers; only while connected */
    struct connection connection;
    struct pid lost_pid; /* of the driver whose link broke, while disconnected; else its id is "" */

    Mesos__V1__FrameworkInfo *info;
    struct framework_capabilities capabilities;
    const char **roles; /* held names, sorted, without duplicates */
    size_t role_count;
    const char **suppressed_roles; /* held names, sorted: those without offers */
    size_t suppressed_count;
    Mesos__V1__Scheduler__OfferConstraints *offer_constraints; /* or NULL */

    /* Wall-clock times, 0 while it has not happened. */
    int64_t registered_ns, reregistered_ns, unregistered_ns;
    struct env_timer failover; /* runs while disconnected */

    struct table tasks;             /* of struct task by id: those on registered agents */
    struct table unreachable_tasks; /* of struct task by id, the oldest first */
    struct list completed_tasks;    /* of struct task, the oldest first */
    struct table completed_by_id;   /* the same by id; of several with one id the newest */
    size_t completed_task_count;
    uint64_t next_history_number;
    struct list offers; /* of struct offer */
    size_t offer_count;
    struct list inverse_offers; /* of struct inverse_offer */
    struct list executors;      /* of struct executor */
    struct table operations;    /* of struct operation that carry an id, by id */
    struct list all_operations; /* of struct operation */

    struct resources used;    /* by tasks and executors */
    struct resources offered; /* in outstanding offers */
    struct framework_metrics metrics;
};

/* A framework with a copy of @info, whose id must be set; in no table, not connected, RECOVERED. */
struct framework *framework_new(struct master *master, const Mesos__V1__FrameworkInfo *info);
void framework_free(struct framework *framework); /* accepts NULL */

/* Replace the info and what follows from it (capabilities, roles). */
void framework_set_info(struct framework *framework, const Mesos__V1__FrameworkInfo *info);
void framework_set_offer_constraints(struct framework *framework,
                                     const Mesos__V1__Scheduler__OfferConstraints *constraints);

static inline bool framework_is_connected(const struct framework *framework) {
    return framework->state == FRAMEWORK_CONNECTED;
}
bool framework_has_role(const struct framework *framework, const char *role);

/* The suppressed roles from now on, which must be roles of it. */
void framework_set_suppressed(struct framework *framework, char *const *roles, size_t count);
/* Add to the suppressed roles, or take away from them; no roles: all. */
void framework_suppress(struct framework *framework, char *const *roles, size_t count, bool is_suppressed);

/* The one place where the state changes. */
void framework_set_state(struct framework *framework, enum framework_state state);

/* "<id> (<name>)", and where its driver is, for logs. */
#define FRAMEWORK_TEXT_BYTES 512
const char *framework_text(const struct framework *framework, char text[FRAMEWORK_TEXT_BYTES]);

/* Find one that has not been removed, or NULL. */
struct framework *framework_find(const struct master *master, const char *id);
bool framework_is_completed(const struct master *master, const char *id);

/* Take over a task that has ended, or whose agent is unreachable, into the history; the oldest one may go. */
void framework_add_completed_task(struct framework *framework, struct task *task);
void framework_add_unreachable_task(struct framework *framework, struct task *task);
/* Drop what the history holds of the task, which is there again. */
struct task *framework_find_completed_task(const struct framework *framework, const char *task_id); /* or NULL */
void framework_forget_task(struct framework *framework, const char *task_id);

/* Sending */

/* Send an event, and count it. Dropped, with a log line, while not connected. */
void framework_send(struct framework *framework, Mesos__V1__Scheduler__Event *event);
void framework_send_subscribed(struct framework *framework, bool is_reregistration);
void framework_send_error(struct framework *framework, const char *message);
/* An update; with a uuid it is one that the framework must acknowledge, and the task remembers that.
 * [Master::forward] */
void framework_send_update(struct framework *framework, const Mesos__V1__TaskStatus *status);
/* FAILURE: an agent was lost (@executor_id NULL), or an executor exited. */
void framework_send_failure(struct framework *framework, const char *agent_id, const char *executor_id, int status);
void framework_send_operation_status(struct framework *framework, const Mesos__V1__OperationStatus *status);
void framework_send_rescind(struct framework *framework, const char *offer_id, bool is_inverse);

/* Life */

/* Put a new one into the master's and the allocator's tables. @constraints is taken over and may be NULL. Every role in
 * @suppressed_roles must be one of its own. [Master::addFramework] */
void framework_add(struct framework *framework, char *const *suppressed_roles, size_t suppressed_count,
                   struct offer_constraints *constraints);
/* Add a framework that the master knows from an agent, or from its claim to be one of an earlier master.
 * [Master::recoverFramework] */
struct framework *framework_recover(struct master *master, const Mesos__V1__FrameworkInfo *info);
/* A checked new info, suppressed roles and constraints. [Master::updateFramework] */
void framework_update(struct framework *framework, const Mesos__V1__FrameworkInfo *info, char *const *suppressed_roles,
                      size_t suppressed_count, const Mesos__V1__Scheduler__OfferConstraints *constraints_message,
                      struct offer_constraints *constraints);
/* It is connected now, on framework->connection: gets offers. */
void framework_connected(struct framework *framework);
/* No offers any more; the outstanding ones are taken back, with RESCIND if @rescind. */
void framework_deactivate(struct framework *framework, bool rescind);
/* Another scheduler has subscribed, or the same one again: the older one is told and disconnected, the outstanding
 * offers, which the new one does not know, are taken back. Does little for a framework that is not connected.
 * [Master::failoverFramework] */
void framework_fail_over(struct framework *framework);
/* The connection is lost: deactivate, and wait for the failover timeout. [Master::_exited] */
void framework_disconnected(struct framework *framework);
/* What connections call: framework_disconnected() on theirs. */
void framework_on_connection_lost(struct connection *connection);
/* End it for good: its tasks are killed and it goes into the history. [Master::removeFramework] */
void framework_remove(struct framework *framework);
/* Tell one agent of its info and address. */
void framework_send_info(struct framework *framework, struct agent *agent);
/* Tell the agents that run it of its new info or address. [Master::sendFrameworkUpdates] */
void framework_broadcast_info(struct framework *framework);
