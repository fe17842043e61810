/* SPDX-License-Identifier: Apache-2.0 */
/* Finds out which master leads, and tells when that changes.
 *
 * Masters are named as Mesos's --master flag does: "host:port", "zk://[user:password@]host1:port1,host2/path" (whoever
 * leads by ZooKeeper), "file:///path" (a file that holds one of the other forms). */
#pragma once

#include "event/env.h"

struct detector;

struct detector_events {
    /* @leader leads; NULL: nobody does. Called once at least, and again at each change. Valid during the call. */
    void (*on_leader)(const struct address *leader, void *user);
};

/* @master is checked at once; detection begins with detector_start(). */
struct detector *detector_new(struct env *env, const char *master, const struct detector_events *events, void *user,
                              struct error *err);
/* Before the start; 10 s otherwise. */
void detector_set_session_timeout(struct detector *detector, int64_t timeout_ns);
void detector_start(struct detector *detector);
void detector_free(struct detector *detector); /* accepts NULL */

/* Where the master is that has written @json, a MasterInfo, into ZooKeeper. */
int detector_parse_leader(const char *json, size_t size, struct address *ret, struct error *err);
