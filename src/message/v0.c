/* SPDX-License-Identifier: Apache-2.0 */
#include "message/v0.h"

#include "mesos/scheduler/scheduler.pb-c.h"
#include "message/fill.h"

enum { CHECKPOINT = 7 };

/* Unknown fields stay so. What has a number that is known in the other form would change its meaning, and is dropped.
 */
static void transfer_unknown(const ProtobufCMessage *from, ProtobufCMessage *to, const struct message_plan *to_plan,
                             struct arena *arena) {
    if (from->n_unknown_fields == 0)
        return;
    to->unknown_fields = arena_alloc(arena, from->n_unknown_fields * sizeof(from->unknown_fields[0]));
    for (unsigned i = 0; i < from->n_unknown_fields; i++)
        if (message_plan_find(to_plan, from->unknown_fields[i].tag) == NULL)
            to->unknown_fields[to->n_unknown_fields++] = from->unknown_fields[i];
}

/* Set the fields of @to that have a name in @from, without copying what they point to. */
static void transfer(const ProtobufCMessage *from, const struct message_plan *from_plan, ProtobufCMessage *to,
                     const struct message_plan *to_plan, struct arena *arena) {
    uint64_t seen = 0;

    for (unsigned i = 0; i < from_plan->field_count; i++) {
        const struct field_plan *source = &from_plan->fields[i], *target;

        target = message_plan_find_name(to_plan, MESSAGE_V1, source->names[MESSAGE_V1], source->name_sizes[MESSAGE_V1]);
        if (target == NULL)
            continue;
        if (source->is_repeated) {
            *count_of(to, target) = *count_of(from, source);
            *(void **)member_at(to, target->offset) = elements_of(from, source);
        } else if (field_is_set(from, source)) {
            void *slot = member_at(to, target->offset);

            memcpy(slot, member_at(from, source->offset), source->element_size);
            mark_set(to, target, &seen);
            if (source->type == PROTOBUF_C_TYPE_MESSAGE &&
                source->descriptor->descriptor != target->descriptor->descriptor) {
                ProtobufCMessage **nested = slot, *other = message_new(field_plan_message(target), arena);

                transfer(*nested, field_plan_message(source), other, field_plan_message(target), arena);
                *nested = other;
            }
        }
    }
    transfer_unknown(from, to, to_plan, arena);
}

int v0_scheduler_call_decode(const void *data, size_t size, struct arena *arena, Mesos__V1__Scheduler__Call **ret,
                             bool *ret_force, struct error *err) {
    const struct message_plan *plan = message_plan_get(&mesos__v1__scheduler__call__descriptor);
    const Mesos__Scheduler__Call *call;
    ProtobufCMessage *from, *to;

    if (message_decode(&mesos__scheduler__call__descriptor, data, size, arena, &from, err) < 0)
        return -1;
    to = message_new(plan, arena);
    transfer(from, message_plan_get(&mesos__scheduler__call__descriptor), to, plan, arena);
    *ret = (Mesos__V1__Scheduler__Call *)to;
    call = (const Mesos__Scheduler__Call *)from;
    if (ret_force != NULL)
        *ret_force = call->subscribe != NULL && call->subscribe->has_force && call->subscribe->force;
    return 0;
}

void v0_scheduler_call_encode(const Mesos__V1__Scheduler__Call *call, struct buffer *buffer) {
    const struct message_plan *plan = message_plan_get(&mesos__scheduler__call__descriptor);
    struct arena arena = ARENA_INIT;
    ProtobufCMessage *to = message_new(plan, &arena);

    transfer(&call->base, message_plan_get(&mesos__v1__scheduler__call__descriptor), to, plan, &arena);
    message_encode(to, buffer);
    arena_done(&arena);
}

bool v0_agent_info_checkpoint(const Mesos__V1__AgentInfo *info) {
    bool value = false;

    for (unsigned i = 0; i < info->base.n_unknown_fields; i++) {
        const ProtobufCMessageUnknownField *field = &info->base.unknown_fields[i];

        if (field->tag != CHECKPOINT || field->wire_type != PROTOBUF_C_WIRE_TYPE_VARINT)
            continue;
        value = false;
        for (size_t j = 0; j < field->len; j++)
            value |= (field->data[j] & 0x7F) != 0;
    }
    return value;
}

void v0_agent_info_set_checkpoint(Mesos__V1__AgentInfo *info, struct arena *arena) {
    static uint8_t one[] = {1};
    unsigned count = info->base.n_unknown_fields;
    ProtobufCMessageUnknownField *fields = arena_alloc(arena, (count + 1) * sizeof(*fields));

    if (count > 0)
        memcpy(fields, info->base.unknown_fields, count * sizeof(*fields));
    fields[count] = (ProtobufCMessageUnknownField){CHECKPOINT, PROTOBUF_C_WIRE_TYPE_VARINT, sizeof(one), one};
    info->base.unknown_fields = fields;
    info->base.n_unknown_fields = count + 1;
}
