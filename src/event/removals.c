/* SPDX-License-Identifier: Apache-2.0 */
#include "event/removals.h"

#include <stdlib.h>

#include "base/log.h"
#include "base/memory.h"

struct removal {
    struct list member;
    struct env_file_operation operation;
    char *path;
};

static void forget(struct removal *removal) {
    list_remove(&removal->member);
    free(removal->path);
    free(removal);
}

static void on_removed(struct env_file_operation *operation, const struct error *err) {
    struct removal *removal = container_of(operation, struct removal, operation);

    if (err != NULL)
        log_error("Failed to remove '%s': %s", removal->path, error_message(err));
    forget(removal);
}

void removals_init(struct removals *removals, struct env *env) {
    removals->env = env;
    list_init(&removals->pending);
}

void removals_done(struct removals *removals) {
    struct removal *removal;

    if (removals->env == NULL)
        return;
    list_for_each (&removals->pending, removal, member) {
        env_file_operation_cancel(&removal->operation);
        forget(removal);
    }
}

void removals_add(struct removals *removals, const char *path) {
    struct removal *removal = new0(struct removal);

    removal->path = xstrdup(path);
    list_append(&removals->pending, &removal->member);
    env_remove_tree(&removal->operation, removals->env, path, on_removed);
}
