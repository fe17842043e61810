/* SPDX-License-Identifier: Apache-2.0 */
/* The simulated world: it is the same each time, and it does harm as it is told to. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "event/sim.h"

enum { NODES = 5, PAYLOAD_BYTES = 100 };

/* A small program for a node: it listens, answers each byte with its own, and talks to its neighbours; it checkpoints
 * what it has received. */
struct peer {
    struct program *program;
    struct stream *stream;
};

struct program {
    struct sim_node *node;
    struct env *env;
    struct listener *listener;
    struct env_timer talk, reconnect;
    struct peer outgoing, incoming[2 * NODES];
    struct address next;
    uint64_t received, messages, failures;
    struct env_file_operation append;
};

static struct address port_5000(const char *host) {
    return address_tcp(host, 5000);
}

static void peer_drop(struct peer *peer) {
    stream_close(peer->stream);
    peer->stream = NULL;
}

static void on_appended(struct env_file_operation *operation, const struct error *err) {
}

static void on_answer(struct stream *stream, const char *data, size_t size) {
    struct peer *peer = stream->user;

    peer->program->received += size;
    if (!env_file_operation_is_pending(&peer->program->append))
        env_file_append(&peer->program->append, peer->program->env, "/log", data, size, on_appended);
}

static void on_outgoing_lost(struct stream *stream, const struct error *err) {
    struct peer *peer = stream->user;

    peer->program->failures++;
    peer_drop(peer);
    env_timer_start(&peer->program->reconnect, 100 * MILLISECOND);
}

static void on_outgoing_end(struct stream *stream) {
    on_outgoing_lost(stream, NULL);
}

static const struct stream_events outgoing_events = {
    .on_data = on_answer,
    .on_end = on_outgoing_end,
    .on_error = on_outgoing_lost,
};

static void on_request(struct stream *stream, const char *data, size_t size) {
    stream_write(stream, data, size);
}

static void on_incoming_lost(struct stream *stream, const struct error *err) {
    peer_drop(stream->user);
}

static void on_incoming_end(struct stream *stream) {
    peer_drop(stream->user);
}

static const struct stream_events incoming_events = {
    .on_data = on_request,
    .on_end = on_incoming_end,
    .on_error = on_incoming_lost,
};

static void on_accept(struct listener *listener, struct stream *stream, void *user) {
    struct program *program = user;
    struct peer *peer = NULL;

    for (size_t i = 0; i < ARRAY_SIZE(program->incoming); i++)
        if (program->incoming[i].stream == NULL)
            peer = &program->incoming[i];
    if (peer == NULL) {
        stream_close(stream);
        return;
    }
    peer->program = program;
    peer->stream = stream;
    stream->events = &incoming_events;
    stream->user = peer;
}

static void on_talk(struct env_timer *timer) {
    struct program *program = container_of(timer, struct program, talk);
    char payload[PAYLOAD_BYTES];

    env_timer_start(timer, 10 * MILLISECOND);
    if (program->outgoing.stream == NULL)
        return;
    if (env_message_fate(program->env, &program->next) == ENV_DROP)
        return;
    env_random_bytes(program->env, payload, sizeof(payload));
    stream_write(program->outgoing.stream, payload, sizeof(payload));
    program->messages++;
}

static void on_reconnect(struct env_timer *timer) {
    struct program *program = container_of(timer, struct program, reconnect);

    program->outgoing.program = program;
    program->outgoing.stream = env_connect(program->env, &program->next, &outgoing_events, &program->outgoing);
}

static struct program *program_new(struct sim_node *node, const char *next) {
    struct program *program = new0(struct program);
    struct address address = port_5000(sim_node_host(node));

    program->node = node;
    program->env = sim_node_env(node);
    program->next = port_5000(next);
    assert_int_equal(env_listen(program->env, &address, on_accept, program, &program->listener, NULL), 0);
    env_timer_init(&program->talk, program->env, on_talk);
    env_timer_init(&program->reconnect, program->env, on_reconnect);
    env_timer_start(&program->talk, 0);
    env_timer_start(&program->reconnect, 0);
    return program;
}

static void program_free(struct program *program) {
    listener_close(program->listener);
    peer_drop(&program->outgoing);
    for (size_t i = 0; i < ARRAY_SIZE(program->incoming); i++)
        peer_drop(&program->incoming[i]);
    env_timer_done(&program->talk);
    env_timer_done(&program->reconnect);
    env_file_operation_cancel(&program->append);
    free(program);
}

/* A ring of programs in a world with all kinds of faults. */
struct ring {
    struct sim *sim;
    struct sim_node *nodes[NODES];
    struct program *programs[NODES];
};

static const struct sim_faults all_faults = {
    .delay_least_ns = MILLISECOND,
    .delay_most_ns = 30 * MILLISECOND,
    .drop = 0.05,
    .duplicate = 0.05,
    .cut = 0.01,
    .split = 0.2,
    .disk_least_ns = MILLISECOND,
    .disk_most_ns = 50 * MILLISECOND,
    .disk_error = 0.05,
};

static const char *ring_host(size_t i) {
    static char host[32];

    snprintf(host, sizeof(host), "10.0.0.%zu", i % NODES + 1);
    return host;
}

static void ring_init(struct ring *ring, uint64_t seed, const struct sim_faults *faults) {
    ring->sim = sim_new(seed);
    sim_set_faults(ring->sim, faults);
    for (size_t i = 0; i < NODES; i++)
        ring->nodes[i] = sim_node_new(ring->sim, ring_host(i));
    for (size_t i = 0; i < NODES; i++)
        ring->programs[i] = program_new(ring->nodes[i], ring_host(i + 1));
}

static void ring_done(struct ring *ring) {
    for (size_t i = 0; i < NODES; i++)
        program_free(ring->programs[i]);
    sim_free(ring->sim);
}

static void ring_restart(struct ring *ring, size_t i) {
    program_free(ring->programs[i]);
    ring->programs[i] = program_new(ring->nodes[i], ring_host(i + 1));
}

/* What a test does to its world is drawn too. */
static void ring_run(struct ring *ring, unsigned rounds) {
    for (unsigned i = 0; i < rounds; i++) {
        size_t victim = sim_random(ring->sim) % NODES;

        switch (sim_random(ring->sim) % 5) {
        case 0:
            sim_node_crash(ring->nodes[victim], false);
            ring_restart(ring, victim);
            break;
        case 1:
            sim_node_crash(ring->nodes[victim], true);
            ring_restart(ring, victim);
            break;
        case 2:
            sim_node_kill(ring->nodes[victim]);
            ring_restart(ring, victim);
            break;
        case 3:
            sim_partition(ring->sim, ring->nodes[victim], NULL);
            break;
        case 4:
            sim_heal_all(ring->sim);
            break;
        }
        sim_run_for(ring->sim, (int64_t)(sim_random(ring->sim) % (2 * SECOND)));
    }
}

static void append_line(const char *line, void *user) {
    buffer_append_string(user, line);
    buffer_append_char(user, '\n');
}

static uint64_t digest_of(uint64_t seed, struct buffer *lines) {
    struct ring ring;
    uint64_t digest;

    ring_init(&ring, seed, &all_faults);
    if (lines != NULL)
        sim_trace_to(ring.sim, append_line, lines);
    ring_run(&ring, 50);
    sim_trace(ring.sim, "%zu nodes", (size_t)NODES);
    digest = sim_trace_digest(ring.sim);
    ring_done(&ring);
    return digest;
}

/* Sameness */

static void the_same_seed_gives_the_same_run(void **state) {
    struct buffer first = BUFFER_INIT, second = BUFFER_INIT;
    uint64_t digest = digest_of(1, &first);

    assert_int_equal(digest_of(1, &second), digest);
    assert_true(first.size > 1000);
    assert_int_equal(first.size, second.size);
    assert_memory_equal(first.data, second.data, first.size);
    buffer_done(&first);
    buffer_done(&second);
    assert_int_equal(digest_of(1, NULL), digest); /* also when nobody reads the lines */
}

static void another_seed_gives_another_run(void **state) {
    uint64_t digests[20];

    for (uint64_t i = 0; i < ARRAY_SIZE(digests); i++) {
        digests[i] = digest_of(i, NULL);
        for (uint64_t j = 0; j < i; j++)
            assert_int_not_equal(digests[i], digests[j]);
    }
}

static void the_tests_own_draws_do_not_move_the_world(void **state) {
    struct ring ring;
    uint64_t digests[2];

    for (size_t i = 0; i < 2; i++) {
        ring_init(&ring, 3, &all_faults);
        for (size_t j = 0; j < i; j++)
            sim_random(ring.sim);
        sim_run_for(ring.sim, 2 * SECOND);
        digests[i] = sim_trace_digest(ring.sim);
        ring_done(&ring);
    }
    assert_int_equal(digests[0], digests[1]);
}

static void a_line_of_the_test_is_part_of_the_trace(void **state) {
    struct sim *sim = sim_new(1);
    struct buffer lines = BUFFER_INIT;
    uint64_t before = sim_trace_digest(sim);

    sim_trace_to(sim, append_line, &lines);
    sim_trace(sim, "a line with a %d", 7);
    assert_int_not_equal(sim_trace_digest(sim), before);
    assert_string_equal(buffer_text(&lines), "0.000000000 a line with a 7\n");
    buffer_done(&lines);
    sim_free(sim);
}

/* Faults */

static void every_kind_of_fault_is_counted(void **state) {
    struct ring ring;
    const struct sim_counts *counts;

    ring_init(&ring, 5, &all_faults);
    ring_run(&ring, 300);
    counts = sim_counts(ring.sim);
    assert_true(counts->steps > 0);
    assert_true(counts->connections > 0);
    assert_true(counts->bytes > 0);
    assert_true(counts->drops > 0);
    assert_true(counts->duplicates > 0);
    assert_true(counts->cuts > 0);
    assert_true(counts->splits > 0);
    assert_true(counts->crashes > 0);
    assert_true(counts->partitions > 0);
    assert_true(counts->lost_writes > 0);
    assert_true(counts->torn_writes > 0);
    assert_true(counts->disk_errors > 0);
    ring_done(&ring);
}

static void a_perfect_world_does_no_harm(void **state) {
    static const struct sim_faults none = {0};
    struct ring ring;
    const struct sim_counts *counts;

    ring_init(&ring, 5, &none);
    sim_run_for(ring.sim, 10 * SECOND);
    counts = sim_counts(ring.sim);
    assert_int_equal(counts->connections, NODES);
    assert_int_equal(counts->drops + counts->duplicates + counts->cuts + counts->splits, 0);
    assert_int_equal(counts->lost_writes + counts->torn_writes + counts->disk_errors, 0);
    for (size_t i = 0; i < NODES; i++) {
        assert_int_equal(ring.programs[i]->failures, 0);
        assert_int_equal(ring.programs[i]->received, ring.programs[i]->messages * PAYLOAD_BYTES);
    }
    ring_done(&ring);
}

/* A clerk puts records into a file and acknowledges them. What is acknowledged must be found after a crash; the hasty
 * one acknowledges before it may. */
struct clerk {
    struct env_file_operation append;
    struct env_timer next;
    bool is_hasty;
    uint64_t acknowledged;
};

static void on_recorded(struct env_file_operation *operation, const struct error *err) {
    struct clerk *clerk = container_of(operation, struct clerk, append);

    clerk->acknowledged += !clerk->is_hasty && err == NULL;
    env_timer_start(&clerk->next, 10 * MILLISECOND);
}

static void on_next_record(struct env_timer *timer) {
    struct clerk *clerk = container_of(timer, struct clerk, next);

    env_file_append(&clerk->append, timer->env, "/records", "x", 1, on_recorded);
    clerk->acknowledged += clerk->is_hasty;
}

static bool keeps_its_word(uint64_t seed, bool is_hasty) {
    struct sim *sim = sim_new(seed);
    struct sim_node *node = sim_node_new(sim, "10.0.0.1");
    struct clerk clerk = {.is_hasty = is_hasty};
    struct buffer records = BUFFER_INIT;
    bool keeps;

    sim_set_faults(sim, &all_faults);
    sim_faults(sim)->disk_error = 0; /* only the crash is to tell the two apart */
    env_timer_init(&clerk.next, sim_node_env(node), on_next_record);
    env_timer_start(&clerk.next, 0);
    sim_run_for(sim, SECOND + (int64_t)(sim_random(sim) % SECOND));
    sim_node_crash(node, false);
    assert_int_equal(env_file_read(sim_node_env(node), "/records", 1000, &records, NULL), 0);
    assert_true(clerk.acknowledged > 0);
    keeps = records.size >= clerk.acknowledged;
    buffer_done(&records);
    sim_free(sim);
    return keeps;
}

static void an_invariant_that_is_broken_on_purpose_is_caught(void **state) {
    unsigned caught = 0;

    for (uint64_t seed = 0; seed < 100; seed++) {
        assert_true(keeps_its_word(seed, false));
        caught += !keeps_its_word(seed, true);
    }
    assert_true(caught > 10);
}

/* Two nodes and one connection between them. */
struct pair {
    struct sim *sim;
    struct sim_node *server_node, *client_node;
    struct env *server_env, *client_env;
    struct listener *listener;
    struct address address;
    struct stream *client, *server;
    int connects, client_ends, server_ends;
    struct error client_error, server_error;
    struct buffer client_received, server_received;
    int64_t first_at, last_at;
};

static void pair_on_connect(struct stream *stream) {
    ((struct pair *)stream->user)->connects++;
}

static void pair_on_client_data(struct stream *stream, const char *data, size_t size) {
    buffer_append(&((struct pair *)stream->user)->client_received, data, size);
}

static void pair_on_client_end(struct stream *stream) {
    ((struct pair *)stream->user)->client_ends++;
}

static void pair_on_client_error(struct stream *stream, const struct error *err) {
    struct pair *pair = stream->user;

    assert_int_equal(pair->client_error.code, 0);
    error_set(&pair->client_error, err->code, "%s", err->message);
    pair->last_at = sim_now(pair->sim);
}

static void pair_on_server_data(struct stream *stream, const char *data, size_t size) {
    struct pair *pair = stream->user;

    if (pair->server_received.size == 0)
        pair->first_at = sim_now(pair->sim);
    pair->last_at = sim_now(pair->sim);
    buffer_append(&pair->server_received, data, size);
}

static void pair_on_server_end(struct stream *stream) {
    ((struct pair *)stream->user)->server_ends++;
}

static void pair_on_server_error(struct stream *stream, const struct error *err) {
    struct pair *pair = stream->user;

    assert_int_equal(pair->server_error.code, 0);
    error_set(&pair->server_error, err->code, "%s", err->message);
}

static const struct stream_events client_events = {
    .on_connect = pair_on_connect,
    .on_data = pair_on_client_data,
    .on_end = pair_on_client_end,
    .on_error = pair_on_client_error,
};
static const struct stream_events server_events = {
    .on_data = pair_on_server_data,
    .on_end = pair_on_server_end,
    .on_error = pair_on_server_error,
};

static void pair_on_accept(struct listener *listener, struct stream *stream, void *user) {
    struct pair *pair = user;

    pair->server = stream;
    stream->events = &server_events;
    stream->user = pair;
}

static void pair_connect(struct pair *pair) {
    pair->client = env_connect(pair->client_env, &pair->address, &client_events, pair);
}

static int pair_setup(void **state) {
    struct pair *pair = new0(struct pair);

    pair->sim = sim_new(11);
    pair->server_node = sim_node_new(pair->sim, "10.0.0.1");
    pair->client_node = sim_node_new(pair->sim, "10.0.0.2");
    pair->server_env = sim_node_env(pair->server_node);
    pair->client_env = sim_node_env(pair->client_node);
    pair->address = address_tcp("10.0.0.1", 0);
    assert_int_equal(env_listen(pair->server_env, &pair->address, pair_on_accept, pair, &pair->listener, NULL), 0);
    pair->address = *listener_address(pair->listener);
    pair_connect(pair);
    sim_faults(pair->sim)->delay_least_ns = sim_faults(pair->sim)->delay_most_ns = 10 * MILLISECOND;
    sim_run_for(pair->sim, SECOND);
    assert_int_equal(pair->connects, 1);
    assert_non_null(pair->server);
    *state = pair;
    return 0;
}

static int pair_teardown(void **state) {
    struct pair *pair = *state;

    stream_close(pair->client);
    stream_close(pair->server);
    listener_close(pair->listener);
    error_done(&pair->client_error);
    error_done(&pair->server_error);
    buffer_done(&pair->client_received);
    buffer_done(&pair->server_received);
    sim_free(pair->sim);
    free(pair);
    return 0;
}

static void pair_close_client(struct pair *pair) {
    stream_close(pair->client);
    pair->client = NULL;
}

static void pair_close_server(struct pair *pair) {
    stream_close(pair->server);
    listener_close(pair->listener);
    pair->server = NULL;
    pair->listener = NULL;
}

static void bytes_come_after_the_delay(void **state) {
    struct pair *pair = *state;
    int64_t sent_at = sim_now(pair->sim);

    stream_write(pair->client, "hello", 5);
    sim_run_for(pair->sim, 9 * MILLISECOND);
    assert_int_equal(pair->server_received.size, 0);
    sim_run_for(pair->sim, SECOND);
    assert_string_equal(buffer_text(&pair->server_received), "hello");
    assert_int_equal(pair->first_at, sent_at + 10 * MILLISECOND);
}

static void a_split_piece_comes_in_two_parts_and_in_order(void **state) {
    struct pair *pair = *state;

    sim_faults(pair->sim)->split = 1;
    sim_faults(pair->sim)->delay_most_ns = SECOND;
    stream_write(pair->client, "0123456789", 10);
    sim_run_for(pair->sim, 10 * SECOND);
    assert_string_equal(buffer_text(&pair->server_received), "0123456789");
    assert_true(pair->last_at >= pair->first_at);
    assert_int_equal(sim_counts(pair->sim)->splits, 1);
}

static void a_cut_breaks_both_ends(void **state) {
    struct pair *pair = *state;

    sim_faults(pair->sim)->cut = 1;
    stream_write(pair->client, "hello", 5);
    sim_run_for(pair->sim, SECOND);
    assert_int_equal(pair->server_received.size, 0);
    assert_int_equal(pair->server_error.code, ECONNRESET);
    assert_int_equal(pair->client_error.code, ECONNRESET);
    assert_int_equal(sim_counts(pair->sim)->cuts, 1);
}

static void pieces_wait_while_the_network_is_cut(void **state) {
    struct pair *pair = *state;

    sim_partition(pair->sim, pair->server_node, pair->client_node);
    stream_write(pair->client, "hello", 5);
    sim_run_for(pair->sim, 50 * SECOND);
    assert_int_equal(pair->server_received.size, 0);
    sim_heal(pair->sim, pair->client_node, pair->server_node);
    sim_run_for(pair->sim, SECOND);
    assert_string_equal(buffer_text(&pair->server_received), "hello");
    sim_run_for(pair->sim, 100 * SECOND);
    assert_int_equal(pair->client_error.code, 0);
}

static void streams_break_when_a_partition_lasts(void **state) {
    struct pair *pair = *state;

    sim_partition(pair->sim, pair->server_node, NULL);
    stream_write(pair->client, "hello", 5);
    sim_run_for(pair->sim, 61 * SECOND);
    assert_int_equal(pair->client_error.code, ETIMEDOUT);
    assert_int_equal(pair->server_error.code, ETIMEDOUT);
    sim_heal_all(pair->sim);
    sim_run_for(pair->sim, 61 * SECOND);
    assert_int_equal(pair->server_received.size, 0);
}

static void connecting_across_a_partition_times_out(void **state) {
    struct pair *pair = *state;
    int64_t begun_at = sim_now(pair->sim);

    pair_close_client(pair);
    sim_partition(pair->sim, NULL, NULL);
    pair_connect(pair);
    sim_run_for(pair->sim, 9 * SECOND);
    assert_int_equal(pair->client_error.code, 0);
    sim_run_for(pair->sim, 2 * SECOND);
    assert_int_equal(pair->client_error.code, ETIMEDOUT);
    assert_int_equal(pair->last_at, begun_at + 10 * SECOND);
    assert_int_equal(pair->connects, 1);
}

static void connecting_goes_on_when_the_partition_heals_in_time(void **state) {
    struct pair *pair = *state;

    pair_close_client(pair);
    sim_run_for(pair->sim, SECOND);
    stream_close(pair->server);
    pair->server = NULL;
    sim_partition(pair->sim, NULL, NULL);
    pair_connect(pair);
    sim_run_for(pair->sim, 5 * SECOND);
    sim_heal_all(pair->sim);
    sim_run_for(pair->sim, SECOND);
    assert_int_equal(pair->connects, 2);
    assert_non_null(pair->server);
    sim_run_for(pair->sim, 100 * SECOND);
    assert_int_equal(pair->client_error.code, 0);
}

static void a_crash_breaks_the_streams_of_the_peers(void **state) {
    struct pair *pair = *state;

    sim_node_crash(pair->server_node, false);
    pair_close_server(pair);
    assert_int_equal(pair->client_error.code, 0);
    sim_run_for(pair->sim, 10 * MILLISECOND);
    assert_int_equal(pair->client_error.code, ECONNRESET);
    assert_int_equal(pair->server_error.code, 0); /* the dead are not told */
}

static void a_silent_crash_is_noticed_by_timeout_only(void **state) {
    struct pair *pair = *state;

    sim_node_crash(pair->server_node, true);
    pair_close_server(pair);
    stream_write(pair->client, "hello", 5);
    sim_run_for(pair->sim, 59 * SECOND);
    assert_int_equal(pair->client_error.code, 0);
    sim_run_for(pair->sim, 2 * SECOND);
    assert_int_equal(pair->client_error.code, ETIMEDOUT);
}

static void a_machine_that_is_back_resets_old_connections(void **state) {
    struct pair *pair = *state;

    sim_node_crash(pair->server_node, true);
    pair_close_server(pair);
    sim_run_for(pair->sim, 5 * SECOND);
    assert_int_equal(env_listen(pair->server_env, &pair->address, pair_on_accept, pair, &pair->listener, NULL), 0);
    stream_write(pair->client, "hello", 5);
    sim_run_for(pair->sim, SECOND);
    assert_int_equal(pair->client_error.code, ECONNRESET);
}

static void connecting_to_a_crashed_machine_times_out(void **state) {
    struct pair *pair = *state;

    sim_node_crash(pair->server_node, false);
    pair_close_server(pair);
    sim_run_for(pair->sim, SECOND);
    assert_int_equal(pair->client_error.code, ECONNRESET);
    pair_close_client(pair);
    error_done(&pair->client_error);
    pair_connect(pair);
    sim_run_for(pair->sim, 9 * SECOND);
    assert_int_equal(pair->client_error.code, 0);
    sim_run_for(pair->sim, 2 * SECOND);
    assert_int_equal(pair->client_error.code, ETIMEDOUT);
}

static void the_streams_of_a_killed_process_end_in_order(void **state) {
    struct pair *pair = *state;

    stream_write(pair->server, "last words", 10);
    sim_node_kill(pair->server_node);
    pair_close_server(pair);
    sim_run_for(pair->sim, SECOND);
    assert_string_equal(buffer_text(&pair->client_received), "last words");
    assert_int_equal(pair->client_ends, 1);
    pair_close_client(pair);
    pair_connect(pair);
    sim_run_for(pair->sim, SECOND);
    assert_int_equal(pair->client_error.code, ECONNREFUSED); /* the machine is up */
}

static void unknown_hosts_are_unreachable(void **state) {
    struct pair *pair = *state;

    pair_close_client(pair);
    pair->address.host[0] = '9';
    pair_connect(pair);
    sim_run_for(pair->sim, SECOND);
    assert_int_equal(pair->client_error.code, EHOSTUNREACH);
}

static void a_node_talks_to_itself_without_faults(void **state) {
    struct pair *pair = *state;
    struct address local = address_tcp("127.0.0.1", pair->address.port);

    sim_faults(pair->sim)->cut = sim_faults(pair->sim)->drop = 1;
    pair_close_client(pair);
    stream_close(pair->server);
    sim_partition(pair->sim, NULL, NULL);
    pair->client = env_connect(pair->server_env, &local, &client_events, pair);
    stream_write(pair->client, "hello", 5);
    sim_run_for(pair->sim, SECOND);
    assert_string_equal(buffer_text(&pair->server_received), "hello");
    assert_int_equal(env_message_fate(pair->server_env, &local), ENV_DELIVER);
    assert_int_equal(env_message_fate(pair->client_env, &pair->address), ENV_DROP);
}

static void the_parts_of_a_machine_lose_nothing(void **state) {
    struct pair *pair = *state;

    sim_faults(pair->sim)->drop = 1;
    sim_faults(pair->sim)->cut = 1;
    sim_node_set_machine(pair->client_node, pair->server_node);
    stream_write(pair->client, "hello", 5);
    sim_run_for(pair->sim, SECOND);
    assert_string_equal(buffer_text(&pair->server_received), "hello");
    assert_int_equal(env_message_fate(pair->client_env, &pair->address), ENV_DELIVER);
    sim_node_set_machine(pair->client_node, NULL);
    assert_int_equal(env_message_fate(pair->client_env, &pair->address), ENV_DROP);
}

static void timers_of_a_crashed_node_never_fire(void **state) {
    struct pair *pair = *state;
    struct env_timer timer;

    env_timer_init(&timer, pair->client_env, NULL); /* firing would be a call of NULL */
    env_timer_start(&timer, SECOND);
    sim_node_crash(pair->client_node, false);
    assert_false(env_timer_is_running(&timer));
    sim_run_for(pair->sim, 10 * SECOND);
    env_timer_stop(&timer);
    env_timer_done(&timer);
}

/* Steps */

static bool counts_to_three(void *user) {
    return *(int *)user == 3;
}

struct counter {
    struct env_timer timer;
    int *count;
};

static void on_count(struct env_timer *timer) {
    struct counter *counter = container_of(timer, struct counter, timer);

    ++*counter->count;
    env_timer_start(timer, SECOND);
}

static void on_step(void *user) {
    ++*(int *)user;
}

static void running_ends_when_the_condition_holds(void **state) {
    struct pair *pair = *state;
    int count = 0, steps = 0;
    struct counter counter = {.count = &count};
    int64_t begun_at = sim_now(pair->sim);

    env_timer_init(&counter.timer, pair->client_env, on_count);
    env_timer_start(&counter.timer, SECOND);
    sim_on_step(pair->sim, on_step, &steps);
    assert_true(sim_run_until(pair->sim, INT64_MAX, counts_to_three, &count));
    assert_int_equal(sim_now(pair->sim), begun_at + 3 * SECOND);
    assert_int_equal(steps, 3);
    assert_false(sim_run_until(pair->sim, sim_now(pair->sim) + SECOND / 2, NULL, NULL));
    assert_int_equal(sim_now(pair->sim), begun_at + 3 * SECOND + SECOND / 2);
    env_timer_stop(&counter.timer);
    assert_false(sim_step(pair->sim));
}

#define PAIR(test) cmocka_unit_test_setup_teardown(test, pair_setup, pair_teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_seed_gives_the_same_run),
        cmocka_unit_test(another_seed_gives_another_run),
        cmocka_unit_test(the_tests_own_draws_do_not_move_the_world),
        cmocka_unit_test(a_line_of_the_test_is_part_of_the_trace),
        cmocka_unit_test(every_kind_of_fault_is_counted),
        cmocka_unit_test(a_perfect_world_does_no_harm),
        cmocka_unit_test(an_invariant_that_is_broken_on_purpose_is_caught),
        PAIR(bytes_come_after_the_delay),
        PAIR(a_split_piece_comes_in_two_parts_and_in_order),
        PAIR(a_cut_breaks_both_ends),
        PAIR(pieces_wait_while_the_network_is_cut),
        PAIR(streams_break_when_a_partition_lasts),
        PAIR(connecting_across_a_partition_times_out),
        PAIR(connecting_goes_on_when_the_partition_heals_in_time),
        PAIR(a_crash_breaks_the_streams_of_the_peers),
        PAIR(a_silent_crash_is_noticed_by_timeout_only),
        PAIR(a_machine_that_is_back_resets_old_connections),
        PAIR(connecting_to_a_crashed_machine_times_out),
        PAIR(the_streams_of_a_killed_process_end_in_order),
        PAIR(unknown_hosts_are_unreachable),
        PAIR(a_node_talks_to_itself_without_faults),
        PAIR(the_parts_of_a_machine_lose_nothing),
        PAIR(timers_of_a_crashed_node_never_fire),
        PAIR(running_ends_when_the_condition_holds),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
