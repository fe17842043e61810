/* SPDX-License-Identifier: Apache-2.0 */
#include "process/files.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/json.h"
#include "base/text.h"
#include "process/common_endpoints.h"

enum { PIECE_BYTES = 64 * 1024 };

static const char prefix[] = "/files";

/* Paths */

/* The real path that @path is shown for. The log is a file: nothing is below it. */
static bool find_root(struct files *files, const char *path, char **ret_root, const char **ret_rest) {
    size_t length = strlen(path);

    while (length > 0 && path[length - 1] == '/')
        length--;
    if (files->log_path != NULL && length == strlen(files->log_name) && strncmp(path, files->log_name, length) == 0) {
        *ret_root = xstrdup(files->log_path);
        *ret_rest = "";
        return true;
    }
    return files->ops != NULL && files->ops->find(files->user, path, ret_root, ret_rest);
}

static const char *without_scheme(const char *path) {
    return text_starts_with(path, "file://") ? path + strlen("file://") : path;
}

static unsigned open_shown(struct files *files, const char *path, struct env_open_file **ret,
                           struct env_file_status *ret_status, struct error *err) {
    cleanup_free char *root = NULL;
    const char *rest;
    int result;

    if (!find_root(files, path, &root, &rest)) {
        error_set(err, ENOENT, "%s", "");
        return 404;
    }
    result = env_file_open(files->env, root, rest, ret, ret_status, err);
    if (result == ENV_FILE_ABSENT) {
        error_set(err, ENOENT, "%s", "");
        return 404;
    }
    if (result == ENV_FILE_OUTSIDE) {
        error_set(err, EACCES, "'%s' is inaccessible: it leads out of '%s'.\n", path, root);
        return 400;
    }
    return result < 0 ? 500 : 0;
}

unsigned files_browse(struct files *files, const char *path,
                      void (*add)(void *user, const char *path, const struct env_file_status *status), void *user,
                      struct error *err) {
    struct env_file_status status;
    struct env_open_file *directory, *file;
    char **names = NULL;
    unsigned answer;

    path = without_scheme(path);
    answer = open_shown(files, path, &directory, &status, err);
    if (answer != 0)
        return answer;
    if (S_ISDIR(status.mode) && env_list_directory(files->env, directory->path, &names, err) < 0)
        answer = 500;
    env_open_file_close(directory);
    for (size_t i = 0; names != NULL && names[i] != NULL; i++) {
        cleanup_free char *below = path_join(path, names[i]);

        if (open_shown(files, below, &file, &status, NULL) == 0) {
            add(user, below, &status);
            env_open_file_close(file);
        }
    }
    env_names_free(names);
    return answer;
}

static unsigned open_file(struct files *files, const char *path, const char *doing, struct env_open_file **ret,
                          struct env_file_status *ret_status, struct error *err) {
    unsigned answer = open_shown(files, without_scheme(path), ret, ret_status, err);

    if (answer != 0 || S_ISREG(ret_status->mode))
        return answer;
    env_open_file_close(*ret);
    if (S_ISDIR(ret_status->mode))
        error_set(err, EISDIR, "Cannot %s a directory.\n", doing);
    else
        error_set(err, EINVAL, "Cannot %s '%s': it is not a regular file.\n", doing, path);
    return 400;
}

unsigned files_read(struct files *files, const char *path, int64_t offset, int64_t length, struct buffer *data,
                    uint64_t *ret_size, struct error *err) {
    struct env_file_status status;
    struct env_open_file *file;
    unsigned answer = open_file(files, path, "read", &file, &status, err);

    if (answer != 0)
        return answer;
    if (length < 0 || length > PIECE_BYTES)
        length = PIECE_BYTES;
    *ret_size = status.size;
    if ((uint64_t)offset < status.size && env_open_file_read(file, offset, (size_t)length, data, err) < 0)
        answer = 500;
    env_open_file_close(file);
    return answer;
}

/* Endpoints */

static void respond_failure(struct http_exchange *exchange, unsigned status, const struct error *err) {
    http_respond_text(exchange, status, "%s", error_message(err));
}

/* The parameter path, or NULL: the answer is given. */
static const char *wanted_path(struct http_exchange *exchange) {
    const char *path = http_request_query(exchange, "path");

    if (path != NULL && *path != '\0')
        return path;
    http_respond_text(exchange, 400, "Expecting 'path=value' in query.\n");
    return NULL;
}

/* As ls(1) shows a mode. */
static void format_mode(uint32_t mode, char ret[11]) {
    static const char bits[] = "rwxrwxrwx";

    ret[0] = S_ISDIR(mode)    ? 'd'
             : S_ISCHR(mode)  ? 'c'
             : S_ISBLK(mode)  ? 'b'
             : S_ISFIFO(mode) ? 'p'
             : S_ISLNK(mode)  ? 'l'
             : S_ISSOCK(mode) ? 's'
                              : '-';
    for (size_t i = 0; i < 9; i++)
        ret[1 + i] = (mode & (0400u >> i)) != 0 ? bits[i] : '-';
    ret[10] = '\0';
}

static void write_file(void *user, const char *path, const struct env_file_status *status) {
    struct json_writer *json = user;
    char mode[11];

    format_mode(status->mode, mode);
    json_begin_object(json);
    json_member_string(json, "gid", status->group);
    json_member_string(json, "mode", mode);
    json_member_double(json, "mtime", (double)(status->modified_ns / SECOND));
    json_member_integer(json, "nlink", (int64_t)status->links);
    json_member_string(json, "path", path);
    json_member_integer(json, "size", (int64_t)status->size);
    json_member_string(json, "uid", status->user);
    json_end_object(json);
}

static void browse(struct http_exchange *exchange, void *user) {
    const char *path = wanted_path(exchange);
    cleanup_buffer struct buffer body = BUFFER_INIT;
    cleanup_error struct error err = ERROR_INIT;
    struct json_writer json;
    unsigned status;

    if (path == NULL)
        return;
    json_init(&json, &body);
    json_begin_array(&json);
    status = files_browse(user, path, write_file, &json, &err);
    json_end_array(&json);
    if (status != 0)
        respond_failure(exchange, status, &err);
    else
        respond_json(exchange, &body);
}

/* A whole number from -1 on; @ret keeps its value if there is none. False: the answer is given. */
static bool read_number(struct http_exchange *exchange, const char *name, int64_t *ret) {
    const char *text = http_request_query(exchange, name);
    long long value;
    char *end;

    if (text == NULL)
        return true;
    errno = 0;
    value = strtoll(text, &end, 10);
    if (*text == '\0' || isspace((unsigned char)*text) || *end != '\0' || errno != 0) {
        http_respond_text(exchange, 400, "Failed to parse %s: '%s' is not a number.\n", name, text);
        return false;
    }
    if (value < -1) {
        http_respond_text(exchange, 400, "Negative %s provided: %lld.\n", name, value);
        return false;
    }
    *ret = value;
    return true;
}

/* Without an offset the answer is the file's size as offset, as the pages of logs in the web interface ask for. */
static void read_file(struct http_exchange *exchange, void *user) {
    const char *path = wanted_path(exchange);
    int64_t offset = -1, length = -1;
    cleanup_buffer struct buffer data = BUFFER_INIT, body = BUFFER_INIT;
    cleanup_error struct error err = ERROR_INIT;
    struct json_writer json;
    uint64_t size;
    unsigned status;

    if (path == NULL || !read_number(exchange, "offset", &offset) || !read_number(exchange, "length", &length))
        return;
    status = files_read(user, path, offset < 0 ? 0 : offset, offset < 0 ? 0 : length, &data, &size, &err);
    if (status != 0) {
        respond_failure(exchange, status, &err);
        return;
    }
    json_init(&json, &body);
    json_begin_object(&json);
    json_key(&json, "data");
    json_string_sized(&json, data.data, data.size);
    json_member_integer(&json, "offset", offset < 0 ? (int64_t)size : offset);
    json_end_object(&json);
    respond_json(exchange, &body);
}

struct download {
    struct list member; /* in files->downloads */
    struct http_exchange *exchange;
    struct env_open_file *file;
    int64_t offset;
};

static void download_free(struct download *download) {
    list_remove(&download->member);
    env_open_file_close(download->file);
    free(download);
}

static void on_closed(struct http_exchange *exchange, void *user) {
    download_free(user);
}

/* Pieces go out as the peer takes them; what was written to the file meanwhile goes too. */
static void send_pieces(struct http_exchange *exchange, void *user) {
    struct download *download = user;
    cleanup_buffer struct buffer piece = BUFFER_INIT;
    cleanup_error struct error err = ERROR_INIT;

    do {
        buffer_clear(&piece);
        if (env_open_file_read(download->file, download->offset, PIECE_BYTES, &piece, &err) < 0) {
            http_exchange_abort(exchange);
            download_free(download);
            return;
        }
        if (piece.size == 0) {
            http_stream_end(exchange);
            download_free(download);
            return;
        }
        download->offset += (int64_t)piece.size;
        if (!http_stream_write(exchange, piece.data, piece.size))
            return; /* on_closed follows */
    } while (http_stream_pending(exchange) == 0);
}

static const char *media_type(const char *name) {
    static const char *const types[][2] = {
        {".txt", "text/plain"},
        {".html", "text/html"},
        {".htm", "text/html"},
        {".css", "text/css"},
        {".js", "application/x-javascript"},
        {".xml", "text/xml"},
        {".png", "image/png"},
        {".jpg", "image/jpeg"},
        {".jpeg", "image/jpeg"},
        {".gif", "image/gif"},
        {".pdf", "application/pdf"},
        {".zip", "application/zip"},
        {".tar", "application/x-tar"},
        {".py", "text/x-python"},
        {".csv", "text/csv"},
    };
    const char *extension = strrchr(name, '.');

    for (size_t i = 0; extension != NULL && i < ARRAY_SIZE(types); i++) {
        if (strcmp(extension, types[i][0]) == 0)
            return types[i][1];
    }
    return "application/octet-stream";
}

/* A name that a header can hold. */
static char *attachment(const char *path) {
    cleanup_free char *trimmed = xstrdup(path);
    char *name = xasprintf("attachment; filename=%s", path_base(trimmed));

    for (char *c = name; *c != '\0'; c++) {
        if ((unsigned char)*c < ' ' || *c == 0x7f || *c == '"')
            *c = '_';
    }
    return name;
}

static void begin_download(struct files *files, struct http_exchange *exchange, const char *path,
                           struct env_open_file *file) {
    cleanup_free char *disposition = attachment(path);
    cleanup_buffer struct buffer piece = BUFFER_INIT;
    cleanup_error struct error err = ERROR_INIT;
    struct download *download;

    if (env_open_file_read(file, 0, PIECE_BYTES, &piece, &err) < 0) {
        respond_failure(exchange, 500, &err);
        env_open_file_close(file);
        return;
    }
    http_respond_header(exchange, "Content-Disposition", disposition);
    if (piece.size < PIECE_BYTES) {
        http_respond_buffer(exchange, 200, media_type(path), &piece);
        env_open_file_close(file);
        return;
    }
    download = new0(struct download);
    *download = (struct download){.exchange = exchange, .file = file};
    list_append(&files->downloads, &download->member);
    http_exchange_on_closed(exchange, on_closed, download);
    http_exchange_set_user(exchange, download);
    http_stream_begin(exchange, 200, media_type(path));
    http_stream_on_drain(exchange, send_pieces);
    send_pieces(exchange, download);
}

static void download(struct http_exchange *exchange, void *user) {
    const char *path = wanted_path(exchange);
    cleanup_error struct error err = ERROR_INIT;
    struct env_file_status file_status;
    struct env_open_file *file;
    unsigned status;

    if (path == NULL)
        return;
    status = open_file(user, path, "download", &file, &file_status, &err);
    if (status == 404)
        http_respond_text(exchange, 404, "404 Not Found.");
    else if (status != 0)
        respond_failure(exchange, status, &err);
    else
        begin_download(user, exchange, path, file);
}

static void write_root(void *to, const char *shown, const char *root) {
    struct json_writer *json = to;

    json_key_string(json, shown);
    json_string(json, root);
}

static void debug(struct http_exchange *exchange, void *user) {
    struct files *files = user;
    cleanup_buffer struct buffer body = BUFFER_INIT;
    struct json_writer json;

    json_init(&json, &body);
    json_begin_object(&json);
    if (files->log_path != NULL)
        write_root(&json, files->log_name, files->log_path);
    if (files->ops != NULL)
        files->ops->each(files->user, write_root, &json);
    json_end_object(&json);
    respond_json(exchange, &body);
}

static const struct route routes[] = {
    {"/browse", ROUTE_ANY, browse, "Lists the directory path=PATH.", NULL},
    {"/read", ROUTE_ANY, read_file, "Reads from the file path=PATH.",
     "offset=N (-1: tells the size), length=N; at most 64 KiB at a time."},
    {"/download", ROUTE_ANY, download, "Sends the file path=PATH.", NULL},
    {"/debug", ROUTE_ANY, debug, "The paths that are shown, and what they stand for.", NULL},
};

void files_init(struct files *files, struct env *env, struct router *router, const char *log_name, const char *log_path,
                const struct files_ops *ops, void *user) {
    *files = (struct files){
        .env = env,
        .router = router,
        .ops = ops,
        .user = user,
        .log_name = log_name,
        .log_path = log_path == NULL ? NULL : xstrdup(log_path),
    };
    list_init(&files->downloads);
    router_add(router, prefix, routes, ARRAY_SIZE(routes), files);
}

void files_done(struct files *files) {
    struct download *download;

    if (files->env == NULL)
        return;
    while ((download = list_first(&files->downloads, struct download, member)) != NULL) {
        http_exchange_abort(download->exchange);
        download_free(download);
    }
    router_remove(files->router, prefix);
    free(files->log_path);
    files->env = NULL;
}
