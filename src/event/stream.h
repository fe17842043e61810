/* SPDX-License-Identifier: Apache-2.0 */
/* A two-way byte stream (tcp, unix, in-memory, TLS over another one) and the listeners that accept them.
 *
 * Streams are made by env_connect() or arrive through a listener; whoever has one owns it and ends it with
 * stream_close(). Events are delivered from the loop, never from inside a call on the same stream. */
#pragma once

#include <stdint.h>

#include "base/buffer.h"

struct env;
struct stream;

/* Where a peer is or a listener listens. */
struct address {
    enum address_family { ADDRESS_TCP, ADDRESS_UNIX } family;
    char host[256]; /* a name or a numeric address for TCP, a path for UNIX */
    uint16_t port;  /* 0 when listening: any free one */
};

/* Parse "host:port", "[v6]:port" or "unix:<path>". */
int address_parse(const char *text, struct address *ret, struct error *err);
struct address address_tcp(const char *host, uint16_t port);
/* "host:port", with brackets around IPv6, or "unix:<path>"; written to @text, which is returned. */
#define ADDRESS_TEXT_BYTES 280
const char *address_format(const struct address *address, char text[ADDRESS_TEXT_BYTES]);
bool address_equal(const struct address *a, const struct address *b);

/* What the owner of a stream is told. Any member may be NULL. */
struct stream_events {
    /* env_connect() only: the connection is there. */
    void (*on_connect)(struct stream *stream);
    /* Bytes have come; they are only valid during the call. */
    void (*on_data)(struct stream *stream, const char *data, size_t size);
    /* The peer will send no more; writing is still possible. */
    void (*on_end)(struct stream *stream);
    /* stream_pending() has come down to 0 after it was above. */
    void (*on_drain)(struct stream *stream);
    /* The stream failed (@err says why), or could not be connected. Nothing else will come; the owner still has to call
     * stream_close(). */
    void (*on_error)(struct stream *stream, const struct error *err);
};

/* What a kind of stream provides; used through the functions below. */
struct stream_ops {
    void (*write)(struct stream *stream, struct buffer *bytes); /* takes the content of @bytes, leaves it empty */
    void (*set_reading)(struct stream *stream, bool on);
    void (*shutdown)(struct stream *stream);
    void (*close)(struct stream *stream);
    void (*write_copy)(struct stream *stream, const void *data, size_t size); /* may be NULL: copied, then write() */
};

/* The common head of every kind of stream. Only `events` and `user` are for its owner to change. */
struct stream {
    const struct stream_ops *ops;
    struct env *env;
    const struct stream_events *events;
    void *user;
    size_t pending; /* bytes written that the transport has not taken yet */
    struct address local, peer;
};

/* Reading is on when a stream is born. While it is off no on_data and on_end come and the peer is held back. */
static inline void stream_set_reading(struct stream *stream, bool on) {
    stream->ops->set_reading(stream, on);
}

/* Queue bytes to be sent. There is no limit here: who writes a lot looks at stream_pending() and waits for on_drain.
 * Small writes within one turn of the loop are sent together. Allowed before on_connect. */
void stream_write(struct stream *stream, const void *data, size_t size);

/* As stream_write(), taking over the buffer's memory: no copy. @bytes is empty and without memory afterwards. */
static inline void stream_write_buffer(struct stream *stream, struct buffer *bytes) {
    stream->ops->write(stream, bytes);
}

static inline size_t stream_pending(const struct stream *stream) {
    return stream->pending;
}

/* Send what is pending, then tell the peer that no more will come. */
static inline void stream_shutdown(struct stream *stream) {
    stream->ops->shutdown(stream);
}

/* End the stream at once, dropping what is pending; no event comes any more and @stream is gone for its owner.
 * Accepts NULL; may be called from the stream's own events. */
static inline void stream_close(struct stream *stream) {
    if (stream != NULL)
        stream->ops->close(stream);
}

/* A place where streams arrive. */
struct listener;

/* @stream is the receiver's; set its `events` and `user` before returning. */
typedef void listener_accept(struct listener *listener, struct stream *stream, void *user);

/* Where it listens; the port is the real one. */
const struct address *listener_address(const struct listener *listener);
/* Pause or resume accepting (on at first). */
void listener_set_accepting(struct listener *listener, bool on);
void listener_close(struct listener *listener); /* accepts NULL */
