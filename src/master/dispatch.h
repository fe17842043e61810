/* SPDX-License-Identifier: Apache-2.0 */
/* What comes in, by table: libprocess messages by name, and schedulers' calls by type. */
#pragma once

#include "base/arena.h"
#include "base/error.h"
#include "mesos/v1/scheduler/scheduler.pb-c.h"

struct framework;
struct http_exchange;
struct master;
struct pid;

/* A libprocess message for the actor "master". What cannot be decoded is dropped with a log line. */
void dispatch_message(struct master *master, const struct pid *from, const char *name, const char *body, size_t size);

/* The name of a call's type, "ACCEPT"; "UNKNOWN" if it has none. */
const char *call_name(Mesos__V1__Scheduler__Call__Type type);
/* Whether drivers that speak libprocess may make it. */
bool call_is_for_drivers(Mesos__V1__Scheduler__Call__Type type);
/* Do any validated call but SUBSCRIBE. Returns what handlers do (calls/calls.h), or CALL_UNKNOWN. */
enum { CALL_UNKNOWN = 1 };
int dispatch_call(struct framework *framework, Mesos__V1__Scheduler__Call *call, struct arena *arena,
                  struct error *err);

/* POST /api/v1/scheduler; @user is the master. */
void scheduler_api(struct http_exchange *exchange, void *user);
