/* SPDX-License-Identifier: Apache-2.0 */
#include "message/plan.h"

#include <assert.h>
#include <pthread.h>

/* All plans there are, by the address of their descriptor. Descriptors are generated, so their number is known to be
 * far below this. A plan is published when it is complete; those of the fields' types are made once they are needed, as
 * short-lived programs meet few of the types that a message may contain. */
enum { SLOTS = 2048 };

static _Atomic(struct message_plan *) published[SLOTS];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

/* Enums have few users, so they are searched for one by one, and only while plans are made. Under the lock. */
static struct enum_plan **enums;
static size_t enum_count;

static uint32_t hash_name(const char *name, size_t size) {
    uint32_t hash = 2166136261u;

    for (size_t i = 0; i < size; i++)
        hash = (hash ^ (uint8_t)name[i]) * 16777619u;
    return hash ^ hash >> 15;
}

static void name_index_init(struct name_index *index, size_t count) {
    uint32_t size = 4;

    while (size < count * 2)
        size *= 2;
    index->mask = size - 1;
    index->slots = xcalloc(size, sizeof(*index->slots));
}

static void name_index_add(struct name_index *index, const char *name, size_t position) {
    uint32_t at = hash_name(name, strlen(name)) & index->mask;

    while (index->slots[at] != 0)
        at = (at + 1) & index->mask;
    index->slots[at] = (uint16_t)(position + 1);
}

const struct field_plan *message_plan_find_name(const struct message_plan *plan, enum message_names names,
                                                const char *name, size_t size) {
    const struct name_index *index = &plan->by_name[names];

    for (uint32_t at = hash_name(name, size) & index->mask; index->slots[at] != 0; at = (at + 1) & index->mask) {
        const struct field_plan *field = &plan->fields[index->slots[at] - 1];

        if (field->name_sizes[names] == size && memcmp(field->names[names], name, size) == 0)
            return field;
    }
    return NULL;
}

const struct enum_value_plan *enum_plan_find_name(const struct enum_plan *plan, enum message_names names,
                                                  const char *name, size_t size) {
    const struct name_index *index = &plan->by_name[names];

    for (uint32_t at = hash_name(name, size) & index->mask; index->slots[at] != 0; at = (at + 1) & index->mask) {
        const struct enum_value_plan *value = &plan->values[index->slots[at] - 1];

        if (value->name_sizes[names] == size && memcmp(value->names[names], name, size) == 0)
            return value;
    }
    return NULL;
}

static void set_names(const char *type, const char *name, const char *names[2], uint32_t sizes[2]) {
    names[MESSAGE_V1] = name;
    names[MESSAGE_V0] = message_v0_member(type, name);
    sizes[MESSAGE_V1] = (uint32_t)strlen(names[MESSAGE_V1]);
    sizes[MESSAGE_V0] = (uint32_t)strlen(names[MESSAGE_V0]);
}

static void index_enum_values(struct enum_plan *plan) {
    const ProtobufCEnumDescriptor *descriptor = plan->descriptor;
    int first = descriptor->values[0].value, last = descriptor->values[descriptor->n_values - 1].value;

    /* No enum of Mesos is sparse, so there is no other way to look values up. */
    plan->dense_first = first;
    plan->dense_count = (unsigned)(last - first) + 1;
    assert(plan->dense_count < 4096);
    plan->dense = xcalloc(plan->dense_count, sizeof(*plan->dense));
    for (unsigned i = 0; i < descriptor->n_values; i++)
        plan->dense[descriptor->values[i].value - first] = (uint16_t)(i + 1);
}

static const struct enum_plan *enum_plan_get(const ProtobufCEnumDescriptor *descriptor) {
    struct enum_plan *plan;
    unsigned count = 0;

    for (size_t i = 0; i < enum_count; i++)
        if (enums[i]->descriptor == descriptor)
            return enums[i];
    plan = new0(struct enum_plan);
    plan->descriptor = descriptor;
    plan->values = xcalloc(descriptor->n_values + descriptor->n_value_names, sizeof(*plan->values));
    for (unsigned i = 0; i < descriptor->n_values; i++) {
        struct enum_value_plan *value = &plan->values[count++];

        value->value = descriptor->values[i].value;
        set_names(descriptor->name, descriptor->values[i].name, value->names, value->name_sizes);
    }
    for (unsigned i = 0; i < descriptor->n_value_names; i++) {
        const ProtobufCEnumValueIndex *alias = &descriptor->values_by_name[i];
        struct enum_value_plan *value = &plan->values[count];

        if (strcmp(descriptor->values[alias->index].name, alias->name) == 0)
            continue;
        count++;
        value->value = descriptor->values[alias->index].value;
        set_names(descriptor->name, alias->name, value->names, value->name_sizes);
    }
    plan->value_count = count;
    index_enum_values(plan);
    for (enum message_names names = MESSAGE_V1; names <= MESSAGE_V0; names++) {
        name_index_init(&plan->by_name[names], count);
        for (unsigned i = 0; i < count; i++)
            name_index_add(&plan->by_name[names], plan->values[i].names[names], i);
    }
    enums = xrealloc(enums, (enum_count + 1) * sizeof(struct enum_plan *));
    enums[enum_count++] = plan;
    return plan;
}

static uint8_t element_size(ProtobufCType type) {
    switch (type) {
    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_SINT64:
    case PROTOBUF_C_TYPE_SFIXED64:
    case PROTOBUF_C_TYPE_UINT64:
    case PROTOBUF_C_TYPE_FIXED64:
    case PROTOBUF_C_TYPE_DOUBLE:
        return 8;
    case PROTOBUF_C_TYPE_BOOL:
        return sizeof(protobuf_c_boolean);
    case PROTOBUF_C_TYPE_STRING:
    case PROTOBUF_C_TYPE_MESSAGE:
        return sizeof(void *);
    case PROTOBUF_C_TYPE_BYTES:
        return sizeof(ProtobufCBinaryData);
    default:
        return 4;
    }
}

/* The descriptors do not say which messages are map entries. Those have exactly a key and a value, and are called after
 * the field: limits, LimitsEntry. */
static bool is_map(const ProtobufCFieldDescriptor *field) {
    const ProtobufCMessageDescriptor *entry = field->descriptor;
    const char *camel;

    if (field->label != PROTOBUF_C_LABEL_REPEATED || field->type != PROTOBUF_C_TYPE_MESSAGE || entry->n_fields != 2 ||
        strcmp(entry->fields[0].name, "key") != 0 || strcmp(entry->fields[1].name, "value") != 0)
        return false;
    camel = entry->short_name;
    for (const char *c = field->name; *c != '\0'; c++) {
        bool is_first = c == field->name || c[-1] == '_';

        if (*c == '_')
            continue;
        if (*camel++ != (is_first && *c >= 'a' && *c <= 'z' ? *c - 'a' + 'A' : *c))
            return false;
    }
    return strcmp(camel, "Entry") == 0;
}

bool implicit_field_is_set(const ProtobufCMessage *message, const struct field_plan *field) {
    const void *value = member_at(message, field->offset);
    static const char zeros[8];

    switch (field->type) {
    case PROTOBUF_C_TYPE_STRING:
        return *(char *const *)value != NULL && **(char *const *)value != '\0';
    case PROTOBUF_C_TYPE_MESSAGE:
        return *(void *const *)value != NULL;
    case PROTOBUF_C_TYPE_BYTES:
        return ((const ProtobufCBinaryData *)value)->len > 0;
    default:
        return memcmp(value, zeros, field->element_size) != 0;
    }
}

static void plan_field(struct message_plan *plan, struct field_plan *field, const ProtobufCFieldDescriptor *descriptor,
                       unsigned *required_count) {
    field->descriptor = descriptor;
    field->offset = descriptor->offset;
    field->quantifier = descriptor->quantifier_offset;
    field->id = descriptor->id;
    field->type = (uint8_t)descriptor->type;
    field->element_size = element_size(descriptor->type);
    field->is_repeated = descriptor->label == PROTOBUF_C_LABEL_REPEATED;
    field->is_oneof = (descriptor->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) != 0;
    field->is_implicit = descriptor->label == PROTOBUF_C_LABEL_NONE && !field->is_oneof;
    field->is_pointer = descriptor->type == PROTOBUF_C_TYPE_STRING || descriptor->type == PROTOBUF_C_TYPE_MESSAGE;
    field->is_map = is_map(descriptor);
    field->has_written_default = descriptor->default_value != NULL && !field->is_repeated && !field->is_implicit &&
                                 (descriptor->flags & PROTOBUF_C_FIELD_FLAG_DEPRECATED) == 0;
    set_names(plan->descriptor->name, descriptor->name, field->names, field->name_sizes);
    if (descriptor->label == PROTOBUF_C_LABEL_REQUIRED) {
        field->required_bit = (uint16_t)++ * required_count;
        assert(field->required_bit <= 64);
        plan->required |= UINT64_C(1) << (field->required_bit - 1);
    }
    if (descriptor->type == PROTOBUF_C_TYPE_ENUM)
        field->values = enum_plan_get(descriptor->descriptor);
    plan->has_maps |= field->is_map;
}

/* The structs have their members in the order of declaration, but for oneofs, which come last; a message that has one
 * declares its fields by number. */
static void order_as_declared(struct message_plan *plan) {
    bool has_oneof = false;

    for (unsigned i = 0; i < plan->field_count; i++)
        has_oneof |= plan->fields[i].is_oneof;
    for (unsigned i = 0; i < plan->field_count; i++) {
        unsigned at = i;

        for (; !has_oneof && at > 0 && plan->declared[at - 1]->offset > plan->fields[i].offset; at--)
            plan->declared[at] = plan->declared[at - 1];
        plan->declared[at] = &plan->fields[i];
    }
}

static void index_fields(struct message_plan *plan) {
    for (enum message_names names = MESSAGE_V1; names <= MESSAGE_V0; names++) {
        name_index_init(&plan->by_name[names], plan->field_count);
        for (unsigned i = 0; i < plan->field_count; i++)
            name_index_add(&plan->by_name[names], plan->fields[i].names[names], i);
    }
    for (unsigned i = 0; i < plan->field_count; i++) {
        const struct field_plan *field = &plan->fields[i];

        if (field->id < FAST_TAGS)
            plan->by_tag[field->id] = (uint8_t)(i + 1);
        if (field->is_repeated || field->is_pointer || field->type == PROTOBUF_C_TYPE_BYTES)
            plan->deep[plan->deep_count++] = field;
    }
}

static struct message_plan *find_published(const ProtobufCMessageDescriptor *descriptor) {
    for (size_t at = ((uintptr_t)descriptor >> 4) % SLOTS;; at = (at + 1) % SLOTS) {
        struct message_plan *plan = atomic_load_explicit(&published[at], memory_order_acquire);

        if (plan == NULL || plan->descriptor == descriptor)
            return plan;
    }
}

static struct message_plan *plan_new(const ProtobufCMessageDescriptor *descriptor) {
    struct message_plan *plan = new0(struct message_plan);
    unsigned required_count = 0;

    plan->descriptor = descriptor;
    plan->size = descriptor->sizeof_message;
    plan->field_count = descriptor->n_fields;
    assert(plan->field_count < 255);
    plan->fields = xcalloc(plan->field_count + 1, sizeof(*plan->fields));
    plan->declared = xcalloc(plan->field_count + 1, sizeof(struct field_plan *));
    plan->deep = xcalloc(plan->field_count + 1, sizeof(struct field_plan *));
    for (unsigned i = 0; i < plan->field_count; i++)
        plan_field(plan, &plan->fields[i], &descriptor->fields[i], &required_count);
    order_as_declared(plan);
    index_fields(plan);
    return plan;
}

/* Under the lock. */
static void publish(struct message_plan *plan) {
    size_t at = ((uintptr_t)plan->descriptor >> 4) % SLOTS;
    static size_t count;

    count++;
    assert(count < SLOTS / 2);
    while (atomic_load_explicit(&published[at], memory_order_relaxed) != NULL)
        at = (at + 1) % SLOTS;
    atomic_store_explicit(&published[at], plan, memory_order_release);
}

const struct message_plan *message_plan_get(const ProtobufCMessageDescriptor *descriptor) {
    struct message_plan *plan = find_published(descriptor);

    if (plan != NULL)
        return plan;
    pthread_mutex_lock(&lock);
    plan = find_published(descriptor);
    if (plan == NULL) {
        plan = plan_new(descriptor);
        publish(plan);
    }
    pthread_mutex_unlock(&lock);
    return plan;
}

const struct message_plan *field_plan_message_get(const struct field_plan *field) {
    const struct message_plan *plan = message_plan_get(field->descriptor->descriptor);

    atomic_store_explicit(&((struct field_plan *)(uintptr_t)field)->message, plan, memory_order_release);
    return plan;
}

const struct field_plan *message_plan_find_slowly(const struct message_plan *plan, uint32_t id) {
    unsigned low = 0, high = plan->field_count;

    while (low < high) {
        unsigned middle = low + (high - low) / 2;

        if (plan->fields[middle].id == id)
            return &plan->fields[middle];
        if (plan->fields[middle].id < id)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}
