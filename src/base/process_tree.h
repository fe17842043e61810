/* SPDX-License-Identifier: Apache-2.0 */
/* The processes of this machine as /proc shows them, and whole trees of them: to be counted and to be killed. */
#pragma once

#include <stdint.h>

#include "base/error.h"

struct process_info {
    int pid, parent, group, session;
    char state; /* 'R', 'S', 'Z', … */
    int threads;
    uint64_t user_ticks, system_ticks; /* of sysconf(_SC_CLK_TCK) a second */
    uint64_t start_ticks;              /* since boot */
    uint64_t rss_pages;
};

/* One look at /proc, sorted by pid. */
struct process_table {
    struct process_info *items;
    size_t count, capacity;
};

int process_table_read(struct process_table *table, struct error *err); /* replaces what it held */
void process_table_done(struct process_table *table);
const struct process_info *process_table_find(const struct process_table *table, int pid); /* or NULL */

/* Read one process. Returns -1 if there is none. */
int process_info_read(int pid, struct process_info *ret);

/* The child that the main thread of @pid has had for longest; 0 if there is none. */
int process_first_child(int pid);

/* Which processes belong to a tree besides the descendants of its root. */
enum process_tree_reach {
    PROCESS_TREE_DESCENDANTS = 0,
    PROCESS_TREE_GROUPS = 1,   /* the process groups of its members */
    PROCESS_TREE_SESSIONS = 2, /* the sessions of its members */
};

struct process_list {
    int *pids;
    size_t count, capacity;
};

void process_list_done(struct process_list *list);
bool process_list_has(const struct process_list *list, int pid);

/* The pids of the tree at @root, root first, in @ret (which is emptied before). The caller, its group and its session
 * are never reached by way of groups and sessions. Empty if there is no such process. */
void process_table_tree(const struct process_table *table, int root, unsigned reach, struct process_list *ret);

/* Send @signal to the whole tree at @root, as Mesos's killtree does: everything is stopped first, looking again until
 * no new process is found, so that nobody forks away in between; then it gets the signal and goes on. The pids are left
 * in @ret (which may be NULL). */
int process_tree_signal(int root, int signal, unsigned reach, struct process_list *ret, struct error *err);

/* As process_tree_signal() for everything below the calling process, without it; never by groups and sessions. */
int process_tree_signal_children(int signal, struct process_list *ret, struct error *err);

/* How a process ended, from its wait(2) status, as Mesos words it: "exited with status 1", "terminated with signal
 * Killed". The caller frees. */
char *wait_status_format(int status);
