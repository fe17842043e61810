/* SPDX-License-Identifier: Apache-2.0 */
/* Whether this master leads, and what it answers if it does not. */
#pragma once

#include "election/election.h"
#include "net/http_server.h"

struct master;

/* Embedded in the master. */
struct leadership {
    struct election *election;     /* NULL: without --zk there is one master, which leads */
    Mesos__V1__MasterInfo *leader; /* the master's own info if it leads itself; NULL: nobody is known to lead */
    bool is_copy;                  /* @leader is to be freed */
    bool has_ended;                /* it was lost, or can not be had: the master is to end */
    int64_t elected_ns;            /* wall clock; 0: not yet */
    int64_t awaited_until_ns;      /* by env_now(): what an earlier leader had */
};

/* Take part in the election with master->info, or lead at once. */
int leadership_init(struct master *master, struct error *err);
void leadership_done(struct master *master); /* accepts a zeroed one */

bool master_is_elected(const struct master *master);
/* Whether a task or operation that nobody knows, of the framework and on the agent (NULL: on any), may still be brought
 * by an agent of an earlier leader: for --agent_reregister_timeout after the election that can not be said. Stands in
 * for the agents that Mesos reads from its registry. */
bool leadership_awaits(const struct master *master, const char *framework_id, const char *agent_id);

/* Redirect the request to the leading master, or say that there is none. [Master::Http::redirect] */
void leadership_redirect(struct master *master, struct http_exchange *exchange);
/* For router_set_guard(): whether the request is for us; otherwise it is answered. @user is the master. */
bool leadership_guard(struct http_exchange *exchange, void *user);
