/* SPDX-License-Identifier: Apache-2.0 */
#include "containerizer/download.h"

#include <ctype.h>
#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/duration.h"
#include "base/log.h"
#include "base/text.h"
#include "containerizer/uri.h"

static int create(const char *path, mode_t mode, struct error *err) {
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, mode);
    return fd < 0 ? error_errno(err, "creating '%s'", path) : fd;
}

static int write_all(int fd, const char *data, size_t size) {
    while (size > 0) {
        ssize_t written = write(fd, data, size);
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return -1;
        data += written;
        size -= written;
    }
    return 0;
}

static int copy(const char *from, const char *to, struct error *err) {
    cleanup_close int source = open(from, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    struct stat state;
    if (source < 0 || fstat(source, &state) < 0)
        return error_errno(err, "opening '%s'", from);
    if (!S_ISREG(state.st_mode))
        return error_set(err, EINVAL, "'%s' is no regular file", from);
    cleanup_close int target = create(to, 0644 | (state.st_mode & 0111), err);
    if (target < 0)
        return -1;
    char data[65536];
    ssize_t size;
    while ((size = read(source, data, sizeof(data))) != 0) {
        if (size < 0 && errno == EINTR)
            continue;
        if (size < 0)
            return error_errno(err, "reading '%s'", from);
        if (write_all(target, data, size) < 0)
            return error_errno(err, "writing '%s'", to);
    }
    return 0;
}

static size_t on_bytes(char *data, size_t unit, size_t count, void *user) {
    int fd = *(int *)user;
    return write_all(fd, data, unit * count) < 0 ? 0 : unit * count;
}

static void free_curl(CURL **curl) {
    curl_easy_cleanup(*curl);
}

static void set_options(CURL *curl, const char *uri, int *fd, int64_t stall_timeout_ns, char *message) {
    curl_easy_setopt(curl, CURLOPT_URL, uri);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_bytes);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, fd);
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, message);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 1L);
    curl_easy_setopt(curl, CURLOPT_MAXREDIRS, 50L);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https,ftp,ftps");
    curl_easy_setopt(curl, CURLOPT_REDIR_PROTOCOLS_STR, "http,https,ftp,ftps");
    if (stall_timeout_ns > 0) {
        long seconds = (long)((stall_timeout_ns + SECOND - 1) / SECOND);
        curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, 1L);
        curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, seconds);
        curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, seconds);
    }
}

static int download_net(const char *uri, const char *path, int64_t stall_timeout_ns, struct error *err) {
    log_info("Downloading resource from '%s' to '%s'", uri, path);
    cleanup_close int fd = create(path, 0644, err);
    if (fd < 0)
        return -1;
    char message[CURL_ERROR_SIZE] = "";
    cleanup_(free_curl) CURL *curl = curl_easy_init();
    if (curl == NULL)
        return error_set(err, ENOMEM, "libcurl could not be initialized");
    set_options(curl, uri, &fd, stall_timeout_ns, message);
    CURLcode result = curl_easy_perform(curl);
    if (result != CURLE_OK)
        return error_set(err, 0, "Error downloading resource: %s",
                         message[0] != '\0' ? message : curl_easy_strerror(result));
    bool is_ftp = text_starts_with(uri, "ftp");
    long status = 0;
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    if (status != (is_ftp ? 226 : 200))
        return error_set(err, 0, "Error downloading resource, received %s return code %ld", is_ftp ? "FTP" : "HTTP",
                         status);
    return 0;
}

int download(const char *uri, const char *path, const char *frameworks_home, int64_t stall_timeout_ns,
             struct error *err) {
    while (isspace((unsigned char)*uri))
        uri++;
    cleanup_free char *name = NULL;
    cleanup_free char *local = NULL;
    if (uri_base_name(uri, &name, err) < 0)
        return -1;
    int result = uri_local_path(uri, frameworks_home, &local, err);
    if (result < 0)
        return -1;
    if (result == 0)
        return copy(local, path, err);
    if (uri_is_net(uri))
        return download_net(uri, path, stall_timeout_ns, err);
    return error_set(err, ENOTSUP,
                     "'%s' has a scheme that is fetched with the Hadoop client, which is not supported: only local "
                     "files, http, https, ftp and ftps are",
                     uri);
}
