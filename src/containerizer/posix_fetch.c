/* SPDX-License-Identifier: Apache-2.0 */
/* Running mesos-fetcher for a container that has URIs. It becomes the container's user by itself, as Mesos's does. */
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <signal.h>
#include <string.h>

#include "base/log.h"
#include "base/text.h"
#include "containerizer/posix_container.h"
#include "containerizer/uri.h"
#include "mesos/fetcher/fetcher.pb-c.h"
#include "message/json.h"

/* The URIs of one container on their way into its sandbox. */
struct posix_fetch {
    struct posix_container *container;
    struct list waiting;             /* posix->fetches_waiting */
    Mesos__V1__CommandInfo *command; /* owned */
    char *directory;
    char *user; /* NULL: the agent's own */
    bool own_output;
    struct fetch_entry **entries; /* one for each URI; NULL: it is not cached */
    struct child *child;          /* NULL: it waits */
};

static void on_fetcher_exit(struct child *child, int wait_status, void *user) {
    struct posix_container *container = user;
    cleanup_error struct error err = ERROR_INIT;
    container->fetch->child = NULL;
    posix_fetch_free(container, wait_status == 0);
    if (wait_status == 0)
        container->posix->counts.fetches_succeeded++;
    else
        container->posix->counts.fetches_failed++;
    if (wait_status == 0 && !container->is_destroyed) {
        posix_container_start(container);
        return;
    }
    cleanup_free char *how = wait_status_format(wait_status);
    if (container->is_destroyed)
        error_set(&err, 0, "Container destroyed during fetching");
    else
        error_set(&err, 0, "Failed to fetch all URIs for container '%s': %s", container->id, how);
    posix_container_failed(container, &err);
}

/* The cache */

static bool is_cached(const struct posix_fetch *fetch, const Mesos__V1__CommandInfo__URI *uri) {
    return uri->has_cache && uri->cache && (fetch->user == NULL || path_is_component(fetch->user)) &&
           fetch_cache_open(&fetch->container->posix->cache);
}

/* Whether others download something that this container wants from the cache: it waits for them all, and takes nothing
 * before, so that no two wait for each other. */
static bool must_wait(const struct posix_fetch *fetch) {
    for (size_t i = 0; i < fetch->command->n_uris; i++) {
        if (is_cached(fetch, fetch->command->uris[i]) &&
            fetch_cache_is_busy(&fetch->container->posix->cache, fetch->user, fetch->command->uris[i]->value))
            return true;
    }
    return false;
}

static void take_entries(struct posix_fetch *fetch) {
    for (size_t i = 0; i < fetch->command->n_uris; i++) {
        const Mesos__V1__CommandInfo__URI *uri = fetch->command->uris[i];
        cleanup_free char *name = NULL;
        if (is_cached(fetch, uri) && uri_base_name(uri->value, &name, NULL) == 0)
            fetch->entries[i] = fetch_cache_take(&fetch->container->posix->cache, fetch->user, uri->value, name);
    }
}

/* The fetcher */

static int check_uris(const Mesos__V1__CommandInfo *command, struct error *err) {
    for (size_t i = 0; i < command->n_uris; i++) {
        const Mesos__V1__CommandInfo__URI *uri = command->uris[i];
        cleanup_free char *name = NULL;
        if (uri_base_name(uri->value, &name, err) < 0 ||
            (uri->output_file != NULL && uri_check_output_file(uri->output_file, err) < 0))
            return -1;
    }
    return 0;
}

/* FetcherInfo as JSON, with its name in front: an environment entry. */
static char *build_info(const struct posix_fetch *fetch) {
    const struct posix *posix = fetch->container->posix;
    const Mesos__V1__CommandInfo *command = fetch->command;
    cleanup_free char *folder = posix->cache.directory != NULL ? fetch_cache_folder(&posix->cache, fetch->user) : NULL;
    Mesos__Fetcher__FetcherInfo info = MESOS__FETCHER__FETCHER_INFO__INIT;
    Mesos__V1__DurationInfo stall = MESOS__V1__DURATION_INFO__INIT;
    cleanup_free Mesos__Fetcher__FetcherInfo__Item *items = xcalloc(command->n_uris, sizeof(items[0]));
    cleanup_free Mesos__Fetcher__FetcherInfo__Item **pointers = xcalloc(command->n_uris, sizeof(pointers[0]));
    for (size_t i = 0; i < command->n_uris; i++) {
        mesos__fetcher__fetcher_info__item__init(&items[i]);
        items[i].uri = command->uris[i];
        items[i].action = MESOS__FETCHER__FETCHER_INFO__ITEM__ACTION__BYPASS_CACHE;
        if (fetch->entries[i] != NULL) {
            items[i].action = fetch->entries[i]->is_ready
                                  ? MESOS__FETCHER__FETCHER_INFO__ITEM__ACTION__RETRIEVE_FROM_CACHE
                                  : MESOS__FETCHER__FETCHER_INFO__ITEM__ACTION__DOWNLOAD_AND_CACHE;
            items[i].cache_filename = fetch->entries[i]->name;
        }
        pointers[i] = &items[i];
    }
    stall.nanoseconds = posix->fetcher_stall_timeout_ns;
    info.sandbox_directory = fetch->directory;
    info.cache_directory = folder;
    info.items = pointers;
    info.n_items = command->n_uris;
    info.user = fetch->user;
    info.frameworks_home = posix->frameworks_home;
    info.stall_timeout = &stall;
    cleanup_buffer struct buffer text = BUFFER_INIT;
    buffer_append_string(&text, "MESOS_FETCHER_INFO=");
    message_append_json(&info.base, MESSAGE_V1, &text);
    return buffer_take(&text, NULL);
}

/* The agent's own environment without what is meant for the agent. */
static char **build_environment(char *info) {
    static const char *const passed_on[] = {
        "MESOS_EXTERNAL_LOG_FILE=", "MESOS_LOG_DIR=", "MESOS_LOGBUFSECS=", "MESOS_LOGGING_LEVEL=", "MESOS_QUIET="};
    char **result = xcalloc(text_list_count(environ) + 2, sizeof(char *));
    size_t count = 0;
    result[count++] = info;
    for (char **entry = environ; *entry != NULL; entry++) {
        bool is_ours = text_starts_with(*entry, "LIBPROCESS_") || text_starts_with(*entry, "MESOS_");
        for (size_t i = 0; i < ARRAY_SIZE(passed_on); i++)
            is_ours = is_ours && !text_starts_with(*entry, passed_on[i]);
        if (!is_ours)
            result[count++] = *entry;
    }
    return result;
}

/* The sandbox's stdout or stderr, owned by who runs there. Nothing of the container has run yet that could have put a
 * link there. */
static int open_log(const struct posix_fetch *fetch, const char *name, struct error *err) {
    cleanup_free char *path = path_join(fetch->directory, name);
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0644);
    if (fd < 0)
        return error_errno(err, "creating '%s'", path);
    if (fetch->user == NULL)
        return fd;
    const struct passwd *user = getpwnam(fetch->user);
    if (user != NULL && fchown(fd, user->pw_uid, user->pw_gid) == 0)
        return fd;
    close(fd);
    return error_set(err, errno, "Failed to chown '%s' to user '%s'", path, fetch->user);
}

static int start_fetcher(struct posix_fetch *fetch, struct error *err) {
    struct posix *posix = fetch->container->posix;
    cleanup_close int stdout_fd = fetch->own_output ? open_log(fetch, "stdout", err) : dup(STDOUT_FILENO);
    if (stdout_fd < 0)
        return -1;
    cleanup_close int stderr_fd = fetch->own_output ? open_log(fetch, "stderr", err) : dup(STDERR_FILENO);
    if (stderr_fd < 0)
        return -1;
    cleanup_free char *info = build_info(fetch);
    cleanup_free char **environment = build_environment(info);
    cleanup_free char *program = path_join(posix->launcher_dir, "mesos-fetcher");
    char *const arguments[] = {"mesos-fetcher", NULL};
    struct child_options options = {
        .file = program,
        .arguments = arguments,
        .environment = environment,
        .directory = fetch->directory,
        .stdin_fd = -1,
        .stdout_fd = stdout_fd,
        .stderr_fd = stderr_fd,
        .extra_fd = -1,
        .new_session = true,
    };
    if (loop_spawn(posix->loop, &options, on_fetcher_exit, fetch->container, &fetch->child, err) < 0)
        return error_wrap(err, "Could not fetch URIs");
    return 0;
}

/* Waiting and going on */

static void begin_or_wait(struct posix_fetch *fetch, struct error *err) {
    if (must_wait(fetch)) {
        list_append(&fetch->container->posix->fetches_waiting, &fetch->waiting);
        return;
    }
    take_entries(fetch);
    if (start_fetcher(fetch, err) < 0)
        fetch->container->posix->counts.fetches_failed++;
}

/* Something was downloaded, or will not be. */
static void go_on(struct posix *posix) {
    struct list again = LIST_INIT(again);
    struct posix_fetch *fetch;
    while ((fetch = list_first(&posix->fetches_waiting, struct posix_fetch, waiting)) != NULL) {
        list_remove(&fetch->waiting);
        list_append(&again, &fetch->waiting);
    }
    while ((fetch = list_first(&again, struct posix_fetch, waiting)) != NULL) {
        struct error err = ERROR_INIT;
        list_remove(&fetch->waiting);
        begin_or_wait(fetch, &err);
        if (err.message != NULL)
            posix_container_failed(fetch->container, &err);
    }
}

void posix_fetch_free(struct posix_container *container, bool is_done) {
    struct posix_fetch *fetch = take_ptr(&container->fetch);
    struct posix *posix = container->posix;
    bool has_entries = false;
    if (fetch == NULL)
        return;
    if (fetch->child != NULL) {
        kill(-child_pid(fetch->child), SIGKILL);
        child_forget(fetch->child);
    }
    list_remove(&fetch->waiting);
    for (size_t i = 0; i < fetch->command->n_uris; i++) {
        /* The same URI twice is the same entry, which the last one decides on. */
        if (fetch->entries[i] != NULL && fetch->entries[i]->users > 1 && !fetch->entries[i]->is_ready)
            fetch->entries[i]->users--;
        else if (fetch->entries[i] != NULL)
            fetch_cache_give_back(&posix->cache, fetch->entries[i], is_done);
        has_entries |= fetch->entries[i] != NULL;
    }
    MESSAGE_FREE(fetch->command);
    free(fetch->directory);
    free(fetch->user);
    free(fetch->entries);
    free(fetch);
    if (has_entries)
        go_on(posix);
}

void posix_fetch_kill(struct posix_container *container) {
    struct error err = ERROR_INIT;
    if (container->fetch != NULL && container->fetch->child != NULL) {
        kill(-child_pid(container->fetch->child), SIGKILL);
        return;
    }
    error_set(&err, 0, "Container destroyed during fetching");
    posix_container_failed(container, &err);
}

int posix_fetch_start(struct posix_container *container, const struct container_config *config, struct error *err) {
    if (check_uris(config->command, err) < 0) {
        container->posix->counts.fetches_failed++;
        return -1;
    }
    struct posix_fetch *fetch = new0(struct posix_fetch);
    fetch->container = container;
    fetch->command = MESSAGE_COPY(config->command);
    fetch->directory = xstrdup(config->directory);
    fetch->user = container->posix->switch_user ? xstrdup(config->user) : NULL;
    fetch->own_output = config->own_output;
    fetch->entries = xcalloc(config->command->n_uris, sizeof(fetch->entries[0]));
    container->fetch = fetch;
    container->state = POSIX_FETCHING;
    begin_or_wait(fetch, err);
    return err->message == NULL ? 0 : -1;
}
