/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/framework.h"

#include <string.h>

#include "agent/drain.h"
#include "agent/executor.h"
#include "agent/launch.h"
#include "agent/paths.h"
#include "base/log.h"
#include "base/text.h"

enum { COMPLETED_FRAMEWORKS = 50 };

/* What framework.pid holds for a scheduler that uses HTTP, as upstream writes an empty UPID. */
static const char no_pid[] = "@0.0.0.0:0";

static void set_pid(struct agent_framework *framework, const char *text) {
    framework->has_pid = text != NULL && *text != '\0' && strcmp(text, no_pid) != 0 &&
                         pid_parse(text, &framework->pid, NULL) == 0;
}

struct agent_framework *agent_framework_new(struct agent *agent, const Mesos__V1__FrameworkInfo *info,
                                            const char *pid) {
    struct agent_framework *framework = new0(struct agent_framework), *completed;

    framework->agent = agent;
    framework->info = MESSAGE_COPY(info);
    framework->id = framework->info->id->value;
    set_pid(framework, pid);
    table_init(&framework->executors);
    table_init(&framework->tasks);
    list_init(&framework->pending);
    list_init(&framework->completed_executors);
    completed = table_remove(&agent->completed_frameworks, framework->id);
    if (completed != NULL) {
        struct agent_executor *executor;

        list_for_each (&completed->completed_executors, executor, in_completed) {
            struct agent_task *task;

            list_remove(&executor->in_completed);
            list_append(&framework->completed_executors, &executor->in_completed);
            executor->framework = framework;
            list_for_each (&executor->completed, task, in_stage)
                task->framework = framework;
            list_for_each (&executor->terminated, task, in_stage)
                task->framework = framework;
        }
        framework->completed_executor_count = completed->completed_executor_count;
        agent_framework_free(completed);
    }
    table_add(&agent->frameworks, framework->id, framework);
    return framework;
}

void agent_framework_free(struct agent_framework *framework) {
    struct agent_executor *executor;
    struct delivery *delivery;
    struct agent_task *task;

    if (framework == NULL)
        return;
    if (table_find(&framework->agent->frameworks, framework->id) == framework)
        table_remove(&framework->agent->frameworks, framework->id);
    list_for_each (&framework->pending, delivery, member)
        delivery_free(delivery);
    table_for_each (&framework->executors, executor)
        agent_executor_free(executor);
    while ((executor = list_first(&framework->completed_executors, struct agent_executor, in_completed)) != NULL)
        agent_executor_free(executor);
    table_for_each (&framework->tasks, task)
        agent_task_free(task);
    table_done(&framework->executors);
    table_done(&framework->tasks);
    MESSAGE_FREE(framework->info);
    free(framework);
}

void agent_framework_update(struct agent_framework *framework, const Mesos__V1__FrameworkInfo *info, const char *pid) {
    if (info != NULL && info->id != NULL && strcmp(info->id->value, framework->id) == 0) {
        Mesos__V1__FrameworkInfo *copy = MESSAGE_COPY(info);
        const bool is_listed = table_remove(&framework->agent->frameworks, framework->id) != NULL;

        MESSAGE_FREE(framework->info);
        framework->info = copy;
        framework->id = copy->id->value;
        if (is_listed)
            table_add(&framework->agent->frameworks, framework->id, framework);
    }
    set_pid(framework, pid);
    agent_framework_checkpoint(framework);
}

void agent_framework_checkpoint(struct agent_framework *framework) {
    struct agent *agent = framework->agent;
    cleanup_free char *directory = agent_path_framework(agent->meta_dir, agent_own_id(agent), framework->id);
    cleanup_free char *info_path = path_join(directory, "framework.info");
    cleanup_free char *pid_path = path_join(directory, "framework.pid");
    char pid[PID_BYTES] = "@0.0.0.0:0";

    if (!agent_framework_checkpoints(framework))
        return;
    if (framework->has_pid)
        pid_format(&framework->pid, pid);
    checkpoint_message(&agent->checkpoints, info_path, &framework->info->base, NULL, NULL);
    checkpoint_text(&agent->checkpoints, pid_path, pid, strlen(pid), NULL, NULL);
}

bool agent_framework_has_capability(const Mesos__V1__FrameworkInfo *info, int capability) {
    for (size_t i = 0; i < info->n_capabilities; i++) {
        if (info->capabilities[i]->has_type && (int)info->capabilities[i]->type == capability)
            return true;
    }
    return false;
}

enum task_state agent_framework_task_state(const struct agent_framework *framework, enum task_state state) {
    return agent_framework_has_capability(framework->info, MESOS__V1__FRAMEWORK_INFO__CAPABILITY__TYPE__PARTITION_AWARE)
               ? state
               : TASK_LOST;
}

bool agent_framework_is_idle(const struct agent_framework *framework) {
    return framework->executors.count == 0 && list_is_empty(&framework->pending);
}

void agent_framework_remove_if_idle(struct agent_framework *framework) {
    struct agent *agent = framework->agent;

    if (!agent_framework_is_idle(framework) || table_find(&agent->frameworks, framework->id) != framework)
        return;
    log_info("Cleaning up framework %s", framework->id);
    update_manager_drop_framework(&agent->updates, framework->id);
    agent_collect_garbage(agent, agent_path_framework(agent->work_dir, agent_own_id(agent), framework->id));
    if (agent_framework_checkpoints(framework))
        agent_collect_garbage(agent, agent_path_framework(agent->meta_dir, agent_own_id(agent), framework->id));
    table_remove(&agent->frameworks, framework->id);
    table_add(&agent->completed_frameworks, framework->id, framework);
    while (agent->completed_frameworks.count > COMPLETED_FRAMEWORKS) {
        struct agent_framework *oldest = table_first(&agent->completed_frameworks);

        table_remove(&agent->completed_frameworks, oldest->id);
        agent_framework_free(oldest);
    }
    agent_drain_check(agent);
    agent_end_if_idle(agent);
}

void agent_framework_shutdown(struct agent_framework *framework) {
    struct agent_executor *executor;

    if (framework->state == FRAMEWORK_TERMINATING) {
        log_warning("Ignoring the shutdown of framework %s, which is terminating", framework->id);
        return;
    }
    log_info("Shutting down framework %s", framework->id);
    framework->state = FRAMEWORK_TERMINATING;
    {
        struct delivery *delivery;

        /* Tasks without an executor end with their framework; nobody is left to be told. */
        list_for_each (&framework->pending, delivery, member)
            delivery_free(delivery);
    }
    table_for_each (&framework->executors, executor) {
        if (executor->state == EXECUTOR_REGISTERING || executor->state == EXECUTOR_RUNNING)
            agent_executor_shutdown(executor);
        else if (executor->state == EXECUTOR_TERMINATED)
            agent_executor_remove(executor);
    }
    agent_framework_remove_if_idle(framework);
}

static void add_messages(struct resources *to, Mesos__V1__Resource *const *messages, size_t count) {
    struct resources part;

    resources_from_valid_messages(messages, count, &part);
    resources_add(to, &part);
    resources_done(&part);
}

void agent_framework_allocated(const struct agent_framework *framework, struct resources *ret) {
    struct agent_executor *executor;
    struct delivery *delivery;

    resources_init(ret);
    table_for_each (&framework->executors, executor) {
        struct resources part;

        agent_executor_allocated(executor, &part);
        resources_add(ret, &part);
        resources_done(&part);
    }
    list_for_each (&framework->pending, delivery, member) {
        struct agent_task *task;

        list_for_each (&delivery->tasks, task, in_stage)
            add_messages(ret, task->message->resources, task->message->n_resources);
        if (agent_executor_find(framework, delivery->executor_info->executor_id->value) == NULL)
            add_messages(ret, delivery->executor_info->resources, delivery->executor_info->n_resources);
    }
}
