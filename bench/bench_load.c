/* SPDX-License-Identifier: Apache-2.0 */
/* What bench_daemons.py puts upon a real master: a scheduler that runs tasks that do nothing, schedulers that do
 * nothing, and agents that are only names, whose offers a scheduler declines.
 *
 *     bench_load tasks <master> <count> <at once> [checkpoint]
 *     bench_load updates <master> <tasks> <updates of each> [checkpoint]
 *     bench_load frameworks <master> <count>
 *     bench_load offers <master> <agents> <offers>
 *
 * Each prints one line of JSON once it is done; `frameworks` then stays until its standard input ends. An agent starts
 * `bench_load executor` for the tasks of `updates`. */
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/table.h"
#include "base/text.h"
#include "client/executor_client.h"
#include "client/scheduler_client.h"
#include "event/loop.h"
#include "mesos/internal/messages.pb-c.h"
#include "process/process.h"

struct load {
    struct loop *loop;
    struct env *env;
    const char *master;
    bool (*on_event)(struct scheduler_client *scheduler, const Mesos__V1__Scheduler__Event *event); /* false: done */
    struct scheduler_client **schedulers;
    size_t scheduler_count;
    bool is_checkpointing;
    char *executor; /* the command of the one executor of all tasks; NULL: tasks are commands */
    int64_t wanted, at_once, launched, finished, count;
    Mesos__V1__Offer **offers; /* to launch on, not used yet */
    size_t offer_count;
    int64_t began_ns, first_running_ns;
};

static struct load load;

static void discard_line(enum log_level level, const char *line, size_t size, void *user) {
}

static void fail(const char *what) {
    fprintf(stderr, "bench_load: %s\n", what);
    exit(EXIT_FAILURE);
}

static int64_t number(const char *text, int64_t most) {
    int64_t value;

    if (text == NULL || integer_parse(text, 1, most, &value, NULL) < 0)
        fail("bad arguments");
    return value;
}

/* Schedulers */

static void on_event(void *user, const Mesos__V1__Scheduler__Event *event) {
    struct scheduler_client **scheduler = user;

    if (!load.on_event(*scheduler, event))
        loop_stop(load.loop);
}

static void on_disconnected(void *user) {
    fail("disconnected");
}

static void on_refused(void *user, unsigned status, const char *message) {
    fail(message);
}

static const struct scheduler_client_events scheduler_events = {
    .on_event = on_event, .on_disconnected = on_disconnected, .on_refused = on_refused};

static void start_schedulers(size_t count) {
    load.schedulers = xcalloc(count, sizeof(load.schedulers[0]));
    load.scheduler_count = count;
    for (size_t i = 0; i < count; i++) {
        Mesos__V1__FrameworkInfo framework = MESOS__V1__FRAMEWORK_INFO__INIT;
        Mesos__V1__FrameworkInfo__Capability capability = MESOS__V1__FRAMEWORK_INFO__CAPABILITY__INIT,
                                             *capabilities = &capability;
        char name[32], *role = count == 1 ? "*" : name;
        struct scheduler_client_options options = {
            .master = load.master, .framework = &framework, .backoff_ns = MILLISECOND};

        snprintf(name, sizeof(name), "bench-%zu", i);
        capability.has_type = true;
        capability.type = MESOS__V1__FRAMEWORK_INFO__CAPABILITY__TYPE__MULTI_ROLE;
        framework.user = "root";
        framework.name = name;
        framework.n_roles = 1;
        framework.roles = &role;
        framework.n_capabilities = 1;
        framework.capabilities = &capabilities;
        framework.has_checkpoint = true;
        framework.checkpoint = load.is_checkpointing;
        load.schedulers[i] = scheduler_client_new(load.env, &options, &scheduler_events, &load.schedulers[i], NULL);
        if (load.schedulers[i] == NULL)
            fail("no scheduler");
        scheduler_client_start(load.schedulers[i]);
    }
}

/* Tasks that do nothing */

/* How many tasks of a hundredth of a CPU and 1 MB fit into the offer. */
static int64_t count_fitting(const Mesos__V1__Offer *offer) {
    double cpus = 0, mem = 0;

    for (size_t i = 0; i < offer->n_resources; i++) {
        if (strcmp(offer->resources[i]->name, "cpus") == 0)
            cpus += offer->resources[i]->scalar->value;
        else if (strcmp(offer->resources[i]->name, "mem") == 0)
            mem += offer->resources[i]->scalar->value;
    }
    cpus = cpus * 100 + 0.5;
    return (int64_t)(cpus < mem ? cpus : mem);
}

static void launch_on(struct scheduler_client *scheduler, Mesos__V1__Offer *offer, size_t count) {
    Mesos__V1__Scheduler__Call call = MESOS__V1__SCHEDULER__CALL__INIT;
    Mesos__V1__Scheduler__Call__Accept accept = MESOS__V1__SCHEDULER__CALL__ACCEPT__INIT;
    Mesos__V1__Offer__Operation operation = MESOS__V1__OFFER__OPERATION__INIT, *operations = &operation;
    Mesos__V1__Offer__Operation__Launch part = MESOS__V1__OFFER__OPERATION__LAUNCH__INIT;
    Mesos__V1__Filters filters = MESOS__V1__FILTERS__INIT;
    Mesos__V1__Value__Scalar cpus = MESOS__V1__VALUE__SCALAR__INIT, mem = MESOS__V1__VALUE__SCALAR__INIT;
    Mesos__V1__Resource resources[] = {MESOS__V1__RESOURCE__INIT, MESOS__V1__RESOURCE__INIT};
    Mesos__V1__Resource *pointers[] = {&resources[0], &resources[1]};
    Mesos__V1__CommandInfo command = MESOS__V1__COMMAND_INFO__INIT;
    Mesos__V1__ExecutorInfo executor = MESOS__V1__EXECUTOR_INFO__INIT;
    Mesos__V1__ExecutorID executor_id = MESOS__V1__EXECUTOR_ID__INIT;
    cleanup_free Mesos__V1__TaskInfo *tasks = NULL;
    cleanup_free Mesos__V1__TaskInfo **task_pointers = NULL;
    cleanup_free Mesos__V1__TaskID *ids = NULL;
    cleanup_free char *names = NULL;

    tasks = xcalloc(count, sizeof(*tasks));
    task_pointers = xcalloc(count, sizeof(*task_pointers));
    ids = xcalloc(count, sizeof(*ids));
    names = xcalloc(count, 32);
    cpus.value = 0.01;
    mem.value = 1;
    for (size_t i = 0; i < 2; i++) {
        resources[i].name = i == 0 ? "cpus" : "mem";
        resources[i].type = MESOS__V1__VALUE__TYPE__SCALAR;
        resources[i].scalar = i == 0 ? &cpus : &mem;
    }
    command.value = load.executor != NULL ? load.executor : "true";
    executor_id.value = "bench";
    executor.executor_id = &executor_id;
    executor.command = &command;
    executor.has_type = true;
    executor.type = MESOS__V1__EXECUTOR_INFO__TYPE__CUSTOM;
    for (size_t i = 0; i < count; i++) {
        snprintf(names + i * 32, 32, "task-%d", (int)(load.launched + (int64_t)i));
        mesos__v1__task_id__init(&ids[i]);
        ids[i].value = names + i * 32;
        mesos__v1__task_info__init(&tasks[i]);
        tasks[i].name = "bench";
        tasks[i].task_id = &ids[i];
        tasks[i].agent_id = offer->agent_id;
        tasks[i].n_resources = 2;
        tasks[i].resources = pointers;
        if (load.executor != NULL)
            tasks[i].executor = &executor;
        else
            tasks[i].command = &command;
        task_pointers[i] = &tasks[i];
    }
    part.n_task_infos = count;
    part.task_infos = task_pointers;
    operation.has_type = true;
    operation.type = MESOS__V1__OFFER__OPERATION__TYPE__LAUNCH;
    operation.launch = &part;
    filters.has_refuse_seconds = true;
    filters.refuse_seconds = 0;
    accept.n_offer_ids = 1;
    accept.offer_ids = &offer->id;
    accept.n_operations = 1;
    accept.operations = &operations;
    accept.filters = &filters;
    call.has_type = true;
    call.type = MESOS__V1__SCHEDULER__CALL__TYPE__ACCEPT;
    call.accept = &accept;
    if (load.began_ns == 0)
        load.began_ns = env_now(load.env);
    load.launched += (int64_t)count;
    scheduler_client_call(scheduler, &call);
}

/* Launch what may be launched; offers in which nothing fits are used up as well, so that they come back as one. */
static void launch(struct scheduler_client *scheduler) {
    while (load.offer_count > 0) {
        Mesos__V1__Offer *offer = load.offers[load.offer_count - 1];
        int64_t left = load.wanted - load.launched, room = load.at_once - (load.launched - load.finished);
        int64_t count = count_fitting(offer);

        count = count < left ? count : left;
        count = count < room ? count : room;
        if (left == 0 || room == 0)
            return;
        launch_on(scheduler, offer, (size_t)count);
        load.offer_count--;
        MESSAGE_FREE(offer);
    }
}

static void acknowledge(struct scheduler_client *scheduler, const Mesos__V1__TaskStatus *status) {
    Mesos__V1__Scheduler__Call call = MESOS__V1__SCHEDULER__CALL__INIT;
    Mesos__V1__Scheduler__Call__Acknowledge part = MESOS__V1__SCHEDULER__CALL__ACKNOWLEDGE__INIT;

    part.agent_id = status->agent_id;
    part.task_id = status->task_id;
    part.uuid = status->uuid;
    call.has_type = true;
    call.type = MESOS__V1__SCHEDULER__CALL__TYPE__ACKNOWLEDGE;
    call.acknowledge = &part;
    scheduler_client_call(scheduler, &call);
}

static bool on_update(struct scheduler_client *scheduler, const Mesos__V1__TaskStatus *status) {
    load.count++;
    if (status->has_uuid)
        acknowledge(scheduler, status);
    switch (status->state) {
    case MESOS__V1__TASK_STATE__TASK_STARTING:
        return true;
    case MESOS__V1__TASK_STATE__TASK_RUNNING:
        if (load.first_running_ns == 0)
            load.first_running_ns = env_now(load.env);
        return true;
    case MESOS__V1__TASK_STATE__TASK_FINISHED:
        load.finished++;
        launch(scheduler);
        return load.finished < load.wanted;
    default:
        fail(status->message != NULL ? status->message : "a task failed");
        return false;
    }
}

static bool on_tasks_event(struct scheduler_client *scheduler, const Mesos__V1__Scheduler__Event *event) {
    switch (event->type) {
    case MESOS__V1__SCHEDULER__EVENT__TYPE__OFFERS:
        for (size_t i = 0; i < event->offers->n_offers; i++) {
            load.offers = xrealloc(load.offers, (load.offer_count + 1) * sizeof(load.offers[0]));
            load.offers[load.offer_count++] = MESSAGE_COPY(event->offers->offers[i]);
        }
        launch(scheduler);
        return true;
    case MESOS__V1__SCHEDULER__EVENT__TYPE__UPDATE:
        return on_update(scheduler, event->update->status);
    default:
        return true;
    }
}

static void run_tasks(bool is_checkpointing) {
    load.is_checkpointing = is_checkpointing;
    load.on_event = on_tasks_event;
    start_schedulers(1);
    loop_run(load.loop);
    while (load.offer_count > 0)
        MESSAGE_FREE(load.offers[--load.offer_count]);
    free(load.offers);
}

static void play_tasks(char **arguments) {
    load.wanted = number(arguments[0], 1000000);
    load.at_once = number(arguments[1], 1000000);
    run_tasks(arguments[2] != NULL);
    printf("{\"seconds\": %.6f, \"first_running_ms\": %.3f}\n", duration_to_seconds(env_now(load.env) - load.began_ns),
           duration_to_seconds(load.first_running_ns - load.began_ns) * 1000);
}

/* Tasks that send updates: each the next one as soon as the agent has acknowledged the one before. */

static void play_updates(char **arguments) {
    char self[PATH_MAX];
    const ssize_t size = readlink("/proc/self/exe", self, sizeof(self) - 1);

    load.wanted = load.at_once = number(arguments[0], 100000);
    if (size < 0 || arguments[1] == NULL)
        fail("bad arguments");
    load.executor = xasprintf("exec '%.*s' executor %d", (int)size, self, (int)number(arguments[1], 1000000));
    run_tasks(arguments[2] != NULL);
    printf("{\"seconds\": %.6f, \"updates\": %d}\n", duration_to_seconds(env_now(load.env) - load.first_running_ns),
           (int)load.count);
    free(load.executor);
}

struct sender {
    char *task;
    int64_t left;
};

static struct {
    struct executor_client *client;
    struct table senders; /* by task */
} executor;

static void send_next(struct sender *sender) {
    Mesos__V1__TaskStatus status = MESOS__V1__TASK_STATUS__INIT;
    Mesos__V1__TaskID task_id = MESOS__V1__TASK_ID__INIT;

    if (sender->left == 0)
        return;
    task_id.value = sender->task;
    status.task_id = &task_id;
    status.state = --sender->left > 0 ? MESOS__V1__TASK_STATE__TASK_RUNNING : MESOS__V1__TASK_STATE__TASK_FINISHED;
    executor_client_send_update(executor.client, &status);
}

static void on_executor_event(void *user, const Mesos__V1__Executor__Event *event) {
    struct sender *sender;

    switch (event->type) {
    case MESOS__V1__EXECUTOR__EVENT__TYPE__LAUNCH:
        sender = new0(struct sender);
        sender->task = xstrdup(event->launch->task->task_id->value);
        sender->left = load.wanted;
        table_add(&executor.senders, sender->task, sender);
        send_next(sender);
        break;
    case MESOS__V1__EXECUTOR__EVENT__TYPE__ACKNOWLEDGED:
        send_next(table_find(&executor.senders, event->acknowledged->task_id->value));
        break;
    case MESOS__V1__EXECUTOR__EVENT__TYPE__SHUTDOWN:
        loop_stop(load.loop);
        break;
    default:
        break;
    }
}

static void on_abandoned(void *user, const char *reason) {
    fail(reason);
}

static void play_executor(char **arguments) {
    static const struct executor_client_events events = {
        .on_event = on_executor_event, .on_disconnected = on_disconnected, .on_abandoned = on_abandoned};
    struct executor_client_options options;
    struct sender *sender;

    load.wanted = number(load.master, 1000000);
    if (executor_client_options_from_environment(&options, NULL) < 0)
        fail("this is started by an agent");
    table_init(&executor.senders);
    executor.client = executor_client_new(load.env, &options, &events, NULL, NULL);
    if (executor.client == NULL)
        fail("no executor");
    executor_client_start(executor.client);
    loop_run(load.loop);
    executor_client_free(executor.client);
    table_for_each (&executor.senders, sender) {
        free(sender->task);
        free(sender);
    }
    table_done(&executor.senders);
}

/* Schedulers that do nothing */

static bool on_idle_event(struct scheduler_client *scheduler, const Mesos__V1__Scheduler__Event *event) {
    return event->type != MESOS__V1__SCHEDULER__EVENT__TYPE__SUBSCRIBED || ++load.count < (int64_t)load.scheduler_count;
}

static void on_input_end(struct watch *watch, void *user) {
    loop_stop(load.loop);
}

static void play_frameworks(char **arguments) {
    size_t count = (size_t)number(arguments[0], 100000);
    struct watch *watch;

    load.on_event = on_idle_event;
    start_schedulers(count);
    loop_run(load.loop);
    printf("{\"frameworks\": %zu}\n", count);
    fflush(stdout);
    if (loop_watch(load.loop, STDIN_FILENO, on_input_end, NULL, &watch, NULL) < 0)
        fail("no input to wait for");
    loop_run(load.loop);
    watch_close(watch);
}

/* Agents that are only names */

static void on_message(struct process *process, const struct pid *from, const char *name, const char *body,
                       size_t size) {
    if (strcmp(name, "mesos.internal.PingSlaveMessage") == 0)
        process_send(process, from, "mesos.internal.PongSlaveMessage", NULL, 0);
}

static const struct process_ops agent_ops = {.on_message = on_message};

static void register_agent(struct process *agent, struct process_endpoint *endpoint, size_t index,
                           const struct pid *master) {
    static const Mesos__V1__AgentInfo__Capability__Type types[] = {
        MESOS__V1__AGENT_INFO__CAPABILITY__TYPE__MULTI_ROLE, MESOS__V1__AGENT_INFO__CAPABILITY__TYPE__HIERARCHICAL_ROLE,
        MESOS__V1__AGENT_INFO__CAPABILITY__TYPE__RESERVATION_REFINEMENT};
    Mesos__Internal__RegisterSlaveMessage message = MESOS__INTERNAL__REGISTER_SLAVE_MESSAGE__INIT;
    Mesos__V1__AgentInfo info = MESOS__V1__AGENT_INFO__INIT;
    Mesos__V1__AgentInfo__Capability capabilities[3], *capability_pointers[3];
    Mesos__V1__Value__Scalar amount = MESOS__V1__VALUE__SCALAR__INIT;
    Mesos__V1__Resource resources[] = {MESOS__V1__RESOURCE__INIT, MESOS__V1__RESOURCE__INIT};
    Mesos__V1__Resource *pointers[] = {&resources[0], &resources[1]};
    struct buffer cleanup_buffer bytes = BUFFER_INIT;
    char id[40];

    amount.value = 64;
    for (size_t i = 0; i < 2; i++) {
        resources[i].name = i == 0 ? "cpus" : "mem";
        resources[i].type = MESOS__V1__VALUE__TYPE__SCALAR;
        resources[i].scalar = &amount;
    }
    for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
        mesos__v1__agent_info__capability__init(&capabilities[i]);
        capabilities[i].has_type = true;
        capabilities[i].type = types[i];
        capability_pointers[i] = &capabilities[i];
    }
    snprintf(id, sizeof(id), "slave(%zu)", index + 1);
    process_init(agent, endpoint, id, &agent_ops);
    info.hostname = "localhost";
    info.n_resources = ARRAY_SIZE(pointers);
    info.resources = pointers;
    message.slave = &info;
    message.version = "1.11.0";
    message.n_agent_capabilities = ARRAY_SIZE(types);
    message.agent_capabilities = capability_pointers;
    message_encode(&message.base, &bytes);
    process_send(agent, master, "mesos.internal.RegisterSlaveMessage", bytes.data, bytes.size);
}

static bool on_offers_event(struct scheduler_client *scheduler, const Mesos__V1__Scheduler__Event *event) {
    Mesos__V1__Scheduler__Call call = MESOS__V1__SCHEDULER__CALL__INIT;
    Mesos__V1__Scheduler__Call__Decline decline = MESOS__V1__SCHEDULER__CALL__DECLINE__INIT;
    Mesos__V1__Filters filters = MESOS__V1__FILTERS__INIT;
    cleanup_free Mesos__V1__OfferID **ids = NULL;

    if (event->type != MESOS__V1__SCHEDULER__EVENT__TYPE__OFFERS)
        return true;
    if (load.began_ns == 0)
        load.began_ns = env_now(load.env);
    ids = xcalloc(event->offers->n_offers, sizeof(*ids));
    for (size_t i = 0; i < event->offers->n_offers; i++)
        ids[i] = event->offers->offers[i]->id;
    load.count += (int64_t)event->offers->n_offers;
    decline.n_offer_ids = event->offers->n_offers;
    decline.offer_ids = ids;
    decline.filters = &filters;
    filters.has_refuse_seconds = true;
    filters.refuse_seconds = 0;
    call.has_type = true;
    call.type = MESOS__V1__SCHEDULER__CALL__TYPE__DECLINE;
    call.decline = &decline;
    scheduler_client_call(scheduler, &call);
    return load.count < load.wanted;
}

static void play_offers(char **arguments) {
    size_t count = (size_t)number(arguments[0], 100000);
    struct process *agents = xcalloc(count, sizeof(agents[0]));
    struct router *router = router_new();
    struct process_endpoint *endpoint = process_endpoint_new(load.env, router, NULL);
    struct address address = address_tcp("127.0.0.1", 0);
    cleanup_free char *pid = xasprintf("master@%s", load.master);
    struct pid master;

    load.wanted = number(arguments[1], 1000000000);
    load.on_event = on_offers_event;
    if (pid_parse(pid, &master, NULL) < 0 || process_endpoint_listen(endpoint, &address, NULL, NULL) < 0)
        fail("can not listen");
    for (size_t i = 0; i < count; i++)
        register_agent(&agents[i], endpoint, i, &master);
    start_schedulers(1);
    loop_run(load.loop);
    printf("{\"seconds\": %.6f, \"offers\": %d}\n", duration_to_seconds(env_now(load.env) - load.began_ns),
           (int)load.count);
    for (size_t i = 0; i < count; i++)
        process_done(&agents[i]);
    process_endpoint_free(endpoint);
    router_free(router);
    free(agents);
}

int main(int argc, char **argv) {
    static const struct {
        const char *name;
        void (*play)(char **arguments);
    } kinds[] = {{"tasks", play_tasks},
                 {"updates", play_updates},
                 {"executor", play_executor},
                 {"frameworks", play_frameworks},
                 {"offers", play_offers}};

    log_set_sink(discard_line, NULL);
    load.loop = loop_new(NULL);
    if (load.loop == NULL || argc < 3)
        fail("usage: bench_load tasks|updates|frameworks|offers <master> <numbers>");
    load.env = loop_env(load.loop);
    load.master = argv[2];
    for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
        if (strcmp(kinds[i].name, argv[1]) == 0)
            kinds[i].play(argv + 3);
    }
    for (size_t i = 0; i < load.scheduler_count; i++)
        scheduler_client_free(load.schedulers[i]);
    free(load.schedulers);
    loop_free(load.loop);
    return 0;
}
