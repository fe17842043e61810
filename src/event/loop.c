/* SPDX-License-Identifier: Apache-2.0 */
#include "event/loop.h"

#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "event/loop_internal.h"

int error_uv(struct error *err, int code, const char *format, ...) {
    va_list arguments;
    char *context;

    if (err == NULL)
        return -1;
    va_start(arguments, format);
    context = xvasprintf(format, arguments);
    va_end(arguments);
    /* The texts of errno are those users know; libuv's own are only for what errno lacks, such as EAI_*. */
    error_set(err, -code, "%s: %s", context, code > -1000 ? strerror(-code) : uv_strerror(code));
    free(context);
    return -1;
}

/* Time and chance */

static int64_t loop_now(struct env *env) {
    struct loop *loop = env_loop(env);

    if (!loop->running)
        return (int64_t)uv_hrtime();
    if (loop->now == 0)
        loop->now = (int64_t)uv_hrtime();
    return loop->now;
}

static int64_t loop_wall_clock(struct env *env) {
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * SECOND + now.tv_nsec;
}

static void read_random(void *bytes, size_t size) {
    size_t got = 0;

    while (got < size) {
        ssize_t count = getrandom((char *)bytes + got, size - got, 0);

        if (count < 0 && errno != EINTR)
            abort(); /* only a kernel without getrandom() comes here */
        if (count > 0)
            got += (size_t)count;
    }
}

static void loop_random_bytes(struct env *env, void *bytes, size_t size) {
    struct loop *loop = env_loop(env);
    uint8_t *from;

    if (size > RANDOM_POOL_BYTES) {
        read_random(bytes, size);
        return;
    }
    if (size > loop->random_left) {
        read_random(loop->random_pool, RANDOM_POOL_BYTES);
        loop->random_left = RANDOM_POOL_BYTES;
    }
    loop->random_left -= size;
    from = loop->random_pool + loop->random_left;
    memcpy(bytes, from, size);
    memset(from, 0, size); /* what has been given away is not kept */
}

/* Timers */

static void on_timer(uv_timer_t *handle) {
    struct loop *loop = handle->data;
    uint64_t added = loop->env.timers.added;
    struct env_timer *timer;
    int64_t now;

    loop->armed_ms = INT64_MAX;
    loop_enter(loop);
    now = loop_now(&loop->env);
    while ((timer = env_take_due_timer(&loop->env, now, added)) != NULL) {
        loop_enter(loop);
        timer->on_fire(timer);
    }
}

/* The timer is set once a turn, to the first whole millisecond at which the earliest of the env's timers is due, so
 * that it never fires too early; or to now, if that one is due already. */
static void arm_timer(struct loop *loop) {
    struct heap_member *top = heap_top(&loop->env.timers);
    int64_t due_ms, now_ms = (int64_t)uv_now(&loop->uv);

    if (top == NULL) {
        if (loop->armed_ms != INT64_MAX)
            uv_timer_stop(&loop->timer);
        loop->armed_ms = INT64_MAX;
        return;
    }
    due_ms = top->key / MILLISECOND + (top->key % MILLISECOND != 0);
    if (top->key <= loop_now(&loop->env))
        due_ms = now_ms;
    if (due_ms == loop->armed_ms)
        return;
    loop->armed_ms = due_ms;
    uv_timer_start(&loop->timer, on_timer, due_ms > now_ms ? (uint64_t)(due_ms - now_ms) : 0, 0);
}

static void timers_changed(struct env *env) {
    /* arm_timer() looks before each wait. */
}

/* Deferred work */

static void on_busy(uv_idle_t *handle) {
    /* Its being active keeps the loop from waiting. */
}

static void run_deferred(struct loop *loop) {
    struct list batch;

    /* What is deferred meanwhile waits for the next turn, so that sockets and timers get theirs. */
    list_init(&batch);
    if (!list_is_empty(&loop->deferred)) {
        list_insert_between(&batch, loop->deferred.previous, loop->deferred.next);
        list_init(&loop->deferred);
    }
    while (!list_is_empty(&batch)) {
        struct deferred *deferred = list_first(&batch, struct deferred, member);

        list_remove(&deferred->member);
        loop_enter(loop);
        deferred->run(deferred);
    }
}

static void on_before_wait(uv_prepare_t *handle) {
    struct loop *loop = handle->data;

    run_deferred(loop);
    if (list_is_empty(&loop->deferred))
        uv_idle_stop(&loop->busy);
    else
        uv_idle_start(&loop->busy, on_busy);
    arm_timer(loop);
    loop_enter(loop);
}

/* Posts from other threads */

static void on_posted(uv_async_t *handle) {
    struct loop *loop = handle->data;
    struct post *posts;
    size_t count;

    pthread_mutex_lock(&loop->posts_lock);
    posts = loop->posts;
    count = loop->post_count;
    loop->posts = NULL;
    loop->post_count = loop->post_capacity = 0;
    pthread_mutex_unlock(&loop->posts_lock);
    for (size_t i = 0; i < count; i++) {
        loop_enter(loop);
        posts[i].callback(posts[i].user);
    }
    free(posts);
}

void loop_post(struct loop *loop, void (*callback)(void *user), void *user) {
    pthread_mutex_lock(&loop->posts_lock);
    if (loop->post_count == loop->post_capacity) {
        loop->post_capacity = loop->post_capacity == 0 ? 16 : loop->post_capacity * 2;
        loop->posts = xrealloc(loop->posts, loop->post_capacity * sizeof(loop->posts[0]));
    }
    loop->posts[loop->post_count++] = (struct post){callback, user};
    pthread_mutex_unlock(&loop->posts_lock);
    uv_async_send(&loop->posted);
}

/* Blocking work */

struct work {
    uv_work_t request;
    void (*work)(void *user);
    void (*done)(void *user);
    void *user;
};

static void run_work(uv_work_t *request) {
    struct work *work = container_of(request, struct work, request);

    work->work(work->user);
}

static void on_worked(uv_work_t *request, int status) {
    struct work *work = container_of(request, struct work, request);
    void (*done)(void *user) = work->done;
    void *user = work->user;

    loop_enter(container_of(request->loop, struct loop, uv));
    free(work);
    done(user);
}

void loop_work(struct loop *loop, void (*work)(void *user), void (*done)(void *user), void *user) {
    struct work *item = new0(struct work);

    item->work = work;
    item->done = done;
    item->user = user;
    uv_queue_work(&loop->uv, &item->request, run_work, on_worked);
}

/* The loop itself */

static enum env_fate message_fate(struct env *env, const struct address *to) {
    return ENV_DELIVER;
}

static const struct env_ops loop_env_ops = {
    .now = loop_now,
    .wall_clock = loop_wall_clock,
    .random_bytes = loop_random_bytes,
    .timers_changed = timers_changed,
    .listen = loop_listen,
    .connect = loop_connect,
    .file_read = loop_file_read,
    .file_exists = loop_file_exists,
    .make_directories = loop_make_directories,
    .symlink = loop_symlink,
    .read_link = loop_read_link,
    .list_directory = loop_list_directory,
    .file_write_now = loop_file_write_now,
    .file_remove = loop_file_remove,
    .file_modified = loop_file_modified,
    .file_open = loop_file_open,
    .open_file_read = loop_open_file_read,
    .open_file_close = loop_open_file_close,
    .file_write = loop_file_write,
    .remove_tree = loop_remove_tree,
    .cancel = loop_file_cancel,
    .message_fate = message_fate,
};

struct loop *loop_new(struct error *err) {
    struct loop *loop = new0(struct loop);
    int result = uv_loop_init(&loop->uv);

    if (result == 0) {
        result = uv_async_init(&loop->uv, &loop->posted, on_posted);
        if (result < 0)
            uv_loop_close(&loop->uv);
    }
    if (result < 0) {
        free(loop);
        error_uv(err, result, "Failed to create an event loop");
        return NULL;
    }
    env_init(&loop->env, &loop_env_ops);
    list_init(&loop->deferred);
    list_init(&loop->signals);
    list_init(&loop->children);
    loop_files_init(loop);
    pthread_mutex_init(&loop->posts_lock, NULL);
    loop->armed_ms = INT64_MAX;
    uv_prepare_init(&loop->uv, &loop->before_wait);
    uv_idle_init(&loop->uv, &loop->busy);
    uv_timer_init(&loop->uv, &loop->timer);
    loop->posted.data = loop->before_wait.data = loop->timer.data = loop;
    uv_prepare_start(&loop->before_wait, on_before_wait);
    return loop;
}

struct env *loop_env(struct loop *loop) {
    return &loop->env;
}

struct loop *loop_of(struct env *env) {
    return env->ops == &loop_env_ops ? env_loop(env) : NULL;
}

/* Writing to a connection that the peer has closed raises SIGPIPE in this thread. It is blocked while the loop runs
 * rather than ignored, since libmesos must not change what its host process does about signals. */
static void run(struct loop *loop) {
    sigset_t pipe_only, before, pending;
    const struct timespec at_once = {0};
    bool was_pending;

    sigemptyset(&pipe_only);
    sigaddset(&pipe_only, SIGPIPE);
    sigpending(&pending);
    was_pending = sigismember(&pending, SIGPIPE) == 1;
    pthread_sigmask(SIG_BLOCK, &pipe_only, &before);
    loop_enter(loop);
    loop->running = true;
    uv_run(&loop->uv, UV_RUN_DEFAULT);
    /* What was written in the last turn still goes out. */
    loop->ending = true;
    run_deferred(loop);
    loop->running = loop->ending = false;
    if (!was_pending)
        while (sigtimedwait(&pipe_only, NULL, &at_once) < 0 && errno == EINTR)
            ;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

void loop_run(struct loop *loop) {
    run(loop);
}

void loop_stop(struct loop *loop) {
    if (!loop->ending)
        uv_stop(&loop->uv);
}

static void check_closing(uv_handle_t *handle, void *user) {
    /* Something that was opened through the loop and not closed: a bug of its owner. */
    assert(uv_is_closing(handle));
}

void loop_free(struct loop *loop) {
    int result;

    if (loop == NULL)
        return;
    loop_processes_close(loop);
    uv_close((uv_handle_t *)&loop->before_wait, NULL);
    uv_close((uv_handle_t *)&loop->busy, NULL);
    uv_close((uv_handle_t *)&loop->timer, NULL);
    uv_close((uv_handle_t *)&loop->posted, NULL);
    uv_walk(&loop->uv, check_closing, NULL);
    while (uv_loop_alive(&loop->uv))
        run(loop);
    result = uv_loop_close(&loop->uv);
    assert(result == 0);
    (void)result;
    loop_files_done(loop);
    for (size_t i = 0; i < loop->spare_count; i++)
        buffer_done(&loop->spares[i]);
    pthread_mutex_destroy(&loop->posts_lock);
    free(loop->posts);
    env_done(&loop->env);
    free(loop);
}
