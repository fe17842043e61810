/* SPDX-License-Identifier: Apache-2.0 */
/* Between Java and C: messages go across as bytes (toByteArray() and parseFrom()), so that any protobuf runtime serves,
 * shaded ones too. Classes come from the loader of the object at hand: a native thread's own knows only the system's.
 */
#pragma once

#include <jni.h>

#include "mesos/mesos.h"
#include "message/message.h"

/* The JNIEnv of this thread, which is attached as a daemon (and detached when it ends) if it is none of the JVM's. */
JNIEnv *jni_attach(JavaVM *vm);

/* The class "org/apache/mesos/Protos$Offer" as @object's loader knows it; NULL with an exception pending. */
jclass jni_find_class(JNIEnv *env, jobject object, const char *name);
/* The same as the context class loader of this thread knows it. */
jclass jni_find_class_of_thread(JNIEnv *env, const char *name);

/* A new Java message of class @name made of @message; NULL with an exception pending. @object lends its loader. */
jobject jni_from_message(JNIEnv *env, jobject object, const char *name, const void *message);

/* Decode the Java message @object into @arena. NULL for null, and with an exception pending on failure. */
void *jni_to_message(JNIEnv *env, jobject object, const ProtobufCMessageDescriptor *descriptor, struct arena *arena);

/* Decode every element of a java.util.Collection. NULL with an exception pending on failure. */
void *jni_to_messages(JNIEnv *env, jobject collection, const ProtobufCMessageDescriptor *descriptor,
                      struct arena *arena, size_t *ret_count);

/* Text, as UTF-8 in @arena; NULL for null. */
char *jni_to_text(JNIEnv *env, jobject string, struct arena *arena);
const char *const *jni_to_texts(JNIEnv *env, jobject collection, struct arena *arena, size_t *ret_count);

jbyteArray jni_from_bytes(JNIEnv *env, const void *data, size_t size);
void *jni_to_bytes(JNIEnv *env, jbyteArray array, struct arena *arena, size_t *ret_size);

/* org.apache.mesos.Protos.Status. */
jobject jni_from_status(JNIEnv *env, jobject object, enum mesos_status status);

/* The field @name of @object: objects by signature, NULL without an exception if there is no such field. */
jobject jni_get_object(JNIEnv *env, jobject object, const char *name, const char *signature);
jboolean jni_get_boolean(JNIEnv *env, jobject object, const char *name, jboolean otherwise);
void *jni_get_pointer(JNIEnv *env, jobject object, const char *name);
void jni_set_pointer(JNIEnv *env, jobject object, const char *name, void *pointer);

void jni_throw(JNIEnv *env, const char *class_name, const char *message);
