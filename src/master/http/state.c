/* SPDX-License-Identifier: Apache-2.0 */
/* /state, and its parts /slaves and /frameworks. Each is a list of stages that are run one after the other, as often as
 * it takes, in slices. */
#include <string.h>

#include "base/version.h"
#include "master/agent.h"
#include "master/framework.h"
#include "master/http/endpoints.h"
#include "master/http/model.h"
#include "master/http/walk.h"
#include "message/json.h"

struct state_document;

/* Do some of the stage's work; true when that is all. */
typedef bool stage(struct state_document *document);

struct state_document {
    struct document document;
    struct master *master;
    stage *const *stages;       /* ends with NULL */
    const char *only_id;        /* of an agent or framework that alone is asked for, or NULL */
    bool is_full;               /* agents with their resources in full */
    struct table_cursor cursor; /* agents or frameworks */

    /* The framework that is being written. */
    char *framework_id;
    struct framework *framework; /* NULL if there is none, or if it is gone */
    size_t part;                 /* index in framework_parts */
    struct task_walk tasks;
    struct id_walk ids;
};

static struct json_writer *json_of(struct state_document *document) {
    return &document->document.json;
}

static void begin_list(struct state_document *document, const char *name) {
    json_key(json_of(document), name);
    json_begin_array(json_of(document));
}

static void write_empty_list(struct state_document *document, const char *name) {
    begin_list(document, name);
    json_end_array(json_of(document));
}

static bool is_asked_for(const struct state_document *document, const char *id) {
    return document->only_id == NULL || strcmp(document->only_id, id) == 0;
}

/* The master itself */

static void write_capabilities(struct json_writer *json, const Mesos__V1__MasterInfo *info) {
    json_key(json, "capabilities");
    json_begin_array(json);
    for (size_t i = 0; i < info->n_capabilities; i++)
        json_string(json, message_value_name(&mesos__v1__master_info__capability__type__descriptor,
                                             (int)info->capabilities[i]->type, MESSAGE_V0));
    json_end_array(json);
}

static void write_agent_counts(struct json_writer *json, const struct master *master) {
    const struct agent *agent;
    size_t active = 0;

    table_for_each (&master->agents, agent)
        active += agent_is_active(agent);
    json_member_double(json, "activated_slaves", (double)active);
    json_member_double(json, "deactivated_slaves", (double)(master->agents.count - active));
    json_member_double(json, "unreachable_slaves", (double)master->unreachable_agents.count);
}

static bool write_master(struct state_document *document) {
    struct json_writer *json = json_of(document);
    const struct master *master = document->master;
    const Mesos__V1__MasterInfo *info = master->info;

    version_write_members(json);
    json_member_double(json, "start_time", model_seconds(master->start_ns));
    json_member_double(json, "elected_time", model_seconds(master->leadership.elected_ns));
    json_member_string(json, "id", info->id);
    json_member_string(json, "pid", info->pid);
    json_member_string(json, "hostname", info->hostname);
    write_capabilities(json, info);
    write_agent_counts(json, master);
    if (info->domain != NULL) {
        json_key(json, "domain");
        model_write_domain(json, info->domain);
    }
    json_member_string(json, "leader", info->pid);
    json_key(json, "leader_info");
    model_write_master_info(json, info);
    json_member_string(json, "cluster", master->flags->cluster);
    json_member_string(json, "log_dir", master->flags->log_dir);
    json_key(json, "flags");
    flags_write_json(&master_flag_table, master->flags, json);
    return true;
}

/* Agents */

static bool begin_agents(struct state_document *document) {
    begin_list(document, "slaves");
    table_cursor_init(&document->cursor, &document->master->agents);
    return true;
}

static bool write_agents(struct state_document *document) {
    struct json_writer *json = json_of(document);
    const struct agent *agent = table_cursor_next(&document->cursor);

    if (agent == NULL) {
        json_end_array(json);
        table_cursor_done(&document->cursor);
        return true;
    }
    if (!is_asked_for(document, agent->id))
        return false;
    json_begin_object(json);
    model_write_agent_members(json, agent);
    if (document->is_full)
        model_write_agent_full_resources(json, agent);
    json_end_object(json);
    return false;
}

/* Agents that a durable registry knew of and that have not come back yet: there is no such registry. */
static bool write_recovered_agents(struct state_document *document) {
    write_empty_list(document, "recovered_slaves");
    return true;
}

/* One framework: a part says whether it is finished, and must be able to finish without the framework. */

static bool write_framework_head(struct state_document *document) {
    json_begin_object(json_of(document));
    model_write_framework_summary(json_of(document), document->framework);
    model_write_framework_details(json_of(document), document->framework);
    return true;
}

static bool begin_tasks(struct state_document *document, const char *name, enum task_list list) {
    begin_list(document, name);
    if (document->framework != NULL)
        task_walk_init(&document->tasks, document->framework, list);
    return true;
}

static bool begin_active_tasks(struct state_document *document) {
    return begin_tasks(document, "tasks", TASKS_ACTIVE);
}

static bool begin_unreachable_tasks(struct state_document *document) {
    return begin_tasks(document, "unreachable_tasks", TASKS_UNREACHABLE);
}

static bool begin_completed_tasks(struct state_document *document) {
    return begin_tasks(document, "completed_tasks", TASKS_COMPLETED);
}

static bool write_tasks(struct state_document *document) {
    const struct task *task = document->tasks.master == NULL ? NULL : task_walk_next(&document->tasks);

    if (task == NULL) {
        json_end_array(json_of(document));
        task_walk_done(&document->tasks);
        return true;
    }
    model_write_task(json_of(document), task);
    return false;
}

static bool begin_offers(struct state_document *document) {
    begin_list(document, "offers");
    if (document->framework != NULL)
        id_walk_add_offers(&document->ids, document->framework);
    return true;
}

static bool write_offers(struct state_document *document) {
    const struct offer *offer = id_walk_next_offer(&document->ids, document->master);

    if (offer == NULL) {
        json_end_array(json_of(document));
        id_walk_done(&document->ids);
        return true;
    }
    model_write_offer(json_of(document), offer);
    return false;
}

static bool begin_executors(struct state_document *document) {
    begin_list(document, "executors");
    if (document->framework != NULL)
        id_walk_add_executors(&document->ids, document->framework);
    return true;
}

static bool write_executors(struct state_document *document) {
    const struct executor *executor = id_walk_next_executor(&document->ids, document->master);

    if (executor == NULL) {
        json_end_array(json_of(document));
        id_walk_done(&document->ids);
        return true;
    }
    model_write_executor(json_of(document), executor);
    return false;
}

static bool write_framework_tail(struct state_document *document) {
    struct json_writer *json = json_of(document);
    const struct framework *framework = document->framework;

    if (framework != NULL && framework->info->labels != NULL) {
        json_key(json, "labels");
        model_write_labels(json, framework->info->labels);
    }
    json_key(json, "offer_constraints");
    if (framework != NULL && framework->offer_constraints != NULL) {
        MESSAGE_WRITE_JSON(framework->offer_constraints, MESSAGE_V0, json);
    } else {
        json_begin_object(json);
        json_end_object(json);
    }
    json_end_object(json);
    free(document->framework_id);
    document->framework_id = NULL;
    document->framework = NULL;
    return true;
}

static stage *const framework_parts[] = {
    write_framework_head, begin_active_tasks,    write_tasks,     begin_unreachable_tasks,
    write_tasks,          begin_completed_tasks, write_tasks,     begin_offers,
    write_offers,         begin_executors,       write_executors, write_framework_tail,
};

/* Frameworks */

static bool begin_frameworks(struct state_document *document) {
    begin_list(document, "frameworks");
    table_cursor_init(&document->cursor, &document->master->frameworks);
    return true;
}

static bool begin_completed_frameworks(struct state_document *document) {
    begin_list(document, "completed_frameworks");
    table_cursor_init(&document->cursor, &document->master->completed_frameworks);
    return true;
}

static bool write_frameworks(struct state_document *document) {
    struct framework *next;

    if (document->framework_id == NULL) {
        next = table_cursor_next(&document->cursor);
        if (next == NULL) {
            json_end_array(json_of(document));
            table_cursor_done(&document->cursor);
            return true;
        }
        if (!is_asked_for(document, next->id))
            return false;
        document->framework_id = xstrdup(next->id);
        document->framework = next;
        document->part = 0;
    }
    if (framework_parts[document->part](document))
        document->part++;
    return false;
}

/* What Mesos once had, and still shows. */

static bool write_no_orphan_tasks(struct state_document *document) {
    write_empty_list(document, "orphan_tasks");
    return true;
}

static bool write_no_unregistered_frameworks(struct state_document *document) {
    write_empty_list(document, "unregistered_frameworks");
    return true;
}

static stage *const state_stages[] = {write_master,
                                      begin_agents,
                                      write_agents,
                                      write_recovered_agents,
                                      begin_frameworks,
                                      write_frameworks,
                                      begin_completed_frameworks,
                                      write_frameworks,
                                      write_no_orphan_tasks,
                                      write_no_unregistered_frameworks,
                                      NULL};
static stage *const agents_stages[] = {begin_agents, write_agents, write_recovered_agents, NULL};
static stage *const frameworks_stages[] = {begin_frameworks,
                                           write_frameworks,
                                           begin_completed_frameworks,
                                           write_frameworks,
                                           write_no_unregistered_frameworks,
                                           NULL};

/* The document */

static void pause_slice(struct state_document *document) {
    document->framework = NULL;
    task_walk_pause(&document->tasks);
}

static void resume(struct state_document *document) {
    if (document->framework_id != NULL)
        document->framework = framework_find_any(document->master, document->framework_id);
}

static bool write_state(struct document *base) {
    struct state_document *document = container_of(base, struct state_document, document);

    if (!base->is_begun)
        json_begin_object(&base->json);
    resume(document);
    while (*document->stages != NULL) {
        if ((*document->stages)(document))
            document->stages++;
        else if (document_is_full(base)) {
            pause_slice(document);
            return false;
        }
    }
    json_end_object(&base->json);
    return true;
}

static void free_state(struct document *base) {
    struct state_document *document = container_of(base, struct state_document, document);

    table_cursor_done(&document->cursor);
    task_walk_done(&document->tasks);
    id_walk_done(&document->ids);
    free(document->framework_id);
    free(document);
}

static const struct document_ops state_ops = {.write = write_state, .free = free_state};

static void start(struct endpoints *endpoints, struct http_exchange *exchange, stage *const *stages,
                  const char *only_id) {
    struct state_document *document = new0(struct state_document);

    document->master = endpoints->master;
    document->stages = stages;
    document->only_id = only_id;
    document->is_full = stages == agents_stages;
    document_start_json(&document->document, &state_ops, &endpoints->documents, exchange);
}

void get_state(struct http_exchange *exchange, void *user) {
    start(user, exchange, state_stages, NULL);
}

void get_frameworks(struct http_exchange *exchange, void *user) {
    start(user, exchange, frameworks_stages, http_request_query(exchange, "framework_id"));
}

void get_agents(struct http_exchange *exchange, void *user) {
    start(user, exchange, agents_stages, http_request_query(exchange, "slave_id"));
}
