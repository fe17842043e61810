/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/paths.h"

#include <string.h>

#include "base/memory.h"
#include "base/text.h"

char *agent_path_meta(const char *work_dir) {
    return path_join(work_dir, "meta");
}

char *agent_path_boot_id(const char *meta) {
    return path_join(meta, "boot_id");
}

char *agent_path_latest_agent(const char *meta) {
    return path_join(meta, "slaves/latest");
}

char *agent_path_resources(const char *meta, bool is_target) {
    return path_join(meta, is_target ? "resources/resources.target" : "resources/resources.info");
}

char *agent_path_resource_state(const char *meta, bool is_target) {
    return path_join(meta, is_target ? "resources/resources_and_operations.target"
                                     : "resources/resources_and_operations.state");
}

char *agent_path_agent(const char *root, const char *agent_id) {
    return xasprintf("%s/slaves/%s", root, agent_id);
}

char *agent_path_framework(const char *root, const char *agent_id, const char *framework_id) {
    return xasprintf("%s/slaves/%s/frameworks/%s", root, agent_id, framework_id);
}

char *agent_path_executor(const char *root, const char *agent_id, const char *framework_id, const char *executor_id) {
    return xasprintf("%s/slaves/%s/frameworks/%s/executors/%s", root, agent_id, framework_id, executor_id);
}

char *agent_path_run(const char *root, const char *agent_id, const char *framework_id, const char *executor_id,
                     const char *container_id) {
    return xasprintf("%s/slaves/%s/frameworks/%s/executors/%s/runs/%s", root, agent_id, framework_id, executor_id,
                     container_id);
}

char *agent_path_latest_run(const char *root, const char *agent_id, const char *framework_id, const char *executor_id) {
    return agent_path_run(root, agent_id, framework_id, executor_id, "latest");
}

char *agent_path_task(const char *root, const char *agent_id, const char *framework_id, const char *executor_id,
                      const char *container_id, const char *task_id) {
    return xasprintf("%s/slaves/%s/frameworks/%s/executors/%s/runs/%s/tasks/%s", root, agent_id, framework_id,
                     executor_id, container_id, task_id);
}

char *agent_path_volume(const char *work_dir, const char *role, const char *persistence_id) {
    char *path = xasprintf("%s/volumes/roles/%s/%s", work_dir, role, persistence_id);
    const size_t start = strlen(work_dir) + strlen("/volumes/roles/");

    for (size_t i = start; i < start + strlen(role); i++) {
        if (path[i] == '/')
            path[i] = ' ';
    }
    return path;
}

char *agent_path_nested(const char *parent_sandbox, const char *container_id) {
    return xasprintf("%s/containers/%s", parent_sandbox, container_id);
}

char *agent_path_standalone(const char *work_dir, const char *container_id) {
    return xasprintf("%s/containers/%s", work_dir, container_id);
}
