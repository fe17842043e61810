/* SPDX-License-Identifier: Apache-2.0 */
#include "executor/probe.h"

#include <errno.h>
#include <string.h>
#include <sys/wait.h>

#include "base/process_tree.h"
#include "base/text.h"
#include "executor/environment.h"

/* As many as curl follows by itself, which Mesos checks with. */
#define REDIRECTS_MOST 50

/* The end */

static void close_attempt(struct probe *probe) {
    env_timer_stop(&probe->timer);
    if (probe->process != NULL)
        probe->runner->ops->forget(take_ptr(&probe->process));
    http_call_cancel(take_ptr(&probe->call));
    stream_close(take_ptr(&probe->stream));
    free(take_ptr(&probe->location));
}

static void finish(struct probe *probe, int value) {
    close_attempt(probe);
    struct probe_result result = {.value = value};
    probe->on_result(probe, &result, NULL);
}

/* Takes the content of @err. */
static void fail(struct probe *probe, struct error *err) {
    cleanup_error struct error taken = ERROR_INIT;
    error_move(&taken, err);
    close_attempt(probe);
    probe->on_result(probe, NULL, &taken);
}

static const char *kind_name(enum probe_kind kind) {
    static const char *const names[] = {
        [PROBE_COMMAND] = "Command", [PROBE_HTTP] = "HTTP request", [PROBE_TCP] = "TCP connection"};
    return names[kind];
}

static void on_timeout(struct env_timer *timer) {
    struct probe *probe = container_of(timer, struct probe, timer);
    struct error err = ERROR_INIT;
    cleanup_free char *timeout = duration_format(probe->target->timeout_ns);
    error_set(&err, ETIMEDOUT, "%s timed out after %s", kind_name(probe->target->kind), timeout);
    fail(probe, &err);
}

/* Something failed before it was under way: the result still comes from the loop. */
static void on_early_failure(struct env_timer *timer) {
    struct probe *probe = container_of(timer, struct probe, timer);
    struct error err = ERROR_INIT;
    error_set(&err, 0, "%s", probe->location);
    fail(probe, &err);
}

static void fail_later(struct probe *probe, const struct error *err) {
    string_replace(&probe->location, error_message(err));
    probe->timer.on_fire = on_early_failure;
    env_timer_start(&probe->timer, 0);
}

/* Commands */

static void on_command_exit(void *user, int wait_status, const struct error *process_err) {
    struct probe *probe = user;
    struct error err = ERROR_INIT;
    probe->process = NULL;
    if (process_err != NULL) {
        error_set(&err, process_err->code, "%s", error_message(process_err));
        fail(probe, &err);
    } else if (WIFEXITED(wait_status)) {
        finish(probe, WEXITSTATUS(wait_status));
    } else {
        cleanup_free char *how = wait_status_format(wait_status);
        error_set(&err, 0, "Command %s", how);
        fail(probe, &err);
    }
}

static const struct process_events command_events = {.on_exit = on_command_exit};

static void start_command(struct probe *probe) {
    struct environment environment;
    environment_init(&environment, probe->environment);
    environment_merge(&environment, probe->target->command->environment);
    struct process_spec spec = {.command = probe->target->command,
                                .environment = environment.entries,
                                .directory = probe->directory,
                                .output_to_stderr = true};
    cleanup_error struct error err = ERROR_INIT;
    probe->process = probe->runner->ops->start(probe->runner, &spec, &command_events, probe, &err);
    environment_done(&environment);
    if (probe->process == NULL) {
        error_wrap(&err, "Failed to create subprocess");
        fail_later(probe, &err);
    }
}

/* HTTP */

static void ask(struct probe *probe, const char *path);

/* Where a redirect leads; the address is changed if it names one. */
static int resolve_location(struct probe *probe, const char **ret_path, struct error *err) {
    const char *location = probe->location;
    if (location[0] == '/' && location[1] != '/') {
        *ret_path = location;
        return 0;
    }
    if (!text_starts_with(location, "http://"))
        return error_set(err, ENOTSUP, "can not follow the redirect to '%s'", location);
    const char *host = location + strlen("http://");
    size_t size = strcspn(host, "/?#");
    cleanup_free char *authority = xstrndup(host, size);
    const char *colon = strrchr(authority, ':');
    bool has_port = colon != NULL && strchr(colon, ']') == NULL;
    cleanup_free char *with_port = has_port ? xstrdup(authority) : xasprintf("%s:80", authority);
    *ret_path = host[size] == '/' ? host + size : "/";
    return address_parse(with_port, &probe->address, err);
}

static void follow(struct probe *probe) {
    struct error err = ERROR_INIT;
    const char *path = NULL;
    if (++probe->redirects > REDIRECTS_MOST)
        error_set(&err, ELOOP, "more than %d redirects", REDIRECTS_MOST);
    if (err.message != NULL || resolve_location(probe, &path, &err) < 0) {
        fail(probe, &err);
        return;
    }
    cleanup_free char *copy = xstrdup(path);
    free(take_ptr(&probe->location));
    ask(probe, copy);
}

static void on_head(struct http_call *call, const struct http_response *response, void *user) {
    struct probe *probe = user;
    probe->status = response->status;
    bool redirects = response->status >= 301 && response->status <= 308 && response->status != 304 &&
                     response->status != 305 && response->status != 306;
    if (redirects)
        string_replace(&probe->location, http_headers_find(&response->headers, "Location"));
}

/* The body does not matter, but that it ends does. */
static void on_body(struct http_call *call, const char *data, size_t size, void *user) {
}

static void on_answer(struct http_call *call, const struct http_response *response, const struct error *call_err,
                      void *user) {
    struct probe *probe = user;
    struct error err = ERROR_INIT;
    probe->call = NULL;
    if (call_err != NULL) {
        error_set(&err, call_err->code == EAGAIN ? 0 : call_err->code, "%s", error_message(call_err));
        fail(probe, &err);
    } else if (probe->location != NULL) {
        follow(probe);
    } else {
        finish(probe, (int)probe->status);
    }
}

static const struct http_call_events http_events = {.on_head = on_head, .on_data = on_body, .on_done = on_answer};

static void ask(struct probe *probe, const char *path) {
    static const struct http_header headers[] = {{"Accept", "*/*"}, {"User-Agent", "mesos"}};
    struct http_call_options options = {
        .method = "GET",
        .target = path[0] != '\0' ? path : "/",
        .headers = headers,
        .header_count = ARRAY_SIZE(headers),
        .timeout_ns = -1, /* ours covers redirects too */
        .own_connection = true,
    };
    probe->call = http_client_call(probe->http, &probe->address, &options, &http_events, probe);
}

static void start_http(struct probe *probe) {
    if (probe->http == NULL)
        probe->http = http_client_new(probe->env);
    probe->address = address_tcp(probe->target->host, probe->target->port);
    probe->redirects = 0;
    ask(probe, probe->target->path);
}

/* TCP */

static void on_connect(struct stream *stream) {
    finish(stream->user, 1);
}

static void on_connect_error(struct stream *stream, const struct error *err) {
    finish(stream->user, 0);
}

static const struct stream_events tcp_events = {.on_connect = on_connect, .on_error = on_connect_error};

static void start_tcp(struct probe *probe) {
    struct address address = address_tcp(probe->target->host, probe->target->port);
    probe->stream = env_connect(probe->env, &address, &tcp_events, probe);
}

/* The probe */

void probe_init(struct probe *probe, struct env *env, struct process_runner *runner, const struct probe_target *target,
                void (*on_result)(struct probe *probe, const struct probe_result *result, const struct error *err)) {
    *probe = (struct probe){.env = env, .runner = runner, .target = target, .on_result = on_result};
    env_timer_init(&probe->timer, env, on_timeout);
}

void probe_start(struct probe *probe) {
    static void (*const start[])(struct probe * probe) = {
        [PROBE_COMMAND] = start_command, [PROBE_HTTP] = start_http, [PROBE_TCP] = start_tcp};
    probe->timer.on_fire = on_timeout;
    if (probe->target->timeout_ns > 0)
        env_timer_start(&probe->timer, probe->target->timeout_ns);
    start[probe->target->kind](probe);
}

void probe_stop(struct probe *probe) {
    close_attempt(probe);
}

void probe_done(struct probe *probe) {
    if (probe->env == NULL)
        return;
    close_attempt(probe);
    env_timer_done(&probe->timer);
    http_client_free(take_ptr(&probe->http));
}
