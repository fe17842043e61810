/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/reservations.h"

#include <errno.h>
#include <string.h>

#include "agent/operations.h"
#include "agent/paths.h"
#include "base/log.h"
#include "base/text.h"
#include "mesos/internal/agent_state.pb-c.h"

/* The directory of the volume @resource; NULL if it is none that the agent makes. [paths::getPersistentVolumePath] */
static char *volume_path(const struct agent *agent, const struct resource *resource) {
    const struct resource_kind *kind = resource->kind;
    const Mesos__V1__Resource__DiskInfo__Source *source = kind->message->disk != NULL ? kind->message->disk->source
                                                                                      : NULL;
    cleanup_free char *root = NULL;

    if (!kind->is_persistent || kind->provider_id != NULL)
        return NULL;
    if (kind->disk_source == DISK_NONE)
        return agent_path_volume(agent->work_dir, kind->reservation_role, kind->persistence_id);
    if (kind->disk_source == DISK_PATH && source->path != NULL && source->path->root != NULL) {
        root = source->path->root[0] == '/' ? xstrdup(source->path->root)
                                            : path_join(agent->work_dir, source->path->root);
        return agent_path_volume(root, kind->reservation_role, kind->persistence_id);
    }
    return NULL;
}

static int make_volumes(struct agent *agent, const struct resources *wanted, struct error *err) {
    for (uint32_t i = 0; i < wanted->count; i++) {
        cleanup_free char *path = volume_path(agent, &wanted->items[i]);

        if (path != NULL && env_make_directories(agent->env, path, err) < 0)
            return error_wrap(err, "creating the persistent volume '%s'", path);
    }
    return 0;
}

static bool is_volume_wanted(const struct agent *agent, const struct resources *wanted, const char *path) {
    for (uint32_t i = 0; i < wanted->count; i++) {
        cleanup_free char *other = volume_path(agent, &wanted->items[i]);

        if (other != NULL && strcmp(other, path) == 0)
            return true;
    }
    return false;
}

/* Remove what was a volume before and no longer is. A volume that was grown or shrunk stays. */
static void remove_volumes(struct agent *agent, const struct resources *old, const struct resources *wanted) {
    for (uint32_t i = 0; i < old->count; i++) {
        cleanup_free char *path = volume_path(agent, &old->items[i]);

        if (path == NULL || is_volume_wanted(agent, wanted, path))
            continue;
        log_info("Deleting persistent volume at '%s'", path);
        removals_add(&agent->removals, path);
    }
}

static int compute_total(struct agent *agent, const struct resources *checkpointed, struct resources *ret,
                         struct error *err) {
    if (resources_from_messages(agent->info->resources, agent->info->n_resources, ret, err) < 0)
        return -1;
    if (resources_apply_checkpointed(ret, checkpointed, err) < 0) {
        resources_done(ret);
        return error_wrap(err, "the checkpointed resources do not fit those of the agent");
    }
    return 0;
}

/* Both files that upstream has: the newer one is what counts, the older one is for agents before 1.8. */
void agent_write_resources(struct agent *agent) {
    cleanup_(arena_done) struct arena arena = ARENA_INIT;
    cleanup_free char *state_path = agent_path_resource_state(agent->meta_dir, false);
    cleanup_free char *info_path = agent_path_resources(agent->meta_dir, false);
    cleanup_buffer struct buffer records = BUFFER_INIT;
    Mesos__Internal__Slave__ResourceState state = MESOS__INTERNAL__SLAVE__RESOURCE_STATE__INIT;

    resources_to_messages(&agent->checkpointed, RESOURCE_FORMAT_NEW, &arena, &state.resources, &state.n_resources);
    state.n_operations = agent->operations.count;
    state.operations = agent_operations_list(agent, &arena);
    agent->operation_writes++;
    checkpoint_message(&agent->checkpoints, state_path, &state.base, agent_operations_written, agent);
    for (size_t i = 0; i < state.n_resources; i++) {
        ProtobufCMessage *copy = message_copy(&state.resources[i]->base, &arena);

        message_downgrade_resources(copy, &arena);
        checkpoint_append_record(&records, copy);
    }
    checkpoint_text(&agent->checkpoints, info_path, records.data, records.size, NULL, NULL);
}

int agent_set_checkpointed(struct agent *agent, struct resources *wanted, struct error *err) {
    cleanup_free char *old_text = NULL, *new_text = NULL;
    struct resources total;

    if (compute_total(agent, wanted, &total, err) < 0) {
        resources_done(wanted);
        return -1;
    }
    if (make_volumes(agent, wanted, err) < 0) {
        resources_done(wanted);
        resources_done(&total);
        return -1;
    }
    old_text = resources_text(&agent->checkpointed);
    new_text = resources_text(wanted);
    log_info("Updated checkpointed resources from %s to %s", old_text, new_text);
    remove_volumes(agent, &agent->checkpointed, wanted);
    resources_done(&agent->checkpointed);
    resources_done(&agent->total);
    resources_move(&agent->checkpointed, wanted);
    resources_move(&agent->total, &total);
    agent_write_resources(agent);
    return 0;
}

void agent_on_checkpoint_resources(struct agent *agent, Mesos__V1__Resource *const *resources, size_t count) {
    struct resources wanted, total;
    cleanup_error struct error err = ERROR_INIT;

    if (resources_from_messages(resources, count, &wanted, &err) < 0) {
        log_error("Ignoring resources to checkpoint: %s", error_message(&err));
        return;
    }
    if (resources_equal(&wanted, &agent->checkpointed)) {
        log_debug("Ignoring resources to checkpoint, which are there already");
        resources_done(&wanted);
        return;
    }
    if (compute_total(agent, &wanted, &total, &err) < 0) {
        log_error("Ignoring resources to checkpoint: %s", error_message(&err));
        resources_done(&wanted);
        return;
    }
    resources_done(&total);
    /* The master believes that the volumes are there; upstream exits, and so comes back without them. */
    if (agent_set_checkpointed(agent, &wanted, &err) < 0)
        agent_fail(agent, &err);
}

/* A list of records of Resource, as agents before 1.8 wrote it. */
static int read_old_file(struct agent *agent, const char *path, struct resources *ret, struct error *err) {
    cleanup_(arena_done) struct arena arena = ARENA_INIT;
    cleanup_buffer struct buffer content = BUFFER_INIT;
    size_t offset = 0;

    if (!env_file_exists(agent->env, path))
        return 0;
    if (env_file_read(agent->env, path, 64u << 20, &content, err) < 0)
        return -1;
    while (offset < content.size) {
        ProtobufCMessage *message;
        struct resources one;
        const size_t size = checkpoint_next_record(content.data + offset, content.size - offset,
                                                   &mesos__v1__resource__descriptor, &arena, &message);

        if (size == 0)
            return error_set(err, EBADMSG, "'%s' does not hold resources", path);
        if (resources_from_messages((Mesos__V1__Resource *const *)&message, 1, &one, err) < 0)
            return -1;
        resources_add(ret, &one);
        resources_done(&one);
        offset += size;
    }
    return 0;
}

static int read_checkpointed(struct agent *agent, struct resources *ret, struct error *err) {
    cleanup_(arena_done) struct arena arena = ARENA_INIT;
    cleanup_free char *state_path = agent_path_resource_state(agent->meta_dir, false);
    cleanup_free char *info_path = agent_path_resources(agent->meta_dir, false);
    const Mesos__Internal__Slave__ResourceState *state;
    ProtobufCMessage *message;
    int result;

    resources_init(ret);
    result = checkpoint_read_message(agent->env, state_path, &mesos__internal__slave__resource_state__descriptor,
                                     &arena, &message, err);
    if (result < 0)
        return -1;
    if (result == CHECKPOINT_ABSENT)
        return read_old_file(agent, info_path, ret, err);
    state = (const Mesos__Internal__Slave__ResourceState *)message;
    return resources_from_messages(state->resources, state->n_resources, ret, err);
}

int agent_recover_resources(struct agent *agent, struct error *err) {
    struct resources checkpointed, total;

    if (read_checkpointed(agent, &checkpointed, err) < 0) {
        resources_done(&checkpointed);
        if (agent->flags->strict)
            return error_wrap(err, "recovering the checkpointed resources");
        log_warning("Failed to recover the checkpointed resources: %s", error_message(err));
        error_done(err);
        metric_increment(&agent->metrics.recovery_errors);
        resources_init(&checkpointed);
    }
    if (compute_total(agent, &checkpointed, &total, err) < 0) {
        resources_done(&checkpointed);
        return -1;
    }
    if (make_volumes(agent, &checkpointed, err) < 0) {
        resources_done(&checkpointed);
        resources_done(&total);
        return -1;
    }
    resources_move(&agent->checkpointed, &checkpointed);
    resources_move(&agent->total, &total);
    resources_copy(&agent->durable_total, &agent->total);
    return 0;
}
