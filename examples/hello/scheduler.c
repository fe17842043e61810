/* SPDX-License-Identifier: Apache-2.0 */
/* A small framework: five tasks on an executor of its own, with messages both ways.
 *
 * Each task is launched, greeted with a message once it runs, and finishes when its executor has answered. */
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <mesos/scheduler.h>

#include "hello.h"

#define TASK_RESOURCES "cpus:0.1;mem:32"

struct hello {
    Mesos__V1__ExecutorInfo *executor;
    int launched, finished, messages;
    bool failed;
};

static void on_registered(struct mesos_scheduler_driver *driver, void *user, const Mesos__V1__FrameworkID *framework_id,
                          const Mesos__V1__MasterInfo *master) {
    printf("registered as %s\n", framework_id->value);
}

static Mesos__V1__TaskInfo *next_task(struct hello *hello, const Mesos__V1__Offer *offer) {
    char id[24];
    Mesos__V1__TaskInfo *task;

    snprintf(id, sizeof(id), "task-%d", ++hello->launched);
    task = mesos_task_info_new(id, id, offer->agent_id->value, NULL, TASK_RESOURCES, NULL);
    mesos_task_info_set_executor(task, hello->executor);
    mesos_task_info_set_data(task, id, strlen(id));
    return task;
}

/* One task an offer, so that the agents share the work; offers that are not needed are declined. */
static void on_offers(struct mesos_scheduler_driver *driver, void *user, Mesos__V1__Offer *const *offers,
                      size_t count) {
    struct hello *hello = user;

    for (size_t i = 0; i < count; i++) {
        const Mesos__V1__OfferID *offer_ids[] = {offers[i]->id};
        const Mesos__V1__TaskInfo *tasks[1];
        Mesos__V1__Filters filters = MESOS__V1__FILTERS__INIT;

        if (hello->launched == HELLO_TASKS ||
            !mesos_resources_contain(offers[i]->resources, offers[i]->n_resources, "cpus:0.2;mem:64")) {
            mesos_scheduler_driver_decline_offer(driver, offers[i]->id, NULL);
            continue;
        }
        filters.has_refuse_seconds = true;
        filters.refuse_seconds = 0;
        tasks[0] = next_task(hello, offers[i]);
        printf("launching %s on %s\n", tasks[0]->task_id->value, offers[i]->hostname);
        mesos_scheduler_driver_launch_tasks(driver, offer_ids, 1, tasks, 1, &filters);
        mesos_message_free((void *)tasks[0]);
    }
}

static void greet(struct mesos_scheduler_driver *driver, const Mesos__V1__TaskStatus *status) {
    char greeting[64];
    int size = snprintf(greeting, sizeof(greeting), HELLO_GREETING "%s", status->task_id->value);

    mesos_scheduler_driver_send_framework_message(driver, status->executor_id, status->agent_id, greeting,
                                                  (size_t)size);
}

static void on_status(struct mesos_scheduler_driver *driver, void *user, const Mesos__V1__TaskStatus *status) {
    struct hello *hello = user;

    printf("%s is %s%s%s\n", status->task_id->value, mesos_task_state_name(status->state),
           status->message == NULL ? "" : ": ", status->message == NULL ? "" : status->message);
    if (status->state == MESOS__V1__TASK_STATE__TASK_RUNNING)
        greet(driver, status);
    if (!mesos_task_state_is_terminal(status->state))
        return;
    hello->failed |= status->state != MESOS__V1__TASK_STATE__TASK_FINISHED;
    if (++hello->finished == HELLO_TASKS)
        mesos_scheduler_driver_stop(driver, false);
}

static void on_message(struct mesos_scheduler_driver *driver, void *user, const Mesos__V1__ExecutorID *executor_id,
                       const Mesos__V1__AgentID *agent_id, const void *data, size_t size) {
    struct hello *hello = user;

    hello->messages++;
    printf("executor %s says: %.*s\n", executor_id->value, (int)size, (const char *)data);
}

static void on_error(struct mesos_scheduler_driver *driver, void *user, const char *message) {
    struct hello *hello = user;

    hello->failed = true;
    fprintf(stderr, "error: %s\n", message);
}

static const struct mesos_scheduler scheduler = {.registered = on_registered,
                                                 .resource_offers = on_offers,
                                                 .status_update = on_status,
                                                 .framework_message = on_message,
                                                 .error = on_error};

/* The executor lies beside this program. */
static Mesos__V1__ExecutorInfo *make_executor(void) {
    char self[PATH_MAX] = "", command[PATH_MAX + 32];
    ssize_t size = readlink("/proc/self/exe", self, sizeof(self) - 1);

    if (size < 0)
        return NULL;
    snprintf(command, sizeof(command), "exec '%s/example-hello-executor'", dirname(self));
    return mesos_executor_info_new("hello-executor", "Hello executor", command, "cpus:0.1;mem:32", NULL);
}

int main(int argc, char **argv) {
    const char *master = argc == 2 && strncmp(argv[1], "--master=", 9) == 0 ? argv[1] + 9 : NULL;
    struct hello hello = {.executor = make_executor()};
    Mesos__V1__FrameworkInfo *framework = mesos_framework_info_new("", "Hello");
    struct mesos_scheduler_driver *driver;
    enum mesos_status status;
    char *error = NULL;

    setvbuf(stdout, NULL, _IOLBF, 0);
    if (master == NULL || hello.executor == NULL) {
        fprintf(stderr, "usage: %s --master=HOST:PORT\n", argv[0]);
        return 2;
    }
    driver = mesos_scheduler_driver_new(&scheduler, &hello, framework, master, NULL, &error);
    if (driver == NULL) {
        fprintf(stderr, "%s: %s\n", argv[0], error);
        free(error);
        return 2;
    }
    status = mesos_scheduler_driver_run(driver);
    mesos_scheduler_driver_free(driver);
    mesos_message_free(framework);
    mesos_message_free(hello.executor);
    printf("%d tasks, %d messages, %s\n", hello.finished, hello.messages, mesos_status_name(status));
    return status == MESOS_DRIVER_STOPPED && !hello.failed ? 0 : 1;
}
