/* SPDX-License-Identifier: Apache-2.0 */
/* Operations on the agent's own resources (RESERVE, CREATE, …): done at once, written down with what they made of the
 * resources, and then told to the master until somebody has acknowledged that.
 *
 *     ApplyOperationMessage --> applied --(written)--> saved --> sent --(acknowledged)--> gone
 *                                                                ^  |
 *                                                                '--' again after 10 s, 20 s, … 10 min
 */
#pragma once

#include "agent/core.h"

void agent_operations_init(struct agent *agent);
void agent_operations_done(struct agent *agent);

/* Do what the master asks; the resources are in the newest format. What can not be done is dropped and the agent
 * registers again, which tells the master what its resources really are. [Slave::applyOperation] */
void agent_apply_operation(struct agent *agent, const Mesos__Internal__ApplyOperationMessage *message);
/* Somebody has a status: the operation is forgotten. [Slave::operationStatusAcknowledgement] */
void agent_operation_acknowledged(struct agent *agent,
                                  const Mesos__Internal__AcknowledgeOperationStatusMessage *message);
/* The master asks about operations that it knows and was not told of. [Slave::reconcileOperations] */
void agent_reconcile_operations(struct agent *agent, const Mesos__Internal__ReconcileOperationsMessage *message);

/* A master was joined: tell it the version of the resources and all operations, and send their statuses. */
void agent_operations_resume(struct agent *agent);
/* There is no master. */
void agent_operations_pause(struct agent *agent);

/* All operations, as an array in @arena. */
Mesos__V1__Operation **agent_operations_list(const struct agent *agent, struct arena *arena);

/* Write begun no. @agent->operation_writes of the file that holds them has ended. For checkpoint_message(). */
void agent_operations_written(void *agent, const struct error *err);

/* Take up what an earlier agent with the same id left in the file. Returns 0 also if there was nothing. */
int agent_operations_recover(struct agent *agent, struct error *err);
