/* SPDX-License-Identifier: Apache-2.0 */
#include "masters.h"

#include <stdio.h>

#include "base/text.h"

#define ZOOKEEPER_HOST "10.0.3.1"
/* Sessions that can expire between two troubles. */
#define SESSION_TIMEOUT "--zk_session_timeout=5secs"

enum { FLAG_WORDS = 12 };

static void on_ended(void *user, const struct error *err) {
    struct masters_place *place = user;

    place->has_ended = true;
}

static const struct master_events events = {.on_ended = on_ended};

static char *start(struct masters_place *place) {
    struct master_options options = {.flags = &place->flags, .events = &events, .user = place};
    cleanup_error struct error err = ERROR_INIT;

    place->restart_ns = 0;
    place->has_ended = false;
    if (master_new(sim_node_env(place->node), &options, &place->master, &err) < 0)
        return xasprintf("master on %s: %s", sim_node_host(place->node), error_message(&err));
    return NULL;
}

static char *init_place(struct masters *masters, unsigned number) {
    struct masters_place *place = &masters->places[number];
    char host[32], ip[48], hostname[48];
    char *words[FLAG_WORDS] = {"sim", ip, hostname, "--port=5050",
                               /* What ended long ago is remembered: an agent can come back after minutes. */
                               "--max_completed_tasks_per_framework=100000",
                               /* An offer that was lost on its way, as messages can be, comes back. */
                               "--offer_timeout=1mins", "--zk=zk://" ZOOKEEPER_HOST "/mesos", SESSION_TIMEOUT};
    cleanup_error struct error err = ERROR_INIT;

    snprintf(host, sizeof(host), "10.0.0.%u", number + 1);
    snprintf(ip, sizeof(ip), "--ip=%s", host);
    snprintf(hostname, sizeof(hostname), "--hostname=%s", host);
    place->node = sim_node_new(masters->sim, host);
    if (flags_parse(&master_flag_table, masters->zookeeper == NULL ? 6 : 8, words, &place->flags, NULL, &err) < 0)
        return xasprintf("master flags: %s", error_message(&err));
    return start(place);
}

char *masters_init(struct masters *masters, struct sim *sim, unsigned count) {
    char *problem = NULL;

    *masters = (struct masters){.sim = sim, .count = count};
    if (count > 1)
        masters->zookeeper = sim_zookeeper_new(sim, ZOOKEEPER_HOST);
    for (unsigned i = 0; i < count && problem == NULL; i++)
        problem = init_place(masters, i);
    return problem;
}

static void kill_master(struct masters *masters, struct masters_place *place) {
    if (place->master == NULL)
        return;
    if (masters->zookeeper != NULL)
        sim_zookeeper_abandon(masters->zookeeper, sim_node_env(place->node));
    sim_node_kill(place->node);
    master_free(take_ptr(&place->master));
}

void masters_done(struct masters *masters) {
    for (unsigned i = 0; i < masters->count; i++) {
        master_free(masters->places[i].master);
        flags_done(&master_flag_table, &masters->places[i].flags);
    }
    sim_zookeeper_free(masters->zookeeper);
}

const char *masters_address(const struct masters *masters) {
    return masters->count > 1 ? "zk://" ZOOKEEPER_HOST "/mesos" : "10.0.0.1:5050";
}

struct master *masters_leader(const struct masters *masters) {
    struct master *leader = NULL;

    for (unsigned i = 0; i < masters->count; i++) {
        struct master *master = masters->places[i].master;

        if (master != NULL && master_is_elected(master) &&
            (leader == NULL || master->leadership.elected_ns > leader->leadership.elected_ns))
            leader = master;
    }
    return leader;
}

void masters_partition(struct masters *masters, struct sim_node *node) {
    for (unsigned i = 0; i < masters->count; i++)
        sim_partition(masters->sim, node, masters->places[i].node);
}

void masters_heal(struct masters *masters, struct sim_node *node) {
    for (unsigned i = 0; i < masters->count; i++)
        sim_heal(masters->sim, node, masters->places[i].node);
}

void masters_trouble(struct masters *masters, bool is_kill, int64_t duration_ns) {
    const struct master *leader = masters_leader(masters);
    int64_t until_ns = sim_now(masters->sim) + duration_ns;

    for (unsigned i = 0; i < masters->count; i++) {
        struct masters_place *place = &masters->places[i];

        if (leader == NULL || place->master != leader || place->heal_ns != 0)
            continue;
        sim_trace(masters->sim, "trouble: %s the leading master on %s", is_kill ? "kill" : "cut off",
                  sim_node_host(place->node));
        if (is_kill) {
            kill_master(masters, place);
            place->restart_ns = until_ns;
            masters->kills++;
        } else {
            sim_zookeeper_cut(masters->zookeeper, sim_node_env(place->node), true);
            place->heal_ns = until_ns;
            masters->cuts++;
        }
        return;
    }
}

char *masters_end_troubles(struct masters *masters, bool all) {
    int64_t now = sim_now(masters->sim);
    char *problem = NULL;

    for (unsigned i = 0; i < masters->count && problem == NULL; i++) {
        struct masters_place *place = &masters->places[i];

        if (place->has_ended && place->master != NULL) {
            kill_master(masters, place);
            place->restart_ns = now + SECOND;
            masters->ends++;
        }
        if (place->heal_ns != 0 && (all || place->heal_ns <= now)) {
            place->heal_ns = 0;
            sim_zookeeper_cut(masters->zookeeper, sim_node_env(place->node), false);
        }
        if (place->restart_ns != 0 && (all || place->restart_ns <= now))
            problem = start(place);
    }
    return problem;
}
