/* SPDX-License-Identifier: Apache-2.0 */
#include "executor/task_updates.h"

#include <string.h>

#include "executor/checker.h"
#include "message/message.h"

void task_updates_init(struct task_updates *updates, struct env *env, struct executor_client *client,
                       const char *executor_id, const Mesos__V1__TaskInfo *task) {
    *updates = (struct task_updates){.env = env, .client = client, .executor_id = executor_id, .task = task};
}

void task_updates_done(struct task_updates *updates) {
    MESSAGE_FREE(updates->last);
    updates->last = NULL;
}

static void send_status(struct task_updates *updates, Mesos__V1__TaskStatus *status, int reason) {
    Mesos__V1__ExecutorID executor_id = MESOS__V1__EXECUTOR_ID__INIT;
    executor_id.value = (char *)updates->executor_id;
    env_random_uuid(updates->env, updates->uuid);
    status->executor_id = &executor_id;
    status->has_source = true;
    status->source = MESOS__V1__TASK_STATUS__SOURCE__SOURCE_EXECUTOR;
    status->has_reason = reason >= 0;
    if (reason >= 0)
        status->reason = (Mesos__V1__TaskStatus__Reason)reason;
    status->has_timestamp = true;
    status->timestamp = (double)env_wall_clock(updates->env) / SECOND;
    status->has_uuid = true;
    status->uuid = (ProtobufCBinaryData){UUID_BYTES, updates->uuid};
    executor_client_send_update(updates->client, status);
    Mesos__V1__TaskStatus *last = MESSAGE_COPY(status);
    MESSAGE_FREE(updates->last);
    updates->last = last;
}

void task_updates_send(struct task_updates *updates, const struct task_news *news) {
    Mesos__V1__TaskStatus status = MESOS__V1__TASK_STATUS__INIT;
    struct empty_check_status check_status;
    status.task_id = updates->task->task_id;
    status.state = news->state;
    status.message = (char *)news->message;
    status.limitation = news->limitation;
    status.has_healthy = news->is_unhealthy;
    status.healthy = false;
    if (updates->task->check != NULL) {
        check_status_init(&check_status, updates->task->check->type);
        status.check_status = &check_status.status;
    }
    send_status(updates, &status, news->reason);
}

void task_updates_send_check(struct task_updates *updates, const Mesos__V1__CheckStatusInfo *check_status) {
    Mesos__V1__TaskStatus status = *updates->last;
    status.message = NULL;
    status.check_status = (Mesos__V1__CheckStatusInfo *)check_status;
    send_status(updates, &status, MESOS__V1__TASK_STATUS__REASON__REASON_TASK_CHECK_STATUS_UPDATED);
}

void task_updates_send_health(struct task_updates *updates, bool healthy) {
    Mesos__V1__TaskStatus status = *updates->last;
    status.message = NULL;
    status.has_healthy = true;
    status.healthy = healthy;
    send_status(updates, &status, MESOS__V1__TASK_STATUS__REASON__REASON_TASK_HEALTH_CHECK_STATUS_UPDATED);
}
