/* SPDX-License-Identifier: Apache-2.0 */
/* The natives of org.apache.mesos.MesosSchedulerDriver. The C driver is kept in the object's __driver, what belongs to
 * the binding in __scheduler. */
#include "mesos/scheduler.h"

#include <string.h>

#include "driver/jni/jni_support.h"

#define PROTOS "org/apache/mesos/Protos$"
#define DRIVER "Lorg/apache/mesos/SchedulerDriver;"
#define MESSAGE(name) "L" PROTOS name ";"

enum { LOCAL_REFERENCES = 32 };

struct java_scheduler {
    JavaVM *vm;
    jweak driver; /* weak: a driver that nobody uses can be collected */
};

/* A callback on its way into Java. */
struct upcall {
    JNIEnv *env;
    struct mesos_scheduler_driver *native;
    jobject driver, scheduler;
};

/* Returns false if the Java driver is gone or the JVM does not take us. */
static bool begin_upcall(struct upcall *upcall, struct mesos_scheduler_driver *native, void *user) {
    struct java_scheduler *java = user;

    upcall->native = native;
    upcall->env = jni_attach(java->vm);
    if (upcall->env == NULL || (*upcall->env)->PushLocalFrame(upcall->env, LOCAL_REFERENCES) < 0)
        return false;
    upcall->driver = (*upcall->env)->NewLocalRef(upcall->env, java->driver);
    if (upcall->driver != NULL) {
        upcall->scheduler = jni_get_object(upcall->env, upcall->driver, "scheduler", "Lorg/apache/mesos/Scheduler;");
        return true;
    }
    (*upcall->env)->PopLocalFrame(upcall->env, NULL);
    return false;
}

/* As in Mesos, an exception in a callback is printed and aborts the driver. */
static void end_upcall(struct upcall *upcall) {
    JNIEnv *env = upcall->env;

    if ((*env)->ExceptionCheck(env)) {
        (*env)->ExceptionDescribe(env);
        (*env)->ExceptionClear(env);
        mesos_scheduler_driver_abort(upcall->native);
    }
    (*env)->PopLocalFrame(env, NULL);
}

/* scheduler.<name>(driver, …) unless making the arguments failed. */
static void call(struct upcall *upcall, const char *name, const char *signature, ...) {
    JNIEnv *env = upcall->env;
    va_list arguments;
    jmethodID method;

    if ((*env)->ExceptionCheck(env))
        return;
    method = (*env)->GetMethodID(env, (*env)->GetObjectClass(env, upcall->scheduler), name, signature);
    if (method == NULL)
        return;
    va_start(arguments, signature);
    (*env)->CallVoidMethodV(env, upcall->scheduler, method, arguments);
    va_end(arguments);
}

static jobject message(struct upcall *upcall, const char *name, const void *value) {
    return (*upcall->env)->ExceptionCheck(upcall->env) ? NULL
                                                       : jni_from_message(upcall->env, upcall->driver, name, value);
}

static void on_registered(struct mesos_scheduler_driver *native, void *user, const Mesos__V1__FrameworkID *framework_id,
                          const Mesos__V1__MasterInfo *master) {
    struct upcall upcall;

    if (!begin_upcall(&upcall, native, user))
        return;
    call(&upcall, "registered", "(" DRIVER MESSAGE("FrameworkID") MESSAGE("MasterInfo") ")V", upcall.driver,
         message(&upcall, PROTOS "FrameworkID", framework_id), message(&upcall, PROTOS "MasterInfo", master));
    end_upcall(&upcall);
}

static void on_reregistered(struct mesos_scheduler_driver *native, void *user, const Mesos__V1__MasterInfo *master) {
    struct upcall upcall;

    if (!begin_upcall(&upcall, native, user))
        return;
    call(&upcall, "reregistered", "(" DRIVER MESSAGE("MasterInfo") ")V", upcall.driver,
         message(&upcall, PROTOS "MasterInfo", master));
    end_upcall(&upcall);
}

static void on_disconnected(struct mesos_scheduler_driver *native, void *user) {
    struct upcall upcall;

    if (!begin_upcall(&upcall, native, user))
        return;
    call(&upcall, "disconnected", "(" DRIVER ")V", upcall.driver);
    end_upcall(&upcall);
}

/* A java.util.ArrayList of messages; each one's local reference is given back at once, since there can be many. */
static jobject list_of_offers(struct upcall *upcall, Mesos__V1__Offer *const *offers, size_t count) {
    JNIEnv *env = upcall->env;
    jclass list_class = (*env)->FindClass(env, "java/util/ArrayList");
    jmethodID make = (*env)->GetMethodID(env, list_class, "<init>", "(I)V");
    jmethodID add = (*env)->GetMethodID(env, list_class, "add", "(Ljava/lang/Object;)Z");
    jobject list = (*env)->NewObject(env, list_class, make, (jint)count);

    for (size_t i = 0; i < count && !(*env)->ExceptionCheck(env); i++) {
        jobject offer;

        if ((*env)->PushLocalFrame(env, LOCAL_REFERENCES) < 0)
            break;
        offer = message(upcall, PROTOS "Offer", offers[i]);
        if (offer != NULL)
            (*env)->CallBooleanMethod(env, list, add, offer);
        (*env)->PopLocalFrame(env, NULL);
    }
    return list;
}

static void on_offers(struct mesos_scheduler_driver *native, void *user, Mesos__V1__Offer *const *offers,
                      size_t count) {
    struct upcall upcall;

    if (!begin_upcall(&upcall, native, user))
        return;
    call(&upcall, "resourceOffers", "(" DRIVER "Ljava/util/List;)V", upcall.driver,
         list_of_offers(&upcall, offers, count));
    end_upcall(&upcall);
}

static void on_rescinded(struct mesos_scheduler_driver *native, void *user, const Mesos__V1__OfferID *offer_id) {
    struct upcall upcall;

    if (!begin_upcall(&upcall, native, user))
        return;
    call(&upcall, "offerRescinded", "(" DRIVER MESSAGE("OfferID") ")V", upcall.driver,
         message(&upcall, PROTOS "OfferID", offer_id));
    end_upcall(&upcall);
}

static void on_status_update(struct mesos_scheduler_driver *native, void *user, const Mesos__V1__TaskStatus *status) {
    struct upcall upcall;

    if (!begin_upcall(&upcall, native, user))
        return;
    call(&upcall, "statusUpdate", "(" DRIVER MESSAGE("TaskStatus") ")V", upcall.driver,
         message(&upcall, PROTOS "TaskStatus", status));
    end_upcall(&upcall);
}

static void on_message(struct mesos_scheduler_driver *native, void *user, const Mesos__V1__ExecutorID *executor_id,
                       const Mesos__V1__AgentID *agent_id, const void *data, size_t size) {
    struct upcall upcall;

    if (!begin_upcall(&upcall, native, user))
        return;
    call(&upcall, "frameworkMessage", "(" DRIVER MESSAGE("ExecutorID") MESSAGE("SlaveID") "[B)V", upcall.driver,
         message(&upcall, PROTOS "ExecutorID", executor_id), message(&upcall, PROTOS "SlaveID", agent_id),
         jni_from_bytes(upcall.env, data, size));
    end_upcall(&upcall);
}

static void on_agent_lost(struct mesos_scheduler_driver *native, void *user, const Mesos__V1__AgentID *agent_id) {
    struct upcall upcall;

    if (!begin_upcall(&upcall, native, user))
        return;
    call(&upcall, "slaveLost", "(" DRIVER MESSAGE("SlaveID") ")V", upcall.driver,
         message(&upcall, PROTOS "SlaveID", agent_id));
    end_upcall(&upcall);
}

static void on_executor_lost(struct mesos_scheduler_driver *native, void *user,
                             const Mesos__V1__ExecutorID *executor_id, const Mesos__V1__AgentID *agent_id, int status) {
    struct upcall upcall;

    if (!begin_upcall(&upcall, native, user))
        return;
    call(&upcall, "executorLost", "(" DRIVER MESSAGE("ExecutorID") MESSAGE("SlaveID") "I)V", upcall.driver,
         message(&upcall, PROTOS "ExecutorID", executor_id), message(&upcall, PROTOS "SlaveID", agent_id),
         (jint)status);
    end_upcall(&upcall);
}

static void on_error(struct mesos_scheduler_driver *native, void *user, const char *text) {
    struct upcall upcall;

    if (!begin_upcall(&upcall, native, user))
        return;
    call(&upcall, "error", "(" DRIVER "Ljava/lang/String;)V", upcall.driver,
         (*upcall.env)->NewStringUTF(upcall.env, text));
    end_upcall(&upcall);
}

static const struct mesos_scheduler callbacks = {.registered = on_registered,
                                                 .reregistered = on_reregistered,
                                                 .disconnected = on_disconnected,
                                                 .resource_offers = on_offers,
                                                 .offer_rescinded = on_rescinded,
                                                 .status_update = on_status_update,
                                                 .framework_message = on_message,
                                                 .agent_lost = on_agent_lost,
                                                 .executor_lost = on_executor_lost,
                                                 .error = on_error};

/* Life */

static void fill_options(JNIEnv *env, jobject object, struct arena *arena,
                         struct mesos_scheduler_driver_options *options) {
    jobject credential = jni_get_object(env, object, "credential", MESSAGE("Credential"));
    Mesos__V1__Credential *decoded = jni_to_message(env, credential, &mesos__v1__credential__descriptor, arena);

    options->explicit_acknowledgements = !jni_get_boolean(env, object, "implicitAcknowledgements", JNI_TRUE);
    if (decoded != NULL) {
        options->principal = decoded->principal;
        options->secret = decoded->secret;
    }
    if (!(*env)->ExceptionCheck(env))
        options->suppressed_roles = jni_to_texts(
            env, jni_get_object(env, object, "suppressedRoles", "Ljava/util/Collection;"), arena,
            &options->suppressed_role_count);
}

JNIEXPORT void JNICALL Java_org_apache_mesos_MesosSchedulerDriver_initialize(JNIEnv *env, jobject object);
JNIEXPORT void JNICALL Java_org_apache_mesos_MesosSchedulerDriver_initialize(JNIEnv *env, jobject object) {
    cleanup_(arena_done) struct arena arena = ARENA_INIT;
    struct mesos_scheduler_driver_options options = {0};
    struct mesos_scheduler_driver *driver;
    Mesos__V1__FrameworkInfo *framework;
    struct java_scheduler *java;
    char *master, *error = NULL;

    framework = jni_to_message(env, jni_get_object(env, object, "framework", MESSAGE("FrameworkInfo")),
                               &mesos__v1__framework_info__descriptor, &arena);
    if ((*env)->ExceptionCheck(env))
        return;
    master = jni_to_text(env, jni_get_object(env, object, "master", "Ljava/lang/String;"), &arena);
    fill_options(env, object, &arena, &options);
    if ((*env)->ExceptionCheck(env))
        return;
    if (framework == NULL || master == NULL) {
        jni_throw(env, "java/lang/NullPointerException", "framework and master must not be null");
        return;
    }
    java = new0(struct java_scheduler);
    (*env)->GetJavaVM(env, &java->vm);
    java->driver = (*env)->NewWeakGlobalRef(env, object);
    driver = mesos_scheduler_driver_new(&callbacks, java, framework, master, &options, &error);
    if (driver == NULL) {
        jni_throw(env, "java/lang/IllegalArgumentException", error);
        (*env)->DeleteWeakGlobalRef(env, java->driver);
        free(java);
        free(error);
        return;
    }
    jni_set_pointer(env, object, "__scheduler", java);
    jni_set_pointer(env, object, "__driver", driver);
}

JNIEXPORT void JNICALL Java_org_apache_mesos_MesosSchedulerDriver_finalize(JNIEnv *env, jobject object);
JNIEXPORT void JNICALL Java_org_apache_mesos_MesosSchedulerDriver_finalize(JNIEnv *env, jobject object) {
    struct java_scheduler *java = jni_get_pointer(env, object, "__scheduler");

    mesos_scheduler_driver_free(jni_get_pointer(env, object, "__driver"));
    jni_set_pointer(env, object, "__driver", NULL);
    jni_set_pointer(env, object, "__scheduler", NULL);
    if (java == NULL)
        return;
    (*env)->DeleteWeakGlobalRef(env, java->driver);
    free(java);
}

/* Calls. Each decodes its arguments into an arena, calls the driver, and gives back the status. */

#define NATIVE(name, ...) \
    JNIEXPORT jobject JNICALL Java_org_apache_mesos_MesosSchedulerDriver_##name(JNIEnv *env, jobject object, \
                                                                                ##__VA_ARGS__); \
    JNIEXPORT jobject JNICALL Java_org_apache_mesos_MesosSchedulerDriver_##name(JNIEnv *env, jobject object, \
                                                                                ##__VA_ARGS__)

static struct mesos_scheduler_driver *driver_of(JNIEnv *env, jobject object) {
    struct mesos_scheduler_driver *driver = jni_get_pointer(env, object, "__driver");

    if (driver == NULL)
        jni_throw(env, "java/lang/IllegalStateException", "the driver was not initialized");
    return driver;
}

/* The driver, unless decoding the arguments left an exception. */
static struct mesos_scheduler_driver *ready(JNIEnv *env, jobject object) {
    return (*env)->ExceptionCheck(env) ? NULL : driver_of(env, object);
}

NATIVE(start) {
    struct mesos_scheduler_driver *driver = driver_of(env, object);

    return driver == NULL ? NULL : jni_from_status(env, object, mesos_scheduler_driver_start(driver));
}

NATIVE(stop, jboolean failover) {
    struct mesos_scheduler_driver *driver = driver_of(env, object);

    return driver == NULL ? NULL : jni_from_status(env, object, mesos_scheduler_driver_stop(driver, failover));
}

NATIVE(abort) {
    struct mesos_scheduler_driver *driver = driver_of(env, object);

    return driver == NULL ? NULL : jni_from_status(env, object, mesos_scheduler_driver_abort(driver));
}

NATIVE(join) {
    struct mesos_scheduler_driver *driver = driver_of(env, object);

    return driver == NULL ? NULL : jni_from_status(env, object, mesos_scheduler_driver_join(driver));
}

NATIVE(requestResources, jobject jrequests) {
    cleanup_(arena_done) struct arena arena = ARENA_INIT;
    size_t count;
    Mesos__V1__Request *const *requests = jni_to_messages(env, jrequests, &mesos__v1__request__descriptor, &arena,
                                                          &count);
    struct mesos_scheduler_driver *driver = ready(env, object);

    return driver == NULL
               ? NULL
               : jni_from_status(env, object, mesos_scheduler_driver_request_resources(driver, requests, count));
}

static jobject launch(JNIEnv *env, jobject object, const Mesos__V1__OfferID *const *offer_ids, size_t offer_count,
                      jobject jtasks, jobject jfilters, struct arena *arena) {
    struct mesos_scheduler_driver *driver;
    const Mesos__V1__TaskInfo *const *tasks;
    const Mesos__V1__Filters *filters;
    size_t count;

    if ((*env)->ExceptionCheck(env))
        return NULL;
    tasks = jni_to_messages(env, jtasks, &mesos__v1__task_info__descriptor, arena, &count);
    if ((*env)->ExceptionCheck(env))
        return NULL;
    filters = jni_to_message(env, jfilters, &mesos__v1__filters__descriptor, arena);
    driver = ready(env, object);
    return driver == NULL ? NULL
                          : jni_from_status(env, object,
                                            mesos_scheduler_driver_launch_tasks(driver, offer_ids, offer_count, tasks,
                                                                                count, filters));
}

/* The two overloads of launchTasks carry their signatures in their names. */
NATIVE(
    launchTasks__Lorg_apache_mesos_Protos_00024OfferID_2Ljava_util_Collection_2Lorg_apache_mesos_Protos_00024Filters_2,
    jobject joffer_id, jobject jtasks, jobject jfilters) {
    cleanup_(arena_done) struct arena arena = ARENA_INIT;
    const Mesos__V1__OfferID *offer_id = jni_to_message(env, joffer_id, &mesos__v1__offer_id__descriptor, &arena);

    return launch(env, object, &offer_id, 1, jtasks, jfilters, &arena);
}

NATIVE(launchTasks__Ljava_util_Collection_2Ljava_util_Collection_2Lorg_apache_mesos_Protos_00024Filters_2,
       jobject joffer_ids, jobject jtasks, jobject jfilters) {
    cleanup_(arena_done) struct arena arena = ARENA_INIT;
    size_t count;
    const Mesos__V1__OfferID *const *offer_ids = jni_to_messages(env, joffer_ids, &mesos__v1__offer_id__descriptor,
                                                                 &arena, &count);

    return launch(env, object, offer_ids, count, jtasks, jfilters, &arena);
}

NATIVE(killTask, jobject jtask_id) {
    cleanup_(arena_done) struct arena arena = ARENA_INIT;
    const Mesos__V1__TaskID *task_id = jni_to_message(env, jtask_id, &mesos__v1__task_id__descriptor, &arena);
    struct mesos_scheduler_driver *driver = ready(env, object);

    return driver == NULL ? NULL : jni_from_status(env, object, mesos_scheduler_driver_kill_task(driver, task_id));
}

NATIVE(acceptOffers, jobject joffer_ids, jobject joperations, jobject jfilters) {
    cleanup_(arena_done) struct arena arena = ARENA_INIT;
    const Mesos__V1__Offer__Operation *const *operations = NULL;
    const Mesos__V1__Filters *filters = NULL;
    size_t offer_count, operation_count = 0;
    const Mesos__V1__OfferID *const *offer_ids = jni_to_messages(env, joffer_ids, &mesos__v1__offer_id__descriptor,
                                                                 &arena, &offer_count);
    struct mesos_scheduler_driver *driver;

    if (!(*env)->ExceptionCheck(env))
        operations = jni_to_messages(env, joperations, &mesos__v1__offer__operation__descriptor, &arena,
                                     &operation_count);
    if (!(*env)->ExceptionCheck(env))
        filters = jni_to_message(env, jfilters, &mesos__v1__filters__descriptor, &arena);
    driver = ready(env, object);
    return driver == NULL ? NULL
                          : jni_from_status(env, object,
                                            mesos_scheduler_driver_accept_offers(driver, offer_ids, offer_count,
                                                                                 operations, operation_count, filters));
}

NATIVE(declineOffer, jobject joffer_id, jobject jfilters) {
    cleanup_(arena_done) struct arena arena = ARENA_INIT;
    const Mesos__V1__OfferID *offer_id = jni_to_message(env, joffer_id, &mesos__v1__offer_id__descriptor, &arena);
    const Mesos__V1__Filters *filters = (*env)->ExceptionCheck(env)
                                            ? NULL
                                            : jni_to_message(env, jfilters, &mesos__v1__filters__descriptor, &arena);
    struct mesos_scheduler_driver *driver = ready(env, object);

    return driver == NULL
               ? NULL
               : jni_from_status(env, object, mesos_scheduler_driver_decline_offer(driver, offer_id, filters));
}

NATIVE(reviveOffers__) {
    struct mesos_scheduler_driver *driver = driver_of(env, object);

    return driver == NULL ? NULL : jni_from_status(env, object, mesos_scheduler_driver_revive_offers(driver, NULL, 0));
}

NATIVE(reviveOffers__Ljava_util_Collection_2, jobject jroles) {
    cleanup_(arena_done) struct arena arena = ARENA_INIT;
    size_t count;
    const char *const *roles = jni_to_texts(env, jroles, &arena, &count);
    struct mesos_scheduler_driver *driver = ready(env, object);

    return driver == NULL ? NULL
                          : jni_from_status(env, object, mesos_scheduler_driver_revive_offers(driver, roles, count));
}

NATIVE(suppressOffers__) {
    struct mesos_scheduler_driver *driver = driver_of(env, object);

    return driver == NULL ? NULL
                          : jni_from_status(env, object, mesos_scheduler_driver_suppress_offers(driver, NULL, 0));
}

NATIVE(suppressOffers__Ljava_util_Collection_2, jobject jroles) {
    cleanup_(arena_done) struct arena arena = ARENA_INIT;
    size_t count;
    const char *const *roles = jni_to_texts(env, jroles, &arena, &count);
    struct mesos_scheduler_driver *driver = ready(env, object);

    return driver == NULL ? NULL
                          : jni_from_status(env, object, mesos_scheduler_driver_suppress_offers(driver, roles, count));
}

NATIVE(acknowledgeStatusUpdate, jobject jstatus) {
    cleanup_(arena_done) struct arena arena = ARENA_INIT;
    const Mesos__V1__TaskStatus *status = jni_to_message(env, jstatus, &mesos__v1__task_status__descriptor, &arena);
    struct mesos_scheduler_driver *driver = ready(env, object);

    if (driver == NULL || status == NULL)
        return NULL;
    if (jni_get_boolean(env, object, "implicitAcknowledgements", JNI_TRUE)) {
        jni_throw(env, "java/lang/IllegalStateException",
                  "acknowledgeStatusUpdate() needs a driver with explicit acknowledgements");
        return NULL;
    }
    return jni_from_status(env, object, mesos_scheduler_driver_acknowledge_status_update(driver, status));
}

NATIVE(sendFrameworkMessage, jobject jexecutor_id, jobject jagent_id, jbyteArray jdata) {
    cleanup_(arena_done) struct arena arena = ARENA_INIT;
    const Mesos__V1__ExecutorID *executor_id = jni_to_message(env, jexecutor_id, &mesos__v1__executor_id__descriptor,
                                                              &arena);
    const Mesos__V1__AgentID *agent_id = (*env)->ExceptionCheck(env)
                                             ? NULL
                                             : jni_to_message(env, jagent_id, &mesos__v1__agent_id__descriptor, &arena);
    struct mesos_scheduler_driver *driver = ready(env, object);
    size_t size;
    void *data;

    if (driver == NULL)
        return NULL;
    data = jni_to_bytes(env, jdata, &arena, &size);
    return jni_from_status(env, object,
                           mesos_scheduler_driver_send_framework_message(driver, executor_id, agent_id, data, size));
}

NATIVE(reconcileTasks, jobject jstatuses) {
    cleanup_(arena_done) struct arena arena = ARENA_INIT;
    size_t count;
    const Mesos__V1__TaskStatus *const *statuses = jni_to_messages(env, jstatuses, &mesos__v1__task_status__descriptor,
                                                                   &arena, &count);
    struct mesos_scheduler_driver *driver = ready(env, object);

    return driver == NULL
               ? NULL
               : jni_from_status(env, object, mesos_scheduler_driver_reconcile_tasks(driver, statuses, count));
}

static jobject update_framework(JNIEnv *env, jobject object, jobject jframework, jobject jroles, jobject jconstraints) {
    cleanup_(arena_done) struct arena arena = ARENA_INIT;
    const Mesos__V1__Scheduler__OfferConstraints *constraints = NULL;
    const char *const *roles = NULL;
    size_t count = 0;
    const Mesos__V1__FrameworkInfo *framework = jni_to_message(env, jframework, &mesos__v1__framework_info__descriptor,
                                                               &arena);
    struct mesos_scheduler_driver *driver;

    if (!(*env)->ExceptionCheck(env))
        roles = jni_to_texts(env, jroles, &arena, &count);
    if (!(*env)->ExceptionCheck(env))
        constraints = jni_to_message(env, jconstraints, &mesos__v1__scheduler__offer_constraints__descriptor, &arena);
    driver = ready(env, object);
    if (driver == NULL || framework == NULL)
        return NULL;
    return jni_from_status(env, object,
                           mesos_scheduler_driver_update_framework(driver, framework, roles, count, constraints));
}

NATIVE(updateFramework, jobject jframework, jobject jroles) {
    return update_framework(env, object, jframework, jroles, NULL);
}

NATIVE(updateFrameworkWithConstraints, jobject jframework, jobject jroles, jobject jconstraints) {
    return update_framework(env, object, jframework, jroles, jconstraints);
}
