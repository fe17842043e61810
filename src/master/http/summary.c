/* SPDX-License-Identifier: Apache-2.0 */
/* /state-summary: agents and frameworks with the number of their tasks in each state. All tasks of the frameworks that
 * are there are counted first, those in their histories too, and then it is written. */
#include <string.h>

#include "master/agent.h"
#include "master/framework.h"
#include "master/http/endpoints.h"
#include "master/http/model.h"
#include "master/http/walk.h"

/* The counts of an agent or a framework, and what it has tasks with: for an agent the ids of frameworks, for a
 * framework those of agents. */
struct count {
    char *id;
    size_t states[TASK_STATES];
    const char **others; /* ids of other counts */
    size_t other_count;
};

struct summary_document {
    struct document document;
    struct master *master;
    struct table agents, frameworks; /* of struct count, by id */
    struct table_cursor cursor;
    struct count *framework; /* that is being counted, or NULL */
    enum task_list list;
    struct task_walk tasks;
    enum { COUNTING, WRITING_AGENTS, WRITING_FRAMEWORKS } stage;
};

/* Counting */

static struct count *count_of(struct table *table, const char *id) {
    struct count *count = table_find(table, id);

    if (count != NULL)
        return count;
    count = new0(struct count);
    count->id = xstrdup(id);
    table_add(table, count->id, count);
    return count;
}

static void add_other(struct count *count, const char *id) {
    /* Grown by doubling: a power of two is full. */
    if ((count->other_count & (count->other_count - 1)) == 0)
        count->others = xrealloc(count->others,
                                 (count->other_count == 0 ? 1 : 2 * count->other_count) * sizeof(*count->others));
    count->others[count->other_count++] = id;
}

static void count_task(struct summary_document *document, const struct task *task) {
    struct count *framework = document->framework;
    struct count *agent = count_of(&document->agents, task->agent_id);

    framework->states[task_state(task)]++;
    agent->states[task_state(task)]++;
    /* Frameworks are counted one after the other, so that one which is known of already is the last. */
    if (agent->other_count > 0 && agent->others[agent->other_count - 1] == framework->id)
        return;
    add_other(agent, framework->id);
    add_other(framework, agent->id);
}

/* Go on with the next list of tasks of the framework that is being counted. */
static void begin_list(struct summary_document *document, struct framework *framework, enum task_list list) {
    task_walk_done(&document->tasks);
    document->list = list;
    task_walk_init(&document->tasks, framework, list);
}

static void count_next(struct summary_document *document) {
    struct framework *framework;
    const struct task *task;

    if (document->framework == NULL) {
        framework = table_cursor_next(&document->cursor);
        if (framework == NULL) {
            table_cursor_done(&document->cursor);
            document->stage = WRITING_AGENTS;
            table_cursor_init(&document->cursor, &document->master->agents);
            return;
        }
        document->framework = count_of(&document->frameworks, framework->id);
        begin_list(document, framework, TASKS_ACTIVE);
        return;
    }
    task = task_walk_next(&document->tasks);
    if (task != NULL) {
        count_task(document, task);
        return;
    }
    framework = document->list == TASKS_COMPLETED ? NULL
                                                  : framework_find_any(document->master, document->framework->id);
    if (framework == NULL)
        document->framework = NULL;
    else
        begin_list(document, framework, document->list + 1);
}

/* Writing */

static void write_count(struct json_writer *json, const struct table *table, const char *id, const char *others_name) {
    static const enum task_state shown[] = {TASK_STAGING, TASK_STARTING, TASK_RUNNING, TASK_KILLING, TASK_FINISHED,
                                            TASK_KILLED,  TASK_FAILED,   TASK_LOST,    TASK_ERROR,   TASK_UNREACHABLE};
    const struct count *count = table_find(table, id);

    for (size_t i = 0; i < ARRAY_SIZE(shown); i++)
        json_member_integer(json, task_state_name(shown[i]), count == NULL ? 0 : (int64_t)count->states[shown[i]]);
    json_key(json, others_name);
    json_begin_array(json);
    for (size_t i = 0; count != NULL && i < count->other_count; i++)
        json_string(json, count->others[i]);
    json_end_array(json);
}

static void write_head(struct summary_document *document) {
    struct json_writer *json = &document->document.json;

    json_begin_object(json);
    json_member_string(json, "hostname", document->master->info->hostname);
    json_member_string(json, "cluster", document->master->flags->cluster);
    json_key(json, "slaves");
    json_begin_array(json);
}

static void write_next_agent(struct summary_document *document) {
    struct json_writer *json = &document->document.json;
    const struct agent *agent = table_cursor_next(&document->cursor);

    if (agent == NULL) {
        table_cursor_done(&document->cursor);
        document->stage = WRITING_FRAMEWORKS;
        table_cursor_init(&document->cursor, &document->master->frameworks);
        json_end_array(json);
        json_key(json, "frameworks");
        json_begin_array(json);
        return;
    }
    json_begin_object(json);
    model_write_agent_members(json, agent);
    write_count(json, &document->agents, agent->id, "framework_ids");
    json_end_object(json);
}

/* Returns whether there was one. */
static bool write_next_framework(struct summary_document *document) {
    struct json_writer *json = &document->document.json;
    const struct framework *framework = table_cursor_next(&document->cursor);

    if (framework == NULL) {
        json_end_array(json);
        json_end_object(json);
        return false;
    }
    json_begin_object(json);
    model_write_framework_summary(json, framework);
    write_count(json, &document->frameworks, framework->id, "slave_ids");
    json_end_object(json);
    return true;
}

/* Whether there is more to write. */
static bool write_next(struct summary_document *document) {
    switch (document->stage) {
    case COUNTING:
        count_next(document);
        if (document->stage == WRITING_AGENTS)
            write_head(document);
        return true;
    case WRITING_AGENTS:
        write_next_agent(document);
        return true;
    case WRITING_FRAMEWORKS:
        break;
    }
    return write_next_framework(document);
}

static bool write_summary(struct document *base) {
    struct summary_document *document = container_of(base, struct summary_document, document);

    while (write_next(document)) {
        if (document_is_full(base)) {
            task_walk_pause(&document->tasks);
            return false;
        }
    }
    return true;
}

static void free_counts(struct table *table) {
    struct count *count;

    table_for_each (table, count) {
        free(count->others);
        free(count->id);
        free(count);
    }
    table_done(table);
}

static void free_summary(struct document *base) {
    struct summary_document *document = container_of(base, struct summary_document, document);

    table_cursor_done(&document->cursor);
    task_walk_done(&document->tasks);
    free_counts(&document->agents);
    free_counts(&document->frameworks);
    free(document);
}

static const struct document_ops summary_ops = {.write = write_summary, .free = free_summary};

void get_state_summary(struct http_exchange *exchange, void *user) {
    struct endpoints *endpoints = user;
    struct summary_document *document = new0(struct summary_document);

    document->master = endpoints->master;
    table_cursor_init(&document->cursor, &endpoints->master->frameworks);
    document_start_json(&document->document, &summary_ops, &endpoints->documents, exchange);
}
