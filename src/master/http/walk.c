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

/* The first task from walk->next_number on. */
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

static struct task *next_completed(struct task_walk *walk) {
    struct task *task = walk->next == NULL ? find_completed(walk) : walk->next;
    struct list *link;

    if (task == NULL)
        return NULL;
    link = task->in_history.next;
    walk->next = link == &task->framework->completed_tasks ? NULL : container_of(link, struct task, in_history);
    walk->next_number = task->history_number + 1;
    return task;
}

struct task *task_walk_next(struct task_walk *walk) {
    return walk->list == TASKS_COMPLETED ? next_completed(walk) : table_cursor_next(&walk->cursor);
}

void task_walk_pause(struct task_walk *walk) {
    walk->next = NULL;
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
