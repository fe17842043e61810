/* SPDX-License-Identifier: Apache-2.0 */
/* For tests: a master or an agent on a node of a simulated world. It notes when SUBSCRIBE came and what it said, and
 * answers as it is told. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "event/sim.h"
#include "message/message.h"
#include "net/http_server.h"
#include "net/recordio.h"

struct peer {
    struct sim *sim;
    struct sim_node *node;
    struct http_server *server;
    const ProtobufCMessageDescriptor *descriptor; /* of the calls */
    bool (*is_subscribe)(const ProtobufCMessage *call);
    unsigned refusal;      /* answers SUBSCRIBE with this, or 0 */
    unsigned call_refusal; /* likewise other calls */
    size_t call_refusals;  /* only so many of them; 0: all */
    bool is_mute;          /* answers no calls */
    size_t mute_after;     /* likewise after so many; 0: never */
    struct http_exchange *unanswered[4];
    size_t unanswered_count;
    const char *location;    /* of a redirect */
    char authorization[100]; /* the header of the latest request, "" if it had none */
    struct http_exchange *stream;
    struct arena arena;
    ProtobufCMessage *subscribe, *call; /* the latest */
    ProtobufCMessage *taken[8];         /* calls that were not refused, in their order */
    size_t taken_count;
    int64_t times[1000]; /* of SUBSCRIBEs */
    size_t subscribes, calls;
};

static inline void peer_on_closed(struct http_exchange *exchange, void *user) {
    struct peer *peer = user;

    if (peer->stream == exchange)
        peer->stream = NULL;
}

static inline void peer_answer(struct peer *peer, struct http_exchange *exchange, ProtobufCMessage *call) {
    if (peer->call_refusal != 0) {
        http_respond_text(exchange, peer->call_refusal, "no");
        if (peer->call_refusals > 0 && --peer->call_refusals == 0)
            peer->call_refusal = 0;
        return;
    }
    peer->taken[peer->taken_count++ % ARRAY_SIZE(peer->taken)] = call;
    http_respond(exchange, 202, NULL, NULL, 0);
}

static inline void peer_on_request(struct http_exchange *exchange, void *user) {
    const struct http_request *request = http_exchange_request(exchange);
    struct peer *peer = user;
    ProtobufCMessage *call;

    const char *authorization = http_headers_find(&request->headers, "Authorization");

    snprintf(peer->authorization, sizeof(peer->authorization), "%s", authorization == NULL ? "" : authorization);
    assert_int_equal(message_decode(peer->descriptor, request->body, request->body_size, &peer->arena, &call, NULL), 0);
    if (!peer->is_subscribe(call)) {
        peer->call = call;
        peer->calls++;
        if (!peer->is_mute && (peer->mute_after == 0 || peer->calls <= peer->mute_after)) {
            peer_answer(peer, exchange, call);
            return;
        }
        assert_true(peer->unanswered_count < ARRAY_SIZE(peer->unanswered));
        peer->unanswered[peer->unanswered_count++] = exchange;
        return;
    }
    assert_true(peer->subscribes < ARRAY_SIZE(peer->times));
    peer->times[peer->subscribes++] = sim_now(peer->sim);
    peer->subscribe = call;
    if (peer->location != NULL)
        http_respond_header(exchange, "Location", peer->location);
    if (peer->refusal != 0) {
        http_respond_text(exchange, peer->refusal, "no");
        return;
    }
    http_exchange_on_closed(exchange, peer_on_closed, peer);
    http_stream_begin(exchange, 200, "application/x-protobuf");
    peer->stream = exchange;
}

static inline void peer_listen(struct peer *peer) {
    static const struct http_server_handler handler = {.on_request = peer_on_request};
    struct address address = address_tcp(sim_node_host(peer->node), 5050);

    peer->server = http_server_new(sim_node_env(peer->node), NULL, &handler, peer);
    assert_int_equal(http_server_listen(peer->server, &address, NULL), 0);
}

static inline void peer_init(struct peer *peer, struct sim *sim, const char *host,
                             const ProtobufCMessageDescriptor *descriptor,
                             bool (*is_subscribe)(const ProtobufCMessage *call)) {
    *peer = (struct peer){.sim = sim, .descriptor = descriptor, .is_subscribe = is_subscribe, .arena = ARENA_INIT};
    peer->node = sim_node_new(sim, host);
    peer_listen(peer);
}

/* The process is killed: nobody listens, streams end. */
static inline void peer_kill(struct peer *peer) {
    sim_node_kill(peer->node);
    http_server_free(peer->server);
    peer->server = NULL;
    peer->stream = NULL;
}

static inline void peer_done(struct peer *peer) {
    for (size_t i = 0; i < peer->unanswered_count; i++)
        http_respond(peer->unanswered[i], 202, NULL, NULL, 0);
    http_server_free(peer->server);
    arena_done(&peer->arena);
}

static inline void peer_send(struct peer *peer, const ProtobufCMessage *event) {
    cleanup_buffer struct buffer body = BUFFER_INIT, frame = BUFFER_INIT;

    assert_non_null(peer->stream);
    message_encode(event, &body);
    recordio_append(&frame, body.data, body.size);
    assert_true(http_stream_write(peer->stream, frame.data, frame.size));
}
