/* SPDX-License-Identifier: Apache-2.0 */
/* A master's part in the election of the one that leads: it contends by ZooKeeper, under the same path as the others,
 * and is told who leads. */
#pragma once

#include "event/env.h"
#include "mesos/v1/mesos.pb-c.h"

struct election;

/* Called from the loop; the election is not to be freed in them. */
struct election_events {
    /* @leader leads, valid during the call; NULL: nobody does, or ZooKeeper is out of reach. Called once at least, and
     * again at each change. */
    void (*on_leader)(void *user, const Mesos__V1__MasterInfo *leader);
    /* We are no candidate any more: the session has expired or the znode was removed. election_contend() makes a new
     * one. */
    void (*on_candidacy_lost)(void *user);
    /* We can not be a candidate, or read what the leader has written; @err says why. */
    void (*on_failed)(void *user, const struct error *err);
};

/* @zk is what Mesos's flag --zk takes: "zk://[user:password@]host1:port1,host2/path", or "file:///path" to a file that
 * holds it. It is checked at once; nothing begins before election_start(). */
struct election *election_new(struct env *env, const char *zk, int64_t session_timeout_ns,
                              const struct election_events *events, void *user, struct error *err);
/* Contend with @info, which is copied. */
int election_start(struct election *election, const Mesos__V1__MasterInfo *info, struct error *err);
/* Contend again, with a new candidate. */
void election_contend(struct election *election);
/* Takes the candidate away. Accepts NULL. */
void election_free(struct election *election);
