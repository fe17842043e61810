/* SPDX-License-Identifier: Apache-2.0 */
/* The natives of org.apache.mesos.state: LevelDBState keeps its variables in a state_store. Every operation is done
 * when the call that began it returns; the futures hold what came of it.
 *
 * The replicated log and ZooKeeper are no part of this library: their constructors throw. */
#include "driver/state_store.h"

#include "driver/jni/jni_support.h"

#define VARIABLE "org/apache/mesos/state/Variable"

/* What a future holds. */
struct outcome {
    char *error; /* NULL: done */
    struct state_variable *variable;
    bool is_expunged;
    char **names;
    size_t name_count;
};

static struct state_variable *variable_of(JNIEnv *env, jobject object) {
    return jni_get_pointer(env, object, "__variable");
}

static jlong outcome(struct outcome *outcome, int result, struct error *err) {
    if (result < 0)
        outcome->error = take_ptr(&err->message);
    error_done(err);
    return (jlong)(intptr_t)outcome;
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

static struct state_store *store_of(JNIEnv *env, jobject object) {
    struct state_store *store = jni_get_pointer(env, object, "__state");

    if (store == NULL)
        jni_throw(env, "java/lang/IllegalStateException", "the state was not initialized");
    return store;
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
    store = state_store_open(path, &err);
    if (store == NULL)
        jni_throw(env, "java/lang/IllegalArgumentException", error_message(&err));
    else
        jni_set_pointer(env, object, "__state", store);
}

STATE(void, AbstractState_finalize) {
    state_store_close(jni_get_pointer(env, object, "__state"));
    jni_set_pointer(env, object, "__state", NULL);
}

STATE(jlong, AbstractState__1_1fetch, jstring jname) {
    cleanup_(arena_done) struct arena arena = ARENA_INIT;
    const char *name = jni_to_text(env, jname, &arena);
    struct state_store *store = store_of(env, object);
    struct error err = ERROR_INIT;
    struct outcome *fetched;

    if (store == NULL)
        return 0;
    if (name == NULL) {
        jni_throw(env, "java/lang/NullPointerException", "the name is null");
        return 0;
    }
    fetched = new0(struct outcome);
    return outcome(fetched, state_store_fetch(store, name, &fetched->variable, &err), &err);
}

STATE(jlong, AbstractState__1_1store, jobject jvariable) {
    struct state_store *store = store_of(env, object);
    struct error err = ERROR_INIT;
    struct outcome *stored;

    if (store == NULL)
        return 0;
    stored = new0(struct outcome);
    return outcome(stored, state_store_store(store, variable_of(env, jvariable), &stored->variable, &err), &err);
}

STATE(jlong, AbstractState__1_1expunge, jobject jvariable) {
    struct state_store *store = store_of(env, object);
    struct error err = ERROR_INIT;
    struct outcome *expunged;

    if (store == NULL)
        return 0;
    expunged = new0(struct outcome);
    return outcome(expunged, state_store_expunge(store, variable_of(env, jvariable), &expunged->is_expunged, &err),
                   &err);
}

STATE(jlong, AbstractState__1_1names) {
    struct state_store *store = store_of(env, object);
    struct error err = ERROR_INIT;
    struct outcome *listed;

    if (store == NULL)
        return 0;
    listed = new0(struct outcome);
    return outcome(listed, state_store_names(store, &listed->names, &listed->name_count, &err), &err);
}

/* What came of it. Each get can be called many times. */

static bool has_failed(JNIEnv *env, const struct outcome *outcome) {
    if (outcome->error != NULL)
        jni_throw(env, "java/util/concurrent/ExecutionException", outcome->error);
    return outcome->error != NULL;
}

/* A variable; null if somebody else was first to store. */
static jobject get_variable(JNIEnv *env, const struct outcome *outcome) {
    const struct state_variable *variable = outcome->variable;

    if (has_failed(env, outcome) || variable == NULL)
        return NULL;
    return new_variable(env, state_variable_new(variable->name, variable->version, variable->value, variable->size));
}

static jobject get_expunged(JNIEnv *env, const struct outcome *outcome) {
    jclass boolean;
    jmethodID value_of;

    if (has_failed(env, outcome))
        return NULL;
    boolean = (*env)->FindClass(env, "java/lang/Boolean");
    value_of = (*env)->GetStaticMethodID(env, boolean, "valueOf", "(Z)Ljava/lang/Boolean;");
    return (*env)->CallStaticObjectMethod(env, boolean, value_of, (jboolean)outcome->is_expunged);
}

static jobject get_names(JNIEnv *env, const struct outcome *outcome) {
    jclass list_class = (*env)->FindClass(env, "java/util/ArrayList");
    jmethodID make = (*env)->GetMethodID(env, list_class, "<init>", "()V");
    jmethodID add = (*env)->GetMethodID(env, list_class, "add", "(Ljava/lang/Object;)Z");
    jmethodID iterator = (*env)->GetMethodID(env, list_class, "iterator", "()Ljava/util/Iterator;");
    jobject list = has_failed(env, outcome) ? NULL : (*env)->NewObject(env, list_class, make);

    for (size_t i = 0; list != NULL && !(*env)->ExceptionCheck(env) && i < outcome->name_count; i++) {
        jstring name = (*env)->NewStringUTF(env, outcome->names[i]);

        if (name != NULL)
            (*env)->CallBooleanMethod(env, list, add, name);
        (*env)->DeleteLocalRef(env, name);
    }
    return list == NULL || (*env)->ExceptionCheck(env) ? NULL : (*env)->CallObjectMethod(env, list, iterator);
}

static void free_outcome(struct outcome *outcome) {
    if (outcome == NULL)
        return;
    free(outcome->error);
    state_variable_free(outcome->variable);
    for (size_t i = 0; i < outcome->name_count; i++)
        free(outcome->names[i]);
    free(outcome->names);
    free(outcome);
}

#define OUTCOME(handle) ((struct outcome *)(intptr_t)(handle))

/* Both forms of a future: AbstractState's natives that get a handle, which only old classes use, and the inner class's
 * that hold it. As in Mesos nothing is ever cancelled. */
#define FUTURE(name, Class, get) \
    STATE(jboolean, AbstractState__1_1##name##_1cancel, jlong handle) { \
        return JNI_FALSE; \
    } \
    STATE(jboolean, AbstractState__1_1##name##_1is_1cancelled, jlong handle) { \
        return JNI_FALSE; \
    } \
    STATE(jboolean, AbstractState__1_1##name##_1is_1done, jlong handle) { \
        return JNI_TRUE; \
    } \
    STATE(jobject, AbstractState__1_1##name##_1get, jlong handle) { \
        return get(env, OUTCOME(handle)); \
    } \
    STATE(jobject, AbstractState__1_1##name##_1get_1timeout, jlong handle, jlong timeout, jobject unit) { \
        return get(env, OUTCOME(handle)); \
    } \
    STATE(void, AbstractState__1_1##name##_1finalize, jlong handle) { \
        free_outcome(OUTCOME(handle)); \
    } \
    STATE(jboolean, AbstractState_00024##Class##_cancel, jboolean may_interrupt) { \
        return JNI_FALSE; \
    } \
    STATE(jboolean, AbstractState_00024##Class##_isCancelled) { \
        return JNI_FALSE; \
    } \
    STATE(jboolean, AbstractState_00024##Class##_isDone) { \
        return JNI_TRUE; \
    } \
    STATE(jobject, AbstractState_00024##Class##_get__) { \
        return get(env, jni_get_pointer(env, object, "future")); \
    } \
    STATE(jobject, AbstractState_00024##Class##_get__JLjava_util_concurrent_TimeUnit_2, jlong timeout, jobject unit) { \
        return get(env, jni_get_pointer(env, object, "future")); \
    } \
    STATE(void, AbstractState_00024##Class##_finalize) { \
        free_outcome(jni_get_pointer(env, object, "future")); \
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

#define NO_ZOOKEEPER "this libmesos does not speak to ZooKeeper; org.apache.mesos.state.LevelDBState keeps state here"
#define NO_LOG "this libmesos has no replicated log; org.apache.mesos.state.LevelDBState keeps state here"

STATE(void, ZooKeeperState_initialize__Ljava_lang_String_2JLjava_util_concurrent_TimeUnit_2Ljava_lang_String_2,
      jstring servers, jlong timeout, jobject unit, jstring znode) {
    refuse(env, NO_ZOOKEEPER);
}

STATE(
    void,
    ZooKeeperState_initialize__Ljava_lang_String_2JLjava_util_concurrent_TimeUnit_2Ljava_lang_String_2Ljava_lang_String_2_3B,
    jstring servers, jlong timeout, jobject unit, jstring znode, jstring scheme, jbyteArray credentials) {
    refuse(env, NO_ZOOKEEPER);
}

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
