/* SPDX-License-Identifier: Apache-2.0 */
#include "election/detector.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "election/place.h"
#include "election/zookeeper.h"
#include "mesos/v1/mesos.pb-c.h"
#include "message/json.h"

/* As Mesos has it (master/constants.hpp, MASTER_DETECTOR_ZK_SESSION_TIMEOUT). */
#define SESSION_TIMEOUT (10 * SECOND)

struct detector {
    struct env *env;
    const struct detector_events *events;
    void *user;
    struct place place;
    int64_t session_timeout_ns;
    struct env_timer tell;
    struct zookeeper *zookeeper;
    struct error failure; /* why there is none */
};

int detector_parse_leader(const char *json, size_t size, struct address *ret, struct error *err) {
    cleanup_(arena_done) struct arena arena = ARENA_INIT;
    Mesos__V1__MasterInfo *info;
    struct in_addr ip;
    char host[INET_ADDRSTRLEN];

    if (MESSAGE_PARSE_JSON(&mesos__v1__master_info__descriptor, json, size, MESSAGE_V0, &arena, &info, err) < 0)
        return -1;
    if (info->address != NULL && info->address->port > 0 && info->address->port <= UINT16_MAX) {
        const char *name = info->address->ip != NULL ? info->address->ip : info->address->hostname;

        if (name != NULL && *name != '\0' && strlen(name) < sizeof(ret->host)) {
            *ret = address_tcp(name, (uint16_t)info->address->port);
            return 0;
        }
    }
    /* What masters wrote before there were addresses: in network order. */
    ip.s_addr = info->ip;
    if (info->ip == 0 || info->port == 0 || info->port > UINT16_MAX)
        return error_set(err, EINVAL, "it names no address");
    *ret = address_tcp(inet_ntop(AF_INET, &ip, host, sizeof(host)), (uint16_t)info->port);
    return 0;
}

static void on_leader(void *user, const char *data, size_t size) {
    struct detector *detector = user;
    cleanup_error struct error err = ERROR_INIT;
    char text[ADDRESS_TEXT_BYTES];
    struct address leader;

    if (data == NULL) {
        log_info("ZooKeeper names no leading master");
        detector->events->on_leader(NULL, detector->user);
        return;
    }
    if (detector_parse_leader(data, size, &leader, &err) < 0) {
        log_error("What the leading master has written into ZooKeeper can not be read: %s", error_message(&err));
        detector->events->on_leader(NULL, detector->user);
        return;
    }
    log_info("The master at %s leads", address_format(&leader, text));
    detector->events->on_leader(&leader, detector->user);
}

static const struct zookeeper_events zookeeper_events = {.on_leader = on_leader};

static void on_tell(struct env_timer *timer) {
    struct detector *detector = container_of(timer, struct detector, tell);

    if (detector->place.servers == NULL) {
        detector->events->on_leader(&detector->place.leader, detector->user);
        return;
    }
    log_error("No master can be found: %s", error_message(&detector->failure));
    detector->events->on_leader(NULL, detector->user);
}

struct detector *detector_new(struct env *env, const char *master, const struct detector_events *events, void *user,
                              struct error *err) {
    struct place place;
    struct detector *detector;

    if (place_parse(env, master, &place, err) < 0) {
        place_done(&place);
        return NULL;
    }
    if (place.servers != NULL && !zookeeper_exists(env)) {
        place_done(&place);
        error_set(err, ENOTSUP, "master '%s': there is no ZooKeeper in this simulated world", master);
        return NULL;
    }
    detector = new0(struct detector);
    *detector = (struct detector){
        .env = env, .events = events, .user = user, .place = place, .session_timeout_ns = SESSION_TIMEOUT};
    env_timer_init(&detector->tell, env, on_tell);
    return detector;
}

void detector_set_session_timeout(struct detector *detector, int64_t timeout_ns) {
    detector->session_timeout_ns = timeout_ns;
}

void detector_start(struct detector *detector) {
    const struct zookeeper_options options = {.servers = detector->place.servers,
                                              .path = detector->place.path,
                                              .credentials = detector->place.credentials,
                                              .session_timeout_ns = detector->session_timeout_ns};

    if (detector->place.servers != NULL)
        detector->zookeeper = zookeeper_new(detector->env, &options, &zookeeper_events, detector, &detector->failure);
    if (detector->zookeeper == NULL)
        env_timer_start(&detector->tell, 0);
}

void detector_free(struct detector *detector) {
    if (detector == NULL)
        return;
    env_timer_done(&detector->tell);
    zookeeper_free(detector->zookeeper);
    error_done(&detector->failure);
    place_done(&detector->place);
    free(detector);
}
