/* SPDX-License-Identifier: Apache-2.0 */
/* Archives, extracted so that nothing leaves the destination. */
#pragma once

#include "base/error.h"

/* Whether the name is one of an archive: .tar, .tgz, .tar.gz, .tbz2, .tar.bz2, .txz, .tar.xz, .zip, .gz */
bool archive_is_name(const char *path);

/* Extract @path into the directory @destination. Refused, with what was extracted before left in place: members that
 * are absolute or have "..", links that lead out of @destination, members that would be written through a link, and
 * devices, pipes and sockets. Set-user-id bits are dropped. A plain .gz becomes one file without the suffix. */
int archive_extract(const char *path, const char *destination, struct error *err);
