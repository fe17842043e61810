/* SPDX-License-Identifier: Apache-2.0 */
/* The libprocess wire: actors named "id@ip:port" that send each other one-way protocol-buffer messages as
 * "POST /<id>/<message>" on kept, pipelined connections, and learn when a linked peer is lost.
 *
 * One endpoint serves a daemon: its HTTP server's messages go to the actors registered here, everything else to the
 * router. Delivery is at most once and in order between a pair of endpoints. */
#pragma once

#include "base/table.h"
#include "net/router.h"

/* "id@ip:port", at most this long with its NUL. */
#define PID_BYTES 300

struct pid {
    char id[200];
    struct address address; /* a numeric host */
};

int pid_parse(const char *text, struct pid *ret, struct error *err);
const char *pid_format(const struct pid *pid, char text[PID_BYTES]);
bool pid_equal(const struct pid *a, const struct pid *b);

struct process_endpoint;
struct process;

struct process_ops {
    /* A message for this actor: @name is "mesos.internal.PingSlaveMessage", @body valid during the call. */
    void (*on_message)(struct process *process, const struct pid *from, const char *name, const char *body,
                       size_t size);
    /* A peer that was linked is lost: its connection broke or could not be made. */
    void (*on_exited)(struct process *process, const struct pid *peer);
};

/* An actor; embedded in its owner. */
struct process {
    struct pid pid;
    const struct process_ops *ops;
    struct process_endpoint *endpoint;
    struct table links; /* private */
};

/* @server_limits may be NULL. Requests that are no messages go to @router (borrowed). */
struct process_endpoint *process_endpoint_new(struct env *env, struct router *router,
                                              const struct http_limits *server_limits);
/* Processes that are still registered are unregistered. Accepts NULL; not from inside of a callback of the endpoint. */
void process_endpoint_free(struct process_endpoint *endpoint);
/* Listen, and be known to peers as @advertised (NULL: the address listened on). */
int process_endpoint_listen(struct process_endpoint *endpoint, const struct address *address,
                            const struct address *advertised, struct error *err);
const struct address *process_endpoint_address(const struct process_endpoint *endpoint);
struct http_server *process_endpoint_server(struct process_endpoint *endpoint);

/* Register @process under @id; the endpoint must listen already. The id must be free. */
void process_init(struct process *process, struct process_endpoint *endpoint, const char *id,
                  const struct process_ops *ops);
/* Unregister and unlink; accepts a zeroed one. */
void process_done(struct process *process);

/* Send one message; nothing is said about its arrival. @to on this endpoint is delivered through the loop. */
void process_send(struct process *process, const struct pid *to, const char *name, const void *body, size_t size);

/* Connect to @peer's endpoint (if need be) and tell on_exited, once, when that connection is lost. */
void process_link(struct process *process, const struct pid *peer);
void process_unlink(struct process *process, const struct pid *peer);
