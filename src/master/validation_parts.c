/* SPDX-License-Identifier: Apache-2.0 */
/* The parts that tasks, executors and operations have in common. */
#include <string.h>

#include "base/text.h"
#include "master/validation.h"
#include "message/message.h"
#include "model/id.h"

/* Resources */

static bool is_volume(const Mesos__V1__Resource *resource) {
    return resource->disk != NULL && resource->disk->persistence != NULL;
}

static bool is_reserved(const Mesos__V1__Resource *resource) {
    return resource->n_reservations > 0;
}

static bool is_dynamically_reserved(const Mesos__V1__Resource *resource) {
    return is_reserved(resource) && resource->reservations[resource->n_reservations - 1]->type ==
                                        MESOS__V1__RESOURCE__RESERVATION_INFO__TYPE__DYNAMIC;
}

static int check_gpus(Mesos__V1__Resource *const *resources, size_t count, struct error *err) {
    int64_t gpus = 0;

    for (size_t i = 0; i < count; i++) {
        if (strcmp(resources[i]->name, "gpus") == 0 && resources[i]->scalar != NULL)
            gpus += scalar_from_double(resources[i]->scalar->value);
    }
    if (gpus % 1000 != 0)
        return error_set(err, 0, "Invalid 'gpus' resource: The 'gpus' resource must be an unsigned integer");
    return 0;
}

static int check_volume(const Mesos__V1__Resource *resource, struct error *err) {
    const Mesos__V1__Resource__DiskInfo *disk = resource->disk;

    if (resource->revocable != NULL)
        return error_set(err, 0, "Persistent volumes cannot be created from revocable resources");
    if (!is_reserved(resource))
        return error_set(err, 0, "Persistent volumes cannot be created from unreserved resources");
    if (disk->volume == NULL)
        return error_set(err, 0, "Expecting 'volume' to be set for persistent volume");
    if (disk->volume->host_path != NULL)
        return error_set(err, 0, "Expecting 'host_path' to be unset for persistent volume");
    if (id_validate(disk->persistence->id, err) < 0)
        return error_wrap(err, "Invalid persistence ID for persistent volume");
    return 0;
}

static int check_disk(const Mesos__V1__Resource *resource, struct error *err) {
    const Mesos__V1__Resource__DiskInfo *disk = resource->disk;

    if (disk == NULL)
        return 0;
    if (disk->persistence != NULL)
        return check_volume(resource, err);
    if (disk->volume != NULL)
        return error_set(err, 0, "Non-persistent volume not supported");
    if (disk->source == NULL)
        return error_set(err, 0, "DiskInfo is set but empty");
    return 0;
}

int validate_resources(Mesos__V1__Resource *const *resources, size_t count, struct error *err) {
    if (resources_validate(resources, count, err) < 0)
        return error_wrap(err, "Invalid resources");
    if (check_gpus(resources, count, err) < 0)
        return -1;
    for (size_t i = 0; i < count; i++) {
        if (check_disk(resources[i], err) < 0)
            return error_wrap(err, "Invalid DiskInfo");
    }
    for (size_t i = 0; i < count; i++) {
        if (is_dynamically_reserved(resources[i]) && resources[i]->revocable != NULL)
            return error_set(err, 0,
                             "Invalid ReservationInfo: Dynamically reserved resource '%s' cannot be created from "
                             "revocable resources",
                             resources[i]->name);
    }
    return 0;
}

int validate_unique_persistence_ids(const struct resources *resources, struct error *err) {
    for (uint32_t i = 0; i < resources->count; i++) {
        const struct resource_kind *kind = resources->items[i].kind;

        for (uint32_t j = 0; kind->is_persistent && j < i; j++) {
            const struct resource_kind *other = resources->items[j].kind;

            if (other->is_persistent && other->persistence_id == kind->persistence_id &&
                other->reservation_role == kind->reservation_role)
                return error_set(err, 0, "Persistence ID '%s' is not unique", kind->persistence_id);
        }
    }
    return 0;
}

int validate_one_allocation_role(Mesos__V1__Resource *const *resources, size_t count, struct error *err) {
    const char *role = NULL;

    for (size_t i = 0; i < count; i++) {
        const Mesos__V1__Resource__AllocationInfo *allocation = resources[i]->allocation_info;

        if (allocation == NULL || allocation->role == NULL)
            return error_set(err, 0, "The resources are not allocated to a role");
        if (role != NULL && strcmp(role, allocation->role) != 0)
            return error_set(err, 0,
                             "The resources have multiple allocation roles ('%s' and '%s') but only one allocation "
                             "role is allowed",
                             allocation->role, role);
        role = allocation->role;
    }
    return 0;
}

int validate_not_mixed_revocable(const struct resources *resources, struct error *err) {
    for (uint32_t i = 0; i < resources->count; i++) {
        const struct resource_kind *kind = resources->items[i].kind;

        for (uint32_t j = 0; j < i; j++) {
            const struct resource_kind *other = resources->items[j].kind;

            if (other->name == kind->name && other->is_revocable != kind->is_revocable)
                return error_set(err, 0, "Cannot use both revocable and non-revocable '%s' at the same time",
                                 kind->name);
        }
    }
    return 0;
}

int validate_persistent_volumes(Mesos__V1__Resource *const *volumes, size_t count, struct error *err) {
    for (size_t i = 0; i < count; i++) {
        const Mesos__V1__Resource__DiskInfo *disk = volumes[i]->disk;

        if (disk == NULL)
            return error_set(err, 0, "Resource '%s' does not have DiskInfo", volumes[i]->name);
        if (!is_volume(volumes[i]))
            return error_set(err, 0, "'persistence' is not set in DiskInfo");
        if (disk->volume == NULL)
            return error_set(err, 0, "Expecting 'volume' to be set for persistent volume");
        if (disk->volume->mode == MESOS__V1__VOLUME__MODE__RO)
            return error_set(err, 0, "Read-only persistent volume not supported");
    }
    return 0;
}

int validate_one_provider(Mesos__V1__Resource *const *resources, size_t count, struct error *err) {
    const char *first = count == 0 || resources[0]->provider_id == NULL ? NULL : resources[0]->provider_id->value;

    for (size_t i = 1; i < count; i++) {
        const char *provider = resources[i]->provider_id == NULL ? NULL : resources[i]->provider_id->value;

        if ((provider == NULL) != (first == NULL))
            return error_set(err, 0, "Some resources have a resource provider and some do not");
        if (provider != NULL && strcmp(provider, first) != 0)
            return error_set(err, 0, "The resources have multiple resource providers: %s, %s", first, provider);
    }
    return 0;
}

/* Commands and containers */

static int check_secret(const Mesos__V1__Secret *secret, struct error *err) {
    if (secret->type == MESOS__V1__SECRET__TYPE__REFERENCE) {
        if (secret->reference == NULL)
            return error_set(err, 0, "Secret of type REFERENCE must have the 'reference' field set");
        if (secret->value != NULL)
            return error_set(err, 0, "Secret '%s' of type REFERENCE must not have the 'value' field set",
                             secret->reference->name);
    } else if (secret->type == MESOS__V1__SECRET__TYPE__VALUE) {
        if (secret->value == NULL)
            return error_set(err, 0, "Secret of type VALUE must have the 'value' field set");
        if (secret->reference != NULL)
            return error_set(err, 0, "Secret of type VALUE must not have the 'reference' field set");
    }
    return 0;
}

static int check_secret_variable(const Mesos__V1__Environment__Variable *variable, struct error *err) {
    const Mesos__V1__Secret__Value *value;

    if (variable->secret == NULL)
        return error_set(err, 0, "Environment variable '%s' of type 'SECRET' must have a secret set", variable->name);
    if (variable->value != NULL)
        return error_set(err, 0, "Environment variable '%s' of type 'SECRET' must not have a value set",
                         variable->name);
    if (check_secret(variable->secret, err) < 0)
        return error_wrap(err, "Environment variable '%s' specifies an invalid secret", variable->name);
    value = variable->secret->value;
    if (value != NULL && value->data.len > 0 && memchr(value->data.data, '\0', value->data.len) != NULL)
        return error_set(err, 0,
                         "Environment variable '%s' specifies a secret containing null bytes, which is not allowed in "
                         "the environment",
                         variable->name);
    return 0;
}

static int check_variable(const Mesos__V1__Environment__Variable *variable, struct error *err) {
    /* The type is VALUE unless it says otherwise. */
    switch (variable->has_type ? variable->type : MESOS__V1__ENVIRONMENT__VARIABLE__TYPE__VALUE) {
    case MESOS__V1__ENVIRONMENT__VARIABLE__TYPE__SECRET:
        return check_secret_variable(variable, err);
    case MESOS__V1__ENVIRONMENT__VARIABLE__TYPE__VALUE:
        if (variable->value == NULL)
            return error_set(err, 0, "Environment variable '%s' of type 'VALUE' must have a value set", variable->name);
        if (variable->secret != NULL)
            return error_set(err, 0, "Environment variable '%s' of type 'VALUE' must not have a secret set",
                             variable->name);
        return 0;
    default:
        return error_set(err, 0, "Environment variable of type 'UNKNOWN' is not allowed");
    }
}

int validate_command(const Mesos__V1__CommandInfo *command, struct error *err) {
    for (size_t i = 0; command->environment != NULL && i < command->environment->n_variables; i++) {
        if (check_variable(command->environment->variables[i], err) < 0)
            return -1;
    }
    return 0;
}

static int not_set(const char *field, const char *type, struct error *err) {
    return error_set(err, 0, "'source.%s' is not set for %s volume", field, type);
}

static int check_source(const Mesos__V1__Volume__Source *source, struct error *err) {
    switch (source->type) {
    case MESOS__V1__VOLUME__SOURCE__TYPE__DOCKER_VOLUME:
        return source->docker_volume == NULL ? not_set("docker_volume", "DOCKER_VOLUME", err) : 0;
    case MESOS__V1__VOLUME__SOURCE__TYPE__HOST_PATH:
        return source->host_path == NULL ? not_set("host_path", "HOST_PATH", err) : 0;
    case MESOS__V1__VOLUME__SOURCE__TYPE__SANDBOX_PATH:
        return source->sandbox_path == NULL ? not_set("sandbox_path", "SANDBOX_PATH", err) : 0;
    case MESOS__V1__VOLUME__SOURCE__TYPE__SECRET:
        return source->secret == NULL ? not_set("secret", "SECRET", err) : 0;
    case MESOS__V1__VOLUME__SOURCE__TYPE__CSI_VOLUME:
        if (source->csi_volume == NULL)
            return not_set("csi_volume", "CSI", err);
        return source->csi_volume->static_provisioning == NULL ? not_set("csi_volume.static_provisioning", "CSI", err)
                                                               : 0;
    default:
        return error_set(err, 0, "'source.type' is unknown");
    }
}

static int check_container_volume(const Mesos__V1__Volume *volume, struct error *err) {
    if ((volume->host_path != NULL) + (volume->image != NULL) + (volume->source != NULL) != 1)
        return error_set(err, 0, "Only one of them should be set: 'host_path', 'image' and 'source'");
    return volume->source == NULL ? 0 : check_source(volume->source, err);
}

int validate_container(const Mesos__V1__ContainerInfo *container, struct error *err) {
    for (size_t i = 0; i < container->n_volumes; i++) {
        if (check_container_volume(container->volumes[i], err) < 0)
            return error_wrap(err, "Invalid volume");
    }
    if (container->type != MESOS__V1__CONTAINER_INFO__TYPE__DOCKER)
        return 0;
    if (container->docker == NULL)
        return error_set(err, 0, "DockerInfo 'docker' is not set for DOCKER typed ContainerInfo");
    for (size_t i = 0; i < container->docker->n_parameters; i++) {
        if (strcmp(container->docker->parameters[i]->key, "name") == 0)
            return error_set(err, 0, "Parameter in DockerInfo must not be 'name'");
    }
    return 0;
}

/* Checks */

static int check_seconds(bool has, double value, const char *name, struct error *err) {
    if (has && !(value >= 0))
        return error_set(err, 0, "Expecting '%s' to be non-negative", name);
    return 0;
}

static int check_command_of(const Mesos__V1__CommandInfo *command, const char *what, struct error *err) {
    if (command->value == NULL)
        return error_set(err, 0, "%s must contain %s", what,
                         !command->has_shell || command->shell ? "'shell command'" : "'executable path'");
    return 0;
}

static int check_health_command(const Mesos__V1__HealthCheck *check, struct error *err) {
    if (check->command == NULL)
        return error_set(err, 0, "Expecting 'command' to be set for COMMAND health check");
    if (check_command_of(check->command, "Command health check", err) < 0)
        return -1;
    if (validate_command(check->command, err) < 0)
        return error_wrap(err, "Health check's `CommandInfo` is invalid");
    return 0;
}

static int check_health_http(const Mesos__V1__HealthCheck__HTTPCheckInfo *http, struct error *err) {
    if (http == NULL)
        return error_set(err, 0, "Expecting 'http' to be set for HTTP health check");
    if (http->scheme != NULL && strcmp(http->scheme, "http") != 0 && strcmp(http->scheme, "https") != 0)
        return error_set(err, 0, "Unsupported HTTP health check scheme: '%s'", http->scheme);
    if (http->path != NULL && http->path[0] != '/')
        return error_set(err, 0, "The path '%s' of HTTP health check must start with '/'", http->path);
    return 0;
}

int validate_health_check(const Mesos__V1__HealthCheck *check, struct error *err) {
    int result = 0;

    if (!check->has_type)
        return error_set(err, 0, "HealthCheck must specify 'type'");
    switch (check->type) {
    case MESOS__V1__HEALTH_CHECK__TYPE__COMMAND:
        result = check_health_command(check, err);
        break;
    case MESOS__V1__HEALTH_CHECK__TYPE__HTTP:
        result = check_health_http(check->http, err);
        break;
    case MESOS__V1__HEALTH_CHECK__TYPE__TCP:
        if (check->tcp == NULL)
            result = error_set(err, 0, "Expecting 'tcp' to be set for TCP health check");
        break;
    default:
        result = error_set(err, 0, "'UNKNOWN' is not a valid health check type");
    }
    if (result < 0 || check_seconds(check->has_delay_seconds, check->delay_seconds, "delay_seconds", err) < 0 ||
        check_seconds(check->has_grace_period_seconds, check->grace_period_seconds, "grace_period_seconds", err) < 0 ||
        check_seconds(check->has_interval_seconds, check->interval_seconds, "interval_seconds", err) < 0)
        return -1;
    return check_seconds(check->has_timeout_seconds, check->timeout_seconds, "timeout_seconds", err);
}

static int check_check_command(const Mesos__V1__CheckInfo *check, struct error *err) {
    if (check->command == NULL)
        return error_set(err, 0, "Expecting 'command' to be set for COMMAND check");
    if (check_command_of(check->command->command, "Command check", err) < 0)
        return -1;
    if (validate_command(check->command->command, err) < 0)
        return error_wrap(err, "Check's `CommandInfo` is invalid");
    return 0;
}

int validate_check(const Mesos__V1__CheckInfo *check, struct error *err) {
    int result = 0;

    if (!check->has_type)
        return error_set(err, 0, "CheckInfo must specify 'type'");
    switch (check->type) {
    case MESOS__V1__CHECK_INFO__TYPE__COMMAND:
        result = check_check_command(check, err);
        break;
    case MESOS__V1__CHECK_INFO__TYPE__HTTP:
        if (check->http == NULL)
            result = error_set(err, 0, "Expecting 'http' to be set for HTTP check");
        else if (check->http->path != NULL && check->http->path[0] != '/')
            result = error_set(err, 0, "The path '%s' of HTTP check must start with '/'", check->http->path);
        break;
    case MESOS__V1__CHECK_INFO__TYPE__TCP:
        if (check->tcp == NULL)
            result = error_set(err, 0, "Expecting 'tcp' to be set for TCP check");
        break;
    default:
        result = error_set(err, 0, "'UNKNOWN' is not a valid check type");
    }
    if (result < 0 || check_seconds(check->has_delay_seconds, check->delay_seconds, "delay_seconds", err) < 0 ||
        check_seconds(check->has_interval_seconds, check->interval_seconds, "interval_seconds", err) < 0)
        return -1;
    return check_seconds(check->has_timeout_seconds, check->timeout_seconds, "timeout_seconds", err);
}
