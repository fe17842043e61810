/* SPDX-License-Identifier: Apache-2.0 */
/* The natives of org.apache.mesos.v1.scheduler.V1Mesos and V0Mesos. What is behind both is kept in the object's
 * __mesos.
 *
 * V0Mesos is Mesos's bridge from the v0 driver to this interface; here it differs from V1Mesos in that the framework is
 * the one it was made with and keeps its id. */
#include "driver/raw_scheduler.h"

#include "driver/jni/jni_support.h"

#define MESOS "Lorg/apache/mesos/v1/scheduler/Mesos;"
#define SCHEDULER "Lorg/apache/mesos/v1/scheduler/Scheduler;"
#define PROTOS "org/apache/mesos/v1/scheduler/Protos$"

enum { LOCAL_REFERENCES = 32 };

struct java_mesos {
    JavaVM *vm;
    jweak mesos; /* weak: whoever uses the library holds it */
    struct raw_scheduler *native;
};

/* scheduler.<name>(mesos[, event]). An exception ends the callbacks: Mesos itself ends the whole process then. */
static void call_back(struct java_mesos *java, struct raw_scheduler *native, const char *name, const char *signature,
                      const Mesos__V1__Scheduler__Event *event) {
    JNIEnv *env = jni_attach(java->vm);
    jobject mesos, scheduler, jevent = NULL;
    jmethodID method;

    if (env == NULL || (*env)->PushLocalFrame(env, LOCAL_REFERENCES) < 0)
        return;
    mesos = (*env)->NewLocalRef(env, java->mesos);
    if (mesos != NULL) {
        scheduler = jni_get_object(env, mesos, "scheduler", SCHEDULER);
        method = (*env)->GetMethodID(env, (*env)->GetObjectClass(env, scheduler), name, signature);
        if (method != NULL && event != NULL)
            jevent = jni_from_message(env, mesos, PROTOS "Event", event);
        if (!(*env)->ExceptionCheck(env))
            (*env)->CallVoidMethod(env, scheduler, method, mesos, jevent);
        if ((*env)->ExceptionCheck(env)) {
            (*env)->ExceptionDescribe(env);
            (*env)->ExceptionClear(env);
            raw_scheduler_abort(native);
        }
    }
    (*env)->PopLocalFrame(env, NULL);
}

static void on_connected(struct raw_scheduler *native, void *user) {
    call_back(user, native, "connected", "(" MESOS ")V", NULL);
}

static void on_disconnected(struct raw_scheduler *native, void *user) {
    call_back(user, native, "disconnected", "(" MESOS ")V", NULL);
}

static void on_received(struct raw_scheduler *native, void *user, const Mesos__V1__Scheduler__Event *event) {
    call_back(user, native, "received", "(" MESOS "L" PROTOS "Event;)V", event);
}

static const struct raw_scheduler_events events = {on_connected, on_disconnected, on_received};

static void initialize(JNIEnv *env, jobject object) {
    cleanup_(arena_done) struct arena arena = ARENA_INIT;
    struct raw_scheduler_options options = {0};
    Mesos__V1__Credential *credential;
    struct java_mesos *java;
    char *error = NULL;

    options.master = jni_to_text(env, jni_get_object(env, object, "master", "Ljava/lang/String;"), &arena);
    credential = jni_to_message(env,
                                jni_get_object(env, object, "credential", "Lorg/apache/mesos/v1/Protos$Credential;"),
                                &mesos__v1__credential__descriptor, &arena);
    if ((*env)->ExceptionCheck(env))
        return;
    options.framework = jni_to_message(
        env, jni_get_object(env, object, "framework", "Lorg/apache/mesos/v1/Protos$FrameworkInfo;"),
        &mesos__v1__framework_info__descriptor, &arena);
    if ((*env)->ExceptionCheck(env))
        return;
    if (credential != NULL) {
        options.principal = credential->principal;
        options.secret = credential->secret;
    }
    java = new0(struct java_mesos);
    (*env)->GetJavaVM(env, &java->vm);
    java->mesos = (*env)->NewWeakGlobalRef(env, object);
    java->native = raw_scheduler_new(&options, &events, java, &error);
    if (java->native == NULL) {
        jni_throw(env, "java/lang/IllegalArgumentException", error);
        (*env)->DeleteWeakGlobalRef(env, java->mesos);
        free(java);
        free(error);
        return;
    }
    /* Before the first callback, which will want to send (MESOS-5926). */
    jni_set_pointer(env, object, "__mesos", java);
    raw_scheduler_start(java->native);
}

static void finalize(JNIEnv *env, jobject object) {
    struct java_mesos *java = jni_get_pointer(env, object, "__mesos");

    jni_set_pointer(env, object, "__mesos", NULL);
    if (java == NULL)
        return;
    raw_scheduler_free(java->native);
    (*env)->DeleteWeakGlobalRef(env, java->mesos);
    free(java);
}

static void send_call(JNIEnv *env, jobject object, jobject jcall) {
    cleanup_(arena_done) struct arena arena = ARENA_INIT;
    const Mesos__V1__Scheduler__Call *call = jni_to_message(env, jcall, &mesos__v1__scheduler__call__descriptor,
                                                            &arena);
    struct java_mesos *java = call == NULL ? NULL : jni_get_pointer(env, object, "__mesos");

    if (java != NULL)
        raw_scheduler_send(java->native, call);
}

#define NATIVE(class_name, name, ...) \
    JNIEXPORT void JNICALL Java_org_apache_mesos_v1_scheduler_##class_name##_##name(JNIEnv *env, jobject object, \
                                                                                    ##__VA_ARGS__); \
    JNIEXPORT void JNICALL Java_org_apache_mesos_v1_scheduler_##class_name##_##name(JNIEnv *env, jobject object, \
                                                                                    ##__VA_ARGS__)

NATIVE(V1Mesos, initialize) {
    initialize(env, object);
}

NATIVE(V1Mesos, finalize) {
    finalize(env, object);
}

NATIVE(V1Mesos, send, jobject jcall) {
    send_call(env, object, jcall);
}

NATIVE(V1Mesos, reconnect) {
    struct java_mesos *java = jni_get_pointer(env, object, "__mesos");

    if (java != NULL)
        raw_scheduler_reconnect(java->native);
}

NATIVE(V0Mesos, initialize) {
    initialize(env, object);
}

NATIVE(V0Mesos, finalize) {
    finalize(env, object);
}

NATIVE(V0Mesos, send, jobject jcall) {
    send_call(env, object, jcall);
}
