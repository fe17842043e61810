/* SPDX-License-Identifier: Apache-2.0 */
/* Two endpoints over real sockets: messages both ways, and the loss of a peer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/log.h"
#include "event/loop.h"
#include "process/process.h"

enum { ROUNDS = 2000, LARGE_BYTES = 300000, TIMEOUT_S = 60 };

struct fixture {
    struct loop *loop;
    struct router *router;
    struct process_endpoint *endpoints[2];
    struct process ping, pong;
    struct env_timer watchdog;
    size_t rounds, lost;
};

static void on_ping(struct process *process, const struct pid *from, const char *name, const char *body, size_t size) {
    struct fixture *f = container_of(process, struct fixture, pong);

    assert_string_equal(name, "Ping");
    assert_true(pid_equal(from, &f->ping.pid));
    process_send(process, from, "Pong", body, size);
}

static void send_ping(struct fixture *f) {
    static const char body[LARGE_BYTES];

    process_send(&f->ping, &f->pong.pid, "Ping", body, f->rounds % 100 == 0 ? sizeof(body) : f->rounds % 7);
}

static void on_pong(struct process *process, const struct pid *from, const char *name, const char *body, size_t size) {
    struct fixture *f = container_of(process, struct fixture, ping);

    assert_string_equal(name, "Pong");
    assert_int_equal(size, f->rounds % 100 == 0 ? LARGE_BYTES : f->rounds % 7);
    if (++f->rounds < ROUNDS)
        send_ping(f);
    else
        loop_stop(f->loop);
}

static void on_lost(struct process *process, const struct pid *peer) {
    struct fixture *f = container_of(process, struct fixture, ping);

    assert_true(pid_equal(peer, &f->pong.pid));
    f->lost++;
    loop_stop(f->loop);
}

static const struct process_ops ping_ops = {.on_message = on_pong, .on_exited = on_lost};
static const struct process_ops pong_ops = {.on_message = on_ping};

static void on_watchdog(struct env_timer *timer) {
    fail_msg("it takes too long");
}

static void messages_go_both_ways_until_the_peer_is_lost(void **state) {
    struct address any = address_tcp("127.0.0.1", 0);
    struct fixture f = {.loop = loop_new(NULL), .router = router_new()};

    assert_non_null(f.loop);
    for (int i = 0; i < 2; i++) {
        f.endpoints[i] = process_endpoint_new(loop_env(f.loop), f.router, NULL);
        assert_int_equal(process_endpoint_listen(f.endpoints[i], &any, NULL, NULL), 0);
        assert_true(process_endpoint_address(f.endpoints[i])->port > 0);
    }
    process_init(&f.ping, f.endpoints[0], "ping(1)", &ping_ops);
    process_init(&f.pong, f.endpoints[1], "pong(1)", &pong_ops);
    env_timer_init(&f.watchdog, loop_env(f.loop), on_watchdog);
    env_timer_start(&f.watchdog, TIMEOUT_S * SECOND);
    process_link(&f.ping, &f.pong.pid);
    send_ping(&f);
    loop_run(f.loop);
    assert_int_equal(f.rounds, ROUNDS);
    assert_int_equal(f.lost, 0);
    process_endpoint_free(f.endpoints[1]);
    loop_run(f.loop);
    assert_int_equal(f.lost, 1);
    env_timer_done(&f.watchdog);
    process_endpoint_free(f.endpoints[0]);
    router_free(f.router);
    loop_free(f.loop);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(messages_go_both_ways_until_the_peer_is_lost)};

    log_set_level(LOG_ERROR);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
