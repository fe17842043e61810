/* SPDX-License-Identifier: Apache-2.0 */
/* The calls of the agent API that make, watch and end containers. The older NESTED forms are the same calls for
 * containers that have a parent. */
#include <signal.h>
#include <string.h>

#include "agent/http/agent_api.h"
#include "agent/nested.h"
#include "base/log.h"
#include "model/id.h"
#include "model/resources.h"
#include "model/validation.h"

enum { CONTAINER_ID_LIMIT_BYTES = 242, NESTING_LIMIT = 32 };

/* An answer that waits for a container to be launched or to end. */
struct api_call {
    struct list member;
    struct nested_call call;
    struct http_exchange *exchange;
    bool is_nested_form; /* the answer is that of the older form */
};

void agent_api_cancel_all(struct agent *agent) {
    struct api_call *waiting;

    list_for_each (&agent->api_calls, waiting, member) {
        list_remove(&waiting->member);
        nested_call_cancel(&waiting->call);
        http_exchange_abort(waiting->exchange);
        free(waiting);
    }
}

static void on_closed(struct http_exchange *exchange, void *user) {
    struct api_call *waiting = user;

    list_remove(&waiting->member);
    nested_call_cancel(&waiting->call);
    free(waiting);
}

static struct api_call *wait_for(struct api_request *request, bool is_nested_form,
                                 void (*on_done)(struct nested_call *, const struct nested_container *,
                                                 const struct error *)) {
    struct api_call *waiting = new0(struct api_call);

    waiting->call.on_done = on_done;
    waiting->exchange = request->exchange;
    waiting->is_nested_form = is_nested_form;
    list_append(&request->agent->api_calls, &waiting->member);
    http_exchange_on_closed(request->exchange, on_closed, waiting);
    return waiting;
}

/* The waiting is over: the exchange is to be answered now. */
static struct http_exchange *stop_waiting(struct api_call *waiting) {
    struct http_exchange *exchange = waiting->exchange;

    http_exchange_on_closed(exchange, NULL, NULL);
    list_remove(&waiting->member);
    list_remove(&waiting->call.member);
    free(waiting);
    return exchange;
}

/* Ids */

static int validate_id(const Mesos__V1__ContainerID *id, unsigned depth, struct error *err) {
    if (depth > NESTING_LIMIT)
        return error_set(err, 0, "containers are nested too deep");
    if (id_validate(id->value, err) < 0)
        return -1;
    if (strlen(id->value) > CONTAINER_ID_LIMIT_BYTES)
        return error_set(err, 0, "'ContainerID.value' '%s' exceeds the maximum length (%d)", id->value,
                         CONTAINER_ID_LIMIT_BYTES);
    if (strpbrk(id->value, ". ") != NULL)
        return error_set(err, 0, "'ContainerID.value' '%s' contains invalid characters", id->value);
    if (id->parent != NULL && validate_id(id->parent, depth + 1, err) < 0)
        return error_wrap(err, "'ContainerID.parent' is invalid");
    return 0;
}

/* The id as text, in the arena; NULL: it is not one, and the call is answered. @part is the call's member. */
static char *take_id(struct api_request *request, const Mesos__V1__ContainerID *id, const char *part,
                     bool needs_parent) {
    cleanup_buffer struct buffer text = BUFFER_INIT;
    cleanup_error struct error err = ERROR_INIT;

    if (validate_id(id, 0, &err) < 0) {
        http_respond_text(request->exchange, 400, "Failed to validate agent::Call: '%s.container_id' is invalid: %s",
                          part, error_message(&err));
        return NULL;
    }
    if (needs_parent && id->parent == NULL) {
        http_respond_text(request->exchange, 400,
                          "Failed to validate agent::Call: Expecting '%s.container_id.parent' to be present", part);
        return NULL;
    }
    nested_append_id(id, &text);
    return arena_strdup(request->arena, buffer_text(&text));
}

/* LAUNCH_CONTAINER, LAUNCH_NESTED_CONTAINER */

static void on_launched(struct nested_call *call, const struct nested_container *container, const struct error *err) {
    struct http_exchange *exchange = stop_waiting(container_of(call, struct api_call, call));

    if (err != NULL)
        http_respond_text(exchange, 500, "%s", error_message(err));
    else
        http_respond(exchange, 200, NULL, "", 0);
}

/* @what is the call's member. */
static int check_parts(const char *what, const Mesos__V1__CommandInfo *command,
                       const Mesos__V1__ContainerInfo *container, struct error *err) {
    if (command != NULL && validate_command(command, err) < 0)
        return error_wrap(err, "'%s.command' is invalid", what);
    if (container != NULL && validate_container(container, err) < 0)
        return error_wrap(err, "'%s.container' is invalid", what);
    return 0;
}

static bool has_share_cgroups(const Mesos__V1__ContainerInfo *container) {
    return container != NULL && container->linux_info != NULL && container->linux_info->has_share_cgroups;
}

static bool is_nested_twice(const Mesos__V1__ContainerID *id) {
    return id->parent != NULL && id->parent->parent != NULL;
}

static int check_deep_cgroups(const char *what, const Mesos__V1__ContainerID *id,
                              const Mesos__V1__ContainerInfo *container, struct error *err) {
    if (is_nested_twice(id) && has_share_cgroups(container) && !container->linux_info->share_cgroups)
        return error_set(err, 0,
                         "'%s' is invalid: containers nested at the second level or greater cannot set "
                         "'share_cgroups' to 'false'",
                         what);
    return 0;
}

static int check_nested_launch(const Mesos__V1__Agent__Call__LaunchNestedContainer *launch, struct error *err) {
    static const char what[] = "launch_nested_container";

    if (check_parts(what, launch->command, launch->container, err) < 0)
        return -1;
    return check_deep_cgroups(what, launch->container_id, launch->container, err);
}

/* No offer tells of what a standalone container uses, so that it can only be what nobody else has a claim to. */
static int check_standalone_resources(const struct resources *resources, struct error *err) {
    for (uint32_t i = 0; i < resources->count; i++) {
        const struct resource *resource = &resources->items[i];

        if (resource_is_reserved(resource))
            return error_set(err, 0, "'launch_container.resources' must be unreserved");
        if (resource->kind->is_persistent)
            return error_set(err, 0, "'launch_container.resources' may not use persistent volumes");
        if (resource->kind->is_revocable)
            return error_set(err, 0, "'launch_container.resources' must be non-revocable");
    }
    return 0;
}

static int check_resources(const Mesos__V1__Agent__Call__LaunchContainer *launch, struct error *err) {
    struct resources cleanup_resources resources = RESOURCES_INIT;

    if (resources_from_messages(launch->resources, launch->n_resources, &resources, err) < 0)
        return error_wrap(err, "Invalid resources");
    if (validate_gpus(launch->resources, launch->n_resources, err) < 0)
        return error_wrap(err, "Invalid GPU resources");
    return launch->container_id->parent != NULL ? 0 : check_standalone_resources(&resources, err);
}

static int check_launch(const Mesos__V1__Agent__Call__LaunchContainer *launch, struct error *err) {
    static const char what[] = "launch_container";
    static const char deep[] = "'launch_container' is invalid: containers nested at the second level or greater cannot";

    if (check_resources(launch, err) < 0 || check_parts(what, launch->command, launch->container, err) < 0)
        return -1;
    if (is_nested_twice(launch->container_id) && launch->n_resources > 0)
        return error_set(err, 0, "%s specify resources", deep);
    if (is_nested_twice(launch->container_id) && launch->n_limits > 0)
        return error_set(err, 0, "%s specify resource limits", deep);
    if (check_deep_cgroups(what, launch->container_id, launch->container, err) < 0)
        return -1;
    if (launch->container_id->parent == NULL && has_share_cgroups(launch->container) &&
        launch->container->linux_info->share_cgroups)
        return error_set(err, 0,
                         "'launch_container' is invalid: containers without a parent cannot set 'share_cgroups' to "
                         "'true'");
    if (launch->n_limits > 0)
        return error_set(err, 0, "'launch_container.limits' need an isolator that this agent has not");
    return 0;
}

/* Fill @config from the call; false if it was refused. */
static bool take_config(struct api_request *request, struct nested_config *config) {
    const Mesos__V1__Agent__Call *call = request->call;
    cleanup_error struct error err = ERROR_INIT;
    int result;

    if (call->type == MESOS__V1__AGENT__CALL__TYPE__LAUNCH_NESTED_CONTAINER) {
        config->id = take_id(request, call->launch_nested_container->container_id, "launch_nested_container", true);
        if (config->id == NULL)
            return false;
        result = check_nested_launch(call->launch_nested_container, &err);
        config->command = call->launch_nested_container->command;
        config->container = call->launch_nested_container->container;
    } else {
        config->id = take_id(request, call->launch_container->container_id, "launch_container", false);
        if (config->id == NULL)
            return false;
        result = check_launch(call->launch_container, &err);
        config->command = call->launch_container->command;
        config->container = call->launch_container->container;
        config->resources = call->launch_container->resources;
        config->resource_count = call->launch_container->n_resources;
    }
    if (result < 0)
        http_respond_text(request->exchange, 400, "Failed to validate agent::Call: %s", error_message(&err));
    return result == 0;
}

void api_launch_container(struct api_request *request) {
    struct nested_config config = {0};
    cleanup_error struct error err = ERROR_INIT;
    struct api_call *waiting;
    int result;

    if (!take_config(request, &config))
        return;
    waiting = wait_for(request, false, on_launched);
    result = nested_launch(request->agent, &config, &waiting->call, &err);
    if (result == 0)
        return;
    stop_waiting(waiting);
    if (result == NESTED_EXISTS) {
        http_respond(request->exchange, 202, NULL, "", 0);
    } else if (result == NESTED_NO_PARENT) {
        const char *dot = strrchr(config.id, '.');

        http_respond_text(request->exchange, 400, "Parent container %.*s does not exist", (int)(dot - config.id),
                          config.id);
    } else {
        http_respond_text(request->exchange, 500, "%s", error_message(&err));
    }
}

/* WAIT_CONTAINER, WAIT_NESTED_CONTAINER */

static void respond_ended(struct http_exchange *exchange, const struct nested_container *container,
                          bool is_nested_form) {
    Mesos__V1__Agent__Response response = MESOS__V1__AGENT__RESPONSE__INIT;
    Mesos__V1__Agent__Response__WaitNestedContainer nested = MESOS__V1__AGENT__RESPONSE__WAIT_NESTED_CONTAINER__INIT;
    Mesos__V1__Agent__Response__WaitContainer plain = MESOS__V1__AGENT__RESPONSE__WAIT_CONTAINER__INIT;

    plain.has_exit_status = container->has_status;
    plain.exit_status = container->status;
    plain.has_reason = container->reason >= 0;
    plain.reason = (Mesos__V1__TaskStatus__Reason)(container->reason >= 0 ? container->reason : 0);
    plain.message = container->message;
    nested.has_exit_status = plain.has_exit_status;
    nested.exit_status = plain.exit_status;
    nested.has_reason = plain.has_reason;
    nested.reason = plain.reason;
    nested.message = plain.message;
    response.has_type = true;
    if (is_nested_form) {
        response.type = MESOS__V1__AGENT__RESPONSE__TYPE__WAIT_NESTED_CONTAINER;
        response.wait_nested_container = &nested;
    } else {
        response.type = MESOS__V1__AGENT__RESPONSE__TYPE__WAIT_CONTAINER;
        response.wait_container = &plain;
    }
    api_respond(exchange, &response);
}

static void on_ended(struct nested_call *call, const struct nested_container *container, const struct error *err) {
    struct api_call *waiting = container_of(call, struct api_call, call);
    const bool is_nested_form = waiting->is_nested_form;

    respond_ended(stop_waiting(waiting), container, is_nested_form);
}

void api_wait_container(struct api_request *request) {
    Mesos__V1__Agent__Call *call = request->call;
    const bool is_nested_form = call->type == MESOS__V1__AGENT__CALL__TYPE__WAIT_NESTED_CONTAINER;
    const char *id = is_nested_form
                         ? take_id(request, call->wait_nested_container->container_id, "wait_nested_container", true)
                         : take_id(request, call->wait_container->container_id, "wait_container", false);
    struct nested_container *container;

    if (id == NULL)
        return;
    container = nested_find(request->agent, id);
    if (container == NULL)
        http_respond_text(request->exchange, 404, "Container %s cannot be found", id);
    else if (container->state == NESTED_ENDED)
        respond_ended(request->exchange, container, is_nested_form);
    else
        list_append(&container->waits, &wait_for(request, is_nested_form, on_ended)->call.member);
}

/* KILL_CONTAINER, KILL_NESTED_CONTAINER */

void api_kill_container(struct api_request *request) {
    struct agent *agent = request->agent;
    Mesos__V1__Agent__Call *call = request->call;
    const bool is_nested_form = call->type == MESOS__V1__AGENT__CALL__TYPE__KILL_NESTED_CONTAINER;
    int number = SIGKILL;
    const char *id;

    if (is_nested_form) {
        id = take_id(request, call->kill_nested_container->container_id, "kill_nested_container", true);
        if (call->kill_nested_container->has_signal)
            number = call->kill_nested_container->signal;
    } else {
        id = take_id(request, call->kill_container->container_id, "kill_container", false);
        if (call->kill_container->has_signal)
            number = call->kill_container->signal;
    }
    if (id == NULL)
        return;
    if (!agent->containerizer->ops->kill(agent->containerizer, id, number)) {
        http_respond_text(request->exchange, 404, "Container '%s' cannot be found (or is already killed)", id);
        return;
    }
    http_respond(request->exchange, 200, NULL, "", 0);
}

/* REMOVE_CONTAINER, REMOVE_NESTED_CONTAINER */

void api_remove_container(struct api_request *request) {
    Mesos__V1__Agent__Call *call = request->call;
    const bool is_nested_form = call->type == MESOS__V1__AGENT__CALL__TYPE__REMOVE_NESTED_CONTAINER;
    const char *id = is_nested_form ? take_id(request, call->remove_nested_container->container_id,
                                              "remove_nested_container", true)
                                    : take_id(request, call->remove_container->container_id, "remove_container", false);
    struct nested_container *container;

    if (id == NULL)
        return;
    container = nested_find(request->agent, id);
    if (container == NULL) {
        if (strchr(id, '.') != NULL && nested_find_executor(request->agent, id) != NULL)
            http_respond(request->exchange, 200, NULL, "", 0);
        else
            http_respond_text(request->exchange, 404, "Container %s cannot be found", id);
        return;
    }
    if (container->state != NESTED_ENDED) {
        http_respond_text(request->exchange, 500, "Container %s has not ended yet", id);
        return;
    }
    nested_remove(container);
    http_respond(request->exchange, 200, NULL, "", 0);
}
