/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/checkpoint.h"

#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "mesos/v1/mesos.pb-c.h"
#include "model/resources.h"

/* A file of one message; upstream has no limit either, but a damaged length must not exhaust the memory. */
#define FILE_LIMIT_BYTES (64u << 20)

struct checkpoint {
    struct list member;
    struct env_file_operation operation;
    checkpoint_done *on_done;
    void *owner;
    char *path;
};

void checkpoints_init(struct checkpoints *checkpoints, struct env *env) {
    checkpoints->env = env;
    list_init(&checkpoints->pending);
}

static void checkpoint_free(struct checkpoint *checkpoint) {
    list_remove(&checkpoint->member);
    free(checkpoint->path);
    free(checkpoint);
}

void checkpoints_done(struct checkpoints *checkpoints) {
    struct checkpoint *checkpoint;

    if (checkpoints->env == NULL)
        return;
    list_for_each (&checkpoints->pending, checkpoint, member) {
        env_file_operation_cancel(&checkpoint->operation);
        checkpoint_free(checkpoint);
    }
}

static void on_written(struct env_file_operation *operation, const struct error *err) {
    struct checkpoint *checkpoint = container_of(operation, struct checkpoint, operation);
    checkpoint_done *on_done = checkpoint->on_done;
    void *owner = checkpoint->owner;

    if (err != NULL)
        log_error("Failed to checkpoint to '%s': %s", checkpoint->path, error_message(err));
    checkpoint_free(checkpoint);
    if (on_done != NULL)
        on_done(owner, err);
}

void checkpoint_text(struct checkpoints *checkpoints, const char *path, const char *text, size_t size,
                     checkpoint_done *on_done, void *owner) {
    struct checkpoint *checkpoint = new0(struct checkpoint);
    cleanup_free char *directory = xstrdup(path);
    cleanup_error struct error err = ERROR_INIT;
    char *slash = strrchr(directory, '/');

    if (slash != NULL && slash != directory) {
        *slash = '\0';
        /* The write fails by itself, in its own time, if the directory could not be made. */
        if (env_make_directories(checkpoints->env, directory, &err) < 0)
            log_error("Failed to create '%s': %s", directory, error_message(&err));
    }
    checkpoint->path = xstrdup(path);
    checkpoint->on_done = on_done;
    checkpoint->owner = owner;
    list_append(&checkpoints->pending, &checkpoint->member);
    env_file_write(&checkpoint->operation, checkpoints->env, path, text, size, on_written);
}

void checkpoint_append_record(struct buffer *buffer, const ProtobufCMessage *message) {
    const size_t before = buffer->size;
    size_t size;

    buffer_append(buffer, "\0\0\0\0", 4);
    message_encode(message, buffer);
    size = buffer->size - before - 4;
    for (int i = 0; i < 4; i++)
        buffer->data[before + (size_t)i] = (char)(size >> (8 * i));
}

static void append_old_format(struct buffer *buffer, const ProtobufCMessage *message) {
    cleanup_(arena_done) struct arena arena = ARENA_INIT;
    ProtobufCMessage *copy = message_copy(message, &arena);

    message_downgrade_resources(copy, &arena);
    checkpoint_append_record(buffer, copy);
}

void checkpoint_message(struct checkpoints *checkpoints, const char *path, const ProtobufCMessage *message,
                        checkpoint_done *on_done, void *owner) {
    cleanup_buffer struct buffer record = BUFFER_INIT;

    append_old_format(&record, message);
    checkpoint_text(checkpoints, path, record.data, record.size, on_done, owner);
}

void checkpoints_forget(struct checkpoints *checkpoints, const void *owner) {
    struct checkpoint *checkpoint;

    list_for_each (&checkpoints->pending, checkpoint, member) {
        if (checkpoint->owner == owner)
            checkpoint->on_done = NULL;
    }
}

int checkpoint_message_now(struct env *env, const char *path, const ProtobufCMessage *message, struct error *err) {
    cleanup_buffer struct buffer record = BUFFER_INIT;

    append_old_format(&record, message);
    return env_file_write_now(env, path, record.data, record.size, err);
}

size_t checkpoint_next_record(const char *data, size_t size, const ProtobufCMessageDescriptor *descriptor,
                              struct arena *arena, ProtobufCMessage **ret) {
    const unsigned char *bytes = (const unsigned char *)data;
    size_t length;

    if (size < 4)
        return 0;
    length = bytes[0] | (size_t)bytes[1] << 8 | (size_t)bytes[2] << 16 | (size_t)bytes[3] << 24;
    if (length > size - 4 || message_decode(descriptor, data + 4, length, arena, ret, NULL) < 0)
        return 0;
    return length + 4;
}

int checkpoint_read_message(struct env *env, const char *path, const ProtobufCMessageDescriptor *descriptor,
                            struct arena *arena, ProtobufCMessage **ret, struct error *err) {
    cleanup_buffer struct buffer content = BUFFER_INIT;

    if (!env_file_exists(env, path))
        return CHECKPOINT_ABSENT;
    if (env_file_read(env, path, FILE_LIMIT_BYTES, &content, err) < 0)
        return -1;
    if (content.size == 0)
        return CHECKPOINT_ABSENT;
    if (checkpoint_next_record(content.data, content.size, descriptor, arena, ret) == 0)
        return error_set(err, EBADMSG, "'%s' does not hold a %s", path, descriptor->name);
    message_upgrade_resources(*ret, arena);
    return 0;
}

int checkpoint_read_text(struct env *env, const char *path, char **ret, struct error *err) {
    struct buffer content = BUFFER_INIT;

    if (!env_file_exists(env, path))
        return CHECKPOINT_ABSENT;
    if (env_file_read(env, path, FILE_LIMIT_BYTES, &content, err) < 0) {
        buffer_done(&content);
        return -1;
    }
    if (content.size == 0) {
        buffer_done(&content);
        return CHECKPOINT_ABSENT;
    }
    *ret = buffer_take(&content, NULL);
    return 0;
}

typedef void change_resource(Mesos__V1__Resource *resource, struct arena *arena);

static void downgrade(Mesos__V1__Resource *resource, struct arena *arena) {
    /* A refined reservation has no old form and stays as it is. */
    resource_message_downgrade(resource, arena, NULL);
}

static void upgrade(Mesos__V1__Resource *resource, struct arena *arena) {
    resource_message_upgrade(resource, arena);
}

static void change_resources(ProtobufCMessage *message, change_resource *change, struct arena *arena) {
    const ProtobufCMessageDescriptor *descriptor = message->descriptor;

    if (descriptor == &mesos__v1__resource__descriptor) {
        change((Mesos__V1__Resource *)message, arena);
        return;
    }
    for (unsigned i = 0; i < descriptor->n_fields; i++) {
        const ProtobufCFieldDescriptor *field = &descriptor->fields[i];
        char *member = (char *)message + field->offset;

        if (field->type != PROTOBUF_C_TYPE_MESSAGE)
            continue;
        if (field->label == PROTOBUF_C_LABEL_REPEATED) {
            const size_t count = *(const size_t *)((const char *)message + field->quantifier_offset);
            ProtobufCMessage **items = *(ProtobufCMessage ***)member;

            for (size_t j = 0; j < count; j++)
                change_resources(items[j], change, arena);
        } else if (*(ProtobufCMessage **)member != NULL) {
            change_resources(*(ProtobufCMessage **)member, change, arena);
        }
    }
}

void message_downgrade_resources(ProtobufCMessage *message, struct arena *arena) {
    change_resources(message, downgrade, arena);
}

void message_upgrade_resources(ProtobufCMessage *message, struct arena *arena) {
    change_resources(message, upgrade, arena);
}
