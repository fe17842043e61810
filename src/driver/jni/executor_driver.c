/* SPDX-License-Identifier: Apache-2.0 */
/* The natives of org.apache.mesos.MesosExecutorDriver. The C driver is kept in the object's __driver, what belongs to
 * the binding in __executor. */
#include "mesos/executor.h"

#include "driver/jni/jni_support.h"

#define PROTOS "org/apache/mesos/Protos$"
#define DRIVER "Lorg/apache/mesos/ExecutorDriver;"
#define MESSAGE(name) "L" PROTOS name ";"

enum { LOCAL_REFERENCES = 32 };

struct java_executor {
    JavaVM *vm;
    jweak driver;
};

struct upcall {
    JNIEnv *env;
    struct mesos_executor_driver *native;
    jobject driver, executor;
};

static bool begin_upcall(struct upcall *upcall, struct mesos_executor_driver *native, void *user) {
    struct java_executor *java = user;

    upcall->native = native;
    upcall->env = jni_attach(java->vm);
    if (upcall->env == NULL || (*upcall->env)->PushLocalFrame(upcall->env, LOCAL_REFERENCES) < 0)
        return false;
    upcall->driver = (*upcall->env)->NewLocalRef(upcall->env, java->driver);
    if (upcall->driver != NULL) {
        upcall->executor = jni_get_object(upcall->env, upcall->driver, "executor", "Lorg/apache/mesos/Executor;");
        return true;
    }
    (*upcall->env)->PopLocalFrame(upcall->env, NULL);
    return false;
}

static void end_upcall(struct upcall *upcall) {
    JNIEnv *env = upcall->env;

    if ((*env)->ExceptionCheck(env)) {
        (*env)->ExceptionDescribe(env);
        (*env)->ExceptionClear(env);
        mesos_executor_driver_abort(upcall->native);
    }
    (*env)->PopLocalFrame(env, NULL);
}

static void call(struct upcall *upcall, const char *name, const char *signature, ...) {
    JNIEnv *env = upcall->env;
    va_list arguments;
    jmethodID method;

    if ((*env)->ExceptionCheck(env))
        return;
    method = (*env)->GetMethodID(env, (*env)->GetObjectClass(env, upcall->executor), name, signature);
    if (method == NULL)
        return;
    va_start(arguments, signature);
    (*env)->CallVoidMethodV(env, upcall->executor, method, arguments);
    va_end(arguments);
}

static jobject message(struct upcall *upcall, const char *name, const void *value) {
    return (*upcall->env)->ExceptionCheck(upcall->env) ? NULL
                                                       : jni_from_message(upcall->env, upcall->driver, name, value);
}

static void on_registered(struct mesos_executor_driver *native, void *user, const Mesos__V1__ExecutorInfo *executor,
                          const Mesos__V1__FrameworkInfo *framework, const Mesos__V1__AgentInfo *agent) {
    struct upcall upcall;

    if (!begin_upcall(&upcall, native, user))
        return;
    call(&upcall, "registered", "(" DRIVER MESSAGE("ExecutorInfo") MESSAGE("FrameworkInfo") MESSAGE("SlaveInfo") ")V",
         upcall.driver, message(&upcall, PROTOS "ExecutorInfo", executor),
         message(&upcall, PROTOS "FrameworkInfo", framework), message(&upcall, PROTOS "SlaveInfo", agent));
    end_upcall(&upcall);
}

static void on_reregistered(struct mesos_executor_driver *native, void *user, const Mesos__V1__AgentInfo *agent) {
    struct upcall upcall;

    if (!begin_upcall(&upcall, native, user))
        return;
    call(&upcall, "reregistered", "(" DRIVER MESSAGE("SlaveInfo") ")V", upcall.driver,
         message(&upcall, PROTOS "SlaveInfo", agent));
    end_upcall(&upcall);
}

static void on_disconnected(struct mesos_executor_driver *native, void *user) {
    struct upcall upcall;

    if (!begin_upcall(&upcall, native, user))
        return;
    call(&upcall, "disconnected", "(" DRIVER ")V", upcall.driver);
    end_upcall(&upcall);
}

static void on_launch(struct mesos_executor_driver *native, void *user, const Mesos__V1__TaskInfo *task) {
    struct upcall upcall;

    if (!begin_upcall(&upcall, native, user))
        return;
    call(&upcall, "launchTask", "(" DRIVER MESSAGE("TaskInfo") ")V", upcall.driver,
         message(&upcall, PROTOS "TaskInfo", task));
    end_upcall(&upcall);
}

static void on_kill(struct mesos_executor_driver *native, void *user, const Mesos__V1__TaskID *task_id) {
    struct upcall upcall;

    if (!begin_upcall(&upcall, native, user))
        return;
    call(&upcall, "killTask", "(" DRIVER MESSAGE("TaskID") ")V", upcall.driver,
         message(&upcall, PROTOS "TaskID", task_id));
    end_upcall(&upcall);
}

static void on_message(struct mesos_executor_driver *native, void *user, const void *data, size_t size) {
    struct upcall upcall;

    if (!begin_upcall(&upcall, native, user))
        return;
    call(&upcall, "frameworkMessage", "(" DRIVER "[B)V", upcall.driver, jni_from_bytes(upcall.env, data, size));
    end_upcall(&upcall);
}

static void on_shutdown(struct mesos_executor_driver *native, void *user) {
    struct upcall upcall;

    if (!begin_upcall(&upcall, native, user))
        return;
    call(&upcall, "shutdown", "(" DRIVER ")V", upcall.driver);
    end_upcall(&upcall);
}

static void on_error(struct mesos_executor_driver *native, void *user, const char *text) {
    struct upcall upcall;

    if (!begin_upcall(&upcall, native, user))
        return;
    call(&upcall, "error", "(" DRIVER "Ljava/lang/String;)V", upcall.driver,
         (*upcall.env)->NewStringUTF(upcall.env, text));
    end_upcall(&upcall);
}

static const struct mesos_executor callbacks = {.registered = on_registered,
                                                .reregistered = on_reregistered,
                                                .disconnected = on_disconnected,
                                                .launch_task = on_launch,
                                                .kill_task = on_kill,
                                                .framework_message = on_message,
                                                .shutdown = on_shutdown,
                                                .error = on_error};

#define NATIVE(type, name, ...) \
    JNIEXPORT type JNICALL Java_org_apache_mesos_MesosExecutorDriver_##name(JNIEnv *env, jobject object, \
                                                                            ##__VA_ARGS__); \
    JNIEXPORT type JNICALL Java_org_apache_mesos_MesosExecutorDriver_##name(JNIEnv *env, jobject object, ##__VA_ARGS__)

NATIVE(void, initialize) {
    struct java_executor *java = new0(struct java_executor);
    struct mesos_executor_driver *driver;
    char *error = NULL;

    (*env)->GetJavaVM(env, &java->vm);
    java->driver = (*env)->NewWeakGlobalRef(env, object);
    driver = mesos_executor_driver_new(&callbacks, java, &error);
    if (driver == NULL) {
        jni_throw(env, "java/lang/IllegalStateException", error);
        (*env)->DeleteWeakGlobalRef(env, java->driver);
        free(java);
        free(error);
        return;
    }
    jni_set_pointer(env, object, "__executor", java);
    jni_set_pointer(env, object, "__driver", driver);
}

NATIVE(void, finalize) {
    struct java_executor *java = jni_get_pointer(env, object, "__executor");

    mesos_executor_driver_free(jni_get_pointer(env, object, "__driver"));
    jni_set_pointer(env, object, "__driver", NULL);
    jni_set_pointer(env, object, "__executor", NULL);
    if (java == NULL)
        return;
    (*env)->DeleteWeakGlobalRef(env, java->driver);
    free(java);
}

static struct mesos_executor_driver *driver_of(JNIEnv *env, jobject object) {
    struct mesos_executor_driver *driver = jni_get_pointer(env, object, "__driver");

    if (driver == NULL)
        jni_throw(env, "java/lang/IllegalStateException", "the driver was not initialized");
    return driver;
}

NATIVE(jobject, start) {
    struct mesos_executor_driver *driver = driver_of(env, object);

    return driver == NULL ? NULL : jni_from_status(env, object, mesos_executor_driver_start(driver));
}

NATIVE(jobject, stop) {
    struct mesos_executor_driver *driver = driver_of(env, object);

    return driver == NULL ? NULL : jni_from_status(env, object, mesos_executor_driver_stop(driver));
}

NATIVE(jobject, abort) {
    struct mesos_executor_driver *driver = driver_of(env, object);

    return driver == NULL ? NULL : jni_from_status(env, object, mesos_executor_driver_abort(driver));
}

NATIVE(jobject, join) {
    struct mesos_executor_driver *driver = driver_of(env, object);

    return driver == NULL ? NULL : jni_from_status(env, object, mesos_executor_driver_join(driver));
}

NATIVE(jobject, sendStatusUpdate, jobject jstatus) {
    cleanup_(arena_done) struct arena arena = ARENA_INIT;
    const Mesos__V1__TaskStatus *status = jni_to_message(env, jstatus, &mesos__v1__task_status__descriptor, &arena);
    struct mesos_executor_driver *driver = status == NULL ? NULL : driver_of(env, object);

    return driver == NULL ? NULL
                          : jni_from_status(env, object, mesos_executor_driver_send_status_update(driver, status));
}

NATIVE(jobject, sendFrameworkMessage, jbyteArray jdata) {
    cleanup_(arena_done) struct arena arena = ARENA_INIT;
    struct mesos_executor_driver *driver = driver_of(env, object);
    size_t size;
    void *data = jni_to_bytes(env, jdata, &arena, &size);

    return driver == NULL
               ? NULL
               : jni_from_status(env, object, mesos_executor_driver_send_framework_message(driver, data, size));
}
