/* SPDX-License-Identifier: Apache-2.0 */
/* A simulated world: nodes (machines, each with a name, an address and a disk) in one process, on virtual time.
 *
 * Every choice comes from one seeded generator and every event has a place in one queue ordered by (time, sequence), so
 * that a seed fixes the whole run, byte for byte. */
#pragma once

#include "event/env.h"

struct sim;
struct sim_node;

/* How badly the network and disks behave. Times in ns; probabilities in 0…1. All zero: a perfect, instant world. What a
 * node sends to itself is delayed and split, but never dropped, doubled, cut or partitioned; UNIX sockets are instant.
 */
struct sim_faults {
    int64_t delay_least_ns, delay_most_ns; /* of each piece of a stream; order within a stream is kept */
    double drop;                           /* of a one-way message (env_message_fate) */
    double duplicate;                      /* likewise */
    double cut;                            /* chance that a stream breaks instead of delivering a piece */
    double split;                          /* chance that a piece arrives in two parts */
    int64_t disk_least_ns, disk_most_ns;   /* until a write is durable */
    double disk_error;                     /* chance that an env_file_write() or _append() fails with EIO */
};

struct sim *sim_new(uint64_t seed);
/* Frees the nodes too; the actors must have been released before. */
void sim_free(struct sim *sim);

void sim_set_faults(struct sim *sim, const struct sim_faults *faults);
/* The faults in force, to be changed in place. */
struct sim_faults *sim_faults(struct sim *sim);
/* A generator for the test's own choices; separate from the world's, so that a test's draw does not move the network's.
 */
uint64_t sim_random(struct sim *sim);

/* @host is what others connect to ("10.0.0.1"); unique. The node starts up. On the node itself "localhost", "127.…" and
 * "0.0.0.0" are its own too. */
struct sim_node *sim_node_new(struct sim *sim, const char *host);
struct env *sim_node_env(struct sim_node *node);
const char *sim_node_host(const struct sim_node *node);
/* @node is a part of the machine @machine, as a process beside others, with timers and files of its own: between the
 * parts of a machine messages are never dropped or doubled and streams never cut. NULL: it is a machine again. */
void sim_node_set_machine(struct sim_node *node, struct sim_node *machine);

/* What the world has besides machines and the code beyond this folder knows how to use, as its ZooKeeper; borrowed. */
void sim_set_service(struct sim *sim, void *service);
/* That of the simulated world whose env @env is; NULL if there is none, or the env is a real one. */
void *sim_service_of(struct env *env);

/* The machine dies: its timers never fire, its streams break at the peers (with ECONNRESET after the network's delay;
 * if
 * @silent with ETIMEDOUT after 60 s, or ECONNRESET once they send and the machine is up again), its listeners are gone.
 * Of the file operations under way each was done, lost or, if it appended, torn. Actors on it must be released by the
 * caller, without their running any more code through the env than what releases: stream_close(), listener_close(),
 * env_timer_stop(), env_file_operation_cancel() have no effect then. The node can be used again at once: an empty
 * machine with the same disk. Until an actor does something on it (listens, connects, starts a timer, writes), it is
 * down and connecting to it times out after 10 s. */
void sim_node_crash(struct sim_node *node, bool silent);
/* As a process killed with -9 on a machine that stays up: what was sent and written arrives, the peers' streams end in
 * order, connecting is refused, and every file operation begun is done. */
void sim_node_kill(struct sim_node *node);

/* Cut or heal the network between two nodes, both ways; NULL means every node there is. While cut, what is sent waits
 * as in a real partition (and new connections fail with ETIMEDOUT after 10 s); if it is not healed within 60 s, streams
 * across the cut break with ETIMEDOUT at both ends. */
void sim_partition(struct sim *sim, struct sim_node *a, struct sim_node *b);
void sim_heal(struct sim *sim, struct sim_node *a, struct sim_node *b);
void sim_heal_all(struct sim *sim);

int64_t sim_now(const struct sim *sim);
/* Run the next event. False if there is none. */
bool sim_step(struct sim *sim);
/* Run until virtual time @deadline_ns, or until @condition(@user) holds (checked after each step; may be NULL). Returns
 * whether the condition held. */
bool sim_run_until(struct sim *sim, int64_t deadline_ns, bool (*condition)(void *user), void *user);
void sim_run_for(struct sim *sim, int64_t duration_ns);

/* Called after every step: the place to check invariants. */
void sim_on_step(struct sim *sim, void (*callback)(void *user), void *user);

/* The trace: each event as one line; a running 64-bit digest of all lines so far, and optionally the lines themselves
 * through @sink. Same seed, same digest. */
uint64_t sim_trace_digest(const struct sim *sim);
void sim_trace_to(struct sim *sim, void (*sink)(const char *line, void *user), void *user);
/* Add a line of the test's own to the trace. */
void sim_trace(struct sim *sim, const char *format, ...) printf_like_(2, 3);

/* Counts of what has been done to the world, to show that faults happen. */
struct sim_counts {
    uint64_t steps, connections, bytes, drops, duplicates, cuts, splits, crashes, partitions, lost_writes, torn_writes,
        disk_errors;
};
const struct sim_counts *sim_counts(const struct sim *sim);
