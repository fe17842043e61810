/* SPDX-License-Identifier: Apache-2.0 */
#include "model/validation.h"

#include <string.h>

#include "model/quantities.h"

/* Resources */

int validate_gpus(Mesos__V1__Resource *const *resources, size_t count, struct error *err) {
    int64_t gpus = 0;

    for (size_t i = 0; i < count; i++) {
        if (strcmp(resources[i]->name, "gpus") == 0 && resources[i]->scalar != NULL)
            gpus += scalar_from_double(resources[i]->scalar->value);
    }
    if (gpus % 1000 != 0)
        return error_set(err, 0, "The 'gpus' resource must be an unsigned integer");
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

int validate_check_status(const Mesos__V1__CheckStatusInfo *status, struct error *err) {
    if (!status->has_type)
        return error_set(err, 0, "CheckStatusInfo must specify 'type'");
    switch (status->type) {
    case MESOS__V1__CHECK_INFO__TYPE__COMMAND:
        return status->command != NULL ? 0
                                       : error_set(err, 0, "Expecting 'command' to be set for COMMAND check's status");
    case MESOS__V1__CHECK_INFO__TYPE__HTTP:
        return status->http != NULL ? 0 : error_set(err, 0, "Expecting 'http' to be set for HTTP check's status");
    case MESOS__V1__CHECK_INFO__TYPE__TCP:
        return status->tcp != NULL ? 0 : error_set(err, 0, "Expecting 'tcp' to be set for TCP check's status");
    default:
        return error_set(err, 0, "'UNKNOWN' is not a valid check's status type");
    }
}
