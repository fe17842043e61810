/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

struct framework;

/* Tell the framework what is known of one task, as explicit reconciliation does. @agent_id may be NULL. */
void reconcile_task(struct framework *framework, const char *task_id, const char *agent_id);
