/* SPDX-License-Identifier: Apache-2.0 */
#include "containerizer/archive.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <zlib.h>

#include "base/text.h"

static const char *const archive_suffixes[] = {".tar",     ".tgz", ".tar.gz", ".tbz2",
                                               ".tar.bz2", ".txz", ".tar.xz", ".zip"};

static bool is_container_format(const char *path) {
    for (size_t i = 0; i < ARRAY_SIZE(archive_suffixes); i++) {
        if (text_ends_with(path, archive_suffixes[i]))
            return true;
    }
    return false;
}

bool archive_is_name(const char *path) {
    return is_container_format(path) || text_ends_with(path, ".gz");
}

/* Names */

/* Calls for each component of @path; stops when @callback returns false, which is returned. */
static bool each_component(const char *path, bool (*callback)(const char *part, size_t size, void *user), void *user) {
    while (*path != '\0') {
        size_t size = strcspn(path, "/");
        if (size > 0 && !callback(path, size, user))
            return false;
        path += size + (path[size] == '/');
    }
    return true;
}

static bool is_up(const char *part, size_t size) {
    return size == 2 && memcmp(part, "..", 2) == 0;
}

static bool is_here(const char *part, size_t size) {
    return size == 1 && part[0] == '.';
}

static bool does_not_go_up(const char *part, size_t size, void *user) {
    return !is_up(part, size);
}

static bool is_inside(const char *path) {
    return path[0] != '/' && path[0] != '\0' && each_component(path, does_not_go_up, NULL);
}

struct link_walk {
    size_t depth;   /* directories above the link that are inside */
    bool went_down; /* a name was seen */
};

/* ".." is allowed at the start only: after a name it would go up from wherever that name leads. */
static bool stays_inside(const char *part, size_t size, void *user) {
    struct link_walk *walk = user;
    if (is_here(part, size))
        return true;
    if (!is_up(part, size)) {
        walk->went_down = true;
        return true;
    }
    return !walk->went_down && walk->depth-- > 0;
}

static bool count_component(const char *part, size_t size, void *user) {
    *(size_t *)user += !is_here(part, size);
    return true;
}

/* Members are not written through links, so that the folder of a link is where its name says. By induction a link whose
 * target is inside by name leads inside: the names in it are directories, or links that do. */
static bool link_is_inside(const char *member, const char *target) {
    size_t depth = 0;
    each_component(member, count_component, &depth);
    struct link_walk walk = {.depth = depth > 0 ? depth - 1 : 0};
    return target[0] != '/' && target[0] != '\0' && each_component(target, stays_inside, &walk);
}

static int check_member(struct archive_entry *entry, struct error *err) {
    const char *name = archive_entry_pathname(entry);
    if (name == NULL || !is_inside(name))
        return error_set(err, EPERM, "member '%s' leaves the destination", name != NULL ? name : "");
    const char *hard = archive_entry_hardlink(entry);
    if (hard != NULL)
        return is_inside(hard) ? 0 : error_set(err, EPERM, "link '%s' to '%s' leaves the destination", name, hard);
    switch (archive_entry_filetype(entry)) {
    case AE_IFREG:
    case AE_IFDIR:
        return 0;
    case AE_IFLNK: {
        const char *target = archive_entry_symlink(entry);
        if (target != NULL && link_is_inside(name, target))
            return 0;
        return error_set(err, EPERM, "link '%s' to '%s' leaves the destination", name, target != NULL ? target : "");
    }
    default:
        return error_set(err, EPERM, "member '%s' is neither file, directory nor link", name);
    }
}

/* Archives */

static void free_reader(struct archive **reader) {
    archive_read_free(*reader);
}

static void free_writer(struct archive **writer) {
    archive_write_free(*writer);
}

static int library_error(struct archive *archive, struct error *err) {
    const char *message = archive_error_string(archive);
    return error_set(err, archive_errno(archive), "%s", message != NULL ? message : "unknown archive error");
}

static int copy_data(struct archive *reader, struct archive *writer, struct error *err) {
    for (;;) {
        const void *data;
        size_t size;
        la_int64_t offset;
        int result = archive_read_data_block(reader, &data, &size, &offset);
        if (result == ARCHIVE_EOF)
            return 0;
        if (result < ARCHIVE_WARN)
            return library_error(reader, err);
        if (archive_write_data_block(writer, data, size, offset) < ARCHIVE_WARN)
            return library_error(writer, err);
    }
}

/* The writer takes paths from the root of everything, which it is told not to follow links below. */
static void prepend_destination(struct archive_entry *entry, const char *destination) {
    cleanup_free char *path = path_join(destination, archive_entry_pathname(entry));
    archive_entry_set_pathname(entry, path);
    const char *hard = archive_entry_hardlink(entry);
    if (hard != NULL) {
        cleanup_free char *target = path_join(destination, hard);
        archive_entry_set_hardlink(entry, target);
    }
}

/* Whether some directory between @destination and the member is a link. */
static int check_way(const char *destination, const char *member, struct error *err) {
    cleanup_free char *path = path_join(destination, member);
    for (char *slash = strchr(path + strlen(destination) + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        struct stat state;
        *slash = '\0';
        int result = lstat(path, &state);
        *slash = '/';
        if (result == 0 && S_ISLNK(state.st_mode))
            return error_set(err, EPERM, "member '%s' would be written through a link", member);
    }
    return 0;
}

static int extract_member(struct archive *reader, struct archive *writer, struct archive_entry *entry,
                          const char *destination, struct error *err) {
    if (check_member(entry, err) < 0 || check_way(destination, archive_entry_pathname(entry), err) < 0)
        return -1;
    const char *hard = archive_entry_hardlink(entry);
    if (hard != NULL && check_way(destination, hard, err) < 0)
        return -1;
    prepend_destination(entry, destination);
    if (archive_write_header(writer, entry) < ARCHIVE_WARN)
        return library_error(writer, err);
    if (copy_data(reader, writer, err) < 0)
        return -1;
    return archive_write_finish_entry(writer) < ARCHIVE_WARN ? library_error(writer, err) : 0;
}

static int extract_members(struct archive *reader, const char *destination, struct error *err) {
    cleanup_(free_writer) struct archive *writer = archive_write_disk_new();
    archive_write_disk_set_options(writer,
                                   ARCHIVE_EXTRACT_TIME | ARCHIVE_EXTRACT_UNLINK | ARCHIVE_EXTRACT_SECURE_NODOTDOT);
    for (;;) {
        struct archive_entry *entry;
        int result = archive_read_next_header(reader, &entry);
        if (result == ARCHIVE_EOF)
            return archive_write_close(writer) < ARCHIVE_WARN ? library_error(writer, err) : 0;
        if (result < ARCHIVE_WARN)
            return library_error(reader, err);
        if (extract_member(reader, writer, entry, destination, err) < 0)
            return -1;
    }
}

static int extract_archive(const char *path, const char *destination, struct error *err) {
    cleanup_(free_reader) struct archive *reader = archive_read_new();
    archive_read_support_filter_all(reader);
    archive_read_support_format_all(reader);
    if (archive_read_open_filename(reader, path, 65536) != ARCHIVE_OK)
        return library_error(reader, err);
    return extract_members(reader, destination, err);
}

/* A single compressed file */

static void close_gzip(gzFile *file) {
    if (*file != NULL)
        gzclose(*file);
}

static int write_all(int fd, const char *data, size_t size, struct error *err) {
    while (size > 0) {
        ssize_t written = write(fd, data, size);
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return error_errno(err, "writing");
        data += written;
        size -= written;
    }
    return 0;
}

static int unpack_gzip(const char *path, const char *destination, struct error *err) {
    cleanup_free char *name = xstrndup(path_base(path), strlen(path_base(path)) - strlen(".gz"));
    if (!path_is_component(name))
        return error_set(err, EINVAL, "nothing is left of the name without '.gz'");
    cleanup_free char *target = path_join(destination, name);
    cleanup_(close_gzip) gzFile file = gzopen(path, "rbe");
    if (file == NULL)
        return error_errno(err, "opening '%s'", path);
    cleanup_close int fd = open(target, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
    if (fd < 0)
        return error_errno(err, "creating '%s'", target);
    char data[65536];
    int size;
    while ((size = gzread(file, data, sizeof(data))) > 0) {
        if (write_all(fd, data, size, err) < 0)
            return -1;
    }
    int code;
    if (size < 0 || (gzclose_r(take_ptr(&file)) != Z_OK))
        return error_set(err, EIO, "%s", file != NULL ? gzerror(file, &code) : "the compressed data is cut short");
    return 0;
}

int archive_extract(const char *path, const char *destination, struct error *err) {
    int result = is_container_format(path) ? extract_archive(path, destination, err)
                                           : unpack_gzip(path, destination, err);
    if (result < 0)
        error_wrap(err, "Failed to extract archive '%s' to '%s'", path, destination);
    return result;
}
