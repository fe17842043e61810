/* SPDX-License-Identifier: Apache-2.0 */
#include "containerizer/uri.h"

#include <errno.h>
#include <string.h>

#include "base/text.h"

int uri_base_name(const char *uri, char **ret_name, struct error *err) {
    if (strpbrk(uri, "\\'") != NULL)
        return error_set(err, EINVAL, "Illegal characters in URI");
    const char *path = uri;
    const char *scheme = strstr(uri, "://");
    if (scheme != NULL && scheme - uri > 1) {
        path = strchr(scheme + 3, '/');
        if (path == NULL || path[1] == '\0')
            return error_set(err, EINVAL, "Malformed URI (missing path): %s", uri);
    }
    const char *name = path_base(path);
    if (!path_is_component(name))
        return error_set(err, EINVAL, "Malformed URI (no file name): %s", uri);
    *ret_name = xstrdup(name);
    return 0;
}

int uri_check_output_file(const char *path, struct error *err) {
    if (path[0] == '\0')
        return error_set(err, EINVAL, "URI output file path is empty");
    if (path[0] == '/')
        return error_set(err, EINVAL, "URI output file must be within the sandbox directory");
    for (const char *part = path; *part != '\0';) {
        size_t size = strcspn(part, "/");
        cleanup_free char *name = xstrndup(part, size);
        if (size > 0 && !path_is_component(name) && strcmp(name, ".") != 0)
            return error_set(err, EINVAL, "URI output file must be within the sandbox directory");
        part += size + (part[size] == '/');
    }
    if (!path_is_component(path_base(path)))
        return error_set(err, EINVAL, "URI output file '%s' is no name of a file", path);
    return 0;
}

int uri_local_path(const char *uri, const char *frameworks_home, char **ret_path, struct error *err) {
    bool is_file = text_starts_with(uri, "file://");
    if (!is_file && strstr(uri, "://") != NULL)
        return 1;
    const char *path = is_file ? uri + strlen("file://") : uri;
    if (is_file && text_starts_with(path, "localhost"))
        path += strlen("localhost");
    if (path[0] == '/') {
        *ret_path = xstrdup(path);
        return 0;
    }
    if (is_file)
        return error_set(err, EINVAL, "File URI only supports absolute paths");
    if (frameworks_home == NULL || frameworks_home[0] == '\0')
        return error_set(err, EINVAL,
                         "A relative path was passed for the resource but the frameworks home was not specified");
    *ret_path = path_join(frameworks_home, path);
    return 0;
}

bool uri_is_net(const char *uri) {
    static const char *const schemes[] = {"http://", "https://", "ftp://", "ftps://"};
    for (size_t i = 0; i < ARRAY_SIZE(schemes); i++) {
        if (text_starts_with(uri, schemes[i]))
            return true;
    }
    return false;
}
