/* SPDX-License-Identifier: Apache-2.0 */
/* mesos-default-executor: runs task groups. */
#include <stdio.h>
#include <string.h>

#include "base/flags.h"
#include "base/log.h"
#include "base/version.h"
#include "event/loop.h"
#include "executor/default_executor.h"
#include "executor/local_runner.h"

struct flags {
    char *launcher_dir;
};

static const struct flag flag_rows[] = {
    {"launcher_dir", FLAG_STRING, offsetof(struct flags, launcher_dir), NULL, "Directory of the programs of Mesos.",
     NULL, 0, NULL},
};

static const struct flag_table flag_table = {
    .program = "mesos-default-executor",
    .usage = "Usage: mesos-default-executor [options]",
    .flags = flag_rows,
    .count = ARRAY_SIZE(flag_rows),
};

/* What the program ends with. */
struct program {
    struct loop *loop;
    int exit_code;
};

static void on_done(void *user, int exit_code) {
    struct program *program = user;
    program->exit_code = exit_code;
    loop_stop(program->loop);
}

/* The address of this container: that which the agent gave to libprocess, else the agent's own. */
static int find_ip(const char *agent, struct address *ret, struct error *err) {
    const char *given = getenv("LIBPROCESS_IP");
    if (given != NULL && strcmp(given, "0.0.0.0") != 0) {
        *ret = address_tcp(given, 0);
        return 0;
    }
    return address_parse(agent, ret, err);
}

static int run(struct program *program, struct error *err) {
    struct executor_client_options client;
    struct local_runner runner;
    struct address ip;
    const char *sandbox = getenv("MESOS_SANDBOX");
    if (sandbox == NULL)
        sandbox = getenv("MESOS_DIRECTORY");
    if (sandbox == NULL)
        return error_set(err, 0, "Expecting 'MESOS_SANDBOX' to be set in the environment");
    if (executor_client_options_from_environment(&client, err) < 0 || find_ip(client.agent, &ip, err) < 0)
        return -1;
    const struct default_executor_options options = {
        .client = &client,
        .sandbox = sandbox,
        .container_ip = ip.host,
        .environment = environ,
        .runner = &runner.base,
    };
    local_runner_init(&runner, program->loop);
    struct default_executor *executor = default_executor_new(loop_env(program->loop), &options, on_done, program, err);
    if (executor == NULL)
        return -1;
    default_executor_start(executor);
    loop_run(program->loop);
    default_executor_free(executor);
    return 0;
}

static int start(struct program *program, struct error *err) {
    program->loop = loop_new(err);
    if (program->loop == NULL)
        return -1;
    int result = run(program, err);
    loop_free(program->loop);
    return result;
}

int main(int argc, char **argv) {
    struct flags flags = {0};
    struct program program = {0};
    cleanup_error struct error err = ERROR_INIT;
    int result = flags_parse(&flag_table, argc, argv, &flags, NULL, &err);
    if (result == FLAGS_HELP_WANTED) {
        cleanup_buffer struct buffer help = BUFFER_INIT;
        flags_append_help(&flag_table, &help);
        fwrite(help.data, 1, help.size, stdout);
    } else if (result == FLAGS_VERSION_WANTED) {
        printf("%s\n", version_get()->number);
    } else if (result == 0) {
        result = start(&program, &err);
    }
    flags_done(&flag_table, &flags);
    if (result < 0) {
        fprintf(stderr, "mesos-default-executor: %s\n", error_message(&err));
        return EXIT_FAILURE;
    }
    return program.exit_code;
}
