/* SPDX-License-Identifier: Apache-2.0 */
/* Files as the calls LIST_FILES tell of them. */
#pragma once

#include "base/arena.h"
#include "event/env.h"
#include "mesos/v1/mesos.pb-c.h"

/* A list that grows in an arena. */
struct file_infos {
    struct arena *arena;
    Mesos__V1__FileInfo **infos;
    size_t count, capacity;
};

/* Append the file @path (copied) with @status. [protobuf::createFileInfo] */
void file_infos_add(struct file_infos *list, const char *path, const struct env_file_status *status);
