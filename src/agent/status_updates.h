/* SPDX-License-Identifier: Apache-2.0 */
/* The ordered, acknowledged delivery of status updates: each task has a stream; an update is written down before it is
 * sent, and the first of a stream is sent again and again until the framework has acknowledged it
 * (src/slave/task_status_update_manager.cpp). */
#pragma once

#include "agent/checkpoint.h"
#include "base/table.h"
#include "event/env.h"
#include "mesos/internal/messages.pb-c.h"

/* What the owner is told. */
struct update_events {
    /* @update is written down, or needs not be: whoever sent it need not keep it any longer. */
    void (*on_saved)(void *user, const Mesos__Internal__StatusUpdate *update);
    /* Send @update towards its framework. */
    void (*on_forward)(void *user, const Mesos__Internal__StatusUpdate *update);
};

struct update_manager {
    struct env *env;
    const struct update_events *events;
    void *user;
    struct table streams; /* of struct update_stream by "<framework>/<task>" */
    struct list closing;  /* of struct update_stream: ended, with a write under way */
    bool is_paused;
};

/* Starts paused. */
void update_manager_init(struct update_manager *manager, struct env *env, const struct update_events *events,
                         void *user);
void update_manager_done(struct update_manager *manager); /* accepts a zeroed one */

enum { UPDATE_DUPLICATE = 1 };

/* Take @update (copied), which has a uuid of 16 bytes. A new stream is kept in the file @path; NULL: in memory only.
 * on_saved follows, perhaps before this returns; also for a duplicate. Returns UPDATE_DUPLICATE for an update that the
 * stream has seen. */
int update_manager_add(struct update_manager *manager, const Mesos__Internal__StatusUpdate *update, const char *path);

/* The framework has the update @uuid. Fails if that is not the one that waits for it. *@ret_is_ended tells that it was
 * the last of its task: the stream is gone. */
int update_manager_acknowledge(struct update_manager *manager, const char *framework_id, const char *task_id,
                               const ProtobufCBinaryData *uuid, bool *ret_is_ended, struct error *err);

/* The file of one task's updates, as an earlier agent left it. */
struct update_file {
    char *path;
    Mesos__Internal__StatusUpdate **updates; /* in their order */
    size_t count;
    struct table acknowledged; /* by uuid, 16 bytes */
    size_t size;               /* of the whole records at its front */
    bool is_damaged;           /* something else follows them */
    struct arena arena;
};

/* Returns CHECKPOINT_ABSENT if there is none. @file must be released in any case. */
int update_file_read(struct update_file *file, struct env *env, const char *path, struct error *err);
void update_file_done(struct update_file *file);

/* Take up the stream that is in @file. */
void update_manager_replay(struct update_manager *manager, const char *framework_id, const char *task_id,
                           const struct update_file *file);

/* No updates are sent while paused, as there is no master. Resuming sends the first of each stream again. */
void update_manager_pause(struct update_manager *manager);
void update_manager_resume(struct update_manager *manager);

/* Drop the streams of a framework. */
void update_manager_drop_framework(struct update_manager *manager, const char *framework_id);

/* Whether some update is not yet acknowledged (for tests and orderly ends). */
size_t update_manager_pending(const struct update_manager *manager);
