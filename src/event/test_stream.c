/* SPDX-License-Identifier: Apache-2.0 */
/* The promises of event/stream.h, held by each kind of stream: every test runs over TCP, UNIX and simulated ones. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "event/loop.h"
#include "event/sim.h"

enum { MANY_BYTES = 3 << 20 };

/* Both ends of a connection, and what they have seen. */
struct end {
    struct fixture *fixture;
    struct stream *stream;
    struct buffer received;
    size_t answered;
    int connects, ends, drains, errors, error_code;
    bool in_call; /* an event must not come from inside a call */
    void (*on_data)(struct end *end);
};

struct fixture {
    struct loop *loop;
    struct sim *sim;
    struct env *client_env, *server_env;
    struct address address;
    char directory[32];
    struct listener *listener;
    struct end client, server;
    int accepted;
    bool (*condition)(struct fixture *fixture);
    struct env_timer deadline;
};

static void check(struct fixture *f) {
    if (f->loop != NULL && f->condition != NULL && f->condition(f))
        loop_stop(f->loop);
}

static void on_deadline(struct env_timer *timer) {
    fail_msg("what was waited for has not come");
}

static bool holds(void *user) {
    struct fixture *f = user;

    return f->condition(f);
}

static void wait_for(struct fixture *f, bool (*condition)(struct fixture *f)) {
    f->condition = condition;
    if (f->sim != NULL) {
        assert_true(sim_run_until(f->sim, sim_now(f->sim) + 10 * SECOND, holds, f));
    } else if (!condition(f)) {
        env_timer_init(&f->deadline, f->client_env, on_deadline);
        env_timer_start(&f->deadline, 20 * SECOND);
        loop_run(f->loop);
        env_timer_done(&f->deadline);
        assert_true(condition(f));
    }
    f->condition = NULL;
}

static struct end *end_of(struct stream *stream) {
    struct end *end = stream->user;

    assert_false(end->in_call);
    assert_ptr_equal(end->stream, stream);
    return end;
}

static void on_connect(struct stream *stream) {
    struct end *end = end_of(stream);

    end->connects++;
    check(end->fixture);
}

static void on_data(struct stream *stream, const char *data, size_t size) {
    struct end *end = end_of(stream);

    assert_int_equal(end->ends, 0);
    buffer_append(&end->received, data, size);
    if (end->on_data != NULL)
        end->on_data(end);
    check(end->fixture);
}

static void on_end(struct stream *stream) {
    struct end *end = end_of(stream);

    end->ends++;
    check(end->fixture);
}

static void on_drain(struct stream *stream) {
    struct end *end = end_of(stream);

    assert_int_equal(stream_pending(stream), 0);
    end->drains++;
    check(end->fixture);
}

static void on_error(struct stream *stream, const struct error *err) {
    struct end *end = end_of(stream);

    assert_non_null(err->message);
    end->errors++;
    end->error_code = err->code;
    check(end->fixture);
}

static const struct stream_events events = {on_connect, on_data, on_end, on_drain, on_error};

static void on_accept(struct listener *listener, struct stream *stream, void *user) {
    struct fixture *f = user;

    f->accepted++;
    if (f->server.stream != NULL) {
        stream_close(stream);
        return;
    }
    stream->events = &events;
    stream->user = &f->server;
    f->server.stream = stream;
    check(f);
}

static void listen_for_streams(struct fixture *f) {
    assert_int_equal(env_listen(f->server_env, &f->address, on_accept, f, &f->listener, NULL), 0);
    f->address = *listener_address(f->listener);
}

static void begin_connect(struct fixture *f) {
    f->client.in_call = true;
    f->client.stream = env_connect(f->client_env, &f->address, &events, &f->client);
    f->client.in_call = false;
}

static bool is_connected(struct fixture *f) {
    return f->client.connects == 1 && f->server.stream != NULL;
}

static void connect_both(struct fixture *f) {
    listen_for_streams(f);
    begin_connect(f);
    wait_for(f, is_connected);
}

static void end_close(struct end *end) {
    stream_close(end->stream);
    end->stream = NULL;
}

static int teardown(void **state) {
    struct fixture *f = *state;

    end_close(&f->client);
    end_close(&f->server);
    listener_close(f->listener);
    buffer_done(&f->client.received);
    buffer_done(&f->server.received);
    loop_free(f->loop);
    sim_free(f->sim);
    if (f->directory[0] != '\0')
        rmdir(f->directory);
    free(f);
    return 0;
}

static struct fixture *fixture_new(void **state) {
    struct fixture *f = new0(struct fixture);

    f->client.fixture = f->server.fixture = f;
    *state = f;
    return f;
}

static int setup_tcp(void **state) {
    struct fixture *f = fixture_new(state);

    f->loop = loop_new(NULL);
    f->client_env = f->server_env = loop_env(f->loop);
    f->address = address_tcp("127.0.0.1", 0);
    return 0;
}

static int setup_unix(void **state) {
    struct fixture *f = fixture_new(state);

    f->loop = loop_new(NULL);
    f->client_env = f->server_env = loop_env(f->loop);
    snprintf(f->directory, sizeof(f->directory), "/tmp/test-stream-XXXXXX");
    assert_non_null(mkdtemp(f->directory));
    f->address.family = ADDRESS_UNIX;
    snprintf(f->address.host, sizeof(f->address.host), "%s/socket", f->directory);
    return 0;
}

static int setup_sim(void **state) {
    static const struct sim_faults faults = {
        .delay_least_ns = MILLISECOND, .delay_most_ns = 20 * MILLISECOND, .split = 0.3};
    struct fixture *f = fixture_new(state);

    f->sim = sim_new(7);
    sim_set_faults(f->sim, &faults);
    f->server_env = sim_node_env(sim_node_new(f->sim, "10.0.0.1"));
    f->client_env = sim_node_env(sim_node_new(f->sim, "10.0.0.2"));
    f->address = address_tcp("10.0.0.1", 0);
    return 0;
}

/* Tests */

static bool has_greeting(struct fixture *f) {
    return f->server.received.size >= 5;
}

static bool has_answer(struct fixture *f) {
    return f->client.received.size >= 6;
}

static void bytes_go_both_ways(void **state) {
    struct fixture *f = *state;

    connect_both(f);
    stream_write(f->client.stream, "hel", 3);
    stream_write(f->client.stream, "lo", 2);
    wait_for(f, has_greeting);
    assert_string_equal(buffer_text(&f->server.received), "hello");
    stream_write(f->server.stream, "answer", 6);
    wait_for(f, has_answer);
    assert_string_equal(buffer_text(&f->client.received), "answer");
}

static void both_ends_know_their_addresses(void **state) {
    struct fixture *f = *state;

    connect_both(f);
    assert_true(address_equal(&f->client.stream->peer, &f->address));
    assert_true(address_equal(&f->server.stream->local, &f->address));
    if (f->address.family == ADDRESS_TCP) {
        assert_true(address_equal(&f->client.stream->local, &f->server.stream->peer));
        assert_int_not_equal(f->client.stream->local.port, 0);
    }
}

static void bytes_written_before_the_connection_is_there_arrive(void **state) {
    struct fixture *f = *state;

    listen_for_streams(f);
    begin_connect(f);
    stream_write(f->client.stream, "hello", 5);
    assert_int_equal(stream_pending(f->client.stream), 5);
    wait_for(f, has_greeting);
    assert_string_equal(buffer_text(&f->server.received), "hello");
}

static bool client_failed(struct fixture *f) {
    return f->client.errors > 0;
}

static void connecting_where_nobody_listens_is_refused_by_an_event(void **state) {
    struct fixture *f = *state;

    listen_for_streams(f);
    listener_close(f->listener);
    f->listener = NULL;
    begin_connect(f);
    assert_int_equal(f->client.errors, 0);
    wait_for(f, client_failed);
    assert_int_equal(f->client.connects, 0);
    assert_int_equal(f->client.error_code, f->address.family == ADDRESS_UNIX ? ENOENT : ECONNREFUSED);
}

static bool server_ended(struct fixture *f) {
    return f->server.ends > 0;
}

static bool client_ended(struct fixture *f) {
    return f->client.ends > 0;
}

static void shutdown_ends_one_direction_after_what_was_written(void **state) {
    struct fixture *f = *state;

    connect_both(f);
    stream_write(f->client.stream, "hello", 5);
    stream_shutdown(f->client.stream);
    wait_for(f, server_ended);
    assert_string_equal(buffer_text(&f->server.received), "hello");
    stream_write(f->server.stream, "answer", 6);
    stream_shutdown(f->server.stream);
    wait_for(f, client_ended);
    assert_string_equal(buffer_text(&f->client.received), "answer");
    assert_int_equal(f->client.errors + f->server.errors, 0);
}

static void closing_ends_the_peer(void **state) {
    struct fixture *f = *state;

    connect_both(f);
    end_close(&f->client);
    wait_for(f, server_ended);
    assert_int_equal(f->server.errors, 0);
}

static bool server_failed(struct fixture *f) {
    return f->server.errors > 0;
}

static bool server_drained_or_failed(struct fixture *f) {
    return f->server.drains > 0 || f->server.errors > 0;
}

static void writing_to_a_closed_peer_fails(void **state) {
    struct fixture *f = *state;

    connect_both(f);
    end_close(&f->client);
    wait_for(f, server_ended);
    /* The first write may go out before its answer says that nobody wants it. */
    stream_write(f->server.stream, "x", 1);
    if (f->loop != NULL) {
        wait_for(f, server_drained_or_failed);
        if (f->server.errors == 0)
            stream_write(f->server.stream, "x", 1);
    }
    wait_for(f, server_failed);
    assert_true(f->server.error_code == EPIPE || f->server.error_code == ECONNRESET);
    assert_int_equal(f->server.errors, 1);
    stream_write(f->server.stream, "ignored", 7);
    assert_int_equal(stream_pending(f->server.stream), 0);
}

static bool has_many(struct fixture *f) {
    return f->server.received.size == MANY_BYTES;
}

static struct buffer many_bytes(void) {
    struct buffer bytes = BUFFER_INIT;
    uint32_t x = 1;

    buffer_reserve(&bytes, MANY_BYTES);
    for (size_t i = 0; i < MANY_BYTES; i++) {
        x = x * 1664525 + 1013904223;
        buffer_append_char(&bytes, (char)(x >> 24));
    }
    return bytes;
}

static void many_bytes_arrive_in_order(void **state) {
    struct fixture *f = *state;
    struct buffer bytes = many_bytes();
    size_t sent = 0, part = 1;

    connect_both(f);
    while (sent < MANY_BYTES) {
        struct buffer handed = BUFFER_INIT;

        if (part > MANY_BYTES - sent)
            part = MANY_BYTES - sent;
        if (part % 2 == 0) {
            stream_write(f->client.stream, bytes.data + sent, part);
        } else {
            buffer_append(&handed, bytes.data + sent, part);
            stream_write_buffer(f->client.stream, &handed);
            assert_null(handed.start);
        }
        sent += part;
        part = part * 5 / 3 + 1;
    }
    wait_for(f, has_many);
    assert_memory_equal(f->server.received.data, bytes.data, MANY_BYTES);
    buffer_done(&bytes);
}

static bool client_drained(struct fixture *f) {
    return f->client.drains > 0;
}

static void a_peer_that_does_not_read_holds_the_writer_back(void **state) {
    struct fixture *f = *state;
    struct buffer bytes = many_bytes(), copy = many_bytes();

    connect_both(f);
    stream_set_reading(f->server.stream, false);
    buffer_append(&copy, bytes.data, bytes.size);
    buffer_append(&copy, bytes.data, bytes.size);
    buffer_append(&copy, bytes.data, bytes.size);
    stream_write_buffer(f->client.stream, &copy);
    stream_write(f->server.stream, "answer", 6);
    wait_for(f, has_answer);
    assert_int_equal(f->server.received.size, 0);
    assert_true(stream_pending(f->client.stream) > 0);
    assert_int_equal(f->client.drains, 0);

    stream_set_reading(f->server.stream, true);
    wait_for(f, client_drained);
    assert_int_equal(stream_pending(f->client.stream), 0);
    assert_true(f->server.received.size >= MANY_BYTES);
    assert_memory_equal(f->server.received.data, bytes.data, MANY_BYTES);
    buffer_done(&bytes);
}

static void pause_after_first(struct end *end) {
    stream_set_reading(end->stream, false);
}

static void nothing_comes_while_reading_is_off(void **state) {
    struct fixture *f = *state;
    size_t before;

    connect_both(f);
    f->server.on_data = pause_after_first;
    stream_write(f->client.stream, "hello", 5);
    wait_for(f, has_greeting);
    before = f->server.received.size;
    stream_write(f->client.stream, "more", 4);
    stream_shutdown(f->client.stream);
    stream_write(f->server.stream, "answer", 6);
    wait_for(f, has_answer);
    assert_int_equal(f->server.received.size, before);
    assert_int_equal(f->server.ends, 0);

    f->server.on_data = NULL;
    stream_set_reading(f->server.stream, true);
    wait_for(f, server_ended);
    assert_string_equal(buffer_text(&f->server.received), "hellomore");
}

static void close_it(struct end *end) {
    end_close(end);
}

static void a_stream_may_be_closed_from_its_own_event(void **state) {
    struct fixture *f = *state;

    connect_both(f);
    f->server.on_data = close_it;
    stream_write(f->client.stream, "hello", 5);
    wait_for(f, client_ended);
    assert_null(f->server.stream);
}

static bool client_connected(struct fixture *f) {
    return f->client.connects == 1;
}

static void a_stream_may_be_closed_while_it_connects(void **state) {
    struct fixture *f = *state;

    listen_for_streams(f);
    begin_connect(f);
    stream_write(f->client.stream, "lost", 4);
    end_close(&f->client);
    begin_connect(f);
    wait_for(f, client_connected);
    assert_int_equal(f->client.connects, 1);
}

static bool accepted_one(struct fixture *f) {
    return f->accepted == 1;
}

static void a_listener_that_does_not_accept_lets_connections_wait(void **state) {
    struct fixture *f = *state;

    listen_for_streams(f);
    listener_set_accepting(f->listener, false);
    begin_connect(f);
    stream_write(f->client.stream, "hello", 5);
    wait_for(f, client_connected);
    assert_int_equal(f->accepted, 0);
    listener_set_accepting(f->listener, true);
    assert_int_equal(f->accepted, 0);
    wait_for(f, accepted_one);
    wait_for(f, has_greeting);
}

static void a_port_or_path_is_listened_on_once(void **state) {
    struct fixture *f = *state;
    struct listener *second = NULL;
    cleanup_error struct error err = ERROR_INIT;

    listen_for_streams(f);
    assert_int_equal(env_listen(f->server_env, &f->address, on_accept, f, &second, &err), -1);
    assert_int_equal(err.code, EADDRINUSE);
    assert_null(second);
}

/* Each byte is answered by one, so that both sides work within their events. */
static void write_again(struct end *end) {
    while (end->answered < end->received.size && end->answered < 1000) {
        stream_write(end->stream, "x", 1);
        end->answered++;
    }
}

static bool has_thousand(struct fixture *f) {
    return f->client.received.size >= 1000;
}

static void writes_from_events_go_on(void **state) {
    struct fixture *f = *state;

    connect_both(f);
    f->client.on_data = f->server.on_data = write_again;
    stream_write(f->client.stream, "xxx", 3);
    wait_for(f, has_thousand);
    assert_true(f->server.received.size >= 1000);
}

#define OVER(kind, test) \
    { #test "_over_" #kind, test, setup_##kind, teardown, NULL }
#define OVER_ALL(test) OVER(tcp, test), OVER(unix, test), OVER(sim, test)

int main(void) {
    const struct CMUnitTest tests[] = {
        OVER_ALL(bytes_go_both_ways),
        OVER_ALL(both_ends_know_their_addresses),
        OVER_ALL(bytes_written_before_the_connection_is_there_arrive),
        OVER_ALL(connecting_where_nobody_listens_is_refused_by_an_event),
        OVER_ALL(shutdown_ends_one_direction_after_what_was_written),
        OVER_ALL(closing_ends_the_peer),
        OVER_ALL(writing_to_a_closed_peer_fails),
        OVER_ALL(many_bytes_arrive_in_order),
        OVER_ALL(a_peer_that_does_not_read_holds_the_writer_back),
        OVER_ALL(nothing_comes_while_reading_is_off),
        OVER_ALL(a_stream_may_be_closed_from_its_own_event),
        OVER_ALL(a_stream_may_be_closed_while_it_connects),
        OVER_ALL(a_listener_that_does_not_accept_lets_connections_wait),
        OVER_ALL(a_port_or_path_is_listened_on_once),
        OVER_ALL(writes_from_events_go_on),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
