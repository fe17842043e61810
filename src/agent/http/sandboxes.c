/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/http/sandboxes.h"

#include <string.h>

#include "agent/executor.h"
#include "agent/framework.h"
#include "agent/http/agent_api.h"
#include "agent/paths.h"
#include "base/log.h"
#include "base/text.h"
#include "model/file_info.h"

/* Take a component from the front of *@path. It is a name: neither empty nor "." or "..". */
static char *take_name(const char **path, struct arena *arena) {
    size_t size = strcspn(*path, "/");
    char *name = arena_strndup(arena, *path, size);

    *path += size;
    *path += strspn(*path, "/");
    return size == 0 || strcmp(name, ".") == 0 || strcmp(name, "..") == 0 ? NULL : name;
}

static bool take_word(const char **path, const char *word, struct arena *arena) {
    const char *name = take_name(path, arena);

    return name != NULL && strcmp(name, word) == 0;
}

/* "frameworks/<framework>/executors/<executor>/runs/<run>", and what follows. */
static bool take_run(struct agent *agent, const char **path, bool only_latest, char **ret_root) {
    cleanup_(arena_done) struct arena arena = ARENA_INIT;
    const char *framework, *executor, *run;

    if (!take_word(path, "frameworks", &arena) || (framework = take_name(path, &arena)) == NULL ||
        !take_word(path, "executors", &arena) || (executor = take_name(path, &arena)) == NULL ||
        !take_word(path, "runs", &arena) || (run = take_name(path, &arena)) == NULL)
        return false;
    if (only_latest && strcmp(run, "latest") != 0)
        return false;
    *ret_root = agent_path_run(agent->work_dir, agent_own_id(agent), framework, executor, run);
    return true;
}

static bool find_sandbox(void *user, const char *path, char **ret_root, const char **ret_rest) {
    struct agent *agent = user;
    cleanup_free char *own = NULL;
    bool is_found;

    if (agent->info->id == NULL)
        return false;
    own = agent_path_agent(agent->work_dir, agent_own_id(agent));
    if (text_starts_with(path, own) && path[strlen(own)] == '/') {
        path += strlen(own) + 1;
        is_found = take_run(agent, &path, false, ret_root);
    } else {
        path += strspn(path, "/");
        is_found = take_run(agent, &path, true, ret_root);
    }
    *ret_rest = path;
    return is_found;
}

static void add_executor(const struct agent_executor *executor, bool has_links,
                         void (*add)(void *, const char *, const char *), void *to) {
    const struct agent *agent = executor->framework->agent;
    cleanup_free char *latest = agent_path_latest_run(agent->work_dir, agent_own_id(agent), executor->framework->id,
                                                      executor->id);
    cleanup_free char *shown = xasprintf("/frameworks/%s/executors/%s/runs/latest", executor->framework->id,
                                         executor->id);

    if (!env_file_exists(agent->env, executor->directory))
        return;
    add(to, executor->directory, executor->directory);
    if (has_links) {
        add(to, latest, executor->directory);
        add(to, shown, executor->directory);
    }
}

/* Of several runs of an executor, the last one to complete, unless another one lives. */
static bool is_latest(const struct agent_framework *framework, const struct agent_executor *completed) {
    const struct agent_executor *executor, *latest = table_find(&framework->executors, completed->id);

    if (latest != NULL)
        return false;
    list_for_each (&framework->completed_executors, executor, in_completed) {
        if (strcmp(executor->id, completed->id) == 0)
            latest = executor;
    }
    return latest == completed;
}

static void add_framework(const struct agent_framework *framework, void (*add)(void *, const char *, const char *),
                          void *to) {
    const struct agent_executor *executor;

    table_for_each (&framework->executors, executor)
        add_executor(executor, true, add, to);
    list_for_each (&framework->completed_executors, executor, in_completed)
        add_executor(executor, is_latest(framework, executor), add, to);
}

static void each_sandbox(void *user, void (*add)(void *to, const char *shown, const char *root), void *to) {
    const struct agent *agent = user;
    const struct agent_framework *framework;

    table_for_each (&agent->frameworks, framework)
        add_framework(framework, add, to);
    table_for_each (&agent->completed_frameworks, framework)
        add_framework(framework, add, to);
}

const struct files_ops sandbox_files_ops = {.find = find_sandbox, .each = each_sandbox};

/* [Http::listFiles] */

static void add_info(void *user, const char *path, const struct env_file_status *status) {
    file_infos_add(user, path, status);
}

void api_list_files(struct api_request *request) {
    Mesos__V1__Agent__Response response = API_RESPONSE(LIST_FILES);
    Mesos__V1__Agent__Response__ListFiles list_files = MESOS__V1__AGENT__RESPONSE__LIST_FILES__INIT;
    struct file_infos list = {.arena = request->arena};
    cleanup_error struct error err = ERROR_INIT;
    const char *path = request->call->list_files->path;
    unsigned status;

    log_info("Processing LIST_FILES call for path '%s'", path);
    status = files_browse(&request->agent->files, path, add_info, &list, &err);
    if (status != 0) {
        http_respond_text(request->exchange, status, "%s", error_message(&err));
        return;
    }
    list_files.file_infos = list.infos;
    list_files.n_file_infos = list.count;
    response.list_files = &list_files;
    api_respond(request->exchange, &response);
}

/* [Http::readFile] */
void api_read_file(struct api_request *request) {
    Mesos__V1__Agent__Response response = API_RESPONSE(READ_FILE);
    Mesos__V1__Agent__Response__ReadFile read_file = MESOS__V1__AGENT__RESPONSE__READ_FILE__INIT;
    const Mesos__V1__Agent__Call__ReadFile *call = request->call->read_file;
    cleanup_buffer struct buffer data = BUFFER_INIT;
    cleanup_error struct error err = ERROR_INIT;
    unsigned status;

    log_info("Processing READ_FILE call for path '%s'", call->path);
    status = files_read(&request->agent->files, call->path, files_offset(call->offset),
                        call->has_length ? files_offset(call->length) : -1, &data, &read_file.size, &err);
    if (status != 0) {
        http_respond_text(request->exchange, status, "%s", error_message(&err));
        return;
    }
    read_file.data = (ProtobufCBinaryData){data.size, (uint8_t *)data.data};
    response.read_file = &read_file;
    api_respond(request->exchange, &response);
}
