/* SPDX-License-Identifier: Apache-2.0 */
/* The agent: it joins a master, runs executors and their tasks on one machine, keeps their sandboxes and delivers their
 * status updates.
 *
 * An actor on one env without any global state, so that several can live in one process. */
#pragma once

#include "agent/flags.h"
#include "agent/machine.h"
#include "containerizer/containerizer.h"
#include "event/env.h"
#include "net/http_server.h"

struct agent;

/* What the agent tells its owner. */
struct agent_events {
    /* It has ended, after a shutdown or because it can not go on; @err is NULL in the first case. It is still to be
     * freed. */
    void (*on_ended)(void *user, const struct error *err);
};

struct agent_options {
    const struct agent_flags *flags;       /* must outlive the agent */
    const struct agent_machine *machine;   /* likewise; NULL: the real one */
    struct containerizer *containerizer;   /* likewise; its events are set by agent_new() */
    const struct http_limits *http_limits; /* NULL: the defaults */
    const struct agent_events *events;     /* must outlive the agent; NULL: ends are only logged */
    void *user;
    const char *hostname;   /* what --hostname does not say; NULL: the address */
    const char *address_ip; /* where others reach it if it listens on all addresses; NULL: the address listened on */
    /* The process's environment, of which LIBPROCESS_IP, MESOS_NATIVE_JAVA_LIBRARY and MESOS_NATIVE_LIBRARY are handed
     * on to executors; NULL: none. */
    char *const *environment;
};

/* Start an agent: it listens, takes up what an earlier one left in the work directory, and then joins the master. Fails
 * if a flag does not fit, the address or the work directory can not be used, or what is there can not be read back. */
int agent_new(struct env *env, const struct agent_options *options, struct agent **ret, struct error *err);
/* As if killed: nobody is told, executors go on. Accepts NULL. */
void agent_free(struct agent *agent);

/* End in an orderly way, as Mesos does on SIGUSR1: leave the master, end all frameworks' executors, then on_ended. */
void agent_shutdown(struct agent *agent, const char *message);

/* Where it is reached. */
const struct address *agent_address(const struct agent *agent);
/* The id the master gave it; NULL before that. */
const char *agent_id(const struct agent *agent);
bool agent_is_registered(const struct agent *agent);
