/* SPDX-License-Identifier: Apache-2.0 */
#include "containerizer/fetcher.h"

#include <curl/curl.h>
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <string.h>
#include <sys/stat.h>

#include "base/log.h"
#include "base/text.h"
#include "containerizer/archive.h"
#include "containerizer/download.h"
#include "containerizer/uri.h"
#include "mesos/fetcher/fetcher.pb-c.h"
#include "message/json.h"

#define BYPASS MESOS__FETCHER__FETCHER_INFO__ITEM__ACTION__BYPASS_CACHE
#define DOWNLOAD_AND_CACHE MESOS__FETCHER__FETCHER_INFO__ITEM__ACTION__DOWNLOAD_AND_CACHE

static int become(const char *user, struct error *err) {
    const struct passwd *entry = getpwnam(user);
    if (entry == NULL)
        return error_set(err, ENOENT, "user '%s' was not found", user);
    if (entry->pw_uid == geteuid())
        return 0;
    if (initgroups(user, entry->pw_gid) < 0 || setresgid(entry->pw_gid, entry->pw_gid, entry->pw_gid) < 0 ||
        setresuid(entry->pw_uid, entry->pw_uid, entry->pw_uid) < 0)
        return error_errno(err, "becoming user '%s'", user);
    return 0;
}

/* The directories of "a/b/c" below @directory. */
static int make_directories(const char *directory, const char *path, struct error *err) {
    cleanup_free char *copy = path_join(directory, path);
    for (char *slash = strchr(copy + strlen(directory) + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        struct stat state;
        *slash = '\0';
        if (mkdir(copy, 0755) < 0 && errno != EEXIST)
            return error_errno(err, "Unable to create subdirectory '%s' in sandbox", copy);
        if (lstat(copy, &state) < 0 || !S_ISDIR(state.st_mode))
            return error_set(err, ENOTDIR, "'%s' in the sandbox is no directory", copy);
        *slash = '/';
    }
    return 0;
}

/* Where the file goes, in @ret_path, which the caller frees. */
static int find_target(const Mesos__V1__CommandInfo__URI *uri, const char *sandbox, char **ret_path,
                       struct error *err) {
    cleanup_free char *name = NULL;
    if (uri->output_file == NULL) {
        if (uri_base_name(uri->value, &name, err) < 0)
            return -1;
    } else {
        if (uri_check_output_file(uri->output_file, err) < 0 || make_directories(sandbox, uri->output_file, err) < 0)
            return -1;
        name = xstrdup(uri->output_file);
    }
    *ret_path = path_join(sandbox, name);
    return 0;
}

static int make_executable(const char *path, struct error *err) {
    return chmod(path, 0755) < 0 ? error_errno(err, "Failed to chmod executable '%s'", path) : 0;
}

static int finish(const Mesos__V1__CommandInfo__URI *uri, const char *path, const char *sandbox, struct error *err) {
    if (uri->has_executable && uri->executable)
        return make_executable(path, err);
    if (!uri->extract)
        return 0;
    if (archive_is_name(path)) {
        if (archive_extract(path, sandbox, err) < 0)
            return -1;
        log_info("Extracted '%s' into '%s'", path, sandbox);
    } else {
        log_warning("Copying instead of extracting resource from URI with 'extract' flag, because it does not seem to "
                    "be an archive: %s",
                    uri->value);
    }
    return 0;
}

static int fetch_from_cache(const Mesos__Fetcher__FetcherInfo *info, const Mesos__Fetcher__FetcherInfo__Item *item,
                            const char *target, struct error *err) {
    const Mesos__V1__CommandInfo__URI *uri = item->uri;
    if (info->cache_directory == NULL || item->cache_filename == NULL)
        return error_set(err, EINVAL, "No place in the cache for: %s", uri->value);
    if (!path_is_component(item->cache_filename))
        return error_set(err, EINVAL, "'%s' is no file name in the cache", item->cache_filename);
    cleanup_free char *cached = path_join(info->cache_directory, item->cache_filename);
    int64_t stall_ns = info->stall_timeout != NULL ? info->stall_timeout->nanoseconds : 0;
    if (item->action == DOWNLOAD_AND_CACHE && access(cached, F_OK) < 0 &&
        download(uri->value, cached, info->frameworks_home, stall_ns, err) < 0)
        return -1;
    /* An archive goes from the cache into the sandbox without a copy of itself. */
    bool is_executable = uri->has_executable && uri->executable;
    if (!is_executable && uri->extract && archive_is_name(cached))
        return archive_extract(cached, info->sandbox_directory, err);
    if (download(cached, target, NULL, 0, err) < 0)
        return -1;
    return is_executable ? make_executable(target, err) : 0;
}

static int fetch(const Mesos__Fetcher__FetcherInfo *info, const Mesos__Fetcher__FetcherInfo__Item *item,
                 struct error *err) {
    const Mesos__V1__CommandInfo__URI *uri = item->uri;
    cleanup_free char *target = NULL;
    log_info("Fetching URI '%s'", uri->value);
    if (find_target(uri, info->sandbox_directory, &target, err) < 0)
        return -1;
    if (item->action != BYPASS) {
        if (fetch_from_cache(info, item, target, err) < 0)
            return -1;
    } else {
        log_info("Fetching '%s' directly into the sandbox directory", uri->value);
        int64_t stall_ns = info->stall_timeout != NULL ? info->stall_timeout->nanoseconds : 0;
        if (download(uri->value, target, info->frameworks_home, stall_ns, err) < 0 ||
            finish(uri, target, info->sandbox_directory, err) < 0)
            return -1;
    }
    log_info("Fetched '%s' to '%s'", uri->value, target);
    return 0;
}

/* For the user's items alone; it may be there from earlier ones. */
static int make_cache(const Mesos__Fetcher__FetcherInfo *info, struct error *err) {
    bool is_wanted = false;
    for (size_t i = 0; i < info->n_items; i++)
        is_wanted = is_wanted || info->items[i]->action != BYPASS;
    if (info->cache_directory == NULL || !is_wanted)
        return 0;
    if (mkdir(info->cache_directory, 0755) < 0 && errno != EEXIST)
        return error_errno(err, "Could not create the fetcher cache directory '%s'", info->cache_directory);
    const struct passwd *user = info->user != NULL ? getpwnam(info->user) : NULL;
    if (user != NULL && lchown(info->cache_directory, user->pw_uid, user->pw_gid) < 0)
        return error_errno(err, "Could not give the fetcher cache directory to '%s'", info->user);
    return 0;
}

static int fetch_all(const Mesos__Fetcher__FetcherInfo *info, struct error *err) {
    if (make_cache(info, err) < 0)
        return -1;
    if (info->user != NULL && become(info->user, err) < 0)
        return -1;
    for (size_t i = 0; i < info->n_items; i++) {
        if (fetch(info, info->items[i], err) < 0)
            return error_wrap(err, "Failed to fetch '%s'", info->items[i]->uri->value);
    }
    log_info("Successfully fetched all URIs into '%s'", info->sandbox_directory);
    return 0;
}

int fetcher_run(const char *info_json, struct error *err) {
    cleanup_(arena_done) struct arena arena = ARENA_INIT;
    ProtobufCMessage *message;
    log_info("Fetcher Info: %s", info_json);
    if (message_parse_json(&mesos__fetcher__fetcher_info__descriptor, info_json, strlen(info_json), MESSAGE_V1, &arena,
                           &message, err) < 0)
        return error_wrap(err, "Failed to parse MESOS_FETCHER_INFO");
    curl_global_init(CURL_GLOBAL_ALL);
    int result = fetch_all((const Mesos__Fetcher__FetcherInfo *)message, err);
    curl_global_cleanup();
    return result;
}
