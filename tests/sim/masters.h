/* SPDX-License-Identifier: Apache-2.0 */
/* The masters of a simulated cluster: one, which leads; or several, which contend by a simulated ZooKeeper, and of
 * which the leading one is killed or cut off now and then. */
#pragma once

#include "event/sim.h"
#include "master/master.h"
#include "sim_zookeeper.h"
#include "world.h"

struct masters {
    struct sim *sim;
    struct sim_zookeeper *zookeeper; /* NULL: there is one master */
    unsigned count;
    struct masters_place {
        struct sim_node *node;
        struct master_flags flags;
        struct master *master;
        bool has_ended;              /* by itself */
        int64_t restart_ns, heal_ns; /* 0: none is due */
    } places[MOST_MASTERS];
    unsigned kills, cuts, ends;
};

/* Returns NULL, or what is wrong as text that the caller frees. */
char *masters_init(struct masters *masters, struct sim *sim, unsigned count);
void masters_done(struct masters *masters);
/* What to give for --master. */
const char *masters_address(const struct masters *masters);
/* Who leads; NULL: nobody does just now. One that does not know yet that another leads is passed over. */
struct master *masters_leader(const struct masters *masters);
/* Between @node and all masters. */
void masters_partition(struct masters *masters, struct sim_node *node);
void masters_heal(struct masters *masters, struct sim_node *node);
/* Kill the leader, or cut it off from ZooKeeper, for @duration_ns. */
void masters_trouble(struct masters *masters, bool is_kill, int64_t duration_ns);
/* What is due comes back; everything if @all. As masters_init(). */
char *masters_end_troubles(struct masters *masters, bool all);
