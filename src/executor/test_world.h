/* SPDX-License-Identifier: Apache-2.0 */
/* A simulated world for the tests of executors: an agent that says what the test wants and notes what it is told, and a
 * runner whose processes do what the test wants. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/list.h"
#include "base/log.h"
#include "client/executor_client.h"
#include "event/sim.h"
#include "executor/process_runner.h"
#include "mesos/v1/agent/agent.pb-c.h"
#include "mesos/v1/executor/executor.pb-c.h"
#include "message/message.h"
#include "net/http_server.h"
#include "net/recordio.h"

/* Processes */

struct running_process {
    struct fake_runner *runner;
    const struct process_events *events;
    void *user;
    char *command;
    char *directory;
    char **environment;     /* a copy */
    struct env_timer timer; /* ends it by itself */
};

struct fake_runner {
    struct process_runner base;
    struct env *env;
    struct running_process *processes[16]; /* in order of their start; NULL: over */
    unsigned started, forgotten;
    int signals[16];
    unsigned signal_count;
    bool fails;
    bool exits_at_once; /* new processes end by themselves with `exit_status` */
    int exit_status;
};

static inline void process_over(struct running_process *process, int status) {
    const struct process_events *events = process->events;
    void *user = process->user;
    for (unsigned i = 0; i < process->runner->started; i++) {
        if (process->runner->processes[i] == process)
            process->runner->processes[i] = NULL;
    }
    for (char **entry = process->environment; entry != NULL && *entry != NULL; entry++)
        free(*entry);
    free(process->environment);
    env_timer_done(&process->timer);
    free(process->command);
    free(process->directory);
    free(process);
    if (events != NULL)
        events->on_exit(user, status, NULL);
}

static inline void fake_process_due(struct env_timer *timer) {
    struct running_process *process = container_of(timer, struct running_process, timer);
    process_over(process, process->runner->exit_status);
}

static inline struct running_process *fake_start(struct process_runner *base, const struct process_spec *spec,
                                                 const struct process_events *process_events, void *user,
                                                 struct error *err) {
    struct fake_runner *runner = container_of(base, struct fake_runner, base);
    if (runner->fails) {
        error_set(err, 2, "No such file or directory");
        return NULL;
    }
    assert_true(runner->started < ARRAY_SIZE(runner->processes));
    struct running_process *process = new0(struct running_process);
    process->runner = runner;
    process->events = process_events;
    process->user = user;
    process->command = xstrdup(spec->command->value);
    process->directory = xstrdup(spec->directory);
    size_t count = 0;
    while (spec->environment != NULL && spec->environment[count] != NULL)
        count++;
    process->environment = xcalloc(count + 1, sizeof(char *));
    for (size_t i = 0; i < count; i++)
        process->environment[i] = xstrdup(spec->environment[i]);
    env_timer_init(&process->timer, runner->env, fake_process_due);
    if (runner->exits_at_once)
        env_timer_start(&process->timer, 0);
    runner->processes[runner->started++] = process;
    return process;
}

static inline int fake_pid(const struct running_process *process) {
    return 4711;
}

static inline void fake_signal_tree(struct running_process *process, int number) {
    assert_true(process->runner->signal_count < ARRAY_SIZE(process->runner->signals));
    process->runner->signals[process->runner->signal_count++] = number;
}

static inline void fake_forget(struct running_process *process) {
    process->runner->forgotten++;
    process->events = NULL;
    process_over(process, 0);
}

static const struct process_runner_ops fake_runner_ops = {
    .start = fake_start, .pid = fake_pid, .signal_tree = fake_signal_tree, .forget = fake_forget};

/* The agent */

struct container_call {
    Mesos__V1__Agent__Call *call; /* owned */
    struct http_exchange *exchange;
};

struct world {
    struct sim *sim;
    struct sim_node *node;
    struct env *env;
    struct http_server *server;
    struct http_exchange *stream; /* of the subscribed executor */
    unsigned subscriptions;
    bool has_killing_state; /* of the framework */
    bool acknowledges;
    Mesos__V1__TaskStatus *updates[64];
    size_t update_count;
    struct container_call calls[32];
    size_t call_count;
    char authorization[100]; /* of the latest call about a container */
    struct fake_runner runner;
    bool is_done;
    int exit_code;
};

static inline void send_event(struct world *world, Mesos__V1__Executor__Event *event,
                              Mesos__V1__Executor__Event__Type type) {
    cleanup_buffer struct buffer message = BUFFER_INIT;
    cleanup_buffer struct buffer record = BUFFER_INIT;
    event->has_type = true;
    event->type = type;
    MESSAGE_ENCODE(event, &message);
    recordio_append(&record, message.data, message.size);
    assert_non_null(world->stream);
    http_stream_write(world->stream, record.data, record.size);
}

static inline void on_stream_closed(struct http_exchange *exchange, void *user) {
    ((struct world *)user)->stream = NULL;
}

static inline void subscribe(struct world *world, struct http_exchange *exchange) {
    Mesos__V1__Executor__Event event = MESOS__V1__EXECUTOR__EVENT__INIT;
    Mesos__V1__Executor__Event__Subscribed subscribed = MESOS__V1__EXECUTOR__EVENT__SUBSCRIBED__INIT;
    Mesos__V1__ExecutorInfo executor = MESOS__V1__EXECUTOR_INFO__INIT;
    Mesos__V1__ExecutorID executor_id = MESOS__V1__EXECUTOR_ID__INIT;
    Mesos__V1__FrameworkInfo framework = MESOS__V1__FRAMEWORK_INFO__INIT;
    Mesos__V1__FrameworkInfo__Capability capability = MESOS__V1__FRAMEWORK_INFO__CAPABILITY__INIT;
    Mesos__V1__FrameworkInfo__Capability *capabilities[] = {&capability};
    Mesos__V1__AgentInfo agent = MESOS__V1__AGENT_INFO__INIT;
    Mesos__V1__ContainerID container = MESOS__V1__CONTAINER_ID__INIT;
    executor_id.value = "e";
    executor.executor_id = &executor_id;
    framework.user = framework.name = "f";
    capability.has_type = true;
    capability.type = MESOS__V1__FRAMEWORK_INFO__CAPABILITY__TYPE__TASK_KILLING_STATE;
    framework.capabilities = capabilities;
    framework.n_capabilities = world->has_killing_state;
    agent.hostname = "agent.example";
    container.value = "root";
    subscribed.executor_info = &executor;
    subscribed.framework_info = &framework;
    subscribed.agent_info = &agent;
    subscribed.container_id = &container;
    event.subscribed = &subscribed;
    world->stream = exchange;
    world->subscriptions++;
    http_exchange_on_closed(exchange, on_stream_closed, world);
    http_stream_begin(exchange, 200, "application/x-protobuf");
    send_event(world, &event, MESOS__V1__EXECUTOR__EVENT__TYPE__SUBSCRIBED);
}

static inline void acknowledge(struct world *world, const Mesos__V1__TaskStatus *status) {
    Mesos__V1__Executor__Event event = MESOS__V1__EXECUTOR__EVENT__INIT;
    Mesos__V1__Executor__Event__Acknowledged acknowledged = MESOS__V1__EXECUTOR__EVENT__ACKNOWLEDGED__INIT;
    acknowledged.task_id = status->task_id;
    acknowledged.uuid = status->uuid;
    event.acknowledged = &acknowledged;
    send_event(world, &event, MESOS__V1__EXECUTOR__EVENT__TYPE__ACKNOWLEDGED);
}

static inline void take_update(struct world *world, const Mesos__V1__TaskStatus *status) {
    for (size_t i = 0; i < world->update_count; i++) {
        if (memcmp(world->updates[i]->uuid.data, status->uuid.data, UUID_BYTES) == 0)
            return; /* sent again */
    }
    assert_true(world->update_count < ARRAY_SIZE(world->updates));
    world->updates[world->update_count++] = MESSAGE_COPY(status);
    if (world->acknowledges)
        acknowledge(world, status);
}

static inline void on_executor_call(struct world *world, struct http_exchange *exchange) {
    const struct http_request *request = http_exchange_request(exchange);
    cleanup_(arena_done) struct arena arena = ARENA_INIT;
    ProtobufCMessage *message;
    assert_int_equal(message_decode(&mesos__v1__executor__call__descriptor, request->body, request->body_size, &arena,
                                    &message, NULL),
                     0);
    const Mesos__V1__Executor__Call *call = (const Mesos__V1__Executor__Call *)message;
    if (call->type == MESOS__V1__EXECUTOR__CALL__TYPE__SUBSCRIBE) {
        subscribe(world, exchange);
        for (size_t i = 0; i < call->subscribe->n_unacknowledged_updates; i++)
            take_update(world, call->subscribe->unacknowledged_updates[i]->status);
        return;
    }
    http_respond(exchange, 202, NULL, NULL, 0);
    if (call->type == MESOS__V1__EXECUTOR__CALL__TYPE__UPDATE)
        take_update(world, call->update->status);
}

static inline void on_call_closed(struct http_exchange *exchange, void *user) {
    struct world *world = user;
    for (size_t i = 0; i < world->call_count; i++) {
        if (world->calls[i].exchange == exchange)
            world->calls[i].exchange = NULL;
    }
}

static inline void on_request(struct http_exchange *exchange, void *user) {
    struct world *world = user;
    const struct http_request *request = http_exchange_request(exchange);
    if (strcmp(request->path, "/api/v1") != 0) {
        on_executor_call(world, exchange);
        return;
    }
    cleanup_(arena_done) struct arena arena = ARENA_INIT;
    ProtobufCMessage *message;
    assert_int_equal(
        message_decode(&mesos__v1__agent__call__descriptor, request->body, request->body_size, &arena, &message, NULL),
        0);
    assert_true(world->call_count < ARRAY_SIZE(world->calls));
    struct container_call *call = &world->calls[world->call_count++];
    call->call = (Mesos__V1__Agent__Call *)message_copy(message, NULL);
    call->exchange = exchange;
    const char *authorization = http_headers_find(&request->headers, "Authorization");
    snprintf(world->authorization, sizeof(world->authorization), "%s", authorization == NULL ? "" : authorization);
    http_exchange_on_closed(exchange, on_call_closed, world);
}

static const struct http_server_handler server_handler = {.on_request = on_request};

static inline void start_agent(struct world *world) {
    const struct address address = address_tcp("10.0.0.1", 5051);
    world->server = http_server_new(world->env, NULL, &server_handler, world);
    assert_int_equal(http_server_listen(world->server, &address, NULL), 0);
}

static inline void stop_agent(struct world *world) {
    http_server_free(world->server);
    world->server = NULL;
    world->stream = NULL;
}

static inline void world_init(struct world *world) {
    *world = (struct world){.acknowledges = true};
    world->sim = sim_new(1);
    world->node = sim_node_new(world->sim, "10.0.0.1");
    world->env = sim_node_env(world->node);
    world->runner.base.ops = &fake_runner_ops;
    world->runner.env = world->env;
    start_agent(world);
    log_set_level(LOG_ERROR + 1);
}

static inline void world_done(struct world *world) {
    stop_agent(world);
    for (unsigned i = 0; i < world->runner.started; i++)
        assert_null(world->runner.processes[i]);
    for (size_t i = 0; i < world->update_count; i++)
        MESSAGE_FREE(world->updates[i]);
    for (size_t i = 0; i < world->call_count; i++)
        MESSAGE_FREE(world->calls[i].call);
    sim_free(world->sim);
}

static inline void on_world_done(void *user, int exit_code) {
    struct world *world = user;
    assert_false(world->is_done);
    world->is_done = true;
    world->exit_code = exit_code;
}

static inline struct executor_client_options client_options(void) {
    return (struct executor_client_options){
        .agent = "10.0.0.1:5051", .agent_id = "S0", .framework_id = "F", .executor_id = "e", .checkpoint = true};
}

/* Let everything that is due happen. */
static inline void settle(struct world *world) {
    sim_run_for(world->sim, 10 * MILLISECOND);
}

static inline Mesos__V1__TaskStatus *last_update(const struct world *world) {
    assert_true(world->update_count > 0);
    return world->updates[world->update_count - 1];
}

static inline void assert_states(const struct world *world, size_t count, const Mesos__V1__TaskState *states) {
    for (size_t i = 0; i < count && i < world->update_count; i++)
        assert_int_equal(world->updates[i]->state, states[i]);
    assert_int_equal(world->update_count, count);
}

/* assert_updates(world, TASK_STARTING, TASK_RUNNING) */
#define assert_updates(world, ...) \
    do { \
        const Mesos__V1__TaskState states_[] = {__VA_ARGS__}; \
        assert_states(world, ARRAY_SIZE(states_), states_); \
    } while (0)

#define STARTING MESOS__V1__TASK_STATE__TASK_STARTING
#define RUNNING MESOS__V1__TASK_STATE__TASK_RUNNING
#define KILLING MESOS__V1__TASK_STATE__TASK_KILLING
#define FINISHED MESOS__V1__TASK_STATE__TASK_FINISHED
#define FAILED MESOS__V1__TASK_STATE__TASK_FAILED
#define KILLED MESOS__V1__TASK_STATE__TASK_KILLED

/* A task to be launched, which the test may add to. */
struct test_task {
    Mesos__V1__TaskInfo info;
    Mesos__V1__TaskID id;
    Mesos__V1__AgentID agent;
    Mesos__V1__CommandInfo command;
    Mesos__V1__Resource resource;
    Mesos__V1__Resource *resources[1];
    Mesos__V1__Value__Scalar scalar;
    Mesos__V1__Resource__AllocationInfo allocation;
    Mesos__V1__KillPolicy kill_policy;
    Mesos__V1__DurationInfo duration;
};

static inline void task_init(struct test_task *task, const char *id) {
    mesos__v1__task_info__init(&task->info);
    mesos__v1__task_id__init(&task->id);
    mesos__v1__agent_id__init(&task->agent);
    mesos__v1__command_info__init(&task->command);
    mesos__v1__resource__init(&task->resource);
    mesos__v1__value__scalar__init(&task->scalar);
    mesos__v1__resource__allocation_info__init(&task->allocation);
    mesos__v1__kill_policy__init(&task->kill_policy);
    mesos__v1__duration_info__init(&task->duration);
    task->id.value = (char *)id;
    task->agent.value = "S0";
    task->command.value = "sleep 1000";
    task->scalar.value = 1;
    task->allocation.role = "web";
    task->resource.name = "cpus";
    task->resource.type = MESOS__V1__VALUE__TYPE__SCALAR;
    task->resource.scalar = &task->scalar;
    task->resource.allocation_info = &task->allocation;
    task->resources[0] = &task->resource;
    task->info.name = "t";
    task->info.task_id = &task->id;
    task->info.agent_id = &task->agent;
    task->info.command = &task->command;
    task->info.resources = task->resources;
    task->info.n_resources = 1;
}

static inline void send_kill(struct world *world, const char *task_id, int64_t grace_period_ns) {
    Mesos__V1__Executor__Event event = MESOS__V1__EXECUTOR__EVENT__INIT;
    Mesos__V1__Executor__Event__Kill kill = MESOS__V1__EXECUTOR__EVENT__KILL__INIT;
    Mesos__V1__TaskID id = MESOS__V1__TASK_ID__INIT;
    Mesos__V1__KillPolicy policy = MESOS__V1__KILL_POLICY__INIT;
    Mesos__V1__DurationInfo grace_period = MESOS__V1__DURATION_INFO__INIT;
    id.value = (char *)task_id;
    grace_period.nanoseconds = grace_period_ns;
    policy.grace_period = &grace_period;
    kill.task_id = &id;
    kill.kill_policy = grace_period_ns >= 0 ? &policy : NULL;
    event.kill = &kill;
    send_event(world, &event, MESOS__V1__EXECUTOR__EVENT__TYPE__KILL);
    settle(world);
}

static inline void send_shutdown(struct world *world) {
    Mesos__V1__Executor__Event event = MESOS__V1__EXECUTOR__EVENT__INIT;
    send_event(world, &event, MESOS__V1__EXECUTOR__EVENT__TYPE__SHUTDOWN);
    settle(world);
}
