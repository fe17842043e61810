/* SPDX-License-Identifier: Apache-2.0 */
/* The native of org.apache.mesos.MesosNativeLibrary: which version this library is. */
#include "driver/jni/jni_support.h"

#define VERSION "org/apache/mesos/MesosNativeLibrary$Version"

JNIEXPORT jobject JNICALL Java_org_apache_mesos_MesosNativeLibrary__1version(JNIEnv *env, jclass library);
JNIEXPORT jobject JNICALL Java_org_apache_mesos_MesosNativeLibrary__1version(JNIEnv *env, jclass library) {
    jclass version = (*env)->FindClass(env, VERSION);
    jmethodID make = version == NULL ? NULL : (*env)->GetMethodID(env, version, "<init>", "(JJJ)V");

    return make == NULL ? NULL : (*env)->NewObject(env, version, make, (jlong)1, (jlong)11, (jlong)0);
}
