/* SPDX-License-Identifier: Apache-2.0 */
/* A registered agent: its resources and what runs there. */
#pragma once

#include "base/table.h"
#include "master/executor.h"
#include "master/offer.h"
#include "master/operation.h"
#include "master/task.h"
#include "process/process.h"

/*
 *     (registers) --> ACTIVE <--------> DISCONNECTED --(re-registration timeout)--> (unreachable)
 *                      ^  |  '-----(pings unanswered)-----------------------------> (unreachable)
 *                      |  v  '-----(unregisters, shut down)-----------------------> (removed)
 *                   DEACTIVATED (by an operator, or draining; connected)
 */
enum agent_state { AGENT_ACTIVE, AGENT_DISCONNECTED, AGENT_DEACTIVATED };

struct agent_capabilities {
    bool multi_role, hierarchical_role, reservation_refinement, resource_provider, resize_volume,
        agent_operation_feedback, agent_draining, task_resource_limits;
};

/* Sends pings as the actor "slave-observer(N)" and tells when too many were not answered. */
struct agent_observer {
    struct process process;
    struct agent *agent;
    struct env_timer timer;
    unsigned missed;
    bool is_ponged;
};

struct agent {
    char *id;
    struct master *master;
    struct pid pid;
    char pid_text[PID_BYTES]; /* key of master->agents_by_pid */
    enum agent_state state;
    Mesos__V1__AgentInfo *info; /* with its id */
    struct arena *info_arena;
    char *version;
    Mesos__V1__AgentInfo__Capability **capability_messages; /* in info_arena */
    size_t capability_count;
    struct agent_capabilities capabilities;
    bool has_resource_version;
    uint8_t resource_version[UUID_BYTES];
    int64_t registered_ns, reregistered_ns; /* wall clock; 0 if it has not */

    struct resources total;        /* with checkpointed reservations and volumes, and oversubscribed ones */
    struct resources checkpointed; /* dynamic reservations and volumes */
    struct resources used;         /* by tasks and executors */
    struct resources offered;

    struct list tasks; /* of struct task, of all frameworks */
    size_t task_count;
    struct table executors;     /* of struct executor by key */
    struct list offers;         /* of struct offer */
    struct list inverse_offers; /* of struct inverse_offer */
    struct list operations;     /* of struct operation */

    struct agent_observer observer;
    struct env_timer reregister; /* runs while disconnected */
};

/* An agent that is not there: unreachable, gone or removed. */
struct lost_agent {
    char *id;
    int64_t since_ns; /* wall clock */
};

static inline bool agent_is_connected(const struct agent *agent) {
    return agent->state != AGENT_DISCONNECTED;
}
static inline bool agent_is_active(const struct agent *agent) {
    return agent->state == AGENT_ACTIVE;
}

/* A registered agent, or NULL. */
struct agent *agent_find(const struct master *master, const char *id);
struct agent *agent_find_by_pid(const struct master *master, const struct pid *pid);

/* The one place where the state changes: tells the allocator, the observer, and takes offers back. */
void agent_set_state(struct agent *agent, enum agent_state state);

/* "<id> at slave(1)@10.0.0.2:5051 (host)", for logs. */
#define AGENT_TEXT_BYTES 512
const char *agent_text(const struct agent *agent, char text[AGENT_TEXT_BYTES]);

/* Send a libprocess message; dropped while the agent is disconnected. */
void agent_send(struct agent *agent, const ProtobufCMessage *message);

/* What may be asked of an agent by the operator API. */

/* End it as unreachable: tasks become TASK_UNREACHABLE (TASK_LOST). [Master::markUnreachable] */
void agent_mark_unreachable(struct agent *agent, const char *message);
/* End it as gone for good: tasks become TASK_GONE_BY_OPERATOR (TASK_LOST), it is shut down. [Master::markGone] */
void agent_mark_gone(struct agent *agent);
/* Remove it, as after it unregistered: tasks become TASK_LOST. [Master::removeSlave] */
void agent_remove(struct agent *agent, const char *reason);
