/* SPDX-License-Identifier: Apache-2.0 */
/* What all executors' containers use, asked of the containerizer one by one, for an answer over HTTP. */
#pragma once

#include "agent/executor.h"

struct usage_entry {
    char *container_id;
    const struct agent_executor *executor;     /* NULL: it is gone by now; only set for the answer */
    Mesos__V1__ResourceStatistics *statistics; /* NULL: not known */
};

/* @ready is called with the exchange once all is there, unless it is closed before. */
void usage_collect(struct agent *agent, struct http_exchange *exchange,
                   void (*ready)(struct http_exchange *exchange, const struct usage_entry *entries, size_t count));
/* Nobody will be answered; for the end of the agent. */
void usage_cancel_all(struct agent *agent);
