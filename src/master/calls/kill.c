/* SPDX-License-Identifier: Apache-2.0 */
/* KILL a task and SHUTDOWN an executor. */
#include <string.h>

#include "base/log.h"
#include "master/agent.h"
#include "master/calls/calls.h"
#include "master/calls/reconcile.h"
#include "master/framework.h"
#include "master/master.h"

static void send_kill(struct task *task, Mesos__V1__KillPolicy *policy) {
    Mesos__Internal__KillTaskMessage message = MESOS__INTERNAL__KILL_TASK_MESSAGE__INIT;
    Mesos__V1__TaskID id = MESOS__V1__TASK_ID__INIT;

    id.value = task->id;
    message.framework_id = task->framework->info->id;
    message.task_id = &id;
    message.kill_policy = policy;
    agent_send(task->agent, &message.base);
}

int call_kill(struct framework *framework, Mesos__V1__Scheduler__Call *call, struct arena *arena, struct error *err) {
    const Mesos__V1__Scheduler__Call__Kill *kill = call->kill;
    struct task *task = table_find(&framework->tasks, kill->task_id->value);

    metric_increment(&framework->master->metrics.messages_kill_task);
    if (task == NULL) {
        log_warning("Cannot kill task %s of framework %s because it is unknown; reconciling it instead",
                    kill->task_id->value, framework->id);
        reconcile_task(framework, kill->task_id->value, kill->agent_id == NULL ? NULL : kill->agent_id->value);
        return 0;
    }
    if (kill->agent_id != NULL && strcmp(kill->agent_id->value, task->agent->id) != 0) {
        log_warning("Cannot kill task %s of framework %s on agent %s because it runs on agent %s", task->id,
                    framework->id, kill->agent_id->value, task->agent->id);
        return 0;
    }
    /* Also remembered, for the case that the agent is cut off and does not get it: it will when it is back. */
    task->is_killed = true;
    if (!agent_is_connected(task->agent)) {
        log_warning("Task %s of framework %s will be killed when its agent %s is back", task->id, framework->id,
                    task->agent->id);
        return 0;
    }
    log_info("Telling agent %s to kill task %s of framework %s", task->agent->id, task->id, framework->id);
    send_kill(task, kill->kill_policy);
    return 0;
}

int call_shutdown(struct framework *framework, Mesos__V1__Scheduler__Call *call, struct arena *arena,
                  struct error *err) {
    const Mesos__V1__Scheduler__Call__Shutdown *shutdown = call->shutdown;
    struct agent *agent = agent_find(framework->master, shutdown->agent_id->value);
    Mesos__Internal__ShutdownExecutorMessage message = MESOS__INTERNAL__SHUTDOWN_EXECUTOR_MESSAGE__INIT;

    if (agent == NULL) {
        log_warning("Cannot shut executor '%s' of framework %s down because agent %s is unknown",
                    shutdown->executor_id->value, framework->id, shutdown->agent_id->value);
        return 0;
    }
    log_info("Telling agent %s to shut executor '%s' of framework %s down", agent->id, shutdown->executor_id->value,
             framework->id);
    message.executor_id = shutdown->executor_id;
    message.framework_id = framework->info->id;
    agent_send(agent, &message.base);
    return 0;
}
