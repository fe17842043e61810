/* SPDX-License-Identifier: Apache-2.0 */
#include "mesos/mesos.h"

#include "message/message.h"
#include "model/resources.h"
#include "model/task_state.h"

const char *mesos_version(void) {
    return "1.11.0";
}

const char *mesos_status_name(enum mesos_status status) {
    const char *name = message_enum_name(&mesos__v1__status__descriptor, (int)status);

    return name == NULL ? "DRIVER_NOT_STARTED" : name;
}

/* Users may change the messages that they have from here, piece by piece. So each piece is an allocation of its own, as
 * protobuf-c makes them, and not part of one block, as message_copy() does. */
void *mesos_message_copy(const void *message) {
    const ProtobufCMessage *base = message;
    cleanup_buffer struct buffer bytes = BUFFER_INIT;

    message_encode(base, &bytes);
    return protobuf_c_message_unpack(base->descriptor, NULL, bytes.size, (const uint8_t *)bytes.data);
}

void mesos_message_free(void *message) {
    if (message != NULL)
        protobuf_c_message_free_unpacked(message, NULL);
}

Mesos__V1__FrameworkInfo *mesos_framework_info_new(const char *user, const char *name) {
    Mesos__V1__FrameworkInfo framework = MESOS__V1__FRAMEWORK_INFO__INIT;

    framework.user = (char *)(uintptr_t)user;
    framework.name = (char *)(uintptr_t)name;
    return mesos_message_copy(&framework);
}

/* Parse @text into messages on the heap. */
static int parse_resources(const char *text, Mesos__V1__Resource ***ret, size_t *ret_count, char **ret_error) {
    cleanup_resources struct resources resources = RESOURCES_INIT;
    cleanup_(arena_done) struct arena arena = ARENA_INIT;
    cleanup_error struct error err = ERROR_INIT;
    Mesos__V1__Resource **parsed;
    size_t count;

    if (resources_parse(text, "*", &resources, &err) < 0) {
        if (ret_error != NULL)
            *ret_error = take_ptr(&err.message);
        return -1;
    }
    resources_to_messages(&resources, RESOURCE_FORMAT_NEW, &arena, &parsed, &count);
    *ret = xcalloc(count, sizeof(Mesos__V1__Resource *));
    *ret_count = count;
    for (size_t i = 0; i < count; i++)
        (*ret)[i] = mesos_message_copy(parsed[i]);
    return 0;
}

static Mesos__V1__CommandInfo *shell_command(const char *command) {
    Mesos__V1__CommandInfo info = MESOS__V1__COMMAND_INFO__INIT;

    info.value = (char *)(uintptr_t)command;
    info.has_shell = true;
    info.shell = true;
    return mesos_message_copy(&info);
}

Mesos__V1__TaskInfo *mesos_task_info_new(const char *task_id, const char *name, const char *agent_id,
                                         const char *command, const char *resources, char **ret_error) {
    Mesos__V1__TaskInfo empty = MESOS__V1__TASK_INFO__INIT, *task;
    Mesos__V1__TaskID id = MESOS__V1__TASK_ID__INIT;
    Mesos__V1__AgentID agent = MESOS__V1__AGENT_ID__INIT;
    Mesos__V1__Resource **parsed;
    size_t count;

    if (parse_resources(resources, &parsed, &count, ret_error) < 0)
        return NULL;
    id.value = (char *)(uintptr_t)task_id;
    agent.value = (char *)(uintptr_t)agent_id;
    empty.name = (char *)(uintptr_t)name;
    empty.task_id = &id;
    empty.agent_id = &agent;
    task = mesos_message_copy(&empty);
    task->resources = parsed;
    task->n_resources = count;
    if (command != NULL)
        task->command = shell_command(command);
    return task;
}

Mesos__V1__ExecutorInfo *mesos_executor_info_new(const char *executor_id, const char *name, const char *command,
                                                 const char *resources, char **ret_error) {
    Mesos__V1__ExecutorInfo empty = MESOS__V1__EXECUTOR_INFO__INIT, *executor;
    Mesos__V1__ExecutorID id = MESOS__V1__EXECUTOR_ID__INIT;
    Mesos__V1__Resource **parsed = NULL;
    size_t count = 0;

    if (resources != NULL && parse_resources(resources, &parsed, &count, ret_error) < 0)
        return NULL;
    id.value = (char *)(uintptr_t)executor_id;
    empty.executor_id = &id;
    empty.name = (char *)(uintptr_t)name;
    executor = mesos_message_copy(&empty);
    executor->resources = parsed;
    executor->n_resources = count;
    executor->command = shell_command(command);
    return executor;
}

void mesos_task_info_set_executor(Mesos__V1__TaskInfo *task, const Mesos__V1__ExecutorInfo *executor) {
    mesos_message_free(task->command);
    mesos_message_free(task->executor);
    task->command = NULL;
    task->executor = mesos_message_copy(executor);
}

void mesos_task_info_set_data(Mesos__V1__TaskInfo *task, const void *data, size_t size) {
    if (task->has_data)
        free(task->data.data);
    task->has_data = true;
    task->data = (ProtobufCBinaryData){size, xmemdup(data, size)};
}

Mesos__V1__TaskStatus *mesos_task_status_new(const char *task_id, Mesos__V1__TaskState state, const char *message) {
    Mesos__V1__TaskStatus status = MESOS__V1__TASK_STATUS__INIT;
    Mesos__V1__TaskID id = MESOS__V1__TASK_ID__INIT;

    id.value = (char *)(uintptr_t)task_id;
    status.task_id = &id;
    status.state = state;
    status.message = (char *)(uintptr_t)message;
    return mesos_message_copy(&status);
}

/* Amounts alone, as an offer's: without roles, reservations and allocations. */
static void amounts(Mesos__V1__Resource *const *messages, size_t count, struct resources *ret) {
    for (size_t i = 0; i < count; i++) {
        Mesos__V1__Resource bare = *messages[i], *one[] = {&bare};
        cleanup_resources struct resources part = RESOURCES_INIT;

        bare.role = NULL;
        bare.reservation = NULL;
        bare.n_reservations = 0;
        bare.allocation_info = NULL;
        bare.provider_id = NULL;
        bare.revocable = NULL;
        bare.shared = NULL;
        bare.disk = NULL;
        resources_from_valid_messages(one, 1, &part);
        resources_add(ret, &part);
    }
}

double mesos_resources_scalar(Mesos__V1__Resource *const *resources, size_t count, const char *name) {
    double sum = 0;

    for (size_t i = 0; i < count; i++)
        if (resources[i]->scalar != NULL && strcmp(resources[i]->name, name) == 0)
            sum += resources[i]->scalar->value;
    return sum;
}

bool mesos_resources_contain(Mesos__V1__Resource *const *available, size_t count, const char *wanted) {
    cleanup_resources struct resources have = RESOURCES_INIT, want = RESOURCES_INIT;

    if (resources_parse(wanted, "*", &want, NULL) < 0)
        return false;
    amounts(available, count, &have);
    return resources_contain(&have, &want);
}

const char *mesos_task_state_name(Mesos__V1__TaskState state) {
    const char *name = message_enum_name(&mesos__v1__task_state__descriptor, (int)state);

    return name == NULL ? "TASK_UNKNOWN" : name;
}

bool mesos_task_state_is_terminal(Mesos__V1__TaskState state) {
    return task_state_is_terminal((enum task_state)state);
}
