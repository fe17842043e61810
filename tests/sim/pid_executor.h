/* SPDX-License-Identifier: Apache-2.0 */
/* An executor's side of the libprocess messages, as executor drivers of Mesos speak them: it registers with its agent,
 * registers again with the next one, and keeps each update until it is acknowledged. In events and updates it looks
 * like client/executor_client.h. */
#pragma once

#include "client/executor_client.h"

struct pid_executor;

/* @options: as for the v1 API; @host: where it listens; @agent: the agent's address as MESOS_SLAVE_PID has it.
 * @events->on_abandoned comes when a lost agent has not come back in time, or at once without checkpointing. */
struct pid_executor *pid_executor_new(struct env *env, const struct executor_client_options *options, const char *host,
                                      const char *agent, const struct executor_client_events *events, void *user);
void pid_executor_start(struct pid_executor *executor);
void pid_executor_free(struct pid_executor *executor); /* accepts NULL */
/* @status is copied; it gets a uuid, source, time, and the ids of executor and agent. */
void pid_executor_send_update(struct pid_executor *executor, const Mesos__V1__TaskStatus *status);
