/* SPDX-License-Identifier: Apache-2.0 */
/* Named variables that outlive the program, each with a version that a change must name: the storage of the Java API's
 * org.apache.mesos.state. A store is one SQLite file, or the znodes below a path of ZooKeeper. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

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

/* A version that nobody has seen yet. */
void state_version_init(uint8_t version[STATE_VERSION_BYTES]);

struct state_store {
    const struct state_store_ops *ops;
};

/* What is done with a store, by one thread at a time unless interrupt is NULL. */
struct state_store_ops {
    /* The variable @name; one that is not stored is empty. */
    int (*fetch)(struct state_store *store, const char *name, struct state_variable **ret, struct error *err);
    /* Store the value of @variable if nobody has stored one since it was fetched. *@ret is the variable with its new
     * version, or NULL if somebody has. */
    int (*store)(struct state_store *store, const struct state_variable *variable, struct state_variable **ret,
                 struct error *err);
    /* Remove it, if nobody has stored a value since it was fetched; *@ret tells. */
    int (*expunge)(struct state_store *store, const struct state_variable *variable, bool *ret, struct error *err);
    /* All names, in order; an array of *@ret_count strings, all the caller's. */
    int (*names)(struct state_store *store, char ***ret_names, size_t *ret_count, struct error *err);
    /* From any thread: an operation that waits for a server fails, and so does each that comes. NULL if none waits. */
    void (*interrupt)(struct state_store *store);
    void (*close)(struct state_store *store);
};

/* Open or make the store in the folder @path, which is made if need be. Functions may be called from any thread. */
struct state_store *state_sqlite_open(const char *path, struct error *err);

struct state_zookeeper_options {
    const char *servers; /* "host1:port1,host2:port2" */
    const char *path;    /* the znode below which variables are, made if need be */
    int64_t session_timeout_ns;
    const char *scheme; /* NULL: no authentication, and whoever comes may read and write */
    const void *credentials;
    size_t credentials_size;
};

/* Everything is copied. A server is looked for when there is something to do, for as long as it takes. As in Mesos a
 * variable is a znode of its name that holds an Entry. */
struct state_store *state_zookeeper_open(const struct state_zookeeper_options *options);
