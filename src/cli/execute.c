/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/execute.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "cli/execute_flags.h"
#include "client/scheduler_client.h"
#include "event/loop.h"
#include "model/resources.h"
#include "model/task_state.h"

/* How long the last acknowledgements and the teardown may take. */
#define END_TIMEOUT (5 * SECOND)
#define END_POLL (5 * MILLISECOND)

struct execute {
    const struct execute_flags *flags;
    struct loop *loop;
    struct scheduler_client *client;
    Mesos__V1__TaskInfo **tasks;
    size_t task_count, ended;
    char *agent_id; /* where the tasks were launched */
    bool is_launched, is_ending, failed;
    struct env_timer kill, poll;
    int64_t deadline_ns;
};

static void call(struct execute *execute, Mesos__V1__Scheduler__Call *message, int type) {
    message->type = (Mesos__V1__Scheduler__Call__Type)type;
    scheduler_client_call(execute->client, message);
}

static void on_poll(struct env_timer *timer) {
    struct execute *execute = container_of(timer, struct execute, poll);

    if (scheduler_client_calls_pending(execute->client) == 0 || env_now(timer->env) >= execute->deadline_ns)
        loop_stop(execute->loop);
    else
        env_timer_start(timer, END_POLL);
}

/* Tear the framework down, and leave once the master has taken that. */
static void end(struct execute *execute) {
    Mesos__V1__Scheduler__Call teardown = MESOS__V1__SCHEDULER__CALL__INIT;

    if (execute->is_ending)
        return;
    execute->is_ending = true;
    call(execute, &teardown, MESOS__V1__SCHEDULER__CALL__TYPE__TEARDOWN);
    execute->deadline_ns = env_now(loop_env(execute->loop)) + END_TIMEOUT;
    env_timer_start(&execute->poll, 0);
}

static void decline(struct execute *execute, Mesos__V1__OfferID *offer_id) {
    Mesos__V1__Scheduler__Call message = MESOS__V1__SCHEDULER__CALL__INIT;
    Mesos__V1__Scheduler__Call__Decline decline = MESOS__V1__SCHEDULER__CALL__DECLINE__INIT;

    decline.offer_ids = &offer_id;
    decline.n_offer_ids = 1;
    message.decline = &decline;
    call(execute, &message, MESOS__V1__SCHEDULER__CALL__TYPE__DECLINE);
}

/* What the tasks need, out of an offer: with the offer's allocation, reservations left as they are given. */
static bool fits(const struct execute *execute, const Mesos__V1__Offer *offer) {
    cleanup_resources struct resources offered = RESOURCES_INIT, needed = RESOURCES_INIT;
    cleanup_quantities struct quantities quantities = QUANTITIES_INIT;

    resources_from_valid_messages(offer->resources, offer->n_resources, &offered);
    for (size_t i = 0; i < execute->task_count; i++) {
        cleanup_resources struct resources part = RESOURCES_INIT;

        resources_from_valid_messages(execute->tasks[i]->resources, execute->tasks[i]->n_resources, &part);
        resources_add(&needed, &part);
    }
    resources_scalar_quantities(&needed, &quantities);
    return resources_contain_quantities(&offered, &quantities);
}

/* A pod's executor: the default one, with the little it needs for itself. @needs holds what its resources share. */
static void set_default_executor(Mesos__V1__ExecutorInfo *executor, Mesos__V1__ExecutorID *id, struct arena *arena,
                                 struct resources *needs) {
    if (resources_parse("cpus:0.1;mem:32;disk:32", "*", needs, NULL) == 0)
        resources_to_messages(needs, RESOURCE_FORMAT_NEW, arena, &executor->resources, &executor->n_resources);
    id->value = (char *)(uintptr_t) "default-executor";
    executor->has_type = true;
    executor->type = MESOS__V1__EXECUTOR_INFO__TYPE__DEFAULT;
    executor->executor_id = id;
}

static void launch(struct execute *execute, const Mesos__V1__Offer *offer) {
    Mesos__V1__Scheduler__Call message = MESOS__V1__SCHEDULER__CALL__INIT;
    Mesos__V1__Scheduler__Call__Accept accept = MESOS__V1__SCHEDULER__CALL__ACCEPT__INIT;
    Mesos__V1__Offer__Operation operation = MESOS__V1__OFFER__OPERATION__INIT, *operations = &operation;
    Mesos__V1__Offer__Operation__Launch launch = MESOS__V1__OFFER__OPERATION__LAUNCH__INIT;
    Mesos__V1__Offer__Operation__LaunchGroup group = MESOS__V1__OFFER__OPERATION__LAUNCH_GROUP__INIT;
    Mesos__V1__TaskGroupInfo tasks = MESOS__V1__TASK_GROUP_INFO__INIT;
    Mesos__V1__ExecutorInfo executor = MESOS__V1__EXECUTOR_INFO__INIT;
    Mesos__V1__ExecutorID executor_id = MESOS__V1__EXECUTOR_ID__INIT;
    Mesos__V1__FrameworkID framework_id = MESOS__V1__FRAMEWORK_ID__INIT;
    Mesos__V1__OfferID *offer_id = offer->id;
    cleanup_(arena_done) struct arena arena = ARENA_INIT;
    cleanup_resources struct resources needs = RESOURCES_INIT;

    string_replace(&execute->agent_id, offer->agent_id->value);
    for (size_t i = 0; i < execute->task_count; i++)
        execute->tasks[i]->agent_id->value = execute->agent_id;
    operation.has_type = true;
    if (execute->flags->task_group == NULL) {
        operation.type = MESOS__V1__OFFER__OPERATION__TYPE__LAUNCH;
        launch.task_infos = execute->tasks;
        launch.n_task_infos = execute->task_count;
        operation.launch = &launch;
        printf("Submitted task '%s' to agent '%s'\n", execute->tasks[0]->name, offer->agent_id->value);
    } else {
        operation.type = MESOS__V1__OFFER__OPERATION__TYPE__LAUNCH_GROUP;
        set_default_executor(&executor, &executor_id, &arena, &needs);
        framework_id.value = (char *)(uintptr_t)scheduler_client_framework_id(execute->client);
        executor.framework_id = &framework_id;
        tasks.tasks = execute->tasks;
        tasks.n_tasks = execute->task_count;
        group.executor = &executor;
        group.task_group = &tasks;
        operation.launch_group = &group;
        printf("Submitted task group of %zu tasks to agent '%s'\n", execute->task_count, offer->agent_id->value);
    }
    accept.offer_ids = &offer_id;
    accept.n_offer_ids = 1;
    accept.operations = &operations;
    accept.n_operations = 1;
    message.accept = &accept;
    call(execute, &message, MESOS__V1__SCHEDULER__CALL__TYPE__ACCEPT);
    execute->is_launched = true;
}

static void on_offers(struct execute *execute, const Mesos__V1__Scheduler__Event__Offers *offers) {
    for (size_t i = 0; i < offers->n_offers; i++) {
        if (!execute->is_launched && fits(execute, offers->offers[i]))
            launch(execute, offers->offers[i]);
        else
            decline(execute, offers->offers[i]->id);
    }
}

static void print_update(const Mesos__V1__TaskStatus *status) {
    printf("Received status update %s for task '%s'\n", task_state_name((enum task_state)status->state),
           status->task_id->value);
    if (status->message != NULL)
        printf("  message: '%s'\n", status->message);
    if (status->has_source)
        printf("  source: %s\n", message_enum_name(&mesos__v1__task_status__source__descriptor, (int)status->source));
    if (status->has_reason)
        printf("  reason: %s\n", message_enum_name(&mesos__v1__task_status__reason__descriptor, (int)status->reason));
    if (status->has_healthy)
        printf("  healthy?: %d\n", status->healthy);
}

static void acknowledge(struct execute *execute, const Mesos__V1__TaskStatus *status) {
    Mesos__V1__Scheduler__Call message = MESOS__V1__SCHEDULER__CALL__INIT;
    Mesos__V1__Scheduler__Call__Acknowledge acknowledge = MESOS__V1__SCHEDULER__CALL__ACKNOWLEDGE__INIT;

    if (!status->has_uuid || status->agent_id == NULL)
        return;
    acknowledge.agent_id = status->agent_id;
    acknowledge.task_id = status->task_id;
    acknowledge.uuid = status->uuid;
    message.acknowledge = &acknowledge;
    call(execute, &message, MESOS__V1__SCHEDULER__CALL__TYPE__ACKNOWLEDGE);
}

static void on_update(struct execute *execute, const Mesos__V1__TaskStatus *status) {
    print_update(status);
    acknowledge(execute, status);
    if (status->state == MESOS__V1__TASK_STATE__TASK_RUNNING && execute->flags->kill_after_ns > 0 &&
        !env_timer_is_running(&execute->kill))
        env_timer_start(&execute->kill, execute->flags->kill_after_ns);
    if (!task_state_is_terminal((enum task_state)status->state))
        return;
    execute->failed |= status->state != MESOS__V1__TASK_STATE__TASK_FINISHED;
    if (++execute->ended == execute->task_count)
        end(execute);
}

static void on_kill(struct env_timer *timer) {
    struct execute *execute = container_of(timer, struct execute, kill);

    for (size_t i = 0; i < execute->task_count; i++) {
        Mesos__V1__Scheduler__Call message = MESOS__V1__SCHEDULER__CALL__INIT;
        Mesos__V1__Scheduler__Call__Kill kill = MESOS__V1__SCHEDULER__CALL__KILL__INIT;

        printf("Asked to kill task '%s' on agent '%s'\n", execute->tasks[i]->task_id->value, execute->agent_id);
        kill.task_id = execute->tasks[i]->task_id;
        kill.agent_id = execute->tasks[i]->agent_id;
        message.kill = &kill;
        call(execute, &message, MESOS__V1__SCHEDULER__CALL__TYPE__KILL);
    }
}

static void fail(struct execute *execute, const char *message) {
    fprintf(stderr, "mesos-execute: %s\n", message);
    execute->failed = true;
    loop_stop(execute->loop);
}

static void on_event(void *user, const Mesos__V1__Scheduler__Event *event) {
    struct execute *execute = user;

    /* The master may be slower to stop than we are: an offer that is declined now comes of a framework that is gone. */
    if (execute->is_ending)
        return;
    switch (event->type) {
    case MESOS__V1__SCHEDULER__EVENT__TYPE__SUBSCRIBED:
        printf("Subscribed with ID %s\n", event->subscribed->framework_id->value);
        break;
    case MESOS__V1__SCHEDULER__EVENT__TYPE__OFFERS:
        on_offers(execute, event->offers);
        break;
    case MESOS__V1__SCHEDULER__EVENT__TYPE__UPDATE:
        on_update(execute, event->update->status);
        break;
    case MESOS__V1__SCHEDULER__EVENT__TYPE__ERROR:
        fail(execute, event->error->message);
        break;
    default:
        break;
    }
}

static void on_disconnected(void *user) {
    struct execute *execute = user;

    if (execute->is_ending)
        loop_stop(execute->loop);
}

static void on_refused(void *user, unsigned status, const char *message) {
    fail(user, message);
}

static const struct scheduler_client_events events = {on_event, on_disconnected, on_refused, NULL};

static void on_signal(int number, void *user) {
    struct execute *execute = user;

    execute->failed = true;
    if (scheduler_client_is_subscribed(execute->client))
        end(execute);
    else
        loop_stop(execute->loop);
}

static int run(struct execute *execute, const Mesos__V1__FrameworkInfo *framework, struct error *err) {
    const struct execute_flags *flags = execute->flags;
    struct scheduler_client_options options = {
        .master = flags->master,
        .framework = framework,
        .principal = flags->principal,
        .secret = flags->secret,
        .media = strcmp(flags->content_type, "json") == 0 ? MEDIA_JSON : MEDIA_PROTOBUF,
    };
    struct env *env;

    execute->loop = loop_new(err);
    if (execute->loop == NULL)
        return -1;
    env = loop_env(execute->loop);
    env_timer_init(&execute->kill, env, on_kill);
    env_timer_init(&execute->poll, env, on_poll);
    execute->client = scheduler_client_new(env, &options, &events, execute, err);
    if (execute->client == NULL || loop_on_signal(execute->loop, SIGINT, on_signal, execute, err) < 0 ||
        loop_on_signal(execute->loop, SIGTERM, on_signal, execute, err) < 0)
        return -1;
    scheduler_client_start(execute->client);
    loop_run(execute->loop);
    return 0;
}

static int execute_with(const struct execute_flags *flags, struct error *err) {
    struct execute execute = {.flags = flags};
    Mesos__V1__FrameworkInfo *framework;
    int result = -1;

    if (execute_flags_check(flags, err) < 0 || execute_tasks(flags, &execute.tasks, &execute.task_count, err) < 0)
        return -1;
    if (execute_framework(flags, &framework, err) == 0) {
        result = run(&execute, framework, err);
        MESSAGE_FREE(framework);
    }
    env_timer_done(&execute.kill);
    env_timer_done(&execute.poll);
    scheduler_client_free(execute.client);
    loop_free(execute.loop);
    for (size_t i = 0; i < execute.task_count; i++)
        MESSAGE_FREE(execute.tasks[i]);
    free(execute.tasks);
    free(execute.agent_id);
    return result < 0 ? -1 : execute.failed;
}

int execute_main(int argc, char **argv) {
    struct execute_flags flags = {0};
    cleanup_error struct error err = ERROR_INIT;
    int result;

    setvbuf(stdout, NULL, _IOLBF, 0);
    log_set_level(LOG_WARNING);
    result = flags_parse(&execute_flag_table, argc, argv, &flags, NULL, &err);
    if (result == FLAGS_HELP_WANTED) {
        cleanup_buffer struct buffer help = BUFFER_INIT;

        flags_append_help(&execute_flag_table, &help);
        fputs(buffer_text(&help), stdout);
        result = 0;
    } else if (result == FLAGS_VERSION_WANTED) {
        puts("mesos 1.11.0");
        result = 0;
    } else if (result == 0) {
        result = execute_with(&flags, &err);
    }
    flags_done(&execute_flag_table, &flags);
    if (result < 0)
        fprintf(stderr, "mesos-execute: %s\n", error_message(&err));
    return result < 0 ? 2 : result;
}
