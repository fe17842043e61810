/* SPDX-License-Identifier: Apache-2.0 */
#include "framework.h"

#include <stdio.h>
#include <string.h>

#include "launcher.h"
#include "model/task_state.h"
#include "operations.h"

#define RECONCILE_INTERVAL (20 * SECOND)
/* A launch that nobody has heard of after so long is reconciled by name. */
#define LAUNCH_PATIENCE (10 * SECOND)
/* What an executor sees end later than so long after another of its group was not ended with it: the agent, through
 * which it kills, may be away for a while, even twice. */
#define GROUP_GRACE_SECONDS 60
/* There and back: a partition holds a stream for a minute at most, and the pieces have their delays. */
#define LONGEST_ANSWER (2 * (MINUTE + 5 * SECOND))

static struct planned_task *find_task(struct framework *framework, const char *id) {
    unsigned number;

    if (sscanf(id, "%*[^-]-%u", &number) != 1 || number >= framework->plan.tasks)
        return NULL;
    return &framework->tasks[number];
}

void framework_violate(struct framework *framework, const char *format, ...) {
    cleanup_free char *what = NULL;
    va_list arguments;

    if (framework->violation != NULL)
        return;
    va_start(arguments, format);
    what = xvasprintf(format, arguments);
    va_end(arguments);
    framework->violation = xasprintf("%s: %s", framework->name, what);
}

static void violate(struct framework *framework, const struct planned_task *task, const char *what, int state) {
    framework_violate(framework, "task %s: %s (%s after %s)", task->id, what, task_state_name((enum task_state)state),
                      task->state == ENDED ? task_state_name((enum task_state)task->terminal)
                                           : task_state_name((enum task_state)task->last));
}

bool framework_runs(const struct framework *framework) {
    return framework->client != NULL || framework->pid_scheduler != NULL;
}

static bool is_subscribed(const struct framework *framework) {
    if (framework->client != NULL)
        return scheduler_client_is_subscribed(framework->client);
    return framework->pid_scheduler != NULL && pid_scheduler_is_registered(framework->pid_scheduler);
}

void framework_call(struct framework *framework, Mesos__V1__Scheduler__Call *call, int type) {
    call->type = (Mesos__V1__Scheduler__Call__Type)type;
    if (framework->client != NULL)
        scheduler_client_call(framework->client, call);
    else
        pid_scheduler_call(framework->pid_scheduler, call);
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

/* Nobody is to go on, or to finish, long after another of the group has failed or was killed. */
static void check_group(struct framework *framework, const struct planned_task *task) {
    const struct planned_task *group = &framework->tasks[task->group_first];
    double broken_seconds = 0;

    for (unsigned i = 0; i < task->group_size; i++)
        if (group[i].state == ENDED && (group[i].terminal == TASK_FAILED || group[i].terminal == TASK_KILLED) &&
            group[i].ended_seconds != 0 && (broken_seconds == 0 || group[i].ended_seconds < broken_seconds))
            broken_seconds = group[i].ended_seconds;
    for (unsigned i = 0; i < task->group_size; i++) {
        if (group[i].state != ENDED)
            continue;
        if (broken_seconds != 0 && group[i].ended_seconds > broken_seconds + GROUP_GRACE_SECONDS)
            violate(framework, &group[i], "its group had failed long before", group[i].terminal);
        if (group[i].terminal == TASK_ERROR && task->is_running)
            violate(framework, task, "it ran though its group was refused", task->last);
    }
}

static void check_health(struct framework *framework, struct planned_task *task, const Mesos__V1__TaskStatus *status) {
    if (!status->has_healthy)
        return;
    framework->health_updates++;
    if (!task->has_check)
        violate(framework, task, "it has no health check", (int)status->state);
    else if ((bool)status->healthy == task->is_unhealthy)
        violate(framework, task, "its health is not what its check finds", (int)status->state);
}

static void acknowledge(struct framework *framework, const Mesos__V1__TaskStatus *status) {
    Mesos__V1__Scheduler__Call message = MESOS__V1__SCHEDULER__CALL__INIT;
    Mesos__V1__Scheduler__Call__Acknowledge acknowledge = MESOS__V1__SCHEDULER__CALL__ACKNOWLEDGE__INIT;

    acknowledge.agent_id = status->agent_id;
    acknowledge.task_id = status->task_id;
    acknowledge.uuid = status->uuid;
    message.acknowledge = &acknowledge;
    framework_call(framework, &message, MESOS__V1__SCHEDULER__CALL__TYPE__ACKNOWLEDGE);
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
    check_health(framework, task, status);
    if (is_terminal) {
        if (status->source == MESOS__V1__TASK_STATUS__SOURCE__SOURCE_EXECUTOR)
            task->ended_seconds = status->timestamp;
        note_terminal(framework, task, (int)status->state);
    }
    if (task->group_size > 0)
        check_group(framework, task);
}

/* Of a doubled message of an old driver the second is refused, as its offers are used; what became of the task is not
 * said by that. */
static bool is_echo(const struct framework *framework, const Mesos__V1__TaskStatus *status) {
    return !framework_has_feedback(framework) && status->has_reason &&
           status->reason == MESOS__V1__TASK_STATUS__REASON__REASON_INVALID_OFFERS;
}

/* One without is the master's own word. */
static void hear_word(struct framework *framework, struct planned_task *task, const Mesos__V1__TaskStatus *status) {
    if (is_echo(framework, status))
        return;
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

void framework_sabotage_task(struct framework *framework) {
    for (unsigned i = 0; i < framework->next; i++)
        if (framework->tasks[i].state == ENDED && framework->tasks[i].terminal == TASK_FINISHED)
            note_terminal(framework, &framework->tasks[i], TASK_FAILED);
}

/* Asking */

static void reconcile_all(struct framework *framework) {
    Mesos__V1__Scheduler__Call message = MESOS__V1__SCHEDULER__CALL__INIT;
    Mesos__V1__Scheduler__Call__Reconcile reconcile = MESOS__V1__SCHEDULER__CALL__RECONCILE__INIT;

    message.reconcile = &reconcile;
    framework_call(framework, &message, MESOS__V1__SCHEDULER__CALL__TYPE__RECONCILE);
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
    framework_call(framework, &message, MESOS__V1__SCHEDULER__CALL__TYPE__RECONCILE);
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
    framework_call(framework, &message, MESOS__V1__SCHEDULER__CALL__TYPE__KILL);
}

static void on_reconcile(struct env_timer *timer) {
    struct framework *framework = container_of(timer, struct framework, reconcile);

    if (is_subscribed(framework)) {
        reconcile_launched(framework);
        operations_reconcile(framework);
        kill_some(framework);
    }
    env_timer_start(timer, RECONCILE_INTERVAL);
}

/* The subscription of an earlier driver, which takes the framework over, may be on its way for longer than that driver
 * lives, though no longer than a partition holds a stream; in Mesos too the master can not tell it from that of a new
 * one. */
static bool may_be_overtaken(const struct framework *framework, const char *message) {
    return framework->lives > 1 && sim_now(framework->sim) - framework->born < LONGEST_ANSWER &&
           strcmp(message, "Framework failed over") == 0;
}

/* A driver that the master took for gone is told so when it comes back, and aborts; its program starts another. */
static void on_error(struct framework *framework, const char *message) {
    if (framework->pid_scheduler != NULL &&
        (strcmp(message, "Framework disconnected") == 0 || may_be_overtaken(framework, message)))
        env_timer_start(&framework->again, SECOND);
    else
        framework_violate(framework, "an error from the master: %s", message);
}

static void on_event(void *user, const Mesos__V1__Scheduler__Event *event) {
    struct framework *framework = user;

    switch (event->type) {
    case MESOS__V1__SCHEDULER__EVENT__TYPE__SUBSCRIBED:
        string_replace(&framework->id, event->subscribed->framework_id->value);
        reconcile_all(framework);
        break;
    case MESOS__V1__SCHEDULER__EVENT__TYPE__OFFERS:
        for (size_t i = 0; i < event->offers->n_offers; i++)
            launcher_answer(framework, event->offers->offers[i]);
        break;
    case MESOS__V1__SCHEDULER__EVENT__TYPE__UPDATE_OPERATION_STATUS:
        operations_hear(framework, event->update_operation_status->status);
        break;
    case MESOS__V1__SCHEDULER__EVENT__TYPE__UPDATE:
        on_update(framework, event->update->status);
        break;
    case MESOS__V1__SCHEDULER__EVENT__TYPE__ERROR:
        on_error(framework, event->error->message);
        break;
    default:
        break;
    }
}

static void on_disconnected(void *user) {
}

static void on_refused(void *user, unsigned status, const char *message) {
    struct framework *framework = user;

    framework_violate(framework, "the subscription was refused: %u %s", status, message);
}

static const struct scheduler_client_events events = {on_event, on_disconnected, on_refused, NULL};

/* Life */

void framework_init(struct framework *framework, struct sim *sim, const struct framework_plan *plan,
                    const char *address, const char *master) {
    *framework = (struct framework){.sim = sim, .plan = *plan, .master = xstrdup(master)};
    framework->node = sim_node_new(sim, address);
    snprintf(framework->host, sizeof(framework->host), "%s", address);
    snprintf(framework->name, sizeof(framework->name), "framework%u", plan->number);
    snprintf(framework->role, sizeof(framework->role), "role%u", plan->number);
    framework->tasks = xcalloc(plan->tasks, sizeof(*framework->tasks));
    for (unsigned i = 0; i < plan->tasks; i++)
        snprintf(framework->tasks[i].id, sizeof(framework->tasks[i].id), "f%u-%u", plan->number, i);
    framework->operations = xcalloc(plan->operations + 1, sizeof(*framework->operations));
    for (unsigned i = 0; i < plan->operations; i++)
        snprintf(framework->operations[i].id, sizeof(framework->operations[i].id), "o%u-%u", plan->number, i);
}

void framework_done(struct framework *framework) {
    framework_kill(framework);
    free(framework->tasks);
    free(framework->operations);
    free(framework->id);
    free(framework->master);
    free(framework->violation);
}

enum { CAPABILITIES = 3 };

static void fill_capabilities(const struct framework *framework, Mesos__V1__FrameworkInfo *info,
                              Mesos__V1__FrameworkInfo__Capability capabilities[CAPABILITIES],
                              Mesos__V1__FrameworkInfo__Capability *list[CAPABILITIES]) {
    const struct {
        bool is_set;
        Mesos__V1__FrameworkInfo__Capability__Type type;
    } all[CAPABILITIES] = {
        {true, MESOS__V1__FRAMEWORK_INFO__CAPABILITY__TYPE__MULTI_ROLE},
        {framework->plan.partition_aware, MESOS__V1__FRAMEWORK_INFO__CAPABILITY__TYPE__PARTITION_AWARE},
        {framework->plan.reservation_refinement, MESOS__V1__FRAMEWORK_INFO__CAPABILITY__TYPE__RESERVATION_REFINEMENT},
    };

    info->capabilities = list;
    for (size_t i = 0; i < CAPABILITIES; i++) {
        if (!all[i].is_set)
            continue;
        mesos__v1__framework_info__capability__init(&capabilities[i]);
        capabilities[i].has_type = true;
        capabilities[i].type = all[i].type;
        list[info->n_capabilities++] = &capabilities[i];
    }
}

static void start_client(struct framework *framework, const Mesos__V1__FrameworkInfo *info) {
    struct env *env = sim_node_env(framework->node);

    if (framework_has_feedback(framework)) {
        struct scheduler_client_options options = {.master = framework->master,
                                                   .framework = info,
                                                   .media = framework->plan.api == API_JSON ? MEDIA_JSON
                                                                                            : MEDIA_PROTOBUF};

        framework->client = scheduler_client_new(env, &options, &events, framework, NULL);
        scheduler_client_start(framework->client);
    } else {
        cleanup_free char *id = xasprintf("scheduler-%u", ++framework->lives);
        struct pid_scheduler_options options = {.id = id,
                                                .host = framework->host,
                                                .master = framework->master,
                                                .framework = info,
                                                .sends_calls = framework->plan.api == API_CALLS};

        framework->born = sim_now(framework->sim);
        framework->pid_scheduler = pid_scheduler_new(env, &options, &events, framework);
        pid_scheduler_start(framework->pid_scheduler);
    }
}

static void start(struct framework *framework) {
    Mesos__V1__FrameworkInfo info = MESOS__V1__FRAMEWORK_INFO__INIT;
    Mesos__V1__FrameworkInfo__Capability capabilities[CAPABILITIES], *list[CAPABILITIES];
    Mesos__V1__FrameworkID id = MESOS__V1__FRAMEWORK_ID__INIT;
    char *roles[] = {framework->role};

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
    start_client(framework, &info);
}

static void on_again(struct env_timer *timer) {
    struct framework *framework = container_of(timer, struct framework, again);

    pid_scheduler_free(take_ptr(&framework->pid_scheduler));
    start(framework);
}

void framework_start(struct framework *framework) {
    env_timer_init(&framework->again, sim_node_env(framework->node), on_again);
    env_timer_init(&framework->reconcile, sim_node_env(framework->node), on_reconcile);
    env_timer_start(&framework->reconcile, RECONCILE_INTERVAL);
    start(framework);
}

void framework_kill(struct framework *framework) {
    if (!framework_runs(framework))
        return;
    sim_node_kill(framework->node);
    env_timer_done(&framework->reconcile);
    env_timer_done(&framework->again);
    scheduler_client_free(take_ptr(&framework->client));
    pid_scheduler_free(take_ptr(&framework->pid_scheduler));
}

bool framework_has_ended(const struct framework *framework) {
    return framework->ended == framework->plan.tasks && framework->operations_ended == framework->next_operation;
}

void framework_stop(struct framework *framework) {
    Mesos__V1__Scheduler__Call message = MESOS__V1__SCHEDULER__CALL__INIT;

    framework_call(framework, &message, MESOS__V1__SCHEDULER__CALL__TYPE__TEARDOWN);
}
