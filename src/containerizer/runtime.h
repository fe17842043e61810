/* SPDX-License-Identifier: Apache-2.0 */
/* The runtime directory: what is known of each container outside of any process, in Mesos's layout.
 *
 *     <runtime_dir>/containers/<id>/{config,lock,pid,status,command,sandbox}
 *     <runtime_dir>/containers/<id>/containers/<nested id>/…
 *
 * See monitor.h for the files, posix_recover.c for config. Everything here happens at once: the files are tiny and
 * usually on a tmpfs. */
#pragma once

#include "base/error.h"

/* The directory of the container "<id>" or "<parent>.<id>" below @runtime_dir; the caller frees. Fails if a part of the
 * id can not be a name of a directory. */
int runtime_container_path(const char *runtime_dir, const char *id, char **ret_path, struct error *err);

/* Create the directory and the lock file that its monitor will lock. Fails with EEXIST if the container is there. */
int runtime_create(const char *path, struct error *err);

/* The number in a file of the directory. Returns 1 if the file is missing or empty. */
int runtime_read_number(const char *path, const char *name, int *ret, struct error *err);

/* The target of a link in the directory, which the caller frees; NULL if there is none. */
char *runtime_read_link(const char *path, const char *name);

/* Create a file of the directory that only our user may read. */
int runtime_write(const char *path, const char *name, const void *data, size_t size, struct error *err);

/* Who holds the lock: a monitor's pid, or 0. Returns 1 if there is no lock file. */
int runtime_lock_holder(const char *path, int *ret_pid, struct error *err);

/* The pid of a launcher that holds no lock, as a Mesos agent leaves it: the process of the pid file, if it has not
 * started after that was written. 0 if there is none. */
int runtime_foreign_pid(const char *path);

/* Make sure that a monitor which has not taken its lock yet never will. */
void runtime_give_up(const char *path);

/* Remove the directory with everything in it. */
int runtime_remove(const char *path, struct error *err);
