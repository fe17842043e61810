/* SPDX-License-Identifier: Apache-2.0 */
#include "master/task.h"

#include <string.h>

#include "base/log.h"
#include "master/agent.h"
#include "master/framework.h"
#include "master/master.h"
#include "master/observer.h"
#include "message/message.h"
#include "model/name.h"

/* A copy of @shallow, whose statuses and resources are handled apart. There may be hundreds of thousands: ids that
 * others hold as well are shared. */
static struct task *task_new(Mesos__V1__Task *shallow, struct framework *framework, Mesos__V1__Resource **resources,
                             size_t resource_count) {
    struct task *task = new0(struct task);

    task->framework = framework;
    mesos__v1__agent_id__init(&task->agent_id);
    task->agent_id.value = (char *)name_get(shallow->agent_id->value);
    shallow->framework_id = NULL;
    shallow->agent_id = NULL;
    shallow->n_resources = 0;
    shallow->n_statuses = 0;
    resources_from_valid_messages(resources, resource_count, &task->resources);
    task->message = MESSAGE_COPY(shallow);
    task->message->framework_id = &framework->id_message;
    task->message->agent_id = &task->agent_id;
    task->id = task->message->task_id->value;
    return task;
}

struct task *task_new_from_info(const Mesos__V1__TaskInfo *info, struct framework *framework) {
    Mesos__V1__Task message = MESOS__V1__TASK__INIT;

    message.name = info->name;
    message.task_id = info->task_id;
    message.agent_id = info->agent_id;
    message.executor_id = info->executor == NULL ? NULL : info->executor->executor_id;
    message.state = MESOS__V1__TASK_STATE__TASK_STAGING;
    message.labels = info->labels;
    message.discovery = info->discovery;
    message.container = info->container;
    message.health_check = info->health_check;
    message.kill_policy = info->kill_policy;
    message.n_limits = info->n_limits;
    message.limits = (Mesos__V1__Task__LimitsEntry **)info->limits;
    /* The user a task runs as is its command's, else its executor's. [protobuf::createTask] */
    if (info->command != NULL && info->command->user != NULL)
        message.user = info->command->user;
    else if (info->executor != NULL && info->executor->command != NULL)
        message.user = info->executor->command->user;
    return task_new(&message, framework, info->resources, info->n_resources);
}

/* Statuses
 *
 * A packed one is a head and two messages behind it, which read as one are the whole status. The first holds what
 * endpoints show besides what is in the head; as it is often the same in all statuses of a task, it is decoded only
 * once then. The ids of the task and of its agent are left empty. */

struct status_head {
    uint32_t size, shown_size; /* of both messages, of the first */
    double timestamp;
    Mesos__V1__TaskState state;
    bool has_timestamp;
};

static struct status_head status_head(const struct task *task, uint32_t offset) {
    struct status_head head;

    memcpy(&head, task->statuses.bytes + offset, sizeof(head));
    return head;
}

static void append_status(struct task *task, const Mesos__V1__TaskStatus *status) {
    struct packed_statuses *packed = &task->statuses;
    Mesos__V1__TaskStatus shown = MESOS__V1__TASK_STATUS__INIT, rest = *status;
    Mesos__V1__TaskID no_task_id = MESOS__V1__TASK_ID__INIT;
    Mesos__V1__AgentID no_agent_id = MESOS__V1__AGENT_ID__INIT;
    struct status_head head = {.state = status->state,
                               .has_timestamp = status->has_timestamp,
                               .timestamp = status->has_timestamp ? status->timestamp : 0};
    char *at;

    no_task_id.value = no_agent_id.value = (char *)"";
    shown.task_id = rest.task_id = &no_task_id;
    if (status->agent_id != NULL && strcmp(status->agent_id->value, task->agent_id.value) == 0)
        rest.agent_id = &no_agent_id;
    shown.state = MESOS__V1__TASK_STATE__TASK_STAGING; /* the same in all */
    shown.has_healthy = status->has_healthy;
    shown.healthy = status->healthy;
    shown.labels = status->labels;
    shown.container_status = status->container_status;
    rest.has_timestamp = rest.has_healthy = false;
    rest.labels = NULL;
    rest.container_status = NULL;
    /* The data is between executor and framework, and may be large. */
    rest.has_data = false;
    rest.data = (ProtobufCBinaryData){0};

    head.shown_size = (uint32_t)MESSAGE_SIZE(&shown);
    head.size = head.shown_size + (uint32_t)MESSAGE_SIZE(&rest);
    packed->bytes = xrealloc(packed->bytes, packed->size + sizeof(head) + head.size);
    at = packed->bytes + packed->size;
    memcpy(at, &head, sizeof(head));
    protobuf_c_message_pack(&shown.base, (uint8_t *)at + sizeof(head));
    protobuf_c_message_pack(&rest.base, (uint8_t *)at + sizeof(head) + head.shown_size);
    packed->last = packed->size;
    packed->size += (uint32_t)sizeof(head) + head.size;
    packed->count++;
}

static void remove_last_status(struct task *task) {
    task->statuses.size = task->statuses.last;
    task->statuses.count--;
}

static Mesos__V1__TaskStatus *decode_status(const char *bytes, size_t size, struct arena *arena) {
    Mesos__V1__TaskStatus *status;

    if (MESSAGE_DECODE(&mesos__v1__task_status__descriptor, bytes, size, arena, &status, NULL) < 0)
        abort(); /* we have encoded it */
    return status;
}

static Mesos__V1__TaskStatus *unpack_status(const struct task *task, uint32_t offset, struct arena *arena) {
    struct status_head head = status_head(task, offset);
    Mesos__V1__TaskStatus *status = decode_status(task->statuses.bytes + offset + sizeof(head), head.size, arena);

    status->has_timestamp = head.has_timestamp;
    status->timestamp = head.timestamp;
    status->task_id = task->message->task_id;
    if (status->agent_id != NULL && status->agent_id->value[0] == '\0')
        status->agent_id = (Mesos__V1__AgentID *)&task->agent_id;
    return status;
}

static Mesos__V1__TaskStatus **unpack_statuses(const struct task *task, struct arena *arena) {
    Mesos__V1__TaskStatus **statuses = arena_alloc(arena, task->statuses.count * sizeof(Mesos__V1__TaskStatus *));
    uint32_t offset = 0;

    for (uint32_t i = 0; i < task->statuses.count; i++) {
        statuses[i] = unpack_status(task, offset, arena);
        offset += (uint32_t)sizeof(struct status_head) + status_head(task, offset).size;
    }
    return statuses;
}

Mesos__V1__TaskStatus *task_last_status(const struct task *task, struct arena *arena) {
    return task->statuses.count == 0 ? NULL : unpack_status(task, task->statuses.last, arena);
}

void task_show_statuses(const struct task *task, void (*show)(const Mesos__V1__TaskStatus *status, void *user),
                        void *user) {
    struct arena arena = ARENA_INIT;
    const char *previous = NULL;
    uint32_t previous_size = 0, offset = 0;
    Mesos__V1__TaskStatus *status = NULL;

    while (offset < task->statuses.size) {
        struct status_head head = status_head(task, offset);
        const char *bytes = task->statuses.bytes + offset + sizeof(head);

        if (previous == NULL || head.shown_size != previous_size || memcmp(bytes, previous, previous_size) != 0)
            status = decode_status(bytes, head.shown_size, &arena);
        status->state = head.state;
        status->has_timestamp = head.has_timestamp;
        status->timestamp = head.timestamp;
        show(status, user);
        previous = bytes;
        previous_size = head.shown_size;
        offset += (uint32_t)sizeof(head) + head.size;
    }
    arena_done(&arena);
}

double task_first_timestamp(const struct task *task) {
    return task->statuses.count == 0 ? 0 : status_head(task, 0).timestamp;
}

struct task *task_new_from_message(const Mesos__V1__Task *message, struct framework *framework) {
    Mesos__V1__Task shallow = *message;
    struct task *task;

    shallow.has_status_update_state = false;
    shallow.has_status_update_uuid = false;
    shallow.status_update_uuid = (ProtobufCBinaryData){0};
    task = task_new(&shallow, framework, message->resources, message->n_resources);
    for (size_t i = 0; i < message->n_statuses; i++)
        append_status(task, message->statuses[i]);
    if (message->has_status_update_state && message->has_status_update_uuid &&
        message->status_update_uuid.len == UUID_BYTES) {
        task->message->has_status_update_state = true;
        task->message->status_update_state = message->status_update_state;
        task->message->has_status_update_uuid = true;
        memcpy(task->reported_uuid, message->status_update_uuid.data, UUID_BYTES);
        task->message->status_update_uuid = (ProtobufCBinaryData){UUID_BYTES, task->reported_uuid};
    }
    return task;
}

void task_free(struct task *task) {
    if (task == NULL)
        return;
    list_remove(&task->in_agent);
    free(task->statuses.bytes);
    MESSAGE_FREE(task->message);
    name_release(task->agent_id.value);
    resources_done(&task->resources);
    free(task);
}

Mesos__V1__Task *task_to_message(const struct task *task, enum resource_format format, struct arena *arena) {
    Mesos__V1__Task *message = arena_memdup(arena, task->message, sizeof(*message));

    resources_to_messages(&task->resources, format, arena, &message->resources, &message->n_resources);
    message->statuses = unpack_statuses(task, arena);
    message->n_statuses = task->statuses.count;
    return message;
}

static bool is_over(enum task_state state) {
    return task_state_is_terminal(state) || state == TASK_UNREACHABLE;
}

void task_attach(struct task *task, struct agent *agent) {
    struct framework *framework = task->framework;

    task->agent = agent;
    list_append(&agent->tasks, &task->in_agent);
    agent->task_count++;
    table_add(&framework->tasks, task->id, task);
    agent->master->metrics.tasks_by_state[task_state(task)]++;
    framework_metrics_task_moved(&framework->metrics, -1, (int)task_state(task));
    if (!is_over(task_state(task))) {
        resources_add(&agent->used, &task->resources);
        agent_claims_changed(agent);
        resources_add(&framework->used, &task->resources);
        task->holds_resources = true;
    }
}

/* The resources of a task that has ended are free. */
static void release_resources(struct master *master, struct task *task) {
    if (!task->holds_resources)
        return;
    task->holds_resources = false;
    resources_subtract(&task->agent->used, &task->resources);
    agent_claims_changed(task->agent);
    resources_subtract(&task->framework->used, &task->resources);
    allocator_recover_resources(master->allocator, task->framework->id, task->agent->id, &task->resources, NULL, true);
}

static bool is_check_update(const Mesos__V1__TaskStatus *status) {
    return status->has_reason &&
           (status->reason == MESOS__V1__TASK_STATUS__REASON__REASON_TASK_CHECK_STATUS_UPDATED ||
            status->reason == MESOS__V1__TASK_STATUS__REASON__REASON_TASK_HEALTH_CHECK_STATUS_UPDATED);
}

static void set_state(struct master *master, struct task *task, enum task_state state) {
    enum task_state from = task_state(task);

    if (from == state)
        return;
    framework_metrics_task_moved(&task->framework->metrics, (int)from, (int)state);
    if (task->agent != NULL) {
        master->metrics.tasks_by_state[from]--;
        master->metrics.tasks_by_state[state]++;
    }
    task->message->state = (Mesos__V1__TaskState)state;
}

void task_update(struct master *master, struct task *task, const Mesos__V1__TaskStatus *status,
                 enum task_state latest) {
    bool was_over = is_over(task_state(task));
    bool is_news = is_check_update(status);

    if (!task_state_is_terminal(task_state(task)))
        set_state(master, task, latest);
    if (task->statuses.count > 0 && status_head(task, task->statuses.last).state == status->state)
        remove_last_status(task);
    else
        is_news = true;
    append_status(task, status);
    log_info("Updating the state of task %s of framework %s (latest state: %s, status update state: %s)", task->id,
             task->framework->id, task_state_name(task_state(task)), task_state_name((enum task_state)status->state));
    if (is_news)
        observers_task_updated(master, task, status);
    if (!was_over && is_over(latest)) {
        release_resources(master, task);
        master_metrics_task_ended(master, (enum task_state)status->state, (int)status->source, status->has_reason,
                                  (int)status->reason);
    }
}

void task_set_reported(struct task *task, const Mesos__V1__TaskStatus *status) {
    Mesos__V1__Task *message = task->message;

    if (!status->has_uuid || status->uuid.len != UUID_BYTES)
        return;
    message->has_status_update_state = true;
    message->status_update_state = status->state;
    message->has_status_update_uuid = true;
    memcpy(task->reported_uuid, status->uuid.data, UUID_BYTES);
    message->status_update_uuid = (ProtobufCBinaryData){UUID_BYTES, task->reported_uuid};
}

void task_remove(struct master *master, struct task *task, bool is_unreachable) {
    struct framework *framework = task->framework;
    struct agent *agent = task->agent;

    if (!is_over(task_state(task)))
        log_warning("Removing task %s of framework %s on agent %s in the state %s", task->id, framework->id, agent->id,
                    task_state_name(task_state(task)));
    release_resources(master, task);
    master->metrics.tasks_by_state[task_state(task)]--;
    list_remove(&task->in_agent);
    agent->task_count--;
    task->agent = NULL;
    table_remove(&framework->tasks, task->id);
    if (is_unreachable) {
        struct lost_agent *lost = table_find(&master->unreachable_agents, agent->id);

        if (lost != NULL)
            list_append(&lost->tasks, &task->in_agent);
        framework_add_unreachable_task(framework, task);
    } else
        framework_add_completed_task(framework, task);
}
