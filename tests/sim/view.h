/* SPDX-License-Identifier: Apache-2.0 */
/* What must hold in the master's tables at any moment. */
#pragma once

#include <stdint.h>

struct master;
struct resources;

/* What each agent of the campaign has; disk and memory in MB. */
enum { VIEW_AGENT_CPUS = 16, VIEW_AGENT_MEM = 16384, VIEW_AGENT_DISK = 10240 };

/* Up to where the master's changes have been checked. */
struct view {
    uint64_t claims, used;
};

/* Whether what is used and offered of an agent is no more than it has, and offers add up, for the agents that have
 * changed since the last call. Returns NULL, or what is wrong as text that the caller frees. */
char *view_check_claims(struct view *view, const struct master *master);
/* Likewise, that what is used is what tasks and executors use. */
char *view_check_used(struct view *view, const struct master *master);
/* All of it for all agents, also what has changed behind the master's back. */
char *view_check_all(const struct master *master);
/* Whether agent @id has for @role the disk (in thousandths, with volumes) and volumes that are expected, and has told
 * of the same reservations and volumes as it holds itself, @checkpointed. An agent that is not registered passes. */
char *view_check_holdings(const struct master *master, const char *id, const char *role, int64_t reserved,
                          unsigned volumes);
char *view_check_checkpointed(const struct master *master, const char *id, const struct resources *checkpointed);
/* The id of registered agent number @index, or NULL. */
const char *view_agent_id(const struct master *master, unsigned index);
/* Behind the master's back, what the checks are there to find: claim resources, give an agent more than it has, undo
 * reservations. */
void view_sabotage_claims(struct master *master);
void view_sabotage_total(struct master *master);
void view_sabotage_holdings(struct master *master);
/* Tasks that the master holds for not ended. */
unsigned view_task_count(const struct master *master);
