/* SPDX-License-Identifier: Apache-2.0 */
#include "election/election.h"

#include <errno.h>

#include "base/log.h"
#include "election/place.h"
#include "election/zookeeper.h"
#include "message/json.h"

struct election {
    struct env *env;
    const struct election_events *events;
    void *user;
    struct place place;
    int64_t session_timeout_ns;
    struct zookeeper *zookeeper;
    struct buffer offer; /* what our znode holds */
};

/* What masters write is the JSON of their MasterInfo, with v0 names. [contender/zookeeper.cpp] */
static void on_leader(void *user, const char *data, size_t size) {
    struct election *election = user;
    cleanup_(arena_done) struct arena arena = ARENA_INIT;
    cleanup_error struct error err = ERROR_INIT;
    Mesos__V1__MasterInfo *info = NULL;

    if (data != NULL &&
        MESSAGE_PARSE_JSON(&mesos__v1__master_info__descriptor, data, size, MESSAGE_V0, &arena, &info, &err) < 0) {
        error_wrap(&err, "what the leading master has written into ZooKeeper can not be read");
        election->events->on_failed(election->user, &err);
        return;
    }
    election->events->on_leader(election->user, info);
}

static void on_candidate_lost(void *user) {
    struct election *election = user;

    election->events->on_candidacy_lost(election->user);
}

static void on_refused(void *user, const struct error *err) {
    struct election *election = user;

    election->events->on_failed(election->user, err);
}

static const struct zookeeper_events zookeeper_events = {on_leader, on_candidate_lost, on_refused};

struct election *election_new(struct env *env, const char *zk, int64_t session_timeout_ns,
                              const struct election_events *events, void *user, struct error *err) {
    struct election *election = new0(struct election);

    *election = (struct election){
        .env = env, .events = events, .user = user, .session_timeout_ns = session_timeout_ns, .offer = BUFFER_INIT};
    if (place_parse(env, zk, &election->place, err) < 0) {
        election_free(election);
        return NULL;
    }
    if (election->place.servers == NULL) {
        error_set(err, EINVAL, "'%s' names no ZooKeeper; expected 'zk://host1:port1,host2/path'", zk);
        election_free(election);
        return NULL;
    }
    return election;
}

int election_start(struct election *election, const Mesos__V1__MasterInfo *info, struct error *err) {
    const struct zookeeper_options options = {.servers = election->place.servers,
                                              .path = election->place.path,
                                              .credentials = election->place.credentials,
                                              .session_timeout_ns = election->session_timeout_ns};

    message_append_json(&info->base, MESSAGE_V0, &election->offer);
    election->zookeeper = zookeeper_new(election->env, &options, &zookeeper_events, election, err);
    if (election->zookeeper == NULL)
        return -1;
    log_info("Contending for leadership by ZooKeeper at %s%s", election->place.servers, election->place.path);
    election_contend(election);
    return 0;
}

void election_contend(struct election *election) {
    zookeeper_contend(election->zookeeper, election->offer.data, election->offer.size);
}

void election_free(struct election *election) {
    if (election == NULL)
        return;
    zookeeper_free(election->zookeeper);
    buffer_done(&election->offer);
    place_done(&election->place);
    free(election);
}
