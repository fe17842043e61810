/* SPDX-License-Identifier: Apache-2.0 */
/* What the agent wants to know of the machine it runs on. The simulation answers in another way. */
#pragma once

#include <stdint.h>

#include "base/error.h"
#include "base/system_stats.h"

struct agent_machine {
    void *user;
    double (*cpus)(void *user);                                /* processors */
    uint64_t (*memory_bytes)(void *user);                      /* 0: not known */
    uint64_t (*disk_bytes)(void *user, const char *directory); /* of the file system it is on; 0: not known */
    double (*disk_usage)(void *user, const char *directory);   /* the part in use, 0…1; negative: not known */
    int (*boot_id)(void *user, char **ret, struct error *err); /* the caller frees */
    bool (*has_program)(void *user, const char *path);         /* an executable file */
    /* Make the sandbox accessible to @name (chown) and to nobody else; a NULL @name keeps its owner. */
    int (*give_sandbox)(void *user, const char *directory, const char *name, struct error *err);
    void (*system_stats)(struct system_stats *ret); /* NULL: none */
};

extern const struct agent_machine agent_real_machine;
