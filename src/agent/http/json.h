/* SPDX-License-Identifier: Apache-2.0 */
/* Parts of /state in the shapes that upstream gives them (src/common/http.cpp). Each writes one JSON value. */
#pragma once

#include "agent/executor.h"
#include "base/json.h"

void write_resources(struct json_writer *writer, const struct resources *resources);
void write_resource_messages(struct json_writer *writer, Mesos__V1__Resource *const *messages, size_t count);
/* An array of Resource messages as endpoints print them. */
void write_resources_full(struct json_writer *writer, const struct resources *resources);
/* {"role": …} of what is reserved. */
void write_reserved(struct json_writer *writer, const struct resources *resources, bool is_full);
void write_attributes(struct json_writer *writer, Mesos__V1__Attribute *const *attributes, size_t count);
void write_task(struct json_writer *writer, const Mesos__V1__Task *task);
void write_queued_task(struct json_writer *writer, const Mesos__V1__TaskInfo *task);
