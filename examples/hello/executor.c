/* SPDX-License-Identifier: Apache-2.0 */
/* The executor of the hello framework: a task runs until the scheduler greets it; the executor answers and finishes it.
 */
#include <stdio.h>
#include <string.h>

#include <mesos/executor.h>

#include "hello.h"

static void send_state(struct mesos_executor_driver *driver, const char *task_id, Mesos__V1__TaskState state) {
    Mesos__V1__TaskStatus *status = mesos_task_status_new(task_id, state, NULL);

    mesos_executor_driver_send_status_update(driver, status);
    mesos_message_free(status);
}

static void on_registered(struct mesos_executor_driver *driver, void *user, const Mesos__V1__ExecutorInfo *executor,
                          const Mesos__V1__FrameworkInfo *framework, const Mesos__V1__AgentInfo *agent) {
    printf("executor %s of framework %s on %s\n", executor->executor_id->value, framework->name, agent->hostname);
}

static void on_launch(struct mesos_executor_driver *driver, void *user, const Mesos__V1__TaskInfo *task) {
    printf("%s: started with data \"%.*s\"\n", task->task_id->value, (int)task->data.len,
           (const char *)task->data.data);
    send_state(driver, task->task_id->value, MESOS__V1__TASK_STATE__TASK_RUNNING);
}

static void on_kill(struct mesos_executor_driver *driver, void *user, const Mesos__V1__TaskID *task_id) {
    send_state(driver, task_id->value, MESOS__V1__TASK_STATE__TASK_KILLED);
}

static void on_message(struct mesos_executor_driver *driver, void *user, const void *data, size_t size) {
    char task_id[64] = "", answer[96];
    size_t prefix = strlen(HELLO_GREETING);
    int length;

    if (size <= prefix || size - prefix >= sizeof(task_id) || memcmp(data, HELLO_GREETING, prefix) != 0)
        return;
    memcpy(task_id, (const char *)data + prefix, size - prefix);
    printf("%s: greeted by the scheduler\n", task_id);
    length = snprintf(answer, sizeof(answer), HELLO_ANSWER "%s", task_id);
    mesos_executor_driver_send_framework_message(driver, answer, (size_t)length);
    send_state(driver, task_id, MESOS__V1__TASK_STATE__TASK_FINISHED);
}

static void on_shutdown(struct mesos_executor_driver *driver, void *user) {
    printf("shutting down\n");
    mesos_executor_driver_stop(driver);
}

static void on_error(struct mesos_executor_driver *driver, void *user, const char *message) {
    fprintf(stderr, "error: %s\n", message);
}

static const struct mesos_executor executor = {.registered = on_registered,
                                               .launch_task = on_launch,
                                               .kill_task = on_kill,
                                               .framework_message = on_message,
                                               .shutdown = on_shutdown,
                                               .error = on_error};

int main(int argc, char **argv) {
    struct mesos_executor_driver *driver;
    enum mesos_status status;
    char *error = NULL;

    setvbuf(stdout, NULL, _IOLBF, 0);
    driver = mesos_executor_driver_new(&executor, NULL, &error);
    if (driver == NULL) {
        fprintf(stderr, "%s: %s\n", argv[0], error);
        return 2;
    }
    status = mesos_executor_driver_run(driver);
    mesos_executor_driver_free(driver);
    return status == MESOS_DRIVER_STOPPED ? 0 : 1;
}
