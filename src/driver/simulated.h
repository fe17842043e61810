/* SPDX-License-Identifier: Apache-2.0 */
/* Drivers on a given env. On that of a node of the simulated cluster they have no thread: callbacks come while the
 * test runs the world, and all else is as in mesos/scheduler.h and mesos/executor.h. */
#pragma once

#include "client/executor_client.h"
#include "mesos/executor.h"
#include "mesos/scheduler.h"

/* @env: NULL for a thread and a loop of the driver's own, as the public functions have it. */
struct mesos_scheduler_driver *scheduler_driver_new_on(struct env *env, const struct mesos_scheduler *callbacks,
                                                       void *user, const Mesos__V1__FrameworkInfo *framework,
                                                       const char *master,
                                                       const struct mesos_scheduler_driver_options *options,
                                                       struct error *err);
/* The strings of @options must outlive the start. */
struct mesos_executor_driver *executor_driver_new_on(struct env *env, const struct executor_client_options *options,
                                                     const struct mesos_executor *callbacks, void *user,
                                                     struct error *err);
