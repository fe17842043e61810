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

/* Whether @shallow has something that most tasks have not. */
static bool has_extras(const Mesos__V1__Task *shallow) {
    Mesos__V1__Task none = MESOS__V1__TASK__INIT;

    none.state = shallow->state;
    return shallow->base.n_unknown_fields > 0 || !MESSAGE_EQUAL(shallow, &none);
}

/* A copy of @shallow, whose statuses and resources are handled apart. There may be hundreds of thousands: ids that
 * others hold as well are shared, and what each has is in one piece. */
static struct task *task_new(Mesos__V1__Task *shallow, struct framework *framework, Mesos__V1__Resource **resources,
                             size_t resource_count) {
    const char *id = shallow->task_id->value, *name = shallow->name == NULL ? "" : shallow->name;
    const char *executor_id = shallow->executor_id == NULL ? NULL : shallow->executor_id->value;
    size_t id_size = strlen(id) + 1, name_size = strlen(name) + 1;
    size_t executor_id_size = executor_id == NULL ? 0 : strlen(executor_id) + 1;
    struct task *task = xcalloc(1, sizeof(*task) + id_size + name_size + executor_id_size);

    memcpy(task->id, id, id_size);
    task->name = memcpy(task->id + id_size, name, name_size);
    if (executor_id != NULL)
        task->executor_id = memcpy(task->id + id_size + name_size, executor_id, executor_id_size);
    task->framework = framework;
    task->agent_id = name_get(shallow->agent_id->value);
    task->state = (uint8_t)shallow->state;
    resources_from_valid_messages(resources, resource_count, &task->resources);
    shallow->name = NULL;
    shallow->task_id = NULL;
    shallow->framework_id = NULL;
    shallow->executor_id = NULL;
    shallow->agent_id = NULL;
    shallow->n_resources = 0;
    shallow->n_statuses = 0;
    if (has_extras(shallow))
        task->extras = MESSAGE_COPY(shallow);
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
 * endpoints show besides what is in the head; it is left out if it is that of the status before, as it often is. The
 * ids of the task and of its agent are left empty. */

struct status_head {
    uint32_t size, shown_size; /* of both messages, of the first */
    double timestamp;
    Mesos__V1__TaskState state;
    bool has_timestamp;
};

/* A place among them. Zeroed it is the one before the first. */
struct status_cursor {
    uint32_t offset, next;
    struct status_head head;
    const char *shown, *rest;
    uint32_t shown_size, rest_size;
};

static bool next_status(const struct task *task, struct status_cursor *cursor) {
    const char *at = task->statuses.bytes + cursor->next;

    if (cursor->next >= task->statuses.size)
        return false;
    memcpy(&cursor->head, at, sizeof(cursor->head));
    at += sizeof(cursor->head);
    if (cursor->head.shown_size > 0) {
        cursor->shown = at;
        cursor->shown_size = cursor->head.shown_size;
    }
    cursor->rest = at + cursor->head.shown_size;
    cursor->rest_size = cursor->head.size - cursor->head.shown_size;
    cursor->offset = cursor->next;
    cursor->next += (uint32_t)sizeof(cursor->head) + cursor->head.size;
    return true;
}

/* False if there is none. */
static bool last_status(const struct task *task, struct status_cursor *ret) {
    *ret = (struct status_cursor){0};
    while (next_status(task, ret))
        ;
    return task->statuses.count > 0;
}

static void append_status(struct task *task, const Mesos__V1__TaskStatus *status) {
    struct packed_statuses *packed = &task->statuses;
    struct buffer cleanup_buffer shown_bytes = BUFFER_INIT;
    Mesos__V1__TaskStatus shown = MESOS__V1__TASK_STATUS__INIT, rest = *status;
    Mesos__V1__TaskID no_task_id = MESOS__V1__TASK_ID__INIT;
    Mesos__V1__AgentID no_agent_id = MESOS__V1__AGENT_ID__INIT;
    struct status_head head = {.state = status->state,
                               .has_timestamp = status->has_timestamp,
                               .timestamp = status->has_timestamp ? status->timestamp : 0};
    struct status_cursor last;
    char *at;

    no_task_id.value = no_agent_id.value = (char *)"";
    shown.task_id = rest.task_id = &no_task_id;
    if (status->agent_id != NULL && strcmp(status->agent_id->value, task->agent_id) == 0)
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

    MESSAGE_ENCODE(&shown, &shown_bytes);
    if (!last_status(task, &last) || last.shown_size != shown_bytes.size ||
        memcmp(last.shown, shown_bytes.data, shown_bytes.size) != 0)
        head.shown_size = (uint32_t)shown_bytes.size;
    head.size = head.shown_size + (uint32_t)MESSAGE_SIZE(&rest);
    packed->bytes = xrealloc(packed->bytes, packed->size + sizeof(head) + head.size);
    at = packed->bytes + packed->size;
    memcpy(at, &head, sizeof(head));
    memcpy(at + sizeof(head), shown_bytes.data, head.shown_size);
    protobuf_c_message_pack(&rest.base, (uint8_t *)at + sizeof(head) + head.shown_size);
    packed->size += (uint32_t)sizeof(head) + head.size;
    packed->count++;
}

static Mesos__V1__TaskStatus *decode_status(const char *bytes, size_t size, struct arena *arena) {
    Mesos__V1__TaskStatus *status;

    if (MESSAGE_DECODE(&mesos__v1__task_status__descriptor, bytes, size, arena, &status, NULL) < 0)
        abort(); /* we have encoded it */
    return status;
}

static Mesos__V1__TaskID *id_message(const struct task *task, struct arena *arena) {
    Mesos__V1__TaskID *message = arena_alloc(arena, sizeof(*message));

    mesos__v1__task_id__init(message);
    message->value = (char *)task->id;
    return message;
}

static Mesos__V1__AgentID *agent_id_message(const struct task *task, struct arena *arena) {
    Mesos__V1__AgentID *message = arena_alloc(arena, sizeof(*message));

    mesos__v1__agent_id__init(message);
    message->value = (char *)task->agent_id;
    return message;
}

static Mesos__V1__TaskStatus *unpack_status(const struct task *task, const struct status_cursor *cursor,
                                            Mesos__V1__TaskID *id, struct arena *arena) {
    char *bytes = arena_alloc(arena, cursor->shown_size + cursor->rest_size);
    Mesos__V1__TaskStatus *status;

    memcpy(bytes, cursor->shown, cursor->shown_size);
    memcpy(bytes + cursor->shown_size, cursor->rest, cursor->rest_size);
    status = decode_status(bytes, cursor->shown_size + cursor->rest_size, arena);
    status->has_timestamp = cursor->head.has_timestamp;
    status->timestamp = cursor->head.timestamp;
    status->task_id = id;
    if (status->agent_id != NULL && status->agent_id->value[0] == '\0')
        status->agent_id->value = (char *)task->agent_id;
    return status;
}

static Mesos__V1__TaskStatus **unpack_statuses(const struct task *task, Mesos__V1__TaskID *id, struct arena *arena) {
    Mesos__V1__TaskStatus **statuses = arena_alloc(arena, task->statuses.count * sizeof(Mesos__V1__TaskStatus *));
    struct status_cursor cursor = {0};

    for (uint32_t i = 0; next_status(task, &cursor); i++)
        statuses[i] = unpack_status(task, &cursor, id, arena);
    return statuses;
}

Mesos__V1__TaskStatus *task_last_status(const struct task *task, struct arena *arena) {
    struct status_cursor last;

    return last_status(task, &last) ? unpack_status(task, &last, id_message(task, arena), arena) : NULL;
}

void task_show_statuses(const struct task *task, void (*show)(const Mesos__V1__TaskStatus *status, void *user),
                        void *user) {
    struct arena arena = ARENA_INIT;
    struct status_cursor cursor = {0};
    Mesos__V1__TaskStatus *status = NULL;

    while (next_status(task, &cursor)) {
        if (cursor.head.shown_size > 0)
            status = decode_status(cursor.shown, cursor.shown_size, &arena);
        status->state = cursor.head.state;
        status->has_timestamp = cursor.head.has_timestamp;
        status->timestamp = cursor.head.timestamp;
        show(status, user);
    }
    arena_done(&arena);
}

double task_first_timestamp(const struct task *task) {
    struct status_cursor cursor = {0};

    return next_status(task, &cursor) ? cursor.head.timestamp : 0;
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
        task->has_reported = true;
        task->reported_state = (uint8_t)message->status_update_state;
        memcpy(task->reported_uuid, message->status_update_uuid.data, UUID_BYTES);
    }
    return task;
}

void task_free(struct task *task) {
    if (task == NULL)
        return;
    list_remove(&task->in_agent);
    free(task->statuses.bytes);
    MESSAGE_FREE(task->extras);
    name_release(task->agent_id);
    resources_done(&task->resources);
    free(task);
}

Mesos__V1__Task *task_to_message(const struct task *task, enum resource_format format, struct arena *arena) {
    Mesos__V1__Task *message = arena_alloc(arena, sizeof(*message));

    if (task->extras != NULL)
        *message = *task->extras;
    else
        mesos__v1__task__init(message);
    message->name = (char *)task->name;
    message->task_id = id_message(task, arena);
    message->framework_id = &task->framework->id_message;
    message->agent_id = agent_id_message(task, arena);
    if (task->executor_id != NULL) {
        message->executor_id = arena_alloc(arena, sizeof(*message->executor_id));
        mesos__v1__executor_id__init(message->executor_id);
        message->executor_id->value = (char *)task->executor_id;
    }
    message->state = (Mesos__V1__TaskState)task->state;
    message->has_status_update_state = message->has_status_update_uuid = task->has_reported;
    if (task->has_reported) {
        message->status_update_state = (Mesos__V1__TaskState)task->reported_state;
        message->status_update_uuid = (ProtobufCBinaryData){UUID_BYTES, (uint8_t *)task->reported_uuid};
    }
    resources_to_messages(&task->resources, format, arena, &message->resources, &message->n_resources);
    message->statuses = unpack_statuses(task, message->task_id, arena);
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
    task->state = (uint8_t)state;
}

void task_update(struct master *master, struct task *task, const Mesos__V1__TaskStatus *status,
                 enum task_state latest) {
    bool was_over = is_over(task_state(task));
    bool is_news = is_check_update(status);
    struct status_cursor last;

    if (!task_state_is_terminal(task_state(task)))
        set_state(master, task, latest);
    if (last_status(task, &last) && last.head.state == status->state) {
        task->statuses.size = last.offset;
        task->statuses.count--;
    } else {
        is_news = true;
    }
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
    if (!status->has_uuid || status->uuid.len != UUID_BYTES)
        return;
    task->has_reported = true;
    task->reported_state = (uint8_t)status->state;
    memcpy(task->reported_uuid, status->uuid.data, UUID_BYTES);
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
