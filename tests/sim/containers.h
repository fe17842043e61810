/* SPDX-License-Identifier: Apache-2.0 */
/* The containers of a simulated machine: instead of processes they hold executors, real ones on nodes of their own.
 *
 * A machine outlives its agents, as a real one does: containers of checkpointing frameworks go on when the agent is
 * killed and are taken up by the next one. */
#pragma once

#include "base/list.h"
#include "containerizer/containerizer.h"
#include "event/sim.h"
#include "executor.h"

/* How the executors that tasks bring with them are made. */
struct machine_executors {
    /* On a node of its own; What @options->client points to stays valid until free(). @on_done: as in executor.h. */
    void *(*start)(struct env *env, const struct sim_executor_options *options,
                   void (*on_done)(void *user, int exit_code), void *user);
    void (*free)(void *executor); /* accepts NULL */
};

struct machine {
    struct sim *sim;
    char name[32]; /* its address */
    struct sim_node *node;
    struct list containers;              /* of struct container, the oldest first */
    struct list idle_nodes;              /* of struct executor_node: machines within the machine, to be used again */
    struct containerizer *containerizer; /* of the agent that runs; NULL while none does */
    unsigned next_node, started;
    const struct machine_executors *executors; /* those of executor.h unless changed */
    enum misbehaviour { BEHAVES, IGNORES_KILLS, LIES_ABOUT_HEALTH } misbehaviour; /* of containers, on purpose */
};

void machine_init(struct machine *machine, struct sim *sim, const char *address);
void machine_done(struct machine *machine);

/* A containerizer for a new agent on the machine, which must have none. Its ops->free() ends it as the death of its
 * agent does: containers that are not checkpointed end, the others go on. */
struct containerizer *machine_containerizer_new(struct machine *machine);

/* Kill the executor of one container, chosen by @choice, as kill -9 does. False if there is none. */
bool machine_kill_executor(struct machine *machine, uint64_t choice);
/* The whole machine loses its power: every container ends without a word. */
void machine_crash(struct machine *machine);
