/* SPDX-License-Identifier: Apache-2.0 */
/* What is known of each role, worked out from the tables of frameworks and agents when somebody asks. */
#pragma once

#include "base/table.h"
#include "model/quantities.h"

struct framework;
struct master;

struct role_view {
    char *name;
    double weight;
    struct quantities allocated, offered, reserved; /* in it and in the roles below it */
    struct quantities consumed;          /* of its quota: what is allocated, and reserved without being used */
    const struct framework **frameworks; /* those in the role itself */
    size_t framework_count;
};

struct role_views {
    struct table by_name;
    struct role_view **sorted; /* by name; by_name.count of them */
};

/* Every role that has frameworks, allocations, reservations or a weight, and the roles above these; with --roles, those
 * of the flag and the roles above them. [Master::knownRoles] Valid until something changes. */
void role_views_init(struct role_views *views, const struct master *master);
void role_views_done(struct role_views *views);

/* Visit the roles that have a weight, in the order of their names. */
void for_each_weight(const struct master *master, void (*visit)(void *user, const char *role, double weight),
                     void *user);
