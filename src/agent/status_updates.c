/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/status_updates.h"

#include <errno.h>
#include <string.h>

#include "agent/checkpoint.h"
#include "base/log.h"
#include "base/text.h"
#include "model/task_state.h"

#define RETRY_LEAST (10 * SECOND)
#define RETRY_MOST (10 * MINUTE)
#define REPAIR_DELAY SECOND
/* What is read back of one task's file to repair it. */
#define FILE_LIMIT_BYTES (256u << 20)

struct update {
    struct list member;
    Mesos__Internal__StatusUpdate *message;
    uint64_t end;  /* in the stream of all bytes: it is saved once so many are */
    bool is_saved; /* and on_saved was called */
};

struct seen_uuid {
    bool is_acknowledged;
    uint8_t bytes[UUID_BYTES];
};

/*
 *     ADD --> pending --(saved, first)--> sent --(acknowledged)--> gone
 *                                         ^  |
 *                                         '--' again after 10 s, 20 s, … 10 min
 */
struct update_stream {
    struct update_manager *manager;
    char *key;
    size_t framework_size; /* of its id, at the front of the key */
    char *path;            /* NULL: in memory only */
    struct list in_closing;
    struct list pending; /* of struct update, oldest first; the head awaits its acknowledgement */
    struct table seen;   /* of struct seen_uuid */
    bool is_ended;       /* the terminal update is acknowledged */
    bool is_sent;        /* the head has been forwarded */
    struct env_timer retry;
    int64_t interval_ns;
    /* The file: bytes under way, and those that wait for them. */
    struct env_file_operation operation;
    struct buffer writing, waiting;
    uint64_t begun, saved; /* counts of bytes */
    bool has_update;       /* among those that wait: not acknowledgements alone */
    bool is_broken;        /* the last write failed: what is in the file must be looked at first */
    struct env_timer repair;
};

static void on_retry(struct env_timer *timer);
static void on_repair(struct env_timer *timer);
static void flush(struct update_stream *stream);

void update_manager_init(struct update_manager *manager, struct env *env, const struct update_events *events,
                         void *user) {
    *manager = (struct update_manager){.env = env, .events = events, .user = user, .is_paused = true};
    table_init(&manager->streams);
    list_init(&manager->closing);
}

static void update_free(struct update *update) {
    list_remove(&update->member);
    MESSAGE_FREE(update->message);
    free(update);
}

static void update_stream_free(struct update_stream *stream) {
    struct update *update;
    struct seen_uuid *uuid;

    env_timer_done(&stream->retry);
    env_timer_done(&stream->repair);
    env_file_operation_cancel(&stream->operation);
    list_for_each (&stream->pending, update, member)
        update_free(update);
    table_for_each (&stream->seen, uuid)
        free(uuid);
    table_done(&stream->seen);
    buffer_done(&stream->writing);
    buffer_done(&stream->waiting);
    list_remove(&stream->in_closing);
    free(stream->key);
    free(stream->path);
    free(stream);
}

void update_manager_done(struct update_manager *manager) {
    struct update_stream *stream;

    if (manager->env == NULL)
        return;
    table_for_each (&manager->streams, stream)
        update_stream_free(stream);
    table_done(&manager->streams);
    list_for_each (&manager->closing, stream, in_closing)
        update_stream_free(stream);
}

static struct update_stream *find(const struct update_manager *manager, const char *framework_id, const char *task_id) {
    cleanup_free char *key = xasprintf("%s/%s", framework_id, task_id);

    return table_find(&manager->streams, key);
}

static struct update_stream *create(struct update_manager *manager, const char *framework_id, const char *task_id,
                                    const char *path) {
    struct update_stream *stream = new0(struct update_stream);

    stream->manager = manager;
    stream->key = xasprintf("%s/%s", framework_id, task_id);
    stream->framework_size = strlen(framework_id);
    stream->path = xstrdup(path);
    list_init(&stream->pending);
    table_init(&stream->seen);
    env_timer_init(&stream->retry, manager->env, on_retry);
    env_timer_init(&stream->repair, manager->env, on_repair);
    table_add(&manager->streams, stream->key, stream);
    return stream;
}

/* Take the stream out of the table; it is released once its last bytes are written. */
static void close_stream(struct update_stream *stream) {
    table_remove(&stream->manager->streams, stream->key);
    env_timer_stop(&stream->retry);
    if (stream->path != NULL && (env_file_operation_is_pending(&stream->operation) || stream->waiting.size > 0))
        list_append(&stream->manager->closing, &stream->in_closing);
    else
        update_stream_free(stream);
}

/* Send the head if it may be sent and was not. */
static void forward(struct update_stream *stream) {
    struct update *head = list_first(&stream->pending, struct update, member);

    if (stream->manager->is_paused || stream->is_sent || head == NULL || !head->is_saved ||
        list_is_linked(&stream->in_closing))
        return;
    stream->is_sent = true;
    stream->interval_ns = RETRY_LEAST;
    env_timer_start(&stream->retry, stream->interval_ns);
    stream->manager->events->on_forward(stream->manager->user, head->message);
}

static void on_retry(struct env_timer *timer) {
    struct update_stream *stream = container_of(timer, struct update_stream, retry);
    struct update *head = list_first(&stream->pending, struct update, member);

    if (stream->manager->is_paused || head == NULL || !stream->is_sent)
        return;
    log_warning("Resending the status update %s of task %s",
                task_state_name((enum task_state)head->message->status->state), head->message->status->task_id->value);
    stream->interval_ns = stream->interval_ns * 2 < RETRY_MOST ? stream->interval_ns * 2 : RETRY_MOST;
    env_timer_start(&stream->retry, stream->interval_ns);
    stream->manager->events->on_forward(stream->manager->user, head->message);
}

/* The file has all bytes up to stream->saved: tell of the updates that are in them. */
static void tell_saved(struct update_stream *stream) {
    struct update *update;

    list_for_each (&stream->pending, update, member) {
        if (update->is_saved || update->end > stream->saved)
            continue;
        update->is_saved = true;
        if (!list_is_linked(&stream->in_closing))
            stream->manager->events->on_saved(stream->manager->user, update->message);
    }
    forward(stream);
}

static void on_written(struct env_file_operation *operation, const struct error *err) {
    struct update_stream *stream = container_of(operation, struct update_stream, operation);

    if (err != NULL) {
        log_error("Failed to write status updates to '%s': %s; trying again", stream->path, error_message(err));
        stream->is_broken = true;
        env_timer_start(&stream->repair, REPAIR_DELAY);
        return;
    }
    stream->is_broken = false;
    stream->saved = stream->begun;
    buffer_clear(&stream->writing);
    tell_saved(stream);
    flush(stream);
    if (list_is_linked(&stream->in_closing) && !env_file_operation_is_pending(&stream->operation))
        update_stream_free(stream);
}

static void flush(struct update_stream *stream) {
    if (env_file_operation_is_pending(&stream->operation) || stream->is_broken || stream->waiting.size == 0)
        return;
    buffer_swap(&stream->writing, &stream->waiting);
    stream->begun += stream->writing.size;
    /* An acknowledgement that is lost with the machine means no more than that its update comes once again. */
    if (stream->has_update)
        env_file_append(&stream->operation, stream->manager->env, stream->path, stream->writing.data,
                        stream->writing.size, on_written);
    else
        env_file_append_unsynced(&stream->operation, stream->manager->env, stream->path, stream->writing.data,
                                 stream->writing.size, on_written);
    stream->has_update = false;
}

/* A failed append may have left a part of a record: write the whole file anew, from its readable records and what could
 * not be written. */
static void on_repair(struct env_timer *timer) {
    struct update_stream *stream = container_of(timer, struct update_stream, repair);
    cleanup_buffer struct buffer content = BUFFER_INIT;
    cleanup_error struct error err = ERROR_INIT;
    cleanup_(arena_done) struct arena arena = ARENA_INIT;
    size_t whole = 0, size;

    if (env_file_exists(stream->manager->env, stream->path) &&
        env_file_read(stream->manager->env, stream->path, FILE_LIMIT_BYTES, &content, &err) < 0) {
        log_error("Failed to read '%s': %s; trying again", stream->path, error_message(&err));
        env_timer_start(&stream->repair, REPAIR_DELAY);
        return;
    }
    do {
        ProtobufCMessage *record;

        size = checkpoint_next_record(content.data + whole, content.size - whole,
                                      &mesos__internal__status_update_record__descriptor, &arena, &record);
        /* Records of the failed write may be there whole; they come again from `writing`. */
        if (whole == stream->saved || whole + size > stream->saved)
            break;
        whole += size;
    } while (size > 0);
    content.size = whole;
    buffer_append(&content, stream->writing.data, stream->writing.size);
    env_file_write(&stream->operation, stream->manager->env, stream->path, content.data, content.size, on_written);
}

/* Remember a uuid; false if it was known. */
static bool remember(struct update_stream *stream, const uint8_t *uuid) {
    struct seen_uuid *seen = new0(struct seen_uuid);

    memcpy(seen->bytes, uuid, UUID_BYTES);
    if (table_add_sized(&stream->seen, seen->bytes, UUID_BYTES, seen))
        return true;
    free(seen);
    return false;
}

static struct update *enqueue(struct update_stream *stream, const Mesos__Internal__StatusUpdate *message) {
    struct update *update = new0(struct update);

    update->message = MESSAGE_COPY(message);
    list_append(&stream->pending, &update->member);
    return update;
}

int update_manager_add(struct update_manager *manager, const Mesos__Internal__StatusUpdate *message, const char *path) {
    const char *framework_id = message->framework_id->value, *task_id = message->status->task_id->value;
    struct update_stream *stream = find(manager, framework_id, task_id);
    struct update *update;

    if (stream == NULL)
        stream = create(manager, framework_id, task_id, path);
    if (!remember(stream, message->uuid.data)) {
        log_warning("Ignoring the status update %s of task %s, which was received before",
                    task_state_name((enum task_state)message->status->state), task_id);
        list_for_each (&stream->pending, update, member) {
            /* It is told of once it is saved. */
            if (!update->is_saved && memcmp(update->message->uuid.data, message->uuid.data, UUID_BYTES) == 0)
                return UPDATE_DUPLICATE;
        }
        manager->events->on_saved(manager->user, message);
        return UPDATE_DUPLICATE;
    }
    update = enqueue(stream, message);
    if (stream->path == NULL) {
        tell_saved(stream);
        return 0;
    }
    {
        Mesos__Internal__StatusUpdateRecord record = MESOS__INTERNAL__STATUS_UPDATE_RECORD__INIT;

        record.type = MESOS__INTERNAL__STATUS_UPDATE_RECORD__TYPE__UPDATE;
        record.update = update->message;
        checkpoint_append_record(&stream->waiting, &record.base);
    }
    update->end = stream->begun + stream->waiting.size;
    stream->has_update = true;
    flush(stream);
    return 0;
}

int update_manager_acknowledge(struct update_manager *manager, const char *framework_id, const char *task_id,
                               const ProtobufCBinaryData *uuid, bool *ret_is_ended, struct error *err) {
    struct update_stream *stream = find(manager, framework_id, task_id);
    struct update *head;
    struct seen_uuid *seen;

    if (stream == NULL)
        return error_set(err, ENOENT, "there are no updates of task %s of framework %s", task_id, framework_id);
    seen = table_find_sized(&stream->seen, uuid->data, uuid->len);
    if (seen != NULL && seen->is_acknowledged)
        return error_set(err, EALREADY, "it was acknowledged before");
    head = list_first(&stream->pending, struct update, member);
    if (head == NULL || !head->is_saved || uuid->len != UUID_BYTES ||
        memcmp(head->message->uuid.data, uuid->data, UUID_BYTES) != 0)
        return error_set(err, EINVAL, "it does not belong to the update of task %s that waits for one", task_id);
    seen->is_acknowledged = true;
    if (stream->path != NULL) {
        Mesos__Internal__StatusUpdateRecord record = MESOS__INTERNAL__STATUS_UPDATE_RECORD__INIT;

        record.type = MESOS__INTERNAL__STATUS_UPDATE_RECORD__TYPE__ACK;
        record.has_uuid = true;
        record.uuid = head->message->uuid;
        checkpoint_append_record(&stream->waiting, &record.base);
        flush(stream);
    }
    stream->is_ended = task_state_is_terminal((enum task_state)head->message->status->state);
    *ret_is_ended = stream->is_ended;
    update_free(head);
    stream->is_sent = false;
    env_timer_stop(&stream->retry);
    if (stream->is_ended) {
        if (!list_is_empty(&stream->pending))
            log_warning("The last update of task %s is acknowledged, later ones are dropped", task_id);
        close_stream(stream);
        return 0;
    }
    forward(stream);
    return 0;
}

int update_file_read(struct update_file *file, struct env *env, const char *path, struct error *err) {
    cleanup_buffer struct buffer content = BUFFER_INIT;
    size_t size, capacity = 0;

    *file = (struct update_file){.path = xstrdup(path)};
    if (!env_file_exists(env, path))
        return CHECKPOINT_ABSENT;
    if (env_file_read(env, path, FILE_LIMIT_BYTES, &content, err) < 0)
        return -1;
    for (;;) {
        ProtobufCMessage *message;
        const Mesos__Internal__StatusUpdateRecord *record;

        size = checkpoint_next_record(content.data + file->size, content.size - file->size,
                                      &mesos__internal__status_update_record__descriptor, &file->arena, &message);
        if (size == 0)
            break;
        file->size += size;
        record = (const Mesos__Internal__StatusUpdateRecord *)message;
        if (record->type == MESOS__INTERNAL__STATUS_UPDATE_RECORD__TYPE__ACK) {
            if (record->uuid.len == UUID_BYTES)
                table_add_sized(&file->acknowledged, record->uuid.data, UUID_BYTES, record->uuid.data);
        } else if (record->update != NULL && record->update->uuid.len == UUID_BYTES) {
            if (file->count == capacity) {
                capacity = capacity == 0 ? 8 : 2 * capacity;
                file->updates = xrealloc(file->updates, capacity * sizeof(*file->updates));
            }
            file->updates[file->count++] = record->update;
        }
    }
    file->is_damaged = file->size < content.size;
    return 0;
}

void update_file_done(struct update_file *file) {
    free(file->path);
    free(file->updates);
    table_done(&file->acknowledged);
    arena_done(&file->arena);
}

void update_manager_replay(struct update_manager *manager, const char *framework_id, const char *task_id,
                           const struct update_file *file) {
    struct update_stream *stream = create(manager, framework_id, task_id, file->path);

    stream->begun = stream->saved = file->size;

    for (size_t i = 0; i < file->count; i++) {
        const ProtobufCBinaryData *uuid = &file->updates[i]->uuid;
        struct seen_uuid *seen;

        if (!remember(stream, uuid->data))
            continue;
        seen = table_find_sized(&stream->seen, uuid->data, UUID_BYTES);
        seen->is_acknowledged = table_find_sized(&file->acknowledged, uuid->data, UUID_BYTES) != NULL;
        if (!seen->is_acknowledged)
            enqueue(stream, file->updates[i])->is_saved = true;
        else if (task_state_is_terminal((enum task_state)file->updates[i]->status->state))
            stream->is_ended = true;
    }
    if (file->is_damaged && !stream->is_ended) {
        stream->is_broken = true;
        env_timer_start(&stream->repair, 0);
    }
    if (stream->is_ended)
        close_stream(stream);
}

void update_manager_pause(struct update_manager *manager) {
    struct update_stream *stream;

    manager->is_paused = true;
    table_for_each (&manager->streams, stream) {
        stream->is_sent = false;
        env_timer_stop(&stream->retry);
    }
}

void update_manager_resume(struct update_manager *manager) {
    struct update_stream *stream;

    manager->is_paused = false;
    table_for_each (&manager->streams, stream) {
        stream->is_sent = false;
        forward(stream);
    }
}

void update_manager_drop_framework(struct update_manager *manager, const char *framework_id) {
    const size_t size = strlen(framework_id);
    struct update_stream *stream;

    table_for_each (&manager->streams, stream) {
        if (stream->framework_size == size && memcmp(stream->key, framework_id, size) == 0)
            close_stream(stream);
    }
}

size_t update_manager_pending(const struct update_manager *manager) {
    struct update_stream *stream;
    size_t count = 0;

    table_for_each (&manager->streams, stream)
        count += !list_is_empty(&stream->pending);
    return count;
}
