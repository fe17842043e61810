/* SPDX-License-Identifier: Apache-2.0 */
/* Finds out which master leads, and tells when that changes.
 *
 * Masters are named as Mesos's --master flag does: "host:port", "file:///path" (a file that holds one of the other
 * forms). "zk://…" is recognised and refused: this version elects no leader. */
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
void detector_start(struct detector *detector);
void detector_free(struct detector *detector); /* accepts NULL */
