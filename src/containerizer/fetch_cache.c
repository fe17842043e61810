/* SPDX-License-Identifier: Apache-2.0 */
#include "containerizer/fetch_cache.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "base/log.h"
#include "base/text.h"

static void remove_leftovers(struct fetch_cache *cache, const char *folder) {
    char **names;
    if (env_list_directory(cache->env, folder, &names, NULL) < 0)
        return;
    for (size_t i = 0; names[i] != NULL; i++) {
        cleanup_free char *path = path_join(folder, names[i]);
        removals_add(&cache->leftovers, path);
    }
    env_names_free(names);
}

/* Whoever owns the folder could put other files in place of ours. */
static int check_owner(const char *path, struct error *err) {
    struct stat state;
    if (lstat(path, &state) < 0)
        return error_errno(err, "looking at '%s'", path);
    if (!S_ISDIR(state.st_mode) || state.st_uid != geteuid())
        return error_set(err, EPERM, "'%s' is no folder of ours", path);
    return 0;
}

static int make_folder(struct fetch_cache *cache, struct error *err) {
    struct env *env = cache->env;
    cleanup_free char *name = xstrdup(cache->owner);
    char run[UUID_TEXT_BYTES];
    for (char *slash = strchr(name, '/'); slash != NULL; slash = strchr(slash, '/'))
        *slash = '_';
    cleanup_free char *folder = path_join(cache->parent, name);
    cleanup_free char *directory = path_join(folder, env_random_uuid_text(env, run));
    if (env_make_directories(env, cache->parent, err) < 0 || check_owner(cache->parent, err) < 0)
        return -1;
    remove_leftovers(cache, folder);
    if (env_make_directories(env, directory, err) < 0)
        return -1;
    cache->directory = take_ptr(&directory);
    return 0;
}

void fetch_cache_init(struct fetch_cache *cache, struct env *env, const char *parent, const char *owner,
                      uint64_t limit_bytes) {
    *cache = (struct fetch_cache){
        .env = env, .parent = xstrdup(parent), .owner = xstrdup(owner), .limit_bytes = limit_bytes};
    list_init(&cache->used);
    removals_init(&cache->leftovers, env);
}

bool fetch_cache_open(struct fetch_cache *cache) {
    cleanup_error struct error err = ERROR_INIT;
    if (cache->parent != NULL && !cache->was_opened && make_folder(cache, &err) < 0)
        log_warning("Nothing will be cached by the fetcher: %s", error_message(&err));
    cache->was_opened = true;
    return cache->directory != NULL;
}

static void entry_free(struct fetch_cache *cache, struct fetch_entry *entry) {
    table_remove(&cache->entries, entry->key);
    list_remove(&entry->used);
    free(entry->key);
    free(entry->name);
    free(entry->path);
    free(entry);
}

void fetch_cache_done(struct fetch_cache *cache) {
    struct fetch_entry *entry;
    table_for_each (&cache->entries, entry)
        entry_free(cache, entry);
    table_done(&cache->entries);
    removals_done(&cache->leftovers);
    free(cache->directory);
    free(cache->parent);
    free(cache->owner);
}

char *fetch_cache_folder(const struct fetch_cache *cache, const char *user) {
    return user != NULL ? path_join(cache->directory, user) : xstrdup(cache->directory);
}

static char *key_of(const char *user, const char *uri) {
    return xasprintf("%s %s", user != NULL ? user : "", uri);
}

bool fetch_cache_is_busy(const struct fetch_cache *cache, const char *user, const char *uri) {
    cleanup_free char *key = key_of(user, uri);
    const struct fetch_entry *entry = table_find(&cache->entries, key);
    return entry != NULL && !entry->is_ready;
}

struct fetch_entry *fetch_cache_take(struct fetch_cache *cache, const char *user, const char *uri, const char *name) {
    cleanup_free char *key = key_of(user, uri);
    struct fetch_entry *entry = table_find(&cache->entries, key);
    if (entry == NULL) {
        cleanup_free char *folder = fetch_cache_folder(cache, user);
        entry = new0(struct fetch_entry);
        entry->key = take_ptr(&key);
        entry->name = xasprintf("c%llu-%s", (unsigned long long)++cache->next_number, name);
        entry->path = path_join(folder, entry->name);
        table_add(&cache->entries, entry->key, entry);
    }
    entry->users++;
    list_remove(&entry->used);
    list_append(&cache->used, &entry->used);
    return entry;
}

static void discard(struct fetch_cache *cache, struct fetch_entry *entry) {
    log_info("Removing '%s' from the fetcher cache", entry->path);
    cache->used_bytes -= entry->size;
    if (unlink(entry->path) < 0 && errno != ENOENT)
        log_warning("Failed to remove '%s': %s", entry->path, strerror(errno));
    entry_free(cache, entry);
}

static void make_room(struct fetch_cache *cache) {
    struct fetch_entry *entry;
    list_for_each (&cache->used, entry, used) {
        if (cache->used_bytes <= cache->limit_bytes)
            return;
        if (entry->users == 0)
            discard(cache, entry);
    }
}

void fetch_cache_give_back(struct fetch_cache *cache, struct fetch_entry *entry, bool is_there) {
    struct stat state;
    entry->users--;
    if (!entry->is_ready) {
        if (!is_there || lstat(entry->path, &state) < 0 || !S_ISREG(state.st_mode)) {
            discard(cache, entry);
            return;
        }
        entry->is_ready = true;
        entry->size = (uint64_t)state.st_size;
        cache->used_bytes += entry->size;
    }
    make_room(cache);
}
