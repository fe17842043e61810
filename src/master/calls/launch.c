/* SPDX-License-Identifier: Apache-2.0 */
/* LAUNCH and LAUNCH_GROUP: tasks are checked, counted as running, and sent to the agent. */
#include "base/log.h"
#include "master/agent.h"
#include "master/calls/accept.h"
#include "master/calls/normalize.h"
#include "master/framework.h"
#include "master/master.h"
#include "master/observer.h"
#include "master/validation.h"

/* What tasks may use: what is left, and all the shared resources that were offered. */
static void available_for_tasks(const struct acceptance *acceptance, struct resources *ret) {
    resources_not_shared(&acceptance->remaining, ret);
    resources_add(ret, &acceptance->remaining_shared);
}

/* More copies of a shared resource are in use than were offered: the allocator is to know of them. */
static void add_shared_copies(struct acceptance *acceptance, const struct resources *consumed) {
    struct resources additional, shared;
    struct resource_conversion *conversion;

    resources_shared(consumed, &additional);
    resources_shared(&acceptance->remaining, &shared);
    resources_subtract(&additional, &shared);
    resources_done(&shared);
    if (resources_is_empty(&additional)) {
        resources_done(&additional);
        return;
    }
    conversion = new0(struct resource_conversion);
    resources_move(&conversion->converted, &additional);
    acceptance_add_conversions(acceptance, conversion, 1);
}

static void consume(struct acceptance *acceptance, const struct resources *consumed) {
    add_shared_copies(acceptance, consumed);
    resources_subtract(&acceptance->remaining, consumed);
    resources_add(&acceptance->launched, consumed);
}

/* The master's view of a task that is on its way. */
static void add_task(struct acceptance *acceptance, const Mesos__V1__TaskInfo *info) {
    struct task *task = task_new_from_info(info, acceptance->framework);

    task_attach(task, acceptance->agent);
    observers_task_added(acceptance->master, task);
}

/* Its executor, if it is a new one; returns whether it is. */
static bool add_executor(struct acceptance *acceptance, const Mesos__V1__ExecutorInfo *info,
                         struct resources *consumed) {
    struct executor *executor;

    if (executor_find(acceptance->agent, acceptance->framework->id, info->executor_id->value) != NULL)
        return false;
    executor = executor_add(acceptance->agent, acceptance->framework, info);
    resources_add(consumed, &executor->resources);
    return true;
}

/* The version of the agent's resources that the launch is based on. */
struct versions {
    Mesos__Internal__ResourceVersionUUID version, *pointer;
    size_t count;
};

static void versions_init(struct versions *versions, const struct agent *agent) {
    mesos__internal__resource_version_uuid__init(&versions->version);
    versions->version.uuid = agent->resource_version;
    versions->pointer = &versions->version;
    versions->count = agent->resource_version != NULL ? 1 : 0;
}

static void send_task(struct acceptance *acceptance, Mesos__V1__TaskInfo *task, bool launch_executor) {
    struct framework *framework = acceptance->framework;
    Mesos__Internal__RunTaskMessage message = MESOS__INTERNAL__RUN_TASK_MESSAGE__INIT;
    const char *pid = connection_pid_text(&framework->connection);
    struct versions versions;

    versions_init(&versions, acceptance->agent);
    if (!acceptance->agent->capabilities.reservation_refinement)
        downgrade_task(task, acceptance->arena);
    message.framework = framework->info;
    message.task = task;
    message.pid = pid[0] == '\0' ? NULL : (char *)pid;
    message.n_resource_version_uuids = versions.count;
    message.resource_version_uuids = &versions.pointer;
    message.has_launch_executor = true;
    message.launch_executor = launch_executor;
    agent_send(acceptance->agent, &message.base);
}

static void launch(struct acceptance *acceptance, Mesos__V1__TaskInfo *task) {
    struct framework *framework = acceptance->framework;
    struct resources cleanup_resources available = RESOURCES_INIT, cleanup_resources consumed = RESOURCES_INIT;
    struct error cleanup_error err = ERROR_INIT;
    bool launch_executor = true;

    available_for_tasks(acceptance, &available);
    if (normalize_task(task, acceptance->role, framework, acceptance->arena, &err) < 0 ||
        validate_task(task, framework, acceptance->agent, &available, &err) < 0) {
        reject_task(framework, task, TASK_ERROR, MESOS__V1__TASK_STATUS__REASON__REASON_TASK_INVALID,
                    error_message(&err));
        return;
    }
    resources_from_valid_messages(task->resources, task->n_resources, &consumed);
    if (task->executor != NULL)
        launch_executor = add_executor(acceptance, task->executor, &consumed);
    add_task(acceptance, task);
    consume(acceptance, &consumed);
    log_info("Launching task %s of framework %s on agent %s on %s executor", task->task_id->value, framework->id,
             acceptance->agent->id, launch_executor ? "a new" : "an existing");
    framework_metrics_count_operation(&framework->metrics, MESOS__V1__OFFER__OPERATION__TYPE__LAUNCH);
    send_task(acceptance, task, launch_executor);
}

void accept_launch(struct acceptance *acceptance, Mesos__V1__Offer__Operation *operation) {
    for (size_t i = 0; i < operation->launch->n_task_infos; i++)
        launch(acceptance, operation->launch->task_infos[i]);
}

static void send_group(struct acceptance *acceptance, Mesos__V1__Offer__Operation__LaunchGroup *group,
                       bool launch_executor) {
    Mesos__Internal__RunTaskGroupMessage message = MESOS__INTERNAL__RUN_TASK_GROUP_MESSAGE__INIT;
    struct versions versions;

    versions_init(&versions, acceptance->agent);
    if (!acceptance->agent->capabilities.reservation_refinement) {
        downgrade_resources(group->executor->resources, group->executor->n_resources, acceptance->arena);
        for (size_t i = 0; i < group->task_group->n_tasks; i++) {
            Mesos__V1__TaskInfo *task = group->task_group->tasks[i];

            downgrade_resources(task->resources, task->n_resources, acceptance->arena);
            if (task->executor != group->executor)
                downgrade_resources(task->executor->resources, task->executor->n_resources, acceptance->arena);
        }
    }
    message.framework = acceptance->framework->info;
    message.executor = group->executor;
    message.task_group = group->task_group;
    message.n_resource_version_uuids = versions.count;
    message.resource_version_uuids = &versions.pointer;
    message.has_launch_executor = true;
    message.launch_executor = launch_executor;
    agent_send(acceptance->agent, &message.base);
}

/* All tasks of a group are launched, or none. */
void accept_launch_group(struct acceptance *acceptance, Mesos__V1__Offer__Operation *operation) {
    struct framework *framework = acceptance->framework;
    Mesos__V1__Offer__Operation__LaunchGroup *group = operation->launch_group;
    struct resources cleanup_resources consumed = RESOURCES_INIT;
    struct error cleanup_error err = ERROR_INIT;
    bool launch_executor;

    if (validate_task_group(group->task_group, group->executor, framework, acceptance->agent, &acceptance->remaining,
                            &err) < 0) {
        reject_tasks(framework, operation, TASK_ERROR, MESOS__V1__TASK_STATUS__REASON__REASON_TASK_GROUP_INVALID,
                     error_message(&err));
        return;
    }
    launch_executor = add_executor(acceptance, group->executor, &consumed);
    for (size_t i = 0; i < group->task_group->n_tasks; i++) {
        const Mesos__V1__TaskInfo *task = group->task_group->tasks[i];
        struct resources cleanup_resources resources = RESOURCES_INIT;

        resources_from_valid_messages(task->resources, task->n_resources, &resources);
        resources_add(&consumed, &resources);
        add_task(acceptance, task);
    }
    consume(acceptance, &consumed);
    log_info("Launching a group of %zu tasks of framework %s on agent %s on %s executor", group->task_group->n_tasks,
             framework->id, acceptance->agent->id, launch_executor ? "a new" : "an existing");
    framework_metrics_count_operation(&framework->metrics, MESOS__V1__OFFER__OPERATION__TYPE__LAUNCH_GROUP);
    send_group(acceptance, group, launch_executor);
}
