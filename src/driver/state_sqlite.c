/* SPDX-License-Identifier: Apache-2.0 */
#include "driver/state_store.h"

#include <errno.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/memory.h"

enum { BUSY_TIMEOUT_MS = 10000 };

struct state_sqlite {
    struct state_store store;
    sqlite3 *database; /* opened for use by many threads: SQLite has them take turns */
};

static struct state_sqlite *sqlite_of(struct state_store *store) {
    return container_of(store, struct state_sqlite, store);
}

static int fail(struct state_sqlite *sqlite, struct error *err) {
    return error_set(err, EIO, "state: %s", sqlite3_errmsg(sqlite->database));
}

static int prepare(struct state_sqlite *sqlite, const char *sql, sqlite3_stmt **ret, struct error *err) {
    return sqlite3_prepare_v2(sqlite->database, sql, -1, ret, NULL) == SQLITE_OK ? 0 : fail(sqlite, err);
}

static int sqlite_fetch(struct state_store *store, const char *name, struct state_variable **ret, struct error *err) {
    struct state_sqlite *sqlite = sqlite_of(store);
    uint8_t version[STATE_VERSION_BYTES];
    sqlite3_stmt *statement;
    int result;

    if (prepare(sqlite, "SELECT version, value FROM variables WHERE name = ?", &statement, err) < 0)
        return -1;
    sqlite3_bind_text(statement, 1, name, -1, SQLITE_STATIC);
    result = sqlite3_step(statement);
    if (result == SQLITE_ROW && sqlite3_column_bytes(statement, 0) == STATE_VERSION_BYTES) {
        *ret = state_variable_new(name, sqlite3_column_blob(statement, 0), sqlite3_column_blob(statement, 1),
                                  (size_t)sqlite3_column_bytes(statement, 1));
    } else if (result == SQLITE_DONE) {
        state_version_init(version);
        *ret = state_variable_new(name, version, NULL, 0);
    } else {
        fail(sqlite, err);
        sqlite3_finalize(statement);
        return -1;
    }
    sqlite3_finalize(statement);
    return 0;
}

/* Run a change of at most one row; *@ret_changed tells whether it was one. */
static int change(struct state_sqlite *sqlite, sqlite3_stmt *statement, bool *ret_changed, struct error *err) {
    int result = sqlite3_step(statement);
    bool is_changed = result == SQLITE_ROW;

    if (result == SQLITE_ROW)
        result = sqlite3_step(statement);
    if (result != SQLITE_DONE) {
        fail(sqlite, err);
        sqlite3_finalize(statement);
        return -1;
    }
    sqlite3_finalize(statement);
    *ret_changed = is_changed;
    return 0;
}

static int sqlite_store(struct state_store *store, const struct state_variable *variable, struct state_variable **ret,
                        struct error *err) {
    struct state_sqlite *sqlite = sqlite_of(store);
    uint8_t version[STATE_VERSION_BYTES];
    sqlite3_stmt *statement;
    bool is_stored;

    /* What is not there yet can be stored by whoever comes first, as in Mesos's storages. */
    if (prepare(sqlite,
                "INSERT INTO variables VALUES (?1, ?2, ?3) ON CONFLICT (name)"
                " DO UPDATE SET version = ?2, value = ?3 WHERE version = ?4 RETURNING 1",
                &statement, err) < 0)
        return -1;
    state_version_init(version);
    sqlite3_bind_text(statement, 1, variable->name, -1, SQLITE_STATIC);
    sqlite3_bind_blob(statement, 2, version, sizeof(version), SQLITE_STATIC);
    sqlite3_bind_blob64(statement, 3, variable->size == 0 ? "" : variable->value, variable->size, SQLITE_STATIC);
    sqlite3_bind_blob(statement, 4, variable->version, STATE_VERSION_BYTES, SQLITE_STATIC);
    if (change(sqlite, statement, &is_stored, err) < 0)
        return -1;
    *ret = is_stored ? state_variable_new(variable->name, version, variable->value, variable->size) : NULL;
    return 0;
}

static int sqlite_expunge(struct state_store *store, const struct state_variable *variable, bool *ret,
                          struct error *err) {
    struct state_sqlite *sqlite = sqlite_of(store);
    sqlite3_stmt *statement;

    if (prepare(sqlite, "DELETE FROM variables WHERE name = ?1 AND version = ?2 RETURNING 1", &statement, err) < 0)
        return -1;
    sqlite3_bind_text(statement, 1, variable->name, -1, SQLITE_STATIC);
    sqlite3_bind_blob(statement, 2, variable->version, STATE_VERSION_BYTES, SQLITE_STATIC);
    return change(sqlite, statement, ret, err);
}

static int sqlite_names(struct state_store *store, char ***ret_names, size_t *ret_count, struct error *err) {
    struct state_sqlite *sqlite = sqlite_of(store);
    char **names = NULL;
    sqlite3_stmt *statement;
    size_t count = 0;
    int result;

    if (prepare(sqlite, "SELECT name FROM variables ORDER BY name", &statement, err) < 0)
        return -1;
    while ((result = sqlite3_step(statement)) == SQLITE_ROW) {
        names = xrealloc(names, (count + 1) * sizeof(char *));
        names[count++] = xstrdup((const char *)sqlite3_column_text(statement, 0));
    }
    if (result != SQLITE_DONE) {
        fail(sqlite, err);
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

static void sqlite_close(struct state_store *store) {
    struct state_sqlite *sqlite = sqlite_of(store);

    sqlite3_close(sqlite->database);
    free(sqlite);
}

static const struct state_store_ops sqlite_ops = {
    .fetch = sqlite_fetch,
    .store = sqlite_store,
    .expunge = sqlite_expunge,
    .names = sqlite_names,
    .close = sqlite_close,
};

struct state_store *state_sqlite_open(const char *path, struct error *err) {
    static const char schema[] = "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
                                 "CREATE TABLE IF NOT EXISTS variables (name TEXT PRIMARY KEY, version BLOB NOT NULL,"
                                 " value BLOB NOT NULL) WITHOUT ROWID";
    cleanup_free char *file = xasprintf("%s/state.sqlite", path);
    struct state_sqlite *sqlite = new0(struct state_sqlite);

    sqlite->store.ops = &sqlite_ops;
    if (mkdir(path, 0700) < 0 && errno != EEXIST) {
        error_set(err, errno, "state: %s: %s", path, strerror(errno));
    } else if (sqlite3_open_v2(file, &sqlite->database,
                               SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_FULLMUTEX, NULL) != SQLITE_OK ||
               sqlite3_busy_timeout(sqlite->database, BUSY_TIMEOUT_MS) != SQLITE_OK ||
               sqlite3_exec(sqlite->database, schema, NULL, NULL, NULL) != SQLITE_OK) {
        fail(sqlite, err);
    } else {
        return &sqlite->store;
    }
    sqlite_close(&sqlite->store);
    return NULL;
}
