/* SPDX-License-Identifier: Apache-2.0 */
/* A ZooKeeper for simulated worlds: one that never fails, with sessions that end when their client is silent for too
 * long. It keeps the candidates of one path. */
#pragma once

#include "election/zookeeper.h"
#include "event/sim.h"

struct sim_zookeeper;

/* The world's service from now on, on a machine of its own. */
struct sim_zookeeper *sim_zookeeper_new(struct sim *sim, const char *host);
/* When all that used it is gone. Accepts NULL. */
void sim_zookeeper_free(struct sim_zookeeper *zookeeper);
/* Cut the clients on @env off, or let them come back. */
void sim_zookeeper_cut(struct sim_zookeeper *zookeeper, struct env *env, bool is_cut);
/* The machine of @env is about to die: its sessions last until they expire. */
void sim_zookeeper_abandon(struct sim_zookeeper *zookeeper, struct env *env);
