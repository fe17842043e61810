/* SPDX-License-Identifier: Apache-2.0 */
/* How parts of resources are printed. Internal to src/model. */
#pragma once

#include "model/resources.h"

/* Everything of @message before its amount, with the colon. @allocation_role may be NULL. */
void resource_metadata_format(const Mesos__V1__Resource *message, const char *allocation_role, struct buffer *buffer);
/* A message that may not be valid. */
void resource_message_format(const Mesos__V1__Resource *message, struct buffer *buffer);
