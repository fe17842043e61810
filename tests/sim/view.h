/* SPDX-License-Identifier: Apache-2.0 */
/* What must hold in the master's tables at any moment. */
#pragma once

struct master;

/* Whether what is used and offered of the agent number @index (of those registered, in order, modulo their number) is
 * no more than it has, and offers add up. Returns NULL, or what is wrong as text that the caller frees. */
char *view_check_agent(const struct master *master, unsigned index);
/* The same for all agents, and that what is used is what tasks and executors use. */
char *view_check_all(const struct master *master);
unsigned view_agent_count(const struct master *master);
/* Claim resources behind the master's back: what the checks are there to find. */
void view_sabotage(struct master *master);
/* Tasks that the master holds for not ended. */
unsigned view_task_count(const struct master *master);
