/* SPDX-License-Identifier: Apache-2.0 */
/* The natives of org.apache.mesos.MesosExecutorDriver. The C driver is kept in the object's __driver, what belongs to
 * the binding in __executor. */
#include "mesos/executor.h"

#include "driver/jni/upcall.h"

#define DRIVER "Lorg/apache/mesos/ExecutorDriver;"

static void abort_driver(void *native) {
    mesos_executor_driver_abort(native);
}

static const struct java_driver_type type = {"executor", "Lorg/apache/mesos/Executor;", "__executor", abort_driver};

static void on_registered(struct mesos_executor_driver *native, void *user, const Mesos__V1__ExecutorInfo *executor,
                          const Mesos__V1__FrameworkInfo *framework, const Mesos__V1__AgentInfo *agent) {
    struct upcall upcall;

    if (!upcall_begin(&upcall, native, user))
        return;
    upcall_call(&upcall, "registered",
                "(" DRIVER UPCALL_SIGNATURE("ExecutorInfo") UPCALL_SIGNATURE("FrameworkInfo")
                    UPCALL_SIGNATURE("SlaveInfo") ")V",
                upcall.driver, upcall_message(&upcall, "ExecutorInfo", executor),
                upcall_message(&upcall, "FrameworkInfo", framework), upcall_message(&upcall, "SlaveInfo", agent));
    upcall_end(&upcall);
}

static void on_reregistered(struct mesos_executor_driver *native, void *user, const Mesos__V1__AgentInfo *agent) {
    struct upcall upcall;

    if (!upcall_begin(&upcall, native, user))
        return;
    upcall_call(&upcall, "reregistered", "(" DRIVER UPCALL_SIGNATURE("SlaveInfo") ")V", upcall.driver,
                upcall_message(&upcall, "SlaveInfo", agent));
    upcall_end(&upcall);
}

static void on_disconnected(struct mesos_executor_driver *native, void *user) {
    struct upcall upcall;

    if (!upcall_begin(&upcall, native, user))
        return;
    upcall_call(&upcall, "disconnected", "(" DRIVER ")V", upcall.driver);
    upcall_end(&upcall);
}

static void on_launch(struct mesos_executor_driver *native, void *user, const Mesos__V1__TaskInfo *task) {
    struct upcall upcall;

    if (!upcall_begin(&upcall, native, user))
        return;
    upcall_call(&upcall, "launchTask", "(" DRIVER UPCALL_SIGNATURE("TaskInfo") ")V", upcall.driver,
                upcall_message(&upcall, "TaskInfo", task));
    upcall_end(&upcall);
}

static void on_kill(struct mesos_executor_driver *native, void *user, const Mesos__V1__TaskID *task_id) {
    struct upcall upcall;

    if (!upcall_begin(&upcall, native, user))
        return;
    upcall_call(&upcall, "killTask", "(" DRIVER UPCALL_SIGNATURE("TaskID") ")V", upcall.driver,
                upcall_message(&upcall, "TaskID", task_id));
    upcall_end(&upcall);
}

static void on_message(struct mesos_executor_driver *native, void *user, const void *data, size_t size) {
    struct upcall upcall;

    if (!upcall_begin(&upcall, native, user))
        return;
    upcall_call(&upcall, "frameworkMessage", "(" DRIVER "[B)V", upcall.driver, jni_from_bytes(upcall.env, data, size));
    upcall_end(&upcall);
}

static void on_shutdown(struct mesos_executor_driver *native, void *user) {
    struct upcall upcall;

    if (!upcall_begin(&upcall, native, user))
        return;
    upcall_call(&upcall, "shutdown", "(" DRIVER ")V", upcall.driver);
    upcall_end(&upcall);
}

static void on_error(struct mesos_executor_driver *native, void *user, const char *text) {
    struct upcall upcall;

    if (!upcall_begin(&upcall, native, user))
        return;
    upcall_call(&upcall, "error", "(" DRIVER "Ljava/lang/String;)V", upcall.driver,
                (*upcall.env)->NewStringUTF(upcall.env, text));
    upcall_end(&upcall);
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
    struct java_driver *java = java_driver_new(env, object, &type);
    struct mesos_executor_driver *driver;
    char *error = NULL;

    driver = mesos_executor_driver_new(&callbacks, java, &error);
    if (driver == NULL) {
        jni_throw(env, "java/lang/IllegalStateException", error);
        java_driver_free(env, java);
        free(error);
        return;
    }
    java_driver_bind(env, object, &type, java, driver);
}

NATIVE(void, finalize) {
    struct java_driver *java = jni_get_pointer(env, object, type.binding);

    mesos_executor_driver_free(jni_get_pointer(env, object, "__driver"));
    java_driver_bind(env, object, &type, NULL, NULL);
    java_driver_free(env, java);
}

NATIVE(jobject, start) {
    struct mesos_executor_driver *driver = java_driver_native(env, object);

    return driver == NULL ? NULL : jni_from_status(env, object, mesos_executor_driver_start(driver));
}

NATIVE(jobject, stop) {
    struct mesos_executor_driver *driver = java_driver_native(env, object);

    return driver == NULL ? NULL : jni_from_status(env, object, mesos_executor_driver_stop(driver));
}

NATIVE(jobject, abort) {
    struct mesos_executor_driver *driver = java_driver_native(env, object);

    return driver == NULL ? NULL : jni_from_status(env, object, mesos_executor_driver_abort(driver));
}

NATIVE(jobject, join) {
    struct mesos_executor_driver *driver = java_driver_native(env, object);

    return driver == NULL ? NULL : jni_from_status(env, object, mesos_executor_driver_join(driver));
}

NATIVE(jobject, sendStatusUpdate, jobject jstatus) {
    cleanup_(arena_done) struct arena arena = ARENA_INIT;
    const Mesos__V1__TaskStatus *status = jni_to_message(env, jstatus, &mesos__v1__task_status__descriptor, &arena);
    struct mesos_executor_driver *driver = status == NULL ? NULL : java_driver_native(env, object);

    return driver == NULL ? NULL
                          : jni_from_status(env, object, mesos_executor_driver_send_status_update(driver, status));
}

NATIVE(jobject, sendFrameworkMessage, jbyteArray jdata) {
    cleanup_(arena_done) struct arena arena = ARENA_INIT;
    struct mesos_executor_driver *driver = java_driver_native(env, object);
    size_t size;
    void *data = jni_to_bytes(env, jdata, &arena, &size);

    return driver == NULL
               ? NULL
               : jni_from_status(env, object, mesos_executor_driver_send_framework_message(driver, data, size));
}
