/* SPDX-License-Identifier: Apache-2.0 */
/* A volume that outlives the task that wrote it.
 *
 *     example-volume --master=HOST:PORT
 *
 * Reserves disk for its role, creates a persistent volume on it and has a task write into that, all on one offer; then
 * a second task reads it; then the volume is destroyed and the reservation given back. */
#include "../example.h"

#define ROLE "example-volume"
#define VOLUME_ID "notes"
#define CONTAINER_PATH "notes"
#define DISK_MIB 32

enum step { WRITE, WRITING, READ, READING, RELEASE, RELEASED };

struct demonstration {
    enum step step;
    bool failed;
};

/* DISK_MIB of disk, reserved for ROLE; with @disk, as the volume on it. The parts belong to each other and must stay
 * where they are. */
struct reserved_disk {
    Mesos__V1__Resource resource;
    Mesos__V1__Value__Scalar size;
    Mesos__V1__Resource__AllocationInfo allocation;
    Mesos__V1__Resource__ReservationInfo reservation, *reservations[1];
    Mesos__V1__Resource__DiskInfo disk;
    Mesos__V1__Resource__DiskInfo__Persistence persistence;
    Mesos__V1__Volume mount;
    Mesos__V1__Resource *resources[1];
};

static void init_disk(struct reserved_disk *disk, bool is_volume) {
    mesos__v1__resource__init(&disk->resource);
    mesos__v1__value__scalar__init(&disk->size);
    mesos__v1__resource__allocation_info__init(&disk->allocation);
    mesos__v1__resource__reservation_info__init(&disk->reservation);
    mesos__v1__resource__disk_info__init(&disk->disk);
    mesos__v1__resource__disk_info__persistence__init(&disk->persistence);
    mesos__v1__volume__init(&disk->mount);
    disk->resource.name = "disk";
    disk->resource.type = MESOS__V1__VALUE__TYPE__SCALAR;
    disk->resource.scalar = &disk->size;
    disk->size.value = DISK_MIB;
    disk->resource.allocation_info = &disk->allocation;
    disk->allocation.role = ROLE;
    disk->reservation.has_type = true;
    disk->reservation.type = MESOS__V1__RESOURCE__RESERVATION_INFO__TYPE__DYNAMIC;
    disk->reservation.role = ROLE;
    disk->reservations[0] = &disk->reservation;
    disk->resource.reservations = disk->reservations;
    disk->resource.n_reservations = 1;
    disk->resources[0] = &disk->resource;
    if (!is_volume)
        return;
    disk->persistence.id = VOLUME_ID;
    disk->mount.container_path = CONTAINER_PATH;
    disk->mount.mode = MESOS__V1__VOLUME__MODE__RW;
    disk->disk.persistence = &disk->persistence;
    disk->disk.volume = &disk->mount;
    disk->resource.disk = &disk->disk;
}

/* A task that has the volume. */
static Mesos__V1__TaskInfo *make_task(const Mesos__V1__Offer *offer, const char *id, const char *command) {
    Mesos__V1__TaskInfo *task = mesos_task_info_new(id, id, offer->agent_id->value, command, "cpus:0.1;mem:32", NULL);
    struct reserved_disk volume;

    init_disk(&volume, true);
    task->resources = realloc(task->resources, (task->n_resources + 1) * sizeof(*task->resources));
    task->resources[task->n_resources++] = mesos_message_copy(&volume.resource);
    return task;
}

/* The operations are applied in order, each on what the ones before it left: all on one offer, or none. */
static void write_volume(struct mesos_scheduler_driver *driver, const Mesos__V1__Offer *offer) {
    const Mesos__V1__OfferID *offer_ids[] = {offer->id};
    const Mesos__V1__Filters soon = example_soon();
    Mesos__V1__TaskInfo *task = make_task(offer, "writer", "echo 'kept for later' > " CONTAINER_PATH "/note");
    Mesos__V1__Offer__Operation reserve = MESOS__V1__OFFER__OPERATION__INIT, create = reserve, launch = reserve;
    Mesos__V1__Offer__Operation__Reserve reserve_what = MESOS__V1__OFFER__OPERATION__RESERVE__INIT;
    Mesos__V1__Offer__Operation__Create create_what = MESOS__V1__OFFER__OPERATION__CREATE__INIT;
    Mesos__V1__Offer__Operation__Launch launch_what = MESOS__V1__OFFER__OPERATION__LAUNCH__INIT;
    const Mesos__V1__Offer__Operation *operations[] = {&reserve, &create, &launch};
    struct reserved_disk disk, volume;

    init_disk(&disk, false);
    init_disk(&volume, true);
    reserve.has_type = create.has_type = launch.has_type = true;
    reserve.type = MESOS__V1__OFFER__OPERATION__TYPE__RESERVE;
    reserve.reserve = &reserve_what;
    reserve_what.resources = disk.resources;
    reserve_what.n_resources = 1;
    create.type = MESOS__V1__OFFER__OPERATION__TYPE__CREATE;
    create.create = &create_what;
    create_what.volumes = volume.resources;
    create_what.n_volumes = 1;
    launch.type = MESOS__V1__OFFER__OPERATION__TYPE__LAUNCH;
    launch.launch = &launch_what;
    launch_what.task_infos = &task;
    launch_what.n_task_infos = 1;
    mesos_scheduler_driver_accept_offers(driver, offer_ids, 1, operations, 3, &soon);
    mesos_message_free(task);
    printf("reserved %d MiB, created the volume, launched the writer\n", DISK_MIB);
}

static void read_volume(struct mesos_scheduler_driver *driver, const Mesos__V1__Offer *offer) {
    const Mesos__V1__OfferID *offer_ids[] = {offer->id};
    const Mesos__V1__Filters soon = example_soon();
    Mesos__V1__TaskInfo *task = make_task(offer, "reader", "grep 'kept for later' " CONTAINER_PATH "/note");
    const Mesos__V1__TaskInfo *tasks[] = {task};

    mesos_scheduler_driver_launch_tasks(driver, offer_ids, 1, tasks, 1, &soon);
    mesos_message_free(task);
    printf("launched the reader\n");
}

static void release_volume(struct mesos_scheduler_driver *driver, const Mesos__V1__Offer *offer) {
    const Mesos__V1__OfferID *offer_ids[] = {offer->id};
    const Mesos__V1__Filters soon = example_soon();
    Mesos__V1__Offer__Operation destroy = MESOS__V1__OFFER__OPERATION__INIT, unreserve = destroy;
    Mesos__V1__Offer__Operation__Destroy destroy_what = MESOS__V1__OFFER__OPERATION__DESTROY__INIT;
    Mesos__V1__Offer__Operation__Unreserve unreserve_what = MESOS__V1__OFFER__OPERATION__UNRESERVE__INIT;
    const Mesos__V1__Offer__Operation *operations[] = {&destroy, &unreserve};
    struct reserved_disk disk, volume;

    init_disk(&disk, false);
    init_disk(&volume, true);
    destroy.has_type = unreserve.has_type = true;
    destroy.type = MESOS__V1__OFFER__OPERATION__TYPE__DESTROY;
    destroy.destroy = &destroy_what;
    destroy_what.volumes = volume.resources;
    destroy_what.n_volumes = 1;
    unreserve.type = MESOS__V1__OFFER__OPERATION__TYPE__UNRESERVE;
    unreserve.unreserve = &unreserve_what;
    unreserve_what.resources = disk.resources;
    unreserve_what.n_resources = 1;
    mesos_scheduler_driver_accept_offers(driver, offer_ids, 1, operations, 2, &soon);
    printf("destroyed the volume and gave the disk back\n");
}

static bool has_reservation(const Mesos__V1__Offer *offer) {
    for (size_t i = 0; i < offer->n_resources; i++)
        if (offer->resources[i]->n_reservations > 0)
            return true;
    return false;
}

static bool has_volume(const Mesos__V1__Offer *offer) {
    for (size_t i = 0; i < offer->n_resources; i++) {
        const Mesos__V1__Resource__DiskInfo *disk = offer->resources[i]->disk;

        if (disk != NULL && disk->persistence != NULL && strcmp(disk->persistence->id, VOLUME_ID) == 0)
            return true;
    }
    return false;
}

/* Take the next step if the offer allows it. Only the agent that has the volume offers it. */
static bool use_offer(struct mesos_scheduler_driver *driver, struct demonstration *demonstration,
                      const Mesos__V1__Offer *offer) {
    switch (demonstration->step) {
    case WRITE:
        if (!mesos_resources_contain(offer->resources, offer->n_resources, "cpus:0.1;mem:32;disk:32"))
            return false;
        write_volume(driver, offer);
        break;
    case READ:
        if (!has_volume(offer))
            return false;
        read_volume(driver, offer);
        break;
    case RELEASE:
        if (!has_volume(offer))
            return false;
        release_volume(driver, offer);
        break;
    default:
        return false;
    }
    demonstration->step++;
    return true;
}

static void on_offers(struct mesos_scheduler_driver *driver, void *user, Mesos__V1__Offer *const *offers,
                      size_t count) {
    struct demonstration *demonstration = user;
    const Mesos__V1__Filters soon = example_soon();

    for (size_t i = 0; i < count; i++) {
        const bool is_released = demonstration->step == RELEASED && !has_reservation(offers[i]);

        if (!use_offer(driver, demonstration, offers[i]))
            mesos_scheduler_driver_decline_offer(driver, offers[i]->id, &soon);
        if (is_released) {
            printf("nothing is reserved any more\n");
            mesos_scheduler_driver_stop(driver, false);
            return;
        }
    }
}

static void on_status(struct mesos_scheduler_driver *driver, void *user, const Mesos__V1__TaskStatus *status) {
    struct demonstration *demonstration = user;

    printf("%s is %s%s%s\n", status->task_id->value, mesos_task_state_name(status->state),
           status->message == NULL ? "" : ": ", status->message == NULL ? "" : status->message);
    if (!mesos_task_state_is_terminal(status->state))
        return;
    if (status->state != MESOS__V1__TASK_STATE__TASK_FINISHED) {
        demonstration->failed = true;
        mesos_scheduler_driver_stop(driver, false);
        return;
    }
    demonstration->step++;
}

static const struct mesos_scheduler scheduler = {
    .resource_offers = on_offers, .status_update = on_status, .error = example_on_error};

int main(int argc, char **argv) {
    const char *master = example_flag(argc, argv, "master");
    struct demonstration demonstration = {.step = WRITE};
    Mesos__V1__FrameworkInfo *framework = mesos_framework_info_new("", "Volume");
    int result;

    if (master == NULL) {
        fprintf(stderr, "usage: %s --master=HOST:PORT\n", argv[0]);
        return 2;
    }
    example_add_role(framework, ROLE);
    example_add_capability(framework, MESOS__V1__FRAMEWORK_INFO__CAPABILITY__TYPE__MULTI_ROLE);
    example_add_capability(framework, MESOS__V1__FRAMEWORK_INFO__CAPABILITY__TYPE__RESERVATION_REFINEMENT);
    result = example_run(&scheduler, &demonstration, framework, master);
    return demonstration.failed ? 1 : result;
}
