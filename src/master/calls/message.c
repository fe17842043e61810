/* SPDX-License-Identifier: Apache-2.0 */
#include "base/log.h"
#include "master/agent.h"
#include "master/calls/calls.h"
#include "master/framework.h"
#include "master/master.h"

static int drop(struct framework *framework, const char *agent_id, const char *reason) {
    log_warning("Dropping a message of framework %s for an executor because agent %s is %s", framework->id, agent_id,
                reason);
    metric_increment(&framework->master->metrics.invalid_framework_to_executor_messages);
    return 0;
}

/* To an executor, best effort. */
int call_message(struct framework *framework, Mesos__V1__Scheduler__Call *call, struct arena *arena,
                 struct error *err) {
    const Mesos__V1__Scheduler__Call__Message *message = call->message;
    struct master *master = framework->master;
    struct agent *agent = agent_find(master, message->agent_id->value);
    Mesos__Internal__FrameworkToExecutorMessage out = MESOS__INTERNAL__FRAMEWORK_TO_EXECUTOR_MESSAGE__INIT;

    metric_increment(&master->metrics.messages_framework_to_executor);
    if (agent == NULL)
        return drop(framework, message->agent_id->value, "not registered");
    if (!agent_is_connected(agent))
        return drop(framework, message->agent_id->value, "disconnected");
    out.slave_id = message->agent_id;
    out.framework_id = framework->info->id;
    out.executor_id = message->executor_id;
    out.data = message->data;
    agent_send(agent, &out.base);
    metric_increment(&master->metrics.valid_framework_to_executor_messages);
    return 0;
}
