/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/registration.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "agent/executor.h"
#include "agent/launch.h"
#include "agent/operations.h"
#include "agent/paths.h"
#include "agent/task_status.h"
#include "base/log.h"
#include "base/text.h"
#include "base/version.h"
#include "message/v0.h"

#define RETRY_MOST (1 * MINUTE)
/* 5 pings of 15 s, for masters that do not say. */
#define DEFAULT_PING_TIMEOUT (75 * SECOND)
#define LOOK_UP_INTERVAL (2 * SECOND)

/* The master is to be registered with, again or for the first time. All agents learn of a new master at once, which is
 * why they wait for a random time, as with Mesos; an agent that has just been started has nobody to be considerate of.
 */
static void begin(struct agent *agent, bool has_just_started) {
    int64_t delay_ns = env_random_pause(agent->env, agent->flags->registration_backoff_factor_ns);

    agent->registration_backoff_ns = 2 * agent->flags->registration_backoff_factor_ns;
    env_timer_start(&agent->registration, has_just_started ? 0 : delay_ns);
}

/* Whatever was agreed with a master no longer holds. [Slave::detected] */
static void disconnect(struct agent *agent) {
    if (agent->state == AGENT_RUNNING)
        agent_enter(agent, AGENT_DISCONNECTED);
    update_manager_pause(&agent->updates);
    agent_operations_pause(agent);
    env_timer_stop(&agent->ping);
    env_timer_stop(&agent->registration);
}

/* The master leads and its numeric address, by which its messages are known, is there. */
static void detected(struct agent *agent, const struct address *address) {
    const bool is_first = agent->master.id[0] == '\0';
    char text[ADDRESS_TEXT_BYTES];

    agent->has_master = true;
    agent->master = (struct pid){.address = *address};
    snprintf(agent->master.id, sizeof(agent->master.id), "master");
    log_info("New master detected at master@%s", address_format(address, text));
    if (agent->state == AGENT_TERMINATING) {
        log_info("Not registering with it because the agent is terminating");
        return;
    }
    begin(agent, is_first);
}

static void end_look_up(struct agent *agent) {
    stream_close(take_ptr(&agent->look_up));
    env_timer_stop(&agent->look_up_again);
}

static void on_looked_up(struct stream *stream) {
    struct agent *agent = stream->user;
    const struct address numeric = stream->peer;

    end_look_up(agent);
    detected(agent, &numeric);
}

static void on_look_up_failed(struct stream *stream, const struct error *err) {
    struct agent *agent = stream->user;

    log_warning("The master %s is not reached: %s; trying again", agent->leader.host, error_message(err));
    end_look_up(agent);
    env_timer_start(&agent->look_up_again, LOOK_UP_INTERVAL);
}

/* A connection is how a name is resolved here: its other end has a number. */
static void look_up(struct agent *agent) {
    static const struct stream_events events = {.on_connect = on_looked_up, .on_error = on_look_up_failed};

    end_look_up(agent);
    agent->look_up = env_connect(agent->env, &agent->leader, &events, agent);
}

static void on_look_up_again(struct env_timer *timer) {
    look_up(container_of(timer, struct agent, look_up_again));
}

static bool is_numeric(const char *host) {
    return host[strspn(host, "0123456789.")] == '\0' || strchr(host, ':') != NULL;
}

static void on_leader(const struct address *leader, void *user) {
    struct agent *agent = user;

    disconnect(agent);
    end_look_up(agent);
    if (agent->has_master)
        process_unlink(&agent->process, &agent->master);
    agent->has_master = false;
    if (leader == NULL) {
        log_info("Lost leading master");
        return;
    }
    agent->leader = *leader;
    if (is_numeric(leader->host))
        detected(agent, leader);
    else
        look_up(agent);
}

const struct detector_events agent_detector_events = {.on_leader = on_leader};

static void register_first(struct agent *agent) {
    cleanup_(arena_done) struct arena arena = ARENA_INIT;
    Mesos__Internal__RegisterSlaveMessage message = MESOS__INTERNAL__REGISTER_SLAVE_MESSAGE__INIT;
    Mesos__V1__UUID version = MESOS__V1__UUID__INIT;

    message.version = (char *)version_get()->number;
    message.slave = agent->info;
    message.n_agent_capabilities = agent->capability_count;
    message.agent_capabilities = (Mesos__V1__AgentInfo__Capability **)agent->capabilities;
    resources_to_messages(&agent->checkpointed, RESOURCE_FORMAT_NEW, &arena, &message.checkpointed_resources,
                          &message.n_checkpointed_resources);
    version.value = (ProtobufCBinaryData){.data = agent->resource_version, .len = UUID_BYTES};
    message.resource_version_uuid = &version;
    {
        Mesos__Internal__RegisterSlaveMessage *copy = MESSAGE_COPY_TO(&message, &arena);

        /* What masters that are older, or of Apache Mesos, expect. */
        v0_agent_info_set_checkpoint(copy->slave, &arena);
        message_downgrade_resources(&copy->base, &arena);
        agent_send_to_master(agent, &copy->base);
    }
}

/* A growing array of pointers in an arena-less message; freed by the caller. */
struct pointers {
    void **items;
    size_t count, capacity;
};

static void push(struct pointers *pointers, void *item) {
    if (pointers->count == pointers->capacity) {
        pointers->capacity = pointers->capacity == 0 ? 16 : 2 * pointers->capacity;
        pointers->items = xrealloc(pointers->items, pointers->capacity * sizeof(*pointers->items));
    }
    pointers->items[pointers->count++] = item;
}

static void list_executor(const struct agent_executor *executor, struct pointers *tasks, struct pointers *executors) {
    const struct delivery *delivery;
    const struct agent_task *task;

    list_for_each (&executor->launched, task, in_stage)
        push(tasks, task->message);
    list_for_each (&executor->terminated, task, in_stage)
        push(tasks, task->message);
    list_for_each (&executor->queue, delivery, member) {
        list_for_each (&delivery->tasks, task, in_stage)
            push(tasks, task->message);
    }
    if (!executor->is_generated && executor->state != EXECUTOR_TERMINATED)
        push(executors, executor->info);
}

static Mesos__Internal__Archive__Framework *archive(const struct agent_framework *framework, struct arena *arena) {
    Mesos__Internal__Archive__Framework *message = arena_alloc(arena, sizeof(*message));
    const struct agent_executor *executor;
    const struct agent_task *task;
    size_t count = 0;

    mesos__internal__archive__framework__init(message);
    message->framework_info = framework->info;
    if (framework->has_pid) {
        char pid[PID_BYTES];

        message->pid = arena_strdup(arena, pid_format(&framework->pid, pid));
    }
    list_for_each (&framework->completed_executors, executor, in_completed)
        count += executor->terminated_count + executor->completed_count;
    message->tasks = arena_alloc(arena, (count + 1) * sizeof(*message->tasks));
    list_for_each (&framework->completed_executors, executor, in_completed) {
        list_for_each (&executor->terminated, task, in_stage)
            message->tasks[message->n_tasks++] = task->message;
        list_for_each (&executor->completed, task, in_stage)
            message->tasks[message->n_tasks++] = task->message;
    }
    return message;
}

static void register_again(struct agent *agent) {
    cleanup_(arena_done) struct arena arena = ARENA_INIT;
    Mesos__Internal__ReregisterSlaveMessage message = MESOS__INTERNAL__REREGISTER_SLAVE_MESSAGE__INIT;
    Mesos__V1__UUID version = MESOS__V1__UUID__INIT;
    struct pointers tasks = {0}, executors = {0}, frameworks = {0}, completed = {0};
    const struct agent_framework *framework;

    message.version = (char *)version_get()->number;
    message.slave = agent->info;
    message.n_agent_capabilities = agent->capability_count;
    message.agent_capabilities = (Mesos__V1__AgentInfo__Capability **)agent->capabilities;
    resources_to_messages(&agent->checkpointed, RESOURCE_FORMAT_NEW, &arena, &message.checkpointed_resources,
                          &message.n_checkpointed_resources);
    version.value = (ProtobufCBinaryData){.data = agent->resource_version, .len = UUID_BYTES};
    message.resource_version_uuid = &version;
    table_for_each (&agent->frameworks, framework) {
        const struct agent_executor *executor;
        const struct delivery *delivery;
        const struct agent_task *task;

        push(&frameworks, framework->info);
        list_for_each (&framework->pending, delivery, member) {
            list_for_each (&delivery->tasks, task, in_stage)
                push(&tasks, task->message);
        }
        table_for_each (&framework->executors, executor)
            list_executor(executor, &tasks, &executors);
    }
    table_for_each (&agent->completed_frameworks, framework)
        push(&completed, archive(framework, &arena));
    message.n_tasks = tasks.count;
    message.tasks = (Mesos__V1__Task **)tasks.items;
    message.n_executor_infos = executors.count;
    message.executor_infos = (Mesos__V1__ExecutorInfo **)executors.items;
    message.n_frameworks = frameworks.count;
    message.frameworks = (Mesos__V1__FrameworkInfo **)frameworks.items;
    message.n_completed_frameworks = completed.count;
    message.completed_frameworks = (Mesos__Internal__Archive__Framework **)completed.items;
    {
        Mesos__Internal__ReregisterSlaveMessage *copy = MESSAGE_COPY_TO(&message, &arena);

        v0_agent_info_set_checkpoint(copy->slave, &arena);
        message_downgrade_resources(&copy->base, &arena);
        agent_send_to_master(agent, &copy->base);
    }
    free(tasks.items);
    free(executors.items);
    free(frameworks.items);
    free(completed.items);
}

/* [Slave::doReliableRegistration] */
static void on_registration(struct env_timer *timer) {
    struct agent *agent = container_of(timer, struct agent, registration);

    if (!agent->has_master || agent->state != AGENT_DISCONNECTED)
        return;
    process_link(&agent->process, &agent->master);
    if (agent->info->id == NULL)
        register_first(agent);
    else
        register_again(agent);
    if (agent->registration_backoff_ns > RETRY_MOST)
        agent->registration_backoff_ns = RETRY_MOST;
    env_timer_start(timer, env_random_pause(agent->env, agent->registration_backoff_ns));
    agent->registration_backoff_ns *= 2;
}

static void on_no_ping(struct env_timer *timer) {
    struct agent *agent = container_of(timer, struct agent, ping);
    cleanup_free char *timeout = duration_format(agent->ping_timeout_ns);

    log_info("No pings from master received within %s", timeout);
    disconnect(agent);
    if (agent->has_master && agent->state != AGENT_TERMINATING)
        begin(agent, false);
}

void agent_registration_init(struct agent *agent) {
    env_timer_init(&agent->registration, agent->env, on_registration);
    env_timer_init(&agent->ping, agent->env, on_no_ping);
    env_timer_init(&agent->look_up_again, agent->env, on_look_up_again);
    agent->ping_timeout_ns = DEFAULT_PING_TIMEOUT;
}

void agent_registration_done(struct agent *agent) {
    stream_close(take_ptr(&agent->look_up));
    env_timer_done(&agent->look_up_again);
    env_timer_done(&agent->registration);
    env_timer_done(&agent->ping);
}

static void set_ping_timeout(struct agent *agent, const Mesos__Internal__MasterSlaveConnection *connection) {
    agent->ping_timeout_ns = connection != NULL && connection->has_total_ping_timeout_seconds
                                 ? duration_from_seconds(connection->total_ping_timeout_seconds)
                                 : DEFAULT_PING_TIMEOUT;
}

static void connected(struct agent *agent) {
    agent_enter(agent, AGENT_RUNNING);
    env_timer_stop(&agent->registration);
    update_manager_resume(&agent->updates);
    agent_operations_resume(agent);
    env_timer_start(&agent->ping, agent->ping_timeout_ns);
}

/* The id must be on disk before any task may come. */
static int remember_id(struct agent *agent, struct error *err) {
    cleanup_(arena_done) struct arena arena = ARENA_INIT;
    Mesos__V1__AgentInfo *info = MESSAGE_COPY_TO(agent->info, &arena);
    cleanup_free char *directory = agent_path_agent(agent->meta_dir, agent_own_id(agent));
    cleanup_free char *path = path_join(directory, "slave.info");
    cleanup_free char *latest = agent_path_latest_agent(agent->meta_dir);

    v0_agent_info_set_checkpoint(info, &arena);
    if (env_make_directories(agent->env, directory, err) < 0 || env_symlink(agent->env, directory, latest, err) < 0 ||
        checkpoint_message_now(agent->env, path, &info->base, err) < 0)
        return error_wrap(err, "checkpointing the agent's id");
    agent->is_info_changed = false;
    return 0;
}

void agent_on_registered(struct agent *agent, const Mesos__Internal__SlaveRegisteredMessage *message) {
    cleanup_error struct error err = ERROR_INIT;
    const char *id = message->slave_id->value;

    set_ping_timeout(agent, message->connection);
    if (agent->state == AGENT_TERMINATING) {
        log_warning("Ignoring the registration because the agent is terminating");
        return;
    }
    if (agent->info->id != NULL && strcmp(agent_own_id(agent), id) != 0) {
        error_set(&err, EPROTO, "Registered but got wrong id: %s (expected: %s)", id, agent_own_id(agent));
        agent_fail(agent, &err);
        return;
    }
    if (agent->state != AGENT_DISCONNECTED) {
        log_warning("Already registered with master %s", agent->master.address.host);
        return;
    }
    if (!path_is_component(id)) {
        log_error("Ignoring the registration under the id '%s'", id);
        return;
    }
    log_info("Registered with master %s:%u; given agent ID %s", agent->master.address.host,
             (unsigned)agent->master.address.port, id);
    if (agent->info->id == NULL) {
        agent_set_id(agent, message->slave_id);
        if (remember_id(agent, &err) < 0) {
            agent_fail(agent, &err);
            return;
        }
    }
    connected(agent);
}

/* Tasks that the master believes here, and which are not, are lost. */
static void reconcile(struct agent *agent, const Mesos__Internal__ReconcileTasksMessage *message) {
    const struct agent_framework *framework = agent_framework_find(agent, message->framework_id->value);
    const bool is_aware = message->framework != NULL &&
                          agent_framework_has_capability(message->framework,
                                                         MESOS__V1__FRAMEWORK_INFO__CAPABILITY__TYPE__PARTITION_AWARE);

    for (size_t i = 0; i < message->n_statuses; i++) {
        const char *task_id = message->statuses[i]->task_id->value;

        if (framework != NULL && table_find(&framework->tasks, task_id) != NULL)
            continue;
        log_warning("Agent reconciling task %s of framework %s: task unknown to the agent", task_id,
                    message->framework_id->value);
        agent_update_unknown_task(agent, message->framework_id->value, task_id, is_aware ? TASK_DROPPED : TASK_LOST,
                                  MESOS__V1__TASK_STATUS__REASON__REASON_RECONCILIATION,
                                  "Reconciliation: task unknown to the agent");
    }
}

void agent_on_reregistered(struct agent *agent, const Mesos__Internal__SlaveReregisteredMessage *message) {
    cleanup_error struct error err = ERROR_INIT;

    if (agent->info->id == NULL || strcmp(agent_own_id(agent), message->slave_id->value) != 0) {
        error_set(&err, EPROTO, "Re-registered but got wrong id: %s (expected: %s)", message->slave_id->value,
                  agent->info->id != NULL ? agent_own_id(agent) : "none");
        agent_fail(agent, &err);
        return;
    }
    set_ping_timeout(agent, message->connection);
    switch (agent->state) {
    case AGENT_DISCONNECTED:
        log_info("Re-registered with master %s:%u", agent->master.address.host, (unsigned)agent->master.address.port);
        if (agent->is_info_changed && remember_id(agent, &err) < 0) {
            agent_fail(agent, &err);
            return;
        }
        connected(agent);
        break;
    case AGENT_RUNNING:
        log_warning("Already re-registered with master %s", agent->master.address.host);
        break;
    case AGENT_TERMINATING:
    case AGENT_RECOVERING:
        log_warning("Ignoring re-registration because the agent is %s", agent_state_name(agent->state));
        return;
    }
    for (size_t i = 0; i < message->n_reconciliations; i++)
        reconcile(agent, message->reconciliations[i]);
}

void agent_register_again(struct agent *agent) {
    if (agent->state != AGENT_RUNNING)
        return;
    disconnect(agent);
    begin(agent, false);
}

void agent_on_ping(struct agent *agent, const struct pid *from, bool is_connected) {
    Mesos__Internal__PongSlaveMessage pong = MESOS__INTERNAL__PONG_SLAVE_MESSAGE__INIT;

    if (!is_connected && agent->state == AGENT_RUNNING) {
        log_info("Master marked the agent as disconnected but the agent considers itself registered! Forcing "
                 "re-registration.");
        agent_register_again(agent);
    }
    if (agent->state == AGENT_RUNNING)
        env_timer_start(&agent->ping, agent->ping_timeout_ns);
    agent_send_to(agent, from, &pong.base);
}

void agent_on_exited(struct agent *agent, const struct pid *peer) {
    char text[PID_BYTES];

    log_info("Got exited event for %s", pid_format(peer, text));
    if (!agent->has_master || !address_equal(&agent->master.address, &peer->address))
        return;
    /* Upstream waits for another master to be elected, or for pings not to come; to register again is also right when
     * only the connection was lost, or the master was restarted. */
    log_warning("Master disconnected! Trying to register again");
    disconnect(agent);
    if (agent->state != AGENT_TERMINATING)
        begin(agent, false);
}
