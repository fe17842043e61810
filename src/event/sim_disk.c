/* SPDX-License-Identifier: Apache-2.0 */
/* The disks of the simulated world: a tree of files a node, which outlives the node's crashes.
 *
 * The tree is what is on the disk. A write that is under way is not in it yet; when its node crashes, chance decides
 * whether it was done, lost or, if it was appended, torn. Operations on one path wait for each other, so that only the
 * first one of a path can have been under way. */
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/text.h"
#include "event/sim_world.h"

enum { NAME_BYTES = 256, LINKS_FOLLOWED = 40 };

struct sim_file {
    enum sim_file_kind { SIM_FILE, SIM_DIRECTORY, SIM_LINK } kind;
    char *name;
    struct sim_file *parent; /* of the root: itself */
    struct table children;   /* of a directory */
    struct buffer content;   /* of a file */
    char *target;            /* of a link */
    int64_t modified;
};

struct sim_operation {
    struct sim_event event;
    struct list member;                   /* in node->operations */
    struct env_file_operation *operation; /* NULL once cancelled */
    struct sim_node *node;
    enum sim_operation_kind { SIM_WRITE, SIM_APPEND, SIM_REMOVE_TREE } kind;
    char *path;
    struct buffer data;
};

/* The tree */

static struct sim_file *file_new(struct sim_node *node, struct sim_file *parent, const char *name,
                                 enum sim_file_kind kind) {
    struct sim_file *file = new0(struct sim_file);

    file->kind = kind;
    file->name = xstrdup(name);
    file->modified = env_wall_clock(&node->env);
    file->parent = parent == NULL ? file : parent;
    if (parent != NULL) {
        table_add(&parent->children, file->name, file);
        parent->modified = file->modified;
    }
    return file;
}

/* With everything below it. */
static void file_free(struct sim_file *file) {
    struct sim_file *child;

    table_for_each (&file->children, child)
        file_free(child);
    table_done(&file->children);
    buffer_done(&file->content);
    free(file->target);
    free(file->name);
    free(file);
}

static void file_unlink(struct sim_node *node, struct sim_file *file) {
    if (file->kind != SIM_FILE)
        node->near = NULL;
    table_remove(&file->parent->children, file->name);
    file->parent->modified = env_wall_clock(&node->env);
    file_free(file);
}

/* Where a path leads. */
struct place {
    struct sim_file *directory; /* in which the last component is or would be; NULL if the way there fails */
    struct sim_file *file;      /* NULL: not there */
    char name[NAME_BYTES];
};

static int walk(struct sim_node *node, struct sim_file *from, const char *path, bool follows, int links,
                struct place *ret);

/* Go on from @place through the link it stands at. */
static int follow(struct sim_node *node, struct place *place, int links) {
    struct place next;
    int code;

    if (links >= LINKS_FOLLOWED)
        return ELOOP;
    code = walk(node, place->directory, place->file->target, true, links + 1, &next);
    if (code == 0)
        *place = next;
    return code;
}

/* How much of the absolute @path, in whole components, is the way to where the last one led; and in @ret the directory
 * there. */
static size_t start_near(const struct sim_node *node, const char *path, struct sim_file **ret) {
    struct sim_file *directory = node->near;
    size_t same = 0, common = 0;

    if (directory == NULL)
        return 0;
    while (same < node->near_size && path[same] == node->near_path[same]) {
        same++;
        if (path[same] == '/' && (same == node->near_size || node->near_path[same] == '/'))
            common = same;
    }
    for (size_t i = common; i < node->near_size; i++)
        if (node->near_path[i] == '/')
            directory = directory->parent;
    *ret = directory;
    return common;
}

/* The absolute @path has led to something in @directory, following no links. */
static void remember(struct sim_node *node, const char *path, struct sim_file *directory) {
    size_t size = (size_t)(strrchr(path, '/') - path);

    if (size >= sizeof(node->near_path) || path[size + 1] == '\0' || strstr(path, "//") != NULL ||
        strstr(path, "/.") != NULL)
        return;
    memcpy(node->near_path, path, size);
    node->near_size = size;
    node->near = directory;
}

/* Follow @path. Returns 0 or an errno value; a missing last component is no failure. */
static int walk(struct sim_node *node, struct sim_file *from, const char *path, bool follows, int links,
                struct place *ret) {
    struct place place;
    const char *whole = path;
    bool has_followed = false;
    int code;

    place.file = path[0] == '/' ? node->root : from;
    if (path[0] == '/')
        path += start_near(node, path, &place.file);
    place.directory = place.file;
    for (;;) {
        size_t size;

        path += strspn(path, "/");
        size = strcspn(path, "/");
        if (size == 0)
            break;
        if (place.file == NULL)
            return ENOENT;
        if (place.file->kind == SIM_LINK) {
            has_followed = true;
            if ((code = follow(node, &place, links)) != 0)
                return code;
        }
        if (place.file == NULL)
            return ENOENT;
        if (place.file->kind != SIM_DIRECTORY)
            return ENOTDIR;
        if (size >= sizeof(place.name))
            return ENAMETOOLONG;
        place.directory = place.file;
        memcpy(place.name, path, size);
        place.name[size] = '\0';
        if (strcmp(place.name, "..") == 0)
            place.file = place.directory = place.directory->parent;
        else if (strcmp(place.name, ".") != 0)
            place.file = table_find(&place.directory->children, place.name);
        path += size;
    }
    if (whole[0] == '/' && !has_followed)
        remember(node, whole, place.directory);
    if (follows && place.file != NULL && place.file->kind == SIM_LINK && (code = follow(node, &place, links)) != 0)
        return code;
    *ret = place;
    return 0;
}

static int find(struct sim_node *node, const char *path, bool follows, struct place *ret) {
    int code = walk(node, node->root, path, follows, 0, ret);

    return code == 0 && ret->file == NULL ? ENOENT : code;
}

static int failed(struct error *err, int code, const char *doing, const char *path) {
    return error_set(err, code, "Failed to %s '%s': %s", doing, path, strerror(code));
}

/* What is done at once */

int sim_file_read(struct env *env, const char *path, size_t limit_bytes, struct buffer *ret, struct error *err) {
    struct place place;
    int code = find(env_node(env), path, true, &place);

    if (code == 0 && place.file->kind == SIM_DIRECTORY)
        code = EISDIR;
    if (code == 0 && place.file->content.size > limit_bytes)
        code = EFBIG;
    if (code != 0)
        return failed(err, code, "read", path);
    buffer_append(ret, place.file->content.data, place.file->content.size);
    return 0;
}

bool sim_file_exists(struct env *env, const char *path) {
    struct place place;

    return find(env_node(env), path, true, &place) == 0;
}

/* What was opened, as it was then. */
struct sim_open_file {
    struct env_open_file base;
    struct buffer content;
};

static bool is_below(const struct sim_file *file, const struct sim_file *root) {
    for (; file != root && file->parent != file; file = file->parent)
        continue;
    return file == root;
}

static char *path_of(const struct sim_file *file) {
    cleanup_free char *above = NULL;

    if (file->parent == file)
        return xstrdup("/");
    above = path_of(file->parent);
    return path_join(above, file->name);
}

int sim_file_open(struct env *env, const char *root, const char *path, struct env_open_file **ret,
                  struct env_file_status *ret_status, struct error *err) {
    cleanup_free char *joined = path_join(root, path);
    struct sim_node *node = env_node(env);
    struct place place, top;
    struct sim_open_file *file;

    if (find(node, root, true, &top) != 0 || find(node, joined, true, &place) != 0)
        return ENV_FILE_ABSENT;
    if (!is_below(place.file, top.file))
        return ENV_FILE_OUTSIDE;
    *ret_status = (struct env_file_status){
        .mode = place.file->kind == SIM_DIRECTORY ? S_IFDIR | 0755 : S_IFREG | 0644,
        .size = place.file->content.size,
        .links = 1,
        .modified_ns = place.file->modified,
        .user = "root",
        .group = "root",
    };
    file = new0(struct sim_open_file);
    file->base.path = path_of(place.file);
    buffer_append(&file->content, place.file->content.data, place.file->content.size);
    *ret = &file->base;
    return 0;
}

int sim_open_file_read(struct env_open_file *base, int64_t offset, size_t size, struct buffer *ret, struct error *err) {
    const struct sim_open_file *file = container_of(base, struct sim_open_file, base);
    const size_t from = offset < (int64_t)file->content.size ? (size_t)offset : file->content.size;

    if (size > file->content.size - from)
        size = file->content.size - from;
    if (size > 0)
        buffer_append(ret, file->content.data + from, size);
    return 0;
}

void sim_open_file_close(struct env_open_file *base) {
    struct sim_open_file *file = container_of(base, struct sim_open_file, base);

    buffer_done(&file->content);
    free(base->path);
    free(file);
}

int64_t sim_file_modified(struct env *env, const char *path) {
    struct place place;

    return find(env_node(env), path, true, &place) == 0 ? place.file->modified : -1;
}

int sim_make_directories(struct env *env, const char *path, struct error *err) {
    struct sim_node *node = env_node(env);
    cleanup_free char *partial = NULL;
    struct place whole;

    sim_node_touch(node);
    if (find(node, path, true, &whole) == 0 && whole.file->kind == SIM_DIRECTORY)
        return 0;
    partial = xstrdup(path);
    for (char *end = partial + strspn(partial, "/"); *end != '\0'; end += strspn(end, "/")) {
        struct place place;
        char after;
        int code;

        end += strcspn(end, "/");
        after = *end;
        *end = '\0';
        code = walk(node, node->root, partial, true, 0, &place);
        if (code == 0 && place.file == NULL)
            file_new(node, place.directory, place.name, SIM_DIRECTORY);
        else if (code == 0 && place.file->kind != SIM_DIRECTORY)
            code = ENOTDIR;
        *end = after;
        if (code != 0)
            return failed(err, code, "create the directory", path);
    }
    return 0;
}

int sim_symlink(struct env *env, const char *target, const char *path, struct error *err) {
    struct sim_node *node = env_node(env);
    struct place place;
    int code = walk(node, node->root, path, false, 0, &place);

    sim_node_touch(node);
    if (code == 0 && place.file != NULL && place.file->kind == SIM_DIRECTORY)
        code = EEXIST;
    if (code != 0)
        return failed(err, code, "create the link", path);
    if (place.file != NULL)
        file_unlink(node, place.file);
    file_new(node, place.directory, place.name, SIM_LINK)->target = xstrdup(target);
    return 0;
}

int sim_read_link(struct env *env, const char *path, char **ret_target, struct error *err) {
    struct place place;
    int code = find(env_node(env), path, false, &place);

    if (code == 0 && place.file->kind != SIM_LINK)
        code = EINVAL;
    if (code != 0)
        return failed(err, code, "read the link", path);
    *ret_target = xstrdup(place.file->target);
    return 0;
}

static int compare_names(const void *a, const void *b) {
    return strcmp(*(char *const *)a, *(char *const *)b);
}

int sim_list_directory(struct env *env, const char *path, char ***ret_names, struct error *err) {
    struct place place;
    int code = find(env_node(env), path, true, &place);
    struct sim_file *child;
    size_t count = 0;
    char **names;

    if (code == 0 && place.file->kind != SIM_DIRECTORY)
        code = ENOTDIR;
    if (code != 0)
        return failed(err, code, "list", path);
    names = xcalloc(place.file->children.count + 1, sizeof(names[0]));
    table_for_each (&place.file->children, child)
        names[count++] = xstrdup(child->name);
    qsort(names, count, sizeof(names[0]), compare_names);
    *ret_names = names;
    return 0;
}

int sim_file_remove(struct env *env, const char *path, struct error *err) {
    struct sim_node *node = env_node(env);
    struct place place;
    int code = find(node, path, false, &place);

    sim_node_touch(node);
    if (code == 0 && place.file == node->root)
        code = EBUSY;
    if (code == 0 && place.file->children.count > 0)
        code = ENOTEMPTY;
    if (code != 0)
        return failed(err, code, "remove", path);
    file_unlink(node, place.file);
    return 0;
}

/* The first @size bytes of @data become the content of @path, or are added to it. */
static int apply_write(struct sim_node *node, const char *path, const void *data, size_t size, bool append) {
    struct place place;
    int code = walk(node, node->root, path, append, 0, &place);

    if (code != 0)
        return code;
    if (place.file != NULL && place.file->kind == SIM_DIRECTORY)
        return EISDIR;
    /* A file is replaced by renaming another one to it: a link gives way and is not followed. */
    if (place.file != NULL && place.file->kind == SIM_LINK) {
        file_unlink(node, place.file);
        place.file = NULL;
    }
    if (place.file == NULL)
        place.file = file_new(node, place.directory, place.name, SIM_FILE);
    if (!append)
        buffer_clear(&place.file->content);
    buffer_append(&place.file->content, data, size);
    place.file->modified = env_wall_clock(&node->env);
    return 0;
}

int sim_file_write_now(struct env *env, const char *path, const void *data, size_t size, struct error *err) {
    int code;

    sim_node_touch(env_node(env));
    code = apply_write(env_node(env), path, data, size, false);
    return code != 0 ? failed(err, code, "write", path) : 0;
}

/* Operations */

static const char *const doing[] = {
    [SIM_WRITE] = "write",
    [SIM_APPEND] = "append to",
    [SIM_REMOVE_TREE] = "remove",
};

static void operation_begin(struct env_file_operation *operation, enum sim_operation_kind kind, const char *path,
                            const void *data, size_t size) {
    struct sim_node *node = env_node(operation->env);
    struct sim *sim = node->sim;
    struct sim_operation *begun = new0(struct sim_operation), *other;
    int64_t start = sim->now;

    sim_node_touch(node);
    list_for_each (&node->operations, other, member)
        if (other->event.member.key > start && strcmp(other->path, path) == 0)
            start = other->event.member.key;
    begun->event.kind = SIM_EVENT_DISK;
    begun->operation = operation;
    begun->node = node;
    begun->kind = kind;
    begun->path = xstrdup(path);
    buffer_append(&begun->data, data, size);
    operation->impl = begun;
    list_append(&node->operations, &begun->member);
    sim_schedule(sim, &begun->event,
                 start + sim_draw_between(sim, sim->faults.disk_least_ns, sim->faults.disk_most_ns));
}

static void operation_free(struct sim_operation *operation) {
    if (operation->operation != NULL)
        operation->operation->impl = NULL;
    sim_unschedule(operation->node->sim, &operation->event);
    list_remove(&operation->member);
    buffer_done(&operation->data);
    free(operation->path);
    free(operation);
}

void sim_file_write(struct env_file_operation *operation, const char *path, const void *data, size_t size,
                    enum env_file_writing how) {
    operation_begin(operation, how == ENV_FILE_REPLACE ? SIM_WRITE : SIM_APPEND, path, data, size);
}

void sim_remove_tree(struct env_file_operation *operation, const char *path) {
    operation_begin(operation, SIM_REMOVE_TREE, path, NULL, 0);
}

void sim_file_cancel(struct env_file_operation *operation) {
    struct sim_operation *begun = operation->impl;

    begun->operation = NULL;
}

/* Returns 0 or an errno value. */
static int apply(const struct sim_operation *operation) {
    struct sim_node *node = operation->node;
    struct place place;
    int code;

    if (operation->kind != SIM_REMOVE_TREE)
        return apply_write(node, operation->path, operation->data.data, operation->data.size,
                           operation->kind == SIM_APPEND);
    code = find(node, operation->path, false, &place);
    if (code == ENOENT)
        return 0;
    if (code == 0 && place.file == node->root)
        code = EBUSY;
    if (code == 0)
        file_unlink(node, place.file);
    return code;
}

void sim_disk_complete(struct sim_event *event) {
    struct sim_operation *operation = container_of(event, struct sim_operation, event);
    struct env_file_operation *owned = operation->operation;
    struct sim_node *node = operation->node;
    struct sim *sim = node->sim;
    cleanup_error struct error err = ERROR_INIT;
    int code;

    if (operation->kind != SIM_REMOVE_TREE && sim_chance(sim, sim->faults.disk_error)) {
        sim->counts.disk_errors++;
        code = EIO;
    } else {
        code = apply(operation);
    }
    sim_note(sim, doing[operation->kind], node, (uint64_t)code << 32 | operation->data.size,
             sim_hash(operation->data.data, operation->data.size) ^ sim_hash(operation->path, strlen(operation->path)));
    if (code != 0)
        failed(&err, code, doing[operation->kind], operation->path);
    operation_free(operation);
    if (owned != NULL)
        owned->on_done(owned, code != 0 ? &err : NULL);
}

/* Whether an earlier operation on the same path is still to be done. */
static bool waits(const struct sim_operation *operation) {
    struct sim_operation *other;

    list_for_each (&operation->node->operations, other, member) {
        if (other == operation)
            return false;
        if (strcmp(other->path, operation->path) == 0)
            return true;
    }
    return false;
}

/* The machine crashed while @operation was under way. */
static void leave_to_chance(struct sim_operation *operation) {
    struct sim *sim = operation->node->sim;
    size_t size = operation->data.size;
    uint64_t chance = sim_draw(sim) % 3;

    if (chance == 0) {
        apply(operation);
    } else if (chance == 1 && operation->kind == SIM_APPEND && size > 1) {
        size = 1 + (size_t)(sim_draw(sim) % (size - 1));
        if (apply_write(operation->node, operation->path, operation->data.data, size, true) == 0)
            sim->counts.torn_writes++;
        sim_note(sim, "torn", operation->node, size, sim_hash(operation->path, strlen(operation->path)));
    } else {
        sim->counts.lost_writes++;
        sim_note(sim, "lost", operation->node, size, sim_hash(operation->path, strlen(operation->path)));
    }
}

void sim_disk_node_dies(struct sim_node *node, bool keeps_writes) {
    struct sim_operation *operation;

    list_for_each (&node->operations, operation, member) {
        if (keeps_writes)
            apply(operation);
        else if (waits(operation))
            node->sim->counts.lost_writes++;
        else
            leave_to_chance(operation);
    }
    list_for_each (&node->operations, operation, member)
        operation_free(operation);
}

void sim_disk_init(struct sim_node *node) {
    list_init(&node->operations);
    node->root = file_new(node, NULL, "", SIM_DIRECTORY);
}

void sim_disk_done(struct sim_node *node) {
    struct sim_operation *operation;

    list_for_each (&node->operations, operation, member)
        operation_free(operation);
    file_free(node->root);
}
