/* SPDX-License-Identifier: Apache-2.0 */
/* Removes directories some time after they are no longer needed, earlier when the disk fills up (src/slave/gc.cpp). */
#pragma once

#include "base/metrics.h"
#include "base/table.h"
#include "event/env.h"

struct gc_events {
    /* @path is removed, or could not be (@err). */
    void (*on_removed)(void *user, const char *path, const struct error *err);
};

struct gc {
    struct env *env;
    const struct gc_events *events;
    void *user;
    struct table paths; /* of struct gc_path by path */
    struct env_timer timer;
    int64_t next_ns; /* when the timer fires */
    struct metric succeeded, failed, pending;
};

void gc_init(struct gc *gc, struct env *env, const struct gc_events *events, void *user, struct metrics *metrics);
void gc_done(struct gc *gc, struct metrics *metrics); /* accepts a zeroed one */

/* Remove @path in @delay_ns; a path that is scheduled already is scheduled anew. */
void gc_schedule(struct gc *gc, const char *path, int64_t delay_ns);

enum gc_unschedule { GC_FREE, GC_REMOVING };
/* Keep @path after all. GC_REMOVING: it is being removed just now, on_removed follows. */
enum gc_unschedule gc_unschedule(struct gc *gc, const char *path);

/* Remove now what would be removed within @delay_ns. */
void gc_prune(struct gc *gc, int64_t delay_ns);
