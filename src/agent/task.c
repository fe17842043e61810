/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/task.h"

#include <errno.h>
#include <string.h>

#include "agent/launch.h"
#include "base/log.h"

void agent_task_message_init(Mesos__V1__Task *ret, const Mesos__V1__TaskInfo *info, enum task_state state,
                             Mesos__V1__FrameworkID *framework_id) {
    mesos__v1__task__init(ret);
    ret->name = info->name;
    ret->task_id = info->task_id;
    ret->framework_id = framework_id;
    ret->executor_id = info->executor != NULL ? info->executor->executor_id : NULL;
    ret->agent_id = info->agent_id;
    ret->state = (Mesos__V1__TaskState)state;
    ret->n_resources = info->n_resources;
    ret->resources = info->resources;
    ret->labels = info->labels;
    ret->discovery = info->discovery;
    ret->container = info->container;
    ret->health_check = info->health_check;
    ret->kill_policy = info->kill_policy;
    if (info->command != NULL && info->command->user != NULL)
        ret->user = info->command->user;
    else if (info->executor != NULL && info->executor->command != NULL)
        ret->user = info->executor->command->user;
    /* Tasks with limits are refused: no isolator here can hold them. */
}

struct agent_task *agent_task_new(struct agent_framework *framework, const Mesos__V1__TaskInfo *info) {
    struct agent_task *task = new0(struct agent_task);
    Mesos__V1__Task message;

    agent_task_message_init(&message, info, TASK_STAGING, framework->info->id);
    task->framework = framework;
    task->info = MESSAGE_COPY(info);
    task->message = MESSAGE_COPY(&message);
    task->id = task->message->task_id->value;
    task->stage = STAGE_PENDING;
    list_init(&task->in_stage);
    table_add(&framework->tasks, task->id, task);
    return task;
}

struct agent_task *agent_task_new_recovered(struct agent_executor *executor, const Mesos__V1__Task *message) {
    struct agent_task *task = new0(struct agent_task);

    task->framework = executor->framework;
    task->executor = executor;
    task->message = MESSAGE_COPY(message);
    task->message->n_statuses = 0; /* they come again from the updates */
    task->id = task->message->task_id->value;
    task->stage = STAGE_LAUNCHED;
    list_append(&executor->launched, &task->in_stage);
    executor->launched_count++;
    table_add(&executor->framework->tasks, task->id, task);
    return task;
}

/* Out of the list of its stage. */
static void unlink_stage(struct agent_task *task) {
    struct agent_executor *executor = task->executor;

    list_remove(&task->in_stage);
    if (executor == NULL)
        return;
    switch (task->stage) {
    case STAGE_PENDING:
        break;
    case STAGE_QUEUED:
        executor->queued_count--;
        break;
    case STAGE_LAUNCHED:
        executor->launched_count--;
        break;
    case STAGE_TERMINATED:
        executor->terminated_count--;
        break;
    case STAGE_COMPLETED:
        executor->completed_count--;
        break;
    }
}

void agent_task_free(struct agent_task *task) {
    if (task == NULL)
        return;
    if (table_find(&task->framework->tasks, task->id) == task)
        table_remove(&task->framework->tasks, task->id);
    unlink_stage(task);
    for (size_t i = 0; i < task->message->n_statuses; i++)
        MESSAGE_FREE(task->statuses[i]);
    free(task->statuses);
    MESSAGE_FREE(task->info);
    MESSAGE_FREE(task->message);
    free(task);
}

static void leave_delivery(struct agent_task *task) {
    struct delivery *delivery = task->delivery;

    task->delivery = NULL;
    MESSAGE_FREE(task->info);
    task->info = NULL;
    if (delivery != NULL)
        delivery_free_if_empty(delivery);
}

void agent_task_set_stage(struct agent_task *task, enum task_stage stage) {
    static const unsigned allowed[] = {
        [STAGE_PENDING] = 1u << STAGE_QUEUED,
        [STAGE_QUEUED] = 1u << STAGE_LAUNCHED | 1u << STAGE_TERMINATED,
        [STAGE_LAUNCHED] = 1u << STAGE_TERMINATED,
        [STAGE_TERMINATED] = 1u << STAGE_COMPLETED,
        [STAGE_COMPLETED] = 0,
    };
    struct agent_executor *executor = task->executor;

    if ((allowed[task->stage] & 1u << stage) == 0) {
        log_error("The task %s can not go from stage %d to %d", task->id, (int)task->stage, (int)stage);
        abort();
    }
    if (stage == STAGE_QUEUED) {
        /* It stays in its delivery, which is what the executor's queue holds. */
        task->stage = stage;
        executor->queued_count++;
        return;
    }
    unlink_stage(task);
    task->stage = stage;
    switch (stage) {
    case STAGE_LAUNCHED:
        list_append(&executor->launched, &task->in_stage);
        executor->launched_count++;
        leave_delivery(task);
        break;
    case STAGE_TERMINATED:
        list_append(&executor->terminated, &task->in_stage);
        executor->terminated_count++;
        leave_delivery(task);
        agent_executor_update_container(executor);
        break;
    default:
        table_remove(&task->framework->tasks, task->id);
        list_append(&executor->completed, &task->in_stage);
        executor->completed_count++;
        while (executor->completed_count > COMPLETED_TASKS_PER_EXECUTOR)
            agent_task_free(list_first(&executor->completed, struct agent_task, in_stage));
        break;
    }
}

/* A message is one block of memory: the list of statuses, which grows, is kept beside it. */
static void add_status(struct agent_task *task, const Mesos__V1__TaskStatus *status) {
    Mesos__V1__Task *message = task->message;

    /* Only the last of several statuses of one state is kept, as upstream does. */
    if (message->n_statuses > 0 && message->statuses[message->n_statuses - 1]->state == status->state)
        MESSAGE_FREE(task->statuses[--message->n_statuses]);
    else
        task->statuses = xrealloc(task->statuses, (message->n_statuses + 1) * sizeof(*task->statuses));
    task->statuses[message->n_statuses++] = MESSAGE_COPY(status);
    message->statuses = task->statuses;
}

void agent_task_set_forwarded(struct agent_task *task, const Mesos__V1__TaskStatus *status) {
    Mesos__V1__Task *message = task->message;

    memcpy(task->forwarded_uuid, status->uuid.data, UUID_BYTES);
    message->has_status_update_uuid = true;
    message->status_update_uuid = (ProtobufCBinaryData){.data = task->forwarded_uuid, .len = UUID_BYTES};
    message->has_status_update_state = true;
    message->status_update_state = status->state;
}

int agent_task_update(struct agent_task *task, const Mesos__V1__TaskStatus *status, struct error *err) {
    const bool is_terminal = task_state_is_terminal((enum task_state)status->state);

    if (task->stage == STAGE_TERMINATED)
        return error_set(err, EALREADY, "the task has ended in state %s", task_state_name(agent_task_state(task)));
    if (task->stage == STAGE_QUEUED && !is_terminal)
        return error_set(err, EINVAL, "the task is queued and can only end");
    add_status(task, status);
    task->message->state = status->state;
    if (is_terminal) {
        agent_metrics_count_end(task->framework->agent, (enum task_state)status->state);
        agent_task_set_stage(task, STAGE_TERMINATED);
    }
    return 0;
}
