/* SPDX-License-Identifier: Apache-2.0 */
/* TCP and UNIX streams over libuv.
 *
 * Small writes are copied into one buffer, large ones are taken over; before the loop waits, everything written in the
 * turn goes out with one system call. Only what the kernel does not take at once becomes a libuv request. */
#include <assert.h>
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/log.h"
#include "event/loop_internal.h"

enum {
    COPY_BYTES = 4096, /* smaller buffers are copied rather than taken over: fewer parts to send */
    PART_BYTES = SPARE_BUFFER_BYTES,
    PARTS_PER_CALL = 64,
    BACKLOG = 1024,
};

/*
 *   CONNECTING ──▶ OPEN ──▶ FAILED
 *       │           │          │
 *       └───────────┴──────────┴──▶ CLOSED (by the owner)
 */
enum stream_state { STREAM_CONNECTING, STREAM_OPEN, STREAM_FAILED, STREAM_CLOSED };

union stream_handle {
    uv_handle_t any;
    uv_stream_t stream;
    uv_tcp_t tcp;
    uv_pipe_t pipe;
};

/* What only a stream that is being connected needs. */
struct connecting {
    uv_getaddrinfo_t resolve;
    uv_connect_t request;
    struct addrinfo *found, *next; /* what the name stands for; what is tried after this attempt */
    bool is_resolving;
};

struct loop_stream {
    struct stream base; /* first */
    struct loop *loop;
    union stream_handle handle;
    enum stream_state state;
    bool has_handle; /* it is initialized and not yet closed */
    bool wants_data; /* set_reading() */
    bool has_ended;  /* on_end has come */
    bool wants_end;  /* shutdown() has been called */
    bool owes_drain; /* pending was above 0 */
    struct connecting *connecting;
    struct deferred deferred;
    struct error error; /* to be told by the loop */

    /* Output: `parts` are complete, `last` still grows. */
    struct buffer *parts;
    size_t part_count, part_capacity;
    struct buffer last;
    struct sending *sending; /* what a libuv request carries; NULL if none does */
};

struct sending {
    uv_write_t request;
    struct loop_stream *stream;
    size_t size;
    size_t part_count;
    struct buffer parts[];
};

struct loop_listener {
    struct listener base; /* first */
    struct loop *loop;
    union stream_handle handle;
    struct deferred deferred;
    bool accepting;
    bool has_waiting; /* libuv holds a connection that was not accepted; it takes no more until that is */
};

static const struct stream_ops loop_stream_ops;

static struct loop_stream *to_loop_stream(struct stream *stream) {
    return container_of(stream, struct loop_stream, base);
}

/* Memory */

static struct buffer take_spare(struct loop *loop) {
    return loop->spare_count > 0 ? loop->spares[--loop->spare_count] : BUFFER_INIT;
}

static void give_spare(struct loop *loop, struct buffer *buffer) {
    size_t whole = buffer->capacity + (size_t)(buffer->data - buffer->start);

    if (buffer->start == NULL || whole > SPARE_BUFFER_BYTES || loop->spare_count == SPARE_BUFFERS) {
        buffer_done(buffer);
        return;
    }
    buffer_clear(buffer);
    loop->spares[loop->spare_count++] = *buffer;
    *buffer = BUFFER_INIT;
}

static void drop_output(struct loop_stream *stream) {
    for (size_t i = 0; i < stream->part_count; i++)
        buffer_done(&stream->parts[i]);
    free(stream->parts);
    stream->parts = NULL;
    stream->part_count = stream->part_capacity = 0;
    give_spare(stream->loop, &stream->last);
    stream->base.pending = 0;
}

static void connecting_free(struct loop_stream *stream) {
    if (stream->connecting == NULL)
        return;
    uv_freeaddrinfo(stream->connecting->found);
    free(stream->connecting);
    stream->connecting = NULL;
}

static void stream_release(struct loop_stream *stream) {
    connecting_free(stream);
    list_remove(&stream->deferred.member);
    error_done(&stream->error);
    free(stream);
}

/* Addresses */

static void address_from_socket(const struct sockaddr_storage *from, struct address *ret) {
    *ret = (struct address){.family = ADDRESS_TCP};
    if (from->ss_family == AF_INET) {
        const struct sockaddr_in *in = (const struct sockaddr_in *)from;

        uv_ip4_name(in, ret->host, sizeof(ret->host));
        ret->port = ntohs(in->sin_port);
    } else if (from->ss_family == AF_INET6) {
        const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)from;

        uv_ip6_name(in6, ret->host, sizeof(ret->host));
        ret->port = ntohs(in6->sin6_port);
    }
}

static void find_addresses(struct loop_stream *stream) {
    struct sockaddr_storage address = {0};
    int size = sizeof(address);

    if (uv_tcp_getsockname(&stream->handle.tcp, (struct sockaddr *)&address, &size) == 0)
        address_from_socket(&address, &stream->base.local);
    size = sizeof(address);
    if (uv_tcp_getpeername(&stream->handle.tcp, (struct sockaddr *)&address, &size) == 0)
        address_from_socket(&address, &stream->base.peer);
}

/* Failure and end */

/* Tell the owner; nothing of the stream may be touched afterwards. */
static void tell_error(struct loop_stream *stream) {
    struct error err = stream->error;

    stream->error = ERROR_INIT;
    stream->state = STREAM_FAILED;
    if (stream->has_handle)
        uv_read_stop(&stream->handle.stream);
    drop_output(stream);
    if (stream->base.events->on_error != NULL)
        stream->base.events->on_error(&stream->base, &err);
    error_done(&err);
}

static void fail(struct loop_stream *stream, int code, const char *doing) {
    char text[ADDRESS_TEXT_BYTES];

    error_uv(&stream->error, code, "%s %s", doing, address_format(&stream->base.peer, text));
    tell_error(stream);
}

/* As fail(), but from inside a call of the owner: it is told by the loop. */
static void fail_later(struct loop_stream *stream, int code, const char *doing) {
    char text[ADDRESS_TEXT_BYTES];

    error_uv(&stream->error, code, "%s %s", doing, address_format(&stream->base.peer, text));
    loop_defer(stream->loop, &stream->deferred);
}

static void on_stream_closed(uv_handle_t *handle) {
    stream_release(handle->data);
}

static void loop_stream_close(struct stream *base) {
    struct loop_stream *stream = to_loop_stream(base);

    assert(stream->state != STREAM_CLOSED);
    stream->state = STREAM_CLOSED;
    list_remove(&stream->deferred.member);
    drop_output(stream);
    if (stream->has_handle) {
        if (!uv_is_closing(&stream->handle.any)) {
            uv_close(&stream->handle.any, on_stream_closed);
            return;
        }
        return; /* between two attempts to connect: released in on_attempt_closed() */
    }
    if (stream->connecting != NULL && stream->connecting->is_resolving)
        uv_cancel((uv_req_t *)&stream->connecting->resolve); /* released in on_resolved() */
    else
        stream_release(stream);
}

/* Reading */

static void on_allocate(uv_handle_t *handle, size_t suggested_bytes, uv_buf_t *ret) {
    struct loop *loop = ((struct loop_stream *)handle->data)->loop;

    /* One buffer for all: its content is used up before the next read. */
    *ret = uv_buf_init(loop->read_buffer, sizeof(loop->read_buffer));
}

static void on_read(uv_stream_t *handle, ssize_t size, const uv_buf_t *buffer) {
    struct loop_stream *stream = handle->data;
    const struct stream_events *events = stream->base.events;

    loop_enter(stream->loop);
    if (size > 0) {
        if (events->on_data != NULL)
            events->on_data(&stream->base, buffer->base, (size_t)size);
        /* An answer goes out at once: the peer can go on while the other streams are read. */
        if (list_is_linked(&stream->deferred.member)) {
            list_remove(&stream->deferred.member);
            stream->deferred.run(&stream->deferred);
        }
    } else if (size == UV_EOF) {
        stream->has_ended = true;
        uv_read_stop(handle);
        if (events->on_end != NULL)
            events->on_end(&stream->base);
    } else if (size < 0) {
        fail(stream, (int)size, "Failed to receive from");
    }
}

static void start_reading(struct loop_stream *stream) {
    int result;

    if (stream->state != STREAM_OPEN || !stream->wants_data || stream->has_ended)
        return;
    result = uv_read_start(&stream->handle.stream, on_allocate, on_read);
    if (result < 0 && result != UV_EALREADY)
        fail_later(stream, result, "Failed to receive from");
}

static void loop_stream_set_reading(struct stream *base, bool on) {
    struct loop_stream *stream = to_loop_stream(base);

    if (on == stream->wants_data)
        return;
    stream->wants_data = on;
    if (on)
        start_reading(stream);
    else if (stream->state == STREAM_OPEN)
        uv_read_stop(&stream->handle.stream);
}

/* Writing */

static void add_part(struct loop_stream *stream, struct buffer *part) {
    if (stream->part_count == stream->part_capacity) {
        stream->part_capacity = stream->part_capacity == 0 ? 4 : stream->part_capacity * 2;
        stream->parts = xrealloc(stream->parts, stream->part_capacity * sizeof(stream->parts[0]));
    }
    stream->parts[stream->part_count++] = *part;
    *part = BUFFER_INIT;
}

static void added(struct loop_stream *stream, size_t size) {
    stream->base.pending += size;
    stream->owes_drain = true;
    if (stream->state == STREAM_OPEN && stream->sending == NULL)
        loop_defer(stream->loop, &stream->deferred);
}

static bool takes_output(const struct loop_stream *stream, size_t size) {
    assert(stream->state != STREAM_CLOSED && (!stream->wants_end || stream->state == STREAM_FAILED));
    return size > 0 && stream->state != STREAM_FAILED && stream->error.message == NULL;
}

static void loop_stream_write_copy(struct stream *base, const void *data, size_t size) {
    struct loop_stream *stream = to_loop_stream(base);

    if (!takes_output(stream, size))
        return;
    if (stream->last.size > 0 && stream->last.size + size > PART_BYTES)
        add_part(stream, &stream->last);
    if (stream->last.start == NULL)
        stream->last = take_spare(stream->loop);
    buffer_append(&stream->last, data, size);
    added(stream, size);
}

static void loop_stream_write(struct stream *base, struct buffer *bytes) {
    struct loop_stream *stream = to_loop_stream(base);
    size_t size = bytes->size;

    if (size < COPY_BYTES || !takes_output(stream, size)) {
        loop_stream_write_copy(base, bytes->data, size);
        buffer_done(bytes);
        return;
    }
    if (stream->last.size > 0)
        add_part(stream, &stream->last);
    add_part(stream, bytes);
    added(stream, size);
}

/* All is with the kernel. Nothing of the stream may be touched afterwards. */
static void drained(struct loop_stream *stream) {
    int fd;

    free(stream->parts);
    stream->parts = NULL;
    stream->part_capacity = 0;
    /* libuv's own shutdown request would take a turn more for the same call. */
    if (stream->wants_end && uv_fileno(&stream->handle.any, &fd) == 0)
        shutdown(fd, SHUT_WR);
    if (!stream->owes_drain)
        return;
    stream->owes_drain = false;
    if (stream->base.events->on_drain != NULL)
        stream->base.events->on_drain(&stream->base);
}

static void on_sent(uv_write_t *request, int status) {
    struct sending *sending = container_of(request, struct sending, request);
    struct loop_stream *stream = sending->stream;
    size_t size = sending->size;

    for (size_t i = 0; i < sending->part_count; i++)
        buffer_done(&sending->parts[i]);
    free(sending);
    stream->sending = NULL;
    if (stream->state != STREAM_OPEN)
        return;
    loop_enter(stream->loop);
    if (status < 0) {
        fail(stream, status, "Failed to send to");
        return;
    }
    stream->base.pending -= size;
    if (stream->base.pending > 0)
        loop_defer(stream->loop, &stream->deferred);
    else
        drained(stream);
}

/* Hand all output to a libuv request, which waits until the kernel takes it. */
static int send_by_request(struct loop_stream *stream) {
    size_t count = stream->part_count + (stream->last.size > 0);
    struct sending *sending = xmalloc(sizeof(*sending) + count * sizeof(sending->parts[0]));
    uv_buf_t *vector = xmalloc(count * sizeof(vector[0]));
    int result;

    sending->stream = stream;
    sending->part_count = count;
    sending->size = stream->base.pending;
    if (stream->part_count > 0)
        memcpy(sending->parts, stream->parts, stream->part_count * sizeof(stream->parts[0]));
    stream->part_count = 0;
    if (stream->last.size > 0) {
        sending->parts[count - 1] = stream->last;
        stream->last = BUFFER_INIT;
    }
    for (size_t i = 0; i < count; i++)
        vector[i] = uv_buf_init(sending->parts[i].data, (unsigned)sending->parts[i].size);
    stream->sending = sending;
    result = uv_write(&sending->request, &stream->handle.stream, vector, (unsigned)count, on_sent);
    free(vector);
    if (result < 0) {
        for (size_t i = 0; i < count; i++)
            buffer_done(&sending->parts[i]);
        free(sending);
        stream->sending = NULL;
    }
    return result;
}

static void consume_output(struct loop_stream *stream, size_t size) {
    size_t first = 0;

    stream->base.pending -= size;
    while (first < stream->part_count && size >= stream->parts[first].size) {
        size -= stream->parts[first].size;
        give_spare(stream->loop, &stream->parts[first++]);
    }
    if (first > 0) {
        stream->part_count -= first;
        memmove(stream->parts, stream->parts + first, stream->part_count * sizeof(stream->parts[0]));
    }
    if (stream->part_count > 0)
        buffer_consume(&stream->parts[0], size);
    else if (size == stream->last.size)
        give_spare(stream->loop, &stream->last);
    else
        buffer_consume(&stream->last, size);
}

/* Send what the kernel takes at once; the rest follows by a request. */
static void flush(struct loop_stream *stream) {
    while (stream->base.pending > 0) {
        uv_buf_t vector[PARTS_PER_CALL];
        unsigned count = 0;
        size_t offered = 0;
        int sent;

        for (size_t i = 0; i < stream->part_count && count < PARTS_PER_CALL; i++)
            vector[count++] = uv_buf_init(stream->parts[i].data, (unsigned)stream->parts[i].size);
        if (count < PARTS_PER_CALL && stream->last.size > 0)
            vector[count++] = uv_buf_init(stream->last.data, (unsigned)stream->last.size);
        for (unsigned i = 0; i < count; i++)
            offered += vector[i].len;
        sent = uv_try_write(&stream->handle.stream, vector, count);
        if (sent < 0 && sent != UV_EAGAIN) {
            fail(stream, sent, "Failed to send to");
            return;
        }
        if (sent > 0)
            consume_output(stream, (size_t)sent);
        if (sent < 0 || (size_t)sent < offered) {
            sent = send_by_request(stream);
            if (sent < 0)
                fail(stream, sent, "Failed to send to");
            return;
        }
    }
    drained(stream);
}

static void run_stream(struct deferred *deferred) {
    struct loop_stream *stream = container_of(deferred, struct loop_stream, deferred);

    if (stream->error.message != NULL)
        tell_error(stream);
    else if (stream->state == STREAM_OPEN && stream->sending == NULL)
        flush(stream);
}

static void loop_stream_shutdown(struct stream *base) {
    struct loop_stream *stream = to_loop_stream(base);

    if (stream->wants_end || stream->state == STREAM_FAILED)
        return;
    stream->wants_end = true;
    if (stream->state == STREAM_OPEN && stream->sending == NULL)
        loop_defer(stream->loop, &stream->deferred);
}

static const struct stream_ops loop_stream_ops = {
    .write = loop_stream_write,
    .set_reading = loop_stream_set_reading,
    .shutdown = loop_stream_shutdown,
    .close = loop_stream_close,
    .write_copy = loop_stream_write_copy,
};

static struct loop_stream *loop_stream_new(struct loop *loop) {
    struct loop_stream *stream = new0(struct loop_stream);

    stream->base.ops = &loop_stream_ops;
    stream->base.env = &loop->env;
    stream->loop = loop;
    stream->wants_data = true;
    stream->deferred.run = run_stream;
    return stream;
}

static void opened(struct loop_stream *stream) {
    stream->state = STREAM_OPEN;
    if (stream->base.peer.family == ADDRESS_TCP) {
        uv_tcp_nodelay(&stream->handle.tcp, 1);
        find_addresses(stream);
    }
    if (stream->base.pending > 0 || stream->wants_end)
        loop_defer(stream->loop, &stream->deferred);
}

/* Connecting */

static void try_next(struct loop_stream *stream);

static void on_attempt_closed(uv_handle_t *handle) {
    struct loop_stream *stream = handle->data;

    stream->has_handle = false;
    loop_enter(stream->loop);
    if (stream->state == STREAM_CLOSED)
        stream_release(stream);
    else
        try_next(stream);
}

/* One address has failed: go on with the next, or fail with the reason of the last. */
static void attempt_failed(struct loop_stream *stream, int code) {
    if (stream->connecting->next != NULL) {
        uv_close(&stream->handle.any, on_attempt_closed);
        return;
    }
    fail_later(stream, code, "Failed to connect to");
}

static void on_connected(uv_connect_t *request, int status) {
    struct loop_stream *stream = request->data;

    loop_enter(stream->loop);
    if (stream->state == STREAM_CLOSED)
        return; /* on_stream_closed() follows */
    if (status < 0) {
        attempt_failed(stream, status);
        return;
    }
    connecting_free(stream);
    opened(stream);
    start_reading(stream);
    if (stream->base.events->on_connect != NULL)
        stream->base.events->on_connect(&stream->base);
}

static void try_address(struct loop_stream *stream, const struct sockaddr *address) {
    int result = uv_tcp_init(&stream->loop->uv, &stream->handle.tcp);

    stream->handle.any.data = stream;
    stream->connecting->request.data = stream;
    stream->has_handle = true;
    if (result == 0)
        result = uv_tcp_connect(&stream->connecting->request, &stream->handle.tcp, address, on_connected);
    if (result < 0)
        attempt_failed(stream, result);
}

static void try_next(struct loop_stream *stream) {
    struct addrinfo *next = stream->connecting->next;

    stream->connecting->next = next->ai_next;
    try_address(stream, next->ai_addr);
}

static void on_resolved(uv_getaddrinfo_t *request, int status, struct addrinfo *found) {
    struct loop_stream *stream = request->data;

    stream->connecting->is_resolving = false;
    stream->connecting->found = stream->connecting->next = found;
    loop_enter(stream->loop);
    if (stream->state == STREAM_CLOSED)
        stream_release(stream);
    else if (status < 0 || found == NULL)
        fail_later(stream, status < 0 ? status : -ENOENT, "Failed to resolve");
    else
        try_next(stream);
}

static void connect_tcp(struct loop_stream *stream, const struct address *address) {
    static const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    union {
        struct sockaddr any;
        struct sockaddr_in ip4;
        struct sockaddr_in6 ip6;
    } numeric;
    char port[8];
    int result;

    if (uv_ip4_addr(address->host, address->port, &numeric.ip4) == 0 ||
        uv_ip6_addr(address->host, address->port, &numeric.ip6) == 0) {
        try_address(stream, &numeric.any);
        return;
    }
    snprintf(port, sizeof(port), "%u", address->port);
    stream->connecting->resolve.data = stream;
    result = uv_getaddrinfo(&stream->loop->uv, &stream->connecting->resolve, on_resolved, address->host, port, &hints);
    if (result < 0)
        fail_later(stream, result, "Failed to resolve");
    else
        stream->connecting->is_resolving = true;
}

/* libuv cuts longer paths. */
static bool is_unix_path(const char *path) {
    return strlen(path) < sizeof(((struct sockaddr_un *)NULL)->sun_path);
}

static void connect_unix(struct loop_stream *stream, const struct address *address) {
    if (!is_unix_path(address->host)) {
        fail_later(stream, -ENAMETOOLONG, "Failed to connect to");
        return;
    }
    uv_pipe_init(&stream->loop->uv, &stream->handle.pipe, 0);
    stream->handle.any.data = stream;
    stream->connecting->request.data = stream;
    stream->has_handle = true;
    uv_pipe_connect(&stream->connecting->request, &stream->handle.pipe, address->host, on_connected);
}

struct stream *loop_connect(struct env *env, const struct address *address, const struct stream_events *events,
                            void *user) {
    struct loop_stream *stream = loop_stream_new(env_loop(env));

    stream->base.events = events;
    stream->base.user = user;
    stream->base.peer = *address;
    stream->base.local.family = address->family;
    stream->state = STREAM_CONNECTING;
    stream->connecting = new0(struct connecting);
    if (address->family == ADDRESS_UNIX)
        connect_unix(stream, address);
    else
        connect_tcp(stream, address);
    return &stream->base;
}

/* Listening */

static void accept_one(struct loop_listener *listener) {
    struct loop_stream *stream = loop_stream_new(listener->loop);
    bool is_unix = listener->base.address.family == ADDRESS_UNIX;
    int result = is_unix ? uv_pipe_init(&listener->loop->uv, &stream->handle.pipe, 0)
                         : uv_tcp_init(&listener->loop->uv, &stream->handle.tcp);

    assert(result == 0); /* they make no descriptor and can not fail */
    stream->handle.any.data = stream;
    stream->has_handle = true;
    result = uv_accept(&listener->handle.stream, &stream->handle.stream);
    if (result < 0) {
        log_warning("Failed to accept a connection: %s", uv_strerror(result));
        loop_stream_close(&stream->base);
        return;
    }
    stream->base.local = stream->base.peer = listener->base.address;
    opened(stream);
    listener->base.on_accept(&listener->base, &stream->base, listener->base.user);
    if (stream->state == STREAM_CLOSED)
        return;
    assert(stream->base.events != NULL);
    start_reading(stream);
}

static void on_connection(uv_stream_t *handle, int status) {
    struct loop_listener *listener = handle->data;

    loop_enter(listener->loop);
    if (status < 0)
        log_warning("Failed to accept a connection: %s", uv_strerror(status));
    else if (listener->accepting)
        accept_one(listener);
    else
        listener->has_waiting = true;
}

static void run_listener(struct deferred *deferred) {
    struct loop_listener *listener = container_of(deferred, struct loop_listener, deferred);

    if (!listener->accepting || !listener->has_waiting)
        return;
    listener->has_waiting = false;
    accept_one(listener);
}

static void loop_listener_set_accepting(struct listener *base, bool on) {
    struct loop_listener *listener = container_of(base, struct loop_listener, base);

    listener->accepting = on;
    if (on && listener->has_waiting)
        loop_defer(listener->loop, &listener->deferred);
}

static void on_listener_closed(uv_handle_t *handle) {
    free(handle->data);
}

static void loop_listener_close(struct listener *base) {
    struct loop_listener *listener = container_of(base, struct loop_listener, base);

    list_remove(&listener->deferred.member);
    uv_close(&listener->handle.any, on_listener_closed);
}

static const struct listener_ops loop_listener_ops = {
    .set_accepting = loop_listener_set_accepting,
    .close = loop_listener_close,
};

static int bind_tcp(struct loop_listener *listener, struct error *err) {
    const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE};
    struct address *address = &listener->base.address;
    struct sockaddr_storage bound = {0};
    struct addrinfo *found = NULL;
    int size = sizeof(bound), result;
    char port[8];

    /* This happens at start-up: a name may be waited for. */
    snprintf(port, sizeof(port), "%u", address->port);
    result = getaddrinfo(address->host, port, &hints, &found);
    if (result != 0)
        return error_set(err, ENOENT, "Failed to resolve '%s': %s", address->host, gai_strerror(result));
    result = uv_tcp_bind(&listener->handle.tcp, found->ai_addr, 0);
    freeaddrinfo(found);
    if (result == 0)
        result = uv_listen(&listener->handle.stream, BACKLOG, on_connection);
    if (result == 0)
        result = uv_tcp_getsockname(&listener->handle.tcp, (struct sockaddr *)&bound, &size);
    if (result < 0)
        return error_uv(err, result, "Failed to listen on %s:%u", address->host, address->port);
    address_from_socket(&bound, address);
    return 0;
}

/* Whether somebody listens at the socket @path. One left by a process that is gone refuses. */
static bool is_in_use(const char *path) {
    cleanup_close int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    memcpy(address.sun_path, path, strlen(path) + 1);
    return fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0 || errno != ECONNREFUSED;
}

static int bind_unix(struct loop_listener *listener, struct error *err) {
    const char *path = listener->base.address.host;
    int result;

    if (!is_unix_path(path))
        return error_set(err, ENAMETOOLONG, "Failed to listen on '%s': the path is too long for a socket", path);
    result = uv_pipe_bind(&listener->handle.pipe, path);
    if (result == UV_EADDRINUSE && !is_in_use(path)) {
        unlink(path);
        result = uv_pipe_bind(&listener->handle.pipe, path);
    }
    if (result == 0)
        result = uv_listen(&listener->handle.stream, BACKLOG, on_connection);
    return result < 0 ? error_uv(err, result, "Failed to listen on '%s'", path) : 0;
}

int loop_listen(struct env *env, const struct address *address, listener_accept *on_accept, void *user,
                struct listener **ret_listener, struct error *err) {
    struct loop *loop = env_loop(env);
    struct loop_listener *listener = new0(struct loop_listener);
    int result;

    listener->base = (struct listener){&loop_listener_ops, env, *address, on_accept, user};
    listener->loop = loop;
    listener->accepting = true;
    listener->deferred.run = run_listener;
    if (address->family == ADDRESS_UNIX) {
        uv_pipe_init(&loop->uv, &listener->handle.pipe, 0);
        result = bind_unix(listener, err);
    } else {
        uv_tcp_init(&loop->uv, &listener->handle.tcp);
        result = bind_tcp(listener, err);
    }
    listener->handle.any.data = listener;
    if (result < 0) {
        loop_listener_close(&listener->base);
        return -1;
    }
    *ret_listener = &listener->base;
    return 0;
}
