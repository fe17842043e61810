/* SPDX-License-Identifier: Apache-2.0 */
/* Resources as Mesos prints them (operator<< in src/common/resources.cpp). */
#include "model/resources_format.h"

#include <string.h>

#include "model/value.h"

static void format_labels(const Mesos__V1__Labels *labels, struct buffer *buffer) {
    buffer_append_char(buffer, '{');
    for (size_t i = 0; i < labels->n_labels; i++) {
        const Mesos__V1__Label *label = labels->labels[i];

        buffer_printf(buffer, "%s%s", i == 0 ? "" : ", ", label->key);
        if (label->value != NULL)
            buffer_printf(buffer, ": %s", label->value);
    }
    buffer_append_char(buffer, '}');
}

static const char *reservation_type_name(Mesos__V1__Resource__ReservationInfo__Type type) {
    switch (type) {
    case MESOS__V1__RESOURCE__RESERVATION_INFO__TYPE__STATIC:
        return "STATIC";
    case MESOS__V1__RESOURCE__RESERVATION_INFO__TYPE__DYNAMIC:
        return "DYNAMIC";
    default:
        return "UNKNOWN";
    }
}

static void format_reservations(const Mesos__V1__Resource *message, struct buffer *buffer) {
    buffer_append_string(buffer, "(reservations: [");
    for (size_t i = 0; i < message->n_reservations; i++) {
        const Mesos__V1__Resource__ReservationInfo *info = message->reservations[i];

        buffer_printf(buffer, "%s(%s,%s", i == 0 ? "" : ",", reservation_type_name(info->type),
                      info->role == NULL ? "" : info->role);
        if (info->principal != NULL)
            buffer_printf(buffer, ",%s", info->principal);
        if (info->labels != NULL) {
            buffer_append_char(buffer, ',');
            format_labels(info->labels, buffer);
        }
        buffer_append_char(buffer, ')');
    }
    buffer_append_string(buffer, "])");
}

static const char *or_empty(const char *text) {
    return text == NULL ? "" : text;
}

static void format_source(const Mesos__V1__Resource__DiskInfo__Source *source, struct buffer *buffer) {
    static const char *const names[] = {"UNKNOWN", "PATH", "MOUNT", "BLOCK", "RAW"};
    size_t type = (size_t)source->type < ARRAY_SIZE(names) ? (size_t)source->type : 0;

    buffer_append_string(buffer, names[type]);
    if (type == DISK_UNKNOWN)
        return;
    if (source->id != NULL || source->profile != NULL)
        buffer_printf(buffer, "(%s,%s,%s)", or_empty(source->vendor), or_empty(source->id), or_empty(source->profile));
    else if (type == DISK_PATH && source->path != NULL && source->path->root != NULL)
        buffer_printf(buffer, ":%s", source->path->root);
    else if (type == DISK_MOUNT && source->mount != NULL && source->mount->root != NULL)
        buffer_printf(buffer, ":%s", source->mount->root);
}

static void format_volume(const Mesos__V1__Volume *volume, struct buffer *buffer) {
    if (volume->host_path != NULL)
        buffer_printf(buffer, "%s:", volume->host_path);
    buffer_append_string(buffer, or_empty(volume->container_path));
    if (volume->host_path != NULL)
        buffer_append_string(buffer, volume->mode == MESOS__V1__VOLUME__MODE__RO ? ":ro" : ":rw");
}

static void format_disk(const Mesos__V1__Resource__DiskInfo *disk, struct buffer *buffer) {
    buffer_append_char(buffer, '[');
    if (disk->source != NULL)
        format_source(disk->source, buffer);
    if (disk->persistence != NULL)
        buffer_printf(buffer, "%s%s", disk->source == NULL ? "" : ",", disk->persistence->id);
    if (disk->volume != NULL) {
        buffer_append_char(buffer, ':');
        format_volume(disk->volume, buffer);
    }
    buffer_append_char(buffer, ']');
}

void resource_metadata_format(const Mesos__V1__Resource *message, const char *allocation_role, struct buffer *buffer) {
    buffer_append_string(buffer, message->name);
    if (allocation_role != NULL)
        buffer_printf(buffer, "(allocated: %s)", allocation_role);
    if (message->n_reservations > 0)
        format_reservations(message, buffer);
    if (message->disk != NULL)
        format_disk(message->disk, buffer);
    if (message->revocable != NULL)
        buffer_append_string(buffer, "{REV}");
    if (message->shared != NULL)
        buffer_append_string(buffer, "<SHARED>");
    buffer_append_char(buffer, ':');
}

void resource_message_format(const Mesos__V1__Resource *message, struct buffer *buffer) {
    resource_metadata_format(message, message->allocation_info == NULL ? NULL : message->allocation_info->role, buffer);
    switch (message->type) {
    case MESOS__V1__VALUE__TYPE__SCALAR:
        scalar_format(message->scalar == NULL ? 0 : scalar_from_double(message->scalar->value), buffer);
        break;
    case MESOS__V1__VALUE__TYPE__RANGES:
        buffer_append_char(buffer, '[');
        for (size_t i = 0; message->ranges != NULL && i < message->ranges->n_range; i++)
            buffer_printf(buffer, "%s%ju-%ju", i == 0 ? "" : ", ", (uintmax_t)message->ranges->range[i]->begin,
                          (uintmax_t)message->ranges->range[i]->end);
        buffer_append_char(buffer, ']');
        break;
    default:
        buffer_append_char(buffer, '{');
        for (size_t i = 0; message->set != NULL && i < message->set->n_item; i++)
            buffer_printf(buffer, "%s%s", i == 0 ? "" : ", ", message->set->item[i]);
        buffer_append_char(buffer, '}');
        break;
    }
}

void resource_format(const struct resource *resource, struct buffer *buffer) {
    resource_metadata_format(resource->kind->message, resource->allocation_role, buffer);
    switch (resource->kind->type) {
    case RESOURCE_SCALAR:
        scalar_format(resource->scalar, buffer);
        break;
    case RESOURCE_RANGES:
        ranges_format(resource->ranges, buffer);
        break;
    case RESOURCE_SET:
        items_format(resource->set, buffer);
        break;
    }
    if (resource->kind->is_shared)
        buffer_printf(buffer, "<%d>", (int)resource->shared_count);
}

void resources_format(const struct resources *resources, struct buffer *buffer) {
    if (resources->count == 0)
        buffer_append_string(buffer, "{}");
    for (size_t i = 0; i < resources->count; i++) {
        if (i > 0)
            buffer_append_string(buffer, "; ");
        resource_format(&resources->items[i], buffer);
    }
}

char *resources_text(const struct resources *resources) {
    struct buffer buffer = BUFFER_INIT;

    resources_format(resources, &buffer);
    return buffer_take(&buffer, NULL);
}
