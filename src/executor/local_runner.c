/* SPDX-License-Identifier: Apache-2.0 */
#include "executor/local_runner.h"

#include <errno.h>
#include <signal.h>
#include <string.h>

#include "base/log.h"
#include "base/process_tree.h"

struct running_process {
    struct child *child;
    const struct process_events *events;
    void *user;
};

static void on_child_exit(struct child *child, int wait_status, void *user) {
    struct running_process *process = user;
    const struct process_events *events = process->events;
    void *events_user = process->user;
    free(process);
    events->on_exit(events_user, wait_status, NULL);
}

static struct running_process *local_start(struct process_runner *base, const struct process_spec *spec,
                                           const struct process_events *events, void *user, struct error *err) {
    struct local_runner *runner = container_of(base, struct local_runner, base);
    const Mesos__V1__CommandInfo *command = spec->command;
    char *shell[] = {"sh", "-c", command->value, NULL};
    cleanup_free char **arguments = xcalloc(command->n_arguments + 2, sizeof(char *));
    arguments[0] = command->value;
    if (command->n_arguments > 0)
        memcpy(arguments, command->arguments, command->n_arguments * sizeof(char *));
    struct child_options options = {
        .file = command->shell ? "/bin/sh" : command->value,
        .arguments = command->shell ? shell : arguments,
        .environment = spec->environment,
        .directory = spec->directory,
        .stdin_fd = -1,
        .stdout_fd = spec->output_to_stderr ? STDERR_FILENO : STDOUT_FILENO,
        .stderr_fd = STDERR_FILENO,
        .extra_fd = -1,
        .new_session = true,
    };
    struct running_process *process = new0(struct running_process);
    process->events = events;
    process->user = user;
    if (loop_spawn(runner->loop, &options, on_child_exit, process, &process->child, err) < 0) {
        free(process);
        return NULL;
    }
    return process;
}

static int local_pid(const struct running_process *process) {
    return child_pid(process->child);
}

static void local_signal_tree(struct running_process *process, int number) {
    cleanup_error struct error err = ERROR_INIT;
    int pid = child_pid(process->child);
    cleanup_(process_list_done) struct process_list tree = {0};
    if (process_tree_signal(pid, number, PROCESS_TREE_GROUPS | PROCESS_TREE_SESSIONS, &tree, &err) < 0) {
        log_error("Failed to kill the process tree rooted at pid %d: %s", pid, error_message(&err));
        kill(pid, number);
        return;
    }
    log_info("Sent %s to %zu processes of the tree at pid %d", strsignal(number), tree.count, pid);
}

static void local_forget(struct running_process *process) {
    local_signal_tree(process, SIGKILL);
    child_forget(process->child);
    free(process);
}

static const struct process_runner_ops local_ops = {
    .start = local_start,
    .pid = local_pid,
    .signal_tree = local_signal_tree,
    .forget = local_forget,
};

void local_runner_init(struct local_runner *runner, struct loop *loop) {
    runner->base.ops = &local_ops;
    runner->loop = loop;
}
