/* SPDX-License-Identifier: Apache-2.0 */
/* The scheduler of a framework: callbacks that a program provides, and the driver that it calls.
 *
 * The driver runs a thread of its own. Callbacks are called on it one at a time, and never after
 * mesos_scheduler_driver_stop() or …_abort() has returned (which wait for one that runs on the driver's thread, for at
 * most 10 s: it may itself wait for a lock that their caller holds). Every driver function may be called from any
 * thread, callbacks included. */
#ifndef MESOS_SCHEDULER_H
#define MESOS_SCHEDULER_H

#include <mesos/mesos.h>

#ifdef __cplusplus
extern "C" {
#endif

struct mesos_scheduler_driver;

/* Any member may be NULL. @user is what the driver was made with. */
struct mesos_scheduler {
    /* The framework is registered for the first time; @framework_id is new and made by the master. Once. */
    void (*registered)(struct mesos_scheduler_driver *driver, void *user, const Mesos__V1__FrameworkID *framework_id,
                       const Mesos__V1__MasterInfo *master);
    /* Registered again: with a new or restarted master, or by a scheduler that takes over a known framework id. */
    void (*reregistered)(struct mesos_scheduler_driver *driver, void *user, const Mesos__V1__MasterInfo *master);
    /* The master went away. Offers held are void from now on. */
    void (*disconnected)(struct mesos_scheduler_driver *driver, void *user);
    /* Resources that can be used, each offer on one agent. */
    void (*resource_offers)(struct mesos_scheduler_driver *driver, void *user, Mesos__V1__Offer *const *offers,
                            size_t count);
    /* An offer is no longer valid. */
    void (*offer_rescinded)(struct mesos_scheduler_driver *driver, void *user, const Mesos__V1__OfferID *offer_id);
    /* Maintenance is planned on the agents of these offers: resources are asked back. */
    void (*inverse_offers)(struct mesos_scheduler_driver *driver, void *user, Mesos__V1__InverseOffer *const *offers,
                           size_t count);
    void (*inverse_offer_rescinded)(struct mesos_scheduler_driver *driver, void *user,
                                    const Mesos__V1__OfferID *offer_id);
    /* A task changed its state. With implicit acknowledgements the update is acknowledged when this returns. */
    void (*status_update)(struct mesos_scheduler_driver *driver, void *user, const Mesos__V1__TaskStatus *status);
    /* The answer to an operation that was given an id (reserve, create, …). */
    void (*operation_status_update)(struct mesos_scheduler_driver *driver, void *user,
                                    const Mesos__V1__OperationStatus *status);
    /* Bytes from an executor; best effort. */
    void (*framework_message)(struct mesos_scheduler_driver *driver, void *user,
                              const Mesos__V1__ExecutorID *executor_id, const Mesos__V1__AgentID *agent_id,
                              const void *data, size_t size);
    /* An agent is unreachable or gone (v0: slaveLost). */
    void (*agent_lost)(struct mesos_scheduler_driver *driver, void *user, const Mesos__V1__AgentID *agent_id);
    /* An executor ended; @status is its wait(2) status, -1 if it is not known. */
    void (*executor_lost)(struct mesos_scheduler_driver *driver, void *user, const Mesos__V1__ExecutorID *executor_id,
                          const Mesos__V1__AgentID *agent_id, int status);
    /* Something that can not be mended; the driver is aborted before this is called. */
    void (*error)(struct mesos_scheduler_driver *driver, void *user, const char *message);
};

struct mesos_scheduler_driver_options {
    bool
        explicit_acknowledgements; /* mesos_scheduler_driver_acknowledge_status_update() acknowledges, not the driver */
    const char *principal, *secret;      /* for masters that ask who we are; NULL: nobody */
    const char *const *suppressed_roles; /* roles for which no offers are wanted at first */
    size_t suppressed_role_count;
    const Mesos__V1__Scheduler__OfferConstraints *offer_constraints; /* which agents' offers are wanted; NULL: all */
};

/* A driver for @framework with the master at @master: "host:port"; "zk://[user:password@]host1:port1,host2/path" for
 * whichever leads by ZooKeeper; "file:///path" of a file that holds one of these; "local" for a cluster of the driver's
 * own (the program mesos-local with flags from MESOS_* variables), which ends with it, and leaves nothing behind unless
 * MESOS_WORK_DIR says where. @callbacks and @user must
 * outlive the driver; everything else is copied. @options may be NULL. Returns NULL if @master can not be understood or
 * resources are lacking; *@ret_error (may be NULL) then says why and is freed by the caller. */
MESOS_API struct mesos_scheduler_driver *
mesos_scheduler_driver_new(const struct mesos_scheduler *callbacks, void *user,
                           const Mesos__V1__FrameworkInfo *framework, const char *master,
                           const struct mesos_scheduler_driver_options *options, char **ret_error);
/* Aborts a driver that runs, waits for its thread and frees it. Not from a callback. Accepts NULL. */
MESOS_API void mesos_scheduler_driver_free(struct mesos_scheduler_driver *driver);

/* Connect and begin to call back. */
MESOS_API enum mesos_status mesos_scheduler_driver_start(struct mesos_scheduler_driver *driver);
/* End. Without @failover the framework is unregistered: its tasks and executors are shut down. With it they go on for
 * the framework's failover_timeout, for a driver with the same framework id to take over. Calls made before have
 * reached the master when this returns, unless it does not answer within some seconds; from a callback, join() waits
 * for that instead. */
MESOS_API enum mesos_status mesos_scheduler_driver_stop(struct mesos_scheduler_driver *driver, bool failover);
/* End without unregistering; join() then returns MESOS_DRIVER_ABORTED. */
MESOS_API enum mesos_status mesos_scheduler_driver_abort(struct mesos_scheduler_driver *driver);
/* Wait until the driver has been stopped or aborted and what had to be sent is sent (for at most some seconds). */
MESOS_API enum mesos_status mesos_scheduler_driver_join(struct mesos_scheduler_driver *driver);
/* Start and join. */
MESOS_API enum mesos_status mesos_scheduler_driver_run(struct mesos_scheduler_driver *driver);

/* Tell the master what would be welcome. */
MESOS_API enum mesos_status mesos_scheduler_driver_request_resources(struct mesos_scheduler_driver *driver,
                                                                     Mesos__V1__Request *const *requests, size_t count);
/* Launch tasks on the resources of offers of one agent; what they leave over is declined with @filters (may be NULL: 5
 * s). No tasks: a decline. */
MESOS_API enum mesos_status mesos_scheduler_driver_launch_tasks(struct mesos_scheduler_driver *driver,
                                                                const Mesos__V1__OfferID *const *offer_ids,
                                                                size_t offer_count,
                                                                const Mesos__V1__TaskInfo *const *tasks,
                                                                size_t task_count, const Mesos__V1__Filters *filters);
/* Apply operations in order, each on what the ones before it left. While disconnected, every task in them gets
 * TASK_LOST (TASK_DROPPED with the PARTITION_AWARE capability). */
MESOS_API enum mesos_status
mesos_scheduler_driver_accept_offers(struct mesos_scheduler_driver *driver, const Mesos__V1__OfferID *const *offer_ids,
                                     size_t offer_count, const Mesos__V1__Offer__Operation *const *operations,
                                     size_t operation_count, const Mesos__V1__Filters *filters);
MESOS_API enum mesos_status mesos_scheduler_driver_decline_offer(struct mesos_scheduler_driver *driver,
                                                                 const Mesos__V1__OfferID *offer_id,
                                                                 const Mesos__V1__Filters *filters);
/* Answer inverse offers. */
MESOS_API enum mesos_status mesos_scheduler_driver_accept_inverse_offers(struct mesos_scheduler_driver *driver,
                                                                         const Mesos__V1__OfferID *const *offer_ids,
                                                                         size_t count,
                                                                         const Mesos__V1__Filters *filters);
MESOS_API enum mesos_status mesos_scheduler_driver_decline_inverse_offers(struct mesos_scheduler_driver *driver,
                                                                          const Mesos__V1__OfferID *const *offer_ids,
                                                                          size_t count,
                                                                          const Mesos__V1__Filters *filters);
/* Dropped while disconnected, as everything that asks something of the master. */
MESOS_API enum mesos_status mesos_scheduler_driver_kill_task(struct mesos_scheduler_driver *driver,
                                                             const Mesos__V1__TaskID *task_id);
/* Ask an agent to shut one executor down. */
MESOS_API enum mesos_status mesos_scheduler_driver_shutdown_executor(struct mesos_scheduler_driver *driver,
                                                                     const Mesos__V1__ExecutorID *executor_id,
                                                                     const Mesos__V1__AgentID *agent_id);
/* Remove the filters and want offers again, for @roles or (count 0) for all. */
MESOS_API enum mesos_status mesos_scheduler_driver_revive_offers(struct mesos_scheduler_driver *driver,
                                                                 const char *const *roles, size_t count);
/* Want no offers, for @roles or (count 0) for all. */
MESOS_API enum mesos_status mesos_scheduler_driver_suppress_offers(struct mesos_scheduler_driver *driver,
                                                                   const char *const *roles, size_t count);
/* With explicit acknowledgements: @status has been dealt with. Statuses without a uuid need none and are ignored. With
 * implicit ones a call is a bug of the caller and aborts the process. */
MESOS_API enum mesos_status mesos_scheduler_driver_acknowledge_status_update(struct mesos_scheduler_driver *driver,
                                                                             const Mesos__V1__TaskStatus *status);
/* Bytes for an executor; best effort. */
MESOS_API enum mesos_status mesos_scheduler_driver_send_framework_message(struct mesos_scheduler_driver *driver,
                                                                          const Mesos__V1__ExecutorID *executor_id,
                                                                          const Mesos__V1__AgentID *agent_id,
                                                                          const void *data, size_t size);
/* Ask for the latest state of these tasks (their task_id and, where known, agent_id), or (count 0) of every task that
 * is not terminal. The answers are status updates without a uuid. */
MESOS_API enum mesos_status mesos_scheduler_driver_reconcile_tasks(struct mesos_scheduler_driver *driver,
                                                                   const Mesos__V1__TaskStatus *const *statuses,
                                                                   size_t count);
/* Change what the master knows of the framework. The whole of it: @framework, the suppressed roles and (may be NULL)
 * the offer constraints replace what was there. Before the framework is registered, or with another id in @framework,
 * this is an error that aborts the driver. */
MESOS_API enum mesos_status
mesos_scheduler_driver_update_framework(struct mesos_scheduler_driver *driver,
                                        const Mesos__V1__FrameworkInfo *framework, const char *const *suppressed_roles,
                                        size_t count, const Mesos__V1__Scheduler__OfferConstraints *constraints);

#ifdef __cplusplus
}
#endif

#endif
