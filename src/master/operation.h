/* SPDX-License-Identifier: Apache-2.0 */
/* An operation on an agent's resources (RESERVE, CREATE, …) that was sent to the agent and whose end is not known, or
 * not acknowledged, yet. */
#pragma once

#include "base/list.h"
#include "event/env.h"
#include "model/resources.h"

struct agent;
struct framework;
struct master;

struct operation {
    uint8_t uuid[UUID_BYTES];
    const char *id;              /* the framework's own, in message; NULL: it asked for no feedback */
    struct framework *framework; /* NULL: an operator's, or an orphan; message has the framework's id all the same */
    struct agent *agent;
    struct list in_framework; /* framework->all_operations or master->orphans */
    struct list in_agent;     /* agent->operations */
    Mesos__V1__Operation *message;
};

/* Operations are found by uuid in the master and, if they have one, by id in their framework. */
struct operation *operation_find(const struct master *master, const void *uuid, size_t size);
struct operation *operation_find_by_id(const struct framework *framework, const char *id);

/* Add one with a copy of @message, whose uuid must be new. @framework may be NULL. [Master::addOperation] */
struct operation *operation_add(struct agent *agent, struct framework *framework, const Mesos__V1__Operation *message);
/* A new status: the latest one, and kept if it has a uuid, that is, must be acknowledged. [Master::updateOperation] */
void operation_update(struct operation *operation, const Mesos__V1__OperationStatus *status,
                      const Mesos__V1__OperationStatus *latest);
/* Take it out of all tables and release it. [Master::removeOperation] */
void operation_remove(struct operation *operation);
/* Its framework is gone for good. */
void operation_orphan(struct operation *operation);
/* @framework has come, perhaps after agents that have operations of it. [Master::addFramework] */
void operations_adopt(struct framework *framework);

/* The state after which nothing more happens: FINISHED, FAILED, ERROR, DROPPED, GONE_BY_OPERATOR. */
bool operation_state_is_terminal(int state);
