/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/nested.h"

#include <errno.h>
#include <string.h>

#include "agent/environment.h"
#include "agent/paths.h"
#include "base/log.h"

void nested_call_cancel(struct nested_call *call) {
    list_remove(&call->member);
}

struct agent_executor *nested_find_executor(const struct agent *agent, const char *id) {
    return table_find_sized(&agent->containers, id, strcspn(id, "."));
}

void nested_append_id(const Mesos__V1__ContainerID *id, struct buffer *text) {
    if (id->parent != NULL) {
        nested_append_id(id->parent, text);
        buffer_append_char(text, '.');
    }
    buffer_append_string(text, id->value);
}

static void tell(struct list *calls, const struct nested_container *container, const struct error *err) {
    struct nested_call *call;

    while ((call = list_first(calls, struct nested_call, member)) != NULL) {
        list_remove(&call->member);
        call->on_done(call, container, err);
    }
}

static void nested_free(struct nested_container *container) {
    table_remove(&container->agent->nested, container->id);
    free(container->id);
    free(container->directory);
    free(container->user);
    free(container->message);
    free(container);
}

void nested_free_all(struct agent *agent) {
    struct nested_container *container;
    struct nested_call *call;

    table_for_each (&agent->nested, container) {
        list_for_each (&container->launches, call, member)
            list_remove(&call->member);
        list_for_each (&container->waits, call, member)
            list_remove(&call->member);
        nested_free(container);
    }
}

static void ended(struct nested_container *container, const struct container_termination *termination,
                  const struct error *err) {
    container->state = NESTED_ENDED;
    container->has_status = termination->has_status;
    container->status = termination->status;
    container->reason = termination->reason;
    string_replace(&container->message, termination->message);
    tell(&container->launches, container, err);
    tell(&container->waits, container, NULL);
}

bool nested_exited(struct agent *agent, const char *id, const struct container_termination *termination) {
    struct nested_container *container = nested_find(agent, id);

    if (container == NULL)
        return false;
    log_info("Container %s has ended", id);
    if (container->state != NESTED_ENDED)
        ended(container, termination, NULL);
    return true;
}

void nested_parent_ended(struct agent *agent, const char *id) {
    const struct container_termination termination = {.reason = -1,
                                                      .message = "The container it was nested in has ended"};
    const size_t size = strlen(id);
    struct nested_container *container;

    table_for_each (&agent->nested, container) {
        if (strncmp(container->id, id, size) != 0 || container->id[size] != '.')
            continue;
        if (container->state != NESTED_ENDED)
            ended(container, &termination, NULL);
        nested_free(container);
    }
}

static void on_launched(void *user, const char *id, const struct error *err) {
    struct nested_container *container = nested_find(user, id);
    struct container_termination termination = {
        .reason = MESOS__V1__TASK_STATUS__REASON__REASON_CONTAINER_LAUNCH_FAILED};

    if (container == NULL || container->state != NESTED_LAUNCHING)
        return;
    if (err != NULL) {
        log_error("Container %s failed to start: %s", id, error_message(err));
        termination.message = error_message(err);
        ended(container, &termination, err);
        nested_free(container);
        return;
    }
    container->state = NESTED_RUNNING;
    tell(&container->launches, container, NULL);
}

/* The sandbox of the container that @id is nested in. */
static const char *parent_directory(struct agent *agent, const char *id, const struct agent_executor *executor) {
    const char *dot = strrchr(id, '.');
    cleanup_free char *parent = xstrndup(id, (size_t)(dot - id));
    const struct nested_container *container = nested_find(agent, parent);

    if (executor != NULL && strcmp(parent, executor->container_id) == 0)
        return executor->directory;
    return container != NULL && container->state != NESTED_ENDED ? container->directory : NULL;
}

static int make_sandbox(struct nested_container *container, struct error *err) {
    struct agent *agent = container->agent;

    if (env_make_directories(agent->env, container->directory, err) < 0 ||
        agent->machine->give_sandbox(agent->machine->user, container->directory, container->user, err) < 0)
        return error_wrap(err, "Failed to create nested container sandbox '%s'", container->directory);
    return 0;
}

static struct nested_container *create(struct agent *agent, const char *id, char *directory, const char *user) {
    struct nested_container *container = new0(struct nested_container);

    container->agent = agent;
    container->id = xstrdup(id);
    container->directory = directory;
    container->user = xstrdup(user);
    container->reason = -1;
    list_init(&container->launches);
    list_init(&container->waits);
    table_add(&agent->nested, container->id, container);
    return container;
}

int nested_launch(struct agent *agent, const struct nested_config *config, struct nested_call *call,
                  struct error *err) {
    cleanup_(arena_done) struct arena arena = ARENA_INIT;
    struct agent_executor *executor = nested_find_executor(agent, config->id);
    const char *dot = strrchr(config->id, '.'), *user = executor != NULL ? executor->user : NULL;
    const char *parent = dot != NULL ? parent_directory(agent, config->id, executor) : NULL;
    struct nested_container *container = nested_find(agent, config->id);
    struct container_config launch = {.id = config->id, .command = config->command, .container = config->container};

    if (container != NULL || (dot == NULL && executor != NULL))
        return NESTED_EXISTS;
    if (dot != NULL && parent == NULL)
        return NESTED_NO_PARENT;
    if (agent->flags->switch_user && config->command != NULL && config->command->user != NULL)
        user = config->command->user;
    container = create(
        agent, config->id,
        dot != NULL ? agent_path_nested(parent, dot + 1) : agent_path_standalone(agent->work_dir, config->id), user);
    if (make_sandbox(container, err) < 0) {
        nested_free(container);
        return -1;
    }
    launch.directory = container->directory;
    launch.user = container->user;
    launch.environment = environment_of_container(container->directory, config->command, &arena);
    launch.resources = config->resources;
    launch.resource_count = config->resource_count;
    launch.checkpoint = executor != NULL && executor->checkpoint;
    launch.own_output = true;
    list_append(&container->launches, &call->member);
    agent->containerizer->ops->launch(agent->containerizer, &launch, on_launched, agent);
    return 0;
}

void nested_recovered(struct agent *agent, const char *id) {
    const struct agent_executor *executor = nested_find_executor(agent, id);
    const char *parent = parent_directory(agent, id, executor);

    if (parent == NULL || nested_find(agent, id) != NULL)
        return;
    create(agent, id, agent_path_nested(parent, strrchr(id, '.') + 1), executor != NULL ? executor->user : NULL)
        ->state = NESTED_RUNNING;
}

void nested_remove(struct nested_container *container) {
    struct agent *agent = container->agent;

    agent->containerizer->ops->remove(agent->containerizer, container->id);
    gc_schedule(&agent->gc, container->directory, 0);
    nested_free(container);
}
