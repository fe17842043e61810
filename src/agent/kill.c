/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/kill.h"

#include "agent/launch.h"
#include "agent/task_status.h"
#include "base/log.h"

static const char killed_text[] = "Killed before delivery to the executor";
static const char group_killed_text[] = "A task within the task group was killed before delivery to the executor";

/* End every task of the delivery that @task is in: a task group goes as a whole. */
static void kill_delivery(struct agent_framework *framework, struct agent_task *task, const char *text) {
    struct delivery *delivery = task->delivery;
    size_t count = delivery_task_count(delivery);

    for (; count > 0; count--) {
        const struct agent_task *victim = list_first(&delivery->tasks, struct agent_task, in_stage);
        const char *executor_id = victim->executor != NULL ? victim->executor->id
                                                           : delivery->executor_info->executor_id->value;

        agent_update_task(framework->agent, framework->id, victim->id, executor_id, TASK_KILLED,
                          MESOS__V1__TASK_STATUS__REASON__REASON_TASK_KILLED_DURING_LAUNCH, text);
    }
}

static void kill_queued(struct agent_framework *framework, struct agent_task *task) {
    struct agent_executor *executor = task->executor;

    log_warning(
        "Transitioning the state of task %s of framework %s to TASK_KILLED because the executor was not told of "
        "it",
        task->id, framework->id);
    kill_delivery(framework, task,
                  task->delivery->is_group && executor->state == EXECUTOR_REGISTERING ? group_killed_text
                                                                                      : killed_text);
    /* An executor that has nothing to do is not waited for. */
    if (executor->state == EXECUTOR_REGISTERING && list_is_empty(&executor->queue) &&
        !agent_executor_was_sent_task(executor))
        agent_executor_kill(executor, TASK_FAILED, -1, NULL);
    else if (!agent_executor_shutdown_if_useless(executor))
        agent_executor_begin(executor);
}

static void send_kill(struct agent_executor *executor, struct agent_task *task, Mesos__V1__KillPolicy *policy) {
    Mesos__V1__Executor__Event event = MESOS__V1__EXECUTOR__EVENT__INIT;
    Mesos__V1__Executor__Event__Kill kill_event = MESOS__V1__EXECUTOR__EVENT__KILL__INIT;

    event.has_type = true;
    event.type = MESOS__V1__EXECUTOR__EVENT__TYPE__KILL;
    event.kill = &kill_event;
    kill_event.task_id = task->message->task_id;
    kill_event.kill_policy = policy;
    executor_connection_send(&executor->connection, &event);
}

void agent_kill_task_of(struct agent_framework *framework, struct agent_task *task, Mesos__V1__KillPolicy *policy) {
    struct agent_executor *executor = task->executor;
    char text[EXECUTOR_TEXT_BYTES];

    if (task->stage == STAGE_PENDING) {
        log_warning("Killing task %s of framework %s before it was launched", task->id, framework->id);
        kill_delivery(framework, task, task->delivery->is_group ? group_killed_text : killed_text);
        return;
    }
    if (executor->state == EXECUTOR_TERMINATING || executor->state == EXECUTOR_TERMINATED) {
        log_warning("Ignoring kill task %s because the executor %s is %s", task->id,
                    agent_executor_text(executor, text),
                    executor->state == EXECUTOR_TERMINATING ? "terminating" : "terminated");
        return;
    }
    if (task->stage == STAGE_QUEUED) {
        kill_queued(framework, task);
        return;
    }
    if (executor->state == EXECUTOR_REGISTERING) {
        /* Only after a restart of the agent: the executor is not back yet. */
        log_warning("Transitioning the state of task %s of framework %s to TASK_KILLED because the executor is not "
                    "registered",
                    task->id, framework->id);
        agent_update_task(framework->agent, framework->id, task->id, executor->id, TASK_KILLED,
                          MESOS__V1__TASK_STATUS__REASON__REASON_TASK_KILLED_DURING_LAUNCH, killed_text);
        return;
    }
    send_kill(executor, task, policy);
}

void agent_kill_task(struct agent *agent, const char *framework_id, const char *task_id,
                     Mesos__V1__KillPolicy *policy) {
    struct agent_framework *framework = agent_framework_find(agent, framework_id);
    struct agent_task *task;

    log_info("Asked to kill task %s of framework %s", task_id, framework_id);
    if (agent->state == AGENT_RECOVERING || agent->state == AGENT_TERMINATING) {
        log_warning("Cannot kill task %s of framework %s because the agent is %s", task_id, framework_id,
                    agent_state_name(agent->state));
        return;
    }
    if (framework == NULL || framework->state == FRAMEWORK_TERMINATING) {
        log_warning("Ignoring kill task %s of framework %s because the framework is %s", task_id, framework_id,
                    framework == NULL ? "not here" : "terminating");
        return;
    }
    task = table_find(&framework->tasks, task_id);
    if (task == NULL) {
        log_warning("Cannot kill task %s of framework %s because no corresponding executor is running", task_id,
                    framework_id);
        agent_update_task(agent, framework_id, task_id, NULL, agent_framework_task_state(framework, TASK_DROPPED),
                          MESOS__V1__TASK_STATUS__REASON__REASON_EXECUTOR_TERMINATED, "Cannot find executor");
        return;
    }
    agent_kill_task_of(framework, task, policy);
}
