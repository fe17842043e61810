/* SPDX-License-Identifier: Apache-2.0 */
/* The C library of ZooKeeper, the one with threads. Its header has a struct of a name that is ours too. */
#pragma once

#define THREADED
#define buffer jute_buffer
#include <zookeeper/zookeeper.h>
#undef buffer

/* For zookeeper_init2(): the library's warnings and errors become lines of our log. */
void zookeeper_log(const char *line);
/* What to give to zookeeper_init2() for "host1:port1,host2:port2": an odd number of servers, the first one once more if
 * need be. After each failure the library passes over one server, so that of an even number it would try every second
 * one only, and if they are all away without a pause. The caller frees it. */
char *zookeeper_odd_servers(const char *servers);
