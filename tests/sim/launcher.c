/* SPDX-License-Identifier: Apache-2.0 */
#include "launcher.h"

#include <stdio.h>

#include "base/arena.h"
#include "executor.h"
#include "model/resources.h"
#include "operations.h"

enum { TASKS_PER_OFFER = 8, GROUP_MOST = 3, OPERATIONS_PER_OFFER = 3 };

/* In thousandths; an executor of a group comes on top. */
enum { TASK_CPUS = 500, TASK_MEM = 64000, GROUP_TASK_CPUS = 300, GROUP_TASK_MEM = 32000, ROOM_CPUS = 700 };
enum { EXECUTOR_CPUS = 100, EXECUTOR_MEM = 32000, EXECUTOR_DISK = 16000 };

/* An answer that is being put together. */
struct answer {
    struct framework *framework;
    const Mesos__V1__Offer *offer;
    struct arena arena;
    struct planned_amounts left;
    Mesos__V1__Offer__Operation *operations[OPERATIONS_PER_OFFER];
    size_t operation_count;
};

static void *make(struct answer *answer, const ProtobufCMessageDescriptor *descriptor) {
    ProtobufCMessage *message = arena_alloc(&answer->arena, descriptor->sizeof_message);

    descriptor->message_init(message);
    return message;
}

static Mesos__V1__Resource *make_resource(struct answer *answer, const char *name, int64_t amount) {
    Mesos__V1__Resource *resource = make(answer, &mesos__v1__resource__descriptor);

    resource->name = arena_strdup(&answer->arena, name);
    resource->type = MESOS__V1__VALUE__TYPE__SCALAR;
    resource->scalar = make(answer, &mesos__v1__value__scalar__descriptor);
    resource->scalar->value = (double)amount / 1000;
    resource->allocation_info = make(answer, &mesos__v1__resource__allocation_info__descriptor);
    resource->allocation_info->role = answer->framework->role;
    return resource;
}

/* The list of those that are not 0. */
static Mesos__V1__Resource **make_resources(struct answer *answer, int64_t cpus, int64_t mem, int64_t disk,
                                            size_t *ret_count) {
    Mesos__V1__Resource **list = arena_alloc(&answer->arena, 3 * sizeof(*list));
    size_t count = 0;

    list[count++] = make_resource(answer, "cpus", cpus);
    list[count++] = make_resource(answer, "mem", mem);
    if (disk > 0)
        list[count++] = make_resource(answer, "disk", disk);
    *ret_count = count;
    answer->left.cpus -= cpus;
    answer->left.mem -= mem;
    answer->left.disk -= disk;
    return list;
}

static Mesos__V1__CommandInfo *make_command(struct answer *answer, const char *value) {
    Mesos__V1__CommandInfo *command = make(answer, &mesos__v1__command_info__descriptor);

    command->value = arena_strdup(&answer->arena, value);
    return command;
}

static Mesos__V1__CommandInfo *make_script(struct answer *answer, unsigned run_ms, unsigned exit_code) {
    char text[32];

    snprintf(text, sizeof(text), "%u %u", run_ms, exit_code);
    return make_command(answer, text);
}

static Mesos__V1__ExecutorInfo *make_executor(struct answer *answer, const char *id, bool is_default) {
    Mesos__V1__ExecutorInfo *executor = make(answer, &mesos__v1__executor_info__descriptor);

    executor->executor_id = make(answer, &mesos__v1__executor_id__descriptor);
    executor->executor_id->value = arena_strdup(&answer->arena, id);
    executor->framework_id = make(answer, &mesos__v1__framework_id__descriptor);
    executor->framework_id->value = answer->framework->id;
    executor->has_type = true;
    executor->type = MESOS__V1__EXECUTOR_INFO__TYPE__CUSTOM;
    if (is_default) {
        executor->type = MESOS__V1__EXECUTOR_INFO__TYPE__DEFAULT;
        executor->resources = make_resources(answer, EXECUTOR_CPUS, EXECUTOR_MEM, EXECUTOR_DISK,
                                             &executor->n_resources);
    } else {
        executor->command = make_command(answer, "sim-executor");
    }
    return executor;
}

/* The next planned task, from now on launched. */
static Mesos__V1__TaskInfo *make_task(struct answer *answer, struct planned_task **ret) {
    struct framework *framework = answer->framework;
    struct planned_task *task = &framework->tasks[framework->next++];
    Mesos__V1__TaskInfo *info = make(answer, &mesos__v1__task_info__descriptor);

    info->name = task->id;
    info->task_id = make(answer, &mesos__v1__task_id__descriptor);
    info->task_id->value = task->id;
    info->agent_id = answer->offer->agent_id;
    task->state = LAUNCHED;
    task->launched_ns = sim_now(framework->sim);
    task->last = MESOS__V1__TASK_STATE__TASK_STAGING;
    snprintf(task->agent_id, sizeof(task->agent_id), "%s", answer->offer->agent_id->value);
    framework->launched++;
    *ret = task;
    return info;
}

static void add_health_check(struct answer *answer, struct planned_task *task, Mesos__V1__TaskInfo *info,
                             bool is_unhealthy) {
    Mesos__V1__HealthCheck *check = make(answer, &mesos__v1__health_check__descriptor);

    check->has_type = true;
    check->type = MESOS__V1__HEALTH_CHECK__TYPE__COMMAND;
    check->command = make_script(answer, 5, is_unhealthy);
    check->has_delay_seconds = check->has_interval_seconds = check->has_grace_period_seconds = true;
    check->delay_seconds = 0.5;
    check->interval_seconds = 5;
    check->grace_period_seconds = 0;
    info->health_check = check;
    task->has_check = true;
    task->is_unhealthy = is_unhealthy;
}

static Mesos__V1__TaskInfo *make_single(struct answer *answer, Mesos__V1__ExecutorInfo *executor) {
    uint64_t chance = sim_random(answer->framework->sim);
    struct task_script *script = arena_calloc(&answer->arena, sizeof(*script));
    struct planned_task *task;
    Mesos__V1__TaskInfo *info = make_task(answer, &task);

    *script = (struct task_script){.run_ms = (uint32_t)(chance % 20000), .exit_code = chance >> 32 & 7 ? 0 : 1};
    info->resources = make_resources(answer, TASK_CPUS, TASK_MEM, 0, &info->n_resources);
    if ((chance >> 36 & 7) == 0) {
        script->unhealthy = (chance >> 40 & 3) == 0;
        add_health_check(answer, task, info, script->unhealthy);
    }
    if (executor != NULL) {
        info->executor = executor;
        info->has_data = true;
        info->data = (ProtobufCBinaryData){sizeof(*script), (uint8_t *)script};
    } else {
        info->command = make_script(answer, script->run_ms, script->exit_code);
    }
    return info;
}

static Mesos__V1__Offer__Operation *add_operation(struct answer *answer, int type) {
    Mesos__V1__Offer__Operation *operation = make(answer, &mesos__v1__offer__operation__descriptor);

    operation->has_type = true;
    operation->type = (Mesos__V1__Offer__Operation__Type)type;
    answer->operations[answer->operation_count++] = operation;
    return operation;
}

static unsigned tasks_left(const struct framework *framework) {
    return framework->plan.tasks - framework->next;
}

static void add_singles(struct answer *answer, unsigned count) {
    Mesos__V1__ExecutorInfo *executor = NULL;
    Mesos__V1__Offer__Operation__Launch *launch = make(answer, &mesos__v1__offer__operation__launch__descriptor);

    if (answer->framework->plan.custom_executor)
        executor = make_executor(answer, "executor", false);
    launch->task_infos = arena_alloc(&answer->arena, count * sizeof(*launch->task_infos));
    for (unsigned i = 0; i < count; i++)
        launch->task_infos[launch->n_task_infos++] = make_single(answer, executor);
    add_operation(answer, MESOS__V1__OFFER__OPERATION__TYPE__LAUNCH)->launch = launch;
}

/* Two or three tasks that run in one default executor, which may be one that runs others already. */
static void add_group(struct answer *answer) {
    struct framework *framework = answer->framework;
    uint64_t chance = sim_random(framework->sim);
    unsigned size = 2 + (unsigned)(chance % (GROUP_MOST - 1)), first = framework->next;
    Mesos__V1__Offer__Operation__LaunchGroup *launch = make(answer,
                                                            &mesos__v1__offer__operation__launch_group__descriptor);
    char id[32];

    snprintf(id, sizeof(id), "default-%u", (unsigned)(chance >> 8 & 7));
    launch->executor = make_executor(answer, id, true);
    launch->task_group = make(answer, &mesos__v1__task_group_info__descriptor);
    launch->task_group->tasks = arena_alloc(&answer->arena, size * sizeof(*launch->task_group->tasks));
    for (unsigned i = 0; i < size; i++) {
        struct planned_task *task;
        Mesos__V1__TaskInfo *info = make_task(answer, &task);

        chance = sim_random(framework->sim);
        task->group_first = first;
        task->group_size = size;
        info->resources = make_resources(answer, GROUP_TASK_CPUS, GROUP_TASK_MEM, 0, &info->n_resources);
        /* Those that fail do so early, while some others would go on for long. */
        if ((chance >> 32 & 7) == 0)
            info->command = make_script(answer, (unsigned)(chance % 10000), 1);
        else
            info->command = make_script(answer, (unsigned)(chance % ((chance >> 40 & 3) == 0 ? 120000 : 20000)), 0);
        if ((chance >> 36 & 7) == 0)
            add_health_check(answer, task, info, false);
        launch->task_group->tasks[launch->task_group->n_tasks++] = info;
    }
    framework->groups++;
    add_operation(answer, MESOS__V1__OFFER__OPERATION__TYPE__LAUNCH_GROUP)->launch_group = launch;
}

static bool has_room_for_group(const struct answer *answer) {
    const struct planned_amounts *left = &answer->left;

    return tasks_left(answer->framework) >= GROUP_MOST && left->cpus >= EXECUTOR_CPUS + GROUP_MOST * GROUP_TASK_CPUS &&
           left->mem >= EXECUTOR_MEM + GROUP_MOST * GROUP_TASK_MEM && left->disk >= EXECUTOR_DISK;
}

/* How many single tasks fit. */
static unsigned room_of(const struct answer *answer) {
    int64_t room = answer->left.cpus / ROOM_CPUS;
    unsigned left = tasks_left(answer->framework);

    if (room > answer->left.mem / TASK_MEM)
        room = answer->left.mem / TASK_MEM;
    if (room > TASKS_PER_OFFER)
        room = TASKS_PER_OFFER;
    return room > left ? left : (unsigned)room;
}

static void decline(struct framework *framework, const Mesos__V1__Offer *offer, double refuse_seconds) {
    Mesos__V1__Scheduler__Call message = MESOS__V1__SCHEDULER__CALL__INIT;
    Mesos__V1__Scheduler__Call__Decline decline = MESOS__V1__SCHEDULER__CALL__DECLINE__INIT;
    Mesos__V1__Filters filters = MESOS__V1__FILTERS__INIT;

    filters.has_refuse_seconds = true;
    filters.refuse_seconds = refuse_seconds;
    decline.offer_ids = (Mesos__V1__OfferID **)(uintptr_t)&offer->id;
    decline.n_offer_ids = 1;
    decline.filters = &filters;
    message.decline = &decline;
    framework_call(framework, &message, MESOS__V1__SCHEDULER__CALL__TYPE__DECLINE);
}

static void accept(struct answer *answer) {
    Mesos__V1__Scheduler__Call message = MESOS__V1__SCHEDULER__CALL__INIT;
    Mesos__V1__Scheduler__Call__Accept accept = MESOS__V1__SCHEDULER__CALL__ACCEPT__INIT;
    Mesos__V1__Filters filters = MESOS__V1__FILTERS__INIT;

    filters.has_refuse_seconds = true;
    filters.refuse_seconds = 1;
    accept.offer_ids = (Mesos__V1__OfferID **)(uintptr_t)&answer->offer->id;
    accept.n_offer_ids = 1;
    accept.operations = answer->operations;
    accept.n_operations = answer->operation_count;
    accept.filters = &filters;
    message.accept = &accept;
    framework_call(answer->framework, &message, MESOS__V1__SCHEDULER__CALL__TYPE__ACCEPT);
}

void launcher_answer(struct framework *framework, const Mesos__V1__Offer *offer) {
    struct answer answer = {.framework = framework, .offer = offer, .arena = ARENA_INIT};
    Mesos__V1__Offer__Operation *operation;
    unsigned room;

    operation = operations_choose(framework, offer, &answer.arena, &answer.left);
    if (operation != NULL)
        answer.operations[answer.operation_count++] = operation;
    if (has_room_for_group(&answer) && sim_random(framework->sim) % 8 == 0)
        add_group(&answer);
    room = room_of(&answer);
    if (room > 0)
        add_singles(&answer, 1 + (unsigned)(sim_random(framework->sim) % room));
    if (answer.operation_count > 0)
        accept(&answer);
    else
        decline(framework, offer, tasks_left(framework) == 0 ? 3600 : 2);
    arena_done(&answer.arena);
}
