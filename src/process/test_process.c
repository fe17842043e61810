/* SPDX-License-Identifier: Apache-2.0 */
/* Messages and links between endpoints on a simulated network, and byte for byte with raw peers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/log.h"
#include "net/test_server.h"
#include "process/process.h"

/* An actor that keeps what it hears, as text: "[name from body]" and "(lost pid)". */
struct actor {
    struct process process;
    struct buffer heard;
    size_t messages;
    struct pid answer_to; /* with an id: messages are answered with "Answer" */
};

struct fixture {
    struct sim *sim;
    struct sim_node *nodes[3];
    struct router *routers[2];
    struct process_endpoint *endpoints[2]; /* on nodes 0 and 1; node 2 is for raw peers */
    struct actor a, b, c;                  /* a on endpoint 0; b and c on endpoint 1 */
    struct listener *listener;             /* of raw peers, on node 2 */
    struct raw raw[4];
    size_t raw_count;
};

static void on_message(struct process *process, const struct pid *from, const char *name, const char *body,
                       size_t size) {
    struct actor *actor = container_of(process, struct actor, process);
    char text[PID_BYTES];

    actor->messages++;
    buffer_printf(&actor->heard, "[%s %s %.*s]", name, pid_format(from, text), (int)size, body);
    if (actor->answer_to.id[0] != '\0')
        process_send(process, from, "Answer", body, size);
}

static void on_exited(struct process *process, const struct pid *peer) {
    struct actor *actor = container_of(process, struct actor, process);
    char text[PID_BYTES];

    buffer_printf(&actor->heard, "(lost %s)", pid_format(peer, text));
}

static const struct process_ops actor_ops = {.on_message = on_message, .on_exited = on_exited};

static void answer_route(struct http_exchange *exchange, void *user) {
    http_respond_text(exchange, 200, "a route");
}

static const struct route routes[] = {{"/a/state", ROUTE_ANY, answer_route, NULL, NULL},
                                      {"/b", ROUTE_POST, answer_route, NULL, NULL}};

static void on_accept(struct listener *listener, struct stream *stream, void *user) {
    struct fixture *f = user;
    struct raw *raw = &f->raw[f->raw_count++];

    raw->stream = stream;
    stream->events = raw_events();
    stream->user = raw;
}

static void open_endpoint(struct fixture *f, int index) {
    struct address address = address_tcp(index == 0 ? "10.0.0.1" : "10.0.0.2", 5050);
    struct env *env = sim_node_env(f->nodes[index]);

    f->endpoints[index] = process_endpoint_new(env, f->routers[index], NULL);
    assert_int_equal(process_endpoint_listen(f->endpoints[index], &address, NULL, NULL), 0);
}

static void begin(struct fixture *f, uint64_t seed) {
    struct address raw_address = address_tcp("10.0.0.3", 6060);

    *f = (struct fixture){.sim = sim_new(seed)};
    f->nodes[0] = sim_node_new(f->sim, "10.0.0.1");
    f->nodes[1] = sim_node_new(f->sim, "10.0.0.2");
    f->nodes[2] = sim_node_new(f->sim, "10.0.0.3");
    for (int i = 0; i < 2; i++) {
        f->routers[i] = router_new();
        router_add(f->routers[i], "", routes, ARRAY_SIZE(routes), NULL);
        open_endpoint(f, i);
    }
    process_init(&f->a.process, f->endpoints[0], "a", &actor_ops);
    process_init(&f->b.process, f->endpoints[1], "b(1)", &actor_ops);
    process_init(&f->c.process, f->endpoints[1], "c-1234", &actor_ops);
    assert_int_equal(env_listen(sim_node_env(f->nodes[2]), &raw_address, on_accept, f, &f->listener, NULL), 0);
}

static void finish(struct fixture *f) {
    struct actor *actors[] = {&f->a, &f->b, &f->c};

    for (size_t i = 0; i < ARRAY_SIZE(actors); i++) {
        process_done(&actors[i]->process);
        buffer_done(&actors[i]->heard);
    }
    for (int i = 0; i < 2; i++) {
        process_endpoint_free(f->endpoints[i]);
        router_free(f->routers[i]);
    }
    for (size_t i = 0; i < f->raw_count; i++)
        raw_done(&f->raw[i]);
    listener_close(f->listener);
    sim_free(f->sim);
}

static void settle(struct fixture *f) {
    sim_run_for(f->sim, 10 * MILLISECOND);
}

static struct pid raw_pid(void) {
    struct pid pid;

    assert_int_equal(pid_parse("peer(1)@10.0.0.3:6060", &pid, NULL), 0);
    return pid;
}

static void expect_heard(struct actor *actor, const char *text) {
    assert_string_equal(buffer_text(&actor->heard), text);
    buffer_clear(&actor->heard);
}

/* Pids */

static void pids_are_read_and_written(void **state) {
    static const char *const good[] = {"master@10.0.0.1:5050", "slave(1)@127.0.0.1:5051", "__http__(1)@1.2.3.4:1",
                                       "scheduler-a7685d70-cab6-4082-8064-a3c5085709a9@127.0.0.1:5972"};
    char text[PID_BYTES];
    struct pid pid, other;

    for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
        assert_int_equal(pid_parse(good[i], &pid, NULL), 0);
        assert_string_equal(pid_format(&pid, text), good[i]);
    }
    assert_int_equal(pid_parse("a@1.2.3.4:1", &pid, NULL), 0);
    assert_int_equal(pid_parse("a@1.2.3.4:2", &other, NULL), 0);
    assert_false(pid_equal(&pid, &other));
    assert_true(pid_equal(&pid, &pid));
    assert_int_equal(pid_parse("b@1.2.3.4:1", &other, NULL), 0);
    assert_false(pid_equal(&pid, &other));
}

static void malformed_pids_are_errors(void **state) {
    static const char *const bad[] = {"",
                                      "a",
                                      "@1.2.3.4:1",
                                      "a@",
                                      "a@1.2.3.4",
                                      "a@1.2.3.4:",
                                      "a@1.2.3.4:x",
                                      "a@1.2.3.4:0",
                                      "a@host:5050",
                                      "a b@1.2.3.4:1",
                                      "a/b@1.2.3.4:1",
                                      "a@1.2.3.4:65536",
                                      "a@1.2.3:1",
                                      "a@unix:/x:1",
                                      "a@1.2.3.4:1 x"};
    cleanup_free char *large = xasprintf("%0300d@1.2.3.4:1", 1);
    struct pid pid;

    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        if (pid_parse(bad[i], &pid, NULL) == 0)
            fail_msg("was taken: '%s'", bad[i]);
    }
    assert_int_equal(pid_parse(large, &pid, NULL), -1);
}

/* Messages */

static void messages_arrive_in_order(void **state) {
    struct fixture f;

    begin(&f, 1);
    process_send(&f.a.process, &f.b.process.pid, "One", "x", 1);
    process_send(&f.a.process, &f.c.process.pid, "Two", NULL, 0);
    process_send(&f.a.process, &f.b.process.pid, "Three", "yy", 2);
    expect_heard(&f.b, "");
    settle(&f);
    expect_heard(&f.b, "[One a@10.0.0.1:5050 x][Three a@10.0.0.1:5050 yy]");
    expect_heard(&f.c, "[Two a@10.0.0.1:5050 ]");
    finish(&f);
}

static void many_messages_of_many_sizes_arrive_in_order(void **state) {
    cleanup_buffer struct buffer expected = BUFFER_INIT, body = BUFFER_INIT;
    struct sim_faults faults = {.delay_least_ns = MICROSECOND, .delay_most_ns = MILLISECOND, .split = 0.5};
    struct fixture f;

    begin(&f, 7);
    sim_set_faults(f.sim, &faults);
    for (int i = 0; i < 300; i++) {
        cleanup_free char *name = xasprintf("M%d", i);

        buffer_clear(&body);
        memset(buffer_reserve(&body, (size_t)i * 211), 'x', (size_t)i * 211);
        buffer_added(&body, (size_t)i * 211);
        process_send(&f.a.process, &f.b.process.pid, name, body.data, body.size);
        buffer_printf(&expected, "[%s a@10.0.0.1:5050 ", name);
        buffer_append(&expected, body.data, body.size);
        buffer_append_char(&expected, ']');
        if (i % 10 == 0)
            sim_run_for(f.sim, MILLISECOND);
    }
    sim_run_for(f.sim, 30 * SECOND);
    assert_int_equal(f.b.messages, 300);
    assert_int_equal(f.b.heard.size, expected.size);
    assert_memory_equal(f.b.heard.data, expected.data, expected.size);
    finish(&f);
}

static void answers_come_back(void **state) {
    struct fixture f;

    begin(&f, 1);
    f.b.answer_to = f.a.process.pid;
    process_send(&f.a.process, &f.b.process.pid, "Ask", "x", 1);
    settle(&f);
    expect_heard(&f.a, "[Answer b(1)@10.0.0.2:5050 x]");
    finish(&f);
}

static void messages_within_an_endpoint_go_through_the_loop(void **state) {
    struct fixture f;

    begin(&f, 1);
    f.c.answer_to = f.b.process.pid;
    process_send(&f.b.process, &f.c.process.pid, "One", "x", 1);
    process_send(&f.b.process, &f.c.process.pid, "Two", NULL, 0);
    expect_heard(&f.c, "");
    settle(&f);
    expect_heard(&f.c, "[One b(1)@10.0.0.2:5050 x][Two b(1)@10.0.0.2:5050 ]");
    expect_heard(&f.b, "[Answer c-1234@10.0.0.2:5050 x][Answer c-1234@10.0.0.2:5050 ]");
    finish(&f);
}

static void a_message_for_nobody_is_dropped(void **state) {
    struct pid nobody, gone;
    struct fixture f;

    begin(&f, 1);
    assert_int_equal(pid_parse("nobody@10.0.0.2:5050", &nobody, NULL), 0);
    gone = f.c.process.pid;
    process_send(&f.a.process, &nobody, "Lost", NULL, 0);
    process_send(&f.b.process, &gone, "Lost", NULL, 0);
    process_done(&f.c.process);
    process_send(&f.a.process, &f.b.process.pid, "Kept", NULL, 0);
    settle(&f);
    expect_heard(&f.b, "[Kept a@10.0.0.1:5050 ]");
    expect_heard(&f.c, "");
    finish(&f);
}

/* The wire */

static void the_bytes_are_those_of_libprocess(void **state) {
    struct pid peer = raw_pid();
    struct fixture f;

    begin(&f, 1);
    process_send(&f.a.process, &peer, "mesos.internal.PingSlaveMessage", "\x08\x01", 2);
    process_send(&f.a.process, &peer, "mesos.internal.PongSlaveMessage", NULL, 0);
    settle(&f);
    assert_int_equal(f.raw_count, 1);
    assert_string_equal(raw_got(&f.raw[0]), "POST /peer(1)/mesos.internal.PingSlaveMessage HTTP/1.1\r\n"
                                            "User-Agent: libprocess/a@10.0.0.1:5050\r\n"
                                            "Libprocess-From: a@10.0.0.1:5050\r\n"
                                            "Connection: Keep-Alive\r\n"
                                            "Host: 10.0.0.3:6060\r\n"
                                            "Transfer-Encoding: chunked\r\n\r\n"
                                            "2\r\n\x08\x01\r\n0\r\n\r\n"
                                            "POST /peer(1)/mesos.internal.PongSlaveMessage HTTP/1.1\r\n"
                                            "User-Agent: libprocess/a@10.0.0.1:5050\r\n"
                                            "Libprocess-From: a@10.0.0.1:5050\r\n"
                                            "Connection: Keep-Alive\r\n"
                                            "Host: 10.0.0.3:6060\r\n\r\n");
    finish(&f);
}

static void answers_of_a_peer_are_dropped(void **state) {
    struct pid peer = raw_pid();
    struct fixture f;

    begin(&f, 1);
    process_link(&f.a.process, &peer);
    process_send(&f.a.process, &peer, "One", NULL, 0);
    settle(&f);
    raw_send(&f.raw[0], "HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\nHTTP/1.1 404 Not Found\r\nand rubbish");
    settle(&f);
    process_send(&f.a.process, &peer, "Two", NULL, 0);
    settle(&f);
    assert_int_equal(f.raw_count, 1);
    assert_non_null(strstr(raw_got(&f.raw[0]), "/Two HTTP/1.1"));
    expect_heard(&f.a, "");
    finish(&f);
}

/* What endpoint 0 answers to @request of a raw peer. */
static void expect_answer(const char *request, const char *start, const char *heard) {
    struct fixture f;
    struct raw raw;

    begin(&f, 1);
    raw_connect(&raw, sim_node_env(f.nodes[2]), process_endpoint_address(f.endpoints[0]));
    raw_send(&raw, request);
    settle(&f);
    if (strncmp(raw_got(&raw), start, strlen(start)) != 0)
        fail_msg("not '%s' but '%s' for: %s", start, raw_got(&raw), request);
    expect_heard(&f.a, heard);
    raw_done(&raw);
    finish(&f);
}

static void both_forms_of_messages_are_taken(void **state) {
    /* As libprocess sends it, both headers and a chunked body. */
    expect_answer("POST /a/One HTTP/1.1\r\nUser-Agent: libprocess/p(1)@10.0.0.3:1\r\n"
                  "Libprocess-From: p(1)@10.0.0.3:1\r\nConnection: Keep-Alive\r\nHost: \r\n"
                  "Transfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n",
                  "HTTP/1.1 202 Accepted\r\n", "[One p(1)@10.0.0.3:1 hi]");
    /* As peers did before there was Libprocess-From. */
    expect_answer("POST /a/One HTTP/1.0\r\nUser-Agent: libprocess/p(1)@10.0.0.3:1\r\nConnection: Keep-Alive\r\n"
                  "Content-Length: 2\r\n\r\nhi",
                  "HTTP/1.1 202 Accepted\r\n", "[One p(1)@10.0.0.3:1 hi]");
    /* As clients in other languages do. */
    expect_answer("POST /a/One HTTP/1.1\r\nUser-Agent: Go-http-client/1.1\r\nLibprocess-From:  p(1)@10.0.0.3:1 \r\n"
                  "Content-Length: 2\r\n\r\nhi",
                  "HTTP/1.1 202 Accepted\r\n", "[One p(1)@10.0.0.3:1 hi]");
    /* The id may be escaped, and the name have slashes. */
    expect_answer("POST /%61/One/two HTTP/1.1\r\nLibprocess-From: p(1)@10.0.0.3:1\r\n\r\n", "HTTP/1.1 202 Accepted\r\n",
                  "[One/two p(1)@10.0.0.3:1 ]");
}

static void an_accepted_answer_is_that_of_libprocess(void **state) {
    struct fixture f;
    struct raw raw;

    begin(&f, 1);
    raw_connect(&raw, sim_node_env(f.nodes[2]), process_endpoint_address(f.endpoints[0]));
    for (int i = 0; i < 3; i++)
        raw_send(&raw, "POST /a/One HTTP/1.1\r\nLibprocess-From: p(1)@10.0.0.3:1\r\n\r\n");
    settle(&f);
    assert_int_equal(f.a.messages, 3);
    assert_int_equal(strncmp(raw_got(&raw), "HTTP/1.1 202 Accepted\r\nDate: ", 29), 0);
    assert_non_null(strstr(raw_got(&raw), " GMT\r\nContent-Length: 0\r\n\r\nHTTP/1.1 202 Accepted\r\nDate: "));
    raw_done(&raw);
    finish(&f);
}

static void messages_that_can_not_be_delivered_are_refused(void **state) {
    expect_answer("POST /nobody/One HTTP/1.1\r\nLibprocess-From: p(1)@10.0.0.3:1\r\n\r\n", "HTTP/1.1 404 Not Found\r\n",
                  "");
    expect_answer("POST /a HTTP/1.1\r\nLibprocess-From: p(1)@10.0.0.3:1\r\n\r\n", "HTTP/1.1 404 Not Found\r\n", "");
    expect_answer("POST / HTTP/1.1\r\nLibprocess-From: p(1)@10.0.0.3:1\r\n\r\n", "HTTP/1.1 404 Not Found\r\n", "");
    expect_answer("POST /a/One HTTP/1.1\r\nLibprocess-From: p(1)\r\n\r\n", "HTTP/1.1 400 Bad Request\r\n", "");
    expect_answer("POST /a/One HTTP/1.1\r\nLibprocess-From: \r\n\r\n", "HTTP/1.1 400 Bad Request\r\n", "");
    expect_answer("POST /a/One HTTP/1.1\r\nLibprocess-From: p@host:1\r\n\r\n", "HTTP/1.1 400 Bad Request\r\n", "");
    expect_answer("POST /a/One HTTP/1.1\r\nUser-Agent: libprocess/\r\n\r\n", "HTTP/1.1 400 Bad Request\r\n", "");
    expect_answer("POST /%zz/One HTTP/1.1\r\nLibprocess-From: p(1)@10.0.0.3:1\r\n\r\n", "HTTP/1.1 400 Bad Request\r\n",
                  "");
}

static void other_requests_go_to_the_routes(void **state) {
    expect_answer("GET /a/state HTTP/1.1\r\n\r\n", "HTTP/1.1 200 OK\r\n", "");
    expect_answer("POST /b HTTP/1.1\r\n\r\n", "HTTP/1.1 200 OK\r\n", "");
    expect_answer("GET /a/state HTTP/1.1\r\nLibprocess-From: p(1)@10.0.0.3:1\r\n\r\n", "HTTP/1.1 200 OK\r\n", "");
    expect_answer("POST /a/One HTTP/1.1\r\nUser-Agent: curl/7 libprocess/x\r\n\r\n", "HTTP/1.1 404 Not Found\r\n", "");
}

static void a_quiet_link_is_never_closed(void **state) {
    struct fixture f;

    begin(&f, 1);
    process_link(&f.a.process, &f.b.process.pid);
    sim_run_for(f.sim, DAY);
    expect_heard(&f.a, "");
    finish(&f);
}

/* Links and loss */

static void a_lost_peer_is_told_once_to_each_link(void **state) {
    struct pid peer = raw_pid(), second;
    struct fixture f;

    begin(&f, 1);
    assert_int_equal(pid_parse("second@10.0.0.3:6060", &second, NULL), 0);
    process_link(&f.a.process, &peer);
    process_link(&f.a.process, &second);
    process_link(&f.a.process, &peer);
    settle(&f);
    assert_int_equal(f.raw_count, 1);
    raw_close(&f.raw[0]);
    settle(&f);
    expect_heard(&f.a, "(lost peer(1)@10.0.0.3:6060)(lost second@10.0.0.3:6060)");
    /* Only a new link is told again. */
    process_send(&f.a.process, &peer, "One", NULL, 0);
    settle(&f);
    raw_close(&f.raw[1]);
    settle(&f);
    expect_heard(&f.a, "");
    process_link(&f.a.process, &peer);
    settle(&f);
    raw_close(&f.raw[2]);
    settle(&f);
    expect_heard(&f.a, "(lost peer(1)@10.0.0.3:6060)");
    finish(&f);
}

static void a_peer_that_can_not_be_reached_is_lost(void **state) {
    struct pid nobody;
    struct fixture f;

    begin(&f, 1);
    assert_int_equal(pid_parse("x@10.0.0.3:1", &nobody, NULL), 0);
    process_link(&f.a.process, &nobody);
    expect_heard(&f.a, "");
    sim_run_for(f.sim, 10 * MINUTE);
    expect_heard(&f.a, "(lost x@10.0.0.3:1)");
    finish(&f);
}

static void an_unlinked_peer_is_not_told(void **state) {
    struct pid peer = raw_pid();
    struct fixture f;

    begin(&f, 1);
    process_link(&f.a.process, &peer);
    settle(&f);
    process_unlink(&f.a.process, &peer);
    process_unlink(&f.a.process, &peer);
    raw_close(&f.raw[0]);
    settle(&f);
    expect_heard(&f.a, "");
    finish(&f);
}

static void messages_on_a_lost_connection_are_lost_and_later_ones_are_not(void **state) {
    struct pid peer = raw_pid();
    struct fixture f;

    begin(&f, 1);
    process_send(&f.a.process, &peer, "One", NULL, 0);
    settle(&f);
    raw_close(&f.raw[0]);
    process_send(&f.a.process, &peer, "Two", NULL, 0);
    settle(&f);
    process_send(&f.a.process, &peer, "Three", NULL, 0);
    process_send(&f.a.process, &peer, "Four", NULL, 0);
    settle(&f);
    assert_int_equal(f.raw_count, 2);
    assert_null(strstr(raw_got(&f.raw[1]), "/Two"));
    assert_non_null(strstr(raw_got(&f.raw[1]), "/Three"));
    assert_true(strstr(raw_got(&f.raw[1]), "/Three") < strstr(raw_got(&f.raw[1]), "/Four"));
    finish(&f);
}

static void a_peer_that_does_not_read_is_given_up(void **state) {
    cleanup_free char *body = calloc(1, 1024 * 1024);
    struct pid peer = raw_pid();
    struct fixture f;
    size_t sent = 0;

    begin(&f, 1);
    process_link(&f.a.process, &peer);
    settle(&f);
    stream_set_reading(f.raw[0].stream, false);
    while (sent < 200 && f.raw_count == 1) {
        process_send(&f.a.process, &peer, "Large", body, 1024 * 1024);
        sent++;
        settle(&f);
    }
    assert_in_range(sent, 50, 100);
    expect_heard(&f.a, "(lost peer(1)@10.0.0.3:6060)");
    finish(&f);
}

static void a_local_peer_is_lost_when_it_ends(void **state) {
    struct fixture f;
    struct pid c, nobody;

    begin(&f, 1);
    c = f.c.process.pid;
    process_link(&f.b.process, &c);
    settle(&f);
    expect_heard(&f.b, "");
    process_done(&f.c.process);
    settle(&f);
    expect_heard(&f.b, "(lost c-1234@10.0.0.2:5050)");
    assert_int_equal(pid_parse("nobody@10.0.0.2:5050", &nobody, NULL), 0);
    process_link(&f.b.process, &nobody);
    expect_heard(&f.b, "");
    settle(&f);
    expect_heard(&f.b, "(lost nobody@10.0.0.2:5050)");
    finish(&f);
}

static void a_process_that_has_ended_hears_nothing(void **state) {
    struct pid peer = raw_pid();
    struct fixture f;

    begin(&f, 1);
    process_link(&f.a.process, &peer);
    process_link(&f.b.process, &f.c.process.pid);
    settle(&f);
    raw_close(&f.raw[0]);
    process_done(&f.c.process);
    process_done(&f.a.process);
    process_done(&f.b.process);
    settle(&f);
    expect_heard(&f.a, "");
    expect_heard(&f.b, "");
    finish(&f);
}

static void a_crashed_endpoint_is_lost_and_its_successor_is_reached(void **state) {
    struct fixture f;
    struct pid b;

    begin(&f, 1);
    b = f.b.process.pid;
    process_link(&f.a.process, &b);
    settle(&f);
    process_done(&f.b.process);
    process_done(&f.c.process);
    process_endpoint_free(f.endpoints[1]);
    settle(&f);
    expect_heard(&f.a, "(lost b(1)@10.0.0.2:5050)");
    open_endpoint(&f, 1);
    process_init(&f.b.process, f.endpoints[1], "b(1)", &actor_ops);
    process_send(&f.a.process, &b, "Hello", NULL, 0);
    settle(&f);
    expect_heard(&f.b, "[Hello a@10.0.0.1:5050 ]");
    finish(&f);
}

/* Faults */

static void a_world_that_drops_and_duplicates_keeps_the_order(void **state) {
    struct sim_faults faults = {.drop = 0.2, .duplicate = 0.2};
    size_t got = 0, twice = 0;
    const char *heard, *next;
    struct fixture f;
    int last = -1;

    begin(&f, 3);
    sim_set_faults(f.sim, &faults);
    for (int i = 0; i < 1000; i++) {
        cleanup_free char *body = xasprintf("%d", i);

        process_send(&f.a.process, &f.b.process.pid, "M", body, strlen(body));
        sim_run_for(f.sim, SECOND);
    }
    heard = buffer_text(&f.b.heard);
    for (next = heard; (next = strstr(next, ":5050 ")) != NULL; next++) {
        int number = (int)strtol(next + 6, NULL, 10);

        assert_true(number >= last);
        twice += number == last;
        got += number != last;
        last = number;
    }
    assert_in_range(got, 700, 900);
    assert_in_range(twice, 100, 300);
    finish(&f);
}

struct sender {
    struct fixture *f;
    struct env_timer timer;
    int sent;
};

enum { NUMBERED = 400 };

static void on_send_timer(struct env_timer *timer) {
    struct sender *sender = container_of(timer, struct sender, timer);
    cleanup_free char *body = xasprintf("%d", sender->sent++);

    process_link(&sender->f->a.process, &sender->f->b.process.pid);
    process_send(&sender->f->a.process, &sender->f->b.process.pid, "M", body, strlen(body));
    if (sender->sent < NUMBERED)
        env_timer_start(timer, 10 * MILLISECOND);
}

static void where_connections_are_cut_messages_come_at_most_once_and_in_order(void **state) {
    static const struct sim_faults faults = {
        .delay_least_ns = MICROSECOND, .delay_most_ns = 50 * MILLISECOND, .split = 0.3, .cut = 0.02};
    size_t got = 0, lost = 0;

    for (uint64_t seed = 1; seed <= 25; seed++) {
        struct sender sender = {.sent = 0};
        const char *next;
        struct fixture f;
        int last = -1;

        begin(&f, seed);
        sim_set_faults(f.sim, &faults);
        sender.f = &f;
        env_timer_init(&sender.timer, sim_node_env(f.nodes[0]), on_send_timer);
        env_timer_start(&sender.timer, 0);
        sim_run_for(f.sim, MINUTE);
        assert_int_equal(sender.sent, NUMBERED);
        for (next = buffer_text(&f.b.heard); (next = strstr(next, ":5050 ")) != NULL; next++) {
            int number = (int)strtol(next + 6, NULL, 10);

            assert_true(number > last);
            last = number;
            got++;
        }
        for (next = buffer_text(&f.a.heard); (next = strstr(next, "(lost b(1)@10.0.0.2:5050)")) != NULL; next++)
            lost++;
        finish(&f);
    }
    assert_in_range(got, 25 * NUMBERED / 2, 25 * NUMBERED - 100);
    assert_in_range(lost, 25, 25 * NUMBERED / 2);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pids_are_read_and_written),
        cmocka_unit_test(malformed_pids_are_errors),
        cmocka_unit_test(messages_arrive_in_order),
        cmocka_unit_test(many_messages_of_many_sizes_arrive_in_order),
        cmocka_unit_test(answers_come_back),
        cmocka_unit_test(messages_within_an_endpoint_go_through_the_loop),
        cmocka_unit_test(a_message_for_nobody_is_dropped),
        cmocka_unit_test(the_bytes_are_those_of_libprocess),
        cmocka_unit_test(answers_of_a_peer_are_dropped),
        cmocka_unit_test(both_forms_of_messages_are_taken),
        cmocka_unit_test(an_accepted_answer_is_that_of_libprocess),
        cmocka_unit_test(messages_that_can_not_be_delivered_are_refused),
        cmocka_unit_test(other_requests_go_to_the_routes),
        cmocka_unit_test(a_quiet_link_is_never_closed),
        cmocka_unit_test(a_lost_peer_is_told_once_to_each_link),
        cmocka_unit_test(a_peer_that_can_not_be_reached_is_lost),
        cmocka_unit_test(an_unlinked_peer_is_not_told),
        cmocka_unit_test(messages_on_a_lost_connection_are_lost_and_later_ones_are_not),
        cmocka_unit_test(a_peer_that_does_not_read_is_given_up),
        cmocka_unit_test(a_local_peer_is_lost_when_it_ends),
        cmocka_unit_test(a_process_that_has_ended_hears_nothing),
        cmocka_unit_test(a_crashed_endpoint_is_lost_and_its_successor_is_reached),
        cmocka_unit_test(a_world_that_drops_and_duplicates_keeps_the_order),
        cmocka_unit_test(where_connections_are_cut_messages_come_at_most_once_and_in_order),
    };

    log_set_level(LOG_ERROR);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
