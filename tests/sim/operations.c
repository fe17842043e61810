/* SPDX-License-Identifier: Apache-2.0 */
#include "operations.h"

#include <stdio.h>
#include <string.h>

#include "message/message.h"

enum { UNIT = 32 }; /* MB of disk */

/* One of which nothing was heard for so long is asked for. */
#define OPERATION_PATIENCE (15 * SECOND)

/* Choosing */

/* A resource of the offer that operations are made with. */
enum material { MATERIAL_NONE, MATERIAL_UNRESERVED, MATERIAL_RESERVED, MATERIAL_VOLUME };

static bool is_reserved(const Mesos__V1__Resource *resource) {
    return resource->n_reservations > 0 || resource->reservation != NULL ||
           (resource->role != NULL && strcmp(resource->role, "*") != 0);
}

static enum material material_of(const Mesos__V1__Resource *resource) {
    if (strcmp(resource->name, "disk") != 0 || resource->scalar == NULL)
        return MATERIAL_NONE;
    if (resource->disk != NULL)
        return MATERIAL_VOLUME;
    if (resource->scalar->value < UNIT)
        return MATERIAL_NONE;
    return is_reserved(resource) ? MATERIAL_RESERVED : MATERIAL_UNRESERVED;
}

static void count_amounts(const Mesos__V1__Offer *offer, struct planned_amounts *ret) {
    *ret = (struct planned_amounts){0};
    for (size_t i = 0; i < offer->n_resources; i++) {
        const Mesos__V1__Resource *resource = offer->resources[i];
        int64_t amount = resource->scalar == NULL ? 0 : (int64_t)(resource->scalar->value * 1000 + 0.5);

        if (is_reserved(resource))
            continue;
        if (strcmp(resource->name, "cpus") == 0)
            ret->cpus += amount;
        else if (strcmp(resource->name, "mem") == 0)
            ret->mem += amount;
        else if (strcmp(resource->name, "disk") == 0)
            ret->disk += amount;
    }
}

static void *make(struct arena *arena, const ProtobufCMessageDescriptor *descriptor) {
    ProtobufCMessage *message = arena_alloc(arena, descriptor->sizeof_message);

    descriptor->message_init(message);
    return message;
}

/* One unit of @resource. */
static Mesos__V1__Resource *make_unit(const Mesos__V1__Resource *resource, struct arena *arena) {
    Mesos__V1__Resource *unit = MESSAGE_COPY_TO(resource, arena);

    unit->scalar->value = UNIT;
    return unit;
}

static void reserve(const struct framework *framework, Mesos__V1__Resource *unit, struct arena *arena) {
    Mesos__V1__Resource__ReservationInfo *reservation = make(arena, &mesos__v1__resource__reservation_info__descriptor);

    if (!framework->plan.reservation_refinement) {
        unit->role = (char *)(uintptr_t)framework->role;
        unit->reservation = reservation;
        return;
    }
    reservation->has_type = true;
    reservation->type = MESOS__V1__RESOURCE__RESERVATION_INFO__TYPE__DYNAMIC;
    reservation->role = (char *)(uintptr_t)framework->role;
    unit->reservations = arena_memdup(arena, &reservation, sizeof(reservation));
    unit->n_reservations = 1;
}

static void make_volume(Mesos__V1__Resource *unit, const char *id, struct arena *arena) {
    Mesos__V1__Resource__DiskInfo *disk = make(arena, &mesos__v1__resource__disk_info__descriptor);

    disk->persistence = make(arena, &mesos__v1__resource__disk_info__persistence__descriptor);
    disk->persistence->id = arena_strdup(arena, id);
    disk->volume = make(arena, &mesos__v1__volume__descriptor);
    disk->volume->mode = MESOS__V1__VOLUME__MODE__RW;
    disk->volume->container_path = arena_strdup(arena, "data");
    unit->disk = disk;
}

/* Fill the operation's own part; @part has the field `resources` or `volumes` at the same place in all of them. */
static void fill(Mesos__V1__Offer__Operation *operation, int type, Mesos__V1__Resource *unit, struct arena *arena) {
    Mesos__V1__Resource **list = arena_memdup(arena, &unit, sizeof(unit));

    operation->has_type = true;
    operation->type = (Mesos__V1__Offer__Operation__Type)type;
    switch (type) {
    case MESOS__V1__OFFER__OPERATION__TYPE__RESERVE:
        operation->reserve = make(arena, &mesos__v1__offer__operation__reserve__descriptor);
        operation->reserve->resources = list;
        operation->reserve->n_resources = 1;
        break;
    case MESOS__V1__OFFER__OPERATION__TYPE__UNRESERVE:
        operation->unreserve = make(arena, &mesos__v1__offer__operation__unreserve__descriptor);
        operation->unreserve->resources = list;
        operation->unreserve->n_resources = 1;
        break;
    case MESOS__V1__OFFER__OPERATION__TYPE__CREATE:
        operation->create = make(arena, &mesos__v1__offer__operation__create__descriptor);
        operation->create->volumes = list;
        operation->create->n_volumes = 1;
        break;
    default:
        operation->destroy = make(arena, &mesos__v1__offer__operation__destroy__descriptor);
        operation->destroy->volumes = list;
        operation->destroy->n_volumes = 1;
        break;
    }
}

static void note_sent(struct framework *framework, struct planned_operation *planned, int type,
                      const Mesos__V1__Offer *offer) {
    planned->type = type;
    planned->sent_ns = sim_now(framework->sim);
    planned->state = LAUNCHED;
    snprintf(planned->agent_id, sizeof(planned->agent_id), "%s", offer->agent_id->value);
    /* Nobody will say what became of it. */
    if (!framework_has_feedback(framework)) {
        planned->state = ENDED;
        framework->operations_ended++;
    }
}

static Mesos__V1__Offer__Operation *make_operation(struct framework *framework, const Mesos__V1__Offer *offer,
                                                   const Mesos__V1__Resource *resource, struct arena *arena) {
    struct planned_operation *planned = &framework->operations[framework->next_operation++];
    Mesos__V1__Offer__Operation *operation = make(arena, &mesos__v1__offer__operation__descriptor);
    int type = MESOS__V1__OFFER__OPERATION__TYPE__DESTROY;
    Mesos__V1__Resource *unit;

    if (material_of(resource) == MATERIAL_VOLUME) {
        unit = MESSAGE_COPY_TO(resource, arena);
    } else {
        unit = make_unit(resource, arena);
        if (material_of(resource) == MATERIAL_UNRESERVED) {
            type = MESOS__V1__OFFER__OPERATION__TYPE__RESERVE;
            reserve(framework, unit, arena);
        } else if (sim_random(framework->sim) % 2 == 0) {
            type = MESOS__V1__OFFER__OPERATION__TYPE__CREATE;
            make_volume(unit, planned->id, arena);
        } else {
            type = MESOS__V1__OFFER__OPERATION__TYPE__UNRESERVE;
        }
    }
    fill(operation, type, unit, arena);
    if (framework_has_feedback(framework)) {
        operation->id = make(arena, &mesos__v1__operation_id__descriptor);
        operation->id->value = planned->id;
    }
    note_sent(framework, planned, type, offer);
    return operation;
}

Mesos__V1__Offer__Operation *operations_choose(struct framework *framework, const Mesos__V1__Offer *offer,
                                               struct arena *arena, struct planned_amounts *ret_left) {
    const Mesos__V1__Resource *chosen = NULL;
    unsigned seen = 0;

    count_amounts(offer, ret_left);
    if (framework->next_operation == framework->plan.operations ||
        (framework->next < framework->plan.tasks && sim_random(framework->sim) % 16 != 0))
        return NULL;
    for (size_t i = 0; i < offer->n_resources; i++)
        if (material_of(offer->resources[i]) != MATERIAL_NONE && sim_random(framework->sim) % ++seen == 0)
            chosen = offer->resources[i];
    if (chosen == NULL)
        return NULL;
    if (material_of(chosen) == MATERIAL_UNRESERVED)
        ret_left->disk -= UNIT * 1000;
    return make_operation(framework, offer, chosen, arena);
}

/* Hearing */

static struct planned_operation *find_operation(struct framework *framework, const Mesos__V1__OperationID *id) {
    unsigned number;

    if (id == NULL || sscanf(id->value, "%*[^-]-%u", &number) != 1 || number >= framework->plan.operations)
        return NULL;
    return &framework->operations[number];
}

static bool is_terminal(int state) {
    return state == MESOS__V1__OPERATION_STATE__OPERATION_FINISHED ||
           state == MESOS__V1__OPERATION_STATE__OPERATION_FAILED ||
           state == MESOS__V1__OPERATION_STATE__OPERATION_ERROR ||
           state == MESOS__V1__OPERATION_STATE__OPERATION_DROPPED ||
           state == MESOS__V1__OPERATION_STATE__OPERATION_GONE_BY_OPERATOR;
}

static void acknowledge(struct framework *framework, const Mesos__V1__OperationStatus *status) {
    Mesos__V1__Scheduler__Call message = MESOS__V1__SCHEDULER__CALL__INIT;
    Mesos__V1__Scheduler__Call__AcknowledgeOperationStatus part =
        MESOS__V1__SCHEDULER__CALL__ACKNOWLEDGE_OPERATION_STATUS__INIT;

    part.agent_id = status->agent_id;
    part.resource_provider_id = status->resource_provider_id;
    part.operation_id = status->operation_id;
    part.uuid = status->uuid->value;
    message.acknowledge_operation_status = &part;
    framework_call(framework, &message, MESOS__V1__SCHEDULER__CALL__TYPE__ACKNOWLEDGE_OPERATION_STATUS);
}

static void note_terminal(struct framework *framework, struct planned_operation *planned, int state) {
    if (planned->state == LAUNCHED) {
        planned->state = ENDED;
        planned->terminal = state;
        framework->operations_ended++;
    } else if (planned->terminal != state) {
        framework_violate(framework, "operation %s: two terminal states, %d after %d", planned->id, state,
                          planned->terminal);
    }
}

void operations_sabotage(struct framework *framework) {
    for (unsigned i = 0; i < framework->next_operation; i++)
        if (framework->operations[i].state == ENDED)
            note_terminal(framework, &framework->operations[i], MESOS__V1__OPERATION_STATE__OPERATION_FAILED);
}

void operations_hear(struct framework *framework, const Mesos__V1__OperationStatus *status) {
    struct planned_operation *planned = find_operation(framework, status->operation_id);
    int state = (int)status->state;

    framework->operation_updates++;
    if (planned == NULL || planned->state == PLANNED) {
        framework_violate(framework, "a status of an operation that was not sent: %s",
                          status->operation_id == NULL ? "(none)" : status->operation_id->value);
        return;
    }
    if (status->uuid != NULL)
        acknowledge(framework, status);
    if (is_terminal(state)) {
        note_terminal(framework, planned, state);
    } else if (framework->is_calm && planned->state == LAUNCHED &&
               state == MESOS__V1__OPERATION_STATE__OPERATION_UNKNOWN) {
        note_terminal(framework, planned, state);
    }
}

void operations_reconcile(struct framework *framework) {
    Mesos__V1__Scheduler__Call message = MESOS__V1__SCHEDULER__CALL__INIT;
    Mesos__V1__Scheduler__Call__ReconcileOperations part = MESOS__V1__SCHEDULER__CALL__RECONCILE_OPERATIONS__INIT;
    cleanup_(arena_done) struct arena arena = ARENA_INIT;
    int64_t before = sim_now(framework->sim) - OPERATION_PATIENCE;

    part.operations = arena_alloc(&arena, (framework->next_operation + 1) * sizeof(*part.operations));
    for (unsigned i = 0; i < framework->next_operation; i++) {
        struct planned_operation *planned = &framework->operations[i];
        Mesos__V1__Scheduler__Call__ReconcileOperations__Operation *asked;

        if (planned->state != LAUNCHED || planned->sent_ns > before)
            continue;
        asked = make(&arena, &mesos__v1__scheduler__call__reconcile_operations__operation__descriptor);
        asked->operation_id = make(&arena, &mesos__v1__operation_id__descriptor);
        asked->operation_id->value = planned->id;
        asked->agent_id = make(&arena, &mesos__v1__agent_id__descriptor);
        asked->agent_id->value = planned->agent_id;
        part.operations[part.n_operations++] = asked;
    }
    if (part.n_operations == 0)
        return;
    message.reconcile_operations = &part;
    framework_call(framework, &message, MESOS__V1__SCHEDULER__CALL__TYPE__RECONCILE_OPERATIONS);
}

/* Holding */

void operations_holdings(const struct framework *framework, const char *agent_id, struct holdings *ret) {
    int64_t reserved = 0, volumes = 0;

    for (unsigned i = 0; i < framework->next_operation; i++) {
        const struct planned_operation *planned = &framework->operations[i];

        if (strcmp(planned->agent_id, agent_id) != 0 ||
            planned->terminal != MESOS__V1__OPERATION_STATE__OPERATION_FINISHED)
            continue;
        reserved += planned->type == MESOS__V1__OFFER__OPERATION__TYPE__RESERVE;
        reserved -= planned->type == MESOS__V1__OFFER__OPERATION__TYPE__UNRESERVE;
        volumes += planned->type == MESOS__V1__OFFER__OPERATION__TYPE__CREATE;
        volumes -= planned->type == MESOS__V1__OFFER__OPERATION__TYPE__DESTROY;
    }
    *ret = (struct holdings){reserved * UNIT * 1000, (unsigned)volumes};
}
