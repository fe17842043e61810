/* SPDX-License-Identifier: Apache-2.0 */
/* What /version, /state and --version say about this build. */
#pragma once

#include "base/json.h"

struct version {
    const char *number;     /* of the Mesos release whose behaviour this is: "1.11.0" */
    const char *git_tag;    /* the same */
    const char *git_sha;    /* NULL if it was not built from a repository */
    const char *build_date; /* "2026-11-24 18:30:00", UTC: of the commit it was built from */
    double build_time;      /* the same, seconds since the epoch */
    const char *build_user;
};

const struct version *version_get(void);

/* The object that /version answers: all members by name. */
void version_write_json(struct json_writer *writer);
/* The same members in the order in which /state begins, for an object that is open. */
void version_write_members(struct json_writer *writer);
