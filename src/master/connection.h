/* SPDX-License-Identifier: Apache-2.0 */
/* How a framework's scheduler is reached: a stream of events that answers its SUBSCRIBE call, or the libprocess address
 * of a driver. Both take the v1 events. */
#pragma once

#include "mesos/v1/scheduler/scheduler.pb-c.h"
#include "message/media.h"
#include "net/http_server.h"
#include "process/process.h"

struct master;
struct connection;

/* The two kinds. */
struct connection_ops {
    /* Hand over one event; a peer that does not read may be cut, which comes as on_lost from the loop. */
    void (*send)(struct connection *connection, const Mesos__V1__Scheduler__Event *event);
    /* End it in order; nothing more is sent or called back. */
    void (*close)(struct connection *connection);
};

/* Embedded in the framework; it cannot be moved. */
struct connection {
    const struct connection_ops *ops; /* NULL: there is none */
    struct master *master;
    /* The peer went away; called at most once, never from inside connection_send(). */
    void (*on_lost)(struct connection *connection);
    struct env_timer lost; /* brings on_lost from the loop */

    /* Of the HTTP kind */
    struct http_exchange *exchange; /* NULL once the peer is gone */
    enum media media;
    char stream_id[UUID_TEXT_BYTES];
    struct env_timer heartbeat;
    int64_t heartbeat_due_ns;
    struct buffer batch; /* events, framed, while is_batching */
    bool is_batching;

    /* Of the libprocess kind */
    struct pid pid;
    char pid_text[PID_BYTES]; /* in master->frameworks_by_pid */
    bool is_reregistration;   /* how SUBSCRIBED is told: as FrameworkReregisteredMessage */
};

/* Begin the event stream as the answer to @exchange. */
void connection_init_http(struct connection *connection, struct master *master, struct http_exchange *exchange,
                          enum media media, void (*on_lost)(struct connection *connection));
/* Be connected with the driver at @pid, which no other connection may be. */
void connection_init_pid(struct connection *connection, struct master *master, const struct pid *pid,
                         void (*on_lost)(struct connection *connection));
/* Close it; accepts a zeroed one, which it is afterwards. */
void connection_done(struct connection *connection);

static inline bool connection_is_open(const struct connection *connection) {
    return connection->ops != NULL;
}
bool connection_is_http(const struct connection *connection);
bool connection_is_pid(const struct connection *connection, const struct pid *pid);
/* The driver's address, or "" for the HTTP kind, as agents are told. */
const char *connection_pid_text(const struct connection *connection);

/* Does nothing if there is no connection. */
void connection_send(struct connection *connection, const Mesos__V1__Scheduler__Event *event);
/* From begin to end, events are collected and then sent together (of the HTTP kind; messages of the other are sent one
 * by one). The connection may be lost meanwhile, but not be freed. */
void connection_begin_batch(struct connection *connection);
void connection_end_batch(struct connection *connection);
/* HEARTBEAT now and every 15 s from now on; libprocess connections have none. */
void connection_start_heartbeat(struct connection *connection);
/* The link to the driver is broken: on_lost will come. */
void connection_set_lost(struct connection *connection);

/* Answer SUBSCRIBE with a stream that holds nothing but an ERROR, as for a framework that is refused. */
void connection_refuse_http(struct master *master, struct http_exchange *exchange, enum media media,
                            const char *message);

#define HEARTBEAT_INTERVAL_NS (15 * SECOND)
