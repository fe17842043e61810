/* SPDX-License-Identifier: Apache-2.0 */
/* The insides of an agent, shared by the files of this folder. */
#pragma once

#include "agent/agent.h"
#include "agent/checkpoint.h"
#include "agent/gc.h"
#include "agent/metrics.h"
#include "agent/status_updates.h"
#include "election/detector.h"
#include "event/removals.h"
#include "mesos/internal/messages.pb-c.h"
#include "mesos/v1/executor/executor.pb-c.h"
#include "mesos/v1/mesos.pb-c.h"
#include "model/resources.h"
#include "model/task_state.h"
#include "process/common_endpoints.h"
#include "process/files.h"
#include "process/process.h"

/*
 *     RECOVERING --> DISCONNECTED <--> RUNNING
 *          |               |              |
 *          '---------------+--------------'--> TERMINATING --> (on_ended)
 *
 * RECOVERING: executors of an earlier agent may come back. DISCONNECTED: no master, or not yet registered with it.
 * TERMINATING: executors are being shut down.
 */
enum agent_state { AGENT_RECOVERING, AGENT_DISCONNECTED, AGENT_RUNNING, AGENT_TERMINATING };

struct agent_framework;

struct agent {
    struct env *env;
    const struct agent_flags *flags;
    const struct agent_machine *machine;
    const struct agent_events *events;
    void *user;
    enum agent_state state;
    bool takes_executors; /* recovery is so far that executors may subscribe */
    bool has_ended;
    char *work_dir, *meta_dir;
    char **inherited; /* "NAME=value" for executors, NULL-terminated */
    int64_t start_ns; /* wall clock; and since when recovery took */
    int64_t recovery_ns;

    Mesos__V1__AgentInfo *info; /* on the heap; its id is set once it is known */
    Mesos__V1__AgentID *id;     /* what info->id points to */
    const Mesos__V1__AgentInfo__Capability *const *capabilities;
    size_t capability_count;
    struct resources total;        /* with checkpointed reservations and volumes */
    struct resources checkpointed; /* dynamic reservations and persistent volumes */
    /* The total up to which all is written down: what is shown. Mesos waits for the disk before it goes on. */
    struct resources durable_total;
    uint8_t resource_version[UUID_BYTES];
    Mesos__V1__DrainConfig *drain; /* NULL: not draining */
    int64_t drain_start_ns;        /* wall clock */

    struct router *router;
    struct process_endpoint *endpoint;
    struct process process; /* slave(1)@ip:port */
    struct common_endpoints common;
    struct files files;
    struct metrics registry;
    struct agent_metrics metrics;

    struct detector *detector;
    struct address leader;  /* as the detector names it */
    struct stream *look_up; /* a connection by which its name becomes a numeric address, or NULL */
    struct env_timer look_up_again;
    bool has_master;
    struct pid master;
    struct env_timer registration;
    int64_t registration_backoff_ns;
    struct env_timer ping;
    int64_t ping_timeout_ns;
    struct env_timer reregister_executors; /* until executors that did not come back are given up */
    struct env_timer reconnect_again;      /* --executor_reregistration_retry_interval */
    struct env_timer end;                  /* tells on_ended from the loop */
    struct env_timer disk_watch;
    double executor_directory_max_age_seconds;
    struct error end_error;
    bool is_info_changed; /* since it was written to slave.info */

    struct checkpoints checkpoints;
    struct update_manager updates;
    struct gc gc;
    struct removals removals; /* of persistent volumes */
    struct containerizer *containerizer;
    struct table frameworks;           /* of struct agent_framework by id */
    struct table completed_frameworks; /* likewise, the oldest first; at most 50 */
    struct list deliveries;            /* of struct delivery that are to be started, in order */
    struct env_timer delivering;       /* runs while there are some */
    struct table containers;           /* of struct agent_executor by container id: those that live */
    struct table operations;           /* of struct agent_operation by uuid: not acknowledged yet */
    uint64_t operation_writes, operation_writes_ended, operation_writes_done; /* of the file that holds them: begun,
                                                                                 ended, and up to which all is saved */
    struct env_timer operation_rewrite;
    struct table nested;     /* of struct nested_container by id: nested and standalone ones */
    struct list collections; /* of struct collection: answers that wait for what containers use */
    struct list api_calls;   /* of struct api_call: answers of the agent API that wait for something */
};

/* Id of the agent itself; only once it has one. */
static inline const char *agent_own_id(const struct agent *agent) {
    return agent->info->id->value;
}

/* Be the agent @id (copied). */
void agent_set_id(struct agent *agent, const Mesos__V1__AgentID *id);

/* The one place where the state changes. */
void agent_enter(struct agent *agent, enum agent_state state);
const char *agent_state_name(enum agent_state state);

/* Shut down: leave the master (if @tells_master), end all executors, then the agent. */
void agent_begin_shutdown(struct agent *agent, bool tells_master);
/* End because of @err; on_ended follows. */
void agent_fail(struct agent *agent, const struct error *err);
/* While TERMINATING: end once no framework is left. */
void agent_end_if_idle(struct agent *agent);

/* Schedule @path, which is taken over, for removal after --gc_delay from when it was last changed. */
void agent_collect_garbage(struct agent *agent, char *path);

/* Seconds since the epoch as messages have them. */
static inline double agent_timestamp(struct agent *agent) {
    return duration_to_seconds(env_wall_clock(agent->env));
}

/* Send a message; the name is its type's. */
void agent_send_to(struct agent *agent, const struct pid *to, const ProtobufCMessage *message);
/* Dropped while there is no master. */
void agent_send_to_master(struct agent *agent, const ProtobufCMessage *message);

/* dispatch.c: the messages that come in. */
extern const struct process_ops agent_process_ops;
/* http/routes.c */
void agent_add_routes(struct agent *agent);
