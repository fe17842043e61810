/* SPDX-License-Identifier: Apache-2.0 */
#include "driver/state_store.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/duration.h"
#include "base/log.h"
#include "election/zookeeper_library.h"
#include "mesos/internal/state.pb-c.h"
#include "message/message.h"

/* What Mesos stores at most, and a ZooKeeper server as it is configured by default. */
enum { MAX_ENTRY_BYTES = 1024 * 1024 };

/* Between sessions that could not begin, and before what was interrupted is tried again. */
#define RETRY_PAUSE (200 * MILLISECOND)

struct state_zookeeper {
    struct state_store store;
    char *servers, *path, *scheme;
    struct buffer credentials;
    int session_timeout_ms;
    zhandle_t *handle; /* of the thread that works; NULL: no session */
    pthread_mutex_t lock;
    pthread_cond_t changed; /* the state of the session, or what follows */
    bool is_interrupted;
};

static struct state_zookeeper *zookeeper_of(struct state_store *store) {
    return container_of(store, struct state_zookeeper, store);
}

/* Sessions */

static void on_event(zhandle_t *handle, int type, int state, const char *path, void *user) {
    struct state_zookeeper *zookeeper = user;

    pthread_mutex_lock(&zookeeper->lock);
    pthread_cond_broadcast(&zookeeper->changed);
    pthread_mutex_unlock(&zookeeper->lock);
}

/* Until something changes, but not for longer than the pause. Fails if nobody wants to wait any longer. */
static int pause_for_change(struct state_zookeeper *zookeeper, struct error *err) {
    struct timespec deadline;
    bool is_interrupted;

    clock_gettime(CLOCK_REALTIME, &deadline);
    deadline.tv_nsec += RETRY_PAUSE;
    if (deadline.tv_nsec >= SECOND) {
        deadline.tv_sec++;
        deadline.tv_nsec -= SECOND;
    }
    pthread_mutex_lock(&zookeeper->lock);
    if (!zookeeper->is_interrupted)
        pthread_cond_timedwait(&zookeeper->changed, &zookeeper->lock, &deadline);
    is_interrupted = zookeeper->is_interrupted;
    pthread_mutex_unlock(&zookeeper->lock);
    return is_interrupted ? error_set(err, ECANCELED, "the state is no longer there") : 0;
}

static void begin_session(struct state_zookeeper *zookeeper) {
    cleanup_free char *servers = zookeeper_odd_servers(zookeeper->servers);

    zookeeper->handle = zookeeper_init2(servers, on_event, zookeeper->session_timeout_ms, NULL, zookeeper, 0,
                                        zookeeper_log);
    if (zookeeper->handle == NULL)
        log_warning("No session with ZooKeeper at %s: %s", zookeeper->servers, strerror(errno));
    else if (zookeeper->scheme != NULL)
        zoo_add_auth(zookeeper->handle, zookeeper->scheme, zookeeper->credentials.data,
                     (int)zookeeper->credentials.size, NULL, NULL);
}

static void end_session(struct state_zookeeper *zookeeper) {
    if (zookeeper->handle != NULL)
        zookeeper_close(zookeeper->handle);
    zookeeper->handle = NULL;
}

/* Wait until a server answers. */
static int await_session(struct state_zookeeper *zookeeper, struct error *err) {
    while (true) {
        int state = zookeeper->handle == NULL ? ZOO_EXPIRED_SESSION_STATE : zoo_state(zookeeper->handle);

        if (state == ZOO_CONNECTED_STATE)
            return 0;
        if (state == ZOO_AUTH_FAILED_STATE)
            return error_set(err, EACCES, "Failed to authenticate with ZooKeeper: %s", zerror(ZAUTHFAILED));
        if (state == ZOO_EXPIRED_SESSION_STATE) {
            end_session(zookeeper);
            begin_session(zookeeper);
        }
        if (pause_for_change(zookeeper, err) < 0)
            return -1;
    }
}

/* Requests */

struct request {
    struct state_zookeeper *zookeeper;
    const char *path; /* of the variable; NULL for names */
    const struct state_variable *variable;
    uint8_t version[STATE_VERSION_BYTES];
    struct arena arena;
    /* What was found: */
    Mesos__Internal__State__Entry *entry; /* NULL: there is none */
    struct Stat stat;
    struct String_vector names;
    bool is_done;
};

/* One try, to a code of ZooKeeper's; another try follows if the server was lost on the way. */
typedef int (*attempt_function)(struct request *request, struct error *err);

static bool is_retryable(int code) {
    return code == ZCONNECTIONLOSS || code == ZOPERATIONTIMEOUT || code == ZSESSIONEXPIRED || code == ZSESSIONMOVED ||
           code == ZINVALIDSTATE;
}

static int perform(struct request *request, attempt_function attempt, const char *what, struct error *err) {
    struct state_zookeeper *zookeeper = request->zookeeper;
    const char *path = request->path == NULL ? zookeeper->path : request->path;
    int code;

    do {
        cleanup_error struct error reason = ERROR_INIT;

        if (await_session(zookeeper, err) < 0)
            return -1;
        code = attempt(request, &reason);
        if (code == ZMARSHALLINGERROR && reason.message != NULL)
            return error_set(err, EPROTO, "%s: %s", path, reason.message);
        if (is_retryable(code) && pause_for_change(zookeeper, err) < 0)
            return -1;
    } while (is_retryable(code));
    return code == ZOK ? 0 : error_set(err, EIO, "Failed to %s '%s' in ZooKeeper: %s", what, path, zerror(code));
}

/* The entry as it is; that there is none is no failure. */
static int get_entry(struct request *request, struct error *err) {
    cleanup_free char *data = xmalloc(MAX_ENTRY_BYTES);
    int size = MAX_ENTRY_BYTES;
    int code = zoo_get(request->zookeeper->handle, request->path, 0, data, &size, &request->stat);

    request->entry = NULL;
    if (code != ZOK)
        return code == ZNONODE ? ZOK : code;
    if (request->stat.dataLength > MAX_ENTRY_BYTES || size < 0 ||
        MESSAGE_DECODE(&mesos__internal__state__entry__descriptor, data, (size_t)size, &request->arena, &request->entry,
                       err) < 0 ||
        request->entry->uuid.len != STATE_VERSION_BYTES) {
        error_set(err, EPROTO, "Failed to deserialize Entry");
        return ZMARSHALLINGERROR;
    }
    return ZOK;
}

static bool has_version(const Mesos__Internal__State__Entry *entry, const uint8_t *version) {
    return memcmp(entry->uuid.data, version, STATE_VERSION_BYTES) == 0;
}

/* A znode that is open to all; or, with authentication, is read by all and changed by who has made it. */
static int create(struct state_zookeeper *zookeeper, const char *path, const void *data, size_t size) {
    struct ACL entries[] = {{.perms = ZOO_PERM_READ, .id = ZOO_ANYONE_ID_UNSAFE},
                            {.perms = ZOO_PERM_ALL, .id = ZOO_AUTH_IDS}};
    struct ACL_vector guarded = {.count = ARRAY_SIZE(entries), .data = entries};

    return zoo_create(zookeeper->handle, path, data, (int)size,
                      zookeeper->scheme == NULL ? &ZOO_OPEN_ACL_UNSAFE : &guarded, 0, NULL, 0);
}

/* Every znode on the way to the variables. */
static int create_path(struct state_zookeeper *zookeeper) {
    int code = ZOK;

    for (const char *end = zookeeper->path; *end != '\0' && (code == ZOK || code == ZNODEEXISTS);) {
        cleanup_free char *prefix = NULL;

        end = strchrnul(end + 1, '/');
        prefix = xstrndup(zookeeper->path, (size_t)(end - zookeeper->path));
        code = create(zookeeper, prefix, "", 0);
    }
    return code == ZNODEEXISTS ? ZOK : code;
}

static void encode_entry(const struct request *request, struct buffer *buffer) {
    Mesos__Internal__State__Entry entry = MESOS__INTERNAL__STATE__ENTRY__INIT;

    entry.name = request->variable->name;
    entry.uuid = (ProtobufCBinaryData){STATE_VERSION_BYTES, (uint8_t *)request->version};
    entry.value = (ProtobufCBinaryData){request->variable->size, request->variable->value};
    MESSAGE_ENCODE(&entry, buffer);
}

/* As in Mesos the znode's version, too, must be that of the entry that was looked at. */
static int set_entry(struct request *request, struct error *err) {
    zhandle_t *handle = request->zookeeper->handle;
    cleanup_buffer struct buffer data = BUFFER_INIT;
    int code = get_entry(request, err);

    if (code != ZOK)
        return code;
    /* A try whose answer was lost has stored it. */
    if (request->entry != NULL && has_version(request->entry, request->version)) {
        request->is_done = true;
        return ZOK;
    }
    if (request->entry != NULL && !has_version(request->entry, request->variable->version))
        return ZOK;
    encode_entry(request, &data);
    if (request->entry != NULL) {
        code = zoo_set(handle, request->path, data.data, (int)data.size, request->stat.version);
    } else {
        code = create_path(request->zookeeper);
        if (code == ZOK)
            code = create(request->zookeeper, request->path, data.data, data.size);
    }
    request->is_done = code == ZOK;
    return code == ZBADVERSION || code == ZNODEEXISTS ? ZOK : code;
}

static int delete_entry(struct request *request, struct error *err) {
    int code = get_entry(request, err);

    if (code != ZOK || request->entry == NULL || !has_version(request->entry, request->variable->version))
        return code;
    code = zoo_delete(request->zookeeper->handle, request->path, request->stat.version);
    request->is_done = code == ZOK;
    return code == ZBADVERSION || code == ZNONODE ? ZOK : code;
}

static int get_names(struct request *request, struct error *err) {
    const char *path = request->zookeeper->path;

    return zoo_get_children(request->zookeeper->handle, *path == '\0' ? "/" : path, 0, &request->names);
}

/* The store */

static int zookeeper_fetch(struct state_store *store, const char *name, struct state_variable **ret,
                           struct error *err) {
    cleanup_free char *path = xasprintf("%s/%s", zookeeper_of(store)->path, name);
    struct request request = {.zookeeper = zookeeper_of(store), .path = path, .arena = ARENA_INIT};
    int result = perform(&request, get_entry, "get", err);

    if (result == 0 && request.entry == NULL) {
        state_version_init(request.version);
        *ret = state_variable_new(name, request.version, NULL, 0);
    } else if (result == 0) {
        *ret = state_variable_new(name, request.entry->uuid.data, request.entry->value.data, request.entry->value.len);
    }
    arena_done(&request.arena);
    return result;
}

static int zookeeper_store(struct state_store *store, const struct state_variable *variable,
                           struct state_variable **ret, struct error *err) {
    cleanup_free char *path = xasprintf("%s/%s", zookeeper_of(store)->path, variable->name);
    cleanup_buffer struct buffer data = BUFFER_INIT;
    struct request request = {
        .zookeeper = zookeeper_of(store), .path = path, .variable = variable, .arena = ARENA_INIT};
    int result;

    state_version_init(request.version);
    encode_entry(&request, &data);
    if (data.size > MAX_ENTRY_BYTES)
        return error_set(err, E2BIG, "Serialized data is too big (> 1 MB)");
    result = perform(&request, set_entry, "set", err);
    if (result == 0)
        *ret = request.is_done ? state_variable_new(variable->name, request.version, variable->value, variable->size)
                               : NULL;
    arena_done(&request.arena);
    return result;
}

static int zookeeper_expunge(struct state_store *store, const struct state_variable *variable, bool *ret,
                             struct error *err) {
    cleanup_free char *path = xasprintf("%s/%s", zookeeper_of(store)->path, variable->name);
    struct request request = {
        .zookeeper = zookeeper_of(store), .path = path, .variable = variable, .arena = ARENA_INIT};
    int result = perform(&request, delete_entry, "remove", err);

    *ret = request.is_done;
    arena_done(&request.arena);
    return result;
}

static int compare_names(const void *left, const void *right) {
    return strcmp(*(char *const *)left, *(char *const *)right);
}

static int zookeeper_names(struct state_store *store, char ***ret_names, size_t *ret_count, struct error *err) {
    struct request request = {.zookeeper = zookeeper_of(store)};
    size_t count;
    char **names;

    if (perform(&request, get_names, "get children of", err) < 0)
        return -1;
    count = (size_t)request.names.count;
    names = xcalloc(count + 1, sizeof(char *));
    for (size_t i = 0; i < count; i++)
        names[i] = xstrdup(request.names.data[i]);
    qsort(names, count, sizeof(char *), compare_names);
    deallocate_String_vector(&request.names);
    *ret_names = names;
    *ret_count = count;
    return 0;
}

static void zookeeper_interrupt(struct state_store *store) {
    struct state_zookeeper *zookeeper = zookeeper_of(store);

    pthread_mutex_lock(&zookeeper->lock);
    zookeeper->is_interrupted = true;
    pthread_cond_broadcast(&zookeeper->changed);
    pthread_mutex_unlock(&zookeeper->lock);
}

static void zookeeper_store_close(struct state_store *store) {
    struct state_zookeeper *zookeeper = zookeeper_of(store);

    end_session(zookeeper);
    pthread_cond_destroy(&zookeeper->changed);
    pthread_mutex_destroy(&zookeeper->lock);
    buffer_done(&zookeeper->credentials);
    free(zookeeper->servers);
    free(zookeeper->path);
    free(zookeeper->scheme);
    free(zookeeper);
}

static const struct state_store_ops zookeeper_ops = {
    .fetch = zookeeper_fetch,
    .store = zookeeper_store,
    .expunge = zookeeper_expunge,
    .names = zookeeper_names,
    .interrupt = zookeeper_interrupt,
    .close = zookeeper_store_close,
};

struct state_store *state_zookeeper_open(const struct state_zookeeper_options *options) {
    struct state_zookeeper *zookeeper = new0(struct state_zookeeper);
    size_t length = strlen(options->path);
    int64_t timeout_ms = options->session_timeout_ns / MILLISECOND;

    if (length > 0 && options->path[length - 1] == '/')
        length--;
    *zookeeper = (struct state_zookeeper){.store.ops = &zookeeper_ops,
                                          .servers = xstrdup(options->servers),
                                          .path = xstrndup(options->path, length),
                                          .scheme = xstrdup(options->scheme),
                                          .credentials = BUFFER_INIT,
                                          .session_timeout_ms = timeout_ms > INT32_MAX ? INT32_MAX : (int)timeout_ms};
    buffer_append(&zookeeper->credentials, options->credentials, options->credentials_size);
    pthread_mutex_init(&zookeeper->lock, NULL);
    pthread_cond_init(&zookeeper->changed, NULL);
    return &zookeeper->store;
}
