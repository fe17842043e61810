/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/drain.h"

#include "agent/kill.h"
#include "agent/launch.h"
#include "agent/paths.h"
#include "base/log.h"
#include "base/text.h"

static char *config_path(const struct agent *agent) {
    cleanup_free char *directory = agent_path_agent(agent->meta_dir, agent_own_id(agent));

    return path_join(directory, "drain.config");
}

/* Tasks must not take longer to die than the drain may take. */
static Mesos__V1__KillPolicy *limit_policy(const struct agent_task *task, Mesos__V1__DurationInfo *longest,
                                           Mesos__V1__KillPolicy *policy) {
    const Mesos__V1__KillPolicy *own = task->message->kill_policy;

    if (longest == NULL)
        return NULL;
    if (own != NULL && own->grace_period != NULL && own->grace_period->nanoseconds <= longest->nanoseconds)
        return NULL;
    mesos__v1__kill_policy__init(policy);
    policy->grace_period = longest;
    return policy;
}

static void kill_all(struct agent *agent) {
    struct agent_framework *framework;

    table_for_each (&agent->frameworks, framework) {
        struct agent_task *task;

        if (framework->state == FRAMEWORK_TERMINATING)
            continue;
        table_for_each (&framework->tasks, task) {
            Mesos__V1__KillPolicy policy;

            if (task->stage == STAGE_TERMINATED)
                continue;
            agent_kill_task_of(framework, task, limit_policy(task, agent->drain->max_grace_period, &policy));
            if (table_find(&agent->frameworks, framework->id) != framework)
                break;
        }
    }
}

void agent_on_drain(struct agent *agent, const Mesos__V1__DrainConfig *config) {
    cleanup_free char *path = NULL;

    if (agent->frameworks.count == 0 && agent->operations.count == 0) {
        log_info("Asked to drain, but there are no frameworks, tasks or operations: that is done already");
        return;
    }
    path = config_path(agent);
    log_info("Draining: killing all tasks of %zu frameworks", agent->frameworks.count);
    MESSAGE_FREE(agent->drain);
    agent->drain = MESSAGE_COPY(config);
    agent->drain_start_ns = env_wall_clock(agent->env);
    checkpoint_message(&agent->checkpoints, path, &agent->drain->base, NULL, NULL);
    kill_all(agent);
}

void agent_drain_check(struct agent *agent) {
    cleanup_free char *path = NULL;
    cleanup_error struct error err = ERROR_INIT;

    if (agent->drain == NULL || agent->frameworks.count > 0 || agent->operations.count > 0)
        return;
    path = config_path(agent);
    log_info("Agent finished draining");
    if (env_file_exists(agent->env, path) && env_file_remove(agent->env, path, &err) < 0)
        log_error("Failed to remove '%s': %s", path, error_message(&err));
    MESSAGE_FREE(agent->drain);
    agent->drain = NULL;
    agent->drain_start_ns = 0;
}
