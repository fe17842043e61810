/* SPDX-License-Identifier: Apache-2.0 */
/* Where the leading master is to be found, as flags say it. */
#pragma once

#include "event/env.h"

struct place {
    struct address leader;              /* always leads; only if @servers is NULL */
    char *servers, *path, *credentials; /* in ZooKeeper: "host1:port1,host2:port2", "/mesos", "user:password" or NULL */
};

/* @text is "host:port", "zk://[user:password@]host1:port1,host2/path", or "file:///path" to a file that holds one of
 * the others. @ret is left to place_done() even on failure. */
int place_parse(struct env *env, const char *text, struct place *ret, struct error *err);
void place_done(struct place *place); /* accepts a zeroed one */
