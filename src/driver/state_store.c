/* SPDX-License-Identifier: Apache-2.0 */
#include "driver/state_store.h"

#include <errno.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>

#include "base/memory.h"

enum { BUSY_TIMEOUT_MS = 10000 };

struct state_store {
    sqlite3 *database; /* opened for use by many threads: SQLite has them take turns */
};

struct state_variable *state_variable_new(const char *name, const uint8_t *version, const void *value, size_t size) {
    struct state_variable *variable = new0(struct state_variable);

    variable->name = xstrdup(name);
    memcpy(variable->version, version, STATE_VERSION_BYTES);
    variable->value = size == 0 ? NULL : xmemdup(value, size);
    variable->size = size;
    return variable;
}

void state_variable_free(struct state_variable *variable) {
    if (variable == NULL)
        return;
    free(variable->name);
    free(variable->value);
    free(variable);
}

static void new_version(uint8_t version[STATE_VERSION_BYTES]) {
    if (getrandom(version, STATE_VERSION_BYTES, 0) != STATE_VERSION_BYTES)
        abort();
    version[6] = (uint8_t)((version[6] & 0x0f) | 0x40);
    version[8] = (uint8_t)((version[8] & 0x3f) | 0x80);
}

static int fail(struct state_store *store, struct error *err) {
    return error_set(err, EIO, "state: %s", sqlite3_errmsg(store->database));
}

struct state_store *state_store_open(const char *path, struct error *err) {
    static const char schema[] = "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
                                 "CREATE TABLE IF NOT EXISTS variables (name TEXT PRIMARY KEY, version BLOB NOT NULL,"
                                 " value BLOB NOT NULL) WITHOUT ROWID";
    cleanup_free char *file = xasprintf("%s/state.sqlite", path);
    struct state_store *store = new0(struct state_store);

    if (mkdir(path, 0700) < 0 && errno != EEXIST) {
        error_set(err, errno, "state: %s: %s", path, strerror(errno));
    } else if (sqlite3_open_v2(file, &store->database,
                               SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_FULLMUTEX, NULL) != SQLITE_OK ||
               sqlite3_busy_timeout(store->database, BUSY_TIMEOUT_MS) != SQLITE_OK ||
               sqlite3_exec(store->database, schema, NULL, NULL, NULL) != SQLITE_OK) {
        fail(store, err);
    } else {
        return store;
    }
    state_store_close(store);
    return NULL;
}

void state_store_close(struct state_store *store) {
    if (store == NULL)
        return;
    sqlite3_close(store->database);
    free(store);
}

static int prepare(struct state_store *store, const char *sql, sqlite3_stmt **ret, struct error *err) {
    return sqlite3_prepare_v2(store->database, sql, -1, ret, NULL) == SQLITE_OK ? 0 : fail(store, err);
}

int state_store_fetch(struct state_store *store, const char *name, struct state_variable **ret, struct error *err) {
    uint8_t version[STATE_VERSION_BYTES];
    sqlite3_stmt *statement;
    int result;

    if (prepare(store, "SELECT version, value FROM variables WHERE name = ?", &statement, err) < 0)
        return -1;
    sqlite3_bind_text(statement, 1, name, -1, SQLITE_STATIC);
    result = sqlite3_step(statement);
    if (result == SQLITE_ROW && sqlite3_column_bytes(statement, 0) == STATE_VERSION_BYTES) {
        *ret = state_variable_new(name, sqlite3_column_blob(statement, 0), sqlite3_column_blob(statement, 1),
                                  (size_t)sqlite3_column_bytes(statement, 1));
    } else if (result == SQLITE_DONE) {
        new_version(version);
        *ret = state_variable_new(name, version, NULL, 0);
    } else {
        fail(store, err);
        sqlite3_finalize(statement);
        return -1;
    }
    sqlite3_finalize(statement);
    return 0;
}

/* Run a change of at most one row; *@ret_changed tells whether it was one. */
static int change(struct state_store *store, sqlite3_stmt *statement, bool *ret_changed, struct error *err) {
    int result = sqlite3_step(statement);
    bool is_changed = result == SQLITE_ROW;

    if (result == SQLITE_ROW)
        result = sqlite3_step(statement);
    if (result != SQLITE_DONE) {
        fail(store, err);
        sqlite3_finalize(statement);
        return -1;
    }
    sqlite3_finalize(statement);
    *ret_changed = is_changed;
    return 0;
}

int state_store_store(struct state_store *store, const struct state_variable *variable, struct state_variable **ret,
                      struct error *err) {
    uint8_t version[STATE_VERSION_BYTES];
    sqlite3_stmt *statement;
    bool is_stored;

    /* What is not there yet can be stored by whoever comes first, as in Mesos's storages. */
    if (prepare(store,
                "INSERT INTO variables VALUES (?1, ?2, ?3) ON CONFLICT (name)"
                " DO UPDATE SET version = ?2, value = ?3 WHERE version = ?4 RETURNING 1",
                &statement, err) < 0)
        return -1;
    new_version(version);
    sqlite3_bind_text(statement, 1, variable->name, -1, SQLITE_STATIC);
    sqlite3_bind_blob(statement, 2, version, sizeof(version), SQLITE_STATIC);
    sqlite3_bind_blob64(statement, 3, variable->size == 0 ? "" : variable->value, variable->size, SQLITE_STATIC);
    sqlite3_bind_blob(statement, 4, variable->version, STATE_VERSION_BYTES, SQLITE_STATIC);
    if (change(store, statement, &is_stored, err) < 0)
        return -1;
    *ret = is_stored ? state_variable_new(variable->name, version, variable->value, variable->size) : NULL;
    return 0;
}

int state_store_expunge(struct state_store *store, const struct state_variable *variable, bool *ret,
                        struct error *err) {
    sqlite3_stmt *statement;

    if (prepare(store, "DELETE FROM variables WHERE name = ?1 AND version = ?2 RETURNING 1", &statement, err) < 0)
        return -1;
    sqlite3_bind_text(statement, 1, variable->name, -1, SQLITE_STATIC);
    sqlite3_bind_blob(statement, 2, variable->version, STATE_VERSION_BYTES, SQLITE_STATIC);
    return change(store, statement, ret, err);
}

int state_store_names(struct state_store *store, char ***ret_names, size_t *ret_count, struct error *err) {
    char **names = NULL;
    sqlite3_stmt *statement;
    size_t count = 0;
    int result;

    if (prepare(store, "SELECT name FROM variables ORDER BY name", &statement, err) < 0)
        return -1;
    while ((result = sqlite3_step(statement)) == SQLITE_ROW) {
        names = xrealloc(names, (count + 1) * sizeof(char *));
        names[count++] = xstrdup((const char *)sqlite3_column_text(statement, 0));
    }
    if (result != SQLITE_DONE) {
        fail(store, err);
        for (size_t i = 0; i < count; i++)
            free(names[i]);
        free(names);
    } else {
        *ret_names = names;
        *ret_count = count;
    }
    sqlite3_finalize(statement);
    return result == SQLITE_DONE ? 0 : -1;
}
