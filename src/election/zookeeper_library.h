/* SPDX-License-Identifier: Apache-2.0 */
/* The C library of ZooKeeper, the one with threads. Its header has a struct of a name that is ours too. */
#pragma once

#define THREADED
#define buffer jute_buffer
#include <zookeeper/zookeeper.h>
#undef buffer

/* For zookeeper_init2(): the library's warnings and errors become lines of our log. */
void zookeeper_log(const char *line);
