/* SPDX-License-Identifier: Apache-2.0 */
#include "client/subscription.h"

#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "base/text.h"

/* From the head of the answer to SUBSCRIBE to the first event, which masters and agents send at once. */
#define FIRST_EVENT_LIMIT MINUTE

enum { LARGEST_RECORD_BYTES = 256 * 1024 * 1024, LARGEST_ANSWER_BYTES = 64 * 1024 };

struct subscription {
    struct env *env;
    struct http_client *client;
    struct subscription_options options;
    const struct subscription_events *events;
    void *user;
    struct http_call *stream;
    struct list calls; /* of struct pending_call */
    size_t call_count;
    char *call_key; /* what keeps the calls on one connection */
    struct recordio_reader reader;
    struct buffer refusal; /* the body of an answer that is not 200 */
    struct env_timer silence;
    int64_t silence_limit_ns;
    char *stream_id;
    unsigned status;
    char *location;
    unsigned busy;  /* callbacks of ours on the stack: freeing waits for them */
    bool has_begun; /* an event has come */
    bool is_dead, is_lost;
};

struct pending_call {
    struct list member;
    struct subscription *subscription;
    struct http_call *call;
    uint64_t tag;
};

bool subscription_is_final(unsigned status) {
    return status >= 400 && status < 500 && status != 404 && status != 408 && status != 429;
}

static void close_connections(struct subscription *subscription) {
    struct pending_call *pending;

    env_timer_stop(&subscription->silence);
    http_call_cancel(take_ptr(&subscription->stream));
    list_for_each (&subscription->calls, pending, member) {
        list_remove(&pending->member);
        http_call_cancel(pending->call);
        free(pending);
    }
    subscription->call_count = 0;
}

static void destroy(struct subscription *subscription) {
    env_timer_done(&subscription->silence);
    recordio_reader_done(&subscription->reader);
    buffer_done(&subscription->refusal);
    free(subscription->stream_id);
    free(subscription->location);
    free(subscription->call_key);
    free(subscription);
}

static void enter(struct subscription *subscription) {
    subscription->busy++;
}

static void leave(struct subscription *subscription) {
    if (--subscription->busy == 0 && subscription->is_dead)
        destroy(subscription);
}

/* "http://host:port/…" and Mesos's "//host:port/…" of a redirect. */
static bool parse_location(const char *location, struct address *ret) {
    const char *start = location == NULL ? NULL : strstr(location, "//");
    cleanup_free char *authority = NULL;

    if (start == NULL)
        return false;
    authority = xstrndup(start + 2, strcspn(start + 2, "/"));
    return address_parse(authority, ret, NULL) == 0;
}

static void lose(struct subscription *subscription, const struct error *err) {
    struct address redirect;
    bool is_redirect = subscription->status >= 300 && subscription->status < 400 &&
                       parse_location(subscription->location, &redirect);
    unsigned status = subscription->status == 200 ? 0 : subscription->status;

    if (subscription->is_lost || subscription->is_dead)
        return;
    subscription->is_lost = true;
    close_connections(subscription);
    subscription->events->on_lost(subscription, status, is_redirect ? &redirect : NULL, err);
}

static void on_silence(struct env_timer *timer) {
    struct subscription *subscription = container_of(timer, struct subscription, silence);
    cleanup_error struct error err = ERROR_INIT;

    enter(subscription);
    error_set(&err, ETIMEDOUT, "nothing was heard for %.0f s", duration_to_seconds(subscription->silence_limit_ns));
    lose(subscription, &err);
    leave(subscription);
}

static void watch_silence(struct subscription *subscription) {
    if (subscription->silence_limit_ns > 0 && subscription->stream != NULL)
        env_timer_start(&subscription->silence, subscription->silence_limit_ns);
}

static bool on_record(void *user, const char *record, size_t size) {
    struct subscription *subscription = user;
    cleanup_(arena_done) struct arena arena = ARENA_INIT;
    cleanup_error struct error err = ERROR_INIT;
    ProtobufCMessage *event;

    if (media_decode(subscription->options.media, subscription->options.event_descriptor, record, size, &arena, &event,
                     &err) < 0) {
        error_wrap(&err, "an event that can not be read");
        lose(subscription, &err);
        return false;
    }
    if (!subscription->has_begun) {
        subscription->has_begun = true;
        subscription_set_silence_limit(subscription, 0);
    }
    subscription->events->on_event(subscription, event);
    return !subscription->is_dead && !subscription->is_lost;
}

static void on_head(struct http_call *call, const struct http_response *response, void *user) {
    struct subscription *subscription = user;

    subscription->status = response->status;
    string_replace(&subscription->stream_id, http_headers_find(&response->headers, "Mesos-Stream-Id"));
    string_replace(&subscription->location, http_headers_find(&response->headers, "Location"));
    watch_silence(subscription);
}

static void on_data(struct http_call *call, const char *data, size_t size, void *user) {
    struct subscription *subscription = user;
    cleanup_error struct error err = ERROR_INIT;

    if (subscription->status != 200) {
        if (subscription->refusal.size + size <= LARGEST_ANSWER_BYTES)
            buffer_append(&subscription->refusal, data, size);
        return;
    }
    enter(subscription);
    watch_silence(subscription);
    if (recordio_read(&subscription->reader, data, size, on_record, subscription, &err) < 0)
        lose(subscription, &err);
    leave(subscription);
}

static void on_stream_done(struct http_call *call, const struct http_response *response, const struct error *err,
                           void *user) {
    struct subscription *subscription = user;
    cleanup_error struct error reason = ERROR_INIT;

    subscription->stream = NULL;
    enter(subscription);
    if (err != NULL)
        error_set(&reason, err->code, "%s", error_message(err));
    else if (subscription->status == 200)
        error_set(&reason, ECONNRESET, "the stream was closed");
    else
        error_set(&reason, EPROTO, "%u %s: %s", subscription->status, http_status_text(subscription->status),
                  buffer_text(&subscription->refusal));
    lose(subscription, &reason);
    leave(subscription);
}

static const struct http_call_events stream_events = {on_head, on_data, on_stream_done};

static void on_call_done(struct http_call *call, const struct http_response *response, const struct error *err,
                         void *user) {
    struct pending_call *pending = user;
    struct subscription *subscription = pending->subscription;
    uint64_t tag = pending->tag;

    list_remove(&pending->member);
    free(pending);
    subscription->call_count--;
    enter(subscription);
    if (err != NULL && err->code == ETIMEDOUT)
        lose(subscription, err);
    else if (err != NULL)
        subscription->events->on_call_failed(subscription, tag, 0, error_message(err));
    else if (response->status != 202 && response->status != 200)
        subscription->events->on_call_failed(subscription, tag, response->status, response->body);
    else if (subscription->events->on_call_answered != NULL)
        subscription->events->on_call_answered(subscription, tag);
    leave(subscription);
}

static const struct http_call_events call_events = {NULL, NULL, on_call_done};

static struct http_call *post(struct subscription *subscription, const ProtobufCMessage *message, bool is_stream,
                              const struct http_call_events *events, void *user) {
    cleanup_buffer struct buffer body = BUFFER_INIT;
    struct http_header headers[4] = {{"Content-Type", media_type(subscription->options.media)},
                                     {"Accept", media_type(subscription->options.media)}};
    struct http_call_options options = {.method = "POST",
                                        .target = subscription->options.target,
                                        .headers = headers,
                                        .header_count = 2,
                                        .own_connection = is_stream,
                                        .connection_key = is_stream ? NULL : subscription->call_key};

    if (subscription->options.authorization != NULL)
        headers[options.header_count++] = (struct http_header){"Authorization", subscription->options.authorization};
    if (!is_stream && subscription->stream_id != NULL)
        headers[options.header_count++] = (struct http_header){"Mesos-Stream-Id", subscription->stream_id};
    media_append(&body, message, subscription->options.media);
    options.body = body.data;
    options.body_size = body.size;
    return http_client_call(subscription->client, &subscription->options.peer, &options, events, user);
}

struct subscription *subscription_new(struct env *env, struct http_client *client,
                                      const struct subscription_options *options, const ProtobufCMessage *subscribe,
                                      const struct subscription_events *events, void *user) {
    struct subscription *subscription = new0(struct subscription);
    char uuid[UUID_TEXT_BYTES];

    subscription->env = env;
    subscription->client = client;
    subscription->options = *options;
    subscription->events = events;
    subscription->user = user;
    subscription->silence_limit_ns = FIRST_EVENT_LIMIT;
    list_init(&subscription->calls);
    recordio_reader_init(&subscription->reader, LARGEST_RECORD_BYTES);
    env_timer_init(&subscription->silence, env, on_silence);
    subscription->call_key = xstrdup(env_random_uuid_text(env, uuid));
    subscription->stream = post(subscription, subscribe, true, &stream_events, subscription);
    return subscription;
}

void subscription_free(struct subscription *subscription) {
    if (subscription == NULL || subscription->is_dead)
        return;
    subscription->is_dead = true;
    close_connections(subscription);
    if (subscription->busy == 0)
        destroy(subscription);
}

void *subscription_user(const struct subscription *subscription) {
    return subscription->user;
}

void subscription_set_silence_limit(struct subscription *subscription, int64_t limit_ns) {
    subscription->silence_limit_ns = limit_ns;
    env_timer_stop(&subscription->silence);
    watch_silence(subscription);
}

void subscription_call(struct subscription *subscription, const ProtobufCMessage *call, uint64_t tag) {
    struct pending_call *pending;

    if (subscription->is_lost || subscription->is_dead)
        return;
    pending = new0(struct pending_call);
    pending->subscription = subscription;
    pending->tag = tag;
    list_append(&subscription->calls, &pending->member);
    subscription->call_count++;
    pending->call = post(subscription, call, false, &call_events, pending);
}

size_t subscription_calls_pending(const struct subscription *subscription) {
    return subscription->call_count;
}
