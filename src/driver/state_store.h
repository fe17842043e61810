/* SPDX-License-Identifier: Apache-2.0 */
/* Named variables that outlive the program, each with a version that a change must name: the storage of the Java API's
 * org.apache.mesos.state. Kept in one SQLite file. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

struct state_store;

enum { STATE_VERSION_BYTES = 16 };

/* A variable as it was when it was fetched, or with a new value that is not stored yet. */
struct state_variable {
    char *name;
    uint8_t version[STATE_VERSION_BYTES]; /* a UUID, new with each stored value */
    void *value;
    size_t size;
};

struct state_variable *state_variable_new(const char *name, const uint8_t *version, const void *value, size_t size);
void state_variable_free(struct state_variable *variable); /* accepts NULL */

/* Open or make the store in the folder @path, which is made if need be. Functions may be called from any thread. */
struct state_store *state_store_open(const char *path, struct error *err);
void state_store_close(struct state_store *store); /* accepts NULL */

/* The variable @name; one that is not stored is empty. */
int state_store_fetch(struct state_store *store, const char *name, struct state_variable **ret, struct error *err);
/* Store the value of @variable if nobody has stored one since it was fetched. *@ret is the variable with its new
 * version, or NULL if somebody has. */
int state_store_store(struct state_store *store, const struct state_variable *variable, struct state_variable **ret,
                      struct error *err);
/* Remove it, if nobody has stored a value since it was fetched; *@ret tells. */
int state_store_expunge(struct state_store *store, const struct state_variable *variable, bool *ret, struct error *err);
/* All names, in order; an array of *@ret_count strings, all the caller's. */
int state_store_names(struct state_store *store, char ***ret_names, size_t *ret_count, struct error *err);
