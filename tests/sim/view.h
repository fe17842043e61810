/* SPDX-License-Identifier: Apache-2.0 */
/* What must hold in the master's tables at any moment. */
#pragma once

#include <stdint.h>

struct master;

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
/* Claim resources behind the master's back: what the checks are there to find. */
void view_sabotage(struct master *master);
/* Tasks that the master holds for not ended. */
unsigned view_task_count(const struct master *master);
