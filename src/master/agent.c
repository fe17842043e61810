/* SPDX-License-Identifier: Apache-2.0 */
#include "master/agent.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "master/framework.h"
#include "master/master.h"
#include "master/observer.h"
#include "message/message.h"

struct agent *agent_find(const struct master *master, const char *id) {
    return table_find(&master->agents, id);
}

struct agent *agent_find_by_pid(const struct master *master, const struct pid *pid) {
    char text[PID_BYTES];

    return table_find(&master->agents_by_pid, pid_format(pid, text));
}

const char *agent_text(const struct agent *agent, char text[AGENT_TEXT_BYTES]) {
    snprintf(text, AGENT_TEXT_BYTES, "%s at %s (%.100s)", agent->id, agent->pid_text, agent->info->hostname);
    return text;
}

#define CAPABILITY(member, name) \
    { offsetof(struct agent_capabilities, member), MESOS__V1__AGENT_INFO__CAPABILITY__TYPE__##name }

static const struct {
    size_t offset;
    Mesos__V1__AgentInfo__Capability__Type type;
} capabilities[MOST_AGENT_CAPABILITIES] = {
    CAPABILITY(multi_role, MULTI_ROLE),
    CAPABILITY(hierarchical_role, HIERARCHICAL_ROLE),
    CAPABILITY(reservation_refinement, RESERVATION_REFINEMENT),
    CAPABILITY(resource_provider, RESOURCE_PROVIDER),
    CAPABILITY(resize_volume, RESIZE_VOLUME),
    CAPABILITY(agent_operation_feedback, AGENT_OPERATION_FEEDBACK),
    CAPABILITY(agent_draining, AGENT_DRAINING),
    CAPABILITY(task_resource_limits, TASK_RESOURCE_LIMITS),
};

static struct agent_capabilities capabilities_from(Mesos__V1__AgentInfo__Capability *const *messages, size_t count) {
    struct agent_capabilities ret = {0};

    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < ARRAY_SIZE(capabilities); k++)
            if (messages[i]->type == capabilities[k].type)
                *(bool *)((char *)&ret + capabilities[k].offset) = true;
    return ret;
}

size_t agent_capability_types(const struct agent *agent,
                              Mesos__V1__AgentInfo__Capability__Type ret[MOST_AGENT_CAPABILITIES]) {
    size_t count = 0;

    for (size_t k = 0; k < ARRAY_SIZE(capabilities); k++)
        if (*(const bool *)((const char *)&agent->capabilities + capabilities[k].offset))
            ret[count++] = capabilities[k].type;
    return count;
}

Mesos__V1__AgentInfo__Capability **agent_capability_messages(const struct agent *agent, struct arena *arena,
                                                             size_t *ret_count) {
    Mesos__V1__AgentInfo__Capability__Type types[MOST_AGENT_CAPABILITIES];
    const size_t count = agent_capability_types(agent, types);
    Mesos__V1__AgentInfo__Capability **messages = arena_alloc(arena, sizeof(*messages) * (count + 1));

    for (size_t i = 0; i < count; i++) {
        messages[i] = arena_alloc(arena, sizeof(*messages[i]));
        mesos__v1__agent_info__capability__init(messages[i]);
        messages[i]->has_type = true;
        messages[i]->type = types[i];
    }
    *ret_count = count;
    return messages;
}

/* Its capabilities are in @arena. */
static struct allocator_agent for_allocator(const struct agent *agent, struct arena *arena) {
    struct allocator_agent ret = {.id = agent->id, .info = agent->info, .total = &agent->total};

    ret.capabilities = (const Mesos__V1__AgentInfo__Capability *const *)agent_capability_messages(
        agent, arena, &ret.capability_count);
    return ret;
}

void agent_update_allocator(const struct agent *agent) {
    struct arena arena = ARENA_INIT;
    struct allocator_agent description = for_allocator(agent, &arena);

    allocator_update_agent(agent->master->allocator, &description);
    arena_done(&arena);
}

/* The agent's resources with the reservations and volumes it has checkpointed. */
static int total_from(const struct agent_description *description, struct resources *ret_total,
                      struct resources *ret_checkpointed, struct error *err) {
    struct resources cleanup_resources total = RESOURCES_INIT, cleanup_resources checkpointed = RESOURCES_INIT;

    resources_from_valid_messages(description->info->resources, description->info->n_resources, &total);
    resources_from_valid_messages(description->checkpointed, description->checkpointed_count, &checkpointed);
    if (resources_apply_checkpointed(&total, &checkpointed, err) < 0)
        return error_wrap(err, "the checkpointed resources do not fit those of the agent");
    resources_move(ret_total, &total);
    resources_move(ret_checkpointed, &checkpointed);
    return 0;
}

static void set_description(struct agent *agent, const struct agent_description *description) {
    Mesos__V1__AgentInfo *old_info = agent->info;
    Mesos__V1__UUID *old_version = agent->resource_version;

    agent->info = (Mesos__V1__AgentInfo *)message_copy(&description->info->base, NULL);
    MESSAGE_FREE(old_info);
    string_replace(&agent->version, description->version);
    agent->capabilities = capabilities_from(description->capabilities, description->capability_count);
    agent->resource_version = description->resource_version == NULL
                                  ? NULL
                                  : (Mesos__V1__UUID *)message_copy(&description->resource_version->base, NULL);
    MESSAGE_FREE(old_version);
}

static void on_reregister_timeout(struct env_timer *timer) {
    struct agent *agent = container_of(timer, struct agent, reregister);
    cleanup_free char *timeout = duration_format(agent->master->flags->agent_reregister_timeout_ns);
    cleanup_free char *message = xasprintf("agent did not reregister within %s after disconnecting", timeout);

    metric_increment(&agent->master->metrics.slave_unreachable_scheduled);
    metric_increment(&agent->master->metrics.slave_unreachable_completed);
    agent_mark_unreachable(agent, message);
}

int agent_new(struct master *master, const struct pid *pid, const struct agent_description *description,
              struct agent **ret, struct error *err) {
    struct resources total, checkpointed;
    struct agent *agent;
    char text[PID_BYTES];

    if (total_from(description, &total, &checkpointed, err) < 0)
        return -1;
    agent = new0(struct agent);
    agent->id = xstrdup(description->info->id->value);
    agent->master = master;
    agent->pid_text = xstrdup(pid_format(pid, text));
    agent->state = AGENT_ACTIVE;
    agent->total = total;
    agent->checkpointed = checkpointed;
    agent_claims_changed(agent);
    set_description(agent, description);
    list_init(&agent->tasks);
    table_init(&agent->executors);
    list_init(&agent->offers);
    list_init(&agent->inverse_offers);
    list_init(&agent->operations);
    env_timer_init(&agent->reregister, master->env, on_reregister_timeout);
    agent_observer_init(agent);
    *ret = agent;
    return 0;
}

void agent_free(struct agent *agent) {
    if (agent == NULL)
        return;
    env_timer_done(&agent->observer.timer);
    env_timer_done(&agent->reregister);
    table_done(&agent->executors);
    resources_done(&agent->total);
    resources_done(&agent->checkpointed);
    resources_done(&agent->used);
    resources_done(&agent->offered);
    MESSAGE_FREE(agent->resource_version);
    MESSAGE_FREE(agent->info);
    free(agent->version);
    free(agent->pid_text);
    free(agent->id);
    free(agent);
}

void agent_claims_changed(struct agent *agent) {
    agent->claims_version = ++agent->master->claims_version;
}

static void withdraw_offers(struct agent *agent) {
    struct inverse_offer *inverse;
    struct offer *offer;

    list_for_each (&agent->offers, offer, in_agent)
        offer_rescind(offer);
    list_for_each (&agent->inverse_offers, inverse, in_agent)
        inverse_offer_remove(inverse, true);
}

int agent_update(struct agent *agent, const struct agent_description *description, struct error *err) {
    struct resources total, checkpointed, revocable;

    if (total_from(description, &total, &checkpointed, err) < 0)
        return -1;
    /* What is oversubscribed comes apart and stays until the agent says otherwise. */
    resources_revocable(&agent->total, &revocable);
    resources_add(&total, &revocable);
    resources_done(&revocable);
    /* What is offered may not be there any more. */
    if (!resources_equal(&total, &agent->total))
        withdraw_offers(agent);
    resources_done(&agent->total);
    resources_done(&agent->checkpointed);
    agent->total = total;
    agent->checkpointed = checkpointed;
    agent_claims_changed(agent);
    set_description(agent, description);
    return 0;
}

void agent_get_pid(const struct agent *agent, struct pid *ret) {
    if (pid_parse(agent->pid_text, ret, NULL) < 0)
        abort(); /* we have formatted it */
}

bool agent_is_at(const struct agent *agent, const struct pid *pid) {
    char text[PID_BYTES];

    return strcmp(agent->pid_text, pid_format(pid, text)) == 0;
}

void agent_set_pid(struct agent *agent, const struct pid *pid) {
    struct master *master = agent->master;
    struct pid old;
    char text[PID_BYTES];

    if (agent_is_at(agent, pid)) {
        process_link(&master->process, pid);
        return;
    }
    agent_get_pid(agent, &old);
    process_unlink(&master->process, &old);
    if (table_find(&master->agents_by_pid, agent->pid_text) == agent)
        table_remove(&master->agents_by_pid, agent->pid_text);
    string_replace(&agent->pid_text, pid_format(pid, text));
    table_add(&master->agents_by_pid, agent->pid_text, agent);
    process_link(&master->process, pid);
}

/* What runs on the agent by framework, for the allocator. */
static void add_to_allocator(struct agent *agent) {
    struct arena arena = ARENA_INIT;
    struct allocator_agent description = for_allocator(agent, &arena);
    size_t most = agent->task_count + agent->executors.count, count = 0;
    struct resources *sums = xcalloc(most + 1, sizeof(*sums));
    struct allocator_used *used = xcalloc(most + 1, sizeof(*used));
    struct table by_framework = TABLE_INIT;
    const struct executor *executor;
    const struct task *task;

#define ADD(framework_id, what) \
    do { \
        struct resources *sum = table_find(&by_framework, framework_id); \
\
        if (sum == NULL) { \
            sum = &sums[count]; \
            used[count++] = (struct allocator_used){framework_id, sum}; \
            table_add(&by_framework, framework_id, sum); \
        } \
        resources_add(sum, what); \
    } while (0)
    list_for_each (&agent->tasks, task, in_agent) {
        if (task->holds_resources)
            ADD(task->framework->id, &task->resources);
    }
    table_for_each (&agent->executors, executor)
        ADD(executor->framework->id, &executor->resources);
#undef ADD
    allocator_add_agent(agent->master->allocator, &description, NULL, used, count);
    for (size_t i = 0; i < count; i++)
        resources_done(&sums[i]);
    free(sums);
    free(used);
    table_done(&by_framework);
    arena_done(&arena);
}

void agent_add(struct agent *agent) {
    struct master *master = agent->master;
    struct pid pid;

    table_add(&master->agents, agent->id, agent);
    table_add(&master->agents_by_pid, agent->pid_text, agent);
    agent_get_pid(agent, &pid);
    process_link(&master->process, &pid);
    agent_observer_start(agent);
    add_to_allocator(agent);
    observers_agent_added(master, agent);
}

/* The moves in the drawing of agent.h. */
__attribute__((unused)) static const bool state_moves[3][3] = {
    [AGENT_ACTIVE] = {[AGENT_DISCONNECTED] = true, [AGENT_DEACTIVATED] = true},
    [AGENT_DISCONNECTED] = {[AGENT_ACTIVE] = true, [AGENT_DEACTIVATED] = true},
    [AGENT_DEACTIVATED] = {[AGENT_ACTIVE] = true, [AGENT_DISCONNECTED] = true},
};

static const char *const state_names[] = {
    [AGENT_ACTIVE] = "active",
    [AGENT_DISCONNECTED] = "disconnected",
    [AGENT_DEACTIVATED] = "deactivated",
};

void agent_set_state(struct agent *agent, enum agent_state state) {
    struct master *master = agent->master;
    enum agent_state from = agent->state;
    char text[AGENT_TEXT_BYTES];

    if (from == state)
        return;
    assert(state_moves[from][state]);
    log_info("Agent %s: %s -> %s", agent_text(agent, text), state_names[from], state_names[state]);
    agent->state = state;
    if (state == AGENT_DISCONNECTED)
        env_timer_start(&agent->reregister, master->flags->agent_reregister_timeout_ns);
    else
        env_timer_stop(&agent->reregister);
    if (from == AGENT_ACTIVE) {
        allocator_deactivate_agent(master->allocator, agent->id);
        withdraw_offers(agent);
    } else if (state == AGENT_ACTIVE) {
        allocator_activate_agent(master->allocator, agent->id);
    }
}

void agent_set_deactivated(struct agent *agent, bool is_deactivated) {
    agent->is_deactivated = is_deactivated;
    if (agent_is_connected(agent))
        agent_set_state(agent, is_deactivated ? AGENT_DEACTIVATED : AGENT_ACTIVE);
}

void agent_send(struct agent *agent, const ProtobufCMessage *message) {
    struct pid pid;

    agent_get_pid(agent, &pid);
    master_send(agent->master, &pid, message);
}

void agent_kill_task(struct agent *agent, const char *framework_id, const char *task_id) {
    Mesos__Internal__KillTaskMessage message = MESOS__INTERNAL__KILL_TASK_MESSAGE__INIT;
    Mesos__V1__FrameworkID framework = MESOS__V1__FRAMEWORK_ID__INIT;
    Mesos__V1__TaskID task = MESOS__V1__TASK_ID__INIT;

    framework.value = (char *)framework_id;
    task.value = (char *)task_id;
    message.framework_id = &framework;
    message.task_id = &task;
    agent_send(agent, &message.base);
}

double agent_total_ping_timeout_seconds(const struct master *master) {
    return duration_to_seconds(master->flags->agent_ping_timeout_ns) * (double)master->flags->max_agent_ping_timeouts;
}

static void lost_agent_free(struct lost_agent *lost) {
    struct task *task;

    list_for_each (&lost->tasks, task, in_agent)
        list_remove(&task->in_agent);
    free(lost->id);
    free(lost);
}

void lost_agent_add(struct table *table, const char *id, int64_t since_ns, size_t limit) {
    struct lost_agent *lost;

    lost_agent_remove(table, id);
    lost = new0(struct lost_agent);
    lost->id = xstrdup(id);
    lost->since_ns = since_ns;
    list_init(&lost->tasks);
    table_add(table, lost->id, lost);
    while (table->count > limit)
        lost_agent_remove(table, ((struct lost_agent *)table_first(table))->id);
}

void lost_agent_remove(struct table *table, const char *id) {
    struct lost_agent *lost = table_remove(table, id);

    if (lost != NULL)
        lost_agent_free(lost);
}

void lost_agents_done(struct table *table) {
    struct lost_agent *lost;

    table_for_each (table, lost)
        lost_agent_free(lost);
    table_done(table);
}
