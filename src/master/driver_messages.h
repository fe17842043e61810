/* SPDX-License-Identifier: Apache-2.0 */
/* What scheduler drivers send over libprocess: the one message for each thing to do of old drivers, and the
 * mesos.scheduler.Call of newer ones. All end in the calls of the v1 API. */
#pragma once

#include "base/error.h"
#include "master/agent_messages.h"

message_handler on_driver_register, on_driver_reregister, on_driver_unregister, on_driver_deactivate, on_driver_request,
    on_driver_launch, on_driver_revive, on_driver_kill, on_driver_acknowledge, on_driver_message, on_driver_reconcile;

/* Who wants to authenticate is told that there is nothing to authenticate with. */
message_handler on_authenticate;

/* A mesos.scheduler.Call; -1 if it cannot be decoded or is dropped. */
int on_driver_call(struct master *master, const struct pid *from, const char *body, size_t size, struct error *err);
