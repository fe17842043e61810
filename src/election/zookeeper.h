/* SPDX-License-Identifier: Apache-2.0 */
/* The masters that ZooKeeper knows at one path: who leads, which is what the znode "json.info_…" with the lowest
 * sequence number says, and a candidate of our own among them.
 *
 * In the real world the sessions live on a thread of their own, beside those of the ZooKeeper library; what they find
 * comes back to the loop. A session that expires, or is without a server for its timeout, is replaced by a new one.
 * Without a candidate nothing is written, and the path need not be there yet. A simulated world has the ZooKeeper that
 * is put into it: struct zookeeper_service. */
#pragma once

#include "event/env.h"

struct zookeeper_options {
    const char *servers;     /* "host1:port1,host2:port2" */
    const char *path;        /* "/mesos" */
    const char *credentials; /* "user:password" for the scheme "digest", or NULL */
    int64_t session_timeout_ns;
};

/* Called from the loop; the zookeeper may be freed in each. */
struct zookeeper_events {
    /* Who leads has changed, or is known for the first time. @data is what the leader has written, valid during the
     * call, or NULL: nobody leads, or ZooKeeper is out of reach. Intermediate states may be left out. */
    void (*on_leader)(void *user, const char *data, size_t size);
    /* The candidate is gone: its session is over, or somebody has removed its znode. Told before any leader that was
     * found after it. Only after zookeeper_contend(); the next one makes a new candidate. */
    void (*on_candidate_lost)(void *user);
    /* There can be no candidate, e.g. for lack of rights: @err says why. Likewise. */
    void (*on_refused)(void *user, const struct error *err);
};

struct zookeeper {
    const struct zookeeper_ops *ops;
};

struct zookeeper_ops {
    void (*contend)(struct zookeeper *zookeeper, const char *data, size_t size);
    void (*free)(struct zookeeper *zookeeper);
};

/* What sim_set_service() puts into a simulated world. */
struct zookeeper_service {
    struct zookeeper *(*open)(struct zookeeper_service *service, struct env *env,
                              const struct zookeeper_options *options, const struct zookeeper_events *events,
                              void *user);
};

/* For flags: whether sessions can last that long. */
int zookeeper_check_session_timeout(int64_t timeout_ns, struct error *err);
/* Whether the world has one at all: any real one, and the simulated ones that were given one. */
bool zookeeper_exists(struct env *env);
/* Everything is copied but @events. Fails in a simulated world without ZooKeeper. */
struct zookeeper *zookeeper_new(struct env *env, const struct zookeeper_options *options,
                                const struct zookeeper_events *events, void *user, struct error *err);
/* Make a candidate that holds @data: an ephemeral znode, below a path that is made as far as it is missing. With
 * credentials, all may read what is made and only who has them may change it. Goes on trying while ZooKeeper is away.
 */
void zookeeper_contend(struct zookeeper *zookeeper, const char *data, size_t size);
/* Closes the session, and so takes the candidate away, and waits for that: at once as a rule, some seconds at most.
 * Accepts NULL. */
void zookeeper_free(struct zookeeper *zookeeper);
