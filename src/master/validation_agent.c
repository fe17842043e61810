/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/table.h"
#include "base/text.h"
#include "master/validation.h"
#include "model/id.h"
#include "model/task_state.h"

int validate_agent_version(const char *version, struct error *err) {
    int64_t major;
    const char *dot = version == NULL ? NULL : strchr(version, '.');
    cleanup_free char *first = dot == NULL ? NULL : xstrndup(version, (size_t)(dot - version));

    if (first == NULL || integer_parse(first, 0, 1000000, &major, NULL) < 0)
        return error_set(err, 0, "its version '%s' cannot be understood", version == NULL ? "" : version);
    if (major < 1)
        return error_set(err, 0, "its version is %s, the oldest one supported is 1.0.0", version);
    return 0;
}

static int check_info(const Mesos__V1__AgentInfo *info, struct error *err) {
    if (info->id != NULL && id_validate(info->id->value, err) < 0)
        return -1;
    return resources_validate(info->resources, info->n_resources, err);
}

int validate_register_agent(const Mesos__Internal__RegisterSlaveMessage *message, struct error *err) {
    if (check_info(message->slave, err) < 0)
        return -1;
    return resources_validate(message->checkpointed_resources, message->n_checkpointed_resources, err);
}

/* Ids of what the agent told of. */
struct told {
    struct table frameworks, executors;
    struct arena arena;
};

static const char *executor_key(struct told *told, const char *framework_id, const char *executor_id) {
    return arena_printf(&told->arena, "%s/%s", framework_id, executor_id);
}

static int check_frameworks(const Mesos__Internal__ReregisterSlaveMessage *message, struct told *told,
                            struct error *err) {
    for (size_t i = 0; i < message->n_frameworks; i++) {
        Mesos__V1__FrameworkInfo *info = message->frameworks[i];

        if (validate_framework(info, err) < 0)
            return -1;
        if (info->id == NULL || info->id->value[0] == '\0')
            return error_set(err, 0, "a framework has no id");
        if (!table_add(&told->frameworks, info->id->value, info))
            return error_set(err, 0, "Framework has a duplicate FrameworkID: '%s'", info->id->value);
    }
    return 0;
}

static int check_executors(const Mesos__Internal__ReregisterSlaveMessage *message, struct told *told,
                           struct error *err) {
    for (size_t i = 0; i < message->n_executor_infos; i++) {
        Mesos__V1__ExecutorInfo *info = message->executor_infos[i];
        const char *framework_id = info->framework_id == NULL ? "" : info->framework_id->value;

        if (validate_executor_info(info, err) < 0 || resources_validate(info->resources, info->n_resources, err) < 0)
            return -1;
        if (table_find(&told->frameworks, framework_id) == NULL)
            return error_set(err, 0, "Executor has an invalid FrameworkID '%s'", framework_id);
        if (!table_add(&told->executors, executor_key(told, framework_id, info->executor_id->value), info))
            return error_set(err, 0, "Framework '%s' has a duplicate ExecutorID '%s'", framework_id,
                             info->executor_id->value);
    }
    return 0;
}

static int check_task(const Mesos__Internal__ReregisterSlaveMessage *message, const Mesos__V1__Task *task,
                      struct told *told, struct error *err) {
    if (id_validate(task->task_id->value, err) < 0)
        return error_wrap(err, "Task has an invalid TaskID");
    if (strcmp(task->agent_id->value, message->slave->id->value) != 0)
        return error_set(err, 0, "Task has an invalid AgentID '%s'", task->agent_id->value);
    if (table_find(&told->frameworks, task->framework_id->value) == NULL)
        return error_set(err, 0, "Task has an invalid FrameworkID '%s'", task->framework_id->value);
    if (!task_state_is_valid((int)task->state))
        return error_set(err, 0, "Task has an invalid state");
    /* Command executors have no ExecutorInfo at the master. */
    if (task->executor_id != NULL && task->state == MESOS__V1__TASK_STATE__TASK_RUNNING &&
        table_find(&told->executors, executor_key(told, task->framework_id->value, task->executor_id->value)) == NULL)
        return error_set(err, 0, "Task has an invalid ExecutorID '%s'", task->executor_id->value);
    if (resources_validate(task->resources, task->n_resources, err) < 0)
        return error_wrap(err, "Task uses invalid resources");
    return 0;
}

int validate_reregister_agent(const Mesos__Internal__ReregisterSlaveMessage *message, struct error *err) {
    struct told told = {TABLE_INIT, TABLE_INIT, ARENA_INIT};
    int result = 0;

    if (message->slave->id == NULL)
        return error_set(err, 0, "it has no agent id");
    if (check_info(message->slave, err) < 0 ||
        resources_validate(message->checkpointed_resources, message->n_checkpointed_resources, err) < 0)
        return -1;
    if (check_frameworks(message, &told, err) < 0 || check_executors(message, &told, err) < 0)
        result = -1;
    for (size_t i = 0; i < message->n_tasks && result == 0; i++)
        result = check_task(message, message->tasks[i], &told, err);
    table_done(&told.frameworks);
    table_done(&told.executors);
    arena_done(&told.arena);
    return result;
}
