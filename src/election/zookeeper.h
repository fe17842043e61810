/* SPDX-License-Identifier: Apache-2.0 */
/* What the leading master has written into ZooKeeper: the content of the znode "json.info_…" with the lowest sequence
 * number below a path.
 *
 * The sessions live on a thread of their own, beside those of the ZooKeeper library; what they find comes back to the
 * loop. A session that expires, or is without a server for its timeout, is replaced by a new one. Nothing is written:
 * the path need not be there yet. */
#pragma once

#include "event/loop.h"

struct zookeeper;

struct zookeeper_options {
    const char *servers;     /* "host1:port1,host2:port2" */
    const char *path;        /* "/mesos" */
    const char *credentials; /* "user:password" for the scheme "digest", or NULL */
    int64_t session_timeout_ns;
};

struct zookeeper_events {
    /* Who leads has changed, or is known for the first time. @data is what the leader has written, valid during the
     * call, or NULL: nobody leads, or ZooKeeper is out of reach. Intermediate states may be left out. The zookeeper may
     * be freed in the call. */
    void (*on_leader)(void *user, const char *data, size_t size);
};

/* Everything is copied but @events. */
struct zookeeper *zookeeper_new(struct loop *loop, const struct zookeeper_options *options,
                                const struct zookeeper_events *events, void *user, struct error *err);
/* Closes the session and waits for that: at once as a rule, some seconds at most. Accepts NULL. */
void zookeeper_free(struct zookeeper *zookeeper);
