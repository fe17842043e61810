/* SPDX-License-Identifier: Apache-2.0 */
#include "master/framework.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "master/agent.h"
#include "master/master.h"
#include "message/message.h"
#include "model/name.h"

static int compare_names(const void *a, const void *b) {
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void free_names(const char **names, size_t count) {
    for (size_t i = 0; i < count; i++)
        name_release(names[i]);
    free(names);
}

/* Held names of @texts, sorted, each once. */
static const char **names_from(char *const *texts, size_t count, size_t *ret_count) {
    const char **names = xcalloc(count == 0 ? 1 : count, sizeof(*names));
    size_t kept = 0;

    for (size_t i = 0; i < count; i++)
        names[i] = name_get(texts[i]);
    qsort(names, count, sizeof(*names), compare_names);
    for (size_t i = 0; i < count; i++) {
        if (kept > 0 && names[kept - 1] == names[i])
            name_release(names[i]);
        else
            names[kept++] = names[i];
    }
    *ret_count = kept;
    return names;
}

static struct framework_capabilities capabilities_from(const Mesos__V1__FrameworkInfo *info) {
    struct framework_capabilities ret = {0};

    for (size_t i = 0; i < info->n_capabilities; i++) {
        switch (info->capabilities[i]->type) {
        case MESOS__V1__FRAMEWORK_INFO__CAPABILITY__TYPE__REVOCABLE_RESOURCES:
            ret.revocable_resources = true;
            break;
        case MESOS__V1__FRAMEWORK_INFO__CAPABILITY__TYPE__TASK_KILLING_STATE:
            ret.task_killing_state = true;
            break;
        case MESOS__V1__FRAMEWORK_INFO__CAPABILITY__TYPE__GPU_RESOURCES:
            ret.gpu_resources = true;
            break;
        case MESOS__V1__FRAMEWORK_INFO__CAPABILITY__TYPE__SHARED_RESOURCES:
            ret.shared_resources = true;
            break;
        case MESOS__V1__FRAMEWORK_INFO__CAPABILITY__TYPE__PARTITION_AWARE:
            ret.partition_aware = true;
            break;
        case MESOS__V1__FRAMEWORK_INFO__CAPABILITY__TYPE__MULTI_ROLE:
            ret.multi_role = true;
            break;
        case MESOS__V1__FRAMEWORK_INFO__CAPABILITY__TYPE__RESERVATION_REFINEMENT:
            ret.reservation_refinement = true;
            break;
        case MESOS__V1__FRAMEWORK_INFO__CAPABILITY__TYPE__REGION_AWARE:
            ret.region_aware = true;
            break;
        default:
            break;
        }
    }
    return ret;
}

void framework_set_info(struct framework *framework, const Mesos__V1__FrameworkInfo *info) {
    Mesos__V1__FrameworkInfo *old = framework->info;
    char *default_role = info->role == NULL ? "*" : info->role;

    framework->info = (Mesos__V1__FrameworkInfo *)message_copy(&info->base, NULL);
    MESSAGE_FREE(old);
    framework->capabilities = capabilities_from(framework->info);
    free_names(framework->roles, framework->role_count);
    if (framework->capabilities.multi_role)
        framework->roles = names_from(framework->info->roles, framework->info->n_roles, &framework->role_count);
    else
        framework->roles = names_from(&default_role, 1, &framework->role_count);
}

void framework_set_offer_constraints(struct framework *framework,
                                     const Mesos__V1__Scheduler__OfferConstraints *constraints) {
    MESSAGE_FREE(framework->offer_constraints);
    framework->offer_constraints =
        constraints == NULL ? NULL : (Mesos__V1__Scheduler__OfferConstraints *)message_copy(&constraints->base, NULL);
}

static void on_failover_timeout(struct env_timer *timer) {
    struct framework *framework = container_of(timer, struct framework, failover);
    char text[FRAMEWORK_TEXT_BYTES];

    log_info("Framework %s did not come back within its failover timeout; removing it",
             framework_text(framework, text));
    framework_remove(framework);
}

struct framework *framework_new(struct master *master, const Mesos__V1__FrameworkInfo *info) {
    struct framework *framework = new0(struct framework);

    framework->id = xstrdup(info->id->value);
    mesos__v1__framework_id__init(&framework->id_message);
    framework->id_message.value = framework->id;
    framework->master = master;
    framework->state = FRAMEWORK_RECOVERED;
    framework_set_info(framework, info);
    env_timer_init(&framework->failover, master->env, on_failover_timeout);
    table_init(&framework->tasks);
    table_init(&framework->unreachable_tasks);
    list_init(&framework->completed_tasks);
    table_init(&framework->completed_by_id);
    list_init(&framework->offers);
    list_init(&framework->inverse_offers);
    list_init(&framework->executors);
    table_init(&framework->operations);
    list_init(&framework->all_operations);
    return framework;
}

void framework_free(struct framework *framework) {
    struct task *task;

    if (framework == NULL)
        return;
    connection_done(&framework->connection);
    env_timer_done(&framework->failover);
    framework_metrics_done(&framework->metrics);
    list_for_each (&framework->completed_tasks, task, in_history) {
        list_remove(&task->in_history);
        task_free(task);
    }
    table_for_each (&framework->unreachable_tasks, task)
        task_free(task);
    table_done(&framework->tasks);
    table_done(&framework->unreachable_tasks);
    table_done(&framework->completed_by_id);
    table_done(&framework->operations);
    resources_done(&framework->used);
    resources_done(&framework->offered);
    free_names(framework->roles, framework->role_count);
    free_names(framework->suppressed_roles, framework->suppressed_count);
    MESSAGE_FREE(framework->offer_constraints);
    MESSAGE_FREE(framework->info);
    free(framework->id);
    free(framework);
}

static bool has_name(const char *const *names, size_t count, const char *name) {
    return count > 0 && bsearch(&name, names, count, sizeof(*names), compare_names) != NULL;
}

bool framework_has_role(const struct framework *framework, const char *role) {
    return has_name(framework->roles, framework->role_count, role);
}

void framework_set_suppressed(struct framework *framework, char *const *roles, size_t count) {
    free_names(framework->suppressed_roles, framework->suppressed_count);
    framework->suppressed_roles = names_from(roles, count, &framework->suppressed_count);
}

void framework_suppress(struct framework *framework, char *const *roles, size_t count, bool is_suppressed) {
    cleanup_free char **left = xcalloc(framework->role_count + 1, sizeof(*left));
    size_t left_count = 0;

    for (size_t i = 0; i < framework->role_count; i++) {
        const char *role = framework->roles[i];
        bool is_named = count == 0;
        bool was = has_name(framework->suppressed_roles, framework->suppressed_count, role);

        for (size_t j = 0; j < count && !is_named; j++)
            is_named = strcmp(roles[j], role) == 0;
        if (is_named ? is_suppressed : was)
            left[left_count++] = (char *)role;
    }
    framework_set_suppressed(framework, left, left_count);
}

/* The moves in the drawing of framework.h. */
__attribute__((unused)) static const bool state_moves[4][4] = {
    [FRAMEWORK_RECOVERED] = {[FRAMEWORK_CONNECTED] = true, [FRAMEWORK_COMPLETED] = true},
    [FRAMEWORK_CONNECTED] =
        {[FRAMEWORK_CONNECTED] = true, [FRAMEWORK_DISCONNECTED] = true, [FRAMEWORK_COMPLETED] = true},
    [FRAMEWORK_DISCONNECTED] = {[FRAMEWORK_CONNECTED] = true, [FRAMEWORK_COMPLETED] = true},
};

static const char *const state_names[] = {
    [FRAMEWORK_RECOVERED] = "recovered",
    [FRAMEWORK_CONNECTED] = "connected",
    [FRAMEWORK_DISCONNECTED] = "disconnected",
    [FRAMEWORK_COMPLETED] = "completed",
};

void framework_set_state(struct framework *framework, enum framework_state state) {
    char text[FRAMEWORK_TEXT_BYTES];

    assert(state_moves[framework->state][state]);
    if (framework->state != state)
        log_info("Framework %s: %s -> %s", framework_text(framework, text), state_names[framework->state],
                 state_names[state]);
    framework->state = state;
    framework->metrics.subscribed = state == FRAMEWORK_CONNECTED;
    if (state != FRAMEWORK_DISCONNECTED)
        env_timer_stop(&framework->failover);
}

const char *framework_text(const struct framework *framework, char text[FRAMEWORK_TEXT_BYTES]) {
    const char *pid = connection_pid_text(&framework->connection);

    snprintf(text, FRAMEWORK_TEXT_BYTES, "%s (%.200s)%s%s", framework->id, framework->info->name,
             pid[0] == '\0' ? "" : " at ", pid);
    return text;
}

struct framework *framework_find(const struct master *master, const char *id) {
    return table_find(&master->frameworks, id);
}

bool framework_is_completed(const struct master *master, const char *id) {
    return table_find(&master->completed_frameworks, id) != NULL;
}

/* The history */

static void forget_completed_task(struct framework *framework, struct task *task) {
    if (table_find(&framework->completed_by_id, task->id) == task)
        table_remove(&framework->completed_by_id, task->id);
    list_remove(&task->in_history);
    framework->completed_task_count--;
    task_free(task);
}

void framework_add_completed_task(struct framework *framework, struct task *task) {
    list_remove(&task->in_agent); /* of an unreachable one */
    task->history_number = framework->next_history_number++;
    list_append(&framework->completed_tasks, &task->in_history);
    table_remove(&framework->completed_by_id, task->id);
    table_add(&framework->completed_by_id, task->id, task);
    framework->completed_task_count++;
    while (framework->completed_task_count > (size_t)framework->master->flags->max_completed_tasks_per_framework)
        forget_completed_task(framework, list_first(&framework->completed_tasks, struct task, in_history));
}

void framework_add_unreachable_task(struct framework *framework, struct task *task) {
    struct task *old = table_remove(&framework->unreachable_tasks, task->id);

    task_free(old);
    table_add(&framework->unreachable_tasks, task->id, task);
    while (framework->unreachable_tasks.count > (size_t)framework->master->flags->max_unreachable_tasks_per_framework) {
        struct task *oldest = table_first(&framework->unreachable_tasks);

        table_remove(&framework->unreachable_tasks, oldest->id);
        task_free(oldest);
    }
}

struct task *framework_find_completed_task(const struct framework *framework, const char *task_id) {
    return table_find(&framework->completed_by_id, task_id);
}

void framework_forget_task(struct framework *framework, const char *task_id) {
    struct task *task = table_remove(&framework->unreachable_tasks, task_id);

    if (task != NULL) {
        framework_metrics_task_moved(&framework->metrics, (int)task_state(task), -1);
        task_free(task);
        return;
    }
    if (framework_find_completed_task(framework, task_id) == NULL)
        return;
    list_for_each (&framework->completed_tasks, task, in_history)
        if (strcmp(task->id, task_id) == 0)
            forget_completed_task(framework, task);
}

/* Sending */

void framework_send(struct framework *framework, Mesos__V1__Scheduler__Event *event) {
    char text[FRAMEWORK_TEXT_BYTES];

    event->has_type = true;
    if (!framework_is_connected(framework)) {
        log_warning("Not sending an event to framework %s because it is not connected",
                    framework_text(framework, text));
        return;
    }
    framework_metrics_count_event(&framework->metrics, (int)event->type);
    connection_send(&framework->connection, event);
}

void framework_send_subscribed(struct framework *framework, bool is_reregistration) {
    Mesos__V1__Scheduler__Event__Subscribed subscribed = MESOS__V1__SCHEDULER__EVENT__SUBSCRIBED__INIT;
    Mesos__V1__Scheduler__Event event = MESOS__V1__SCHEDULER__EVENT__INIT;

    framework->connection.is_reregistration = is_reregistration;
    event.type = MESOS__V1__SCHEDULER__EVENT__TYPE__SUBSCRIBED;
    event.subscribed = &subscribed;
    subscribed.framework_id = framework->info->id;
    subscribed.has_heartbeat_interval_seconds = true;
    subscribed.heartbeat_interval_seconds = duration_to_seconds(HEARTBEAT_INTERVAL_NS);
    subscribed.master_info = framework->master->info;
    framework_send(framework, &event);
    connection_start_heartbeat(&framework->connection);
}

void framework_send_error(struct framework *framework, const char *message) {
    Mesos__V1__Scheduler__Event__Error error = MESOS__V1__SCHEDULER__EVENT__ERROR__INIT;
    Mesos__V1__Scheduler__Event event = MESOS__V1__SCHEDULER__EVENT__INIT;

    event.type = MESOS__V1__SCHEDULER__EVENT__TYPE__ERROR;
    event.error = &error;
    error.message = (char *)message;
    framework_send(framework, &event);
}

void framework_send_update(struct framework *framework, const Mesos__V1__TaskStatus *status) {
    Mesos__V1__Scheduler__Event__Update update = MESOS__V1__SCHEDULER__EVENT__UPDATE__INIT;
    Mesos__V1__Scheduler__Event event = MESOS__V1__SCHEDULER__EVENT__INIT;
    struct task *task = status->has_uuid ? table_find(&framework->tasks, status->task_id->value) : NULL;

    log_info("Sending status update %s for task %s of framework %s%s%s",
             task_state_name((enum task_state)status->state), status->task_id->value, framework->id,
             status->message == NULL ? "" : ": ", status->message == NULL ? "" : status->message);
    if (task != NULL)
        task_set_reported(task, status);
    event.type = MESOS__V1__SCHEDULER__EVENT__TYPE__UPDATE;
    event.update = &update;
    update.status = (Mesos__V1__TaskStatus *)status;
    framework_send(framework, &event);
}

void framework_send_failure(struct framework *framework, const char *agent_id, const char *executor_id, int status) {
    Mesos__V1__Scheduler__Event__Failure failure = MESOS__V1__SCHEDULER__EVENT__FAILURE__INIT;
    Mesos__V1__Scheduler__Event event = MESOS__V1__SCHEDULER__EVENT__INIT;
    Mesos__V1__AgentID agent = MESOS__V1__AGENT_ID__INIT;
    Mesos__V1__ExecutorID executor = MESOS__V1__EXECUTOR_ID__INIT;

    event.type = MESOS__V1__SCHEDULER__EVENT__TYPE__FAILURE;
    event.failure = &failure;
    agent.value = (char *)agent_id;
    failure.agent_id = &agent;
    if (executor_id != NULL) {
        executor.value = (char *)executor_id;
        failure.executor_id = &executor;
        failure.has_status = true;
        failure.status = status;
    }
    framework_send(framework, &event);
}

void framework_send_operation_status(struct framework *framework, const Mesos__V1__OperationStatus *status) {
    Mesos__V1__Scheduler__Event__UpdateOperationStatus update =
        MESOS__V1__SCHEDULER__EVENT__UPDATE_OPERATION_STATUS__INIT;
    Mesos__V1__Scheduler__Event event = MESOS__V1__SCHEDULER__EVENT__INIT;

    event.type = MESOS__V1__SCHEDULER__EVENT__TYPE__UPDATE_OPERATION_STATUS;
    event.update_operation_status = &update;
    update.status = (Mesos__V1__OperationStatus *)status;
    framework_send(framework, &event);
}

void framework_send_rescind(struct framework *framework, const char *offer_id, bool is_inverse) {
    Mesos__V1__Scheduler__Event__Rescind rescind = MESOS__V1__SCHEDULER__EVENT__RESCIND__INIT;
    Mesos__V1__Scheduler__Event__RescindInverseOffer inverse = MESOS__V1__SCHEDULER__EVENT__RESCIND_INVERSE_OFFER__INIT;
    Mesos__V1__Scheduler__Event event = MESOS__V1__SCHEDULER__EVENT__INIT;
    Mesos__V1__OfferID id = MESOS__V1__OFFER_ID__INIT;

    id.value = (char *)offer_id;
    if (is_inverse) {
        event.type = MESOS__V1__SCHEDULER__EVENT__TYPE__RESCIND_INVERSE_OFFER;
        event.rescind_inverse_offer = &inverse;
        inverse.inverse_offer_id = &id;
    } else {
        event.type = MESOS__V1__SCHEDULER__EVENT__TYPE__RESCIND;
        event.rescind = &rescind;
        rescind.offer_id = &id;
        framework->metrics.offers_rescinded++;
    }
    framework_send(framework, &event);
}
