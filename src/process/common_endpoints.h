/* SPDX-License-Identifier: Apache-2.0 */
/* The endpoints that master and agent have alike: /version, /health, /flags, /metrics/snapshot, /metrics,
 * /logging/toggle, /system/stats.json, /help, and what upstream has and we refuse with a reason.
 *
 * /health and /flags also answer below the process's own id ("/master/health", "/slave(1)/flags"), as upstream. */
#pragma once

#include "base/flags.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/system_stats.h"
#include "event/env.h"
#include "net/router.h"

/* Embedded in the daemon. */
struct common_endpoints {
    struct router *router;
    char *prefix; /* "/master" */
    struct metrics *metrics;
    const struct flag_table *flag_table;
    const void *flags;
    struct env_timer revert; /* of the verbosity that /logging/toggle set */
    enum log_level original_level;
    int64_t original_verbosity, verbosity; /* as glog counts: 0, or 1 and up */
    void (*read_stats)(struct system_stats *ret);
    struct metric stats_metrics[6];
};

/* Add the routes to @router. All arguments are borrowed. @process_id is "master" or "slave(1)". @read_stats tells the
 * machine's load (system_stats_read() in daemons, another one in the simulation); NULL: no /system/stats.json and no
 * "system/…" metrics. */
void common_endpoints_init(struct common_endpoints *endpoints, struct router *router, const char *process_id,
                           struct metrics *metrics, const struct flag_table *flag_table, const void *flags,
                           struct env *env, void (*read_stats)(struct system_stats *ret));
/* Accepts NULL and a zeroed one. The routes are removed. */
void common_endpoints_done(struct common_endpoints *endpoints);

/* Log as much as @verbosity says (as glog counts: 0, or 1 and up) for @duration_ns, as /logging/toggle does. */
void common_endpoints_set_verbosity(struct common_endpoints *endpoints, int64_t verbosity, int64_t duration_ns);

/* Answer 200 with the JSON text in @body (its content is taken), as "callback(…)" in JavaScript where the query has
 * jsonp=callback. What every JSON endpoint ends in. */
void respond_json(struct http_exchange *exchange, struct buffer *body);
/* Whether @name can be the name of a function in JavaScript, as the value of the parameter jsonp must be. */
bool jsonp_is_callback(const char *name);
