/* SPDX-License-Identifier: Apache-2.0 */
#include "process/process.h"

#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/table.h"

enum {
    /* Bytes of messages that a peer has not taken yet. With more the connection is given up and its links are told:
     * what a peer does not take in will not do it any good later. */
    PEER_PENDING_BYTES = 64 * 1024 * 1024,
    HAND_OVER_BYTES = 16 * 1024, /* larger messages are handed over to the stream, smaller ones copied */
    CONNECTIONS = 100000,        /* of an endpoint: every agent and every framework keeps one */
};

struct process_endpoint {
    struct env *env;
    struct http_server *server;
    struct router *router;
    struct address listened, advertised;
    struct table processes;  /* of struct process, by id */
    struct table peers;      /* of struct peer, by address */
    struct list local_links; /* links between processes of this endpoint */
    struct list exited;      /* links whose peers are lost and that are still to be told */
    struct list messages;    /* of struct local_message */
    struct env_timer timer;  /* for `exited` and `messages` */
    struct buffer outgoing;  /* the message being put together */
};

/* The one connection to another endpoint. Answers to our messages are read and dropped, as libprocess does
 * (ignore_recv_data()); messages of that endpoint come in over a connection of its own. */
struct peer {
    struct process_endpoint *endpoint;
    struct stream *stream;
    struct list links;
    char name[]; /* its address */
};

struct process_link {
    struct list peer_member;
    struct process *process; /* which has it by @peer */
    char peer[];             /* its pid as text: thousands of links are kept */
};

struct local_message {
    struct list member;
    struct pid from;
    char *id, *name, *body;
    size_t size;
};

/* Links */

static struct process_link *find_link(const struct process *process, const struct pid *peer) {
    char text[PID_BYTES];

    return table_find(&process->links, pid_format(peer, text));
}

static void link_free(struct process_link *link) {
    table_remove(&link->process->links, link->peer);
    list_remove(&link->peer_member);
    free(link);
}

/* Have all of @links told from the loop. */
static void exit_links(struct process_endpoint *endpoint, struct list *links) {
    struct process_link *link;

    list_for_each (links, link, peer_member) {
        list_remove(&link->peer_member);
        list_append(&endpoint->exited, &link->peer_member);
    }
    if (!list_is_empty(&endpoint->exited))
        env_timer_start(&endpoint->timer, 0);
}

static void tell_exited(struct process_endpoint *endpoint) {
    struct list told = LIST_INIT(told);
    struct process_link *link;

    /* Links that callbacks bring here have another turn. */
    list_for_each (&endpoint->exited, link, peer_member) {
        list_remove(&link->peer_member);
        list_append(&told, &link->peer_member);
    }
    while ((link = list_first(&told, struct process_link, peer_member)) != NULL) {
        struct process *process = link->process;
        struct pid peer;

        if (pid_parse(link->peer, &peer, NULL) < 0)
            abort(); /* process_link() has formatted it */
        link_free(link);
        if (process->ops->on_exited != NULL)
            process->ops->on_exited(process, &peer);
    }
}

/* Outgoing */

static void peer_lose(struct peer *peer, const char *why) {
    struct process_endpoint *endpoint = peer->endpoint;

    log_debug("The connection to %s is lost: %s", peer->name, why);
    table_remove(&endpoint->peers, peer->name);
    stream_close(peer->stream);
    exit_links(endpoint, &peer->links);
    free(peer);
}

static void on_peer_end(struct stream *stream) {
    peer_lose(stream->user, "closed by the peer");
}

static void on_peer_error(struct stream *stream, const struct error *err) {
    peer_lose(stream->user, error_message(err));
}

static const struct stream_events peer_events = {
    .on_end = on_peer_end,
    .on_error = on_peer_error,
};

static struct peer *get_peer(struct process_endpoint *endpoint, const struct address *address) {
    char name[ADDRESS_TEXT_BYTES];
    struct peer *peer = table_find(&endpoint->peers, address_format(address, name));

    if (peer != NULL)
        return peer;
    peer = xcalloc(1, sizeof(*peer) + strlen(name) + 1);
    peer->endpoint = endpoint;
    memcpy(peer->name, name, strlen(name));
    list_init(&peer->links);
    table_add(&endpoint->peers, peer->name, peer);
    peer->stream = env_connect(endpoint->env, address, &peer_events, peer);
    return peer;
}

/* The bytes that libprocess sends for the same message (upstream MessageEncoder). */
static void encode_message(struct buffer *buffer, const struct process *process, const struct pid *to, const char *name,
                           const void *body, size_t size) {
    char from[PID_BYTES], address[ADDRESS_TEXT_BYTES];

    pid_format(&process->pid, from);
    buffer_printf(buffer,
                  "POST /%s/%s HTTP/1.1\r\n"
                  "User-Agent: libprocess/%s\r\n"
                  "Libprocess-From: %s\r\n"
                  "Connection: Keep-Alive\r\n"
                  "Host: %s\r\n",
                  to->id, name, from, from, address_format(&to->address, address));
    if (size == 0) {
        buffer_append_string(buffer, "\r\n");
        return;
    }
    buffer_printf(buffer, "Transfer-Encoding: chunked\r\n\r\n%zx\r\n", size);
    buffer_append(buffer, body, size);
    buffer_append_string(buffer, "\r\n0\r\n\r\n");
}

static void send_to_peer(struct process *process, const struct pid *to, const char *name, const void *body,
                         size_t size) {
    struct process_endpoint *endpoint = process->endpoint;
    struct buffer *bytes = &endpoint->outgoing;
    enum env_fate fate = env_message_fate(endpoint->env, &to->address);
    struct peer *peer;

    peer = get_peer(endpoint, &to->address);
    /* Over TCP a message is only lost with its connection, which the links to the peer then learn. */
    if (fate == ENV_DROP) {
        peer_lose(peer, "a message was lost");
        return;
    }
    for (int copies = fate == ENV_DUPLICATE ? 2 : 1; copies > 0; copies--) {
        encode_message(bytes, process, to, name, body, size);
        if (stream_pending(peer->stream) > 0 && stream_pending(peer->stream) + bytes->size > PEER_PENDING_BYTES) {
            log_warning("Giving up the connection to %s, which does not take what it is sent", peer->name);
            buffer_clear(bytes);
            peer_lose(peer, "too many bytes are pending");
            return;
        }
        if (bytes->size >= HAND_OVER_BYTES) {
            stream_write_buffer(peer->stream, bytes);
        } else {
            stream_write(peer->stream, bytes->data, bytes->size);
            buffer_clear(bytes);
        }
    }
}

/* Within the endpoint */

static bool is_local(const struct process_endpoint *endpoint, const struct address *address) {
    return address_equal(address, &endpoint->advertised) || address_equal(address, &endpoint->listened);
}

static void send_locally(struct process *process, const struct pid *to, const char *name, const void *body,
                         size_t size) {
    struct local_message *message = new0(struct local_message);

    message->from = process->pid;
    message->id = xstrdup(to->id);
    message->name = xstrdup(name);
    message->body = size == 0 ? NULL : xmemdup(body, size);
    message->size = size;
    list_append(&process->endpoint->messages, &message->member);
    env_timer_start(&process->endpoint->timer, 0);
}

static void message_free(struct local_message *message) {
    list_remove(&message->member);
    free(message->id);
    free(message->name);
    free(message->body);
    free(message);
}

/* Whether there is such a process. */
static bool deliver(struct process_endpoint *endpoint, const char *id, const struct pid *from, const char *name,
                    const char *body, size_t size) {
    struct process *process = table_find(&endpoint->processes, id);

    if (process == NULL) {
        log_debug("Dropping the message %s for %s, which is not here", name, id);
        return false;
    }
    process->ops->on_message(process, from, name, body == NULL ? "" : body, size);
    return true;
}

static void deliver_local_messages(struct process_endpoint *endpoint) {
    struct local_message *message, *last = list_last(&endpoint->messages, struct local_message, member);
    bool is_last = last == NULL;

    /* What the receivers send meanwhile has another turn. */
    while (!is_last && (message = list_first(&endpoint->messages, struct local_message, member)) != NULL) {
        is_last = message == last;
        list_remove(&message->member);
        deliver(endpoint, message->id, &message->from, message->name, message->body, message->size);
        message_free(message);
    }
}

static void on_timer(struct env_timer *timer) {
    struct process_endpoint *endpoint = container_of(timer, struct process_endpoint, timer);

    deliver_local_messages(endpoint);
    tell_exited(endpoint);
}

/* Incoming */

/* The sender as the request names it: in Libprocess-From, or in User-Agent as peers before that header do. NULL if this
 * is no message (upstream libprocess()). */
static const char *message_sender(const struct http_request *request) {
    static const char agent[] = "libprocess/";
    const char *value;

    if (strcmp(request->method, "POST") != 0)
        return NULL;
    value = http_headers_find(&request->headers, "Libprocess-From");
    if (value != NULL)
        return value;
    value = http_headers_find(&request->headers, "User-Agent");
    return value != NULL && strncmp(value, agent, sizeof(agent) - 1) == 0 ? value + sizeof(agent) - 1 : NULL;
}

static void on_request(struct http_exchange *exchange, void *user) {
    struct process_endpoint *endpoint = user;
    const struct http_request *request = http_exchange_request(exchange);
    const char *sender = message_sender(request), *slash;
    cleanup_error struct error err = ERROR_INIT;
    struct pid from;
    char id[sizeof(from.id)];
    bool is_here = false;

    if (sender == NULL) {
        router_dispatch(endpoint->router, exchange);
        return;
    }
    if (pid_parse(sender, &from, &err) < 0) {
        http_respond_text(exchange, 400, "Failed to determine sender from request headers: %s", error_message(&err));
        return;
    }
    slash = strchr(request->path + 1, '/');
    if (slash != NULL && (size_t)(slash - request->path) <= sizeof(id)) {
        memcpy(id, request->path + 1, (size_t)(slash - request->path - 1));
        id[slash - request->path - 1] = '\0';
        is_here = deliver(endpoint, id, &from, slash + 1, request->body, request->body_size);
    }
    /* Every message is answered, whichever of the headers it came with: upstream has done so since 2014. */
    if (is_here)
        http_respond(exchange, 202, NULL, NULL, 0);
    else
        http_respond_text(exchange, 404, "404 Not Found.");
}

static const struct http_server_handler server_handler = {.on_request = on_request};

/* The endpoint */

struct process_endpoint *process_endpoint_new(struct env *env, struct router *router,
                                              const struct http_limits *server_limits) {
    struct process_endpoint *endpoint = new0(struct process_endpoint);
    struct http_limits limits = http_default_limits;

    /* A link is a connection on which nothing may be said for days. */
    limits.idle_timeout_ns = 0;
    limits.connections = CONNECTIONS;
    endpoint->env = env;
    endpoint->router = router;
    endpoint->server = http_server_new(env, server_limits == NULL ? &limits : server_limits, &server_handler, endpoint);
    table_init(&endpoint->processes);
    table_init(&endpoint->peers);
    list_init(&endpoint->local_links);
    list_init(&endpoint->exited);
    list_init(&endpoint->messages);
    env_timer_init(&endpoint->timer, env, on_timer);
    return endpoint;
}

void process_endpoint_free(struct process_endpoint *endpoint) {
    struct local_message *message;
    struct process *process;
    struct peer *peer;

    if (endpoint == NULL)
        return;
    http_server_free(endpoint->server);
    table_for_each (&endpoint->processes, process)
        process_done(process);
    table_for_each (&endpoint->peers, peer) {
        table_remove(&endpoint->peers, peer->name);
        stream_close(peer->stream);
        free(peer);
    }
    while ((message = list_first(&endpoint->messages, struct local_message, member)) != NULL)
        message_free(message);
    env_timer_done(&endpoint->timer);
    table_done(&endpoint->processes);
    table_done(&endpoint->peers);
    buffer_done(&endpoint->outgoing);
    free(endpoint);
}

int process_endpoint_listen(struct process_endpoint *endpoint, const struct address *address,
                            const struct address *advertised, struct error *err) {
    if (http_server_listen(endpoint->server, address, err) < 0)
        return -1;
    endpoint->listened = *http_server_address(endpoint->server);
    endpoint->advertised = advertised == NULL ? endpoint->listened : *advertised;
    if (endpoint->advertised.port == 0)
        endpoint->advertised.port = endpoint->listened.port;
    return 0;
}

const struct address *process_endpoint_address(const struct process_endpoint *endpoint) {
    return &endpoint->advertised;
}

struct http_server *process_endpoint_server(struct process_endpoint *endpoint) {
    return endpoint->server;
}

/* Processes */

void process_init(struct process *process, struct process_endpoint *endpoint, const char *id,
                  const struct process_ops *ops) {
    *process = (struct process){.ops = ops, .endpoint = endpoint};
    snprintf(process->pid.id, sizeof(process->pid.id), "%s", id);
    process->pid.address = endpoint->advertised;
    table_init(&process->links);
    if (!table_add(&endpoint->processes, process->pid.id, process))
        abort(); /* two actors with one id are a bug */
}

void process_done(struct process *process) {
    struct process_endpoint *endpoint = process->endpoint;
    struct process_link *link;
    struct list gone = LIST_INIT(gone);
    size_t id_size = strlen(process->pid.id);

    if (endpoint == NULL)
        return;
    table_remove(&endpoint->processes, process->pid.id);
    while ((link = table_first(&process->links)) != NULL)
        link_free(link);
    table_done(&process->links);
    list_for_each (&endpoint->local_links, link, peer_member) {
        if (strncmp(link->peer, process->pid.id, id_size) == 0 && link->peer[id_size] == '@') {
            list_remove(&link->peer_member);
            list_append(&gone, &link->peer_member);
        }
    }
    exit_links(endpoint, &gone);
    process->endpoint = NULL;
}

void process_send(struct process *process, const struct pid *to, const char *name, const void *body, size_t size) {
    if (is_local(process->endpoint, &to->address))
        send_locally(process, to, name, body, size);
    else
        send_to_peer(process, to, name, body, size);
}

void process_link(struct process *process, const struct pid *peer) {
    struct process_endpoint *endpoint = process->endpoint;
    struct process_link *link;
    char text[PID_BYTES];

    if (find_link(process, peer) != NULL)
        return;
    pid_format(peer, text);
    link = xcalloc(1, sizeof(*link) + strlen(text) + 1);
    link->process = process;
    memcpy(link->peer, text, strlen(text));
    list_init(&link->peer_member);
    table_add(&process->links, link->peer, link);
    if (!is_local(endpoint, &peer->address)) {
        list_append(&get_peer(endpoint, &peer->address)->links, &link->peer_member);
    } else if (table_find(&endpoint->processes, peer->id) != NULL) {
        list_append(&endpoint->local_links, &link->peer_member);
    } else {
        struct list none = LIST_INIT(none);

        list_append(&none, &link->peer_member);
        exit_links(endpoint, &none);
    }
}

void process_unlink(struct process *process, const struct pid *peer) {
    struct process_link *link = find_link(process, peer);

    if (link != NULL)
        link_free(link);
}
