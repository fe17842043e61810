/* SPDX-License-Identifier: Apache-2.0 */
/* Callbacks of a C driver on their way to the object that a Java driver calls back. */
#pragma once

#include "driver/jni/jni_support.h"

#define UPCALL_PROTOS "org/apache/mesos/Protos$"
/* The signature of a message. */
#define UPCALL_SIGNATURE(name) "L" UPCALL_PROTOS name ";"

/* What is particular to schedulers' and to executors' drivers. */
struct java_driver_type {
    const char *target, *target_signature; /* the field of the Java driver that holds who is called */
    const char *binding;                   /* the field that keeps the struct java_driver */
    void (*abort)(void *native);
};

/* A Java driver, known by a weak reference: one that nobody uses can be collected. */
struct java_driver {
    const struct java_driver_type *type;
    JavaVM *vm;
    jweak object;
};

struct upcall {
    JNIEnv *env;
    const struct java_driver_type *type;
    void *native;
    jobject driver, target;
};

struct java_driver *java_driver_new(JNIEnv *env, jobject object, const struct java_driver_type *type);
/* Accepts NULL. */
void java_driver_free(JNIEnv *env, struct java_driver *java);
/* Keep @java and the C driver @native in their fields of the Java driver @object; NULL clears them. */
void java_driver_bind(JNIEnv *env, jobject object, const struct java_driver_type *type, struct java_driver *java,
                      void *native);
/* The C driver of @object; NULL with an exception pending if it has none. */
void *java_driver_native(JNIEnv *env, jobject object);

/* @user: the struct java_driver. Returns false if the Java driver is gone or the JVM does not take us. */
bool upcall_begin(struct upcall *upcall, void *native, void *user);
/* target.<name>(…) unless making the arguments has failed. */
void upcall_call(struct upcall *upcall, const char *name, const char *signature, ...);
/* An argument: a new Java message of the class Protos$<name>. NULL with an exception pending. */
jobject upcall_message(struct upcall *upcall, const char *name, const void *message);
/* As in Mesos, an exception in a callback is printed and aborts the driver. */
void upcall_end(struct upcall *upcall);
