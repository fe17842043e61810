/* SPDX-License-Identifier: Apache-2.0 */
/* The natives of org.apache.mesos.state: a state is a state_client, with SQLite's store for LevelDBState and
 * ZooKeeper's for ZooKeeperState.
 *
 * The replicated log is no part of this library: its constructors throw. */
#include "driver/state_future.h"

#include "base/duration.h"
#include "driver/jni/jni_support.h"

#define VARIABLE "org/apache/mesos/state/Variable"

static struct state_variable *variable_of(JNIEnv *env, jobject object) {
    return jni_get_pointer(env, object, "__variable");
}

static jobject new_variable(JNIEnv *env, struct state_variable *variable) {
    jclass variable_class = (*env)->FindClass(env, VARIABLE);
    jmethodID make = variable_class == NULL ? NULL : (*env)->GetMethodID(env, variable_class, "<init>", "()V");
    jobject object = make == NULL ? NULL : (*env)->NewObject(env, variable_class, make);

    if ((*env)->ExceptionCheck(env)) {
        state_variable_free(variable);
        return NULL;
    }
    jni_set_pointer(env, object, "__variable", variable);
    return object;
}

/* Beginning */

#define STATE(type, name, ...) \
    JNIEXPORT type JNICALL Java_org_apache_mesos_state_##name(JNIEnv *env, jobject object, ##__VA_ARGS__); \
    JNIEXPORT type JNICALL Java_org_apache_mesos_state_##name(JNIEnv *env, jobject object, ##__VA_ARGS__)

static struct state_client *client_of(JNIEnv *env, jobject object) {
    struct state_client *client = jni_get_pointer(env, object, "__state");

    if (client == NULL)
        jni_throw(env, "java/lang/IllegalStateException", "the state was not initialized");
    return client;
}

STATE(void, LevelDBState_initialize, jstring jpath) {
    cleanup_(arena_done) struct arena arena = ARENA_INIT;
    cleanup_error struct error err = ERROR_INIT;
    const char *path = jni_to_text(env, jpath, &arena);
    struct state_store *store;

    if (path == NULL) {
        jni_throw(env, "java/lang/NullPointerException", "the path is null");
        return;
    }
    store = state_sqlite_open(path, &err);
    if (store == NULL)
        jni_throw(env, "java/lang/IllegalArgumentException", error_message(&err));
    else
        jni_set_pointer(env, object, "__state", state_client_new(store));
}

/* False with an exception pending. */
static bool to_nanoseconds(JNIEnv *env, jlong time, jobject unit, int64_t *ret) {
    jclass unit_class = (*env)->FindClass(env, "java/util/concurrent/TimeUnit");
    jmethodID to_nanos = unit_class == NULL ? NULL : (*env)->GetMethodID(env, unit_class, "toNanos", "(J)J");

    if (to_nanos == NULL)
        return false;
    if (unit == NULL) {
        jni_throw(env, "java/lang/NullPointerException", "the time unit is null");
        return false;
    }
    *ret = (*env)->CallLongMethod(env, unit, to_nanos, time);
    return !(*env)->ExceptionCheck(env);
}

static void initialize_zookeeper(JNIEnv *env, jobject object, jstring jservers, jlong timeout, jobject unit,
                                 jstring jpath, jstring jscheme, jbyteArray jcredentials) {
    cleanup_(arena_done) struct arena arena = ARENA_INIT;
    struct state_zookeeper_options options = {.servers = jni_to_text(env, jservers, &arena),
                                              .path = jni_to_text(env, jpath, &arena)};

    if (!to_nanoseconds(env, timeout, unit, &options.session_timeout_ns))
        return;
    if (options.servers == NULL || options.path == NULL) {
        jni_throw(env, "java/lang/NullPointerException", "the servers or the znode are null");
        return;
    }
    if (jscheme != NULL && jcredentials != NULL) {
        options.scheme = jni_to_text(env, jscheme, &arena);
        options.credentials = jni_to_bytes(env, jcredentials, &arena, &options.credentials_size);
    }
    jni_set_pointer(env, object, "__state", state_client_new(state_zookeeper_open(&options)));
}

STATE(void, ZooKeeperState_initialize__Ljava_lang_String_2JLjava_util_concurrent_TimeUnit_2Ljava_lang_String_2,
      jstring servers, jlong timeout, jobject unit, jstring znode) {
    initialize_zookeeper(env, object, servers, timeout, unit, znode, NULL, NULL);
}

STATE(
    void,
    ZooKeeperState_initialize__Ljava_lang_String_2JLjava_util_concurrent_TimeUnit_2Ljava_lang_String_2Ljava_lang_String_2_3B,
    jstring servers, jlong timeout, jobject unit, jstring znode, jstring scheme, jbyteArray credentials) {
    initialize_zookeeper(env, object, servers, timeout, unit, znode, scheme, credentials);
}

STATE(void, AbstractState_finalize) {
    state_client_close(jni_get_pointer(env, object, "__state"));
    jni_set_pointer(env, object, "__state", NULL);
}

static jlong begin(JNIEnv *env, jobject object, enum state_operation operation, const struct state_variable *variable) {
    struct state_client *client = client_of(env, object);

    return client == NULL ? 0 : (jlong)(intptr_t)state_begin(client, operation, variable);
}

STATE(jlong, AbstractState__1_1fetch, jstring jname) {
    cleanup_(arena_done) struct arena arena = ARENA_INIT;
    struct state_variable named = {.name = jni_to_text(env, jname, &arena)};

    if (named.name == NULL) {
        jni_throw(env, "java/lang/NullPointerException", "the name is null");
        return 0;
    }
    return begin(env, object, STATE_FETCH, &named);
}

STATE(jlong, AbstractState__1_1store, jobject jvariable) {
    return begin(env, object, STATE_STORE, variable_of(env, jvariable));
}

STATE(jlong, AbstractState__1_1expunge, jobject jvariable) {
    return begin(env, object, STATE_EXPUNGE, variable_of(env, jvariable));
}

STATE(jlong, AbstractState__1_1names) {
    return begin(env, object, STATE_NAMES, NULL);
}

/* What came of it. Each get can be called many times. */

static bool has_failed(JNIEnv *env, const struct state_result *result) {
    if (result->error != NULL)
        jni_throw(env, "java/util/concurrent/ExecutionException", result->error);
    else if (result->is_discarded)
        jni_throw(env, "java/util/concurrent/CancellationException", "Future was discarded");
    return result->error != NULL || result->is_discarded;
}

/* A variable; null if somebody else was first to store. */
static jobject get_variable(JNIEnv *env, const struct state_result *result) {
    const struct state_variable *variable = result->variable;

    if (has_failed(env, result) || variable == NULL)
        return NULL;
    return new_variable(env, state_variable_new(variable->name, variable->version, variable->value, variable->size));
}

static jobject get_expunged(JNIEnv *env, const struct state_result *result) {
    jclass boolean;
    jmethodID value_of;

    if (has_failed(env, result))
        return NULL;
    boolean = (*env)->FindClass(env, "java/lang/Boolean");
    value_of = (*env)->GetStaticMethodID(env, boolean, "valueOf", "(Z)Ljava/lang/Boolean;");
    return (*env)->CallStaticObjectMethod(env, boolean, value_of, (jboolean)result->is_expunged);
}

static jobject get_names(JNIEnv *env, const struct state_result *result) {
    jclass list_class = (*env)->FindClass(env, "java/util/ArrayList");
    jmethodID make = (*env)->GetMethodID(env, list_class, "<init>", "()V");
    jmethodID add = (*env)->GetMethodID(env, list_class, "add", "(Ljava/lang/Object;)Z");
    jmethodID iterator = (*env)->GetMethodID(env, list_class, "iterator", "()Ljava/util/Iterator;");
    jobject list = has_failed(env, result) ? NULL : (*env)->NewObject(env, list_class, make);

    for (size_t i = 0; list != NULL && !(*env)->ExceptionCheck(env) && i < result->name_count; i++) {
        jstring name = (*env)->NewStringUTF(env, result->names[i]);

        if (name != NULL)
            (*env)->CallBooleanMethod(env, list, add, name);
        (*env)->DeleteLocalRef(env, name);
    }
    return list == NULL || (*env)->ExceptionCheck(env) ? NULL : (*env)->CallObjectMethod(env, list, iterator);
}

static struct state_future *future_of(JNIEnv *env, jobject object) {
    return jni_get_pointer(env, object, "future");
}

typedef jobject (*make_result)(JNIEnv *env, const struct state_result *result);

static jobject get_in_time(JNIEnv *env, struct state_future *future, make_result make, jlong timeout, jobject unit) {
    const struct state_result *result;
    int64_t timeout_ns;

    if (!to_nanoseconds(env, timeout, unit, &timeout_ns))
        return NULL;
    result = state_future_wait(future, timeout_ns < 0 ? 0 : timeout_ns);
    if (result != NULL)
        return make(env, result);
    jni_throw(env, "java/util/concurrent/TimeoutException", "Failed to wait for future within timeout");
    return NULL;
}

#define HANDLE(handle) ((struct state_future *)(intptr_t)(handle))

/* As in Mesos nothing ever counts as cancelled: whether the operation is done all the same is not known. */
static jboolean cancel(struct state_future *future) {
    state_future_discard(future);
    return JNI_FALSE;
}

/* Both forms of a future: AbstractState's natives that get a handle, which only old classes use, and the inner class's
 * that hold it. */
#define FUTURE(name, Class, get) \
    STATE(jboolean, AbstractState__1_1##name##_1cancel, jlong handle) { \
        return cancel(HANDLE(handle)); \
    } \
    STATE(jboolean, AbstractState__1_1##name##_1is_1cancelled, jlong handle) { \
        return JNI_FALSE; \
    } \
    STATE(jboolean, AbstractState__1_1##name##_1is_1done, jlong handle) { \
        return state_future_is_done(HANDLE(handle)); \
    } \
    STATE(jobject, AbstractState__1_1##name##_1get, jlong handle) { \
        return get(env, state_future_wait(HANDLE(handle), -1)); \
    } \
    STATE(jobject, AbstractState__1_1##name##_1get_1timeout, jlong handle, jlong timeout, jobject unit) { \
        return get_in_time(env, HANDLE(handle), get, timeout, unit); \
    } \
    STATE(void, AbstractState__1_1##name##_1finalize, jlong handle) { \
        state_future_free(HANDLE(handle)); \
    } \
    STATE(jboolean, AbstractState_00024##Class##_cancel, jboolean may_interrupt) { \
        return may_interrupt ? cancel(future_of(env, object)) : JNI_FALSE; \
    } \
    STATE(jboolean, AbstractState_00024##Class##_isCancelled) { \
        return JNI_FALSE; \
    } \
    STATE(jboolean, AbstractState_00024##Class##_isDone) { \
        return state_future_is_done(future_of(env, object)); \
    } \
    STATE(jobject, AbstractState_00024##Class##_get__) { \
        return get(env, state_future_wait(future_of(env, object), -1)); \
    } \
    STATE(jobject, AbstractState_00024##Class##_get__JLjava_util_concurrent_TimeUnit_2, jlong timeout, jobject unit) { \
        return get_in_time(env, future_of(env, object), get, timeout, unit); \
    } \
    STATE(void, AbstractState_00024##Class##_finalize) { \
        state_future_free(future_of(env, object)); \
        jni_set_pointer(env, object, "future", NULL); \
    }

FUTURE(fetch, FetchFuture, get_variable)
FUTURE(store, StoreFuture, get_variable)
FUTURE(expunge, ExpungeFuture, get_expunged)
FUTURE(names, NamesFuture, get_names)

/* Variables */

STATE(jbyteArray, Variable_value) {
    const struct state_variable *variable = variable_of(env, object);

    return jni_from_bytes(env, variable->value, variable->size);
}

STATE(jobject, Variable_mutate, jbyteArray jvalue) {
    cleanup_(arena_done) struct arena arena = ARENA_INIT;
    const struct state_variable *variable = variable_of(env, object);
    size_t size;
    const void *value = jni_to_bytes(env, jvalue, &arena, &size);

    return new_variable(env, state_variable_new(variable->name, variable->version, value, size));
}

STATE(void, Variable_finalize) {
    state_variable_free(variable_of(env, object));
    jni_set_pointer(env, object, "__variable", NULL);
}

/* What is not here */

static void refuse(JNIEnv *env, const char *what) {
    jni_throw(env, "java/lang/UnsupportedOperationException", what);
}

#define NO_LOG \
    "this libmesos has no replicated log; LevelDBState and ZooKeeperState of org.apache.mesos.state keep state here"

STATE(void, LogState_initialize, jstring servers, jlong timeout, jobject unit, jstring znode, jlong quorum,
      jstring path, jint diffs) {
    refuse(env, NO_LOG);
}

/* Nothing was made. */
STATE(void, LogState_finalize) {
}

#define LOG(type, name, ...) \
    JNIEXPORT type JNICALL Java_org_apache_mesos_Log##name(JNIEnv *env, jobject object, ##__VA_ARGS__); \
    JNIEXPORT type JNICALL Java_org_apache_mesos_Log##name(JNIEnv *env, jobject object, ##__VA_ARGS__)

LOG(void, _initialize__ILjava_lang_String_2Ljava_util_Set_2, jint quorum, jstring path, jobject pids) {
    refuse(env, NO_LOG);
}

LOG(void, _initialize__ILjava_lang_String_2Ljava_lang_String_2JLjava_util_concurrent_TimeUnit_2Ljava_lang_String_2,
    jint quorum, jstring path, jstring servers, jlong timeout, jobject unit, jstring znode) {
    refuse(env, NO_LOG);
}

LOG(void,
    _initialize__ILjava_lang_String_2Ljava_lang_String_2JLjava_util_concurrent_TimeUnit_2Ljava_lang_String_2Ljava_lang_String_2_3B,
    jint quorum, jstring path, jstring servers, jlong timeout, jobject unit, jstring znode, jstring scheme,
    jbyteArray credentials) {
    refuse(env, NO_LOG);
}

LOG(void, _finalize) {
}

LOG(void, _00024Reader_initialize, jobject log) {
    refuse(env, NO_LOG);
}

LOG(void, _00024Reader_finalize) {
}

LOG(jobject, _00024Reader_read, jobject from, jobject to, jlong timeout, jobject unit) {
    refuse(env, NO_LOG);
    return NULL;
}

LOG(jobject, _00024Reader_beginning) {
    refuse(env, NO_LOG);
    return NULL;
}

LOG(jobject, _00024Reader_ending) {
    refuse(env, NO_LOG);
    return NULL;
}

LOG(jobject, _00024Reader_catchup, jlong timeout, jobject unit) {
    refuse(env, NO_LOG);
    return NULL;
}

LOG(void, _00024Writer_initialize, jobject log, jlong timeout, jobject unit, jint retries) {
    refuse(env, NO_LOG);
}

LOG(void, _00024Writer_finalize) {
}

LOG(jobject, _00024Writer_append, jbyteArray data, jlong timeout, jobject unit) {
    refuse(env, NO_LOG);
    return NULL;
}

LOG(jobject, _00024Writer_truncate, jobject to, jlong timeout, jobject unit) {
    refuse(env, NO_LOG);
    return NULL;
}
