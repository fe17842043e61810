/* SPDX-License-Identifier: Apache-2.0 */
/* Calls to the agent's v1 API about the containers below an executor's. */
#pragma once

#include "client/executor_client.h"
#include "mesos/v1/agent/agent.pb-c.h"
#include "net/http_client.h"

struct agent_calls {
    struct http_client *http;
    struct address agent;
    char *target;
    char *authorization; /* or NULL */
};

struct agent_call;

/* The answer: @status is that of HTTP, 0 if there was none. @response is what a 200 has carried, if anything; @text is
 * the body of another status, or why there was no answer. */
typedef void agent_call_done(void *user, unsigned status, const Mesos__V1__Agent__Response *response, const char *text);

int agent_calls_init(struct agent_calls *calls, struct env *env, const struct executor_client_options *options,
                     struct error *err);
void agent_calls_done(struct agent_calls *calls); /* all calls must have ended; accepts a zeroed one */

/* Send @call. @is_long: the answer may take for ever, on a connection of its own. */
struct agent_call *agent_calls_send(struct agent_calls *calls, const Mesos__V1__Agent__Call *call, bool is_long,
                                    agent_call_done *on_done, void *user);
/* No answer will come. Accepts NULL. */
void agent_call_cancel(struct agent_call *call);
