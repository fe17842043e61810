/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/environment.h"

#include <string.h>

#include "base/text.h"
#include "message/json.h"

struct variables {
    struct arena *arena;
    char **items; /* "NAME=value", sorted by name */
    size_t count, capacity;
};

/* Compare the names of "NAME=value" strings. */
static int compare_names(const char *a, const char *b) {
    const size_t a_size = strcspn(a, "="), b_size = strcspn(b, "=");
    const int order = memcmp(a, b, a_size < b_size ? a_size : b_size);

    return order != 0 ? order : (a_size > b_size) - (a_size < b_size);
}

static void set_text(struct variables *variables, char *text) {
    size_t low = 0, high = variables->count;

    while (low < high) {
        const size_t middle = (low + high) / 2;
        const int order = compare_names(variables->items[middle], text);

        if (order == 0) {
            variables->items[middle] = text;
            return;
        }
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    if (variables->count + 1 >= variables->capacity) {
        const size_t capacity = variables->capacity == 0 ? 32 : 2 * variables->capacity;
        char **items = arena_alloc(variables->arena, capacity * sizeof(*items));

        if (variables->count > 0)
            memcpy(items, variables->items, variables->count * sizeof(*items));
        variables->items = items;
        variables->capacity = capacity;
    }
    memmove(&variables->items[low + 1], &variables->items[low], (variables->count - low) * sizeof(*variables->items));
    variables->items[low] = text;
    variables->count++;
}

static void set(struct variables *variables, const char *name, const char *value) {
    set_text(variables, arena_printf(variables->arena, "%s=%s", name, value));
}

static void set_duration(struct variables *variables, const char *name, int64_t ns) {
    cleanup_free char *text = duration_format(ns);

    set(variables, name, text);
}

static void on_flag_member(void *user, const char *name, const char *value) {
    set(user, name, value);
}

static void set_from_command(struct variables *variables, const Mesos__V1__CommandInfo *command) {
    if (command == NULL || command->environment == NULL)
        return;
    for (size_t i = 0; i < command->environment->n_variables; i++) {
        const Mesos__V1__Environment__Variable *variable = command->environment->variables[i];

        if (variable->value != NULL)
            set(variables, variable->name, variable->value);
        else if (variable->secret != NULL && variable->secret->value != NULL)
            set_text(variables,
                     arena_printf(variables->arena, "%s=%.*s", variable->name, (int)variable->secret->value->data.len,
                                  (const char *)variable->secret->value->data.data));
    }
}

static void set_common(struct variables *variables, struct agent *agent) {
    const char *text = agent->flags->executor_environment_variables;

    set(variables, "PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
    for (size_t i = 0; agent->inherited[i] != NULL; i++)
        set_text(variables, arena_strdup(variables->arena, agent->inherited[i]));
    if (text != NULL) /* agent_new() has checked it */
        json_parse_strings(text, strlen(text), on_flag_member, variables, NULL);
    set(variables, "LIBPROCESS_PORT", "0");
}

static void set_of_executor(struct variables *variables, const struct agent_executor *executor) {
    struct agent *agent = executor->framework->agent;
    const struct agent_flags *flags = agent->flags;
    char pid[PID_BYTES], address[ADDRESS_TEXT_BYTES];

    set(variables, "MESOS_FRAMEWORK_ID", executor->framework->id);
    set(variables, "MESOS_EXECUTOR_ID", executor->id);
    set(variables, "MESOS_DIRECTORY", executor->directory);
    set(variables, "MESOS_SANDBOX", executor->directory);
    set(variables, "MESOS_SLAVE_ID", agent_own_id(agent));
    set(variables, "MESOS_SLAVE_PID", pid_format(&agent->process.pid, pid));
    set(variables, "MESOS_AGENT_ENDPOINT", address_format(&agent->process.pid.address, address));
    set(variables, "MESOS_CHECKPOINT", executor->checkpoint ? "1" : "0");
    set(variables, "MESOS_HTTP_COMMAND_EXECUTOR", flags->http_command_executor ? "1" : "0");
    set_duration(variables, "MESOS_EXECUTOR_SHUTDOWN_GRACE_PERIOD",
                 executor->info->shutdown_grace_period != NULL ? executor->info->shutdown_grace_period->nanoseconds
                                                               : flags->executor_shutdown_grace_period_ns);
    if (executor->checkpoint) {
        set_duration(variables, "MESOS_RECOVERY_TIMEOUT", flags->recovery_timeout_ns);
        set_duration(variables, "MESOS_SUBSCRIPTION_BACKOFF_MAX", flags->executor_reregistration_timeout_ns);
    }
}

static char *const *finish(struct variables *variables) {
    /* There is room for one more always. */
    variables->items[variables->count] = NULL;
    return variables->items;
}

char *const *environment_of_executor(const struct agent_executor *executor, const Mesos__V1__CommandInfo *command,
                                     struct arena *arena) {
    struct variables variables = {.arena = arena};

    set_common(&variables, executor->framework->agent);
    set_of_executor(&variables, executor);
    set_from_command(&variables, executor->info->command);
    if (command != executor->info->command)
        set_from_command(&variables, command);
    return finish(&variables);
}

char *const *environment_of_container(const char *directory, const Mesos__V1__CommandInfo *command,
                                      struct arena *arena) {
    struct variables variables = {.arena = arena};

    set(&variables, "MESOS_SANDBOX", directory);
    set_from_command(&variables, command);
    return finish(&variables);
}

void environment_launcher_command(struct agent *agent, const char *program, Mesos__V1__CommandInfo *command,
                                  struct arena *arena) {
    char *path = arena_printf(arena, "%s/%s", agent->flags->launcher_dir, program);

    command->has_shell = true;
    if (!agent->machine->has_program(agent->machine->user, path)) {
        command->shell = true;
        command->value = arena_printf(arena, "echo '%s: No such file or directory'; exit 1", path);
        return;
    }
    command->shell = false;
    command->value = path;
    command->n_arguments = 2;
    command->arguments = arena_alloc(arena, 2 * sizeof(*command->arguments));
    command->arguments[0] = arena_strdup(arena, program);
    command->arguments[1] = arena_printf(arena, "--launcher_dir=%s", agent->flags->launcher_dir);
}
