/* SPDX-License-Identifier: Apache-2.0 */
/* One URI to one file. */
#pragma once

#include <stdint.h>

#include "base/error.h"

/* Copy or download @uri to the file @path, which is replaced; a link at @path is not followed.
 * @frameworks_home: where relative paths start, or NULL. @stall_timeout_ns: how long a transfer may stand still; 0: for
 * ever. */
int download(const char *uri, const char *path, const char *frameworks_home, int64_t stall_timeout_ns,
             struct error *err);
