/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/launch.h"

#include <string.h>

#include "agent/environment.h"
#include "agent/paths.h"
#include "agent/task_status.h"
#include "base/log.h"
#include "base/text.h"
#include "model/id.h"

/* MAX_REAP_INTERVAL() and one second more: what the command executor needs beyond its task's grace period. */
#define REAP_ALLOWANCE (2 * SECOND)

size_t delivery_task_count(const struct delivery *delivery) {
    const struct agent_task *task;
    size_t count = 0;

    list_for_each (&delivery->tasks, task, in_stage)
        count++;
    return count;
}

void delivery_free(struct delivery *delivery) {
    struct agent_task *task;

    list_for_each (&delivery->tasks, task, in_stage) {
        task->delivery = NULL;
        agent_task_free(task);
    }
    delivery_free_if_empty(delivery);
}

void delivery_free_if_empty(struct delivery *delivery) {
    if (!list_is_empty(&delivery->tasks))
        return;
    checkpoints_forget(&delivery->framework->agent->checkpoints, delivery);
    if (delivery->executor != NULL)
        delivery->executor->unsaved -= delivery->unsaved;
    list_remove(&delivery->member);
    list_remove(&delivery->in_queue);
    MESSAGE_FREE(delivery->executor_info);
    free(delivery);
}

/* The executor of a command task */

static char *command_text(const Mesos__V1__CommandInfo *command, struct arena *arena) {
    const bool is_shell = !command->has_shell || command->shell;
    cleanup_buffer struct buffer text = BUFFER_INIT;
    const char *all;

    if (command->value == NULL)
        return arena_strdup(arena, is_shell ? "(Command: NO COMMAND)" : "(Command: NO EXECUTABLE)");
    buffer_append_string(&text, command->value);
    if (!is_shell) {
        buffer_append_string(&text, ", ");
        for (size_t i = 0; i < command->n_arguments; i++)
            buffer_printf(&text, "%s%s", i > 0 ? ", " : "", command->arguments[i]);
    }
    all = buffer_text(&text);
    if (text.size > 15)
        return arena_printf(arena, is_shell ? "(Command: sh -c '%.12s...')" : "(Command: [%.12s...])", all);
    return arena_printf(arena, is_shell ? "(Command: sh -c '%s')" : "(Command: [%s])", all);
}

static Mesos__V1__Resource *overhead(const char *name, double amount, Mesos__V1__Resource__AllocationInfo *allocation,
                                     struct arena *arena) {
    Mesos__V1__Resource *resource = arena_alloc(arena, sizeof(*resource));

    mesos__v1__resource__init(resource);
    resource->name = arena_strdup(arena, name);
    resource->type = MESOS__V1__VALUE__TYPE__SCALAR;
    resource->scalar = arena_alloc(arena, sizeof(*resource->scalar));
    mesos__v1__value__scalar__init(resource->scalar);
    resource->scalar->value = amount;
    resource->allocation_info = allocation;
    return resource;
}

static void set_overhead(Mesos__V1__ExecutorInfo *executor, const Mesos__V1__TaskInfo *task, struct arena *arena) {
    Mesos__V1__Resource__AllocationInfo *allocation = NULL;

    for (size_t i = 0; i < task->n_resources && allocation == NULL; i++)
        allocation = task->resources[i]->allocation_info;
    executor->n_resources = 2;
    executor->resources = arena_alloc(arena, 2 * sizeof(*executor->resources));
    executor->resources[0] = overhead("cpus", 0.1, allocation, arena);
    executor->resources[1] = overhead("mem", 32, allocation, arena);
}

static void set_command(struct agent *agent, const Mesos__V1__FrameworkInfo *framework,
                        Mesos__V1__ExecutorInfo *executor, const Mesos__V1__TaskInfo *task, struct arena *arena) {
    Mesos__V1__CommandInfo *command = arena_alloc(arena, sizeof(*command));

    mesos__v1__command_info__init(command);
    executor->command = command;
    environment_launcher_command(agent, "mesos-executor", command, arena);
    if (task->command == NULL)
        return;
    command->n_uris = task->command->n_uris;
    command->uris = task->command->uris;
    command->environment = task->command->environment;
    command->user = task->command->user;
}

Mesos__V1__ExecutorInfo *agent_executor_info(struct agent *agent, const Mesos__V1__FrameworkInfo *framework,
                                             Mesos__V1__TaskInfo *task, struct arena *arena) {
    static Mesos__V1__CommandInfo no_command = MESOS__V1__COMMAND_INFO__INIT;
    Mesos__V1__ExecutorInfo *executor;

    if (task->executor != NULL)
        return task->executor;
    executor = arena_alloc(arena, sizeof(*executor));
    mesos__v1__executor_info__init(executor);
    executor->executor_id = arena_alloc(arena, sizeof(*executor->executor_id));
    mesos__v1__executor_id__init(executor->executor_id);
    executor->executor_id->value = task->task_id->value;
    executor->framework_id = framework->id;
    executor->container = task->container;
    executor->name = arena_printf(arena, "Command Executor (Task: %s) %s", task->task_id->value,
                                  command_text(task->command != NULL ? task->command : &no_command, arena));
    executor->source = task->task_id->value;
    executor->labels = task->labels;
    executor->discovery = task->discovery;
    if (task->kill_policy != NULL && task->kill_policy->grace_period != NULL) {
        executor->shutdown_grace_period = arena_alloc(arena, sizeof(*executor->shutdown_grace_period));
        mesos__v1__duration_info__init(executor->shutdown_grace_period);
        executor->shutdown_grace_period->nanoseconds = task->kill_policy->grace_period->nanoseconds + REAP_ALLOWANCE;
    }
    set_command(agent, framework, executor, task, arena);
    set_overhead(executor, task, arena);
    return executor;
}

/* What comes in */

/* Resources of frameworks without MULTI_ROLE come without the role they are allocated to. */
static void inject_allocation(Mesos__V1__Resource *const *resources, size_t count,
                              const Mesos__V1__FrameworkInfo *framework, struct arena *arena) {
    const bool has_roles = agent_framework_has_capability(framework,
                                                          MESOS__V1__FRAMEWORK_INFO__CAPABILITY__TYPE__MULTI_ROLE);
    char *role = has_roles ? (framework->n_roles > 0 ? framework->roles[0] : NULL) : framework->role;

    for (size_t i = 0; i < count; i++) {
        Mesos__V1__Resource__AllocationInfo *allocation;

        if (resources[i]->allocation_info != NULL || role == NULL)
            continue;
        allocation = arena_alloc(arena, sizeof(*allocation));
        mesos__v1__resource__allocation_info__init(allocation);
        allocation->role = role;
        resources[i]->allocation_info = allocation;
    }
}

static void prepare_task(Mesos__V1__TaskInfo *task, const Mesos__V1__FrameworkInfo *framework, struct arena *arena) {
    inject_allocation(task->resources, task->n_resources, framework, arena);
    if (task->executor != NULL)
        inject_allocation(task->executor->resources, task->executor->n_resources, framework, arena);
    message_upgrade_resources(&task->base, arena);
}

/* Everything that is about to become a file or directory name must be fit for it; a master has checked before us. */
static bool has_valid_ids(const Mesos__V1__FrameworkInfo *framework, const Mesos__V1__ExecutorInfo *executor,
                          Mesos__V1__TaskInfo *const *tasks, size_t count) {
    cleanup_error struct error err = ERROR_INIT;
    bool is_valid = id_validate(framework->id->value, &err) == 0 &&
                    id_validate(executor->executor_id->value, &err) == 0;

    for (size_t i = 0; i < count && is_valid; i++)
        is_valid = id_validate(tasks[i]->task_id->value, &err) == 0;
    if (!is_valid)
        log_error("Ignoring a task of framework '%s': %s", framework->id->value, error_message(&err));
    return is_valid;
}

/* What may be launched at all: for this agent, in this state, and not known already. */
static bool is_welcome(struct agent *agent, const Mesos__V1__FrameworkInfo *framework,
                       Mesos__V1__TaskInfo *const *tasks, size_t count) {
    const struct agent_framework *known = agent_framework_find(agent, framework->id->value);

    for (size_t i = 0; i < count; i++) {
        const char *id = tasks[i]->task_id->value;

        if (agent->info->id == NULL || strcmp(tasks[i]->agent_id->value, agent_own_id(agent)) != 0) {
            log_warning("Ignoring task '%s' of framework %s, which is for the agent %s", id, framework->id->value,
                        tasks[i]->agent_id->value);
            return false;
        }
        if (known != NULL && table_find(&known->tasks, id) != NULL) {
            log_warning("Ignoring task '%s' of framework %s, which is here already", id, framework->id->value);
            return false;
        }
    }
    if (agent->state == AGENT_RECOVERING || agent->state == AGENT_TERMINATING) {
        log_warning("Ignoring tasks of framework %s because the agent is %s", framework->id->value,
                    agent_state_name(agent->state));
        return false;
    }
    return true;
}

static void set_resource_version(struct delivery *delivery, Mesos__Internal__ResourceVersionUUID *const *versions,
                                 size_t count) {
    for (size_t i = 0; i < count; i++) {
        const ProtobufCBinaryData *uuid = &versions[i]->uuid->value;

        if (versions[i]->resource_provider_id != NULL || uuid->len != UUID_BYTES)
            continue;
        delivery->has_resource_version = true;
        memcpy(delivery->resource_version, uuid->data, UUID_BYTES);
    }
}

static struct agent_framework *get_framework(struct agent *agent, const Mesos__V1__FrameworkInfo *info,
                                             const char *pid) {
    struct agent_framework *framework = agent_framework_find(agent, info->id->value);

    if (framework != NULL)
        return framework;
    framework = agent_framework_new(agent, info, pid);
    agent_framework_checkpoint(framework);
    return framework;
}

static void queue(struct agent *agent, struct delivery *delivery) {
    list_append(&agent->deliveries, &delivery->in_queue);
    if (!env_timer_is_running(&agent->delivering))
        env_timer_start(&agent->delivering, 0);
}

static void run(struct agent *agent, const Mesos__V1__FrameworkInfo *framework_info, const char *pid,
                Mesos__V1__TaskInfo *const *tasks, size_t count, struct delivery *delivery) {
    struct agent_framework *framework;

    if (!is_welcome(agent, framework_info, tasks, count) ||
        !has_valid_ids(framework_info, delivery->executor_info, tasks, count)) {
        MESSAGE_FREE(delivery->executor_info);
        free(delivery);
        return;
    }
    framework = get_framework(agent, framework_info, pid);
    delivery->framework = framework;
    list_init(&delivery->tasks);
    list_append(&framework->pending, &delivery->member);
    for (size_t i = 0; i < count; i++) {
        struct agent_task *task = agent_task_new(framework, tasks[i]);

        task->delivery = delivery;
        list_append(&delivery->tasks, &task->in_stage);
        log_info("Got assigned task '%s' for framework %s", task->id, framework->id);
    }
    queue(agent, delivery);
}

void agent_run_task(struct agent *agent, Mesos__Internal__RunTaskMessage *message, struct arena *arena) {
    Mesos__V1__ExecutorInfo *executor;
    struct delivery *delivery;

    if (message->framework->id == NULL) {
        log_error("Ignoring a task of a framework without an id");
        return;
    }
    prepare_task(message->task, message->framework, arena);
    executor = agent_executor_info(agent, message->framework, message->task, arena);
    delivery = new0(struct delivery);
    delivery->executor_info = MESSAGE_COPY(executor);
    delivery->is_generated = message->task->executor == NULL;
    delivery->has_launch_executor = message->has_launch_executor;
    delivery->launch_executor = message->launch_executor;
    set_resource_version(delivery, message->resource_version_uuids, message->n_resource_version_uuids);
    run(agent, message->framework, message->pid, &message->task, 1, delivery);
}

void agent_run_task_group(struct agent *agent, Mesos__Internal__RunTaskGroupMessage *message, struct arena *arena) {
    struct delivery *delivery;

    if (message->framework->id == NULL || message->task_group->n_tasks == 0) {
        log_error("Ignoring a task group without a framework's id or without tasks");
        return;
    }
    inject_allocation(message->executor->resources, message->executor->n_resources, message->framework, arena);
    message_upgrade_resources(&message->executor->base, arena);
    for (size_t i = 0; i < message->task_group->n_tasks; i++)
        prepare_task(message->task_group->tasks[i], message->framework, arena);
    delivery = new0(struct delivery);
    delivery->executor_info = MESSAGE_COPY(message->executor);
    delivery->is_group = true;
    delivery->has_launch_executor = message->has_launch_executor;
    delivery->launch_executor = message->launch_executor;
    set_resource_version(delivery, message->resource_version_uuids, message->n_resource_version_uuids);
    run(agent, message->framework, NULL, message->task_group->tasks, message->task_group->n_tasks, delivery);
}

/* On the way */

static void send_not_launched(struct delivery *delivery) {
    Mesos__Internal__ExitedExecutorMessage message = MESOS__INTERNAL__EXITED_EXECUTOR_MESSAGE__INIT;
    struct agent *agent = delivery->framework->agent;

    message.slave_id = agent->info->id;
    message.framework_id = delivery->framework->info->id;
    message.executor_id = delivery->executor_info->executor_id;
    message.status = -1;
    agent_send_to_master(agent, &message.base);
}

/* End all tasks of the delivery before they have an executor. */
static void drop(struct delivery *delivery, enum task_state state, int reason, const char *text, bool tells_exited) {
    struct agent_framework *framework = delivery->framework;
    size_t count = delivery_task_count(delivery);

    if (tells_exited && delivery->has_launch_executor && delivery->launch_executor)
        send_not_launched(delivery);
    for (; count > 0; count--) {
        struct agent_task *task = list_first(&delivery->tasks, struct agent_task, in_stage);

        /* The update takes the pending task out, and the delivery with the last one; the framework may be gone then. */
        agent_update_task(framework->agent, framework->id, task->id, delivery->executor_info->executor_id->value, state,
                          reason, text);
    }
}

/* Its framework ends, and would not acknowledge updates: only the master is told that there is no executor. */
static void ignore(struct delivery *delivery) {
    struct agent_framework *framework = delivery->framework;

    log_warning("Ignoring tasks of framework %s because the framework is terminating", framework->id);
    if (delivery->has_launch_executor && delivery->launch_executor)
        send_not_launched(delivery);
    delivery_free(delivery);
    agent_framework_remove_if_idle(framework);
}

static bool must_wait(struct agent *agent, const struct delivery *delivery) {
    const char *framework_id = delivery->framework->id, *executor_id = delivery->executor_info->executor_id->value;
    char *paths[] = {
        agent_path_framework(agent->work_dir, agent_own_id(agent), framework_id),
        agent_path_framework(agent->meta_dir, agent_own_id(agent), framework_id),
        agent_path_executor(agent->work_dir, agent_own_id(agent), framework_id, executor_id),
        agent_path_executor(agent->meta_dir, agent_own_id(agent), framework_id, executor_id),
    };
    bool is_removing = false;

    for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
        is_removing = gc_unschedule(&agent->gc, paths[i]) == GC_REMOVING || is_removing;
        free(paths[i]);
    }
    return is_removing;
}

static bool needs_checkpoint(const struct resource *resource, const void *argument) {
    return resource_needs_checkpoint(resource);
}

/* Whether the reservations and volumes in @messages are known here. */
static bool knows_resources(const struct agent *agent, Mesos__V1__Resource *const *messages, size_t count) {
    struct resources all, used;
    bool is_known;

    resources_from_valid_messages(messages, count, &all);
    resources_unallocate(&all);
    resources_filter(&all, needs_checkpoint, NULL, &used);
    is_known = resources_contain(&agent->checkpointed, &used);
    resources_done(&all);
    resources_done(&used);
    return is_known;
}

/* The reasons not to launch; NULL if there is none. [Slave::__run] */
static const char *find_fault(struct delivery *delivery, struct agent_executor *executor, int *ret_reason,
                              bool *ret_tells_exited) {
    struct agent *agent = delivery->framework->agent;
    const Mesos__V1__ExecutorInfo *info = delivery->executor_info;
    struct agent_task *task;

    *ret_tells_exited = true;
    *ret_reason = MESOS__V1__TASK_STATUS__REASON__REASON_AGENT_DRAINING;
    if (agent->drain != NULL)
        return "Task was received while agent was already draining";
    if (delivery->has_resource_version &&
        memcmp(delivery->resource_version, agent->resource_version, UUID_BYTES) != 0) {
        *ret_reason = MESOS__V1__TASK_STATUS__REASON__REASON_INVALID_OFFERS;
        return "Task assumes outdated resource state";
    }
    *ret_reason = MESOS__V1__TASK_STATUS__REASON__REASON_RESOURCES_UNKNOWN;
    list_for_each (&delivery->tasks, task, in_stage) {
        if (!knows_resources(agent, task->info->resources, task->info->n_resources))
            return "The checkpointed resources being used by the task or task group are unknown to the agent";
    }
    if (!knows_resources(agent, info->resources, info->n_resources))
        return "The checkpointed resources being used by the executor are unknown to the agent";
    *ret_reason = MESOS__V1__TASK_STATUS__REASON__REASON_GC_ERROR;
    list_for_each (&delivery->tasks, task, in_stage) {
        if (task->info->n_limits > 0)
            return "Resource limits can only be set on tasks when the agent has loaded cgroups isolators";
    }
    *ret_tells_exited = false;
    if (!delivery->has_launch_executor)
        return NULL;
    *ret_reason = MESOS__V1__TASK_STATUS__REASON__REASON_TASK_INVALID;
    if (delivery->is_generated)
        return executor != NULL ? "Cannot reuse an already existing executor for a command task" : NULL;
    *ret_reason = MESOS__V1__TASK_STATUS__REASON__REASON_EXECUTOR_TERMINATED;
    if (!delivery->launch_executor)
        return executor == NULL ? "No executor is expected to launch and there is none running" : NULL;
    if (executor == NULL)
        return NULL;
    /* The master does not know of the executor: it is told, or made so. */
    if (executor->state == EXECUTOR_TERMINATED)
        send_not_launched(delivery);
    else if (executor->state != EXECUTOR_TERMINATING)
        agent_executor_shutdown(executor);
    return "Master wants to launch executor, but one already exists";
}

static void on_task_saved(void *owner, const struct error *err) {
    struct delivery *delivery = owner;
    struct agent_executor *executor = delivery->executor;

    delivery->unsaved--;
    executor->unsaved--;
    if (err != NULL) {
        cleanup_free char *text = xasprintf("Failed to checkpoint the task: %s", error_message(err));
        size_t count = delivery_task_count(delivery);

        for (; count > 0; count--)
            agent_update_task(executor->framework->agent, executor->framework->id,
                              list_first(&delivery->tasks, struct agent_task, in_stage)->id, executor->id, TASK_FAILED,
                              MESOS__V1__TASK_STATUS__REASON__REASON_CONTAINER_LAUNCH_FAILED, text);
    }
    agent_executor_begin(executor);
    agent_executor_deliver(executor);
}

static void checkpoint_tasks(struct delivery *delivery) {
    struct agent_executor *executor = delivery->executor;
    struct agent *agent = executor->framework->agent;
    struct agent_task *task;

    if (!executor->checkpoint)
        return;
    list_for_each (&delivery->tasks, task, in_stage) {
        cleanup_free char *directory = agent_path_task(agent->meta_dir, agent_own_id(agent), executor->framework->id,
                                                       executor->id, executor->container_id, task->id);
        cleanup_free char *path = path_join(directory, "task.info");

        delivery->unsaved++;
        executor->unsaved++;
        checkpoint_message(&agent->checkpoints, path, &task->message->base, on_task_saved, delivery);
    }
}

static void enqueue(struct delivery *delivery, struct agent_executor *executor) {
    struct agent_task *task;

    list_remove(&delivery->member);
    list_append(&executor->queue, &delivery->member);
    delivery->executor = executor;
    list_for_each (&delivery->tasks, task, in_stage) {
        task->executor = executor;
        agent_task_set_stage(task, STAGE_QUEUED);
        log_info("Queued task '%s' for executor '%s' of framework %s", task->id, executor->id, executor->framework->id);
    }
    checkpoint_tasks(delivery);
    agent_executor_update_container(executor);
}

static void start(struct delivery *delivery) {
    struct agent_framework *framework = delivery->framework;
    struct agent *agent = framework->agent;
    struct agent_executor *executor;
    cleanup_error struct error err = ERROR_INIT;
    const char *fault;
    int reason;
    bool tells_exited;

    if (framework->state == FRAMEWORK_TERMINATING) {
        ignore(delivery);
        return;
    }
    if (must_wait(agent, delivery))
        return;
    executor = agent_executor_find(framework, delivery->executor_info->executor_id->value);
    fault = find_fault(delivery, executor, &reason, &tells_exited);
    if (fault != NULL) {
        drop(delivery, agent_framework_task_state(framework, TASK_DROPPED), reason, fault, tells_exited);
        return;
    }
    if (executor == NULL &&
        agent_executor_new(framework, delivery->executor_info, delivery->is_generated, &executor, &err) < 0) {
        drop(delivery, agent_framework_task_state(framework, TASK_DROPPED),
             MESOS__V1__TASK_STATUS__REASON__REASON_EXECUTOR_TERMINATED, error_message(&err), true);
        return;
    }
    if (executor->state == EXECUTOR_TERMINATING || executor->state == EXECUTOR_TERMINATED) {
        drop(delivery, agent_framework_task_state(framework, TASK_DROPPED),
             MESOS__V1__TASK_STATUS__REASON__REASON_EXECUTOR_TERMINATED,
             executor->state == EXECUTOR_TERMINATING ? "Executor terminating" : "Executor terminated", false);
        return;
    }
    enqueue(delivery, executor);
    agent_executor_begin(executor);
    agent_executor_deliver(executor);
}

void agent_launch_next(struct env_timer *timer) {
    struct agent *agent = container_of(timer, struct agent, delivering);
    struct delivery *delivery = list_first(&agent->deliveries, struct delivery, in_queue);

    if (delivery == NULL)
        return; /* its tasks were killed */
    list_remove(&delivery->in_queue);
    start(delivery);
    if (!list_is_empty(&agent->deliveries))
        env_timer_start(timer, 0);
}

void agent_launch_waiting(struct agent *agent) {
    struct agent_framework *framework;

    table_for_each (&agent->frameworks, framework) {
        struct delivery *delivery;

        list_for_each (&framework->pending, delivery, member) {
            if (!list_is_linked(&delivery->in_queue))
                queue(agent, delivery);
        }
    }
}
