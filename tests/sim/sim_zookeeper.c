/* SPDX-License-Identifier: Apache-2.0 */
#include "sim_zookeeper.h"

#include <string.h>

#include "base/list.h"

/* How often the server looks for sessions that have expired. */
#define EXPIRY_INTERVAL (100 * MILLISECOND)
/* Between a change and its being known to a client. */
#define LONGEST_DELAY (50 * MILLISECOND)
/* A client is heard of so often in its timeout. */
enum { BEATS = 3 };

struct session {
    struct list member;
    struct client *client; /* NULL: it does not speak any more */
    int64_t timeout_ns, seen_ns;
    uint64_t number; /* of its candidate; 0: it has none */
    char *data;
};

struct client {
    struct zookeeper base;
    struct list member;
    struct sim_zookeeper *zookeeper;
    struct env *env;
    const struct zookeeper_events *events;
    void *user;
    int64_t timeout_ns, contact_ns;
    struct session *session; /* NULL: the server has none for it */
    char *offer;             /* the candidate it wants to have, or has; NULL: none */
    bool is_candidate, is_lost, is_cut, is_blind;
    bool is_told;
    char *leader; /* as told */
    struct env_timer beat, news;
};

struct sim_zookeeper {
    struct zookeeper_service service;
    struct sim *sim;
    struct env *env;
    struct list sessions, clients;
    uint64_t next;
    struct env_timer expire;
};

/* The server */

static const char *leader_of(const struct sim_zookeeper *zookeeper) {
    const struct session *session, *first = NULL;

    list_for_each (&zookeeper->sessions, session, member) {
        if (session->number != 0 && (first == NULL || session->number < first->number))
            first = session;
    }
    return first == NULL ? NULL : first->data;
}

static void tell_later(struct client *client) {
    if (!env_timer_is_running(&client->news))
        env_timer_start(&client->news, env_random_pause(client->env, LONGEST_DELAY));
}

static void announce(struct sim_zookeeper *zookeeper) {
    struct client *client;

    list_for_each (&zookeeper->clients, client, member)
        tell_later(client);
}

static void end_session(struct sim_zookeeper *zookeeper, struct session *session) {
    if (session->client != NULL)
        session->client->session = NULL;
    if (session->number != 0)
        sim_trace(zookeeper->sim, "ZooKeeper: candidate %u is gone", (unsigned)session->number);
    list_remove(&session->member);
    free(session->data);
    free(session);
    announce(zookeeper);
}

static void on_expire(struct env_timer *timer) {
    struct sim_zookeeper *zookeeper = container_of(timer, struct sim_zookeeper, expire);
    struct session *session;

    list_for_each (&zookeeper->sessions, session, member) {
        if (session->seen_ns + session->timeout_ns < env_now(zookeeper->env))
            end_session(zookeeper, session);
    }
    env_timer_start(timer, EXPIRY_INTERVAL);
}

static void begin_session(struct client *client) {
    struct session *session = new0(struct session);

    session->client = client;
    session->timeout_ns = client->timeout_ns;
    list_append(&client->zookeeper->sessions, &session->member);
    client->session = session;
}

/* The client */

static void lose_candidate(struct client *client) {
    client->is_lost |= client->is_candidate;
    client->is_candidate = false;
    if (client->is_lost) {
        free(client->offer);
        client->offer = NULL;
    }
}

static void make_candidate(struct client *client) {
    struct sim_zookeeper *zookeeper = client->zookeeper;

    client->session->number = ++zookeeper->next;
    client->session->data = xstrdup(client->offer);
    client->is_candidate = true;
    sim_trace(zookeeper->sim, "ZooKeeper: candidate %u", (unsigned)zookeeper->next);
    announce(zookeeper);
}

static void on_beat(struct env_timer *timer) {
    struct client *client = container_of(timer, struct client, beat);
    int64_t now = env_now(client->env);

    env_timer_start(timer, client->timeout_ns / BEATS);
    if (client->is_cut) {
        /* As long as the server may still keep the session, it is ours. */
        if (!client->is_blind && now - client->contact_ns >= client->timeout_ns) {
            if (client->session != NULL)
                client->session->client = NULL;
            client->session = NULL;
            client->is_blind = true;
            lose_candidate(client);
            tell_later(client);
        }
        return;
    }
    if (client->session == NULL) {
        lose_candidate(client);
        begin_session(client);
        tell_later(client);
    }
    client->is_blind = false;
    client->contact_ns = client->session->seen_ns = now;
    if (client->offer != NULL && !client->is_candidate)
        make_candidate(client);
}

static void on_news(struct env_timer *timer) {
    struct client *client = container_of(timer, struct client, news);
    const char *leader;

    if (client->is_lost) {
        client->is_lost = false;
        tell_later(client);
        client->events->on_candidate_lost(client->user);
        return;
    }
    if (client->is_cut && !client->is_blind)
        return;
    leader = client->is_blind ? NULL : leader_of(client->zookeeper);
    if (client->is_told && (leader == NULL) == (client->leader == NULL) &&
        (leader == NULL || strcmp(leader, client->leader) == 0))
        return;
    client->is_told = true;
    string_replace(&client->leader, leader);
    client->events->on_leader(client->user, client->leader, client->leader == NULL ? 0 : strlen(client->leader));
}

static void contend(struct zookeeper *base, const char *data, size_t size) {
    struct client *client = container_of(base, struct client, base);

    free(client->offer);
    client->offer = xstrndup(data, size);
    env_timer_start(&client->beat, env_random_pause(client->env, LONGEST_DELAY));
}

static void close_client(struct zookeeper *base) {
    struct client *client = container_of(base, struct client, base);

    list_remove(&client->member);
    if (client->session != NULL && client->is_cut)
        client->session->client = NULL;
    else if (client->session != NULL)
        end_session(client->zookeeper, client->session);
    env_timer_done(&client->beat);
    env_timer_done(&client->news);
    free(client->offer);
    free(client->leader);
    free(client);
}

static struct zookeeper *open_client(struct zookeeper_service *service, struct env *env,
                                     const struct zookeeper_options *options, const struct zookeeper_events *events,
                                     void *user) {
    static const struct zookeeper_ops ops = {.contend = contend, .free = close_client};
    struct sim_zookeeper *zookeeper = container_of(service, struct sim_zookeeper, service);
    struct client *client = new0(struct client);

    *client = (struct client){.base = {.ops = &ops},
                              .zookeeper = zookeeper,
                              .env = env,
                              .events = events,
                              .user = user,
                              .timeout_ns = options->session_timeout_ns};
    env_timer_init(&client->beat, env, on_beat);
    env_timer_init(&client->news, env, on_news);
    list_append(&zookeeper->clients, &client->member);
    env_timer_start(&client->beat, env_random_pause(env, LONGEST_DELAY));
    return &client->base;
}

struct sim_zookeeper *sim_zookeeper_new(struct sim *sim, const char *host) {
    struct sim_zookeeper *zookeeper = new0(struct sim_zookeeper);

    zookeeper->service.open = open_client;
    zookeeper->sim = sim;
    zookeeper->env = sim_node_env(sim_node_new(sim, host));
    list_init(&zookeeper->sessions);
    list_init(&zookeeper->clients);
    env_timer_init(&zookeeper->expire, zookeeper->env, on_expire);
    env_timer_start(&zookeeper->expire, EXPIRY_INTERVAL);
    sim_set_service(sim, &zookeeper->service);
    return zookeeper;
}

void sim_zookeeper_free(struct sim_zookeeper *zookeeper) {
    struct session *session;

    if (zookeeper == NULL)
        return;
    list_for_each (&zookeeper->sessions, session, member)
        end_session(zookeeper, session);
    env_timer_done(&zookeeper->expire);
    sim_set_service(zookeeper->sim, NULL);
    free(zookeeper);
}

void sim_zookeeper_cut(struct sim_zookeeper *zookeeper, struct env *env, bool is_cut) {
    struct client *client;

    list_for_each (&zookeeper->clients, client, member) {
        if (client->env != env)
            continue;
        client->is_cut = is_cut;
        if (!is_cut)
            tell_later(client);
    }
}

void sim_zookeeper_abandon(struct sim_zookeeper *zookeeper, struct env *env) {
    struct client *client;

    list_for_each (&zookeeper->clients, client, member) {
        if (client->env != env || client->session == NULL)
            continue;
        client->session->client = NULL;
        client->session = NULL;
    }
}
