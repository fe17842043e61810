/* SPDX-License-Identifier: Apache-2.0 */
/* Visits of a framework's tasks, offers and executors that go on in later slices of a document.
 *
 * Each visits, in order, what is there when its turn comes: what goes meanwhile may be missed, what stays is visited
 * once. A task that ends while a document is written may be in it twice, once where it ran and once in the history. */
#pragma once

#include "base/buffer.h"
#include "base/table.h"

struct executor;
struct framework;
struct master;
struct offer;
struct task;

enum task_list { TASKS_ACTIVE, TASKS_UNREACHABLE, TASKS_COMPLETED };
#define TASK_LISTS 3

/* So many tasks are looked up ahead of the visit. */
#define TASK_WALK_AHEAD 16

/* Tasks of one framework. The walk cannot be moved. */
struct task_walk {
    struct master *master;
    enum task_list list;
    struct table_cursor cursor; /* active and unreachable ones */
    /* Completed ones */
    char *framework_id;
    struct task *next;    /* until the next pause; NULL: to be found by its number */
    uint64_t next_number; /* of history_number */

    /* Tasks to come, whose memory is being fetched; only until the next pause. */
    struct task *ahead[TASK_WALK_AHEAD];
    size_t ahead_count, visited; /* both since the last pause; the difference is at most TASK_WALK_AHEAD */
    size_t ahead_index;          /* in the table */
};

void task_walk_init(struct task_walk *walk, struct framework *framework, enum task_list list);
void task_walk_done(struct task_walk *walk); /* accepts a zeroed one, which it is afterwards */
/* The next one, or NULL at the end. */
struct task *task_walk_next(struct task_walk *walk);
/* A slice ends: hold nothing that others may release. */
void task_walk_pause(struct task_walk *walk);

/* Things known by one or two ids, from a list that is made at once. */
struct id_walk {
    struct buffer ids; /* of NUL-terminated texts */
    size_t position;
};

void id_walk_done(struct id_walk *walk); /* accepts a zeroed one, which it is afterwards */
void id_walk_add_offers(struct id_walk *walk, const struct framework *framework);
void id_walk_add_executors(struct id_walk *walk, const struct framework *framework);
/* The next that is still there; NULL at the end. */
struct offer *id_walk_next_offer(struct id_walk *walk, const struct master *master);
struct executor *id_walk_next_executor(struct id_walk *walk, const struct master *master);

/* A framework that is known, completed or not; NULL if it is not any more. */
struct framework *framework_find_any(const struct master *master, const char *id);
