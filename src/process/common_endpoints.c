/* SPDX-License-Identifier: Apache-2.0 */
#include "process/common_endpoints.h"

#include <ctype.h>
#include <string.h>

#include "base/duration.h"
#include "base/log.h"
#include "base/text.h"
#include "base/version.h"

enum { MOST_VERBOSE = 1000 };

static const char perftools_refusal[] =
    "Profiling is not built in: use perf(1) on this process; it needs no help from the daemon.";

bool jsonp_is_callback(const char *name) {
    if (*name == '\0')
        return false;
    for (; *name != '\0'; name++)
        if ((unsigned char)*name >= 0x80 || (!isalnum((unsigned char)*name) && strchr("_$.[]", *name) == NULL))
            return false;
    return true;
}

void respond_json(struct http_exchange *exchange, struct buffer *body) {
    const char *callback = http_request_query(exchange, "jsonp");
    cleanup_buffer struct buffer script = BUFFER_INIT;

    if (callback == NULL) {
        http_respond_buffer(exchange, 200, "application/json", body);
        return;
    }
    /* Upstream takes any text; in ours a link can not bring a script of its own. */
    if (!jsonp_is_callback(callback)) {
        http_respond_text(exchange, 400, "jsonp is not the name of a function.\n");
        return;
    }
    buffer_printf(&script, "%s(", callback);
    buffer_append(&script, body->data, body->size);
    buffer_append_char(&script, ')');
    buffer_clear(body);
    http_respond_buffer(exchange, 200, "text/javascript", &script);
}

static void get_version(struct http_exchange *exchange, void *user) {
    cleanup_buffer struct buffer body = BUFFER_INIT;
    struct json_writer writer;

    json_init(&writer, &body);
    version_write_json(&writer);
    respond_json(exchange, &body);
}

static void get_health(struct http_exchange *exchange, void *user) {
    http_respond(exchange, 200, NULL, NULL, 0);
}

static void get_flags(struct http_exchange *exchange, void *user) {
    const struct common_endpoints *endpoints = user;
    cleanup_buffer struct buffer body = BUFFER_INIT;
    struct json_writer writer;

    json_init(&writer, &body);
    json_begin_object(&writer);
    json_key(&writer, "flags");
    flags_write_json(endpoints->flag_table, endpoints->flags, &writer);
    json_end_object(&writer);
    respond_json(exchange, &body);
}

static void get_snapshot(struct http_exchange *exchange, void *user) {
    const struct common_endpoints *endpoints = user;
    const char *timeout = http_request_query(exchange, "timeout");
    cleanup_buffer struct buffer body = BUFFER_INIT;
    cleanup_error struct error err = ERROR_INIT;
    struct json_writer writer;
    int64_t ignored_ns;

    /* All metrics are at hand, so that no timeout can expire; a wrong one is refused all the same. */
    if (timeout != NULL && duration_parse(timeout, &ignored_ns, &err) < 0) {
        http_respond_text(exchange, 400, "Invalid timeout: %s.\n", error_message(&err));
        return;
    }
    json_init(&writer, &body);
    metrics_write_json(endpoints->metrics, &writer);
    respond_json(exchange, &body);
}

static void get_prometheus(struct http_exchange *exchange, void *user) {
    const struct common_endpoints *endpoints = user;
    const char *below = http_exchange_request(exchange)->path + strlen("/metrics");
    cleanup_buffer struct buffer body = BUFFER_INIT;

    /* Routes match by prefix; "/metrics/anything" is not this. */
    if (*below != '\0' && strcmp(below, "/") != 0) {
        http_respond_text(exchange, 404, "404 Not Found.");
        return;
    }
    metrics_append_prometheus(endpoints->metrics, &body);
    http_respond_buffer(exchange, 200, "text/plain; version=0.0.4; charset=utf-8", &body);
}

/* Level 0 is the daemon's own; glog's verbosity from 1 up is our debug level. */
static void set_verbosity(struct common_endpoints *endpoints, int64_t verbosity) {
    endpoints->verbosity = verbosity;
    log_set_level(verbosity > 0 ? LOG_DEBUG : endpoints->original_level);
}

static void on_revert(struct env_timer *timer) {
    struct common_endpoints *endpoints = container_of(timer, struct common_endpoints, revert);

    set_verbosity(endpoints, endpoints->original_verbosity);
}

void common_endpoints_set_verbosity(struct common_endpoints *endpoints, int64_t verbosity, int64_t duration_ns) {
    set_verbosity(endpoints, verbosity);
    if (verbosity != endpoints->original_verbosity)
        env_timer_start(&endpoints->revert, duration_ns);
}

static void toggle_logging(struct http_exchange *exchange, void *user) {
    struct common_endpoints *endpoints = user;
    const char *level = http_request_query(exchange, "level"), *duration = http_request_query(exchange, "duration");
    cleanup_error struct error err = ERROR_INIT;
    int64_t verbosity, duration_ns;

    if (level == NULL && duration == NULL) {
        http_respond_text(exchange, 200, "%d\n", (int)endpoints->verbosity);
    } else if (duration == NULL) {
        http_respond_text(exchange, 400, "The query has a level but no duration=value.\n");
    } else if (level == NULL) {
        http_respond_text(exchange, 400, "The query has a duration but no level=value.\n");
    } else if (integer_parse(level, 0, MOST_VERBOSE, &verbosity, &err) < 0) {
        http_respond_text(exchange, 400, "Invalid level: %s.\n", error_message(&err));
    } else if (verbosity < endpoints->original_verbosity) {
        http_respond_text(exchange, 400, "Level %s is below the one this daemon was started with.\n", level);
    } else if (duration_parse(duration, &duration_ns, &err) < 0) {
        http_respond_text(exchange, 400, "Invalid duration: %s.\n", error_message(&err));
    } else {
        common_endpoints_set_verbosity(endpoints, verbosity, duration_ns);
        http_respond(exchange, 200, NULL, NULL, 0);
    }
}

static void get_help(struct http_exchange *exchange, void *user) {
    const struct common_endpoints *endpoints = user;
    const char *below = http_exchange_request(exchange)->path + strlen("/help");
    cleanup_buffer struct buffer body = BUFFER_INIT;

    router_append_help(endpoints->router, below, &body);
    if (body.size == 0)
        http_respond_text(exchange, 404, "There is no endpoint below %s.\n", below);
    else
        http_respond_buffer(exchange, 200, "text/plain; charset=utf-8", &body);
}

static void get_stats(struct http_exchange *exchange, void *user) {
    const struct common_endpoints *endpoints = user;
    cleanup_buffer struct buffer body = BUFFER_INIT;
    struct json_writer writer;
    struct system_stats stats;

    endpoints->read_stats(&stats);
    json_init(&writer, &body);
    json_begin_object(&writer);
    json_member_double(&writer, "avg_load_15min", stats.load_15min);
    json_member_double(&writer, "avg_load_1min", stats.load_1min);
    json_member_double(&writer, "avg_load_5min", stats.load_5min);
    json_member_integer(&writer, "cpus_total", stats.cpus_total);
    json_member_integer(&writer, "mem_free_bytes", (int64_t)stats.mem_free_bytes);
    json_member_integer(&writer, "mem_total_bytes", (int64_t)stats.mem_total_bytes);
    json_end_object(&writer);
    respond_json(exchange, &body);
}

static void refuse_profiler(struct http_exchange *exchange, void *user) {
    http_respond_text(exchange, 400, "%s\n", perftools_refusal);
}

static void refuse_processes(struct http_exchange *exchange, void *user) {
    http_respond_text(
        exchange, 501,
        "This daemon has one event loop and no list of libprocess actors; /metrics/snapshot tells what it "
        "does.\n");
}

static const struct route root_routes[] = {
    {"/version", ROUTE_ANY, get_version, "The version, and the commit it was built from.", NULL},
    {"/health", ROUTE_ANY, get_health, "200 while the daemon runs.", NULL},
    {"/flags", ROUTE_ANY, get_flags, "The daemon's flags.", NULL},
    {"/metrics/snapshot", ROUTE_ANY, get_snapshot, "All metrics as one JSON object.",
     "timeout=DURATION is accepted; the answer is always complete."},
    {"/metrics", ROUTE_ANY, get_prometheus, "All metrics as Prometheus text.", NULL},
    {"/logging/toggle", ROUTE_ANY, toggle_logging, "Shows or sets the verbosity of the log.",
     "level=NUMBER (0: as started, 1 and up: debug) and duration=DURATION, after which it is set back."},
    {"/help", ROUTE_GET | ROUTE_HEAD, get_help, "This list; /help/<path> shows what is below a path.", NULL},
    {"/profiler/start", ROUTE_ANY, refuse_profiler, "Refused: profiling is not built in.", NULL},
    {"/profiler/stop", ROUTE_ANY, refuse_profiler, "Refused: profiling is not built in.", NULL},
    {"/__processes__", ROUTE_ANY, refuse_processes, "Refused: there are no libprocess actors.", NULL},
};

static const struct route process_routes[] = {
    {"/health", ROUTE_ANY, get_health, "200 while the daemon runs.", NULL},
    {"/flags", ROUTE_ANY, get_flags, "The daemon's flags.", NULL},
};

static const struct route stats_routes[] = {
    {"/system/stats.json", ROUTE_ANY, get_stats, "Load, processors and memory of this machine.", NULL},
};

static struct system_stats read_stats(void *user) {
    const struct common_endpoints *endpoints = user;
    struct system_stats stats;

    endpoints->read_stats(&stats);
    return stats;
}

static double cpus_total(void *user) {
    return (double)read_stats(user).cpus_total;
}

static double load_15min(void *user) {
    return read_stats(user).load_15min;
}

static double load_1min(void *user) {
    return read_stats(user).load_1min;
}

static double load_5min(void *user) {
    return read_stats(user).load_5min;
}

static double mem_free_bytes(void *user) {
    return (double)read_stats(user).mem_free_bytes;
}

static double mem_total_bytes(void *user) {
    return (double)read_stats(user).mem_total_bytes;
}

static const struct {
    const char *name;
    double (*read)(void *user);
} stats_rows[] = {
    {"system/cpus_total", cpus_total},         {"system/load_15min", load_15min},
    {"system/load_1min", load_1min},           {"system/load_5min", load_5min},
    {"system/mem_free_bytes", mem_free_bytes}, {"system/mem_total_bytes", mem_total_bytes},
};

void common_endpoints_init(struct common_endpoints *endpoints, struct router *router, const char *process_id,
                           struct metrics *metrics, const struct flag_table *flag_table, const void *flags,
                           struct env *env, void (*read)(struct system_stats *ret)) {
    *endpoints = (struct common_endpoints){
        .router = router,
        .metrics = metrics,
        .flag_table = flag_table,
        .flags = flags,
        .read_stats = read,
        .original_level = log_get_level(),
        .original_verbosity = log_is_on(LOG_DEBUG) ? 1 : 0,
    };
    endpoints->verbosity = endpoints->original_verbosity;
    /* Rows are removed by the prefix they were added with, as it is written: the slash at the end keeps ours apart from
     * the daemon's own. */
    endpoints->prefix = xasprintf("/%s/", process_id);
    env_timer_init(&endpoints->revert, env, on_revert);
    router_add(router, "/", root_routes, ARRAY_SIZE(root_routes), endpoints);
    router_add(router, endpoints->prefix, process_routes, ARRAY_SIZE(process_routes), endpoints);
    if (read == NULL)
        return;
    router_add(router, "/", stats_routes, ARRAY_SIZE(stats_routes), endpoints);
    for (size_t i = 0; i < ARRAY_SIZE(stats_rows); i++)
        metrics_add_reader(metrics, &endpoints->stats_metrics[i], stats_rows[i].read, endpoints, "%s",
                           stats_rows[i].name);
}

void common_endpoints_done(struct common_endpoints *endpoints) {
    if (endpoints == NULL || endpoints->router == NULL)
        return;
    env_timer_done(&endpoints->revert);
    for (size_t i = 0; i < ARRAY_SIZE(endpoints->stats_metrics); i++)
        metrics_remove(endpoints->metrics, &endpoints->stats_metrics[i]);
    router_remove(endpoints->router, "/");
    router_remove(endpoints->router, endpoints->prefix);
    free(endpoints->prefix);
    *endpoints = (struct common_endpoints){0};
}
