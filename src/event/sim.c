/* SPDX-License-Identifier: Apache-2.0 */
#include "event/sim.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "event/sim_world.h"

enum { LINE_BYTES = 256 };

/* When virtual time 0 is: 2026-01-01 00:00:00 UTC. */
static const int64_t EPOCH_NS = 1767225600 * SECOND;

/* Chance */

static uint64_t split_mix(uint64_t *state) {
    uint64_t z = (*state += UINT64_C(0x9e3779b97f4a7c15));

    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static void generator_init(struct sim_generator *generator, uint64_t seed) {
    for (size_t i = 0; i < ARRAY_SIZE(generator->state); i++)
        generator->state[i] = split_mix(&seed);
}

static uint64_t rotate(uint64_t x, int bits) {
    return (x << bits) | (x >> (64 - bits));
}

static uint64_t draw(struct sim_generator *generator) {
    uint64_t *s = generator->state, result = rotate(s[1] * 5, 7) * 9, t = s[1] << 17;

    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotate(s[3], 45);
    return result;
}

uint64_t sim_draw(struct sim *sim) {
    return draw(&sim->generator);
}

bool sim_chance(struct sim *sim, double probability) {
    return probability > 0 && (double)(sim_draw(sim) >> 11) * 0x1p-53 < probability;
}

int64_t sim_draw_between(struct sim *sim, int64_t least, int64_t most) {
    /* The bias of the remainder is far below what any test could see. */
    return most > least ? least + (int64_t)(sim_draw(sim) % ((uint64_t)(most - least) + 1)) : least;
}

uint64_t sim_random(struct sim *sim) {
    return draw(&sim->test_generator);
}

/* The trace */

static uint64_t mix(uint64_t digest, uint64_t value) {
    digest = (digest ^ value) * UINT64_C(0x9fb21c651e98df25);
    return digest ^ (digest >> 32);
}

uint64_t sim_hash(const void *data, size_t size) {
    const char *bytes = data;
    uint64_t hash = size, word;

    for (; size >= sizeof(word); bytes += sizeof(word), size -= sizeof(word)) {
        memcpy(&word, bytes, sizeof(word));
        hash = mix(hash, word);
    }
    word = 0;
    if (size > 0)
        memcpy(&word, bytes, size);
    return mix(hash, word);
}

void sim_note(struct sim *sim, const char *what, const struct sim_node *node, uint64_t a, uint64_t b) {
    uint64_t word = 0;

    memcpy(&word, what, strnlen(what, sizeof(word)));
    sim->digest = mix(sim->digest, (uint64_t)sim->now);
    sim->digest = mix(sim->digest, word ^ (node->index << 56));
    sim->digest = mix(sim->digest, a);
    sim->digest = mix(sim->digest, b);
    if (sim->sink != NULL) {
        char line[LINE_BYTES];

        snprintf(line, sizeof(line), "%" PRId64 ".%09" PRId64 " %s %s %" PRIu64 " %" PRIx64, sim->now / SECOND,
                 sim->now % SECOND, node->host, what, a, b);
        sim->sink(line, sim->sink_user);
    }
}

uint64_t sim_trace_digest(const struct sim *sim) {
    return sim->digest;
}

void sim_trace_to(struct sim *sim, void (*sink)(const char *line, void *user), void *user) {
    sim->sink = sink;
    sim->sink_user = user;
}

void sim_trace(struct sim *sim, const char *format, ...) {
    va_list arguments;
    char *text, *line;

    va_start(arguments, format);
    text = xvasprintf(format, arguments);
    va_end(arguments);
    sim->digest = mix(mix(sim->digest, (uint64_t)sim->now), sim_hash(text, strlen(text)));
    if (sim->sink != NULL) {
        line = xasprintf("%" PRId64 ".%09" PRId64 " %s", sim->now / SECOND, sim->now % SECOND, text);
        sim->sink(line, sim->sink_user);
        free(line);
    }
    free(text);
}

/* The queue */

void sim_schedule(struct sim *sim, struct sim_event *event, int64_t due) {
    heap_remove(&sim->events, &event->member);
    heap_add(&sim->events, &event->member, due);
}

void sim_unschedule(struct sim *sim, struct sim_event *event) {
    heap_remove(&sim->events, &event->member);
}

static void timers_changed(struct env *env) {
    struct sim_node *node = env_node(env);
    int64_t due = heap_top(&env->timers)->key;

    sim_node_touch(node);
    /* If it was set for earlier it is moved on when it comes up. */
    if (!heap_contains(&node->timer.member) || due < node->timer.member.key)
        sim_schedule(node->sim, &node->timer, due);
}

static void fire_timer(struct sim_event *event) {
    struct sim_node *node = container_of(event, struct sim_node, timer);
    struct env_timer *timer = env_take_due_timer(&node->env, node->sim->now, UINT64_MAX);
    struct heap_member *next = heap_top(&node->env.timers);

    if (next != NULL)
        sim_schedule(node->sim, &node->timer, next->key);
    sim_note(node->sim, "timer", node, 0, 0);
    timer->on_fire(timer);
}

/* The next event, which stays in the queue; NULL if there is none. */
static struct sim_event *next_event(struct sim *sim) {
    struct heap_member *top;

    while ((top = heap_top(&sim->events)) != NULL) {
        struct sim_event *event = container_of(top, struct sim_event, member);
        struct sim_node *node = container_of(event, struct sim_node, timer);
        struct heap_member *timer;

        if (event->kind != SIM_EVENT_TIMER)
            return event;
        timer = heap_top(&node->env.timers);
        if (timer != NULL && timer->key <= event->member.key)
            return event;
        /* The timer it was set for has been stopped. */
        sim_unschedule(sim, event);
        if (timer != NULL)
            sim_schedule(sim, event, timer->key);
    }
    return NULL;
}

static void run_event(struct sim *sim, struct sim_event *event) {
    static void (*const runners[])(struct sim_event * event) = {
        [SIM_EVENT_TIMER] = fire_timer,
        [SIM_EVENT_DELIVER] = sim_network_deliver,
        [SIM_EVENT_PATIENCE] = sim_network_patience,
        [SIM_EVENT_DRAIN] = sim_network_drain,
        [SIM_EVENT_ACCEPT] = sim_network_accept,
        [SIM_EVENT_DISK] = sim_disk_complete,
    };

    assert(!sim->is_stepping);
    sim->is_stepping = true;
    if (event->member.key > sim->now)
        sim->now = event->member.key;
    sim->counts.steps++;
    sim_unschedule(sim, event);
    runners[event->kind](event);
    sim_network_flush(sim);
    sim_network_bury(sim);
    sim->is_stepping = false;
    if (sim->on_step != NULL)
        sim->on_step(sim->on_step_user);
}

int64_t sim_now(const struct sim *sim) {
    return sim->now;
}

bool sim_step(struct sim *sim) {
    struct sim_event *event;

    sim_network_flush(sim);
    event = next_event(sim);
    if (event == NULL)
        return false;
    run_event(sim, event);
    return true;
}

bool sim_run_until(struct sim *sim, int64_t deadline_ns, bool (*condition)(void *user), void *user) {
    struct sim_event *event;

    for (;;) {
        if (condition != NULL && condition(user))
            return true;
        sim_network_flush(sim);
        event = next_event(sim);
        if (event == NULL || event->member.key > deadline_ns)
            break;
        run_event(sim, event);
    }
    if (sim->now < deadline_ns)
        sim->now = deadline_ns;
    return false;
}

void sim_run_for(struct sim *sim, int64_t duration_ns) {
    sim_run_until(sim, sim->now + duration_ns, NULL, NULL);
}

void sim_on_step(struct sim *sim, void (*callback)(void *user), void *user) {
    sim->on_step = callback;
    sim->on_step_user = user;
}

/* The env of a node */

static int64_t node_now(struct env *env) {
    return env_node(env)->sim->now;
}

static int64_t node_wall_clock(struct env *env) {
    return EPOCH_NS + env_node(env)->sim->now;
}

static void node_random_bytes(struct env *env, void *bytes, size_t size) {
    struct sim_generator *generator = &env_node(env)->generator;
    char *out = bytes;

    while (size > 0) {
        uint64_t word = draw(generator);
        size_t part = size < sizeof(word) ? size : sizeof(word);

        memcpy(out, &word, part);
        out += part;
        size -= part;
    }
}

static const struct env_ops node_env_ops = {
    .now = node_now,
    .wall_clock = node_wall_clock,
    .random_bytes = node_random_bytes,
    .timers_changed = timers_changed,
    .listen = sim_listen,
    .connect = sim_connect,
    .file_read = sim_file_read,
    .file_exists = sim_file_exists,
    .make_directories = sim_make_directories,
    .symlink = sim_symlink,
    .read_link = sim_read_link,
    .list_directory = sim_list_directory,
    .file_write_now = sim_file_write_now,
    .file_remove = sim_file_remove,
    .file_modified = sim_file_modified,
    .file_open = sim_file_open,
    .open_file_read = sim_open_file_read,
    .open_file_close = sim_open_file_close,
    .file_write = sim_file_write,
    .remove_tree = sim_remove_tree,
    .cancel = sim_file_cancel,
    .message_fate = sim_message_fate,
};

/* Nodes */

struct sim_node *sim_node_new(struct sim *sim, const char *host) {
    struct sim_node *node = new0(struct sim_node);

    if ((sim->node_count & (sim->node_count + 1)) == 0)
        sim->nodes = xrealloc(sim->nodes, (2 * sim->node_count + 2) * sizeof(sim->nodes[0]));
    node->index = sim->node_count;
    sim->nodes[sim->node_count++] = node;

    env_init(&node->env, &node_env_ops);
    node->sim = sim;
    node->machine = node;
    node->host = xstrdup(host);
    node->timer.kind = SIM_EVENT_TIMER;
    generator_init(&node->generator, sim_draw(sim));
    sim_network_init(node);
    sim_disk_init(node);
    if (!table_add(&sim->nodes_by_host, node->host, node))
        assert(!"each node has a host of its own");
    return node;
}

static void node_free(struct sim_node *node) {
    sim_unschedule(node->sim, &node->timer);
    sim_disk_done(node);
    env_done(&node->env);
    free(node->host);
    free(node);
}

struct env *sim_node_env(struct sim_node *node) {
    return &node->env;
}

void sim_set_service(struct sim *sim, void *service) {
    sim->service = service;
}

void *sim_service_of(struct env *env) {
    return env->ops == &node_env_ops ? container_of(env, struct sim_node, env)->sim->service : NULL;
}

const char *sim_node_host(const struct sim_node *node) {
    return node->host;
}

void sim_node_set_machine(struct sim_node *node, struct sim_node *machine) {
    node->machine = machine != NULL ? machine : node;
}

void sim_node_touch(struct sim_node *node) {
    if (!node->is_down)
        return;
    node->is_down = false;
    sim_network_node_rises(node);
}

static void node_dies(struct sim_node *node, enum sim_death death) {
    struct heap_member *timer;

    while ((timer = heap_top(&node->env.timers)) != NULL)
        heap_remove(&node->env.timers, timer);
    sim_unschedule(node->sim, &node->timer);
    node->sim->counts.crashes++;
    sim_note(node->sim, "dies", node, death, 0);
    node->is_down = death != SIM_DEATH_KILLED;
    sim_network_node_dies(node, death);
    sim_disk_node_dies(node, death == SIM_DEATH_KILLED);
}

void sim_node_crash(struct sim_node *node, bool silent) {
    node_dies(node, silent ? SIM_DEATH_SILENT : SIM_DEATH_CRASHED);
}

void sim_node_kill(struct sim_node *node) {
    node_dies(node, SIM_DEATH_KILLED);
}

/* Make room for all nodes in the table of cuts, which only tests with partitions need. */
static void grow_cuts(struct sim *sim) {
    size_t before = sim->cut_nodes, now = sim->node_count;
    bool *is_cut;

    if (now == before)
        return;
    is_cut = xcalloc(now * now, sizeof(is_cut[0]));
    for (size_t i = 0; i < before; i++)
        memcpy(is_cut + i * now, sim->is_cut + i * before, before * sizeof(is_cut[0]));
    free(sim->is_cut);
    sim->is_cut = is_cut;
    sim->cut_nodes = now;
}

/* Call @apply for each pair of different nodes in @a x @b, where NULL stands for all. */
static void for_each_pair(struct sim *sim, struct sim_node *a, struct sim_node *b,
                          void (*apply)(struct sim *sim, const struct sim_node *a, const struct sim_node *b),
                          bool is_cut) {
    size_t first_a = a == NULL ? 0 : a->index, end_a = a == NULL ? sim->node_count : a->index + 1;
    size_t first_b = b == NULL ? 0 : b->index, end_b = b == NULL ? sim->node_count : b->index + 1;

    grow_cuts(sim);
    for (size_t i = first_a; i < end_a; i++) {
        for (size_t j = first_b; j < end_b; j++) {
            bool *cut = &sim->is_cut[i * sim->node_count + j];

            if (i == j || *cut == is_cut)
                continue;
            *cut = is_cut;
            sim->is_cut[j * sim->node_count + i] = is_cut;
            apply(sim, sim->nodes[i], sim->nodes[j]);
        }
    }
}

void sim_partition(struct sim *sim, struct sim_node *a, struct sim_node *b) {
    sim->counts.partitions++;
    for_each_pair(sim, a, b, sim_network_cut, true);
}

void sim_heal(struct sim *sim, struct sim_node *a, struct sim_node *b) {
    for_each_pair(sim, a, b, sim_network_heal, false);
}

void sim_heal_all(struct sim *sim) {
    sim_heal(sim, NULL, NULL);
}

/* The world */

struct sim *sim_new(uint64_t seed) {
    struct sim *sim = new0(struct sim);

    heap_init(&sim->events);
    table_init(&sim->nodes_by_host);
    list_init(&sim->connections);
    list_init(&sim->unflushed);
    list_init(&sim->closed_streams);
    list_init(&sim->closed_listeners);
    list_init(&sim->spare_pieces);
    generator_init(&sim->generator, seed);
    generator_init(&sim->test_generator, ~seed);
    return sim;
}

void sim_free(struct sim *sim) {
    if (sim == NULL)
        return;
    sim_network_done(sim);
    for (size_t i = 0; i < sim->node_count; i++)
        node_free(sim->nodes[i]);
    free(sim->nodes);
    free(sim->is_cut);
    table_done(&sim->nodes_by_host);
    heap_done(&sim->events);
    free(sim);
}

void sim_set_faults(struct sim *sim, const struct sim_faults *faults) {
    sim->faults = *faults;
}

struct sim_faults *sim_faults(struct sim *sim) {
    return &sim->faults;
}

const struct sim_counts *sim_counts(const struct sim *sim) {
    return &sim->counts;
}
