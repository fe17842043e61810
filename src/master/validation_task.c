/* SPDX-License-Identifier: Apache-2.0 */
/* Tasks, executors and task groups of a launch. */
#include <math.h>
#include <string.h>

#include "base/log.h"
#include "master/agent.h"
#include "master/framework.h"
#include "master/validation.h"
#include "message/message.h"
#include "model/id.h"

/* What an executor should have at least: MIN_CPUS (0.01) and MIN_MEM (32 MB) of Mesos, in thousandths. */
enum { LEAST_CPUS = 10, LEAST_MEM = 32000 };

static bool shares_cgroups(const Mesos__V1__ContainerInfo *container, bool otherwise) {
    if (container == NULL || container->linux_info == NULL || !container->linux_info->has_share_cgroups)
        return otherwise;
    return container->linux_info->share_cgroups;
}

/* Executors */

static int check_executor_type(const Mesos__V1__ExecutorInfo *executor, struct error *err) {
    const Mesos__V1__ContainerInfo *container = executor->container;

    if (!executor->has_type)
        return 0;
    if (executor->type == MESOS__V1__EXECUTOR_INFO__TYPE__DEFAULT) {
        if (executor->command != NULL)
            return error_set(err, 0, "'ExecutorInfo.command' must not be set for 'DEFAULT' executor");
        if (container != NULL && container->type != MESOS__V1__CONTAINER_INFO__TYPE__MESOS)
            return error_set(err, 0, "'ExecutorInfo.container.type' must be 'MESOS' for 'DEFAULT' executor");
        if (container != NULL && container->mesos != NULL && container->mesos->image != NULL)
            return error_set(err, 0, "'ExecutorInfo.container.mesos.image' must not be set for 'DEFAULT' executor");
    } else if (executor->type == MESOS__V1__EXECUTOR_INFO__TYPE__CUSTOM && executor->command == NULL) {
        return error_set(err, 0, "'ExecutorInfo.command' must be set for 'CUSTOM' executor");
    }
    return 0;
}

int validate_executor_info(const Mesos__V1__ExecutorInfo *executor, struct error *err) {
    if (check_executor_type(executor, err) < 0 || id_validate(executor->executor_id->value, err) < 0)
        return -1;
    if (executor->shutdown_grace_period != NULL && executor->shutdown_grace_period->nanoseconds < 0)
        return error_set(err, 0, "ExecutorInfo's 'shutdown_grace_period' must be non-negative");
    if (executor->command != NULL && validate_command(executor->command, err) < 0)
        return error_wrap(err, "Executor's `CommandInfo` is invalid");
    if (executor->container != NULL && validate_container(executor->container, err) < 0)
        return error_wrap(err, "Executor's `ContainerInfo` is invalid");
    return 0;
}

static int check_executor_resources(const Mesos__V1__ExecutorInfo *executor, const struct resources *resources,
                                    struct error *err) {
    if (validate_resources(executor->resources, executor->n_resources, err) < 0)
        return error_wrap(err, "Executor uses invalid resources");
    if (validate_unique_persistence_ids(resources, err) < 0)
        return error_wrap(err, "Executor uses duplicate persistence ID");
    if (validate_one_allocation_role(executor->resources, executor->n_resources, err) < 0)
        return error_wrap(err, "Invalid executor resources");
    if (validate_not_mixed_revocable(resources, err) < 0)
        return error_wrap(err, "Executor mixes revocable and non-revocable resources");
    return 0;
}

/* Equal but for the order in which resources are listed. */
static bool is_same_executor(const Mesos__V1__ExecutorInfo *a, const Mesos__V1__ExecutorInfo *b) {
    struct resources cleanup_resources left = RESOURCES_INIT, cleanup_resources right = RESOURCES_INIT;
    Mesos__V1__ExecutorInfo bare_a = *a, bare_b = *b;

    if (message_equal(&a->base, &b->base))
        return true;
    bare_a.n_resources = bare_b.n_resources = 0;
    if (!message_equal(&bare_a.base, &bare_b.base))
        return false;
    resources_from_valid_messages(a->resources, a->n_resources, &left);
    resources_from_valid_messages(b->resources, b->n_resources, &right);
    return resources_equal(&left, &right);
}

static int check_executor(const Mesos__V1__ExecutorInfo *executor, const struct resources *resources,
                          const struct framework *framework, const struct executor *existing, struct error *err) {
    if (validate_executor_info(executor, err) < 0)
        return -1;
    if (executor->framework_id == NULL)
        return error_set(err, 0, "'ExecutorInfo.framework_id' must be set");
    if (strcmp(executor->framework_id->value, framework->id) != 0)
        return error_set(err, 0, "ExecutorInfo has an invalid FrameworkID (Actual: %s vs Expected: %s)",
                         executor->framework_id->value, framework->id);
    if (check_executor_resources(executor, resources, err) < 0)
        return -1;
    if (existing != NULL && !is_same_executor(executor, existing->info))
        return error_set(err, 0,
                         "ExecutorInfo of '%s' is not compatible with the existing ExecutorInfo with the same "
                         "ExecutorID on the agent",
                         executor->executor_id->value);
    return 0;
}

/* Ranges and sets that two parties name do not add up to the sum of both when they overlap.
 * [detectOverlappingSetAndRangeResources] */
static bool overlaps(const struct resources *a, const struct resources *b) {
    for (uint32_t i = 0; i < a->count; i++) {
        for (uint32_t j = 0; j < b->count; j++) {
            const struct resource *left = &a->items[i], *right = &b->items[j];

            if (left->kind->identity != right->kind->identity)
                continue;
            if (left->kind->type == RESOURCE_RANGES) {
                for (uint32_t k = 0; k < left->ranges->count; k++) {
                    for (uint32_t l = 0; l < right->ranges->count; l++) {
                        if (left->ranges->items[k].begin <= right->ranges->items[l].end &&
                            right->ranges->items[l].begin <= left->ranges->items[k].end)
                            return true;
                    }
                }
            } else if (left->kind->type == RESOURCE_SET) {
                for (uint32_t k = 0; k < left->set->count; k++) {
                    for (uint32_t l = 0; l < right->set->count; l++) {
                        if (left->set->items[k] == right->set->items[l])
                            return true;
                    }
                }
            }
        }
    }
    return false;
}

/* Tasks */

static int check_task_id(const Mesos__V1__TaskInfo *task, const struct framework *framework, struct error *err) {
    const char *id = task->task_id->value;

    if (id_validate(id, err) < 0)
        return -1;
    if (table_find(&framework->tasks, id) != NULL)
        return error_set(err, 0, "Task has duplicate ID: %s", id);
    if (table_find(&framework->unreachable_tasks, id) != NULL)
        return error_set(err, 0, "Task reuses the ID of an unreachable task: %s", id);
    return 0;
}

static int check_task_resources(const Mesos__V1__TaskInfo *task, const struct resources *resources, struct error *err) {
    if (task->n_resources == 0)
        return error_set(err, 0, "Task uses no resources");
    if (validate_resources(task->resources, task->n_resources, err) < 0)
        return error_wrap(err, "Task uses invalid resources");
    if (validate_unique_persistence_ids(resources, err) < 0)
        return error_wrap(err, "Task uses duplicate persistence ID");
    if (validate_one_allocation_role(task->resources, task->n_resources, err) < 0)
        return error_wrap(err, "Invalid task resources");
    if (validate_not_mixed_revocable(resources, err) < 0)
        return error_wrap(err, "Task mixes revocable and non-revocable resources");
    return 0;
}

static int check_limit(const struct resources *resources, const char *name, const char *what, double limit,
                       struct error *err) {
    int64_t request = resources_scalar(resources, name);

    if (request == 0)
        return error_set(err, 0, "When a %s limit is specified, a %s request must also be specified", what, what);
    if (!isinf(limit) && !(limit >= scalar_to_double(request)))
        return error_set(err, 0, "The %s limit must be greater than or equal to the %s request", what, what);
    return 0;
}

static int check_limits(const Mesos__V1__TaskInfo *task, const struct resources *resources, const struct agent *agent,
                        struct error *err) {
    if (task->n_limits > 0 && !agent->capabilities.task_resource_limits)
        return error_set(err, 0, "Agent is not capable of handling task resource limits");
    for (size_t i = 0; i < task->n_limits; i++) {
        const char *name = task->limits[i]->key == NULL ? "" : task->limits[i]->key;

        if (strcmp(name, "cpus") != 0 && strcmp(name, "mem") != 0)
            return error_set(err, 0, "Only cpus and mem may be included in a task's resource limits");
    }
    for (size_t i = 0; i < task->n_limits; i++) {
        const char *name = task->limits[i]->key;
        double limit = task->limits[i]->value == NULL ? 0 : task->limits[i]->value->value;

        if (check_limit(resources, name, strcmp(name, "cpus") == 0 ? "cpu" : "memory", limit, err) < 0)
            return -1;
    }
    return 0;
}

/* What holds for tasks alone and in groups alike. */
static int check_task(const Mesos__V1__TaskInfo *task, const struct resources *resources,
                      const struct framework *framework, const struct agent *agent, struct error *err) {
    if (check_task_id(task, framework, err) < 0)
        return -1;
    if (strcmp(task->agent_id->value, agent->id) != 0)
        return error_set(err, 0, "Task uses invalid agent %s while agent %s is expected", task->agent_id->value,
                         agent->id);
    if (task->kill_policy != NULL && task->kill_policy->grace_period != NULL &&
        task->kill_policy->grace_period->nanoseconds < 0)
        return error_set(err, 0, "Task's 'kill_policy.grace_period' must be non-negative");
    if (task->max_completion_time != NULL && task->max_completion_time->nanoseconds < 0)
        return error_set(err, 0, "Task's `max_completion_time` must be non-negative");
    if (task->check != NULL && validate_check(task->check, err) < 0)
        return error_wrap(err, "Task uses invalid check");
    if (task->health_check != NULL && validate_health_check(task->health_check, err) < 0)
        return error_wrap(err, "Task uses invalid health check");
    if (check_task_resources(task, resources, err) < 0)
        return -1;
    if (task->command != NULL && validate_command(task->command, err) < 0)
        return error_wrap(err, "Task's `CommandInfo` is invalid");
    if (task->container != NULL && validate_container(task->container, err) < 0)
        return error_wrap(err, "Task's `ContainerInfo` is invalid");
    return check_limits(task, resources, agent, err);
}

static int check_enough(const struct resources *needed, const struct resources *offered, const char *who,
                        struct error *err) {
    cleanup_free char *needed_text = NULL;
    cleanup_free char *offered_text = NULL;

    if (resources_contain(offered, needed))
        return 0;
    needed_text = resources_text(needed);
    offered_text = resources_text(offered);
    return error_set(err, 0, "Total resources %s required by %s is more than available %s", needed_text, who,
                     offered_text);
}

/* The executor of a task that is launched alone. */
static int check_custom_executor(const Mesos__V1__ExecutorInfo *executor, const struct resources *resources,
                                 const struct framework *framework, const struct executor *existing,
                                 struct error *err) {
    struct resources cleanup_resources shared = RESOURCES_INIT;

    if (check_executor(executor, resources, framework, existing, err) < 0)
        return -1;
    if (executor->has_type && executor->type != MESOS__V1__EXECUTOR_INFO__TYPE__CUSTOM)
        return error_set(err, 0, "'ExecutorInfo.type' must be 'CUSTOM'");
    if (executor->command == NULL)
        return error_set(err, 0, "'ExecutorInfo.command' must be set");
    resources_shared(resources, &shared);
    if (!resources_is_empty(&shared))
        return error_set(err, 0, "Executor resources should not contain any shared resources");
    if (resources_scalar(resources, "cpus") < LEAST_CPUS || resources_scalar(resources, "mem") < LEAST_MEM)
        log_warning("Executor '%s' of framework %s has less than 0.01 cpus or 32 mem, which may not be enough for it",
                    executor->executor_id->value, framework->id);
    if (shares_cgroups(executor->container, false))
        return error_set(err, 0, "The 'share_cgroups' field cannot be set to 'true' on executor containers");
    return 0;
}

/* Task and executor together. */
static int check_together(const struct resources *task, const struct resources *executor, const char *what,
                          struct error *err) {
    struct resources cleanup_resources total = RESOURCES_INIT;

    if (overlaps(task, executor))
        return error_set(err, 0, "There are overlapping resources in the resources of the %s and its executor", what);
    resources_copy(&total, task);
    resources_add(&total, executor);
    if (validate_unique_persistence_ids(&total, err) < 0)
        return error_wrap(err, "The %s and its executor use duplicate persistence ID", what);
    if (validate_not_mixed_revocable(&total, err) < 0)
        return error_wrap(err, "The %s and its executor mix revocable and non-revocable resources", what);
    return 0;
}

int validate_task(const Mesos__V1__TaskInfo *task, const struct framework *framework, const struct agent *agent,
                  const struct resources *offered, struct error *err) {
    struct resources cleanup_resources resources = RESOURCES_INIT,
                                       cleanup_resources executor_resources = RESOURCES_INIT;
    const Mesos__V1__ExecutorInfo *executor = task->executor;
    const struct executor *existing = NULL;

    resources_from_valid_messages(task->resources, task->n_resources, &resources);
    if (check_task(task, &resources, framework, agent, err) < 0)
        return -1;
    if ((executor != NULL) == (task->command != NULL))
        return error_set(err, 0, "Task should have at least one (but not both) of CommandInfo or ExecutorInfo present");
    if (executor != NULL) {
        existing = executor_find(agent, framework->id, executor->executor_id->value);
        resources_from_valid_messages(executor->resources, executor->n_resources, &executor_resources);
        if (check_custom_executor(executor, &executor_resources, framework, existing, err) < 0 ||
            check_together(&resources, &executor_resources, "task", err) < 0)
            return -1;
        if (existing == NULL)
            resources_add(&resources, &executor_resources);
    }
    if (check_enough(&resources, offered, "task and its executor", err) < 0)
        return -1;
    if (!shares_cgroups(task->container, true))
        return error_set(err, 0, "Only tasks in a task group may have 'share_cgroups' set to 'false'");
    return 0;
}

/* Task groups */

static int check_group_task(const Mesos__V1__TaskInfo *task, const struct resources *resources,
                            const struct framework *framework, const struct agent *agent, struct error *err) {
    const Mesos__V1__HealthCheck *check = task->health_check;

    if (check_task(task, resources, framework, agent, err) < 0)
        return -1;
    if (task->executor == NULL)
        return error_set(err, 0, "'TaskInfo.executor' must be set");
    if (task->container != NULL && task->container->n_network_infos > 0 && check != NULL &&
        (check->type == MESOS__V1__HEALTH_CHECK__TYPE__HTTP || check->type == MESOS__V1__HEALTH_CHECK__TYPE__TCP))
        return error_set(err, 0,
                         "HTTP and TCP health checks are not supported for nested containers not joining parent's "
                         "network");
    if (task->container != NULL && task->container->type == MESOS__V1__CONTAINER_INFO__TYPE__DOCKER)
        return error_set(err, 0, "Docker ContainerInfo is not supported on the task");
    if (task->n_limits > 0 && shares_cgroups(task->container, true))
        return error_set(err, 0,
                         "Resource limits may only be set for tasks within a task group when the 'share_cgroups' "
                         "field is set to 'false'.");
    return 0;
}

static int check_group_executor(const Mesos__V1__TaskGroupInfo *group, const Mesos__V1__ExecutorInfo *executor,
                                const struct resources *resources, const struct framework *framework,
                                const struct executor *existing, struct error *err) {
    const char *id = executor->executor_id->value;

    if (check_executor(executor, resources, framework, existing, err) < 0)
        return -1;
    if (!executor->has_type)
        return error_set(err, 0, "'ExecutorInfo.type' must be set");
    if (executor->type == MESOS__V1__EXECUTOR_INFO__TYPE__UNKNOWN)
        return error_set(err, 0, "Unknown executor type");
    if (executor->container != NULL && executor->container->type == MESOS__V1__CONTAINER_INFO__TYPE__DOCKER)
        return error_set(err, 0, "Docker ContainerInfo is not supported on the executor");
    for (size_t i = 0; i < group->n_tasks; i++) {
        if (group->tasks[i]->executor != NULL && group->tasks[i]->executor != executor &&
            !is_same_executor(group->tasks[i]->executor, executor))
            return error_set(err, 0, "The `ExecutorInfo` of task '%s' is different from executor '%s'",
                             group->tasks[i]->task_id->value, id);
    }
    if (resources_scalar(resources, "cpus") < LEAST_CPUS)
        return error_set(err, 0, "Executor '%s' uses less CPUs (%g) than the minimum required (0.01)", id,
                         scalar_to_double(resources_scalar(resources, "cpus")));
    if (resources_scalar(resources, "mem") < LEAST_MEM)
        return error_set(err, 0, "Executor '%s' uses less memory (%gMB) than the minimum required (32MB)", id,
                         scalar_to_double(resources_scalar(resources, "mem")));
    if (resources_scalar(resources, "disk") == 0)
        return error_set(err, 0, "Executor '%s' uses no disk", id);
    return 0;
}

/* All tasks of a group, and of the executor it joins, must agree. */
static int check_group_cgroups(const Mesos__V1__TaskGroupInfo *group, const Mesos__V1__ExecutorInfo *executor,
                               const struct executor *existing, struct error *err) {
    static const char differ[] =
        "If set, the value of 'share_cgroups' must be the same for all tasks in each task group and under a single "
        "executor";
    bool first = group->n_tasks == 0 || shares_cgroups(group->tasks[0]->container, true);
    const struct task *task;

    if (shares_cgroups(executor->container, false))
        return error_set(err, 0, "The 'share_cgroups' field cannot be set to 'true' on executor containers");
    for (size_t i = 1; i < group->n_tasks; i++) {
        if (shares_cgroups(group->tasks[i]->container, true) != first)
            return error_set(err, 0, "%s", differ);
    }
    if (existing == NULL || group->n_tasks == 0)
        return 0;
    list_for_each (&existing->agent->tasks, task, in_agent) {
        if (task->framework == existing->framework && task->executor_id != NULL &&
            strcmp(task->executor_id, executor->executor_id->value) == 0 &&
            shares_cgroups(task->extras == NULL ? NULL : task->extras->container, true) != first)
            return error_set(err, 0, "%s", differ);
    }
    return 0;
}

int validate_task_group(const Mesos__V1__TaskGroupInfo *group, const Mesos__V1__ExecutorInfo *executor,
                        const struct framework *framework, const struct agent *agent, const struct resources *offered,
                        struct error *err) {
    struct resources cleanup_resources total = RESOURCES_INIT, cleanup_resources executor_resources = RESOURCES_INIT;
    const struct executor *existing = executor_find(agent, framework->id, executor->executor_id->value);
    struct table ids = TABLE_INIT;
    int result = 0;

    for (size_t i = 0; i < group->n_tasks && result == 0; i++) {
        const Mesos__V1__TaskInfo *task = group->tasks[i];
        struct resources cleanup_resources resources = RESOURCES_INIT;

        resources_from_valid_messages(task->resources, task->n_resources, &resources);
        result = check_group_task(task, &resources, framework, agent, err);
        if (result == 0 && !table_add(&ids, task->task_id->value, group->tasks[i]))
            result = error_set(err, 0, "Task has duplicate ID: %s", task->task_id->value);
        if (result < 0)
            error_wrap(err, "Task '%s' is invalid", task->task_id->value);
        if (result == 0 && overlaps(&total, &resources))
            result = error_set(err, 0, "There are overlapping resources in the task group's task resources");
        resources_add(&total, &resources);
    }
    table_done(&ids);
    if (result < 0)
        return -1;
    resources_from_valid_messages(executor->resources, executor->n_resources, &executor_resources);
    if (check_group_executor(group, executor, &executor_resources, framework, existing, err) < 0 ||
        check_together(&total, &executor_resources, "task group", err) < 0)
        return -1;
    if (existing == NULL)
        resources_add(&total, &executor_resources);
    if (check_enough(&total, offered, "task group and its executor", err) < 0)
        return -1;
    return check_group_cgroups(group, executor, existing, err);
}
