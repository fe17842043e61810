/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/gc.h"

#include "base/log.h"

struct gc_path {
    struct gc *gc;
    char *path;
    int64_t due_ns;
    bool is_removing;
    struct env_file_operation operation;
};

static void on_timer(struct env_timer *timer);

static double count_pending(void *user) {
    return (double)((struct gc *)user)->paths.count;
}

void gc_init(struct gc *gc, struct env *env, const struct gc_events *events, void *user, struct metrics *metrics) {
    *gc = (struct gc){.env = env, .events = events, .user = user};
    table_init(&gc->paths);
    env_timer_init(&gc->timer, env, on_timer);
    metrics_add(metrics, &gc->succeeded, METRIC_COUNTER, "gc/path_removals_succeeded");
    metrics_add(metrics, &gc->failed, METRIC_COUNTER, "gc/path_removals_failed");
    metrics_add_reader(metrics, &gc->pending, count_pending, gc, "gc/path_removals_pending");
}

static void gc_path_free(struct gc_path *path) {
    table_remove(&path->gc->paths, path->path);
    env_file_operation_cancel(&path->operation);
    free(path->path);
    free(path);
}

void gc_done(struct gc *gc, struct metrics *metrics) {
    struct gc_path *path;

    if (gc->env == NULL)
        return;
    table_for_each (&gc->paths, path)
        gc_path_free(path);
    table_done(&gc->paths);
    env_timer_done(&gc->timer);
    metrics_remove(metrics, &gc->succeeded);
    metrics_remove(metrics, &gc->failed);
    metrics_remove(metrics, &gc->pending);
}

static void set_timer(struct gc *gc) {
    struct gc_path *path;
    int64_t due_ns = INT64_MAX;

    table_for_each (&gc->paths, path) {
        if (!path->is_removing && path->due_ns < due_ns)
            due_ns = path->due_ns;
    }
    gc->next_ns = due_ns;
    if (due_ns == INT64_MAX)
        env_timer_stop(&gc->timer);
    else
        env_timer_start(&gc->timer, due_ns - env_now(gc->env));
}

static void on_removed(struct env_file_operation *operation, const struct error *err) {
    struct gc_path *path = container_of(operation, struct gc_path, operation);
    struct gc *gc = path->gc;
    cleanup_free char *name = xstrdup(path->path);

    if (err != NULL) {
        log_warning("Failed to delete '%s': %s", name, error_message(err));
        metric_increment(&gc->failed);
    } else {
        log_info("Deleted '%s'", name);
        metric_increment(&gc->succeeded);
    }
    gc_path_free(path);
    gc->events->on_removed(gc->user, name, err);
}

static void remove_due(struct gc *gc, int64_t until_ns) {
    struct gc_path *path;

    table_for_each (&gc->paths, path) {
        if (path->is_removing || path->due_ns > until_ns)
            continue;
        log_info("Deleting '%s'", path->path);
        path->is_removing = true;
        env_remove_tree(&path->operation, gc->env, path->path, on_removed);
    }
    set_timer(gc);
}

static void on_timer(struct env_timer *timer) {
    struct gc *gc = container_of(timer, struct gc, timer);

    remove_due(gc, env_now(gc->env));
}

void gc_schedule(struct gc *gc, const char *name, int64_t delay_ns) {
    struct gc_path *path = table_find(&gc->paths, name);

    if (path == NULL) {
        path = new0(struct gc_path);
        path->gc = gc;
        path->path = xstrdup(name);
        table_add(&gc->paths, path->path, path);
    }
    path->due_ns = env_now(gc->env) + (delay_ns > 0 ? delay_ns : 0);
    if (!env_timer_is_running(&gc->timer) || path->due_ns < gc->next_ns)
        set_timer(gc);
}

enum gc_unschedule gc_unschedule(struct gc *gc, const char *name) {
    struct gc_path *path = table_find(&gc->paths, name);

    if (path == NULL)
        return GC_FREE;
    if (path->is_removing)
        return GC_REMOVING;
    gc_path_free(path);
    return GC_FREE;
}

void gc_prune(struct gc *gc, int64_t delay_ns) {
    remove_due(gc, env_now(gc->env) + delay_ns);
}
