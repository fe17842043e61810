/* SPDX-License-Identifier: Apache-2.0 */
/* For tests: a machine that has what its description says. */
#pragma once

#include "agent/machine.h"
#include "base/memory.h"

struct fake_machine {
    double cpus;
    uint64_t memory_bytes, disk_bytes;
    double disk_usage;
};

static inline double fake_cpus(void *user) {
    return ((const struct fake_machine *)user)->cpus;
}

static inline uint64_t fake_memory(void *user) {
    return ((const struct fake_machine *)user)->memory_bytes;
}

static inline uint64_t fake_disk(void *user, const char *directory) {
    return ((const struct fake_machine *)user)->disk_bytes;
}

static inline double fake_disk_usage(void *user, const char *directory) {
    return ((const struct fake_machine *)user)->disk_usage;
}

static inline int fake_boot_id(void *user, char **ret, struct error *err) {
    *ret = xstrdup("boot-1");
    return 0;
}

static inline bool fake_has_program(void *user, const char *path) {
    return true;
}

static inline int fake_give_sandbox(void *user, const char *directory, const char *name, struct error *err) {
    return 0;
}

/* A struct agent_machine; the members of the description are given, and it is not copied. */
#define FAKE_MACHINE(...) \
    { \
        .user = &(struct fake_machine){__VA_ARGS__}, .cpus = fake_cpus, .memory_bytes = fake_memory, \
        .disk_bytes = fake_disk, .disk_usage = fake_disk_usage, .boot_id = fake_boot_id, \
        .has_program = fake_has_program, .give_sandbox = fake_give_sandbox, \
    }
