/* SPDX-License-Identifier: Apache-2.0 */
/* Trees of files that are being removed, and whose owner has nothing more to do about it than to log what failed. */
#pragma once

#include "base/list.h"
#include "event/env.h"

struct removals {
    struct env *env;
    struct list pending; /* of struct removal */
};

void removals_init(struct removals *removals, struct env *env);
/* Forget what is pending; it may still happen. Accepts a zeroed one. */
void removals_done(struct removals *removals);
/* Remove @path, which is copied, and everything below it. */
void removals_add(struct removals *removals, const char *path);
