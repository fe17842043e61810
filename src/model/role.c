/* SPDX-License-Identifier: Apache-2.0 */
#include "model/role.h"

#include <string.h>

/* White space and delete, as Mesos lists them. */
static const char forbidden[] = "\x09\x0a\x0b\x0c\x0d\x20\x7f";

static int validate_component(const char *role, const char *component, size_t size, struct error *err) {
    if (size == 1 && component[0] == '.')
        return error_set(err, 0, "Role '%s' cannot include '.' as a component", role);
    if (size == 2 && component[0] == '.' && component[1] == '.')
        return error_set(err, 0, "Role '%s' cannot include '..' as a component", role);
    if (size == 1 && component[0] == '*')
        return error_set(err, 0, "Role '%s' cannot include '*' as a component", role);
    if (component[0] == '-')
        return error_set(err, 0, "Role component '%.*s' is invalid because it starts with a dash", (int)size,
                         component);
    if (strcspn(component, forbidden) < size)
        return error_set(err, 0, "Role component '%.*s' is invalid because it contains backspace or whitespace",
                         (int)size, component);
    return 0;
}

int role_validate(const char *role, struct error *err) {
    size_t size = strlen(role);

    if (role_is_default(role))
        return 0;
    if (role[0] == '/')
        return error_set(err, 0, "Role '%s' cannot start with a slash", role);
    if (size > 0 && role[size - 1] == '/')
        return error_set(err, 0, "Role '%s' cannot end with a slash", role);
    if (strstr(role, "//") != NULL)
        return error_set(err, 0, "Role '%s' cannot contain two adjacent slashes", role);
    if (size == 0)
        return error_set(err, 0, "Role names cannot be the empty string");
    for (const char *component = role;;) {
        size_t component_size = strcspn(component, "/");

        if (validate_component(role, component, component_size, err) < 0)
            return -1;
        if (component[component_size] == '\0')
            return 0;
        component += component_size + 1;
    }
}

bool role_is_below(const char *role, const char *ancestor) {
    size_t size = strlen(ancestor);

    return strncmp(role, ancestor, size) == 0 && role[size] == '/';
}

bool role_is_in(const char *role, const char *ancestor) {
    size_t size = strlen(ancestor);

    return strncmp(role, ancestor, size) == 0 && (role[size] == '/' || role[size] == '\0');
}

bool role_is_hierarchical(const char *role) {
    return strchr(role, '/') != NULL;
}

size_t role_parent_size(const char *role) {
    const char *slash = strrchr(role, '/');

    return slash == NULL ? 0 : (size_t)(slash - role);
}
