/* SPDX-License-Identifier: Apache-2.0 */
#include "master/calls/normalize.h"

#include "base/log.h"
#include "master/framework.h"
#include "model/resources.h"

static int normalize_resources(Mesos__V1__Resource **resources, size_t count, const char *role, struct arena *arena,
                               struct error *err) {
    if (resources_validate(resources, count, err) < 0)
        return -1;
    for (size_t i = 0; i < count; i++) {
        Mesos__V1__Resource *resource = resources[i];

        resource_message_upgrade(resource, arena);
        if (resource->allocation_info == NULL || resource->allocation_info->role == NULL) {
            Mesos__V1__Resource__AllocationInfo *allocation = arena_alloc(arena, sizeof(*allocation));

            mesos__v1__resource__allocation_info__init(allocation);
            allocation->role = (char *)role;
            resource->allocation_info = allocation;
        }
    }
    return 0;
}

static int normalize_executor(Mesos__V1__ExecutorInfo *executor, const char *role, struct arena *arena,
                              struct error *err) {
    return normalize_resources(executor->resources, executor->n_resources, role, arena, err);
}

/* Old schedulers say what kind of check it is only by what they fill in. */
static void guess_health_check_type(Mesos__V1__HealthCheck *check) {
    if (check == NULL || check->has_type || (check->command != NULL) == (check->http != NULL))
        return;
    check->has_type = true;
    check->type = check->command != NULL ? MESOS__V1__HEALTH_CHECK__TYPE__COMMAND : MESOS__V1__HEALTH_CHECK__TYPE__HTTP;
}

int normalize_task(Mesos__V1__TaskInfo *task, const char *role, const struct framework *framework, struct arena *arena,
                   struct error *err) {
    if (normalize_resources(task->resources, task->n_resources, role, arena, err) < 0)
        return -1;
    guess_health_check_type(task->health_check);
    if (task->executor == NULL)
        return 0;
    if (task->executor->framework_id == NULL)
        task->executor->framework_id = framework->info->id;
    return normalize_executor(task->executor, role, arena, err);
}

static int missing(const char *field, struct error *err) {
    return error_set(err, 0, "Expecting '%s' to be present", field);
}

static int normalize_launch_group(Mesos__V1__Offer__Operation__LaunchGroup *group, const char *role,
                                  const struct framework *framework, struct arena *arena, struct error *err) {
    if (group == NULL)
        return missing("launch_group", err);
    if (normalize_executor(group->executor, role, arena, err) < 0)
        return -1;
    for (size_t i = 0; i < group->task_group->n_tasks; i++) {
        Mesos__V1__TaskInfo *task = group->task_group->tasks[i];

        if (task->executor == NULL)
            task->executor = group->executor;
        if (normalize_resources(task->resources, task->n_resources, role, arena, err) < 0 ||
            (task->executor != group->executor && normalize_executor(task->executor, role, arena, err) < 0))
            return -1;
    }
    return 0;
}

int normalize_operation(Mesos__V1__Offer__Operation *operation, const char *role, const struct framework *framework,
                        struct arena *arena, struct error *err) {
#define NORMALIZE(part, array) \
    return operation->part == NULL \
               ? missing(#part, err) \
               : normalize_resources(operation->part->array, operation->part->n_##array, role, arena, err)
    switch (operation->type) {
    case MESOS__V1__OFFER__OPERATION__TYPE__LAUNCH:
        return operation->launch == NULL ? missing("launch", err) : 0;
    case MESOS__V1__OFFER__OPERATION__TYPE__LAUNCH_GROUP:
        return normalize_launch_group(operation->launch_group, role, framework, arena, err);
    case MESOS__V1__OFFER__OPERATION__TYPE__RESERVE:
        if (operation->reserve != NULL && operation->reserve->n_source > 0)
            return error_set(err, 0, "Reservation updates are not supported for the scheduler API");
        NORMALIZE(reserve, resources);
    case MESOS__V1__OFFER__OPERATION__TYPE__UNRESERVE:
        NORMALIZE(unreserve, resources);
    case MESOS__V1__OFFER__OPERATION__TYPE__CREATE:
        NORMALIZE(create, volumes);
    case MESOS__V1__OFFER__OPERATION__TYPE__DESTROY:
        NORMALIZE(destroy, volumes);
    case MESOS__V1__OFFER__OPERATION__TYPE__GROW_VOLUME:
        if (operation->grow_volume == NULL)
            return missing("grow_volume", err);
        if (normalize_resources(&operation->grow_volume->volume, 1, role, arena, err) < 0)
            return -1;
        return normalize_resources(&operation->grow_volume->addition, 1, role, arena, err);
    case MESOS__V1__OFFER__OPERATION__TYPE__SHRINK_VOLUME:
        if (operation->shrink_volume == NULL)
            return missing("shrink_volume", err);
        return normalize_resources(&operation->shrink_volume->volume, 1, role, arena, err);
    case MESOS__V1__OFFER__OPERATION__TYPE__CREATE_DISK:
        if (operation->create_disk == NULL)
            return missing("create_disk", err);
        return normalize_resources(&operation->create_disk->source, 1, role, arena, err);
    case MESOS__V1__OFFER__OPERATION__TYPE__DESTROY_DISK:
        if (operation->destroy_disk == NULL)
            return missing("destroy_disk", err);
        return normalize_resources(&operation->destroy_disk->source, 1, role, arena, err);
    default:
        return 0;
    }
#undef NORMALIZE
}

void downgrade_resources(Mesos__V1__Resource **resources, size_t count, struct arena *arena) {
    /* Refined reservations are never made on agents that do not know them, so that this cannot fail. */
    for (size_t i = 0; i < count; i++) {
        struct error cleanup_error err = ERROR_INIT;

        if (resource_message_downgrade(resources[i], arena, &err) < 0)
            log_error("Resources cannot be written in the old format: %s", error_message(&err));
    }
}

void downgrade_task(Mesos__V1__TaskInfo *task, struct arena *arena) {
    downgrade_resources(task->resources, task->n_resources, arena);
    if (task->executor != NULL)
        downgrade_resources(task->executor->resources, task->executor->n_resources, arena);
}
