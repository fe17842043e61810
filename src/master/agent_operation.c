/* SPDX-License-Identifier: Apache-2.0 */
/* Operations on an agent's own resources. */
#include <string.h>

#include "base/log.h"
#include "base/text.h"
#include "master/agent.h"
#include "master/framework.h"
#include "master/master.h"
#include "message/message.h"

static bool needs_checkpoint(const struct resource *resource, const void *argument) {
    return resource_needs_checkpoint(resource);
}

void agent_send_checkpointed(struct agent *agent) {
    Mesos__Internal__CheckpointResourcesMessage message = MESOS__INTERNAL__CHECKPOINT_RESOURCES_MESSAGE__INIT;
    struct arena arena = ARENA_INIT;

    resources_to_messages(&agent->checkpointed,
                          agent->capabilities.reservation_refinement ? RESOURCE_FORMAT_NEW : RESOURCE_FORMAT_OLD,
                          &arena, &message.resources, &message.n_resources);
    agent_send(agent, &message.base);
    arena_done(&arena);
}

/* Remember the operation until its end is known, and send it. */
static void send_operation(struct agent *agent, struct framework *framework, const Mesos__V1__Offer__Operation *info) {
    Mesos__Internal__ApplyOperationMessage message = MESOS__INTERNAL__APPLY_OPERATION_MESSAGE__INIT;
    Mesos__Internal__ResourceVersionUUID version = MESOS__INTERNAL__RESOURCE_VERSION_UUID__INIT;
    Mesos__V1__Operation operation = MESOS__V1__OPERATION__INIT;
    Mesos__V1__OperationStatus status = MESOS__V1__OPERATION_STATUS__INIT;
    Mesos__V1__UUID uuid = MESOS__V1__UUID__INIT;
    uint8_t bytes[UUID_BYTES];
    char text[UUID_TEXT_BYTES];

    env_random_uuid(agent->master->env, bytes);
    uuid.value = (ProtobufCBinaryData){UUID_BYTES, bytes};
    status.state = MESOS__V1__OPERATION_STATE__OPERATION_PENDING;
    status.operation_id = info->id;
    status.agent_id = agent->info->id;
    operation.framework_id = framework == NULL ? NULL : framework->info->id;
    operation.agent_id = agent->info->id;
    operation.info = (Mesos__V1__Offer__Operation *)info;
    operation.latest_status = &status;
    operation.uuid = &uuid;
    operation_add(agent, framework, &operation);

    version.uuid = agent->resource_version;
    message.framework_id = operation.framework_id;
    message.operation_info = operation.info;
    message.operation_uuid = &uuid;
    message.resource_version_uuid = &version;
    uuid_format(bytes, text);
    log_info("Sending operation '%s' (uuid %s) to agent %s", info->id == NULL ? "" : info->id->value, text, agent->id);
    agent_send(agent, &message.base);
}

int agent_apply_operation(struct agent *agent, struct framework *framework,
                          const Mesos__V1__Offer__Operation *operation, struct error *err) {
    struct resources cleanup_resources total = RESOURCES_INIT;
    bool by_operation = agent->capabilities.resource_provider;

    if (by_operation && agent->resource_version == NULL)
        return error_set(err, 0, "The agent has not told the version of its resources");
    resources_copy(&total, &agent->total);
    if (resources_apply_operation_unallocated(&total, operation, err) < 0)
        return -1;
    resources_assign(&agent->total, &total);
    agent_claims_changed(agent);
    resources_done(&agent->checkpointed);
    resources_filter(&agent->total, needs_checkpoint, NULL, &agent->checkpointed);
    if (by_operation)
        send_operation(agent, framework, operation);
    else
        agent_send_checkpointed(agent);
    return 0;
}
