/* SPDX-License-Identifier: Apache-2.0 */
/* The flags of mesos-execute, and the tasks that they describe. */
#pragma once

#include "base/flags.h"
#include "mesos/v1/scheduler/scheduler.pb-c.h"

struct execute_flags {
    char *master, *task, *task_group, *name, *command, *env, *resources, *framework_capabilities, *rlimits, *role;
    char *principal, *secret, *content_type;
    bool shell, checkpoint, partition_aware;
    int64_t kill_after_ns; /* 0: never */
};

extern const struct flag_table execute_flag_table;

/* Rules between flags. */
int execute_flags_check(const struct execute_flags *flags, struct error *err);

/* The tasks to run, on the heap: one, or those of the group. Their agent ids are empty. */
int execute_tasks(const struct execute_flags *flags, Mesos__V1__TaskInfo ***ret, size_t *ret_count, struct error *err);

/* The framework to subscribe as, on the heap. */
int execute_framework(const struct execute_flags *flags, Mesos__V1__FrameworkInfo **ret, struct error *err);
