/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "event/env.h"
#include "master/validation.h"

static int missing(const char *field, struct error *err) {
    return error_set(err, 0, "Expecting '%s' to be present", field);
}

static int check_uuid(const ProtobufCBinaryData *uuid, struct error *err) {
    return uuid->len == UUID_BYTES ? 0 : error_set(err, 0, "Not a valid UUID");
}

static const char *id_value(const Mesos__V1__FrameworkID *id) {
    return id == NULL ? "" : id->value;
}

static int check_subscribe(const Mesos__V1__Scheduler__Call *call, struct error *err) {
    if (call->subscribe == NULL)
        return missing("subscribe", err);
    if (strcmp(id_value(call->subscribe->framework_info->id), id_value(call->framework_id)) != 0)
        return error_set(err, 0, "'framework_id' differs from 'subscribe.framework_info.id'");
    return 0;
}

static int check_update_framework(const Mesos__V1__Scheduler__Call *call, struct error *err) {
    if (call->update_framework == NULL)
        return missing("update_framework", err);
    if (strcmp(id_value(call->update_framework->framework_info->id), id_value(call->framework_id)) != 0)
        return error_set(err, 0, "'framework_id' differs from 'update_framework.framework_info.id'");
    return 0;
}

static int check_acknowledge_operation(const Mesos__V1__Scheduler__Call *call, struct error *err) {
    if (call->acknowledge_operation_status == NULL)
        return missing("acknowledge_operation_status", err);
    if (check_uuid(&call->acknowledge_operation_status->uuid, err) < 0)
        return -1;
    if (call->acknowledge_operation_status->agent_id == NULL)
        return missing("agent_id", err);
    return 0;
}

#define NEED(field) return call->field == NULL ? missing(#field, err) : 0

int validate_call(const Mesos__V1__Scheduler__Call *call, struct error *err) {
    if (!call->has_type)
        return missing("type", err);
    if (call->type == MESOS__V1__SCHEDULER__CALL__TYPE__SUBSCRIBE)
        return check_subscribe(call, err);
    if (call->framework_id == NULL)
        return missing("framework_id", err);
    switch (call->type) {
    case MESOS__V1__SCHEDULER__CALL__TYPE__ACCEPT:
        NEED(accept);
    case MESOS__V1__SCHEDULER__CALL__TYPE__DECLINE:
        NEED(decline);
    case MESOS__V1__SCHEDULER__CALL__TYPE__ACCEPT_INVERSE_OFFERS:
        NEED(accept_inverse_offers);
    case MESOS__V1__SCHEDULER__CALL__TYPE__DECLINE_INVERSE_OFFERS:
        NEED(decline_inverse_offers);
    case MESOS__V1__SCHEDULER__CALL__TYPE__KILL:
        NEED(kill);
    case MESOS__V1__SCHEDULER__CALL__TYPE__SHUTDOWN:
        NEED(shutdown);
    case MESOS__V1__SCHEDULER__CALL__TYPE__ACKNOWLEDGE:
        if (call->acknowledge == NULL)
            return missing("acknowledge", err);
        return check_uuid(&call->acknowledge->uuid, err);
    case MESOS__V1__SCHEDULER__CALL__TYPE__ACKNOWLEDGE_OPERATION_STATUS:
        return check_acknowledge_operation(call, err);
    case MESOS__V1__SCHEDULER__CALL__TYPE__RECONCILE:
        NEED(reconcile);
    case MESOS__V1__SCHEDULER__CALL__TYPE__RECONCILE_OPERATIONS:
        NEED(reconcile_operations);
    case MESOS__V1__SCHEDULER__CALL__TYPE__MESSAGE:
        NEED(message);
    case MESOS__V1__SCHEDULER__CALL__TYPE__REQUEST:
        NEED(request);
    case MESOS__V1__SCHEDULER__CALL__TYPE__UPDATE_FRAMEWORK:
        return check_update_framework(call, err);
    default:
        return 0;
    }
}
