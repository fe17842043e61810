/* SPDX-License-Identifier: Apache-2.0 */
/* The calls a scheduler can make, one file each. The call has been validated (master/validation.h), and the framework
 * is connected and made it. A call is the handler's to change; new parts of it come from @arena.
 *
 * Returns 0 when it is done or under way (202), or -1 when the call itself is refused (400). Afterwards the framework
 * may be gone. */
#pragma once

#include "base/arena.h"
#include "base/error.h"
#include "mesos/v1/scheduler/scheduler.pb-c.h"

struct framework;

typedef int call_handler(struct framework *framework, Mesos__V1__Scheduler__Call *call, struct arena *arena,
                         struct error *err);

call_handler call_teardown, call_accept, call_decline, call_accept_inverse_offers, call_decline_inverse_offers,
    call_revive, call_suppress, call_kill, call_shutdown, call_acknowledge, call_acknowledge_operation_status,
    call_reconcile, call_reconcile_operations, call_message, call_request, call_update_framework;
