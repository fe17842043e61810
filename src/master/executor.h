/* SPDX-License-Identifier: Apache-2.0 */
/* An executor that runs, or is about to, on an agent. Command executors, which the agent makes, are not among them. */
#pragma once

#include "base/list.h"
#include "model/resources.h"

struct agent;
struct framework;
struct master;

struct executor {
    char *key; /* "<framework id>/<executor id>": in agent->executors; framework ids hold no slash */
    struct framework *framework;
    struct agent *agent;
    struct list in_framework; /* framework->executors */
    Mesos__V1__ExecutorInfo *info;
    struct resources resources;
};

/* Find the executor called @executor_id of the framework on @agent, or NULL. */
struct executor *executor_find(const struct agent *agent, const char *framework_id, const char *executor_id);
/* Add an executor with a copy of @info; its resources count as used from now on. */
struct executor *executor_add(struct agent *agent, struct framework *framework, const Mesos__V1__ExecutorInfo *info);
/* Take it out of all tables and recover its resources, also at the allocator. [Master::removeExecutor] */
void executor_remove(struct master *master, struct executor *executor);
/* As executor_remove() without a word to the allocator, which forgets the agent or framework as a whole. */
void executor_forget(struct executor *executor);
