/* SPDX-License-Identifier: Apache-2.0 */
#include "driver/jni/upcall.h"

#include <stdio.h>

enum { LOCAL_REFERENCES = 32 };

struct java_driver *java_driver_new(JNIEnv *env, jobject object, const struct java_driver_type *type) {
    struct java_driver *java = new0(struct java_driver);

    java->type = type;
    (*env)->GetJavaVM(env, &java->vm);
    java->object = (*env)->NewWeakGlobalRef(env, object);
    return java;
}

void java_driver_free(JNIEnv *env, struct java_driver *java) {
    if (java == NULL)
        return;
    (*env)->DeleteWeakGlobalRef(env, java->object);
    free(java);
}

void java_driver_bind(JNIEnv *env, jobject object, const struct java_driver_type *type, struct java_driver *java,
                      void *native) {
    jni_set_pointer(env, object, type->binding, java);
    jni_set_pointer(env, object, "__driver", native);
}

void *java_driver_native(JNIEnv *env, jobject object) {
    void *native = jni_get_pointer(env, object, "__driver");

    if (native == NULL)
        jni_throw(env, "java/lang/IllegalStateException", "the driver was not initialized");
    return native;
}

bool upcall_begin(struct upcall *upcall, void *native, void *user) {
    struct java_driver *java = user;
    JNIEnv *env = jni_attach(java->vm);

    if (env == NULL || (*env)->PushLocalFrame(env, LOCAL_REFERENCES) < 0)
        return false;
    *upcall = (struct upcall){.env = env, .type = java->type, .native = native};
    upcall->driver = (*env)->NewLocalRef(env, java->object);
    if (upcall->driver == NULL) {
        (*env)->PopLocalFrame(env, NULL);
        return false;
    }
    upcall->target = jni_get_object(env, upcall->driver, java->type->target, java->type->target_signature);
    return true;
}

void upcall_call(struct upcall *upcall, const char *name, const char *signature, ...) {
    JNIEnv *env = upcall->env;
    va_list arguments;
    jmethodID method;

    if ((*env)->ExceptionCheck(env))
        return;
    method = (*env)->GetMethodID(env, (*env)->GetObjectClass(env, upcall->target), name, signature);
    if (method == NULL)
        return;
    va_start(arguments, signature);
    (*env)->CallVoidMethodV(env, upcall->target, method, arguments);
    va_end(arguments);
}

jobject upcall_message(struct upcall *upcall, const char *name, const void *message) {
    char class_name[128];

    if ((*upcall->env)->ExceptionCheck(upcall->env))
        return NULL;
    snprintf(class_name, sizeof(class_name), UPCALL_PROTOS "%s", name);
    return jni_from_message(upcall->env, upcall->driver, class_name, message);
}

void upcall_end(struct upcall *upcall) {
    JNIEnv *env = upcall->env;

    if ((*env)->ExceptionCheck(env)) {
        (*env)->ExceptionDescribe(env);
        (*env)->ExceptionClear(env);
        upcall->type->abort(upcall->native);
    }
    (*env)->PopLocalFrame(env, NULL);
}
