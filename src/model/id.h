/* SPDX-License-Identifier: Apache-2.0 */
/* Ids that peers choose (frameworks, executors, tasks, agents, containers). They become folder names. */
#pragma once

#include <stdint.h>

#include "base/error.h"

#define ID_LIMIT_BYTES 255

/* Whether @id can be used: not empty, at most 255 bytes, not "." or "..", no control characters and no slash or
 * backslash (src/common/validation.cpp, validateID()). The error is that of Mesos. */
int id_validate(const char *id, struct error *err);

/* As id_validate() for bytes that may contain NUL. */
int id_validate_sized(const char *id, size_t size, struct error *err);
