/* SPDX-License-Identifier: Apache-2.0 */
/* One look at a task: run a command, ask over HTTP, or connect. Used again and again by a checker. */
#pragma once

#include "event/env.h"
#include "executor/process_runner.h"
#include "net/http_client.h"

enum probe_kind { PROBE_COMMAND, PROBE_HTTP, PROBE_TCP };

/* What is looked at; borrowed, and must outlive the probe. */
struct probe_target {
    enum probe_kind kind;
    const Mesos__V1__CommandInfo *command; /* PROBE_COMMAND */
    const char *host;                      /* "127.0.0.1" or "::1" */
    uint16_t port;
    const char *path;   /* PROBE_HTTP: "" or begins with '/' */
    int64_t timeout_ns; /* 0: none */
};

struct probe_result {
    /* The command's exit code, the HTTP status (after redirects), or 1 for a connection that was made and 0 for one
     * that was not. */
    int value;
};

struct probe {
    struct env *env;
    struct process_runner *runner;
    char *const *environment; /* of commands, which add their own */
    const char *directory;    /* of commands; NULL: the executor's */
    const struct probe_target *target;
    /* Ends each probe_start(): @err is NULL, or says why there is no result; its code is EAGAIN if that says nothing of
     * the task. */
    void (*on_result)(struct probe *probe, const struct probe_result *result, const struct error *err);
    struct env_timer timer;
    struct running_process *process;
    struct http_client *http;
    struct http_call *call;
    struct stream *stream;
    struct address address; /* PROBE_HTTP: where the last redirect led */
    unsigned redirects;
    unsigned status;
    char *location;
};

void probe_init(struct probe *probe, struct env *env, struct process_runner *runner, const struct probe_target *target,
                void (*on_result)(struct probe *probe, const struct probe_result *result, const struct error *err));
void probe_start(struct probe *probe);
/* No result will come. */
void probe_stop(struct probe *probe);
void probe_done(struct probe *probe); /* stops; accepts a zeroed one */
