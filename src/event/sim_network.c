/* SPDX-License-Identifier: Apache-2.0 */
/* The network of the simulated world: connections whose two directions carry pieces, each with its own delay but in
 * order.
 *
 * Of a direction only the first piece is in the event queue. It may be held there, until the partition is over or the
 * receiver reads again. */
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "event/sim_world.h"

enum {
    WINDOW_BYTES = 256 * 1024, /* what a direction carries that the receiver has not taken; more is pending */
    SPARE_PIECES = 1024,
    SPARE_PIECE_BYTES = 16 * 1024,
    FIRST_LISTENING_PORT = 20000,
    FIRST_CONNECTING_PORT = 32768,
    LAST_CONNECTING_PORT = 60999,
};

static const int64_t CONNECT_PATIENCE_NS = 10 * SECOND, PATIENCE_NS = 60 * SECOND;

struct sim_piece {
    struct list member;
    enum sim_piece_kind {
        PIECE_CALL,   /* the connector asks to be connected */
        PIECE_ANSWER, /* it is */
        PIECE_DATA,
        PIECE_END,     /* no more data */
        PIECE_FAILURE, /* the connection is refused or broken; `code` says why */
    } kind;
    bool is_local; /* from the receiver's own machine: no partition stops it */
    int code;
    int64_t due;
    struct buffer bytes;
};

struct sim_direction {
    struct sim_event event; /* the first piece arrives */
    struct sim_connection *connection;
    size_t to;             /* the index of the receiving end */
    struct list pieces;    /* of struct sim_piece, in order */
    size_t carried;        /* bytes in them */
    int64_t last_due;      /* no piece overtakes */
    struct buffer out;     /* written by the sender, in no piece yet */
    struct list unflushed; /* in sim->unflushed */
    bool ended;            /* PIECE_END is among the pieces or has been */
};

struct sim_connection {
    struct list member; /* in sim->connections */
    struct sim *sim;
    uint64_t number;
    struct address target;
    struct sim_node *nodes[2];          /* 0: of the connector, 1: of the listener */
    struct sim_stream *ends[2];         /* NULL: not there yet, closed or dead */
    bool is_lost[2];                    /* the end was on a machine that died silently */
    struct sim_direction directions[2]; /* [i] leads to ends[i] */
    bool is_connected;                  /* the connector knows that it is */
    bool is_reset;                      /* an end has been told that the other is gone */
    struct sim_event patience;
    struct list waiting; /* in the listener's `waiting` */
};

struct sim_stream {
    struct stream base; /* first */
    struct sim_node *node;
    struct list member;                /* in node->streams or sim->closed_streams */
    struct sim_connection *connection; /* NULL once it has failed or its node has died */
    size_t index;
    bool wants_data, wants_end, owes_drain;
    struct sim_event drain;
};

struct sim_listener {
    struct listener base; /* first */
    struct sim_node *node;
    struct list member;  /* in node->listeners or sim->closed_listeners */
    struct list waiting; /* of struct sim_connection: connected but not accepted */
    bool accepting;
    struct sim_event accept;
};

static struct sim_stream *to_sim_stream(struct stream *stream) {
    return container_of(stream, struct sim_stream, base);
}

static bool is_between_machines(const struct sim_connection *connection) {
    return connection->nodes[0]->machine != connection->nodes[1]->machine;
}

static bool is_cut(const struct sim_connection *connection) {
    const struct sim *sim = connection->sim;
    size_t a = connection->nodes[0]->index, b = connection->nodes[1]->index;

    return a < sim->cut_nodes && b < sim->cut_nodes && sim->is_cut[a * sim->cut_nodes + b];
}

/* Pieces */

static struct sim_piece *piece_new(struct sim *sim, enum sim_piece_kind kind) {
    struct sim_piece *piece = list_first(&sim->spare_pieces, struct sim_piece, member);

    if (piece == NULL) {
        piece = new0(struct sim_piece);
    } else {
        list_remove(&piece->member);
        sim->spare_piece_count--;
    }
    piece->kind = kind;
    piece->is_local = false;
    piece->code = 0;
    return piece;
}

static void piece_free(struct sim *sim, struct sim_piece *piece) {
    buffer_clear(&piece->bytes);
    if (sim->spare_piece_count < SPARE_PIECES && piece->bytes.capacity <= SPARE_PIECE_BYTES) {
        list_prepend(&sim->spare_pieces, &piece->member); /* its memory is still in the cache */
        sim->spare_piece_count++;
        return;
    }
    buffer_done(&piece->bytes);
    free(piece);
}

static int64_t draw_delay(struct sim *sim, const struct sim_connection *connection) {
    if (connection->target.family == ADDRESS_UNIX)
        return 0;
    return sim_draw_between(sim, sim->faults.delay_least_ns, sim->faults.delay_most_ns);
}

static void push(struct sim_direction *direction, struct sim_piece *piece) {
    struct sim *sim = direction->connection->sim;
    bool is_first = list_is_empty(&direction->pieces);

    piece->due = sim->now + draw_delay(sim, direction->connection);
    if (piece->due < direction->last_due)
        piece->due = direction->last_due;
    direction->last_due = piece->due;
    direction->carried += piece->bytes.size;
    list_append(&direction->pieces, &piece->member);
    if (is_first)
        sim_schedule(sim, &direction->event, piece->due);
}

static void push_new(struct sim_direction *direction, enum sim_piece_kind kind, int code) {
    struct sim_piece *piece = piece_new(direction->connection->sim, kind);

    piece->code = code;
    push(direction, piece);
}

static void push_end(struct sim_direction *direction) {
    if (direction->ended)
        return;
    direction->ended = true;
    push_new(direction, PIECE_END, 0);
}

static struct sim_piece *take_first(struct sim_direction *direction) {
    struct sim *sim = direction->connection->sim;
    struct sim_piece *piece = list_first(&direction->pieces, struct sim_piece, member), *next;

    list_remove(&piece->member);
    direction->carried -= piece->bytes.size;
    next = list_first(&direction->pieces, struct sim_piece, member);
    if (next != NULL)
        sim_schedule(sim, &direction->event, next->due > sim->now ? next->due : sim->now);
    return piece;
}

static void drop_pieces(struct sim_direction *direction) {
    struct sim *sim = direction->connection->sim;
    struct sim_piece *piece;

    sim_unschedule(sim, &direction->event);
    list_for_each (&direction->pieces, piece, member) {
        list_remove(&piece->member);
        piece_free(sim, piece);
    }
    direction->carried = 0;
}

static void drop_output(struct sim_direction *direction) {
    list_remove(&direction->unflushed);
    buffer_done(&direction->out);
}

/* Go on with a direction that was held. */
static void resume(struct sim_direction *direction, int64_t delay) {
    struct sim *sim = direction->connection->sim;

    if (!list_is_empty(&direction->pieces) && !heap_contains(&direction->event.member))
        sim_schedule(sim, &direction->event, sim->now + delay);
}

/* Connections */

static void direction_init(struct sim_direction *direction, struct sim_connection *connection, size_t to) {
    direction->event.kind = SIM_EVENT_DELIVER;
    direction->connection = connection;
    direction->to = to;
    list_init(&direction->pieces);
}

static struct sim_connection *connection_new(struct sim_node *from, struct sim_node *to, const struct address *target) {
    struct sim_connection *connection = new0(struct sim_connection);

    connection->sim = from->sim;
    connection->number = from->sim->connection_count++;
    connection->target = *target;
    connection->nodes[0] = from;
    connection->nodes[1] = to;
    connection->patience.kind = SIM_EVENT_PATIENCE;
    direction_init(&connection->directions[0], connection, 0);
    direction_init(&connection->directions[1], connection, 1);
    list_append(&from->sim->connections, &connection->member);
    return connection;
}

static void connection_free(struct sim_connection *connection) {
    for (size_t i = 0; i < 2; i++) {
        drop_pieces(&connection->directions[i]);
        drop_output(&connection->directions[i]);
    }
    sim_unschedule(connection->sim, &connection->patience);
    list_remove(&connection->waiting);
    list_remove(&connection->member);
    free(connection);
}

/* The end has nothing to do with its connection any more; the connection is gone if that was the last one. */
static void detach(struct sim_stream *stream) {
    struct sim_connection *connection = stream->connection;

    stream->connection = NULL;
    stream->base.pending = 0;
    sim_unschedule(stream->node->sim, &stream->drain);
    connection->ends[stream->index] = NULL;
    drop_output(&connection->directions[1 - stream->index]);
    if (connection->ends[1 - stream->index] == NULL)
        connection_free(connection);
}

/* End @index is told in @delay that the connection is broken; what is on the way to it is lost. */
static void break_end(struct sim_connection *connection, size_t index, int code, int64_t delay) {
    struct sim_direction *direction = &connection->directions[index];
    struct sim_piece *piece;

    if (connection->ends[index] == NULL)
        return;
    drop_pieces(direction);
    drop_output(&connection->directions[1 - index]);
    piece = piece_new(connection->sim, PIECE_FAILURE);
    piece->code = code;
    piece->is_local = true;
    piece->due = direction->last_due = connection->sim->now + delay;
    list_append(&direction->pieces, &piece->member);
    sim_schedule(connection->sim, &direction->event, piece->due);
}

static void break_both(struct sim_connection *connection, int code) {
    sim_unschedule(connection->sim, &connection->patience);
    break_end(connection, 0, code, 0);
    break_end(connection, 1, code, 0);
}

/* Streams */

static const struct stream_ops sim_stream_ops;

static struct sim_stream *stream_new(struct sim_connection *connection, size_t index) {
    struct sim_stream *stream = new0(struct sim_stream);
    struct sim_node *node = connection->nodes[index];

    stream->base.ops = &sim_stream_ops;
    stream->base.env = &node->env;
    stream->node = node;
    stream->connection = connection;
    stream->index = index;
    stream->wants_data = true;
    stream->drain.kind = SIM_EVENT_DRAIN;
    list_append(&node->streams, &stream->member);
    connection->ends[index] = stream;
    return stream;
}

static struct sim_direction *out_of(struct sim_stream *stream) {
    return &stream->connection->directions[1 - stream->index];
}

static bool may_send(const struct sim_stream *stream) {
    return stream->index == 1 || stream->connection->is_connected;
}

static void count_pending(struct sim_stream *stream) {
    struct sim_direction *direction = out_of(stream);
    size_t room = direction->carried < WINDOW_BYTES ? WINDOW_BYTES - direction->carried : 0;

    /* What fits in the window is as good as with the transport. */
    if (!may_send(stream))
        stream->base.pending = direction->out.size;
    else
        stream->base.pending = direction->out.size > room ? direction->out.size - room : 0;
    if (stream->base.pending > 0)
        stream->owes_drain = true;
}

static void mark_unflushed(struct sim_direction *direction) {
    if (!list_is_linked(&direction->unflushed))
        list_append(&direction->connection->sim->unflushed, &direction->unflushed);
}

static void written(struct sim_stream *stream) {
    count_pending(stream);
    mark_unflushed(out_of(stream));
}

static void sim_stream_write_copy(struct stream *base, const void *data, size_t size) {
    struct sim_stream *stream = to_sim_stream(base);

    assert(!stream->wants_end || stream->connection == NULL);
    if (stream->connection == NULL || size == 0)
        return;
    buffer_append(&out_of(stream)->out, data, size);
    written(stream);
}

static void sim_stream_write(struct stream *base, struct buffer *bytes) {
    struct sim_stream *stream = to_sim_stream(base);

    if (stream->connection != NULL && bytes->size > 0 && out_of(stream)->out.size == 0) {
        assert(!stream->wants_end);
        buffer_swap(&out_of(stream)->out, bytes);
        written(stream);
    } else {
        sim_stream_write_copy(base, bytes->data, bytes->size);
    }
    buffer_done(bytes);
}

static void sim_stream_set_reading(struct stream *base, bool on) {
    struct sim_stream *stream = to_sim_stream(base);
    bool resumes = on && !stream->wants_data;
    struct sim_piece *first;

    stream->wants_data = on;
    if (!resumes || stream->connection == NULL)
        return;
    first = list_first(&stream->connection->directions[stream->index].pieces, struct sim_piece, member);
    if (first != NULL && (first->is_local || !is_cut(stream->connection)))
        resume(&stream->connection->directions[stream->index], 0);
}

static void sim_stream_shutdown(struct stream *base) {
    struct sim_stream *stream = to_sim_stream(base);

    if (stream->connection == NULL || stream->wants_end)
        return;
    stream->wants_end = true;
    mark_unflushed(out_of(stream));
}

static void sim_stream_close(struct stream *base) {
    struct sim_stream *stream = to_sim_stream(base);
    struct sim_connection *connection = stream->connection;

    /* The peer gets what is on its way, then the end; what was not sent yet is dropped, as it is by close(2). */
    if (connection != NULL) {
        if (connection->ends[1 - stream->index] != NULL)
            push_end(out_of(stream));
        detach(stream);
    }
    list_remove(&stream->member);
    list_append(&stream->node->sim->closed_streams, &stream->member);
}

static const struct stream_ops sim_stream_ops = {
    .write = sim_stream_write,
    .set_reading = sim_stream_set_reading,
    .shutdown = sim_stream_shutdown,
    .close = sim_stream_close,
    .write_copy = sim_stream_write_copy,
};

/* Sending */

static void push_data(struct sim_direction *direction, size_t size) {
    struct sim *sim = direction->connection->sim;
    struct sim_piece *piece = piece_new(sim, PIECE_DATA);

    if (size == direction->out.size) {
        buffer_swap(&piece->bytes, &direction->out);
    } else {
        buffer_append(&piece->bytes, direction->out.data, size);
        buffer_consume(&direction->out, size);
    }
    push(direction, piece);
}

static void flush_direction(struct sim_direction *direction) {
    struct sim_connection *connection = direction->connection;
    struct sim_stream *sender = connection->ends[1 - direction->to];
    struct sim *sim = connection->sim;

    if (sender == NULL || !may_send(sender))
        return;
    if (direction->out.size > 0 && direction->carried < WINDOW_BYTES) {
        size_t size = WINDOW_BYTES - direction->carried;

        if (size > direction->out.size)
            size = direction->out.size;
        if (size > 1 && sim_chance(sim, sim->faults.split)) {
            size_t first = 1 + (size_t)(sim_draw(sim) % (size - 1));

            sim->counts.splits++;
            push_data(direction, first);
            size -= first;
        }
        push_data(direction, size);
    }
    count_pending(sender);
    if (direction->out.size == 0 && sender->wants_end)
        push_end(direction);
    if (sender->base.pending == 0 && sender->owes_drain) {
        sender->owes_drain = false;
        sim_schedule(sim, &sender->drain, sim->now);
    }
}

void sim_network_flush(struct sim *sim) {
    struct sim_direction *direction;

    while ((direction = list_first(&sim->unflushed, struct sim_direction, unflushed)) != NULL) {
        list_remove(&direction->unflushed);
        flush_direction(direction);
    }
}

void sim_network_drain(struct sim_event *event) {
    struct sim_stream *stream = container_of(event, struct sim_stream, drain);

    if (stream->base.pending > 0) {
        stream->owes_drain = true;
        return;
    }
    if (stream->base.events->on_drain != NULL)
        stream->base.events->on_drain(&stream->base);
}

/* Arrival */

static void tell_failure(struct sim_stream *stream, int code) {
    struct sim_connection *connection = stream->connection;
    bool was_connected = connection->is_connected || stream->index == 1;
    char text[ADDRESS_TEXT_BYTES];
    struct error err = ERROR_INIT;

    address_format(&stream->base.peer, text);
    error_set(&err, code, "%s %s: %s", was_connected ? "The connection failed to" : "Failed to connect to", text,
              strerror(code));
    sim_note(connection->sim, "fails", stream->node, connection->number, (uint64_t)code);
    detach(stream);
    if (stream->base.events->on_error != NULL)
        stream->base.events->on_error(&stream->base, &err);
    error_done(&err);
}

static struct sim_listener *find_listener(struct sim_node *node, const struct address *address) {
    struct sim_listener *listener;

    list_for_each (&node->listeners, listener, member)
        if (address->family == ADDRESS_TCP
                ? listener->base.address.family == ADDRESS_TCP && listener->base.address.port == address->port
                : address_equal(&listener->base.address, address))
            return listener;
    return NULL;
}

static void accept_connection(struct sim_listener *listener, struct sim_connection *connection) {
    struct sim_stream *stream = stream_new(connection, 1);

    stream->base.local = connection->ends[0]->base.peer;
    stream->base.peer = connection->ends[0]->base.local;
    sim_note(connection->sim, "accepts", listener->node, connection->number, listener->base.address.port);
    resume(&connection->directions[1], 0);
    listener->base.on_accept(&listener->base, &stream->base, listener->base.user);
    assert(stream->connection == NULL || stream->base.events != NULL);
}

static void arrive_call(struct sim_connection *connection) {
    struct sim_node *node = connection->nodes[1];
    struct sim_listener *listener = find_listener(node, &connection->target);

    piece_free(connection->sim, take_first(&connection->directions[1]));
    if (listener == NULL) {
        push_new(&connection->directions[0], PIECE_FAILURE, ECONNREFUSED);
        return;
    }
    push_new(&connection->directions[0], PIECE_ANSWER, 0);
    if (listener->accepting && list_is_empty(&listener->waiting))
        accept_connection(listener, connection);
    else
        list_append(&listener->waiting, &connection->waiting);
}

static void arrive_answer(struct sim_stream *stream) {
    struct sim_connection *connection = stream->connection;

    connection->is_connected = true;
    sim_unschedule(connection->sim, &connection->patience);
    connection->sim->counts.connections++;
    sim_note(connection->sim, "connects", stream->node, connection->number, 0);
    if (out_of(stream)->out.size > 0 || stream->wants_end)
        mark_unflushed(out_of(stream));
    if (stream->base.events->on_connect != NULL)
        stream->base.events->on_connect(&stream->base);
}

/* Something came for an end that is gone. */
static void arrive_nowhere(struct sim_connection *connection, size_t index, enum sim_piece_kind kind) {
    if (kind != PIECE_DATA || connection->is_reset)
        return;
    /* A machine that is off does not answer; its peer will lose patience. */
    if (connection->is_lost[index] && connection->nodes[index]->is_down)
        return;
    connection->is_reset = true;
    push_new(&connection->directions[1 - index], PIECE_FAILURE, ECONNRESET);
}

/* The first piece, of @kind, reaches @stream. */
static void arrive(struct sim_direction *direction, struct sim_stream *stream, enum sim_piece_kind kind) {
    struct sim_connection *connection = direction->connection;
    struct sim *sim = connection->sim;
    struct sim_stream *sender = connection->ends[1 - direction->to];
    struct sim_piece *piece;

    if (kind == PIECE_DATA && is_between_machines(connection) && sim_chance(sim, sim->faults.cut)) {
        sim->counts.cuts++;
        sim_note(sim, "cut", stream->node, connection->number, 0);
        break_end(connection, direction->to, ECONNRESET, 0);
        break_end(connection, 1 - direction->to, ECONNRESET, draw_delay(sim, connection));
        return;
    }
    /* All that concerns the connection is done before the owner is told, who may close it. */
    piece = take_first(direction);
    if (sender != NULL && direction->out.size > 0)
        mark_unflushed(direction);
    switch (piece->kind) {
    case PIECE_ANSWER:
        arrive_answer(stream);
        break;
    case PIECE_DATA:
        sim->counts.bytes += piece->bytes.size;
        sim_note(sim, "receives", stream->node, connection->number ^ (uint64_t)piece->bytes.size << 32,
                 sim_hash(piece->bytes.data, piece->bytes.size));
        if (stream->base.events->on_data != NULL)
            stream->base.events->on_data(&stream->base, piece->bytes.data, piece->bytes.size);
        break;
    case PIECE_END:
        sim_note(sim, "end", stream->node, connection->number, 0);
        if (stream->base.events->on_end != NULL)
            stream->base.events->on_end(&stream->base);
        break;
    case PIECE_FAILURE:
        tell_failure(stream, piece->code);
        break;
    case PIECE_CALL:
        assert(!"a call goes to a listener");
    }
    piece_free(sim, piece);
}

void sim_network_deliver(struct sim_event *event) {
    struct sim_direction *direction = container_of(event, struct sim_direction, event);
    struct sim_connection *connection = direction->connection;
    struct sim_stream *stream = connection->ends[direction->to];
    const struct sim_piece *first = list_first(&direction->pieces, struct sim_piece, member);
    bool is_call;

    assert(first != NULL);
    is_call = first->kind == PIECE_CALL;

    /* What can not arrive now is held: nothing is scheduled for this direction until resume(). */
    if (is_cut(connection) && !first->is_local)
        sim_note(connection->sim, "holds", connection->nodes[direction->to], connection->number, 0);
    else if (is_call && connection->nodes[1]->is_down)
        sim_note(connection->sim, "no answer", connection->nodes[1], connection->number, 0);
    else if (is_call)
        arrive_call(connection);
    else if (stream == NULL && list_is_linked(&connection->waiting))
        return; /* until it is accepted */
    else if (stream != NULL && !stream->wants_data && (first->kind == PIECE_DATA || first->kind == PIECE_END))
        return; /* until it is read */
    else if (stream != NULL)
        arrive(direction, stream, first->kind);
    else {
        struct sim_piece *piece = take_first(direction);

        arrive_nowhere(connection, direction->to, piece->kind);
        piece_free(connection->sim, piece);
    }
}

void sim_network_patience(struct sim_event *event) {
    struct sim_connection *connection = container_of(event, struct sim_connection, patience);

    sim_note(connection->sim, "gives up", connection->nodes[0], connection->number, 0);
    list_remove(&connection->waiting);
    break_both(connection, ETIMEDOUT);
}

/* Connecting and listening */

struct sim_node *sim_network_find_node(struct sim_node *from, const struct address *address) {
    const char *host = address->host;

    if (address->family == ADDRESS_UNIX || strcmp(host, "localhost") == 0 || strncmp(host, "127.", 4) == 0 ||
        strcmp(host, "0.0.0.0") == 0 || strcmp(host, "::1") == 0 || strcmp(host, "::") == 0)
        return from;
    return table_find(&from->sim->nodes_by_host, host);
}

struct stream *sim_connect(struct env *env, const struct address *address, const struct stream_events *events,
                           void *user) {
    struct sim_node *node = env_node(env), *target = sim_network_find_node(node, address);
    struct sim *sim = node->sim;
    struct sim_connection *connection = connection_new(node, target != NULL ? target : node, address);
    struct sim_stream *stream = stream_new(connection, 0);

    sim_node_touch(node);
    stream->base.events = events;
    stream->base.user = user;
    stream->base.peer = *address;
    if (address->family == ADDRESS_UNIX) {
        stream->base.local = *address;
    } else {
        stream->base.local = address_tcp(node->host, node->next_connecting_port);
        node->next_connecting_port = node->next_connecting_port == LAST_CONNECTING_PORT
                                         ? FIRST_CONNECTING_PORT
                                         : node->next_connecting_port + 1;
    }
    if (target == NULL) {
        break_end(connection, 0, EHOSTUNREACH, draw_delay(sim, connection));
    } else {
        push_new(&connection->directions[1], PIECE_CALL, 0);
        sim_schedule(sim, &connection->patience, sim->now + CONNECT_PATIENCE_NS);
    }
    return &stream->base;
}

static void sim_listener_set_accepting(struct listener *base, bool on) {
    struct sim_listener *listener = container_of(base, struct sim_listener, base);

    listener->accepting = on;
    if (on && !list_is_empty(&listener->waiting))
        sim_schedule(listener->node->sim, &listener->accept, listener->node->sim->now);
}

void sim_network_accept(struct sim_event *event) {
    struct sim_listener *listener = container_of(event, struct sim_listener, accept);
    struct sim_connection *connection = list_first(&listener->waiting, struct sim_connection, waiting);

    if (!listener->accepting || connection == NULL)
        return;
    list_remove(&connection->waiting);
    if (!list_is_empty(&listener->waiting))
        sim_schedule(listener->node->sim, &listener->accept, listener->node->sim->now);
    accept_connection(listener, connection);
}

/* Nobody will accept those who wait. */
static void turn_away(struct sim_listener *listener, enum sim_death death) {
    struct sim_connection *connection;

    list_for_each (&listener->waiting, connection, waiting) {
        list_remove(&connection->waiting);
        if (death == SIM_DEATH_SILENT) {
            connection->is_lost[1] = true;
            sim_schedule(connection->sim, &connection->patience, connection->sim->now + PATIENCE_NS);
        } else {
            connection->is_reset = true;
            push_new(&connection->directions[0], PIECE_FAILURE, ECONNRESET);
        }
    }
}

static void sim_listener_close(struct listener *base) {
    struct sim_listener *listener = container_of(base, struct sim_listener, base);
    struct sim *sim = listener->node->sim;

    turn_away(listener, SIM_DEATH_KILLED);
    sim_unschedule(sim, &listener->accept);
    list_remove(&listener->member);
    list_append(&sim->closed_listeners, &listener->member);
}

static const struct listener_ops sim_listener_ops = {
    .set_accepting = sim_listener_set_accepting,
    .close = sim_listener_close,
};

int sim_listen(struct env *env, const struct address *address, listener_accept *on_accept, void *user,
               struct listener **ret_listener, struct error *err) {
    struct sim_node *node = env_node(env);
    struct address bound = *address;
    struct sim_listener *listener;
    char text[ADDRESS_TEXT_BYTES];

    sim_node_touch(node);
    if (sim_network_find_node(node, address) != node)
        return error_set(err, EADDRNOTAVAIL, "Failed to listen on %s: %s", address_format(address, text),
                         strerror(EADDRNOTAVAIL));
    if (address->family == ADDRESS_TCP && address->port == 0) {
        do
            bound.port = node->next_listening_port++;
        while (find_listener(node, &bound) != NULL);
    } else if (find_listener(node, address) != NULL) {
        return error_set(err, EADDRINUSE, "Failed to listen on %s: %s", address_format(address, text),
                         strerror(EADDRINUSE));
    }
    listener = new0(struct sim_listener);
    listener->base = (struct listener){&sim_listener_ops, env, bound, on_accept, user};
    listener->node = node;
    listener->accepting = true;
    listener->accept.kind = SIM_EVENT_ACCEPT;
    list_init(&listener->waiting);
    list_append(&node->listeners, &listener->member);
    sim_note(node->sim, "listens", node, bound.port, 0);
    *ret_listener = &listener->base;
    return 0;
}

enum env_fate sim_message_fate(struct env *env, const struct address *to) {
    struct sim_node *node = env_node(env);
    const struct sim_node *target = sim_network_find_node(node, to);
    struct sim *sim = node->sim;

    if (target != NULL && target->machine == node->machine)
        return ENV_DELIVER;
    if (sim_chance(sim, sim->faults.drop)) {
        sim->counts.drops++;
        sim_note(sim, "drop", node, to->port, 0);
        return ENV_DROP;
    }
    if (sim_chance(sim, sim->faults.duplicate)) {
        sim->counts.duplicates++;
        sim_note(sim, "double", node, to->port, 0);
        return ENV_DUPLICATE;
    }
    return ENV_DELIVER;
}

/* Death, partitions */

static void stream_dies(struct sim_stream *stream, enum sim_death death) {
    struct sim_connection *connection = stream->connection;
    size_t peer = 1 - stream->index;

    if (connection == NULL)
        return;
    if (connection->ends[peer] != NULL) {
        if (death == SIM_DEATH_KILLED) {
            /* The kernel is still there to send what it has and to close in order. */
            stream->wants_end = true;
            flush_direction(&connection->directions[peer]);
            push_end(&connection->directions[peer]);
        } else if (death == SIM_DEATH_CRASHED) {
            connection->is_reset = true;
            push_new(&connection->directions[peer], PIECE_FAILURE, ECONNRESET);
        } else {
            connection->is_lost[stream->index] = true;
            if (!heap_contains(&connection->patience.member))
                sim_schedule(connection->sim, &connection->patience, connection->sim->now + PATIENCE_NS);
        }
    }
    detach(stream);
}

void sim_network_node_dies(struct sim_node *node, enum sim_death death) {
    struct sim_listener *listener;
    struct sim_stream *stream;

    /* The memory stays with its owners: stream_close() and listener_close() release it. */
    while ((listener = list_first(&node->listeners, struct sim_listener, member)) != NULL) {
        turn_away(listener, death);
        sim_unschedule(node->sim, &listener->accept);
        list_remove(&listener->member);
    }
    while ((stream = list_first(&node->streams, struct sim_stream, member)) != NULL) {
        list_remove(&stream->member);
        stream_dies(stream, death);
    }
}

void sim_network_node_rises(struct sim_node *node) {
    struct sim_connection *connection;

    sim_note(node->sim, "rises", node, 0, 0);
    list_for_each (&node->sim->connections, connection, member) {
        struct sim_piece *first = list_first(&connection->directions[1].pieces, struct sim_piece, member);

        if (connection->nodes[1] == node && first != NULL && first->kind == PIECE_CALL && !is_cut(connection))
            resume(&connection->directions[1], draw_delay(node->sim, connection));
    }
}

static bool is_connection_of(const struct sim_connection *connection, const struct sim_node *a,
                             const struct sim_node *b) {
    return (connection->nodes[0] == a && connection->nodes[1] == b) ||
           (connection->nodes[0] == b && connection->nodes[1] == a);
}

void sim_network_cut(struct sim *sim, const struct sim_node *a, const struct sim_node *b) {
    struct sim_connection *connection;

    sim_note(sim, "is cut", a, b->index, 0);
    list_for_each (&sim->connections, connection, member)
        if (is_connection_of(connection, a, b) && !heap_contains(&connection->patience.member))
            sim_schedule(sim, &connection->patience, sim->now + PATIENCE_NS);
}

void sim_network_heal(struct sim *sim, const struct sim_node *a, const struct sim_node *b) {
    struct sim_connection *connection;

    sim_note(sim, "heals", a, b->index, 0);
    list_for_each (&sim->connections, connection, member) {
        if (!is_connection_of(connection, a, b))
            continue;
        if (connection->is_connected && !connection->is_lost[0] && !connection->is_lost[1])
            sim_unschedule(sim, &connection->patience);
        resume(&connection->directions[0], draw_delay(sim, connection));
        resume(&connection->directions[1], draw_delay(sim, connection));
    }
}

/* Memory */

void sim_network_init(struct sim_node *node) {
    list_init(&node->streams);
    list_init(&node->listeners);
    node->next_listening_port = FIRST_LISTENING_PORT;
    node->next_connecting_port = FIRST_CONNECTING_PORT;
}

void sim_network_bury(struct sim *sim) {
    struct sim_stream *stream;
    struct sim_listener *listener;

    list_for_each (&sim->closed_streams, stream, member)
        free(stream);
    list_init(&sim->closed_streams);
    list_for_each (&sim->closed_listeners, listener, member)
        free(listener);
    list_init(&sim->closed_listeners);
}

void sim_network_done(struct sim *sim) {
    struct sim_connection *connection;
    struct sim_piece *piece;

    for (size_t i = 0; i < sim->node_count; i++) {
        struct sim_node *node = sim->nodes[i];
        struct sim_stream *stream;
        struct sim_listener *listener;

        list_for_each (&node->streams, stream, member)
            sim_stream_close(&stream->base);
        list_for_each (&node->listeners, listener, member)
            sim_listener_close(&listener->base);
    }
    list_for_each (&sim->connections, connection, member)
        connection_free(connection);
    sim_network_bury(sim);
    list_for_each (&sim->spare_pieces, piece, member) {
        buffer_done(&piece->bytes);
        free(piece);
    }
}
