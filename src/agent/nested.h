/* SPDX-License-Identifier: Apache-2.0 */
/* Containers that are no executors: nested in one, or standing alone; made and ended by calls of the agent API
 * (src/slave/http.cpp). */
#pragma once

#include "agent/executor.h"
#include "base/buffer.h"

enum nested_state { NESTED_LAUNCHING, NESTED_RUNNING, NESTED_ENDED };

struct nested_container {
    struct agent *agent;
    char *id; /* "<parent>.<id>", or "<id>" for a standalone one */
    char *directory;
    char *user;
    enum nested_state state;
    bool has_status;
    int status; /* of wait(2) */
    int reason; /* -1: none */
    char *message;
    struct list launches; /* of struct nested_call: who wants to know whether it was launched */
    struct list waits;    /* of struct nested_call: who wants to know of its end */
};

/* Somebody waits for an answer; owned by the asker, in one list until it is called or nested_call_cancel(). */
struct nested_call {
    struct list member;
    void (*on_done)(struct nested_call *call, const struct nested_container *container, const struct error *err);
};
void nested_call_cancel(struct nested_call *call);

/* The id as the containerizer knows it: after those of the containers it is nested in. */
void nested_append_id(const Mesos__V1__ContainerID *id, struct buffer *text);
static inline struct nested_container *nested_find(const struct agent *agent, const char *id) {
    return table_find(&agent->nested, id);
}
/* The executor in whose container @id is, or NULL: gone, or a standalone container. */
struct agent_executor *nested_find_executor(const struct agent *agent, const char *id);

struct nested_config {
    const char *id;
    const Mesos__V1__CommandInfo *command;
    const Mesos__V1__ContainerInfo *container;
    Mesos__V1__Resource *const *resources;
    size_t resource_count;
};

/* Results of nested_launch() besides 0 (@call will be told) and -1. */
enum { NESTED_EXISTS = 1, NESTED_NO_PARENT = 2 };
int nested_launch(struct agent *agent, const struct nested_config *config, struct nested_call *call, struct error *err);

/* A container of an earlier agent is there, or has left its end to be told. */
void nested_recovered(struct agent *agent, const char *id);
/* The container has ended: false if it is not one of these. */
bool nested_exited(struct agent *agent, const char *id, const struct container_termination *termination);
/* The executor's container is gone, and with it what was nested in it. */
void nested_parent_ended(struct agent *agent, const char *id);
/* Forget an ended container and remove its sandbox. */
void nested_remove(struct nested_container *container);
void nested_free_all(struct agent *agent);
