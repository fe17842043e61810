/* SPDX-License-Identifier: Apache-2.0 */
/* Two tasks that live and die together and share a folder: a task group on Mesos's default executor.
 *
 *     example-pod --master=HOST:PORT
 *
 * The producer writes a note into the folder, the consumer waits for it and reads it. */
#include "../example.h"

#define SHARED "shared"
#define EXECUTOR_RESOURCES "cpus:0.1;mem:32;disk:16"
#define OFFER_RESOURCES "cpus:0.3;mem:96;disk:16"

struct pod {
    bool is_launched, failed;
    char framework_id[256];
    int finished;
};

/* A folder of the executor's sandbox appears in the task's. */
static void share_folder(Mesos__V1__TaskInfo *task) {
    Mesos__V1__ContainerInfo container = MESOS__V1__CONTAINER_INFO__INIT;
    Mesos__V1__ContainerInfo__MesosInfo mesos = MESOS__V1__CONTAINER_INFO__MESOS_INFO__INIT;
    Mesos__V1__Volume volume = MESOS__V1__VOLUME__INIT, *volumes[] = {&volume};
    Mesos__V1__Volume__Source source = MESOS__V1__VOLUME__SOURCE__INIT;
    Mesos__V1__Volume__Source__SandboxPath path = MESOS__V1__VOLUME__SOURCE__SANDBOX_PATH__INIT;

    path.has_type = true;
    path.type = MESOS__V1__VOLUME__SOURCE__SANDBOX_PATH__TYPE__PARENT;
    path.path = SHARED;
    source.has_type = true;
    source.type = MESOS__V1__VOLUME__SOURCE__TYPE__SANDBOX_PATH;
    source.sandbox_path = &path;
    volume.container_path = SHARED;
    volume.mode = MESOS__V1__VOLUME__MODE__RW;
    volume.source = &source;
    container.type = MESOS__V1__CONTAINER_INFO__TYPE__MESOS;
    container.mesos = &mesos;
    container.volumes = volumes;
    container.n_volumes = 1;
    task->container = mesos_message_copy(&container);
}

static Mesos__V1__TaskInfo *make_task(const Mesos__V1__Offer *offer, const char *id, const char *command) {
    Mesos__V1__TaskInfo *task = mesos_task_info_new(id, id, offer->agent_id->value, command, "cpus:0.1;mem:32", NULL);

    share_folder(task);
    return task;
}

/* The default executor has no command: every agent has it. */
static Mesos__V1__ExecutorInfo *make_executor(const char *framework_id) {
    Mesos__V1__ExecutorInfo *executor = mesos_executor_info_new("pod", "Pod", "", EXECUTOR_RESOURCES, NULL);
    Mesos__V1__FrameworkID id = MESOS__V1__FRAMEWORK_ID__INIT;

    mesos_message_free(executor->command);
    executor->command = NULL;
    executor->has_type = true;
    executor->type = MESOS__V1__EXECUTOR_INFO__TYPE__DEFAULT;
    id.value = (char *)framework_id;
    executor->framework_id = mesos_message_copy(&id);
    return executor;
}

static void launch(struct mesos_scheduler_driver *driver, struct pod *pod, const Mesos__V1__Offer *offer) {
    const Mesos__V1__OfferID *offer_ids[] = {offer->id};
    Mesos__V1__TaskInfo *tasks[] = {
        make_task(offer, "producer",
                  "echo 'a note from the producer' > " SHARED "/new && "
                  "mv " SHARED "/new " SHARED "/note"),
        make_task(offer, "consumer", "until [ -f " SHARED "/note ]; do sleep 0.05; done; cat " SHARED "/note")};
    Mesos__V1__TaskGroupInfo group = MESOS__V1__TASK_GROUP_INFO__INIT;
    Mesos__V1__Offer__Operation__LaunchGroup launch_group = MESOS__V1__OFFER__OPERATION__LAUNCH_GROUP__INIT;
    Mesos__V1__Offer__Operation operation = MESOS__V1__OFFER__OPERATION__INIT;
    const Mesos__V1__Offer__Operation *operations[] = {&operation};

    group.tasks = tasks;
    group.n_tasks = 2;
    launch_group.executor = make_executor(pod->framework_id);
    launch_group.task_group = &group;
    operation.has_type = true;
    operation.type = MESOS__V1__OFFER__OPERATION__TYPE__LAUNCH_GROUP;
    operation.launch_group = &launch_group;
    mesos_scheduler_driver_accept_offers(driver, offer_ids, 1, operations, 1, NULL);
    mesos_message_free(launch_group.executor);
    mesos_message_free(tasks[0]);
    mesos_message_free(tasks[1]);
    pod->is_launched = true;
    printf("launched the pod on %s\n", offer->agent_id->value);
}

static void on_registered(struct mesos_scheduler_driver *driver, void *user, const Mesos__V1__FrameworkID *framework_id,
                          const Mesos__V1__MasterInfo *master) {
    struct pod *pod = user;

    snprintf(pod->framework_id, sizeof(pod->framework_id), "%s", framework_id->value);
}

static void on_offers(struct mesos_scheduler_driver *driver, void *user, Mesos__V1__Offer *const *offers,
                      size_t count) {
    struct pod *pod = user;

    for (size_t i = 0; i < count; i++)
        if (!pod->is_launched && mesos_resources_contain(offers[i]->resources, offers[i]->n_resources, OFFER_RESOURCES))
            launch(driver, pod, offers[i]);
        else
            mesos_scheduler_driver_decline_offer(driver, offers[i]->id, NULL);
}

static void on_status(struct mesos_scheduler_driver *driver, void *user, const Mesos__V1__TaskStatus *status) {
    struct pod *pod = user;

    printf("%s is %s%s%s\n", status->task_id->value, mesos_task_state_name(status->state),
           status->message == NULL ? "" : ": ", status->message == NULL ? "" : status->message);
    if (!mesos_task_state_is_terminal(status->state))
        return;
    pod->failed |= status->state != MESOS__V1__TASK_STATE__TASK_FINISHED;
    if (++pod->finished == 2)
        mesos_scheduler_driver_stop(driver, false);
}

static const struct mesos_scheduler scheduler = {
    .registered = on_registered, .resource_offers = on_offers, .status_update = on_status, .error = example_on_error};

int main(int argc, char **argv) {
    const char *master = example_flag(argc, argv, "master");
    struct pod pod = {.is_launched = false};
    int result;

    if (master == NULL) {
        fprintf(stderr, "usage: %s --master=HOST:PORT\n", argv[0]);
        return 2;
    }
    result = example_run(&scheduler, &pod, mesos_framework_info_new("", "Pod"), master);
    return pod.failed ? 1 : result;
}
