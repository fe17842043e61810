/* SPDX-License-Identifier: Apache-2.0 */
/* Volumes without mounts: links in the sandbox, as Mesos's filesystem/posix and volume/sandbox_path isolators make
 * them. */
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "base/text.h"
#include "containerizer/posix_container.h"

/* Whether @path stays below where it starts: relative, and without "..". */
static bool stays_below(const char *path) {
    if (path[0] == '/' || path[0] == '\0')
        return false;
    char **parts = text_split(path, "/");
    bool result = true;
    for (size_t i = 0; parts[i] != NULL; i++)
        result = result && strcmp(parts[i], "..") != 0;
    text_list_free(parts);
    return result;
}

static int link_in_sandbox(const struct posix *posix, const struct container_config *config, const char *target,
                           const char *container_path, struct error *err) {
    if (!stays_below(container_path))
        return error_set(err, EINVAL,
                         "The container path '%s' of a volume must be relative and stay in the sandbox with the posix "
                         "launcher",
                         container_path);
    cleanup_free char *path = path_join(config->directory, container_path);
    char *slash = strrchr(path, '/');
    *slash = '\0';
    int result = env_make_directories(posix->env, path, err);
    *slash = '/';
    struct stat state;
    if (result == 0 && lstat(path, &state) == 0 && !S_ISLNK(state.st_mode))
        return error_set(err, EEXIST, "'%s' is in the sandbox already", container_path);
    return result < 0 ? -1 : env_symlink(posix->env, target, path, err);
}

/* The sandbox of a nested container is "<its parent's>/containers/<id>". */
static char *parent_sandbox(const struct container_config *config) {
    const char *last = strrchr(config->id, '.');
    if (last == NULL)
        return NULL;
    cleanup_free char *suffix = xasprintf("/containers/%s", last + 1);
    return text_ends_with(config->directory, suffix)
               ? xstrndup(config->directory, strlen(config->directory) - strlen(suffix))
               : NULL;
}

/* Create what a volume points to, if it is not there, for the owner of the sandbox it lies in. */
static int make_source(const struct posix *posix, const char *sandbox, const char *source, struct error *err) {
    struct stat state;
    if (env_file_exists(posix->env, source))
        return 0;
    if (env_make_directories(posix->env, source, err) < 0)
        return -1;
    if (stat(sandbox, &state) < 0 || lchown(source, state.st_uid, state.st_gid) < 0)
        return error_errno(err, "giving '%s' to the owner of the sandbox", source);
    return 0;
}

static int link_parents_path(const struct posix *posix, const struct container_config *config,
                             const Mesos__V1__Volume__Source__SandboxPath *from, const char *container_path,
                             struct error *err) {
    if (!from->has_type || from->type != MESOS__V1__VOLUME__SOURCE__SANDBOX_PATH__TYPE__PARENT)
        return error_set(err, ENOTSUP, "SANDBOX_PATH volumes of type SELF need mounts, which the posix launcher lacks");
    cleanup_free char *sandbox = parent_sandbox(config);
    if (sandbox == NULL)
        return error_set(err, EINVAL, "SANDBOX_PATH volumes of type PARENT only work for nested containers");
    if (!stays_below(from->path))
        return error_set(err, EINVAL, "The path '%s' of a SANDBOX_PATH volume leaves the sandbox", from->path);
    cleanup_free char *source = path_join(sandbox, from->path);
    if (make_source(posix, sandbox, source, err) < 0)
        return -1;
    return link_in_sandbox(posix, config, source, container_path, err);
}

static int link_volume(const struct posix *posix, const struct container_config *config,
                       const Mesos__V1__Volume *volume, struct error *err) {
    const Mesos__V1__Volume__Source *source = volume->source;
    if (source != NULL && source->has_type && source->type == MESOS__V1__VOLUME__SOURCE__TYPE__SANDBOX_PATH &&
        source->sandbox_path != NULL)
        return link_parents_path(posix, config, source->sandbox_path, volume->container_path, err);
    return error_set(err, ENOTSUP, "The volume '%s' needs mounts, which the posix launcher lacks",
                     volume->container_path);
}

/* Where the agent keeps a persistent volume: on the disk it was made on, or in the work directory. */
static char *persistent_path(const struct posix *posix, const Mesos__V1__Resource *resource) {
    const Mesos__V1__Resource__DiskInfo *disk = resource->disk;
    const char *root = posix->work_dir;
    if (disk->source != NULL && disk->source->path != NULL && disk->source->path->root != NULL)
        root = disk->source->path->root;
    else if (disk->source != NULL && disk->source->mount != NULL && disk->source->mount->root != NULL)
        return xstrdup(disk->source->mount->root);
    const char *role = resource->n_reservations > 0 ? resource->reservations[resource->n_reservations - 1]->role
                                                    : resource->role;
    if (root == NULL || role == NULL)
        return NULL;
    return xasprintf("%s/volumes/roles/%s/%s", root, role, disk->persistence->id);
}

static int link_persistent(const struct posix *posix, const struct container_config *config,
                           const Mesos__V1__Resource *resource, struct error *err) {
    cleanup_free char *path = persistent_path(posix, resource);
    if (path == NULL)
        return error_set(err, ENOTSUP, "Persistent volume '%s' has no place on this agent",
                         resource->disk->persistence->id);
    struct stat state;
    if (stat(config->directory, &state) < 0 || (state.st_uid != 0 && chown(path, state.st_uid, state.st_gid) < 0))
        return error_errno(err, "giving volume '%s' to the owner of the sandbox", path);
    return link_in_sandbox(posix, config, path, resource->disk->volume->container_path, err);
}

int posix_volumes_link(const struct posix *posix, const struct container_config *config, struct error *err) {
    const Mesos__V1__ContainerInfo *info = config->container;
    for (size_t i = 0; info != NULL && i < info->n_volumes; i++) {
        if (link_volume(posix, config, info->volumes[i], err) < 0)
            return -1;
    }
    for (size_t i = 0; i < config->resource_count; i++) {
        const Mesos__V1__Resource *resource = config->resources[i];
        if (resource->disk != NULL && resource->disk->persistence != NULL && resource->disk->volume != NULL &&
            link_persistent(posix, config, resource, err) < 0)
            return -1;
    }
    return 0;
}
