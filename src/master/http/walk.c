/* SPDX-License-Identifier: Apache-2.0 */
#include "master/http/walk.h"

#include <string.h>

#include "master/agent.h"
#include "master/framework.h"
#include "master/master.h"

struct framework *framework_find_any(const struct master *master, const char *id) {
    struct framework *framework = framework_find(master, id);

    return framework != NULL ? framework : table_find(&master->completed_frameworks, id);
}

/* Tasks */

void task_walk_init(struct task_walk *walk, struct framework *framework, enum task_list list) {
    *walk = (struct task_walk){.master = framework->master, .list = list};
    switch (list) {
    case TASKS_ACTIVE:
        table_cursor_init(&walk->cursor, &framework->tasks);
        break;
    case TASKS_UNREACHABLE:
        table_cursor_init(&walk->cursor, &framework->unreachable_tasks);
        break;
    case TASKS_COMPLETED:
        walk->framework_id = xstrdup(framework->id);
        break;
    }
}

void task_walk_done(struct task_walk *walk) {
    table_cursor_done(&walk->cursor);
    free(walk->framework_id);
    *walk = (struct task_walk){0};
}

/* The first task of the history from walk->next_number on. */
static struct task *find_completed(const struct task_walk *walk) {
    struct framework *framework = framework_find_any(walk->master, walk->framework_id);
    struct task *task;

    if (framework == NULL)
        return NULL;
    list_for_each (&framework->completed_tasks, task, in_history) {
        if (task->history_number >= walk->next_number)
            return task;
    }
    return NULL;
}

static struct task *completed_after(const struct task *task) {
    struct list *link = task->in_history.next;

    return link == &task->framework->completed_tasks ? NULL : container_of(link, struct task, in_history);
}

static struct task *next_completed(struct task_walk *walk) {
    struct task *task = walk->next == NULL ? find_completed(walk) : walk->next;

    if (task == NULL)
        return NULL;
    walk->next = completed_after(task);
    walk->next_number = task->history_number + 1;
    return task;
}

/* Fetching ahead. A task is spread over some ten pieces of memory that are seldom in a cache, and most of the time
 * of a visit would be spent waiting for them one after the other. Each piece is asked for as soon as the one that
 * points to it is likely to be there. */

enum { LINE_BYTES = 64, TASK_LINES = sizeof(struct task) / LINE_BYTES + 2, MESSAGE_LINES = 5, STATUS_LINES = 5 };

/* Lines that are not there do no harm; hence the addresses are numbers. */
static void fetch(const void *memory, size_t lines) {
    for (size_t i = 0; i < lines; i++)
        __builtin_prefetch((const void *)((uintptr_t)memory + i * LINE_BYTES));
}

static void fetch_parts(const struct task *task) {
    if (task == NULL)
        return;
    fetch(task->extras, MESSAGE_LINES);
    fetch(task->resources.items, 2);
}

static void fetch_more_parts(const struct task *task) {
    if (task == NULL)
        return;
    fetch(task->statuses.bytes, STATUS_LINES);
    fetch(task->agent_id, 1);
}

/* The task after the last one that was looked up ahead; NULL at the end. */
static struct task *next_ahead(struct task_walk *walk) {
    struct task *last;

    if (walk->list != TASKS_COMPLETED) {
        if (walk->cursor.table == NULL)
            return NULL;
        if (walk->ahead_count == 0)
            walk->ahead_index = walk->cursor.index;
        return table_next(walk->cursor.table, &walk->ahead_index);
    }
    if (walk->ahead_count == 0)
        return walk->next;
    last = walk->ahead[(walk->ahead_count - 1) % TASK_WALK_AHEAD];
    return last == NULL ? NULL : completed_after(last);
}

static void look_ahead(struct task_walk *walk) {
    const size_t step = TASK_WALK_AHEAD / 4;

    while (walk->ahead_count < walk->visited + TASK_WALK_AHEAD) {
        struct task *task = next_ahead(walk);
        size_t at = walk->ahead_count;

        walk->ahead[at % TASK_WALK_AHEAD] = task;
        walk->ahead_count++;
        if (task != NULL)
            fetch(task, TASK_LINES);
        if (at >= step)
            fetch_parts(walk->ahead[(at - step) % TASK_WALK_AHEAD]);
        if (at >= 2 * step)
            fetch_more_parts(walk->ahead[(at - 2 * step) % TASK_WALK_AHEAD]);
    }
}

struct task *task_walk_next(struct task_walk *walk) {
    struct task *task = walk->list == TASKS_COMPLETED ? next_completed(walk) : table_cursor_next(&walk->cursor);

    if (task != NULL) {
        look_ahead(walk);
        walk->visited++;
    }
    return task;
}

void task_walk_pause(struct task_walk *walk) {
    walk->next = NULL;
    walk->ahead_count = walk->visited = 0;
}

/* Offers and executors */

void id_walk_done(struct id_walk *walk) {
    buffer_done(&walk->ids);
    *walk = (struct id_walk){0};
}

static void add_id(struct id_walk *walk, const char *id) {
    buffer_append(&walk->ids, id, strlen(id) + 1);
}

static const char *next_id(struct id_walk *walk) {
    const char *id;

    if (walk->position == walk->ids.size)
        return NULL;
    id = walk->ids.data + walk->position;
    walk->position += strlen(id) + 1;
    return id;
}

void id_walk_add_offers(struct id_walk *walk, const struct framework *framework) {
    const struct offer *offer;

    list_for_each (&framework->offers, offer, in_framework)
        add_id(walk, offer->id);
}

void id_walk_add_executors(struct id_walk *walk, const struct framework *framework) {
    const struct executor *executor;

    list_for_each (&framework->executors, executor, in_framework) {
        add_id(walk, executor->agent->id);
        add_id(walk, executor->key);
    }
}

struct offer *id_walk_next_offer(struct id_walk *walk, const struct master *master) {
    for (;;) {
        const char *id = next_id(walk);
        struct offer *offer = id == NULL ? NULL : offer_find(master, id);

        if (id == NULL || offer != NULL)
            return offer;
    }
}

struct executor *id_walk_next_executor(struct id_walk *walk, const struct master *master) {
    for (;;) {
        const char *agent_id = next_id(walk);
        const char *key = agent_id == NULL ? NULL : next_id(walk);
        struct agent *agent = agent_id == NULL ? NULL : agent_find(master, agent_id);
        struct executor *executor = agent == NULL ? NULL : table_find(&agent->executors, key);

        if (agent_id == NULL || executor != NULL)
            return executor;
    }
}
