/* SPDX-License-Identifier: Apache-2.0 */
/* For tests: a master or an agent that does what the test says, on a loop and a thread of its own.
 *
 * It keeps each call that it gets, answers SUBSCRIBE with a stream and everything else with 202, and sends the events
 * that the test gives it. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include <pthread.h>
#include <string.h>
#include <time.h>

#include "base/list.h"
#include "event/loop.h"
#include "message/message.h"
#include "net/http_server.h"
#include "net/recordio.h"

enum { PATIENCE_S = 60 };

struct peer_call {
    struct list member;
    ProtobufCMessage *message;
    bool is_taken;
};

struct peer {
    const ProtobufCMessageDescriptor *descriptor; /* of the calls */
    int (*type_of)(const ProtobufCMessage *call);
    int subscribe; /* the type that begins a stream */
    struct loop *loop;
    struct http_server *server;
    struct address address;
    pthread_t thread;
    pthread_mutex_t lock; /* of what follows */
    pthread_cond_t changed;
    struct list calls; /* of struct peer_call, oldest first */
    size_t connections;
    unsigned refusal; /* status that answers SUBSCRIBE instead, or 0 */
    bool is_deaf;     /* other calls are not answered */
    char host[32];    /* "127.0.0.1:port" */
    /* The loop's thread only: */
    struct http_exchange *stream;
    struct http_exchange *unanswered[64];
    size_t unanswered_count;
};

struct peer_event {
    struct peer *peer;
    struct buffer bytes;
};

static inline struct timespec peer_deadline(void) {
    struct timespec deadline;

    clock_gettime(CLOCK_REALTIME, &deadline);
    deadline.tv_sec += PATIENCE_S;
    return deadline;
}

static inline void peer_on_closed(struct http_exchange *exchange, void *user) {
    struct peer *peer = user;

    if (peer->stream == exchange)
        peer->stream = NULL;
}

static inline void peer_on_request(struct http_exchange *exchange, void *user) {
    const struct http_request *request = http_exchange_request(exchange);
    struct peer_call *call = calloc(1, sizeof(*call));
    struct peer *peer = user;
    unsigned refusal;
    bool is_deaf;
    int type;

    call->message = protobuf_c_message_unpack(peer->descriptor, NULL, request->body_size,
                                              (const uint8_t *)request->body);
    if (call->message == NULL)
        abort();
    type = peer->type_of(call->message);
    pthread_mutex_lock(&peer->lock);
    refusal = peer->refusal;
    is_deaf = peer->is_deaf;
    list_append(&peer->calls, &call->member);
    pthread_cond_broadcast(&peer->changed);
    pthread_mutex_unlock(&peer->lock);
    if (type != peer->subscribe) {
        if (!is_deaf)
            http_respond(exchange, 202, NULL, NULL, 0);
        else
            http_exchange_on_closed(exchange, peer_on_closed, peer);
        return;
    }
    if (refusal != 0) {
        http_respond_text(exchange, refusal, "refused by the test");
        return;
    }
    http_respond_header(exchange, "Mesos-Stream-Id", "stream");
    http_exchange_on_closed(exchange, peer_on_closed, peer);
    http_stream_begin(exchange, 200, "application/x-protobuf");
    peer->stream = exchange;
}

static inline void *peer_run(void *user) {
    struct peer *peer = user;

    loop_run(peer->loop);
    http_server_free(peer->server);
    loop_free(peer->loop);
    return NULL;
}

/* Listen again where a former @peer was, or, if its address is empty, anywhere. */
static inline void peer_listen(struct peer *peer) {
    static const struct http_server_handler handler = {.on_request = peer_on_request};
    struct error err = ERROR_INIT;

    peer->loop = loop_new(NULL);
    peer->server = http_server_new(loop_env(peer->loop), NULL, &handler, peer);
    if (http_server_listen(peer->server, &peer->address, &err) < 0)
        fail_msg("%s", error_message(&err));
    peer->address = *http_server_address(peer->server);
    snprintf(peer->host, sizeof(peer->host), "127.0.0.1:%d", (int)peer->address.port);
    assert_int_equal(pthread_create(&peer->thread, NULL, peer_run, peer), 0);
}

static inline void peer_start(struct peer *peer, const ProtobufCMessageDescriptor *descriptor,
                              int (*type_of)(const ProtobufCMessage *call), int subscribe) {
    *peer = (struct peer){.descriptor = descriptor, .type_of = type_of, .subscribe = subscribe};
    peer->address = address_tcp("127.0.0.1", 0);
    list_init(&peer->calls);
    pthread_mutex_init(&peer->lock, NULL);
    pthread_cond_init(&peer->changed, NULL);
    peer_listen(peer);
}

static inline void peer_end_loop(void *user) {
    loop_stop(((struct peer *)user)->loop);
}

/* The process dies: connections break, nobody listens. */
static inline void peer_die(struct peer *peer) {
    loop_post(peer->loop, peer_end_loop, peer);
    pthread_join(peer->thread, NULL);
    peer->stream = NULL;
}

static inline void peer_forget_calls(struct peer *peer) {
    struct peer_call *call;

    pthread_mutex_lock(&peer->lock);
    list_for_each (&peer->calls, call, member) {
        list_remove(&call->member);
        protobuf_c_message_free_unpacked(call->message, NULL);
        free(call);
    }
    pthread_mutex_unlock(&peer->lock);
}

static inline void peer_done(struct peer *peer) {
    peer_die(peer);
    peer_forget_calls(peer);
    pthread_cond_destroy(&peer->changed);
    pthread_mutex_destroy(&peer->lock);
}

/* Wait for the next call of @type that was not taken yet, whatever others there are. The peer's until it is done. */
static inline void *peer_take(struct peer *peer, int type) {
    struct timespec deadline = peer_deadline();
    ProtobufCMessage *found = NULL;
    struct peer_call *call;
    int result = 0;

    pthread_mutex_lock(&peer->lock);
    while (found == NULL && result == 0) {
        list_for_each (&peer->calls, call, member) {
            if (found == NULL && !call->is_taken && peer->type_of(call->message) == type) {
                call->is_taken = true;
                found = call->message;
            }
        }
        if (found == NULL)
            result = pthread_cond_timedwait(&peer->changed, &peer->lock, &deadline);
    }
    pthread_mutex_unlock(&peer->lock);
    if (found == NULL)
        fail_msg("no call of type %d came", type);
    return found;
}

/* How many calls of @type have come, taken or not. */
static inline size_t peer_count(struct peer *peer, int type) {
    struct peer_call *call;
    size_t count = 0;

    pthread_mutex_lock(&peer->lock);
    list_for_each (&peer->calls, call, member)
        count += peer->type_of(call->message) == type;
    pthread_mutex_unlock(&peer->lock);
    return count;
}

static inline void peer_write(void *user) {
    struct peer_event *event = user;

    if (event->peer->stream != NULL)
        http_stream_write(event->peer->stream, event->bytes.data, event->bytes.size);
    buffer_done(&event->bytes);
    free(event);
}

/* Send an event to whoever is subscribed. */
static inline void peer_send(struct peer *peer, const ProtobufCMessage *message) {
    struct peer_event *event = calloc(1, sizeof(*event));
    cleanup_buffer struct buffer body = BUFFER_INIT;

    event->peer = peer;
    message_encode(message, &body);
    recordio_append(&event->bytes, body.data, body.size);
    loop_post(peer->loop, peer_write, event);
}

static inline void peer_cut_now(void *user) {
    struct peer *peer = user;

    if (peer->stream != NULL)
        http_exchange_abort(peer->stream);
    peer->stream = NULL;
}

/* Break the subscriber's connection. */
static inline void peer_cut(struct peer *peer) {
    loop_post(peer->loop, peer_cut_now, peer);
}

static inline void peer_refuse(struct peer *peer, unsigned status) {
    pthread_mutex_lock(&peer->lock);
    peer->refusal = status;
    pthread_mutex_unlock(&peer->lock);
}

static inline void peer_set_deaf(struct peer *peer, bool is_deaf) {
    pthread_mutex_lock(&peer->lock);
    peer->is_deaf = is_deaf;
    pthread_mutex_unlock(&peer->lock);
}

/* What the callbacks of a driver have seen, as text, one word or line each. Filled by the driver's thread, read by the
 * test's. */
struct diary {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    char *lines[4096];
    size_t count, read;
};

static inline void diary_init(struct diary *diary) {
    *diary = (struct diary){.count = 0};
    pthread_mutex_init(&diary->lock, NULL);
    pthread_cond_init(&diary->changed, NULL);
}

static inline void diary_done(struct diary *diary) {
    for (size_t i = 0; i < diary->count; i++)
        free(diary->lines[i]);
    pthread_cond_destroy(&diary->changed);
    pthread_mutex_destroy(&diary->lock);
}

static inline void diary_write(struct diary *diary, const char *format, ...) printf_like_(2, 3);
static inline void diary_write(struct diary *diary, const char *format, ...) {
    va_list arguments;

    pthread_mutex_lock(&diary->lock);
    if (diary->count == sizeof(diary->lines) / sizeof(diary->lines[0]))
        abort();
    va_start(arguments, format);
    if (vasprintf(&diary->lines[diary->count++], format, arguments) < 0)
        abort();
    va_end(arguments);
    pthread_cond_broadcast(&diary->changed);
    pthread_mutex_unlock(&diary->lock);
}

/* Wait for the next line, which must be @expected. */
static inline void diary_expect(struct diary *diary, const char *expected) {
    struct timespec deadline = peer_deadline();
    const char *line = NULL;
    int result = 0;

    pthread_mutex_lock(&diary->lock);
    while (diary->read == diary->count && result == 0)
        result = pthread_cond_timedwait(&diary->changed, &diary->lock, &deadline);
    if (diary->read < diary->count)
        line = diary->lines[diary->read++];
    pthread_mutex_unlock(&diary->lock);
    if (line == NULL)
        fail_msg("nothing came instead of \"%s\"", expected);
    assert_string_equal(line, expected);
}

static inline size_t diary_count(struct diary *diary) {
    size_t count;

    pthread_mutex_lock(&diary->lock);
    count = diary->count;
    pthread_mutex_unlock(&diary->lock);
    return count;
}
