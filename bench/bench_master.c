/* SPDX-License-Identifier: Apache-2.0 */
/* Launches a second through one real master, over sockets: the master runs in a process of its own, agents and the
 * scheduler are played in this one. Each task is launched, said to run, said to be finished, and both updates are
 * acknowledged: one launch, two updates and two acknowledgements a task.
 *
 *     bench_master [tasks] [agents] [json | hold]
 *
 * With "hold" the tasks go on running, so that the master's memory tells what one of them takes. An agent holds 6,400.
 * Printed: tasks a second by the clock, the master's CPU time a task, and its memory. */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "base/log.h"
#include "base/text.h"
#include "client/scheduler_client.h"
#include "event/loop.h"
#include "master/master.h"
#include "mesos/internal/messages.pb-c.h"
#include "message/message.h"
#include "process/process.h"

enum { TASKS_A_OFFER = 100, MAX_AGENTS = 1000, AGENT_CPUS = 64, TASKS_A_CPU = 100 };

struct bench_agent {
    struct process process;
    Mesos__V1__AgentID *id; /* NULL until it is registered */
};

struct bench {
    struct loop *loop;
    struct env *env;
    struct pid master;
    struct router *router;
    struct process_endpoint *endpoint;
    struct bench_agent agents[MAX_AGENTS];
    size_t agent_count;
    struct scheduler_client *scheduler;
    bool is_holding; /* tasks go on running: how much memory does one take? */
    uint64_t wanted, launched, finished, next_task;
    int64_t began_ns, ended_ns;
};

static struct bench bench;

/* The master's process */

static void discard_line(enum log_level level, const char *line, size_t size, void *user) {
}

static void on_stop(int number, void *user) {
    loop_stop(user);
}

/* Run a master until SIGTERM; its port goes to @out. */
static int run_master(int out) {
    char *arguments[] = {"mesos-master", "--ip=127.0.0.1", "--port=0", "--min_allocatable_resources=cpus:0.001"};
    struct master_flags flags = {0};
    struct master_options options = {.flags = &flags};
    struct error err = ERROR_INIT;
    struct loop *loop = loop_new(&err);
    struct master *master;
    uint16_t port;

    log_set_sink(discard_line, NULL);
    if (loop == NULL || flags_parse(&master_flag_table, ARRAY_SIZE(arguments), arguments, &flags, NULL, &err) < 0 ||
        loop_on_signal(loop, SIGTERM, on_stop, loop, &err) < 0 ||
        master_new(loop_env(loop), &options, &master, &err) < 0) {
        fprintf(stderr, "bench_master: %s\n", error_message(&err));
        return EXIT_FAILURE;
    }
    port = master_address(master)->port;
    if (write(out, &port, sizeof(port)) != sizeof(port))
        return EXIT_FAILURE;
    loop_run(loop);
    master_free(master);
    loop_free(loop);
    flags_done(&master_flag_table, &flags);
    return EXIT_SUCCESS;
}

/* Agents */

static void send_message(struct bench_agent *agent, const struct pid *to, const ProtobufCMessage *message) {
    struct buffer cleanup_buffer body = BUFFER_INIT;

    message_encode(message, &body);
    process_send(&agent->process, to, message->descriptor->name, body.data, body.size);
}

static void send_update(struct bench_agent *agent, Mesos__V1__FrameworkID *framework_id, Mesos__V1__TaskID *task_id,
                        Mesos__V1__TaskState state) {
    Mesos__Internal__StatusUpdateMessage message = MESOS__INTERNAL__STATUS_UPDATE_MESSAGE__INIT;
    Mesos__Internal__StatusUpdate update = MESOS__INTERNAL__STATUS_UPDATE__INIT;
    Mesos__V1__TaskStatus status = MESOS__V1__TASK_STATUS__INIT;
    uint8_t uuid[UUID_BYTES];
    char pid[PID_BYTES];

    env_random_uuid(bench.env, uuid);
    status.task_id = task_id;
    status.state = state;
    status.agent_id = agent->id;
    status.has_source = true;
    status.source = MESOS__V1__TASK_STATUS__SOURCE__SOURCE_EXECUTOR;
    status.has_timestamp = true;
    status.timestamp = 1;
    status.has_uuid = true;
    status.uuid = (ProtobufCBinaryData){UUID_BYTES, uuid};
    update.framework_id = framework_id;
    update.slave_id = agent->id;
    update.status = &status;
    update.timestamp = 1;
    update.has_uuid = true;
    update.uuid = status.uuid;
    message.update = &update;
    message.pid = (char *)pid_format(&agent->process.pid, pid);
    send_message(agent, &bench.master, &message.base);
}

static void on_run_task(struct bench_agent *agent, const ProtobufCMessage *base) {
    const Mesos__Internal__RunTaskMessage *message = (const Mesos__Internal__RunTaskMessage *)base;

    send_update(agent, message->framework->id, message->task->task_id, MESOS__V1__TASK_STATE__TASK_RUNNING);
    if (!bench.is_holding)
        send_update(agent, message->framework->id, message->task->task_id, MESOS__V1__TASK_STATE__TASK_FINISHED);
}

static void on_registered(struct bench_agent *agent, const ProtobufCMessage *base) {
    agent->id = MESSAGE_COPY(((const Mesos__Internal__SlaveRegisteredMessage *)base)->slave_id);
}

static void on_message(struct process *process, const struct pid *from, const char *name, const char *body,
                       size_t size) {
    static const struct {
        const ProtobufCMessageDescriptor *descriptor;
        void (*handle)(struct bench_agent *agent, const ProtobufCMessage *message);
    } handlers[] = {
        {&mesos__internal__run_task_message__descriptor, on_run_task},
        {&mesos__internal__slave_registered_message__descriptor, on_registered},
    };
    struct bench_agent *agent = container_of(process, struct bench_agent, process);

    if (strcmp(name, "mesos.internal.PingSlaveMessage") == 0)
        process_send(process, from, "mesos.internal.PongSlaveMessage", NULL, 0);
    for (size_t i = 0; i < ARRAY_SIZE(handlers); i++) {
        struct arena arena = ARENA_INIT;
        ProtobufCMessage *message;

        if (strcmp(handlers[i].descriptor->name, name) == 0 &&
            message_decode(handlers[i].descriptor, body, size, &arena, &message, NULL) == 0)
            handlers[i].handle(agent, message);
        arena_done(&arena);
    }
}

static const struct process_ops agent_ops = {.on_message = on_message};

static Mesos__V1__Resource scalar(char *name, Mesos__V1__Value__Scalar *value, double amount) {
    Mesos__V1__Resource resource = MESOS__V1__RESOURCE__INIT;

    mesos__v1__value__scalar__init(value);
    value->value = amount;
    resource.name = name;
    resource.type = MESOS__V1__VALUE__TYPE__SCALAR;
    resource.scalar = value;
    return resource;
}

static void register_agent(struct bench_agent *agent, size_t number) {
    Mesos__Internal__RegisterSlaveMessage message = MESOS__INTERNAL__REGISTER_SLAVE_MESSAGE__INIT;
    Mesos__V1__AgentInfo info = MESOS__V1__AGENT_INFO__INIT;
    Mesos__V1__Value__Scalar values[2];
    Mesos__V1__Resource resources[] = {scalar("cpus", &values[0], AGENT_CPUS), scalar("mem", &values[1], 64000)};
    Mesos__V1__Resource *pointers[] = {&resources[0], &resources[1]};
    Mesos__V1__AgentInfo__Capability capabilities[3], *capability_pointers[3];
    static const Mesos__V1__AgentInfo__Capability__Type types[] = {
        MESOS__V1__AGENT_INFO__CAPABILITY__TYPE__MULTI_ROLE, MESOS__V1__AGENT_INFO__CAPABILITY__TYPE__HIERARCHICAL_ROLE,
        MESOS__V1__AGENT_INFO__CAPABILITY__TYPE__RESERVATION_REFINEMENT};
    char id[40];

    snprintf(id, sizeof(id), "slave(%zu)", number);
    process_init(&agent->process, bench.endpoint, id, &agent_ops);
    for (size_t i = 0; i < 3; i++) {
        mesos__v1__agent_info__capability__init(&capabilities[i]);
        capabilities[i].has_type = true;
        capabilities[i].type = types[i];
        capability_pointers[i] = &capabilities[i];
    }
    info.hostname = "localhost";
    info.n_resources = 2;
    info.resources = pointers;
    message.slave = &info;
    message.version = "1.11.0";
    message.n_agent_capabilities = 3;
    message.agent_capabilities = capability_pointers;
    send_message(agent, &bench.master, &message.base);
}

/* The scheduler */

/* How many tasks fit into the offer. */
static size_t count_fitting(const Mesos__V1__Offer *offer) {
    double cpus = 0;

    for (size_t i = 0; i < offer->n_resources; i++) {
        if (strcmp(offer->resources[i]->name, "cpus") == 0)
            cpus += offer->resources[i]->scalar->value;
    }
    return (size_t)(cpus * TASKS_A_CPU + 0.5);
}

static void accept_offer(const Mesos__V1__Offer *offer) {
    Mesos__V1__Scheduler__Call call = MESOS__V1__SCHEDULER__CALL__INIT;
    Mesos__V1__Scheduler__Call__Accept accept = MESOS__V1__SCHEDULER__CALL__ACCEPT__INIT;
    Mesos__V1__Offer__Operation operation = MESOS__V1__OFFER__OPERATION__INIT, *operations = &operation;
    Mesos__V1__Offer__Operation__Launch launch = MESOS__V1__OFFER__OPERATION__LAUNCH__INIT;
    Mesos__V1__Filters filters = MESOS__V1__FILTERS__INIT;
    Mesos__V1__OfferID *id = offer->id;
    Mesos__V1__TaskInfo tasks[TASKS_A_OFFER], *task_pointers[TASKS_A_OFFER];
    Mesos__V1__TaskID ids[TASKS_A_OFFER];
    char texts[TASKS_A_OFFER][24];
    Mesos__V1__Value__Scalar values[2];
    Mesos__V1__Resource resources[] = {scalar("cpus", &values[0], 1.0 / TASKS_A_CPU), scalar("mem", &values[1], 1)};
    Mesos__V1__Resource *pointers[] = {&resources[0], &resources[1]};
    Mesos__V1__CommandInfo command = MESOS__V1__COMMAND_INFO__INIT;

    size_t fitting = count_fitting(offer);

    command.value = "true";
    for (size_t i = 0; i < TASKS_A_OFFER && i < fitting && bench.launched < bench.wanted; i++, bench.launched++) {
        mesos__v1__task_info__init(&tasks[i]);
        mesos__v1__task_id__init(&ids[i]);
        snprintf(texts[i], sizeof(texts[i]), "task-%d", (int)bench.next_task++);
        ids[i].value = texts[i];
        tasks[i].name = "bench";
        tasks[i].task_id = &ids[i];
        tasks[i].agent_id = offer->agent_id;
        tasks[i].n_resources = 2;
        tasks[i].resources = pointers;
        tasks[i].command = &command;
        task_pointers[launch.n_task_infos++] = &tasks[i];
    }
    launch.task_infos = task_pointers;
    operation.has_type = true;
    operation.type = MESOS__V1__OFFER__OPERATION__TYPE__LAUNCH;
    operation.launch = &launch;
    filters.has_refuse_seconds = true;
    filters.refuse_seconds = 0;
    accept.n_offer_ids = 1;
    accept.offer_ids = &id;
    accept.n_operations = 1;
    accept.operations = &operations;
    accept.filters = &filters;
    call.has_type = true;
    call.type = MESOS__V1__SCHEDULER__CALL__TYPE__ACCEPT;
    call.accept = &accept;
    scheduler_client_call(bench.scheduler, &call);
}

static void acknowledge(const Mesos__V1__TaskStatus *status) {
    Mesos__V1__Scheduler__Call call = MESOS__V1__SCHEDULER__CALL__INIT;
    Mesos__V1__Scheduler__Call__Acknowledge part = MESOS__V1__SCHEDULER__CALL__ACKNOWLEDGE__INIT;

    part.agent_id = status->agent_id;
    part.task_id = status->task_id;
    part.uuid = status->uuid;
    call.has_type = true;
    call.type = MESOS__V1__SCHEDULER__CALL__TYPE__ACKNOWLEDGE;
    call.acknowledge = &part;
    scheduler_client_call(bench.scheduler, &call);
}

static void on_event(void *user, const Mesos__V1__Scheduler__Event *event) {
    if (event->type == MESOS__V1__SCHEDULER__EVENT__TYPE__OFFERS) {
        if (bench.began_ns == 0)
            bench.began_ns = env_now(bench.env);
        for (size_t i = 0; i < event->offers->n_offers; i++)
            accept_offer(event->offers->offers[i]);
        return;
    }
    if (event->type != MESOS__V1__SCHEDULER__EVENT__TYPE__UPDATE)
        return;
    if (event->update->status->has_uuid)
        acknowledge(event->update->status);
    if (event->update->status->state !=
            (bench.is_holding ? MESOS__V1__TASK_STATE__TASK_RUNNING : MESOS__V1__TASK_STATE__TASK_FINISHED) ||
        ++bench.finished < bench.wanted)
        return;
    bench.ended_ns = env_now(bench.env);
    loop_stop(bench.loop);
}

static void on_refused(void *user, unsigned status, const char *message) {
    fprintf(stderr, "bench_master: refused: %u %s\n", status, message);
    exit(EXIT_FAILURE);
}

static void start_scheduler(const char *master, bool is_json) {
    static const struct scheduler_client_events events = {.on_event = on_event, .on_refused = on_refused};
    Mesos__V1__FrameworkInfo info = MESOS__V1__FRAMEWORK_INFO__INIT;
    struct scheduler_client_options options = {.master = master,
                                               .framework = &info,
                                               .media = is_json ? MEDIA_JSON : MEDIA_PROTOBUF,
                                               .backoff_ns = MILLISECOND};

    info.user = "root";
    info.name = "bench";
    bench.scheduler = scheduler_client_new(bench.env, &options, &events, NULL, NULL);
    scheduler_client_start(bench.scheduler);
}

static void print_figures(const struct rusage *usage) {
    double seconds = duration_to_seconds(bench.ended_ns - bench.began_ns);
    double cpu = (double)usage->ru_utime.tv_sec + (double)usage->ru_stime.tv_sec +
                 ((double)usage->ru_utime.tv_usec + (double)usage->ru_stime.tv_usec) / 1e6;

    printf("%d tasks on %zu agents: %.0f a second; the master used %.1f us of CPU for each (a launch, two updates, two "
           "acknowledgements), %.1f us for one of these; %.1f MB at most\n",
           (int)bench.finished, bench.agent_count, (double)bench.finished / seconds, cpu * 1e6 / (double)bench.finished,
           cpu * 1e6 / (double)bench.finished / 5, (double)usage->ru_maxrss / 1024);
}

static void play(uint16_t port, bool is_json) {
    char master[40];
    struct address address = address_tcp("127.0.0.1", 0);

    snprintf(master, sizeof(master), "127.0.0.1:%u", port);
    snprintf(bench.master.id, sizeof(bench.master.id), "master");
    bench.master.address = address_tcp("127.0.0.1", port);
    bench.loop = loop_new(NULL);
    bench.env = loop_env(bench.loop);
    bench.router = router_new();
    bench.endpoint = process_endpoint_new(bench.env, bench.router, NULL);
    if (process_endpoint_listen(bench.endpoint, &address, NULL, NULL) < 0)
        exit(EXIT_FAILURE);
    for (size_t i = 0; i < bench.agent_count; i++)
        register_agent(&bench.agents[i], i + 1);
    start_scheduler(master, is_json);
    loop_run(bench.loop);
    scheduler_client_free(bench.scheduler);
    for (size_t i = 0; i < bench.agent_count; i++) {
        process_done(&bench.agents[i].process);
        MESSAGE_FREE(bench.agents[i].id);
    }
    process_endpoint_free(bench.endpoint);
    router_free(bench.router);
    loop_free(bench.loop);
}

int main(int argc, char **argv) {
    int64_t tasks = 50000, agents = 20;
    struct rusage usage;
    uint16_t port;
    int ends[2], status;
    pid_t child;

    if ((argc > 1 && integer_parse(argv[1], 1, 100000000, &tasks, NULL) < 0) ||
        (argc > 2 && integer_parse(argv[2], 1, MAX_AGENTS, &agents, NULL) < 0) || pipe(ends) < 0) {
        fprintf(stderr, "Usage: bench_master [tasks] [agents] [json | hold]\n");
        return EXIT_FAILURE;
    }
    bench.wanted = (uint64_t)tasks;
    bench.agent_count = (size_t)agents;
    bench.is_holding = argc > 3 && strcmp(argv[3], "hold") == 0;
    if (bench.is_holding && bench.wanted > bench.agent_count * AGENT_CPUS * TASKS_A_CPU) {
        fprintf(stderr, "bench_master: an agent holds %d tasks\n", AGENT_CPUS * TASKS_A_CPU);
        return EXIT_FAILURE;
    }
    child = fork();
    if (child == 0)
        return run_master(ends[1]);
    if (child < 0 || read(ends[0], &port, sizeof(port)) != sizeof(port))
        return EXIT_FAILURE;
    log_set_sink(discard_line, NULL);
    play(port, argc > 3 && strcmp(argv[3], "json") == 0);
    kill(child, SIGTERM);
    wait4(child, &status, 0, &usage);
    print_figures(&usage);
    return EXIT_SUCCESS;
}
