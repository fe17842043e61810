/* SPDX-License-Identifier: Apache-2.0 */
/* mesos-local: a master and agents in one process, for trying things out. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "agent/agent.h"
#include "base/log.h"
#include "base/system_stats.h"
#include "base/text.h"
#include "base/version.h"
#include "containerizer/posix_containerizer.h"
#include "event/loop.h"
#include "master/http/endpoints.h"
#include "master/master.h"

enum { MOST_AGENTS = 1000, ARGUMENTS = 16 };

struct local_flags {
    char *ip, *work_dir, *resources, *attributes;
    int64_t port, num_agents, controller_fd;
    bool switch_user;
};

#define FIELD(name) offsetof(struct local_flags, name)

static int check_port(const void *flags, struct error *err) {
    int64_t port = ((const struct local_flags *)flags)->port;

    return port >= 0 && port <= 65535
               ? 0
               : error_set(err, EINVAL, "expected a port from 0 to 65535, not %lld", (long long)port);
}

static int check_agents(const void *flags, struct error *err) {
    int64_t count = ((const struct local_flags *)flags)->num_agents;

    return count >= 1 && count <= MOST_AGENTS
               ? 0
               : error_set(err, EINVAL, "expected 1 to %d agents, not %lld", MOST_AGENTS, (long long)count);
}

static const struct flag flag_rows[] = {
    {"ip", FLAG_STRING, FIELD(ip), "127.0.0.1", "IP address to listen on.", NULL, 0, NULL},
    {"port", FLAG_INTEGER, FIELD(port), "5050", "Port of the master; the agents take any free ones.", NULL, 0,
     check_port},
    {"num_agents", FLAG_INTEGER, FIELD(num_agents), "1", "Number of agents.", "num_slaves", 0, check_agents},
    {"work_dir", FLAG_STRING, FIELD(work_dir), "/tmp/mesos/work",
     "Where the cluster keeps its files: master/ and, for each agent, agents/<number>/work and agents/<number>/run.",
     NULL, 0, NULL},
    {"resources", FLAG_STRING, FIELD(resources), NULL, "Resources of each agent; detected if not given.", NULL, 0,
     NULL},
    {"attributes", FLAG_STRING, FIELD(attributes), NULL, "Attributes of each agent.", NULL, 0, NULL},
    {"switch_user", FLAG_BOOL, FIELD(switch_user), "true",
     "Whether tasks run as the users that submit them (needs root).", NULL, 0, NULL},
    {"controller_fd", FLAG_INTEGER, FIELD(controller_fd), "-1",
     "An open descriptor on which to write the master's address as one line once the cluster has started; the cluster "
     "ends when its other end is closed. -1: none.",
     NULL, 0, NULL},
};

static const struct flag_table flag_table = {
    "mesos-local", "Usage: mesos-local [options]", "MESOS_", flag_rows, ARRAY_SIZE(flag_rows), NULL,
};

struct local_agent {
    struct agent_flags flags;
    struct containerizer *containerizer;
    struct agent *agent;
};

struct local {
    const struct local_flags *flags;
    struct loop *loop;
    struct master_flags master_flags;
    struct master *master;
    struct local_agent *agents;
    int running; /* agents */
    char *launcher_dir;
    struct watch *controller;
    struct error failure;
};

/* A command line for a flag table of one of the parts. */
struct command_line {
    struct arena arena;
    char *arguments[ARGUMENTS];
    int count;
};

static void add_argument(struct command_line *line, const char *name, const char *value) {
    if (value != NULL)
        line->arguments[line->count++] = arena_printf(&line->arena, "--%s=%s", name, value);
}

static int parse_part(struct command_line *line, const struct flag_table *table, void *flags, struct error *err) {
    int result = flags_parse(table, line->count, line->arguments, flags, NULL, err);

    arena_done(&line->arena);
    return result;
}

static int start_master(struct local *local, struct error *err) {
    struct command_line line = {.arguments = {(char *)(uintptr_t) "mesos-local"}, .count = 1};
    struct master_options options = {
        .flags = &local->master_flags, .read_stats = system_stats_read, .http = &master_http_endpoints};
    cleanup_free char *work_dir = path_join(local->flags->work_dir, "master");
    char port[16];

    snprintf(port, sizeof(port), "%lld", (long long)local->flags->port);
    add_argument(&line, "ip", local->flags->ip);
    add_argument(&line, "port", port);
    add_argument(&line, "hostname", local->flags->ip);
    add_argument(&line, "work_dir", work_dir);
    if (parse_part(&line, &master_flag_table, &local->master_flags, err) < 0)
        return -1;
    if (local->master_flags.zk != NULL)
        return error_set(err, EINVAL, "the one master of mesos-local can not contend: unset MESOS_ZK");
    if (env_make_directories(loop_env(local->loop), work_dir, err) < 0)
        return -1;
    return master_new(loop_env(local->loop), &options, &local->master, err);
}

static void on_ended(void *user, const struct error *err) {
    struct local *local = user;

    if (err != NULL && local->failure.message == NULL)
        error_set(&local->failure, err->code, "%s", error_message(err));
    if (--local->running == 0 || err != NULL)
        loop_stop(local->loop);
}

/* No later cluster takes up what runs here: it is ended first. */
static void shut_down(struct local *local) {
    for (int i = 0; i < local->flags->num_agents; i++)
        agent_shutdown(local->agents[i].agent, "The local cluster ends");
}

static const struct agent_events agent_events = {.on_ended = on_ended};

static int parse_agent(struct local *local, struct local_agent *agent, const char *directory, struct error *err) {
    struct command_line line = {.arguments = {(char *)(uintptr_t) "mesos-local"}, .count = 1};
    char master[ADDRESS_TEXT_BYTES];

    add_argument(&line, "master", address_format(master_address(local->master), master));
    add_argument(&line, "ip", local->flags->ip);
    add_argument(&line, "port", "0");
    add_argument(&line, "hostname", local->flags->ip);
    add_argument(&line, "work_dir", arena_printf(&line.arena, "%s/work", directory));
    add_argument(&line, "runtime_dir", arena_printf(&line.arena, "%s/run", directory));
    add_argument(&line, "launcher_dir", local->launcher_dir);
    add_argument(&line, "resources", local->flags->resources);
    add_argument(&line, "attributes", local->flags->attributes);
    add_argument(&line, "switch_user", local->flags->switch_user && geteuid() == 0 ? "true" : "false");
    return parse_part(&line, &agent_flag_table, &agent->flags, err);
}

/* The master is a new one and knows nobody: agents begin anew as well, whatever an earlier cluster has left. */
static int forget_agent(struct local *local, const char *directory, struct error *err) {
    cleanup_free char *latest = xasprintf("%s/work/meta/slaves/latest", directory);

    return env_file_exists(loop_env(local->loop), latest) ? env_file_remove(loop_env(local->loop), latest, err) : 0;
}

static int start_agent(struct local *local, struct local_agent *agent, int number, struct error *err) {
    cleanup_free char *directory = xasprintf("%s/agents/%d", local->flags->work_dir, number);
    struct posix_containerizer_options containerizer_options;
    struct agent_options options = {.events = &agent_events, .user = local, .environment = environ};

    if (parse_agent(local, agent, directory, err) < 0 || forget_agent(local, directory, err) < 0)
        return -1;
    containerizer_options = (struct posix_containerizer_options){
        .runtime_dir = agent->flags.runtime_dir,
        .launcher_dir = agent->flags.launcher_dir,
        .work_dir = agent->flags.work_dir,
        .fetcher_cache_dir = agent->flags.fetcher_cache_dir,
        .fetcher_cache_bytes = agent->flags.fetcher_cache_size_bytes,
        .fetcher_stall_timeout_ns = agent->flags.fetcher_stall_timeout_ns,
        .switch_user = agent->flags.switch_user,
    };
    agent->containerizer = posix_containerizer_new(local->loop, &containerizer_options, err);
    if (agent->containerizer == NULL)
        return -1;
    options.flags = &agent->flags;
    options.containerizer = agent->containerizer;
    if (agent_new(loop_env(local->loop), &options, &agent->agent, err) < 0)
        return -1;
    local->running++;
    return 0;
}

static void on_stop(int number, void *user) {
    log_info("Stopping on %s", strsignal(number));
    shut_down(user);
}

/* All that ever comes from there is the end. */
static void on_controller_gone(struct watch *watch, void *user) {
    struct local *local = user;

    watch_close(watch);
    local->controller = NULL;
    shut_down(local);
}

static int obey_controller(struct local *local, struct error *err) {
    const int fd = (int)local->flags->controller_fd;
    char master[ADDRESS_TEXT_BYTES];

    if (fd < 0)
        return 0;
    if (fcntl(fd, F_SETFD, FD_CLOEXEC) < 0 ||
        dprintf(fd, "%s\n", address_format(master_address(local->master), master)) < 0)
        return error_errno(err, "descriptor %d of the controller", fd);
    return loop_watch(local->loop, fd, on_controller_gone, local, &local->controller, err);
}

static int serve(struct local *local, struct error *err) {
    if (loop_on_signal(local->loop, SIGTERM, on_stop, local, err) < 0 ||
        loop_on_signal(local->loop, SIGINT, on_stop, local, err) < 0 || start_master(local, err) < 0)
        return -1;
    for (int i = 0; i < local->flags->num_agents; i++)
        if (start_agent(local, &local->agents[i], i, err) < 0)
            return error_wrap(err, "agent %d", i);
    if (obey_controller(local, err) < 0)
        return -1;
    loop_run(local->loop);
    if (local->failure.message == NULL)
        return 0;
    error_move(err, &local->failure);
    return -1;
}

/* Where the helpers of the agents lie: beside this program. */
static char *own_directory(void) {
    char path[PATH_MAX];
    ssize_t size = readlink("/proc/self/exe", path, sizeof(path));
    char *slash;

    if (size <= 0 || (size_t)size == sizeof(path))
        return xstrdup(".");
    path[size] = '\0';
    slash = strrchr(path, '/');
    *slash = '\0';
    return xstrdup(path);
}

static void end(struct local *local) {
    for (int i = 0; i < local->flags->num_agents; i++) {
        agent_free(local->agents[i].agent);
        if (local->agents[i].containerizer != NULL)
            local->agents[i].containerizer->ops->free(local->agents[i].containerizer);
        flags_done(&agent_flag_table, &local->agents[i].flags);
    }
    master_free(local->master);
    flags_done(&master_flag_table, &local->master_flags);
    watch_close(local->controller);
    loop_free(local->loop);
    free(local->agents);
    free(local->launcher_dir);
}

static int run(const struct local_flags *flags, struct error *err) {
    struct local local = {.flags = flags};
    int result;

    local.loop = loop_new(err);
    if (local.loop == NULL)
        return -1;
    table_set_seed(env_random(loop_env(local.loop)));
    local.launcher_dir = own_directory();
    local.agents = xcalloc((size_t)flags->num_agents, sizeof(*local.agents));
    result = serve(&local, err);
    end(&local);
    return result;
}

int main(int argc, char **argv) {
    struct local_flags flags = {0};
    cleanup_error struct error err = ERROR_INIT;
    int result = flags_parse(&flag_table, argc, argv, &flags, NULL, &err);

    if (result == FLAGS_HELP_WANTED) {
        cleanup_buffer struct buffer help = BUFFER_INIT;

        flags_append_help(&flag_table, &help);
        fputs(buffer_text(&help), stdout);
    } else if (result == FLAGS_VERSION_WANTED) {
        printf("mesos %s\n", version_get()->number);
    } else if (result == 0) {
        result = run(&flags, &err);
    }
    flags_done(&flag_table, &flags);
    if (result < 0) {
        fprintf(stderr, "mesos-local: %s\n", error_message(&err));
        return EXIT_FAILURE;
    }
    return EXIT_SUCCESS;
}
