/* SPDX-License-Identifier: Apache-2.0 */
#include "master/dispatch.h"

#include <string.h>

#include "base/log.h"
#include "master/agent_messages.h"
#include "master/calls/calls.h"
#include "master/driver_messages.h"
#include "master/framework.h"
#include "master/master.h"
#include "mesos/internal/authentication.pb-c.h"
#include "mesos/internal/messages.pb-c.h"
#include "message/message.h"

/* Messages, the most frequent ones first. */

static const struct {
    const ProtobufCMessageDescriptor *descriptor; /* its name is that of the message */
    message_handler *handle;
} messages[] = {
    {&mesos__internal__status_update_message__descriptor, on_status_update},
    {&mesos__internal__update_slave_message__descriptor, on_update_agent},
    {&mesos__internal__executor_to_framework_message__descriptor, on_executor_to_framework},
    {&mesos__internal__exited_executor_message__descriptor, on_exited_executor},
    {&mesos__internal__update_operation_status_message__descriptor, on_update_operation_status},
    {&mesos__internal__register_slave_message__descriptor, on_register_agent},
    {&mesos__internal__reregister_slave_message__descriptor, on_reregister_agent},
    {&mesos__internal__unregister_slave_message__descriptor, on_unregister_agent},
    {&mesos__internal__status_update_acknowledgement_message__descriptor, on_driver_acknowledge},
    {&mesos__internal__launch_tasks_message__descriptor, on_driver_launch},
    {&mesos__internal__revive_offers_message__descriptor, on_driver_revive},
    {&mesos__internal__kill_task_message__descriptor, on_driver_kill},
    {&mesos__internal__framework_to_executor_message__descriptor, on_driver_message},
    {&mesos__internal__reconcile_tasks_message__descriptor, on_driver_reconcile},
    {&mesos__internal__resource_request_message__descriptor, on_driver_request},
    {&mesos__internal__register_framework_message__descriptor, on_driver_register},
    {&mesos__internal__reregister_framework_message__descriptor, on_driver_reregister},
    {&mesos__internal__unregister_framework_message__descriptor, on_driver_unregister},
    {&mesos__internal__deactivate_framework_message__descriptor, on_driver_deactivate},
    {&mesos__internal__authenticate_message__descriptor, on_authenticate},
};

static void drop(struct master *master, const struct pid *from, const char *name, const char *reason) {
    char pid[PID_BYTES];

    log_warning("Dropping message %.100s from %s: %s", name, pid_format(from, pid), reason);
    metric_increment(&master->metrics.dropped_messages);
}

void dispatch_message(struct master *master, const struct pid *from, const char *name, const char *body, size_t size) {
    struct error cleanup_error err = ERROR_INIT;
    struct arena arena = ARENA_INIT;
    ProtobufCMessage *message;

    if (!master_is_elected(master)) {
        drop(master, from, name, "this master does not lead");
        return;
    }
    /* Its fields have other numbers than those of the v1 call. */
    if (strcmp(name, "mesos.scheduler.Call") == 0) {
        if (on_driver_call(master, from, body, size, &err) < 0)
            drop(master, from, name, error_message(&err));
        return;
    }
    for (size_t i = 0; i < ARRAY_SIZE(messages); i++) {
        if (strcmp(messages[i].descriptor->name, name) != 0)
            continue;
        if (message_decode(messages[i].descriptor, body, size, &arena, &message, &err) < 0)
            drop(master, from, name, error_message(&err));
        else
            messages[i].handle(master, from, message);
        arena_done(&arena);
        return;
    }
    drop(master, from, name, "masters do not know this message");
}

/* Calls */

static const struct {
    const char *name;
    call_handler *handle; /* NULL: SUBSCRIBE, which makes the framework first */
    bool is_for_drivers;
} calls[] = {
    [MESOS__V1__SCHEDULER__CALL__TYPE__SUBSCRIBE] = {"SUBSCRIBE", NULL, true},
    [MESOS__V1__SCHEDULER__CALL__TYPE__TEARDOWN] = {"TEARDOWN", call_teardown, true},
    [MESOS__V1__SCHEDULER__CALL__TYPE__ACCEPT] = {"ACCEPT", call_accept, true},
    [MESOS__V1__SCHEDULER__CALL__TYPE__DECLINE] = {"DECLINE", call_decline, true},
    [MESOS__V1__SCHEDULER__CALL__TYPE__ACCEPT_INVERSE_OFFERS] = {"ACCEPT_INVERSE_OFFERS", call_accept_inverse_offers,
                                                                 true},
    [MESOS__V1__SCHEDULER__CALL__TYPE__DECLINE_INVERSE_OFFERS] = {"DECLINE_INVERSE_OFFERS", call_decline_inverse_offers,
                                                                  true},
    [MESOS__V1__SCHEDULER__CALL__TYPE__REVIVE] = {"REVIVE", call_revive, true},
    [MESOS__V1__SCHEDULER__CALL__TYPE__SUPPRESS] = {"SUPPRESS", call_suppress, true},
    [MESOS__V1__SCHEDULER__CALL__TYPE__KILL] = {"KILL", call_kill, true},
    [MESOS__V1__SCHEDULER__CALL__TYPE__SHUTDOWN] = {"SHUTDOWN", call_shutdown, true},
    [MESOS__V1__SCHEDULER__CALL__TYPE__ACKNOWLEDGE] = {"ACKNOWLEDGE", call_acknowledge, true},
    [MESOS__V1__SCHEDULER__CALL__TYPE__ACKNOWLEDGE_OPERATION_STATUS] = {"ACKNOWLEDGE_OPERATION_STATUS",
                                                                        call_acknowledge_operation_status, false},
    [MESOS__V1__SCHEDULER__CALL__TYPE__RECONCILE] = {"RECONCILE", call_reconcile, true},
    [MESOS__V1__SCHEDULER__CALL__TYPE__RECONCILE_OPERATIONS] = {"RECONCILE_OPERATIONS", call_reconcile_operations,
                                                                false},
    [MESOS__V1__SCHEDULER__CALL__TYPE__MESSAGE] = {"MESSAGE", call_message, true},
    [MESOS__V1__SCHEDULER__CALL__TYPE__REQUEST] = {"REQUEST", call_request, true},
    [MESOS__V1__SCHEDULER__CALL__TYPE__UPDATE_FRAMEWORK] = {"UPDATE_FRAMEWORK", call_update_framework, true},
};

static bool is_known(Mesos__V1__Scheduler__Call__Type type) {
    return (size_t)type < ARRAY_SIZE(calls) && calls[type].name != NULL;
}

const char *call_name(Mesos__V1__Scheduler__Call__Type type) {
    return is_known(type) ? calls[type].name : "UNKNOWN";
}

bool call_is_for_drivers(Mesos__V1__Scheduler__Call__Type type) {
    return is_known(type) && calls[type].is_for_drivers;
}

int dispatch_call(struct framework *framework, Mesos__V1__Scheduler__Call *call, struct arena *arena,
                  struct error *err) {
    if (!is_known(call->type) || calls[call->type].handle == NULL)
        return CALL_UNKNOWN;
    log_debug("Processing %s call of framework %s", calls[call->type].name, framework->id);
    return calls[call->type].handle(framework, call, arena, err);
}
