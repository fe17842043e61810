/* SPDX-License-Identifier: Apache-2.0 */
/* The containerizer that needs neither root nor a container runtime: a container is a tree of processes in a sandbox,
 * watched by a monitor (monitor.h). Nothing is isolated; limits are reported, not enforced, but for rlimits. */
#pragma once

#include "containerizer/containerizer.h"
#include "event/loop.h"

/* Text is copied. */
struct posix_containerizer_options {
    const char *runtime_dir;          /* --runtime_dir; created if need be */
    const char *launcher_dir;         /* --launcher_dir: where mesos-containerizer-monitor and mesos-fetcher are */
    const char *work_dir;             /* --work_dir: persistent volumes are below it; NULL: they are refused */
    const char *frameworks_home;      /* --frameworks_home: where relative URIs start; NULL: they are refused */
    const char *fetcher_cache_dir;    /* --fetcher_cache_dir; NULL: nothing is cached */
    uint64_t fetcher_cache_bytes;     /* --fetcher_cache_size */
    int64_t fetcher_stall_timeout_ns; /* --fetcher_stall_timeout: 0: 1 min */
    bool switch_user;                 /* --switch_user: run commands as the user of their container */
};

/* Containers of a checkpointing framework go on when this is freed, others end with it. */
struct containerizer *posix_containerizer_new(struct loop *loop, const struct posix_containerizer_options *options,
                                              struct error *err);
