/* SPDX-License-Identifier: Apache-2.0 */
/* The cluster of a scheduler whose master is "local": a mesos-local of its own, with flags from MESOS_* variables, that
 * ends with the driver, or with the process if that dies first. Its work directory is new and removed at the end,
 * unless MESOS_WORK_DIR names one. */
#pragma once

#include "base/error.h"

struct local_cluster;

/* Start one and wait until its master answers. Blocks: for a driver's own thread. The program mesos-local lies beside
 * the library or in ../bin from there; the variable MESOS_LOCAL_PROGRAM names another. */
struct local_cluster *local_cluster_new(struct error *err);
/* End it and wait for that. Accepts NULL. */
void local_cluster_free(struct local_cluster *cluster);
/* "ip:port" of its master. */
const char *local_cluster_master(const struct local_cluster *cluster);
