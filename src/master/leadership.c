/* SPDX-License-Identifier: Apache-2.0 */
#include "master/leadership.h"

#include <string.h>

#include "base/log.h"
#include "base/text.h"
#include "master/master.h"
#include "message/message.h"

bool master_is_elected(const struct master *master) {
    return master->leadership.leader == master->info && !master->leadership.has_ended;
}

/* Ids begin with that of the master that gave them. */
static bool is_given_by(const struct master *master, const char *id) {
    return strncmp(id, master->id, UUID_TEXT_BYTES - 1) == 0;
}

bool leadership_awaits(const struct master *master, const char *framework_id, const char *agent_id) {
    const struct leadership *leadership = &master->leadership;

    return leadership->election != NULL && env_now(master->env) < leadership->awaited_until_ns &&
           !is_given_by(master, framework_id) && (agent_id == NULL || !is_given_by(master, agent_id));
}

/* Once only: what comes after it changes nothing any more. */
static void end(struct master *master, const struct error *err) {
    struct leadership *leadership = &master->leadership;

    if (leadership->has_ended)
        return;
    leadership->has_ended = true;
    log_error("The master ends: %s", error_message(err));
    if (master->events != NULL)
        master->events->on_ended(master->user, err);
}

/* Masters of one cluster are in one region. */
static bool is_elsewhere(const Mesos__V1__MasterInfo *own, const Mesos__V1__MasterInfo *leader) {
    const Mesos__V1__DomainInfo *a = own->domain, *b = leader->domain;

    return a != NULL && b != NULL && a->fault_domain != NULL && b->fault_domain != NULL &&
           strcmp(a->fault_domain->region->name, b->fault_domain->region->name) != 0;
}

static void set_leader(struct master *master, const Mesos__V1__MasterInfo *leader) {
    struct leadership *leadership = &master->leadership;

    if (leadership->is_copy)
        message_free(&leadership->leader->base);
    leadership->is_copy = leader != NULL && leader != master->info;
    leadership->leader = leadership->is_copy ? MESSAGE_COPY(leader) : (Mesos__V1__MasterInfo *)(uintptr_t)leader;
    if (leader == master->info) {
        leadership->elected_ns = env_wall_clock(master->env);
        leadership->awaited_until_ns = env_now(master->env) + master->flags->agent_reregister_timeout_ns;
    }
}

/* [Master::detected] */
static void on_leader(void *user, const Mesos__V1__MasterInfo *leader) {
    struct master *master = user;
    cleanup_error struct error err = ERROR_INIT;
    bool was_elected = master_is_elected(master);
    bool is_ours = leader != NULL && strcmp(leader->id, master->info->id) == 0;

    if (master->leadership.has_ended)
        return;
    if (is_ours) {
        log_info(was_elected ? "Elected as the leading master again" : "Elected as the leading master");
        set_leader(master, master->info);
        return;
    }
    set_leader(master, leader);
    if (leader == NULL)
        log_info("No master leads");
    else
        log_info("The master %s leads: %s", leader->id, leader->pid == NULL ? leader->hostname : leader->pid);
    if (was_elected && leader != NULL)
        error_set(&err, 0, "another master has taken over the leadership");
    else if (was_elected)
        error_set(&err, 0, "the leadership is lost, and nobody leads");
    else if (leader != NULL && is_elsewhere(master->info, leader))
        error_set(&err, 0, "the leading master is in region '%s', this one in '%s': all have to be in the same",
                  leader->domain->fault_domain->region->name, master->info->domain->fault_domain->region->name);
    if (err.message != NULL)
        end(master, &err);
}

/* [Master::lostCandidacy] */
static void on_candidacy_lost(void *user) {
    struct master *master = user;
    cleanup_error struct error err = ERROR_INIT;

    if (master->leadership.has_ended)
        return;
    if (master_is_elected(master)) {
        error_set(&err, 0, "the leadership is lost with the session or the znode in ZooKeeper");
        end(master, &err);
        return;
    }
    log_info("No candidate for leadership any more: contending again");
    election_contend(master->leadership.election);
}

static void on_failed(void *user, const struct error *reason) {
    cleanup_error struct error err = ERROR_INIT;

    error_set(&err, 0, "no part can be taken in the election: %s", error_message(reason));
    end(user, &err);
}

static const struct election_events election_events = {on_leader, on_candidacy_lost, on_failed};

int leadership_init(struct master *master, struct error *err) {
    const struct master_flags *flags = master->flags;
    struct leadership *leadership = &master->leadership;

    if (flags->zk == NULL) {
        set_leader(master, master->info);
        return 0;
    }
    leadership->election = election_new(master->env, flags->zk, flags->zk_session_timeout_ns, &election_events, master,
                                        err);
    if (leadership->election == NULL)
        return error_wrap(err, "the flag --zk");
    return election_start(leadership->election, master->info, err);
}

void leadership_done(struct master *master) {
    struct leadership *leadership = &master->leadership;

    election_free(leadership->election);
    if (leadership->is_copy)
        message_free(&leadership->leader->base);
    *leadership = (struct leadership){0};
}

/* Answers */

/* Where the leader serves what @request asks for. As libprocess prefixes what is asked for at the root, it is always
 * below "/master". */
static char *location_of(const Mesos__V1__MasterInfo *leader, const struct http_request *request) {
    const char *target = strstr(request->target, "://");
    const char *host = leader->hostname != NULL  ? leader->hostname
                       : leader->address != NULL ? leader->address->ip
                                                 : NULL;
    bool is_below = text_starts_with(request->path, "/master/");

    /* "http://host/path" in a request line, as proxies write it. */
    target = target == NULL || *request->target == '/' ? request->target : strchrnul(target + strlen("://"), '/');
    if (host == NULL)
        return NULL;
    if (strcmp(request->path, "/redirect") == 0 || strcmp(request->path, "/master/redirect") == 0)
        target = "";
    else if (!is_below)
        return xasprintf("//%s:%u/master%s", host, leader->port, target);
    return xasprintf("//%s:%u%s", host, leader->port, target);
}

void leadership_redirect(struct master *master, struct http_exchange *exchange) {
    const struct http_request *request = http_exchange_request(exchange);
    const Mesos__V1__MasterInfo *leader = master->leadership.has_ended ? NULL : master->leadership.leader;
    cleanup_free char *location = leader == NULL ? NULL : location_of(leader, request);

    if (location == NULL) {
        log_warning("Nobody is known to lead: no redirection of %.200s", request->target);
        http_respond_text(exchange, 503, "No leader elected");
        return;
    }
    if (text_starts_with(request->path, "/redirect/") || text_starts_with(request->path, "/master/redirect/")) {
        /* It would redirect for ever. */
        http_respond_text(exchange, 404, "404 Not Found.");
        return;
    }
    log_info("Redirecting %.200s to the leading master: %.300s", request->target, location);
    http_respond_header(exchange, "Location", location);
    http_respond(exchange, 307, NULL, NULL, 0);
}

bool leadership_guard(struct http_exchange *exchange, void *user) {
    if (master_is_elected(user))
        return true;
    leadership_redirect(user, exchange);
    return false;
}
