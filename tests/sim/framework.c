/* SPDX-License-Identifier: Apache-2.0 */
#include "framework.h"

#include <stdio.h>
#include <string.h>

#include "executor.h"
#include "model/resources.h"
#include "model/task_state.h"

enum { TASKS_PER_OFFER = 8 };

#define RECONCILE_INTERVAL (20 * SECOND)
/* A launch that nobody has heard of after so long is reconciled by name. */
#define LAUNCH_PATIENCE (10 * SECOND)

static struct planned_task *find_task(struct framework *framework, const char *id) {
    unsigned number;

    if (sscanf(id, "%*[^-]-%u", &number) != 1 || number >= framework->plan.tasks)
        return NULL;
    return &framework->tasks[number];
}

static void violate(struct framework *framework, const struct planned_task *task, const char *what, int state) {
    if (framework->violation == NULL)
        framework->violation = xasprintf("%s: task %s: %s (%s after %s)", framework->name, task->id, what,
                                         task_state_name((enum task_state)state),
                                         task->state == ENDED ? task_state_name((enum task_state)task->terminal)
                                                              : task_state_name((enum task_state)task->last));
}

static void call(struct framework *framework, Mesos__V1__Scheduler__Call *message, int type) {
    message->type = (Mesos__V1__Scheduler__Call__Type)type;
    scheduler_client_call(framework->client, message);
}

/* What the framework hears */

static bool was_heard(struct planned_task *task, const ProtobufCBinaryData *uuid) {
    for (unsigned i = 0; i < task->uuid_count && i < ARRAY_SIZE(task->uuids); i++)
        if (memcmp(task->uuids[i], uuid->data, 16) == 0)
            return true;
    memcpy(task->uuids[task->uuid_count++ % ARRAY_SIZE(task->uuids)], uuid->data, 16);
    return false;
}

/* The place of a state in the order in which an executor's updates come. */
static int stage(int state) {
    switch (state) {
    case TASK_STAGING:
        return 0;
    case TASK_STARTING:
        return 1;
    case TASK_RUNNING:
        return 2;
    case TASK_KILLING:
        return 3;
    default:
        return 4;
    }
}

/* LOST says that nobody knows: for frameworks without PARTITION_AWARE also of tasks that may be heard of again. */
static bool may_be_taken_back(const struct framework *framework, int state) {
    return state == TASK_LOST && !framework->plan.partition_aware;
}

/* Different words for the same: it does not run and nobody knows how it ended. */
static bool is_loss(int state) {
    return state == TASK_LOST || state == TASK_DROPPED || state == TASK_GONE || state == TASK_UNKNOWN ||
           state == TASK_UNREACHABLE;
}

static void note_terminal(struct framework *framework, struct planned_task *task, int state) {
    if (task->state == ENDED && task->terminal != state && !(is_loss(task->terminal) && is_loss(state)) &&
        !may_be_taken_back(framework, task->terminal) && !may_be_taken_back(framework, state))
        violate(framework, task, "two terminal states", state);
    if (task->state != ENDED)
        framework->ended++;
    if (task->state != ENDED || may_be_taken_back(framework, task->terminal))
        task->terminal = state;
    task->state = ENDED;
}

static void acknowledge(struct framework *framework, const Mesos__V1__TaskStatus *status) {
    Mesos__V1__Scheduler__Call message = MESOS__V1__SCHEDULER__CALL__INIT;
    Mesos__V1__Scheduler__Call__Acknowledge acknowledge = MESOS__V1__SCHEDULER__CALL__ACKNOWLEDGE__INIT;

    acknowledge.agent_id = status->agent_id;
    acknowledge.task_id = status->task_id;
    acknowledge.uuid = status->uuid;
    message.acknowledge = &acknowledge;
    call(framework, &message, MESOS__V1__SCHEDULER__CALL__TYPE__ACKNOWLEDGE);
}

/* An update with a uuid comes from an executor or its agent: in order, at least once. */
static void hear_update(struct framework *framework, struct planned_task *task, const Mesos__V1__TaskStatus *status) {
    bool is_terminal = task_state_is_terminal((enum task_state)status->state);

    acknowledge(framework, status);
    if (was_heard(task, &status->uuid)) {
        framework->duplicates++;
        return;
    }
    if (stage((int)status->state) < stage(task->last))
        violate(framework, task, "an update out of order", (int)status->state);
    task->last = (int)status->state;
    task->is_running |= status->state == MESOS__V1__TASK_STATE__TASK_RUNNING;
    if (is_terminal)
        note_terminal(framework, task, (int)status->state);
}

/* One without is the master's own word. */
static void hear_word(struct framework *framework, struct planned_task *task, const Mesos__V1__TaskStatus *status) {
    if (status->has_reason && status->reason == MESOS__V1__TASK_STATUS__REASON__REASON_RECONCILIATION)
        framework->reconciliations++;
    if (status->state == MESOS__V1__TASK_STATE__TASK_UNKNOWN ||
        status->state == MESOS__V1__TASK_STATE__TASK_UNREACHABLE) {
        if (framework->is_settled && task->state != ENDED)
            note_terminal(framework, task, (int)status->state);
        return;
    }
    if (task_state_is_terminal((enum task_state)status->state))
        note_terminal(framework, task, (int)status->state);
}

static void on_update(struct framework *framework, const Mesos__V1__TaskStatus *status) {
    struct planned_task *task = find_task(framework, status->task_id->value);

    framework->updates++;
    if (task == NULL)
        return;
    if (task->state == PLANNED)
        violate(framework, task, "an update of a task that was not launched", (int)status->state);
    if (status->has_uuid && status->uuid.len == 16)
        hear_update(framework, task, status);
    else
        hear_word(framework, task, status);
}

/* Launching */

static void fill_resource(Mesos__V1__Resource *resource, Mesos__V1__Value__Scalar *scalar,
                          Mesos__V1__Resource__AllocationInfo *allocation, const char *name, double value, char *role) {
    mesos__v1__resource__init(resource);
    mesos__v1__value__scalar__init(scalar);
    mesos__v1__resource__allocation_info__init(allocation);
    resource->name = (char *)(uintptr_t)name;
    resource->type = MESOS__V1__VALUE__TYPE__SCALAR;
    scalar->value = value;
    resource->scalar = scalar;
    allocation->role = role;
    resource->allocation_info = allocation;
}

struct launch_parts {
    Mesos__V1__TaskInfo info;
    Mesos__V1__TaskID id;
    Mesos__V1__Resource resources[2], *resource_list[2];
    Mesos__V1__Value__Scalar scalars[2];
    Mesos__V1__Resource__AllocationInfo allocations[2];
    Mesos__V1__CommandInfo command;
    char text[32];
    struct task_script script;
};

static void fill_task(struct framework *framework, struct planned_task *task, struct launch_parts *parts,
                      const Mesos__V1__Offer *offer, Mesos__V1__ExecutorInfo *executor) {
    uint64_t chance = sim_random(framework->sim);

    mesos__v1__task_info__init(&parts->info);
    mesos__v1__task_id__init(&parts->id);
    parts->id.value = task->id;
    parts->info.name = task->id;
    parts->info.task_id = &parts->id;
    parts->info.agent_id = offer->agent_id;
    fill_resource(&parts->resources[0], &parts->scalars[0], &parts->allocations[0], "cpus", 0.5, framework->role);
    fill_resource(&parts->resources[1], &parts->scalars[1], &parts->allocations[1], "mem", 64, framework->role);
    parts->resource_list[0] = &parts->resources[0];
    parts->resource_list[1] = &parts->resources[1];
    parts->info.resources = parts->resource_list;
    parts->info.n_resources = 2;
    parts->script = (struct task_script){.run_ms = (uint32_t)(chance % 20000), .exit_code = chance >> 32 & 7 ? 0 : 1};
    if (executor != NULL) {
        parts->info.executor = executor;
        parts->info.has_data = true;
        parts->info.data = (ProtobufCBinaryData){sizeof(parts->script), (uint8_t *)&parts->script};
        return;
    }
    mesos__v1__command_info__init(&parts->command);
    snprintf(parts->text, sizeof(parts->text), "%u %u", parts->script.run_ms, parts->script.exit_code);
    parts->command.value = parts->text;
    parts->info.command = &parts->command;
}

static void launch(struct framework *framework, const Mesos__V1__Offer *offer, unsigned count) {
    Mesos__V1__Scheduler__Call message = MESOS__V1__SCHEDULER__CALL__INIT;
    Mesos__V1__Scheduler__Call__Accept accept = MESOS__V1__SCHEDULER__CALL__ACCEPT__INIT;
    Mesos__V1__Offer__Operation operation = MESOS__V1__OFFER__OPERATION__INIT, *operations = &operation;
    Mesos__V1__Offer__Operation__Launch launch = MESOS__V1__OFFER__OPERATION__LAUNCH__INIT;
    Mesos__V1__Filters filters = MESOS__V1__FILTERS__INIT;
    Mesos__V1__ExecutorInfo executor = MESOS__V1__EXECUTOR_INFO__INIT;
    Mesos__V1__ExecutorID executor_id = MESOS__V1__EXECUTOR_ID__INIT;
    Mesos__V1__FrameworkID framework_id = MESOS__V1__FRAMEWORK_ID__INIT;
    Mesos__V1__CommandInfo executor_command = MESOS__V1__COMMAND_INFO__INIT;
    struct launch_parts parts[TASKS_PER_OFFER];
    Mesos__V1__TaskInfo *tasks[TASKS_PER_OFFER];

    executor_id.value = (char *)(uintptr_t) "executor";
    executor_command.value = (char *)(uintptr_t) "sim-executor";
    framework_id.value = framework->id;
    executor.executor_id = &executor_id;
    executor.framework_id = &framework_id;
    executor.command = &executor_command;
    for (unsigned i = 0; i < count; i++) {
        struct planned_task *task = &framework->tasks[framework->next++];

        fill_task(framework, task, &parts[i], offer, framework->plan.custom_executor ? &executor : NULL);
        tasks[i] = &parts[i].info;
        task->state = LAUNCHED;
        task->launched_ns = sim_now(framework->sim);
        task->last = TASK_STAGING;
        snprintf(task->agent_id, sizeof(task->agent_id), "%s", offer->agent_id->value);
        framework->launched++;
    }
    launch.task_infos = tasks;
    launch.n_task_infos = count;
    operation.has_type = true;
    operation.type = MESOS__V1__OFFER__OPERATION__TYPE__LAUNCH;
    operation.launch = &launch;
    filters.has_refuse_seconds = true;
    filters.refuse_seconds = 1;
    accept.offer_ids = (Mesos__V1__OfferID **)(uintptr_t)&offer->id;
    accept.n_offer_ids = 1;
    accept.operations = &operations;
    accept.n_operations = 1;
    accept.filters = &filters;
    message.accept = &accept;
    call(framework, &message, MESOS__V1__SCHEDULER__CALL__TYPE__ACCEPT);
}

static void decline(struct framework *framework, const Mesos__V1__Offer *offer, double seconds) {
    Mesos__V1__Scheduler__Call message = MESOS__V1__SCHEDULER__CALL__INIT;
    Mesos__V1__Scheduler__Call__Decline decline = MESOS__V1__SCHEDULER__CALL__DECLINE__INIT;
    Mesos__V1__Filters filters = MESOS__V1__FILTERS__INIT;

    filters.has_refuse_seconds = true;
    filters.refuse_seconds = seconds;
    decline.offer_ids = (Mesos__V1__OfferID **)(uintptr_t)&offer->id;
    decline.n_offer_ids = 1;
    decline.filters = &filters;
    message.decline = &decline;
    call(framework, &message, MESOS__V1__SCHEDULER__CALL__TYPE__DECLINE);
}

static void on_offers(struct framework *framework, const Mesos__V1__Scheduler__Event__Offers *event) {
    for (size_t i = 0; i < event->n_offers; i++) {
        const Mesos__V1__Offer *offer = event->offers[i];
        cleanup_resources struct resources offered = RESOURCES_INIT;
        unsigned left = framework->plan.tasks - framework->next, room;

        resources_from_valid_messages(offer->resources, offer->n_resources, &offered);
        room = (unsigned)(resources_scalar(&offered, "cpus") / 700);
        if (room > left)
            room = left;
        if (room > TASKS_PER_OFFER)
            room = TASKS_PER_OFFER;
        if (room == 0)
            decline(framework, offer, left == 0 ? 3600 : 2);
        else
            launch(framework, offer, 1 + (unsigned)(sim_random(framework->sim) % room));
    }
}

/* Asking */

static void reconcile_all(struct framework *framework) {
    Mesos__V1__Scheduler__Call message = MESOS__V1__SCHEDULER__CALL__INIT;
    Mesos__V1__Scheduler__Call__Reconcile reconcile = MESOS__V1__SCHEDULER__CALL__RECONCILE__INIT;

    message.reconcile = &reconcile;
    call(framework, &message, MESOS__V1__SCHEDULER__CALL__TYPE__RECONCILE);
}

struct reconcile_parts {
    Mesos__V1__Scheduler__Call__Reconcile__Task task;
    Mesos__V1__TaskID task_id;
    Mesos__V1__AgentID agent_id;
};

/* By name, those launched a while ago that have not ended. */
static void reconcile_launched(struct framework *framework) {
    Mesos__V1__Scheduler__Call message = MESOS__V1__SCHEDULER__CALL__INIT;
    Mesos__V1__Scheduler__Call__Reconcile reconcile = MESOS__V1__SCHEDULER__CALL__RECONCILE__INIT;
    cleanup_(arena_done) struct arena arena = ARENA_INIT;
    int64_t before = sim_now(framework->sim) - LAUNCH_PATIENCE;

    reconcile.tasks = arena_alloc(&arena, (framework->next + 1) * sizeof(*reconcile.tasks));
    for (unsigned i = 0; i < framework->next; i++) {
        struct planned_task *task = &framework->tasks[i];
        struct reconcile_parts *parts;

        if (task->state != LAUNCHED || task->launched_ns > before)
            continue;
        parts = arena_alloc(&arena, sizeof(*parts));
        mesos__v1__scheduler__call__reconcile__task__init(&parts->task);
        mesos__v1__task_id__init(&parts->task_id);
        mesos__v1__agent_id__init(&parts->agent_id);
        parts->task_id.value = task->id;
        parts->agent_id.value = task->agent_id;
        parts->task.task_id = &parts->task_id;
        parts->task.agent_id = &parts->agent_id;
        reconcile.tasks[reconcile.n_tasks++] = &parts->task;
    }
    if (reconcile.n_tasks == 0)
        return;
    message.reconcile = &reconcile;
    call(framework, &message, MESOS__V1__SCHEDULER__CALL__TYPE__RECONCILE);
}

/* Now and then a task is killed that runs or may run. */
static void kill_some(struct framework *framework) {
    Mesos__V1__Scheduler__Call message = MESOS__V1__SCHEDULER__CALL__INIT;
    Mesos__V1__Scheduler__Call__Kill kill = MESOS__V1__SCHEDULER__CALL__KILL__INIT;
    Mesos__V1__TaskID id = MESOS__V1__TASK_ID__INIT;
    struct planned_task *task;

    if (framework->next == 0)
        return;
    task = &framework->tasks[sim_random(framework->sim) % framework->next];
    if (task->state != LAUNCHED)
        return;
    id.value = task->id;
    kill.task_id = &id;
    message.kill = &kill;
    call(framework, &message, MESOS__V1__SCHEDULER__CALL__TYPE__KILL);
}

static void on_reconcile(struct env_timer *timer) {
    struct framework *framework = container_of(timer, struct framework, reconcile);

    if (scheduler_client_is_subscribed(framework->client)) {
        reconcile_launched(framework);
        kill_some(framework);
    }
    env_timer_start(timer, RECONCILE_INTERVAL);
}

static void on_event(void *user, const Mesos__V1__Scheduler__Event *event) {
    struct framework *framework = user;

    switch (event->type) {
    case MESOS__V1__SCHEDULER__EVENT__TYPE__SUBSCRIBED:
        string_replace(&framework->id, event->subscribed->framework_id->value);
        reconcile_all(framework);
        break;
    case MESOS__V1__SCHEDULER__EVENT__TYPE__OFFERS:
        on_offers(framework, event->offers);
        break;
    case MESOS__V1__SCHEDULER__EVENT__TYPE__UPDATE:
        on_update(framework, event->update->status);
        break;
    case MESOS__V1__SCHEDULER__EVENT__TYPE__ERROR:
        if (framework->violation == NULL)
            framework->violation = xasprintf("%s: an error from the master: %s", framework->name,
                                             event->error->message);
        break;
    default:
        break;
    }
}

static void on_disconnected(void *user) {
}

static void on_refused(void *user, unsigned status, const char *message) {
    struct framework *framework = user;

    if (framework->violation == NULL)
        framework->violation = xasprintf("%s: the subscription was refused: %u %s", framework->name, status, message);
}

static const struct scheduler_client_events events = {on_event, on_disconnected, on_refused, NULL};

/* Life */

void framework_init(struct framework *framework, struct sim *sim, const struct framework_plan *plan,
                    const char *address, const char *master) {
    *framework = (struct framework){.sim = sim, .plan = *plan, .master = xstrdup(master)};
    framework->node = sim_node_new(sim, address);
    snprintf(framework->name, sizeof(framework->name), "framework%u", plan->number);
    snprintf(framework->role, sizeof(framework->role), "role%u", plan->number);
    framework->tasks = xcalloc(plan->tasks, sizeof(*framework->tasks));
    for (unsigned i = 0; i < plan->tasks; i++)
        snprintf(framework->tasks[i].id, sizeof(framework->tasks[i].id), "f%u-%u", plan->number, i);
}

void framework_done(struct framework *framework) {
    framework_kill(framework);
    free(framework->tasks);
    free(framework->id);
    free(framework->master);
    free(framework->violation);
}

static void fill_capabilities(const struct framework *framework, Mesos__V1__FrameworkInfo *info,
                              Mesos__V1__FrameworkInfo__Capability capabilities[2],
                              Mesos__V1__FrameworkInfo__Capability *list[2]) {
    static const Mesos__V1__FrameworkInfo__Capability__Type types[2] = {
        MESOS__V1__FRAMEWORK_INFO__CAPABILITY__TYPE__MULTI_ROLE,
        MESOS__V1__FRAMEWORK_INFO__CAPABILITY__TYPE__PARTITION_AWARE,
    };

    for (size_t i = 0; i < 2; i++) {
        mesos__v1__framework_info__capability__init(&capabilities[i]);
        capabilities[i].has_type = true;
        capabilities[i].type = types[i];
        list[i] = &capabilities[i];
    }
    info->capabilities = list;
    info->n_capabilities = framework->plan.partition_aware ? 2 : 1;
}

void framework_start(struct framework *framework) {
    Mesos__V1__FrameworkInfo info = MESOS__V1__FRAMEWORK_INFO__INIT;
    Mesos__V1__FrameworkInfo__Capability capabilities[2], *list[2];
    Mesos__V1__FrameworkID id = MESOS__V1__FRAMEWORK_ID__INIT;
    char *roles[] = {framework->role};
    struct scheduler_client_options options = {
        .master = framework->master, .framework = &info, .format = framework->plan.format};

    info.user = (char *)(uintptr_t) "root";
    info.name = framework->name;
    info.roles = roles;
    info.n_roles = 1;
    info.has_failover_timeout = true;
    info.failover_timeout = 7 * 24 * 3600.0;
    info.has_checkpoint = true;
    info.checkpoint = framework->plan.checkpoint;
    fill_capabilities(framework, &info, capabilities, list);
    if (framework->id != NULL) {
        id.value = framework->id;
        info.id = &id;
    }
    framework->client = scheduler_client_new(sim_node_env(framework->node), &options, &events, framework, NULL);
    env_timer_init(&framework->reconcile, sim_node_env(framework->node), on_reconcile);
    env_timer_start(&framework->reconcile, RECONCILE_INTERVAL);
    scheduler_client_start(framework->client);
}

void framework_kill(struct framework *framework) {
    if (framework->client == NULL)
        return;
    sim_node_kill(framework->node);
    env_timer_done(&framework->reconcile);
    scheduler_client_free(take_ptr(&framework->client));
}

bool framework_has_ended(const struct framework *framework) {
    return framework->ended == framework->plan.tasks;
}

void framework_stop(struct framework *framework) {
    Mesos__V1__Scheduler__Call message = MESOS__V1__SCHEDULER__CALL__INIT;

    call(framework, &message, MESOS__V1__SCHEDULER__CALL__TYPE__TEARDOWN);
}
