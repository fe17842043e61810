/* SPDX-License-Identifier: Apache-2.0 */
/* What holds for parts of messages whoever is asked with them, master or agent: pure functions that look and say why
 * not. The rules and their order are those of Mesos's src/common/validation.cpp. */
#pragma once

#include <stddef.h>

#include "base/error.h"
#include "mesos/v1/mesos.pb-c.h"

/* There is no part of a GPU. */
int validate_gpus(Mesos__V1__Resource *const *resources, size_t count, struct error *err);
/* The variables of its environment are complete. */
int validate_command(const Mesos__V1__CommandInfo *command, struct error *err);
/* Each volume has one source, and the type what belongs to it. */
int validate_container(const Mesos__V1__ContainerInfo *container, struct error *err);
int validate_health_check(const Mesos__V1__HealthCheck *check, struct error *err);
int validate_check(const Mesos__V1__CheckInfo *check, struct error *err);
/* What an executor says of a check. */
int validate_check_status(const Mesos__V1__CheckStatusInfo *status, struct error *err);
