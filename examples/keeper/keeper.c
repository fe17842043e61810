/* SPDX-License-Identifier: Apache-2.0 */
/* Keeps a number of instances of a service running.
 *
 *     example-keeper --master=HOST:PORT --instances=N --command=COMMAND [--check=COMMAND]
 *
 * An instance whose check fails three times in a row is killed by its executor; whichever ends, for that or any other
 * reason, is replaced by a new one. SIGTERM or SIGINT ends the service. */
#include <pthread.h>
#include <signal.h>

#include "../example.h"

#define RESOURCES "cpus:0.1;mem:32"

enum { MOST_INSTANCES = 100 };

struct keeper {
    const char *command, *check;
    int wanted, launched;
    int instances[MOST_INSTANCES]; /* their numbers, which are part of the tasks' ids and never used twice; 0: none */
};

/* The place of an instance, or, for number 0, one that is free; NULL if there is none. */
static int *find_instance(struct keeper *keeper, int number) {
    for (int i = 0; i < keeper->wanted; i++)
        if (keeper->instances[i] == number)
            return &keeper->instances[i];
    return NULL;
}

static void set_check(Mesos__V1__TaskInfo *task, const char *command) {
    Mesos__V1__HealthCheck check = MESOS__V1__HEALTH_CHECK__INIT;
    Mesos__V1__CommandInfo run = MESOS__V1__COMMAND_INFO__INIT;

    run.value = (char *)command;
    check.has_type = true;
    check.type = MESOS__V1__HEALTH_CHECK__TYPE__COMMAND;
    check.command = &run;
    check.has_delay_seconds = check.has_interval_seconds = check.has_grace_period_seconds = true;
    check.delay_seconds = 0;
    check.interval_seconds = 0.2;
    check.grace_period_seconds = 0;
    check.has_consecutive_failures = true;
    check.consecutive_failures = 3;
    task->health_check = mesos_message_copy(&check);
}

static void launch(struct mesos_scheduler_driver *driver, struct keeper *keeper, int *instance,
                   const Mesos__V1__Offer *offer) {
    const Mesos__V1__OfferID *offer_ids[] = {offer->id};
    const Mesos__V1__Filters soon = example_soon();
    const Mesos__V1__TaskInfo *tasks[1];
    Mesos__V1__TaskInfo *task;
    char id[32];

    *instance = ++keeper->launched;
    snprintf(id, sizeof(id), "instance-%d", *instance);
    task = mesos_task_info_new(id, id, offer->agent_id->value, keeper->command, RESOURCES, NULL);
    if (keeper->check != NULL)
        set_check(task, keeper->check);
    printf("launching %s on %s\n", id, offer->agent_id->value);
    tasks[0] = task;
    mesos_scheduler_driver_launch_tasks(driver, offer_ids, 1, tasks, 1, &soon);
    mesos_message_free(task);
}

/* No offers are wanted while all instances are there. */
static void on_offers(struct mesos_scheduler_driver *driver, void *user, Mesos__V1__Offer *const *offers,
                      size_t count) {
    struct keeper *keeper = user;
    const Mesos__V1__Filters soon = example_soon();

    for (size_t i = 0; i < count; i++) {
        int *free_one = find_instance(keeper, 0);

        if (free_one != NULL && mesos_resources_contain(offers[i]->resources, offers[i]->n_resources, RESOURCES))
            launch(driver, keeper, free_one, offers[i]);
        else
            mesos_scheduler_driver_decline_offer(driver, offers[i]->id, &soon);
    }
    if (find_instance(keeper, 0) == NULL)
        mesos_scheduler_driver_suppress_offers(driver, NULL, 0);
}

static void on_status(struct mesos_scheduler_driver *driver, void *user, const Mesos__V1__TaskStatus *status) {
    struct keeper *keeper = user;
    int *instance, number;

    printf("%s is %s%s\n", status->task_id->value, mesos_task_state_name(status->state),
           !status->has_healthy ? ""
           : status->healthy    ? ", healthy"
                                : ", unhealthy");
    if (sscanf(status->task_id->value, "instance-%d", &number) != 1)
        return;
    instance = find_instance(keeper, number);
    if (instance != NULL && mesos_task_state_is_terminal(status->state)) {
        *instance = 0;
        mesos_scheduler_driver_revive_offers(driver, NULL, 0);
    }
}

/* A restarted master does not know which instances there were: what has ended meanwhile is told now. */
static void on_reregistered(struct mesos_scheduler_driver *driver, void *user, const Mesos__V1__MasterInfo *master) {
    struct keeper *keeper = user;
    char id[32];

    for (int i = 0; i < keeper->wanted; i++) {
        const Mesos__V1__TaskStatus *statuses[1];

        if (keeper->instances[i] == 0)
            continue;
        snprintf(id, sizeof(id), "instance-%d", keeper->instances[i]);
        statuses[0] = mesos_task_status_new(id, MESOS__V1__TASK_STATE__TASK_STAGING, NULL);
        mesos_scheduler_driver_reconcile_tasks(driver, statuses, 1);
        mesos_message_free((void *)statuses[0]);
    }
}

static const struct mesos_scheduler scheduler = {.reregistered = on_reregistered,
                                                 .resource_offers = on_offers,
                                                 .status_update = on_status,
                                                 .error = example_on_error};

/* Waits for the signal to end. */
static void *wait_for_signal(void *driver) {
    sigset_t signals;
    int number;

    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    sigwait(&signals, &number);
    mesos_scheduler_driver_stop(driver, false);
    return NULL;
}

static int run(struct keeper *keeper, const char *master) {
    Mesos__V1__FrameworkInfo *framework = mesos_framework_info_new("", "Keeper");
    struct mesos_scheduler_driver *driver;
    enum mesos_status status;
    char *error = NULL;
    pthread_t thread;

    example_survive_failover(framework);
    driver = mesos_scheduler_driver_new(&scheduler, keeper, framework, master, NULL, &error);
    mesos_message_free(framework);
    if (driver == NULL) {
        fprintf(stderr, "error: %s\n", error);
        free(error);
        return 2;
    }
    mesos_scheduler_driver_start(driver);
    pthread_create(&thread, NULL, wait_for_signal, driver);
    status = mesos_scheduler_driver_join(driver);
    printf("stopped\n");
    pthread_kill(thread, SIGTERM); /* if it waits for a signal still */
    pthread_join(thread, NULL);
    mesos_scheduler_driver_free(driver);
    return status == MESOS_DRIVER_STOPPED ? 0 : 1;
}

int main(int argc, char **argv) {
    const char *master = example_flag(argc, argv, "master"), *instances = example_flag(argc, argv, "instances");
    struct keeper keeper = {.command = example_flag(argc, argv, "command"), .check = example_flag(argc, argv, "check")};
    sigset_t signals;

    keeper.wanted = instances == NULL ? 1 : (int)strtol(instances, NULL, 10);
    if (master == NULL || keeper.command == NULL || keeper.wanted < 1 || keeper.wanted > MOST_INSTANCES) {
        fprintf(stderr, "usage: %s --master=HOST:PORT --instances=1..%d --command=COMMAND [--check=COMMAND]\n", argv[0],
                MOST_INSTANCES);
        return 2;
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    /* Before there is any other thread, so that only wait_for_signal() takes them. */
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    pthread_sigmask(SIG_BLOCK, &signals, NULL);
    return run(&keeper, master);
}
