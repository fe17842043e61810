/* SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <netdb.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/system_stats.h"
#include "base/table.h"
#include "base/text.h"
#include "base/version.h"
#include "event/loop.h"
#include "master/http/endpoints.h"
#include "master/master.h"

static int fail(struct error *err) {
    fprintf(stderr, "mesos-master: %s\n", error_message(err));
    error_done(err);
    return EXIT_FAILURE;
}

/* The first IPv4 address of this host's name: where peers find us when we listen on all addresses. */
static char *own_ip(void) {
    struct addrinfo hints = {.ai_family = AF_INET, .ai_socktype = SOCK_STREAM}, *found = NULL;
    char hostname[256] = "", text[INET_ADDRSTRLEN] = "127.0.0.1";

    gethostname(hostname, sizeof(hostname) - 1);
    if (getaddrinfo(hostname, NULL, &hints, &found) == 0 && found != NULL) {
        inet_ntop(AF_INET, &((struct sockaddr_in *)(void *)found->ai_addr)->sin_addr, text, sizeof(text));
        freeaddrinfo(found);
    }
    return xstrdup(text);
}

/* The name of @ip, or @ip itself if it has none. */
static char *name_of(const char *ip) {
    struct sockaddr_in address = {.sin_family = AF_INET};
    char name[NI_MAXHOST];

    if (inet_pton(AF_INET, ip, &address.sin_addr) == 1 &&
        getnameinfo((struct sockaddr *)&address, sizeof(address), name, sizeof(name), NULL, 0, NI_NAMEREQD) == 0)
        return xstrdup(name);
    return xstrdup(ip);
}

/* The addresses that are not given: this may ask the resolver, which actors must not. NULL if they are given. */

static char *find_own_ip(const struct master_flags *flags) {
    if (flags->advertise_ip != NULL || (flags->ip != NULL && strcmp(flags->ip, "0.0.0.0") != 0))
        return NULL;
    return own_ip();
}

static char *find_hostname(const struct master_flags *flags, const char *found_ip) {
    const char *ip = flags->advertise_ip != NULL ? flags->advertise_ip : found_ip != NULL ? found_ip : flags->ip;

    if (flags->hostname != NULL)
        return NULL;
    return flags->hostname_lookup ? name_of(ip) : xstrdup(ip);
}

static void discard_line(enum log_level level, const char *line, size_t size, void *user) {
}

static int set_log(const struct master_flags *flags, struct error *err) {
    cleanup_free char *path = master_log_path(flags);

    if (strcmp(flags->logging_level, "WARNING") == 0)
        log_set_level(LOG_WARNING);
    else if (strcmp(flags->logging_level, "ERROR") == 0)
        log_set_level(LOG_ERROR);
    if (flags->quiet)
        log_set_sink(discard_line, NULL);
    if (path == NULL)
        return 0;
    return log_set_file(path) == 0 ? 0 : error_errno(err, "cannot write the log %s", path);
}

/* Nothing is kept there with the registry in memory, but an operator who names it wants to know now if it is wrong. */
static int check_work_dir(struct env *env, const char *path, struct error *err) {
    if (path == NULL)
        return 0;
    if (env_make_directories(env, path, err) < 0)
        return error_wrap(err, "cannot use the work directory %s", path);
    if (access(path, W_OK | X_OK) < 0)
        return error_errno(err, "cannot write to the work directory %s", path);
    return 0;
}

static void on_stop(int number, void *user) {
    log_info("Stopping on %s", strsignal(number));
    loop_stop(user);
}

struct program {
    struct loop *loop;
    struct error failure; /* why the master has ended by itself */
};

static void on_ended(void *user, const struct error *err) {
    struct program *program = user;

    error_set(&program->failure, err->code, "%s", error_message(err));
    loop_stop(program->loop);
}

static const struct master_events master_events = {.on_ended = on_ended};

static int run(struct loop *loop, const struct master_flags *flags, struct error *err) {
    struct program program = {.loop = loop};
    cleanup_free char *ip = find_own_ip(flags), *hostname = find_hostname(flags, ip);
    struct master_options options = {.flags = flags,
                                     .hostname = hostname,
                                     .address_ip = ip,
                                     .read_stats = system_stats_read,
                                     .http = &master_http_endpoints,
                                     .events = &master_events,
                                     .user = &program};
    struct master *master;

    if (set_log(flags, err) < 0 || check_work_dir(loop_env(loop), flags->work_dir, err) < 0)
        return -1;
    if (loop_on_signal(loop, SIGTERM, on_stop, loop, err) < 0 || loop_on_signal(loop, SIGINT, on_stop, loop, err) < 0)
        return -1;
    if (master_new(loop_env(loop), &options, &master, err) < 0)
        return -1;
    loop_run(loop);
    master_free(master);
    error_move(err, &program.failure);
    return err->message == NULL ? 0 : -1;
}

static void print_help(void) {
    struct buffer cleanup_buffer text = BUFFER_INIT;

    flags_append_help(&master_flag_table, &text);
    fputs(buffer_text(&text), stdout);
}

int main(int argc, char **argv) {
    struct master_flags flags = {0};
    struct error err = ERROR_INIT;
    struct loop *loop;
    int result = flags_parse(&master_flag_table, argc, argv, &flags, NULL, &err);

    if (result == FLAGS_HELP_WANTED || result == FLAGS_VERSION_WANTED) {
        if (result == FLAGS_HELP_WANTED)
            print_help();
        else
            printf("mesos %s\n", version_get()->number);
        flags_done(&master_flag_table, &flags);
        return EXIT_SUCCESS;
    }
    if (result < 0) {
        flags_done(&master_flag_table, &flags);
        return fail(&err);
    }
    signal(SIGPIPE, SIG_IGN);
    loop = loop_new(&err);
    if (loop == NULL) {
        flags_done(&master_flag_table, &flags);
        return fail(&err);
    }
    table_set_seed(env_random(loop_env(loop)));
    result = run(loop, &flags, &err);
    loop_free(loop);
    flags_done(&master_flag_table, &flags);
    return result < 0 ? fail(&err) : EXIT_SUCCESS;
}
