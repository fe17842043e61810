/* SPDX-License-Identifier: Apache-2.0 */
/* REVIVE and SUPPRESS: whether the framework, or some of its roles, want offers; and REQUEST. */
#include "base/log.h"
#include "master/calls/calls.h"
#include "master/framework.h"
#include "master/master.h"
#include "model/role.h"

/* One wrong role drops the whole call, as in Mesos. */
static bool are_roles_fine(const struct framework *framework, char *const *roles, size_t count, const char *call) {
    for (size_t i = 0; i < count; i++) {
        struct error cleanup_error err = ERROR_INIT;

        if (role_validate(roles[i], &err) < 0)
            log_warning("Dropping the %s call of framework %s: role '%s' is invalid: %s", call, framework->id, roles[i],
                        error_message(&err));
        else if (!framework_has_role(framework, roles[i]))
            log_warning("Dropping the %s call of framework %s: it does not have the role '%s'", call, framework->id,
                        roles[i]);
        else
            continue;
        metric_increment(&framework->master->metrics.dropped_messages);
        return false;
    }
    return true;
}

int call_revive(struct framework *framework, Mesos__V1__Scheduler__Call *call, struct arena *arena, struct error *err) {
    char **roles = call->revive == NULL ? NULL : call->revive->roles;
    size_t count = call->revive == NULL ? 0 : call->revive->n_roles;

    metric_increment(&framework->master->metrics.messages_revive_offers);
    if (!are_roles_fine(framework, roles, count, "REVIVE"))
        return 0;
    framework_suppress(framework, roles, count, false);
    allocator_revive(framework->master->allocator, framework->id, (const char *const *)roles, count);
    return 0;
}

int call_suppress(struct framework *framework, Mesos__V1__Scheduler__Call *call, struct arena *arena,
                  struct error *err) {
    char **roles = call->suppress == NULL ? NULL : call->suppress->roles;
    size_t count = call->suppress == NULL ? 0 : call->suppress->n_roles;

    metric_increment(&framework->master->metrics.messages_suppress_offers);
    if (!are_roles_fine(framework, roles, count, "SUPPRESS"))
        return 0;
    framework_suppress(framework, roles, count, true);
    allocator_suppress(framework->master->allocator, framework->id, (const char *const *)roles, count);
    return 0;
}

int call_request(struct framework *framework, Mesos__V1__Scheduler__Call *call, struct arena *arena,
                 struct error *err) {
    metric_increment(&framework->master->metrics.messages_resource_request);
    allocator_request_resources(framework->master->allocator, framework->id, call->request->n_requests);
    return 0;
}
