/* SPDX-License-Identifier: Apache-2.0 */
/* Where things are in Mesos's work directory (src/slave/paths.cpp):
 *
 *     <root>/slaves/<agent>/frameworks/<framework>/executors/<executor>/runs/<container>
 *
 * The root is the work directory for sandboxes and its "meta" for checkpoints. Each function returns a new string that
 * the caller frees. */
#pragma once

#include <stdbool.h>

char *agent_path_meta(const char *work_dir);
char *agent_path_boot_id(const char *meta);
char *agent_path_latest_agent(const char *meta);
char *agent_path_resources(const char *meta, bool is_target);
char *agent_path_resource_state(const char *meta, bool is_target);

char *agent_path_agent(const char *root, const char *agent_id);
char *agent_path_framework(const char *root, const char *agent_id, const char *framework_id);
char *agent_path_executor(const char *root, const char *agent_id, const char *framework_id, const char *executor_id);
char *agent_path_run(const char *root, const char *agent_id, const char *framework_id, const char *executor_id,
                     const char *container_id);
char *agent_path_latest_run(const char *root, const char *agent_id, const char *framework_id, const char *executor_id);
char *agent_path_task(const char *root, const char *agent_id, const char *framework_id, const char *executor_id,
                      const char *container_id, const char *task_id);

/* A persistent volume: below "volumes/roles/", with the slashes of hierarchical roles as spaces, as
 * getPersistentVolumePath() has them. */
char *agent_path_volume(const char *work_dir, const char *role, const char *persistence_id);

/* The directory of a nested or standalone container's sandbox. */
char *agent_path_nested(const char *parent_sandbox, const char *container_id);
char *agent_path_standalone(const char *work_dir, const char *container_id);
