/* SPDX-License-Identifier: Apache-2.0 */
/* The agent as JSON: /state, /containers, /monitor/statistics. */
#pragma once

#include "agent/core.h"

void state_handle(struct http_exchange *exchange, void *agent);
void containers_handle(struct http_exchange *exchange, void *agent);
void statistics_handle(struct http_exchange *exchange, void *agent);
