/* SPDX-License-Identifier: Apache-2.0 */
#include "master/http/api/subscribers.h"

#include <stdio.h>

#include "base/log.h"
#include "master/agent.h"
#include "master/framework.h"
#include "master/http/api/listing.h"
#include "master/http/endpoints.h"
#include "message/message.h"
#include "net/recordio.h"

enum {
    /* What one turn of the loop writes of the first record, which may be large. */
    PIECE_BYTES = 1 << 20,
    /* Events that a subscriber may be behind with while it still reads the first record. */
    BEHIND_BYTES = 16 << 20,
};
/* First records that are being sent, together: who subscribes beyond that is to try again later. */
#define FIRST_RECORDS_BYTES ((size_t)1 << 30)

struct subscriber {
    struct list member;
    struct subscribers *subscribers;
    struct http_exchange *exchange;
    enum media format;
    struct env_timer heartbeat;
    struct buffer backlog; /* not written yet: the rest of the first record, and the events after it */
    size_t backlog_limit;
    struct env_timer turn; /* writes on */
};

static void free_subscriber(struct subscriber *subscriber) {
    struct subscribers *subscribers = subscriber->subscribers;

    list_remove(&subscriber->member);
    subscribers->count--;
    subscribers->master->metrics.operator_event_stream_subscribers.value = (double)subscribers->count;
    if (subscribers->count == 0)
        master_remove_observer(&subscribers->observer);
    env_timer_done(&subscriber->heartbeat);
    env_timer_done(&subscriber->turn);
    buffer_done(&subscriber->backlog);
    free(subscriber);
}

static void on_closed(struct http_exchange *exchange, void *user) {
    log_info("A subscriber of the operator API is gone");
    free_subscriber(user);
}

/* End the stream in order. */
static void end(struct subscriber *subscriber) {
    http_exchange_on_closed(subscriber->exchange, NULL, NULL);
    http_stream_end(subscriber->exchange);
    free_subscriber(subscriber);
}

/* Writing */

static void write_on(struct subscriber *subscriber) {
    size_t size = subscriber->backlog.size < PIECE_BYTES ? subscriber->backlog.size : PIECE_BYTES;

    if (size == 0)
        return;
    /* If it fails the connection is broken, and on_closed follows. */
    if (!http_stream_write(subscriber->exchange, subscriber->backlog.data, size))
        return;
    buffer_consume(&subscriber->backlog, size);
    if (subscriber->backlog.size == 0)
        buffer_done(&subscriber->backlog);
    else if (http_stream_pending(subscriber->exchange) == 0)
        env_timer_start(&subscriber->turn, 0);
}

static void on_turn(struct env_timer *timer) {
    write_on(container_of(timer, struct subscriber, turn));
}

static void on_drain(struct http_exchange *exchange, void *user) {
    write_on(user);
}

/* Hand over one framed event; may release the subscriber. */
static void send_framed(struct subscriber *subscriber, const struct buffer *framed) {
    if (subscriber->backlog.size == 0) {
        http_stream_write(subscriber->exchange, framed->data, framed->size);
    } else if (subscriber->backlog.size + framed->size <= subscriber->backlog_limit) {
        buffer_append(&subscriber->backlog, framed->data, framed->size);
    } else {
        log_warning("Disconnecting a subscriber of the operator API because it does not read its events");
        http_exchange_abort(subscriber->exchange);
        free_subscriber(subscriber);
    }
}

static void frame(struct buffer *framed, const Mesos__V1__Master__Event *event, enum media format) {
    cleanup_buffer struct buffer encoded = BUFFER_INIT;

    if (framed->size > 0)
        return;
    media_append(&encoded, &event->base, format);
    recordio_append(framed, encoded.data, encoded.size);
}

static void send_to_all(struct subscribers *subscribers, const Mesos__V1__Master__Event *event) {
    cleanup_buffer struct buffer json = BUFFER_INIT, protobuf = BUFFER_INIT;
    struct subscriber *subscriber;

    list_for_each (&subscribers->members, subscriber, member) {
        struct buffer *framed = subscriber->format == MEDIA_JSON ? &json : &protobuf;

        frame(framed, event, subscriber->format);
        send_framed(subscriber, framed);
    }
}

/* Heartbeats */

static void send_heartbeat(struct subscriber *subscriber) {
    Mesos__V1__Master__Event event = MESOS__V1__MASTER__EVENT__INIT;
    cleanup_buffer struct buffer framed = BUFFER_INIT;

    event.has_type = true;
    event.type = MESOS__V1__MASTER__EVENT__TYPE__HEARTBEAT;
    frame(&framed, &event, subscriber->format);
    env_timer_start(&subscriber->heartbeat, HEARTBEAT_INTERVAL_NS);
    send_framed(subscriber, &framed);
}

static void on_heartbeat(struct env_timer *timer) {
    send_heartbeat(container_of(timer, struct subscriber, heartbeat));
}

/* Events */

#define EVENT(name) \
    { \
        .base = PROTOBUF_C_MESSAGE_INIT(&mesos__v1__master__event__descriptor), .has_type = true, \
        .type = MESOS__V1__MASTER__EVENT__TYPE__##name \
    }

static Mesos__V1__TimeInfo time_of(int64_t wall_ns) {
    Mesos__V1__TimeInfo time = MESOS__V1__TIME_INFO__INIT;

    time.nanoseconds = wall_ns;
    return time;
}

/* A framework in an event: without what it holds. [createFrameworkAdded()] */
struct framework_message {
    Mesos__V1__Master__Response__GetFrameworks__Framework message;
    Mesos__V1__TimeInfo registered, reregistered, unregistered;
};

static void framework_message_init(struct framework_message *ret, const struct framework *framework) {
    mesos__v1__master__response__get_frameworks__framework__init(&ret->message);
    ret->registered = time_of(framework->registered_ns);
    ret->reregistered = time_of(framework->reregistered_ns);
    ret->unregistered = time_of(framework->unregistered_ns);
    ret->message.framework_info = framework->info;
    ret->message.active = framework->is_active;
    ret->message.connected = framework_is_connected(framework);
    ret->message.recovered = framework->state == FRAMEWORK_RECOVERED;
    ret->message.registered_time = &ret->registered;
    ret->message.reregistered_time = &ret->reregistered;
    ret->message.unregistered_time = &ret->unregistered;
}

static void on_framework_added(void *user, const struct framework *framework) {
    Mesos__V1__Master__Event event = EVENT(FRAMEWORK_ADDED);
    Mesos__V1__Master__Event__FrameworkAdded added = MESOS__V1__MASTER__EVENT__FRAMEWORK_ADDED__INIT;
    struct framework_message message;

    framework_message_init(&message, framework);
    added.framework = &message.message;
    event.framework_added = &added;
    send_to_all(user, &event);
}

static void on_framework_updated(void *user, const struct framework *framework) {
    Mesos__V1__Master__Event event = EVENT(FRAMEWORK_UPDATED);
    Mesos__V1__Master__Event__FrameworkUpdated updated = MESOS__V1__MASTER__EVENT__FRAMEWORK_UPDATED__INIT;
    struct framework_message message;

    framework_message_init(&message, framework);
    updated.framework = &message.message;
    event.framework_updated = &updated;
    send_to_all(user, &event);
}

static void on_framework_removed(void *user, const struct framework *framework) {
    Mesos__V1__Master__Event event = EVENT(FRAMEWORK_REMOVED);
    Mesos__V1__Master__Event__FrameworkRemoved removed = MESOS__V1__MASTER__EVENT__FRAMEWORK_REMOVED__INIT;

    removed.framework_info = framework->info;
    event.framework_removed = &removed;
    send_to_all(user, &event);
}

static void on_agent_added(void *user, const struct agent *agent) {
    Mesos__V1__Master__Event event = EVENT(AGENT_ADDED);
    Mesos__V1__Master__Event__AgentAdded added = MESOS__V1__MASTER__EVENT__AGENT_ADDED__INIT;
    struct arena arena = ARENA_INIT;

    added.agent = listing_agent(agent, &arena);
    event.agent_added = &added;
    send_to_all(user, &event);
    arena_done(&arena);
}

static void on_agent_removed(void *user, const char *agent_id) {
    Mesos__V1__Master__Event event = EVENT(AGENT_REMOVED);
    Mesos__V1__Master__Event__AgentRemoved removed = MESOS__V1__MASTER__EVENT__AGENT_REMOVED__INIT;
    Mesos__V1__AgentID id = MESOS__V1__AGENT_ID__INIT;

    id.value = (char *)agent_id;
    removed.agent_id = &id;
    event.agent_removed = &removed;
    send_to_all(user, &event);
}

static void on_task_added(void *user, const struct task *task) {
    Mesos__V1__Master__Event event = EVENT(TASK_ADDED);
    Mesos__V1__Master__Event__TaskAdded added = MESOS__V1__MASTER__EVENT__TASK_ADDED__INIT;
    struct arena arena = ARENA_INIT;

    added.task = task_to_message(task, RESOURCE_FORMAT_NEW, &arena);
    event.task_added = &added;
    send_to_all(user, &event);
    arena_done(&arena);
}

static void on_task_updated(void *user, const struct task *task, const Mesos__V1__TaskStatus *status) {
    Mesos__V1__Master__Event event = EVENT(TASK_UPDATED);
    Mesos__V1__Master__Event__TaskUpdated updated = MESOS__V1__MASTER__EVENT__TASK_UPDATED__INIT;

    updated.framework_id = &task->framework->id_message;
    updated.status = (Mesos__V1__TaskStatus *)status;
    updated.state = (Mesos__V1__TaskState)task_state(task);
    event.task_updated = &updated;
    send_to_all(user, &event);
}

static const struct master_observer_ops observer_ops = {
    .on_framework_added = on_framework_added,
    .on_framework_updated = on_framework_updated,
    .on_framework_removed = on_framework_removed,
    .on_agent_added = on_agent_added,
    .on_agent_removed = on_agent_removed,
    .on_task_added = on_task_added,
    .on_task_updated = on_task_updated,
};

/* SUBSCRIBE */

void subscribers_init(struct subscribers *subscribers, struct master *master) {
    *subscribers = (struct subscribers){.master = master};
    list_init(&subscribers->members);
    subscribers->observer.ops = &observer_ops;
    subscribers->observer.user = subscribers;
}

void subscribers_done(struct subscribers *subscribers) {
    struct subscriber *subscriber;

    list_for_each (&subscribers->members, subscriber, member)
        end(subscriber);
}

/* SUBSCRIBED holds the whole state, of one instant: what comes after it are the changes since. */
static void append_subscribed(struct buffer *buffer, struct master *master, enum media format) {
    Mesos__V1__Master__Event event = EVENT(SUBSCRIBED);
    Mesos__V1__Master__Event__Subscribed subscribed = MESOS__V1__MASTER__EVENT__SUBSCRIBED__INIT;
    cleanup_buffer struct buffer state = BUFFER_INIT;
    struct listing listing;

    if (format == MEDIA_JSON) {
        buffer_append_string(buffer, "{\"type\":\"SUBSCRIBED\",\"subscribed\":{\"get_state\":");
        listing_init(&listing, master, LISTING_STATE, format, 0, buffer);
        while (listing_write(&listing))
            ;
        buffer_printf(buffer, ",\"heartbeat_interval_seconds\":%.1f}}", duration_to_seconds(HEARTBEAT_INTERVAL_NS));
    } else {
        /* Two members of the same message, which decoders merge: Event.subscribed (2) with the state and with the
         * interval. */
        subscribed.has_heartbeat_interval_seconds = true;
        subscribed.heartbeat_interval_seconds = duration_to_seconds(HEARTBEAT_INTERVAL_NS);
        event.subscribed = &subscribed;
        MESSAGE_ENCODE(&event, buffer);
        listing_init(&listing, master, LISTING_STATE, format, 1, &state);
        while (listing_write(&listing))
            ;
        listing_append_member(buffer, 2, &state);
    }
    listing_done(&listing);
}

static void send_first_record(struct subscriber *subscriber, struct buffer *record) {
    cleanup_buffer struct buffer framed = BUFFER_INIT;
    char size[32];

    if (record->size <= PIECE_BYTES) {
        recordio_append(&framed, record->data, record->size);
        http_stream_write(subscriber->exchange, framed.data, framed.size);
        return;
    }
    http_stream_write(subscriber->exchange, size, (size_t)snprintf(size, sizeof(size), "%zu\n", record->size));
    subscriber->backlog_limit = record->size + BEHIND_BYTES;
    buffer_swap(&subscriber->backlog, record);
    env_timer_start(&subscriber->turn, 0);
}

static bool are_too_many_behind(const struct subscribers *subscribers) {
    const struct subscriber *subscriber;
    size_t bytes = 0;

    list_for_each (&subscribers->members, subscriber, member)
        bytes += subscriber->backlog.size;
    return bytes >= FIRST_RECORDS_BYTES;
}

/* As upstream, a newcomer takes the place of the oldest subscriber. */
static void make_room(struct subscribers *subscribers) {
    struct subscriber *oldest = list_first(&subscribers->members, struct subscriber, member);
    int64_t limit = subscribers->master->flags->max_operator_event_stream_subscribers;

    if (oldest == NULL || subscribers->count < (size_t)limit)
        return;
    log_info("There are as many subscribers of the operator API as --max_operator_event_stream_subscribers allows "
             "(%zu), so that the oldest is closed",
             subscribers->count);
    end(oldest);
}

void api_subscribe(struct api_request *request) {
    struct subscribers *subscribers = &request->endpoints->subscribers;
    struct env *env = subscribers->master->env;
    cleanup_buffer struct buffer record = BUFFER_INIT;
    struct subscriber *subscriber;

    if (are_too_many_behind(subscribers)) {
        http_respond_text(request->exchange, 503, "Too many subscribers are still reading the state; try again later.");
        return;
    }
    make_room(subscribers);
    if (subscribers->count == 0)
        master_add_observer(subscribers->master, &subscribers->observer);
    subscriber = new0(struct subscriber);
    subscriber->subscribers = subscribers;
    subscriber->exchange = request->exchange;
    subscriber->format = request->format;
    env_timer_init(&subscriber->heartbeat, env, on_heartbeat);
    env_timer_init(&subscriber->turn, env, on_turn);
    list_append(&subscribers->members, &subscriber->member);
    subscribers->count++;
    subscribers->master->metrics.operator_event_stream_subscribers.value = (double)subscribers->count;
    http_exchange_set_user(request->exchange, subscriber);
    http_exchange_on_closed(request->exchange, on_closed, subscriber);
    http_stream_on_drain(request->exchange, on_drain);
    http_stream_begin(request->exchange, 200, media_type(request->format));
    append_subscribed(&record, subscribers->master, request->format);
    send_first_record(subscriber, &record);
    send_heartbeat(subscriber);
    log_info("Added a subscriber of the operator API; there are %zu now", subscribers->count);
}
