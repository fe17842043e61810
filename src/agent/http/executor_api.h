/* SPDX-License-Identifier: Apache-2.0 */
/* The v1 executor API: /api/v1/executor (src/slave/http.cpp, Http::executor). */
#pragma once

#include "agent/core.h"

void executor_api_handle(struct http_exchange *exchange, void *agent);

/* Whether @call makes sense; the error is that of Mesos. (src/common/validation.cpp, validateExecutorCall) */
int executor_call_validate(const Mesos__V1__Executor__Call *call, struct error *err);
