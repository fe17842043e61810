/* SPDX-License-Identifier: Apache-2.0 */
/* mesos-agent: runs the tasks of a cluster on one machine. */
#include <limits.h>
#include <netdb.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/agent.h"
#include "base/log.h"
#include "base/text.h"
#include "base/version.h"
#include "containerizer/posix_containerizer.h"
#include "event/loop.h"

struct program {
    struct loop *loop;
    struct agent *agent;
    struct error failure;     /* why the agent ended by itself */
    bool can_not_switch_user; /* although the flags ask for it */
};

static void on_ended(void *user, const struct error *err) {
    struct program *program = user;

    if (err != NULL)
        error_set(&program->failure, err->code, "%s", error_message(err));
    loop_stop(program->loop);
}

static const struct agent_events agent_events = {.on_ended = on_ended};

/* Executors of checkpointing frameworks go on, to be taken up by the next agent. */
static void on_stop(int number, void *user) {
    struct program *program = user;

    log_info("Received %s, stopping", number == SIGINT ? "SIGINT" : "SIGTERM");
    loop_stop(program->loop);
}

/* Leave the cluster for good: everything that runs here is ended first. */
static void on_leave(int number, void *user) {
    struct program *program = user;

    agent_shutdown(program->agent, "Received SIGUSR1 signal");
}

/* Where this program is: its helpers lie beside it. */
static char *own_directory(void) {
    char path[PATH_MAX];
    const ssize_t size = readlink("/proc/self/exe", path, sizeof(path) - 1);
    char *slash;

    if (size <= 0)
        return xstrdup(".");
    path[size] = '\0';
    slash = strrchr(path, '/');
    if (slash != NULL && slash != path)
        *slash = '\0';
    return xstrdup(path);
}

/* Mesos's default: where the system keeps such directories, if this user may. */
static char *default_runtime_directory(void) {
    const char *temporary = getenv("TMPDIR");

    if (access("/var/run", R_OK | W_OK) == 0)
        return xstrdup("/var/run/mesos");
    return path_join(temporary != NULL ? temporary : "/tmp", "mesos/runtime");
}

static char *look_up_hostname(const struct agent_flags *flags) {
    char name[256] = "";

    if (flags->hostname != NULL || !flags->hostname_lookup)
        return NULL;
    if (flags->ip != NULL && strcmp(flags->ip, "0.0.0.0") != 0) {
        struct addrinfo hints = {.ai_flags = AI_NUMERICHOST, .ai_socktype = SOCK_STREAM}, *found = NULL;
        const bool is_known = getaddrinfo(flags->ip, NULL, &hints, &found) == 0 &&
                              getnameinfo(found->ai_addr, found->ai_addrlen, name, sizeof(name), NULL, 0,
                                          NI_NAMEREQD) == 0;

        if (found != NULL)
            freeaddrinfo(found);
        return is_known ? xstrdup(name) : NULL;
    }
    return gethostname(name, sizeof(name) - 1) == 0 ? xstrdup(name) : NULL;
}

/* The numeric address by which packets to @host leave this machine, or NULL. */
static char *address_towards(const char *host) {
    struct addrinfo hints = {.ai_family = AF_INET, .ai_socktype = SOCK_DGRAM}, *found = NULL;
    struct sockaddr_storage own;
    socklen_t size = sizeof(own);
    char name[64];
    cleanup_close int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    bool is_known;

    if (fd < 0 || getaddrinfo(host, "5050", &hints, &found) != 0)
        return NULL;
    is_known = connect(fd, found->ai_addr, found->ai_addrlen) == 0 &&
               getsockname(fd, (struct sockaddr *)&own, &size) == 0 &&
               getnameinfo((struct sockaddr *)&own, size, name, sizeof(name), NULL, 0, NI_NUMERICHOST) == 0;
    freeaddrinfo(found);
    return is_known ? xstrdup(name) : NULL;
}

/* Where the master, and all others, reach this machine. A master that is named in a file is not looked at here: then it
 * is the address that this machine's own name stands for, as Mesos has it. */
static char *find_own_ip(const struct agent_flags *flags) {
    struct address master;
    char name[256] = "";
    char *ip = NULL;

    if (address_parse(flags->master, &master, NULL) == 0 && master.family == ADDRESS_TCP)
        ip = address_towards(master.host);
    if (ip == NULL && gethostname(name, sizeof(name) - 1) == 0)
        ip = address_towards(name);
    return ip;
}

static int start_logging(const struct agent_flags *flags, struct error *err) {
    cleanup_free char *path = agent_log_path(flags);

    if (strcmp(flags->logging_level, "WARNING") == 0)
        log_set_level(LOG_WARNING);
    else if (strcmp(flags->logging_level, "ERROR") == 0)
        log_set_level(LOG_ERROR);
    if (path == NULL)
        return 0;
    return log_set_file(path) < 0 ? error_errno(err, "the log file '%s'", path) : 0;
}

static void discard(enum log_level level, const char *line, size_t size, void *user) {
}

static int serve(struct program *program, const struct agent_flags *flags, struct containerizer *containerizer,
                 struct error *err) {
    cleanup_free char *hostname = look_up_hostname(flags), *address_ip = find_own_ip(flags);
    const struct agent_options options = {
        .flags = flags,
        .containerizer = containerizer,
        .events = &agent_events,
        .user = program,
        .hostname = hostname,
        .address_ip = address_ip,
        .environment = environ,
    };

    if (loop_on_signal(program->loop, SIGTERM, on_stop, program, err) < 0 ||
        loop_on_signal(program->loop, SIGINT, on_stop, program, err) < 0 ||
        agent_new(loop_env(program->loop), &options, &program->agent, err) < 0)
        return -1;
    log_info("Build: %s, version: %s", version_get()->build_date, version_get()->number);
    if (program->can_not_switch_user)
        log_warning("Tasks run as this user, as only root can switch to another (--no-switch_user says so)");
    if (loop_on_signal(program->loop, SIGUSR1, on_leave, program, err) == 0)
        loop_run(program->loop);
    agent_free(program->agent);
    if (program->failure.message != NULL) {
        error_move(err, &program->failure);
        return -1;
    }
    return 0;
}

static int run(struct agent_flags *flags, struct error *err) {
    struct program program = {0};
    struct posix_containerizer_options options;
    struct containerizer *containerizer;
    int result;

    if (flags->launcher_dir == NULL)
        flags->launcher_dir = own_directory();
    if (flags->runtime_dir == NULL)
        flags->runtime_dir = default_runtime_directory();
    if (geteuid() != 0 && flags->switch_user) {
        program.can_not_switch_user = true;
        flags->switch_user = false;
    }
    if (start_logging(flags, err) < 0)
        return -1;
    if (flags->quiet)
        log_set_sink(discard, NULL);
    program.loop = loop_new(err);
    if (program.loop == NULL)
        return -1;
    options = (struct posix_containerizer_options){
        .runtime_dir = flags->runtime_dir,
        .launcher_dir = flags->launcher_dir,
        .work_dir = flags->work_dir,
        .frameworks_home = *flags->frameworks_home != '\0' ? flags->frameworks_home : NULL,
        .fetcher_stall_timeout_ns = flags->fetcher_stall_timeout_ns,
        .fetcher_cache_dir = flags->fetcher_cache_dir,
        .fetcher_cache_bytes = flags->fetcher_cache_size_bytes,
        .switch_user = flags->switch_user,
    };
    containerizer = posix_containerizer_new(program.loop, &options, err);
    result = containerizer == NULL ? -1 : serve(&program, flags, containerizer, err);
    if (containerizer != NULL)
        containerizer->ops->free(containerizer);
    loop_free(program.loop);
    return result;
}

int main(int argc, char **argv) {
    struct agent_flags flags = {0};
    cleanup_error struct error err = ERROR_INIT;
    int result = flags_parse(&agent_flag_table, argc, argv, &flags, NULL, &err);

    if (result == FLAGS_HELP_WANTED) {
        cleanup_buffer struct buffer help = BUFFER_INIT;

        flags_append_help(&agent_flag_table, &help);
        fwrite(help.data, 1, help.size, stdout);
    } else if (result == FLAGS_VERSION_WANTED) {
        printf("mesos %s\n", version_get()->number);
    } else if (result == 0) {
        result = run(&flags, &err);
    }
    flags_done(&agent_flag_table, &flags);
    if (result < 0) {
        fprintf(stderr, "mesos-agent: %s\n", error_message(&err));
        return EXIT_FAILURE;
    }
    return EXIT_SUCCESS;
}
