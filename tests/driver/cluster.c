/* SPDX-License-Identifier: Apache-2.0 */
#include "cluster.h"

#include "agent/test_machine.h"
#include "base/log.h"

#define MASTER_HOST "10.0.0.1"
#define MASTER_ADDRESS MASTER_HOST ":5050"

enum { FLAG_WORDS = 16 };

struct executor executors[MOST_EXECUTORS];
size_t executor_count;

static void parse_flags(const struct flag_table *table, void *flags, const char *const *words, size_t count) {
    char *arguments[FLAG_WORDS] = {(char *)(uintptr_t) "test"};
    cleanup_error struct error err = ERROR_INIT;

    for (size_t i = 0; i < count; i++)
        arguments[i + 1] = (char *)(uintptr_t)words[i];
    if (flags_parse(table, (int)count + 1, arguments, flags, NULL, &err) < 0)
        fail_msg("%s", error_message(&err));
}

static const struct agent_machine machine = FAKE_MACHINE(.cpus = AGENT_CPUS, .memory_bytes = UINT64_C(2) << 30,
                                                         .disk_bytes = UINT64_C(10) << 30, .disk_usage = 0.1);

/* Executors */

static void send_state(struct mesos_executor_driver *driver, const char *task_id, Mesos__V1__TaskState state) {
    Mesos__V1__TaskStatus *status = mesos_task_status_new(task_id, state, NULL);

    mesos_executor_driver_send_status_update(driver, status);
    mesos_message_free(status);
}

static void executor_registered(struct mesos_executor_driver *driver, void *user, const Mesos__V1__ExecutorInfo *info,
                                const Mesos__V1__FrameworkInfo *framework, const Mesos__V1__AgentInfo *agent) {
    struct executor *executor = user;

    executor->registered++;
    snprintf(executor->data, sizeof(executor->data), "%.*s", (int)info->data.len, (const char *)info->data.data);
    snprintf(executor->framework_name, sizeof(executor->framework_name), "%s", framework->name);
}

static void executor_reregistered(struct mesos_executor_driver *driver, void *user, const Mesos__V1__AgentInfo *agent) {
    ((struct executor *)user)->reregistered++;
}

static void executor_disconnected(struct mesos_executor_driver *driver, void *user) {
    ((struct executor *)user)->disconnected++;
}

static void executor_launch(struct mesos_executor_driver *driver, void *user, const Mesos__V1__TaskInfo *task) {
    struct executor *executor = user;
    char script[16];

    snprintf(script, sizeof(script), "%.*s", (int)task->data.len, (const char *)task->data.data);
    executor->launched++;
    if (strcmp(script, "stage") == 0)
        send_state(driver, task->task_id->value, MESOS__V1__TASK_STATE__TASK_STAGING);
    else if (strcmp(script, "silent") != 0)
        send_state(driver, task->task_id->value, MESOS__V1__TASK_STATE__TASK_RUNNING);
    if (strcmp(script, "finish") == 0)
        send_state(driver, task->task_id->value, MESOS__V1__TASK_STATE__TASK_FINISHED);
    if (strcmp(script, "exit") == 0)
        mesos_executor_driver_stop(driver);
}

static void executor_kill(struct mesos_executor_driver *driver, void *user, const Mesos__V1__TaskID *task_id) {
    ((struct executor *)user)->killed++;
    send_state(driver, task_id->value, MESOS__V1__TASK_STATE__TASK_KILLED);
}

static void executor_message(struct mesos_executor_driver *driver, void *user, const void *data, size_t size) {
    ((struct executor *)user)->messages++;
    mesos_executor_driver_send_framework_message(driver, data, size);
}

static void executor_shutdown(struct mesos_executor_driver *driver, void *user) {
    ((struct executor *)user)->shutdowns++;
    mesos_executor_driver_stop(driver);
}

static void executor_error(struct mesos_executor_driver *driver, void *user, const char *message) {
    struct executor *executor = user;

    executor->errors++;
    executor->was_aborted_when_told = mesos_executor_driver_join(driver) == MESOS_DRIVER_ABORTED;
}

static const struct mesos_executor executor_callbacks = {.registered = executor_registered,
                                                         .reregistered = executor_reregistered,
                                                         .disconnected = executor_disconnected,
                                                         .launch_task = executor_launch,
                                                         .kill_task = executor_kill,
                                                         .framework_message = executor_message,
                                                         .shutdown = executor_shutdown,
                                                         .error = executor_error};

/* The process ends with its driver. A driver that stops may still have updates to deliver. */
static void on_poll(struct env_timer *timer) {
    struct executor *executor = container_of(timer, struct executor, poll);
    enum mesos_status status = mesos_executor_driver_join(executor->driver);

    if (status == MESOS_DRIVER_RUNNING || executor->ended == MESOS_DRIVER_RUNNING) {
        executor->ended = status;
        env_timer_start(timer, status == MESOS_DRIVER_RUNNING ? 100 * MILLISECOND : 2 * SECOND);
        return;
    }
    executor->on_done(executor->user, status == MESOS_DRIVER_STOPPED ? 0 : 1);
}

static void *start_executor(struct env *env, const struct sim_executor_options *options,
                            void (*on_done)(void *user, int exit_code), void *user) {
    struct executor *executor = &executors[executor_count++];

    assert_true(executor_count <= MOST_EXECUTORS);
    *executor = (struct executor){
        .env = env, .on_done = on_done, .user = user, .is_there = true, .ended = MESOS_DRIVER_RUNNING};
    executor->driver = executor_driver_new_on(env, options->client, &executor_callbacks, executor, NULL);
    assert_non_null(executor->driver);
    assert_int_equal(mesos_executor_driver_start(executor->driver), MESOS_DRIVER_RUNNING);
    env_timer_init(&executor->poll, env, on_poll);
    env_timer_start(&executor->poll, 100 * MILLISECOND);
    return executor;
}

static void free_executor(void *user) {
    struct executor *executor = user;

    if (executor == NULL)
        return;
    env_timer_done(&executor->poll);
    mesos_executor_driver_free(executor->driver);
    executor->driver = NULL;
    executor->is_there = false;
}

static const struct machine_executors driver_executors = {start_executor, free_executor};

/* Parts */

void cluster_start_master(struct cluster *cluster) {
    static const char *const words[] = {"--ip=" MASTER_HOST, "--port=5050", "--hostname=" MASTER_HOST,
                                        "--offer_timeout=30mins"};
    struct master_options options = {.flags = &cluster->master_flags};
    cleanup_error struct error err = ERROR_INIT;

    flags_done(&master_flag_table, &cluster->master_flags);
    cluster->master_flags = (struct master_flags){0};
    parse_flags(&master_flag_table, &cluster->master_flags, words, ARRAY_SIZE(words));
    if (master_new(sim_node_env(cluster->master_node), &options, &cluster->master, &err) < 0)
        fail_msg("%s", error_message(&err));
}

void cluster_kill_master(struct cluster *cluster) {
    sim_node_kill(cluster->master_node);
    master_free(take_ptr(&cluster->master));
}

static void on_agent_ended(void *user, const struct error *err) {
    fail_msg("an agent ended: %s", error_message(err));
}

static const struct agent_events agent_events = {on_agent_ended};

void cluster_start_agent(struct cluster *cluster, unsigned number) {
    struct place *place = &cluster->places[number];
    struct agent_options options = {
        .flags = &place->flags, .machine = &machine, .events = &agent_events, .user = place};
    cleanup_error struct error err = ERROR_INIT;

    place->containerizer = machine_containerizer_new(&place->machine);
    options.containerizer = place->containerizer;
    options.hostname = place->machine.name;
    if (agent_new(sim_node_env(place->machine.node), &options, &place->agent, &err) < 0)
        fail_msg("%s", error_message(&err));
}

void cluster_kill_agent(struct cluster *cluster, unsigned number) {
    struct place *place = &cluster->places[number];

    if (place->agent == NULL)
        return;
    sim_node_kill(place->machine.node);
    agent_free(take_ptr(&place->agent));
    place->containerizer->ops->free(place->containerizer);
}

void cluster_crash_machine(struct cluster *cluster, unsigned number) {
    struct place *place = &cluster->places[number];

    sim_node_crash(place->machine.node, true);
    agent_free(take_ptr(&place->agent));
    place->containerizer->ops->free(place->containerizer);
    machine_crash(&place->machine);
}

static void init_place(struct cluster *cluster, unsigned number) {
    struct place *place = &cluster->places[number];
    char host[32], ip[48], resources[64];
    const char *words[] = {ip, "--master=" MASTER_ADDRESS, "--port=5051", "--work_dir=/var/lib/mesos",
                           "--runtime_dir=/var/run/mesos", "--launcher_dir=/usr/libexec/mesos", resources,
                           /* In a storm, coming back takes executors some seconds. */
                           "--executor_reregistration_timeout=15secs", "--no-switch_user"};

    snprintf(host, sizeof(host), "10.0.1.%u", number + 1);
    snprintf(ip, sizeof(ip), "--ip=%s", host);
    snprintf(resources, sizeof(resources), "--resources=cpus:%d;mem:1024;disk:1024", AGENT_CPUS);
    machine_init(&place->machine, cluster->sim, host);
    place->machine.executors = &driver_executors;
    parse_flags(&agent_flag_table, &place->flags, words, ARRAY_SIZE(words));
    cluster_start_agent(cluster, number);
}

void cluster_init(struct cluster *cluster, uint64_t seed, bool is_stormy) {
    *cluster = (struct cluster){.sim = sim_new(seed), .is_stormy = is_stormy};
    executor_count = 0;
    log_set_level(LOG_ERROR);
    cluster_lose(cluster, 0, 0);
    cluster->master_node = sim_node_new(cluster->sim, MASTER_HOST);
    cluster_start_master(cluster);
    for (unsigned i = 0; i < AGENTS; i++)
        init_place(cluster, i);
}

void cluster_done(struct cluster *cluster) {
    for (unsigned i = 0; i < AGENTS; i++) {
        cluster_kill_agent(cluster, i);
        machine_done(&cluster->places[i].machine);
        flags_done(&agent_flag_table, &cluster->places[i].flags);
    }
    master_free(cluster->master);
    flags_done(&master_flag_table, &cluster->master_flags);
    sim_free(cluster->sim);
}

void cluster_run(struct cluster *cluster, int64_t duration_ns) {
    sim_run_for(cluster->sim, duration_ns);
}

void cluster_lose(struct cluster *cluster, double drop, double cut) {
    struct sim_faults faults = {.delay_least_ns = 100 * MICROSECOND,
                                .delay_most_ns = cluster->is_stormy ? 300 * MILLISECOND : 2 * MILLISECOND,
                                .duplicate = cluster->is_stormy ? 0.05 : 0,
                                .split = cluster->is_stormy ? 0.2 : 0,
                                .drop = drop,
                                .cut = cut,
                                .disk_least_ns = 100 * MICROSECOND,
                                .disk_most_ns = cluster->is_stormy ? 100 * MILLISECOND : MILLISECOND};

    sim_set_faults(cluster->sim, &faults);
}
