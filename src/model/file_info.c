/* SPDX-License-Identifier: Apache-2.0 */
#include "model/file_info.h"

#include <string.h>

void file_infos_add(struct file_infos *list, const char *path, const struct env_file_status *status) {
    Mesos__V1__FileInfo *info = arena_alloc(list->arena, sizeof(*info));
    Mesos__V1__TimeInfo *modified = arena_alloc(list->arena, sizeof(*modified));

    mesos__v1__file_info__init(info);
    mesos__v1__time_info__init(modified);
    modified->nanoseconds = status->modified_ns / SECOND * SECOND;
    info->path = arena_strdup(list->arena, path);
    info->has_nlink = info->has_size = info->has_mode = true;
    info->nlink = (int32_t)status->links;
    info->size = status->size;
    info->mtime = modified;
    info->mode = status->mode;
    info->uid = arena_strdup(list->arena, status->user);
    info->gid = arena_strdup(list->arena, status->group);
    if (list->count == list->capacity) {
        Mesos__V1__FileInfo **infos;

        list->capacity = list->capacity == 0 ? 16 : 2 * list->capacity;
        infos = arena_alloc(list->arena, list->capacity * sizeof(infos[0]));
        if (list->count > 0)
            memcpy(infos, list->infos, list->count * sizeof(infos[0]));
        list->infos = infos;
    }
    list->infos[list->count++] = info;
}
