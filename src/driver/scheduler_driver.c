/* SPDX-License-Identifier: Apache-2.0 */
#include "mesos/scheduler.h"

#include <errno.h>
#include <pwd.h>
#include <unistd.h>

#include "base/log.h"
#include "client/scheduler_client.h"
#include "driver/driver.h"
#include "driver/local_cluster.h"
#include "driver/simulated.h"

/* How often the end looks whether the last calls have been answered. */
#define END_POLL (5 * MILLISECOND)

struct mesos_scheduler_driver {
    struct driver driver;
    const struct mesos_scheduler *callbacks;
    void *user;
    Mesos__V1__FrameworkInfo *framework;
    char *master;
    bool explicit_acknowledgements, is_partition_aware;
    char *principal, *secret;
    char **suppressed_roles;
    size_t suppressed_role_count;
    Mesos__V1__Scheduler__OfferConstraints *offer_constraints;
    /* The loop's thread only: */
    struct local_cluster *local; /* for the master "local"; else NULL */
    struct scheduler_client *client;
    bool was_registered;
    bool update_on_connect; /* what was changed while disconnected may be newer than what SUBSCRIBE said */
    struct env_timer end_poll;
};

/* A call for the master. */
struct scheduler_call {
    struct driver_call base;
    Mesos__V1__Scheduler__Call *message;
};

/* Runs @statement, which calls back, if the callback @member is there and the driver still runs. */
#define CALL_BACK(scheduler, member, ...) \
    do { \
        struct mesos_scheduler_driver *driver_ = (scheduler); \
        if (driver_->callbacks->member != NULL && driver_begin_callback(&driver_->driver)) { \
            driver_->callbacks->member(driver_, driver_->user, ##__VA_ARGS__); \
            driver_end_callback(&driver_->driver); \
        } \
    } while (0)

static struct mesos_scheduler_driver *of_driver(struct driver *driver) {
    return container_of(driver, struct mesos_scheduler_driver, driver);
}

/* Tell the master all that may have changed since the SUBSCRIBE under way was made (sched.cpp, sendUpdateFramework). */
static void send_framework(struct mesos_scheduler_driver *scheduler, Mesos__V1__FrameworkID *id) {
    Mesos__V1__Scheduler__Call call = MESOS__V1__SCHEDULER__CALL__INIT;
    Mesos__V1__Scheduler__Call__UpdateFramework update = MESOS__V1__SCHEDULER__CALL__UPDATE_FRAMEWORK__INIT;
    Mesos__V1__FrameworkInfo framework = *scheduler->framework;

    framework.id = id;
    update.framework_info = &framework;
    update.suppressed_roles = scheduler->suppressed_roles;
    update.n_suppressed_roles = scheduler->suppressed_role_count;
    update.offer_constraints = scheduler->offer_constraints;
    call.type = MESOS__V1__SCHEDULER__CALL__TYPE__UPDATE_FRAMEWORK;
    call.update_framework = &update;
    scheduler_client_call(scheduler->client, &call);
}

static void on_subscribed(struct mesos_scheduler_driver *scheduler,
                          const Mesos__V1__Scheduler__Event__Subscribed *event) {
    if (scheduler->update_on_connect)
        send_framework(scheduler, event->framework_id);
    scheduler->update_on_connect = false;
    if (!scheduler->was_registered && scheduler->framework->id == NULL) {
        scheduler->was_registered = true;
        CALL_BACK(scheduler, registered, event->framework_id, event->master_info);
    } else {
        scheduler->was_registered = true;
        CALL_BACK(scheduler, reregistered, event->master_info);
    }
}

static void on_update(struct mesos_scheduler_driver *scheduler, const Mesos__V1__TaskStatus *status) {
    Mesos__V1__Scheduler__Call call = MESOS__V1__SCHEDULER__CALL__INIT;
    Mesos__V1__Scheduler__Call__Acknowledge acknowledge = MESOS__V1__SCHEDULER__CALL__ACKNOWLEDGE__INIT;

    CALL_BACK(scheduler, status_update, status);
    /* Aborted or stopped in the callback: not acknowledged, so that it comes again to whoever takes over. */
    if (scheduler->explicit_acknowledgements || !status->has_uuid || status->uuid.len == 0 ||
        status->agent_id == NULL || driver_status(&scheduler->driver) != MESOS_DRIVER_RUNNING)
        return;
    call.type = MESOS__V1__SCHEDULER__CALL__TYPE__ACKNOWLEDGE;
    call.acknowledge = &acknowledge;
    acknowledge.agent_id = status->agent_id;
    acknowledge.task_id = status->task_id;
    acknowledge.uuid = status->uuid;
    scheduler_client_call(scheduler->client, &call);
}

static void on_failure(struct mesos_scheduler_driver *scheduler, const Mesos__V1__Scheduler__Event__Failure *failure) {
    if (failure->executor_id != NULL && failure->agent_id != NULL)
        CALL_BACK(scheduler, executor_lost, failure->executor_id, failure->agent_id,
                  failure->has_status ? failure->status : -1);
    else if (failure->agent_id != NULL)
        CALL_BACK(scheduler, agent_lost, failure->agent_id);
}

static void call_error(struct driver *driver, const char *message) {
    struct mesos_scheduler_driver *scheduler = of_driver(driver);

    if (scheduler->callbacks->error != NULL)
        scheduler->callbacks->error(scheduler, scheduler->user, message);
}

static void on_event(void *user, const Mesos__V1__Scheduler__Event *event) {
    struct mesos_scheduler_driver *scheduler = user;

    switch (event->type) {
    case MESOS__V1__SCHEDULER__EVENT__TYPE__SUBSCRIBED:
        if (event->subscribed != NULL)
            on_subscribed(scheduler, event->subscribed);
        break;
    case MESOS__V1__SCHEDULER__EVENT__TYPE__OFFERS:
        if (event->offers != NULL && event->offers->n_offers > 0)
            CALL_BACK(scheduler, resource_offers, event->offers->offers, event->offers->n_offers);
        break;
    case MESOS__V1__SCHEDULER__EVENT__TYPE__INVERSE_OFFERS:
        if (event->inverse_offers != NULL && event->inverse_offers->n_inverse_offers > 0)
            CALL_BACK(scheduler, inverse_offers, event->inverse_offers->inverse_offers,
                      event->inverse_offers->n_inverse_offers);
        break;
    case MESOS__V1__SCHEDULER__EVENT__TYPE__RESCIND:
        if (event->rescind != NULL)
            CALL_BACK(scheduler, offer_rescinded, event->rescind->offer_id);
        break;
    case MESOS__V1__SCHEDULER__EVENT__TYPE__RESCIND_INVERSE_OFFER:
        if (event->rescind_inverse_offer != NULL)
            CALL_BACK(scheduler, inverse_offer_rescinded, event->rescind_inverse_offer->inverse_offer_id);
        break;
    case MESOS__V1__SCHEDULER__EVENT__TYPE__UPDATE:
        if (event->update != NULL)
            on_update(scheduler, event->update->status);
        break;
    case MESOS__V1__SCHEDULER__EVENT__TYPE__UPDATE_OPERATION_STATUS:
        if (event->update_operation_status != NULL)
            CALL_BACK(scheduler, operation_status_update, event->update_operation_status->status);
        break;
    case MESOS__V1__SCHEDULER__EVENT__TYPE__MESSAGE:
        if (event->message != NULL)
            CALL_BACK(scheduler, framework_message, event->message->executor_id, event->message->agent_id,
                      event->message->data.data, event->message->data.len);
        break;
    case MESOS__V1__SCHEDULER__EVENT__TYPE__FAILURE:
        if (event->failure != NULL)
            on_failure(scheduler, event->failure);
        break;
    case MESOS__V1__SCHEDULER__EVENT__TYPE__ERROR:
        driver_abort_with(&scheduler->driver, call_error, event->error == NULL ? "" : event->error->message);
        break;
    default:
        log_warning("Ignored an event of a type that this library does not know (%d)", (int)event->type);
    }
}

static void on_disconnected(void *user) {
    CALL_BACK((struct mesos_scheduler_driver *)user, disconnected);
}

static void on_refused(void *user, unsigned status, const char *message) {
    struct mesos_scheduler_driver *scheduler = user;

    driver_abort_with(&scheduler->driver, call_error, message);
}

static const struct scheduler_client_events client_events = {on_event, on_disconnected, on_refused, NULL};

/* The driver's own life */

static void on_end_poll(struct env_timer *timer) {
    struct mesos_scheduler_driver *scheduler = container_of(timer, struct mesos_scheduler_driver, end_poll);

    if (scheduler->client == NULL || scheduler_client_calls_pending(scheduler->client) == 0)
        driver_finish(&scheduler->driver);
    else
        env_timer_start(timer, END_POLL);
}

static bool is_local(const char *master) {
    return strcmp(master, "local") == 0;
}

static int begin(struct driver *driver, struct error *err) {
    struct mesos_scheduler_driver *scheduler = of_driver(driver);
    struct scheduler_client_options options = {.master = scheduler->master,
                                               .framework = scheduler->framework,
                                               .suppressed_roles = scheduler->suppressed_roles,
                                               .suppressed_role_count = scheduler->suppressed_role_count,
                                               .offer_constraints = scheduler->offer_constraints,
                                               .principal = scheduler->principal,
                                               .secret = scheduler->secret};

    env_timer_init(&scheduler->end_poll, driver->env, on_end_poll);
    if (is_local(scheduler->master)) {
        scheduler->local = local_cluster_new(err);
        if (scheduler->local == NULL)
            return -1;
        options.master = local_cluster_master(scheduler->local);
    }
    scheduler->client = scheduler_client_new(driver->env, &options, &client_events, scheduler, err);
    if (scheduler->client == NULL)
        return -1;
    scheduler_client_start(scheduler->client);
    return 0;
}

static void end(struct driver *driver, enum mesos_status status, bool failover) {
    struct mesos_scheduler_driver *scheduler = of_driver(driver);
    Mesos__V1__Scheduler__Call call = MESOS__V1__SCHEDULER__CALL__INIT;

    if (status == MESOS_DRIVER_STOPPED && !failover) {
        call.type = MESOS__V1__SCHEDULER__CALL__TYPE__TEARDOWN;
        scheduler_client_call(scheduler->client, &call);
    }
    scheduler_client_leave(scheduler->client);
    env_timer_start(&scheduler->end_poll, 0);
}

static void release(struct driver *driver) {
    struct mesos_scheduler_driver *scheduler = of_driver(driver);

    env_timer_done(&scheduler->end_poll);
    scheduler_client_free(take_ptr(&scheduler->client));
    local_cluster_free(take_ptr(&scheduler->local));
}

static const struct driver_ops ops = {begin, end, release, call_error};

static void free_texts(char **texts, size_t count) {
    for (size_t i = 0; i < count; i++)
        free(texts[i]);
    free(texts);
}

static char **copy_texts(char *const *texts, size_t count) {
    char **copy = xcalloc(count, sizeof(char *));

    for (size_t i = 0; i < count; i++)
        copy[i] = xstrdup(texts[i]);
    return copy;
}

static bool is_partition_aware(const Mesos__V1__FrameworkInfo *framework) {
    const Mesos__V1__FrameworkInfo__Capability__Type aware =
        MESOS__V1__FRAMEWORK_INFO__CAPABILITY__TYPE__PARTITION_AWARE;

    for (size_t i = 0; i < framework->n_capabilities; i++)
        if (framework->capabilities[i]->has_type && framework->capabilities[i]->type == aware)
            return true;
    return false;
}

/* The framework with what Mesos's driver fills in: the current user for an empty one, this host's name. */
static Mesos__V1__FrameworkInfo *complete_framework(const Mesos__V1__FrameworkInfo *framework) {
    Mesos__V1__FrameworkInfo whole = *framework;
    const struct passwd *user = whole.user == NULL || *whole.user == '\0' ? getpwuid(getuid()) : NULL;
    char hostname[256] = "";

    if (user != NULL)
        whole.user = user->pw_name;
    if (whole.hostname == NULL && gethostname(hostname, sizeof(hostname) - 1) == 0)
        whole.hostname = hostname;
    return MESSAGE_COPY(&whole);
}

static void copy_options(struct mesos_scheduler_driver *scheduler,
                         const struct mesos_scheduler_driver_options *options) {
    scheduler->explicit_acknowledgements = options->explicit_acknowledgements;
    scheduler->principal = xstrdup(options->principal);
    scheduler->secret = xstrdup(options->secret);
    scheduler->suppressed_role_count = options->suppressed_role_count;
    scheduler->suppressed_roles = copy_texts((char *const *)(uintptr_t)options->suppressed_roles,
                                             options->suppressed_role_count);
    if (options->offer_constraints != NULL)
        scheduler->offer_constraints = MESSAGE_COPY(options->offer_constraints);
}

/* Whether the driver can find a master by this name. */
static int check_master(struct driver *driver, const char *master, struct error *err) {
    static const struct detector_events no_events;
    struct detector *detector;

    if (is_local(master))
        return driver->loop != NULL ? 0 : error_set(err, EINVAL, "master \"local\": not in a simulated world");
    detector = detector_new(driver->env, master, &no_events, NULL, err);
    detector_free(detector);
    return detector == NULL ? -1 : 0;
}

struct mesos_scheduler_driver *scheduler_driver_new_on(struct env *env, const struct mesos_scheduler *callbacks,
                                                       void *user, const Mesos__V1__FrameworkInfo *framework,
                                                       const char *master,
                                                       const struct mesos_scheduler_driver_options *options,
                                                       struct error *err) {
    struct mesos_scheduler_driver *scheduler = new0(struct mesos_scheduler_driver);
    int result = driver_init(&scheduler->driver, &ops, env, err);

    if (result == 0) {
        result = check_master(&scheduler->driver, master, err);
        if (result < 0)
            driver_done(&scheduler->driver);
    }
    if (result < 0) {
        free(scheduler);
        return NULL;
    }
    scheduler->callbacks = callbacks;
    scheduler->user = user;
    scheduler->framework = complete_framework(framework);
    scheduler->is_partition_aware = is_partition_aware(framework);
    scheduler->master = xstrdup(master);
    if (options != NULL)
        copy_options(scheduler, options);
    return scheduler;
}

struct mesos_scheduler_driver *mesos_scheduler_driver_new(const struct mesos_scheduler *callbacks, void *user,
                                                          const Mesos__V1__FrameworkInfo *framework, const char *master,
                                                          const struct mesos_scheduler_driver_options *options,
                                                          char **ret_error) {
    cleanup_error struct error err = ERROR_INIT;
    struct mesos_scheduler_driver *scheduler = scheduler_driver_new_on(NULL, callbacks, user, framework, master,
                                                                       options, &err);

    if (scheduler == NULL && ret_error != NULL)
        *ret_error = take_ptr(&err.message);
    return scheduler;
}

void mesos_scheduler_driver_free(struct mesos_scheduler_driver *scheduler) {
    if (scheduler == NULL)
        return;
    driver_done(&scheduler->driver);
    MESSAGE_FREE(scheduler->framework);
    MESSAGE_FREE(scheduler->offer_constraints);
    for (size_t i = 0; i < scheduler->suppressed_role_count; i++)
        free(scheduler->suppressed_roles[i]);
    free(scheduler->suppressed_roles);
    free(scheduler->master);
    free(scheduler->principal);
    free(scheduler->secret);
    free(scheduler);
}

enum mesos_status mesos_scheduler_driver_start(struct mesos_scheduler_driver *scheduler) {
    return driver_start(&scheduler->driver);
}

enum mesos_status mesos_scheduler_driver_stop(struct mesos_scheduler_driver *scheduler, bool failover) {
    return driver_stop(&scheduler->driver, MESOS_DRIVER_STOPPED, failover);
}

enum mesos_status mesos_scheduler_driver_abort(struct mesos_scheduler_driver *scheduler) {
    return driver_stop(&scheduler->driver, MESOS_DRIVER_ABORTED, true);
}

enum mesos_status mesos_scheduler_driver_join(struct mesos_scheduler_driver *scheduler) {
    return driver_join(&scheduler->driver);
}

enum mesos_status mesos_scheduler_driver_run(struct mesos_scheduler_driver *scheduler) {
    enum mesos_status status = driver_start(&scheduler->driver);

    return status == MESOS_DRIVER_RUNNING ? driver_join(&scheduler->driver) : status;
}

/* Calls */

static void free_call(struct driver_call *base) {
    struct scheduler_call *call = container_of(base, struct scheduler_call, base);

    MESSAGE_FREE(call->message);
    free(call);
}

/* What the driver answers itself while there is no master: tasks that can not be launched are lost, not forgotten. */
static void lose_tasks(struct mesos_scheduler_driver *scheduler, Mesos__V1__TaskInfo *const *tasks, size_t count) {
    for (size_t i = 0; i < count; i++) {
        Mesos__V1__TaskStatus status = MESOS__V1__TASK_STATUS__INIT;

        status.task_id = tasks[i]->task_id;
        status.agent_id = tasks[i]->agent_id;
        status.state = scheduler->is_partition_aware ? MESOS__V1__TASK_STATE__TASK_DROPPED
                                                     : MESOS__V1__TASK_STATE__TASK_LOST;
        status.message = (char *)(uintptr_t) "Master disconnected";
        status.has_source = true;
        status.source = MESOS__V1__TASK_STATUS__SOURCE__SOURCE_MASTER;
        status.has_reason = true;
        status.reason = MESOS__V1__TASK_STATUS__REASON__REASON_MASTER_DISCONNECTED;
        status.has_timestamp = true;
        status.timestamp = duration_to_seconds(env_wall_clock(scheduler->driver.env));
        CALL_BACK(scheduler, status_update, &status);
    }
}

static void lose_launches(struct mesos_scheduler_driver *scheduler, const Mesos__V1__Scheduler__Call__Accept *accept) {
    for (size_t i = 0; i < accept->n_operations; i++) {
        const Mesos__V1__Offer__Operation *operation = accept->operations[i];

        if (operation->launch != NULL)
            lose_tasks(scheduler, operation->launch->task_infos, operation->launch->n_task_infos);
        if (operation->launch_group != NULL && operation->launch_group->task_group != NULL)
            lose_tasks(scheduler, operation->launch_group->task_group->tasks,
                       operation->launch_group->task_group->n_tasks);
    }
}

static void set_suppressed_roles(struct mesos_scheduler_driver *scheduler, char *const *roles, size_t count) {
    char **copy = copy_texts(roles, count);

    free_texts(scheduler->suppressed_roles, scheduler->suppressed_role_count);
    scheduler->suppressed_roles = copy;
    scheduler->suppressed_role_count = count;
    scheduler_client_set_suppressed_roles(scheduler->client, copy, count);
}

static bool is_among(const char *text, char *const *texts, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (strcmp(text, texts[i]) == 0)
            return true;
    return false;
}

/* Without roles: all of the framework's. */
static void suppress(struct mesos_scheduler_driver *scheduler, const Mesos__V1__Scheduler__Call__Suppress *suppress) {
    size_t count = scheduler->suppressed_role_count;
    char **roles;

    if (suppress->n_roles == 0) {
        set_suppressed_roles(scheduler, scheduler->framework->roles, scheduler->framework->n_roles);
        return;
    }
    roles = xcalloc(count + suppress->n_roles, sizeof(char *));
    for (size_t i = 0; i < count; i++)
        roles[i] = scheduler->suppressed_roles[i];
    for (size_t i = 0; i < suppress->n_roles; i++)
        if (!is_among(suppress->roles[i], roles, count))
            roles[count++] = suppress->roles[i];
    set_suppressed_roles(scheduler, roles, count);
    free(roles);
}

static void revive(struct mesos_scheduler_driver *scheduler, const Mesos__V1__Scheduler__Call__Revive *revive) {
    char **roles = xcalloc(scheduler->suppressed_role_count, sizeof(char *));
    size_t count = 0;

    for (size_t i = 0; i < scheduler->suppressed_role_count && revive->n_roles > 0; i++)
        if (!is_among(scheduler->suppressed_roles[i], revive->roles, revive->n_roles))
            roles[count++] = scheduler->suppressed_roles[i];
    set_suppressed_roles(scheduler, roles, count);
    free(roles);
}

/* Returns false if the driver was aborted instead (sched.cpp, updateFramework). */
static bool update_framework(struct mesos_scheduler_driver *scheduler,
                             const Mesos__V1__Scheduler__Call__UpdateFramework *update) {
    const char *id = scheduler_client_framework_id(scheduler->client);
    const Mesos__V1__FrameworkInfo *framework = update->framework_info;
    cleanup_free char *message = NULL;

    if (id == NULL)
        message = xstrdup("The framework can not be updated before it is registered");
    else if (framework->id == NULL || strcmp(framework->id->value, id) != 0)
        message = xasprintf("The FrameworkInfo of an update must have the framework's id %s", id);
    if (message != NULL) {
        driver_abort_with(&scheduler->driver, call_error, message);
        return false;
    }
    MESSAGE_FREE(scheduler->framework);
    scheduler->framework = MESSAGE_COPY(framework);
    scheduler->is_partition_aware = is_partition_aware(framework);
    scheduler_client_set_framework(scheduler->client, framework);
    set_suppressed_roles(scheduler, update->suppressed_roles, update->n_suppressed_roles);
    MESSAGE_FREE(scheduler->offer_constraints);
    scheduler->offer_constraints = update->offer_constraints == NULL ? NULL : MESSAGE_COPY(update->offer_constraints);
    scheduler_client_set_offer_constraints(scheduler->client, scheduler->offer_constraints);
    return true;
}

/* Some calls change what a new subscription says. Returns false if the call must not be sent. */
static bool keep_account(struct mesos_scheduler_driver *scheduler, const Mesos__V1__Scheduler__Call *call) {
    if (call->suppress != NULL)
        suppress(scheduler, call->suppress);
    else if (call->revive != NULL)
        revive(scheduler, call->revive);
    else if (call->update_framework != NULL)
        return update_framework(scheduler, call->update_framework);
    return true;
}

static void run_call(struct driver *driver, struct driver_call *base) {
    struct mesos_scheduler_driver *scheduler = of_driver(driver);
    struct scheduler_call *call = container_of(base, struct scheduler_call, base);
    Mesos__V1__Scheduler__Call *message = call->message;

    if (scheduler->client == NULL || !keep_account(scheduler, message))
        return;
    if (!scheduler_client_call(scheduler->client, message)) {
        if (message->accept != NULL)
            lose_launches(scheduler, message->accept);
        if (message->suppress != NULL || message->revive != NULL || message->update_framework != NULL)
            scheduler->update_on_connect = true;
    }
    /* The framework's id is the client's, not the message's to free. */
    message->framework_id = NULL;
}

/* Copies @call and sends it from the loop's thread. */
static enum mesos_status send_call(struct mesos_scheduler_driver *scheduler, Mesos__V1__Scheduler__Call *message,
                                   int type) {
    struct scheduler_call *call = new0(struct scheduler_call);

    message->has_type = true;
    message->type = (Mesos__V1__Scheduler__Call__Type)type;
    call->base.run = run_call;
    call->base.free = free_call;
    call->message = MESSAGE_COPY(message);
    return driver_post(&scheduler->driver, &call->base);
}

/* The generated structs have no const members; what is only copied from may be lent to them all the same. */
#define LEND(type, pointer) ((type)(uintptr_t)(pointer))

enum mesos_status mesos_scheduler_driver_request_resources(struct mesos_scheduler_driver *scheduler,
                                                           Mesos__V1__Request *const *requests, size_t count) {
    Mesos__V1__Scheduler__Call call = MESOS__V1__SCHEDULER__CALL__INIT;
    Mesos__V1__Scheduler__Call__Request request = MESOS__V1__SCHEDULER__CALL__REQUEST__INIT;

    request.requests = LEND(Mesos__V1__Request **, requests);
    request.n_requests = count;
    call.request = &request;
    return send_call(scheduler, &call, MESOS__V1__SCHEDULER__CALL__TYPE__REQUEST);
}

enum mesos_status mesos_scheduler_driver_accept_offers(struct mesos_scheduler_driver *scheduler,
                                                       const Mesos__V1__OfferID *const *offer_ids, size_t offer_count,
                                                       const Mesos__V1__Offer__Operation *const *operations,
                                                       size_t operation_count, const Mesos__V1__Filters *filters) {
    Mesos__V1__Scheduler__Call call = MESOS__V1__SCHEDULER__CALL__INIT;
    Mesos__V1__Scheduler__Call__Accept accept = MESOS__V1__SCHEDULER__CALL__ACCEPT__INIT;

    accept.offer_ids = LEND(Mesos__V1__OfferID **, offer_ids);
    accept.n_offer_ids = offer_count;
    accept.operations = LEND(Mesos__V1__Offer__Operation **, operations);
    accept.n_operations = operation_count;
    accept.filters = LEND(Mesos__V1__Filters *, filters);
    call.accept = &accept;
    return send_call(scheduler, &call, MESOS__V1__SCHEDULER__CALL__TYPE__ACCEPT);
}

enum mesos_status mesos_scheduler_driver_launch_tasks(struct mesos_scheduler_driver *scheduler,
                                                      const Mesos__V1__OfferID *const *offer_ids, size_t offer_count,
                                                      const Mesos__V1__TaskInfo *const *tasks, size_t task_count,
                                                      const Mesos__V1__Filters *filters) {
    Mesos__V1__Offer__Operation operation = MESOS__V1__OFFER__OPERATION__INIT;
    Mesos__V1__Offer__Operation__Launch launch = MESOS__V1__OFFER__OPERATION__LAUNCH__INIT;
    const Mesos__V1__Offer__Operation *operations[] = {&operation};

    launch.task_infos = LEND(Mesos__V1__TaskInfo **, tasks);
    launch.n_task_infos = task_count;
    operation.has_type = true;
    operation.type = MESOS__V1__OFFER__OPERATION__TYPE__LAUNCH;
    operation.launch = &launch;
    return mesos_scheduler_driver_accept_offers(scheduler, offer_ids, offer_count, operations, task_count > 0 ? 1 : 0,
                                                filters);
}

enum mesos_status mesos_scheduler_driver_decline_offer(struct mesos_scheduler_driver *scheduler,
                                                       const Mesos__V1__OfferID *offer_id,
                                                       const Mesos__V1__Filters *filters) {
    Mesos__V1__Scheduler__Call call = MESOS__V1__SCHEDULER__CALL__INIT;
    Mesos__V1__Scheduler__Call__Decline decline = MESOS__V1__SCHEDULER__CALL__DECLINE__INIT;

    decline.offer_ids = LEND(Mesos__V1__OfferID **, &offer_id);
    decline.n_offer_ids = 1;
    decline.filters = LEND(Mesos__V1__Filters *, filters);
    call.decline = &decline;
    return send_call(scheduler, &call, MESOS__V1__SCHEDULER__CALL__TYPE__DECLINE);
}

enum mesos_status mesos_scheduler_driver_accept_inverse_offers(struct mesos_scheduler_driver *scheduler,
                                                               const Mesos__V1__OfferID *const *offer_ids, size_t count,
                                                               const Mesos__V1__Filters *filters) {
    Mesos__V1__Scheduler__Call call = MESOS__V1__SCHEDULER__CALL__INIT;
    Mesos__V1__Scheduler__Call__AcceptInverseOffers accept = MESOS__V1__SCHEDULER__CALL__ACCEPT_INVERSE_OFFERS__INIT;

    accept.inverse_offer_ids = LEND(Mesos__V1__OfferID **, offer_ids);
    accept.n_inverse_offer_ids = count;
    accept.filters = LEND(Mesos__V1__Filters *, filters);
    call.accept_inverse_offers = &accept;
    return send_call(scheduler, &call, MESOS__V1__SCHEDULER__CALL__TYPE__ACCEPT_INVERSE_OFFERS);
}

enum mesos_status mesos_scheduler_driver_decline_inverse_offers(struct mesos_scheduler_driver *scheduler,
                                                                const Mesos__V1__OfferID *const *offer_ids,
                                                                size_t count, const Mesos__V1__Filters *filters) {
    Mesos__V1__Scheduler__Call call = MESOS__V1__SCHEDULER__CALL__INIT;
    Mesos__V1__Scheduler__Call__DeclineInverseOffers decline = MESOS__V1__SCHEDULER__CALL__DECLINE_INVERSE_OFFERS__INIT;

    decline.inverse_offer_ids = LEND(Mesos__V1__OfferID **, offer_ids);
    decline.n_inverse_offer_ids = count;
    decline.filters = LEND(Mesos__V1__Filters *, filters);
    call.decline_inverse_offers = &decline;
    return send_call(scheduler, &call, MESOS__V1__SCHEDULER__CALL__TYPE__DECLINE_INVERSE_OFFERS);
}

enum mesos_status mesos_scheduler_driver_kill_task(struct mesos_scheduler_driver *scheduler,
                                                   const Mesos__V1__TaskID *task_id) {
    Mesos__V1__Scheduler__Call call = MESOS__V1__SCHEDULER__CALL__INIT;
    Mesos__V1__Scheduler__Call__Kill kill = MESOS__V1__SCHEDULER__CALL__KILL__INIT;

    kill.task_id = LEND(Mesos__V1__TaskID *, task_id);
    call.kill = &kill;
    return send_call(scheduler, &call, MESOS__V1__SCHEDULER__CALL__TYPE__KILL);
}

enum mesos_status mesos_scheduler_driver_shutdown_executor(struct mesos_scheduler_driver *scheduler,
                                                           const Mesos__V1__ExecutorID *executor_id,
                                                           const Mesos__V1__AgentID *agent_id) {
    Mesos__V1__Scheduler__Call call = MESOS__V1__SCHEDULER__CALL__INIT;
    Mesos__V1__Scheduler__Call__Shutdown shutdown = MESOS__V1__SCHEDULER__CALL__SHUTDOWN__INIT;

    shutdown.executor_id = LEND(Mesos__V1__ExecutorID *, executor_id);
    shutdown.agent_id = LEND(Mesos__V1__AgentID *, agent_id);
    call.shutdown = &shutdown;
    return send_call(scheduler, &call, MESOS__V1__SCHEDULER__CALL__TYPE__SHUTDOWN);
}

enum mesos_status mesos_scheduler_driver_revive_offers(struct mesos_scheduler_driver *scheduler,
                                                       const char *const *roles, size_t count) {
    Mesos__V1__Scheduler__Call call = MESOS__V1__SCHEDULER__CALL__INIT;
    Mesos__V1__Scheduler__Call__Revive revive = MESOS__V1__SCHEDULER__CALL__REVIVE__INIT;

    revive.roles = LEND(char **, roles);
    revive.n_roles = count;
    call.revive = &revive;
    return send_call(scheduler, &call, MESOS__V1__SCHEDULER__CALL__TYPE__REVIVE);
}

enum mesos_status mesos_scheduler_driver_suppress_offers(struct mesos_scheduler_driver *scheduler,
                                                         const char *const *roles, size_t count) {
    Mesos__V1__Scheduler__Call call = MESOS__V1__SCHEDULER__CALL__INIT;
    Mesos__V1__Scheduler__Call__Suppress suppress = MESOS__V1__SCHEDULER__CALL__SUPPRESS__INIT;

    suppress.roles = LEND(char **, roles);
    suppress.n_roles = count;
    call.suppress = &suppress;
    return send_call(scheduler, &call, MESOS__V1__SCHEDULER__CALL__TYPE__SUPPRESS);
}

enum mesos_status mesos_scheduler_driver_acknowledge_status_update(struct mesos_scheduler_driver *scheduler,
                                                                   const Mesos__V1__TaskStatus *status) {
    Mesos__V1__Scheduler__Call call = MESOS__V1__SCHEDULER__CALL__INIT;
    Mesos__V1__Scheduler__Call__Acknowledge acknowledge = MESOS__V1__SCHEDULER__CALL__ACKNOWLEDGE__INIT;

    if (!scheduler->explicit_acknowledgements) {
        log_error(
            "mesos_scheduler_driver_acknowledge_status_update() was called on a driver that acknowledges by itself");
        abort();
    }
    if (!status->has_uuid || status->uuid.len == 0 || status->agent_id == NULL)
        return driver_status(&scheduler->driver);
    acknowledge.agent_id = status->agent_id;
    acknowledge.task_id = status->task_id;
    acknowledge.uuid = status->uuid;
    call.acknowledge = &acknowledge;
    return send_call(scheduler, &call, MESOS__V1__SCHEDULER__CALL__TYPE__ACKNOWLEDGE);
}

enum mesos_status mesos_scheduler_driver_send_framework_message(struct mesos_scheduler_driver *scheduler,
                                                                const Mesos__V1__ExecutorID *executor_id,
                                                                const Mesos__V1__AgentID *agent_id, const void *data,
                                                                size_t size) {
    Mesos__V1__Scheduler__Call call = MESOS__V1__SCHEDULER__CALL__INIT;
    Mesos__V1__Scheduler__Call__Message message = MESOS__V1__SCHEDULER__CALL__MESSAGE__INIT;

    message.executor_id = LEND(Mesos__V1__ExecutorID *, executor_id);
    message.agent_id = LEND(Mesos__V1__AgentID *, agent_id);
    message.data = (ProtobufCBinaryData){size, LEND(uint8_t *, data)};
    call.message = &message;
    return send_call(scheduler, &call, MESOS__V1__SCHEDULER__CALL__TYPE__MESSAGE);
}

enum mesos_status mesos_scheduler_driver_reconcile_tasks(struct mesos_scheduler_driver *scheduler,
                                                         const Mesos__V1__TaskStatus *const *statuses, size_t count) {
    Mesos__V1__Scheduler__Call call = MESOS__V1__SCHEDULER__CALL__INIT;
    Mesos__V1__Scheduler__Call__Reconcile reconcile = MESOS__V1__SCHEDULER__CALL__RECONCILE__INIT;
    Mesos__V1__Scheduler__Call__Reconcile__Task *tasks = xcalloc(count, sizeof(*tasks));
    enum mesos_status status;

    reconcile.tasks = xcalloc(count, sizeof(*reconcile.tasks));
    reconcile.n_tasks = count;
    for (size_t i = 0; i < count; i++) {
        mesos__v1__scheduler__call__reconcile__task__init(&tasks[i]);
        tasks[i].task_id = statuses[i]->task_id;
        tasks[i].agent_id = statuses[i]->agent_id;
        reconcile.tasks[i] = &tasks[i];
    }
    call.reconcile = &reconcile;
    status = send_call(scheduler, &call, MESOS__V1__SCHEDULER__CALL__TYPE__RECONCILE);
    free(reconcile.tasks);
    free(tasks);
    return status;
}

enum mesos_status mesos_scheduler_driver_update_framework(struct mesos_scheduler_driver *scheduler,
                                                          const Mesos__V1__FrameworkInfo *framework,
                                                          const char *const *suppressed_roles, size_t count,
                                                          const Mesos__V1__Scheduler__OfferConstraints *constraints) {
    Mesos__V1__Scheduler__Call call = MESOS__V1__SCHEDULER__CALL__INIT;
    Mesos__V1__Scheduler__Call__UpdateFramework update = MESOS__V1__SCHEDULER__CALL__UPDATE_FRAMEWORK__INIT;
    Mesos__V1__FrameworkInfo *whole = complete_framework(framework);
    enum mesos_status status;

    update.framework_info = whole;
    update.suppressed_roles = LEND(char **, suppressed_roles);
    update.n_suppressed_roles = count;
    update.offer_constraints = LEND(Mesos__V1__Scheduler__OfferConstraints *, constraints);
    call.update_framework = &update;
    status = send_call(scheduler, &call, MESOS__V1__SCHEDULER__CALL__TYPE__UPDATE_FRAMEWORK);
    MESSAGE_FREE(whole);
    return status;
}
