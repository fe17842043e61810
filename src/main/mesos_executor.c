/* SPDX-License-Identifier: Apache-2.0 */
/* mesos-executor: the command executor. */
#include <stdio.h>
#include <string.h>

#include "base/flags.h"
#include "base/log.h"
#include "base/version.h"
#include "event/loop.h"
#include "executor/command_executor.h"
#include "executor/local_runner.h"
#include "message/json.h"

#define DEFAULT_SHUTDOWN_GRACE_PERIOD_NS (5 * SECOND)

struct flags {
    char *launcher_dir, *task_command, *task_environment, *logging_level;
};

static const struct flag flag_rows[] = {
    {"launcher_dir", FLAG_STRING, offsetof(struct flags, launcher_dir), NULL, "Directory of the programs of Mesos.",
     NULL, 0, NULL},
    {"logging_level", FLAG_STRING, offsetof(struct flags, logging_level), "INFO",
     "Log messages at or above this level: INFO, WARNING, ERROR.", NULL, 0, NULL},
    {"task_command", FLAG_STRING, offsetof(struct flags, task_command), NULL,
     "A CommandInfo as JSON to be run instead of the task's command.", NULL, 0, NULL},
    {"task_environment", FLAG_STRING, offsetof(struct flags, task_environment), NULL,
     "An Environment as JSON that is added to the executor's for the task.", NULL, 0, NULL},
};

#define NO_ROOTFS "this executor runs tasks in the file system and with the rights it has itself"

static const struct flag_refused refused_rows[] = {
    {"rootfs", NO_ROOTFS},
    {"sandbox_directory", NO_ROOTFS},
    {"working_directory", NO_ROOTFS},
    {"user", NO_ROOTFS},
    {"effective_capabilities", NO_ROOTFS},
    {"bounding_capabilities", NO_ROOTFS},
    {"tty_slave_path", "terminals are not supported"},
    {"task_launch_info", NO_ROOTFS},
    {"task_supplementary_groups", NO_ROOTFS},
    {NULL, NULL},
};

static const struct flag_table flag_table = {
    .program = "mesos-executor",
    .usage = "Usage: mesos-executor [options]",
    .flags = flag_rows,
    .count = ARRAY_SIZE(flag_rows),
    .refused = refused_rows,
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

static int parse_message(const ProtobufCMessageDescriptor *descriptor, const char *flag, const char *text,
                         struct arena *arena, void *ret, struct error *err) {
    if (text == NULL)
        return 0;
    ProtobufCMessage *message;
    if (message_parse_json(descriptor, text, strlen(text), MESSAGE_V1, arena, &message, err) < 0)
        return error_wrap(err, "flag '%s'", flag);
    *(ProtobufCMessage **)ret = message;
    return 0;
}

static int read_grace_period(int64_t *ret_ns, struct error *err) {
    const char *text = getenv("MESOS_EXECUTOR_SHUTDOWN_GRACE_PERIOD");
    *ret_ns = DEFAULT_SHUTDOWN_GRACE_PERIOD_NS;
    if (text != NULL && duration_parse(text, ret_ns, err) < 0)
        return error_wrap(err, "Failed to parse MESOS_EXECUTOR_SHUTDOWN_GRACE_PERIOD");
    return 0;
}

static int run(const struct flags *flags, struct program *program, struct error *err) {
    cleanup_(arena_done) struct arena arena = ARENA_INIT;
    struct executor_client_options client;
    struct local_runner runner;
    Mesos__V1__CommandInfo *task_command = NULL;
    Mesos__V1__Environment *task_environment = NULL;
    struct command_executor_options options = {.client = &client, .environment = environ, .runner = &runner.base};
    if (parse_message(&mesos__v1__command_info__descriptor, "task_command", flags->task_command, &arena, &task_command,
                      err) < 0 ||
        parse_message(&mesos__v1__environment__descriptor, "task_environment", flags->task_environment, &arena,
                      &task_environment, err) < 0 ||
        executor_client_options_from_environment(&client, err) < 0 ||
        read_grace_period(&options.shutdown_grace_period_ns, err) < 0)
        return -1;
    options.task_command = task_command;
    options.task_environment = task_environment;
    local_runner_init(&runner, program->loop);
    struct command_executor *executor = command_executor_new(loop_env(program->loop), &options, on_done, program, err);
    if (executor == NULL)
        return -1;
    command_executor_start(executor);
    loop_run(program->loop);
    command_executor_free(executor);
    return 0;
}

static int set_logging_level(const char *level, struct error *err) {
    if (strcmp(level, "INFO") == 0)
        log_set_level(LOG_INFO);
    else if (strcmp(level, "WARNING") == 0)
        log_set_level(LOG_WARNING);
    else if (strcmp(level, "ERROR") == 0)
        log_set_level(LOG_ERROR);
    else
        return error_set(err, 0, "'%s' is no logging level: expected INFO, WARNING or ERROR", level);
    return 0;
}

static int start(const struct flags *flags, struct program *program, struct error *err) {
    if (set_logging_level(flags->logging_level, err) < 0)
        return -1;
    program->loop = loop_new(err);
    if (program->loop == NULL)
        return -1;
    int result = run(flags, program, err);
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
        result = start(&flags, &program, &err);
    }
    flags_done(&flag_table, &flags);
    if (result < 0) {
        fprintf(stderr, "mesos-executor: %s\n", error_message(&err));
        return EXIT_FAILURE;
    }
    return program.exit_code;
}
