/* SPDX-License-Identifier: Apache-2.0 */
/* A registered agent: its resources and what runs there. */
#pragma once

#include "base/table.h"
#include "master/executor.h"
#include "master/offer.h"
#include "master/operation.h"
#include "master/task.h"
#include "mesos/internal/messages.pb-c.h"
#include "process/process.h"

/*
 *     (registers) --> ACTIVE <--------> DISCONNECTED --(re-registration timeout)--> (unreachable)
 *                      ^  |  '-----(pings unanswered)-----------------------------> (unreachable)
 *                      |  v  '-----(unregisters, shut down)-----------------------> (removed)
 *                   DEACTIVATED (by an operator; connected, but offered to nobody) <--> DISCONNECTED
 */
enum agent_state { AGENT_ACTIVE, AGENT_DISCONNECTED, AGENT_DEACTIVATED };

#define MOST_AGENT_CAPABILITIES 8

struct agent_capabilities {
    bool multi_role, hierarchical_role, reservation_refinement, resource_provider, resize_volume,
        agent_operation_feedback, agent_draining, task_resource_limits;
};

/* Sends pings and finds the agent unreachable when too many were not answered. */
struct agent_observer {
    struct env_timer timer;
    int64_t missed;
    bool is_waiting; /* for a pong */
};

struct agent {
    char *id;
    struct master *master;
    char *pid_text; /* key of master->agents_by_pid; a struct pid would be many times as large */
    enum agent_state state;
    bool is_deactivated;        /* by an operator: also when it comes back from DISCONNECTED */
    Mesos__V1__AgentInfo *info; /* with its id */
    char *version;
    struct agent_capabilities capabilities; /* those that we know of, as with Mesos */
    Mesos__V1__UUID *resource_version;      /* or NULL */
    int64_t registered_ns, reregistered_ns; /* wall clock; 0 if it has not */

    struct resources total;        /* with checkpointed reservations and volumes, and oversubscribed ones */
    struct resources checkpointed; /* dynamic reservations and volumes */
    struct resources used;         /* by tasks and executors */
    struct resources offered;
    uint64_t claims_version; /* of the last change of total, used or offered: master->claims_version then */

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
    int64_t since_ns;  /* wall clock */
    struct list tasks; /* of struct task by in_agent: its unreachable ones */
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

/* What an agent says of itself when it registers. */
struct agent_description {
    const Mesos__V1__AgentInfo *info; /* with its id */
    const char *version;
    Mesos__V1__AgentInfo__Capability **capabilities;
    size_t capability_count;
    Mesos__V1__Resource **checkpointed;
    size_t checkpointed_count;
    const Mesos__V1__UUID *resource_version;
};

/* The capabilities in the order of Mesos: their types, of which the number is returned, and messages of @arena. */
size_t agent_capability_types(const struct agent *agent,
                              Mesos__V1__AgentInfo__Capability__Type ret[MOST_AGENT_CAPABILITIES]);
Mesos__V1__AgentInfo__Capability **agent_capability_messages(const struct agent *agent, struct arena *arena,
                                                             size_t *ret_count);
/* Tell the allocator what it is and has, after a change. */
void agent_update_allocator(const struct agent *agent);

/* In no table yet; fails if the checkpointed resources do not fit the total ones. */
int agent_new(struct master *master, const struct pid *pid, const struct agent_description *description,
              struct agent **ret, struct error *err);
/* Release it; nothing may belong to it any more. Accepts NULL. */
void agent_free(struct agent *agent);
/* A known agent's new description: info, capabilities, version, resources. */
int agent_update(struct agent *agent, const struct agent_description *description, struct error *err);
/* It is at another address now. */
void agent_set_pid(struct agent *agent, const struct pid *pid);
void agent_get_pid(const struct agent *agent, struct pid *ret);
bool agent_is_at(const struct agent *agent, const struct pid *pid);
/* Put it into the tables, also the allocator's, and begin to ping it. What runs there must be attached already.
 * [Master::addSlave] */
void agent_add(struct agent *agent);

/* The one place where the state changes: tells the allocator and the observer, and takes offers back. */
void agent_set_state(struct agent *agent, enum agent_state state);
/* Its connection is broken. [Master::exited] */
void agent_disconnected(struct agent *agent);
/* No offers of it any more, or again, as an operator wants. */
void agent_set_deactivated(struct agent *agent, bool is_deactivated);

/* "<id> at slave(1)@10.0.0.2:5051 (host)", for logs. */
#define AGENT_TEXT_BYTES 512
const char *agent_text(const struct agent *agent, char text[AGENT_TEXT_BYTES]);

/* Send a libprocess message from the master. */
void agent_send(struct agent *agent, const ProtobufCMessage *message);
/* What runs there though it has ended for its framework, or runs elsewhere. */
void agent_kill_task(struct agent *agent, const char *framework_id, const char *task_id);
/* To be called after each change of what it has, is used of it or offered. */
void agent_claims_changed(struct agent *agent);
/* How long the agent is waited for, as it is told. */
double agent_total_ping_timeout_seconds(const struct master *master);

/* Operations */

/* Apply RESERVE, UNRESERVE, CREATE, DESTROY, GROW_VOLUME or SHRINK_VOLUME (validated, in the newest format) to what the
 * agent has, and tell it. @framework is NULL for an operator's. Fails, changing nothing, if its resources do not allow
 * it. The allocator is the caller's to tell. [Master::_apply] */
int agent_apply_operation(struct agent *agent, struct framework *framework,
                          const Mesos__V1__Offer__Operation *operation, struct error *err);
/* Send all reservations and volumes, to agents that know no operations. */
void agent_send_checkpointed(struct agent *agent);

/* Its end */

/* Tasks become TASK_UNREACHABLE (TASK_LOST); it may come back. [Master::markUnreachable] */
void agent_mark_unreachable(struct agent *agent, const char *message);
/* Gone for good: tasks become TASK_GONE_BY_OPERATOR (TASK_LOST), it is shut down. [Master::markGone] */
void agent_mark_gone(struct agent *agent);
/* Removed, as after it unregistered: tasks become TASK_LOST. [Master::removeSlave] */
void agent_remove(struct agent *agent, const char *reason);
/* An unreachable agent is marked gone, as agent_mark_gone() does. */
void unreachable_agent_mark_gone(struct master *master, struct lost_agent *lost);
/* An unreachable agent is there again and has told of its tasks. Those that it does not know never come back, even if
 * their launch reaches it now: they are gone. The framework hears that when it asks, as from Mesos, which forgets them
 * here. @lost is freed. */
void unreachable_agent_is_back(struct master *master, struct lost_agent *lost);
/* Forget all agents without telling anybody, when the master ends. */
void agents_done(struct master *master);

/* Remember an agent that is not there any more in one of the master's tables; beyond @limit the oldest is forgotten. */
void lost_agent_add(struct table *table, const char *id, int64_t since_ns, size_t limit);
void lost_agent_remove(struct table *table, const char *id); /* does nothing if it is not there */
void lost_agents_done(struct table *table);

/* Pings. All come from the actor "slave-observer(1)", where Mesos has one for each agent. */
void agent_observers_init(struct master *master); /* before the first agent; the master listens already */
void agent_observer_init(struct agent *agent);
void agent_observer_start(struct agent *agent);
