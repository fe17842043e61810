/* SPDX-License-Identifier: Apache-2.0 */
/* libmesos: what scheduler and executor programs share: the driver's status, messages and short ways to build them.
 *
 * Messages are the structs that protobuf-c generates from Mesos's published v1 files ("Mesos__V1__TaskInfo", …),
 * included from here. A message given to the library is copied or used during the call: it stays the caller's. A
 * message given to a callback is valid until the callback returns; mesos_message_copy() keeps it. */
#ifndef MESOS_MESOS_H
#define MESOS_MESOS_H

#include <stdbool.h>
#include <stddef.h>

#include <mesos/v1/mesos.pb-c.h>
#include <mesos/v1/scheduler/scheduler.pb-c.h>

#ifdef __cplusplus
extern "C" {
#endif

#define MESOS_API __attribute__((visibility("default")))

/* The version of this library: that of the Mesos whose behaviour it has, "1.11.0". */
MESOS_API const char *mesos_version(void);

/* What every driver call returns. A call in a state that does not allow it changes nothing and returns that state. */
enum mesos_status {
    MESOS_DRIVER_NOT_STARTED = 1,
    MESOS_DRIVER_RUNNING = 2,
    MESOS_DRIVER_ABORTED = 3,
    MESOS_DRIVER_STOPPED = 4,
};

/* "DRIVER_RUNNING" and so on; never NULL. */
MESOS_API const char *mesos_status_name(enum mesos_status status);

/* A deep copy of any message, to be freed with mesos_message_free(). @message must not be NULL. */
MESOS_API void *mesos_message_copy(const void *message);
/* Free a message made by this library (mesos_message_copy(), mesos_…_new()). Accepts NULL. */
MESOS_API void mesos_message_free(void *message);

/* A framework that runs as @user ("" for the current one) under @name. Add what else it needs to the struct; strings
 * that are added must come from malloc(3), since mesos_message_free() frees them. */
MESOS_API Mesos__V1__FrameworkInfo *mesos_framework_info_new(const char *user, const char *name);

/* A task that runs @command in a shell (NULL: none; then set an executor) with @resources, as "cpus:1;mem:128". NULL if
 * the resources can not be read; *@ret_error (may be NULL) then says why and is freed by the caller. */
MESOS_API Mesos__V1__TaskInfo *mesos_task_info_new(const char *task_id, const char *name, const char *agent_id,
                                                   const char *command, const char *resources, char **ret_error);

/* An executor that is started as @command in a shell. @resources may be NULL. NULL on error, as above. */
MESOS_API Mesos__V1__ExecutorInfo *mesos_executor_info_new(const char *executor_id, const char *name,
                                                           const char *command, const char *resources,
                                                           char **ret_error);

/* Give @task the executor @executor (copied), replacing a command. */
MESOS_API void mesos_task_info_set_executor(Mesos__V1__TaskInfo *task, const Mesos__V1__ExecutorInfo *executor);
/* Bytes that travel with the task, copied. */
MESOS_API void mesos_task_info_set_data(Mesos__V1__TaskInfo *task, const void *data, size_t size);

/* The status of @task_id in @state; @message may be NULL. */
MESOS_API Mesos__V1__TaskStatus *mesos_task_status_new(const char *task_id, Mesos__V1__TaskState state,
                                                       const char *message);

/* How much of the scalar @name there is in @resources, all roles together. */
MESOS_API double mesos_resources_scalar(Mesos__V1__Resource *const *resources, size_t count, const char *name);
/* Whether @available hold at least the scalars, ranges and sets of @wanted (text as above), roles disregarded. */
MESOS_API bool mesos_resources_contain(Mesos__V1__Resource *const *available, size_t count, const char *wanted);

/* "TASK_RUNNING" and so on; "TASK_UNKNOWN" for what has no name. */
MESOS_API const char *mesos_task_state_name(Mesos__V1__TaskState state);
/* Whether no other state can follow. */
MESOS_API bool mesos_task_state_is_terminal(Mesos__V1__TaskState state);

#ifdef __cplusplus
}
#endif

#endif
