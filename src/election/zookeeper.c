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
#include "event/loop.h"
#include "event/sim.h"

/* Between sessions that could not begin. */
#define RETRY_PAUSE SECOND
#define LEADER_PREFIX "json.info_"

/* Our own znode:
 *
 *     NONE --> WANTED <--> SENT --> PRESENT --> LOST --> (told: NONE)
 *                            '--> REFUSED --> (told: NONE)
 */
enum candidate_state {
    CANDIDATE_NONE,
    CANDIDATE_WANTED, /* to be made with the next connection */
    CANDIDATE_SENT,   /* asked for */
    CANDIDATE_PRESENT,
    CANDIDATE_LOST,
    CANDIDATE_REFUSED,
};

struct real_zookeeper {
    struct zookeeper base;
    struct watch *watch;
    const struct zookeeper_events *events;
    void *user;
    char *servers, *library_servers, *path, *credentials;
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
    char *asked_for;                      /* the znode whose content is being read */
    enum candidate_state candidate;
    struct buffer offer; /* what it holds */
    char *own;           /* its znode, while it is present */
    struct error refusal;
    /* What was found: */
    bool is_known, is_untold;
    char *leader; /* its znode; NULL: nobody */
    struct buffer data;
};

/* The lock is held. */
static void wake_loop(struct real_zookeeper *zookeeper) {
    const uint64_t one = 1;

    if (write(zookeeper->news_fd, &one, sizeof(one)) < 0)
        log_error("ZooKeeper: can not wake the loop: %s", strerror(errno));
}

/* The lock is held. The loop is told if this is news. */
static void publish(struct real_zookeeper *zookeeper, const char *leader, const char *data, size_t size) {
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
    zookeeper->is_untold = true;
    wake_loop(zookeeper);
}

/* The lock is held: the candidate is in a state that the owner has to know. */
static void end_candidate(struct real_zookeeper *zookeeper, enum candidate_state state) {
    zookeeper->candidate = state;
    wake_loop(zookeeper);
}

/* Tell one thing; what comes after it is told in the loop's next turn, as the owner may free us in the call. */
static void on_news(struct watch *watch, void *user) {
    struct real_zookeeper *zookeeper = user;
    const struct zookeeper_events *events = zookeeper->events;
    cleanup_buffer struct buffer data = BUFFER_INIT;
    cleanup_error struct error refusal = ERROR_INIT;
    enum candidate_state candidate;
    bool is_untold, is_led;
    uint64_t count;

    if (read(zookeeper->news_fd, &count, sizeof(count)) < 0)
        return;
    pthread_mutex_lock(&zookeeper->lock);
    candidate = zookeeper->candidate;
    is_untold = zookeeper->is_untold;
    is_led = zookeeper->leader != NULL;
    if (candidate == CANDIDATE_LOST || candidate == CANDIDATE_REFUSED) {
        zookeeper->candidate = CANDIDATE_NONE;
        error_move(&refusal, &zookeeper->refusal);
        if (is_untold)
            wake_loop(zookeeper);
    } else {
        zookeeper->is_untold = false;
        buffer_append(&data, zookeeper->data.data, zookeeper->data.size);
    }
    pthread_mutex_unlock(&zookeeper->lock);
    if (candidate == CANDIDATE_LOST)
        events->on_candidate_lost(zookeeper->user);
    else if (candidate == CANDIDATE_REFUSED)
        events->on_refused(zookeeper->user, &refusal);
    else if (is_untold)
        events->on_leader(zookeeper->user, is_led ? buffer_text(&data) : NULL, data.size);
}

/* On the library's threads */

static void make_stale(struct real_zookeeper *zookeeper) {
    pthread_mutex_lock(&zookeeper->lock);
    zookeeper->is_stale = true;
    pthread_cond_broadcast(&zookeeper->changed);
    pthread_mutex_unlock(&zookeeper->lock);
}

/* The lock is held. */
static void refuse_candidate(struct real_zookeeper *zookeeper, const char *reason) {
    if (zookeeper->candidate != CANDIDATE_WANTED && zookeeper->candidate != CANDIDATE_SENT)
        return;
    error_done(&zookeeper->refusal);
    zookeeper->refusal = ERROR_INIT;
    error_set(&zookeeper->refusal, EACCES, "%s", reason);
    end_candidate(zookeeper, CANDIDATE_REFUSED);
}

static void on_event(zhandle_t *handle, int type, int state, const char *path, void *user) {
    struct real_zookeeper *zookeeper = user;

    pthread_mutex_lock(&zookeeper->lock);
    if (type == ZOO_SESSION_EVENT) {
        zookeeper->is_connected = state == ZOO_CONNECTED_STATE;
        if (zookeeper->is_connected)
            log_info("Connected to ZooKeeper at %s", zoo_get_current_server(handle));
        zookeeper->is_over |= state == ZOO_EXPIRED_SESSION_STATE || state == ZOO_AUTH_FAILED_STATE;
        if (state == ZOO_AUTH_FAILED_STATE) {
            log_error("ZooKeeper does not accept the credentials");
            refuse_candidate(zookeeper, "Failed to authenticate with ZooKeeper");
        }
    }
    zookeeper->is_stale = true;
    pthread_cond_broadcast(&zookeeper->changed);
    pthread_mutex_unlock(&zookeeper->lock);
}

static void on_data(int result, const char *value, int size, const struct Stat *stat, const void *user) {
    struct real_zookeeper *zookeeper = (void *)(uintptr_t)user;

    if (result == ZNONODE) {
        make_stale(zookeeper);
        return;
    }
    if (result != ZOK)
        return;
    pthread_mutex_lock(&zookeeper->lock);
    publish(zookeeper, zookeeper->asked_for, size > 0 ? value : "", size > 0 ? (size_t)size : 0);
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
static void read_leader(struct real_zookeeper *zookeeper, const struct String_vector *names) {
    const char *leader = find_leader(names);
    cleanup_free char *path = NULL;

    free(zookeeper->asked_for);
    zookeeper->asked_for = xstrdup(leader);
    if (leader == NULL) {
        publish(zookeeper, NULL, NULL, 0);
        return;
    }
    path = xasprintf("%s/%s", zookeeper->path, leader);
    zoo_aget(zookeeper->handle, path, 0, on_data, zookeeper);
}

/* With the lock held: whether our own znode is still there. */
static void check_candidate(struct real_zookeeper *zookeeper, const struct String_vector *names) {
    if (zookeeper->candidate != CANDIDATE_PRESENT)
        return;
    for (int i = 0; i < names->count; i++) {
        if (strcmp(names->data[i], zookeeper->own) == 0)
            return;
    }
    log_warning("The znode %s/%s was removed", zookeeper->path, zookeeper->own);
    end_candidate(zookeeper, CANDIDATE_LOST);
}

static void on_children(int result, const struct String_vector *names, const void *user) {
    struct real_zookeeper *zookeeper = (void *)(uintptr_t)user;

    pthread_mutex_lock(&zookeeper->lock);
    if (result == ZOK) {
        check_candidate(zookeeper, names);
        read_leader(zookeeper, names);
    } else if (result == ZNONODE) {
        check_candidate(zookeeper, &(struct String_vector){0});
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

/* Whether another try may succeed: the server was lost on the way, or the session. */
static bool is_retryable(int code) {
    return code == ZCONNECTIONLOSS || code == ZOPERATIONTIMEOUT || code == ZSESSIONEXPIRED || code == ZSESSIONMOVED ||
           code == ZINVALIDSTATE || code == ZCLOSING;
}

/* A znode that is open to all; or, with credentials, is read by all and changed by who has them. */
static int create(struct real_zookeeper *zookeeper, const char *path, const struct buffer *data, int flags,
                  string_completion_t on_done) {
    struct ACL entries[] = {{.perms = ZOO_PERM_READ, .id = ZOO_ANYONE_ID_UNSAFE},
                            {.perms = ZOO_PERM_ALL, .id = ZOO_AUTH_IDS}};
    struct ACL_vector guarded = {.count = ARRAY_SIZE(entries), .data = entries};

    return zoo_acreate(zookeeper->handle, path, data->data, (int)data->size,
                       zookeeper->credentials == NULL ? &ZOO_OPEN_ACL_UNSAFE : &guarded, flags, on_done, zookeeper);
}

/* The answer to zoo_acreate() for the candidate; @path is that of the new znode. If the answer to an earlier try was
 * lost there may be two of ours: they say the same and end together. */
static void on_created(int result, const char *path, const void *user) {
    struct real_zookeeper *zookeeper = (void *)(uintptr_t)user;
    cleanup_free char *reason = NULL;

    pthread_mutex_lock(&zookeeper->lock);
    if (zookeeper->candidate != CANDIDATE_SENT) {
        pthread_mutex_unlock(&zookeeper->lock);
        return;
    }
    if (result == ZOK) {
        string_replace(&zookeeper->own, strrchr(path, '/') + 1);
        log_info("A candidate for leadership: %s in ZooKeeper", path);
        zookeeper->candidate = CANDIDATE_PRESENT;
        zookeeper->is_stale = true;
    } else if (is_retryable(result)) {
        zookeeper->candidate = CANDIDATE_WANTED;
    } else {
        reason = xasprintf("Failed to create a znode below '%s' in ZooKeeper: %s", zookeeper->path, zerror(result));
        refuse_candidate(zookeeper, reason);
    }
    pthread_cond_broadcast(&zookeeper->changed);
    pthread_mutex_unlock(&zookeeper->lock);
}

/* What is wrong with the path shows when the candidate is made: it may be there without our being allowed to make it.
 */
static void on_parent_created(int result, const char *path, const void *user) {
}

/* The lock is held. Ask for the path, level by level, and for the candidate: ZooKeeper does it in that order. */
static void send_candidate(struct real_zookeeper *zookeeper) {
    const struct buffer nothing = {.data = (char *)(uintptr_t) ""};
    cleanup_free char *path = xasprintf("%s/" LEADER_PREFIX, zookeeper->path), *reason = NULL;
    int result;

    for (const char *end = zookeeper->path; *end != '\0';) {
        cleanup_free char *prefix = NULL;

        end = strchrnul(end + 1, '/');
        prefix = xstrndup(zookeeper->path, (size_t)(end - zookeeper->path));
        create(zookeeper, prefix, &nothing, 0, on_parent_created);
    }
    zookeeper->candidate = CANDIDATE_SENT;
    result = create(zookeeper, path, &zookeeper->offer, ZOO_SEQUENCE | ZOO_EPHEMERAL, on_created);
    if (result == ZOK)
        return;
    if (is_retryable(result)) {
        zookeeper->candidate = CANDIDATE_WANTED;
        zookeeper->is_over = true;
        return;
    }
    reason = xasprintf("Failed to create a znode below '%s' in ZooKeeper: %s", zookeeper->path, zerror(result));
    refuse_candidate(zookeeper, reason);
}

/* "2026-01-01 00:00:00,000:1(0x1):ZOO_WARN@function@line: text" */
void zookeeper_log(const char *line) {
    const char *text = strstr(line, ":ZOO_");

    if (text != NULL && (text_starts_with(text, ":ZOO_WARN") || text_starts_with(text, ":ZOO_ERROR")))
        log_info("ZooKeeper: %s", text + 1);
}

char *zookeeper_odd_servers(const char *servers) {
    size_t count = 1;

    for (const char *comma = servers; (comma = strchr(comma, ',')) != NULL; comma++)
        count++;
    if (count % 2 == 1)
        return xstrdup(servers);
    return xasprintf("%s,%.*s", servers, (int)strcspn(servers, ","), servers);
}

/* On our own thread */

/* The lock is held. Wait for a change, until @deadline_ns on the monotonic clock (0: as long as it takes). False if it
 * has passed. */
static bool await_change(struct real_zookeeper *zookeeper, int64_t deadline_ns) {
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
static void follow_session(struct real_zookeeper *zookeeper) {
    int64_t deadline_ns = after(zookeeper->session_timeout_ns);

    while (!zookeeper->is_stopping && !zookeeper->is_over) {
        if (zookeeper->is_connected && zookeeper->candidate == CANDIDATE_WANTED) {
            send_candidate(zookeeper);
        } else if (zookeeper->is_connected && zookeeper->is_stale) {
            zookeeper->is_stale = false;
            zoo_awget_children(zookeeper->handle, zookeeper->path, on_event, zookeeper, on_children, zookeeper);
        } else if (zookeeper->is_connected) {
            await_change(zookeeper, 0);
            /* As the server has it, which may have shortened or prolonged what was asked for. */
            deadline_ns = after(zoo_recv_timeout(zookeeper->handle) * MILLISECOND);
        } else if (!await_change(zookeeper, deadline_ns) && !zookeeper->is_connected) {
            log_warning("ZooKeeper is out of reach at %s", zookeeper->servers);
            zookeeper->is_over = true;
        }
    }
}

/* The lock is held, but not while the library resolves names or waits for its threads. */
static void run_session(struct real_zookeeper *zookeeper) {
    zhandle_t *handle;

    zookeeper->is_connected = zookeeper->is_over = zookeeper->is_stale = false;
    pthread_mutex_unlock(&zookeeper->lock);
    handle = zookeeper_init2(zookeeper->library_servers, on_event, (int)(zookeeper->session_timeout_ns / MILLISECOND),
                             NULL, zookeeper, 0, zookeeper_log);
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
    struct real_zookeeper *zookeeper = user;

    pthread_mutex_lock(&zookeeper->lock);
    while (!zookeeper->is_stopping) {
        int64_t deadline_ns;

        run_session(zookeeper);
        if (zookeeper->is_stopping)
            break;
        if (zookeeper->candidate == CANDIDATE_PRESENT)
            end_candidate(zookeeper, CANDIDATE_LOST);
        else if (zookeeper->candidate == CANDIDATE_SENT)
            zookeeper->candidate = CANDIDATE_WANTED;
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

static void contend(struct zookeeper *base, const char *data, size_t size) {
    struct real_zookeeper *zookeeper = container_of(base, struct real_zookeeper, base);

    pthread_mutex_lock(&zookeeper->lock);
    zookeeper->offer.size = 0;
    buffer_append(&zookeeper->offer, data, size);
    zookeeper->candidate = CANDIDATE_WANTED;
    pthread_cond_broadcast(&zookeeper->changed);
    pthread_mutex_unlock(&zookeeper->lock);
}

static void close_zookeeper(struct zookeeper *base) {
    struct real_zookeeper *zookeeper = container_of(base, struct real_zookeeper, base);

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
    buffer_done(&zookeeper->offer);
    error_done(&zookeeper->refusal);
    free(zookeeper->own);
    free(zookeeper->leader);
    free(zookeeper->asked_for);
    free(zookeeper->servers);
    free(zookeeper->library_servers);
    free(zookeeper->path);
    free(zookeeper->credentials);
    pthread_cond_destroy(&zookeeper->changed);
    pthread_mutex_destroy(&zookeeper->lock);
    free(zookeeper);
}

static const struct zookeeper_ops real_ops = {.contend = contend, .free = close_zookeeper};

static int start(struct real_zookeeper *zookeeper, struct loop *loop, struct error *err) {
    int result;

    zookeeper->news_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (zookeeper->news_fd < 0)
        return error_errno(err, "ZooKeeper");
    if (loop_watch(loop, zookeeper->news_fd, on_news, zookeeper, &zookeeper->watch, err) < 0)
        return -1;
    result = pthread_create(&zookeeper->thread, NULL, run, zookeeper);
    zookeeper->has_thread = result == 0;
    return result == 0 ? 0 : error_set(err, result, "ZooKeeper: %s", strerror(result));
}

static struct zookeeper *new_real(struct loop *loop, const struct zookeeper_options *options,
                                  const struct zookeeper_events *events, void *user, struct error *err) {
    struct real_zookeeper *zookeeper = new0(struct real_zookeeper);

    *zookeeper = (struct real_zookeeper){.base = {.ops = &real_ops},
                                         .events = events,
                                         .user = user,
                                         .servers = xstrdup(options->servers),
                                         .library_servers = zookeeper_odd_servers(options->servers),
                                         .path = xstrdup(options->path),
                                         .credentials = xstrdup(options->credentials),
                                         .session_timeout_ns = options->session_timeout_ns,
                                         .offer = BUFFER_INIT,
                                         .data = BUFFER_INIT};
    pthread_mutex_init(&zookeeper->lock, NULL);
    init_condition(&zookeeper->changed);
    if (start(zookeeper, loop, err) == 0)
        return &zookeeper->base;
    close_zookeeper(&zookeeper->base);
    return NULL;
}

/* Both worlds */

/* The library counts milliseconds in an int. */
int zookeeper_check_session_timeout(int64_t timeout_ns, struct error *err) {
    if (timeout_ns < SECOND || timeout_ns > DAY)
        return error_set(err, 0, "must be between 1secs and 1days");
    return 0;
}

bool zookeeper_exists(struct env *env) {
    return loop_of(env) != NULL || sim_service_of(env) != NULL;
}

struct zookeeper *zookeeper_new(struct env *env, const struct zookeeper_options *options,
                                const struct zookeeper_events *events, void *user, struct error *err) {
    struct loop *loop = loop_of(env);
    struct zookeeper_service *service = sim_service_of(env);

    if (loop != NULL)
        return new_real(loop, options, events, user, err);
    if (service != NULL)
        return service->open(service, env, options, events, user);
    error_set(err, ENOTSUP, "there is no ZooKeeper in this simulated world");
    return NULL;
}

void zookeeper_contend(struct zookeeper *zookeeper, const char *data, size_t size) {
    zookeeper->ops->contend(zookeeper, data, size);
}

void zookeeper_free(struct zookeeper *zookeeper) {
    if (zookeeper != NULL)
        zookeeper->ops->free(zookeeper);
}
