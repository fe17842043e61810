/* SPDX-License-Identifier: Apache-2.0 */
#include "cluster.h"

#define MASTER "10.0.0.1:5050"

static void drop_offer(struct scheduler *scheduler, size_t index) {
    MESSAGE_FREE(scheduler->offers[index]);
    scheduler->offers[index] = scheduler->offers[--scheduler->offer_count];
}

static void on_registered(struct mesos_scheduler_driver *driver, void *user, const Mesos__V1__FrameworkID *id,
                          const Mesos__V1__MasterInfo *master) {
    struct scheduler *scheduler = user;

    scheduler->callbacks++;
    scheduler->registered++;
    snprintf(scheduler->framework_id, sizeof(scheduler->framework_id), "%s", id->value);
    snprintf(scheduler->master_id, sizeof(scheduler->master_id), "%s", master->id);
    assert_string_equal(master->address->ip, "10.0.0.1");
    assert_int_equal(master->address->port, 5050);
    assert_string_equal(master->version, "1.11.0");
    if (scheduler->stops_when_registered)
        mesos_scheduler_driver_stop(driver, false);
}

static void on_reregistered(struct mesos_scheduler_driver *driver, void *user, const Mesos__V1__MasterInfo *master) {
    struct scheduler *scheduler = user;

    scheduler->callbacks++;
    scheduler->reregistered++;
    snprintf(scheduler->master_id, sizeof(scheduler->master_id), "%s", master->id);
}

static void on_disconnected(struct mesos_scheduler_driver *driver, void *user) {
    struct scheduler *scheduler = user;

    scheduler->callbacks++;
    scheduler->disconnected++;
    while (scheduler->offer_count > 0)
        drop_offer(scheduler, 0);
}

/* What is offered and held at once may not be more than the agent has. */
static void check_held(struct scheduler *scheduler, const Mesos__V1__Offer *offer) {
    double held = 0;

    for (size_t i = 0; i < scheduler->offer_count; i++)
        if (strcmp(scheduler->offers[i]->agent_id->value, offer->agent_id->value) == 0)
            held += mesos_resources_scalar(scheduler->offers[i]->resources, scheduler->offers[i]->n_resources, "cpus");
    if (held > AGENT_CPUS && scheduler->broken == NULL)
        scheduler->broken = xasprintf("%g cpus of %s are offered at once", held, offer->agent_id->value);
}

static void on_offers(struct mesos_scheduler_driver *driver, void *user, Mesos__V1__Offer *const *offers,
                      size_t count) {
    struct scheduler *scheduler = user;
    Mesos__V1__Filters at_once = MESOS__V1__FILTERS__INIT;

    scheduler->callbacks++;
    at_once.has_refuse_seconds = true;
    at_once.refuse_seconds = 0;
    for (size_t i = 0; i < count; i++) {
        if (scheduler->declines || scheduler->offer_count == MOST_OFFERS) {
            mesos_scheduler_driver_decline_offer(driver, offers[i]->id, &at_once);
            continue;
        }
        scheduler->offers[scheduler->offer_count++] = MESSAGE_COPY(offers[i]);
        check_held(scheduler, offers[i]);
    }
}

static void on_rescinded(struct mesos_scheduler_driver *driver, void *user, const Mesos__V1__OfferID *id) {
    struct scheduler *scheduler = user;

    scheduler->callbacks++;
    scheduler->rescinded++;
    for (size_t i = 0; i < scheduler->offer_count; i++)
        if (strcmp(scheduler->offers[i]->id->value, id->value) == 0)
            drop_offer(scheduler, i--);
}

static void on_status(struct mesos_scheduler_driver *driver, void *user, const Mesos__V1__TaskStatus *status) {
    struct scheduler *scheduler = user;
    struct heard_status *heard = &scheduler->statuses[scheduler->status_count++];

    assert_true(scheduler->status_count <= MOST_STATUSES);
    scheduler->callbacks++;
    *heard = (struct heard_status){.state = status->state,
                                   .reason = status->has_reason ? (int)status->reason : -1,
                                   .source = status->has_source ? (int)status->source : -1,
                                   .has_uuid = status->has_uuid && status->uuid.len > 0,
                                   .whole = MESSAGE_COPY(status)};
    snprintf(heard->task_id, sizeof(heard->task_id), "%s", status->task_id->value);
    snprintf(heard->message, sizeof(heard->message), "%s", status->message == NULL ? "" : status->message);
    if (scheduler->abort_on_state != NULL &&
        strcmp(scheduler->abort_on_state, mesos_task_state_name(status->state)) == 0)
        mesos_scheduler_driver_abort(driver);
}

static void on_message(struct mesos_scheduler_driver *driver, void *user, const Mesos__V1__ExecutorID *executor_id,
                       const Mesos__V1__AgentID *agent_id, const void *data, size_t size) {
    struct scheduler *scheduler = user;

    scheduler->callbacks++;
    scheduler->messages++;
    free(scheduler->last_message);
    scheduler->last_message = xmemdup(data, size);
    scheduler->last_message_size = size;
}

static void on_agent_lost(struct mesos_scheduler_driver *driver, void *user, const Mesos__V1__AgentID *agent_id) {
    struct scheduler *scheduler = user;

    scheduler->callbacks++;
    scheduler->agents_lost++;
}

static void on_executor_lost(struct mesos_scheduler_driver *driver, void *user,
                             const Mesos__V1__ExecutorID *executor_id, const Mesos__V1__AgentID *agent_id, int status) {
    struct scheduler *scheduler = user;

    scheduler->callbacks++;
    scheduler->executors_lost++;
    scheduler->lost_status = status;
}

static void on_error(struct mesos_scheduler_driver *driver, void *user, const char *message) {
    struct scheduler *scheduler = user;

    scheduler->callbacks++;
    scheduler->errors++;
    scheduler->was_aborted_when_told = mesos_scheduler_driver_join(driver) == MESOS_DRIVER_ABORTED;
    snprintf(scheduler->error, sizeof(scheduler->error), "%s", message);
}

static const struct mesos_scheduler callbacks = {.registered = on_registered,
                                                 .reregistered = on_reregistered,
                                                 .disconnected = on_disconnected,
                                                 .resource_offers = on_offers,
                                                 .offer_rescinded = on_rescinded,
                                                 .status_update = on_status,
                                                 .framework_message = on_message,
                                                 .agent_lost = on_agent_lost,
                                                 .executor_lost = on_executor_lost,
                                                 .error = on_error};

void scheduler_init(struct scheduler *scheduler, struct cluster *cluster) {
    char host[32];

    *scheduler = (struct scheduler){.cluster = cluster};
    snprintf(host, sizeof(host), "10.0.2.%u", ++cluster->next_scheduler);
    scheduler->node = sim_node_new(cluster->sim, host);
    scheduler->framework = mesos_framework_info_new("nobody", "test");
    scheduler->framework->has_checkpoint = true;
    scheduler->framework->checkpoint = true;
    scheduler->framework->has_failover_timeout = true;
    scheduler->framework->failover_timeout = 3600;
}

void scheduler_done(struct scheduler *scheduler) {
    scheduler_kill(scheduler);
    mesos_message_free(scheduler->framework);
    for (size_t i = 0; i < scheduler->status_count; i++)
        MESSAGE_FREE(scheduler->statuses[i].whole);
    free(scheduler->last_message);
    if (scheduler->broken != NULL)
        fail_msg("%s", scheduler->broken);
}

void scheduler_start(struct scheduler *scheduler) {
    cleanup_error struct error err = ERROR_INIT;

    if (*scheduler->framework_id != '\0' && scheduler->framework->id == NULL) {
        Mesos__V1__FrameworkID id = MESOS__V1__FRAMEWORK_ID__INIT;

        id.value = scheduler->framework_id;
        scheduler->framework->id = mesos_message_copy(&id);
    }
    scheduler->driver = scheduler_driver_new_on(sim_node_env(scheduler->node), &callbacks, scheduler,
                                                scheduler->framework, MASTER, &scheduler->options, &err);
    if (scheduler->driver == NULL)
        fail_msg("%s", error_message(&err));
    assert_int_equal(mesos_scheduler_driver_start(scheduler->driver), MESOS_DRIVER_RUNNING);
}

void scheduler_kill(struct scheduler *scheduler) {
    if (scheduler->driver == NULL)
        return;
    sim_node_kill(scheduler->node);
    mesos_scheduler_driver_free(take_ptr(&scheduler->driver));
    while (scheduler->offer_count > 0)
        drop_offer(scheduler, 0);
}

void scheduler_add_capability(struct scheduler *scheduler, Mesos__V1__FrameworkInfo__Capability__Type type) {
    Mesos__V1__FrameworkInfo *framework = scheduler->framework;
    Mesos__V1__FrameworkInfo__Capability capability = MESOS__V1__FRAMEWORK_INFO__CAPABILITY__INIT;

    capability.has_type = true;
    capability.type = type;
    framework->capabilities = xrealloc(framework->capabilities,
                                       (framework->n_capabilities + 1) * sizeof(*framework->capabilities));
    framework->capabilities[framework->n_capabilities++] = mesos_message_copy(&capability);
}

void scheduler_set_role(struct scheduler *scheduler, const char *role) {
    scheduler->framework->roles = xcalloc(1, sizeof(char *));
    scheduler->framework->roles[0] = xstrdup(role);
    scheduler->framework->n_roles = 1;
    scheduler_add_capability(scheduler, MESOS__V1__FRAMEWORK_INFO__CAPABILITY__TYPE__MULTI_ROLE);
    scheduler_add_capability(scheduler, MESOS__V1__FRAMEWORK_INFO__CAPABILITY__TYPE__RESERVATION_REFINEMENT);
}

/* Offers */

static bool is_on(const struct scheduler *scheduler, const Mesos__V1__Offer *offer, unsigned number) {
    return number == AGENTS || strcmp(offer->hostname, scheduler->cluster->places[number].machine.name) == 0;
}

static size_t find_offer(const struct scheduler *scheduler, unsigned number) {
    size_t i = 0;

    while (i < scheduler->offer_count && (!is_on(scheduler, scheduler->offers[i], number) ||
                                          !mesos_resources_contain(scheduler->offers[i]->resources,
                                                                   scheduler->offers[i]->n_resources, TASK_RESOURCES)))
        i++;
    return i;
}

bool scheduler_has_offer(const struct scheduler *scheduler, unsigned number) {
    return find_offer(scheduler, number) < scheduler->offer_count;
}

Mesos__V1__Offer *scheduler_take_offer(struct scheduler *scheduler, unsigned number) {
    Mesos__V1__Offer *offer;
    size_t index;

    AWAIT(scheduler->cluster, scheduler_has_offer(scheduler, number));
    index = find_offer(scheduler, number);
    offer = scheduler->offers[index];
    scheduler->offers[index] = scheduler->offers[--scheduler->offer_count];
    return offer;
}

static unsigned place_of(const struct scheduler *scheduler, const Mesos__V1__Offer *offer) {
    for (unsigned i = 0; i < AGENTS; i++)
        if (is_on(scheduler, offer, i))
            return i;
    return AGENTS;
}

/* Tasks */

Mesos__V1__TaskInfo *make_command(const char *id, const Mesos__V1__Offer *offer, unsigned run_ms, int exit_code) {
    cleanup_free char *command = xasprintf("%u %d", run_ms, exit_code);

    return mesos_task_info_new(id, id, offer->agent_id->value, command, TASK_RESOURCES, NULL);
}

Mesos__V1__TaskInfo *make_custom(const char *id, const Mesos__V1__Offer *offer, const char *executor_id,
                                 const char *script) {
    Mesos__V1__TaskInfo *task = mesos_task_info_new(id, id, offer->agent_id->value, NULL, TASK_RESOURCES, NULL);
    Mesos__V1__ExecutorInfo *executor = mesos_executor_info_new(executor_id, executor_id, "custom", "cpus:0.1;mem:32",
                                                                NULL);

    executor->has_data = true;
    executor->data = (ProtobufCBinaryData){.data = xmemdup("payload", 7), .len = 7};
    mesos_task_info_set_executor(task, executor);
    mesos_task_info_set_data(task, script, strlen(script));
    mesos_message_free(executor);
    return task;
}

void scheduler_launch(struct scheduler *scheduler, Mesos__V1__Offer *offer, Mesos__V1__TaskInfo *task) {
    const Mesos__V1__OfferID *offer_ids[] = {offer->id};
    const Mesos__V1__TaskInfo *tasks[] = {task};
    Mesos__V1__Filters at_once = MESOS__V1__FILTERS__INIT;

    at_once.has_refuse_seconds = true;
    at_once.refuse_seconds = 0;
    mesos_scheduler_driver_launch_tasks(scheduler->driver, offer_ids, 1, tasks, 1, &at_once);
    MESSAGE_FREE(offer);
    mesos_message_free(task);
}

static unsigned run_task(struct scheduler *scheduler, const char *id, const char *executor_id, const char *script,
                         unsigned run_ms, int exit_code) {
    Mesos__V1__Offer *offer = scheduler_take_offer(scheduler, AGENTS);
    unsigned number = place_of(scheduler, offer);

    scheduler_launch(scheduler, offer,
                     executor_id == NULL ? make_command(id, offer, run_ms, exit_code)
                                         : make_custom(id, offer, executor_id, script));
    AWAIT(scheduler->cluster, scheduler_heard(scheduler, id, MESOS__V1__TASK_STATE__TASK_RUNNING) > 0);
    return number;
}

unsigned scheduler_run_command(struct scheduler *scheduler, const char *id, unsigned run_ms, int exit_code) {
    return run_task(scheduler, id, NULL, NULL, run_ms, exit_code);
}

unsigned scheduler_run_custom(struct scheduler *scheduler, const char *id, const char *executor_id,
                              const char *script) {
    return run_task(scheduler, id, executor_id, script, 0, 0);
}

void scheduler_reconcile(struct scheduler *scheduler, const char *task_id) {
    Mesos__V1__TaskStatus *status = mesos_task_status_new(task_id == NULL ? "" : task_id,
                                                          MESOS__V1__TASK_STATE__TASK_STAGING, NULL);
    const Mesos__V1__TaskStatus *statuses[] = {status};

    mesos_scheduler_driver_reconcile_tasks(scheduler->driver, statuses, task_id == NULL ? 0 : 1);
    mesos_message_free(status);
}

void scheduler_kill_task(struct scheduler *scheduler, const char *task_id) {
    Mesos__V1__TaskID id = MESOS__V1__TASK_ID__INIT;

    id.value = (char *)(uintptr_t)task_id;
    mesos_scheduler_driver_kill_task(scheduler->driver, &id);
}

unsigned scheduler_heard(const struct scheduler *scheduler, const char *task_id, Mesos__V1__TaskState state) {
    unsigned count = 0;

    for (size_t i = 0; i < scheduler->status_count; i++)
        count += scheduler->statuses[i].state == state && strcmp(scheduler->statuses[i].task_id, task_id) == 0;
    return count;
}

const struct heard_status *scheduler_last(const struct scheduler *scheduler, const char *task_id) {
    for (size_t i = scheduler->status_count; i > 0; i--)
        if (strcmp(scheduler->statuses[i - 1].task_id, task_id) == 0)
            return &scheduler->statuses[i - 1];
    return NULL;
}

bool scheduler_is(const struct scheduler *scheduler, const char *task_id, Mesos__V1__TaskState state) {
    const struct heard_status *last = scheduler_last(scheduler, task_id);

    return last != NULL && last->state == state;
}
