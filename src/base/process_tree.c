/* SPDX-License-Identifier: Apache-2.0 */
#include "base/process_tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

/* A tree that still grows after so many looks is signalled as far as it is known. */
#define LOOKS_MOST 200

/* The fields of /proc/<pid>/stat after the name, which is in parentheses and may contain anything. */
static int parse_stat(const char *text, struct process_info *ret) {
    struct process_info info = {0};
    const char *rest = strrchr(text, ')');
    if (rest == NULL)
        return -1;
    unsigned long user, system, rss;
    unsigned long long start;
    long threads;
    int found = sscanf(rest + 1,
                       " %c %d %d %d %*d %*d %*u %*u %*u %*u %*u %lu %lu %*d %*d %*d %*d %ld %*d %llu %*u %lu",
                       &info.state, &info.parent, &info.group, &info.session, &user, &system, &threads, &start, &rss);
    if (found != 9)
        return -1;
    info.pid = (int)strtol(text, NULL, 10);
    info.user_ticks = user;
    info.system_ticks = system;
    info.threads = (int)threads;
    info.start_ticks = start;
    info.rss_pages = rss;
    *ret = info;
    return 0;
}

static int read_stat(int proc_fd, const char *path, struct process_info *ret) {
    cleanup_close int fd = openat(proc_fd, path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -1;
    char text[1024];
    ssize_t size = read(fd, text, sizeof(text) - 1);
    if (size <= 0)
        return -1;
    text[size] = '\0';
    return parse_stat(text, ret);
}

int process_info_read(int pid, struct process_info *ret) {
    char path[32];
    snprintf(path, sizeof(path), "/proc/%d/stat", pid);
    return read_stat(AT_FDCWD, path, ret);
}

int process_first_child(int pid) {
    char path[64], text[32];
    ssize_t size;

    snprintf(path, sizeof(path), "/proc/%d/task/%d/children", pid, pid);
    cleanup_close int fd = open(path, O_RDONLY | O_CLOEXEC);
    size = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
    if (size <= 0)
        return 0;
    text[size] = '\0';
    return (int)strtol(text, NULL, 10);
}

static int compare_pids(const void *a, const void *b) {
    const struct process_info *left = a, *right = b;
    return (left->pid > right->pid) - (left->pid < right->pid);
}

static void close_directory(DIR **directory) {
    if (*directory != NULL)
        closedir(*directory);
}

int process_table_read(struct process_table *table, struct error *err) {
    cleanup_(close_directory) DIR *directory = opendir("/proc");
    if (directory == NULL)
        return error_errno(err, "reading /proc");
    table->count = 0;
    const struct dirent *entry;
    while ((entry = readdir(directory)) != NULL) {
        if (entry->d_name[0] < '1' || entry->d_name[0] > '9')
            continue;
        char path[sizeof(entry->d_name) + sizeof("/stat")];
        snprintf(path, sizeof(path), "%s/stat", entry->d_name);
        struct process_info info;
        if (read_stat(dirfd(directory), path, &info) < 0)
            continue; /* it has ended meanwhile */
        if (table->count == table->capacity) {
            table->capacity = table->capacity > 0 ? 2 * table->capacity : 256;
            table->items = xrealloc(table->items, table->capacity * sizeof(table->items[0]));
        }
        table->items[table->count++] = info;
    }
    if (table->count > 0)
        qsort(table->items, table->count, sizeof(table->items[0]), compare_pids);
    return 0;
}

void process_table_done(struct process_table *table) {
    free(table->items);
    *table = (struct process_table){0};
}

const struct process_info *process_table_find(const struct process_table *table, int pid) {
    if (table->count == 0)
        return NULL;
    struct process_info key = {.pid = pid};
    return bsearch(&key, table->items, table->count, sizeof(table->items[0]), compare_pids);
}

void process_list_done(struct process_list *list) {
    free(list->pids);
    *list = (struct process_list){0};
}

static void process_list_add(struct process_list *list, int pid) {
    if (list->count == list->capacity) {
        list->capacity = list->capacity > 0 ? 2 * list->capacity : 16;
        list->pids = xrealloc(list->pids, list->capacity * sizeof(list->pids[0]));
    }
    list->pids[list->count++] = pid;
}

bool process_list_has(const struct process_list *list, int pid) {
    for (size_t i = 0; i < list->count; i++) {
        if (list->pids[i] == pid)
            return true;
    }
    return false;
}

/* A walk over a table: which entries have been reached. */
struct walk {
    const struct process_table *table;
    bool *reached; /* by position in the table */
    struct process_list *list;
    int own_pid, own_group, own_session;
};

static void reach(struct walk *walk, size_t index) {
    if (!walk->reached[index] && walk->table->items[index].pid != walk->own_pid) {
        walk->reached[index] = true;
        process_list_add(walk->list, walk->table->items[index].pid);
    }
}

/* Everything that hangs on one member. */
static void reach_from(struct walk *walk, const struct process_info *member, unsigned how) {
    bool by_group = (how & PROCESS_TREE_GROUPS) && member->group > 1 && member->group != walk->own_group;
    bool by_session = (how & PROCESS_TREE_SESSIONS) && member->session > 1 && member->session != walk->own_session;
    for (size_t i = 0; i < walk->table->count; i++) {
        const struct process_info *other = &walk->table->items[i];
        if (other->parent == member->pid || (by_group && other->group == member->group) ||
            (by_session && other->session == member->session))
            reach(walk, i);
    }
}

static void walk_from(struct walk *walk, unsigned how, size_t next) {
    for (; next < walk->list->count; next++) {
        const struct process_info *member = process_table_find(walk->table, walk->list->pids[next]);
        if (member != NULL)
            reach_from(walk, member, how);
    }
}

void process_table_tree(const struct process_table *table, int root, unsigned how, struct process_list *ret) {
    ret->count = 0;
    const struct process_info *first = process_table_find(table, root);
    if (first == NULL)
        return;
    cleanup_free bool *reached = xcalloc(table->count, sizeof(bool));
    struct walk walk = {table, reached, ret, getpid(), getpgrp(), getsid(0)};
    reach(&walk, first - table->items);
    walk_from(&walk, how, 0);
}

static void tree_below_caller(const struct process_table *table, struct process_list *ret) {
    ret->count = 0;
    cleanup_free bool *reached = xcalloc(table->count, sizeof(bool));
    struct walk walk = {table, reached, ret, getpid(), getpgrp(), getsid(0)};
    struct process_info caller = {.pid = walk.own_pid};
    reach_from(&walk, &caller, PROCESS_TREE_DESCENDANTS);
    walk_from(&walk, PROCESS_TREE_DESCENDANTS, 0);
}

/* Stop what is in @found and not yet in @stopped; returns how many those were. */
static size_t stop_new(const struct process_list *found, struct process_list *stopped) {
    size_t fresh = 0;
    for (size_t i = 0; i < found->count; i++) {
        if (process_list_has(stopped, found->pids[i]))
            continue;
        kill(found->pids[i], SIGSTOP);
        process_list_add(stopped, found->pids[i]);
        fresh++;
    }
    return fresh;
}

/* @root 0: everything below the caller. */
static int signal_tree(int root, int signal, unsigned how, struct process_list *ret, struct error *err) {
    cleanup_(process_table_done) struct process_table table = {0};
    cleanup_(process_list_done) struct process_list found = {0}, stopped = {0};
    int result = 0;
    for (int look = 0; look < LOOKS_MOST; look++) {
        result = process_table_read(&table, err);
        if (result < 0)
            break;
        if (root == 0)
            tree_below_caller(&table, &found);
        else
            process_table_tree(&table, root, how, &found);
        if (stop_new(&found, &stopped) == 0)
            break;
    }
    for (size_t i = 0; i < stopped.count; i++)
        kill(stopped.pids[i], signal);
    for (size_t i = 0; i < stopped.count && signal != SIGKILL && signal != SIGSTOP; i++)
        kill(stopped.pids[i], SIGCONT);
    if (ret != NULL) {
        struct process_list swap = *ret;
        *ret = stopped;
        stopped = swap;
    }
    return result;
}

int process_tree_signal(int root, int signal, unsigned how, struct process_list *ret, struct error *err) {
    if (root <= 1)
        return error_set(err, EINVAL, "%d is no process that may be signalled", root);
    return signal_tree(root, signal, how, ret, err);
}

int process_tree_signal_children(int signal, struct process_list *ret, struct error *err) {
    return signal_tree(0, signal, PROCESS_TREE_DESCENDANTS, ret, err);
}

char *wait_status_format(int status) {
    if (WIFEXITED(status))
        return xasprintf("exited with status %d", WEXITSTATUS(status));
    return xasprintf("terminated with signal %s%s", strsignal(WTERMSIG(status)),
                     WCOREDUMP(status) ? " (core dumped)" : "");
}
