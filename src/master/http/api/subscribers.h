/* SPDX-License-Identifier: Apache-2.0 */
/* The event streams of the operator API: SUBSCRIBE is answered with the state as it is, then with each change. */
#pragma once

#include "master/observer.h"

struct subscribers {
    struct master *master;
    struct list members; /* of struct subscriber, the oldest first */
    size_t count;
    struct master_observer observer; /* registered while there are subscribers */
};

void subscribers_init(struct subscribers *subscribers, struct master *master);
void subscribers_done(struct subscribers *subscribers); /* ends all streams */
