/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the posix containerizer share. */
#pragma once

#include "base/list.h"
#include "base/process_tree.h"
#include "base/table.h"
#include "containerizer/fetch_cache.h"
#include "containerizer/posix_containerizer.h"

/* The life of a container.
 *
 *     launch() -> FETCHING -> WAITING -> STARTING -> RUNNING -> ENDED -> told, forgotten
 *                     |          |           |                    ^
 *                     +----------+-----------+--------------------+   a failed launch is told as such
 *
 * A container without URIs begins in WAITING, a recovered one in RUNNING or ENDED. WAITING for its turn: only a few are
 * started at a time, so that the first of many run while the last have not begun. ENDED lasts until the containers
 * nested in it have been told too. */
enum posix_state { POSIX_FETCHING, POSIX_WAITING, POSIX_STARTING, POSIX_RUNNING, POSIX_ENDED };

struct posix_container;
struct posix_fetch;

struct posix {
    struct containerizer base;
    struct loop *loop;
    struct env *env;
    char *runtime_dir, *launcher_dir, *work_dir, *frameworks_home;
    int64_t fetcher_stall_timeout_ns;
    struct containerizer_counts counts; /* but for the cache's */
    struct fetch_cache cache;
    struct list fetches_waiting; /* of struct posix_fetch: for a download of another container */
    bool switch_user;
    struct table containers;        /* of struct posix_container, by id */
    struct list answers;            /* of struct posix_answer: still to be given */
    struct list waiting;            /* of struct posix_container, in the order of their launch */
    size_t starting, starting_most; /* how many are STARTING, and may be */
    struct process_table processes; /* for usage() */
    int64_t processes_read_ns;
};

struct posix_container {
    struct posix *posix;
    struct list waiting; /* member of posix->waiting */
    char *id;
    char *runtime_path;
    enum posix_state state;
    bool checkpoint;
    bool own_output;
    bool is_foreign;   /* its launcher is a Mesos agent's and knows nothing of destroying */
    bool owns_runtime; /* the runtime directory is this container's, not an earlier one's of the same id */
    bool is_destroyed;
    bool is_unwanted;          /* found by recover(): its end is nobody's news */
    struct buffer order;       /* for its monitor */
    struct buffer config;      /* for the agent that recovers it */
    struct posix_fetch *fetch; /* FETCHING */
    struct child *monitor;     /* one that this process has started */
    int pidfd;                 /* one that was recovered */
    struct watch *pidfd_watch;
    int monitor_pid, command_pid;
    int socket_fd; /* to the monitor; open as long as the agent's end is to end the container */
    struct watch *socket_watch;
    container_launched *on_launched; /* NULL once told */
    void *launched_user;
    struct error failure;     /* why the launch failed */
    struct env_timer telling; /* runs on_exit or on_launched from the loop */
    double cpus;              /* its resources; 0: unknown */
    uint64_t mem_bytes;
};

/* An answer that is given from the loop. */
struct posix_answer {
    struct list member;
    struct env_timer timer;
    struct posix *posix;
    container_launched *on_launched; /* a launch that was refused, or */
    container_usage *on_usage;
    void *user;
    char *id;
    struct error err;
};

struct posix_container *posix_container_new(struct posix *posix, const char *id, char *runtime_path);
void posix_container_free(struct posix_container *container);

/* Tell the end from the loop, once nothing is nested in @container any more. */
void posix_container_ended(struct posix_container *container);
/* Its monitor is gone; likewise. */
void posix_monitor_gone(struct posix_container *container);
/* A launch goes wrong with @err, which is emptied. The container must have no process any more. */
void posix_container_failed(struct posix_container *container, struct error *err);
/* Start the monitor as soon as it is the container's turn; from now on it goes on by itself. */
void posix_container_start(struct posix_container *container);
/* Kill everything in it; its end will be seen. */
void posix_container_kill(struct posix_container *container);
void posix_destroy_nested(struct posix_container *container);

/* Begin an answer: @on_due runs from the loop, gives it and frees it. */
struct posix_answer *posix_answer_new(struct posix *posix, const char *id, void *user,
                                      void (*on_due)(struct env_timer *timer));
void posix_answer_free(struct posix_answer *answer);

/* posix_config.c: what is asked for, as an order for a monitor. Fails with a message for the user if this
 * containerizer can not do it. */
int posix_order_build(const struct posix *posix, const struct container_config *config, const char *runtime_path,
                      struct buffer *ret, struct error *err);

/* posix_volumes.c: the links in the sandbox that stand for volumes. */
int posix_volumes_link(const struct posix *posix, const struct container_config *config, struct error *err);

/* posix_fetch.c: start the fetcher for the URIs of @config; the container goes on by itself. */
int posix_fetch_start(struct posix_container *container, const struct container_config *config, struct error *err);
/* End it, if it is still there; @container->fetch is NULL then. */
void posix_fetch_kill(struct posix_container *container); /* its end will be seen */
void posix_fetch_free(struct posix_container *container, bool is_done);

/* posix_sweep.c: kill what is left of a container whose monitor was killed. */
void posix_sweep(const struct posix_container *container);

/* posix_recover.c: how a container was launched, in Mesos's format, and as a file of its runtime directory. */
void posix_config_encode(const struct container_config *config, struct buffer *ret);
int posix_config_write(const struct posix_container *container, struct error *err);

/* posix_recover.c, posix_usage.c: the functions of containerizer_ops. */
int posix_recover(struct containerizer *containerizer, char *const *ids, size_t count, struct error *err);
void posix_container_set_resources(struct posix_container *container, Mesos__V1__Resource *const *resources,
                                   size_t count);
void posix_update(struct containerizer *containerizer, const char *id, Mesos__V1__Resource *const *resources,
                  size_t count);
void posix_usage(struct containerizer *containerizer, const char *id, container_usage *on_usage, void *user);

static inline struct posix *posix_from(struct containerizer *containerizer) {
    return container_of(containerizer, struct posix, base);
}
