/* SPDX-License-Identifier: Apache-2.0 */
#include "executor/checker.h"

#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "base/process_tree.h"
#include "executor/probe.h"
#include "message/message.h"

struct checker {
    struct env *env;
    char *task_id;
    const char *name; /* "COMMAND health check" */
    const struct checker_events *events;
    void *user;
    Mesos__V1__CheckInfo *check;         /* of a check, or */
    Mesos__V1__HealthCheck *health;      /* of a health check */
    Mesos__V1__CommandInfo *own_command; /* what stands for an HTTPS request */
    struct probe_target target;
    struct probe probe;
    struct env_timer timer;
    int64_t interval_ns, grace_period_ns, started_ns;
    bool is_paused;
    bool has_value; /* the result told last, of a check */
    int value;
    bool was_healthy; /* once */
    unsigned failures;
    unsigned failures_most;
};

/* Results */

void check_status_init(struct empty_check_status *ret, Mesos__V1__CheckInfo__Type type) {
    mesos__v1__check_status_info__init(&ret->status);
    mesos__v1__check_status_info__command__init(&ret->command);
    mesos__v1__check_status_info__http__init(&ret->http);
    mesos__v1__check_status_info__tcp__init(&ret->tcp);
    ret->status.has_type = true;
    ret->status.type = type;
    if (type == MESOS__V1__CHECK_INFO__TYPE__COMMAND)
        ret->status.command = &ret->command;
    else if (type == MESOS__V1__CHECK_INFO__TYPE__HTTP)
        ret->status.http = &ret->http;
    else if (type == MESOS__V1__CHECK_INFO__TYPE__TCP)
        ret->status.tcp = &ret->tcp;
}

static void tell_check(struct checker *checker, bool has_value, int value) {
    if (has_value == checker->has_value && (!has_value || value == checker->value))
        return;
    checker->has_value = has_value;
    checker->value = value;
    struct empty_check_status status;
    check_status_init(&status, checker->check->type);
    status.command.has_exit_code = status.http.has_status_code = status.tcp.has_succeeded = has_value;
    status.command.exit_code = value;
    status.http.status_code = value;
    status.tcp.succeeded = value != 0;
    checker->events->on_check(checker->user, &status.status);
}

static void tell_failure(struct checker *checker) {
    bool in_grace = !checker->was_healthy && checker->grace_period_ns > 0 &&
                    env_now(checker->env) - checker->started_ns <= checker->grace_period_ns;
    if (in_grace) {
        log_info("Ignoring failure of %s for task '%s': still in grace period", checker->name, checker->task_id);
        return;
    }
    checker->failures++;
    log_warning("%s for task '%s' failed %u times consecutively", checker->name, checker->task_id, checker->failures);
    checker->events->on_health(checker->user, false, checker->failures >= checker->failures_most);
}

static void tell_success(struct checker *checker) {
    bool is_news = !checker->was_healthy || checker->failures > 0;
    checker->was_healthy = true;
    checker->failures = 0;
    if (is_news)
        checker->events->on_health(checker->user, true, false);
}

/* Why a result means that the task is not healthy; NULL if it is. The caller frees. */
static char *find_fault(const struct checker *checker, int value) {
    switch (checker->target.kind) {
    case PROBE_COMMAND:
        return value != 0 ? xasprintf("Command exited with status %d", value) : NULL;
    case PROBE_HTTP:
        return value < 200 || value >= 400
                   ? xasprintf("Unexpected HTTP response code: %d %s", value, http_status_text(value))
                   : NULL;
    case PROBE_TCP:
        return value == 0 ? xstrdup("TCP connection failed") : NULL;
    }
    return NULL;
}

static void judge_health(struct checker *checker, const struct probe_result *result, const struct error *err) {
    cleanup_free char *fault = err != NULL ? xstrdup(error_message(err)) : find_fault(checker, result->value);
    if (fault == NULL) {
        tell_success(checker);
        return;
    }
    log_warning("%s for task '%s' failed: %s", checker->name, checker->task_id, fault);
    tell_failure(checker);
}

static void judge_check(struct checker *checker, const struct probe_result *result, const struct error *err) {
    if (err != NULL)
        log_warning("%s for task '%s' failed: %s", checker->name, checker->task_id, error_message(err));
    else
        log_debug("%s for task '%s' returned: %d", checker->name, checker->task_id, result->value);
    tell_check(checker, err == NULL, err == NULL ? result->value : 0);
}

static void on_result(struct probe *probe, const struct probe_result *result, const struct error *err) {
    struct checker *checker = container_of(probe, struct checker, probe);
    /* Told last: whoever is told may free the checker. */
    env_timer_start(&checker->timer, checker->interval_ns);
    if (err != NULL && err->code == EAGAIN)
        log_info("%s for task '%s' is not available: %s", checker->name, checker->task_id, error_message(err));
    else if (checker->health != NULL)
        judge_health(checker, result, err);
    else
        judge_check(checker, result, err);
}

static void on_due(struct env_timer *timer) {
    struct checker *checker = container_of(timer, struct checker, timer);
    probe_start(&checker->probe);
}

/* Validation, with Mesos's rules */

static int check_times(double delay, double interval, double timeout, struct error *err) {
    const struct {
        const char *name;
        double value;
    } times[] = {{"delay_seconds", delay}, {"interval_seconds", interval}, {"timeout_seconds", timeout}};
    for (size_t i = 0; i < ARRAY_SIZE(times); i++) {
        if (!(times[i].value >= 0))
            return error_set(err, EINVAL, "Expecting '%s' to be non-negative", times[i].name);
    }
    return 0;
}

static int set_command(struct probe_target *target, const Mesos__V1__CommandInfo *command, struct error *err) {
    if (command == NULL)
        return error_set(err, EINVAL, "Expecting 'command' to be set for COMMAND check");
    if (command->value == NULL)
        return error_set(err, EINVAL, "Command check must contain %s",
                         command->shell ? "'shell command'" : "'executable path'");
    target->kind = PROBE_COMMAND;
    target->command = command;
    return 0;
}

static int set_port(struct probe_target *target, uint32_t port, bool is_v6, struct error *err) {
    if (port == 0 || port > UINT16_MAX)
        return error_set(err, EINVAL, "%u is no port", port);
    target->port = (uint16_t)port;
    target->host = is_v6 ? "::1" : "127.0.0.1";
    return 0;
}

static int set_http(struct probe_target *target, uint32_t port, const char *path, bool is_v6, struct error *err) {
    if (path != NULL && path[0] != '\0' && path[0] != '/')
        return error_set(err, EINVAL, "The path '%s' of HTTP check must start with '/'", path);
    target->kind = PROBE_HTTP;
    target->path = path != NULL ? path : "";
    return set_port(target, port, is_v6, err);
}

static int set_check_target(struct checker *checker, struct error *err) {
    const Mesos__V1__CheckInfo *check = checker->check;
    struct probe_target *target = &checker->target;
    switch (check->has_type ? check->type : MESOS__V1__CHECK_INFO__TYPE__UNKNOWN) {
    case MESOS__V1__CHECK_INFO__TYPE__COMMAND:
        checker->name = "COMMAND check";
        return set_command(target, check->command != NULL ? check->command->command : NULL, err);
    case MESOS__V1__CHECK_INFO__TYPE__HTTP:
        checker->name = "HTTP check";
        if (check->http == NULL)
            return error_set(err, EINVAL, "Expecting 'http' to be set for HTTP check");
        return set_http(target, check->http->port, check->http->path, false, err);
    case MESOS__V1__CHECK_INFO__TYPE__TCP:
        checker->name = "TCP check";
        if (check->tcp == NULL)
            return error_set(err, EINVAL, "Expecting 'tcp' to be set for TCP check");
        target->kind = PROBE_TCP;
        return set_port(target, check->tcp->port, false, err);
    default:
        return error_set(err, EINVAL, "CheckInfo must specify a valid 'type'");
    }
}

/* HTTPS by the program that Mesos uses for all of HTTP: certificates are not looked at, redirects are followed, and an
 * answer of 400 or more is a failure. */
static int set_https(struct checker *checker, const Mesos__V1__HealthCheck__HTTPCheckInfo *http, struct error *err) {
    bool is_v6 = http->has_protocol && http->protocol == MESOS__V1__NETWORK_INFO__PROTOCOL__IPv6;
    if (set_http(&checker->target, http->port, http->path, is_v6, err) < 0)
        return -1;
    cleanup_free char *url = xasprintf("https://%s:%u%s", is_v6 ? "[::1]" : "127.0.0.1", http->port,
                                       checker->target.path);
    char *arguments[] = {"curl", "-s", "-S", "-L", "-k", "-f", "-g", "-o", "/dev/null", url};
    Mesos__V1__CommandInfo command = MESOS__V1__COMMAND_INFO__INIT;
    command.has_shell = true;
    command.shell = false;
    command.value = "curl";
    command.arguments = arguments;
    command.n_arguments = ARRAY_SIZE(arguments);
    checker->own_command = MESSAGE_COPY(&command);
    return set_command(&checker->target, checker->own_command, err);
}

static int set_health_http(struct checker *checker, const Mesos__V1__HealthCheck__HTTPCheckInfo *http,
                           struct error *err) {
    if (http == NULL)
        return error_set(err, EINVAL, "Expecting 'http' to be set for HTTP health check");
    if (http->scheme != NULL && strcmp(http->scheme, "https") == 0)
        return set_https(checker, http, err);
    if (http->scheme != NULL && strcmp(http->scheme, "http") != 0)
        return error_set(err, EINVAL, "Unsupported HTTP health check scheme: '%s'", http->scheme);
    bool is_v6 = http->has_protocol && http->protocol == MESOS__V1__NETWORK_INFO__PROTOCOL__IPv6;
    return set_http(&checker->target, http->port, http->path, is_v6, err);
}

static int set_health_target(struct checker *checker, struct error *err) {
    const Mesos__V1__HealthCheck *health = checker->health;
    switch (health->has_type ? health->type : MESOS__V1__HEALTH_CHECK__TYPE__UNKNOWN) {
    case MESOS__V1__HEALTH_CHECK__TYPE__COMMAND:
        checker->name = "COMMAND health check";
        return set_command(&checker->target, health->command, err);
    case MESOS__V1__HEALTH_CHECK__TYPE__HTTP:
        checker->name = "HTTP health check";
        return set_health_http(checker, health->http, err);
    case MESOS__V1__HEALTH_CHECK__TYPE__TCP:
        checker->name = "TCP health check";
        if (health->tcp == NULL)
            return error_set(err, EINVAL, "Expecting 'tcp' to be set for TCP health check");
        checker->target.kind = PROBE_TCP;
        return set_port(&checker->target, health->tcp->port,
                        health->tcp->has_protocol && health->tcp->protocol == MESOS__V1__NETWORK_INFO__PROTOCOL__IPv6,
                        err);
    default:
        return error_set(err, EINVAL, "HealthCheck must specify a valid 'type'");
    }
}

/* Life */

static struct checker *new_common(struct env *env, const struct checker_options *options,
                                  const struct checker_events *events, void *user) {
    struct checker *checker = new0(struct checker);
    checker->env = env;
    checker->task_id = xstrdup(options->task_id);
    checker->events = events;
    checker->user = user;
    checker->started_ns = env_now(env);
    probe_init(&checker->probe, env, options->runner, &checker->target, on_result);
    checker->probe.environment = options->environment;
    checker->probe.directory = options->directory;
    env_timer_init(&checker->timer, env, on_due);
    return checker;
}

static struct checker *start(struct checker *checker, int result, double delay, double interval, double timeout,
                             struct error *err) {
    if (result < 0 || check_times(delay, interval, timeout, err) < 0) {
        checker_free(checker);
        return NULL;
    }
    checker->interval_ns = duration_from_seconds(interval);
    checker->target.timeout_ns = duration_from_seconds(timeout);
    env_timer_start(&checker->timer, duration_from_seconds(delay));
    return checker;
}

struct checker *checker_new(struct env *env, const Mesos__V1__CheckInfo *check, const struct checker_options *options,
                            const struct checker_events *events, void *user, struct error *err) {
    struct checker *checker = new_common(env, options, events, user);
    checker->check = MESSAGE_COPY(check);
    int result = set_check_target(checker, err);
    return start(checker, result, check->delay_seconds, check->interval_seconds, check->timeout_seconds, err);
}

struct checker *checker_new_health(struct env *env, const Mesos__V1__HealthCheck *check,
                                   const struct checker_options *options, const struct checker_events *events,
                                   void *user, struct error *err) {
    struct checker *checker = new_common(env, options, events, user);
    checker->health = MESSAGE_COPY(check);
    checker->failures_most = check->consecutive_failures;
    int result = set_health_target(checker, err);
    if (result == 0 && !(check->grace_period_seconds >= 0))
        result = error_set(err, EINVAL, "Expecting 'grace_period_seconds' to be non-negative");
    checker->grace_period_ns = duration_from_seconds(check->grace_period_seconds);
    return start(checker, result, check->delay_seconds, check->interval_seconds, check->timeout_seconds, err);
}

void checker_free(struct checker *checker) {
    if (checker == NULL)
        return;
    probe_done(&checker->probe);
    env_timer_done(&checker->timer);
    MESSAGE_FREE(checker->check);
    MESSAGE_FREE(checker->health);
    MESSAGE_FREE(checker->own_command);
    free(checker->task_id);
    free(checker);
}

void checker_pause(struct checker *checker) {
    if (checker == NULL || checker->is_paused)
        return;
    checker->is_paused = true;
    probe_stop(&checker->probe);
    env_timer_stop(&checker->timer);
}

void checker_resume(struct checker *checker) {
    if (checker == NULL || !checker->is_paused)
        return;
    checker->is_paused = false;
    env_timer_start(&checker->timer, 0);
}
