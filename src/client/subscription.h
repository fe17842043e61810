/* SPDX-License-Identifier: Apache-2.0 */
/* The stream of events that a v1 API sends after SUBSCRIBE, and the calls that go with it: what schedulers and
 * executors have in common.
 *
 * A peer that does not answer SUBSCRIBE or a call within a minute, or answers SUBSCRIBE and then sends no event for as
 * long, is taken for gone: the connection may be one of which only our end is left. Mesos's libraries leave that to
 * TCP.
 *
 * A subscription lives from one SUBSCRIBE to the loss of its stream; whoever uses it makes a new one to try again. */
#pragma once

#include "message/media.h"
#include "message/message.h"
#include "net/http_client.h"
#include "net/recordio.h"

struct subscription;

struct subscription_events {
    /* An event; valid during the call. The first one says that the subscription stands. */
    void (*on_event)(struct subscription *subscription, const ProtobufCMessage *event);
    /* The stream could not be had, or has ended: @err says why. @status is that of a refusal, else 0; @redirect is
     * where a master that does not lead sends us, or NULL. Once, and last. */
    void (*on_lost)(struct subscription *subscription, unsigned status, const struct address *redirect,
                    const struct error *err);
    /* A call was refused, or its connection broke (@status 0). */
    void (*on_call_failed)(struct subscription *subscription, uint64_t tag, unsigned status, const char *message);
    /* The peer has taken a call; may be NULL. */
    void (*on_call_answered)(struct subscription *subscription, uint64_t tag);
};

struct subscription_options {
    struct address peer;
    const char *target;        /* "/api/v1/scheduler"; borrowed, as all text here, until subscription_free() */
    const char *authorization; /* value of the Authorization header, or NULL */
    enum media media;
    const ProtobufCMessageDescriptor *event_descriptor;
};

/* Send @subscribe to @options->target. Everything else is told by events, never from inside this call. */
struct subscription *subscription_new(struct env *env, struct http_client *client,
                                      const struct subscription_options *options, const ProtobufCMessage *subscribe,
                                      const struct subscription_events *events, void *user);
/* Close the stream and drop the calls. Accepts NULL; may be called from its own events. */
void subscription_free(struct subscription *subscription);

void *subscription_user(const struct subscription *subscription);

/* Whether @status is a refusal that stays when the same is asked again; 0, a lost connection, is not. Neither is 404:
 * daemons of Mesos listen before they have set up what they answer [Mesos's libraries try again, too]. */
bool subscription_is_final(unsigned status);

/* From now on the stream counts as lost when nothing comes for @limit_ns. */
void subscription_set_silence_limit(struct subscription *subscription, int64_t limit_ns);

/* Send a call on a second, kept connection; calls arrive in the order in which they were sent. @tag is the caller's, to
 * know the call by in events. */
void subscription_call(struct subscription *subscription, const ProtobufCMessage *call, uint64_t tag);
/* Calls that are not answered yet. */
size_t subscription_calls_pending(const struct subscription *subscription);
