/* SPDX-License-Identifier: Apache-2.0 */
/* The natives of org.apache.mesos.MesosSchedulerDriver. The C driver is kept in the object's __driver, what belongs to
 * the binding in __scheduler. */
#include "mesos/scheduler.h"

#include <string.h>

#include "driver/jni/upcall.h"

#define DRIVER "Lorg/apache/mesos/SchedulerDriver;"

enum { LOCAL_REFERENCES = 32 };

static void abort_driver(void *native) {
    mesos_scheduler_driver_abort(native);
}

static const struct java_driver_type type = {"scheduler", "Lorg/apache/mesos/Scheduler;", "__scheduler", abort_driver};

static void on_registered(struct mesos_scheduler_driver *native, void *user, const Mesos__V1__FrameworkID *framework_id,
                          const Mesos__V1__MasterInfo *master) {
    struct upcall upcall;

    if (!upcall_begin(&upcall, native, user))
        return;
    upcall_call(&upcall, "registered", "(" DRIVER UPCALL_SIGNATURE("FrameworkID") UPCALL_SIGNATURE("MasterInfo") ")V",
                upcall.driver, upcall_message(&upcall, "FrameworkID", framework_id),
                upcall_message(&upcall, "MasterInfo", master));
    upcall_end(&upcall);
}

static void on_reregistered(struct mesos_scheduler_driver *native, void *user, const Mesos__V1__MasterInfo *master) {
    struct upcall upcall;

    if (!upcall_begin(&upcall, native, user))
        return;
    upcall_call(&upcall, "reregistered", "(" DRIVER UPCALL_SIGNATURE("MasterInfo") ")V", upcall.driver,
                upcall_message(&upcall, "MasterInfo", master));
    upcall_end(&upcall);
}

static void on_disconnected(struct mesos_scheduler_driver *native, void *user) {
    struct upcall upcall;

    if (!upcall_begin(&upcall, native, user))
        return;
    upcall_call(&upcall, "disconnected", "(" DRIVER ")V", upcall.driver);
    upcall_end(&upcall);
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
        offer = upcall_message(upcall, "Offer", offers[i]);
        if (offer != NULL)
            (*env)->CallBooleanMethod(env, list, add, offer);
        (*env)->PopLocalFrame(env, NULL);
    }
    return list;
}

static void on_offers(struct mesos_scheduler_driver *native, void *user, Mesos__V1__Offer *const *offers,
                      size_t count) {
    struct upcall upcall;

    if (!upcall_begin(&upcall, native, user))
        return;
    upcall_call(&upcall, "resourceOffers", "(" DRIVER "Ljava/util/List;)V", upcall.driver,
                list_of_offers(&upcall, offers, count));
    upcall_end(&upcall);
}

static void on_rescinded(struct mesos_scheduler_driver *native, void *user, const Mesos__V1__OfferID *offer_id) {
    struct upcall upcall;

    if (!upcall_begin(&upcall, native, user))
        return;
    upcall_call(&upcall, "offerRescinded", "(" DRIVER UPCALL_SIGNATURE("OfferID") ")V", upcall.driver,
                upcall_message(&upcall, "OfferID", offer_id));
    upcall_end(&upcall);
}

static void on_status_update(struct mesos_scheduler_driver *native, void *user, const Mesos__V1__TaskStatus *status) {
    struct upcall upcall;

    if (!upcall_begin(&upcall, native, user))
        return;
    upcall_call(&upcall, "statusUpdate", "(" DRIVER UPCALL_SIGNATURE("TaskStatus") ")V", upcall.driver,
                upcall_message(&upcall, "TaskStatus", status));
    upcall_end(&upcall);
}

static void on_message(struct mesos_scheduler_driver *native, void *user, const Mesos__V1__ExecutorID *executor_id,
                       const Mesos__V1__AgentID *agent_id, const void *data, size_t size) {
    struct upcall upcall;

    if (!upcall_begin(&upcall, native, user))
        return;
    upcall_call(&upcall, "frameworkMessage",
                "(" DRIVER UPCALL_SIGNATURE("ExecutorID") UPCALL_SIGNATURE("SlaveID") "[B)V", upcall.driver,
                upcall_message(&upcall, "ExecutorID", executor_id), upcall_message(&upcall, "SlaveID", agent_id),
                jni_from_bytes(upcall.env, data, size));
    upcall_end(&upcall);
}

static void on_agent_lost(struct mesos_scheduler_driver *native, void *user, const Mesos__V1__AgentID *agent_id) {
    struct upcall upcall;

    if (!upcall_begin(&upcall, native, user))
        return;
    upcall_call(&upcall, "slaveLost", "(" DRIVER UPCALL_SIGNATURE("SlaveID") ")V", upcall.driver,
                upcall_message(&upcall, "SlaveID", agent_id));
    upcall_end(&upcall);
}

static void on_executor_lost(struct mesos_scheduler_driver *native, void *user,
                             const Mesos__V1__ExecutorID *executor_id, const Mesos__V1__AgentID *agent_id, int status) {
    struct upcall upcall;

    if (!upcall_begin(&upcall, native, user))
        return;
    upcall_call(&upcall, "executorLost", "(" DRIVER UPCALL_SIGNATURE("ExecutorID") UPCALL_SIGNATURE("SlaveID") "I)V",
                upcall.driver, upcall_message(&upcall, "ExecutorID", executor_id),
                upcall_message(&upcall, "SlaveID", agent_id), (jint)status);
    upcall_end(&upcall);
}

static void on_error(struct mesos_scheduler_driver *native, void *user, const char *text) {
    struct upcall upcall;

    if (!upcall_begin(&upcall, native, user))
        return;
    upcall_call(&upcall, "error", "(" DRIVER "Ljava/lang/String;)V", upcall.driver,
                (*upcall.env)->NewStringUTF(upcall.env, text));
    upcall_end(&upcall);
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
    jobject credential = jni_get_object(env, object, "credential", UPCALL_SIGNATURE("Credential"));
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
    struct java_driver *java;
    char *master, *error = NULL;

    framework = jni_to_message(env, jni_get_object(env, object, "framework", UPCALL_SIGNATURE("FrameworkInfo")),
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
    java = java_driver_new(env, object, &type);
    driver = mesos_scheduler_driver_new(&callbacks, java, framework, master, &options, &error);
    if (driver == NULL) {
        jni_throw(env, "java/lang/IllegalArgumentException", error);
        java_driver_free(env, java);
        free(error);
        return;
    }
    java_driver_bind(env, object, &type, java, driver);
}

JNIEXPORT void JNICALL Java_org_apache_mesos_MesosSchedulerDriver_finalize(JNIEnv *env, jobject object);
JNIEXPORT void JNICALL Java_org_apache_mesos_MesosSchedulerDriver_finalize(JNIEnv *env, jobject object) {
    struct java_driver *java = jni_get_pointer(env, object, type.binding);

    mesos_scheduler_driver_free(jni_get_pointer(env, object, "__driver"));
    java_driver_bind(env, object, &type, NULL, NULL);
    java_driver_free(env, java);
}

/* Calls. Each decodes its arguments into an arena, calls the driver, and gives back the status. */

#define NATIVE(name, ...) \
    JNIEXPORT jobject JNICALL Java_org_apache_mesos_MesosSchedulerDriver_##name(JNIEnv *env, jobject object, \
                                                                                ##__VA_ARGS__); \
    JNIEXPORT jobject JNICALL Java_org_apache_mesos_MesosSchedulerDriver_##name(JNIEnv *env, jobject object, \
                                                                                ##__VA_ARGS__)

/* The driver, unless decoding the arguments left an exception. */
static struct mesos_scheduler_driver *ready(JNIEnv *env, jobject object) {
    return (*env)->ExceptionCheck(env) ? NULL : java_driver_native(env, object);
}

NATIVE(start) {
    struct mesos_scheduler_driver *driver = java_driver_native(env, object);

    return driver == NULL ? NULL : jni_from_status(env, object, mesos_scheduler_driver_start(driver));
}

NATIVE(stop, jboolean failover) {
    struct mesos_scheduler_driver *driver = java_driver_native(env, object);

    return driver == NULL ? NULL : jni_from_status(env, object, mesos_scheduler_driver_stop(driver, failover));
}

NATIVE(abort) {
    struct mesos_scheduler_driver *driver = java_driver_native(env, object);

    return driver == NULL ? NULL : jni_from_status(env, object, mesos_scheduler_driver_abort(driver));
}

NATIVE(join) {
    struct mesos_scheduler_driver *driver = java_driver_native(env, object);

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
    struct mesos_scheduler_driver *driver = java_driver_native(env, object);

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
    struct mesos_scheduler_driver *driver = java_driver_native(env, object);

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
