/* SPDX-License-Identifier: Apache-2.0 */
/* What the URIs of a command may look like; the rules of Mesos's fetcher. */
#pragma once

#include "base/error.h"

/* The file name a URI is saved under: what follows its last slash, whatever else is in there. The caller frees. */
int uri_base_name(const char *uri, char **ret_name, struct error *err);

/* Whether CommandInfo.URI.output_file stays in the sandbox: relative, and without "..". */
int uri_check_output_file(const char *path, struct error *err);

/* The path a URI without a scheme or with file:// stands for, in @ret_path, which the caller frees. Returns 1 if the
 * URI is no local one. @frameworks_home: where relative paths start; NULL: they are refused. */
int uri_local_path(const char *uri, const char *frameworks_home, char **ret_path, struct error *err);

/* http://, https://, ftp://, ftps:// */
bool uri_is_net(const char *uri);
