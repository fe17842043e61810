/* SPDX-License-Identifier: Apache-2.0 */
#include "driver/jni/jni_support.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

/* Of converting one element of a collection, which can have many. */
enum { ELEMENT_REFERENCES = 16 };

static pthread_key_t attached_key;
static pthread_once_t attached_once = PTHREAD_ONCE_INIT;

static void detach(void *vm) {
    (*(JavaVM *)vm)->DetachCurrentThread(vm);
}

static void make_key(void) {
    pthread_key_create(&attached_key, detach);
}

JNIEnv *jni_attach(JavaVM *vm) {
    JavaVMAttachArgs arguments = {JNI_VERSION_1_6, (char *)(uintptr_t) "mesos-driver", NULL};
    void *env = NULL;

    if ((*vm)->GetEnv(vm, &env, JNI_VERSION_1_6) == JNI_OK)
        return env;
    if ((*vm)->AttachCurrentThreadAsDaemon(vm, &env, &arguments) != JNI_OK)
        return NULL;
    pthread_once(&attached_once, make_key);
    pthread_setspecific(attached_key, vm);
    return env;
}

/* The class loader that defined @object's class; NULL for the bootstrap loader. */
static jobject loader_of(JNIEnv *env, jobject object) {
    jclass object_class = (*env)->GetObjectClass(env, object);
    jclass class_class = (*env)->GetObjectClass(env, object_class);
    jmethodID get = (*env)->GetMethodID(env, class_class, "getClassLoader", "()Ljava/lang/ClassLoader;");

    return get == NULL ? NULL : (*env)->CallObjectMethod(env, object_class, get);
}

static jclass load_class(JNIEnv *env, jobject loader, const char *name) {
    jclass loader_class;
    jmethodID load;
    jstring text;
    char dotted[256];

    if ((*env)->ExceptionCheck(env))
        return NULL;
    if (loader == NULL)
        return (*env)->FindClass(env, name);
    if (strlen(name) >= sizeof(dotted))
        return NULL;
    for (size_t i = 0; i <= strlen(name); i++)
        dotted[i] = name[i] == '/' ? '.' : name[i];
    loader_class = (*env)->FindClass(env, "java/lang/ClassLoader");
    load = (*env)->GetMethodID(env, loader_class, "loadClass", "(Ljava/lang/String;)Ljava/lang/Class;");
    text = (*env)->NewStringUTF(env, dotted);
    if (load == NULL || text == NULL)
        return NULL;
    return (*env)->CallObjectMethod(env, loader, load, text);
}

jclass jni_find_class(JNIEnv *env, jobject object, const char *name) {
    return load_class(env, loader_of(env, object), name);
}

jclass jni_find_class_of_thread(JNIEnv *env, const char *name) {
    jclass thread_class = (*env)->FindClass(env, "java/lang/Thread");
    jmethodID current = (*env)->GetStaticMethodID(env, thread_class, "currentThread", "()Ljava/lang/Thread;");
    jmethodID get = (*env)->GetMethodID(env, thread_class, "getContextClassLoader", "()Ljava/lang/ClassLoader;");
    jobject thread = (*env)->CallStaticObjectMethod(env, thread_class, current);

    return load_class(env, (*env)->CallObjectMethod(env, thread, get), name);
}

jobject jni_from_message(JNIEnv *env, jobject object, const char *name, const void *message) {
    cleanup_buffer struct buffer bytes = BUFFER_INIT;
    jclass message_class = jni_find_class(env, object, name);
    char signature[300];
    jmethodID parse;
    jbyteArray array;
    jobject parsed;

    if (message_class == NULL || (*env)->ExceptionCheck(env))
        return NULL;
    snprintf(signature, sizeof(signature), "([B)L%s;", name);
    parse = (*env)->GetStaticMethodID(env, message_class, "parseFrom", signature);
    if (parse == NULL)
        return NULL;
    message_encode(message, &bytes);
    array = jni_from_bytes(env, bytes.data, bytes.size);
    if (array == NULL)
        return NULL;
    parsed = (*env)->CallStaticObjectMethod(env, message_class, parse, array);
    (*env)->DeleteLocalRef(env, array);
    return (*env)->ExceptionCheck(env) ? NULL : parsed;
}

void *jni_to_message(JNIEnv *env, jobject object, const ProtobufCMessageDescriptor *descriptor, struct arena *arena) {
    cleanup_error struct error err = ERROR_INIT;
    ProtobufCMessage *message;
    jmethodID encode;
    jbyteArray array;
    size_t size;
    void *bytes;

    if (object == NULL)
        return NULL;
    encode = (*env)->GetMethodID(env, (*env)->GetObjectClass(env, object), "toByteArray", "()[B");
    if (encode == NULL)
        return NULL;
    array = (*env)->CallObjectMethod(env, object, encode);
    if ((*env)->ExceptionCheck(env))
        return NULL;
    bytes = jni_to_bytes(env, array, arena, &size);
    (*env)->DeleteLocalRef(env, array);
    if (message_decode(descriptor, bytes, size, arena, &message, &err) < 0) {
        jni_throw(env, "java/lang/IllegalArgumentException", error_message(&err));
        return NULL;
    }
    return message;
}

/* The elements of a collection as an array; NULL with an exception pending. */
static jobjectArray elements(JNIEnv *env, jobject collection) {
    jmethodID to_array = (*env)->GetMethodID(env, (*env)->GetObjectClass(env, collection), "toArray",
                                             "()[Ljava/lang/Object;");

    return to_array == NULL ? NULL : (*env)->CallObjectMethod(env, collection, to_array);
}

/* Convert each element with @convert; on a failure an exception is pending. */
static void **convert_elements(JNIEnv *env, jobject collection, struct arena *arena, size_t *ret_count,
                               const ProtobufCMessageDescriptor *descriptor) {
    jobjectArray array;
    void **items;
    jsize count;

    *ret_count = 0;
    if (collection == NULL)
        return arena_alloc(arena, 1);
    array = elements(env, collection);
    if (array == NULL || (*env)->ExceptionCheck(env))
        return NULL;
    count = (*env)->GetArrayLength(env, array);
    items = arena_alloc(arena, (size_t)count * sizeof(void *));
    for (jsize i = 0; i < count; i++) {
        jobject element;

        if ((*env)->PushLocalFrame(env, ELEMENT_REFERENCES) < 0)
            return NULL;
        element = (*env)->GetObjectArrayElement(env, array, i);
        if (element == NULL) {
            (*env)->PopLocalFrame(env, NULL);
            jni_throw(env, "java/lang/NullPointerException", "an element is null");
            return NULL;
        }
        items[i] = descriptor == NULL ? (void *)jni_to_text(env, element, arena)
                                      : jni_to_message(env, element, descriptor, arena);
        (*env)->PopLocalFrame(env, NULL);
        if ((*env)->ExceptionCheck(env))
            return NULL;
    }
    (*env)->DeleteLocalRef(env, array);
    *ret_count = (size_t)count;
    return items;
}

void *jni_to_messages(JNIEnv *env, jobject collection, const ProtobufCMessageDescriptor *descriptor,
                      struct arena *arena, size_t *ret_count) {
    return convert_elements(env, collection, arena, ret_count, descriptor);
}

const char *const *jni_to_texts(JNIEnv *env, jobject collection, struct arena *arena, size_t *ret_count) {
    return (const char *const *)convert_elements(env, collection, arena, ret_count, NULL);
}

char *jni_to_text(JNIEnv *env, jobject string, struct arena *arena) {
    const char *text;
    char *copy;

    if (string == NULL)
        return NULL;
    text = (*env)->GetStringUTFChars(env, string, NULL);
    if (text == NULL)
        return NULL;
    copy = arena_strdup(arena, text);
    (*env)->ReleaseStringUTFChars(env, string, text);
    return copy;
}

jbyteArray jni_from_bytes(JNIEnv *env, const void *data, size_t size) {
    jbyteArray array = (*env)->NewByteArray(env, (jsize)size);

    if (array != NULL && size > 0)
        (*env)->SetByteArrayRegion(env, array, 0, (jsize)size, data);
    return array;
}

void *jni_to_bytes(JNIEnv *env, jbyteArray array, struct arena *arena, size_t *ret_size) {
    jsize size = array == NULL ? 0 : (*env)->GetArrayLength(env, array);
    void *bytes = arena_alloc(arena, (size_t)size);

    if (size > 0)
        (*env)->GetByteArrayRegion(env, array, 0, size, bytes);
    *ret_size = (size_t)size;
    return bytes;
}

jobject jni_from_status(JNIEnv *env, jobject object, enum mesos_status status) {
    jclass status_class = jni_find_class(env, object, "org/apache/mesos/Protos$Status");
    jmethodID value_of;

    if (status_class == NULL || (*env)->ExceptionCheck(env))
        return NULL;
    value_of = (*env)->GetStaticMethodID(env, status_class, "valueOf", "(I)Lorg/apache/mesos/Protos$Status;");
    return value_of == NULL ? NULL : (*env)->CallStaticObjectMethod(env, status_class, value_of, (jint)status);
}

/* NULL, without an exception, if older classes lack the field. */
static jfieldID find_field(JNIEnv *env, jobject object, const char *name, const char *signature) {
    jfieldID field = (*env)->GetFieldID(env, (*env)->GetObjectClass(env, object), name, signature);

    if (field == NULL)
        (*env)->ExceptionClear(env);
    return field;
}

jobject jni_get_object(JNIEnv *env, jobject object, const char *name, const char *signature) {
    jfieldID field = find_field(env, object, name, signature);

    return field == NULL ? NULL : (*env)->GetObjectField(env, object, field);
}

jboolean jni_get_boolean(JNIEnv *env, jobject object, const char *name, jboolean otherwise) {
    jfieldID field = find_field(env, object, name, "Z");

    return field == NULL ? otherwise : (*env)->GetBooleanField(env, object, field);
}

void *jni_get_pointer(JNIEnv *env, jobject object, const char *name) {
    jfieldID field = find_field(env, object, name, "J");

    return field == NULL ? NULL : (void *)(intptr_t)(*env)->GetLongField(env, object, field);
}

void jni_set_pointer(JNIEnv *env, jobject object, const char *name, void *pointer) {
    jfieldID field = find_field(env, object, name, "J");

    if (field != NULL)
        (*env)->SetLongField(env, object, field, (jlong)(intptr_t)pointer);
}

void jni_throw(JNIEnv *env, const char *class_name, const char *message) {
    jclass exception = (*env)->FindClass(env, class_name);

    if (exception != NULL)
        (*env)->ThrowNew(env, exception, message);
}
