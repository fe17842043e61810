/* SPDX-License-Identifier: Apache-2.0 */
/* How the agent reaches an executor: an HTTP response that stays open, or libprocess messages. */
#pragma once

#include "agent/core.h"
#include "message/media.h"

struct agent_executor;

struct executor_connection;

struct executor_connection_ops {
    /* Send one event of the v1 executor API, which an executor that uses libprocess gets as its own message. */
    void (*send)(struct executor_connection *connection, const Mesos__V1__Executor__Event *event);
    /* End it without a word. */
    void (*close)(struct executor_connection *connection);
};

/* Embedded in its executor; zeroed: none. */
struct executor_connection {
    const struct executor_connection_ops *ops; /* NULL: not connected */
    struct agent_executor *executor;
    /* HTTP */
    struct http_exchange *exchange;
    enum media media;
    struct env_timer heartbeat;
    /* libprocess; the address also stays known while an executor of an earlier agent has not come back */
    bool has_pid;
    struct pid pid;
};

void executor_connection_init(struct executor_connection *connection, struct agent_executor *executor);
void executor_connection_done(struct executor_connection *connection);

/* Take over @exchange: answers 200 and streams events. An older connection is closed. */
void executor_connection_open_http(struct executor_connection *connection, struct http_exchange *exchange,
                                   enum media media);
void executor_connection_open_pid(struct executor_connection *connection, const struct pid *pid);

/* Dropped, with a line in the log, when not connected. */
void executor_connection_send(struct executor_connection *connection, const Mesos__V1__Executor__Event *event);
void executor_connection_close(struct executor_connection *connection);

/* Answer @exchange with nothing but a SHUTDOWN event. */
void executor_connection_refuse_http(struct http_exchange *exchange, enum media media);

static inline bool executor_connection_is_open(const struct executor_connection *connection) {
    return connection->ops != NULL;
}
