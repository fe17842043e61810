/* SPDX-License-Identifier: Apache-2.0 */
/* What is done with a state_store, and comes to an end later. A store that waits for its server has a thread, which
 * does one thing after the other; with others everything is done by the call that begins it. Any thread may call. */
#pragma once

#include "driver/state_store.h"

struct state_client;
struct state_future;

enum state_operation { STATE_FETCH, STATE_STORE, STATE_EXPUNGE, STATE_NAMES };

struct state_result {
    char *error;                     /* NULL: done */
    bool is_discarded;               /* done or not, what came of it is not told */
    struct state_variable *variable; /* fetched or stored; NULL: somebody else was first to store */
    bool is_expunged;
    char **names;
    size_t name_count;
};

/* Takes @store. */
struct state_client *state_client_new(struct state_store *store);
/* Closes the store; what is not done by then fails. Futures stay valid. Accepts NULL. */
void state_client_close(struct state_client *client);

/* Begin @operation on @variable, which is copied: of a fetch the name alone counts, of names nothing (NULL). */
struct state_future *state_begin(struct state_client *client, enum state_operation operation,
                                 const struct state_variable *variable);
/* What came of it, as long as the future is not freed; NULL if it is not known within @timeout_ns (negative: wait as
 * long as it takes). */
const struct state_result *state_future_wait(struct state_future *future, int64_t timeout_ns);
/* Give up what is not known yet. It is done all the same, but what comes of a fetch or a store is not told. */
void state_future_discard(struct state_future *future);
/* Whether it is known what came of it, or was given up before that. */
bool state_future_is_done(struct state_future *future);
/* What is not done yet is done all the same. Accepts NULL. */
void state_future_free(struct state_future *future);
