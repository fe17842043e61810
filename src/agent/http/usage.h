/* SPDX-License-Identifier: Apache-2.0 */
/* What containers use, asked of the containerizer one by one, for an answer over HTTP. */
#pragma once

#include "agent/executor.h"

struct usage_entry {
    char *container_id;
    Mesos__V1__ResourceStatistics *statistics; /* NULL: not known */
    /* Only set for the answer: */
    const struct agent_executor *executor; /* whose container it is; NULL: it is gone, or is no executor's */
    bool is_there;
    int pid; /* 0: not known */
};

enum usage_kind { USAGE_EXECUTORS = 1, USAGE_NESTED = 2, USAGE_STANDALONE = 4 };

/* @ready is called with the exchange once all is there, unless it is closed before. */
void usage_collect(struct agent *agent, struct http_exchange *exchange, unsigned kinds,
                   void (*ready)(struct http_exchange *exchange, const struct usage_entry *entries, size_t count));
/* Nobody will be answered; for the end of the agent. */
void usage_cancel_all(struct agent *agent);
