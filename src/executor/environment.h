/* SPDX-License-Identifier: Apache-2.0 */
/* The environment of a task: "NAME=value" entries, each name once. */
#pragma once

#include "mesos/v1/mesos.pb-c.h"

struct environment {
    char **entries; /* NULL-terminated once it is not empty; owned */
    size_t count, capacity;
};

/* A copy of @entries (NULL-terminated; may be NULL). */
void environment_init(struct environment *environment, char *const *entries);
void environment_done(struct environment *environment);

/* Set one variable, or remove it if @value is NULL. */
void environment_set(struct environment *environment, const char *name, const char *value);
/* Set those of a message (which may be NULL). Secrets that nobody has resolved are passed over, as Mesos does. */
void environment_merge(struct environment *environment, const Mesos__V1__Environment *message);
const char *environment_find(const struct environment *environment, const char *name); /* or NULL */
