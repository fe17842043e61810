/* SPDX-License-Identifier: Apache-2.0 */
/* How many events a second the simulated world runs, and what a timer costs: pairs of nodes that send each other small
 * messages, each with a timer that is set anew at every message. */
#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#include "event/sim.h"

enum { PAIRS = 50, MESSAGE_BYTES = 200, STEPS = 5000000 };

struct node {
    struct env *env;
    struct stream *stream;
    struct listener *listener;
    struct env_timer timeout;
};

static void on_timeout(struct env_timer *timer) {
    env_timer_start(timer, 5 * SECOND);
}

static void on_data(struct stream *stream, const char *data, size_t size) {
    struct node *node = stream->user;

    env_timer_start(&node->timeout, 5 * SECOND);
    stream_write(stream, data, size);
}

static const struct stream_events events = {.on_data = on_data};

static void on_accept(struct listener *listener, struct stream *stream, void *user) {
    struct node *node = user;

    node->stream = stream;
    stream->events = &events;
    stream->user = node;
}

static void node_init(struct node *node, struct sim *sim, const char *host) {
    node->env = sim_node_env(sim_node_new(sim, host));
    env_timer_init(&node->timeout, node->env, on_timeout);
    env_timer_start(&node->timeout, 5 * SECOND);
}

static int64_t cpu_now(void) {
    struct timespec now;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (int64_t)now.tv_sec * SECOND + now.tv_nsec;
}

int main(void) {
    static const struct sim_faults faults = {.delay_least_ns = 100 * MICROSECOND, .delay_most_ns = 2 * MILLISECOND};
    static struct node nodes[2 * PAIRS];
    static const char message[MESSAGE_BYTES];
    struct sim *sim = sim_new(1);
    int64_t begun, took;

    sim_set_faults(sim, &faults);
    for (size_t i = 0; i < PAIRS; i++) {
        struct node *server = &nodes[2 * i], *client = &nodes[2 * i + 1];
        char host[2][32];
        struct address address;

        snprintf(host[0], sizeof(host[0]), "10.0.%zu.1", i);
        snprintf(host[1], sizeof(host[1]), "10.0.%zu.2", i);
        node_init(server, sim, host[0]);
        node_init(client, sim, host[1]);
        address = address_tcp(host[0], 5050);
        if (env_listen(server->env, &address, on_accept, server, &server->listener, NULL) < 0)
            return 1;
        client->stream = env_connect(client->env, &address, &events, client);
        stream_write(client->stream, message, sizeof(message));
    }
    begun = cpu_now();
    for (size_t i = 0; i < STEPS; i++)
        if (!sim_step(sim))
            return 1;
    took = cpu_now() - begun;
    printf("simulated events: %.2f million a second (%d events, %.1f MB, digest %016" PRIx64 ")\n",
           STEPS / ((double)took / SECOND) / 1e6, STEPS, (double)sim_counts(sim)->bytes / 1e6, sim_trace_digest(sim));
    for (size_t i = 0; i < 2 * PAIRS; i++) {
        stream_close(nodes[i].stream);
        listener_close(nodes[i].listener);
        env_timer_done(&nodes[i].timeout);
    }
    sim_free(sim);
    return 0;
}
