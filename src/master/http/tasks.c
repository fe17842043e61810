/* SPDX-License-Identifier: Apache-2.0 */
/* /tasks: the tasks of all frameworks, the latest first, a page at a time.
 *
 * The page is found by one visit of all tasks that keeps no more than what may be on it or before it; then its tasks
 * are looked up again and written. */
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "master/framework.h"
#include "master/http/endpoints.h"
#include "master/http/model.h"
#include "master/http/walk.h"

#define DEFAULT_LIMIT 100

struct candidate {
    double timestamp; /* of the first status */
    bool has_status;
    uint64_t number; /* in the order of the visit */
    char *framework_id, *task_id;
    uint64_t history_number;
    enum task_list list;
};

struct tasks_document {
    struct document document;
    struct master *master;
    bool is_ascending;
    size_t offset, limit;
    const char *only_framework, *only_task;

    struct table_cursor cursor;
    bool is_among_completed;
    char *framework_id; /* that is being visited, or NULL */
    enum task_list list;
    struct task_walk tasks;
    uint64_t visited;

    struct candidate *candidates;
    size_t count, capacity, position;
    bool is_writing;
};

/* The order of the page [TaskComparator]: ascending, tasks without a status come first. */

static int compare_ascending(const void *a, const void *b) {
    const struct candidate *left = a, *right = b;

    if (left->has_status != right->has_status)
        return left->has_status ? 1 : -1;
    if (left->has_status && left->timestamp != right->timestamp)
        return left->timestamp < right->timestamp ? -1 : 1;
    return left->number < right->number ? -1 : left->number > right->number;
}

static int compare_descending(const void *a, const void *b) {
    const struct candidate *left = a, *right = b;

    if (left->has_status != right->has_status)
        return left->has_status ? -1 : 1;
    if (left->has_status && left->timestamp != right->timestamp)
        return left->timestamp > right->timestamp ? -1 : 1;
    return left->number < right->number ? -1 : left->number > right->number;
}

static void drop_candidates(struct tasks_document *document, size_t from) {
    for (size_t i = from; i < document->count; i++) {
        free(document->candidates[i].framework_id);
        free(document->candidates[i].task_id);
    }
    document->count = from < document->count ? from : document->count;
}

/* Put them in order and forget what comes after the page. */
static void sort_candidates(struct tasks_document *document) {
    if (document->count == 0)
        return;
    qsort(document->candidates, document->count, sizeof(*document->candidates),
          document->is_ascending ? compare_ascending : compare_descending);
    if (document->count - document->offset > document->limit && document->count > document->offset)
        drop_candidates(document, document->offset + document->limit);
}

/* The candidates up to the end of the page are kept in order, beyond them is room for as many new ones. */
static void add_candidate(struct tasks_document *document, const struct task *task) {
    size_t page_end = document->offset + document->limit;

    if (document->count == document->capacity) {
        if (document->count >= 1024 && document->count / 2 >= page_end)
            sort_candidates(document);
        if (document->count == document->capacity) {
            document->capacity = document->capacity == 0 ? 1024 : document->capacity * 2;
            document->candidates = xrealloc(document->candidates, document->capacity * sizeof(*document->candidates));
        }
    }
    document->candidates[document->count++] = (struct candidate){
        .timestamp = task_first_timestamp(task),
        .has_status = task->statuses.count > 0,
        .number = document->visited++,
        .framework_id = xstrdup(task->framework->id),
        .task_id = xstrdup(task->id),
        .history_number = task->history_number,
        .list = document->list,
    };
}

/* The visit */

static bool is_asked_for(const char *only, const char *id) {
    return only == NULL || strcmp(only, id) == 0;
}

static void begin_list(struct tasks_document *document, struct framework *framework, enum task_list list) {
    task_walk_done(&document->tasks);
    document->list = list;
    task_walk_init(&document->tasks, framework, list);
}

static void begin_next_framework(struct tasks_document *document) {
    struct framework *framework = table_cursor_next(&document->cursor);

    if (framework != NULL) {
        if (!is_asked_for(document->only_framework, framework->id))
            return;
        document->framework_id = xstrdup(framework->id);
        begin_list(document, framework, TASKS_ACTIVE);
        return;
    }
    table_cursor_done(&document->cursor);
    if (!document->is_among_completed) {
        document->is_among_completed = true;
        table_cursor_init(&document->cursor, &document->master->completed_frameworks);
        return;
    }
    sort_candidates(document);
    document->position = document->offset;
    document->is_writing = true;
    json_begin_object(&document->document.json);
    json_key(&document->document.json, "tasks");
    json_begin_array(&document->document.json);
}

static void visit_next(struct tasks_document *document) {
    struct framework *framework;
    const struct task *task;

    if (document->framework_id == NULL) {
        begin_next_framework(document);
        return;
    }
    task = task_walk_next(&document->tasks);
    if (task != NULL) {
        if (is_asked_for(document->only_task, task->id))
            add_candidate(document, task);
        return;
    }
    framework = document->list == TASKS_COMPLETED ? NULL : framework_find_any(document->master, document->framework_id);
    if (framework != NULL) {
        begin_list(document, framework, document->list + 1);
        return;
    }
    free(document->framework_id);
    document->framework_id = NULL;
}

/* The page */

/* A task of the history, by its number; walking there counts as work. */
static const struct task *find_completed(struct tasks_document *document, const struct framework *framework,
                                         uint64_t number) {
    const struct task *task;

    list_for_each (&framework->completed_tasks, task, in_history) {
        if (task->history_number >= number)
            return task->history_number == number ? task : NULL;
        document->document.steps++;
    }
    return NULL;
}

static const struct task *find_task(struct tasks_document *document, const struct candidate *candidate) {
    const struct framework *framework = framework_find_any(document->master, candidate->framework_id);
    const struct task *task = NULL;

    if (framework == NULL)
        return NULL;
    if (candidate->list == TASKS_COMPLETED)
        return find_completed(document, framework, candidate->history_number);
    /* It may have moved between these two. */
    task = table_find(&framework->tasks, candidate->task_id);
    return task != NULL ? task : table_find(&framework->unreachable_tasks, candidate->task_id);
}

/* Returns whether there was one. */
static bool write_next(struct tasks_document *document) {
    const struct task *task;

    if (document->position >= document->count) {
        json_end_array(&document->document.json);
        json_end_object(&document->document.json);
        return false;
    }
    task = find_task(document, &document->candidates[document->position++]);
    if (task != NULL)
        model_write_task(&document->document.json, task);
    return true;
}

static bool write_tasks(struct document *base) {
    struct tasks_document *document = container_of(base, struct tasks_document, document);

    for (;;) {
        if (!document->is_writing)
            visit_next(document);
        else if (!write_next(document))
            return true;
        if (document_is_full(base)) {
            task_walk_pause(&document->tasks);
            return false;
        }
    }
}

static void free_tasks(struct document *base) {
    struct tasks_document *document = container_of(base, struct tasks_document, document);

    table_cursor_done(&document->cursor);
    task_walk_done(&document->tasks);
    drop_candidates(document, 0);
    free(document->candidates);
    free(document->framework_id);
    free(document);
}

static const struct document_ops tasks_ops = {.write = write_tasks, .free = free_tasks};

/* What is not a number counts as if it was not there, as in Mesos; so do negative ones. */
static size_t read_number(struct http_exchange *exchange, const char *name, size_t fallback) {
    const char *text = http_request_query(exchange, name);
    int64_t number;

    return text != NULL && integer_parse(text, 0, INT32_MAX, &number, NULL) == 0 ? (size_t)number : fallback;
}

void get_tasks(struct http_exchange *exchange, void *user) {
    struct endpoints *endpoints = user;
    struct tasks_document *document = new0(struct tasks_document);
    const char *order = http_request_query(exchange, "order");

    document->master = endpoints->master;
    document->is_ascending = order != NULL && strcmp(order, "asc") == 0;
    document->limit = read_number(exchange, "limit", DEFAULT_LIMIT);
    document->offset = read_number(exchange, "offset", 0);
    document->only_framework = http_request_query(exchange, "framework_id");
    document->only_task = http_request_query(exchange, "task_id");
    table_cursor_init(&document->cursor, &endpoints->master->frameworks);
    document_start_json(&document->document, &tasks_ops, &endpoints->documents, exchange);
}
