/* SPDX-License-Identifier: Apache-2.0 */
/* The stream of events that a v1 API sends after SUBSCRIBE, and the calls that go with it: what schedulers and
 * executors have in common.
 *
 * A subscription lives from one SUBSCRIBE to the loss of its stream; whoever uses it makes a new one to try again. */
#pragma once

#include "message/message.h"
#include "net/http_client.h"
#include "net/recordio.h"

enum subscription_format { SUBSCRIPTION_PROTOBUF, SUBSCRIPTION_JSON };

struct subscription;

struct subscription_events {
    /* An event; valid during the call. The first one says that the subscription stands. */
    void (*on_event)(struct subscription *subscription, const ProtobufCMessage *event);
    /* The stream could not be had, or has ended: @err says why. @status is that of a refusal, else 0; @redirect is
     * where a master that does not lead sends us, or NULL. Once, and last. Not called by subscription_done(). */
    void (*on_lost)(struct subscription *subscription, unsigned status, const struct address *redirect,
                    const struct error *err);
    /* A call was refused or not answered; may be NULL. */
    void (*on_call_failed)(struct subscription *subscription, unsigned status, const char *message);
};

struct subscription {
    struct env *env;
    struct http_client *client;
    const struct subscription_events *events;
    void *user;
    struct address peer;
    const char *target;
    enum subscription_format format;
    const ProtobufCMessageDescriptor *event_descriptor;
    const char *authorization; /* value of the Authorization header, or NULL; borrowed */
    int64_t silence_limit_ns;  /* the stream is lost when nothing comes for so long; 0: no limit */
    struct http_call *stream;
    struct list calls; /* those under way */
    struct recordio_reader reader;
    struct env_timer silence;
    char *stream_id;
    unsigned status;
    bool is_lost;
};

/* Send @subscribe (the call, copied) to @target at @peer. @target and @authorization are borrowed. */
void subscription_init(struct subscription *subscription, struct env *env, struct http_client *client,
                       const struct address *peer, const char *target, const char *authorization,
                       enum subscription_format format, const ProtobufCMessage *subscribe,
                       const ProtobufCMessageDescriptor *event_descriptor, const struct subscription_events *events,
                       void *user);
/* Close the stream and drop the calls. Accepts a zeroed one; may be called from its own events. */
void subscription_done(struct subscription *subscription);

/* From now on the stream counts as lost when nothing comes for @limit_ns. */
void subscription_set_silence_limit(struct subscription *subscription, int64_t limit_ns);

/* Send a call on a second, kept connection; calls arrive in the order in which they were sent. */
void subscription_call(struct subscription *subscription, const ProtobufCMessage *call);
/* Calls that are not answered yet. */
size_t subscription_calls_pending(const struct subscription *subscription);
