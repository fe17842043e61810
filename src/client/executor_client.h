/* SPDX-License-Identifier: Apache-2.0 */
/* The executor's side of the v1 executor API: it subscribes with its agent, comes back after the agent has restarted,
 * and keeps each status update until the agent has acknowledged it. */
#pragma once

#include "client/subscription.h"
#include "mesos/v1/executor/executor.pb-c.h"

struct executor_client;

/* Text is copied. See executor_client_options_from_environment(). */
struct executor_client_options {
    const char *agent;     /* MESOS_AGENT_ENDPOINT: "ip:port" */
    const char *agent_id;  /* MESOS_SLAVE_ID; may be NULL */
    const char *agent_pid; /* MESOS_SLAVE_PID: the agent's API is below its id there, as in Mesos; NULL: at the root */
    const char *framework_id;
    const char *executor_id;
    const char *authentication_token; /* MESOS_EXECUTOR_AUTHENTICATION_TOKEN, or NULL */
    bool checkpoint;                  /* MESOS_CHECKPOINT: waits for a lost agent, else on_abandoned comes at once */
    int64_t recovery_timeout_ns;      /* MESOS_RECOVERY_TIMEOUT: how long a lost agent is waited for; 15 min */
    int64_t backoff_max_ns;           /* MESOS_SUBSCRIPTION_BACKOFF_MAX: 2 s */
    enum media media;
};

struct executor_client_events {
    /* Every event but HEARTBEAT, SUBSCRIBED included; valid during the call. What its type announces is in it. */
    void (*on_event)(void *user, const Mesos__V1__Executor__Event *event);
    /* The agent went away (after SUBSCRIBED); tries to subscribe go on. */
    void (*on_disconnected)(void *user);
    /* The agent did not come back in time, or refused us: the executor should end. Last event. @reason is one line. */
    void (*on_abandoned)(void *user, const char *reason);
};

/* The path of @path ("/api/v1") of the agent's; freed by the caller. */
char *executor_client_agent_path(const struct executor_client_options *options, const char *path);
/* Read the options from the environment that an agent gives to executors. The strings stay those of the environment. */
int executor_client_options_from_environment(struct executor_client_options *ret, struct error *err);

struct executor_client *executor_client_new(struct env *env, const struct executor_client_options *options,
                                            const struct executor_client_events *events, void *user, struct error *err);
void executor_client_start(struct executor_client *client);
void executor_client_free(struct executor_client *client); /* accepts NULL; may be called from its events */

bool executor_client_is_subscribed(const struct executor_client *client);

/* Send a status (copied), now or as soon as the executor is subscribed, until it is acknowledged. What the status lacks
 * of uuid, timestamp, source, agent id and executor id is filled in. */
void executor_client_send_update(struct executor_client *client, const Mesos__V1__TaskStatus *status);
size_t executor_client_unacknowledged(const struct executor_client *client);

/* To the scheduler, best effort. Returns false if not subscribed: the message is dropped. */
bool executor_client_send_message(struct executor_client *client, const void *data, size_t size);
