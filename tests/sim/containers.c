/* SPDX-License-Identifier: Apache-2.0 */
#include "containers.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "executor.h"
#include "executor/command_executor.h"
#include "executor/default_executor.h"

#define START_DELAY (20 * MILLISECOND)

/* A node on which one executor at a time runs. */
struct executor_node {
    struct list member;
    struct sim_node *node;
};

struct container {
    struct list member;
    struct machine *machine;
    char *id;
    bool is_checkpointed;
    struct executor_node *place;
    struct env_timer start; /* on the executor's node; of a nested container: its end */
    char **environment;
    enum container_kind {
        CONTAINER_COMMAND, /* mesos-executor */
        CONTAINER_DEFAULT, /* mesos-default-executor */
        CONTAINER_OWN,     /* our own executor */
        CONTAINER_NESTED,  /* a task of the default executor */
    } kind;
    char *directory;
    struct command_executor *command_executor;
    struct default_executor *default_executor;
    void *executor; /* of machine->executors */
    int pid;
    bool is_json, uses_messages; /* how its executor speaks */
    /* How it ended, until an agent has been told. */
    bool has_ended;
    int status;
    struct env_timer tell; /* on the agent's node */
    container_launched *on_launched;
    void *launched_user;
};

struct sim_containerizer {
    struct containerizer base;
    struct machine *machine;
    struct env *env;
};

/* Processes of command tasks: they wait, and end as the command says. */

struct sim_runner {
    struct process_runner base;
    struct env *env;
};

struct running_process {
    struct sim_runner *runner;
    const struct process_events *events;
    void *user;
    struct env_timer end;
    int status;
};

static void on_process_end(struct env_timer *timer) {
    struct running_process *process = container_of(timer, struct running_process, end);
    const struct process_events *events = process->events;
    void *user = process->user;
    int status = process->status;

    env_timer_done(timer);
    free(process);
    events->on_exit(user, status, NULL);
}

static struct running_process *start_process(struct process_runner *base, const struct process_spec *spec,
                                             const struct process_events *events, void *user, struct error *err) {
    struct sim_runner *runner = container_of(base, struct sim_runner, base);
    struct running_process *process = new0(struct running_process);
    unsigned run_ms = 0, exit_code = 0;

    sscanf(spec->command->value == NULL ? "" : spec->command->value, "%u %u", &run_ms, &exit_code);
    *process = (struct running_process){
        .runner = runner, .events = events, .user = user, .status = (int)(exit_code & 0xff) << 8};
    env_timer_init(&process->end, runner->env, on_process_end);
    env_timer_start(&process->end, run_ms * MILLISECOND);
    return process;
}

static int process_pid(const struct running_process *process) {
    return 4242;
}

static void signal_process(struct running_process *process, int number) {
    process->status = number;
    env_timer_start(&process->end, number == SIGKILL ? MILLISECOND : 50 * MILLISECOND);
}

static void forget_process(struct running_process *process) {
    env_timer_done(&process->end);
    free(process);
}

static const struct process_runner_ops runner_ops = {start_process, process_pid, signal_process, forget_process};

/* Containers */

static char **copy_environment(char *const *environment) {
    size_t count = 0;
    char **copy;

    while (environment != NULL && environment[count] != NULL)
        count++;
    copy = xcalloc(count + 1, sizeof(char *));
    for (size_t i = 0; i < count; i++)
        copy[i] = xstrdup(environment[i]);
    return copy;
}

static const char *variable(const struct container *container, const char *name) {
    size_t length = strlen(name);

    for (char **entry = container->environment; *entry != NULL; entry++)
        if (strncmp(*entry, name, length) == 0 && (*entry)[length] == '=')
            return *entry + length + 1;
    return NULL;
}

static void end_executor(struct container *container) {
    command_executor_free(take_ptr(&container->command_executor));
    default_executor_free(take_ptr(&container->default_executor));
    container->machine->executors->free(take_ptr(&container->executor));
    env_timer_done(&container->start);
    if (container->place != NULL) {
        list_append(&container->machine->idle_nodes, &container->place->member);
        container->place = NULL;
    }
}

static void free_container(struct container *container) {
    end_executor(container);
    env_timer_done(&container->tell);
    list_remove(&container->member);
    for (char **entry = container->environment; *entry != NULL; entry++)
        free(*entry);
    free(container->environment);
    free(container->directory);
    free(container->id);
    free(container);
}

static void on_tell(struct env_timer *timer) {
    struct container *container = container_of(timer, struct container, tell);
    struct containerizer *containerizer = container->machine->containerizer;
    struct container_termination termination = {.has_status = true, .status = container->status, .reason = -1};
    cleanup_free char *id = xstrdup(container->id);

    if (container->on_launched != NULL) {
        container_launched *on_launched = container->on_launched;

        container->on_launched = NULL;
        if (container->has_ended)
            env_timer_start(timer, MILLISECOND);
        on_launched(container->launched_user, id, NULL);
        return;
    }
    free_container(container);
    containerizer->events->on_exit(containerizer->user, id, &termination);
}

/* Tell the agent that is there, or the next one. */
static void tell(struct container *container) {
    if (container->machine->containerizer != NULL)
        env_timer_start(&container->tell, MILLISECOND);
}

static bool is_nested_in(const struct container *container, const struct container *parent) {
    size_t size = strlen(parent->id);

    return strncmp(container->id, parent->id, size) == 0 && container->id[size] == '.';
}

/* With what is nested in it, which ends first. */
static void end_container(struct container *container, int status) {
    struct container *nested;

    if (container->has_ended)
        return;
    list_for_each (&container->machine->containers, nested, member)
        if (is_nested_in(nested, container))
            end_container(nested, SIGKILL);
    container->has_ended = true;
    container->status = status;
    end_executor(container);
    tell(container);
}

static void on_executor_done(void *user, int exit_code) {
    end_container(user, (exit_code & 0xff) << 8);
}

static struct executor_client_options client_options(const struct container *container) {
    struct executor_client_options options = {
        .agent = variable(container, "MESOS_AGENT_ENDPOINT"),
        .agent_id = variable(container, "MESOS_SLAVE_ID"),
        .framework_id = variable(container, "MESOS_FRAMEWORK_ID"),
        .executor_id = variable(container, "MESOS_EXECUTOR_ID"),
        .checkpoint = strcmp(variable(container, "MESOS_CHECKPOINT"), "1") == 0,
        .media = container->is_json ? MEDIA_JSON : MEDIA_PROTOBUF,
    };
    const char *timeout = variable(container, "MESOS_RECOVERY_TIMEOUT");

    if (timeout != NULL)
        duration_parse(timeout, &options.recovery_timeout_ns, NULL);
    return options;
}

/* The runner lives as long as its container's executor. */
static struct sim_runner *runner_of(struct container *container);

static void start_command_executor(struct container *container, struct env *env,
                                   const struct executor_client_options *client) {
    container->command_executor = command_executor_new(env,
                                                       &(struct command_executor_options){
                                                           .client = client,
                                                           .shutdown_grace_period_ns = 5 * SECOND,
                                                           .environment = container->environment,
                                                           .runner = &runner_of(container)->base,
                                                       },
                                                       on_executor_done, container, NULL);
    command_executor_start(container->command_executor);
}

static void start_default_executor(struct container *container, struct env *env,
                                   const struct executor_client_options *client) {
    container->default_executor = default_executor_new(env,
                                                       &(struct default_executor_options){
                                                           .client = client,
                                                           .sandbox = container->directory,
                                                           .container_ip = container->machine->name,
                                                           .environment = container->environment,
                                                           .runner = &runner_of(container)->base,
                                                       },
                                                       on_executor_done, container, NULL);
    default_executor_start(container->default_executor);
}

static void on_start(struct env_timer *timer) {
    struct container *container = container_of(timer, struct container, start);
    struct executor_client_options client;
    struct env *env;

    if (container->kind == CONTAINER_NESTED) {
        end_container(container, container->status);
        return;
    }
    env = sim_node_env(container->place->node);
    client = client_options(container);
    if (container->kind == CONTAINER_COMMAND)
        start_command_executor(container, env, &client);
    else if (container->kind == CONTAINER_DEFAULT)
        start_default_executor(container, env, &client);
    else
        container->executor = container->machine->executors->start(
            env,
            &(struct sim_executor_options){
                .client = &client,
                .uses_messages = container->uses_messages,
                .host = sim_node_host(container->place->node),
                .agent = variable(container, "MESOS_SLAVE_PID"),
                .lies = container->machine->misbehaviour == LIES_ABOUT_HEALTH,
            },
            on_executor_done, container);
}

/* A node that is free, or a new one. */
static struct executor_node *take_node(struct machine *machine) {
    struct executor_node *place = list_first(&machine->idle_nodes, struct executor_node, member);
    char name[64];

    if (place != NULL) {
        list_remove(&place->member);
        sim_node_kill(place->node);
        return place;
    }
    place = new0(struct executor_node);
    snprintf(name, sizeof(name), "%s-%u", machine->name, machine->next_node++);
    place->node = sim_node_new(machine->sim, name);
    return place;
}

struct container_with_runner {
    struct container container;
    struct sim_runner runner;
};

static struct sim_runner *runner_of(struct container *container) {
    return &container_of(container, struct container_with_runner, container)->runner;
}

static struct container *find(struct machine *machine, const char *id) {
    struct container *container;

    list_for_each (&machine->containers, container, member)
        if (strcmp(container->id, id) == 0)
            return container;
    return NULL;
}

static struct sim_containerizer *of_base(struct containerizer *base) {
    return container_of(base, struct sim_containerizer, base);
}

static void *start_executor(struct env *env, const struct sim_executor_options *options,
                            void (*on_done)(void *user, int exit_code), void *user) {
    return sim_executor_new(env, options, on_done, user);
}

static void free_executor(void *executor) {
    sim_executor_free(executor);
}

static const struct machine_executors usual_executors = {start_executor, free_executor};

static bool runs(const Mesos__V1__CommandInfo *command, const char *program) {
    if (command->value != NULL && strstr(command->value, program) != NULL)
        return true;
    return command->n_arguments > 0 && strstr(command->arguments[0], program) != NULL;
}

static enum container_kind kind_of(const struct container_config *config) {
    if (strchr(config->id, '.') != NULL)
        return CONTAINER_NESTED;
    if (runs(config->command, "mesos-default-executor"))
        return CONTAINER_DEFAULT;
    return runs(config->command, "mesos-executor") ? CONTAINER_COMMAND : CONTAINER_OWN;
}

/* A process of the default executor: it waits, and ends as its command says, on the node of the executor. */
static void start_nested(struct container *container, const Mesos__V1__CommandInfo *command) {
    cleanup_free char *parent_id = xstrndup(container->id, (size_t)(strrchr(container->id, '.') - container->id));
    const struct container *parent = find(container->machine, parent_id);
    unsigned run_ms = 0, exit_code = 0;

    if (parent == NULL || parent->has_ended) {
        container->has_ended = true;
        container->status = SIGKILL;
        return;
    }
    sscanf(command->value == NULL ? "" : command->value, "%u %u", &run_ms, &exit_code);
    container->status = (int)(exit_code & 0xff) << 8;
    env_timer_init(&container->start, sim_node_env(parent->place->node), on_start);
    env_timer_start(&container->start, START_DELAY + run_ms * MILLISECOND);
}

static void launch(struct containerizer *base, const struct container_config *config, container_launched *on_launched,
                   void *user) {
    struct machine *machine = of_base(base)->machine;
    struct container_with_runner *made = new0(struct container_with_runner);
    struct container *container = &made->container;

    container->machine = machine;
    container->id = xstrdup(config->id);
    container->is_checkpointed = config->checkpoint;
    container->environment = copy_environment(config->environment);
    container->kind = kind_of(config);
    container->directory = xstrdup(config->directory);
    container->pid = (int)++machine->started;
    container->on_launched = on_launched;
    container->launched_user = user;
    list_append(&machine->containers, &container->member);
    env_timer_init(&container->tell, of_base(base)->env, on_tell);
    env_timer_start(&container->tell, START_DELAY);
    if (container->kind == CONTAINER_NESTED) {
        start_nested(container, config->command);
        return;
    }
    container->is_json = sim_random(machine->sim) % 2 == 0;
    container->uses_messages = container->kind == CONTAINER_OWN && machine->executors == &usual_executors &&
                               sim_random(machine->sim) % 2 == 0;
    container->place = take_node(machine);
    sim_node_set_machine(container->place->node, container->uses_messages ? machine->node : NULL);
    made->runner = (struct sim_runner){{&runner_ops}, sim_node_env(container->place->node)};
    env_timer_init(&container->start, sim_node_env(container->place->node), on_start);
    env_timer_start(&container->start, START_DELAY);
}

static int recover(struct containerizer *base, char *const *ids, size_t count, struct error *err) {
    struct machine *machine = of_base(base)->machine;
    struct container *container;

    list_for_each (&machine->containers, container, member) {
        bool is_wanted = false;

        for (size_t i = 0; i < count; i++)
            is_wanted |= strlen(ids[i]) == strcspn(container->id, ".") &&
                         strncmp(ids[i], container->id, strlen(ids[i])) == 0;
        if (!is_wanted) {
            free_container(container);
            continue;
        }
        env_timer_init(&container->tell, of_base(base)->env, on_tell);
        if (container->has_ended)
            tell(container);
    }
    /* Those that are wanted but gone: their executors are told of as soon as possible. */
    for (size_t i = 0; i < count; i++) {
        struct container_with_runner *made;

        if (find(machine, ids[i]) != NULL)
            continue;
        made = new0(struct container_with_runner);
        made->container = (struct container){
            .machine = machine, .id = xstrdup(ids[i]), .has_ended = true, .status = SIGKILL};
        made->container.environment = copy_environment(NULL);
        list_append(&machine->containers, &made->container.member);
        env_timer_init(&made->container.tell, of_base(base)->env, on_tell);
        tell(&made->container);
    }
    return 0;
}

static bool destroy(struct containerizer *base, const char *id) {
    struct container *container = find(of_base(base)->machine, id);

    if (container == NULL)
        return false;
    end_container(container, SIGKILL);
    return true;
}

static bool kill_container(struct containerizer *base, const char *id, int number) {
    struct container *container = find(of_base(base)->machine, id);

    if (container == NULL || container->kind != CONTAINER_NESTED)
        return destroy(base, id);
    if (container->has_ended)
        return false;
    if (container->machine->misbehaviour != IGNORES_KILLS) {
        container->status = number;
        env_timer_start(&container->start, number == SIGKILL ? MILLISECOND : 50 * MILLISECOND);
    }
    return true;
}

static int pid(struct containerizer *base, const char *id) {
    struct container *container = find(of_base(base)->machine, id);

    return container == NULL ? 0 : container->pid;
}

static void usage(struct containerizer *base, const char *id, container_usage *on_usage, void *user) {
    abort(); /* nobody asks in the campaign */
}

static void remove_container(struct containerizer *base, const char *id) {
}

static void free_containerizer(struct containerizer *base) {
    struct sim_containerizer *containerizer = of_base(base);
    struct machine *machine = containerizer->machine;
    struct container *container;

    machine->containerizer = NULL;
    list_for_each (&machine->containers, container, member) {
        env_timer_done(&container->tell);
        container->on_launched = NULL;
        if (!container->is_checkpointed)
            free_container(container);
    }
    free(containerizer);
}

static void update(struct containerizer *containerizer, const char *id, Mesos__V1__Resource *const *resources,
                   size_t count) {
}

static void count(struct containerizer *containerizer, struct containerizer_counts *ret) {
    *ret = (struct containerizer_counts){0};
}

static const struct containerizer_ops ops = {.recover = recover,
                                             .launch = launch,
                                             .destroy = destroy,
                                             .kill = kill_container,
                                             .pid = pid,
                                             .update = update,
                                             .usage = usage,
                                             .remove = remove_container,
                                             .count = count,
                                             .free = free_containerizer};

struct containerizer *machine_containerizer_new(struct machine *machine) {
    struct sim_containerizer *containerizer = new0(struct sim_containerizer);

    containerizer->base.ops = &ops;
    containerizer->machine = machine;
    containerizer->env = sim_node_env(machine->node);
    machine->containerizer = &containerizer->base;
    return &containerizer->base;
}

void machine_init(struct machine *machine, struct sim *sim, const char *address) {
    *machine = (struct machine){.sim = sim, .executors = &usual_executors};
    snprintf(machine->name, sizeof(machine->name), "%s", address);
    machine->node = sim_node_new(sim, address);
    list_init(&machine->containers);
    list_init(&machine->idle_nodes);
}

void machine_done(struct machine *machine) {
    struct executor_node *place;

    machine_crash(machine);
    list_for_each (&machine->idle_nodes, place, member) {
        list_remove(&place->member);
        free(place);
    }
}

bool machine_kill_executor(struct machine *machine, uint64_t choice) {
    struct container *container;
    size_t count = 0;

    list_for_each (&machine->containers, container, member)
        count += !container->has_ended;
    if (count == 0)
        return false;
    choice %= count;
    list_for_each (&machine->containers, container, member) {
        if (container->has_ended || choice-- != 0)
            continue;
        end_container(container, SIGKILL);
        return true;
    }
    return false;
}

void machine_crash(struct machine *machine) {
    struct container *container;

    list_for_each (&machine->containers, container, member)
        free_container(container);
}
