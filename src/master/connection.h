/* SPDX-License-Identifier: Apache-2.0 */
/* How a framework's scheduler is reached: a stream of events that answers its SUBSCRIBE call, or the libprocess address
 * of a driver. Both take the v1 events. */
#pragma once

#include "mesos/v1/scheduler/scheduler.pb-c.h"
#include "message/message.h"
#include "net/http_server.h"
#include "process/process.h"

struct framework;
struct master;
struct connection;

/* The two kinds. */
struct connection_ops {
    /* Hand over one event; a peer that does not read may be cut, which comes as connection->on_lost from the loop. */
    void (*send)(struct connection *connection, const Mesos__V1__Scheduler__Event *event);
    /* End it in order; nothing more is sent or called back. */
    void (*close)(struct connection *connection);
};

enum connection_format { CONNECTION_JSON, CONNECTION_PROTOBUF };

struct connection {
    const struct connection_ops *ops; /* NULL: there is none */
    struct master *master;
    /* The peer went away; called at most once, never from inside connection_send(). */
    void (*on_lost)(struct connection *connection);

    /* Of the HTTP kind */
    struct http_exchange *exchange; /* NULL once it is closed */
    enum connection_format format;
    char stream_id[UUID_TEXT_BYTES];
    struct env_timer heartbeat;

    /* Of the libprocess kind */
    struct pid pid;
};

/* Begin the event stream as the answer to @exchange. */
void connection_init_http(struct connection *connection, struct master *master, struct http_exchange *exchange,
                          enum connection_format format, void (*on_lost)(struct connection *connection));
/* Be connected with the driver at @pid. */
void connection_init_pid(struct connection *connection, struct master *master, const struct pid *pid,
                         void (*on_lost)(struct connection *connection));
/* Close it; accepts a zeroed one, which it is afterwards. */
void connection_done(struct connection *connection);
/* Hand the connection from @from, which is zeroed, to @to, which must have none. */
void connection_move(struct connection *to, struct connection *from);

static inline bool connection_is_open(const struct connection *connection) {
    return connection->ops != NULL;
}
bool connection_is_http(const struct connection *connection);
bool connection_is_pid(const struct connection *connection, const struct pid *pid);

/* Does nothing if there is no connection. */
void connection_send(struct connection *connection, const Mesos__V1__Scheduler__Event *event);
void connection_send_error(struct connection *connection, const char *message);
/* HEARTBEAT now and every 15 s from now on; libprocess connections have none. */
void connection_start_heartbeat(struct connection *connection);

#define HEARTBEAT_INTERVAL_NS (15 * SECOND)
