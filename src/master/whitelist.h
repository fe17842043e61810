/* SPDX-License-Identifier: Apache-2.0 */
/* The file of --whitelist: host names, one a line, of the agents that may be offered. It is read every five seconds
 * (WhitelistWatcher in src/watcher/whitelist_watcher.cpp). */
#pragma once

#include "base/buffer.h"
#include "event/env.h"

struct allocator;

struct whitelist {
    struct allocator *allocator;
    struct env_timer timer;
    const char *path;   /* NULL: no list, all agents may be offered */
    struct buffer last; /* as it was read last, if it has been */
    bool has_read;
};

/* @path is the flag's value, which outlives @whitelist: a path, "file://" and a path, "*" or NULL. */
void whitelist_init(struct whitelist *whitelist, const char *path, struct allocator *allocator, struct env *env);
void whitelist_done(struct whitelist *whitelist); /* accepts a zeroed one */
