/* SPDX-License-Identifier: Apache-2.0 */
/* The operations of a framework of the campaign: it reserves disk, makes volumes of what it has reserved, and gives
 * both up again, all in units of one size. */
#pragma once

#include "base/arena.h"
#include "framework.h"

/* Of what is not reserved, in thousandths. */
struct planned_amounts {
    int64_t cpus, mem, disk;
};

/* An operation to accept @offer with, in @arena; NULL: none this time. @ret_left: what is there for tasks besides. */
Mesos__V1__Offer__Operation *operations_choose(struct framework *framework, const Mesos__V1__Offer *offer,
                                               struct arena *arena, struct planned_amounts *ret_left);
void operations_hear(struct framework *framework, const Mesos__V1__OperationStatus *status);
/* Ask for those of which nothing has been heard for a while. */
void operations_reconcile(struct framework *framework);

/* Let operations that have ended end otherwise. */
void operations_sabotage(struct framework *framework);

/* What the framework must have on the agent, by what it has heard, which must be of all its operations. */
struct holdings {
    int64_t reserved; /* disk in thousandths, with what is in volumes */
    unsigned volumes;
};
void operations_holdings(const struct framework *framework, const char *agent_id, struct holdings *ret);
