/* SPDX-License-Identifier: Apache-2.0 */
/* What an implementation of struct env needs and its users do not see. Used inside src/event only. */
#pragma once

#include "event/env.h"

void env_init(struct env *env, const struct env_ops *ops);
void env_done(struct env *env);

/* Take the earliest timer out of the heap if it is due at @now and was started before the heap had counted @added
 * timers; NULL if there is none. The limit keeps a timer that starts itself again with no delay from running for ever
 * within one turn; UINT64_MAX: no limit. */
struct env_timer *env_take_due_timer(struct env *env, int64_t now, uint64_t added);

/* The common head of every kind of listener. */
struct listener_ops {
    void (*set_accepting)(struct listener *listener, bool on);
    void (*close)(struct listener *listener);
};

struct listener {
    const struct listener_ops *ops;
    struct env *env;
    struct address address;
    listener_accept *on_accept;
    void *user;
};
