/* SPDX-License-Identifier: Apache-2.0 */
#include "master/status.h"

#include "master/master.h"
#include "master/task.h"

void master_status_init(struct master_status *ret, struct master *master, const char *task_id, const char *agent_id,
                        enum task_state state, Mesos__V1__TaskStatus__Reason reason, const char *message) {
    Mesos__V1__TaskStatus *status = &ret->status;

    mesos__v1__task_status__init(status);
    mesos__v1__task_id__init(&ret->task_id);
    mesos__v1__agent_id__init(&ret->agent_id);
    mesos__v1__time_info__init(&ret->unreachable_time);
    ret->task_id.value = (char *)task_id;
    status->task_id = &ret->task_id;
    if (agent_id != NULL) {
        ret->agent_id.value = (char *)agent_id;
        status->agent_id = &ret->agent_id;
    }
    status->state = (Mesos__V1__TaskState)state;
    status->has_source = true;
    status->source = MESOS__V1__TASK_STATUS__SOURCE__SOURCE_MASTER;
    status->has_reason = true;
    status->reason = reason;
    status->message = (char *)message;
    status->has_timestamp = true;
    status->timestamp = duration_to_seconds(env_wall_clock(master->env));
}

void master_status_init_task(struct master_status *ret, struct master *master, const struct task *task,
                             enum task_state state, Mesos__V1__TaskStatus__Reason reason, const char *message) {
    master_status_init(ret, master, task->id, task->agent_id, state, reason, message);
    if (task->executor_id == NULL)
        return;
    mesos__v1__executor_id__init(&ret->executor_id);
    ret->executor_id.value = (char *)task->executor_id;
    ret->status.executor_id = &ret->executor_id;
}

void master_status_set_unreachable(struct master_status *status, int64_t since_ns) {
    status->unreachable_time.nanoseconds = since_ns;
    status->status.unreachable_time = &status->unreachable_time;
}

void master_status_add_known(struct master_status *status, const struct task *task, struct arena *arena) {
    const Mesos__V1__TaskStatus *last = task_last_status(task, arena);

    if (last == NULL)
        return;
    status->status.has_healthy = last->has_healthy;
    status->status.healthy = last->healthy;
    status->status.check_status = last->check_status;
    status->status.container_status = last->container_status;
}
