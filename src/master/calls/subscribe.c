/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <string.h>

#include "base/log.h"
#include "master/framework.h"
#include "master/master.h"
#include "master/subscribe.h"
#include "master/validation.h"
#include "message/message.h"

static bool is_allowed_role(const struct master *master, const char *role) {
    if (master->allowed_roles == NULL || strcmp(role, "*") == 0)
        return true;
    for (size_t i = 0; master->allowed_roles[i] != NULL; i++) {
        if (strcmp(master->allowed_roles[i], role) == 0)
            return true;
    }
    return false;
}

static int check_allowed_roles(const struct master *master, const Mesos__V1__FrameworkInfo *info, struct error *err) {
    static const char refused[] = "Roles { %s } are not present in the master's --roles";

    for (size_t i = 0; i < info->n_roles; i++) {
        if (!is_allowed_role(master, info->roles[i]))
            return error_set(err, 0, refused, info->roles[i]);
    }
    if (info->n_roles == 0 && info->role != NULL && !is_allowed_role(master, info->role))
        return error_set(err, 0, refused, info->role);
    return 0;
}

int subscribe_check_info(const struct master *master, const Mesos__V1__FrameworkInfo *info, struct error *err) {
    if (validate_framework(info, err) < 0 || check_allowed_roles(master, info, err) < 0)
        return -1;
    if (strcmp(info->user, "root") == 0 && !master->flags->root_submissions)
        return error_set(err, 0, "User 'root' is not allowed to run frameworks without --root_submissions set");
    if (info->id != NULL && framework_is_completed(master, info->id->value))
        return error_set(err, 0, "Framework has been removed");
    return 0;
}

/* What cannot change stays as it is. [preserveImmutableFields] */
static void preserve_immutable(const struct framework *framework, Mesos__V1__FrameworkInfo *info) {
    if (strcmp(info->user, framework->info->user) != 0)
        log_warning("Framework %s cannot change its user to '%s'", framework->id, info->user);
    if (info->checkpoint != framework->info->checkpoint)
        log_warning("Framework %s cannot change whether it checkpoints", framework->id);
    info->user = framework->info->user;
    info->has_checkpoint = framework->info->has_checkpoint;
    info->checkpoint = framework->info->checkpoint;
}

int subscription_prepare(struct master *master, const Mesos__V1__Scheduler__Call__Subscribe *subscribe,
                         struct subscription *ret, struct error *err) {
    Mesos__V1__FrameworkInfo *info = subscribe->framework_info;
    bool is_new = info->id == NULL || info->id->value[0] == '\0';

    *ret = (struct subscription){.info = info,
                                 .suppressed_roles = subscribe->suppressed_roles,
                                 .suppressed_count = subscribe->n_suppressed_roles,
                                 .constraints_message = subscribe->offer_constraints};
    metric_increment(is_new ? &master->metrics.messages_register_framework
                            : &master->metrics.messages_reregister_framework);
    if (subscribe_check_info(master, info, err) < 0 ||
        validate_framework_options(info, subscribe->suppressed_roles, subscribe->n_suppressed_roles,
                                   subscribe->offer_constraints, err) < 0)
        return -1;
    if (!is_new)
        ret->framework = framework_find(master, info->id->value);
    if (ret->framework != NULL) {
        preserve_immutable(ret->framework, info);
        if (validate_framework_update(ret->framework->info, info, err) < 0)
            return -1;
    }
    if (offer_constraints_new(subscribe->offer_constraints, &master->constraints_limits, &ret->constraints, err) < 0)
        return error_wrap(err, "Offer constraints are not valid");
    return 0;
}

void subscription_done(struct subscription *subscription) {
    offer_constraints_free(subscription->constraints);
    subscription->constraints = NULL;
}

static struct framework *add_new(struct master *master, struct subscription *subscription) {
    Mesos__V1__FrameworkID id = MESOS__V1__FRAMEWORK_ID__INIT;
    Mesos__V1__FrameworkInfo info = *subscription->info;
    cleanup_free char *new_id = NULL;
    struct framework *framework;

    /* One with an id that nobody knows comes from an earlier master, and keeps it. */
    if (info.id == NULL || info.id->value[0] == '\0') {
        new_id = xasprintf("%s-%04" PRIu64, master->id, master->next_framework++);
        id.value = new_id;
        info.id = &id;
    }
    framework = framework_new(master, &info);
    framework_set_offer_constraints(framework, subscription->constraints_message);
    framework_add(framework, subscription->suppressed_roles, subscription->suppressed_count,
                  take_ptr(&subscription->constraints));
    return framework;
}

struct framework *subscription_apply(struct master *master, struct subscription *subscription) {
    if (subscription->framework == NULL)
        return add_new(master, subscription);
    framework_update(subscription->framework, subscription->info, subscription->suppressed_roles,
                     subscription->suppressed_count, subscription->constraints_message,
                     take_ptr(&subscription->constraints));
    return subscription->framework;
}
