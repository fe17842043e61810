/* SPDX-License-Identifier: Apache-2.0 */
/* The sandboxes that the agent shows through its files endpoints. */
#pragma once

#include "process/files.h"

/* Their user is the agent. A sandbox is shown by its own path, by that of its executor's latest run, and as
 * "/frameworks/<framework>/executors/<executor>/runs/latest", for as long as it is there. Upstream does not show one
 * whose executor an earlier life of the agent has completed. */
extern const struct files_ops sandbox_files_ops;
