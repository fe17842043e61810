/* SPDX-License-Identifier: Apache-2.0 */
/* A custom executor: callbacks that a program provides, and the driver that it calls. The program is started by an
 * agent, whose environment variables tell the driver where to connect.
 *
 * Threads are as for the scheduler: callbacks one at a time on the driver's own thread, never after stop or abort has
 * returned; driver functions from any thread. */
#ifndef MESOS_EXECUTOR_H
#define MESOS_EXECUTOR_H

#include <mesos/mesos.h>

#ifdef __cplusplus
extern "C" {
#endif

struct mesos_executor_driver;

/* Any member may be NULL. @user is what the driver was made with. */
struct mesos_executor {
    /* The agent has accepted the executor; @executor->data is what the scheduler put there. */
    void (*registered)(struct mesos_executor_driver *driver, void *user, const Mesos__V1__ExecutorInfo *executor,
                       const Mesos__V1__FrameworkInfo *framework, const Mesos__V1__AgentInfo *agent);
    /* The agent was restarted and has accepted the executor again. */
    void (*reregistered)(struct mesos_executor_driver *driver, void *user, const Mesos__V1__AgentInfo *agent);
    /* The agent went away; it may come back. */
    void (*disconnected)(struct mesos_executor_driver *driver, void *user);
    /* Begin a task. No other callback comes until this returns: long work belongs on another thread. */
    void (*launch_task)(struct mesos_executor_driver *driver, void *user, const Mesos__V1__TaskInfo *task);
    /* End a task. No update is sent on the executor's behalf. */
    void (*kill_task)(struct mesos_executor_driver *driver, void *user, const Mesos__V1__TaskID *task_id);
    /* Bytes from the scheduler; best effort. */
    void (*framework_message)(struct mesos_executor_driver *driver, void *user, const void *data, size_t size);
    /* End everything, then call mesos_executor_driver_stop(). No callback follows; updates can still be sent. After the
     * grace period the processes of this process's group are killed, by the agent or, if that is gone, by the driver. A
     * driver without this callback stops by itself. */
    void (*shutdown)(struct mesos_executor_driver *driver, void *user);
    /* Something that can not be mended; the driver is aborted before this is called. */
    void (*error)(struct mesos_executor_driver *driver, void *user, const char *message);
};

/* @callbacks and @user must outlive the driver. NULL if the environment is not that of an executor; *@ret_error (may be
 * NULL) then says why and is freed by the caller. */
MESOS_API struct mesos_executor_driver *mesos_executor_driver_new(const struct mesos_executor *callbacks, void *user,
                                                                  char **ret_error);
/* Aborts a driver that runs, waits for its thread and frees it. Not from a callback. Accepts NULL. */
MESOS_API void mesos_executor_driver_free(struct mesos_executor_driver *driver);

MESOS_API enum mesos_status mesos_executor_driver_start(struct mesos_executor_driver *driver);
/* End. Updates that the agent has not acknowledged are waited for, for some seconds; from a callback, join() waits for
 * them instead. */
MESOS_API enum mesos_status mesos_executor_driver_stop(struct mesos_executor_driver *driver);
MESOS_API enum mesos_status mesos_executor_driver_abort(struct mesos_executor_driver *driver);
MESOS_API enum mesos_status mesos_executor_driver_join(struct mesos_executor_driver *driver);
MESOS_API enum mesos_status mesos_executor_driver_run(struct mesos_executor_driver *driver);

/* Tell the scheduler a task's state; sent until the agent has acknowledged it. Source, timestamp, uuid and ids are
 * filled in. TASK_STAGING is the master's to say: it is an error that aborts the driver. */
MESOS_API enum mesos_status mesos_executor_driver_send_status_update(struct mesos_executor_driver *driver,
                                                                     const Mesos__V1__TaskStatus *status);
/* Bytes for the scheduler; best effort. */
MESOS_API enum mesos_status mesos_executor_driver_send_framework_message(struct mesos_executor_driver *driver,
                                                                         const void *data, size_t size);

#ifdef __cplusplus
}
#endif

#endif
