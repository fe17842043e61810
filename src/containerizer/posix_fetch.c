/* SPDX-License-Identifier: Apache-2.0 */
/* Running mesos-fetcher for a container that has URIs. It becomes the container's user by itself, as Mesos's does. */
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <string.h>

#include "base/log.h"
#include "base/text.h"
#include "containerizer/posix_container.h"
#include "containerizer/uri.h"
#include "mesos/fetcher/fetcher.pb-c.h"
#include "message/json.h"

static void on_fetcher_exit(struct child *child, int wait_status, void *user) {
    struct posix_container *container = user;
    cleanup_error struct error err = ERROR_INIT;
    container->fetcher = NULL;
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
static char *build_info(const struct posix *posix, const struct container_config *config) {
    const Mesos__V1__CommandInfo *command = config->command;
    Mesos__Fetcher__FetcherInfo info = MESOS__FETCHER__FETCHER_INFO__INIT;
    Mesos__V1__DurationInfo stall = MESOS__V1__DURATION_INFO__INIT;
    cleanup_free Mesos__Fetcher__FetcherInfo__Item *items = xcalloc(command->n_uris, sizeof(items[0]));
    cleanup_free Mesos__Fetcher__FetcherInfo__Item **pointers = xcalloc(command->n_uris, sizeof(pointers[0]));
    for (size_t i = 0; i < command->n_uris; i++) {
        mesos__fetcher__fetcher_info__item__init(&items[i]);
        items[i].uri = command->uris[i];
        items[i].action = MESOS__FETCHER__FETCHER_INFO__ITEM__ACTION__BYPASS_CACHE;
        pointers[i] = &items[i];
    }
    stall.nanoseconds = posix->fetcher_stall_timeout_ns;
    info.sandbox_directory = (char *)config->directory;
    info.items = pointers;
    info.n_items = command->n_uris;
    info.user = posix->switch_user ? (char *)config->user : NULL;
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
static int open_log(const struct posix *posix, const struct container_config *config, const char *name,
                    struct error *err) {
    cleanup_free char *path = path_join(config->directory, name);
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0644);
    if (fd < 0)
        return error_errno(err, "creating '%s'", path);
    if (!posix->switch_user || config->user == NULL)
        return fd;
    const struct passwd *user = getpwnam(config->user);
    if (user != NULL && fchown(fd, user->pw_uid, user->pw_gid) == 0)
        return fd;
    close(fd);
    return error_set(err, errno, "Failed to chown '%s' to user '%s'", path, config->user);
}

int posix_fetch_start(struct posix_container *container, const struct container_config *config, struct error *err) {
    struct posix *posix = container->posix;
    container->state = POSIX_FETCHING;
    if (check_uris(config->command, err) < 0)
        return -1;
    cleanup_close int stdout_fd = config->own_output ? open_log(posix, config, "stdout", err) : dup(STDOUT_FILENO);
    if (stdout_fd < 0)
        return -1;
    cleanup_close int stderr_fd = config->own_output ? open_log(posix, config, "stderr", err) : dup(STDERR_FILENO);
    if (stderr_fd < 0)
        return -1;
    cleanup_free char *info = build_info(posix, config);
    cleanup_free char **environment = build_environment(info);
    cleanup_free char *program = path_join(posix->launcher_dir, "mesos-fetcher");
    char *const arguments[] = {"mesos-fetcher", NULL};
    struct child_options options = {
        .file = program,
        .arguments = arguments,
        .environment = environment,
        .directory = config->directory,
        .stdin_fd = -1,
        .stdout_fd = stdout_fd,
        .stderr_fd = stderr_fd,
        .extra_fd = -1,
        .new_session = true,
    };
    if (loop_spawn(posix->loop, &options, on_fetcher_exit, container, &container->fetcher, err) < 0)
        return error_wrap(err, "Could not fetch URIs");
    return 0;
}
