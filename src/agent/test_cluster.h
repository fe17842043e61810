/* SPDX-License-Identifier: Apache-2.0 */
/* For tests: an agent on a simulated machine, a scripted master, a containerizer without processes, and executors that
 * use the real client of the executor API. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "agent/agent.h"
#include "agent/test_machine.h"
#include "base/list.h"
#include "base/log.h"
#include "client/executor_client.h"
#include "event/sim.h"
#include "mesos/internal/messages.pb-c.h"
#include "model/task_state.h"
#include "process/process.h"

#define WORK_DIR "/var/lib/mesos"
#define AGENT_ID "master-id-S0"
#define FRAMEWORK_ID "master-id-0000"

struct cluster;

/* A container of the fake containerizer, kept after its end. */
struct fake_container {
    struct list member;
    struct cluster *cluster;
    char *id, *directory, *user, *command;
    char **environment;
    bool is_launched, is_destroyed, has_ended;
    int signal;
    double cpus; /* as updated */
    container_launched *on_launched;
    void *user_data;
    struct env_timer timer; /* tells on_launched, later on_exit */
    int exit_status;
};

/* A message that the master got. */
struct received {
    struct list member;
    char *name;
    struct arena arena;
    ProtobufCMessage *message;
};

/* An executor over HTTP that counts what it gets. */
struct test_executor {
    struct cluster *cluster;
    struct executor_client *client;
    unsigned subscribed, launches, groups, kills, acknowledged, messages, shutdowns;
    char last_task[64];
    bool is_abandoned;
};

struct cluster {
    struct sim *sim;
    struct sim_node *master_node, *agent_node, *executor_node;
    /* master */
    struct router *router;
    struct process_endpoint *endpoint;
    struct process master;
    struct list received;
    bool answers; /* registrations */
    /* agent */
    struct agent_flags flags;
    struct containerizer containerizer;
    struct list containers;
    bool fails_launches;
    struct agent *agent;
    bool has_ended;
    struct address agent_address;
};

/* The containerizer */

static inline void fake_on_timer(struct env_timer *timer) {
    struct fake_container *container = container_of(timer, struct fake_container, timer);
    struct cluster *cluster = container->cluster;
    struct container_termination termination = {.has_status = true, .status = container->exit_status, .reason = -1};

    if (!container->is_launched) {
        cleanup_error struct error err = ERROR_INIT;

        container->is_launched = true;
        if (cluster->fails_launches || container->is_destroyed) {
            container->has_ended = true;
            error_set(&err, 0, "no such luck");
        }
        container->on_launched(container->user_data, container->id, err.message != NULL ? &err : NULL);
        return;
    }
    container->has_ended = true;
    if (cluster->containerizer.events != NULL)
        cluster->containerizer.events->on_exit(cluster->containerizer.user, container->id, &termination);
}

static inline struct fake_container *fake_find(struct cluster *cluster, const char *id) {
    struct fake_container *container;

    list_for_each (&cluster->containers, container, member) {
        if (strcmp(container->id, id) == 0)
            return container;
    }
    return NULL;
}

static inline struct fake_container *fake_last(struct cluster *cluster) {
    return list_last(&cluster->containers, struct fake_container, member);
}

/* Its process ends. */
static inline void fake_exit(struct fake_container *container, int status) {
    container->exit_status = status;
    env_timer_start(&container->timer, MILLISECOND);
}

static inline int fake_recover(struct containerizer *base, char *const *ids, size_t count, struct error *err) {
    struct cluster *cluster = container_of(base, struct cluster, containerizer);

    for (size_t i = 0; i < count; i++) {
        struct fake_container *container = fake_find(cluster, ids[i]);

        assert_non_null(container);
        env_timer_init(&container->timer, sim_node_env(cluster->agent_node), fake_on_timer);
        if (container->has_ended || !container->is_launched)
            fake_exit(container, container->exit_status);
        container->is_launched = true;
    }
    return 0;
}

static inline void fake_launch(struct containerizer *base, const struct container_config *config,
                               container_launched *on_launched, void *user) {
    struct cluster *cluster = container_of(base, struct cluster, containerizer);
    struct fake_container *container = new0(struct fake_container);
    size_t count = 0;

    container->cluster = cluster;
    container->id = xstrdup(config->id);
    container->directory = xstrdup(config->directory);
    container->user = xstrdup(config->user);
    container->command = xstrdup(config->command->value);
    while (config->environment[count] != NULL)
        count++;
    container->environment = xcalloc(count + 1, sizeof(char *));
    for (size_t i = 0; i < count; i++)
        container->environment[i] = xstrdup(config->environment[i]);
    container->on_launched = on_launched;
    container->user_data = user;
    list_append(&cluster->containers, &container->member);
    env_timer_init(&container->timer, sim_node_env(cluster->agent_node), fake_on_timer);
    env_timer_start(&container->timer, MILLISECOND);
}

static inline bool fake_destroy(struct containerizer *base, const char *id) {
    struct fake_container *container = fake_find(container_of(base, struct cluster, containerizer), id);

    if (container == NULL || container->has_ended)
        return false;
    container->is_destroyed = true;
    container->exit_status = 9;
    env_timer_start(&container->timer, MILLISECOND);
    return true;
}

static inline bool fake_kill(struct containerizer *base, const char *id, int number) {
    struct fake_container *container = fake_find(container_of(base, struct cluster, containerizer), id);

    if (container == NULL || container->has_ended)
        return false;
    container->signal = number;
    fake_exit(container, number);
    return true;
}

static inline int fake_pid(struct containerizer *base, const char *id) {
    return fake_find(container_of(base, struct cluster, containerizer), id) != NULL ? 4711 : 0;
}

static inline void fake_update(struct containerizer *base, const char *id, Mesos__V1__Resource *const *resources,
                               size_t count) {
    struct fake_container *container = fake_find(container_of(base, struct cluster, containerizer), id);

    if (container == NULL)
        return;
    container->cpus = 0;
    for (size_t i = 0; i < count; i++)
        container->cpus += strcmp(resources[i]->name, "cpus") == 0 ? resources[i]->scalar->value : 0;
}

static inline void fake_usage(struct containerizer *base, const char *id, container_usage *on_usage, void *user) {
    Mesos__V1__ResourceStatistics statistics = MESOS__V1__RESOURCE_STATISTICS__INIT;

    statistics.timestamp = 1;
    on_usage(user, id, &statistics, NULL);
}

static inline void fake_remove(struct containerizer *base, const char *id) {
}

static inline const char *fake_variable(const struct fake_container *container, const char *name) {
    const size_t size = strlen(name);

    for (size_t i = 0; container->environment[i] != NULL; i++) {
        if (strncmp(container->environment[i], name, size) == 0 && container->environment[i][size] == '=')
            return container->environment[i] + size + 1;
    }
    return NULL;
}

/* The master */

static inline const ProtobufCMessageDescriptor *master_descriptor(const char *name) {
    static const ProtobufCMessageDescriptor *const descriptors[] = {
        &mesos__internal__register_slave_message__descriptor,
        &mesos__internal__reregister_slave_message__descriptor,
        &mesos__internal__unregister_slave_message__descriptor,
        &mesos__internal__status_update_message__descriptor,
        &mesos__internal__executor_to_framework_message__descriptor,
        &mesos__internal__exited_executor_message__descriptor,
        &mesos__internal__pong_slave_message__descriptor,
        &mesos__internal__update_slave_message__descriptor,
        &mesos__internal__update_operation_status_message__descriptor,
        /* what a scripted executor that uses libprocess gets */
        &mesos__internal__executor_registered_message__descriptor,
        &mesos__internal__executor_reregistered_message__descriptor,
        &mesos__internal__run_task_message__descriptor,
        &mesos__internal__kill_task_message__descriptor,
        &mesos__internal__status_update_acknowledgement_message__descriptor,
        &mesos__internal__framework_to_executor_message__descriptor,
        &mesos__internal__shutdown_executor_message__descriptor,
        &mesos__internal__reconnect_executor_message__descriptor,
    };

    for (size_t i = 0; i < ARRAY_SIZE(descriptors); i++) {
        if (strcmp(descriptors[i]->name, name) == 0)
            return descriptors[i];
    }
    return NULL;
}

static inline void master_send(struct cluster *cluster, const ProtobufCMessage *message) {
    struct pid to = {.address = cluster->agent_address};
    cleanup_buffer struct buffer body = BUFFER_INIT;

    snprintf(to.id, sizeof(to.id), "slave(1)");
    message_encode(message, &body);
    process_send(&cluster->master, &to, message->descriptor->name, body.data, body.size);
}

static inline void master_answer(struct cluster *cluster, const char *name) {
    Mesos__Internal__SlaveRegisteredMessage registered = MESOS__INTERNAL__SLAVE_REGISTERED_MESSAGE__INIT;
    Mesos__Internal__SlaveReregisteredMessage again = MESOS__INTERNAL__SLAVE_REREGISTERED_MESSAGE__INIT;
    Mesos__V1__AgentID id = MESOS__V1__AGENT_ID__INIT;

    id.value = (char *)AGENT_ID;
    registered.slave_id = again.slave_id = &id;
    if (strcmp(name, "mesos.internal.RegisterSlaveMessage") == 0)
        master_send(cluster, &registered.base);
    else if (strcmp(name, "mesos.internal.ReregisterSlaveMessage") == 0)
        master_send(cluster, &again.base);
}

static inline void master_on_message(struct process *process, const struct pid *from, const char *name,
                                     const char *body, size_t size) {
    struct cluster *cluster = container_of(process, struct cluster, master);
    struct received *received = new0(struct received);

    received->name = xstrdup(name);
    assert_non_null(master_descriptor(name));
    assert_int_equal(message_decode(master_descriptor(name), body, size, &received->arena, &received->message, NULL),
                     0);
    list_append(&cluster->received, &received->member);
    if (cluster->answers)
        master_answer(cluster, name);
}

static inline void master_on_exited(struct process *process, const struct pid *peer) {
}

static inline const struct process_ops *master_ops(void) {
    static const struct process_ops ops = {.on_message = master_on_message, .on_exited = master_on_exited};

    return &ops;
}

static inline void master_start(struct cluster *cluster) {
    struct env *env = sim_node_env(cluster->master_node);
    const struct address address = address_tcp("10.0.0.1", 5050);

    cluster->router = router_new();
    cluster->endpoint = process_endpoint_new(env, cluster->router, NULL);
    assert_int_equal(process_endpoint_listen(cluster->endpoint, &address, NULL, NULL), 0);
    process_init(&cluster->master, cluster->endpoint, "master", master_ops());
}

static inline void master_stop(struct cluster *cluster) {
    process_done(&cluster->master);
    process_endpoint_free(take_ptr(&cluster->endpoint));
    router_free(take_ptr(&cluster->router));
}

/* How many messages called mesos.internal.@name came, and the last of them. */
static inline unsigned count_received(struct cluster *cluster, const char *name) {
    const struct received *received;
    unsigned count = 0;

    list_for_each (&cluster->received, received, member)
        count += strcmp(received->name + strlen("mesos.internal."), name) == 0;
    return count;
}

static inline void *last_received(struct cluster *cluster, const char *name) {
    const struct received *received;
    void *last = NULL;

    list_for_each (&cluster->received, received, member) {
        if (strcmp(received->name + strlen("mesos.internal."), name) == 0)
            last = received->message;
    }
    return last;
}

static inline void forget_received(struct cluster *cluster) {
    struct received *received;

    list_for_each (&cluster->received, received, member) {
        list_remove(&received->member);
        arena_done(&received->arena);
        free(received->name);
        free(received);
    }
}

static inline const Mesos__V1__TaskStatus *last_status(struct cluster *cluster) {
    const Mesos__Internal__StatusUpdateMessage *message = last_received(cluster, "StatusUpdateMessage");

    return message != NULL ? message->update->status : NULL;
}

/* The agent */

static inline void fake_count(struct containerizer *containerizer, struct containerizer_counts *ret) {
    *ret = (struct containerizer_counts){.fetches_succeeded = 1, .fetches_failed = 2, .destroy_errors = 3};
}

static inline void agent_on_ended(void *user, const struct error *err) {
    ((struct cluster *)user)->has_ended = true;
}

static const struct agent_machine fake_agent_machine =
    FAKE_MACHINE(.cpus = 4, .memory_bytes = UINT64_C(8) << 30, .disk_bytes = UINT64_C(100) << 30, .disk_usage = 0.5);

static inline int try_agent(struct cluster *cluster, struct error *err) {
    static const struct agent_events events = {.on_ended = agent_on_ended};
    static const struct containerizer_ops ops = {
        .recover = fake_recover,
        .launch = fake_launch,
        .destroy = fake_destroy,
        .kill = fake_kill,
        .pid = fake_pid,
        .update = fake_update,
        .usage = fake_usage,
        .remove = fake_remove,
        .count = fake_count,
    };
    const struct agent_options options = {.flags = &cluster->flags,
                                          .machine = &fake_agent_machine,
                                          .containerizer = &cluster->containerizer,
                                          .events = &events,
                                          .user = cluster};

    cluster->containerizer.ops = &ops;
    if (agent_new(sim_node_env(cluster->agent_node), &options, &cluster->agent, err) < 0)
        return -1;
    cluster->agent_address = *agent_address(cluster->agent);
    return 0;
}

static inline void start_agent(struct cluster *cluster) {
    cleanup_error struct error err = ERROR_INIT;

    if (try_agent(cluster, &err) < 0)
        fail_msg("the agent does not start: %s", error_message(&err));
}

/* As kill -9; executors and containers go on. */
static inline void kill_agent(struct cluster *cluster) {
    struct fake_container *container;

    sim_node_kill(cluster->agent_node);
    list_for_each (&cluster->containers, container, member)
        env_timer_done(&container->timer);
    agent_free(take_ptr(&cluster->agent));
}

static inline bool is_registered(void *user) {
    struct cluster *cluster = user;

    return agent_is_registered(cluster->agent);
}

static inline void run_for(struct cluster *cluster, int64_t duration_ns) {
    sim_run_for(cluster->sim, duration_ns);
}

static inline void await_registration(struct cluster *cluster) {
    assert_true(sim_run_until(cluster->sim, sim_now(cluster->sim) + MINUTE, is_registered, cluster));
}

static inline void discard_log(enum log_level level, const char *line, size_t size, void *user) {
}

/* A cluster whose agent is not started yet. */
static inline struct cluster *cluster_new_stopped(uint64_t seed) {
    char *const arguments[] = {"mesos-agent",
                               "--master=10.0.0.1:5050",
                               "--work_dir=" WORK_DIR,
                               "--ip=10.0.0.2",
                               "--launcher_dir=/usr/libexec/mesos",
                               "--executor_registration_timeout=30secs",
                               "--executor_shutdown_grace_period=3secs",
                               NULL};
    struct cluster *cluster = new0(struct cluster);

    if (getenv("TEST_LOG") == NULL)
        log_set_sink(discard_log, NULL);
    cluster->sim = sim_new(seed);
    cluster->master_node = sim_node_new(cluster->sim, "10.0.0.1");
    cluster->agent_node = sim_node_new(cluster->sim, "10.0.0.2");
    cluster->executor_node = sim_node_new(cluster->sim, "10.0.0.3");
    cluster->answers = true;
    list_init(&cluster->received);
    list_init(&cluster->containers);
    assert_int_equal(flags_parse(&agent_flag_table, 7, arguments, &cluster->flags, NULL, NULL), 0);
    master_start(cluster);
    return cluster;
}

static inline struct cluster *cluster_new(uint64_t seed) {
    struct cluster *cluster = cluster_new_stopped(seed);

    start_agent(cluster);
    await_registration(cluster);
    return cluster;
}

static inline void cluster_free(struct cluster *cluster) {
    struct fake_container *container;

    agent_free(cluster->agent);
    master_stop(cluster);
    forget_received(cluster);
    list_for_each (&cluster->containers, container, member) {
        env_timer_done(&container->timer);
        for (size_t i = 0; container->environment[i] != NULL; i++)
            free(container->environment[i]);
        free(container->environment);
        free(container->id);
        free(container->directory);
        free(container->user);
        free(container->command);
        list_remove(&container->member);
        free(container);
    }
    flags_done(&agent_flag_table, &cluster->flags);
    sim_free(cluster->sim);
    free(cluster);
}

/* Tasks */

struct task_options {
    const char *id;
    const char *executor_id; /* NULL: a command task */
    bool checkpoint, is_partition_aware;
    bool has_launch_executor, launch_executor;
    const char *pid; /* of the scheduler; NULL: it uses HTTP */
};

/* Everything a RunTaskMessage points to. */
struct task_parts {
    Mesos__Internal__RunTaskMessage message;
    Mesos__V1__FrameworkInfo framework;
    Mesos__V1__FrameworkID framework_id;
    Mesos__V1__FrameworkInfo__Capability aware, *capabilities[1];
    Mesos__V1__TaskInfo task;
    Mesos__V1__TaskID task_id;
    Mesos__V1__AgentID agent_id;
    Mesos__V1__Resource cpus, *resources[1];
    Mesos__V1__Value__Scalar amount;
    Mesos__V1__Resource__AllocationInfo allocation;
    Mesos__V1__CommandInfo command;
    Mesos__V1__ExecutorInfo executor;
    Mesos__V1__ExecutorID executor_id;
};

static inline void task_parts_init(struct task_parts *parts, const struct task_options *options) {
    mesos__internal__run_task_message__init(&parts->message);
    mesos__v1__framework_info__init(&parts->framework);
    mesos__v1__framework_id__init(&parts->framework_id);
    mesos__v1__framework_info__capability__init(&parts->aware);
    mesos__v1__task_info__init(&parts->task);
    mesos__v1__task_id__init(&parts->task_id);
    mesos__v1__agent_id__init(&parts->agent_id);
    mesos__v1__resource__init(&parts->cpus);
    mesos__v1__value__scalar__init(&parts->amount);
    mesos__v1__resource__allocation_info__init(&parts->allocation);
    mesos__v1__command_info__init(&parts->command);
    mesos__v1__executor_info__init(&parts->executor);
    mesos__v1__executor_id__init(&parts->executor_id);
    parts->framework_id.value = (char *)FRAMEWORK_ID;
    parts->framework.user = (char *)"alice";
    parts->framework.name = (char *)"framework";
    parts->framework.id = &parts->framework_id;
    parts->framework.has_checkpoint = true;
    parts->framework.checkpoint = options->checkpoint;
    if (options->is_partition_aware) {
        parts->aware.has_type = true;
        parts->aware.type = MESOS__V1__FRAMEWORK_INFO__CAPABILITY__TYPE__PARTITION_AWARE;
        parts->capabilities[0] = &parts->aware;
        parts->framework.n_capabilities = 1;
        parts->framework.capabilities = parts->capabilities;
    }
    parts->amount.value = 0.5;
    parts->allocation.role = (char *)"*";
    parts->cpus.name = (char *)"cpus";
    parts->cpus.type = MESOS__V1__VALUE__TYPE__SCALAR;
    parts->cpus.scalar = &parts->amount;
    parts->cpus.allocation_info = &parts->allocation;
    parts->resources[0] = &parts->cpus;
    parts->task.name = (char *)options->id;
    parts->task_id.value = (char *)options->id;
    parts->task.task_id = &parts->task_id;
    parts->agent_id.value = (char *)AGENT_ID;
    parts->task.agent_id = &parts->agent_id;
    parts->task.n_resources = 1;
    parts->task.resources = parts->resources;
    parts->command.value = (char *)"sleep 100";
    if (options->executor_id == NULL) {
        parts->task.command = &parts->command;
    } else {
        parts->executor_id.value = (char *)options->executor_id;
        parts->executor.executor_id = &parts->executor_id;
        parts->executor.framework_id = &parts->framework_id;
        parts->executor.command = &parts->command;
        parts->task.executor = &parts->executor;
    }
    parts->message.framework = &parts->framework;
    parts->message.task = &parts->task;
    parts->message.pid = (char *)options->pid;
    parts->message.has_launch_executor = options->has_launch_executor;
    parts->message.launch_executor = options->launch_executor;
}

static inline void run_task(struct cluster *cluster, const struct task_options *options) {
    struct task_parts parts;

    task_parts_init(&parts, options);
    master_send(cluster, &parts.message.base);
}

static inline void kill_task(struct cluster *cluster, const char *id) {
    Mesos__Internal__KillTaskMessage message = MESOS__INTERNAL__KILL_TASK_MESSAGE__INIT;
    Mesos__V1__FrameworkID framework_id = MESOS__V1__FRAMEWORK_ID__INIT;
    Mesos__V1__TaskID task_id = MESOS__V1__TASK_ID__INIT;

    framework_id.value = (char *)FRAMEWORK_ID;
    task_id.value = (char *)id;
    message.framework_id = &framework_id;
    message.task_id = &task_id;
    master_send(cluster, &message.base);
}

/* Acknowledge the update that the master got last. */
static inline void acknowledge_last(struct cluster *cluster) {
    const Mesos__Internal__StatusUpdateMessage *update = last_received(cluster, "StatusUpdateMessage");
    Mesos__Internal__StatusUpdateAcknowledgementMessage message =
        MESOS__INTERNAL__STATUS_UPDATE_ACKNOWLEDGEMENT_MESSAGE__INIT;

    assert_non_null(update);
    message.slave_id = update->update->slave_id;
    message.framework_id = update->update->framework_id;
    message.task_id = update->update->status->task_id;
    message.uuid = update->update->uuid;
    master_send(cluster, &message.base);
}

static inline void shutdown_executor(struct cluster *cluster, const char *id) {
    Mesos__Internal__ShutdownExecutorMessage message = MESOS__INTERNAL__SHUTDOWN_EXECUTOR_MESSAGE__INIT;
    Mesos__V1__FrameworkID framework_id = MESOS__V1__FRAMEWORK_ID__INIT;
    Mesos__V1__ExecutorID executor_id = MESOS__V1__EXECUTOR_ID__INIT;

    framework_id.value = (char *)FRAMEWORK_ID;
    executor_id.value = (char *)id;
    message.framework_id = &framework_id;
    message.executor_id = &executor_id;
    master_send(cluster, &message.base);
}

static inline void shutdown_framework(struct cluster *cluster) {
    Mesos__Internal__ShutdownFrameworkMessage message = MESOS__INTERNAL__SHUTDOWN_FRAMEWORK_MESSAGE__INIT;
    Mesos__V1__FrameworkID framework_id = MESOS__V1__FRAMEWORK_ID__INIT;

    framework_id.value = (char *)FRAMEWORK_ID;
    message.framework_id = &framework_id;
    master_send(cluster, &message.base);
}

/* Executors */

static inline void executor_on_event(void *user, const Mesos__V1__Executor__Event *event) {
    struct test_executor *executor = user;

    switch (event->type) {
    case MESOS__V1__EXECUTOR__EVENT__TYPE__SUBSCRIBED:
        executor->subscribed++;
        break;
    case MESOS__V1__EXECUTOR__EVENT__TYPE__LAUNCH:
        executor->launches++;
        snprintf(executor->last_task, sizeof(executor->last_task), "%s", event->launch->task->task_id->value);
        break;
    case MESOS__V1__EXECUTOR__EVENT__TYPE__LAUNCH_GROUP:
        executor->groups++;
        break;
    case MESOS__V1__EXECUTOR__EVENT__TYPE__KILL:
        executor->kills++;
        break;
    case MESOS__V1__EXECUTOR__EVENT__TYPE__ACKNOWLEDGED:
        executor->acknowledged++;
        break;
    case MESOS__V1__EXECUTOR__EVENT__TYPE__MESSAGE:
        executor->messages++;
        break;
    case MESOS__V1__EXECUTOR__EVENT__TYPE__SHUTDOWN:
        executor->shutdowns++;
        break;
    default:
        break;
    }
}

static inline void executor_on_disconnected(void *user) {
}

static inline void executor_on_abandoned(void *user, const char *reason) {
    ((struct test_executor *)user)->is_abandoned = true;
}

/* Let the process in the container subscribe. */
static inline void executor_start(struct test_executor *executor, struct cluster *cluster,
                                  const struct fake_container *container) {
    static const struct executor_client_events events = {.on_event = executor_on_event,
                                                         .on_disconnected = executor_on_disconnected,
                                                         .on_abandoned = executor_on_abandoned};
    const struct executor_client_options options = {
        .agent = fake_variable(container, "MESOS_AGENT_ENDPOINT"),
        .agent_id = fake_variable(container, "MESOS_SLAVE_ID"),
        .framework_id = fake_variable(container, "MESOS_FRAMEWORK_ID"),
        .executor_id = fake_variable(container, "MESOS_EXECUTOR_ID"),
        .checkpoint = strcmp(fake_variable(container, "MESOS_CHECKPOINT"), "1") == 0,
        .recovery_timeout_ns = 15 * MINUTE,
        .backoff_max_ns = SECOND,
    };

    *executor = (struct test_executor){.cluster = cluster};
    executor->client = executor_client_new(sim_node_env(cluster->executor_node), &options, &events, executor, NULL);
    assert_non_null(executor->client);
    executor_client_start(executor->client);
}

static inline void executor_end(struct test_executor *executor) {
    executor_client_free(take_ptr(&executor->client));
}

static inline void executor_update(struct test_executor *executor, const char *task, enum task_state state) {
    Mesos__V1__TaskStatus status = MESOS__V1__TASK_STATUS__INIT;
    Mesos__V1__TaskID task_id = MESOS__V1__TASK_ID__INIT;

    task_id.value = (char *)task;
    status.task_id = &task_id;
    status.state = (Mesos__V1__TaskState)state;
    executor_client_send_update(executor->client, &status);
}
