/* SPDX-License-Identifier: Apache-2.0 */
#include "election/zookeeper.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "base/text.h"
#include "election/zookeeper_library.h"

/* Between sessions that could not begin. */
#define RETRY_PAUSE SECOND
#define LEADER_PREFIX "json.info_"

struct zookeeper {
    struct watch *watch;
    const struct zookeeper_events *events;
    void *user;
    char *servers, *path, *credentials;
    int64_t session_timeout_ns;
    int news_fd; /* an eventfd: there is something for the loop */
    pthread_t thread;
    bool has_thread;
    pthread_mutex_t lock; /* of what follows */
    pthread_cond_t changed;
    bool is_stopping;
    /* The session: */
    zhandle_t *handle;
    bool is_connected, is_over, is_stale; /* stale: the children are to be listed (again) */
    char *candidate;                      /* the znode whose content is being read */
    /* What was found: */
    bool is_known;
    char *leader; /* its znode; NULL: nobody */
    struct buffer data;
};

/* The lock is held. The loop is told if this is news. */
static void publish(struct zookeeper *zookeeper, const char *leader, const char *data, size_t size) {
    const uint64_t one = 1;

    if (zookeeper->is_known && (leader == NULL) == (zookeeper->leader == NULL) &&
        (leader == NULL || (strcmp(leader, zookeeper->leader) == 0 && size == zookeeper->data.size &&
                            memcmp(data, zookeeper->data.data, size) == 0)))
        return;
    zookeeper->is_known = true;
    free(zookeeper->leader);
    zookeeper->leader = xstrdup(leader);
    zookeeper->data.size = 0;
    if (leader != NULL)
        buffer_append(&zookeeper->data, data, size);
    if (write(zookeeper->news_fd, &one, sizeof(one)) < 0)
        log_error("ZooKeeper: can not wake the loop: %s", strerror(errno));
}

static void on_news(struct watch *watch, void *user) {
    struct zookeeper *zookeeper = user;
    cleanup_buffer struct buffer data = BUFFER_INIT;
    bool is_led;
    uint64_t count;

    if (read(zookeeper->news_fd, &count, sizeof(count)) < 0)
        return;
    pthread_mutex_lock(&zookeeper->lock);
    is_led = zookeeper->leader != NULL;
    buffer_append(&data, zookeeper->data.data, zookeeper->data.size);
    pthread_mutex_unlock(&zookeeper->lock);
    zookeeper->events->on_leader(zookeeper->user, is_led ? buffer_text(&data) : NULL, data.size);
}

/* On the library's threads */

static void make_stale(struct zookeeper *zookeeper) {
    pthread_mutex_lock(&zookeeper->lock);
    zookeeper->is_stale = true;
    pthread_cond_broadcast(&zookeeper->changed);
    pthread_mutex_unlock(&zookeeper->lock);
}

static void on_event(zhandle_t *handle, int type, int state, const char *path, void *user) {
    struct zookeeper *zookeeper = user;

    pthread_mutex_lock(&zookeeper->lock);
    if (type == ZOO_SESSION_EVENT) {
        zookeeper->is_connected = state == ZOO_CONNECTED_STATE;
        zookeeper->is_over |= state == ZOO_EXPIRED_SESSION_STATE || state == ZOO_AUTH_FAILED_STATE;
        if (state == ZOO_AUTH_FAILED_STATE)
            log_error("ZooKeeper does not accept the credentials");
    }
    zookeeper->is_stale = true;
    pthread_cond_broadcast(&zookeeper->changed);
    pthread_mutex_unlock(&zookeeper->lock);
}

static void on_data(int result, const char *value, int size, const struct Stat *stat, const void *user) {
    struct zookeeper *zookeeper = (void *)(uintptr_t)user;

    if (result == ZNONODE) {
        make_stale(zookeeper);
        return;
    }
    if (result != ZOK)
        return;
    pthread_mutex_lock(&zookeeper->lock);
    publish(zookeeper, zookeeper->candidate, size > 0 ? value : "", size > 0 ? (size_t)size : 0);
    pthread_mutex_unlock(&zookeeper->lock);
}

static void on_exists(int result, const struct Stat *stat, const void *user) {
    if (result == ZOK)
        make_stale((void *)(uintptr_t)user);
}

/* The sequence numbers have ten digits: their order is that of the text. */
static const char *find_leader(const struct String_vector *names) {
    const char *leader = NULL;

    for (int i = 0; i < names->count; i++)
        if (text_starts_with(names->data[i], LEADER_PREFIX) && (leader == NULL || strcmp(names->data[i], leader) < 0))
            leader = names->data[i];
    return leader;
}

/* With the lock held; a request that is refused at once is made again with the next session event. */
static void read_leader(struct zookeeper *zookeeper, const struct String_vector *names) {
    const char *leader = find_leader(names);
    cleanup_free char *path = NULL;

    free(zookeeper->candidate);
    zookeeper->candidate = xstrdup(leader);
    if (leader == NULL) {
        publish(zookeeper, NULL, NULL, 0);
        return;
    }
    path = xasprintf("%s/%s", zookeeper->path, leader);
    zoo_aget(zookeeper->handle, path, 0, on_data, zookeeper);
}

static void on_children(int result, const struct String_vector *names, const void *user) {
    struct zookeeper *zookeeper = (void *)(uintptr_t)user;

    pthread_mutex_lock(&zookeeper->lock);
    if (result == ZOK) {
        read_leader(zookeeper, names);
    } else if (result == ZNONODE) {
        publish(zookeeper, NULL, NULL, 0);
        zoo_awexists(zookeeper->handle, zookeeper->path, on_event, zookeeper, on_exists, zookeeper);
    } else if (result == ZNOAUTH) {
        log_error("ZooKeeper does not let us read %s", zookeeper->path);
        publish(zookeeper, NULL, NULL, 0);
        zookeeper->is_over = true;
        pthread_cond_broadcast(&zookeeper->changed);
    }
    pthread_mutex_unlock(&zookeeper->lock);
}

/* "2026-01-01 00:00:00,000:1(0x1):ZOO_WARN@function@line: text" */
void zookeeper_log(const char *line) {
    const char *text = strstr(line, ":ZOO_");

    if (text != NULL && (text_starts_with(text, ":ZOO_WARN") || text_starts_with(text, ":ZOO_ERROR")))
        log_info("ZooKeeper: %s", text + 1);
}

/* On our own thread */

/* The lock is held. Wait for a change, until @deadline_ns on the monotonic clock (0: as long as it takes). False if it
 * has passed. */
static bool await_change(struct zookeeper *zookeeper, int64_t deadline_ns) {
    struct timespec deadline = {.tv_sec = deadline_ns / SECOND, .tv_nsec = deadline_ns % SECOND};

    if (deadline_ns == 0)
        return pthread_cond_wait(&zookeeper->changed, &zookeeper->lock) == 0;
    return pthread_cond_timedwait(&zookeeper->changed, &zookeeper->lock, &deadline) == 0;
}

static int64_t after(int64_t delay_ns) {
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * SECOND + now.tv_nsec + delay_ns;
}

/* With the lock held: one session, until it is over or we are to stop. */
static void follow_session(struct zookeeper *zookeeper) {
    int64_t deadline_ns = after(zookeeper->session_timeout_ns);

    while (!zookeeper->is_stopping && !zookeeper->is_over) {
        if (zookeeper->is_connected && zookeeper->is_stale) {
            zookeeper->is_stale = false;
            zoo_awget_children(zookeeper->handle, zookeeper->path, on_event, zookeeper, on_children, zookeeper);
        } else if (zookeeper->is_connected) {
            await_change(zookeeper, 0);
            deadline_ns = after(zookeeper->session_timeout_ns);
        } else if (!await_change(zookeeper, deadline_ns) && !zookeeper->is_connected) {
            log_warning("ZooKeeper is out of reach at %s", zookeeper->servers);
            zookeeper->is_over = true;
        }
    }
}

/* The lock is held, but not while the library resolves names or waits for its threads. */
static void run_session(struct zookeeper *zookeeper) {
    zhandle_t *handle;

    zookeeper->is_connected = zookeeper->is_over = zookeeper->is_stale = false;
    pthread_mutex_unlock(&zookeeper->lock);
    handle = zookeeper_init2(zookeeper->servers, on_event, (int)(zookeeper->session_timeout_ns / MILLISECOND), NULL,
                             zookeeper, 0, zookeeper_log);
    if (handle != NULL && zookeeper->credentials != NULL)
        zoo_add_auth(handle, "digest", zookeeper->credentials, (int)strlen(zookeeper->credentials), NULL, NULL);
    pthread_mutex_lock(&zookeeper->lock);
    if (handle == NULL) {
        log_warning("No session with ZooKeeper at %s: %s", zookeeper->servers, strerror(errno));
        return;
    }
    zookeeper->handle = handle;
    follow_session(zookeeper);
    pthread_mutex_unlock(&zookeeper->lock);
    zookeeper_close(handle);
    pthread_mutex_lock(&zookeeper->lock);
}

static void *run(void *user) {
    struct zookeeper *zookeeper = user;

    pthread_mutex_lock(&zookeeper->lock);
    while (!zookeeper->is_stopping) {
        int64_t deadline_ns;

        run_session(zookeeper);
        if (zookeeper->is_stopping)
            break;
        /* Who led may lead no longer. */
        publish(zookeeper, NULL, NULL, 0);
        deadline_ns = after(RETRY_PAUSE);
        while (!zookeeper->is_stopping && await_change(zookeeper, deadline_ns))
            ;
    }
    pthread_mutex_unlock(&zookeeper->lock);
    return NULL;
}

static void init_condition(pthread_cond_t *condition) {
    pthread_condattr_t attributes;

    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(condition, &attributes);
    pthread_condattr_destroy(&attributes);
}

struct zookeeper *zookeeper_new(struct loop *loop, const struct zookeeper_options *options,
                                const struct zookeeper_events *events, void *user, struct error *err) {
    struct zookeeper *zookeeper = new0(struct zookeeper);
    int result;

    *zookeeper = (struct zookeeper){.events = events,
                                    .user = user,
                                    .servers = xstrdup(options->servers),
                                    .path = xstrdup(options->path),
                                    .credentials = xstrdup(options->credentials),
                                    .session_timeout_ns = options->session_timeout_ns,
                                    .data = BUFFER_INIT};
    pthread_mutex_init(&zookeeper->lock, NULL);
    init_condition(&zookeeper->changed);
    zookeeper->news_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (zookeeper->news_fd < 0) {
        error_errno(err, "ZooKeeper");
        zookeeper_free(zookeeper);
        return NULL;
    }
    if (loop_watch(loop, zookeeper->news_fd, on_news, zookeeper, &zookeeper->watch, err) < 0) {
        zookeeper_free(zookeeper);
        return NULL;
    }
    result = pthread_create(&zookeeper->thread, NULL, run, zookeeper);
    zookeeper->has_thread = result == 0;
    if (result != 0) {
        error_set(err, result, "ZooKeeper: %s", strerror(result));
        zookeeper_free(zookeeper);
        return NULL;
    }
    return zookeeper;
}

void zookeeper_free(struct zookeeper *zookeeper) {
    if (zookeeper == NULL)
        return;
    pthread_mutex_lock(&zookeeper->lock);
    zookeeper->is_stopping = true;
    pthread_cond_broadcast(&zookeeper->changed);
    pthread_mutex_unlock(&zookeeper->lock);
    if (zookeeper->has_thread)
        pthread_join(zookeeper->thread, NULL);
    watch_close(zookeeper->watch);
    if (zookeeper->news_fd >= 0)
        close(zookeeper->news_fd);
    buffer_done(&zookeeper->data);
    free(zookeeper->leader);
    free(zookeeper->candidate);
    free(zookeeper->servers);
    free(zookeeper->path);
    free(zookeeper->credentials);
    pthread_cond_destroy(&zookeeper->changed);
    pthread_mutex_destroy(&zookeeper->lock);
    free(zookeeper);
}
