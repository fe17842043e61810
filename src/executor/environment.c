/* SPDX-License-Identifier: Apache-2.0 */
#include "executor/environment.h"

#include <string.h>

#include "base/memory.h"

static void append(struct environment *environment, char *entry) {
    if (environment->count + 2 > environment->capacity) {
        environment->capacity = environment->capacity > 0 ? 2 * environment->capacity : 32;
        environment->entries = xrealloc(environment->entries, environment->capacity * sizeof(char *));
    }
    environment->entries[environment->count++] = entry;
    environment->entries[environment->count] = NULL;
}

void environment_init(struct environment *environment, char *const *entries) {
    *environment = (struct environment){0};
    for (; entries != NULL && *entries != NULL; entries++)
        append(environment, xstrdup(*entries));
}

void environment_done(struct environment *environment) {
    for (size_t i = 0; i < environment->count; i++)
        free(environment->entries[i]);
    free(environment->entries);
    *environment = (struct environment){0};
}

static size_t find_index(const struct environment *environment, const char *name) {
    size_t size = strlen(name);
    size_t i = 0;
    while (i < environment->count &&
           (strncmp(environment->entries[i], name, size) != 0 || environment->entries[i][size] != '='))
        i++;
    return i;
}

void environment_set(struct environment *environment, const char *name, const char *value) {
    size_t index = find_index(environment, name);
    if (value == NULL) {
        if (index == environment->count)
            return;
        free(environment->entries[index]);
        environment->entries[index] = environment->entries[--environment->count];
        environment->entries[environment->count] = NULL;
        return;
    }
    char *entry = xasprintf("%s=%s", name, value);
    if (index == environment->count) {
        append(environment, entry);
        return;
    }
    free(environment->entries[index]);
    environment->entries[index] = entry;
}

void environment_merge(struct environment *environment, const Mesos__V1__Environment *message) {
    for (size_t i = 0; message != NULL && i < message->n_variables; i++) {
        const Mesos__V1__Environment__Variable *variable = message->variables[i];
        bool is_secret = variable->has_type && variable->type == MESOS__V1__ENVIRONMENT__VARIABLE__TYPE__SECRET;
        if (!is_secret)
            environment_set(environment, variable->name, variable->value != NULL ? variable->value : "");
    }
}

const char *environment_find(const struct environment *environment, const char *name) {
    size_t index = find_index(environment, name);
    return index == environment->count ? NULL : environment->entries[index] + strlen(name) + 1;
}
