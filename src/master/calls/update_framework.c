/* SPDX-License-Identifier: Apache-2.0 */
#include "allocator/allocator.h"
#include "base/log.h"
#include "master/calls/calls.h"
#include "master/framework.h"
#include "master/master.h"
#include "master/subscribe.h"
#include "master/validation.h"
#include "message/message.h"

/* New info, suppressed roles or constraints without another subscription. [Master::updateFramework] */
int call_update_framework(struct framework *framework, Mesos__V1__Scheduler__Call *call, struct arena *arena,
                          struct error *err) {
    const Mesos__V1__Scheduler__Call__UpdateFramework *update = call->update_framework;
    Mesos__V1__FrameworkInfo *info = update->framework_info;
    struct offer_constraints *constraints = NULL;
    bool is_changed = !message_equal(&info->base, &framework->info->base);

    if (subscribe_check_info(framework->master, info, err) < 0)
        return error_wrap(err, "Supplied FrameworkInfo is not valid");
    if (validate_framework_update(framework->info, info, err) < 0)
        return error_wrap(err, "FrameworkInfo update is not valid");
    if (validate_framework_options(info, update->suppressed_roles, update->n_suppressed_roles,
                                   update->offer_constraints, err) < 0)
        return error_wrap(err, "'UpdateFramework' call is not valid");
    if (offer_constraints_new(update->offer_constraints, &framework->master->constraints_limits, &constraints, err) < 0)
        return error_wrap(err, "'UpdateFramework' call is not valid: Offer constraints are not valid");
    framework_update(framework, info, update->suppressed_roles, update->n_suppressed_roles, update->offer_constraints,
                     constraints);
    if (is_changed)
        framework_broadcast_info(framework);
    return 0;
}
