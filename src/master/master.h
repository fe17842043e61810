/* SPDX-License-Identifier: Apache-2.0 */
/* The master: it knows the agents, the frameworks and their tasks, offers resources and passes messages between them.
 *
 * An actor on one env without any global state, so that several can live in one process. Everything in it is kept in
 * the tables of struct master; files beside this one hold the kinds of things in them. */
#pragma once

#include "allocator/allocator.h"
#include "base/metrics.h"
#include "base/table.h"
#include "event/env.h"
#include "master/flags.h"
#include "master/leadership.h"
#include "master/metrics.h"
#include "master/whitelist.h"
#include "net/router.h"
#include "process/common_endpoints.h"
#include "process/process.h"

#define MAX_REMOVED_AGENTS 100000

/* What the master tells its owner. */
struct master_events {
    /* It can not go on: it has lost its leadership, or can not take part in the election. It is still to be freed, but
     * not in the call. */
    void (*on_ended)(void *user, const struct error *err);
};

struct master_options {
    const struct master_flags *flags;      /* must outlive the master */
    const char *hostname;                  /* what --hostname does not say; NULL: the address */
    const char *address_ip;                /* what --ip and --advertise_ip do not say, or NULL */
    const struct http_limits *http_limits; /* NULL: the defaults */
    /* Tells the machine's load for /system/stats.json: system_stats_read(), or NULL for none. */
    void (*read_stats)(struct system_stats *ret);
    const struct master_recovered *recovered; /* what a registry remembers (role_settings.h); NULL: nothing */
    /* Parts of the daemon that are served beside the master's own routes, or NULL. */
    const struct master_http *http;
    const struct master_events *events; /* must outlive the master; NULL: ends are only logged */
    void *user;
};

/* What src/master/http/ adds; called from master_new() and master_free(). */
struct master_http {
    void *(*begin)(struct master *master, struct router *router);
    void (*end)(void *state);
};

struct master {
    struct env *env;
    const struct master_flags *flags;
    char id[UUID_TEXT_BYTES];
    Mesos__V1__MasterInfo *info;
    struct arena arena; /* of info, and what else lives as long as the master */
    int64_t start_ns;   /* wall clock */
    struct pid pid;     /* master@ip:port, as advertised */
    struct leadership leadership;
    const struct master_events *events;
    void *user;

    struct router *router;
    struct process_endpoint *endpoint;
    struct process process;
    struct process agent_observers; /* agent_observer.c */
    struct common_endpoints common;
    struct allocator *allocator;
    struct offer_constraints_limits constraints_limits;
    struct metrics registry; /* what /metrics/snapshot shows */
    struct master_metrics metrics;
    const struct master_http *http;
    void *http_state;

    struct table frameworks;           /* of struct framework by id */
    struct table completed_frameworks; /* of struct framework by id, the oldest first */
    struct table agents;               /* of struct agent by id: the registered ones */
    struct table agents_by_pid;        /* the same by address */
    struct table unreachable_agents;   /* of struct lost_agent by id, the oldest first */
    struct table gone_agents;          /* of struct lost_agent by id */
    struct table removed_agents;       /* of struct lost_agent by id, the oldest first; at most 100,000 */
    struct table offers;               /* of struct offer by id */
    struct table inverse_offers;       /* of struct inverse_offer by id */
    struct table operations;           /* of struct operation by uuid (16 bytes) */
    struct list orphans;               /* of struct operation: their framework is not there, or it is an operator's */
    char **allowed_roles;              /* --roles; NULL: all */
    struct table role_settings;        /* of struct role_setting by role */

    struct table frameworks_by_pid; /* of struct connection by the driver's address */
    struct buffer encoded, framed;  /* scratch of connection_send() and master_send() */

    uint64_t next_framework, next_agent, next_offer;
    uint64_t claims_version; /* grows with each change of what an agent has, or is used of it or offered */
    struct list observers;   /* of struct master_observer */
    struct env_timer registry_gc;
    struct whitelist whitelist;
};

/* Start a master: it listens, and serves until it is freed. Fails if the address cannot be used or a flag does not fit.
 */
int master_new(struct env *env, const struct master_options *options, struct master **ret, struct error *err);
void master_free(struct master *master); /* accepts NULL */

/* Send a libprocess message named after the type of @message. */
void master_send(struct master *master, const struct pid *to, const ProtobufCMessage *message);

/* Where it is reached. */
const struct address *master_address(const struct master *master);
