/* SPDX-License-Identifier: Apache-2.0 */
/* What runs containers: the agent asks for them by id and is told when they end.
 *
 * There are two implementations: the real one (launchers, a monitor process for each container) and the simulated
 * cluster's, where an executor is an object. Callbacks come from the loop, never from inside a call. */
#pragma once

#include "event/env.h"
#include "mesos/v1/mesos.pb-c.h"
#include "message/message.h"

struct containerizer;

/* A container's id as text: "<id>" or "<parent>.<id>" for a nested one, as deep as it goes. */

/* How a container is to be run. Everything is borrowed for the call. */
struct container_config {
    const char *id;
    const char *directory;                     /* the sandbox; exists already */
    const char *user;                          /* NULL: the agent's own */
    const Mesos__V1__CommandInfo *command;     /* value, arguments, shell, uris */
    const Mesos__V1__ContainerInfo *container; /* NULL: a plain process */
    char *const *environment;                  /* "NAME=value", NULL-terminated: the whole environment */
    Mesos__V1__Resource *const *resources;     /* limits */
    size_t resource_count;
    const char *forked_pid_path; /* where Mesos's layout keeps the pid of a checkpointed executor; NULL: nowhere */
    bool checkpoint;             /* goes on when the agent restarts */
    bool own_output;             /* stdout and stderr go to files in `directory` */
};

/* How a container ended. */
struct container_termination {
    bool has_status;
    int status;          /* of wait(2) */
    int reason;          /* Mesos__V1__TaskStatus__Reason when the containerizer ended it itself; -1 none */
    const char *message; /* NULL or why */
};

struct containerizer_events {
    /* recover() has found this container nested in one that is wanted; on_exit will follow. Comes from inside
     * recover(), after the one for the container it is nested in. */
    void (*on_recovered)(void *user, const char *id);
    /* A launched or recovered container is over; its resources are free. Once for each. */
    void (*on_exit)(void *user, const char *id, const struct container_termination *termination);
};

/* What has happened since the start, as it is shown among the metrics. */
struct containerizer_counts {
    uint64_t fetches_succeeded, fetches_failed; /* of all URIs of a container */
    uint64_t destroy_errors;
    uint64_t cache_total_bytes, cache_used_bytes; /* as they are now */
};

typedef void container_launched(void *user, const char *id, const struct error *err);
typedef void container_usage(void *user, const char *id, const Mesos__V1__ResourceStatistics *statistics,
                             const struct error *err);

struct containerizer_ops {
    /* Take up the containers of an earlier agent: those in @ids are known and wanted, others that are found are
     * destroyed. on_exit follows for each that is gone. */
    int (*recover)(struct containerizer *containerizer, char *const *ids, size_t count, struct error *err);
    /* Start a container: fetch its URIs, then run its command. @on_launched comes once: NULL error once it runs. After
     * an error on_exit does not come. A destroy meanwhile ends it with an error. */
    void (*launch)(struct containerizer *containerizer, const struct container_config *config,
                   container_launched *on_launched, void *user);
    /* Kill every process of the container and of those nested in it (SIGKILL); on_exit follows. False if unknown. */
    bool (*destroy)(struct containerizer *containerizer, const char *id);
    /* Send a signal to the container's first process. False if unknown. */
    bool (*kill)(struct containerizer *containerizer, const char *id, int signal);
    /* The pid of its first process, 0 if none is known. */
    int (*pid)(struct containerizer *containerizer, const char *id);
    /* What the container may use from now on, as tasks come and go, and after a recovery. Nothing if unknown. */
    void (*update)(struct containerizer *containerizer, const char *id, Mesos__V1__Resource *const *resources,
                   size_t count);
    /* CPU, memory, … used by the container. */
    void (*usage)(struct containerizer *containerizer, const char *id, container_usage *on_usage, void *user);
    /* Forget a nested container that has ended (its runtime files). */
    void (*remove)(struct containerizer *containerizer, const char *id);
    void (*count)(struct containerizer *containerizer, struct containerizer_counts *ret);
    void (*free)(struct containerizer *containerizer);
};

struct containerizer {
    const struct containerizer_ops *ops;
    const struct containerizer_events *events; /* set by the agent before the first call */
    void *user;
};
