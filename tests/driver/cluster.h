/* SPDX-License-Identifier: Apache-2.0 */
/* A simulated cluster for tests of the drivers: one master, two machines with agents, and the scheduler and executor
 * drivers of libmesos on nodes of their own. Tests step its time and break what they want broken. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "agent/agent.h"
#include "driver/simulated.h"
#include "master/master.h"
#include "sim/containers.h"
#include "sim/view.h"

enum { AGENTS = 2, MOST_STATUSES = 256, MOST_OFFERS = 32, MOST_EXECUTORS = 16, MOST_MESSAGES = 8 };

#define AGENT_CPUS 4
#define TASK_RESOURCES "cpus:1;mem:64"

struct place {
    struct machine machine;
    struct agent_flags flags;
    struct agent *agent;
    struct containerizer *containerizer;
};

struct cluster {
    struct sim *sim;
    bool is_stormy;
    struct sim_node *master_node;
    struct master_flags master_flags;
    struct master *master;
    struct place places[AGENTS];
    unsigned next_scheduler;
};

/* @is_stormy: messages take up to 300 ms, are split and, between agents and master, come twice. */
void cluster_init(struct cluster *cluster, uint64_t seed, bool is_stormy);
void cluster_done(struct cluster *cluster);
void cluster_run(struct cluster *cluster, int64_t duration_ns);
/* From now on this part of all messages between master and agents is lost, and this part of all stream pieces breaks
 * its stream instead of arriving. */
void cluster_lose(struct cluster *cluster, double drop, double cut);

void cluster_start_master(struct cluster *cluster);
void cluster_kill_master(struct cluster *cluster); /* as kill -9 */
void cluster_start_agent(struct cluster *cluster, unsigned number);
void cluster_kill_agent(struct cluster *cluster, unsigned number); /* as kill -9: its executors go on if checkpointed */
void cluster_crash_machine(struct cluster *cluster, unsigned number); /* everything on it ends without a word */

/* Run the cluster until @condition holds, for ten minutes of its time at most. */
#define AWAIT(cluster, condition) \
    do { \
        const int64_t end_ = sim_now((cluster)->sim) + 10 * MINUTE; \
        while (!(condition)) \
            if (sim_now((cluster)->sim) > end_ || !sim_step((cluster)->sim)) \
                fail_msg("gave up waiting for: %s", #condition); \
    } while (0)

/* A scheduler with a driver; it keeps what it is told. */
struct heard_status {
    char task_id[32];
    Mesos__V1__TaskState state;
    int reason, source; /* -1: none */
    bool has_uuid;
    char message[160];
    Mesos__V1__TaskStatus *whole;
};

struct scheduler {
    struct cluster *cluster;
    struct sim_node *node;
    struct mesos_scheduler_driver *driver;
    Mesos__V1__FrameworkInfo *framework;
    struct mesos_scheduler_driver_options options;
    char framework_id[128], master_id[128], error[256];
    unsigned callbacks, registered, reregistered, disconnected, rescinded, agents_lost, executors_lost, errors,
        messages;
    bool was_aborted_when_told; /* of an error */
    int lost_status;            /* of the last executor */
    struct heard_status statuses[MOST_STATUSES];
    size_t status_count;
    Mesos__V1__Offer *offers[MOST_OFFERS]; /* those that hold */
    size_t offer_count;
    void *last_message;
    size_t last_message_size;
    /* What it does by itself: */
    bool declines;              /* all offers, for no time */
    const char *abort_on_state; /* aborts in the callback that tells this state */
    bool stops_when_registered;
    char *broken; /* the first broken promise: something offered twice */
};

/* A framework that checkpoints and is waited for an hour; change @framework and @options before the start. */
void scheduler_init(struct scheduler *scheduler, struct cluster *cluster);
void scheduler_done(struct scheduler *scheduler);
/* Make a driver, with the framework id if one is known, and start it. */
void scheduler_start(struct scheduler *scheduler);
/* As kill -9. */
void scheduler_kill(struct scheduler *scheduler);
/* Make it a framework of that one role, which can have reservations. */
void scheduler_set_role(struct scheduler *scheduler, const char *role);
void scheduler_add_capability(struct scheduler *scheduler, Mesos__V1__FrameworkInfo__Capability__Type type);

/* Take an offer of the agent on machine @number (any for AGENTS) with at least one cpu, waiting for it. The caller
 * frees it. */
Mesos__V1__Offer *scheduler_take_offer(struct scheduler *scheduler, unsigned number);
bool scheduler_has_offer(const struct scheduler *scheduler, unsigned number);
/* A command task that runs for @run_ms and exits with @exit_code; the caller frees. */
Mesos__V1__TaskInfo *make_command(const char *id, const Mesos__V1__Offer *offer, unsigned run_ms, int exit_code);
/* A task for executor drivers: see struct executor. */
Mesos__V1__TaskInfo *make_custom(const char *id, const Mesos__V1__Offer *offer, const char *executor_id,
                                 const char *script);
/* Launch @task (freed) on @offer (freed); what is left over comes back at once. */
void scheduler_launch(struct scheduler *scheduler, Mesos__V1__Offer *offer, Mesos__V1__TaskInfo *task);
/* Launch a command on any agent and wait until it runs. Returns the number of its machine. */
unsigned scheduler_run_command(struct scheduler *scheduler, const char *id, unsigned run_ms, int exit_code);
unsigned scheduler_run_custom(struct scheduler *scheduler, const char *id, const char *executor_id, const char *script);
void scheduler_reconcile(struct scheduler *scheduler, const char *task_id); /* NULL: all */
void scheduler_kill_task(struct scheduler *scheduler, const char *task_id);

/* The number of times that @task_id was told to be in @state; the last status told of it (NULL: none). */
unsigned scheduler_heard(const struct scheduler *scheduler, const char *task_id, Mesos__V1__TaskState state);
const struct heard_status *scheduler_last(const struct scheduler *scheduler, const char *task_id);
bool scheduler_is(const struct scheduler *scheduler, const char *task_id, Mesos__V1__TaskState state);

/* An executor with a driver, started by agents for the tasks of make_custom(). A task's script says what it does:
 * "stay" runs until it is killed, "finish" finishes at once, "silent" says nothing, "stage" tells TASK_STAGING, "exit"
 * ends the executor without an update. Messages are answered with the same bytes. */
struct executor {
    struct mesos_executor_driver *driver;
    struct sim_node *node;
    struct env *env;
    struct env_timer poll;
    void (*on_done)(void *user, int exit_code);
    void *user;
    bool is_there;
    unsigned registered, reregistered, disconnected, launched, killed, messages, shutdowns, errors;
    bool was_aborted_when_told;
    char data[64], framework_name[64];
    enum mesos_status ended; /* how the driver ended */
};

/* All that the cluster of the running test has started, in order. */
extern struct executor executors[MOST_EXECUTORS];
extern size_t executor_count;
