/* SPDX-License-Identifier: Apache-2.0 */
#include "master/executor.h"

#include "base/log.h"
#include "base/memory.h"
#include "master/agent.h"
#include "master/framework.h"
#include "master/master.h"
#include "message/message.h"

struct executor *executor_find(const struct agent *agent, const char *framework_id, const char *executor_id) {
    cleanup_free char *key = xasprintf("%s/%s", framework_id, executor_id);

    return table_find(&agent->executors, key);
}

struct executor *executor_add(struct agent *agent, struct framework *framework, const Mesos__V1__ExecutorInfo *info) {
    struct executor *executor = new0(struct executor);

    executor->key = xasprintf("%s/%s", framework->id, info->executor_id->value);
    executor->framework = framework;
    executor->agent = agent;
    executor->info = (Mesos__V1__ExecutorInfo *)message_copy(&info->base, NULL);
    resources_from_valid_messages(info->resources, info->n_resources, &executor->resources);
    table_add(&agent->executors, executor->key, executor);
    list_append(&framework->executors, &executor->in_framework);
    resources_add(&agent->used, &executor->resources);
    agent_claims_changed(agent);
    resources_add(&framework->used, &executor->resources);
    log_info("Adding executor '%s' of framework %s on agent %s", info->executor_id->value, framework->id, agent->id);
    return executor;
}

void executor_forget(struct executor *executor) {
    resources_subtract(&executor->agent->used, &executor->resources);
    agent_claims_changed(executor->agent);
    resources_subtract(&executor->framework->used, &executor->resources);
    list_remove(&executor->in_framework);
    table_remove(&executor->agent->executors, executor->key);
    resources_done(&executor->resources);
    MESSAGE_FREE(executor->info);
    free(executor->key);
    free(executor);
}

void executor_remove(struct master *master, struct executor *executor) {
    log_info("Removing executor '%s' of framework %s on agent %s", executor->info->executor_id->value,
             executor->framework->id, executor->agent->id);
    allocator_recover_resources(master->allocator, executor->framework->id, executor->agent->id, &executor->resources,
                                NULL, true);
    executor_forget(executor);
}
