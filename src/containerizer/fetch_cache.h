/* SPDX-License-Identifier: Apache-2.0 */
/* What is in the fetcher's cache: files that were downloaded for a URI with `cache`, kept for other containers of the
 * same user. Only the account is kept here; mesos-fetcher fills the files and copies them.
 *
 *     MISS --> being downloaded --(fetched)--> ready, used --> ready, unused --(room is needed)--> removed
 *                    '---------(failed)--> removed
 *
 * Mesos asks the server for the size beforehand and makes room for that; here the size is known once the file is there,
 * and so the newest download may be too much for as long as it is copied. */
#pragma once

#include "base/list.h"
#include "base/table.h"
#include "event/env.h"
#include "event/removals.h"

struct fetch_entry {
    char *key;
    char *name; /* of the file */
    char *path;
    bool is_ready; /* else somebody downloads it */
    uint64_t size;
    unsigned users;   /* containers that are being supplied with it */
    struct list used; /* cache->used: the one that was used longest ago first */
};

struct fetch_cache {
    struct env *env;
    char *parent, *owner;
    bool was_opened;
    char *directory; /* of this agent's run; NULL: nothing is cached */
    uint64_t limit_bytes, used_bytes;
    uint64_t next_number;
    struct table entries; /* of struct fetch_entry */
    struct list used;
    struct removals leftovers; /* of an earlier run */
};

/* Keep at most @limit_bytes below @parent (NULL: nothing), in a folder named after @owner, a path that no other agent
 * of the machine has. */
void fetch_cache_init(struct fetch_cache *cache, struct env *env, const char *parent, const char *owner,
                      uint64_t limit_bytes);
void fetch_cache_done(struct fetch_cache *cache); /* accepts a zeroed one; files stay for the next agent to remove */

/* Whether there is a cache. The first call makes its folder and removes what an earlier agent left there. A @parent
 * that is somebody else's is not used. */
bool fetch_cache_open(struct fetch_cache *cache);

/* The folder for files of @user (NULL: the agent's own), which the caller frees. Its parent is there. */
char *fetch_cache_folder(const struct fetch_cache *cache, const char *user);

/* Whether somebody else downloads @uri for @user just now. */
bool fetch_cache_is_busy(const struct fetch_cache *cache, const char *user, const char *uri);
/* Use the entry of @uri, which is not busy; @name is what its file is to be called after a number of its own. If it is
 * not ready the caller has to download it. */
struct fetch_entry *fetch_cache_take(struct fetch_cache *cache, const char *user, const char *uri, const char *name);
/* No longer used; @is_there tells whether all that was to be downloaded has been. */
void fetch_cache_give_back(struct fetch_cache *cache, struct fetch_entry *entry, bool is_there);
