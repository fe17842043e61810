/* SPDX-License-Identifier: Apache-2.0 */
/* What the examples have in common: flags of the form --name=value, and running a driver to its end. */
#pragma once

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <mesos/scheduler.h>

/* The value of --@name=…, or NULL. */
static inline const char *example_flag(int argc, char **argv, const char *name) {
    const size_t size = strlen(name);

    for (int i = 1; i < argc; i++)
        if (strncmp(argv[i], "--", 2) == 0 && strncmp(argv[i] + 2, name, size) == 0 && argv[i][2 + size] == '=')
            return argv[i] + size + 3;
    return NULL;
}

/* The framework gets back what it left behind if its scheduler comes again within a week. */
static inline void example_survive_failover(Mesos__V1__FrameworkInfo *framework) {
    framework->has_failover_timeout = true;
    framework->failover_timeout = 7.0 * 24 * 3600;
    framework->has_checkpoint = true;
    framework->checkpoint = true;
}

/* Add a role or a capability to a framework made by mesos_framework_info_new(). */
static inline void example_add_role(Mesos__V1__FrameworkInfo *framework, const char *role) {
    framework->roles = realloc(framework->roles, (framework->n_roles + 1) * sizeof(*framework->roles));
    framework->roles[framework->n_roles++] = strdup(role);
}

static inline void example_add_capability(Mesos__V1__FrameworkInfo *framework,
                                          Mesos__V1__FrameworkInfo__Capability__Type type) {
    Mesos__V1__FrameworkInfo__Capability capability = MESOS__V1__FRAMEWORK_INFO__CAPABILITY__INIT;

    capability.has_type = true;
    capability.type = type;
    framework->capabilities = realloc(framework->capabilities,
                                      (framework->n_capabilities + 1) * sizeof(*framework->capabilities));
    framework->capabilities[framework->n_capabilities++] = mesos_message_copy(&capability);
}

/* Look again soon rather than in 5 s. */
static inline Mesos__V1__Filters example_soon(void) {
    Mesos__V1__Filters filters = MESOS__V1__FILTERS__INIT;

    filters.has_refuse_seconds = true;
    filters.refuse_seconds = 0.1;
    return filters;
}

static inline void example_on_error(struct mesos_scheduler_driver *driver, void *user, const char *message) {
    fprintf(stderr, "error: %s\n", message);
}

/* Run a driver until it is stopped or aborted; frees @framework. Returns the exit status for main(). */
static inline int example_run(const struct mesos_scheduler *scheduler, void *user, Mesos__V1__FrameworkInfo *framework,
                              const char *master) {
    struct mesos_scheduler_driver *driver;
    enum mesos_status status;
    char *error = NULL;

    setvbuf(stdout, NULL, _IOLBF, 0);
    driver = mesos_scheduler_driver_new(scheduler, user, framework, master, NULL, &error);
    mesos_message_free(framework);
    if (driver == NULL) {
        fprintf(stderr, "error: %s\n", error);
        free(error);
        return 2;
    }
    status = mesos_scheduler_driver_run(driver);
    mesos_scheduler_driver_free(driver);
    return status == MESOS_DRIVER_STOPPED ? 0 : 1;
}
