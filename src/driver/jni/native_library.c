/* SPDX-License-Identifier: Apache-2.0 */
/* What org.apache.mesos.MesosNativeLibrary relies on: that it is told of this library, and which version that is. */
#include "driver/jni/jni_support.h"

#define LIBRARY "org/apache/mesos/MesosNativeLibrary"
#define VERSION LIBRARY "$Version"

/* NULL without an exception if the class can not be seen from here: by who loads this library, or else by the thread.
 */
static jclass find_library_class(JNIEnv *env) {
    jclass library = (*env)->FindClass(env, LIBRARY);

    if (library == NULL) {
        (*env)->ExceptionClear(env);
        library = jni_find_class_of_thread(env, LIBRARY);
    }
    if (library == NULL)
        (*env)->ExceptionClear(env);
    return library;
}

/* Whoever has loaded the library, its Java class notes it here: it loads no other one then, and says the version.
 * [convert.cpp, JNI_OnLoad] */
JNIEXPORT jint JNICALL JNI_OnLoad(JavaVM *vm, void *reserved) {
    void *found = NULL;
    jclass library;
    jfieldID loaded;
    JNIEnv *env;

    if ((*vm)->GetEnv(vm, &found, JNI_VERSION_1_6) != JNI_OK)
        return JNI_ERR;
    env = found;
    library = find_library_class(env);
    loaded = library == NULL ? NULL : (*env)->GetStaticFieldID(env, library, "loaded", "Z");
    if (loaded != NULL)
        (*env)->SetStaticBooleanField(env, library, loaded, JNI_TRUE);
    else
        (*env)->ExceptionClear(env);
    return JNI_VERSION_1_6;
}

JNIEXPORT jobject JNICALL Java_org_apache_mesos_MesosNativeLibrary__1version(JNIEnv *env, jclass library);
JNIEXPORT jobject JNICALL Java_org_apache_mesos_MesosNativeLibrary__1version(JNIEnv *env, jclass library) {
    jclass version = (*env)->FindClass(env, VERSION);
    jmethodID make = version == NULL ? NULL : (*env)->GetMethodID(env, version, "<init>", "(JJJ)V");

    return make == NULL ? NULL : (*env)->NewObject(env, version, make, (jlong)1, (jlong)11, (jlong)0);
}
