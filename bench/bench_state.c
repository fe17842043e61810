/* SPDX-License-Identifier: Apache-2.0 */
/* /state of a large cluster: a master whose tables are filled runs in a process of its own, this one reads, and a third
 * asks for /health all the while.
 *
 *     bench_state [agents] [running tasks] [completed tasks] [target]
 *
 * Printed: the memory that an agent (without its sockets and the allocator's part) and a task take, and what of the
 * latter its TaskInfo takes when it is encoded, without its command, which masters do not keep; for each of five
 * answers their size, the time by the clock, the master's CPU time, and the longest that /health took meanwhile; and
 * the best CPU time of all. */
#include <malloc.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "base/text.h"
#include "event/loop.h"
#include "master/agent.h"
#include "master/framework.h"
#include "master/http/endpoints.h"
#include "master/master.h"
#include "message/json.h"
#include "message/message.h"

enum { TASKS_A_FRAMEWORK = 1000, ROUNDS = 5, START_SECONDS = 1795406751 };

struct cluster {
    struct master *master;
    size_t agents, running, completed;
    size_t info_bytes; /* of all TaskInfos, encoded */
};

static void discard_line(enum log_level level, const char *line, size_t size, void *user) {
}

static double now_ms(clockid_t clock) {
    struct timespec time;

    clock_gettime(clock, &time);
    return (double)time.tv_sec * 1e3 + (double)time.tv_nsec / 1e6;
}

/* The master's process */

static ProtobufCMessage *parse(const ProtobufCMessageDescriptor *descriptor, struct arena *arena, char *text) {
    struct error err = ERROR_INIT;
    ProtobufCMessage *message;

    if (message_parse_json(descriptor, text, strlen(text), MESSAGE_V1, arena, &message, &err) < 0) {
        fprintf(stderr, "bench_state: %s\n", error_message(&err));
        exit(EXIT_FAILURE);
    }
    return message;
}

static void add_agent(struct cluster *cluster, size_t number) {
    struct arena arena = ARENA_INIT;
    struct agent_description description = {.version = "1.11.0"};
    struct pid pid = {.id = "slave(1)", .address = address_tcp("127.0.0.1", 5051)};
    struct agent *agent;

    description.info = (Mesos__V1__AgentInfo *)parse(
        &mesos__v1__agent_info__descriptor, &arena,
        arena_printf(
            &arena,
            "{\"hostname\":\"host%zu.example.org\",\"port\":5051,\"id\":{\"value\":\"%s-S%zu\"},\"attributes\":"
            "[{\"name\":\"rack\",\"type\":\"TEXT\",\"text\":{\"value\":\"r%zu\"}}],\"resources\":["
            "{\"name\":\"cpus\",\"type\":\"SCALAR\",\"scalar\":{\"value\":48}},"
            "{\"name\":\"mem\",\"type\":\"SCALAR\",\"scalar\":{\"value\":256000}},"
            "{\"name\":\"disk\",\"type\":\"SCALAR\",\"scalar\":{\"value\":1000000}},"
            "{\"name\":\"ports\",\"type\":\"RANGES\",\"ranges\":{\"range\":[{\"begin\":31000,\"end\":"
            "32000}]}}]}",
            number, cluster->master->id, number, number % 40));
    if (agent_new(cluster->master, &pid, &description, &agent, NULL) < 0)
        exit(EXIT_FAILURE);
    agent->registered_ns = (START_SECONDS + (int64_t)number) * SECOND;
    table_add(&cluster->master->agents, agent->id, agent);
    arena_done(&arena);
}

static struct framework *add_framework(struct cluster *cluster, size_t number) {
    struct arena arena = ARENA_INIT;
    struct framework *framework = framework_new(
        cluster->master,
        (Mesos__V1__FrameworkInfo *)parse(
            &mesos__v1__framework_info__descriptor, &arena,
            arena_printf(&arena,
                         "{\"user\":\"root\",\"name\":\"framework %zu\",\"id\":{\"value\":\"%s-%04zu\"},\"roles\":["
                         "\"r%zu\"],\"capabilities\":[{\"type\":\"MULTI_ROLE\"},{\"type\":\"PARTITION_AWARE\"}]}",
                         number, cluster->master->id, number, number % 20)));

    framework->registered_ns = START_SECONDS * SECOND;
    table_add(&cluster->master->frameworks, framework->id, framework);
    arena_done(&arena);
    return framework;
}

/* As a command task on a Linux agent has it. */
static char *status_text(struct arena *arena, const char *task_id, const char *state, double seconds) {
    return arena_printf(arena,
                        "{\"task_id\":{\"value\":\"%s\"},\"state\":\"%s\",\"source\":\"SOURCE_EXECUTOR\",\"timestamp\":"
                        "%.7f,\"uuid\":\"nPXmOWfrS3qdsgubkNqE9w==\",\"container_status\":{\"container_id\":{\"value\":"
                        "\"1cc170ff-e515-4c7d-a4ed-cfbde83112e2\"},\"network_infos\":[{\"ip_addresses\":[{"
                        "\"protocol\":\"IPv4\",\"ip_address\":\"10.11.12.13\"}]}]}}",
                        task_id, state, seconds);
}

static void add_task(struct cluster *cluster, struct framework *framework, struct agent *agent, size_t number,
                     bool is_completed) {
    struct arena arena = ARENA_INIT;
    double seconds = START_SECONDS + (double)number * 1.0000001;
    char *id = arena_printf(&arena, "task-%zu.instance-%zu", number, number * 7919);
    Mesos__V1__Task *message = (Mesos__V1__Task *)parse(
        &mesos__v1__task__descriptor, &arena,
        arena_printf(
            &arena,
            "{\"name\":\"%s\",\"task_id\":{\"value\":\"%s\"},\"framework_id\":{\"value\":\"%s\"},\"agent_id\":{"
            "\"value\":\"%s\"},\"state\":\"%s\",\"resources\":[{\"name\":\"cpus\",\"type\":\"SCALAR\","
            "\"scalar\":{\"value\":0.1},\"allocation_info\":{\"role\":\"%s\"}},{\"name\":\"mem\",\"type\":"
            "\"SCALAR\",\"scalar\":{\"value\":32},\"allocation_info\":{\"role\":\"%s\"}}],\"statuses\":[%s,%s%s"
            "%s]}",
            id, id, framework->id, agent->id, is_completed ? "TASK_FINISHED" : "TASK_RUNNING", framework->roles[0],
            framework->roles[0], status_text(&arena, id, "TASK_STARTING", seconds),
            status_text(&arena, id, "TASK_RUNNING", seconds + 0.1), is_completed ? "," : "",
            is_completed ? status_text(&arena, id, "TASK_FINISHED", seconds + 9.7) : ""));
    struct task *task = task_new_from_message(message, framework);
    Mesos__V1__TaskInfo info = MESOS__V1__TASK_INFO__INIT;

    info.name = message->name;
    info.task_id = message->task_id;
    info.agent_id = message->agent_id;
    info.resources = message->resources;
    info.n_resources = message->n_resources;
    cluster->info_bytes += MESSAGE_SIZE(&info);
    if (is_completed) {
        framework_add_completed_task(framework, task);
    } else {
        task_attach(task, agent);
    }
    arena_done(&arena);
}

static size_t memory_in_use(void) {
    size_t pages = 0;
    FILE *file;

    /* Of the process, as what comes from pools is not malloc's; without what it has freed. */
    malloc_trim(0);
    file = fopen("/proc/self/statm", "r");
    if (file == NULL || fscanf(file, "%*u %zu", &pages) != 1)
        exit(EXIT_FAILURE);
    fclose(file);
    return pages * (size_t)sysconf(_SC_PAGESIZE);
}

static void fill(struct cluster *cluster) {
    size_t before = memory_in_use(), with_agents;
    size_t most = cluster->running > cluster->completed ? cluster->running : cluster->completed;
    struct framework *framework = NULL;
    size_t next_agent = 0;

    for (size_t i = 0; i < cluster->agents; i++)
        add_agent(cluster, i);
    with_agents = memory_in_use();
    for (size_t i = 0; i < most; i++) {
        struct agent *agent = table_next(&cluster->master->agents, &next_agent);

        if (agent == NULL) {
            next_agent = 0;
            agent = table_next(&cluster->master->agents, &next_agent);
        }
        if (i % TASKS_A_FRAMEWORK == 0)
            framework = add_framework(cluster, i / TASKS_A_FRAMEWORK);
        if (i < cluster->running)
            add_task(cluster, framework, agent, 2 * i, false);
        if (i < cluster->completed)
            add_task(cluster, framework, agent, 2 * i + 1, true);
    }
    printf("%zu bytes an agent, %zu bytes a task, whose TaskInfo has %zu\n", (with_agents - before) / cluster->agents,
           (memory_in_use() - with_agents) / (cluster->running + cluster->completed),
           cluster->info_bytes / (cluster->running + cluster->completed));
    fflush(stdout);
}

/* Serve until the process is killed; the port goes to @out. */
static int run_master(struct cluster *cluster, int out) {
    char *arguments[] = {"mesos-master", "--ip=127.0.0.1", "--port=0"};
    struct master_flags flags = {0};
    struct master_options options = {.flags = &flags, .http = &master_http_endpoints};
    struct error err = ERROR_INIT;
    struct loop *loop = loop_new(&err);
    uint16_t port;

    log_set_sink(discard_line, NULL);
    if (loop == NULL || flags_parse(&master_flag_table, ARRAY_SIZE(arguments), arguments, &flags, NULL, &err) < 0 ||
        master_new(loop_env(loop), &options, &cluster->master, &err) < 0) {
        fprintf(stderr, "bench_state: %s\n", error_message(&err));
        return EXIT_FAILURE;
    }
    fill(cluster);
    port = master_address(cluster->master)->port;
    if (write(out, &port, sizeof(port)) != sizeof(port))
        return EXIT_FAILURE;
    loop_run(loop);
    return EXIT_SUCCESS;
}

/* Clients */

static int connect_to(uint16_t port) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd < 0 || connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0) {
        perror("bench_state: connect");
        exit(EXIT_FAILURE);
    }
    return fd;
}

static void send_request(int fd, const char *target, bool is_last) {
    char request[1000];
    int size = snprintf(request, sizeof(request), "GET %.800s HTTP/1.1\r\nHost: bench\r\n%s\r\n", target,
                        is_last ? "Connection: close\r\n" : "");

    if (write(fd, request, (size_t)size) != size)
        exit(EXIT_FAILURE);
}

/* Read to the end; the number of bytes. */
static size_t get(uint16_t port, const char *target) {
    static char piece[1 << 18];
    int fd = connect_to(port);
    size_t all = 0;
    ssize_t size;

    send_request(fd, target, true);
    while ((size = read(fd, piece, sizeof(piece))) > 0)
        all += (size_t)size;
    close(fd);
    return all;
}

/* Ask for /health again and again, and write how long the longest answer took to @out whenever a byte comes from @in;
 * ends with @in. */
static int ask_for_health(uint16_t port, int in, int out) {
    struct timespec pause = {.tv_nsec = 200000};
    int fd = connect_to(port);
    double longest = 0;
    char answer[4096];

    for (;;) {
        double since = now_ms(CLOCK_MONOTONIC), took;
        fd_set set;

        send_request(fd, "/health", false);
        if (read(fd, answer, sizeof(answer)) <= 0)
            return EXIT_FAILURE;
        took = now_ms(CLOCK_MONOTONIC) - since;
        longest = took > longest ? took : longest;
        FD_ZERO(&set);
        FD_SET(in, &set);
        if (select(in + 1, &set, NULL, NULL, &(struct timeval){0}) > 0) {
            if (read(in, answer, 1) != 1)
                return EXIT_SUCCESS;
            if (write(out, &longest, sizeof(longest)) != sizeof(longest))
                return EXIT_FAILURE;
            longest = 0;
        }
        nanosleep(&pause, NULL);
    }
}

static double longest_health(int to, int from) {
    double longest = 0;

    if (write(to, "", 1) != 1 || read(from, &longest, sizeof(longest)) != sizeof(longest))
        exit(EXIT_FAILURE);
    return longest;
}

static size_t argument(int count, char **arguments, int index, size_t fallback) {
    int64_t value;

    return count > index && integer_parse(arguments[index], 1, 10000000, &value, NULL) == 0 ? (size_t)value : fallback;
}

int main(int argc, char **argv) {
    struct cluster cluster = {.agents = argument(argc, argv, 1, 10000),
                              .running = argument(argc, argv, 2, 100000),
                              .completed = argument(argc, argv, 3, 100000)};
    const char *target = argc > 4 ? argv[4] : "/state";
    int master_pipe[2], to_health[2], from_health[2];
    double best = 1e9;
    pid_t master, health;
    clockid_t clock;
    uint16_t port;

    if (pipe(master_pipe) < 0 || pipe(to_health) < 0 || pipe(from_health) < 0)
        return EXIT_FAILURE;
    master = fork();
    if (master == 0)
        _exit(run_master(&cluster, master_pipe[1]));
    if (read(master_pipe[0], &port, sizeof(port)) != sizeof(port))
        return EXIT_FAILURE;
    health = fork();
    if (health == 0) {
        close(to_health[1]);
        _exit(ask_for_health(port, to_health[0], from_health[1]));
    }
    printf("%s of %zu agents, %zu running and %zu completed tasks\n", target, cluster.agents, cluster.running,
           cluster.completed);
    clock_getcpuclockid(master, &clock);
    longest_health(to_health[1], from_health[0]);
    for (int i = 0; i < ROUNDS; i++) {
        double since = now_ms(CLOCK_MONOTONIC), cpu_since = now_ms(clock), took, cpu;
        size_t size = get(port, target);

        took = now_ms(CLOCK_MONOTONIC) - since;
        cpu = now_ms(clock) - cpu_since;
        best = cpu < best ? cpu : best;
        printf("%7.1f MB  %7.1f ms  %7.1f ms CPU  /health at most %.1f ms\n", (double)size / 1e6, took, cpu,
               longest_health(to_health[1], from_health[0]));
    }
    printf("best: %.1f ms CPU\n", best);
    close(to_health[1]);
    kill(master, SIGKILL);
    waitpid(master, NULL, 0);
    waitpid(health, NULL, 0);
    return EXIT_SUCCESS;
}
