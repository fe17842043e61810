/* SPDX-License-Identifier: Apache-2.0 */
/* How the agent reaches an executor: an HTTP response that stays open, or libprocess messages. */
#pragma once

#include "agent/core.h"

struct agent_executor;

struct connection;

struct connection_ops {
    /* Send one event of the v1 executor API, which an executor that uses libprocess gets as its own message. */
    void (*send)(struct connection *connection, const Mesos__V1__Executor__Event *event);
    /* End it without a word. */
    void (*close)(struct connection *connection);
};

/* Embedded in its executor; zeroed: none. */
struct connection {
    const struct connection_ops *ops; /* NULL: not connected */
    struct agent_executor *executor;
    /* HTTP */
    struct http_exchange *exchange;
    bool is_json;
    struct env_timer heartbeat;
    /* libprocess; the address also stays known while an executor of an earlier agent has not come back */
    bool has_pid;
    struct pid pid;
};

void connection_init(struct connection *connection, struct agent_executor *executor);
void connection_done(struct connection *connection);

/* Take over @exchange: answers 200 and streams events. An older connection is closed. */
void connection_open_http(struct connection *connection, struct http_exchange *exchange, bool is_json);
void connection_open_pid(struct connection *connection, const struct pid *pid);

/* Dropped, with a line in the log, when not connected. */
void connection_send(struct connection *connection, const Mesos__V1__Executor__Event *event);
void connection_close(struct connection *connection);

/* Answer @exchange with nothing but a SHUTDOWN event. */
void connection_refuse_http(struct http_exchange *exchange, bool is_json);

static inline bool connection_is_open(const struct connection *connection) {
    return connection->ops != NULL;
}
